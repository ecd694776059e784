//! Where records come from: a CSV file, a file of JSON Lines, a query. Row after row, none of them longer than [`MAX_ROW`].
//!
//! What is wrong with one row is a [`Reason`] and the next row follows; what makes the rest meaningless, as a quotation mark that is never
//! closed, ends the source with a [`SourceError`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::mapping::Mapping;
use super::rules::Reason;

mod csv;
mod json_lines;
#[cfg(feature = "postgres")]
mod postgres;

pub use csv::CsvSource;
pub use json_lines::JsonLinesSource;
#[cfg(feature = "postgres")]
pub use postgres::PostgresSource;

/// Bytes of one row at most: a portrait and ten fingers in base64 have room.
pub const MAX_ROW: usize = 16 << 20;

/// Columns of one source at most.
pub const MAX_COLUMNS: usize = 256;

/// One row as it came.
#[derive(Clone)]
pub struct Row {
    /// Which row of its source, from 1; the header of a CSV file is not counted.
    pub number: u64,
    /// Line of the file on which it begins, from 1; the number of the row where there are no lines.
    pub line: u64,
    /// The cells that are there, by column.
    pub cells: BTreeMap<Arc<str>, String>,
    /// The row as the list of rejects gives it back, in the order of [`Source::columns`].
    pub original: Vec<String>,
    /// Why it is no row.
    pub fault: Option<Reason>,
}

impl Row {
    /// About how much memory it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.cells.values().map(String::len).sum::<usize>() + self.original.iter().map(String::len).sum::<usize>()
    }
}

impl std::fmt::Debug for Row {
    /// Its place and nothing of the person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({}, line {})", self.number, self.line)
    }
}

/// Why a source ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not of the form that its name promises, or a row is longer than [`MAX_ROW`].
    #[error("{origin}, line {line}: expected {expected}, found {found}")]
    Form {
        /// The source.
        origin: String,
        /// Line, from 1.
        line: u64,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The database refuses, or went away.
    #[error("{origin}: {detail}")]
    Database {
        /// The database, without secrets.
        origin: String,
        /// What it says.
        detail: String,
    },
}

/// Records in rows.
pub trait Source {
    /// Its name in reports, without secrets: the path of a file.
    fn name(&self) -> &str;

    /// Names of the columns of [`Row::original`].
    fn columns(&self) -> &[String];

    /// The next row; `None` after the last one.
    ///
    /// # Errors
    /// Any [`SourceError`]; nothing more comes after it.
    fn next(&mut self) -> Result<Option<Row>, SourceError>;

    /// Bytes that were read, and how many there are if that is known.
    fn progress(&self) -> (u64, Option<u64>);

    /// The folder in which the images lie that rows name by path; none for a source that is no file.
    fn folder(&self) -> Option<&Path>;

    /// SHA-256 of what was read: of a whole file after its last row.
    fn digest(&self) -> [u8; 32];
}

/// Opens a file: JSON Lines if its name ends in `.jsonl` or `.ndjson`, else CSV.
///
/// # Errors
/// It cannot be read, or its header does not fit the mapping.
pub fn open(path: &Path, mapping: &Mapping) -> Result<Box<dyn Source>, SourceError> {
    let lines = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jsonl") || e.eq_ignore_ascii_case("ndjson"));
    Ok(if lines { Box::new(JsonLinesSource::open(path, mapping)?) } else { Box::new(CsvSource::open(path, mapping)?) })
}

/// A file that is counted and hashed while it is read, and that ends with an error where a row is too long.
struct Metered {
    path: PathBuf,
    file: BufReader<File>,
    total: u64,
    done: u64,
    /// Bytes that may still be read for this row.
    budget: usize,
    hash: Sha256,
}

/// The end of [`Metered`]'s patience: told apart from errors of the system by its kind.
const TOO_LONG: io::ErrorKind = io::ErrorKind::FileTooLarge;

impl Metered {
    fn open(path: &Path) -> Result<Self, SourceError> {
        let io = |source| SourceError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let total = file.metadata().map_err(io)?.len();
        let file = BufReader::with_capacity(1 << 16, file);
        Ok(Self { path: path.to_owned(), file, total, done: 0, budget: MAX_ROW, hash: Sha256::new() })
    }

    const fn next_row(&mut self) {
        self.budget = MAX_ROW;
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    fn error(&self, line: u64, error: io::Error) -> SourceError {
        if error.kind() == TOO_LONG {
            let expected = format!("a row of at most {MAX_ROW} bytes that begins here");
            let found = "a longer one: a quotation mark that is not closed?".to_owned();
            return SourceError::Form { origin: self.path.display().to_string(), line, expected, found };
        }
        SourceError::Io { path: self.path.clone(), source: error }
    }
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.budget == 0 {
            return Err(TOO_LONG.into());
        }
        let most = buffer.len().min(self.budget);
        let read = self.file.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.budget -= read;
        self.done += u64::try_from(read).unwrap_or_default();
        Ok(read)
    }
}

/// A cell as a reject shows it: whole, or its size where it holds an image.
fn shown(cell: &str) -> String {
    const LONGEST: usize = 2_000;
    if cell.len() <= LONGEST { cell.to_owned() } else { format!("({} characters)", cell.chars().count()) }
}
