//! `pki lint`: certificates by the rules of their profile, on the command line.

use crate::support::run;

#[test]
fn what_an_authority_issues_passes_and_curves_by_name_are_waived_by_name() {
    let folder = tempfile::tempdir().expect("folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("phrase"), "correct horse\n").expect("written");
    let (dir, phrase) = (file("ca"), file("phrase"));
    let place = ["--country", "VN", "--state", "VNM", "--parameters", "named"];
    run(&[&["pki", "init", &dir, "--passphrase-file", &phrase][..], &place].concat()).expect(0);
    run(&["pki", "issue", &dir, "ds", "--passphrase-file", &phrase, "--signer-passphrase-file", &phrase]).expect(0);
    let (root, ds) = (file("ca/csca.cer"), file("ca/ds.cer"));

    let named = run(&["pki", "lint", &root, "--json"]).expect(1).json();
    assert_eq!(named["objects"][0]["kind"], "csca");
    let fired: Vec<_> = named["objects"][0]["findings"].as_array().expect("findings").iter().map(|f| f["rule"].clone()).collect();
    assert_eq!(fired, ["XC-016"]);

    let told = ["--issuer", &root, "--waive", "XC-016", "--document-years", "10"];
    let said = run(&[&["pki", "lint", &root, &ds][..], &told].concat()).expect(0);
    assert!(said.stdout.contains("document signer certificate: no finding, 1 waived, 0 rules not judged"), "{}", said.stdout);
    // a document signer is no master list signer
    let other = run(&["pki", "lint", &ds, "--kind", "mls", "--waive", "XC-016"]).expect(1);
    assert!(other.stdout.contains("ML-004"), "{}", other.stdout);
}

#[test]
fn the_rules_are_listed_and_what_is_nothing_is_a_finding() {
    let rules = run(&["pki", "lint", "--rules", "--json"]).expect(0).json();
    let rules = rules["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), 238);
    assert_eq!(rules.iter().filter(|rule| rule["judged"] == "human" && rule["why"].is_string()).count(), 26);
    assert!(run(&["pki", "lint", "--rules"]).expect(0).stdout.contains("CA-012 error"));

    let folder = tempfile::tempdir().expect("folder");
    let text = folder.path().join("text").display().to_string();
    std::fs::write(&text, "no certificate").expect("written");
    assert!(run(&["pki", "lint", &text]).expect(1).stdout.contains("XC-001"));
    run(&["pki", "lint", &text, "--waive", "XX-001"]).expect(2).says(&["XX-001", "--rules"]);
    run(&["pki", "lint"]).expect(2);
    run(&["pki", "lint", "nowhere.cer"]).expect(7);
}
