//! The path to an anchor: keys, links, loops, names that lie, and days.

use std::sync::Arc;

use eid::cert::path::{self, Chain, MAX_LINKS, SignerCache};
use eid::cert::trust::{Origin, Tier, TrustStore};
use eid::cert::x509::name;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::oid;
use eid::protocol::finding::Outcome;
use eid::protocol::passive_auth::{CardSecurityInput, Issued, card_security};
use eid::tlv::encode;

use crate::forge::{Key, PASSED, Spec, World, csca, csca_name, day, failed, finding, link, of, rules, signer};

fn anchors(all: &[(&Spec, &Key)]) -> TrustStore {
    let mut trust = TrustStore::new();
    for (spec, key) in all {
        trust.add(&spec.der(key)).expect("an anchor");
    }
    trust
}

/// Keys 10, 11, … of one state, each but the first with a link certificate under the one before it.
fn generations(count: u8) -> (Vec<(Spec, Key)>, Vec<Spec>) {
    let roots: Vec<(Spec, Key)> = (0..count).map(|n| (csca(&csca_name("VN", "CSCA"), &Key::ec(10 + n)), Key::ec(10 + n))).collect();
    let links = roots.windows(2).map(|pair| link(&pair[1].0, &pair[0].0, &pair[0].1)).collect();
    (roots, links)
}

/// A document of the newest generation; the oldest root is trusted, the links come along in EF.SOD.
fn document(count: u8) -> (World, Vec<u8>) {
    let (roots, links) = generations(count);
    let (newest, key) = roots.last().expect("a root");
    let mut world = World { csca: newest.clone(), csca_key: key.clone(), ..World::new() };
    world.ds = signer(newest, key, &world.ds_key);
    world.trust = anchors(&[(&roots[0].0, &roots[0].1)]);
    let mut message = world.message();
    for (link, (_, old)) in links.iter().zip(&roots) {
        message.certificates.insert(0, link.der(old));
    }
    (world, message.file())
}

#[test]
fn the_anchor_is_named_with_its_tier_and_origin() {
    let mut world = World::new();
    world.trust = TrustStore::new();
    world.trust.add_from(&world.csca.der(&world.csca_key), &Origin::new(Tier::NationalList, "a list of 2026")).expect("an anchor");
    let verdict = world.verdict();
    let chain = finding(&verdict, "pa.chain");
    assert_eq!((chain.evidence("csca_tier"), chain.evidence("csca_origin")), (Some("national"), Some("a list of 2026")));
    assert_eq!(chain.evidence("links_sha256"), None);
}

#[test]
fn a_link_certificate_leads_to_the_older_key() {
    let (world, file) = document(2);
    let verdict = world.judge(&file);
    assert_eq!((failed(&verdict), of(&verdict, "pa.chain"), rules(&verdict)), (vec![], PASSED, vec![]));
    assert_eq!(finding(&verdict, "pa.chain").evidence("links_sha256").map(str::len), Some(64));
    // without the link there is no path, and nothing is called forged
    assert_eq!(of(&world.verdict(), "pa.chain"), (Outcome::Undecided, "no-trust-anchor"));
}

#[test]
fn several_links_are_followed_and_their_number_is_bounded() {
    let most = u8::try_from(MAX_LINKS).expect("small") + 1;
    let (world, file) = document(most);
    assert_eq!(of(&world.judge(&file), "pa.chain"), PASSED);
    let (world, file) = document(most + 1);
    assert_eq!(of(&world.judge(&file), "pa.chain"), (Outcome::Undecided, "no-trust-anchor"));
}

#[test]
fn a_link_that_the_store_only_knows_helps_and_is_no_anchor() {
    let (roots, links) = generations(2);
    let ds = Arc::new(signer(&roots[1].0, &roots[1].1, &Key::ec(2)).signed_by(&roots[1].1));
    let link = eid::cert::trust::Entry::new(links[0].signed_by(&roots[0].1));
    let mut trust = TrustStore::new();
    trust.insert_known(link.clone(), []);
    assert!(matches!(path::find(&ds, &trust), Chain::NoAnchor { tried: 1 }));
    trust.add(&roots[0].0.der(&roots[0].1)).expect("an anchor");
    let Chain::Verified(path) = path::find(&ds, &trust) else { panic!("no path") };
    assert_eq!((path.links.len(), path.issuer().fingerprint()), (1, *link.fingerprint()));
}

