//! `line stock`: blanks come, go to the line, and leave it.

use std::path::PathBuf;

use cardwright::line::state::CardState;
use cardwright::line::store::{Note, Serial, Store};
use cardwright::line::test_site;
use cardwright::line::users::Action;
use cardwright::perso::card_profile::CardProfile;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::persons::TwoArgs;
use super::{SiteArgs, init, status, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, by, clock, output, random};

/// Serials of a file, at most.
const MOST: usize = 1_000_000;

/// Take blanks in, hand them to the line, take them out
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    before_long_help = "Example:\n  cardwright line stock deliver D-2026-11 serials.txt\n  cardwright line stock to-line serials.txt\n  cardwright line stock take-out sample one-serial.txt --by ana --by ben\n  cardwright line stock test-blanks second 200"
)]
pub(super) struct Stock {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Take a delivery of blanks into stock
    Deliver {
        /// Name of the delivery
        delivery: String,
        /// The serials, hexadecimal, one a line
        serials: PathBuf,
    },
    /// Hand blanks to the line
    ToLine {
        /// The serials, hexadecimal, one a line
        serials: PathBuf,
    },
    /// Bring blanks back into the vault
    Back {
        /// The serials, hexadecimal, one a line
        serials: PathBuf,
    },
    /// Take cards out for good, from the line or with --from from the vault; takes two persons
    TakeOut {
        /// What for
        what: Out,
        /// The serials, hexadecimal, one a line
        serials: PathBuf,
        /// Where they are
        #[arg(long, default_value = "line")]
        from: From,
        #[command(flatten)]
        by: TwoArgs,
    },
    /// Make a delivery of blank virtual cards and hand it to the line of a test site
    TestBlanks {
        /// Name of the delivery
        delivery: String,
        /// How many
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        count: u32,
    },
    /// Count the cards of a delivery, or all
    Count {
        /// Name of the delivery
        delivery: Option<String>,
    },
}

/// What cards are taken out for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Out {
    /// A sample, or a test
    Sample,
    /// Back to the maker
    Returned,
    /// It is gone
    Lost,
}

/// Where cards are.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    /// In the vault
    Vault,
    /// At the line
    Line,
}

impl Stock {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        let note = |event: &str, detail: String| Note {
            time: clock::moment(),
            actors: vec![by::user()],
            event: event.to_owned(),
            subjects: Vec::new(),
            detail,
        };
        let moved = |store: &mut dyn Store, serials: &PathBuf, from, to| {
            let serials = read(serials)?;
            let detail = format!("{} cards, {from} to {to}", serials.len());
            store.move_cards(&serials, from, to, None, &note("cards-moved", detail)).map_err(|error| store_failure(&error))?;
            Ok::<_, Failure>(serials.len())
        };
        match self.step {
            Step::Deliver { delivery, serials } => {
                let serials = read(&serials)?;
                let note = note("delivery", format!("delivery {delivery}, {} cards", serials.len()));
                store.deliver(&delivery, &serials, &note).map_err(|error| store_failure(&error))?;
                output::text(&format!("delivery {delivery}: {} cards in stock", serials.len()))?;
            }
            Step::ToLine { serials } => {
                let count = moved(store.as_mut(), &serials, CardState::InStock, CardState::AtLine)?;
                output::text(&format!("{count} cards at the line"))?;
            }
            Step::Back { serials } => {
                let count = moved(store.as_mut(), &serials, CardState::AtLine, CardState::InStock)?;
                output::text(&format!("{count} cards in stock"))?;
            }
            Step::TakeOut { what, serials, from, by: persons } => {
                let serials = read(&serials)?;
                let from = match from {
                    From::Vault => CardState::InStock,
                    From::Line => CardState::AtLine,
                };
                let to = match what {
                    Out::Sample => CardState::Sample,
                    Out::Returned => CardState::Returned,
                    Out::Lost => CardState::Lost,
                };
                let two = persons.come(&site, store.as_mut(), Action::TakeOut)?;
                let note = note("cards-taken-out", format!("{} cards, {from} to {to}", serials.len()));
                store.move_cards(&serials, from, to, Some(&two), &note).map_err(|error| store_failure(&error))?;
                output::text(&format!("{} cards: {to}", serials.len()))?;
            }
            Step::TestBlanks { delivery, count } => {
                if site.config().live {
                    return Err(Failure::usage("expected a test site, found a live one: its blanks come from their maker"));
                }
                let profile = CardProfile::load(&site.profile(&site.config().card_profile))
                    .map_err(|error| Failure::from_error(Exit::Usage, &error))?;
                let order = (delivery.as_str(), count);
                test_site::deliver(&site, store.as_mut(), &profile, order, clock::moment(), &mut random::system())
                    .map_err(|error| init::test_failure(&error))?;
                output::text(&format!("delivery {delivery}: {count} blank virtual cards at the line"))?;
            }
            Step::Count { delivery } => {
                let counts = store.stock(delivery.as_deref()).map_err(|error| store_failure(&error))?;
                if context.json {
                    let counts: Vec<_> = counts.iter().map(|(state, count)| json!({ "state": state.name(), "cards": count })).collect();
                    output::json(&json!({ "version": 1, "stock": counts }))?;
                } else {
                    output::text(&status::text(&counts, CardState::name))?;
                }
            }
        }
        Ok(Exit::Success)
    }
}

/// The serials in a file; blank lines are left out.
fn read(path: &PathBuf) -> Result<Vec<Serial>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    let mut serials = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let serial = hex::decode(line.trim()).ok().and_then(|bytes| Serial::new(&bytes));
        let shown: String = line.trim().chars().take(80).collect();
        let wrong = || Failure::usage(format_args!("line {number}: expected 2 to 64 hexadecimal digits, found {shown:?}")).in_file(path);
        serials.push(serial.ok_or_else(wrong)?);
        if serials.len() > MOST {
            return Err(Failure::usage(format_args!("expected at most {MOST} serials, found more")).in_file(path));
        }
    }
    Ok(serials)
}
