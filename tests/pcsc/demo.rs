//! The main job through the daemon: two workers, two readers, cards that come and go.

use std::collections::BTreeSet;
use std::sync::Mutex;

use applets::rng::SeededRng;
use cardwright::demo::{self, DemoOptions, Event, Slot};
use cardwright::transport::PcscSelector;
use eid::date::Date;

use super::daemon::with_daemon;

#[test]
fn every_card_of_the_demo_is_genuine_through_two_readers() {
    with_daemon("demo::every_card_of_the_demo_is_genuine_through_two_readers", |daemon| {
        let directory = tempfile::tempdir().expect("a directory");
        let slot = |n: u16| {
            let vpcd = format!("127.0.0.1:{}", daemon.port() + n);
            Slot::Pcsc { reader: PcscSelector::Name(format!("Test 00 {n:02}")), vpcd }
        };
        let today = Date::new(2026, 11, 21).expect("a day");
        let options = DemoOptions {
            cards: 5,
            slots: vec![slot(0), slot(1)],
            out: directory.path().join("D"),
            seed: 3,
            profile: "cccd-2021".to_owned(),
            today,
            token: None,
            trust: None,
        };
        let used = Mutex::new(BTreeSet::new());
        let tell = |event: Event<'_>| match event {
            Event::Stage { slot, .. } => {
                used.lock().expect("no panic").insert(slot);
            }
            Event::Card(result) => assert_eq!(result.error, None, "card {}", result.card),
        };
        let summary = demo::run(&options, &mut SeededRng::new(b"demo"), &tell).expect("a demo");
        assert_eq!((summary.personalized, summary.verified, summary.genuine), (5, 5, 5));
        assert_eq!(used.into_inner().expect("no panic"), BTreeSet::from([0, 1]), "both readers were used");
    });
}
