//! The report for people at a terminal.

use std::fmt::Write as _;

use super::{
    Delivery, Group, Interrupted, List, Open, Percentiles, REMARKABLE, Report, STEPS, Scrapped, Settled, Slow, Try, equation, moment,
};
use crate::line::state::{CardState, JobState};
use crate::terminal::report::text::printable;

impl Report {
    /// The report as lines of text, with a line feed after each.
    #[must_use]
    pub fn to_text(&self) -> String {
        // writing to a String does not fail, here and below
        let mut out = String::new();
        self.head(&mut out);
        self.figures(&mut out);
        self.groups(&mut out);
        self.remarks(&mut out);
        printable_lines(&out)
    }

    fn head(&self, out: &mut String) {
        let (batch, header) = (&self.batch, &self.batch.header);
        let kind = if header.live { "for persons" } else { "test cards" };
        let _ = writeln!(
            out,
            "batch {}: {} jobs, {kind}, stored {}; report of {}",
            header.name,
            batch.jobs,
            moment(batch.stored),
            moment(self.made)
        );
        let _ = writeln!(out, "  {}, {}, Merkle root {}", header.document_profile, header.card_profile, hex::encode(header.merkle_root));
        let _ = writeln!(out, "  {}", decided(self));
        if let Some(stopped) = &batch.stopped {
            let _ = writeln!(out, "  stopped: {stopped}");
        }
        let _ = writeln!(out, "jobs: {}", counts(&self.jobs, JobState::name));
        let cards = self.cards;
        let _ = writeln!(
            out,
            "cards: {} bound = {} good + {} scrapped + {} to be counted + {} open + {} lost; difference {}",
            cards.bound,
            cards.good,
            cards.counted,
            cards.to_count,
            cards.open,
            cards.lost,
            self.difference()
        );
        let [(received, total), places @ ..] = equation(&self.stock);
        let places: Vec<_> = places.into_iter().map(|(place, count)| format!("{count} {place}")).collect();
        let _ = writeln!(out, "stock: {total} {received} = {}", places.join(" + "));
    }

    fn figures(&self, out: &mut String) {
        let work = &self.work;
        let (Some(first), Some(last)) = (work.first, work.last) else {
            let _ = writeln!(out, "no card was made yet");
            return;
        };
        let _ = writeln!(
            out,
            "work: {} to {}, {} cards an hour{}",
            moment(first),
            moment(last),
            work.hourly.unwrap_or_default(),
            rolling(self)
        );
        let _ = writeln!(
            out,
            "attempts: {} = {} good + {} scrap + {} interrupted; {} took up a card of an earlier one",
            work.attempts, work.good, work.scrap, work.interrupted, work.resumed
        );
        let _ = writeln!(
            out,
            "yield: {} of {} cards, {} of {} jobs on their first card in one go",
            work.card_yield, work.card_yield.of, work.first_pass, work.first_pass.of
        );
        if let (Some(apdus), Some(bytes)) = (work.apdus, work.bytes) {
            let _ = writeln!(out, "a card: {apdus} APDUs, {bytes} bytes");
        }
        let _ = writeln!(out, "milliseconds      p50      p95      p99     most");
        for (step, times) in STEPS.into_iter().chain(["in reader"]).zip(work.steps.into_iter().chain([work.whole])) {
            let Percentiles { p50, p95, p99, most, .. } = times;
            let _ = writeln!(out, "  {step:<10} {p50:>8} {p95:>8} {p99:>8} {most:>8}");
        }
    }

    fn groups(&self, out: &mut String) {
        for (title, groups) in [("stations:", &self.stations), ("readers:", &self.readers)] {
            if groups.is_empty() {
                continue;
            }
            let _ = writeln!(out, "{title}");
            for group in groups {
                let _ = writeln!(out, "  {}", of_group(group));
            }
        }
        if !self.deliveries.is_empty() {
            let _ = writeln!(out, "deliveries:");
        }
        for Delivery { name, cards, stock } in &self.deliveries {
            let _ = writeln!(
                out,
                "  {name}: {} of this batch, {} good, {} scrapped; all: {}",
                cards.bound,
                cards.good,
                cards.counted + cards.to_count + cards.lost,
                counts(stock, CardState::name)
            );
        }
        if !self.scrap.is_empty() {
            let _ = writeln!(out, "scrap:");
        }
        for (reason, step, count) in &self.scrap {
            let _ = writeln!(out, "  {count} {reason}: {step}");
        }
    }

    fn remarks(&self, out: &mut String) {
        for alarm in &self.alarms {
            let _ = writeln!(
                out,
                "alarm: reader {} of station {}: p95 {} ms, more than 1.5 times the line's {} ms",
                alarm.reader, alarm.station, alarm.p95, alarm.line
            );
        }
        for slow in &self.slow {
            let _ = writeln!(out, "slow: {}", of_slow(slow));
        }
        list(out, "interrupted", &self.interrupted, interrupted);
        list(out, "scrapped", &self.scrapped, scrapped);
        list(out, "open", &self.open, open);
        list(out, "incidents", &self.incidents, |incident| {
            let card = incident.serial.as_ref().map_or_else(String::new, |serial| format!(", card {serial}"));
            let released = match &incident.released_by {
                Some(by) => format!("released by {}", by.join(" and ")),
                None => "not released".to_owned(),
            };
            let (id, what, station) = (incident.id, &incident.what, &incident.station);
            format!("{id}, {}, station {station}{card}: {what}; {released}", moment(incident.time))
        });
    }
}

