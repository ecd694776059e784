//! JSON Lines: one object a line. Texts, numbers, and truth values are cells; `fingers`, `irises`, and `mrz` may be lists, as in the
//! records of `perso build`. Empty lines are passed over.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{MAX_COLUMNS, MAX_ROW, Metered, Row, Source, SourceError, shown};
use crate::line::intake::mapping::Mapping;
use crate::line::intake::rules::{Quality, Reason};

/// Rows of a file of JSON Lines.
pub struct JsonLinesSource {
    name: String,
    reader: BufReader<Metered>,
    columns: Vec<String>,
    mapping: Mapping,
    buffer: Vec<u8>,
    line: u64,
    number: u64,
}

impl std::fmt::Debug for JsonLinesSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JsonLinesSource({})", self.name)
    }
}

impl JsonLinesSource {
    /// Opens a file. Rejects have one column, `record`: the object.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: &Path, mapping: &Mapping) -> Result<Self, SourceError> {
        let reader = BufReader::with_capacity(1 << 16, Metered::open(path)?);
        let columns = vec!["record".to_owned()];
        Ok(Self { name: path.display().to_string(), reader, columns, mapping: mapping.clone(), buffer: Vec::new(), line: 0, number: 0 })
    }
}

type Cells = BTreeMap<Arc<str>, String>;

/// The cells of an object; `Err` says which field is of another kind.
fn cells(object: &Map<String, Value>) -> Result<Cells, Reason> {
    let mut cells = Cells::new();
    let wrong = |field: &str, expected: &str| Reason::new(Quality::RowForm, field, expected, "a value of another kind");
    if object.len() > MAX_COLUMNS {
        return Err(Reason::new(Quality::RowForm, "row", "at most 256 fields", object.len().to_string()));
    }
    for (field, value) in object {
        match value {
            Value::Null => {}
            Value::String(text) => drop(cells.insert(field.as_str().into(), text.clone())),
            Value::Number(number) => drop(cells.insert(field.as_str().into(), number.to_string())),
            Value::Bool(truth) => drop(cells.insert(field.as_str().into(), truth.to_string())),
            Value::Array(list) if field == "mrz" && list.len() <= 3 => {
                let lines: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                cells.insert(field.as_str().into(), lines.ok_or_else(|| wrong(field, "lines of text"))?.join("\n"));
            }
            Value::Array(list) if ["fingers", "irises"].contains(&field.as_str()) && list.len() <= 10 => {
                let (place, prefix) = if field == "fingers" { ("position", "finger") } else { ("eye", "iris") };
                for image in list {
                    let [place, file] = [place, "file"].map(|member| image.get(member).and_then(Value::as_str));
                    let (Some(place), Some(file)) = (place, file) else {
                        return Err(wrong(field, "objects with a place and a file"));
                    };
                    let column = format!("{prefix}_{}", place.replace('-', "_"));
                    if cells.insert(column.as_str().into(), file.to_owned()).is_some() {
                        return Err(Reason::new(Quality::RowForm, field, format!("{place} once"), "it twice"));
                    }
                }
            }
            _ => return Err(wrong(field, "a text")),
        }
    }
    Ok(cells)
}

/// The object with long texts replaced by their sizes.
fn original(object: Map<String, Value>) -> String {
    let short = |(key, value)| match value {
        Value::String(text) => (key, Value::String(shown(&text))),
        other => (key, other),
    };
    serde_json::to_string(&object.into_iter().map(short).collect::<Map<_, _>>()).unwrap_or_default()
}

impl Source for JsonLinesSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self) -> Result<Option<Row>, SourceError> {
        loop {
            self.reader.get_mut().next_row();
            self.buffer.clear();
            self.line += 1;
            let most = u64::try_from(MAX_ROW).unwrap_or(u64::MAX);
            let read = (&mut self.reader).take(most).read_until(b'\n', &mut self.buffer);
            let read = read.map_err(|error| self.reader.get_ref().error(self.line, error))?;
            if read == 0 {
                return Ok(None);
            }
            if read == MAX_ROW && !self.buffer.ends_with(b"\n") {
                return Err(self.reader.get_ref().error(self.line, super::TOO_LONG.into()));
            }
            let text = self.buffer.trim_ascii();
            if text.is_empty() {
                continue;
            }
            self.number += 1;
            let row = |cells, original, fault| Row { number: self.number, line: self.line, cells, original: vec![original], fault };
            let object: Map<String, Value> = match serde_json::from_slice(text) {
                Ok(object) => object,
                Err(error) => {
                    let fault = Reason::new(Quality::RowForm, "row", "a JSON object", error.to_string());
                    return Ok(Some(row(Cells::new(), shown(&String::from_utf8_lossy(text)), Some(fault))));
                }
            };
            let found = cells(&object).and_then(|cells| {
                let known = self.mapping.knows(cells.keys().map(|key| &**key));
                known.map(|()| cells).map_err(|(expected, found)| Reason::new(Quality::RowForm, "row", expected, found))
            });
            return Ok(Some(match found {
                Ok(cells) => row(cells, original(object), None),
                Err(fault) => row(Cells::new(), original(object), Some(fault)),
            }));
        }
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
