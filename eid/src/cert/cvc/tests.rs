//! BSI's worked example for EAC, certificates made here, and what must be refused.

use super::chain::Imported;
use super::issue::{Template, authenticate, request};
use super::*;
use crate::cert::chat::{Role, TerminalType};
use crate::crypto::curve::Curve;
use crate::crypto::hash::Hash;
use crate::crypto::signature::{Algorithm, PrivateKey, PublicKey, Signature, sign};
use crate::signer::{Signer, SignerError};
use crate::test_rng::Seeded;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

fn example(name: &str) -> Vec<u8> {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../../fixtures/eac/worked-example.json")).expect("the fixture is JSON");
    bytes(all["terminal authentication"][name].as_str().expect("a value"))
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

fn name(text: &str) -> KeyReference {
    KeyReference::from_octets(text.as_bytes()).expect("a reference")
}

/// A key that signs, with its own random source.
struct Key {
    key: PrivateKey,
    algorithm: Algorithm,
}

impl Key {
    fn ec(curve: Curve, hash: Hash, seed: u8) -> Self {
        Self { key: PrivateKey::generate_ec(curve, &mut Seeded::new(seed.into())), algorithm: Algorithm::Ecdsa(hash) }
    }

    fn verifying(&self) -> VerifyingKey {
        VerifyingKey { algorithm: self.algorithm, key: self.key.public() }
    }
}

impl Signer for Key {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        Ok(sign(self.algorithm, &self.key, message, &mut Seeded::new(99)).expect("the key fits the algorithm"))
    }
}

/// What a certificate of the tests says, unless a test says otherwise.
fn template(authority: &str, holder: &str, key: &Key, role: Role) -> Template {
    Template {
        authority: name(authority),
        key: CvKey::new(&key.verifying(), role == Role::Cvca).expect("an algorithm of id-TA"),
        holder: name(holder),
        chat: Chat::new(TerminalType::Inspection, role, [Chat::READ_DG3, Chat::READ_DG4]),
        validity: (day("2026-11-01"), day("2027-01-31")),
        extensions: Vec::new(),
    }
}

const CVCA: &str = "UTCVCA00001";
const DV: &str = "UTDV00001";
const IS: &str = "UTIS00001";

/// Keys and certificates of a CVCA, a domestic DV, and an inspection system, and the chip that trusts them.
struct World {
    cvca: Key,
    dv: Key,
    is: Key,
    chip: TrustPoints,
}

impl World {
    fn new() -> Self {
        let [cvca, dv, is] = [1, 2, 3].map(|seed| Key::ec(Curve::BrainpoolP256r1, Hash::Sha256, seed));
        let root = Template { validity: (day("2026-01-01"), day("2028-12-31")), ..template(CVCA, CVCA, &cvca, Role::Cvca) };
        let root = root.issue(&cvca).expect("a certificate");
        let chip = TrustPoints::new(vec![Holder::of_cvca(&root).expect("a CVCA")], day("2026-11-10")).expect("one trust point");
        Self { cvca, dv, is, chip }
    }

    fn dv(&self) -> Template {
        template(CVCA, DV, &self.dv, Role::DvDomestic)
    }

    fn is(&self) -> Template {
        template(DV, IS, &self.is, Role::Terminal)
    }

    fn chain(&self, dv: &Template, is: &Template) -> Result<Option<Holder>, ChainError> {
        let chain = [dv.issue(&self.cvca).expect("a certificate"), is.issue(&self.dv).expect("a certificate")];
        self.chip.verify_chain(&chain).map(|(holder, _)| holder)
    }
}

