//! EF.DG4 (Doc 9303-10 §4.7.4): irises of the holder, readable after terminal authentication only.
//!
//! ```text
//! 76 { 7F61 { 02 n, 7F60 { A1 header, 5F2E iris record | 7F2E { A1 { 66 iris block } } } …, 53 random octets if n is 0 } }
//! ```
//!
//! Records of ISO/IEC 19794-6:2005 and blocks of ISO/IEC 39794-6 are read; other formats are kept as they are. A file without an iris
//! holds random octets, as EF.DG3 does.

use super::biometrics::cbeff::{self, BiometricType, Form, Forms, Group, Header, Template};
use super::biometrics::image;
use super::biometrics::iris::{self, IrisRecord, eye_name};
use super::biometrics::iso39794::iris::{self as iris39794, IrisBlock};
use super::error::Within as _;
use super::{Elementary, LdsError, dg, field};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv;

/// EF.DG4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dg4 {
    /// The irises in the order of the file.
    pub irises: Vec<Iris>,
    /// Random octets of a file without an iris.
    pub filler: Option<Vec<u8>>,
}

/// One biometric information template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iris {
    /// Its header.
    pub header: Header,
    /// Its data.
    pub data: IrisData,
}

/// The data of an iris.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IrisData {
    /// ISO/IEC 19794-6.
    Iso19794(IrisRecord),
    /// ISO/IEC 39794-6.
    Iso39794(IrisBlock),
    /// Another format, as it is.
    Other {
        /// Whether the data object is constructed (7F2E).
        constructed: bool,
        /// The data.
        data: Vec<u8>,
    },
}

const FORMS: Forms = Forms {
    iso19794: &[cbeff::IRIS_19794_6, cbeff::IRIS_19794_6_POLAR],
    magic: iris::MAGIC,
    iso39794: cbeff::IRIS_39794_6,
    application: iris39794::TAG,
};

impl Dg4 {
    /// The file with one template for each record; the subtype is the side of the first eye (1 right, 2 left).
    #[must_use]
    pub fn new(records: impl IntoIterator<Item = IrisRecord>) -> Self {
        let iris = |record: IrisRecord| {
            let subtype = record.eyes.first().map_or(0, |eye| eye.side);
            Iris { header: Header::new(BiometricType::Iris, subtype, cbeff::IRIS_19794_6), data: IrisData::Iso19794(record) }
        };
        Self { irises: records.into_iter().map(iris).collect(), filler: None }
    }

    /// The file with one template for each block of ISO/IEC 39794-6.
    #[must_use]
    pub fn new_39794(blocks: impl IntoIterator<Item = IrisBlock>) -> Self {
        let iris = |block: IrisBlock| {
            let subtype = block.representations.first().map_or(0, |representation| representation.eye);
            Iris { header: Header::new(BiometricType::Iris, subtype, cbeff::IRIS_39794_6), data: IrisData::Iso39794(block) }
        };
        Self { irises: blocks.into_iter().map(iris).collect(), filler: None }
    }

    /// The file without an iris; `random` is at least 8 octets that nobody can guess.
    #[must_use]
    pub const fn empty(random: Vec<u8>) -> Self {
        Self { irises: Vec::new(), filler: Some(random) }
    }
}

impl Elementary for Dg4 {
    const FILE: FileId = dg(4);

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut inside = tlv::single(bytes, 0x76).within(Self::FILE)?.reader();
        let group = Group::read(Self::FILE, &mut inside)?;
        let mut irises = Vec::new();
        for template in group.templates {
            let form = template.form(Self::FILE, &FORMS, quirks);
            let Template { header, constructed, data, at } = template;
            let data = match form {
                Form::Iso19794 => IrisData::Iso19794(IrisRecord::read(Self::FILE, &data, at, quirks)?),
                Form::Iso39794 => IrisData::Iso39794(IrisBlock::read(Self::FILE, &data, at, quirks)?),
                Form::Other => IrisData::Other { constructed, data },
            };
            irises.push(Iris { header, data });
        }
        if irises.is_empty() && group.filler.is_none() {
            quirks.push(Quirk::new("dg4.empty-without-random", "EF.DG4"));
        }
        Ok(Self { irises, filler: group.filler })
    }

    fn encode(&self) -> Vec<u8> {
        let template = |iris: &Iris| match &iris.data {
            IrisData::Iso19794(record) => Template::new(iris.header.clone(), record.encode()),
            IrisData::Iso39794(block) => Template::constructed(iris.header.clone(), block.encode()),
            IrisData::Other { constructed, data } => {
                Template { header: iris.header.clone(), constructed: *constructed, data: data.clone(), at: 0 }
            }
        };
        let group = Group { templates: self.irises.iter().map(template).collect(), filler: self.filler.clone() };
        tlv::encode(0x76, &group.encode())
    }

    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for Iris { header: template, data } in &self.irises {
            match data {
                IrisData::Iso19794(record) => {
                    for eye in &record.eyes {
                        for image in &eye.images {
                            let size = format!("{} {} x {}", record.format_name(), record.width, record.height);
                            let header = image.header().map_or(size, |header| header.to_string());
                            fields.push(field(eye_name(eye.side), format!("ISO/IEC 19794-6, {header}, {} bytes", image.image.len())));
                        }
                    }
                }
                IrisData::Iso39794(block) => {
                    for representation in &block.representations {
                        let header =
                            image::sniff(&representation.image).map_or_else(|_| representation.format_name(), |header| header.to_string());
                        let value = format!("ISO/IEC 39794-6, {header}, {} bytes", representation.image.len());
                        fields.push(field(eye_name(representation.eye), value));
                        fields.push(field(format!("{} captured", eye_name(representation.eye)), representation.captured.to_string()));
                    }
                }
                IrisData::Other { data, .. } => {
                    let (kind, owner) = (template.format_type, template.format_owner);
                    fields.push(field("iris", format!("format {kind:04X} of owner {owner:04X}, {} bytes, not decoded", data.len())));
                }
            }
        }
        if self.irises.is_empty() {
            fields.push(field("irises", "none"));
        }
        fields
    }
}
