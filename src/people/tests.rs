use std::collections::BTreeSet;

use eid::date::Date;
use unicode_normalization::UnicodeNormalization as _;

use super::*;
use crate::perso::profile::DocumentProfile;
use crate::perso::record::{Photo, Record};

fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day")
}

/// Images for all: the records are what is checked.
fn load(name: &str) -> Result<Vec<u8>, String> {
    citizen(1, 1, today()).load(name)
}

#[test]
fn ten_thousand_people_pass_every_check_of_a_record_and_no_two_share_a_number() {
    let profile = DocumentProfile::load("cccd-2021").expect("built in");
    let portrait = load("portrait.jpg").expect("drawn");
    let finger = load("right-index.jpg").expect("drawn");
    let mut numbers = BTreeSet::new();
    let (mut ages, mut without_expiry, mut letters) = (BTreeSet::new(), 0, BTreeSet::new());
    for index in 0..10_000 {
        let input = record(7, index, today());
        let mut load = |name: &str| Ok(if name == "portrait.jpg" { portrait.clone() } else { finger.clone() });
        let record = Record::new(&input, &profile, today(), &mut load).unwrap_or_else(|problems| panic!("{index}: {problems:?} {input:?}"));
        assert!(numbers.insert(record.number()), "number of {index} twice");
        assert!(input.number.as_deref().is_some_and(|number| number.starts_with("099")));
        ages.insert((today().days() - record.birth().days()) * 4 / 1461);
        without_expiry += usize::from(record.expiry().is_none());
        letters.extend(record.full_name().to_lowercase().chars());
    }
    assert_eq!((ages.first(), ages.last(), ages.len()), (Some(&6), Some(&90), 85));
    assert!((3_000..4_500).contains(&without_expiry), "58 years and older: {without_expiry}");
    // Grave, acute, tilde, hook, dot below; circumflex, breve, horn; and đ.
    let parts: BTreeSet<char> = letters.iter().collect::<String>().nfd().collect();
    for part in "\u{300}\u{301}\u{303}\u{309}\u{323}\u{302}\u{306}\u{31B}đ".chars() {
        assert!(parts.contains(&part), "no name has U+{:04X}", u32::from(part));
    }
    let marked = letters.iter().filter(|letter| !letter.is_ascii()).count();
    assert!(marked >= 45, "{marked} of 67 letters with marks in names: {letters:?}");
}

#[test]
fn the_same_seed_gives_the_same_person_and_another_seed_another() {
    let one = citizen(42, 3, today());
    assert_eq!(one, citizen(42, 3, today()));
    let other = citizen(43, 3, today());
    assert_ne!(one.input.number, other.input.number);
    assert!(one.files.iter().zip(&other.files).all(|((_, a), (_, b))| a != b), "other images, too");
}

/// The bytes of person 1 of seed 1 as they were drawn first: another machine must draw the same.
#[test]
fn pictures_are_the_same_on_every_machine() {
    let digests: Vec<_> =
        citizen(1, 1, today()).files.iter().map(|(_, bytes)| hex::encode(&eid::crypto::hash::Hash::Sha256.digest(&[bytes])[..8])).collect();
    assert_eq!(digests, ["6d66d4e6293619ae", "1da2f873410f44c0", "f5b6cf05684d3eb6"]);
}

#[test]
fn portraits_and_fingers_are_complete_images_of_a_size_that_a_chip_takes() {
    for index in 0..12 {
        let person = citizen(5, index, today());
        for (name, bytes) in &person.files {
            let image = Photo::new(bytes.clone()).expect("complete");
            let (size, range) = if name == "portrait.jpg" { ((300, 400), 9_000..16_000) } else { ((192, 256), 4_000..11_000) };
            assert_eq!((image.width(), image.height()), size);
            assert!(range.contains(&bytes.len()), "{name} of {index} has {} bytes", bytes.len());
        }
    }
}