#[test]
fn a_direct_path_goes_before_a_longer_one() {
    let (mut world, file) = document(3);
    world.trust.add(&world.csca.der(&world.csca_key)).expect("an anchor");
    assert_eq!(finding(&world.judge(&file), "pa.chain").evidence("links_sha256"), None);
}

/// Two keys that link to each other, and no anchor behind them: the search ends.
#[test]
fn links_in_a_circle_end() {
    let (a, b) = (Key::ec(10), Key::ec(11));
    let name = csca_name("VN", "CSCA");
    let (root_a, root_b) = (csca(&name, &a), csca(&name, &b));
    let mut world =
        World { csca: root_b.clone(), csca_key: b.clone(), trust: anchors(&[(&csca(&name, &Key::ec(99)), &Key::ec(99))]), ..World::new() };
    world.ds = signer(&root_b, &b, &world.ds_key);
    let mut message = world.message();
    message.certificates.extend([link(&root_b, &root_a, &a).der(&a), link(&root_a, &root_b, &b).der(&b), root_a.der(&a), root_b.der(&b)]);
    assert_eq!(of(&world.judge(&message.file()), "pa.chain"), (Outcome::Undecided, "no-trust-anchor"));
}

#[test]
fn a_self_made_root_or_link_in_the_message_is_no_anchor() {
    let world = World::new();
    let forger = Key::ec(66);
    let own = csca(&world.csca.subject, &forger);
    let mut forged = World { csca_key: forger.clone(), ds_key: Key::ec(67), ..world.clone() };
    forged.ds = signer(&own, &forger, &forged.ds_key);
    let mut message = forged.message();
    // its own root, and a link certificate that says to be signed by the genuine one
    message.certificates.extend([own.der(&forger), link(&own, &world.csca, &world.csca_key).der(&forger)]);
    let verdict = forged.judge(&message.file());
    assert_eq!((of(&verdict, "pa.signature"), of(&verdict, "pa.chain")), (PASSED, (Outcome::Undecided, "no-trust-anchor")));
}

#[test]
fn a_document_signer_is_no_link() {
    let world = World::new();
    let mut below = world.clone();
    below.ds = Spec { issuer: world.ds.subject.clone(), serial: vec![0x55], ..signer(&world.csca, &world.ds_key, &Key::ec(50)) };
    below.ds_key = Key::ec(50);
    below.csca_key = world.ds_key.clone();
    let mut message = below.message();
    message.certificates.push(world.certificate().der().to_vec());
    assert_ne!(of(&below.judge(&message.file()), "pa.chain").0, Outcome::Passed);
}

#[test]
fn a_change_of_name_is_told_unless_the_link_says_so_itself() {
    let (old, new) = (Key::ec(10), Key::ec(11));
    let (root, next) = (csca(&csca_name("VN", "Old"), &old), csca(&csca_name("VN", "New"), &new));
    let mut world = World { csca: next.clone(), csca_key: new.clone(), trust: anchors(&[(&root, &old)]), ..World::new() };
    world.ds = signer(&next, &new, &world.ds_key);
    let with = |link: Spec| {
        let mut message = world.message();
        message.certificates.push(link.der(&old));
        let verdict = world.judge(&message.file());
        (of(&verdict, "pa.chain").0, rules(&verdict))
    };
    let link = link(&next, &root, &old);
    assert_eq!(with(link.clone()), (Outcome::Passed, vec!["path.link-name-change"]));
    assert_eq!(with(link.with(oid::NAME_CHANGE, false, vec![5, 0])), (Outcome::Passed, vec![]));
}

