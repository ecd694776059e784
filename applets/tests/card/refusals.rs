//! What a personalization must be refused for, each with its status word, and the state unchanged (applet design 4.3, 4.4).

use applets::Card;
use eid::apdu::Command;
use eid::image::LifeCycle;
use eid::scp03::Mode;

use crate::common::*;

/// A card in state 0F with a session at level 03, forwarding, and the sequence opened by its nonce.
fn opened() -> (Card, Host) {
    let mut card = blank();
    let mut host = Host::open(&mut card, 0x03);
    host.install(&mut card);
    assert!(host.send(&mut card, &block(0x08, 0, &dgi(0x0001, &NONCE))).sw.is_ok());
    (card, host)
}

fn block(p1: u8, number: u8, data: &[u8]) -> Command {
    Command::new(0x80, 0xE2, p1, number).with_data(data)
}

/// What a refusal must not change.
fn picture(card: &Card) -> (LifeCycle, Vec<u8>) {
    let com = card.file(eid::image::FileId::COM).expect("whole").map(<[u8]>::to_vec).unwrap_or_default();
    (card.life_cycle(), com)
}

#[test]
fn data_groupings_are_refused_for_their_form_and_place() {
    let long = |id: u16, len: u16| [&id.to_be_bytes()[..], &[0xFF], &len.to_be_bytes()].concat();
    let cases: Vec<(&str, u8, Vec<u8>, u16)> = vec![
        ("file beyond the memory", 0x08, long(0x0102, 0xFFFE), 0x6A84),
        ("secret in clear", 0x08, dgi(0x8002, &[0; 16]), 0x6A80),
        ("file among encrypted values", 0x68, dgi(0x0101, &[0; 16]), 0x6A80),
        ("secret that is not whole blocks", 0x68, dgi(0x8002, &[0; 15]), 0x6A80),
        ("secret with a wrong check value", 0x68, dgi(0x8002, &[0x5A; 48]), 0x6982),
        ("unknown grouping", 0x08, dgi(0x0177, &[1]), 0x6A88),
        ("reserved grouping", 0x08, dgi(0x7FF0, &[1]), 0x6A88),
        ("empty file", 0x08, dgi(0x0101, &[]), 0x6A80),
        ("nonce of another length", 0x08, dgi(0x0001, &NONCE[..15]), 0x6A80),
        ("another nonce", 0x08, dgi(0x0001, &[7; 16]), 0x6A80),
        ("commit of another length", 0x88, dgi(0x00C0, &[0; 48]), 0x6A80),
        ("last block inside a value", 0x88, [&dgi(0x0101, &[1; 20])[..10]].concat(), 0x6A80),
        ("last block inside a header", 0x88, vec![0x01, 0x01], 0x6A80),
        ("activation before the commit", 0x88, dgi(0x00FD, &[0; 32]), 0x6985),
        ("termination by a stranger", 0x88, dgi(0x00FE, &[0; 16]), 0x6A80),
        ("BER-TLV structure", 0x10, dgi(0x0101, &[1]), 0x6A86),
        ("case 4", 0x09, dgi(0x0101, &[1]), 0x6A86),
    ];
    for (what, p1, data, sw) in cases {
        let (mut card, mut host) = opened();
        let before = picture(&card);
        assert_eq!(host.send(&mut card, &block(p1, 1, &data)).sw.0, sw, "{what}");
        assert_eq!(picture(&card), before, "{what}");
        let status = host.status(&mut card).expect("the session goes on");
        assert_eq!((status.done.len(), status.last_error), (0, sw.to_be_bytes()[1]), "{what}");
        // The sequence is over, the job goes on with a new one.
        assert_eq!(host.send(&mut card, &block(0x08, 2, &dgi(0x011E, &[1; 4]))).sw.0, 0x6A86, "{what}");
        let again = [dgi(0x0001, &NONCE), dgi(0x011E, &[1; 4])].concat();
        assert!(host.send(&mut card, &block(0x08, 0, &again)).sw.is_ok(), "{what}");
    }
}

#[test]
fn blocks_out_of_order_are_refused_and_end_the_sequence() {
    for number in [1, 3, 0xFF] {
        let (mut card, mut host) = opened();
        assert!(host.send(&mut card, &block(0x08, 1, &dgi(0x0101, &[1; 20])[..10])).sw.is_ok());
        assert_eq!(host.send(&mut card, &block(0x08, number, &dgi(0x0101, &[1; 20])[10..])).sw.0, 0x6A86);
        assert_eq!(host.send(&mut card, &block(0x08, 2, &dgi(0x0101, &[1; 20])[10..])).sw.0, 0x6A86);
        assert!(host.status(&mut card).expect("status").done.is_empty());
    }
}

