//! What a store knows of the persons of a delivery.

use eid::secret::Secret;

use super::*;
use crate::line::memory::MemoryStore;
use crate::line::pseudonym::Pseudonyms;
use crate::line::state::CardState;
use crate::line::store::{Bind, JobId, NewBatch, NewJob, Note, Progress as Step, Serial, Store};
use crate::line::users::{Action, Role, TwoPersons, User, log_in};

const TYPE: &str = "ID";

fn note(event: &str) -> Note {
    Note { time: 0, actors: vec!["test".to_owned()], event: event.to_owned(), subjects: Vec::new(), detail: String::new() }
}

/// A batch with one job for each of these numbers.
fn batch(store: &mut MemoryStore, pseudonyms: &Pseudonyms, numbers: &[String]) -> crate::line::store::BatchId {
    let batch = NewBatch {
        name: "b".to_owned(),
        document_profile: "can-cuoc-2024".to_owned(),
        card_profile: "eid-gp-scp03".to_owned(),
        profile_digest: [0; 32],
        live: false,
        merkle_root: [0; 32],
        signature: Vec::new(),
    };
    let job = |(sequence, number): (u32, &String)| NewJob {
        sequence,
        person: pseudonyms.person(number),
        document_type: TYPE.to_owned(),
        number: pseudonyms.document(number),
        image_digest: [0; 32],
        image_file: format!("{sequence}.sealed"),
        sealed_digest: [0; 32],
        replaces: None,
    };
    store.add_batch(&batch, &mut (1..).zip(numbers).map(job), &note("batch-added")).expect("stored")
}

/// Two persons who may do this.
fn two_persons(store: &mut MemoryStore, action: Action) -> TwoPersons {
    let pass_phrase = Secret::from(b"correct horse battery".as_slice());
    let mut rng = applets::rng::SeededRng::new(b"two persons");
    let [a, b] = ["anna", "binh"].map(|name| {
        let user = User::new(name, &[Role::Supervisor, Role::Operator], &pass_phrase, &mut rng).expect("a user");
        let persons = None;
        store.put_user(&user, persons, &note("user-added")).map(|()| name)
    });
    let logins = [a, b].map(|name| log_in(store, name.expect("stored"), &pass_phrase, 0).expect("logged in"));
    TwoPersons::new(action, &logins[0], &logins[1], 0).expect("two")
}

/// The first job of the batch goes all the way.
fn issue(store: &mut MemoryStore, batch: crate::line::store::BatchId) -> JobId {
    let persons = two_persons(store, Action::ReleaseBatch);
    store.release_batch(batch, &persons, &note("batch-released")).expect("released");
    let serial = Serial::new(&[1; 10]).expect("a serial");
    store.deliver("d", std::slice::from_ref(&serial), &note("delivered")).expect("delivered");
    store.move_cards(std::slice::from_ref(&serial), CardState::InStock, CardState::AtLine, None, &note("moved")).expect("moved");
    let job = store.claim("s", 1, 0, 100).expect("claimed").remove(0).job;
    let bind = Bind {
        job: job.id,
        epoch: job.epoch,
        serial: serial.clone(),
        nonce: [1; 16],
        station: "s".to_owned(),
        reader: "r".to_owned(),
        time: 0,
    };
    store.bind(&bind).expect("bound");
    for step in [Step::Written([0; 32]), Step::Verified, Step::Issued] {
        store.progress(&serial, step).expect("a step");
    }
    job.id
}

#[test]
fn a_person_with_a_document_gets_another_one_only_for_a_reason_and_a_cancelled_number_none() {
    let delivery = Delivery::new(5, 0);
    let numbers: Vec<String> = delivery.table().lines().skip(1).map(|row| row.chars().take(12).collect()).collect();
    let pseudonyms = Pseudonyms::new(Secret::new((0..32).collect())).expect("a key");
    let mut store = MemoryStore::new();
    let batch = batch(&mut store, &pseudonyms, &numbers[..3]);
    let persons = two_persons(&mut MemoryStore::new(), Action::CancelNumber);
    store.cancel_number(pseudonyms.document(&numbers[3]), &persons, &note("number-cancelled")).expect("cancelled");
    let judge = |store: &mut MemoryStore, reason: &str, name: &str| {
        let mapping = Mapping::default();
        let path = delivery.other("again.csv", delivery.table().replace(",first,", &format!(",{reason},")));
        let mut sources = vec![open(&path, &mapping).expect("open")];
        let live = Live { store, pseudonyms: &pseudonyms, document_type: TYPE };
        let go_on = &mut |_| ControlFlow::Continue(());
        let options = Options { refuse_above: Share::from_ppm(800_000).expect("80 %"), ..options() };
        let report = run(&mut sources, &mapping, &profile(), &options, &delivery.output(name), Some(live), go_on).expect("judged");
        assert!(report.store_asked);
        let records = AcceptedFile::open(&delivery.output(name).accepted()).expect("whole").map(|record| record.expect("a record"));
        (rules(&report), records.map(|record| (record.row, record.replaces())).collect::<Vec<_>>())
    };
    let in_production = vec![(1, "live-document"), (2, "live-document"), (3, "live-document"), (4, "cancelled-number")];
    assert_eq!(judge(&mut store, "first", "a"), (in_production.clone(), vec![(5, None)]));
    assert_eq!(judge(&mut store, "lost", "b"), (in_production.clone(), vec![(5, None)]), "nothing is issued yet");
    let job = issue(&mut store, batch);
    assert_eq!(judge(&mut store, "first", "c"), (in_production, vec![(5, None)]));
    let (rules, records) = judge(&mut store, "lost", "d");
    assert_eq!(rules, [(2, "live-document"), (3, "live-document"), (4, "cancelled-number")]);
    assert_eq!(records, [(1, Some(job)), (5, None)], "the first document is replaced");
    let other_type = Live { store: &mut store, pseudonyms: &pseudonyms, document_type: "P" };
    assert_eq!(format!("{other_type:?}"), "Live(memory, P)");
}