#[test]
fn one_key_in_two_certificates_is_valid_when_either_is() {
    let mut world = World::new();
    let old = Spec { until: day("2026-03-01"), ..world.csca.clone() };
    // the expired one comes first
    world.trust = anchors(&[(&old, &world.csca_key), (&world.csca, &world.csca_key)]);
    let verdict = world.verdict();
    assert_eq!((of(&verdict, "pa.validity.signing"), of(&verdict, "pa.validity.today")), (PASSED, PASSED));
    world.trust = anchors(&[(&old, &world.csca_key)]);
    let verdict = world.verdict();
    assert_eq!((of(&verdict, "pa.validity.signing").0, of(&verdict, "pa.validity.today").0), (Outcome::Failed, Outcome::Failed));
    assert_eq!(of(&verdict, "pa.chain").0, Outcome::Passed);
}

#[test]
fn key_identifiers_only_sort() {
    let mut world = World::new();
    world.ds = world.ds.with(oid::AUTHORITY_KEY_IDENTIFIER, false, vec![0x30, 3, 0x80, 1, 0xAA]);
    let verdict = world.verdict();
    assert_eq!((of(&verdict, "pa.chain").0, rules(&verdict)), (Outcome::Passed, vec!["path.authority-key-identifier"]));
    world.ds = world.ds.without(oid::AUTHORITY_KEY_IDENTIFIER);
    assert_eq!(of(&world.verdict(), "pa.chain").0, Outcome::Passed);
}

#[test]
fn the_key_that_is_named_and_did_not_sign_tells_a_forgery() {
    let world = World::new();
    let mut forged = World { csca_key: Key::ec(66), ..world.clone() };
    forged.ds = signer(&world.csca, &world.csca_key, &world.ds_key);
    assert_eq!(of(&forged.verdict(), "pa.chain"), (Outcome::Failed, "certificate-signature-wrong"));
}

#[test]
fn a_name_that_differs_from_the_csca_is_told() {
    let mut world = World::new();
    world.ds.issuer = csca_name("VN", "csca");
    assert_eq!(rules(&world.verdict()), ["path.issuer-name-encoding"]);
    world.ds.issuer = csca_name("VN", "Another");
    assert_eq!(rules(&world.verdict()), ["path.issuer-name-differs"]);
}

#[test]
fn certificates_that_may_not_sign_documents_do_not() {
    let usage = |kind: &'static str, value: Vec<u8>| {
        let mut world = World::new();
        world.ds = world.ds.with(kind, true, value);
        let verdict = world.verdict();
        (of(&verdict, "pa.chain").0, of(&verdict, "pa.chain").1.to_owned())
    };
    let refused = (Outcome::Failed, "not-a-document-signer".to_owned());
    assert_eq!(usage(oid::KEY_USAGE, vec![3, 2, 1, 0x06]), refused);
    assert_eq!(usage(oid::BASIC_CONSTRAINTS, vec![0x30, 3, 1, 1, 0xFF]), refused);
    assert_eq!(usage(oid::EXT_KEY_USAGE, encode(0x30u32, &crate::forge::oid_of("2.23.136.1.1.3"))), refused);
    assert_eq!(usage("1.3.6.1.4.1.1.1", vec![5, 0]), refused);
    // keyUsage of the CSCA without keyCertSign
    let mut world = World::new();
    world.csca = world.csca.with(oid::KEY_USAGE, true, vec![3, 2, 7, 0x80]);
    world.trust = anchors(&[(&world.csca, &world.csca_key)]);
    assert_eq!(of(&world.verdict(), "pa.chain"), (Outcome::Failed, "not-a-document-signer"));
}

#[test]
fn an_unknown_algorithm_of_the_certificate_is_not_supported() {
    let mut world = World::new();
    world.ds.algorithm = Some(encode(0x30u32, &crate::forge::oid_of("2.16.840.1.101.3.4.3.2")));
    assert_eq!(of(&world.verdict(), "pa.chain"), (Outcome::NotSupported, "algorithm-not-implemented"));
}

