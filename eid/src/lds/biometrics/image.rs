//! Headers of JPEG, JPEG 2000 and WSQ images: kind, width, height and components, nothing else.
//!
//! JPEG: the first frame header (ISO/IEC 10918-1 B.2.2). JPEG 2000: the image header box of a JP2 file, or the SIZ segment of a bare
//! codestream (ISO/IEC 15444-1 I.5.3.1, A.5.1). WSQ: the frame header (WSQ specification 3.1). The walk over segments and boxes goes
//! forward only and reads no more than [`MAX_SEGMENTS`].

use std::fmt;

/// Most segments or boxes that are passed over on the way to the header.
pub const MAX_SEGMENTS: usize = 256;

/// How an image is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageKind {
    /// JPEG.
    Jpeg,
    /// JPEG 2000 in a JP2 file.
    Jp2,
    /// JPEG 2000 as a bare codestream.
    Jpeg2000Codestream,
    /// Wavelet scalar quantization, for fingers.
    Wsq,
}

impl ImageKind {
    /// The name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Jp2 => "JPEG 2000",
            Self::Jpeg2000Codestream => "JPEG 2000 codestream",
            Self::Wsq => "WSQ",
        }
    }

    /// The usual file name extension.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Jp2 => "jp2",
            Self::Jpeg2000Codestream => "j2k",
            Self::Wsq => "wsq",
        }
    }
}

/// What the header of an image says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageHeader {
    /// How it is compressed.
    pub kind: ImageKind,
    /// Width in pixels, not zero.
    pub width: u32,
    /// Height in pixels, not zero.
    pub height: u32,
    /// Components a pixel: 1 grey, 3 colour. `None` where the image ends before it says so.
    pub components: Option<u16>,
}

impl ImageHeader {
    /// Whether the image has one component: some chips hold a grey portrait.
    #[must_use]
    pub fn is_grey(&self) -> bool {
        self.components == Some(1)
    }
}

impl fmt::Display for ImageHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} x {}", self.kind.name(), self.width, self.height)
    }
}

/// Why an image header cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// No signature of JPEG, JPEG 2000 or WSQ.
    #[error("expected the signature of JPEG, JPEG 2000 or WSQ, found neither")]
    UnknownFormat,
    /// The image ends before its header does.
    #[error("{kind}: cut at offset {at}", kind = .kind.name())]
    Truncated {
        /// The kind.
        kind: ImageKind,
        /// Offset of what is missing.
        at: usize,
    },
    /// No frame header, image header box or SIZ segment where one must be.
    #[error("{kind}: no image size before offset {at}", kind = .kind.name())]
    NoSize {
        /// The kind.
        kind: ImageKind,
        /// Where the search ended.
        at: usize,
    },
    /// More pixels on a side than a record can say.
    #[error("{found} pixels on a side, at most 65535 fit the record")]
    TooLarge {
        /// Pixels found.
        found: u32,
    },
    /// Width or height is zero.
    #[error("{kind}: width or height is zero at offset {at}", kind = .kind.name())]
    Empty {
        /// The kind.
        kind: ImageKind,
        /// Offset of the size.
        at: usize,
    },
}

const JP2_SIGNATURE: &[u8] = &[0, 0, 0, 12, b'j', b'P', b' ', b' ', 0x0D, 0x0A, 0x87, 0x0A];

/// Reads the header of `image`.
///
/// # Errors
/// [`ImageError`].
pub fn sniff(image: &[u8]) -> Result<ImageHeader, ImageError> {
    match image {
        [0xFF, 0xD8, 0xFF, ..] => jpeg(image),
        [0xFF, 0x4F, 0xFF, 0x51, ..] => siz(image),
        [0xFF, 0xA0, 0xFF, ..] => wsq(image),
        _ if image.starts_with(JP2_SIGNATURE) => jp2(image),
        _ => Err(ImageError::UnknownFormat),
    }
}

fn jpeg(image: &[u8]) -> Result<ImageHeader, ImageError> {
    let is_frame = |marker| matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC);
    let stops = |marker| matches!(marker, 0xD9 | 0xDA);
    // precision, height, width
    let at = segment(image, ImageKind::Jpeg, is_frame, stops)? + 1;
    let components = image.get(at + 4).map(|&count| count.into());
    Ok(ImageHeader { components, ..size(image, ImageKind::Jpeg, at + 2, at, 2)? })
}

