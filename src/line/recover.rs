//! The recovery decision table: what is done with a card, from what the store knows of it and what it says of itself.
//!
//! A pure function of two small values, so that every combination is tested, and the model that searches all interleavings of stations,
//! crashes, and cards (`tests/station/model.rs`) runs on the very table that the line runs on. The table is complete: there is no
//! combination without a row, and whatever cannot come from this line's own crashes is an incident.
//!
//! It refuses to guess. A card that may hold a document of a person is never taken for a blank one; a job leaves its card only when the
//! card is counted as scrap, which is not decided here but by two persons.

use super::state::{BindingState, CardState, JobState};
use super::store::{Card, Job, Moment};
use crate::perso::write::Status;
use eid::image::LifeCycle;

/// What the store knows of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Known {
    /// It was never delivered.
    Nothing,
    /// It was never bound, and is in this state.
    Unbound(CardState),
    /// It was bound.
    Bound {
        /// Where the bond is.
        binding: BindingState,
        /// Where the job is.
        job: JobState,
        /// Whether the job is bound to this card, and not to another one.
        here: bool,
    },
}

impl Known {
    /// What the store said.
    #[must_use]
    pub fn of(card: Option<&Card>) -> Self {
        match card {
            None => Self::Nothing,
            Some(card) => match &card.bound {
                None => Self::Unbound(card.state),
                Some((binding, job)) => {
                    Self::Bound { binding: binding.state, job: job.state, here: job.serial.as_ref() == Some(&card.serial) }
                }
            },
        }
    }
}

/// What a card says of itself, beside what its bond says that it should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// Nothing was ever written to it but keys.
    Blank,
    /// A job has opened it.
    Open {
        /// Whether its nonce is that of the bond.
        ours: bool,
    },
    /// It holds a committed image.
    Committed {
        /// Whether nonce and digest are those of the bond and its job.
        ours: bool,
    },
    /// It was terminated.
    Terminated,
    /// It does not answer.
    Mute,
    /// It answers, and does not hold the keys that the site computes for it.
    KeysRefused,
}

impl Seen {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Blank,
        Self::Open { ours: true },
        Self::Open { ours: false },
        Self::Committed { ours: true },
        Self::Committed { ours: false },
        Self::Terminated,
        Self::Mute,
        Self::KeysRefused,
    ];

    /// What the status of a card says beside its entry in the store. The digest of the job's order is what the card must have committed.
    #[must_use]
    pub fn of(status: &Status, card: Option<&Card>) -> Self {
        let bound = card.and_then(|card| card.bound.as_ref());
        let nonce = bound.is_some_and(|(binding, _)| status.nonce == Some(binding.bind.nonce));
        match status.state {
            LifeCycle::Initialized => Self::Blank,
            LifeCycle::PersoOpen => Self::Open { ours: nonce },
            LifeCycle::Personalized | LifeCycle::Operational => {
                Self::Committed { ours: nonce && bound.is_some_and(|(_, job)| status.digest == Some(job.order.image_digest)) }
            }
            LifeCycle::Terminated => Self::Terminated,
        }
    }

    /// Whether the card answered as a card of this site.
    const fn answers(self) -> bool {
        !matches!(self, Self::Mute | Self::KeysRefused)
    }
}

/// What is done with a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It is a blank: bind it to the next job.
    Use,
    /// Write the job's image from where the card stands.
    Resume,
    /// The answer to the commit was lost: say that it is written, then quality control.
    Confirm,
    /// Quality control, again.
    Inspect,
    /// To the reject bin; the job is held.
    Scrap,
    /// To the reject bin; the job is held; the line stops until two persons have looked.
    ScrapAndStop,
    /// To the scrap desk: terminate it, confirm it, count it before two persons.
    Terminate,
    /// To the scrap desk: destroy it, count it before two persons.
    Destroy,
    /// To the reject bin; nothing is said to the store.
    Refuse,
    /// To the reject bin; the line stops until two persons have looked.
    Quarantine,
}

