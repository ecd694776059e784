//! Reading that is stopped and goes on: cancelled, out of time, the card lifted and put back, another card in its place. Bytes are counted at
//! the card, so that nothing is read twice unseen.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cardwright::Verifier;
use cardwright::session::Session;
use cardwright::terminal::read::Options;
use cardwright::terminal::{Evidence, Inspection, Reading, Step, Verdict, can};
use eid::image::{CardImage, FileId};
use eid::transport::{Limits, Transport, TransportError};

use super::chip::{Lie, LyingChip};
use super::document::{self, Authority, CAN, dg, document as signed, today};
use super::rng;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new(1));
static IMAGE: LazyLock<CardImage> = LazyLock::new(|| signed(&AUTHORITY, document::Options::default()));

fn verifier() -> Verifier {
    Verifier::new(AUTHORITY.trust())
}

/// A reader from which the card is lifted at the n-th command, once.
struct Lifted {
    card: LyingChip,
    left: Option<usize>,
    error: TransportError,
}

impl Lifted {
    fn at(n: usize, error: TransportError) -> Self {
        Self { card: LyingChip::new(IMAGE.clone(), Lie::Nothing).short(), left: Some(n), error }
    }
}

fn gone() -> TransportError {
    TransportError::CardGone { reader: "test".to_owned(), detail: "lifted".to_owned() }
}

impl Transport for Lifted {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.card.atr()
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        if let Some(left) = &mut self.left {
            if *left == 0 {
                return Err(self.error.clone());
            }
            *left -= 1;
        }
        self.card.transmit(command)
    }
    fn reset(&mut self) -> Result<(), TransportError> {
        self.left = None;
        self.card.reset()
    }
    fn limits(&self) -> Limits {
        self.card.limits()
    }
}

fn run<T: Transport>(verifier: &Verifier, session: &mut Session<T>, reading: &mut Reading) -> Result<Inspection, TransportError> {
    verifier.resume_session(session, reading, &[can(CAN)], today(), &mut rng(), &mut |_| {})
}

/// Bytes that a card gave of each file.
fn served(card: &LyingChip) -> BTreeMap<FileId, usize> {
    let mut served = BTreeMap::new();
    for &(file, _, len) in &card.served {
        *served.entry(file).or_default() += len;
    }
    served
}

#[test]
fn a_lifted_card_goes_on_where_it_stopped_and_nothing_is_read_twice() {
    let whole = {
        let mut session = Session::new(Lifted::at(usize::MAX, gone()));
        run(&verifier(), &mut session, &mut Reading::new()).expect("the card stays");
        usize::try_from(session.traffic().commands).expect("few")
    };
    for (n, error) in (1..whole).step_by(7).map(|n| (n, gone())).chain([(90, TransportError::ResetByOther { reader: "test".to_owned() })]) {
        let mut session = Session::new(Lifted::at(n, error.clone()));
        let mut reading = Reading::new();
        assert_eq!(run(&verifier(), &mut session, &mut reading).err(), Some(error), "{n}");
        let had = reading.bytes();
        session.restart().expect("the card is back");
        let inspection = run(&verifier(), &mut session, &mut reading).expect("the card stays");
        assert_eq!(inspection.report.verdict, Verdict::Genuine, "{n}: {}", inspection.report.to_text(Default::default()));
        assert_eq!(inspection.files.get(&dg(2)), IMAGE.files.get(&dg(2)), "{n}");
        for id in ["ca", "aa"] {
            assert_eq!(inspection.report.finding(id).map(|finding| finding.outcome.as_str()), Some("passed"), "{n}: {id} is asked anew");
        }
        let card = session.into_transport().card;
        for (file, bytes) in served(&card) {
            let len = IMAGE.files[&file].len();
            let again = match file {
                // Read before access, each time; EF.DIR only until it is known.
                FileId::CARD_ACCESS => len,
                FileId::DIR => len,
                // Its last 32 bytes show that the card is the same. Before it is whole, it and EF.COM are read anew: too little to compare.
                FileId::SOD => len.max(32),
                FileId::COM => len,
                _ => 0,
            };
            assert!(bytes <= len + again, "{n}: {bytes} bytes of {file}, which has {len}; {had} were read before");
        }
    }
}

#[test]
fn a_file_that_was_half_read_goes_on_at_its_offset() {
    // Somewhere in the 20,004 bytes of DG2, which need 90 commands.
    let mut session = Session::new(Lifted::at(110, gone()));
    let mut reading = Reading::new();
    run(&verifier(), &mut session, &mut reading).expect_err("lifted");
    assert!(reading.bytes() > 10_000 && !reading.files().contains_key(&dg(2)), "{reading:?}");
    session.restart().expect("back");
    let mut first = None;
    let mut tell = |step: Step| {
        if let Step::Reading(progress) = step
            && progress.file == dg(2)
        {
            first.get_or_insert(progress.done);
        }
    };
    verifier().resume_session(&mut session, &mut reading, &[can(CAN)], today(), &mut rng(), &mut tell).expect("the card stays");
    assert!(first.is_some_and(|first| first > 5_000), "{first:?}");
    let dg2: usize = served(&session.into_transport().card)[&dg(2)];
    assert_eq!(dg2, 20_004);
}

