//! The three stores of the line, SQLite, PostgreSQL, and the one in memory: the same rules, the same answers, and what only a database has
//! to stand: many at once, a server that goes away, files of others.
//!
//! Without PostgreSQL its part says `skipped:`, except in CI.

mod away;
mod life;
#[path = "../support/postgres.rs"]
mod postgres;
mod query;
mod random;
mod tls;
mod together;

use std::sync::OnceLock;

use applets::rng::SeededRng;
use cardwright::line::memory::MemoryStore;
use cardwright::line::state::CardState;
use cardwright::line::store::{self, BatchId, Bind, Claim, JobId, NewBatch, NewJob, Note, Pseudonym, Serial, Store, StoreError};
use cardwright::line::users::{self, Action, Login, Role, TwoPersons, User};
use eid::secret::Secret;
use postgres::Postgres;

/// When everything happens.
const NOW: i64 = 1_790_000_000;

/// A note of the step `event`.
fn note(event: &str) -> Note {
    Note {
        time: NOW,
        actors: vec!["anna".to_owned()],
        event: event.to_owned(),
        subjects: vec!["batch 1".to_owned()],
        detail: String::new(),
    }
}

fn pseudonym(number: u8) -> Pseudonym {
    Pseudonym([number; 32])
}

fn serial(number: u8) -> Serial {
    Serial::new(&[0, number]).expect("two bytes")
}

/// The header of a batch.
fn header(name: &str) -> NewBatch {
    NewBatch {
        name: name.to_owned(),
        document_profile: "cccd-2024".to_owned(),
        card_profile: "virtual".to_owned(),
        profile_digest: [1; 32],
        live: false,
        merkle_root: [2; 32],
        signature: vec![3; 70],
    }
}

/// Job `sequence` for person `person`, whose number is the same.
fn order(sequence: u32, person: u8) -> NewJob {
    NewJob {
        sequence,
        person: pseudonym(person),
        document_type: "cccd".to_owned(),
        number: pseudonym(person),
        image_digest: [person; 32],
        image_file: format!("{person}.image"),
        sealed_digest: [person + 1; 32],
        replaces: None,
    }
}

/// Users `anna` and `binh`, who have every role, logged in.
fn logins() -> &'static [Login; 2] {
    static LOGINS: OnceLock<[Login; 2]> = OnceLock::new();
    LOGINS.get_or_init(|| {
        let mut store = MemoryStore::new();
        ["anna", "binh"].map(|name| {
            let pass_phrase = Secret::from(format!("pass phrase of {name}").as_bytes());
            let user = User::new(name, &Role::ALL, &pass_phrase, &mut SeededRng::new(name.as_bytes())).expect("user");
            store.put_user(&user, None, &note("user")).expect("there are not two supervisors yet");
            users::log_in(&mut store, name, &pass_phrase, NOW).expect("log-in")
        })
    })
}

/// Both for an action.
fn two(action: Action) -> TwoPersons {
    let [anna, binh] = logins();
    TwoPersons::new(action, anna, binh, NOW).expect("two persons")
}

/// Adds a batch with jobs for `persons` in their order, released.
fn released(store: &mut dyn Store, name: &str, persons: &[u8]) -> BatchId {
    let mut jobs = (1..).zip(persons).map(|(sequence, person)| order(sequence, *person));
    let batch = store.add_batch(&header(name), &mut jobs, &note("batch-added")).expect("batch");
    store.release_batch(batch, &two(Action::ReleaseBatch), &note("batch-released")).expect("release");
    batch
}

/// Delivers cards and hands them to the line.
fn at_line(store: &mut dyn Store, delivery: &str, cards: &[u8]) {
    let serials: Vec<Serial> = cards.iter().map(|card| serial(*card)).collect();
    store.deliver(delivery, &serials, &note("delivery")).expect("delivery");
    store.move_cards(&serials, CardState::InStock, CardState::AtLine, None, &note("to-line")).expect("move");
}

/// Claims one job for station `a`.
fn claim(store: &mut dyn Store) -> Claim {
    let mut claims = store.claim("a", 1, NOW, NOW + 120).expect("claim");
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

/// The bond of a claim with a card, by station `a`.
fn bond(claim: &Claim, card: u8) -> Bind {
    let nonce = [card; 16];
    Bind {
        job: claim.job.id,
        epoch: claim.job.epoch,
        serial: serial(card),
        nonce,
        station: "a".to_owned(),
        reader: "r0".to_owned(),
        time: NOW,
    }
}

/// What was expected and found, if the store refused.
fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Refused { what, expected, found }) => format!("{what}: expected {expected}, found {found}"),
        other => panic!("not refused: {other:?}"),
    }
}

/// Runs a test on each store.
fn each(test: impl Fn(&mut dyn Store)) {
    test(&mut MemoryStore::new());
    let folder = tempfile::tempdir().expect("directory");
    let mut sqlite = store::create(&format!("sqlite:{}", folder.path().join("line.db").display()), None).expect("SQLite");
    test(&mut *sqlite);
    if let Some(server) = Postgres::shared() {
        test(&mut *store::create(&server.database(), None).expect("PostgreSQL"));
    }
}

fn job_state(store: &mut dyn Store, batch: BatchId, job: JobId) -> String {
    let jobs = store.jobs(batch, 0, 100).expect("jobs");
    jobs.iter().find(|found| found.id == job).expect("job").state.to_string()
}
