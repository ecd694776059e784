//! Batches and jobs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::decode::{Columns, JOB, each, first};
use super::{
    Action, Batch, BatchId, CardState, Job, JobId, JobState, Jobs, NewBatch, Note, Outcome, Pseudonym, ROWS, Sql, TwoPersons, Value, log,
    one, places, rows, rules,
};
use crate::line::store::NewJob;

/// Columns of a batch, with its oldest open incident.
const BATCH: &str = "SELECT id, name, document_profile, card_profile, profile_digest, live, merkle_root, signature, jobs, stored, \
                     released_first, released_second, closed_first, closed_second, \
                     (SELECT incident.what FROM incident WHERE incident.batch = batch.id AND incident.released_first IS NULL \
                      ORDER BY incident.id LIMIT 1) FROM batch";

fn decode(columns: &mut Columns) -> Outcome<Batch> {
    let id = BatchId(columns.integer()?);
    let header = NewBatch {
        name: columns.text()?,
        document_profile: columns.text()?,
        card_profile: columns.text()?,
        profile_digest: columns.array()?,
        live: columns.truth()?,
        merkle_root: columns.array()?,
        signature: columns.bytes()?,
    };
    Ok(Batch {
        id,
        header,
        jobs: columns.number()?,
        stored: columns.integer()?,
        released_by: columns.names()?,
        closed_by: columns.names()?,
        stopped: columns.maybe(Columns::text)?,
    })
}

pub(super) fn batches(sql: &mut dyn Sql, only: Option<BatchId>) -> Outcome<Vec<Batch>> {
    let rows = match only {
        Some(id) => sql.query(&format!("{BATCH} WHERE id = $1"), &[id.0.into()])?,
        None => sql.query(&format!("{BATCH} ORDER BY id"), &[])?,
    };
    each("batch", rows, decode)
}

fn batch(sql: &mut dyn Sql, id: BatchId) -> Outcome<Option<Batch>> {
    Ok(batches(sql, Some(id))?.pop())
}

/// The next number of a table. Only under the lock of the site's chain.
pub(super) fn next_id(sql: &mut dyn Sql, table: &str) -> Outcome<i64> {
    let rows = sql.query(&format!("SELECT coalesce(max(id), 0) + 1 FROM {table}"), &[])?;
    Ok(first("next number", rows, Columns::integer)?.unwrap_or(1))
}

/// Rows of `statement`, which ends with `IN (`, for all of `keys`, some at a time.
pub(super) fn among(sql: &mut dyn Sql, statement: &str, end: &str, keys: &[Value]) -> Outcome<Vec<super::Row>> {
    let mut found = Vec::new();
    for keys in keys.chunks(ROWS) {
        found.extend(sql.query(&format!("{statement}{}{end}", places(1, keys.len())), keys)?);
    }
    Ok(found)
}

pub(super) fn add_batch(sql: &mut dyn Sql, header: &NewBatch, jobs: Jobs<'_>, note: &Note) -> Outcome<BatchId> {
    let site = log::lock_site(sql)?;
    if !sql.query("SELECT 1 FROM batch WHERE name = $1", &[(&header.name).into()])?.is_empty() {
        rules::batch_name::<()>(&header.name)?;
    }
    let id = BatchId(next_id(sql, "batch")?);
    let insert = format!(
        "INSERT INTO batch (id, name, document_profile, card_profile, profile_digest, live, merkle_root, signature, jobs, stored) VALUES ({})",
        places(1, 10)
    );
    let values = [
        id.0.into(),
        (&header.name).into(),
        (&header.document_profile).into(),
        (&header.card_profile).into(),
        header.profile_digest.into(),
        header.live.into(),
        header.merkle_root.into(),
        header.signature.as_slice().into(),
        0_i64.into(),
        note.time.into(),
    ];
    sql.execute(&insert, &values)?;
    let mut next = next_id(sql, "job")?;
    let mut expected = 1;
    loop {
        let some: Vec<NewJob> = jobs.take(ROWS).collect();
        if some.is_empty() {
            break;
        }
        (next, expected) = add_jobs(sql, id, &some, next, expected)?;
    }
    rules::some_jobs(&header.name, expected)?;
    sql.execute("UPDATE batch SET jobs = $1 WHERE id = $2", &[(expected - 1).into(), id.0.into()])?;
    log::append(sql, &site, note, None)?;
    Ok(id)
}

