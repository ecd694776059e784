//! `verify`: is this card genuine, and why.

use std::path::PathBuf;

use cardwright::session::Session;
use cardwright::terminal::evidence::folder::{Folder, FolderError};
use cardwright::terminal::{
    Colour, Evidence, Fallback, Inspection, Reading, Requirement, StandardPolicy, Step, StrictPolicy, Verdict, Verifier,
};
use clap::{Args, ValueEnum};
use eid::date::Date;
use eid::mrz::Mrz;

use super::access::AccessArgs;
use super::exit::{Exit, Failure};
use super::face_qr::FaceQrArgs;
use super::progress::Progress;
use super::reader::{self, ReaderArgs};
use super::reading::ReadingArgs;
use super::terminal_keys::TerminalKeys;
use super::trust::TrustArgs;
use super::{Context, clock, output, pictures, random};

/// Policies that a user can name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Judging {
    /// As a border does: a document that its state signed, with the faults that genuine ones have
    Standard,
    /// As test plans do: no document that is made otherwise than the standard asks; undecided then
    Strict,
}

/// Inspect a card, or what was kept of one, and say whether it is genuine
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright verify --reader pcsc:0 --can 123456 --trust csca.cer\n  cardwright verify --reader sim:D/cards/0001.card --can 123456 --trust D/pki --report out.html --evidence out.json\n  cardwright verify --evidence out.json --trust D/pki\n  cardwright verify --lds D/lds/0001 --trust D/pki\n  cardwright verify --reader pcsc:0 --can 123456 --trust csca.cer --qr-file qr.txt\n  cardwright verify --reader pcsc:0 --can 123456 --trust csca.cer --policy strict"
)]
pub(crate) struct Verify {
    #[command(flatten)]
    reader: ReaderArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    terminal: TerminalKeys,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    face_qr: FaceQrArgs,
    /// Inspect as if today were DATE (YYYY-MM-DD)
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    /// Never use Basic Access Control, even where the card offers nothing else
    #[arg(long, alias = "no-fallback")]
    no_bac: bool,
    /// Judge by this policy
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = Judging::Standard)]
    policy: Judging,
    /// Require that this check passed: pace-cam, ca, aa, ta (repeatable)
    #[arg(long, value_name = "CHECK")]
    require: Vec<Requirement>,
    /// Write the files that were read into DIR
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the report into FILE as one HTML page; it holds personal data
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write what was asked and answered into FILE; if FILE is there and neither reader nor password is named, judge it again
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Leave the contents of the holder's data groups out of the evidence: hashes stay
    #[arg(long, requires = "evidence")]
    redact: bool,
    /// Verify the files in DIR alone (EF.COM, EF.SOD, EF.DG1, ...), without a card
    #[arg(long, value_name = "DIR", conflicts_with_all = ["can", "mrz", "mrz_file", "pin_file", "puk_file", "trace"])]
    lds: Option<PathBuf>,
    /// Write the pictures in the files that were read into DIR, as PNG
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
}

