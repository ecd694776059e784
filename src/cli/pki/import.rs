//! `pki import`: CSCA certificates that other states handed over.

use std::path::PathBuf;

use clap::Args;
use eid::cert::trust::Tier;
use pki::authority::receive::HandOver;
use pki::foreign;
use serde_json::json;

use super::{open, publish_failure};
use crate::cli::by::ByArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Take in CSCA certificates of other states, with who handed them over: they go into the next master list
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki import ca UT_CSCA.cer --from 'Embassy of Utopia, note 17/2026'")]
pub(super) struct Import {
    /// The folder of the authority
    dir: PathBuf,
    /// Files with certificates, DER or PEM; each is taken as a whole or refused as a whole
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Who handed them over: an office, a person, a letter
    #[arg(long, value_name = "WHO")]
    from: String,
    /// How directly: bilateral (by the state itself), national (in the list of another state), icao (in a list of the ICAO)
    #[arg(long, value_name = "TIER", default_value = "bilateral", value_parser = tier)]
    tier: Tier,
    #[command(flatten)]
    by: ByArgs,
}

fn tier(text: &str) -> Result<Tier, String> {
    foreign::tier(text).ok_or_else(|| format!("expected bilateral, national, or icao, found {text:?}"))
}

impl Import {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let mut authority = open(&self.dir)?;
        let mut rows = Vec::new();
        for path in &self.files {
            let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let over = HandOver { from: &self.from, tier: self.tier, file: &file, by: &self.by.name() };
            let taken = authority.import(&bytes, &over, clock::now()).map_err(|error| publish_failure(&error).in_file(path))?;
            for taken in taken {
                if context.json {
                    rows.push(json!({
                        "file": file, "subject": taken.certificate.subject_text(), "role": taken.role.name(), "proved": taken.proved,
                        "new": taken.new, "sha256": hex::encode(taken.certificate.fingerprint()),
                    }));
                    continue;
                }
                let new = if taken.new { "" } else { ", known from there already" };
                let proved = if taken.proved { "" } else { ", whose issuer is not known: its signature is not proved" };
                let fingerprint = hex::encode(taken.certificate.fingerprint());
                output::text(&format!(
                    "{}: {}{proved}{new}\n  SHA-256 {fingerprint}",
                    taken.certificate.subject_text(),
                    taken.role.name()
                ))?;
            }
        }
        if context.json {
            output::json(&rows)?;
        } else {
            output::text("Compare each SHA-256 with the one that you were given on another way.")?;
        }
        Ok(Exit::Success)
    }
}
