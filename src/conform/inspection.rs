//! Inspection systems under test: any program is shown good and bad cards one after another, and its verdict is judged.
//!
//! The cards are those of BSI TR-03105-5.1 and of ICAO's test standard part 4 (`suites/inspection.csv`). For each a document is made, with an
//! authority of its own, its chip is put before the program as a virtual card, and the program's exit code, or a member of the JSON that it prints,
//! says what it thinks of it.
//!
//! | module | what |
//! | --- | --- |
//! | `table` | the rows, and the cards of each |
//! | `document` | a card with all that a terminal has for it, in a folder |
//! | `program` | the command: words, placeholders, time limit, what it printed |
//! | `judge` | from exit code or JSON to accept or reject, and to the verdict of the case |
//!
//! No shell is started, and nothing of the environment is taken away from the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use applets::vpcd::{self, VpcdError};
use eid::date::Date;

use super::report::Report;
use super::run::{CaseResult, Verdict, fits};

mod document;
mod judge;
mod program;
mod table;

pub use document::{Document, DocumentError, Documents, Laid};
pub use judge::{Judge, JudgeError, Pointer, Said};
pub use program::{Command, CommandError};
pub use table::{Basis, Card, Expected, Row, TableError, rows};

/// Short name of the suite.
pub const NAME: &str = "inspection";
/// Its document.
pub const DOCUMENT: &str = "BSI TR-03105-5.1 V1.5, and by its titles ICAO TR RF protocol and application test standard for eMRTD, Part 4";
/// How long a card lies in the reader before the program is started, and how long the reader is empty after it: the driver looks every 400 ms, and
/// does not see a card go that comes back sooner.
const SETTLE: Duration = Duration::from_secs(1);

/// Where the program finds the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// In a card file, by our own reader name `sim:FILE#FAULTS`.
    Simulated,
    /// In a reader of the PC/SC service, whose driver (vsmartcard) listens at an address.
    Vpcd {
        /// `HOST:PORT`.
        address: String,
        /// What the program calls it.
        name: String,
    },
}

/// Why a run cannot be made, or ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum InspectionError {
    /// The table is wrong.
    #[error(transparent)]
    Table(#[from] TableError),
    /// No row has such an id.
    #[error("expected ids of cases of {NAME}, found {pattern:?}, which fits none")]
    NoCase {
        /// What was asked for.
        pattern: String,
    },
    /// The program cannot be started.
    #[error("command: {0}")]
    Command(#[from] CommandError),
    /// The reader takes no card.
    #[error(transparent)]
    Reader(#[from] VpcdError),
    /// No document can be made.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A folder cannot be made or removed.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A program under test, and how it is tested.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The program.
    pub command: Command,
    /// What is added to it for documents with Terminal Authentication.
    pub with_terminal: Option<Command>,
    /// Where it finds the card.
    pub reader: Reader,
    /// How its verdict is known.
    pub judge: Judge,
    /// How long it may take for one card.
    pub limit: Duration,
    /// Whether it may accept what the plan refuses and documents in the field give reasons to accept.
    pub lenient: bool,
    /// Ids of the rows, `*` for any characters; all if there is none.
    pub only: Vec<String>,
    /// Profiles that it does not have: their rows do not apply.
    pub without: Vec<String>,
    /// Day of issue of the documents.
    pub today: Date,
    /// Where keys and persons come from.
    pub seed: u64,
    /// Where the documents are made: a folder for each, which stays only where it was asked for.
    pub folder: PathBuf,
    /// Whether the documents stay.
    pub keep: bool,
}

/// What a program did with a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The card, in the words of the table.
    pub card: String,
    /// What is expected, in words.
    pub expected: String,
    /// What the program said, in words.
    pub said: String,
    /// The command as it was started.
    pub command: Vec<String>,
    /// The end of what it printed.
    pub output: String,
}

/// The program in a report, and what it did in each case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// The command, as it was given.
    pub command: String,
    /// The kind of reader.
    pub reader: String,
    /// By id of the case.
    pub seen: BTreeMap<String, Seen>,
}

impl Bench {
    /// All rows, if each of the ids is that of one.
    ///
    /// # Errors
    /// [`InspectionError::Table`], [`InspectionError::NoCase`].
    pub fn chosen(only: &[String]) -> Result<Vec<Row>, InspectionError> {
        let rows = rows()?;
        let fitting =
            |pattern: &String| rows.iter().any(|row| row.cases().iter().any(|(id, _)| fits(pattern, id)) || fits(pattern, &row.id));
        if let Some(pattern) = only.iter().find(|pattern| !fitting(pattern)) {
            return Err(InspectionError::NoCase { pattern: pattern.clone() });
        }
        Ok(rows)
    }

    /// How many cases a run has.
    ///
    /// # Errors
    /// As [`chosen`](Self::chosen).
    pub fn cases(&self) -> Result<u64, InspectionError> {
        let rows = Self::chosen(&self.only)?;
        let count = rows.iter().flat_map(|row| row.cases().into_iter().filter(|(id, _)| self.wants(row, id))).count();
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    fn wants(&self, row: &Row, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| fits(pattern, id) || fits(pattern, &row.id))
    }

