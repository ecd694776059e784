//! The worked personalization of a small card (`fixtures/globalplatform/eid-applet.json`), byte for byte at three levels: the card
//! gives the recorded answers to the recorded commands, and ends with the recorded image.

use applets::store::nvm::RamNvm;
use applets::{Card, CardConfig};
use eid::image::{FileId, LifeCycle};
use eid::scp03::StaticKeys;
use eid::secret::Secret;
use serde_json::Value;

use crate::common::*;

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field}"))
}

#[test]
fn the_card_answers_as_recorded_at_levels_03_13_and_33() {
    let example: Value = serde_json::from_str(include_str!("../../../fixtures/globalplatform/eid-applet.json")).expect("fixture");
    let key = |n: usize| Secret::new(bytes(example["keys"][n].as_str().expect("key")));
    let keys = StaticKeys::new(key(0), key(1), key(2)).expect("AES-256");
    let kdd = bytes(text(&example, "kdd")).try_into().expect("ten bytes");
    let sessions = example["sessions"].as_array().expect("sessions");
    assert_eq!(sessions.len(), 3);
    for session in sessions {
        let config = CardConfig::new(kdd, 0x30, keys.clone());
        let mut card = Card::blank(&config, RamNvm::new(config.memory), rng("unused")).expect("blank card");
        let mut expect = |command: &str, answer: &str, step: &str| {
            let found = card.exchange(&bytes(command)).expect("card answers");
            assert_eq!(hex::encode_upper(found), answer, "level {}: {step}", text(session, "level"));
        };
        let opening = &example["initialize_update"];
        expect(opening[0].as_str().expect("command"), opening[1].as_str().expect("answer"), "INITIALIZE UPDATE");
        expect(text(session, "external_authenticate"), "9000", "EXTERNAL AUTHENTICATE");
        for exchange in session["exchange"].as_array().expect("exchange") {
            expect(text(exchange, "wrapped"), text(exchange, "answer"), text(exchange, "step"));
        }
        assert_eq!(card.life_cycle(), LifeCycle::Personalized);
        for dgi in ["011E", "0101"] {
            let file = FileId::from_dgi(u16::from_str_radix(dgi, 16).expect("hex")).expect("file");
            assert_eq!(card.file(file).expect("whole"), Some(&bytes(text(&example["dgis"], dgi))[..]));
        }
    }
}
