//! Revocation lists: only those that a key of the state has signed count.

use eid::cert::crl::Crl;
use eid::cert::trust::TrustStore;
use eid::protocol::finding::Outcome;

use crate::forge::{CrlSpec, Key, PASSED, Spec, World, csca, csca_name, day, failed, finding, link, of, signer};

const ID: &str = "pa.revocation";

fn with(world: &World, lists: &[Vec<u8>]) -> World {
    let mut world = world.clone();
    for list in lists {
        world.trust.insert_crl(Crl::parse(list).expect("a list"));
    }
    world
}

fn revoking(world: &World, date: &str, reason: Option<u8>) -> CrlSpec {
    CrlSpec { revoked: vec![(vec![0x10], day("2026-02-02"), None), (vec![0x11], day(date), reason)], ..CrlSpec::of(&world.csca) }
}

#[test]
fn a_signer_that_is_not_listed_passes_and_the_list_is_named() {
    let world = World::new();
    let other = CrlSpec { revoked: vec![(vec![0x10], day("2026-02-02"), Some(1))], ..CrlSpec::of(&world.csca) };
    for list in [CrlSpec::of(&world.csca), other] {
        let verdict = with(&world, &[list.der(&world.csca_key)]).verdict();
        assert_eq!(of(&verdict, ID), PASSED);
        assert_eq!(finding(&verdict, ID).evidence("crl_date"), Some("2026-11-01"));
    }
}

#[test]
fn a_revoked_signer_fails_with_day_and_reason() {
    let world = World::new();
    let verdict = with(&world, &[revoking(&world, "2026-08-01", Some(1)).der(&world.csca_key)]).verdict();
    assert_eq!(failed(&verdict), [(ID, "revoked")]);
    let found = finding(&verdict, ID);
    assert_eq!((found.evidence("revoked_on"), found.evidence("revocation_reason")), (Some("2026-08-01"), Some("keyCompromise")));
    assert_eq!(found.evidence("signed"), Some("before the revocation"));
    let verdict = with(&world, &[revoking(&world, "2026-05-01", None).der(&world.csca_key)]).verdict();
    let found = finding(&verdict, ID);
    assert_eq!((found.evidence("revocation_reason"), found.evidence("signed")), (Some("not stated"), Some("after the revocation")));
    let silent = World { signing_time: None, ..world.clone() };
    let verdict = with(&silent, &[revoking(&world, "2026-05-01", None).der(&world.csca_key)]).verdict();
    assert_eq!(finding(&verdict, ID).evidence("signed"), Some("at a time that EF.SOD does not state"));
}

#[test]
fn a_serial_number_taken_off_the_list_is_not_revoked() {
    let world = World::new();
    assert_eq!(of(&with(&world, &[revoking(&world, "2026-08-01", Some(8)).der(&world.csca_key)]).verdict(), ID), PASSED);
}

#[test]
fn a_list_that_no_key_of_the_state_signed_says_nothing() {
    let world = World::new();
    let forged = revoking(&world, "2026-08-01", Some(1)).der(&Key::ec(66));
    let verdict = with(&world, std::slice::from_ref(&forged)).verdict();
    assert_eq!(of(&verdict, ID), (Outcome::NotAttempted, "crl-not-authentic"));
    assert_eq!(finding(&verdict, ID).evidence("lists_not_authentic"), Some("1"));
    // nor does it take anything from the genuine one
    let genuine = CrlSpec::of(&world.csca).der(&world.csca_key);
    assert_eq!(of(&with(&world, &[forged, genuine]).verdict(), ID), PASSED);
    // one octet of a genuine list changed
    let mut changed = revoking(&world, "2026-08-01", Some(1)).der(&world.csca_key);
    *changed.last_mut().expect("a signature") ^= 1;
    assert_eq!(of(&with(&world, &[changed]).verdict(), ID), (Outcome::NotAttempted, "crl-not-authentic"));
}

