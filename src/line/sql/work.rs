//! The work of a station.

use super::decode::{Columns, JOB, bound_query, card_query, each, first};
use super::jobs::{self, state};
use super::{
    Attempt, Bind, Card, CardState, Claim, JobId, JobState, Moment, Outcome, Progress, Scrap, Serial, Sql, Value, one, places, rules,
};
use crate::line::state::BindingState;

/// Open incidents that stop a batch.
const STOPPED: &str = "SELECT what FROM incident WHERE released_first IS NULL AND (batch IS NULL OR batch = $1) ORDER BY id LIMIT 1";

pub(super) fn claim(sql: &mut dyn Sql, station: &str, count: u32, now: Moment, lease_until: Moment) -> Outcome<Vec<Claim>> {
    expire(sql, now)?;
    let running = "SELECT id, live FROM batch WHERE released_first IS NOT NULL AND closed_first IS NULL AND NOT EXISTS \
                   (SELECT 1 FROM incident WHERE incident.released_first IS NULL AND (incident.batch IS NULL OR incident.batch = batch.id)) \
                   ORDER BY id";
    let batches = each("batch", sql.query(running, &[])?, |columns| Ok((columns.integer()?, columns.truth()?)))?;
    let take = format!(
        "WITH c AS (SELECT id AS claimed FROM job WHERE state = 0 AND batch = $1 ORDER BY sequence LIMIT $2 FOR UPDATE SKIP LOCKED) \
         UPDATE job SET state = 10, epoch = epoch + 1, station = $3, lease_until = $4 FROM c WHERE id = claimed RETURNING {}",
        JOB.replace("job.", "")
    );
    let mut claims: Vec<Claim> = Vec::new();
    for (batch, live) in batches {
        let left = i64::from(count) - i64::try_from(claims.len()).unwrap_or(i64::MAX);
        if left <= 0 {
            break;
        }
        let rows = sql.query(&take, &[batch.into(), left.into(), station.into(), lease_until.into()])?;
        let mut jobs = each("job", rows, Columns::job)?;
        jobs.sort_by_key(|job| job.id);
        claims.extend(jobs.into_iter().map(|job| Claim { job, live }));
    }
    Ok(claims)
}

pub(super) fn unclaim(sql: &mut dyn Sql, job: JobId, epoch: i64) -> Outcome<()> {
    let change = "UPDATE job SET state = 0, lease_until = NULL WHERE id = $1 AND epoch = $2 AND state = 10";
    sql.execute(change, &[job.0.into(), epoch.into()])?;
    Ok(())
}

pub(super) fn expire(sql: &mut dyn Sql, now: Moment) -> Outcome<u64> {
    let change = "WITH c AS (SELECT id AS over FROM job WHERE state = 10 AND lease_until <= $1 FOR UPDATE SKIP LOCKED) \
                  UPDATE job SET state = 0, lease_until = NULL FROM c WHERE id = c.over";
    Ok(sql.execute(change, &[now.into()])?)
}

pub(super) fn card(sql: &mut dyn Sql, serial: &Serial) -> Outcome<Option<Card>> {
    first("card", sql.query(&card_query("WHERE card.serial = $1"), &[serial.as_bytes().into()])?, Columns::card)
}

/// A card, locked: whoever wants to move it, its bond, or its bound job waits. Read only after the lock is had.
pub(super) fn lock_card(sql: &mut dyn Sql, serial: &Serial) -> Outcome<Option<Card>> {
    sql.query("SELECT state FROM card WHERE serial = $1 FOR UPDATE", &[serial.as_bytes().into()])?;
    card(sql, serial)
}

pub(super) fn bind(sql: &mut dyn Sql, bind: &Bind) -> Outcome<()> {
    let card = lock_card(sql, &bind.serial)?;
    let job = jobs::lock(sql, bind.job)?;
    let stopped = match &job {
        Some(job) => first("incident", sql.query(STOPPED, &[job.batch.0.into()])?, Columns::text)?,
        None => None,
    };
    if !rules::bind(bind, job.as_ref(), card.as_ref(), stopped.as_deref())? {
        return Ok(());
    }
    let insert = format!(
        "INSERT INTO binding (serial, job, epoch, nonce, station, reader, time, state) VALUES ({}) ON CONFLICT (nonce) DO NOTHING",
        places(1, 8)
    );
    let serial = || Value::from(bind.serial.as_bytes());
    let values = [
        serial(),
        bind.job.0.into(),
        bind.epoch.into(),
        bind.nonce.into(),
        (&bind.station).into(),
        (&bind.reader).into(),
        bind.time.into(),
        i64::from(BindingState::Open.number()).into(),
    ];
    if sql.execute(&insert, &values)? == 0 {
        rules::nonce_used::<()>(bind)?;
    }
    let change = "UPDATE job SET state = $1, serial = $2, lease_until = NULL WHERE id = $3 AND state = 10 AND epoch = $4";
    one(sql, change, &[state(JobState::Bound), serial(), bind.job.0.into(), bind.epoch.into()])?;
    one(sql, "UPDATE card SET state = $1 WHERE serial = $2", &[card_state(CardState::Bound), serial()])
}

/// The number of a card's state as a parameter.
pub(super) fn card_state(state: CardState) -> Value {
    i64::from(state.number()).into()
}

