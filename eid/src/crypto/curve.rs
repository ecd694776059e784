//! Elliptic curves of Doc 9303-11 §9.5.1 (standardized domain parameters): NIST and brainpool, keys and points of fixed length.
//!
//! Refused: compressed points, points off the curve or at infinity, scalars of zero or not below the order. Leading zero bytes of
//! coordinates and scalars are always kept.

use std::sync::OnceLock;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::Backend;
use crate::secret::Secret;
use group::with_curve;
pub use parameters::DomainParameters;

pub(in crate::crypto) mod group;
mod parameters;
pub(in crate::crypto) mod swu;
pub(in crate::crypto) mod weierstrass;

/// A named curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Curve {
    /// NIST P-192, parameter id 8.
    P192,
    /// brainpoolP192r1, parameter id 9.
    BrainpoolP192r1,
    /// NIST P-224, parameter id 10.
    P224,
    /// brainpoolP224r1, parameter id 11.
    BrainpoolP224r1,
    /// NIST P-256, parameter id 12.
    P256,
    /// brainpoolP256r1, parameter id 13.
    BrainpoolP256r1,
    /// brainpoolP320r1, parameter id 14.
    BrainpoolP320r1,
    /// NIST P-384, parameter id 15.
    P384,
    /// brainpoolP384r1, parameter id 16.
    BrainpoolP384r1,
    /// brainpoolP512r1, parameter id 17.
    BrainpoolP512r1,
    /// NIST P-521, parameter id 18.
    P521,
}

impl Curve {
    /// All of them, by parameter id.
    pub const ALL: [Self; 11] = [
        Self::P192,
        Self::BrainpoolP192r1,
        Self::P224,
        Self::BrainpoolP224r1,
        Self::P256,
        Self::BrainpoolP256r1,
        Self::BrainpoolP320r1,
        Self::P384,
        Self::BrainpoolP384r1,
        Self::BrainpoolP512r1,
        Self::P521,
    ];

    /// Length of a field element in bytes: 32 for P-256, 66 for P-521.
    #[must_use]
    pub const fn field_len(self) -> usize {
        match self {
            Self::P192 | Self::BrainpoolP192r1 => 24,
            Self::P224 | Self::BrainpoolP224r1 => 28,
            Self::P256 | Self::BrainpoolP256r1 => 32,
            Self::BrainpoolP320r1 => 40,
            Self::P384 | Self::BrainpoolP384r1 => 48,
            Self::BrainpoolP512r1 => 64,
            Self::P521 => 66,
        }
    }

    /// Length of a scalar in bytes (that of the order): the field's, on all of these curves.
    #[must_use]
    pub const fn scalar_len(self) -> usize {
        self.field_len()
    }

    /// Length of an uncompressed point in bytes: 1 + 2 · field length.
    #[must_use]
    pub const fn point_len(self) -> usize {
        1 + 2 * self.field_len()
    }

    /// Standardized domain parameter id of Doc 9303-11 §9.5.1: 8 to 18.
    #[must_use]
    pub const fn parameter_id(self) -> u8 {
        match self {
            Self::P192 => 8,
            Self::BrainpoolP192r1 => 9,
            Self::P224 => 10,
            Self::BrainpoolP224r1 => 11,
            Self::P256 => 12,
            Self::BrainpoolP256r1 => 13,
            Self::BrainpoolP320r1 => 14,
            Self::P384 => 15,
            Self::BrainpoolP384r1 => 16,
            Self::BrainpoolP512r1 => 17,
            Self::P521 => 18,
        }
    }

