//! Users and chains.

use super::decode::{Columns, each, first};
use super::{ChainEnd, Checkpoint, Entry, Moment, Note, Outcome, Sql, StoreError, TwoPersons, User, Value, one, places, rules};
use crate::line::audit::SITE;
use crate::line::users::Role;

pub(super) fn put_user(sql: &mut dyn Sql, user: &User, persons: Option<&TwoPersons>, note: &Note) -> Outcome<()> {
    let site = lock_site(sql)?;
    rules::put_user(user, &users(sql)?, persons, note)?;
    let roles = user.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" ");
    let put = "INSERT INTO account (name, roles, hash, active, failures, failed) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE \
               SET roles = excluded.roles, hash = excluded.hash, active = excluded.active, failures = excluded.failures, \
               failed = excluded.failed";
    let values = [(&user.name).into(), (&roles).into(), (&user.hash).into(), user.active.into(), user.failures.into(), user.failed.into()];
    one(sql, put, &values)?;
    append(sql, &site, note, persons)
}

pub(super) fn users(sql: &mut dyn Sql) -> Outcome<Vec<User>> {
    let rows = sql.query("SELECT name, roles, hash, active, failures, failed FROM account", &[])?;
    let mut users = each("account", rows, |columns| {
        let (name, roles) = (columns.text()?, columns.text()?);
        let roles: Option<_> = roles.split_whitespace().map(Role::from_name).collect();
        let Some(roles) = roles else {
            let place = format!("table account, user {name}");
            return Err(StoreError::Damaged { store: String::new(), place, detail: "there is no such role".to_owned() }.into());
        };
        let (hash, active) = (columns.text()?, columns.truth()?);
        Ok(User { name, roles, hash, active, failures: columns.number()?, failed: columns.integer()? })
    })?;
    users.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(users)
}

pub(super) fn count_log_in(sql: &mut dyn Sql, name: &str, success: bool, time: Moment) -> Outcome<()> {
    if success {
        sql.execute("UPDATE account SET failures = 0 WHERE name = $1", &[name.into()])?;
    } else {
        sql.execute("UPDATE account SET failures = failures + 1, failed = $2 WHERE name = $1", &[name.into(), time.into()])?;
    }
    Ok(())
}

/// The end of a chain, locked; none if there is no such chain.
fn lock(sql: &mut dyn Sql, chain: &str) -> Outcome<Option<ChainEnd>> {
    let rows = sql.query("SELECT name, sequence, hash FROM chain WHERE name = $1 FOR UPDATE", &[chain.into()])?;
    first("chain", rows, end)
}

fn end(columns: &mut Columns) -> Outcome<ChainEnd> {
    Ok(ChainEnd { chain: columns.text()?, sequence: columns.integer()?, hash: columns.array()? })
}

/// The end of the site's chain, locked: whatever else is to be noted waits until this transaction is over.
pub(super) fn lock_site(sql: &mut dyn Sql) -> Outcome<ChainEnd> {
    lock(sql, SITE)?.ok_or_else(|| {
        let place = "table chain".to_owned();
        StoreError::Damaged { store: String::new(), place, detail: "the chain of the site is missing".to_owned() }.into()
    })
}

/// Appends to the chain of the site.
pub(super) fn append(sql: &mut dyn Sql, site: &ChainEnd, note: &Note, persons: Option<&TwoPersons>) -> Outcome<()> {
    write(sql, &rules::entry(site, note, persons))
}

