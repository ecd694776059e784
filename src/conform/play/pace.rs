//! PACE, with changes.

use eid::apdu::{Command, EXTENDED_LE_MAX};
use eid::cert::chat::{Chat, Role, TerminalType};
use eid::crypto::agreement::AgreementPrivateKey;
use eid::crypto::kdf::Suite;
use eid::lds::security_info::{Agreement, Mapping, PaceProtocol};
use eid::protocol::mapping::{GenericMapping, TerminalMapping};
use eid::protocol::pace::{PaceError, Parameters, Password, Terminal};
use eid::secret::Secret;
use rand_core::CryptoRng;

use super::super::link::Answer;
use super::super::shape;
use super::super::step::alteration::{Alteration, Change, Form, Place, Spoil, Variant};
use super::{Outcome, Player, Seen, Sent, Trouble, taken};

/// How a command of PACE ended.
enum Ended {
    Goes(Answer),
    Over(Seen),
}

impl Player<'_, '_> {
    pub(super) fn pace(&mut self, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let parameters = self.parameters(alterations)?;
        let password = self.password(alterations)?;
        self.holder.touched |= matches!(password, Password::Pin(_) | Password::Puk(_));
        let same = self.profile.pace.iter().filter(|other| other.protocol() == parameters.protocol()).count();
        let terminal = Terminal::new(parameters.clone(), &password);
        let mut select = terminal.select(same > 1);
        let chats = [
            (Variant::Chat34, vec![Chat::READ_DG3, Chat::READ_DG4]),
            (Variant::Chat3, vec![Chat::READ_DG3]),
            (Variant::Chat4, vec![Chat::READ_DG4]),
        ];
        if let Some((_, rights)) = chats.into_iter().find(|(variant, _)| alterations.contains(&Alteration::Variant(*variant))) {
            select.data.extend(Chat::new(TerminalType::Inspection, Role::Terminal, rights).encode());
        }
        for alteration in alterations {
            if let Alteration::Chat(kind, without) = alteration {
                let rights = kind.rights().map(|(bit, _)| bit).filter(|bit| Some(*bit) != *without);
                select.data.extend(Chat::new(*kind, Role::Terminal, rights).encode());
            }
        }
        let wrong = |place, error: PaceError, answer| Ok(Seen::new(Outcome::Wrong(place, error.to_string()), Some(answer)));
        macro_rules! send {
            ($place:expr, $command:expr, $token:expr) => {
                match self.pace_command($place, $command, alterations, &parameters, $token)? {
                    Ended::Goes(answer) => answer,
                    Ended::Over(seen) => return Ok(seen),
                }
            };
        }
        send!(Place::Mse, select, None);

        let (command, state) = terminal.request_nonce();
        let answer = send!(Place::Ga1, command, None);
        if alterations.contains(&Alteration::Variant(Variant::Nonce)) {
            return Ok(Seen::new(Outcome::Stopped, Some(answer)));
        }
        let mapping = self.mapping(&parameters, alterations)?;
        let (command, state) = match state.map(&answer.data, mapping) {
            Ok(next) => next,
            Err(error) => return wrong(Place::Ga1, error, answer),
        };

        let answer = send!(Place::Ga2, command, None);
        let form = form(alterations, Place::Ga3);
        let (rng, mut missed) = (&mut *self.rng, None);
        let next = state.receive_with(&answer.data, |generator| {
            let drawn = form.map(|form| shape::search(form, parameters.domain(), &mut |key| generator.public(key).ok(), rng));
            match drawn {
                Some(Ok(key)) => key,
                Some(Err(why)) => {
                    missed = Some(why);
                    generator.generate(rng)
                }
                None => generator.generate(rng),
            }
        });
        if let Some(why) = missed {
            return Err(Trouble::Impossible(why));
        }
        let (command, state) = match next {
            Ok(next) => next,
            Err(error) => return wrong(Place::Ga2, error, answer),
        };

        let answer = send!(Place::Ga3, command, None);
        let (command, state) = match state.receive(&answer.data) {
            Ok(next) => next,
            Err(error) => return wrong(Place::Ga3, error, answer),
        };

        let answer = send!(Place::Ga4, command, Some(state.danger_bare_token()));
        match state.receive(&answer.data) {
            Ok(established) => {
                self.bound.after_access(Some(established.chip_key.compressed()));
                self.link.channel = Some(established.channel);
                Ok(Seen::new(Outcome::Opened, Some(answer)))
            }
            Err(error) => wrong(Place::Ga4, error, answer),
        }
    }

    /// The entry of EF.CardAccess that the step asks for.
    pub(super) fn parameters(&self, alterations: &[Alteration]) -> Result<Parameters, Trouble> {
        let fits = |parameters: &&Parameters| {
            let mapping = parameters.protocol().mapping();
            alterations.iter().all(|alteration| match alteration {
                Alteration::Variant(Variant::Gm) => mapping == Mapping::Generic,
                Alteration::Variant(Variant::Im) => mapping == Mapping::Integrated,
                Alteration::Variant(Variant::Cam) => mapping == Mapping::ChipAuthentication,
                Alteration::Variant(Variant::NotCam) => mapping != Mapping::ChipAuthentication,
                Alteration::Variant(Variant::Map) => mapping != Mapping::Integrated,
                _ => true,
            })
        };
        let found = self.profile.pace.iter().find(fits);
        found.cloned().ok_or_else(|| Trouble::Impossible("EF.CardAccess has no PACE of that kind that can be run here".to_owned()))
    }

