//! Databases: SQLite in a file, PostgreSQL by its wire protocol. One small trait for both; they know rows and values, and nothing of cards.
//!
//! Statements are written once, in the dialect of PostgreSQL: parameters `$1`, types `bigint`, `text`, `bytea`, locks `FOR UPDATE`. SQLite,
//! which has one writer, gets them without the locks. Refused: values of any other type than [`Value`] has.
//!
//! Retry and reconnect: [`SqlError::Again`] means that the whole transaction was undone and may be run again from its start. A connection
//! that is found dead before a transaction has begun is made anew once, silently. One that dies in the middle is [`SqlError::Away`]: whether
//! the transaction was committed is then not known.

#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

/// A value of a parameter or of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    Null,
    /// `bigint`.
    Integer(i64),
    /// `text`.
    Text(String),
    /// `bytea`.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Integer(yes.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer: the columns in their order.
pub type Row = Vec<Value>;

/// A connection to a database.
pub trait Sql: Send {
    /// Where it goes, without secrets.
    fn name(&self) -> String;

    /// Begins a transaction that is going to write.
    ///
    /// # Errors
    /// [`SqlError`].
    fn begin(&mut self) -> Result<(), SqlError>;

    /// Commits: it is on the disk when this returns.
    ///
    /// # Errors
    /// [`SqlError::Away`]: it may or may not be committed.
    fn commit(&mut self) -> Result<(), SqlError>;

    /// Undoes the transaction. A connection that cannot even do that is closed, which undoes it as well.
    fn rollback(&mut self);

    /// Runs a statement. How many rows it changed.
    ///
    /// # Errors
    /// [`SqlError`].
    fn execute(&mut self, statement: &str, values: &[Value]) -> Result<u64, SqlError>;

    /// Runs a statement with an answer; also outside of a transaction.
    ///
    /// # Errors
    /// [`SqlError`].
    fn query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>, SqlError>;

    /// Whether there is a table.
    ///
    /// # Errors
    /// [`SqlError`].
    fn has_table(&mut self, table: &str) -> Result<bool, SqlError>;

    /// Creates a table from its columns and constraints.
    ///
    /// # Errors
    /// [`SqlError`].
    fn create_table(&mut self, table: &str, columns: &str) -> Result<(), SqlError>;

    /// Lets nobody change or delete a row of a table.
    ///
    /// # Errors
    /// [`SqlError`].
    fn append_only(&mut self, table: &str) -> Result<(), SqlError>;
}

/// Why a statement did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// Another transaction stood in the way, and this one is undone; it may be run again.
    #[error("another transaction stands in the way: {0}")]
    Again(String),
    /// The database cannot be reached or cannot store.
    #[error("away: {0}")]
    Away(String),
    /// The file is no database of ours, or is damaged.
    #[error("damaged: {0}")]
    Damaged(String),
    /// It refuses for another reason: a constraint, a right, a statement.
    #[error("{0}")]
    Failed(String),
}
