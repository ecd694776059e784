//! Defects of other verifiers, each with the name of who had it: none of them is ours.

use std::collections::BTreeMap;

use eid::cert::algorithm::{encode_digest, encode_signature};
use eid::cert::crl::Crl;
use eid::cert::trust::TrustStore;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PrivateKey};
use eid::oid;
use eid::protocol::finding::Outcome;
use eid::tlv::encode;

use crate::forge::{CrlSpec, Key, PASSED, Spec, World, attribute, csca, day, failed, joined, of, rules, sha1, signer};

/// icao-local-pkd verifies with `CMS_NO_ATTR_VERIFY`: a message with signed attributes passes under any signature.
#[test]
fn cms_no_attr_verify_a_damaged_signature_over_right_attributes_fails() {
    let world = World::new();
    let mut message = world.message();
    for at in [10, 40] {
        let mut damaged = message.clone();
        damaged.signers[0].signature[at] ^= 1;
        assert_eq!(of(&world.judge(&damaged.file()), "pa.signature"), (Outcome::Failed, "signature-wrong"));
    }
    // the attributes fit the content and nobody signed them
    let hashes: BTreeMap<u8, Vec<u8>> = [(1, vec![1; 32]), (2, vec![2; 32])].into();
    message.content = eid::lds::sod::security_object(&hashes, Hash::Sha256, None).expect("hashes");
    let attributes = message.signers[0].attributes.as_mut().expect("attributes");
    attributes.retain(|one| !one.windows(9).any(|window| window == oid::encode(oid::MESSAGE_DIGEST)));
    attributes.push(attribute(oid::MESSAGE_DIGEST, &encode(0x04u32, &Hash::Sha256.digest(&[&message.content]))));
    attributes.sort();
    assert_eq!(of(&world.judge(&message.file()), "pa.signature"), (Outcome::Failed, "signature-wrong"));
}

/// gmrtd and NFCPassportReader fix the parameters of PSS, or leave them aside.
#[test]
fn pss_parameters_ignored_each_parameter_is_read_and_enforced() {
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    let private = PrivateKey::generate_rsa(1536, &mut rng).expect("a key");
    let pss = |hash, mgf, salt| Algorithm::RsaPss { hash, mgf, salt };
    for made in [
        pss(Hash::Sha256, Hash::Sha256, 32),
        pss(Hash::Sha512, Hash::Sha512, 64),
        pss(Hash::Sha256, Hash::Sha1, 20),
        pss(Hash::Sha384, Hash::Sha384, 0),
    ] {
        let world = World::with_key(Key { private: private.clone(), algorithm: made });
        let message = world.message();
        let verdict = world.judge(&message.file());
        assert_eq!(of(&verdict, "pa.signature"), PASSED, "{made:?}");
        let Algorithm::RsaPss { hash, mgf, salt } = made else { unreachable!() };
        assert_eq!(rules(&verdict).contains(&"algorithm.pss-mgf-digest"), mgf != hash);
        for stated in [pss(hash, mgf, salt + 1), pss(hash, Hash::Sha224, salt), pss(hash, mgf, salt + 12)] {
            let mut other = message.clone();
            other.signers[0].algorithm = encode_signature(stated);
            assert_eq!(of(&world.judge(&other.file()), "pa.signature").0, Outcome::Failed, "{made:?} stated as {stated:?}");
        }
    }
    // TR: the certificate by PSS, EF.SOD by PKCS#1
    let mut world = World::with_key(Key { private: private.clone(), algorithm: Algorithm::RsaPkcs1(Hash::Sha256) });
    world.csca_key = Key { private, algorithm: pss(Hash::Sha256, Hash::Sha256, 32) };
    world.csca = csca(&world.csca.subject, &world.csca_key);
    world.ds = signer(&world.csca, &world.csca_key, &world.ds_key);
    world.trust = TrustStore::from_bytes(&world.csca.der(&world.csca_key)).expect("an anchor");
    let verdict = world.verdict();
    assert_eq!((of(&verdict, "pa.signature"), of(&verdict, "pa.chain")), (PASSED, PASSED));
}

/// JMRTD sorts the set, NFCPassportReader#44 encodes it anew: the file is hashed as it stands.
#[test]
fn dg14_re_encoded_before_hashing_a_set_in_any_order_keeps_its_hash() {
    let mut world = World::new();
    // two SecurityInfos in the order that DER forbids, and a length of two octets where one is enough
    let info = |last: u8| encode(0x30u32, &joined(&[&[6, 4, 0x2A, 3, 4, last], &[2, 1, 1]]));
    let set = joined(&[&info(9), &info(1)]);
    let length = u8::try_from(set.len()).expect("small");
    world.files.insert(14, encode(0x6Eu32, &joined(&[&[0x31, 0x81, length], &set])));
    assert_eq!(of(&world.verdict(), "pa.hash.dg14"), PASSED);
    let file = world.message().file();
    world.files.insert(14, encode(0x6Eu32, &joined(&[&[0x31, length], &info(1), &info(9)])));
    assert_eq!(of(&world.judge(&file), "pa.hash.dg14"), (Outcome::Failed, "hash-differs"));
}

