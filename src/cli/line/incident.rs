//! `line incident`: what must not happen and did. Until two persons have looked, what it concerns stands still.

use cardwright::line::users::Action;
use clap::{Args, Subcommand};
use serde_json::json;

use super::persons::TwoArgs;
use super::{SiteArgs, note, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// List incidents, and let the line go on
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    before_long_help = "Example:\n  cardwright line incident list\n  cardwright line incident release 3 --finding 'a card of the maker without keys' --by ana --by ben"
)]
pub(super) struct Incident {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// List the open incidents
    List {
        /// Those too that are released
        #[arg(long)]
        all: bool,
    },
    /// Let go on what an incident stopped; takes two persons
    Release {
        /// Its number
        id: i64,
        /// What was found, for the log
        #[arg(long, value_name = "TEXT")]
        finding: String,
        #[command(flatten)]
        by: TwoArgs,
    },
}

impl Incident {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        let wrong = |error| store_failure(&error);
        match self.step {
            Step::List { all } => {
                let incidents = store.incidents(!all).map_err(wrong)?;
                let mut rows = Vec::new();
                for incident in &incidents {
                    let card = incident.serial.as_ref().map(ToString::to_string);
                    if !context.json {
                        let card = card.as_ref().map_or_else(String::new, |serial| format!(", card {serial}"));
                        let released =
                            incident.released_by.as_ref().map_or_else(String::new, |by| format!("; released by {}", by.join(" and ")));
                        output::text(&format!("{}  {} at station {}{card}{released}", incident.id, incident.what, incident.station))?;
                    }
                    rows.push(json!({
                        "id": incident.id, "what": incident.what, "station": incident.station, "time": incident.time, "card": card,
                        "released_by": incident.released_by,
                    }));
                }
                if context.json {
                    output::json(&json!({ "version": 1, "incidents": rows }))?;
                }
            }
            Step::Release { id, finding, by } => {
                let two = by.come(&site, store.as_mut(), Action::ReleaseIncident)?;
                let note = note(Vec::new(), "incident-released", format!("incident {id}"), finding);
                store.release_incident(id, &two, &note).map_err(wrong)?;
                output::text(&format!("incident {id}: released by {}", by.names().join(" and ")))?;
            }
        }
        Ok(Exit::Success)
    }
}
