//! Readers of the PC/SC service: pcscd, the Windows smart card service, macOS.
//!
//! Connects exclusively unless asked otherwise, never holds a transaction, has one context for each reader (a shared one serializes
//! all threads), and takes the ATR from the card's status. Every code of the service becomes one class of [`TransportError`]:
//! after any error the card's state is unknown, the handle is given up, and [`Transport::reset`] starts over, with a new
//! context if the service went away, with whatever card is in the reader then.

use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

use ::pcsc::{Card, Context, Disposition, Error, MAX_BUFFER_SIZE_EXTENDED, Protocol, Protocols, ReaderState, Scope, ShareMode, State};
use eid::transport::{Limits, Transport, TransportError};

use super::{PcscSelector, atr, check_command};

/// Whether other programs may use the card at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// The card is ours alone.
    #[default]
    Exclusive,
    /// Others may connect too, and may reset the card under us.
    Shared,
}

/// A reader of the service, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Name of the reader.
    pub name: String,
    /// What is in it.
    pub presence: Presence,
}

/// What is in a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Nothing.
    Empty,
    /// A card with this ATR.
    Card {
        /// The answer to reset.
        atr: Vec<u8>,
        /// Whether another program holds it.
        in_use: bool,
    },
    /// A card that does not answer to reset.
    Mute,
}

/// All readers of the service with what is in them, in the service's order.
///
/// # Errors
/// [`TransportError::Service`] if the service is away.
pub fn list() -> Result<Vec<Listed>, TransportError> {
    let context = establish()?;
    let names = reader_names(&context)?;
    let mut states: Vec<_> = names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
    if !states.is_empty() {
        context.get_status_change(Duration::ZERO, &mut states).or_else(|e| if e == Error::Timeout { Ok(()) } else { Err(class(e, "")) })?;
    }
    Ok(states.iter().map(|state| Listed { name: state.name().to_string_lossy().into_owned(), presence: presence(state) }).collect())
}

fn presence(state: &ReaderState) -> Presence {
    let flags = state.event_state();
    if !flags.contains(State::PRESENT) {
        Presence::Empty
    } else if flags.contains(State::MUTE) {
        Presence::Mute
    } else {
        Presence::Card { atr: state.atr().to_vec(), in_use: flags.intersects(State::INUSE | State::EXCLUSIVE) }
    }
}

/// A card in a reader of the service.
pub struct PcscReader {
    selector: PcscSelector,
    sharing: Sharing,
    /// Name of the reader, once known.
    name: String,
    link: Option<Link>,
    buffer: Vec<u8>,
}

struct Link {
    card: Card,
    /// Dropped after the card: the service refuses to release a context that still has handles.
    context: Context,
    atr: Vec<u8>,
    protocol: Option<Protocol>,
}

impl std::fmt::Debug for PcscReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PcscReader").field("name", &self.name).field("connected", &self.link.is_some()).finish_non_exhaustive()
    }
}

impl PcscReader {
    /// Connects to the card in the reader.
    ///
    /// # Errors
    /// No such reader, no card, held by another program, mute, or the service is away.
    pub fn open(selector: &PcscSelector, sharing: Sharing) -> Result<Self, TransportError> {
        let mut reader =
            Self { selector: selector.clone(), sharing, name: selector.to_string(), link: None, buffer: vec![0; MAX_BUFFER_SIZE_EXTENDED] };
        reader.connect()?;
        Ok(reader)
    }

    /// Waits at most `patience` for a card that can be connected to, then connects. A card in use counts as not there yet.
    ///
    /// # Errors
    /// As [`open`](Self::open), the last one met.
    pub fn open_within(selector: &PcscSelector, sharing: Sharing, patience: Duration) -> Result<Self, TransportError> {
        let deadline = Instant::now() + patience;
        loop {
            match Self::open(selector, sharing) {
                Err(
                    TransportError::NoCard { .. }
                    | TransportError::CardGone { .. }
                    | TransportError::InUse { .. }
                    | TransportError::Unresponsive { .. },
                ) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
                result => return result,
            }
        }
    }

