//! Cards that misbehave on purpose: each wrong behaviour is caught by the cases that are there for it.

use applets::Card;
use cardwright::conform::Verdict;
use eid::transport::{Limits, Transport, TransportError};

use super::cards::{Made, profile, run_known};
use super::middle::{Commands, Does, Middle, commands};

/// A wrong behaviour: its id in the catalogue of card mutants, what the man in the middle does, and every case that must catch it on this card.
struct Mutant {
    id: &'static str,
    rules: &'static [(Commands, Does)],
    cases: &'static [&'static str],
    strict: bool,
}

const fn mutant(id: &'static str, rules: &'static [(Commands, Does)], cases: &'static [&'static str]) -> Mutant {
    Mutant { id, rules, cases, strict: false }
}

/// MSE:Set AT for PACE.
const MSE: Commands = commands("0022C1A4");
/// Data of a file that is not there: a template with one byte.
const LEAK: &str = "6001009000";

const MUTANTS: &[Mutant] = &[
    mutant("CM-001", &[(commands("00A4040C07A0000002471001"), Does::Adds("6F00"))], &["A_2"]),
    mutant("CM-002", &[(commands("00B0"), Does::Accepts(LEAK))], &["B_1", "B_17", "B_19", "B_21", "B_22", "B_35"]),
    mutant("CM-003", &[(commands("00A4020C02011E"), Does::Answers("6F009000"))], &["B_1", "O_1"]),
    // the card never hears of the plain command, and goes on
    mutant("CM-004", &[(commands("00B0000000"), Does::Answers("6982"))], &["B_37", "B_39", "O_37", "O_53"]),
    mutant("CM-004", &[(commands("00A4020C02011E"), Does::Answers("6982"))], &["C_16"]),
    mutant("CM-004", &[(commands("00B09C0000"), Does::Answers("6987"))], &["P_3"]),
    mutant(
        "CM-005",
        &[(commands("00B0"), Does::Accepts(LEAK)), (commands("00A4020C"), Does::Accepts("9000"))],
        &["O_1", "O_17", "O_19", "O_35"],
    ),
    Mutant {
        strict: true,
        ..mutant(
            "CM-007",
            &[(commands("00A4020C0201"), Does::Answers("6D00")), (commands("00B08"), Does::Answers("6700"))],
            &["O_2", "O_17", "O_21"],
        )
    },
    mutant("CM-008", &[(commands("0084000008"), Does::Answers("01020304050607089000"))], &["C_1"]),
    mutant("CM-008", &[(commands("0084000008"), Does::Answers("010203049000"))], &["C_1", "C_2"]),
    mutant("CM-009", &[(commands("0082"), Does::Accepts("9000"))], &["C_3"]),
    mutant("CM-010", &[(commands("0082"), Does::Accepts("9000"))], &["C_4"]),
    mutant("CM-011", &[(commands("0082"), Does::Accepts("9000"))], &["C_6"]),
    mutant("CM-012", &[(commands("0C").lacks("8E08"), Does::Accepts("9000"))], &["C_12", "C_17"]),
    mutant("CM-013", &[(commands("0C"), Does::Accepts("9000"))], &["C_13", "C_18"]),
    mutant("CM-014", &[(commands("0C"), Does::Accepts("9000"))], &["C_14", "P_79"]),
    mutant("CM-015", &[(commands("0C"), Does::Accepts("990269888E0801020304050607086988"))], &["C_13", "C_18"]),
    mutant("CM-016", &[(commands("0C").lacks("8E08"), Does::Answers("6987"))], &["C_12", "C_17"]),
    mutant("CM-017", &[(commands("0CA4020C").lacks("8709"), Does::Answers("9000"))], &["P_80"]),
    Mutant { strict: true, ..mutant("CM-018", &[(commands("0C").lacks("8E08"), Does::Accepts("6982"))], &["C_12", "C_17"]) },
    mutant("CM-024", &[(MSE, Does::Accepts("9000"))], &["P_6", "P_68"]),
    mutant("CM-025", &[(MSE, Does::Rewrites("0022C1A40F810A", "0022C1A40F800A"))], &["P_5"]),
    mutant("CM-026", &[(MSE, Does::Accepts("9000"))], &["P_8", "P_70", "P_71", "P_72"]),
    mutant("CM-027", &[(MSE, Does::Accepts("9000"))], &["P_64", "P_69"]),
    mutant("CM-028", &[(MSE, Does::Rewrites("84011F", "84010C"))], &["P_9"]),
    mutant(
        "CM-029",
        &[(commands("10860000028C"), Does::Rewrites("8C00", "7C00")), (commands(".0860000"), Does::Accepts("7C009000"))],
        &["P_11", "P_15", "P_19", "P_31"],
    ),
    mutant("CM-030", &[(commands(".0860000"), Does::Accepts("7C009000"))], &["P_12", "P_16", "P_20", "P_32"]),
    mutant("CM-031", &[(commands(".0860000"), Does::Accepts("7C009000"))], &["P_17", "P_21", "P_33"]),
    mutant("CM-032", &[(commands("00860000027C00"), Does::Rewrites("00860000", "10860000"))], &["P_54"]),
    mutant("CM-032", &[(commands(".0860000"), Does::Accepts("7C009000"))], &["P_55", "P_56", "P_57"]),
    mutant("CM-033", &[(commands("00B09C0001"), Does::Answers("319000"))], &["P_58", "P_59", "P_60", "P_61"]),
    mutant("CM-034", &[(commands("10860000"), Does::Accepts("7C009000"))], &["P_30", "P_49"]),
    mutant("CM-035", &[(commands("10860000"), Does::Accepts("7C009000"))], &["P_24", "P_42"]),
    mutant("CM-037", &[(commands("10860000"), Does::Accepts("7C009000"))], &["P_48", "P_53"]),
    mutant("CM-038", &[(commands("10860000"), Does::Accepts("7C009000"))], &["P_50", "P_52"]),
    mutant("CM-039", &[(commands("10860000"), Does::Accepts("7C009000"))], &["P_23", "P_41"]),
    mutant("CM-041", &[(commands("00860000"), Does::Accepts("7C009000"))], &["P_36"]),
    mutant("CM-042", &[(commands("00860000"), Does::Accepts("7C009000"))], &["P_76"]),
    mutant("CM-043", &[(commands("00860000"), Does::Accepts("7C009000"))], &["P_35"]),
    mutant("CM-044", &[(commands("00860000"), Does::Accepts("7C009000"))], &["P_62"]),
    mutant("CM-045", &[(commands("10860000457C4381410400"), Does::Answers("6A80"))], &["P_43"]),
    mutant("CM-045", &[(commands("10860000457C4383410400"), Does::Answers("6A80"))], &["P_25"]),
    mutant("CM-045", &[(commands("10860000457C43814104FF"), Does::Answers("6A80"))], &["P_44"]),
    mutant("CM-045", &[(commands("10860000457C43834104FF"), Does::Answers("6A80"))], &["P_26"]),
    mutant("CM-047", &[(MSE.has("8401"), Does::Answers("6A80"))], &["P_73"]),
    mutant("CM-051", &[(commands("002241A4"), Does::Accepts("9000")), (commands("00860000"), Does::Accepts("7C009000"))], &["I_19"]),
    mutant(
        "CM-052",
        &[(commands("002241A4"), Does::Answers("9000")), (commands("00860000").has("8041"), Does::Answers("7C009000"))],
        &["I_20"],
    ),
];

