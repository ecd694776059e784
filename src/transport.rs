//! A card within reach, by the one name that every reader has: `pcsc:NAME-OR-INDEX`, `sim:FILE`, `sim:FILE#FAULTS`, `vpcd:PORT`, `trace:FILE`.
//!
//! Every adapter here knows one outside thing and nothing of passports. Each of them refuses commands of fewer than four
//! bytes (they wedge a reader) and takes an answer of fewer than two bytes for a card that has gone.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use applets::bench::habits::{Habits, HabitsError};
use applets::clock::Waits;
pub use eid::transport::{Limits, Transport, TransportError};

pub mod atr;
#[cfg(feature = "pcsc")]
pub mod pcsc;
pub mod trace;
pub mod vpcd;

/// The name of a reader, as users write it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReaderName {
    /// `pcsc:NAME-OR-INDEX`: a reader of the PC/SC service, by its place in the list (from 0) or by its full name.
    Pcsc(PcscSelector),
    /// `sim:FILE`: the virtual card in an image file, in this process.
    Sim(PathBuf),
    /// `sim:FILE#ID[@n],…[,as=XX][,do=STEP][,seed=n][,time=PROFILE]`: the same card, misbehaving on purpose, behaving as those of a state, or counting the time
    /// that a real one takes.
    Faulty(PathBuf, Habits),
    /// `vpcd:PORT`: we listen on the loopback port and play the reader; a card simulator connects.
    Vpcd(u16),
    /// `trace:FILE`: a recorded exchange, played back.
    Trace(PathBuf),
}

/// Which reader of the PC/SC service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PcscSelector {
    /// Place in the list of the service, from 0.
    Index(usize),
    /// The full name.
    Name(String),
}

impl fmt::Display for PcscSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Text that names no reader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReaderNameError {
    /// No kind of reader.
    #[error("expected pcsc:NAME-OR-INDEX, sim:FILE, sim:FILE#FAULTS, vpcd:PORT, or trace:FILE, found {found:?}")]
    Kind {
        /// What was found.
        found: String,
    },
    /// A virtual card with faults that it cannot show.
    #[error("{found:?}: {source}")]
    Faults {
        /// What was found.
        found: String,
        /// Why they are none.
        source: HabitsError,
    },
}

impl FromStr for ReaderName {
    type Err = ReaderNameError;

    fn from_str(text: &str) -> Result<Self, ReaderNameError> {
        let error = || ReaderNameError::Kind { found: text.to_owned() };
        let (kind, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).ok_or_else(error)?;
        match kind {
            "pcsc" => Ok(Self::Pcsc(rest.parse().map_or_else(|_| PcscSelector::Name(rest.to_owned()), PcscSelector::Index))),
            "sim" => {
                // a file may have the sign in its name; what follows it then is no fault
                let faulty = rest.rsplit_once('#').filter(|(path, habits)| !path.is_empty() && Habits::looks_like(habits));
                let Some((path, faults)) = faulty else { return Ok(Self::Sim(rest.into())) };
                let faults = faults.parse().map_err(|source| ReaderNameError::Faults { found: text.to_owned(), source })?;
                Ok(Self::Faulty(path.into(), faults))
            }
            "vpcd" => rest.parse().ok().filter(|&port| port != 0).map(Self::Vpcd).ok_or_else(error),
            "trace" => Ok(Self::Trace(rest.into())),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for ReaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pcsc(selector) => write!(f, "pcsc:{selector}"),
            Self::Sim(path) => write!(f, "sim:{}", path.display()),
            Self::Faulty(path, faults) => write!(f, "sim:{}#{faults}", path.display()),
            Self::Vpcd(port) => write!(f, "vpcd:{port}"),
            Self::Trace(path) => write!(f, "trace:{}", path.display()),
        }
    }
}

