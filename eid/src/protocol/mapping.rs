//! How PACE maps the nonce to an ephemeral generator (Doc 9303-11 §4.4.3.3), both roles alike.
//!
//! Generic mapping over an elliptic curve: both sides send a public key, agree on a point H, and take s · G + H. It refuses points that
//! are not on the curve and the own point sent back.

use rand_core::CryptoRng;

use super::pace::PaceError;
use crate::crypto::agreement::MappedGenerator;
use crate::crypto::curve::{Curve, Point, PrivateKey};
use crate::secret::Secret;

/// One side of the generic mapping, its key drawn and sent.
#[derive(Debug)]
pub struct GenericMapping {
    key: PrivateKey,
    public: Point,
}

impl GenericMapping {
    /// Draws the mapping key.
    #[must_use]
    pub fn start(curve: Curve, rng: &mut dyn CryptoRng) -> Self {
        Self::with_key(PrivateKey::generate(curve, rng))
    }

    pub(super) fn with_key(key: PrivateKey) -> Self {
        let public = key.public();
        Self { key, public }
    }

    /// Mapping data to send: the uncompressed point of the mapping key.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.public.as_bytes()
    }

    /// The ephemeral generator from the nonce and the other side's mapping data.
    ///
    /// # Errors
    /// [`PaceError::Curve`] for what is no point of the curve, [`PaceError::SameKey`] for our own.
    pub fn finish(self, nonce: &Secret, data: &[u8]) -> Result<MappedGenerator, PaceError> {
        let peer = Point::from_bytes(self.key.curve(), data)?;
        if peer == self.public {
            return Err(PaceError::SameKey("mapping"));
        }
        Ok(MappedGenerator::generic(nonce, &self.key, &peer)?)
    }
}
