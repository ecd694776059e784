//! `line upgrade`: the store of an earlier version gets what this one adds.

use clap::Args;

use super::SiteArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// Bring the store of an earlier version to this one
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright line upgrade",
    after_long_help = "Stop the stations first, and make a backup of the store: an earlier version does not open it any more. What the store holds stays as it is."
)]
pub(super) struct Upgrade {}

impl Upgrade {
    pub(super) fn run(self, args: &SiteArgs, _: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let store = args.new_store(&site)?;
        output::text(&format!("{}: of this version", store.name()))?;
        Ok(Exit::Success)
    }
}