    /// The curve of a standardized domain parameter id.
    #[must_use]
    pub fn from_parameter_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.parameter_id() == id)
    }

    /// Object identifier in dotted form (RFC 5480 §2.1.1.1, RFC 5639 §4.1).
    #[must_use]
    pub const fn oid(self) -> &'static str {
        match self {
            Self::P192 => "1.2.840.10045.3.1.1",
            Self::BrainpoolP192r1 => "1.3.36.3.3.2.8.1.1.3",
            Self::P224 => "1.3.132.0.33",
            Self::BrainpoolP224r1 => "1.3.36.3.3.2.8.1.1.5",
            Self::P256 => "1.2.840.10045.3.1.7",
            Self::BrainpoolP256r1 => "1.3.36.3.3.2.8.1.1.7",
            Self::BrainpoolP320r1 => "1.3.36.3.3.2.8.1.1.9",
            Self::P384 => "1.3.132.0.34",
            Self::BrainpoolP384r1 => "1.3.36.3.3.2.8.1.1.11",
            Self::BrainpoolP512r1 => "1.3.36.3.3.2.8.1.1.13",
            Self::P521 => "1.3.132.0.35",
        }
    }

    /// The curve of an object identifier in dotted form.
    #[must_use]
    pub fn from_oid(oid: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.oid() == oid)
    }

    /// The name in the standards: `P-256`, `brainpoolP256r1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P192 => "P-192",
            Self::BrainpoolP192r1 => "brainpoolP192r1",
            Self::P224 => "P-224",
            Self::BrainpoolP224r1 => "brainpoolP224r1",
            Self::P256 => "P-256",
            Self::BrainpoolP256r1 => "brainpoolP256r1",
            Self::BrainpoolP320r1 => "brainpoolP320r1",
            Self::P384 => "P-384",
            Self::BrainpoolP384r1 => "brainpoolP384r1",
            Self::BrainpoolP512r1 => "brainpoolP512r1",
            Self::P521 => "P-521",
        }
    }

    /// p, a, b, generator, and order, to compare with what a certificate states explicitly.
    #[must_use]
    pub fn parameters(self) -> &'static DomainParameters {
        parameters::of(self)
    }
}

/// A point that was checked to be on its curve and not at infinity, uncompressed: 04 ‖ x ‖ y.
///
/// What a backend has parsed of it stays with it and its clones.
#[derive(Clone)]
pub struct Point {
    curve: Curve,
    bytes: Vec<u8>,
    #[cfg(feature = "fast")]
    fast: std::sync::Arc<super::fast::PointKeys>,
}

/// Why bytes are no point or no scalar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CurveError {
    /// Another length than the curve's.
    #[error("{what} on {curve:?}: expected {expected} bytes, found {found}")]
    Length {
        /// `point` or `scalar`.
        what: &'static str,
        /// The curve.
        curve: Curve,
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// Not on the curve, not uncompressed, or at infinity.
    #[error("not a point of {0:?}")]
    NotOnCurve(Curve),
    /// Zero, or not below the order.
    #[error("not a scalar of {0:?}: zero or not below the order")]
    Scalar(Curve),
    /// The integrated mapping is not defined on the curve: its prime is 1 modulo 4 (P-224).
    #[error("no point encoding on {0:?}: its prime is not 3 modulo 4")]
    NoEncoding(Curve),
    /// Key and point are of different curves.
    #[error("key of {own:?} and point of {peer:?} do not belong together")]
    Mixed {
        /// Curve of the private key.
        own: Curve,
        /// Curve of the other side's point.
        peer: Curve,
    },
}

impl Point {
    /// Reads 04 ‖ x ‖ y and checks the curve equation.
    ///
    /// # Errors
    /// Wrong length, or not a point of `curve`.
    pub fn from_bytes(curve: Curve, bytes: &[u8]) -> Result<Self, CurveError> {
        if bytes.len() != curve.point_len() {
            return Err(CurveError::Length { what: "point", curve, expected: curve.point_len(), found: bytes.len() });
        }
        if !with_curve!(curve, C => group::is_point::<C>(bytes)) {
            return Err(CurveError::NotOnCurve(curve));
        }
        Ok(Self::trusted(curve, bytes.to_vec()))
    }

    /// A point that an operation of `group` made.
    pub(in crate::crypto) fn trusted(curve: Curve, bytes: Vec<u8>) -> Self {
        Self {
            curve,
            bytes,
            #[cfg(feature = "fast")]
            fast: Default::default(),
        }
    }

    #[cfg(feature = "fast")]
    pub(in crate::crypto) fn fast(&self) -> &super::fast::PointKeys {
        &self.fast
    }

    /// 04 ‖ x ‖ y, 1 + 2 · field length bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The x-coordinate, fixed length, leading zeros kept.
    #[must_use]
    pub fn x(&self) -> &[u8] {
        &self.bytes[1..=self.curve.field_len()]
    }

