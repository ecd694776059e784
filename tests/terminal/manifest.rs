//! A report against a row of the catalogue of faults.

use std::collections::BTreeSet;

use applets::fault::catalogue::Fault;
use cardwright::terminal::Verdict;
use cardwright::terminal::eid_application::EidReading;
use cardwright::terminal::report::Report;
use eid::protocol::finding::Finding;
use eid::quirk::Quirk;

/// What a row of the catalogue is held against: a report, or a reading of the eID application.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    findings: &'a [Finding],
    quirks: &'a [Quirk],
    verdict: Verdict,
}

impl<'a> From<&'a Report> for Seen<'a> {
    fn from(report: &'a Report) -> Self {
        Self { findings: &report.findings, quirks: &report.quirks, verdict: report.verdict }
    }
}

impl<'a> From<&'a EidReading> for Seen<'a> {
    fn from(reading: &'a EidReading) -> Self {
        Self { findings: &reading.findings, quirks: &reading.quirks, verdict: reading.verdict }
    }
}

/// The checks that failed.
pub(super) fn failed<'a>(report: impl Into<Seen<'a>>) -> BTreeSet<String> {
    let report = report.into();
    let failed = report.findings.iter().filter(|finding| finding.outcome.as_str() == "failed");
    failed.map(|finding| finding.id().to_owned()).collect()
}

/// A tenth of the faults, by their place, and the first of each layer: what every run judges. `make soak` judges all.
pub(super) fn sample(faults: impl Iterator<Item = &'static Fault>) -> Vec<&'static Fault> {
    let mut layers = BTreeSet::new();
    faults.enumerate().filter(|(n, fault)| layers.insert(fault.layer) || n % 10 == 0).map(|(_, fault)| fault).collect()
}

/// What a check says that the same document without the fault does not, for the table of faults and checks; `*` marks one that fails.
pub(super) fn told<'a>(report: impl Into<Seen<'a>>, right: impl Into<Seen<'a>>) -> String {
    let said = |report: Seen<'_>| -> BTreeSet<String> {
        let finding = |finding: &Finding| {
            let code = finding.reason.as_ref().map_or("", |reason| reason.code);
            let mark = if finding.outcome.as_str() == "failed" { "*" } else { "" };
            format!("{mark}{} {} {code}", finding.id(), finding.outcome).trim_end().to_owned()
        };
        let quirks = report.quirks.iter().map(|quirk| format!("{} noted", quirk.rule));
        report.findings.iter().map(finding).chain(quirks).collect()
    };
    let new: Vec<_> = said(report.into()).difference(&said(right.into())).cloned().collect();
    if new.is_empty() { "-".to_owned() } else { new.join(", ") }
}

/// What is not as the row says: a finding that is missing, a check that fails and is not named (`before` fails without the fault, too), a
/// verdict that is not the right one.
pub(super) fn differences<'a>(fault: &Fault, report: impl Into<Seen<'a>>, before: &BTreeSet<String>) -> Vec<String> {
    let report = report.into();
    let mut wrong = Vec::new();
    for expected in fault.findings() {
        let seen = match expected.result {
            "quirk" => report.quirks.iter().any(|quirk| quirk.rule == expected.check),
            result => report.findings.iter().any(|finding| {
                let code = finding.reason.as_ref().map_or("", |reason| reason.code);
                finding.id() == expected.check
                    && finding.outcome.as_str() == result
                    && (expected.reason.is_empty() || code == expected.reason)
            }),
        };
        if !seen {
            let found = report
                .findings
                .iter()
                .find(|finding| finding.id() == expected.check)
                .map(|finding| (finding.outcome, finding.reason.as_ref().map(|reason| reason.code)));
            wrong.push(format!("{} {} {}: found {found:?}", expected.check, expected.result, expected.reason));
        }
    }
    let named: BTreeSet<String> =
        fault.findings().filter(|expected| expected.result == "failed").map(|expected| expected.check.to_owned()).collect();
    let new: BTreeSet<String> = failed(report).difference(before).cloned().collect();
    if new != named {
        wrong.push(format!("failed: {new:?}, the manifest names {named:?}"));
    }
    let genuine = report.verdict == Verdict::Genuine;
    let right = match fault.verdict.split([':', ' ']).next().unwrap_or_default() {
        "REJECT" => !genuine,
        "ACCEPT" | "LIMITED" => genuine,
        _ => true,
    };
    if !right {
        wrong.push(format!("verdict {}, expected {}", report.verdict.as_str(), fault.verdict));
    }
    if fault.findings().next().is_none() && matches!(fault.verdict, "REJECT" | "WARN" | "LIMITED") && fault.note.is_empty() {
        wrong.push("nothing is found, and no note says why".to_owned());
    }
    wrong
}
