//! Terminal and Chip Authentication version 2 against libeac in both roles: with every suite over every domain, and with what must be refused.
//!
//! What libeac does otherwise than the standard, each time foretold from the keys:
//! it compresses an EC key to its x-coordinate without leading zeros (TR-03110-3 A.2.2.3 and TR-03111: of fixed length), and derives keys
//! from a DH secret without its leading zeros ([`super::pace`]).

use eid::cert::chat::{Chat, Role, TerminalType};
use eid::cert::cvc::issue::Template;
use eid::cert::cvc::{CvKey, Cvc, KeyReference, TrustPoint, TrustPoints, VerifyingKey};
use eid::crypto::agreement::{AgreementKey, AgreementPrivateKey, Domain, agree};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::signature::{Algorithm, PrivateKey, PublicKey, Signature, sign};
use eid::date::Date;
use eid::lds::security_info::{Agreement, ChipAuthProtocol};
use eid::protocol::chip_auth::{self, ChipAuthError, Form};
use eid::protocol::dynamic_auth::{encode, parse};
use eid::protocol::terminal_auth::chip::{Binding, Session};
use eid::protocol::terminal_auth::{self as ta, TerminalAuthError, Version};
use eid::signer::{Signer, SignerError};

use super::Oracle;

fn rng() -> impl rand_core::CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
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
        Ok(sign(self.1, &self.0, message, &mut rng()).expect("the key fits"))
    }
}

/// CVCA, DV, and an inspection system, with the terminal's key.
struct Chain {
    cvca: Cvc,
    dv: Cvc,
    terminal: Cvc,
    key: Key,
}

impl Chain {
    fn new(algorithm: Algorithm, curve: Option<Curve>) -> Self {
        let keys = [(); 3].map(|()| {
            let key = match curve {
                Some(curve) => PrivateKey::generate_ec(curve, &mut rng()),
                None => PrivateKey::generate_rsa(2048, &mut rng()).expect("a key"),
            };
            Key(key, algorithm)
        });
        let name = |text: &str| KeyReference::from_octets(text.as_bytes()).expect("a reference");
        let day = |text: &str| text.parse::<Date>().expect("a day");
        let issue = |authority: &str, signer: &Key, holder: &str, key: &Key, role| {
            let template = Template {
                authority: name(authority),
                key: CvKey::new(&VerifyingKey { algorithm, key: key.0.public() }, role == Role::Cvca).expect("below id-TA"),
                holder: name(holder),
                chat: Chat::full(TerminalType::Inspection, role),
                validity: (day("2026-10-01"), day("2027-10-01")),
                extensions: Vec::new(),
            };
            template.issue(signer).expect("a certificate")
        };
        let [cvca, dv, is] = keys;
        Self {
            cvca: issue("ZZCVCA00001", &cvca, "ZZCVCA00001", &cvca, Role::Cvca),
            dv: issue("ZZCVCA00001", &cvca, "ZZDV00001", &dv, Role::DvDomestic),
            terminal: issue("ZZDV00001", &dv, "ZZIS00001", &is, Role::Terminal),
            key: is,
        }
    }

    /// The first line of a run.
    fn begin(&self, role: &str, protocol: ChipAuthProtocol, domain: &Domain) -> String {
        let key = if role == "eac-terminal" { hex::encode(self.key.0.to_pkcs8().expose()) } else { "-".to_owned() };
        let [cvca, dv, terminal] = [&self.cvca, &self.dv, &self.terminal].map(|certificate| hex::encode(certificate.der()));
        let domain = domain.parameter_id().expect("standardized");
        format!("{role} {key} {cvca} {dv},{terminal} {} {domain}", protocol.oid())
    }

    /// Our chip after it took the chain, and the terminal's choice of `compressed`.
    fn chip(&self, compressed: &[u8], auxiliary: &[u8]) -> Session {
        let point = TrustPoint::of_cvca(&self.cvca).expect("a CVCA");
        let trust = TrustPoints::new(vec![point], self.cvca.effective()).expect("one");
        let mut session = Session::default();
        for certificate in [&self.dv, &self.terminal] {
            session.set_dst(&trust, &ta::set_dst(certificate.authority()).data).expect("known");
            let imported = session.verify_certificate(&trust, &ta::verify_certificate(certificate).data).expect("verifies");
            session.accept(imported);
        }
        let at = ta::set_at_with_key(self.key.1, self.terminal.holder(), auxiliary, compressed).expect("below id-TA");
        assert_eq!(session.set_at(&at.data), Ok(Version::Two));
        session
    }
}

