//! What a PC/SC daemon does when things go wrong, through the real one, asserted by class of error.
//!
//! The card in the reader misbehaves on request.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cardwright::transport::pcsc::{PcscReader, Presence, Sharing, list};
use cardwright::transport::{Limits, PcscSelector, Transport, TransportError};
use pcsc::{Context, Disposition, Protocols, Scope, ShareMode};

use super::daemon::{Daemon, with_daemon, within};

const SELECT: [u8; 7] = [0x00, 0xA4, 0x04, 0x00, 0x02, 0x3F, 0x00];
const ID: [u8; 5] = [0x80, 0x20, 0, 0, 0];
const HANG_UP: [u8; 4] = [0x80, 0x40, 0, 0];

/// The class of a result, without its texts.
fn class<T>(result: Result<T, TransportError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(TransportError::NoCard { .. }) => "no card",
        Err(TransportError::CardGone { .. }) => "card gone",
        Err(TransportError::ResetByOther { .. }) => "reset by other",
        Err(TransportError::InUse { .. }) => "in use",
        Err(TransportError::UnknownReader { .. }) => "unknown reader",
        Err(TransportError::Service { .. }) => "service",
        Err(TransportError::Unresponsive { .. }) => "unresponsive",
        Err(TransportError::Protocol { .. }) => "protocol",
    }
}

fn open(daemon: &Daemon, sharing: Sharing) -> PcscReader {
    PcscReader::open_within(&daemon.reader(), sharing, Duration::from_secs(5)).expect("a card to connect to")
}

/// Another program: a client of its own with a context of its own, sharing the card.
fn other_program() -> (Context, pcsc::Card) {
    let context = Context::establish(Scope::User).expect("a context");
    let card = context.connect(&name(), ShareMode::Shared, Protocols::ANY).expect("shared");
    (context, card)
}

fn name() -> CString {
    CString::new("Test 00 00").expect("no zero byte")
}

#[test]
fn no_daemon_is_a_service_error() {
    with_daemon("faults::no_daemon_is_a_service_error", |daemon| {
        daemon.terminate();
        assert_eq!(class(list()), "service");
        assert_eq!(class(PcscReader::open(&daemon.reader(), Sharing::Exclusive)), "service");
    });
}

#[test]
fn an_unknown_reader_is_answered_with_those_that_there_are() {
    with_daemon("faults::an_unknown_reader_is_answered_with_those_that_there_are", |_| {
        for selector in [PcscSelector::Name("Nope 00 00".to_owned()), PcscSelector::Index(2)] {
            let error = PcscReader::open(&selector, Sharing::Exclusive).expect_err("no such reader");
            let known = ["pcsc:Test 00 00", "pcsc:Test 00 01"].map(str::to_owned).to_vec();
            assert_eq!(error, TransportError::UnknownReader { reader: format!("pcsc:{selector}"), known });
        }
    });
}

#[test]
fn an_empty_reader_has_no_card() {
    with_daemon("faults::an_empty_reader_has_no_card", |daemon| {
        assert_eq!(class(PcscReader::open(&daemon.reader(), Sharing::Exclusive)), "no card");
        assert_eq!(list().expect("readers").into_iter().map(|r| r.presence).collect::<Vec<_>>(), [Presence::Empty, Presence::Empty]);
        let patient = PcscReader::open_within(&PcscSelector::Index(1), Sharing::Exclusive, Duration::from_millis(120));
        assert_eq!(class(patient), "no card");
    });
}

#[test]
fn a_card_in_a_reader_answers_and_its_atr_is_listed() {
    with_daemon("faults::a_card_in_a_reader_answers_and_its_atr_is_listed", |daemon| {
        let card = daemon.insert(7);
        let atr = vec![0x3B, 0x80, 0x80, 0x01, 0x01];
        assert_eq!(list().expect("readers")[0].presence, Presence::Card { atr: atr.clone(), in_use: false });
        let mut reader = open(daemon, Sharing::Exclusive);
        assert_eq!(reader.atr(), Ok(atr.clone()));
        assert_eq!(reader.limits(), Limits::SHORT);
        assert_eq!(reader.transmit(&ID), Ok(vec![7, 0x90, 0]));
        daemon.wait(|presence| *presence == Presence::Card { atr: atr.clone(), in_use: true });
        reader.reset().expect("cold reset");
        assert_eq!(reader.transmit(&ID), Ok(vec![7, 0x90, 0]));
        card.pull();
    });
}

