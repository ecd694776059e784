//! EF.DG11 (Doc 9303-10 §4.7.11): additional personal details. The objects by tag:
//!
//! ```text
//! 5F0E full name of the holder, national letters
//! 5F0F another name of the holder (in group A0)
//! 5F10 personal number
//! 5F2B full date of birth, 8 digits
//! 5F11 place of birth, parts separated by <
//! 5F42 permanent address, parts separated by <
//! 5F12 telephone
//! 5F13 profession
//! 5F14 title
//! 5F15 personal summary
//! 5F16 image of the proof of citizenship
//! 5F17 numbers of other valid travel documents, separated by <
//! 5F18 custody information
//! ```

use super::details::{Details, Element, Kind, Row};
use super::{Elementary, LdsError, dg};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::Tag;

/// Full name of the holder, national letters.
pub const FULL_NAME: Tag = Tag(0x5F0E);
/// Another name of the holder (in group A0).
pub const OTHER_NAME: Tag = Tag(0x5F0F);
/// Personal number.
pub const PERSONAL_NUMBER: Tag = Tag(0x5F10);
/// Full date of birth, 8 digits.
pub const DATE_OF_BIRTH: Tag = Tag(0x5F2B);
/// Place of birth, parts separated by <.
pub const PLACE_OF_BIRTH: Tag = Tag(0x5F11);
/// Permanent address, parts separated by <.
pub const ADDRESS: Tag = Tag(0x5F42);
/// Telephone.
pub const TELEPHONE: Tag = Tag(0x5F12);
/// Profession.
pub const PROFESSION: Tag = Tag(0x5F13);
/// Title.
pub const TITLE: Tag = Tag(0x5F14);
/// Personal summary.
pub const SUMMARY: Tag = Tag(0x5F15);
/// Image of the proof of citizenship.
pub const CITIZENSHIP: Tag = Tag(0x5F16);
/// Numbers of other valid travel documents, separated by <.
pub const OTHER_DOCUMENTS: Tag = Tag(0x5F17);
/// Custody information.
pub const CUSTODY: Tag = Tag(0x5F18);

const TABLE: [Row; 13] = [
    (FULL_NAME, "full name", Kind::Text),
    (OTHER_NAME, "other name", Kind::Text),
    (PERSONAL_NUMBER, "personal number", Kind::Text),
    (DATE_OF_BIRTH, "full date of birth", Kind::Date),
    (PLACE_OF_BIRTH, "place of birth", Kind::Text),
    (ADDRESS, "permanent address", Kind::Text),
    (TELEPHONE, "telephone", Kind::Text),
    (PROFESSION, "profession", Kind::Text),
    (TITLE, "title", Kind::Text),
    (SUMMARY, "personal summary", Kind::Text),
    (CITIZENSHIP, "proof of citizenship", Kind::Image),
    (OTHER_DOCUMENTS, "other travel documents", Kind::Text),
    (CUSTODY, "custody information", Kind::Text),
];

/// EF.DG11.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dg11 {
    /// Its objects.
    pub details: Details,
}

impl Dg11 {
    /// The file with `elements` in this order and the holder's other names in their group.
    #[must_use]
    pub fn new(elements: Vec<Element>, others: &[&str]) -> Self {
        let group = others.iter().map(|name| Element::text(OTHER_NAME, name)).collect();
        Self { details: Details::new(elements, group) }
    }
}

impl Elementary for Dg11 {
    const FILE: FileId = dg(11);

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        Details::read(Self::FILE, &TABLE, bytes, quirks).map(|details| Self { details })
    }

    fn encode(&self) -> Vec<u8> {
        self.details.encode(Self::FILE)
    }

    fn fields(&self) -> Vec<(String, String)> {
        self.details.fields(&TABLE)
    }
}
