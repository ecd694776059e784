//! EF.DG3 (Doc 9303-10 §4.7.3): fingers of the holder, readable after terminal authentication only.
//!
//! ```text
//! 63 { 7F61 { 02 n, 7F60 { A1 header, 5F2E finger image record | 7F2E { A1 { 64 finger block } } } …, 53 random octets if n is 0 } }
//! ```
//!
//! Records of ISO/IEC 19794-4:2005 and blocks of ISO/IEC 39794-4 are read; other formats are kept as they are. A file without a finger holds random octets, so
//! that its hash in EF.SOD does not tell that there is none.

use super::biometrics::cbeff::{self, BiometricType, Form, Forms, Group, Header, Template};
use super::biometrics::finger::{self, FingerRecord};
use super::biometrics::image;
use super::biometrics::iso39794::finger::{self as finger39794, FingerBlock};
use super::error::Within as _;
use super::{Elementary, LdsError, dg, field};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv;

/// EF.DG3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dg3 {
    /// The fingers in the order of the file.
    pub fingers: Vec<Finger>,
    /// Random octets of a file without a finger.
    pub filler: Option<Vec<u8>>,
}

/// One biometric information template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finger {
    /// Its header.
    pub header: Header,
    /// Its data.
    pub data: FingerData,
}

/// The data of a finger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FingerData {
    /// ISO/IEC 19794-4.
    Iso19794(FingerRecord),
    /// ISO/IEC 39794-4.
    Iso39794(FingerBlock),
    /// Another format, as it is.
    Other {
        /// Whether the data object is constructed (7F2E).
        constructed: bool,
        /// The data.
        data: Vec<u8>,
    },
}

const FORMS: Forms =
    Forms { iso19794: &[cbeff::FINGER_19794_4], magic: finger::MAGIC, iso39794: cbeff::FINGER_39794_4, application: finger39794::TAG };

impl Dg3 {
    /// The file with one template for each record; the subtype is that of the first view.
    #[must_use]
    pub fn new(records: impl IntoIterator<Item = FingerRecord>) -> Self {
        let finger = |record: FingerRecord| {
            let subtype = record.views.first().map_or(0, finger::FingerView::subtype);
            Finger { header: Header::new(BiometricType::Finger, subtype, cbeff::FINGER_19794_4), data: FingerData::Iso19794(record) }
        };
        Self { fingers: records.into_iter().map(finger).collect(), filler: None }
    }

    /// The file with one template for each block of ISO/IEC 39794-4; the subtype is that of the first representation.
    #[must_use]
    pub fn new_39794(blocks: impl IntoIterator<Item = FingerBlock>) -> Self {
        let finger = |block: FingerBlock| {
            let position = block.representations.first().and_then(|representation| representation.position.value);
            let subtype = position.and_then(|position| u8::try_from(position).ok()).map_or(0, finger::subtype);
            Finger { header: Header::new(BiometricType::Finger, subtype, cbeff::FINGER_39794_4), data: FingerData::Iso39794(block) }
        };
        Self { fingers: blocks.into_iter().map(finger).collect(), filler: None }
    }

    /// The file without a finger; `random` is at least 8 octets that nobody can guess.
    #[must_use]
    pub const fn empty(random: Vec<u8>) -> Self {
        Self { fingers: Vec::new(), filler: Some(random) }
    }
}

impl Elementary for Dg3 {
    const FILE: FileId = dg(3);

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut inside = tlv::single(bytes, 0x63).within(Self::FILE)?.reader();
        let group = Group::read(Self::FILE, &mut inside)?;
        let mut fingers = Vec::new();
        for template in group.templates {
            let form = template.form(Self::FILE, &FORMS, quirks);
            let Template { header, constructed, data, at } = template;
            let data = match form {
                Form::Iso19794 => FingerData::Iso19794(FingerRecord::read(Self::FILE, &data, at, quirks)?),
                Form::Iso39794 => FingerData::Iso39794(FingerBlock::read(Self::FILE, &data, at, quirks)?),
                Form::Other => FingerData::Other { constructed, data },
            };
            fingers.push(Finger { header, data });
        }
        if fingers.is_empty() && group.filler.is_none() {
            quirks.push(Quirk::new("dg3.empty-without-random", "EF.DG3"));
        }
        Ok(Self { fingers, filler: group.filler })
    }

    fn encode(&self) -> Vec<u8> {
        let template = |finger: &Finger| match &finger.data {
            FingerData::Iso19794(record) => Template::new(finger.header.clone(), record.encode()),
            FingerData::Iso39794(block) => Template::constructed(finger.header.clone(), block.encode()),
            FingerData::Other { constructed, data } => {
                Template { header: finger.header.clone(), constructed: *constructed, data: data.clone(), at: 0 }
            }
        };
        let group = Group { templates: self.fingers.iter().map(template).collect(), filler: self.filler.clone() };
        tlv::encode(0x63, &group.encode())
    }

    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for Finger { header: template, data } in &self.fingers {
            match data {
                FingerData::Iso19794(record) => {
                    for view in &record.views {
                        let header = view.header().map_or_else(
                            |_| format!("compression {} {} x {}", record.compression, view.width, view.height),
                            |h| h.to_string(),
                        );
                        fields.push(field(view.name(), format!("ISO/IEC 19794-4, {header}, {} bytes", view.image.len())));
                    }
                }
                FingerData::Iso39794(block) => {
                    for representation in &block.representations {
                        let position = representation.position.value.and_then(|position| u8::try_from(position).ok());
                        let header =
                            image::sniff(&representation.image).map_or_else(|_| representation.format_name(), |header| header.to_string());
                        let value = format!("ISO/IEC 39794-4, {header}, {} bytes", representation.image.len());
                        fields.push(field(position.map_or_else(|| "finger".to_owned(), finger::position_name), value));
                    }
                }
                FingerData::Other { data, .. } => {
                    let (kind, owner) = (template.format_type, template.format_owner);
                    fields.push(field("finger", format!("format {kind:04X} of owner {owner:04X}, {} bytes, not decoded", data.len())));
                }
            }
        }
        if self.fingers.is_empty() {
            fields.push(field("fingers", "none"));
        }
        fields
    }
}
