//! One worker with one reader: a card comes, is settled by the table, and goes to its bin.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use eid::image::CardImage;
use eid::transport::TransportError;
use rand_core::CryptoRng;

use super::{Event, IntentState, Seat, Station, StationError, lock};
use crate::line::feeder::{Bin, Feeder, FeederError, Load};
use crate::line::recover::Row;
use crate::line::store::{BatchId, Job, JobId, Moment, Serial, Store, StoreError};

mod begin;
mod make;
mod settle;

/// Where a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The reader waits for a card.
    Waiting,
    /// Serial and status are read.
    Identify,
    /// Bound in the store.
    Bind,
    /// The image is written.
    Write,
    /// Quality control reads it.
    Inspect,
    /// It becomes operational.
    Activate,
}

/// How often it is looked whether a card that a person is asked for is still wanted.
const LOOK: Duration = Duration::from_secs(1);

/// What comes after a look at a card.
enum Next {
    /// It is settled.
    To(Bin),
    /// The link broke. The table decides again, after a reset.
    Again(TransportError),
}

/// A card in the reader.
struct Trial {
    started: Moment,
    /// Milliseconds of identify, write, inspect, activate, and of waiting for the store.
    spent: [u32; 5],
    serial: Option<Serial>,
    /// Its job, once it is bound.
    job: Option<(JobId, BatchId)>,
    /// Number of the attempt, once it is under way.
    number: Option<i64>,
    /// The row by which the card was taken up, if it is no fresh blank.
    row: Option<Row>,
    resumed: bool,
}

/// What is to be made of a bound card.
struct Order<'a> {
    serial: &'a Serial,
    job: &'a Job,
    nonce: [u8; 16],
    image: &'a CardImage,
    live: bool,
}

/// Whether there is work for the next blank.
enum There {
    /// A job is claimed.
    Job,
    /// Others have claimed what is left; it may come back.
    Later,
    /// Nothing but cards that must be found and presented.
    Cards,
    /// Nothing.
    Nothing,
}

struct Worker<'s, 'a> {
    station: &'s Station<'a>,
    feeder: Box<dyn Feeder>,
    store: Box<dyn Store>,
    rng: Box<dyn CryptoRng + Send>,
    reader: String,
    /// Batches of which this reader has had a card in quality control.
    known: BTreeSet<BatchId>,
    failures: u32,
    /// The card in the reader, if it was issued before it came.
    issued_before: Option<Serial>,
}

impl<'a> Station<'a> {
    /// Works at one reader until there is nothing left for it, or something ends the work. [`run`](Station::run) does this for each reader in
    /// a thread of its own; [`start`](Station::start) comes before it, [`finish`](Station::finish) after it.
    ///
    /// # Errors
    /// The journal or the store cannot be used.
    pub fn work(&self, seat: Seat) -> Result<(), StationError> {
        self.seats.fetch_add(1, Ordering::Relaxed);
        let reader = seat.feeder.name().to_owned();
        let mut worker = Worker {
            station: self,
            feeder: seat.feeder,
            store: seat.store,
            rng: seat.rng,
            reader,
            known: BTreeSet::new(),
            failures: 0,
            issued_before: None,
        };
        let done = worker.run();
        if let Err(error) = &done {
            self.halt(&error.to_string());
        }
        done
    }
}