#[test]
fn worked_example_chain_verifies_from_the_root_to_the_terminal() {
    let [cvca, dv, terminal] =
        ["cvca certificate", "dv certificate", "terminal certificate"].map(|name| Cvc::from_der(&example(name)).expect(name));
    assert_eq!([&cvca, &dv, &terminal].map(|c| c.holder().to_string()), ["DECVCAAT00001", "DETESTDVDE019", "DETESTATDE019"]);
    assert_eq!((cvca.key().curve(), cvca.key().algorithm()), (Some(Curve::BrainpoolP512r1), Algorithm::Ecdsa(Hash::Sha512)));
    assert_eq!((dv.key().curve(), cvca.is_self_issued(), dv.is_self_issued()), (None, true, false));
    assert_eq!((cvca.effective(), cvca.expiry()), (day("2010-09-30"), day("2011-09-25")));
    let point = Holder::of_cvca(&cvca).expect("a CVCA");
    assert_eq!(cvca.verify(&point.key), Ok(()));
    assert_eq!(dv.verify(&point.key), Ok(()));
    let below = dv.key().resolve(point.key.curve()).expect("on the curve of the CVCA");
    assert_eq!(terminal.verify(&below), Ok(()));
    assert_eq!(terminal.chat().describe(), "authentication terminal, terminal: CAN allowed, read eID DG1");
    assert!(terminal.verify(&point.key).is_err() && dv.verify(&below).is_err());
    let chip = TrustPoints::new(vec![point], cvca.effective()).expect("one");
    // The example gives its CVCA the terminal type of an inspection system, and the DV below it that of an authentication terminal.
    let error = chip.verify_chain([&dv, &terminal]).expect_err("another type");
    assert!(matches!(error, ChainError::TerminalType { expected: TerminalType::Inspection, found: TerminalType::Authentication, .. }));
    for (certificate, original) in [(&cvca, "cvca certificate"), (&dv, "dv certificate"), (&terminal, "terminal certificate")] {
        assert_eq!(Cvc::from_content(&certificate.content()).as_ref(), Ok(certificate), "{original}");
        assert_eq!([certificate.body(), &tlv::encode(0x5F37, certificate.signature())].concat(), certificate.content());
    }
    // The keys are encoded as they were read.
    for certificate in [&cvca, &dv] {
        let key = certificate.key().encode();
        assert!(certificate.body().windows(key.len()).any(|window| window == key));
    }
    // The form in which a chip keeps it.
    assert_eq!(TrustPoints::decode(&chip.encode()), Ok(chip));
}

/// icao-local-pkd reports a chain as valid whose names fit, though nobody checked a signature.
#[test]
fn icao_local_pkd_a_chain_of_right_names_and_wrong_signatures_is_refused() {
    let world = World::new();
    let thief = Key::ec(Curve::BrainpoolP256r1, Hash::Sha256, 66);
    let forged = world.dv().issue(&thief).expect("a certificate in the name of the CVCA");
    let below = world.is().issue(&world.dv).expect("a certificate");
    let error = world.chip.verify_chain([&forged, &below]).expect_err("forged");
    assert_eq!(error, ChainError::Signature { holder: name(DV), source: SignatureError::Wrong });
    let good = world.dv().issue(&world.cvca).expect("a certificate");
    let below = world.is().issue(&thief).expect("a certificate in the name of the DV");
    assert!(matches!(world.chip.verify_chain([&good, &below]), Err(ChainError::Signature { .. })));
}

#[test]
fn rights_are_those_that_the_whole_chain_gives() {
    let world = World::new();
    let only = |template: Template, role, bit| Template { chat: Chat::new(TerminalType::Inspection, role, [bit]), ..template };
    let holder = world.chain(&world.dv(), &world.is()).expect("good").expect("a terminal");
    assert!(holder.chat.allows(Chat::READ_DG3) && holder.chat.allows(Chat::READ_DG4));
    let holder = world.chain(&only(world.dv(), Role::DvDomestic, Chat::READ_DG4), &world.is()).expect("good").expect("a terminal");
    assert!(!holder.chat.allows(Chat::READ_DG3) && holder.chat.allows(Chat::READ_DG4));
    let none = world.chain(&only(world.dv(), Role::DvDomestic, Chat::READ_DG4), &only(world.is(), Role::Terminal, Chat::READ_DG3));
    assert!(none.expect("good").expect("a terminal").chat.rights().is_empty());
}

