//! Faults of files, signatures, and certificates against our own inspection, generated from the catalogue: a document for each row, with everything
//! signed as if it were right, beside the same document without the fault.

use applets::fault::catalogue::{self, Engine, Fault, State};
use cardwright::Verifier;
use cardwright::faulty::{self, Base, Faulty};
use cardwright::people;
use cardwright::perso::profile::DocumentProfile;
use cardwright::perso::record::Record;
use cardwright::terminal::report::Report;
use cardwright::terminal::{Verdict, mrz};
use eid::cert::crl::Crl;
use eid::cert::trust::TrustStore;

use super::document::today;
use super::manifest::{differences, failed};
use super::personalize::personalized;
use super::rng;

fn inspect(record: &Record, faulty: &Faulty) -> Report {
    let mut trust = TrustStore::new();
    for bytes in &faulty.anchors {
        trust.add(bytes).expect("a CSCA");
    }
    for bytes in &faulty.lists {
        trust.insert_crl(Crl::from_der(bytes).expect("a revocation list"));
    }
    let mut card = personalized(&faulty.image);
    Verifier::new(trust).inspect(&mut card, &[mrz(record.mrz())], today(), &mut rng()).expect("the card is there").report
}

fn implemented() -> impl Iterator<Item = &'static Fault> {
    let of_document = |fault: &&Fault| matches!(fault.engine, Engine::Image | Engine::Pki) && fault.state() == State::Implemented;
    catalogue::all().iter().filter(of_document)
}

#[test]
fn every_fault_of_a_document_gives_the_finding_that_the_catalogue_names() {
    let profile = DocumentProfile::load("icao-td3").expect("a profile");
    let citizen = people::citizen(1, 1, today());
    let record = Record::new(&citizen.input, &profile, today(), &mut |name| citizen.load(name)).expect("a record");
    let base = Base { record: &record, profile: &profile, today: today(), country: ("VN", "VNM") };
    let right = inspect(&record, &faulty::make(&base, "", 1).expect("a document"));
    assert_eq!(right.verdict, Verdict::Genuine, "{}", right.to_text(Default::default()));
    let before = failed(&right);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for fault in implemented() {
        count += 1;
        let made = faulty::make(&base, fault.injection, 1).unwrap_or_else(|error| panic!("{}: {error}", fault.id));
        let report = inspect(&record, &made);
        let found = differences(fault, &report, &before);
        println!("{:<11} {:<7} {:<13} {}", fault.id, fault.verdict, report.verdict.as_str(), fault.fault);
        if !found.is_empty() {
            wrong.push(format!("{} ({}): {}", fault.id, fault.fault, found.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(count, 166);
}

/// A fault that cannot be made is told with what was expected and found.
#[test]
fn an_injection_that_is_none_is_told() {
    let profile = DocumentProfile::load("icao-td3").expect("a profile");
    let citizen = people::citizen(1, 1, today());
    let record = Record::new(&citizen.input, &profile, today(), &mut |name| citizen.load(name)).expect("a record");
    let base = Base { record: &record, profile: &profile, today: today(), country: ("VN", "VNM") };
    let error = |injection: &str| faulty::make(&base, injection, 1).expect_err(injection).to_string();
    assert!(error("DG99 61 drop").contains("a file or one of LDSSO"), "{}", error("DG99 61 drop"));
    assert!(error("DG1 61 spoil").contains("expected an operation"), "{}", error("DG1 61 spoil"));
    assert!(error("DG1 6G drop").contains("hexadecimal tags"), "{}", error("DG1 6G drop"));
    assert!(error("DG1 62 drop").contains("expected an object"), "{}", error("DG1 62 drop"));
    assert!(error("DG1 61/5F1F @999='X'").contains("expected 1000 octets, found 88"), "{}", error("DG1 61/5F1F @999='X'"));
}
