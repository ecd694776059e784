//! The chip's half of PACE. Each step takes the data field of a command and gives the data field of the answer.

use rand_core::CryptoRng;

use super::{Agreed, PaceError, Parameters, Password, cam, data, read_key};
use crate::cert::chat::Chat;
use crate::crypto::agreement::{AgreementError, AgreementKey, AgreementPrivateKey, Domain, MappedGenerator};
use crate::crypto::curve;
use crate::lds::security_info::PaceProtocol;
use crate::protocol::dynamic_auth::{encode, parse};
use crate::protocol::mapping::{GenericMapping, integrated};
use crate::secret::Secret;
use crate::sm::SecureMessaging;
use crate::tlv::{Reader, Tag};

/// What MSE:Set AT (00 22 C1 A4) asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Object 80.
    pub protocol: PaceProtocol,
    /// Object 83: 1 MRZ, 2 CAN, 3 PIN, 4 PUK.
    pub reference: u8,
    /// Object 84.
    pub parameter_id: Option<u8>,
    /// 7F4C: the rights that the terminal will ask for, which bound those of Terminal Authentication.
    pub chat: Option<Chat>,
}

impl Selection {
    /// Reads the data field. Authorization extensions are not supported here.
    ///
    /// # Errors
    /// [`PaceError::Select`]; the chip answers 6A80.
    pub fn parse(bytes: &[u8]) -> Result<Self, PaceError> {
        let tlv = |error: crate::tlv::TlvError| PaceError::Select(error.to_string());
        let mut reader = Reader::new(bytes);
        let protocol = reader.expect(0x80).map_err(tlv)?.value;
        let protocol = PaceProtocol::from_octets(protocol).ok_or_else(|| PaceError::Select("object 80 is no PACE protocol".into()))?;
        let (mut reference, mut parameter_id, mut chat) = (None, None, None);
        for _ in 0..3 {
            let Some(object) = reader.next().map_err(tlv)? else { break };
            if object.tag == Tag(0x7F4C) && chat.is_none() {
                chat = Some(Chat::read(&object).map_err(|error| PaceError::Select(error.to_string()))?);
                continue;
            }
            let cell = match object.tag {
                Tag(0x83) => &mut reference,
                Tag(0x84) => &mut parameter_id,
                other => return Err(PaceError::Select(format!("object {other} at offset {} is not supported", object.at))),
            };
            match (*cell, object.value) {
                (None, &[value]) => *cell = Some(value),
                (None, other) => return Err(PaceError::Select(format!("object {}: expected 1 byte, found {}", object.tag, other.len()))),
                (Some(_), _) => return Err(PaceError::Select(format!("object {} is there twice", object.tag))),
            }
        }
        reader.finish().map_err(tlv)?;
        let reference = reference.ok_or_else(|| PaceError::Select("object 83 is missing".into()))?;
        Ok(Self { protocol, reference, parameter_id, chat })
    }
}

/// The chip between two GENERAL AUTHENTICATE commands: one value to keep while a run is under way.
#[derive(Debug)]
pub enum Chip {
    /// Before step 1.
    Selected(Selected),
    /// After step 1.
    Mapping(AwaitMapping),
    /// After step 2.
    Agreement(AwaitAgreement),
    /// After step 3.
    Token(AwaitToken),
}

/// Where a run stands after a step.
#[derive(Debug)]
pub enum Progress {
    /// The next command carries the next step; this one must have come with the chaining bit.
    More(Chip),
    /// The channel begins after this answer.
    Done(SecureMessaging),
}

impl Chip {
    /// A run with the password that MSE:Set AT named. Chip authentication mapping needs the chip's static key, which the others do not look at.
    ///
    /// # Errors
    /// [`PaceError::NoChipKey`]: there is none on that curve.
    pub fn select(parameters: Parameters, password: Password, static_key: Option<&curve::PrivateKey>) -> Result<Self, PaceError> {
        let mut chip_key = None;
        if parameters.is_cam() {
            let fitting = static_key.filter(|key| *parameters.domain() == Domain::Ec(key.curve()));
            chip_key = Some(fitting.cloned().ok_or_else(|| PaceError::NoChipKey(parameters.domain().name()))?);
        }
        Ok(Self::Selected(Selected { parameters, password, chip_key }))
    }

