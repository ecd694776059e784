//! What the line remembers: batches, jobs, cards, the bonds between them, stock, people who decide, and the log. Each verb of [`Store`]
//! is one transaction: all of it happened and is on the disk when it returns, or nothing did.
//!
//! Refusals ([`StoreError::Refused`]) say that the rules of the line do not allow a step. Everything that a station may have to say twice,
//! because the first answer was lost, may be said twice.

use super::audit::{ChainEnd, Checkpoint, Entry};
use super::state::{CardState, JobState};
use super::users::{TwoPersons, User};

mod error;
mod name;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod open;
mod value;

pub use error::StoreError;
pub use name::{BatchId, JobId, Moment, Pseudonym, Serial};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use open::{create, open};
pub use value::{Attempt, Batch, Bind, Binding, Card, Claim, Counted, Ending, Incident, Job, NewBatch, NewJob, Note, Progress, Scrap};

/// Takes jobs one after another, in their order, until there are none.
pub type Jobs<'a> = &'a mut dyn Iterator<Item = NewJob>;

/// Bytes in the name of a station, at most.
pub const STATION_NAME: usize = 64;
/// Bytes in the name of a reader, at most: PC/SC gives names of up to 128 characters.
pub const READER_NAME: usize = 256;

/// The verbs of the line. Blocking; one connection of its own for each thread.
///
/// A verb with a [`Note`] appends it to the chain of the site ([`super::audit::SITE`]) in the same transaction, with the names of
/// `persons` among its actors. A verb with `persons` refuses those who came together for another action or longer than five minutes
/// before the time of the note. Names of stations and readers have a byte at least, [`STATION_NAME`] and [`READER_NAME`] at most, and no
/// control characters.
pub trait Store: Send {
    /// Its name without secrets: `sqlite:line.db`, `postgres://host/name`.
    fn name(&self) -> String;

    // --- batches and jobs

