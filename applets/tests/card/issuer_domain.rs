//! The issuer security domain: sessions of every kind, keys, the card's states, and what it tells about itself.

use applets::store::StoreError;
use applets::store::nvm::RamNvm;
use applets::{Card, CardConfig};
use eid::apdu::Command;
use eid::image::LifeCycle;
use eid::scp03::{Implementation, Mode, put_key};

use crate::common::*;

fn product(key_len: usize, i: u8) -> CardConfig {
    CardConfig { keys: test_keys(key_len), scp: Implementation::from_byte(i).expect("i"), ..config() }
}

fn card_of(config: &CardConfig) -> Card {
    Card::blank(config, RamNvm::new(config.memory), rng("domain")).expect("blank card")
}

#[test]
fn an_image_is_written_at_every_level_key_length_and_mode_by_both_paths() {
    let image = small_image();
    for (key_len, i) in [(16, 0x70), (24, 0x70), (32, 0x70), (16, 0x71), (32, 0x71), (32, 0x60)] {
        for level in [0x03, 0x13, 0x33] {
            for through_domain in [true, false] {
                let mode = if i & 1 == 1 { Mode::S16 } else { Mode::S8 };
                let config = product(key_len, i);
                let mut card = card_of(&config);
                if !through_domain {
                    assert_eq!(select_application(&mut card).sw.0, 0x9000);
                }
                let mut host = Host::here(&mut card, &config.keys, KVN, level, mode).expect("power stays").expect("opens");
                if through_domain {
                    host.install(&mut card);
                }
                for command in script(&image, &config.keys, &[]) {
                    let answer = host.send(&mut card, &command);
                    assert!(answer.sw.is_ok(), "AES-{} i {i:02X} level {level:02X}: {answer:?}", key_len * 8);
                }
                assert_eq!(card.life_cycle(), LifeCycle::Personalized);
            }
        }
    }
}

#[test]
fn an_extended_block_carries_a_whole_file() {
    let mut card = blank();
    select_application(&mut card);
    let mut host = Host::here(&mut card, &test_keys(32), KVN, 0x13, Mode::S8).expect("power stays").expect("opens");
    let large = vec![0x75; 30_000];
    let data = [dgi(0x0001, &NONCE), dgi(0x0102, &large)].concat();
    assert!(host.send(&mut card, &Command::new(0x80, 0xE2, 0x08, 0).with_data(data)).sw.is_ok());
    assert_eq!(card.file(dg(2)).expect("whole"), Some(&large[..]));
    let data = dgi(0x0103, &vec![0x63; 40_000]);
    assert_eq!(host.send(&mut card, &Command::new(0x80, 0xE2, 0x08, 1).with_data(data)).sw.0, 0x6A84, "30,000 and 40,000 exceed 64 K");
}

#[test]
fn a_challenge_of_the_wrong_mode_an_unknown_key_version_and_a_level_beyond_the_card_are_refused() {
    let mut card = card_of(&product(16, 0x71));
    assert_eq!(status(&mut card, "8050300008000000000000000000"), 0x6700);
    let mut card = card_of(&product(16, 0x30));
    assert_eq!(status(&mut card, "8050310008000000000000000000"), 0x6A88);
    assert_eq!(status(&mut card, "8050300108000000000000000000"), 0x6A86);
    assert_eq!(status(&mut card, "8050000008000000000000000000"), 0x9000, "00 stands for the default");
    assert_eq!(status(&mut card, "84823300100000000000000000000000000000000000"), 0x6A86, "i = 30 has no R-ENC");
    assert_eq!(status(&mut card, "84820100100000000000000000000000000000000000"), 0x6985, "the opening is over");
}

#[test]
fn the_sequence_counter_rises_with_each_session_and_survives_power() {
    let mut card = blank();
    for expected in 1..=5 {
        let answer = send(&mut card, &Command::parse(&bytes("8050000008000000000000000000")).expect("command")).data;
        assert_eq!(answer[29..], [0, 0, expected]);
        card = Card::boot(RamNvm::from_cells(cells(card)), rng("again")).expect("boots");
    }
    assert_eq!(hex::encode(send(&mut card, &Command::new(0x80, 0xCA, 0x00, 0xC1).with_le(256)).data), "c103000005");
}

