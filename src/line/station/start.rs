//! What an earlier run left is settled before the first card: its results, its claims, its intents, and the attempts that it did not live to end.

use super::journal::CutOff;
use super::{Event, IntentState, Saying, Station, StationError, lock};
use crate::line::state::{BindingState, JobState};
use crate::line::store::{Attempt, Store, StoreError};

impl Station<'_> {
    /// Settles what an earlier run left: its results are told, its claims given back, its intents compared with the store. If the store is
    /// away, this waits until it is back or the station is stopped.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn start(&self, store: &mut dyn Store) -> Result<(), StationError> {
        loop {
            match self.settle_all(store) {
                Err(StationError::Store(StoreError::Away { detail, .. })) => {
                    self.away(Some(&detail));
                    if self.is_stopping() {
                        return Ok(());
                    }
                    std::thread::sleep(self.parts.settings.pause);
                }
                done => return done,
            }
        }
    }

    fn settle_all(&self, store: &mut dyn Store) -> Result<(), StationError> {
        self.tell(store)?;
        self.away(None);
        let (claims, intents) = {
            let mut journal = lock(&self.journal);
            (journal.claims()?, journal.open_intents()?)
        };
        for (job, epoch) in claims {
            store.unclaim(job, epoch)?;
            lock(&self.journal).unclaimed(job)?;
        }
        for intent in intents {
            let card = store.card(&intent.serial)?;
            let bond = card.as_ref().and_then(|card| card.bound.as_ref()).map(|(binding, _)| binding);
            let ours = bond.filter(|binding| binding.bind.nonce == intent.nonce);
            let state = match (intent.state, ours.map(|binding| binding.state)) {
                (IntentState::Intended, None) => IntentState::Void,
                // Settled meanwhile, at another reader or the scrap desk.
                (IntentState::Intended, Some(binding)) if binding != BindingState::Open => IntentState::Away,
                _ => continue,
            };
            if state == IntentState::Void {
                store.unclaim(intent.job, intent.epoch)?;
            }
            lock(&self.journal).settle(&intent.serial, state)?;
        }
        self.say_cut_off(store)
    }

    /// The attempts that an earlier run did not live to end are told as interrupted. What they took is not known.
    fn say_cut_off(&self, store: &mut dyn Store) -> Result<(), StationError> {
        let cut_off = lock(&self.journal).cut_off()?;
        for CutOff { number, under_way, change } in cut_off {
            let card = store.card(&under_way.serial)?;
            let job = card.and_then(|card| card.bound).map(|(_, job)| job.state);
            let outcome = interrupted(change.as_deref(), job);
            let note = self.note(
                "card-interrupted",
                vec![format!("card {}", under_way.serial), format!("job {}", under_way.job.0)],
                format!("attempt {number}: {outcome}"),
            );
            let attempt = Attempt {
                station: self.parts.name.to_owned(),
                number,
                reader: under_way.reader,
                job: under_way.job,
                serial: under_way.serial,
                started: under_way.started,
                milliseconds: [0; 5],
                apdus: 0,
                bytes: 0,
                resumed: under_way.settled_by.is_some(),
                settled_by: under_way.settled_by,
                outcome: outcome.to_owned(),
            };
            (self.parts.tell)(Event::Attempt(&attempt));
            self.say(store, &[Saying::Attempt(attempt)], None, &note)?;
        }
        Ok(())
    }
}

/// In which step an attempt came to its end, from the last change that was about to be made, and from where its job is.
fn interrupted(change: Option<&str>, job: Option<JobState>) -> &'static str {
    match (change, job) {
        (Some("activate"), _) | (_, Some(JobState::Verified)) => "interrupted-activate",
        (_, Some(JobState::Written)) => "interrupted-inspect",
        (Some("commit"), _) => "interrupted-commit",
        (Some(_), _) => "interrupted-write",
        (None, _) => "interrupted-bind",
    }
}
