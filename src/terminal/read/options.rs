//! How a card is read: when to stop, and what to remember of its type.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::CardMemory;
use crate::session::Watch;
use crate::session::watch::Clock;

/// How a card is read. The default never stops and remembers nothing.
#[derive(Debug, Clone, Default)]
pub struct Options {
    cancel: Option<Arc<AtomicBool>>,
    budget: Option<Budget>,
    memory: Option<Arc<Mutex<CardMemory>>>,
}

/// Time for one inspection, by the caller's clock.
#[derive(Clone)]
struct Budget {
    time: Duration,
    clock: Clock,
}

impl std::fmt::Debug for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Budget").field(&self.time).finish()
    }
}

impl Options {
    /// The same, which stops before the next APDU once `flag` is raised.
    #[must_use]
    pub fn cancelled_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = Some(flag);
        self
    }

    /// The same, which stops before the next APDU once `time` has passed since the inspection began, or was gone on with. `clock` gives the time since any
    /// fixed moment.
    #[must_use]
    pub fn within(mut self, time: Duration, clock: Clock) -> Self {
        self.budget = Some(Budget { time, clock });
        self
    }

    /// The same, which begins with what `memory` knows of the card type and adds to it. Many readers may share one.
    #[must_use]
    pub fn remembering(mut self, memory: Arc<Mutex<CardMemory>>) -> Self {
        self.memory = Some(memory);
        self
    }

    /// A watch whose budget begins now.
    #[must_use]
    pub fn watch(&self) -> Watch {
        let watch = self.cancel.iter().fold(Watch::default(), |watch, flag| watch.cancelled_by(Arc::clone(flag)));
        self.budget.iter().fold(watch, |watch, budget| watch.within(budget.time, Arc::clone(&budget.clock)))
    }

    /// The memory.
    #[must_use]
    pub const fn memory(&self) -> Option<&Arc<Mutex<CardMemory>>> {
        self.memory.as_ref()
    }
}