    /// Full name of the reader.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn connect(&mut self) -> Result<(), TransportError> {
        let context = establish()?;
        let known = reader_names(&context)?;
        let text = |name: &CStr| name.to_string_lossy().into_owned();
        let name = match &self.selector {
            PcscSelector::Index(index) => known.get(*index),
            PcscSelector::Name(name) => known.iter().find(|known| text(known) == *name),
        };
        let unknown = || TransportError::UnknownReader {
            reader: format!("pcsc:{}", self.selector),
            known: known.iter().map(|name| format!("pcsc:{}", text(name))).collect(),
        };
        let name = name.ok_or_else(unknown)?;
        let share = match self.sharing {
            Sharing::Exclusive => ShareMode::Exclusive,
            Sharing::Shared => ShareMode::Shared,
        };
        let reader = text(name);
        // The reader may go between the list and here.
        let connected = context.connect(name, share, Protocols::ANY);
        let card = connected.map_err(|e| if e == Error::UnknownReader { unknown() } else { class(e, &reader) })?;
        self.link = Some(Link { card, context, atr: Vec::new(), protocol: None });
        self.name = reader;
        self.refresh()
    }

    /// Reads ATR and protocol from the card's status.
    fn refresh(&mut self) -> Result<(), TransportError> {
        let Some(link) = &mut self.link else { return Err(TransportError::NoCard { reader: self.name.clone() }) };
        match link.card.status2_owned() {
            Ok(status) => {
                link.atr = status.atr().to_vec();
                link.protocol = status.protocol2();
                Ok(())
            }
            Err(e) => Err(self.fail(e)),
        }
    }

    /// Classifies an error. The handle is given up unless a reconnect heals it (reset by another program).
    fn fail(&mut self, error: Error) -> TransportError {
        if error != Error::ResetCard {
            self.link = None;
        }
        class(error, &self.name)
    }
}

impl Transport for PcscReader {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.link.as_ref().map(|link| link.atr.clone()).ok_or_else(|| TransportError::NoCard { reader: self.name.clone() })
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        check_command(command)?;
        let Some(link) = &self.link else { return Err(TransportError::NoCard { reader: self.name.clone() }) };
        let answer = match link.card.transmit(command, &mut self.buffer) {
            Ok(answer) if answer.len() >= 2 => return Ok(answer.to_vec()),
            Ok(answer) => answer.len(),
            // No protocol any more in a connection that had one: the daemon resets the card for a program that died, and forgets the
            // protocol after it has told everybody. The handle lives; a reset heals it.
            Err(Error::ProtoMismatch) => return Err(self.fail(Error::ResetCard)),
            Err(e) => return Err(self.fail(e)),
        };
        // Success with an empty answer: the card left inside the APDU, and another one may already be in its place.
        if let Some(Link { card, context, .. }) = self.link.take() {
            drop(card.disconnect(Disposition::UnpowerCard));
            drop(context);
        }
        let detail = format!("expected an answer of at least 2 bytes, found {answer}");
        Err(TransportError::CardGone { reader: self.name.clone(), detail })
    }

    /// Powers the card off and on; where the link broke, connects anew to whatever card is in the reader.
    fn reset(&mut self) -> Result<(), TransportError> {
        let share = match self.sharing {
            Sharing::Exclusive => ShareMode::Exclusive,
            Sharing::Shared => ShareMode::Shared,
        };
        let Some(link) = &mut self.link else { return self.connect() };
        match link.card.reconnect(share, Protocols::ANY, Disposition::UnpowerCard) {
            Ok(()) => self.refresh(),
            Err(e) => Err(self.fail(e)),
        }
    }

    /// Extended lengths if the ATR announces them and the protocol is not T=0.
    fn limits(&self) -> Limits {
        match &self.link {
            Some(link) if link.protocol != Some(Protocol::T0) => atr::limits(&link.atr),
            _ => Limits::SHORT,
        }
    }
}

fn establish() -> Result<Context, TransportError> {
    Context::establish(Scope::User).map_err(|e| class(e, ""))
}

fn reader_names(context: &Context) -> Result<Vec<CString>, TransportError> {
    match context.list_readers_owned() {
        Err(Error::NoReadersAvailable) => Ok(Vec::new()),
        other => other.map_err(|e| class(e, "")),
    }
}

/// The class of a code of the service. Look at the code first: on some failures the service leaves stale bytes in the buffer.
fn class(error: Error, reader: &str) -> TransportError {
    let reader = reader.to_owned();
    let detail = format!("{error} ({error:?})");
    match error {
        // A service that goes away has three faces, the last by a race; a policy that forbids access has the last one too.
        Error::NoService | Error::ServiceStopped | Error::CommError | Error::SecurityViolation | Error::InvalidHandle | Error::Shutdown => {
            TransportError::Service { detail }
        }
        Error::UnknownReader | Error::ReaderUnavailable | Error::NoReadersAvailable => {
            TransportError::UnknownReader { reader: format!("pcsc:{reader}"), known: Vec::new() }
        }
        Error::NoSmartcard => TransportError::NoCard { reader },
        Error::RemovedCard | Error::NotTransacted | Error::CommDataLost => TransportError::CardGone { reader, detail },
        Error::ResetCard => TransportError::ResetByOther { reader },
        Error::SharingViolation => TransportError::InUse { reader },
        Error::UnpoweredCard
        | Error::UnresponsiveCard
        | Error::ProtoMismatch
        | Error::UnsupportedCard
        | Error::CardUnsupported
        | Error::InvalidAtr
        | Error::NotReady => TransportError::Unresponsive { reader, detail },
        _ => TransportError::Protocol { detail: format!("reader {reader}: {detail}") },
    }
}
