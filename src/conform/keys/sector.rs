//! Sector keys of restricted identification: a terminal's certificate has their hashes, the terminal sends the keys themselves.

use eid::cert::cvc::TerminalSector;
use eid::crypto::curve::Curve;
use eid::crypto::signature::{Algorithm, PublicKey};
use eid::protocol::restricted_id::SectorKey;
use eid::{oid, tlv};
use rand_core::CryptoRng;

use super::{TestKeys, TestKeysError};

/// Names of sector keys begin so.
pub(super) const PREFIX: &str = "SECTOR_KEY_";

impl TestKeys {
    /// The curve of sector keys: that of the CVCA for authentication terminals, which the chip knows too.
    pub(super) fn sector_curve(&self) -> Curve {
        match self.authentication.as_ref().map(|root| &root.verifying.key) {
            Some(PublicKey::Ec(point)) => point.curve(),
            _ => Curve::BrainpoolP256r1,
        }
    }

    /// A sector's public key, 7F49 with its header; one that is not there is made.
    pub(in crate::conform) fn sector_key(&mut self, name: &str, rng: &mut dyn CryptoRng) -> Result<Vec<u8>, TestKeysError> {
        match self.key(name, rng)?.public() {
            PublicKey::Ec(point) => Ok(SectorKey::new(&point).object()),
            PublicKey::Rsa(_) => Err(TestKeysError::OtherAlgorithm(name.to_owned())),
        }
    }
}

/// The content of the extension with the hashes of these keys, in a certificate that is signed with `algorithm`.
pub(super) fn extension(keys: &[Vec<u8>], algorithm: Algorithm) -> Vec<u8> {
    let first = keys.first().map(Vec::as_slice).unwrap_or_default();
    let extension = TerminalSector::extension(algorithm.hash(), first, keys.get(1).map(Vec::as_slice));
    [tlv::encode(0x06u32, &oid::encode(oid::CVC_SECTOR)), extension.content].concat()
}
