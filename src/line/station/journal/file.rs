//! The journal in one SQLite file; each write is on the disk when it returns (WAL, `synchronous=FULL`).
//!
//! A file of another station, of a later version, or of another program is refused; one of version 1 becomes one of version 2.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

use super::{CutOff, Intent, IntentState, Journal, JournalError, UnderWay};
use crate::line::audit::{ChainEnd, Entry, station_chain};
use crate::line::station::saying::Saying;
use crate::line::store::{Claim, JobId, Moment, Note, Serial};
use crate::perso::write::Change;

/// Version of the file that this code writes and reads.
const VERSION: i64 = 2;
/// "cwsj": which file this is.
const APPLICATION: i64 = 0x6377_736A;

const SCHEMA: &str = "
CREATE TABLE station (name TEXT NOT NULL, attempt INTEGER NOT NULL) STRICT;
CREATE TABLE claim (job INTEGER PRIMARY KEY, epoch INTEGER NOT NULL) STRICT;
CREATE TABLE intent (serial BLOB PRIMARY KEY, job INTEGER NOT NULL, epoch INTEGER NOT NULL, nonce BLOB NOT NULL, reader TEXT NOT NULL,
  time INTEGER NOT NULL, state INTEGER NOT NULL) STRICT;
CREATE TABLE step (id INTEGER PRIMARY KEY, serial BLOB NOT NULL, change TEXT NOT NULL, time INTEGER NOT NULL) STRICT;
CREATE INDEX step_of ON step (serial);
CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, saying TEXT NOT NULL) STRICT;
CREATE TABLE entry (sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, actors TEXT NOT NULL, event TEXT NOT NULL, subjects TEXT NOT NULL,
  detail TEXT NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL, shipped INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TRIGGER entry_stays BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the log is only added to'); END;
CREATE TRIGGER entry_is_fixed BEFORE UPDATE OF sequence, time, actors, event, subjects, detail, previous, hash ON entry
  BEGIN SELECT RAISE(ABORT, 'the log is only added to'); END;
";

/// What version 2 adds: the attempts that are under way. `after` is the last step of that time.
const SCHEMA_2: &str = "
CREATE TABLE under_way (number INTEGER PRIMARY KEY, serial BLOB NOT NULL, job INTEGER NOT NULL, reader TEXT NOT NULL,
  started INTEGER NOT NULL, settled_by TEXT, after INTEGER NOT NULL) STRICT;
";

/// The journal in a SQLite file.
pub struct JournalFile {
    connection: Connection,
    file: String,
    chain: String,
}

impl std::fmt::Debug for JournalFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JournalFile").field("file", &self.file).finish_non_exhaustive()
    }
}

impl JournalFile {
    /// Opens the journal of the station `name`, or makes it.
    ///
    /// # Errors
    /// Any [`JournalError`]; another process that has the journal open for writing counts as SQLite's refusal.
    pub fn open(path: &Path, name: &str) -> Result<Self, JournalError> {
        let file = path.display().to_string();
        let sqlite = |error: rusqlite::Error| JournalError::Sqlite { file: file.clone(), detail: error.to_string() };
        let mut connection = Connection::open(path).map_err(sqlite)?;
        // One station, one process: the lock is kept until the connection ends.
        connection
            .execute_batch("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
            .map_err(sqlite)?;
        let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(sqlite);
        let found = (number("application_id")?, number("user_version")?);
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sqlite)?;
        let other = |expected: String, found: String| JournalError::Other { file: file.clone(), expected, found };
        if (tables, found) == (0, (0, 0)) {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(sqlite)?;
            transaction.execute_batch(SCHEMA).map_err(sqlite)?;
            transaction.execute_batch(SCHEMA_2).map_err(sqlite)?;
            transaction.execute("INSERT INTO station VALUES (?1, 0)", [name]).map_err(sqlite)?;
            transaction.pragma_update(None, "application_id", APPLICATION).map_err(sqlite)?;
            transaction.pragma_update(None, "user_version", VERSION).map_err(sqlite)?;
            transaction.commit().map_err(sqlite)?;
        } else if found.0 != APPLICATION {
            return Err(other("the journal of a station".to_owned(), "another database".to_owned()));
        } else if found.1 == 1 {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(sqlite)?;
            transaction.execute_batch(SCHEMA_2).map_err(sqlite)?;
            transaction.pragma_update(None, "user_version", VERSION).map_err(sqlite)?;
            transaction.commit().map_err(sqlite)?;
        } else if found.1 != VERSION {
            return Err(other(format!("version {VERSION}"), format!("version {}", found.1)));
        }
        let station: String = connection.query_row("SELECT name FROM station", [], |row| row.get(0)).map_err(sqlite)?;
        if station != name {
            return Err(other(format!("station {name}"), format!("station {station}")));
        }
        Ok(Self { connection, file, chain: station_chain(name) })
    }

    fn error(&self, error: &rusqlite::Error) -> JournalError {
        JournalError::Sqlite { file: self.file.clone(), detail: error.to_string() }
    }

