//! `pki list`: what was issued.

use std::path::PathBuf;

use clap::Args;
use eid::cert::x509::Certificate;

use super::{open, row};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// List everything that was issued
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki list ca")]
pub(super) struct List {
    /// The folder of the authority
    dir: PathBuf,
}

impl List {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let authority = open(&self.dir)?;
        if context.json {
            let rows: Vec<_> = authority.issued().iter().map(row).collect::<Result<_, _>>()?;
            output::json(&rows)?;
            return Ok(Exit::Success);
        }
        let mut lines = Vec::new();
        for issued in authority.issued() {
            let certificate = Certificate::from_der(&issued.certificate).map_err(|error| Failure::from_error(Exit::Store, &error))?;
            let (from, until) = (certificate.not_before().date, certificate.not_after().date);
            lines.push(format!(
                "{:<12} {:<5} {}  {from} to {until}  {}",
                issued.name,
                issued.role,
                issued.serial,
                certificate.subject_text()
            ));
        }
        output::text(&lines.join("\n"))?;
        Ok(Exit::Success)
    }
}
