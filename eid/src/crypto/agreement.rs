//! Key agreement over a curve or a prime field (BSI TR-03111 §4.3.1, RFC 2631, Doc 9303-11 §9.6) and the generic mapping of PACE
//! (Doc 9303-11 §4.4.3.3.1).
//!
//! Every point or value that comes in was checked when it was read; a shared neutral element is refused, and so are keys of two domains.

use rand_core::CryptoRng;

use super::Backend;
use super::curve::{Curve, CurveError, Point, PrivateKey, group};
use crate::secret::Secret;

mod key;

pub use key::{AgreementError, AgreementKey, AgreementPrivateKey, Domain, agree};

/// The x-coordinate of the shared point, fixed length: leading zeros are kept.
///
/// # Errors
/// The points are on different curves, or the result is the point at infinity.
pub fn ecdh(own: &PrivateKey, peer: &Point) -> Result<Secret, CurveError> {
    ecdh_with(Backend::default(), own, peer)
}

/// [`ecdh`] through `backend`.
///
/// # Errors
/// As [`ecdh`].
pub fn ecdh_with(backend: Backend, own: &PrivateKey, peer: &Point) -> Result<Secret, CurveError> {
    let curve = same_curve(own, peer)?;
    let answer = match backend {
        #[cfg(feature = "fast")]
        Backend::Fast => super::fast::shared(own, peer).filter(|shared| shared.len() == curve.field_len()),
        Backend::Pure => None,
    };
    if let Some(shared) = answer {
        return Ok(shared);
    }
    let shared = group::with_curve!(curve, C => group::multiply::<C>(own.scalar().expose(), peer.as_bytes()));
    let shared = Secret::new(shared.ok_or(CurveError::NotOnCurve(curve))?);
    Ok(Secret::from(&shared.expose()[1..=curve.field_len()]))
}

/// The ephemeral generator that PACE maps the nonce to. Keys on it are scalars of the curve whose public point is scalar · generator.
#[derive(Clone, Debug)]
pub struct MappedGenerator {
    point: Point,
}

impl MappedGenerator {
    /// Generic mapping: nonce · G + H, where H is the shared point of the two mapping keys. The nonce is an integer, big-endian, at most as
    /// long as a scalar.
    ///
    /// # Errors
    /// The points are on different curves, the nonce is too long, or a result is the point at infinity.
    pub fn generic(nonce: &Secret, own: &PrivateKey, peer: &Point) -> Result<Self, CurveError> {
        let curve = same_curve(own, peer)?;
        if nonce.len() > curve.scalar_len() {
            return Err(CurveError::Length { what: "nonce", curve, expected: curve.scalar_len(), found: nonce.len() });
        }
        let mapped = group::with_curve!(curve, C => group::map::<C>(nonce.expose(), own.scalar().expose(), peer.as_bytes()));
        Ok(Self { point: Point::trusted(curve, mapped.ok_or(CurveError::NotOnCurve(curve))?) })
    }

    /// The generator.
    #[must_use]
    pub const fn point(&self) -> &Point {
        &self.point
    }

    /// A new ephemeral private scalar.
    #[must_use]
    pub fn generate(&self, rng: &mut dyn CryptoRng) -> PrivateKey {
        PrivateKey::generate(self.point.curve(), rng)
    }

    /// scalar · generator.
    ///
    /// # Panics
    /// The key is of another curve.
    #[must_use]
    pub fn public(&self, private: &PrivateKey) -> Point {
        let curve = same_curve(private, &self.point).expect("a key that `generate` made, or one of the same curve");
        let bytes = group::with_curve!(curve, C => group::multiply::<C>(private.scalar().expose(), self.point.as_bytes()));
        Point::trusted(curve, bytes.expect("a scalar below the order times a point of prime order is not infinity"))
    }
}

fn same_curve(own: &PrivateKey, peer: &Point) -> Result<Curve, CurveError> {
    if own.curve() == peer.curve() { Ok(own.curve()) } else { Err(CurveError::Mixed { own: own.curve(), peer: peer.curve() }) }
}
