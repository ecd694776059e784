//! Diffie-Hellman over finite fields (RFC 2631, PKCS#3): groups, keys, and the secret, all of the fixed length of the prime.
//!
//! The groups are the three of Doc 9303-11 §9.5.1 (parameter ids 0 to 2), or explicit ones of 1024 to 4096 bits whose numbers are checked:
//! p and q prime, g of order q. Refused: public values outside 2 to p - 2 or, where q is known, outside the subgroup of order q (small-subgroup
//! attack), exponents of zero or not below the order, a secret that is 1. Leading zero bytes are always kept. Private exponents go through
//! constant-time exponentiation of a length that only the group decides.

use std::sync::{Arc, OnceLock};

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use crypto_primes::{Flavor, is_prime};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::secret::Secret;

mod groups;

/// Bit lengths of p that are accepted.
const BITS: std::ops::RangeInclusive<usize> = 1024..=4096;
/// Least bit length of q.
const SUBGROUP_BITS: usize = 160;

/// A multiplicative group of a prime field with its generator. Clones share one value.
#[derive(Clone)]
pub struct Group(Arc<Domain>);

struct Domain {
    id: Option<u8>,
    p: Vec<u8>,
    g: Vec<u8>,
    q: Option<Vec<u8>>,
    montgomery: BoxedMontyParams,
}

