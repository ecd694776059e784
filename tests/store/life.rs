//! What the rules of the line say, told as lives of cards and jobs, on each store.

use super::*;
use cardwright::line::audit::{self, SITE, Verdict};
use cardwright::line::state::{BindingState, JobState};
use cardwright::line::store::{Attempt, Incident, Progress, Scrap};

fn scrap() -> Scrap {
    Scrap { reason: "timeout".to_owned(), step: "write".to_owned(), sw: Some(0x6F00), reader: "r0".to_owned(), time: NOW }
}

fn issue(store: &mut dyn Store, claim: &Claim, card: u8) {
    store.bind(&bond(claim, card)).expect("bind");
    for progress in [Progress::Written(claim.job.order.image_digest), Progress::Verified, Progress::Issued] {
        store.progress(&serial(card), progress).expect("progress");
        store.progress(&serial(card), progress).expect("the same again");
    }
}

#[test]
fn a_job_becomes_a_document_and_the_batch_closes_with_difference_0() {
    each(|store| {
        at_line(store, "d1", &[1, 2, 3]);
        let batch = released(store, "b1", &[10, 11]);
        let first = claim(store);
        assert_eq!((first.job.state, first.job.epoch, first.job.order.sequence, first.live), (JobState::Reserved, 1, 1, false));
        issue(store, &first, 1);
        let open = refusal(store.close_batch(batch, &two(Action::CloseBatch), &note("batch-closed")));
        assert!(open.contains("expected difference 0, found 1 jobs not settled, 0 cards not counted"), "{open}");
        let second = claim(store);
        issue(store, &second, 2);
        assert_eq!(store.claim("a", 5, NOW, NOW + 120).expect("claim"), []);
        store.close_batch(batch, &two(Action::CloseBatch), &note("batch-closed")).expect("close");

        assert_eq!(store.job_counts(batch).expect("counts"), [(JobState::Issued, 2)]);
        assert_eq!(store.stock(Some("d1")).expect("stock"), [(CardState::AtLine, 1), (CardState::Good, 2)]);
        assert_eq!(store.stock(Some("d2")).expect("stock"), []);
        let card = store.card(&serial(1)).expect("store").expect("card");
        let (binding, job) = card.bound.expect("bound");
        assert_eq!(
            (card.state, binding.state, job.state, job.serial),
            (CardState::Good, BindingState::Good, JobState::Issued, Some(serial(1)))
        );
        assert_eq!(binding.bind, bond(&first, 1));
        let batches = store.batches().expect("batches");
        let names = Some(["anna".to_owned(), "binh".to_owned()]);
        assert_eq!((&batches[0].released_by, &batches[0].closed_by, batches[0].jobs), (&names, &names, 2));
    });
}

#[test]
fn a_card_is_bound_once_in_its_life_and_a_claim_binds_once() {
    each(|store| {
        at_line(store, "d1", &[1, 2, 3]);
        released(store, "b1", &[10, 11]);
        let (first, second) = (claim(store), claim(store));
        store.bind(&bond(&first, 1)).expect("bind");
        store.bind(&bond(&first, 1)).expect("the answer may have been lost");
        assert!(refusal(store.bind(&bond(&second, 1))).contains("never bound"));
        assert!(refusal(store.bind(&bond(&first, 2))).contains("expected reserved by a in epoch 1, found bound"));
        assert!(refusal(store.bind(&Bind { station: "b".to_owned(), ..bond(&second, 2) })).contains("reserved by b"));
        assert!(refusal(store.bind(&Bind { nonce: [1; 16], ..bond(&second, 2) })).contains("nonce"));
        assert!(refusal(store.bind(&bond(&second, 9))).contains("card in stock"));
        store.bind(&bond(&second, 2)).expect("bind");
        assert_eq!(store.card(&serial(3)).expect("store").expect("card").bound, None);
    });
}

