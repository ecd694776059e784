//! Cards that answer nonsense, and genuine sessions with changed answers: never a panic, never genuine.

use cardwright::Verifier;
use cardwright::terminal::{Verdict, can, mrz};
use cardwright::transport::trace::{Detail, Recorder, Replay};
use eid::transport::{Limits, Transport, TransportError};
use rand_core::Rng as _;

use super::chip::{Lie, LyingChip};
use super::document::{self, Authority, CAN, Options, today};
use super::rng;

/// Answers with random bytes under a status word that leads on.
struct Noise {
    rng: applets::rng::SeededRng,
    commands: usize,
}

impl Transport for Noise {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        Ok(vec![0x3B, 0x00])
    }

    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.commands += 1;
        assert!(self.commands < 100_000, "a terminal that is led on without end");
        let [len, kind, low, _] = self.rng.next_u32().to_le_bytes();
        let mut answer = vec![0; usize::from(len)];
        self.rng.fill_bytes(&mut answer);
        // What a file, dynamic authentication data, or a list could begin with.
        let heads = [&[0x31, 0x20][..], &[0x7C, 0x12, 0x80, 0x10], &[0x60, 0x84, 0xFF], &[0x75, 0x82, 0xFF, 0xFF], &[]];
        if let Some(head) = heads.get(usize::from(kind % 8)) {
            answer.splice(..head.len().min(answer.len()), head.iter().copied());
        }
        answer.extend(match kind >> 5 {
            0..=4 => [0x90, 0x00],
            5 => [0x61, low],
            6 => [0x6C, low],
            _ => [0x62, 0x82],
        });
        Ok(answer)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        Ok(())
    }

    fn limits(&self) -> Limits {
        if self.commands.is_multiple_of(2) { Limits::SHORT } else { Limits::EXTENDED }
    }
}

#[test]
fn a_card_that_answers_nonsense_is_never_genuine() {
    let verifier = Verifier::new(Authority::new(1).trust());
    for seed in 0..300_u32 {
        let card = Noise { rng: applets::rng::SeededRng::new(&seed.to_be_bytes()), commands: 0 };
        let passwords = [can(CAN), mrz(&document::mrz())];
        let report = verifier.inspect(card, &passwords, today(), &mut rng()).expect("the card answers").report;
        assert_ne!(report.verdict, Verdict::Genuine, "{seed}");
        assert!(!report.to_text(Default::default()).is_empty() && report.to_json().is_object());
    }
}

/// A genuine session is recorded; then each answer in turn is changed in some of its bits, as somebody between card and reader would.
#[test]
fn no_answer_of_a_genuine_session_can_be_changed_unseen() {
    let authority = Authority::new(1);
    let verifier = Verifier::new(authority.trust());
    let mut image = document::document(&authority, Options::default());
    // No inspection needs EF.DIR, and a card may refuse it.
    image.files.remove(&eid::image::FileId::DIR);
    let mut recorder = Recorder::new(LyingChip::new(image, Lie::Nothing), Vec::new(), Detail::Full).expect("a vector");
    let report = verifier.inspect(&mut recorder, &[can(CAN)], today(), &mut rng()).expect("the card").report;
    assert_eq!(report.verdict, Verdict::Genuine);
    let trace = String::from_utf8(recorder.into_inner().1).expect("text");
    let lines: Vec<&str> = trace.lines().collect();
    // A status word alone in the clear, such as that of a file which is not there, carries nothing that could be signed.
    let answers: Vec<usize> = (0..lines.len()).filter(|&n| lines[n].starts_with("< ") && lines[n].len() > "< 9000".len()).collect();
    assert!(answers.len() > 30);
    let mut positions = rng();
    for &line in &answers {
        let answer = hex::decode(&lines[line][2..]).expect("hex");
        for _ in 0..6 {
            let mut changed = answer.clone();
            let [byte, bit] = [positions.next_u32(), positions.next_u32()].map(|n| n as usize);
            let at = byte % changed.len();
            changed[at] ^= 1 << (bit % 8);
            let mut lines = lines.clone();
            let forged = format!("< {}", hex::encode_upper(&changed));
            lines[line] = &forged;
            let mut replay = Replay::parse("forged", &lines.join("\n")).expect("a trace");
            // What the terminal says next may differ from the recording: the replay then refuses, which is an error and no verdict.
            if let Ok(inspection) = verifier.inspect(&mut replay, &[can(CAN)], today(), &mut rng()) {
                let text = inspection.report.to_text(Default::default());
                assert_ne!(inspection.report.verdict, Verdict::Genuine, "line {line}, byte {at}: {text}");
            }
        }
    }
}
