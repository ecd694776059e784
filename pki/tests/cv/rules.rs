//! What is issued, and what is refused.

use eid::cert::chat::{Role, TerminalType};
use eid::cert::cvc::{Cvc, TrustPoint, TrustPoints};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use pki::KeyParameters;
use pki::cv::{CvError, Issuer, Period, Rights};

use crate::support::{State, day, name, rights};

const SHA256: Algorithm = Algorithm::Ecdsa(Hash::Sha256);
const BP256: KeyParameters = KeyParameters::Ec(Curve::BrainpoolP256r1);
const CVCA: &str = "UTCVCAUT001";
const NEXT: &str = "UTCVCAUT002";
const DV: &str = "UTBORDERUT001";
const GATE: &str = "UTGATEUT001";

fn state(terminal: TerminalType) -> State {
    [CVCA, DV, GATE].into_iter().fold(State::new(terminal, day("2026-11-22")), |state, holder| state.with(holder, BP256, SHA256))
}

/// CVCA and domestic document verifier.
fn upper(state: &State) -> Vec<Cvc> {
    let root = state.cvca(CVCA);
    let dv = state.dv(std::slice::from_ref(&root), Role::DvDomestic, DV, &Rights::All).expect("a document verifier");
    vec![root, dv]
}

#[test]
fn rights_are_given_by_name_and_never_more_than_the_chain_has() {
    let state = state(TerminalType::Authentication);
    let root = state.try_cvca(CVCA, &rights(&["read-dg1", "read-dg4", "age-verification", "pin-management"]), Period::default());
    let root = [root.expect("a CVCA").certificate];
    let dv = state.dv(&root, Role::DvDomestic, DV, &rights(&["read-dg1", "age-verification"])).expect("a document verifier");
    let chain = [root[0].clone(), dv];
    let all = state.terminal(&chain, GATE, &Rights::All).expect("a terminal");
    assert_eq!(all.chat().right_names(), ["age-verification", "read-dg1"]);
    assert_eq!(state.terminal(&chain, GATE, &rights(&["read-dg1"])).expect("a terminal").chat().right_names(), ["read-dg1"]);
    // the CVCA has these, the document verifier between has them not
    let error = state.terminal(&chain, GATE, &rights(&["read-dg1", "read-dg4", "pin-management"])).expect_err("must be refused");
    assert_eq!(error, CvError::Lacking { holder: name(GATE), issuer: name(DV), lacking: vec!["pin-management".into(), "read-dg4".into()] });
    let error = state.dv(&root, Role::DvDomestic, DV, &rights(&["install-qualified-certificate"])).expect_err("must be refused");
    assert!(matches!(error, CvError::Lacking { lacking, .. } if lacking == ["install-qualified-certificate"]));
    let error = state.dv(&root, Role::DvDomestic, DV, &rights(&["read-dg33"])).expect_err("no such right").to_string();
    assert!(error.contains("read-dg33") && error.contains("install-qualified-certificate"), "{error}");
}

#[test]
fn each_type_of_terminal_has_a_chain_that_a_chip_takes_with_the_rights_of_the_last_step() {
    for (kind, wanted) in [
        (TerminalType::Inspection, "read-dg3"),
        (TerminalType::Authentication, "install-qualified-certificate"),
        (TerminalType::Signature, "qualified-electronic-signature"),
    ] {
        let state = state(kind);
        let chain = upper(&state);
        let terminal = state.terminal(&chain, GATE, &rights(&[wanted])).expect("a terminal");
        let chip = TrustPoints::new(vec![TrustPoint::of_cvca(&chain[0]).expect("a CVCA")], day("2026-11-01")).expect("one");
        let (holder, after) = chip.verify_chain([&chain[1], &terminal]).expect("a chip takes it");
        assert_eq!(holder.expect("a terminal").chat.right_names(), [wanted], "{kind:?}");
        assert_eq!(after.date(), day("2026-11-22"), "a domestic chain moves the date of the chip");
        // domain parameters stand in the CVCA alone
        let curves = [&chain[0], &chain[1], &terminal].map(|certificate| certificate.key().curve());
        assert_eq!(curves, [Some(Curve::BrainpoolP256r1), None, None]);
    }
}

