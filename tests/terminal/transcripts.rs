//! Evidence of chip authentication mapping and Terminal Authentication: judged again from the file it says the same, and a record that was
//! changed does not pass.

use cardwright::Verifier;
use cardwright::terminal::evidence::TerminalAuth;
use cardwright::terminal::evidence::file::EvidenceError;
use cardwright::terminal::report::Report;
use cardwright::terminal::{Evidence, Inspection, Verdict, can, mrz};
use eid::cert::chat::Chat;
use eid::crypto::agreement::Domain;
use eid::crypto::curve::{Curve, Point};
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::signature::Algorithm;
use eid::image::FileId;
use eid::protocol::finding::{Check, Finding};
use eid::protocol::pace::cam::ChipAuthenticationData;
use eid::secret::Secret;
use pki::key::KeyParameters;

use super::document::{self, Authority, CAN, dg, today};
use super::entries::{static_key, with_cam};
use super::evidence::{AUTHORITY, said};
use super::extended::{ChipKey, State, bp256, card_image, inspect, verifier};
use super::link::ShortLink;
use super::personalize::personalized;
use super::rng;

fn of(report: &Report, id: &str) -> (String, String) {
    let finding = report.finding(id).unwrap_or_else(|| panic!("no finding {id} in {:#?}", report.findings));
    (finding.outcome.as_str().to_owned(), finding.reason.as_ref().map_or("", |reason| reason.code).to_owned())
}

fn pair(outcome: &str, code: &str) -> (String, String) {
    (outcome.to_owned(), code.to_owned())
}

/// Through the file and back: the same findings with the same evidence, and the same verdict.
fn assert_same(inspection: &Inspection, judge: &Verifier, id: &str) -> Evidence {
    let evidence = Evidence::of(inspection);
    let text = evidence.to_json();
    assert!(text.contains("\"version\": 2,"), "what version 1 has not");
    let read = Evidence::from_json(&text).expect("evidence");
    assert_eq!(read.transcript, inspection.transcript);
    let again = judge.judge(&read, read.date).report;
    assert_eq!(again.verdict, inspection.report.verdict, "{}", again.to_text(Default::default()));
    assert_eq!(said(&again), said(&inspection.report));
    let evidence_of = |report: &Report| {
        let mut all = report.finding(id).expect("a finding").evidence.clone();
        all.sort_unstable();
        all
    };
    assert_eq!(evidence_of(&again), evidence_of(&inspection.report));
    read
}

/// Inspections that leave a record of chip authentication mapping, and of Terminal Authentication in both versions.
pub(crate) fn with_every_record() -> Vec<Inspection> {
    let (key, state) = (static_key(1), State::ecdsa("a"));
    let cam = Verifier::new(AUTHORITY.trust()).inspect(personalized(&with_cam(&AUTHORITY, &key, &key)), &[can(CAN)], today(), &mut rng());
    let of_version = |version: u8| {
        let keys = [ChipKey { domain: bp256(), suites: vec![Suite::Aes128], version, id: None }];
        inspect(personalized(&card_image(&state, &keys, version)), Some(state.credentials(&[])))
    };
    vec![cam.expect("the card is there"), of_version(1), of_version(2)]
}

#[test]
fn chip_authentication_mapping_is_judged_the_same_from_the_file() {
    let [right, other] = [static_key(1), static_key(2)];
    let stranger = Authority::new(2);
    let mut silent = with_cam(&AUTHORITY, &right, &right);
    silent.files.remove(&FileId::CARD_SECURITY);
    let judge = Verifier::new(AUTHORITY.trust());
    for (image, cam) in [
        (with_cam(&AUTHORITY, &right, &right), pair("passed", "")),
        (with_cam(&AUTHORITY, &other, &right), pair("failed", "key-not-proven")),
        (with_cam(&stranger, &right, &right), pair("not-attempted", "key-not-confirmed")),
        (silent, pair("not-attempted", "no-card-security")),
    ] {
        let inspection = judge.inspect(personalized(&image), &[can(CAN)], today(), &mut rng()).expect("the card is there");
        assert_eq!(of(&inspection.report, "cam"), cam);
        let evidence = assert_same(&inspection, &judge, "cam");
        // and what the holder's data do not tell stays when they are left out
        let redacted = Evidence::from_json(&evidence.redacted().to_json()).expect("evidence");
        assert_eq!(of(&judge.judge(&redacted, today()).report, "cam"), cam);
    }
}

