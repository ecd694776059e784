//! What happened to a batch: its jobs and cards, throughput and yield, each reader, each scrap, each card that was interrupted and how it was
//! settled. A value first ([`Report::of`]), then text, JSON, or one page of HTML.
//!
//! ```text
//! store -> jobs, a window at a time, with their attempts and cards -> fold -> Report -> text | json | html
//! ```
//!
//! Memory does not grow with the batch: times go into histograms with fixed buckets ([`tally::Histogram`], at most 1/32 too high), moments
//! into windows of time that grow wider ([`tally::Timeline`]), and lists end after [`LISTED`] lines, with the number of all.
//!
//! Nothing in it is personal: jobs have numbers, cards serials, and people who decided have the names of their accounts.

use super::recover::Row;
use super::state::{CardState, JobState};
use super::store::{Batch, Counted, Incident, Moment, Scrap, Serial, Store, StoreError};
use tally::Timeline;

mod fold;
mod html;
mod json;
pub mod tally;
mod text;

/// Version of the JSON form. A reader refuses a higher one.
pub const VERSION: u32 = 1;
/// Lines of a list at most.
pub const LISTED: usize = 1_000;
/// Jobs that are read at once.
const WINDOW: u32 = 500;
/// Good cards that a reader must have had before its times are compared with the line's.
pub const ALARM_CARDS: u64 = 20;
/// Milliseconds by which a step must take longer than expected before it is remarked on.
pub const REMARKABLE: u32 = 100;
/// The steps that are measured, as in [`crate::line::store::Attempt::milliseconds`].
pub const STEPS: [&str; 5] = ["identify", "write", "inspect", "activate", "store"];

/// What happened to a batch.
#[derive(Clone, Debug)]
pub struct Report {
    /// The store that says so, without secrets.
    pub store: String,
    /// When it was asked.
    pub made: Moment,
    /// The batch.
    pub batch: Batch,
    /// Its jobs by state.
    pub jobs: Vec<(JobState, u64)>,
    /// The cards that were bound to its jobs.
    pub cards: Cards,
    /// All cards of the site by state.
    pub stock: Vec<(CardState, u64)>,
    /// Attempts, and what they took.
    pub work: Work,
    /// Where time goes: windows with good and scrapped cards.
    pub timeline: Timeline,
    /// Each reader of each station.
    pub readers: Vec<Group>,
    /// Each station.
    pub stations: Vec<Group>,
    /// Each delivery of blanks of which the batch had cards.
    pub deliveries: Vec<Delivery>,
    /// Readers that are slow beside the line.
    pub alarms: Vec<Alarm>,
    /// Steps in which cards took more than twice the expected time.
    pub slow: Vec<Slow>,
    /// Scrapped cards by reason and step, the most first.
    pub scrap: Vec<(String, String, u64)>,
    /// Cards that were interrupted, or taken up again.
    pub interrupted: List<Interrupted>,
    /// Cards that failed.
    pub scrapped: List<Scrapped>,
    /// Cards that are bound and neither issued nor failed.
    pub open: List<Open>,
    /// Incidents that stopped the batch or the line.
    pub incidents: List<Incident>,
}

/// The beginning of a list, and how long all of it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T> {
    /// The first [`LISTED`] of them.
    pub first: Vec<T>,
    /// How many there are.
    pub count: u64,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { first: Vec::new(), count: 0 }
    }
}

impl<T> List<T> {
    fn push(&mut self, one: T) {
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(one);
        }
    }

    /// How many are not listed.
    fn more(&self) -> u64 {
        self.count.saturating_sub(u64::try_from(self.first.len()).unwrap_or(u64::MAX))
    }
}

/// The cards of a batch. Bound is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cards {
    /// Ever bound to a job of the batch.
    pub bound: u64,
    /// In the good bin.
    pub good: u64,
    /// Terminated or destroyed, and counted before two persons.
    pub counted: u64,
    /// In the reject bin, not counted.
    pub to_count: u64,
    /// Under way, or cut off.
    pub open: u64,
    /// Lost.
    pub lost: u64,
}

