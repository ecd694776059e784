//! Attempts and cards, a window of jobs at a time, into a report.

use std::collections::BTreeMap;

use super::tally::{Histogram, Timeline};
use super::{
    ALARM_CARDS, Alarm, Cards, Delivery, Group, Interrupted, LISTED, List, Open, REMARKABLE, Report, STEPS, Scrapped, Settled, Share, Slow,
    Slowest, Try, Work,
};
use crate::line::recover::Row;
use crate::line::state::{BindingState, CardState};
use crate::line::store::{Attempt, Batch, Card, Ending, Job, JobId, Moment, Serial};

/// Slowest cards of each step that are remembered.
const SLOWEST: usize = 20;
/// Readers, stations, deliveries, reasons that are told apart; the rest are one.
const APART: usize = 4_096;
/// Characters of a step of a scrap.
const STEP: usize = 80;
/// The name of what is not told apart.
const REST: &str = "(others)";

/// What one reader, one station, or the line did.
#[derive(Default)]
struct Sums {
    attempts: u64,
    good: u64,
    scrap: u64,
    interrupted: u64,
    whole: Histogram,
    /// Good cards in one attempt, with their APDUs and bytes.
    smooth: u64,
    apdus: u64,
    bytes: u64,
}

impl Sums {
    fn add(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        match attempt.ending() {
            Ending::Good => {
                self.good += 1;
                self.whole.add(whole(attempt));
                if !attempt.resumed {
                    self.smooth += 1;
                    self.apdus = self.apdus.saturating_add(attempt.apdus.into());
                    self.bytes = self.bytes.saturating_add(attempt.bytes);
                }
            }
            Ending::Scrap => self.scrap += 1,
            Ending::Interrupted => self.interrupted += 1,
        }
    }

    fn group(self, station: String, reader: Option<String>) -> Group {
        Group {
            station,
            reader,
            attempts: self.attempts,
            good: self.good,
            scrap: self.scrap,
            interrupted: self.interrupted,
            whole: self.whole.percentiles(),
            apdus: self.apdus.checked_div(self.smooth),
            bytes: self.bytes.checked_div(self.smooth),
        }
    }
}

/// Milliseconds in the reader, without waiting for the store.
fn whole(attempt: &Attempt) -> u32 {
    attempt.milliseconds.iter().take(4).fold(0, |sum: u32, part| sum.saturating_add(*part))
}

/// When an attempt ended.
fn ended(attempt: &Attempt) -> Moment {
    let all: i64 = attempt.milliseconds.iter().map(|part| i64::from(*part)).sum();
    attempt.started.saturating_add(all / 1_000)
}

/// What is folded so far.
#[derive(Default)]
pub(super) struct Fold {
    line: Sums,
    resumed: u64,
    steps: [Histogram; 5],
    slowest: [Vec<Slowest>; 5],
    timeline: Timeline,
    first: Option<Moment>,
    last: Option<Moment>,
    readers: BTreeMap<(String, String), Sums>,
    stations: BTreeMap<String, Sums>,
    deliveries: BTreeMap<String, Cards>,
    cards: Cards,
    first_pass: Share,
    scrap: BTreeMap<(String, String), u64>,
    interrupted: List<Interrupted>,
    scrapped: List<Scrapped>,
    open: List<Open>,
}

/// The entry of a key, or that of the rest if there are too many.
fn among<K: Ord, V: Default>(map: &mut BTreeMap<K, V>, key: K, rest: impl FnOnce() -> K) -> &mut V {
    let key = if map.len() < APART || map.contains_key(&key) { key } else { rest() };
    map.entry(key).or_default()
}

fn rest() -> String {
    REST.to_owned()
}