#[test]
fn limits_come_from_protocol_and_historical_bytes() {
    with_daemon("faults::limits_come_from_protocol_and_historical_bytes", |daemon| {
        // The German ID card's: T=1, extended lengths. Then the same historical bytes with T=0 only.
        for (atr, limits) in [("3B8A80018031F873F741E082900075", Limits::EXTENDED), ("3B0A8031F873F741E0829000", Limits::SHORT)] {
            let card = daemon.insert_with_atr(&hex::decode(atr).expect("hex"));
            assert_eq!(open(daemon, Sharing::Exclusive).limits(), limits, "{atr}");
            daemon.remove(card);
        }
    });
}

#[test]
fn a_card_that_leaves_while_idle_is_gone_before_the_daemon_knows() {
    with_daemon("faults::a_card_that_leaves_while_idle_is_gone_before_the_daemon_knows", |daemon| {
        let card = daemon.insert(1);
        let mut reader = open(daemon, Sharing::Exclusive);
        card.pull();
        assert_eq!(class(reader.transmit(&SELECT)), "card gone");
        assert_eq!(class(reader.transmit(&SELECT)), "no card");
        // The ghost may be connected to once more, but it never answers.
        if reader.reset().is_ok() {
            assert_eq!(class(reader.transmit(&SELECT)), "card gone");
        }
    });
}

#[test]
fn a_card_that_left_stays_gone_for_its_session_even_when_another_is_in() {
    with_daemon("faults::a_card_that_left_stays_gone_for_its_session_even_when_another_is_in", |daemon| {
        let card = daemon.insert(1);
        let mut reader = open(daemon, Sharing::Exclusive);
        assert_eq!(reader.transmit(&ID), Ok(vec![1, 0x90, 0]));
        daemon.remove(card);
        let next = daemon.insert(2);
        assert_eq!(class(reader.transmit(&ID)), "card gone");
        reader.reset().expect("the new card");
        assert_eq!(reader.transmit(&ID), Ok(vec![2, 0x90, 0]));
        daemon.remove(next);
        assert_eq!(class(reader.transmit(&ID)), "card gone");
        assert_eq!(class(reader.reset()), "no card");
    });
}

#[test]
fn a_card_that_hangs_up_inside_an_apdu_is_gone() {
    with_daemon("faults::a_card_that_hangs_up_inside_an_apdu_is_gone", |daemon| {
        let card = daemon.insert(1);
        let mut reader = open(daemon, Sharing::Exclusive);
        assert_eq!(class(reader.transmit(&HANG_UP)), "card gone");
        assert_eq!(class(reader.transmit(&SELECT)), "no card");
        daemon.remove(card);
        assert_eq!(class(reader.reset()), "no card");
    });
}

#[test]
fn a_silent_swap_of_cards_never_continues_a_session() {
    with_daemon("faults::a_silent_swap_of_cards_never_continues_a_session", |daemon| {
        let card = daemon.insert(1);
        let mut reader = open(daemon, Sharing::Exclusive);
        assert_eq!(class(reader.transmit(&[0x80, 0x60, 0, 0])), "card gone");
        for _ in 0..3 {
            assert_eq!(class(reader.transmit(&ID)), "no card");
            thread::sleep(Duration::from_millis(300));
        }
        let again = within(|| reader.reset().ok().and_then(|()| reader.transmit(&ID).ok()), Duration::from_secs(5));
        assert_eq!(again, Some(vec![2, 0x90, 0]));
        drop(card);
    });
}

#[test]
fn an_empty_answer_wedges_the_reader_until_the_card_leaves() {
    with_daemon("faults::an_empty_answer_wedges_the_reader_until_the_card_leaves", |daemon| {
        let card = daemon.insert(1);
        let mut reader = open(daemon, Sharing::Exclusive);
        let watchdog = thread::spawn(move || {
            thread::sleep(Duration::from_millis(500));
            card.pull();
        });
        assert_eq!(class(reader.transmit(&[0x80, 0x50, 0, 0])), "card gone");
        watchdog.join().expect("watchdog");
    });
}

#[test]
fn commands_that_would_wedge_or_eject_never_reach_the_card() {
    with_daemon("faults::commands_that_would_wedge_or_eject_never_reach_the_card", |daemon| {
        let card = daemon.insert(1);
        let mut reader = open(daemon, Sharing::Exclusive);
        for len in [0, 1, 2, 3, 65_536] {
            assert_eq!(class(reader.transmit(&vec![0; len])), "protocol", "{len}");
        }
        assert_eq!(card.commands(), 0);
        assert_eq!(reader.transmit(&ID), Ok(vec![1, 0x90, 0]));
    });
}

#[test]
fn the_longest_command_and_answer_pass_whole() {
    with_daemon("faults::the_longest_command_and_answer_pass_whole", |daemon| {
        let _card = daemon.insert(1);
        let mut reader = open(daemon, Sharing::Exclusive);
        let mut command = vec![0x80, 0x10, 0xFF, 0xFD, 0, 0xFF, 0xF8];
        command.resize(65_535, 0x11);
        let answer = reader.transmit(&command).expect("65,535 bytes each way");
        assert_eq!((answer.len(), answer.iter().filter(|&&byte| byte == 0xA5).count()), (65_535, 65_533));
    });
}

