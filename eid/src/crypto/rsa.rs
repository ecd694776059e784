//! RSA keys and the raw operation: SOD and certificate signatures (RFC 8017), ISO/IEC 9796-2 for Active Authentication.
//!
//! Refused: moduli outside of 1024 to 8192 bits or even, public exponents below 3, even, or not below the modulus. Exponents longer than
//! the 33 bits that most libraries take are used, since certificates with them exist; the work stays bounded by the modulus.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use rand_core::CryptoRng;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{RsaPrivateKey, RsaPublicKey, hazmat};
use zeroize::Zeroizing;

use super::signature::SignatureError;
use crate::secret::Secret;

pub(super) mod encoding;

/// Modulus lengths in bits that are used.
const BITS: std::ops::RangeInclusive<usize> = 1024..=8192;

/// Modulus and public exponent. What a backend needs of them is prepared at the first use and kept.
#[derive(Clone)]
pub struct PublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    prepared: Arc<Prepared>,
}

#[derive(Default)]
struct Prepared {
    pure: OnceLock<Result<RsaPublicKey, SignatureError>>,
    #[cfg(feature = "fast")]
    fast: super::fast::RsaKeys,
}

impl PublicKey {
    /// A key from big-endian numbers; leading zeros are dropped. Whether the numbers make a usable key shows when it is used.
    #[must_use]
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Self {
        Self { modulus: significant(modulus).to_vec(), exponent: significant(exponent).to_vec(), prepared: Arc::default() }
    }

    /// Modulus n, big-endian without leading zeros.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// Public exponent e, big-endian without leading zeros.
    #[must_use]
    pub fn exponent(&self) -> &[u8] {
        &self.exponent
    }

    /// Bit length of the modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        bits(&self.modulus)
    }

    /// The numbers checked and ready for arithmetic.
    fn pure(&self) -> Result<&RsaPublicKey, SignatureError> {
        let prepare = || {
            check_modulus(&self.modulus)?;
            let (n, e) = (number(&self.modulus, precision(&self.modulus)), number(&self.exponent, precision(&self.modulus)));
            let (n, e) = n.zip(e).ok_or_else(|| SignatureError::Unsupported("RSA exponent longer than the modulus".into()))?;
            if self.exponent.last().is_none_or(|last| last % 2 == 0) || self.exponent == [1] || e >= n {
                return Err(SignatureError::Unsupported("RSA exponent even, below 3, or not below the modulus".into()));
            }
            Ok(RsaPublicKey::new_unchecked(n, e))
        };
        self.prepared.pure.get_or_init(prepare).as_ref().map_err(Clone::clone)
    }

    #[cfg(feature = "fast")]
    pub(super) fn fast(&self) -> &super::fast::RsaKeys {
        &self.prepared.fast
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.modulus == other.modulus && self.exponent == other.exponent
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("modulus", &Hex(&self.modulus)).field("exponent", &Hex(&self.exponent)).finish()
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// An RSA private key of two primes.
#[derive(Clone)]
pub struct PrivateKey {
    inner: Arc<PrivateInner>,
}

struct PrivateInner {
    pure: RsaPrivateKey,
    public: PublicKey,
    #[cfg(feature = "fast")]
    fast: super::fast::RsaPair,
}

impl PrivateKey {
    /// A new key of `bits` with exponent 65537. Takes from a tenth of a second (2048 bits) to minutes (8192 bits).
    ///
    /// # Errors
    /// `bits` is outside of 1024 to 8192.
    pub fn generate(bits: usize, rng: &mut dyn CryptoRng) -> Result<Self, SignatureError> {
        if !BITS.contains(&bits) {
            return Err(SignatureError::Unsupported(format!("RSA key of {bits} bits: 1024 to 8192 are supported")));
        }
        RsaPrivateKey::new(rng, bits).map(Self::of).map_err(|error| SignatureError::Sign(format!("RSA key generation: {error}")))
    }

    fn of(pure: RsaPrivateKey) -> Self {
        let public = PublicKey::new(&pure.n_bytes(), &pure.e_bytes());
        let inner = PrivateInner {
            pure,
            public,
            #[cfg(feature = "fast")]
            fast: Default::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.inner.public.clone()
    }

    /// Bit length of the modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.inner.public.bits()
    }

    /// The private exponent, big-endian, as long as the modulus.
    #[must_use]
    pub fn private_exponent(&self) -> Secret {
        let bytes = Zeroizing::new(self.inner.pure.d().to_be_bytes());
        Secret::new(fixed(&bytes, self.inner.public.modulus.len()))
    }

    /// RSAPrivateKey (PKCS#1, RFC 8017 A.1.2) in DER.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "such a key has an encoding")]
    pub fn to_pkcs1(&self) -> Secret {
        let document = self.inner.pure.to_pkcs1_der().expect("a key of two primes of bounded length has an encoding");
        Secret::from(document.as_bytes())
    }

    /// Reads RSAPrivateKey in DER, and checks that its numbers belong together.
    ///
    /// # Errors
    /// Not such a structure, or not a valid key of 1024 to 8192 bits.
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, SignatureError> {
        let malformed = |_| SignatureError::Malformed("not an RSAPrivateKey of two primes that belong together".into());
        let pure = RsaPrivateKey::from_pkcs1_der(der).map_err(malformed)?;
        check_modulus(significant(&pure.n_bytes()))?;
        pure.validate().map_err(|_| SignatureError::Malformed("the numbers of the RSAPrivateKey do not belong together".into()))?;
        Ok(Self::of(pure))
    }

    /// input^d mod n with blinding and a check of the result; `input` is below the modulus and as long as it.
    pub(super) fn raw(&self, input: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, SignatureError> {
        let modulus = &self.inner.public.modulus;
        let input = number(input, self.inner.pure.n_bits_precision()).ok_or_else(too_large)?;
        let output = hazmat::rsa_decrypt_and_check(&self.inner.pure, Some(rng), &input)
            .map_err(|error| SignatureError::Sign(format!("RSA operation: {error}")))?;
        Ok(fixed(&output.to_be_bytes(), modulus.len()))
    }

    #[cfg(feature = "fast")]
    pub(super) fn fast(&self) -> &super::fast::RsaPair {
        &self.inner.fast
    }
}

impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.inner.public == other.inner.public && self.private_exponent() == other.private_exponent()
    }
}

