//! Cards with several PACEInfos, with chip authentication mapping and EF.CardSecurity, and with a suspended PIN: what the terminal chooses,
//! what it falls back to, and what it says about it.

use std::sync::LazyLock;

use applets::Card;
use cardwright::Verifier;
use cardwright::terminal::access::Method;
use cardwright::terminal::report::Report;
use cardwright::terminal::{Fallback, Inspection, Verdict, can, mrz};
use eid::apdu::{Command, Response};
use eid::cert::Time;
use eid::crypto::curve::{Curve, PrivateKey};
use eid::crypto::kdf::Suite;
use eid::crypto::signature::PublicKey;
use eid::image::{CardImage, ChipAuthKey, FileId};
use eid::lds::Elementary as _;
use eid::lds::card_security;
use eid::lds::dg14::Dg14;
use eid::lds::security_info::{Agreement, ChipAuthPublicKeyInfo, KeyId, Mapping, PaceInfo, PaceProtocol, SecurityInfo, SecurityInfos};
use eid::protocol::pace::Password;
use eid::secret::Secret;
use eid::transport::{Limits, Transport, TransportError};

use super::document::{self, Authority, CAN, Options, dg, today, unsigned};
use super::personalize::personalized;
use super::rng;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new(1));

fn inspect(card: impl Transport, passwords: &[Password]) -> Inspection {
    Verifier::new(AUTHORITY.trust()).inspect(card, passwords, today(), &mut rng()).expect("the card is there")
}

fn of<'a>(report: &'a Report, id: &str) -> (&'a str, &'a str) {
    let finding = report.finding(id).unwrap_or_else(|| panic!("no finding {id} in {:#?}", report.findings));
    (finding.outcome.as_str(), finding.reason.as_ref().map_or("", |reason| reason.code))
}

fn info(mapping: Mapping, suite: Suite, id: u8) -> SecurityInfo {
    let agreement = if id < 8 { Agreement::Dh } else { Agreement::Ecdh };
    let protocol = PaceProtocol::new(mapping, agreement, suite).expect("exists");
    SecurityInfo::Pace(PaceInfo { protocol, version: 2, parameter_id: Some(id) })
}

/// The document with these PACEInfos in EF.CardAccess and in the signed DG14.
fn offering(entries: &[SecurityInfo]) -> CardImage {
    built(entries, true).0
}

/// The same with or without Chip Authentication, and the infos of EF.CardAccess.
fn built(entries: &[SecurityInfo], chip_auth: bool) -> (CardImage, SecurityInfos) {
    let mut image = unsigned(Options::default());
    let others = |infos: &SecurityInfos| -> Vec<SecurityInfo> {
        let kept = |info: &&SecurityInfo| match info {
            SecurityInfo::Pace(_) => false,
            SecurityInfo::ChipAuth(_) | SecurityInfo::ChipAuthPublicKey(_) => chip_auth,
            _ => true,
        };
        infos.infos().iter().filter(kept).cloned().collect()
    };
    let access = SecurityInfos::parse(&image.files[&FileId::CARD_ACCESS]).expect("EF.CardAccess");
    let access = SecurityInfos::new(others(&access).into_iter().chain(entries.iter().cloned()));
    let dg14 = Dg14::parse(&image.files[&dg(14)]).expect("DG14");
    let dg14 = Dg14 { infos: SecurityInfos::new(others(&dg14.infos).into_iter().chain(entries.iter().cloned())) };
    image.files.insert(FileId::CARD_ACCESS, access.encode().to_vec());
    image.files.insert(dg(14), dg14.encode());
    AUTHORITY.sign(&mut image);
    (image, access)
}

/// The parameters that opened the card.
fn opened(inspection: &Inspection) -> (Mapping, Suite, u8) {
    match &inspection.method {
        Some(Method::Pace { parameters, .. }) => (parameters.protocol().mapping(), parameters.suite(), parameters.id()),
        other => panic!("{other:?}: {}", inspection.report.to_text(Default::default())),
    }
}

