//! The eID application, read by an authentication terminal from a card that the profile `icao-td1-eid` makes; and the faults of it.

use std::sync::LazyLock;

use applets::Card;
use applets::fault::Faults;
use applets::fault::catalogue::{self, Fault};
use applets::rng::SeededRng;
use applets::store::nvm::RamNvm;
use cardwright::demo::{self, DemoOptions, Slot};
use cardwright::perso::build::trust_points;
use cardwright::session::Session;
use cardwright::terminal::eid_application::{self, EidReading, Request};
use cardwright::terminal::{TerminalCredentials, Verdict, can};
use eid::cert::chat::{Chat, Role, TerminalType};
use eid::cert::cvc::issue::Template;
use eid::cert::cvc::{CvKey, Cvc, KeyReference, TerminalSector, VerifyingKey};
use eid::cert::trust::TrustStore;
use eid::crypto::curve::{self, Curve};
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PrivateKey};
use eid::protocol::auxiliary::Question;
use eid::protocol::finding::Outcome as Ended;
use eid::protocol::restricted_id::SectorKey;
use pki::key::SigningKey;
use pki::software::SoftwareSigner;

use super::document::today;
use super::faults::Outcome;
use super::manifest::{differences, failed, told};
use super::rng;

/// Rights of the terminal that most tests come with: read DG3, DG4, DG8, DG18, DG21; age, municipality, identifier, CAN.
const RIGHTS: [u8; 9] = [0, 1, 2, 4, 10, 11, 15, 25, 28];

fn signing_key(name: &str) -> SigningKey {
    let key = PrivateKey::generate_ec(Curve::BrainpoolP256r1, &mut SeededRng::new(name.as_bytes()));
    SigningKey::new(key, Algorithm::Ecdsa(Hash::Sha256)).expect("an algorithm of the key")
}

fn sector() -> SectorKey {
    SectorKey::new(&curve::PrivateKey::generate(Curve::BrainpoolP256r1, &mut SeededRng::new(b"shop")).public())
}

/// A certificate for a terminal of `kind`, or for one above it.
fn certificate(kind: TerminalType, authority: &str, holder: &str, chat: Chat) -> Cvc {
    let name = |role: &str| KeyReference::from_octets(format!("UT{role}{}00001", kind.abbreviation()).as_bytes()).expect("a reference");
    let key = signing_key(&format!("{holder}{kind:?}"));
    let verifying = VerifyingKey { algorithm: key.algorithm, key: key.key.public() };
    let sector = TerminalSector::extension(Hash::Sha256, &sector().object(), None);
    let template = Template {
        authority: name(authority),
        key: CvKey::new(&verifying, chat.role() == Role::Cvca).expect("below id-TA"),
        holder: name(holder),
        chat,
        validity: (today().plus_days(-10), today().plus_days(60)),
        extensions: if chat.role() == Role::Terminal { vec![sector] } else { Vec::new() },
    };
    let signer = SoftwareSigner::new(authority.to_owned(), signing_key(&format!("{authority}{kind:?}")), SeededRng::new(holder.as_bytes()));
    template.issue(&signer).expect("a certificate")
}

fn root(kind: TerminalType) -> Cvc {
    certificate(kind, "CVCA", "CVCA", Chat::full(kind, Role::Cvca))
}

fn credentials(kind: TerminalType, bits: &[u8]) -> TerminalCredentials {
    let certificates = vec![
        certificate(kind, "CVCA", "DV", Chat::full(kind, Role::DvForeign)),
        certificate(kind, "DV", "T", Chat::new(kind, Role::Terminal, bits.iter().copied())),
    ];
    let signer = SoftwareSigner::new("terminal".to_owned(), signing_key(&format!("T{kind:?}")), SeededRng::new(b"terminal"));
    TerminalCredentials::new(certificates, Box::new(signer)).expect("the key of the last certificate")
}

/// The card of one person, with the anchor of its state.
struct Made {
    cells: Vec<u8>,
    can: String,
    trust: TrustStore,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("demo");
    let roots = [TerminalType::Inspection, TerminalType::Authentication].map(root);
    let options = DemoOptions {
        cards: 1,
        slots: vec![Slot::InProcess],
        out: out.clone(),
        seed: 1,
        profile: "icao-td1-eid".to_owned(),
        today: today(),
        token: None,
        trust: Some(trust_points(&roots, today()).expect("one of each kind")),
    };
    let summary = demo::run(&options, &mut SeededRng::new(b"eid"), &|_| {}).expect("a demo");
    assert_eq!((summary.genuine, summary.verified), (1, 1), "{summary:?}");
    let people: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("people.json")).expect("people")).expect("JSON");
    let mut trust = TrustStore::new();
    trust.add(&std::fs::read(out.join("pki/csca.cer")).expect("a certificate")).expect("an anchor");
    let can = people[0]["can"].as_str().expect("digits").to_owned();
    Made { cells: std::fs::read(out.join("cards/0001.card")).expect("a card"), can, trust }
});

/// What is asked beside the data groups.
fn questions() -> Vec<(Question, Vec<u8>)> {
    let day = today().yyyymmdd().into_bytes();
    vec![(Question::Age, day.clone()), (Question::Validity, day), (Question::Municipality, vec![0x02, 0x76])]
}

