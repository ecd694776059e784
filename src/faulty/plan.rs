//! An injection taken apart: words that choose what is made, edits of what was made, and edits of what was signed.

use super::chip;
use super::edit::{self, Edit, EditError};

/// Words that choose what is made; the table of [`super`] says what each does.
const WORDS: [&str; 17] = [
    "another",
    "ca",
    "can",
    "chip-date",
    "country",
    "crl",
    "csca",
    "deviation",
    "ds",
    "fingers",
    "hash",
    "irises",
    "issuer",
    "keys",
    "lost",
    "mrz",
    "portrait",
];
/// More of them.
const MORE: [&str; 7] = ["named", "page", "profile", "security", "signature", "ta", "trust"];

/// What is changed while a document is made, beside files.
pub(super) const STAGES: [&str; 14] =
    ["LDSSO", "ATTRS", "SIGNED", "TBS", "DS", "CSCA-TBS", "CSCA", "LINK-TBS", "CRL-TBS", "CRL", "CS-INFOS", "CS-TBS", "CS-DS", "PAGE"];

/// An injection.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) edits: Vec<Edit>,
    words: Vec<(String, String)>,
    pub(super) late: Vec<Edit>,
}

impl Plan {
    pub(super) fn new(injection: &str) -> Result<Self, EditError> {
        let mut plan = Self::default();
        for part in injection.split(';').map(str::trim).filter(|part| !matches!(*part, "" | "-")) {
            match part.split_once(' ').unwrap_or((part, "")) {
                (word, value) if WORDS.contains(&word) || MORE.contains(&word) || chip::WORDS.contains(&word) => {
                    plan.words.push((word.to_owned(), value.trim().to_owned()))
                }
                ("late", rest) => plan.late.extend(edit::parse(rest)?),
                ("INFOS", _) => {
                    // DG14 repeats under the signature what EF.CardAccess says without one
                    for edit in edit::parse(part)? {
                        plan.edits.push(edit.below("CardAccess", "31")?);
                        plan.edits.push(edit.below("DG14", "6E/31")?);
                    }
                }
                _ => plan.edits.extend(edit::parse(part)?),
            }
        }
        Ok(plan)
    }

    /// The value of a word; the first, where there are several.
    pub(super) fn word<'a>(&'a self, word: &'a str) -> Option<&'a str> {
        self.words(word).next()
    }

    /// The words that say what the chip does, with their values.
    pub(super) fn chip(&self) -> Vec<(&str, &str)> {
        let words = self.words.iter().filter(|(word, _)| chip::WORDS.contains(&word.as_str()));
        words.map(|(word, value)| (word.as_str(), value.as_str())).collect()
    }

    /// All values of a word.
    pub(super) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        self.words.iter().filter(move |(name, _)| name == word).map(|(_, value)| value.as_str())
    }

    /// The bytes after every edit of `target`, in their order; none for a file that is to be absent.
    pub(super) fn apply(&self, target: &str, bytes: Vec<u8>) -> Result<Option<Vec<u8>>, EditError> {
        let mut bytes = Some(bytes);
        for edit in self.edits.iter().filter(|edit| edit.target == target) {
            bytes = match bytes {
                Some(bytes) => edit.apply(&bytes)?,
                None => None,
            };
        }
        Ok(bytes)
    }

    /// The same for what must stay there.
    pub(super) fn stage(&self, target: &str, bytes: Vec<u8>) -> Result<Vec<u8>, EditError> {
        self.apply(target, bytes)?.ok_or_else(|| wrong(target, "something left", "nothing"))
    }

    /// Whether an edit has this target.
    pub(super) fn names(&self, target: &str) -> bool {
        self.edits.iter().any(|edit| edit.target == target)
    }
}

/// What a word or target should say, and what it says.
pub(super) fn wrong(edit: &str, expected: impl Into<String>, found: impl Into<String>) -> EditError {
    EditError { edit: edit.to_owned(), expected: expected.into(), found: found.into() }
}