#[test]
fn only_the_steps_of_a_chain_are_taken() {
    let world = World::new();
    let role = |template: Template, role| Template { chat: Chat::full(TerminalType::Inspection, role), ..template };
    let step = |template: &Template| world.chip.verify_chain([&template.issue(&world.cvca).expect("a certificate")]);
    let terminal_from_cvca = role(world.dv(), Role::Terminal);
    assert!(matches!(step(&terminal_from_cvca), Err(ChainError::Role { authority: Role::Cvca, role: Role::Terminal, .. })));
    for wrong in [Role::Cvca, Role::DvDomestic, Role::DvForeign] {
        let result = world.chain(&world.dv(), &role(world.is(), wrong));
        assert_eq!(result, Err(ChainError::Role { holder: name(IS), authority: Role::DvDomestic, role: wrong }));
    }
    let other_type = Template { chat: Chat::full(TerminalType::Signature, Role::Terminal), ..world.is() };
    assert!(matches!(world.chain(&world.dv(), &other_type), Err(ChainError::TerminalType { .. })));
    let with_parameters = Template { key: CvKey::new(&world.dv.verifying(), true).expect("a key"), ..world.dv() };
    assert_eq!(step(&with_parameters).expect_err("parameters"), ChainError::Parameters(name(DV)));
    let stranger = Template { authority: name("UTCVCA00009"), ..world.dv() };
    assert_eq!(step(&stranger).expect_err("unknown"), ChainError::UnknownAuthority(name("UTCVCA00009")));
    let misnamed = stranger.issue(&world.cvca).expect("a certificate");
    assert!(matches!(world.chip.import(&name(CVCA), None, &misnamed), Err(ChainError::OtherAuthority { .. })));
    // A terminal signs nothing.
    let below = template(IS, "UTIS00002", &world.is, Role::Terminal).issue(&world.is).expect("a certificate");
    let chain = [world.dv().issue(&world.cvca).expect("one"), world.is().issue(&world.dv).expect("one"), below];
    assert!(matches!(world.chip.verify_chain(&chain), Err(ChainError::Role { authority: Role::Terminal, .. })));
}

#[test]
fn the_chips_date_judges_and_moves_forward_only() {
    let world = World::new();
    let until = |template: Template, from: &str, to: &str| Template { validity: (day(from), day(to)), ..template };
    let after = |dv: &Template, is: &Template| {
        let chain = [dv.issue(&world.cvca).expect("a certificate"), is.issue(&world.dv).expect("a certificate")];
        world.chip.verify_chain(&chain).map(|(_, chip)| chip.date())
    };
    assert_eq!(after(&world.dv(), &world.is()), Ok(day("2026-11-10")), "older certificates do not turn it back");
    let last_day = until(world.dv(), "2026-10-01", "2026-11-10");
    assert!(after(&last_day, &world.is()).is_ok(), "valid on its last day");
    let expired = until(world.dv(), "2026-10-01", "2026-11-09");
    assert_eq!(
        after(&expired, &world.is()),
        Err(ChainError::Expired { holder: name(DV), expiry: day("2026-11-09"), today: day("2026-11-10") })
    );
    let newer = until(world.dv(), "2026-12-01", "2027-01-31");
    assert_eq!(after(&newer, &world.is()), Ok(day("2026-12-01")), "a DV moves the date");
    let dead = until(world.is(), "2026-11-15", "2026-11-30");
    assert!(matches!(after(&newer, &dead), Err(ChainError::Expired { .. })), "judged by the date that the DV has brought");
    let newest = until(world.is(), "2026-12-20", "2027-01-10");
    assert_eq!(after(&newer, &newest), Ok(day("2026-12-20")), "a terminal of a domestic DV moves the date");
    let foreign = Template { chat: Chat::full(TerminalType::Inspection, Role::DvForeign), ..newer };
    assert_eq!(after(&foreign, &newest), Ok(day("2026-12-01")), "a terminal of a foreign DV does not");
}

