//! FingerImageDataBlock (ISO/IEC 39794-4:2019): tag 64.
//!
//! ```text
//! 64 { [0] version, [1] { RepresentationBlock … } }
//! RepresentationBlock { [0] position, [1] impression, [2] format, [3] image, [4] capture time, [5] capture device, [6] quality,
//!                       [7] { [0] samples per unit, [1] inch | centimetre }, [8] … [16] others }
//! ```

use super::{Block, CaptureTime, Code, Kept, Quality, Version, integer, number, read_block, sequence, short, write_block};
use crate::image::FileId;
use crate::lds::LdsError;
use crate::quirk::Quirk;

/// Application tag of the block.
pub const TAG: u32 = 0x64;

const FORMATS: [(u32, &str); 5] = [(0, "PGM"), (1, "WSQ"), (2, "JPEG 2000 lossy"), (3, "JPEG 2000 lossless"), (4, "PNG")];

/// Code of WSQ in [`FingerRepresentation::format`].
pub const WSQ: u32 = 1;

/// FingerImageDataBlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FingerBlock {
    /// Edition of the standard.
    pub version: Version,
    /// The representations.
    pub representations: Vec<FingerRepresentation>,
    /// Other elements.
    pub others: Kept,
}

/// RepresentationBlock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FingerRepresentation {
    /// Position: 0 unknown, 1 right thumb to 5 right little finger, 6 left thumb to 10 left little finger.
    pub position: Code,
    /// Impression: 0 plain contact, 1 rolled contact, 8 swipe, 24 contactless plain.
    pub impression: Code,
    /// How the image is compressed: 0 PGM, 1 WSQ, 2 JPEG 2000 lossy, 3 JPEG 2000 lossless, 4 PNG.
    pub format: Code,
    /// The image, as it is.
    pub image: Vec<u8>,
    /// When it was taken.
    pub captured: Option<CaptureTime>,
    /// Scores of quality.
    pub qualities: Vec<Quality>,
    /// Samples a unit, and the unit: 0 inch, 1 centimetre.
    pub sampling: Option<(u16, u16)>,
    /// Other elements: capture device, rotation, segmentation, annotation, comments, vendor data.
    pub others: Kept,
}

impl FingerBlock {
    /// A block of the first edition with one plain impression.
    #[must_use]
    pub fn one(position: u32, format: u32, image: Vec<u8>) -> Self {
        let representation = FingerRepresentation {
            position: Code::new(position),
            impression: Code::new(0),
            format: Code::new(format),
            image,
            captured: None,
            qualities: Vec::new(),
            sampling: None,
            others: Vec::new(),
        };
        Self { version: Version::first(), representations: vec![representation], others: Vec::new() }
    }

    /// Reads the data of a template, `A1 { 64 … }`; `at` is its offset in `file`.
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
        write_block(TAG, &self.version, self.representations.iter().map(FingerRepresentation::content), &self.others)
    }
}

impl FingerRepresentation {
    /// `WSQ`.
    #[must_use]
    pub fn format_name(&self) -> String {
        self.format.name(&FORMATS)
    }

    fn content(&self) -> Vec<u8> {
        let mut known = vec![
            (0xA0, self.position.content()),
            (0xA1, self.impression.content()),
            (0xA2, self.format.content()),
            (0x83, self.image.clone()),
        ];
        known.extend(self.captured.map(|captured| (0xA4, captured.content())));
        if !self.qualities.is_empty() {
            known.push((0xA6, Quality::content(&self.qualities)));
        }
        let sampling =
            |(samples, unit): (u16, u16)| sequence(vec![(0x80, integer(samples.into())), (0x81, integer(unit.into()))], &Vec::new());
        known.extend(self.sampling.map(|rate| (0xA7, sampling(rate))));
        sequence(known, &self.others)
    }
}

fn representation(mut block: Block<'_>, quirks: &mut Vec<Quirk>) -> Result<FingerRepresentation, LdsError> {
    let file = block.file;
    Ok(FingerRepresentation {
        position: Code::read(file, "finger position", block.need(0xA0, "finger position")?)?,
        impression: Code::read(file, "impression", block.need(0xA1, "impression")?)?,
        format: Code::read(file, "image data format", block.need(0xA2, "image data format")?)?,
        image: block.need(0x83, "image data")?.value.to_vec(),
        captured: block.optional(0xA4, quirks, CaptureTime::read),
        qualities: block.optional(0xA6, quirks, Quality::read_list).unwrap_or_default(),
        sampling: block.optional(0xA7, quirks, |file, tlv, quirks| {
            let mut rate = Block::read(file, tlv, quirks)?;
            let samples = short(file, "samples per unit", rate.need(0x80, "samples per unit")?, u16::MAX)?;
            Ok((samples, u16::from(number(file, "unit", rate.need(0x81, "unit")?, 1)? == 1)))
        }),
        others: block.others(),
    })
}