#[test]
fn a_changed_record_of_chip_authentication_mapping_proves_nothing() {
    let key = static_key(1);
    let judge = Verifier::new(AUTHORITY.trust());
    let inspect = || {
        let image = with_cam(&AUTHORITY, &key, &key);
        judge.inspect(personalized(&image), &[can(CAN)], today(), &mut rng()).expect("the card is there")
    };
    let evidence = Evidence::of(&inspect());
    let record = evidence.transcript.cam.clone().expect("a record");
    let data = record.data().expect("data").expose().to_vec();
    let changed = |at: usize| {
        let mut data = data.clone();
        data[at] ^= 1;
        Some(Secret::new(data))
    };
    let (id, point) = (record.key_id(), record.mapping_key().clone());
    let foreign = Point::from_bytes(Curve::P256, static_p256().as_bytes()).expect("a point");
    for (record, code) in [
        (ChipAuthenticationData::from_record(id, key.public(), Some(Secret::new(data.clone()))), "key-not-proven"),
        (ChipAuthenticationData::from_record(id, point.clone(), changed(5)), "key-not-proven"),
        (ChipAuthenticationData::from_record(id, point.clone(), changed(data.len() - 16)), "data-malformed"),
        (ChipAuthenticationData::from_record(id, point.clone(), Some(Secret::new(data[..40].to_vec()))), "data-malformed"),
        (ChipAuthenticationData::from_record(id, point.clone(), None), "data-malformed"),
        (ChipAuthenticationData::from_record(id, foreign, Some(Secret::new(data.clone()))), "data-malformed"),
        (ChipAuthenticationData::from_record(id + 1, point, Some(Secret::new(data.clone()))), "no-key"),
    ] {
        let mut evidence = evidence.clone();
        evidence.transcript.cam = Some(record);
        let report = judge.judge(&Evidence::from_json(&evidence.to_json()).expect("evidence"), today()).report;
        assert_eq!((of(&report, "cam"), report.verdict), (pair("failed", code), Verdict::NotGenuine));
    }
    // without a record a recorded success is nothing, and a recorded failure stands
    let mut none = evidence.clone();
    none.transcript.cam = None;
    assert_eq!(of(&judge.judge(&none, today()).report, "cam"), pair("not-attempted", "no-transcript"));
    let failed = Check::new("cam", "Doc 9303-11 §4.4.3.5").failed("key-not-proven", "");
    none.findings.iter_mut().filter(|finding| finding.id() == "cam").for_each(|finding| *finding = failed.clone());
    assert_eq!(judge.judge(&none, today()).report.verdict, Verdict::NotGenuine);
    // a file that says it is of version 1 has no such record
    let text = evidence.to_json().replacen("\"version\": 2", "\"version\": 1", 1);
    assert!(matches!(Evidence::from_json(&text), Err(EvidenceError::Value { field: "version", .. })));
}

fn static_p256() -> Point {
    eid::crypto::curve::PrivateKey::generate(Curve::P256, &mut rng()).public()
}

fn by_mrz(state: &State, image: &eid::image::CardImage) -> Inspection {
    let mut image = image.clone();
    image.files.remove(&FileId::CARD_ACCESS);
    let passwords = [mrz(&document::mrz())];
    let verifier = verifier(Some(state.credentials(&[Chat::READ_DG3])));
    verifier.inspect(personalized(&image), &passwords, today(), &mut rng()).expect("the card is there")
}

#[test]
fn terminal_authentication_is_judged_the_same_from_the_file() {
    let judge = verifier(None);
    let ec = State::ecdsa("a");
    let pss = Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 };
    let rsa = State::new("rsa", KeyParameters::Rsa(2048), pss);
    let of_version_2 = |domain: Domain| [ChipKey { domain, suites: vec![Suite::Aes128], version: 2, id: None }];
    let terminal = |state: &State| Some(state.credentials(&[Chat::READ_DG3]));
    let image = card_image(&ec, &ChipKey::one(bp256(), Suite::Aes128), 1);
    let long = card_image(&rsa, &ChipKey::one(bp256(), Suite::TripleDes), 1);
    let second = card_image(&ec, &of_version_2(bp256()), 2);
    let inspections = [
        ("PACE", inspect(personalized(&image), terminal(&ec))),
        ("BAC", by_mrz(&ec, &image)),
        ("a chain of short commands", inspect(ShortLink(personalized(&long)), terminal(&rsa))),
        ("version 2", inspect(personalized(&second), terminal(&ec))),
    ];
    for (what, inspection) in inspections {
        assert_eq!(of(&inspection.report, "ta"), pair("passed", ""), "{what}");
        let record = inspection.transcript.terminal_auth.as_ref().expect("a record");
        assert_eq!((record.chip_key.is_none(), record.accepted.is_none()), (what == "BAC", what == "version 2"), "{what}");
        let evidence = assert_same(&inspection, &judge, "ta");
        let text = evidence.redacted().to_json();
        assert!(!text.contains("505000123") && !text.contains(&hex::encode("505000123")), "{what}");
        let redacted = judge.judge(&Evidence::from_json(&text).expect("evidence"), today()).report;
        let expected = if what == "BAC" { pair("not-attempted", "no-dg1") } else { pair("passed", "") };
        assert_eq!((of(&redacted, "ta"), redacted.verdict), (expected, inspection.report.verdict), "{what}");
    }
    // refused, and not done
    for credentials in [Some(State::ecdsa("b").credentials(&[0, 1])), None] {
        let inspection = inspect(personalized(&image), credentials);
        assert_eq!(inspection.transcript.terminal_auth, None);
        let mut evidence = Evidence::of(&inspection);
        assert_eq!(said(&judge.judge(&evidence, today()).report), said(&inspection.report));
        // a forger writes that the chip took it
        let passed: Finding = Check::new("ta", "Doc 9303-11 §7.1").passed();
        evidence.findings.iter_mut().filter(|finding| finding.id() == "ta").for_each(|finding| *finding = passed.clone());
        assert_eq!(of(&judge.judge(&evidence, today()).report, "ta"), pair("not-attempted", "no-transcript"));
    }
}

