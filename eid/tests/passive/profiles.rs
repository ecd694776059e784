//! How certificates are made: each rule by itself, and none of them touches what is believed.

use eid::cert::trust::TrustStore;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::oid;
use eid::protocol::finding::{Finding, Outcome};
use eid::tlv::encode;

use crate::forge::{Key, Spec, World, csca_name, day, failed, finding, joined, of, oid_of};

fn broken(finding: &Finding) -> Vec<&'static str> {
    finding.evidence.iter().map(|(rule, _)| *rule).collect()
}

/// Rules that a document signer breaks when `change` is made to it.
fn of_signer(change: &dyn Fn(Spec) -> Spec) -> Vec<&'static str> {
    let mut world = World::new();
    world.ds = change(world.ds);
    let verdict = world.verdict();
    assert!(failed(&verdict).iter().all(|(id, _)| id.starts_with("profile.") || *id == "pa.chain"), "{:?}", failed(&verdict));
    broken(finding(&verdict, "profile.signer"))
}

fn of_csca(change: &dyn Fn(Spec) -> Spec) -> Vec<&'static str> {
    let mut world = World::new();
    world.csca = change(world.csca);
    world.ds.issuer = world.csca.subject.clone();
    world.trust = TrustStore::from_bytes(&world.csca.der(&world.csca_key)).expect("an anchor");
    broken(finding(&world.verdict(), "profile.csca"))
}

#[test]
fn each_rule_of_a_document_signer_is_told_by_itself() {
    assert_eq!(of_signer(&|ds| ds), [""; 0]);
    for (kind, rule) in [
        (oid::AUTHORITY_KEY_IDENTIFIER, "DS-003"),
        (oid::PRIVATE_KEY_USAGE_PERIOD, "DS-006"),
        (oid::SUBJECT_ALT_NAME, "DS-008"),
        (oid::ISSUER_ALT_NAME, "DS-009"),
        (oid::CRL_DISTRIBUTION_POINTS, "DS-012"),
        (oid::DOCUMENT_TYPE_LIST, "DS-013"),
    ] {
        assert_eq!(of_signer(&|ds| ds.without(kind)), [rule]);
        let critical = |ds: Spec| {
            let (_, _, value) = ds.extensions.iter().find(|(found, ..)| *found == kind).cloned().expect("an extension");
            ds.with(kind, true, value)
        };
        assert_eq!(of_signer(&critical), [rule], "critical");
    }
    assert_eq!(of_signer(&|ds| ds.with(oid::KEY_USAGE, false, vec![3, 2, 7, 0x80])), ["DS-005"]);
    assert_eq!(of_signer(&|ds| ds.with(oid::KEY_USAGE, true, vec![3, 2, 6, 0xC0])), ["DS-005"]);
    assert_eq!(of_signer(&|ds| ds.with(oid::BASIC_CONSTRAINTS, true, vec![0x30, 0])), ["DS-010"]);
    assert_eq!(of_signer(&|ds| ds.with(oid::NAME_CHANGE, false, vec![5, 0])), ["DS-014"]);
    assert_eq!(of_signer(&|ds| Spec { serial: vec![0], ..ds }), ["XC-003"]);
    assert_eq!(of_signer(&|ds| Spec { serial: vec![0x11; 21], ..ds }), ["XC-003"]);
    assert_eq!(of_signer(&|ds| Spec { serial: vec![0xFF, 0x01], ..ds }), ["XC-003"]);
    assert_eq!(of_signer(&|ds| Spec { until: day("2040-01-02"), ..ds }), ["DS-018"]);
    assert_eq!(of_signer(&|ds| Spec { from: day("2019-12-31"), ..ds }), ["DS-002"]);
    assert_eq!(of_signer(&|ds| Spec { issuer: csca_name("VN", "csca"), ..ds }), ["DS-001"]);
    let nameless = eid::cert::x509::name::encode(&[(oid::COUNTRY, "VN")]);
    assert_eq!(of_signer(&|ds| Spec { subject: nameless.clone(), ..ds }), ["XC-009"]);
    let part = |kind: &'static str, tag: u32, text: &[u8]| encode(0x31u32, &encode(0x30u32, &joined(&[&oid_of(kind), &encode(tag, text)])));
    let in_utf8 = encode(0x30u32, &joined(&[&part(oid::COUNTRY, 0x0C, b"VN"), &part(oid::COMMON_NAME, 0x0C, b"DS")]));
    assert_eq!(of_signer(&|ds| Spec { subject: in_utf8.clone(), ..ds }), ["XC-008"]);
    let small = encode(0x30u32, &joined(&[&part(oid::COUNTRY, 0x13, b"vn"), &part(oid::COMMON_NAME, 0x0C, b"DS")]));
    assert_eq!(of_signer(&|ds| Spec { subject: small.clone(), ..ds }), ["XC-008"]);
}

/// subjectAltName names the state in the code of the MRZ; a code that is nobody's says nothing.
#[test]
fn a_code_of_another_state_and_a_weak_key_are_told() {
    let named = |code| {
        let directory = encode(0xA4u32, &eid::cert::x509::name::encode(&[(oid::LOCALITY, code)]));
        of_signer(&|ds| ds.with(oid::SUBJECT_ALT_NAME, false, encode(0x30u32, &directory)))
    };
    assert_eq!((named("VNM"), named("FRA"), named("XYZ")), (vec![], vec!["DS-008"], vec![]));
    let world = World::with_key(Key::on(Curve::P192, 2));
    assert_eq!(broken(finding(&world.verdict(), "profile.signer")), ["XC-022"]);
}