/// Makes the rows of the table, with their texts beside the actions.
macro_rules! rows {
    ($($(#[$doc:meta])* $row:ident, $known:literal, $seen:literal, $action:ident, $text:literal;)*) => {
        /// A row of the decision table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Row {
            $($(#[$doc])* $row,)*
        }

        impl Row {
            /// Every row, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$row,)*];

            /// What is done.
            #[must_use]
            pub const fn action(self) -> Action {
                match self {
                    $(Self::$row => Action::$action,)*
                }
            }

            /// Its name in stores and reports; never changed.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$row => stringify!($row),)*
                }
            }

            /// The row of this name; `None` for one that a later version may have written.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|row| row.code() == code)
            }

            /// The three columns: what the store knows, what the card says, what is done.
            #[must_use]
            pub const fn text(self) -> [&'static str; 3] {
                match self {
                    $(Self::$row => [$known, $seen, $text],)*
                }
            }
        }
    };
}

rows! {
    /// A blank at the line.
    Usable, "at the line, never bound", "blank", Use, "usable";
    /// A blank that nobody issued to the line.
    NotAtLine, "not at the line, never bound", "blank", Refuse, "not issued to the line: refuse";
    /// A card that holds something that no job of this line wrote.
    UnknownWriter, "never bound", "open or committed", Quarantine, "incident: unknown writer; quarantine";
    /// A blank that ended its life before it was used.
    DeadBlank, "never bound", "terminated or mute", Refuse, "reject bin; counted as scrap without a job";
    /// A blank with other keys than its serial says.
    WrongKeys, "never bound", "keys refused", Quarantine, "incident: wrong cryptogram; the batch stops";
    /// A chip that no delivery has.
    NotDelivered, "never delivered", "anything", Quarantine, "incident: unknown card; quarantine";
    /// Bound, and nothing written.
    FromTheStart, "bond open, job bound to it", "blank", Resume, "resume from the nonce";
    /// Left half-written by this job.
    HalfWritten, "bond open, job bound to it", "open, our nonce", Resume, "resume; skip the groupings that are done";
    /// Opened by another job.
    OtherNonce, "bond open", "open, another nonce", ScrapAndStop, "scrap pending; incident";
    /// The answer to the commit was lost; the card is good.
    AnswerLost, "bond open, job bound to it", "committed, nonce and digest ours", Confirm, "set written, go to quality control";
    /// Written and not yet issued.
    Again, "bond open, job written or verified", "committed, ours", Inspect, "repeat quality control, go on";
    /// The card lost what it had confirmed.
    FellBack, "bond open, job written or verified", "blank or open", ScrapAndStop, "scrap pending; incident: the card lost what it had confirmed";
    /// Holds an image that is not the job's.
    OtherImage, "bond open", "committed, another nonce or digest", ScrapAndStop, "scrap pending; incident";
    /// Terminated in the middle of its job.
    TerminatedUnderWay, "bond open", "terminated", Scrap, "scrap pending";
    /// Does not answer, or not with its keys.
    Silent, "bond open", "mute, or keys refused", Scrap, "scrap pending; mute is destroyed under two persons";
    /// The job is at another card.
    JobElsewhere, "bond open, job bound to another card", "anything", Scrap, "scrap pending";
    /// Waits for the scrap desk.
    ToTerminate, "bond scrap pending", "answers", Terminate, "terminate, confirm state 7F, then count";
    /// Waits for the scrap desk, and does not answer.
    ToDestroy, "bond scrap pending", "mute, or keys refused", Destroy, "destroy, two signatures";
    /// Counted as scrap, and terminated as it should be.
    Counted, "bond scrapped", "terminated or mute", Refuse, "counted already: destroy";
    /// Counted as scrap, and alive.
    Revenant, "bond scrapped", "alive", Quarantine, "incident: a counted card is alive; quarantine";
    /// Issued.
    Issued, "bond good", "anything", Refuse, "refuse; report";
    /// Bond and job contradict each other.
    Contradiction, "bond open, job neither bound, written, nor verified", "anything", Quarantine, "incident: the store contradicts itself; quarantine";
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [known, seen, action] = self.text();
        write!(f, "{known} / card {seen}: {action}")
    }
}

