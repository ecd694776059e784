//! `verify` with what it leaves behind: evidence that is judged again, files alone, and a page for the counter.

use std::path::Path;

use crate::support::{corpus, run};
use crate::walk::{demo, result, verify};

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A copy of a demo card in `folder`: the card itself may lie in another test's reader.
fn card(number: usize, folder: &Path) -> String {
    let (name, copy) = (format!("cards/{number:04}.card"), folder.join("copy.card"));
    std::fs::copy(demo().dir.join(name), &copy).expect("copied");
    text(&copy)
}

#[test]
fn every_demo_card_is_judged_again_from_its_evidence_and_its_files() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let root = demo.path("pki/csca.cer");
    for number in 1..=20 {
        let evidence = text(&folder.path().join(format!("{number}.json")));
        let inspected = verify(&card(number, folder.path()), &["--can", &demo.can(number), "--trust", &root, "--evidence", &evidence]);
        let card = inspected.expect(0).json();
        let again = run(&["verify", "--json", "--evidence", &evidence, "--trust", &root]).expect(0).json();
        assert_eq!((card["source"].as_str(), again["source"].as_str()), (Some("card"), Some("evidence")));
        assert_eq!((&again["verdict"], &again["document"], &again["files"]), (&card["verdict"], &card["document"], &card["files"]));
        for check in card["checks"].as_array().expect("checks") {
            assert_eq!(result(&again, check["id"].as_str().expect("id")), check["result"], "{} of card {number}", check["id"]);
        }
        let files = run(&["verify", "--json", "--lds", &demo.path(&format!("lds/{number:04}")), "--trust", &root]).expect(0).json();
        assert_eq!((files["source"].as_str(), &files["document"]), (Some("files"), &card["document"]));
        assert_eq!((result(&files, "aa"), result(&files, "pa.hash.dg3")), ("not-attempted", "passed"));
    }
}

#[test]
fn a_tampered_card_is_not_genuine_from_its_evidence_either() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let mut memory = std::fs::read(demo.dir.join("cards/0009.card")).expect("card");
    let dg2 = std::fs::read(demo.dir.join("lds/0009/EF.DG2")).expect("file");
    let at = memory.windows(dg2.len()).position(|window| window == dg2).expect("in one piece");
    memory[at + 100] ^= 1;
    let (card, evidence) = (folder.path().join("a.card"), text(&folder.path().join("a.json")));
    std::fs::write(&card, memory).expect("written");
    let root = demo.path("pki/csca.cer");
    verify(&text(&card), &["--can", &demo.can(9), "--trust", &root, "--evidence", &evidence]).expect(1);
    let again = run(&["verify", "--json", "--evidence", &evidence, "--trust", &root]).expect(1).json();
    assert_eq!(result(&again, "read.dg2"), "failed");
}

#[test]
fn evidence_is_never_overwritten_and_damage_is_noticed() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let (evidence, root) = (folder.path().join("a.json"), demo.path("pki/csca.cer"));
    let name = text(&evidence);
    let arguments = ["--can", &demo.can(1), "--trust", &root, "--evidence", &name];
    verify(&card(1, folder.path()), &arguments).expect(0);
    verify(&card(1, folder.path()), &arguments).expect(2).says(&["a.json", "hint:", "never overwritten"]);
    run(&["verify", "--lds", &demo.path("lds/0001"), "--evidence", &name]).expect(2).says(&["never overwritten"]);
    let whole = std::fs::read_to_string(&evidence).expect("evidence");
    std::fs::write(&evidence, whole.replacen("\"ended\": \"opened\"", "\"ended\": \"refused\"", 1)).expect("written");
    run(&["verify", "--evidence", &name, "--trust", &root]).expect(1).says(&["a.json", "SHA-256"]);
    std::fs::write(&evidence, "{\"format\": \"something\"}").expect("written");
    run(&["verify", "--evidence", &name, "--trust", &root]).expect(2).says(&["a.json", "cardwright-evidence"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&evidence).expect("file").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn redacted_evidence_keeps_the_verdict_and_not_the_name() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let (evidence, root) = (folder.path().join("a.json"), demo.path("pki/csca.cer"));
    let name = text(&evidence);
    let card =
        verify(&card(2, folder.path()), &["--can", &demo.can(2), "--trust", &root, "--evidence", &name, "--redact"]).expect(0).json();
    let holder = card["document"]["name"].as_str().expect("a name").to_owned();
    assert!(!std::fs::read_to_string(&evidence).expect("evidence").contains(&holder));
    let again = run(&["verify", "--json", "--evidence", &name, "--trust", &root]).expect(0).json();
    assert!(again["document"].is_null());
}

#[test]
fn a_required_check_that_did_not_run_is_undecided() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let (card, can, root) = (card(3, folder.path()), demo.can(3), demo.path("pki/csca.cer"));
    let require = |checks: &[&str]| verify(&card, &[&["--can", &can, "--trust", &root, "--no-bac"], checks].concat());
    require(&["--require", "ca", "--require", "aa"]).expect(0);
    let report = require(&["--require", "pace-cam"]).expect(3).json();
    assert_eq!(report["policy"]["requirements"], serde_json::json!(["pace-cam"]));
    assert!(report["policy"]["obstacles"][0].as_str().is_some_and(|line| line.starts_with("cam is required")), "{}", report["policy"]);
    require(&["--require", "bac"]).expect(2).says(&["pace-cam"]);
    let files = ["verify", "--lds", &demo.path("lds/0003"), "--trust", &root, "--require", "aa"];
    run(&files).expect(3);
}

