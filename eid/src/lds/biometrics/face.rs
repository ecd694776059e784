//! Face image records (ISO/IEC 19794-5:2005 clause 5), as EF.DG2 holds them.
//!
//! ```text
//! "FAC" 00 "010" 00, length of the record (4), number of images (2)                                         facial record header
//! length of the block (4), feature points (2), gender, eye colour, hair colour, properties (3),
//!   expression (2), pose (3), uncertainty of the pose (3)                                                   facial information
//! 8 bytes for each feature point
//! image type, image data type, width (2), height (2), colour space, source, device (2), quality (2)         image information
//! image
//! ```
//!
//! Lengths that are a little off, and a size that is not that of the image, occur on genuine chips: with one image they are read and
//! reported. With several images a wrong length is refused, because nothing else tells where an image ends.

use super::image::{self, ImageError, ImageHeader, ImageKind};
use super::octets::{Octets, length};
use crate::image::FileId;
use crate::lds::LdsError;
use crate::quirk::Quirk;

/// Format identifier and version.
pub(in crate::lds) const MAGIC: &[u8; 8] = b"FAC\x00010\x00";
const RECORD_HEADER: usize = 14;
const FACIAL_INFORMATION: usize = 20;
const FEATURE_POINT: usize = 8;
const IMAGE_INFORMATION: usize = 12;

/// Most images that are read from one record.
pub const MAX_IMAGES: u16 = 16;

/// A face image record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaceRecord {
    /// Its images.
    pub images: Vec<FaceImage>,
}

/// One image with what the record says about it. Zero means unspecified in the fields about the person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaceImage {
    /// Feature points, 8 bytes each.
    pub feature_points: Vec<[u8; FEATURE_POINT]>,
    /// Gender: 0 unspecified, 1 male, 2 female.
    pub gender: u8,
    /// Eye colour.
    pub eye_colour: u8,
    /// Hair colour.
    pub hair_colour: u8,
    /// Properties: glasses, beard, and so on, bit by bit.
    pub properties: [u8; 3],
    /// Expression.
    pub expression: u16,
    /// Pose angles: yaw, pitch, roll.
    pub pose: [u8; 3],
    /// Uncertainty of the pose angles.
    pub pose_uncertainty: [u8; 3],
    /// Image type: 0 basic, 1 full frontal, 2 token frontal.
    pub image_type: u8,
    /// Image data type: 0 JPEG, 1 JPEG 2000.
    pub data_type: u8,
    /// Width in pixels, as the record says.
    pub width: u16,
    /// Height in pixels, as the record says.
    pub height: u16,
    /// Colour space: 0 unspecified, 1 RGB 24 bits.
    pub colour_space: u8,
    /// Source: 0 unspecified.
    pub source: u8,
    /// Device type.
    pub device: u16,
    /// Quality.
    pub quality: u16,
    /// The image, as it is.
    pub image: Vec<u8>,
}

impl FaceImage {
    /// A full frontal portrait with nothing said about the person; data type and size are those of `image`.
    ///
    /// # Errors
    /// `image` is neither JPEG nor JPEG 2000, or larger than 65,535 pixels on a side.
    pub fn portrait(image: Vec<u8>) -> Result<Self, ImageError> {
        let header = image::sniff(&image)?;
        let data_type = match header.kind {
            ImageKind::Jpeg => 0,
            ImageKind::Jp2 | ImageKind::Jpeg2000Codestream => 1,
            ImageKind::Wsq => return Err(ImageError::UnknownFormat),
        };
        let side = |found: u32| u16::try_from(found).map_err(|_| ImageError::TooLarge { found });
        Ok(Self {
            image_type: 1,
            data_type,
            width: side(header.width)?,
            height: side(header.height)?,
            colour_space: 1,
            image,
            ..Self::default()
        })
    }

    /// What the header of the image itself says.
    ///
    /// # Errors
    /// The image is damaged or of a kind that is not known.
    pub fn header(&self) -> Result<ImageHeader, ImageError> {
        image::sniff(&self.image)
    }

    fn block_len(&self) -> usize {
        FACIAL_INFORMATION + FEATURE_POINT * self.feature_points.len() + IMAGE_INFORMATION + self.image.len()
    }
}