impl Fold {
    /// Takes in some jobs: their cards and their attempts, both by job.
    pub(super) fn window(&mut self, cards: &[Card], attempts: &[Attempt]) {
        let mut tries: BTreeMap<(JobId, &Serial), Vec<&Attempt>> = BTreeMap::new();
        for attempt in attempts {
            tries.entry((attempt.job, &attempt.serial)).or_default().push(attempt);
        }
        let mut job_before = None;
        for card in cards {
            let Some((binding, job)) = &card.bound else { continue };
            let tries = tries.remove(&(job.id, &card.serial)).unwrap_or_default();
            let settled = settled(card, binding.state, job);
            self.card(card, job, &settled);
            if job_before.replace(job.id) != Some(job.id) && !matches!(settled, Settled::Open(_)) {
                self.first_pass.of += 1;
                self.first_pass.part += u64::from(settled == Settled::Issued && matches!(tries.as_slice(), [one] if !one.resumed));
            }
            for attempt in &tries {
                self.attempt(attempt, job.order.sequence);
            }
            if tries.len() > 1 || tries.iter().any(|one| one.resumed || one.ending() == Ending::Interrupted) {
                let tries = tries.into_iter().map(told).collect();
                self.interrupted.push(Interrupted { sequence: job.order.sequence, serial: card.serial.clone(), tries, settled });
            }
        }
        // attempts with cards that the store does not have at this job: they count, and nothing else is known of them
        for attempt in tries.into_values().flatten() {
            self.attempt(attempt, 0);
        }
    }

    fn card(&mut self, card: &Card, job: &Job, settled: &Settled) {
        let delivery = among(&mut self.deliveries, card.delivery.clone(), rest);
        for cards in [&mut self.cards, delivery] {
            cards.bound += 1;
            match settled {
                Settled::Issued => cards.good += 1,
                Settled::Counted(..) => cards.counted += 1,
                Settled::ToCount => cards.to_count += 1,
                Settled::Lost => cards.lost += 1,
                Settled::Open(_) => cards.open += 1,
            }
        }
        let (sequence, serial) = (job.order.sequence, card.serial.clone());
        match (settled, &card.bound) {
            (Settled::Issued, _) => {}
            (Settled::Open(_), Some((binding, _))) => {
                let bind = &binding.bind;
                let (station, reader) = (bind.station.clone(), bind.reader.clone());
                self.open.push(Open { sequence, serial, job: job.state, station, reader, bound: bind.time });
            }
            _ => {
                let lost = || ("lost".to_owned(), "-".to_owned());
                let reason = card.scrap.as_ref().map_or_else(lost, |scrap| {
                    let reason = scrap.reason.chars().take(STEP).collect();
                    (reason, scrap.step.chars().take(STEP).collect())
                });
                *among(&mut self.scrap, reason, || (rest(), rest())) += 1;
                self.scrapped.push(Scrapped { sequence, serial, scrap: card.scrap.clone(), settled: settled.clone() });
            }
        }
    }

    fn attempt(&mut self, attempt: &Attempt, sequence: u32) {
        self.line.add(attempt);
        among(&mut self.stations, attempt.station.clone(), rest).add(attempt);
        among(&mut self.readers, (attempt.station.clone(), attempt.reader.clone()), || (rest(), rest())).add(attempt);
        self.resumed += u64::from(attempt.resumed);
        self.first = Some(self.first.map_or(attempt.started, |first| first.min(attempt.started)));
        let end = ended(attempt);
        self.last = Some(self.last.map_or(end, |last| last.max(end)));
        let ending = attempt.ending();
        if ending != Ending::Interrupted {
            self.timeline.add(end, ending == Ending::Good);
        }
        if ending == Ending::Good {
            for ((step, slowest), milliseconds) in self.steps.iter_mut().zip(&mut self.slowest).zip(attempt.milliseconds) {
                step.add(milliseconds);
                // kept in order, the slowest first
                let place = slowest.partition_point(|slow| slow.milliseconds >= milliseconds);
                if place < SLOWEST {
                    let (serial, station, reader) = (attempt.serial.clone(), attempt.station.clone(), attempt.reader.clone());
                    slowest.insert(place, Slowest { milliseconds, sequence, serial, station, reader });
                    slowest.truncate(SLOWEST);
                }
            }
        }
    }

