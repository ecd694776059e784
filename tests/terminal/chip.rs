//! A chip that can lie: what a terminal must see through. The honest virtual card is in `applets`; this one shares only the standard with it.

use eid::apdu::{Command, Response};
use eid::crypto::agreement::AgreementPrivateKey;
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::image::{ActiveAuthKey, CardImage, EMRTD_AID, FileId, Home};
use eid::lds::security_info::{Agreement, ChipAuthProtocol, SecurityInfos};
use eid::protocol::pace::chip::Progress;
use eid::protocol::pace::{self, Parameters, Password};
use eid::protocol::{active_auth, bac, chip_auth};
use eid::sm::{Counted, SecureMessaging};
use eid::tlv;
use eid::transport::{Limits, Transport, TransportError};

use applets::rng::SeededRng;

/// What is wrong with the chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    Nothing,
    /// It has copied all files, and has not the private key of DG14.
    OtherChipKey,
    /// The same of DG15.
    OtherActiveAuthKey,
    /// It answers an old signature to every challenge.
    ReplaysSignature,
    /// MSE:Set AT for PACE is refused with this.
    RefusesPace(u16),
    /// It refuses MSE:Set AT or Set KAT for Chip Authentication.
    RefusesChipAuth,
    /// In the n-th answer under secure messaging one bit of the first object is changed after the MAC was made.
    ForgesAnswer(usize),
    /// The n-th answer under secure messaging comes in the clear, with data and 9000.
    AnswersInTheClear(usize),
    /// The n-th command under secure messaging is refused in the clear.
    DropsChannel(usize, u16),
    /// Commands with an extended Le are refused with 6700 in the clear, and the channel is forgotten.
    HatesExtended,
    /// This file cannot be read: 6581.
    Damaged(FileId),
    /// The card leaves at the n-th command.
    Leaves(usize),
    /// The MF cannot be selected: 6D00.
    NoMf,
}

/// What a card of the field does with a command and the answer that the standard asks for.
pub(crate) enum Deed {
    /// This answer, protected as the channel asks.
    Answer(Response),
    /// This status word in the clear, whatever the channel; it lives on where it is `Some`, with its counter so.
    Bare(u16, Option<Counted>),
}

/// A habit of a card.
pub(crate) type Habit = Box<dyn FnMut(&Command, Response) -> Deed>;

pub(crate) struct LyingChip {
    /// What it does otherwise than the standard says.
    pub(crate) habit: Option<Habit>,
    /// What it gave of its files: file, offset, bytes.
    pub(crate) served: Vec<(FileId, usize, usize)>,
    /// How often PACE was begun.
    pub(crate) openings: usize,
    pub(crate) image: CardImage,
    lie: Lie,
    limits: Limits,
    rng: SeededRng,
    application: bool,
    current: Option<FileId>,
    channel: Option<SecureMessaging>,
    pace: Option<pace::Chip>,
    bac: Option<bac::Chip>,
    chip_auth: Option<ChipAuthProtocol>,
    commands: usize,
    protected: usize,
}

impl LyingChip {
    pub(crate) fn new(image: CardImage, lie: Lie) -> Self {
        Self {
            habit: None,
            served: Vec::new(),
            openings: 0,
            image,
            lie,
            limits: Limits::EXTENDED,
            rng: SeededRng::new(b"chip"),
            application: false,
            current: None,
            channel: None,
            pace: None,
            bac: None,
            chip_auth: None,
            commands: 0,
            protected: 0,
        }
    }

    pub(crate) fn short(mut self) -> Self {
        self.limits = Limits::SHORT;
        self
    }

    /// The same with a habit.
    pub(crate) fn with(mut self, habit: impl FnMut(&Command, Response) -> Deed + 'static) -> Self {
        self.habit = Some(Box::new(habit));
        self
    }

    fn answer(&mut self, bytes: &[u8]) -> Response {
        let Ok(command) = Command::parse(bytes) else { return Response::status(0x6700) };
        if command.cla & 0x0C != 0x0C {
            // A command in the clear ends the channel (Doc 9303-11 §9.8.1).
            self.channel = None;
            let (answer, channel) = self.execute(&command);
            self.channel = channel;
            return match self.habit.as_mut().map(|habit| habit(&command, answer.clone())) {
                None => answer,
                Some(Deed::Answer(answer)) => answer,
                Some(Deed::Bare(sw, _)) => Response::status(sw),
            };
        }
        let Some(channel) = &mut self.channel else { return Response::status(0x6982) };
        let plain = match channel.unprotect_command(&command) {
            Ok(plain) => plain,
            Err(error) => {
                self.channel = None;
                return Response::status(error.status().0);
            }
        };
        self.protected += 1;
        match self.lie {
            Lie::DropsChannel(n, sw) if n == self.protected => {
                self.channel = None;
                return Response::status(sw);
            }
            Lie::HatesExtended if plain.le.is_some_and(|le| le > 256) => {
                self.channel = None;
                return Response::status(0x6700);
            }
            _ => {}
        }
        let (mut answer, next) = self.execute(&plain);
        match self.habit.as_mut().map(|habit| habit(&plain, answer.clone())) {
            None => {}
            Some(Deed::Answer(other)) => answer = other,
            Some(Deed::Bare(sw, counted)) => {
                match (counted, &mut self.channel) {
                    (Some(counted), Some(channel)) => channel.danger_recount(counted),
                    _ => self.channel = None,
                }
                return Response::status(sw);
            }
        }
        if self.lie == Lie::AnswersInTheClear(self.protected) {
            return answer;
        }
        let Some(channel) = &mut self.channel else { return Response::status(0x6F00) };
        let Ok(mut protected) = channel.protect_response(&answer) else { return Response::status(0x6F00) };
        if self.lie == Lie::ForgesAnswer(self.protected) {
            protected.data[3] ^= 1;
        }
        if next.is_some() {
            self.channel = next;
        }
        protected
    }

