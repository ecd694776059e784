//! Revocation lists and requests before `openssl crl`, `openssl verify -crl_check` and `openssl req`.

use std::path::PathBuf;
use std::process::Output;

use eid::cert::Time;
use eid::cert::crl::{Crl, Reason};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use pki::KeyParameters::{self, Ec, Rsa};
use pki::SoftwareSigner;
use pki::crl::{self, CrlError, CrlParameters, Revocation};
use pki::csca::EcParameters;
use pki::key::SigningKey;
use pki::request::{self, RequestError};

use crate::support::{World, keys, openssl, rng, subject, today};

/// Noon of 21 November 2026, in seconds since 1970: the day on which OpenSSL looks at things.
const NOON: &str = "1795262400";

fn now() -> Time {
    Time { date: today(), second: 11 * 3600 }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl World {
    fn crl(&self, number: u64, revoked: &[Revocation], parameters: CrlParameters) -> Result<Crl, CrlError> {
        let (signer, csca) = self.authority.signer("csca", &keys(&self.directory)).expect("signer");
        crl::issue(&csca, signer.as_ref(), number, revoked, &[], now(), parameters)
    }

    fn revoked(&self, reason: Reason) -> Vec<Revocation> {
        vec![Revocation { serial: self.ds.serial().to_vec(), date: Time { second: 3600, ..now() }, reason }]
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.join(name);
        std::fs::write(&path, bytes).expect("write");
        path
    }
}

/// What OpenSSL says of the document signer under the list.
fn verify(world: &World, list: &Crl) -> Option<Output> {
    let (root, ds) = (world.pem("csca", world.authority.csca().expect("CSCA")), world.pem("ds", &world.ds));
    let der = world.write("list.crl", list.der());
    let pem = world.directory.join("list.pem");
    openssl(&["crl", "-inform", "DER"], &[("-in", &der), ("-out", &pem)])?;
    openssl(&["verify", "-crl_check", "-attime", NOON, "-purpose", "any"], &[("-CAfile", &root), ("-CRLfile", &pem), ("", &ds)])
}

fn judged(csca: KeyParameters, algorithm: Algorithm) {
    let world = World::with(csca, algorithm, Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256));
    let case = format!("{csca:?} {algorithm:?}");
    let root = world.pem("csca", world.authority.csca().expect("CSCA"));
    let first = world.crl(1, &[], CrlParameters::default()).expect("a list");
    let Some(before) = verify(&world, &first) else { return };
    println!("{}", text(&before));
    assert!(before.status.success(), "{case}: {}", text(&before));
    let second = world.crl(2, &world.revoked(Reason::KeyCompromise), CrlParameters::default()).expect("a list");
    let after = verify(&world, &second).expect("openssl ran before");
    println!("{}", text(&after));
    assert!(!after.status.success() && text(&after).contains("error 23"), "{case}: {}", text(&after));

    let path = world.write("list.crl", second.der());
    let signed = openssl(&["crl", "-inform", "DER", "-noout"], &[("-CAfile", &root), ("-in", &path)]).expect("openssl ran before");
    assert!(text(&signed).contains("verify OK"), "{case}: {}", text(&signed));
    // the judge does refuse
    let mut damaged = second.der().to_vec();
    *damaged.last_mut().expect("a signature") ^= 1;
    let path = world.write("damaged.crl", &damaged);
    let signed = openssl(&["crl", "-inform", "DER", "-noout"], &[("-CAfile", &root), ("-in", &path)]).expect("openssl ran before");
    assert!(!text(&signed).contains("verify OK"), "{case}: {}", text(&signed));
}

#[test]
fn openssl_verifies_the_list_and_refuses_the_revoked_signer() {
    judged(Ec(Curve::P384), Algorithm::Ecdsa(Hash::Sha384));
    judged(Ec(Curve::BrainpoolP384r1), Algorithm::Ecdsa(Hash::Sha384));
    judged(Rsa(3072), Algorithm::RsaPkcs1(Hash::Sha256));
    judged(Rsa(3072), Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 });
}