    /// Whether the next step is the last one, whose command has no chaining bit.
    #[must_use]
    pub const fn expects_last(&self) -> bool {
        matches!(self, Self::Token(_))
    }

    /// The chip's ephemeral public key, to which Terminal Authentication binds: there before the last step.
    #[must_use]
    pub const fn public_key(&self) -> Option<&AgreementKey> {
        match self {
            Self::Token(state) => Some(&state.public),
            _ => None,
        }
    }

    /// Has the answer to the last step name the CVCA keys that the chip trusts (objects 87 and 88), the newest first. Nothing before that step.
    #[must_use]
    pub fn with_references(mut self, references: impl IntoIterator<Item = Vec<u8>>) -> Self {
        if let Self::Token(state) = &mut self {
            state.references = references.into_iter().take(2).collect();
        }
        self
    }

    /// Takes the data field of the next GENERAL AUTHENTICATE.
    ///
    /// # Errors
    /// Any [`PaceError`]: the run is over. The chip answers 6300 to [`PaceError::Token`], else 6A80.
    pub fn step(self, command: &[u8], rng: &mut dyn CryptoRng) -> Result<(Vec<u8>, Progress), PaceError> {
        match self {
            Self::Selected(state) => state.send_nonce(command, rng).map(|(answer, next)| (answer, Progress::More(Self::Mapping(next)))),
            Self::Mapping(state) => state.receive(command, rng).map(|(answer, next)| (answer, Progress::More(Self::Agreement(next)))),
            Self::Agreement(state) => state.receive(command, rng).map(|(answer, next)| (answer, Progress::More(Self::Token(next)))),
            Self::Token(state) => state.receive(command).map(|(answer, channel)| (answer, Progress::Done(channel))),
        }
    }
}

/// Protocol and password are selected.
#[derive(Debug)]
pub struct Selected {
    pub(super) parameters: Parameters,
    pub(super) password: Password,
    /// There in chip authentication mapping.
    pub(super) chip_key: Option<curve::PrivateKey>,
}

impl Selected {
    /// Step 1: draws a nonce and sends it enciphered under the password's key.
    ///
    /// # Errors
    /// [`PaceError::Data`]: the command is not 7C 00.
    pub fn send_nonce(self, command: &[u8], rng: &mut dyn CryptoRng) -> Result<(Vec<u8>, AwaitMapping), PaceError> {
        let mut nonce = vec![0; self.parameters.nonce_len()];
        rng.fill_bytes(&mut nonce);
        self.encrypt_nonce(command, Secret::new(nonce))
    }

    pub(super) fn encrypt_nonce(self, command: &[u8], nonce: Secret) -> Result<(Vec<u8>, AwaitMapping), PaceError> {
        let ([], []) = parse(command, [], []).map_err(data(1))?;
        let Self { parameters, password, chip_key } = self;
        let mut z = nonce.expose().to_vec();
        let key = password.key(parameters.suite());
        key.encrypt_cbc(&vec![0; key.block_len()], &mut z).expect("the nonce has whole blocks");
        Ok((encode(&[(0x80, &z)]), AwaitMapping { parameters, nonce, chip_key }))
    }
}

/// Waiting for the terminal's mapping data.
#[derive(Debug)]
pub struct AwaitMapping {
    parameters: Parameters,
    nonce: Secret,
    chip_key: Option<curve::PrivateKey>,
}

/// The keys of which chip authentication mapping makes its proof.
#[derive(Debug)]
struct Proof {
    mapping: curve::PrivateKey,
    chip: curve::PrivateKey,
}

impl AwaitMapping {
    /// Step 2: maps the nonce and sends the chip's mapping data, which is empty in the integrated mapping.
    ///
    /// # Errors
    /// [`PaceError::Data`], [`PaceError::Mapping`], [`PaceError::Agreement`], [`PaceError::SameKey`].
    pub fn receive(self, command: &[u8], rng: &mut dyn CryptoRng) -> Result<(Vec<u8>, AwaitAgreement), PaceError> {
        if self.parameters.is_integrated() {
            return self.integrate(command);
        }
        let mapping = GenericMapping::start(self.parameters.domain(), rng);
        self.map(command, mapping)
    }

