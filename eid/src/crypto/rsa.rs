//! RSA keys and the raw operation: SOD and certificate signatures, ISO/IEC 9796-2 for Active Authentication.

use rand_core::CryptoRng;

use super::signature::SignatureError;
use crate::secret::Secret;

/// Modulus and public exponent, big-endian without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl PublicKey {
    /// A key from big-endian numbers; leading zeros are dropped. Whether the numbers make a usable key shows when it is used.
    #[must_use]
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Self {
        Self { modulus: significant(modulus).to_vec(), exponent: significant(exponent).to_vec() }
    }

    /// Modulus n, big-endian without leading zeros.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// Bit length of the modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        let leading = self.modulus.first().map_or(0, |first| first.leading_zeros());
        8 * self.modulus.len() - usize::try_from(leading).expect("at most 8")
    }

    /// Public exponent e, big-endian without leading zeros.
    #[must_use]
    pub fn exponent(&self) -> &[u8] {
        &self.exponent
    }
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// An RSA private key.
#[derive(Clone, Debug)]
pub struct PrivateKey {
    _pkcs1: Secret,
}

impl PrivateKey {
    /// A new key of `bits` with exponent 65537.
    ///
    /// # Errors
    /// `bits` is outside of 1024 to 8192.
    pub fn generate(_bits: usize, _rng: &mut dyn CryptoRng) -> Result<Self, SignatureError> {
        todo!()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        todo!()
    }

    /// The private exponent, big-endian.
    #[must_use]
    pub fn private_exponent(&self) -> Secret {
        todo!()
    }

    /// RSAPrivateKey (PKCS#1, RFC 8017 A.1.2) in DER.
    #[must_use]
    pub fn to_pkcs1(&self) -> Secret {
        todo!()
    }

    /// Reads RSAPrivateKey in DER.
    ///
    /// # Errors
    /// Not such a structure, or not a valid key.
    pub fn from_pkcs1(_der: &[u8]) -> Result<Self, SignatureError> {
        todo!()
    }
}

/// s^e mod n, as long as the modulus: what a verifier opens a signature with.
///
/// # Errors
/// The input is not below the modulus, or the key is unusable.
pub fn public_op(_key: &PublicKey, _input: &[u8]) -> Result<Vec<u8>, SignatureError> {
    todo!()
}

/// m^d mod n with blinding, from modulus and private exponent alone (what an AA chip holds).
///
/// # Errors
/// The input is not below the modulus, or the key is unusable.
pub fn private_op(_modulus: &[u8], _private_exponent: &Secret, _input: &[u8], _rng: &mut dyn CryptoRng) -> Result<Vec<u8>, SignatureError> {
    todo!()
}
