//! `conform --inspection`: programs that inspect cards, ours and others, before good and bad cards.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pcscd::Pcscd;
use crate::support::{Ended, cardwright, ended, repository, run};

/// Our own inspection, as a user would name it, by a policy.
fn ours(policy: &str) -> [String; 4] {
    let verify = format!(
        "'{}' verify --reader {{reader}} --can {{can}} --mrz {{mrz}} --trust {{trust}} --date {{now}} --policy {policy}",
        env!("CARGO_BIN_EXE_cardwright")
    );
    ["--command".to_owned(), verify, "--command-ta".to_owned(), "--terminal-keys {keys} --require ta".to_owned()]
}

fn inspection(more: &[&str]) -> Ended {
    let fixed = ["conform", "--inspection", "--simulated", "--date", "2026-11-21"];
    run(&[&fixed[..], more].concat())
}

fn ours_says(policy: &str, more: &[&str]) -> Ended {
    let ours = ours(policy);
    let ours: Vec<&str> = ours.iter().map(String::as_str).collect();
    inspection(&[&ours[..], more].concat())
}

fn rows() -> Vec<Value> {
    run(&["conform", "--inspection", "--list", "--json"]).expect(0).json().as_array().expect("rows").clone()
}

/// Every case, with its verdict and reason where it did not pass.
fn unpassed(report: &Value) -> Vec<String> {
    let cases =
        report["cases"].as_array().expect("cases").iter().filter(|case| !matches!(case["verdict"].as_str(), Some("passed" | "skipped")));
    cases.map(|case| format!("{} {} ({}): {} {}", case["id"], case["verdict"], case["title"], case["reason"], case["output"])).collect()
}

