//! Chip Authentication version 1 over ECDH (Doc 9303-11 §6.2), both roles: the chip shows that it holds the private key of DG14.
//!
//! ```text
//! 3DES  MSE:Set KAT  00 22 41 A6  91 ephemeral key, [84 key id]
//! AES   MSE:Set AT   00 22 41 A4  80 protocol, [84 key id]
//!       GENERAL AUTHENTICATE      7C { 80 ephemeral key } -> 7C {}
//! K = x(ephemeral · static); new KS_Enc and KS_MAC, counter zero, after the answer to the last command
//! ```
//!
//! Nothing is proven before the first answer under the new keys verifies; that the key of DG14 is the issuer's is passive authentication's part.

use rand_core::CryptoRng;

use super::dynamic_auth::{DynamicAuthError, command, encode, parse};
use crate::apdu::Command;
use crate::crypto::agreement::ecdh;
use crate::crypto::curve::{CurveError, Point, PrivateKey};
use crate::crypto::kdf::Suite;
use crate::lds::security_info::{Agreement, ChipAuthProtocol};
use crate::secret::Secret;
use crate::sm::SecureMessaging;
use crate::tlv::{self, Reader, Tag, TlvError};

/// Why Chip Authentication failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChipAuthError {
    /// A group that is not an elliptic curve.
    #[error("Chip Authentication: protocol {} is not supported, expected ECDH", crate::oid::describe(.0))]
    Protocol(&'static str),
    /// The command is not what the clause asks for; the chip answers 6A80.
    #[error("Chip Authentication: {0}")]
    Select(String),
    /// The data field is no dynamic authentication data; the chip answers 6A80.
    #[error("Chip Authentication: {0}")]
    Data(#[from] DynamicAuthError),
    /// Not a point of the key's curve; the chip answers 6A80 and the old channel stays.
    #[error("Chip Authentication: {0}")]
    Curve(#[from] CurveError),
}

impl From<TlvError> for ChipAuthError {
    fn from(error: TlvError) -> Self {
        Self::Select(error.to_string())
    }
}

/// The terminal, its commands under way in the old channel.
#[derive(Debug)]
pub struct Terminal {
    last_is_general_authenticate: bool,
    channel: SecureMessaging,
    ephemeral: PrivateKey,
}

impl Terminal {
    /// Draws the ephemeral key on the curve of the chip's key and agrees. The commands go one after the other in the channel that is open;
    /// each must be answered with 9000. `key_id` is named where DG14 has several keys.
    ///
    /// # Errors
    /// [`ChipAuthError::Protocol`], [`ChipAuthError::Curve`].
    pub fn start(
        protocol: ChipAuthProtocol,
        key_id: Option<u32>,
        chip_key: &Point,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Vec<Command>, Self), ChipAuthError> {
        Self::start_with(protocol, key_id, chip_key, PrivateKey::generate(chip_key.curve(), rng))
    }

    /// The same with an ephemeral key that is given: to repeat a run from its record.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(
        protocol: ChipAuthProtocol,
        key_id: Option<u32>,
        chip_key: &Point,
        ephemeral: PrivateKey,
    ) -> Result<(Vec<Command>, Self), ChipAuthError> {
        if protocol.agreement != Agreement::Ecdh {
            return Err(ChipAuthError::Protocol(protocol.oid()));
        }
        let shared = ecdh(&ephemeral, chip_key)?;
        let public = ephemeral.public();
        let triple_des = protocol.suite == Suite::TripleDes;
        let mut objects =
            if triple_des { tlv::encode(0x91, public.as_bytes()) } else { tlv::encode(0x80, &crate::oid::encode(protocol.oid())) };
        if let Some(id) = key_id {
            tlv::push(&mut objects, 0x84, &key_reference(id));
        }
        let mut commands = vec![Command::new(0x00, 0x22, 0x41, if triple_des { 0xA6 } else { 0xA4 }).with_data(objects)];
        if !triple_des {
            commands.push(command(true, &[(0x80, public.as_bytes())]));
        }
        let channel = SecureMessaging::from_shared(protocol.suite, &shared, &[]);
        Ok((commands, Self { last_is_general_authenticate: !triple_des, channel, ephemeral }))
    }

    /// The ephemeral private key of this run, for a record that lets it be repeated. Who has it can compute the keys of the new channel.
    #[must_use]
    pub const fn ephemeral(&self) -> &Secret {
        self.ephemeral.scalar()
    }

    /// The new channel, for one who repeats a run from its record: it begins with the first command after it.
    #[must_use]
    pub fn into_channel(self) -> SecureMessaging {
        self.channel
    }

    /// Takes the data field of the answer to the last command; gives the new channel, which begins with the next command.
    ///
    /// # Errors
    /// [`ChipAuthError::Data`] for a data field that the clause does not have.
    pub fn finish(self, answer: &[u8]) -> Result<SecureMessaging, ChipAuthError> {
        if self.last_is_general_authenticate {
            parse::<0, 0>(answer, [], [])?;
        } else if !answer.is_empty() {
            return Err(ChipAuthError::Select(format!("answer to MSE:Set KAT: expected no data, found {} bytes", answer.len())));
        }
        Ok(self.channel)
    }
}

/// Big-endian without leading zeros, at least one byte.
fn key_reference(id: u32) -> Vec<u8> {
    let octets = id.to_be_bytes();
    let start = octets.iter().position(|&octet| octet != 0).unwrap_or(3);
    octets.get(start..).unwrap_or_default().to_vec()
}

/// What a chip reads from MSE:Set KAT: the terminal's ephemeral key, and which of its own it shall use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAgreementTemplate {
    /// Object 91, not yet checked.
    pub ephemeral: Vec<u8>,
    /// Object 84.
    pub key_id: Option<u32>,
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
    pub key_id: Option<u32>,
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

fn read_key_reference(reader: &mut Reader<'_>) -> Result<Option<u32>, ChipAuthError> {
    let Some(object) = reader.optional(0x84)? else { return Ok(None) };
    if !(1..=4).contains(&object.value.len()) {
        return Err(ChipAuthError::Select(format!("object {}: expected 1 to 4 bytes, found {}", Tag(0x84), object.value.len())));
    }
    Ok(Some(object.value.iter().fold(0, |id, &octet| id << 8 | u32::from(octet))))
}

/// Chip: the terminal's ephemeral key in the data field of GENERAL AUTHENTICATE, not yet checked.
///
/// # Errors
/// [`ChipAuthError::Data`].
pub fn general_authenticate(data: &[u8]) -> Result<&[u8], ChipAuthError> {
    let ([ephemeral], []) = parse(data, [0x80], [])?;
    Ok(ephemeral)
}

/// Chip: the answer to GENERAL AUTHENTICATE, an empty DO'7C'. MSE:Set KAT is answered without data.
#[must_use]
pub fn general_authenticate_answer() -> Vec<u8> {
    encode(&[])
}

/// Chip: agrees with the terminal's ephemeral key. The channel begins after the answer, which still goes through the old one.
///
/// # Errors
/// [`ChipAuthError::Curve`]; the old channel stays.
pub fn agree(suite: Suite, key: &PrivateKey, ephemeral: &[u8]) -> Result<SecureMessaging, ChipAuthError> {
    let peer = Point::from_bytes(key.curve(), ephemeral)?;
    let shared: Secret = ecdh(key, &peer)?;
    Ok(SecureMessaging::from_shared(suite, &shared, &[]))
}

#[cfg(test)]
mod tests;
