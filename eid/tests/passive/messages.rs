//! The signed message: what is tolerated and written down, and what is not.

use eid::cert::algorithm::{encode_digest, encode_signature};
use eid::cert::spki;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, PrivateKey};
use eid::lds::sod::{LdsVersion, Sod, security_object};
use eid::oid;
use eid::protocol::finding::Outcome;
use eid::tlv::{self, encode};

use crate::forge::{Key, PASSED, SignerSpec, World, attribute, failed, issuer_and_serial, joined, of, oid_of, rules};

const SIGNATURE: &str = "pa.signature";

fn rsa(algorithm: Algorithm) -> Key {
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    Key { private: PrivateKey::generate_rsa(1024, &mut rng).expect("a key"), algorithm }
}

#[test]
fn a_document_as_the_standard_has_it_passes_without_a_quirk() {
    let verdict = World::new().verdict();
    assert_eq!(failed(&verdict), []);
    assert_eq!(rules(&verdict), [""; 0]);
    let open: Vec<_> = verdict.findings.iter().filter(|f| f.outcome != Outcome::Passed).map(|f| f.id()).collect();
    assert_eq!(open, ["pa.revocation"]);
}

#[test]
fn of_two_signers_both_must_verify() {
    let world = World::new();
    let mut message = world.message();
    let other = World { ds: crate::forge::Spec { serial: vec![0x12], ..world.ds.clone() }, ..world.clone() };
    message.certificates.insert(0, other.certificate().der().to_vec());
    message.signers.push(other.message().signers.remove(0));
    let verdict = world.judge(&message.file());
    assert_eq!((of(&verdict, SIGNATURE), of(&verdict, "pa.chain")), (PASSED, PASSED));
    assert!(rules(&verdict).contains(&"cms.several-signers"));
    for broken in 0..2 {
        let mut message = message.clone();
        let last = message.signers[broken].signature.last_mut().expect("a signature");
        *last ^= 1;
        assert_eq!(of(&world.judge(&message.file()), SIGNATURE), (Outcome::Failed, "signature-wrong"), "signer {broken}");
    }
}

#[test]
fn a_second_signer_that_cannot_be_checked_is_told_and_one_alone_decides_nothing() {
    let world = World::new();
    let mut message = world.message();
    let mut unknown = message.signers[0].clone();
    unknown.algorithm = encode(0x30u32, &oid_of("2.16.840.1.101.3.4.3.2"));
    message.signers.push(unknown.clone());
    assert_eq!(of(&world.judge(&message.file()), SIGNATURE), (Outcome::Passed, "signers-not-checked"));
    message.signers = vec![unknown.clone()];
    assert_eq!(of(&world.judge(&message.file()), SIGNATURE), (Outcome::NotSupported, "algorithm-not-implemented"));
    unknown.algorithm = encode(0x30u32, &oid_of("1.2.840.113549.1.1.4"));
    message.signers = vec![unknown];
    assert_eq!(of(&world.judge(&message.file()), SIGNATURE), (Outcome::Failed, "algorithm-not-allowed"));
}

#[test]
fn a_forgers_signature_beside_the_genuine_one_forges_nothing() {
    let world = World::new();
    let forger = World { csca_key: Key::ec(66), ds_key: Key::ec(67), ..world.clone() };
    let forger = World { ds: crate::forge::signer(&world.csca, &Key::ec(66), &Key::ec(67)), ..forger };
    // the list of the forger, signed by both: the genuine signature cannot be right
    let mut content = world.content();
    *content.last_mut().expect("a hash") ^= 1;
    let mut message = forger.message_of(oid::LDS_SECURITY_OBJECT, content);
    let genuine = world.message();
    message.certificates.extend(genuine.certificates);
    message.signers.extend(genuine.signers);
    assert_eq!(of(&world.judge(&message.file()), SIGNATURE), (Outcome::Failed, "message-digest-differs"));
}

