//! Extended access control end to end: a terminal with certificates reads DG3, any other finds it protected, and the card stays genuine
//! in both cases; Chip Authentication with the keys and forms of the field.

use std::sync::LazyLock;

use applets::rng::SeededRng;
use cardwright::Verifier;
use cardwright::perso::build::{guard, trust_points};
use cardwright::terminal::{CredentialsError, Evidence, Inspection, TerminalCredentials, Verdict, can, mrz};
use eid::cert::Time;
use eid::cert::chat::{Chat, Role, TerminalType};
use eid::cert::cvc::issue::Template;
use eid::cert::cvc::{CvKey, Cvc, KeyReference, VerifyingKey};
use eid::cert::spki;
use eid::crypto::agreement::{AgreementPrivateKey, Domain};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::signature::Algorithm;
use eid::image::{CardImage, ChipAuthKey, FileId};
use eid::lds::Elementary as _;
use eid::lds::card_security;
use eid::lds::dg14::Dg14;
use eid::lds::security_info::{Agreement, ChipAuthInfo, ChipAuthProtocol, ChipAuthPublicKeyInfo, KeyId, SecurityInfo, SecurityInfos};
use eid::transport::Transport;
use pki::key::{KeyParameters, SigningKey};
use pki::software::SoftwareSigner;

use super::document::{self, Authority, CAN, Options, dg, today, unsigned};
use super::link::ShortLink;
use super::personalize::personalized;
use super::rng;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new(5));

/// A key and a signer for it.
struct Party {
    key: SigningKey,
    signer: SoftwareSigner<SeededRng>,
}

impl Party {
    fn new(seed: &str, parameters: KeyParameters, algorithm: Algorithm) -> Self {
        let key = SigningKey::generate(parameters, algorithm, &mut SeededRng::new(seed.as_bytes())).expect("a key");
        Self { signer: SoftwareSigner::new(seed, key.clone(), SeededRng::new(b"sign")), key }
    }

    fn certificate(&self, holder: &str, authority: (&str, &Self), role: Role, rights: &[u8]) -> Cvc {
        let name = |text: &str| KeyReference::from_octets(text.as_bytes()).expect("a reference");
        let key = VerifyingKey { algorithm: self.key.algorithm, key: self.key.public() };
        let template = Template {
            authority: name(authority.0),
            key: CvKey::new(&key, role == Role::Cvca).expect("below id-TA"),
            holder: name(holder),
            chat: Chat::new(TerminalType::Inspection, role, rights.iter().copied()),
            validity: (today().plus_days(-10), today().plus_days(60)),
            extensions: Vec::new(),
        };
        template.issue(&authority.1.signer).expect("a certificate")
    }
}

/// The certificates and keys of a state's inspection systems.
pub(crate) struct State {
    cvca: Party,
    dv: Party,
    is: Party,
}

impl State {
    pub(crate) fn new(seed: &str, parameters: KeyParameters, algorithm: Algorithm) -> Self {
        let [cvca, dv, is] = ["cvca", "dv", "is"].map(|party| Party::new(&format!("{seed}{party}"), parameters, algorithm));
        Self { cvca, dv, is }
    }

    pub(crate) fn ecdsa(seed: &str) -> Self {
        Self::new(seed, KeyParameters::Ec(Curve::BrainpoolP256r1), Algorithm::Ecdsa(Hash::Sha256))
    }

    pub(crate) fn root(&self) -> Cvc {
        self.cvca.certificate("UTCVCA00001", ("UTCVCA00001", &self.cvca), Role::Cvca, &[0, 1])
    }

    fn certificates(&self, rights: &[u8]) -> Vec<Cvc> {
        vec![
            self.root(),
            self.dv.certificate("UTDV00001", ("UTCVCA00001", &self.cvca), Role::DvDomestic, &[0, 1]),
            self.is.certificate("UTIS00001", ("UTDV00001", &self.dv), Role::Terminal, rights),
        ]
    }

    pub(crate) fn credentials(&self, rights: &[u8]) -> TerminalCredentials {
        let signer = SoftwareSigner::new("is", self.is.key.clone(), SeededRng::new(b"terminal"));
        TerminalCredentials::new(self.certificates(rights), Box::new(signer)).expect("the certificate is for the key")
    }
}

/// A key of Chip Authentication, and the ciphers and version that DG14 announces for it.
pub(crate) struct ChipKey {
    pub(crate) domain: Domain,
    pub(crate) suites: Vec<Suite>,
    pub(crate) version: u8,
    pub(crate) id: Option<u32>,
}

impl ChipKey {
    pub(crate) fn one(domain: Domain, suite: Suite) -> Vec<Self> {
        vec![Self { domain, suites: vec![suite], version: 1, id: None }]
    }
}

