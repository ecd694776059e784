//! What no other test would miss: steps, bounds, and evidence that a change of one operator takes away unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use eid::cert::crl::Crl;
use eid::cert::path::{self, Chain, MAX_ATTEMPTS, SignerCache, Usage};
use eid::cert::trust::{Entry, TrustStore};
use eid::crypto::curve::{self, Curve};
use eid::crypto::signature::PrivateKey;
use eid::lds::sod::Sod;
use eid::oid;
use eid::protocol::finding::Outcome;
use eid::protocol::passive_auth::{Input, passive_authentication};
use eid::tlv::encode;

use crate::forge::{CrlSpec, Key, PASSED, Spec, World, csca, csca_name, day, failed, finding, joined, link, of, rules, signer};

/// A key of another number than [`Key::ec`] has, for more of them than it has numbers.
fn key(number: u16) -> Key {
    let private = curve::PrivateKey::from_bytes(Curve::P256, &[&[9][..], &number.to_be_bytes()].concat()).expect("a scalar");
    Key { private: PrivateKey::Ec(private), ..Key::ec(1) }
}

fn seq(parts: &[&[u8]]) -> Vec<u8> {
    encode(0x30u32, &parts.concat())
}

fn add(trust: &mut TrustStore, spec: &Spec, key: &Key) {
    trust.add(&spec.der(key)).expect("an anchor");
}

#[test]
fn keys_of_a_state_are_tried_until_one_fits_and_no_more_than_the_bound() {
    let mut world = World::new();
    // nothing says which key it was
    world.ds = world.ds.without(oid::AUTHORITY_KEY_IDENTIFIER);
    let file = world.message().file();
    let ds = Arc::new(world.certificate());
    // an anchor's own signature is nobody's business: one key signs them all
    let others: Vec<_> =
        (0..u16::try_from(MAX_ATTEMPTS).expect("small")).map(|n| csca(&world.csca.subject, &key(n)).der(&key(0))).collect();
    let wrong = |count: usize| {
        let mut trust = TrustStore::new();
        for other in others.iter().take(count) {
            trust.add(other).expect("an anchor");
        }
        trust
    };
    for (count, found) in [(0, true), (1, true), (3, true), (MAX_ATTEMPTS - 1, true), (MAX_ATTEMPTS, false)] {
        let mut trust = wrong(count);
        add(&mut trust, &world.csca, &world.csca_key);
        assert_eq!(matches!(path::find(&ds, &trust), Chain::Verified(_)), found, "after {count} others");
    }
    world.trust = wrong(3);
    add(&mut world.trust, &world.csca, &world.csca_key);
    let verdict = world.judge(&file);
    assert_eq!((of(&verdict, "pa.chain"), rules(&verdict)), (PASSED, vec!["path.authority-key-identifier"]));
    // and without its CSCA it is missing what says whose it is
    let lost = path::find(&ds, &wrong(3));
    assert!(matches!(lost, Chain::NotDocumentSigner { anchor: None, rule: Usage::NoAuthorityKeyId }), "{lost:?}");
    assert!(matches!(path::find(&Arc::new(World::new().certificate()), &wrong(3)), Chain::NoAnchor { tried: 3 }));
}

/// The PKD hands over document signers too: the store knows them, and none of them may stand between.
#[test]
fn a_document_signer_that_the_store_knows_is_no_link() {
    let world = World::new();
    let mut below = world.clone();
    below.ds = Spec { issuer: world.ds.subject.clone(), serial: vec![0x55], ..signer(&world.csca, &world.ds_key, &Key::ec(50)) };
    below.csca_key = world.ds_key.clone();
    below.trust.insert_known(Entry::new(world.certificate()), []);
    assert_eq!(
        of(&below.judge(&World { ds_key: Key::ec(50), ..below.clone() }.message().file()), "pa.chain"),
        (Outcome::Undecided, "no-trust-anchor")
    );
}

#[test]
fn a_link_certificate_of_another_state_is_no_link() {
    let (old, new) = (Key::ec(10), Key::ec(11));
    let root = csca(&csca_name("VN", "CSCA"), &old);
    let build = |state: &str| {
        let next = csca(&csca_name(state, "CSCA"), &new);
        let mut world = World { csca: next.clone(), csca_key: new.clone(), ..World::new() };
        world.trust = TrustStore::from_bytes(&root.der(&old)).expect("an anchor");
        // the signer says to be of VN, whatever the link says
        world.ds = signer(&root, &new, &world.ds_key);
        let mut message = world.message();
        message.certificates.push(link(&next, &root, &old).der(&old));
        of(&world.judge(&message.file()), "pa.chain")
    };
    assert_eq!((build("VN"), build("DE").0), (PASSED, Outcome::Undecided));
}

