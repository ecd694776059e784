//! Key agreement over a curve or a prime field (BSI TR-03111 §4.3.1, RFC 2631, Doc 9303-11 §9.6) and the generators that PACE maps its
//! nonce to (Doc 9303-11 §4.4.3.3).
//!
//! Every point or value that comes in was checked when it was read; a shared neutral element is refused, and so are keys of two domains.

use super::Backend;
use super::curve::{Curve, CurveError, Point, PrivateKey, group};
use crate::secret::Secret;

mod key;
mod mapped;

pub use key::{AgreementError, AgreementKey, AgreementPrivateKey, Domain, agree};
pub use mapped::MappedGenerator;

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

/// scalar · point: what a private key makes of another generator.
///
/// # Errors
/// Key and point are of different curves.
pub fn multiple(scalar: &PrivateKey, point: &Point) -> Result<Point, CurveError> {
    let curve = same_curve(scalar, point)?;
    let bytes = group::with_curve!(curve, C => group::multiply::<C>(scalar.scalar().expose(), point.as_bytes()));
    Ok(Point::trusted(curve, bytes.ok_or(CurveError::NotOnCurve(curve))?))
}

fn same_curve(own: &PrivateKey, peer: &Point) -> Result<Curve, CurveError> {
    if own.curve() == peer.curve() { Ok(own.curve()) } else { Err(CurveError::Mixed { own: own.curve(), peer: peer.curve() }) }
}
