//! PostgreSQL by its wire protocol. READ COMMITTED, `synchronous_commit=on`: what was committed survives a power cut of the server. A
//! statement takes at most 30 s, a lock 10 s, connecting 5 s, silence of the network 10 s; then the store counts as away.
//!
//! Another machine is reached by TLS, unless the URL says otherwise ([`Postgres::open`]). Refused: a password inside of a URL, where logs and
//! lists of processes show it.

use std::collections::HashMap;
use std::error::Error as _;
use std::time::Duration;

use eid::secret::Secret;
use postgres::error::SqlState;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Statement};

pub(crate) use address::Address;

use super::{Row, Sql, SqlError, Value};

mod address;
mod tls;

/// What the session is told when it begins.
const OPTIONS: &str = "-c synchronous_commit=on -c default_transaction_isolation=read\\ committed -c statement_timeout=30s -c lock_timeout=10s \
                       -c idle_in_transaction_session_timeout=60s -c client_min_messages=warning";

/// A connection, which is made anew when it is found dead.
pub struct Postgres {
    address: Address,
    client: Option<Client>,
    prepared: HashMap<String, Statement>,
    in_transaction: bool,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Postgres({})", self.address.name)
    }
}

impl Postgres {
    /// Connects: `postgres://user@host:port/database`, or `postgres:///database?host=/folder/of/socket`. To another machine by TLS 1.3:
    /// `sslrootcert=FILE` has the certificate above the server's, which is verified with the name of the host (`sslmode=verify-full`, which
    /// `require` means too); in clear only with `sslmode=disable`.
    ///
    /// # Errors
    /// [`SqlError::Failed`]: not a URL of this form, one with a password, or a server that is not the one; [`SqlError::Away`]: nobody answers.
    pub fn open(url: &str, password: Option<&Secret>) -> Result<Self, SqlError> {
        let mut address = Address::parse(url, password)?;
        let config = &mut address.config;
        config.connect_timeout(Duration::from_secs(5)).tcp_user_timeout(Duration::from_secs(10)).keepalives_idle(Duration::from_secs(10));
        config.application_name("cardwright").options(OPTIONS);
        let mut postgres = Self { address, client: None, prepared: HashMap::new(), in_transaction: false };
        postgres.client()?;
        Ok(postgres)
    }

    fn client(&mut self) -> Result<&mut Client, SqlError> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            if self.in_transaction {
                return Err(SqlError::Away("the connection was lost in the middle of a transaction".to_owned()));
            }
            self.prepared.clear();
            self.client = Some(self.address.connect()?);
        }
        match &mut self.client {
            Some(client) => Ok(client),
            None => Err(SqlError::Away("no connection".to_owned())),
        }
    }

    fn prepared(&mut self, statement: &str) -> Result<Statement, SqlError> {
        self.client()?;
        if let Some(prepared) = self.prepared.get(statement) {
            return Ok(prepared.clone());
        }
        let prepared = self.client()?.prepare(statement).map_err(|error| refine(&error, SqlError::Failed))?;
        self.prepared.insert(statement.to_owned(), prepared.clone());
        Ok(prepared)
    }

    /// Runs `work`; once more on a new connection if the old one was dead and nothing had begun.
    fn run<T>(&mut self, mut work: impl FnMut(&mut Self) -> Result<T, SqlError>) -> Result<T, SqlError> {
        match work(self) {
            Err(SqlError::Away(_)) if !self.in_transaction => {
                self.client = None;
                work(self)
            }
            other => other,
        }
    }

    fn batch(&mut self, statements: &str) -> Result<(), SqlError> {
        self.client()?.batch_execute(statements).map_err(|error| refine(&error, SqlError::Failed))
    }
}

impl Sql for Postgres {
    fn name(&self) -> String {
        self.address.name.clone()
    }

    fn begin(&mut self) -> Result<(), SqlError> {
        self.run(|sql| sql.batch("BEGIN"))?;
        self.in_transaction = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        let result = self.batch("COMMIT");
        self.in_transaction = false;
        if result.is_err() {
            self.client = None;
        }
        result
    }

    fn rollback(&mut self) {
        if self.batch("ROLLBACK").is_err() {
            self.client = None;
        }
        self.in_transaction = false;
    }

    fn execute(&mut self, statement: &str, values: &[Value]) -> Result<u64, SqlError> {
        self.run(|sql| {
            let prepared = sql.prepared(statement)?;
            sql.client()?.execute(&prepared, &parameters(values)).map_err(|error| refine(&error, SqlError::Failed))
        })
    }

    fn query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let rows = self.run(|sql| {
            let prepared = sql.prepared(statement)?;
            sql.client()?.query(&prepared, &parameters(values)).map_err(|error| refine(&error, SqlError::Failed))
        })?;
        rows.iter().map(row).collect()
    }

    fn has_table(&mut self, table: &str) -> Result<bool, SqlError> {
        let found = self.query("SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1", &[table.into()])?;
        Ok(!found.is_empty())
    }

    fn create_table(&mut self, table: &str, columns: &str) -> Result<(), SqlError> {
        self.batch(&format!("CREATE TABLE {table} ({columns})"))
    }

    fn append_only(&mut self, table: &str) -> Result<(), SqlError> {
        self.batch(&format!(
            "CREATE FUNCTION {table}_keep() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION '{table}: rows are only added'; END $$; \
             CREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {table}_keep()"
        ))
    }
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) if *ty == Type::INT8 => number.to_sql(ty, out),
            Self::Text(text) if <&str as ToSql>::accepts(ty) => text.as_str().to_sql(ty, out),
            Self::Bytes(bytes) if *ty == Type::BYTEA => bytes.as_slice().to_sql(ty, out),
            Self::Integer(_) | Self::Text(_) | Self::Bytes(_) => Err(format!("a parameter of type {ty} is given another value").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn row(row: &postgres::Row) -> Result<Row, SqlError> {
    let column = |(index, column): (usize, &postgres::Column)| {
        let value = match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(index).map(Value::from),
            Type::INT4 => row.try_get::<_, Option<i32>>(index).map(|number| number.map(i64::from).into()),
            Type::TEXT | Type::NAME => row.try_get::<_, Option<&str>>(index).map(Value::from),
            Type::BYTEA => row.try_get::<_, Option<&[u8]>>(index).map(Value::from),
            _ => return Err(SqlError::Damaged(format!("column {}: type {}", column.name(), column.type_()))),
        };
        value.map_err(|error| SqlError::Damaged(format!("column {}: {}", column.name(), chain(&error))))
    };
    row.columns().iter().enumerate().map(column).collect()
}

/// What an error of the driver means; `other` where it is the server's answer to this statement.
fn refine(error: &postgres::Error, other: fn(String) -> SqlError) -> SqlError {
    let text = chain(error);
    let Some(code) = error.code() else {
        // no answer of the server at all: the network, the socket, or a value that the driver could not write
        let by_value = error.source().is_some_and(|source| source.downcast_ref::<std::io::Error>().is_none()) && !error.is_closed();
        return if by_value { other(text) } else { SqlError::Away(text) };
    };
    if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE].contains(code) {
        return SqlError::Again(text);
    }
    // class 08 connection, 53 out of resources, 57 told to stop, 58 the server's system; 25006: a server that only reads
    if ["08", "53", "57", "58"].iter().any(|class| code.code().starts_with(class)) || *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        return SqlError::Away(text);
    }
    other(text)
}

/// An error with its causes.
pub(crate) fn chain(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
