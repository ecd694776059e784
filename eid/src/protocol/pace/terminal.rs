//! The terminal's half of PACE. Each step takes the data field of the chip's answer and gives the next command.

use rand_core::CryptoRng;
use zeroize::Zeroize;

use super::cam::ChipAuthenticationData;
use super::{Agreed, PaceError, Parameters, Password, data, read_key};
use crate::apdu::Command;
use crate::cert::chat::Chat;
use crate::crypto::agreement::{AgreementKey, AgreementPrivateKey, MappedGenerator};
use crate::crypto::cipher::CipherKey;
use crate::protocol::dynamic_auth::{command, parse};
use crate::protocol::mapping::{TerminalMapping, integrated};
use crate::secret::Secret;
use crate::sm::SecureMessaging;
use crate::tlv;

/// The terminal before the first step.
#[derive(Debug)]
pub struct Terminal {
    parameters: Parameters,
    key: CipherKey,
    reference: u8,
    chat: Option<Chat>,
}

impl Terminal {
    /// Prepares a run with a password.
    #[must_use]
    pub fn new(parameters: Parameters, password: &Password) -> Self {
        let key = password.key(parameters.suite());
        Self { parameters, key, reference: password.reference(), chat: None }
    }

    /// Names the rights that the terminal will prove in Terminal Authentication version 2 (object 7F4C, TR-03110-3 B.11.1): the chip then
    /// says under which keys, and gives no more than these.
    #[must_use]
    pub fn with_chat(self, chat: Option<Chat>) -> Self {
        Self { chat, ..self }
    }

    /// MSE:Set AT. `ambiguous`: EF.CardAccess has several domain parameters for this protocol, so that object 84 must name one.
    #[must_use]
    pub fn select(&self, ambiguous: bool) -> Command {
        let mut objects = tlv::encode(0x80, &self.parameters.protocol().octets());
        tlv::push(&mut objects, 0x83, &[self.reference]);
        if ambiguous {
            tlv::push(&mut objects, 0x84, &[self.parameters.id()]);
        }
        objects.extend(self.chat.iter().flat_map(|chat| chat.encode()));
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
        let mapping = TerminalMapping::start(&self.0.parameters, rng);
        self.map(answer, mapping)
    }

    /// As [`receive`](Self::receive), with mapping data that were drawn before: for who shows a chip a key of a certain form.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn map(self, answer: &[u8], mapping: TerminalMapping) -> Result<(Command, AwaitMapping), PaceError> {
        let Terminal { parameters, key, .. } = self.0;
        let ([z], []) = parse(answer, [0x80], []).map_err(data(1))?;
        let nonce = decrypt_nonce(&key, z)?;
        Ok((command(false, &[(0x81, mapping.data())]), AwaitMapping { parameters, nonce, mapping }))
    }
}

fn decrypt_nonce(key: &CipherKey, z: &[u8]) -> Result<Secret, PaceError> {
    let wrong = PaceError::Nonce { block: key.block_len(), found: z.len() };
    if !(key.block_len()..=64).contains(&z.len()) {
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
    mapping: TerminalMapping,
}

/// What the mapping leaves to the terminal.
#[derive(Debug)]
pub(super) struct Generated {
    parameters: Parameters,
    pub(super) generator: MappedGenerator,
    /// The chip's mapping key, except in the integrated mapping.
    chip_mapping_key: Option<AgreementKey>,
}

impl AwaitMapping {
    /// Maps the nonce and sends the ephemeral public key (step 3).
    ///
    /// # Errors
    /// [`PaceError::Data`], [`PaceError::Mapping`], [`PaceError::Agreement`], [`PaceError::SameKey`].
    pub fn receive(self, answer: &[u8], rng: &mut dyn CryptoRng) -> Result<(Command, AwaitAgreement), PaceError> {
        self.receive_with(answer, |generator| generator.generate(rng))
    }

    /// As [`receive`](Self::receive), with the ephemeral private key that `choose` draws on the mapped generator.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn receive_with(
        self,
        answer: &[u8],
        choose: impl FnOnce(&MappedGenerator) -> AgreementPrivateKey,
    ) -> Result<(Command, AwaitAgreement), PaceError> {
        let generated = self.generator(answer)?;
        let key = choose(&generated.generator);
        AwaitAgreement::send(generated, key)
    }

    pub(super) fn generator(self, answer: &[u8]) -> Result<Generated, PaceError> {
        let Self { parameters, nonce, mapping } = self;
        match mapping {
            TerminalMapping::Generic(mapping) => {
                let ([data], []) = parse(answer, [0x82], []).map_err(data(2))?;
                let mapped = mapping.finish(&nonce, data)?;
                Ok(Generated { parameters, generator: mapped.generator, chip_mapping_key: Some(mapped.peer) })
            }
            TerminalMapping::Integrated(t) => {
                // The chip has nothing to say here: 7C { 82 } in the clause, 7C {} or no data from some chips.
                if !answer.is_empty() {
                    let ([], [mapping]) = parse(answer, [], [0x82]).map_err(data(2))?;
                    if let Some(found) = mapping.map(<[u8]>::len).filter(|len| *len > 0) {
                        return Err(PaceError::Mapping { what: "mapping data of the chip", expected: 0, found });
                    }
                }
                let generator = integrated(parameters.suite(), parameters.domain(), &nonce, &t)?;
                Ok(Generated { parameters, generator, chip_mapping_key: None })
            }
        }
    }
}

