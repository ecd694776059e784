//! The main job: twenty citizens, twenty cards, and what everybody else says about them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::{Ended, run};

/// A demo of twenty cards on two readers, run once for all tests.
pub(crate) struct Demo {
    _folder: tempfile::TempDir,
    pub(crate) dir: PathBuf,
    summary: String,
}

pub(crate) fn demo() -> &'static Demo {
    static DEMO: OnceLock<Demo> = OnceLock::new();
    DEMO.get_or_init(|| {
        let folder = tempfile::tempdir().expect("folder");
        let dir = folder.path().join("D");
        let summary = run(&["demo", "--cards", "20", "--readers", "2", "--out", &dir.display().to_string(), "--json"]).expect(0).stdout;
        Demo { _folder: folder, dir, summary }
    })
}

impl Demo {
    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    pub(crate) fn people(&self) -> Vec<Value> {
        let text = std::fs::read(self.dir.join("people.json")).expect("people.json");
        serde_json::from_slice::<Value>(&text).expect("JSON").as_array().expect("a list").clone()
    }

    /// CAN of card `number`, from 1.
    pub(crate) fn can(&self, number: usize) -> String {
        self.people()[number - 1]["can"].as_str().expect("can").to_owned()
    }

    /// Lines of the MRZ of card `number`, from 1.
    pub(crate) fn mrz(&self, number: usize) -> Vec<String> {
        let lines = self.people()[number - 1]["mrz"].as_array().expect("mrz").clone();
        lines.iter().map(|line| line.as_str().expect("line").to_owned()).collect()
    }
}

/// The result of one check of a report.
pub(crate) fn result<'a>(report: &'a Value, id: &str) -> &'a str {
    let found = report["checks"].as_array().into_iter().flatten().find(|check| check["id"] == id);
    found.and_then(|check| check["result"].as_str()).unwrap_or("absent")
}

/// `verify --json` of a card file with `more` arguments.
pub(crate) fn verify(card: &str, more: &[&str]) -> Ended {
    let reader = format!("sim:{card}");
    run(&[&["verify", "--json", "--reader", &reader], more].concat())
}

#[test]
fn every_card_is_personalized_verified_and_genuine() {
    let summary = &demo().summary;
    assert!(summary.starts_with("{\"cards\":20,\"personalized\":20,\"verified\":20,\"genuine\":20,"), "{summary}");
    let summary: Value = serde_json::from_str(summary).expect("JSON");
    assert_eq!((summary["readers"].as_u64(), summary["failures"].as_array().map(Vec::len)), (Some(2), Some(0)));
}

#[test]
fn the_folder_holds_what_is_promised() {
    let demo = demo();
    for name in ["pki/csca.cer", "pki/ds.cer", "people.json"] {
        assert!(demo.dir.join(name).is_file(), "{name}");
    }
    assert_eq!(demo.people().len(), 20);
    for number in 1..=20 {
        for name in [format!("cards/{number:04}.card"), format!("reports/{number:04}.json"), format!("lds/{number:04}/EF.SOD")] {
            assert!(demo.dir.join(&name).is_file(), "{name}");
        }
        let listed = demo.mrz(number);
        assert_eq!((listed.len(), listed.concat().len()), (3, 90));
        assert!(listed[0].contains("<<") && listed[0].starts_with("IDVNM"), "{listed:?}");
        assert_eq!(demo.can(number).len(), 6);
    }
}

#[test]
fn a_card_is_genuine_with_its_can_or_its_mrz() {
    let (demo, root) = (demo(), demo().path("pki/csca.cer"));
    for (number, card) in [(1, demo.path("cards/0001.card")), (20, demo.path("cards/0020.card"))] {
        for access in [["--can", &demo.can(number)], ["--mrz", &demo.mrz(number).concat()], ["--mrz", &demo.mrz(number).join("\n")]] {
            let report = verify(&card, &[&access[..], &["--trust", &root]].concat()).expect(0).json();
            assert_eq!((report["verdict"].as_str(), report["exit_code"].as_u64()), (Some("genuine"), Some(0)));
            for id in [
                "access.pace",
                "ca",
                "aa",
                "pa.signature",
                "pa.chain",
                "pa.hash.dg1",
                "pa.hash.dg2",
                "pa.hash.dg13",
                "com.sod",
                "card_access.dg14",
            ] {
                assert_eq!(result(&report, id), "passed", "{id} of card {number} by {}", access[0]);
            }
            assert_eq!(result(&report, "read.dg3"), "not-attempted");
        }
    }
}

