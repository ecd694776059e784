//! Cards that misbehave on purpose: each wrong behaviour of the table `mutants.tsv` is caught by every case that is there for it and applies.
//! The behaviours `OWN` are for cases that no other of them fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use applets::Card;
use applets::rng::SeededRng;
use cardwright::conform::{CaseResult, Feature, Options, Profile, Report, Suite, TestKeys, Verdict};
use eid::transport::{Limits, Transport, TransportError};

use super::cards::{Made, profile, run_known};
use super::eac::{card_with_eid_and_pin, ecdsa, passport_of_version_2};
use super::middle::{Bad, Middle};
use super::pin::card_with_pin;

const TABLE: &str = include_str!("mutants.tsv");

/// A way to make a good card bad, and the cases that must catch it.
struct Variant {
    /// Which card: a key of [`cards`].
    card: String,
    strict: bool,
    bad: Vec<Bad>,
    cases: Vec<String>,
}

struct Mutant {
    id: &'static str,
    variants: Vec<Variant>,
    /// Why there are none.
    why: &'static str,
}

/// `ISO7816_B_3..36, C_16, L_14.1..22`: the ids that are meant; those of version 2 of extended access control begin with `EAC2_`, said once.
fn ids(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let (document, text) = text.trim().strip_prefix("EAC2_").map_or(("", text), |rest| ("EAC2_", rest));
    if text.trim().starts_with("CARDWRIGHT_") {
        return vec![text.trim().to_owned()];
    }
    for part in text.split(',').map(str::trim) {
        let part = part.trim_start_matches("ISO7816_");
        let Some((unit, numbers)) = part.rsplit_once('_') else { continue };
        // a variant of a template: the number of the template, and its own
        let variant = numbers.split_once('.').filter(|(_, rest)| !rest.starts_with('.'));
        let (stem, numbers) = variant.map_or((String::new(), numbers), |(template, numbers)| (format!("{template}."), numbers));
        let (first, last) = numbers.split_once("..").unwrap_or((numbers, numbers));
        // P_8a
        if first == last && first.ends_with(|end: char| end.is_ascii_lowercase()) {
            all.push(format!("{document}ISO7816_{unit}_{first}"));
        }
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            all.extend((first..=last).map(|n| format!("{document}ISO7816_{unit}_{stem}{n}")));
        }
    }
    all
}

fn variant(text: &str, caught_by: &str) -> Variant {
    let (rules, cases) = text.split_once("=>").unwrap_or((text, caught_by));
    let mut variant = Variant { card: "td3".to_owned(), strict: false, bad: Vec::new(), cases: ids(cases) };
    for rule in rules.split('&').map(str::trim) {
        match rule.split_once(' ') {
            Some(("card", name)) => name.clone_into(&mut variant.card),
            _ if rule == "strict" => variant.strict = true,
            _ => variant.bad.push(Bad::parse(rule)),
        }
    }
    assert!(!variant.cases.is_empty(), "{text}");
    variant
}

fn mutants() -> Vec<Mutant> {
    let rows = TABLE.lines().filter(|line| !line.starts_with('#')).skip(1);
    let mutants: Vec<_> = rows
        .map(|row| {
            let [id, _, _, caught_by, does, why] = row.split('\t').collect::<Vec<_>>().try_into().expect("six cells");
            let variants = does.split("||").map(str::trim).filter(|text| !text.is_empty());
            Mutant { id, variants: variants.map(|text| variant(text, caught_by)).collect(), why }
        })
        .collect();
    assert_eq!(mutants.len(), 98 + 41);
    mutants
}

/// The good cards, by the names of the table, made when they are wanted.
#[derive(Default)]
struct Cards(BTreeMap<String, (Made, Profile)>);

impl Cards {
    fn get(&mut self, name: &str) -> &(Made, Profile) {
        self.0.entry(name.to_owned()).or_insert_with(|| {
            let (pace, aes) = ("pace = { suite = \"aes-128\", curve = \"P-256\" }", "[chip_authentication]\nsuite = \"aes-128\"");
            let text = profile("icao-td3");
            let made = Made::new(&match name {
                "td3" => text,
                "cam" => profile("icao-td3-cam"),
                "rsa" => profile("cccd-2021"),
                "dh" => text.replace(pace, "pace = { suite = \"aes-256\", group = \"modp-1024-160\" }"),
                "im" => text.replace(pace, "pace = { mapping = \"integrated\", suite = \"3des\", curve = \"P-256\" }"),
                "kat" => text.replace(aes, "[chip_authentication]\nsuite = \"3des\""),
                "eac-pin" => {
                    let made = Made::managed(&card_with_pin(""), &KEYS);
                    let profile = made.profile();
                    return (made, profile);
                }
                "eac" | "eac2" => {
                    let text = if name == "eac" { profile("cccd-2021") } else { passport_of_version_2() };
                    let made = Made::guarded(&text, &KEYS);
                    let mut profile = made.profile();
                    profile.features.insert(Feature::Mig);
                    return (made, profile);
                }
                "eid" | "eid-pin" => {
                    let text = if name == "eid" { profile("icao-td1-eid") } else { card_with_eid_and_pin() };
                    let made = Made::guarded(&text, &KEYS);
                    let mut profile = made.profile();
                    profile.features.insert(Feature::Mig);
                    // what a terminal with all rights reads, the good card tells once
                    let suite = Suite::built_in("bsi33").expect("a suite");
                    let asked = ["EAC2_ISO7816_H_1".to_owned()];
                    let profile = run_guarded(&suite, &mut made.fresh(), &profile, &made, &asked, false).profile;
                    assert!(profile.eid.len() > 10, "{:?}", profile.remarks);
                    return (made, profile);
                }
                _ => panic!("no card {name}"),
            });
            let profile = made.profile();
            (made, profile)
        })
    }
}