impl Cards {
    /// What is not accounted for: cards without an end, and the difference between good cards and documents.
    #[must_use]
    pub fn difference(&self, jobs: &[(JobState, u64)]) -> u64 {
        let issued = |(state, _): &&(JobState, u64)| matches!(state, JobState::Issued | JobState::Replaced);
        let issued: u64 = jobs.iter().filter(issued).map(|(_, count)| count).sum();
        self.to_count + self.open + self.lost + self.good.abs_diff(issued)
    }
}

/// A part of a whole, for percentages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// The part.
    pub part: u64,
    /// The whole.
    pub of: u64,
}

impl std::fmt::Display for Share {
    /// `98.4 %`, rounded down: a share is 100 % only when nothing is missing. `-` of nothing.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (u128::from(self.part) * 1_000).checked_div(self.of.into()) {
            Some(share) => write!(f, "{}.{} %", share / 10, share % 10),
            None => f.write_str("-"),
        }
    }
}

/// p50, p95, p99, and the longest, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Half of them took at most this.
    pub p50: u32,
    /// 95 of 100.
    pub p95: u32,
    /// 99 of 100.
    pub p99: u32,
    /// The longest.
    pub most: u32,
}

/// Attempts, and what they took.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Times that a bound card was in a reader.
    pub attempts: u64,
    /// Ended with a card in the good bin.
    pub good: u64,
    /// Ended with a failed card.
    pub scrap: u64,
    /// Left the card as it was.
    pub interrupted: u64,
    /// Took up a card of an earlier attempt.
    pub resumed: u64,
    /// Good cards of all that are good or failed.
    pub card_yield: Share,
    /// Jobs that are issued on their first card in one attempt, of all whose first card is settled.
    pub first_pass: Share,
    /// The first card was taken.
    pub first: Option<Moment>,
    /// The last card ended.
    pub last: Option<Moment>,
    /// Good cards an hour, from the first card to the last.
    pub hourly: Option<u64>,
    /// Good cards an hour in the best 15 minutes, if the work took as long.
    pub hourly_best: Option<u64>,
    /// The same for the last 15 minutes.
    pub hourly_last: Option<u64>,
    /// APDUs of a good card that was made in one attempt, mean.
    pub apdus: Option<u64>,
    /// Its bytes to and from the card, mean.
    pub bytes: Option<u64>,
    /// The steps of good cards, in the order of [`STEPS`].
    pub steps: [Percentiles; 5],
    /// Good cards in their readers, without waiting for the store.
    pub whole: Percentiles,
}

/// What one reader or one station did.
#[derive(Clone, Debug)]
pub struct Group {
    /// The station.
    pub station: String,
    /// The reader; none for a whole station.
    pub reader: Option<String>,
    /// Attempts.
    pub attempts: u64,
    /// Good ones.
    pub good: u64,
    /// Failed ones.
    pub scrap: u64,
    /// Interrupted ones.
    pub interrupted: u64,
    /// Good cards in the reader, without waiting for the store.
    pub whole: Percentiles,
    /// APDUs of its good cards that were made in one attempt, mean.
    pub apdus: Option<u64>,
    /// Their bytes, mean.
    pub bytes: Option<u64>,
}

/// A delivery of blanks.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its name.
    pub name: String,
    /// The cards of this batch.
    pub cards: Cards,
    /// All of its cards by state.
    pub stock: Vec<(CardState, u64)>,
}

/// A reader whose p95 is more than one and a half times the line's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its station.
    pub station: String,
    /// The reader.
    pub reader: String,
    /// Its p95, milliseconds.
    pub p95: u32,
    /// The line's p95, milliseconds.
    pub line: u32,
}

/// Cards that took more than twice the expected time for a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slow {
    /// The step.
    pub step: &'static str,
    /// Milliseconds expected: the median of the batch's good cards.
    pub expected: u32,
    /// How many took more than twice that.
    pub count: u64,
    /// The slowest of them: job, card, station, reader, milliseconds.
    pub slowest: Vec<Slowest>,
}

/// One of the slowest cards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slowest {
    /// Milliseconds.
    pub milliseconds: u32,
    /// Place of the job in the batch.
    pub sequence: u32,
    /// The card.
    pub serial: Serial,
    /// The station.
    pub station: String,
    /// The reader.
    pub reader: String,
}

/// A card that was interrupted or taken up again, and how it was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupted {
    /// Place of its job in the batch.
    pub sequence: u32,
    /// The card.
    pub serial: Serial,
    /// Its attempts, the first one first.
    pub tries: Vec<Try>,
    /// How it was settled.
    pub settled: Settled,
}