#[test]
fn the_strongest_entry_that_is_supported_is_chosen() {
    use Mapping::{Generic, Integrated};
    use Suite::{Aes128, Aes256, TripleDes};
    for (entries, chosen) in [
        (vec![(Generic, TripleDes, 13), (Generic, Aes128, 12)], (Generic, Aes128, 12)),
        (vec![(Generic, Aes128, 12), (Integrated, Aes256, 13), (Generic, Aes256, 17)], (Generic, Aes256, 17)),
        (vec![(Generic, Aes256, 12), (Integrated, Aes256, 13)], (Integrated, Aes256, 13)),
        (vec![(Generic, Aes128, 2), (Generic, Aes128, 8)], (Generic, Aes128, 2)),
        (vec![(Generic, Aes128, 2)], (Generic, Aes128, 2)),
        (vec![(Integrated, Aes128, 1)], (Integrated, Aes128, 1)),
    ] {
        let entries: Vec<_> = entries.into_iter().map(|(mapping, suite, id)| info(mapping, suite, id)).collect();
        let image = offering(&entries);
        let inspection = inspect(personalized(&image), &[can(CAN)]);
        assert_eq!(inspection.report.verdict, Verdict::Genuine, "{}", inspection.report.to_text(Default::default()));
        // of two equals the order of the file, which is sorted by its encoding
        if chosen != (Integrated, Aes256, 13) {
            assert_eq!(opened(&inspection), chosen);
        }
        assert_eq!((of(&inspection.report, "access.choice"), of(&inspection.report, "access.downgrade").0), (("passed", ""), "passed"));
    }
}

/// A link to a card that answers MSE:Set AT for some protocols with a status word of its own.
struct Refuses<T>(T, PaceProtocol, u16);

impl<T: Transport> Transport for Refuses<T> {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.0.atr()
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let named = eid::tlv::encode(0x80, &self.1.octets());
        if Command::parse(command).is_ok_and(|c| c.ins == 0x22 && c.p1 == 0xC1 && c.data.starts_with(&named)) {
            return Ok(Response::status(self.2).encode());
        }
        self.0.transmit(command)
    }
    fn reset(&mut self) -> Result<(), TransportError> {
        self.0.reset()
    }
    fn limits(&self) -> Limits {
        self.0.limits()
    }
}

/// German and Polish cards: several PACEInfos, and the first one fails.
#[test]
fn an_entry_that_the_card_fails_is_left_for_the_next_and_the_report_says_so() {
    let image = offering(&[info(Mapping::Generic, Suite::Aes256, 13), info(Mapping::Generic, Suite::Aes128, 12)]);
    let strong = PaceProtocol::ecdh_gm(Suite::Aes256);
    let inspection = inspect(Refuses(personalized(&image), strong, 0x6A80), &[can(CAN)]);
    assert_eq!(opened(&inspection), (Mapping::Generic, Suite::Aes128, 12));
    let report = &inspection.report;
    assert_eq!(of(report, "access.fallback"), ("undecided", "next-pace-info"));
    assert_eq!(of(report, "access.choice"), ("undecided", "weaker-pace-info"));
    assert_eq!(of(report, "access.downgrade"), ("undecided", "weaker-pace-info"));
    assert_eq!(report.verdict, Verdict::Genuine, "rights say nothing about genuineness");
}

/// Regression: gmrtd up to 1.1.2, NFCPassportReader, and five integrators of JMRTD fall back from PACE to BAC without a word.
#[test]
fn bac_instead_of_pace_is_never_silent_and_can_be_forbidden() {
    let image = offering(&[info(Mapping::Generic, Suite::Aes128, 13)]);
    let refusing = |card: Card| Refuses(card, PaceProtocol::ecdh_gm(Suite::Aes128), 0x6A80);
    let passwords = [mrz(&document::mrz())];
    let inspection = inspect(refusing(personalized(&image)), &passwords);
    assert_eq!(inspection.method, Some(Method::Bac));
    assert_eq!(of(&inspection.report, "access.downgrade"), ("undecided", "bac-instead-of-pace"));
    assert_eq!(of(&inspection.report, "access.pace").0, "failed");
    let strict = Verifier::new(AUTHORITY.trust()).with_fallback(Fallback::Forbidden);
    let inspection = strict.inspect(refusing(personalized(&image)), &passwords, today(), &mut rng()).expect("the card is there");
    assert_eq!((inspection.method, inspection.report.verdict), (None, Verdict::AccessRefused));
}

