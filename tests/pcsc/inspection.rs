//! The virtual card in a virtual reader, inspected through the daemon.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use applets::rng::SeededRng;
use cardwright::Verifier;
use cardwright::terminal::{Verdict, can};
use cardwright::transport::Transport;
use cardwright::transport::pcsc::{PcscReader, Presence, Sharing};

use super::daemon::with_daemon;
use super::document::{Authority, CAN, Options, document, today};
use super::personalize::personalized;

#[test]
fn the_virtual_card_is_genuine_through_the_daemon() {
    with_daemon("inspection::the_virtual_card_is_genuine_through_the_daemon", |daemon| {
        let authority = Authority::new(1);
        let image = document(&authority, Options { rsa: true, ..Options::default() });
        let mut card = personalized(&image);
        let stop = AtomicBool::new(false);
        let address = format!("127.0.0.1:{}", daemon.port());
        std::thread::scope(|scope| {
            let served = scope.spawn(|| applets::vpcd::serve(&mut card, &address, &stop));
            daemon.wait(|presence| matches!(presence, Presence::Card { .. }));
            let verifier = Verifier::new(authority.trust());
            let mut reader = PcscReader::open_within(&daemon.reader(), Sharing::Exclusive, Duration::from_secs(5)).expect("the card");
            for _ in 0..2 {
                let inspection =
                    verifier.inspect(&mut reader, &[can(CAN)], today(), &mut SeededRng::new(b"pcsc")).expect("the card answers");
                let report = &inspection.report;
                assert_eq!(report.verdict, Verdict::Genuine, "{}", report.to_text(Default::default()));
                let passed = |id: &str| report.finding(id).is_some_and(|finding| finding.outcome.as_str() == "passed");
                assert!(passed("access.pace") && passed("ca") && passed("aa"));
                assert!(inspection.files.iter().all(|(file, bytes)| image.files.get(file) == Some(bytes)));
                reader.reset().expect("cold reset");
            }
            let wrong = verifier.inspect(&mut reader, &[can("999999")], today(), &mut SeededRng::new(b"pcsc")).expect("the card answers");
            assert_eq!(wrong.report.verdict, Verdict::AccessRefused);
            drop(reader);
            stop.store(true, Ordering::Relaxed);
            served.join().expect("the card's thread").expect("the card was served");
        });
    });
}
