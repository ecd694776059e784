//! BSI's worked example for EAC, whole runs between both roles, and what must be refused.

use super::chip::{Binding, Session};
use super::*;
use crate::cert::chat::{Chat, Role, TerminalType};
use crate::cert::cvc::issue::Template;
use crate::cert::cvc::{CvKey, Holder, TrustPoint, TrustPoints, VerifyingKey};
use crate::crypto::curve::Curve;
use crate::crypto::hash::Hash;
use crate::crypto::signature::{PrivateKey, PublicKey, Signature, sign, verify_plain};
use crate::date::Date;
use crate::signer::{Signer, SignerError};
use crate::test_rng::Seeded;

fn example(part: &str, name: &str) -> Vec<u8> {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../../fixtures/eac/worked-example.json")).expect("the fixture is JSON");
    hex::decode(all[part][name].as_str().expect("a value")).expect("hex")
}

fn ta(name: &str) -> Vec<u8> {
    example("terminal authentication", name)
}

struct Key(PrivateKey, Algorithm);

impl Signer for Key {
    fn algorithm(&self) -> Algorithm {
        self.1
    }

    fn public_key(&self) -> PublicKey {
        self.0.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        Ok(sign(self.1, &self.0, message, &mut Seeded::new(9)).expect("fits"))
    }
}

fn name(text: &str) -> KeyReference {
    KeyReference::from_octets(text.as_bytes()).expect("a reference")
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

/// Sends a chain to the chip as the commands say it.
fn send(session: &mut Session, trust: &mut TrustPoints, chain: &[&Cvc]) -> Result<(), TerminalAuthError> {
    for certificate in chain {
        session.set_dst(trust, &set_dst(certificate.authority()).data)?;
        let imported = session.verify_certificate(trust, &verify_certificate(certificate).data)?;
        if let Some(next) = &imported.store {
            *trust = next.clone();
        }
        session.accept(imported);
    }
    Ok(())
}

#[test]
fn worked_example_of_version_2_in_both_roles() {
    let [cvca, dv, terminal] =
        ["cvca certificate", "dv certificate", "terminal certificate"].map(|name| Cvc::from_der(&ta(name)).expect(name));
    // The example gives its CVCA another terminal type than the chain below; with theirs the chain holds.
    let root = TrustPoint { chat: Chat::full(TerminalType::Authentication, Role::Cvca), ..Holder::of_cvca(&cvca).expect("a CVCA") };
    let mut trust = TrustPoints::new(vec![root], cvca.effective()).expect("one");
    let mut session = Session::default();
    send(&mut session, &mut trust, &[&dv, &terminal]).expect("the chain of the example");
    let algorithm = terminal.key().algorithm();
    let at = set_at_with_key(algorithm, terminal.holder(), &[], &ta("compressed ephemeral key")).expect("below id-TA");
    assert_eq!(session.set_at(&at.data), Ok(Version::Two));
    // ID_PICC is the compressed ephemeral key of PACE.
    assert_eq!(&example("pace", "chip public key")[1..33], ta("chip identifier"));
    let challenge = challenge(&ta("challenge")).expect("8 bytes");
    let binding = Binding { chip: &ta("chip identifier"), chip_auth_key: None, pace: None };
    let signed = message(&ta("chip identifier"), challenge, &ta("compressed ephemeral key"), &[]);
    session.give_challenge(challenge);
    let chat = session.external_authenticate(&binding, &ta("signature")).expect("the signature of the example");
    assert_eq!(chat.rights(), ["CAN allowed", "read eID DG1"]);
    assert_eq!(session.granted().and_then(|granted| granted.bound_to.clone()), Some(ta("compressed ephemeral key")));
    // The example's private key, with explicit parameters, signs what its certificate verifies.
    let private = PrivateKey::from_pkcs8(&ta("terminal private key")).expect("a key");
    assert!(crate::cert::cvc::chain::certifies(&terminal, &private.public()));
    let signature = sign(algorithm, &private, &signed, &mut Seeded::new(1)).expect("signs").to_plain();
    assert_eq!(verify_plain(algorithm, &private.public(), &signed, &signature), Ok(()));
    assert_eq!(external_authenticate(signature).header(), [0, 0x82, 0, 0]);
}

/// Doc 9303-11 appendix D.2: the fields of the MRZ.
#[test]
fn the_identifier_after_bac_is_number_and_check_digit() {
    let mrz = Mrz::parse("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C<3UTO6908061F9406236ZE184226B<<<<<14").expect("an MRZ");
    assert_eq!(identifier_of_mrz(&mrz), b"L898902C<3");
}

/// A CVCA, a domestic DV, and an inspection system that may read DG3, all with one kind of key, and the chip that trusts them.
struct World {
    certificates: Vec<Cvc>,
    terminal: Key,
    trust: TrustPoints,
}

impl World {
    fn new(new_key: impl Fn(u64) -> Key) -> Self {
        let [cvca, dv, terminal] = [1, 2, 3].map(new_key);
        let issue = |authority: &str, signer: &Key, holder: &str, key: &Key, role| {
            let verifying = VerifyingKey { algorithm: key.1, key: key.0.public() };
            let template = Template {
                authority: name(authority),
                key: CvKey::new(&verifying, role == Role::Cvca).expect("below id-TA"),
                holder: name(holder),
                chat: Chat::new(TerminalType::Inspection, role, [Chat::READ_DG3]),
                validity: (day("2026-11-01"), day("2027-01-31")),
                extensions: Vec::new(),
            };
            template.issue(signer).expect("a certificate")
        };
        let root = issue("UTCVCA00001", &cvca, "UTCVCA00001", &cvca, Role::Cvca);
        let trust = TrustPoints::new(vec![Holder::of_cvca(&root).expect("a CVCA")], day("2026-11-10")).expect("one");
        let certificates = vec![
            issue("UTCVCA00001", &cvca, "UTDV00001", &dv, Role::DvDomestic),
            issue("UTDV00001", &dv, "UTIS00001", &terminal, Role::Terminal),
            root,
        ];
        Self { certificates, terminal, trust }
    }

    fn ecdsa() -> Self {
        Self::new(|seed| Key(PrivateKey::generate_ec(Curve::BrainpoolP256r1, &mut Seeded::new(seed)), Algorithm::Ecdsa(Hash::Sha256)))
    }

    /// A session that has the terminal's key chosen for version 1.
    fn ready(&self) -> Session {
        let (mut session, mut trust) = (Session::default(), self.trust.clone());
        let known: Vec<_> = trust.references(TerminalType::Inspection).cloned().collect();
        let path = path::find(&self.certificates, &self.certificates[1], &known).expect("a path");
        assert_eq!(path.len(), 2);
        send(&mut session, &mut trust, &path).expect("the chain holds");
        assert_eq!(session.set_at(&set_at(&name("UTIS00001")).data), Ok(Version::One));
        session
    }
}

const CHALLENGE: [u8; 8] = *b"\x01\x02\x03\x04\x05\x06\x07\x08";
const BINDING: Binding<'_> = Binding { chip: b"L898902C<3", chip_auth_key: Some(&[0xC5; 32]), pace: None };

fn signed(world: &World) -> Vec<u8> {
    let message = message(BINDING.chip, CHALLENGE, &[0xC5; 32], &[]);
    world.terminal.sign(&message).expect("signs").to_plain()
}

#[test]
fn version_1_opens_with_ecdsa_and_both_kinds_of_rsa() {
    let rsa: Vec<_> = (1..=3).map(|seed| PrivateKey::generate_rsa(2048, &mut Seeded::new(seed)).expect("a key")).collect();
    let with = |algorithm| World::new(|seed| Key(rsa[usize::try_from(seed).expect("small") - 1].clone(), algorithm));
    let pss = Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 };
    for world in [World::ecdsa(), with(Algorithm::RsaPkcs1(Hash::Sha256)), with(pss)] {
        let mut session = world.ready();
        session.give_challenge(CHALLENGE);
        let chat = session.external_authenticate(&BINDING, &signed(&world)).expect("authenticated");
        assert!(chat.allows(Chat::READ_DG3) && !chat.allows(Chat::READ_DG4));
        assert_eq!(session.granted().and_then(|granted| granted.bound_to.clone()), None);
    }
}