/// Moves a bound card, its bond, and its job, if that is to move.
pub(super) fn set_bound(sql: &mut dyn Sql, known: &Card, job: Option<JobState>, card: CardState, binding: BindingState) -> Outcome<()> {
    let serial = || Value::from(known.serial.as_bytes());
    one(sql, "UPDATE card SET state = $1 WHERE serial = $2", &[card_state(card), serial()])?;
    let Some((_, old)) = &known.bound else { return Ok(()) };
    one(sql, "UPDATE binding SET state = $1 WHERE serial = $2", &[i64::from(binding.number()).into(), serial()])?;
    if let Some(new) = job {
        let change = "UPDATE job SET state = $1, lease_until = NULL WHERE id = $2 AND state = $3";
        one(sql, change, &[state(new), old.id.0.into(), state(old.state)])?;
    }
    Ok(())
}

pub(super) fn progress(sql: &mut dyn Sql, serial: &Serial, progress: Progress) -> Outcome<()> {
    let known = lock_card(sql, serial)?;
    let to = rules::progress(serial, known.as_ref(), progress)?;
    match known.zip(to) {
        Some((known, (job, card, binding))) => set_bound(sql, &known, Some(job), card, binding),
        None => Ok(()),
    }
}

pub(super) fn fail(sql: &mut dyn Sql, serial: &Serial, scrap: &Scrap) -> Outcome<()> {
    let known = lock_card(sql, serial)?;
    let new = rules::fail(serial, known.as_ref())?;
    let Some(known) = known.filter(|_| new) else { return Ok(()) };
    set_bound(sql, &known, Some(JobState::Held), CardState::ScrapPending, BindingState::ScrapPending)?;
    let insert = format!("INSERT INTO failure (serial, reason, step, sw, reader, time) VALUES ({})", places(1, 6));
    let sw = scrap.sw.map(i64::from);
    let values =
        [serial.as_bytes().into(), (&scrap.reason).into(), (&scrap.step).into(), sw.into(), (&scrap.reader).into(), scrap.time.into()];
    one(sql, &insert, &values)
}

pub(super) fn attempt(sql: &mut dyn Sql, attempt: &Attempt) -> Outcome<()> {
    let insert = format!(
        "INSERT INTO attempt (station, number, reader, job, serial, started, identify, write, inspect, activate, wait, apdus, bytes, \
         resumed, settled_by, outcome) VALUES ({}) ON CONFLICT DO NOTHING",
        places(1, 16)
    );
    let [identify, write, inspect, activate, wait] = attempt.milliseconds;
    let values = [
        (&attempt.station).into(),
        attempt.number.into(),
        (&attempt.reader).into(),
        attempt.job.0.into(),
        attempt.serial.as_bytes().into(),
        attempt.started.into(),
        identify.into(),
        write.into(),
        inspect.into(),
        activate.into(),
        wait.into(),
        attempt.apdus.into(),
        i64::try_from(attempt.bytes).unwrap_or(i64::MAX).into(),
        attempt.resumed.into(),
        attempt.settled_by.as_deref().into(),
        (&attempt.outcome).into(),
    ];
    sql.execute(&insert, &values)?;
    Ok(())
}

/// The last sequence of a window of jobs.
fn until(after: u32, limit: u32) -> i64 {
    i64::from(after) + i64::from(limit)
}

pub(super) fn attempts(sql: &mut dyn Sql, batch: super::BatchId, after: u32, limit: u32) -> Outcome<Vec<Attempt>> {
    let statement = "SELECT attempt.station, attempt.number, attempt.reader, attempt.job, attempt.serial, attempt.started, attempt.identify, \
                     attempt.write, attempt.inspect, attempt.activate, attempt.wait, attempt.apdus, attempt.bytes, attempt.resumed, \
                     attempt.settled_by, attempt.outcome FROM attempt JOIN job ON job.id = attempt.job \
                     WHERE job.batch = $1 AND job.sequence > $2 AND job.sequence <= $3";
    let rows = sql.query(statement, &[batch.0.into(), after.into(), until(after, limit).into()])?;
    let mut attempts = each("attempt", rows, |columns| {
        Ok(Attempt {
            station: columns.text()?,
            number: columns.integer()?,
            reader: columns.text()?,
            job: JobId(columns.integer()?),
            serial: columns.serial()?,
            started: columns.integer()?,
            milliseconds: [columns.number()?, columns.number()?, columns.number()?, columns.number()?, columns.number()?],
            apdus: columns.number()?,
            bytes: columns.number()?,
            resumed: columns.truth()?,
            settled_by: columns.maybe(Columns::text)?,
            outcome: columns.text()?,
        })
    })?;
    // texts are sorted here, since each database has an order of its own
    attempts.sort_by(Attempt::in_order);
    Ok(attempts)
}

pub(super) fn bound_cards(sql: &mut dyn Sql, batch: super::BatchId, after: u32, limit: u32) -> Outcome<Vec<Card>> {
    let query = bound_query("WHERE job.batch = $1 AND job.sequence > $2 AND job.sequence <= $3");
    let rows = sql.query(&query, &[batch.0.into(), after.into(), until(after, limit).into()])?;
    let mut cards = each("card", rows, Columns::card)?;
    cards.sort_by(Card::in_order);
    Ok(cards)
}