/// Adds some jobs in their order. The next job's number and sequence.
fn add_jobs(sql: &mut dyn Sql, batch: BatchId, some: &[NewJob], mut next: i64, mut expected: u32) -> Outcome<(i64, u32)> {
    let persons: Vec<Value> = some.iter().map(|job| job.person.0.into()).collect();
    let numbers: Vec<Value> = some.iter().map(|job| job.number.0.into()).collect();
    let old: Vec<Value> = some.iter().filter_map(|job| job.replaces).map(|job| job.0.into()).collect();
    let mut by_person: HashMap<(String, Pseudonym), JobId> = HashMap::new();
    let mut by_number = HashMap::new();
    let mut live = among(sql, &format!("SELECT {JOB} FROM job WHERE state < 90 AND person IN ("), ")", &persons)?;
    live.extend(among(sql, &format!("SELECT {JOB} FROM job WHERE state < 90 AND number IN ("), ")", &numbers)?);
    for job in each("job", live, Columns::job)? {
        by_person.insert((job.order.document_type.clone(), job.order.person), job.id);
        by_number.insert((job.order.document_type.clone(), job.order.number), job.id);
    }
    let cancelled: BTreeSet<Pseudonym> = cancelled_among(sql, &numbers)?;
    let old = among(sql, &format!("SELECT {JOB} FROM job WHERE id IN ("), ") ORDER BY id FOR UPDATE", &old)?;
    let mut old: BTreeMap<JobId, Job> = each("job", old, Columns::job)?.into_iter().map(|job| (job.id, job)).collect();
    let mut values: Vec<Value> = Vec::with_capacity(some.len() * 10);
    for order in some {
        rules::sequence(order, expected)?;
        expected += 1;
        let person = (order.document_type.clone(), order.person);
        let number = (order.document_type.clone(), order.number);
        if let Some(id) = order.replaces {
            rules::replaces(order, id, old.get(&id))?;
            if let Some(job) = old.get_mut(&id) {
                job.state = JobState::Replaced;
            }
            by_person.remove(&person);
            by_number.retain(|_, job| *job != id);
            let change = "UPDATE job SET state = $1 WHERE id = $2 AND state = $3";
            one(sql, change, &[state(JobState::Replaced), id.0.into(), state(JobState::Issued)])?;
        }
        let is_cancelled = cancelled.contains(&order.number);
        rules::new_job(order, by_person.get(&person).copied(), by_number.get(&number).copied(), is_cancelled)?;
        by_person.insert(person, JobId(next));
        by_number.insert(number, JobId(next));
        values.extend([
            next.into(),
            batch.0.into(),
            order.sequence.into(),
            order.person.0.into(),
            (&order.document_type).into(),
            order.number.0.into(),
            order.image_digest.into(),
            (&order.image_file).into(),
            order.sealed_digest.into(),
            order.replaces.map(|job| job.0).into(),
            state(JobState::Prepared),
            0_i64.into(),
        ]);
        next += 1;
    }
    let insert = "INSERT INTO job (id, batch, sequence, person, document_type, number, image_digest, image_file, sealed_digest, replaces, \
                  state, epoch) VALUES ";
    sql.execute(&format!("{insert}{}", rows(some.len(), 12)), &values)?;
    Ok((next, expected))
}

/// The number of a state as a parameter.
pub(super) fn state(state: JobState) -> Value {
    i64::from(state.number()).into()
}

pub(super) fn job_counts(sql: &mut dyn Sql, batch: BatchId) -> Outcome<Vec<(JobState, u64)>> {
    let rows = sql.query("SELECT state, count(*) FROM job WHERE batch = $1 GROUP BY state ORDER BY state", &[batch.0.into()])?;
    each("job", rows, |columns| Ok((columns.state(JobState::from_number)?, columns.number()?)))
}

pub(super) fn jobs(sql: &mut dyn Sql, batch: BatchId, after: u32, limit: u32) -> Outcome<Vec<Job>> {
    let statement = format!("SELECT {JOB} FROM job WHERE batch = $1 AND sequence > $2 ORDER BY sequence LIMIT $3");
    each("job", sql.query(&statement, &[batch.0.into(), after.into(), limit.into()])?, Columns::job)
}

pub(super) fn live_jobs(sql: &mut dyn Sql, document_type: &str, persons: &[Pseudonym]) -> Outcome<Vec<Job>> {
    let persons: Vec<Value> = persons.iter().map(|person| person.0.into()).collect();
    let rows = among(sql, &format!("SELECT {JOB} FROM job WHERE state < 90 AND person IN ("), ")", &persons)?;
    let mut jobs = each("job", rows, Columns::job)?;
    jobs.retain(|job| job.order.document_type == document_type);
    jobs.sort_by_key(|job| job.id);
    jobs.dedup_by_key(|job| job.id);
    Ok(jobs)
}

fn cancelled_among(sql: &mut dyn Sql, numbers: &[Value]) -> Outcome<BTreeSet<Pseudonym>> {
    let rows = among(sql, "SELECT number FROM cancelled WHERE number IN (", ")", numbers)?;
    Ok(each("cancelled", rows, Columns::pseudonym)?.into_iter().collect())
}

