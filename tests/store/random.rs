//! Random steps on the three stores beside each other: every answer is the same, and so is all that is there in the end.

use std::fmt::Write as _;

use super::*;
use cardwright::line::audit;
use cardwright::line::state::JobState;
use cardwright::line::store::{Attempt, Incident, Progress, Scrap};
use rand_core::Rng as _;

/// Steps of one run.
const STEPS: usize = 400;

struct Dice(SeededRng);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: u8) -> u8 {
        u8::try_from(self.0.next_u32() % u32::from(sides)).expect("below 256")
    }

    fn of<T: Clone>(&mut self, values: &[T]) -> T {
        values[usize::from(self.roll(u8::try_from(values.len()).expect("few")))].clone()
    }

    fn station(&mut self) -> String {
        self.of(&["a", "b"]).to_owned()
    }

    fn serial(&mut self) -> Serial {
        serial(self.roll(30))
    }

    fn card_state(&mut self) -> CardState {
        self.of(CardState::ALL)
    }

    fn batch(&mut self) -> BatchId {
        BatchId(i64::from(self.roll(8)))
    }

    fn job(&mut self) -> JobId {
        JobId(i64::from(self.roll(30)))
    }
}

/// One step with all that it needs, so that it can be taken on each store.
#[derive(Debug)]
enum Step {
    AddBatch(String, Vec<NewJob>),
    Release(BatchId, Action),
    Close(BatchId),
    CancelNumber(Pseudonym),
    CancelJob(JobId),
    Claim(String, u32, i64),
    Unclaim(JobId, i64),
    Expire(i64),
    Bind(Bind),
    Progress(Serial, Progress),
    Fail(Serial, Scrap),
    Attempt(Attempt),
    Deliver(String, Vec<Serial>),
    Move(Vec<Serial>, CardState, CardState, bool),
    Scrap(Serial, CardState),
    Incident(Incident),
    ReleaseIncident(i64),
    Ship(Vec<audit::Entry>),
    Look(Serial, Pseudonym),
}

/// What has been seen so far, so that steps are often sensible ones.
#[derive(Default)]
struct Seen {
    claims: Vec<Claim>,
    bound: Vec<(Serial, [u8; 32])>,
    time: i64,
    incidents: u8,
    issued: Vec<(JobId, Pseudonym, Pseudonym)>,
    shipped: Vec<audit::Entry>,
}

