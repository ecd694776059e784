//! What lint finds in every object of the corpus, as counts per kind and rule. A change of one count fails; `CARDWRIGHT_SNAPSHOT=write`
//! writes the file anew, and the difference in the commit says what changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use pki::lint::{Context, lint};

use crate::corpus;

#[test]
fn the_corpus_gives_the_findings_that_are_written_down() {
    let Some(root) = corpus::root() else { return };
    let mut counts: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for object in corpus::objects(&root) {
        let report = lint(&object.bytes, &Context { kind: object.kind, ..Context::default() });
        let kind = report.kind.unwrap_or_else(|| panic!("{}: a kind that is known", object.place)).to_string();
        let rules = counts.entry(kind).or_default();
        *rules.entry("objects").or_default() += 1;
        *rules.entry("without a finding").or_default() += usize::from(report.is_clean());
        let mut fired: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
        fired.sort_unstable();
        fired.dedup();
        for rule in fired {
            *rules.entry(rule).or_default() += 1;
        }
    }
    let mut text = String::from("# objects of the corpus in which a rule fires, by kind; tests/lint/snapshot.rs\n");
    for (kind, rules) in &counts {
        writeln!(text, "\n[{kind}]").expect("text");
        for (rule, count) in rules {
            writeln!(text, "{rule} = {count}").expect("text");
        }
    }
    compare(&text);
}

fn compare(found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint/snapshot.txt");
    if std::env::var("CARDWRIGHT_SNAPSHOT").as_deref() == Ok("write") {
        std::fs::write(&path, found).expect("written");
    }
    let expected = std::fs::read_to_string(&path).expect("snapshot");
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}
