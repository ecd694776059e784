//! How a card is read: time, interruption, what is remembered of card types, and waiting for a card that was lifted. The same options for
//! every command that reads one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cardwright::session::Session;
use cardwright::terminal::read::{CardMemory, Options};
use cardwright::transport::{Transport, TransportError};
use clap::Args;

use super::exit::{Exit, Failure};

/// How a card is read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub(crate) struct ReadingArgs {
    /// Stop after SECONDS, or at Ctrl-C, and answer with what was read until then (exit code 3)
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    time_budget: Option<u64>,
    /// Begin with what FILE knows of the card's type, and keep there what is learned; nothing about persons
    #[arg(long, value_name = "FILE", env = "CARDWRIGHT_MEMORY")]
    memory: Option<PathBuf>,
    /// Wait SECONDS for a card that was lifted, and go on where reading stopped
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=3_600))]
    wait: u64,
}

/// Reading as it goes on.
pub(crate) struct Started {
    pub(crate) options: Options,
    memory: Option<(PathBuf, CardMemory, Arc<Mutex<CardMemory>>)>,
    cancelled: Arc<AtomicBool>,
    wait: Duration,
}

/// Reads a memory of card types; an empty one where there is no such file.
pub(crate) fn load(path: &std::path::Path) -> Result<CardMemory, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => CardMemory::from_json(&text).map_err(|error| Failure::from_error(Exit::Store, &error).in_file(path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(CardMemory::new()),
        Err(error) => Err(Failure::file(path, &error)),
    }
}

/// Writes a memory beside its file and puts it in its place, so that no reader sees half of it.
pub(crate) fn save(path: &std::path::Path, memory: &CardMemory) -> Result<(), Failure> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let text = serde_json::to_string_pretty(&memory.to_json()).map_err(|error| Failure::new(Exit::Bug, error))?;
    std::fs::write(&beside, text + "\n").map_err(|error| Failure::file(&beside, &error))?;
    std::fs::rename(&beside, path).map_err(|error| Failure::file(path, &error))
}

impl ReadingArgs {
    /// Loads the memory and listens for Ctrl-C: the first ends reading, the second the program.
    pub(crate) fn start(&self) -> Result<Started, Failure> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&cancelled);
        let listen = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(Exit::Undecided as i32);
            }
        });
        listen.map_err(|error| Failure::new(Exit::Bug, error))?;
        let mut options = Options::default().cancelled_by(Arc::clone(&cancelled));
        if let Some(seconds) = self.time_budget {
            let start = Instant::now();
            options = options.within(Duration::from_secs(seconds), Arc::new(move || start.elapsed()));
        }
        let mut memory = None;
        if let Some(path) = &self.memory {
            let known = load(path)?;
            let shared = Arc::new(Mutex::new(known.clone()));
            options = options.remembering(Arc::clone(&shared));
            memory = Some((path.clone(), known, shared));
        }
        Ok(Started { options, memory, cancelled, wait: Duration::from_secs(self.wait) })
    }
}

impl Started {
    /// Waits for a card that left to come back. `false` if none came in time, or if the error says something else.
    pub(crate) fn wait_for<T: Transport>(&self, session: &mut Session<T>, error: &TransportError) -> bool {
        use TransportError::{CardGone, NoCard, ResetByOther, Unresponsive};
        if self.wait.is_zero() || !matches!(error, CardGone { .. } | NoCard { .. } | ResetByOther { .. } | Unresponsive { .. }) {
            return false;
        }
        eprintln!("{error}; waiting {} s for it to come back", self.wait.as_secs());
        let until = Instant::now() + self.wait;
        while Instant::now() < until && !self.cancelled.load(Ordering::Relaxed) {
            if session.restart().is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        false
    }

    /// Keeps what was learned.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        let Some((path, known, shared)) = &self.memory else { return Ok(()) };
        let learned = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if *learned == *known { Ok(()) } else { save(path, &learned) }
    }
}