/// Waiting for the chip's ephemeral public key.
#[derive(Debug)]
pub struct AwaitAgreement {
    parameters: Parameters,
    chip_mapping_key: Option<AgreementKey>,
    key: AgreementPrivateKey,
    public: AgreementKey,
}

impl AwaitAgreement {
    pub(super) fn send(generated: Generated, key: AgreementPrivateKey) -> Result<(Command, Self), PaceError> {
        let Generated { parameters, generator, chip_mapping_key } = generated;
        let public = generator.public(&key)?;
        Ok((command(false, &[(0x83, public.as_bytes())]), Self { parameters, chip_mapping_key, key, public }))
    }

    /// Agrees on the keys and sends the terminal's token (step 4).
    ///
    /// # Errors
    /// [`PaceError::Data`], [`PaceError::Agreement`], [`PaceError::SameKey`].
    pub fn receive(self, answer: &[u8]) -> Result<(Command, AwaitToken), PaceError> {
        let ([sent], []) = parse(answer, [0x84], []).map_err(data(3))?;
        let Self { parameters, chip_mapping_key, key, public } = self;
        let peer = read_key(parameters.domain(), sent)?;
        let agreed = Agreed::new(parameters.protocol(), &key, &public, &peer)?;
        let command = command(true, &[(0x85, &agreed.token(sent))]);
        Ok((command, AwaitToken { agreed, parameters, chip_mapping_key, public, peer }))
    }
}

/// Waiting for the chip's token.
pub struct AwaitToken {
    pub(super) agreed: Agreed,
    parameters: Parameters,
    chip_mapping_key: Option<AgreementKey>,
    public: AgreementKey,
    peer: AgreementKey,
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
    pub chip_key: AgreementKey,
    /// References of the CVCA keys that the chip knows (objects 87 and 88), as it sent them; no proof.
    pub ca_references: Vec<Vec<u8>>,
    /// In chip authentication mapping what the chip sent as its proof, still to be verified.
    pub chip_authentication: Option<ChipAuthenticationData>,
}

impl AwaitToken {
    /// A token over the objects 06 and 86 (DH 84) without 7F49 around them, which a chip must refuse: for who tests one.
    #[must_use]
    pub fn danger_bare_token(&self) -> [u8; 8] {
        self.agreed.bare_token(self.peer.as_bytes())
    }

    /// Checks the chip's token: both have the same password. Object 8A is looked at in chip authentication mapping only.
    ///
    /// # Errors
    /// [`PaceError::Data`], [`PaceError::Token`].
    pub fn receive(self, answer: &[u8]) -> Result<Established, PaceError> {
        let ([token], [newest, older, encrypted]) = parse(answer, [0x86], [0x87, 0x88, 0x8A]).map_err(data(4))?;
        let Self { agreed, parameters, chip_mapping_key, public, peer } = self;
        agreed.check(&public, token)?;
        let chip_authentication = match chip_mapping_key {
            Some(AgreementKey::Ec(mapping_key)) if parameters.is_cam() => {
                Some(ChipAuthenticationData::open(&agreed.cipher, parameters.id(), mapping_key, encrypted))
            }
            _ => None,
        };
        Ok(Established {
            channel: agreed.channel,
            chip_key: peer,
            ca_references: [newest, older].into_iter().flatten().map(<[u8]>::to_vec).collect(),
            chip_authentication,
        })
    }
}
