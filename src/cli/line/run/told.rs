//! What a station tells while it works: lines for people, events for programs, and its report at the end.
//!
//! A line begins with the name of its reader. Events are JSON Lines of version 1 with `time`, `event`, and what belongs to it:
//!
//! ```text
//! ask        reader, ask (feeder::Ask::word), text      settled   reader, card, row      away, back   detail
//! stage      reader, card, stage, done, total            attempt   reader, card, outcome  incident     card, what
//! rejected   reader, card, why                           out       reader, why            end          report
//! ```
//!
//! `stage` comes when a reader gets to a stage, and after each quarter of the APDUs that write.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cardwright::line::feeder::{Ask, Asked};
use cardwright::line::station::{End, Event, Stage};
use cardwright::line::store::{Ending, Serial};
use serde_json::{Value, json};

use crate::cli::exit::{Exit, Failure};
use crate::cli::progress::Progress;
use crate::cli::{Context, clock, output};

/// One reader's figures.
#[derive(Debug, Default)]
struct Figures {
    good: u64,
    scrap: u64,
    again: u64,
    out: bool,
}

/// What was heard of the station.
#[derive(Debug, Default)]
struct Heard {
    readers: BTreeMap<String, Figures>,
    /// Milliseconds of each good card in its reader, without waiting for the store.
    times: Vec<u32>,
    reasons: BTreeMap<String, u64>,
    /// How cards that were not fresh blanks were settled.
    settled: Vec<(String, String)>,
    /// Where each reader is, and how many quarters of it are done.
    stages: BTreeMap<String, (Stage, usize)>,
}

/// Hears everything, from several threads.
#[derive(Debug)]
pub(super) struct Told {
    heard: Mutex<Heard>,
    progress: Mutex<Progress>,
    events: Option<Mutex<(PathBuf, File)>>,
    since: Instant,
    quiet: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn card(serial: Option<&Serial>) -> Value {
    serial.map(ToString::to_string).into()
}

impl Asked for Told {
    fn ask(&self, reader: &str, ask: Ask) {
        self.event("ask", json!({ "reader": reader, "ask": ask.word(), "text": ask.to_string() }));
        lock(&self.progress).say(&format!("{reader}: {ask}"));
    }
}

impl Told {
    /// `quiet` leaves out the lines of standard output. The file of events is made anew.
    pub(super) fn new(quiet: bool, events: Option<&Path>) -> Result<Self, Failure> {
        let open = |path: &Path| {
            let file = File::options().write(true).create(true).truncate(true).open(path).map_err(|error| Failure::file(path, &error))?;
            Ok(Mutex::new((path.to_owned(), file)))
        };
        let events = events.map(open).transpose()?;
        let progress = Mutex::new(Progress::new("cards", 0, quiet));
        Ok(Self { heard: Mutex::default(), progress, events, since: Instant::now(), quiet })
    }

    fn line(&self, text: &str) {
        if !self.quiet {
            lock(&self.progress).print(text);
        }
    }

    /// Whoever reads the events does not stop the work by going away.
    fn event(&self, event: &str, mut what: Value) {
        let Some(events) = &self.events else { return };
        what["version"] = 1.into();
        what["time"] = clock::moment().into();
        what["event"] = event.into();
        let (path, file) = &mut *lock(events);
        if let Err(error) = file.write_all(format!("{what}\n").as_bytes()) {
            tracing::warn!(path = %path.display(), %error, "events");
        }
    }

    pub(super) fn hear(&self, event: &Event<'_>) {
        let mut heard = lock(&self.heard);
        match event {
            Event::Stage { reader, serial, stage, done, total } => {
                let quarters = (done * 4).checked_div(*total).unwrap_or(0);
                if heard.stages.insert((*reader).to_owned(), (*stage, quarters)) != Some((*stage, quarters)) {
                    let name = format!("{stage:?}").to_lowercase();
                    self.event("stage", json!({ "reader": reader, "card": card(*serial), "stage": name, "done": done, "total": total }));
                }
            }
            Event::Settled { reader, serial, row } => {
                self.event("settled", json!({ "reader": reader, "card": card(Some(serial)), "row": row.to_string() }));
                heard.settled.push((serial.to_string(), row.to_string()));
                self.line(&format!("{reader}: card {serial}: {row}"));
            }
            Event::Attempt(attempt) => {
                let what = json!({ "reader": attempt.reader, "card": card(Some(&attempt.serial)), "outcome": attempt.outcome });
                self.event("attempt", what);
                let figures = heard.readers.entry(attempt.reader.clone()).or_default();
                match attempt.ending() {
                    Ending::Good => figures.good += 1,
                    Ending::Interrupted => figures.again += 1,
                    Ending::Scrap => figures.scrap += 1,
                }
                if attempt.ending() == Ending::Good {
                    heard.times.push(attempt.milliseconds.iter().take(4).fold(0, |sum, part| sum.saturating_add(*part)));
                } else {
                    *heard.reasons.entry(attempt.outcome.clone()).or_default() += 1;
                    let next = match attempt.ending() {
                        Ending::Interrupted => "; it goes on when it is presented again, here or in another reader",
                        _ => "",
                    };
                    self.line(&format!("{}: card {}: {}{next}", attempt.reader, attempt.serial, attempt.outcome));
                }
                let good = heard.good();
                let text = format!("{good} cards, {} an hour, yield {}", heard.hourly(self.since), heard.percent());
                let shown = usize::try_from(good).unwrap_or(usize::MAX);
                lock(&self.progress).part(&text, shown, shown);
            }
            Event::Rejected { reader, serial, why } => {
                self.event("rejected", json!({ "reader": reader, "card": card(*serial), "why": why }));
                let card = serial.map_or_else(|| "a card".to_owned(), |serial| format!("card {serial}"));
                self.line(&format!("{reader}: {card} to the reject bin: {why}"));
            }
            Event::Away { detail: Some(detail) } => {
                self.event("away", json!({ "detail": detail }));
                self.line(&format!("the store is away: {detail}"));
            }
            Event::Away { detail: None } => {
                self.event("back", json!({}));
                self.line("the store is back");
            }
            Event::Incident(incident) => {
                self.event("incident", json!({ "card": card(incident.serial.as_ref()), "what": incident.what }));
                self.line(&format!("incident: {}", incident.what));
            }
            Event::ReaderOut { reader, why } => {
                self.event("out", json!({ "reader": reader, "why": why }));
                heard.readers.entry((*reader).to_owned()).or_default().out = true;
                self.line(&format!("{reader} is out: {why}"));
            }
        }
    }

