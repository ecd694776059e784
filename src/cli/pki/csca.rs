//! `pki csca`: print the certificate of the country signing CA.

use std::path::PathBuf;

use clap::Args;
use pki::authority::to_pem;

use super::{failure, issued, open};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// Print the certificate of the country signing CA, of the newest key
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki csca ca > csca.pem")]
pub(super) struct Csca {
    /// The folder of the authority
    dir: PathBuf,
}

impl Csca {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let authority = open(&self.dir)?;
        let csca = authority.csca().map_err(|error| failure(&error))?;
        if context.json {
            let newest: Vec<_> = authority.cscas().last().map(|csca| csca.name.clone()).into_iter().collect();
            return issued(context, &authority, &newest);
        }
        output::text(&to_pem(csca))?;
        Ok(Exit::Success)
    }
}