#[test]
fn a_reset_by_another_program_is_told_until_we_reset() {
    with_daemon("faults::a_reset_by_another_program_is_told_until_we_reset", |daemon| {
        let _card = daemon.insert(1);
        let mut reader = open(daemon, Sharing::Shared);
        for disposition in [Disposition::ResetCard, Disposition::UnpowerCard] {
            let (_context, other) = other_program();
            assert!(other.disconnect(disposition).is_ok());
            for _ in 0..2 {
                assert_eq!(class(reader.transmit(&ID)), "reset by other", "{disposition:?}");
            }
            reader.reset().expect("reset");
            assert_eq!(reader.transmit(&ID), Ok(vec![1, 0x90, 0]));
        }
    });
}

#[test]
fn a_program_that_dies_inside_a_transaction_resets_the_card_under_us() {
    with_daemon("faults::a_program_that_dies_inside_a_transaction_resets_the_card_under_us", |daemon| {
        let _card = daemon.insert(1);
        let mut reader = open(daemon, Sharing::Shared);
        // Its death is played by a process of its own that is killed.
        let mut other = holder_of_a_transaction();
        other.kill().expect("kill");
        other.wait().expect("it ends");
        let seen = within(|| Some(class(reader.transmit(&ID))).filter(|&seen| seen != "ok"), Duration::from_secs(5));
        assert_eq!(seen, Some("reset by other"));
        // The daemon tells of its reset before it is through with it: where ours comes in between, there is one more to be told of.
        let healed = within(
            || {
                reader.reset().expect("reset");
                Some(reader.transmit(&ID)).filter(|answer| class(answer.clone()) != "reset by other")
            },
            Duration::from_secs(5),
        );
        assert_eq!(healed, Some(Ok(vec![1, 0x90, 0])));
    });
}

/// This program again as another client, which holds a transaction until it is killed.
fn holder_of_a_transaction() -> std::process::Child {
    use std::io::BufRead as _;
    let mut child = std::process::Command::new(std::env::current_exe().expect("the test program"))
        .args(["faults::hold_a_transaction", "--exact", "--ignored", "--nocapture"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the test program runs again");
    let output = std::io::BufReader::new(child.stdout.take().expect("piped"));
    assert!(output.lines().any(|line| line.is_ok_and(|line| line.contains("holding"))), "the other program holds a transaction");
    child
}

#[test]
#[ignore = "the other program of another test"]
fn hold_a_transaction() {
    let (_context, mut card) = other_program();
    let _transaction = card.transaction().expect("a transaction");
    println!("holding");
    thread::sleep(Duration::from_secs(30));
}

#[test]
fn a_card_that_another_program_holds_is_in_use() {
    with_daemon("faults::a_card_that_another_program_holds_is_in_use", |daemon| {
        let _card = daemon.insert(1);
        let (_context, other) = other_program();
        assert_eq!(class(PcscReader::open(&daemon.reader(), Sharing::Exclusive)), "in use");
        assert!(other.disconnect(Disposition::LeaveCard).is_ok());
        let ours = open(daemon, Sharing::Exclusive);
        let context = Context::establish(Scope::User).expect("a context");
        assert_eq!(context.connect(&name(), ShareMode::Shared, Protocols::ANY).err(), Some(pcsc::Error::SharingViolation));
        assert_eq!(class(PcscReader::open(&daemon.reader(), Sharing::Shared)), "in use");
        drop(ours);
        assert_eq!(class(PcscReader::open(&daemon.reader(), Sharing::Shared)), "ok");
        // Even a handle on the reader alone keeps exclusive use away.
        let direct = context.connect(&name(), ShareMode::Direct, Protocols::UNDEFINED).expect("direct");
        assert_eq!(class(PcscReader::open(&daemon.reader(), Sharing::Exclusive)), "in use");
        drop(direct);
    });
}

#[test]
fn a_transaction_of_another_program_delays_us_and_a_removal_inside_it_is_told() {
    with_daemon("faults::a_transaction_of_another_program_delays_us_and_a_removal_inside_it_is_told", |daemon| {
        let card = daemon.insert(1);
        let mut reader = open(daemon, Sharing::Shared);
        let (_context, mut other) = other_program();
        let ended = AtomicBool::new(false);
        let transaction = other.transaction().expect("a transaction");
        thread::scope(|scope| {
            let ours = scope.spawn(|| (class(reader.transmit(&ID)), ended.load(Ordering::SeqCst)));
            thread::sleep(Duration::from_millis(500));
            ended.store(true, Ordering::SeqCst);
            assert!(transaction.end(Disposition::LeaveCard).is_ok());
            assert_eq!(ours.join().expect("ours"), ("ok", true), "answered only after the transaction");
        });
        let transaction = other.transaction().expect("a transaction");
        daemon.remove(card);
        assert_eq!(class(reader.transmit(&ID)), "card gone");
        drop(transaction);
    });
}

#[test]
fn a_new_connection_waits_for_the_transaction_of_another_program() {
    with_daemon("faults::a_new_connection_waits_for_the_transaction_of_another_program", |daemon| {
        let _card = daemon.insert(1);
        let (_context, mut other) = other_program();
        let ended = AtomicBool::new(false);
        let transaction = other.transaction().expect("a transaction");
        thread::scope(|scope| {
            let late = scope.spawn(|| (class(PcscReader::open(&daemon.reader(), Sharing::Shared)), ended.load(Ordering::SeqCst)));
            thread::sleep(Duration::from_millis(500));
            ended.store(true, Ordering::SeqCst);
            assert!(transaction.end(Disposition::LeaveCard).is_ok());
            assert_eq!(late.join().expect("late"), ("ok", true), "connected only after the transaction");
        });
    });
}

#[test]
fn a_slow_card_is_waited_for_and_does_not_stop_others_from_listing() {
    with_daemon("faults::a_slow_card_is_waited_for_and_does_not_stop_others_from_listing", |daemon| {
        let _card = daemon.insert(1);
        let mut reader = open(daemon, Sharing::Exclusive);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let slow = scope.spawn(|| {
                let answer = reader.transmit(&[0x80, 0x30, 0x07, 0xD0]);
                done.store(true, Ordering::SeqCst);
                answer
            });
            thread::sleep(Duration::from_millis(300));
            assert_eq!(class(list()), "ok");
            assert!(!done.load(Ordering::SeqCst), "listing did not wait for the card");
            assert_eq!(slow.join().expect("slow"), Ok(vec![0x90, 0]));
        });
    });
}

