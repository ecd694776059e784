//! One reader of a bench: what is in it, and who speaks to that. In process, a terminal holds a [`BenchReader`]; in a PC/SC service, a thread serves the card
//! to the reader's driver.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eid::transport::{Limits, Transport, TransportError};

use super::{SharedCard, lock};
use crate::vpcd::{self, LinkEnd, RECONNECT_PAUSE, Served, VpcdError};

/// What happened in a reader by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The reader, from 1.
    pub reader: usize,
    /// The card, from 1.
    pub card: usize,
    /// What happened.
    pub what: Happened,
}

/// See [`Event`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A fault took the card out of the field; it comes back by itself.
    Left,
    /// The reader's driver closed the link; the card waits for it to come back.
    ReaderGone,
    /// Card and driver have a link again.
    Back,
    /// The card's power was cut in the middle of a page program, as was asked for; it is out of the reader.
    Torn(String),
    /// The card says nothing any more: its memory failed. It is out of the reader.
    Mute(String),
}

/// What is in a reader.
#[derive(Default)]
struct Slot {
    card: Option<(usize, SharedCard)>,
    /// The card that was here last, if its power was cut.
    torn: Option<usize>,
    /// Counts the changes: a terminal that has the card before one open must learn of it.
    epoch: u64,
    left: Option<Instant>,
}

impl Slot {
    fn change(&mut self, card: Option<(usize, SharedCard)>) {
        if card.is_none() && self.card.is_some() {
            self.left = Some(Instant::now());
        }
        self.torn = None;
        self.card = card;
        self.epoch += 1;
    }

    fn torn_away(&mut self) {
        let card = self.card.as_ref().map(|(card, _)| *card);
        self.change(None);
        self.torn = card;
    }
}

/// The thread that serves a card to a driver.
struct Link {
    stop: Arc<AtomicBool>,
    stream: Arc<Mutex<Option<TcpStream>>>,
    thread: JoinHandle<()>,
}

impl Link {
    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(stream) = lock(&self.stream).take() {
            // it may be closed already
            let _ = stream.shutdown(Shutdown::Both);
        }
        // a thread that panicked has told so
        let _ = self.thread.join();
    }
}

/// A reader.
pub(super) struct Place {
    number: usize,
    address: Option<String>,
    slot: Arc<Mutex<Slot>>,
    link: Option<Link>,
    tell: Sender<Event>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.unlink();
    }
}

impl Place {
    pub(super) fn new(number: usize, address: Option<&str>, tell: Sender<Event>) -> Self {
        Self { number, address: address.map(str::to_owned), slot: Arc::default(), link: None, tell }
    }

    pub(super) fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    pub(super) fn card(&self) -> Option<usize> {
        lock(&self.slot).card.as_ref().map(|(card, _)| *card)
    }

    pub(super) fn torn(&self) -> Option<usize> {
        lock(&self.slot).torn
    }

    pub(super) fn terminal(&self) -> Option<BenchReader> {
        let epoch = lock(&self.slot).epoch;
        self.address.is_none().then(|| BenchReader { name: format!("bench {}", self.number), slot: Arc::clone(&self.slot), epoch })
    }

    fn unlink(&mut self) {
        if let Some(link) = self.link.take() {
            link.end();
        }
    }

    pub(super) fn insert(&mut self, number: usize, card: SharedCard) -> Result<(), VpcdError> {
        self.unlink();
        if let Some(address) = self.address.clone() {
            // the driver swaps in silently what comes back at once
            let left = lock(&self.slot).left;
            let pause = left.map_or(Duration::ZERO, |left| RECONNECT_PAUSE.saturating_sub(left.elapsed()));
            std::thread::sleep(pause);
            let stream = vpcd::connect(&address)?;
            lock(&card).power_cycle();
            let stop = Arc::new(AtomicBool::new(false));
            let current = Arc::new(Mutex::new(stream.try_clone().ok()));
            let server = Server {
                reader: self.number,
                number,
                card: Arc::clone(&card),
                address,
                slot: Arc::clone(&self.slot),
                stop: Arc::clone(&stop),
                current: Arc::clone(&current),
                tell: self.tell.clone(),
            };
            // in the slot before the thread can take it out again
            lock(&self.slot).change(Some((number, card)));
            let thread = std::thread::spawn(move || server.serve(stream));
            self.link = Some(Link { stop, stream: current, thread });
        } else {
            lock(&card).power_cycle();
            lock(&self.slot).change(Some((number, card)));
        }
        Ok(())
    }