#[test]
fn a_link_certificate_brings_a_trust_point_and_a_third_drops_the_oldest() {
    let world = World::new();
    let keys = [10, 11].map(|seed| Key::ec(Curve::P384, Hash::Sha384, seed));
    // Expired, and taken all the same.
    let link = Template { validity: (day("2026-01-01"), day("2026-02-01")), ..template(CVCA, "UTCVCA00002", &keys[0], Role::Cvca) };
    let link = link.issue(&world.cvca).expect("a link certificate");
    let (none, second) = world.chip.verify_chain([&link]).expect("an expired link is taken");
    assert_eq!((none, second.date()), (None, day("2026-11-10")));
    let names = |chip: &TrustPoints| chip.references(TerminalType::Inspection).map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&second), ["UTCVCA00002", "UTCVCA00001"], "the newest first");
    assert_eq!(TrustPoints::decode(&second.encode()), Ok(second.clone()));
    assert_eq!(second.import(&name(CVCA), None, &link), Ok(Imported { holder: None, store: None }), "the same link again changes nothing");
    let below = template("UTCVCA00002", DV, &Key::ec(Curve::P384, Hash::Sha384, 12), Role::DvDomestic).issue(&keys[0]).expect("one");
    assert!(matches!(second.verify_chain([&below]), Err(ChainError::Expired { .. })), "an expired trust point signs links only");
    let other = Key::ec(Curve::P384, Hash::Sha384, 13);
    let clash = template(CVCA, "UTCVCA00002", &other, Role::Cvca).issue(&world.cvca).expect("one");
    assert_eq!(second.verify_chain([&clash]), Err(ChainError::Known(name("UTCVCA00002"))));
    let next = template("UTCVCA00002", "UTCVCA00003", &keys[1], Role::Cvca).issue(&keys[0]).expect("one");
    let (_, third) = second.verify_chain([&next]).expect("signed by an expired trust point");
    assert_eq!(names(&third), ["UTCVCA00003", "UTCVCA00002"]);
    assert_eq!(third.points()[0].key.curve(), Some(Curve::P384));
    // A link without parameters stays on the curve.
    let stays = Key::ec(Curve::BrainpoolP256r1, Hash::Sha256, 14);
    let short =
        Template { key: CvKey::new(&stays.verifying(), false).expect("a key"), ..template(CVCA, "UTCVCA00004", &stays, Role::Cvca) };
    let (_, chip) = world.chip.verify_chain([&short.issue(&world.cvca).expect("one")]).expect("inherits");
    assert_eq!(TrustPoints::decode(&chip.encode()), Ok(chip));
}

#[test]
fn no_bit_of_a_certificate_can_be_changed_unseen() {
    let world = World::new();
    let good = world.dv().issue(&world.cvca).expect("a certificate");
    assert!(world.chip.verify_chain([&good]).is_ok());
    for bit in 0..good.der().len() * 8 {
        let mut changed = good.der().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(certificate) = Cvc::from_der(&changed) {
            assert!(world.chip.verify_chain([&certificate]).is_err(), "bit {bit} is not covered");
        }
    }
}

#[test]
fn every_algorithm_of_id_ta_signs_and_verifies() {
    let rsa = PrivateKey::generate_rsa(2048, &mut Seeded::new(5)).expect("an RSA key");
    let ec = PrivateKey::generate_ec(Curve::P521, &mut Seeded::new(6));
    let mut seen = 0;
    for oid in ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2.1", "2.2", "2.3", "2.4", "2.5"] {
        let octets = crate::oid::parse(&format!("0.4.0.127.0.7.2.2.2.{oid}")).expect("an OID");
        let algorithm = key::algorithm_of(&octets).expect("below id-TA");
        assert_eq!(key::oid_of(algorithm).map(crate::oid::encode), Some(octets));
        let signer = Key { key: if oid.starts_with('1') { rsa.clone() } else { ec.clone() }, algorithm };
        let root = template(CVCA, CVCA, &signer, Role::Cvca).issue(&signer).expect("a certificate");
        let point = Holder::of_cvca(&root).expect("a CVCA");
        assert_eq!((root.verify(&point.key), &point.key), (Ok(()), &signer.verifying()));
        let chip = TrustPoints::new(vec![point], day("2026-11-10")).expect("one");
        assert_eq!(TrustPoints::decode(&chip.encode()).as_ref(), Ok(&chip));
        let dv = template(CVCA, DV, &signer, Role::DvForeign).issue(&signer).expect("a certificate");
        assert!(chip.verify_chain([&dv]).is_ok());
        seen += 1;
    }
    assert_eq!(seen, 11);
    let salted = Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 20 };
    assert!(CvKey::new(&VerifyingKey { algorithm: salted, key: rsa.public() }, false).is_err(), "no identifier says that");
}

