//! For every rule that is judged, an object that breaks it and nothing else; and the objects that they were made of, which break none.

use std::collections::{BTreeMap, BTreeSet};

use pki::lint::{How, Kind, lint, rules};

use crate::build::{Beside, World};

pub(crate) mod certificates;
pub(crate) mod cv;
pub(crate) mod messages;

/// An object that breaks `rule`, and the rules that cannot but fire with it.
pub(crate) struct Case {
    pub(crate) rule: &'static str,
    pub(crate) with: &'static [&'static str],
    pub(crate) kind: Option<Kind>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) beside: Beside,
}

fn cases(world: &World) -> Vec<Case> {
    let mut out = certificates::cases(world);
    out.extend(messages::cases(world));
    out.extend(cv::cases(world));
    out
}

fn fired(kind: Option<Kind>, bytes: &[u8], beside: &Beside) -> BTreeSet<&'static str> {
    beside.with(kind, |context| lint(bytes, context)).findings.iter().map(|finding| finding.rule).collect()
}

#[test]
fn every_mutation_breaks_its_rule_and_no_other() {
    let mut wrong = Vec::new();
    for case in cases(&World::new()) {
        let expected: BTreeSet<&str> = case.with.iter().copied().chain([case.rule]).collect();
        let found = fired(case.kind, &case.bytes, &case.beside);
        if found != expected {
            wrong.push(format!("{}: expected {expected:?}, found {found:?}", case.rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_that_is_judged_has_its_mutation() {
    let cases: BTreeSet<_> = cases(&World::new()).iter().map(|case| case.rule).collect();
    let judged: BTreeSet<_> = rules::all().filter(|rule| !matches!(rule.how, How::Human(_))).map(|rule| rule.id).collect();
    assert_eq!(judged.difference(&cases).collect::<Vec<_>>(), Vec::<&&str>::new(), "judged and never broken");
    assert_eq!(cases.difference(&judged).collect::<Vec<_>>(), Vec::<&&str>::new(), "broken and not judged");
    assert_eq!(judged.len(), 212);
}

#[test]
fn well_formed_objects_break_no_rule_and_every_rule_is_judged_on_one_of_them() {
    let world = World::new();
    let mut judged = BTreeMap::<&str, usize>::new();
    for (name, kind, bytes, beside) in certificates::bases(&world).into_iter().chain(messages::bases(&world)).chain(cv::bases(&world)) {
        let report = beside.with(None, |context| lint(&bytes, context));
        assert_eq!(report.findings, [], "{name}");
        assert_eq!(report.kind, Some(kind), "{name}: guessed");
        let open: BTreeSet<_> = report.not_judged.iter().map(|(id, _)| *id).collect();
        for rule in rules::of(kind).filter(|rule| !open.contains(rule.id)) {
            *judged.entry(rule.id).or_default() += 1;
        }
    }
    let never: Vec<_> =
        rules::all().filter(|rule| !matches!(rule.how, How::Human(_)) && !judged.contains_key(rule.id)).map(|r| r.id).collect();
    assert_eq!(never, Vec::<&str>::new(), "judged on no well-formed object");
}
