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
        if protocol.agreement != Agreement::Ecdh {
            return Err(ChipAuthError::Protocol(protocol.oid()));
        }
        Self::with_key(protocol.suite, protocol, key_id, chip_key, &PrivateKey::generate(chip_key.curve(), rng))
    }

    fn with_key(
        suite: Suite,
        protocol: ChipAuthProtocol,
        key_id: Option<u32>,
        chip_key: &Point,
        ephemeral: &PrivateKey,
    ) -> Result<(Vec<Command>, Self), ChipAuthError> {
        let shared = ecdh(ephemeral, chip_key)?;
        let public = ephemeral.public();
        let triple_des = suite == Suite::TripleDes;
        let mut objects =
            if triple_des { tlv::encode(0x91, public.as_bytes()) } else { tlv::encode(0x80, &crate::oid::encode(protocol.oid())) };
        if let Some(id) = key_id {
            tlv::push(&mut objects, 0x84, &key_reference(id));
        }
        let mut commands = vec![Command::new(0x00, 0x22, 0x41, if triple_des { 0xA6 } else { 0xA4 }).with_data(objects)];
        if !triple_des {
            commands.push(command(true, &[(0x80, public.as_bytes())]));
        }
        let channel = SecureMessaging::from_shared(suite, &shared, &[]);
        Ok((commands, Self { last_is_general_authenticate: !triple_des, channel }))
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
mod tests {
    use super::*;
    use crate::apdu::Response;
    use crate::crypto::curve::Curve;
    use crate::test_rng::Seeded;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).expect("hex")
    }

    fn private(text: &str) -> PrivateKey {
        PrivateKey::from_bytes(Curve::BrainpoolP256r1, &bytes(text)).expect("scalar")
    }

    #[test]
    fn bsi_worked_example_agrees_on_k() {
        // Keys of the example's version 2; the agreement is that of version 1.
        let chip = private("7984674CF3B3A524BF929CE8A67FCF22173DA0BAD595EED6DEB72D22C542FA9D");
        let ephemeral = private("A6A4D255C5BF7A77EC3D0553DB74F693CF044E18C98364D4977A296108AF19BD");
        assert_eq!(
            hex::encode_upper(ephemeral.public().as_bytes()),
            "045A7A377FC9CAFC03AC7FF45441A8B2909D88EAB8E6B0173847AB49B949DF3799A34EE57EC55268CF8B1C3EC489F8BF4CF4C68D3FD9670E89C0D5D3FFF1AAF89F"
        );
        let k = ecdh(&chip, &ephemeral.public()).expect("agrees");
        assert_eq!(hex::encode_upper(k.expose()), "791DA04273CCFE862E52DF60347E2557192E1F8D7517822CE3D306056C1CDEB4");
        assert_eq!(ecdh(&ephemeral, &chip.public()).as_ref(), Ok(&k));
    }

    #[test]
    fn each_suite_has_its_commands_and_both_sides_meet() {
        for (suite, headers) in [
            (Suite::TripleDes, &["002241A6"][..]),
            (Suite::Aes128, &["002241A4", "00860000"]),
            (Suite::Aes192, &["002241A4", "00860000"]),
            (Suite::Aes256, &["002241A4", "00860000"]),
        ] {
            let mut rng = Seeded::new(3);
            let key = PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng);
            let protocol = ChipAuthProtocol { agreement: Agreement::Ecdh, suite };
            let (commands, terminal) = Terminal::start(protocol, Some(0x0102), &key.public(), &mut rng).expect("same curve");
            assert_eq!(commands.iter().map(|command| hex::encode_upper(command.header())).collect::<Vec<_>>(), headers);
            let (ephemeral, key_id, answer) = match &commands[..] {
                [kat] => {
                    let kat = KeyAgreementTemplate::parse(&kat.data).expect("well formed");
                    (kat.ephemeral, kat.key_id, Vec::new())
                }
                [at, general] => {
                    let at = Selection::parse(&at.data).expect("well formed");
                    assert_eq!(at.protocol, protocol);
                    let ephemeral = general_authenticate(&general.data).expect("well formed");
                    (ephemeral.to_vec(), at.key_id, general_authenticate_answer())
                }
                other => panic!("{} commands", other.len()),
            };
            assert_eq!(key_id, Some(0x0102));
            let mut chip = agree(suite, &key, &ephemeral).expect("same curve");
            let mut terminal = terminal.finish(&answer).expect("as the clause says");
            let read = Command::new(0x00, 0xB0, 0x8E, 0x00).with_le(8);
            let sent = terminal.protect_command(&read).expect("protects");
            assert_eq!(chip.unprotect_command(&sent), Ok(read));
            let answer = chip.protect_response(&Response::ok([1, 2, 3])).expect("protects");
            assert_eq!(terminal.unprotect_response(&answer), Ok(Response::ok([1, 2, 3])));
        }
    }

    #[test]
    fn a_clone_without_the_private_key_fails_at_the_first_answer() {
        let mut rng = Seeded::new(4);
        let (genuine, cloned) =
            (PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng), PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng));
        let protocol = ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::Aes128 };
        let (commands, terminal) = Terminal::start(protocol, None, &genuine.public(), &mut rng).expect("same curve");
        let mut clone = agree(Suite::Aes128, &cloned, general_authenticate(&commands[1].data).expect("well formed")).expect("a point");
        let mut terminal = terminal.finish(&general_authenticate_answer()).expect("well formed");
        let sent = terminal.protect_command(&Command::new(0x00, 0xB0, 0x8E, 0x00).with_le(8)).expect("protects");
        assert_eq!(clone.unprotect_command(&sent), Err(crate::sm::SmError::Mac));
    }

    #[test]
    fn points_off_the_curve_and_foreign_objects_are_refused() {
        let mut rng = Seeded::new(5);
        let key = PrivateKey::generate(Curve::BrainpoolP256r1, &mut rng);
        let mut off = key.public().as_bytes().to_vec();
        off[64] ^= 1;
        assert_eq!(agree(Suite::Aes128, &key, &off).map(|_| ()), Err(ChipAuthError::Curve(CurveError::NotOnCurve(Curve::BrainpoolP256r1))));
        let foreign = Curve::P256;
        let stranger = PrivateKey::generate(foreign, &mut rng).public();
        assert!(matches!(agree(Suite::Aes128, &key, stranger.as_bytes()), Err(ChipAuthError::Curve(CurveError::NotOnCurve(_)))));
        assert!(matches!(general_authenticate(&bytes("7C00")), Err(ChipAuthError::Data(DynamicAuthError::Missing { .. }))));
        assert!(matches!(KeyAgreementTemplate::parse(&bytes("840101")), Err(ChipAuthError::Select(_))));
        assert!(matches!(Selection::parse(&bytes("800A04007F00070202040202")), Err(ChipAuthError::Select(_))), "a PACE protocol");
        let (_, terminal) =
            Terminal::start(ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::Aes128 }, None, &key.public(), &mut rng)
                .expect("same curve");
        assert!(matches!(terminal.finish(&[]), Err(ChipAuthError::Data(_))));
    }
}