#[test]
fn a_signature_over_anything_else_gives_nothing() {
    let world = World::ecdsa();
    let signature = signed(&world);
    let refused = |binding: &Binding<'_>, challenge, signature: &[u8]| {
        let mut session = world.ready();
        session.give_challenge(challenge);
        let error = session.external_authenticate(binding, signature).expect_err("refused");
        assert_eq!(session.granted(), None);
        error
    };
    assert_eq!(refused(&Binding { chip: b"L898902C<4", ..BINDING }, CHALLENGE, &signature), TerminalAuthError::Signature, "another card");
    assert_eq!(refused(&Binding { chip_auth_key: Some(&[0xC4; 32]), ..BINDING }, CHALLENGE, &signature), TerminalAuthError::Signature);
    assert_eq!(refused(&BINDING, [0; 8], &signature), TerminalAuthError::Signature, "another challenge");
    for bit in [0, 200, 511] {
        let mut changed = signature.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(refused(&BINDING, CHALLENGE, &changed), TerminalAuthError::Signature);
    }
    assert_eq!(refused(&BINDING, CHALLENGE, &[]), TerminalAuthError::Signature);
    assert!(matches!(refused(&Binding { chip_auth_key: None, ..BINDING }, CHALLENGE, &signature), TerminalAuthError::Order(_)));
}

