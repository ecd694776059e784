//! How PACE maps the nonce to an ephemeral generator (Doc 9303-11 §4.4.3.3), both roles alike.
//!
//! ```text
//! GM, CAM  both send a public key, agree on H, and take s · G + H, or g^s · h
//! IM       the terminal sends a number t; both take the element that R(s, t) stands for
//! ```
//!
//! Refused: keys that are not in the group, the own key sent back, and numbers t of another length than a key of the cipher.

use rand_core::CryptoRng;

use super::pace::{PaceError, Parameters};
use crate::crypto::agreement::{AgreementKey, AgreementPrivateKey, Domain, MappedGenerator};
use crate::secret::Secret;

mod integrated;

pub use integrated::{integrated, pseudo_random};

/// One side of the generic mapping, its key drawn and sent.
#[derive(Debug)]
pub struct GenericMapping {
    key: AgreementPrivateKey,
    public: AgreementKey,
}

/// What the generic mapping leaves.
#[derive(Debug)]
pub struct Mapped {
    /// The ephemeral generator.
    pub generator: MappedGenerator,
    /// Our mapping key, of which the chip makes its proof in chip authentication mapping.
    pub own: AgreementPrivateKey,
    /// The other side's mapping key.
    pub peer: AgreementKey,
}

impl GenericMapping {
    /// Draws the mapping key.
    #[must_use]
    pub fn start(domain: &Domain, rng: &mut dyn CryptoRng) -> Self {
        Self::with_key(AgreementPrivateKey::generate(domain, rng))
    }

    /// The same with a mapping key that is there already.
    #[must_use]
    pub fn with_key(key: AgreementPrivateKey) -> Self {
        let public = key.public();
        Self { key, public }
    }

    /// Mapping data to send: the mapping key's uncompressed point, or its value as long as p.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.public.as_bytes()
    }

    /// The ephemeral generator from the nonce and the other side's mapping data.
    ///
    /// # Errors
    /// [`PaceError::Agreement`] for what is no key of the group, [`PaceError::SameKey`] for our own.
    pub fn finish(self, nonce: &Secret, data: &[u8]) -> Result<Mapped, PaceError> {
        let peer = super::pace::read_key(&self.key.domain(), data)?;
        if peer == self.public {
            return Err(PaceError::SameKey("mapping"));
        }
        Ok(Mapped { generator: MappedGenerator::generic(nonce, &self.key, &peer)?, own: self.key, peer })
    }
}

/// The terminal's side of either mapping, its data drawn and sent.
#[derive(Debug)]
pub enum TerminalMapping {
    /// GM and CAM.
    Generic(GenericMapping),
    /// IM: the number t.
    Integrated(Vec<u8>),
}

impl TerminalMapping {
    /// Draws the mapping key, or the number t.
    #[must_use]
    pub fn start(parameters: &Parameters, rng: &mut dyn CryptoRng) -> Self {
        if parameters.is_integrated() {
            let mut t = vec![0; parameters.suite().key_len()];
            rng.fill_bytes(&mut t);
            Self::Integrated(t)
        } else {
            Self::Generic(GenericMapping::start(parameters.domain(), rng))
        }
    }

    /// Mapping data to send in object 81.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        match self {
            Self::Generic(mapping) => mapping.data(),
            Self::Integrated(t) => t,
        }
    }
}
