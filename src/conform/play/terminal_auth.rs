//! Terminal Authentication, one command at a time, with changes; EF.CVCA, which names the keys that a chip trusts.

use eid::apdu::Command;
use eid::cert::cvc::key;
use eid::crypto::agreement::AgreementPrivateKey;
use eid::lds::Elementary as _;
use eid::lds::cvca::{self, Cvca};
use eid::oid;
use eid::protocol::terminal_auth::{self as ta, CHALLENGE_LEN};
use eid::tlv;
use rand_core::CryptoRng;

use super::super::alter;
use super::super::keys::{READER, TestCertificate, TestKeys, TestKeysError};
use super::super::link::{Answer, Wrapping};
use super::super::step::alteration::{Alteration, Change, Place, Spoil, Variant};
use super::{Outcome, Player, Seen, Trouble};

/// What a terminal's signature is over, beside the challenge.
#[derive(Debug, Default)]
pub(super) struct Bound {
    /// Comp(PK) of the chip's key of PACE.
    chip: Option<Vec<u8>>,
    /// Comp(PK) of the terminal's key of Chip Authentication.
    key: Option<Vec<u8>>,
    /// Version 2: the terminal's key, for the Chip Authentication that follows.
    pub(super) ephemeral: Option<AgreementPrivateKey>,
    /// Version 2: auxiliary data, DO'67' whole.
    auxiliary: Vec<u8>,
    /// The challenges of this session, the oldest first.
    challenges: Vec<Vec<u8>>,
}

impl Bound {
    pub(super) fn after_access(&mut self, chip: Option<Vec<u8>>) {
        *self = Self { chip, ..Self::default() };
    }

    pub(super) fn after_chip_authentication(&mut self, key: Vec<u8>) {
        self.key = Some(key);
        self.challenges.clear();
    }
}

impl From<TestKeysError> for Trouble {
    fn from(error: TestKeysError) -> Self {
        match error {
            TestKeysError::Missing(what) => {
                Self::Missing(format!("the private key {what}, or what is made with it, in the folder of test keys"))
            }
            other => Self::Impossible(other.to_string()),
        }
    }
}

impl Player<'_, '_> {
    pub(super) fn with_keys<T>(
        &mut self,
        what: impl FnOnce(&mut TestKeys, &mut dyn CryptoRng) -> Result<T, TestKeysError>,
    ) -> Result<T, Trouble> {
        let keys =
            self.keys.as_mut().ok_or_else(|| Trouble::Missing("test keys for Terminal Authentication, which were not given".to_owned()))?;
        Ok(what(keys, self.rng)?)
    }

    fn certificate(&mut self, name: &str) -> Result<TestCertificate, Trouble> {
        self.with_keys(|keys, rng| keys.certificate(name, rng))
    }

    pub(super) fn set_dst(&mut self, name: &str, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let authority = self.certificate(name)?.authority;
        let command = Command::new(0x00, 0x22, 0x81, 0xB6).with_data(tlv::encode(0x83, &authority));
        self.one(command, alterations)
    }

    pub(super) fn verify_certificate(&mut self, name: &str, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let content = self.certificate(name)?.content;
        self.one(Command::new(0x00, 0x2A, 0x00, 0xBE).with_data(content), alterations)
    }

    pub(super) fn set_at(&mut self, name: &str, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let holder = self.certificate(name)?.holder;
        let command = Command::new(0x00, 0x22, 0x81, 0xA4).with_data(tlv::encode(0x83, &holder));
        self.one(command, alterations)
    }

