//! PACE on the chip (Doc 9303-11 §4.4): MSE:Set AT, then four GENERAL AUTHENTICATE, all but the last with the chaining bit.
//!
//! The chip does what its EF.CardAccess announces: any mapping over any standardized domain, explicit parameters if they are one of these.
//! Where it announces several domains for a protocol, object 84 must say which (6A88). MRZ and CAN never block; the PIN is suspended at one try left until the CAN was
//! right in the same session, and blocked at none; the PUK is blocked at none (TR-03110-2 §3.3). MSE:Set AT warns of what GENERAL AUTHENTICATE then
//! refuses: 63C0 and 6983, 63C1 and 6985, and for a PIN that is deactivated 6283 and 6984.

use eid::apdu::{Command, Response};
use eid::cert::chat::{Chat, TerminalType};
use eid::crypto::agreement::{AgreementKey, AgreementPrivateKey, Domain};
use eid::crypto::curve::PrivateKey;
use eid::image::FileId;
use eid::lds::security_info::{Mapping, PaceInfo, SecurityInfos};
use eid::protocol::pace::chip::{Progress, Selection};
use eid::protocol::pace::{Chip, PaceError, Parameters, Password};

use super::terminal_auth::TerminalRun;
use crate::card::{Access, Card, Channel};
use crate::fault::Value;
use crate::status::{self, Answer, Refusal, done, refuse};
use crate::store::Counters;

const MRZ: u8 = 1;
const CAN: u8 = 2;
pub(crate) const PIN: u8 = 3;
pub(crate) const PUK: u8 = 4;

/// A run of PACE, if one is under way.
#[derive(Debug, Default)]
pub(crate) struct PaceRun(Option<Run>);

#[derive(Debug)]
struct Run {
    chip: Chip,
    reference: u8,
    chat: Option<Chat>,
    domain: Domain,
    integrated: bool,
}

impl PaceRun {
    /// Forgets the run.
    pub(crate) fn abort(&mut self) {
        self.0 = None;
    }
}

/// Whether a terminal of that type may use the password (TR-03110-2 §2.3): the MRZ is for inspection systems, the PIN for the others, the PUK for
/// authentication terminals. A password that does not exist is another matter, as is a terminal that names no type.
const fn may_use(terminal: TerminalType, reference: u8) -> bool {
    match reference {
        MRZ => matches!(terminal, TerminalType::Inspection),
        PIN => !matches!(terminal, TerminalType::Inspection),
        PUK => matches!(terminal, TerminalType::Authentication),
        _ => true,
    }
}

impl Card {
    /// MSE:Set AT 00 22 C1 A4 { 80 protocol, 83 password, 84 parameters, 7F4C CHAT }: 9000, or 63CX where X tries are left for PIN or PUK, or 6283
    /// where the PIN is deactivated.
    pub(crate) fn select_pace(&mut self, command: &Command) -> Answer {
        let wanted = Selection::parse(&command.data).or(refuse(status::WRONG_DATA))?;
        if wanted.chat.is_some_and(|chat| !may_use(chat.terminal(), wanted.reference)) {
            return refuse(status::WRONG_DATA);
        }
        let resumes_pin = self.ram.access == Some(Access::Pace(CAN)) && wanted.reference == PIN;
        if self.ram.access.is_some() && !resumes_pin && !self.errs(Value::AccessAgain) {
            return refuse(status::SECURITY_STATUS);
        }
        let parameters = self.pace_suite(self.pace_parameters(&wanted)?);
        let password = self.password(wanted.reference)?;
        self.ram.chip_auth = None;
        let static_key = self.cam_key(&parameters)?;
        let (domain, integrated) = (parameters.domain().clone(), parameters.protocol().mapping() == Mapping::Integrated);
        let chip = Chip::select(parameters, password, static_key.as_ref()).or(refuse(status::NO_REFERENCE))?;
        self.ram.pace = PaceRun(Some(Run { chip, reference: wanted.reference, chat: wanted.chat, domain, integrated }));
        self.state_of(wanted.reference)
    }

