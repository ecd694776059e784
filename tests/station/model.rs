//! Every interleaving of stations, crashes, cards that die, leases that run out, and cards presented to any station, searched to the end:
//! at most one live card for a job, none issued twice, an issued card holds its own job's data, and the work can always be finished.
//!
//! The model decides by [`recover::decide`], the table that the line itself decides by; the store's verbs are modelled with the
//! preconditions that [`Store`](cardwright::line::store::Store) documents. Four orders that look harmless are broken on purpose, and each
//! must be caught: a search that finds nothing in them would find nothing anywhere.
//!
//! Not modelled: a card that lies, a card that is lost, a store that was put back from an old copy.

use std::collections::HashMap;

use cardwright::line::recover::{self, Action, Known, Seen};
use cardwright::line::state::{BindingState, CardState, JobState};

const JOBS: usize = 2;
const CARDS: usize = 3;
const STATIONS: usize = 2;

/// Which rule is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    All,
    /// The card is written, and then bound.
    WriteFirst,
    /// A lease that runs out frees a bound job, too.
    BoundExpires,
    /// A held job is prepared again before its card is counted.
    RequeueEarly,
    /// A bond is taken whatever became of the claim.
    NoEpoch,
}

/// How large the model is.
#[derive(Clone, Copy, Debug)]
struct Size {
    jobs: usize,
    cards: usize,
    stations: usize,
    requeues: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Chip {
    Blank,
    Open(u8),
    Committed(u8),
    Terminated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Pile,
    Reader,
    /// Good bin, shredder, or quarantine.
    Out,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Card {
    chip: Chip,
    alive: bool,
    destroyed: bool,
    bond: Option<(BindingState, u8)>,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Job {
    state: JobState,
    card: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Doing {
    Decide,
    Open(u8),
    Commit(u8),
    /// Only where a card is written before it is bound.
    BindLate(u8),
    Report(u8),
    Quality(u8),
    Issue(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Station {
    /// The job, and whether the claim is of its epoch still.
    claim: Option<(u8, bool)>,
    card: Option<(u8, Doing)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    jobs: [Job; JOBS],
    cards: [Card; CARDS],
    stations: [Station; STATIONS],
    requeues: u8,
    deaths: u8,
}

impl State {
    fn start(size: Size) -> Self {
        Self {
            jobs: [Job { state: JobState::Prepared, card: None }; JOBS],
            cards: [Card { chip: Chip::Blank, alive: true, destroyed: false, bond: None, place: Place::Pile }; CARDS],
            stations: [Station { claim: None, card: None }; STATIONS],
            requeues: size.requeues,
            deaths: 1,
        }
    }

    fn job(&mut self, job: u8) -> &mut Job {
        &mut self.jobs[usize::from(job)]
    }

    fn card(&mut self, card: u8) -> &mut Card {
        &mut self.cards[usize::from(card)]
    }

    /// The station takes its card out of the reader.
    fn unload(&mut self, station: usize, place: Place) {
        if let Some((card, _)) = self.stations[station].card.take() {
            self.card(card).place = place;
        }
    }

    /// What the store does for [`Store::fail`](cardwright::line::store::Store::fail).
    fn fail(&mut self, station: usize, card: u8, job: u8, rules: Rules) {
        self.card(card).bond = Some((BindingState::ScrapPending, job));
        if self.job(job).card == Some(card) {
            self.job(job).state = JobState::Held;
            if rules == Rules::RequeueEarly {
                self.requeue(job);
            }
        }
        self.unload(station, Place::Pile);
    }

    fn requeue(&mut self, job: u8) {
        if self.job(job).state == JobState::Held && self.requeues > 0 {
            self.requeues -= 1;
            *self.job(job) = Job { state: JobState::Prepared, card: None };
        }
    }

    /// What the store does for [`Store::bind`](cardwright::line::store::Store::bind): whether it did.
    fn bind(&mut self, card: u8, job: u8, fresh: bool, rules: Rules) -> bool {
        let claimed = self.job(job).state == JobState::Reserved && fresh;
        if self.card(card).bond.is_some() || !(claimed || rules == Rules::NoEpoch) {
            return false;
        }
        self.card(card).bond = Some((BindingState::Open, job));
        *self.job(job) = Job { state: JobState::Bound, card: Some(card) };
        true
    }

    /// Says a step of a bound card to the store, which refuses it for a job that is elsewhere.
    fn progress(&mut self, card: u8, job: u8, from: &[JobState], to: JobState) -> bool {
        let there = self.job(job).card == Some(card) && from.contains(&self.job(job).state);
        if there {
            self.job(job).state = to;
        }
        there
    }

    fn known(&self, card: u8) -> Known {
        match self.cards[usize::from(card)].bond {
            None => Known::Unbound(CardState::AtLine),
            Some((binding, job)) => {
                let job = self.jobs[usize::from(job)];
                Known::Bound { binding, job: job.state, here: job.card == Some(card) }
            }
        }
    }

    fn seen(&self, card: u8) -> Seen {
        let card = self.cards[usize::from(card)];
        let ours = |job| card.bond.is_some_and(|(_, bound)| bound == job);
        match card.chip {
            _ if !card.alive => Seen::Mute,
            Chip::Blank => Seen::Blank,
            Chip::Open(job) => Seen::Open { ours: ours(job) },
            Chip::Committed(job) => Seen::Committed { ours: ours(job) },
            Chip::Terminated => Seen::Terminated,
        }
    }

    /// Every state that one step leads to.
    fn next(&self, size: Size, rules: Rules) -> Vec<Self> {
        let mut all = Vec::new();
        for (n, job) in self.jobs.iter().enumerate().take(size.jobs) {
            let bound = rules == Rules::BoundExpires && job.state == JobState::Bound;
            if job.state == JobState::Reserved || bound {
                let mut next = *self;
                next.jobs[n] = Job { state: JobState::Prepared, card: None };
                all.push(next);
            }
        }
        for n in 0..size.cards {
            if self.deaths > 0 && self.cards[n].alive && self.cards[n].place != Place::Out {
                let mut next = *self;
                next.cards[n].alive = false;
                next.deaths -= 1;
                all.push(next);
            }
        }
        for station in 0..size.stations {
            self.station(station, size, rules, &mut all);
        }
        all
    }

    fn station(&self, station: usize, size: Size, rules: Rules, all: &mut Vec<Self>) {
        let Station { claim, card } = self.stations[station];
        if claim.is_none() {
            for (n, _) in self.jobs.iter().enumerate().take(size.jobs).filter(|(_, job)| job.state == JobState::Prepared) {
                let job = u8::try_from(n).expect("few");
                let mut next = *self;
                next.jobs[n].state = JobState::Reserved;
                for other in &mut next.stations {
                    other.claim = other.claim.map(|(claimed, fresh)| (claimed, fresh && claimed != job));
                }
                next.stations[station].claim = Some((job, true));
                all.push(next);
            }
        }
        if claim.is_some() || card.is_some() {
            let mut crashed = *self;
            crashed.unload(station, Place::Pile);
            crashed.stations[station].claim = None;
            all.push(crashed);
        }
        match card {
            None => {
                for n in (0..size.cards).filter(|&n| self.cards[n].place == Place::Pile) {
                    let mut next = *self;
                    next.cards[n].place = Place::Reader;
                    next.stations[station].card = Some((u8::try_from(n).expect("few"), Doing::Decide));
                    all.push(next);
                }
            }
            Some((card, Doing::Decide)) => {
                let mut back = *self;
                back.unload(station, Place::Pile);
                all.push(back);
                all.extend(self.decided(station, card, rules));
            }
            Some((card, doing)) => self.work(station, card, doing, rules, all),
        }
    }

    /// The card is in the reader, and the table says what to do.
    fn decided(&self, station: usize, card: u8, rules: Rules) -> Option<Self> {
        let mut next = *self;
        let go_on = |next: &mut Self, doing| next.stations[station].card = Some((card, doing));
        let bound = next.card(card).bond.map(|(_, job)| job);
        match (recover::decide(self.known(card), self.seen(card)).action(), bound) {
            (Action::Use, _) => {
                let (job, fresh) = self.stations[station].claim?;
                next.stations[station].claim = None;
                if rules == Rules::WriteFirst || next.bind(card, job, fresh, rules) {
                    go_on(&mut next, Doing::Open(job));
                }
            }
            (Action::Resume, Some(job)) => {
                go_on(&mut next, if self.seen(card) == Seen::Blank { Doing::Open(job) } else { Doing::Commit(job) });
            }
            (Action::Confirm, Some(job)) => go_on(&mut next, Doing::Report(job)),
            (Action::Inspect, Some(job)) => go_on(&mut next, Doing::Quality(job)),
            (Action::Scrap | Action::ScrapAndStop, Some(job)) => next.fail(station, card, job, rules),
            (Action::Terminate, Some(_)) if next.card(card).chip != Chip::Terminated => next.card(card).chip = Chip::Terminated,
            (Action::Destroy, Some(_)) if !next.card(card).destroyed => next.card(card).destroyed = true,
            (Action::Terminate | Action::Destroy, Some(job)) => {
                next.card(card).bond = Some((BindingState::Scrapped, job));
                if next.job(job).card == Some(card) {
                    next.requeue(job);
                }
                next.unload(station, Place::Out);
            }
            (Action::Refuse | Action::Quarantine, _) => next.unload(station, Place::Out),
            (action, None) => panic!("{action:?} for a card without a bond"),
        }
        Some(next)
    }

    /// A step of the work on a bound card: it succeeds, or the card goes to scrap.
    fn work(&self, station: usize, card: u8, doing: Doing, rules: Rules, all: &mut Vec<Self>) {
        let mut next = *self;
        let go_on = |next: &mut Self, doing| next.stations[station].card = Some((card, doing));
        let speaks = !matches!(doing, Doing::Report(_) | Doing::Issue(_) | Doing::BindLate(_));
        let (Doing::Open(job) | Doing::Commit(job) | Doing::BindLate(job) | Doing::Report(job) | Doing::Quality(job) | Doing::Issue(job)) =
            doing
        else {
            return;
        };
        if speaks && next.card(card).bond.is_some() {
            let mut failed = *self;
            failed.fail(station, card, job, rules);
            all.push(failed);
        }
        if speaks && !next.card(card).alive {
            return;
        }
        let went = match doing {
            Doing::Open(_) => {
                next.card(card).chip = Chip::Open(job);
                go_on(&mut next, Doing::Commit(job));
                true
            }
            Doing::Commit(_) => {
                next.card(card).chip = Chip::Committed(job);
                let bound = next.card(card).bond.is_some();
                go_on(&mut next, if bound { Doing::Report(job) } else { Doing::BindLate(job) });
                true
            }
            Doing::BindLate(_) => {
                go_on(&mut next, Doing::Report(job));
                next.bind(card, job, true, rules)
            }
            Doing::Report(_) => {
                go_on(&mut next, Doing::Quality(job));
                next.progress(card, job, &[JobState::Bound], JobState::Written)
            }
            Doing::Quality(_) => {
                go_on(&mut next, Doing::Issue(job));
                next.progress(card, job, &[JobState::Written, JobState::Verified], JobState::Verified)
            }
            Doing::Issue(_) => {
                next.card(card).bond = Some((BindingState::Good, job));
                next.unload(station, Place::Out);
                next.progress(card, job, &[JobState::Verified], JobState::Issued)
            }
            Doing::Decide => false,
        };
        if !went {
            // The store refuses: the card is put away, which a station does with an incident.
            next = *self;
            next.unload(station, Place::Out);
        }
        all.push(next);
    }

    /// What must never be.
    fn violation(&self, size: Size) -> Option<String> {
        for job in 0..u8::try_from(size.jobs).expect("few") {
            let holds = |card: &&Card| card.chip == Chip::Committed(job) && !card.destroyed;
            let live = self.cards.iter().filter(holds).count();
            if live > 1 {
                return Some(format!("{live} live cards of job {job}"));
            }
            let good = |card: &&Card| card.bond == Some((BindingState::Good, job));
            let issued: Vec<_> = self.cards.iter().filter(good).collect();
            if issued.len() > 1 {
                return Some(format!("job {job} was issued twice"));
            }
            if issued.iter().any(|card| card.chip != Chip::Committed(job)) {
                return Some(format!("a card issued for job {job} does not hold its data"));
            }
        }
        None
    }

    fn all_issued(&self, size: Size) -> bool {
        self.jobs.iter().take(size.jobs).all(|job| job.state == JobState::Issued)
    }

    /// Whether the work must be possible to finish from here.
    fn can_finish(&self, size: Size) -> bool {
        let untouched = |card: &&Card| card.chip == Chip::Blank && card.bond.is_none() && card.alive && card.place != Place::Out;
        // A death that is still to come may take one of them.
        self.requeues > 0 && self.cards.iter().take(size.cards).filter(untouched).count() >= 2
    }
}

/// What a search found.
struct Found {
    states: usize,
    /// Steps to the first violation, and what it is.
    violation: Option<(usize, String)>,
    stuck: usize,
}

/// Breadth first, so that the first violation is a shortest one.
fn search(size: Size, rules: Rules) -> Found {
    let start = State::start(size);
    let mut index = HashMap::from([(start, 0usize)]);
    let (mut states, mut depth, mut before) = (vec![start], vec![0usize], vec![Vec::new()]);
    let mut at = 0;
    while at < states.len() {
        let state = states[at];
        if let Some(what) = state.violation(size) {
            return Found { states: states.len(), violation: Some((depth[at], what)), stuck: 0 };
        }
        for next in state.next(size, rules) {
            let known = *index.entry(next).or_insert_with(|| {
                states.push(next);
                depth.push(depth[at] + 1);
                before.push(Vec::new());
                states.len() - 1
            });
            before[known].push(at);
        }
        at += 1;
    }
    // Backwards from the finished ones.
    let mut reaches = vec![false; states.len()];
    let mut open: Vec<usize> = (0..states.len()).filter(|&n| states[n].all_issued(size)).collect();
    assert!(!open.is_empty(), "the work can be finished at all");
    open.iter().for_each(|&n| reaches[n] = true);
    while let Some(n) = open.pop() {
        for &earlier in &before[n] {
            if !std::mem::replace(&mut reaches[earlier], true) {
                open.push(earlier);
            }
        }
    }
    let hopeful: Vec<usize> = (0..states.len()).filter(|&n| states[n].can_finish(size)).collect();
    assert!(hopeful.len() > 50, "the question is asked of {} states", hopeful.len());
    let stuck = hopeful.into_iter().filter(|&n| !reaches[n]).count();
    Found { states: states.len(), violation: None, stuck }
}

fn holds(size: Size, states: usize) {
    let found = search(size, Rules::All);
    println!("{size:?}: {} states", found.states);
    assert_eq!(found.violation, None, "{size:?}");
    assert_eq!(found.stuck, 0, "{size:?}: states from which the work cannot be finished");
    assert_eq!(found.states, states, "{size:?}: the model changed; look at it, then at this number");
}

fn caught(rules: Rules, expected: &str) {
    let found = search(Size { jobs: 1, cards: 2, stations: 2, requeues: 1 }, rules);
    let (steps, what) = found.violation.unwrap_or_else(|| panic!("{rules:?} is not caught in {} states", found.states));
    println!("{rules:?}: {what} after {steps} steps, {} states", found.states);
    assert!(what.contains(expected), "{what}");
}

#[test]
fn one_job_two_cards_two_stations_never_break_a_rule() {
    holds(Size { jobs: 1, cards: 2, stations: 2, requeues: 1 }, 4_504);
}

#[test]
fn one_job_three_cards_two_stations_never_break_a_rule() {
    holds(Size { jobs: 1, cards: 3, stations: 2, requeues: 2 }, 28_871);
}

#[test]
fn two_jobs_two_cards_two_stations_never_break_a_rule() {
    holds(Size { jobs: 2, cards: 2, stations: 2, requeues: 1 }, 125_208);
}

#[test]
fn two_jobs_three_cards_one_station_never_break_a_rule() {
    holds(Size { jobs: 2, cards: 3, stations: 1, requeues: 1 }, 97_440);
}

#[test]
fn writing_before_binding_makes_two_live_cards() {
    caught(Rules::WriteFirst, "live cards");
}

#[test]
fn a_lease_that_frees_a_bound_job_makes_two_live_cards() {
    caught(Rules::BoundExpires, "live cards");
}

#[test]
fn requeuing_before_the_card_is_counted_makes_two_live_cards() {
    caught(Rules::RequeueEarly, "live cards");
}

#[test]
fn binding_without_the_epoch_makes_two_live_cards() {
    caught(Rules::NoEpoch, "live cards");
}
