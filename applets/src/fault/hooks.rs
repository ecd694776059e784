//! Where faults act on the card: around the wire, around a command, around the protection of its answer, and on the values of protocols.
//!
//! Each hook begins with one question whether there are faults at all; the strict card answers no.

use eid::apdu::{Command, EXTENDED_LE_MAX, Response, Sw};
use eid::cert::chat::Role;
use eid::cert::cvc::Cvc;
use eid::crypto::agreement::Domain;
use eid::image::{FileId, Home};
use eid::lds::security_info::SecurityInfos;
use eid::secret::Secret;
use eid::sm::SecureMessaging;
use eid::tlv;
use eid::transport::TransportError;
use rand_core::Rng as _;

use super::change::{Change, Given};
use super::injection::{Does, Event, Field, FileChange, Forgery, Habit, Target, Value, Verb};
use super::{Faults, Injector, message};
use crate::card::{Card, Channel, Selected};
use crate::eid_application::restricted_id;
use crate::rng::SeededRng;
use crate::status::{self, Answer, Refusal, refuse};

/// GET DATA to the reader, for the UID of the card in its field (PC/SC part 3, clause 3.2.2.1.3).
const UID: [u8; 5] = [0xFF, 0xCA, 0x00, 0x00, 0x00];

/// Most objects of a command that are looked at.
const TAGS: usize = 8;

/// What a command is, at the moment at which it comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Met {
    verb: Verb,
    file: Option<FileId>,
    role: Option<Role>,
    le: u32,
    /// The tags of the objects in its data, if it has such.
    tags: [u32; TAGS],
}

impl Met {
    fn is(&self, target: &Target) -> bool {
        (target.verb == Verb::Any || target.verb == self.verb)
            && target.file.is_none_or(|file| Some(file) == self.file)
            && target.above.is_none_or(|le| self.le > le)
            && target.below.is_none_or(|le| self.le < le)
            && target.object.is_none_or(|(tag, there)| self.tags.contains(&tag) == there)
            && target.role.is_none_or(|role| self.role.is_some_and(|own| own == role || (own.is_dv() && role.is_dv())))
    }
}

impl Card {
    /// Puts faults into the card, in the place of those that it had; with none it is the strict card again. They count from now on, over
    /// resets too.
    pub fn set_faults(&mut self, faults: &Faults) {
        self.faults = Injector::new(faults).map(Box::new);
    }

    /// Each fault that the card has, with the number of times that it was shown.
    #[must_use]
    pub fn faults_shown(&self) -> Vec<(String, u32)> {
        self.faults.as_ref().map_or_else(Vec::new, |faults| faults.shown())
    }

    /// Whether the card computes with another value than the standard says.
    pub(crate) fn errs(&self, value: Value) -> bool {
        self.faults.as_ref().is_some_and(|faults| faults.says(value))
    }

    /// A random source for values that are wrong, the same each time.
    pub(crate) fn error_source(&self, what: &[u8]) -> SeededRng {
        let seed = self.faults.as_ref().map_or(0, |faults| faults.seed);
        SeededRng::new(&[what, &seed.to_be_bytes()].concat())
    }

    /// One command, with what goes wrong on the wire.
    pub(crate) fn exchange_with_faults(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let Some(faults) = self.faults.as_mut() else { return self.exchange_strictly(command) };
        if command == UID && faults.due(|does| *does == Does::Uid).count() > 0 {
            // 08: a random number and not the card's own (ISO/IEC 14443-3 clause 6.5.4)
            let mut uid = [0x08; 4];
            let mut rng = SeededRng::new(&[faults.seed.to_be_bytes().as_slice(), &faults.activations.to_be_bytes()].concat());
            uid.iter_mut().skip(1).for_each(|byte| *byte = rng.next_u32().to_be_bytes()[0]);
            return Ok([&uid[..], &[0x90, 0x00]].concat());
        }
        if let [0x00, 0xC0, 0x00, 0x00, ..] = command
            && !faults.parts.is_empty()
        {
            let rest = std::mem::take(&mut faults.parts);
            return Ok(faults.in_parts(rest, usize::from(command.get(4).copied().unwrap_or(0))));
        }
        faults.parts.clear();
        faults.gone = false;
        let answer = self.exchange_strictly(command);
        let Some(faults) = self.faults.as_mut() else { return answer };
        if std::mem::take(&mut faults.resets) {
            faults.activations += 1;
            self.ram = crate::card::Volatile::default();
            return answer;
        }
        let answer = answer?;
        Ok(if faults.armed.iter().any(|armed| matches!(armed.step.does, Does::Chain(_))) { faults.in_parts(answer, 0) } else { answer })
    }

