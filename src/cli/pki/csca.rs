//! `pki csca`: print the certificate of the country signing CA.

use std::path::PathBuf;

use clap::Args;
use pki::authority::to_pem;

use super::{issued, open};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// Print the certificate of the country signing CA
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki csca ca > csca.pem")]
pub(super) struct Csca {
    /// The folder of the authority
    dir: PathBuf,
}

impl Csca {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let authority = open(&self.dir)?;
        if context.json {
            return issued(context, &self.dir.join("csca.cer"), authority.csca());
        }
        output::text(&to_pem(authority.csca()))?;
        Ok(Exit::Success)
    }
}
