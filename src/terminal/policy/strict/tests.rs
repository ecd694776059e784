//! What speaks against the form of a document, and what does not.

use eid::protocol::finding::Check;

use super::super::ALWAYS;
use super::*;
use crate::terminal::report::codes::tolerances::TOLERANCES;

fn passed() -> Vec<Finding> {
    ALWAYS.map(|id| Check::new(id, "test").passed()).into()
}

fn judged(policy: &dyn Policy, more: &[Finding], quirks: &[Quirk]) -> (Verdict, Vec<String>) {
    let findings = [passed(), more.to_vec()].concat();
    let seen = Seen { findings: &findings, quirks };
    (policy.judge(seen), policy.obstacles(seen))
}

fn strict(more: &[Finding], quirks: &[Quirk]) -> (Verdict, Vec<String>) {
    judged(&StrictPolicy::default(), more, quirks)
}

/// Of every tolerance that there is.
#[test]
fn a_tolerance_counts_if_it_is_one_of_the_document_and_never_for_the_standard_policy() {
    let (mut counted, mut passed) = (0, 0);
    for known in TOLERANCES {
        let quirk = Quirk::new(known.rule, "somewhere").over(&[0xAB]);
        let line = format!("form: {} at somewhere (ab)", known.rule);
        let expected = if known.whose == Whose::Document {
            counted += 1;
            (Verdict::Undecided, vec![line])
        } else {
            passed += 1;
            (Verdict::Genuine, vec![])
        };
        assert_eq!(strict(&[], std::slice::from_ref(&quirk)), expected, "{}", known.rule);
        assert_eq!(judged(&StandardPolicy::default(), &[], &[quirk]), (Verdict::Genuine, vec![]), "{}", known.rule);
    }
    assert!(counted > 60 && passed > 30, "{counted} of {}", counted + passed);
    assert_eq!(strict(&[], &[Quirk::new("of.another-program", "x")]).0, Verdict::Genuine, "what no table knows is none of this version");
}

#[test]
fn a_certificate_that_breaks_its_profile_counts_and_is_named() {
    let profile = Check::new("profile.signer", "test").failed("profile", "version: expected 3, found 2");
    let line = "form: profile.signer failed, version: expected 3, found 2".to_owned();
    assert_eq!(strict(std::slice::from_ref(&profile), &[]), (Verdict::Undecided, vec![line]));
    assert_eq!(judged(&StandardPolicy::default(), &[profile], &[]), (Verdict::Genuine, vec![]));
    assert_eq!(strict(&[Check::new("profile.signer", "test").passed()], &[]), (Verdict::Genuine, vec![]));
    let unknown = Check::new("profile.document_type", "test").not_attempted("no-list", "");
    assert_eq!(strict(&[unknown], &[]), (Verdict::Genuine, vec![]), "what was not asked is no fault");
}

#[test]
fn a_published_fault_is_one_and_a_content_that_was_left_out_shows_no_form() {
    let published = Check::new("pa.hash.dg2", "test").passed().because("accepted-deviation", "published").with("deviation", "2.23");
    let redacted = Check::new("pa.hash.dg2", "test").passed().because("recorded-hash", "not in the evidence");
    let neither = Check::new("pa.hash.dg2", "test").not_attempted("redacted", "neither");
    for finding in [published, redacted, neither] {
        let (verdict, obstacles) = strict(&[finding], &[]);
        assert_eq!((verdict, obstacles.len()), (Verdict::Undecided, 1), "{obstacles:?}");
        assert!(obstacles[0].starts_with("form: pa.hash.dg2 "), "{obstacles:?}");
    }
    assert_eq!(strict(&[Check::new("pa.hash.dg2", "test").passed()], &[]), (Verdict::Genuine, vec![]));
}

#[test]
fn what_the_standard_policy_refuses_stays_refused_with_all_that_stands_against_it() {
    let odd = [Quirk::new("face.record-length", "EF.DG2")];
    let failed = Check::new("ca", "test").failed("key-not-proven", "a copy");
    let (verdict, obstacles) = strict(&[failed], &odd);
    assert_eq!((verdict, obstacles.len()), (Verdict::NotGenuine, 2), "{obstacles:?}");
    let open = Check::new("ca", "test").not_supported("algorithm-not-implemented", "unknown");
    assert_eq!(strict(&[open], &[]).0, Verdict::Undecided);
    let required = StrictPolicy::requiring([Requirement::Aa]);
    assert_eq!(judged(&required, &[], &[]), (Verdict::Undecided, vec!["aa is required and was not run".to_owned()]));
    assert_eq!(required.requirements(), ["aa"]);
    assert_eq!(judged(&required, &[Check::new("aa", "test").passed()], &[]), (Verdict::Genuine, vec![]));
}

#[test]
fn what_is_let_stand_is_told_as_before() {
    let unknown = Check::new("pa.validity.signing", "test").undecided("signing-date-unknown", "nobody says");
    let findings = [passed(), vec![unknown, Check::new("pa.validity.today", "test").passed()]].concat();
    let seen = Seen { findings: &findings, quirks: &[] };
    assert_eq!((StrictPolicy::default().judge(seen), StrictPolicy::default().concessions(seen).len()), (Verdict::Genuine, 1));
}
