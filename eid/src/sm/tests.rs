//! Appendix D.4 of Doc 9303-11 in both roles, then one test for each refusal.

use super::*;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

fn command(text: &str) -> Command {
    Command::parse(&bytes(text)).expect("command")
}

fn response(text: &str) -> Response {
    Response::parse(&bytes(text)).expect("response")
}

/// The session keys and the counter of appendix D.3.
fn appendix_d() -> SecureMessaging {
    let key = |text| Secret::new(bytes(text));
    SecureMessaging::new(
        Suite::TripleDes,
        &key("979EC13B1CBFE9DCD01AB0FED307EAE5"),
        &key("F1CB1F1FB5ADF208806B89DC579DC1F8"),
        &bytes("887022120C06C226"),
    )
    .expect("lengths fit")
}

const APPENDIX_D4: [[&str; 4]; 3] = [
    ["00A4020C02011E", "0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800", "990290008E08FA855A5D4C50A8ED9000", "9000"],
    ["00B0000004", "0CB000000D9701048E08ED6705417E96BA5500", "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000", "60145F019000"],
    [
        "00B0000412",
        "0CB000040D9701128E082EA28A70F3C7B53500",
        "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000",
        "04303130365F36063034303030305C0261759000",
    ],
];

#[test]
fn appendix_d_4_as_terminal_and_as_chip() {
    let (mut terminal, mut chip) = (appendix_d(), appendix_d());
    for [plain_command, protected_command, protected_response, plain_response] in APPENDIX_D4 {
        let sent = terminal.protect_command(&command(plain_command)).expect("protects");
        assert_eq!(sent.encode().map(hex::encode_upper).as_deref(), Ok(protected_command));
        assert_eq!(chip.unprotect_command(&sent), Ok(command(plain_command)));
        let answer = chip.protect_response(&response(plain_response)).expect("protects");
        assert_eq!(hex::encode_upper(answer.encode()), protected_response);
        assert_eq!(terminal.unprotect_response(&answer), Ok(response(plain_response)));
    }
}

/// RESET RETRY COUNTER without data: openssl's CMAC over counter and padded header, under the key that the KDF gives.
#[test]
fn a_command_without_data_and_le_is_authenticated_by_its_padded_header_alone() {
    let (mut terminal, mut chip) = ends(Suite::Aes128);
    let sent = terminal.protect_command(&command("002C0303")).expect("protects");
    assert_eq!(sent.encode().map(hex::encode_upper).as_deref(), Ok("0C2C03030A8E085617057CE81088E800"));
    assert_eq!(chip.unprotect_command(&sent), Ok(command("002C0303")));
}

const SUITES: [Suite; 4] = [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256];

/// Both ends of a channel.
fn ends(suite: Suite) -> (SecureMessaging, SecureMessaging) {
    let shared = Secret::new(vec![0x42; 32]);
    (SecureMessaging::from_shared(suite, &shared, &[]), SecureMessaging::from_shared(suite, &shared, &[]))
}

#[test]
fn the_sample_of_tr_03110_is_enciphered_under_the_enciphered_counter() {
    // BSI worked example for EAC: counter 1, AES-128 keys of its PACE run.
    let key = |text| Secret::new(bytes(text));
    let (enc, mac) = (key("68406B4162100563D9C901A6154D2901"), key("73FF268784F72AF833FDC9464049AFC9"));
    let mut terminal = SecureMessaging::new(Suite::Aes128, &enc, &mac, &[0; 16]).expect("lengths fit");
    let set_dst = Command::new(0x00, 0x22, 0x81, 0xB6).with_data(bytes("830D44454356434141543030303031"));
    let sent = terminal.protect_command(&set_dst).expect("protects");
    assert_eq!(hex::encode_upper(&sent.data[..19]), "871101BE90237EEB4BA0FF253EA246AE31C8B8");
}

