//! Password Authenticated Connection Establishment (Doc 9303-11 §4.4): generic, integrated, and chip authentication mapping, over ECDH and
//! DH, both roles.
//!
//! ```text
//! MSE:Set AT  80 protocol, 83 password, [84 parameters]
//! 1  chip      -> 80 z = E(K_π, s)                       K_π = KDF(password, 3)
//! 2  terminal  -> 81 mapping data   chip -> 82           generator: GM and CAM s · G + H, IM f(R(s, t)); 82 is empty in IM
//! 3  terminal  -> 83 PK_PCD         chip -> 84 PK_IC     K = x(SK · PK) or PK^SK, KS_Enc, KS_MAC
//! 4  terminal  -> 85 T_PCD          chip -> 86 T_IC      T = MAC(KS_MAC, 7F49 {06 protocol, 86 (DH 84) other side's key})
//!                                   CAM: 8A A_IC         E(KS_Enc, SK_Map,IC / SK_IC), see [`cam`]
//! ```
//!
//! The order of the steps is the order that the types of [`terminal`] and [`chip`] allow. Keys that are not in the group, equal keys, and
//! wrong tokens are refused; a wrong token is how a wrong password shows. Keys are sent at the fixed length of the group. A DH value that
//! came without its leading zeros is taken as it is meant, and tokens over it are formed as its sender would (one run of 256).

use crate::crypto::agreement::{AgreementError, AgreementKey, AgreementPrivateKey, Domain, agree};
use crate::crypto::cipher::CipherKey;
use crate::crypto::kdf::{Purpose, Suite, derive};
use crate::crypto::mac::MacKey;
use crate::lds::security_info::{Agreement, PaceProtocol};
use crate::protocol::dynamic_auth::DynamicAuthError;
use crate::secret::Secret;
use crate::sm::SecureMessaging;
use crate::tlv;

pub mod cam;
pub mod chip;
mod parameters;
pub mod terminal;

pub use chip::Chip;
pub use parameters::Parameters;
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
    /// A mapping and a group that do not go together.
    #[error("PACE: {} does not go with {domain}", crate::oid::describe(.protocol))]
    Protocol {
        /// The protocol.
        protocol: &'static str,
        /// Curve or group.
        domain: String,
    },
    /// Domain parameters that are written out and are none that we know.
    #[error("PACE: domain parameters: {0}")]
    Domain(String),
    /// A chip that shall do chip authentication mapping without a key for it, or with one of another curve.
    #[error("PACE: no key for chip authentication mapping on {0}")]
    NoChipKey(String),
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
    /// The encrypted nonce is not of whole blocks, or longer than 64 bytes. With 3DES libeac sends a single block of 8.
    #[error("PACE: encrypted nonce of {found} bytes, expected whole blocks of {block}, at most 64 bytes")]
    Nonce {
        /// Block length.
        block: usize,
        /// Bytes found.
        found: usize,
    },
    /// Nonce or mapping data of another length than the integrated mapping has.
    #[error("PACE: {what} of {found} bytes, expected {expected}")]
    Mapping {
        /// `nonce` or `mapping data`.
        what: &'static str,
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// A key that is not in the group, or a result that is the neutral element.
    #[error("PACE: {0}")]
    Agreement(#[from] AgreementError),
    /// The other side sent our own key back.
    #[error("PACE: the {0} keys of both sides are equal")]
    SameKey(&'static str),
    /// The authentication token is wrong: the other side has another password.
    #[error("PACE: the authentication token is wrong, the other side has another password")]
    Token,
}

/// A public key that the other side sent: a point uncompressed, or a value, whose leading zeros may be missing.
pub(super) fn read_key(domain: &Domain, bytes: &[u8]) -> Result<AgreementKey, PaceError> {
    Ok(AgreementKey::from_sent(domain, bytes)?)
}

/// What both sides hold once the keys are agreed on.
struct Agreed {
    channel: SecureMessaging,
    mac: MacKey,
    /// KS_Enc, for chip authentication mapping.
    cipher: Box<CipherKey>,
    protocol: PaceProtocol,
}

impl Agreed {
    fn new(protocol: PaceProtocol, own: &AgreementPrivateKey, own_public: &AgreementKey, peer: &AgreementKey) -> Result<Self, PaceError> {
        if own_public == peer {
            return Err(PaceError::SameKey("ephemeral"));
        }
        let suite = protocol.suite();
        let shared = agree(own, peer)?;
        let key = |purpose| derive(suite, shared.expose(), &[], purpose);
        let mac = MacKey::new(suite, key(Purpose::Mac).expose()).expect("the KDF gives keys of the suite's length");
        let cipher = CipherKey::new(suite, key(Purpose::Encryption).expose()).expect("the KDF gives keys of the suite's length");
        Ok(Self { channel: SecureMessaging::from_shared(suite, &shared, &[]), mac, cipher: Box::new(cipher), protocol })
    }

    /// T over the public key that the receiver of the token sent, in the bytes that it sent.
    fn token(&self, receiver: &[u8]) -> [u8; 8] {
        self.mac.mac(&[&token_input(self.protocol, receiver)])
    }

    /// As [`Self::token`], over the content of 7F49 alone.
    fn bare_token(&self, receiver: &[u8]) -> [u8; 8] {
        self.mac.mac(&[&token_objects(self.protocol, receiver)])
    }

    /// The token of the other side over our key. A DH value that begins with zeros may be in it without them.
    fn check(&self, own: &AgreementKey, token: &[u8]) -> Result<(), PaceError> {
        let right = |key: &[u8]| self.mac.verify(&[&token_input(self.protocol, key)], token);
        if right(own.as_bytes()) || own.as_short_integer().is_some_and(right) { Ok(()) } else { Err(PaceError::Token) }
    }
}

/// 7F49 { 06 protocol, 86 point or 84 value } (Doc 9303-11 §4.4.3.4 and §9.4).
fn token_input(protocol: PaceProtocol, public: &[u8]) -> Vec<u8> {
    tlv::encode(0x7F49, &token_objects(protocol, public))
}

fn token_objects(protocol: PaceProtocol, public: &[u8]) -> Vec<u8> {
    let tag = match protocol.agreement() {
        Agreement::Ecdh => 0x86,
        Agreement::Dh => 0x84,
    };
    let mut inner = tlv::encode(0x06, &protocol.octets());
    tlv::push(&mut inner, tag, public);
    inner
}

const fn data(step: u8) -> impl FnOnce(DynamicAuthError) -> PaceError {
    move |source| PaceError::Data { step, source }
}

#[cfg(test)]
mod tests;