    pub(super) fn remove(&mut self) -> Option<usize> {
        // a terminal in process may have it in hand: the slot's lock is never held while waiting for the card
        let (number, card) = lock(&self.slot).card.clone()?;
        self.unlink();
        lock(&self.slot).change(None);
        lock(&card).power_cycle();
        Some(number)
    }

    /// The card's power was cut by a command that did not come from here.
    pub(super) fn torn_away(&mut self) {
        self.unlink();
        lock(&self.slot).torn_away();
    }
}

impl Served for SharedCard {
    fn power_cycle(&mut self) {
        // what was cut stays so until somebody puts the card back
        let mut card = lock(self);
        if !card.is_torn() {
            card.power_cycle();
        }
    }

    fn atr(&self) -> Vec<u8> {
        lock(self).product().atr.clone()
    }

    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        lock(self).exchange(command)
    }

    fn take_delay(&mut self, used: Duration) -> Duration {
        Served::take_delay(&mut *lock(self), used)
    }

    fn left_the_field(&self) -> bool {
        lock(self).left_the_field()
    }
}

struct Server {
    reader: usize,
    number: usize,
    card: SharedCard,
    address: String,
    slot: Arc<Mutex<Slot>>,
    stop: Arc<AtomicBool>,
    /// The link that there is, for who pulls the card.
    current: Arc<Mutex<Option<TcpStream>>>,
    tell: Sender<Event>,
}

impl Server {
    fn happened(&self, what: Happened) {
        // nobody listens any more: nobody wants to know
        let _ = self.tell.send(Event { reader: self.reader, card: self.number, what });
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn serve(mut self, first: TcpStream) {
        let mut next = Some(first);
        while let Some(mut link) = next.take() {
            let end = vpcd::serve_any(&mut self.card, &mut link, &self.stop);
            if self.stopped() {
                return;
            }
            match end {
                Ok(LinkEnd::Stopped) => return,
                Ok(LinkEnd::ReaderGone) => self.happened(Happened::ReaderGone),
                Ok(LinkEnd::CardLeft) => self.happened(Happened::Left),
                Err(error) => {
                    // the driver learns at once that the card is gone
                    let _ = link.shutdown(Shutdown::Both);
                    lock(&self.slot).torn_away();
                    let torn = lock(&self.card).is_torn();
                    let detail = match error {
                        VpcdError::Card(TransportError::CardGone { detail, .. }) => detail,
                        other => other.to_string(),
                    };
                    self.happened(if torn { Happened::Torn(detail) } else { Happened::Mute(detail) });
                    return;
                }
            }
            drop(link);
            next = self.again();
        }
    }

    /// The next link, once the driver listens again.
    fn again(&self) -> Option<TcpStream> {
        loop {
            vpcd::wait(RECONNECT_PAUSE, &self.stop);
            if self.stopped() {
                return None;
            }
            if let Ok(stream) = vpcd::connect(&self.address) {
                *lock(&self.current) = stream.try_clone().ok();
                self.happened(Happened::Back);
                return Some(stream);
            }
        }
    }
}

/// A terminal at a reader in process. After a card came or left, commands are refused until [`reset`](Transport::reset), as a PC/SC service does.
#[derive(Clone)]
pub struct BenchReader {
    name: String,
    slot: Arc<Mutex<Slot>>,
    epoch: u64,
}

impl std::fmt::Debug for BenchReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BenchReader({})", self.name)
    }
}

impl BenchReader {
    fn card(&self) -> Result<(u64, SharedCard), TransportError> {
        let slot = lock(&self.slot);
        let card = slot.card.as_ref().ok_or_else(|| TransportError::NoCard { reader: self.name.clone() })?;
        Ok((slot.epoch, Arc::clone(&card.1)))
    }
}

impl Transport for BenchReader {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.card().map(|(_, card)| lock(&card).product().atr.clone())
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let gone = |detail: &str| TransportError::CardGone { reader: self.name.clone(), detail: detail.to_owned() };
        let (epoch, card) = self.card()?;
        if epoch != self.epoch {
            return Err(gone("another card came in since the last reset"));
        }
        let mut held = lock(&card);
        let answer = held.exchange(command);
        let torn = held.is_torn();
        drop(held);
        if torn {
            lock(&self.slot).torn_away();
        }
        answer.map_err(|error| match error {
            TransportError::CardGone { detail, .. } => gone(&detail),
            other => other,
        })
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        let (epoch, card) = self.card()?;
        self.epoch = epoch;
        lock(&card).power_cycle();
        Ok(())
    }

    fn limits(&self) -> Limits {
        Limits::EXTENDED
    }
}
