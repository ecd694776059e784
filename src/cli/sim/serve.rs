//! `sim --image`: cards in readers, each in its own thread; the console, if one was asked for, in this one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use applets::bench::habits::Habits;
use applets::bench::{Bench, BenchError, Event, Happened};
use applets::card::Card;
use applets::clock::{Timing, Waits};
use applets::fault::Faults;
use applets::vpcd::RECONNECT_PAUSE;
use clap::{Args, ValueEnum};

use super::console::Console;
use super::{failure, list};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, random};

/// Which cards, in which readers, and what they do otherwise.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Serve the card in FILE; several times for several cards
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// Put the card into the PC/SC reader whose driver (vsmartcard) listens at HOST:PORT, further cards into those at the ports after it
    #[arg(long, value_name = "HOST:PORT", requires = "image")]
    vpcd: Option<String>,
    /// Take commands from standard input: insert, remove, tear, reset, state, last, fault, time, help
    #[arg(long, requires = "image")]
    console: bool,
    /// Have one reader for all cards; the first is in it, and the console puts in the others
    #[arg(long, requires = "console")]
    stack: bool,
    /// Have the card misbehave: the fault ID of `sim list faults`, each time or only the n-th
    #[arg(long, value_name = "ID[@n]", requires = "image")]
    fault: Vec<String>,
    /// Have the card behave as those of the state XX of `sim list personalities`
    #[arg(long = "as", value_name = "XX", requires = "image")]
    like: Option<String>,
    /// Take the random bytes of faults from this seed
    #[arg(long, value_name = "N", default_value_t = 0, requires = "fault")]
    seed: u64,
    /// Count the time that a real card takes: fast, typical, slow, or contact, and what is other: typical+link=contactless-106
    #[arg(long, value_name = "PROFILE", requires = "image")]
    timing: Option<Timing>,
    /// Wait that long before each answer, or only add it up; with the profile `typical` where none is given
    #[arg(long, value_enum, value_name = "HOW", requires = "image")]
    time: Option<Time>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Time {
    /// Wait
    Real,
    /// Add it up
    Virtual,
}

/// How often what happened is looked at.
const POLL: Duration = Duration::from_millis(100);

const DRIVER: &str = "start pcscd with vsmartcard's driver; it listens on port 35963 for its first reader and 35964 for its second";

impl Serve {
    pub(super) const fn is_given(&self) -> bool {
        !self.image.is_empty()
    }

    fn habits(&self) -> Result<(Habits, Waits), Failure> {
        let faults = Faults::named(&self.fault).and_then(|faults| match &self.like {
            Some(state) => faults.behaving_as(state),
            None => Ok(faults),
        });
        let faults = faults.map_err(|error| list::unknown(&error))?.seed(self.seed);
        let timing = match (self.timing, self.time) {
            (None, Some(_)) => Some(Timing::named("typical").map_err(|error| Failure::new(Exit::Bug, error))?),
            (timing, _) => timing,
        };
        let waits = if matches!(self.time, Some(Time::Real)) { Waits::Real } else { Waits::Virtual };
        Ok((Habits { faults, timing }, waits))
    }

    /// Where the reader of card `n`, from 0, has its driver.
    fn address(&self, n: usize) -> Result<Option<String>, Failure> {
        let Some(first) = &self.vpcd else { return Ok(None) };
        let parts = first.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let place = parts.and_then(|(host, port)| Some((host, port.checked_add(u16::try_from(n).ok()?)?)));
        let (host, port) =
            place.ok_or_else(|| Failure::usage(format_args!("expected HOST:PORT with {} ports from there on, found {first:?}", n + 1)))?;
        Ok(Some(format!("{host}:{port}")))
    }

    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        if self.vpcd.is_none() && !self.console {
            return Err(Failure::usage("expected --vpcd HOST:PORT, --console, or both, beside --image"));
        }
        let (habits, waits) = self.habits()?;
        let mut bench = Bench::default();
        for path in &self.image {
            let opened = Card::open(path, Box::new(random::system())).map(|mut card| {
                habits.apply(&mut card, waits);
                card
            });
            bench.add(&path.display().to_string(), opened);
        }
        for n in 0..if self.stack { 1 } else { self.image.len() } {
            bench.add_reader(self.address(n)?.as_deref());
        }
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).map_err(|error| Failure::new(Exit::Bug, error))?;

        let failed = self.start(&mut bench)?;
        let exit = if self.console {
            Console::new(&mut bench, &habits, waits, context.json).run(&stop)?
        } else {
            stay(&mut bench, failed, &stop)?
        };
        summary(&bench);
        Ok(exit)
    }

    /// Puts each card into its reader. Those that did not go in; an error if none did, and nobody is there to try again.
    fn start(&self, bench: &mut Bench) -> Result<Vec<usize>, Failure> {
        let mut failed = Vec::new();
        let mut first = None;
        for card in 1..=bench.readers() {
            match bench.insert(card, card) {
                Ok(()) => told_in(bench, card),
                Err(error) => {
                    let failure = why(&error);
                    if bench.cards() > 1 || self.console {
                        eprintln!("{}: {}", bench.name(card).unwrap_or_default(), failure.message());
                    }
                    first.get_or_insert(failure);
                    failed.push(card);
                }
            }
        }
        let nothing = (1..=bench.cards()).all(|card| bench.card(card).is_err());
        match first {
            Some(failure) if nothing || (failed.len() == bench.readers() && !self.console) => Err(failure),
            _ => Ok(failed),
        }
    }
}

