//! `perso write`: cards that are pulled out in the middle, keys that are not the card's, and images that are not its own.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::input::{image, root};
use crate::support::{Ended, cardwright, ended, run};

fn write(image: &Path, reader: &str, more: &[&str]) -> Ended {
    let image = image.display().to_string();
    run(&[&["perso", "write", &image, "--reader", reader, "--trust", &root(), "--json"], more].concat())
}

fn blank(folder: &Path, name: &str) -> String {
    let card = folder.join(name).display().to_string();
    run(&["sim", "new", &card, "--test-keys"]).expect(0);
    format!("sim:{card}")
}

#[test]
fn the_same_image_again_confirms_the_card_and_another_one_does_not() {
    let folder = tempfile::tempdir().expect("folder");
    let first = image(folder.path());
    let second = image(&folder.path().join("other"));
    let reader = blank(folder.path(), "a.card");
    let written = write(&first, &reader, &["--test-keys"]).expect(0).json();
    assert_eq!((written["resumed"].as_bool(), written["report"]["verdict"].as_str()), (Some(false), Some("genuine")));
    let again = write(&first, &reader, &["--test-keys"]).expect(0).json();
    assert_eq!((again["resumed"].as_bool(), again["digest"].as_str()), (Some(true), written["digest"].as_str()));
    assert!(again["apdus"].as_u64() < Some(20), "{again}");
    write(&second, &reader, &["--test-keys"]).expect(1).says(&["another job", "scrap"]);
}

#[test]
fn a_journal_of_another_image_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let first = image(folder.path());
    let second = image(&folder.path().join("other"));
    let journal = folder.path().join("journal").display().to_string();
    write(&first, &blank(folder.path(), "a.card"), &["--test-keys", "--journal", &journal]).expect(0);
    let reader = blank(folder.path(), "b.card");
    write(&second, &reader, &["--test-keys", "--journal", &journal]).expect(2).says(&["journal", "another image"]);
    let card = reader.trim_start_matches("sim:");
    assert_eq!(run(&["sim", "status", card, "--json"]).expect(0).json()["state"], "initialized");
}

#[test]
fn the_image_of_one_card_does_not_go_onto_a_second_one() {
    let folder = tempfile::tempdir().expect("folder");
    let image = image(folder.path());
    write(&image, &blank(folder.path(), "a.card"), &["--test-keys"]).expect(0);
    let reader = blank(folder.path(), "b.card");
    write(&image, &reader, &["--test-keys"]).expect(7).says(&["this job is bound to card", "nothing was changed"]);
    let card = reader.trim_start_matches("sim:");
    assert_eq!(run(&["sim", "status", card, "--json"]).expect(0).json()["state"], "initialized");
}

#[test]
fn keys_that_are_not_the_cards_stop_the_work_before_anything_is_changed() {
    let folder = tempfile::tempdir().expect("folder");
    let image = image(folder.path());
    let card = folder.path().join("a.card").display().to_string();
    let key = |name: &str, digits: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, digits).expect("written");
        path.display().to_string()
    };
    let (transport, production) = (key("t.key", &"5a".repeat(32)), key("p.key", &"a5".repeat(32)));
    run(&["sim", "new", &card, "--master-key-file", &format!("perso-transport-kmc={transport}")]).expect(0);
    let reader = format!("sim:{card}");
    write(&image, &reader, &["--test-keys"]).expect(4).says(&["keys", "stop"]);
    assert_eq!(run(&["sim", "status", &card, "--json"]).expect(0).json()["state"], "initialized");
    let short = key("short.key", "5a5a");
    write(&image, &reader, &["--master-key-file", &format!("perso-transport-kmc={short}")]).expect(2).says(&["short.key", "found 4"]);
    write(&image, &reader, &["--master-key-file", &format!("perso-transport-kmc={transport}")]).expect(2).says(&["perso-production-kmc"]);
    write(&image, &reader, &[]).expect(2).says(&["--test-keys"]);
    // the site's own keys
    let own = [format!("perso-transport-kmc={transport}"), format!("perso-production-kmc={production}")];
    write(&image, &reader, &["--master-key-file", &own[0], "--master-key-file", &own[1]]).expect(0);
}

