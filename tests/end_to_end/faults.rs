//! Bad cards from the command line: the list, a reader whose card misbehaves, and what is no fault.

use std::collections::BTreeSet;

use crate::support::run;
use crate::walk::{demo, result};

#[test]
fn the_list_of_faults_is_an_array_that_says_what_is_implemented() {
    let list = run(&["sim", "list", "faults", "--json"]).expect(0).json();
    let list = list.as_array().expect("an array");
    assert_eq!(list.len(), 504);
    for fault in list {
        for member in ["id", "layer", "fault", "verdict", "state"] {
            assert!(fault[member].as_str().is_some_and(|text| !text.is_empty()), "{fault}");
        }
    }
    let states: BTreeSet<_> = list.iter().filter_map(|fault| fault["state"].as_str()).collect();
    assert!(states.contains("implemented"), "{states:?}");
    let layer = run(&["sim", "list", "faults", "--layer", "sm"]).expect(0);
    assert_eq!(layer.stdout.lines().count(), 18, "{}", layer.stdout);
    let one = run(&["sim", "list", "faults", "VF-CA-018"]).expect(0);
    assert!(one.stdout.contains("crypto.ca.key=other") && one.stdout.contains("ca failed key-not-proven"), "{}", one.stdout);
    run(&["sim", "list", "faults", "--layer", "XX"]).expect(2).says(&["EF.CardAccess"]);
    let states = run(&["sim", "list", "personalities", "--json"]).expect(0).json();
    assert!(states.as_array().is_some_and(|all| all.iter().any(|one| one["id"] == "NZ")));
}

#[test]
fn a_reader_whose_card_misbehaves_gives_the_finding_that_the_list_names() {
    let (demo, folder) = (demo(), tempfile::tempdir().expect("folder"));
    let card = folder.path().join("copy.card");
    std::fs::copy(demo.dir.join("cards/0003.card"), &card).expect("copied");
    let (can, root) = (demo.can(3), demo.path("pki/csca.cer"));
    let verify = |faults: &str| {
        let reader = format!("sim:{}{faults}", card.display());
        run(&["verify", "--json", "--reader", &reader, "--can", &can, "--trust", &root])
    };
    for (faults, code, check, outcome) in [
        ("", 0, "ca", "passed"),
        ("#VF-CA-018", 1, "ca", "failed"),
        ("#VF-SM-006@2,seed=7", 1, "pa.hash.dg2", "failed"),
        ("#as=VN", 0, "access.pace", "passed"),
        ("#VF-PAC-020", 4, "access.pace", "failed"),
    ] {
        assert_eq!(result(&verify(faults).expect(code).json(), check), outcome, "{faults}");
    }
    verify("#VF-SEL-010").expect(5);
    verify("#VF-SM-999").expect(2).says(&["VF-SM-999"]);
    verify("#VF-DG1-001").expect(2).says(&["sim faulty"]);
    verify("#VF-VDS-001").expect(2).says(&["digital seals"]);
    run(&["sim", "--image", &card.display().to_string(), "--vpcd", "127.0.0.1:1", "--fault", "VF-XX-001"])
        .expect(2)
        .says(&["sim list faults"]);
    run(&["sim", "--image", &card.display().to_string(), "--vpcd", "127.0.0.1:1", "--as", "XX"])
        .expect(2)
        .says(&["sim list personalities"]);
}

/// A wrong check digit, hashed and signed: the reader of that document says so, and nothing else is wrong.
#[test]
fn a_faulty_document_is_made_with_what_its_verifier_needs() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = folder.path().join("bad");
    let path = |name: &str| bad.join(name).display().to_string();
    run(&["sim", "faulty", "VF-DG1-009", &path("")]).expect(0);
    let (reader, mrz, trust) = (format!("sim:{}", path("VF-DG1-009.card")), path("mrz.txt"), path("trust"));
    let report = run(&["verify", "--json", "--reader", &reader, "--mrz-file", &mrz, "--trust", &trust]).expect(3).json();
    assert_eq!((result(&report, "cross.mrz"), result(&report, "pa.hash.dg1")), ("undecided", "passed"));
    let expected = std::fs::read_to_string(bad.join("expected.json")).expect("what is expected");
    assert!(expected.contains("\"verdict\": \"REJECT\""), "{expected}");
    // a folder is never written into twice, and a fault of the chip needs no document of its own
    run(&["sim", "faulty", "VF-DG1-009", &path("")]).expect(2);
    run(&["sim", "faulty", "VF-CA-018", &path("other")]).expect(2).says(&["sim --image CARD --fault ID"]);
    run(&["sim", "faulty", "VF-VDS-001", &path("other")]).expect(2);
}