impl Eq for PrivateKey {}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(RSA {}, [redacted])", self.bits())
    }
}

/// s^e mod n, as long as the modulus: what a verifier opens a signature with.
///
/// # Errors
/// The input is not below the modulus, or the key is unusable.
pub fn public_op(key: &PublicKey, input: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let pure = key.pure()?;
    let input = number(significant(input), precision(&key.modulus)).filter(|input| input < pure.n().as_ref()).ok_or_else(too_large)?;
    let output = hazmat::rsa_encrypt(pure, &input).map_err(|error| SignatureError::Unsupported(format!("RSA operation: {error}")))?;
    Ok(fixed(&output.to_be_bytes(), key.modulus.len()))
}

/// m^d mod n with blinding, from modulus and private exponent alone (what an AA chip holds); as long as the modulus.
///
/// # Errors
/// The input is not below the modulus, or the key is unusable.
pub fn private_op(modulus: &[u8], private_exponent: &Secret, input: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, SignatureError> {
    let modulus = significant(modulus);
    check_modulus(modulus)?;
    let bits = precision(modulus);
    let n: Option<Odd<BoxedUint>> = number(modulus, bits).and_then(|n| Odd::new(n).into());
    let n = n.ok_or_else(|| SignatureError::Unsupported("RSA modulus is even".into()))?;
    let d = number(significant(private_exponent.expose()), bits)
        .ok_or_else(|| SignatureError::Unsupported("RSA exponent longer than the modulus".into()))?;
    let d = Zeroizing::new(d);
    let input = number(significant(input), bits).filter(|input| input < n.as_ref()).ok_or_else(too_large)?;
    // nearly all keys have 65537, which with d gives the primes; the operation by primes, its check included, takes half as long
    let e = BoxedUint::from(65_537_u32);
    if let Ok(key) = RsaPrivateKey::from_components(n.as_ref().clone(), e, BoxedUint::clone(&d), Vec::new()) {
        let output = hazmat::rsa_decrypt_and_check(&key, Some(rng), &input);
        let output = output.map_err(|error| SignatureError::Sign(format!("RSA operation: {error}")))?;
        return Ok(fixed(&output.to_be_bytes(), modulus.len()));
    }

    let params = BoxedMontyParams::new(n);
    let input = BoxedMontyForm::new(input, &params);
    // r is below n, since its first byte is zero
    let mut random = Zeroizing::new(vec![0; modulus.len()]);
    let mut draw = || {
        rng.fill_bytes(random.get_mut(1..)?);
        let r = BoxedMontyForm::new(number(&random, bits)?, &params);
        Option::from(r.invert()).map(|inverse: BoxedMontyForm| (r, inverse))
    };
    // all but a few numbers below a product of two large primes have an inverse
    let pair = (0..64).find_map(|_| draw());
    let (r, inverse) = pair.ok_or_else(|| SignatureError::Sign("no blinding factor: the modulus or the random source is bad".into()))?;
    // without e the blinding cannot be taken off with r^-1 alone: (m · r)^d · (r^-1)^d
    let output = input.mul(&r).pow(&d).mul(&inverse.pow(&d));
    Ok(fixed(&output.retrieve().to_be_bytes(), modulus.len()))
}

fn check_modulus(modulus: &[u8]) -> Result<(), SignatureError> {
    let bits = bits(modulus);
    if !BITS.contains(&bits) {
        return Err(SignatureError::Unsupported(format!("RSA modulus of {bits} bits: 1024 to 8192 are supported")));
    }
    if modulus.last().is_none_or(|last| last % 2 == 0) {
        return Err(SignatureError::Unsupported("RSA modulus is even".into()));
    }
    Ok(())
}

fn too_large() -> SignatureError {
    SignatureError::Malformed("RSA input is not below the modulus".into())
}

/// Without leading zero bytes.
fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn bits(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |first| first.leading_zeros());
    8 * number.len() - usize::try_from(leading).expect("at most 8")
}

/// Storage of a number as large as `modulus`, in bits: whole 64-bit words.
fn precision(modulus: &[u8]) -> u32 {
    u32::try_from(64 * modulus.len().div_ceil(8)).unwrap_or(u32::MAX)
}

/// `bytes` as a number of `precision` bits, if it fits.
fn number(bytes: &[u8], precision: u32) -> Option<BoxedUint> {
    BoxedUint::from_be_slice(bytes, precision).ok()
}

/// The last `len` bytes of `bytes`, padded with leading zeros.
fn fixed(bytes: &[u8], len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    let take = bytes.len().min(len);
    out[len - take..].copy_from_slice(&bytes[bytes.len() - take..]);
    out
}
