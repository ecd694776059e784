//! Signatures: ECDSA, RSA PKCS#1 v1.5, and RSA-PSS with explicit parameters (Doc 9303-12 §4.4, RFC 4055).
//!
//! Every function answers through the default [`Backend`]; those whose names end in `_with` take it. A backend never changes the answer,
//! only the time it takes; signatures of [`Backend::Pure`] with ECDSA and PKCS#1 v1.5 are the same in every run (RFC 6979).

use rand_core::CryptoRng;

use super::Backend;
use super::curve::group::with_curve;
use super::curve::{self, Curve, Point};
use super::hash::Hash;
use super::rsa;

mod ecdsa;
mod form;
mod pkcs8;

/// A signature algorithm with all its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA over the given digest.
    Ecdsa(Hash),
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(Hash),
    /// RSASSA-PSS.
    RsaPss {
        /// Digest of the message.
        hash: Hash,
        /// Digest of MGF1.
        mgf: Hash,
        /// Salt length in bytes.
        salt: usize,
    },
}

impl Algorithm {
    /// The digest of the message.
    #[must_use]
    pub const fn hash(self) -> Hash {
        match self {
            Self::Ecdsa(hash) | Self::RsaPkcs1(hash) | Self::RsaPss { hash, .. } => hash,
        }
    }
}

/// A public key that verifies signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// A point on a known curve.
    Ec(Point),
    /// Modulus and exponent.
    Rsa(rsa::PublicKey),
}

/// A private key that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivateKey {
    /// A scalar.
    Ec(curve::PrivateKey),
    /// An RSA key.
    Rsa(rsa::PrivateKey),
}

impl PrivateKey {
    /// A new EC key.
    #[must_use]
    pub fn generate_ec(curve: Curve, rng: &mut dyn CryptoRng) -> Self {
        Self::Ec(curve::PrivateKey::generate(curve, rng))
    }

    /// A new RSA key with exponent 65537.
    ///
    /// # Errors
    /// `bits` is outside of 1024 to 8192.
    pub fn generate_rsa(bits: usize, rng: &mut dyn CryptoRng) -> Result<Self, SignatureError> {
        rsa::PrivateKey::generate(bits, rng).map(Self::Rsa)
    }

    /// Its public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        match self {
            Self::Ec(key) => PublicKey::Ec(key.public()),
            Self::Rsa(key) => PublicKey::Rsa(key.public()),
        }
    }
}

/// A signature that knows how to be written in the forms that the standards ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    /// r and s, each of the fixed length of the order.
    Ecdsa {
        /// r, fixed length.
        r: Vec<u8>,
        /// s, fixed length.
        s: Vec<u8>,
    },
    /// The RSA signature, as long as the modulus.
    Rsa(Vec<u8>),
}

impl Signature {
    /// Form of X.509 and CMS: SEQUENCE { r INTEGER, s INTEGER } or the RSA bytes.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        match self {
            Self::Ecdsa { r, s } => form::to_der(r, s),
            Self::Rsa(bytes) => bytes.clone(),
        }
    }

    /// Form of CV certificates and Active Authentication (BSI TR-03111 plain format): r ‖ s or the RSA bytes.
    #[must_use]
    pub fn to_plain(&self) -> Vec<u8> {
        match self {
            Self::Ecdsa { r, s } => [r.as_slice(), s].concat(),
            Self::Rsa(bytes) => bytes.clone(),
        }
    }
}

/// Why a signature does not verify, or cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature is wrong: this is a verdict.
    #[error("signature does not verify")]
    Wrong,
    /// The signature's form is not that of the algorithm and key.
    #[error("malformed signature: {0}")]
    Malformed(String),
    /// Key and algorithm do not belong together, or the key is outside of what is supported.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// Signing failed.
    #[error("signing failed: {0}")]
    Sign(String),
}