const ECDSA: Algorithm = Algorithm::Ecdsa(Hash::Sha256);
const CHIP: [u8; 32] = [0x5A; 32];
/// DO'67' with one date of validity.
fn auxiliary() -> Vec<u8> {
    hex::decode("67177315060904007F00070301040253083230323631313232").expect("hex")
}

fn combinations() -> Vec<(ChipAuthProtocol, Domain)> {
    let suites = [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256];
    let kind = |domain: &Domain| if matches!(domain, Domain::Ec(_)) { Agreement::Ecdh } else { Agreement::Dh };
    let all = Domain::all().flat_map(|domain| suites.map(|suite| (ChipAuthProtocol { agreement: kind(&domain), suite }, domain.clone())));
    all.collect()
}

/// Whether libeac forms the same secret and the same compressed key as the standard: nothing of them begins with a zero octet.
fn regular(own: &AgreementPrivateKey, peer: &AgreementKey, terminal: &AgreementKey) -> bool {
    match terminal {
        AgreementKey::Ec(point) => point.x()[0] != 0,
        AgreementKey::Dh(key) => key.as_bytes()[0] != 0 && agree(own, peer).expect("agrees").expose()[0] != 0,
    }
}

/// What is wrong with our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Nothing,
    /// The terminal's key is not that of its certificate.
    Signature,
    /// The signature is over other auxiliary data.
    Auxiliary,
    /// Chip Authentication with another key than Terminal Authentication named.
    Ephemeral,
    /// The chip has another static key than the terminal knows.
    Static,
}

/// libeac is the chip.
fn as_terminal(oracle: &mut Oracle, chain: &Chain, (protocol, domain): &(ChipAuthProtocol, Domain), fault: Fault) -> Result<(), String> {
    let fixed = AgreementPrivateKey::generate(domain, &mut rng());
    let draw = || loop {
        let key = AgreementPrivateKey::generate(domain, &mut rng());
        if regular(&key, &fixed.public(), &key.public()) {
            return key;
        }
    };
    let (ephemeral, other) = (draw(), draw());
    oracle.say(&chain.begin("eac-chip", *protocol, domain));
    let challenge = ta::challenge(&oracle.hear()?).expect("8 octets");
    let (compressed, auxiliary) = (ephemeral.public().compressed(), auxiliary());
    let signed = if fault == Fault::Auxiliary { &auxiliary[..auxiliary.len() - 1] } else { &auxiliary };
    let message = ta::message(&CHIP, challenge, &compressed, signed);
    let stranger = Key(PrivateKey::generate_ec(Curve::BrainpoolP256r1, &mut rng()), ECDSA);
    let signer = if fault == Fault::Signature { &stranger } else { &chain.key };
    let signature = signer.sign(&message).expect("signs").to_plain();
    [&compressed, &CHIP[..], &auxiliary, &signature].iter().for_each(|octets| oracle.tell(octets));
    oracle.hear_line()?;
    let held = if fault == Fault::Static { &other } else { &fixed };
    let sent = if fault == Fault::Ephemeral { &other } else { &ephemeral };
    [held.number().expose(), held.public().as_bytes(), sent.public().as_bytes()].iter().for_each(|octets| oracle.tell(octets));
    let (nonce, token) = (oracle.hear()?, oracle.hear()?);
    let terminal = chip_auth::Terminal::with_key(chip_auth::Version::Two, *protocol, None, &fixed.public(), &ephemeral).expect("agrees");
    let answer = encode(&[(0x81, &nonce), (0x82, &token)]);
    terminal.finish(Form::AuthenticationTemplate, &answer).map(|_| ()).map_err(|error| error.to_string())
}

