//! The rejects of a source as CSV: row, line, rules, and reasons, then the row as it came. It is what is sent back, and quotes persons.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use csv::{Writer, WriterBuilder};

use super::IntakeError;
use super::rules::{Level, Levels};
use super::scratch::{Scratch, create};
use super::spool::Frame;

/// Writes the rejects of one source.
#[derive(Debug)]
pub(super) struct Rejects {
    path: PathBuf,
    writer: Writer<File>,
    rows: u64,
}

impl Rejects {
    /// A list within `scratch`, to be moved where it belongs when it is whole.
    pub(super) fn new(scratch: &Scratch, number: usize, columns: &[String]) -> Result<Self, IntakeError> {
        let path = scratch.path(&format!("rejects-{number}"));
        let writer = WriterBuilder::new().flexible(true).from_writer(create(&path)?);
        let mut rejects = Self { path, writer, rows: 0 };
        let own = ["reject_row", "reject_line", "reject_rules", "reject_reasons"];
        rejects.record(own.into_iter().chain(columns.iter().map(String::as_str)))?;
        Ok(rejects)
    }

    fn record<'a>(&mut self, cells: impl Iterator<Item = &'a str>) -> Result<(), IntakeError> {
        let written = self.writer.write_record(cells);
        written.map_err(|error| IntakeError::Io { path: self.path.clone(), source: io::Error::other(error.to_string()) })
    }

    /// One row that is not accepted.
    pub(super) fn add(&mut self, frame: &Frame, levels: &Levels) -> Result<(), IntakeError> {
        let reasons: Vec<_> = frame.reasons.iter().filter(|reason| levels.of(reason.ground) == Level::Quarantine).collect();
        let mut rules: Vec<&str> = reasons.iter().map(|reason| reason.ground.id()).collect();
        rules.dedup();
        let [row, line] = [frame.row, frame.line].map(|number| number.to_string());
        let texts = reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let rules = rules.join(" ");
        self.rows += 1;
        self.record([row.as_str(), &line, &rules, &texts].into_iter().chain(frame.original.iter().map(String::as_str)))
    }

    /// The finished list; `None` if there are no rejects.
    pub(super) fn finish(mut self) -> Result<Option<PathBuf>, IntakeError> {
        let flushed = self.writer.flush().and_then(|()| self.writer.get_ref().sync_all());
        flushed.map_err(|source| IntakeError::Io { path: self.path.clone(), source })?;
        Ok((self.rows > 0).then_some(self.path))
    }
}
