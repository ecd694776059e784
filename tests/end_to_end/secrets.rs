//! The most talkative demo says nothing that opens or clones a card.

use eid::mrz::Mrz;
use eid::protocol::bac::mrz_seed;
use eid::scp03::kdf3;
use eid::secret::Secret;

use crate::support::cardwright;

/// Every way in which bytes are usually printed.
fn spellings(bytes: &[u8]) -> Vec<String> {
    let separated = |separator: &str, upper: bool| {
        let hex: Vec<_> = bytes.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }).collect();
        hex.join(separator)
    };
    let mut all: Vec<_> = ["", " ", ":"].into_iter().flat_map(|s| [separated(s, false), separated(s, true)]).collect();
    all.push(bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", "));
    all
}

#[test]
fn the_most_talkative_demo_prints_no_secret() {
    let folder = tempfile::tempdir().expect("folder");
    let dir = folder.path().join("D");
    let output = cardwright()
        .env("RUST_LOG", "trace")
        .args(["demo", "-vvvv", "--cards", "4", "--readers", "2", "--out"])
        .arg(&dir)
        .output()
        .expect("the program starts");
    assert!(output.status.success());
    let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.lines().count() > 100, "the log is not on: {said}");

    let people: serde_json::Value = serde_json::from_slice(&std::fs::read(dir.join("people.json")).expect("people.json")).expect("JSON");
    let mut secrets: Vec<(String, String)> = Vec::new();
    for person in people.as_array().expect("a list") {
        let can = person["can"].as_str().expect("can");
        secrets.push(("CAN".to_owned(), can.to_owned()));
        secrets.extend(spellings(can.as_bytes()).into_iter().map(|text| ("CAN in hexadecimal".to_owned(), text)));
        let lines: Vec<_> = person["mrz"].as_array().expect("mrz").iter().map(|line| line.as_str().expect("line").to_owned()).collect();
        secrets.extend(lines.iter().take(2).map(|line| ("line of an MRZ".to_owned(), line.clone())));
        let information = Mrz::parse(&lines.concat()).expect("an MRZ").information();
        let seed = mrz_seed(&information);
        secrets.push(("MRZ information".to_owned(), information));
        secrets.extend(spellings(seed.expose()).into_iter().map(|text| ("MRZ seed".to_owned(), text)));
        secrets.extend(spellings(&seed.expose()[..16]).into_iter().map(|text| ("seed of BAC".to_owned(), text)));
    }
    for (name, first) in [("transport", 0x40), ("production", 0x60)] {
        let master = Secret::new((first..first + 32).collect());
        secrets.extend(spellings(master.expose()).into_iter().map(|text| (format!("{name} master"), text)));
        for card in 1..=4u8 {
            let keys = kdf3(&master, card_kdd(&dir, card)).expect("a card of its own");
            for (key, value) in keys.named() {
                secrets.extend(spellings(value.expose()).into_iter().map(|text| (format!("{name} {key} of card {card}"), text)));
            }
        }
    }
    for (what, text) in &secrets {
        assert!(!said.contains(text), "{what} {text} was printed:\n{}", said.lines().find(|line| line.contains(text)).unwrap_or_default());
    }
}

/// The key diversification data of a card of the demo.
fn card_kdd(dir: &std::path::Path, card: u8) -> [u8; 10] {
    let path = dir.join(format!("cards/{card:04}.card")).display().to_string();
    let status = crate::support::run(&["sim", "status", "--json", &path]).expect(0).json();
    let kdd = hex::decode(status["kdd"].as_str().expect("kdd")).expect("hexadecimal");
    kdd.try_into().expect("ten bytes")
}

#[test]
fn a_trace_of_a_personalization_holds_no_password_and_no_key() {
    let folder = tempfile::tempdir().expect("folder");
    let image = crate::input::image(folder.path());
    let card = folder.path().join("a.card").display().to_string();
    crate::support::run(&["sim", "new", &card, "--test-keys"]).expect(0);
    let trace = folder.path().join("a.trace");
    let reader = format!("sim:{card}");
    let (image_name, trace_name) = (image.display().to_string(), trace.display().to_string());
    crate::support::run(&["perso", "write", &image_name, "--reader", &reader, "--test-keys", "--trace", &trace_name]).expect(0);
    let traced = std::fs::read_to_string(&trace).expect("trace").to_ascii_lowercase();
    let image: serde_json::Value = serde_json::from_slice(&std::fs::read(&image).expect("image")).expect("JSON");
    for (name, password) in image["passwords"].as_object().expect("passwords") {
        assert!(!traced.contains(password.as_str().expect("hexadecimal")), "{name} is in the trace");
    }
    for key in [&image["active_auth"]["private"], &image["chip_auth"][0]["private"]] {
        assert!(!traced.contains(key.as_str().expect("hexadecimal")), "a private key is in the trace");
    }
    assert!(traced.lines().count() > 250, "{} lines", traced.lines().count());
    let explained = crate::support::run(&["trace", &trace_name]).expect(0).stdout;
    for word in ["INITIALIZE UPDATE", "STORE DATA, SCP03", "PUT KEY", "GENERAL AUTHENTICATE", "secure messaging"] {
        assert!(explained.contains(word), "{word}");
    }
}
