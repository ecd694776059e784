//! Portraits and finger images: told apart by their first bytes, walked to their end, and carried as they are.
//!
//! Only markers and boxes are read, no pixel is decoded: enough to refuse an empty, foreign, or truncated file and to know its size.

use crate::perso::profile::ImageFormat;

/// An image that is complete as far as its markers tell.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    format: ImageFormat,
    width: u16,
    height: u16,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Photo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Photo({}, {} x {}, {} bytes)", self.format.name(), self.width, self.height, self.bytes.len())
    }
}

/// Why bytes are no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct PhotoError {
    /// What the format asks for at that place.
    pub expected: String,
    /// What is there.
    pub found: String,
}

fn error(expected: &str, found: impl Into<String>) -> PhotoError {
    PhotoError { expected: expected.to_owned(), found: found.into() }
}

impl Photo {
    /// Reads the markers of a JPEG or JPEG 2000 file or code stream.
    ///
    /// # Errors
    /// Another format, a truncated file, or no image size in it.
    pub fn new(bytes: Vec<u8>) -> Result<Self, PhotoError> {
        let (format, (width, height)) = match bytes.as_slice() {
            [] => return Err(error("a JPEG or JPEG 2000 image", "an empty file")),
            [0xFF, 0xD8, rest @ ..] => (ImageFormat::Jpeg, jpeg(rest, 2)?),
            [0xFF, 0x4F, ..] => (ImageFormat::Jpeg2000, codestream(&bytes, 0)?),
            [0, 0, 0, 12, b'j', b'P', ..] => (ImageFormat::Jpeg2000, boxes(&bytes)?),
            other => {
                let head: Vec<u8> = other.iter().take(4).copied().collect();
                return Err(error("a JPEG or JPEG 2000 image", format!("a file that starts {}", hex::encode_upper(head))));
            }
        };
        if width == 0 || height == 0 {
            return Err(error("an image with pixels", format!("{width} x {height}")));
        }
        Ok(Self { format, width, height, bytes })
    }

    /// The encoding.
    #[must_use]
    pub const fn format(&self) -> ImageFormat {
        self.format
    }

    /// Width in pixels.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub const fn height(&self) -> u16 {
        self.height
    }

    /// The file as it came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).and_then(|pair| pair.try_into().ok()).map(u16::from_be_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|quad| quad.try_into().ok()).map(u32::from_be_bytes)
}

/// Marker segments up to the scan, then the end marker (ISO/IEC 10918-1 annex B). `at` is the offset of `rest` in the file.
fn jpeg(mut rest: &[u8], mut at: usize) -> Result<(u16, u16), PhotoError> {
    let mut size = None;
    loop {
        let (marker, len) = match rest {
            [0xFF, marker, ..] => (*marker, usize::from(word(rest, 2).unwrap_or_default())),
            _ => return Err(error("a JPEG marker", format!("none at offset {at}: truncated or damaged"))),
        };
        let segment = rest.get(2..2 + len).filter(|_| len >= 2);
        let segment =
            segment.ok_or_else(|| error("a whole JPEG segment", format!("the end of the file in marker FF{marker:02X} at offset {at}")))?;
        if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            size = word(segment, 5).zip(word(segment, 3));
        }
        rest = rest.get(2 + len..).unwrap_or_default();
        at += 2 + len;
        if marker == 0xDA {
            break;
        }
    }
    if !rest.ends_with(&[0xFF, 0xD9]) {
        return Err(error("a JPEG image up to its end marker FFD9", "a truncated one"));
    }
    size.ok_or_else(|| error("a JPEG frame with an image size", "none"))
}

/// SOC and SIZ first, EOC last (ISO/IEC 15444-1 annex A).
fn codestream(bytes: &[u8], at: usize) -> Result<(u16, u16), PhotoError> {
    let stream = bytes.get(at..).unwrap_or_default();
    if !stream.ends_with(&[0xFF, 0xD9]) {
        return Err(error("a JPEG 2000 code stream up to its end marker FFD9", "a truncated one"));
    }
    let size = (word(stream, 0), word(stream, 2)) == (Some(0xFF4F), Some(0xFF51));
    let extent = |to, from| long(stream, to).zip(long(stream, from)).and_then(|(to, from)| u16::try_from(to.checked_sub(from)?).ok());
    extent(8, 16).zip(extent(12, 20)).filter(|_| size).ok_or_else(|| error("a JPEG 2000 image size below 65536", "none"))
}

