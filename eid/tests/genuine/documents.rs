//! Chips of BSI and ETSI under passive authentication, and what becomes of damaged security objects.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use eid::cert::trust::TrustStore;
use eid::date::Date;
use eid::lds::sod::Sod;
use eid::protocol::finding::{Finding, Outcome};
use eid::protocol::passive_auth::{Input, Verdict, passive_authentication};

use crate::corpus;

fn run(sod: &[u8], files: &BTreeMap<u8, Vec<u8>>) -> Verdict {
    run_with(sod, files, &BTreeSet::new())
}

fn run_with(sod: &[u8], files: &BTreeMap<u8, Vec<u8>>, not_read: &BTreeSet<u8>) -> Verdict {
    let (sod, trust) = (Sod::parse(sod), TrustStore::new());
    let files = files.iter().map(|(&number, file)| (number, file.as_slice())).collect();
    let today = Date::new(2026, 11, 21).expect("a day");
    passive_authentication(&Input { sod: sod.as_ref(), files: &files, not_read, trust: &trust, cache: None, today, issued: None })
}

fn outcome<'a>(findings: &'a [Finding], id: &str) -> (Outcome, &'a str) {
    let finding = findings.iter().find(|f| f.id() == id).unwrap_or_else(|| panic!("no finding {id}"));
    (finding.outcome, finding.reason.as_ref().map_or("", |r| r.code))
}

fn bsi(root: &Path) -> (Vec<u8>, BTreeMap<u8, Vec<u8>>) {
    let chip = root.join("chips/bsi-tr03105-5");
    let read = |name: &str| std::fs::read(chip.join(name)).expect("file of the chip");
    let files = [1, 2, 3, 4, 14, 15].map(|n| (n, read(&format!("Datagroup{n}.bin"))));
    (read("EF_SOD.bin"), BTreeMap::from(files))
}

#[test]
fn the_bsi_chip_is_right_but_for_dg15_which_its_sod_does_not_list() {
    let Some(root) = corpus::root() else { return };
    let (sod, files) = bsi(&root);
    let verdict = run(&sod, &files);
    let of = |id: &str| outcome(&verdict.findings, id);
    for id in ["pa.sod", "pa.signature", "pa.hash.dg1", "pa.hash.dg2", "pa.hash.dg3", "pa.hash.dg4", "pa.hash.dg14"] {
        assert_eq!(of(id).0, Outcome::Passed, "{id}: {:?}", verdict.findings);
    }
    assert_eq!(of("pa.hash.dg15"), (Outcome::Failed, "not-listed"));
    assert_eq!(of("pa.listed"), (Outcome::Failed, "present-but-not-listed"));
    assert_eq!(of("pa.chain"), (Outcome::Undecided, "no-trust-anchor"));
    assert_eq!(of("pa.validity.today"), (Outcome::NotAttempted, "no-chain"));
}

#[test]
fn a_file_that_is_listed_and_neither_read_nor_protected_is_absent() {
    let Some(root) = corpus::root() else { return };
    let (sod, mut files) = bsi(&root);
    files.remove(&15);
    files.remove(&2);
    files.remove(&3);
    let verdict = run_with(&sod, &files, &BTreeSet::from([3]));
    assert_eq!(outcome(&verdict.findings, "pa.hash.dg2"), (Outcome::Failed, "absent"));
    assert_eq!(outcome(&verdict.findings, "pa.hash.dg3"), (Outcome::NotAttempted, "not-read"));
    assert_eq!(outcome(&verdict.findings, "pa.listed"), (Outcome::Failed, "listed-but-absent"));
}

#[test]
fn the_etsi_prototype_verifies_and_its_files_are_listed() {
    let Some(root) = corpus::root() else { return };
    let chip = root.join("chips/etsi-prototype");
    let read = |name: &str| std::fs::read(chip.join(name)).expect("file of the chip");
    let files = BTreeMap::from([(14, read("EF_DG14.bin")), (15, read("EF_DG15.bin"))]);
    let verdict = run(&read("EF_SOD.bin"), &files);
    for id in ["pa.sod", "pa.signature", "pa.hash.dg14", "pa.hash.dg15"] {
        assert_eq!(outcome(&verdict.findings, id).0, Outcome::Passed, "{id}: {:?}", verdict.findings);
    }
}

#[test]
fn malformed_security_objects_fail_by_the_rule_they_break() {
    let Some(root) = corpus::root() else { return };
    for (file, id, code) in [
        // its signed attribute was changed with the content type, so only the signature tells
        ("sod_386_sod.bin", "pa.signature", "signature-wrong"),
        ("sod_559_sod.bin", "pa.sod", "signed-data-malformed"),
        ("sod_579_sod.bin", "pa.sod", "signed-data-version"),
        ("sod_599_sod.bin", "pa.sod", "security-object-malformed"),
        ("sod_619_sod.bin", "pa.signature", "message-digest-differs"),
    ] {
        let sod = std::fs::read(root.join("chips/malformed-sod").join(file)).expect("file");
        let verdict = run(&sod, &BTreeMap::new());
        assert_eq!(outcome(&verdict.findings, id), (Outcome::Failed, code), "{file}: {:?}", verdict.findings);
    }
}

#[test]
fn a_security_object_in_ber_reads_as_the_same_list_and_says_so() {
    let Some(root) = corpus::root() else { return };
    let (file, files) = bsi(&root);
    let der = Sod::parse(&file).expect("EF.SOD");
    // ContentInfo and SignedData rewritten with indefinite lengths, the content in two pieces
    let info = eid::tlv::single(&file, 0x77u32).expect("77").value;
    let mut outer = eid::tlv::single(info, 0x30u32).expect("ContentInfo").reader();
    let kind = outer.next().expect("TLV").expect("type").raw;
    let mut signed = outer.expect(0xA0u32).expect("[0]").reader().expect(0x30u32).expect("SignedData").reader();
    let (version, digests) = (signed.next().expect("TLV").expect("version").raw, signed.next().expect("TLV").expect("digests").raw);
    signed.next().expect("TLV").expect("encapContentInfo");
    let (front, back) = der.signed.content().split_at(100);
    let content_type = eid::tlv::encode(0x06u32, &eid::oid::encode(eid::oid::LDS_SECURITY_OBJECT));
    let pieces = [eid::tlv::encode(0x04u32, front), eid::tlv::encode(0x04u32, back)].concat();
    let eoc: &[u8] = &[0, 0];
    let content = [&[0x24, 0x80], pieces.as_slice(), eoc].concat();
    let encapsulated = [&[0x30, 0x80], content_type.as_slice(), &[0xA0, 0x80], content.as_slice(), eoc, eoc].concat();
    let signed = [&[0x30, 0x80], version, digests, encapsulated.as_slice(), signed.rest(), eoc].concat();
    let info = [&[0x30, 0x80], kind, &[0xA0, 0x80], signed.as_slice(), eoc, eoc].concat();
    let ber = eid::tlv::encode(0x77u32, &info);

    let sod = Sod::parse(&ber).expect("EF.SOD in BER");
    assert_eq!(sod.signed.content(), der.signed.content());
    assert!(sod.quirks.iter().any(|quirk| quirk.rule == "cms.ber"), "{:?}", sod.quirks);
    let verdict = run(&ber, &files);
    assert_eq!(outcome(&verdict.findings, "pa.signature").0, Outcome::Passed);
}