#[test]
fn the_cache_holds_proved_signers_and_forgets_with_the_store() {
    let (mut world, file) = document(2);
    let cache = SignerCache::new(2);
    for _ in 0..2 {
        assert_eq!(of(&world.judge_with(&file, Some(&cache)), "pa.chain"), PASSED);
    }
    assert!(cache.get(&world.judge(&file).signer.expect("a signer").fingerprint(), &world.trust).is_some());
    world.trust = TrustStore::new();
    assert_eq!(of(&world.judge_with(&file, Some(&cache)), "pa.chain").0, Outcome::Undecided);
}

#[test]
fn the_day_of_signing_and_today_are_two_questions() {
    let with = |signed: &str, today: &str| {
        let world = World { signing_time: Some(day(signed)), today: day(today), ..World::new() };
        let verdict = world.verdict();
        (of(&verdict, "pa.validity.signing").0, of(&verdict, "pa.validity.today").0)
    };
    assert_eq!(with("2026-01-01", "2036-12-31"), (Outcome::Passed, Outcome::Passed));
    assert_eq!(with("2026-06-01", "2037-01-01"), (Outcome::Passed, Outcome::Failed));
    assert_eq!(with("2025-12-31", "2026-11-21"), (Outcome::Failed, Outcome::Passed));
    // the certificate is valid, its key was no longer to be used
    assert_eq!(with("2026-12-31", "2026-12-31"), (Outcome::Passed, Outcome::Passed));
    assert_eq!(with("2027-01-01", "2027-01-02"), (Outcome::Failed, Outcome::Passed));
}

/// The private key was in use from July on, the certificate is valid from January on.
#[test]
fn the_private_key_has_a_first_day_too() {
    let with = |signed: &str| {
        let mut world = World { signing_time: Some(day(signed)), ..World::new() };
        let time = |tag: u32, text: &str| encode(tag, text.as_bytes());
        let period = encode(0x30u32, &[time(0x80, "20260701000000Z"), time(0x81, "20261231000000Z")].concat());
        world.ds = world.ds.with(oid::PRIVATE_KEY_USAGE_PERIOD, false, period);
        of(&world.verdict(), "pa.validity.signing").0
    };
    assert_eq!((with("2026-06-30"), with("2026-07-01")), (Outcome::Failed, Outcome::Passed));
}

#[test]
fn a_link_must_be_valid_too() {
    let (roots, links) = generations(2);
    let mut world = World { csca: roots[1].0.clone(), csca_key: roots[1].1.clone(), ..World::new() };
    world.ds = signer(&roots[1].0, &roots[1].1, &world.ds_key);
    world.trust = anchors(&[(&roots[0].0, &roots[0].1)]);
    let mut message = world.message();
    message.certificates.push(Spec { until: day("2026-07-01"), ..links[0].clone() }.der(&roots[0].1));
    let verdict = world.judge(&message.file());
    assert_eq!((of(&verdict, "pa.validity.signing").0, of(&verdict, "pa.validity.today").0), (Outcome::Passed, Outcome::Failed));
    assert!(finding(&verdict, "pa.validity.today").reason.as_ref().expect("why").text.starts_with("link certificate is for"));
}