#[test]
fn a_lease_that_is_over_frees_a_reserved_job_and_never_a_bound_one() {
    each(|store| {
        at_line(store, "d1", &[1, 2]);
        let batch = released(store, "b1", &[10, 11]);
        let (first, second) = (claim(store), claim(store));
        store.bind(&bond(&first, 1)).expect("bind");
        assert_eq!(store.expire(NOW + 119).expect("expire"), 0);
        assert_eq!(store.expire(NOW + 120).expect("expire"), 1);
        assert_eq!(job_state(store, batch, first.job.id), "bound");
        assert_eq!(job_state(store, batch, second.job.id), "prepared");
        assert!(refusal(store.bind(&bond(&second, 2))).contains("found prepared"));
        let again = store.claim("b", 5, NOW + 200, NOW + 320).expect("claim");
        assert_eq!(again.iter().map(|claim| (claim.job.id, claim.job.epoch)).collect::<Vec<_>>(), [(second.job.id, 2)]);
        // the station of the first claim wakes up
        assert!(refusal(store.bind(&bond(&second, 2))).contains("expected reserved by a in epoch 1, found reserved by b in epoch 2"));
        store.unclaim(second.job.id, 1).expect("a claim of another epoch is not given back");
        assert_eq!(job_state(store, batch, second.job.id), "reserved");
        store.unclaim(second.job.id, 2).expect("given back");
        assert_eq!(job_state(store, batch, second.job.id), "prepared");
        // claims take back what is over, too
        let third = claim(store);
        assert_eq!(store.claim("b", 1, third.job.lease_until.expect("lease"), NOW + 999).expect("claim")[0].job.epoch, 4);
    });
}

#[test]
fn a_failed_card_holds_its_job_until_two_persons_counted_it() {
    each(|store| {
        at_line(store, "d1", &[1, 2]);
        let batch = released(store, "b1", &[10]);
        let first = claim(store);
        store.bind(&bond(&first, 1)).expect("bind");
        store.fail(&serial(1), &scrap()).expect("fail");
        store.fail(&serial(1), &Scrap { reason: "later".to_owned(), ..scrap() }).expect("said again");
        let held = store.card(&serial(1)).expect("store").expect("card");
        assert_eq!((held.state, held.scrap, held.counted), (CardState::ScrapPending, Some(scrap()), None));
        assert_eq!(job_state(store, batch, first.job.id), "held");
        assert_eq!(store.claim("a", 1, NOW, NOW + 120).expect("claim"), []);
        assert!(refusal(store.progress(&serial(1), Progress::Issued)).contains("did not fail"));
        // A station that was killed before it noted that the store had heard it says everything again, in its order.
        for said_again in [Progress::Written([10; 32]), Progress::Verified] {
            store.progress(&serial(1), said_again).expect("no news");
        }
        assert_eq!(store.card(&serial(1)).expect("card").expect("there").state, CardState::ScrapPending);
        let one_not_two = two(Action::CloseBatch);
        assert!(
            refusal(store.scrap(&serial(1), CardState::Terminated, "timeout", &one_not_two, &note("scrap")))
                .contains("two for close-batch")
        );
        let later = Note { time: NOW + 301, ..note("scrap") };
        assert!(
            refusal(store.scrap(&serial(1), CardState::Terminated, "timeout", &two(Action::Scrap), &later)).contains("last five minutes")
        );
        assert!(refusal(store.scrap(&serial(1), CardState::Good, "timeout", &two(Action::Scrap), &note("scrap"))).contains("terminated"));
        store.scrap(&serial(1), CardState::Mute, "timeout", &two(Action::Scrap), &note("scrap")).expect("scrap");
        store.fail(&serial(1), &scrap()).expect("said again after it was counted");
        let counted = store.card(&serial(1)).expect("store").expect("card");
        assert_eq!(counted.counted.expect("counted").persons, ["anna", "binh"]);
        let second = claim(store);
        assert_eq!((second.job.id, second.job.epoch), (first.job.id, 2));
        assert!(refusal(store.bind(&bond(&second, 1))).contains("never bound"));
        issue(store, &second, 2);
        assert!(refusal(store.fail(&serial(2), &scrap())).contains("not issued"));
        store.close_batch(batch, &two(Action::CloseBatch), &note("batch-closed")).expect("one good, one counted");
    });
}

