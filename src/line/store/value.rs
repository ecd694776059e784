//! What a store is told and tells: batches, jobs, cards, the bonds between them, attempts, incidents.

use std::cmp::Ordering;

use super::{BatchId, JobId, Moment, Pseudonym, Serial};
use crate::line::state::{BindingState, CardState, JobState};

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

impl Card {
    /// The order of [`super::Store::bound_cards`].
    pub(in crate::line) fn in_order(&self, other: &Self) -> Ordering {
        let key = |card: &Self| card.bound.as_ref().map(|(binding, job)| (job.id, binding.bind.time));
        key(self).cmp(&key(other)).then_with(|| self.serial.cmp(&other.serial))
    }
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
    /// The row of the decision table by which the card was taken up ([`crate::line::recover::Row::code`]); none for a fresh blank.
    pub settled_by: Option<String>,
    /// `good`; `resume` if it was left for later in good order; `interrupted-STEP` if the station came to its end in that step, which the
    /// station says when it starts again, and then nothing was measured; or the reason code of a scrap.
    pub outcome: String,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The card was issued.
    Good,
    /// It was left as it was, and is settled by a later attempt or at the scrap desk.
    Interrupted,
    /// It failed.
    Scrap,
}

impl Attempt {
    /// How it ended.
    #[must_use]
    pub fn ending(&self) -> Ending {
        match self.outcome.as_str() {
            "good" => Ending::Good,
            "resume" => Ending::Interrupted,
            other if other.starts_with("interrupted-") => Ending::Interrupted,
            _ => Ending::Scrap,
        }
    }

    /// The order of [`super::Store::attempts`]: the jobs of a batch are numbered in their order.
    pub(in crate::line) fn in_order(&self, other: &Self) -> Ordering {
        (self.job, self.started, &self.station, self.number).cmp(&(other.job, other.started, &other.station, other.number))
    }
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
