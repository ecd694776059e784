//! Collection 003 of the ICAO PKD: certificates that the ICAO found wanting, with its codes, against our rules. `docs/lint.md` explains the
//! disagreements; here every one of them is counted, by code, side, and state.

use std::collections::{BTreeMap, BTreeSet};

use eid::cert::x509::Certificate;
use pki::lint::{Context, Kind, lint};

use crate::corpus::{self, Record};

/// Code of the ICAO without its severity, the rules that ask for the same, and whether they are about the issuer's certificate.
const SAME: [(&str, &[&str], bool); 15] = [
    ("DSC.SAN.14", &["DS-008"], false),
    ("DSC.IAN.14", &["DS-009"], false),
    ("DSC.CDP.14", &["DS-012"], false),
    ("DSC.DTL.14", &["DS-013"], false),
    ("DSC.SIG.42", &["XC-006"], false),
    ("DSC.SUB.11", &["XC-010", "XC-011", "XC-012"], false),
    ("DSC.EXT.22", &["XC-001"], false),
    ("DSC.BAC.15", &["DS-010"], false),
    // pathLenConstraint: where the extension is not to be there at all, DS-010 says all of it
    ("DSC.BAC.25", &["DS-010"], false),
    ("DSC.IAN.69", &["DS-009"], false),
    ("CSCA.SAN.14", &["CA-009", "LK-008"], true),
    ("CSCA.IAN.14", &["CA-010", "LK-009"], true),
    ("CSCA.CDP.14", &["CA-016", "LK-010"], true),
    ("CSCA.SIG.42", &["XC-006"], true),
    ("CSCA.SAN.69", &["CA-009", "LK-008"], true),
];

/// Codes that say of one extension: it is not there, its place is another state's. Ours is one rule for both.
const TOGETHER: [(&str, &str); 4] =
    [("CSCA.SAN.14", "CSCA.SAN.69"), ("DSC.IAN.69", "DSC.IAN.14"), ("DSC.IAN.14", "DSC.IAN.69"), ("CSCA.SAN.69", "CSCA.SAN.14")];

fn has(record: &Record, code: &str) -> bool {
    record.codes.iter().any(|found| found.rsplit(':').next() == Some(code))
}

fn fired(bytes: &[u8], kind: Option<Kind>) -> BTreeSet<&'static str> {
    lint(bytes, &Context { kind, ..Context::default() }).findings.iter().map(|finding| finding.rule).collect()
}

#[test]
fn our_findings_are_those_of_the_icao_or_the_difference_is_known() {
    let Some(root) = corpus::root() else { return };
    let records = corpus::records(&root);
    let anchors: Vec<Certificate> = corpus::objects(&root)
        .into_iter()
        .filter(|object| object.kind.is_none() && Kind::guess(&object.bytes).is_some_and(Kind::is_csca))
        .filter_map(|object| Certificate::from_der(&object.bytes).ok())
        .collect();
    let mut issuers: BTreeMap<usize, &Certificate> = BTreeMap::new();
    for (n, record) in records.iter().enumerate() {
        let Ok(certificate) = Certificate::from_der(&record.certificate) else { continue };
        let issuer = anchors.iter().filter(|anchor| anchor.subject_country() == certificate.issuer_country());
        let issuer = issuer.filter(|anchor| anchor.is_self_signed());
        if let Some(issuer) = issuer.into_iter().find(|a| a.key().is_ok_and(|key| certificate.verify_signed_by(key).is_ok())) {
            issuers.insert(n, issuer);
        }
    }
    let mut table = String::new();
    for (code, rules, of_issuer) in &SAME {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut states: BTreeMap<String, usize> = BTreeMap::new();
        for (n, record) in records.iter().enumerate() {
            let found = match (of_issuer, issuers.get(&n)) {
                (false, _) => fired(&record.certificate, Some(Kind::DocumentSigner)),
                (true, Some(issuer)) => fired(issuer.der(), None),
                (true, None) => continue,
            };
            let also = TOGETHER.iter().any(|(this, other)| this == code && has(record, other));
            let (icao, ours) = (has(record, code), rules.iter().any(|rule| found.contains(rule)));
            let side = match (icao, ours) {
                (true, true) => "both",
                (true, false) => "only ICAO",
                (false, true) if also => continue,
                (false, true) => "only ours",
                (false, false) => continue,
            };
            *counts.entry(side).or_default() += 1;
            if icao != ours {
                let known = WHY.iter().any(|(codes, s, state, _)| codes.contains(code) && *s == side && *state == record.country);
                assert!(known, "{code} {side}: {} has no explanation", record.name);
                *states.entry(format!("{side} {}", record.country)).or_default() += 1;
            }
        }
        let count = |side| counts.get(side).copied().unwrap_or_default();
        let states: Vec<_> = states.iter().map(|(state, n)| format!("{state} {n}")).collect();
        let line = format!("{code}: {} {} {} [{}]\n", count("both"), count("only ICAO"), count("only ours"), states.join(", "));
        table.push_str(&line);
    }
    println!("{} records, {} with an issuer in the corpus\n{table}", records.len(), issuers.len());
    assert_eq!(table, EXPECTED);
}

/// Codes, side, state, and why the two differ there.
const WHY: [(&[&str], &str, &str, &str); 4] = [
    (
        &["DSC.EXT.22"],
        "only ICAO",
        "IT",
        "basicConstraints is 3000: an empty SEQUENCE is the DER of the default, nothing is written out; DS-010 says the rest",
    ),
    (
        &["DSC.SAN.14", "DSC.IAN.14", "DSC.CDP.14", "DSC.DTL.14", "DSC.IAN.69", "CSCA.SAN.14", "CSCA.IAN.14", "CSCA.CDP.14", "CSCA.SAN.69"],
        "only ours",
        "DE",
        "of 2008, older than the edition that asks for these extensions: the ICAO lists the string type of its country alone",
    ),
    (
        &["DSC.SAN.14"],
        "only ours",
        "IT",
        "subjectAltName is there with a mail address and a URI, without the directoryName that says the state",
    ),
    (&["CSCA.SAN.14", "CSCA.SAN.69"], "only ours", "IT", "as above, in the certificate of the CSCA"),
];

/// code: both, only the ICAO, only ours [where they differ].
const EXPECTED: &str = "\
DSC.SAN.14: 178 0 3 [only ours DE 1, only ours IT 2]
DSC.IAN.14: 179 0 1 [only ours DE 1]
DSC.CDP.14: 177 0 1 [only ours DE 1]
DSC.DTL.14: 182 0 1 [only ours DE 1]
DSC.SIG.42: 46 0 0 []
DSC.SUB.11: 12 0 0 []
DSC.EXT.22: 0 2 0 [only ICAO IT 2]
DSC.BAC.15: 2 0 0 []
DSC.BAC.25: 2 0 0 []
DSC.IAN.69: 5 0 1 [only ours DE 1]
CSCA.SAN.14: 177 0 3 [only ours DE 1, only ours IT 2]
CSCA.IAN.14: 179 0 1 [only ours DE 1]
CSCA.CDP.14: 182 0 1 [only ours DE 1]
CSCA.SIG.42: 46 0 0 []
CSCA.SAN.69: 5 0 3 [only ours DE 1, only ours IT 2]
";
