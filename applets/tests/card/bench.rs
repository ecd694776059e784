//! The card on a bench: torn and recovered, priced by the nanosecond, looked at without telling secrets, put into readers and pulled out.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use applets::Card;
use applets::bench::{Bench, BenchError, Happened, Reset};
use applets::card::Contents;
use applets::clock::{Link, Timing, Waits};
use applets::fault::Faults;
use applets::store::StoreError;
use applets::store::fault::{FaultyNvm, Tear};
use applets::store::nvm::RamNvm;
use eid::apdu::Command;
use eid::image::LifeCycle;
use eid::transport::{Transport as _, TransportError};

use crate::common::*;
use crate::terminal::with_can;

const SELECT: &str = "00A4040C07A0000002471001";
/// INITIALIZE UPDATE, which writes the sequence counter: one page.
const INITIALIZE: &str = "80503000080102030405060708";

fn boot(cells: &[u8]) -> Card {
    Card::boot(RamNvm::from_cells(cells.to_vec()), rng("boot")).expect("the card boots")
}

/// The cut on the bench is the one that the power cut tests make: the same memory, byte for byte.
#[test]
fn a_torn_card_is_what_the_model_of_torn_memory_says() {
    let cells = cells(personalized(&small_image()));
    for tear in Tear::ALL {
        let mut card = boot(&cells);
        card.tear(Some((1, tear)));
        assert_eq!(card.state().tear, Some((1, tear)));
        assert!(card.exchange(&bytes(INITIALIZE)).is_ok(), "the first program goes well");
        assert_eq!(card.state().tear, Some((0, tear)));
        cut(&mut card);
        assert!(card.is_torn() && card.state().mute.is_some());
        cut(&mut card);
        let torn = crate::common::cells(card);

        let nvm = FaultyNvm::new(RamNvm::from_cells(cells.clone()), Some((1, tear)));
        let mut other = Card::boot(nvm, rng("boot")).expect("the card boots");
        assert!(other.exchange(&bytes(INITIALIZE)).is_ok());
        cut(&mut other);
        assert_eq!(torn, crate::common::cells(other), "{tear}");
    }
}

fn cut(card: &mut Card) {
    assert!(matches!(card.exchange(&bytes(INITIALIZE)), Err(TransportError::CardGone { .. })));
}

#[test]
fn a_torn_card_recovers_at_the_next_reset_and_a_new_reader_of_its_memory_agrees() {
    let start = cells(personalized(&small_image()));
    for tear in Tear::ALL {
        let mut card = boot(&start);
        card.tear(Some((0, tear)));
        cut(&mut card);
        card.power_cycle();
        assert!(!card.is_torn() && card.state().mute.is_none() && card.state().tear.is_none());
        assert_eq!(card.life_cycle(), LifeCycle::Operational);
        let sequence = card.state().sequence;
        assert_eq!(
            sequence,
            boot(&start).state().sequence + u32::from(tear == Tear::New),
            "{tear}: the counter from before, or the new one"
        );
        // what it works with is what somebody reads who powers the same memory for the first time
        let mut fresh = boot(&cells(card));
        assert_eq!(fresh.state().sequence, sequence);
        assert!(fresh.exchange(&bytes(INITIALIZE)).expect("it answers").ends_with(&[0x90, 0x00]));
    }
    let mut card = boot(&start);
    card.tear(Some((0, Tear::Garbage)));
    card.tear(None);
    assert!(card.exchange(&bytes(INITIALIZE)).is_ok(), "a cut can be taken back");
}

