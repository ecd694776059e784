//! `line release`: two persons let a batch run, after everything in it was held against its signed header.

use cardwright::line::prepare::{self, Images};
use cardwright::line::site::PREPARATION;
use cardwright::line::users::Action;
use clap::Args;
use serde_json::json;

use super::persons::TwoArgs;
use super::{SiteArgs, failure, note, pages, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::{Context, output};

/// Let a batch run: two persons, after every image was checked
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright line release first --by ana --by ben")]
pub(super) struct Release {
    /// The batch
    batch: String,
    #[command(flatten)]
    by: TwoArgs,
}

impl Release {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        let batch = super::batch(store.as_mut(), &self.batch)?;
        let key = site.public_key(PREPARATION).map_err(|error| failure(&error))?;
        let (folder, seal) = (site.path("images"), site.seal().map_err(|error| failure(&error))?);
        let progress = Progress::new("checking", batch.jobs, context.json);
        let mut lost = None;
        let jobs = pages::jobs(store.as_mut(), batch.id).map_while(|job| job.map_err(|error| lost = Some(error)).ok());
        let mut jobs = jobs.inspect(|_| progress.step());
        let checked = prepare::check(&batch, &mut jobs, &key, &Images { folder: &folder, seal: &seal });
        drop(jobs);
        if let Some(error) = lost {
            return Err(store_failure(&error));
        }
        drop(progress);
        checked.map_err(|found| {
            Failure::new(Exit::CheckFailed, found).hint("do not release it: find out who changed it, and prepare it again")
        })?;
        let two = self.by.come(&site, store.as_mut(), Action::ReleaseBatch)?;
        let note = note(Vec::new(), "batch-released", format!("batch {}", batch.header.name), hex::encode(batch.header.merkle_root));
        store.release_batch(batch.id, &two, &note).map_err(|error| store_failure(&error))?;
        if context.json {
            output::json(&json!({ "version": 1, "batch": self.batch, "jobs": batch.jobs, "released_by": self.by.names() }))?;
        } else {
            output::text(&format!("batch {}: {} jobs checked, released by {}", self.batch, batch.jobs, self.by.names().join(" and ")))?;
        }
        Ok(Exit::Success)
    }
}