    /// Version 2: the key that the terminal will use in Chip Authentication goes before it, compressed, and the signature is over it.
    pub(super) fn set_at_with_key(&mut self, name: &str, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let holder = self.certificate(name)?.holder;
        let algorithm = self.with_keys(|keys, _| keys.algorithm_for(name))?;
        let ephemeral = self.new_ephemeral(alterations)?;
        let compressed = ephemeral.public().compressed();
        let none = || Trouble::Impossible("no identifier below id-TA says the algorithm".to_owned());
        let mut objects = tlv::encode(0x80, &oid::encode(key::oid_of(algorithm).ok_or_else(none)?));
        tlv::push(&mut objects, 0x83, &holder);
        self.bound.auxiliary = self.auxiliary(alterations)?;
        objects.extend_from_slice(&self.bound.auxiliary);
        tlv::push(&mut objects, 0x91, &compressed);
        (self.bound.ephemeral, self.bound.key) = (Some(ephemeral), Some(compressed));
        self.one(Command::new(0x00, 0x22, 0x81, 0xA4).with_data(objects), alterations)
    }

    pub(super) fn terminal_challenge(&mut self, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let seen = self.one(ta::get_challenge(), alterations)?;
        if let Some(answer) = seen.answer.as_ref().filter(|answer| answer.sw.is_ok()) {
            self.bound.challenges.push(answer.data.clone());
        }
        Ok(seen)
    }

    pub(super) fn prove(&mut self, name: &str, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let wants = |variant| alterations.contains(&Alteration::Variant(variant));
        let mut chip = match (&self.bound.chip, &self.profile.identifier) {
            (Some(key), _) => key.clone(),
            (None, Some(number)) => number.clone(),
            (None, None) => return Err(Trouble::Missing("the document number, which EF.DG1 did not tell".to_owned())),
        };
        if wants(Variant::OtherIdentifier) {
            alter::flip(&mut chip);
        }
        let challenges = &self.bound.challenges;
        let challenge = if wants(Variant::FirstChallenge) { challenges.first() } else { challenges.last() };
        // who was given none signs something all the same
        let mut challenge = challenge.cloned().unwrap_or_else(|| vec![0; CHALLENGE_LEN]);
        if wants(Variant::ShortChallenge) {
            challenge.pop();
        }
        let message = [chip, challenge, self.bound.key.clone().unwrap_or_default(), self.bound.auxiliary.clone()].concat();
        let signature = self.with_keys(|keys, rng| keys.sign(name, &message, rng))?;
        self.one(ta::external_authenticate(signature), alterations)
    }

    /// Set DST and Verify Certificate for each, until one is refused.
    pub(super) fn chain(&mut self, names: &[String]) -> Result<Seen, Trouble> {
        for name in names {
            for place in [Place::Dst, Place::Verify] {
                let seen = if place == Place::Dst { self.set_dst(name, &[])? } else { self.verify_certificate(name, &[])? };
                if !is_taken(&seen) {
                    return Ok(Seen::new(Outcome::Refused(place), seen.answer));
                }
            }
        }
        Ok(Seen::new(Outcome::Done, None))
    }

    /// Version 2 as it should be, but for the auxiliary data: the certificates, then Set AT, challenge, and proof with the last.
    pub(super) fn terminal_authentication_2(&mut self, names: &[String], alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let seen = self.chain(names)?;
        let Some(own) = names.last().filter(|_| seen.outcome == Outcome::Done) else { return Ok(seen) };
        for place in [Place::At, Place::Challenge, Place::Prove] {
            let seen = match place {
                Place::At => self.set_at_with_key(own, alterations)?,
                Place::Challenge => self.terminal_challenge(&[])?,
                _ => self.prove(own, &[])?,
            };
            if !is_taken(&seen) {
                return Ok(Seen::new(Outcome::Refused(place), seen.answer));
            }
        }
        Ok(Seen::new(Outcome::Done, None))
    }

