//! Every session, derivation and key of `fixtures/globalplatform`, host and card, command and answer; then each refusal.

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

/// A session between two ends of ours; the card's challenges are pseudo-random.
fn session(mode: Mode, level: SecurityLevel, host_options: Options, card_options: Options) -> (HostSession, CardSession) {
    let keys = kdf3(&Secret::from([0x42; 32]), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).expect("diverse");
    let implementation = Implementation::from_byte(if mode == Mode::S8 { 0x70 } else { 0x71 }).expect("defined");
    let domain =
        card::Domain { kdd: [1; 10], key_version: 0x30, keys: &keys, implementation, sequence_counter: [0, 0, 1], aid: &[0xA0, 0, 0] };
    let mut rng = Seeded::new(1);
    let (update, host) = host::Opening::start(0x30, mode, &mut rng);
    let (answer, card) = card::Opening::initialize_update(&domain, &update.data, &mut rng).expect("length");
    let answer = InitializeUpdateAnswer::parse(&answer).expect("well formed");
    let (authenticate, host) = host.authenticate(&answer, &keys, level, host_options, Some(&[0xA0, 0, 0])).expect("same keys");
    (host, card.external_authenticate(&authenticate, card_options).expect("same keys"))
}

fn store(len: usize) -> Command {
    Command::new(0x80, 0xE2, 0x08, 0x00).with_data(vec![0x5A; len])
}

#[test]
fn every_level_and_mode_carries_commands_of_every_case() {
    for mode in [Mode::S8, Mode::S16] {
        for level in SecurityLevel::ALL {
            let (mut host, mut card) = session(mode, level, Options::default(), Options::default());
            for plain in [
                Command::new(0x80, 0xF0, 0x80, 0x07),
                Command::new(0x80, 0xCA, 0x00, 0xE0).with_le(256),
                store(0).with_data([1]),
                store(200).with_le(256),
                store(1000).with_le(65_536),
            ] {
                let wrapped = host.wrap(&plain).expect("wraps");
                let unwrapped = card.unwrap(&wrapped).expect("same keys");
                assert_eq!((&unwrapped.data, unwrapped.le, unwrapped.header()), (&plain.data, plain.le, plain.header()));
                for answer in [Response::ok([]), Response::ok(vec![3; 33])] {
                    let sent = card.wrap(&answer).expect("wraps");
                    assert_eq!(host.unwrap(&sent), Ok(answer), "R-ENC without data is no data");
                }
                let refused = Response::status(0x6A88);
                assert_eq!(card.wrap(&refused), Ok(refused.clone()), "an error status comes bare");
                assert_eq!(host.unwrap(&refused), Ok(refused));
            }
        }
    }
}

#[test]
fn a_card_that_does_not_count_empty_commands_needs_its_switch() {
    let skipping = Options { counter: CounterRule::CommandsWithData, ..Options::default() };
    let empty = Command::new(0x80, 0xCA, 0x00, 0xE0).with_le(256);
    let (mut host, mut card) = session(Mode::S8, SecurityLevel::CDecCMac, skipping, skipping);
    for plain in [&empty, &store(20), &empty, &store(30)] {
        let wrapped = host.wrap(plain).expect("wraps");
        assert_eq!(card.unwrap(&wrapped).as_ref(), Ok(plain));
    }
    let (mut host, mut card) = session(Mode::S8, SecurityLevel::CDecCMac, Options::default(), skipping);
    let wrapped = host.wrap(&empty).expect("wraps");
    card.unwrap(&wrapped).expect("nothing is enciphered yet");
    let wrapped = host.wrap(&store(20)).expect("wraps");
    // The MAC is right, the counter is not: what comes out does not end in the padding, or is something else.
    assert_ne!(card.unwrap(&wrapped), Ok(store(20)));
}

#[test]
fn lc_enters_the_mac_as_the_profile_says() {
    let with = |mac_lc_encoding| Options { mac_lc_encoding, ..Options::default() };
    use MacLcEncoding::{AlwaysShort, AsSent, ThreeBytes};
    for (host_rule, card_rule, short, extended) in [
        (AsSent, AsSent, true, true),
        (ThreeBytes, ThreeBytes, true, true),
        (AsSent, ThreeBytes, false, true),
        (ThreeBytes, AsSent, false, true),
        (AsSent, AlwaysShort, true, false),
        (AlwaysShort, AlwaysShort, true, false),
    ] {
        for (len, fits) in [(100, short), (1000, extended)] {
            // The opening is a short command: both rules must agree on it, so the rule is set behind it.
            let (mut host, mut card) = session(Mode::S8, SecurityLevel::CDecCMac, Options::default(), Options::default());
            host.channel_mut().set_options(with(host_rule));
            card.channel_mut().set_options(with(card_rule));
            let passed = host.wrap(&store(len)).and_then(|wrapped| card.unwrap(&wrapped));
            assert_eq!(passed.is_ok(), fits, "{host_rule:?} {card_rule:?} {len}");
        }
    }
}