#[test]
fn without_a_list_of_the_state_nothing_was_asked() {
    let world = World::new();
    assert_eq!(of(&world.verdict(), ID), (Outcome::NotAttempted, "no-crl"));
    let other = csca(&csca_name("DE", "CSCA"), &Key::ec(40));
    let list = CrlSpec { revoked: vec![(vec![0x11], day("2026-08-01"), None)], ..CrlSpec::of(&other) };
    assert_eq!(of(&with(&world, &[list.der(&Key::ec(40))]).verdict(), ID), (Outcome::NotAttempted, "no-crl"));
    let nobody = World { trust: TrustStore::new(), ..world };
    assert_eq!(of(&nobody.verdict(), ID), (Outcome::NotAttempted, "no-chain"));
}

#[test]
fn an_expired_list_still_revokes_and_its_silence_is_worth_less() {
    let world = World::new();
    let old = |list: CrlSpec| CrlSpec { from: day("2026-01-01"), until: Some(day("2026-04-01")), ..list };
    let verdict = with(&world, &[old(CrlSpec::of(&world.csca)).der(&world.csca_key)]).verdict();
    assert_eq!(of(&verdict, ID), (Outcome::Passed, "crl-expired"));
    let verdict = with(&world, &[old(revoking(&world, "2025-12-01", None)).der(&world.csca_key)]).verdict();
    assert_eq!(of(&verdict, ID), (Outcome::Failed, "revoked"));
    let endless = CrlSpec { until: None, ..CrlSpec::of(&world.csca) };
    assert_eq!(of(&with(&world, &[endless.der(&world.csca_key)]).verdict(), ID), (Outcome::Passed, "crl-without-end"));
    // the last day counts
    let last = CrlSpec { until: Some(day("2026-11-21")), ..CrlSpec::of(&world.csca) };
    assert_eq!(of(&with(&world, &[last.der(&world.csca_key)]).verdict(), ID), PASSED);
}

#[test]
fn the_newest_list_speaks_and_no_list_unsays_a_revocation() {
    let world = World::new();
    let old = CrlSpec { number: 4, from: day("2026-01-01"), until: Some(day("2026-04-01")), ..CrlSpec::of(&world.csca) };
    let new = CrlSpec::of(&world.csca);
    let verdict = with(&world, &[old.der(&world.csca_key), new.der(&world.csca_key)]).verdict();
    assert_eq!((of(&verdict, ID), finding(&verdict, ID).evidence("crl_date")), (PASSED, Some("2026-11-01")));
    let revoked = CrlSpec { number: 4, ..revoking(&world, "2025-12-01", None) };
    let verdict = with(&world, &[new.der(&world.csca_key), revoked.der(&world.csca_key)]).verdict();
    assert_eq!(of(&verdict, ID), (Outcome::Failed, "revoked"));
}

