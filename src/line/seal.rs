//! Sealed images: what a station fetches, with the chip's private keys, the portrait, and what opens the chip. XChaCha20-Poly1305 under the
//! image key of the site.
//!
//! ```text
//! 8  "CWSEALED"
//! 1  version, 01
//! 24 nonce
//! n  ciphertext and tag over the text of an image file; the place of the job (`batch NAME, job N`) is authenticated with it
//! ```
//!
//! Refused: another version, another key, a file that belongs to another place, a changed bit.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use eid::secret::Secret;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::perso::image_file::{ImageFile, ImageFileError};

/// Bytes of the key.
pub const KEY_LEN: usize = 32;
const MAGIC: &[u8; 8] = b"CWSEALED";
const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;

/// Why a sealed image is not opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// No sealed image of this version.
    #[error("sealed image: expected {expected}, found {found}")]
    Form {
        /// What it begins with.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The key, the place, or the content is another one.
    #[error("sealed image of {place}: it was sealed with another key or for another place, or it was changed")]
    Changed {
        /// The place of the job.
        place: String,
    },
    /// The content is no image file.
    #[error("sealed image of {place}: {source}")]
    Content {
        /// The place of the job.
        place: String,
        /// What is wrong with it.
        source: ImageFileError,
    },
}

/// Seals and opens the images of a site.
#[derive(Clone, Debug)]
pub struct Seal {
    key: Secret,
}

impl Seal {
    /// With the image key of the site, [`KEY_LEN`] bytes; `None` for another length.
    #[must_use]
    pub fn new(key: Secret) -> Option<Self> {
        (key.len() == KEY_LEN).then_some(Self { key })
    }

    /// The sealed bytes of an image for a job: at most the text of the image file and 49 bytes.
    #[must_use]
    pub fn seal(&self, image: &ImageFile, batch: &str, sequence: u32, rng: &mut dyn CryptoRng) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let text = image.to_json();
        let place = place(batch, sequence);
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), Payload { msg: text.as_bytes(), aad: place.as_bytes() });
        // only a text of more than 256 GB is refused
        [MAGIC.as_slice(), &[VERSION], &nonce, &sealed.unwrap_or_default()].concat()
    }

    /// The image that was sealed for this job.
    ///
    /// # Errors
    /// Any [`SealError`].
    pub fn open(&self, sealed: &[u8], batch: &str, sequence: u32) -> Result<ImageFile, SealError> {
        let form = |expected| SealError::Form { expected, found: hex::encode(sealed.get(..9).unwrap_or(sealed)) };
        let rest = sealed.strip_prefix(MAGIC).ok_or_else(|| form("CWSEALED"))?;
        let rest = rest.strip_prefix(&[VERSION]).ok_or_else(|| form("CWSEALED and version 01"))?;
        let (nonce, content) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(|| form("a nonce of 24 bytes"))?;
        let place = place(batch, sequence);
        let opened = self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: content, aad: place.as_bytes() });
        let text = Zeroizing::new(opened.map_err(|_| SealError::Changed { place: place.clone() })?);
        let json = std::str::from_utf8(&text).map_err(|_| SealError::Changed { place: place.clone() })?;
        ImageFile::from_json(json).map_err(|source| SealError::Content { place, source })
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        // `new` took no other length
        key.iter_mut().zip(self.key.expose()).for_each(|(to, from)| *to = *from);
        XChaCha20Poly1305::new((&*key).into())
    }
}

fn place(batch: &str, sequence: u32) -> String {
    format!("batch {batch}, job {sequence}")
}

#[cfg(test)]
mod tests {
    use applets::rng::SeededRng;
    use eid::image::{CardImage, FileId};

    use super::*;

    fn image() -> ImageFile {
        let mut image = CardImage::default();
        image.files.insert(FileId::COM, vec![0x60, 0x00]);
        image.passwords.can = Some(Secret::from(&b"123456"[..]));
        ImageFile { profile: "cccd-2021".to_owned(), live: false, image }
    }

    #[test]
    fn an_image_opens_in_its_place_and_nowhere_else() {
        let seal = Seal::new(Secret::new(vec![7; KEY_LEN])).expect("a key");
        let sealed = seal.seal(&image(), "first", 3, &mut SeededRng::new(b"seal"));
        assert_eq!(seal.open(&sealed, "first", 3).expect("opens"), image());
        let text = String::from_utf8_lossy(&sealed);
        assert!(!text.contains("123456") && !text.contains("313233343536") && !text.contains("EF.COM"));
        let error = |seal: &Seal, bytes: &[u8], batch: &str, sequence| seal.open(bytes, batch, sequence).expect_err("refused").to_string();
        for (batch, sequence) in [("second", 3), ("first", 4)] {
            assert!(error(&seal, &sealed, batch, sequence).contains("sealed with another key or for another place, or it was changed"));
        }
        let other = Seal::new(Secret::new(vec![8; KEY_LEN])).expect("a key");
        assert!(error(&other, &sealed, "first", 3).contains("another key"));
        for at in [9, 33, 40, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(error(&seal, &changed, "first", 3).contains("it was changed"), "byte {at}");
        }
        assert_eq!(error(&seal, b"CWSEALED\x02", "first", 3), "sealed image: expected CWSEALED and version 01, found 43575345414c454402");
        assert_eq!(error(&seal, &sealed[..20], "first", 3).split(',').next(), Some("sealed image: expected a nonce of 24 bytes"));
        assert!(Seal::new(Secret::new(vec![0; 16])).is_none());
    }

    #[test]
    fn two_seals_of_one_image_share_nothing() {
        let seal = Seal::new(Secret::new(vec![7; KEY_LEN])).expect("a key");
        let mut rng = SeededRng::new(b"seal");
        let (one, two) = (seal.seal(&image(), "first", 3, &mut rng), seal.seal(&image(), "first", 3, &mut rng));
        assert_ne!(one[9..33], two[9..33]);
        assert_ne!(one[33..], two[33..]);
    }
}