pub(crate) fn bp256() -> Domain {
    Domain::Ec(Curve::BrainpoolP256r1)
}

/// A signed card with these keys that trusts the CVCA of `state`.
pub(crate) fn card_image(state: &State, keys: &[ChipKey], ta_version: u8) -> CardImage {
    let mut image = unsigned(Options::default());
    let old = Dg14::parse(&image.files[&dg(14)]).expect("DG14").infos;
    let kept = old.infos().iter().filter(|info| matches!(info, SecurityInfo::Pace(_) | SecurityInfo::ActiveAuth { .. }));
    let mut infos: Vec<_> = kept.cloned().collect();
    infos.push(SecurityInfo::TerminalAuth { version: ta_version, ef_cvca: None });
    image.chip_auth.clear();
    for chip in keys {
        let key = AgreementPrivateKey::generate(&chip.domain, &mut SeededRng::new(chip.domain.name().as_bytes()));
        let agreement = if matches!(chip.domain, Domain::Ec(_)) { Agreement::Ecdh } else { Agreement::Dh };
        let key_id = chip.id.map(KeyId::from);
        infos.extend(chip.suites.iter().map(|&suite| {
            let protocol = ChipAuthProtocol { agreement, suite };
            SecurityInfo::ChipAuth(ChipAuthInfo { protocol, version: chip.version, key_id })
        }));
        let spki = spki::agreement::encode(&key.public());
        infos.push(SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo { agreement, spki, key_id }));
        image.chip_auth.push(ChipAuthKey { key, key_id: chip.id });
    }
    let card_access = infos.iter().filter(|info| !matches!(info, SecurityInfo::ChipAuthPublicKey(_) | SecurityInfo::ActiveAuth { .. }));
    image.files.insert(FileId::CARD_ACCESS, SecurityInfos::new(card_access.cloned()).encode().to_vec());
    image.files.insert(dg(14), Dg14 { infos: SecurityInfos::new(infos) }.encode());
    AUTHORITY.sign(&mut image);
    guard(&mut image, trust_points(&[state.root()], today()).expect("a CVCA"));
    image
}

pub(crate) fn verifier(credentials: Option<TerminalCredentials>) -> Verifier {
    let verifier = Verifier::new(AUTHORITY.trust());
    match credentials {
        Some(credentials) => verifier.with_terminal(credentials),
        None => verifier,
    }
}

pub(crate) fn inspect(card: impl Transport, credentials: Option<TerminalCredentials>) -> Inspection {
    verifier(credentials).inspect(card, &[can(CAN)], today(), &mut rng()).expect("the card is there")
}

fn of(inspection: &Inspection, id: &str) -> (&'static str, &'static str) {
    let report = &inspection.report;
    let finding = report.finding(id).unwrap_or_else(|| panic!("no finding {id} in {:#?}", report.findings));
    (finding.outcome.as_str(), finding.reason.as_ref().map_or("", |reason| reason.code))
}

fn genuine(inspection: &Inspection) {
    assert_eq!(inspection.report.verdict, Verdict::Genuine, "{}", inspection.report.to_text(Default::default()));
    assert_eq!(of(inspection, "ca"), ("passed", ""));
}

fn rules(inspection: &Inspection) -> Vec<&'static str> {
    inspection.report.quirks.iter().map(|quirk| quirk.rule).filter(|rule| rule.starts_with("ca.")).collect()
}

#[test]
fn a_terminal_with_certificates_reads_dg3_and_any_other_finds_it_protected() {
    let state = State::ecdsa("a");
    let image = card_image(&state, &ChipKey::one(bp256(), Suite::Aes128), 1);
    let mut card = personalized(&image);
    let inspection = inspect(&mut card, Some(state.credentials(&[Chat::READ_DG3])));
    genuine(&inspection);
    assert_eq!((of(&inspection, "ta"), of(&inspection, "read.dg3")), (("passed", ""), ("passed", "")));
    assert_eq!(of(&inspection, "pa.hash.dg3"), ("passed", ""));
    assert_eq!(inspection.files.get(&dg(3)), image.files.get(&dg(3)));
    let again = verifier(None).judge(&Evidence::of(&inspection), today());
    assert_eq!((again.report.verdict, of(&again, "ca")), (Verdict::Genuine, ("passed", "")));

    for (credentials, ta) in [
        (None, ("not-attempted", "no-terminal-key")),
        (Some(state.credentials(&[])), ("passed", "")),
        (Some(state.credentials(&[Chat::READ_DG4])), ("passed", "")),
        (Some(State::ecdsa("b").credentials(&[0, 1])), ("failed", "refused")),
    ] {
        card.power_cycle();
        let inspection = inspect(&mut card, credentials);
        genuine(&inspection);
        assert_eq!((of(&inspection, "ta"), of(&inspection, "read.dg3")), (ta, ("not-attempted", "protected")));
    }
    // After Basic Access Control the chip is known by its document number.
    card.power_cycle();
    let mut image = image;
    image.files.remove(&FileId::CARD_ACCESS);
    let inspection = verifier(Some(state.credentials(&[0])))
        .inspect(personalized(&image), &[mrz(&document::mrz())], today(), &mut rng())
        .expect("the card is there");
    assert_eq!(
        (of(&inspection, "access.bac"), of(&inspection, "ta"), of(&inspection, "read.dg3")),
        (("passed", ""), ("passed", ""), ("passed", ""))
    );
}