/// Delta, indirect, only for CA certificates, and whatever an unknown critical extension means: not to be on such a list proves nothing.
#[test]
fn a_list_that_does_not_speak_for_all_leaves_the_question_open_and_still_revokes() {
    let world = World::new();
    let with_limit = |list: CrlSpec, oid: &'static str, value: &[u8]| with(&world, &[list.with(oid, value).der(&world.csca_key)]).verdict();
    for (oid, value, says) in [
        ("2.5.29.27", &[2, 1, 1][..], "the list is a delta"),
        ("2.5.29.28", &[0x30, 3, 0x84, 1, 0xFF], "the list is indirect"),
        ("2.5.29.28", &[0x30, 3, 0x82, 1, 0xFF], "the list is partial: onlyContainsCACerts"),
        ("2.5.29.28", &[0x30, 4, 0x83, 2, 1, 0x40], "the list is partial: onlySomeReasons"),
        ("2.5.29.28", &[0x30, 3, 0x85, 1, 0xFF], "the list is partial: onlyContainsAttributeCerts"),
        ("1.2.3.4", &[5, 0], "unknown critical extension 1.2.3.4"),
    ] {
        let verdict = with_limit(CrlSpec::of(&world.csca), oid, value);
        assert_eq!(of(&verdict, ID), (Outcome::Undecided, "crl-limited"), "{says}");
        let reason = finding(&verdict, ID).reason.clone().expect("why");
        assert!(reason.text.ends_with(says), "{}", reason.text);
        let verdict = with_limit(revoking(&world, "2026-08-01", Some(1)), oid, value);
        assert_eq!(of(&verdict, ID), (Outcome::Failed, "revoked"), "{says}");
    }
    // the usual form for a CSCA, whose document signers are no CAs, limits nothing
    assert_eq!(of(&with_limit(CrlSpec::of(&world.csca), "2.5.29.28", &[0x30, 3, 0x81, 1, 0xFF]), ID), PASSED);
    assert_eq!(of(&with_limit(CrlSpec::of(&world.csca), "2.5.29.28", &[0x30, 3, 0x84, 1, 0]), ID), PASSED);
    // an older list that is whole does not speak over the newest
    let old = CrlSpec { number: 4, from: day("2026-10-01"), ..CrlSpec::of(&world.csca) }.der(&world.csca_key);
    let delta = CrlSpec::of(&world.csca).with("2.5.29.27", &[2, 1, 1]).der(&world.csca_key);
    assert_eq!(of(&with(&world, &[old, delta]).verdict(), ID), (Outcome::Undecided, "crl-limited"));
}

/// Doc 9303-12: one list for all keys of a CSCA, signed by the newest.
#[test]
fn the_list_of_the_newest_key_speaks_for_signers_of_the_older_one() {
    let world = World::new();
    let new_key = Key::ec(30);
    let newest = csca(&world.csca.subject, &new_key);
    let list = revoking(&world, "2026-08-01", Some(4)).der(&new_key);
    let mut with_new = with(&world, std::slice::from_ref(&list));
    assert_eq!(of(&with_new.verdict(), ID), (Outcome::NotAttempted, "crl-not-authentic"), "its key is not trusted");
    with_new.trust.add(&newest.der(&new_key)).expect("an anchor");
    assert_eq!(of(&with_new.verdict(), ID), (Outcome::Failed, "revoked"));
}

#[test]
fn a_revoked_link_certificate_fails_the_check() {
    let (old, new) = (Key::ec(10), Key::ec(11));
    let name = csca_name("VN", "CSCA");
    let (root, next) = (csca(&name, &old), csca(&name, &new));
    let mut world = World { csca: next.clone(), csca_key: new.clone(), ..World::new() };
    world.ds = signer(&next, &new, &world.ds_key);
    world.trust = TrustStore::from_bytes(&root.der(&old)).expect("an anchor");
    let between: Spec = link(&next, &root, &old);
    let mut message = world.message();
    message.certificates.push(between.der(&old));
    assert_eq!(of(&world.judge(&message.file()), "pa.chain"), PASSED);
    let list = CrlSpec { revoked: vec![(between.serial.clone(), day("2026-08-01"), None)], ..CrlSpec::of(&root) };
    // the key of the link was proved: a list that it signed counts as well
    for key in [&old, &new] {
        let world = with(&world, &[list.der(key)]);
        assert_eq!(of(&world.judge(&message.file()), ID), (Outcome::Failed, "revoked"));
    }
}

/// A state that has revoked its CSCA has said so of all that it signed (Doc 9303-12 clause 7.1.4).
#[test]
fn a_revoked_csca_fails_as_its_signer_would() {
    let world = World::new();
    let list = CrlSpec { revoked: vec![(world.csca.serial.clone(), day("2026-08-01"), None)], ..CrlSpec::of(&world.csca) };
    let verdict = with(&world, &[list.der(&world.csca_key)]).verdict();
    assert_eq!(failed(&verdict), [(ID, "revoked")]);
    assert_eq!(finding(&verdict, ID).evidence("revoked_on"), Some("2026-08-01"));
}