#[test]
fn the_name_of_the_signer_may_differ_in_order_string_type_and_case() {
    let world = World::new();
    let part = |kind: &'static str, tag: u32, text: &str| {
        encode(0x31u32, &encode(0x30u32, &joined(&[&oid_of(kind), &encode(tag, text.as_bytes())])))
    };
    let name = |parts: &[&[u8]]| encode(0x30u32, &parts.concat());
    let (c, o, cn) =
        (part(oid::COUNTRY, 0x13, "vn"), part(oid::ORGANIZATION, 0x13, "EXAMPLE  state"), part(oid::COMMON_NAME, 0x0C, "csca"));
    let mut message = world.message();
    message.signers[0].sid = issuer_and_serial(&name(&[&cn, &o, &c]), &[0x11]);
    let verdict = world.judge(&message.file());
    assert_eq!(of(&verdict, SIGNATURE), PASSED);
    let quirk = verdict.quirks.iter().find(|quirk| quirk.rule == "sod.signer-name-encoding").expect("a quirk");
    assert_eq!((quirk.bytes.len(), quirk.bytes.first()), (32, Some(&0x30)));
    message.signers[0].sid = issuer_and_serial(&name(&[&c, &cn]), &[0x11]);
    assert_eq!(of(&world.judge(&message.file()), SIGNATURE), (Outcome::Failed, "signer-certificate-missing"));
}

#[test]
fn a_serial_number_with_a_surplus_zero_is_the_same_number_and_another_is_not() {
    let world = World::new();
    let mut message = world.message();
    message.signers[0].sid = issuer_and_serial(&world.csca.subject, &[0, 0x11]);
    let verdict = world.judge(&message.file());
    assert_eq!((of(&verdict, SIGNATURE), rules(&verdict)), (PASSED, vec!["sod.signer-name-encoding"]));
    message.signers[0].sid = issuer_and_serial(&world.csca.subject, &[0x12]);
    assert_eq!(of(&world.judge(&message.file()), SIGNATURE), (Outcome::Failed, "signer-certificate-missing"));
}

#[test]
fn a_version_that_does_not_fit_the_name_of_the_signer_fails() {
    let world = World::new();
    let mut message = world.message();
    message.signers[0].version = 3;
    assert_eq!(of(&world.judge(&message.file()), "pa.sod"), (Outcome::Failed, "signer-info-version"));
    message = world.message();
    message.version = 1;
    assert_eq!(of(&world.judge(&message.file()), "pa.sod"), (Outcome::Failed, "signed-data-version"));
    message = world.message();
    message.digests = vec![encode_digest(Hash::Sha512)];
    assert_eq!(of(&world.judge(&message.file()), "pa.sod"), (Outcome::Failed, "digest-algorithms"));
}

/// France and Belgium, the Netherlands, China. With id-data the version of the message is 1.
#[test]
fn content_types_of_other_states_are_read_and_written_down() {
    let world = World::new();
    for (content_type, version) in [("1.3.27.1.1.1", 3), ("1.2.528.1.1006.1.20.1", 3), (oid::DATA, 1), (oid::DATA, 3)] {
        let mut message = world.message_of(content_type, world.content());
        message.version = version;
        let verdict = world.judge(&message.file());
        assert_eq!((failed(&verdict), rules(&verdict)), (vec![], vec!["sod.content-type"]), "{content_type}");
    }
    let message = world.message_of(oid::SECURITY_OBJECT, world.content());
    assert_eq!(of(&world.judge(&message.file()), "pa.sod"), (Outcome::Failed, "content-type"));
}

#[test]
fn attributes_out_of_order_are_verified_as_sent_and_as_der() {
    let world = World::new();
    let mut message = world.message();
    let genuine = message.signers[0].clone();
    message.signers[0].attributes.as_mut().expect("attributes").reverse();
    // signed in the order of DER, sent in another
    let verdict = world.judge(&message.file());
    assert_eq!((of(&verdict, SIGNATURE), rules(&verdict)), (PASSED, vec!["cms.attributes-order"]));
    // signed in the order in which they are sent
    message.signers[0].sign(&world.ds_key);
    assert_ne!(message.signers[0].signature, genuine.signature);
    let verdict = world.judge(&message.file());
    assert_eq!((of(&verdict, SIGNATURE), rules(&verdict)), (PASSED, vec!["cms.attributes-order"]));
}

