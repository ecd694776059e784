//! Intake: the records of a population database, judged before anything is made or signed: complete, correct, clean, live.
//!
//! ```text
//! source    CSV, JSON Lines, query -> row                                         source
//! mapping   row -> fields and images                                              mapping, image
//! examine   fields -> record | what is wrong, by rule                             examine, quality, rules
//! store     a live document of this person? a cancelled number?                   live
//! sort      what came twice, on the disk                                          duplicates, runs
//! result    NAME.intake for `line prepare`, NAME.rejects.csv to send back         file, report
//! ```
//!
//! A million records take the memory of a few hundred: rows are read in chunks, what was found of them waits in a spool file, and keys
//! are sorted on the disk. Nothing of a delivery is there until all of it is: the intake file gets its name last, and not at all where
//! more than a given share is quarantined. Intake signs nothing, and stores nothing.

use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use eid::date::Date;

use super::store::StoreError;
use crate::perso::profile::DocumentProfile;

mod duplicates;
mod examine;
mod file;
mod image;
mod live;
mod mapping;
mod quality;
mod rejects;
mod report;
mod rules;
mod runs;
mod scratch;
mod source;
mod spool;
mod work;

pub use file::{Accepted, AcceptedFile, Header, IntakeFileError, SourceHeader, VERSION, Why};
pub use image::{Image, MAX_IMAGE, MAX_IMAGES};
pub use live::Live;
pub use mapping::{Field, Mapping};
pub use report::{LISTED, Report, SourceReport, Tally};
pub use rules::{Ground, Level, LevelError, Levels, Quality, Reason};
#[cfg(feature = "postgres")]
pub use source::PostgresSource;
pub use source::{CsvSource, JsonLinesSource, MAX_COLUMNS, MAX_ROW, Row, Source, SourceError, open};

/// How a delivery is judged.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The day of production.
    pub today: Date,
    /// Day of issue of a record that says none; today if there is none here either.
    pub issue: Option<Date>,
    /// Whether a record that does not say so is of a person and not a test.
    pub live: bool,
    /// Days since a record was confirmed, where it says so.
    pub max_age: Option<u32>,
    /// Whether every image is decoded, not only its header and its end looked at.
    pub decode: bool,
    /// Whether images that came by path are copied into the intake file.
    pub inline: bool,
    /// The share of quarantined records above which the whole delivery is refused.
    pub refuse_above: Share,
    /// Threads that examine records.
    pub workers: NonZeroUsize,
}

/// A part of a whole, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// From millionths, at most 1,000,000.
    #[must_use]
    pub const fn from_ppm(ppm: u32) -> Option<Self> {
        if ppm <= 1_000_000 { Some(Self(ppm)) } else { None }
    }

    /// In millionths.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// Whether `part` of `whole` is more than this share.
    #[must_use]
    pub fn is_exceeded(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 1_000_000 > u128::from(whole) * u128::from(self.0)
    }
}

impl std::fmt::Display for Share {
    /// In percent: `0.1 %`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, part) = (self.0 / 10_000, self.0 % 10_000);
        match part {
            0 => write!(f, "{whole} %"),
            part => write!(f, "{whole}.{} %", format!("{part:04}").trim_end_matches('0')),
        }
    }
}

impl std::str::FromStr for Share {
    type Err = String;

    /// Percent with at most four decimals: `10`, `0.1`, `0.1%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected percent from 0 to 100 with at most four decimals, found {text:?}");
        let number = text.trim().trim_end_matches('%').trim_end();
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || whole.len() > 3 || part.len() > 4 || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(wrong());
        }
        let digits: u32 = format!("{whole}{part:0<4}").parse().map_err(|_| wrong())?;
        Self::from_ppm(digits).ok_or_else(wrong)
    }
}

/// Where the results go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    folder: PathBuf,
    name: String,
}

impl Output {
    /// Files named after `name` in `folder`, which is made if it is not there. `None` if the name is empty, longer than 100 characters, or has
    /// anything but letters, digits, `-`, `_`, and `.` inside.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> Option<Self> {
        let right = |c: char| c.is_alphanumeric() || ['-', '_', '.'].contains(&c);
        let usable = (1..=100).contains(&name.chars().count()) && name.chars().all(right) && !name.starts_with('.');
        usable.then(|| Self { folder: folder.to_owned(), name: name.to_owned() })
    }

    /// The accepted records, for `line prepare`; never overwritten.
    #[must_use]
    pub fn accepted(&self) -> PathBuf {
        self.file("intake")
    }

    /// The rejects of source `number`, from 1, of `sources`; one without rejects has none.
    #[must_use]
    pub fn rejects(&self, number: usize, sources: usize) -> PathBuf {
        if sources == 1 { self.file("rejects.csv") } else { self.file(&format!("rejects-{number}.csv")) }
    }

    /// The report as text.
    #[must_use]
    pub fn report_text(&self) -> PathBuf {
        self.file("report.txt")
    }

    /// The report as JSON.
    #[must_use]
    pub fn report_json(&self) -> PathBuf {
        self.file("report.json")
    }

    fn file(&self, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", self.name))
    }
}

/// How far a delivery is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows of all sources up to now.
    pub rows: u64,
    /// Number of the source, from 1.
    pub source: usize,
    /// Bytes of it that are read.
    pub done: u64,
    /// Its bytes, if they are known.
    pub total: Option<u64>,
}

/// Hears of the progress after every chunk of rows, and may stop the work.
pub type Tell<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Why a delivery is not judged to its end. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A source ends before its end.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is an intake file of this name: a batch may have been prepared from it.
    #[error("{path}: expected no intake file of this name yet, found one")]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// Another intake of this name is at work.
    #[error("{path}: expected nobody at work in it, found another intake of this name")]
    Busy {
        /// Its folder.
        path: PathBuf,
    },
    /// More sources or rows than a delivery may have.
    #[error("expected fewer than 2^24 sources and 2^40 rows each, found more")]
    TooMany,
    /// It was told to stop.
    #[error("stopped before the end of the delivery")]
    Stopped,
}

/// Judges a delivery. The accepted records are in [`Output::accepted`] when this returns, unless the report says that the delivery is
/// refused; the others are in [`Output::rejects`]. `live` asks a store; without it, nobody is known to have a document.
///
/// # Errors
/// The delivery was not read to its end; no file is left.
pub fn run(
    sources: &mut [Box<dyn Source>],
    mapping: &Mapping,
    profile: &DocumentProfile,
    options: &Options,
    output: &Output,
    live: Option<Live<'_>>,
    tell: Tell<'_>,
) -> Result<Report, IntakeError> {
    work::Work { mapping, profile, options, output }.run(sources, live, tell)
}

#[cfg(test)]
mod tests;
