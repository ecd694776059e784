//! Password Authenticated Connection Establishment (Doc 9303-11 §4.4): ECDH with generic mapping, both roles.
//!
//! ```text
//! MSE:Set AT  80 protocol, 83 password, [84 parameters]
//! 1  chip      -> 80 z = E(K_π, s)                       K_π = KDF(password, 3)
//! 2  terminal  -> 81 mapping data   chip -> 82           generator G' = s · G + H
//! 3  terminal  -> 83 PK_PCD         chip -> 84 PK_IC     K = x(SK · PK), KS_Enc, KS_MAC
//! 4  terminal  -> 85 T_PCD          chip -> 86 T_IC      T = MAC(KS_MAC, 7F49 {06 protocol, 86 other side's key})
//! ```
//!
//! The order of the steps is the order that the types of [`terminal`] and [`chip`] allow. Points off the curve, equal keys, and wrong
//! tokens are refused; a wrong token is how a wrong password shows.

use crate::crypto::agreement::ecdh;
use crate::crypto::cipher::CipherKey;
use crate::crypto::curve::{Curve, CurveError, Point, PrivateKey};
use crate::crypto::kdf::{Purpose, Suite, derive};
use crate::crypto::mac::MacKey;
use crate::lds::security_info::{Agreement, Mapping, PaceInfo, PaceProtocol};
use crate::protocol::dynamic_auth::DynamicAuthError;
use crate::secret::Secret;
use crate::sm::SecureMessaging;
use crate::tlv;

pub mod chip;
pub mod terminal;

pub use chip::Chip;
pub use terminal::Terminal;

/// What both sides know of the holder or the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// The 20-byte SHA-1 of the MRZ information ([`crate::protocol::bac::mrz_seed`]).
    Mrz(Secret),
    /// Card access number, its digits as characters.
    Can(Secret),
    /// PIN, its digits as characters.
    Pin(Secret),
    /// PUK, its digits as characters.
    Puk(Secret),
}

impl Password {
    /// Reference in MSE:Set AT object 83: 1 MRZ, 2 CAN, 3 PIN, 4 PUK.
    #[must_use]
    pub const fn reference(&self) -> u8 {
        match self {
            Self::Mrz(_) => 1,
            Self::Can(_) => 2,
            Self::Pin(_) => 3,
            Self::Puk(_) => 4,
        }
    }

    /// The name in the standard.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Mrz(_) => "MRZ",
            Self::Can(_) => "CAN",
            Self::Pin(_) => "PIN",
            Self::Puk(_) => "PUK",
        }
    }

    const fn secret(&self) -> &Secret {
        match self {
            Self::Mrz(secret) | Self::Can(secret) | Self::Pin(secret) | Self::Puk(secret) => secret,
        }
    }

    /// K_π, expanded.
    fn key(&self, suite: Suite) -> CipherKey {
        let key = derive(suite, self.secret().expose(), &[], Purpose::Password);
        CipherKey::new(suite, key.expose()).expect("the KDF gives keys of the suite's length")
    }
}

/// Protocol and curve on which both sides have agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    suite: Suite,
    curve: Curve,
}

impl Parameters {
    /// ECDH with generic mapping on a named curve.
    #[must_use]
    pub const fn new(suite: Suite, curve: Curve) -> Self {
        Self { suite, curve }
    }

    /// The parameters of an entry of EF.CardAccess.
    ///
    /// # Errors
    /// [`PaceError::Unsupported`] for another version, mapping or group than generic mapping over a named curve.
    pub fn from_info(info: &PaceInfo) -> Result<Self, PaceError> {
        if info.version != 2 {
            return Err(PaceError::Unsupported { what: "version", found: info.version.into() });
        }
        Self::from_ids(info.protocol, info.parameter_id)
    }

    /// The parameters of a protocol and a standardized domain parameter id.
    ///
    /// # Errors
    /// [`PaceError::Unsupported`], as for [`Self::from_info`].
    pub fn from_ids(protocol: PaceProtocol, parameter_id: Option<u8>) -> Result<Self, PaceError> {
        if (protocol.mapping(), protocol.agreement()) != (Mapping::Generic, Agreement::Ecdh) {
            return Err(PaceError::Protocol(protocol.oid()));
        }
        let id = parameter_id.ok_or(PaceError::Unsupported { what: "absent domain parameter id", found: 0 })?;
        let curve = Curve::from_parameter_id(id).ok_or(PaceError::Unsupported { what: "domain parameter id", found: id.into() })?;
        Ok(Self::new(protocol.suite(), curve))
    }

