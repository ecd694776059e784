//! Stations that are killed while they write cards, and started again: nothing is lost, and the report says how each card was settled.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use applets::rng::SeededRng;
use cardwright::line::state::JobState;
use cardwright::line::store::{self, Store};
use rand_core::Rng as _;

use super::run;
use crate::postgres::Postgres;
use crate::support::{cardwright, ended};

fn station(name: &str) -> [&str; 8] {
    // the claims of a killed station are free again after the shortest lease
    ["line", "run", "--station", name, "--lease", "20", "--reader", "sim:line/blanks"]
}

fn start(folder: &Path, name: &str) -> Child {
    let mut command = cardwright();
    command.current_dir(folder).args(station(name)).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("a station")
}

/// The cards that a station is at: their serials, with whether their job is verified.
fn at_work(store: &mut dyn Store, name: &str) -> Vec<(String, bool)> {
    let batch = store.batches().expect("batches").remove(0).id;
    let jobs = store.jobs(batch, 0, 100).expect("jobs");
    let at = jobs.into_iter().filter(|job| job.station.as_deref() == Some(name));
    at.filter(|job| matches!(job.state, JobState::Bound | JobState::Written | JobState::Verified))
        .filter_map(|job| Some((job.serial?.to_string(), job.state == JobState::Verified)))
        .collect()
}

/// `cards` cards by `stations`, of which one is killed `kills` times.
fn made_and_proved(folder: &Path, url: &str, stations: &[&str], cards: u64, kills: u32) {
    let count = cards.to_string();
    run(folder, &["sim", "people", "people", "--count", &count]).expect(0);
    run(folder, &["line", "init", "--test", &(cards + 2).to_string(), "--store", url]).expect(0);
    run(folder, &["line", "intake", "people/people.csv"]).expect(0);
    run(folder, &["line", "prepare", "people"]).expect(0);
    run(folder, &["line", "release", "people", "--by", "ana", "--by", "ben"]).expect(0);
    let mut store = store::open(url, None).expect("the store");
    let mut rng = SeededRng::new(b"kills");

    // the test looks on, and kills a station that has a card in its reader, a little later
    let mut running: Vec<_> = stations.iter().map(|name| (*name, start(folder, name))).collect();
    let (mut killed, mut interrupted, since) = (0, BTreeSet::new(), Instant::now());
    while killed < kills {
        assert!(since.elapsed() < Duration::from_mins(3), "{killed} killed");
        let place = usize::try_from(rng.next_u32()).expect("32 bits fit") % running.len();
        let (name, station) = &mut running[place];
        if station.try_wait().expect("a process").is_some() {
            if running.iter_mut().all(|(_, station)| station.try_wait().expect("a process").is_some()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        if at_work(store.as_mut(), name).is_empty() {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        // at once, and a little later
        std::thread::sleep(Duration::from_millis(u64::from((killed % 2) * (rng.next_u32() % 120))));
        station.kill().expect("killed");
        station.wait().expect("ended");
        killed += 1;
        // what is verified may have its end in the journal already
        interrupted.extend(at_work(store.as_mut(), name).into_iter().filter(|(_, verified)| !verified).map(|(serial, _)| serial));
        *station = start(folder, name);
    }
    for (_, station) in running {
        // 3: it waits for nobody, and another station had cards in its readers
        let end = ended(station.wait_with_output().expect("a station"));
        assert!(matches!(end.code, 0 | 3), "{end:?}");
    }
    for name in stations {
        run(folder, &station(name)).expect(0);
    }

    let report = run(folder, &["line", "report", "people", "--json"]).expect(0).json();
    println!("{killed} killed, {} cards interrupted for certain; {}", interrupted.len(), report["interrupted"]);
    assert_eq!((report["difference"].as_u64(), report["jobs"]["issued"].as_u64()), (Some(0), Some(cards)), "{report}");
    assert!(!interrupted.is_empty(), "{killed} were killed, and none at a card");
    let listed = report["interrupted"]["listed"].as_array().expect("a list");
    for serial in &interrupted {
        let card = listed.iter().find(|card| card["card"] == serial.as_str()).unwrap_or_else(|| panic!("{serial} in {report}"));
        let attempts = card["attempts"].as_array().expect("attempts");
        let (last, before) = attempts.split_last().expect("an attempt");
        assert!(
            !before.is_empty() && before.iter().all(|one| one["outcome"].as_str().is_some_and(|it| it.starts_with("interrupted-"))),
            "{card}"
        );
        assert_eq!((last["outcome"].as_str(), card["settled"]["as"].as_str()), (Some("good"), Some("issued")), "{card}");
        assert!(last["taken_up"]["action"].is_string(), "{card}");
    }
    run(folder, &["line", "reconcile"]).expect(0);
    run(folder, &["line", "close", "people", "--by", "ana", "--by", "ben"]).expect(0);
    run(folder, &["line", "audit", "sign", "--out", "checkpoints.jsonl"]).expect(0);
    let audit = run(folder, &["line", "audit", "verify", "--checkpoints", "checkpoints.jsonl", "--json"]).expect(0).json();
    assert_eq!(audit["chains"].as_array().map(Vec::len), Some(1 + stations.len()), "{audit}");
    let good = std::fs::read_dir(folder.join("line/blanks/good")).expect("a bin").count();
    assert_eq!(u64::try_from(good).ok(), Some(cards));
}

#[test]
fn two_stations_that_are_killed_again_and_again_settle_every_card() {
    let Some(server) = Postgres::shared() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    made_and_proved(folder.path(), &server.database(), &["one", "two"], 24, 6);
}

#[test]
fn a_station_at_a_desk_that_is_killed_again_and_again_settles_every_card() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("line.db").display());
    made_and_proved(folder.path(), &url, &["one"], 8, 4);
}
