//! The card's half of the vpcd protocol against a listener that behaves as the driver does: two writes per message, the poll for
//! the ATR at any time, several messages in one segment.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use applets::fault::Faults;
use applets::store::nvm::RamNvm;
use applets::{Card, CardConfig, vpcd};

use crate::common::{bytes, config, rng};

const SELECT: &str = "00A4040C07A0000002471001";

/// Stops the card when the driver is done, by an assertion too.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `driver` against a card on a thread of its own, then stops the card.
fn with_card(driver: impl FnOnce(&TcpListener)) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let address = listener.local_addr().expect("address").to_string();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let card = scope.spawn(|| {
            let mut card = Card::blank(&config(), RamNvm::new(CardConfig::MEMORY), rng("vpcd")).expect("blank card");
            vpcd::serve(&mut card, &address, &stop)
        });
        {
            let _stop = Stop(&stop);
            driver(&listener);
        }
        card.join().expect("no panic").expect("served");
    });
}

/// Length and body in two writes.
fn write(link: &mut TcpStream, body: &[u8]) {
    link.write_all(&u16::try_from(body.len()).expect("short").to_be_bytes()).expect("length");
    link.write_all(body).expect("body");
}

fn read(link: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    link.read_exact(&mut length).expect("length");
    let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
    link.read_exact(&mut body).expect("body");
    body
}

fn ask(link: &mut TcpStream, body: &[u8]) -> Vec<u8> {
    write(link, body);
    read(link)
}

#[test]
fn controls_are_not_answered_and_drop_what_is_volatile() {
    with_card(|listener| {
        let (mut link, _) = listener.accept().expect("card connects");
        // Power on and the poll in one segment, as the driver sends them.
        link.write_all(&[0, 1, 0x01, 0, 1, 0x04]).expect("write");
        assert_eq!(read(&mut link), CardConfig::ATR);
        let selected = |link: &mut TcpStream| ask(link, &bytes("80CADF2000"));
        let select = |link: &mut TcpStream| assert_eq!(ask(link, &bytes(SELECT)), [0x90, 0x00]);
        // The application does not know the key information of the domain, the default selection does.
        let key_information = |link: &mut TcpStream| ask(link, &bytes("80CA00E000"));
        for control in [0x00, 0x01, 0x02] {
            select(&mut link);
            assert_eq!(key_information(&mut link), [0x6A, 0x88]);
            write(&mut link, &[control]);
            assert!(key_information(&mut link).ends_with(&[0x90, 0x00]), "control {control:02X} leaves the selection");
        }
        assert!(selected(&mut link).ends_with(&[0x90, 0x00]));
        assert_eq!(ask(&mut link, &[0x04]), CardConfig::ATR);
        write(&mut link, &[]);
        assert_eq!(ask(&mut link, &[0x00, 0xA4]), [0x67, 0x00], "a command of two bytes has an answer");
    });
}

#[test]
fn commands_in_two_writes_do_not_wait_for_delayed_acknowledgements() {
    with_card(|listener| {
        let (mut link, _) = listener.accept().expect("card connects");
        let begin = Instant::now();
        for _ in 0..200 {
            assert_eq!(ask(&mut link, &bytes(SELECT)), [0x90, 0x00]);
        }
        // 40 ms a command without quick acknowledgement: 8 s.
        assert!(begin.elapsed() < Duration::from_secs(4), "200 commands took {:?}", begin.elapsed());
    });
}

#[test]
fn a_lost_link_is_made_again_after_a_second() {
    with_card(|listener| {
        let (link, _) = listener.accept().expect("card connects");
        drop(link);
        let begin = Instant::now();
        let (mut link, _) = listener.accept().expect("card connects again");
        assert!(begin.elapsed() >= Duration::from_millis(900), "came back after {:?}", begin.elapsed());
        assert_eq!(ask(&mut link, &[0x04]), CardConfig::ATR);
    });
}

#[test]
fn an_address_where_nobody_listens_is_named() {
    let port = TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address").port();
    let mut card = Card::blank(&config(), RamNvm::new(CardConfig::MEMORY), rng("vpcd")).expect("blank card");
    let error = vpcd::serve(&mut card, &format!("127.0.0.1:{port}"), &AtomicBool::new(false)).expect_err("nobody there");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
}

/// A fault that takes the card out of the field: the link ends in the place of the answer, and the card comes back by itself.
#[test]
fn a_card_that_a_fault_takes_away_comes_back() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let address = listener.local_addr().expect("address").to_string();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let card = scope.spawn(|| {
            let mut card = Card::blank(&config(), RamNvm::new(CardConfig::MEMORY), rng("vpcd")).expect("blank card");
            card.set_faults(&Faults::injected("env.select_aid=drop@2").expect("an injection"));
            let served = vpcd::serve(&mut card, &address, &stop);
            (served, card.faults_shown())
        });
        let _stop = Stop(&stop);
        let (mut link, _) = listener.accept().expect("card connects");
        assert_eq!(ask(&mut link, &bytes(SELECT)), [0x90, 0x00]);
        write(&mut link, &bytes(SELECT));
        assert_eq!(link.read(&mut [0; 2]).expect("the end"), 0);
        let (mut link, _) = listener.accept().expect("card comes back");
        assert_eq!(ask(&mut link, &bytes(SELECT)), [0x90, 0x00]);
        stop.store(true, Ordering::Relaxed);
        let (served, shown) = card.join().expect("no panic");
        served.expect("served");
        assert_eq!(shown, [("env.select_aid=drop@2".to_owned(), 1)]);
    });
}