fn step(dice: &mut Dice, seen: &mut Seen) -> Step {
    seen.time += i64::from(dice.roll(20));
    let now = NOW + seen.time;
    match dice.roll(42) {
        0..2 if !seen.issued.is_empty() => {
            let (old, person, number) = dice.of(&seen.issued);
            let renewal = NewJob { replaces: Some(old), person, number, ..order(1, 0) };
            Step::AddBatch(format!("renewal{}", dice.roll(200)), vec![renewal])
        }
        0..4 => {
            let jobs = (1..=u32::from(dice.roll(4))).map(|sequence| {
                let replaces = (dice.roll(3) == 0).then(|| dice.job());
                let sequence = sequence + u32::from(dice.roll(30) == 0);
                NewJob { replaces, number: pseudonym(dice.roll(12)), ..order(sequence, dice.roll(12)) }
            });
            let jobs = jobs.collect();
            Step::AddBatch(format!("b{}", dice.roll(20)), jobs)
        }
        4..6 => Step::Release(dice.batch(), dice.of(&[Action::ReleaseBatch, Action::ReleaseBatch, Action::Scrap])),
        6 => Step::Close(dice.batch()),
        7 => Step::CancelNumber(pseudonym(dice.roll(40))),
        8 => Step::CancelJob(dice.job()),
        9..13 => Step::Claim(dice.station(), u32::from(dice.roll(4)), now),
        13 => Step::Unclaim(dice.job(), i64::from(dice.roll(4))),
        14 => Step::Expire(now),
        15..22 => {
            let claim = (!seen.claims.is_empty()).then(|| dice.of(&seen.claims));
            let (job, epoch, station) = match claim {
                Some(claim) if dice.roll(8) > 0 => {
                    let station = claim.job.station.unwrap_or_default();
                    (claim.job.id, claim.job.epoch, station)
                }
                _ => (dice.job(), i64::from(dice.roll(3)), dice.station()),
            };
            let serial = dice.serial();
            let mut nonce = [0; 16];
            nonce[0] = serial.as_bytes()[1];
            nonce[1] = dice.roll(3);
            if dice.roll(12) == 0 {
                nonce = [0; 16];
            }
            Step::Bind(Bind { job, epoch, serial, nonce, station, reader: "r0".to_owned(), time: now })
        }
        22..29 => {
            let (serial, digest) = if seen.bound.is_empty() { (dice.serial(), [0; 32]) } else { dice.of(&seen.bound) };
            let progress = dice.of(&[Progress::Written(digest), Progress::Written(digest), Progress::Verified, Progress::Issued]);
            Step::Progress(serial, progress)
        }
        29 => {
            let serial = if seen.bound.is_empty() { dice.serial() } else { dice.of(&seen.bound).0 };
            let sw = dice.of(&[None, Some(0x6A80)]);
            Step::Fail(serial, Scrap { reason: "timeout".to_owned(), step: "write".to_owned(), sw, reader: "r1".to_owned(), time: now })
        }
        30 => Step::Attempt(Attempt {
            station: dice.station(),
            number: i64::from(dice.roll(10)),
            reader: "r0".to_owned(),
            job: dice.job(),
            serial: dice.serial(),
            started: now,
            milliseconds: [u32::from(dice.roll(9)); 5],
            apdus: 70,
            bytes: 28_000,
            resumed: dice.roll(2) == 0,
            settled_by: dice.of(&[None, Some("Again".to_owned())]),
            outcome: "good".to_owned(),
        }),
        31 => Step::Deliver(format!("d{}", dice.roll(9)), (0..1 + dice.roll(6)).map(|_| dice.serial()).collect()),
        32..35 => {
            let any = (dice.card_state(), dice.card_state());
            let route = dice.of(&[
                (CardState::InStock, CardState::AtLine),
                (CardState::InStock, CardState::AtLine),
                (CardState::AtLine, CardState::InStock),
                (CardState::AtLine, CardState::Sample),
                (CardState::Bound, CardState::Lost),
                (CardState::ScrapPending, CardState::Lost),
                any,
            ]);
            Step::Move((0..1 + dice.roll(2)).map(|_| dice.serial()).collect(), route.0, route.1, dice.roll(3) > 0)
        }
        35 => {
            let serial = if seen.bound.is_empty() { dice.serial() } else { dice.of(&seen.bound).0 };
            Step::Scrap(serial, dice.of(&[CardState::Terminated, CardState::Mute, CardState::Good]))
        }
        36 if dice.roll(3) == 0 => {
            seen.incidents += 1;
            let (batch, serial) = (Some(dice.batch()), Some(dice.serial()));
            Step::Incident(Incident {
                id: 0,
                batch: dice.of(&[None, batch]),
                station: dice.station(),
                serial: dice.of(&[None, serial]),
                what: dice.of(&["wrong-cryptogram", "unknown-writer"]).to_owned(),
                time: NOW + seen.time / 50,
                released_by: None,
            })
        }
        36 | 37 | 39 => Step::ReleaseIncident(i64::from(dice.roll(seen.incidents + 2))),
        38 => {
            let end = seen.shipped.last().map_or_else(|| audit::ChainEnd::empty("station a"), audit::Entry::end);
            seen.shipped.push(audit::Entry::after(&end, &note("bound")));
            let from = usize::from(dice.roll(u8::try_from(seen.shipped.len()).expect("few")));
            Step::Ship(seen.shipped[from..].to_vec())
        }
        _ => Step::Look(dice.serial(), pseudonym(dice.roll(12))),
    }
}

/// Takes a step; the answer as a text.
fn take(store: &mut dyn Store, step: &Step) -> String {
    match step {
        Step::AddBatch(name, jobs) => format!("{:?}", store.add_batch(&header(name), &mut jobs.clone().into_iter(), &note("batch-added"))),
        Step::Release(batch, action) => format!("{:?}", store.release_batch(*batch, &two(*action), &note("batch-released"))),
        Step::Close(batch) => format!("{:?}", store.close_batch(*batch, &two(Action::CloseBatch), &note("batch-closed"))),
        Step::CancelNumber(number) => format!("{:?}", store.cancel_number(*number, &two(Action::CancelNumber), &note("number-cancelled"))),
        Step::CancelJob(job) => format!("{:?}", store.cancel_job(*job, &two(Action::CancelJob), &note("job-cancelled"))),
        Step::Claim(station, count, now) => format!("{:?}", store.claim(station, *count, *now, now + 120)),
        Step::Unclaim(job, epoch) => format!("{:?}", store.unclaim(*job, *epoch)),
        Step::Expire(now) => format!("{:?}", store.expire(*now)),
        Step::Bind(bind) => format!("{:?}", store.bind(bind)),
        Step::Progress(serial, progress) => format!("{:?}", store.progress(serial, *progress)),
        Step::Fail(serial, scrap) => format!("{:?}", store.fail(serial, scrap)),
        Step::Attempt(attempt) => format!("{:?}", store.attempt(attempt)),
        Step::Deliver(name, serials) => format!("{:?}", store.deliver(name, serials, &note("delivery"))),
        Step::Move(serials, from, to, two_persons) => {
            let persons = two_persons.then(|| two(Action::TakeOut));
            format!("{:?}", store.move_cards(serials, *from, *to, persons.as_ref(), &note("move")))
        }
        Step::Scrap(serial, to) => format!("{:?}", store.scrap(serial, *to, "timeout", &two(Action::Scrap), &note("scrap"))),
        Step::Incident(incident) => format!("{:?}", store.incident(incident)),
        Step::ReleaseIncident(id) => {
            format!("{:?}", store.release_incident(*id, &two(Action::ReleaseIncident), &note("incident-released")))
        }
        Step::Ship(entries) => format!("{:?}", store.ship(entries)),
        Step::Look(serial, person) => {
            format!("{:?} {:?} {:?}", store.card(serial), store.live_jobs("cccd", &[*person]), store.cancelled(&[*person]))
        }
    }
}