/// Line feeds stay; whatever else steers a terminal does not.
fn printable_lines(text: &str) -> String {
    text.lines().map(|line| printable(line) + "\n").collect()
}

/// Who released and who closed the batch.
pub(super) fn decided(report: &Report) -> String {
    let by = |what: &str, names: &Option<[String; 2]>| match names {
        Some(names) => format!("{what} by {}", names.join(" and ")),
        None => format!("not {what}"),
    };
    format!("{}, {}", by("released", &report.batch.released_by), by("closed", &report.batch.closed_by))
}

/// `188 issued, 12 prepared`; states without any are left out.
pub(super) fn counts<T: Copy>(counts: &[(T, u64)], name: impl Fn(T) -> &'static str) -> String {
    let parts: Vec<_> = counts.iter().filter(|(_, count)| *count > 0).map(|(state, count)| format!("{count} {}", name(*state))).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// Best and last quarter of an hour.
pub(super) fn rolling(report: &Report) -> String {
    match (report.work.hourly_best, report.work.hourly_last) {
        (Some(best), Some(last)) => format!("; best 15 minutes {best} an hour, last 15 minutes {last}"),
        _ => String::new(),
    }
}

fn of_group(group: &Group) -> String {
    let Group { station, reader, attempts, good, scrap, interrupted, whole, .. } = group;
    let name = reader.as_ref().map_or_else(|| station.clone(), |reader| format!("{station}, {reader}"));
    let bytes = group.apdus.zip(group.bytes).map_or_else(String::new, |(apdus, bytes)| format!(", {apdus} APDUs, {bytes} bytes"));
    format!(
        "{name}: {attempts} attempts, {good} good, {scrap} scrap, {interrupted} interrupted; p50 {} ms, p95 {} ms, p99 {} ms{bytes}",
        whole.p50, whole.p95, whole.p99
    )
}

/// A step in which cards were slow.
pub(super) fn of_slow(slow: &Slow) -> String {
    let Slow { step, expected, count, slowest } = slow;
    let cards: Vec<_> = slowest
        .iter()
        .take(3)
        .map(|card| format!("job {}, card {}, {} of {}: {} ms", card.sequence, card.serial, card.reader, card.station, card.milliseconds))
        .collect();
    format!(
        "{count} card{} took more than twice the expected {expected} ms to {step}, and {REMARKABLE} ms more \
         (expected is the median of this batch, as the card profile has no times); the slowest: {}",
        if *count == 1 { "" } else { "s" },
        cards.join("; ")
    )
}

fn list<T>(out: &mut String, title: &str, list: &List<T>, line: impl Fn(&T) -> String) {
    if list.count == 0 {
        return;
    }
    let _ = writeln!(out, "{title}: {}", list.count);
    for one in &list.first {
        let _ = writeln!(out, "  {}", line(one));
    }
    if list.more() > 0 {
        let _ = writeln!(out, "  and {} more", list.more());
    }
}

/// What an outcome says.
pub(super) fn outcome(code: &str) -> String {
    match code {
        "resume" => "left for later in good order".to_owned(),
        "good" => "good".to_owned(),
        other => match other.strip_prefix("interrupted-") {
            Some(step) => format!("interrupted in the step {step}"),
            None => format!("failed: {other}"),
        },
    }
}

/// What was done with an interrupted card, one try after the other.
pub(super) fn tries(tries: &[Try]) -> Vec<String> {
    let text = |one: &Try| {
        let row = one.row.map_or_else(String::new, |row| format!("taken up ({row}); "));
        format!("{} {}, {}: {row}{}", moment(one.started), one.station, one.reader, outcome(&one.outcome))
    };
    tries.iter().map(text).collect()
}

/// How a card was settled, in words.
pub(super) fn settled(settled: &Settled) -> String {
    match settled {
        Settled::Issued => "issued".to_owned(),
        Settled::Counted(state, counted) => {
            format!("{state}, counted by {} at {} ({})", counted.persons.join(" and "), moment(counted.time), counted.reason)
        }
        Settled::ToCount => "in the reject bin: to be counted before two persons".to_owned(),
        Settled::Lost => "lost".to_owned(),
        Settled::Open(job) => format!("open, job {job}: start its station, or find the card and present it"),
    }
}

fn interrupted(one: &Interrupted) -> String {
    format!("job {}, card {}: {}\n    {}", one.sequence, one.serial, settled(&one.settled), tries(&one.tries).join("\n    "))
}

/// Why a card failed.
pub(super) fn why(one: &Scrapped) -> String {
    match &one.scrap {
        Some(scrap) => {
            let sw = scrap.sw.map_or_else(String::new, |sw| format!(", SW {sw:04X}"));
            format!("{}: {}{sw}, at {}", scrap.reason, scrap.step, scrap.reader)
        }
        None => "nobody said why".to_owned(),
    }
}

fn scrapped(one: &Scrapped) -> String {
    format!("job {}, card {}: {}; {}", one.sequence, one.serial, why(one), settled(&one.settled))
}

fn open(one: &Open) -> String {
    format!("job {}, card {}: {} at {} of {} since {}", one.sequence, one.serial, one.job, one.reader, one.station, moment(one.bound))
}
