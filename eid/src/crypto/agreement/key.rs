//! Domain parameters and keys of either kind of agreement, ECDH and DH, so that a protocol says once what it does with both.

use rand_core::CryptoRng;

use super::ecdh;
use crate::crypto::curve::{self, Curve, CurveError, Point};
use crate::crypto::hash::Hash;
use crate::crypto::modp::{self, ModpError};
use crate::secret::Secret;

/// Domain parameters: a named curve or a multiplicative group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Domain {
    /// ECDH.
    Ec(Curve),
    /// DH.
    Dh(modp::Group),
}

/// Why keys do not agree, or bytes are no key of a domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    /// On a curve.
    #[error(transparent)]
    Curve(#[from] CurveError),
    /// In a prime field.
    #[error(transparent)]
    Modp(#[from] ModpError),
    /// Keys of two domains.
    #[error("key of {own} and public key of {peer} do not belong together")]
    Mixed {
        /// Domain of the private key.
        own: String,
        /// Domain of the public key.
        peer: String,
    },
}

impl Domain {
    /// The domain of a standardized parameter id (Doc 9303-11 §9.5.1): 0 to 2 DH, 8 to 18 ECDH.
    #[must_use]
    pub fn standardized(id: u8) -> Option<Self> {
        Curve::from_parameter_id(id).map(Self::Ec).or_else(|| modp::Group::standardized(id).map(Self::Dh))
    }

    /// All standardized domains, by parameter id.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=18).filter_map(Self::standardized)
    }

    /// The standardized parameter id; `None` for an explicit group.
    #[must_use]
    pub fn parameter_id(&self) -> Option<u8> {
        match self {
            Self::Ec(curve) => Some(curve.parameter_id()),
            Self::Dh(group) => group.parameter_id(),
        }
    }

    /// `brainpoolP256r1`, `MODP 2048/256`: for reports.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Ec(curve) => curve.name().to_owned(),
            Self::Dh(group) => group.name(),
        }
    }

    /// Bits of security, about (NIST SP 800-57 part 1 table 2): half of the order's bits, for DH not more than the prime gives.
    #[must_use]
    pub fn security_bits(&self) -> u16 {
        match self {
            Self::Ec(curve) => u16::try_from(4 * curve.field_len()).unwrap_or(u16::MAX),
            Self::Dh(group) if group.bits() < 2048 => 80,
            Self::Dh(group) if group.bits() < 3072 => 112,
            Self::Dh(_) => 128,
        }
    }

    /// Length of a public key in bytes: a point uncompressed, or a value as long as p.
    #[must_use]
    pub fn public_len(&self) -> usize {
        match self {
            Self::Ec(curve) => curve.point_len(),
            Self::Dh(group) => group.element_len(),
        }
    }
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

/// A public key for agreement, checked to be in its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgreementKey {
    /// A point, 04 ‖ x ‖ y.
    Ec(Point),
    /// A value as long as p.
    Dh(modp::PublicKey),
}

impl AgreementKey {
    /// Reads a key in the plain form of Doc 9303-11 §9.4: 04 ‖ x ‖ y, or the value as long as p.
    ///
    /// # Errors
    /// [`AgreementError::Curve`], [`AgreementError::Modp`].
    pub fn from_bytes(domain: &Domain, bytes: &[u8]) -> Result<Self, AgreementError> {
        Ok(match domain {
            Domain::Ec(curve) => Self::Ec(Point::from_bytes(*curve, bytes)?),
            Domain::Dh(group) => Self::Dh(modp::PublicKey::from_bytes(group, bytes)?),
        })
    }

    /// Reads a key as another side sends it: as [`Self::from_bytes`], but a DH value may lack its leading zeros, since Doc 9303-11 §9.4 calls
    /// it an unsigned integer.
    ///
    /// # Errors
    /// As [`Self::from_bytes`].
    pub fn from_sent(domain: &Domain, bytes: &[u8]) -> Result<Self, AgreementError> {
        match domain {
            Domain::Dh(group) if !bytes.is_empty() && bytes.len() < group.element_len() => {
                Ok(Self::Dh(modp::PublicKey::from_integer(group, bytes)?))
            }
            _ => Self::from_bytes(domain, bytes),
        }
    }

