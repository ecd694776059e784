//! `conform`: verdicts as exit codes, and the reports that others read.

use serde_json::Value;

use crate::support::{Ended, run};
use crate::walk::demo;

/// A card of the demo in a file of its own, since others read the demo's.
struct Card {
    folder: tempfile::TempDir,
    reader: String,
    mrz: String,
    can: String,
}

impl Card {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("a.card");
        std::fs::copy(demo().path("cards/0011.card"), &file).expect("copied");
        Self { reader: format!("sim:{}", file.display()), mrz: demo().mrz(11).concat(), can: demo().can(11), folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn conform(&self, more: &[&str]) -> Ended {
        let trust = demo().path("pki");
        let common =
            ["conform", "--reader", &self.reader, "--can", &self.can, "--mrz", &self.mrz, "--trust", &trust, "--date", "2026-11-21"];
        run(&[&common[..], more].concat())
    }
}

/// The values of an attribute of every element of a name.
fn attributes<'a>(xml: &'a str, element: &str, name: &str) -> Vec<&'a str> {
    let begin = format!("<{element} ");
    let tags = xml.split(begin.as_str()).skip(1).map(|rest| rest.split('>').next().expect("an end"));
    tags.map(|tag| {
        tag.split(&format!(" {name}=\"")).nth(1).or_else(|| tag.strip_prefix(&format!("{name}=\""))).unwrap_or_else(|| panic!("{tag}"))
    })
    .map(|value| value.split('"').next().expect("an end"))
    .collect()
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn a_good_card_passes_and_every_report_says_so() {
    let card = Card::new();
    let (html, junit, json) = (card.path("out.html"), card.path("out.xml"), card.path("out.json"));
    let ended = card.conform(&["--suite", "icao3", "--html", &html, "--junit", &junit, "--redact", "--json", &json]).expect(0);
    assert_eq!(ended.stdout, "", "the answer is in the file");
    let report: Value = serde_json::from_slice(&std::fs::read(&json).expect("written")).expect("JSON");
    assert_eq!(
        (report["version"].as_u64(), report["suite"].as_str(), report["verdict"].as_str()),
        (Some(1), Some("icao3"), Some("passed"))
    );
    let cases = report["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 411);
    let of = |id: &str| cases.iter().find(|case| case["id"] == id).unwrap_or_else(|| panic!("no {id}"));
    for (id, verdict) in [
        ("ISO7816_A_2", "passed"),
        ("ISO7816_C_10", "skipped"),
        ("ISO7816_S_1", "not-applicable"),
        ("LDS_D_5", "passed"),
        ("LDS_D_7", "passed"),
        ("LDS_B_14", "passed"),
    ] {
        let case = of(id);
        assert_eq!((case["verdict"].as_str(), case["document"].as_str()), (Some(verdict), Some("icao3")), "{case}");
    }
    let words = ["passed", "failed", "inconclusive", "skipped", "not-applicable"];
    assert!(cases.iter().all(|case| words.contains(&case["verdict"].as_str().unwrap_or_default())));
    let total: u64 = words.iter().map(|word| report["counts"][word].as_u64().expect("a count")).sum();
    assert_eq!(total, 411);

    // what the card says of its holder is in no report
    let (page, xml) = (std::fs::read_to_string(&html).expect("written"), std::fs::read_to_string(&junit).expect("written"));
    let holder = hex::encode_upper(&card.mrz[..44]);
    for text in [&report.to_string(), &page, &xml] {
        assert!(!text.contains(&card.mrz[..30]) && !text.contains(&holder[..24]) && text.contains("ISO7816_P_35"));
    }
    assert!(page.contains("PASSED") && page.contains("default-src 'none'") && !page.contains("<script"));

    // what Jenkins counts is what is there
    let all = attributes(&xml, "testsuites", "tests");
    let units = attributes(&xml, "testsuite", "tests");
    let tests = xml.matches("<testcase ").count();
    assert_eq!((number(all[0]), units.iter().map(|n| number(n)).sum()), (411, 411));
    assert_eq!(
        (tests, xml.matches("<skipped ").count() as u64),
        (411, attributes(&xml, "testsuite", "skipped").iter().map(|n| number(n)).sum())
    );
    assert_eq!((xml.matches("<failure").count(), xml.matches("<error").count()), (0, 0));
    let names = attributes(&xml, "testcase", "name");
    assert_eq!(names.len(), names.iter().collect::<std::collections::BTreeSet<_>>().len());
}

#[test]
fn a_case_that_fails_is_exit_1_with_the_apdus_that_show_it() {
    let card = Card::new();
    let statement = card.path("statement.toml");
    std::fs::write(&statement, "version = 1\nhas = [\"EFDIR\"]\n").expect("written");
    let (junit, html) = (card.path("out.xml"), card.path("out.html"));
    let only = ["--only", "ISO7816_U_1", "--only", "ISO7816_A_*"];
    let ended = card.conform(&[&["--statement", &statement, "--junit", &junit, "--html", &html], &only[..]].concat()).expect(1);
    for word in ["ISO7816_U_1 failed", "00A4020C022F00", "expected 9000, found 6A82", "it does not show it"] {
        assert!(ended.stdout.contains(word), "{word:?} in\n{}", ended.stdout);
    }
    let xml = std::fs::read_to_string(&junit).expect("written");
    assert_eq!((xml.matches("<failure ").count(), attributes(&xml, "testsuites", "failures")), (1, vec!["1"]));
    assert!(xml.contains("&gt; 00A4020C022F00"));
    // the page begins with what failed, and leads there
    let page = std::fs::read_to_string(&html).expect("written");
    assert!(page.contains("href=\"#ISO7816_U_1\"") && page.contains("<tr id=\"ISO7816_U_1\">"));
    assert_eq!(page.matches("href=\"#").count(), 1);
}

#[test]
fn files_alone_are_judged_by_the_data_suites() {
    let (lds, pki) = (demo().path("lds/0011"), demo().path("pki"));
    let report = run(&["conform", "--lds", &lds, "--trust", &pki, "--date", "2026-11-21", "--json"]).expect(0).json();
    let cases = report["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 113);
    assert!(cases.iter().all(|case| case["id"].as_str().is_some_and(|id| id.starts_with("LDS_"))));
    // a byte of the MRZ, and its check digit is wrong
    let folder = tempfile::tempdir().expect("folder");
    for entry in std::fs::read_dir(&lds).expect("folder") {
        let entry = entry.expect("entry");
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
    }
    let dg1 = folder.path().join("EF.DG1");
    let mut bytes = std::fs::read(&dg1).expect("read");
    bytes[10] = if bytes[10] == b'1' { b'2' } else { b'1' };
    std::fs::write(&dg1, bytes).expect("written");
    let ended = run(&["conform", "--lds", &folder.path().display().to_string(), "--trust", &pki, "--only", "LDS_B_*"]).expect(1);
    assert!(ended.stdout.contains("LDS_B_7 failed"), "{}", ended.stdout);
}

/// The way of docs/conform.md: a test CVCA, a card that trusts it, the suite with its keys, and all of the suite on a card that is given up.
#[test]
fn a_card_that_trusts_a_test_cvca_is_tested_with_its_keys() {
    let folder = tempfile::tempdir().expect("folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (keys, cvca, out) = (path("keys"), path("keys/CVCA.cvcert"), path("out"));
    let made = run(&["conform", "keys", &keys, "--from", "2026-11-21"]).expect(0);
    assert!(made.stdout.contains("UTTESTCVCAUT001") && made.stdout.contains("170 certificates"), "{}", made.stdout);
    run(&["conform", "keys", &keys]).expect(7).says(&["exists"]);
    run(&["demo", "--cards", "1", "--readers", "1", "--profile", "icao-td3", "--cvca", &cvca, "--out", &path("none")]).expect(2);
    run(&["demo", "--cards", "1", "--readers", "1", "--date", "2026-11-21", "--cvca", &cvca, "--out", &out]).expect(0);
    let people: Value = serde_json::from_slice(&std::fs::read(path("out/people.json")).expect("people")).expect("JSON");
    let mrz: String = people[0]["mrz"].as_array().expect("lines").iter().filter_map(Value::as_str).collect();
    let (reader, pki) = (format!("sim:{}", path("out/cards/0001.card")), path("out/pki"));
    let conform = |more: &[&str]| {
        let can = people[0]["can"].as_str().expect("a CAN");
        let common =
            ["conform", "--suite", "bsi32", "--reader", &reader, "--can", can, "--mrz", &mrz, "--trust", &pki, "--date", "2026-11-21"];
        run(&[&common[..], more, &["--json"]].concat())
    };
    let verdict = |report: &Value, id: &str| {
        let case = report["cases"].as_array().expect("cases").iter().find(|case| case["id"] == id).unwrap_or_else(|| panic!("{id}"));
        (case["verdict"].as_str().expect("a verdict").to_owned(), case["reason"].as_str().expect("a reason").to_owned())
    };
    let report = conform(&[]).expect(0).json();
    assert_eq!(verdict(&report, "ISO7816_J_1").0, "skipped");
    let report = conform(&["--keys", &keys]).expect(0).json();
    for (id, expected) in [("ISO7816_J_1", "passed"), ("ISO7816_L_1", "passed"), ("ISO7816_M_1", "skipped"), ("LDS_G_1", "passed")] {
        assert_eq!(verdict(&report, id).0, expected, "{id}: {}", verdict(&report, id).1);
    }
    let report = conform(&["--keys", &keys, "--sacrifice", "--access-by", "bac"]).expect(0).json();
    assert_eq!((verdict(&report, "ISO7816_M_5").0.as_str(), report["verdict"].as_str()), ("passed", Some("passed")));
    // read before the card stopped trusting these terminals
    assert_eq!(verdict(&report, "LDS_G_1"), ("passed".to_owned(), String::new()));
    // the CVCA that it was made with, the card knows no more
    assert_eq!(conform(&["--keys", &keys, "--only", "ISO7816_J_1"]).expect(1).json()["verdict"], "failed");
}

#[test]
fn what_cannot_be_run_is_told() {
    let card = Card::new();
    run(&["conform", "--reader", &card.reader]).expect(2).says(&["password", "--can"]);
    run(&["conform", "--suite", "icao4", "--list"]).expect(2).says(&["icao3", "icao4"]);
    card.conform(&["--only", "ISO7816_Z_*"]).expect(2).says(&["ISO7816_Z_*", "--list"]);
    card.conform(&["out.json"]).expect(2);
    run(&["conform", "--reader", &card.reader, "--can", "000000"]).expect(4);
    run(&["conform", "--reader", "sim:/nonexistent/a.card", "--can", "000000"]).expect(7);
    let statement = card.path("statement.toml");
    std::fs::write(&statement, "version = 1\nhas = [\"XYZ\"]\n").expect("written");
    card.conform(&["--statement", &statement]).expect(2).says(&["XYZ", "statement.toml"]);
    let list = run(&["conform", "--list", "--json"]).expect(0).json();
    assert_eq!(list.as_array().expect("a list").len(), 411);
    assert!(run(&["conform", "--list"]).expect(0).stdout.contains("ISO7816_P_62"));
}
