//! A record as it is written: JSON of one person. Unknown fields are refused; nothing else is checked here.

use serde::{Deserialize, Serialize};

use super::{Eye, FingerPosition};

/// A record as it is written. Everything is text, so that each field is checked with its own message.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Personal number, 12 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Document number of a passport, 1 to 9 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_number: Option<String>,
    /// Surname.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surname: Option<String>,
    /// Middle and given names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_names: Option<String>,
    /// Date of birth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth: Option<String>,
    /// `male` or `female`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<String>,
    /// Three letters; the issuing state if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nationality: Option<String>,
    /// Ethnic group, one of 54.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ethnicity: Option<String>,
    /// Religion; `Không` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub religion: Option<String>,
    /// Place of origin (quê quán).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Place of residence (nơi thường trú).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residence: Option<String>,
    /// Identifying features (đặc điểm nhận dạng).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,
    /// Name of the father.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub father: Option<String>,
    /// Name of the mother.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mother: Option<String>,
    /// Name of the spouse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spouse: Option<String>,
    /// Number of an earlier card, 9 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_number: Option<String>,
    /// Serial of the card, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_serial: Option<String>,
    /// Date of issue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// Date of expiry, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    /// File of the portrait, seen from the record's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<String>,
    /// Finger images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingers: Vec<FingerInput>,
    /// Iris images; written where the profile has a place for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub irises: Vec<IrisInput>,
    /// Whether the card is for a person and not for a test.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// The CAN, if the record states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can: Option<String>,
    /// The lines of the MRZ, if the record states them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mrz: Option<Vec<String>>,
}

impl std::fmt::Debug for Input {
    /// Province, sex, and year of the number, and nothing else about the person: the rest opens the chip.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head: String = self.number.iter().flat_map(|number| number.chars().take(6)).collect();
        write!(f, "Input({head}******)")
    }
}

/// One iris of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IrisInput {
    /// Which eye.
    pub eye: Eye,
    /// File of the image, JPEG or JPEG 2000, seen from the record's folder.
    pub file: String,
}

/// One finger of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FingerInput {
    /// Which finger.
    pub position: FingerPosition,
    /// File of the image, seen from the record's folder.
    pub file: String,
}