#[test]
fn the_date_of_issue_stands_in_for_the_signing_time_if_its_file_is_confirmed() {
    let mut world = World { signing_time: None, ..World::new() };
    let file = world.message().file();
    let signing = |world: &World| {
        let verdict = world.judge(&file);
        let finding = finding(&verdict, "pa.validity.signing");
        (finding.outcome, finding.evidence("source").map(str::to_owned))
    };
    assert_eq!(signing(&world), (Outcome::Undecided, None));
    world.issued = Some(Issued { date: day("2026-05-01"), data_group: Some(2) });
    assert_eq!(signing(&world), (Outcome::Passed, Some("date of issue in EF.DG2".to_owned())));
    world.issued = Some(Issued { date: day("2025-05-01"), data_group: Some(2) });
    assert_eq!(signing(&world).0, Outcome::Failed);
    world.issued = Some(day("2026-05-01").into());
    assert_eq!(signing(&world), (Outcome::Passed, Some("date of issue of the document".to_owned())));
    // a date from a file that nobody signed is nobody's
    world.issued = Some(Issued { date: day("2026-05-01"), data_group: Some(2) });
    world.files.get_mut(&2).expect("DG2").push(0);
    assert_eq!(signing(&world), (Outcome::Undecided, None));
    world.files.insert(13, vec![0x6D, 0]);
    world.issued = Some(Issued { date: day("2026-05-01"), data_group: Some(13) });
    assert_eq!(signing(&world), (Outcome::Undecided, None));
    // what EF.SOD itself states goes before it
    let stated = World { issued: Some(day("1999-01-01").into()), ..World::new() };
    assert_eq!(finding(&stated.verdict(), "pa.validity.signing").evidence("source"), Some("signingTime of EF.SOD"));
}

#[test]
fn a_date_of_issue_under_a_wrong_signature_is_nobodys() {
    let world = World { signing_time: None, issued: Some(Issued { date: day("2026-05-01"), data_group: Some(2) }), ..World::new() };
    let mut message = world.message();
    *message.signers[0].signature.last_mut().expect("a signature") ^= 1;
    let verdict = world.judge(&message.file());
    assert_eq!(of(&verdict, "pa.validity.signing"), (Outcome::Undecided, "signing-date-unknown"));
    assert_eq!(of(&verdict, "pa.issuer"), (Outcome::NotAttempted, "dg1-not-confirmed"));
}

#[test]
fn card_security_goes_the_same_way() {
    let world = World::new();
    let content = vec![0x31, 0];
    let run = |message: &crate::forge::MessageSpec| {
        let (findings, _) =
            card_security(&CardSecurityInput { signed: &message.parsed(), trust: &world.trust, cache: None, today: world.today });
        let all: Vec<_> = findings.iter().map(|f| (f.id().to_owned(), f.outcome)).collect();
        all
    };
    let message = world.message_of(oid::SECURITY_OBJECT, content.clone());
    let ids = ["card_security.signature", "card_security.chain", "card_security.validity", "card_security.revocation"];
    let expected = [Outcome::Passed, Outcome::Passed, Outcome::Passed, Outcome::NotAttempted];
    assert_eq!(run(&message), ids.map(str::to_owned).into_iter().zip(expected).collect::<Vec<_>>());
    assert_eq!(run(&world.message_of(oid::LDS_SECURITY_OBJECT, content.clone()))[0].1, Outcome::Failed);
    let mut changed = message.clone();
    changed.content = vec![0x31, 2, 5, 0];
    assert_eq!(run(&changed)[0].1, Outcome::Failed);
    let mut other = message;
    other.version = 1;
    assert_eq!(run(&other)[0].1, Outcome::Failed);
}

#[test]
fn countries_in_another_case_or_string_type_are_one_state() {
    let mut world = World::new();
    let part = |kind: &'static str, tag: u32, text: &[u8]| {
        encode(0x31u32, &encode(0x30u32, &[crate::forge::oid_of(kind), encode(tag, text)].concat()))
    };
    world.csca.subject = encode(0x30u32, &[part(oid::COUNTRY, 0x0C, b"vn"), part(oid::COMMON_NAME, 0x0C, b"CSCA")].concat());
    world.trust = anchors(&[(&world.csca, &world.csca_key)]);
    assert_eq!(name::country(&world.csca.subject).as_deref(), Some("VN"));
    let verdict = world.verdict();
    assert_eq!(of(&verdict, "pa.chain").0, Outcome::Passed);
    assert_eq!(of(&verdict, "profile.csca").0, Outcome::Failed);
    let mut weak = Key::ec(1);
    weak.algorithm = Algorithm::Ecdsa(Hash::Sha512);
    assert_eq!(world.csca.signed_by(&weak).subject_country().as_deref(), Some("VN"));
}
