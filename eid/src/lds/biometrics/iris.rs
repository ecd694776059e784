//! Iris image records (ISO/IEC 19794-6:2005 clause 6.5), as EF.DG4 holds them.
//!
//! ```text
//! "IIR" 00 "010" 00, length of the record (4), device (2), number of eyes, length of this header (2), properties (2), diameter (2),
//!   image format (2), width (2), height (2), bits a pixel, transformation, unique identifier of the device (16)     record header
//! eye, number of images (2)                                                                                         for each eye
//! number (2), quality, rotation (2), uncertainty (2), length (4), image                                             for each image
//! ```
//!
//! A total length that is wrong is reported, since the parts say where they end; one that reaches beyond the record is refused.

use super::image::{self, ImageError, ImageHeader};
use super::octets::{Octets, length};
use crate::image::FileId;
use crate::lds::LdsError;
use crate::quirk::Quirk;

/// Format identifier and version.
pub(in crate::lds) const MAGIC: &[u8; 8] = b"IIR\x00010\x00";
const RECORD_HEADER: u16 = 45;
const EYE_HEADER: usize = 3;
const IMAGE_HEADER: usize = 11;

/// Most eyes of one record.
pub const MAX_EYES: u8 = 2;
/// Most images of one eye.
pub const MAX_IMAGES: u16 = 16;

/// Codes of [`IrisRecord::image_format`].
pub mod format {
    /// Grey, uncompressed.
    pub const GREY_RAW: u16 = 0x0002;
    /// Grey, JPEG.
    pub const GREY_JPEG: u16 = 0x0006;
    /// Colour, JPEG.
    pub const COLOUR_JPEG: u16 = 0x0008;
    /// Grey, JPEG 2000.
    pub const GREY_JPEG_2000: u16 = 0x000E;
    /// Colour, JPEG 2000.
    pub const COLOUR_JPEG_2000: u16 = 0x0010;
}

const FORMATS: [(u16, &str); 8] = [
    (0x02, "grey"),
    (0x04, "colour"),
    (0x06, "grey JPEG"),
    (0x08, "colour JPEG"),
    (0x0A, "grey JPEG-LS"),
    (0x0C, "colour JPEG-LS"),
    (0x0E, "grey JPEG 2000"),
    (0x10, "colour JPEG 2000"),
];

/// An iris image record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IrisRecord {
    /// Capture device.
    pub device: u16,
    /// Orientation, scan type, occlusions, bit by bit.
    pub properties: u16,
    /// Expected diameter of the iris in pixels.
    pub diameter: u16,
    /// How the images are compressed, see [`mod@format`].
    pub image_format: u16,
    /// Width in pixels, as the record says.
    pub width: u16,
    /// Height in pixels, as the record says.
    pub height: u16,
    /// Bits a pixel.
    pub depth: u8,
    /// Transformation: 0 undefined, 1 standard polar.
    pub transformation: u8,
    /// Unique identifier of the device; zeros if there is none.
    pub device_id: [u8; 16],
    /// The eyes.
    pub eyes: Vec<Eye>,
}

/// The images of one eye.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Eye {
    /// 0 undefined, 1 right, 2 left.
    pub side: u8,
    /// Its images.
    pub images: Vec<IrisImage>,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IrisImage {
    /// Its number.
    pub number: u16,
    /// Quality 0 to 100; 254 is undefined.
    pub quality: u8,
    /// Rotation of the eye; FFFF is undefined.
    pub rotation: u16,
    /// Uncertainty of the rotation; FFFF is undefined.
    pub rotation_uncertainty: u16,
    /// The image, as it is.
    pub image: Vec<u8>,
}

impl IrisRecord {
    /// A record of one eye (1 right, 2 left) with one image, whose size the record says.
    #[must_use]
    pub fn one(side: u8, image_format: u16, width: u16, height: u16, image: Vec<u8>) -> Self {
        let image = IrisImage { number: 1, quality: 254, rotation: 0xFFFF, rotation_uncertainty: 0xFFFF, image };
        Self { image_format, width, height, depth: 8, eyes: vec![Eye { side, images: vec![image] }], ..Self::default() }
    }