#[test]
fn commands_of_every_case_and_answers_of_every_kind_in_every_suite() {
    for suite in SUITES {
        let (mut terminal, mut chip) = ends(suite);
        for plain in [
            Command::new(0x00, 0xA4, 0x00, 0x0C),
            Command::new(0x00, 0xB0, 0x8E, 0x00).with_le(256),
            Command::new(0x00, 0xA4, 0x02, 0x0C).with_data([0x01, 0x02]),
            Command::new(0x10, 0x86, 0x00, 0x00).with_data(vec![7; 65]).with_le(256),
            Command::new(0x80, 0x20, 0x80, 0x00).with_data([1]),
            Command::new(0x00, 0xB1, 0x00, 0x00).with_data([0x54, 0x02, 0x80, 0x00]).with_le(100),
            Command::new(0x00, 0xB0, 0x00, 0x00).with_le(65_536),
            Command::new(0x00, 0xB0, 0x00, 0x00).with_le(1000),
            Command::new(0x00, 0x2A, 0x00, 0xBE).with_data(vec![7; 500]),
        ] {
            let sent = terminal.protect_command(&plain).expect("protects");
            assert_eq!(sent.cla, plain.cla | 0x0C);
            assert_eq!(sent.le, Some(if sent.extended { 65_536 } else { 256 }), "outer Le is 00 or 0000");
            assert_eq!(
                sent.data.first(),
                Some(&if plain.data.is_empty() {
                    if plain.le.is_some() { 0x97 } else { 0x8E }
                } else if plain.ins & 1 == 1 {
                    0x85
                } else {
                    0x87
                })
            );
            let wire = Command::parse(&sent.encode().expect("fits")).expect("an APDU");
            let opened = chip.unprotect_command(&wire).expect("same keys");
            assert_eq!((opened.header(), &opened.data, opened.le), (plain.header(), &plain.data, plain.le), "{suite:?}");
            let plain = Response { data: vec![9; plain.data.len()], sw: Sw(0x6282) };
            let answer = chip.protect_response(&plain).expect("protects");
            assert_eq!(terminal.unprotect_response(&answer), Ok(plain));
        }
    }
}

#[test]
fn every_flipped_bit_of_a_command_closes_the_chips_channel() {
    for suite in SUITES {
        let sent = ends(suite).0.protect_command(&Command::new(0x00, 0xA4, 0x02, 0x0C).with_data([0x01, 0x1E])).expect("protects");
        for at in 0..sent.data.len() + 3 {
            let (_, mut chip) = ends(suite);
            let mut damaged = sent.clone();
            match at {
                0 => damaged.ins ^= 2,
                1 => damaged.p1 ^= 1,
                2 => damaged.p2 ^= 1,
                _ => damaged.data[at - 3] ^= 0x01,
            }
            let error = chip.unprotect_command(&damaged).expect_err("damaged");
            assert!(matches!(error.status(), Sw(0x6987 | 0x6988)), "{error}");
            assert!(!chip.is_open());
            assert_eq!(chip.unprotect_command(&sent), Err(SmError::Closed), "the right command comes too late");
            assert_eq!(chip.protect_response(&Response::ok([])), Err(SmError::Closed));
        }
    }
}

#[test]
fn every_flipped_bit_of_an_answer_closes_the_terminals_channel() {
    for suite in SUITES {
        let answer = |sw| {
            let (mut terminal, mut chip) = ends(suite);
            let sent = terminal.protect_command(&Command::new(0x00, 0xB0, 0x9E, 0x00).with_le(8)).expect("protects");
            chip.unprotect_command(&sent).expect("same keys");
            (terminal, chip.protect_response(&Response { data: vec![1, 2, 3], sw: Sw(sw) }).expect("protects"))
        };
        let (_, right) = answer(0x9000);
        for at in 0..right.data.len() {
            let (mut terminal, mut damaged) = answer(0x9000);
            damaged.data[at] ^= 0x01;
            assert!(terminal.unprotect_response(&damaged).is_err(), "{at}");
            assert_eq!(terminal.protect_command(&Command::new(0, 0xB0, 0, 0).with_le(1)), Err(SmError::Closed));
        }
        let (mut terminal, right) = answer(0x6282);
        let outside = Response { sw: Sw::OK, ..right };
        assert_eq!(terminal.unprotect_response(&outside), Err(SmError::Status { inside: Sw(0x6282), outside: Sw::OK }));
    }
}

