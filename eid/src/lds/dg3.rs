//! EF.DG3 (Doc 9303-10 §4.7.3): fingers of the holder, readable after terminal authentication only.
//!
//! ```text
//! 63 { 7F61 { 02 n, 7F60 { A1 header, 5F2E finger image record } …, 53 random octets if n is 0 } }
//! ```
//!
//! Records of ISO/IEC 19794-4 are read; records of other formats are kept as they are. A file without a finger holds random octets, so
//! that its hash in EF.SOD does not tell that there is none.

use super::biometrics::cbeff::{self, BiometricType, Group, Header, Template};
use super::biometrics::finger::FingerRecord;
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
    /// Another format, as it is.
    Other {
        /// Whether the data object is constructed (7F2E).
        constructed: bool,
        /// The data.
        data: Vec<u8>,
    },
}

impl Dg3 {
    /// The file with one template for each record; the subtype is that of the first view.
    #[must_use]
    pub fn new(records: impl IntoIterator<Item = FingerRecord>) -> Self {
        let finger = |record: FingerRecord| {
            let subtype = record.views.first().map_or(0, super::biometrics::finger::FingerView::subtype);
            Finger { header: Header::new(BiometricType::Finger, subtype, cbeff::FINGER_19794_4), data: FingerData::Iso19794(record) }
        };
        Self { fingers: records.into_iter().map(finger).collect(), filler: None }
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
        for Template { header, constructed, data, at } in group.templates {
            let data = if header.is(cbeff::FINGER_19794_4) && !constructed {
                FingerData::Iso19794(FingerRecord::read(Self::FILE, &data, at, quirks)?)
            } else {
                FingerData::Other { constructed, data }
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
            FingerData::Other { constructed, data } => {
                Template { header: finger.header.clone(), constructed: *constructed, data: data.clone(), at: 0 }
            }
        };
        let group = Group { templates: self.fingers.iter().map(template).collect(), filler: self.filler.clone() };
        tlv::encode(0x63, &group.encode())
    }

    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for finger in &self.fingers {
            match &finger.data {
                FingerData::Iso19794(record) => {
                    for view in &record.views {
                        let header = view.header().map_or_else(
                            |_| format!("compression {} {} x {}", record.compression, view.width, view.height),
                            |h| h.to_string(),
                        );
                        fields.push(field(view.name(), format!("ISO/IEC 19794-4, {header}, {} bytes", view.image.len())));
                    }
                }
                FingerData::Other { data, .. } => {
                    let (kind, owner) = (finger.header.format_type, finger.header.format_owner);
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