#[test]
fn a_value_does_not_straddle_from_clear_to_encrypted_blocks() {
    let (mut card, mut host) = opened();
    assert!(host.send(&mut card, &block(0x08, 1, &dgi(0x0101, &[1; 20])[..10])).sw.is_ok());
    assert_eq!(host.send(&mut card, &block(0x68, 2, &dgi(0x0101, &[1; 20])[10..])).sw.0, 0x6A80);
}

#[test]
fn the_257th_block_starts_a_new_sequence_and_needs_the_nonce() {
    let (mut card, mut host) = opened();
    let long = dgi(0x0102, &vec![0x75; 600]);
    assert!(host.send(&mut card, &block(0x08, 1, &long[..5])).sw.is_ok());
    for number in 2..=0xFF {
        let at = usize::from(number) * 2;
        assert!(host.send(&mut card, &block(0x08, number, &long[at..at + 2])).sw.is_ok(), "block {number}");
    }
    assert_eq!(host.send(&mut card, &block(0x08, 0, &long[512..514])).sw.0, 0x9000, "two bytes of a header");
    assert_eq!(host.send(&mut card, &block(0x08, 0, &dgi(0x0101, &[1; 4]))).sw.0, 0x6985, "a file without the nonce before it");
    assert!(host.status(&mut card).expect("status").done.is_empty(), "the cut file is not done");
}

#[test]
fn a_commit_is_refused_for_another_nonce_digest_or_count() {
    let image = small_image();
    for (what, at) in [("nonce", 0), ("digest", 20), ("count", 48)] {
        let mut card = blank();
        let mut host = Host::open(&mut card, 0x03);
        host.install(&mut card);
        let mut commands = script(&image, &test_keys(32), &[]);
        commands.pop();
        let count = u8::try_from(commands.len()).expect("few");
        for command in &commands {
            assert!(host.send(&mut card, command).sw.is_ok());
        }
        let mut value = commit_value(&image);
        value[at] ^= 1;
        assert_eq!(host.send(&mut card, &block(0x88, count, &dgi(0x00C0, &value))).sw.0, 0x6A80, "{what}");
        assert_eq!(card.life_cycle(), LifeCycle::PersoOpen);
        // Nothing is lost: the right commit follows in a sequence of its own.
        let right = dgi(0x00C0, &commit_value(&image));
        assert_eq!(host.send(&mut card, &block(0x08, 0, &right)).sw.0, 0x6A80, "a commit that is not in the last block");
        assert_eq!(host.send(&mut card, &block(0x88, 0, &[&right[..], &[0x01]].concat())).sw.0, 0x6A80, "something behind the commit");
        assert_eq!(card.life_cycle(), LifeCycle::PersoOpen);
        assert!(host.send(&mut card, &block(0x88, 0, &right)).sw.is_ok());
        assert_eq!(card.life_cycle(), LifeCycle::Personalized);
    }
}

#[test]
fn after_the_commit_nothing_is_stored_and_the_host_may_repeat_what_it_had_no_answer_to() {
    let image = small_image();
    let mut card = blank();
    let mut host = Host::open(&mut card, 0x13);
    host.install(&mut card);
    for command in script(&image, &test_keys(32), &[]) {
        assert!(host.send(&mut card, &command).sw.is_ok());
    }
    let send = |card: &mut Card, host: &mut Host, data: &[u8]| {
        host.install(card);
        host.send(card, &block(0x88, 0, data)).sw.0
    };
    let commit = dgi(0x00C0, &commit_value(&image));
    let mut other = commit_value(&image);
    other[20] ^= 1;
    assert_eq!(send(&mut card, &mut host, &commit), 0x9000, "the same commit again");
    assert_eq!(send(&mut card, &mut host, &dgi(0x00C0, &other)), 0x6985);
    assert_eq!(send(&mut card, &mut host, &dgi(0x0001, &NONCE)), 0x6985);
    assert_eq!(send(&mut card, &mut host, &dgi(0x0101, &[1; 4])), 0x6985);
    assert_eq!(send(&mut card, &mut host, &dgi(0x00FD, &[0; 32])), 0x6A80);
    let activation = dgi(0x00FD, &image.digest());
    assert_eq!(send(&mut card, &mut host, &activation), 0x9000);
    assert_eq!(card.life_cycle(), LifeCycle::Operational);
    assert_eq!(send(&mut card, &mut host, &activation), 0x9000, "the same activation again");
    assert_eq!(send(&mut card, &mut host, &dgi(0x00FD, &[0; 32])), 0x6985);
    assert_eq!(send(&mut card, &mut host, &commit), 0x9000);
    assert_eq!(send(&mut card, &mut host, &dgi(0x00FE, &NONCE)), 0x9000);
    assert_eq!(card.life_cycle(), LifeCycle::Terminated);
    assert_eq!(send(&mut card, &mut host, &dgi(0x00FE, &NONCE)), 0x9000, "the same termination again");
    assert_eq!(send(&mut card, &mut host, &commit), 0x6985);
    assert_eq!(host.status(&mut card).expect("status"), Status { state: 0x7F, ..Status::default() });
    assert_eq!(Host::here(&mut card, &test_keys(32), KVN, 0x03, Mode::S8).expect("power stays").map(|_| ()), Err(0x6985));
    assert_eq!(select_application(&mut card).sw.0, 0x6285);
    assert_eq!(status(&mut card, "80CADF2000"), 0x9000);
    assert_eq!(hex::encode(send_plain(&mut card, "80CADF2000")), "df200380017f");
}