/// Boxes of a JP2 file up to the code stream (ISO/IEC 15444-1 annex I).
fn boxes(bytes: &[u8]) -> Result<(u16, u16), PhotoError> {
    let mut at = 0usize;
    loop {
        let truncated = || error("a whole JP2 box", format!("the end of the file at offset {at}"));
        let len = long(bytes, at).ok_or_else(truncated)?;
        let kind = bytes.get(at + 4..at + 8).ok_or_else(truncated)?;
        // A length of 0 means up to the end of the file; 64-bit lengths make no sense for a portrait.
        let end = match len {
            0 => bytes.len(),
            1..=7 => return Err(error("a JP2 box of at least 8 bytes", format!("{len} at offset {at}"))),
            _ => usize::try_from(len).ok().and_then(|len| at.checked_add(len)).filter(|end| *end <= bytes.len()).ok_or_else(truncated)?,
        };
        if kind == b"jp2c" {
            return codestream(bytes.get(..end).unwrap_or_default(), at + 8);
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SOI, SOF0 (1 x 2 pixels), SOS, one byte, EOI.
    const JPEG: &str = "ffd8ffc0000b080002000101011100ffda0008010100003f0000ffd9";

    #[test]
    fn a_jpeg_tells_its_size_and_every_cut_is_noticed() {
        let bytes = hex::decode(JPEG).expect("hex");
        let photo = Photo::new(bytes.clone()).expect("complete");
        assert_eq!((photo.format(), photo.width(), photo.height()), (ImageFormat::Jpeg, 1, 2));
        for cut in 0..bytes.len() {
            Photo::new(bytes.get(..cut).expect("shorter").to_vec()).expect_err("truncated");
        }
        let message = Photo::new(bytes.get(..10).expect("shorter").to_vec()).expect_err("truncated").to_string();
        assert_eq!(message, "expected a whole JPEG segment, found the end of the file in marker FFC0 at offset 2");
    }

    #[test]
    fn a_jpeg_2000_file_and_its_bare_code_stream_tell_the_same_size() {
        let mut stream = hex::decode("ff4fff5100290000").expect("hex");
        for value in [413u32, 531, 0, 0] {
            stream.extend(value.to_be_bytes());
        }
        stream.extend([0xFF, 0xD9]);
        let mut file = hex::decode("0000000c6a5020200d0a870a").expect("hex");
        file.extend(u32::try_from(stream.len() + 8).expect("short").to_be_bytes());
        file.extend(b"jp2c");
        file.extend(&stream);
        for bytes in [stream, file.clone()] {
            let photo = Photo::new(bytes).expect("complete");
            assert_eq!((photo.format(), photo.width(), photo.height()), (ImageFormat::Jpeg2000, 413, 531));
        }
        for cut in 0..file.len() {
            Photo::new(file.get(..cut).expect("shorter").to_vec()).expect_err("truncated");
        }
    }

    #[test]
    fn the_specimen_face_of_the_corpus_is_read() {
        let Some(corpus) = crate::testing::corpus("biometrics") else { return };
        let photo = Photo::new(std::fs::read(corpus.join("face-image/icao_specimen_face.jp2")).expect("file")).expect("complete");
        assert_eq!(photo.format(), ImageFormat::Jpeg2000);
        assert!(photo.width() > 100 && photo.height() > 100);
    }

    #[test]
    fn other_files_are_named_by_their_first_bytes() {
        let message = |bytes: &[u8]| Photo::new(bytes.to_vec()).expect_err("no image").to_string();
        assert_eq!(message(b"\x89PNG\r\n"), "expected a JPEG or JPEG 2000 image, found a file that starts 89504E47");
        assert_eq!(message(b""), "expected a JPEG or JPEG 2000 image, found an empty file");
    }
}
