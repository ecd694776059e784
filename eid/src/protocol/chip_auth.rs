//! Chip Authentication (Doc 9303-11 §6.2, BSI TR-03110-2 §3.4), both roles: the chip shows that it holds the private key of DG14 or of
//! EF.CardSecurity.
//!
//! ```text
//! version 1  MSE:Set KAT  00 22 41 A6  91 ephemeral key, [84 key id]                                     3DES
//!            MSE:Set AT   00 22 41 A4  80 protocol, [84 key id]
//!            GENERAL AUTHENTICATE      7C { 80 ephemeral key } -> 7C {}                                  AES, or 3DES
//! version 2  MSE:Set AT   00 22 41 A4  80 protocol, [84 key id]                       after Terminal Authentication
//!            GENERAL AUTHENTICATE      7C { 80 ephemeral key } -> 7C { 81 nonce, 82 token }
//! K = x(ephemeral · static), or ephemeral^static mod p; keys from K, in version 2 from K ‖ nonce
//! token = MAC(KS_MAC, 7F49 { 06 protocol, 86 | 84 ephemeral key of the terminal })
//! ```
//!
//! New keys and a counter of zero begin after the answer to the last command, which still goes through the old ones; a refused command
//! leaves these as they are. In version 1 nothing is proven before the first answer under the new keys verifies, in version 2 by the token;
//! that the key is the issuer's is passive authentication's part. Which key and protocol to take is [`choice`].

use rand_core::CryptoRng;

use super::dynamic_auth::{DynamicAuthError, command, encode, parse};
use crate::apdu::Command;
use crate::crypto::agreement::{self, AgreementError, AgreementKey, AgreementPrivateKey};
use crate::crypto::kdf::{Purpose, Suite, derive};
use crate::crypto::mac::MacKey;
use crate::lds::security_info::{Agreement, ChipAuthProtocol, KeyId};
use crate::secret::Secret;
use crate::sm::SecureMessaging;
use crate::tlv::{self, Reader, Tag, TlvError};

pub mod choice;

/// Length of the chip's nonce in version 2.
pub const NONCE_LEN: usize = 8;

/// Why Chip Authentication failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChipAuthError {
    /// The command is not what the clause asks for; the chip answers 6A80.
    #[error("Chip Authentication: {0}")]
    Select(String),
    /// The data field is no dynamic authentication data; the chip answers 6A80.
    #[error("Chip Authentication: {0}")]
    Data(#[from] DynamicAuthError),
    /// Not a key of the domain, or no secret comes of it; the chip answers 6A80 and the old channel stays.
    #[error("Chip Authentication: {0}")]
    Agreement(#[from] AgreementError),
    /// The chip's nonce has another length.
    #[error("Chip Authentication: nonce of {found} bytes, expected 8")]
    Nonce {
        /// Bytes found.
        found: usize,
    },
    /// The chip's token is wrong: it does not hold the private key.
    #[error("Chip Authentication: the token is wrong, the chip does not hold the private key")]
    Token,
}

impl From<TlvError> for ChipAuthError {
    fn from(error: TlvError) -> Self {
        Self::Select(error.to_string())
    }
}

/// Which of the two procedures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Before Terminal Authentication: Doc 9303.
    One,
    /// After Terminal Authentication, with a nonce and a token: TR-03110.
    Two,
}

/// How the terminal's key is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// MSE:Set KAT, one command: version 1 with 3DES only.
    KeyAgreementTemplate,
    /// MSE:Set AT, then GENERAL AUTHENTICATE.
    AuthenticationTemplate,
}

impl Form {
    /// The form that every chip with `suite` knows.
    #[must_use]
    pub const fn usual(version: Version, suite: Suite) -> Self {
        match (version, suite) {
            (Version::One, Suite::TripleDes) => Self::KeyAgreementTemplate,
            _ => Self::AuthenticationTemplate,
        }
    }
}

/// The terminal with its ephemeral key, and what the chip will have agreed on if it holds the private key.
#[derive(Debug)]
pub struct Terminal {
    version: Version,
    protocol: ChipAuthProtocol,
    key_id: Option<KeyId>,
    public: AgreementKey,
    shared: Secret,
}

