//! Any bytes in any state: the card answers with a status word, never panics, and nobody without keys changes or reads anything.

use applets::Card;
use applets::store::nvm::RamNvm;
use eid::apdu::Command;
use eid::image::{CardImage, LifeCycle};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::*;

/// A card in one of its situations.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Situation {
    Blank,
    Open,
    Operational,
    InApplication,
    Terminated,
}

const SITUATIONS: [Situation; 5] =
    [Situation::Blank, Situation::Open, Situation::Operational, Situation::InApplication, Situation::Terminated];

fn memory(situation: Situation, image: &CardImage) -> Vec<u8> {
    let mut card = match situation {
        Situation::Blank => blank(),
        Situation::Open => {
            let mut card = blank();
            let mut host = Host::open(&mut card, 0x03);
            host.install(&mut card);
            for command in script(image, &test_keys(32), &[]).into_iter().take(3) {
                assert!(host.send(&mut card, &command).sw.is_ok());
            }
            card
        }
        _ => personalized(image),
    };
    if situation == Situation::Terminated {
        let mut host = Host::open(&mut card, 0x03);
        host.install(&mut card);
        assert!(host.send(&mut card, &termination()).sw.is_ok());
    }
    cells(card)
}

/// Commands whose header the card knows, with whatever data; and plain noise.
fn commands() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        [0x00, 0xA4, 0x04, 0x00],
        [0x00, 0xA4, 0x02, 0x0C],
        [0x00, 0xA4, 0x00, 0x0C],
        [0x00, 0xB0, 0x9C, 0x00],
        [0x00, 0xB1, 0x00, 0x00],
        [0x00, 0x84, 0x00, 0x00],
        [0x00, 0x82, 0x00, 0x00],
        [0x00, 0x22, 0xC1, 0xA4],
        [0x00, 0x22, 0x41, 0xA4],
        [0x00, 0x22, 0x41, 0xA6],
        [0x10, 0x86, 0x00, 0x00],
        [0x00, 0x86, 0x00, 0x00],
        [0x00, 0x88, 0x00, 0x00],
        [0x0C, 0xB0, 0x9C, 0x00],
        [0x80, 0x50, 0x00, 0x00],
        [0x84, 0x82, 0x03, 0x00],
        [0x80, 0xE2, 0x08, 0x00],
        [0x84, 0xE2, 0x88, 0x00],
        [0x80, 0xD8, 0x30, 0x81],
        [0x80, 0xE6, 0x20, 0x00],
        [0x80, 0xCA, 0xDF, 0x20],
        [0x80, 0xCA, 0x00, 0xE0],
        [0x80, 0xF0, 0x80, 0xFF],
        [0x80, 0xF2, 0x40, 0x02],
    ]);
    let data = prop_oneof![
        Just(bytes("A0000002471001")),
        Just(bytes("7C00")),
        Just(bytes("800A04007F00070202040202830102")),
        Just(bytes("540100")),
        Just(bytes("0000000000000000")),
        vec(any::<u8>(), 0..40),
    ];
    let shaped = (known, data, prop::option::of(1u32..=65_536), any::<bool>())
        .prop_map(|([cla, ins, p1, p2], data, le, extended)| Command { cla, ins, p1, p2, data, le, extended }.encode().expect("short"));
    prop_oneof![4 => shaped, 1 => vec(any::<u8>(), 0..300)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_command_without_keys_makes_the_card_panic_change_or_talk(runs in vec(commands(), 1..40)) {
        let image = small_image();
        // Once per process would do; it is cheap.
        for situation in SITUATIONS {
            let before = memory(situation, &image);
            let mut card = Card::boot(RamNvm::from_cells(before), rng("hostile")).expect("boots");
            let life_cycle = card.life_cycle();
            if situation == Situation::InApplication {
                select_application(&mut card);
            }
            for command in &runs {
                let answer = card.exchange(command).expect("the card answers");
                let sw = u16::from_be_bytes(*answer.last_chunk().expect("status word"));
                prop_assert!(matches!(sw >> 8, 0x90 | 0x62 | 0x63 | 0x65 | 0x67..=0x6E), "{:02X?} answers {sw:04X}", command);
                for content in image.files.values() {
                    prop_assert!(!answer.windows(8).any(|window| content.windows(8).any(|part| part == window)), "content leaks");
                }
            }
            prop_assert_eq!(card.life_cycle(), life_cycle);
            if !matches!(life_cycle, LifeCycle::Initialized | LifeCycle::Terminated | LifeCycle::PersoOpen) {
                for (&file, content) in &image.files {
                    prop_assert_eq!(card.file(file).expect("whole"), Some(content.as_slice()));
                }
            }
        }
    }

    #[test]
    fn no_command_inside_the_secure_channel_makes_the_card_panic(runs in vec(commands(), 1..60), level in prop::sample::select(vec![0x01u8, 0x03, 0x13, 0x33])) {
        let mut card = Card::boot(RamNvm::from_cells(memory(Situation::Open, &small_image())), rng("hostile")).expect("boots");
        let mut host = Host::open(&mut card, level);
        host.install(&mut card);
        for command in &runs {
            // SELECT, INITIALIZE UPDATE and EXTERNAL AUTHENTICATE end the session by their nature.
            let Ok(command) = Command::parse(command) else { continue };
            if matches!(command.ins, 0xA4 | 0x50 | 0x82) || command.data.len() > 200 {
                continue;
            }
            let plain = Command { cla: command.cla & 0x80, extended: false, le: command.le.map(|le| le.min(256)), ..command };
            let Ok(wrapped) = host.0.wrap(&plain) else { continue };
            let answer = card.exchange(&wrapped.encode().expect("short")).expect("the card answers");
            prop_assert!(answer.len() >= 2);
        }
    }

    #[test]
    fn damage_anywhere_in_the_memory_ends_in_an_error_or_a_status_word(flips in vec((any::<prop::sample::Index>(), 1u8..), 1..6), runs in vec(commands(), 1..10)) {
        let mut damaged = memory(Situation::Operational, &small_image());
        for (at, mask) in &flips {
            let at = at.index(damaged.len());
            damaged[at] ^= mask;
        }
        let Ok(mut card) = Card::boot(RamNvm::from_cells(damaged), rng("hostile")) else { return Ok(()) };
        for (&file, content) in &small_image().files {
            // Whole, lost, or told to be damaged: never other bytes.
            if let Ok(Some(found)) = card.file(file) {
                prop_assert_eq!(found, content.as_slice());
            }
        }
        for command in &runs {
            prop_assert!(card.exchange(command).expect("the card answers").len() >= 2);
        }
    }
}
