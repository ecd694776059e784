//! `sim list`: what virtual cards can be told to be, from the data that says so.

use applets::fault::FaultError;
use applets::fault::catalogue::{self, Fault, State};
use applets::fault::personality;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// List what virtual cards can be told to be
#[derive(Debug, Args)]
pub(super) struct List {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Faults(Faults),
    Personalities(Personalities),
}

/// List the faults that a card can show, and what a correct inspection system says of each
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright sim list faults --layer SM\n  cardwright sim list faults VF-SM-012\n  cardwright verify --reader sim:D/cards/0001.card#VF-SM-012 --can 475260 --trust D/pki",
    after_long_help = "REJECT: not genuine, or not decided. ACCEPT: genuine all the same. LIMITED: genuine, with a part withheld. WARN: must be visible, may be genuine. EITHER: both will do."
)]
struct Faults {
    /// Say all that is known of these
    ids: Vec<String>,
    /// Only those of one layer (`SM`, `PACE`, ...), by its name or the letters in the id
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,
}

/// List how the cards of states behave in the field: genuine cards that a reader must be able to read
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright sim list personalities\n  cardwright verify --reader sim:D/cards/0001.card#as=NZ --can 475260 --trust D/pki"
)]
struct Personalities {}

/// A fault or personality that cannot be chosen.
pub(super) fn unknown(error: &FaultError) -> Failure {
    let list = if matches!(error, FaultError::Personality { .. }) { "personalities" } else { "faults" };
    Failure::usage(error).hint(format!("`cardwright sim list {list}` lists them"))
}

impl List {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        match self.what {
            What::Faults(step) => step.run(context),
            What::Personalities(_) => personalities(context),
        }
    }
}

fn personalities(context: Context) -> Result<Exit, Failure> {
    let all = personality::all();
    if context.json {
        let row = |one: &personality::Personality| {
            json!({
                "id": one.id, "what": one.what, "injection": one.injection, "image": one.image, "edits": one.edits, "base": one.base,
                "needs": one.needs().collect::<Vec<_>>(), "quirks": one.shows().collect::<Vec<_>>(),
                "quirks_of_files": one.marks().collect::<Vec<_>>(), "missing": one.missing, "source": one.source,
            })
        };
        output::json(&all.iter().map(row).collect::<Vec<_>>())?;
    } else {
        let line = |one: &personality::Personality| {
            let chip = if one.what.is_empty() { "nothing in the chip" } else { one.what };
            let said = |what: &str, text: &str| if text.is_empty() { String::new() } else { format!("\n    {what}: {text}") };
            format!("{}  {chip}{}{}\n", one.id, said("in the files (`sim like`)", one.image), said("not made", one.missing))
        };
        output::text(&all.iter().map(line).collect::<String>())?;
    }
    Ok(Exit::Success)
}

impl Faults {
    fn run(self, context: Context) -> Result<Exit, Failure> {
        let mut faults: Vec<&Fault> = Vec::new();
        for id in &self.ids {
            faults.push(catalogue::find(id).ok_or_else(|| unknown(&FaultError::Unknown { found: id.clone() }))?);
        }
        if self.ids.is_empty() {
            let wanted = |fault: &&Fault| {
                self.layer.as_ref().is_none_or(|layer| fault.layer.eq_ignore_ascii_case(layer) || fault.group().eq_ignore_ascii_case(layer))
            };
            faults = catalogue::all().iter().filter(wanted).collect();
        }
        if faults.is_empty() {
            let mut layers: Vec<&str> = catalogue::all().iter().map(|fault| fault.layer).collect();
            layers.dedup();
            return Err(Failure::usage(format_args!("expected one of the layers {}", layers.join(", "))));
        }
        if context.json {
            output::json(&faults.iter().map(|fault| row(fault)).collect::<Vec<_>>())?;
        } else if self.ids.is_empty() {
            output::text(&faults.iter().map(|fault| line(fault)).collect::<String>())?;
        } else {
            output::text(&faults.iter().map(|fault| all(fault)).collect::<Vec<_>>().join("\n"))?;
        }
        Ok(Exit::Success)
    }
}

pub(super) fn row(fault: &Fault) -> Value {
    let findings: Vec<_> =
        fault.findings().map(|expected| json!({ "check": expected.check, "result": expected.result, "reason": expected.reason })).collect();
    json!({
        "id": fault.id, "layer": fault.layer, "fault": fault.fault, "verdict": fault.verdict, "state": fault.state().as_str(),
        "engine": fault.engine.as_str(), "injection": fault.injection, "needs": fault.needs().collect::<Vec<_>>(), "findings": findings,
        "why_not": fault.why_not, "note": fault.note, "source": fault.source,
    })
}

fn line(fault: &Fault) -> String {
    let state = match fault.state() {
        State::Implemented => "",
        other => other.as_str(),
    };
    let why = if fault.why_not.is_empty() { String::new() } else { format!(" ({})", fault.why_not) };
    format!("{:<11} {:<7} {:<15} {}{why}\n", fault.id, fault.verdict.split(':').next().unwrap_or_default(), state, fault.fault)
}

fn all(fault: &Fault) -> String {
    let mut out = format!("{}  {}\n", fault.id, fault.fault);
    let mut say = |name: &str, value: &str| {
        if !value.is_empty() && value != "-" {
            out.push_str(&format!("  {name:<10} {value}\n"));
        }
    };
    say("verdict", fault.verdict);
    say("layer", fault.layer);
    say("state", &format!("{} ({})", fault.state().as_str(), fault.engine));
    say("injection", fault.injection);
    say("needs", &fault.needs().collect::<Vec<_>>().join(" "));
    for expected in fault.findings() {
        say("finding", format!("{} {} {}", expected.check, expected.result, expected.reason).trim_end());
    }
    say("why not", fault.why_not);
    say("note", fault.note);
    say("source", fault.source);
    out
}
