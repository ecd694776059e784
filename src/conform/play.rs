//! The player: does what a step says, and judges what is seen.
//!
//! A protocol runs as the terminal of [`eid::protocol`] runs it, with the changes of the step in its commands; what the card refuses is an
//! outcome like any other. Nothing is repeated with another form, and a wrong answer is told, not forgiven.

use eid::apdu::{Command, Sw};
use eid::image::EMRTD_AID;
use eid::protocol::pace::Password;
use eid::tlv;
use eid::transport::TransportError;
use rand_core::CryptoRng;

use super::alter;
use super::feature::Feature;
use super::keys::TestKeys;
use super::link::{Answer, Link, LinkError, Wrapping};
use super::profile::Profile;
use super::run::Access;
use super::step::alteration::{Alteration, Change, Place, Spoil, Variant};
use super::step::expect::{End, Expectation};
use super::step::{Action, Step};
use terminal_auth::Bound;

mod active_auth;
mod bac;
mod chip_auth;
mod eid_application;
mod pace;
mod pin;
mod terminal_auth;

/// Why a step could not be done. None of these is a statement about the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The card went away.
    Gone(TransportError),
    /// Something that the caller did not give is needed.
    Missing(String),
    /// The step cannot be done in this state, or over this link.
    Impossible(String),
}

impl From<LinkError> for Trouble {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Transport(error) => Self::Gone(error),
            other => Self::Impossible(other.to_string()),
        }
    }
}

/// What happened in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// It was done; there is nothing to say.
    Done,
    /// The card answered.
    Answered,
    /// The protocol ended with a session.
    Opened,
    /// The card refused a command of the protocol.
    Refused(Place),
    /// The card accepted, but what it sent is wrong: at which command, and why.
    Wrong(Place, String),
    /// Another command ended the protocol.
    Stopped,
    /// The session lives, or not.
    Probed(bool),
}

/// What was seen in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    outcome: Outcome,
    /// The last answer.
    answer: Option<Answer>,
    /// Why a signature does not verify; `None` if it does, or if there was none.
    signature: Option<Result<(), String>>,
}

impl Seen {
    const fn new(outcome: Outcome, answer: Option<Answer>) -> Self {
        Self { outcome, answer, signature: None }
    }

    fn describe(&self) -> String {
        let answer = self.answer.as_ref().map_or_else(String::new, describe);
        match &self.outcome {
            Outcome::Done => "done".to_owned(),
            Outcome::Answered => answer,
            Outcome::Opened => "a session".to_owned(),
            Outcome::Refused(place) => format!("a refusal of {place}: {answer}"),
            Outcome::Wrong(place, why) => format!("at {place} {answer}, but {why}"),
            Outcome::Stopped => format!("a stop: {answer}"),
            Outcome::Probed(true) => "a session that lives".to_owned(),
            Outcome::Probed(false) => "a session that is gone".to_owned(),
        }
    }
}

fn describe(answer: &Answer) -> String {
    let data = match answer.data.len() {
        0 => "without data".to_owned(),
        1 => "with 1 byte".to_owned(),
        len => format!("with {len} bytes"),
    };
    let wrapping = match &answer.wrapping {
        Wrapping::Plain => "in the clear".to_owned(),
        Wrapping::Secured => "under secure messaging".to_owned(),
        Wrapping::Broken(why) => format!("that do not verify ({why})"),
    };
    format!("{} {data} {wrapping}", answer.sw)
}

/// Gives a value that only the protocol has for the old one of an object, or says why there is none.
type Spoiling<'a> = dyn FnMut(Spoil, &[u8], &mut dyn CryptoRng) -> Result<Vec<u8>, String> + 'a;

/// One command of a protocol: the card's answer, or that another took its place.
enum Sent {
    Answer(Answer),
    Stopped(Answer),
}

/// Plays steps against a card.
pub(super) struct Player<'a, 'c> {
    pub(super) link: Link<'c>,
    pub(super) profile: &'a Profile,
    pub(super) passwords: &'a [Password],
    pub(super) rng: &'a mut dyn CryptoRng,
    pub(super) strict: bool,
    /// The card may count a failure: something was refused that was authenticated by a password.
    pub(super) offended: bool,
    /// How the card is opened where both ways are there.
    pub(super) access: Option<Access>,
    /// Certificates and keys of Terminal Authentication, if some were given.
    pub(super) keys: Option<TestKeys>,
    /// Data of the answer before.
    previous: Option<Vec<u8>>,
    /// What a terminal's signature is over.
    bound: Bound,
    /// The last protocol opened a session.
    opened: bool,
    /// PIN and CAN as the card has them now.
    holder: pin::Holder,
    /// What a step of this case remembered.
    remembered: Option<Vec<u8>>,
}