#[test]
fn steps_of_a_card_are_taken_in_their_order_with_its_own_image() {
    each(|store| {
        at_line(store, "d1", &[1]);
        released(store, "b1", &[10]);
        let first = claim(store);
        assert!(refusal(store.progress(&serial(1), Progress::Verified)).contains("unbound"));
        store.bind(&bond(&first, 1)).expect("bind");
        assert!(refusal(store.progress(&serial(1), Progress::Verified)).contains("expected job written, found bound"));
        assert!(refusal(store.progress(&serial(1), Progress::Written([99; 32]))).contains(&"63".repeat(32)));
        store.progress(&serial(1), Progress::Written([10; 32])).expect("written");
        assert!(refusal(store.progress(&serial(1), Progress::Issued)).contains("expected job verified, found written"));
        assert!(refusal(store.bind(&bond(&first, 1))).contains("never bound"), "work has gone on");
    });
}

#[test]
fn a_person_has_one_live_document_of_a_type_and_renewal_replaces_it() {
    each(|store| {
        at_line(store, "d1", &[1, 2]);
        let batch = released(store, "b1", &[10]);
        let add = |store: &mut dyn Store, name: &str, jobs: Vec<NewJob>| {
            store.add_batch(&header(name), &mut jobs.into_iter(), &note("batch-added"))
        };
        assert!(refusal(add(store, "b2", vec![order(1, 10)])).contains("no live document of person"));
        assert!(refusal(add(store, "b2", vec![order(1, 20), order(2, 20)])).contains("job 2"), "twice in one batch");
        assert!(refusal(add(store, "b2", vec![order(1, 20), order(3, 21)])).contains("expected sequence 2, found 3"));
        assert!(refusal(add(store, "b1", vec![order(1, 20)])).contains("a new name"));
        assert!(refusal(add(store, "b2", vec![])).contains("at least one job"));
        let other_number = NewJob { person: pseudonym(30), ..order(1, 10) };
        assert!(refusal(add(store, "b2", vec![other_number])).contains("no live document with number"));
        let first = claim(store);
        let renewal = NewJob { replaces: Some(first.job.id), ..order(1, 10) };
        assert!(refusal(add(store, "b2", vec![renewal.clone()])).contains("expected issued, found reserved"));
        issue(store, &first, 1);
        let wrong = NewJob { replaces: Some(first.job.id), ..order(1, 11) };
        assert!(refusal(add(store, "b2", vec![wrong])).contains("the same person"));
        assert!(refusal(add(store, "b2", vec![renewal.clone(), NewJob { sequence: 2, ..renewal.clone() }])).contains("found replaced"));
        assert_eq!(job_state(store, batch, first.job.id), "issued", "what was refused left nothing behind");
        add(store, "b2", vec![renewal]).expect("renewal");
        assert_eq!(job_state(store, batch, first.job.id), "replaced");
        let live = store.live_jobs("cccd", &[pseudonym(10), pseudonym(11), pseudonym(10)]).expect("live");
        assert_eq!(live.iter().map(|job| (job.state, job.order.replaces)).collect::<Vec<_>>(), [(JobState::Prepared, Some(first.job.id))]);
        assert_eq!(store.live_jobs("cc", &[pseudonym(10)]).expect("live"), []);
        store.close_batch(batch, &two(Action::CloseBatch), &note("batch-closed")).expect("a replaced document was issued");
    });
}