/// An EF.CardAccess from which somebody took PACE away, and only the CAN at hand: the card stays closed, nothing weaker is tried.
#[test]
fn a_forged_card_access_without_pace_does_not_open_with_the_can() {
    let mut image = offering(&[info(Mapping::Generic, Suite::Aes128, 13)]);
    image.files.insert(FileId::CARD_ACCESS, SecurityInfos::new([]).encode().to_vec());
    let inspection = inspect(personalized(&image), &[can(CAN)]);
    assert_eq!((inspection.method, inspection.report.verdict), (None, Verdict::AccessRefused));
    assert_eq!(of(&inspection.report, "access.password").1, "no-way");
}

const CAM: u8 = 13;

/// A document with chip authentication mapping: its static key in the chip and in EF.CardSecurity, which `signer` signed.
pub(crate) fn with_cam(signer: &Authority, in_chip: &PrivateKey, in_file: &PrivateKey) -> CardImage {
    let entries = [info(Mapping::ChipAuthentication, Suite::Aes128, CAM), info(Mapping::Generic, Suite::Aes128, CAM)];
    let (mut image, access) = built(&entries, false);
    let key = SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo {
        agreement: Agreement::Ecdh,
        spki: eid::cert::spki::encode(&PublicKey::Ec(in_file.public())),
        key_id: Some(KeyId::from(u32::from(CAM))),
    });
    let infos = SecurityInfos::new(access.infos().iter().cloned().chain([key]));
    let time = Some(Time::midnight(today()));
    let security = card_security::build(&infos, &signer.signer, &signer.ds, time).expect("an EF.CardSecurity");
    image.files.insert(FileId::CARD_SECURITY, security);
    image.chip_auth = vec![ChipAuthKey { key: in_chip.clone().into(), key_id: Some(CAM.into()) }];
    image
}

pub(crate) fn static_key(seed: u8) -> PrivateKey {
    PrivateKey::generate(Curve::BrainpoolP256r1, &mut applets::rng::SeededRng::new(&[seed]))
}

#[test]
fn chip_authentication_mapping_proves_the_key_of_a_signed_card_security() {
    let key = static_key(1);
    let image = with_cam(&AUTHORITY, &key, &key);
    let inspection = inspect(personalized(&image), &[can(CAN)]);
    let report = &inspection.report;
    assert_eq!(opened(&inspection).0, Mapping::ChipAuthentication);
    assert_eq!(of(report, "cam"), ("passed", ""), "{}", report.to_text(Default::default()));
    assert_eq!(report.finding("cam").and_then(|finding| finding.evidence("key_id")), Some("13"));
    for id in ["card_security.signature", "card_security.chain", "card_access.card_security", "read.card_security"] {
        assert_eq!(of(report, id).0, "passed", "{id}");
    }
    assert_eq!(inspection.files.get(&FileId::CARD_SECURITY), image.files.get(&FileId::CARD_SECURITY));
}

/// Regression: JMRTD computes chip authentication mapping and does nothing with the result.
#[test]
fn a_copy_of_a_card_with_chip_authentication_mapping_is_not_genuine() {
    let image = with_cam(&AUTHORITY, &static_key(2), &static_key(1));
    let report = inspect(personalized(&image), &[can(CAN)]).report;
    assert_eq!((of(&report, "cam"), report.verdict), (("failed", "key-not-proven"), Verdict::NotGenuine));
}

#[test]
fn chip_authentication_mapping_counts_for_nothing_under_another_signature() {
    let key = static_key(1);
    // an EF.CardSecurity of somebody's own, with the key of his own chip
    let image = with_cam(&Authority::new(2), &key, &key);
    let report = inspect(personalized(&image), &[can(CAN)]).report;
    assert_eq!(of(&report, "cam"), ("not-attempted", "key-not-confirmed"));
    assert_ne!(report.verdict, Verdict::Genuine);
    // a bit of the signature changed
    let mut image = with_cam(&AUTHORITY, &key, &key);
    let file = image.files.get_mut(&FileId::CARD_SECURITY).expect("there");
    *file.last_mut().expect("octets") ^= 1;
    let report = inspect(personalized(&image), &[can(CAN)]).report;
    assert_eq!(of(&report, "cam").1, "key-not-confirmed");
    assert_eq!(report.verdict, Verdict::NotGenuine);
    // none at all
    let mut image = with_cam(&AUTHORITY, &key, &key);
    image.files.remove(&FileId::CARD_SECURITY);
    let report = inspect(personalized(&image), &[can(CAN)]).report;
    assert_eq!((of(&report, "cam").1, of(&report, "read.card_security").0), ("no-card-security", "failed"));
    assert_eq!(report.verdict, Verdict::NotGenuine);
}