pub(super) fn cancelled(sql: &mut dyn Sql, numbers: &[Pseudonym]) -> Outcome<Vec<Pseudonym>> {
    let values: Vec<Value> = numbers.iter().map(|number| number.0.into()).collect();
    let found = cancelled_among(sql, &values)?;
    Ok(numbers.iter().copied().filter(|number| found.contains(number)).collect())
}

pub(super) fn cancel_number(sql: &mut dyn Sql, number: Pseudonym, persons: &TwoPersons, note: &Note) -> Outcome<()> {
    rules::persons(persons, Action::CancelNumber, note)?;
    let site = log::lock_site(sql)?;
    let statement = "SELECT id, state FROM job WHERE number = $1 AND state < 90 AND state <> $2 ORDER BY id LIMIT 1";
    let unissued = sql.query(statement, &[number.0.into(), state(JobState::Issued)])?;
    let unissued = first("job", unissued, |columns| Ok((JobId(columns.integer()?), columns.state(JobState::from_number)?)))?;
    rules::cancel_number(number, unissued)?;
    sql.execute("INSERT INTO cancelled (number) VALUES ($1) ON CONFLICT DO NOTHING", &[number.0.into()])?;
    log::append(sql, &site, note, Some(persons))
}

/// A job, locked.
pub(super) fn lock(sql: &mut dyn Sql, id: JobId) -> Outcome<Option<Job>> {
    first("job", sql.query(&format!("SELECT {JOB} FROM job WHERE id = $1 FOR UPDATE"), &[id.0.into()])?, Columns::job)
}

pub(super) fn cancel_job(sql: &mut dyn Sql, id: JobId, persons: &TwoPersons, note: &Note) -> Outcome<()> {
    rules::persons(persons, Action::CancelJob, note)?;
    let site = log::lock_site(sql)?;
    let job = lock(sql, id)?;
    let card = match job.as_ref().and_then(|job| job.serial.as_ref()) {
        Some(serial) => {
            let rows = sql.query("SELECT state FROM card WHERE serial = $1", &[serial.as_bytes().into()])?;
            first("card", rows, |columns| columns.state(CardState::from_number))?
        }
        None => None,
    };
    rules::cancel_job(id, job.as_ref(), card)?;
    one(sql, "UPDATE job SET state = $1, lease_until = NULL WHERE id = $2", &[state(JobState::Cancelled), id.0.into()])?;
    log::append(sql, &site, note, Some(persons))
}

pub(super) fn release_batch(sql: &mut dyn Sql, id: BatchId, persons: &TwoPersons, note: &Note) -> Outcome<()> {
    rules::persons(persons, Action::ReleaseBatch, note)?;
    let site = log::lock_site(sql)?;
    rules::release_batch(id, batch(sql, id)?.as_ref())?;
    let [one_name, other] = persons.names();
    let change = "UPDATE batch SET released_first = $1, released_second = $2 WHERE id = $3";
    one(sql, change, &[one_name.into(), other.into(), id.0.into()])?;
    log::append(sql, &site, note, Some(persons))
}

pub(super) fn close_batch(sql: &mut dyn Sql, id: BatchId, persons: &TwoPersons, note: &Note) -> Outcome<()> {
    rules::persons(persons, Action::CloseBatch, note)?;
    let site = log::lock_site(sql)?;
    let mut count = |statement: &str| -> Outcome<u64> {
        let rows = sql.query(statement, &[id.0.into()])?;
        Ok(first("job", rows, Columns::number)?.unwrap_or_default())
    };
    let difference = rules::Difference {
        jobs: count("SELECT count(*) FROM job WHERE batch = $1 AND state NOT IN (50, 90, 91)")?,
        without_card: count(
            "SELECT count(*) FROM job WHERE batch = $1 AND state IN (50, 91) AND NOT EXISTS \
             (SELECT 1 FROM binding WHERE binding.serial = job.serial AND binding.job = job.id AND binding.state = 10)",
        )?,
        without_job: count(
            "SELECT count(*) FROM binding JOIN job ON job.id = binding.job WHERE job.batch = $1 AND binding.state = 10 \
             AND NOT (job.state IN (50, 91) AND job.serial = binding.serial)",
        )?,
        cards: count(
            "SELECT count(*) FROM binding JOIN job ON job.id = binding.job WHERE job.batch = $1 AND binding.state NOT IN (10, 90)",
        )?,
    };
    rules::close_batch(id, batch(sql, id)?.as_ref(), difference)?;
    let [one_name, other] = persons.names();
    let change = "UPDATE batch SET closed_first = $1, closed_second = $2 WHERE id = $3";
    one(sql, change, &[one_name.into(), other.into(), id.0.into()])?;
    log::append(sql, &site, note, Some(persons))
}
