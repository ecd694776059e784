//! EF.DG2 (Doc 9303-10 §4.7.2): the face of the holder.
//!
//! ```text
//! 75 { 7F61 { 02 n, 7F60 { A1 header, 5F2E face record } … } }
//! ```
//!
//! Records of ISO/IEC 19794-5 are read; records of other formats (ISO/IEC 39794-5) are kept as they are.

use super::biometrics::cbeff::{self, BiometricType, Group, Header, Template};
use super::biometrics::face::{FaceImage, FaceRecord};
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
    /// Another format, as it is.
    Other {
        /// Whether the data object is constructed (7F2E).
        constructed: bool,
        /// The data.
        data: Vec<u8>,
    },
}

impl Dg2 {
    /// The file with one face in one record of ISO/IEC 19794-5.
    #[must_use]
    pub fn new(image: FaceImage) -> Self {
        let header = Header::new(BiometricType::Face, 0, cbeff::FACE_19794_5);
        Self { faces: vec![Face { header, data: FaceData::Iso19794(FaceRecord { images: vec![image] }) }] }
    }

    /// Every image that was read.
    pub fn images(&self) -> impl Iterator<Item = &FaceImage> {
        self.faces.iter().flat_map(|face| match &face.data {
            FaceData::Iso19794(record) => record.images.as_slice(),
            FaceData::Other { .. } => &[],
        })
    }
}

impl Elementary for Dg2 {
    const FILE: FileId = dg(2);

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut inside = tlv::single(bytes, 0x75).within(Self::FILE)?.reader();
        let group = Group::read(Self::FILE, &mut inside)?;
        let mut faces = Vec::new();
        for Template { header, constructed, data, at } in group.templates {
            let data = if header.is(cbeff::FACE_19794_5) && !constructed {
                FaceData::Iso19794(FaceRecord::read(Self::FILE, &data, at, quirks)?)
            } else {
                FaceData::Other { constructed, data }
            };
            faces.push(Face { header, data });
        }
        Ok(Self { faces })
    }

    fn encode(&self) -> Vec<u8> {
        let template = |face: &Face| match &face.data {
            FaceData::Iso19794(record) => Template::new(face.header.clone(), record.encode()),
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
                FaceData::Other { data, .. } => {
                    let format = if face.header.is(cbeff::FACE_39794_5) {
                        "ISO/IEC 39794-5".to_owned()
                    } else {
                        format!("format {:04X} of owner {:04X}", face.header.format_type, face.header.format_owner)
                    };
                    fields.push(field(format!("face {n}"), format!("{format}, {} bytes, not decoded", data.len())));
                }
            }
        }
        fields
    }
}