    /// The report, but for what is not folded.
    pub(super) fn report(self, batch: Batch, made: Moment) -> Report {
        let slow = self.slow();
        let whole = self.line.whole.percentiles();
        let [hourly_best, hourly_last] = self.timeline.quarters().map_or([None; 2], |quarters| quarters.map(|good| Some(good * 4)));
        let seconds = self.first.zip(self.last).map(|(first, last)| last.saturating_sub(first).max(1));
        let hourly = |seconds: i64| {
            let rate = u128::from(self.line.good) * 3_600 / u128::from(seconds.unsigned_abs());
            u64::try_from(rate).unwrap_or(u64::MAX)
        };
        let line = &self.line;
        let work = Work {
            attempts: line.attempts,
            good: line.good,
            scrap: line.scrap,
            interrupted: line.interrupted,
            resumed: self.resumed,
            card_yield: Share { part: self.cards.good, of: self.cards.good + self.cards.counted + self.cards.to_count + self.cards.lost },
            first_pass: self.first_pass,
            first: self.first,
            last: self.last,
            hourly: seconds.map(hourly),
            hourly_best,
            hourly_last,
            apdus: line.apdus.checked_div(line.smooth),
            bytes: line.bytes.checked_div(line.smooth),
            steps: self.steps.each_ref().map(Histogram::percentiles),
            whole,
        };
        let readers: Vec<Group> = self.readers.into_iter().map(|((station, reader), sums)| sums.group(station, Some(reader))).collect();
        let late = |reader: &&Group| reader.whole.count >= ALARM_CARDS && u64::from(reader.whole.p95) * 2 > u64::from(whole.p95) * 3;
        let alarm = |reader: &Group| Alarm {
            station: reader.station.clone(),
            reader: reader.reader.clone().unwrap_or_default(),
            p95: reader.whole.p95,
            line: whole.p95,
        };
        let alarms = readers.iter().filter(late).map(alarm).collect();
        let mut scrap: Vec<_> = self.scrap.into_iter().map(|((reason, step), count)| (reason, step, count)).collect();
        scrap.sort_by(|one, other| other.2.cmp(&one.2).then_with(|| one.cmp(other)));
        scrap.truncate(LISTED);
        Report {
            store: String::new(),
            made,
            batch,
            jobs: Vec::new(),
            cards: self.cards,
            stock: Vec::new(),
            work,
            timeline: self.timeline,
            readers,
            stations: self.stations.into_iter().map(|(station, sums)| sums.group(station, None)).collect(),
            deliveries: self.deliveries.into_iter().map(|(name, cards)| Delivery { name, cards, stock: Vec::new() }).collect(),
            alarms,
            slow,
            scrap,
            interrupted: self.interrupted,
            scrapped: self.scrapped,
            open: self.open,
            incidents: List::default(),
        }
    }

    /// The steps of the card that took some cards more than twice the median, and remarkably longer.
    fn slow(&self) -> Vec<Slow> {
        let mut slow = Vec::new();
        for ((step, times), slowest) in STEPS.into_iter().zip(&self.steps).zip(&self.slowest).take(4) {
            let expected = times.percentile(50);
            let limit = expected.saturating_mul(2).max(expected.saturating_add(REMARKABLE));
            let over: Vec<_> = slowest.iter().filter(|card| card.milliseconds > limit).cloned().collect();
            if !over.is_empty() {
                // buckets tell a little less than the list
                let count = times.longer(limit).max(u64::try_from(over.len()).unwrap_or(u64::MAX));
                slow.push(Slow { step, expected, count, slowest: over });
            }
        }
        slow
    }
}

/// How a card was settled.
fn settled(card: &Card, binding: BindingState, job: &Job) -> Settled {
    match (binding, card.state, &card.counted) {
        (BindingState::Good, ..) => Settled::Issued,
        (BindingState::Scrapped, state, Some(counted)) => Settled::Counted(state, counted.clone()),
        (_, CardState::Lost, _) => Settled::Lost,
        (BindingState::ScrapPending | BindingState::Scrapped, ..) => Settled::ToCount,
        (BindingState::Open, ..) => Settled::Open(job.state),
    }
}

/// An attempt as the list of interrupted cards has it.
fn told(attempt: &Attempt) -> Try {
    Try {
        started: attempt.started,
        station: attempt.station.clone(),
        reader: attempt.reader.clone(),
        row: attempt.settled_by.as_deref().and_then(Row::from_code),
        outcome: attempt.outcome.clone(),
    }
}