fn told_in(bench: &Bench, reader: usize) {
    let Some(card) = bench.in_reader(reader) else { return };
    let name = bench.name(card).unwrap_or_default();
    match bench.address(reader) {
        Ok(Some(address)) => eprintln!("{name} is in the reader at {address}; stop with Ctrl-C"),
        _ => eprintln!("{name} is in reader {reader}"),
    }
}

/// A failure of the bench with what to do about it.
pub(super) fn why(error: &BenchError) -> Failure {
    match error {
        BenchError::NotOpened { source, .. } => failure(source),
        BenchError::Reader { .. } => Failure::from_error(Exit::Gone, error).hint(DRIVER),
        BenchError::Card(_) => Failure::new(Exit::Gone, error).hint("`reset` or `insert` brings it back"),
        BenchError::Full { .. } => Failure::usage(error).hint("`remove` takes that card out"),
        BenchError::Elsewhere { .. } => Failure::usage(error).hint("`remove` takes it out"),
        BenchError::Out(_) | BenchError::Empty(_) => Failure::usage(error).hint("`insert` puts a card in"),
        _ => Failure::usage(error),
    }
}

/// Says what happened in a reader by itself.
pub(super) fn tell(bench: &Bench, event: &Event) {
    let name = bench.name(event.card).unwrap_or_default();
    let what = match &event.what {
        Happened::Left => "a fault took it out of the field; it comes back".to_owned(),
        Happened::ReaderGone => "the reader closed the link; waiting for it".to_owned(),
        Happened::Back => "back in the reader".to_owned(),
        Happened::Torn(detail) => format!("torn, {detail}; out of the reader"),
        Happened::Mute(detail) => format!("mute: {detail}; out of the reader"),
    };
    eprintln!("{name} (reader {}): {what}", event.reader);
}

/// Until stopped, or no card is left.
fn stay(bench: &mut Bench, mut failed: Vec<usize>, stop: &AtomicBool) -> Result<Exit, Failure> {
    let mut tried = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(POLL);
        let events: Vec<Event> = bench.events().collect();
        events.iter().for_each(|event| tell(bench, event));
        if tried.elapsed() >= RECONNECT_PAUSE {
            tried = Instant::now();
            let waiting = std::mem::take(&mut failed);
            for card in waiting {
                match bench.insert(card, card) {
                    Ok(()) => told_in(bench, card),
                    Err(_) => failed.push(card),
                }
            }
        }
        if (1..=bench.readers()).all(|reader| bench.in_reader(reader).is_none()) {
            return Err(Failure::new(Exit::Gone, "no card is left in a reader"));
        }
    }
    Ok(if failed.is_empty() { Exit::Success } else { Exit::Gone })
}

fn summary(bench: &Bench) {
    for number in 1..=bench.cards() {
        let Ok(card) = bench.card(number) else { continue };
        let name = if bench.cards() > 1 { format!("{}: ", bench.name(number).unwrap_or_default()) } else { String::new() };
        for (fault, times) in card.faults_shown() {
            eprintln!("{name}{fault}: shown {times} times");
        }
        if card.timing().is_some() {
            eprintln!("{name}chip time {}", card.chip_time());
        }
    }
}

/// A card file, without a bench.
pub(super) fn open(path: &Path) -> Result<Card, Failure> {
    Card::open(path, Box::new(random::system())).map_err(|error| failure(&error))
}
