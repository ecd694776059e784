//! Signatures: ECDSA, RSA PKCS#1 v1.5, and RSA-PSS with explicit parameters (Doc 9303-12 §4.4, RFC 4055).

use rand_core::CryptoRng;

use super::curve::{self, Curve, Point};
use super::hash::Hash;
use super::rsa;

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
#[derive(Clone, Debug)]
pub enum PrivateKey {
    /// A scalar.
    Ec(curve::PrivateKey),
    /// An RSA key.
    Rsa(rsa::PrivateKey),
}

impl PrivateKey {
    /// A new EC key.
    #[must_use]
    pub fn generate_ec(_curve: Curve, _rng: &mut dyn CryptoRng) -> Self {
        todo!()
    }

    /// Its public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        todo!()
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
        todo!()
    }

    /// Form of CV certificates and Active Authentication (BSI TR-03111 plain format): r ‖ s or the RSA bytes.
    #[must_use]
    pub fn to_plain(&self) -> Vec<u8> {
        todo!()
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
pub fn verify_der(_algorithm: Algorithm, _key: &PublicKey, _message: &[u8], _signature: &[u8]) -> Result<(), SignatureError> {
    todo!()
}

/// Verifies a signature in plain form over `message`.
///
/// # Errors
/// [`SignatureError::Wrong`] or why it cannot be checked.
pub fn verify_plain(_algorithm: Algorithm, _key: &PublicKey, _message: &[u8], _signature: &[u8]) -> Result<(), SignatureError> {
    todo!()
}

/// Signs `message`.
///
/// # Errors
/// Key and algorithm do not belong together, or the operation failed.
pub fn sign(_algorithm: Algorithm, _key: &PrivateKey, _message: &[u8], _rng: &mut dyn CryptoRng) -> Result<Signature, SignatureError> {
    todo!()
}
