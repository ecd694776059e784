//! `line report`: what happened to a batch, as text, JSON, or one page of HTML.

use std::path::PathBuf;

use cardwright::line::report::Report as Made;
use clap::Args;

use super::{SiteArgs, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Report on a batch: throughput, yield, readers, scrap, and how each interrupted card was settled
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright line report first\n  cardwright line report first --html first.html\n  cardwright line report first --json --out first.json",
    after_long_help = "A card is interrupted when its station was stopped or killed, or its reader lost it. A station that was killed says so when it is started again: before that its last cards are listed as open.\n\nTimes are those of good cards; percentiles are at most 1/32 too high. A reader is an alarm when its p95 is more than 1.5 times the line's, after 20 good cards. A step is slow when it took more than twice the median of the batch, and 100 ms more.\n\nExit codes: 0 every job and every card of the batch is accounted for, 3 something is open."
)]
pub(super) struct Report {
    /// The batch
    batch: String,
    /// Write the report as one page of HTML to FILE too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the text, or the JSON with --json, to FILE instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Report {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        let batch = super::batch(store.as_mut(), &self.batch)?;
        let report = Made::of(store.as_mut(), batch, clock::moment()).map_err(|error| store_failure(&error))?;
        if let Some(path) = &self.html {
            std::fs::write(path, report.to_html()).map_err(|error| Failure::file(path, &error))?;
        }
        let json = report.to_json();
        match &self.out {
            Some(path) => {
                let text = if context.json { format!("{json:#}\n") } else { report.to_text() };
                std::fs::write(path, text).map_err(|error| Failure::file(path, &error))?;
            }
            None if context.json => output::json(&json)?,
            None => output::text(report.to_text().trim_end())?,
        }
        Ok(if report.is_settled() { Exit::Success } else { Exit::Undecided })
    }
}