#[test]
fn a_link_brings_a_key_on_another_curve_into_chips_that_trust_the_old_one() {
    let state = state(TerminalType::Inspection).with(NEXT, KeyParameters::Ec(Curve::P384), Algorithm::Ecdsa(Hash::Sha384));
    let (old, new) = (state.cvca(CVCA), state.cvca(NEXT));
    let link = state.link(std::slice::from_ref(&old), &new).expect("a link");
    assert_eq!((link.authority(), link.holder(), link.key().curve()), (&name(CVCA), &name(NEXT), Some(Curve::P384)));
    assert_eq!((link.effective(), link.expiry(), link.chat()), (new.effective(), new.expiry(), new.chat()));
    let state = state.with(DV, KeyParameters::Ec(Curve::P384), Algorithm::Ecdsa(Hash::Sha256));
    let dv = state.dv(std::slice::from_ref(&new), Role::DvDomestic, DV, &Rights::All).expect("below the new key");
    let chip = |certificate| TrustPoints::new(vec![TrustPoint::of_cvca(certificate).expect("a CVCA")], day("2026-11-22")).expect("one");
    assert!(chip(&old).verify_chain([&dv]).is_err(), "an old chip does not know the new key");
    let (holder, after) = chip(&old).verify_chain([&link, &dv]).expect("the link leads there");
    assert_eq!(holder.expect("a document verifier").key.curve(), Some(Curve::P384));
    assert_eq!(after.references(TerminalType::Inspection).collect::<Vec<_>>(), [&name(NEXT), &name(CVCA)]);
    assert!(chip(&new).verify_chain([&dv]).is_ok(), "a new chip needs no link");
    // an issuer whose chain goes over the link is the same
    assert_eq!(Issuer::new(&[old.clone(), link.clone(), dv.clone()]).expect("a chain").holder().key.curve(), Some(Curve::P384));

    assert!(matches!(state.link(std::slice::from_ref(&old), &old), Err(CvError::Name { .. })), "the same name");
    assert!(matches!(state.link(std::slice::from_ref(&old), &dv), Err(CvError::IssuerChain(_))), "no CVCA");
    let other = State::new(TerminalType::Signature, state.today).with(NEXT, BP256, SHA256).cvca(NEXT);
    assert!(matches!(state.link(std::slice::from_ref(&old), &other), Err(CvError::Refused(_))), "for other terminals");
}

#[test]
fn days_are_those_of_the_issuer_at_most_and_none_lies_in_the_future() {
    let state = state(TerminalType::Inspection);
    let period = |from: &str, days| Period { from: Some(day(from)), days: Some(days) };
    let root = state.try_cvca(CVCA, &Rights::All, period("2026-10-01", 80)).expect("a CVCA");
    assert_eq!((root.certificate.effective(), root.certificate.expiry()), (day("2026-10-01"), day("2026-12-20")));
    assert!(root.remarks.iter().any(|remark| remark.contains(CVCA) && remark.contains("CV-017")), "{:?}", root.remarks);
    let root = [root.certificate];
    let dv = |period| state.try_dv(&root, Role::DvDomestic, DV, &Rights::All, period);
    // what nobody asked for is cut to what the issuer has left
    let cut = dv(Period::default()).expect("a document verifier");
    assert_eq!((cut.certificate.effective(), cut.certificate.expiry()), (state.today, day("2026-12-20")));
    assert_eq!(cut.remarks, Vec::<String>::new());
    assert!(matches!(dv(Period { from: None, days: Some(29) }), Err(CvError::Period { .. })), "a day longer than its issuer");
    assert!(dv(Period { from: None, days: Some(28) }).is_ok());
    assert!(matches!(dv(period("2026-09-30", 60)), Err(CvError::Period { .. })), "before its issuer");
    assert!(matches!(dv(period("2026-11-23", 5)), Err(CvError::Period { .. })), "tomorrow");
    assert!(matches!(dv(period("2026-11-01", 20)), Err(CvError::Period { .. })), "over yesterday");
    let short = dv(Period { from: None, days: Some(7) }).expect("told, not refused");
    assert!(short.remarks.iter().any(|remark| remark.contains("CV-017")), "{:?}", short.remarks);

    // usual lengths, where there is room
    let chain = upper(&state);
    let terminal = state.terminal(&chain, GATE, &Rights::All).expect("a terminal");
    let days = [&chain[0], &chain[1], &terminal].map(|certificate| certificate.expiry().days() - certificate.effective().days());
    assert_eq!(days, [1095, 90, 30]);

    // a day after its last day, a CVCA signs nothing but a link
    let later = State { today: day("2026-12-21"), ..state }.with(NEXT, BP256, SHA256);
    let error = later.dv(&root, Role::DvDomestic, DV, &Rights::All).expect_err("expired");
    assert!(matches!(error, CvError::IssuerPeriod { .. }), "{error}");
    assert!(later.link(&root, &later.cvca(NEXT)).is_ok());
}

