//! A terminal meets a card that answers anything, leaves and comes back, under any memory of its type: every inspection ends, and none
//! says genuine.
#![no_main]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use applets::rng::SeededRng;
use cardwright::session::{Habits, Session};
use cardwright::terminal::read::{CardMemory, Options};
use cardwright::terminal::{Reading, Verdict, Verifier, can};
use eid::cert::trust::TrustStore;
use eid::date::Date;
use eid::protocol::bac::mrz_seed;
use eid::protocol::pace::Password;
use eid::transport::{Limits, Transport, TransportError};
use libfuzzer_sys::fuzz_target;

const ATR: [u8; 5] = [0x3B, 0x80, 0x80, 0x01, 0x01];

/// Answers in order, then for ever with 6D00. An answer of one byte is a card that left.
struct Liar {
    answers: VecDeque<Vec<u8>>,
    extended: bool,
    commands: usize,
}

impl Transport for Liar {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        Ok(ATR.to_vec())
    }

    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.commands += 1;
        assert!(self.commands < 10_000, "a terminal that is led on without end");
        match self.answers.pop_front() {
            Some(answer) if answer.len() >= 2 => Ok(answer),
            Some(answer) if answer.len() == 1 => Err(TransportError::CardGone { reader: "fuzz".to_owned(), detail: String::new() }),
            _ => Ok(vec![0x6D, 0x00]),
        }
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn limits(&self) -> Limits {
        if self.extended { Limits::EXTENDED } else { Limits::SHORT }
    }
}

fuzz_target!(|input: (u16, Vec<Vec<u8>>)| {
    let (habits, answers) = input;
    let bit = |n: u16| habits >> n & 1 == 1;
    let mut memory = CardMemory::new();
    memory.learn(
        &ATR,
        &Habits {
            short_only: bit(1),
            largest_read: bit(2).then_some(usize::from(habits)),
            bare: None,
            select_mf: usize::from(habits >> 3 & 3),
            select_file: usize::from(habits >> 5 & 3),
            select_with_fci: bit(7),
            other_parameter_id: bit(8),
            external_authenticate_le_00: bit(9),
            internal_authenticate_other_le: bit(10),
        },
    );
    let card = Liar { answers: answers.into_iter().take(256).collect(), extended: bit(0), commands: 0 };
    let passwords = [can("123456"), Password::Mrz(mrz_seed("L898902C3674081221204159"))];
    let today = Date::new(2026, 11, 21).expect("a day");
    let options = Options::default().remembering(Arc::new(Mutex::new(memory)));
    let verifier = Verifier::new(TrustStore::new()).with_reading(options);
    let (mut session, mut reading) = (Session::new(card), Reading::new());
    // Each time it leaves an answer is used up, so it stays in the end.
    for _ in 0..300 {
        let result = verifier.resume_session(&mut session, &mut reading, &passwords, today, &mut SeededRng::new(b"fuzz"), &mut |_| {});
        let Ok(inspection) = result else {
            session.restart().expect("it is back");
            continue;
        };
        assert_ne!(inspection.report.verdict, Verdict::Genuine);
        let _ = inspection.report.to_text(cardwright::terminal::Colour::Never);
        let _ = inspection.report.to_json();
        return;
    }
    panic!("a card that leaves for ever");
});
