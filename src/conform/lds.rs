//! The data suites `LDS_*` and `EAC2_DATA_*`, `EAC2_EIDDATA_*`: what ICAO TR RF protocol and application test standard Part 3 clause 4 and BSI TR-03105-3.2 and -3.3
//! ask of the bytes of each elementary file, one rule a case.
//!
//! A rule looks at its own point only, so that one defect breaks the one case that names it, as far as the bytes can still be found. Rules
//! never change a file and need no card: [`Subject`] is a set of files, read from a chip or from a folder, with the report of the
//! inspection that judged signatures and chains.

mod biometric;
mod com;
mod details;
mod eid_groups;
mod infos;
mod mrz;
mod signed;
mod version_2;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use eid::image::FileId;
use eid::protocol::finding;
use eid::tlv::TlvError;

use crate::terminal::Report;

/// The files of one chip, and what is known beside them.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Whole files, outer tag included.
    pub files: &'a BTreeMap<FileId, Vec<u8>>,
    /// Numbers of the data groups that are on the chip, read or not.
    pub present: &'a BTreeSet<u8>,
    /// The MRZ as it is printed, if somebody read it: 90, 72 or 88 characters, line ends allowed.
    pub printed: Option<&'a str>,
    /// The inspection of these files.
    pub report: &'a Report,
}

/// How a rule ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file is as the case asks.
    Holds,
    /// It is not: what was expected, what was found, at which offset of the file.
    Broken(String),
    /// The case is about something that this chip does not have.
    NotApplicable(String),
    /// What the case needs is not there: a printed MRZ, a trust anchor.
    Undecided(String),
}

/// Why a rule did not hold.
#[derive(Debug)]
enum Miss {
    Broken(String),
    NotApplicable(String),
    Undecided(String),
}

impl From<TlvError> for Miss {
    fn from(error: TlvError) -> Self {
        Self::Broken(error.to_string())
    }
}

type Checked = Result<(), Miss>;

fn broken(text: impl Into<String>) -> Checked {
    Err(Miss::Broken(text.into()))
}

fn absent<T>(text: impl Into<String>) -> Result<T, Miss> {
    Err(Miss::NotApplicable(text.into()))
}

/// What leads to the place that a case is about. Where that is broken, another case says so, and this one cannot be judged.
fn way<T>(found: Result<T, Miss>) -> Result<T, Miss> {
    found.map_err(|miss| match miss {
        Miss::Broken(text) => Miss::Undecided(format!("cannot be found: {text}")),
        other => other,
    })
}

/// Broken unless `holds`.
fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { broken(otherwise()) }
}

/// One case.
#[derive(Clone, Copy)]
pub struct Rule {
    /// `icao3`, `bsi32`, or `bsi33`: ids are unique in their document only.
    pub document: &'static str,
    /// The id: `LDS_B_9`.
    pub id: &'static str,
    /// The file that it looks at.
    pub file: FileId,
    /// What it asks.
    pub title: &'static str,
    check: fn(&View<'_>) -> Checked,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rule({}:{})", self.document, self.id)
    }
}

/// A rule's view: its file, and all the others.
struct View<'a> {
    file: FileId,
    bytes: &'a [u8],
    subject: &'a Subject<'a>,
}

impl<'a> View<'a> {
    /// Another file of the chip.
    fn other(&self, file: FileId) -> Option<&'a [u8]> {
        self.subject.files.get(&file).map(Vec::as_slice)
    }

    /// What the inspection found in `check`.
    fn follows(&self, check: &str) -> Checked {
        let Some(found) = self.subject.report.finding(check) else {
            return Err(Miss::Undecided(format!("{check} was not judged")));
        };
        let why = found.reason.as_ref().map_or_else(|| found.outcome.to_string(), |reason| reason.text.clone());
        match found.outcome {
            finding::Outcome::Passed => Ok(()),
            finding::Outcome::Failed => broken(format!("{check}: {why}")),
            _ => Err(Miss::Undecided(format!("{check}: {why}"))),
        }
    }
}

impl Rule {
    /// Judges the chip.
    #[must_use]
    pub fn judge(&self, subject: &Subject<'_>) -> Outcome {
        let Some(bytes) = subject.files.get(&self.file) else {
            let there = self.file.dg_number().is_some_and(|number| subject.present.contains(&number));
            return if there {
                Outcome::Undecided(format!("{} is on the chip and was not read", self.file))
            } else {
                Outcome::NotApplicable(format!("there is no {}", self.file))
            };
        };
        match (self.check)(&View { file: self.file, bytes, subject }) {
            Ok(()) => Outcome::Holds,
            Err(Miss::Broken(text)) => Outcome::Broken(text),
            Err(Miss::NotApplicable(text)) => Outcome::NotApplicable(text),
            Err(Miss::Undecided(text)) => Outcome::Undecided(text),
        }
    }
}

/// Every rule, by document and file.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [com::RULES, mrz::RULES, biometric::RULES, signed::RULES, infos::RULES, details::RULES, version_2::RULES, eid_groups::RULES]
        .into_iter()
        .flatten()
}

/// The rule of a case.
#[must_use]
pub fn rule(document: &str, id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.document == document && rule.id == id)
}

/// A case of the ICAO standard.
const fn icao(id: &'static str, file: FileId, title: &'static str, check: fn(&View<'_>) -> Checked) -> Rule {
    Rule { document: "icao3", id, file, title, check }
}

/// A case of BSI TR-03105-3.2.
const fn bsi(id: &'static str, file: FileId, title: &'static str, check: fn(&View<'_>) -> Checked) -> Rule {
    Rule { document: "bsi32", id, file, title, check }
}

/// A case of BSI TR-03105-3.3.
const fn bsi_2(id: &'static str, file: FileId, title: &'static str, check: fn(&View<'_>) -> Checked) -> Rule {
    Rule { document: "bsi33", id, file, title, check }
}

/// EF.DGn as a constant; `number` is 1 to 16.
const fn dg(number: u8) -> FileId {
    match FileId::dg(number) {
        Some(file) => file,
        None => FileId::COM,
    }
}