/// Rows that the plan refuses and documents in the field give reasons to take, each with its reason.
fn lenient() -> BTreeSet<String> {
    let lenient = rows().into_iter().filter(|row| row["expected"] == "reject unless lenient");
    lenient.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

/// Each tenth row, one of each unit at least, and a third of those that only who is strict refuses; `make soak` has them all.
#[test]
fn our_own_inspection_says_what_a_tenth_of_the_rows_expect() {
    let rows = rows();
    let shown: Vec<&str> = rows
        .iter()
        .filter(|row| row["cards"].as_array().is_some_and(|cards| cards.len() == 1))
        .filter_map(|row| row["id"].as_str())
        .collect();
    let lenient = lenient();
    let mut arguments: Vec<&str> = lenient.iter().step_by(3).flat_map(|id| ["--only", id.as_str()]).collect();
    for (n, id) in shown.iter().enumerate() {
        let first = n == 0 || shown[n - 1].rsplit_once('_').map(|(unit, _)| unit) != id.rsplit_once('_').map(|(unit, _)| unit);
        if n % 10 == 0 || first {
            arguments.extend(["--only", id]);
        }
    }
    let report = ours_says("strict", &[&arguments[..], &["--json"]].concat()).expect(0).json();
    assert!(unpassed(&report).is_empty(), "{:#?}", unpassed(&report));
    assert!(report["counts"]["passed"].as_u64() >= Some(20), "{}", report["counts"]);
}

#[test]
#[ignore = "minutes; make soak runs it"]
fn our_own_inspection_says_what_every_row_expects() {
    let report = ours_says("strict", &["--json"]).json();
    println!("{}", report["counts"]);
    for case in report["cases"].as_array().expect("cases").iter().filter(|case| case["verdict"] == "skipped") {
        println!("{} skipped: {}", case["id"], case["reason"]);
    }
    assert!(unpassed(&report).is_empty(), "{:#?}", unpassed(&report));
    assert!(report["counts"]["passed"].as_u64() >= Some(390), "{}", report["counts"]);
    // the standard policy takes what documents in the field have, but for one: a document of an unknown type, whose signer is not for such
    let lenient = lenient();
    let only: Vec<&str> = lenient.iter().flat_map(|id| ["--only", id.as_str()]).collect();
    let report = ours_says("standard", &[&only[..], &["--json"]].concat()).expect(1).json();
    let failed = report["cases"].as_array().expect("cases").iter().filter(|case| case["verdict"] == "failed");
    let failed: BTreeSet<String> = failed.map(|case| case["id"].as_str().expect("an id").to_owned()).collect();
    let expected: BTreeSet<String> = lenient.iter().filter(|id| *id != "LDS_B_08").cloned().collect();
    assert_eq!(failed, expected, "{:#?}", unpassed(&report));
}

/// What documents in the field give reasons to accept fails, and is let pass where that is asked for.
#[test]
fn who_is_lenient_lets_pass_what_the_plan_refuses_and_the_field_has() {
    let lenient = lenient();
    assert_eq!(lenient.len(), 15);
    let one = ["--only", lenient.first().expect("one"), "--json"];
    ours_says("standard", &one).expect(1);
    ours_says("strict", &one).expect(0);
    let report = ours_says("standard", &[&one[..], &["--lenient"]].concat()).expect(0).json();
    assert_eq!((report["strict"].as_bool(), report["cases"][0]["reason"].as_str()), (Some(false), Some("the plan refuses it; let pass")));
}

#[test]
fn a_program_that_takes_every_card_fails_where_one_should_be_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (junit, html, json) = (path("out.xml"), path("out.html"), path("out.json"));
    let only = ["--only", "ISO7816_B_01", "--only", "ISO7816_A_*", "--only", "ISO7816_E_20", "--only", "ISO7816_G_35"];
    let reports = ["--junit", &junit, "--html", &html, "--json", &json];
    inspection(&[&["--command", "sh -c 'echo \"looks <good>\"; exit 0'"], &only[..], &reports].concat()).expect(1);
    let report: Value = serde_json::from_slice(&std::fs::read(&json).expect("written")).expect("JSON");
    assert_eq!(
        (report["version"].as_u64(), report["suite"].as_str(), report["verdict"].as_str()),
        (Some(1), Some("inspection"), Some("failed"))
    );
    let verdicts: Vec<_> =
        report["cases"].as_array().expect("cases").iter().map(|case| (case["id"].as_str(), case["verdict"].as_str())).collect();
    let expected = [
        ("ISO7816_A_01", "skipped"),
        ("ISO7816_A_02", "passed"),
        ("ISO7816_A_03.1", "failed"),
        ("ISO7816_A_03.2", "failed"),
        ("ISO7816_B_01", "failed"),
        ("ISO7816_E_20", "skipped"),
        ("ISO7816_G_35", "passed"),
    ];
    assert_eq!(verdicts, expected.map(|(id, verdict)| (Some(id), Some(verdict))));
    let case = &report["cases"][4];
    assert_eq!(case["reason"], "expected reject, the program accepts (exit code 0)");
    assert_eq!((case["output"].as_str(), case["document"].as_str()), (Some("looks <good>"), Some("inspection")));
    let (xml, page) = (std::fs::read_to_string(&junit).expect("written"), std::fs::read_to_string(&html).expect("written"));
    assert!(xml.contains("<failure type=\"failed\" message=\"expected reject") && xml.contains("looks &lt;good&gt;"), "{xml}");
    assert!(page.contains("The program") && page.contains("looks &lt;good&gt;") && !page.contains("<good>"));
}

#[test]
fn a_program_that_says_nothing_is_inconclusive_and_one_can_say_it_in_json() {
    let one = |command: &str, more: &[&str]| inspection(&[&["--command", command, "--only", "ISO7816_A_02", "--json"][..], more].concat());
    let reason = |report: Value| report["cases"][0]["reason"].as_str().expect("a reason").to_owned();
    let report = one("sh -c 'exit 2'", &[]).expect(3).json();
    assert_eq!(reason(report), "expected an exit code that says a verdict, found 2");
    assert_eq!(reason(one("sleep 60", &["--timeout", "1"]).expect(3).json()), "the program was still running after 1 s");
    one("sh -c 'exit 2'", &["--accept-exit", "0,2"]).expect(0);
    let ours = &ours("standard")[1];
    one(&format!("{ours} --json"), &["--json-verdict", "/verdict=genuine"]).expect(0);
    one(&format!("{ours} --json"), &["--json-verdict", "/verdict=forged"]).expect(1);
    // a card of a profile that the program does not have
    let ended = inspection(&["--command", "false", "--only", "ISO7816_E_01", "--without", "DPRCTD-SHA1", "--json"]).expect(0);
    assert_eq!(ended.json()["cases"][0]["verdict"], "not-applicable");
}

