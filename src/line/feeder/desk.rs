//! A person at a PC/SC reader: puts a card in when asked, and takes it out into the bin that is named.

use std::time::Duration;

use eid::transport::TransportError;

use super::{Ask, Bin, Feeder, FeederError, Link, Load};
use crate::transport::PcscSelector;
use crate::transport::pcsc::{self, PcscReader, Presence, Sharing};

/// How often the reader is looked at.
const PACE: Duration = Duration::from_millis(100);

/// Tells the person what to do.
pub type Asking = Box<dyn Fn(Ask) + Send>;

/// A reader of the PC/SC service that a person serves.
pub struct Desk {
    selector: PcscSelector,
    name: String,
    ask: Asking,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Desk {
    /// A desk at this reader. A place in the list of the service is replaced by the reader's name at once: places change when a reader is
    /// plugged in again.
    ///
    /// # Errors
    /// There is no such reader, or no service.
    pub fn new(selector: &PcscSelector, ask: Asking) -> Result<Self, FeederError> {
        let readers = pcsc::list()?;
        let found = match selector {
            PcscSelector::Index(index) => readers.get(*index),
            PcscSelector::Name(name) => readers.iter().find(|reader| reader.name == *name),
        };
        let known = || readers.iter().map(|reader| format!("pcsc:{}", reader.name)).collect();
        let found = found.ok_or_else(|| TransportError::UnknownReader { reader: format!("pcsc:{selector}"), known: known() })?;
        Ok(Self { selector: PcscSelector::Name(found.name.clone()), name: format!("pcsc:{}", found.name), ask })
    }

    /// What is in the reader. A reader that is unplugged and a service that is away have nothing in them, and are waited for.
    fn presence(&self) -> Presence {
        let PcscSelector::Name(name) = &self.selector else { return Presence::Empty };
        let readers = pcsc::list().unwrap_or_default();
        readers.into_iter().find(|reader| reader.name == *name).map_or(Presence::Empty, |reader| reader.presence)
    }
}

impl Feeder for Desk {
    fn name(&self) -> &str {
        &self.name
    }

    fn has_left_over(&self) -> bool {
        self.presence() != Presence::Empty
    }

    fn is_manual(&self) -> bool {
        true
    }

    fn load(&mut self, stop: &dyn Fn() -> bool) -> Result<Load, FeederError> {
        let mut asked = false;
        loop {
            if stop() {
                return Ok(Load::Stopped);
            }
            match self.presence() {
                Presence::Empty => {
                    if !std::mem::replace(&mut asked, true) {
                        (self.ask)(Ask::Insert);
                    }
                }
                Presence::Mute => return Ok(Load::Mute("no answer to reset".to_owned())),
                // A card that was just put in may be busy with its first reset, or held by a program that looks at every card.
                Presence::Card { .. } => match PcscReader::open(&self.selector, Sharing::Exclusive) {
                    Ok(link) => return Ok(Load::Card(Box::new(link))),
                    Err(error) => tracing::debug!(reader = self.name, %error, "not yet"),
                },
            }
            std::thread::sleep(PACE);
        }
    }

    fn unload(&mut self, link: Option<Link>, bin: Bin, stop: &dyn Fn() -> bool) -> Result<(), FeederError> {
        drop(link);
        if bin == Bin::Stay {
            return Ok(());
        }
        let mut asked = false;
        // It may have been taken out already.
        while self.presence() != Presence::Empty {
            if !std::mem::replace(&mut asked, true) {
                (self.ask)(Ask::TakeAway(bin));
            }
            if stop() {
                return Ok(());
            }
            std::thread::sleep(PACE);
        }
        Ok(())
    }
}
