//! EF.DG12 (Doc 9303-10 §4.7.12): additional document details. The objects by tag:
//!
//! ```text
//! 5F19 issuing authority
//! 5F26 date of issue, 8 digits
//! 5F1A name of another person on the document (in group A0)
//! 5F1B endorsements and observations
//! 5F1C tax or exit requirements
//! 5F1D image of the front
//! 5F1E image of the rear
//! 5F55 date and time of personalization, 14 digits
//! 5F56 serial number of the personalization device
//! ```

use super::details::{Details, Element, Kind, Row};
use super::{Elementary, LdsError, dg};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::Tag;

/// Issuing authority.
pub const AUTHORITY: Tag = Tag(0x5F19);
/// Date of issue, 8 digits.
pub const DATE_OF_ISSUE: Tag = Tag(0x5F26);
/// Name of another person on the document (in group A0).
pub const OTHER_PERSON: Tag = Tag(0x5F1A);
/// Endorsements and observations.
pub const ENDORSEMENTS: Tag = Tag(0x5F1B);
/// Tax or exit requirements.
pub const TAX_EXIT: Tag = Tag(0x5F1C);
/// Image of the front.
pub const FRONT: Tag = Tag(0x5F1D);
/// Image of the rear.
pub const REAR: Tag = Tag(0x5F1E);
/// Date and time of personalization, 14 digits.
pub const PERSONALIZED_AT: Tag = Tag(0x5F55);
/// Serial number of the personalization device.
pub const DEVICE: Tag = Tag(0x5F56);

const TABLE: [Row; 9] = [
    (AUTHORITY, "issuing authority", Kind::Text),
    (DATE_OF_ISSUE, "date of issue", Kind::Date),
    (OTHER_PERSON, "other person", Kind::Text),
    (ENDORSEMENTS, "endorsements", Kind::Text),
    (TAX_EXIT, "tax or exit requirements", Kind::Text),
    (FRONT, "front image", Kind::Image),
    (REAR, "rear image", Kind::Image),
    (PERSONALIZED_AT, "personalized at", Kind::Moment),
    (DEVICE, "personalization device", Kind::Text),
];

/// EF.DG12.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dg12 {
    /// Its objects.
    pub details: Details,
}

impl Dg12 {
    /// The file with `elements` in this order and the names of other persons in their group.
    #[must_use]
    pub fn new(elements: Vec<Element>, others: &[&str]) -> Self {
        let group = others.iter().map(|name| Element::text(OTHER_PERSON, name)).collect();
        Self { details: Details::new(elements, group) }
    }
}

impl Elementary for Dg12 {
    const FILE: FileId = dg(12);

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
