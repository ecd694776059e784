//! The ephemeral generator of PACE (Doc 9303-11 §4.4.3.3): the element that both sides make of the nonce, and keys on it.

use rand_core::CryptoRng;

use super::{AgreementError, AgreementKey, AgreementPrivateKey, Domain, multiple};
use crate::crypto::curve::{CurveError, Point, group, swu};
use crate::crypto::modp;
use crate::secret::Secret;

/// The ephemeral generator that PACE maps the nonce to. Keys on it are numbers below the order, whose public key is that multiple of the
/// generator, or that power.
#[derive(Clone, Debug)]
pub struct MappedGenerator {
    element: AgreementKey,
}

impl MappedGenerator {
    /// Generic mapping: nonce · G + H or g^nonce · h, where H or h is the shared element of the two mapping keys. The nonce is an integer,
    /// big-endian, of any length.
    ///
    /// # Errors
    /// Keys of two domains, or a result is the neutral element.
    pub fn generic(nonce: &Secret, own: &AgreementPrivateKey, peer: &AgreementKey) -> Result<Self, AgreementError> {
        let element = match (own, peer) {
            (AgreementPrivateKey::Ec(own), AgreementKey::Ec(peer)) if own.curve() == peer.curve() => {
                let curve = own.curve();
                let mapped = group::with_curve!(curve, C => group::map::<C>(nonce.expose(), own.scalar().expose(), peer.as_bytes()));
                AgreementKey::Ec(Point::trusted(curve, mapped.ok_or(CurveError::NotOnCurve(curve))?))
            }
            (AgreementPrivateKey::Dh(own), AgreementKey::Dh(peer)) => AgreementKey::Dh(peer.power(own)?.shifted(nonce)?),
            (own, peer) => return Err(mixed(own, peer)),
        };
        Ok(Self { element })
    }

    /// Integrated mapping: the element that a pseudo-random number (big-endian, of any length, taken modulo p) stands for.
    ///
    /// # Errors
    /// The domain has no such mapping (P-224, a group without q), or the number gives no generator.
    pub fn integrated(domain: &Domain, number: &Secret) -> Result<Self, AgreementError> {
        let element = match domain {
            Domain::Ec(curve) => AgreementKey::Ec(swu::encode(*curve, number)?),
            Domain::Dh(group) => AgreementKey::Dh(modp::PublicKey::from_number(group, number)?),
        };
        Ok(Self { element })
    }

    /// The generator.
    #[must_use]
    pub const fn element(&self) -> &AgreementKey {
        &self.element
    }

    /// A new ephemeral private key.
    #[must_use]
    pub fn generate(&self, rng: &mut dyn CryptoRng) -> AgreementPrivateKey {
        AgreementPrivateKey::generate(&self.element.domain(), rng)
    }

    /// The public key of `private` on this generator.
    ///
    /// # Errors
    /// The key is of another domain.
    pub fn public(&self, private: &AgreementPrivateKey) -> Result<AgreementKey, AgreementError> {
        match (private, &self.element) {
            (AgreementPrivateKey::Ec(private), AgreementKey::Ec(point)) => Ok(AgreementKey::Ec(multiple(private, point)?)),
            (AgreementPrivateKey::Dh(private), AgreementKey::Dh(element)) => Ok(AgreementKey::Dh(element.power(private)?)),
            (private, element) => Err(mixed(private, element)),
        }
    }
}

fn mixed(own: &AgreementPrivateKey, peer: &AgreementKey) -> AgreementError {
    AgreementError::Mixed { own: own.domain().name(), peer: peer.domain().name() }
}
