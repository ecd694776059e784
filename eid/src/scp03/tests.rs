//! Every session, derivation and key of `fixtures/globalplatform`, host and card, command and answer.

mod refusals;

use serde_json::Value;

use super::card::{self, CardSession};
use super::host::{self, HostSession, InitializeUpdateAnswer};
use super::keys::{SessionKeys, StaticKeys, kcv_3des};
use super::*;
use crate::apdu::{Command, Response};
use crate::crypto::cipher::CipherKey;
use crate::crypto::kdf::Suite;
use crate::crypto::mac::MacKey;
use crate::secret::Secret;
use crate::test_rng::{Given, Seeded};

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).expect("fixture is JSON")
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("{name} is a list"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is text in {value}"))
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

fn hex_of(value: &Value) -> Vec<u8> {
    bytes(value.as_str().expect("text"))
}

fn command(text: &str) -> Command {
    Command::parse(&bytes(text)).expect("command")
}

fn response(text: &str) -> Response {
    Response::parse(&bytes(text)).expect("response")
}

fn key_set(keys: &[Value]) -> StaticKeys {
    let [enc, mac, dek] = keys else { panic!("three keys") };
    let key = |value| Secret::new(hex_of(value));
    StaticKeys::new(key(enc), key(mac), key(dek)).expect("lengths of AES keys")
}

fn level(value: &Value) -> SecurityLevel {
    SecurityLevel::from_byte(bytes(text(value, "level"))[0]).expect("a level")
}

/// Opens a session of a fixture at both ends and compares every byte of the opening.
fn open(
    keys: &StaticKeys,
    level: SecurityLevel,
    aid: Option<&[u8]>,
    initialize_update: [&str; 2],
    external_authenticate: &str,
) -> (HostSession, CardSession) {
    let sent = command(initialize_update[0]);
    let mode = Mode::from_len(sent.data.len()).expect("8 or 16");
    let (update, host) = host::Opening::start(sent.p1, mode, &mut Given(sent.data.clone()));
    // One of the recordings has no Le.
    assert_eq!((update.header(), &update.data), (sent.header(), &sent.data));
    let answer = response(initialize_update[1]).data;
    let parsed = InitializeUpdateAnswer::parse(&answer).expect("well formed");

    let domain = card::Domain {
        kdd: parsed.kdd,
        key_version: parsed.key_version,
        keys,
        implementation: parsed.implementation,
        sequence_counter: parsed.sequence_counter.unwrap_or_default(),
        aid: aid.unwrap_or_default(),
    };
    // A challenge that is not derived from a known AID is taken as it was recorded.
    let (card_answer, card) = if parsed.sequence_counter.is_some() && aid.is_some() {
        card::Opening::initialize_update(&domain, &sent.data, &mut Given(Vec::new())).expect("8 or 16 bytes")
    } else {
        card::Opening::with_challenge(&domain, &sent.data, &parsed.card_challenge)
    };
    assert_eq!(hex::encode_upper(card_answer), hex::encode_upper(answer));

    let (authenticate, host) = host.authenticate(&parsed, keys, level, Options::default(), aid).expect("the card has these keys");
    assert_eq!(authenticate.encode().map(hex::encode_upper).as_deref(), Ok(external_authenticate));
    let card = card.external_authenticate(&authenticate, Options::default()).expect("the host has these keys");
    assert_eq!((card.level(), host.level()), (level, level));
    (host, card)
}

/// One command and, where it is known, its answer, through both ends.
fn exchange(host: &mut HostSession, card: &mut CardSession, step: &Value, name: &str) {
    let plain = command(text(step, "plain"));
    let wrapped = host.wrap(&plain).expect("wraps");
    assert_eq!(wrapped.encode().map(hex::encode_upper).as_deref(), Ok(text(step, "wrapped")), "{name}");
    assert_eq!(card.unwrap(&wrapped), Ok(plain), "{name}");
    if step.get("answer").is_some() {
        let plain = response(text(step, "answer_plain"));
        let sent = card.wrap(&plain).expect("wraps");
        assert_eq!(hex::encode_upper(sent.encode()), text(step, "answer"), "{name}");
        assert_eq!(host.unwrap(&sent), Ok(plain), "{name}");
    }
}

#[test]
fn every_recorded_and_computed_session_in_both_directions() {
    let file = fixture(include_str!("../../../fixtures/globalplatform/scp03-sessions.json"));
    let sessions = list(&file, "sessions");
    assert_eq!(sessions.len(), 28);
    let mut exchanges = 0;
    for session in sessions {
        let name = text(session, "name");
        let keys = key_set(list(session, "keys"));
        let aid = session["aid"].as_str().map(bytes);
        let [update, answer] = list(session, "initialize_update") else { panic!("command and answer") };
        let update = [update.as_str().expect("text"), answer.as_str().expect("text")];
        let parsed = InitializeUpdateAnswer::parse(&response(update[1]).data).expect("well formed");
        let host_challenge = command(update[0]).data;
        let derived = SessionKeys::derive(&keys, &host_challenge, &parsed.card_challenge);
        for (constant, expected) in [kdf::CARD_CRYPTOGRAM, kdf::HOST_CRYPTOGRAM].into_iter().zip(list(session, "cryptograms")) {
            let mode = parsed.implementation.mode();
            assert_eq!(derived.cryptogram(mode, constant, &host_challenge, &parsed.card_challenge).expose(), hex_of(expected), "{name}");
        }
        check_session_keys(&keys, &[&host_challenge, &parsed.card_challenge], list(session, "session_keys"));
        let (mut host, mut card) = open(&keys, level(session), aid.as_deref(), update, text(session, "external_authenticate"));
        for step in list(session, "exchange") {
            exchange(&mut host, &mut card, step, name);
            exchanges += 1;
        }
    }
    assert_eq!(exchanges, 103);
}

fn check_session_keys(keys: &StaticKeys, context: &[&[u8]], expected: &[Value]) {
    let bits = u16::try_from(keys.len() * 8).expect("at most 256");
    for ((constant, key), expected) in
        [(kdf::S_ENC, keys.enc()), (kdf::S_MAC, keys.mac()), (kdf::S_RMAC, keys.mac())].into_iter().zip(expected)
    {
        let key = MacKey::new(keys.suite(), key.expose()).expect("length");
        assert_eq!(kdf::derive(&key, constant, bits, context).expose(), hex_of(expected));
    }
}

#[test]
fn the_whole_personalization_of_a_small_card_at_three_levels() {
    let file = fixture(include_str!("../../../fixtures/globalplatform/eid-applet.json"));
    let keys = key_set(list(&file, "keys"));
    let kdd = bytes(text(&file, "kdd")).try_into().expect("ten bytes");
    assert_eq!(kdf3(&Secret::new(bytes(text(&file, "master"))), kdd), Ok(keys.clone()));
    let values: Vec<_> = list(&file, "check_values").iter().map(hex_of).collect();
    assert_eq!(keys.kcvs().map(|value| value.to_vec()).to_vec(), values);
    let aid = bytes(text(&file, "aid"));
    let [update, answer] = list(&file, "initialize_update") else { panic!("command and answer") };
    let update = [update.as_str().expect("text"), answer.as_str().expect("text")];
    for session in list(&file, "sessions") {
        let (mut host, mut card) = open(&keys, level(session), Some(&aid), update, text(session, "external_authenticate"));
        let (mut sent, mut received) = (0, 0);
        for step in list(session, "exchange") {
            exchange(&mut host, &mut card, step, text(step, "step"));
            sent += text(step, "wrapped").len() / 2;
            received += text(step, "answer").len() / 2;
            let plain = command(text(step, "plain"));
            if plain.p1 == 0x68 {
                // The sensitive DGIs: deciphered on the card, they are the templates of the example.
                let id = hex::encode_upper(&plain.data[..2]);
                let opened = card.decrypt_sensitive(&plain.data[3..]).expect("whole blocks");
                let templates = bytes(text(&file["dgis"], &id));
                assert_eq!(opened.expose()[..templates.len()], templates);
                assert_eq!(crate::dgi::open(opened.expose()).map(<[u8]>::len), Ok(templates.len() - 6));
                assert_eq!(host.encrypt_sensitive(opened.expose()).as_deref(), Ok(&plain.data[3..]));
            }
        }
        assert_eq!(session["command_bytes"], sent);
        assert_eq!(session["answer_bytes"], received);
    }
}

#[test]
fn derivations_of_others() {
    let file = fixture(include_str!("../../../fixtures/globalplatform/scp03-kdf.json"));
    let derivations = list(&file, "derivations");
    assert_eq!(derivations.len(), 40);
    for derivation in derivations {
        let key = bytes(text(derivation, "key"));
        let key = MacKey::new(keys::aes(key.len()).expect("AES"), &key).expect("length");
        let constant = bytes(text(derivation, "constant"))[0];
        let bits = u16::try_from(derivation["bits"].as_u64().expect("number")).expect("128 or 256");
        let context = bytes(text(derivation, "context"));
        assert_eq!(hex::encode_upper(kdf::derive(&key, constant, bits, &[&context]).expose()), text(derivation, "output"));
    }
}

#[test]
fn single_steps_of_recorded_sessions() {
    let file = fixture(include_str!("../../../fixtures/globalplatform/scp03-kdf.json"));
    let steps = list(&file, "steps");
    let what = |begin: &str| steps.iter().find(|step| text(step, "what").starts_with(begin)).expect("there");

    let step = what("session keys");
    let keys = StaticKeys::same(&Secret::new(bytes(text(step, "key")))).expect("16 bytes");
    let names = ["s_enc", "s_mac", "s_rmac"];
    check_session_keys(&keys, &[&bytes(text(step, "context"))], &names.map(|name| step[name].clone()));

    let step = what("pseudo-random card challenge");
    let keys = StaticKeys::same(&Secret::new(bytes(text(step, "key")))).expect("16 bytes");
    let counter = bytes(text(step, "sequence_counter")).try_into().expect("three bytes");
    assert_eq!(hex::encode_upper(keys.card_challenge(Mode::S8, counter, &bytes(text(step, "aid")))), text(step, "output"));

    let step = what("session key KCVs");
    let key = MacKey::new(Suite::Aes128, &bytes(text(step, "key"))).expect("16 bytes");
    for (constant, name) in [(kdf::S_ENC, "kcv_s_enc"), (kdf::S_MAC, "kcv_s_mac"), (kdf::S_RMAC, "kcv_s_rmac")] {
        let derived = kdf::derive(&key, constant, 128, &[&bytes(text(step, "context"))]);
        assert_eq!(hex::encode_upper(kcv(&derived).expect("16 bytes")), text(step, name));
    }

    let raw = |enc: &str, rmac: &str| SessionKeys {
        enc: CipherKey::new(Suite::Aes128, &bytes(enc)).expect("16 bytes"),
        mac: MacKey::new(Suite::Aes128, &[0; 16]).expect("16 bytes"),
        rmac: MacKey::new(Suite::Aes128, &bytes(rmac)).expect("16 bytes"),
    };
    let zero = "00000000000000000000000000000000";

    let step = what("C-DEC command");
    let mut channel = channel::Channel::new(raw(text(step, "s_enc"), zero), Mode::S8, SecurityLevel::CDecCMac, Options::default());
    channel.set_state(vec![0; 16], 93);
    let wrapped = channel.wrap_command(&Command::new(0x80, 0xE2, 0, 0).with_data(bytes(text(step, "plain")))).expect("wraps");
    assert_eq!(hex::encode_upper(&wrapped.data[..32]), text(step, "cipher"));

    let step = what("R-MAC then R-ENC");
    let keys = raw(text(step, "s_enc"), text(step, "s_rmac"));
    let mut channel = channel::Channel::new(keys, Mode::S8, SecurityLevel::Full, Options::default());
    channel.set_state(bytes(text(step, "mac_chaining_value")), 13);
    let plain = Response::ok(bytes(text(step, "response_plain")));
    assert_eq!(channel.unwrap_response(&response(text(step, "response_wire"))), Ok(plain.clone()));
    assert_eq!(channel.wrap_response(&plain).map(|answer| hex::encode_upper(answer.encode())).as_deref(), Ok(text(step, "response_wire")));

    let step = what("R-ENC response");
    let mut channel = channel::Channel::new(raw(text(step, "s_enc"), zero), Mode::S8, SecurityLevel::Full, Options::default());
    channel.set_state(vec![0; 16], 1);
    let wrapped = channel.wrap_response(&Response::ok(bytes(text(step, "plain")))).expect("wraps");
    assert_eq!(hex::encode_upper(&wrapped.data[..16]), text(step, "cipher"));
}

#[test]
fn diversified_keys_and_their_check_values() {
    let file = fixture(include_str!("../../../fixtures/globalplatform/keys.json"));
    for vector in list(&file, "diversification") {
        let rule = Diversification::from_name(text(vector, "rule")).expect("a rule");
        let masters = StaticKeys::same(&Secret::new(bytes(text(vector, "master")))).expect("length");
        let kdd = bytes(text(vector, "kdd")).try_into().expect("ten bytes");
        let keys = rule.derive(&masters, kdd).expect("diverse");
        for ((what, key), expected) in keys.named().into_iter().zip(list(vector, "keys")) {
            assert_eq!(key.expose(), hex_of(expected), "{rule:?} {what}");
        }
        if let Some(values) = vector["check_values"].as_array() {
            for ((what, key), expected) in keys.named().into_iter().zip(values) {
                let value = if rule == Diversification::Kdf3 { kcv(key) } else { kcv_3des(key) };
                assert_eq!(value.map(|value| value.to_vec()), Ok(hex_of(expected)), "{rule:?} {what}");
            }
        }
    }
    let vector = &file["an10922"];
    let master = Secret::new(bytes(text(vector, "master")));
    let derived = diversification::an10922(&master, &bytes(text(vector, "input"))).expect("length");
    assert_eq!(hex::encode_upper(derived.expose()), text(vector, "output"));
    for vector in list(&file, "check_values") {
        let key = Secret::new(bytes(text(vector, "key")));
        let value = if text(vector, "type") == "AES" { kcv(&key) } else { kcv_3des(&key) };
        assert_eq!(value.map(hex::encode_upper).as_deref(), Ok(text(vector, "kcv")));
    }
}

#[test]
fn an10922_is_cmac_where_the_message_is_longer_than_a_block_and_not_otherwise() {
    let master = Secret::from([0x42; 16]);
    let key = MacKey::new(Suite::Aes128, master.expose()).expect("16 bytes");
    for len in [1, 10, 15, 16, 17, 30, 31] {
        let input = vec![7; len];
        let plain = key.full(&[&[0x01], &input]);
        let derived = diversification::an10922(&master, &input).expect("length");
        assert_eq!(derived.expose() == plain, len > 15, "{len}");
    }
    assert!(diversification::an10922(&master, &[]).is_err() && diversification::an10922(&master, &[0; 32]).is_err());
}

#[test]
fn a_stock_whose_cards_share_their_diversification_data_is_refused() {
    let master = Secret::from([0x42; 32]);
    assert_eq!(kdf3(&master, [0; 10]), Err(keys::KeyError::NotDiverse { found: "00000000000000000000".into() }));
    assert!(kdf3(&master, [0xFF; 10]).is_err());
    assert_ne!(kdf3(&master, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), kdf3(&master, [0, 0, 0, 0, 0, 0, 0, 0, 0, 2]));
    assert!(Diversification::Emv.derive(&StaticKeys::same(&master).expect("length"), [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]).is_err());
}

#[test]
fn put_key_of_three_lengths_in_both_directions() {
    let file = fixture(include_str!("../../../fixtures/globalplatform/keys.json"));
    for vector in list(&file, "put_key") {
        let dek = bytes(text(vector, "dek"));
        let dek = CipherKey::new(keys::aes(dek.len()).expect("AES"), &dek).expect("length");
        let keys = key_set(list(vector, "keys"));
        let put = put_key::command(0, 0x30, &keys, &dek);
        assert_eq!(put.encode().map(hex::encode_upper).as_deref(), Ok(text(vector, "command")));
        assert_eq!(put_key::parse(&put.data, &dek), Ok((0x30, keys.clone())));
        let answer = response(text(vector, "answer")).data;
        assert_eq!(put_key::answer(0x30, &keys), answer);
        assert_eq!(put_key::check_answer(&answer, 0x30, &keys), Ok(()));
        assert!(put_key::check_answer(&answer, 0x31, &keys).is_err());
    }
    for vector in list(&file, "under_dek") {
        let dek = CipherKey::new(Suite::Aes128, &bytes(text(vector, "dek"))).expect("16 bytes");
        let key = Secret::new(bytes(text(vector, "key")));
        assert_eq!(hex::encode_upper(put_key::encrypt_key(&dek, &key)), text(vector, "cipher"));
        assert_eq!(kcv(&key).map(hex::encode_upper).as_deref(), Ok(text(vector, "kcv")));
    }
    // 24 bytes are filled to 32, not to 216.
    let dek = CipherKey::new(Suite::Aes192, &[0x42; 24]).expect("24 bytes");
    let keys = StaticKeys::new(Secret::from([1; 24]), Secret::from([2; 24]), Secret::from([3; 24])).expect("length");
    let put = put_key::command(0x30, 0x31, &keys, &dek);
    assert_eq!((put.p1, put.p2, put.data.len(), &put.data[..4]), (0x30, 0x81, 1 + 3 * 39, &[0x31, 0x88, 0x21, 0x18][..]));
    assert_eq!(put_key::parse(&put.data, &dek), Ok((0x31, keys)));
}

#[test]
fn damaged_put_key_data_is_refused_byte_by_byte() {
    let dek = CipherKey::new(Suite::Aes256, &[0x42; 32]).expect("32 bytes");
    let keys = StaticKeys::new(Secret::from([1; 32]), Secret::from([2; 32]), Secret::from([3; 32])).expect("length");
    let data = put_key::command(0, 0x30, &keys, &dek).data;
    for at in 1..data.len() {
        let mut damaged = data.clone();
        damaged[at] ^= 0x40;
        let error = put_key::parse(&damaged, &dek).expect_err("must be refused");
        let form = matches!(error, keys::KeyError::Form { .. });
        assert!(form || matches!(error, keys::KeyError::CheckValue { .. }), "byte {at}: {error}");
    }
    for len in 0..data.len() {
        assert!(matches!(put_key::parse(&data[..len], &dek), Err(keys::KeyError::Form { .. })), "{len} bytes");
    }
    let longer = [&data[..], &[0]].concat();
    assert!(matches!(put_key::parse(&longer, &dek), Err(keys::KeyError::Form { what: "data field", .. })));
}
