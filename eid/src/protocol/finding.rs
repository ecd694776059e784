//! Verdicts as values: what was checked, by which clause, how it ended, why, and on what evidence.
//!
//! A forged document is a successful verification with a failed finding, never an error. No check turns into another one:
//! a check that could not run says so by its outcome.

use std::borrow::Cow;
use std::fmt;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The clause holds.
    Passed,
    /// The clause is broken: the document is not genuine, or not as the standard demands.
    Failed,
    /// The document or this program lacks what the check needs, such as an unknown algorithm.
    NotSupported,
    /// Not run: an earlier step or a missing right stood before it.
    NotAttempted,
    /// Run, but nothing follows: no trust anchor.
    Undecided,
}

impl Outcome {
    /// The word in reports: `passed`, `failed`, `not-supported`, `not-attempted`, `undecided`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotSupported => "not-supported",
            Self::NotAttempted => "not-attempted",
            Self::Undecided => "undecided",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an outcome is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Stable code, lower case with hyphens: `hash-differs`.
    pub code: &'static str,
    /// One sentence that says what was expected, what was found, and where.
    pub text: String,
}

/// What is checked: a stable id and the clause that asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    /// Stable id, dotted, lower case: `pa.hash.dg2`.
    pub id: Cow<'static, str>,
    /// The clause of the standard: `Doc 9303-11 5.1`.
    pub clause: &'static str,
}

impl Check {
    /// A check with a fixed id.
    #[must_use]
    pub const fn new(id: &'static str, clause: &'static str) -> Self {
        Self { id: Cow::Borrowed(id), clause }
    }

    /// A check whose id is made at run time, as `read.<file>`.
    #[must_use]
    pub fn named(id: impl Into<Cow<'static, str>>, clause: &'static str) -> Self {
        Self { id: id.into(), clause }
    }

    /// The clause holds.
    #[must_use]
    pub const fn passed(self) -> Finding {
        Finding { check: self, outcome: Outcome::Passed, reason: None, evidence: Vec::new() }
    }

    /// The clause is broken.
    #[must_use]
    pub fn failed(self, code: &'static str, text: impl Into<String>) -> Finding {
        self.ended(Outcome::Failed, code, text)
    }

    /// Something that the check needs is not known here.
    #[must_use]
    pub fn not_supported(self, code: &'static str, text: impl Into<String>) -> Finding {
        self.ended(Outcome::NotSupported, code, text)
    }

    /// The check was not run.
    #[must_use]
    pub fn not_attempted(self, code: &'static str, text: impl Into<String>) -> Finding {
        self.ended(Outcome::NotAttempted, code, text)
    }

    /// Nothing follows.
    #[must_use]
    pub fn undecided(self, code: &'static str, text: impl Into<String>) -> Finding {
        self.ended(Outcome::Undecided, code, text)
    }

    /// The given outcome with its reason.
    #[must_use]
    pub fn ended(self, outcome: Outcome, code: &'static str, text: impl Into<String>) -> Finding {
        Finding { check: self, outcome, reason: Some(Reason { code, text: text.into() }), evidence: Vec::new() }
    }
}

/// A check with its outcome, reason and evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// How it ended.
    pub outcome: Outcome,
    /// Why; a passed check has one only where something is worth knowing, such as a weak digest.
    pub reason: Option<Reason>,
    /// Names and values that let someone else repeat the check: hashes in hex, subjects, serial numbers.
    pub evidence: Vec<(&'static str, String)>,
}

impl Finding {
    /// Adds a piece of evidence.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.evidence.push((name, value.into()));
        self
    }

    /// Adds a reason to a finding of any outcome.
    #[must_use]
    pub fn because(mut self, code: &'static str, text: impl Into<String>) -> Self {
        self.reason = Some(Reason { code, text: text.into() });
        self
    }

    /// The id of the check.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.check.id
    }

    /// The value of a piece of evidence.
    #[must_use]
    pub fn evidence(&self, name: &str) -> Option<&str> {
        self.evidence.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }
}
