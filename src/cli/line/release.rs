//! `line release`: two persons let a batch run, after everything in it was held against its signed header.

use cardwright::line::prepare::{self, Images};
use cardwright::line::site::PREPARATION;
use cardwright::line::store::{Batch, Job, Note, Store, StoreError};
use cardwright::line::users::Action;
use clap::Args;
use serde_json::json;

use super::persons::TwoArgs;
use super::{SiteArgs, failure, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::{Context, clock, output};

/// Jobs that are asked for at once.
const PAGE: u32 = 1000;

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
        let mut pages = Pages { store: store.as_mut(), batch: &batch, page: Vec::new().into_iter(), after: 0, error: None };
        let mut jobs = pages.by_ref().inspect(|_| progress.step());
        let checked = prepare::check(&batch, &mut jobs, &key, &Images { folder: &folder, seal: &seal });
        if let Some(error) = pages.error {
            return Err(store_failure(&error));
        }
        drop(progress);
        checked.map_err(|found| {
            Failure::new(Exit::CheckFailed, found).hint("do not release it: find out who changed it, and prepare it again")
        })?;
        let two = self.by.come(&site, store.as_mut(), Action::ReleaseBatch)?;
        let note = Note {
            time: clock::moment(),
            actors: Vec::new(),
            event: "batch-released".to_owned(),
            subjects: vec![format!("batch {}", batch.header.name)],
            detail: hex::encode(batch.header.merkle_root),
        };
        store.release_batch(batch.id, &two, &note).map_err(|error| store_failure(&error))?;
        if context.json {
            output::json(&json!({ "version": 1, "batch": self.batch, "jobs": batch.jobs, "released_by": self.by.names() }))?;
        } else {
            output::text(&format!("batch {}: {} jobs checked, released by {}", self.batch, batch.jobs, self.by.names().join(" and ")))?;
        }
        Ok(Exit::Success)
    }
}

/// The jobs of a batch, a page at a time.
struct Pages<'a> {
    store: &'a mut dyn Store,
    batch: &'a Batch,
    page: std::vec::IntoIter<Job>,
    after: u32,
    error: Option<StoreError>,
}

impl Iterator for Pages<'_> {
    type Item = Job;

    fn next(&mut self) -> Option<Job> {
        if let Some(job) = self.page.next() {
            return Some(job);
        }
        match self.store.jobs(self.batch.id, self.after, PAGE) {
            Ok(page) => {
                self.after = page.last()?.order.sequence;
                self.page = page.into_iter();
                self.page.next()
            }
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }
}
