//! What the line remembers: batches, jobs, cards, the bonds between them, stock, people who decide, and the log. Each verb of [`Store`]
//! is one transaction: all of it happened and is on the disk when it returns, or nothing did.
//!
//! Refusals ([`StoreError::Refused`]) say that the rules of the line do not allow a step. Everything that a station may have to say twice,
//! because the first answer was lost, may be said twice.

use std::fmt;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
use eid::secret::Secret;

use super::audit::{ChainEnd, Checkpoint, Entry};
use super::state::{BindingState, CardState, JobState};
use super::users::{TwoPersons, User};

/// A moment: seconds since 1970-01-01T00:00:00Z. The store has no clock of its own.
pub type Moment = i64;

/// Serial of a chip, 1 to 32 bytes: its key diversification data. Printed as upper-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// A serial of 1 to 32 bytes; `None` for another length.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (1..=32).contains(&bytes.len()).then(|| Self(bytes.to_vec()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(&self.0))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// HMAC-SHA-256 under the key of the site of what names a person, a document, or a number: equal for equal, and tells nothing else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym(pub [u8; 32]);

impl fmt::Debug for Pseudonym {
    /// The first eight digits, as reports show them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0).chars().take(8).collect::<String>())
    }
}

/// Number of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub i64);

/// Number of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub i64);

/// What the log keeps of a step. No personal data: numbers as [`Pseudonym`], serials clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub time: Moment,
    /// Who: users, or `station NAME`.
    pub actors: Vec<String>,
    /// What: `batch-released`.
    pub event: String,
    /// On what: `batch 3`, `card 0000…`.
    pub subjects: Vec<String>,
    /// Anything else that must be provable; its SHA-256 is in the chain.
    pub detail: String,
}

/// A batch that is about to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBatch {
    /// What people call it, unique.
    pub name: String,
    /// Document profile.
    pub document_profile: String,
    /// Card profile.
    pub card_profile: String,
    /// SHA-256 of both profiles as they were used.
    pub profile_digest: [u8; 32],
    /// Whether the cards are for persons.
    pub live: bool,
    /// Merkle root over the jobs in their order.
    pub merkle_root: [u8; 32],
    /// Signature of the preparation over the header.
    pub signature: Vec<u8>,
}

/// A job that is about to be stored with its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Place in the batch, from 1 without gaps.
    pub sequence: u32,
    /// The person.
    pub person: Pseudonym,
    /// Type of document: one live one for each person.
    pub document_type: String,
    /// The number of the document.
    pub number: Pseudonym,
    /// [`eid::image::CardImage::digest`].
    pub image_digest: [u8; 32],
    /// Name of the file with the sealed image.
    pub image_file: String,
    /// SHA-256 of that file.
    pub sealed_digest: [u8; 32],
    /// The issued job whose document this one replaces, if any: it becomes [`JobState::Replaced`] in the same transaction.
    pub replaces: Option<JobId>,
}

/// A batch as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its number.
    pub id: BatchId,
    /// What was stored.
    pub header: NewBatch,
    /// How many jobs.
    pub jobs: u64,
    /// When it was stored.
    pub stored: Moment,
    /// Who released it, two names, or nobody yet.
    pub released_by: Option<[String; 2]>,
    /// Who closed it, two names, or nobody yet.
    pub closed_by: Option<[String; 2]>,
    /// Why it is stopped, by its oldest open incident: no job of it is claimed or bound until two persons release every one.
    pub stopped: Option<String>,
}

/// A job as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// Its batch.
    pub batch: BatchId,
    /// What was stored.
    pub order: NewJob,
    /// Where it is.
    pub state: JobState,
    /// How often it was claimed: a claim of an earlier epoch binds nothing.
    pub epoch: i64,
    /// The card that it is, or was last, bound to.
    pub serial: Option<Serial>,
    /// The station that claimed it last.
    pub station: Option<String>,
    /// Until when the claim holds.
    pub lease_until: Option<Moment>,
}

/// A job that a station may bind until its lease is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job, reserved, with its epoch.
    pub job: Job,
    /// Whether the card is for a person.
    pub live: bool,
}

/// What a station binds. The intent is on its disk before this is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The job.
    pub job: JobId,
    /// The epoch of its claim.
    pub epoch: i64,
    /// The card.
    pub serial: Serial,
    /// The nonce of the job on this card.
    pub nonce: [u8; 16],
    /// The station.
    pub station: String,
    /// The reader.
    pub reader: String,
    /// When.
    pub time: Moment,
}