/// All that is there.
fn everything(store: &mut dyn Store) -> String {
    let mut text = String::new();
    for batch in store.batches().expect("batches") {
        let counts = store.job_counts(batch.id).expect("counts");
        let (jobs, attempts) = (store.jobs(batch.id, 0, 1000).expect("jobs"), store.attempts(batch.id, 0, 1000).expect("attempts"));
        writeln!(text, "{batch:?}\n{counts:?}\n{jobs:?}\n{attempts:?}").expect("text");
    }
    for state in CardState::ALL {
        writeln!(text, "{:?}", store.cards(*state, None, 1000).expect("cards")).expect("text");
    }
    for chain in store.chains().expect("chains") {
        writeln!(text, "{chain:?} {:?}", store.entries(&chain.chain, 0, 10_000).expect("entries")).expect("text");
    }
    writeln!(text, "{:?} {:?}", store.stock(None).expect("stock"), store.incidents(false).expect("incidents")).expect("text");
    text
}

#[test]
fn random_steps_have_the_same_answers_on_every_store() {
    let folder = tempfile::tempdir().expect("directory");
    let mut reached = std::collections::BTreeSet::new();
    for seed in 0..4_u8 {
        let mut stores: Vec<Box<dyn Store>> = vec![Box::new(MemoryStore::new())];
        stores.push(store::create(&format!("sqlite:{}", folder.path().join(format!("{seed}.db")).display()), None).expect("SQLite"));
        if let Some(server) = Postgres::shared() {
            stores.push(store::create(&server.database(), None).expect("PostgreSQL"));
        }
        let (mut dice, mut seen) = (Dice(SeededRng::new(&[seed])), Seen::default());
        let serials: Vec<Serial> = (0..24).map(serial).collect();
        for store in &mut stores {
            store.deliver("d", &serials, &note("delivery")).expect("delivery");
            store.move_cards(&serials[..20], CardState::InStock, CardState::AtLine, None, &note("to-line")).expect("move");
        }
        for number in 0..STEPS {
            let step = step(&mut dice, &mut seen);
            let answers: Vec<String> = stores.iter_mut().map(|store| take(&mut **store, &step)).collect();
            for (store, answer) in stores.iter().zip(&answers) {
                assert_eq!(answer, &answers[0], "seed {seed}, step {number}, {}: {step:?}", store.name());
            }
            let card = match &step {
                Step::Bind(bind) => Some(&bind.serial),
                Step::Progress(serial, Progress::Issued) => Some(serial),
                _ => None,
            };
            if let Some(serial) = card.filter(|_| answers[0] == "Ok(())")
                && let Some((_, job)) = stores[0].card(serial).expect("store").and_then(|card| card.bound)
            {
                match job.state {
                    JobState::Issued => seen.issued.push((job.id, job.order.person, job.order.number)),
                    _ => seen.bound.push((serial.clone(), job.order.image_digest)),
                }
            }
            if let Step::Claim(..) = step {
                seen.claims.clear();
                // what a station would hold now, by the oracle
                let all: Vec<_> = stores[0].batches().expect("batches");
                for batch in all {
                    let jobs = stores[0].jobs(batch.id, 0, 100).expect("jobs");
                    reached.extend(jobs.iter().map(|job| job.state));
                    seen.claims
                        .extend(jobs.into_iter().filter(|job| job.state == JobState::Reserved).map(|job| Claim { job, live: false }));
                }
            }
        }
        let all: Vec<String> = stores.iter_mut().map(|store| everything(&mut **store)).collect();
        for (store, text) in stores.iter().zip(&all) {
            assert_eq!(text, &all[0], "seed {seed}, {}", store.name());
        }
        for batch in stores[0].batches().expect("batches") {
            reached.extend(stores[0].job_counts(batch.id).expect("counts").into_iter().map(|(state, _)| state));
        }
    }
    // the steps are no good if they come nowhere
    let missing: Vec<_> = JobState::ALL.iter().filter(|state| !reached.contains(state)).collect();
    assert!(missing.is_empty(), "no job was ever {missing:?}");
}