/// By hand: each number from the table of profiles and the formula of the link.
#[test]
fn the_time_of_a_command_is_the_sum_of_what_it_did() {
    let mut card = personalized(&image());
    let timing: Timing = "typical+link=contactless-106".parse().expect("a profile");
    card.set_timing(timing, Waits::Virtual);
    assert_eq!(card.exchange(&bytes(SELECT)).expect("an answer").len(), 2);
    // 12 bytes and 2, each in one frame at 106 kbit/s: ((12 + 3)·9 + 2)·128 + 1236 and ((2 + 3)·9 + 2)·128 + 1236 periods, and 12 ms
    let link = 18_772 * 25_000 / 339 + 7_252 * 25_000 / 339;
    assert_eq!(card.chip_time().total().as_nanos(), 12_000_000 + link);
    let answer = card.exchange(&bytes(INITIALIZE)).expect("an answer");
    let (_, there) = Link::Contactless(1).takes(INITIALIZE.len() / 2);
    let (_, back) = Link::Contactless(1).takes(answer.len());
    // the sequence counter: one page of 3 ms
    assert_eq!(card.last().last().expect("kept").time, Duration::from_nanos(12_000_000 + 3_000_000 + there + back));
    let time = card.chip_time();
    assert_eq!((time.commands, time.written, time.erased, time.frames, time.key_operations), (2, 1, 0, 4, 0));
    assert_eq!(time.memory, Duration::from_millis(3));

    card.power_cycle();
    card.set_timing(timing, Waits::Virtual);
    let mut terminal = with_can(&mut card);
    let time = card.chip_time();
    // five multiplications of 60 ms on a curve of 256 bits; the failure counter up and down again
    assert_eq!((time.keys, time.key_operations, time.written), (Duration::from_millis(300), 5, 2));
    assert_eq!(terminal.select(&mut card, dg(1)), 0x9000);
    let before = card.chip_time();
    let answer = terminal.send(&mut card, &Command::new(0x00, 0xB0, 0, 0).with_le(16));
    assert_eq!(answer.data.len(), 16);
    let (after, kept) = (card.chip_time(), card.last().last().expect("kept").clone());
    let blocks = [&kept.command, &kept.answer(Contents::Hidden).expect("answered")].map(|message| message.full_len().div_ceil(16));
    assert_eq!(after.ciphered - before.ciphered, u64::try_from(blocks[0] + blocks[1]).expect("few"));
    assert_eq!(after.cipher - before.cipher, Duration::from_micros(60) * u32::try_from(blocks[0] + blocks[1]).expect("few"));
    assert_eq!(card.take_delay(), Duration::ZERO, "nobody waits for a virtual card");
}

#[test]
fn what_a_fault_delays_counts_in_the_same_time() {
    for (waits, waited) in [(Waits::Virtual, false), (Waits::Real, true)] {
        let mut card = personalized(&small_image());
        card.set_faults(&Faults::injected("env.select_aid=delay:150").expect("an injection"));
        card.set_timing(Timing::named("fast").expect("a profile"), waits);
        card.exchange(&bytes(SELECT)).expect("an answer");
        let time = card.chip_time();
        assert_eq!((time.held_back, time.processor), (Duration::from_millis(150), Duration::from_millis(9)));
        assert_eq!(time.total(), Duration::from_millis(159) + time.link);
        assert_eq!(card.take_delay(), if waited { time.total() } else { Duration::ZERO });
    }
}

/// Whoever serves the card is asked to wait as long as the virtual clock counts: step by step, all of it, and none of it twice.
#[test]
fn the_waits_of_real_time_add_up_to_what_the_virtual_clock_counts() {
    let session = |waits| {
        let mut card = personalized(&image());
        card.set_faults(&Faults::injected("env.read(DG1)=delay:150@1").expect("an injection"));
        card.set_timing(Timing::named("typical").expect("a profile"), waits);
        let mut steps = Vec::new();
        let mut terminal = with_can(&mut card);
        steps.push((card.take_delay(), card.chip_time().total()));
        assert_eq!(terminal.select(&mut card, dg(1)), 0x9000);
        steps.push((card.take_delay(), card.chip_time().total()));
        for _ in 0..2 {
            terminal.send(&mut card, &Command::new(0x00, 0xB0, 0, 0).with_le(16));
            steps.push((card.take_delay(), card.chip_time().total()));
        }
        (steps, card.take_delay(), card.chip_time())
    };
    let (real, left, counted) = session(Waits::Real);
    let mut before = Duration::ZERO;
    for (step, (waited, total)) in real.iter().enumerate() {
        assert_eq!(*waited, *total - before, "step {step}");
        assert!(*waited > Duration::ZERO, "step {step}");
        before = *total;
    }
    assert_eq!((left, counted.held_back), (Duration::ZERO, Duration::from_millis(150)));
    let (virtual_steps, left, same) = session(Waits::Virtual);
    assert_eq!((left, same), (Duration::ZERO, counted), "both clocks count the same");
    assert!(virtual_steps.iter().all(|(waited, _)| *waited == Duration::ZERO));
}

