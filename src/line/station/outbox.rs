//! From the outbox of the journal to the store, in the order in which it was said.

use std::sync::atomic::Ordering;

use super::{Event, Saying, Station, StationError, lock};
use crate::line::store::{Incident, Store, StoreError};

/// How much is read of the journal at once.
const AT_ONCE: u32 = 64;

impl Station<'_> {
    /// Puts down what the store must be told, and tells it if the store is there.
    pub(super) fn say(
        &self,
        store: &mut dyn Store,
        sayings: &[Saying],
        state: Option<(&super::Serial, super::IntentState)>,
        note: &super::Note,
    ) -> Result<(), StationError> {
        lock(&self.journal).say(sayings, state, note)?;
        match self.tell(store) {
            Err(StationError::Store(StoreError::Away { detail, .. })) => {
                self.away(Some(&detail));
                Ok(())
            }
            done => done,
        }
    }

    /// Tells the store everything, and ships the chain of the station; later, if it is away.
    pub(super) fn deliver(&self, store: &mut dyn Store) -> Result<(), StationError> {
        match self.tell(store).and_then(|()| self.ship(store)) {
            Err(StationError::Store(StoreError::Away { detail, .. })) => {
                self.away(Some(&detail));
                Ok(())
            }
            done => done,
        }
    }

    /// Tells the store everything. Another worker that is at it already goes on with it.
    pub(super) fn tell(&self, store: &mut dyn Store) -> Result<(), StationError> {
        let Ok(_turn) = self.turn.try_lock() else { return Ok(()) };
        loop {
            let unsaid = lock(&self.journal).unsaid(AT_ONCE)?;
            if unsaid.is_empty() {
                return Ok(());
            }
            let mut told = None;
            let mut ended = Ok(());
            for (number, saying) in unsaid {
                match saying.tell(store) {
                    Ok(()) => told = Some(number),
                    // The store knows better, and will not change its mind: two persons must look. The journal keeps both sides in its chain.
                    Err(error @ StoreError::Refused { .. }) => {
                        told = Some(number);
                        self.refused(&saying, &error)?;
                    }
                    Err(error) => {
                        ended = Err(error);
                        break;
                    }
                }
            }
            if let Some(told) = told {
                lock(&self.journal).said(told)?;
                self.away(None);
            }
            ended?;
        }
    }

    /// The store refuses what a card did. The incident is said in its turn.
    fn refused(&self, saying: &Saying, error: &StoreError) -> Result<(), StationError> {
        let serial = match saying {
            Saying::Progress(serial, _) | Saying::Fail(serial, _) => Some(serial.clone()),
            Saying::Attempt(_) | Saying::Incident(_) => None,
        };
        let what = format!("store-refused: {}: {error}", saying.what());
        self.halt(&what);
        let incident =
            Incident { id: 0, batch: None, station: self.parts.name.to_owned(), serial, what, time: self.now(), released_by: None };
        (self.parts.tell)(Event::Incident(&incident));
        // An incident without a batch is never refused, so this ends.
        let note = self.note("incident", Vec::new(), incident.what.clone());
        lock(&self.journal).say(&[Saying::Incident(incident)], None, &note)?;
        Ok(())
    }

    /// Ships the chain of the station.
    pub(super) fn ship(&self, store: &mut dyn Store) -> Result<(), StationError> {
        let Ok(_turn) = self.turn.try_lock() else { return Ok(()) };
        loop {
            let entries = lock(&self.journal).unshipped(AT_ONCE)?;
            let Some(last) = entries.last() else { return Ok(()) };
            store.ship(&entries)?;
            lock(&self.journal).shipped(last.sequence)?;
        }
    }

    /// Tells once that the store is away, and once that it is back.
    pub(super) fn away(&self, detail: Option<&str>) {
        let changed = self.is_away.swap(detail.is_some(), Ordering::Relaxed) != detail.is_some();
        if changed {
            (self.parts.tell)(Event::Away { detail });
        }
    }
}