/// libeac is the terminal. `Ok(false)`: libeac compressed its key in its own way, and a chip that compares it with the key must refuse.
fn as_chip(oracle: &mut Oracle, chain: &Chain, (protocol, domain): &(ChipAuthProtocol, Domain), fault: Fault) -> Result<bool, String> {
    oracle.say(&chain.begin("eac-terminal", *protocol, domain));
    let (compressed, sent) = (oracle.hear()?, oracle.hear()?);
    let auxiliary = auxiliary();
    let mut session = chain.chip(&compressed, &auxiliary);
    let challenge = [7; ta::CHALLENGE_LEN];
    session.give_challenge(challenge);
    let told = if fault == Fault::Auxiliary { &auxiliary[..auxiliary.len() - 1] } else { &auxiliary };
    [&CHIP[..], &challenge, told].iter().for_each(|octets| oracle.tell(octets));
    let mut signature = oracle.hear()?;
    if fault == Fault::Signature {
        signature[9] ^= 1;
    }
    let binding = Binding { chip: &CHIP, chip_auth_key: None, pace: None };
    session.external_authenticate(&binding, &signature).map_err(|error| error.to_string())?;
    assert_eq!(session.granted().expect("granted").bound_to.as_deref(), Some(&compressed[..]));
    // a static key of ours with which libeac agrees as the standard says
    let theirs = AgreementKey::from_sent(domain, &sent).expect("a key of the group");
    let draw = || loop {
        let key = AgreementPrivateKey::generate(domain, &mut rng());
        let cut = matches!(domain, Domain::Dh(_)) && agree(&key, &theirs).expect("agrees").expose()[0] == 0;
        if !cut {
            return key;
        }
    };
    let (fixed, other) = (draw(), draw());
    let held = if fault == Fault::Static { &other } else { &fixed };
    let agreed = chip_auth::agree(chip_auth::Version::Two, *protocol, held, &sent, &mut rng()).expect("agrees");
    let ([nonce, token], []) = parse(&agreed.answer, [0x81, 0x82], []).expect("nonce and token");
    [fixed.public().as_bytes(), nonce, token].iter().for_each(|octets| oracle.tell(octets));
    let said = oracle.hear_line()?;
    assert_eq!(said, "ok");
    let same = agreed.terminal_key.compressed() == compressed;
    let zero = match &agreed.terminal_key {
        AgreementKey::Ec(point) => point.x()[0] == 0,
        AgreementKey::Dh(key) => key.as_bytes()[0] == 0,
    };
    assert_eq!(same, !zero, "{domain}: libeac's compressed key is {}", hex::encode(&compressed));
    Ok(same)
}

#[test]
fn terminal_and_chip_authentication_agree_with_libeac_in_both_roles() {
    let Some(mut oracle) = Oracle::start() else { return };
    let chain = Chain::new(ECDSA, Some(Curve::BrainpoolP256r1));
    let (mut irregular, all) = (0, combinations());
    for combination in &all {
        assert_eq!(as_terminal(&mut oracle, &chain, combination, Fault::Nothing), Ok(()), "{combination:?}, we are the terminal");
        match as_chip(&mut oracle, &chain, combination, Fault::Nothing) {
            Ok(same) => irregular += usize::from(!same),
            Err(error) => panic!("{combination:?}, we are the chip: {error}"),
        }
    }
    println!("{} combinations in each role; libeac compressed its key in its own way {irregular} times, each foretold", all.len());
}

#[test]
fn libeac_takes_certificates_and_signatures_of_every_kind_of_ours() {
    let Some(mut oracle) = Oracle::start() else { return };
    let combination = (ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::Aes128 }, Domain::Ec(Curve::P256));
    for (algorithm, curve) in [
        (Algorithm::Ecdsa(Hash::Sha1), Some(Curve::P224)),
        (Algorithm::Ecdsa(Hash::Sha256), Some(Curve::P256)),
        (Algorithm::Ecdsa(Hash::Sha384), Some(Curve::BrainpoolP384r1)),
        (Algorithm::RsaPkcs1(Hash::Sha256), None),
    ] {
        let chain = Chain::new(algorithm, curve);
        assert_eq!(as_terminal(&mut oracle, &chain, &combination, Fault::Nothing), Ok(()), "{algorithm:?}");
        assert!(as_chip(&mut oracle, &chain, &combination, Fault::Nothing).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn what_is_wrong_is_refused_by_libeac_and_by_us() {
    let chain = Chain::new(ECDSA, Some(Curve::BrainpoolP256r1));
    for combination in [
        (ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::Aes128 }, Domain::Ec(Curve::BrainpoolP256r1)),
        (ChipAuthProtocol { agreement: Agreement::Dh, suite: Suite::Aes128 }, Domain::standardized(0).expect("a group")),
    ] {
        for (fault, expected) in [
            (Fault::Signature, "libeac: the terminal's signature failed".to_owned()),
            (Fault::Auxiliary, "libeac: the terminal's signature failed".to_owned()),
            (Fault::Ephemeral, "libeac: the terminal's other key failed".to_owned()),
            (Fault::Static, ChipAuthError::Token.to_string()),
        ] {
            let Some(mut oracle) = Oracle::start() else { return };
            assert_eq!(as_terminal(&mut oracle, &chain, &combination, fault), Err(expected), "{combination:?} {fault:?}");
        }
        for (fault, expected) in [
            (Fault::Signature, TerminalAuthError::Signature.to_string()),
            (Fault::Auxiliary, TerminalAuthError::Signature.to_string()),
            (Fault::Static, "libeac: the chip's token failed".to_owned()),
        ] {
            let Some(mut oracle) = Oracle::start() else { return };
            assert_eq!(as_chip(&mut oracle, &chain, &combination, fault), Err(expected), "{combination:?} {fault:?}");
        }
    }
}
