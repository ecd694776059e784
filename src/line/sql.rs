//! The store in a database: every verb once, over [`Sql`]. A verb that writes is one transaction; one that reads is one statement.
//!
//! ```text
//! order of locks   row of the site's chain (verbs with a note) -> card -> job: no two verbs wait for each other in a circle
//! claim, expire    pass over rows that another transaction holds (SKIP LOCKED), and count nothing that way
//! retry            a transaction that another one pushed out is run again from its start; what was lost in the middle is `Away`
//! ```
//!
//! The constraints of the tables say the rules a second time, for programs that are not this one: one live job for a person and type, one
//! open bond for a job, one bond for a chip in its life, a nonce once, two different names under what two persons decide, entries of the
//! log that nobody changes.

use std::time::Duration;

use super::audit::{ChainEnd, Checkpoint, Entry};
use super::rules;
use super::state::{CardState, JobState};
use super::store::{
    Attempt, Batch, BatchId, Bind, Card, Claim, Incident, Job, JobId, Jobs, Moment, NewBatch, NewJob, Note, Progress, Pseudonym, Scrap,
    Serial, Store, StoreError,
};
use super::users::{Action, TwoPersons, User};
use crate::store::{Row, Sql, SqlError, Value};

mod decode;
mod jobs;
mod log;
mod schema;
mod stock;
mod work;

/// How often a transaction that others push out is tried.
const TRIES: u32 = 5;
/// Rows of one statement with many.
const ROWS: usize = 500;

/// The verbs of the line over a database.
pub struct SqlStore {
    sql: Box<dyn Sql>,
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SqlStore({})", self.sql.name())
    }
}

/// Why a verb stops.
enum Stop {
    Sql(SqlError),
    Store(StoreError),
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

type Outcome<T> = Result<T, Stop>;

impl SqlStore {
    /// A store with the schema of this program.
    ///
    /// # Errors
    /// [`StoreError::Version`]: it has another one, 0 if none; away or damaged.
    pub fn open(sql: Box<dyn Sql>) -> Result<Self, StoreError> {
        let mut store = Self { sql };
        let found = store.read(schema::version)?;
        if found != schema::VERSION {
            return Err(StoreError::Version { store: store.sql.name(), expected: schema::VERSION, found });
        }
        Ok(store)
    }

    /// Gives a store the schema of this program: an empty one all of it, one of an earlier version what is missing.
    ///
    /// # Errors
    /// [`StoreError::Version`]: it has a later one; away or damaged.
    pub fn create(sql: Box<dyn Sql>) -> Result<Self, StoreError> {
        let mut store = Self { sql };
        let found = store.write(schema::migrate)?;
        if found > schema::VERSION {
            return Err(StoreError::Version { store: store.sql.name(), expected: schema::VERSION, found });
        }
        Ok(store)
    }

    fn error(&self, stop: Stop) -> StoreError {
        let store = self.sql.name();
        match stop {
            Stop::Store(StoreError::Damaged { place, detail, .. }) => StoreError::Damaged { store, place, detail },
            Stop::Store(error) => error,
            Stop::Sql(SqlError::Again(detail)) => StoreError::Away { store, detail: format!("busy: {detail}") },
            Stop::Sql(SqlError::Away(detail)) => StoreError::Away { store, detail },
            Stop::Sql(SqlError::Damaged(detail)) => StoreError::Damaged { store, place: "database".to_owned(), detail },
            Stop::Sql(SqlError::Failed(detail)) => StoreError::Failed { store, detail },
        }
    }

    /// Reads, each statement for itself.
    fn read<T>(&mut self, verb: impl FnOnce(&mut dyn Sql) -> Outcome<T>) -> Result<T, StoreError> {
        verb(&mut *self.sql).map_err(|stop| self.error(stop))
    }

    /// Runs a verb as one transaction, once.
    fn once<T>(&mut self, verb: impl FnOnce(&mut dyn Sql) -> Outcome<T>) -> Outcome<T> {
        self.sql.begin()?;
        match verb(&mut *self.sql) {
            Ok(value) => match self.sql.commit() {
                Ok(()) => Ok(value),
                Err(error) => {
                    self.sql.rollback();
                    Err(error.into())
                }
            },
            Err(stop) => {
                self.sql.rollback();
                Err(stop)
            }
        }
    }