impl<'a, 'c> Player<'a, 'c> {
    pub(super) fn new(link: Link<'c>, profile: &'a Profile, passwords: &'a [Password], rng: &'a mut dyn CryptoRng, strict: bool) -> Self {
        let (access, keys, bound) = (None, None, Bound::default());
        Self {
            link,
            profile,
            passwords,
            rng,
            strict,
            offended: false,
            access,
            keys,
            previous: None,
            bound,
            opened: false,
            holder: pin::Holder::of(passwords),
            remembered: None,
        }
    }

    /// Plays steps until one does not show what it must; `Err` inside says what was expected and found, and in which step. The exchanges
    /// are numbered from `first`, or all 0 where that is 0.
    pub(super) fn play(&mut self, steps: &[Step], first: usize) -> Result<Result<(), String>, Trouble> {
        self.previous = None;
        for (n, step) in steps.iter().enumerate() {
            self.link.step = if first == 0 { 0 } else { first + n };
            if !self.opened && step.alterations.contains(&Alteration::Variant(Variant::WhereOpened)) {
                continue;
            }
            let seen = self.act(step)?;
            match &seen.outcome {
                Outcome::Opened => self.opened = true,
                Outcome::Refused(_) | Outcome::Wrong(..) | Outcome::Stopped => self.opened = false,
                _ => {}
            }
            if matches!(&seen.outcome, Outcome::Refused(Place::Auth | Place::Ga4)) {
                self.offended = true;
            }
            let missed = step.expect.iter().find_map(|expected| self.judge(expected, &seen).err());
            if let Some(missed) = missed {
                return Ok(Err(format!("step {} ({step}): expected {missed}, found {}", n + 1, seen.describe())));
            }
            if let Some(answer) = seen.answer {
                if step.expect.contains(&Expectation::Remember) {
                    self.remembered = Some(value(&answer.data).to_vec());
                }
                self.previous = Some(answer.data);
            }
        }
        Ok(Ok(()))
    }

    /// Opens the card as it should be opened, which sets back what it counts.
    pub(super) fn settle(&mut self) -> Result<(), Trouble> {
        self.link.reset()?;
        self.access().map(drop)
    }

    fn act(&mut self, step: &Step) -> Result<Seen, Trouble> {
        let alterations = step.alterations.as_slice();
        let answered = |answer| Seen::new(Outcome::Answered, Some(answer));
        Ok(match &step.action {
            Action::Reset => {
                self.link.reset()?;
                self.bound = Bound::default();
                Seen::new(Outcome::Done, None)
            }
            Action::Mf => answered(self.link.send(&Command::new(0x00, 0xA4, 0x00, 0x0C).with_data([0x3F, 0x00]))?),
            Action::Application => answered(self.select_application()?),
            Action::Plain(apdu) => {
                let digits = self.digits_of(apdu)?;
                answered(self.link.raw(&apdu.bytes(self.profile.cvca, digits.expose(), self.rng))?)
            }
            Action::Secured(apdu) => {
                let digits = self.digits_of(apdu)?;
                let bytes = apdu.bytes(self.profile.cvca, digits.expose(), self.rng);
                let command = Command::parse(&bytes).map_err(|error| Trouble::Impossible(error.to_string()))?;
                let answer = self.secured(&command, alterations)?;
                self.kept(apdu, &digits, &answer);
                answered(answer)
            }
            Action::Probe => {
                let old = alterations.contains(&Alteration::Variant(Variant::Old));
                let (alive, answer) = if old { self.link.probe_old()? } else { self.link.probe()? };
                Seen::new(Outcome::Probed(alive), answer)
            }
            Action::Bac => self.bac(alterations)?,
            Action::Pace => self.pace(alterations)?,
            Action::Ask => answered(self.ask(alterations)?),
            Action::Suspend => answered(self.suspend()?),
            Action::Access => self.access()?,
            Action::ChipAuthentication => self.chip_authentication(alterations)?,
            Action::ActiveAuthentication
                if alterations.contains(&Alteration::Variant(Variant::WhereThere)) && !self.profile.has(Feature::Aa) =>
            {
                Seen { signature: Some(Ok(())), ..Seen::new(Outcome::Done, None) }
            }
            Action::ActiveAuthentication => self.active_authentication()?,
            Action::Rights if !self.profile.has(Feature::Eac) => Seen::new(Outcome::Done, None),
            Action::Rights => self.rights()?,
            Action::SetDst(name) => self.set_dst(name, alterations)?,
            Action::Verify(name) => self.verify_certificate(name, alterations)?,
            Action::Chain(names) => self.chain(names)?,
            Action::SetAt(name) => self.set_at(name, alterations)?,
            Action::SetAtWithKey(name) => self.set_at_with_key(name, alterations)?,
            Action::ChipAuthentication2 => self.chip_authentication_2(alterations)?,
            Action::TerminalAuthentication2(names) => self.terminal_authentication_2(names, alterations)?,
            Action::EidApplication => answered(self.select_eid()?),
            Action::RestrictedIdentification(key) => self.restricted_identification(key, alterations)?,
            Action::Challenge => self.terminal_challenge(alterations)?,
            Action::Prove(name) => self.prove(name, alterations)?,
        })
    }

