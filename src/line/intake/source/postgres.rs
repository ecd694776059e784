//! A query to PostgreSQL: one statement, in a read-only transaction, read through a cursor. Every column comes as text, as `psql` shows it:
//! dates in ISO form, `bytea` as `\x` and hexadecimal digits.
//!
//! Refused: a password inside of the URL, more than one statement, anything that writes. There is no TLS here: go by a unix socket or a tunnel.

use std::collections::VecDeque;
use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use eid::secret::Secret;
use postgres::config::Host;
use postgres::{Client, Config, NoTls, SimpleQueryMessage, SimpleQueryRow};
use sha2::{Digest as _, Sha256};

use super::{MAX_COLUMNS, MAX_ROW, Row, Source, SourceError, shown};
use crate::line::intake::mapping::Mapping;
use crate::line::intake::rules::{Quality, Reason};

/// Rows that are fetched at once.
const FETCH: &str = "FETCH FORWARD 64 FROM cardwright_intake";

/// Rows of a query.
pub struct PostgresSource {
    name: String,
    client: Client,
    columns: Vec<String>,
    keys: Vec<Arc<str>>,
    ready: VecDeque<Row>,
    ended: bool,
    number: u64,
    bytes: u64,
    hash: Sha256,
}

impl std::fmt::Debug for PostgresSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgresSource({})", self.name)
    }
}

/// An error with what lies behind it: the driver says `db error` and the server says what.
fn chain(error: &postgres::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

impl PostgresSource {
    /// Connects to `postgres://USER@HOST:PORT/NAME`, or `postgres:///NAME?host=/folder/of/socket`, and begins the query.
    ///
    /// # Errors
    /// [`SourceError::Database`]: no such URL, one with a password, nobody answers, or the statement is none that can be read;
    /// [`SourceError::Form`]: its columns do not fit the mapping.
    pub fn open(url: &str, password: Option<&Secret>, query: &str, mapping: &Mapping) -> Result<Self, SourceError> {
        let wrong = |detail: &str| SourceError::Database { origin: "query".to_owned(), detail: detail.to_owned() };
        let mut config: Config = url.parse().map_err(|error: postgres::Error| wrong(&chain(&error)))?;
        if config.get_password().is_some() {
            return Err(wrong("expected no password in the URL, found one: give it by file or environment"));
        }
        if let Some(password) = password {
            config.password(password.expose());
        }
        config.connect_timeout(Duration::from_secs(10)).application_name("cardwright intake");
        config.options("-c DateStyle=ISO -c bytea_output=hex -c client_encoding=UTF8 -c default_transaction_read_only=on");
        let host = config.get_hosts().first().map_or_else(String::new, |host| match host {
            Host::Tcp(host) => host.clone(),
            #[cfg(unix)]
            Host::Unix(folder) => folder.display().to_string(),
        });
        let name = format!("postgres://{host}/{}", config.get_dbname().unwrap_or_default());
        let failed = |error: postgres::Error| SourceError::Database { origin: name.clone(), detail: chain(&error) };
        let mut client = config.connect(NoTls).map_err(failed)?;
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").map_err(failed)?;
        let query = query.trim().trim_end_matches(';');
        // prepared, a text with a second statement is refused by the server
        client.execute(&format!("DECLARE cardwright_intake NO SCROLL CURSOR FOR {query}"), &[]).map_err(failed)?;
        let described = client.simple_query("FETCH FORWARD 0 FROM cardwright_intake").map_err(failed)?;
        let columns = described.iter().find_map(|message| match message {
            SimpleQueryMessage::RowDescription(columns) => Some(columns.iter().map(|column| column.name().to_owned()).collect()),
            _ => None,
        });
        let columns: Vec<String> = columns.unwrap_or_default();
        let form = |expected: String, found: String| SourceError::Form { origin: name.clone(), line: 1, expected, found };
        if columns.len() > MAX_COLUMNS {
            return Err(form(format!("at most {MAX_COLUMNS} columns"), columns.len().to_string()));
        }
        mapping.fits(&columns).map_err(|(expected, found)| form(expected, found))?;
        let keys = columns.iter().map(|column| Arc::from(column.as_str())).collect();
        let hash = Sha256::new();
        Ok(Self { name, client, columns, keys, ready: VecDeque::new(), ended: false, number: 0, bytes: 0, hash })
    }

    fn fetch(&mut self) -> Result<(), SourceError> {
        let failed = |error: postgres::Error| SourceError::Database { origin: self.name.clone(), detail: chain(&error) };
        let messages = self.client.simple_query(FETCH).map_err(failed)?;
        for message in messages {
            if let SimpleQueryMessage::Row(row) = message {
                let row = self.row(&row);
                self.ready.push_back(row);
            }
        }
        self.ended = self.ready.is_empty();
        Ok(())
    }

    fn row(&mut self, row: &SimpleQueryRow) -> Row {
        self.number += 1;
        let cells: Vec<Option<&str>> = (0..row.len()).map(|at| row.try_get(at).ok().flatten()).collect();
        let mut size = 0;
        for cell in &cells {
            let text = cell.unwrap_or_default();
            size += text.len();
            // no text is longer than 2^32, so that no two rows give the same bytes
            self.hash.update([u8::from(cell.is_some())]);
            self.hash.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            self.hash.update(text);
        }
        self.bytes += u64::try_from(size).unwrap_or_default();
        let fault = (size > MAX_ROW).then(|| Reason::new(Quality::RowForm, "row", format!("at most {MAX_ROW} bytes"), size.to_string()));
        let original = cells.iter().map(|cell| shown(cell.unwrap_or_default())).collect();
        let cells = if fault.is_some() {
            Default::default()
        } else {
            self.keys.iter().zip(cells).filter_map(|(key, cell)| Some((Arc::clone(key), cell?.to_owned()))).collect()
        };
        Row { number: self.number, line: self.number, cells, original, fault }
    }
}

impl Source for PostgresSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self) -> Result<Option<Row>, SourceError> {
        if self.ready.is_empty() && !self.ended {
            self.fetch()?;
        }
        Ok(self.ready.pop_front())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (self.bytes, None)
    }

    fn folder(&self) -> Option<&Path> {
        None
    }

    fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}
