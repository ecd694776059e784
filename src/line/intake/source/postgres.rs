//! A query to PostgreSQL: one statement that only reads, whose rows stream by as they are examined. Every column comes as text, as `psql`
//! shows it: dates in ISO form, `bytea` as `\x` and hexadecimal digits.
//!
//! ```text
//! server    counts the bytes of a row, and sends one that is too long without its cells
//! thread    reads rows as the driver gives them, in chunks of 64 rows or 1 MiB, two of them ahead
//! source    gives them one after another, counted and hashed
//! ```
//!
//! Refused: a password inside of the URL, more than one statement, anything that writes, and columns of types that no field of ours is read
//! from: a moment is not a day, and a number that was rounded is none.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use eid::secret::Secret;
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::{Kind, Type};
use postgres::{Client, Column};
use sha2::{Digest as _, Sha256};

use super::{MAX_COLUMNS, MAX_ROW, Row, Source, SourceError, shown};
use crate::line::intake::mapping::Mapping;
use crate::line::intake::rules::{Quality, Reason};
use crate::store::SqlError;
use crate::store::postgres::{Address, chain};

/// Rows and bytes of a chunk, and chunks that wait.
const CHUNK: usize = 64;
const CHUNK_BYTES: usize = 1 << 20;
const AHEAD: usize = 2;

/// Name of the column that the server counts; no other column of a query has it.
const SIZE: &str = "cardwright: bytes of the row";

/// A row as it came.
struct Fetched {
    /// Bytes of all cells, as the server counts them.
    size: i64,
    cells: Vec<Option<String>>,
}

/// Rows; none behind the last one.
type Chunk = Result<Vec<Fetched>, SourceError>;

/// Rows of a query.
pub struct PostgresSource {
    name: String,
    columns: Vec<String>,
    keys: Vec<Arc<str>>,
    chunks: Receiver<Chunk>,
    ready: VecDeque<Fetched>,
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

impl PostgresSource {
    /// Connects to `postgres://USER@HOST:PORT/NAME`, or `postgres:///NAME?host=/folder/of/socket`, and begins the query. To another machine
    /// by TLS, as [`crate::store::postgres::Postgres::open`] says.
    ///
    /// # Errors
    /// [`SourceError::Database`]: no such URL, one with a password, nobody answers, or the statement is none that can be read;
    /// [`SourceError::Form`]: its columns do not fit the mapping, or are of a type that is not read.
    pub fn open(url: &str, password: Option<&Secret>, query: &str, mapping: &Mapping) -> Result<Self, SourceError> {
        let wrong = |origin: &str, error: SqlError| SourceError::Database { origin: origin.to_owned(), detail: error.to_string() };
        let mut address = Address::parse(url, password).map_err(|error| wrong("query", error))?;
        let name = address.name.clone();
        let config = &mut address.config;
        config.connect_timeout(Duration::from_secs(10)).tcp_user_timeout(Duration::from_secs(30)).keepalives_idle(Duration::from_secs(10));
        config.application_name("cardwright intake");
        config.options("-c DateStyle=ISO -c bytea_output=hex -c client_encoding=UTF8 -c default_transaction_read_only=on");
        let mut client = address.connect().map_err(|error| wrong(&name, error))?;
        let query = query.trim().trim_end_matches(';');
        // alone first: a text with a second statement, or with one half of a bracket, is refused by the server
        let described = client.prepare(query).map_err(|error| failed(&name, &error))?;
        let columns: Vec<String> = described.columns().iter().map(|column| column.name().to_owned()).collect();
        let form = |expected: String, found: String| SourceError::Form { origin: name.clone(), line: 1, expected, found };
        if columns.is_empty() {
            return Err(form("a query that gives rows".to_owned(), "one without columns".to_owned()));
        }
        if columns.len() > MAX_COLUMNS {
            return Err(form(format!("at most {MAX_COLUMNS} columns"), columns.len().to_string()));
        }
        mapping.fits(&columns).map_err(|(expected, found)| form(expected, found))?;
        for column in described.columns().iter().filter(|column| mapping.reads(column.name())) {
            fits(column, mapping).map_err(|(expected, found)| form(expected, found))?;
        }
        let statement = counted(query, described.columns());
        let (send, chunks) = sync_channel(AHEAD);
        let origin = name.clone();
        // it ends with its rows, or when nobody takes them any more
        std::thread::spawn(move || {
            if let Err(error) = read(client, &statement, &send) {
                // whoever gave up hears nothing
                drop(send.send(Err(failed(&origin, &error))));
            }
        });
        let keys = columns.iter().map(|column| Arc::from(column.as_str())).collect();
        Ok(Self { name, columns, keys, chunks, ready: VecDeque::new(), ended: false, number: 0, bytes: 0, hash: Sha256::new() })
    }

