//! What its own lint calls an error is not published: no certificate, and the serial number is burned.

use std::path::Path;

use eid::crypto::curve::Curve;
use eid::date::Date;
use eid::secret::Secret;
use pki::certificate::IssueError;
use pki::{Authority, DsParameters, Hierarchy, Issuing, KeyParameters, KeyStore, PkiError, SoftwareKeys, hierarchy};
use rand_core::{CryptoRng, UnwrapErr};

fn rng() -> impl CryptoRng {
    UnwrapErr(getrandom::SysRng)
}

fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day")
}

fn keys(directory: &Path) -> impl KeyStore {
    SoftwareKeys::new(directory, Secret::from(&b"test"[..]), UnwrapErr(getrandom::SysRng))
}

fn declared(crl: &str) -> Hierarchy {
    let mut hierarchy = Hierarchy::new("VN", "VNM", crl);
    let key = KeyParameters::Ec(Curve::P256);
    hierarchy.csca = Some(hierarchy::Csca { common_name: "CSCA Test".to_owned(), key, ..hierarchy::Csca::default() });
    hierarchy
}

fn rules(error: &PkiError) -> Vec<&'static str> {
    match error {
        PkiError::Issue(IssueError::Lint(findings)) => findings.iter().map(|finding| finding.rule).collect(),
        other => panic!("refused by lint: {other}"),
    }
}

#[test]
fn a_wrong_profile_is_refused_nothing_is_published_and_the_serial_number_is_burned() {
    let keep = tempfile::tempdir().expect("directory");
    let directory = keep.path().join("pki");
    Authority::declare(&directory, &declared("http://csca.example/csca.crl")).expect("declared");
    let (mut authority, _) = Authority::open(&directory, today()).expect("opened");
    authority.issue_csca(&keys(&directory), "test", &mut rng(), today()).expect("CSCA");
    let newest = authority.cscas().last().expect("CSCA").name.clone();
    let (root, _) = authority.signer(&newest, &keys(&directory)).expect("signer");
    let issuing = Issuing { signer: root.as_ref(), by: "test", today: today() };
    let wrong = DsParameters { document_types: vec!["<<".to_owned()], ..DsParameters::default() };
    let error = authority.issue_ds("ds", &wrong, &keys(&directory), &issuing, &mut rng()).expect_err("refused");
    assert_eq!(rules(&error), ["DS-013"]);
    assert!(!directory.join("ds.cer").exists(), "nothing is published");
    assert_eq!(authority.issued().len(), 1, "the root alone");
    let lines = std::fs::read_to_string(directory.join("register.jsonl")).expect("register");
    assert!(lines.contains("burn"), "the number is burned: {lines}");
    // the same name with a right profile
    authority.issue_ds("ds", &DsParameters::default(), &keys(&directory), &issuing, &mut rng()).expect("document signer");
    assert!(directory.join("ds.cer").exists());
}