/// The document of a case: extended access control has units of its own.
fn suite_of(id: &str) -> &'static str {
    if id.starts_with("EAC2_") {
        return "bsi33";
    }
    if id.starts_with("CARDWRIGHT_") {
        return "cardwright";
    }
    let unit = id.trim_start_matches("ISO7816_").split('_').next().unwrap_or_default();
    if matches!(unit, "H" | "J" | "K" | "L" | "M" | "N") { "bsi32" } else { "icao3" }
}

/// The cases that a variant shall fail. Those of extended access control have a card of their own each, as a card that errs may keep what it was told,
/// and the cases that must pass before them.
fn judged(cards: &mut Cards, variant: &Variant) -> Vec<CaseResult> {
    let (made, profile) = cards.get(&variant.card);
    let ids: Vec<_> = variant.cases.iter().map(String::as_str).collect();
    if variant.cases.iter().all(|id| suite_of(id) == "icao3") {
        return run_known(&mut Middle::new(made.card(), &variant.bad), profile, &made.passwords, &ids, variant.strict).cases;
    }
    let mut results = Vec::new();
    for id in ids {
        let mut card = Middle::new(made.fresh(), &variant.bad);
        let suite = Suite::built_in(suite_of(id)).expect("a suite");
        let report = run_guarded(&suite, &mut card, profile, made, &suite.with_prerequisites(id), variant.strict);
        results.extend(report.cases.into_iter().filter(|result| result.case.id == id));
    }
    results
}

static KEYS: LazyLock<TestKeys> = LazyLock::new(ecdsa);

/// Cases of extended access control, on a card that may be lost.
fn run_guarded(suite: &Suite, card: &mut dyn Transport, profile: &Profile, made: &Made, only: &[String], strict: bool) -> Report {
    let options = Options { strict, only: only.to_vec(), keys: Some(KEYS.clone()), sacrifice: true, ..Options::default() };
    suite.run_on(profile.clone(), card, &made.passwords, &options, &mut SeededRng::new(b"tester"), &mut |_| {})
}

/// Runs every n-th mutant; gives the cases that caught one, and what was not caught.
fn run_all(every: usize) -> (BTreeSet<String>, Vec<String>) {
    let (mut cards, mut caught, mut missed) = (Cards::default(), BTreeSet::new(), Vec::new());
    for Mutant { id, variants, .. } in mutants().into_iter().filter(|mutant| !mutant.variants.is_empty()).step_by(every) {
        for variant in variants {
            let results = judged(&mut cards, &variant);
            let applicable: Vec<_> = results.iter().filter(|result| result.verdict != Verdict::NotApplicable).collect();
            if applicable.is_empty() {
                missed.push(format!("{id}: none of {:?} applies to {}", variant.cases, variant.card));
            }
            for result in applicable {
                if result.verdict == Verdict::Failed {
                    caught.insert(result.case.id.clone());
                } else if result.verdict != Verdict::Skipped || ["eac", "eac2", "eid", "eid-pin"].contains(&variant.card.as_str()) {
                    missed.push(format!("{id} {}: {:?} {}", result.case.id, result.verdict, result.reason));
                }
            }
        }
    }
    (caught, missed)
}

#[test]
fn every_fifth_wrong_behaviour_is_caught() {
    let (caught, missed) = run_all(5);
    assert_eq!(missed, Vec::<String>::new());
    assert!(caught.len() > 20, "{caught:?}");
}

/// The whole table; and no case that applies to one of its cards is left that none of its wrong behaviours fails.
#[test]
#[ignore = "make soak: every wrong behaviour"]
fn every_wrong_behaviour_is_caught_and_no_other_case_is_left_unshown() {
    let (caught, missed) = run_all(1);
    assert_eq!(missed, Vec::<String>::new());
    let mut cards = Cards::default();
    let mut blunt = BTreeSet::new();
    for name in ["td3", "cam", "rsa", "dh", "im", "kat"] {
        let (made, profile) = cards.get(name);
        let report = run_known(&mut made.card(), profile, &made.passwords, &[], false);
        assert_eq!(report.verdict(), Verdict::Passed, "{name}");
        let passed = report.cases.iter().filter(|result| result.verdict == Verdict::Passed);
        blunt.extend(passed.map(|result| result.case.id.clone()).filter(|id| !caught.contains(id)));
    }
    for (name, suite) in
        [("td3", "cardwright"), ("eac2", "cardwright"), ("eac", "bsi32"), ("eac2", "bsi33"), ("eid", "bsi33"), ("eid-pin", "bsi33")]
    {
        let (made, profile) = cards.get(name);
        let suite = Suite::built_in(suite).expect("a suite");
        let report = run_guarded(&suite, &mut made.fresh(), profile, made, &[], false);
        assert_eq!(report.verdict(), Verdict::Passed, "{name}");
        let passed = report.cases.iter().filter(|result| result.verdict == Verdict::Passed);
        blunt.extend(passed.map(|result| result.case.id.clone()).filter(|id| !caught.contains(id)));
    }
    assert_eq!(blunt, BTreeSet::new(), "cases that no wrong behaviour of the table fails");
}

#[test]
fn a_wrong_behaviour_that_is_not_shown_says_why() {
    let silent: Vec<_> = mutants().into_iter().filter(|mutant| mutant.variants.is_empty()).collect();
    assert!(silent.iter().all(|mutant| !mutant.why.is_empty()));
    assert_eq!(silent.len(), 5);
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
