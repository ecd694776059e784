//! The second backend, aws-lc, for what it has: ECDSA and ECDH on P-256, P-384 and P-521, RSA signatures. Every function answers nothing
//! where it lacks the algorithm, the key is outside of its limits, or it fails for another reason than a wrong signature; the caller then
//! asks the pure code, so that no verdict depends on which backend was built in.
//!
//! Parsed keys stay with the key they were parsed from.

use std::sync::OnceLock;

use aws_lc_rs::agreement::{self, UnparsedPublicKey};
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature as aws;
use aws_lc_rs::signature::{
    EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaEncoding, RsaKeyPair, RsaParameters,
};

use super::curve::{Curve, Point, PrivateKey};
use super::hash::Hash;
use super::rsa;
use super::signature::Algorithm;

/// A value for each digest, made when it is first needed; nothing where it cannot be made.
struct ByHash<T>([OnceLock<Option<T>>; Hash::ALL.len()]);

impl<T> Default for ByHash<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| OnceLock::new()))
    }
}

impl<T> ByHash<T> {
    fn get(&self, hash: Hash, make: impl FnOnce() -> Option<T>) -> Option<&T> {
        let index = Hash::ALL.iter().position(|other| *other == hash)?;
        self.0.get(index)?.get_or_init(make).as_ref()
    }
}

/// Parsed forms of a point.
#[derive(Default)]
pub(super) struct PointKeys(ByHash<ParsedPublicKey>);

/// Parsed forms of a private scalar.
#[derive(Default)]
pub(super) struct ScalarKeys {
    signing: ByHash<EcdsaKeyPair>,
    agreement: OnceLock<Option<agreement::PrivateKey>>,
}

/// Parsed forms of an RSA public key; PKCS#1 v1.5 and PSS have one each.
#[derive(Default)]
pub(super) struct RsaKeys {
    pkcs1: ByHash<ParsedPublicKey>,
    pss: ByHash<ParsedPublicKey>,
}

/// The parsed form of an RSA private key.
#[derive(Default)]
pub(super) struct RsaPair(OnceLock<Option<RsaKeyPair>>);

const fn digest_algorithm(hash: Hash) -> &'static digest::Algorithm {
    match hash {
        Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha224 => &digest::SHA224,
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    }
}

const fn ecdsa_verification(curve: Curve, hash: Hash) -> Option<&'static EcdsaVerificationAlgorithm> {
    Some(match (curve, hash) {
        (Curve::P256, Hash::Sha1) => &aws::ECDSA_P256_SHA1_ASN1,
        (Curve::P256, Hash::Sha256) => &aws::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Hash::Sha384) => &aws::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Hash::Sha512) => &aws::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Hash::Sha256) => &aws::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Hash::Sha384) => &aws::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Hash::Sha512) => &aws::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Hash::Sha1) => &aws::ECDSA_P521_SHA1_ASN1,
        (Curve::P521, Hash::Sha224) => &aws::ECDSA_P521_SHA224_ASN1,
        (Curve::P521, Hash::Sha256) => &aws::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Hash::Sha384) => &aws::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Hash::Sha512) => &aws::ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}

const fn ecdsa_signing(curve: Curve, hash: Hash) -> Option<&'static EcdsaSigningAlgorithm> {
    Some(match (curve, hash) {
        (Curve::P256, Hash::Sha256) => &aws::ECDSA_P256_SHA256_FIXED_SIGNING,
        (Curve::P384, Hash::Sha384) => &aws::ECDSA_P384_SHA384_FIXED_SIGNING,
        (Curve::P521, Hash::Sha224) => &aws::ECDSA_P521_SHA224_FIXED_SIGNING,
        (Curve::P521, Hash::Sha256) => &aws::ECDSA_P521_SHA256_FIXED_SIGNING,
        (Curve::P521, Hash::Sha384) => &aws::ECDSA_P521_SHA384_FIXED_SIGNING,
        (Curve::P521, Hash::Sha512) => &aws::ECDSA_P521_SHA512_FIXED_SIGNING,
        _ => return None,
    })
}

const fn ecdh(curve: Curve) -> Option<&'static agreement::Algorithm> {
    Some(match curve {
        Curve::P256 => &agreement::ECDH_P256,
        Curve::P384 => &agreement::ECDH_P384,
        Curve::P521 => &agreement::ECDH_P521,
        _ => return None,
    })
}

/// Whether `signature`, strict DER, is right.
pub(super) fn verify_ecdsa(point: &Point, hash: Hash, digest: &[u8], signature: &[u8]) -> Option<bool> {
    let algorithm = ecdsa_verification(point.curve(), hash)?;
    let key = point.fast().0.get(hash, || ParsedPublicKey::new(algorithm, point.as_bytes()).ok())?;
    let digest = Digest::import_less_safe(digest, digest_algorithm(hash)).ok()?;
    Some(key.verify_digest_sig(&digest, signature).is_ok())
}

