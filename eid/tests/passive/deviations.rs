//! Deviation lists: they excuse what they name, and nothing else.

use eid::cert::deviation_list::{self, CertField, Description, Deviation, DeviationList, Documents, Kind, SignerId};
use eid::crypto::hash::Hash;
use eid::oid;
use eid::protocol::finding::Outcome;
use eid::protocol::passive_auth::Verdict;

use crate::forge::{Key, World, csca_name, day, failed, finding, of, signer};

/// The store of `world` with a list of one entry.
fn published(world: &World, documents: Documents, kinds: &[Kind]) -> World {
    let descriptions = kinds.iter().map(|kind| Description { text: None, kind: kind.clone(), national_use: None }).collect();
    let entry = Deviation { state: None, documents, descriptions };
    let message = world.message_of(oid::DEVIATION_LIST, deviation_list::encode(&[entry], Hash::Sha256));
    let list = DeviationList::parse(&message.der()).expect("a list");
    let mut out = world.clone();
    out.trust.insert_deviation_list(list);
    out
}

fn named(world: &World) -> Documents {
    let certificate = world.certificate();
    let signer = SignerId::IssuerSerial { issuer: certificate.issuer().to_vec(), serial: certificate.serial().to_vec() };
    Documents { signer: Some(signer), ..Documents::default() }
}

fn by_digest(world: &World) -> Documents {
    let value = Hash::Sha256.digest(&[world.certificate().der()]);
    Documents { signer: Some(SignerId::Digest { hash: Hash::Sha256, value }), ..Documents::default() }
}

/// A document whose DG2 is not the one that was signed.
fn with_wrong_dg2(world: &World) -> (World, Vec<u8>) {
    let file = world.message().file();
    let mut changed = world.clone();
    *changed.files.get_mut(&2).expect("DG2").last_mut().expect("octets") ^= 1;
    (changed, file)
}

fn accepted(verdict: &Verdict, id: &str) -> bool {
    of(verdict, id) == (Outcome::Passed, "accepted-deviation")
}

#[test]
fn a_published_wrong_hash_is_accepted_with_its_entry() {
    let world = World::new();
    let (world, file) = with_wrong_dg2(&published(&world, named(&world), &[Kind::DgHashWrong(Some(2))]));
    let verdict = world.judge(&file);
    assert_eq!(failed(&verdict), []);
    let hash = finding(&verdict, "pa.hash.dg2");
    assert!(accepted(&verdict, "pa.hash.dg2"));
    assert_eq!((hash.evidence("deviation"), hash.evidence("failed")), (Some("id-Deviation-LDS-DGHashWrong DG2"), Some("hash-differs")));
    assert_eq!(finding(&verdict, "pa.deviations").evidence("published"), Some("id-Deviation-LDS-DGHashWrong DG2"));
}

#[test]
fn an_entry_excuses_no_other_group_no_missing_file_and_nothing_generic() {
    let plain = World::new();
    for kind in
        [Kind::DgHashWrong(Some(14)), Kind::DgHashWrong(None), Kind::Lds, Kind::SodSignatureWrong, Kind::Unknown("1.2.3".to_owned())]
    {
        let (world, file) = with_wrong_dg2(&published(&plain, named(&plain), std::slice::from_ref(&kind)));
        assert_eq!(failed(&world.judge(&file)), [("pa.hash.dg2", "hash-differs")], "{kind}");
    }
    let mut world = published(&plain, named(&plain), &[Kind::DgHashWrong(Some(2))]);
    let file = world.message().file();
    world.files.remove(&2);
    assert_eq!(failed(&world.judge(&file)), [("pa.hash.dg2", "absent"), ("pa.listed", "listed-but-absent")]);
}

