//! Faults of files, signatures, and certificates against our own inspection, generated from the catalogue: a document for each row, with everything
//! signed as if it were right, beside the same document without the fault.

use applets::fault::catalogue::{self, Engine, Fault, State};
use applets::rng::SeededRng;
use cardwright::Verifier;
use cardwright::faulty::Faulty;
use cardwright::terminal::report::Report;
use cardwright::terminal::{Inspection, Policy, Requirement, StandardPolicy, TerminalCredentials, Verdict, can, mrz};
use eid::cert::crl::Crl;
use eid::cert::deviation_list::DeviationList;
use eid::cert::list_signer::{self, Purpose};
use eid::cert::master_list::MasterList;
use eid::cert::trust::{Entry, Origin, Tier, TrustStore};
use eid::cert::x509::Certificate;
use eid::mrz::Mrz;
use pki::software::SoftwareSigner;

use super::SPECIMEN;
use super::document::today;
use super::manifest::{differences, failed, sample, told};
use super::personalize::personalized;
use super::rng;

/// What a verifier with the trust of `faulty` trusts: certificates, and lists whose signer is proved.
pub(super) fn trust(faulty: &Faulty) -> TrustStore {
    let mut trust = TrustStore::new();
    for bytes in &faulty.anchors {
        trust.add(bytes).expect("a CSCA");
    }
    for bytes in &faulty.master_lists {
        let list = MasterList::parse(bytes).expect("a master list");
        list_signer::prove(&list.signed, Purpose::MasterList, &trust).expect("a master list of somebody known");
        for certificate in list.entries.into_iter().filter_map(|entry| entry.certificate.ok()) {
            trust.insert_anchor(Entry::new(Certificate::clone(&certificate)), [Origin::new(Tier::NationalList, "a list")]);
        }
    }
    for bytes in &faulty.deviation_lists {
        let list = DeviationList::parse(bytes).expect("a deviation list");
        list_signer::prove(&list.signed, Purpose::DeviationList, &trust).expect("a deviation list of the state");
        trust.insert_deviation_list(list);
    }
    for bytes in &faulty.lists {
        trust.insert_crl(Crl::from_der(bytes).expect("a revocation list"));
    }
    trust
}

/// By the standard policy. Where fingerprints are asked for, a terminal that is refused has not done its work.
pub(super) fn inspect(faulty: &Faulty) -> Report {
    inspect_by(faulty, StandardPolicy::requiring(faulty.terminal.as_ref().map(|_| Requirement::Ta))).report
}

pub(super) fn inspect_by(faulty: &Faulty, policy: impl Policy + 'static) -> Inspection {
    let mut verifier = Verifier::new(trust(faulty)).with_policy(policy);
    if let Some(terminal) = &faulty.terminal {
        let signer = SoftwareSigner::new("terminal", terminal.key.clone(), SeededRng::new(b"terminal"));
        let credentials =
            TerminalCredentials::new(terminal.certificates.clone(), Box::new(signer)).expect("the certificate is for the key");
        verifier = verifier.with_terminal(credentials);
    }
    let printed = Mrz::read(&faulty.printed).expect("an MRZ").0;
    let password = faulty.can.as_ref().map_or_else(|| mrz(&printed), |digits| can(digits));
    let mut card = personalized(&faulty.image);
    let mut inspection = verifier.inspect(&mut card, &[password], today(), &mut rng()).expect("the card is there");
    verifier.compare_page(&mut inspection, &printed);
    inspection
}

fn implemented() -> impl Iterator<Item = &'static Fault> {
    let of_document = |fault: &&Fault| matches!(fault.engine, Engine::Image | Engine::Pki) && fault.state() == State::Implemented;
    catalogue::all().iter().filter(of_document)
}

/// Prints the table of faults and checks, and fails with all rows that are not as the catalogue says.
fn assert_all<'a>(faults: impl IntoIterator<Item = &'a Fault>) -> usize {
    let right = inspect(&SPECIMEN.make("").expect("a document"));
    assert_eq!(right.verdict, Verdict::Genuine, "{}", right.to_text(Default::default()));
    let before = failed(&right);
    let (mut wrong, mut count) = (Vec::new(), 0);
    println!("{:<11} {:<8} {:<14} what the checks say that they do not say without the fault (*: fails)", "fault", "expected", "verdict");
    for fault in faults {
        count += 1;
        let made = SPECIMEN.make(fault.injection).unwrap_or_else(|error| panic!("{}: {error}", fault.id));
        let report = inspect(&made);
        let found = differences(fault, &report, &before);
        println!("{:<11} {:<8} {:<14} {}", fault.id, fault.verdict, report.verdict.as_str(), told(&report, &right));
        if !found.is_empty() {
            wrong.push(format!("{} ({}): {}", fault.id, fault.fault, found.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    count
}

#[test]
fn a_tenth_of_the_faults_of_documents_gives_the_findings_that_the_catalogue_names() {
    assert!(assert_all(sample(implemented())) > 30);
}

/// All of them. `make soak`.
#[test]
#[ignore = "make soak runs it"]
fn every_fault_of_a_document_gives_the_findings_that_the_catalogue_names() {
    assert_eq!(assert_all(implemented()), 291);
}

/// A fault that cannot be made is told with what was expected and found.
#[test]
fn an_injection_that_is_none_is_told() {
    let error = |injection: &str| SPECIMEN.make(injection).expect_err(injection).to_string();
    assert!(error("DG99 61 drop").contains("a file or one of LDSSO"), "{}", error("DG99 61 drop"));
    assert!(error("DG1 61 spoil").contains("expected an operation"), "{}", error("DG1 61 spoil"));
    assert!(error("DG1 6G drop").contains("hexadecimal tags"), "{}", error("DG1 6G drop"));
    assert!(error("DG1 62 drop").contains("expected an object"), "{}", error("DG1 62 drop"));
    assert!(error("DG1 61/5F1F @999='X'").contains("expected 1000 octets, found 88"), "{}", error("DG1 61/5F1F @999='X'"));
}