    /// The y-coordinate, fixed length, leading zeros kept.
    #[must_use]
    pub fn y(&self) -> &[u8] {
        &self.bytes[1 + self.curve.field_len()..]
    }

    /// The curve.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        self.curve
    }
}

impl PartialEq for Point {
    fn eq(&self, other: &Self) -> bool {
        self.curve == other.curve && self.bytes == other.bytes
    }
}

impl Eq for Point {}

impl std::fmt::Debug for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Point({}, ", self.curve.name())?;
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A private scalar, 1 to order - 1, fixed length big-endian.
#[derive(Clone)]
pub struct PrivateKey {
    curve: Curve,
    scalar: Secret,
    public: OnceLock<Point>,
    #[cfg(feature = "fast")]
    fast: std::sync::Arc<super::fast::ScalarKeys>,
}

impl PrivateKey {
    /// Reads a big-endian scalar of the curve's scalar length (shorter input is padded with leading zeros).
    ///
    /// # Errors
    /// Too long, zero, or not below the order.
    pub fn from_bytes(curve: Curve, scalar: &[u8]) -> Result<Self, CurveError> {
        let expected = curve.scalar_len();
        let mut padded = Zeroizing::new(vec![0; expected]);
        let Some(start) = expected.checked_sub(scalar.len()) else {
            return Err(CurveError::Length { what: "scalar", curve, expected, found: scalar.len() });
        };
        padded[start..].copy_from_slice(scalar);
        if !with_curve!(curve, C => group::is_scalar::<C>(&padded)) {
            return Err(CurveError::Scalar(curve));
        }
        Ok(Self {
            curve,
            scalar: Secret::from(&padded[..]),
            public: OnceLock::new(),
            #[cfg(feature = "fast")]
            fast: Default::default(),
        })
    }

    /// A new key: bytes of `rng` as they come, bits above the order's length cleared, until they are a scalar (FIPS 186-4 B.4.2).
    #[must_use]
    pub fn generate(curve: Curve, rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = Zeroizing::new(vec![0; curve.scalar_len()]);
        loop {
            rng.fill_bytes(&mut bytes);
            if curve == Curve::P521 {
                bytes[0] &= 1;
            }
            if let Ok(key) = Self::from_bytes(curve, &bytes) {
                return key;
            }
        }
    }

    /// The public point, computed once.
    #[must_use]
    pub fn public(&self) -> Point {
        self.public_with(Backend::default())
    }

    /// [`PrivateKey::public`] through `backend`.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the scalar was checked when the key was made")]
    pub fn public_with(&self, backend: Backend) -> Point {
        let multiply = || {
            let answer = match backend {
                #[cfg(feature = "fast")]
                Backend::Fast => super::fast::public(self),
                Backend::Pure => None,
            };
            let bytes = answer.or_else(|| with_curve!(self.curve, C => group::public::<C>(self.scalar.expose())));
            Point::trusted(self.curve, bytes.expect("a scalar below the order does not lead to infinity"))
        };
        self.public.get_or_init(multiply).clone()
    }

    /// self / divisor modulo the order: what chip authentication mapping sends (Doc 9303-11 §4.4.3.3.3).
    ///
    /// # Errors
    /// [`CurveError::Mixed`].
    pub fn quotient(&self, divisor: &Self) -> Result<Self, CurveError> {
        let curve = self.curve;
        if curve != divisor.curve {
            return Err(CurveError::Mixed { own: curve, peer: divisor.curve });
        }
        let quotient = with_curve!(curve, C => group::quotient::<C>(self.scalar.expose(), divisor.scalar.expose()));
        let quotient = Zeroizing::new(quotient.ok_or(CurveError::Scalar(curve))?);
        Self::from_bytes(curve, &quotient)
    }

    #[cfg(feature = "fast")]
    pub(in crate::crypto) fn fast(&self) -> &super::fast::ScalarKeys {
        &self.fast
    }

    /// The scalar, fixed length big-endian.
    #[must_use]
    pub const fn scalar(&self) -> &Secret {
        &self.scalar
    }

    /// The curve.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        self.curve
    }
}

impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.curve == other.curve && self.scalar == other.scalar
    }
}

impl Eq for PrivateKey {}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({}, [redacted])", self.curve.name())
    }
}
