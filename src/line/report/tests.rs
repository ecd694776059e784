//! A batch in the store in memory, with every kind of end, and what the report says of it.

use super::*;
use crate::line::memory::MemoryStore;
use crate::line::store::{Attempt, Bind, Claim, NewBatch, NewJob, Note, Progress, Pseudonym};
use crate::line::users::{self, Action, Login, Role, TwoPersons, User};
use eid::secret::Secret;

const NOW: i64 = 1_790_000_000;
const EVIL: &str = "</td><script>alert(1)</script>\"'&\u{202e}\u{1b}[2J";

fn note(event: &str) -> Note {
    Note { time: NOW, actors: Vec::new(), event: event.to_owned(), subjects: Vec::new(), detail: String::new() }
}

fn serial(n: u16) -> Serial {
    Serial::new(&n.to_be_bytes()).expect("two bytes")
}

fn wide(n: u16) -> [u8; 32] {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    bytes
}

struct Line {
    store: MemoryStore,
    logins: [Login; 2],
    attempts: i64,
}

impl Line {
    fn new(jobs: u16, cards: u16) -> Self {
        let mut store = MemoryStore::new();
        let mut rng = applets::rng::SeededRng::new(b"report");
        let logins = ["ana", "ben"].map(|name| {
            let phrase = Secret::from(&b"a pass phrase of a test"[..]);
            let user = User::new(name, &Role::ALL, &phrase, &mut rng).expect("a user");
            store.put_user(&user, None, &note("user-added")).expect("stored");
            users::log_in(&mut store, name, &phrase, NOW).expect("logged in")
        });
        let serials: Vec<_> = (1..=cards).map(serial).collect();
        store.deliver("D1", &serials, &note("delivered")).expect("delivered");
        store.move_cards(&serials, CardState::InStock, CardState::AtLine, None, &note("moved")).expect("moved");
        let header = NewBatch {
            name: "first".to_owned(),
            document_profile: "cccd-2021".to_owned(),
            card_profile: "eid-gp-scp03".to_owned(),
            profile_digest: [1; 32],
            live: false,
            merkle_root: [2; 32],
            signature: vec![3],
        };
        let mut orders = (1..=jobs).map(|n| NewJob {
            sequence: n.into(),
            person: Pseudonym(wide(n)),
            document_type: "ID".to_owned(),
            number: Pseudonym(wide(n)),
            image_digest: wide(n),
            image_file: format!("{n}.sealed"),
            sealed_digest: [4; 32],
            replaces: None,
        });
        let batch = store.add_batch(&header, &mut orders, &note("batch-prepared")).expect("stored");
        let mut line = Self { store, logins, attempts: 0 };
        let two = line.two(Action::ReleaseBatch);
        line.store.release_batch(batch, &two, &note("batch-released")).expect("released");
        line
    }

    fn two(&self, action: Action) -> TwoPersons {
        let [ana, ben] = &self.logins;
        TwoPersons::new(action, ana, ben, NOW).expect("two persons")
    }

    fn bound(&mut self, card: u16) -> Claim {
        let claim = self.store.claim("one", 1, NOW, NOW + 120).expect("claim").remove(0);
        let mut nonce = [0; 16];
        nonce[..2].copy_from_slice(&card.to_be_bytes());
        let (job, epoch, serial) = (claim.job.id, claim.job.epoch, serial(card));
        let bind = Bind { job, epoch, serial, nonce, station: "one".to_owned(), reader: "r1".to_owned(), time: NOW };
        self.store.bind(&bind).expect("bound");
        claim
    }

    fn issue(&mut self, claim: &Claim, card: u16) {
        for progress in [Progress::Written(claim.job.order.image_digest), Progress::Verified, Progress::Issued] {
            self.store.progress(&serial(card), progress).expect("progress");
        }
    }

    fn attempt(&mut self, claim: &Claim, card: u16, started: i64, outcome: &str) -> Attempt {
        self.attempts += 1;
        Attempt {
            station: "one".to_owned(),
            number: self.attempts,
            reader: "r1".to_owned(),
            job: claim.job.id,
            serial: serial(card),
            started: NOW + started,
            milliseconds: [10, 500, 200, 50, 5],
            apdus: 160,
            bytes: 34_000,
            resumed: false,
            settled_by: None,
            outcome: outcome.to_owned(),
        }
    }

