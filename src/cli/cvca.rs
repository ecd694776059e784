//! What new chips shall know of terminals: CVCA certificates on the command line.

use std::path::PathBuf;

use cardwright::perso::build::trust_points;
use cardwright::perso::profile::DocumentProfile;
use clap::Args;
use eid::cert::cvc::{Cvc, TrustPoints};
use eid::date::Date;

use super::exit::{Exit, Failure};

/// The CVCAs that chips trust.
#[derive(Debug, Args)]
pub(crate) struct CvcaArgs {
    /// Trust these CVCA certificates (CV certificates, self-signed; one or two for a type of terminal): DG3 and DG4, and the eID application, open by Terminal Authentication
    #[arg(long, value_name = "FILE", num_args = 1..=6)]
    cvca: Vec<PathBuf>,
}

impl CvcaArgs {
    /// The trust points of Terminal Authentication, if any were named.
    pub(crate) fn trust_points(&self, profile: &DocumentProfile, today: Date) -> Result<Option<TrustPoints>, Failure> {
        if self.cvca.is_empty() {
            return Ok(None);
        }
        if profile.terminal_authentication.is_none() {
            return Err(Failure::usage(format_args!("--cvca: the profile {} has no Terminal Authentication", profile.id)));
        }
        let read = |path: &PathBuf| {
            let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
            Cvc::from_der(&bytes).map_err(|error| Failure::from_error(Exit::Usage, &error).in_file(path))
        };
        let certificates = self.cvca.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        trust_points(&certificates, today).map(Some).map_err(|error| Failure::from_error(Exit::Usage, &error))
    }
}
