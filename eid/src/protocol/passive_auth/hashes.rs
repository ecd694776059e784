//! The data groups against the list of hashes: what was read, what is listed, and whether the two are one set.

use super::signer::weak;
use super::{Input, LISTED};
use crate::cert::der;
use crate::lds::sod::Sod;
use crate::protocol::finding::{Check, Finding, Outcome};

const CLAUSE: &str = "Doc 9303-11 5.1, step 4";
const IDS: [&str; 16] = [
    "pa.hash.dg1",
    "pa.hash.dg2",
    "pa.hash.dg3",
    "pa.hash.dg4",
    "pa.hash.dg5",
    "pa.hash.dg6",
    "pa.hash.dg7",
    "pa.hash.dg8",
    "pa.hash.dg9",
    "pa.hash.dg10",
    "pa.hash.dg11",
    "pa.hash.dg12",
    "pa.hash.dg13",
    "pa.hash.dg14",
    "pa.hash.dg15",
    "pa.hash.dg16",
];

/// The check of the hash of data group `number`.
pub(super) fn check(number: u8) -> Check {
    match usize::from(number).checked_sub(1).and_then(|index| IDS.get(index)) {
        Some(id) => Check::new(id, CLAUSE),
        None => Check::named(format!("pa.hash.dg{number}"), CLAUSE),
    }
}

/// Whether among `findings` the hash of data group `number` was found right.
pub(super) fn is_right(findings: &[Finding], number: u8) -> bool {
    let check = check(number);
    findings.iter().any(|finding| finding.check == check && finding.outcome == Outcome::Passed)
}

/// `pa.hash.dgN` for every data group that was read or is listed, then `pa.listed`.
pub(super) fn compare(input: &Input<'_>, sod: &Sod, findings: &mut Vec<Finding>) {
    let mut numbers: Vec<u8> = input.files.keys().copied().chain(sod.data_groups()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let (mut not_listed, mut absent) = (Vec::new(), Vec::new());
    for number in numbers {
        let check = check(number);
        findings.push(match (input.files.get(&number).copied(), sod.hash_of(number)) {
            (Some(file), Some(listed)) => one(check, number, file, listed, sod),
            (Some(_), None) => {
                not_listed.push(number);
                check.failed("not-listed", format!("EF.DG{number} is on the chip, EF.SOD lists no hash of it"))
            }
            (None, Some(_)) if input.not_read.contains(&number) => {
                check.not_attempted("not-read", format!("EF.DG{number} is listed and was not read"))
            }
            (None, _) => {
                absent.push(number);
                check.failed("absent", format!("EF.DG{number} is listed in EF.SOD and not on the chip"))
            }
        });
    }
    let names = |list: &[u8]| list.iter().map(|n| format!("DG{n}")).collect::<Vec<_>>().join(", ");
    let listed: Vec<u8> = sod.data_groups().collect();
    let finding = match (not_listed.as_slice(), absent.as_slice()) {
        ([], []) => LISTED.passed(),
        ([], absent) => LISTED.failed("listed-but-absent", format!("listed in EF.SOD and not on the chip: {}", names(absent))),
        (extra, []) => LISTED.failed("present-but-not-listed", format!("on the chip and not listed in EF.SOD: {}", names(extra))),
        (extra, absent) => LISTED.failed(
            "lists-differ",
            format!("on the chip and not listed in EF.SOD: {}; listed and not on the chip: {}", names(extra), names(absent)),
        ),
    };
    findings.push(finding.with("listed", names(&listed)));
}

fn one(check: Check, number: u8, file: &[u8], listed: &[u8], sod: &Sod) -> Finding {
    let actual = sod.hash.digest(&[file]);
    let finding = if actual == listed {
        weak(check.passed(), [sod.hash])
    } else {
        check.failed("hash-differs", format!("{} of EF.DG{number} differs from the one that EF.SOD lists", sod.hash.name()))
    };
    finding.with("hash", sod.hash.name()).with("expected", der::hex(listed)).with("found", der::hex(&actual))
}
