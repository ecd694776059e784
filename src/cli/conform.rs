//! `conform`: does a card, or what is stored on it, do what a test plan says?

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cardwright::conform::lds::Subject;
use cardwright::conform::{Access, CaseResult, Feature, Options, Profile, Report, RunError, Statement, Suite, TestKeys, Verdict};
use cardwright::session::Session;
use cardwright::terminal::evidence::folder::Folder;
use cardwright::terminal::{Inspection, Verifier};
use clap::{Args, Subcommand, ValueEnum};
use eid::date::Date;
use eid::image::FileId;
use eid::protocol::finding::Outcome;
use eid::protocol::pace::Password;
use eid::transport::Transport;
use serde_json::json;

use super::access::AccessArgs;
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::reader::{self, ReaderArgs};
use super::trust::TrustArgs;
use super::{Context, clock, output, random};

mod inspection;
mod keys;

use inspection::InspectionArgs;

/// Test a card, its files, or a program that inspects cards against a conformance suite
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    before_long_help = "Example:\n  cardwright conform --reader sim:D/cards/0001.card --suite icao3 --can 123456 --mrz-file mrz.txt --trust D/pki\n  cardwright conform --reader pcsc:0 --suite icao3 --mrz 'L898902C3 740812 120415' --only 'ISO7816_P_*' --html out.html --junit out.xml\n  cardwright conform --suite icao3 --lds D/lds/0001 --trust D/pki --json out.json\n  cardwright conform keys K\n  cardwright conform --reader sim:D/cards/0001.card --suite bsi32 --keys K --can 123456 --mrz-file mrz.txt --access-by bac\n  cardwright conform --suite icao3 --list\n  cardwright conform --inspection --simulated --command 'cardwright verify --policy strict --reader {reader} --can {can} --mrz {mrz} --trust {trust}'",
    after_long_help = "What a card offers is read from it; --statement says what it does not tell. A status word stands for its class (9000; 62xx and 63xx; 64xx\nto 6Fxx) unless --strict is given. BAC cases need the MRZ. Some cases give wrong passwords: the suite's documentation, docs/conform.md,\nsays which, and what that does to a card."
)]
pub(crate) struct Conform {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    reader: ReaderArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Run the cases of SUITE: icao3, bsi32, bsi33, cardwright
    #[arg(long, value_name = "SUITE", default_value = "icao3")]
    suite: String,
    /// Run the cases with this id only, * for any characters (repeatable)
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Judge status words one by one, and not by their class
    #[arg(long)]
    strict: bool,
    /// Take what the card has and has not from FILE, an implementation conformance statement (TOML), before what it shows
    #[arg(long, value_name = "FILE", conflicts_with = "lds")]
    statement: Option<PathBuf>,
    /// Take certificates and keys of terminals from DIR, as `conform keys` makes it; the card must trust its CVCA
    #[arg(long, value_name = "DIR", conflicts_with = "lds")]
    keys: Option<PathBuf>,
    /// Run the cases that change the card for good, too: afterwards it is no use any more
    #[arg(long, conflicts_with = "lds")]
    sacrifice: bool,
    /// Open a card that has both by this
    #[arg(long, value_name = "WAY", value_enum, conflicts_with = "lds")]
    access_by: Option<Way>,
    /// Judge the files in DIR alone (EF.COM, EF.SOD, EF.DG1, ...), without a card
    #[arg(long, value_name = "DIR", conflicts_with_all = ["can", "mrz", "mrz_file", "pin_file", "puk_file", "trace"])]
    lds: Option<PathBuf>,
    /// Judge certificates as if today were DATE (YYYY-MM-DD)
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    /// Write the report into FILE as JUnit XML, for continuous integration
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report into FILE as one HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Leave data of the holder out of every report: headers, lengths, and status words stay
    #[arg(long)]
    redact: bool,
    /// List the cases, and run none
    #[arg(long, conflicts_with_all = ["lds", "junit", "html", "statement"])]
    list: bool,
    /// With --json: write the answer into FILE
    #[arg(value_name = "FILE", requires = "json")]
    json_file: Option<PathBuf>,
    #[command(flatten)]
    inspection: Box<InspectionArgs>,
}