    /// Mapping, agreement and cipher.
    #[must_use]
    pub const fn protocol(&self) -> PaceProtocol {
        PaceProtocol::ecdh_gm(self.suite)
    }

    /// Cipher and MAC.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The curve.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        self.curve
    }

    /// Bytes of the nonce that we draw: whole blocks, at least as long as a key.
    const fn nonce_len(&self) -> usize {
        match self.suite {
            Suite::TripleDes | Suite::Aes128 => 16,
            Suite::Aes192 | Suite::Aes256 => 32,
        }
    }
}

/// Why PACE failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaceError {
    /// A number in EF.CardAccess or MSE:Set AT that is not supported here.
    #[error("PACE: {what} {found} is not supported")]
    Unsupported {
        /// Which field.
        what: &'static str,
        /// Its value.
        found: u32,
    },
    /// Another mapping or group.
    #[error("PACE: protocol {} is not supported, expected ECDH with generic mapping", crate::oid::describe(.0))]
    Protocol(&'static str),
    /// MSE:Set AT is not what the clause asks for.
    #[error("PACE: MSE:Set AT: {0}")]
    Select(String),
    /// The data field is not that of the step.
    #[error("PACE step {step}: {source}")]
    Data {
        /// 1 to 4.
        step: u8,
        /// What is wrong.
        source: DynamicAuthError,
    },
    /// The encrypted nonce is not of 16 to 64 bytes in whole blocks.
    #[error("PACE: encrypted nonce of {found} bytes, expected 16 to 64 in whole blocks of {block}")]
    Nonce {
        /// Block length.
        block: usize,
        /// Bytes found.
        found: usize,
    },
    /// Not a point of the curve, or a result at infinity.
    #[error("PACE: {0}")]
    Curve(#[from] CurveError),
    /// The other side sent our own key back.
    #[error("PACE: the {0} keys of both sides are equal")]
    SameKey(&'static str),
    /// The authentication token is wrong: the other side has another password.
    #[error("PACE: the authentication token is wrong, the other side has another password")]
    Token,
}

/// What both sides hold once the keys are agreed on.
struct Agreed {
    channel: SecureMessaging,
    mac: MacKey,
    suite: Suite,
}

impl Agreed {
    fn new(suite: Suite, own: &PrivateKey, own_public: &Point, peer: &Point) -> Result<Self, PaceError> {
        if own_public == peer {
            return Err(PaceError::SameKey("ephemeral"));
        }
        let shared = ecdh(own, peer)?;
        let mac = derive(suite, shared.expose(), &[], Purpose::Mac);
        let mac = MacKey::new(suite, mac.expose()).expect("the KDF gives keys of the suite's length");
        Ok(Self { channel: SecureMessaging::from_shared(suite, &shared, &[]), mac, suite })
    }

    /// T over the public key that the receiver of the token sent.
    fn token(&self, receiver: &Point) -> [u8; 8] {
        self.mac.mac(&[&token_input(self.suite, receiver)])
    }

    fn check(&self, own: &Point, token: &[u8]) -> Result<(), PaceError> {
        if self.mac.verify(&[&token_input(self.suite, own)], token) { Ok(()) } else { Err(PaceError::Token) }
    }
}

/// 7F49 { 06 protocol, 86 public key } (Doc 9303-11 §4.4.3.4).
fn token_input(suite: Suite, public: &Point) -> Vec<u8> {
    let mut inner = tlv::encode(0x06, &PaceProtocol::ecdh_gm(suite).octets());
    tlv::push(&mut inner, 0x86, public.as_bytes());
    tlv::encode(0x7F49, &inner)
}

const fn data(step: u8) -> impl FnOnce(DynamicAuthError) -> PaceError {
    move |source| PaceError::Data { step, source }
}

#[cfg(test)]
mod tests;