/// A data field with these objects and a right MAC, as someone with the keys could send it: command 00 A4 02 0C or 00 B1 00 00.
fn forged(suite: Suite, ins: u8, objects: &str) -> Command {
    let (mut keys, _) = ends(suite);
    keys.count().expect("far from the end");
    let mut body = bytes(objects);
    let inner = keys.keys.clone().expect("open");
    let mac = keys.mac(&inner, Some([0x0C, ins, 0x02, 0x0C]), &body);
    tlv::push(&mut body, 0x8E, &mac);
    Command::new(0x0C, ins, 0x02, 0x0C).with_data(body).with_le(256)
}

#[test]
fn commands_with_a_right_mac_and_wrong_objects_are_refused_by_name() {
    let refused = |command: &Command| {
        let (_, mut chip) = ends(Suite::Aes128);
        let error = chip.unprotect_command(command).expect_err("must be refused");
        assert!(!chip.is_open());
        error
    };
    let block = "00112233445566778899AABBCCDDEEFF";
    let order = |found, at| SmError::Order { found: Tag(found), at };
    for (ins, objects, error) in [
        (0xA4, format!("9701008711 01{block}"), order(0x87, 3)),
        (0xA4, format!("8711 01{block}8711 01{block}"), order(0x87, 19)),
        (0xA4, "970100970100".into(), order(0x97, 3)),
        (0xA4, "99029000".into(), order(0x99, 0)),
        (0xA4, "810101".into(), order(0x81, 0)),
        (0xA4, format!("8510{block}"), order(0x85, 0)),
        (0xB1, format!("8711 01{block}"), order(0x87, 0)),
        (0xA4, format!("8711 02{block}"), SmError::Padding),
        (0xA4, "8700".into(), SmError::Padding),
        (0xA4, "870101".into(), SmError::Length { object: "85 or 87", expected: "whole blocks", found: 0 }),
        (0xA4, format!("8710 01{}", &block[2..]), SmError::Length { object: "85 or 87", expected: "whole blocks", found: 15 }),
        (0xA4, format!("8711 01{block}"), SmError::Padding),
        (0xA4, "9703010000".into(), SmError::Length { object: "97", expected: "0 to 2 bytes", found: 3 }),
    ] {
        assert_eq!(refused(&forged(Suite::Aes128, ins, &objects.replace(' ', ""))), error, "{objects}");
    }
    let right = forged(Suite::Aes128, 0xA4, "970100");
    assert_eq!(ends(Suite::Aes128).1.unprotect_command(&right).map(|plain| plain.le), Ok(Some(256)));
    let empty = forged(Suite::Aes128, 0xA4, "9700");
    assert_eq!(ends(Suite::Aes128).1.unprotect_command(&empty).map(|plain| plain.le), Ok(Some(256)), "as much as there is");

    let mut behind = right.clone();
    behind.data.extend([0x97, 0x01, 0x00]);
    assert_eq!(refused(&behind), order(0x97, 13));
    let mut without = right.clone();
    without.data.truncate(3);
    assert_eq!((refused(&without), refused(&without).status()), (SmError::Missing { expected: "8E" }, Sw(0x6987)));
    let mut short = right.clone();
    (short.data[4], _) = (7, short.data.pop());
    assert_eq!(refused(&short), SmError::Length { object: "8E", expected: "8 bytes", found: 7 });
    assert!(matches!(refused(&Command { le: None, ..right.clone() }), SmError::Command { found: "without Le", .. }));
    assert!(matches!(refused(&Command { le: Some(8), ..right.clone() }), SmError::Command { found: "with another Le", .. }));
    for cla in [0x00, 0x04, 0x08, 0x2C, 0x4C] {
        let plain = Command { cla, ..right.clone() };
        assert_eq!(refused(&plain).status(), Sw(0x6987), "class {cla:02X}");
    }
}

#[test]
fn a_replayed_or_reordered_command_is_a_wrong_mac() {
    let (mut terminal, mut chip) = ends(Suite::Aes256);
    let first = terminal.protect_command(&Command::new(0x00, 0xB0, 0x9E, 0x00).with_le(8)).expect("protects");
    chip.unprotect_command(&first).expect("same keys");
    chip.protect_response(&Response::ok([])).expect("protects");
    assert_eq!(chip.unprotect_command(&first), Err(SmError::Mac));
}