#[test]
fn validity_that_ends_before_it_begins_and_sha_1_are_told() {
    let mut world = World::new();
    world.ds = Spec { from: day("2027-01-01"), until: day("2026-01-01"), ..world.ds };
    assert_eq!(broken(finding(&world.verdict(), "profile.signer")), ["XC-014"]);
    let mut world = World::new();
    world.csca_key.algorithm = Algorithm::Ecdsa(Hash::Sha1);
    assert_eq!(broken(finding(&world.verdict(), "profile.signer")), ["XC-006"]);
}

#[test]
fn each_rule_of_a_csca_is_told_by_itself() {
    assert_eq!(of_csca(&|csca| csca), [""; 0]);
    for (kind, rule) in [
        (oid::SUBJECT_KEY_IDENTIFIER, "CA-004"),
        (oid::PRIVATE_KEY_USAGE_PERIOD, "CA-006"),
        (oid::SUBJECT_ALT_NAME, "CA-009"),
        (oid::ISSUER_ALT_NAME, "CA-010"),
        (oid::CRL_DISTRIBUTION_POINTS, "CA-016"),
        (oid::BASIC_CONSTRAINTS, "CA-012"),
        (oid::KEY_USAGE, "CA-005"),
    ] {
        assert_eq!(of_csca(&|csca| csca.without(kind)), [rule]);
    }
    assert_eq!(of_csca(&|csca| csca.with(oid::KEY_USAGE, true, vec![3, 2, 1, 0x86])), ["CA-005"]);
    // pathLenConstraint 2, and none
    assert_eq!(of_csca(&|csca| csca.with(oid::BASIC_CONSTRAINTS, true, vec![0x30, 6, 1, 1, 0xFF, 2, 1, 2])), ["CA-012"]);
    assert_eq!(of_csca(&|csca| csca.with(oid::BASIC_CONSTRAINTS, true, vec![0x30, 3, 1, 1, 0xFF])), ["CA-012"]);
    assert_eq!(of_csca(&|csca| csca.with(oid::EXT_KEY_USAGE, false, encode(0x30u32, &oid_of("2.5.29.37.0")))), ["CA-015"]);
}

#[test]
fn the_document_type_list_in_all_its_forms_is_held_against_the_mrz() {
    let set = |codes: &[&[u8]]| encode(0x31u32, &codes.iter().flat_map(|code| encode(0x13u32, code)).collect::<Vec<u8>>());
    let with = |value: Vec<u8>| {
        let mut world = World::new();
        world.ds = world.ds.with(oid::DOCUMENT_TYPE_LIST, false, value);
        let verdict = world.verdict();
        let quirks: Vec<_> = verdict.quirks.iter().map(|quirk| quirk.rule).collect();
        (of(&verdict, "profile.document_type").0, quirks)
    };
    let list = |parts: &[&[u8]]| encode(0x30u32, &parts.concat());
    let version: &[u8] = &[2, 1, 0];
    assert_eq!(with(list(&[version, &set(&[b"P", b"ID"])])), (Outcome::Passed, vec![]));
    assert_eq!(with(list(&[version, &set(&[b"P"])])), (Outcome::Failed, vec![]));
    // Moldova; China, Tanzania, the Philippines
    assert_eq!(with(list(&[version, &set(&[b"P"]), &set(&[b"ID"])])), (Outcome::Passed, vec!["x509.document-type-list-several-sets"]));
    assert_eq!(with(list(&[&set(&[b"ID"])])), (Outcome::Passed, vec!["x509.document-type-list-version"]));
    assert_eq!(with(list(&[version, &encode(0x13u32, b"ID")])), (Outcome::Passed, vec!["x509.document-type-list-form"]));
    assert_eq!(with(encode(0x13u32, b"ID")), (Outcome::Passed, vec!["x509.document-type-list-form"]));
    // France
    let mut world = World::new();
    world.ds = world.ds.without(oid::DOCUMENT_TYPE_LIST).with("2.23.136.1.1.4", false, list(&[version, &set(&[b"ID"])]));
    let verdict = world.verdict();
    assert_eq!(of(&verdict, "profile.document_type").0, Outcome::Passed);
    assert_eq!(verdict.quirks.iter().map(|quirk| quirk.rule).collect::<Vec<_>>(), ["x509.document-type-list-oid"]);
    let mut world = World::new();
    world.ds = world.ds.without(oid::DOCUMENT_TYPE_LIST);
    assert_eq!(of(&world.verdict(), "profile.document_type"), (Outcome::NotAttempted, "no-list"));
}

#[test]
fn the_signer_is_of_the_state_that_the_mrz_names() {
    let mut world = World::new();
    assert_eq!(of(&world.verdict(), "pa.issuer").0, Outcome::Passed);
    world.csca.subject = csca_name("DE", "CSCA");
    world.csca.issuer = world.csca.subject.clone();
    world.ds.issuer = world.csca.subject.clone();
    world.trust = TrustStore::from_bytes(&world.csca.der(&world.csca_key)).expect("an anchor");
    let verdict = world.verdict();
    assert_eq!(failed(&verdict), [("pa.issuer", "another-state"), ("profile.country", "countries-differ")]);
    assert_eq!(finding(&verdict, "pa.issuer").evidence("signer"), Some("DE"));
    // a code that is no state
    let dg1 = world.files.get_mut(&1).expect("DG1");
    let at = dg1.windows(3).position(|window| window == b"VNM").expect("the issuer");
    dg1[at..at + 3].copy_from_slice(b"UTO");
    assert_eq!(of(&world.verdict(), "pa.issuer"), (Outcome::NotAttempted, "code-unknown"));
}