/// gmrtd looks at no date where signingTime is absent.
#[test]
fn validity_skipped_without_signing_time_an_expired_signer_is_seen() {
    let mut world = World { signing_time: None, ..World::new() };
    assert_eq!(of(&world.verdict(), "pa.validity.signing"), (Outcome::Undecided, "signing-date-unknown"));
    world.ds.until = day("2026-10-01");
    let verdict = world.verdict();
    assert_eq!(of(&verdict, "pa.validity.today"), (Outcome::Failed, "out-of-validity"));
    assert_eq!(of(&verdict, "pa.validity.signing").0, Outcome::Undecided);
}

/// tananaev/passport-reader#67 hashes DG1 and DG2.
#[test]
fn only_dg1_and_dg2_hashed_every_group_is() {
    let mut world = World::new();
    for number in 1..=16 {
        world.files.entry(number).or_insert_with(|| encode(0x70u32, &[number; 20]));
    }
    let file = world.message().file();
    assert_eq!(failed(&world.judge(&file)), []);
    for number in 1..=16 {
        let mut changed = world.clone();
        *changed.files.get_mut(&number).expect("a file").last_mut().expect("octets") ^= 1;
        assert_eq!(failed(&changed.judge(&file)), [(format!("pa.hash.dg{number}").as_str(), "hash-differs")]);
    }
}

/// NFCPassportReader takes the first certificate of EF.SOD for the signer's.
#[test]
fn first_certificate_taken_for_the_signer_the_one_that_is_named_is() {
    let world = World::new();
    let mut message = world.message();
    let other = Spec { serial: vec![0x77], ..signer(&world.csca, &world.csca_key, &Key::ec(77)) };
    message.certificates.insert(0, other.der(&world.csca_key));
    message.certificates.insert(0, world.csca.der(&world.csca_key));
    let verdict = world.judge(&message.file());
    assert_eq!((failed(&verdict), verdict.signer.as_ref().expect("a signer").serial().to_vec()), (vec![], vec![0x11]));
    // the named one alone is asked: a message that names another one fails though a certificate with the right key is there
    message.signers[0].sid = crate::forge::issuer_and_serial(&world.csca.subject, &[0x77]);
    assert_eq!(of(&world.judge(&message.file()), "pa.signature"), (Outcome::Failed, "signature-wrong"));
}

/// A signer may be named by key identifier (the German master list).
#[test]
fn sid_by_subject_key_identifier_is_found() {
    let world = World::new();
    let mut message = world.message();
    let id = world.certificate().subject_key_id().expect("an identifier").to_vec();
    (message.signers[0].version, message.signers[0].sid) = (3, encode(0x80u32, &id));
    let verdict = world.judge(&message.file());
    assert_eq!((failed(&verdict), rules(&verdict)), (vec![], vec![]));
    message.signers[0].sid = encode(0x80u32, &sha1(b"another"));
    assert_eq!(of(&world.judge(&message.file()), "pa.signature"), (Outcome::Failed, "signer-certificate-missing"));
}

/// icao-local-pkd believes any revocation list, and keeps one for each country.
#[test]
fn crl_used_without_its_signature_a_forged_list_neither_revokes_nor_clears() {
    let mut world = World::new();
    let listed = CrlSpec { revoked: vec![(vec![0x11], day("2026-08-01"), Some(1))], ..CrlSpec::of(&world.csca) };
    world.trust.insert_crl(Crl::parse(&listed.der(&Key::ec(66))).expect("a list"));
    assert_eq!(of(&world.verdict(), "pa.revocation"), (Outcome::NotAttempted, "crl-not-authentic"));
    world.trust.insert_crl(Crl::parse(&listed.der(&world.csca_key)).expect("a list"));
    let forged = CrlSpec { number: 99, from: day("2026-11-20"), ..CrlSpec::of(&world.csca) };
    world.trust.insert_crl(Crl::parse(&forged.der(&Key::ec(66))).expect("a list"));
    assert_eq!(of(&world.verdict(), "pa.revocation"), (Outcome::Failed, "revoked"));
}

/// Names for proofs: a CSCA of the same name, whose key signed nothing here, anchors nothing, and leaves the question open.
#[test]
fn dn_match_taken_for_a_proof_a_namesake_anchors_nothing() {
    let mut world = World::new();
    let namesake = csca(&world.csca.subject, &Key::ec(90));
    world.trust = TrustStore::from_bytes(&namesake.der(&Key::ec(90))).expect("an anchor");
    assert_eq!(of(&world.verdict(), "pa.chain"), (Outcome::Undecided, "no-trust-anchor"));
    world.trust.add(&world.csca.der(&world.csca_key)).expect("an anchor");
    assert_eq!(of(&world.verdict(), "pa.chain"), PASSED);
}

/// gmrtd and others infer the digest from the key: it is read.
#[test]
fn digest_inferred_it_is_the_one_that_is_named() {
    let mut world = World::new();
    world.ds_key.algorithm = Algorithm::Ecdsa(Hash::Sha384);
    let mut message = world.message();
    assert_eq!(of(&world.judge(&message.file()), "pa.signature"), PASSED);
    message.signers[0].algorithm = encode_signature(Algorithm::Ecdsa(Hash::Sha256));
    assert_eq!(of(&world.judge(&message.file()), "pa.signature").0, Outcome::Failed);
    message.signers[0].digest = encode_digest(Hash::Sha256);
    message.digests = vec![encode_digest(Hash::Sha256)];
    assert_eq!(of(&world.judge(&message.file()), "pa.signature"), (Outcome::Failed, "message-digest-differs"));
}
