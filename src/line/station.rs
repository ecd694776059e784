//! A station: one process with some readers, which takes jobs and blanks and leaves settled cards.
//!
//! ```text
//! 1 claim ahead, a lease each      2 examine the card: serial, status, keys       3 intent on the disk, then bind in the store
//! 4 write and commit               5 read like at a counter, compare, activate    6 issued, then the good bin
//! ```
//!
//! One worker thread for each reader ([`Station::run`]); one journal on the station's disk. Every card that is put into a reader is settled
//! by the table of [`super::recover`], so that nothing is special after a crash. Results go to the journal first and from its outbox to the
//! store: while the store is away, bound cards are finished, and nothing new is bound.
//!
//! The station refuses to go on after an incident, when too many of the last cards were scrap, and when its journal cannot be written. A
//! reader is out after three failures in a row, or when it cannot be reached any more; the others go on. It never tries a key twice.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eid::image::CardImage;
use rand_core::CryptoRng;

use super::feeder::Feeder;
use super::quality::Quality;
use super::recover::Row;
use super::store::{Attempt, BatchId, Claim, Incident, Job, Moment, Note, Serial, Store, StoreError};
use crate::perso::card_profile::CardProfile;
use crate::perso::plan::ApduForm;
use crate::perso::write::{Masters, Writer};

mod end;
pub mod journal;
mod meter;
mod outbox;
mod rules;
mod saying;
mod start;
mod worker;

pub use journal::{CutOff, Intent, IntentState, Journal, JournalError, JournalFile, UnderWay};
pub use saying::Saying;
pub use worker::Stage;

/// Where the image of a job comes from. The image is in memory only, and forgotten when the card is settled.
pub trait ImageSource: Send + Sync {
    /// The image of a job. The station compares its digest with that of the order.
    ///
    /// # Errors
    /// There is none that can be opened, in words without secrets.
    fn image(&self, job: &Job) -> Result<CardImage, String>;
}

/// The measures of a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Seconds for which a job is claimed.
    pub lease: i64,
    /// Jobs claimed ahead for each reader.
    pub ahead: u32,
    /// Longest time for one card in a reader; then it is scrap.
    pub card_limit: Duration,
    /// How often a card whose link broke is taken up again, while it lies in the reader.
    pub retries: u32,
    /// Failures in a row that put a reader out.
    pub failures_in_a_row: u32,
    /// Of so many last cards …
    pub window: usize,
    /// … so many may be scrap.
    pub scrap_allowed: usize,
    /// How long to wait before a store that is away is asked again, and before jobs that others have claimed are looked at again.
    pub pause: Duration,
    /// Form of the APDUs that write.
    pub apdu: ApduForm,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease: 120,
            ahead: 2,
            card_limit: Duration::from_secs(120),
            retries: 2,
            failures_in_a_row: 3,
            window: 200,
            scrap_allowed: 4,
            pause: Duration::from_millis(250),
            apdu: ApduForm::Frame,
        }
    }
}

/// What a station tells while it works. Several threads tell.
#[derive(Debug)]
pub enum Event<'a> {
    /// A card reached a stage; `done` of `total` APDUs where they are counted, else 0 of 0.
    Stage {
        /// The reader.
        reader: &'a str,
        /// The card, once it is known.
        serial: Option<&'a Serial>,
        /// The stage.
        stage: Stage,
        /// APDUs sent.
        done: usize,
        /// APDUs of the plan.
        total: usize,
    },
    /// A card that was not a fresh blank was settled by this row of the table.
    Settled {
        /// The reader.
        reader: &'a str,
        /// The card.
        serial: &'a Serial,
        /// The row.
        row: Row,
    },
    /// A bound card left the reader, or left it in an earlier run that did not live to say so.
    Attempt(&'a Attempt),
    /// A card without a bond went to the reject bin.
    Rejected {
        /// The reader.
        reader: &'a str,
        /// The card, if it could be read.
        serial: Option<&'a Serial>,
        /// Why.
        why: &'a str,
    },
    /// The store is away, or back.
    Away {
        /// What the store says; `None` when it is back.
        detail: Option<&'a str>,
    },
    /// Something that must not happen did: the station ends.
    Incident(&'a Incident),
    /// A reader is out.
    ReaderOut {
        /// The reader.
        reader: &'a str,
        /// Why.
        why: &'a str,
    },
}

/// Why a station ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing is left to do: every job of the released batches is issued, replaced, or cancelled.
    Finished,
    /// Nothing can be claimed, and some jobs wait for their cards.
    CardsMissing {
        /// Bound, written, or verified: another station is at it, or the card must be found and presented.
        find: u64,
        /// Held: count the card at the scrap desk.
        count: u64,
        /// Claimed by other stations.
        claimed: u64,
    },
    /// The blanks ran out.
    NoBlanks {
        /// Jobs that wait for one.
        jobs: u64,
    },
    /// It was asked to.
    Stopped,
    /// The store is away: what it was not told is in the journal, and is told at the next start.
    StoreAway,
    /// An incident is open: two persons must release it.
    Incident(String),
    /// Every reader is out.
    ReadersOut,
}