    /// One transaction, on the disk when this returns.
    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>, &str) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        let chain = self.chain.clone();
        let run = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction, &chain)?;
            transaction.commit()?;
            Ok(done)
        };
        let result = run();
        result.map_err(|error| self.error(&error))
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        work(&self.connection).map_err(|error| self.error(&error))
    }
}

/// Something in a column that this code did not write.
fn strange(column: usize, what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, what.to_owned().into())
}

fn list(texts: &[String]) -> String {
    serde_json::Value::from(texts.to_vec()).to_string()
}

fn append(transaction: &Transaction<'_>, chain: &str, note: &Note) -> rusqlite::Result<()> {
    let last = transaction
        .query_row("SELECT sequence, hash FROM entry ORDER BY sequence DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let end = last.map_or_else(|| ChainEnd::empty(chain), |(sequence, hash)| ChainEnd { chain: chain.to_owned(), sequence, hash });
    let entry = Entry::after(&end, note);
    transaction
        .prepare_cached(
            "INSERT INTO entry (sequence, time, actors, event, subjects, detail, previous, hash) VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
        )?
        .execute(params![
            entry.sequence,
            note.time,
            list(&note.actors),
            note.event,
            list(&note.subjects),
            note.detail,
            entry.previous,
            entry.hash
        ])
        .map(drop)
}

fn settle(transaction: &Transaction<'_>, serial: &Serial, state: IntentState) -> rusqlite::Result<()> {
    transaction.prepare_cached("UPDATE intent SET state = ?2 WHERE serial = ?1")?.execute(params![serial.as_bytes(), state as i16])?;
    if state >= IntentState::Issued {
        // What was done to a card matters until it is settled.
        transaction.prepare_cached("DELETE FROM step WHERE serial = ?1")?.execute(params![serial.as_bytes()])?;
    }
    if state == IntentState::Void {
        transaction.prepare_cached("DELETE FROM under_way WHERE serial = ?1")?.execute(params![serial.as_bytes()])?;
    }
    Ok(())
}

/// An attempt is under way; its number.
fn begin(transaction: &Transaction<'_>, under_way: &UnderWay) -> rusqlite::Result<i64> {
    let number: i64 =
        transaction.prepare_cached("UPDATE station SET attempt = attempt + 1 RETURNING attempt")?.query_row([], |row| row.get(0))?;
    transaction.prepare_cached("INSERT INTO under_way VALUES (?1, ?2, ?3, ?4, ?5, ?6, (SELECT coalesce(max(id), 0) FROM step))")?.execute(
        params![number, under_way.serial.as_bytes(), under_way.job.0, under_way.reader, under_way.started, under_way.settled_by],
    )?;
    Ok(number)
}

fn read_serial(row: &Row<'_>, column: usize) -> rusqlite::Result<Serial> {
    let bytes: Vec<u8> = row.get(column)?;
    Serial::new(&bytes).ok_or_else(|| strange(column, "a serial of another length"))
}

fn read_intent(row: &Row<'_>) -> rusqlite::Result<Intent> {
    let state: i16 = row.get(6)?;
    Ok(Intent {
        serial: read_serial(row, 0)?,
        job: JobId(row.get(1)?),
        epoch: row.get(2)?,
        nonce: row.get(3)?,
        reader: row.get(4)?,
        time: row.get(5)?,
        state: IntentState::ALL.into_iter().find(|known| *known as i16 == state).ok_or_else(|| strange(6, "an unknown state"))?,
    })
}

fn read_entry(row: &Row<'_>, chain: &str) -> rusqlite::Result<Entry> {
    let texts = |column: usize| {
        let text: String = row.get(column)?;
        serde_json::from_str::<Vec<String>>(&text).map_err(|_| strange(column, "not a list of texts"))
    };
    let note = Note { time: row.get(1)?, actors: texts(2)?, event: row.get(3)?, subjects: texts(4)?, detail: row.get(5)? };
    Ok(Entry { chain: chain.to_owned(), sequence: row.get(0)?, note, previous: row.get(6)?, hash: row.get(7)? })
}

const INTENT: &str = "SELECT serial, job, epoch, nonce, reader, time, state FROM intent";

impl Journal for JournalFile {
    fn claimed(&mut self, claims: &[Claim]) -> Result<(), JournalError> {
        self.write(|transaction, _| {
            for claim in claims {
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO claim VALUES (?1, ?2)")?
                    .execute(params![claim.job.id.0, claim.job.epoch])?;
            }
            Ok(())
        })
    }

    fn unclaimed(&mut self, job: JobId) -> Result<(), JournalError> {
        self.write(|transaction, _| transaction.execute("DELETE FROM claim WHERE job = ?1", [job.0]).map(drop))
    }

    fn claims(&mut self) -> Result<Vec<(JobId, i64)>, JournalError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT job, epoch FROM claim ORDER BY job")?;
            statement.query_map([], |row| Ok((JobId(row.get(0)?), row.get(1)?)))?.collect()
        })
    }

    fn intend(&mut self, intent: &Intent, started: Moment, note: &Note) -> Result<i64, JournalError> {
        let under_way =
            UnderWay { serial: intent.serial.clone(), job: intent.job, reader: intent.reader.clone(), started, settled_by: None };
        self.write(|transaction, chain| {
            transaction.prepare_cached("DELETE FROM claim WHERE job = ?1")?.execute([intent.job.0])?;
            transaction.prepare_cached("INSERT OR REPLACE INTO intent VALUES (?1,?2,?3,?4,?5,?6,?7)")?.execute(params![
                intent.serial.as_bytes(),
                intent.job.0,
                intent.epoch,
                intent.nonce,
                intent.reader,
                intent.time,
                intent.state as i16
            ])?;
            append(transaction, chain, note)?;
            begin(transaction, &under_way)
        })
    }

    fn take_up(&mut self, under_way: &UnderWay) -> Result<i64, JournalError> {
        self.write(|transaction, _| begin(transaction, under_way))
    }

    fn cut_off(&mut self) -> Result<Vec<CutOff>, JournalError> {
        let sql = "SELECT number, serial, job, reader, started, settled_by, (SELECT change FROM step WHERE step.serial = under_way.serial \
                   AND id > after ORDER BY id DESC LIMIT 1) FROM under_way ORDER BY number";
        let read = |row: &Row<'_>| {
            let under_way = UnderWay {
                serial: read_serial(row, 1)?,
                job: JobId(row.get(2)?),
                reader: row.get(3)?,
                started: row.get(4)?,
                settled_by: row.get(5)?,
            };
            Ok(CutOff { number: row.get(0)?, under_way, change: row.get(6)? })
        };
        self.read(|connection| connection.prepare(sql)?.query_map([], read)?.collect())
    }

    fn intent(&mut self, serial: &Serial) -> Result<Option<Intent>, JournalError> {
        self.read(|connection| connection.query_row(&format!("{INTENT} WHERE serial = ?1"), [serial.as_bytes()], read_intent).optional())
    }

    fn open_intents(&mut self) -> Result<Vec<Intent>, JournalError> {
        let ends = [IntentState::Void as i16, IntentState::Away as i16];
        self.read(|connection| {
            let mut statement = connection.prepare(&format!("{INTENT} WHERE state NOT IN (?1, ?2) ORDER BY time, serial"))?;
            statement.query_map(ends, read_intent)?.collect()
        })
    }

    fn settle(&mut self, serial: &Serial, state: IntentState) -> Result<(), JournalError> {
        self.write(|transaction, _| settle(transaction, serial, state))
    }

    fn before(&mut self, serial: &Serial, change: Change, time: Moment) -> Result<(), JournalError> {
        self.write(|transaction, _| {
            transaction
                .prepare_cached("INSERT INTO step (serial, change, time) VALUES (?1, ?2, ?3)")?
                .execute(params![serial.as_bytes(), change.as_str(), time])
                .map(drop)
        })
    }

    fn say(&mut self, sayings: &[Saying], state: Option<(&Serial, IntentState)>, note: &Note) -> Result<(), JournalError> {
        self.write(|transaction, chain| {
            for saying in sayings {
                transaction.prepare_cached("INSERT INTO outbox (saying) VALUES (?1)")?.execute([saying.to_json()])?;
                if let Saying::Attempt(attempt) = saying {
                    transaction.prepare_cached("DELETE FROM under_way WHERE number = ?1")?.execute([attempt.number])?;
                }
            }
            if let Some((serial, state)) = state {
                settle(transaction, serial, state)?;
            }
            append(transaction, chain, note)
        })
    }

    fn unsaid(&mut self, limit: u32) -> Result<Vec<(i64, Saying)>, JournalError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id, saying FROM outbox ORDER BY id LIMIT ?1")?;
            let read = |row: &Row<'_>| {
                let text: String = row.get(1)?;
                Ok((row.get(0)?, Saying::from_json(&text).ok_or_else(|| strange(1, "not a saying of version 1"))?))
            };
            statement.query_map([limit], read)?.collect()
        })
    }

    fn said(&mut self, up_to: i64) -> Result<(), JournalError> {
        self.write(|transaction, _| transaction.prepare_cached("DELETE FROM outbox WHERE id <= ?1")?.execute([up_to]).map(drop))
    }

    fn unshipped(&mut self, limit: u32) -> Result<Vec<Entry>, JournalError> {
        let chain = self.chain.clone();
        self.read(|connection| {
            let sql = "SELECT sequence, time, actors, event, subjects, detail, previous, hash FROM entry WHERE shipped = 0 ORDER BY sequence LIMIT ?1";
            connection.prepare_cached(sql)?.query_map([limit], |row| read_entry(row, &chain))?.collect()
        })
    }

    fn shipped(&mut self, up_to: i64) -> Result<(), JournalError> {
        self.write(|transaction, _| {
            transaction.prepare_cached("UPDATE entry SET shipped = 1 WHERE sequence <= ?1 AND shipped = 0")?.execute([up_to]).map(drop)
        })
    }
}

#[cfg(test)]
mod tests;