impl FaceRecord {
    /// Reads a record that is all of `data`; `at` is its offset in `file`.
    ///
    /// # Errors
    /// Not such a record; the error names the field and its offset in the file.
    pub fn read(file: FileId, data: &[u8], at: usize, quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut octets = Octets { file, rest: data, at };
        octets.magic("face record format", MAGIC)?;
        let declared = octets.u32("face record length")?;
        if declared != length(data.len()) {
            quirks.push(Quirk::new("face.record-length", format!("{file} offset {}: {declared}, record has {}", at + 8, data.len())));
        }
        let count_at = octets.at;
        let count = octets.u16("number of face images")?;
        if count == 0 || count > MAX_IMAGES {
            return Err(LdsError::value(file, "number of face images", count_at, format!("1 to {MAX_IMAGES}"), count.to_string()));
        }
        let mut images = Vec::new();
        for _ in 0..count {
            images.push(read_image(&mut octets, count == 1, quirks)?);
        }
        if !octets.rest.is_empty() {
            quirks.push(Quirk::new("face.trailing-bytes", format!("{file} offset {}, {} bytes", octets.at, octets.rest.len())));
        }
        Ok(Self { images })
    }

    /// The record in bytes, with the lengths that are right.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let total = RECORD_HEADER + self.images.iter().map(FaceImage::block_len).sum::<usize>();
        let mut out = MAGIC.to_vec();
        out.extend(length(total).to_be_bytes());
        out.extend(u16::try_from(self.images.len()).unwrap_or(u16::MAX).to_be_bytes());
        for face in &self.images {
            out.extend(length(face.block_len()).to_be_bytes());
            out.extend(u16::try_from(face.feature_points.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend([face.gender, face.eye_colour, face.hair_colour]);
            out.extend(face.properties);
            out.extend(face.expression.to_be_bytes());
            out.extend(face.pose);
            out.extend(face.pose_uncertainty);
            face.feature_points.iter().for_each(|point| out.extend(point));
            out.extend([face.image_type, face.data_type]);
            out.extend(face.width.to_be_bytes());
            out.extend(face.height.to_be_bytes());
            out.extend([face.colour_space, face.source]);
            out.extend(face.device.to_be_bytes());
            out.extend(face.quality.to_be_bytes());
            out.extend(&face.image);
        }
        out
    }
}

fn read_image(octets: &mut Octets<'_>, only: bool, quirks: &mut Vec<Quirk>) -> Result<FaceImage, LdsError> {
    let (file, start) = (octets.file, octets.at);
    let declared = octets.u32("facial information block length")?;
    let points = octets.u16("number of feature points")?;
    let mut face = FaceImage {
        gender: octets.u8("gender")?,
        eye_colour: octets.u8("eye colour")?,
        hair_colour: octets.u8("hair colour")?,
        properties: octets.array("properties")?,
        expression: octets.u16("expression")?,
        pose: octets.array("pose")?,
        pose_uncertainty: octets.array("pose uncertainty")?,
        ..FaceImage::default()
    };
    let points = octets.take("feature points", usize::from(points) * FEATURE_POINT)?;
    face.feature_points = points.chunks_exact(FEATURE_POINT).filter_map(|point| point.try_into().ok()).collect();
    face.image_type = octets.u8("face image type")?;
    face.data_type = octets.u8("image data type")?;
    (face.width, face.height) = (octets.u16("width")?, octets.u16("height")?);
    (face.colour_space, face.source) = (octets.u8("colour space")?, octets.u8("source")?);
    (face.device, face.quality) = (octets.u16("device")?, octets.u16("quality")?);
    let len = usize::try_from(declared).unwrap_or(usize::MAX).checked_sub(octets.at - start);
    face.image = if only {
        octets.take("image", octets.rest.len())?.to_vec()
    } else {
        let least = || format!("at least {}", octets.at - start);
        let len = len.ok_or_else(|| LdsError::value(file, "facial information block length", start, least(), declared.to_string()))?;
        octets.take("image", len)?.to_vec()
    };
    if len != Some(face.image.len()) {
        quirks.push(Quirk::new("face.block-length", format!("{file} offset {start}: {declared}, block has {}", octets.at - start)));
    }
    match face.header() {
        Ok(header) if (header.width, header.height) != (face.width.into(), face.height.into()) => {
            quirks.push(Quirk::new("face.size", format!("{file} offset {start}: record {} x {}, image {header}", face.width, face.height)));
        }
        Ok(header) if face.data_type != u8::from(header.kind != ImageKind::Jpeg) => {
            quirks.push(Quirk::new("face.data-type", format!("{file} offset {start}: {}, image {header}", face.data_type)));
        }
        Ok(_) => {}
        Err(error) => quirks.push(Quirk::new("face.image-header", format!("{file} offset {start}: {error}"))),
    }
    Ok(face)
}