#[test]
fn the_last_exchanges_show_what_was_meant_and_no_secrets() {
    let image = image();
    let mut card = blank();
    card.keep_exchanges();
    let mut host = Host::open(&mut card, 0x03);
    host.install(&mut card);
    for command in script(&image, &test_keys(32), &[]) {
        host.send(&mut card, &command);
    }
    let mut stored = 0;
    for exchange in card.last().filter(|exchange| exchange.plain_command.as_ref().is_some_and(|plain| plain.bytes()[1] == 0xE2)) {
        let plain = exchange.plain_command.as_ref().expect("in the session");
        assert_eq!((plain.bytes().len(), exchange.command.bytes().len()), (4, 4), "of STORE DATA nothing but the header");
        stored += 1;
    }
    assert!(stored > 20, "{stored}");
    host.install(&mut card);
    host.send(&mut card, &activation(&image));

    card.power_cycle();
    let mut terminal = with_can(&mut card);
    let content = terminal.read(&mut card, dg(1), image.files[&dg(1)].len(), 200);
    let read = card.last().last().expect("kept").clone();
    assert_eq!((read.file, read.plain_command.as_ref().map(|plain| plain.bytes()[1])), (Some(dg(1)), Some(0xB0)));
    let hidden = read.plain_answer(Contents::Hidden).expect("answered");
    assert_eq!((hidden.bytes(), hidden.full_len(), hidden.status()), (&[][..], content.len() + 2, 0x9000));
    assert!(read.plain_answer(Contents::Shown).expect("answered").bytes().starts_with(&content));
    // what went over the wire is for everybody
    assert_eq!(read.answer(Contents::Hidden), read.answer(Contents::Shown));
    assert!(!format!("{read:?}").contains("[97"), "{read:?}");

    // a fault that takes the protection off shows the content on the wire: it is hidden there too
    card.set_faults(&Faults::injected("sm.read.off").expect("an injection"));
    let command = terminal.0.protect_command(&Command::new(0x00, 0xB0, 0, 0).with_le(16)).expect("protects");
    assert!(send(&mut card, &command).data.starts_with(&content[..16]));
    let bare = card.last().last().expect("kept").clone();
    assert!(bare.answer(Contents::Hidden).expect("answered").bytes().is_empty());
    assert!(bare.answer(Contents::Shown).expect("answered").bytes().starts_with(&content[..16]));
    // and a password that somebody sends to it in the clear is not kept
    card.power_cycle();
    card.exchange(&bytes("0020000006313233343536")).expect("an answer");
    assert_eq!(card.last().last().expect("kept").command.bytes(), bytes("00200000"));
    (0..100).for_each(|_| assert_eq!(card.exchange(&bytes(SELECT)).map(|answer| answer.len()), Ok(2)));
    assert_eq!(card.last().count(), 64, "the ring is bounded");
}

#[test]
fn the_state_says_who_is_authenticated() {
    let mut card = personalized(&image());
    let state = card.state();
    assert_eq!((state.channel.as_str(), state.access, state.selected, state.file), ("none", None, "master file", None));
    let mut terminal = with_can(&mut card);
    assert_eq!(terminal.select(&mut card, dg(1)), 0x9000);
    let state = card.state();
    assert_eq!((state.channel.as_str(), state.access), ("secure messaging Aes128", Some("PACE with the CAN")));
    assert_eq!((state.selected, state.file, state.chip_authenticated), ("eMRTD application", Some(dg(1)), false));
    assert_eq!((state.pin_tries, state.puk_tries, state.access_failures), (3, 10, 0));
    card.power_cycle();
    let _ = Host::open(&mut card, 0x33);
    assert_eq!((card.state().channel.as_str(), card.state().selected), ("SCP03 level 33", "issuer domain"));
}