#[test]
fn both_signed_attributes_are_demanded_once_and_right() {
    let world = World::new();
    let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut message = world.message();
        let attributes = message.signers[0].attributes.as_mut().expect("attributes");
        change(attributes);
        attributes.sort();
        message.signers[0].sign(&world.ds_key);
        of(&world.judge(&message.file()), SIGNATURE)
    };
    let digest = attribute(oid::MESSAGE_DIGEST, &encode(0x04u32, &Hash::Sha256.digest(&[&world.content()])));
    let content_type = attribute(oid::CONTENT_TYPE, &oid_of(oid::LDS_SECURITY_OBJECT));
    assert_eq!(with(&|_| {}), (Outcome::Passed, ""));
    assert_eq!(with(&|list| list.retain(|one| *one != digest)), (Outcome::Failed, "message-digest-differs"));
    assert_eq!(with(&|list| list.push(digest.clone())), (Outcome::Failed, "message-digest-differs"));
    assert_eq!(with(&|list| list.retain(|one| *one != content_type)), (Outcome::Failed, "content-type-differs"));
    assert_eq!(with(&|list| list.push(content_type.clone())), (Outcome::Failed, "content-type-differs"));
    let other = |list: &mut Vec<Vec<u8>>| {
        list.retain(|one| *one != content_type);
        list.push(attribute(oid::CONTENT_TYPE, &oid_of(oid::DATA)));
    };
    assert_eq!(with(&other), (Outcome::Failed, "content-type-differs"));
    let two_values = |list: &mut Vec<Vec<u8>>| {
        list.retain(|one| *one != digest);
        let value = encode(0x04u32, &Hash::Sha256.digest(&[&world.content()]));
        list.push(attribute(oid::MESSAGE_DIGEST, &joined(&[&value, &value])));
    };
    assert_eq!(with(&two_values), (Outcome::Failed, "message-digest-differs"));
}

#[test]
fn a_message_without_signed_attributes_is_signed_over_its_content() {
    let world = World::new();
    let mut message = world.message();
    message.signers[0].attributes = None;
    assert_eq!(of(&world.judge(&message.file()), SIGNATURE), (Outcome::Failed, "signature-wrong"));
    message.signers[0].signature = world.ds_key.sign(&message.content);
    let verdict = world.judge(&message.file());
    assert_eq!((of(&verdict, SIGNATURE), rules(&verdict)), (PASSED, vec!["cms.no-signed-attributes"]));
}

#[test]
fn bare_key_algorithms_take_their_digest_from_the_signer_info() {
    let ec = World::new();
    let mut message = ec.message();
    message.signers[0].algorithm = encode(0x30u32, &oid_of("1.2.840.10045.2.1"));
    let verdict = ec.judge(&message.file());
    assert_eq!((of(&verdict, SIGNATURE), rules(&verdict)), (PASSED, vec!["algorithm.bare-ec-public-key"]));
    let quirk = verdict.quirks.first().expect("a quirk");
    assert_eq!(quirk.hex(), "300906072a8648ce3d0201");

    let rsa = World::with_key(rsa(Algorithm::RsaPkcs1(Hash::Sha512)));
    let mut message = rsa.message();
    message.signers[0].algorithm = encode(0x30u32, &joined(&[&oid_of("1.2.840.113549.1.1.1"), &[5, 0]]));
    let verdict = rsa.judge(&message.file());
    assert_eq!((of(&verdict, SIGNATURE), rules(&verdict)), (PASSED, vec!["algorithm.bare-rsa-encryption"]));
    // another digest than the one that was signed with
    message.signers[0].digest = encode_digest(Hash::Sha256);
    assert_eq!(of(&rsa.judge(&message.file()), SIGNATURE).0, Outcome::Failed);
}

