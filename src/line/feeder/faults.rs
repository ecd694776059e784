//! Virtual cards that fail on purpose, so that a simulated line meets what a real one meets.
//!
//! Which cards fail, how, and when is drawn from a seed and the name of the card's file, and so is the same in every run. A fault comes once
//! in each stay of the card in a reader; a dead chip is dead for ever: its file holds no card any more.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use applets::store::StoreError;
use applets::store::fault::{FaultyNvm, Tear};
use applets::store::file::FileNvm;
use applets::{Card, CardRng};
use eid::transport::{Limits, Transport, TransportError};
use sha2::{Digest as _, Sha256};

/// A fault comes within so many APDUs of a card: writing and checking takes somewhat more.
const APDUS: u64 = 200;
/// A power cut comes within so many page programs of a card: writing takes somewhat more.
const PAGES: u64 = 400;
/// What a dead chip leaves in its file.
const REMAINS: &[u8] = b"a dead chip\n";

/// A share of all cards, in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u32);

impl FromStr for Share {
    type Err = String;

    /// Reads percent: `2%`, `0.5%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a share from 0% to 100%, with at most four decimals, found {text:?}");
        let number = text.strip_suffix('%').ok_or_else(wrong)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) {
            return Err(wrong());
        }
        let parts = format!("{whole}{part:0<4}").parse().map_err(|_| wrong())?;
        if parts <= 1_000_000 { Ok(Self(parts)) } else { Err(wrong()) }
    }
}

/// Random faults of the cards of a simulated line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// How many of the cards.
    pub share: Share,
    /// Decides which ones, and how.
    pub seed: u64,
}

impl Faults {
    /// The fault of the card in the file of this name, if it has one.
    #[must_use]
    pub fn of(&self, file: &str) -> Option<Fault> {
        let hash = Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(file).finalize();
        let mut words = hash.chunks_exact(8).map(|word| word.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte)));
        let [chance, kind, place] = std::array::from_fn(|_| words.next().unwrap_or_default());
        if chance % 1_000_000 >= self.share.0.into() {
            return None;
        }
        let apdu = 1 + place % APDUS;
        Some(match kind % 6 {
            0 => Fault::Mute(apdu),
            1 => Fault::AnswerLost(apdu),
            2 => Fault::Refuses(apdu),
            3 => Fault::Restarts(apdu),
            4 => Fault::Dies(apdu),
            _ => {
                let tear = usize::try_from(place >> 32).unwrap_or_default() % Tear::ALL.len();
                Fault::Torn(place % PAGES, Tear::ALL.get(tear).copied().unwrap_or(Tear::Garbage))
            }
        })
    }
}

/// How a card fails, and at which APDU of its stay in a reader, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It says nothing until it is reset; the command was not executed.
    Mute(u64),
    /// It executes the command and then says nothing until it is reset.
    AnswerLost(u64),
    /// It answers 6F00 and does nothing.
    Refuses(u64),
    /// It restarts by itself and forgets every session; then it meets the command.
    Restarts(u64),
    /// It never says anything again.
    Dies(u64),
    /// Its power goes while it programs this page of its memory, counted from 0.
    Torn(u64, Tear),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mute(at) => write!(f, "mute from APDU {at} until it is reset"),
            Self::AnswerLost(at) => write!(f, "the answer to APDU {at} is lost"),
            Self::Refuses(at) => write!(f, "6F00 to APDU {at}"),
            Self::Restarts(at) => write!(f, "restarts by itself before APDU {at}"),
            Self::Dies(at) => write!(f, "dead from APDU {at}"),
            Self::Torn(at, tear) => write!(f, "its power goes at page program {at}: {tear:?}"),
        }
    }
}

/// A virtual card in its file that fails once.
pub(super) struct FaultyCard {
    path: PathBuf,
    /// `None` once it is dead.
    card: Option<Card>,
    fault: Fault,
    sent: u64,
    /// Says nothing until it is reset.
    silent: bool,
    /// For the card that starts again on what a power cut left of its memory.
    spare: Option<CardRng>,
}

impl FaultyCard {
    pub(super) fn open(path: &Path, fault: Fault, rng: CardRng, spare: CardRng) -> Result<Self, StoreError> {
        let card = match fault {
            Fault::Torn(at, tear) => Card::boot(FaultyNvm::new(FileNvm::open(path)?, Some((at, tear))), rng)?,
            _ => Card::open(path, rng)?,
        };
        Ok(Self { path: path.to_owned(), card: Some(card), fault, sent: 0, silent: false, spare: Some(spare) })
    }

    fn gone(&self, detail: &str) -> TransportError {
        TransportError::CardGone { reader: format!("sim:{}", self.path.display()), detail: detail.to_owned() }
    }
}

impl Transport for FaultyCard {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        let dead = self.gone("dead");
        self.card.as_mut().ok_or(dead)?.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.sent = self.sent.saturating_add(1);
        let (gone, sent) = (self.gone("no answer"), self.sent);
        let Some(card) = self.card.as_mut().filter(|_| !self.silent) else { return Err(gone) };
        match self.fault {
            Fault::Mute(at) if at == sent => {
                self.silent = true;
                Err(gone)
            }
            Fault::AnswerLost(at) if at == sent => {
                self.silent = true;
                card.transmit(command).and(Err(gone))
            }
            Fault::Refuses(at) if at == sent => Ok(vec![0x6F, 0x00]),
            Fault::Restarts(at) if at == sent => {
                card.power_cycle();
                card.transmit(command)
            }
            Fault::Dies(at) if at == sent => {
                self.card = None;
                // If this fails, it will die again.
                drop(std::fs::write(&self.path, REMAINS));
                Err(gone)
            }
            Fault::Torn(..) => card.transmit(command).inspect_err(|_| self.silent = true),
            _ => card.transmit(command),
        }
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        let was_silent = std::mem::take(&mut self.silent);
        if let Fault::Torn(..) = self.fault
            && was_silent
            && let Some(spare) = self.spare.take()
        {
            // The file is locked as long as the card is open.
            self.card = None;
            self.card = Some(Card::open(&self.path, spare).map_err(|error| self.gone(&error.to_string()))?);
        }
        let dead = self.gone("dead");
        self.card.as_mut().ok_or(dead)?.reset()
    }

    fn limits(&self) -> Limits {
        Limits::EXTENDED
    }
}

#[cfg(test)]
mod tests;
