//! `line cancel`: a job that will not be made, or numbers that are never issued again. For ever, so that it takes two persons.

use std::path::PathBuf;

use cardwright::line::store::Pseudonym;
use cardwright::line::users::Action;
use clap::{Args, Subcommand};
use serde_json::json;

use super::persons::TwoArgs;
use super::{SiteArgs, failure, note, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// Numbers of a file, at most.
const NUMBERS: usize = 10_000;
/// Characters of a number, at most.
const LENGTH: usize = 32;

/// Cancel a job, or numbers that are never to be issued again
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    before_long_help = "Example:\n  cardwright line cancel job first 17 --reason 'died before it was made' --by ana --by ben\n  cardwright line cancel numbers numbers.txt --reason 'given twice by the registry' --by ana --by ben",
    after_long_help = "What is cancelled stays so. A person whose job was cancelled can be taken in again, with a number that is not."
)]
pub(super) struct Cancel {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Cancel a job that has no card: prepared, or held for a card that is lost
    Job {
        /// The batch
        batch: String,
        /// Its place in the batch, from 1
        #[arg(value_parser = clap::value_parser!(u32).range(1..))]
        job: u32,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        by: TwoArgs,
    },
    /// Cancel numbers for ever: intake quarantines a record with one, and no batch with one is stored. A document that was issued stays
    Numbers {
        /// A file with a number on each line: of the documents; of the persons where a document has no number of its own (identity cards)
        file: PathBuf,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        by: TwoArgs,
    },
}

impl Cancel {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        let wrong = |error| store_failure(&error);
        let told = match self.step {
            Step::Job { batch, job, reason, by } => {
                let known = super::batch(store.as_mut(), &batch)?;
                let found = store.jobs(known.id, job - 1, 1).map_err(wrong)?.pop().filter(|found| found.order.sequence == job);
                let found = found.ok_or_else(|| Failure::usage(format_args!("job: expected 1 to {}, found {job}", known.jobs)))?;
                let two = by.come(&site, store.as_mut(), Action::CancelJob)?;
                let note = note(Vec::new(), "job-cancelled", format!("batch {batch}, job {job}"), reason);
                store.cancel_job(found.id, &two, &note).map_err(wrong)?;
                Told { what: format!("batch {batch}, job {job}"), count: 1, by: by.names() }
            }
            Step::Numbers { file, reason, by } => {
                let pseudonyms = site.pseudonyms().map_err(|error| failure(&error))?;
                let numbers: Vec<Pseudonym> = read(&file)?.iter().map(|number| pseudonyms.document(number)).collect();
                let two = by.come(&site, store.as_mut(), Action::CancelNumber)?;
                for number in &numbers {
                    // the log has the pseudonym: whoever has the key of the site can say later which number it was
                    let note = note(Vec::new(), "number-cancelled", format!("number {}", hex::encode(number.0)), reason.clone());
                    store.cancel_number(*number, &two, &note).map_err(wrong)?;
                }
                Told { what: format!("{} numbers", numbers.len()), count: numbers.len(), by: by.names() }
            }
        };
        if context.json {
            output::json(&json!({ "version": 1, "cancelled": told.count, "by": told.by }))?;
        } else {
            output::text(&format!("{}: cancelled by {}", told.what, told.by.join(" and ")))?;
        }
        Ok(Exit::Success)
    }
}

/// What was cancelled.
struct Told {
    what: String,
    count: usize,
    by: Vec<String>,
}

/// The numbers of a file; errors name the line and never the number.
fn read(file: &std::path::Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
    let mut numbers = Vec::new();
    for (line, number) in (1..).zip(text.lines()).map(|(line, text)| (line, text.trim())).filter(|(_, number)| !number.is_empty()) {
        let right = number.len() <= LENGTH && number.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !right || numbers.len() == NUMBERS {
            let expected = format!("at most {NUMBERS} numbers of 1 to {LENGTH} characters A-Z and 0-9");
            return Err(Failure::usage(format_args!("line {line}: expected {expected}, found another one")).in_file(file));
        }
        numbers.push(number.to_owned());
    }
    Ok(numbers)
}
