//! ECDSA (FIPS 186-4 §6, BSI TR-03111 §4.2) over a digest of any length on any of our curves: the digest's leftmost bits count, never the
//! digest that a library holds for the curve's own.

use ecdsa::hazmat::{sign_prehashed_rfc6979, verify_prehashed};
use ecdsa::{EcdsaCurve, Signature};
use elliptic_curve::{CurveArithmetic, NonZeroScalar};

use crate::crypto::curve::{PrivateKey, group};
use crate::crypto::hash::Hash;

/// Whether r and s, each of the length of the order, are a signature over `digest`; also false where one is zero or not below the order.
pub(super) fn verify<C: EcdsaCurve + CurveArithmetic>(point: &[u8], digest: &[u8], r: &[u8], s: &[u8]) -> bool {
    let signature = || Signature::<C>::from_scalars(r.try_into().ok().map(copy::<C>)?, s.try_into().ok().map(copy::<C>)?).ok();
    let Some((point, signature)) = group::point::<C>(point).zip(signature()) else { return false };
    verify_prehashed::<C>(&C::ProjectivePoint::from(point), digest, &signature).is_ok()
}

const fn copy<C: CurveArithmetic>(bytes: &elliptic_curve::FieldBytes<C>) -> elliptic_curve::FieldBytes<C> {
    *bytes
}

/// r and s with the deterministic ephemeral scalar of RFC 6979, whose HMAC is of the message's digest.
pub(super) fn sign<C: EcdsaCurve + CurveArithmetic>(key: &PrivateKey, hash: Hash, digest: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let scalar: NonZeroScalar<C> = Option::from(NonZeroScalar::<C>::new(group::scalar::<C>(key.scalar().expose())?))?;
    let (signature, _) = match hash {
        Hash::Sha1 => sign_prehashed_rfc6979::<C, sha1::Sha1>(&scalar, digest, &[]),
        Hash::Sha224 => sign_prehashed_rfc6979::<C, sha2::Sha224>(&scalar, digest, &[]),
        Hash::Sha256 => sign_prehashed_rfc6979::<C, sha2::Sha256>(&scalar, digest, &[]),
        Hash::Sha384 => sign_prehashed_rfc6979::<C, sha2::Sha384>(&scalar, digest, &[]),
        Hash::Sha512 => sign_prehashed_rfc6979::<C, sha2::Sha512>(&scalar, digest, &[]),
    };
    let (r, s) = signature.split_bytes();
    Some((r.to_vec(), s.to_vec()))
}
