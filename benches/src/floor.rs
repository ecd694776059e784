//! The bare operations that a job cannot avoid, on keys that were parsed before.

use std::hint::black_box;

use eid::crypto::cipher::CipherKey;
use eid::crypto::kdf::Suite;
use eid::crypto::mac::MacKey;
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

/// AES-CBC and AES-CMAC of a secure channel, as both ends of it do them, with keys that were expanded before.
pub(crate) struct Channel {
    cipher: CipherKey,
    mac: MacKey,
    buffer: Vec<u8>,
}

impl Channel {
    pub(crate) fn new(suite: Suite) -> Self {
        let key = vec![7; suite.key_len()];
        let (cipher, mac) = (CipherKey::new(suite, &key).expect("a key"), MacKey::new(suite, &key).expect("a key"));
        Self { cipher, mac, buffer: vec![0x5A; 65_536] }
    }

    /// `len` bytes encrypted by one side and decrypted by the other, a MAC over them made and checked.
    pub(crate) fn encrypt_and_mac(&mut self, len: usize) {
        let data = self.buffer.get_mut(..len.next_multiple_of(16)).expect("a command is short");
        self.cipher.encrypt_cbc(&[0; 16], data).expect("whole blocks");
        self.cipher.decrypt_cbc(&[0; 16], data).expect("whole blocks");
        self.mac(len);
    }

    /// One side of an exchange: `sent` bytes encrypted and MACed, a MAC over `received` bytes checked and they decrypted.
    #[cfg(feature = "line")]
    pub(crate) fn one_side(&mut self, sent: usize, received: usize) {
        let data = self.buffer.get_mut(..sent.next_multiple_of(16)).expect("a command is short");
        self.cipher.encrypt_cbc(&[0; 16], data).expect("whole blocks");
        black_box(self.mac.mac(&[data]));
        let data = self.buffer.get_mut(..received.next_multiple_of(16)).expect("an answer is short");
        black_box(self.mac.mac(&[data]));
        self.cipher.decrypt_cbc(&[0; 16], data).expect("whole blocks");
    }

    /// A MAC over `len` bytes made and checked.
    pub(crate) fn mac(&mut self, len: usize) {
        let data = self.buffer.get(..len).expect("a command is short");
        black_box(self.mac.mac(&[data]));
        black_box(self.mac.mac(&[data]));
    }
}

/// The private operation of RSA-2048 by its primes, blinded and checked, and the public one.
pub(crate) fn rsa_2048() -> Box<dyn Fn()> {
    use getrandom::SysRng;
    use getrandom::rand_core::UnwrapErr;
    let key = rsa::RsaPrivateKey::new(&mut UnwrapErr(SysRng), 2048).expect("a key");
    let input = rsa::BoxedUint::from_be_slice(&[0x5A; 255], 2048).expect("below the modulus");
    Box::new(move || {
        let signature = rsa::hazmat::rsa_decrypt_and_check(&key, Some(&mut UnwrapErr(SysRng)), &input).expect("a signature");
        black_box(rsa::hazmat::rsa_encrypt(&key, &signature).expect("opened"));
    })
}
