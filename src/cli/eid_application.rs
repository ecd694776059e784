//! `eid`: the eID application of a card, as an authentication terminal reads and asks it.

use std::path::{Path, PathBuf};

use cardwright::session::Session;
use cardwright::terminal::eid_application::{self, EidReading, Request};
use cardwright::terminal::{TerminalCredentials, Verdict};
use clap::{Args, Subcommand};
use eid::date::Date;
use eid::image::FileId;
use eid::lds::eid::title;
use eid::protocol::auxiliary::Question;
use eid::protocol::finding::Outcome;
use eid::protocol::restricted_id::SectorKey;
use serde_json::json;

use super::access::AccessArgs;
use super::exit::{Exit, Failure};
use super::reader::{self, ReaderArgs};
use super::terminal_keys::TerminalKeys;
use super::trust::TrustArgs;
use super::{Context, clock, output, random, read};

/// Most bytes of a file with the key of a sector.
const MAX_SECTOR: u64 = 4096;

/// Read the eID application of a card, and ask it questions
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    before_long_help = "Example:\n  cardwright eid read --reader sim:D/cards/0001.card --can 123456 --terminal-keys ca/terminals/UTSHOP1UT001 --trust D/pki\n  cardwright eid read --reader pcsc:0 --pin-file pin --terminal-keys ca/terminals/UTSHOP1UT001 --older-than 18 --valid"
)]
pub(crate) struct Eid {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Read(Box<Read>),
}

/// Show the data groups that the terminal's certificates open, and what the card answers
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright eid read --reader sim:D/cards/0001.card --can 123456 --terminal-keys ca/terminals/UTSHOP1UT001 --trust D/pki\n  cardwright eid read --reader pcsc:0 --can 123456 --terminal-keys ca/terminals/UTSHOP1UT001 --trust D/pki dg4 dg8",
    after_long_help = "PACE takes the PIN, or the CAN where the terminal has the right to use it; then come Terminal and Chip Authentication version 2. The data\ngroups are not signed: they are believed because the chip proves the key of EF.CardSecurity, which --trust shows to be the state's.\n\nThe terminal commits itself to the questions before the card answers: --older-than N asks whether the holder was born N years before --on or\nearlier, --valid whether the document is valid on that day, --municipality whether the ID begins so. `no` is an answer, not a failure."
)]
struct Read {
    #[command(flatten)]
    reader: ReaderArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    terminal: TerminalKeys,
    /// Ask whether the holder has been so many years old on the day of --on
    #[arg(long, value_name = "YEARS", value_parser = clap::value_parser!(u8).range(1..=150))]
    older_than: Option<u8>,
    /// Ask whether the document is valid on the day of --on
    #[arg(long)]
    valid: bool,
    /// Ask whether the holder's municipality ID begins with these hexadecimal digits
    #[arg(long, value_name = "HEX")]
    municipality: Option<String>,
    /// The day that the questions are about (YYYY-MM-DD); today if not given
    #[arg(long, value_name = "DATE")]
    on: Option<Date>,
    /// Ask for the chip's identifier for the sector whose public key (7F49 with domain parameters, DER) is in FILE
    #[arg(long, value_name = "FILE")]
    sector: Option<PathBuf>,
    /// The same for the second sector of the terminal's certificate
    #[arg(long, value_name = "FILE")]
    second_sector: Option<PathBuf>,
    /// Write each data group into DIR under its name (EF.eID.DG4, ...)
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Read only these data groups: dg1 to dg22; all that the terminal's certificate opens if none is named
    #[arg(value_name = "GROUP", value_parser = group)]
    groups: Vec<u8>,
}

fn group(name: &str) -> Result<u8, String> {
    let number = name.to_ascii_lowercase().strip_prefix("dg").and_then(|number| number.parse().ok());
    number.filter(|&number| FileId::eid(number).is_some()).ok_or_else(|| format!("expected dg1 to dg22, found {name:?}"))
}

impl Eid {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        match self.step {
            Step::Read(command) => command.run(context),
        }
    }
}

impl Read {
    fn run(self, context: Context) -> Result<Exit, Failure> {
        let passwords = self.access.passwords()?;
        let terminal = self.terminal.credentials()?.ok_or_else(|| {
            Failure::usage("--terminal-keys: expected the folder of a terminal's certificates and key, found none")
                .hint("`cardwright pki terminal` makes one: the eID application opens to nobody else")
        })?;
        let trust = self.trust.store()?;
        if trust.anchors().is_empty() {
            tracing::warn!("no trust anchor: whose card it is stays undecided (--trust FILE)");
        }
        let today = clock::today();
        let on = self.on.unwrap_or(today);
        let questions = self.questions(on)?;
        let sectors = [self.sector.as_deref(), self.second_sector.as_deref()].map(|path| path.map(sector).transpose());
        let [first, second] = sectors;
        let (first, second) = (first?, second?);
        let request = Request {
            passwords: &passwords,
            terminal: &terminal,
            trust: &trust,
            today,
            groups: &self.groups,
            questions: &questions,
            sectors: [first.as_ref(), second.as_ref()],
        };
        let mut session = Session::new(self.reader.open()?);
        session.atr().map_err(|error| reader::session_failure(&error))?;
        let reading =
            eid_application::read(&mut session, &request, &mut random::system()).map_err(|error| reader::access_failure(&error))?;
        if let Some(dir) = &self.out {
            let name = |number: u8| FileId::eid(number).map(FileId::name);
            output::files(dir, reading.raw.iter().filter_map(|(number, bytes)| Some((name(*number)?, bytes.as_slice()))))?;
        }
        if context.json {
            output::json(&answer(&reading, &terminal, on))?;
        } else {
            output::text(&text(&reading, self.older_than, on))?;
        }
        for quirk in &reading.quirks {
            tracing::info!("tolerated: {quirk}");
        }
        Ok(match reading.verdict {
            Verdict::Genuine => Exit::Success,
            Verdict::NotGenuine => Exit::CheckFailed,
            Verdict::Undecided => Exit::Undecided,
            Verdict::AccessRefused => Exit::AccessRefused,
        })
    }

