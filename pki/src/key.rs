//! Private keys: how they are chosen, and how they lie on the disk (PKCS#8 EncryptedPrivateKeyInfo, PBES2 with scrypt and AES-256-CBC).
//!
//! A key without a pass phrase is not written. A wrong pass phrase is told from a damaged file where the format allows it.

use std::fmt;
use std::str::FromStr;

use eid::cert::{algorithm, spki};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature;
use eid::crypto::signature::{Algorithm, PrivateKey, PublicKey};
use eid::secret::Secret;
use pkcs8::der::pem::LineEnding;
use pkcs8::pkcs5::pbes2;
use pkcs8::{EncryptedPrivateKeyInfoOwned, PrivateKeyInfoRef, SecretDocument};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

const PEM_LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// What key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyParameters {
    /// An EC key on a curve.
    Ec(Curve),
    /// An RSA key with a modulus of so many bits.
    Rsa(usize),
}

impl KeyParameters {
    /// Whether `key` is of this kind.
    #[must_use]
    pub fn describes(self, key: &PublicKey) -> bool {
        match (self, key) {
            (Self::Ec(curve), PublicKey::Ec(point)) => point.curve() == curve,
            (Self::Rsa(bits), PublicKey::Rsa(key)) => key.bits() == bits,
            _ => false,
        }
    }

    /// Whether such a key may be made, to sign with `algorithm`.
    ///
    /// # Errors
    /// They do not belong together, or are too weak to start with.
    pub fn check(self, algorithm: Algorithm) -> Result<(), KeyError> {
        let weak = match self {
            Self::Ec(curve) => (curve.field_len() < 28).then(|| format!("EC {}", curve.name())),
            Self::Rsa(bits) => (bits < 2048).then(|| format!("RSA {bits}")),
        };
        if let Some(weak) = weak {
            return Err(KeyError::Weak(weak));
        }
        if algorithm.hash() == Hash::Sha1 {
            return Err(KeyError::Weak("signing with SHA-1".to_owned()));
        }
        if matches!(self, Self::Ec(_)) != matches!(algorithm, Algorithm::Ecdsa(_)) {
            return Err(KeyError::Algorithm { algorithm: algorithm::describe(algorithm), key: self.to_string() });
        }
        Ok(())
    }
}

/// As it stands in `pki.toml` and on the command line: `P-256`, `brainpoolP384r1`, `rsa-3072`.
impl fmt::Display for KeyParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ec(curve) => f.write_str(curve.name()),
            Self::Rsa(bits) => write!(f, "rsa-{bits}"),
        }
    }
}

impl FromStr for KeyParameters {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(bits) = text.strip_prefix("rsa-").and_then(|bits| bits.parse().ok()).filter(|bits| (2048..=8192).contains(bits)) {
            return Ok(Self::Rsa(bits));
        }
        let curve = Curve::ALL.into_iter().find(|curve| curve.field_len() >= 28 && curve.name().eq_ignore_ascii_case(text));
        curve.map(Self::Ec).ok_or_else(|| {
            let curves: Vec<_> = Curve::ALL.into_iter().filter(|curve| curve.field_len() >= 28).map(Curve::name).collect();
            format!("expected rsa-BITS (2048 to 8192) or one of {}, found {text:?}", curves.join(", "))
        })
    }
}

/// A private key and the one algorithm it signs with.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// The key.
    pub key: PrivateKey,
    /// The algorithm.
    pub algorithm: Algorithm,
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not an encrypted PKCS#8 key in PEM.
    #[error("key file: expected {PEM_LABEL} in PEM, {0}")]
    Format(String),
    /// The pass phrase does not open it (or the file is damaged in a way that looks the same).
    #[error("the pass phrase does not open the key")]
    PassPhrase,
    /// A pass phrase without a byte in it.
    #[error("an empty pass phrase protects nothing")]
    EmptyPassPhrase,
    /// The key in it is not one that signs here.
    #[error("private key: {0}")]
    Key(String),
    /// The algorithm is not for this kind of key, or too weak to start with.
    #[error("{algorithm} is not for a key {key}")]
    Algorithm {
        /// What was asked for.
        algorithm: String,
        /// The kind of key.
        key: String,
    },
    /// A key that is there is of another kind than what was asked for.
    #[error("expected {expected}, found {found} (no certificate names this key: give what it was made with, or take it away)")]
    Kind {
        /// What was asked for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Keys below 2048 bits (RSA) or 224 bits (EC), against Doc 9303-12 clause 4.4.
    #[error("a key {0} is too weak (Doc 9303-12 4.4)")]
    Weak(String),
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// Key and algorithm do not belong together, are too weak, or key generation fails.
    pub fn generate(parameters: KeyParameters, algorithm: Algorithm, rng: &mut dyn CryptoRng) -> Result<Self, KeyError> {
        parameters.check(algorithm)?;
        let key = match parameters {
            KeyParameters::Ec(curve) => PrivateKey::generate_ec(curve, rng),
            KeyParameters::Rsa(bits) => PrivateKey::generate_rsa(bits, rng).map_err(|e| KeyError::Key(e.to_string()))?,
        };
        Self::new(key, algorithm)
    }

    /// A key with its algorithm.
    ///
    /// # Errors
    /// They do not belong together.
    pub fn new(key: PrivateKey, algorithm: Algorithm) -> Result<Self, KeyError> {
        let public = key.public();
        if !algorithm::fits(algorithm, &public) {
            return Err(KeyError::Algorithm { algorithm: algorithm::describe(algorithm), key: spki::describe(&public) });
        }
        Ok(Self { key, algorithm })
    }

    /// Its public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }
}

