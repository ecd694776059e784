//! The words that say what the chip of a made document does: each gives a genuine document that does exactly that.

use cardwright::terminal::Verdict;
use cardwright::terminal::report::Report;

use super::SPECIMEN;
use super::documents;

fn inspect(words: &str) -> Report {
    documents::inspect(&SPECIMEN.make(words).unwrap_or_else(|error| panic!("{words}: {error}")))
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
        let error = SPECIMEN.make(words).expect_err(words).to_string();
        assert!(error.starts_with(&format!("edit \"{words}\": expected ")), "{error}");
    }
    for words in ["link 10", "with 5", "without 1", "terminal ecdsa-sha256 99", "aa rsa 100"] {
        assert!(SPECIMEN.make(words).is_err(), "{words}");
    }
}