#[test]
fn an_entry_on_other_documents_excuses_nothing() {
    let plain = World::new();
    let others = [
        Documents { signer: Some(SignerId::KeyId(vec![1, 2, 3])), ..Documents::default() },
        Documents { document_type: Some("P".to_owned()), ..named(&plain) },
        Documents { numbers: vec!["505000124".to_owned()], ..named(&plain) },
    ];
    for documents in others {
        let (world, file) = with_wrong_dg2(&published(&plain, documents, &[Kind::DgHashWrong(Some(2))]));
        assert_eq!(failed(&world.judge(&file)), [("pa.hash.dg2", "hash-differs")]);
    }
    let right = Documents { document_type: Some("ID".to_owned()), numbers: vec!["505000123".to_owned()], ..named(&plain) };
    let (world, file) = with_wrong_dg2(&published(&plain, right, &[Kind::DgHashWrong(Some(2))]));
    assert_eq!(failed(&world.judge(&file)), []);
}

/// Who forges DG1 can write any number into it.
#[test]
fn a_criterion_that_nobody_confirmed_does_not_hold() {
    let plain = World::new();
    let documents = Documents { numbers: vec!["505000123".to_owned()], ..named(&plain) };
    let mut world = published(&plain, documents, &[Kind::DgHashWrong(Some(1))]);
    let file = world.message().file();
    let dg1 = world.files.get_mut(&1).expect("DG1");
    let at = dg1.iter().position(|&octet| octet == b'H').expect("the name");
    dg1[at] = b'X';
    let verdict = world.judge(&file);
    assert_eq!(failed(&verdict), [("pa.hash.dg1", "hash-differs")]);
    assert!(finding(&verdict, "pa.deviations").reason.as_ref().expect("why").text.ends_with("may be about it: 1"));
    // a date of issue that is not known
    let issued = Documents { issued: Some((day("2026-01-01"), day("2026-12-31"))), ..named(&plain) };
    let (mut world, file) = with_wrong_dg2(&published(&plain, issued, &[Kind::DgHashWrong(Some(2))]));
    assert_eq!(failed(&world.judge(&file)), [("pa.hash.dg2", "hash-differs")]);
    world.issued = Some(day("2026-06-01").into());
    assert_eq!(failed(&world.judge(&file)), []);
    world.issued = Some(day("2027-06-01").into());
    assert_eq!(failed(&world.judge(&file)), [("pa.hash.dg2", "hash-differs")]);
}

#[test]
fn a_state_speaks_for_its_own_documents_alone() {
    let world = World::new();
    let mut other = world.clone();
    other.csca.subject = csca_name("DE", "CSCA");
    other.csca.issuer = other.csca.subject.clone();
    other.ds = signer(&other.csca, &other.csca_key, &other.ds_key);
    let list = published(&World { ds: other.ds.clone(), ..other.clone() }, named(&world), &[Kind::DgHashWrong(Some(2))]);
    let (changed, file) = with_wrong_dg2(&World { trust: list.trust, ..world });
    let verdict = changed.judge(&file);
    assert!(failed(&verdict).contains(&("pa.hash.dg2", "hash-differs")));
    assert!(!verdict.findings.iter().any(|finding| finding.id() == "pa.deviations"));
}

#[test]
fn a_published_wrong_signature_of_the_sod_is_accepted_and_a_changed_list_is_not() {
    let plain = World::new();
    let world = published(&plain, named(&plain), &[Kind::SodSignatureWrong]);
    let mut message = world.message();
    *message.signers[0].signature.last_mut().expect("a signature") ^= 1;
    assert!(accepted(&world.judge(&message.file()), "pa.signature"));
    *message.content.last_mut().expect("a hash") ^= 1;
    assert_eq!(of(&world.judge(&message.file()), "pa.signature"), (Outcome::Failed, "message-digest-differs"));
}

#[test]
fn a_wrong_signature_on_the_certificate_is_excused_by_its_digest_alone() {
    let mut plain = World::new();
    let genuine = plain.csca_key.clone();
    plain.csca_key = Key::ec(66);
    plain.ds = signer(&plain.csca, &genuine, &plain.ds_key);
    assert_eq!(of(&plain.verdict(), "pa.chain"), (Outcome::Failed, "certificate-signature-wrong"));
    let named_only = published(&plain, named(&plain), &[Kind::DsSignature]);
    assert_eq!(of(&named_only.judge(&plain.message().file()), "pa.chain"), (Outcome::Failed, "certificate-signature-wrong"));
    // ECDSA is randomized in one of the backends: one certificate for both
    let file = plain.message().file();
    let embedded = eid::lds::sod::Sod::parse(&file).expect("EF.SOD");
    let value = Hash::Sha256.digest(&[embedded.signed.certificates().next().expect("a certificate")]);
    let documents = Documents { signer: Some(SignerId::Digest { hash: Hash::Sha256, value }), ..Documents::default() };
    assert!(accepted(&published(&plain, documents, &[Kind::DsSignature]).judge(&file), "pa.chain"));
}

