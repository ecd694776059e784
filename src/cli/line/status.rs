//! `line status`: where every batch, card, and open question is.

use cardwright::line::state::{CardState, JobState};
use cardwright::line::store::{Batch, Incident};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{SiteArgs, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// Show where every batch and every card is, and what stands still
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright line status")]
pub(super) struct Status {}

impl Status {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        let wrong = |error| store_failure(&error);
        let mut batches = Vec::new();
        for batch in store.batches().map_err(wrong)? {
            let counts = store.job_counts(batch.id).map_err(wrong)?;
            batches.push((batch, counts));
        }
        let stock = store.stock(None).map_err(wrong)?;
        let incidents = store.incidents(true).map_err(wrong)?;
        if context.json {
            let batch = |(batch, counts): &(Batch, Vec<(JobState, u64)>)| {
                json!({
                    "name": batch.header.name, "live": batch.header.live, "jobs": batch.jobs, "counts": object(counts, JobState::name),
                    "released_by": batch.released_by, "closed_by": batch.closed_by, "stopped": batch.stopped,
                })
            };
            let incident = |incident: &Incident| {
                json!({
                    "id": incident.id, "station": incident.station, "what": incident.what, "time": incident.time,
                    "card": incident.serial.as_ref().map(ToString::to_string),
                })
            };
            output::json(&json!({
                "version": 1, "store": store.name(), "batches": batches.iter().map(batch).collect::<Vec<_>>(),
                "stock": object(&stock, CardState::name), "incidents": incidents.iter().map(incident).collect::<Vec<_>>(),
            }))?;
            return Ok(Exit::Success);
        }
        output::text(&format!("site {}, store {}", site.config().name, store.name()))?;
        for (batch, counts) in &batches {
            let step = match (&batch.released_by, &batch.closed_by) {
                (_, Some([one, other])) => format!("closed by {one} and {other}"),
                (Some([one, other]), None) => format!("released by {one} and {other}"),
                (None, None) => "not released".to_owned(),
            };
            output::text(&format!("batch {}: {} jobs, {}; {step}", batch.header.name, batch.jobs, text(counts, JobState::name)))?;
            if let Some(stopped) = &batch.stopped {
                output::text(&format!("  stopped: {stopped}"))?;
            }
        }
        output::text(&format!("cards: {}", text(&stock, CardState::name)))?;
        for incident in &incidents {
            let card = incident.serial.as_ref().map_or_else(String::new, |serial| format!(", card {serial}"));
            output::text(&format!("incident {}: {} at station {}{card}", incident.id, incident.what, incident.station))?;
        }
        Ok(Exit::Success)
    }
}

fn object<T: Copy>(counts: &[(T, u64)], name: impl Fn(T) -> &'static str) -> Value {
    Value::Object(counts.iter().map(|(state, count)| (name(*state).to_owned(), json!(count))).collect::<Map<_, _>>())
}

/// `188 issued, 12 prepared`; states without any are left out.
pub(super) fn text<T: Copy>(counts: &[(T, u64)], name: impl Fn(T) -> &'static str) -> String {
    let parts: Vec<_> = counts.iter().filter(|(_, count)| *count > 0).map(|(state, count)| format!("{count} {}", name(*state))).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}