    /// The answer, and the channel that begins after it.
    fn execute(&mut self, command: &Command) -> (Response, Option<SecureMessaging>) {
        let none = |answer| (answer, None);
        match (command.ins, command.p1, command.p2) {
            (0xA4, ..) => none(self.select(command)),
            (0xB0 | 0xB1, ..) => none(self.read(command)),
            (0x22, 0xC1, 0xA4) => none(self.set_at_pace(&command.data)),
            (0x22, 0x41, _) => self.set_chip_auth(command),
            (0x86, ..) => self.general_authenticate(&command.data),
            (0x84, ..) => {
                let (challenge, chip) = bac::Chip::challenge(&mut self.rng);
                self.bac = Some(chip);
                none(Response::ok(challenge))
            }
            (0x82, ..) => {
                let (Some(chip), Some(seed)) = (self.bac.take(), &self.image.passwords.mrz_seed) else {
                    return none(Response::status(0x6985));
                };
                match chip.authenticate(seed, &command.data, &mut self.rng) {
                    Ok((answer, channel)) => (Response::ok(answer), Some(channel)),
                    Err(_) => none(Response::status(0x6300)),
                }
            }
            (0x88, ..) => none(self.internal_authenticate(&command.data)),
            _ => none(Response::status(0x6D00)),
        }
    }

    fn select(&mut self, command: &Command) -> Response {
        let fid = <[u8; 2]>::try_from(&command.data[..]).map(u16::from_be_bytes);
        match (command.p1, fid) {
            (0x00, Ok(0x3F00)) if self.lie == Lie::NoMf => Response::status(0x6D00),
            (0x00, Ok(0x3F00)) => {
                self.application = false;
                Response::ok([])
            }
            (0x04, _) if command.data == EMRTD_AID => {
                self.application = true;
                Response::ok([])
            }
            (0x02, Ok(fid)) => {
                let home = if self.application { Home::Emrtd } else { Home::Mf };
                let file = FileId { home, fid };
                if !self.image.files.contains_key(&file) {
                    return Response::status(0x6A82);
                }
                self.current = Some(file);
                if self.lie == Lie::Damaged(file) { Response::status(0x6581) } else { Response::ok([]) }
            }
            _ => Response::status(0x6A82),
        }
    }

    fn read(&mut self, command: &Command) -> Response {
        let le = command.le.unwrap_or(256) as usize;
        let (mut at, mut wrap) = (usize::from(command.p1) << 8 | usize::from(command.p2), false);
        if command.ins == 0xB1 {
            let Ok(offset) = tlv::single(&command.data, 0x54) else { return Response::status(0x6A80) };
            (at, wrap) = (offset.value.iter().fold(0, |at, &byte| at << 8 | usize::from(byte)), true);
        } else if command.p1 & 0x80 != 0 {
            let home = if self.application { Home::Emrtd } else { Home::Mf };
            let Some(file) = self.image.files.keys().find(|file| file.home == home && file.sfi() == command.p1 & 0x1F) else {
                return Response::status(0x6A82);
            };
            self.current = Some(*file);
            at = usize::from(command.p2);
        }
        let Some((file, bytes)) = self.current.and_then(|file| Some((file, self.image.files.get(&file)?))) else {
            return Response::status(0x6986);
        };
        if self.lie == Lie::Damaged(file) {
            return Response::status(0x6581);
        }
        if file == FileId::dg(3).expect("DG3") || (file.home == Home::Emrtd && self.channel.is_none()) {
            return Response::status(0x6982);
        }
        let Some(rest) = bytes.get(at..) else { return Response::status(0x6B00) };
        let data = &rest[..rest.len().min(if wrap { le.saturating_sub(4) } else { le })];
        self.served.push((file, at, data.len()));
        Response::ok(if wrap { tlv::encode(0x53, data) } else { data.to_vec() })
    }

