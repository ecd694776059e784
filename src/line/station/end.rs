//! What is left when the readers have ended, and why the station ended.

use std::sync::atomic::Ordering;

use super::{End, Station, StationError, lock};
use crate::line::state::JobState;
use crate::line::store::{Claim, Store, StoreError};

impl Station<'_> {
    /// Tells the store the rest, gives claims back, and says why the station ended.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn finish(&self, store: &mut dyn Store) -> Result<End, StationError> {
        let unused: Vec<Claim> = lock(&self.claims).drain(..).collect();
        let end = self.tell(store).and_then(|()| {
            self.ship(store)?;
            for claim in &unused {
                store.unclaim(claim.job.id, claim.job.epoch)?;
                lock(&self.journal).unclaimed(claim.job.id)?;
            }
            self.end(store)
        });
        match end {
            // Everything is in the journal, and goes on at the next start.
            Err(StationError::Store(StoreError::Away { .. })) => Ok(End::StoreAway),
            end => end,
        }
    }

    fn end(&self, store: &mut dyn Store) -> Result<End, StationError> {
        if let Some(why) = lock(&self.halted).clone() {
            return Ok(End::Incident(why));
        }
        let left = self.left(store)?;
        if let Some(incident) = left.incident {
            return Ok(End::Incident(incident));
        }
        let [prepared, claimed, find, count] = left.jobs;
        Ok(if self.parts.stop.load(Ordering::Relaxed) {
            End::Stopped
        } else if prepared + find > 0 && self.out.load(Ordering::Relaxed) >= self.seats.load(Ordering::Relaxed) {
            End::ReadersOut
        } else if prepared > 0 && self.out_of_blanks.load(Ordering::Relaxed) {
            End::NoBlanks { jobs: prepared }
        } else if prepared + claimed + find + count > 0 {
            End::CardsMissing { find, count, claimed }
        } else {
            End::Finished
        })
    }

    /// What is left of the released batches.
    pub(super) fn left(&self, store: &mut dyn Store) -> Result<Left, StationError> {
        let mut left = Left::default();
        let mut stopped = None;
        for batch in store.batches()?.into_iter().filter(|batch| batch.released_by.is_some() && batch.closed_by.is_none()) {
            let mut prepared = 0;
            for (state, jobs) in store.job_counts(batch.id)? {
                let place = match state {
                    JobState::Prepared => {
                        prepared = jobs;
                        0
                    }
                    JobState::Reserved => 1,
                    JobState::Bound | JobState::Written | JobState::Verified => 2,
                    JobState::Held => 3,
                    JobState::Issued | JobState::Cancelled | JobState::Replaced => continue,
                };
                if let Some(sum) = left.jobs.get_mut(place) {
                    *sum += jobs;
                }
            }
            match batch.stopped {
                Some(why) if prepared > 0 => {
                    left.jobs[0] -= prepared;
                    stopped = Some(why);
                }
                _ => {}
            }
        }
        if left.jobs[0] == 0 {
            left.incident = stopped;
        }
        if let Some(incident) = store.incidents(true)?.into_iter().find(|incident| incident.batch.is_none()) {
            left.incident = Some(incident.what);
        }
        Ok(left)
    }
}

/// Jobs that are left: prepared, claimed, to be found, to be counted; and why nothing may be claimed.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) jobs: [u64; 4],
    pub(super) incident: Option<String>,
}
