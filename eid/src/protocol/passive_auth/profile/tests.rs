//! What the profile says of the document signers of the field. The certificates are not ours; without them the test says so and passes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;

fn bulk() -> Option<(Vec<u8>, String)> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("CARDWRIGHT_CORPUS").map_or_else(beside, PathBuf::from).join("dsc/bulk");
    let read = std::fs::read(folder.join("dsc-a.der")).ok().zip(std::fs::read_to_string(folder.join("dsc-a.csv")).ok());
    if read.is_none() {
        println!("skipped: no corpus");
    }
    read
}

/// The rules that a certificate breaks by itself, whoever issued it. Most come from the profile of 2014, which added four extensions.
#[test]
fn most_document_signers_of_the_field_break_a_rule_of_the_profile() {
    let Some((bytes, table)) = bulk() else { return };
    let (mut count, mut breaking, mut rules) = (0, 0, BTreeMap::<&str, usize>::new());
    for line in table.lines().skip(1) {
        let mut fields = line.split(',');
        let mut number = || fields.next().and_then(|field| field.parse::<usize>().ok()).expect("a number");
        let (offset, length) = (number(), number());
        let certificate = Certificate::from_der(&bytes[offset..offset + length]).expect("a certificate");
        let broken: BTreeSet<&str> = signer_rules(&certificate, None).iter().map(|broken| broken.rule).collect();
        count += 1;
        breaking += usize::from(!broken.is_empty());
        broken.into_iter().for_each(|rule| *rules.entry(rule).or_default() += 1);
    }
    let expected = [
        ("DS-003", 1),
        ("DS-005", 8),
        ("DS-006", 262),
        ("DS-008", 691),
        ("DS-009", 671),
        ("DS-010", 72),
        ("DS-011", 3),
        ("DS-012", 603),
        ("DS-013", 706),
        ("XC-006", 150),
        ("XC-008", 80),
        ("XC-009", 159),
        ("XC-016", 1),
        ("XC-022", 22),
    ];
    assert_eq!((count, breaking, rules), (1986, 825, BTreeMap::from(expected)));
}
