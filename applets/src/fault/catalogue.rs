//! The catalogue of faults, as data: `catalogue.csv` beside this file, read once.
//!
//! | column | what |
//! | --- | --- |
//! | id | `VF-GROUP-nnn`, stable |
//! | layer | where the fault lies, in words |
//! | engine | who shows it: `chip` this crate; `image` and `pki` the builder of card images; `eid`, `seal`, `list`, `lds2`, `dtc` others |
//! | fault | what is wrong |
//! | injection | how it is done, in the language of the engine; `-` where the card as it is shows it |
//! | needs | what card and terminal must have, see [`Fault::needs`] |
//! | verdict | `REJECT`, `ACCEPT`, `LIMITED`, `WARN`, `EITHER`: what a correct inspection system says |
//! | finding | what our inspection finds, see [`Fault::findings`] |
//! | `why_not` | why nothing of ours shows it; empty if something does |
//! | note | what our inspection cannot see in one run, or in what a verdict differs from its source, and why |
//! | source | where the fault comes from |

use std::fmt;
use std::sync::LazyLock;

use super::injection;

const TABLE: &str = include_str!("catalogue.csv");
const COLUMNS: [&str; 11] = ["id", "layer", "engine", "fault", "injection", "needs", "verdict", "finding", "why_not", "note", "source"];
/// What the table says of verdicts.
pub const VERDICTS: [&str; 5] = ["REJECT", "ACCEPT", "LIMITED", "WARN", "EITHER"];
/// What the table says of results.
const RESULTS: [&str; 7] = ["passed", "failed", "not-supported", "not-attempted", "undecided", "quirk", "gone"];

static FAULTS: LazyLock<Vec<Fault>> = LazyLock::new(|| parse(TABLE).expect("a test reads the table"));

/// A line that is none of the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fault catalogue, line {line}: {column}: expected {expected}, found {found:?}")]
pub struct CatalogueError {
    /// From 1.
    pub line: usize,
    /// Which column.
    pub column: &'static str,
    /// What the column holds.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Who shows a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// The chip: answers, secure messaging, protocols, events.
    Chip,
    /// The files of a card image.
    Image,
    /// The signatures and certificates of a card image, and what the terminal is told to trust.
    Pki,
    /// The state of an eID application.
    Eid,
    /// Digital seals.
    Seal,
    /// Master and deviation lists.
    List,
    /// LDS2.
    Lds2,
    /// Digital travel credentials.
    Dtc,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 8] = [Self::Chip, Self::Image, Self::Pki, Self::Eid, Self::Seal, Self::List, Self::Lds2, Self::Dtc];

    /// The word of the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chip => "chip",
            Self::Image => "image",
            Self::Pki => "pki",
            Self::Eid => "eid",
            Self::Seal => "seal",
            Self::List => "list",
            Self::Lds2 => "lds2",
            Self::Dtc => "dtc",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a virtual card shows a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Yes.
    Implemented,
    /// Its engine is not built; [`Fault::why_not`] says what there is not.
    NotYet,
    /// No virtual card can.
    Impossible,
}

impl State {
    /// `implemented`, `not-implemented`, `impossible`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Implemented => "implemented",
            Self::NotYet => "not-implemented",
            Self::Impossible => "impossible",
        }
    }
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `VF-GROUP-nnn`.
    pub id: &'static str,
    /// Where it lies.
    pub layer: &'static str,
    /// Who shows it.
    pub engine: Engine,
    /// What is wrong.
    pub fault: &'static str,
    /// How it is done.
    pub injection: &'static str,
    /// What card and terminal must have.
    needs: &'static str,
    /// One of [`VERDICTS`], and a code after a colon where the source names one.
    pub verdict: &'static str,
    /// What our inspection finds.
    finding: &'static str,
    /// Why nothing shows it; empty if something does.
    pub why_not: &'static str,
    /// What is to be said about it; may be empty.
    pub note: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

/// What our inspection of a card with a fault finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Id of a check, or the rule of the quirk ledger where the result is `quirk`.
    pub check: &'static str,
    /// `passed`, `failed`, `not-supported`, `not-attempted`, `undecided`; `quirk`; `gone` where the inspection ends without a report.
    pub result: &'static str,
    /// The reason code; empty where it does not matter.
    pub reason: &'static str,
}

impl Fault {
    /// Whether a virtual card shows it.
    #[must_use]
    pub fn state(&self) -> State {
        match (self.why_not, self.engine) {
            ("", Engine::Chip) => State::Implemented,
            // the builder of images does what the table says of it
            ("", Engine::Image | Engine::Pki | Engine::List) if !self.finding.is_empty() => State::Implemented,
            (_, Engine::Chip | Engine::Image | Engine::Pki | Engine::List) if !self.why_not.is_empty() => State::Impossible,
            _ => State::NotYet,
        }
    }

