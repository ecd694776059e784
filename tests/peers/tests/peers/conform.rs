//! Our conformance suites against cards that others wrote, and that are known to be weak: what fails is stored in `results/`, each case with what
//! the card was seen to do and why that is the card's doing. A case that fails no more, or another one, is news about the card or about us.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::{Pcscd, cardwright, output, text, vicc_with};

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

/// What the suite found of the cases that did not pass: the reason from its last `found` on, without digests.
fn failed(report: &Value) -> BTreeMap<&str, &str> {
    let cases = report["cases"].as_array().expect("cases").iter();
    cases
        .filter(|case| matches!(case["verdict"].as_str(), Some("failed" | "inconclusive")))
        .map(|case| {
            let reason = case["reason"].as_str().expect("text");
            (
                case["id"].as_str().expect("text"),
                reason.rsplit_once("found ").map_or_else(|| reason.split(" has ").next().unwrap_or(reason), |(_, found)| found),
            )
        })
        .collect()
}

/// libeac takes the chip's key of PACE without its leading zeros for the chip's identifier, and so refuses one proof of the terminal in 170: the cases
/// in which the chip had such a key, whatever came of them.
fn cut(report: &Value) -> BTreeSet<&str> {
    let cases = report["cases"].as_array().expect("cases").iter();
    cases
        .filter(|case| {
            let mut answers = case["apdus"].as_array().expect("exchanges").iter().filter_map(|apdu| apdu["answer"].as_str());
            answers.any(|answer| answer.starts_with("7C4384410400"))
        })
        .map(|case| case["id"].as_str().expect("text"))
        .collect()
}

/// A kind of card and how it is started, and what is told to the suite.
struct Tested<'a> {
    kind: &'a str,
    lines: &'a str,
    options: &'a [&'a str],
    suite: &'a [&'a str],
}

fn same(tested: &Tested<'_>, table: &str, passed: usize) {
    let Some(pcscd) = Pcscd::start(2) else { return };
    let Some(_card) = vicc_with(&pcscd, tested.kind, tested.lines, tested.options) else { return };
    let fixed = ["conform", "--reader", "pcsc:0", "--json", "--suite"];
    let ran = output(cardwright(), &pcscd, &[&fixed[..], tested.suite].concat());
    assert_eq!(ran.status.code(), Some(1), "{}", text(&ran.stderr));
    let report: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let cut = if tested.suite[0] == "bsi33" { cut(&report) } else { BTreeSet::new() };
    let of = |cases: BTreeMap<_, _>| cases.into_iter().filter(|(id, _)| !cut.contains(id)).collect::<BTreeMap<&str, &str>>();
    assert_eq!(of(failed(&report)), of(stored(table)));
    let all = report["cases"].as_array().expect("cases").iter();
    let run = all.filter(|case| matches!(case["verdict"].as_str(), Some("passed" | "failed" | "inconclusive"))).count();
    assert_eq!(run, passed + stored(table).len(), "{}", report["counts"]);
}

#[test]
fn the_emulated_german_card_fails_what_it_is_known_to_fail() {
    let tested = Tested { kind: "nPA", lines: "", options: &[], suite: &["icao3", "--can", "222222"] };
    same(&tested, include_str!("../../results/nPA.icao3.tsv"), 42);
}

/// Its Terminal and Chip Authentication version 2 are libeac's; it trusts the CVCA of our test certificates.
#[test]
fn the_emulated_german_card_knows_our_test_certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("keys").display().to_string();
    let made = Command::new(cardwright()).args(["conform", "keys", &keys]).output().expect("the program starts");
    assert!(made.status.success(), "{}", text(&made.stderr));
    // it trusts one CVCA, whatever the terminals: those of the eID application below
    let statement = folder.path().join("statement.toml").display().to_string();
    std::fs::write(&statement, "version = 1\n[has-not]\neID = \"by another CVCA\"\n").expect("written");
    let options = ["--cvca", &format!("{keys}/CVCA.cvcert")];
    let suite = ["bsi33", "--can", "222222", "--keys", &keys, "--statement", &statement];
    let tested = Tested { kind: "nPA", lines: "", options: &options, suite: &suite };
    same(&tested, include_str!("../../results/nPA.bsi33.tsv"), 58);

    // and what an authentication terminal asks of it; with auxiliary data apart, as it keeps them over a reset
    let options = ["--cvca", &format!("{keys}/CVCA-AT.cvcert")];
    let plain: &[&str] = &[
        "H_4.3",
        "H_6.3",
        "L_13.*",
        "L_14.*",
        "L_15.*",
        "L_16.*",
        "L_23",
        "L_36",
        "L_38",
        "L_39",
        "L_40",
        "L_41",
        "L_42",
        "L_43",
        "L_44",
        "L_45",
        "O_5.*",
        "O_6.*",
        "O_7.*",
        "O_8.*",
        "R_*",
        "EIDDATA_B_*",
    ];
    let auxiliary: &[&str] = &["K_15", "L_17", "L_18", "L_19", "L_20", "O_9", "O_10", "Q_*"];
    for (cases, table, passed) in [
        (plain, include_str!("../../results/nPA.bsi33-terminals.tsv"), 47),
        (auxiliary, include_str!("../../results/nPA.bsi33-auxiliary.tsv"), 9),
    ] {
        let only: Vec<_> =
            cases.iter().map(|case| format!("EAC2_{}{case}", if case.starts_with("EIDDATA") { "" } else { "ISO7816_" })).collect();
        let only = only.iter().flat_map(|case| ["--only", case]);
        let suite: Vec<_> = ["bsi33", "--can", "222222", "--keys", &keys].into_iter().chain(only).collect();
        let tested = Tested { kind: "nPA", lines: "", options: &options, suite: &suite };
        same(&tested, table, passed);
    }
}

/// PIN and PUK of the emulator, whose state is that of its process.
#[test]
fn the_emulated_german_card_manages_its_pin_as_it_is_known_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let [pin, puk] = [("pin", "111111"), ("puk", "3333333333")].map(|(name, digits)| {
        let path = folder.path().join(name);
        std::fs::write(&path, digits).expect("written");
        path.display().to_string()
    });
    let only = ["--only", "EAC2_ISO7816_P_*", "--only", "EAC2_ISO7816_H_2", "--only", "EAC2_ISO7816_H_3", "--sacrifice"];
    let suite = [&["bsi33", "--can", "222222", "--pin-file", &pin, "--puk-file", &puk][..], &only].concat();
    let tested = Tested { kind: "nPA", lines: "", options: &[], suite: &suite };
    same(&tested, include_str!("../../results/nPA.pin.tsv"), 8);
}

#[test]
fn the_emulated_epass_fails_what_it_is_known_to_fail() {
    const MRZ: &str = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10";
    let lines = format!("{MRZ}\n\n");
    let tested = Tested { kind: "ePass", lines: &lines, options: &[], suite: &["icao3", "--mrz", MRZ] };
    same(&tested, include_str!("../../results/ePass.icao3.tsv"), 33);
}