#[test]
fn le_is_appended_where_the_profile_asks_for_it() {
    let options = Options { le_with_rmac: true, ..Options::default() };
    let (mut host, mut card) = session(Mode::S8, SecurityLevel::CDecCMacRMac, options, options);
    let wrapped = host.wrap(&store(16)).expect("wraps");
    assert_eq!(wrapped.le, Some(256));
    assert_eq!(card.unwrap(&wrapped), Ok(store(16).with_le(256)), "Le is not part of the MAC");
    let (mut host, _) = session(Mode::S8, SecurityLevel::CDecCMac, options, options);
    assert_eq!(host.wrap(&store(16)).map(|wrapped| wrapped.le), Ok(None), "no R-MAC, no Le");
}

#[test]
fn every_flipped_bit_of_a_command_closes_the_cards_session() {
    for mode in [Mode::S8, Mode::S16] {
        let (mut host, _) = session(mode, SecurityLevel::CDecCMacRMac, Options::default(), Options::default());
        let wrapped = host.wrap(&store(20)).expect("wraps");
        for at in 0..wrapped.data.len() + 3 {
            let (_, mut card) = session(mode, SecurityLevel::CDecCMacRMac, Options::default(), Options::default());
            let mut damaged = wrapped.clone();
            match at {
                0 => damaged.ins ^= 1,
                1 => damaged.p1 ^= 1,
                2 => damaged.p2 ^= 1,
                _ => damaged.data[at - 3] ^= 0x10,
            }
            assert_eq!(card.unwrap(&damaged), Err(ScpError::CMac), "{at}");
            assert!(!card.is_open());
            assert_eq!(card.unwrap(&wrapped), Err(ScpError::Closed), "the right command comes too late");
            assert_eq!(card.wrap(&Response::ok([])), Err(ScpError::Closed));
        }
    }
}

#[test]
fn a_command_without_secure_messaging_or_without_its_mac_closes_the_cards_session() {
    let new = || session(Mode::S8, SecurityLevel::CMac, Options::default(), Options::default());
    let (_, mut card) = new();
    let error = card.unwrap(&store(20)).expect_err("plain");
    assert_eq!(
        (error.status(), &error),
        (Sw(0x6982), &ScpError::Command { expected: "the secure messaging bit 04 in the class byte", found: [0x80, 0xE2] })
    );
    assert!(!card.is_open());
    let (mut host, mut card) = new();
    let mut cut = host.wrap(&store(0)).expect("wraps");
    cut.data.truncate(7);
    assert_eq!(card.unwrap(&cut), Err(ScpError::CMac));
    let (mut host, mut card) = new();
    let first = host.wrap(&store(20)).expect("wraps");
    card.unwrap(&first).expect("same keys");
    assert_eq!(card.unwrap(&first), Err(ScpError::CMac), "a replay");
}

#[test]
fn answers_that_are_damaged_bare_or_from_before_close_the_hosts_session() {
    let new = || {
        let (mut host, mut card) = session(Mode::S8, SecurityLevel::Full, Options::default(), Options::default());
        let wrapped = host.wrap(&store(20)).expect("wraps");
        card.unwrap(&wrapped).expect("same keys");
        let answer = card.wrap(&Response::ok([1, 2, 3])).expect("wraps");
        (host, answer)
    };
    let (_, answer) = new();
    for at in 0..answer.data.len() {
        let (mut host, mut answer) = new();
        answer.data[at] ^= 1;
        assert_eq!(host.unwrap(&answer), Err(ScpError::RMac));
        assert!(!host.is_open());
    }
    for (wrong, error) in [
        (Response::ok([]), ScpError::RMac),
        (Response { sw: Sw(0x6282), ..answer.clone() }, ScpError::RMac),
        (Response { sw: Sw(0x6A80), ..answer.clone() }, ScpError::UnprotectedData { sw: Sw(0x6A80), found: answer.data.len() }),
    ] {
        let (mut host, _) = new();
        assert_eq!(host.unwrap(&wrong), Err(error));
        assert_eq!(host.wrap(&store(1)), Err(ScpError::Closed));
    }
    let (mut host, answer) = new();
    host.wrap(&store(1)).expect("wraps");
    assert_eq!(host.unwrap(&answer), Err(ScpError::RMac), "the answer to the command before");
}