    fn good(&mut self, card: u16, started: i64) {
        let claim = self.bound(card);
        self.issue(&claim, card);
        let attempt = self.attempt(&claim, card, started, "good");
        self.store.attempt(&attempt).expect("stored");
    }

    fn report(&mut self) -> Report {
        let batch = self.store.batches().expect("batches").remove(0);
        Report::of(&mut self.store, batch, NOW + 7_200).expect("a report")
    }
}

/// Six jobs: three smooth, one interrupted in the middle of writing, one whose first card failed and was counted, one still open.
fn line() -> Line {
    let mut line = Line::new(6, 9);
    (1..=3).for_each(|n| line.good(n, i64::from(n)));
    let claim = line.bound(4);
    let cut = Attempt { milliseconds: [0; 5], apdus: 0, bytes: 0, ..line.attempt(&claim, 4, 4, "interrupted-write") };
    let again = Attempt {
        resumed: true,
        settled_by: Some("HalfWritten".to_owned()),
        station: "two".to_owned(),
        apdus: 40,
        ..line.attempt(&claim, 4, 64, "good")
    };
    line.issue(&claim, 4);
    for attempt in [again, cut] {
        line.store.attempt(&attempt).expect("stored");
    }
    let claim = line.bound(5);
    let failed = line.attempt(&claim, 5, 70, "sw");
    line.store.attempt(&failed).expect("stored");
    let scrap = Scrap { reason: "sw".to_owned(), step: EVIL.to_owned(), sw: Some(0x6A80), reader: "r1".to_owned(), time: NOW + 71 };
    line.store.fail(&serial(5), &scrap).expect("failed");
    let two = line.two(Action::Scrap);
    line.store.scrap(&serial(5), CardState::Terminated, "sw", &two, &note("card-scrapped")).expect("counted");
    line.good(6, 80);
    line.bound(7);
    line
}

#[test]
fn a_report_says_where_every_card_is_and_how_each_interrupted_one_was_settled() {
    let mut line = line();
    let report = line.report();
    assert_eq!(report.cards, Cards { bound: 7, good: 5, counted: 1, to_count: 0, open: 1, lost: 0 });
    assert_eq!((report.difference(), report.is_settled()), (1, false), "the open card");
    let work = &report.work;
    assert_eq!((work.attempts, work.good, work.scrap, work.interrupted, work.resumed), (7, 5, 1, 1, 1));
    assert_eq!((work.card_yield, work.first_pass), (Share { part: 5, of: 6 }, Share { part: 3, of: 5 }));
    assert_eq!((work.apdus, work.bytes), (Some(160), Some(34_000)), "of cards that were made in one attempt");
    assert_eq!((work.whole.count, work.whole.p50, work.whole.most), (5, 760, 760));
    let text = report.to_text();
    for line in [
        "  released by ana and ben, not closed",
        "jobs: 1 bound, 5 issued",
        "cards: 7 bound = 5 good + 1 scrapped + 0 to be counted + 1 open + 0 lost; difference 1",
        "stock: 9 received = 5 good + 1 scrapped + 0 returned + 0 samples + 0 lost + 2 blank + 1 under way",
        "attempts: 7 = 5 good + 1 scrap + 1 interrupted; 1 took up a card of an earlier one",
        "yield: 83.3 % of 6 cards, 60.0 % of 5 jobs on their first card in one go",
        "  job 4, card 0004: issued",
        "    2026-09-21 14:13:24Z one, r1: interrupted in the step write",
        "    2026-09-21 14:14:24Z two, r1: taken up (bond open, job bound to it / card open, our nonce: resume; skip the groupings that are done); good",
        "  job 6, card 0007: bound at r1 of one since 2026-09-21 14:13:20Z",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?} in:\n{text}");
    }
    assert!(text.contains("job 5, card 0005: sw: </td>") && text.contains("terminated, counted by ana and ben at"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");

    let json = report.to_json();
    assert_eq!(json["version"], 1);
    assert_eq!(json["interrupted"]["count"], 1);
    let card = &json["interrupted"]["listed"][0];
    assert_eq!((card["card"].as_str(), card["settled"]["as"].as_str()), (Some("0004"), Some("issued")));
    assert_eq!(card["attempts"][0]["outcome"], "interrupted-write");
    assert_eq!(card["attempts"][1]["taken_up"]["row"], "HalfWritten");
    assert_eq!(json["scrapped"]["listed"][0]["settled"]["by"], serde_json::json!(["ana", "ben"]));
    assert_eq!(json["open"]["listed"][0]["card"], "0007");
}

#[test]
fn the_page_escapes_what_the_store_says_and_loads_nothing() {
    let page = line().report().to_html();
    for markup in ["<script", "\u{202e}", "\u{1b}", "alert(1)<"] {
        assert!(!page.contains(markup), "{markup:?} in {page}");
    }
    assert!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count() >= 2, "{page}");
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("url(") && !page.contains("@import"), "{page}");
    assert!(!page.contains(" style=") && page.contains("default-src 'none'"), "nothing inline");
    assert_eq!((page.matches("<svg").count(), page.matches("</svg>").count()), (4, 4));
    assert!(page.contains("interrupted in the step write<br>"), "{page}");
}

