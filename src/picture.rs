//! Pictures for people: what a chip carries as JPEG, JPEG 2000, or WSQ becomes grey or RGB pixels, and those become PNG.
//!
//! The kind is found by content, never by name. Everything that a picture declares is held against [`limits`] before any memory is
//! taken for it; what is damaged, too large, or of a kind that is not known is a named [`PictureError`]. Colours are taken as sRGB
//! (profiles are not applied), transparency is laid on white, samples of other depths are scaled to 8 bits. Bytes after the end of
//! the picture are ignored: issuers pad. A picture is a reading for the eye and proves nothing; genuine is what passive
//! authentication says of the file that carries it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

mod files;
mod jp2;
mod jpeg;
mod png;
mod wsq;

pub use files::encoded;

/// What is decoded at most. Portraits and finger images of the standards are far below.
pub mod limits {
    /// Pixels a side.
    pub const SIDE: u32 = 8_192;
    /// Pixels in all: 4,096 × 4,096.
    pub const PIXELS: u64 = 1 << 24;
    /// Components of one picture: colours, and one for transparency.
    pub const COMPONENTS: u16 = 5;
    /// Bits of one sample.
    pub const DEPTH: u8 = 16;
    /// Scans of a progressive JPEG.
    pub const SCANS: usize = 64;
    /// Tiles of a JPEG 2000 picture.
    pub const TILES: u64 = 4_096;
    /// Code blocks, and precincts, of a JPEG 2000 picture, over all components and resolutions.
    pub const BLOCKS: u64 = 1 << 18;
    /// Samples that a JPEG 2000 picture of few bytes may have; each byte more allows [`SAMPLES_A_BYTE`] more.
    pub const SAMPLES: u64 = 1 << 20;
    /// Samples for each byte of a JPEG 2000 picture beyond [`SAMPLES`]: a portrait of the standards has about fifty.
    pub const SAMPLES_A_BYTE: u64 = 256;
}

/// Pixels from left to right and top to bottom, without gaps.
#[derive(Clone, PartialEq, Eq)]
pub enum Pixels {
    /// One byte each, 0 black.
    Gray8(Vec<u8>),
    /// Three bytes each: red, green, blue.
    Rgb8(Vec<u8>),
}

/// A decoded picture. Always has at least one pixel, and as many bytes as its size asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Pixels,
}

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG, ISO/IEC 10918-1.
    Jpeg,
    /// JPEG 2000 in its JP2 container, ISO/IEC 15444-1 annex I.
    Jp2,
    /// A JPEG 2000 codestream without container, ISO/IEC 15444-1 annex A.
    Codestream,
    /// Wavelet scalar quantization, IAFIS-IC-0110.
    Wsq,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Jp2 => "JPEG 2000",
            Self::Codestream => "JPEG 2000 codestream",
            Self::Wsq => "WSQ",
        })
    }
}

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// The first bytes are those of no format that is known here.
    #[error("expected JPEG, JPEG 2000, or WSQ, found bytes that begin with {found}")]
    Unknown {
        /// At most eight bytes in hex; empty for an empty picture.
        found: String,
    },
    /// It declares more than is decoded.
    #[error("{format}: {what} is {found}, at most {limit} is decoded")]
    TooLarge {
        /// The format.
        format: Format,
        /// What is too much.
        what: &'static str,
        /// What is declared.
        found: u64,
        /// What is decoded.
        limit: u64,
    },
    /// The bytes break the rules of the format, or end too early.
    #[error("{format}: {detail}")]
    Damaged {
        /// The format.
        format: Format,
        /// What was expected and found.
        detail: String,
    },
    /// The rules are kept, and this part of the format is not known here.
    #[error("{format}: {what} is not supported")]
    Unsupported {
        /// The format.
        format: Format,
        /// What it would need.
        what: String,
    },
    /// The decoder stumbled over these bytes. Nothing is known about the picture.
    #[error("{format}: the decoder gave up in an unforeseen way")]
    Decoder {
        /// The format.
        format: Format,
    },
}

impl fmt::Debug for Picture {
    /// Size and kind only: the pixels are a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.pixels {
            Pixels::Gray8(_) => "grey",
            Pixels::Rgb8(_) => "RGB",
        };
        write!(f, "Picture({} x {} {kind})", self.width, self.height)
    }
}

impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, bytes) = match self {
            Self::Gray8(bytes) => ("Gray8", bytes),
            Self::Rgb8(bytes) => ("Rgb8", bytes),
        };
        write!(f, "{kind}({} bytes)", bytes.len())
    }
}

impl Picture {
    /// `None` unless there is a pixel and `pixels` has exactly the bytes that the size asks for.
    #[must_use]
    pub fn new(width: u32, height: u32, pixels: Pixels) -> Option<Self> {
        let (bytes, channels) = match &pixels {
            Pixels::Gray8(bytes) => (bytes, 1),
            Pixels::Rgb8(bytes) => (bytes, 3),
        };
        let expected = u64::from(width) * u64::from(height) * channels;
        (expected > 0 && u64::try_from(bytes.len()) == Ok(expected)).then_some(Self { width, height, pixels })
    }

    /// Pixels in a row, at least 1.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows, at least 1.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The pixels.
    #[must_use]
    pub const fn pixels(&self) -> &Pixels {
        &self.pixels
    }

    /// The picture as a PNG file (ISO/IEC 15948), 8 bits a sample, no other chunks than are needed.
    #[must_use]
    pub fn to_png(&self) -> Vec<u8> {
        png::encode(self)
    }
}

/// The format that the first bytes say; `None` if they say none that is decoded here.
#[must_use]
pub fn format(bytes: &[u8]) -> Option<Format> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Some(Format::Jpeg),
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => Some(Format::Jp2),
        [0xFF, 0x4F, 0xFF, 0x51, ..] => Some(Format::Codestream),
        [0xFF, 0xA0, 0xFF, 0xA2..=0xA8, ..] => Some(Format::Wsq),
        _ => None,
    }
}

/// Decodes a picture of any format that is known here.
///
/// # Errors
/// [`PictureError`]; never a panic, and no more memory than [`limits`] allow.
pub fn decode(bytes: &[u8]) -> Result<Picture, PictureError> {
    let unknown = || PictureError::Unknown { found: hex::encode_upper(bytes.get(..8).unwrap_or(bytes)) };
    let format = format(bytes).ok_or_else(unknown)?;
    // The bytes are a stranger's and two of the decoders are others': a mistake of theirs is an error here, and not the end.
    catch_unwind(AssertUnwindSafe(|| match format {
        Format::Jpeg => jpeg::decode(bytes),
        Format::Jp2 | Format::Codestream => jp2::decode(format, bytes),
        Format::Wsq => wsq::decode(bytes),
    }))
    .unwrap_or(Err(PictureError::Decoder { format }))
}

/// Holds a declared size against the limits.
fn check_size(format: Format, width: u64, height: u64) -> Result<(u32, u32), PictureError> {
    let too_large = |what, found, limit| PictureError::TooLarge { format, what, found, limit };
    let side = |what, found: u64| {
        u32::try_from(found).ok().filter(|&found| found <= limits::SIDE).ok_or_else(|| too_large(what, found, limits::SIDE.into()))
    };
    let (width, height) = (side("width", width)?, side("height", height)?);
    if width == 0 || height == 0 {
        return Err(PictureError::Damaged { format, detail: format!("expected at least one pixel, found {width} x {height}") });
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits::PIXELS {
        return Err(too_large("number of pixels", pixels, limits::PIXELS));
    }
    Ok((width, height))
}