#[test]
fn tolerances_of_links_and_anchors_are_told() {
    // strings without their SET, as three states write them
    let list = seq(&[&[2, 1, 0], &encode(0x13u32, b"P")]);
    let (old, new) = (Key::ec(10), Key::ec(11));
    let name = csca_name("VN", "CSCA");
    let (root, next) = (csca(&name, &old), csca(&name, &new));
    let mut world = World { csca: next.clone(), csca_key: new.clone(), ..World::new() };
    world.trust = TrustStore::from_bytes(&root.der(&old)).expect("an anchor");
    world.ds = signer(&next, &new, &world.ds_key);
    let mut message = world.message();
    message.certificates.push(link(&next, &root, &old).with(oid::DOCUMENT_TYPE_LIST, false, list).der(&old));
    let verdict = world.judge(&message.file());
    assert_eq!((of(&verdict, "pa.chain"), rules(&verdict)), (PASSED, vec!["x509.document-type-list-form"]));

    let mut world = World::new();
    world.trust = TrustStore::from_bytes(&world.csca.clone().without(oid::BASIC_CONSTRAINTS).der(&world.csca_key)).expect("an anchor");
    let verdict = world.verdict();
    assert_eq!((of(&verdict, "pa.chain"), rules(&verdict)), (PASSED, vec!["path.csca-basic-constraints"]));
}

#[test]
fn an_authority_key_identifier_may_name_issuer_and_serial_number() {
    let told = |name: &[u8], serial: u8| {
        let mut world = World::new();
        let value = seq(&[&encode(0xA1u32, &encode(0xA4u32, name)), &encode(0x82u32, &[serial])]);
        world.ds = world.ds.with(oid::AUTHORITY_KEY_IDENTIFIER, false, value);
        let verdict = world.verdict();
        assert_eq!(of(&verdict, "pa.chain"), PASSED);
        rules(&verdict)
    };
    let own = World::new().csca.subject;
    let differs = vec!["path.authority-key-identifier"];
    assert_eq!(told(&own, 1), Vec::<&str>::new());
    assert_eq!((told(&own, 2), told(&csca_name("VN", "Other"), 1)), (differs.clone(), differs));
}

#[test]
fn a_full_cache_forgets_the_oldest_signer() {
    let world = World::new();
    let verified = |serial: u8| {
        let mut world = world.clone();
        world.ds.serial = vec![serial];
        let certificate = Arc::new(world.certificate());
        let Chain::Verified(path) = path::find(&certificate, &world.trust) else { panic!("no path") };
        (certificate.fingerprint(), path)
    };
    let (cache, all) = (SignerCache::new(2), [verified(1), verified(2), verified(3)]);
    all.iter().for_each(|(print, path)| cache.put(*print, &world.trust, path));
    let known = |n: usize| cache.get(&all[n].0, &world.trust).is_some();
    assert_eq!((known(0), known(1), known(2)), (false, true, true));
    // one that is known makes nobody leave
    cache.put(all[2].0, &world.trust, &all[2].1);
    assert!(known(1));
}

/// Two signers, both right; only the second is past its days, or revoked.
#[test]
fn of_two_signers_the_worse_decides_the_days_and_the_revocation() {
    let world = World::new();
    let second = |until: &str| {
        let mut other = World { ds_key: Key::ec(3), ..world.clone() };
        other.ds = Spec { serial: vec![0x12], until: day(until), ..signer(&world.csca, &world.csca_key, &Key::ec(3)) };
        let (mut message, more) = (world.message(), other.message());
        message.certificates.extend(more.certificates);
        message.signers.extend(more.signers);
        message.file()
    };
    let good = world.judge(&second("2036-12-31"));
    assert_eq!((of(&good, "pa.validity.today"), finding(&good, "pa.signature").evidence("signers")), (PASSED, Some("2")));
    assert_eq!(finding(&world.verdict(), "pa.signature").evidence("signers"), None);
    let late = world.judge(&second("2026-11-01"));
    assert_eq!((of(&late, "pa.validity.today"), of(&late, "pa.validity.signing")), ((Outcome::Failed, "out-of-validity"), PASSED));
    let list = CrlSpec { revoked: vec![(vec![0x12], day("2026-08-01"), None)], ..CrlSpec::of(&world.csca) }.der(&world.csca_key);
    let mut revoking = world.clone();
    revoking.trust.insert_crl(Crl::parse(&list).expect("a list"));
    assert_eq!(of(&revoking.judge(&second("2036-12-31")), "pa.revocation"), (Outcome::Failed, "revoked"));
}