    /// Shows the program one card after another. `tell` hears of each case as it is done.
    ///
    /// # Errors
    /// [`InspectionError`]: nothing that the program does ends the run, but that it cannot be started, or that the reader takes no card.
    pub fn run(&self, tell: &mut dyn FnMut(&CaseResult)) -> Result<Report, InspectionError> {
        let rows = Self::chosen(&self.only)?;
        let reader = match &self.reader {
            Reader::Simulated => "card files".to_owned(),
            Reader::Vpcd { address, name } => format!("{name} (vpcd at {address})"),
        };
        let mut report =
            Report::of_program(!self.lenient, Tested { command: self.command.text().to_owned(), reader, seen: BTreeMap::new() });
        let documents = Documents::new(self.today, self.seed)?;
        for row in &rows {
            for (id, words) in row.cases() {
                if !self.wants(row, &id) {
                    continue;
                }
                let started = Instant::now();
                let (verdict, reason, seen) = self.case(row, &id, words.as_deref(), &documents)?;
                let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                let case = row.as_case(&id, words.as_deref());
                let result = CaseResult { case, verdict, reason, exchanges: Vec::new(), milliseconds };
                tell(&result);
                report.cases.push(result);
                report.saw(id, seen);
            }
        }
        Ok(report)
    }

    fn case(
        &self,
        row: &Row,
        id: &str,
        words: Option<&str>,
        documents: &Documents,
    ) -> Result<(Verdict, String, Option<Seen>), InspectionError> {
        let unlike =
            row.profile.split_whitespace().find(|profile| self.without.iter().any(|without| without.eq_ignore_ascii_case(profile)));
        let (expected, words) = match (row.expected, words) {
            _ if unlike.is_some() => {
                return Ok((Verdict::NotApplicable, format!("the system has no {}", unlike.unwrap_or_default()), None));
            }
            (Some(expected), Some(words)) => (expected, words),
            _ => return Ok((Verdict::Skipped, row.note.clone(), None)),
        };
        let document = match documents.make(words) {
            Ok(document) => document,
            Err(DocumentError::NotBuilt { fault, why }) => return Ok((Verdict::Skipped, format!("{fault}: {why}"), None)),
            Err(error) => return Ok((Verdict::Inconclusive, format!("the card could not be made: {error}"), None)),
        };
        let folder = self.folder.join(id);
        let laid = match document.lay(&folder) {
            Ok(laid) => laid,
            Err(DocumentError::File { path, source }) => return Err(InspectionError::File { path, source }),
            Err(error) => return Ok((Verdict::Inconclusive, format!("the card could not be made: {error}"), None)),
        };
        let (ended, shown) = self.present(&laid)?;
        if !self.keep {
            remove(&folder)?;
        }
        let said = self.judge.hears(&ended);
        let (verdict, mut reason) = judge::verdict(expected, self.lenient, &said);
        if verdict == Verdict::Failed && shown == Some(0) {
            reason.push_str("; the program asked for nothing that would have shown the fault");
        }
        let seen = Seen {
            card: words.to_owned(),
            expected: expected.to_string(),
            said: said.to_string(),
            command: ended.command.clone(),
            output: ended.tail(),
        };
        Ok((verdict, reason, Some(seen)))
    }

    /// Runs the program before the card; how often the faults of its chip were shown, where that is known.
    fn present(&self, laid: &Laid) -> Result<(program::Ended, Option<u32>), InspectionError> {
        let (address, name) = match &self.reader {
            Reader::Simulated => {
                let faults = if laid.faults.is_empty() { String::new() } else { format!("#{}", laid.faults.join(",")) };
                return Ok((self.start(laid, &format!("sim:{}{faults}", laid.card.display()))?, None));
            }
            Reader::Vpcd { address, name } => (address, name),
        };
        let mut card = laid
            .open()
            .map_err(|error| InspectionError::File { path: laid.card.clone(), source: std::io::Error::other(error.to_string()) })?;
        let stop = AtomicBool::new(false);
        let ended = std::thread::scope(|scope| {
            let card = &mut card;
            let served = scope.spawn(|| vpcd::serve(card, address, &stop));
            std::thread::sleep(SETTLE);
            let ended = if served.is_finished() { None } else { Some(self.start(laid, name)) };
            stop.store(true, Ordering::Relaxed);
            match (served.join(), ended) {
                // a card that fell silent by itself, while the program ran, is one of the things that it must bear
                (_, Some(ended)) => ended.map_err(InspectionError::from),
                (Ok(Err(error)), None) => Err(error.into()),
                (Ok(Ok(())) | Err(_), None) => Err(InspectionError::File {
                    path: laid.card.clone(),
                    source: std::io::Error::other("expected a card in the reader, found none"),
                }),
            }
        })?;
        std::thread::sleep(SETTLE);
        let shown = card.faults_shown().iter().map(|(_, times)| times).sum();
        Ok((ended, (!laid.faults.is_empty()).then_some(shown)))
    }

    fn start(&self, laid: &Laid, reader: &str) -> Result<program::Ended, CommandError> {
        let more = self.with_terminal.as_ref().filter(|_| laid.guarded);
        let value = |placeholder: &str| {
            Some(match placeholder {
                "reader" => reader.to_owned(),
                "can" => laid.can.clone(),
                "mrz" => laid.mrz.clone(),
                "trust" => laid.trust.display().to_string(),
                "crl" => laid.lists.display().to_string(),
                "keys" => laid.keys.display().to_string(),
                "card" => laid.card.display().to_string(),
                "now" => self.today.to_string(),
                _ => return None,
            })
        };
        let mut words = self.command.words(&value)?;
        if let Some(more) = more {
            words.extend(more.words(&value)?);
        }
        program::run(words, self.limit)
    }
}

fn remove(folder: &Path) -> Result<(), InspectionError> {
    std::fs::remove_dir_all(folder).map_err(|source| InspectionError::File { path: folder.to_owned(), source })
}