/// The usual algorithm for a kind of key: ECDSA with the digest as long as the curve (SHA-256 at least), RSA with PSS and SHA-256.
#[must_use]
pub const fn default_algorithm(parameters: KeyParameters) -> Algorithm {
    match parameters {
        KeyParameters::Ec(curve) => Algorithm::Ecdsa(match curve.field_len() {
            0..=32 => Hash::Sha256,
            33..=48 => Hash::Sha384,
            _ => Hash::Sha512,
        }),
        KeyParameters::Rsa(_) => Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 },
    }
}

/// Name of an algorithm in the register: `ecdsa-sha256`, `rsa-pkcs1-sha256`, `rsa-pss-sha256`.
#[must_use]
pub fn algorithm_name(algorithm: Algorithm) -> String {
    let hash = algorithm.hash().name().to_ascii_lowercase().replace('-', "");
    match algorithm {
        Algorithm::Ecdsa(_) => format!("ecdsa-{hash}"),
        Algorithm::RsaPkcs1(_) => format!("rsa-pkcs1-{hash}"),
        Algorithm::RsaPss { .. } => format!("rsa-pss-{hash}"),
    }
}

/// The algorithm of such a name; PSS with MGF1 over the same digest and a salt as long as the digest.
#[must_use]
pub fn algorithm_of_name(name: &str) -> Option<Algorithm> {
    let (kind, hash) = name.rsplit_once('-')?;
    let hash = Hash::ALL.into_iter().find(|h| h.name().to_ascii_lowercase().replace('-', "") == hash)?;
    match kind {
        "ecdsa" => Some(Algorithm::Ecdsa(hash)),
        "rsa-pkcs1" => Some(Algorithm::RsaPkcs1(hash)),
        "rsa-pss" => Some(Algorithm::RsaPss { hash, mgf: hash, salt: hash.len() }),
        _ => None,
    }
}

/// The key as encrypted PKCS#8 in PEM.
///
/// # Errors
/// The pass phrase is empty, or encryption fails.
pub fn encrypt(key: &PrivateKey, pass_phrase: &Secret, mut rng: &mut dyn CryptoRng) -> Result<Zeroizing<String>, KeyError> {
    if pass_phrase.is_empty() {
        return Err(KeyError::EmptyPassPhrase);
    }
    let failed = |e: pkcs8::Error| KeyError::Key(e.to_string());
    let plain = key.to_pkcs8();
    let info = PrivateKeyInfoRef::try_from(plain.expose()).map_err(|e| KeyError::Key(e.to_string()))?;
    let parameters = pbes2::Parameters::generate_recommended(&mut rng).map_err(|e| KeyError::Key(e.to_string()))?;
    let encrypted = info.encrypt_with_params(parameters, pass_phrase.expose()).map_err(failed)?;
    encrypted.to_pem(PEM_LABEL, LineEnding::LF).map_err(|e| KeyError::Key(e.to_string()))
}

/// Opens a key file.
///
/// # Errors
/// Not such a file, another pass phrase, or a key that is not known here.
pub fn decrypt(pem: &[u8], pass_phrase: &Secret) -> Result<PrivateKey, KeyError> {
    let text = std::str::from_utf8(pem).map_err(|_| KeyError::Format("found bytes that are no text".to_owned()))?;
    let (label, document) = SecretDocument::from_pem(text).map_err(|e| KeyError::Format(format!("found a PEM error: {e}")))?;
    if label != PEM_LABEL {
        return Err(KeyError::Format(format!("found {label}")));
    }
    let encrypted: EncryptedPrivateKeyInfoOwned = document.decode_msg().map_err(|e| KeyError::Format(format!("found: {e}")))?;
    let plain = encrypted.decrypt(pass_phrase.expose()).map_err(|_| KeyError::PassPhrase)?;
    PrivateKey::from_pkcs8(plain.as_bytes()).map_err(|e| KeyError::Key(e.to_string()))
}

/// Signs with `key`.
pub(crate) fn sign(key: &SigningKey, message: &[u8], rng: &mut dyn CryptoRng) -> Result<signature::Signature, signature::SignatureError> {
    signature::sign(key.algorithm, &key.key, message, rng)
}