/// Why numbers are no group, no key, or do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModpError {
    /// The prime has a length that is not accepted.
    #[error("DH prime of {found} bits, expected 1024 to 4096")]
    Size {
        /// Bits of p.
        found: usize,
    },
    /// An explicit group that is none.
    #[error("DH group: {0}")]
    Group(&'static str),
    /// A public value or exponent that is longer, or shorter where the length is fixed.
    #[error("DH {what} of {found} bytes, expected {expected}")]
    Length {
        /// `public value` or `exponent`.
        what: &'static str,
        /// Bytes of p, or of the order.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// Outside 2 to p - 2, or not in the subgroup of order q.
    #[error("DH public value is not an element of the subgroup")]
    NotInGroup,
    /// Zero, or not below the order.
    #[error("DH exponent is zero or not below the order")]
    Exponent,
    /// Keys of two groups.
    #[error("DH keys of different groups")]
    Mixed,
    /// The secret is 1: the other side's value has a small order.
    #[error("DH secret is the neutral element")]
    Degenerate,
}

impl Group {
    /// The group of a standardized domain parameter id (Doc 9303-11 §9.5.1): 0 to 2.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the three primes are odd")]
    pub fn standardized(id: u8) -> Option<Self> {
        static GROUPS: OnceLock<[Group; 3]> = OnceLock::new();
        let build = |id, digits: &groups::Digits| {
            let [p, g, q] = [digits.p, digits.g, digits.q].map(decode);
            Self::build(Some(id), p, g, Some(q)).expect("the primes of RFC 5114 are odd")
        };
        let groups =
            GROUPS.get_or_init(|| [build(0, &groups::MODP_1024_160), build(1, &groups::MODP_2048_224), build(2, &groups::MODP_2048_256)]);
        groups.get(usize::from(id)).cloned()
    }

    /// A group from its numbers, big-endian, leading zeros ignored. The numbers of a standardized group give that group, with its q.
    ///
    /// # Errors
    /// [`ModpError::Size`]; [`ModpError::Group`]: p or q not prime, g not between 2 and p - 2, q of less than 160 bits or not the order of g.
    pub fn explicit(p: &[u8], g: &[u8], q: Option<&[u8]>) -> Result<Self, ModpError> {
        let (p, g, q) = (significant(p), significant(g), q.map(significant));
        let known = (0..=2).filter_map(Self::standardized).find(|known| known.0.p == p && known.0.g == padded(g, p.len()));
        if let Some(known) = known.filter(|known| q.is_none_or(|q| known.q() == Some(q))) {
            return Ok(known);
        }
        let found = bits(p);
        if !BITS.contains(&found) {
            return Err(ModpError::Size { found });
        }
        if g.len() > p.len() {
            return Err(ModpError::Group("the generator is longer than the prime"));
        }
        let group = Self::build(None, p.to_vec(), padded(g, p.len()), q.map(<[u8]>::to_vec)).ok_or(ModpError::Group("p is even"))?;
        if !group.in_range(&group.0.g) {
            return Err(ModpError::Group("the generator is not between 2 and p - 2"));
        }
        if let Some(q) = q {
            if bits(q) < SUBGROUP_BITS || q.len() > p.len() {
                return Err(ModpError::Group("q has less than 160 bits or more than p"));
            }
            if !prime(q) {
                return Err(ModpError::Group("q is not prime"));
            }
            if !is_one(&group.power_public(&group.0.g, q)) {
                return Err(ModpError::Group("q is not the order of the generator"));
            }
        }
        if !prime(p) {
            return Err(ModpError::Group("p is not prime"));
        }
        Ok(group)
    }

    /// `p` without leading zeros; `g` as long as `p`.
    fn build(id: Option<u8>, p: Vec<u8>, g: Vec<u8>, q: Option<Vec<u8>>) -> Option<Self> {
        let modulus: Option<Odd<BoxedUint>> = number(&p, precision(&p)).into_odd().into();
        let g = padded(&g, p.len());
        Some(Self(Arc::new(Domain { id, p, g, q, montgomery: BoxedMontyParams::new_vartime(modulus?) })))
    }

    /// The standardized domain parameter id, if it is one of those groups.
    #[must_use]
    pub fn parameter_id(&self) -> Option<u8> {
        self.0.id
    }

    /// The prime, big-endian without leading zeros.
    #[must_use]
    pub fn p(&self) -> &[u8] {
        &self.0.p
    }

    /// The generator, as long as p.
    #[must_use]
    pub fn g(&self) -> &[u8] {
        &self.0.g
    }

    /// The order of the generator, if it is known.
    #[must_use]
    pub fn q(&self) -> Option<&[u8]> {
        self.0.q.as_deref()
    }

    /// Length of a public value and of a secret in bytes: that of p.
    #[must_use]
    pub fn element_len(&self) -> usize {
        self.0.p.len()
    }

    /// Length of an exponent in bytes: that of q, or of p where q is not known.
    #[must_use]
    pub fn exponent_len(&self) -> usize {
        self.q().unwrap_or(self.p()).len()
    }

    /// Bit length of p.
    #[must_use]
    pub fn bits(&self) -> usize {
        bits(&self.0.p)
    }

    /// `MODP 2048/256` (p and q in bits) or `MODP 2048`, for reports.
    #[must_use]
    pub fn name(&self) -> String {
        match self.q() {
            Some(q) => format!("MODP {}/{}", self.bits(), bits(q)),
            None => format!("MODP {}", self.bits()),
        }
    }

    /// An element of the subgroup that g generates.
    fn check(&self, element: &[u8]) -> Result<(), ModpError> {
        let in_subgroup = || self.q().is_none_or(|q| is_one(&self.power_public(element, q)));
        if self.in_range(element) && in_subgroup() { Ok(()) } else { Err(ModpError::NotInGroup) }
    }

    /// 1 < element < p - 1, both as long as p.
    fn in_range(&self, element: &[u8]) -> bool {
        let bits = self.0.montgomery.bits_precision();
        let element = Zeroizing::new(number(element, bits));
        let last = self.0.montgomery.modulus().wrapping_sub(BoxedUint::one_with_precision(bits));
        *element > BoxedUint::one_with_precision(bits) && *element < last
    }

    fn element(&self, bytes: &[u8]) -> BoxedMontyForm {
        BoxedMontyForm::new(number(bytes, self.0.montgomery.bits_precision()), &self.0.montgomery)
    }

    fn bytes(&self, element: &BoxedMontyForm) -> Vec<u8> {
        let wide = Zeroizing::new(element.retrieve().to_be_bytes().into_vec());
        wide.get(wide.len().saturating_sub(self.element_len())..).unwrap_or_default().to_vec()
    }

    /// base^exponent for an exponent that everyone knows.
    fn power_public(&self, base: &[u8], exponent: &[u8]) -> Vec<u8> {
        self.power(base, exponent, bits(exponent))
    }

    /// base^exponent; the time depends on `exponent_bits` only.
    fn power(&self, base: &[u8], exponent: &[u8], exponent_bits: usize) -> Vec<u8> {
        let exponent = Zeroizing::new(number(exponent, precision(exponent)));
        let power = Zeroizing::new(self.element(base).pow_bounded_exp(&exponent, u32::try_from(exponent_bits).unwrap_or(u32::MAX)));
        self.bytes(&power)
    }

    /// base^exponent for a secret exponent.
    fn power_secret(&self, base: &[u8], exponent: &Secret) -> Vec<u8> {
        self.power(base, exponent.expose(), 8 * exponent.len())
    }
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.p(), self.g(), self.q()) == (other.p(), other.g(), other.q())
    }
}