    /// Whether the card left the field by a fault, and comes back once it gets power.
    pub(crate) fn left_the_field(&self) -> bool {
        self.faults.as_ref().is_some_and(|faults| faults.gone)
    }

    /// The card gets power.
    pub(crate) fn activated(&mut self) {
        if let Some(faults) = &mut self.faults {
            faults.activations += 1;
            faults.parts.clear();
            faults.last = None;
            faults.met = None;
        }
    }

    /// A command with what goes wrong before and after its handler.
    pub(crate) fn dispatch_with_faults(&mut self, command: &Command) -> Answer {
        let met = self.classify(command);
        let prime = self.prime(&met);
        let Some(faults) = self.faults.as_mut() else { return self.handle(command) };
        faults.met = Some(met);
        let before = faults.before(&met, command);
        self.hold_back(std::time::Duration::from_millis(before.delay.into()));
        if let Some(refusal) = before.refusal {
            self.ram.pace.abort();
            if matches!(met.verb, Verb::CaMse | Verb::CaGa) {
                self.ram.chip_auth = None;
            }
            return refusal;
        }
        let constant = before.constant.then(|| std::mem::replace(&mut self.rng, Box::new(SeededRng::new(b"constant"))));
        let answer = self.handle(before.command.as_ref().unwrap_or(command));
        if let Some(rng) = constant {
            self.rng = rng;
        }
        self.other_channel(&met);
        match (self.faults.as_mut(), answer) {
            (Some(faults), Ok(response)) => faults.after(&met, command, prime, response),
            (_, answer) => answer,
        }
    }

    /// The protected answer to the command under way. `Err` is a status word in the clear, and the end of the channel.
    pub(crate) fn protect_with_faults(&mut self, messaging: &mut SecureMessaging, response: &Response) -> Result<Response, u16> {
        let strict = |messaging: &mut SecureMessaging| messaging.protect_response(response).map_err(|error| error.status().0);
        let Some(faults) = self.faults.as_mut() else { return strict(messaging) };
        let Some(met) = faults.met.take() else { return strict(messaging) };
        let forgery = faults.due(move |does| matches!(does, Does::Message(target, _) if met.is(target))).find_map(|does| match does {
            Does::Message(_, forgery) => Some(forgery.clone()),
            _ => None,
        });
        let protected = match &forgery {
            None => strict(messaging)?,
            Some(Forgery::Abort(status)) => return Err(*status),
            Some(Forgery::Off) => response.clone(),
            Some(Forgery::Replay) => {
                let right = strict(messaging)?;
                faults.last.clone().unwrap_or(right)
            }
            Some(forgery) => message::protect(messaging, response, forgery).map_err(|error| error.status().0)?,
        };
        faults.last = Some(protected.clone());
        Ok(protected)
    }

    /// Keys of a new channel that are not those that were agreed on.
    fn other_channel(&mut self, met: &Met) {
        let Some(Channel::Messaging(next)) = &self.ram.next_channel else { return };
        let suite = next.suite();
        let (other, old) = match met.verb {
            Verb::BacAuth => (self.errs(Value::BacKeys), false),
            Verb::Pace(_) => (self.errs(Value::PaceKeys), false),
            Verb::CaMse | Verb::CaGa => (self.errs(Value::CaKeys), self.errs(Value::CaOldKeys)),
            _ => (false, false),
        };
        if old {
            self.ram.next_channel = None;
        } else if other {
            let mut secret = [0; 32];
            self.error_source(b"channel").fill_bytes(&mut secret);
            self.ram.next_channel = Some(Channel::Messaging(SecureMessaging::from_shared(suite, &Secret::from(secret), &[])));
        }
    }

