//! One changed octet anywhere: a finding fails, and it is the right one.

use std::collections::{BTreeMap, BTreeSet};

use eid::cert::path::SignerCache;
use eid::cert::trust::TrustStore;
use eid::crypto::hash::Hash;
use eid::protocol::finding::{Finding, Outcome};
use eid::protocol::passive_auth::{Input, Verdict, passive_authentication};
use pki::csca::EcParameters;
use pki::{CscaParameters, DsParameters};

use crate::support::{World, files, today};

fn run(sod: &[u8], files: &BTreeMap<u8, Vec<u8>>, trust: &TrustStore, cache: Option<&SignerCache>) -> Verdict {
    let (sod, not_read) = (eid::lds::sod::Sod::parse(sod), BTreeSet::new());
    let files = files.iter().map(|(&number, file)| (number, file.as_slice())).collect();
    let input = Input { sod: sod.as_ref(), files: &files, not_read: &not_read, trust, cache, today: today(), issued: Some(today().into()) };
    without_revocation(passive_authentication(&input))
}

/// The trust stores here have no revocation list: that is the one check that never runs.
fn without_revocation(mut verdict: Verdict) -> Verdict {
    let at = verdict.findings.iter().position(|finding| finding.id() == "pa.revocation").expect("pa.revocation");
    assert_eq!(verdict.findings.remove(at).outcome, Outcome::NotAttempted);
    verdict
}

fn not_passed(verdict: &Verdict) -> Vec<(&str, Outcome, &'static str)> {
    let reason = |f: &Finding| f.reason.as_ref().map_or("", |r| r.code);
    verdict.findings.iter().filter(|f| f.outcome != Outcome::Passed).map(|f| (f.id(), f.outcome, reason(f))).collect()
}

/// The first place of `part` in `whole`.
fn find(whole: &[u8], part: &[u8]) -> usize {
    whole.windows(part.len()).position(|window| window == part).expect("a part of the file")
}

#[test]
fn a_document_of_ours_passes_every_check_without_a_quirk() {
    let world = World::usual();
    let verdict = run(&world.sod(&files(), Hash::Sha256), &files(), &world.trust(), None);
    assert_eq!(not_passed(&verdict), []);
    assert_eq!(verdict.quirks, []);
    let ids: Vec<_> = verdict.findings.iter().map(Finding::id).collect();
    let hashes = ["pa.hash.dg1", "pa.hash.dg2", "pa.hash.dg13", "pa.hash.dg14"];
    let first = ["pa.sod", "pa.signature", "pa.chain", "pa.validity.signing", "pa.validity.today"];
    let last = ["pa.listed", "pa.issuer", "profile.signer", "profile.csca", "profile.document_type", "profile.country"];
    assert_eq!(ids, [first.as_slice(), hashes.as_slice(), last.as_slice()].concat());
}

#[test]
fn explicit_ec_parameters_make_a_chain_too() {
    let csca = CscaParameters { ec_parameters: EcParameters::Explicit, ..CscaParameters::default() };
    let world = World::new(csca, DsParameters { ec_parameters: EcParameters::Explicit, ..DsParameters::default() });
    assert!(world.ds.key().expect("key").explicit_parameters);
    assert_eq!(not_passed(&run(&world.sod(&files(), Hash::Sha256), &files(), &world.trust(), None)), []);
}

