//! The group operations that the protocols need, generic over the curve, on bytes of fixed length. Secrets go through constant-time code.

use elliptic_curve::ff::{Field as _, PrimeField as _};
use elliptic_curve::group::{Curve as _, CurveAffine as _, Group as _};
use elliptic_curve::point::AffineCoordinates as _;
use elliptic_curve::{CurveArithmetic, FieldBytes};

/// Calls `$body` with `$C` standing for the type of `$curve`.
macro_rules! with_curve {
    ($curve:expr, $C:ident => $body:expr) => {{
        use $crate::crypto::curve::{Curve, weierstrass};
        match $curve {
            Curve::P192 => {
                type $C = weierstrass::p192::P192;
                $body
            }
            Curve::BrainpoolP192r1 => {
                type $C = weierstrass::brainpool_p192r1::BrainpoolP192r1;
                $body
            }
            Curve::P224 => {
                type $C = weierstrass::p224::P224;
                $body
            }
            Curve::BrainpoolP224r1 => {
                type $C = weierstrass::brainpool_p224r1::BrainpoolP224r1;
                $body
            }
            Curve::P256 => {
                type $C = p256::NistP256;
                $body
            }
            Curve::BrainpoolP256r1 => {
                type $C = weierstrass::brainpool_p256r1::BrainpoolP256r1;
                $body
            }
            Curve::BrainpoolP320r1 => {
                type $C = weierstrass::brainpool_p320r1::BrainpoolP320r1;
                $body
            }
            Curve::P384 => {
                type $C = p384::NistP384;
                $body
            }
            Curve::BrainpoolP384r1 => {
                type $C = weierstrass::brainpool_p384r1::BrainpoolP384r1;
                $body
            }
            Curve::BrainpoolP512r1 => {
                type $C = weierstrass::brainpool_p512r1::BrainpoolP512r1;
                $body
            }
            Curve::P521 => {
                type $C = p521::NistP521;
                $body
            }
        }
    }};
}
pub(in crate::crypto) use with_curve;

/// 04 ‖ x ‖ y as a point that satisfies the curve equation; every curve here has cofactor 1, so that it is in the group.
pub(in crate::crypto) fn point<C: CurveArithmetic>(bytes: &[u8]) -> Option<C::AffinePoint> {
    let (&4, coordinates) = bytes.split_first()? else { return None };
    let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
    C::AffinePoint::from_coordinates(x.try_into().ok()?, y.try_into().ok()?).into()
}

/// The point as 04 ‖ x ‖ y; nothing for the point at infinity.
pub(in crate::crypto) fn encode<C: CurveArithmetic>(point: &C::ProjectivePoint) -> Option<Vec<u8>> {
    let affine = point.to_affine();
    if affine.is_identity().into() {
        return None;
    }
    Some([&[4][..], &affine.x(), &affine.y()].concat())
}

/// A scalar of the group from bytes of its length: 1 to n - 1.
pub(in crate::crypto) fn scalar<C: CurveArithmetic>(bytes: &[u8]) -> Option<C::Scalar> {
    let repr: &FieldBytes<C> = bytes.try_into().ok()?;
    Option::<C::Scalar>::from(C::Scalar::from_repr(*repr)).filter(|scalar| !bool::from(scalar.is_zero()))
}

/// Whether `bytes` are such a scalar.
pub(in crate::crypto) fn is_scalar<C: CurveArithmetic>(bytes: &[u8]) -> bool {
    scalar::<C>(bytes).is_some()
}

/// Whether `bytes` are a point.
pub(in crate::crypto) fn is_point<C: CurveArithmetic>(bytes: &[u8]) -> bool {
    point::<C>(bytes).is_some()
}

/// scalar · G.
pub(in crate::crypto) fn public<C: CurveArithmetic>(key: &[u8]) -> Option<Vec<u8>> {
    encode::<C>(&C::ProjectivePoint::mul_by_generator(&scalar::<C>(key)?))
}

/// scalar · point.
pub(in crate::crypto) fn multiply<C: CurveArithmetic>(key: &[u8], base: &[u8]) -> Option<Vec<u8>> {
    encode::<C>(&(C::ProjectivePoint::from(point::<C>(base)?) * scalar::<C>(key)?))
}

/// nonce · G + key · peer, the nonce an integer of any length, taken modulo the order.
pub(in crate::crypto) fn map<C: CurveArithmetic>(nonce: &[u8], key: &[u8], peer: &[u8]) -> Option<Vec<u8>> {
    let radix = C::Scalar::from(256);
    let nonce = nonce.iter().fold(C::Scalar::ZERO, |number, &octet| number * radix + C::Scalar::from(u64::from(octet)));
    let shared = C::ProjectivePoint::from(point::<C>(peer)?) * scalar::<C>(key)?;
    if shared.is_identity().into() {
        return None;
    }
    encode::<C>(&(C::ProjectivePoint::mul_by_generator(&nonce) + shared))
}

/// dividend / divisor modulo the order.
pub(in crate::crypto) fn quotient<C: CurveArithmetic>(dividend: &[u8], divisor: &[u8]) -> Option<Vec<u8>> {
    let inverse = Option::<C::Scalar>::from(scalar::<C>(divisor)?.invert())?;
    Some((scalar::<C>(dividend)? * inverse).to_repr().to_vec())
}