#[test]
fn an_ecdsa_identifier_with_null_is_a_quirk() {
    let world = World::new();
    let mut message = world.message();
    message.signers[0].algorithm = encode(0x30u32, &joined(&[&oid_of("1.2.840.10045.4.3.2"), &[5, 0]]));
    let verdict = world.judge(&message.file());
    assert_eq!((of(&verdict, SIGNATURE), rules(&verdict)), (PASSED, vec!["algorithm.ecdsa-null-parameters"]));
}

#[test]
fn surplus_zeros_in_the_integers_of_a_signature_are_a_quirk_and_change_no_number() {
    let world = World::new();
    let mut message = world.message();
    let signature = message.signers[0].signature.clone();
    let mut numbers = tlv::single(&signature, 0x30u32).expect("a signature").reader();
    let (r, s) = (numbers.next().expect("TLV").expect("r").value, numbers.next().expect("TLV").expect("s").value);
    let padded = |r: &[u8], s: &[u8]| encode(0x30u32, &joined(&[&encode(0x02u32, &joined(&[&[0, 0], r])), &encode(0x02u32, s)]));
    message.signers[0].signature = padded(r, s);
    let verdict = world.judge(&message.file());
    assert_eq!((of(&verdict, SIGNATURE), rules(&verdict)), (PASSED, vec!["algorithm.ecdsa-integer-not-minimal"]));
    assert_eq!(verdict.quirks[0].bytes, message.signers[0].signature[..32]);
    let mut other = s.to_vec();
    *other.last_mut().expect("s") ^= 1;
    message.signers[0].signature = padded(r, &other);
    assert_eq!(of(&world.judge(&message.file()), SIGNATURE), (Outcome::Failed, "signature-wrong"));
}

#[test]
fn a_key_of_another_kind_than_the_signature_fails() {
    let world = World::new();
    let mut message = world.message();
    message.signers[0].algorithm = encode_signature(Algorithm::RsaPkcs1(Hash::Sha256));
    assert_eq!(of(&world.judge(&message.file()), SIGNATURE), (Outcome::Failed, "key-forbids-algorithm"));
}

#[test]
fn sha_1_passes_and_is_called_weak() {
    let mut key = Key::ec(2);
    key.algorithm = Algorithm::Ecdsa(Hash::Sha1);
    let world = World::with_key(key);
    assert_eq!(of(&world.verdict(), SIGNATURE), (Outcome::Passed, "weak-digest"));
    // the signature of the certificate too
    let mut weak = World::new();
    weak.csca_key.algorithm = Algorithm::Ecdsa(Hash::Sha1);
    assert_eq!(of(&weak.verdict(), "pa.chain"), (Outcome::Passed, "weak-digest"));
}

/// P-256 is declared, the point is on brainpoolP256r1: found by the point, told in the ledger, and never with two curves at once.
#[test]
fn a_wrongly_declared_curve_is_found_and_told() {
    let key = Key::on(Curve::BrainpoolP256r1, 2);
    let mut world = World::with_key(key.clone());
    let right = oid_of(Curve::BrainpoolP256r1.oid());
    let wrong = oid_of(Curve::P256.oid());
    let spki = key.spki();
    let at = spki.windows(right.len()).position(|window| window == right).expect("the curve");
    let body = tlv::single(&spki, 0x30u32).expect("a key");
    let mut algorithm = body.reader();
    let (_, bits) = (algorithm.next().expect("TLV"), algorithm.next().expect("TLV").expect("bits").raw);
    assert!(at > 0);
    world.ds.spki = encode(0x30u32, &joined(&[&encode(0x30u32, &joined(&[&oid_of("1.2.840.10045.2.1"), &wrong])), bits]));
    let verdict = world.verdict();
    assert_eq!((of(&verdict, SIGNATURE), of(&verdict, "pa.chain")), (PASSED, PASSED));
    let quirk = verdict.quirks.iter().find(|quirk| quirk.rule == "spki.curve-declared-wrong").expect("a quirk");
    assert!(quirk.place.contains("declared P-256") && quirk.place.contains("brainpoolP256r1"), "{quirk}");
    assert_eq!(quirk.bytes, wrong);
    // a key that is asked for by itself must be what it says
    assert!(spki::parse(&world.ds.spki).is_err());
}