/// Why a station cannot work.
#[derive(Debug, thiserror::Error)]
pub enum StationError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store refuses for a reason that is not the line's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One reader with what its worker needs.
pub struct Seat {
    /// Brings the cards.
    pub feeder: Box<dyn Feeder>,
    /// A connection of its own.
    pub store: Box<dyn Store>,
    /// Randomness.
    pub rng: Box<dyn CryptoRng + Send>,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seat({})", self.feeder.name())
    }
}

/// What a station is made of.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// Its name, unique at the site.
    pub name: &'a str,
    /// Its measures.
    pub settings: &'a Settings,
    /// The card product. A product without serial and status cannot be used: the line could not tell its cards from each other.
    pub profile: &'a CardProfile,
    /// Master keys of the site.
    pub masters: &'a Masters,
    /// Images of the jobs.
    pub images: &'a dyn ImageSource,
    /// Quality control.
    pub quality: &'a Quality,
    /// The clock.
    pub clock: &'a (dyn Fn() -> Moment + Sync),
    /// Hears of everything.
    pub tell: &'a (dyn Fn(Event<'_>) + Sync),
    /// Raised from outside to end the work at the next safe place.
    pub stop: &'a AtomicBool,
}

impl std::fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("name", &self.name).field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A station.
pub struct Station<'a> {
    parts: Parts<'a>,
    journal: Mutex<Box<dyn Journal + 'a>>,
    /// Jobs claimed ahead.
    claims: Mutex<VecDeque<Claim>>,
    rules: Mutex<rules::Rules>,
    /// Whoever holds it tells the store what is in the outbox.
    turn: Mutex<()>,
    /// Whether the store is away.
    is_away: AtomicBool,
    halted: Mutex<Option<String>>,
    out_of_blanks: AtomicBool,
    /// Whether the cards of a batch are for persons.
    live: Mutex<BTreeMap<BatchId, bool>>,
    /// Readers that began to work, and those that are out.
    seats: AtomicUsize,
    out: AtomicUsize,
}

impl std::fmt::Debug for Station<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Station").field("parts", &self.parts).finish_non_exhaustive()
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Station<'a> {
    /// A station with its journal.
    #[must_use]
    pub fn new(parts: Parts<'a>, journal: Box<dyn Journal + 'a>) -> Self {
        let rules = rules::Rules::new(parts.settings);
        Self {
            parts,
            journal: Mutex::new(journal),
            claims: Mutex::default(),
            rules: Mutex::new(rules),
            turn: Mutex::default(),
            is_away: AtomicBool::new(false),
            halted: Mutex::default(),
            out_of_blanks: AtomicBool::new(false),
            live: Mutex::default(),
            seats: AtomicUsize::new(0),
            out: AtomicUsize::new(0),
        }
    }

    /// Works with these readers until there is nothing left to do, or something ends it. `store` is for what is not a reader's.
    ///
    /// # Errors
    /// The journal or the store cannot be used. What was done until then is in the journal.
    pub fn run(&self, seats: Vec<Seat>, store: &mut dyn Store) -> Result<End, StationError> {
        self.start(store)?;
        let worked = std::thread::scope(|scope| {
            let workers: Vec<_> = seats.into_iter().map(|seat| scope.spawn(move || self.work(seat))).collect();
            while !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                std::thread::sleep(self.parts.settings.pause);
                if let Err(error) = self.deliver(store) {
                    self.halt(&error.to_string());
                    break;
                }
            }
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect::<Vec<_>>()
        });
        worked.into_iter().collect::<Result<Vec<()>, _>>()?;
        self.finish(store)
    }

    /// Ends every worker: something is wrong.
    fn halt(&self, why: &str) {
        lock(&self.halted).get_or_insert_with(|| why.to_owned());
    }

    /// Whether the work ends at the next safe place.
    fn is_stopping(&self) -> bool {
        self.parts.stop.load(Ordering::Relaxed) || lock(&self.halted).is_some()
    }

    fn now(&self) -> Moment {
        (self.parts.clock)()
    }

    const fn writer(&self) -> Writer<'a> {
        Writer { profile: self.parts.profile, masters: self.parts.masters, apdu: self.parts.settings.apdu }
    }

    fn note(&self, event: &str, subjects: Vec<String>, detail: impl Into<String>) -> Note {
        Note {
            time: self.now(),
            actors: vec![format!("station {}", self.parts.name)],
            event: event.to_owned(),
            subjects,
            detail: detail.into(),
        }
    }
}
