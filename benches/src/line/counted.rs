//! Connections and journals that count their commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cardwright::line::audit::Entry;
use cardwright::line::sql::SqlStore;
use cardwright::line::station::{CutOff, Intent, IntentState, Journal, JournalError, JournalFile, Saying, UnderWay};
use cardwright::line::store::{Claim, JobId, Moment, Note, Serial, Store};
use cardwright::perso::write::Change;
use cardwright::store::postgres::Postgres;
use cardwright::store::sqlite::Sqlite;
use cardwright::store::{Row, Sql, SqlError, Value};

/// How often something was committed.
#[derive(Clone, Debug, Default)]
pub(super) struct Commits(Arc<AtomicU64>);

impl Commits {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Does not count the first `before`.
    pub(super) fn forget(&self, before: u64) {
        self.0.fetch_sub(before, Ordering::Relaxed);
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A store with its tables, whose commits are counted.
pub(super) fn store(url: &str, commits: &Commits) -> Box<dyn Store> {
    let sql: Box<dyn Sql> = match url.strip_prefix("sqlite:") {
        Some(file) => Box::new(Sqlite::create(std::path::Path::new(file)).expect("SQLite")),
        None => Box::new(Postgres::open(url, None).expect("PostgreSQL")),
    };
    Box::new(SqlStore::create(Box::new(Counted { sql, commits: commits.clone() })).expect("a store"))
}

struct Counted {
    sql: Box<dyn Sql>,
    commits: Commits,
}

impl Sql for Counted {
    fn name(&self) -> String {
        self.sql.name()
    }

    fn begin(&mut self) -> Result<(), SqlError> {
        self.sql.begin()
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        self.commits.add();
        self.sql.commit()
    }

    fn rollback(&mut self) {
        self.sql.rollback();
    }

    fn execute(&mut self, statement: &str, values: &[Value]) -> Result<u64, SqlError> {
        self.sql.execute(statement, values)
    }

    fn query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.sql.query(statement, values)
    }

    fn has_table(&mut self, table: &str) -> Result<bool, SqlError> {
        self.sql.has_table(table)
    }

    fn create_table(&mut self, table: &str, columns: &str) -> Result<(), SqlError> {
        self.sql.create_table(table, columns)
    }

    fn append_only(&mut self, table: &str) -> Result<(), SqlError> {
        self.sql.append_only(table)
    }
}

/// A journal whose writes are counted: each of them is one commit.
pub(super) struct CountedJournal {
    pub(super) journal: JournalFile,
    pub(super) commits: Commits,
}

impl Journal for CountedJournal {
    fn claimed(&mut self, claims: &[Claim]) -> Result<(), JournalError> {
        self.commits.add();
        self.journal.claimed(claims)
    }

    fn unclaimed(&mut self, job: JobId) -> Result<(), JournalError> {
        self.commits.add();
        self.journal.unclaimed(job)
    }

    fn claims(&mut self) -> Result<Vec<(JobId, i64)>, JournalError> {
        self.journal.claims()
    }

    fn intend(&mut self, intent: &Intent, started: Moment, note: &Note) -> Result<i64, JournalError> {
        self.commits.add();
        self.journal.intend(intent, started, note)
    }

    fn take_up(&mut self, under_way: &UnderWay) -> Result<i64, JournalError> {
        self.commits.add();
        self.journal.take_up(under_way)
    }

    fn cut_off(&mut self) -> Result<Vec<CutOff>, JournalError> {
        self.journal.cut_off()
    }

    fn intent(&mut self, serial: &Serial) -> Result<Option<Intent>, JournalError> {
        self.journal.intent(serial)
    }

    fn open_intents(&mut self) -> Result<Vec<Intent>, JournalError> {
        self.journal.open_intents()
    }

    fn settle(&mut self, serial: &Serial, state: IntentState) -> Result<(), JournalError> {
        self.commits.add();
        self.journal.settle(serial, state)
    }

    fn before(&mut self, serial: &Serial, change: Change, time: Moment) -> Result<(), JournalError> {
        self.commits.add();
        self.journal.before(serial, change, time)
    }

    fn say(&mut self, sayings: &[Saying], state: Option<(&Serial, IntentState)>, note: &Note) -> Result<(), JournalError> {
        self.commits.add();
        self.journal.say(sayings, state, note)
    }

    fn unsaid(&mut self, limit: u32) -> Result<Vec<(i64, Saying)>, JournalError> {
        self.journal.unsaid(limit)
    }

    fn said(&mut self, up_to: i64) -> Result<(), JournalError> {
        self.commits.add();
        self.journal.said(up_to)
    }

    fn unshipped(&mut self, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.journal.unshipped(limit)
    }

    fn shipped(&mut self, up_to: i64) -> Result<(), JournalError> {
        self.commits.add();
        self.journal.shipped(up_to)
    }
}