    fn classify(&self, command: &Command) -> Met {
        let (p1, p2) = (command.p1, command.p2);
        let home = match self.ram.selected {
            Selected::Emrtd => Home::Emrtd,
            Selected::Eid => Home::Eid,
            Selected::MasterFile | Selected::IssuerDomain => Home::Mf,
        };
        let by_fid = |fid| FileId::all().into_iter().find(|file| (file.home, file.fid) == (home, fid));
        let by_sfi = |sfi| FileId::all().into_iter().find(|file| (file.home, file.sfi()) == (home, sfi));
        let mut met = Met { verb: Verb::Any, file: None, role: None, le: command.le.unwrap_or(0), tags: [0; TAGS] };
        let mut objects = tlv::Reader::new(&command.data);
        for tag in &mut met.tags {
            let Ok(Some(object)) = objects.next() else { break };
            *tag = object.tag.0;
        }
        met.verb = match (command.ins, p1) {
            (0xA4, 0x04) => Verb::SelectAid,
            (0xA4, 0x00) if matches!(command.data[..], [] | [0x3F, 0x00]) => Verb::SelectMf,
            (0xA4, _) => {
                met.file = <[u8; 2]>::try_from(&command.data[..]).ok().and_then(|fid| by_fid(u16::from_be_bytes(fid)));
                Verb::SelectEf
            }
            (0xB0, p1) => {
                met.file = if p1 & 0x80 == 0 { self.ram.current } else { by_sfi(p1 & 0x1F) };
                Verb::Read
            }
            (0xB1, _) => {
                met.file = match u16::from_be_bytes([p1, p2]) {
                    0x0000 | 0xFFFF => self.ram.current,
                    short @ 0x0001..=0x001E => by_sfi(short.to_be_bytes()[1]),
                    fid => by_fid(fid),
                };
                Verb::Read
            }
            (0xD6, p1) => {
                met.file = if p1 & 0x80 == 0 { self.ram.current } else { by_sfi(p1 & 0x1F) };
                Verb::Update
            }
            (0x20, _) => Verb::AuxVerify,
            (0x2C, _) => Verb::PinReset,
            (0x04 | 0x44, _) => Verb::PinSwitch,
            (0x84, _) if self.ram.access.is_none() => Verb::BacChallenge,
            (0x84, _) => Verb::TaChallenge,
            (0x82, _) if self.ram.access.is_none() => Verb::BacAuth,
            (0x82, _) => Verb::TaAuth,
            (0x88, _) => Verb::AaSign,
            (0x2A, _) => {
                met.role = Cvc::from_content(&command.data).ok().map(|certificate| certificate.chat().role());
                Verb::TaPso
            }
            (0x22, _) => match (p1, p2) {
                (0xC1, 0xA4) => Verb::PaceMse,
                (0x41, 0xA4) if restricted_id::is_meant(command) => Verb::RiMse,
                (0x41, _) => Verb::CaMse,
                (0x81, 0xB6) => Verb::TaDst,
                (0x81, 0xA4) => Verb::TaMse,
                _ => Verb::Any,
            },
            // the parts before the last of a long key are not the step yet
            (0x86, _) if self.ram.chip_auth.is_some() => {
                if command.cla & 0x10 == 0 {
                    Verb::CaGa
                } else {
                    Verb::Any
                }
            }
            (0x86, _) if self.ram.restricted_id.is_some() => Verb::RiGa,
            (0x86, _) => match tlv::single(&command.data, 0x7C).ok().map(|template| template.value.first().copied()) {
                Some(None) => Verb::Pace(1),
                Some(Some(0x81)) => Verb::Pace(2),
                Some(Some(0x83)) => Verb::Pace(3),
                Some(Some(0x85)) => Verb::Pace(4),
                _ => Verb::Any,
            },
            _ => Verb::Any,
        };
        met
    }

    /// The prime of the group that EF.CardAccess announces, for values that are none of it.
    fn prime(&self, met: &Met) -> Option<Vec<u8>> {
        if !matches!(met.verb, Verb::Pace(_)) {
            return None;
        }
        let infos = SecurityInfos::parse(self.file(FileId::CARD_ACCESS).ok()??).ok()?;
        let id = infos.pace().next()?.parameter_id?;
        match Domain::standardized(id)? {
            Domain::Dh(group) => Some(group.p().to_vec()),
            Domain::Ec(_) => None,
        }
    }
}

