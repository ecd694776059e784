//! Habits of a card at the wire, each beside the same card without it.

use applets::Card;
use applets::fault::Faults;

use crate::common::*;

/// A card in operation, told to do wrong.
fn card(injection: &str) -> Card {
    let mut card = personalized(&image());
    card.set_faults(&Faults::injected(injection).expect("an injection"));
    card.power_cycle();
    card
}

fn answer(card: &mut Card, command: &str) -> (Vec<u8>, u16) {
    let mut answer = card.exchange(&bytes(command)).expect("card answers");
    let status = answer.split_off(answer.len() - 2);
    (answer, u16::from_be_bytes([status[0], status[1]]))
}

/// EF.CardAccess by its short identifier, for more bytes than it has.
const BEYOND: &str = "00B09C00F0";

#[test]
fn the_end_of_a_file_is_told_in_every_way_that_cards_know() {
    let (whole, status) = answer(&mut card("-"), BEYOND);
    assert_eq!((whole.is_empty(), status), (false, 0x6282));
    for (injection, expected) in [("read.eof=6B00", (Vec::new(), 0x6B00)), ("read.eof=6282", (whole.clone(), 0x6282))] {
        assert_eq!(answer(&mut card(injection), BEYOND), expected, "{injection}");
    }
    // 6Cxx says how many bytes there are
    let mut exact = card("read.eof=6C00");
    let (data, status) = answer(&mut exact, BEYOND);
    assert_eq!((data, usize::from(status)), (Vec::new(), 0x6C00 | whole.len()));
    assert_eq!(answer(&mut exact, &format!("00B09C00{:02X}", whole.len())), (whole, 0x9000));
}

#[test]
fn a_file_that_is_read_again_says_something_else() {
    let right = answer(&mut card("-"), "00B09C0010");
    let mut other = card("file(CardAccess).reread=other");
    assert_eq!(answer(&mut other, "00B09C0010"), right);
    let again = answer(&mut other, "00B09C0010");
    assert_ne!(again, right);
    assert_eq!((again.0.len(), again.1), (right.0.len(), 0x9000));
    // what was not read yet is as it is
    assert_eq!(answer(&mut other, "00B09C1004"), answer(&mut card("-"), "00B09C1004"));
}

#[test]
fn a_random_identifier_is_another_one_after_each_activation() {
    let uid = |card: &mut Card| answer(card, "FFCA000000");
    let mut random = card("wire.uid=random");
    let first = uid(&mut random);
    assert_eq!((first.0.len(), first.0[0], first.1), (4, 0x08, 0x9000));
    assert_eq!(uid(&mut random), first, "the same until the card loses power");
    random.power_cycle();
    assert_ne!(uid(&mut random), first);
    assert_ne!(uid(&mut card("-")).1, 0x9000, "the card itself knows no such command");
}
