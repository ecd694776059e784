//! IrisImageDataBlock (ISO/IEC 39794-6:2021): tag 66.
//!
//! ```text
//! 66 { [0] version, [1] { RepresentationBlock … } }
//! RepresentationBlock { [0] eye, [1] kind, [2] bit depth, [3] format, [4] horizontal, [5] vertical orientation, [6] compression history,
//!                       [7] range, [8] capture time, [9] image, [10] capture device, [11] quality, [12] roll angle, [13] localisation,
//!                       [14] PAD }
//! ```

use super::{Block, CaptureTime, Code, Kept, Quality, Version, choice, integer, number, read_block, sequence, short, write_block};
use crate::image::FileId;
use crate::lds::LdsError;
use crate::quirk::Quirk;
use crate::tlv;

/// Application tag of the block.
pub const TAG: u32 = 0x66;

const FORMATS: [(u32, &str); 5] = [(0, "PGM"), (1, "PPM"), (2, "PNG"), (3, "JPEG 2000 lossless"), (4, "JPEG 2000 lossy")];

/// Code of lossless JPEG 2000 in [`IrisRepresentation::format`].
pub const JPEG_2000_LOSSLESS: u32 = 3;

/// IrisImageDataBlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IrisBlock {
    /// Edition of the standard.
    pub version: Version,
    /// The representations.
    pub representations: Vec<IrisRepresentation>,
    /// Other elements.
    pub others: Kept,
}

/// RepresentationBlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IrisRepresentation {
    /// 0 unknown, 1 right, 2 left.
    pub eye: u8,
    /// 1 uncropped, 2 VGA, 3 cropped, 7 cropped and masked.
    pub kind: Code,
    /// 8 to 24 bits a pixel.
    pub bit_depth: u8,
    /// How the image is compressed: 0 PGM, 1 PPM, 2 PNG, 3 JPEG 2000 lossless, 4 JPEG 2000 lossy.
    pub format: Code,
    /// 0 undefined, 1 left to right, 2 right to left.
    pub horizontal: u8,
    /// 0 undefined, 1 top to bottom, 2 bottom to top.
    pub vertical: u8,
    /// 0 undefined, 1 lossless or none, 2 lossy.
    pub compression: u8,
    /// Distance of the eye in millimetres, 2 to 65,533; or why there is none: 0 unassigned, 1 failed, 2 overflow.
    pub range: Result<u16, u8>,
    /// When it was taken.
    pub captured: CaptureTime,
    /// The image, as it is.
    pub image: Vec<u8>,
    /// Scores of quality.
    pub qualities: Vec<Quality>,
    /// Other elements: capture device, roll angle, localisation, presentation attack detection.
    pub others: Kept,
}

impl IrisBlock {
    /// A block of the first edition with one cropped image, 8 bits a pixel, of unknown orientation and distance.
    #[must_use]
    pub fn one(eye: u8, format: u32, captured: CaptureTime, image: Vec<u8>) -> Self {
        let representation = IrisRepresentation {
            eye: eye.min(2),
            kind: Code::new(3),
            bit_depth: 8,
            format: Code::new(format),
            horizontal: 0,
            vertical: 0,
            compression: 0,
            range: Err(0),
            captured,
            image,
            qualities: Vec::new(),
            others: Vec::new(),
        };
        Self { version: Version::first(), representations: vec![representation], others: Vec::new() }
    }

    /// Reads the data of a template, `A1 { 66 … }`; `at` is its offset in `file`.
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
        write_block(TAG, &self.version, self.representations.iter().map(IrisRepresentation::content), &self.others)
    }
}

impl IrisRepresentation {
    /// `JPEG 2000 lossless`.
    #[must_use]
    pub fn format_name(&self) -> String {
        self.format.name(&FORMATS)
    }

    fn content(&self) -> Vec<u8> {
        let range = match self.range {
            Ok(range) => tlv::encode(0x80, &integer(range.into())),
            Err(code) => tlv::encode(0x81, &integer(code.into())),
        };
        let mut known = vec![
            (0x80, integer(self.eye.into())),
            (0xA1, self.kind.content()),
            (0x82, integer(self.bit_depth.into())),
            (0xA3, self.format.content()),
            (0x84, integer(self.horizontal.into())),
            (0x85, integer(self.vertical.into())),
            (0x86, integer(self.compression.into())),
            (0xA7, range),
            (0xA8, self.captured.content()),
            (0x89, self.image.clone()),
        ];
        if !self.qualities.is_empty() {
            known.push((0xAB, Quality::content(&self.qualities)));
        }
        sequence(known, &self.others)
    }
}

fn representation(mut block: Block<'_>, quirks: &mut Vec<Quirk>) -> Result<IrisRepresentation, LdsError> {
    let file = block.file;
    let mut octet = |tag, field, max: u8| {
        block.need(tag, field).and_then(|tlv| number(file, field, tlv, max.into())).map(|n| u8::try_from(n).unwrap_or(max))
    };
    let (eye, bit_depth) = (octet(0x80, "eye", 2)?, octet(0x82, "bit depth", 24)?);
    let (horizontal, vertical) = (octet(0x84, "horizontal orientation", 2)?, octet(0x85, "vertical orientation", 2)?);
    let compression = octet(0x86, "compression history", 2)?;
    let one = choice(file, block.need(0xA7, "range")?)?;
    let range = match one.tag.0 {
        0x80 => Ok(short(file, "range", one, 65_533)?),
        0x81 => Err(u8::try_from(number(file, "ranging error", one, 2)?).unwrap_or(2)),
        _ => return Err(LdsError::value(file, "range", one.at, "element 80 or 81", one.tag.to_string())),
    };
    Ok(IrisRepresentation {
        eye,
        kind: Code::read(file, "iris image kind", block.need(0xA1, "iris image kind")?)?,
        bit_depth,
        format: Code::read(file, "image data format", block.need(0xA3, "image data format")?)?,
        horizontal,
        vertical,
        compression,
        range,
        captured: CaptureTime::read(file, block.need(0xA8, "capture time")?, quirks)?,
        image: block.need(0x89, "image data")?.value.to_vec(),
        qualities: block.optional(0xAB, quirks, Quality::read_list).unwrap_or_default(),
        others: block.others(),
    })
}
