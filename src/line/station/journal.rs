//! What a station keeps on its own disk: intents before bonds, changes before they are sent, results until the store has them, its claims,
//! the attempts that are under way, and its own chain of the log. Here is what it promises; [`JournalFile`] keeps it in one file.

use super::saying::Saying;
use crate::line::audit::Entry;
use crate::line::store::{Claim, JobId, Moment, Note, Serial};
use crate::perso::write::Change;

mod file;

pub use file::JournalFile;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// SQLite refuses.
    #[error("journal {file}: {detail}")]
    Sqlite {
        /// The file.
        file: String,
        /// What SQLite says.
        detail: String,
    },
    /// It is the file of something else.
    #[error("journal {file}: expected {expected}, found {found}")]
    Other {
        /// The file.
        file: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
}

/// Where an intent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntentState {
    /// About to be bound, or bound: the store knows which.
    Intended = 0,
    /// Not bound: the card is as blank as before.
    Void = 20,
    /// Issued, and on its way to the good bin.
    Issued = 30,
    /// Failed, and on its way to the reject bin.
    Failed = 40,
    /// In its bin.
    Away = 50,
}

impl IntentState {
    const ALL: [Self; 5] = [Self::Intended, Self::Void, Self::Issued, Self::Failed, Self::Away];
}

/// A card that is to be bound to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The card.
    pub serial: Serial,
    /// The job.
    pub job: JobId,
    /// The epoch of its claim.
    pub epoch: i64,
    /// The nonce.
    pub nonce: [u8; 16],
    /// The reader.
    pub reader: String,
    /// When.
    pub time: Moment,
    /// Where it is.
    pub state: IntentState,
}

/// A bound card in a reader, from when it was taken up until its end is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// The card.
    pub serial: Serial,
    /// Its job.
    pub job: JobId,
    /// The reader.
    pub reader: String,
    /// When the card was taken.
    pub started: Moment,
    /// The row of the decision table by which it was taken up; none for a fresh blank.
    pub settled_by: Option<String>,
}

/// An attempt whose end was never said, and how far it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// Its number.
    pub number: i64,
    /// The attempt.
    pub under_way: UnderWay,
    /// The last change that was about to be made to the card.
    pub change: Option<String>,
}

/// What a station must not forget. Every verb is durable when it returns.
pub trait Journal: Send {
    /// Keeps claims, until [`unclaimed`](Self::unclaimed).
    ///
    /// # Errors
    /// Any [`JournalError`], as for every verb.
    fn claimed(&mut self, claims: &[Claim]) -> Result<(), JournalError>;

    /// Forgets a claim that was given back.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn unclaimed(&mut self, job: JobId) -> Result<(), JournalError>;

    /// The claims of this and earlier runs that were neither used nor given back: job and epoch.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn claims(&mut self) -> Result<Vec<(JobId, i64)>, JournalError>;

    /// Keeps an intent before its bond is asked for, in the place of an older one of the card; the claim is used, and an attempt that
    /// `started` then is under way. Its number, never given before.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn intend(&mut self, intent: &Intent, started: Moment, note: &Note) -> Result<i64, JournalError>;

    /// An attempt with a card that was bound before is under way. Its number, never given before.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn take_up(&mut self, under_way: &UnderWay) -> Result<i64, JournalError>;

    /// The attempts that are under way: at the start of a station, those whose end it did not live to say.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn cut_off(&mut self) -> Result<Vec<CutOff>, JournalError>;

    /// The last intent for a card.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn intent(&mut self, serial: &Serial) -> Result<Option<Intent>, JournalError>;

    /// The intents that are in none of their ends.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn open_intents(&mut self) -> Result<Vec<Intent>, JournalError>;

    /// Takes an intent further. What is under way with a card that was not bound never was.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn settle(&mut self, serial: &Serial, state: IntentState) -> Result<(), JournalError>;

    /// A change is about to be made to a card.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn before(&mut self, serial: &Serial, change: Change, time: Moment) -> Result<(), JournalError>;

    /// Keeps what the store must be told, in their order, with a note for the chain of the station and where the intent is after it. An
    /// attempt that is said is not under way any more.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn say(&mut self, sayings: &[Saying], state: Option<(&Serial, IntentState)>, note: &Note) -> Result<(), JournalError>;

    /// What the store was not told yet, the oldest first, at most `limit`, with their numbers.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn unsaid(&mut self, limit: u32) -> Result<Vec<(i64, Saying)>, JournalError>;

    /// The store has everything up to this number.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn said(&mut self, up_to: i64) -> Result<(), JournalError>;

    /// The entries of the chain that the store does not have, at most `limit`.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn unshipped(&mut self, limit: u32) -> Result<Vec<Entry>, JournalError>;

    /// The store has the chain up to this entry.
    ///
    /// # Errors
    /// Any [`JournalError`].
    fn shipped(&mut self, up_to: i64) -> Result<(), JournalError>;
}