#[test]
fn the_list_says_what_doc_9303_12_asks_and_nothing_else() {
    let world = World::usual();
    let show = |list: &Crl| {
        let path = world.write("list.crl", list.der());
        openssl(&["crl", "-inform", "DER", "-noout", "-text"], &[("-in", &path)]).map(|output| text(&output))
    };
    let list = world.crl(258, &world.revoked(Reason::KeyCompromise), CrlParameters::default()).expect("a list");
    let Some(shown) = show(&list) else { return };
    for wanted in [
        "Version 2 (0x1)",
        "ecdsa-with-SHA384",
        "Last Update: Nov 21 11:00:00 2026 GMT",
        "Next Update: Feb 19 11:00:00 2027 GMT",
        "X509v3 Authority Key Identifier: \n                ",
        "X509v3 CRL Number: \n                258",
        "Revocation Date: Nov 21 01:00:00 2026 GMT",
        &format!("Serial Number: {}", world.ds.serial_hex().to_uppercase()),
    ] {
        assert!(shown.contains(wanted), "{wanted} is not in {shown}");
    }
    for forbidden in ["critical", "Reason", "Delta", "Issuing", "Alternative", "Invalidity"] {
        assert!(!shown.contains(forbidden), "{forbidden} is in {shown}");
    }
    assert_eq!((list.quirks(), list.limits()), (&[][..], &[][..]));
    let key_id = world.authority.csca().expect("CSCA").subject_key_id();
    assert_eq!((list.authority_key_id(), list.issuer()), (key_id, world.authority.csca().expect("CSCA").subject()));

    let reasons = CrlParameters { days: 1, reasons: true };
    let told = show(&world.crl(259, &world.revoked(Reason::CessationOfOperation), reasons).expect("a list")).expect("openssl ran before");
    assert!(told.contains("CRL Reason Code: \n                Cessation Of Operation"), "{told}");
    let silent = show(&world.crl(260, &world.revoked(Reason::Unspecified), reasons).expect("a list")).expect("openssl ran before");
    assert!(silent.contains("Next Update: Nov 22 11:00:00 2026 GMT") && !silent.contains("Reason"), "{silent}");
    let empty = show(&world.crl(261, &[], reasons).expect("a list")).expect("openssl ran before");
    assert!(empty.contains("No Revoked Certificates"), "{empty}");
    let former = world.authority.csca().expect("CSCA").subject();
    let (signer, csca) = world.authority.signer("csca", &keys(&world.directory)).expect("signer");
    let renamed = crl::issue(&csca, signer.as_ref(), 262, &[], &[former], now(), reasons).expect("a list");
    let renamed = show(&renamed).expect("openssl ran before");
    assert!(renamed.contains("X509v3 Issuer Alternative Name: \n                DirName:/C=VN"), "{renamed}");
}

#[test]
fn lists_that_break_a_rule_are_not_signed() {
    let world = World::usual();
    let usual = CrlParameters::default();
    let one = world.revoked(Reason::Superseded);
    assert_eq!(world.crl(1, &[], CrlParameters { days: 91, ..usual }), Err(CrlError::Period(91)));
    assert_eq!(world.crl(1, &[], CrlParameters { days: 0, ..usual }), Err(CrlError::Period(0)));
    assert_eq!(world.crl(0, &[], usual), Err(CrlError::Number));
    assert_eq!(world.crl(1, &[one.clone(), one.clone()].concat(), usual), Err(CrlError::Repeated(world.ds.serial_hex())));
    let tomorrow = vec![Revocation { date: Time::midnight(today().plus_days(1)), ..one[0].clone() }];
    assert!(matches!(world.crl(1, &tomorrow, usual), Err(CrlError::Future { .. })));
    assert_eq!(world.crl(1, &world.revoked(Reason::CertificateHold), usual), Err(CrlError::Reason("certificateHold")));
    // the document signer signs no lists, and another key is not the CSCA's
    let (signer, ds) = world.authority.signer("ds", &keys(&world.directory)).expect("signer");
    let refused = |certificate| crl::issue(certificate, signer.as_ref(), 1, &[], &[], now(), usual);
    assert!(matches!(refused(&ds), Err(CrlError::Issuer { detail: "keyUsage has no cRLSign", .. })));
    assert!(matches!(refused(world.authority.csca().expect("CSCA")), Err(CrlError::Issuer { detail: "the signer holds another key", .. })));
}

fn holder(key: KeyParameters, algorithm: Algorithm) -> SoftwareSigner<impl rand_core::CryptoRng> {
    SoftwareSigner::new("elsewhere", SigningKey::generate(key, algorithm, &mut rng()).expect("a key"), rng())
}

#[test]
fn openssl_verifies_our_requests() {
    let world = World::usual();
    let pss = Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 };
    for (key, algorithm) in [
        (Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256)),
        (Ec(Curve::BrainpoolP320r1), Algorithm::Ecdsa(Hash::Sha384)),
        (Rsa(2048), Algorithm::RsaPkcs1(Hash::Sha256)),
        (Rsa(2048), pss),
    ] {
        let made = request::create(&subject(), EcParameters::Named, &holder(key, algorithm)).expect("a request");
        assert_eq!((request::algorithm(&made), request::common_name(&made).as_str()), (Ok(algorithm), "CSCA Thử nghiệm"));
        let path = world.write("request.pem", request::to_pem(&made).as_bytes());
        let arguments = ["req", "-verify", "-noout", "-subject", "-nameopt", "utf8,sep_comma_plus_space"];
        let Some(judged) = openssl(&arguments, &[("-in", &path)]) else { return };
        let said = text(&judged);
        println!("{said}");
        assert!(judged.status.success() && said.contains("verify OK") && said.contains("CN=CSCA Thử nghiệm"), "{key:?}: {said}");
        // the judge does refuse
        let mut damaged = made.der().to_vec();
        *damaged.last_mut().expect("a signature") ^= 1;
        let path = world.write("damaged.csr", &damaged);
        let judged = openssl(&["req", "-verify", "-noout", "-inform", "DER"], &[("-in", &path)]).expect("openssl ran before");
        assert!(!text(&judged).contains("verify OK"), "{key:?}: {}", text(&judged));
    }
}