impl Eq for Group {}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

/// A public value, checked: 2 to p - 2 and, where q is known, of order q. As long as p.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    group: Group,
    y: Vec<u8>,
}

impl PublicKey {
    /// Reads a value of exactly the length of p, big-endian.
    ///
    /// # Errors
    /// [`ModpError::Length`], [`ModpError::NotInGroup`].
    pub fn from_bytes(group: &Group, y: &[u8]) -> Result<Self, ModpError> {
        if y.len() != group.element_len() {
            return Err(ModpError::Length { what: "public value", expected: group.element_len(), found: y.len() });
        }
        group.check(y)?;
        Ok(Self::trusted(group, y.to_vec()))
    }

    /// Reads an integer, big-endian: leading zeros may be missing or too many, as in an ASN.1 INTEGER.
    ///
    /// # Errors
    /// As [`Self::from_bytes`].
    pub fn from_integer(group: &Group, y: &[u8]) -> Result<Self, ModpError> {
        let y = significant(y);
        if y.len() > group.element_len() {
            return Err(ModpError::Length { what: "public value", expected: group.element_len(), found: y.len() });
        }
        Self::from_bytes(group, &padded(y, group.element_len()))
    }

    fn trusted(group: &Group, y: Vec<u8>) -> Self {
        Self { group: group.clone(), y }
    }

    /// The value, as long as p, leading zeros kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.y
    }

    /// The group.
    #[must_use]
    pub const fn group(&self) -> &Group {
        &self.group
    }

    /// self^exponent for the exponent of a key of the same group: another generator's public value.
    ///
    /// # Errors
    /// [`ModpError::Mixed`], [`ModpError::Degenerate`].
    pub fn power(&self, exponent: &PrivateKey) -> Result<Self, ModpError> {
        if self.group != exponent.group {
            return Err(ModpError::Mixed);
        }
        let y = self.group.power_secret(&self.y, &exponent.x);
        if is_one(&y) {
            return Err(ModpError::Degenerate);
        }
        Ok(Self::trusted(&self.group, y))
    }

    /// g^exponent · self, for an exponent of any length: the generic mapping (Doc 9303-11 §4.4.3.3.1).
    ///
    /// # Errors
    /// [`ModpError::Degenerate`]: the product is 1 or p - 1.
    pub fn shifted(&self, exponent: &Secret) -> Result<Self, ModpError> {
        let group = &self.group;
        let power = Zeroizing::new(group.power_secret(&group.0.g, exponent));
        let product = group.bytes(&group.element(&power).mul(&group.element(&self.y)));
        if group.in_range(&product) { Ok(Self::trusted(group, product)) } else { Err(ModpError::Degenerate) }
    }

    /// value^((p - 1) / q), the element of the subgroup that the integrated mapping makes of a number (Doc 9303-11 §4.4.3.3.2).
    /// `value` is taken modulo p.
    ///
    /// # Errors
    /// [`ModpError::Group`]: q is not known. [`ModpError::Degenerate`]: the result is no generator of the subgroup.
    pub fn from_number(group: &Group, value: &Secret) -> Result<Self, ModpError> {
        let q = group.q().ok_or(ModpError::Group("the integrated mapping needs q"))?;
        let p = number(group.p(), precision(group.p()));
        let order = number(q, precision(q)).into_nz().into_option().ok_or(ModpError::Group("q is zero"))?;
        // (p - 1) / q = floor(p / q), since q divides p - 1 and is above 1
        let cofactor = p.div_rem_vartime(&order).0;
        let modulus = p.into_nz().into_option().ok_or(ModpError::Group("p is zero"))?;
        let value = Zeroizing::new(number(value.expose(), precision(value.expose()).max(modulus.bits_precision())));
        let reduced = Zeroizing::new(value.rem(&modulus));
        let base = Zeroizing::new(BoxedMontyForm::new(BoxedUint::clone(&reduced), &group.0.montgomery));
        let power = group.bytes(&base.pow_bounded_exp(&cofactor, cofactor.bits_vartime()));
        if group.in_range(&power) { Ok(Self::trusted(group, power)) } else { Err(ModpError::Degenerate) }
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({:?}, ", self.group)?;
        self.y.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A private exponent, 1 to order - 1, of the fixed length of the order.
#[derive(Clone)]
pub struct PrivateKey {
    group: Group,
    x: Secret,
    public: OnceLock<PublicKey>,
}

impl PrivateKey {
    /// Reads a big-endian exponent (shorter input is padded with leading zeros).
    ///
    /// # Errors
    /// [`ModpError::Length`], [`ModpError::Exponent`].
    pub fn from_bytes(group: &Group, x: &[u8]) -> Result<Self, ModpError> {
        let expected = group.exponent_len();
        if x.len() > expected {
            return Err(ModpError::Length { what: "exponent", expected, found: x.len() });
        }
        let x = Zeroizing::new(padded(x, expected));
        // without q the order divides p - 1, so that any exponent below p serves
        let order = group.q().unwrap_or(group.p());
        let bits = precision(order);
        let (value, limit) = (Zeroizing::new(number(&x, bits)), number(order, bits));
        if bool::from(value.is_zero()) || *value >= limit {
            return Err(ModpError::Exponent);
        }
        Ok(Self { group: group.clone(), x: Secret::from(&x[..]), public: OnceLock::new() })
    }

    /// A new key: bytes of `rng` as they come, bits above the order's length cleared, until they are an exponent (FIPS 186-4 B.1.2).
    #[must_use]
    pub fn generate(group: &Group, rng: &mut dyn CryptoRng) -> Self {
        let order = group.q().unwrap_or(group.p());
        let mut bytes = Zeroizing::new(vec![0; order.len()]);
        let unused = order.first().map_or(0, |first| first.leading_zeros());
        loop {
            rng.fill_bytes(&mut bytes);
            bytes.iter_mut().take(1).for_each(|first| *first &= 0xFF_u8 >> unused.min(7));
            if let Ok(key) = Self::from_bytes(group, &bytes) {
                return key;
            }
        }
    }

    /// g^x, computed once.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public.get_or_init(|| PublicKey::trusted(&self.group, self.group.power_secret(&self.group.0.g, &self.x))).clone()
    }

    /// The exponent, as long as the order.
    #[must_use]
    pub const fn exponent(&self) -> &Secret {
        &self.x
    }

    /// The group.
    #[must_use]
    pub const fn group(&self) -> &Group {
        &self.group
    }
}

impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.group == other.group && self.x == other.x
    }
}

