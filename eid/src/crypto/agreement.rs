//! Key agreement (BSI TR-03111 §4.3.1, Doc 9303-11 §9.6) and the generic mapping of PACE (Doc 9303-11 §4.4.3.3.1).

use rand_core::CryptoRng;

use super::curve::{CurveError, Point, PrivateKey};
use crate::secret::Secret;

/// The x-coordinate of the shared point, fixed length: leading zeros are kept.
///
/// # Errors
/// The points are on different curves, or the result is the point at infinity.
pub fn ecdh(_own: &PrivateKey, _peer: &Point) -> Result<Secret, CurveError> {
    todo!()
}

/// The ephemeral generator that PACE maps the nonce to. Keys on it are scalars of the curve whose public point is scalar · generator.
#[derive(Clone, Debug)]
pub struct MappedGenerator {
    point: Point,
}

impl MappedGenerator {
    /// Generic mapping: nonce · G + H, where H is the shared point of the two mapping keys.
    ///
    /// # Errors
    /// The points are on different curves, or a result is the point at infinity.
    pub fn generic(_nonce: &Secret, _own: &PrivateKey, _peer: &Point) -> Result<Self, CurveError> {
        todo!()
    }

    /// The generator.
    #[must_use]
    pub const fn point(&self) -> &Point {
        &self.point
    }

    /// A new ephemeral private scalar.
    #[must_use]
    pub fn generate(&self, _rng: &mut dyn CryptoRng) -> PrivateKey {
        todo!()
    }

    /// scalar · generator.
    #[must_use]
    pub fn public(&self, _private: &PrivateKey) -> Point {
        todo!()
    }
}