#[test]
fn a_cancelled_number_is_never_taken_again() {
    each(|store| {
        let batch = released(store, "b1", &[10]);
        assert!(
            refusal(store.cancel_number(pseudonym(10), &two(Action::CancelNumber), &note("number-cancelled")))
                .contains("found job 1 prepared")
        );
        let job = store.jobs(batch, 0, 1).expect("jobs").remove(0).id;
        store.cancel_job(job, &two(Action::CancelJob), &note("job-cancelled")).expect("cancel");
        store.cancel_number(pseudonym(10), &two(Action::CancelNumber), &note("number-cancelled")).expect("cancel");
        store.cancel_number(pseudonym(10), &two(Action::CancelNumber), &note("number-cancelled")).expect("again");
        assert_eq!(store.cancelled(&[pseudonym(9), pseudonym(10)]).expect("cancelled"), [pseudonym(10)]);
        let again = store.add_batch(&header("b2"), &mut [order(1, 10)].into_iter(), &note("batch-added"));
        assert!(refusal(again).contains("not cancelled"));
        assert!(refusal(store.cancel_job(job, &two(Action::CancelJob), &note("job-cancelled"))).contains("found cancelled"));
    });
}

#[test]
fn a_lost_card_leaves_its_job_held_until_it_is_cancelled_or_the_card_found() {
    each(|store| {
        at_line(store, "d1", &[1, 2, 3]);
        let batch = released(store, "b1", &[10, 11]);
        let (first, second) = (claim(store), claim(store));
        store.bind(&bond(&first, 1)).expect("bind");
        store.bind(&bond(&second, 2)).expect("bind");
        let lose = |store: &mut dyn Store, card: u8, persons: Option<&TwoPersons>| {
            store.move_cards(&[serial(card)], CardState::Bound, CardState::Lost, persons, &note("lost"))
        };
        assert!(refusal(lose(store, 1, None)).contains("two persons"));
        lose(store, 1, Some(&two(Action::TakeOut))).expect("lost");
        lose(store, 2, Some(&two(Action::TakeOut))).expect("lost");
        assert_eq!(job_state(store, batch, first.job.id), "held");
        assert_eq!(store.claim("a", 5, NOW, NOW + 120).expect("claim"), []);
        store.cancel_job(first.job.id, &two(Action::CancelJob), &note("job-cancelled")).expect("cancel");
        store.scrap(&serial(2), CardState::Terminated, "found", &two(Action::Scrap), &note("scrap")).expect("found");
        assert_eq!(job_state(store, batch, second.job.id), "prepared");
        let again = claim(store);
        issue(store, &again, 3);
        let lost = refusal(store.close_batch(batch, &two(Action::CloseBatch), &note("batch-closed")));
        assert!(lost.contains("1 cards not counted"), "{lost}");
        store.scrap(&serial(1), CardState::Terminated, "found", &two(Action::Scrap), &note("scrap")).expect("found");
        assert_eq!(job_state(store, batch, first.job.id), "cancelled");
        store.close_batch(batch, &two(Action::CloseBatch), &note("batch-closed")).expect("close");
    });
}

#[test]
fn an_incident_stops_its_batch_or_the_line_until_two_persons_looked() {
    each(|store| {
        at_line(store, "d1", &[1, 2]);
        let (first, second) = (released(store, "b1", &[10, 11]), released(store, "b2", &[20]));
        let claimed = claim(store);
        let seen = Incident {
            id: 0,
            batch: Some(first),
            station: "a".to_owned(),
            serial: Some(serial(1)),
            what: "wrong-cryptogram".to_owned(),
            time: NOW,
            released_by: None,
        };
        let id = store.incident(&seen).expect("incident");
        assert_eq!(store.incident(&seen).expect("said again"), id);
        assert_eq!(store.batches().expect("batches")[0].stopped.as_deref(), Some("wrong-cryptogram"));
        assert!(refusal(store.bind(&bond(&claimed, 1))).contains("stopped: wrong-cryptogram"));
        let others = store.claim("a", 5, NOW, NOW + 120).expect("claim");
        assert_eq!(others.iter().map(|claim| claim.job.batch).collect::<Vec<_>>(), [second]);
        store.unclaim(others[0].job.id, 1).expect("given back");
        let line = store.incident(&Incident { batch: None, what: "unknown-writer".to_owned(), ..seen.clone() }).expect("incident");
        assert_eq!(store.claim("a", 5, NOW, NOW + 120).expect("claim"), []);
        for incident in [id, line] {
            store.release_incident(incident, &two(Action::ReleaseIncident), &note("incident-released")).expect("release");
        }
        assert!(refusal(store.release_incident(id, &two(Action::ReleaseIncident), &note("x"))).contains("released by anna and binh"));
        assert_eq!((store.incidents(true).expect("open").len(), store.incidents(false).expect("all").len()), (0, 2));
        store.bind(&bond(&claimed, 1)).expect("bind");
        let unknown = Incident { batch: Some(BatchId(77)), ..seen };
        assert!(refusal(store.incident(&unknown)).contains("a batch"));
    });
}

