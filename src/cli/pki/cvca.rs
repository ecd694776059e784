//! `pki cvca`: the country verifying CA, its next key with the link to it, and what cards are given to trust.

use std::cell::OnceCell;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use eid::cert::chat::TerminalType;
use eid::secret::Secret;
use serde_json::json;

use super::cv::{Desk, refused, row, tell, terminal_type};
use super::keys;
use crate::cli::by::ByArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::PassphraseArgs;
use crate::cli::{Context, clock, output, random};

/// Make the country verifying CA, or tell what cards are given to trust
///
/// Without a CVCA for that type of terminal it makes one, with --rollover the next key and its link certificate. It always tells the
/// trust points and the date of a card that is made today: the certificates are what `perso build --cvca` takes.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright pki cvca ca\n  cardwright pki cvca ca --rollover\n  cardwright perso build people.json --pki ca --cvca ca/UTCVCAUT001.cvcert --out images"
)]
pub(super) struct Cvca {
    /// The folder of the authority
    dir: PathBuf,
    /// For which terminals: is (inspection systems), at (authentication terminals), st (signature terminals)
    #[arg(long = "type", value_name = "TYPE", default_value = "is", value_parser = terminal_type)]
    kind: TerminalType,
    /// Make the next key, of the kind that pki.toml says now, and the link certificate by the key before
    #[arg(long)]
    rollover: bool,
    /// Write EF.CVCA of a card that is made today into FILE, which must not exist
    #[arg(long, value_name = "FILE")]
    ef_cvca: Option<PathBuf>,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Cvca {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let (kind, today) = (self.kind, clock::today());
        let mut desk = Desk::open(&self.dir)?;
        let exists = desk.office()?.newest_cvca(kind).is_ok();
        let mut made = Vec::new();
        if self.rollover || !exists {
            let signer = if self.rollover { Some(desk.office()?.link_signer(kind).map_err(refused)?.clone()) } else { None };
            let known: OnceCell<Secret> = OnceCell::new();
            let phrase = || -> Result<Secret, Failure> {
                if let Some(known) = known.get() {
                    return Ok(known.clone());
                }
                let what = "the keys of the authority";
                let secret = if exists { self.passphrase.existing(what)? } else { self.passphrase.fresh(what)? };
                Ok(known.get_or_init(|| secret).clone())
            };
            let old = signer.map(|record| desk.signer(&record, phrase)).transpose()?;
            let store = keys::for_token(&desk.authority, desk.tables.cvca(kind).token.as_deref(), phrase)?;
            let (by, mut rng) = (self.by.name(), random::system());
            let mut office = desk.office()?;
            made = match old {
                Some(old) => office.roll_over(kind, old.as_ref(), store.as_ref(), &by, &mut rng, today).map_err(refused)?,
                None => vec![office.make_cvca(kind, store.as_ref(), &by, &mut rng, today).map_err(refused)?],
            };
        }

        let office = desk.office()?;
        tell(&office, &made, context.json)?;
        if let Some(path) = &self.ef_cvca {
            let none = || Failure::usage("expected a CVCA that has not expired, found none").hint("`--rollover` makes the next one");
            create(path, &office.ef_cvca(kind, today).ok_or_else(none)?)?;
        }
        let points = office.trust_points(kind, today);
        if context.json {
            let points: Vec<_> = points.iter().map(|record| row(&office, record)).collect();
            let links: Vec<_> = office.links(kind).map(|record| row(&office, record)).collect();
            let made: Vec<_> = made.iter().map(|record| row(&office, record)).collect();
            let ef_cvca = office.ef_cvca(kind, today).map(hex::encode_upper);
            output::json(&json!({
                "type": kind.abbreviation(), "date": today.to_string(), "made": made, "trust_points": points, "links": links, "ef_cvca": ef_cvca,
            }))?;
        } else {
            let files: Vec<_> = points.iter().map(|record| office.path(record).display().to_string()).collect();
            output::text(&format!("date of a card of today: {today}\ntrust points, the newest first: {}", files.join(" ")))?;
        }
        Ok(Exit::Success)
    }
}

fn create(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = std::fs::File::create_new(path).map_err(|error| Failure::file(path, &error))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| Failure::file(path, &error))
}