    fn select_application(&mut self) -> Result<Answer, Trouble> {
        Ok(self.link.send(&Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(EMRTD_AID))?)
    }

    /// PACE where the card has it, else Basic Access Control, or as the caller wants it where the card has both; and the application.
    fn access(&mut self) -> Result<Seen, Trouble> {
        let by_bac = self.access == Some(Access::Bac) && self.profile.has(Feature::Bac);
        let opened = if self.profile.has(Feature::Pace) && !by_bac {
            self.pace(&[])?
        } else {
            self.select_application()?;
            return self.bac(&[]);
        };
        if opened.outcome == Outcome::Opened {
            let answer = self.select_application()?;
            if !answer.sw.is_ok() || answer.wrapping != Wrapping::Secured {
                return Ok(Seen::new(Outcome::Answered, Some(answer)));
            }
        }
        Ok(opened)
    }

    fn secured(&mut self, command: &Command, alterations: &[Alteration]) -> Result<Answer, Trouble> {
        let old_counter = alterations.contains(&Alteration::Change(Place::Message, Change::OldCounter));
        let mut failed = None;
        let mut edit = |protected: &mut Command| {
            for alteration in alterations {
                let Alteration::Change(_, change) = alteration else { continue };
                let changed = alter::apply(protected, change, &mut |spoil, old| {
                    alter::simple(spoil, old).ok_or_else(|| "not under secure messaging".to_owned())
                });
                failed = failed.take().or(changed.err());
            }
        };
        let answer = self.link.secured(command, old_counter, &mut edit)?;
        failed.map_or(Ok(answer), |why| Err(Trouble::Impossible(why)))
    }

    /// Sends a command of a protocol as the changes of `place` want it. `spoil` gives values that only the protocol has.
    fn exchange(
        &mut self,
        place: Place,
        mut command: Command,
        alterations: &[Alteration],
        spoil: &mut Spoiling<'_>,
    ) -> Result<Sent, Trouble> {
        let (mut twice, in_the_clear) = (false, alterations.contains(&Alteration::Variant(Variant::Plain)));
        for alteration in alterations {
            let Alteration::Change(at, change) = alteration else { continue };
            if *at != place {
                continue;
            }
            match change {
                Change::Before(bytes) => drop(self.link.raw(bytes)?),
                Change::Instead(bytes) => return Ok(Sent::Stopped(self.link.raw(bytes)?)),
                Change::Twice => twice = true,
                change => {
                    let rng = &mut *self.rng;
                    let mut value = |how, old: &[u8]| alter::simple(how, old).map_or_else(|| spoil(how, old, rng), Ok);
                    alter::apply(&mut command, change, &mut value).map_err(Trouble::Impossible)?;
                }
            }
        }
        let mut send = || if in_the_clear { self.link.plain(&command) } else { self.link.send(&command) };
        if twice {
            send()?;
        }
        Ok(Sent::Answer(send()?))
    }