#[test]
fn a_chip_that_trusts_another_cvca_has_no_path() {
    let state = State::ecdsa("a");
    let image = card_image(&state, &ChipKey::one(bp256(), Suite::Aes128), 1);
    let stranger = State::ecdsa("c");
    let certificates = vec![
        stranger.dv.certificate("XXDV00001", ("XXCVCA00001", &stranger.cvca), Role::DvForeign, &[0, 1]),
        stranger.is.certificate("XXIS00001", ("XXDV00001", &stranger.dv), Role::Terminal, &[0, 1]),
    ];
    let signer = || Box::new(SoftwareSigner::new("is", stranger.is.key.clone(), SeededRng::new(b"terminal")));
    let credentials = TerminalCredentials::new(certificates.clone(), signer()).expect("fits");
    let inspection = inspect(personalized(&image), Some(credentials));
    genuine(&inspection);
    assert_eq!((of(&inspection, "ta"), of(&inspection, "read.dg3")), (("not-attempted", "no-path"), ("not-attempted", "protected")));
    assert!(matches!(
        TerminalCredentials::new(certificates[..1].to_vec(), signer()),
        Err(CredentialsError::NoCertificate { found: 1, .. })
    ));
}

#[test]
fn rsa_certificates_go_over_a_link_of_short_apdus() {
    for algorithm in [Algorithm::RsaPkcs1(Hash::Sha256), Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 }] {
        let state = State::new("rsa", KeyParameters::Rsa(2048), algorithm);
        let image = card_image(&state, &ChipKey::one(bp256(), Suite::Aes256), 1);
        let inspection = inspect(ShortLink(personalized(&image)), Some(state.credentials(&[Chat::READ_DG3])));
        genuine(&inspection);
        assert_eq!((of(&inspection, "ta"), of(&inspection, "read.dg3")), (("passed", ""), ("passed", "")));
    }
}

#[test]
fn chip_authentication_takes_every_kind_of_key_the_strongest_first() {
    let state = State::ecdsa("a");
    let key = |domain: Domain, suites: &[Suite], id| ChipKey { domain, suites: suites.to_vec(), version: 1, id };
    let dh = |id| Domain::standardized(id).expect("a group");
    let cases = [
        (ChipKey::one(Domain::Ec(Curve::P192), Suite::TripleDes), "P-192", "3DES"),
        (ChipKey::one(Domain::Ec(Curve::P521), Suite::Aes192), "P-521", "192"),
        (ChipKey::one(dh(0), Suite::TripleDes), "MODP 1024/160", "3DES"),
        (ChipKey::one(dh(1), Suite::Aes128), "MODP 2048/224", "128"),
        (ChipKey::one(dh(2), Suite::Aes256), "MODP 2048/256", "256"),
        (
            vec![
                key(Domain::Ec(Curve::P384), &[Suite::TripleDes, Suite::Aes128], Some(1)),
                key(dh(2), &[Suite::Aes128, Suite::Aes256], Some(0x8001)),
                key(Domain::Ec(Curve::P256), &[Suite::Aes192], Some(3)),
            ],
            "MODP 2048/256",
            "256",
        ),
        // Without a ChipAuthenticationInfo, as French passports of 2013.
        (vec![key(bp256(), &[], None)], "brainpoolP256r1", "3DES"),
    ];
    for (keys, curve, suite) in cases {
        let silent = keys[0].suites.is_empty();
        let image = card_image(&state, &keys, 1);
        for short in [false, true] {
            let card = personalized(&image);
            let credentials = Some(state.credentials(&[Chat::READ_DG3]));
            let inspection = if short { inspect(ShortLink(card), credentials) } else { inspect(card, credentials) };
            genuine(&inspection);
            let ca = inspection.report.finding("ca").expect("a finding");
            assert_eq!(ca.evidence("curve"), Some(curve));
            assert!(ca.evidence("protocol").is_some_and(|protocol| protocol.contains(suite)), "{ca:?}");
            assert_eq!((of(&inspection, "ta"), of(&inspection, "read.dg3")), (("passed", ""), ("passed", "")), "{curve} {suite}");
            assert_eq!(rules(&inspection), if silent { vec!["ca.no-info"] } else { vec![] });
            let again = verifier(None).judge(&Evidence::of(&inspection), today());
            assert_eq!((again.report.verdict, of(&again, "ca")), (Verdict::Genuine, ("passed", "")));
        }
    }
}