/// Verifies a signature in the X.509/CMS form over `message`.
///
/// # Errors
/// [`SignatureError::Wrong`] or why it cannot be checked.
pub fn verify_der(algorithm: Algorithm, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    verify_der_with(Backend::default(), algorithm, key, message, signature)
}

/// [`verify_der`] through `backend`.
///
/// # Errors
/// As [`verify_der`].
pub fn verify_der_with(
    backend: Backend,
    algorithm: Algorithm,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let digest = algorithm.hash().digest(&[message]);
    match (algorithm, key) {
        (Algorithm::Ecdsa(hash), PublicKey::Ec(point)) => {
            let (r, s) = form::from_der(signature)?;
            verify_ecdsa(backend, point, hash, &digest, r, s, Some(signature))
        }
        (Algorithm::RsaPkcs1(_) | Algorithm::RsaPss { .. }, PublicKey::Rsa(key)) => verify_rsa(backend, algorithm, key, &digest, signature),
        _ => Err(mismatch()),
    }
}

/// Verifies a signature in plain form over `message`.
///
/// # Errors
/// [`SignatureError::Wrong`] or why it cannot be checked.
pub fn verify_plain(algorithm: Algorithm, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    verify_plain_with(Backend::default(), algorithm, key, message, signature)
}

/// [`verify_plain`] through `backend`.
///
/// # Errors
/// As [`verify_plain`].
pub fn verify_plain_with(
    backend: Backend,
    algorithm: Algorithm,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let (Algorithm::Ecdsa(hash), PublicKey::Ec(point)) = (algorithm, key) else {
        return verify_der_with(backend, algorithm, key, message, signature);
    };
    let len = point.curve().scalar_len();
    if signature.len() != 2 * len {
        return Err(SignatureError::Malformed(format!("plain ECDSA signature: expected {} bytes, found {}", 2 * len, signature.len())));
    }
    let (r, s) = signature.split_at(len);
    verify_ecdsa(backend, point, hash, &hash.digest(&[message]), r, s, None)
}

/// Signs `message`.
///
/// # Errors
/// Key and algorithm do not belong together, or the operation failed.
pub fn sign(algorithm: Algorithm, key: &PrivateKey, message: &[u8], rng: &mut dyn CryptoRng) -> Result<Signature, SignatureError> {
    sign_with(Backend::default(), algorithm, key, message, rng)
}