#[test]
fn blanks_move_between_vault_and_line_and_leave_only_by_two_persons() {
    each(|store| {
        at_line(store, "d1", &[1, 2, 3]);
        assert!(refusal(store.deliver("d1", &[serial(7)], &note("delivery"))).contains("found delivery d1"));
        assert!(refusal(store.deliver("d2", &[serial(7), serial(2)], &note("delivery"))).contains("card 0002"));
        assert!(refusal(store.deliver("d2", &[serial(7), serial(7)], &note("delivery"))).contains("card 0007 twice"));
        assert!(refusal(store.deliver("d2", &[], &note("delivery"))).contains("at least one"));
        let (line, stock) = (CardState::AtLine, CardState::InStock);
        store.move_cards(&[serial(1)], line, stock, None, &note("back")).expect("back");
        assert!(refusal(store.move_cards(&[serial(2), serial(1)], line, stock, None, &note("back"))).contains("found in-stock"));
        assert!(refusal(store.move_cards(&[serial(2), serial(2)], line, stock, None, &note("back"))).contains("found in-stock"));
        assert!(refusal(store.move_cards(&[serial(2)], line, CardState::Sample, None, &note("sample"))).contains("two persons"));
        assert!(refusal(store.move_cards(&[serial(2)], line, CardState::Good, None, &note("?"))).contains("a move that exists"));
        store.move_cards(&[serial(2)], line, CardState::Sample, Some(&two(Action::TakeOut)), &note("sample")).expect("sample");
        store.scrap(&serial(3), CardState::Mute, "no-answer", &two(Action::Scrap), &note("scrap")).expect("never bound");
        let counts = [(CardState::InStock, 1), (CardState::Mute, 1), (CardState::Sample, 1)];
        assert_eq!(store.stock(None).expect("stock"), counts);
        assert_eq!(store.cards(CardState::InStock, None, 9).expect("cards").len(), 1);
        assert_eq!(store.cards(CardState::InStock, Some(&serial(1)), 9).expect("cards").len(), 0);
    });
}

#[test]
fn a_batch_runs_only_after_two_persons_released_it() {
    each(|store| {
        let batch = store.add_batch(&header("b1"), &mut [order(1, 10)].into_iter(), &note("batch-added")).expect("batch");
        assert_eq!(store.claim("a", 5, NOW, NOW + 120).expect("claim"), []);
        assert!(refusal(store.release_batch(batch, &two(Action::Scrap), &note("x"))).contains("two for scrap"));
        store.release_batch(batch, &two(Action::ReleaseBatch), &note("batch-released")).expect("release");
        assert!(refusal(store.release_batch(batch, &two(Action::ReleaseBatch), &note("x"))).contains("released by anna and binh"));
        assert!(refusal(store.release_batch(BatchId(9), &two(Action::ReleaseBatch), &note("x"))).contains("found none"));
        assert_eq!(store.claim("a", 5, NOW, NOW + 120).expect("claim").len(), 1);
    });
}

#[test]
fn every_step_with_a_note_is_in_the_chain_of_the_site_with_those_who_decided() {
    each(|store| {
        at_line(store, "d1", &[1]);
        released(store, "b1", &[10]);
        store.note(&note("key-imported")).expect("note");
        let refused = store.deliver("d1", &[serial(9)], &note("delivery"));
        assert!(refused.is_err());
        let entries = store.entries(SITE, 0, 100).expect("entries");
        let events: Vec<&str> = entries.iter().map(|entry| entry.note.event.as_str()).collect();
        assert_eq!(events, ["delivery", "to-line", "batch-added", "batch-released", "key-imported"]);
        assert_eq!(entries[3].note.actors, ["anna", "binh"]);
        assert_eq!(store.entries(SITE, 3, 1).expect("entries"), entries[3..4]);
        let end = entries[4].end();
        assert_eq!(store.chains().expect("chains"), std::slice::from_ref(&end));
        let verdict = audit::verify(SITE, entries.into_iter().map(Ok::<_, StoreError>), &[], None).expect("entries");
        assert_eq!(verdict, Verdict::Intact { end, signed: 0 });
    });
}