fn wsq(image: &[u8]) -> Result<ImageHeader, ImageError> {
    // black, white, height, width
    let at = segment(image, ImageKind::Wsq, |marker| marker == 0xA2, |marker| matches!(marker, 0xA1 | 0xA3))? + 2;
    Ok(ImageHeader { components: Some(1), ..size(image, ImageKind::Wsq, at + 2, at, 2)? })
}

/// Offset of the content of the first segment whose marker is `wanted`, after the two octets of its length.
fn segment(image: &[u8], kind: ImageKind, wanted: impl Fn(u8) -> bool, stops: impl Fn(u8) -> bool) -> Result<usize, ImageError> {
    let mut at = 2;
    for _ in 0..MAX_SEGMENTS {
        let &[prefix, marker] = chunk(image, kind, at)?;
        if prefix != 0xFF || stops(marker) {
            return Err(ImageError::NoSize { kind, at });
        }
        if marker == 0xFF {
            at += 1; // fill octet
            continue;
        }
        if wanted(marker) {
            return Ok(at + 4);
        }
        let len = usize::from(u16::from_be_bytes(*chunk(image, kind, at + 2)?));
        at += 2 + len.max(2);
    }
    Err(ImageError::NoSize { kind, at })
}

fn siz(codestream: &[u8]) -> Result<ImageHeader, ImageError> {
    let kind = ImageKind::Jpeg2000Codestream;
    // SOC, SIZ, length, capabilities, then reference grid and offset of the image on it
    let number = |at| chunk(codestream, kind, at).map(|&octets| u32::from_be_bytes(octets));
    let (right, bottom, left, top) = (number(8)?, number(12)?, number(16)?, number(20)?);
    match (right.checked_sub(left), bottom.checked_sub(top)) {
        (Some(width @ 1..), Some(height @ 1..)) => Ok(ImageHeader { kind, width, height, components: pair(codestream, 40) }),
        _ => Err(ImageError::Empty { kind, at: 8 }),
    }
}

fn jp2(image: &[u8]) -> Result<ImageHeader, ImageError> {
    let kind = ImageKind::Jp2;
    let mut at = 0;
    for _ in 0..MAX_SEGMENTS {
        let len = u32::from_be_bytes(*chunk(image, kind, at)?);
        let name: &[u8; 4] = chunk(image, kind, at + 4)?;
        match name {
            // a superbox: its first box must be the image header
            b"jp2h" => at += 8,
            b"ihdr" => return Ok(ImageHeader { components: pair(image, at + 16), ..size(image, kind, at + 12, at + 8, 4)? }),
            // length 0 reaches to the end; length 1 announces a longer one, which no image on a chip has
            _ if len < 8 => return Err(ImageError::NoSize { kind, at }),
            _ => at = at.saturating_add(usize::try_from(len).unwrap_or(usize::MAX)),
        }
    }
    Err(ImageError::NoSize { kind, at })
}

/// Width and height from `octets` octets each.
fn size(image: &[u8], kind: ImageKind, width_at: usize, height_at: usize, octets: usize) -> Result<ImageHeader, ImageError> {
    let number = |at: usize| {
        let found = image.get(at..at + octets).ok_or(ImageError::Truncated { kind, at })?;
        Ok(found.iter().fold(0u32, |n, &octet| n << 8 | u32::from(octet)))
    };
    match (number(width_at)?, number(height_at)?) {
        (width @ 1.., height @ 1..) => Ok(ImageHeader { kind, width, height, components: None }),
        _ => Err(ImageError::Empty { kind, at: width_at.min(height_at) }),
    }
}

/// Two octets as a number, if the image reaches that far.
fn pair(image: &[u8], at: usize) -> Option<u16> {
    image.get(at..).and_then(|rest| rest.first_chunk()).map(|&octets| u16::from_be_bytes(octets))
}

fn chunk<const N: usize>(image: &[u8], kind: ImageKind, at: usize) -> Result<&[u8; N], ImageError> {
    image.get(at..).and_then(|rest| rest.first_chunk()).ok_or(ImageError::Truncated { kind, at })
}
