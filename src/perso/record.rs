//! A citizen record: JSON of one person or a list, checked once into a [`Record`] that cannot be wrong.
//!
//! Every refusal says the record, the field, what was expected, and what was found; all problems of a record are reported together.
//! Dates are written `YYYY-MM-DD`. Texts are stored in NFC. `can`, `mrz`, and `expiry` follow from the rest; where a record has them,
//! they must agree. A number of the test province is refused in a record that is marked `live`.

use eid::date::Date;
use eid::face_qr::FaceQr;
use eid::mrz::Mrz;
use serde::{Deserialize, Serialize};

use super::number::PersonalNumber;
pub use super::number::Sex;
use super::profile::DocumentProfile;

mod check;
mod input;
mod photo;
mod rule;

use check::Check;
pub use input::{FingerInput, Input, IrisInput};
pub use photo::{Photo, PhotoError};
pub use rule::Rule;

/// Which finger; the numbers of ISO/IEC 19794-4 table 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FingerPosition {
    /// 1.
    RightThumb,
    /// 2.
    RightIndex,
    /// 3.
    RightMiddle,
    /// 4.
    RightRing,
    /// 5.
    RightLittle,
    /// 6.
    LeftThumb,
    /// 7.
    LeftIndex,
    /// 8.
    LeftMiddle,
    /// 9.
    LeftRing,
    /// 10.
    LeftLittle,
}

impl FingerPosition {
    /// The code of ISO/IEC 19794-4, 1 to 10.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8 + 1
    }
}

/// Which eye; the numbers of ISO/IEC 19794-6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Eye {
    /// 1.
    Right,
    /// 2.
    Left,
}

impl Eye {
    /// The code of ISO/IEC 19794-6, 1 or 2.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8 + 1
    }
}

/// One thing that is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The rule that it breaks.
    pub rule: Rule,
    /// The field.
    pub field: &'static str,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: expected {}, found {}", self.field, self.expected, self.found)
    }
}

/// Why records are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not JSON, or not of this form; the message has line and column.
    #[error("{origin}: {detail}")]
    Json {
        /// File of the records.
        origin: String,
        /// What the reader said.
        detail: String,
    },
    /// A record with problems.
    #[error("{origin}, record {record}: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid {
        /// File of the records.
        origin: String,
        /// Which record, from 1.
        record: usize,
        /// All that is wrong with it.
        problems: Vec<Problem>,
    },
}

/// A person as a card of one profile needs it: complete and consistent.
#[derive(Clone)]
pub struct Record {
    pub(super) number: Option<PersonalNumber>,
    pub(super) surname: String,
    pub(super) given_names: String,
    pub(super) birth: Date,
    pub(super) sex: Sex,
    pub(super) ethnicity: String,
    pub(super) religion: String,
    pub(super) origin: String,
    pub(super) residence: String,
    pub(super) features: String,
    pub(super) father: String,
    pub(super) mother: String,
    pub(super) spouse: Option<String>,
    pub(super) old_number: Option<String>,
    pub(super) card_serial: String,
    pub(super) issue: Date,
    pub(super) expiry: Option<Date>,
    pub(super) photo: Photo,
    pub(super) fingers: Vec<(FingerPosition, Photo)>,
    pub(super) irises: Vec<(Eye, Photo)>,
    pub(super) live: bool,
    pub(super) can: Option<String>,
    pub(super) mrz: Mrz,
}

impl std::fmt::Debug for Record {
    /// The number with its last six digits masked, and nothing else about the person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Record({:?})", self.number)
    }
}

/// Gets the bytes of a file that a record names.
pub type Loader<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

/// Reads JSON of one person or of a list of persons. The records are not checked yet.
///
/// # Errors
/// [`RecordError::Json`]: not JSON, an unknown field, a value of another kind.
pub fn parse(origin: &str, json: &str) -> Result<Vec<Input>, RecordError> {
    let wrong = |error: serde_json::Error| RecordError::Json { origin: origin.to_owned(), detail: error.to_string() };
    if json.trim_start().starts_with('[') {
        serde_json::from_str(json).map_err(wrong)
    } else {
        serde_json::from_str(json).map(|input| vec![input]).map_err(wrong)
    }
}

/// Reads and checks JSON of one person or of a list of persons.
///
/// # Errors
/// Any [`RecordError`]; the first record with problems ends it.
pub fn read(origin: &str, json: &str, profile: &DocumentProfile, today: Date, load: Loader<'_>) -> Result<Vec<Record>, RecordError> {
    let inputs = parse(origin, json)?;
    let check = |(n, input): (usize, &Input)| {
        Record::new(input, profile, today, load).map_err(|problems| RecordError::Invalid {
            origin: origin.to_owned(),
            record: n + 1,
            problems,
        })
    };
    inputs.iter().enumerate().map(check).collect()
}

impl Record {
    /// Checks one record for a profile. `today` is the day of production; `load` gets portrait and finger images.
    ///
    /// # Errors
    /// Everything that is wrong with it, at least one problem.
    pub fn new(input: &Input, profile: &DocumentProfile, today: Date, load: Loader<'_>) -> Result<Self, Vec<Problem>> {
        let mut check = Check { problems: Vec::new(), profile };
        let record = check.record(input, today, load);
        match record {
            Some(record) if check.problems.is_empty() => Ok(record),
            _ => Err(check.problems),
        }
    }

    /// The personal number.
    #[must_use]
    pub const fn number(&self) -> Option<PersonalNumber> {
        self.number
    }

    /// Surname, then middle and given names.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.surname, self.given_names).trim_end().to_owned()
    }

    /// Date of birth.
    #[must_use]
    pub const fn birth(&self) -> Date {
        self.birth
    }

    /// Date of issue.
    #[must_use]
    pub const fn issue(&self) -> Date {
        self.issue
    }

    /// Date of expiry; `None` if the document does not expire.
    #[must_use]
    pub const fn expiry(&self) -> Option<Date> {
        self.expiry
    }

    /// The MRZ.
    #[must_use]
    pub const fn mrz(&self) -> &Mrz {
        &self.mrz
    }

    /// The QR text of the face of a Vietnamese identity card: seven fields, as on the card of 2021. The card of 2024 has more, whose order is
    /// not published. `None` for another document.
    #[must_use]
    pub fn face_qr(&self) -> Option<FaceQr> {
        eid::mrz::vietnam::personal_number(&self.mrz).ok()?;
        Some(FaceQr {
            number: self.number?.to_string(),
            old_number: self.old_number.clone().unwrap_or_default(),
            full_name: self.full_name(),
            birth: self.birth.into(),
            sex: self.mrz.content().sex,
            residence: self.residence.clone(),
            issue: Some(self.issue.into()),
            others: Vec::new(),
        })
    }

    /// The CAN, where the profile has one.
    #[must_use]
    pub fn can(&self) -> Option<&str> {
        self.can.as_deref()
    }

    /// Whether the card is for a person and not for a test.
    #[must_use]
    pub const fn live(&self) -> bool {
        self.live
    }
}

#[cfg(test)]
mod tests;