#[test]
fn each_kind_of_damage_fails_under_its_own_name() {
    let world = World::usual();
    let (sod, trust) = (world.sod(&files(), Hash::Sha256), world.trust());
    let damage = |at: usize| {
        let mut changed = sod.clone();
        changed[at] ^= 1;
        run(&changed, &files(), &trust, None)
    };
    // Without a signature nobody has confirmed DG1, and what is compared with it.
    let unconfirmed = ["pa.issuer", "profile.document_type"].map(|id| (id, Outcome::NotAttempted, "dg1-not-confirmed"));
    let content = find(&sod, &Hash::Sha256.digest(&[&files()[&2]]));
    let verdict = damage(content);
    assert_eq!(
        not_passed(&verdict),
        [[("pa.signature", Outcome::Failed, "message-digest-differs"), ("pa.hash.dg2", Outcome::Failed, "hash-differs")], unconfirmed]
            .concat()
    );

    let parsed = eid::lds::sod::Sod::parse(&sod).expect("EF.SOD");
    let digest = find(&sod, &Hash::Sha256.digest(&[parsed.signed.content()]));
    for (at, code) in [(digest, "message-digest-differs"), (sod.len() - 1, "signature-wrong")] {
        assert_eq!(not_passed(&damage(at)), [[("pa.signature", Outcome::Failed, code)].as_slice(), &unconfirmed].concat());
    }

    let none = [
        ("pa.chain", Outcome::Failed, "certificate-signature-wrong"),
        ("pa.validity.signing", Outcome::NotAttempted, "no-chain"),
        ("pa.validity.today", Outcome::NotAttempted, "no-chain"),
        ("profile.csca", Outcome::NotAttempted, "no-chain"),
    ];
    let certificate = find(&sod, world.ds.der());
    let in_subject = certificate + find(world.ds.der(), b"Document Signer 1");
    assert_eq!(not_passed(&damage(in_subject)), none);
    assert_eq!(not_passed(&damage(certificate + world.ds.der().len() - 1)), none);

    let mut changed = files();
    changed.get_mut(&13).expect("DG13")[50] ^= 1;
    assert_eq!(not_passed(&run(&sod, &changed, &trust, None)), [("pa.hash.dg13", Outcome::Failed, "hash-differs")]);
}

#[test]
fn no_changed_octet_of_ef_sod_goes_unseen() {
    let world = World::usual();
    let (sod, trust, cache) = (world.sod(&files(), Hash::Sha256), world.trust(), SignerCache::default());
    assert_eq!(not_passed(&run(&sod, &files(), &trust, Some(&cache))), []);
    let mut unseen = Vec::new();
    for at in 0..sod.len() {
        for mask in [0x01, 0x20, 0x80, 0xFF] {
            let mut changed = sod.clone();
            changed[at] ^= mask;
            let verdict = run(&changed, &files(), &trust, Some(&cache));
            if !verdict.findings.iter().any(|f| f.outcome == Outcome::Failed) {
                unseen.push((at, mask, verdict.quirks, not_passed_owned(&verdict.findings)));
            }
        }
    }
    // Who changes the identifier of the issuer's key points to a key that is not there: the chain is undecided, since nobody can know of
    // whom else it might be. (The issuer's serial number beside it would tell, and forbid link certificates to those who compare it.)
    let extension = find(world.ds.der(), &[0x06, 0x03, 0x55, 0x1D, 0x23]) - 2;
    let identifier = find(&sod, world.ds.der()) + extension;
    let identifier = identifier..identifier + 2 + usize::from(world.ds.der()[extension + 1]);
    let (pointed, unseen): (Vec<_>, Vec<_>) = unseen.into_iter().partition(|(at, ..)| identifier.contains(at));
    assert!(pointed.len() >= 4 * 20, "{} changes in the identifier", pointed.len());
    for (at, mask, _, findings) in pointed {
        let undecided = findings.iter().any(|finding| finding.starts_with("pa.chain undecided"));
        assert!(undecided, "octet {at} ^ {mask:02x} of EF.SOD: {findings:?}");
    }
    // The issuer's name in the SignerInfo is not signed; a name that differs in case alone is taken for the same, with a quirk.
    let sid = find(&sod, &[world.ds.issuer(), &[0x02, 0x10], world.ds.serial()].concat());
    let place = sid..sid + world.ds.issuer().len();
    assert!(unseen.len() < place.len(), "{} changes unseen", unseen.len());
    for (at, mask, quirks, findings) in unseen {
        let told = quirks.iter().any(|quirk| quirk.rule == "sod.signer-name-encoding");
        assert!(told && place.contains(&at), "octet {at} ^ {mask:02x} of EF.SOD: {quirks:?} {findings:?}");
    }
}