#[test]
fn what_the_program_is_given_lies_in_a_folder_that_can_be_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("kept");
    let words = "sh -c 'test -f \"$1\"/csca-1.cer && test -f \"$2\"/csca-1.crl && test -s \"$3\" && test $4 = 2026-11-21 && test ${{#5} = 88 && test ${{#6} = 6 && test -f \"$7\"/is.pkcs8' x {trust} {crl} {card} {now} {mrz} {can} {keys}";
    let arguments = ["--command", words, "--only", "ISO7816_E_07", "--documents", &kept.display().to_string(), "--json"];
    let report = inspection(&arguments).expect(0).json();
    assert_eq!(report["cases"][0]["said"], "accepts (exit code 0)");
    assert!(kept.join("ISO7816_E_07/card").is_file() && kept.join("ISO7816_E_07/mrz.txt").is_file());
    // a folder is never written into twice
    inspection(&arguments).expect(7);
    assert!(!repository("ISO7816_E_07").exists());
}

#[test]
fn what_cannot_be_run_is_told_before_any_card_is_made() {
    run(&["conform", "--inspection"]).expect(2).says(&["--command"]);
    run(&["conform", "--inspection", "--command", "true"]).expect(2).says(&["--vpcd", "--simulated"]);
    run(&["conform", "--inspection", "--command", "true", "--vpcd", "127.0.0.1:1"]).expect(2).says(&["--reader-name"]);
    inspection(&["--command", "x {pin}"]).expect(2).says(&["{reader}", "{pin}"]);
    inspection(&["--command", "x 'y"]).expect(2);
    inspection(&["--command", "true", "--only", "ISO7816_Z_*"]).expect(2).says(&["ISO7816_Z_*", "--list"]);
    inspection(&["--command", "/nonexistent/reader", "--only", "ISO7816_A_02"]).expect(2).says(&["/nonexistent/reader"]);
    inspection(&["--command", "true", "--json-verdict", "verdict"]).expect(2).says(&["/POINTER=VALUE"]);
    run(&["conform", "--inspection", "--command", "true", "--vpcd", "127.0.0.1:1", "--reader-name", "0", "--only", "ISO7816_A_02"])
        .expect(5);
    assert_eq!(rows().len(), 338);
    assert!(run(&["conform", "--inspection", "--list"]).expect(0).stdout.contains("ISO7816_G_03"));
}

/// Through the daemon: the second card is another one, and what the chip was made to do wrong is seen.
#[test]
fn cards_lie_in_a_reader_one_after_another() {
    let Some(pcscd) = Pcscd::start(2) else { return };
    let ours = ours("strict");
    let (address, name) = (format!("127.0.0.1:{}", pcscd.port), format!("pcsc:{}", pcscd.reader(0)));
    let fixed = ["conform", "--inspection", "--vpcd", &address, "--reader-name", &name, "--date", "2026-11-21", "--json"];
    let only = ["--only", "ISO7816_A_02", "--only", "ISO7816_B_08", "--only", "ISO7816_E_07", "--only", "LDS_H_37"];
    let mut command = cardwright();
    let report = ended(command.env("PCSCLITE_CSOCK_NAME", &pcscd.socket).args(fixed).args(&ours).args(only).output().expect("it starts"));
    let report = report.expect(0).json();
    assert!(unpassed(&report).is_empty(), "{:#?}", unpassed(&report));
    assert_eq!(report["counts"]["passed"], 4);
    // a program that asks the card for nothing cannot know
    let mut command = cardwright();
    let blind = ["--command", "true", "--only", "ISO7816_B_08"];
    let report = ended(command.args(fixed).args(blind).output().expect("it starts")).expect(1).json();
    let reason = report["cases"][0]["reason"].as_str().expect("a reason");
    assert!(reason.ends_with("the program asked for nothing that would have shown the fault"), "{reason}");
}
