//! Our conformance suites against cards that others wrote, and that are known to be weak: what fails is stored in `results/`, each case with what
//! the card was seen to do and why that is the card's doing. A case that fails no more, or another one, is news about the card or about us.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Pcscd, cardwright, output, text, vicc};

/// id, what was found, the exchange that shows it, and why it is the card's.
fn stored(table: &str) -> BTreeMap<&str, &str> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let cells: Vec<_> = line.split('\t').collect();
            let [id, found, shown, why] = cells[..] else { panic!("expected four cells, found {line:?}") };
            assert!(shown.contains(" -> ") && !why.is_empty(), "{id} is not explained");
            (id, found)
        })
        .collect()
}

/// What the suite found of the cases that did not pass: the reason from its last `found` on.
fn failed(report: &Value) -> BTreeMap<&str, &str> {
    let cases = report["cases"].as_array().expect("cases").iter();
    cases
        .filter(|case| matches!(case["verdict"].as_str(), Some("failed" | "inconclusive")))
        .map(|case| {
            let reason = case["reason"].as_str().expect("text");
            (case["id"].as_str().expect("text"), reason.rsplit_once("found ").map_or(reason, |(_, found)| found))
        })
        .collect()
}

fn same(kind: &str, lines: &str, password: [&str; 2], table: &str, passed: u64) {
    let Some(pcscd) = Pcscd::start(2) else { return };
    let Some(_card) = vicc(&pcscd, kind, lines) else { return };
    let ran = output(cardwright(), &pcscd, &["conform", "--reader", "pcsc:0", "--suite", "icao3", password[0], password[1], "--json"]);
    assert_eq!(ran.status.code(), Some(1), "{}", text(&ran.stderr));
    let report: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!(failed(&report), stored(table));
    assert_eq!(report["counts"]["passed"], passed, "{}", report["counts"]);
}

#[test]
fn the_emulated_german_card_fails_what_it_is_known_to_fail() {
    same("nPA", "", ["--can", "222222"], include_str!("../../results/nPA.icao3.tsv"), 42);
}

#[test]
fn the_emulated_epass_fails_what_it_is_known_to_fail() {
    const MRZ: &str = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10";
    same("ePass", &format!("{MRZ}\n\n"), ["--mrz", MRZ], include_str!("../../results/ePass.icao3.tsv"), 33);
}