#[test]
fn only_the_steps_of_a_chain_are_issued() {
    let state = state(TerminalType::Inspection).with("XXBORDERUT001", BP256, SHA256);
    let chain = upper(&state);
    let (root, both) = (&chain[..1], &chain[..]);
    assert!(matches!(state.terminal(root, GATE, &Rights::All), Err(CvError::Role { .. })), "a terminal below a CVCA");
    assert!(matches!(state.dv(both, Role::DvDomestic, GATE, &Rights::All), Err(CvError::Role { .. })), "a DV below a DV");
    assert!(matches!(state.dv(root, Role::Terminal, GATE, &Rights::All), Err(CvError::Role { .. })));
    assert!(matches!(state.dv(root, Role::Cvca, GATE, &Rights::All), Err(CvError::Role { .. })));
    assert!(matches!(state.dv(root, Role::DvDomestic, "XXBORDERUT001", &Rights::All), Err(CvError::Name { .. })), "of another country");
    let foreign = state.dv(root, Role::DvForeign, "XXBORDERUT001", &Rights::All).expect("a foreign document verifier");
    assert_eq!(foreign.chat().role(), Role::DvForeign);
    // rules that lint judges forbid too: for inspection systems the sequence begins with the country of the CA
    let state = state.with("XXBORDER00001", BP256, SHA256);
    let error = state.dv(root, Role::DvForeign, "XXBORDER00001", &Rights::All).expect_err("must be refused");
    assert!(matches!(&error, CvError::Rules(rules) if rules.len() == 1 && rules[0].contains("CV-009")), "{error}");
    // a chain that is none
    assert!(matches!(Issuer::new(&[]), Err(CvError::IssuerChain(_))));
    assert!(matches!(Issuer::new(&chain[1..]), Err(CvError::IssuerChain(_))), "no CVCA first");
    let mut forged = chain[1].der().to_vec();
    *forged.last_mut().expect("a signature") ^= 1;
    let forged = Cvc::from_der(&forged).expect("reads still");
    assert!(matches!(Issuer::new(&[chain[0].clone(), forged]), Err(CvError::IssuerChain(_))));
    // the key of another
    let issuer = Issuer::new(root).expect("a chain");
    let error = pki::cv::issue::document_verifier(
        &issuer,
        &state.signer(GATE),
        Role::DvDomestic,
        &state.applicant(DV),
        &Rights::All,
        Period::default(),
        state.today,
    );
    assert_eq!(error, Err(CvError::OtherKey(name(CVCA))));
}

#[test]
fn keys_that_no_chip_should_trust_or_could_read_are_refused() {
    let state = state(TerminalType::Inspection).with("UTOTHERUT001", KeyParameters::Ec(Curve::P256), SHA256).with(
        "UTRSAUT001",
        KeyParameters::Rsa(2048),
        Algorithm::RsaPkcs1(Hash::Sha256),
    );
    let root = [state.cvca(CVCA)];
    for holder in ["UTOTHERUT001", "UTRSAUT001"] {
        let error = state.dv(&root, Role::DvDomestic, holder, &Rights::All).expect_err("must be refused");
        assert!(matches!(&error, CvError::Key { expected, .. } if expected.contains("brainpoolP256r1")), "{error}");
    }
    let mut weak = state.applicant(DV);
    weak.key.algorithm = Algorithm::Ecdsa(Hash::Sha1);
    let issuer = Issuer::new(&root).expect("a chain");
    let error = pki::cv::issue::document_verifier(
        &issuer,
        &state.signer(CVCA),
        Role::DvDomestic,
        &weak,
        &Rights::All,
        Period::default(),
        state.today,
    );
    assert!(matches!(error, Err(CvError::Key { .. })));
    // below an RSA CVCA there are RSA keys
    let rsa = state.try_cvca("UTRSAUT001", &Rights::All, Period::default()).expect("a CVCA").certificate;
    let error = state.dv(&[rsa], Role::DvDomestic, DV, &Rights::All).expect_err("an EC key");
    assert!(matches!(&error, CvError::Key { expected, .. } if expected.starts_with("an RSA key")), "{error}");
}
