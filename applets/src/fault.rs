//! Cards that misbehave on purpose, for who tests inspection systems: a catalogue of faults by their ids, and the card that shows them.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use applets::fault::{Faults, catalogue};
//! # let kdd = *b"\0\0\0EID\0\0\0\x01";
//! # let config = applets::CardConfig::new(kdd, 0x30, eid::scp03::kdf3(&eid::secret::Secret::from([0x40; 16]), kdd)?);
//! # let nvm = applets::store::nvm::RamNvm::new(applets::CardConfig::MEMORY);
//! # let mut card = applets::Card::blank(&config, nvm, Box::new(applets::rng::SeededRng::new(b"doc")))?;
//! // let mut card = Card::open(path, rng)?;
//! card.set_faults(&Faults::named(&["VF-SEL-001", "VF-SM-012@3"])?.seed(7));
//! let answer = card.exchange(&[0x00, 0xA4, 0x04, 0x0C, 7, 0xA0, 0, 0, 2, 0x47, 0x10, 1])?;
//! assert_eq!(answer, [0x6A, 0x82], "{}", catalogue::find("VF-SEL-001").ok_or("listed")?.fault);
//! assert_eq!(card.faults_shown(), [("VF-SEL-001".to_owned(), 1), ("VF-SM-012".to_owned(), 0)]);
//! card.set_faults(&Faults::default()); // the strict card again
//! # Ok(())
//! # }
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | [`catalogue`] | every fault as data: what it is, how it is injected, what an inspection must find |
//! | [`personality`] | how genuine cards of states behave, for who reads them |
//! | `injection` | the language in which a fault says what goes wrong, where, and when |
//! | `change` | changes of bytes |
//! | `hooks` | the places of the card at which a fault acts: around a command, its protection, and the wire |
//! | `values` | keys, nonces, and signatures that are others |
//! | `pin` | what is remembered of passwords |
//! | `message` | protected answers with forgeries under the right keys |
//!
//! A card without faults pays one comparison for each command and stays the strict card that it is. Faults that lie in the data or the
//! signatures of a card are built where images are built; here they are listed, and refused by [`Faults::named`].

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use eid::apdu::Response;
use eid::image::FileId;

use crate::rng::SeededRng;

pub mod catalogue;
mod change;
mod hooks;
mod injection;
mod message;
pub mod personality;
mod pin;
mod trust;
mod values;

use catalogue::{Engine, State};
pub use injection::InjectionError;
pub(crate) use injection::Value;
use injection::{Does, Step, Trigger};

/// Why faults cannot be put into a card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is no such personality.
    #[error("expected as=XX with one of {known}, found {found:?}")]
    Personality {
        /// What was asked for.
        found: String,
        /// Which there are.
        known: String,
    },
    /// The catalogue has no such fault.
    #[error("expected the id of a fault of the catalogue, found {found:?}")]
    Unknown {
        /// What was asked for.
        found: String,
    },
    /// The card cannot show it.
    #[error("{id}, {fault}: {why}")]
    NotShown {
        /// The fault.
        id: &'static str,
        /// What it is.
        fault: &'static str,
        /// Why a card does not show it.
        why: String,
    },
    /// What follows @ is no number from 1.
    #[error("{found:?}: expected ID@n, n from 1")]
    Time {
        /// What was asked for.
        found: String,
    },
    /// What follows `seed=` is no number.
    #[error("{found:?}: expected seed=n")]
    Seed {
        /// What was found.
        found: String,
    },
    /// An injection that is none.
    #[error("injection {0}")]
    Injection(#[from] InjectionError),
}

/// Faults for a card: which, when, and from which seed random bytes come; and as whose cards they behave
/// otherwise. The text form is `ID[@n],…[,as=XX][,do=STEP][,seed=n]`, with a step of an injection that has no commas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    chosen: Vec<Chosen>,
    seed: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Chosen {
    /// The id, or the injection itself.
    name: String,
    injection: String,
    at: Option<u32>,
}

impl Faults {
    /// The faults with these ids. `ID@n` shows it only the n-th time that it could be shown.
    ///
    /// # Errors
    /// [`FaultError`]; also for a fault that is not one of the chip.
    pub fn named<S: AsRef<str>>(ids: &[S]) -> Result<Self, FaultError> {
        ids.iter().try_fold(Self::default(), |faults, id| faults.and(id.as_ref()))
    }

    /// What an injection says that is in no catalogue. The language is described in `docs/faults.md` and at the head of `applets/src/fault/injection.rs`.
    ///
    /// # Errors
    /// [`FaultError::Injection`].
    pub fn injected(text: &str) -> Result<Self, FaultError> {
        Self::default().doing(text)
    }

