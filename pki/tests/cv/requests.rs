//! Requests: what they prove, and what is refused.

use eid::cert::chat::{Role, TerminalType};
use eid::cert::cvc::{Cvc, Holder, KeyReference, Request};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::{Algorithm, SignatureError};
use eid::tlv;
use pki::KeyParameters;
use pki::cv::issue::document_verifier;
use pki::cv::request::{check, make, vouch};
use pki::cv::{CvError, Issuer, Period, Proof, Rights};

use crate::support::{State, day, name};

const SHA256: Algorithm = Algorithm::Ecdsa(Hash::Sha256);
const BP256: KeyParameters = KeyParameters::Ec(Curve::BrainpoolP256r1);
const CVCA: &str = "UTCVCAUT001";
const OLD: &str = "XXBORDERUT001";
const NEW: &str = "XXBORDERUT002";
const HOME: &str = "XXCVCAXX001";

struct World {
    state: State,
    root: Cvc,
}

impl World {
    fn new() -> Self {
        let holders = [CVCA, OLD, NEW, HOME, "XXTHIEFUT001"];
        let state = State::new(TerminalType::Inspection, day("2026-11-22"));
        let state = holders.into_iter().fold(state, |state, holder| state.with(holder, BP256, SHA256));
        let root = state.cvca(CVCA);
        Self { state, root }
    }

    fn issuer(&self) -> Issuer {
        Issuer::new(std::slice::from_ref(&self.root)).expect("a chain")
    }

    fn request(&self, holder: &str) -> Request {
        make(&name(CVCA), &name(holder), &self.state.signer(holder)).expect("a request")
    }

    fn vouched(&self, holder: &str, voucher: &str) -> Request {
        vouch(&self.request(holder), &name(voucher), &self.state.signer(voucher)).expect("a request")
    }

    /// The keys that the CVCA knows: the document verifier's first, a thief's, the CVCA of the other country.
    fn known(&self, reference: &KeyReference) -> Option<Holder> {
        let root = [self.root.clone()];
        let of = |holder: &str| {
            let dv = self.state.dv(&root, Role::DvForeign, holder, &Rights::All).expect("a document verifier");
            Issuer::new(&[self.root.clone(), dv]).expect("a chain").holder().clone()
        };
        match reference.to_string().as_str() {
            HOME => Some(Holder::of_cvca(&self.state.cvca(HOME)).expect("a CVCA")),
            holder @ (OLD | "XXTHIEFUT001") => Some(of(holder)),
            _ => None,
        }
    }

    fn check(&self, request: &Request, newest: Option<&str>) -> Result<Proof, CvError> {
        check(request, &self.issuer(), |reference| self.known(reference), newest.map(name).as_ref()).map(|(_, proof)| proof)
    }
}

#[test]
fn a_request_has_domain_parameters_and_no_rights_and_leads_to_a_certificate_without_them() {
    let world = World::new();
    let request = world.request(OLD);
    assert_eq!((request.key().curve(), request.authority()), (Some(Curve::BrainpoolP256r1), Some(&name(CVCA))));
    let issuer = world.issuer();
    let (applicant, proof) = check(&request, &issuer, |_| None, None).expect("a first request");
    assert_eq!(proof, Proof::KeyOnly);
    let signer = world.state.signer(CVCA);
    let issued = document_verifier(&issuer, &signer, Role::DvForeign, &applicant, &Rights::All, Period::default(), world.state.today);
    let dv = issued.expect("a document verifier").certificate;
    assert_eq!((dv.holder(), dv.key().curve(), dv.chat().role()), (&name(OLD), None, Role::DvForeign));
    assert!(eid::cert::cvc::chain::certifies(&dv, &world.state.key(OLD).public()));
}

#[test]
fn an_outer_signature_says_who_asks_and_is_needed_from_the_second_request_on() {
    let world = World::new();
    assert_eq!(world.check(&world.request(NEW), None), Ok(Proof::KeyOnly));
    assert_eq!(world.check(&world.request(NEW), Some(OLD)), Err(CvError::Unauthenticated { holder: name(NEW), known: name(OLD) }));
    assert_eq!(world.check(&world.vouched(NEW, OLD), Some(OLD)), Ok(Proof::Itself(name(OLD))));
    assert_eq!(world.check(&world.vouched(NEW, HOME), None), Ok(Proof::Country(name(HOME))));
    // known, genuine, and not this holder's
    let other = world.check(&world.vouched(NEW, "XXTHIEFUT001"), Some(OLD));
    assert!(matches!(other, Err(CvError::Voucher { ref authority, .. }) if *authority == name("XXTHIEFUT001")), "{other:?}");
    // a key that signs for itself in the outer place proves nothing
    let itself = world.check(&world.vouched(NEW, NEW), Some(OLD));
    assert!(matches!(itself, Err(CvError::Voucher { expected: "a key that is known here and has not expired", .. })), "{itself:?}");
}

#[test]
fn a_changed_request_is_refused_by_the_signature_that_is_wrong() {
    let world = World::new();
    let request = world.vouched(NEW, OLD);
    let changed = |at: usize| {
        let mut bytes = request.der().to_vec();
        *bytes.get_mut(at).expect("inside") ^= 1;
        Request::from_der(&bytes).expect("reads still")
    };
    let last = request.der().len() - 1;
    let outer = world.check(&changed(last), Some(OLD));
    assert_eq!(outer, Err(CvError::Outer { holder: name(NEW), authority: name(OLD), source: SignatureError::Wrong }));
    // the inner signature ends before 42 and 5F37 of the outer one
    let wrapper = tlv::encode(0x42, OLD.as_bytes()).len() + tlv::encode(0x5F37, &[0; 64]).len();
    let inner = world.check(&changed(last - wrapper), Some(OLD));
    assert_eq!(inner, Err(CvError::Inner { holder: name(NEW), source: SignatureError::Wrong }));
    // signed by the old key in the name of the CVCA of its country
    let lie = vouch(&world.request(NEW), &name(HOME), &world.state.signer(OLD)).expect("a request");
    assert!(matches!(world.check(&lie, None), Err(CvError::Outer { source: SignatureError::Wrong, .. })));
    // for another CVCA
    let other = make(&name("UTCVCAUT009"), &name(NEW), &world.state.signer(NEW)).expect("a request");
    let found = name("UTCVCAUT009");
    assert_eq!(world.check(&other, None), Err(CvError::Authority { holder: name(NEW), expected: name(CVCA), found }));
    // on another curve
    let other = World { state: World::new().state.with(NEW, KeyParameters::Ec(Curve::P256), SHA256), ..world };
    assert!(matches!(other.check(&other.request(NEW), None), Err(CvError::Key { .. })));
}
