//! `pki status`: what expires when, and what to do next.

use std::path::PathBuf;

use clap::Args;
use eid::date::Date;
use pki::status::{self, Status as State};
use serde_json::json;

use super::{failure, open};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Show what expires when (certificates, use of keys, CRL), and what to do next
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki status ca")]
pub(super) struct Status {
    /// The folder of the authority
    dir: PathBuf,
    /// Look at it as if today were DATE (YYYY-MM-DD)
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
}

impl Status {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let authority = open(&self.dir)?;
        let state = status::of(&authority, self.date.unwrap_or_else(clock::today)).map_err(|error| failure(&error))?;
        if context.json {
            output::json(&document(&state))?;
        } else {
            output::text(&text(&state, &self.dir.display().to_string()))?;
        }
        Ok(Exit::Success)
    }
}

fn document(state: &State) -> serde_json::Value {
    let certificates: Vec<_> = state
        .certificates
        .iter()
        .map(|c| {
            json!({
                "name": c.name, "role": c.role, "key": c.key, "state": c.state.name(), "not_before": c.valid.0.to_string(),
                "not_after": c.valid.1.to_string(), "key_until": c.key_until.to_string(),
            })
        })
        .collect();
    let crl = state.crl.as_ref().map(
        |crl| json!({ "number": crl.number, "issued": crl.issued.to_string(), "next_update": crl.next_update.map(|day| day.to_string()) }),
    );
    let todo: Vec<_> =
        state.todo.iter().map(|task| json!({ "due": task.due.to_string(), "what": task.what, "command": task.command })).collect();
    json!({
        "version": 1, "date": state.date.to_string(), "certificates": certificates, "crl": crl, "todo": todo,
        "register": { "count": state.register.count, "hash": state.register.hash },
    })
}

fn text(state: &State, dir: &str) -> String {
    let mut lines = Vec::new();
    for c in &state.certificates {
        // a link certificate is for a key that has a root of its own
        let key = if c.role == "link" { String::new() } else { format!("key signs until {}, ", c.key_until) };
        lines.push(format!("{:<12} {:<9} {key}certificate {} to {}", c.name, c.state.name(), c.valid.0, c.valid.1));
    }
    if let Some(crl) = &state.crl {
        let next = crl.next_update.map_or_else(|| "without an end".to_owned(), |day| format!("good until {day}"));
        lines.push(format!("{:<12} {:<9} issued {}, {next}", "crl", crl.number, crl.issued));
    }
    lines.push(format!("register     {} entries, SHA-256 of the last {}", state.register.count, state.register.hash));
    for task in &state.todo {
        let when = if task.due < state.date {
            format!("overdue since {}", task.due)
        } else if task.due == state.date {
            "now".to_owned()
        } else {
            format!("by {}", task.due)
        };
        lines.push(format!("{when}: {}\n  cardwright {}", task.what, task.command.replace("DIR", dir)));
    }
    if state.todo.is_empty() {
        lines.push("nothing is due".to_owned());
    }
    lines.join("\n")
}
