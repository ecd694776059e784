//! A person at a PC/SC reader: puts a card in when asked, and takes it out into the bin that is named.
//!
//! The reader is known by its name, since its place in the list changes when something is plugged in. A reader that is unplugged, and a
//! service that stops, are waited for with a limit; the card that was in the reader comes again, here or in another reader.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eid::transport::TransportError;

use super::{Ask, Asked, Bin, Feeder, FeederError, Link, Load};
use crate::transport::PcscSelector;
use crate::transport::pcsc::{self, PcscReader, Presence, Sharing};

/// How often the reader is looked at.
const PACE: Duration = Duration::from_millis(100);
/// A card that was just put in may be busy with its first reset, or held by a program that looks at every card: so long, and no longer.
const SETTLE: Duration = Duration::from_secs(3);

/// A reader of the PC/SC service that a person serves.
pub struct Desk {
    selector: PcscSelector,
    name: String,
    person: Arc<dyn Asked>,
    patience: Duration,
    /// When the reader or the service came back: it takes a while to find the card that is in the reader.
    back: Option<Instant>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What was said last, and what is waited for.
#[derive(Default)]
struct Wait {
    said: Option<Ask>,
    away: Option<Instant>,
    /// Since when there has been a card that does not open.
    busy: Option<Instant>,
}

impl Desk {
    /// A desk at this reader. A place in the list of the service is replaced by the reader's name at once: places change when a reader is
    /// plugged in again. A reader or service that goes away later is waited for as long as `patience`.
    ///
    /// # Errors
    /// There is no such reader, or no service.
    pub fn new(selector: &PcscSelector, patience: Duration, person: Arc<dyn Asked>) -> Result<Self, FeederError> {
        let readers = pcsc::list()?;
        let found = match selector {
            PcscSelector::Index(index) => readers.get(*index),
            PcscSelector::Name(name) => readers.iter().find(|reader| reader.name == *name),
        };
        let known = || readers.iter().map(|reader| format!("pcsc:{}", reader.name)).collect();
        let found = found.ok_or_else(|| TransportError::UnknownReader { reader: format!("pcsc:{selector}"), known: known() })?;
        Ok(Self { selector: PcscSelector::Name(found.name.clone()), name: format!("pcsc:{}", found.name), person, patience, back: None })
    }

    /// What is in the reader.
    fn presence(&self) -> Result<Presence, TransportError> {
        let readers = pcsc::list()?;
        let known = || readers.iter().map(|reader| format!("pcsc:{}", reader.name)).collect();
        let is_ours = |reader: &&pcsc::Listed| matches!(&self.selector, PcscSelector::Name(name) if reader.name == *name);
        let found = readers.iter().find(is_ours).map(|reader| reader.presence.clone());
        found.ok_or_else(|| TransportError::UnknownReader { reader: self.name.clone(), known: known() })
    }

    /// The same; `None` while the reader or the service is away, which the person is told.
    fn look(&mut self, wait: &mut Wait) -> Result<Option<Presence>, FeederError> {
        match self.presence() {
            Ok(presence) => {
                if wait.away.take().is_some() {
                    self.back = Some(Instant::now());
                }
                Ok(Some(presence))
            }
            Err(error) => {
                if wait.away.get_or_insert_with(Instant::now).elapsed() >= self.patience {
                    return Err(error.into());
                }
                self.say(wait, if matches!(error, TransportError::UnknownReader { .. }) { Ask::PlugIn } else { Ask::StartService });
                Ok(None)
            }
        }
    }

    /// Says it, once.
    fn say(&self, wait: &mut Wait, ask: Ask) {
        if wait.said.replace(ask) != Some(ask) {
            self.person.ask(&self.name, ask);
        }
    }
}

impl Feeder for Desk {
    fn name(&self) -> &str {
        &self.name
    }

    fn has_left_over(&self) -> bool {
        self.presence().is_ok_and(|presence| presence != Presence::Empty)
    }

    fn is_manual(&self) -> bool {
        true
    }

    fn load(&mut self, stop: &dyn Fn() -> bool) -> Result<Load, FeederError> {
        let mut wait = Wait::default();
        while !stop() {
            match self.look(&mut wait)? {
                None => {}
                Some(Presence::Empty) => {
                    wait.busy = None;
                    if self.back.is_none_or(|back| back.elapsed() >= SETTLE) {
                        self.say(&mut wait, Ask::Insert);
                    }
                }
                Some(Presence::Mute) => return Ok(Load::Mute("no answer to reset".to_owned())),
                Some(Presence::Card { .. }) => match PcscReader::open(&self.selector, Sharing::Exclusive) {
                    Ok(link) => return Ok(Load::Card(Box::new(link))),
                    Err(error) => {
                        tracing::debug!(reader = self.name, %error, "not yet");
                        if wait.busy.get_or_insert_with(Instant::now).elapsed() >= SETTLE {
                            match error {
                                TransportError::InUse { .. } => self.say(&mut wait, Ask::Release),
                                TransportError::Unresponsive { .. } => return Ok(Load::Mute(error.to_string())),
                                _ => {}
                            }
                        }
                    }
                },
            }
            std::thread::sleep(PACE);
        }
        Ok(Load::Stopped)
    }

    fn unload(&mut self, link: Option<Link>, bin: Bin, stop: &dyn Fn() -> bool) -> Result<bool, FeederError> {
        drop(link);
        if bin == Bin::Stay {
            return Ok(false);
        }
        let mut wait = Wait::default();
        while !stop() {
            let was_away = wait.away.is_some();
            match self.look(&mut wait)? {
                None => {}
                // It may have been taken out before it was asked for.
                Some(Presence::Empty) => return Ok(!was_away),
                // Nobody knows whether it is the same card. It is looked at again: the journal knows into which bin it belongs.
                Some(_) if was_away => return Ok(false),
                Some(_) => self.say(&mut wait, Ask::TakeAway(bin)),
            }
            std::thread::sleep(PACE);
        }
        Ok(false)
    }
}
