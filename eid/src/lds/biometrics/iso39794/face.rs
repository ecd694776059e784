//! FaceImageDataBlock (ISO/IEC 39794-5:2019, the application profile of ICAO): tag 65.
//!
//! ```text
//! 65 { [0] version, [1] { RepresentationBlock … } }
//! RepresentationBlock { [0] id, [1] image representation, [2] capture time, [3] quality, [4] PAD, [5] session, [6] derived from,
//!                       [7] capture device, [8] identity, [9] landmarks }
//! image representation  [0] base { [0] { [0] image, [1] image information, [2] capture device } } | [1] extension
//! image information     { [0] format, [1] kind, … [7] { [0] width, [1] height }, … }
//! ```

use super::{
    Block, CaptureTime, Code, Kept, Quality, Version, choice, integer, join, list, number, read_block, sequence, short, write_block,
};
use crate::image::FileId;
use crate::lds::biometrics::image::{self, ImageKind};
use crate::lds::{Elementary as _, LdsError, field};
use crate::quirk::Quirk;
use crate::tlv::{self, Tlv};

/// Application tag of the block.
pub const TAG: u32 = 0x65;

/// Codes of [`FaceImage2d::format`].
pub mod format {
    /// JPEG.
    pub const JPEG: u32 = 2;
    /// JPEG 2000, lossy.
    pub const JPEG_2000_LOSSY: u32 = 3;
    /// JPEG 2000, lossless.
    pub const JPEG_2000_LOSSLESS: u32 = 4;
}

const FORMATS: [(u32, &str); 5] = [(0, "unknown"), (1, "other"), (2, "JPEG"), (3, "JPEG 2000 lossy"), (4, "JPEG 2000 lossless")];

/// FaceImageDataBlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceBlock {
    /// Edition of the standard.
    pub version: Version,
    /// The representations; a travel document has one.
    pub representations: Vec<FaceRepresentation>,
    /// Other elements.
    pub others: Kept,
}

/// RepresentationBlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceRepresentation {
    /// Number of the representation in the block.
    pub id: u32,
    /// The image; `None` for an image representation that is not known, which is among the others.
    pub image: Option<FaceImage2d>,
    /// When it was taken.
    pub captured: Option<CaptureTime>,
    /// Scores of quality.
    pub qualities: Vec<Quality>,
    /// Landmarks.
    pub landmarks: Vec<Landmark>,
    /// Other elements: presentation attack detection, session, capture device, identity.
    pub others: Kept,
}

/// ImageRepresentation2DBlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceImage2d {
    /// The image, as it is.
    pub image: Vec<u8>,
    /// How it is compressed, see [`mod@format`].
    pub format: Code,
    /// Width and height in pixels, as the record says.
    pub size: Option<(u16, u16)>,
    /// Other elements of the image information.
    pub information: Kept,
    /// Other elements of the representation: the capture device.
    pub others: Kept,
}

/// LandmarkBlock: what it is, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landmark {
    /// The content of the kind, DER: an MPEG-4 feature point or an anthropometric landmark.
    pub kind: Vec<u8>,
    /// The content of the coordinates, DER.
    pub coordinates: Option<Vec<u8>>,
    /// Other elements.
    pub others: Kept,
}

impl FaceBlock {
    /// A block of the first edition with one portrait.
    #[must_use]
    pub fn portrait(image: Vec<u8>, format: u32) -> Self {
        let image = FaceImage2d { image, format: Code::new(format), size: None, information: Vec::new(), others: Vec::new() };
        let representation = FaceRepresentation {
            id: 0,
            image: Some(image),
            captured: None,
            qualities: Vec::new(),
            landmarks: Vec::new(),
            others: Vec::new(),
        };
        Self { version: Version::first(), representations: vec![representation], others: Vec::new() }
    }

    /// Reads the data of a template, `A1 { 65 … }`; `at` is its offset in `file`.
    ///
    /// # Errors
    /// Not such a block; the error names element and offset.
    pub fn read(file: FileId, data: &[u8], at: usize, quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let (version, representations, others) = read_block(file, TAG, data, at, quirks, representation)?;
        Ok(Self { version, representations, others })
    }

    /// The data of a template.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        write_block(TAG, &self.version, self.representations.iter().map(FaceRepresentation::content), &self.others)
    }

    /// Reports images whose header says another size or format than the record.
    pub(in crate::lds) fn check_images(&self, file: FileId, at: usize, quirks: &mut Vec<Quirk>) {
        for face in self.images() {
            match image::sniff(&face.image) {
                Ok(header) if face.size.is_some_and(|(width, height)| (width.into(), height.into()) != (header.width, header.height)) => {
                    quirks.push(Quirk::new("face.size", format!("{file} offset {at}: record {:?}, image {header}", face.size)));
                }
                Ok(header) if (face.format.value == Some(format::JPEG)) != (header.kind == ImageKind::Jpeg) => {
                    quirks.push(Quirk::new("face.data-type", format!("{file} offset {at}: {}, image {header}", face.format_name())));
                }
                Ok(_) => {}
                Err(error) => quirks.push(Quirk::new("face.image-header", format!("{file} offset {at}: {error}"))),
            }
        }
    }

    /// Every image that was read.
    pub fn images(&self) -> impl Iterator<Item = &FaceImage2d> {
        self.representations.iter().filter_map(|representation| representation.image.as_ref())
    }
}