/// Opens the reader and the card in it. `rng` is the random source of a virtual card; other readers do not use it.
/// `vpcd:PORT` waits for a card to connect, at most for [`vpcd::Timeouts::default`].
///
/// # Errors
/// Any [`TransportError`]; [`TransportError::Service`] for `pcsc:` in a build without the feature `pcsc`.
pub fn open(name: &ReaderName, rng: applets::CardRng) -> Result<Box<dyn Transport + Send>, TransportError> {
    match name {
        #[cfg(feature = "pcsc")]
        ReaderName::Pcsc(selector) => Ok(Box::new(pcsc::PcscReader::open(selector, pcsc::Sharing::Exclusive)?)),
        #[cfg(not(feature = "pcsc"))]
        ReaderName::Pcsc(_) => Err(TransportError::Service { detail: format!("{name}: built without the feature pcsc") }),
        ReaderName::Sim(path) => Ok(Box::new(applets::Card::open(path, rng).map_err(|error| sim_error(name, error))?)),
        ReaderName::Faulty(path, faults) => {
            let mut card = applets::Card::open(path, rng).map_err(|error| sim_error(name, error))?;
            faults.apply(&mut card, Waits::Virtual);
            Ok(Box::new(card))
        }
        ReaderName::Vpcd(port) => {
            let mut reader = vpcd::VpcdReader::listen(*port, vpcd::Timeouts::default())?;
            reader.insert()?;
            Ok(Box::new(reader))
        }
        ReaderName::Trace(path) => Ok(Box::new(trace::Replay::open(path)?)),
    }
}

fn sim_error(name: &ReaderName, error: applets::store::StoreError) -> TransportError {
    use applets::store::StoreError;
    let reader = name.to_string();
    match error {
        StoreError::InUse(_) => TransportError::InUse { reader },
        StoreError::Io(detail) => TransportError::UnknownReader { reader: format!("{reader} ({detail})"), known: Vec::new() },
        error => TransportError::Unresponsive { reader, detail: error.to_string() },
    }
}

/// Longest APDU that any of the links carries, each way.
const MAX_APDU: usize = 65_535;

/// Refuses what no link may send: fewer than 4 bytes, more than 65,535.
fn check_command(command: &[u8]) -> Result<(), TransportError> {
    if (4..=MAX_APDU).contains(&command.len()) {
        return Ok(());
    }
    Err(TransportError::Protocol { detail: format!("expected a command APDU of 4 to {MAX_APDU} bytes, found {}", command.len()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reader_names_read_and_write() {
        let names = [
            ("pcsc:0", ReaderName::Pcsc(PcscSelector::Index(0))),
            ("pcsc:Line 00 00 01", ReaderName::Pcsc(PcscSelector::Name("Line 00 00 01".to_owned()))),
            ("sim:out/cards/0001.card", ReaderName::Sim("out/cards/0001.card".into())),
            ("sim:C:\\cards\\1.card", ReaderName::Sim("C:\\cards\\1.card".into())),
            ("sim:1.card#VF-SM-012@3,seed=7", {
                let faults = applets::fault::Faults::named(&["VF-SM-012@3"]).expect("a fault").seed(7);
                ReaderName::Faulty("1.card".into(), Habits { faults, timing: None })
            }),
            ("sim:1.card#time=typical", {
                let timing = Some(applets::clock::Timing::named("typical").expect("a profile"));
                ReaderName::Faulty("1.card".into(), Habits { timing, ..Habits::default() })
            }),
            ("sim:lot#7.card", ReaderName::Sim("lot#7.card".into())),
            ("vpcd:35963", ReaderName::Vpcd(35_963)),
            ("trace:a.trace", ReaderName::Trace("a.trace".into())),
        ];
        for (text, name) in names {
            assert_eq!(text.parse::<ReaderName>().as_ref(), Ok(&name));
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn text_that_names_no_reader_is_quoted_in_the_error() {
        for text in ["", "pcsc", "pcsc:", "usb:0", "vpcd:0", "vpcd:65536", "vpcd:x", "sim:"] {
            assert_eq!(text.parse::<ReaderName>(), Err(ReaderNameError::Kind { found: text.to_owned() }), "{text}");
        }
    }

    #[test]
    fn faults_that_a_card_cannot_show_are_told_with_the_reason() {
        let error = |text: &str| text.parse::<ReaderName>().expect_err("no reader").to_string();
        assert_eq!(
            error("sim:1.card#VF-SM-999"),
            r#""sim:1.card#VF-SM-999": expected the id of a fault of the catalogue, found "VF-SM-999""#
        );
        assert!(error("sim:1.card#VF-SEL-013").contains("the reader tells cards apart"));
    }

    #[test]
    fn commands_that_wedge_a_reader_are_refused() {
        for len in [0, 1, 3, 65_536] {
            assert!(matches!(check_command(&vec![0; len]), Err(TransportError::Protocol { .. })), "{len}");
        }
        assert_eq!(check_command(&[0, 0xA4, 0, 0x0C]), Ok(()));
    }
}