    /// Reads a record that is all of `data`; `at` is its offset in `file`.
    ///
    /// # Errors
    /// Not such a record; the error names the field and its offset in the file.
    pub fn read(file: FileId, data: &[u8], at: usize, quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut octets = Octets { file, rest: data, at };
        octets.magic("iris record format", MAGIC)?;
        let declared = octets.u32("iris record length")?;
        if declared != length(data.len()) {
            quirks.push(Quirk::new("iris.record-length", format!("{file} offset {}: {declared}, record has {}", at + 8, data.len())));
        }
        let device = octets.u16("capture device")?;
        let (count_at, count) = (octets.at, octets.u8("number of eyes")?);
        if count == 0 || count > MAX_EYES {
            return Err(LdsError::value(file, "number of eyes", count_at, format!("1 to {MAX_EYES}"), count.to_string()));
        }
        let (header_at, header) = (octets.at, octets.u16("record header length")?);
        if header != RECORD_HEADER {
            quirks.push(Quirk::new("iris.header-length", format!("{file} offset {header_at}: {header}, not {RECORD_HEADER}")));
        }
        let mut record = Self {
            device,
            properties: octets.u16("image properties")?,
            diameter: octets.u16("iris diameter")?,
            image_format: octets.u16("image format")?,
            width: octets.u16("width")?,
            height: octets.u16("height")?,
            depth: octets.u8("intensity depth")?,
            transformation: octets.u8("image transformation")?,
            device_id: octets.array("device identifier")?,
            eyes: Vec::new(),
        };
        for _ in 0..count {
            let side = octets.u8("eye")?;
            let (count_at, count) = (octets.at, octets.u16("number of iris images")?);
            if count > MAX_IMAGES {
                return Err(LdsError::value(file, "number of iris images", count_at, format!("at most {MAX_IMAGES}"), count.to_string()));
            }
            let mut eye = Eye { side, images: Vec::new() };
            for _ in 0..count {
                let start = octets.at;
                let image = read_image(&mut octets)?;
                match image.header() {
                    Ok(header) if (header.width, header.height) != (record.width.into(), record.height.into()) => {
                        let place = format!("{file} offset {start}: record {} x {}, image {header}", record.width, record.height);
                        quirks.push(Quirk::new("iris.size", place));
                    }
                    _ => {}
                }
                eye.images.push(image);
            }
            record.eyes.push(eye);
        }
        if !octets.rest.is_empty() {
            quirks.push(Quirk::new("iris.trailing-bytes", format!("{file} offset {}, {} bytes", octets.at, octets.rest.len())));
        }
        Ok(record)
    }

    /// The record in bytes, with the lengths that are right.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let eye_len = |eye: &Eye| EYE_HEADER + eye.images.iter().map(|image| IMAGE_HEADER + image.image.len()).sum::<usize>();
        let total = usize::from(RECORD_HEADER) + self.eyes.iter().map(eye_len).sum::<usize>();
        let mut out = MAGIC.to_vec();
        out.extend(length(total).to_be_bytes());
        out.extend(self.device.to_be_bytes());
        out.push(u8::try_from(self.eyes.len()).unwrap_or(u8::MAX));
        for field in [RECORD_HEADER, self.properties, self.diameter, self.image_format, self.width, self.height] {
            out.extend(field.to_be_bytes());
        }
        out.extend([self.depth, self.transformation]);
        out.extend(self.device_id);
        for eye in &self.eyes {
            out.push(eye.side);
            out.extend(u16::try_from(eye.images.len()).unwrap_or(u16::MAX).to_be_bytes());
            for image in &eye.images {
                out.extend(image.number.to_be_bytes());
                out.push(image.quality);
                out.extend(image.rotation.to_be_bytes());
                out.extend(image.rotation_uncertainty.to_be_bytes());
                out.extend(length(image.image.len()).to_be_bytes());
                out.extend(&image.image);
            }
        }
        out
    }

    /// `colour JPEG 2000`, or `format 0012`.
    #[must_use]
    pub fn format_name(&self) -> String {
        let known = FORMATS.iter().find(|(code, _)| *code == self.image_format);
        known.map_or_else(|| format!("format {:04X}", self.image_format), |(_, name)| (*name).to_owned())
    }
}

/// `right eye`, `left eye`, or `eye`: of a record, of ISO/IEC 39794-6, and of the CBEFF subtype.
#[must_use]
pub const fn eye_name(side: u8) -> &'static str {
    match side {
        1 => "right eye",
        2 => "left eye",
        _ => "eye",
    }
}

impl IrisImage {
    /// What the header of the image itself says.
    ///
    /// # Errors
    /// The image is uncompressed, damaged or of a kind that is not known.
    pub fn header(&self) -> Result<ImageHeader, ImageError> {
        image::sniff(&self.image)
    }
}

fn read_image(octets: &mut Octets<'_>) -> Result<IrisImage, LdsError> {
    let mut image = IrisImage {
        number: octets.u16("image number")?,
        quality: octets.u8("quality")?,
        rotation: octets.u16("rotation")?,
        rotation_uncertainty: octets.u16("rotation uncertainty")?,
        image: Vec::new(),
    };
    let len = octets.u32("iris image length")?;
    image.image = octets.take("iris image", usize::try_from(len).unwrap_or(usize::MAX))?.to_vec();
    Ok(image)
}