impl Terminal {
    /// Draws the ephemeral key in the domain of the chip's key and agrees. `key_id` is named to the chip where it has several keys.
    ///
    /// # Errors
    /// [`ChipAuthError::Agreement`].
    pub fn start(
        version: Version,
        protocol: ChipAuthProtocol,
        key_id: Option<KeyId>,
        chip_key: &AgreementKey,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ChipAuthError> {
        let ephemeral = AgreementPrivateKey::generate(&chip_key.domain(), rng);
        Self::with_key(version, protocol, key_id, chip_key, &ephemeral)
    }

    /// The same with an ephemeral key that is there already: in version 2 the one that Terminal Authentication was bound to.
    ///
    /// # Errors
    /// [`ChipAuthError::Agreement`].
    pub fn with_key(
        version: Version,
        protocol: ChipAuthProtocol,
        key_id: Option<KeyId>,
        chip_key: &AgreementKey,
        ephemeral: &AgreementPrivateKey,
    ) -> Result<Self, ChipAuthError> {
        let shared = agreement::agree(ephemeral, chip_key)?;
        Ok(Self { version, protocol, key_id, public: ephemeral.public(), shared })
    }

    /// The ephemeral public key, to which Terminal Authentication version 1 binds.
    #[must_use]
    pub const fn public(&self) -> &AgreementKey {
        &self.public
    }

    /// The commands, one after the other in the channel that is open; each must be answered with 9000.
    #[must_use]
    pub fn commands(&self, form: Form) -> Vec<Command> {
        let mut objects = match form {
            Form::KeyAgreementTemplate => tlv::encode(0x91, self.public.as_bytes()),
            Form::AuthenticationTemplate => tlv::encode(0x80, &self.protocol.octets()),
        };
        if let Some(id) = &self.key_id {
            tlv::push(&mut objects, 0x84, id.as_reference());
        }
        let set = |p2| Command::new(0x00, 0x22, 0x41, p2).with_data(objects);
        match form {
            Form::KeyAgreementTemplate => vec![set(0xA6)],
            Form::AuthenticationTemplate => vec![set(0xA4), command(true, &[(0x80, self.public.as_bytes())])],
        }
    }

    /// The channel that version 1 agrees on, for who repeats a run from its record.
    ///
    /// # Errors
    /// [`ChipAuthError::Select`] for version 2, whose channel needs the chip's nonce.
    pub fn into_channel(self) -> Result<SecureMessaging, ChipAuthError> {
        match self.version {
            Version::One => Ok(SecureMessaging::from_shared(self.protocol.suite, &self.shared, &[])),
            Version::Two => Err(ChipAuthError::Select("version 2 needs the chip's nonce".into())),
        }
    }

    /// Takes the data field of the answer to the last command; gives the new channel, which begins with the next command.
    ///
    /// # Errors
    /// [`ChipAuthError::Data`] for a data field that the clause does not have; in version 2 [`ChipAuthError::Nonce`],
    /// [`ChipAuthError::Token`].
    pub fn finish(self, form: Form, answer: &[u8]) -> Result<SecureMessaging, ChipAuthError> {
        let suite = self.protocol.suite;
        match (self.version, form) {
            (Version::One, Form::KeyAgreementTemplate) if answer.is_empty() => {}
            (_, Form::KeyAgreementTemplate) => {
                return Err(ChipAuthError::Select(format!("answer to MSE:Set KAT: expected no data, found {} bytes", answer.len())));
            }
            (Version::One, Form::AuthenticationTemplate) => {
                parse::<0, 0>(answer, [], [])?;
            }
            (Version::Two, Form::AuthenticationTemplate) => {
                let ([nonce, token], []) = parse(answer, [0x81, 0x82], [])?;
                if nonce.len() != NONCE_LEN {
                    return Err(ChipAuthError::Nonce { found: nonce.len() });
                }
                let mac = mac_key(suite, &self.shared, nonce);
                // a DH value that begins with zeros may be in it without them
                let right = |key: &[u8]| mac.verify(&[&token_input(self.protocol, key)], token);
                if !(right(self.public.as_bytes()) || self.public.as_short_integer().is_some_and(right)) {
                    return Err(ChipAuthError::Token);
                }
                return Ok(SecureMessaging::from_shared(suite, &self.shared, nonce));
            }
        }
        Ok(SecureMessaging::from_shared(suite, &self.shared, &[]))
    }
}

fn mac_key(suite: Suite, shared: &Secret, nonce: &[u8]) -> MacKey {
    let key = derive(suite, shared.expose(), nonce, Purpose::Mac);
    MacKey::new(suite, key.expose()).expect("the KDF gives keys of the suite's length")
}

/// 7F49 { 06 protocol, 86 point | 84 value } (TR-03110-3 A.2.2.1, D.3.2, D.3.3).
fn token_input(protocol: ChipAuthProtocol, public: &[u8]) -> Vec<u8> {
    let mut inner = tlv::encode(0x06, &protocol.octets());
    let tag = match protocol.agreement {
        Agreement::Ecdh => 0x86_u32,
        Agreement::Dh => 0x84,
    };
    tlv::push(&mut inner, tag, public);
    tlv::encode(0x7F49, &inner)
}

/// What a chip reads from MSE:Set KAT: the terminal's ephemeral key, and which of its own it shall use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAgreementTemplate {
    /// Object 91, not yet checked.
    pub ephemeral: Vec<u8>,
    /// Object 84.
    pub key_id: Option<KeyId>,
}

