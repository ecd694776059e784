//! Two ends of ours: every level and every deviation of cards, and a test for each refusal.

use super::*;

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