#[test]
fn a_station_sends_its_chain_again_and_again_and_never_another_one() {
    each(|store| {
        let chain = audit::station_chain("a");
        let mut end = audit::ChainEnd::empty(&chain);
        let mut entries = Vec::new();
        for event in ["start", "bound", "written", "stop"] {
            entries.push(audit::Entry::after(&end, &note(event)));
            end = entries[entries.len() - 1].end();
        }
        store.ship(&entries[..2]).expect("ship");
        store.ship(&entries[1..]).expect("overlaps");
        store.ship(&entries).expect("again");
        assert_eq!(store.entries(&chain, 0, 10).expect("entries"), entries);
        let other = audit::Entry::after(&entries[1].end(), &note("forged"));
        assert!(refusal(store.ship(std::slice::from_ref(&other))).contains("sent before"));
        let gap = audit::Entry::after(&audit::ChainEnd { sequence: 9, ..end.clone() }, &note("gap"));
        assert!(refusal(store.ship(&[gap])).contains("one that follows entry 4"));
        let mut bent = audit::Entry::after(&end, &note("bent"));
        bent.note.event = "straight".to_owned();
        assert!(refusal(store.ship(&[bent])).contains("the hash of its content"));
        let site = audit::Entry::after(&audit::ChainEnd::empty(SITE), &note("site"));
        assert!(refusal(store.ship(&[site])).contains("of the site"));
        let checkpoint = audit::Checkpoint { chain: chain.clone(), sequence: 4, hash: end.hash, time: NOW, signature: vec![1, 2] };
        store.add_checkpoint(&checkpoint).expect("checkpoint");
        store.add_checkpoint(&checkpoint).expect("again");
        assert_eq!(store.checkpoints(&chain).expect("checkpoints"), [checkpoint]);
        assert_eq!(store.checkpoints(SITE).expect("checkpoints"), []);
    });
}

#[test]
fn users_change_by_two_persons_once_there_are_two_supervisors() {
    each(|store| {
        let user = |name: &str, roles: &[Role]| User {
            name: name.to_owned(),
            roles: roles.iter().copied().collect(),
            hash: "$scrypt$ln=1,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            active: true,
            failures: 0,
            failed: 0,
        };
        let (anna, binh) = (user("anna", &[Role::Supervisor, Role::Auditor]), user("binh", &[Role::Supervisor]));
        store.put_user(&anna, None, &note("user-added")).expect("the first");
        store.put_user(&binh, None, &note("user-added")).expect("the second");
        let chi = user("chi", &[Role::Operator]);
        assert!(refusal(store.put_user(&chi, None, &note("user-added"))).contains("two persons"));
        let persons = two(Action::ChangeUsers);
        store.put_user(&chi, Some(&persons), &note("user-added")).expect("two persons");
        let gone = User { active: false, ..binh.clone() };
        assert!(refusal(store.put_user(&gone, Some(&persons), &note("user-changed"))).contains("two active supervisors left"));
        assert!(refusal(store.put_user(&user("Anna", &[]), Some(&persons), &note("x"))).contains("a name"));
        store.count_log_in("chi", false, NOW).expect("count");
        store.count_log_in("chi", false, NOW + 1).expect("count");
        store.count_log_in("nobody", false, NOW).expect("no error");
        let tried = User { failures: 2, failed: NOW + 1, ..chi.clone() };
        assert_eq!(store.users().expect("users"), [anna.clone(), binh.clone(), tried]);
        store.count_log_in("chi", true, NOW + 2).expect("count");
        assert_eq!(store.users().expect("users")[2].failures, 0);
    });
}