#[test]
fn each_wrong_behaviour_is_caught_by_the_cases_that_are_there_for_it() {
    let made = Made::new(&profile("icao-td3"));
    let profile = made.profile();
    let mut missed = Vec::new();
    for Mutant { id, rules, cases, strict } in MUTANTS {
        let ids: Vec<_> = cases.iter().map(|case| format!("ISO7816_{case}")).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        let mut middle = Middle { card: made.card(), rules };
        let report = run_known(&mut middle, &profile, &made.passwords, &ids, *strict);
        let uncaught = report.cases.iter().filter(|result| result.verdict != Verdict::Failed);
        missed.extend(uncaught.map(|result| format!("{id} {}: {:?} {}", result.case.id, result.verdict, result.reason)));
    }
    assert_eq!(missed, Vec::<String>::new());
}

/// What is not in the table above would say so: a card that goes away is no failed case.
#[test]
fn a_card_that_goes_away_is_inconclusive_and_ends_the_run() {
    struct Leaving(Card, u32);
    impl Transport for Leaving {
        fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
            self.0.atr()
        }
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
            self.1 = self.1.saturating_sub(1);
            if self.1 == 0 {
                return Err(TransportError::CardGone { reader: "test".to_owned(), detail: "lifted".to_owned() });
            }
            self.0.transmit(command)
        }
        fn reset(&mut self) -> Result<(), TransportError> {
            self.0.reset()
        }
        fn limits(&self) -> Limits {
            self.0.limits()
        }
    }
    let made = Made::new(&profile("icao-td3"));
    let profile = made.profile();
    let report = run_known(&mut Leaving(made.card(), 100), &profile, &made.passwords, &["ISO7816_O_*"], false);
    let verdicts: Vec<_> =
        report.cases.iter().filter(|result| result.verdict != Verdict::NotApplicable).map(|result| result.verdict).collect();
    let first = verdicts.iter().position(|verdict| *verdict == Verdict::Inconclusive).expect("the card left");
    assert!(first > 0 && verdicts[..first].iter().all(|verdict| *verdict == Verdict::Passed), "{verdicts:?}");
    assert!(verdicts[first..].iter().all(|verdict| *verdict == Verdict::Inconclusive), "{verdicts:?}");
    assert!(report.gone && report.verdict() == Verdict::Inconclusive);
}