#[test]
fn requests_prove_the_new_key_and_by_the_outer_signature_who_asks() {
    let world = World::new();
    let new = Key::ec(Curve::BrainpoolP256r1, Hash::Sha256, 20);
    let key = CvKey::new(&new.verifying(), true).expect("a key");
    let first = request(Some(&name(CVCA)), &key, &name("UTDV00002"), &new).expect("a request");
    assert_eq!((first.verify(), first.outer_authority(), first.authority()), (Ok(()), None, Some(&name(CVCA))));
    assert!(matches!(first.verify_outer(&world.dv.verifying()), Err(SignatureError::Malformed(_))));
    let again = authenticate(&first, &name(DV), &world.dv).expect("an authenticated request");
    assert_eq!((again.verify(), again.verify_outer(&world.dv.verifying())), (Ok(()), Ok(())));
    assert_eq!(again.outer_authority(), Some(&name(DV)));
    assert_eq!(again.verify_outer(&new.verifying()), Err(SignatureError::Wrong));
    for bit in 0..again.der().len() * 8 {
        let mut changed = again.der().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = Request::from_der(&changed) {
            assert!(changed.verify().is_err() || changed.verify_outer(&world.dv.verifying()).is_err(), "bit {bit} is not covered");
        }
    }
    let without = CvKey::new(&new.verifying(), false).expect("a key");
    assert!(request(None, &without, &name("UTDV00002"), &new).is_err(), "no domain parameters");
    assert!(Request::from_der(world.dv().issue(&world.cvca).expect("one").der()).is_err(), "a certificate is no request");
    assert!(Cvc::from_der(first.der()).is_err(), "a request is no certificate");
}

#[test]
fn what_is_no_certificate_is_refused_by_name() {
    let world = World::new();
    let good = world.dv().issue(&world.cvca).expect("a certificate");
    let body = tlv::single(good.body(), 0x7F4E).expect("a body").value.to_vec();
    let parse = |body: Vec<u8>| {
        let content = [tlv::encode(0x7F4E, &body), tlv::encode(0x5F37, good.signature())].concat();
        Cvc::from_content(&content).expect_err("must be refused").to_string()
    };
    let swap = |from: &[u8], to: &[u8]| {
        let at = body.windows(from.len()).position(|window| window == from).expect("in the body");
        let mut changed = body.clone();
        changed.splice(at..at + from.len(), to.iter().copied());
        parse(changed)
    };
    let places = [
        (&[0x5F, 0x29, 1, 0][..], &[0x5F, 0x29, 1, 1][..], "certificate profile identifier (5F29)"),
        (&[0x5F, 0x25, 6, 2, 6, 1, 1, 0, 1], &[0x5F, 0x25, 6, 2, 6, 1, 3, 0, 1], "effective date (5F25)"),
        (&[0x5F, 0x25, 6, 2, 6, 1, 1, 0, 1], &[0x5F, 0x25, 6, 2, 10, 1, 1, 0, 1], "effective date (5F25)"),
        (&[0x5F, 0x24, 6, 2, 7, 0, 1, 3, 1], &[0x5F, 0x24, 6, 2, 6, 0, 1, 3, 1], "expiration date (5F24)"),
        (&[0x42, 11, b'U', b'T'], &[0x42, 11, b'1', b'T'], "certification authority reference (42)"),
        (&[0x5F, 0x20, 9, b'U'], &[0x5F, 0x20, 9, 0x1B], "certificate holder reference (5F20)"),
        (&[0x86, 65, 4], &[0x86, 65, 2], "public point (86)"),
        (&[0x06, 10, 4, 0, 0x7F, 0, 7, 2, 2, 2, 2, 3], &[0x06, 10, 4, 0, 0x7F, 0, 7, 2, 2, 2, 2, 9], "public key of a CV certificate"),
    ];
    for (from, to, field) in places {
        let error = swap(from, to);
        assert!(error.starts_with(field), "{error}");
    }
    assert!(Cvc::from_der(&vec![0; MAX_LEN + 1]).expect_err("too long").to_string().contains("8192"));
    assert!(KeyReference::new("UT", "TENLETTERS", "00001").is_err() && KeyReference::new("UT", "CVCA", "1").is_err());
    let reference = KeyReference::new("DE", "TESTDV", "DE001").expect("a reference");
    assert_eq!((reference.country(), reference.mnemonic(), reference.sequence()), ("DE".into(), "TESTDV".into(), "DE001".into()));
    let same = Holder::of_cvca(&template(CVCA, CVCA, &world.cvca, Role::Cvca).issue(&world.cvca).expect("one")).expect("a CVCA");
    assert!(TrustPoints::new(vec![same.clone(), same], day("2026-11-10")).is_err(), "one name twice");
    assert!(TrustPoints::new(Vec::new(), day("2026-11-10")).is_err());
    assert!(Holder::of_cvca(&good).is_err(), "a DV is no trust point");
}