#[test]
fn a_wrong_can_is_access_refused() {
    let demo = demo();
    let wrong = if demo.can(2) == "000000" { "000001" } else { "000000" };
    let ended = verify(&demo.path("cards/0002.card"), &["--can", wrong, "--trust", &demo.path("pki/csca.cer")]).expect(4);
    assert_eq!(ended.json()["verdict"], "access-refused");
    run(&["read", "--reader", &format!("sim:{}", demo.path("cards/0002.card")), "--can", wrong])
        .expect(4)
        .says(&["refused", "CAN", "hint:"]);
}

#[test]
fn another_root_or_none_is_undecided() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let (dir, phrase) = (folder.path().join("ca"), folder.path().join("phrase"));
    std::fs::write(&phrase, "another state\n").expect("written");
    let (dir_name, phrase) = (dir.display().to_string(), phrase.display().to_string());
    // the same state and the same name, another key
    let subject =
        ["--country", "VN", "--state", "VNM", "--common-name", "Demo CSCA", "--organization", "Cardwright demo, not an authority"];
    run(&[&["pki", "init", &dir_name, "--passphrase-file", &phrase], &subject[..]].concat()).expect(0);
    let other = dir.join("csca.cer").display().to_string();
    let card = demo.path("cards/0003.card");
    for trust in [&["--trust", &other][..], &[]] {
        let report = verify(&card, &[&["--can", &demo.can(3)], trust].concat()).expect(3).json();
        assert_eq!((report["verdict"].as_str(), result(&report, "pa.chain")), (Some("undecided"), "undecided"));
        // what is shown without an anchor stays shown, and what hangs on it does not
        assert_eq!((result(&report, "pa.signature"), result(&report, "pa.validity.today")), ("passed", "not-attempted"));
    }
    // both roots together: the right one decides
    verify(&card, &["--can", &demo.can(3), "--trust", &other, &demo.path("pki/csca.cer")]).expect(0);
    // a folder of certificates, with a document signer among them
    verify(&card, &["--can", &demo.can(3), "--trust", &demo.path("pki")]).expect(0);
    // a document signer is no root
    verify(&card, &["--can", &demo.can(3), "--trust", &demo.path("pki/ds.cer")]).expect(2).says(&["not a CA", "hint:"]);
}

#[test]
fn the_document_signer_decides_the_day() {
    let demo = demo();
    let arguments = ["--can", &demo.can(4), "--trust", &demo.path("pki/csca.cer"), "--date"];
    let before = verify(&demo.path("cards/0004.card"), &[&arguments[..], &["2020-01-01"]].concat());
    assert!([1, 3].contains(&before.code), "a certificate that is not valid yet: {}", before.code);
    verify(&demo.path("cards/0004.card"), &[&arguments[..], &["2026-02-30"]].concat()).expect(2).says(&["2026-02-30"]);
}

/// EF.SOD without its outer tag 77 and length: the signed message.
fn signed_message(sod: &[u8]) -> &[u8] {
    match sod {
        [0x77, 0x82, _, _, rest @ ..] | [0x77, 0x81, _, rest @ ..] => rest,
        _ => panic!("no EF.SOD: {:02x?}", &sod[..4]),
    }
}

#[test]
fn openssl_verifies_every_security_object() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let root = folder.path().join("csca.pem");
    let converted = Command::new("openssl").args(["x509", "-inform", "DER", "-in", &demo.path("pki/csca.cer"), "-out"]).arg(&root).output();
    assert!(converted.expect("openssl is installed").status.success());
    for number in 1..=20 {
        let sod = std::fs::read(demo.dir.join(format!("lds/{number:04}/EF.SOD"))).expect("EF.SOD");
        let message = folder.path().join("sod.cms");
        std::fs::write(&message, signed_message(&sod)).expect("written");
        let content = folder.path().join("content.der");
        let checked = Command::new("openssl")
            .args(["cms", "-verify", "-inform", "DER", "-purpose", "any", "-no_check_time", "-in"])
            .args([&message, Path::new("-CAfile"), &root, Path::new("-out"), &content])
            .output()
            .expect("openssl is installed");
        assert!(checked.status.success(), "card {number}: {}", String::from_utf8_lossy(&checked.stderr));
        // the hash of DG1 stands in what was signed
        let dg1 = std::fs::read(demo.dir.join(format!("lds/{number:04}/EF.DG1"))).expect("EF.DG1");
        let hash = openssl::sha::sha256(&dg1);
        let content = std::fs::read(&content).expect("content");
        assert!(content.windows(32).any(|window| window == hash), "card {number}");
    }
}