impl Eq for PrivateKey {}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({:?}, [redacted])", self.group)
    }
}

/// peer^own mod p, as long as p: leading zeros are kept (RFC 2631 §2.1.2).
///
/// # Errors
/// [`ModpError::Mixed`], [`ModpError::Degenerate`].
pub fn shared(own: &PrivateKey, peer: &PublicKey) -> Result<Secret, ModpError> {
    peer.power(own).map(|secret| Secret::new(secret.y))
}

/// Whether a value is 1, in a time that does not depend on it.
fn is_one(element: &[u8]) -> bool {
    let Some((last, rest)) = element.split_last() else { return false };
    rest.iter().fold(last ^ 1, |any, octet| any | octet) == 0
}

fn decode(digits: &str) -> Vec<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default();
    digits.as_bytes().chunks_exact(2).map(|pair| pair.iter().fold(0, |value, &octet| value << 4 | digit(octet))).collect()
}

/// Storage of a number as long as `bytes`, in bits: whole 64-bit words.
fn precision(bytes: &[u8]) -> u32 {
    u32::try_from(64 * bytes.len().div_ceil(8).max(1)).unwrap_or(u32::MAX)
}

/// `bytes`, which fit into `precision` bits, as a number.
fn number(bytes: &[u8], precision: u32) -> BoxedUint {
    BoxedUint::from_be_slice_truncated(bytes, precision)
}

fn prime(bytes: &[u8]) -> bool {
    is_prime(Flavor::Any, &number(bytes, precision(bytes)))
}

/// Without leading zero bytes.
fn significant(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|octet| **octet == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// With leading zeros, `len` bytes; `bytes` are at most as long.
fn padded(bytes: &[u8], len: usize) -> Vec<u8> {
    let mut out = vec![0; len.saturating_sub(bytes.len())];
    out.extend_from_slice(bytes);
    out
}

/// Bits of a number without leading zero bytes.
fn bits(bytes: &[u8]) -> usize {
    let leading = bytes.first().map_or(0, |first| first.leading_zeros());
    8 * bytes.len() - usize::try_from(leading).expect("at most 8")
}

#[cfg(test)]
mod tests;