    /// Runs a verb as one transaction, again if others push it out.
    fn write<T>(&mut self, mut verb: impl FnMut(&mut dyn Sql) -> Outcome<T>) -> Result<T, StoreError> {
        let mut tried = 1;
        loop {
            match self.once(&mut verb) {
                Err(Stop::Sql(SqlError::Again(_))) if tried < TRIES => {
                    std::thread::sleep(Duration::from_millis(u64::from(5 * tried)));
                    tried += 1;
                }
                other => return other.map_err(|stop| self.error(stop)),
            }
        }
    }
}

/// Jobs of a new batch that may be told from their beginning again.
struct Kept<'a> {
    jobs: Jobs<'a>,
    seen: Vec<NewJob>,
    next: usize,
}

impl Iterator for Kept<'_> {
    type Item = NewJob;

    fn next(&mut self) -> Option<NewJob> {
        if self.next == self.seen.len() {
            self.seen.push(self.jobs.next()?);
        }
        self.next += 1;
        self.seen.get(self.next - 1).cloned()
    }
}

/// `$first, $first+1, …`: places of `count` parameters.
fn places(first: usize, count: usize) -> String {
    (first..first + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// `($1, $2), ($3, $4), …`: places of `rows` rows with `columns` columns.
fn rows(rows: usize, columns: usize) -> String {
    (0..rows).map(|row| format!("({})", places(1 + row * columns, columns))).collect::<Vec<_>>().join(", ")
}

/// A statement that must change exactly one row: another number means that another transaction was faster.
fn one(sql: &mut dyn Sql, statement: &str, values: &[Value]) -> Outcome<()> {
    match sql.execute(statement, values)? {
        1 => Ok(()),
        changed => Err(SqlError::Again(format!("{changed} rows instead of one: {statement}")).into()),
    }
}

impl Store for SqlStore {
    fn name(&self) -> String {
        self.sql.name()
    }

    fn add_batch(&mut self, batch: &NewBatch, jobs: Jobs<'_>, note: &Note) -> Result<BatchId, StoreError> {
        // the jobs pass by once: they are kept for the case that others push this transaction out
        let mut kept = Kept { jobs, seen: Vec::new(), next: 0 };
        self.write(|sql| {
            kept.next = 0;
            jobs::add_batch(sql, batch, &mut kept, note)
        })
    }

    fn batches(&mut self) -> Result<Vec<Batch>, StoreError> {
        self.read(|sql| jobs::batches(sql, None))
    }

    fn job_counts(&mut self, batch: BatchId) -> Result<Vec<(JobState, u64)>, StoreError> {
        self.read(|sql| jobs::job_counts(sql, batch))
    }

    fn jobs(&mut self, batch: BatchId, after: u32, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.read(|sql| jobs::jobs(sql, batch, after, limit))
    }

    fn live_jobs(&mut self, document_type: &str, persons: &[Pseudonym]) -> Result<Vec<Job>, StoreError> {
        self.read(|sql| jobs::live_jobs(sql, document_type, persons))
    }

    fn cancelled(&mut self, numbers: &[Pseudonym]) -> Result<Vec<Pseudonym>, StoreError> {
        self.read(|sql| jobs::cancelled(sql, numbers))
    }

    fn cancel_number(&mut self, number: Pseudonym, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.write(|sql| jobs::cancel_number(sql, number, persons, note))
    }

    fn cancel_job(&mut self, job: JobId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.write(|sql| jobs::cancel_job(sql, job, persons, note))
    }

    fn release_batch(&mut self, batch: BatchId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.write(|sql| jobs::release_batch(sql, batch, persons, note))
    }

    fn close_batch(&mut self, batch: BatchId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.write(|sql| jobs::close_batch(sql, batch, persons, note))
    }

    fn claim(&mut self, station: &str, count: u32, now: Moment, lease_until: Moment) -> Result<Vec<Claim>, StoreError> {
        rules::names(station, None)?;
        self.write(|sql| work::claim(sql, station, count, now, lease_until))
    }

    fn unclaim(&mut self, job: JobId, epoch: i64) -> Result<(), StoreError> {
        self.write(|sql| work::unclaim(sql, job, epoch))
    }

    fn expire(&mut self, now: Moment) -> Result<u64, StoreError> {
        self.write(|sql| work::expire(sql, now))
    }

    fn bind(&mut self, bind: &Bind) -> Result<(), StoreError> {
        self.write(|sql| work::bind(sql, bind))
    }

    fn progress(&mut self, serial: &Serial, progress: Progress) -> Result<(), StoreError> {
        self.write(|sql| work::progress(sql, serial, progress))
    }

    fn fail(&mut self, serial: &Serial, scrap: &Scrap) -> Result<(), StoreError> {
        self.write(|sql| work::fail(sql, serial, scrap))
    }

    fn attempt(&mut self, attempt: &Attempt) -> Result<(), StoreError> {
        rules::names(&attempt.station, Some(&attempt.reader))?;
        self.write(|sql| work::attempt(sql, attempt))
    }

    fn attempts(&mut self, batch: BatchId, after: u32, limit: u32) -> Result<Vec<Attempt>, StoreError> {
        self.read(|sql| work::attempts(sql, batch, after, limit))
    }

    fn bound_cards(&mut self, batch: BatchId, after: u32, limit: u32) -> Result<Vec<Card>, StoreError> {
        self.read(|sql| work::bound_cards(sql, batch, after, limit))
    }

    fn card(&mut self, serial: &Serial) -> Result<Option<Card>, StoreError> {
        self.read(|sql| work::card(sql, serial))
    }

    fn deliver(&mut self, delivery: &str, serials: &[Serial], note: &Note) -> Result<(), StoreError> {
        self.write(|sql| stock::deliver(sql, delivery, serials, note))
    }

    fn move_cards(
        &mut self,
        serials: &[Serial],
        from: CardState,
        to: CardState,
        persons: Option<&TwoPersons>,
        note: &Note,
    ) -> Result<(), StoreError> {
        self.write(|sql| stock::move_cards(sql, serials, from, to, persons, note))
    }

    fn scrap(&mut self, serial: &Serial, to: CardState, reason: &str, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.write(|sql| stock::scrap(sql, serial, to, reason, persons, note))
    }

    fn stock(&mut self, delivery: Option<&str>) -> Result<Vec<(CardState, u64)>, StoreError> {
        self.read(|sql| stock::stock(sql, delivery))
    }

    fn cards(&mut self, state: CardState, after: Option<&Serial>, limit: u32) -> Result<Vec<Card>, StoreError> {
        self.read(|sql| stock::cards(sql, state, after, limit))
    }

    fn incident(&mut self, incident: &Incident) -> Result<i64, StoreError> {
        self.write(|sql| stock::incident(sql, incident))
    }

    fn incidents(&mut self, open_only: bool) -> Result<Vec<Incident>, StoreError> {
        self.read(|sql| stock::incidents(sql, open_only))
    }

    fn release_incident(&mut self, id: i64, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.write(|sql| stock::release_incident(sql, id, persons, note))
    }

    fn put_user(&mut self, user: &User, persons: Option<&TwoPersons>, note: &Note) -> Result<(), StoreError> {
        self.write(|sql| log::put_user(sql, user, persons, note))
    }

    fn users(&mut self) -> Result<Vec<User>, StoreError> {
        self.read(log::users)
    }

    fn count_log_in(&mut self, name: &str, success: bool, time: Moment) -> Result<(), StoreError> {
        self.write(|sql| log::count_log_in(sql, name, success, time))
    }

    fn note(&mut self, note: &Note) -> Result<(), StoreError> {
        self.write(|sql| {
            let site = log::lock_site(sql)?;
            log::append(sql, &site, note, None)
        })
    }

    fn ship(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.write(|sql| log::ship(sql, entries))
    }

    fn chains(&mut self) -> Result<Vec<ChainEnd>, StoreError> {
        self.read(log::chains)
    }

    fn entries(&mut self, chain: &str, after: i64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        self.read(|sql| log::entries(sql, chain, after, limit))
    }

    fn add_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.write(|sql| log::add_checkpoint(sql, checkpoint))
    }

    fn checkpoints(&mut self, chain: &str) -> Result<Vec<Checkpoint>, StoreError> {
        self.read(|sql| log::checkpoints(sql, chain))
    }
}
