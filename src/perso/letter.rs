//! The PIN letter: PIN and PUK of one card, which its holder gets and nobody keeps.
//!
//! ```text
//! NAME.pin   the PIN, one line      as --pin-file takes it
//! NAME.puk   the PUK, one line, where the card has one
//! ```
//!
//! They are drawn by the issuer, or taken from such files. Refused: a file that is there already, a PIN or PUK of other digits than the profile says.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use eid::image::CardImage;
use eid::secret::Secret;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::profile::Pin;

/// Why a letter is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What is in the file is not what the profile asks for.
    #[error("{path}: expected {expected} digits in its first line, found {found} characters")]
    Digits {
        /// The file.
        path: PathBuf,
        /// Digits expected.
        expected: u8,
        /// Characters found; they are not told.
        found: usize,
    },
}

/// PIN and PUK of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pin: Secret,
    puk: Option<Secret>,
}

impl Letter {
    /// Draws PIN and PUK as the profile has them.
    pub fn draw(profile: &Pin, rng: &mut dyn CryptoRng) -> Self {
        let pin = digits(profile.issued_digits(), rng);
        Self { pin, puk: profile.puk.map(|count| digits(count, rng)) }
    }

    /// Takes them from `NAME.pin` and `NAME.puk`, where `name` is the path without extension.
    ///
    /// # Errors
    /// [`LetterError`].
    pub fn read(profile: &Pin, name: &Path) -> Result<Self, LetterError> {
        let one = |extension: &str, expected: u8| {
            let path = name.with_extension(extension);
            let text = match std::fs::read(&path) {
                Ok(text) => Zeroizing::new(text),
                Err(source) => return Err(LetterError::Io { path, source }),
            };
            let line = text.split(|octet| *octet == b'\n').next().unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.len() != usize::from(expected) || !line.iter().all(u8::is_ascii_digit) {
                return Err(LetterError::Digits { path, expected, found: line.len() });
            }
            Ok(Secret::from(line))
        };
        Ok(Self { pin: one("pin", profile.issued_digits())?, puk: profile.puk.map(|expected| one("puk", expected)).transpose()? })
    }

    /// Gives them to a card, with the rules of the profile.
    pub fn give(&self, image: &mut CardImage, profile: &Pin) {
        image.passwords.pin = Some(self.pin.clone());
        image.passwords.puk.clone_from(&self.puk);
        image.passwords.pin_rules = Some(profile.rules());
    }

    /// Writes `NAME.pin` and `NAME.puk`, files that only their owner can read.
    ///
    /// # Errors
    /// [`LetterError::Io`]: a file exists already or cannot be written.
    pub fn save(&self, name: &Path) -> Result<(), LetterError> {
        for (extension, secret) in [("pin", Some(&self.pin)), ("puk", self.puk.as_ref())] {
            let Some(secret) = secret else { continue };
            let path = name.with_extension(extension);
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let written = options.open(&path).and_then(|mut file| {
                file.write_all(&Zeroizing::new([secret.expose(), b"\n"].concat()))?;
                file.sync_all()
            });
            written.map_err(|source| LetterError::Io { path, source })?;
        }
        Ok(())
    }
}

/// So many digits, each as likely as any other.
fn digits(count: u8, rng: &mut dyn CryptoRng) -> Secret {
    let mut out = Vec::with_capacity(count.into());
    while out.len() < usize::from(count) {
        let mut octet = [0];
        rng.fill_bytes(&mut octet);
        // 250 and above would make the low digits likelier
        out.extend(octet.iter().filter(|octet| **octet < 250).map(|octet| b'0' + octet % 10));
    }
    Secret::new(out)
}

#[cfg(test)]
mod tests {
    use applets::rng::SeededRng;

    use super::*;

    fn profile(text: &str) -> Pin {
        toml::from_str(text).expect("a profile")
    }

    #[test]
    fn a_letter_is_read_back_as_it_was_drawn_and_belongs_to_its_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let pin = profile("digits = 6\ntransport = 5\npuk = 10\nunblocks = 10");
        let letter = Letter::draw(&pin, &mut SeededRng::new(b"letter"));
        assert_ne!(letter, Letter::draw(&pin, &mut SeededRng::new(b"other")));
        let name = folder.path().join("0001");
        letter.save(&name).expect("written");
        assert_eq!(Letter::read(&pin, &name).expect("read"), letter);
        #[cfg(unix)]
        for extension in ["pin", "puk"] {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(name.with_extension(extension)).expect("there"));
            assert_eq!(mode & 0o777, 0o600);
        }
        assert!(matches!(letter.save(&name), Err(LetterError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists));
        let longer = profile("digits = 6");
        let error = Letter::read(&longer, &name).expect_err("five digits").to_string();
        assert!(error.ends_with("expected 6 digits in its first line, found 5 characters"), "{error}");
    }

    #[test]
    fn every_digit_is_drawn() {
        let drawn = digits(255, &mut SeededRng::new(b"digits"));
        assert!((b'0'..=b'9').all(|digit| drawn.expose().contains(&digit)));
    }
}