#[test]
fn the_opening_names_what_is_wrong() {
    let right = kdf3(&Secret::from([0x42; 16]), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).expect("diverse");
    let wrong = kdf3(&Secret::from([0x43; 16]), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).expect("diverse");
    let aid = [0xA0, 0, 0, 1, 0x51];
    let i70 = Implementation::from_byte(0x70).expect("defined");
    let domain = |implementation| card::Domain {
        kdd: [1; 10],
        key_version: 0x30,
        keys: &right,
        implementation,
        sequence_counter: [0, 0, 9],
        aid: &aid,
    };
    let mut rng = Seeded::new(5);
    let mut host = |key_version, mode, implementation, keys: &StaticKeys, level, aid: &[u8]| {
        let (update, host) = host::Opening::start(key_version, mode, &mut rng);
        // A card of the other mode would refuse the challenge; this one answers all the same.
        let challenge: Vec<u8> = update.data.iter().copied().cycle().take(Implementation::mode(implementation).len()).collect();
        let (answer, card) = card::Opening::initialize_update(&domain(implementation), &challenge, &mut rng).expect("length");
        let answer = InitializeUpdateAnswer::parse(&answer).expect("well formed");
        host.authenticate(&answer, keys, level, Options::default(), Some(aid)).map(|(command, _)| (command, card))
    };
    use SecurityLevel::{CDecCMac, Full};
    let error = |result: Result<(Command, card::Opening), ScpError>| result.map(|_| ()).expect_err("must be refused");
    assert_eq!(error(host(0x31, Mode::S8, i70, &right, Full, &aid)), ScpError::KeyVersion { expected: 0x31, found: 0x30 });
    let i71 = Implementation::from_byte(0x71).expect("defined");
    assert_eq!(error(host(0, Mode::S8, i71, &right, Full, &aid)), ScpError::Mode { expected: Mode::S8, found: Mode::S16 });
    let i10 = Implementation::from_byte(0x10).expect("defined");
    assert_eq!(error(host(0, Mode::S8, i10, &right, Full, &aid)), ScpError::Level { found: 0x33 });
    assert_eq!(error(host(0, Mode::S8, i70, &wrong, Full, &aid)), ScpError::CardCryptogram);
    assert_eq!(error(host(0, Mode::S8, i70, &right, Full, &aid[..4])), ScpError::CardChallenge);

    let status = |result: Result<CardSession, ScpError>| result.map(|_| ()).expect_err("must be refused").status();
    for (change, expected) in [
        ((|command: &mut Command| command.data[0] ^= 1) as fn(&mut Command), 0x6300),
        (|command| command.data[15] ^= 1, 0x6982),
        (|command| command.p1 = 0x01, 0x6982),
        (|command| command.p1 = 0x02, 0x6A86),
        (|command| command.p2 = 0x01, 0x6A86),
        (|command| command.data.truncate(15), 0x6700),
        (|command| command.ins = 0x84, 0x6982),
        (|command| command.cla = 0x80, 0x6982),
    ] {
        let (mut command, card) = host(0, Mode::S8, i70, &right, CDecCMac, &aid).expect("same keys");
        change(&mut command);
        assert_eq!(status(card.external_authenticate(&command, Options::default())), Sw(expected));
    }
    assert_eq!(
        card::Opening::initialize_update(&domain(i70), &[0; 16], &mut rng).map(|_| ()).map_err(|error| error.status()),
        Err(Sw(0x6700))
    );
    for byte in [0x80, 0x08, 0x04, 0x02, 0x40] {
        assert_eq!(Implementation::from_byte(byte), Err(ScpError::Implementation { found: byte }));
    }
    for byte in [0x02, 0x10, 0x30, 0x31, 0x23, 0x43, 0x83, 0xFF] {
        assert_eq!(SecurityLevel::from_byte(byte), Err(ScpError::Level { found: byte }));
    }
}

#[test]
fn answers_to_initialize_update_of_other_forms_are_refused() {
    let answer = bytes("000000000000000000003003703EB51047495B249F66C484C1D2EF1948000002");
    assert!(InitializeUpdateAnswer::parse(&answer).is_ok());
    for len in 0..answer.len() {
        assert!(matches!(InitializeUpdateAnswer::parse(&answer[..len]), Err(ScpError::Length { .. })), "{len}");
    }
    assert!(InitializeUpdateAnswer::parse(&[&answer[..], &[0]].concat()).is_err());
    let mut scp02 = answer.clone();
    scp02[11] = 0x02;
    assert_eq!(InitializeUpdateAnswer::parse(&scp02), Err(ScpError::Protocol { found: 0x02 }));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic(data: Vec<u8>, sw: u16, key in proptest::prelude::any::<[u8; 16]>()) {
        let _ = InitializeUpdateAnswer::parse(&data);
        let dek = CipherKey::new(Suite::Aes128, &key).expect("16 bytes");
        let _ = put_key::parse(&data, &dek);
        let keys = StaticKeys::same(&Secret::from(key)).expect("16 bytes");
        let _ = put_key::check_answer(&data, 0x30, &keys);
        for level in SecurityLevel::ALL {
            let (mut host, mut card) = session(Mode::S8, level, Options::default(), Options::default());
            let _ = host.unwrap(&Response { data: data.clone(), sw: Sw(sw) });
            let _ = card.unwrap(&Command::new(0x84, 0xE2, 0, 0).with_data(data.clone()));
        }
    }
}
