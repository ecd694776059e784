//! A card takes any commands in any order: it answers each with a status word, and stays a card.
#![no_main]

use std::sync::OnceLock;

use applets::card::{Card, CardConfig};
use applets::rng::SeededRng;
use applets::store::nvm::RamNvm;
use eid::image::LifeCycle;
use eid::scp03::StaticKeys;
use eid::secret::Secret;
use libfuzzer_sys::fuzz_target;

fn config() -> &'static CardConfig {
    static CONFIG: OnceLock<CardConfig> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let keys = StaticKeys::same(&Secret::from([0x40; 16])).expect("a key of 16 bytes");
        CardConfig { memory: 16 * 1024, ..CardConfig::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 0x30, keys) }
    })
}

fuzz_target!(|commands: Vec<Vec<u8>>| {
    let mut card = Card::blank(config(), RamNvm::new(config().memory), Box::new(SeededRng::new(b"fuzz"))).expect("enough memory");
    for command in commands.iter().take(64) {
        let answer = card.exchange(command).expect("its power stays on");
        assert!(answer.len() >= 2, "an answer has a status word");
    }
    // without keys nobody writes anything
    assert_eq!(card.life_cycle(), LifeCycle::Initialized);
});
