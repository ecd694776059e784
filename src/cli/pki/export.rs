//! `pki export`: what goes to the ICAO PKD.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{open, publish_failure};
use crate::cli::by::ByArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Write signer certificates, the newest revocation list, and the newest master list as records for the ICAO PKD (LDIF)
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki export ca --out vn-pkd.ldif")]
pub(super) struct Export {
    /// The folder of the authority
    dir: PathBuf,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    by: ByArgs,
}

impl Export {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let mut authority = open(&self.dir)?;
        let records = authority.export(&self.out, &self.by.name(), clock::now()).map_err(|error| publish_failure(&error))?;
        if context.json {
            output::json(&json!({ "file": self.out.display().to_string(), "records": records }))?;
        } else {
            output::text(&format!("{}: {records} records", self.out.display()))?;
        }
        Ok(Exit::Success)
    }
}