    /// What MSE:Set AT says of a password.
    fn state_of(&self, reference: u8) -> Answer {
        if reference == PIN && self.errs(Value::PinSilent) {
            return done();
        }
        if reference == PIN && !self.pin_is_active() {
            return refuse(status::DEACTIVATED);
        }
        match self.tries(reference) {
            Some((1, _)) if reference == PIN && self.errs(Value::PinNoSuspension) => done(),
            Some((0, _)) if reference == PIN && self.errs(Value::PinNoBlock) => done(),
            Some((left, all)) if left < all => refuse(status::TRIES_LEFT | u16::from(left)),
            _ => done(),
        }
    }

    /// What GENERAL AUTHENTICATE says of a password that may not be used now.
    fn may_be_used(&self, reference: u8) -> Result<(), Refusal> {
        let refusal = match self.tries(reference) {
            _ if reference == PIN && !self.pin_is_active() => status::NOT_USABLE,
            Some((0, _)) if reference != PIN || !self.errs(Value::PinNoBlock) => status::BLOCKED,
            Some((1, _)) if reference == PIN && !self.is_resumed() => status::CONDITIONS,
            _ => return Ok(()),
        };
        refuse(if reference == PIN && self.errs(Value::PinRefusal) { status::SECURITY_STATUS } else { refusal })
    }

    /// Whether the CAN was right before, which lifts the suspension of the PIN.
    fn is_resumed(&self) -> bool {
        self.ram.access == Some(Access::Pace(CAN)) || self.errs(Value::PinNoSuspension) || self.resumed_before()
    }

    fn pace_parameters(&self, wanted: &Selection) -> Result<Parameters, Refusal> {
        let file = self.file(FileId::CARD_ACCESS)?.ok_or(Refusal::Status(status::NO_REFERENCE))?;
        let infos = SecurityInfos::parse(file).or(refuse(status::NO_REFERENCE))?;
        let offered: Vec<&PaceInfo> = infos.pace().filter(|info| info.protocol == wanted.protocol).collect();
        let named: Vec<_> = offered.iter().filter(|info| wanted.parameter_id.is_none_or(|id| info.parameter_id == Some(id))).collect();
        match (offered.is_empty(), named.as_slice()) {
            (true, _) => refuse(status::WRONG_DATA),
            (false, [info]) => Parameters::from_info(info, &infos).or(refuse(status::WRONG_DATA)),
            (false, _) => refuse(status::NO_REFERENCE),
        }
    }

    /// The static key of chip authentication mapping: the key of Chip Authentication whose id is that of the domain parameters, or the
    /// only one without an id on that curve.
    fn cam_key(&self, parameters: &Parameters) -> Result<Option<PrivateKey>, Refusal> {
        if !parameters.is_cam() {
            return Ok(None);
        }
        let keys = self.own_keys(Value::CamKey, self.chip_auth_keys()?);
        let by_id = |id: Option<u32>| keys.iter().find(|key| key.key_id == id && key.key.domain() == *parameters.domain());
        let key = by_id(Some(parameters.id().into())).or_else(|| by_id(None)).map(|key| &key.key);
        Ok(key.and_then(|key| if let AgreementPrivateKey::Ec(key) = key { Some(key.clone()) } else { None }))
    }

    fn password(&self, reference: u8) -> Result<Password, Refusal> {
        let passwords = self.passwords()?;
        let password = match reference {
            MRZ => passwords.mrz_seed.map(Password::Mrz),
            CAN => passwords.can.map(Password::Can),
            PIN => passwords.pin.map(Password::Pin),
            PUK => passwords.puk.map(Password::Puk),
            _ => None,
        };
        password.ok_or(Refusal::Status(status::NO_REFERENCE))
    }