impl Worker<'_, '_> {
    fn run(&mut self) -> Result<(), StationError> {
        let station = self.station;
        let settings = station.parts.settings;
        let stopping = || station.is_stopping();
        while !stopping() {
            if !self.feeder.has_left_over() {
                match self.there()? {
                    There::Job => {}
                    There::Cards if self.feeder.is_manual() => {}
                    There::Later => {
                        std::thread::sleep(settings.pause);
                        continue;
                    }
                    There::Cards | There::Nothing => return Ok(()),
                }
            }
            self.stage(None, Stage::Waiting);
            let loaded = match self.load() {
                Ok(loaded) => loaded,
                Err(error) => return self.reader_out(&error.to_string()),
            };
            let (link, bin) = match loaded {
                // It is over, or there is nothing to do for another card: the next look at the jobs says which.
                Load::Stopped => continue,
                Load::Empty => {
                    station.out_of_blanks.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                Load::Mute(why) => {
                    self.reject(None, &why);
                    (None, Bin::Reject)
                }
                Load::Card(mut link) => {
                    let bin = self.card(&mut link)?;
                    (Some(link), bin)
                }
            };
            let is_away = match self.feeder.unload(link, bin, &stopping) {
                Ok(is_away) => is_away,
                Err(error) => return self.reader_out(&error.to_string()),
            };
            // Whoever brings it once more is asked why.
            if let Some(serial) = self.issued_before.take().filter(|_| is_away) {
                lock(&station.journal).settle(&serial, IntentState::Away)?;
            }
            if self.failures >= settings.failures_in_a_row {
                return self.reader_out(&format!("{} failures in a row", self.failures));
            }
        }
        Ok(())
    }

    /// The next card. A person is not asked for one any longer than there is something to do for it.
    fn load(&mut self) -> Result<Load, FeederError> {
        let station = self.station;
        let (feeder, store) = (&mut self.feeder, RefCell::new(&mut self.store));
        let looked = Cell::new(Instant::now());
        let is_manual = feeder.is_manual();
        feeder.load(&|| {
            if station.is_stopping() {
                return true;
            }
            if !is_manual || looked.get().elapsed() < LOOK {
                return false;
            }
            looked.set(Instant::now());
            // A store that is away is waited for where the next job is claimed.
            matches!(station.there(&mut ***store.borrow_mut()), Ok(There::Nothing))
        })
    }

    /// This reader works no more.
    fn reader_out(&self, why: &str) -> Result<(), StationError> {
        self.station.out.fetch_add(1, Ordering::Relaxed);
        (self.station.parts.tell)(Event::ReaderOut { reader: &self.reader, why });
        Ok(())
    }

    // --- jobs

    /// Whether there is something to do for a fresh blank. A store that is away is waited for.
    fn there(&mut self) -> Result<There, StationError> {
        loop {
            if self.station.is_stopping() {
                return Ok(There::Nothing);
            }
            let station = self.station;
            let found = station.there(&mut *self.store);
            match found {
                Err(StationError::Store(StoreError::Away { detail, .. })) => self.wait(&detail),
                found => {
                    if found.is_ok() {
                        station.away(None);
                    }
                    return found;
                }
            }
        }
    }

    fn wait(&self, detail: &str) {
        self.station.away(Some(detail));
        std::thread::sleep(self.station.parts.settings.pause);
    }

    /// Asks the store, after it was told everything; waits while it is away. `None` if the work ends first.
    fn ask<T>(&mut self, trial: &mut Trial, ask: impl Fn(&mut dyn Store) -> Result<T, StoreError>) -> Result<Option<T>, StationError> {
        let since = Instant::now();
        let answer = loop {
            let station = self.station;
            match station.tell(&mut *self.store).and_then(|()| ask(&mut *self.store).map_err(StationError::from)) {
                Err(StationError::Store(StoreError::Away { detail, .. })) => self.wait(&detail),
                answer => {
                    station.away(None);
                    break answer.map(Some);
                }
            }
            if station.is_stopping() {
                break Ok(None);
            }
        };
        add(&mut trial.spent, 4, since);
        answer
    }

    /// A card without a bond goes to the reject bin.
    fn reject(&mut self, serial: Option<&Serial>, why: &str) {
        self.failures += 1;
        (self.station.parts.tell)(Event::Rejected { reader: &self.reader, serial, why });
    }

    fn stage(&self, serial: Option<&Serial>, stage: Stage) {
        (self.station.parts.tell)(Event::Stage { reader: &self.reader, serial, stage, done: 0, total: 0 });
    }
}

fn subjects(serial: &Serial, job: JobId) -> Vec<String> {
    vec![format!("card {serial}"), format!("job {}", job.0)]
}

/// Adds the time since then.
fn add(spent: &mut [u32; 5], place: usize, since: Instant) {
    if let Some(sum) = spent.get_mut(place) {
        *sum = sum.saturating_add(u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX));
    }
}