/// One attempt with an interrupted card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// When.
    pub started: Moment,
    /// Where.
    pub station: String,
    /// At which reader.
    pub reader: String,
    /// The row of the decision table by which the card was taken up.
    pub row: Option<Row>,
    /// `good`, `resume`, `interrupted-…`, or the reason code of a scrap.
    pub outcome: String,
}

/// How a card was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The document exists.
    Issued,
    /// Counted at the scrap desk.
    Counted(CardState, Counted),
    /// In the reject bin: to be counted before two persons.
    ToCount,
    /// Lost.
    Lost,
    /// Not yet; where its job is.
    Open(JobState),
}

/// A card that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrapped {
    /// Place of its job in the batch.
    pub sequence: u32,
    /// The card.
    pub serial: Serial,
    /// Why, if somebody said so; a lost card is lost without it.
    pub scrap: Option<Scrap>,
    /// How it was settled.
    pub settled: Settled,
}

/// A card that is bound and neither issued nor failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Place of its job in the batch.
    pub sequence: u32,
    /// The card.
    pub serial: Serial,
    /// Where its job is.
    pub job: JobState,
    /// The station that bound it.
    pub station: String,
    /// The reader.
    pub reader: String,
    /// When.
    pub bound: Moment,
}

impl Report {
    /// Asks the store. Stations may work meanwhile: what they add is in the report or is not.
    ///
    /// # Errors
    /// The store is away or damaged.
    pub fn of(store: &mut dyn Store, batch: Batch, made: Moment) -> Result<Self, StoreError> {
        let mut fold = fold::Fold::default();
        let mut after = 0;
        while u64::from(after) < batch.jobs {
            let attempts = store.attempts(batch.id, after, WINDOW)?;
            let cards = store.bound_cards(batch.id, after, WINDOW)?;
            fold.window(&cards, &attempts);
            after = after.saturating_add(WINDOW);
        }
        let mut report = fold.report(batch, made);
        report.store = store.name();
        report.jobs = store.job_counts(report.batch.id)?;
        report.stock = store.stock(None)?;
        for delivery in &mut report.deliveries {
            delivery.stock = store.stock(Some(&delivery.name))?;
        }
        for incident in store.incidents(false)? {
            // one of the whole line is of every batch that was there
            if incident.batch.map_or(incident.time >= report.batch.stored, |of| of == report.batch.id) {
                report.incidents.push(incident);
            }
        }
        Ok(report)
    }

    /// What is not accounted for.
    #[must_use]
    pub fn difference(&self) -> u64 {
        self.cards.difference(&self.jobs)
    }

    /// Whether every job is issued, replaced, or cancelled, and every card accounted for.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let done = |state: JobState| matches!(state, JobState::Issued | JobState::Replaced | JobState::Cancelled);
        self.difference() == 0 && self.jobs.iter().all(|(state, count)| *count == 0 || done(*state))
    }
}

/// A moment in words: `2026-11-22 07:16:44Z`.
fn moment(moment: Moment) -> String {
    let (days, seconds) = (moment.div_euclid(86_400), moment.rem_euclid(86_400));
    format!("{} {:02}:{:02}:{:02}Z", eid::date::Date::from_days(days), seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// The sum of the cards in some states.
fn sum(stock: &[(CardState, u64)], states: &[CardState]) -> u64 {
    stock.iter().filter(|(state, _)| states.contains(state)).map(|(_, count)| count).sum()
}

/// The equation of stock: what was received, and where it is, by names that reports use.
fn equation(stock: &[(CardState, u64)]) -> [(&'static str, u64); 8] {
    use CardState::{AtLine, Bound, Good, InStock, Lost, Mute, Personalized, Returned, Sample, ScrapPending, Terminated};
    [
        ("received", sum(stock, CardState::ALL)),
        ("good", sum(stock, &[Good])),
        ("scrapped", sum(stock, &[Terminated, Mute])),
        ("returned", sum(stock, &[Returned])),
        ("samples", sum(stock, &[Sample])),
        ("lost", sum(stock, &[Lost])),
        ("blank", sum(stock, &[InStock, AtLine])),
        ("under way", sum(stock, &[Bound, Personalized, ScrapPending])),
    ]
}

#[cfg(test)]
mod tests;