#[test]
fn ten_wrong_authentications_lock_the_key_set_and_a_right_one_forgives() {
    let wrong = |card: &mut Card| {
        assert_eq!(status(card, "8050000008000000000000000000"), 0x9000);
        status(card, "84820300100000000000000000000000000000000000")
    };
    let mut card = blank();
    for _ in 0..9 {
        assert_eq!(wrong(&mut card), 0x6300);
    }
    Host::open(&mut card, 0x03);
    for n in 1..=10 {
        assert_eq!(wrong(&mut card), 0x6300);
        if n == 5 {
            card = Card::boot(RamNvm::from_cells(cells(card)), rng("again")).expect("boots");
        }
    }
    assert_eq!(status(&mut card, "8050000008000000000000000000"), 0x6985);
    let mut card = Card::boot(RamNvm::from_cells(cells(card)), rng("again")).expect("boots");
    assert_eq!(status(&mut card, "8050000008000000000000000000"), 0x6985, "for good");
}

#[test]
fn put_key_replaces_the_whole_set() {
    for key_len in [16, 24, 32] {
        let config = product(key_len, 0x70);
        let mut card = card_of(&config);
        let mut host = Host::here(&mut card, &config.keys, KVN, 0x13, Mode::S8).expect("power stays").expect("opens");
        let command = host.0.put_key(KVN, 0x31, &other_keys(key_len));
        let answer = host.send(&mut card, &command);
        assert!(answer.sw.is_ok());
        put_key::check_answer(&answer.data, 0x31, &other_keys(key_len)).expect("check values");
        assert!(!Host::probe(&mut card, &config.keys, KVN, 0x03), "the old version is gone");
        assert!(Host::probe(&mut card, &other_keys(key_len), 0x31, 0x03));
        card.power_cycle();
        let answer = send(&mut card, &Command::new(0x80, 0xCA, 0x00, 0xE0).with_le(256)).data;
        let length = u8::try_from(key_len).expect("short");
        assert_eq!(
            hex::encode(answer),
            format!("e012c0040131 88{length:02x}c0040231 88{length:02x}c0040331 88{length:02x}").replace(' ', "")
        );
        let memory = cells(card);
        let old = config.keys.enc().expose();
        assert!(!memory.windows(old.len()).any(|window| window == old), "the old keys are erased");
    }
}

#[test]
fn put_key_is_refused_for_check_value_size_version_and_room() {
    let mut card = blank();
    let mut host = Host::open(&mut card, 0x13);
    let right = host.0.put_key(KVN, 0x31, &other_keys(32));
    let mut check = right.clone();
    *check.data.last_mut().expect("KCV") ^= 1;
    let cases = [
        (check, 0x6982),
        (host.0.put_key(KVN, 0x31, &other_keys(16)), 0x6A80),
        (host.0.put_key(0x32, 0x31, &other_keys(32)), 0x6A88),
        (host.0.put_key(0x00, 0x31, &other_keys(32)), 0x6A84),
        (host.0.put_key(KVN, 0x80, &other_keys(32)), 0x6A80),
        (Command { p2: 0x01, ..right.clone() }, 0x6A86),
        (Command { data: right.data[..60].to_vec(), ..right }, 0x6A80),
    ];
    for (command, sw) in cases {
        assert_eq!(host.send(&mut card, &command).sw.0, sw, "{command:?}");
    }
    assert!(Host::probe(&mut card, &test_keys(32), KVN, 0x03), "the old set still counts");
}

