//! CSV after RFC 4180: a header, then rows; comma, semicolon, or tab; UTF-8 with or without a byte order mark.

use std::io::{BufRead as _, Read as _};
use std::path::Path;
use std::sync::Arc;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::{MAX_COLUMNS, Metered, Row, Source, SourceError, shown};
use crate::line::intake::mapping::Mapping;
use crate::line::intake::rules::{Quality, Reason, quoted};

/// Rows of a CSV file.
pub struct CsvSource {
    name: String,
    reader: Reader<Metered>,
    columns: Vec<String>,
    keys: Vec<Arc<str>>,
    record: ByteRecord,
    number: u64,
}

impl std::fmt::Debug for CsvSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CsvSource({})", self.name)
    }
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

impl CsvSource {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// It cannot be read, has no header, has a column twice or more than [`MAX_COLUMNS`], or lacks one that the mapping names.
    pub fn open(path: &Path, mapping: &Mapping) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        let mut file = Metered::open(path)?;
        let head = file.file.fill_buf().map_err(|source| SourceError::Io { path: path.to_owned(), source })?;
        let text = head.strip_prefix(BOM).unwrap_or(head);
        let delimiter = mapping.delimiter().unwrap_or_else(|| delimiter(text));
        if head.starts_with(BOM) {
            let mut bom = [0; BOM.len()];
            file.read_exact(&mut bom).map_err(|source| SourceError::Io { path: path.to_owned(), source })?;
        }
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(file);
        let wrong =
            |expected: &str, found: String| SourceError::Form { origin: name.clone(), line: 1, expected: expected.to_owned(), found };
        let mut record = ByteRecord::new();
        let some = reader.read_byte_record(&mut record).map_err(|error| failed(&reader, 1, error))?;
        if !some {
            return Err(wrong("a header with the names of the columns", "an empty file".to_owned()));
        }
        if record.len() > MAX_COLUMNS {
            return Err(wrong("at most 256 columns", record.len().to_string()));
        }
        let columns: Vec<String> = record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
        mapping.fits(&columns).map_err(|(expected, found)| wrong(&expected, found))?;
        let keys = columns.iter().map(|column| Arc::from(column.as_str())).collect();
        Ok(Self { name, reader, columns, keys, record, number: 0 })
    }
}

/// The most frequent of comma, semicolon, and tab in the first line.
fn delimiter(head: &[u8]) -> u8 {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    // the last of equals is taken: the comma where there is only one column
    b"\t;,".iter().copied().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn failed(reader: &Reader<Metered>, line: u64, error: csv::Error) -> SourceError {
    let file = reader.get_ref();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => file.error(line, error),
        kind => SourceError::Form { origin: file.path.display().to_string(), line, expected: "CSV".to_owned(), found: format!("{kind:?}") },
    }
}

impl Source for CsvSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self) -> Result<Option<Row>, SourceError> {
        self.reader.get_mut().next_row();
        let line = self.reader.position().line();
        let more = self.reader.read_byte_record(&mut self.record).map_err(|error| failed(&self.reader, line, error))?;
        if !more {
            return Ok(None);
        }
        self.number += 1;
        let line = self.record.position().map_or(line, csv::Position::line);
        let fault = if self.record.len() == self.columns.len() {
            let broken = self.record.iter().zip(&self.columns).find(|(cell, _)| std::str::from_utf8(cell).is_err());
            broken.map(|(cell, column)| Reason::new(Quality::RowForm, column, "UTF-8", quoted(&String::from_utf8_lossy(cell))))
        } else {
            let expected = format!("{} cells, as the header has", self.columns.len());
            Some(Reason::new(Quality::RowForm, "row", expected, self.record.len().to_string()))
        };
        let original = self.record.iter().take(MAX_COLUMNS).map(|cell| shown(&String::from_utf8_lossy(cell))).collect();
        let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
        let cells = if fault.is_some() {
            Default::default()
        } else {
            self.keys.iter().zip(&self.record).map(|(key, cell)| (Arc::clone(key), text(cell))).collect()
        };
        Ok(Some(Row { number: self.number, line, cells, original, fault }))
    }

    fn progress(&self) -> (u64, Option<u64>) {
        let file = self.reader.get_ref();
        (file.done, Some(file.total))
    }

    fn folder(&self) -> Option<&Path> {
        Some(self.reader.get_ref().folder())
    }

    fn digest(&self) -> [u8; 32] {
        self.reader.get_ref().digest()
    }
}
