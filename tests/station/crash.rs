//! The station's own code over virtual cards, cut off at every place: after each cut a fresh station settles what it finds, and nothing is
//! lost, doubled, or half of something.

use std::sync::atomic::AtomicBool;

use cardwright::line::scrap::Ended;
use cardwright::line::state::JobState;
use cardwright::line::station::End;
use cardwright::line::store::{Ending, Store as _};
use cardwright::line::users::Action;
use cardwright::perso::plan::ApduForm;
use rand_core::Rng as _;

use applets::rng::SeededRng;

use crate::world::{Chip, Power, SITE, World, note};

/// How many places a run without a cut has.
fn places(world: &World) -> usize {
    let power = Power::default();
    assert_eq!(world.run("A", &power).ok(), Some(End::Finished));
    power.places()
}

/// One person, two blanks: the power goes at place number `at`, and the same station starts again.
fn cut_once(at: usize) {
    let world = World::new(1, 2, at);
    assert!(world.run("A", &Power::cut_at(at)).is_err(), "place {at} is reached");
    world.holds();
    let cut_in = [JobState::Bound, JobState::Written, JobState::Verified].into_iter().find(|state| world.count(*state) == 1);
    assert_eq!(world.run("A", &Power::default()).ok(), Some(End::Finished), "place {at}: {:?}", world.told);
    assert_eq!(world.count(JobState::Issued), 1, "place {at}");
    // what a report says of the crash: the attempt that was cut off, and in which step
    let attempts = world.store.clone().attempts(world.batch, 0, 10).expect("there");
    let (good, cut): (Vec<_>, Vec<_>) = attempts.iter().partition(|attempt| attempt.ending() == Ending::Good);
    assert_eq!((good.len(), cut.iter().all(|attempt| attempt.ending() == Ending::Interrupted)), (1, true), "place {at}: {attempts:?}");
    let steps: Vec<_> = cut.iter().map(|attempt| attempt.outcome.as_str()).collect();
    let told = match cut_in {
        Some(JobState::Bound) => ["interrupted-bind", "interrupted-write", "interrupted-commit", "interrupted-inspect"].contains(&steps[0]),
        Some(JobState::Written) => ["interrupted-inspect", "interrupted-activate"].contains(&steps[0]),
        // the end may have been in the journal already
        Some(_) => steps.is_empty() || steps == ["interrupted-activate"],
        None => steps.is_empty(),
    };
    assert!(told && steps.len() <= 1, "place {at}, {cut_in:?}: {steps:?}");
    assert_eq!(good[0].settled_by.is_some(), !steps.is_empty(), "place {at}: {attempts:?}");
    world.settles();
}

#[test]
fn a_batch_becomes_cards_and_everything_is_accounted_for() {
    let world = World::new(3, 4, 0);
    assert_eq!(world.run("A", &Power::default()).ok(), Some(End::Finished));
    assert_eq!(world.count(JobState::Issued), 3);
    assert_eq!(*world.told.lock().expect("told"), ["good", "good", "good"]);
    world.settles();
    let attempts = world.store.clone().attempts(world.batch, 0, 100).expect("there");
    assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(attempts.iter().all(|attempt| attempt.apdus > 20 && attempt.bytes > 30_000 && !attempt.resumed), "{attempts:?}");
}

#[test]
fn a_station_cut_off_at_any_place_settles_its_card_at_the_next_start() {
    let all = places(&World::new(1, 2, 0));
    println!("{all} places");
    // Every place in `make soak`; here every seventh, which meets each kind of step.
    (1..=all).step_by(7).for_each(cut_once);
}

#[test]
#[ignore = "make soak"]
fn a_station_cut_off_at_every_place_settles_its_card_at_the_next_start() {
    (1..=places(&World::new(1, 2, 0))).for_each(cut_once);
}

/// Stations that are cut off again and again, take turns at the same cards, and meet cards that die.
fn storm(seed: usize) {
    let mut rng = SeededRng::new(&seed.to_be_bytes());
    let mut below = |limit: usize| usize::try_from(rng.next_u32()).expect("32 bits fit") % limit;
    let world = World::new(4, 9, seed);
    for _ in 0..below(3) {
        let (chip, after) = (below(4), below(60));
        let chip = world.rack.lock().expect("the rack").chips[chip].clone();
        chip.lock().expect("a chip").dies_after = Some(after);
    }
    for _ in 0..6 {
        let station = ["A", "B"][below(2)];
        *world.away.lock().expect("away") = if below(3) == 0 { (below(40), below(6)) } else { (0, 0) };
        drop(world.run(station, &Power::cut_at(1 + below(700))));
        world.holds();
    }
    *world.away.lock().expect("away") = (0, 0);
    // Both stations go on until nothing is left but what waits for the scrap desk, and then again for what the desk gave back.
    for round in 0.. {
        assert!(round < 4, "seed {seed}: {:?}, {:?}", world.told, world.store.clone().job_counts(world.batch));
        for station in ["A", "B"] {
            let end = world.run(station, &Power::default()).ok();
            assert!(matches!(end, Some(End::Finished | End::CardsMissing { .. })), "seed {seed}: {end:?}, {:?}", world.told);
            world.holds();
        }
        if world.count(JobState::Issued) == 4 {
            break;
        }
        world.scrap_desk();
    }
    world.scrap_desk();
    world.settles();
}

