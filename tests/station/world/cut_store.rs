//! The verbs of a store whose caller loses its power, or that cannot be reached: half of the times that it is away, the step was taken.

use cardwright::line::audit::{ChainEnd, Checkpoint, Entry};
use cardwright::line::state::{CardState, JobState};
use cardwright::line::store::{
    Attempt, Batch, BatchId, Bind, Card, Claim, Incident, Job, JobId, Jobs, Moment, NewBatch, Note, Progress, Pseudonym, Scrap, Serial,
    Store, StoreError,
};
use cardwright::line::users::{TwoPersons, User};

use super::{CutStore, lock};

impl CutStore {
    fn verb<T>(&mut self, verb: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let Self { inner, power, away } = self;
        power.around(|| {
            let mut away = lock(away);
            let (before, times) = &mut *away;
            if *before > 0 {
                *before -= 1;
                return verb(inner);
            }
            if *times == 0 {
                return verb(inner);
            }
            *times -= 1;
            if times.is_multiple_of(2) {
                verb(inner)?;
            }
            Err(StoreError::Away { store: "memory".to_owned(), detail: "pulled".to_owned() })
        })
    }
}

macro_rules! verbs {
    ($($verb:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl Store for CutStore {
            fn name(&self) -> String {
                self.inner.name()
            }

            $(fn $verb(&mut self, $($argument: $kind),*) -> Result<$answer, StoreError> {
                self.verb(|store| store.$verb($($argument),*))
            })*
        }
    };
}

verbs! {
    add_batch(batch: &NewBatch, jobs: Jobs<'_>, note: &Note) -> BatchId;
    batches() -> Vec<Batch>;
    job_counts(batch: BatchId) -> Vec<(JobState, u64)>;
    jobs(batch: BatchId, after: u32, limit: u32) -> Vec<Job>;
    live_jobs(document_type: &str, persons: &[Pseudonym]) -> Vec<Job>;
    cancelled(numbers: &[Pseudonym]) -> Vec<Pseudonym>;
    cancel_number(number: Pseudonym, persons: &TwoPersons, note: &Note) -> ();
    cancel_job(job: JobId, persons: &TwoPersons, note: &Note) -> ();
    release_batch(batch: BatchId, persons: &TwoPersons, note: &Note) -> ();
    close_batch(batch: BatchId, persons: &TwoPersons, note: &Note) -> ();
    claim(station: &str, count: u32, now: Moment, lease_until: Moment) -> Vec<Claim>;
    unclaim(job: JobId, epoch: i64) -> ();
    expire(now: Moment) -> u64;
    bind(bind: &Bind) -> ();
    progress(serial: &Serial, progress: Progress) -> ();
    fail(serial: &Serial, scrap: &Scrap) -> ();
    attempt(attempt: &Attempt) -> ();
    attempts(batch: BatchId, after: u32, limit: u32) -> Vec<Attempt>;
    bound_cards(batch: BatchId, after: u32, limit: u32) -> Vec<Card>;
    card(serial: &Serial) -> Option<Card>;
    deliver(delivery: &str, serials: &[Serial], note: &Note) -> ();
    move_cards(serials: &[Serial], from: CardState, to: CardState, persons: Option<&TwoPersons>, note: &Note) -> ();
    scrap(serial: &Serial, to: CardState, reason: &str, persons: &TwoPersons, note: &Note) -> ();
    stock(delivery: Option<&str>) -> Vec<(CardState, u64)>;
    cards(state: CardState, after: Option<&Serial>, limit: u32) -> Vec<Card>;
    incident(incident: &Incident) -> i64;
    incidents(open_only: bool) -> Vec<Incident>;
    release_incident(id: i64, persons: &TwoPersons, note: &Note) -> ();
    put_user(user: &User, persons: Option<&TwoPersons>, note: &Note) -> ();
    users() -> Vec<User>;
    count_log_in(name: &str, success: bool, time: Moment) -> ();
    note(note: &Note) -> ();
    ship(entries: &[Entry]) -> ();
    chains() -> Vec<ChainEnd>;
    entries(chain: &str, after: i64, limit: u32) -> Vec<Entry>;
    add_checkpoint(checkpoint: &Checkpoint) -> ();
    checkpoints(chain: &str) -> Vec<Checkpoint>;
}
