use std::convert::Infallible;

use applets::rng::SeededRng;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::PrivateKey;
use pki::key::SigningKey;
use pki::software::SoftwareSigner;

use super::*;

const CHAIN: &str = "station a";

fn signer(seed: &str) -> SoftwareSigner<SeededRng> {
    let mut random = SeededRng::new(seed.as_bytes());
    let key = SigningKey { key: PrivateKey::generate_ec(Curve::P256, &mut random), algorithm: Algorithm::Ecdsa(Hash::Sha256) };
    SoftwareSigner::new(seed, key, random)
}

fn note(number: i64) -> Note {
    Note {
        time: 1_790_000_000 + number,
        actors: vec![CHAIN.to_owned()],
        event: "bound".to_owned(),
        subjects: vec![format!("job {number}"), format!("card {number:04}")],
        detail: format!("epoch {number}"),
    }
}

/// A chain of `count` entries.
fn chain(count: i64) -> Vec<Entry> {
    let mut end = ChainEnd::empty(CHAIN);
    (1..=count)
        .map(|number| {
            let entry = Entry::after(&end, &note(number));
            end = entry.end();
            entry
        })
        .collect()
}

/// The verdict on `entries` beside a checkpoint at entry 8 of the right chain.
fn look(entries: Vec<Entry>) -> Verdict {
    let signer = signer("checkpoint");
    let checkpoint = Checkpoint::sign(&chain(8)[7].end(), 1_790_000_100, &signer).expect("signature");
    let key = (signer.algorithm(), &signer.public_key());
    verify(CHAIN, entries.into_iter().map(Ok::<_, Infallible>), &[checkpoint], Some(key)).expect("entries")
}

fn broken(sequence: i64, fault: Fault) -> Verdict {
    Verdict::Broken { sequence, fault }
}

/// Made anew by a script that knows only the words at the top of `audit.rs`.
#[test]
fn the_hash_of_an_entry_is_what_the_documentation_says() {
    let mut note = note(7);
    (note.time, note.detail) = (1_790_000_000, "epoch 1".to_owned());
    note.subjects = vec!["job 7".to_owned(), "card 0001".to_owned()];
    let entry = Entry::after(&ChainEnd::empty(CHAIN), &note);
    assert_eq!(hex::encode(entry.hash), "9d9d0509d223ccfb4b741f963b00628a89377d3d5c4e5c5a2c7eeb9300979126");
}

#[test]
fn a_chain_is_intact_up_to_its_end_and_signed_up_to_its_checkpoint() {
    let entries = chain(10);
    let end = entries[9].end();
    assert_eq!(look(entries), Verdict::Intact { end, signed: 8 });
}

#[test]
fn one_flipped_bit_anywhere_in_an_entry_is_found_there() {
    let flips: [fn(&mut Entry); 9] = [
        |entry| entry.note.time ^= 1,
        |entry| entry.note.actors[0].replace_range(8.., "b"),
        |entry| entry.note.actors.push(String::new()),
        |entry| entry.note.event = "bounc".to_owned(),
        |entry| entry.note.subjects.swap(0, 1),
        |entry| entry.note.subjects = vec![entry.note.subjects.concat()],
        |entry| entry.note.detail.push(' '),
        |entry| entry.previous[31] ^= 1,
        |entry| entry.hash[0] ^= 0x80,
    ];
    for flip in flips {
        let mut entries = chain(10);
        flip(&mut entries[4]);
        assert_eq!(look(entries), broken(5, Fault::Altered));
    }
}

#[test]
fn an_entry_that_was_altered_with_its_hash_unlinks_the_next_one() {
    let mut entries = chain(10);
    entries[4].note.detail = "epoch 1".to_owned();
    entries[4].hash = entries[4].computed();
    assert_eq!(look(entries), broken(6, Fault::Unlinked));
}

