//! Collection 003 of the ICAO PKD: certificates that the ICAO found wanting, with its codes, against our rules.

use std::collections::BTreeMap;

use pki::lint::{Context, Kind, lint};

use crate::corpus::{self, Record};

/// The ICAO's code without its severity, and the rules that ask for the same.
const SAME: [(&str, &[&str]); 9] = [
    ("DSC.SAN.14", &["DS-008"]),
    ("DSC.IAN.14", &["DS-009"]),
    ("DSC.CDP.14", &["DS-012"]),
    ("DSC.DTL.14", &["DS-013"]),
    ("DSC.SIG.42", &["XC-005", "XC-006"]),
    ("DSC.SUB.11", &["XC-010", "XC-011", "XC-012"]),
    ("DSC.EXT.22", &["XC-001"]),
    ("DSC.BAC.15", &["DS-010"]),
    ("DSC.IAN.69", &["DS-009"]),
];

#[test]
fn print() {
    let Some(root) = corpus::root() else { return };
    let records = corpus::records(&root);
    for (code, rules) in SAME {
        let mut both = BTreeMap::<&str, usize>::new();
        for record in &records {
            let fired = fired(record);
            let icao = record.codes.iter().any(|c| c.ends_with(code));
            let ours = rules.iter().any(|rule| fired.contains(rule));
            let key = match (icao, ours) {
                (true, true) => "both",
                (true, false) => "icao",
                (false, true) => "ours",
                _ => "none",
            };
            *both.entry(key).or_default() += 1;
            if icao != ours {
                println!("{code} {key} {} {}", record.country, record.name);
            }
        }
        println!("{code}: {both:?}");
    }
}

fn fired(record: &Record) -> Vec<&'static str> {
    let report = lint(&record.certificate, &Context { kind: Some(Kind::DocumentSigner), ..Context::default() });
    report.findings.iter().map(|finding| finding.rule).collect()
}
