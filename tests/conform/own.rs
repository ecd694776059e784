//! Our own cards pass: no case fails, none is inconclusive, and which ones apply is what each document profile says.

use std::collections::BTreeMap;

use applets::fault::Faults;
use cardwright::conform::{Feature, Report, Statement, Verdict};

use super::cards::{Made, profile, run, run_stated};
use super::middle::{Bad, Middle};

/// Of each unit `passed/cases`, with `-n` for skipped ones. Nothing failed.
pub(crate) fn table(report: &Report) -> String {
    let row = |(unit, counts): (String, BTreeMap<Verdict, usize>)| {
        assert_eq!((counts[&Verdict::Failed], counts[&Verdict::Inconclusive]), (0, 0), "{}", report.to_text());
        let skipped = match counts[&Verdict::Skipped] {
            0 => String::new(),
            n => format!("-{n}"),
        };
        let all: usize = counts.values().sum();
        format!("{} {}{skipped}/{all}", unit.trim_start_matches("ISO7816_"), counts[&Verdict::Passed])
    };
    report.units().into_iter().map(row).collect::<Vec<_>>().join(" ")
}

fn tested(text: &str) -> (String, String) {
    let made = Made::new(text);
    let report = run(&mut made.card(), &made.passwords, &[], false);
    let features: Vec<_> =
        report.profile.features.iter().filter(|feature| !matches!(feature, Feature::Dg(_))).map(ToString::to_string).collect();
    (features.join(" "), table(&report))
}

/// DG4 to DG10, DG12, and DG16 are not there, nor EF.CardSecurity, EF.ATR/INFO, EF.DIR; Chip Authentication is AES on a curve, so that MSE:Set KAT and
/// keys in prime fields do not apply; C_10 and C_11 are not public; D_9, E_9, and O_41 need Terminal Authentication.
#[test]
fn the_citizen_card_passes_every_case_that_applies() {
    let (features, table) = tested(&profile("cccd-2021"));
    assert_eq!(features, "APP BAC PACE CAN GM PACE-ECDH OneSet CA AT CA-ECDH AA AA-RSA EAC TA TA-ECDSA TA-RSA DATE OddIns");
    assert_eq!(table, "A 1/3 B 23/54 C 13-2/15 D 8-1/19 E 10-1/21 I 13/30 O 23-1/58 P 69/72 Q 4/4 R 5/6 S 0/8 T 0/4 U 0/4");
}

/// Another set of data groups, no CAN, no guarded data group.
#[test]
fn the_passport_passes_every_case_that_applies() {
    let (features, table) = tested(&profile("icao-td3"));
    assert_eq!(features, "APP BAC PACE GM PACE-ECDH OneSet CA AT CA-ECDH AA AA-ECDSA OddIns");
    assert_eq!(table, "A 1/3 B 24/54 C 13-2/15 D 9/19 E 11/21 I 13/30 O 24/58 P 68/72 Q 4/4 R 5/6 S 0/8 T 0/4 U 0/4");
}

/// EF.CardSecurity is there.
#[test]
fn the_passport_with_chip_authentication_mapping_passes_every_case_that_applies() {
    let (features, table) = tested(&profile("icao-td3-cam"));
    assert_eq!(features, "APP BAC PACE GM CAM PACE-ECDH OneSet CA AT CA-ECDH AA AA-ECDSA CS OddIns");
    assert_eq!(table, "A 1/3 B 24/54 C 13-2/15 D 9/19 E 11/21 I 13/30 O 28/58 P 68/72 Q 4/4 R 5/6 S 8/8 T 0/4 U 0/4");
}