#[test]
fn requests_of_openssl_are_read_and_their_proof_of_possession_is_checked() {
    let world = World::usual();
    let key = world.directory.join("elsewhere.pem");
    let path = world.directory.join("elsewhere.csr");
    let made = |new: &[&str], subject: &str, more: &[&str]| {
        let base = ["req", "-new", "-nodes", "-utf8", "-outform", "DER", "-subj", subject];
        let arguments: Vec<&str> = base.iter().chain(new).chain(more).copied().collect();
        let output = openssl(&arguments, &[("-keyout", &key), ("-out", &path)])?;
        assert!(output.status.success(), "{}", text(&output));
        Some(std::fs::read(&path).expect("a request"))
    };
    let p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let rsa = |bits: &'static str| ["-newkey", "rsa", "-pkeyopt", bits];
    let subject = "/C=VN/O=Xưởng in thử/CN=Document Signer 7";
    let Some(request) = made(&p256, subject, &["-addext", "keyUsage=keyCertSign"]) else { return };
    let read = request::check(&request, "VN").expect("a request");
    assert_eq!(read.subject_text(), "C=VN, O=Xưởng in thử, CN=Document Signer 7");
    assert_eq!(read.attributes, ["1.2.840.113549.1.9.14"], "what it asks for is named");
    assert_eq!(request::algorithm(&read), Ok(Algorithm::Ecdsa(Hash::Sha256)));

    // one octet changed: in the name, in the key, in the signature
    for at in [find(&request, b"Signer 7") + 7, find(&request, read.spki()) + read.spki().len() - 1, request.len() - 1] {
        let mut changed = request.clone();
        changed[at] ^= 1;
        match request::check(&changed, "VN") {
            // a point that is not on its curve, or an integer that is none, is refused earlier
            Err(RequestError::Possession(_) | RequestError::Unreadable(_)) => {}
            other => panic!("octet {at}: {other:?}"),
        }
    }
    // the key of someone else in the request: the name and the key of one, the signature of another
    let other = made(&p256, subject, &[]).expect("openssl ran before");
    let another = request::check(&other, "VN").expect("a request");
    let mut stolen = other.clone();
    let at = find(&other, another.spki());
    stolen[at..at + read.spki().len()].copy_from_slice(read.spki());
    assert!(matches!(request::check(&stolen, "VN"), Err(RequestError::Possession(_))));

    assert!(matches!(request::check(&request, "DE"), Err(RequestError::Subject { .. })));
    let nameless = made(&p256, "/C=VN/O=Nobody", &[]).expect("openssl ran before");
    assert!(matches!(request::check(&nameless, "VN"), Err(RequestError::Subject { .. })));
    let weak = made(&rsa("rsa_keygen_bits:1024"), subject, &[]).expect("openssl ran before");
    assert!(matches!(request::check(&weak, "VN"), Err(RequestError::Weak(_))));
    let sha1 = made(&rsa("rsa_keygen_bits:2048"), subject, &["-sha1"]).expect("openssl ran before");
    assert!(matches!(request::check(&sha1, "VN"), Err(RequestError::Weak(_))));
    let pss = made(&rsa("rsa_keygen_bits:2048"), subject, &["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]);
    let pss = request::check(&pss.expect("openssl ran before"), "VN").expect("a request");
    assert_eq!(request::algorithm(&pss), Ok(Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 }));
    assert!(matches!(request::check(world.ds.der(), "VN"), Err(RequestError::Unreadable(_))), "a certificate is no request");
}

#[test]
fn requests_that_break_a_rule_are_not_made() {
    let nameless = pki::Subject { common_name: String::new(), ..subject() };
    let signer = holder(Ec(Curve::P256), Algorithm::Ecdsa(Hash::Sha256));
    assert!(matches!(request::create(&nameless, EcParameters::Named, &signer), Err(RequestError::Profile(_))));
    // parameters written out are read back as the same key
    let explicit = request::create(&subject(), EcParameters::Explicit, &signer).expect("a request");
    assert!(explicit.key.explicit_parameters);
}

fn find(whole: &[u8], part: &[u8]) -> usize {
    whole.windows(part.len()).position(|window| window == part).expect("a part of the file")
}
