//! The bare operations that a job cannot avoid, on keys that were parsed before.

use std::hint::black_box;

use eid::crypto::signature::{PrivateKey, PublicKey};
use pki::key::SigningKey;
use sha2::{Digest as _, Sha256};

pub(crate) fn sha256(bytes: &[u8]) {
    black_box(Sha256::digest(black_box(bytes)));
}

/// Verifies one ECDSA signature in DER on P-256 with SHA-256, the hash included.
pub(crate) fn verifier(key: &PublicKey, message: Vec<u8>, signature: Vec<u8>) -> Box<dyn Fn()> {
    let PublicKey::Ec(point) = key else { unreachable!("the state's keys are on P-256") };
    #[cfg(feature = "fast")]
    {
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point.as_bytes()).expect("a point");
        Box::new(move || key.verify_sig(black_box(&message), &signature).expect("a signature"))
    }
    #[cfg(not(feature = "fast"))]
    {
        use p256::ecdsa::signature::Verifier as _;
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point.as_bytes()).expect("a point");
        let signature = p256::ecdsa::Signature::from_der(&signature).expect("DER");
        Box::new(move || key.verify(black_box(&message), &signature).expect("a signature"))
    }
}

/// Signs with ECDSA on P-256 and SHA-256, the hash included.
pub(crate) fn signer(key: &SigningKey) -> Box<dyn Fn(&[u8])> {
    let PrivateKey::Ec(key) = &key.key else { unreachable!("the state's keys are on P-256") };
    #[cfg(feature = "fast")]
    {
        use aws_lc_rs::rand::SystemRandom;
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
        let public = key.public();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, key.scalar().expose(), public.as_bytes());
        let (pair, rng) = (pair.expect("a key"), SystemRandom::new());
        Box::new(move |message| {
            black_box(pair.sign(&rng, black_box(message)).expect("a signature"));
        })
    }
    #[cfg(not(feature = "fast"))]
    {
        use p256::ecdsa::signature::Signer as _;
        let key = p256::ecdsa::SigningKey::from_slice(key.scalar().expose()).expect("a key");
        Box::new(move |message| {
            let signature: p256::ecdsa::DerSignature = key.sign(black_box(message));
            black_box(signature);
        })
    }
}
