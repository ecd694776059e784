//! The sessions of `fixtures/globalplatform/scp02-sessions.json` at both ends; then each refusal.

use serde_json::Value;

use super::*;
use crate::apdu::Response;
use crate::test_rng::{Given, Seeded};

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("text")).expect("hex")
}

fn command(value: &Value) -> Command {
    Command::parse(&bytes(value)).expect("command")
}

fn sessions() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../../../fixtures/globalplatform/scp02-sessions.json")).expect("JSON");
    file["sessions"].as_array().expect("list").clone()
}

#[test]
fn recorded_sessions_at_both_ends() {
    let mut exchanges = 0;
    for session in sessions().iter().filter(|session| session["initialize_update"].is_string()) {
        let key = |name: &str| Secret::new(bytes(&session[name]));
        let keys = StaticKeys::new(key("enc"), key("mac"), key("dek")).expect("16 bytes");
        let update = command(&session["initialize_update"]);
        let (sent, host) = HostOpening::start(update.p1, &mut Given(update.data.clone()));
        assert_eq!(sent, update);
        let answer = Response::parse(&bytes(&session["initialize_update_response"])).expect("response").data;
        let parsed = InitializeUpdateAnswer::parse(&answer).expect("well formed");
        let mut rng = Given(parsed.card_challenge.to_vec());
        let (card_answer, card) =
            CardOpening::initialize_update(parsed.kdd, parsed.key_version, &keys, parsed.sequence_counter, &update.data, &mut rng)
                .expect("lengths");
        assert_eq!(card_answer, answer);

        let derived = SessionKeys::derive(&keys, parsed.sequence_counter).expect("16 bytes");
        for (key, name) in [(&derived.enc, "s_enc"), (&derived.dek, "s_dek")] {
            let expected = CipherKey::new(Suite::TripleDes, &bytes(&session[name])).expect("16 bytes");
            let (mut ours, mut theirs) = ([7; 8], [7; 8]);
            key.encrypt_blocks(&mut ours).expect("one block");
            expected.encrypt_blocks(&mut theirs).expect("one block");
            assert_eq!(ours, theirs, "{name}");
        }

        let level = Level::from_byte(bytes(&session["security_level"])[0]).expect("01 or 03");
        let (authenticate, mut host) = host.authenticate(&parsed, &keys, level).expect("the card has these keys");
        assert_eq!(authenticate, command(&session["external_authenticate"]));
        let mut card = card.external_authenticate(&authenticate).expect("the host has these keys");
        assert_eq!((host.level(), card.level()), (level, level));
        for step in session["exchange"].as_array().expect("list") {
            let plain = command(&step["plain"]);
            let wrapped = host.wrap(&plain).expect("wraps");
            assert_eq!(hex::encode_upper(wrapped.encode().expect("fits")), step["wrapped"].as_str().expect("text"));
            assert_eq!(card.unwrap(&wrapped), Ok(plain));
            exchanges += 1;
        }
    }
    assert_eq!(exchanges, 11);
}

#[test]
fn the_cryptogram_of_a_card_with_pseudo_random_challenges() {
    let session = sessions().into_iter().find(|session| session["i"] == "55").expect("there");
    let keys = StaticKeys::same(&Secret::new(bytes(&session["enc"]))).expect("16 bytes");
    let counter = bytes(&session["sequence_counter"]).try_into().expect("two bytes");
    let derived = SessionKeys::derive(&keys, counter).expect("16 bytes");
    let challenge = bytes(&session["card_challenge6"]).try_into().expect("six bytes");
    let host = bytes(&session["host_challenge"]).try_into().expect("eight bytes");
    let [card, _] = derived.cryptograms(&host, counter, &challenge).expect("lengths");
    assert_eq!(card.to_vec(), bytes(&session["card_cryptogram"]));
}

#[test]
fn keys_are_enciphered_under_the_sessions_dek_and_not_under_the_static_one() {
    let file: Value = serde_json::from_str(include_str!("../../../fixtures/globalplatform/keys.json")).expect("JSON");
    for vector in file["under_dek_3des"].as_array().expect("list") {
        let key = Secret::new(bytes(&vector["key"]));
        let dek = CipherKey::new(Suite::TripleDes, &bytes(&vector["dek"])).expect("16 bytes");
        let mut data = key.expose().to_vec();
        dek.encrypt_blocks(&mut data).expect("whole blocks");
        assert_eq!(data, bytes(&vector["cipher"]));
        if vector["protocol"].as_str().expect("text").starts_with("SCP02") {
            let keys = StaticKeys::same(&Secret::new((0x40..0x50).collect())).expect("16 bytes");
            let session =
                Session { keys: Some(SessionKeys::derive(&keys, [0, 0]).expect("16 bytes")), level: Level::CMac, chaining: [0; 8] };
            assert_eq!(session.encrypt_sensitive(&key), Ok(bytes(&vector["cipher"])));
            assert_eq!(session.decrypt_sensitive(&bytes(&vector["cipher"])), Ok(key));
        }
    }
}