    /// What the terminal commits to.
    fn questions(&self, on: Date) -> Result<Vec<(Question, Vec<u8>)>, Failure> {
        let mut questions = Vec::new();
        if let Some(years) = self.older_than {
            questions.push((Question::Age, on.plus_years(-i32::from(years)).yyyymmdd().into_bytes()));
        }
        if self.valid {
            questions.push((Question::Validity, on.yyyymmdd().into_bytes()));
        }
        if let Some(digits) = &self.municipality {
            let octets = hex::decode(digits).ok().filter(|octets| !octets.is_empty());
            let octets =
                octets.ok_or_else(|| Failure::usage("--municipality: expected hexadecimal digits, two for each byte, found others"))?;
            questions.push((Question::Municipality, octets));
        }
        Ok(questions)
    }
}

/// The public key of a sector.
fn sector(path: &Path) -> Result<SectorKey, Failure> {
    let len = std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?.len();
    if len > MAX_SECTOR {
        return Err(Failure::usage(format_args!("{}: expected at most {MAX_SECTOR} bytes, found {len}", path.display())));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
    SectorKey::from_object(&bytes).map_err(|error| Failure::from_error(Exit::Usage, &error).in_file(path))
}

/// The word for a question.
const fn word(question: Question) -> &'static str {
    match question {
        Question::Age => "age",
        Question::Validity => "validity",
        Question::Municipality => "municipality",
    }
}

fn answer(reading: &EidReading, terminal: &TerminalCredentials, on: Date) -> serde_json::Value {
    let group = |(number, bytes): (&u8, &Vec<u8>)| {
        let fields = reading.groups.get(number).map(|group| group.fields()).unwrap_or_default();
        let fields: Vec<_> = fields.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        json!({ "group": number, "title": title(*number), "bytes": hex::encode_upper(bytes), "fields": fields })
    };
    let answers: serde_json::Map<_, _> = reading.answers.iter().map(|(question, yes)| (word(*question).to_owned(), json!(yes))).collect();
    let [first, second] = reading.identifiers.each_ref().map(|identifier| identifier.as_ref().map(hex::encode_upper));
    json!({
        "version": 1,
        "verdict": reading.verdict,
        "on": on.to_string(),
        "terminal": { "holder": terminal.own().holder().to_string(), "rights": terminal.own().chat().right_names() },
        "groups": reading.raw.iter().map(group).collect::<Vec<_>>(),
        "answers": answers,
        "identifiers": { "first": first, "second": second },
        "findings": reading.findings.iter().map(read::finding).collect::<Vec<_>>(),
    })
}

fn text(reading: &EidReading, years: Option<u8>, on: Date) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| out.push_str(&format!("{name:<24} {value}\n"));
    for (name, value) in reading.groups.values().flat_map(|group| group.fields()) {
        line(&name, &value);
    }
    for (question, yes) in &reading.answers {
        let asked = match question {
            Question::Age => format!("{} years old on {on}", years.unwrap_or_default()),
            Question::Validity => format!("valid on {on}"),
            Question::Municipality => "municipality".to_owned(),
        };
        line(&asked, if *yes { "yes" } else { "no" });
    }
    for (name, identifier) in ["identifier", "second identifier"].iter().zip(&reading.identifiers) {
        if let Some(identifier) = identifier {
            line(name, &hex::encode_upper(identifier));
        }
    }
    for finding in reading.findings.iter().filter(|finding| finding.outcome != Outcome::Passed) {
        let why = finding.reason.as_ref().map_or("", |reason| reason.text.as_str());
        // what was not tried on the way in says nothing
        if finding.outcome != Outcome::NotAttempted || finding.id().starts_with("read.eid") || finding.id().starts_with("eid.") {
            line(finding.id(), &format!("{}: {why}", finding.outcome));
        }
    }
    let verdict = match reading.verdict {
        Verdict::Genuine => "the chip is the state's",
        Verdict::NotGenuine => "not genuine",
        Verdict::Undecided => "undecided: nothing shows whose chip it is",
        Verdict::AccessRefused => "access refused",
    };
    line("chip", verdict);
    out
}
