use std::path::PathBuf;

use super::*;
use crate::line::audit::{self, Verdict};
use crate::line::store::{Progress, Scrap};

fn serial(n: u8) -> Serial {
    Serial::new(&[n; 10]).expect("a serial")
}

fn note(event: &str) -> Note {
    Note {
        time: 1_800_000_000,
        actors: vec!["station A".to_owned()],
        event: event.to_owned(),
        subjects: vec!["card 01".to_owned()],
        detail: "d".to_owned(),
    }
}

fn intent(n: u8, state: IntentState) -> Intent {
    let job = JobId(i64::from(n));
    Intent { serial: serial(n), job, epoch: 1, nonce: [n; 16], reader: "sim:x#1".to_owned(), time: 1_800_000_000 + i64::from(n), state }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("A.db")
    }

    fn open(&self) -> JournalFile {
        JournalFile::open(&self.path(), "A").expect("opens")
    }
}

#[test]
fn everything_that_was_kept_is_there_after_the_journal_is_opened_again() {
    let folder = Folder::new();
    let mut journal = folder.open();
    journal.intend(&intent(1, IntentState::Intended), 5, &note("card-intended")).expect("kept");
    journal.intend(&intent(2, IntentState::Intended), 5, &note("card-intended")).expect("kept");
    journal.intend(&intent(3, IntentState::Intended), 5, &note("card-intended")).expect("kept");
    journal.before(&serial(1), Change::Store, 5).expect("kept");
    let written = Saying::Progress(serial(1), Progress::Written([9; 32]));
    let scrap = Scrap { reason: "sw".to_owned(), step: "x".to_owned(), sw: Some(0x6A80), reader: "r".to_owned(), time: 4 };
    let failed = Saying::Fail(serial(2), scrap);
    journal.say(std::slice::from_ref(&written), None, &note("card-written")).expect("kept");
    journal.say(std::slice::from_ref(&failed), Some((&serial(2), IntentState::Failed)), &note("card-failed")).expect("kept");
    journal.settle(&serial(3), IntentState::Void).expect("kept");
    drop(journal);

    let mut journal = folder.open();
    let open: Vec<_> = journal.open_intents().expect("read").into_iter().map(|intent| (intent.serial, intent.state)).collect();
    assert_eq!(open, [(serial(1), IntentState::Intended), (serial(2), IntentState::Failed)]);
    assert_eq!(journal.intent(&serial(3)).expect("read"), Some(intent(3, IntentState::Void)));
    assert_eq!(journal.intent(&serial(9)).expect("read"), None);
    let unsaid = journal.unsaid(10).expect("read");
    assert_eq!(unsaid.iter().map(|(_, saying)| saying.clone()).collect::<Vec<_>>(), [written, failed.clone()]);
    journal.said(unsaid[0].0).expect("kept");
    assert_eq!(journal.unsaid(10).expect("read"), [(unsaid[1].0, failed)]);
}

#[test]
fn a_claim_is_kept_until_it_is_used_or_given_back() {
    use crate::line::state::JobState;
    use crate::line::store::{BatchId, Job, NewJob, Pseudonym};
    let order = NewJob {
        sequence: 1,
        person: Pseudonym([1; 32]),
        document_type: "ID".to_owned(),
        number: Pseudonym([2; 32]),
        image_digest: [3; 32],
        image_file: "1".to_owned(),
        sealed_digest: [4; 32],
        replaces: None,
    };
    let claim = |n| Claim {
        job: Job {
            id: JobId(n),
            batch: BatchId(1),
            order: order.clone(),
            state: JobState::Reserved,
            epoch: 7,
            serial: None,
            station: None,
            lease_until: None,
        },
        live: false,
    };
    let folder = Folder::new();
    let mut journal = folder.open();
    journal.claimed(&[claim(1), claim(2), claim(3)]).expect("kept");
    journal.intend(&intent(1, IntentState::Intended), 5, &note("card-intended")).expect("kept");
    journal.unclaimed(JobId(3)).expect("kept");
    drop(journal);
    assert_eq!(folder.open().claims().expect("read"), [(JobId(2), 7)]);
}

#[test]
fn the_chain_of_the_station_verifies_and_cannot_be_changed_in_place() {
    let folder = Folder::new();
    let mut journal = folder.open();
    for n in 0..5 {
        journal.say(&[], None, &note(&format!("event {n}"))).expect("kept");
    }
    let entries = journal.unshipped(100).expect("read");
    journal.shipped(3).expect("kept");
    assert_eq!(journal.unshipped(100).expect("read").len(), 2);
    let chain = station_chain("A");
    let verdict = audit::verify::<()>(&chain, entries.iter().cloned().map(Ok), &[], None).expect("no source of errors");
    assert_eq!(verdict, Verdict::Intact { end: entries[4].end(), signed: 0 });
    for sql in ["DELETE FROM entry WHERE sequence = 5", "UPDATE entry SET event = 'x'", "UPDATE entry SET hash = zeroblob(32)"] {
        let error = journal.connection.execute(sql, []).expect_err(sql);
        assert!(error.to_string().contains("the log is only added to"), "{sql}: {error}");
    }
}