/// What is to be done in the place of a command, or to it.
#[derive(Default)]
struct Before {
    refusal: Option<Answer>,
    command: Option<Command>,
    constant: bool,
    delay: u32,
}

impl Injector {
    fn before(&mut self, met: &Met, command: &Command) -> Before {
        let mut before = Before::default();
        let met = *met;
        let mut changes: Vec<Change> = Vec::new();
        let mut gone = false;
        let by_sfi =
            (command.ins == 0xB0 && command.p1 & 0x80 != 0) || (command.ins == 0xB1 && command.p1 == 0 && (1..=0x1E).contains(&command.p2));
        let due = self.due(move |does| match does {
            Does::Refuse(target, _) | Does::Command(target, _) | Does::Constant(target) => met.is(target),
            Does::Event(target, Event::Drop | Event::Delay(_)) => met.is(target),
            Does::Habit(Habit::NoSfi) => met.verb == Verb::Read && by_sfi,
            Does::Habit(Habit::NoFid) => met.verb == Verb::SelectEf,
            _ => false,
        });
        for does in due {
            match does {
                Does::Refuse(_, 0x9000) => before.refusal = Some(status::done()),
                Does::Refuse(_, sw) => before.refusal = Some(refuse(*sw)),
                Does::Command(_, change) => changes.push(change.clone()),
                Does::Constant(_) => before.constant = true,
                Does::Event(_, Event::Delay(time)) => before.delay = *time,
                Does::Event(..) => gone = true,
                Does::Habit(Habit::NoSfi) => before.refusal = Some(refuse(status::NOT_FOUND)),
                // function not supported
                Does::Habit(Habit::NoFid) => before.refusal = Some(refuse(0x6A81)),
                _ => {}
            }
        }
        if gone {
            self.gone = true;
            before.refusal = Some(left());
        }
        if !changes.is_empty() {
            let mut command = command.clone();
            let mut given = Given { echo: None, prime: None, rng: &mut self.rng };
            changes.iter().for_each(|change| change.apply(&mut command.data, &mut given));
            before.command = Some(command);
        }
        before
    }

    fn after(&mut self, met: &Met, command: &Command, prime: Option<Vec<u8>>, mut response: Response) -> Answer {
        let met = *met;
        let (sw, len) = (response.sw.0, response.data.len());
        let asked = command.le.map_or(0, |le| le as usize);
        let offset = usize::from(u16::from_be_bytes([command.p1 & 0x7F, command.p2]));
        let (from, until) = (offset, offset + len);
        let again = met.file.is_some_and(|file| self.read.get(&file).is_some_and(|&read| from < read));
        let all = asked == 256 || asked == EXTENDED_LE_MAX as usize;
        let due: Vec<Does> = self
            .due(move |does| match does {
                Does::Answer(target, ..) | Does::Status(target, _) | Does::Event(target, Event::Lost | Event::Reset) => met.is(target),
                Does::Habit(Habit::EndOfFile(_)) => met.verb == Verb::Read && sw == status::END_OF_FILE,
                Does::Habit(Habit::Short(most)) => met.verb == Verb::Read && len > *most,
                Does::Habit(Habit::Long(_)) => met.verb == Verb::Read && len > 0 && !all,
                Does::File(file, FileChange::ByBlock(most)) => met.verb == Verb::Read && met.file == Some(*file) && len > *most,
                Does::File(file, FileChange::Reread) => met.verb == Verb::Read && met.file == Some(*file) && again,
                _ => false,
            })
            .cloned()
            .collect();
        if let (Verb::Read, Some(file)) = (met.verb, met.file) {
            let read = self.read.entry(file).or_default();
            *read = until.max(*read);
        }
        for does in due {
            match does {
                Does::Answer(_, Field::Data, change) => {
                    let mut given = Given { echo: None, prime: prime.clone(), rng: &mut self.rng };
                    change.apply(&mut response.data, &mut given);
                }
                Does::Answer(_, Field::Object(tag), change) => {
                    let echo = tag.checked_sub(1).and_then(|sent| object(&command.data, sent));
                    let mut given = Given { echo, prime: prime.clone(), rng: &mut self.rng };
                    response.data = with_object(&response.data, tag, &change, &mut given);
                }
                Does::Status(_, status) => response.sw = Sw(status),
                Does::Event(_, Event::Lost) => {
                    self.gone = true;
                    return left();
                }
                Does::Event(..) => self.resets = true,
                Does::Habit(Habit::EndOfFile(0x6C00)) => {
                    let left = u16::try_from(len.min(255)).unwrap_or(255);
                    response = Response::status(0x6C00 | left);
                }
                Does::Habit(Habit::EndOfFile(status::END_OF_FILE)) => {}
                Does::Habit(Habit::EndOfFile(sw)) => response = Response::status(sw),
                Does::Habit(Habit::Short(most)) => {
                    response.data.truncate(most);
                    response.sw = Sw::OK;
                }
                Does::Habit(Habit::Long(more)) => response.data.resize(len + more, 0),
                Does::File(..) => response.data.last_mut().into_iter().for_each(|last| *last ^= 0x01),
                _ => {}
            }
        }
        Ok(response)
    }