fn not_passed_owned(findings: &[Finding]) -> Vec<String> {
    findings.iter().filter(|f| f.outcome != Outcome::Passed).map(|f| format!("{} {} {:?}", f.id(), f.outcome, f.reason)).collect()
}

#[test]
fn another_root_of_the_same_name_leaves_the_chain_undecided() {
    let (world, other) = (World::usual(), World::usual());
    assert_eq!(world.authority.csca().expect("CSCA").subject(), other.authority.csca().expect("CSCA").subject());
    let verdict = run(&world.sod(&files(), Hash::Sha256), &files(), &other.trust(), None);
    assert_eq!(
        not_passed(&verdict),
        [
            ("pa.chain", Outcome::Undecided, "no-trust-anchor"),
            ("pa.validity.signing", Outcome::NotAttempted, "no-chain"),
            ("pa.validity.today", Outcome::NotAttempted, "no-chain"),
            ("profile.csca", Outcome::NotAttempted, "no-chain"),
        ]
    );
}

#[test]
fn both_roots_of_one_name_are_tried_and_the_signature_decides() {
    let (world, other) = (World::usual(), World::usual());
    let mut trust = other.trust();
    trust.add(world.authority.csca().expect("CSCA").der()).expect("second anchor");
    assert_eq!(not_passed(&run(&world.sod(&files(), Hash::Sha256), &files(), &trust, None)), []);
}

#[test]
fn the_cache_answers_for_the_same_anchors_alone() {
    let (world, other) = (World::usual(), World::usual());
    let (sod, cache) = (world.sod(&files(), Hash::Sha256), SignerCache::new(1));
    for _ in 0..2 {
        assert_eq!(not_passed(&run(&sod, &files(), &world.trust(), Some(&cache))), []);
    }
    let verdict = run(&sod, &files(), &other.trust(), Some(&cache));
    assert_eq!(not_passed(&verdict)[0], ("pa.chain", Outcome::Undecided, "no-trust-anchor"));
    // a full cache forgets and still decides rightly
    assert_eq!(not_passed(&run(&other.sod(&files(), Hash::Sha256), &files(), &other.trust(), Some(&cache))), []);
    assert_eq!(not_passed(&run(&sod, &files(), &world.trust(), Some(&cache))), []);
}

#[test]
fn days_outside_of_a_period_fail_by_the_period() {
    let world = World::usual();
    let (sod, trust, not_read, files) = (world.sod(&files(), Hash::Sha256), world.trust(), BTreeSet::new(), files());
    let sod = eid::lds::sod::Sod::parse(&sod);
    let files = files.iter().map(|(&number, file)| (number, file.as_slice())).collect();
    let on = |today, issued: Option<eid::date::Date>| {
        let issued = issued.map(Into::into);
        let input = Input { sod: sod.as_ref(), files: &files, not_read: &not_read, trust: &trust, cache: None, today, issued };
        let verdict = without_revocation(passive_authentication(&input));
        let failed = verdict.findings.iter().filter(|f| f.outcome != Outcome::Passed);
        failed.map(|f| (f.id().to_owned(), f.reason.as_ref().map(|r| r.text.clone()).unwrap_or_default())).collect::<Vec<_>>()
    };
    let day = today();
    assert_eq!(on(day.plus_years(9), Some(day.plus_days(90))), []);
    let late = on(day.plus_years(1), Some(day.plus_days(91)));
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].0, "pa.validity.signing");
    assert_eq!(late[0].1, "private key of the document signer is for 2026-11-21 to 2027-02-19, the day is 2027-02-20");
    let expired = on(day.plus_years(11), Some(day));
    assert_eq!(expired[0].0, "pa.validity.today");
    assert!(expired[0].1.starts_with("certificate of the document signer is for 2026-11-21 to 2037-02-19"), "{expired:?}");
    let unknown = on(day, None);
    assert_eq!(unknown[0].0, "pa.validity.signing");
}
