//! Sector keys of restricted identification (TR-03110-2 §3.5 in its words "sector public key"): a terminal's certificate has their hashes, the terminal
//! sends the keys themselves.
//!
//! ```text
//! 73 { 06 id-sector, 80 H(7F49 key) [, 81 H(7F49 second key)] }        in the certificate; H is the hash of the certificate's signature
//! A0 or A2 { 06 protocol, 81 p, 82 a, 83 b, 84 G, 85 n, 86 key, 87 h }   sent to the chip: the same object under another tag
//! ```

use eid::cert::cvc::{CvKey, VerifyingKey};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PublicKey};
use eid::{oid, tlv};
use rand_core::CryptoRng;

use super::{TestKeys, TestKeysError, make};

/// Names of sector keys begin so.
pub(super) const PREFIX: &str = "SECTOR_KEY_";
/// id-RI-ECDH-SHA-256.
pub(in crate::conform) const PROTOCOL: &str = "0.4.0.127.0.7.2.2.5.2.3";

impl TestKeys {
    /// The curve of sector keys: that of the CVCA for authentication terminals, which the chip knows too.
    pub(super) fn sector_curve(&self) -> Curve {
        match self.authentication.as_ref().map(|root| &root.verifying.key) {
            Some(PublicKey::Ec(point)) => point.curve(),
            _ => Curve::BrainpoolP256r1,
        }
    }

    /// The objects of a sector's public key; one that is not there is made.
    pub(in crate::conform) fn sector_key(&mut self, name: &str, rng: &mut dyn CryptoRng) -> Result<Vec<u8>, TestKeysError> {
        let key = VerifyingKey { algorithm: Algorithm::Ecdsa(Hash::Sha256), key: self.key(name, rng)?.public() };
        let mut members = make::members(&CvKey::new(&key, true)?.encode());
        members.iter_mut().filter(|(tag, _)| *tag == 0x06).for_each(|(_, value)| *value = oid::encode(PROTOCOL));
        Ok(make::written(&members))
    }
}

/// The content of the extension with the hashes of these keys, in a certificate that is signed with `algorithm`.
pub(super) fn extension(keys: &[Vec<u8>], algorithm: Algorithm) -> Vec<u8> {
    let hash = match algorithm {
        Algorithm::Ecdsa(hash) | Algorithm::RsaPkcs1(hash) | Algorithm::RsaPss { hash, .. } => hash,
    };
    let mut content = tlv::encode(0x06, &oid::encode(oid::CVC_SECTOR));
    for (tag, key) in [0x80_u32, 0x81].into_iter().zip(keys) {
        tlv::push(&mut content, tag, &hash.digest(&[&tlv::encode(0x7F49, key)]));
    }
    content
}