#[test]
fn an_attempt_is_stored_once_however_often_it_is_sent() {
    each(|store| {
        let batch = released(store, "b1", &[10]);
        let job = store.jobs(batch, 0, 1).expect("jobs")[0].id;
        let attempt = |station: &str, number: i64| Attempt {
            station: station.to_owned(),
            number,
            reader: "r0".to_owned(),
            job,
            serial: serial(1),
            started: NOW,
            milliseconds: [1, 2, 3, 4, 5],
            apdus: 77,
            bytes: 30_000,
            resumed: true,
            settled_by: (number == 2).then(|| "HalfWritten".to_owned()),
            outcome: "good".to_owned(),
        };
        for (station, number) in [("b", 1), ("a", 2), ("a", 1), ("a", 2)] {
            store.attempt(&attempt(station, number)).expect("attempt");
        }
        assert_eq!(store.attempts(batch, 0, 10).expect("attempts"), [attempt("a", 1), attempt("a", 2), attempt("b", 1)]);
        assert_eq!(store.attempts(BatchId(5), 0, 10).expect("attempts"), []);
        let nameless = Attempt { reader: "r".repeat(257), ..attempt("a", 9) };
        assert!(refusal(store.attempt(&nameless)).contains("name of a reader: expected 1 to 256 bytes"));
        assert!(refusal(store.claim(&"s".repeat(65), 1, NOW, NOW + 120)).contains("name of a station"));
        assert!(refusal(store.claim("", 1, NOW, NOW + 120)).contains("name of a station"));
    });
}

#[test]
fn attempts_and_bound_cards_are_given_by_windows_of_jobs() {
    each(|store| {
        at_line(store, "d1", &[1, 2, 3, 4]);
        released(store, "b0", &[30]);
        let other = claim(store);
        let batch = released(store, "b1", &[10, 11, 12]);
        let claims: Vec<_> = (0..3).map(|_| claim(store)).collect();
        for (claim, card) in [(&other, 4), (&claims[0], 3), (&claims[2], 1)] {
            store.bind(&bond(claim, card)).expect("bind");
        }
        let long = Bind { reader: "r\n".to_owned(), ..bond(&claims[1], 2) };
        assert!(refusal(store.bind(&long)).contains("name of a reader"));
        // the first card fails, is counted, and the job gets a second one
        store.fail(&serial(3), &scrap()).expect("fail");
        store.scrap(&serial(3), CardState::Mute, "timeout", &two(Action::Scrap), &note("scrap")).expect("scrap");
        let again = claim(store);
        store.bind(&Bind { time: NOW + 9, ..bond(&again, 2) }).expect("bind");
        let attempt = |number: i64, job, started| Attempt {
            station: "a".to_owned(),
            number,
            reader: "r0".to_owned(),
            job,
            serial: serial(1),
            started,
            milliseconds: [0; 5],
            apdus: 0,
            bytes: 0,
            resumed: false,
            settled_by: None,
            outcome: "good".to_owned(),
        };
        for (number, job, started) in [(1, claims[2].job.id, 7), (2, claims[0].job.id, 9), (3, claims[0].job.id, 8), (4, other.job.id, 1)] {
            store.attempt(&attempt(number, job, started)).expect("attempt");
        }
        let mut look = |after, limit| {
            let attempts = store.attempts(batch, after, limit).expect("attempts");
            let cards = store.bound_cards(batch, after, limit).expect("cards");
            let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.number).collect();
            (numbers, cards.into_iter().map(|card| card.serial).collect::<Vec<_>>())
        };
        assert_eq!(look(0, 100), (vec![3, 2, 1], vec![serial(3), serial(2), serial(1)]));
        assert_eq!(look(0, 1), (vec![3, 2], vec![serial(3), serial(2)]));
        assert_eq!(look(1, 1), (vec![], vec![]), "a job without any is no end");
        assert_eq!(look(2, u32::MAX), (vec![1], vec![serial(1)]));
    });
}