    /// The report.
    pub(super) fn end(&self, station: &str, end: &End, context: Context) -> Result<Exit, Failure> {
        lock(&self.progress).clear();
        let mut heard = lock(&self.heard);
        heard.times.sort_unstable();
        let (p50, p95) = (percentile(&heard.times, 50), percentile(&heard.times, 95));
        let (exit, why) = ended(end);
        let (good, scrap, again) = (heard.good(), heard.sum(|one| one.scrap), heard.sum(|one| one.again));
        if context.json || self.events.is_some() {
            let readers = heard.readers.iter().map(
                |(reader, one)| json!({ "reader": reader, "good": one.good, "scrap": one.scrap, "interrupted": one.again, "out": one.out }),
            );
            let readers: Vec<_> = readers.collect();
            let settled: Vec<_> = heard.settled.iter().map(|(card, row)| json!({ "card": card, "row": row })).collect();
            let report = json!({
                "version": 1, "station": station, "good": good, "scrap": scrap, "interrupted": again, "cards_per_hour": heard.hourly(self.since),
                "milliseconds": { "p50": p50, "p95": p95 }, "reasons": heard.reasons, "readers": readers, "settled": settled, "end": why,
            });
            self.event("end", json!({ "report": report }));
            if context.json {
                output::json(&report)?;
                return Ok(exit);
            }
        }
        output::text(&format!(
            "station {station}: {good} good, {scrap} scrap, {again} interrupted; yield {}, {} cards an hour, {p50} ms a card at p50 and {p95} ms at p95",
            heard.percent(),
            heard.hourly(self.since)
        ))?;
        for (reader, one) in heard.readers.iter().filter(|_| heard.readers.len() > 1) {
            let out = if one.out { "; out" } else { "" };
            output::text(&format!("  {reader}: {} good, {} scrap, {} interrupted{out}", one.good, one.scrap, one.again))?;
        }
        for (reason, count) in &heard.reasons {
            output::text(&format!("  {reason}: {count}"))?;
        }
        output::text(&why)?;
        Ok(exit)
    }
}

impl Heard {
    fn sum(&self, part: impl Fn(&Figures) -> u64) -> u64 {
        self.readers.values().map(part).sum()
    }

    fn good(&self) -> u64 {
        self.sum(|one| one.good)
    }

    /// Good of all that were settled.
    fn percent(&self) -> String {
        let (good, scrap) = (self.good(), self.sum(|one| one.scrap));
        match (good * 1_000).checked_div(good + scrap) {
            Some(share) => format!("{}.{} %", share / 10, share % 10),
            None => "none".to_owned(),
        }
    }

    fn hourly(&self, since: Instant) -> u64 {
        let millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.good().saturating_mul(3_600_000) / millis
    }
}

/// Of sorted times; 0 without any.
fn percentile(times: &[u32], share: usize) -> u32 {
    let at = (times.len() * share).div_ceil(100).saturating_sub(1);
    times.get(at).copied().unwrap_or(0)
}

fn ended(end: &End) -> (Exit, String) {
    match end {
        End::Finished => (Exit::Success, "every job of the released batches is settled".to_owned()),
        End::CardsMissing { find, count, claimed } => {
            let text = format!(
                "{find} cards in readers of other stations or to be found and presented, {count} to count at the scrap desk, {claimed} jobs claimed by other stations"
            );
            (Exit::Undecided, text)
        }
        End::NoBlanks { jobs } => (Exit::Gone, format!("no blanks are left for {jobs} jobs")),
        End::Stopped => (Exit::Undecided, "stopped; the same command goes on".to_owned()),
        End::StoreAway => {
            (Exit::Store, "the store is away; what it was not told is in the journal, and the same command goes on".to_owned())
        }
        End::Incident(what) => (Exit::CheckFailed, format!("an incident is open: {what}; two persons must release it")),
        End::ReadersOut => (Exit::Gone, "every reader is out".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let times: Vec<u32> = (1..=100).collect();
        assert_eq!((percentile(&times, 50), percentile(&times, 95)), (50, 95));
        assert_eq!((percentile(&[7], 50), percentile(&[7], 95), percentile(&[], 95)), (7, 7, 0));
    }

    #[test]
    fn yield_is_good_of_settled_and_interrupted_cards_do_not_count() {
        let mut heard = Heard::default();
        assert_eq!(heard.percent(), "none");
        heard.readers.insert("a".to_owned(), Figures { good: 199, scrap: 1, again: 5, out: false });
        assert_eq!(heard.percent(), "99.5 %");
    }
}