#[derive(Debug, Subcommand)]
enum Step {
    Keys(keys::Keys),
}

/// How a card is opened.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Way {
    /// PACE
    Pace,
    /// Basic Access Control
    Bac,
}

impl Conform {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        if let Some(Step::Keys(keys)) = self.step {
            return keys.run(context);
        }
        if self.inspection.is_asked() {
            return self.program(context);
        }
        let suite = Suite::built_in(&self.suite).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        let access = self.access_by.map(|way| match way {
            Way::Pace => Access::Pace,
            Way::Bac => Access::Bac,
        });
        let keys = self.keys.as_deref().map(TestKeys::read).transpose().map_err(|error| keys::failure(&error))?;
        let options = Options { strict: self.strict, only: self.only.clone(), access, keys, sacrifice: self.sacrifice };
        suite.check(&options).map_err(|error| failure(&error))?;
        if self.list {
            return list(&suite, context);
        }
        let report = match &self.lds {
            Some(dir) => self.files(&suite, &options, dir)?,
            None => self.card(&suite, &options, context)?,
        };
        self.answer(report, context)
    }

    /// A program that inspects cards.
    fn program(&self, context: Context) -> Result<Exit, Failure> {
        if self.list {
            return inspection::list(context);
        }
        let report = self.inspection.run(&self.only, self.today(), context)?;
        self.answer(report, context)
    }

    /// The report where it is wanted, and the exit code that it gives.
    fn answer(&self, report: Report, context: Context) -> Result<Exit, Failure> {
        let report = if self.redact { report.redacted() } else { report };
        self.write(&report)?;
        if context.json {
            let answer = report.to_json();
            match &self.json_file {
                Some(path) => output::private(path, answer.to_string().as_bytes())?,
                None => output::json(&answer)?,
            }
        } else {
            output::text(&report.to_text())?;
        }
        Ok(match report.verdict() {
            _ if report.gone => Exit::Gone,
            Verdict::Failed => Exit::CheckFailed,
            Verdict::Inconclusive => Exit::Undecided,
            _ => Exit::Success,
        })
    }

    /// The files of a folder: the data suites only.
    fn files(&self, suite: &Suite, options: &Options, dir: &Path) -> Result<Report, Failure> {
        let folder = Folder::read(dir).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        for path in &folder.passed_over {
            tracing::warn!("passed over, no file of a card: {}", path.display());
        }
        let inspection = self.verifier()?.judge_files(folder.files, self.today());
        let present = inspection.files.keys().filter_map(|file| file.dg_number()).collect();
        let mut report = Report::new(suite, Profile::default(), self.strict);
        report.cases = data(suite, options, &inspection, &present, None);
        Ok(report)
    }

    /// A card: protocols, then the files that were read of it.
    fn card(&self, suite: &Suite, options: &Options, context: Context) -> Result<Report, Failure> {
        let mut passwords = self.access.passwords()?;
        // what counts no tries opens the card for all other cases
        passwords.sort_by_key(|password| matches!(password, Password::Pin(_) | Password::Puk(_)));
        if passwords.is_empty() {
            return Err(Failure::usage("a card cannot be tested without a password").hint("give --can, --mrz, or --mrz-file, best both"));
        }
        let statement = self.statement()?;
        let mut verifier = self.verifier()?;
        let terminal = options.keys.clone().map(keys::terminal).transpose()?;
        if let Some(terminal) = terminal.flatten() {
            verifier = verifier.with_terminal(terminal);
        }
        let mut card = self.reader.open()?;
        // A card that is changed for good may not open to these terminals afterwards.
        let before = options.sacrifice.then(|| inspect(&verifier, &mut card, &passwords, self.today())).transpose()?;
        let cases = u64::try_from(suite.cases().len()).unwrap_or(u64::MAX);
        let progress = Progress::new("cases", cases, context.json);
        let mut tell = |result: &CaseResult| {
            tracing::info!(id = result.case.id, verdict = result.verdict.as_str(), result.reason);
            progress.step();
        };
        let mut report =
            suite.run(&mut card, &passwords, &statement, options, &mut random::system(), &mut tell).map_err(|error| failure(&error))?;
        if report.gone {
            return Ok(report);
        }
        let mut inspection = match before {
            Some(inspection) => inspection,
            None => inspect(&verifier, &mut card, &passwords, self.today())?,
        };
        // An inspection ends where there is no eMRTD application.
        if let Some(bytes) = &report.profile.card_security {
            inspection.files.entry(FileId::CARD_SECURITY).or_insert_with(|| bytes.clone());
        }
        inspection.files.extend(report.profile.eid_files());
        let present = present(&report.profile, &inspection);
        let printed = self.access.printed()?;
        report.cases.extend(data(suite, options, &inspection, &present, printed.as_deref()));
        Ok(report)
    }

    fn verifier(&self) -> Result<Verifier, Failure> {
        Ok(Verifier::new(self.trust.store()?))
    }

    fn today(&self) -> Date {
        self.date.unwrap_or_else(clock::today)
    }

    fn statement(&self) -> Result<Statement, Failure> {
        let Some(path) = &self.statement else { return Ok(Statement::default()) };
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        Statement::parse(&text).map_err(|error| Failure::from_error(Exit::Usage, &error).in_file(path))
    }

    fn write(&self, report: &Report) -> Result<(), Failure> {
        if let Some(path) = &self.junit {
            output::private(path, report.to_junit().as_bytes())?;
        }
        if let Some(path) = &self.html {
            output::private(path, report.to_html().as_bytes())?;
        }
        Ok(())
    }
}