#[test]
fn a_changed_record_of_terminal_authentication_does_not_pass() {
    let state = State::ecdsa("a");
    let image = card_image(&state, &ChipKey::one(bp256(), Suite::Aes128), 1);
    let inspection = inspect(personalized(&image), Some(state.credentials(&[Chat::READ_DG3])));
    let other = inspect(personalized(&image), Some(State::ecdsa("a").credentials(&[])));
    let (evidence, judge) = (Evidence::of(&inspection), verifier(None));
    let other = other.transcript.terminal_auth.expect("a record");
    let bad_mac = |bytes: &mut Vec<u8>| {
        // the last object is the MAC; after it come at most Le or the status word
        let at = bytes.len() - 6;
        bytes[at] ^= 1;
    };
    type Change<'a> = Box<dyn Fn(&mut TerminalAuth) + 'a>;
    let changes: Vec<(&str, Change<'_>)> = vec![
        ("signature-wrong", Box::new(|record| record.signature[7] ^= 1)),
        ("signature-wrong", Box::new(|record| record.challenge[0] ^= 1)),
        ("signature-wrong", Box::new(|record| record.chip_key.iter_mut().for_each(|key| key[3] ^= 1))),
        ("record-malformed", Box::new(|record| record.challenge.truncate(7))),
        ("record-malformed", Box::new(|record| record.certificates.clear())),
        ("record-malformed", Box::new(|record| record.certificates.reverse())),
        ("record-malformed", Box::new(|record| record.certificates[0].truncate(40))),
        ("record-malformed", Box::new(|record| record.curve = None)),
        // another certificate for the same key, with other rights: its signature is right, and that over the challenge too
        ("", Box::new(|record| record.certificates = other.certificates.clone())),
        // its signature is not that of the DV
        ("signature-wrong", Box::new(|record| record.certificates[1].iter_mut().rev().take(1).for_each(|octet| *octet ^= 1))),
        ("record-malformed", Box::new(|record| record.accepted = None)),
        ("record-malformed", Box::new(|record| record.accepted.iter_mut().for_each(|exchange| exchange.before += 1))),
        ("record-malformed", Box::new(|record| record.accepted.iter_mut().for_each(|exchange| exchange.before = u32::MAX))),
        ("record-malformed", Box::new(|record| record.accepted.iter_mut().for_each(|exchange| bad_mac(&mut exchange.command)))),
        ("record-malformed", Box::new(|record| record.accepted.iter_mut().for_each(|exchange| bad_mac(&mut exchange.answer)))),
        ("record-malformed", Box::new(|record| record.accepted.iter_mut().for_each(|exchange| exchange.answer = vec![0x90, 0x00]))),
    ];
    for (n, (code, change)) in changes.iter().enumerate() {
        let mut evidence = evidence.clone();
        change(evidence.transcript.terminal_auth.as_mut().expect("a record"));
        let report = judge.judge(&Evidence::from_json(&evidence.to_json()).expect("evidence"), today()).report;
        let expected = if code.is_empty() { pair("passed", "") } else { pair("failed", code) };
        assert_eq!(of(&report, "ta"), expected, "{n}: {:?}", report.finding("ta"));
        // it says nothing about the card
        assert_eq!(report.verdict, Verdict::Genuine, "{n}");
    }
    // the first exchange under the same keys is no EXTERNAL AUTHENTICATE
    let mut first = evidence.clone();
    let ca = first.transcript.chip_auth.clone().expect("a record");
    let record = first.transcript.terminal_auth.as_mut().expect("a record");
    let exchange = record.accepted.as_mut().expect("an exchange");
    (exchange.before, exchange.command, exchange.answer) = (0, ca.command, ca.answer);
    assert_eq!(of(&judge.judge(&first, today()).report, "ta"), pair("failed", "record-malformed"));
    // without Chip Authentication, or with the run of another day, there is nothing that it was bound to
    let mut alone = evidence.clone();
    alone.transcript.chip_auth = None;
    assert_eq!(of(&judge.judge(&alone, today()).report, "ta"), pair("not-attempted", "no-transcript"));
    let mut without = evidence;
    without.files.remove(&dg(14));
    assert_eq!(of(&judge.judge(&without, today()).report, "ta"), pair("not-attempted", "no-transcript"));
}