    /// The bytes of a file as the card gives them; `None` where they are those of its memory.
    pub(crate) fn content(&mut self, file: FileId, bytes: &[u8]) -> Option<&[u8]> {
        let due: Vec<Change> = self
            .due(move |does| matches!(does, Does::File(other, FileChange::Bytes(_)) if *other == file))
            .filter_map(|does| if let Does::File(_, FileChange::Bytes(change)) = does { Some(change.clone()) } else { None })
            .collect();
        if due.is_empty() {
            return None;
        }
        let mut content = bytes.to_vec();
        let mut given = Given { echo: None, prime: None, rng: &mut self.rng };
        due.iter().for_each(|change| change.apply(&mut content, &mut given));
        self.files.insert(file, content);
        self.files.get(&file).map(Vec::as_slice)
    }

    /// An answer, or the rest of one, as 61xx allows it: `le` bytes of data, 0 for as many as the fault says.
    fn in_parts(&mut self, answer: Vec<u8>, le: usize) -> Vec<u8> {
        let most = self.armed.iter().find_map(|armed| if let Does::Chain(most) = armed.step.does { Some(most) } else { None });
        let most = most.unwrap_or(256);
        let most = if le == 0 { most } else { most.min(le) };
        let data = answer.len().saturating_sub(2);
        if data <= most || self.due(|does| matches!(does, Does::Chain(_))).count() == 0 {
            return answer;
        }
        let rest = answer.get(most..).unwrap_or_default().to_vec();
        let left = u8::try_from(rest.len() - 2).unwrap_or(0);
        self.parts = rest;
        [answer.get(..most).unwrap_or_default(), &[0x61, left]].concat()
    }
}

fn left() -> Answer {
    Err(Refusal::Mute("left the field".to_owned()))
}

/// The value of an object in a template 7C.
fn object(data: &[u8], tag: u32) -> Option<Vec<u8>> {
    let mut members = tlv::single(data, 0x7C).ok()?.reader();
    while let Ok(Some(member)) = members.next() {
        if member.tag == tlv::Tag(tag) {
            return Some(member.value.to_vec());
        }
    }
    None
}

/// A template 7C with one object changed.
fn with_object(data: &[u8], tag: u32, change: &Change, given: &mut Given<'_>) -> Vec<u8> {
    let mut members = Vec::new();
    if let Ok(template) = tlv::single(data, 0x7C) {
        let mut reader = template.reader();
        while let Ok(Some(member)) = reader.next() {
            members.push((member.tag.0, member.value.to_vec()));
        }
    }
    if !members.iter().any(|(other, _)| *other == tag) {
        members.push((tag, Vec::new()));
    }
    for (other, value) in members.iter_mut().filter(|(other, _)| *other == tag) {
        change.apply(value, given);
        if let Change::Retag(to) = change {
            *other = *to;
        }
    }
    if *change == Change::Drop {
        members.retain(|(other, _)| *other != tag);
    }
    let mut inner = Vec::new();
    members.iter().for_each(|(tag, value)| tlv::push(&mut inner, *tag, value));
    tlv::encode(0x7C, &inner)
}
