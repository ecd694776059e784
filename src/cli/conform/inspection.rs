//! `conform --inspection`: what does a program say of good and bad cards?

use std::path::PathBuf;
use std::time::Duration;

use cardwright::conform::inspection::{Basis, Bench, Command, InspectionError, Judge, Pointer, Reader};
use cardwright::conform::{CaseResult, Report};
use clap::Args;
use eid::date::Date;
use rand_core::Rng as _;
use serde_json::json;

use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::{Context, output, random};

/// The program under test.
#[derive(Debug, Args)]
#[command(next_help_heading = "Inspection systems")]
pub(super) struct InspectionArgs {
    /// Test a program that inspects cards: show it the cards of BSI TR-03105-5.1 and judge what it says
    #[arg(long, conflicts_with_all = ["suite", "lds", "statement", "can", "mrz", "mrz_file", "pin_file", "puk_file", "trace", "trust", "keys", "sacrifice", "access_by", "strict"])]
    inspection: bool,
    /// Start this program for each card; {reader}, {can}, {mrz}, {trust}, {crl}, {keys}, {card}, and {now} are replaced, and no shell is started
    #[arg(long, value_name = "WORDS", requires = "inspection")]
    command: Option<String>,
    /// Add these words for cards with Terminal Authentication
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true, requires = "command")]
    command_ta: Option<String>,
    /// Hand over card files: {reader} is a reader of ours, sim:FILE#FAULTS
    #[arg(long, requires = "command", conflicts_with = "vpcd")]
    simulated: bool,
    /// Put the cards into the PC/SC reader whose driver (vsmartcard) listens at HOST:PORT
    #[arg(long, value_name = "HOST:PORT", requires_all = ["command", "reader_name"])]
    vpcd: Option<String>,
    /// What {reader} stands for: that reader, as the program calls it
    #[arg(long, value_name = "NAME", requires = "vpcd")]
    reader_name: Option<String>,
    /// Exit codes that say: genuine
    #[arg(long, value_name = "CODE", value_delimiter = ',', default_value = "0", requires = "inspection")]
    accept_exit: Vec<i32>,
    /// Exit codes that say: not genuine, or not known to be; any other says nothing about the card
    #[arg(long, value_name = "CODE", value_delimiter = ',', default_value = "1,3,4,5", requires = "inspection")]
    reject_exit: Vec<i32>,
    /// Judge by the JSON on standard output instead: genuine if the member at /POINTER is VALUE, otherwise not (repeatable: one of them)
    #[arg(long, value_name = "/POINTER=VALUE", requires = "inspection")]
    json_verdict: Vec<Pointer>,
    /// Let the program accept what the plan refuses and documents in the field give reasons to accept; `--list` has the reasons
    #[arg(long, requires = "inspection")]
    lenient: bool,
    /// Leave out the cards for a profile that the program has not: DG3, DG4, DPRCTD-SHA1, ... (repeatable)
    #[arg(long, value_name = "PROFILE", requires = "inspection")]
    without: Vec<String>,
    /// Give the program so many seconds for a card
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600), requires = "inspection")]
    timeout: u64,
    /// Take keys and person from this seed
    #[arg(long, value_name = "N", default_value_t = 1, requires = "inspection")]
    seed: u64,
    /// Keep the cards, with all that a reader needs for them, in the new folder DIR
    #[arg(long, value_name = "DIR", requires = "command")]
    documents: Option<PathBuf>,
}

impl InspectionArgs {
    /// Whether a program is tested, and no card.
    pub(super) const fn is_asked(&self) -> bool {
        self.inspection
    }

