//! Elliptic curves of Doc 9303-11 table of standardized domain parameters: NIST P-256/384/521 and brainpool, keys and points of fixed length.

use rand_core::CryptoRng;

use crate::secret::Secret;

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
    /// Length of a field element in bytes: 32 for P-256, 66 for P-521.
    #[must_use]
    pub const fn field_len(self) -> usize {
        todo!()
    }

    /// Length of a scalar in bytes (that of the order).
    #[must_use]
    pub const fn scalar_len(self) -> usize {
        self.field_len()
    }

    /// Standardized domain parameter id of Doc 9303-11 table 6: 8 to 18.
    #[must_use]
    pub const fn parameter_id(self) -> u8 {
        todo!()
    }

    /// The curve of a standardized domain parameter id.
    #[must_use]
    pub fn from_parameter_id(_id: u8) -> Option<Self> {
        todo!()
    }

    /// Object identifier in dotted form.
    #[must_use]
    pub const fn oid(self) -> &'static str {
        todo!()
    }

    /// The name in the standards: `P-256`, `brainpoolP256r1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        todo!()
    }
}

/// A point that was checked to be on its curve and not at infinity, uncompressed: 04 ‖ x ‖ y.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    curve: Curve,
    bytes: Vec<u8>,
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
}

impl Point {
    /// Reads 04 ‖ x ‖ y and checks the curve equation.
    ///
    /// # Errors
    /// Wrong length, or not a point of `curve`.
    pub fn from_bytes(_curve: Curve, _bytes: &[u8]) -> Result<Self, CurveError> {
        todo!()
    }

    /// 04 ‖ x ‖ y, 1 + 2 · field length bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The x-coordinate, fixed length, leading zeros kept.
    #[must_use]
    pub fn x(&self) -> &[u8] {
        todo!()
    }

    /// The curve.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        self.curve
    }
}

/// A private scalar, 1 to order - 1, fixed length big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateKey {
    curve: Curve,
    scalar: Secret,
}

impl PrivateKey {
    /// Reads a big-endian scalar of the curve's scalar length (shorter input is padded with leading zeros).
    ///
    /// # Errors
    /// Too long, zero, or not below the order.
    pub fn from_bytes(_curve: Curve, _scalar: &[u8]) -> Result<Self, CurveError> {
        todo!()
    }

    /// A new key.
    #[must_use]
    pub fn generate(_curve: Curve, _rng: &mut dyn CryptoRng) -> Self {
        todo!()
    }

    /// The public point.
    #[must_use]
    pub fn public(&self) -> Point {
        todo!()
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
