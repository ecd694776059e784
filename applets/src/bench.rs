//! A bench: readers, a stack of cards, and a hand that puts them in, takes them out, and pulls their power.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let kdd = *b"\0\0\0EID\0\0\0\x01";
//! # let keys = eid::scp03::kdf3(&eid::secret::Secret::from([0x40; 16]), kdd)?;
//! # let memory = || applets::store::nvm::RamNvm::new(applets::CardConfig::MEMORY);
//! # let config = applets::CardConfig::new(kdd, 0x30, keys);
//! # let card = applets::Card::blank(&config, memory(), Box::new(applets::rng::SeededRng::new(b"doc")))?;
//! use applets::bench::Bench;
//! use applets::clock::{Timing, Waits};
//! use applets::store::fault::Tear;
//! use eid::transport::Transport;
//!
//! let mut bench = Bench::default();
//! let card = bench.add("1.card", Ok(card)); // Card::open("1.card", rng)
//! let reader = bench.add_reader(None); // Some("127.0.0.1:35963") for a reader of PC/SC
//! bench.card(card)?.set_timing(Timing::named("typical")?, Waits::Virtual);
//! bench.insert(card, reader)?;
//! let mut terminal = bench.reader(reader)?;
//! assert_eq!(terminal.transmit(&[0x00, 0xA4, 0x04, 0x0C, 7, 0xA0, 0, 0, 2, 0x47, 0x10, 1])?, [0x90, 0x00]);
//! assert_eq!(bench.card(card)?.chip_time().total().as_micros(), 12_616); // 12 ms for the command, the rest on the link
//! bench.card(card)?.tear(Some((0, Tear::NewOld))); // the next page that it programs stays half written
//! assert!(terminal.transmit(&[0x80, 0x50, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0]).is_err());
//! bench.insert(card, reader)?; // it recovers
//! println!("{:?}", bench.card(card)?.state());
//! # Ok(())
//! # }
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | `reader` | one reader: in process, or the driver of a PC/SC service |
//! | [`habits`] | what a card shall do otherwise, as one word on the command line: faults, a state's habits, times |
//!
//! A card in a PC/SC reader lives in a thread of its own; whoever looks at it waits for the end of the command under way.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eid::transport::TransportError;

use crate::card::Card;
use crate::store::StoreError;
use crate::vpcd::VpcdError;

pub mod habits;
mod reader;

use reader::Place;
pub use reader::{BenchReader, Event, Happened};

/// A card that its reader and the bench share.
pub(crate) type SharedCard = Arc<Mutex<Card>>;

/// Nobody panics with a lock held; and if so, the card is what its memory says.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why something cannot be done at a bench.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// There is no such card.
    #[error("expected a card from 1 to {cards}, found {found}")]
    NoCard {
        /// What was asked for.
        found: usize,
        /// How many there are.
        cards: usize,
    },
    /// There is no such reader.
    #[error("expected a reader from 1 to {readers}, found {found}")]
    NoReader {
        /// What was asked for.
        found: usize,
        /// How many there are.
        readers: usize,
    },
    /// The card's memory could not be opened.
    #[error("card {card}, {name}: {source}")]
    NotOpened {
        /// Its number.
        card: usize,
        /// Its name.
        name: String,
        /// Why not.
        source: StoreError,
    },
    /// There is a card in the reader.
    #[error("reader {reader} holds card {card}")]
    Full {
        /// The reader.
        reader: usize,
        /// The card in it.
        card: usize,
    },
    /// There is no card in the reader.
    #[error("reader {0} is empty")]
    Empty(usize),
    /// The card is in no reader.
    #[error("card {0} is in no reader")]
    Out(usize),
    /// The card is in a reader.
    #[error("card {card} is in reader {reader}")]
    Elsewhere {
        /// The card.
        card: usize,
        /// Where it is.
        reader: usize,
    },
    /// The reader's driver does not listen.
    #[error("reader {reader}: {source}")]
    Reader {
        /// The reader.
        reader: usize,
        /// Why not.
        source: VpcdError,
    },
    /// The reader is served by its driver: nobody else speaks through it.
    #[error("reader {0} belongs to a PC/SC service")]
    Served(usize),
    /// The card left inside of a command.
    #[error(transparent)]
    Card(#[from] TransportError),
}

/// How a card is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// It forgets everything volatile; nobody is told.
    Warm,
    /// It is taken out of the reader and put back: whoever has it open learns that it left.
    Cold,
}

struct Held {
    name: String,
    card: Result<SharedCard, StoreError>,
}

/// Readers and cards. Both are numbered from 1.
pub struct Bench {
    cards: Vec<Held>,
    readers: Vec<Place>,
    tell: Sender<Event>,
    told: Receiver<Event>,
}

impl Default for Bench {
    fn default() -> Self {
        let (tell, told) = channel();
        Self { cards: Vec::new(), readers: Vec::new(), tell, told }
    }
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("cards", &self.cards.len()).field("readers", &self.readers.len()).finish_non_exhaustive()
    }
}

impl Bench {
    /// Lays a card on the stack; gives its number. One that could not be opened has a number too, and says why when it is used.
    pub fn add(&mut self, name: &str, card: Result<Card, StoreError>) -> usize {
        let card = card.map(|mut card| {
            card.keep_exchanges();
            Arc::new(Mutex::new(card))
        });
        self.cards.push(Held { name: name.to_owned(), card });
        self.cards.len()
    }

    /// Sets up a reader: in process, or the one whose driver listens at `HOST:PORT`. Gives its number.
    pub fn add_reader(&mut self, address: Option<&str>) -> usize {
        self.readers.push(Place::new(self.readers.len() + 1, address, self.tell.clone()));
        self.readers.len()
    }

