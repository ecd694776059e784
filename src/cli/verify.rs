//! `verify`: is this card genuine, and why.

use std::path::PathBuf;

use cardwright::session::Session;
use cardwright::terminal::{Colour, Fallback, Requirement, StandardPolicy, Step, Verdict, Verifier};
use clap::Args;
use eid::date::Date;

use super::access::AccessArgs;
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::reader::{self, ReaderArgs};
use super::trust::TrustArgs;
use super::{Context, clock, output, random};

/// Inspect a card and say whether it is genuine
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright verify --reader pcsc:0 --can 123456 --trust csca.cer\n  cardwright verify --reader sim:D/cards/0001.card --can 123456 --trust D/pki --json"
)]
pub(crate) struct Verify {
    #[command(flatten)]
    reader: ReaderArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Inspect as if today were DATE (YYYY-MM-DD)
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    /// Never use Basic Access Control, even where the card offers nothing else
    #[arg(long, alias = "no-fallback")]
    no_bac: bool,
    /// Require that this check passed: pace-cam, ca, aa, ta (repeatable)
    #[arg(long, value_name = "CHECK")]
    require: Vec<Requirement>,
    /// Write the files that were read into DIR
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Verify {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let passwords = self.access.passwords()?;
        let trust = self.trust.store()?;
        if trust.anchors().is_empty() {
            tracing::warn!("no trust anchor: the answer can at best be undecided (--trust FILE)");
        }
        let verifier = Verifier::new(trust)
            .with_fallback(if self.no_bac { Fallback::Forbidden } else { Fallback::BasicAccessControl })
            .with_policy(StandardPolicy::requiring(self.require.iter().copied()));
        let mut session = Session::new(self.reader.open()?);
        let today = self.date.unwrap_or_else(clock::today);
        let progress = Progress::bytes(context.json);
        let mut tell = |step: Step| {
            if let Step::Reading(reading) = step {
                progress.part(&reading.file.name(), reading.done, reading.total);
            } else {
                tracing::info!(?step);
            }
        };
        let inspection = verifier
            .inspect_session(&mut session, &passwords, today, &mut random::system(), &mut tell)
            .map_err(|error| reader::failure(&error))?;
        drop(progress);
        if let Some(dir) = &self.out {
            let files = inspection.files.iter().map(|(file, bytes)| (file.name(), bytes.as_slice()));
            output::files(dir, files)?;
        }
        let report = &inspection.report;
        if context.json {
            output::json(&report.to_json())?;
        } else {
            output::text(&report.to_text(if output::is_coloured() { Colour::Ansi } else { Colour::Never }))?;
        }
        if report.verdict == Verdict::AccessRefused && passwords.is_empty() {
            return Err(Failure::usage("the card is locked").hint("give --can, --mrz, or --mrz-file, as printed on the card"));
        }
        Ok(exit(report.verdict))
    }
}

/// The exit code that says a verdict.
pub(crate) const fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Genuine => Exit::Success,
        Verdict::NotGenuine => Exit::CheckFailed,
        Verdict::Undecided => Exit::Undecided,
        Verdict::AccessRefused => Exit::AccessRefused,
    }
}