/// Somebody takes the strong entry out of EF.CardAccess, which is read in the clear.
#[test]
fn an_entry_that_was_taken_away_is_missed_in_the_signed_files() {
    let key = static_key(1);
    let mut image = with_cam(&AUTHORITY, &key, &key);
    let access = SecurityInfos::parse(&image.files[&FileId::CARD_ACCESS]).expect("EF.CardAccess");
    let cam = |info: &&SecurityInfo| matches!(info, SecurityInfo::Pace(pace) if pace.protocol.mapping() == Mapping::ChipAuthentication);
    let weaker = SecurityInfos::new(access.infos().iter().filter(|info| !cam(info)).cloned());
    image.files.insert(FileId::CARD_ACCESS, weaker.encode().to_vec());
    let report = inspect(personalized(&image), &[can(CAN)]).report;
    assert_eq!(of(&report, "card_access.dg14"), ("failed", "not-in-card-access"));
    assert_eq!(report.verdict, Verdict::NotGenuine);
}

#[test]
fn a_suspended_pin_is_resumed_by_the_can_and_only_then_tried() {
    let mut image = offering(&[info(Mapping::Generic, Suite::Aes128, 13)]);
    image.passwords.pin = Some(Secret::from(&b"314159"[..]));
    let mut card = personalized(&image);
    let pin = |digits: &[u8]| Password::Pin(Secret::from(digits));
    for _ in 0..2 {
        let report = inspect(&mut card, &[pin(b"999999")]).report;
        assert_eq!(report.verdict, Verdict::AccessRefused);
        card.power_cycle();
    }
    // one try left: without the CAN the right PIN is refused, and not counted
    for _ in 0..3 {
        let inspection = inspect(&mut card, &[pin(b"314159")]);
        assert_eq!((inspection.report.verdict, inspection.method), (Verdict::AccessRefused, None));
        card.power_cycle();
    }
    let inspection = inspect(&mut card, &[pin(b"314159"), can(CAN)]);
    assert_eq!(of(&inspection.report, "access.resume"), ("passed", ""), "{}", inspection.report.to_text(Default::default()));
    assert!(matches!(inspection.method, Some(Method::Pace { password: "PIN", .. })));
    assert_eq!(inspection.report.verdict, Verdict::Genuine);
}

/// A reader that carries short APDUs only, and says so when it is asked for more.
struct ShortReader<T>(T);

impl<T: Transport> Transport for ShortReader<T> {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.0.atr()
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        if command.len() > 261 || Command::parse(command).is_ok_and(|command| command.le.is_some_and(|le| le > 256)) {
            return Err(TransportError::Protocol { detail: "expected a short APDU".to_owned() });
        }
        self.0.transmit(command)
    }
    fn reset(&mut self) -> Result<(), TransportError> {
        self.0.reset()
    }
    fn limits(&self) -> Limits {
        Limits::SHORT
    }
}

#[test]
fn keys_that_the_reader_cannot_carry_lead_to_the_next_entry() {
    let image = offering(&[info(Mapping::Generic, Suite::Aes256, 2), info(Mapping::Generic, Suite::Aes128, 13)]);
    let inspection = inspect(ShortReader(personalized(&image)), &[can(CAN)]);
    assert_eq!(opened(&inspection), (Mapping::Generic, Suite::Aes128, 13));
    assert_eq!(of(&inspection.report, "access.fallback"), ("undecided", "next-pace-info"));
    assert_eq!(of(&inspection.report, "access.choice"), ("undecided", "weaker-pace-info"));
    // with no other entry the card stays closed, which is no fault of the reader
    let image = offering(&[info(Mapping::Generic, Suite::Aes256, 2)]);
    let inspection = inspect(ShortReader(personalized(&image)), &[can(CAN)]);
    assert_eq!((inspection.method, inspection.report.verdict), (None, Verdict::AccessRefused));
}