#[test]
fn read_gives_the_files_as_they_were_issued() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let out = folder.path().join("files");
    let reader = format!("sim:{}", demo.path("cards/0005.card"));
    let read = run(&["read", "--json", "--reader", &reader, "--can", &demo.can(5), "--out", &out.display().to_string()]).expect(0).json();
    assert_eq!((result(&read, "access.pace"), result(&read, "read.dg3")), ("passed", "not-attempted"));
    let mut names: Vec<_> = std::fs::read_dir(&out).expect("folder").map(|entry| entry.expect("entry").file_name()).collect();
    names.sort();
    let expected = ["EF.COM", "EF.CardAccess", "EF.DG1", "EF.DG13", "EF.DG14", "EF.DG15", "EF.DG2", "EF.SOD"];
    assert_eq!(names, expected);
    for name in expected {
        let (read, issued) = (std::fs::read(out.join(name)).expect(name), std::fs::read(demo.dir.join("lds/0005").join(name)).expect(name));
        assert!(read == issued, "{name}");
        assert!(run(&["show", &out.join(name).display().to_string()]).expect(0).stdout.starts_with(name), "{name}");
    }
    let portrait = folder.path().join("portrait.jpg");
    run(&["show", &out.join("EF.DG2").display().to_string(), "--image", &portrait.display().to_string()]).expect(0);
    let (shown, drawn) =
        (std::fs::read(portrait).expect("portrait"), std::fs::read(demo.dir.join("people/0005/portrait.jpg")).expect("portrait"));
    assert!(shown == drawn, "the portrait on the card is another");
}

#[test]
fn one_named_file_is_read_and_a_missing_or_guarded_one_is_undecided() {
    let demo = demo();
    let reader = format!("sim:{}", demo.path("cards/0006.card"));
    let read = |files: &[&str]| run(&[&["read", "--reader", &reader, "--can", &demo.can(6)], files].concat());
    let one = read(&["dg1"]).expect(0);
    assert!(one.stdout.contains("EF.DG1") && !one.stdout.contains("EF.DG2"), "{}", one.stdout);
    read(&["EF.DG3"]).expect(3);
    read(&["EF.DG16"]).expect(3);
    read(&["EF.DG17"]).expect(2).says(&["EF.DG17"]);
}

#[test]
fn a_demo_never_writes_into_a_folder_that_holds_something() {
    run(&["demo", "--cards", "1", "--out", &demo().path("")]).expect(2).says(&["out", "hint:"]);
    run(&["demo", "--cards", "0"]).expect(2).says(&["--cards"]);
}

#[test]
fn the_same_seed_gives_the_same_people() {
    let folder = tempfile::tempdir().expect("folder");
    let people = |name: &str, seed: &str| {
        let dir = folder.path().join(name);
        run(&["demo", "--cards", "2", "--seed", seed, "--date", "2026-11-21", "--out", &dir.display().to_string()]).expect(0);
        std::fs::read_to_string(dir.join("people.json")).expect("people.json")
    };
    let first = people("a", "7");
    assert_eq!(first, people("b", "7"));
    assert_ne!(first, people("c", "8"));
}

/// The QR text of the face, from a file and from the command line, of this card and of another one.
#[test]
fn the_printed_qr_text_is_that_of_the_chip_and_of_no_other() {
    let (demo, root) = (demo(), demo().path("pki/csca.cer"));
    let (lds, own, other) = (demo.path("lds/0001"), demo.path("people/0001/qr.txt"), demo.path("people/0002/qr.txt"));
    let verify = |more: &[&str]| run(&[&["verify", "--json", "--lds", &lds, "--trust", &root], more].concat());
    let report = verify(&["--qr-file", &own]).expect(0).json();
    for id in ["cross.qr.number", "cross.qr.name", "cross.qr.birth", "cross.qr.sex", "cross.qr.issue", "cross.qr.residence"] {
        assert_eq!(result(&report, id), "passed", "{id}");
    }
    let text = std::fs::read_to_string(&other).expect("a QR text");
    let report = verify(&["--qr", &text]).expect(1).json();
    assert_eq!((report["verdict"].as_str(), result(&report, "cross.qr.number")), (Some("not-genuine"), "failed"));
    verify(&["--qr", "https://example.org"]).expect(2).says(&["QR text", "6 to 24 fields", "hint:"]);
    run(&["show", "--qr", &own]).expect(0);
    let shown = run(&["show", "--qr", &own, "--json"]).expect(0).json();
    assert_eq!((shown["kind"].as_str(), shown["fields"][0]["name"].as_str()), (Some("QR text"), Some("personal number")));
}
