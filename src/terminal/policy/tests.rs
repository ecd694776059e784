//! What follows from the findings, rule by rule.

use eid::protocol::finding::Check;

use super::*;

const ALWAYS_PASSED: [Finding; 4] = [
    Check::new("pa.sod", "Doc 9303-10 §4.6.2").passed(),
    Check::new("pa.signature", "Doc 9303-11 §5.1").passed(),
    Check::new("pa.chain", "Doc 9303-11 §5.1").passed(),
    Check::new("pa.hash.dg1", "Doc 9303-11 §5.1").passed(),
];

fn of(findings: &[Finding]) -> Seen<'_> {
    Seen { findings, quirks: &[] }
}

fn check(id: &'static str) -> Check {
    Check::new(id, "test")
}

fn judged(policy: &StandardPolicy, more: impl IntoIterator<Item = Finding>) -> (Verdict, Vec<String>) {
    let findings: Vec<_> = ALWAYS_PASSED.into_iter().chain(more).collect();
    (policy.judge(of(&findings)), policy.obstacles(of(&findings)))
}

fn with(more: impl IntoIterator<Item = Finding>) -> Verdict {
    judged(&StandardPolicy::default(), more).0
}

#[test]
fn genuine_needs_every_check_without_which_nothing_is_shown_and_nothing_open() {
    let policy = StandardPolicy::default();
    assert_eq!(judged(&policy, []), (Verdict::Genuine, vec![]));
    assert_eq!(judged(&policy, [check("read.dg3").not_attempted("protected", "")]), (Verdict::Genuine, vec![]));
    for missing in ALWAYS {
        let findings: Vec<_> = ALWAYS_PASSED.into_iter().filter(|finding| finding.id() != missing).collect();
        assert_eq!(policy.judge(of(&findings)), Verdict::Undecided, "{missing}");
        assert_eq!(policy.obstacles(of(&findings)), [format!("{missing} is required and was not run")]);
    }
    assert_eq!(policy.judge(of(&[])), Verdict::Undecided);
}

#[test]
fn one_failed_check_outweighs_everything() {
    assert_eq!(with([check("pa.hash.dg2").failed("hash-differs", "")]), Verdict::NotGenuine);
    assert_eq!(with([check("ca").failed("x", ""), check("aa").undecided("x", "")]), Verdict::NotGenuine);
}

#[test]
fn an_open_question_is_never_genuine() {
    assert_eq!(with([check("ca").not_supported("algorithm", "")]), Verdict::Undecided);
    assert_eq!(with([check("pa.validity.signing").undecided("x", "")]), Verdict::Undecided);
}

/// Many passports have neither a signingTime nor DG12.
#[test]
fn an_unknown_day_of_signing_is_let_stand_where_the_certificates_are_valid_today() {
    let policy = StandardPolicy::default();
    let unknown = || check("pa.validity.signing").undecided("signing-date-unknown", "nobody says");
    let today = check("pa.validity.today");
    let judge = |more: &[Finding]| {
        let findings: Vec<_> = ALWAYS_PASSED.into_iter().chain(more.iter().cloned()).collect();
        (policy.judge(of(&findings)), policy.obstacles(of(&findings)).len(), policy.concessions(of(&findings)))
    };
    let (verdict, obstacles, concessions) = judge(&[unknown(), today.clone().passed()]);
    assert_eq!((verdict, obstacles, concessions.len()), (Verdict::Genuine, 0, 1));
    assert!(concessions[0].starts_with("pa.validity.signing undecided, nobody says: all certificates are valid today"));
    let open = Verdict::Undecided;
    assert_eq!(judge(&[unknown()]), (open, 1, vec![]));
    assert_eq!(judge(&[unknown(), today.clone().not_attempted("no-chain", "")]), (open, 1, vec![]));
    assert_eq!(judge(&[unknown(), today.clone().passed().with("deviation", "x")]), (open, 1, vec![]));
    assert_eq!(judge(&[unknown(), today.clone().failed("out-of-validity", "")]), (Verdict::NotGenuine, 1, vec![]));
    // for no other reason, and no other check
    let other = |id, code| check(id).undecided(code, "");
    assert_eq!(judge(&[other("pa.validity.signing", "x"), today.clone().passed()]), (open, 1, vec![]));
    assert_eq!(judge(&[other("document.expiry", "signing-date-unknown"), today.passed()]), (open, 1, vec![]));
    assert_eq!(judge(&[]), (Verdict::Genuine, 0, vec![]));
}

#[test]
fn a_refused_right_says_nothing_about_genuineness() {
    assert_eq!(with([check("access.pace").failed("refused", ""), check("access.downgrade").undecided("x", "")]), Verdict::Genuine);
    assert_eq!(with([check("ta").failed("refused", "")]), Verdict::Genuine);
    assert_eq!(with([check("access.channel").failed("broken", "")]), Verdict::NotGenuine, "an answer that was changed is no refusal");
}

#[test]
fn a_required_check_must_have_passed() {
    for requirement in Requirement::ALL {
        let policy = StandardPolicy::requiring([requirement]);
        let id = requirement.check();
        assert_eq!(judged(&policy, [check(id).passed()]), (Verdict::Genuine, vec![]), "{id}");
        for open in [check(id).not_attempted("not-offered", "no key"), check(id).undecided("x", ""), check(id).not_supported("x", "")] {
            let (verdict, obstacles) = judged(&policy, [open]);
            assert_eq!((verdict, obstacles.len()), (Verdict::Undecided, 1), "{id}: {obstacles:?}");
            assert!(obstacles[0].contains(id), "{obstacles:?}");
        }
        assert_eq!(judged(&policy, []), (Verdict::Undecided, vec![format!("{id} is required and was not run")]));
        let refused = if requirement == Requirement::Ta { Verdict::Undecided } else { Verdict::NotGenuine };
        assert_eq!(judged(&policy, [check(id).failed("refused", "")]).0, refused, "{id}");
        assert_eq!(with([check(id).not_attempted("not-offered", "")]), Verdict::Genuine, "{id} is not required by default");
    }
}

#[test]
fn the_words_of_the_command_line_lead_back() {
    for requirement in Requirement::ALL {
        assert_eq!(requirement.as_str().parse(), Ok(requirement));
    }
    assert!("bac".parse::<Requirement>().is_err_and(|error| error.contains("pace-cam")));
}
