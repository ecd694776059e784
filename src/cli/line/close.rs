//! `line close`: two persons close a batch, with difference 0 or not at all.

use cardwright::line::users::Action;
use clap::Args;

use super::persons::TwoArgs;
use super::{SiteArgs, note, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// Close a batch: every job settled, every card accounted for
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright line close first --by ana --by ben")]
pub(super) struct Close {
    /// The batch
    batch: String,
    #[command(flatten)]
    by: TwoArgs,
}

impl Close {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        let batch = super::batch(store.as_mut(), &self.batch)?;
        let two = self.by.come(&site, store.as_mut(), Action::CloseBatch)?;
        let note = note(Vec::new(), "batch-closed", format!("batch {}", self.batch), String::new());
        store.close_batch(batch.id, &two, &note).map_err(|error| store_failure(&error))?;
        if context.json {
            output::json(&serde_json::json!({ "version": 1, "batch": self.batch, "closed_by": self.by.names() }))?;
        } else {
            output::text(&format!("batch {}: closed by {}, difference 0", self.batch, self.by.names().join(" and ")))?;
        }
        Ok(Exit::Success)
    }
}