    fn row(&mut self, Fetched { size, cells }: Fetched) -> Row {
        self.number += 1;
        for cell in &cells {
            let text = cell.as_deref().unwrap_or_default();
            // no text is longer than 2^32, so that no two rows give the same bytes
            self.hash.update([u8::from(cell.is_some())]);
            self.hash.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            self.hash.update(text);
        }
        self.bytes += u64::try_from(size).unwrap_or_default();
        let fault = (usize::try_from(size).unwrap_or(usize::MAX) > MAX_ROW)
            .then(|| Reason::new(Quality::RowForm, "row", format!("at most {MAX_ROW} bytes"), size.to_string()));
        let original = cells.iter().map(|cell| shown(cell.as_deref().unwrap_or_default())).collect();
        let cells = if fault.is_some() {
            Default::default()
        } else {
            self.keys.iter().zip(cells).filter_map(|(key, cell)| Some((Arc::clone(key), cell?))).collect()
        };
        Row { number: self.number, line: self.number, cells, original, fault }
    }
}

fn failed(origin: &str, error: &postgres::Error) -> SourceError {
    SourceError::Database { origin: origin.to_owned(), detail: chain(error) }
}

/// Whether a column is of a type that fields are read from; else what was expected and what was found.
fn fits(column: &Column, mapping: &Mapping) -> Result<(), (String, String)> {
    let named = format!("column {:?}", column.name());
    if is_bytes(column.type_()) {
        let expected = || format!("{named} to be an image with as = \"hex\" in the mapping file, or its text by encode() in the query");
        return if mapping.is_hex_image(column.name()) { Ok(()) } else { Err((expected(), "bytea".to_owned())) };
    }
    if is_text(column.type_()) {
        return Ok(());
    }
    let expected = format!("{named} as text, a whole number, boolean, date, uuid, or bytea; cast it in the query");
    Err((expected, column.type_().name().to_owned()))
}

fn is_bytes(ty: &Type) -> bool {
    match ty.kind() {
        Kind::Domain(inner) => is_bytes(inner),
        _ => *ty == Type::BYTEA,
    }
}

fn is_text(ty: &Type) -> bool {
    const TEXTS: &[Type] = &[
        Type::TEXT,
        Type::VARCHAR,
        Type::BPCHAR,
        Type::NAME,
        Type::INT2,
        Type::INT4,
        Type::INT8,
        Type::NUMERIC,
        Type::BOOL,
        Type::DATE,
        Type::UUID,
    ];
    match ty.kind() {
        Kind::Domain(inner) => is_text(inner),
        Kind::Enum(_) => true,
        _ => TEXTS.contains(ty),
    }
}

/// The statement with its cells as texts, behind a count of their bytes; without them where they are more than [`MAX_ROW`]. The server counts
/// without taking long values together, and keeps the order of the rows.
fn counted(query: &str, columns: &[Column]) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let size = |column: &Column| {
        let name = quoted(column.name());
        if is_bytes(column.type_()) {
            format!("coalesce(2 + 2 * octet_length(r.{name})::bigint, 0)")
        } else {
            format!("coalesce(octet_length(r.{name}::text), 0)")
        }
    };
    let sizes: Vec<String> = columns.iter().map(size).collect();
    let count = quoted(SIZE);
    let cell = |column: &Column| format!("CASE WHEN q.{count} <= {MAX_ROW} THEN q.{}::text END", quoted(column.name()));
    let cells: Vec<String> = columns.iter().map(cell).collect();
    // OFFSET 0 keeps the planner from counting again for every cell; a comment at the end of the query ends with its line
    format!(
        "SELECT q.{count}, {} FROM (SELECT r.*, ({})::bigint AS {count} FROM (\n{query}\n) AS r OFFSET 0) AS q",
        cells.join(", "),
        sizes.join(" + "),
    )
}

/// Sends the rows of a statement until there are none, or nobody takes them.
fn read(mut client: Client, statement: &str, send: &SyncSender<Chunk>) -> Result<(), postgres::Error> {
    let mut rows = client.query_raw(statement, std::iter::empty::<&(dyn postgres::types::ToSql + Sync)>())?;
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let size: i64 = row.try_get(0)?;
        let cells: Vec<Option<String>> = (1..row.len()).map(|at| row.try_get(at)).collect::<Result<_, _>>()?;
        bytes += cells.iter().flatten().map(String::len).sum::<usize>();
        chunk.push(Fetched { size, cells });
        if chunk.len() == CHUNK || bytes >= CHUNK_BYTES {
            bytes = 0;
            if send.send(Ok(std::mem::take(&mut chunk))).is_err() {
                return Ok(());
            }
        }
    }
    if chunk.is_empty() || send.send(Ok(chunk)).is_ok() {
        // nobody waits for the end if they gave up
        drop(send.send(Ok(Vec::new())));
    }
    Ok(())
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
            let early = |_| SourceError::Database { origin: self.name.clone(), detail: "the rows ended before their end".to_owned() };
            self.ready.extend(self.chunks.recv().map_err(early)??);
            self.ended = self.ready.is_empty();
        }
        Ok(self.ready.pop_front().map(|fetched| self.row(fetched)))
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