    fn set_at_pace(&mut self, data: &[u8]) -> Response {
        self.openings += 1;
        if let Lie::RefusesPace(sw) = self.lie {
            return Response::status(sw);
        }
        let passwords = &self.image.passwords;
        let Ok(selection) = pace::chip::Selection::parse(data) else { return Response::status(0x6A80) };
        let password = match selection.reference {
            1 => passwords.mrz_seed.clone().map(Password::Mrz),
            2 => passwords.can.clone().map(Password::Can),
            _ => None,
        };
        let infos = self.image.files.get(&FileId::CARD_ACCESS).and_then(|bytes| SecurityInfos::parse(bytes).ok());
        let parameters = infos.and_then(|infos| {
            infos.pace().find(|info| info.protocol == selection.protocol).and_then(|info| Parameters::from_info(info, &infos).ok())
        });
        let (Some(password), Some(parameters)) = (password, parameters) else { return Response::status(0x6A88) };
        self.pace = pace::Chip::select(parameters, password, None).ok();
        Response::ok([])
    }

    fn set_chip_auth(&mut self, command: &Command) -> (Response, Option<SecureMessaging>) {
        if self.lie == Lie::RefusesChipAuth {
            return (Response::status(0x6A80), None);
        }
        if command.p2 == 0xA4 {
            let Ok(selection) = chip_auth::Selection::parse(&command.data) else { return (Response::status(0x6A80), None) };
            self.chip_auth = Some(selection.protocol);
            return (Response::ok([]), None);
        }
        match chip_auth::KeyAgreementTemplate::parse(&command.data) {
            Ok(template) => self.agree(ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::TripleDes }, &template.ephemeral),
            Err(_) => (Response::status(0x6A80), None),
        }
    }

    fn agree(&mut self, protocol: ChipAuthProtocol, ephemeral: &[u8]) -> (Response, Option<SecureMessaging>) {
        let key = self.image.chip_auth[0].key.clone();
        let key = if self.lie == Lie::OtherChipKey { AgreementPrivateKey::generate(&key.domain(), &mut self.rng) } else { key };
        match chip_auth::agree(chip_auth::Version::One, protocol, &key, ephemeral, &mut self.rng) {
            // MSE:Set KAT is answered without data
            Ok(agreed) if protocol.suite == Suite::TripleDes => (Response::ok([]), Some(agreed.channel)),
            Ok(agreed) => (Response::ok(agreed.answer), Some(agreed.channel)),
            Err(_) => (Response::status(0x6300), None),
        }
    }

    fn general_authenticate(&mut self, data: &[u8]) -> (Response, Option<SecureMessaging>) {
        if let Some(protocol) = self.chip_auth.take() {
            let Ok(ephemeral) = chip_auth::general_authenticate(data).map(<[u8]>::to_vec) else { return (Response::status(0x6A80), None) };
            return self.agree(protocol, &ephemeral);
        }
        let Some(run) = self.pace.take() else { return (Response::status(0x6985), None) };
        match run.step(data, &mut self.rng) {
            Ok((answer, Progress::More(next))) => {
                self.pace = Some(next);
                (Response::ok(answer), None)
            }
            Ok((answer, Progress::Done(channel))) => (Response::ok(answer), Some(channel)),
            Err(pace::PaceError::Token) => (Response::status(0x6300), None),
            Err(_) => (Response::status(0x6A80), None),
        }
    }

    fn internal_authenticate(&mut self, challenge: &[u8]) -> Response {
        if self.channel.is_none() {
            return Response::status(0x6982);
        }
        let challenge = if self.lie == Lie::ReplaysSignature { &[0; 8] } else { challenge };
        let signature = match &self.image.active_auth {
            Some(ActiveAuthKey::Ec(key)) => {
                let other = eid::crypto::curve::PrivateKey::generate(key.curve(), &mut self.rng);
                let key = if self.lie == Lie::OtherActiveAuthKey { &other } else { key };
                active_auth::sign_ecdsa(key, Hash::Sha256, challenge, &mut self.rng)
            }
            Some(ActiveAuthKey::Rsa { modulus, private_exponent }) => {
                active_auth::sign_rsa(modulus, private_exponent, Hash::Sha256, challenge, &mut self.rng)
            }
            None => return Response::status(0x6D00),
        };
        signature.map_or(Response::status(0x6F00), Response::ok)
    }
}

impl Transport for LyingChip {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        Ok(vec![0x3B, 0x00])
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.commands += 1;
        if matches!(self.lie, Lie::Leaves(n) if self.commands >= n) {
            return Err(TransportError::CardGone { reader: "test".to_owned(), detail: "pulled".to_owned() });
        }
        let answer = self.answer(command).encode();
        // A chip with short APDUs on a link of its own hands out a longer answer in parts; here the link carries it.
        Ok(answer)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        (self.application, self.current, self.channel, self.pace, self.chip_auth) = (false, None, None, None, None);
        Ok(())
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}