#[test]
fn both_versions_of_the_list_are_read() {
    let world = World::new();
    let hashes = world.files.iter().map(|(&number, file)| (number, Hash::Sha256.digest(&[file]))).collect();
    let version = LdsVersion { lds: "0108".to_owned(), unicode: "040000".to_owned() };
    let content = security_object(&hashes, Hash::Sha256, Some(&version)).expect("hashes");
    let message = world.message_of(oid::LDS_SECURITY_OBJECT, content);
    let verdict = world.judge(&message.file());
    assert_eq!((failed(&verdict), rules(&verdict)), (vec![], vec![]));
    let sod = Sod::parse(&message.file()).expect("EF.SOD");
    assert_eq!((sod.version, sod.lds_version()), (1, Some(&version)));
}

/// `bytes` (one constructed object) with indefinite length, and so every constructed object in it that is not below signed attributes.
fn indefinite(bytes: &[u8], depth: u8) -> Vec<u8> {
    let object = tlv::Reader::new(bytes).next().expect("TLV").expect("an object");
    if depth == 0 || !object.tag.is_constructed() {
        return object.raw.to_vec();
    }
    let mut out = bytes[..bytes.len() - object.value.len()].to_vec();
    out.truncate(1);
    out.push(0x80);
    let mut inside = object.reader();
    while let Some(part) = inside.next().expect("TLV") {
        out.extend(indefinite(part.raw, depth - 1));
    }
    out.extend([0, 0]);
    out
}

/// New Zealand: indefinite lengths from the tag of the file on.
#[test]
fn indefinite_lengths_are_read_from_the_tag_of_the_file_on() {
    let world = World::new();
    let file = indefinite(&world.message().file(), 5);
    assert_eq!(file[..2], [0x77, 0x80]);
    let verdict = world.judge(&file);
    assert_eq!(failed(&verdict), []);
    assert!(rules(&verdict).contains(&"sod.ber"), "{:?}", verdict.quirks);
    // inside of the content too: it is hashed as it stands
    let content = indefinite(&world.content(), 3);
    let verdict = world.judge(&world.message_of(oid::LDS_SECURITY_OBJECT, content).file());
    assert_eq!((failed(&verdict), rules(&verdict)), (vec![], vec!["sod.ber"]));
}

#[test]
fn a_length_of_another_form_than_der_is_told() {
    let world = World::new();
    let whole = world.message().der();
    let inside = tlv::single(&whole, 0x30u32).expect("ContentInfo").value;
    let size = u32::try_from(inside.len()).expect("small").to_be_bytes();
    let long = joined(&[&[0x30, 0x84], &size, inside]);
    let verdict = world.judge(&encode(0x77u32, &long));
    assert_eq!((failed(&verdict), rules(&verdict)), (vec![], vec!["cms.length-not-minimal"]));
}

#[test]
fn zeros_after_the_file_are_told_and_anything_else_is_refused() {
    let world = World::new();
    let mut file = world.message().file();
    file.extend([0; 40]);
    let verdict = world.judge(&file);
    assert_eq!((rules(&verdict), verdict.quirks[0].bytes.len()), (vec!["sod.padding"], 32));
    file.push(1);
    assert_eq!(of(&world.judge(&file), "pa.sod"), (Outcome::Failed, "not-a-sod"));
}

