//! `line reconcile`: what a card is to this line, and which jobs wait for which cards. Nothing is changed.

use std::path::{Path, PathBuf};

use applets::Card;
use cardwright::line::recover::{self, Action, Known, Row, Seen, Waiting};
use cardwright::line::store::{Card as Entry, Serial, Store};
use cardwright::perso::plan::ApduForm;
use cardwright::perso::write::{WriteError, Writer};
use cardwright::transport::{self, ReaderName, Transport};
use clap::Args;
use serde_json::{Value, json};

use super::run::{card_profile, masters};
use super::{SiteArgs, pages, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, master, output, random, reader};

/// Explain cards by the decision table, and list the jobs that wait for one
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright line reconcile\n  cardwright line reconcile --reader pcsc:0\n  cardwright line reconcile --reader sim:line/blanks/reject",
    after_long_help = "Exit codes: 0 nothing is open, 1 a card is an incident, 3 a card or a job waits for something."
)]
pub(super) struct Reconcile {
    /// Explain the card in READER, or every card file of sim:FOLDER; without it the jobs that wait are listed
    #[arg(long = "reader", value_name = "READER")]
    readers: Vec<ReaderName>,
    /// Take a master key from a file of 32, 48, or 64 hexadecimal digits; on a test site the published test keys, if none is given
    #[arg(long = "master-key-file", value_name = "NAME=FILE", value_parser = master::named)]
    masters: Vec<(String, PathBuf)>,
}

impl Reconcile {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        if self.readers.is_empty() {
            return jobs(&mut *store, context);
        }
        let profile = card_profile(&site)?;
        let masters = masters(&site, &profile, &self.masters)?;
        let writer = Writer { profile: &profile, masters: &masters, apdu: ApduForm::Frame };
        let mut explained = Vec::new();
        for name in &self.readers {
            match name {
                ReaderName::Sim(folder) if folder.is_dir() => {
                    for file in files(folder)? {
                        let place = file.display().to_string();
                        match Card::open(&file, Box::new(random::system())) {
                            Ok(mut card) => explained.push(explain(&place, &mut card, writer, &mut *store)?),
                            Err(error) => explained.push(Explained::mute(&place, error.to_string())),
                        }
                    }
                }
                name => {
                    let mut card = transport::open(name, Box::new(random::system())).map_err(|error| reader::failure(&error))?;
                    explained.push(explain(&name.to_string(), &mut *card, writer, &mut *store)?);
                }
            }
        }
        if context.json {
            output::json(&json!({ "version": 1, "cards": explained.iter().map(Explained::json).collect::<Vec<_>>() }))?;
        } else {
            for one in &explained {
                output::text(&one.text())?;
            }
        }
        Ok(explained.iter().map(Explained::exit).max_by_key(|exit| rank(*exit)).unwrap_or(Exit::Success))
    }
}

/// A failed check weighs more than an open question, and that more than none.
const fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Success => 0,
        Exit::Undecided => 1,
        _ => 2,
    }
}

/// The card files of a folder, by name.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let io = |error| Failure::file(folder, &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == "card") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What a card is to this line.
struct Explained {
    place: String,
    serial: Option<Serial>,
    entry: Option<Entry>,
    row: Option<Row>,
    says: String,
}

impl Explained {
    fn mute(place: &str, says: String) -> Self {
        Self { place: place.to_owned(), serial: None, entry: None, row: None, says }
    }

    fn exit(&self) -> Exit {
        match self.row.map(Row::action) {
            Some(Action::Use | Action::Refuse) => Exit::Success,
            Some(Action::Quarantine | Action::ScrapAndStop) => Exit::CheckFailed,
            Some(_) | None => Exit::Undecided,
        }
    }

    fn text(&self) -> String {
        let serial = self.serial.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let Some(row) = self.row else {
            return format!("{}: card {serial}: {}: to the reject bin; count it at the scrap desk", self.place, self.says);
        };
        let job = self.entry.as_ref().and_then(|entry| entry.bound.as_ref());
        let job = job.map_or_else(String::new, |(binding, job)| format!("; job {} {}, bond {}", job.id.0, job.state, binding.state));
        format!("{}: card {serial}: {}{job}\n  {row}", self.place, self.says)
    }

    fn json(&self) -> Value {
        let bound = self.entry.as_ref().and_then(|entry| entry.bound.as_ref());
        json!({
            "place": self.place, "card": self.serial.as_ref().map(ToString::to_string), "says": self.says,
            "known": self.entry.as_ref().map(|entry| entry.state.name()), "job": bound.map(|(_, job)| job.id.0),
            "job_state": bound.map(|(_, job)| job.state.name()), "bond": bound.map(|(binding, _)| binding.state.name()),
            "row": self.row.map(|row| row.text()),
        })
    }
}

fn explain(place: &str, card: &mut dyn Transport, writer: Writer<'_>, store: &mut dyn Store) -> Result<Explained, Failure> {
    let examined = writer.examine(card, &mut random::system());
    let serial = examined.serial.as_deref().and_then(Serial::new);
    let Some(serial) = serial else {
        let says = examined.status.err().map_or_else(|| "tells no serial".to_owned(), |failed| failed.to_string());
        return Ok(Explained::mute(place, says));
    };
    let entry = store.card(&serial).map_err(|error| store_failure(&error))?;
    let (seen, says) = match &examined.status {
        Ok(status) => (Seen::of(status, entry.as_ref()), format!("{:?}", status.state).to_lowercase()),
        Err(failed) => {
            let keys = matches!(failed.error, WriteError::WrongKeys(_) | WriteError::Keys(_));
            (if keys { Seen::KeysRefused } else { Seen::Mute }, failed.to_string())
        }
    };
    let row = recover::decide(Known::of(entry.as_ref()), seen);
    Ok(Explained { place: place.to_owned(), serial: Some(serial), entry, row: Some(row), says })
}

/// The jobs of open batches that wait for something, with the cards that they wait for.
fn jobs(store: &mut dyn Store, context: Context) -> Result<Exit, Failure> {
    let wrong = |error| store_failure(&error);
    let now = clock::moment();
    let mut listed = Vec::new();
    for batch in store.batches().map_err(wrong)?.into_iter().filter(|batch| batch.closed_by.is_none()) {
        for job in pages::jobs(store, batch.id) {
            let job = job.map_err(wrong)?;
            let waits = recover::waiting(&job, now);
            if waits == Waiting::No {
                continue;
            }
            let card = job.serial.as_ref().map(ToString::to_string);
            let sequence = job.order.sequence;
            if !context.json {
                let card = card.as_ref().map_or_else(String::new, |card| format!(", card {card}"));
                let station = job.station.as_ref().map_or_else(String::new, |station| format!(", station {station}"));
                let name = &batch.header.name;
                output::text(&format!("batch {name}, job {sequence}: {}{card}{station}: {}", job.state, waits.text()))?;
            }
            listed.push(json!({
                "batch": batch.header.name, "sequence": sequence, "state": job.state.name(), "card": card, "station": job.station,
                "waits": waits.text(),
            }));
        }
    }
    if context.json {
        output::json(&json!({ "version": 1, "jobs": listed }))?;
    } else if listed.is_empty() {
        output::text("no job waits for a card")?;
    }
    Ok(if listed.is_empty() { Exit::Success } else { Exit::Undecided })
}