    /// What an injection says too.
    ///
    /// # Errors
    /// [`FaultError::Injection`].
    pub fn doing(mut self, text: &str) -> Result<Self, FaultError> {
        injection::parse(text)?;
        self.chosen.push(Chosen { name: text.to_owned(), injection: text.to_owned(), at: None });
        Ok(self)
    }

    /// The habits of the cards of a state too: `NZ`.
    ///
    /// # Errors
    /// [`FaultError::Personality`].
    pub fn behaving_as(mut self, id: &str) -> Result<Self, FaultError> {
        let known = || personality::all().iter().map(|one| one.id).collect::<Vec<_>>().join(", ");
        let one = personality::find(id).ok_or_else(|| FaultError::Personality { found: id.to_owned(), known: known() })?;
        self.chosen.push(Chosen { name: format!("as={}", one.id), injection: one.injection.to_owned(), at: None });
        Ok(self)
    }

    /// This fault too.
    ///
    /// # Errors
    /// As [`named`](Self::named).
    pub fn and(mut self, id: &str) -> Result<Self, FaultError> {
        let (id, at) = match id.split_once('@') {
            None => (id, None),
            Some((name, at)) => {
                let at = at.parse().ok().filter(|&at| at > 0).ok_or_else(|| FaultError::Time { found: id.to_owned() })?;
                (name, Some(at))
            }
        };
        let fault = catalogue::find(id).ok_or_else(|| FaultError::Unknown { found: id.to_owned() })?;
        let why = match fault.state() {
            State::Implemented if fault.engine == Engine::Chip => None,
            State::Implemented => Some("it lies in the document; `cardwright sim faulty` makes one".to_owned()),
            State::NotYet | State::Impossible => Some(fault.why_not.to_owned()),
        };
        if let Some(why) = why {
            return Err(FaultError::NotShown { id: fault.id, fault: fault.fault, why });
        }
        self.chosen.push(Chosen { name: fault.id.to_owned(), injection: fault.injection.to_owned(), at });
        Ok(self)
    }

    /// All of them only the n-th time that each could be shown, but the habits of [`behaving_as`](Self::behaving_as); `n` from 1.
    #[must_use]
    pub fn at(mut self, n: u32) -> Self {
        self.chosen.iter_mut().filter(|chosen| !chosen.name.starts_with("as=")).for_each(|chosen| chosen.at = Some(n.max(1)));
        self
    }

    /// Random bytes come from this seed; 0 where none is given.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The same without the habits of [`behaving_as`](Self::behaving_as).
    #[must_use]
    pub fn as_nobody(mut self) -> Self {
        self.chosen.retain(|chosen| !chosen.name.starts_with("as="));
        self
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.chosen.is_empty()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, chosen) in self.chosen.iter().enumerate() {
            f.write_str(if n > 0 { "," } else { "" })?;
            f.write_str(if chosen.name == chosen.injection { "do=" } else { "" })?;
            f.write_str(&chosen.name)?;
            chosen.at.map_or(Ok(()), |at| write!(f, "@{at}"))?;
        }
        if self.seed == 0 { Ok(()) } else { write!(f, ",seed={}", self.seed) }
    }
}

impl FromStr for Faults {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        text.split(',').try_fold(Self::default(), |faults, part| match part.split_once('=') {
            Some(("as", id)) => faults.behaving_as(id),
            Some(("do", step)) => faults.doing(step),
            Some(("seed", seed)) => Ok(faults.seed(seed.parse().map_err(|_| FaultError::Seed { found: part.to_owned() })?)),
            _ => faults.and(part),
        })
    }
}

/// A step that waits for its time.
#[derive(Debug)]
struct Armed {
    step: Step,
    /// Whose step it is, by its place in [`Injector::names`].
    of: usize,
    met: Cell<u32>,
}

/// The faults of a card, and what they remember.
#[derive(Debug)]
pub(crate) struct Injector {
    armed: Vec<Armed>,
    names: Vec<String>,
    shown: Vec<Cell<u32>>,
    rng: SeededRng,
    seed: u64,
    /// Files with other bytes.
    files: BTreeMap<FileId, Vec<u8>>,
    /// Up to where each file was read.
    read: BTreeMap<FileId, usize>,
    /// The command under way, for what protects its answer.
    met: Option<hooks::Met>,
    /// The protected answer before this one.
    last: Option<Response>,
    /// What is left of an answer that goes out in parts.
    parts: Vec<u8>,
    /// The card left the field, and can come back.
    gone: bool,
    /// Everything volatile is forgotten once the answer is out.
    resets: bool,
    activations: u32,
    /// What is remembered of terminals longer than it may be.
    terminal: trust::Remembered,
    /// The CAN was right once.
    resumed: bool,
}