#[test]
fn a_batch_of_which_no_card_was_made_has_a_report_too() {
    let mut line = Line::new(2, 1);
    let report = line.report();
    assert!(report.to_text().contains("no card was made yet") && !report.is_settled());
    assert_eq!((report.work.hourly, report.to_json()["work"]["yield"]["of"].as_u64()), (None, Some(0)));
    assert!(report.to_html().contains("<h1>Batch first</h1>"));
}

#[test]
fn a_slow_reader_is_an_alarm_and_slow_cards_are_named() {
    let mut line = Line::new(200, 200);
    for card in 1..=200 {
        let claim = line.bound(card);
        line.issue(&claim, card);
        let mut attempt = line.attempt(&claim, card, i64::from(card) * 10, "good");
        // every tenth card in a reader that takes twice as long, and one that is stuck
        if card % 10 == 0 {
            attempt.reader = "r2".to_owned();
            attempt.milliseconds = [10, 900, 400, 50, 5];
        }
        if card == 77 {
            attempt.milliseconds[0] = 5_000;
        }
        line.store.attempt(&attempt).expect("stored");
    }
    let report = line.report();
    assert!(report.is_settled());
    assert_eq!(report.alarms.iter().map(|alarm| alarm.reader.as_str()).collect::<Vec<_>>(), Vec::<&str>::new(), "r2 makes the line's p95");
    assert_eq!(report.slow.iter().map(|slow| (slow.step, slow.expected, slow.count)).collect::<Vec<_>>(), [("identify", 10, 1)]);
    assert_eq!((report.slow[0].slowest[0].sequence, report.slow[0].slowest[0].milliseconds), (77, 5_000));
    // 2,000 s, a card each 10 s: 91 at most begin and end within 900 s
    assert_eq!((report.work.hourly, report.work.hourly_best, report.timeline.width()), (Some(361), Some(364), 5));
    assert!(report.to_text().contains("twice the expected 10 ms to identify, and 100 ms more (expected is the median"));
}

#[test]
fn a_reader_is_judged_after_twenty_cards_by_the_p95_of_the_line() {
    for (slow, alarms) in [(19, 0), (20, 1)] {
        let mut line = Line::new(500, 500);
        for card in 1..=500_u16 {
            let claim = line.bound(card);
            line.issue(&claim, card);
            let mut attempt = line.attempt(&claim, card, 0, "good");
            if card <= slow {
                attempt.reader = "r2".to_owned();
                attempt.milliseconds[1] = 2_000;
            }
            line.store.attempt(&attempt).expect("stored");
        }
        // 760 ms are in the bucket up to 767
        let alarm = Alarm { station: "one".to_owned(), reader: "r2".to_owned(), p95: 2_260, line: 767 };
        assert_eq!(line.report().alarms, vec![alarm; alarms], "{slow} cards of 500");
    }
}

#[test]
fn a_share_is_never_rounded_up_to_all() {
    let text = |part, of| Share { part, of }.to_string();
    assert_eq!((text(1_999, 2_000), text(2_000, 2_000), text(0, 0)), ("99.9 %".to_owned(), "100.0 %".to_owned(), "-".to_owned()));
}
