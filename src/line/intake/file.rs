//! The intake file: accepted records as JSON Lines behind a header line, for `line prepare`.
//!
//! ```text
//! {"cardwright_intake":1,"profile":"can-cuoc-2024",…,"accepted":188,"body_bytes":…,"body_sha256":"…"}
//! {"source":1,"row":1,"input":{…},"images":{"photo":{"file":{"path":"…","sha256":"…"}}},"reason":"first"}
//! …
//! ```
//!
//! It holds clear records and is for its owner only. The header says how long the body is and what its SHA-256 is: a file that was cut,
//! mended, or continued is refused before its first record. Blanks fill the header line to the length that was kept free for it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use eid::date::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::image::{Image, MAX_IMAGES};
use super::scratch::create;
use super::{IntakeError, source::MAX_ROW};
use crate::line::store::JobId;
use crate::perso::profile::DocumentProfile;
use crate::perso::record::{Input, Problem, Record};

/// Version of the form.
pub const VERSION: u32 = 1;

/// Bytes of a line at most: a row and its images in base64.
const MAX_LINE: usize = MAX_ROW + 2 * MAX_IMAGES;
/// Bytes of the header line at most.
const MAX_HEADER: usize = 1 << 20;

/// Why a document is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The first one of its kind for this person, as far as the line knows.
    #[default]
    First,
    /// The old one expires.
    Renewal,
    /// The old one was lost.
    Lost,
    /// The old one is damaged.
    Damaged,
    /// What the old one says has changed.
    Changed,
}

impl Why {
    /// The words of a source.
    pub(super) const ALL: &'static [(&'static str, Self)] =
        &[("first", Self::First), ("renewal", Self::Renewal), ("lost", Self::Lost), ("damaged", Self::Damaged), ("changed", Self::Changed)];
}

/// An accepted record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Its source, from 1, as the header lists them.
    pub source: u32,
    /// Its row there, from 1.
    pub row: u64,
    /// The record. Its portrait, fingers, and irises are names in [`images`](Self::images).
    pub input: Input,
    /// The images by name: `photo`, `finger_right_index`, …
    pub images: BTreeMap<String, Image>,
    /// Why the document is made.
    pub reason: Why,
    /// Number of the issued job whose document this one replaces, if the store had one when the record was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<i64>,
}

impl Accepted {
    /// The bytes of an image, as [`Record::new`] asks for them.
    ///
    /// # Errors
    /// No such image, its file cannot be read, or it is another one than was accepted; in words.
    pub fn load(&self, name: &str) -> Result<Vec<u8>, String> {
        self.images.get(name).ok_or_else(|| format!("no image {name}"))?.load()
    }

    /// The record, checked once more: images may have gone, and `today` may be another day.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn record(&self, profile: &DocumentProfile, today: Date) -> Result<Record, Vec<Problem>> {
        Record::new(&self.input, profile, today, &mut |name| self.load(name))
    }

    /// The issued job whose document this one replaces.
    #[must_use]
    pub fn replaces(&self) -> Option<JobId> {
        self.replaces.map(JobId)
    }
}

/// A source as the header has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceHeader {
    /// Its name without secrets.
    pub name: String,
    /// SHA-256 of what was read, 64 hexadecimal digits.
    pub sha256: String,
    /// Rows.
    pub rows: u64,
    /// Rows that were accepted.
    pub accepted: u64,
    /// Rows that were not.
    pub quarantined: u64,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`VERSION`].
    pub cardwright_intake: u32,
    /// Identifier of the document profile.
    pub profile: String,
    /// The day on which the records were judged, `YYYY-MM-DD`.
    pub today: String,
    /// Where the records come from.
    pub sources: Vec<SourceHeader>,
    /// Records in the body.
    pub accepted: u64,
    /// Records that were not accepted.
    pub quarantined: u64,
    /// Bytes of the body.
    pub body_bytes: u64,
    /// SHA-256 of the body, 64 hexadecimal digits.
    pub body_sha256: String,
}

/// Why an intake file is not read.
#[derive(Debug, thiserror::Error)]
pub enum IntakeFileError {
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// No intake file, one of another version, or one that was changed since it was written.
    #[error("{path}, {place}: expected {expected}, found {found}")]
    Form {
        /// The file.
        path: PathBuf,
        /// Where.
        place: String,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
}

/// Writes an intake file: the body first, then the header in the place that was kept free.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    header_len: usize,
    bytes: u64,
    hash: Sha256,
}