    /// Stores a batch with its jobs. A job that replaces another one makes that one [`JobState::Replaced`].
    ///
    /// # Errors
    /// [`StoreError::Refused`]: the name is taken, there is no job, a sequence has a gap, a person has a live document of the type, a live
    /// document of the type has the number, a number was cancelled, or the job that is replaced is not an issued one of that person and type.
    fn add_batch(&mut self, batch: &NewBatch, jobs: Jobs<'_>, note: &Note) -> Result<BatchId, StoreError>;

    /// Every batch, the oldest first.
    ///
    /// # Errors
    /// Away or damaged, as for every verb.
    fn batches(&mut self) -> Result<Vec<Batch>, StoreError>;

    /// How many jobs of a batch are in which state.
    ///
    /// # Errors
    /// Away or damaged.
    fn job_counts(&mut self, batch: BatchId) -> Result<Vec<(JobState, u64)>, StoreError>;

    /// The jobs of a batch after `after`, in their order, at most `limit`.
    ///
    /// # Errors
    /// Away or damaged.
    fn jobs(&mut self, batch: BatchId, after: u32, limit: u32) -> Result<Vec<Job>, StoreError>;

    /// The live jobs for a document of this type of `persons`, by job number.
    ///
    /// # Errors
    /// Away or damaged.
    fn live_jobs(&mut self, document_type: &str, persons: &[Pseudonym]) -> Result<Vec<Job>, StoreError>;

    /// Those of `numbers` that were cancelled, in their order.
    ///
    /// # Errors
    /// Away or damaged.
    fn cancelled(&mut self, numbers: &[Pseudonym]) -> Result<Vec<Pseudonym>, StoreError>;

    /// Cancels a number for ever: no batch with it is taken again. A document that was issued with it stays what it is. May be said again.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: a job that is not issued yet has it; cancel that job first.
    fn cancel_number(&mut self, number: Pseudonym, persons: &TwoPersons, note: &Note) -> Result<(), StoreError>;

    /// Cancels a job that has no card: prepared, or held for a card that is lost.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: it is somewhere else.
    fn cancel_job(&mut self, job: JobId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError>;

    /// Lets a batch run.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: there is none, or it is released or closed.
    fn release_batch(&mut self, batch: BatchId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError>;

    /// Closes a batch: every job is issued, replaced, or cancelled, every card bound to them good or counted as scrap, and nothing is left over.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with the difference.
    fn close_batch(&mut self, batch: BatchId, persons: &TwoPersons, note: &Note) -> Result<(), StoreError>;

    // --- the work of a station

    /// Claims up to `count` prepared jobs of released, open, running batches until `lease_until`, in their order; none while an incident
    /// without a batch is open. Leases that are over at `now` are taken back first, as by [`Store::expire`].
    ///
    /// # Errors
    /// [`StoreError::Refused`]: the name of the station is none.
    fn claim(&mut self, station: &str, count: u32, now: Moment, lease_until: Moment) -> Result<Vec<Claim>, StoreError>;

    /// Gives a claim back unused: the job is prepared again. No matter if its lease is over already.
    ///
    /// # Errors
    /// Away or damaged.
    fn unclaim(&mut self, job: JobId, epoch: i64) -> Result<(), StoreError>;

    /// Jobs whose lease is over, `now` at or after its end, are prepared again; bound ones stay. How many.
    ///
    /// # Errors
    /// Away or damaged.
    fn expire(&mut self, now: Moment) -> Result<u64, StoreError>;

    /// Binds a card to a job. The same bond may be asked for again.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: the claim is not of this station and epoch any more, its batch or the line is stopped, the card is not at the
    /// line or was bound before, the nonce was used before, the job has another card, work on this bond has gone on, or the name of the
    /// station or of the reader is none.
    fn bind(&mut self, bind: &Bind) -> Result<(), StoreError>;

    /// What was achieved with a bound card. It may be said again, also when the card has failed since.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: the card is not bound, a step was left out, its digest is another one, or it failed and shall be issued.
    fn progress(&mut self, serial: &Serial, progress: Progress) -> Result<(), StoreError>;

    /// A bound card failed: it is to be scrapped, and its job is held.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: the card is not bound, or was issued.
    fn fail(&mut self, serial: &Serial, scrap: &Scrap) -> Result<(), StoreError>;

    /// Stores what happened to a card in a reader.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: the name of the station or of the reader is none.
    fn attempt(&mut self, attempt: &Attempt) -> Result<(), StoreError>;

    /// The attempts at the `limit` jobs of a batch after the sequence `after`: by job, start, station, and number. Jobs without one are
    /// passed over, so that an empty answer is not the end.
    ///
    /// # Errors
    /// Away or damaged.
    fn attempts(&mut self, batch: BatchId, after: u32, limit: u32) -> Result<Vec<Attempt>, StoreError>;

    /// The cards that were ever bound to the same jobs as in [`Store::attempts`]: by job, moment of the bond, and serial.
    ///
    /// # Errors
    /// Away or damaged.
    fn bound_cards(&mut self, batch: BatchId, after: u32, limit: u32) -> Result<Vec<Card>, StoreError>;

    /// All that is known of a card; `None` if it was never delivered.
    ///
    /// # Errors
    /// Away or damaged.
    fn card(&mut self, serial: &Serial) -> Result<Option<Card>, StoreError>;

    // --- stock

    /// Takes a delivery of blanks into stock.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: a serial was delivered before, or the name of the delivery is taken.
    fn deliver(&mut self, delivery: &str, serials: &[Serial], note: &Note) -> Result<(), StoreError>;

    /// Moves cards that are blank and unbound: to the line, back to the vault, to samples, back to the maker. Samples, returns, and losses
    /// take two persons. A card that was bound and not issued may be lost too: its job is held, and stays so.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: a card is not in `from`, the move does not exist, or persons are missing.
    fn move_cards(
        &mut self,
        serials: &[Serial],
        from: CardState,
        to: CardState,
        persons: Option<&TwoPersons>,
        note: &Note,
    ) -> Result<(), StoreError>;

    /// Counts a card before two persons, as [`CardState::Terminated`] or [`CardState::Mute`]: one to be scrapped, one that was never bound, or
    /// a lost one that was found. Its job, if that is held, is prepared again.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: the card is not to be scrapped.
    fn scrap(&mut self, serial: &Serial, to: CardState, reason: &str, persons: &TwoPersons, note: &Note) -> Result<(), StoreError>;

    /// How many cards are in which state: of one delivery, or all.
    ///
    /// # Errors
    /// Away or damaged.
    fn stock(&mut self, delivery: Option<&str>) -> Result<Vec<(CardState, u64)>, StoreError>;

    /// The cards in a state, by serial, after `after`, at most `limit`.
    ///
    /// # Errors
    /// Away or damaged.
    fn cards(&mut self, state: CardState, after: Option<&Serial>, limit: u32) -> Result<Vec<Card>, StoreError>;

    // --- incidents

    /// Stores an incident: what it concerns stands still. Its number. May be said again: all but its number and release equal. It is in the
    /// chain of the site too.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: there is no such batch.
    fn incident(&mut self, incident: &Incident) -> Result<i64, StoreError>;

    /// The incidents, open ones only or all.
    ///
    /// # Errors
    /// Away or damaged.
    fn incidents(&mut self, open_only: bool) -> Result<Vec<Incident>, StoreError>;

    /// Two persons have looked: the line goes on.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: there is none, or it is released.
    fn release_incident(&mut self, id: i64, persons: &TwoPersons, note: &Note) -> Result<(), StoreError>;

    // --- users

    /// Adds a user, or puts another one in the place of the one with this name. Takes two persons as soon as two supervisors are active.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: the name is not one, persons are missing, or fewer active supervisors than two would be left of two.
    fn put_user(&mut self, user: &User, persons: Option<&TwoPersons>, note: &Note) -> Result<(), StoreError>;

    /// The users, by name.
    ///
    /// # Errors
    /// Away or damaged.
    fn users(&mut self) -> Result<Vec<User>, StoreError>;

    /// Counts one more failed log-in of a user, or takes the count back to 0. An unknown name is no error.
    ///
    /// # Errors
    /// Away or damaged.
    fn count_log_in(&mut self, name: &str, success: bool, time: Moment) -> Result<(), StoreError>;

    // --- the log

    /// Appends a note to the chain of the site, for a step that is not in the store.
    ///
    /// # Errors
    /// Away or damaged.
    fn note(&mut self, note: &Note) -> Result<(), StoreError>;

    /// Takes entries of a station's own chain, in their order. The same entries may be sent again.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: an entry does not follow the last one here, differs from the one that was sent before, does not have the hash
    /// that it says, or is of the chain of the site.
    fn ship(&mut self, entries: &[Entry]) -> Result<(), StoreError>;

    /// Every chain with its last entry, by name.
    ///
    /// # Errors
    /// Away or damaged.
    fn chains(&mut self) -> Result<Vec<ChainEnd>, StoreError>;

    /// The entries of a chain after the number `after`, at most `limit`.
    ///
    /// # Errors
    /// Away or damaged.
    fn entries(&mut self, chain: &str, after: i64, limit: u32) -> Result<Vec<Entry>, StoreError>;

    /// Stores a signed checkpoint beside its chain. May be said again. Whoever signed keeps a copy elsewhere: a store that is put back to an
    /// older state takes its checkpoints along.
    ///
    /// # Errors
    /// Away or damaged.
    fn add_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError>;

    /// The checkpoints of a chain, by number of their entry.
    ///
    /// # Errors
    /// Away or damaged.
    fn checkpoints(&mut self, chain: &str) -> Result<Vec<Checkpoint>, StoreError>;
}