/// What the built-in profiles do not have: keys in a prime field, the integrated mapping, 3DES with MSE:Set KAT.
#[test]
fn cards_of_other_kinds_pass_every_case_that_applies() {
    let text = profile("icao-td3");
    let pace = "pace = { suite = \"aes-128\", curve = \"P-256\" }";
    let chip = "[chip_authentication]\nsuite = \"aes-128\"";
    assert!(text.contains(pace) && text.contains(chip), "the profile was changed");
    let with =
        |entry: &str, suite: &str| tested(&text.replace(pace, entry).replace(chip, &format!("[chip_authentication]\nsuite = \"{suite}\"")));
    let common = "CA KAT CA-ECDH AA AA-ECDSA OddIns";
    let (features, table) = with("pace = { suite = \"aes-256\", group = \"modp-1024-160\" }", "3des");
    assert_eq!(features, format!("APP BAC PACE GM PACE-DH OneSet {common}"));
    assert_eq!(table, "A 1/3 B 24/54 C 13-2/15 D 9/19 E 11/21 I 13/30 O 24/58 P 56/72 Q 4/4 R 5/6 S 0/8 T 0/4 U 0/4");
    let (features, table) = with("pace = { mapping = \"integrated\", suite = \"3des\", curve = \"brainpoolP256r1\" }", "3des");
    assert_eq!(features, format!("APP BAC PACE IM PACE-ECDH OneSet {common}"));
    assert_eq!(table, "A 1/3 B 24/54 C 13-2/15 D 9/19 E 11/21 I 13/30 O 24/58 P 60/72 Q 4/4 R 5/6 S 0/8 T 0/4 U 0/4");
}

/// A man in the middle hides PACE, so that only BAC is left.
#[test]
fn a_card_without_pace_passes_every_case_that_applies() {
    let made = Made::new(&profile("icao-td3"));
    let hidden = ["answers 00B09C = 6A82", "answers 00A4020C02011C = 6A82"].map(Bad::parse);
    let report = run(&mut Middle::new(made.card(), &hidden), &made.passwords, &[], false);
    assert!(!report.profile.has(Feature::Pace) && report.profile.has(Feature::Bac));
    assert_eq!(table(&report), "A 1/3 B 24/54 C 13-2/15 D 9/19 E 11/21 I 13/30 O 0/58 P 0/72 Q 0/4 R 4/6 S 0/8 T 0/4 U 0/4");
}

/// As an eID is one: PACE and the files of the MF.
#[test]
fn of_a_card_without_the_application_what_is_outside_of_it_is_tested() {
    let made = Made::new(&profile("icao-td3-cam"));
    let mut card = made.card();
    card.set_faults(&Faults::named(&["VF-SEL-001"]).expect("a fault"));
    let report = run(&mut card, &made.passwords, &[], false);
    assert!(!report.profile.has(Feature::App) && !report.profile.has(Feature::Dg(1)));
    assert_eq!(table(&report), "A 0/3 B 0/54 C 0/15 D 0/19 E 0/21 I 0/30 O 4/58 P 66/72 Q 2/4 R 0/6 S 4/8 T 0/4 U 0/4");
}

#[test]
fn strict_wants_the_codes_of_the_document() {
    let made = Made::new(&profile("icao-td3"));
    let report = run(&mut made.card(), &made.passwords, &[], true);
    let failed: Vec<_> = report.cases.iter().filter(|result| result.verdict == Verdict::Failed).map(|result| &result.reason).collect();
    assert_eq!(failed, Vec::<&String>::new());
}

#[test]
fn a_statement_goes_before_what_the_card_shows() {
    let made = Made::new(&profile("icao-td3"));
    let statement = Statement::parse("version = 1\nhas = [\"EFDIR\"]\n[has-not]\nOddIns = \"not in this product\"\n").expect("a statement");
    let report = run_stated(&mut made.card(), &made.passwords, &statement, &["ISO7816_U_*", "ISO7816_Q_*"], false);
    let of = |id: &str| report.cases.iter().find(|result| result.case.id == id).map(|result| (result.verdict, result.reason.as_str()));
    assert_eq!(of("ISO7816_Q_3"), Some((Verdict::NotApplicable, "the statement says of OddIns: not in this product")));
    assert_eq!(of("ISO7816_U_1").map(|(verdict, _)| verdict), Some(Verdict::Failed), "the card has no EF.DIR");
    assert_eq!(report.profile.remarks.len(), 2, "{:?}", report.profile.remarks);
    assert_eq!(report.cases.len(), 8);
}
