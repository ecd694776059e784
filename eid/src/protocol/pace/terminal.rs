//! The terminal's half of PACE. Each step takes the data field of the chip's answer and gives the next command.

use rand_core::CryptoRng;
use zeroize::Zeroize;

use super::{Agreed, PaceError, Parameters, Password, data};
use crate::apdu::Command;
use crate::crypto::agreement::MappedGenerator;
use crate::crypto::cipher::CipherKey;
use crate::crypto::curve::{Point, PrivateKey};
use crate::protocol::dynamic_auth::{command, parse};
use crate::protocol::mapping::GenericMapping;
use crate::secret::Secret;
use crate::sm::SecureMessaging;
use crate::tlv;

/// The terminal before the first step.
#[derive(Debug)]
pub struct Terminal {
    parameters: Parameters,
    key: CipherKey,
    reference: u8,
}

impl Terminal {
    /// Prepares a run with a password.
    #[must_use]
    pub fn new(parameters: Parameters, password: &Password) -> Self {
        Self { parameters, key: password.key(parameters.suite), reference: password.reference() }
    }

    /// MSE:Set AT. `ambiguous`: EF.CardAccess has several domain parameters for this protocol, so that object 84 must name one.
    #[must_use]
    pub fn select(&self, ambiguous: bool) -> Command {
        let mut objects = tlv::encode(0x80, &self.parameters.protocol().octets());
        tlv::push(&mut objects, 0x83, &[self.reference]);
        if ambiguous {
            tlv::push(&mut objects, 0x84, &[self.parameters.curve.parameter_id()]);
        }
        Command::new(0x00, 0x22, 0xC1, 0xA4).with_data(objects)
    }

    /// Step 1: GENERAL AUTHENTICATE for the encrypted nonce, after MSE:Set AT was answered.
    #[must_use]
    pub fn request_nonce(self) -> (Command, AwaitNonce) {
        (command(false, &[]), AwaitNonce(self))
    }
}

/// Waiting for the encrypted nonce.
#[derive(Debug)]
pub struct AwaitNonce(Terminal);

impl AwaitNonce {
    /// Deciphers the nonce and sends mapping data (step 2).
    ///
    /// # Errors
    /// [`PaceError::Data`], [`PaceError::Nonce`].
    pub fn receive(self, answer: &[u8], rng: &mut dyn CryptoRng) -> Result<(Command, AwaitMapping), PaceError> {
        let mapping = GenericMapping::start(self.0.parameters.curve, rng);
        self.map(answer, mapping)
    }

    pub(super) fn map(self, answer: &[u8], mapping: GenericMapping) -> Result<(Command, AwaitMapping), PaceError> {
        let Terminal { parameters, key, .. } = self.0;
        let ([z], []) = parse(answer, [0x80], []).map_err(data(1))?;
        let nonce = decrypt_nonce(&key, z)?;
        Ok((command(false, &[(0x81, mapping.data())]), AwaitMapping { parameters, nonce, mapping }))
    }
}

fn decrypt_nonce(key: &CipherKey, z: &[u8]) -> Result<Secret, PaceError> {
    let wrong = PaceError::Nonce { block: key.block_len(), found: z.len() };
    if !(16..=64).contains(&z.len()) {
        return Err(wrong);
    }
    let mut nonce = z.to_vec();
    key.decrypt_cbc(&vec![0; key.block_len()], &mut nonce).map_err(|_| wrong)?;
    let secret = Secret::from(&nonce[..]);
    nonce.zeroize();
    Ok(secret)
}

/// Waiting for the chip's mapping data.
#[derive(Debug)]
pub struct AwaitMapping {
    parameters: Parameters,
    pub(super) nonce: Secret,
    mapping: GenericMapping,
}

impl AwaitMapping {
    /// Maps the nonce and sends the ephemeral public key (step 3).
    ///
    /// # Errors
    /// [`PaceError::Data`], [`PaceError::Curve`], [`PaceError::SameKey`].
    pub fn receive(self, answer: &[u8], rng: &mut dyn CryptoRng) -> Result<(Command, AwaitAgreement), PaceError> {
        let (parameters, generator) = self.generator(answer)?;
        let key = generator.generate(rng);
        Ok(AwaitAgreement::send(parameters, &generator, key))
    }

    pub(super) fn generator(self, answer: &[u8]) -> Result<(Parameters, MappedGenerator), PaceError> {
        let ([mapping], []) = parse(answer, [0x82], []).map_err(data(2))?;
        Ok((self.parameters, self.mapping.finish(&self.nonce, mapping)?))
    }
}

/// Waiting for the chip's ephemeral public key.
#[derive(Debug)]
pub struct AwaitAgreement {
    parameters: Parameters,
    key: PrivateKey,
    public: Point,
}

impl AwaitAgreement {
    pub(super) fn send(parameters: Parameters, generator: &MappedGenerator, key: PrivateKey) -> (Command, Self) {
        let public = generator.public(&key);
        (command(false, &[(0x83, public.as_bytes())]), Self { parameters, key, public })
    }

    /// Agrees on the keys and sends the terminal's token (step 4).
    ///
    /// # Errors
    /// [`PaceError::Data`], [`PaceError::Curve`], [`PaceError::SameKey`].
    pub fn receive(self, answer: &[u8]) -> Result<(Command, AwaitToken), PaceError> {
        let ([peer], []) = parse(answer, [0x84], []).map_err(data(3))?;
        let peer = Point::from_bytes(self.parameters.curve, peer)?;
        let agreed = Agreed::new(self.parameters.suite, &self.key, &self.public, &peer)?;
        let command = command(true, &[(0x85, &agreed.token(&peer))]);
        Ok((command, AwaitToken { agreed, public: self.public, peer }))
    }
}

/// Waiting for the chip's token.
pub struct AwaitToken {
    pub(super) agreed: Agreed,
    public: Point,
    peer: Point,
}

impl std::fmt::Debug for AwaitToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("pace::terminal::AwaitToken")
    }
}

/// What PACE leaves to the terminal.
#[derive(Debug)]
pub struct Established {
    /// The channel; its counter is zero.
    pub channel: SecureMessaging,
    /// The chip's ephemeral public key, to which Terminal Authentication binds.
    pub chip_key: Point,
    /// References of the CVCA keys that the chip knows (objects 87 and 88), as it sent them; no proof.
    pub ca_references: Vec<Vec<u8>>,
}

impl AwaitToken {
    /// Checks the chip's token: both have the same password.
    ///
    /// # Errors
    /// [`PaceError::Data`], [`PaceError::Token`].
    pub fn receive(self, answer: &[u8]) -> Result<Established, PaceError> {
        let ([token], references) = parse(answer, [0x86], [0x87, 0x88]).map_err(data(4))?;
        self.agreed.check(&self.public, token)?;
        Ok(Established {
            channel: self.agreed.channel,
            chip_key: self.peer,
            ca_references: references.into_iter().flatten().map(<[u8]>::to_vec).collect(),
        })
    }
}