#[test]
fn a_plain_answer_ends_the_channel_with_its_status_as_a_reading() {
    let (mut terminal, _) = ends(Suite::Aes128);
    terminal.protect_command(&Command::new(0x00, 0xB0, 0x9E, 0x00).with_le(8)).expect("protects");
    assert_eq!(terminal.unprotect_response(&Response::status(0x6988)), Err(SmError::Unprotected(Sw(0x6988))));
    assert!(!terminal.is_open());
    let (mut terminal, _) = ends(Suite::Aes128);
    assert_eq!(terminal.unprotect_response(&Response::ok([])), Err(SmError::Unprotected(Sw::OK)), "9000 alone is no proof");
}

#[test]
fn what_cards_in_the_field_do_is_forgiven_only_when_told_and_then_kept() {
    // An answer without DO'99', as an emulator sends it, and one that carries DO'87' for READ BINARY with odd INS.
    let answer = |ins: u8, objects: &str| {
        let (mut keys, _) = ends(Suite::TripleDes);
        let sent = keys.protect_command(&Command::new(0x00, ins, 0x00, 0x00).with_le(8)).expect("protects");
        keys.count().expect("far from the end");
        let mut body = bytes(objects);
        let inner = keys.keys.clone().expect("open");
        if body.is_empty() {
            keys.odd = false;
            keys.push_data(&inner, &mut body, &[1, 2, 3]);
            tlv::push(&mut body, 0x99, &[0x90, 0x00]);
        }
        let mac = keys.mac(&inner, None, &body);
        tlv::push(&mut body, 0x8E, &mac);
        (sent, Response { data: body, sw: Sw::OK })
    };
    let (enciphered, _) = {
        let (mut keys, _) = ends(Suite::TripleDes);
        keys.count().and_then(|()| keys.count()).expect("far from the end");
        let inner = keys.keys.clone().expect("open");
        let mut body = Vec::new();
        keys.push_data(&inner, &mut body, &[1, 2, 3]);
        (hex::encode(body), ())
    };
    for (ins, objects, tolerance, error) in [
        (0xB0, enciphered.as_str(), Tolerance::StatusObjectMissing, SmError::Missing { expected: "99" }),
        (0xB1, "", Tolerance::OtherDataObject, SmError::Order { found: Tag(0x87), at: 0 }),
    ] {
        let (_, right) = answer(ins, objects);
        let plain = Command::new(0x00, ins, 0x00, 0x00).with_le(8);
        let (mut strict, _) = ends(Suite::TripleDes);
        strict.protect_command(&plain).expect("protects");
        assert_eq!(strict.unprotect_response(&right), Err(error));
        let mut lenient = ends(Suite::TripleDes).0.danger_tolerate(tolerance);
        lenient.protect_command(&plain).expect("protects");
        assert!(lenient.tolerated().is_empty());
        assert_eq!(lenient.unprotect_response(&right), Ok(Response::ok([1, 2, 3])));
        assert_eq!(lenient.tolerated(), [tolerance]);
    }
}

#[test]
fn the_counter_carries_and_ends() {
    let key = Secret::from([0x42; 16]);
    let mut counter = [0xFF; 8];
    counter[0] = 0x00;
    let new = |counter: &[u8]| SecureMessaging::new(Suite::TripleDes, &key, &key, counter).expect("lengths fit");
    let (mut terminal, mut chip) = (new(&counter), new(&[0x01, 0, 0, 0, 0, 0, 0, 0]));
    let sent = terminal.protect_command(&Command::new(0, 0xB0, 0, 0).with_le(1)).expect("protects");
    assert_eq!(chip.unprotect_command(&sent), Err(SmError::Mac), "the chip is one ahead");
    assert_eq!(terminal.counter, [0x01, 0, 0, 0, 0, 0, 0, 0]);
    let mut last = new(&[0xFF; 8]);
    assert_eq!(last.protect_command(&Command::new(0, 0xB0, 0, 0).with_le(1)), Err(SmError::Exhausted));
    assert_eq!(last.protect_command(&Command::new(0, 0xB0, 0, 0).with_le(1)), Err(SmError::Closed));
    assert!(SecureMessaging::new(Suite::Aes128, &key, &key, &[0; 8]).is_err());
    assert!(SecureMessaging::new(Suite::Aes192, &key, &key, &[0; 16]).is_err());
}