#[test]
fn a_daemon_that_ends_is_a_service_error_and_a_reset_finds_the_next_one() {
    with_daemon("faults::a_daemon_that_ends_is_a_service_error_and_a_reset_finds_the_next_one", |daemon| {
        for round in 0..2 {
            let card = daemon.insert(round);
            let mut reader = open(daemon, Sharing::Exclusive);
            // SIGTERM in the first round, SIGKILL, which leaves socket and pid file behind, in the second.
            if round == 0 {
                daemon.terminate()
            } else {
                daemon.kill()
            }
            assert_eq!(class(reader.transmit(&ID)), "service");
            assert_eq!(class(reader.transmit(&ID)), "no card");
            assert_eq!((class(reader.reset()), class(list())), ("service", "service"));
            daemon.start();
            card.pull();
            let next = daemon.insert(10 + round);
            reader.reset().expect("a new context and the new card");
            assert_eq!(reader.transmit(&ID), Ok(vec![10 + round, 0x90, 0]));
            drop(reader);
            daemon.remove(next);
        }
    });
}

/// COMM_ERROR, NO_SERVICE or, by a race, SECURITY_VIOLATION: one class.
#[test]
fn a_daemon_that_ends_inside_an_apdu_is_a_service_error() {
    with_daemon("faults::a_daemon_that_ends_inside_an_apdu_is_a_service_error", |daemon| {
        for round in 0..6 {
            let card = daemon.insert(1);
            let mut reader = open(daemon, Sharing::Exclusive);
            let slow = thread::spawn(move || class(reader.transmit(&[0x80, 0x30, 0x03, 0xE8])));
            thread::sleep(Duration::from_millis(200));
            if round % 2 == 0 {
                daemon.kill()
            } else {
                daemon.terminate()
            }
            let seen = slow.join().expect("slow");
            // A daemon that ends politely may let the APDU finish first.
            assert!(seen == "service" || (round % 2 == 1 && seen == "ok"), "round {round}: {seen}");
            card.pull();
            daemon.start();
        }
    });
}

#[test]
fn cards_with_a_wrong_answer_to_reset_are_unresponsive() {
    with_daemon("faults::cards_with_a_wrong_answer_to_reset_are_unresponsive", |daemon| {
        // No ATR at all, and one that is too long: the reader calls the card mute.
        for atr in [vec![0xFF, 0xFF], vec![0x3B; 34]] {
            let card = daemon.insert_with_atr(&atr);
            assert_eq!(class(PcscReader::open(&daemon.reader(), Sharing::Exclusive)), "unresponsive", "{atr:02X?}");
            daemon.remove(card);
        }
    });
}