    /// Tries left and tries at the start.
    fn tries(&self, reference: u8) -> Option<(u8, u8)> {
        match reference {
            PIN => Some((self.pin_tries(), Counters::PIN_TRIES)),
            PUK => Some((self.store.counters().puk_tries, Counters::PUK_TRIES)),
            _ => None,
        }
    }

    /// One GENERAL AUTHENTICATE.
    pub(crate) fn pace(&mut self, command: &Command) -> Answer {
        let Some(Run { mut chip, reference, chat, domain, integrated }) = self.ram.pace.0.take() else {
            return refuse(status::CONDITIONS);
        };
        let (last, chained) = (chip.expects_last(), command.cla & 0x10 != 0);
        if last && chained {
            return refuse(status::LAST_OF_CHAIN);
        }
        if !last && !chained {
            return refuse(status::WRONG_DATA);
        }
        self.may_be_used(reference)?;
        if matches!(chip, Chip::Selected(_)) && matches!(reference, MRZ | CAN) {
            self.serve_delay();
        }
        if last {
            self.count_try(reference)?;
        }
        // Whoever names rights learns under which keys to prove them.
        if let (true, Some(chat), Ok(trust)) = (last, chat, self.trust_points()) {
            chip = chip.with_references(trust.references(chat.terminal()).map(|reference| reference.as_bytes().to_vec()));
        }
        let multiples = match &chip {
            // own key, shared point, and the nonce times the generator; or the nonce as a point
            Chip::Mapping(_) => {
                if integrated {
                    1
                } else {
                    3
                }
            }
            // own key, shared secret
            Chip::Agreement(_) => 2,
            Chip::Selected(_) | Chip::Token(_) => 0,
        };
        self.works_in(&domain, multiples);
        let chip_key = chip.public_key().map(AgreementKey::compressed);
        match chip.step(&command.data, &mut *self.rng) {
            Ok((answer, Progress::More(chip))) => {
                self.ram.pace = PaceRun(Some(Run { chip, reference, chat, domain, integrated }));
                Ok(Response::ok(answer))
            }
            Ok((answer, Progress::Done(channel))) => {
                self.forgive_tries(reference)?;
                self.ram.access = Some(Access::Pace(reference));
                self.password_was_right(reference == CAN);
                self.ram.terminal = TerminalRun::after_pace(chip_key.unwrap_or_default(), chat);
                self.ram.next_channel = Some(Channel::Messaging(channel));
                Ok(Response::ok(answer))
            }
            Err(PaceError::Token) => match self.tries(reference) {
                Some((left, _)) => refuse(status::TRIES_LEFT | u16::from(left)),
                None => refuse(status::AUTH_FAILED),
            },
            Err(_) => refuse(status::WRONG_DATA),
        }
    }

    /// Written and read back before the comparison, so that a power cut does not give a try back.
    fn count_try(&mut self, reference: u8) -> Result<(), Refusal> {
        let mut counters = *self.store.counters();
        match reference {
            PIN if self.errs(Value::PinStuckDown) => {}
            PIN => {
                counters.pin_tries = self.pin_tries().saturating_sub(1);
                counters.pin_changes = self.pin_changes().unwrap_or(counters.pin_changes);
            }
            PUK => counters.puk_tries = counters.puk_tries.saturating_sub(1),
            _ => return self.count_access_failure(),
        }
        Ok(self.store.set_counters(counters)?)
    }

    fn forgive_tries(&mut self, reference: u8) -> Result<(), Refusal> {
        let mut counters = *self.store.counters();
        match reference {
            PIN if self.errs(Value::PinStuckUp) => {}
            PIN => {
                counters.pin_tries = Counters::PIN_TRIES;
                counters.pin_changes = self.pin_changes().unwrap_or(counters.pin_changes);
            }
            PUK => counters.puk_tries = Counters::PUK_TRIES,
            _ => return self.forgive_access_failures(),
        }
        Ok(self.store.set_counters(counters)?)
    }
}
