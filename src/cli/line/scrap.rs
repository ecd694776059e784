//! `line scrap`: the scrap desk. Two persons count a card that is terminated or destroyed; its job may then be made again.

use std::str::FromStr;

use cardwright::line::state::{BindingState, CardState};
use cardwright::line::store::{Scrap as Failed, Serial};
use cardwright::line::users::Action;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::persons::TwoArgs;
use super::{SiteArgs, note, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Count a card that was terminated or destroyed before two persons
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright line reconcile --reader sim:line/blanks/reject\n  cardwright line scrap 00005453540102030405 --as terminated --reason qc-digest --by ana --by ben"
)]
pub(super) struct Scrap {
    /// Serial of the card, hexadecimal
    serial: Number,
    /// How it ended: it confirmed that it is terminated, or it did not answer any more and was destroyed
    #[arg(long = "as", value_name = "HOW")]
    how: How,
    /// Why: no-answer, wrong-atr, sw, timeout, qc-digest, qc-pa, qc-chip, optical, operator, double-feed, or a word of yours
    #[arg(long, value_name = "CODE", value_parser = code)]
    reason: String,
    #[command(flatten)]
    by: TwoArgs,
}

/// How a card ended.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum How {
    /// It confirmed state 7F, and was destroyed
    Terminated,
    /// It did not answer, and was destroyed
    Mute,
}

#[derive(Clone, Debug)]
struct Number(Serial);

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let serial = hex::decode(text).ok().and_then(|bytes| Serial::new(&bytes));
        serial.map(Self).ok_or_else(|| format!("expected 2 to 64 hexadecimal digits, found {text:?}"))
    }
}

fn code(text: &str) -> Result<String, String> {
    let right = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if right { Ok(text.to_owned()) } else { Err(format!("expected 1 to 32 characters a-z, 0-9, and hyphen, found {text:?}")) }
}

impl Scrap {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        let serial = self.serial.0;
        let wrong = |error| store_failure(&error);
        let known = store.card(&serial).map_err(wrong)?;
        let card = known.ok_or_else(|| Failure::usage(format_args!("card {serial}: expected one that was delivered, found none")))?;
        let two = self.by.come(&site, store.as_mut(), Action::Scrap)?;
        let to = match self.how {
            How::Terminated => CardState::Terminated,
            How::Mute => CardState::Mute,
        };
        if card.bound.is_some_and(|(binding, _)| binding.state == BindingState::Open) {
            // a chip that died in the middle tells no station its serial, so that it is said to have failed here
            let failed = Failed {
                reason: self.reason.clone(),
                step: "scrap-desk".to_owned(),
                sw: None,
                reader: "scrap-desk".to_owned(),
                time: clock::moment(),
            };
            store.fail(&serial, &failed).map_err(wrong)?;
        }
        let note = note(Vec::new(), "card-scrapped", format!("card {serial}"), format!("{to}: {}", self.reason));
        store.scrap(&serial, to, &self.reason, &two, &note).map_err(wrong)?;
        if context.json {
            output::json(
                &json!({ "version": 1, "card": serial.to_string(), "state": to.name(), "reason": self.reason, "by": self.by.names() }),
            )?;
        } else {
            output::text(&format!("card {serial}: {to}, counted by {}", self.by.names().join(" and ")))?;
        }
        Ok(Exit::Success)
    }
}