fn inspect(verifier: &Verifier, card: &mut dyn Transport, passwords: &[Password], today: Date) -> Result<Inspection, Failure> {
    let mut session = Session::new(card);
    session.restart().map_err(|error| reader::session_failure(&error))?;
    verifier.inspect_session(&mut session, passwords, today, &mut random::system(), &mut |_| {}).map_err(|error| reader::failure(&error))
}

/// The data groups that EF.COM or EF.SOD name, less those that the card turned out not to have.
fn present(profile: &Profile, inspection: &Inspection) -> BTreeSet<u8> {
    let absent = |number: u8| {
        let finding = inspection.report.finding(&format!("read.dg{number}"));
        let reason = finding.filter(|finding| finding.outcome == Outcome::NotAttempted).and_then(|finding| finding.reason.as_ref());
        reason.is_some_and(|reason| reason.code == "absent")
    };
    let read = inspection.files.keys().filter_map(|file: &FileId| file.dg_number());
    let named = profile.features.iter().filter_map(|feature| if let Feature::Dg(number) = feature { Some(*number) } else { None });
    named.filter(|number| !absent(*number)).chain(read).collect()
}

fn data(suite: &Suite, options: &Options, inspection: &Inspection, present: &BTreeSet<u8>, printed: Option<&str>) -> Vec<CaseResult> {
    let subject = Subject { files: &inspection.files, present, printed, report: &inspection.report };
    suite.judge_files(&subject, options)
}

fn failure(error: &RunError) -> Failure {
    match error {
        RunError::Access(access) => reader::access_failure(access),
        RunError::NoCase { .. } => Failure::usage(error).hint("`cardwright conform --list` lists the ids of a suite"),
    }
}

fn list(suite: &Suite, context: Context) -> Result<Exit, Failure> {
    if context.json {
        let row = |case: &cardwright::conform::Case| {
            json!({
                "id": case.id, "document": suite.name(), "applies": case.applies_to, "title": case.title, "before": case.before(),
                "steps": case.steps(), "basis": case.basis, "note": case.note, "sacrifice": case.is_destructive(),
            })
        };
        output::json(&suite.cases().iter().map(row).collect::<Vec<_>>())?;
        return Ok(Exit::Success);
    }
    let mut out = String::new();
    for case in suite.cases() {
        let for_what = if case.applies_to.is_empty() { String::new() } else { format!("  [{}]", case.applies_to) };
        let sacrifice = if case.is_destructive() { "  (--sacrifice)" } else { "" };
        out.push_str(&format!("{:<16} {}{for_what}{sacrifice}\n", case.id, case.title));
        if !case.steps().is_empty() {
            out.push_str(&format!("{:16} {}: {}\n", "", case.before(), case.steps()));
        }
    }
    output::text(&out)?;
    Ok(Exit::Success)
}
