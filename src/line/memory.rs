//! The store without a disk: the oracle that the other stores are compared with, and what simulations of whole lines run on. Clones share
//! what they hold, as connections to one database do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::audit::{ChainEnd, Checkpoint, Entry};
use super::rules;
use super::state::{BindingState, CardState, JobState};
use super::store::{
    Attempt, Batch, BatchId, Bind, Binding, Card, Claim, Counted, Incident, Job, JobId, Jobs, Moment, NewBatch, NewJob, Note, Progress,
    Pseudonym, Scrap, Serial, Store, StoreError,
};
use super::users::{Action, TwoPersons, User};

mod jobs;
mod log;
mod stock;
mod work;

/// A store in memory. Everything is lost with its last clone.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Memory>>);

impl MemoryStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a verb alone. Each verb looks at everything first and then writes, so that a refusal leaves nothing behind.
    fn with<T>(&self, verb: impl FnOnce(&mut Memory) -> T) -> T {
        verb(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What there is.
#[derive(Debug, Default)]
struct Memory {
    batches: BTreeMap<BatchId, Batch>,
    jobs: BTreeMap<JobId, Job>,
    cards: BTreeMap<Serial, Chip>,
    cancelled: BTreeSet<Pseudonym>,
    attempts: BTreeMap<(String, i64), Attempt>,
    incidents: Vec<Incident>,
    users: BTreeMap<String, User>,
    chains: BTreeMap<String, Vec<Entry>>,
    checkpoints: Vec<Checkpoint>,
}

/// A card.
#[derive(Debug)]
struct Chip {
    state: CardState,
    delivery: String,
    binding: Option<Binding>,
    scrap: Option<Scrap>,
    counted: Option<Counted>,
}

impl Store for MemoryStore {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn add_batch(&mut self, batch: &NewBatch, jobs: Jobs<'_>, note: &Note) -> Result<BatchId, StoreError> {
        self.with(|memory| memory.add_batch(batch, jobs, note))
    }

    fn batches(&mut self) -> Result<Vec<Batch>, StoreError> {
        Ok(self.with(|memory| memory.batches.keys().filter_map(|id| memory.batch(*id)).collect()))
    }

    fn job_counts(&mut self, batch: BatchId) -> Result<Vec<(JobState, u64)>, StoreError> {
        Ok(self.with(|memory| memory.job_counts(batch)))
    }

    fn jobs(&mut self, batch: BatchId, after: u32, limit: u32) -> Result<Vec<Job>, StoreError> {
        Ok(self.with(|memory| memory.jobs_after(batch, after, limit)))
    }

    fn live_jobs(&mut self, document_type: &str, persons: &[Pseudonym]) -> Result<Vec<Job>, StoreError> {
        Ok(self.with(|memory| memory.live_jobs(document_type, persons)))
    }

    fn cancelled(&mut self, numbers: &[Pseudonym]) -> Result<Vec<Pseudonym>, StoreError> {
        Ok(self.with(|memory| numbers.iter().copied().filter(|number| memory.cancelled.contains(number)).collect()))
    }

    fn cancel_number(&mut self, number: Pseudonym, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.with(|memory| memory.cancel_number(number, persons, note))
    }

    fn cancel_job(&mut self, job: JobId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.with(|memory| memory.cancel_job(job, persons, note))
    }

    fn release_batch(&mut self, batch: BatchId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.with(|memory| memory.release_batch(batch, persons, note))
    }

    fn close_batch(&mut self, batch: BatchId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.with(|memory| memory.close_batch(batch, persons, note))
    }

    fn claim(&mut self, station: &str, count: u32, now: Moment, lease_until: Moment) -> Result<Vec<Claim>, StoreError> {
        rules::names(station, None)?;
        Ok(self.with(|memory| memory.claim(station, count, now, lease_until)))
    }

    fn unclaim(&mut self, job: JobId, epoch: i64) -> Result<(), StoreError> {
        self.with(|memory| memory.unclaim(job, epoch));
        Ok(())
    }

    fn expire(&mut self, now: Moment) -> Result<u64, StoreError> {
        Ok(self.with(|memory| memory.expire(now)))
    }

    fn bind(&mut self, bind: &Bind) -> Result<(), StoreError> {
        self.with(|memory| memory.bind(bind))
    }

    fn progress(&mut self, serial: &Serial, progress: Progress) -> Result<(), StoreError> {
        self.with(|memory| memory.progress(serial, progress))
    }

    fn fail(&mut self, serial: &Serial, scrap: &Scrap) -> Result<(), StoreError> {
        self.with(|memory| memory.fail(serial, scrap))
    }

    fn attempt(&mut self, attempt: &Attempt) -> Result<(), StoreError> {
        rules::names(&attempt.station, Some(&attempt.reader))?;
        self.with(|memory| {
            memory.attempts.entry((attempt.station.clone(), attempt.number)).or_insert_with(|| attempt.clone());
        });
        Ok(())
    }

    fn attempts(&mut self, batch: BatchId, after: u32, limit: u32) -> Result<Vec<Attempt>, StoreError> {
        Ok(self.with(|memory| memory.attempts_at(batch, after, limit)))
    }

    fn bound_cards(&mut self, batch: BatchId, after: u32, limit: u32) -> Result<Vec<Card>, StoreError> {
        Ok(self.with(|memory| memory.cards_of(batch, after, limit)))
    }

    fn card(&mut self, serial: &Serial) -> Result<Option<Card>, StoreError> {
        Ok(self.with(|memory| memory.card(serial)))
    }

    fn deliver(&mut self, delivery: &str, serials: &[Serial], note: &Note) -> Result<(), StoreError> {
        self.with(|memory| memory.deliver(delivery, serials, note))
    }

    fn move_cards(
        &mut self,
        serials: &[Serial],
        from: CardState,
        to: CardState,
        persons: Option<&TwoPersons>,
        note: &Note,
    ) -> Result<(), StoreError> {
        self.with(|memory| memory.move_cards(serials, from, to, persons, note))
    }

    fn scrap(&mut self, serial: &Serial, to: CardState, reason: &str, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.with(|memory| memory.scrap(serial, to, reason, persons, note))
    }

    fn stock(&mut self, delivery: Option<&str>) -> Result<Vec<(CardState, u64)>, StoreError> {
        Ok(self.with(|memory| memory.stock(delivery)))
    }

    fn cards(&mut self, state: CardState, after: Option<&Serial>, limit: u32) -> Result<Vec<Card>, StoreError> {
        Ok(self.with(|memory| memory.cards_after(state, after, limit)))
    }

    fn incident(&mut self, incident: &Incident) -> Result<i64, StoreError> {
        self.with(|memory| memory.incident(incident))
    }

    fn incidents(&mut self, open_only: bool) -> Result<Vec<Incident>, StoreError> {
        let wanted = |incident: &&Incident| !open_only || incident.released_by.is_none();
        Ok(self.with(|memory| memory.incidents.iter().filter(wanted).cloned().collect()))
    }

    fn release_incident(&mut self, id: i64, persons: &TwoPersons, note: &Note) -> Result<(), StoreError> {
        self.with(|memory| memory.release_incident(id, persons, note))
    }

    fn put_user(&mut self, user: &User, persons: Option<&TwoPersons>, note: &Note) -> Result<(), StoreError> {
        self.with(|memory| memory.put_user(user, persons, note))
    }

    fn users(&mut self) -> Result<Vec<User>, StoreError> {
        Ok(self.with(|memory| memory.users.values().cloned().collect()))
    }

    fn count_log_in(&mut self, name: &str, success: bool, time: Moment) -> Result<(), StoreError> {
        self.with(|memory| memory.count_log_in(name, success, time));
        Ok(())
    }

    fn note(&mut self, note: &Note) -> Result<(), StoreError> {
        self.with(|memory| memory.append(note, None));
        Ok(())
    }

    fn ship(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.with(|memory| memory.ship(entries))
    }

    fn chains(&mut self) -> Result<Vec<ChainEnd>, StoreError> {
        Ok(self.with(|memory| memory.chains.values().filter_map(|entries| entries.last()).map(Entry::end).collect()))
    }

    fn entries(&mut self, chain: &str, after: i64, limit: u32) -> Result<Vec<Entry>, StoreError> {
        Ok(self.with(|memory| memory.entries_after(chain, after, limit)))
    }

    fn add_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.with(|memory| memory.add_checkpoint(checkpoint));
        Ok(())
    }

    fn checkpoints(&mut self, chain: &str) -> Result<Vec<Checkpoint>, StoreError> {
        Ok(self.with(|memory| memory.checkpoints_of(chain)))
    }
}

/// A limit as a count.
fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