    pub(super) fn map(self, command: &[u8], mapping: GenericMapping) -> Result<(Vec<u8>, AwaitAgreement), PaceError> {
        let ([peer], []) = parse(command, [0x81], []).map_err(data(2))?;
        let answer = encode(&[(0x82, mapping.data())]);
        let mapped = mapping.finish(&self.nonce, peer)?;
        let proof = match (self.chip_key, mapped.own) {
            (Some(chip), AgreementPrivateKey::Ec(mapping)) => Some(Box::new(Proof { mapping, chip })),
            _ => None,
        };
        Ok((answer, AwaitAgreement { parameters: self.parameters, generator: mapped.generator, proof }))
    }

    fn integrate(self, command: &[u8]) -> Result<(Vec<u8>, AwaitAgreement), PaceError> {
        let ([t], []) = parse(command, [0x81], []).map_err(data(2))?;
        let generator = integrated(self.parameters.suite(), self.parameters.domain(), &self.nonce, t)?;
        Ok((encode(&[(0x82, &[])]), AwaitAgreement { parameters: self.parameters, generator, proof: None }))
    }
}

/// Waiting for the terminal's ephemeral public key.
#[derive(Debug)]
pub struct AwaitAgreement {
    parameters: Parameters,
    pub(super) generator: MappedGenerator,
    proof: Option<Box<Proof>>,
}

impl AwaitAgreement {
    /// Step 3: agrees on the keys and sends the chip's ephemeral public key.
    ///
    /// # Errors
    /// [`PaceError::Data`], [`PaceError::Agreement`], [`PaceError::SameKey`].
    pub fn receive(self, command: &[u8], rng: &mut dyn CryptoRng) -> Result<(Vec<u8>, AwaitToken), PaceError> {
        let key = self.generator.generate(rng);
        self.agree(command, &key)
    }

    pub(super) fn agree(self, command: &[u8], key: &AgreementPrivateKey) -> Result<(Vec<u8>, AwaitToken), PaceError> {
        let ([sent], []) = parse(command, [0x83], []).map_err(data(3))?;
        let peer = read_key(self.parameters.domain(), sent)?;
        let public = self.generator.public(key)?;
        let agreed = Agreed::new(self.parameters.protocol(), key, &public, &peer)?;
        let answer = encode(&[(0x84, public.as_bytes())]);
        Ok((answer, AwaitToken { agreed, public, sent: sent.to_vec(), proof: self.proof, references: Vec::new() }))
    }
}

/// Waiting for the terminal's token.
pub struct AwaitToken {
    agreed: Agreed,
    public: AgreementKey,
    /// The terminal's key as it sent it.
    sent: Vec<u8>,
    proof: Option<Box<Proof>>,
    /// What objects 87 and 88 will say.
    references: Vec<Vec<u8>>,
}

impl std::fmt::Debug for AwaitToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("pace::chip::AwaitToken")
    }
}

impl AwaitToken {
    /// Step 4: checks the terminal's token, sends the chip's, in chip authentication mapping the proof too, and opens the channel.
    ///
    /// # Errors
    /// [`PaceError::Data`], [`PaceError::Token`].
    pub fn receive(self, command: &[u8]) -> Result<(Vec<u8>, SecureMessaging), PaceError> {
        let ([token], []) = parse(command, [0x85], []).map_err(data(4))?;
        self.agreed.check(&self.public, token)?;
        let own = self.agreed.token(&self.sent);
        let mut objects: Vec<(u32, &[u8])> = vec![(0x86, &own)];
        objects.extend([0x87, 0x88].into_iter().zip(self.references.iter().map(Vec::as_slice)));
        let encrypted = match &self.proof {
            None => None,
            Some(proof) => Some(cam::seal(&self.agreed.cipher, &proof.mapping, &proof.chip).map_err(AgreementError::from)?),
        };
        objects.extend(encrypted.iter().map(|encrypted| (0x8A, encrypted.as_slice())));
        Ok((encode(&objects), self.agreed.channel))
    }
}
