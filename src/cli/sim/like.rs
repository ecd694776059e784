//! `sim like`: a document as those of a state are: genuine, and odd in its files, signatures, or certificates where theirs are.

use std::path::PathBuf;

use applets::fault::personality::{self, Personality};
use cardwright::faulty::{self, LikeError};
use clap::Args;
use eid::date::Date;
use serde_json::json;

use super::faulty::{document, write};
use super::{New, list};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Make a document as those of a state are
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright sim list personalities\n  cardwright sim like NZ nz\n  cardwright verify --reader sim:nz/NZ.card#as=NZ --mrz-file nz/mrz.txt --trust nz/trust\n  cardwright sim --image nz/NZ.card --as NZ --vpcd 127.0.0.1:35963",
    after_long_help = "Writes into the folder: the card; mrz.txt, which opens it, and can.txt where it has a CAN; trust/ with the CSCA's certificate and revocation list; expected.json with the oddities that a correct inspection system tolerates: it calls the document genuine. The habits of the chip itself come with `--as`."
)]
pub(super) struct Like {
    /// The state, of `sim list personalities`
    state: String,
    /// The folder to make
    folder: PathBuf,
    /// Take keys and person from this seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Issue the document on this day
    #[arg(long, value_name = "DATE")]
    today: Option<Date>,
}

impl Like {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let one = find(&self.state)?;
        let bug = |error: &dyn std::error::Error| Failure::new(Exit::Bug, error);
        let today = self.today.unwrap_or_else(clock::today);
        if self.folder.exists() {
            return Err(Failure::usage(format_args!("{}: expected no such folder yet, found one", self.folder.display())));
        }
        let made = faulty::like(one, today, self.seed).map_err(|error| match &error {
            LikeError::Files { id, .. } => {
                Failure::usage(&error).hint(format!("`cardwright sim --image CARD --as {id}` has any card behave as theirs"))
            }
            _ => bug(&error),
        })?;
        let card = self.folder.join(format!("{}.card", one.id));
        let trust = document(&self.folder, &made)?;
        New::test(card.clone()).make(Some(&made.image))?;
        if let (Some(can), None) = (&made.image.passwords.can, &made.can) {
            write(self.folder.join("can.txt"), &[can.expose(), b"\n"].concat())?;
        }
        let expected = json!({
            "version": 1, "as": one.id, "verdict": "genuine", "chip": one.what, "files": one.image, "quirks": one.notes().collect::<Vec<_>>(),
            "quirks_of_files": one.marks().collect::<Vec<_>>(), "not_made": one.missing, "source": one.source,
        });
        let text = serde_json::to_string_pretty(&expected).map_err(|error| bug(&error))?;
        write(self.folder.join("expected.json"), format!("{text}\n").as_bytes())?;
        if context.json {
            output::json(&json!({ "version": 1, "card": card, "trust": trust, "expected": expected }))?;
        } else {
            output::text(&format!("{}: {}; a correct inspection system calls it genuine", card.display(), one.image))?;
        }
        Ok(Exit::Success)
    }
}

fn find(state: &str) -> Result<&'static Personality, Failure> {
    personality::find(state).ok_or_else(|| {
        let known = personality::all().iter().map(|one| one.id).collect::<Vec<_>>().join(", ");
        list::unknown(&applets::fault::FaultError::Personality { found: state.to_owned(), known })
    })
}