fn read(terminal: &TerminalCredentials, trust: &TrustStore, groups: &[u8], faults: &Faults) -> (EidReading, u32) {
    let mut card = Card::boot(RamNvm::from_cells(MADE.cells.clone()), Box::new(SeededRng::new(b"boot"))).expect("the card boots");
    card.set_faults(faults);
    let (passwords, questions, sector) = ([can(&MADE.can)], questions(), sector());
    let sectors = [Some(&sector), None];
    let request = Request { passwords: &passwords, terminal, trust, today: today(), groups, questions: &questions, sectors };
    let reading = eid_application::read(&mut Session::new(&mut card), &request, &mut rng()).expect("the card opens");
    let shown = card.faults_shown().iter().map(|(_, times)| times).sum();
    (reading, shown)
}

/// A fault of the catalogue that needs the application.
pub(super) fn judge(fault: &Fault) -> Outcome {
    let terminal = credentials(TerminalType::Authentication, &RIGHTS);
    let (right, _) = read(&terminal, &MADE.trust, &[], &Faults::default());
    assert_eq!(right.verdict, Verdict::Genuine, "{:?}", right.findings);
    let (reading, shown) = read(&terminal, &MADE.trust, &[], &Faults::named(&[fault.id]).expect("an implemented fault"));
    let mut wrong = differences(fault, &reading, &failed(&right));
    if shown == 0 {
        wrong.push("never shown".to_owned());
    }
    let told = told(&reading, &right);
    let line = format!("{:<11} {:<8} {:<14} {shown:>3}x  {told}", fault.id, fault.verdict, reading.verdict.as_str());
    Outcome { line, wrong }
}

#[test]
fn the_faults_of_the_application_give_what_the_catalogue_names() {
    let rows: Vec<_> = catalogue::all().iter().filter(|fault| fault.needs().any(|word| word == "eid")).collect();
    let wrong: Vec<_> = rows.iter().map(|fault| judge(fault)).filter(|outcome| !outcome.wrong.is_empty()).collect();
    assert!(wrong.is_empty(), "{:?}", wrong.iter().map(|outcome| (&outcome.line, &outcome.wrong)).collect::<Vec<_>>());
    assert_eq!(rows.len(), 4);
}

fn outcome(reading: &EidReading, id: &str) -> Option<(Ended, &'static str)> {
    reading.finding(id).map(|finding| (finding.outcome, finding.reason.as_ref().map_or("", |reason| reason.code)))
}

#[test]
fn a_terminal_reads_what_its_rights_open_and_gets_its_answers() {
    let terminal = credentials(TerminalType::Authentication, &RIGHTS);
    let (reading, _) = read(&terminal, &MADE.trust, &[], &Faults::default());
    assert_eq!(reading.verdict, Verdict::Genuine, "{:?}", reading.findings);
    assert_eq!(reading.groups.keys().copied().collect::<Vec<_>>(), [3, 4, 8, 18, 21]);
    assert_eq!(reading.groups[&18].encode(), [&[0x72, 0x09, 0x04, 0x07][..], &[0x02, 0x76, 0x03, 0x78, 0x90, 0x02, 0x76]].concat());
    assert_eq!(reading.answers.values().copied().collect::<Vec<_>>(), [true, true, true]);
    let [Some(identifier), None] = &reading.identifiers else { panic!("{:?}", reading.identifiers) };
    let (again, _) = read(&terminal, &MADE.trust, &[], &Faults::default());
    assert_eq!((identifier.len(), again.identifiers), (32, reading.identifiers.clone()), "the same in each session");
}

#[test]
fn without_a_right_or_an_anchor_it_is_told_and_no_fault_of_the_card() {
    let terminal = credentials(TerminalType::Authentication, &[4, 11]);
    let (reading, _) = read(&terminal, &MADE.trust, &[4, 8, 14], &Faults::default());
    assert_eq!(reading.verdict, Verdict::Genuine, "{:?}", reading.findings);
    assert_eq!(reading.groups.keys().copied().collect::<Vec<_>>(), [4]);
    assert_eq!(outcome(&reading, "read.eid.dg8"), Some((Ended::NotAttempted, "protected")));
    assert_eq!(outcome(&reading, "read.eid.dg14"), Some((Ended::NotAttempted, "protected")), "whether there is one it does not learn");
    assert_eq!(outcome(&reading, "eid.age"), Some((Ended::NotAttempted, "protected")));
    assert_eq!(outcome(&reading, "eid.municipality"), Some((Ended::NotAttempted, "protected")));
    assert_eq!(reading.answers.get(&Question::Validity), Some(&true), "every authentication terminal may ask that");
    // the key for everybody
    assert!(reading.identifiers[0].is_some());
    let (reading, _) = read(&terminal, &TrustStore::new(), &[], &Faults::default());
    assert_eq!((reading.verdict, outcome(&reading, "ca")), (Verdict::Undecided, Some((Ended::NotAttempted, "key-not-confirmed"))));
}

#[test]
fn an_inspection_system_reads_all_of_it_and_gets_no_answers() {
    let (reading, _) = read(&credentials(TerminalType::Inspection, &[]), &MADE.trust, &[], &Faults::default());
    assert_eq!(reading.verdict, Verdict::Genuine, "{:?}", reading.findings);
    assert_eq!((reading.groups.len(), reading.answers.len()), (20, 0));
    assert_eq!(reading.identifiers, [None, None]);
}

#[test]
fn a_terminal_under_another_cvca_reads_nothing() {
    let other = credentials(TerminalType::Authentication, &RIGHTS);
    let forged = Faults::injected("apdu.ta_pso.command[-1]^=01").expect("an injection");
    let (reading, _) = read(&other, &MADE.trust, &[], &forged);
    assert_eq!((reading.groups.len(), outcome(&reading, "ta")), (0, Some((Ended::Failed, "refused"))));
}
