//! `line scrap`: the scrap desk. Two persons terminate or destroy a card and count it; its job may then be made again.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use applets::Card;
use cardwright::line::scrap::{Desk, Ended};
use cardwright::line::state::CardState;
use cardwright::line::store::{Serial, Store};
use cardwright::line::users::Action;
use cardwright::perso::plan::ApduForm;
use cardwright::perso::write::Writer;
use cardwright::transport::{self, ReaderName};
use clap::{ArgGroup, Args, ValueEnum};
use serde_json::json;

use super::persons::TwoArgs;
use super::run::{card_profile, masters};
use super::{SiteArgs, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, master, output, random, reader};

/// Terminate and count failed cards before two persons
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").required(true).args(["reader", "serial"]),
    before_long_help = "Example:\n  cardwright line scrap --reader sim:line/blanks/reject --reason sw --by ana --by ben\n  cardwright line scrap --reader pcsc:0 --reason optical --by ana --by ben\n  cardwright line scrap 00005453540102030405 --as mute --reason no-answer --by ana --by ben",
    after_long_help = "A card in a reader is terminated, must confirm it, and is counted. A card that does not answer is destroyed and counted by the serial on its body. Documents that were issued, and cards that a station can finish, are left alone.\n\nExit codes: 0 every card is counted, 3 a card was left, and it says why."
)]
pub(super) struct Scrap {
    /// Serial of a card that was destroyed, hexadecimal
    #[arg(requires = "how")]
    serial: Option<Number>,
    /// How it ended: it confirmed that it is terminated, or it did not answer any more
    #[arg(long = "as", value_name = "HOW", requires = "serial")]
    how: Option<How>,
    /// Terminate and count the card in READER, or every card file of sim:FOLDER
    #[arg(long, value_name = "READER")]
    reader: Option<ReaderName>,
    /// Take a master key from a file of 32, 48, or 64 hexadecimal digits; on a test site the published test keys, if none is given
    #[arg(long = "master-key-file", value_name = "NAME=FILE", value_parser = master::named, requires = "reader")]
    masters: Vec<(String, PathBuf)>,
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
        let wrong = |error| store_failure(&error);
        if let Some(name) = &self.reader {
            let profile = card_profile(&site)?;
            let masters = masters(&site, &profile, &self.masters)?;
            let writer = Writer { profile: &profile, masters: &masters, apdu: ApduForm::Frame };
            let persons = self.by.come(&site, store.as_mut(), Action::Scrap)?;
            let desk = Desk { persons: &persons, reason: &self.reason, now: clock::moment() };
            let ended = cards(name, &desk, writer, store.as_mut())?;
            return self.tell(&ended, context);
        }
        let (Some(Number(serial)), Some(how)) = (&self.serial, self.how) else {
            return Err(Failure::usage("expected SERIAL with --as, or --reader"));
        };
        let known = store.card(serial).map_err(wrong)?;
        if known.is_none() {
            return Err(Failure::usage(format_args!("card {serial}: expected one that was delivered, found none")));
        }
        let persons = self.by.come(&site, store.as_mut(), Action::Scrap)?;
        let to = match how {
            How::Terminated => CardState::Terminated,
            How::Mute => CardState::Mute,
        };
        let desk = Desk { persons: &persons, reason: &self.reason, now: clock::moment() };
        desk.count(serial, known.as_ref(), to, store.as_mut()).map_err(wrong)?;
        if context.json {
            output::json(
                &json!({ "version": 1, "card": serial.to_string(), "state": to.name(), "reason": self.reason, "by": self.by.names() }),
            )?;
        } else {
            output::text(&format!("card {serial}: {to}, counted by {}", self.by.names().join(" and ")))?;
        }
        Ok(Exit::Success)
    }

    fn tell(&self, ended: &[(String, Ended)], context: Context) -> Result<Exit, Failure> {
        let mut rows = Vec::new();
        let mut exit = Exit::Success;
        for (place, ended) in ended {
            let (text, row) = match ended {
                Ended::Counted(serial) => (
                    format!("{place}: card {serial}: terminated, counted by {}", self.by.names().join(" and ")),
                    json!({ "place": place, "card": serial.to_string(), "state": CardState::Terminated.name() }),
                ),
                Ended::Left { serial, why } => {
                    exit = Exit::Undecided;
                    let card = serial.as_ref().map(ToString::to_string);
                    let row = json!({ "place": place, "card": card, "state": null, "left": why });
                    (format!("{place}: card {}: left: {why}", card.unwrap_or_else(|| "unknown".to_owned())), row)
                }
            };
            rows.push(row);
            if !context.json {
                output::text(&text)?;
            }
        }
        if context.json {
            output::json(&json!({ "version": 1, "cards": rows, "reason": self.reason, "by": self.by.names() }))?;
        }
        Ok(exit)
    }
}

/// The cards in a reader or a folder, one after another.
fn cards(name: &ReaderName, desk: &Desk<'_>, writer: Writer<'_>, store: &mut dyn Store) -> Result<Vec<(String, Ended)>, Failure> {
    let wrong = |error| store_failure(&error);
    let mut ended = Vec::new();
    match name {
        ReaderName::Sim(folder) if folder.is_dir() => {
            for file in super::reconcile::files(folder)? {
                let left = |error: &dyn std::fmt::Display| Ended::Left { serial: None, why: format!("{error}: count it as mute") };
                let end = match Card::open(&file, Box::new(random::system())) {
                    Ok(mut card) => desk.terminate(&mut card, writer, store, &mut random::system()).map_err(wrong)?,
                    Err(error) => left(&error),
                };
                ended.push((place(&file), end));
            }
        }
        name => {
            let mut card = transport::open(name, Box::new(random::system())).map_err(|error| reader::failure(&error))?;
            ended.push((name.to_string(), desk.terminate(&mut *card, writer, store, &mut random::system()).map_err(wrong)?));
        }
    }
    Ok(ended)
}

fn place(file: &Path) -> String {
    file.display().to_string()
}