impl FaceRepresentation {
    /// Names and values for people; `n` is the number of the face.
    pub(in crate::lds) fn fields(&self, n: usize) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        match &self.image {
            Some(face) => {
                let header = image::sniff(&face.image).map_or_else(|error| error.to_string(), |header| header.to_string());
                fields.push(field(format!("face {n} image"), format!("{header}, {} bytes", face.image.len())));
                fields.push(field(format!("face {n} format"), face.format_name()));
                fields.extend(face.size.map(|(w, h)| field(format!("face {n} size in the record"), format!("{w} x {h}"))));
            }
            None => fields.push(field(format!("face {n} image"), "a representation that is not known")),
        }
        fields.extend(self.captured.map(|captured| field(format!("face {n} captured"), captured.to_string())));
        fields.extend(self.qualities.iter().map(|quality| field(format!("face {n} quality"), quality.to_string())));
        if !self.landmarks.is_empty() {
            fields.push(field(format!("face {n} landmarks"), self.landmarks.len().to_string()));
        }
        fields
    }

    fn content(&self) -> Vec<u8> {
        let mut known = vec![(0x80, integer(self.id))];
        known.extend(self.image.as_ref().map(|image| (0xA1, tlv::encode(0xA0, &tlv::encode(0xA0, &image.content())))));
        known.extend(self.captured.map(|captured| (0xA2, captured.content())));
        if !self.qualities.is_empty() {
            known.push((0xA3, Quality::content(&self.qualities)));
        }
        if !self.landmarks.is_empty() {
            known.push((0xA9, join(self.landmarks.iter().map(Landmark::content))));
        }
        sequence(known, &self.others)
    }
}

fn representation(mut block: Block<'_>, quirks: &mut Vec<Quirk>) -> Result<FaceRepresentation, LdsError> {
    let file = block.file;
    let id = number(file, "representation id", block.need(0x80, "representation id")?, u32::MAX)?;
    // an extension is another kind of image and stays among the others
    let base = match block.peek(0xA1) {
        Some(image) => choice(file, image)?.tag.0 == 0xA0,
        None => return Err(LdsError::value(file, "image representation", block.at, "element A1", "none")),
    };
    let image = if base { Some(image_2d(file, block.need(0xA1, "image representation")?, quirks)?) } else { None };
    Ok(FaceRepresentation {
        id,
        image,
        captured: block.optional(0xA2, quirks, CaptureTime::read),
        qualities: block.optional(0xA3, quirks, Quality::read_list).unwrap_or_default(),
        landmarks: block.optional(0xA9, quirks, |file, tlv, quirks| list(file, "landmarks", tlv, quirks, landmark)).unwrap_or_default(),
        others: block.others(),
    })
}

fn image_2d(file: FileId, tlv: Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<FaceImage2d, LdsError> {
    let base = choice(file, choice(file, tlv)?)?;
    if base.tag.0 != 0xA0 {
        return Err(LdsError::value(file, "image representation", base.at, "a 2D image (A0)", base.tag.to_string()));
    }
    let mut block = Block::read(file, base, quirks)?;
    let image = block.need(0x80, "image data")?.value.to_vec();
    let mut information = Block::read(file, block.need(0xA1, "image information")?, quirks)?;
    let format = Code::read(file, "image data format", information.need(0xA0, "image data format")?)?;
    let size = information.optional(0xA7, quirks, |file, tlv, quirks| {
        let mut size = Block::read(file, tlv, quirks)?;
        let mut side = |tag, field| size.need(tag, field).and_then(|tlv| short(file, field, tlv, u16::MAX));
        Ok((side(0x80, "width")?, side(0x81, "height")?))
    });
    Ok(FaceImage2d { image, format, size, information: information.others(), others: block.others() })
}

impl FaceImage2d {
    /// `JPEG 2000 lossy`.
    #[must_use]
    pub fn format_name(&self) -> String {
        self.format.name(&FORMATS)
    }

    fn content(&self) -> Vec<u8> {
        let mut information = vec![(0xA0, self.format.content())];
        let size = |(width, height): (u16, u16)| sequence(vec![(0x80, integer(width.into())), (0x81, integer(height.into()))], &Vec::new());
        information.extend(self.size.map(|sides| (0xA7, size(sides))));
        let information = sequence(information, &self.information);
        sequence(vec![(0x80, self.image.clone()), (0xA1, information)], &self.others)
    }
}

fn landmark(mut block: Block<'_>, _: &mut Vec<Quirk>) -> Result<Landmark, LdsError> {
    Ok(Landmark {
        kind: block.need(0xA0, "landmark kind")?.value.to_vec(),
        coordinates: block.take(0xA1).map(|coordinates| coordinates.value.to_vec()),
        others: block.others(),
    })
}

impl Landmark {
    /// Where it is in a 2D image: pixels from the left and from the top. `None` for coordinates of other kinds, and without any.
    #[must_use]
    pub fn position(&self) -> Option<(u16, u16)> {
        let base = tlv::single(self.coordinates.as_deref()?, 0xA0).ok()?;
        let cartesian = tlv::single(base.value, 0xA0).ok()?;
        let mut block = Block::read(crate::lds::dg2::Dg2::FILE, cartesian, &mut Vec::new()).ok()?;
        let mut part = |tag| short(block.file, "coordinate", block.take(tag)?, u16::MAX).ok();
        Some((part(0x80)?, part(0x81)?))
    }

    fn content(&self) -> Vec<u8> {
        let mut known = vec![(0xA0, self.kind.clone())];
        known.extend(self.coordinates.clone().map(|coordinates| (0xA1, coordinates)));
        sequence(known, &self.others)
    }
}
