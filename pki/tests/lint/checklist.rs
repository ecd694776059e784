//! The table of rules against the checklist that it was made from.

use std::collections::BTreeMap;

use pki::lint::{How, Severity, rules};

use crate::corpus;

/// id, object, field, level, critical, rule, severity, source, status; a field in quotes may have commas.
fn fields(line: &str) -> Vec<String> {
    let (mut out, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(String::new()),
            c => out.last_mut().expect("a field").push(c),
        }
    }
    out
}

#[test]
fn the_rules_are_those_of_the_checklist_with_its_severities() {
    let Some(root) = corpus::root() else { return };
    let Ok(text) = std::fs::read_to_string(root.join("../spec/certificate-profile-checklist.csv")) else {
        println!("skipped: no checklist beside the corpus");
        return;
    };
    let row = |line: &str| {
        let fields = fields(line);
        (fields[0].clone(), (fields[1].clone(), fields[6].clone()))
    };
    let expected: BTreeMap<_, _> = text.lines().skip(1).filter(|line| !line.is_empty()).map(row).collect();
    let letter = |severity| match severity {
        Severity::Error => "E",
        Severity::Warning => "W",
        Severity::Information => "I",
    };
    let found: BTreeMap<_, _> =
        rules::all().map(|rule| (rule.id.to_owned(), (rule.object.to_owned(), letter(rule.severity).to_owned()))).collect();
    assert_eq!(found, expected);
    assert_eq!((rules::all().count(), found.len()), (238, 238), "every id once");
}

#[test]
fn every_rule_says_what_it_asks_for_and_one_that_is_not_judged_says_why() {
    let mut human = 0;
    for rule in rules::all() {
        assert!(rule.text.len() > 3 && !rule.clause.is_empty() && !rule.object.is_empty(), "{}", rule.id);
        if let How::Human(why) = rule.how {
            assert!(why.len() > 20, "{}", rule.id);
            human += 1;
        }
    }
    assert_eq!(human, 26);
}
