//! The report as JSON, version 1: objects only get new fields, meanings stay.

use serde_json::{Map, Value, json};

use super::{
    Cards, Group, Interrupted, List, Open, Percentiles, Report, STEPS, Scrapped, Settled, Share, Slow, Slowest, Try, VERSION, equation,
};
use crate::line::state::{CardState, JobState};
use crate::line::store::Incident;

impl Report {
    /// The report as JSON. Moments are seconds since 1970-01-01T00:00:00Z, times milliseconds.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (batch, header, work) = (&self.batch, &self.batch.header, &self.work);
        let steps: Map<String, Value> = STEPS
            .into_iter()
            .chain(["in-reader"])
            .zip(work.steps.iter().chain([&work.whole]))
            .map(|(step, times)| (step.to_owned(), percentiles(times)))
            .collect();
        let windows: Vec<Value> = self.timeline.windows().into_iter().map(|(start, one)| json!([start, one.good, one.scrap])).collect();
        json!({
            "version": VERSION,
            "store": self.store,
            "made": self.made,
            "batch": {
                "name": header.name, "live": header.live, "document_profile": header.document_profile, "card_profile": header.card_profile,
                "merkle_root": hex::encode(header.merkle_root), "jobs": batch.jobs, "stored": batch.stored, "released_by": batch.released_by,
                "closed_by": batch.closed_by, "stopped": batch.stopped,
            },
            "jobs": states(&self.jobs, JobState::name),
            "cards": cards(&self.cards),
            "difference": self.difference(),
            "stock": equation(&self.stock).into_iter().map(|(place, count)| (place.replace(' ', "_"), json!(count))).collect::<Map<_, _>>(),
            "work": {
                "attempts": work.attempts, "good": work.good, "scrap": work.scrap, "interrupted": work.interrupted, "resumed": work.resumed,
                "yield": share(work.card_yield), "first_pass": share(work.first_pass), "first": work.first, "last": work.last,
                "cards_per_hour": { "whole": work.hourly, "best_15_minutes": work.hourly_best, "last_15_minutes": work.hourly_last },
                "apdus_per_card": work.apdus, "bytes_per_card": work.bytes, "milliseconds": steps,
            },
            "timeline": { "seconds": self.timeline.width(), "windows": windows },
            "stations": self.stations.iter().map(group).collect::<Vec<_>>(),
            "readers": self.readers.iter().map(group).collect::<Vec<_>>(),
            "deliveries": self.deliveries.iter().map(|one| {
                json!({ "name": one.name, "cards": cards(&one.cards), "stock": states(&one.stock, CardState::name) })
            }).collect::<Vec<_>>(),
            "alarms": self.alarms.iter().map(|one| {
                json!({ "station": one.station, "reader": one.reader, "p95": one.p95, "line_p95": one.line })
            }).collect::<Vec<_>>(),
            "slow": self.slow.iter().map(slow).collect::<Vec<_>>(),
            "scrap": self.scrap.iter().map(|(reason, step, count)| json!({ "reason": reason, "step": step, "cards": count })).collect::<Vec<_>>(),
            "interrupted": list(&self.interrupted, interrupted),
            "scrapped": list(&self.scrapped, scrapped),
            "open": list(&self.open, open),
            "incidents": list(&self.incidents, incident),
        })
    }
}

fn states<T: Copy>(counts: &[(T, u64)], name: impl Fn(T) -> &'static str) -> Value {
    Value::Object(counts.iter().map(|(state, count)| (name(*state).to_owned(), json!(count))).collect())
}

fn cards(cards: &Cards) -> Value {
    json!({
        "bound": cards.bound, "good": cards.good, "counted": cards.counted, "to_count": cards.to_count, "open": cards.open, "lost": cards.lost,
    })
}

fn share(share: Share) -> Value {
    json!({ "part": share.part, "of": share.of })
}

fn percentiles(times: &Percentiles) -> Value {
    json!({ "count": times.count, "p50": times.p50, "p95": times.p95, "p99": times.p99, "most": times.most })
}

fn group(group: &Group) -> Value {
    json!({
        "station": group.station, "reader": group.reader, "attempts": group.attempts, "good": group.good, "scrap": group.scrap,
        "interrupted": group.interrupted, "milliseconds": percentiles(&group.whole), "apdus_per_card": group.apdus,
        "bytes_per_card": group.bytes,
    })
}

fn slow(slow: &Slow) -> Value {
    let card = |one: &Slowest| json!({ "job": one.sequence, "card": one.serial.to_string(), "station": one.station, "reader": one.reader, "milliseconds": one.milliseconds });
    json!({
        "step": slow.step, "expected": slow.expected, "expected_from": "median of the batch", "cards": slow.count,
        "slowest": slow.slowest.iter().map(card).collect::<Vec<_>>(),
    })
}

/// A list with the number of all.
fn list<T>(list: &List<T>, one: impl Fn(&T) -> Value) -> Value {
    json!({ "count": list.count, "listed": list.first.iter().map(one).collect::<Vec<_>>() })
}

fn settled(settled: &Settled) -> Value {
    match settled {
        Settled::Issued => json!({ "as": "issued" }),
        Settled::Counted(state, counted) => {
            json!({ "as": "counted", "state": state.name(), "reason": counted.reason, "by": counted.persons, "time": counted.time })
        }
        Settled::ToCount => json!({ "as": "to-count" }),
        Settled::Lost => json!({ "as": "lost" }),
        Settled::Open(job) => json!({ "as": "open", "job_state": job.name() }),
    }
}

fn interrupted(one: &Interrupted) -> Value {
    let attempt = |one: &Try| {
        json!({
            "started": one.started, "station": one.station, "reader": one.reader, "outcome": one.outcome,
            "taken_up": one.row.map(|row| {
                let [known, seen, action] = row.text();
                json!({ "row": row.code(), "store": known, "card": seen, "action": action })
            }),
        })
    };
    json!({
        "job": one.sequence, "card": one.serial.to_string(), "attempts": one.tries.iter().map(attempt).collect::<Vec<_>>(),
        "settled": settled(&one.settled),
    })
}

fn scrapped(one: &Scrapped) -> Value {
    let scrap = one.scrap.as_ref();
    json!({
        "job": one.sequence, "card": one.serial.to_string(), "reason": scrap.map(|scrap| &scrap.reason), "step": scrap.map(|scrap| &scrap.step),
        "sw": scrap.and_then(|scrap| scrap.sw).map(|sw| format!("{sw:04X}")), "reader": scrap.map(|scrap| &scrap.reader),
        "time": scrap.map(|scrap| scrap.time), "settled": settled(&one.settled),
    })
}

fn open(one: &Open) -> Value {
    json!({
        "job": one.sequence, "card": one.serial.to_string(), "job_state": one.job.name(), "station": one.station, "reader": one.reader,
        "bound": one.bound,
    })
}

fn incident(one: &Incident) -> Value {
    json!({
        "id": one.id, "what": one.what, "station": one.station, "card": one.serial.as_ref().map(ToString::to_string), "time": one.time,
        "of_line": one.batch.is_none(), "released_by": one.released_by,
    })
}
