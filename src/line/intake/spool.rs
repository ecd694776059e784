//! What was found of each row, on the disk until the whole delivery is read: only then is it known what came twice.
//!
//! A frame: source and row, line, then accepted record, reasons, and original row, each JSON behind its length; the first one is empty
//! for a row that is no record.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use super::IntakeError;
use super::rules::{Ground, Reason};
use super::scratch::Scratch;

/// One row as it was left.
pub(super) struct Frame {
    pub(super) source: u32,
    pub(super) row: u64,
    pub(super) line: u64,
    /// The accepted record, JSON; empty if there is none.
    pub(super) accepted: Vec<u8>,
    pub(super) reasons: Vec<Reason>,
    pub(super) original: Vec<String>,
}

/// Rows in their order.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Spool {
    pub(super) fn new(scratch: &Scratch) -> Result<Self, IntakeError> {
        let file = BufWriter::with_capacity(1 << 16, scratch.file("spool")?);
        Ok(Self { path: scratch.path("spool"), file })
    }

    pub(super) fn push(&mut self, frame: &Frame) -> Result<(), IntakeError> {
        let told = |reason: &Reason| [reason.ground.id(), &reason.field, &reason.expected, &reason.found].map(str::to_owned);
        let reasons: Vec<[String; 4]> = frame.reasons.iter().map(told).collect();
        let blobs = [
            frame.accepted.clone(),
            serde_json::to_vec(&reasons).unwrap_or_default(),
            serde_json::to_vec(&frame.original).unwrap_or_default(),
        ];
        let mut head = frame.source.to_be_bytes().to_vec();
        head.extend(frame.row.to_be_bytes());
        head.extend(frame.line.to_be_bytes());
        let mut write = |bytes: &[u8]| self.file.write_all(bytes).map_err(|source| IntakeError::Io { path: self.path.clone(), source });
        write(&head)?;
        for blob in blobs {
            write(&u32::try_from(blob.len()).unwrap_or(u32::MAX).to_be_bytes())?;
            write(&blob)?;
        }
        Ok(())
    }

    /// The rows again, from the first one.
    pub(super) fn again(self) -> Result<Frames, IntakeError> {
        let path = self.path;
        let io = |source| IntakeError::Io { path: path.clone(), source };
        let mut file = self.file.into_inner().map_err(|error| io(error.into_error()))?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        Ok(Frames { path, file: BufReader::with_capacity(1 << 16, file) })
    }
}

/// The rows as they were written.
#[derive(Debug)]
pub(super) struct Frames {
    path: PathBuf,
    file: BufReader<File>,
}

impl Frames {
    fn step(&mut self) -> io::Result<Option<Frame>> {
        let mut source = [0; 4];
        match self.file.read_exact(&mut source) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let mut number = [0; 8];
        self.file.read_exact(&mut number)?;
        let row = u64::from_be_bytes(number);
        self.file.read_exact(&mut number)?;
        let line = u64::from_be_bytes(number);
        let accepted = self.blob()?;
        let reasons: Vec<[String; 4]> = serde_json::from_slice(&self.blob()?)?;
        let original: Vec<String> = serde_json::from_slice(&self.blob()?)?;
        let told = |[id, field, expected, found]: [String; 4]| Ground::find(&id).map(|ground| Reason { ground, field, expected, found });
        let reasons = reasons.into_iter().filter_map(told).collect();
        Ok(Some(Frame { source: u32::from_be_bytes(source), row, line, accepted, reasons, original }))
    }

    fn blob(&mut self) -> io::Result<Vec<u8>> {
        let mut len = [0; 4];
        self.file.read_exact(&mut len)?;
        let mut blob = Vec::new();
        let read = (&mut self.file).take(u64::from(u32::from_be_bytes(len))).read_to_end(&mut blob)?;
        if u32::try_from(read).ok() == Some(u32::from_be_bytes(len)) { Ok(blob) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, IntakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().map_err(|source| IntakeError::Io { path: self.path.clone(), source }).transpose()
    }
}
