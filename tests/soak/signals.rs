//! A person or the system asks a station to end: it ends between two groupings of a card, and the same command goes on.

use std::time::{Duration, Instant};

use super::judge;
use super::line::{BATCH, Line, TWO};
use super::station::Station;

/// Waits until the events of the station have `count` times this one.
fn wait_for(line: &Line, event: &str, count: usize) {
    let start = Instant::now();
    loop {
        let events = std::fs::read_to_string(line.path("events.jsonl")).unwrap_or_default();
        if events.lines().filter(|line| line.contains(event)).count() >= count {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "{count} times {event} in {events}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn wait_for_end(line: &Line, station: &mut Station) {
    let start = Instant::now();
    while !station.has_ended(line) {
        assert!(start.elapsed() < Duration::from_secs(120), "station {} does not end", station.name);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_station_that_is_asked_to_end_leaves_every_card_where_it_can_go_on() {
    let line = Line::new("sqlite:line.db".to_owned());
    line.prepare(24, 26, |_| ());
    let mut station = Station::new("desk", 4, &["--apdu", "short", "--events", "events.jsonl"]);
    // The system asks, then a person; each time in the middle of cards.
    for (signal, cards) in [("TERM", 4), ("INT", 9)] {
        drop(std::fs::remove_file(line.path("events.jsonl")));
        station.start(&line);
        wait_for(&line, r#""stage":"write""#, cards);
        station.signal(signal);
        wait_for_end(&line, &mut station);
        let (code, said) = station.ends.last().expect("it ended");
        assert_eq!((*code, said["end"].as_str()), (3, Some("stopped; the same command goes on")), "{signal}: {said}");
        assert!(said["interrupted"].as_u64() <= Some(4) && said["scrap"] == 0, "{said}");
    }
    station.start(&line);
    wait_for_end(&line, &mut station);
    let (code, said) = station.ends.last().expect("it ended");
    assert_eq!(*code, 0, "{said}");
    let interrupted: u64 = station.ends.iter().filter_map(|(_, said)| said["interrupted"].as_u64()).sum();
    let settled: Vec<_> = station.ends.iter().flat_map(|(_, said)| said["settled"].as_array().cloned().unwrap_or_default()).collect();
    println!("{interrupted} interrupted; {settled:?}");
    assert!(interrupted > 0 && settled.len() >= usize::try_from(interrupted).expect("few"), "{settled:?}");
    line.done(&[&["line", "close", BATCH][..], &TWO].concat());
    std::fs::create_dir(line.path("destroyed")).expect("a folder");
    let mut store = cardwright::line::store::open(&format!("sqlite:{}", line.path("line.db").display()), None).expect("the store");
    assert_eq!(judge::every_card(&line, store.as_mut()).live, 24);
}