impl Injector {
    fn new(faults: &Faults) -> Option<Self> {
        let mut armed = Vec::new();
        for (of, chosen) in faults.chosen.iter().enumerate() {
            // both ways to choose have parsed it
            for mut step in injection::parse(&chosen.injection).unwrap_or_default() {
                step.at = chosen.at.map_or(step.at, Trigger::At);
                armed.push(Armed { step, of, met: Cell::new(0) });
            }
        }
        (!faults.is_empty()).then(|| Self {
            armed,
            names: faults.chosen.iter().map(|chosen| chosen.name.clone()).collect(),
            shown: faults.chosen.iter().map(|_| Cell::new(0)).collect(),
            rng: SeededRng::new(&[&b"faults"[..], &faults.seed.to_be_bytes()].concat()),
            seed: faults.seed,
            files: BTreeMap::new(),
            read: BTreeMap::new(),
            met: None,
            last: None,
            parts: Vec::new(),
            gone: false,
            resets: false,
            terminal: trust::Remembered::default(),
            resumed: false,
            activations: 1,
        })
    }

    /// The steps that mean what happens now and whose time it is: counted.
    fn due<'a>(&'a self, means: impl Fn(&Does) -> bool + 'a) -> impl Iterator<Item = &'a Does> + 'a {
        let due = self.armed.iter().filter(move |armed| means(&armed.step.does));
        due.filter(|armed| {
            let met = armed.met.get().saturating_add(1);
            armed.met.set(met);
            let now = match armed.step.at {
                Trigger::Always => true,
                Trigger::At(n) => met == n,
                Trigger::From(n) => met >= n,
            };
            if let (true, Some(shown)) = (now, self.shown.get(armed.of)) {
                shown.set(shown.get().saturating_add(1));
            }
            now
        })
        .map(|armed| &armed.step.does)
    }

    fn says(&self, value: Value) -> bool {
        self.due(move |does| *does == Does::Value(value)).count() > 0
    }

    /// Each fault with the number of times that it was shown.
    pub(crate) fn shown(&self) -> Vec<(String, u32)> {
        self.names.iter().cloned().zip(self.shown.iter().map(Cell::get)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_read_and_write() {
        for text in ["VF-SM-012", "VF-SM-012@3", "VF-SM-012@3,VF-CA-018,seed=7", "as=NZ,VF-CA-018", "VF-CA-018,do=crypto.aa.hash=sha1"] {
            let faults: Faults = text.parse().expect("faults");
            assert_eq!(faults.to_string(), text);
        }
        assert_eq!(Faults::named(&["VF-SM-012@3"]), Faults::named(&["VF-SM-012"]).map(|faults| faults.at(3)));
        assert!(Faults::default().is_empty());
    }

    #[test]
    fn what_a_card_cannot_show_is_refused_with_the_reason() {
        let why = |text: &str| text.parse::<Faults>().expect_err("no faults").to_string();
        assert_eq!(why("VF-XX-001"), r#"expected the id of a fault of the catalogue, found "VF-XX-001""#);
        assert_eq!(why("VF-SM-012@0"), r#""VF-SM-012@0": expected ID@n, n from 1"#);
        assert_eq!(why("VF-SM-012,seed=x"), r#""seed=x": expected seed=n"#);
        assert_eq!(why("VF-DG1-001"), "VF-DG1-001, tag 62: it lies in the document; `cardwright sim faulty` makes one");
        assert_eq!(why("VF-VDS-001"), "VF-VDS-001, magic constant not DC: no program of ours reads digital seals");
        assert!(why("as=XX").starts_with("expected as=XX with one of AU, CN, "), "{}", why("as=XX"));
        assert!(why("VF-SEL-013").starts_with("VF-SEL-013, two cards in the field: "), "{}", why("VF-SEL-013"));
        assert!(Faults::injected("apdu.read(DG2)=6982").is_ok() && Faults::injected("data.dg2").is_err());
    }

    #[test]
    fn a_step_acts_at_its_time_and_is_counted() {
        let faults = Faults::injected("apdu.any=6A82@2;apdu.any=6A80@3+").expect("an injection");
        let injector = Injector::new(&faults).expect("not empty");
        let now = || {
            let status = |does: &Does| if let Does::Refuse(_, status) = does { *status } else { 0 };
            injector.due(|_| true).map(status).collect::<Vec<_>>()
        };
        assert_eq!([now(), now(), now(), now()], [vec![], vec![0x6A82], vec![0x6A80], vec![0x6A80]]);
        assert_eq!(injector.shown()[0].1, 3);
    }
}