#[test]
fn a_signing_time_that_cannot_be_read_is_no_time_and_is_told() {
    let mut world = World::new();
    world.signing_time = None;
    let mut message = world.message();
    let attributes = message.signers[0].attributes.as_mut().expect("attributes");
    attributes.push(attribute(oid::SIGNING_TIME, &encode(0x17u32, b"269999000000Z")));
    attributes.sort();
    message.signers[0].sign(&world.ds_key);
    let verdict = world.judge(&message.file());
    assert_eq!(of(&verdict, "pa.validity.signing"), (Outcome::Undecided, "signing-date-unknown"));
    assert_eq!(rules(&verdict), ["cms.signing-time-malformed"]);
}

#[test]
fn parts_that_do_not_belong_there_are_told() {
    let world = World::new();
    let certificate = world.certificate();
    let signer = SignerSpec::new(&certificate, &world.ds_key, oid::LDS_SECURITY_OBJECT, &world.content(), world.signing_time);
    let mut message = world.message();
    message.signers = vec![signer];
    // digest of the signature and digest of the message differ
    message.signers[0].digest = encode_digest(Hash::Sha512);
    message.digests = vec![encode_digest(Hash::Sha512)];
    let attributes = message.signers[0].attributes.as_mut().expect("attributes");
    attributes.retain(|one| !one.windows(9).any(|w| w == oid::encode(oid::MESSAGE_DIGEST)));
    attributes.push(attribute(oid::MESSAGE_DIGEST, &encode(0x04u32, &Hash::Sha512.digest(&[&world.content()]))));
    attributes.sort();
    message.signers[0].sign(&world.ds_key);
    let verdict = world.judge(&message.file());
    assert_eq!((of(&verdict, SIGNATURE), rules(&verdict)), (PASSED, vec!["cms.digest-differs-from-signature"]));
}

#[test]
fn two_signing_times_are_none() {
    let world = World::new();
    let mut message = world.message();
    let attributes = message.signers[0].attributes.as_mut().expect("attributes");
    attributes.push(attribute(oid::SIGNING_TIME, &encode(0x17u32, b"260701000000Z")));
    attributes.sort();
    message.signers[0].sign(&world.ds_key);
    let verdict = world.judge(&message.file());
    assert_eq!(of(&verdict, "pa.validity.signing"), (Outcome::Undecided, "signing-date-unknown"));
}

#[test]
fn a_second_signer_with_a_forged_certificate_fails_the_chain() {
    let world = World::new();
    let mut forged = World { csca_key: Key::ec(66), ..world.clone() };
    forged.ds = crate::forge::Spec { serial: vec![0x12], ..crate::forge::signer(&world.csca, &world.csca_key, &world.ds_key) };
    let (mut message, second) = (world.message(), forged.message());
    message.certificates.extend(second.certificates);
    message.signers.extend(second.signers);
    assert_eq!(of(&world.judge(&message.file()), "pa.chain"), (Outcome::Failed, "certificate-signature-wrong"));
}

/// A genuine certificate whose signature is wrong lends its path to nobody.
#[test]
fn a_signer_whose_signature_is_wrong_lends_no_path_to_another() {
    let world = World::new();
    let own = crate::forge::csca(&crate::forge::csca_name("VN", "Own"), &Key::ec(66));
    let mut forger = World { csca: own.clone(), csca_key: Key::ec(66), ds_key: Key::ec(67), ..world.clone() };
    forger.ds = crate::forge::signer(&own, &Key::ec(66), &Key::ec(67));
    let (mut message, genuine) = (forger.message(), world.message());
    message.certificates.extend(genuine.certificates);
    message.signers.extend(genuine.signers);
    *message.signers[1].signature.last_mut().expect("a signature") ^= 1;
    let verdict = world.judge(&message.file());
    assert_eq!((of(&verdict, SIGNATURE).0, of(&verdict, "pa.chain").0), (Outcome::Failed, Outcome::Undecided));
}

#[test]
fn a_file_that_is_not_listed_is_a_finding_of_its_own_and_of_the_list() {
    let mut world = World::new();
    let file = world.message().file();
    world.files.insert(15, vec![0x6F, 0]);
    assert_eq!(failed(&world.judge(&file)), [("pa.hash.dg15", "not-listed"), ("pa.listed", "present-but-not-listed")]);
}