/// r and s of the length of the order.
pub(super) fn sign_ecdsa(key: &PrivateKey, hash: Hash, digest: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let algorithm = ecdsa_signing(key.curve(), hash)?;
    let parse = || EcdsaKeyPair::from_private_key_and_public_key(algorithm, key.scalar().expose(), key.public().as_bytes()).ok();
    let pair = key.fast().signing.get(hash, parse)?;
    let signature = pair.sign_digest(&Digest::import_less_safe(digest, digest_algorithm(hash)).ok()?).ok()?;
    let (r, s) = signature.as_ref().split_at_checked(key.curve().scalar_len())?;
    (s.len() == r.len()).then(|| (r.to_vec(), s.to_vec()))
}

fn agreement_key(key: &PrivateKey) -> Option<&agreement::PrivateKey> {
    let algorithm = ecdh(key.curve())?;
    key.fast().agreement.get_or_init(|| agreement::PrivateKey::from_private_key(algorithm, key.scalar().expose()).ok()).as_ref()
}

/// The public point of `key`, 04 ‖ x ‖ y.
pub(super) fn public(key: &PrivateKey) -> Option<Vec<u8>> {
    Some(agreement_key(key)?.compute_public_key().ok()?.as_ref().to_vec())
}

/// The x-coordinate of the shared point.
pub(super) fn shared(key: &PrivateKey, peer: &Point) -> Option<crate::secret::Secret> {
    let own = agreement_key(key)?;
    let peer = UnparsedPublicKey::new(ecdh(key.curve())?, peer.as_bytes());
    agreement::agree(own, peer, (), |shared| Ok(crate::secret::Secret::from(shared))).ok()
}

const fn pkcs1_verification(hash: Hash, bits: usize) -> Option<&'static RsaParameters> {
    Some(match hash {
        Hash::Sha1 => &aws::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => &aws::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        Hash::Sha384 if bits >= 2048 => &aws::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &aws::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        _ => return None,
    })
}

const fn pss_verification(hash: Hash) -> Option<&'static RsaParameters> {
    Some(match hash {
        Hash::Sha256 => &aws::RSA_PSS_2048_8192_SHA256,
        Hash::Sha384 => &aws::RSA_PSS_2048_8192_SHA384,
        Hash::Sha512 => &aws::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// Whether `signature`, as long as the modulus, is right.
pub(super) fn verify_rsa(algorithm: Algorithm, key: &rsa::PublicKey, digest: &[u8], signature: &[u8]) -> Option<bool> {
    let bits = key.bits();
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    // its limits: exponents of 33 bits; what is outside goes to the pure code, which says why
    let small = key.exponent().len() <= 4 && key.exponent() != [1];
    if !(1024..=8192).contains(&bits) || !small || !odd(key.exponent()) || !odd(key.modulus()) {
        return None;
    }
    let (parameters, keys) = match algorithm {
        Algorithm::RsaPkcs1(hash) => (pkcs1_verification(hash, bits)?, &key.fast().pkcs1),
        Algorithm::RsaPss { hash, mgf, salt } if hash == mgf && salt == hash.len() && bits >= 2048 => {
            (pss_verification(hash)?, &key.fast().pss)
        }
        _ => return None,
    };
    let parse = || aws::RsaPublicKeyComponents { n: key.modulus(), e: key.exponent() }.to_parsed_public_key(parameters).ok();
    let parsed = keys.get(algorithm.hash(), parse)?;
    let digest = Digest::import_less_safe(digest, digest_algorithm(algorithm.hash())).ok()?;
    Some(parsed.verify_digest_sig(&digest, signature).is_ok())
}

/// The signature, as long as the modulus.
pub(super) fn sign_rsa(algorithm: Algorithm, key: &rsa::PrivateKey, digest: &[u8]) -> Option<Vec<u8>> {
    let encoding: &'static dyn RsaEncoding = match algorithm {
        Algorithm::RsaPkcs1(Hash::Sha256) => &aws::RSA_PKCS1_SHA256,
        Algorithm::RsaPkcs1(Hash::Sha384) => &aws::RSA_PKCS1_SHA384,
        Algorithm::RsaPkcs1(Hash::Sha512) => &aws::RSA_PKCS1_SHA512,
        Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 } => &aws::RSA_PSS_SHA256,
        Algorithm::RsaPss { hash: Hash::Sha384, mgf: Hash::Sha384, salt: 48 } => &aws::RSA_PSS_SHA384,
        Algorithm::RsaPss { hash: Hash::Sha512, mgf: Hash::Sha512, salt: 64 } => &aws::RSA_PSS_SHA512,
        _ => return None,
    };
    let pair = key.fast().0.get_or_init(|| RsaKeyPair::from_der(key.to_pkcs1().expose()).ok()).as_ref()?;
    let digest = Digest::import_less_safe(digest, digest_algorithm(algorithm.hash())).ok()?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign_digest(encoding, &digest, &mut signature).ok()?;
    Some(signature)
}