/// A virtual card that connects to `port`.
struct Served(Child);

impl Served {
    fn new(card: &str, port: u16) -> Self {
        let address = format!("127.0.0.1:{port}");
        Self(cardwright().args(["sim", "--image", card, "--vpcd", &address]).stderr(Stdio::null()).spawn().expect("the program starts"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A free port. Another program may take it before we do; then the test fails and says so.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

fn message(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    from.read_exact(&mut length).ok()?;
    let mut message = length.to_vec();
    message.resize(2 + usize::from(u16::from_be_bytes(length)), 0);
    from.read_exact(&mut message[2..]).ok()?;
    Some(message)
}

/// Stands between reader and card, and pulls the card out when `commands` APDUs have passed: the last one reaches the card, its answer
/// does not come back.
fn pull_after(commands: usize, mut reader: TcpStream, mut card: TcpStream) {
    reader.set_nodelay(true).expect("set");
    card.set_nodelay(true).expect("set");
    let mut passed = 0;
    while let Some(asked) = message(&mut reader) {
        card.write_all(&asked).expect("the card is there");
        let silent = matches!(asked[2..], [0x00..=0x02]);
        if asked.len() > 3 {
            passed += 1;
        }
        if silent {
            continue;
        }
        let Some(answer) = message(&mut card) else { return };
        if passed >= commands {
            return;
        }
        reader.write_all(&answer).expect("the reader is there");
    }
}

/// `perso write` over a reader of ours, with the card pulled out after so many commands; `usize::MAX` leaves it in.
fn write_and_pull(image: &Path, card: &str, commands: usize) -> Ended {
    let port = free_port();
    let relay = TcpListener::bind("127.0.0.1:0").expect("a port");
    let served = Served::new(card, relay.local_addr().expect("bound").port());
    let child = Command::new(env!("CARGO_BIN_EXE_cardwright"))
        .args([
            "perso",
            "write",
            &image.display().to_string(),
            "--reader",
            &format!("vpcd:{port}"),
            "--test-keys",
            "--trust",
            &root(),
            "--json",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let (card, _) = relay.accept().expect("the card connects");
    let deadline = Instant::now() + Duration::from_secs(10);
    let reader = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "no reader at {port}: {error}"),
        }
        thread::sleep(Duration::from_millis(10));
    };
    pull_after(commands, reader, card);
    let ended = ended(child.wait_with_output().expect("it ends"));
    drop(served);
    ended
}

#[test]
fn a_card_that_is_pulled_out_and_put_back_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("folder");
    let image = image(folder.path());
    let reader = blank(folder.path(), "a.card");
    let card = reader.trim_start_matches("sim:");
    // before the first change, then after the key replacement and twice in the files
    for commands in [3, 8, 60, 80] {
        let hint = if commands == 3 { "nothing was changed" } else { "same card again" };
        write_and_pull(&image, card, commands).expect(5).says(&["card gone", hint]);
        let status = run(&["sim", "status", card, "--json"]).expect(0).json();
        assert_ne!(status["state"], "operational", "after {commands} commands");
        // half a card shows nothing
        let half = run(&["verify", "--reader", &reader, "--mrz", "L898902C3 740812 120415"]);
        assert!(half.code != 0 && half.stdout.starts_with("ACCESS REFUSED"), "{half:?}");
    }
    let written = write_and_pull(&image, card, usize::MAX).expect(0).json();
    assert_eq!((written["resumed"].as_bool(), written["report"]["verdict"].as_str()), (Some(true), Some("genuine")));
}

#[test]
fn nobody_in_the_reader_is_gone() {
    let folder = tempfile::tempdir().expect("folder");
    let image = image(folder.path());
    write(&image, "sim:/nonexistent/a.card", &["--test-keys"]).expect(7);
    assert!(!folder.path().join("images/0001.image.journal").exists(), "no card, no journal");
}
