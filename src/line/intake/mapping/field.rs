//! The fields that a mapping fills: those of a record, and what only the delivery knows of it.

use serde::Deserialize;

use crate::perso::record::{Eye, FingerPosition};

/// A field. Its name is the column that fills it where no mapping says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Field {
    /// Personal number.
    Number,
    /// Document number of a passport.
    DocumentNumber,
    /// Surname.
    Surname,
    /// Middle and given names.
    GivenNames,
    /// Date of birth.
    Birth,
    /// Sex.
    Sex,
    /// Nationality.
    Nationality,
    /// Ethnic group.
    Ethnicity,
    /// Religion.
    Religion,
    /// Place of origin.
    Origin,
    /// Place of residence.
    Residence,
    /// Identifying features.
    Features,
    /// Name of the father.
    Father,
    /// Name of the mother.
    Mother,
    /// Name of the spouse.
    Spouse,
    /// Number of an earlier card.
    OldNumber,
    /// Serial of the card.
    CardSerial,
    /// Day of issue.
    Issue,
    /// Day of expiry, or `none`.
    Expiry,
    /// Whether the card is for a person: `true` or `false`.
    Live,
    /// The CAN, if the record states it.
    Can,
    /// The lines of the MRZ, if the record states them.
    Mrz,
    /// The day on which the record was confirmed last.
    Updated,
    /// Why a document is made: `first`, `renewal`, `lost`, `damaged`, or `changed`.
    Reason,
    /// Portrait.
    Photo,
    /// Image of a finger.
    Finger(FingerPosition),
    /// Image of an iris.
    Iris(Eye),
}

impl Field {
    /// Every field.
    pub const ALL: &'static [Self] = &[
        Self::Number,
        Self::DocumentNumber,
        Self::Surname,
        Self::GivenNames,
        Self::Birth,
        Self::Sex,
        Self::Nationality,
        Self::Ethnicity,
        Self::Religion,
        Self::Origin,
        Self::Residence,
        Self::Features,
        Self::Father,
        Self::Mother,
        Self::Spouse,
        Self::OldNumber,
        Self::CardSerial,
        Self::Issue,
        Self::Expiry,
        Self::Live,
        Self::Can,
        Self::Mrz,
        Self::Updated,
        Self::Reason,
        Self::Photo,
        Self::Finger(FingerPosition::RightThumb),
        Self::Finger(FingerPosition::RightIndex),
        Self::Finger(FingerPosition::RightMiddle),
        Self::Finger(FingerPosition::RightRing),
        Self::Finger(FingerPosition::RightLittle),
        Self::Finger(FingerPosition::LeftThumb),
        Self::Finger(FingerPosition::LeftIndex),
        Self::Finger(FingerPosition::LeftMiddle),
        Self::Finger(FingerPosition::LeftRing),
        Self::Finger(FingerPosition::LeftLittle),
        Self::Iris(Eye::Right),
        Self::Iris(Eye::Left),
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::DocumentNumber => "document_number",
            Self::Surname => "surname",
            Self::GivenNames => "given_names",
            Self::Birth => "birth",
            Self::Sex => "sex",
            Self::Nationality => "nationality",
            Self::Ethnicity => "ethnicity",
            Self::Religion => "religion",
            Self::Origin => "origin",
            Self::Residence => "residence",
            Self::Features => "features",
            Self::Father => "father",
            Self::Mother => "mother",
            Self::Spouse => "spouse",
            Self::OldNumber => "old_number",
            Self::CardSerial => "card_serial",
            Self::Issue => "issue",
            Self::Expiry => "expiry",
            Self::Live => "live",
            Self::Can => "can",
            Self::Mrz => "mrz",
            Self::Updated => "updated",
            Self::Reason => "reason",
            Self::Photo => "photo",
            Self::Finger(FingerPosition::RightThumb) => "finger_right_thumb",
            Self::Finger(FingerPosition::RightIndex) => "finger_right_index",
            Self::Finger(FingerPosition::RightMiddle) => "finger_right_middle",
            Self::Finger(FingerPosition::RightRing) => "finger_right_ring",
            Self::Finger(FingerPosition::RightLittle) => "finger_right_little",
            Self::Finger(FingerPosition::LeftThumb) => "finger_left_thumb",
            Self::Finger(FingerPosition::LeftIndex) => "finger_left_index",
            Self::Finger(FingerPosition::LeftMiddle) => "finger_left_middle",
            Self::Finger(FingerPosition::LeftRing) => "finger_left_ring",
            Self::Finger(FingerPosition::LeftLittle) => "finger_left_little",
            Self::Iris(Eye::Right) => "iris_right",
            Self::Iris(Eye::Left) => "iris_left",
        }
    }

    /// The field with this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// Whether it is an image.
    #[must_use]
    pub const fn is_image(self) -> bool {
        matches!(self, Self::Photo | Self::Finger(_) | Self::Iris(_))
    }
}

impl TryFrom<String> for Field {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = || Self::ALL.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ");
        Self::of_name(&name).ok_or_else(|| format!("expected one of the fields {}, found {name:?}", known()))
    }
}