#[test]
fn steps_out_of_order_are_refused_and_a_challenge_serves_once() {
    let world = World::ecdsa();
    let signature = signed(&world);
    let order = |result: Result<_, TerminalAuthError>| assert!(matches!(result, Err(TerminalAuthError::Order(_))));
    let mut session = Session::default();
    order(session.verify_certificate(&world.trust, &world.certificates[0].content()).map(|_| ()));
    order(session.external_authenticate(&BINDING, &signature).map(|_| ()));
    assert_eq!(session.set_at(&set_at(&name("UTIS00001")).data), Err(TerminalAuthError::Unknown(name("UTIS00001"))));
    assert_eq!(session.set_dst(&world.trust, &set_dst(&name("UTDV00001")).data), Err(TerminalAuthError::Unknown(name("UTDV00001"))));
    // The DV is known, and is no terminal.
    send(&mut session, &mut world.trust.clone(), &[&world.certificates[0]]).expect("the DV");
    assert_eq!(session.set_at(&set_at(&name("UTDV00001")).data), Err(TerminalAuthError::Unknown(name("UTDV00001"))));
    let mut session = world.ready();
    order(session.external_authenticate(&BINDING, &signature).map(|_| ()));
    let mut session = world.ready();
    session.give_challenge(CHALLENGE);
    session.forget_challenge();
    order(session.external_authenticate(&BINDING, &signature).map(|_| ()));
    let mut session = world.ready();
    session.give_challenge(CHALLENGE);
    session.external_authenticate(&BINDING, &signature).expect("authenticated");
    session.give_challenge(CHALLENGE);
    order(session.external_authenticate(&BINDING, &signature).map(|_| ()));
    assert!(session.granted().is_some(), "a second run takes nothing away");
}

#[test]
fn rights_are_bounded_by_what_pace_named() {
    let world = World::ecdsa();
    let rights = |pace| {
        let mut session = world.ready();
        session.give_challenge(CHALLENGE);
        let binding = Binding { pace: Some(pace), ..BINDING };
        session.external_authenticate(&binding, &signed(&world)).expect("authenticated").rights()
    };
    assert_eq!(rights(Chat::full(TerminalType::Inspection, Role::Terminal)), ["read DG3 (fingerprints)"]);
    assert!(rights(Chat::new(TerminalType::Inspection, Role::Terminal, [Chat::READ_DG4])).is_empty());
    assert!(rights(Chat::full(TerminalType::Signature, Role::Terminal)).is_empty(), "another kind of terminal");
}

#[test]
fn malformed_selections_are_refused() {
    let mut session = World::ecdsa().ready();
    for data in
        ["", "8300", "830B5554495330303030310000", "800A04007F00070202020203830955544953303030303191", "83095554495330303030319101AA"]
    {
        assert!(matches!(session.set_at(&hex::decode(data).expect("hex")), Err(TerminalAuthError::Data(_))), "{data}");
    }
    let other = set_at_with_key(Algorithm::Ecdsa(Hash::Sha512), &name("UTIS00001"), &[], &[1; 32]).expect("below id-TA");
    assert!(matches!(session.set_at(&other.data), Err(TerminalAuthError::Data(_))), "not the algorithm of the certificate");
    let salted = Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 1 };
    assert!(set_at_with_key(salted, &name("UTIS00001"), &[], &[1; 32]).is_none());
    assert_eq!(challenge(&[0; 7]), Err(TerminalAuthError::Challenge { found: 7 }));
}

#[test]
fn the_path_goes_over_links_from_the_newest_key_that_the_chip_knows() {
    let world = World::ecdsa();
    let key = Key(PrivateKey::generate_ec(Curve::BrainpoolP256r1, &mut Seeded::new(1)), Algorithm::Ecdsa(Hash::Sha256));
    let link = |authority: &str, holder: &str| {
        let verifying = VerifyingKey { algorithm: key.1, key: key.0.public() };
        let template = Template {
            authority: name(authority),
            key: CvKey::new(&verifying, true).expect("below id-TA"),
            holder: name(holder),
            chat: Chat::full(TerminalType::Inspection, Role::Cvca),
            validity: (day("2026-11-01"), day("2027-01-31")),
            extensions: Vec::new(),
        };
        template.issue(&key).expect("a certificate")
    };
    let mut certificates = world.certificates.clone();
    certificates.push(link("UTCVCA00000", "UTCVCA00001"));
    certificates.push(link("UTCVCA0000X", "UTCVCA00000"));
    let names = |known: &[&str]| {
        let known: Vec<_> = known.iter().map(|text| name(text)).collect();
        path::find(&certificates, &certificates[1], &known).map(|path| path.iter().map(|c| c.holder().to_string()).collect::<Vec<_>>())
    };
    assert_eq!(names(&["UTCVCA00001"]), Some(vec!["UTDV00001".into(), "UTIS00001".into()]));
    assert_eq!(names(&["UTCVCA00000"]).map(|path| path.len()), Some(3));
    assert_eq!(names(&["UTCVCA0000X"]), Some(vec!["UTCVCA00000".into(), "UTCVCA00001".into(), "UTDV00001".into(), "UTIS00001".into()]));
    assert_eq!(names(&["UTCVCA0000X", "UTCVCA00001"]).map(|path| path.len()), Some(2), "the shortest");
    assert_eq!(names(&["UTCVCA00009"]), None);
    assert_eq!(names(&[]), None);
}
