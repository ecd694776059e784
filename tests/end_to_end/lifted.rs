//! A card that is lifted and put back, and Ctrl-C while it is read: the card is this test, at the other end of a `vpcd:` reader.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use applets::Card;
use applets::rng::SeededRng;
use eid::transport::Transport as _;

use crate::support::{Ended, cardwright, ended};
use crate::walk::{Demo, demo, result};

/// What happens before a command is answered.
enum Event {
    Nothing,
    /// The card leaves the field; the command gets no answer.
    Lifted,
}

/// Serves the card on one connection to the reader at `port`, until either side ends it. `at` is told the number of each command.
fn serve(card: &mut Card, port: u16, at: &mut dyn FnMut(usize) -> Event) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut link = loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(link) => break link,
            Err(error) => assert!(Instant::now() < deadline, "the reader does not listen: {error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    link.set_nodelay(true).expect("a socket");
    let mut count = 0;
    let mut len = [0; 2];
    while link.read_exact(&mut len).is_ok() {
        let mut body = vec![0; usize::from(u16::from_be_bytes(len))];
        if link.read_exact(&mut body).is_err() {
            return;
        }
        let answer = match body[..] {
            [4] => card.atr().expect("an ATR"),
            [_] => {
                card.reset().expect("power");
                continue;
            }
            _ => {
                count += 1;
                if matches!(at(count), Event::Lifted) {
                    card.reset().expect("power");
                    return;
                }
                card.transmit(&body).expect("an answer")
            }
        };
        let length = u16::try_from(answer.len()).expect("an answer of a card").to_be_bytes();
        if link.write_all(&[&length[..], &answer].concat()).is_err() {
            return;
        }
    }
}

/// The program with a reader of its own, and a copy of a card of the demo that it will find there.
struct Run {
    _folder: tempfile::TempDir,
    card: Card,
    port: u16,
    program: Child,
}

impl Run {
    fn start(demo: &Demo, number: usize, command: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("card");
        std::fs::copy(demo.path(&format!("cards/{number:04}.card")), &file).expect("copied");
        let card = Card::open(&file, Box::new(SeededRng::new(b"lifted"))).expect("a card");
        // free a moment ago
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a port").port();
        let (reader, can) = (format!("vpcd:{port}"), demo.can(number));
        let mut program = cardwright();
        program.args([command, "--json", "--reader", &reader, "--can", &can]).args(more);
        let program = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        Self { _folder: folder, card, port, program }
    }

    fn serve(&mut self, mut at: impl FnMut(usize, u32) -> Event) {
        let id = self.program.id();
        serve(&mut self.card, self.port, &mut |count| at(count, id));
    }

    fn end(self) -> Ended {
        ended(self.program.wait_with_output().expect("it ends"))
    }
}

/// Some place in the middle: the card is open, and most is not read.
const MIDDLE: usize = 60;

#[test]
fn ctrl_c_ends_reading_and_what_was_read_is_judged_as_unfinished() {
    let demo = demo();
    let root = demo.path("pki");
    for (command, more) in [("verify", &["--trust", root.as_str()][..]), ("read", &[])] {
        let mut run = Run::start(demo, 12, command, more);
        let mut after = 0;
        run.serve(|count, program| {
            if count == MIDDLE {
                let sent = Command::new("kill").args(["-INT", &program.to_string()]).status().expect("kill is there");
                assert!(sent.success());
                // the program hears of it on a thread of its own
                std::thread::sleep(Duration::from_millis(500));
            }
            after += usize::from(count > MIDDLE);
            Event::Nothing
        });
        let ended = run.end().expect(3);
        // the command under way is answered; nothing is begun after it
        assert!(after <= 1, "{command}: {after} commands after Ctrl-C");
        if command == "verify" {
            let report = ended.json();
            assert_eq!((report["verdict"].as_str(), result(&report, "read.complete")), (Some("undecided"), "undecided"));
            let complete = report["checks"].as_array().into_iter().flatten().find(|check| check["id"] == "read.complete");
            assert_eq!(complete.expect("the check")["reason"]["code"], "cancelled");
        } else {
            ended.says(&["this is what was read until then"]);
        }
    }
}

#[test]
fn a_card_that_comes_back_is_waited_for_and_read_to_its_end() {
    let demo = demo();
    let root = demo.path("pki");
    let mut commands = Vec::new();
    for (command, more) in [("verify", &["--wait", "20", "--trust", root.as_str()][..]), ("read", &["--wait", "20"])] {
        let mut run = Run::start(demo, 13, command, more);
        run.serve(|count, _| if count == MIDDLE { Event::Lifted } else { Event::Nothing });
        std::thread::sleep(Duration::from_millis(300));
        let mut rest = 0;
        run.serve(|count, _| {
            rest = count;
            Event::Nothing
        });
        let ended = run.end().expect(0).says(&["waiting 20 s for it to come back"]);
        commands.push(rest);
        if command == "verify" {
            assert_eq!(ended.json()["verdict"], "genuine");
        }
    }
    assert!(commands.iter().all(|&rest| rest > MIDDLE / 2), "{commands:?}");
    // nobody waits who was not told to
    let mut run = Run::start(demo, 13, "verify", &["--trust", &root]);
    run.serve(|count, _| if count == MIDDLE { Event::Lifted } else { Event::Nothing });
    run.end().expect(5).says(&["put the card back"]);
}