impl Writer {
    /// `widest` is a header that is as long as the last one can become.
    pub(super) fn new(path: PathBuf, widest: &Header) -> Result<Self, IntakeError> {
        let header_len = serde_json::to_vec(widest).map_or(0, |text| text.len() + 1);
        let file = create(&path)?;
        let mut writer = Self { path, file: BufWriter::with_capacity(1 << 16, file), header_len, bytes: 0, hash: Sha256::new() };
        writer.raw(&vec![b' '; header_len])?;
        Ok(writer)
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), IntakeError> {
        self.file.write_all(bytes).map_err(|source| IntakeError::Io { path: self.path.clone(), source })
    }

    /// One record, JSON without a line end.
    pub(super) fn line(&mut self, json: &[u8]) -> Result<(), IntakeError> {
        for part in [json, b"\n"] {
            self.raw(part)?;
            self.hash.update(part);
            self.bytes += u64::try_from(part.len()).unwrap_or_default();
        }
        Ok(())
    }

    /// Writes the header; the file is on the disk when this returns.
    pub(super) fn finish(mut self, mut header: Header) -> Result<(), IntakeError> {
        header.body_bytes = self.bytes;
        header.body_sha256 = hex::encode(self.hash.finalize_reset());
        let mut line = serde_json::to_vec(&header).unwrap_or_default();
        // no figure is wider than the widest one
        line.resize(self.header_len.saturating_sub(1), b' ');
        line.push(b'\n');
        let path = self.path;
        let write = |mut file: BufWriter<File>| {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&line)?;
            file.flush()?;
            file.get_ref().sync_all()
        };
        write(self.file).map_err(|source| IntakeError::Io { path, source })
    }
}

/// An intake file that is whole: the accepted records one after another.
#[derive(Debug)]
pub struct AcceptedFile {
    path: PathBuf,
    header: Header,
    reader: BufReader<File>,
    line: u64,
}

impl AcceptedFile {
    /// Opens a file and holds its body against its header.
    ///
    /// # Errors
    /// It cannot be read, is no intake file of [`VERSION`], or was changed.
    pub fn open(path: &Path) -> Result<Self, IntakeFileError> {
        let io = |source| IntakeFileError::Io { path: path.to_owned(), source };
        let form = |place: &str, expected: &str, found: String| IntakeFileError::Form {
            path: path.to_owned(),
            place: place.to_owned(),
            expected: expected.to_owned(),
            found,
        };
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(io)?);
        let mut line = Vec::new();
        let most = u64::try_from(MAX_HEADER).unwrap_or_default();
        (&mut reader).take(most).read_until(b'\n', &mut line).map_err(io)?;
        let version: Version =
            serde_json::from_slice(&line).map_err(|error| form("line 1", "the header of an intake file", error.to_string()))?;
        if version.cardwright_intake != VERSION {
            return Err(form("line 1", "version 1", version.cardwright_intake.to_string()));
        }
        let header: Header =
            serde_json::from_slice(&line).map_err(|error| form("line 1", "the header of an intake file", error.to_string()))?;
        let (mut hash, mut bytes, mut lines) = (Sha256::new(), 0, 0);
        loop {
            let part = reader.fill_buf().map_err(io)?;
            if part.is_empty() {
                break;
            }
            hash.update(part);
            lines += part.iter().filter(|byte| **byte == b'\n').count();
            let len = part.len();
            bytes += u64::try_from(len).unwrap_or_default();
            reader.consume(len);
        }
        if bytes != header.body_bytes {
            return Err(form("body", &format!("{} bytes", header.body_bytes), bytes.to_string()));
        }
        if hex::encode(hash.finalize()) != header.body_sha256 {
            return Err(form("body", &format!("SHA-256 {}", header.body_sha256), "another one".to_owned()));
        }
        if u64::try_from(lines).ok() != Some(header.accepted) {
            return Err(form("body", &format!("{} records", header.accepted), lines.to_string()));
        }
        reader.seek(SeekFrom::Start(u64::try_from(line.len()).unwrap_or_default())).map_err(io)?;
        Ok(Self { path: path.to_owned(), header, reader, line: 1 })
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    fn step(&mut self) -> Result<Option<Accepted>, IntakeFileError> {
        let mut line = Vec::new();
        let most = u64::try_from(MAX_LINE).unwrap_or_default();
        let read = (&mut self.reader).take(most).read_until(b'\n', &mut line);
        if read.map_err(|source| IntakeFileError::Io { path: self.path.clone(), source })? == 0 {
            return Ok(None);
        }
        self.line += 1;
        serde_json::from_slice(&line).map(Some).map_err(|error| IntakeFileError::Form {
            path: self.path.clone(),
            place: format!("line {}", self.line),
            expected: "an accepted record".to_owned(),
            found: error.to_string(),
        })
    }
}

/// What every version of the header has.
#[derive(Deserialize)]
struct Version {
    cardwright_intake: u32,
}

impl Iterator for AcceptedFile {
    type Item = Result<Accepted, IntakeFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
