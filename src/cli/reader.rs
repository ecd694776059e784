//! `--reader` and what opens a card: one set of options for every command that speaks to one.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use applets::card::Card;
use applets::clock::Waits;
use cardwright::transport::trace::{Detail, Recorder};
use cardwright::transport::{self, Limits, ReaderName, Transport, TransportError};
use clap::Args;

use super::exit::{Exit, Failure};

/// Explains names of readers and exit codes, once, in the help of the whole program.
pub(super) const HELP: &str = "\
Readers:
  pcsc:NAME-OR-INDEX  a reader of the PC/SC service (`cardwright readers` lists them)
  sim:FILE            the virtual card in FILE
  sim:FILE#FAULTS     the same, misbehaving: sim:1.card#VF-SM-012@3,seed=7 (`cardwright sim list faults`), or behaving as the cards
                      of a state: sim:1.card#as=NZ (`cardwright sim list personalities`), or counting the time that a real card
                      takes: sim:1.card#time=typical (fast, typical, slow, contact)
  vpcd:PORT           a card that connects to PORT and speaks the protocol of vsmartcard
  trace:FILE          an exchange recorded with --trace, played back

Exit codes:
  0   every required check passed
  1   a check failed: not genuine
  2   wrong usage, or a file that was handed over is wrong
  3   undecided: no trust anchor, something not supported, or stopped before the end
  4   access refused: wrong CAN or MRZ, or blocked
  5   reader or card gone
  6   signing key or token
  7   a file or store could not be read or written
  70  a bug of ours";

/// Which card, and whether to record what is said to it.
#[derive(Debug, Args)]
pub(crate) struct ReaderArgs {
    /// Take the card in READER: pcsc:NAME-OR-INDEX, sim:FILE, vpcd:PORT, or trace:FILE
    #[arg(long, short, value_name = "READER", env = "CARDWRIGHT_READER", default_value = "pcsc:0")]
    reader: ReaderName,
    /// Record every APDU in FILE; it holds personal data
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

impl ReaderArgs {
    /// Opens the card.
    pub(crate) fn open(&self) -> Result<AnyCard, Failure> {
        let card = open(&self.reader)?;
        let Some(path) = &self.trace else { return Ok(card) };
        let file = File::create(path).map_err(|error| Failure::file(path, &error))?;
        let recorder = Recorder::new(card, LineWriter(BufWriter::new(file)), Detail::Full).map_err(|error| failure(&error))?;
        Ok(Box::new(recorder))
    }

    /// Whether a reader or a record was asked for on the command line, and not by the environment or by default.
    pub(crate) fn is_given(&self) -> bool {
        let reader = self.reader.to_string();
        let implied = std::env::var("CARDWRIGHT_READER").unwrap_or_else(|_| "pcsc:0".to_owned());
        self.trace.is_some() || reader != implied
    }

    /// The reader's name as given.
    pub(crate) const fn name(&self) -> &ReaderName {
        &self.reader
    }
}

/// A card behind any of the adapters.
pub(crate) type AnyCard = Box<dyn Transport + Send>;

fn open(name: &ReaderName) -> Result<AnyCard, Failure> {
    match name {
        // A card file says more than "gone": another version, in use, no card at all.
        ReaderName::Sim(path) => {
            Ok(Box::new(Card::open(path, Box::new(super::random::system())).map_err(|error| super::sim::failure(&error))?))
        }
        ReaderName::Faulty(path, faults) => {
            let mut card = Card::open(path, Box::new(super::random::system())).map_err(|error| super::sim::failure(&error))?;
            faults.apply(&mut card, Waits::Virtual);
            Ok(if faults.timing.is_some() { Box::new(Timed(card)) } else { Box::new(card) })
        }
        #[cfg(not(feature = "pcsc"))]
        ReaderName::Pcsc(_) => Err(Failure::usage("this program was built without PC/SC")
            .hint("use sim:FILE, vpcd:PORT, or trace:FILE, or build it with the feature `pcsc`")),
        name => {
            if let ReaderName::Vpcd(port) = name {
                tracing::info!(port, "waiting for a card to connect");
            }
            transport::open(name, Box::new(super::random::system())).map_err(|error| failure(&error))
        }
    }
}

/// A virtual card that counts its time, and tells it at the end.
struct Timed(Card);

impl Drop for Timed {
    fn drop(&mut self) {
        eprintln!("chip time {}", self.0.chip_time());
    }
}

impl Transport for Timed {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.0.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.0.transmit(command)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.0.reset()
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }
}

/// Why a card could not be reached, with what to do about it.
pub(crate) fn failure(error: &TransportError) -> Failure {
    let failure = Failure::new(Exit::Gone, error);
    match error {
        TransportError::NoCard { .. } => {
            failure.hint("insert a card, or name another reader with --reader; `cardwright readers` lists them")
        }
        TransportError::CardGone { .. } | TransportError::ResetByOther { .. } => {
            failure.hint("put the card back and start again from the beginning")
        }
        TransportError::InUse { .. } => failure.hint("end the other program, or take its reader away from it"),
        TransportError::UnknownReader { .. } => {
            failure.hint("`cardwright readers` lists the readers; for a virtual card say --reader sim:FILE")
        }
        TransportError::Service { .. } => failure.hint("start the PC/SC service (pcscd), or use a virtual card: --reader sim:FILE"),
        TransportError::Unresponsive { .. } => failure.hint("turn the card over, clean its contacts, or try another reader"),
        TransportError::Protocol { .. } => failure,
    }
}

/// Writes each line through at once: a trace of a program that was killed is still a trace.
#[derive(Debug)]
struct LineWriter(BufWriter<File>);

impl std::io::Write for LineWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.0.write(bytes)?;
        if bytes.get(..count).is_some_and(|written| written.contains(&b'\n')) {
            self.0.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Why a session broke.
pub(crate) fn session_failure(error: &cardwright::session::SessionError) -> Failure {
    use cardwright::session::SessionError;
    match error {
        SessionError::Transport(error) => failure(error),
        SessionError::SecureMessaging(_) => Failure::from_error(Exit::CheckFailed, error)
            .hint("someone may stand between reader and card; try again, then distrust the card"),
        _ => Failure::from_error(Exit::Gone, error),
    }
}

/// Why a card stayed closed.
pub(crate) fn access_failure(error: &cardwright::terminal::access::AccessError) -> Failure {
    use cardwright::terminal::access::AccessError;
    match error {
        AccessError::Refused { .. } => Failure::new(Exit::AccessRefused, error)
            .hint("compare the CAN or MRZ with what is printed on the card; each wrong try makes the card slower or blocks it"),
        AccessError::Failed { .. } => Failure::new(Exit::AccessRefused, error),
        AccessError::NoWay { given, .. } if given == "nothing" => {
            Failure::usage(error).hint("give --can, --mrz, or --mrz-file, as printed on the card")
        }
        AccessError::NoWay { .. } => {
            Failure::new(Exit::AccessRefused, error).hint("a card without PACE is opened with its MRZ: --mrz or --mrz-file")
        }
        AccessError::NoApplication { .. } => Failure::new(Exit::Undecided, error),
        AccessError::Session(error) => session_failure(error),
    }
}