impl Verify {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let again = match &self.evidence {
            Some(path) if path.exists() => {
                if self.lds.is_some() || self.reader.is_given() || self.access.is_given() {
                    return Err(Failure::usage(format_args!("{}: expected no such file yet, found one", path.display()))
                        .hint("evidence is never overwritten; to judge it again, name no reader, password, or --lds"));
                }
                Some(path)
            }
            _ => None,
        };
        let qr = self.face_qr.face_qr()?;
        let trust = self.trust.store()?;
        if trust.anchors().is_empty() {
            tracing::warn!("no trust anchor: the answer can at best be undecided (--trust FILE)");
        }
        let mut verifier = Verifier::new(trust).with_fallback(if self.no_bac { Fallback::Forbidden } else { Fallback::BasicAccessControl });
        let required = self.require.iter().copied();
        verifier = match self.policy {
            Judging::Standard => verifier.with_policy(StandardPolicy::requiring(required)),
            Judging::Strict => verifier.with_policy(StrictPolicy::requiring(required)),
        };
        if let Some(terminal) = self.terminal.credentials()? {
            verifier = verifier.with_terminal(terminal);
        }
        let today = self.date.unwrap_or_else(clock::today);
        let mut inspection = if let Some(path) = again {
            let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
            let evidence = Evidence::from_json(&text).map_err(|error| {
                let exit = if error.is_damage() { Exit::CheckFailed } else { Exit::Usage };
                Failure::new(exit, error).in_file(path)
            })?;
            // as of the day of the inspection, so that the answer is the same one
            verifier.judge(&evidence, self.date.unwrap_or(evidence.date))
        } else if let Some(dir) = &self.lds {
            let folder = Folder::read(dir).map_err(|error| match &error {
                FolderError::Io { .. } => Failure::new(Exit::Store, &error),
                FolderError::Twice { .. } => Failure::usage(&error).hint("leave only one of them in the folder"),
                FolderError::NoSod { .. } => Failure::usage(&error).hint("name the files as Doc 9303-10 does: EF.SOD, EF.COM, EF.DG1"),
            })?;
            for path in &folder.passed_over {
                tracing::warn!("passed over, no file of a card: {}", path.display());
            }
            verifier.judge_files(folder.files, today)
        } else {
            let (inspection, used) = self.inspect(verifier, today, context)?;
            verifier = used;
            inspection
        };
        if let Some(printed) = self.access.printed()?.and_then(|text| Mrz::read(&text).ok()) {
            verifier.compare_page(&mut inspection, &printed.0);
        }
        if let Some(qr) = &qr {
            verifier.compare(&mut inspection, qr);
        }
        self.write(&inspection, again.is_none())?;
        let report = &inspection.report;
        if context.json {
            output::json(&report.to_json())?;
        } else {
            output::text(&report.to_text(if output::is_coloured() { Colour::Ansi } else { Colour::Never }))?;
        }
        if report.verdict == Verdict::AccessRefused && again.is_none() && !self.access.is_given() {
            return Err(Failure::usage("the card is locked").hint("give --can, --mrz, or --mrz-file, as printed on the card"));
        }
        Ok(exit(report.verdict))
    }

    fn inspect(&self, verifier: Verifier, today: Date, context: Context) -> Result<(Inspection, Verifier), Failure> {
        let passwords = self.access.passwords()?;
        let started = self.reading.start()?;
        let verifier = verifier.with_reading(started.options.clone());
        let mut session = Session::new(self.reader.open()?);
        let progress = Progress::bytes(context.json);
        let mut tell = |step: Step| {
            if let Step::Reading(reading) = step {
                progress.part(&reading.file.name(), reading.done, reading.total);
            } else {
                tracing::info!(?step);
            }
        };
        let mut reading = Reading::new();
        let inspection = loop {
            match verifier.resume_session(&mut session, &mut reading, &passwords, today, &mut random::system(), &mut tell) {
                Ok(inspection) => break inspection,
                Err(error) if started.wait_for(&mut session, &error) => {}
                Err(error) => return Err(reader::failure(&error)),
            }
        };
        started.finish()?;
        Ok((inspection, verifier))
    }

    /// The files that the caller asked for.
    fn write(&self, inspection: &Inspection, evidence: bool) -> Result<(), Failure> {
        if let Some(dir) = &self.out {
            output::files(dir, inspection.files.iter().map(|(file, bytes)| (file.name(), bytes.as_slice())))?;
        }
        if let Some(dir) = &self.pictures {
            pictures::write(dir, inspection.files.iter().map(|(file, bytes)| (*file, bytes.as_slice())))?;
        }
        if let Some(path) = &self.report {
            output::private(path, inspection.to_html().as_bytes())?;
        }
        if let (Some(path), true) = (&self.evidence, evidence) {
            let mut kept = Evidence::of(inspection);
            if self.redact {
                kept = kept.redacted();
            }
            output::private_new(path, kept.to_json().as_bytes())?;
        }
        Ok(())
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
