//! Portraits and finger images: told apart and measured by their headers, checked to reach their end marker, and carried as they are.
//!
//! No pixel is decoded: enough to refuse an empty, foreign, or truncated file and to know its size.

use eid::lds::biometrics::image::{self, ImageError, ImageKind};

use super::Rule;

/// An image that is complete as far as its markers tell.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    kind: ImageKind,
    width: u16,
    height: u16,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Photo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Photo({}, {} x {}, {} bytes)", self.kind.name(), self.width, self.height, self.bytes.len())
    }
}

/// Why bytes are no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct PhotoError {
    /// [`Rule::ImageFormat`] or [`Rule::ImageDamaged`].
    pub rule: Rule,
    /// What a complete image has.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl Photo {
    /// Reads the header of a JPEG, JPEG 2000, or WSQ image and looks for its end marker.
    ///
    /// # Errors
    /// Another format, a truncated file, or no image size in it.
    pub fn new(bytes: Vec<u8>) -> Result<Self, PhotoError> {
        let error = |rule: Rule, expected: &str, found: String| PhotoError { rule, expected: expected.to_owned(), found };
        let header = image::sniff(&bytes).map_err(|problem| match problem {
            ImageError::UnknownFormat if bytes.is_empty() => {
                error(Rule::ImageFormat, "a JPEG, JPEG 2000, or WSQ image", "an empty file".to_owned())
            }
            ImageError::UnknownFormat => {
                let head: Vec<u8> = bytes.iter().take(4).copied().collect();
                error(Rule::ImageFormat, "a JPEG, JPEG 2000, or WSQ image", format!("a file that starts {}", hex::encode_upper(head)))
            }
            problem => error(Rule::ImageDamaged, "a whole image with its size", problem.to_string()),
        })?;
        let (end, name): (&[u8], _) = if header.kind == ImageKind::Wsq { (&[0xFF, 0xA1], "FFA1") } else { (&[0xFF, 0xD9], "FFD9") };
        let data = if header.kind == ImageKind::Jp2 { jp2_codestream(&bytes) } else { Some(bytes.as_slice()) };
        if !data.is_some_and(|data| data.ends_with(end)) {
            return Err(error(
                Rule::ImageDamaged,
                &format!("a {} image up to its end marker {name}", header.kind.name()),
                "a truncated one".to_owned(),
            ));
        }
        let side = |pixels: u32| {
            u16::try_from(pixels).map_err(|_| error(Rule::ImageDamaged, "at most 65535 pixels on a side", pixels.to_string()))
        };
        Ok(Self { kind: header.kind, width: side(header.width)?, height: side(header.height)?, bytes })
    }

    /// The encoding.
    #[must_use]
    pub const fn kind(&self) -> ImageKind {
        self.kind
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

/// The contents of the first box `jp2c` of a JP2 file (ISO/IEC 15444-1 I.5.4); `None` if it is not whole. Boxes are at least 8 bytes long.
fn jp2_codestream(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (len, body) = rest.split_first_chunk::<4>()?;
        let (kind, _) = body.split_first_chunk::<4>()?;
        // A length of 0 means up to the end of the file.
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        let whole = if len == 0 { rest } else { rest.get(..len).filter(|_| len >= 8)? };
        if kind == b"jp2c" {
            return whole.get(8..);
        }
        rest = rest.get(whole.len()..)?;
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
        assert_eq!((photo.kind(), photo.width(), photo.height()), (ImageKind::Jpeg, 1, 2));
        for cut in 0..bytes.len() {
            Photo::new(bytes[..cut].to_vec()).expect_err("truncated");
        }
        assert_eq!(
            Photo::new(bytes[..20].to_vec()).expect_err("truncated").to_string(),
            "expected a JPEG image up to its end marker FFD9, found a truncated one"
        );
    }

    #[test]
    fn a_jpeg_2000_file_and_its_bare_code_stream_tell_the_same_size_and_every_cut_is_noticed() {
        let mut stream = hex::decode("ff4fff5100290000").expect("hex");
        for value in [413u32, 531, 0, 0] {
            stream.extend(value.to_be_bytes());
        }
        stream.extend([0xFF, 0xD9]);
        let mut file = hex::decode("0000000c6a5020200d0a870a0000001e6a703268").expect("hex");
        file.extend(hex::decode("0000001669686472000002130000019d000307070000").expect("hex"));
        file.extend(u32::try_from(stream.len() + 8).expect("short").to_be_bytes());
        file.extend(b"jp2c");
        file.extend(&stream);
        for (bytes, kind) in [(stream, ImageKind::Jpeg2000Codestream), (file, ImageKind::Jp2)] {
            let photo = Photo::new(bytes.clone()).expect("complete");
            assert_eq!((photo.kind(), photo.width(), photo.height()), (kind, 413, 531));
            for cut in 0..bytes.len() {
                Photo::new(bytes[..cut].to_vec()).expect_err("truncated");
            }
        }
    }

    #[test]
    fn the_images_of_the_corpus_are_read() {
        let Some(corpus) = crate::testing::corpus("biometrics") else { return };
        for (file, kind) in [("face-image/icao_specimen_face.jp2", ImageKind::Jp2), ("wsq/pypi_wsq_test.wsq", ImageKind::Wsq)] {
            let photo = Photo::new(std::fs::read(corpus.join(file)).expect("file")).expect("complete");
            assert_eq!(photo.kind(), kind);
            assert!(photo.width() > 100 && photo.height() > 100);
        }
    }

    #[test]
    fn other_files_are_named_by_their_first_bytes() {
        let message = |bytes: &[u8]| Photo::new(bytes.to_vec()).expect_err("no image").to_string();
        assert_eq!(message(b"\x89PNG\r\n"), "expected a JPEG, JPEG 2000, or WSQ image, found a file that starts 89504E47");
        assert_eq!(message(b""), "expected a JPEG, JPEG 2000, or WSQ image, found an empty file");
    }
}
