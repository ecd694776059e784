//! EF.DG2 (Doc 9303-10 §4.7.2): the face of the holder.
//!
//! ```text
//! 75 { 7F61 { 02 n, 7F60 { A1 header, 5F2E face record | 7F2E { A1 { 65 face block } } } … } }
//! ```
//!
//! Records of ISO/IEC 19794-5:2005 and blocks of ISO/IEC 39794-5 are read; other formats are kept as they are.

use super::biometrics::cbeff::{self, BiometricType, Form, Forms, Group, Header, Template};
use super::biometrics::face::{self, FaceImage, FaceRecord};
use super::biometrics::iso39794::face::{self as face39794, FaceBlock};
use super::error::Within as _;
use super::{Elementary, LdsError, dg, field};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv;

/// EF.DG2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dg2 {
    /// The faces in the order of the file.
    pub faces: Vec<Face>,
}

/// One biometric information template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Face {
    /// Its header.
    pub header: Header,
    /// Its data.
    pub data: FaceData,
}

/// The data of a face.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaceData {
    /// ISO/IEC 19794-5.
    Iso19794(FaceRecord),
    /// ISO/IEC 39794-5.
    Iso39794(FaceBlock),
    /// Another format, as it is.
    Other {
        /// Whether the data object is constructed (7F2E).
        constructed: bool,
        /// The data.
        data: Vec<u8>,
    },
}

const FORMS: Forms =
    Forms { iso19794: &[cbeff::FACE_19794_5], magic: face::MAGIC, iso39794: cbeff::FACE_39794_5, application: face39794::TAG };

impl Dg2 {
    /// The file with one face in one record of ISO/IEC 19794-5.
    #[must_use]
    pub fn new(image: FaceImage) -> Self {
        let header = Header::new(BiometricType::Face, 0, cbeff::FACE_19794_5);
        Self { faces: vec![Face { header, data: FaceData::Iso19794(FaceRecord { images: vec![image] }) }] }
    }

    /// The file with one block of ISO/IEC 39794-5, with the two header objects that such chips have.
    #[must_use]
    pub fn new_39794(block: FaceBlock) -> Self {
        let mut header = Header::new(BiometricType::Face, 0, cbeff::FACE_39794_5);
        header.objects.retain(|(tag, _)| matches!(tag.0, 0x87 | 0x88));
        Self { faces: vec![Face { header, data: FaceData::Iso39794(block) }] }
    }

    /// Every image in a record of ISO/IEC 19794-5.
    pub fn images(&self) -> impl Iterator<Item = &FaceImage> {
        self.faces.iter().flat_map(|face| match &face.data {
            FaceData::Iso19794(record) => record.images.as_slice(),
            FaceData::Iso39794(_) | FaceData::Other { .. } => &[],
        })
    }

    /// Every portrait in a form that is read, as it is: JPEG or JPEG 2000, told by its first octets.
    pub fn portraits(&self) -> impl Iterator<Item = &[u8]> {
        self.faces.iter().flat_map(|face| match &face.data {
            FaceData::Iso19794(record) => record.images.iter().map(|image| image.image.as_slice()).collect::<Vec<_>>(),
            FaceData::Iso39794(block) => block.images().map(|image| image.image.as_slice()).collect(),
            FaceData::Other { .. } => Vec::new(),
        })
    }
}

impl Elementary for Dg2 {
    const FILE: FileId = dg(2);

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut inside = tlv::single(bytes, 0x75).within(Self::FILE)?.reader();
        let group = Group::read(Self::FILE, &mut inside)?;
        let mut faces = Vec::new();
        for template in group.templates {
            let form = template.form(Self::FILE, &FORMS, quirks);
            let Template { header, constructed, data, at } = template;
            let data = match form {
                Form::Iso19794 => FaceData::Iso19794(FaceRecord::read(Self::FILE, &data, at, quirks)?),
                Form::Iso39794 => {
                    let block = FaceBlock::read(Self::FILE, &data, at, quirks)?;
                    block.check_images(Self::FILE, at, quirks);
                    FaceData::Iso39794(block)
                }
                Form::Other => FaceData::Other { constructed, data },
            };
            faces.push(Face { header, data });
        }
        if faces.is_empty() {
            quirks.push(Quirk::new("dg2.empty", "EF.DG2"));
        }
        Ok(Self { faces })
    }

    fn encode(&self) -> Vec<u8> {
        let template = |face: &Face| match &face.data {
            FaceData::Iso19794(record) => Template::new(face.header.clone(), record.encode()),
            FaceData::Iso39794(block) => Template::constructed(face.header.clone(), block.encode()),
            FaceData::Other { constructed, data } => {
                Template { header: face.header.clone(), constructed: *constructed, data: data.clone(), at: 0 }
            }
        };
        let group = Group { templates: self.faces.iter().map(template).collect(), filler: None };
        tlv::encode(0x75, &group.encode())
    }

    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for (n, face) in (1..).zip(&self.faces) {
            match &face.data {
                FaceData::Iso19794(record) => {
                    fields.push(field(format!("face {n}"), format!("ISO/IEC 19794-5, {} image(s)", record.images.len())));
                    for image in &record.images {
                        let header = image.header().map_or_else(|error| error.to_string(), |header| header.to_string());
                        fields.push(field(format!("face {n} image"), format!("{header}, {} bytes", image.image.len())));
                        fields.push(field(format!("face {n} size in the record"), format!("{} x {}", image.width, image.height)));
                    }
                }
                FaceData::Iso39794(block) => {
                    let version = &block.version;
                    fields.push(field(format!("face {n}"), format!("ISO/IEC 39794-5, {}.{}", version.generation, version.year)));
                    for representation in &block.representations {
                        fields.extend(representation.fields(n));
                    }
                }
                FaceData::Other { data, .. } => {
                    let (kind, owner) = (face.header.format_type, face.header.format_owner);
                    fields.push(field(
                        format!("face {n}"),
                        format!("format {kind:04X} of owner {owner:04X}, {} bytes, not decoded", data.len()),
                    ));
                }
            }
        }
        fields
    }
}