#[test]
fn the_page_shows_portrait_data_and_every_check() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let page = folder.path().join("out.html");
    let report = verify(&card(4, folder.path()), &["--can", &demo.can(4), "--trust", &demo.path("pki/csca.cer"), "--report", &text(&page)]);
    let report = report.expect(0).json();
    let page = std::fs::read_to_string(&page).expect("a page");
    assert!(page.contains("<h1>GENUINE</h1>"));
    assert!(page.contains("src=\"data:image/jpeg;base64,/9j/"), "the portrait is in it");
    for check in report["checks"].as_array().expect("checks") {
        assert!(page.contains(&format!(">{} · ", check["id"].as_str().expect("id"))), "{}", check["id"]);
    }
    // the name with its accents comes from DG13, told in words
    let person = &demo.people()[3];
    for part in ["surname", "given_names"] {
        let part = person[part].as_str().expect("a name");
        assert!(page.contains(part), "{part}");
    }
}

/// What the README of the corpus says of each EF.SOD. None has a trust anchor there, so the good ones are undecided.
#[test]
fn every_security_object_of_the_corpus_is_judged_as_its_readme_says() {
    let known = [
        ("etsi-prototype/EF_SOD.bin", 3, None),
        ("bsi-tr03105-5/EF_SOD.bin", 3, None),
        ("malformed-sod/sod_386_sod.bin", 1, Some("pa.signature")),
        ("malformed-sod/sod_559_sod.bin", 1, Some("pa.sod")),
        ("malformed-sod/sod_579_sod.bin", 1, Some("pa.sod")),
        ("malformed-sod/sod_599_sod.bin", 1, Some("pa.sod")),
        ("malformed-sod/sod_619_sod.bin", 1, Some("pa.signature")),
    ];
    for (name, code, failed) in known {
        let Some(path) = corpus(&format!("chips/{name}")) else { return };
        let folder = tempfile::tempdir().expect("folder");
        std::fs::copy(&path, folder.path().join("EF.SOD")).expect("copied");
        let report = run(&["verify", "--json", "--lds", &text(folder.path())]).expect(code).json();
        match failed {
            Some(id) => assert_eq!(result(&report, id), "failed", "{name}"),
            None => {
                assert_eq!((result(&report, "pa.sod"), result(&report, "pa.signature")), ("passed", "passed"), "{name}");
            }
        }
    }
}

/// BSI TR-03105-5: every listed hash and the signature are right, DG15 is there and not listed.
#[test]
fn the_reference_chip_of_the_bsi_is_judged_as_its_readme_says_from_files_and_as_a_card() {
    let Some(dir) = corpus("chips/bsi-tr03105-5") else { return };
    let file = |name: &str| text(&dir.join(name));
    let report = run(&["verify", "--json", "--lds", &text(&dir)]).expect(1).json();
    let as_stated = |report: &serde_json::Value| {
        for number in [1, 2, 3, 4, 14] {
            let found = result(report, &format!("pa.hash.dg{number}"));
            assert!(found == "passed" || (matches!(number, 3 | 4) && found == "not-attempted"), "DG{number}: {found}");
        }
        assert_eq!(result(report, "pa.signature"), "passed");
        for (id, code) in [("pa.hash.dg15", "not-listed"), ("pa.listed", "present-but-not-listed")] {
            let check = report["checks"].as_array().and_then(|checks| checks.iter().find(|check| check["id"] == id)).expect(id);
            assert_eq!((check["result"].as_str(), check["reason"]["code"].as_str()), (Some("failed"), Some(code)));
        }
    };
    as_stated(&report);

    let folder = tempfile::tempdir().expect("folder");
    let (card, evidence) = (text(&folder.path().join("bsi.card")), text(&folder.path().join("bsi.json")));
    let keys = ["--ca-key", &file("DG14_sk.pkcs8"), "--aa-key", &file("DG15_sk.pkcs8")];
    let made = run(&[&["sim", "new", &card, "--test-keys", "--json", "--files", &text(&dir)], &keys[..]].concat()).expect(0).json();
    assert_eq!(made["files"], 8);
    let dg1 = std::fs::read(dir.join("Datagroup1.bin")).expect("DG1");
    let mrz = String::from_utf8(dg1[5..].to_vec()).expect("an MRZ");
    let report = verify(&card, &["--mrz", &mrz, "--evidence", &evidence]).expect(1).json();
    as_stated(&report);
    assert_eq!((result(&report, "access.bac"), result(&report, "ca")), ("passed", "passed"));
    // its signature verifies, and counts for nothing: nobody signed the file with its key
    let aa = report["checks"].as_array().and_then(|checks| checks.iter().find(|check| check["id"] == "aa")).expect("aa");
    assert_eq!((aa["result"].as_str(), aa["reason"]["code"].as_str()), (Some("not-attempted"), Some("key-not-confirmed")));
    let again = run(&["verify", "--json", "--evidence", &evidence]).expect(1).json();
    as_stated(&again);
    assert_eq!((result(&again, "ca"), result(&again, "aa")), ("passed", "not-attempted"));

    // a key that belongs to no file is refused
    let other = text(&folder.path().join("other.card"));
    run(&["sim", "new", &other, "--test-keys", "--files", &text(&dir), "--aa-key", &file("DG14_sk.pkcs8")]).expect(2).says(&["EF.DG15"]);
    assert!(!Path::new(&other).exists());
}