#[test]
fn a_coding_error_is_excused_in_the_field_that_is_named() {
    let mut plain = World::new();
    plain.ds = plain.ds.without(oid::SUBJECT_ALT_NAME);
    let file = plain.message().file();
    let extension = |oid: &str| CertField::Extension(oid.to_owned());
    let with = |field| published(&plain, named(&plain), &[Kind::DsEncoding(field)]).judge(&file);
    assert!(accepted(&with(Some(extension(oid::SUBJECT_ALT_NAME))), "profile.signer"));
    assert!(accepted(&with(None), "profile.signer"));
    assert_eq!(of(&with(Some(extension(oid::ISSUER_ALT_NAME))), "profile.signer"), (Outcome::Failed, "profile"));
    assert_eq!(of(&with(Some(CertField::Body(4))), "profile.signer"), (Outcome::Failed, "profile"));
}

#[test]
fn a_usage_that_forbids_signing_is_excused_by_its_extension_alone() {
    let mut plain = World::new();
    plain.ds = plain.ds.with(oid::KEY_USAGE, true, vec![3, 2, 6, 0x40]);
    let file = plain.message().file();
    let with = |field| published(&plain, named(&plain), &[Kind::DsEncoding(field)]).judge(&file);
    assert!(accepted(&with(Some(CertField::Extension(oid::KEY_USAGE.to_owned()))), "pa.chain"));
    for field in [None, Some(CertField::Body(0)), Some(CertField::Extension(oid::EXT_KEY_USAGE.to_owned()))] {
        assert_eq!(of(&with(field), "pa.chain"), (Outcome::Failed, "not-a-document-signer"));
    }
}

#[test]
fn tolerances_of_the_certificate_name_the_entry_that_explains_them() {
    let mut plain = World::new();
    plain.ds.serial = vec![0];
    let world = published(&plain, by_digest(&plain), &[Kind::DsEncoding(Some(CertField::Body(2)))]);
    let world = published(&world, named(&plain), &[Kind::DsEncoding(Some(CertField::Body(2)))]);
    let verdict = world.judge(&plain.message().file());
    let quirk = verdict.quirks.iter().find(|quirk| quirk.rule == "x509.serial-zero").expect("a quirk");
    assert!(quirk.place.contains("published as id-Deviation-CertOrKey-DSEncoding serialNumber"), "{quirk}");
    // one finding and one tolerance by the first entry; the second finds the finding accepted, and the tolerance explained
    let said = finding(&verdict, "pa.deviations").reason.clone().expect("how much");
    assert!(said.text.contains("as deviations: 2; "), "{}", said.text);
    assert!(accepted(&verdict, "profile.signer"));
}

#[test]
fn the_csca_is_excused_by_its_own_entry() {
    let mut plain = World::new();
    plain.csca = plain.csca.without(oid::SUBJECT_ALT_NAME);
    plain.trust = eid::cert::trust::TrustStore::from_bytes(&plain.csca.der(&plain.csca_key)).expect("an anchor");
    let file = plain.message().file();
    assert_eq!(of(&plain.judge(&file), "profile.csca"), (Outcome::Failed, "profile"));
    let with = |kind| published(&plain, named(&plain), &[kind]).judge(&file);
    assert!(accepted(&with(Kind::CscaEncoding(Some(CertField::Extension(oid::SUBJECT_ALT_NAME.to_owned())))), "profile.csca"));
    assert_eq!(of(&with(Kind::DsEncoding(None)), "profile.csca"), (Outcome::Failed, "profile"));
    assert_eq!(of(&with(Kind::CscaEncoding(Some(CertField::Body(4)))), "profile.csca"), (Outcome::Failed, "profile"));
}
