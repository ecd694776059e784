//! The words that say what the chip of a made document does: each gives a genuine document that does exactly that.

use applets::rng::SeededRng;
use cardwright::Verifier;
use cardwright::faulty::{self, Base, Faulty};
use cardwright::people;
use cardwright::perso::profile::DocumentProfile;
use cardwright::perso::record::Record;
use cardwright::terminal::report::Report;
use cardwright::terminal::{TerminalCredentials, Verdict, mrz};
use eid::cert::trust::TrustStore;
use pki::software::SoftwareSigner;

use super::document::today;
use super::personalize::personalized;
use super::rng;

fn made(words: &str) -> (Record, Result<Faulty, faulty::FaultyError>) {
    let profile = DocumentProfile::load("icao-td3").expect("a profile");
    let citizen = people::citizen(1, 1, today());
    let record = Record::new(&citizen.input, &profile, today(), &mut |name| citizen.load(name)).expect("a record");
    let base = Base { record: &record, profile: &profile, today: today(), country: ("VN", "VNM") };
    let made = faulty::make(&base, words, 1);
    (record, made)
}

fn inspect(words: &str) -> Report {
    let (record, made) = made(words);
    let made = made.unwrap_or_else(|error| panic!("{words}: {error}"));
    let mut trust = TrustStore::new();
    for bytes in &made.anchors {
        trust.add(bytes).expect("a CSCA");
    }
    let mut verifier = Verifier::new(trust);
    if let Some(terminal) = &made.terminal {
        let signer = SoftwareSigner::new("is", terminal.key.clone(), SeededRng::new(b"terminal"));
        let credentials = TerminalCredentials::new(terminal.certificates.clone(), Box::new(signer));
        verifier = verifier.with_terminal(credentials.expect("they belong together"));
    }
    let mut card = personalized(&made.image);
    verifier.inspect(&mut card, &[mrz(record.mrz())], today(), &mut rng()).expect("the card is there").report
}

#[test]
fn each_word_gives_a_genuine_document_that_does_what_it_says() {
    for (words, shown) in [
        ("pace none", "access.bac passed, access.pace not-attempted, ca passed, aa passed"),
        ("pace gm aes-128 0; chip-auth aes-256 1", "access.pace passed, ca passed"),
        ("pace im 3des 13; aa none", "access.pace passed, ca passed, aa not-attempted"),
        ("pace cam aes-192 15; pace gm aes-128 13", "access.pace passed, cam passed, ca passed"),
        ("chip-auth none; aa none", "access.pace passed, ca not-attempted, aa not-attempted"),
        ("chip-auth aes-128 13 1; chip-auth aes-256 17 2; chip-auth aes-192 2 3", "ca passed"),
        ("aa rsa 2048", "aa passed"),
        ("aa ecdsa sha512 17", "aa passed"),
        ("terminal ecdsa-sha256", "ca passed, ta passed, read.dg3 passed"),
        ("pace none; terminal rsa-pss-sha1 1024; with 4", "ta passed, read.dg3 passed, read.dg4 passed"),
        ("terminal ecdsa-sha512 17; link 2", "ta passed, read.dg3 passed"),
        (
            "terminal ecdsa-sha384 16; link spare; with 4; without 3; without 11",
            "ta passed, read.dg3 absent, read.dg4 passed, read.dg11 absent",
        ),
    ] {
        let report = inspect(words);
        let text = report.to_text(Default::default());
        assert_eq!(report.verdict, Verdict::Genuine, "{words}: {text}");
        for expected in shown.split(", ") {
            let (id, outcome) = expected.split_once(' ').expect("a check and its outcome");
            let found = report.finding(id).map_or("absent", |finding| finding.outcome.as_str());
            assert_eq!(found, outcome, "{words}: {id}: {text}");
        }
    }
}

#[test]
fn a_word_without_sense_is_told_with_what_it_should_say() {
    for words in
        ["pace gm aes-128 99", "pace cam 3des 13", "pace gm", "chip-auth aes-64 13", "aa rsa many", "aa ecdsa sha256 0", "terminal sha256"]
    {
        let error = made(words).1.expect_err(words).to_string();
        assert!(error.starts_with(&format!("edit \"{words}\": expected ")), "{error}");
    }
    for words in ["link 10", "with 5", "without 1", "terminal ecdsa-sha256 99", "aa rsa 100"] {
        assert!(made(words).1.is_err(), "{words}");
    }
}
