//! Faults of master lists against the two programs that read them, generated from the catalogue: `pki lint`, whose rules are the checks
//! `MS-…`, and the import into a trust store, which is the check `import`.

use std::collections::BTreeSet;
use std::path::Path;

use applets::fault::catalogue::{self, Engine, Fault, State};
use cardwright::faulty::FaultyList;
use cardwright::trust::Collection;
use cardwright::trust::import::{NoticeKind, Options, import};
use eid::cert::trust::TrustStore;
use pki::lint::{self, Kind, Severity};

use super::SPECIMEN;
use super::document::today;

/// What the two programs say: check, result, reason.
type Told = BTreeSet<(String, &'static str, &'static str)>;

/// What is said of a list, and whether nothing speaks against it.
fn judge(made: &FaultyList, folder: &Path) -> (Told, bool) {
    let report = lint::lint(&made.list, &lint::Context { kind: Some(Kind::MasterList), ..lint::Context::default() });
    let mut told: Told = report.findings.iter().map(|finding| (finding.rule.to_owned(), "failed", "")).collect();
    let lawful = report.findings.iter().all(|finding| finding.severity != Severity::Error);
    let mut collection = Collection::new();
    let nobody = TrustStore::new();
    let options = Options { tier: None, signers: &nobody, take_unproved: false, date: today() };
    let mut taken = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).expect("a file");
        import(&mut collection, &[path], &options)
    };
    for (n, anchor) in made.anchors.iter().enumerate() {
        taken(&format!("{n}.cer"), anchor).expect("a CSCA");
    }
    if let Some(before) = &made.before {
        taken("before.ml", before).expect("a newer list");
    }
    let summary = taken("list.ml", &made.list);
    let reason = summary.as_ref().ok().and_then(|summary| summary.notices.first()).map_or("", |notice| NoticeKind::name(notice.kind));
    let result = if summary.is_ok() { "passed" } else { "failed" };
    told.insert(("import".to_owned(), result, reason));
    (told, lawful && summary.is_ok())
}

fn implemented() -> impl Iterator<Item = &'static Fault> {
    catalogue::all().iter().filter(|fault| fault.engine == Engine::List && fault.state() == State::Implemented)
}

#[test]
fn every_fault_of_a_master_list_gives_the_findings_that_the_catalogue_names() {
    let folder = std::env::temp_dir().join(format!("cardwright-lists-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let judged = |injection: &str| judge(&SPECIMEN.make_list(injection).unwrap_or_else(|error| panic!("{injection}: {error}")), &folder);
    let (right, good) = judged("");
    assert!(good, "{right:?}");
    let (mut wrong, mut count) = (Vec::new(), 0);
    for fault in implemented() {
        count += 1;
        let (told, good) = judged(fault.injection);
        println!(
            "{:<11} {:<8} {}",
            fault.id,
            fault.verdict,
            told.iter().map(|(a, b, c)| format!("{a} {b} {c}")).collect::<Vec<_>>().join(", ")
        );
        let named: Told = fault.findings().map(|expected| (expected.check.to_owned(), expected.result, expected.reason)).collect();
        let import = |told: &Told| told.iter().filter(|(check, ..)| check == "import").cloned().collect::<Told>();
        let new: Told = told.difference(&right).cloned().chain(import(&told)).collect();
        if new != named {
            wrong.push(format!("{} ({}): found {new:?}, the manifest names {named:?}", fault.id, fault.fault));
        }
        let refused = fault.verdict == "REJECT";
        if refused && good {
            wrong.push(format!("{} ({}): nothing speaks against it", fault.id, fault.fault));
        }
    }
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(count, 12);
}