/// [`sign`] through `backend`. `rng` gives the salt of RSA-PSS and the blinding of RSA; a backend of its own randomness does not ask it.
///
/// # Errors
/// As [`sign`].
pub fn sign_with(
    backend: Backend,
    algorithm: Algorithm,
    key: &PrivateKey,
    message: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Signature, SignatureError> {
    let digest = algorithm.hash().digest(&[message]);
    match (algorithm, key) {
        (Algorithm::Ecdsa(hash), PrivateKey::Ec(key)) => sign_ecdsa(backend, key, hash, &digest),
        (Algorithm::RsaPkcs1(_) | Algorithm::RsaPss { .. }, PrivateKey::Rsa(key)) => sign_rsa(backend, algorithm, key, &digest, rng),
        _ => Err(mismatch()),
    }
}

#[cfg_attr(not(feature = "fast"), expect(unused_variables, reason = "only the second backend wants the digest's name and the DER"))]
/// r and s are big-endian of any length; `der` is the DER that they came from, if they did.
fn verify_ecdsa(
    backend: Backend,
    point: &Point,
    hash: Hash,
    digest: &[u8],
    r: &[u8],
    s: &[u8],
    der: Option<&[u8]>,
) -> Result<(), SignatureError> {
    let curve = point.curve();
    let answer = match backend {
        #[cfg(feature = "fast")]
        Backend::Fast => match der {
            Some(der) => super::fast::verify_ecdsa(point, hash, digest, der),
            None => super::fast::verify_ecdsa(point, hash, digest, &form::to_der(r, s)),
        },
        Backend::Pure => None,
    };
    let right = answer.unwrap_or_else(|| {
        let numbers = form::padded(r, curve.scalar_len()).zip(form::padded(s, curve.scalar_len()));
        numbers.is_some_and(|(r, s)| with_curve!(curve, C => ecdsa::verify::<C>(point.as_bytes(), digest, &r, &s)))
    });
    if right { Ok(()) } else { Err(SignatureError::Wrong) }
}

fn verify_rsa(backend: Backend, algorithm: Algorithm, key: &rsa::PublicKey, digest: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    let len = key.modulus().len();
    if signature.len() != len {
        return Err(SignatureError::Malformed(format!("RSA signature: expected {len} bytes, found {}", signature.len())));
    }
    let answer = match backend {
        #[cfg(feature = "fast")]
        Backend::Fast => super::fast::verify_rsa(algorithm, key, digest, signature),
        Backend::Pure => None,
    };
    let right = match (answer, algorithm) {
        (Some(right), _) => right,
        (None, Algorithm::RsaPss { hash, mgf, salt }) => {
            let block = opened(key, signature)?;
            rsa::encoding::is_pss(hash, mgf, digest, salt, key.bits(), &block)
        }
        (None, _) => {
            let block = opened(key, signature)?;
            let expected = rsa::encoding::pkcs1(algorithm.hash(), digest, len);
            expected.ok_or_else(|| too_short(key.bits()))? == block
        }
    };
    if right { Ok(()) } else { Err(SignatureError::Wrong) }
}

/// What the signature was made of; a signature not below the modulus is wrong (RFC 8017 §5.2.2).
fn opened(key: &rsa::PublicKey, signature: &[u8]) -> Result<Vec<u8>, SignatureError> {
    rsa::public_op(key, signature).map_err(|error| match error {
        SignatureError::Malformed(_) => SignatureError::Wrong,
        other => other,
    })
}

fn sign_ecdsa(backend: Backend, key: &curve::PrivateKey, hash: Hash, digest: &[u8]) -> Result<Signature, SignatureError> {
    let answer = match backend {
        #[cfg(feature = "fast")]
        Backend::Fast => super::fast::sign_ecdsa(key, hash, digest),
        Backend::Pure => None,
    };
    let answer = answer.or_else(|| with_curve!(key.curve(), C => ecdsa::sign::<C>(key, hash, digest)));
    let (r, s) = answer.ok_or_else(|| SignatureError::Sign("the scalar is not of the curve".into()))?;
    Ok(Signature::Ecdsa { r, s })
}

fn sign_rsa(
    backend: Backend,
    algorithm: Algorithm,
    key: &rsa::PrivateKey,
    digest: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Signature, SignatureError> {
    let answer = match backend {
        #[cfg(feature = "fast")]
        Backend::Fast => super::fast::sign_rsa(algorithm, key, digest),
        Backend::Pure => None,
    };
    if let Some(signature) = answer {
        return Ok(Signature::Rsa(signature));
    }
    let bits = key.bits();
    let block = match algorithm {
        Algorithm::RsaPss { hash, mgf, salt } if salt <= bits / 8 => {
            let mut bytes = vec![0; salt];
            rng.fill_bytes(&mut bytes);
            rsa::encoding::pss(hash, mgf, digest, &bytes, bits)
        }
        Algorithm::RsaPss { .. } => None,
        _ => rsa::encoding::pkcs1(algorithm.hash(), digest, bits.div_ceil(8)),
    };
    key.raw(&block.ok_or_else(|| too_short(bits))?, rng).map(Signature::Rsa)
}

fn mismatch() -> SignatureError {
    SignatureError::Unsupported("the key is not of the signature algorithm".into())
}

fn too_short(bits: usize) -> SignatureError {
    SignatureError::Unsupported(format!("RSA modulus of {bits} bits is too short for the digest and salt"))
}
