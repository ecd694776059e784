//! The tables against the sources that make findings, and the document against the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The code below `dir` that ships: without tests and comments, in one string for each file.
fn sources(dir: &str) -> Vec<(PathBuf, String)> {
    let (mut found, mut todo) = (Vec::new(), vec![root().join(dir)]);
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.file_stem().is_some_and(|stem| stem == "tests" || stem == "codes") {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let code: Vec<_> = code.lines().map(|line| line.split("//").next().unwrap_or_default().trim()).collect();
                found.push((path, code.join(" ")));
            }
        }
    }
    found
}

fn all_sources() -> Vec<(PathBuf, String)> {
    [sources("eid/src/protocol"), sources("src/terminal")].concat()
}

/// The strings that follow `call`, one after the other, separated by a comma; an identifier among them counts as empty.
fn arguments<'a>(code: &'a str, call: &str) -> Vec<Vec<&'a str>> {
    code.match_indices(call)
        .map(|(at, _)| {
            let mut rest = code[at + call.len()..].trim_start();
            let mut strings = Vec::new();
            while let Some(inside) = rest.strip_prefix('"') {
                let Some((string, after)) = inside.split_once('"') else { break };
                strings.push(string);
                rest = after.trim_start().trim_start_matches(',').trim_start();
            }
            strings
        })
        .collect()
}