    /// Chip Authentication if it was not yet, and Terminal Authentication with the rights to read DG3 and DG4.
    pub(super) fn rights(&mut self) -> Result<Seen, Trouble> {
        let names = READER.map(str::to_owned);
        let [_, own] = &names;
        self.certificate(own)?;
        if self.bound.key.is_none() {
            let seen = self.chip_authentication(&[])?;
            if seen.outcome != Outcome::Opened {
                return Ok(seen);
            }
        }
        let seen = self.chain(&names)?;
        if seen.outcome != Outcome::Done {
            return Ok(seen);
        }
        for place in [Place::At, Place::Challenge, Place::Prove] {
            let seen = match place {
                Place::At => self.set_at(own, &[])?,
                Place::Challenge => self.terminal_challenge(&[])?,
                _ => self.prove(own, &[])?,
            };
            if !is_taken(&seen) {
                return Ok(Seen::new(Outcome::Refused(place), seen.answer));
            }
        }
        Ok(Seen::new(Outcome::Done, None))
    }

    /// One command as the changes want it; a long one in parts where the link carries only short ones.
    fn one(&mut self, mut command: Command, alterations: &[Alteration]) -> Result<Seen, Trouble> {
        let wants = |variant| alterations.contains(&Alteration::Variant(variant));
        let mut twice = false;
        for alteration in alterations {
            match alteration {
                Alteration::Change(_, Change::Twice) => twice = true,
                Alteration::Change(_, Change::Before(bytes)) => drop(self.link.raw(bytes)?),
                // it was made of that form
                Alteration::Change(_, Change::Key(_)) => {}
                Alteration::Change(_, change) => {
                    alter::apply(&mut command, change, &mut |spoil, old| match spoil {
                        Spoil::Unknown => Ok(unknown(old)),
                        spoil => alter::simple(spoil, old).ok_or_else(|| "not a change of Terminal Authentication".to_owned()),
                    })
                    .map_err(Trouble::Impossible)?;
                }
                // of what is in the command
                Alteration::Variant(_) | Alteration::Chat(..) | Alteration::Auxiliary(_) => {}
            }
        }
        if wants(Variant::Class8C) {
            command.cla |= 0x80;
        }
        let mut answer = self.parts(&command, wants(Variant::Plain))?;
        if twice {
            answer = self.parts(&command, wants(Variant::Plain))?;
        }
        Ok(Seen::new(Outcome::Answered, Some(answer)))
    }

    fn parts(&mut self, command: &Command, plain: bool) -> Result<Answer, Trouble> {
        let parts = self.link.parts(command);
        let mut answer = None;
        for part in &parts {
            let next = if plain { self.link.plain(part)? } else { self.link.send(part)? };
            let goes = next.sw.is_ok();
            answer = Some(next);
            if !goes {
                break;
            }
        }
        answer.ok_or_else(|| Trouble::Impossible("no command to send".to_owned()))
    }

    /// Whether the answer is EF.CVCA, and names the holders of these certificates.
    pub(super) fn cvca(&self, names: &[String], answer: Option<&Answer>) -> Result<(), String> {
        let Some(answer) = answer else { return Err("EF.CVCA".to_owned()) };
        let mut quirks = Vec::new();
        let file = Cvca::read(&answer.data, &mut quirks).map_err(|error| format!("EF.CVCA ({error})"))?;
        if answer.data.len() != cvca::LEN {
            return Err(format!("EF.CVCA of {} bytes", cvca::LEN));
        }
        let found: Vec<_> = file.references().map(ToString::to_string).collect();
        let holder =
            |name: &String| self.keys.as_ref().and_then(|keys| keys.holder(name)).map_or_else(|| name.clone(), |name| name.to_string());
        let wanted: Vec<_> = names.iter().map(holder).collect();
        if wanted.is_empty() || wanted == found {
            return Ok(());
        }
        Err(format!("EF.CVCA with {}, not with {}", wanted.join(" and "), found.join(" and ")))
    }
}

fn is_taken(seen: &Seen) -> bool {
    seen.answer.as_ref().is_some_and(|answer| answer.sw.is_ok() && answer.wrapping == Wrapping::Secured)
}

/// The name of a key that no chip has: another sequence number.
fn unknown(name: &[u8]) -> Vec<u8> {
    let mut name = name.to_vec();
    name.iter_mut().rev().take(3).for_each(|digit| *digit = b'9');
    name
}