/// The bond of a card as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Where it is.
    pub state: BindingState,
    /// What was bound.
    pub bind: Bind,
}

/// A card as it is stored, with its bond and the job that it was bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its serial.
    pub serial: Serial,
    /// Where it is.
    pub state: CardState,
    /// The delivery that it came with.
    pub delivery: String,
    /// Its bond, if it was ever bound, and the job as it is now.
    pub bound: Option<(Binding, Job)>,
    /// Why it failed, if it did.
    pub scrap: Option<Scrap>,
    /// How it was counted, if it was.
    pub counted: Option<Counted>,
}

/// The end of a scrapped card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Reason code that the desk gave.
    pub reason: String,
    /// Who stood by, two names.
    pub persons: [String; 2],
    /// When.
    pub time: Moment,
}

/// What a station achieved with a bound card. Each may be said again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The card confirmed the committed image with this digest.
    Written([u8; 32]),
    /// It was read like at a counter, compared, and activated.
    Verified,
    /// It is in the good bin.
    Issued,
}

/// Why a bound card is to be scrapped. May be said again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrap {
    /// Reason code of `line::scrap`: `no-answer`, `qc-digest`, …
    pub reason: String,
    /// The step in which it failed.
    pub step: String,
    /// The status word, if the card answered.
    pub sw: Option<u16>,
    /// The reader.
    pub reader: String,
    /// When.
    pub time: Moment,
}

/// One card in one reader, once: what reports are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The station.
    pub station: String,
    /// Number of the attempt at that station: the same attempt may be stored again.
    pub number: i64,
    /// The reader.
    pub reader: String,
    /// The job.
    pub job: JobId,
    /// The card.
    pub serial: Serial,
    /// When the card was taken.
    pub started: Moment,
    /// Milliseconds of identify, write, inspect, activate, and of waiting for the store.
    pub milliseconds: [u32; 5],
    /// APDUs.
    pub apdus: u32,
    /// Bytes to and from the card.
    pub bytes: u64,
    /// Whether a part had been done before.
    pub resumed: bool,
    /// `good`, `resume`, or the reason code of a scrap or an incident.
    pub outcome: String,
}

/// Something that must not happen: the line stands still until two persons have looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Its number; 0 before it is stored.
    pub id: i64,
    /// The batch that stops; all of them if there is none.
    pub batch: Option<BatchId>,
    /// The station that saw it.
    pub station: String,
    /// The card, if it is known.
    pub serial: Option<Serial>,
    /// What was seen: `wrong-cryptogram`, `unknown-writer`, …, and in words.
    pub what: String,
    /// When.
    pub time: Moment,
    /// Who released it, two names, if somebody did.
    pub released_by: Option<[String; 2]>,
}

/// Why a step is not taken.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The rules of the line do not allow it; nothing was changed.
    #[error("{what}: expected {expected}, found {found}")]
    Refused {
        /// The step and its subject.
        what: String,
        /// What would allow it.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The store cannot be reached, or was lost in the middle: the step may or may not have been taken, and may be said again.
    #[error("{store} is away: {detail}")]
    Away {
        /// The store, without secrets.
        store: String,
        /// What the driver says.
        detail: String,
    },
    /// The store was made by another version.
    #[error("{store}: expected schema {expected}, found {found}")]
    Version {
        /// The store, without secrets.
        store: String,
        /// What this program reads.
        expected: i64,
        /// What is there.
        found: i64,
    },
    /// The store holds something that no version of this program wrote.
    #[error("{store}, {place}: {detail}")]
    Damaged {
        /// The store, without secrets.
        store: String,
        /// Table and row.
        place: String,
        /// What is wrong.
        detail: String,
    },
    /// The store refuses for a reason that is not the line's.
    #[error("{store}: {detail}")]
    Failed {
        /// The store, without secrets.
        store: String,
        /// What the driver says.
        detail: String,
    },
}