    /// The letters between the hyphens of the id: `SM`, `PAC`.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.id.split('-').nth(1).unwrap_or_default()
    }

    /// What card and terminal must have, as words; none for a card with PACE (generic mapping, CAN), Chip Authentication, and Active Authentication.
    ///
    /// `bac` no PACE; `mrz` the terminal comes with the MRZ; `im`, `cam`, `dh` another PACE; `two` two entries of PACE; `pa` neither Chip nor Active
    /// Authentication; `rsa` Active Authentication with RSA; `ta` Terminal Authentication, and a terminal with a key for it; `ta2` the same in version 2,
    /// before the application is selected; `pin` a PIN, which the terminal knows beside the CAN; `eid` the eID application, which an authentication
    /// terminal reads and asks; `large` EF.DG2 longer than 32,767 bytes. Faults of
    /// documents say in their injection what document they want.
    pub fn needs(&self) -> impl Iterator<Item = &'static str> {
        self.needs.split_whitespace()
    }

    /// What our inspection finds that it does not find on the card without the fault; nothing for a fault that one inspection cannot see.
    pub fn findings(&self) -> impl Iterator<Item = Expected> {
        self.finding.split(';').filter_map(|finding| {
            let mut words = finding.split_whitespace();
            let (check, result) = (words.next()?, words.next()?);
            Some(Expected { check, result, reason: words.next().unwrap_or_default() })
        })
    }
}

/// Every fault, in the order of the table.
#[must_use]
pub fn all() -> &'static [Fault] {
    &FAULTS
}

/// The fault with this id, in any case.
#[must_use]
pub fn find(id: &str) -> Option<&'static Fault> {
    all().iter().find(|fault| fault.id.eq_ignore_ascii_case(id))
}

/// Reads a table.
///
/// # Errors
/// [`CatalogueError`] names the line.
pub fn parse(table: &'static str) -> Result<Vec<Fault>, CatalogueError> {
    let mut lines = table.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
    let wrong = |n: usize, column, expected: String, found: &str| CatalogueError { line: n + 1, column, expected, found: found.to_owned() };
    match lines.next() {
        Some((_, head)) if head == COLUMNS.join(",") => {}
        head => return Err(wrong(head.map_or(0, |(n, _)| n), "head", COLUMNS.join(","), head.map_or("", |(_, head)| head))),
    }
    let mut faults: Vec<Fault> = Vec::new();
    for (n, line) in lines {
        let cells: [&'static str; 11] =
            cells(line).try_into().map_err(|cells: Vec<_>| wrong(n, "all", "11 cells".to_owned(), &format!("{} cells", cells.len())))?;
        let [id, layer, engine, fault, injection, needs, verdict, finding, why_not, note, source] = cells;
        if !is_id(id) || faults.iter().any(|other| other.id == id) {
            return Err(wrong(n, "id", "VF-GROUP-nnn, once".to_owned(), id));
        }
        let words = || Engine::ALL.map(Engine::as_str).join(", ");
        let engine = Engine::ALL.into_iter().find(|one| one.as_str() == engine).ok_or_else(|| wrong(n, "engine", words(), engine))?;
        if !VERDICTS.contains(&verdict.split([':', ' ']).next().unwrap_or_default()) {
            return Err(wrong(n, "verdict", VERDICTS.join(", "), verdict));
        }
        for (column, cell) in [("layer", layer), ("fault", fault), ("source", source)] {
            if cell.is_empty() {
                return Err(wrong(n, column, "something".to_owned(), cell));
            }
        }
        let fault = Fault { id, layer, engine, fault, injection, needs, verdict, finding, why_not, note, source };
        if fault.state() == State::Implemented {
            if engine == Engine::Chip {
                injection::parse(injection).map_err(|error| wrong(n, "injection", "an injection".to_owned(), &error.to_string()))?;
            }
            let parts = if matches!(finding, "" | "-") { 0 } else { finding.split(';').count() };
            if fault.findings().filter(|expected| RESULTS.contains(&expected.result)).count() != parts || finding.is_empty() {
                return Err(wrong(n, "finding", format!("-, or checks with {}", RESULTS.join(", ")), finding));
            }
        }
        faults.push(fault);
    }
    Ok(faults)
}

fn is_id(id: &str) -> bool {
    let mut parts = id.split('-');
    let number = |part: &str| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.next() == Some("VF")
        && parts.next().is_some_and(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        && parts.next().is_some_and(number)
        && parts.next().is_none()
}

/// The cells of a line; one in quotation marks may hold commas, and no quotation marks.
pub(super) fn cells(mut line: &'static str) -> Vec<&'static str> {
    let mut cells = Vec::new();
    loop {
        let (cell, rest) = match line.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            Some((cell, rest)) => (cell, rest.strip_prefix(',').or(if rest.is_empty() { None } else { Some(rest) })),
            None => line.split_once(',').map_or((line, None), |(cell, rest)| (cell, Some(rest))),
        };
        cells.push(cell);
        match rest {
            Some(rest) => line = rest,
            None => return cells,
        }
    }
}

#[cfg(test)]
mod tests;