    /// How many cards there are.
    #[must_use]
    pub const fn cards(&self) -> usize {
        self.cards.len()
    }

    /// How many readers there are.
    #[must_use]
    pub const fn readers(&self) -> usize {
        self.readers.len()
    }

    /// The name of a card.
    ///
    /// # Errors
    /// There is no such card.
    pub fn name(&self, card: usize) -> Result<&str, BenchError> {
        self.held(card).map(|held| held.name.as_str())
    }

    /// Where a reader's driver listens; `None` for one in process.
    ///
    /// # Errors
    /// There is no such reader.
    pub fn address(&self, reader: usize) -> Result<Option<&str>, BenchError> {
        self.place(reader).map(Place::address)
    }

    fn held(&self, card: usize) -> Result<&Held, BenchError> {
        let cards = self.cards.len();
        card.checked_sub(1).and_then(|n| self.cards.get(n)).ok_or(BenchError::NoCard { found: card, cards })
    }

    fn place(&self, reader: usize) -> Result<&Place, BenchError> {
        let readers = self.readers.len();
        reader.checked_sub(1).and_then(|n| self.readers.get(n)).ok_or(BenchError::NoReader { found: reader, readers })
    }

    fn place_mut(&mut self, reader: usize) -> Result<&mut Place, BenchError> {
        let readers = self.readers.len();
        reader.checked_sub(1).and_then(|n| self.readers.get_mut(n)).ok_or(BenchError::NoReader { found: reader, readers })
    }

    fn shared(&self, card: usize) -> Result<&SharedCard, BenchError> {
        let held = self.held(card)?;
        held.card.as_ref().map_err(|source| BenchError::NotOpened { card, name: held.name.clone(), source: source.clone() })
    }

    /// A card, for as long as the guard lives: to set its faults and times, to tear it, and to see its state. It answers nobody meanwhile.
    ///
    /// # Errors
    /// There is no such card, or it could not be opened.
    pub fn card(&self, card: usize) -> Result<MutexGuard<'_, Card>, BenchError> {
        self.shared(card).map(|card| lock(card))
    }

    /// The reader that a card is in.
    #[must_use]
    pub fn reader_of(&self, card: usize) -> Option<usize> {
        (1..=self.readers.len()).find(|&reader| self.in_reader(reader) == Some(card))
    }

    /// The card in a reader.
    #[must_use]
    pub fn in_reader(&self, reader: usize) -> Option<usize> {
        self.place(reader).ok().and_then(Place::card)
    }

    /// Puts a card into a reader, powered anew. Waits where the reader would else not notice that another card left.
    ///
    /// # Errors
    /// There is no such card or reader, it is in another or has another, or the driver does not listen.
    pub fn insert(&mut self, card: usize, reader: usize) -> Result<(), BenchError> {
        let shared = Arc::clone(self.shared(card)?);
        self.place(reader)?;
        match (self.reader_of(card), self.in_reader(reader)) {
            (Some(reader), _) => Err(BenchError::Elsewhere { card, reader }),
            (None, Some(card)) => Err(BenchError::Full { reader, card }),
            (None, None) => {
                let place = self.place_mut(reader)?;
                place.insert(card, shared).map_err(|source| BenchError::Reader { reader, source })
            }
        }
    }

    /// Takes the card out of a reader, whatever it is doing; gives its number.
    ///
    /// # Errors
    /// There is no such reader, or it is empty.
    pub fn remove(&mut self, reader: usize) -> Result<usize, BenchError> {
        self.place_mut(reader)?.remove().ok_or(BenchError::Empty(reader))
    }

    /// Resets a card in its reader. One that was torn is put back.
    ///
    /// # Errors
    /// The card is in no reader, and was torn in none.
    pub fn reset(&mut self, card: usize, how: Reset) -> Result<(), BenchError> {
        let shared = Arc::clone(self.shared(card)?);
        let torn = (1..=self.readers.len()).find(|&n| self.place(n).is_ok_and(|place| place.torn() == Some(card)));
        match (self.reader_of(card), torn, how) {
            (Some(_), _, Reset::Warm) => lock(&shared).power_cycle(),
            (Some(reader), _, Reset::Cold) => {
                self.remove(reader)?;
                self.insert(card, reader)?;
            }
            (None, Some(reader), _) => self.insert(card, reader)?,
            (None, None, _) => return Err(BenchError::Out(card)),
        }
        Ok(())
    }

    /// A terminal at a reader in process. It may outlive what is in the reader, and says then what a reader says.
    ///
    /// # Errors
    /// There is no such reader, or a PC/SC service has it.
    pub fn reader(&self, reader: usize) -> Result<BenchReader, BenchError> {
        self.place(reader)?.terminal().ok_or(BenchError::Served(reader))
    }

    /// One command to the card in a reader, past whoever has it open. A card that leaves inside of it is out of the reader.
    ///
    /// # Errors
    /// The card is in no reader, or left.
    pub fn send(&mut self, card: usize, command: &[u8]) -> Result<Vec<u8>, BenchError> {
        let shared = Arc::clone(self.shared(card)?);
        let reader = self.reader_of(card).ok_or(BenchError::Out(card))?;
        let mut held = lock(&shared);
        let answer = held.exchange(command);
        let torn = held.is_torn();
        drop(held);
        if torn {
            self.place_mut(reader)?.torn_away();
        }
        Ok(answer?)
    }

    /// What happened since this was asked last, in readers that are served.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        self.told.try_iter()
    }
}