impl KeyAgreementTemplate {
    /// Reads the data field of 00 22 41 A6.
    ///
    /// # Errors
    /// [`ChipAuthError::Select`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ChipAuthError> {
        let mut reader = Reader::new(bytes);
        let ephemeral = reader.expect(0x91)?.value.to_vec();
        let key_id = read_key_reference(&mut reader)?;
        reader.finish()?;
        Ok(Self { ephemeral, key_id })
    }
}

/// What a chip reads from MSE:Set AT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Object 80.
    pub protocol: ChipAuthProtocol,
    /// Object 84.
    pub key_id: Option<KeyId>,
}

impl Selection {
    /// Reads the data field of 00 22 41 A4.
    ///
    /// # Errors
    /// [`ChipAuthError::Select`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ChipAuthError> {
        let mut reader = Reader::new(bytes);
        let protocol = ChipAuthProtocol::from_octets(reader.expect(0x80)?.value)
            .ok_or_else(|| ChipAuthError::Select("object 80 is no Chip Authentication protocol".into()))?;
        let key_id = read_key_reference(&mut reader)?;
        reader.finish()?;
        Ok(Self { protocol, key_id })
    }
}

fn read_key_reference(reader: &mut Reader<'_>) -> Result<Option<KeyId>, ChipAuthError> {
    let Some(object) = reader.optional(0x84)? else { return Ok(None) };
    let wrong = || ChipAuthError::Select(format!("object {}: expected 1 to 20 bytes, found {}", Tag(0x84), object.value.len()));
    KeyId::from_reference(object.value).map(Some).ok_or_else(wrong)
}

/// Chip: the terminal's ephemeral key in the data field of GENERAL AUTHENTICATE, not yet checked.
///
/// # Errors
/// [`ChipAuthError::Data`].
pub fn general_authenticate(data: &[u8]) -> Result<&[u8], ChipAuthError> {
    let ([ephemeral], []) = parse(data, [0x80], [])?;
    Ok(ephemeral)
}

/// What the chip has after the agreement.
#[derive(Debug)]
pub struct Agreed {
    /// The channel; it begins after the answer, which still goes through the old one.
    pub channel: SecureMessaging,
    /// Data field of the answer to GENERAL AUTHENTICATE; MSE:Set KAT is answered without data.
    pub answer: Vec<u8>,
    /// The terminal's ephemeral key, to which Terminal Authentication binds.
    pub terminal_key: AgreementKey,
}

/// Chip: agrees with the terminal's ephemeral key. `rng` gives the nonce of version 2.
///
/// # Errors
/// [`ChipAuthError::Agreement`]; the old channel stays.
pub fn agree(
    version: Version,
    protocol: ChipAuthProtocol,
    key: &AgreementPrivateKey,
    ephemeral: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Agreed, ChipAuthError> {
    match version {
        Version::One => agree_with(protocol, key, ephemeral, None),
        Version::Two => {
            let mut nonce = [0; NONCE_LEN];
            rng.fill_bytes(&mut nonce);
            agree_with(protocol, key, ephemeral, Some(nonce))
        }
    }
}

fn agree_with(
    protocol: ChipAuthProtocol,
    key: &AgreementPrivateKey,
    ephemeral: &[u8],
    nonce: Option<[u8; NONCE_LEN]>,
) -> Result<Agreed, ChipAuthError> {
    let terminal_key = AgreementKey::from_sent(&key.domain(), ephemeral)?;
    let shared = agreement::agree(key, &terminal_key)?;
    let answer = nonce.map_or_else(
        || encode(&[]),
        |nonce| {
            let token = mac_key(protocol.suite, &shared, &nonce).mac(&[&token_input(protocol, ephemeral)]);
            encode(&[(0x81, &nonce), (0x82, &token)])
        },
    );
    let channel = SecureMessaging::from_shared(protocol.suite, &shared, nonce.as_ref().map_or(&[], |nonce| nonce));
    Ok(Agreed { channel, answer, terminal_key })
}

#[cfg(test)]
mod tests;
