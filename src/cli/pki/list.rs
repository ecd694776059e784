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
        let rows = authority
            .issued()
            .iter()
            .map(|issued| Certificate::from_der(&issued.certificate).map(|certificate| (issued, certificate)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Failure::from_error(Exit::Store, &error))?;
        if context.json {
            let rows: Vec<_> = rows.iter().map(|(issued, certificate)| row(&issued.name, certificate)).collect();
            output::json(&rows)?;
        } else {
            let lines: Vec<_> = rows
                .iter()
                .map(|(issued, certificate)| {
                    format!(
                        "{:<16} {}  {} to {}  {}",
                        issued.name,
                        issued.serial,
                        certificate.not_before().date,
                        certificate.not_after().date,
                        certificate.subject_text()
                    )
                })
                .collect();
            output::text(&lines.join("\n"))?;
        }
        Ok(Exit::Success)
    }
}
