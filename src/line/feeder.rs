//! What brings cards to a reader and takes them away: a hopper, or a person at a desk.
//!
//! A feeder knows nothing of jobs. It gives a card, and is told which bin the card goes to; a card for which it is told nothing, since the
//! station was killed, is the first one that it gives at the next start. It never takes a card back out of a bin.

use std::path::PathBuf;

use eid::transport::{Transport, TransportError};

#[cfg(feature = "pcsc")]
mod desk;
mod faults;
mod hopper;

#[cfg(feature = "pcsc")]
pub use desk::Desk;
pub use faults::{Fault, Faults, Share};
pub use hopper::{CardRngs, Hopper};

/// A card in a reader.
pub type Link = Box<dyn Transport + Send>;

/// What a feeder gives.
pub enum Load {
    /// A card that answers to reset.
    Card(Link),
    /// Something that does not answer to reset: to the reject bin.
    Mute(String),
    /// There is none, and none will come by itself.
    Empty,
    /// The wait was ended.
    Stopped,
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Card(_) => "Card",
            Self::Mute(_) => "Mute",
            Self::Empty => "Empty",
            Self::Stopped => "Stopped",
        })
    }
}

/// Where a card goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bin {
    /// It is a document.
    Good,
    /// It is scrap, or must be looked at: locked and counted.
    Reject,
    /// Nothing was changed on it: back to the blanks.
    Blank,
    /// Its work goes on later: it stays where it is, and is the next one that is given.
    Stay,
}

impl Bin {
    /// What a person is told.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good bin",
            Self::Reject => "reject bin",
            Self::Blank => "blanks",
            Self::Stay => "same reader",
        }
    }
}

/// What a feeder asks of the person beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Put a card into the reader.
    Insert,
    /// Take it out and put it there.
    TakeAway(Bin),
    /// Another program holds the card: end that program.
    Release,
    /// The reader is not there: plug it in.
    PlugIn,
    /// The service of the readers is not there: start it.
    StartService,
}

impl Ask {
    /// One word for programs: `insert`, `good`, `reject`, `blank`, `stay`, `release`, `plug-in`, `start-service`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::TakeAway(Bin::Good) => "good",
            Self::TakeAway(Bin::Reject) => "reject",
            Self::TakeAway(Bin::Blank) => "blank",
            Self::TakeAway(Bin::Stay) => "stay",
            Self::Release => "release",
            Self::PlugIn => "plug-in",
            Self::StartService => "start-service",
        }
    }
}

impl std::fmt::Display for Ask {
    /// What a person is told.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Insert => f.write_str("insert a card"),
            Self::TakeAway(bin) => write!(f, "take the card out: {}", bin.name()),
            Self::Release => f.write_str("another program holds the card: end that program"),
            Self::PlugIn => f.write_str("the reader is gone: plug it in"),
            Self::StartService => f.write_str("the PC/SC service is gone: start it"),
        }
    }
}

/// Hears what a person is asked for.
pub trait Asked: Send + Sync {
    /// The person at `reader` shall do this.
    fn ask(&self, reader: &str, ask: Ask);
}

/// Why a feeder stands.
#[derive(Debug, thiserror::Error)]
pub enum FeederError {
    /// A folder or card file cannot be used.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The reader is not there.
    #[error(transparent)]
    Reader(#[from] TransportError),
    /// A name of a reader that no feeder serves.
    #[error("reader {found}: expected pcsc:NAME-OR-INDEX, or sim:FOLDER with card files")]
    Name {
        /// What was asked for.
        found: String,
    },
}

/// Brings cards to one reader.
pub trait Feeder: Send {
    /// Name of the reader in reports, unique at its station.
    fn name(&self) -> &str;

    /// Whether a card of an earlier run is still in the reader: it comes before any job is claimed.
    fn has_left_over(&self) -> bool;

    /// Whether a person brings the cards. If so, a card that stops answering may have been taken out, and is waited for.
    fn is_manual(&self) -> bool;

    /// The next card. Asks `stop` while it waits, at least once a second.
    ///
    /// # Errors
    /// The reader or its folder cannot be used.
    fn load(&mut self, stop: &dyn Fn() -> bool) -> Result<Load, FeederError>;

    /// Takes the card away. `link` is the card of the last [`Load::Card`], `None` after [`Load::Mute`]. Whether it is in its bin: `false` if it
    /// stays, if the wait was ended, or if nobody knows.
    ///
    /// # Errors
    /// The card could not be moved: a person must look.
    fn unload(&mut self, link: Option<Link>, bin: Bin, stop: &dyn Fn() -> bool) -> Result<bool, FeederError>;
}
