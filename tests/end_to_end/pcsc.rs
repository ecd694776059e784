//! The same walk through a real PC/SC daemon: the demo with two readers, and a card served to it.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::pcscd::Pcscd;
use crate::support::{Ended, cardwright, ended};
use crate::walk::demo;

fn run(pcscd: &Pcscd, arguments: &[&str]) -> Ended {
    ended(cardwright().env("PCSCLITE_CSOCK_NAME", &pcscd.socket).args(arguments).output().expect("the program starts"))
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(pcscd: &Pcscd, card: &str) -> Served {
    let address = format!("127.0.0.1:{}", pcscd.port);
    let child = cardwright().args(["sim", "--image", card, "--vpcd", &address]).stderr(Stdio::null()).spawn().expect("the program starts");
    let served = Served(child);
    let deadline = Instant::now() + Duration::from_secs(10);
    while run(pcscd, &["readers", "--json"]).expect(0).json()[0]["state"] != "card" {
        assert!(Instant::now() < deadline, "the card does not appear in the reader");
        std::thread::sleep(Duration::from_millis(50));
    }
    served
}

#[test]
fn the_demo_runs_through_two_readers_of_the_daemon() {
    let Some(pcscd) = Pcscd::start(2) else { return };
    let folder = tempfile::tempdir().expect("folder");
    let (out, address) = (folder.path().join("D").display().to_string(), format!("127.0.0.1:{}", pcscd.port));
    let summary = run(&pcscd, &["demo", "--pcsc", "--cards", "4", "--readers", "2", "--vpcd", &address, "--out", &out, "--json"]).expect(0);
    assert!(summary.stdout.starts_with("{\"cards\":4,\"personalized\":4,\"verified\":4,\"genuine\":4,"), "{}", summary.stdout);
}

#[test]
fn a_served_card_is_verified_in_the_reader_and_gone_when_it_stops() {
    let Some(pcscd) = Pcscd::start(2) else { return };
    let demo = demo();
    let card = serve(&pcscd, &demo.path("cards/0009.card"));
    let by_name = format!("pcsc:{}", pcscd.reader(0));
    for reader in ["pcsc:0", &by_name] {
        let arguments = ["verify", "--reader", reader, "--can", &demo.can(9), "--trust", &demo.path("pki/csca.cer"), "--json"];
        let report = run(&pcscd, &arguments).expect(0).json();
        assert_eq!(report["verdict"], "genuine");
    }
    // the card is in use: nobody else may have its file
    let reader = format!("sim:{}", demo.path("cards/0009.card"));
    run(&pcscd, &["verify", "--reader", &reader, "--can", "000000"]).expect(5).says(&["in use"]);
    drop(card);
    run(&pcscd, &["read", "--reader", "pcsc:1", "--can", "000000"]).expect(5).says(&["no card"]);
    run(&pcscd, &["read", "--reader", "pcsc:2", "--can", "000000"]).expect(5).says(&["no reader", &pcscd.reader(1)]);
}

#[test]
fn a_served_card_leaves_when_it_is_asked_to() {
    let Some(pcscd) = Pcscd::start(2) else { return };
    let mut card = serve(&pcscd, &demo().path("cards/0010.card"));
    let asked = Command::new("kill").args(["-TERM", &card.0.id().to_string()]).status().expect("kill is there");
    assert!(asked.success());
    assert_eq!(card.0.wait().expect("it ends").code(), Some(0));
}

#[test]
fn without_a_reader_there_is_nothing_to_serve() {
    let demo = demo();
    let card = demo.path("cards/0011.card");
    let output = cardwright().args(["sim", "--image", &card, "--vpcd", "127.0.0.1:1"]).output().expect("the program starts");
    ended(output).expect(5).says(&["127.0.0.1:1", "pcscd"]);
    let output = cardwright().args(["sim", "--image", &card]).output().expect("the program starts");
    ended(output).expect(2).says(&["--vpcd"]);
}
