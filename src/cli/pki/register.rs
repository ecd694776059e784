//! `pki register`: look at the register, and at whether it is as it was written.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pki::authority::register_path;
use pki::register::{self, Entry, Head, Inspection};
use serde_json::json;

use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// Verify or list the register: every number, who asked, what was issued
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, before_long_help = "Example:\n  cardwright pki register ca verify")]
pub(super) struct Register {
    /// The folder of the authority
    dir: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Verify(Verify),
    List(List),
}

/// Find what was changed, removed, moved, or cut off, and name it
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki register ca verify --holds 7:5c3a...")]
struct Verify {
    /// Ask whether it still holds what it held at an earlier time: COUNT:HASH, as `pki status` and this command print it
    #[arg(long, value_name = "HEAD")]
    holds: Vec<Head>,
}

/// List every entry
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki register ca list --json")]
struct List {}

impl Register {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let path = register_path(&self.dir);
        let found = register::verify(&path).map_err(|error| match error {
            register::RegisterError::Io { path, source } => Failure::file(&path, &source),
            other => Failure::from_error(Exit::Store, &other),
        })?;
        match self.what {
            What::Verify(what) => what.run(context, &found),
            What::List(List {}) => list(context, &found),
        }
    }
}

impl Verify {
    fn run(&self, context: Context, found: &Inspection) -> Result<Exit, Failure> {
        let lost: Vec<_> = self.holds.iter().filter(|head| !found.contains(head)).collect();
        let mut faults: Vec<_> = found.faults.iter().map(ToString::to_string).collect();
        faults.extend(lost.iter().map(|head| format!("it does not hold {head}: the entries up to there are others")));
        let crash = found.crash.as_ref().map(ToString::to_string);
        if context.json {
            output::json(&json!({
                "version": 1, "intact": faults.is_empty(), "faults": faults, "crash": crash,
                "head": { "count": found.head.count, "hash": found.head.hash },
            }))?;
        } else {
            let mut lines = faults.clone();
            lines.extend(crash.map(|crash| format!("a crash, not a change: {crash}; the next command puts it right")));
            if faults.is_empty() {
                lines.push(format!("intact: {} entries, {}", found.head.count, found.head));
            }
            output::text(&lines.join("\n"))?;
        }
        Ok(if faults.is_empty() { Exit::Success } else { Exit::CheckFailed })
    }
}

fn list(context: Context, found: &Inspection) -> Result<Exit, Failure> {
    if context.json {
        let rows: Vec<_> = found.entries.iter().map(row).collect();
        output::json(&rows)?;
    } else {
        let lines: Vec<_> = found.entries.iter().map(line).collect();
        output::text(&lines.join("\n"))?;
    }
    if found.faults.is_empty() {
        return Ok(Exit::Success);
    }
    let first = found.faults.first().map(ToString::to_string).unwrap_or_default();
    Err(Failure::new(Exit::CheckFailed, format_args!("the register is not as it was written: {first}"))
        .hint("`pki register DIR verify` names everything"))
}

fn row(entry: &Entry) -> serde_json::Value {
    json!({
        "entry": entry.line, "date": entry.date.to_string(), "event": entry.kind.name(), "series": entry.series, "number": entry.number,
        "name": entry.name, "by": entry.by, "details": entry.details, "data": hex::encode(&entry.data),
    })
}

fn line(entry: &Entry) -> String {
    let mut text = format!("{:>5}  {}  {:<9} {}", entry.line, entry.date, entry.kind.name(), entry.name);
    if !entry.number.is_empty() {
        text.push_str(&format!("  {} {}", entry.series, entry.number));
    }
    for (key, value) in &entry.details {
        text.push_str(&format!("  {key}: {value}"));
    }
    if !entry.by.is_empty() {
        text.push_str(&format!("  by {}", entry.by));
    }
    text
}