/// The row of the table.
#[must_use]
pub const fn decide(known: Known, seen: Seen) -> Row {
    match known {
        Known::Nothing => Row::NotDelivered,
        Known::Unbound(state) => match seen {
            Seen::Blank if matches!(state, CardState::AtLine) => Row::Usable,
            Seen::Blank => Row::NotAtLine,
            Seen::Open { .. } | Seen::Committed { .. } => Row::UnknownWriter,
            Seen::Terminated | Seen::Mute => Row::DeadBlank,
            Seen::KeysRefused => Row::WrongKeys,
        },
        Known::Bound { binding: BindingState::Good, .. } => Row::Issued,
        Known::Bound { binding: BindingState::ScrapPending, .. } => {
            if seen.answers() {
                Row::ToTerminate
            } else {
                Row::ToDestroy
            }
        }
        Known::Bound { binding: BindingState::Scrapped, .. } => match seen {
            Seen::Terminated | Seen::Mute => Row::Counted,
            _ => Row::Revenant,
        },
        Known::Bound { binding: BindingState::Open, here: false, .. } => Row::JobElsewhere,
        Known::Bound { binding: BindingState::Open, job, here: true } => open_bond(job, seen),
    }
}

const fn open_bond(job: JobState, seen: Seen) -> Row {
    let bound = matches!(job, JobState::Bound);
    if !matches!(job, JobState::Bound | JobState::Written | JobState::Verified) {
        return Row::Contradiction;
    }
    match seen {
        Seen::Terminated => Row::TerminatedUnderWay,
        Seen::Mute | Seen::KeysRefused => Row::Silent,
        Seen::Open { ours: false } => Row::OtherNonce,
        Seen::Committed { ours: false } => Row::OtherImage,
        Seen::Blank if bound => Row::FromTheStart,
        Seen::Open { ours: true } if bound => Row::HalfWritten,
        Seen::Blank | Seen::Open { ours: true } => Row::FellBack,
        Seen::Committed { ours: true } if bound => Row::AnswerLost,
        Seen::Committed { ours: true } => Row::Again,
    }
}

/// What is done about a job when no card is there: the last rows of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Waiting {
    /// Nothing: it waits for a station, or is settled.
    No,
    /// Reserved, and the lease holds: a station has it.
    Claimed,
    /// Reserved, and the lease is over: it is prepared again, with the next epoch.
    LeaseOver,
    /// Bound, written, or verified: nothing is automatic. Find the card.
    FindTheCard,
    /// Held: it is prepared again when its card is counted, which is the only way back.
    CountTheCard,
}

impl Waiting {
    /// In words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::No => "nothing to do",
            Self::Claimed => "a station has claimed it",
            Self::LeaseOver => "the lease is over: prepared again at the next start of a station",
            Self::FindTheCard => "nothing automatic: find the card and present it",
            Self::CountTheCard => "its card waits at the scrap desk: count it before two persons",
        }
    }
}

/// What a job waits for at `now`.
#[must_use]
pub fn waiting(job: &Job, now: Moment) -> Waiting {
    match job.state {
        JobState::Reserved if job.lease_until.is_some_and(|until| until > now) => Waiting::Claimed,
        JobState::Reserved => Waiting::LeaseOver,
        JobState::Bound | JobState::Written | JobState::Verified => Waiting::FindTheCard,
        JobState::Held => Waiting::CountTheCard,
        JobState::Prepared | JobState::Issued | JobState::Cancelled | JobState::Replaced => Waiting::No,
    }
}

#[cfg(test)]
mod tests;
