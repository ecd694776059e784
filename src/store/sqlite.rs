//! SQLite in one file. WAL with `synchronous=FULL`: what was committed survives a power cut. `BEGIN IMMEDIATE`: one writer at a time, others
//! wait for it up to ten seconds. STRICT tables, foreign keys. The file is made with mode 0600.
//!
//! Refused: a file that another program made, a folder in the place of the file.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter, types};

use super::{Row, Sql, SqlError, Value};

/// How long a writer waits for another one.
const WAIT: Duration = Duration::from_secs(10);
/// `application_id` of our files: "cdwl".
const APPLICATION: i64 = 0x6364_776C;
/// Statements that are kept prepared.
const PREPARED: usize = 128;

/// A connection to a file.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    name: String,
}

impl Sqlite {
    /// Opens a file that is there.
    ///
    /// # Errors
    /// [`SqlError::Away`]: it is not there or not readable; [`SqlError::Damaged`]: it is no database, or not one of ours.
    pub fn open(file: &Path) -> Result<Self, SqlError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(file, flags).map_err(error)?;
        connection.busy_timeout(WAIT).map_err(error)?;
        let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(error)?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(error)?;
        if application != APPLICATION && (application != 0 || tables != 0) {
            return Err(SqlError::Damaged(format!("expected application_id {APPLICATION:#x}, found {application:#x}")));
        }
        let settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;";
        connection.execute_batch(settings).map_err(error)?;
        if application == 0 {
            connection.execute_batch(&format!("PRAGMA application_id = {APPLICATION};")).map_err(error)?;
        }
        connection.set_prepared_statement_cache_capacity(PREPARED);
        Ok(Self { connection, name: format!("sqlite:{}", file.display()) })
    }

    /// Opens a file, and makes it first if it is not there.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn create(file: &Path) -> Result<Self, SqlError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(file).map_err(|error| SqlError::Away(format!("{}: {error}", file.display())))?;
        Self::open(file)
    }
}

/// A statement in the words of SQLite: `?1` for `$1`, and no locks, since there is one writer.
fn words(statement: &str) -> String {
    let statement = statement.replace('$', "?");
    let end = statement.find(" FOR UPDATE");
    match end.map(|end| statement.split_at(end)) {
        None => statement,
        Some((before, lock)) => {
            let after = lock.strip_prefix(" FOR UPDATE").unwrap_or(lock);
            let after = after.strip_prefix(" SKIP LOCKED").unwrap_or(after);
            format!("{before}{after}")
        }
    }
}

impl Sql for Sqlite {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn begin(&mut self) -> Result<(), SqlError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(error)
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        self.connection.execute_batch("COMMIT").map_err(error)
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::warn!(store = self.name, %error, "rollback");
        }
    }

    fn execute(&mut self, statement: &str, values: &[Value]) -> Result<u64, SqlError> {
        let mut statement = self.connection.prepare_cached(&words(statement)).map_err(error)?;
        let changed = statement.execute(params_from_iter(values.iter().map(out))).map_err(error)?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    fn query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let mut statement = self.connection.prepare_cached(&words(statement)).map_err(error)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(values.iter().map(out))).map_err(error)?;
        let mut answer = Vec::new();
        while let Some(row) = rows.next().map_err(error)? {
            let row: Result<Row, SqlError> = (0..columns)
                .map(|column| match row.get_ref(column).map_err(error)? {
                    types::ValueRef::Null => Ok(Value::Null),
                    types::ValueRef::Integer(number) => Ok(Value::Integer(number)),
                    types::ValueRef::Real(_) => Err(SqlError::Damaged(format!("column {column}: a floating point number"))),
                    types::ValueRef::Text(text) => match str::from_utf8(text) {
                        Ok(text) => Ok(Value::Text(text.to_owned())),
                        Err(error) => Err(SqlError::Damaged(format!("column {column}: {error}"))),
                    },
                    types::ValueRef::Blob(bytes) => Ok(Value::Bytes(bytes.to_vec())),
                })
                .collect();
            answer.push(row?);
        }
        Ok(answer)
    }

    fn has_table(&mut self, table: &str) -> Result<bool, SqlError> {
        let rows = self.query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1", &[table.into()])?;
        Ok(!rows.is_empty())
    }

    fn create_table(&mut self, table: &str, columns: &str) -> Result<(), SqlError> {
        let columns = columns.replace("bigint", "INTEGER").replace("bytea", "BLOB").replace("text", "TEXT");
        self.connection.execute_batch(&format!("CREATE TABLE {table} ({columns}) STRICT")).map_err(error)
    }

    fn append_only(&mut self, table: &str) -> Result<(), SqlError> {
        for verb in ["UPDATE", "DELETE"] {
            let trigger = format!(
                "CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table}: rows are only added'); END"
            );
            self.connection.execute_batch(&trigger).map_err(error)?;
        }
        Ok(())
    }
}

fn out(value: &Value) -> types::Value {
    match value {
        Value::Null => types::Value::Null,
        Value::Integer(number) => types::Value::Integer(*number),
        Value::Text(text) => types::Value::Text(text.clone()),
        Value::Bytes(bytes) => types::Value::Blob(bytes.clone()),
    }
}

fn error(error: rusqlite::Error) -> SqlError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => SqlError::Again(text),
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::DiskFull
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed,
        ) => SqlError::Away(text),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => SqlError::Damaged(text),
        _ => SqlError::Failed(text),
    }
}
