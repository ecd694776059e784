use applets::CardConfig;
use applets::rng::SeededRng;
use eid::scp03::StaticKeys;
use eid::secret::Secret;

use super::*;

/// INITIALIZE UPDATE: a card that has power answers it with 29 bytes and 9000.
const OPEN: [u8; 14] = [0x80, 0x50, 0x30, 0x00, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x00];
/// SELECT of the master file.
const SELECT: [u8; 5] = [0x00, 0xA4, 0x00, 0x0C, 0x00];

fn rng() -> CardRng {
    Box::new(SeededRng::new(b"fault"))
}

fn faulty(folder: &Path, fault: Fault) -> FaultyCard {
    let path = folder.join("1.card");
    let keys = StaticKeys::same(&Secret::new(vec![1; 32])).expect("keys");
    drop(Card::create(&path, &CardConfig::new([1; 10], 0x30, keys), rng()).expect("a card"));
    FaultyCard::open(&path, fault, rng(), rng()).expect("opens")
}

fn answers(card: &mut FaultyCard, command: &[u8]) -> Option<Vec<u8>> {
    card.transmit(command).ok()
}

#[test]
fn a_share_is_read_in_percent_and_nothing_else_is() {
    for (text, parts) in [("2%", 20_000), ("0.5%", 5_000), ("100%", 1_000_000), ("0%", 0), ("0.0001%", 1), ("12.34%", 123_400)] {
        assert_eq!(text.parse(), Ok(Share(parts)), "{text}");
    }
    for text in ["", "%", "2", "101%", "100.1%", "-1%", ".5%", "2.%", "1.00001%", "2 %", "٢%"] {
        assert!(text.parse::<Share>().is_err(), "{text}");
    }
}

#[test]
fn so_many_cards_fail_and_the_same_ones_each_time() {
    let faults = |seed| Faults { share: "2%".parse().expect("a share"), seed };
    let drawn = |seed| (0..10_000).filter_map(|n| faults(seed).of(&format!("{n}.card"))).collect::<Vec<_>>();
    let seven = drawn(7);
    assert!((150..=250).contains(&seven.len()), "{}", seven.len());
    assert_eq!(seven, drawn(7));
    assert_ne!(seven, drawn(8));
    let kind = |fault: &Fault| std::mem::discriminant(fault);
    assert_eq!(seven.iter().map(kind).collect::<std::collections::HashSet<_>>().len(), 6, "every kind of fault");
    assert_eq!(Faults { share: Share(0), seed: 7 }.of("1.card"), None);
}

#[test]
fn a_card_that_is_mute_or_loses_an_answer_goes_on_after_a_reset() {
    for fault in [Fault::Mute(2), Fault::AnswerLost(2)] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut card = faulty(folder.path(), fault);
        let answered: Vec<bool> = (0..4).map(|_| answers(&mut card, &OPEN).is_some()).collect();
        assert_eq!(answered, [true, false, false, false], "{fault}");
        card.reset().expect("a reset");
        assert!(answers(&mut card, &OPEN).is_some_and(|answer| answer.ends_with(&[0x90, 0])), "{fault}");
    }
}

#[test]
fn a_card_that_refuses_says_6f00_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut card = faulty(folder.path(), Fault::Refuses(1));
    assert_eq!(answers(&mut card, &OPEN), Some(vec![0x6F, 0]));
    assert!(answers(&mut card, &OPEN).is_some_and(|answer| answer.ends_with(&[0x90, 0])));
}

#[test]
fn a_card_that_restarts_forgets_its_session_and_answers() {
    // EXTERNAL AUTHENTICATE with a wrong cryptogram: 6300 where a session is being opened, another refusal where none is.
    let authenticate = [&[0x84, 0x82, 0x33, 0x00, 0x10][..], &[0; 16]].concat();
    let folder = tempfile::tempdir().expect("a folder");
    let mut healthy = faulty(folder.path(), Fault::Mute(9));
    let answer = |card: &mut FaultyCard| {
        assert!(answers(card, &OPEN).is_some_and(|answer| answer.ends_with(&[0x90, 0])));
        answers(card, &authenticate)
    };
    let expected = answer(&mut healthy).expect("an answer");
    let other = tempfile::tempdir().expect("a folder");
    let found = answer(&mut faulty(other.path(), Fault::Restarts(2))).expect("an answer");
    assert_eq!(expected, [0x63, 0x00]);
    assert_ne!(found, expected);
}

#[test]
fn a_chip_that_dies_stays_dead_in_every_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut card = faulty(folder.path(), Fault::Dies(2));
    assert!(answers(&mut card, &SELECT).is_some());
    assert_eq!(answers(&mut card, &SELECT), None);
    assert!(card.reset().is_err());
    drop(card);
    assert!(matches!(Card::open(&folder.path().join("1.card"), rng()), Err(StoreError::NotACard(_))));
}

/// INITIALIZE UPDATE counts the session in the memory: the first page program of this card.
#[test]
fn a_card_whose_power_goes_starts_again_on_what_is_left_of_its_memory() {
    for tear in Tear::ALL {
        let folder = tempfile::tempdir().expect("a folder");
        let mut card = faulty(folder.path(), Fault::Torn(0, tear));
        card.reset().expect("a reset before the cut changes nothing");
        assert_eq!(answers(&mut card, &OPEN), None, "{tear:?}");
        assert_eq!(answers(&mut card, &OPEN), None, "{tear:?}");
        card.reset().expect("a reset");
        assert!(answers(&mut card, &OPEN).is_some_and(|answer| answer.ends_with(&[0x90, 0])), "{tear:?}");
    }
}