    /// Runs it.
    pub(super) fn run(&self, only: &[String], today: Date, context: Context) -> Result<Report, Failure> {
        let Some(command) = &self.command else {
            return Err(Failure::usage("there is no program to test").hint("give --command, as in `cardwright help conform`"));
        };
        let parse = |text: &String| Command::parse(text).map_err(|error| Failure::from_error(Exit::Usage, &error));
        let reader = match (&self.vpcd, &self.reader_name) {
            (Some(address), Some(name)) => Reader::Vpcd { address: address.clone(), name: name.clone() },
            _ if self.simulated => Reader::Simulated,
            _ => {
                return Err(Failure::usage("the program needs a reader")
                    .hint("give --vpcd and --reader-name for a PC/SC reader, or --simulated for card files"));
            }
        };
        Bench::chosen(only).map_err(|error| failure(&error))?;
        let folder = Folder::new(self.documents.as_ref())?;
        let bench = Bench {
            command: parse(command)?,
            with_terminal: self.command_ta.as_ref().map(parse).transpose()?,
            reader,
            judge: Judge {
                accept: self.accept_exit.iter().copied().collect(),
                reject: self.reject_exit.iter().copied().collect(),
                pointers: self.json_verdict.clone(),
            },
            limit: Duration::from_secs(self.timeout),
            lenient: self.lenient,
            only: only.to_vec(),
            without: self.without.clone(),
            today,
            seed: self.seed,
            folder: folder.path.clone(),
            keep: folder.keep,
        };
        let progress = Progress::new("cards", bench.cases().map_err(|error| failure(&error))?, context.json);
        let mut tell = |result: &CaseResult| {
            tracing::info!(id = result.case.id, verdict = result.verdict.as_str(), result.reason);
            progress.step();
        };
        bench.run(&mut tell).map_err(|error| failure(&error))
    }
}

/// The rows, and none is run.
pub(super) fn list(context: Context) -> Result<Exit, Failure> {
    let rows = Bench::chosen(&[]).map_err(|error| failure(&error))?;
    if context.json {
        let row = |row: &cardwright::conform::inspection::Row| {
            json!({
                "id": row.id, "document": cardwright::conform::inspection::NAME, "part4": row.part4, "profile": row.profile, "optional": row.optional,
                "title": row.condition, "cards": row.cards, "expected": row.expected.map(|expected| expected.to_string()),
                "inferred": row.basis == Basis::Inferred, "note": row.note,
            })
        };
        output::json(&rows.iter().map(row).collect::<Vec<_>>())?;
        return Ok(Exit::Success);
    }
    let mut out = String::new();
    for row in &rows {
        let expected = row.expected.map_or_else(|| "withdrawn".to_owned(), |expected| expected.to_string());
        out.push_str(&format!("{:<16} {}: {expected}\n", row.id, row.condition));
        for card in &row.cards {
            out.push_str(&format!("{:16} {card}\n", ""));
        }
    }
    output::text(&out)?;
    Ok(Exit::Success)
}

fn failure(error: &InspectionError) -> Failure {
    match error {
        InspectionError::NoCase { .. } => Failure::usage(error).hint("`cardwright conform --inspection --list` lists the ids"),
        InspectionError::Command(_) => Failure::from_error(Exit::Usage, error),
        InspectionError::Reader(_) => Failure::from_error(Exit::Gone, error)
            .hint("start pcscd with vsmartcard's driver; it listens on port 35963 for its first reader and 35964 for its second"),
        InspectionError::File { .. } => Failure::from_error(Exit::Store, error),
        InspectionError::Table(_) | InspectionError::Document(_) => Failure::from_error(Exit::Bug, error),
    }
}

/// Where the documents are made; one of our own goes when the run ends.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn new(wanted: Option<&PathBuf>) -> Result<Self, Failure> {
        let keep = wanted.is_some();
        let path = wanted.cloned().unwrap_or_else(|| {
            let mut drawn = [0; 8];
            random::system().fill_bytes(&mut drawn);
            std::env::temp_dir().join(format!("cardwright-{}", hex::encode(drawn)))
        });
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| Failure::file(&path, &error))?;
        // the program may work in another folder
        let path = path.canonicalize().map_err(|error| Failure::file(&path, &error))?;
        Ok(Self { path, keep })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // what is left of it after a failure is of no use to anybody, and holds no secret
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