#[test]
fn stations_cut_off_at_random_with_cards_that_die_end_with_difference_0() {
    (1..=6).for_each(storm);
}

#[test]
#[ignore = "make soak"]
fn many_stations_cut_off_at_random_with_cards_that_die_end_with_difference_0() {
    (100..500).for_each(storm);
}

#[test]
fn the_scrap_desk_ends_blanks_and_failed_cards_and_leaves_documents_and_cards_that_can_be_finished() {
    let world = World::new(2, 3, 3);
    assert_eq!(world.run("A", &Power::default()).ok(), Some(End::Finished));
    let (good, blank) = {
        let rack = world.rack.lock().expect("the rack");
        (rack.chips[rack.good[0]].clone(), rack.chips[2].clone())
    };
    let at_desk = |chip: &std::sync::Mutex<Chip>| world.at_desk(&mut chip.lock().expect("a chip").card);
    assert!(matches!(at_desk(&good), Ended::Left { serial: Some(_), why } if why.contains("bond good")));
    let serial = blank.lock().expect("a chip").serial.clone();
    assert_eq!(at_desk(&blank), Ended::Counted(serial));
    assert!(matches!(at_desk(&blank), Ended::Left { .. }), "counted once");
    // A card in the middle of its job: a station goes on with it.
    let cut = |at| {
        let world = World::new(1, 1, 4);
        assert!(world.run("A", &Power::cut_at(at)).is_err(), "place {at} is reached");
        world
    };
    let world = (1..).step_by(3).map(cut).find(|world| world.count(JobState::Bound) == 1).expect("a card is bound");
    let chip = world.rack.lock().expect("the rack").chips[0].clone();
    assert!(matches!(world.at_desk(&mut chip.lock().expect("a chip").card), Ended::Left { why, .. } if why.contains("bond open")));
    assert_eq!(world.run("A", &Power::default()).ok(), Some(End::Finished));
    world.settles();
}