#[test]
fn version_2_authenticates_the_terminal_first_and_proves_the_chip_by_its_token() {
    let state = State::ecdsa("a");
    for domain in [bp256(), Domain::standardized(2).expect("a group")] {
        let keys = [ChipKey { domain, suites: vec![Suite::Aes128], version: 2, id: None }];
        let image = card_image(&state, &keys, 2);
        let inspection = inspect(personalized(&image), Some(state.credentials(&[Chat::READ_DG3])));
        genuine(&inspection);
        assert_eq!((of(&inspection, "ta"), of(&inspection, "read.dg3")), (("passed", ""), ("passed", "")));
        let again = verifier(None).judge(&Evidence::of(&inspection), today());
        assert_eq!((again.report.verdict, of(&again, "ca")), (Verdict::Genuine, ("passed", "")));
        // Without a terminal key there is no version 2.
        let inspection = inspect(personalized(&image), None);
        let expected = (("not-attempted", "no-terminal-authentication"), ("not-attempted", "protected"));
        assert_eq!((of(&inspection, "ca"), of(&inspection, "read.dg3")), expected);
    }
}

/// Terminal and Chip Authentication before the application is selected, the key in EF.CardSecurity: it counts only if the issuer signed that
/// file, whatever DG14 says; and the same from the evidence alone.
#[test]
fn the_key_of_card_security_counts_only_under_the_issuers_signature() {
    let state = State::ecdsa("a");
    let keys = [ChipKey { domain: bp256(), suites: vec![Suite::Aes128], version: 2, id: None }];
    let mut image = card_image(&state, &keys, 2);
    let infos = Dg14::parse(&image.files[&dg(14)]).expect("DG14").infos;
    let stranger = Authority::new(6);
    for (signer, ca) in [(&*AUTHORITY, ("passed", "")), (&stranger, ("not-attempted", "key-not-confirmed"))] {
        let file = card_security::build(&infos, &signer.signer, &signer.ds, Some(Time::midnight(today()))).expect("an EF.CardSecurity");
        image.files.insert(FileId::CARD_SECURITY, file);
        let inspection = inspect(personalized(&image), Some(state.credentials(&[Chat::READ_DG3])));
        assert_eq!((of(&inspection, "ta"), of(&inspection, "ca"), of(&inspection, "read.dg3")), (("passed", ""), ca, ("passed", "")));
        let file = inspection.report.finding("ca").and_then(|finding| finding.evidence("file"));
        assert_eq!(file, Some("EF.CardSecurity"));
        let again = verifier(None).judge(&Evidence::of(&inspection), today());
        assert_eq!((again.report.verdict, of(&again, "ca")), (inspection.report.verdict, ca));
    }
    // the rights that were named in PACE bound those of the certificate: without DG3 in it, it stays closed
    let inspection = inspect(personalized(&image), Some(state.credentials(&[Chat::READ_DG4])));
    assert_eq!((of(&inspection, "ta"), of(&inspection, "read.dg3")), (("passed", ""), ("not-attempted", "protected")));
}

/// gmrtd, NFCPassportReader: Chip Authentication was shown as "OK" although the files with its key were forged. Here a proven key counts only
/// where passive authentication has confirmed it.
#[test]
fn gmrtd_nfc_passport_reader_a_proven_key_does_not_count_without_passive_authentication() {
    let state = State::ecdsa("a");
    let mut image = card_image(&state, &ChipKey::one(bp256(), Suite::Aes128), 1);
    // Somebody else's keys in DG14, which the signed EF.SOD does not list.
    let forged = card_image(&state, &ChipKey::one(Domain::Ec(Curve::P256), Suite::Aes128), 1);
    image.files.insert(dg(14), forged.files[&dg(14)].clone());
    image.chip_auth = forged.chip_auth;
    let inspection = inspect(personalized(&image), Some(state.credentials(&[Chat::READ_DG3])));
    assert_eq!(inspection.report.verdict, Verdict::NotGenuine);
    assert_eq!(of(&inspection, "pa.hash.dg14"), ("failed", "hash-differs"));
    assert_eq!(of(&inspection, "ca"), ("not-attempted", "key-not-confirmed"));
}
