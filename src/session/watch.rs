//! When to stop: a flag that somebody else may raise, and a budget of time by the caller's clock. Asked before each APDU, so that a
//! command under way is always finished and the channel stays as it is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The time since any fixed moment. This library has no clock of its own.
pub type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Why nothing more is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Stop {
    /// The flag was raised.
    #[error("cancelled")]
    Cancelled,
    /// The budget of time is used up.
    #[error("the time is up")]
    TimeUp,
}

/// What is asked before each APDU. The default never stops.
#[derive(Clone, Default)]
pub struct Watch {
    cancel: Option<Arc<AtomicBool>>,
    until: Option<(Clock, Duration)>,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.until.as_ref().map(|(_, until)| until);
        f.debug_struct("Watch").field("cancel", &self.cancel).field("until", &until).finish()
    }
}

impl Watch {
    /// The same, which stops once `flag` is raised.
    #[must_use]
    pub fn cancelled_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = Some(flag);
        self
    }

    /// The same, which stops `budget` from now on by `clock`.
    #[must_use]
    pub fn within(mut self, budget: Duration, clock: Clock) -> Self {
        let until = clock().saturating_add(budget);
        self.until = Some((clock, until));
        self
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), Stop> {
        if self.cancel.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Err(Stop::Cancelled);
        }
        match &self.until {
            Some((clock, until)) if clock() >= *until => Err(Stop::TimeUp),
            _ => Ok(()),
        }
    }
}