/// Opens a store: `sqlite:FILE`, or `postgres://user@host:port/name` (also `postgresql://`, and `postgres:///name?host=/folder/of/socket`).
/// The password of a server is never part of the URL.
///
/// # Errors
/// [`StoreError::Version`]: it has the schema of another version, 0 for none, then [`create`] makes it; away, damaged, or failed.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub fn open(url: &str, password: Option<&Secret>) -> Result<Box<dyn Store>, StoreError> {
    let sql = connect(url, password, false)?;
    Ok(Box::new(super::sql::SqlStore::open(sql)?))
}

/// As [`open`], and gives the store its schema first: a file or database that is empty gets all of it, one of an earlier version what it
/// lacks. Nothing changes in one that has it already.
///
/// # Errors
/// As [`open`].
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub fn create(url: &str, password: Option<&Secret>) -> Result<Box<dyn Store>, StoreError> {
    let sql = connect(url, password, true)?;
    Ok(Box::new(super::sql::SqlStore::create(sql)?))
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn connect(url: &str, password: Option<&Secret>, create: bool) -> Result<Box<dyn crate::store::Sql>, StoreError> {
    use crate::store::SqlError;
    #[cfg(not(feature = "postgres"))]
    let _ = password;
    #[cfg(not(feature = "sqlite"))]
    let _ = create;
    // what follows the scheme may be a secret of someone who put a password there
    let name = || url.split(':').next().filter(|scheme| scheme.len() <= 12).unwrap_or("store").to_owned();
    #[cfg(feature = "sqlite")]
    if let Some(file) = url.strip_prefix("sqlite:") {
        let file = std::path::Path::new(file);
        let opened = if create { crate::store::sqlite::Sqlite::create(file) } else { crate::store::sqlite::Sqlite::open(file) };
        return match opened {
            Ok(sqlite) => Ok(Box::new(sqlite)),
            Err(SqlError::Damaged(detail)) => Err(StoreError::Damaged { store: url.to_owned(), place: "file".to_owned(), detail }),
            Err(SqlError::Failed(detail)) => Err(StoreError::Failed { store: url.to_owned(), detail }),
            Err(SqlError::Away(detail) | SqlError::Again(detail)) => Err(StoreError::Away { store: url.to_owned(), detail }),
        };
    }
    #[cfg(feature = "postgres")]
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return match crate::store::postgres::Postgres::open(url, password) {
            Ok(postgres) => Ok(Box::new(postgres)),
            Err(SqlError::Away(detail) | SqlError::Again(detail)) => Err(StoreError::Away { store: name(), detail }),
            Err(SqlError::Failed(detail) | SqlError::Damaged(detail)) => Err(StoreError::Failed { store: name(), detail }),
        };
    }
    Err(StoreError::Failed { store: name(), detail: "expected sqlite:FILE or postgres://user@host/name".to_owned() })
}

/// Takes jobs one after another, in their order, until there are none.
pub type Jobs<'a> = &'a mut dyn Iterator<Item = NewJob>;

/// The verbs of the line. Blocking; one connection of its own for each thread.
///
/// A verb with a [`Note`] appends it to the chain of the site ([`super::audit::SITE`]) in the same transaction, with the names of
/// `persons` among its actors. A verb with `persons` refuses those who came together for another action or longer than five minutes
/// before the time of the note.
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

    /// Cancels a number for ever: no batch with it is taken again. May be said again.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: a job that is not issued yet has it; cancel that job first.
    fn cancel_number(&mut self, number: Pseudonym, note: &Note) -> Result<(), StoreError>;

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
    /// Away or damaged.
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
    /// line or was bound before, the nonce was used before, the job has another card, or work on this bond has gone on.
    fn bind(&mut self, bind: &Bind) -> Result<(), StoreError>;

    /// What was achieved with a bound card.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: the card is not bound, a step was left out, or its digest is another one.
    fn progress(&mut self, serial: &Serial, progress: Progress) -> Result<(), StoreError>;

    /// A bound card failed: it is to be scrapped, and its job is held.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: the card is not bound, or was issued.
    fn fail(&mut self, serial: &Serial, scrap: &Scrap) -> Result<(), StoreError>;

    /// Stores what happened to a card in a reader.
    ///
    /// # Errors
    /// Away or damaged.
    fn attempt(&mut self, attempt: &Attempt) -> Result<(), StoreError>;

    /// The attempts at jobs of a batch, by station and number.
    ///
    /// # Errors
    /// Away or damaged.
    fn attempts(&mut self, batch: BatchId) -> Result<Vec<Attempt>, StoreError>;

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