fn send_plain(card: &mut Card, command: &str) -> Vec<u8> {
    send(card, &Command::parse(&bytes(command)).expect("command")).data
}

#[test]
fn the_status_object_is_for_the_issuer_alone_once_the_card_has_a_holder() {
    let mut card = personalized(&image());
    for select in ["00A4040C07A0000002471001", "00A4040C08A000000151000000"] {
        assert_eq!(status(&mut card, select), 0x9000);
        assert_eq!(status(&mut card, "80CADF2000"), 0x6982);
    }
    let mut host = Host::open(&mut card, 0x01);
    let object = host.status(&mut card).expect("status");
    assert_eq!((object.state, object.nonce, object.digest), (0x3F, Some(NONCE), Some(image().digest().to_vec())));
    assert_eq!((object.done.len(), object.kvn), (image().files.len() + 3, KVN));
}

#[test]
fn store_data_needs_encipherment_and_an_application_to_go_to() {
    let store = block(0x08, 0, &dgi(0x0001, &NONCE));
    let mut card = blank();
    assert_eq!(send(&mut card, &store).sw.0, 0x6982, "no session");
    let mut host = Host::open(&mut card, 0x01);
    host.install(&mut card);
    assert_eq!(host.send(&mut card, &store).sw.0, 0x6982, "level 01");
    let mut host = Host::open(&mut card, 0x03);
    assert_eq!(host.send(&mut card, &store).sw.0, 0x6985, "no INSTALL [for personalization]");
    let mut unknown = install();
    unknown.data[5] ^= 1;
    assert_eq!(host.send(&mut card, &unknown).sw.0, 0x6A88);
    assert_eq!(card.life_cycle(), LifeCycle::Initialized);
    host.install(&mut card);
    assert!(host.send(&mut card, &store).sw.is_ok());
    assert_eq!(card.life_cycle(), LifeCycle::PersoOpen);
}

#[test]
fn a_wrong_mac_a_replay_or_a_plain_command_drops_the_session() {
    let store = block(0x08, 0, &dgi(0x0001, &NONCE));
    for fault in ["mac", "replay", "plain", "swapped"] {
        let mut card = blank();
        let mut host = Host::open(&mut card, 0x03);
        let first = host.0.wrap(&install()).expect("wraps");
        let mut second = host.0.wrap(&store).expect("wraps");
        let sw = match fault {
            "mac" => {
                assert!(send(&mut card, &first).sw.is_ok());
                *second.data.last_mut().expect("MAC") ^= 1;
                send(&mut card, &second).sw.0
            }
            "replay" => {
                assert!(send(&mut card, &first).sw.is_ok());
                send(&mut card, &first).sw.0
            }
            "swapped" => send(&mut card, &second).sw.0,
            _ => {
                assert!(send(&mut card, &first).sw.is_ok());
                send(&mut card, &store).sw.0
            }
        };
        assert_eq!(sw, 0x6982, "{fault}");
        let after = host.0.wrap(&store).expect("wraps");
        assert_eq!(send(&mut card, &after).sw.0, 0x6982, "{fault}: the session is gone");
        assert_eq!(card.life_cycle(), LifeCycle::Initialized, "{fault}");
    }
}

#[test]
fn selecting_and_power_end_the_session() {
    let mut card = blank();
    for end in ["select", "power", "initialize"] {
        let mut host = Host::open(&mut card, 0x03);
        host.install(&mut card);
        match end {
            "select" => assert_eq!(status(&mut card, "00A4040C07A0000002471001"), 0x9000),
            "initialize" => assert_eq!(status(&mut card, "8050000008000000000000000000"), 0x9000),
            _ => card.power_cycle(),
        }
        let late = host.0.wrap(&block(0x08, 0, &dgi(0x0001, &NONCE))).expect("wraps");
        assert_eq!(send(&mut card, &late).sw.0, 0x6982, "{end}");
    }
}