#[test]
fn another_card_in_its_place_is_refused_and_what_was_read_is_kept() {
    let mut session = Session::new(Lifted::at(110, gone()));
    let mut reading = Reading::new();
    run(&verifier(), &mut session, &mut reading).expect_err("lifted");
    let before = reading.clone();
    // The same holder and keys, signed once more: another EF.SOD.
    let other = LyingChip::new(signed(&AUTHORITY, document::Options { keys: 9, ..document::Options::default() }), Lie::Nothing).short();
    let mut session = Session::new(other);
    let inspection = run(&verifier(), &mut session, &mut reading).expect("it answers");
    assert_eq!(inspection.report.verdict, Verdict::Undecided, "{}", inspection.report.to_text(Default::default()));
    let finding = inspection.report.finding("read.complete").expect("a finding");
    assert_eq!(finding.reason.as_ref().map(|reason| reason.code), Some("other-card"));
    assert_eq!(reading, before);
    // The right card may still follow.
    let mut session = Session::new(LyingChip::new(IMAGE.clone(), Lie::Nothing).short());
    let inspection = run(&verifier(), &mut session, &mut reading).expect("it answers");
    assert_eq!(inspection.report.verdict, Verdict::Genuine);
}

/// The files of one card and the chip of another: what proves the chip is asked of the one that is there.
#[test]
fn a_copy_put_in_place_of_the_card_it_was_copied_from_does_not_pass() {
    let mut session = Session::new(Lifted::at(110, gone()));
    let mut reading = Reading::new();
    run(&verifier(), &mut session, &mut reading).expect_err("lifted");
    let mut session = Session::new(LyingChip::new(IMAGE.clone(), Lie::OtherChipKey).short());
    let inspection = run(&verifier(), &mut session, &mut reading).expect("it answers");
    assert_eq!(inspection.report.verdict, Verdict::NotGenuine);
}

#[test]
fn a_cancelled_inspection_answers_with_what_was_read_and_sends_nothing_more() {
    for n in [0_u64, 1, 5, 12, 20, 60, 110] {
        let flag = Arc::new(AtomicBool::new(false));
        // Raised after the n-th command: a card that watches for us.
        let (count, raised) = (Arc::new(AtomicU64::new(0)), Arc::clone(&flag));
        let counted = Arc::clone(&count);
        let card = LyingChip::new(IMAGE.clone(), Lie::Nothing).short().with(move |_, answer| {
            if counted.fetch_add(1, Ordering::Relaxed) + 1 >= n {
                raised.store(true, Ordering::Relaxed);
            }
            super::chip::Deed::Answer(answer)
        });
        if n == 0 {
            flag.store(true, Ordering::Relaxed);
        }
        let verifier = verifier().with_reading(Options::default().cancelled_by(Arc::clone(&flag)));
        let mut session = Session::new(card);
        let mut reading = Reading::new();
        let inspection = run(&verifier, &mut session, &mut reading).expect("the card is there");
        assert_eq!(count.load(Ordering::Relaxed), n, "nothing is sent after the flag");
        let report = &inspection.report;
        assert_eq!((report.verdict, report.verdict.exit_code()), (Verdict::Undecided, 3), "{n}: {}", report.to_text(Default::default()));
        let finding = report.finding("read.complete").expect("a finding");
        assert_eq!(finding.reason.as_ref().map(|reason| reason.code), Some("cancelled"));
        assert!(!report.findings.iter().any(|finding| finding.outcome.as_str() == "failed"), "{n}: {}", report.to_text(Default::default()));
        // The evidence of it says the same.
        assert_eq!(verifier.judge(&Evidence::of(&inspection), today()).report.verdict, Verdict::Undecided, "{n}");
        // And it can be gone on with.
        flag.store(false, Ordering::Relaxed);
        let mut session = Session::new(LyingChip::new(IMAGE.clone(), Lie::Nothing).short());
        let inspection = run(&verifier, &mut session, &mut reading).expect("the card is there");
        assert_eq!(inspection.report.verdict, Verdict::Genuine, "{n}: {}", inspection.report.to_text(Default::default()));
    }
}

/// A clock that ticks a millisecond each time it is asked, which is once for each command.
#[test]
fn a_time_budget_ends_an_inspection_by_the_callers_clock() {
    let ticks = Arc::new(AtomicU64::new(0));
    let clock = {
        let ticks = Arc::clone(&ticks);
        Arc::new(move || Duration::from_millis(ticks.fetch_add(1, Ordering::Relaxed)))
    };
    let verifier = verifier().with_reading(Options::default().within(Duration::from_millis(100), clock));
    let mut session = Session::new(LyingChip::new(IMAGE.clone(), Lie::Nothing).short());
    let inspection = run(&verifier, &mut session, &mut Reading::new()).expect("the card is there");
    let finding = inspection.report.finding("read.complete").expect("a finding");
    assert_eq!(finding.reason.as_ref().map(|reason| reason.code), Some("time-up"));
    assert_eq!(inspection.report.verdict, Verdict::Undecided);
    assert!(session.traffic().commands <= 100, "{:?}", session.traffic());
    assert!(inspection.files.contains_key(&FileId::SOD));
}

/// Peer defect "Reader reconnects under SM": a reset by another program is told as what it is, and nothing is sent in the clear after it.
#[test]
fn mrtdscope_reader_that_reconnects_under_sm_is_told_as_a_reset() {
    let reset = TransportError::ResetByOther { reader: "test".to_owned() };
    for n in [14, 20, 40, 80] {
        let mut session = Session::new(Lifted::at(n, reset.clone()));
        assert_eq!(run(&verifier(), &mut session, &mut Reading::new()).err(), Some(reset.clone()), "{n}");
        let sent = session.traffic().commands;
        let read = eid::apdu::Command::new(0, 0xB0, 0, 0).with_le(6);
        assert_eq!(session.transmit(&read), Err(cardwright::session::SessionError::Lost));
        assert_eq!(session.traffic().commands, sent);
    }
}