    /// The key as an unsigned integer without leading zeros, if that is another form than [`Self::as_bytes`].
    #[must_use]
    pub fn as_short_integer(&self) -> Option<&[u8]> {
        let Self::Dh(key) = self else { return None };
        let zeros = key.as_bytes().iter().take_while(|octet| **octet == 0).count();
        key.as_bytes().get(zeros..).filter(|_| zeros > 0)
    }

    /// The plain form, of the domain's length.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ec(point) => point.as_bytes(),
            Self::Dh(key) => key.as_bytes(),
        }
    }

    /// Comp(PK) of TR-03110-3 A.2.2.3: the x-coordinate of fixed length, or the SHA-1 of the value.
    #[must_use]
    pub fn compressed(&self) -> Vec<u8> {
        match self {
            Self::Ec(point) => point.x().to_vec(),
            Self::Dh(key) => Hash::Sha1.digest(&[key.as_bytes()]),
        }
    }

    /// Curve or group.
    #[must_use]
    pub fn domain(&self) -> Domain {
        match self {
            Self::Ec(point) => Domain::Ec(point.curve()),
            Self::Dh(key) => Domain::Dh(key.group().clone()),
        }
    }
}

impl From<Point> for AgreementKey {
    fn from(point: Point) -> Self {
        Self::Ec(point)
    }
}

/// A private key for agreement; prints as its domain only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgreementPrivateKey {
    /// A scalar.
    Ec(curve::PrivateKey),
    /// An exponent.
    Dh(modp::PrivateKey),
}

impl AgreementPrivateKey {
    /// Reads a big-endian number; leading zeros may be missing.
    ///
    /// # Errors
    /// [`AgreementError::Curve`], [`AgreementError::Modp`]: zero, or not below the order.
    pub fn from_bytes(domain: &Domain, number: &[u8]) -> Result<Self, AgreementError> {
        Ok(match domain {
            Domain::Ec(curve) => Self::Ec(curve::PrivateKey::from_bytes(*curve, number)?),
            Domain::Dh(group) => Self::Dh(modp::PrivateKey::from_bytes(group, number)?),
        })
    }

    /// A new key.
    #[must_use]
    pub fn generate(domain: &Domain, rng: &mut dyn CryptoRng) -> Self {
        match domain {
            Domain::Ec(curve) => Self::Ec(curve::PrivateKey::generate(*curve, rng)),
            Domain::Dh(group) => Self::Dh(modp::PrivateKey::generate(group, rng)),
        }
    }

    /// The public key on the standard generator, computed once.
    #[must_use]
    pub fn public(&self) -> AgreementKey {
        match self {
            Self::Ec(key) => AgreementKey::Ec(key.public()),
            Self::Dh(key) => AgreementKey::Dh(key.public()),
        }
    }

    /// The number, as long as the order, big-endian.
    #[must_use]
    pub const fn number(&self) -> &Secret {
        match self {
            Self::Ec(key) => key.scalar(),
            Self::Dh(key) => key.exponent(),
        }
    }

    /// Curve or group.
    #[must_use]
    pub fn domain(&self) -> Domain {
        match self {
            Self::Ec(key) => Domain::Ec(key.curve()),
            Self::Dh(key) => Domain::Dh(key.group().clone()),
        }
    }
}

impl From<curve::PrivateKey> for AgreementPrivateKey {
    fn from(key: curve::PrivateKey) -> Self {
        Self::Ec(key)
    }
}

/// The shared secret K: the x-coordinate or the value, as long as a field element, leading zeros kept (Doc 9303-11 §9.6).
///
/// # Errors
/// [`AgreementError::Mixed`], or the shared element is the neutral one.
pub fn agree(own: &AgreementPrivateKey, peer: &AgreementKey) -> Result<Secret, AgreementError> {
    match (own, peer) {
        (AgreementPrivateKey::Ec(own), AgreementKey::Ec(peer)) => Ok(ecdh(own, peer)?),
        (AgreementPrivateKey::Dh(own), AgreementKey::Dh(peer)) => Ok(modp::shared(own, peer)?),
        _ => Err(AgreementError::Mixed { own: own.domain().name(), peer: peer.domain().name() }),
    }
}