#[test]
fn what_is_said_of_revocation_lists_is_exact() {
    let world = World::new();
    let judged = |lists: &[Vec<u8>]| {
        let mut world = world.clone();
        lists.iter().for_each(|list| world.trust.insert_crl(Crl::parse(list).expect("a list")));
        world.verdict()
    };
    let genuine = CrlSpec::of(&world.csca).der(&world.csca_key);
    let forged = |number: u8| CrlSpec { number, ..CrlSpec::of(&world.csca) }.der(&Key::ec(66));
    let ignored = |lists: &[Vec<u8>]| finding(&judged(lists), "pa.revocation").evidence("lists_not_authentic").map(str::to_owned);
    assert_eq!(ignored(std::slice::from_ref(&genuine)), None);
    assert_eq!(ignored(&[genuine.clone(), forged(6)]).as_deref(), Some("1"));
    assert_eq!(ignored(&[genuine, forged(6), forged(7)]).as_deref(), Some("2"));
    // on the day of the revocation itself
    let on = |date: &str| CrlSpec { until: None, revoked: vec![(vec![0x11], day(date), None)], ..CrlSpec::of(&world.csca) };
    let verdict = judged(&[on("2026-06-01").der(&world.csca_key)]);
    assert_eq!(finding(&verdict, "pa.revocation").evidence("signed"), Some("after the revocation"));
    // and the tolerance that its reading needed
    assert_eq!(rules(&verdict), ["crl.next-update-missing"]);
}

#[test]
fn without_an_ef_sod_every_check_says_so() {
    let world = World::new();
    let verdict = world.judge(&[0x77, 0x00]);
    let said: BTreeMap<&str, Outcome> = verdict.findings.iter().map(|finding| (finding.id(), finding.outcome)).collect();
    let expected = [
        "pa.signature",
        "pa.chain",
        "pa.validity.signing",
        "pa.validity.today",
        "pa.revocation",
        "pa.hash.dg1",
        "pa.hash.dg2",
        "pa.hash.dg14",
        "pa.listed",
        "pa.issuer",
        "profile.signer",
        "profile.csca",
    ];
    let expected = expected.into_iter().map(|id| (id, Outcome::NotAttempted)).chain([("pa.sod", Outcome::Failed)]);
    assert_eq!(said, expected.collect());
}

#[test]
fn a_file_that_is_there_and_was_not_read_is_not_absent() {
    let world = World::new();
    let file = world.message().file();
    let sod = Sod::parse(&file).expect("EF.SOD");
    let files: BTreeMap<u8, &[u8]> =
        world.files.iter().filter(|(number, _)| **number != 14).map(|(&n, file)| (n, file.as_slice())).collect();
    let judge = |not_read: &BTreeSet<u8>| {
        let (trust, today) = (&world.trust, world.today);
        passive_authentication(&Input { sod: Ok(&sod), files: &files, not_read, trust, cache: None, today, issued: None })
    };
    let guarded = judge(&BTreeSet::from([14]));
    assert_eq!((of(&guarded, "pa.hash.dg14"), failed(&guarded)), ((Outcome::NotAttempted, "not-read"), vec![]));
    let absent = judge(&BTreeSet::from([3]));
    assert_eq!(
        (of(&absent, "pa.hash.dg14"), of(&absent, "pa.listed")),
        ((Outcome::Failed, "absent"), (Outcome::Failed, "listed-but-absent"))
    );
}

#[test]
fn profile_rules_hold_at_their_edges() {
    let mut world = World::new();
    // it may end with the CSCA, and not a day later
    world.ds.until = world.csca.until;
    assert_eq!(of(&world.verdict(), "profile.signer"), PASSED);
    world.ds.until = world.csca.until.plus_days(1);
    assert!(finding(&world.verdict(), "profile.signer").evidence("DS-018").is_some());
    // a length that DER writes in one octet, in two
    let mut world = World::new();
    let spki = world.ds.spki.clone();
    assert_eq!(spki[..2], [0x30, 0x59], "the key of P-256");
    world.ds.spki = joined(&[&[0x30, 0x81], &spki[1..]]);
    assert!(finding(&world.verdict(), "profile.signer").evidence("XC-001").is_some());
}
