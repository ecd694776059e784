//! What a card costs a store, beside what the store can do at all: commits of one row, one after another on as many connections.

use std::thread;
use std::time::Instant;

use super::*;
use cardwright::line::state::JobState;
use cardwright::line::store::{Attempt, Progress};

/// Cards of one measurement.
const CARDS: u16 = 2000;
/// Stations of one reader each.
const STATIONS: [u16; 3] = [1, 4, 16];

fn wide(number: u16) -> Serial {
    Serial::new(&number.to_be_bytes()).expect("two bytes")
}

fn attempt(station: &str, number: i64, job: JobId, serial: Serial) -> Attempt {
    Attempt {
        station: station.to_owned(),
        number,
        reader: "r0".to_owned(),
        job,
        serial,
        started: NOW,
        milliseconds: [0; 5],
        apdus: 0,
        bytes: 0,
        resumed: false,
        settled_by: None,
        outcome: "good".to_owned(),
    }
}

/// One station: cards until there are no jobs. Commits that it took.
fn station(mut store: Box<dyn Store>, station: u16, stations: u16) -> u32 {
    let name = format!("s{station}");
    let mut commits = 0;
    for card in (0..CARDS).filter(|card| card % stations == station) {
        let claims = store.claim(&name, 1, NOW, NOW + 120).expect("claim");
        let claim = &claims[0];
        let serial = wide(card);
        let mut nonce = [0; 16];
        nonce[..2].copy_from_slice(&card.to_be_bytes());
        let bind = Bind {
            job: claim.job.id,
            epoch: claim.job.epoch,
            serial: serial.clone(),
            nonce,
            station: name.clone(),
            reader: "r0".to_owned(),
            time: NOW,
        };
        store.bind(&bind).expect("bind");
        for progress in [Progress::Written(claim.job.order.image_digest), Progress::Verified, Progress::Issued] {
            store.progress(&serial, progress).expect("progress");
        }
        store.attempt(&attempt(&name, card.into(), claim.job.id, serial)).expect("attempt");
        commits += 6;
    }
    commits
}

/// `cargo test --release --test store -- --ignored --nocapture speed`
#[test]
#[ignore = "a measurement of a minute or two"]
fn cards_a_second_beside_bare_commits_a_second() {
    let folder = tempfile::tempdir().expect("directory");
    for stations in STATIONS {
        let mut urls = vec![format!("sqlite:{}", folder.path().join(format!("{stations}.db")).display())];
        urls.extend(Postgres::shared().map(Postgres::database));
        for url in urls {
            let mut store = store::create(&url, None).expect("store");
            let serials: Vec<Serial> = (0..CARDS).map(wide).collect();
            store.deliver("d", &serials, &note("delivery")).expect("delivery");
            store.move_cards(&serials, CardState::InStock, CardState::AtLine, None, &note("to-line")).expect("move");
            let mut jobs = (1..=CARDS).map(|number| {
                let mut name = [0; 32];
                name[..2].copy_from_slice(&number.to_be_bytes());
                NewJob { person: Pseudonym(name), number: Pseudonym(name), ..order(number.into(), 0) }
            });
            let start = Instant::now();
            let batch = store.add_batch(&header("b"), &mut jobs, &note("batch-added")).expect("batch");
            let added = start.elapsed();
            store.release_batch(batch, &two(Action::ReleaseBatch), &note("batch-released")).expect("release");
            let open = |_| store::open(&url, None).expect("store");
            let start = Instant::now();
            let workers: Vec<_> = (0..stations)
                .map(|number| {
                    let store = open(number);
                    thread::spawn(move || station(store, number, stations))
                })
                .collect();
            let commits: u32 = workers.into_iter().map(|worker| worker.join().expect("station")).sum();
            let worked = start.elapsed();
            assert_eq!(store.job_counts(batch).expect("counts"), [(JobState::Issued, u64::from(CARDS))]);
            store.close_batch(batch, &two(Action::CloseBatch), &note("batch-closed")).expect("difference 0");
            let start = Instant::now();
            let workers: Vec<_> = (0..stations)
                .map(|number| {
                    let mut store = open(number);
                    let row = move |row| attempt(&format!("bare{number}"), row, JobId(1), wide(0));
                    thread::spawn(move || (0..200).for_each(|number| store.attempt(&row(number)).expect("commit")))
                })
                .collect();
            workers.into_iter().for_each(|worker| worker.join().expect("worker"));
            let bare = f64::from(stations) * 200.0 / start.elapsed().as_secs_f64();
            println!(
                "{} {stations} stations: {:.0} jobs/s added, {:.0} cards/s, {} commits a card, {:.0} commits/s beside {bare:.0} bare ones",
                url.split(':').next().expect("scheme"),
                f64::from(CARDS) / added.as_secs_f64(),
                f64::from(CARDS) / worked.as_secs_f64(),
                commits / u32::from(CARDS),
                f64::from(commits) / worked.as_secs_f64(),
            );
        }
    }
}