#[test]
fn a_removed_entry_is_missing_and_one_whose_gap_was_closed_is_unlinked() {
    let mut entries = chain(10);
    entries.remove(4);
    assert_eq!(look(entries.clone()), broken(5, Fault::Missing { found: 6 }));
    for entry in &mut entries[4..] {
        entry.sequence -= 1;
        entry.hash = entry.computed();
    }
    assert_eq!(look(entries), broken(5, Fault::Unlinked));
}

#[test]
fn swapped_entries_are_found_at_the_first_of_them() {
    let mut entries = chain(10);
    entries.swap(4, 5);
    assert_eq!(look(entries), broken(5, Fault::Swapped));
    // their contents under each other's number
    let mut entries = chain(10);
    let (five, six) = (entries[4].note.clone(), entries[5].note.clone());
    (entries[4].note, entries[5].note) = (six, five);
    assert_eq!(look(entries), broken(5, Fault::Altered));
}

#[test]
fn a_cut_tail_is_found_by_the_checkpoint_and_only_up_to_it() {
    assert_eq!(look(chain(7)), broken(8, Fault::CutOff { last: 7 }));
    assert_eq!(look(vec![]), broken(8, Fault::CutOff { last: 0 }));
    // what no checkpoint signs can be cut off: the verdict says how far it is sure
    let end = chain(8)[7].end();
    assert_eq!(look(chain(9)[..8].to_vec()), Verdict::Intact { end, signed: 8 });
}

#[test]
fn an_old_copy_that_was_put_back_and_went_on_has_another_history() {
    let mut entries = chain(5);
    for number in 100..110 {
        let end = entries[entries.len() - 1].end();
        entries.push(Entry::after(&end, &note(number)));
    }
    let last = entries.len();
    assert_eq!(last, 15);
    assert_eq!(look(entries), broken(8, Fault::OtherHistory));
}

#[test]
fn an_entry_of_another_chain_does_not_fit() {
    let mut entries = chain(10);
    entries[4].chain = "station b".to_owned();
    entries[4].hash = entries[4].computed();
    assert_eq!(look(entries), broken(5, Fault::OtherChain { found: "station b".to_owned() }));
}

#[test]
fn a_checkpoint_of_another_key_or_with_another_content_is_not_signed() {
    let (right, wrong) = (signer("checkpoint"), signer("another"));
    let entries = chain(3);
    let sign = |signer| Checkpoint::sign(&entries[2].end(), 5, signer).expect("signature");
    let later = Checkpoint { time: 6, ..sign(&right) };
    let moved = Checkpoint { sequence: 2, hash: entries[1].hash, ..sign(&right) };
    for (checkpoint, sequence) in [(sign(&wrong), 3), (later, 3), (moved, 2)] {
        let key = (right.algorithm(), &right.public_key());
        let verdict = verify(CHAIN, entries.iter().cloned().map(Ok::<_, Infallible>), &[checkpoint], Some(key)).expect("entries");
        assert_eq!(verdict, broken(sequence, Fault::Unsigned));
    }
}

#[test]
fn a_checkpoint_is_one_line_of_json_with_a_version() {
    let checkpoint =
        Checkpoint { chain: CHAIN.to_owned(), sequence: 8, hash: [0xAB; 32], time: 1_790_000_100, signature: vec![0x30, 0x00] };
    let line = checkpoint.to_json();
    let hash = "ab".repeat(32);
    let expected = format!(r#"{{"checkpoint":1,"chain":"station a","sequence":8,"hash":"{hash}","time":1790000100,"signature":"3000"}}"#);
    assert_eq!(line, expected);
    assert_eq!(Checkpoint::from_json(&line), Ok(checkpoint));
    assert_eq!(Checkpoint::from_json(&line.replace("\"checkpoint\":1", "\"checkpoint\":2")), Err(CheckpointError::Version { found: 2 }));
    for bad in [line.replace("abab", "ab"), line.replace("abab", "xyxy"), line.replace("time", "tide"), String::new()] {
        assert!(matches!(Checkpoint::from_json(&bad), Err(CheckpointError::Form(_))), "{bad}");
    }
}