/// Who opens one exchange of a recorded conversation needs the counter, not the others.
#[test]
fn skipping_counts_like_the_exchanges_that_are_skipped() {
    let plain = command("00B0000004");
    for suite in SUITES {
        for skipped in [0, 1, 127, 128, 700] {
            let (mut terminal, mut chip) = ends(suite);
            for _ in 0..skipped {
                let _ = terminal.protect_command(&plain).expect("protects");
                terminal.count().expect("the answer");
            }
            let sent = terminal.protect_command(&plain).expect("protects");
            chip.danger_skip(skipped);
            assert_eq!(chip.unprotect_command(&sent), Ok(plain.clone()), "{suite:?} {skipped}");
        }
        let at = |octet: u8, skipped| {
            let mut counter = vec![0xFF; suite.block_len()];
            *counter.last_mut().expect("a block") = octet;
            let key = Secret::new(vec![7; suite.key_len()]);
            let mut channel = SecureMessaging::new(suite, &key, &key, &counter).expect("lengths fit");
            channel.danger_skip(skipped);
            channel.is_open()
        };
        assert_eq!((at(0xFF, 0), at(0xFD, 1), at(0xFE, 1), at(0xFF, u32::MAX)), (true, true, false, false));
    }
}

#[test]
fn debug_output_has_no_key() {
    let (terminal, _) = ends(Suite::Aes128);
    let text = format!("{terminal:?} {:?}", terminal.keys);
    assert_eq!(
        text,
        "SecureMessaging { suite: Aes128, open: true, .. } Some(Keys { enc: CipherKey(Aes128 [redacted]), mac: MacKey(Aes128 [redacted]) })"
    );
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_either_side_panic(data: Vec<u8>, cla: u8, ins: u8, sw: u16, tag in proptest::sample::select(vec![0x85u32, 0x87, 0x97, 0x99])) {
        for suite in SUITES {
            for data in [data.clone(), tlv::encode(tag, &data)] {
                let (mut terminal, mut chip) = ends(suite);
                let _ = chip.unprotect_command(&Command::new(cla, ins, 0, 0).with_data(data.clone()).with_le(256));
                // The same with a right MAC, so that what stands behind it is reached.
                let (_, mut chip) = ends(suite);
                let _ = chip.unprotect_command(&forged(suite, ins, &hex::encode(&data)));
                let _ = terminal.unprotect_response(&Response { data, sw: Sw(sw) });
            }
        }
    }
}

/// A card that refused a command in the clear, and counted nothing of it, the command, or both: the terminal's next message is the one that
/// this card expects. The counter of the first stands where the borrow goes through every octet.
#[test]
fn after_a_refusal_in_the_clear_the_counter_is_set_to_where_the_card_has_it() {
    let plain = command("00B0000004");
    for suite in SUITES {
        for start in [vec![0; suite.block_len()], [vec![0; suite.block_len() - 1], vec![0xFF]].concat()] {
            for (counted, steps) in [(Counted::Nothing, 0), (Counted::Command, 1), (Counted::Both, 2)] {
                let key = Secret::new(vec![7; suite.key_len()]);
                let channel = || SecureMessaging::new(suite, &key, &key, &start).expect("lengths fit");
                let (mut terminal, mut chip) = (channel(), channel());
                terminal.protect_command(&plain).expect("protects");
                terminal.danger_recount(counted);
                for _ in 0..steps {
                    chip.count().expect("far from its end");
                }
                let sent = terminal.protect_command(&plain).expect("protects");
                assert_eq!(chip.unprotect_command(&sent), Ok(plain.clone()), "{suite:?} {counted:?}");
            }
        }
    }
    // a counter that has no next value ends the channel
    let key = Secret::new(vec![7; 16]);
    let mut last = vec![0xFF; 8];
    last[7] = 0xFE;
    let mut channel = SecureMessaging::new(Suite::TripleDes, &key, &key, &last).expect("lengths fit");
    channel.protect_command(&plain).expect("protects");
    channel.danger_recount(Counted::Both);
    assert!(!channel.is_open());
}