#[test]
fn a_terminal_at_the_bench_learns_of_cards_that_come_and_go() {
    let mut bench = Bench::default();
    let (first, second) = (bench.add("first", Ok(personalized(&small_image()))), bench.add("second", Ok(blank())));
    let broken = bench.add("broken", Err(StoreError::InUse("broken.card".to_owned())));
    let reader = bench.add_reader(None);
    let mut terminal = bench.reader(reader).expect("in process");
    assert!(matches!(terminal.transmit(&bytes(SELECT)), Err(TransportError::NoCard { .. })));
    assert!(matches!(bench.reset(first, Reset::Warm), Err(BenchError::Out(1))));
    bench.insert(first, reader).expect("an empty reader");
    assert!(matches!(bench.insert(second, reader), Err(BenchError::Full { reader: 1, card: 1 })));
    assert!(bench.insert(broken, reader).expect_err("no card").to_string().contains("broken.card is in use"));
    assert!(matches!(bench.insert(9, reader), Err(BenchError::NoCard { found: 9, cards: 3 })));
    assert!(matches!(terminal.transmit(&bytes(SELECT)), Err(TransportError::CardGone { .. })), "not the card that it saw");
    terminal.reset().expect("the card is there");
    assert_eq!(terminal.transmit(&bytes(SELECT)), Ok(vec![0x90, 0x00]));

    bench.reset(first, Reset::Warm).expect("in a reader");
    assert_eq!(bench.card(first).expect("a card").state().selected, "master file");
    assert!(terminal.transmit(&bytes(SELECT)).is_ok(), "a warm reset is told to nobody");
    bench.reset(first, Reset::Cold).expect("in a reader");
    assert!(matches!(terminal.transmit(&bytes(SELECT)), Err(TransportError::CardGone { .. })));

    terminal.reset().expect("the card is there");
    bench.card(first).expect("a card").tear(Some((0, Tear::OldNew)));
    assert!(matches!(terminal.transmit(&bytes(INITIALIZE)), Err(TransportError::CardGone { .. })));
    assert!(matches!(terminal.reset(), Err(TransportError::NoCard { .. })), "a torn card is out of the field");
    assert_eq!((bench.in_reader(reader), bench.card(first).expect("a card").is_torn()), (None, true));
    bench.reset(first, Reset::Warm).expect("a torn card comes back");
    terminal.reset().expect("the card is there");
    assert!(terminal.transmit(&bytes(INITIALIZE)).is_ok());

    assert_eq!(bench.remove(reader).expect("a card"), first);
    bench.insert(second, reader).expect("an empty reader");
    assert_eq!((bench.reader_of(first), bench.in_reader(reader)), (None, Some(second)));
    bench.card(second).expect("a card").tear(Some((0, Tear::New)));
    assert!(bench.send(second, &bytes(INITIALIZE)).is_err());
    assert_eq!(bench.in_reader(reader), None);
}

fn ask(link: &mut TcpStream, body: &[u8]) -> Option<Vec<u8>> {
    let message = [&u16::try_from(body.len()).expect("short").to_be_bytes()[..], body].concat();
    link.write_all(&message).ok()?;
    let mut length = [0; 2];
    link.read_exact(&mut length).ok()?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    link.read_exact(&mut answer).ok()?;
    Some(answer)
}

/// Two drivers that listen, one that does not, and the hand between them.
#[test]
fn cards_are_served_pulled_torn_and_put_back_one_by_one() {
    let drivers = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("port"));
    let nobody = TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address");
    let mut bench = Bench::default();
    for name in ["a", "b", "c"] {
        bench.add(name, Ok(personalized(&small_image())));
    }
    for driver in &drivers {
        bench.add_reader(Some(&driver.local_addr().expect("address").to_string()));
    }
    bench.add_reader(Some(&nobody.to_string()));
    assert!(bench.insert(3, 3).expect_err("nobody there").to_string().starts_with(&format!("reader 3: vpcd at {nobody}")));
    assert!(matches!(bench.reader(1), Err(BenchError::Served(1))));
    let mut links = BTreeMap::new();
    for card in [1, 2] {
        bench.insert(card, card).expect("the driver listens");
        links.insert(card, drivers[card - 1].accept().expect("the card connects").0);
    }
    let mut link = |card: usize, body: &str| ask(links.get_mut(&card).expect("a link"), &bytes(body));
    assert_eq!((link(1, SELECT), link(2, SELECT)), (Some(vec![0x90, 0x00]), Some(vec![0x90, 0x00])));
    assert_eq!(bench.card(2).expect("a card").state().selected, "eMRTD application");

    bench.remove(1).expect("a card");
    let left = Instant::now();
    assert_eq!((link(1, SELECT), bench.card(1).expect("a card").state().selected), (None, "master file"));
    assert_eq!(link(2, SELECT), Some(vec![0x90, 0x00]), "the other stays");

    bench.card(2).expect("a card").tear(Some((0, Tear::NewOld)));
    assert_eq!(link(2, INITIALIZE), None);
    let torn = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(20));
        bench.events().find(|event| matches!(event.what, Happened::Torn(_)))
    });
    assert_eq!(torn.map(|event| (event.reader, event.card)), Some((2, 2)));
    assert!(bench.card(2).expect("a card").is_torn() && bench.in_reader(2).is_none());

    // not at once: the driver would take it for the card that it had
    bench.insert(2, 1).expect("the driver listens");
    assert!(left.elapsed() >= Duration::from_millis(950), "{:?}", left.elapsed());
    let (mut link, _) = drivers[0].accept().expect("the card connects");
    assert!(ask(&mut link, &bytes(INITIALIZE)).expect("an answer").ends_with(&[0x90, 0x00]));
    drop(bench);
    assert_eq!(ask(&mut link, &bytes(SELECT)), None, "nothing is served any more");
}