    fn judge(&self, expected: &Expectation, seen: &Seen) -> Result<(), String> {
        let opened = seen.outcome == Outcome::Opened;
        let answer = seen.answer.as_ref();
        let (right, what) = match expected {
            Expectation::Codes(codes) => {
                let allowed = answer.is_some_and(|answer| codes.iter().any(|code| code.allows(answer.sw, self.strict)));
                (opened || allowed, codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "))
            }
            Expectation::Exactly(word) => (answer.is_some_and(|answer| answer.sw.0 == *word), format!("{word:04X}")),
            Expectation::Secured => {
                (opened || answer.is_some_and(|answer| answer.wrapping == Wrapping::Secured), "an answer under secure messaging".to_owned())
            }
            Expectation::Plain => {
                let plain = answer.is_some_and(|answer| answer.wrapping == Wrapping::Plain);
                (opened || plain, "an answer in the clear".to_owned())
            }
            Expectation::Data => (answer.is_some_and(|answer| !answer.data.is_empty()), "data".to_owned()),
            Expectation::Empty => (answer.is_some_and(|answer| answer.data.is_empty()), "no data".to_owned()),
            Expectation::Len(len) => (answer.is_some_and(|answer| answer.data.len() == *len), format!("{len} bytes")),
            Expectation::First(first) => {
                (answer.is_some_and(|answer| answer.data.first() == Some(first)), format!("data that begin with {first:02X}"))
            }
            Expectation::Differs => (
                answer.is_some_and(|answer| self.previous.as_ref().is_some_and(|previous| *previous != answer.data)),
                "other data than before".to_owned(),
            ),
            Expectation::Remember => (answer.is_some(), "an answer".to_owned()),
            Expectation::Same | Expectation::Other => {
                let same = answer.zip(self.remembered.as_ref()).map(|(answer, before)| value(&answer.data) == before.as_slice());
                let wanted = *expected == Expectation::Same;
                (same == Some(wanted), if wanted { "the value of before" } else { "another value than before" }.to_owned())
            }
            Expectation::Lacks(tag) => (answer.is_some_and(|answer| !has_object(&answer.data, *tag)), format!("no object {tag:02X}")),
            Expectation::Has(tag) => (answer.is_some_and(|answer| has_object(&answer.data, *tag)), format!("an object {tag:02X}")),
            Expectation::Cvca(names) => match self.cvca(names, answer) {
                Ok(()) => (true, String::new()),
                Err(what) => (false, what),
            },
            Expectation::Valid => match &seen.signature {
                Some(Err(why)) => return Err(format!("a valid signature ({why})")),
                Some(Ok(())) => (true, String::new()),
                None => (false, "a signature".to_owned()),
            },
            Expectation::Ends(ends) => {
                (ends.iter().any(|end| reached(*end, &seen.outcome)), ends.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "))
            }
            Expectation::Alive => (seen.outcome == Outcome::Probed(true), "a session that lives".to_owned()),
            Expectation::Gone => (seen.outcome == Outcome::Probed(false), "a session that is gone".to_owned()),
            Expectation::Done => (seen.outcome == Outcome::Done, "that it is done".to_owned()),
        };
        if right { Ok(()) } else { Err(what) }
    }
}

fn reached(end: End, outcome: &Outcome) -> bool {
    match (end, outcome) {
        (End::Opens, Outcome::Opened) | (End::Fails, Outcome::Refused(_)) | (End::Stops, Outcome::Stopped) => true,
        (End::FailsAt(place), Outcome::Refused(at)) => place == *at,
        (End::FailsFrom(place), Outcome::Refused(at)) => at.order() >= place.order(),
        _ => false,
    }
}

/// The value of the first object of dynamic authentication data; other data as they are.
fn value(data: &[u8]) -> &[u8] {
    let first = tlv::single(data, 0x7C).ok().and_then(|template| template.reader().next().ok().flatten());
    first.map_or(data, |object| object.value)
}

/// Whether dynamic authentication data have an object.
fn has_object(data: &[u8], tag: u32) -> bool {
    let Ok(template) = tlv::single(data, 0x7C) else { return false };
    let mut reader = template.reader();
    while let Ok(Some(object)) = reader.next() {
        if object.tag.0 == tag {
            return true;
        }
    }
    false
}

/// Whether a step of a protocol went on.
fn taken(sw: Sw) -> bool {
    sw.is_ok()
}
