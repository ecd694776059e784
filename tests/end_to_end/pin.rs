//! PIN management from the command line: a card of a profile with a PIN, its letter, and what holder and PUK do with it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::support::{Ended, cardwright, ended, repository, run};

/// A passport with a transport PIN and a PUK, made once; each test has a copy of the card.
struct Made {
    folder: tempfile::TempDir,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("with-pin.toml");
    let text = std::fs::read_to_string(repository("fixtures/profiles/cccd-2021.toml")).expect("a profile");
    let pin = "\n[pin]\ndigits = 6\ntransport = 5\npuk = 10\nunblocks = 2\n";
    std::fs::write(&profile, text + pin).expect("written");
    let (profile, out) = (profile.display().to_string(), folder.path().join("D").display().to_string());
    run(&["demo", "--profile", &profile, "--cards", "1", "--date", "2026-11-21", "--out", &out]).expect(0);
    Made { folder }
});

struct Card {
    folder: tempfile::TempDir,
    reader: String,
    can: String,
}

impl Card {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let demo = MADE.folder.path().join("D");
        let path = folder.path().join("1.card");
        std::fs::copy(demo.join("cards/0001.card"), &path).expect("copied");
        let people: serde_json::Value = serde_json::from_slice(&std::fs::read(demo.join("people.json")).expect("people")).expect("JSON");
        let can = people[0]["can"].as_str().expect("a CAN").to_owned();
        Self { reader: format!("sim:{}", path.display()), can, folder }
    }

    fn letter(extension: &str) -> PathBuf {
        MADE.folder.path().join("D/letters/0001").with_extension(extension)
    }

    /// A file with a PIN.
    fn file(&self, digits: &str) -> String {
        let path = self.folder.path().join(format!("pin-{digits}"));
        std::fs::write(&path, format!("{digits}\n")).expect("written");
        path.display().to_string()
    }

    fn pin(&self, step: &str, arguments: &[&str]) -> Ended {
        run(&[&["pin", step, "--reader", &self.reader][..], arguments].concat())
    }

    /// The words for PIN and PUK, and the tries left of the PIN.
    fn stands(&self) -> (String, String, Option<u64>) {
        let json = run(&["--json", "pin", "status", "--reader", &self.reader]).expect(0).json();
        let word = |which: &str| json[which]["state"].as_str().expect("a state").to_owned();
        (word("pin"), word("puk"), json["pin"]["tries"].as_u64())
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn the_holder_replaces_the_transport_pin_and_opens_the_card_with_the_new_one() {
    let card = Card::new();
    let letter = text(&Card::letter("pin"));
    assert_eq!(std::fs::read_to_string(&letter).expect("a letter").trim().len(), 5);
    let trust = text(&MADE.folder.path().join("D/pki"));
    let verify = |pin: &str| run(&["verify", "--reader", &card.reader, "--pin-file", pin, "--trust", &trust, "--date", "2026-11-21"]);
    assert_ne!(verify(&letter).code, 0, "a transport PIN opens nothing");
    let (short, new) = (card.file("12345"), card.file("271828"));
    card.pin("change", &["--pin-file", &letter, "--new-pin-file", &short]).expect(4).says(&["refused to change the PIN", "6982"]);
    let changed = card.pin("change", &["--pin-file", &letter, "--new-pin-file", &new]).expect(0);
    assert_eq!(changed.stdout, "PIN  usable, all tries left\nPUK  usable, all tries left\n");
    verify(&new).expect(0);
    card.pin("change", &["--pin-file", &letter, "--new-pin-file", &new]).expect(4).says(&["the PIN is wrong", "2 tries left"]);
}

#[test]
fn a_suspended_pin_is_resumed_or_blocked_and_the_puk_unblocks_it_and_the_last_try_is_never_used_unasked() {
    let card = Card::new();
    let (letter, puk, wrong) = (text(&Card::letter("pin")), text(&Card::letter("puk")), card.file("000001"));
    for left in ["2 tries left", "suspended, 1 try left"] {
        card.pin("change", &["--pin-file", &wrong, "--new-pin-file", &wrong]).expect(4).says(&["the PIN is wrong", left]);
    }
    assert_eq!(card.stands(), ("suspended".to_owned(), "usable".to_owned(), Some(1)));
    card.pin("change", &["--pin-file", &letter, "--new-pin-file", &wrong]).expect(4).says(&["which was not given", "pin resume"]);
    card.pin("resume", &["--pin-file", &letter, "--can", &card.can]).expect(4).says(&["one try left", "--last-try"]);
    assert_eq!(card.stands().0, "suspended");
    card.pin("resume", &["--pin-file", &letter, "--can", &card.can, "--last-try"]).expect(0);
    assert_eq!(card.stands(), ("usable".to_owned(), "usable".to_owned(), None));
    card.pin("resume", &["--pin-file", &letter, "--can", &card.can, "--last-try"]).expect(4).says(&["expected a suspended one"]);

    for _ in 0..2 {
        card.pin("change", &["--pin-file", &wrong, "--new-pin-file", &wrong]).expect(4);
    }
    card.pin("resume", &["--pin-file", &wrong, "--can", &card.can, "--last-try"]).expect(4).says(&["the PIN is wrong; it is now blocked"]);
    card.pin("change", &["--pin-file", &letter, "--new-pin-file", &wrong]).expect(4).says(&["the PIN is blocked", "pin unblock"]);
    card.pin("unblock", &["--puk-file", &wrong]).expect(4).says(&["the PUK is wrong", "9 tries left"]);
    card.pin("unblock", &["--puk-file", &puk, "--set-pin", "--new-pin-file", &wrong]).expect(4).says(&["refused to set the PIN: 6982"]);
    for _ in 0..2 {
        card.pin("unblock", &["--puk-file", &puk]).expect(0);
    }
    assert_eq!(card.stands(), ("usable".to_owned(), "usable".to_owned(), None));
    card.pin("unblock", &["--puk-file", &puk]).expect(4).says(&["refused to unblock the PIN: 6983"]);
}

/// Unit P of the suite, as far as it changes nothing; the PIN has all its tries afterwards.
#[test]
fn the_suite_takes_pin_and_puk_from_files() {
    let card = Card::new();
    let (letter, puk, new) = (text(&Card::letter("pin")), text(&Card::letter("puk")), card.file("271828"));
    card.pin("change", &["--pin-file", &letter, "--new-pin-file", &new]).expect(0);
    let arguments =
        ["--json", "conform", "--reader", &card.reader, "--suite", "bsi33", "--can", &card.can, "--pin-file", &new, "--puk-file", &puk];
    let only = ["--only", "EAC2_ISO7816_P_*", "--only", "EAC2_ISO7816_H_2", "--only", "EAC2_ISO7816_H_3"];
    let report = run(&[&arguments[..], &only].concat()).expect(0).json();
    assert_eq!(report["counts"]["passed"], 8, "{}", report["counts"]);
    assert_eq!(card.stands(), ("usable".to_owned(), "usable".to_owned(), None));
}

/// By the certificates of the suite: AT_CERT_17b has the right of PIN management, AT_CERT_17a has not.
#[test]
fn a_terminal_with_the_right_deactivates_the_pin_and_activates_it() {
    const DAY: &str = "2026-11-21";
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(&folder.path().join(name));
    run(&["conform", "keys", &at("K"), "--from", DAY]).expect(0);
    let profile = std::fs::read_to_string(repository("fixtures/profiles/cccd-2021.toml")).expect("a profile");
    let profile = profile.replace("[terminal_authentication]\nversion = 1", "[terminal_authentication]\nversion = 2");
    let profile = profile.replace("[chip_authentication]\n", "[chip_authentication]\nversion = 2\n");
    std::fs::write(at("p.toml"), profile + "\n[pin]\ndigits = 6\n").expect("written");
    let (cvca, other) = (at("K/CVCA.cvcert"), at("K/CVCA-AT.cvcert"));
    let demo = ["demo", "--profile", &at("p.toml"), "--cards", "1", "--date", DAY, "--out", &at("D"), "--cvca", &cvca, &other];
    run(&demo).expect(0);
    let terminal = |name: &str, certificate: &str| {
        std::fs::create_dir(at(name)).expect("made");
        for file in ["DV_CERT_17.cvcert", certificate, "AT_KEY_17.pkcs8"] {
            std::fs::copy(at(&format!("K/{file}")), at(&format!("{name}/{file}"))).expect("copied");
        }
        at(name)
    };
    let (manager, guest) = (terminal("T", "AT_CERT_17b.cvcert"), terminal("G", "AT_CERT_17a.cvcert"));
    let people: serde_json::Value = serde_json::from_slice(&std::fs::read(at("D/people.json")).expect("people")).expect("JSON");
    let (can, reader) = (people[0]["can"].as_str().expect("a CAN").to_owned(), format!("sim:{}", at("D/cards/0001.card")));
    let switch = |step: &str, keys: &str| run(&["pin", step, "--reader", &reader, "--can", &can, "--terminal-keys", keys]);
    switch("deactivate", &guest).expect(4).says(&["refused to deactivate the PIN: 6982"]);
    assert!(switch("deactivate", &manager).expect(0).stdout.starts_with("PIN  deactivated\n"));
    let pin = at("D/letters/0001.pin");
    let change = ["pin", "change", "--reader", &reader, "--pin-file", &pin, "--new-pin-file", &pin];
    run(&change).expect(4).says(&["the PIN is deactivated", "cardwright pin activate"]);
    switch("activate", &guest).expect(4);
    assert!(switch("activate", &manager).expect(0).stdout.starts_with("PIN  usable, all tries left\n"));
    run(&change).expect(0);
}

#[test]
fn pins_are_no_arguments_and_come_from_the_environment_too() {
    let card = Card::new();
    card.pin("change", &["--pin", "12345"]).expect(2);
    let (letter, new) = (std::fs::read_to_string(Card::letter("pin")).expect("a letter"), "161803");
    let output = cardwright()
        .args(["pin", "change", "--reader", &card.reader])
        .env("CARDWRIGHT_CARD_PIN", letter.trim())
        .env("CARDWRIGHT_NEW_PIN", new)
        .output()
        .expect("the program starts");
    ended(output).expect(0);
    let nothing = card.pin("change", &["--new-pin-file", &card.file("123456")]).expect(2);
    nothing.says(&["a PIN is needed and there is no terminal", "--pin-file", "CARDWRIGHT_CARD_PIN"]);
    card.pin("activate", &["--can", &card.can]).expect(2).says(&["--terminal-keys"]);
}

#[test]
fn a_card_without_a_pin_says_so() {
    let demo = crate::walk::demo();
    let reader = format!("sim:{}", demo.path("cards/0003.card"));
    let ended = run(&["pin", "status", "--reader", &reader]).expect(0);
    assert_eq!(ended.stdout, "PIN  the card has none\nPUK  the card has none\n");
}

#[test]
fn images_take_the_letters_that_they_are_given_and_a_line_refuses_the_profile() {
    let demo = MADE.folder.path().join("D");
    let (people, pki, profile) =
        (text(&demo.join("people.json")), text(&demo.join("pki")), text(&MADE.folder.path().join("with-pin.toml")));
    let folder = tempfile::tempdir().expect("a folder");
    let build = |out: &str, letters: &[&str]| {
        let out = text(&folder.path().join(out));
        let arguments = ["perso", "build", &people, "--profile", &profile, "--pki", &pki, "--out", &out, "--date", "2026-11-21"];
        let output = cardwright()
            .args([&arguments[..], letters].concat())
            .env("CARDWRIGHT_SIGNER_PASSPHRASE", "cardwright demo")
            .output()
            .expect("the program starts");
        ended(output)
    };
    build("drawn", &[]).expect(0);
    let digits = |name: &str| std::fs::read_to_string(folder.path().join("drawn").join(name)).expect("a letter").trim().len();
    assert_eq!((digits("0001.pin"), digits("0001.puk")), (5, 10));
    build("given", &["--letters", &text(&demo.join("letters"))]).expect(0);
    assert!(!folder.path().join("given/0001.pin").exists());
    let image = std::fs::read_to_string(folder.path().join("given/0001.image")).expect("an image");
    let pin = std::fs::read_to_string(Card::letter("pin")).expect("a letter");
    assert!(image.contains(&hex::encode(pin.trim())) && image.contains("\"pin_rules\": \"060000020000\""));
    build("none", &["--letters", &text(folder.path())]).expect(7).says(&["0001.pin"]);
    let site = text(&folder.path().join("site"));
    run(&["line", "--site", &site, "init", "--test", "1", "--profile", &profile]).expect(2).says(&["without a PIN", "perso build"]);
}
