//! The jobs, each followed by its floor.

use crate::Job;
use crate::subject::State;

mod authenticate;
mod card;
mod sign;
mod trust;

/// All of them, in the order of the table.
pub(crate) fn all() -> Vec<Job> {
    let state = State::new();
    let mut jobs = authenticate::jobs(&state);
    jobs.extend(sign::jobs(state));
    jobs.extend(card::jobs(State::new()));
    jobs.extend(trust::jobs());
    jobs
}