fn open(level: Level) -> (Session, Session) {
    let keys = StaticKeys::same(&Secret::from([0x42; 16])).expect("16 bytes");
    let mut rng = Seeded::new(1);
    let (update, host) = HostOpening::start(0x20, &mut rng);
    let (answer, card) = CardOpening::initialize_update([1; 10], 0x20, &keys, [0, 1], &update.data, &mut rng).expect("length");
    let answer = InitializeUpdateAnswer::parse(&answer).expect("well formed");
    let (command, host) = host.authenticate(&answer, &keys, level).expect("same keys");
    (host, card.external_authenticate(&command).expect("same keys"))
}

fn store(len: usize) -> Command {
    Command::new(0x80, 0xE2, 0x08, 0x00).with_data(vec![0x5A; len])
}

#[test]
fn every_level_carries_commands_and_refuses_what_does_not_fit() {
    for level in [Level::Authenticated, Level::CMac, Level::CDecCMac] {
        let (mut host, mut card) = open(level);
        for plain in [store(0), store(1).with_le(256), store(16), store(239)] {
            let wrapped = host.wrap(&plain).expect("wraps");
            assert_eq!(card.unwrap(&wrapped), Ok(plain));
        }
    }
    assert_eq!(open(Level::CMac).0.wrap(&store(248)), Err(Scp02Error::TooLong { found: 256 }));
    assert_eq!(open(Level::CDecCMac).0.wrap(&store(247)), Err(Scp02Error::TooLong { found: 256 }));
    for byte in [0x02, 0x10, 0x11, 0x13, 0x33] {
        assert_eq!(Level::from_byte(byte), Err(Scp02Error::Level { found: byte }));
    }
}

#[test]
fn every_flipped_bit_and_every_replay_closes_the_cards_session() {
    for level in [Level::CMac, Level::CDecCMac] {
        let wrapped = open(level).0.wrap(&store(20)).expect("wraps");
        for at in 0..wrapped.data.len() + 3 {
            let (_, mut card) = open(level);
            let mut damaged = wrapped.clone();
            match at {
                0 => damaged.ins ^= 1,
                1 => damaged.p1 ^= 1,
                2 => damaged.p2 ^= 1,
                _ => damaged.data[at - 3] ^= 1,
            }
            assert_eq!(card.unwrap(&damaged), Err(Scp02Error::CMac), "{at}");
            assert_eq!(card.unwrap(&wrapped), Err(Scp02Error::Closed));
        }
        let (_, mut card) = open(level);
        card.unwrap(&wrapped).expect("same keys");
        assert_eq!(card.unwrap(&wrapped), Err(Scp02Error::CMac), "a replay");
        let error = open(level).1.unwrap(&store(20)).expect_err("plain");
        assert!(matches!(error, Scp02Error::Command { found: [0x80, 0xE2], .. }));
    }
}

#[test]
fn the_opening_names_what_is_wrong() {
    let keys = |octet| StaticKeys::same(&Secret::from([octet; 16])).expect("16 bytes");
    let mut rng = Seeded::new(2);
    let mut start = || {
        let (update, host) = HostOpening::start(0, &mut rng);
        let (answer, card) = CardOpening::initialize_update([1; 10], 0x20, &keys(0x42), [0, 1], &update.data, &mut rng).expect("length");
        (host, InitializeUpdateAnswer::parse(&answer).expect("well formed"), card)
    };
    let (host, answer, _) = start();
    assert_eq!(host.authenticate(&answer, &keys(0x44), Level::CMac).map(|_| ()), Err(Scp02Error::CardCryptogram));
    let long = StaticKeys::same(&Secret::from([0x42; 32])).expect("32 bytes");
    let (host, answer, _) = start();
    assert!(matches!(host.authenticate(&answer, &long, Level::CMac), Err(Scp02Error::Cipher(_))));
    for (change, expected) in [
        ((|command: &mut Command| command.data[0] ^= 1) as fn(&mut Command), 0x6300),
        (|command| command.data[15] ^= 1, 0x6982),
        (|command| command.p1 = 0x00, 0x6982),
        (|command| command.p1 = 0x33, 0x6A86),
        (|command| command.data.truncate(15), 0x6700),
        (|command| command.cla = 0x80, 0x6982),
    ] {
        let (host, answer, card) = start();
        let (mut command, _) = host.authenticate(&answer, &keys(0x42), Level::CMac).expect("same keys");
        change(&mut command);
        assert_eq!(card.external_authenticate(&command).expect_err("must be refused").status(), Sw(expected));
    }
    let (_, answer, _) = start();
    let mut bytes = [&answer.kdd[..], &[0x20, 0x03, 0, 1], &answer.card_challenge, &answer.card_cryptogram].concat();
    assert_eq!(InitializeUpdateAnswer::parse(&bytes), Err(Scp02Error::Protocol { found: 0x03 }));
    bytes.push(0);
    assert!(matches!(InitializeUpdateAnswer::parse(&bytes), Err(Scp02Error::Length { found: 29, .. })));
    let short = CardOpening::initialize_update([1; 10], 0x20, &keys(0x42), [0, 1], &[0; 7], &mut Seeded::new(3));
    assert!(matches!(short, Err(Scp02Error::Length { found: 7, .. })));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(data: Vec<u8>) {
        let _ = InitializeUpdateAnswer::parse(&data);
        for level in [Level::CMac, Level::CDecCMac] {
            let _ = open(level).1.unwrap(&Command::new(0x84, 0xE2, 0, 0).with_data(data.clone()));
        }
    }
}
