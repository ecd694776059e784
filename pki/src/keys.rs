//! Where private keys live: the seam to key files and to tokens.
//!
//! A [`KeyStore`] makes a key under a label and opens it as a [`Signer`]; the private key never comes out of it. Here is the store of
//! encrypted files ([`SoftwareKeys`]); tokens are another one, outside of this package. A store never replaces a key that it holds:
//! a key may be the only one that signs a state's documents.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use eid::cert::spki;
use eid::crypto::signature::{Algorithm, PublicKey};
use eid::secret::Secret;
use eid::signer::Signer;
use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use crate::file::{self, Readers};
use crate::key::{self, KeyError, KeyParameters, SigningKey};
use crate::software::SoftwareSigner;

/// A place that holds private keys by label.
pub trait KeyStore {
    /// What the place is called in messages and in the register: `file`, `token csca`.
    fn place(&self) -> String;

    /// Makes a key for `algorithm` under `label` and gives its public half. `rng` is for stores that have no randomness of their own.
    ///
    /// # Errors
    /// The label is taken, key and algorithm do not belong together or are too weak, or the store refuses.
    fn generate(
        &self,
        label: &str,
        parameters: KeyParameters,
        algorithm: Algorithm,
        rng: &mut dyn CryptoRng,
    ) -> Result<PublicKey, KeyStoreError>;

    /// The key under `label`, to sign with `algorithm`. Many threads may sign with it.
    ///
    /// # Errors
    /// There is none, it does not open, or is not for `algorithm`.
    fn open(&self, label: &str, algorithm: Algorithm) -> Result<Box<dyn Signer + Send + Sync>, KeyStoreError>;

    /// Whether there is a key under `label`.
    ///
    /// # Errors
    /// The store cannot be asked.
    fn holds(&self, label: &str) -> Result<bool, KeyStoreError>;
}

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// No key of that label.
    #[error("key {label}: expected in {place}, found none")]
    Missing {
        /// The label.
        label: String,
        /// The store.
        place: String,
    },
    /// A key of that label is there, and no key is ever replaced.
    #[error("key {label}: {place} holds one already")]
    Taken {
        /// The label.
        label: String,
        /// The store.
        place: String,
    },
    /// The key itself: kind, algorithm, pass phrase, format.
    #[error("key of {label}: {source}")]
    Key {
        /// The label.
        label: String,
        /// What is wrong.
        source: KeyError,
    },
    /// A key file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The token is away, locked, or cannot do it.
    #[error("{place}: {detail}")]
    Token {
        /// Which token.
        place: String,
        /// What it said, and what that means.
        detail: String,
    },
}

/// Key files `LABEL.key` in a directory: PKCS#8, PBES2 with scrypt, all under one pass phrase.
pub struct SoftwareKeys<R> {
    directory: PathBuf,
    pass_phrase: Secret,
    rng: Arc<Mutex<R>>,
}

impl<R> fmt::Debug for SoftwareKeys<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftwareKeys({})", self.directory.display())
    }
}

impl<R: CryptoRng + Send + 'static> SoftwareKeys<R> {
    /// The key files in `directory`. `rng` is for the signatures of the keys that are opened.
    #[must_use]
    pub fn new(directory: &Path, pass_phrase: Secret, rng: R) -> Self {
        Self { directory: directory.to_owned(), pass_phrase, rng: Arc::new(Mutex::new(rng)) }
    }

    fn path(&self, label: &str) -> PathBuf {
        self.directory.join(format!("{label}.key"))
    }
}

impl<R: CryptoRng + Send + 'static> KeyStore for SoftwareKeys<R> {
    fn place(&self) -> String {
        "file".to_owned()
    }

    fn generate(
        &self,
        label: &str,
        parameters: KeyParameters,
        algorithm: Algorithm,
        rng: &mut dyn CryptoRng,
    ) -> Result<PublicKey, KeyStoreError> {
        let wrap = |source| KeyStoreError::Key { label: label.to_owned(), source };
        if self.holds(label)? {
            return Err(KeyStoreError::Taken { label: label.to_owned(), place: self.path(label).display().to_string() });
        }
        let key = SigningKey::generate(parameters, algorithm, rng).map_err(wrap)?;
        let pem = key::encrypt(&key.key, &self.pass_phrase, rng).map_err(wrap)?;
        let path = self.path(label);
        file::write(&path, pem.as_bytes(), Readers::Owner, false).map_err(|source| KeyStoreError::Io { path, source })?;
        Ok(key.public())
    }

    fn open(&self, label: &str, algorithm: Algorithm) -> Result<Box<dyn Signer + Send + Sync>, KeyStoreError> {
        let wrap = |source| KeyStoreError::Key { label: label.to_owned(), source };
        let path = self.path(label);
        let pem = Zeroizing::new(std::fs::read(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => KeyStoreError::Missing { label: label.to_owned(), place: self.directory.display().to_string() },
            _ => KeyStoreError::Io { path, source },
        })?);
        let key = key::decrypt(&pem, &self.pass_phrase).map_err(wrap)?;
        let key = SigningKey::new(key, algorithm).map_err(wrap)?;
        Ok(Box::new(SoftwareSigner::new(label, key, Shared(Arc::clone(&self.rng)))))
    }

    fn holds(&self, label: &str) -> Result<bool, KeyStoreError> {
        let path = self.path(label);
        path.try_exists().map_err(|source| KeyStoreError::Io { path, source })
    }
}