    pub(super) fn password(&self, alterations: &[Alteration]) -> Result<Password, Trouble> {
        let wants = |variant| alterations.contains(&Alteration::Variant(variant));
        // the MRZ is for inspection systems
        let service = alterations.iter().any(|alteration| matches!(alteration, Alteration::Chat(..)));
        let of_holder = wants(Variant::Pin) || wants(Variant::Puk);
        let found = self.passwords.iter().find(|password| match password {
            Password::Mrz(_) => !of_holder && !wants(Variant::Can) && (!service || wants(Variant::Mrz)),
            Password::Can(_) => !of_holder && !wants(Variant::Mrz),
            Password::Pin(_) => wants(Variant::Pin),
            Password::Puk(_) => wants(Variant::Puk),
        });
        let missing = if wants(Variant::Pin) {
            "the PIN of the card, which was not given"
        } else if wants(Variant::Puk) {
            "the PUK of the card, which was not given"
        } else if wants(Variant::Can) || service && !wants(Variant::Mrz) {
            "the CAN of the card, which was not given"
        } else if wants(Variant::Mrz) {
            "the MRZ of the card, which was not given"
        } else {
            "the CAN or the MRZ of the card, which was not given"
        };
        let password = found.cloned().ok_or_else(|| Trouble::Missing(missing.to_owned()))?;
        let password = self.holder.now(password);
        if !wants(Variant::WrongKey) {
            return Ok(password);
        }
        let other = |secret: &Secret| {
            let mut other = secret.expose().to_vec();
            super::super::alter::flip(&mut other);
            Secret::new(other)
        };
        Ok(match &password {
            Password::Mrz(secret) => Password::Mrz(other(secret)),
            Password::Can(secret) => Password::Can(other(secret)),
            Password::Pin(secret) => Password::Pin(other(secret)),
            Password::Puk(secret) => Password::Puk(other(secret)),
        })
    }

    fn mapping(&mut self, parameters: &Parameters, alterations: &[Alteration]) -> Result<TerminalMapping, Trouble> {
        let Some(form) = form(alterations, Place::Ga2) else { return Ok(TerminalMapping::start(parameters, self.rng)) };
        let domain = parameters.domain();
        let key =
            shape::search(form, domain, &mut |key: &AgreementPrivateKey| Some(key.public()), self.rng).map_err(Trouble::Impossible)?;
        Ok(TerminalMapping::Generic(GenericMapping::with_key(key)))
    }

    fn pace_command(
        &mut self,
        place: Place,
        command: Command,
        alterations: &[Alteration],
        parameters: &Parameters,
        bare_token: Option<[u8; 8]>,
    ) -> Result<Ended, Trouble> {
        let long = parameters.domain().public_len() > 240 && matches!(place, Place::Ga2 | Place::Ga3);
        let command = if long { Command { le: Some(EXTENDED_LE_MAX), extended: true, ..command } } else { command };
        let profile = self.profile;
        let mut spoil = |how: Spoil, _: &[u8], rng: &mut dyn CryptoRng| match how {
            Spoil::OtherSize => Ok(shape::other_size(parameters.domain(), rng)),
            Spoil::Foreign => foreign(&profile.offered).map(PaceProtocol::octets).ok_or_else(|| "the card offers every PACE".to_owned()),
            Spoil::Own => Ok(vec![parameters.id()]),
            Spoil::Unknown => (0..=0x1F)
                .rev()
                .find(|id| profile.pace.iter().all(|offered| offered.id() != *id))
                .map(|id| vec![id])
                .ok_or_else(|| "the card has every set of domain parameters".to_owned()),
            Spoil::BareToken => bare_token.map(|token| token.to_vec()).ok_or_else(|| "there is no token in this command".to_owned()),
            _ => Err("not a change of PACE".to_owned()),
        };
        let answer = match self.exchange(place, command, alterations, &mut spoil)? {
            Sent::Answer(answer) => answer,
            Sent::Stopped(answer) => return Ok(Ended::Over(Seen::new(Outcome::Stopped, Some(answer)))),
        };
        // of a password that counts MSE:Set AT says how it stands, and goes on
        let of_holder = [Variant::Pin, Variant::Puk].iter().any(|variant| alterations.contains(&Alteration::Variant(*variant)));
        let warned = of_holder && place == Place::Mse && matches!(answer.sw.sw1(), 0x62 | 0x63);
        Ok(if taken(answer.sw) || warned { Ended::Goes(answer) } else { Ended::Over(Seen::new(Outcome::Refused(place), Some(answer))) })
    }
}

/// The form of key that a command shall have.
fn form(alterations: &[Alteration], place: Place) -> Option<Form> {
    alterations.iter().find_map(|alteration| match alteration {
        Alteration::Change(at, Change::Key(form)) if *at == place => Some(*form),
        _ => None,
    })
}

/// A protocol that is not offered.
fn foreign(offered: &[PaceProtocol]) -> Option<PaceProtocol> {
    let suites = [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256];
    let all = [Mapping::Generic, Mapping::Integrated].into_iter().flat_map(|mapping| {
        [Agreement::Ecdh, Agreement::Dh]
            .into_iter()
            .flat_map(move |agreement| suites.into_iter().filter_map(move |suite| PaceProtocol::new(mapping, agreement, suite)))
    });
    all.into_iter().find(|protocol| !offered.contains(protocol))
}