#[test]
fn a_store_that_goes_away_lets_the_bound_card_be_finished_and_nothing_new_be_bound() {
    // Away from the bond of the first card on, for long.
    let mut calls = 0;
    let end = loop {
        let world = World::new(2, 3, 7);
        *world.away.lock().expect("away") = (calls, usize::MAX);
        let stop = AtomicBool::new(false);
        let ended = std::thread::scope(|scope| {
            let run = scope.spawn(|| world.run_until("A", &Power::default(), &stop).ok());
            // It waits for the store; somebody ends it.
            while !run.is_finished() {
                std::thread::sleep(std::time::Duration::from_millis(200));
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            run.join().expect("no panic")
        });
        assert!(matches!(ended, Some(Ok(End::StoreAway | End::Stopped))), "{ended:?}");
        world.holds();
        let good = world.rack.lock().expect("the rack").good.len();
        assert!(good <= 1, "nothing new is bound");
        if good == 1 {
            let waiting = world.count(JobState::Prepared) + world.count(JobState::Reserved);
            assert_eq!(waiting, 1, "the other job has no card");
            *world.away.lock().expect("away") = (0, 0);
            break world.run("A", &Power::default()).ok().map(|end| (end, world.count(JobState::Issued)));
        }
        calls += 1;
        assert!(calls < 20, "the bond is one of the first calls");
    };
    assert_eq!(end, Some((End::Finished, 2)));
}

#[test]
fn a_card_that_dies_is_scrap_its_job_waits_for_the_scrap_desk_and_then_gets_another_card() {
    let world = World::new(1, 2, 0);
    world.rack.lock().expect("the rack").chips[0].lock().expect("a chip").dies_after = Some(20);
    assert_eq!(world.run("A", &Power::default()).ok(), Some(End::CardsMissing { find: 0, count: 1, claimed: 0 }));
    assert_eq!((world.count(JobState::Held), world.rack.lock().expect("the rack").reject.len()), (1, 1));
    assert_eq!(*world.told.lock().expect("told"), ["no-answer"]);
    world.scrap_desk();
    assert_eq!(world.run("A", &Power::default()).ok(), Some(End::Finished));
    world.settles();
}

#[test]
fn three_dead_cards_in_a_row_put_the_reader_out() {
    let world = World::new(4, 5, 0);
    for chip in world.rack.lock().expect("the rack").chips.iter().take(3) {
        chip.lock().expect("a chip").dies_after = Some(20);
    }
    assert_eq!(world.run("A", &Power::default()).ok(), Some(End::ReadersOut));
    assert_eq!(world.told.lock().expect("told").last().map(String::as_str), Some("reader out: 3 failures in a row"));
}

#[test]
fn too_much_scrap_stops_the_line_until_two_persons_release_it() {
    let mut world = World::new(4, 6, 0);
    world.settings.scrap_allowed = 0;
    world.rack.lock().expect("the rack").chips[0].lock().expect("a chip").dies_after = Some(20);
    let end = world.run("A", &Power::default()).ok();
    assert!(matches!(&end, Some(End::Incident(what)) if what.starts_with("scrap-share: at most 0 of the last 200")), "{end:?}");
    assert!(matches!(world.run("A", &Power::default()).ok(), Some(End::Incident(_))), "again, as long as it is not released");
    let mut store = world.store.clone();
    let open = store.incidents(true).expect("there");
    store.release_incident(open[0].id, &SITE.two(Action::ReleaseIncident), &note("incident-released")).expect("released");
    world.scrap_desk();
    assert_eq!(world.run("A", &Power::default()).ok(), Some(End::Finished));
    world.settles();
}

#[test]
fn one_wrong_cryptogram_stops_the_batch_and_no_second_card_is_tried() {
    use applets::store::nvm::RamNvm;
    use applets::{Card, CardConfig};
    use eid::scp03::StaticKeys;
    use eid::secret::Secret;

    let world = World::new(2, 3, 0);
    {
        let rack = world.rack.lock().expect("the rack");
        let mut chip = rack.chips[0].lock().expect("a chip");
        let kdd = chip.serial.as_bytes().try_into().expect("ten bytes");
        let config = CardConfig::new(kdd, 0x30, StaticKeys::same(&Secret::new(vec![9; 32])).expect("keys"));
        chip.card = Card::blank(&config, RamNvm::new(config.memory), Box::new(SeededRng::new(b"other"))).expect("a card");
    }
    let end = world.run("A", &Power::default()).ok();
    assert!(matches!(&end, Some(End::Incident(what)) if what.starts_with("wrong-cryptogram")), "{end:?}");
    let open = world.store.clone().incidents(true).expect("there");
    assert_eq!((open.len(), open[0].batch), (1, Some(world.batch)));
    assert_eq!((world.count(JobState::Prepared), world.rack.lock().expect("the rack").reject.len()), (2, 1), "the claims were given back");
}

#[test]
fn a_card_from_elsewhere_is_quarantined_and_the_line_stops() {
    let world = World::new(1, 2, 0);
    let other = World::new(1, 2, 1);
    assert_eq!(other.run("A", &Power::default()).ok(), Some(End::Finished));
    // The good card of the other line, whose serial is a blank's here.
    std::mem::swap(
        &mut world.rack.lock().expect("the rack").chips[0].lock().expect("a chip").card,
        &mut other.rack.lock().expect("the rack").chips[0].lock().expect("a chip").card,
    );
    let end = world.run("A", &Power::default()).ok();
    assert!(matches!(&end, Some(End::Incident(what)) if what.starts_with("unknown-writer")), "{end:?}");
    assert_eq!(world.count(JobState::Prepared), 1);
}

#[test]
fn many_readers_of_two_stations_share_the_work_and_nothing_is_made_twice() {
    let mut world = World::new(12, 14, 0);
    world.readers = 4;
    world.settings.pause = std::time::Duration::from_millis(5);
    std::thread::scope(|scope| {
        for station in ["A", "B"] {
            let world = &world;
            scope.spawn(move || {
                let end = world.run(station, &Power::default()).ok();
                // Whoever ends first leaves the cards that are in the readers of the other.
                assert!(matches!(end, Some(End::Finished | End::CardsMissing { count: 0, claimed: 0, .. })), "{end:?}");
            });
        }
    });
    assert_eq!(world.count(JobState::Issued), 12);
    world.settles();
}

/// The work ends where a grouping is complete, and goes on from there: less is sent than for a whole card.
#[test]
fn a_station_that_is_asked_to_stop_while_it_writes_ends_at_a_grouping_and_goes_on_there() {
    let mut world = World::new(1, 2, 0);
    world.settings.apdu = ApduForm::Frame;
    world.stop_at = Some(30);
    assert_eq!(world.run("A", &Power::default()).ok(), Some(End::Stopped));
    assert_eq!((world.count(JobState::Bound), world.told.lock().expect("told").clone()), (1, vec!["resume".to_owned()]));
    world.stop_at = None;
    assert_eq!(world.run("A", &Power::default()).ok(), Some(End::Finished));
    assert_eq!(world.told.lock().expect("told")[1..], ["HalfWritten".to_owned(), "good".to_owned()]);
    let attempts = world.store.clone().attempts(world.batch, 0, 100).expect("there");
    assert_eq!(attempts.iter().map(|attempt| attempt.resumed).collect::<Vec<_>>(), [false, true]);
    assert!(attempts[0].bytes > 4_000, "something had been written: {attempts:?}");
    world.settles();
}

#[test]
fn a_station_that_is_asked_to_stop_leaves_its_card_where_it_can_go_on() {
    let world = World::new(1, 2, 0);
    let stop = AtomicBool::new(true);
    assert!(matches!(world.run_until("A", &Power::default(), &stop), Ok(Ok(End::Stopped))));
    assert_eq!(world.count(JobState::Prepared), 1, "nothing was begun");
    assert_eq!(world.run("A", &Power::default()).ok(), Some(End::Finished));
    world.settles();
}