/// The public half of the key under `label`: made now, or the one that an attempt which ended halfway left.
///
/// # Errors
/// As [`KeyStore::generate`] and [`KeyStore::open`]; a key of another kind than `parameters` is refused.
pub fn generate_or_adopt(
    store: &dyn KeyStore,
    label: &str,
    parameters: KeyParameters,
    algorithm: Algorithm,
    rng: &mut dyn CryptoRng,
) -> Result<PublicKey, KeyStoreError> {
    if !store.holds(label)? {
        return store.generate(label, parameters, algorithm, rng);
    }
    let public = store.open(label, algorithm)?.public_key();
    if parameters.describes(&public) {
        return Ok(public);
    }
    let source = KeyError::Kind { expected: parameters.to_string(), found: spki::describe(&public) };
    Err(KeyStoreError::Key { label: label.to_owned(), source })
}

/// One source of randomness for all signers of a store, locked only while it gives bytes.
struct Shared<R>(Arc<Mutex<R>>);

impl<R: CryptoRng> TryRng for Shared<R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).try_next_u64()
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).try_fill_bytes(dst)
    }
}

impl<R: CryptoRng> TryCryptoRng for Shared<R> {}

#[cfg(test)]
mod tests {
    use eid::crypto::curve::Curve;
    use eid::crypto::hash::Hash;
    use eid::crypto::signature::verify_der;

    use super::*;

    const P256: KeyParameters = KeyParameters::Ec(Curve::P256);
    const SHA256: Algorithm = Algorithm::Ecdsa(Hash::Sha256);

    fn rng() -> impl CryptoRng + Send + 'static {
        rand_core::UnwrapErr(getrandom::SysRng)
    }

    fn store(directory: &Path, pass_phrase: &[u8]) -> SoftwareKeys<impl CryptoRng + Send + 'static> {
        SoftwareKeys::new(directory, Secret::from(pass_phrase), rng())
    }

    #[test]
    fn a_key_signs_by_its_label_and_is_never_replaced() {
        let folder = tempfile::tempdir().expect("directory");
        let keys = store(folder.path(), b"one");
        assert!(!keys.holds("ds").expect("asked"));
        assert!(matches!(keys.open("ds", SHA256), Err(KeyStoreError::Missing { .. })));
        let public = keys.generate("ds", P256, SHA256, &mut rng()).expect("key");
        assert!(keys.holds("ds").expect("asked"));
        let signer = keys.open("ds", SHA256).expect("signer");
        assert_eq!(signer.public_key(), public);
        assert_eq!(verify_der(SHA256, &public, b"message", &signer.sign(b"message").expect("signed").to_der()), Ok(()));
        let before = std::fs::read(folder.path().join("ds.key")).expect("file");
        assert!(matches!(keys.generate("ds", P256, SHA256, &mut rng()), Err(KeyStoreError::Taken { .. })));
        assert_eq!(std::fs::read(folder.path().join("ds.key")).expect("file"), before);
        let wrong = store(folder.path(), b"two").open("ds", SHA256).err().expect("another pass phrase");
        assert!(matches!(wrong, KeyStoreError::Key { source: KeyError::PassPhrase, .. }), "{wrong}");
        let rsa = keys.open("ds", Algorithm::RsaPkcs1(Hash::Sha256)).err().expect("another algorithm");
        assert!(matches!(rsa, KeyStoreError::Key { source: KeyError::Algorithm { .. }, .. }), "{rsa}");
    }

    #[test]
    fn a_key_that_was_left_is_taken_up_if_it_is_of_the_kind_that_is_wanted() {
        let folder = tempfile::tempdir().expect("directory");
        let keys = store(folder.path(), b"one");
        let left = generate_or_adopt(&keys, "csca", P256, SHA256, &mut rng()).expect("made");
        assert_eq!(generate_or_adopt(&keys, "csca", P256, SHA256, &mut rng()).expect("taken up"), left);
        let other = generate_or_adopt(&keys, "csca", KeyParameters::Ec(Curve::P384), SHA256, &mut rng()).expect_err("another curve");
        assert_eq!(
            other.to_string(),
            "key of csca: expected P-384, found EC P-256 (no certificate names this key: give what it was made with, or take it away)"
        );
    }
}