/// Writes an entry that follows the end of its chain.
fn write(sql: &mut dyn Sql, entry: &Entry) -> Outcome<()> {
    let texts = |texts: &[String]| Value::Text(serde_json::Value::from(texts).to_string());
    let insert =
        format!("INSERT INTO entry (chain, sequence, time, actors, event, subjects, detail, previous, hash) VALUES ({})", places(1, 9));
    let values = [
        (&entry.chain).into(),
        entry.sequence.into(),
        entry.note.time.into(),
        texts(&entry.note.actors),
        (&entry.note.event).into(),
        texts(&entry.note.subjects),
        (&entry.note.detail).into(),
        entry.previous.into(),
        entry.hash.into(),
    ];
    one(sql, &insert, &values)?;
    let change = "UPDATE chain SET sequence = $1, hash = $2 WHERE name = $3";
    one(sql, change, &[entry.sequence.into(), entry.hash.into(), (&entry.chain).into()])
}

const ENTRY: &str = "SELECT chain, sequence, time, actors, event, subjects, detail, previous, hash FROM entry";

fn decode(columns: &mut Columns) -> Outcome<Entry> {
    let (chain, sequence) = (columns.text()?, columns.integer()?);
    let note = Note {
        time: columns.integer()?,
        actors: columns.texts()?,
        event: columns.text()?,
        subjects: columns.texts()?,
        detail: columns.text()?,
    };
    Ok(Entry { chain, sequence, note, previous: columns.array()?, hash: columns.array()? })
}

pub(super) fn ship(sql: &mut dyn Sql, entries: &[Entry]) -> Outcome<()> {
    let mut at: Option<ChainEnd> = None;
    for entry in entries {
        let end = match at.take().filter(|end| end.chain == entry.chain) {
            Some(end) => end,
            None => {
                let add = "INSERT INTO chain (name, sequence, hash) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING";
                sql.execute(add, &[(&entry.chain).into(), [0; 32].into()])?;
                lock(sql, &entry.chain)?.unwrap_or_else(|| ChainEnd::empty(&entry.chain))
            }
        };
        let known = if entry.sequence <= end.sequence {
            let statement = format!("{ENTRY} WHERE chain = $1 AND sequence = $2");
            first("entry", sql.query(&statement, &[(&entry.chain).into(), entry.sequence.into()])?, decode)?
        } else {
            None
        };
        at = if rules::ship(entry, &end, known.as_ref())? {
            write(sql, entry)?;
            Some(entry.end())
        } else {
            Some(end)
        };
    }
    Ok(())
}

pub(super) fn chains(sql: &mut dyn Sql) -> Outcome<Vec<ChainEnd>> {
    let rows = sql.query("SELECT name, sequence, hash FROM chain WHERE sequence > 0", &[])?;
    let mut chains = each("chain", rows, end)?;
    chains.sort_by(|one, other| one.chain.cmp(&other.chain));
    Ok(chains)
}

pub(super) fn entries(sql: &mut dyn Sql, chain: &str, after: i64, limit: u32) -> Outcome<Vec<Entry>> {
    let statement = format!("{ENTRY} WHERE chain = $1 AND sequence > $2 ORDER BY sequence LIMIT $3");
    each("entry", sql.query(&statement, &[chain.into(), after.into(), limit.into()])?, decode)
}

pub(super) fn add_checkpoint(sql: &mut dyn Sql, checkpoint: &Checkpoint) -> Outcome<()> {
    let Checkpoint { chain, sequence, hash, time, signature } = checkpoint;
    let insert = "INSERT INTO checkpoint (chain, sequence, hash, time, signature) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    let values = [chain.into(), (*sequence).into(), (*hash).into(), (*time).into(), signature.as_slice().into()];
    sql.execute(insert, &values)?;
    Ok(())
}

pub(super) fn checkpoints(sql: &mut dyn Sql, chain: &str) -> Outcome<Vec<Checkpoint>> {
    let statement = "SELECT chain, sequence, hash, time, signature FROM checkpoint WHERE chain = $1 ORDER BY sequence, signature, time";
    each("checkpoint", sql.query(statement, &[chain.into()])?, |columns| {
        Ok(Checkpoint {
            chain: columns.text()?,
            sequence: columns.integer()?,
            hash: columns.array()?,
            time: columns.integer()?,
            signature: columns.bytes()?,
        })
    })
}