/// What the verifier of a document needs beside its MRZ lies there: keys of a terminal, a CAN, lists.
#[test]
fn fingers_numbers_and_lists_come_with_a_faulty_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = |fault: &str| {
        let bad = folder.path().join(fault);
        run(&["sim", "faulty", fault, &bad.display().to_string()]).expect(0);
        move |name: &str| bad.join(name).display().to_string()
    };
    let path = made("VF-DG3-013");
    let (reader, mrz, trust, keys) = (format!("sim:{}", path("VF-DG3-013.card")), path("mrz.txt"), path("trust"), path("terminal"));
    let verify = ["verify", "--json", "--reader", &reader, "--mrz-file", &mrz, "--trust", &trust, "--terminal-keys", &keys];
    let report = run(&verify).expect(3).json();
    assert_eq!((result(&report, "ta"), result(&report, "cross.dg3"), result(&report, "cross.page")), ("passed", "undecided", "passed"));

    let path = made("VF-CAC-002");
    let can = std::fs::read_to_string(path("can.txt")).expect("a CAN");
    let (reader, trust) = (format!("sim:{}", path("VF-CAC-002.card")), path("trust"));
    run(&["verify", "--json", "--reader", &reader, "--can", can.trim(), "--trust", &trust]).expect(4);

    // the state is known by a list alone, and by another its defect is excused
    for (fault, check) in [("VF-PKI-027", "pa.chain"), ("VF-PKI-056", "pa.hash.dg2")] {
        let path = made(fault);
        let (reader, mrz, trust) = (format!("sim:{}", path(&format!("{fault}.card"))), path("mrz.txt"), path("trust"));
        let report = run(&["verify", "--json", "--reader", &reader, "--mrz-file", &mrz, "--trust", &trust]).expect(0).json();
        assert_eq!(result(&report, check), "passed", "{fault}");
    }

    let path = made("VF-MLD-001");
    let lint = run(&["pki", "lint", &path("VF-MLD-001.ml")]).expect(1);
    assert!(lint.stdout.contains("MS-010"), "{}", lint.stdout);
}

/// A document as a state's are, files and chip: genuine, with every oddity in the ledger.
#[test]
fn a_document_as_those_of_a_state_is_made_and_is_genuine() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("nz");
    let path = |name: &str| made.join(name).display().to_string();
    let expected = run(&["sim", "like", "nz", &path(""), "--json"]).expect(0).json()["expected"].clone();
    let (reader, mrz, trust) = (format!("sim:{}#as=NZ", path("NZ.card")), path("mrz.txt"), path("trust"));
    let report = run(&["verify", "--json", "--reader", &reader, "--mrz-file", &mrz, "--trust", &trust]).expect(0).json();
    let noted: BTreeSet<&str> = report["quirks"].as_array().expect("a list").iter().filter_map(|quirk| quirk["rule"].as_str()).collect();
    assert_eq!(noted, expected["quirks"].as_array().expect("a list").iter().filter_map(|rule| rule.as_str()).collect());
    assert_eq!(noted.len(), 3);
    run(&["sim", "like", "nz", &path("")]).expect(2).says(&["expected no such folder"]);
    run(&["sim", "like", "SI", &path("other")]).expect(2).says(&["its files are as any", "--as SI"]);
    run(&["sim", "like", "XX", &path("other")]).expect(2).says(&["sim list personalities"]);
}