#[test]
fn a_journal_of_another_station_another_version_or_another_program_is_refused() {
    let folder = Folder::new();
    drop(folder.open());
    let error = JournalFile::open(&folder.path(), "B").expect_err("another station").to_string();
    assert!(error.ends_with("expected station B, found station A"), "{error}");
    let connection = Connection::open(folder.path()).expect("opens");
    connection.pragma_update(None, "user_version", 3).expect("set");
    drop(connection);
    let error = JournalFile::open(&folder.path(), "A").expect_err("another version").to_string();
    assert!(error.ends_with("expected version 2, found version 3"), "{error}");
    let other = folder.0.path().join("other.db");
    Connection::open(&other).expect("opens").execute_batch("CREATE TABLE x (y)").expect("made");
    let error = JournalFile::open(&other, "A").expect_err("another program").to_string();
    assert!(error.ends_with("expected the journal of a station, found another database"), "{error}");
    std::fs::write(&other, b"something else entirely, and long enough").expect("written");
    assert!(matches!(JournalFile::open(&other, "A"), Err(JournalError::Sqlite { .. })));
}

#[test]
fn two_processes_never_share_a_journal() {
    let folder = Folder::new();
    let mut first = folder.open();
    first.say(&[], None, &note("x")).expect("kept");
    let second = JournalFile::open(&folder.path(), "A");
    assert!(matches!(second, Err(JournalError::Sqlite { .. })), "{second:?}");
}

fn attempt(number: i64, outcome: &str) -> Saying {
    Saying::Attempt(crate::line::store::Attempt {
        station: "A".to_owned(),
        number,
        reader: "sim:x#1".to_owned(),
        job: JobId(1),
        serial: serial(1),
        started: 5,
        milliseconds: [0; 5],
        apdus: 0,
        bytes: 0,
        resumed: false,
        settled_by: None,
        outcome: outcome.to_owned(),
    })
}

#[test]
fn an_attempt_whose_end_was_never_said_is_found_again_with_the_last_change_of_its_own() {
    let folder = Folder::new();
    let mut journal = folder.open();
    let intend = |journal: &mut JournalFile, n| journal.intend(&intent(n, IntentState::Intended), 5, &note("card-intended")).expect("kept");
    assert_eq!((1..=4).map(|n| intend(&mut journal, n)).collect::<Vec<_>>(), [1, 2, 3, 4]);
    journal.before(&serial(1), Change::Store, 6).expect("kept");
    journal.before(&serial(1), Change::Commit, 7).expect("kept");
    journal.settle(&serial(2), IntentState::Void).expect("the bond was refused");
    journal.say(&[attempt(3, "good")], Some((&serial(3), IntentState::Issued)), &note("card-issued")).expect("kept");
    drop(journal);

    let mut journal = folder.open();
    let told = |journal: &mut JournalFile| {
        let found = journal.cut_off().expect("read");
        found.into_iter().map(|one| (one.number, one.under_way.serial, one.change)).collect::<Vec<_>>()
    };
    assert_eq!(told(&mut journal), [(1, serial(1), Some("commit".to_owned())), (4, serial(4), None)]);
    journal.say(&[attempt(1, "interrupted-commit")], None, &note("card-interrupted")).expect("kept");
    let again =
        UnderWay { serial: serial(1), job: JobId(1), reader: "r".to_owned(), started: 9, settled_by: Some("AnswerLost".to_owned()) };
    assert_eq!(journal.take_up(&again).expect("kept"), 5);
    assert_eq!(told(&mut journal), [(4, serial(4), None), (5, serial(1), None)], "what was done before is not of this attempt");
    assert_eq!(journal.cut_off().expect("read")[1].under_way, again);
}

#[test]
fn a_journal_of_version_1_becomes_one_of_version_2_and_keeps_what_it_holds() {
    let folder = Folder::new();
    let mut journal = folder.open();
    journal.intend(&intent(1, IntentState::Intended), 5, &note("card-intended")).expect("kept");
    drop(journal);
    let connection = Connection::open(folder.path()).expect("opens");
    connection.execute_batch("DROP TABLE under_way; PRAGMA user_version = 1").expect("version 1");
    drop(connection);
    let mut journal = folder.open();
    assert_eq!(journal.open_intents().expect("read").len(), 1);
    assert_eq!(journal.cut_off().expect("read"), []);
    assert_eq!(journal.intend(&intent(2, IntentState::Intended), 6, &note("card-intended")).expect("kept"), 2);
    drop(journal);
    assert_eq!(folder.open().cut_off().expect("read").len(), 1);
}
