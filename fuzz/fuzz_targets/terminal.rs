//! A terminal meets a card that answers anything: the inspection ends, and never says genuine.
#![no_main]

use std::collections::VecDeque;

use applets::rng::SeededRng;
use cardwright::terminal::{Verdict, Verifier, can};
use eid::cert::trust::TrustStore;
use eid::date::Date;
use eid::protocol::bac::mrz_seed;
use eid::protocol::pace::Password;
use eid::transport::{Limits, Transport, TransportError};
use libfuzzer_sys::fuzz_target;

/// Answers in order, then for ever with 6D00.
struct Liar(VecDeque<Vec<u8>>);

impl Transport for Liar {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        Ok(vec![0x3B, 0x80, 0x80, 0x01, 0x01])
    }

    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut answer = self.0.pop_front().unwrap_or_default();
        if answer.len() < 2 {
            answer = vec![0x6D, 0x00];
        }
        Ok(answer)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn limits(&self) -> Limits {
        Limits::EXTENDED
    }
}

fuzz_target!(|answers: Vec<Vec<u8>>| {
    let card = Liar(answers.into_iter().take(256).collect());
    let passwords = [can("123456"), Password::Mrz(mrz_seed("L898902C3674081221204159"))];
    let today = Date::new(2026, 11, 21).expect("a day");
    let inspection = Verifier::new(TrustStore::new()).inspect(card, &passwords, today, &mut SeededRng::new(b"fuzz")).expect("it answers");
    assert_ne!(inspection.report.verdict, Verdict::Genuine);
    let _ = inspection.report.to_text(cardwright::terminal::Colour::Never);
    let _ = inspection.report.to_json();
});
