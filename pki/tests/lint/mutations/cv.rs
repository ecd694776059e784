//! CV certificates and requests: CV, and the BSI's rule for their keys.

use eid::cert::cvc::issue;
use eid::cert::cvc::{KeyReference, Request};
use eid::crypto::signature::{PrivateKey, PublicKey, Signature};
use eid::oid;
use eid::signer::{Signer, SignerError};
use pki::lint::Kind;

use super::Case;
use crate::build::{Beside, Cv, SHA256, World, chat, day, oid as id, sign, t};

type Base = (&'static str, Kind, Vec<u8>, Beside);

struct Key(PrivateKey);

impl Signer for Key {
    fn algorithm(&self) -> eid::crypto::signature::Algorithm {
        SHA256
    }

    fn public_key(&self) -> PublicKey {
        self.0.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        Ok(sign(&self.0, message))
    }
}

fn signed_by(issuer: &Cv) -> Beside {
    Beside { issuer: Some(issuer.encode()), ..Beside::default() }
}

/// A request that the old key of the terminal vouches for.
fn authenticated(world: &World) -> Vec<u8> {
    let request = Request::from_der(&world.request().encode()).expect("a request");
    let old = KeyReference::from_octets(b"VNISVN001").expect("a name");
    issue::authenticate(&request, &old, &Key(world.ds.clone())).expect("a request").der().to_vec()
}

pub(crate) fn bases(world: &World) -> Vec<Base> {
    let mut extended = world.terminal();
    extended.fields.push((0x65, t(0x73, &[id("1.2.3.4"), t(0x80, &[1])].concat())));
    let mut german = world.cvca();
    german.set(0x42, b"DECVCADE001");
    german.set(0x5F20, b"DECVCADE001");
    vec![
        ("CVCA", Kind::Cvca, world.cvca().encode(), signed_by(&world.cvca())),
        ("German CVCA", Kind::Cvca, german.encode(), signed_by(&world.cvca())),
        ("CVCA link", Kind::CvcaLink, world.cvca_link().encode(), signed_by(&world.cvca())),
        ("DV", Kind::DocumentVerifier, world.verifier().encode(), signed_by(&world.cvca())),
        ("terminal", Kind::Terminal, world.terminal().encode(), signed_by(&world.verifier())),
        ("terminal with an extension", Kind::Terminal, extended.encode(), signed_by(&world.verifier())),
        ("request", Kind::Request, world.request().encode(), Beside::default()),
        ("authenticated request", Kind::Request, authenticated(world), Beside::default()),
    ]
}

fn rsa(bits: usize) -> Vec<u8> {
    [id(oid::TA_RSA_PSS_SHA256), t(0x81, &vec![0xC1; bits / 8]), t(0x82, &[1, 0, 1])].concat()
}

pub(crate) fn cases(world: &World) -> Vec<Case> {
    let mut out = Vec::new();
    let mut case = |kind: Kind, rule, with: &'static [&'static str], change: &dyn Fn(&mut Cv)| {
        let (mut cv, beside) = match kind {
            Kind::Cvca => (world.cvca(), Beside::default()),
            Kind::CvcaLink => (world.cvca_link(), signed_by(&world.cvca())),
            Kind::DocumentVerifier => (world.verifier(), signed_by(&world.cvca())),
            Kind::Request => (world.request(), Beside::default()),
            _ => (world.terminal(), signed_by(&world.verifier())),
        };
        change(&mut cv);
        out.push(Case { rule, with, kind: Some(kind), bytes: cv.encode(), beside });
    };
    let (cvca, dv, terminal) = (Kind::Cvca, Kind::DocumentVerifier, Kind::Terminal);
    case(terminal, "CV-001", &[], &|c| c.trailing = vec![0]);
    case(terminal, "CV-002", &[], &|c| c.set(0x5F29, &[1]));
    case(terminal, "CV-003", &["CV-009"], &|c| c.set(0x42, b"vnDVVN001"));
    case(terminal, "CV-003", &[], &|c| c.set(0x42, b"VNVN001"));
    case(terminal, "CV-004", &["CV-019"], &|c| c.set(0x7F49, &[id("0.4.0.127.0.7.2.2.2.9.9"), c.get(0x7F49)].concat()));
    case(dv, "CV-004", &[], &|c| {
        let key = c.get(0x7F49);
        c.set(0x7F49, &[key.as_slice(), &t(0x88, &[1])].concat());
    });
    case(terminal, "CV-005", &[], &|c| c.set(0x7F49, &Cv::key(&world.ds, true)));
    case(cvca, "CV-005", &[], &|c| c.set(0x7F49, &Cv::key(&world.old, false)));
    case(terminal, "CV-006", &[], &|c| {
        let mut key = c.get(0x7F49);
        let at = key.len() - 65;
        key[at] = 2;
        c.set(0x7F49, &key);
    });
    case(dv, "CV-007", &["CV-019"], &|c| c.set(0x7F49, &rsa(1024)));
    case(terminal, "CV-008", &[], &|c| c.set(0x5F20, b"vnISVN001"));
    case(terminal, "CV-009", &[], &|c| c.set(0x5F20, b"VNIS00001"));
    case(terminal, "CV-010", &[], &|c| c.set(0x7F4C, &chat(oid::ROLE_INSPECTION, &[3, 0])));
    case(terminal, "CV-011", &["CV-018"], &|c| c.set(0x7F4C, &chat(oid::ROLE_INSPECTION, &[0x83])));
    case(terminal, "CV-012", &[], &|c| c.set(0x5F25, &day("2026-06-10")[..5]));
    case(terminal, "CV-013", &[], &|c| c.set(0x5F24, &day("2026-06-09")));
    case(terminal, "CV-014", &[], &|c| c.fields.push((0x65, t(0x73, &t(0x80, &[1])))));
    case(terminal, "CV-015", &[], &|c| c.signer = world.old.clone());
    case(terminal, "CV-015", &[], &|c| c.der = true);
    case(terminal, "CV-016", &[], &|c| c.fields.swap(0, 1));
    case(terminal, "CV-017", &[], &|c| c.set(0x5F24, &day("2026-09-10")));
    case(dv, "CV-017", &[], &|c| c.set(0x5F24, &day("2027-09-10")));
    case(cvca, "CV-017", &[], &|c| c.set(0x5F24, &day("2035-09-10")));
    case(dv, "CV-019", &[], &|c| c.set(0x7F49, &rsa(2048)));
    case(terminal, "CV-020", &[], &|c| c.set(0x7F4C, &chat(oid::ROLE_SIGNATURE, &[3])));
    case(Kind::Request, "CV-023", &[], &|c| c.fields.push((0x7F4C, chat(oid::ROLE_INSPECTION, &[3]))));
    case(Kind::Request, "CV-024", &[], &|c| c.signer = world.old.clone());
    case(cvca, "BR-005", &["CV-015"], &|c| {
        c.set(0x42, b"DECVCADE001");
        c.set(0x5F20, b"DECVCADE001");
        let mut key = c.get(0x7F49);
        // id-TA-ECDSA-SHA-512 signs with another digest than the test key: the signature cannot verify then
        let at = id(oid::TA_ECDSA_SHA256).len() - 1;
        key[at] = 5;
        c.set(0x7F49, &key);
    });
    // a terminal that a CVCA signed
    let mut skipped = world.terminal();
    skipped.signer = world.old.clone();
    out.push(Case { rule: "CV-018", with: &[], kind: Some(terminal), bytes: skipped.encode(), beside: signed_by(&world.cvca()) });
    out
}