/// Fails with all that is missing at once.
fn assert_none(missing: &BTreeSet<String>) {
    assert!(missing.is_empty(), "not in src/terminal/report/codes.rs:\n{}", missing.iter().cloned().collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_check_of_the_code_is_in_the_table_with_its_clause() {
    let (mut missing, mut found) = (BTreeSet::new(), 0);
    for (path, code) in all_sources() {
        for strings in arguments(&code, "Check::new(") {
            let [id, clause] = strings[..] else { continue };
            found += 1;
            if entry(id).is_none_or(|known| known.clause != clause) {
                missing.insert(format!("check {id}, clause {clause}: {}", path.display()));
            }
        }
    }
    assert!(found > 15, "{found} checks in the sources");
    assert_none(&missing);
}

#[test]
fn every_reason_and_evidence_of_the_code_is_in_the_tables() {
    let (mut missing, mut found) = (BTreeSet::new(), 0);
    for (path, code) in all_sources() {
        for call in [".failed(", ".not_supported(", ".not_attempted(", ".undecided(", ".because("] {
            for reason in arguments(&code, call).iter().filter_map(|strings| strings.first()) {
                found += 1;
                if meaning(reason).is_none() {
                    missing.insert(format!("reason {reason}: {}", path.display()));
                }
            }
        }
        for name in arguments(&code, ".with(").iter().filter_map(|strings| strings.first()) {
            if !EVIDENCE.contains(name) {
                missing.insert(format!("evidence {name}: {}", path.display()));
            }
        }
    }
    assert!(found > 50, "{found} reasons in the sources");
    assert_none(&missing);
}

#[test]
fn every_tolerance_that_only_a_card_can_show_is_in_the_table() {
    let mut missing = BTreeSet::new();
    for (path, code) in sources("src/terminal") {
        for rule in arguments(&code, "Quirk::new(").iter().filter_map(|strings| strings.first()) {
            if !RULES.contains(rule) {
                missing.insert(format!("rule {rule}: {}", path.display()));
            }
        }
    }
    assert_none(&missing);
}

/// Whether a string has the form of the name of a rule or of a check: parts of small letters, digits, `-`, and `_`, with points between them.
fn is_name(string: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    string.contains('.') && string.starts_with(|first: char| first.is_ascii_lowercase()) && string.split('.').all(part)
}

/// Whichever way a rule comes into the ledger: any name in the sources of the reader is that of a check, or of a tolerance of which is decided whose
/// it is.
#[test]
fn of_every_tolerance_is_decided_whose_it_is() {
    let (mut missing, mut found) = (BTreeSet::new(), BTreeSet::new());
    let sources = [sources("eid/src"), sources("src/terminal")].concat();
    for (path, code) in &sources {
        for name in code.split('"').filter(|string| is_name(string)) {
            match tolerances::tolerance(name) {
                Some(known) => drop(found.insert(known.rule)),
                None if entry(name).is_some() || entry(&format!("{name}*")).is_some() => {}
                None => drop(missing.insert(format!("{name}, neither a check nor a tolerance: {}", path.display()))),
            }
        }
    }
    let shown: BTreeSet<_> = tolerances::TOLERANCES.iter().map(|known| known.rule).filter(|rule| *rule != UNKNOWN).collect();
    missing.extend(shown.difference(&found).map(|rule| format!("{rule} is nowhere in the sources")));
    missing.extend(RULES.iter().filter(|rule| tolerances::tolerance(rule).is_none()).map(|rule| format!("{rule}: whose?")));
    assert!(found.len() > 120, "{} tolerances in the sources", found.len());
    assert_none(&missing);
}

#[test]
fn the_tables_are_sorted_and_name_nothing_twice() {
    let names: Vec<_> = REASONS.iter().map(|(code, _)| *code).collect();
    let tolerated: Vec<_> = tolerances::TOLERANCES.iter().map(|known| known.rule).collect();
    assert!(tolerated.is_sorted_by(|one, next| one < next), "{tolerated:?}");
    for list in [names.as_slice(), EVIDENCE, RULES] {
        let mut sorted = list.to_vec();
        sorted.sort_unstable_by_key(|name| (*name == UNKNOWN && !list.contains(&"absent"), *name));
        sorted.dedup();
        assert_eq!(list, sorted);
    }
    let ids: BTreeMap<_, _> = CHECKS.iter().map(|known| (known.id, ())).collect();
    assert_eq!(ids.len(), CHECKS.len());
}

/// `docs/checks.md` is written by this test where `CARDWRIGHT_WRITE_DOCS` is set, and compared otherwise.
#[test]
fn the_document_is_that_of_the_tables() {
    let mut text = String::from(
        "# Checks and reason codes\n\nWhat a report may say; written from `src/terminal/report/codes.rs` by its test \
         (`CARDWRIGHT_WRITE_DOCS=1 cargo test -p cardwright --lib codes`).\n\nA check ends in one of: `passed`, `failed`, `not-supported` (the card or this program lacks \
         what the check needs), `not-attempted` (an\nearlier step or a missing right stood before it), `undecided` (nothing follows, such as without a trust \
         anchor). Ids and codes are stable;\nnew ones may come in any version, and who reads a report takes an unknown one as it is.\n",
    );
    for part in Part::ALL {
        let _ = write!(text, "\n## {}\n\n| check | clause | question |\n| --- | --- | --- |\n", part.title());
        for known in CHECKS.iter().filter(|known| known.part == part) {
            let _ = writeln!(text, "| `{}` | {} | {} |", known.id, known.clause, known.question);
        }
    }
    text.push_str("\n## Reason codes\n\n| code | meaning |\n| --- | --- |\n");
    for (code, meaning) in REASONS {
        let _ = writeln!(text, "| `{code}` | {meaning} |");
    }
    text.push_str(
        "\n## Tolerances\n\nWhat is read although it is not as it should be stands in the ledger (`quirks`), and of each it is decided whose oddity it is: \
         the `document`'s, which the policy\n`strict` does not take ([policy.md](policy.md)); the `chip`'s, which answers a command otherwise; a `list`'s, which is another publication; nobody's (`note`).\n\n| rule | whose | what |\n| --- | --- | --- |\n",
    );
    for known in tolerances::TOLERANCES {
        let _ = writeln!(text, "| `{}` | {} | {} |", known.rule, known.whose.as_str(), known.what);
    }
    let path = root().join("docs/checks.md");
    if std::env::var_os("CARDWRIGHT_WRITE_DOCS").is_some() {
        fs::write(&path, &text).expect("written");
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == text,
        "docs/checks.md is not that of the tables: CARDWRIGHT_WRITE_DOCS=1 writes it"
    );
}