#[test]
fn the_registry_shows_domain_and_application_with_their_states() {
    let mut card = blank();
    let get = |p1| Command::new(0x80, 0xF2, p1, 0x02).with_data([0x4F, 0x00]).with_le(256);
    assert_eq!(send(&mut card, &get(0x80)).sw.0, 0x6982, "outside of a session");
    let mut host = Host::open(&mut card, 0x01);
    assert_eq!(hex::encode(host.send(&mut card, &get(0x80)).data), "e3134f08a0000001510000009f700101c503980000");
    assert_eq!(hex::encode(host.send(&mut card, &get(0x40)).data), "e31c4f07a00000024710019f700107c503000000cc08a000000151000000");
    assert_eq!(host.send(&mut card, &get(0x20)).sw.0, 0x6A88);
    let other = Command::new(0x80, 0xF2, 0x40, 0x02).with_data([0x4F, 0x02, 0xA0, 0x01]).with_le(256);
    assert_eq!(host.send(&mut card, &other).sw.0, 0x6A88);
    let plain = Command::new(0x80, 0xCA, 0x00, 0xCF).with_le(256);
    assert_eq!(hex::encode(host.send(&mut card, &plain).data), "cf0a0000004549440000002a");
    let recognition = host.send(&mut card, &Command::new(0x80, 0xCA, 0x00, 0x66).with_le(256)).data;
    assert!(hex::encode(recognition).ends_with("640b06092a864886fc6b040370"), "SCP03 with i = 70");
}

#[test]
fn the_card_goes_forward_through_its_states_and_is_terminated_from_any() {
    let set = |p2| Command::new(0x80, 0xF0, 0x80, p2);
    let mut card = personalized(&small_image());
    let mut host = Host::open(&mut card, 0x03);
    for (to, sw) in [(0x01, 0x6A80), (0x07, 0x9000), (0x01, 0x6A80), (0x0F, 0x9000), (0x0F, 0x6A80), (0x07, 0x6A80), (0x7F, 0x9000)] {
        assert_eq!(host.send(&mut card, &set(to)).sw.0, sw, "to {to:02X}");
    }
    let application = Command::new(0x80, 0xF0, 0x40, 0x7F).with_data(eid::image::EMRTD_AID);
    assert_eq!(host.send(&mut card, &application).sw.0, 0x6A80, "the application has its own way");
    assert_eq!(status(&mut card, "00A4040C07A0000002471001"), 0x6A82, "locked");
    let mut host = Host::open(&mut card, 0x03);
    assert_eq!(host.send(&mut card, &install()).sw.0, 0x6985, "locked");
    assert_eq!(host.send(&mut card, &set(0x0F)).sw.0, 0x9000);
    assert_eq!(status(&mut card, "00A4040C07A0000002471001"), 0x9000, "unlocked");
    let mut host = Host::open(&mut card, 0x03);
    assert_eq!(host.send(&mut card, &set(0xFF)).sw.0, 0x9000);
    card.power_cycle();
    assert_eq!(card.life_cycle(), LifeCycle::Terminated);
    for command in ["00A4040C07A0000002471001", "8050000008000000000000000000", "00B09C0000"] {
        assert_eq!(status(&mut card, command), 0x6985);
    }
    assert_eq!(status(&mut card, "80CADF2000"), 0x9000);
}

#[test]
fn a_foreign_or_cut_file_is_no_card() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("0001.card");
    drop(Card::create(&path, &config(), rng("new")).expect("new card"));
    let card = Card::open(&path, rng("again")).expect("opens");
    assert_eq!((card.life_cycle(), card.product().kdd), (LifeCycle::Initialized, config().kdd));
    assert!(matches!(Card::open(&path, rng("twice")), Err(StoreError::InUse(_))));
    assert!(matches!(Card::create(&path, &config(), rng("new")), Err(StoreError::Io(_))));
    let mut whole = cells(card);
    let open = |name: &str, cells: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, cells).expect("file");
        Card::open(&path, rng("foreign")).map(|_| ()).expect_err("no card")
    };
    assert!(matches!(open("zeros", &[0; 4096]), StoreError::NotACard(_)));
    assert!(matches!(open("cut", &whole[..whole.len() / 2]), StoreError::NotACard(_)));
    whole[17] = 2;
    assert_eq!(open("newer", &whole), StoreError::Version { found: 2, expected: 1 });
    whole[17] = 1;
    whole[30] ^= 1;
    assert!(matches!(open("flipped", &whole), StoreError::Damaged(_)));
    let used = RamNvm::from_cells(whole);
    assert!(matches!(Card::blank(&config(), used, rng("used")), Err(StoreError::Damaged(_))), "a card is not made over a card");
    let small = CardConfig { memory: 4096, ..config() };
    assert!(matches!(Card::blank(&small, RamNvm::new(4096), rng("small")), Err(StoreError::NoSpace { .. })));
}
