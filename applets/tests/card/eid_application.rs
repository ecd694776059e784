//! The eID application: who reads and writes which data group, what VERIFY tells, and whom the chip gives an identifier.

use applets::Card;
use applets::fault::Faults;
use applets::rng::SeededRng;
use applets::store::fault::Tear;
use eid::apdu::Command;
use eid::cert::chat::{Chat, Role, TerminalType};
use eid::cert::cvc::issue::Template;
use eid::cert::cvc::{CvKey, Cvc, Extension, TerminalSector, TrustPoint, TrustPoints, VerifyingKey};
use eid::crypto::agreement::AgreementPrivateKey;
use eid::crypto::curve;
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::signature::{Algorithm, PrivateKey};
use eid::image::{CardImage, EID_AID, FileId, RestrictedIdKey};
use eid::lds::eid::{EidGroup, PartialDate, Value};
use eid::lds::security_info::SecurityInfos;
use eid::protocol::auxiliary::{AuxiliaryData, Question};
use eid::protocol::chip_auth::{self, Form};
use eid::protocol::restricted_id::{self, Info, Protocol, SectorKey};
use eid::protocol::terminal_auth as ta;
use eid::tlv;

use crate::common::*;
use crate::terminal_auth::{ChipAuth, Guest, Key, by_pace, curve, day, guarded, name};

const HOME: [u8; 7] = [0x02, 0x76, 0x03, 0x78, 0x90, 0x02, 0x76];

fn key(seed: &str) -> Key {
    Key {
        key: PrivateKey::generate_ec(Curve::BrainpoolP256r1, &mut SeededRng::new(seed.as_bytes())),
        algorithm: Algorithm::Ecdsa(Hash::Sha256),
    }
}

fn eid(number: u8) -> FileId {
    FileId::eid(number).expect("1 to 22")
}

/// A CVCA, a document verifier, and a terminal of one type.
struct Authority {
    terminal: TerminalType,
    keys: [Key; 3],
}

impl Authority {
    fn new(terminal: TerminalType) -> Self {
        Self { terminal, keys: ["cvca", "dv", "terminal"].map(|role| key(&format!("{role} {terminal:?}"))) }
    }

    fn issue(&self, by: usize, of: usize, chat: Chat, extensions: Vec<Extension>) -> Cvc {
        let names = ["CVCA", "DV", "T"].map(|role| name(&format!("UT{role}{}00001", self.terminal.abbreviation())));
        let verifying = VerifyingKey { algorithm: self.keys[of].algorithm, key: self.keys[of].key.public() };
        let template = Template {
            authority: names[by].clone(),
            key: CvKey::new(&verifying, of == 0).expect("below id-TA"),
            holder: names[of].clone(),
            chat,
            validity: (day("2026-11-01"), day("2027-03-31")),
            extensions,
        };
        template.issue(&self.keys[by]).expect("a certificate")
    }

    fn trust(&self) -> TrustPoint {
        TrustPoint::of_cvca(&self.issue(0, 0, Chat::full(self.terminal, Role::Cvca), Vec::new())).expect("a CVCA")
    }

    /// A chain of which both certificates have these rights.
    fn chain(&self, bits: &[u8], extensions: Vec<Extension>) -> Vec<Cvc> {
        let chat = |role| Chat::new(self.terminal, role, bits.iter().copied());
        vec![self.issue(0, 1, chat(Role::DvForeign), Vec::new()), self.issue(1, 2, chat(Role::Terminal), extensions)]
    }
}

fn groups() -> Vec<EidGroup> {
    let text = |number, text: &str| EidGroup::new(number, Value::Text(text.to_owned()));
    let date = |number, text: &[u8]| EidGroup::new(number, Value::Date(PartialDate::parse(text).expect("a date")));
    [
        text(1, "ID"),
        date(3, b"20301122"),
        text(4, "ERIKA"),
        date(8, b"20081122"),
        EidGroup::new(18, Value::Octets(HOME.to_vec())),
        text(21, "tel:+49000001"),
    ]
    .into_iter()
    .map(|group| group.expect("fits"))
    .collect()
}

/// A passport of version 2 with an eID application, which trusts a CVCA for authentication terminals and one for inspection systems.
fn image() -> CardImage {
    let points = [TerminalType::Inspection, TerminalType::Authentication].map(|terminal| Authority::new(terminal).trust());
    let mut image = guarded(TrustPoints::new(points.to_vec(), day("2026-11-01")).expect("one of each"), &curve(), 2);
    image.files.extend(groups().into_iter().map(|group| (group.file(), group.encode())));
    image.restricted_id = [(67, true), (68, false)]
        .map(|(key_id, authorized_only)| RestrictedIdKey { key: restricted(key_id), key_id: key_id.into(), authorized_only })
        .to_vec();
    let dg14 = tlv::single(&image.files[&dg(14)], 0x6E).expect("DG14").value.to_vec();
    let infos = SecurityInfos::parse(&dg14).expect("SecurityInfos");
    let own = image
        .restricted_id
        .iter()
        .map(|key| Info { protocol: Protocol::ECDH_SHA256, version: 1, key_id: key.key_id, authorized_only: key.authorized_only }.encode());
    let infos = SecurityInfos::new(infos.infos().iter().cloned().chain(own));
    image.files.insert(dg(14), tlv::encode(0x6E, infos.encode()));
    image
}

fn restricted(id: u8) -> AgreementPrivateKey {
    AgreementPrivateKey::Ec(curve::PrivateKey::generate(Curve::BrainpoolP256r1, &mut SeededRng::new(&[id])))
}

fn sector(seed: &str) -> curve::PrivateKey {
    curve::PrivateKey::generate(Curve::BrainpoolP256r1, &mut SeededRng::new(seed.as_bytes()))
}

/// What a terminal comes with.
struct Comes<'a> {
    authority: Authority,
    /// Bits of its certificates.
    bits: &'a [u8],
    /// Bits that it names in PACE; those of its certificates where none are given.
    named: Option<&'a [u8]>,
    auxiliary: Vec<u8>,
    extensions: Vec<Extension>,
}

fn at(bits: &[u8]) -> Comes<'_> {
    let authority = Authority::new(TerminalType::Authentication);
    Comes { authority, bits, named: None, auxiliary: Vec::new(), extensions: Vec::new() }
}

/// PACE, Terminal and Chip Authentication version 2, SELECT of the application.
fn opened(card: &mut Card, image: &CardImage, comes: &Comes<'_>) -> Guest {
    card.power_cycle();
    let terminal = comes.authority.terminal;
    let chat = Chat::new(terminal, Role::Terminal, comes.named.unwrap_or(comes.bits).iter().copied());
    let mut guest = by_pace(card, Some(chat));
    let ephemeral = AgreementPrivateKey::generate(&curve(), &mut SeededRng::new(b"ephemeral"));
    let chain = comes.authority.chain(comes.bits, comes.extensions.clone());
    let compressed = ephemeral.public().compressed();
    let sw = guest.terminal_auth_with(card, &chain, &comes.authority.keys[2], &compressed, ta::Version::Two, &comes.auxiliary);
    assert_eq!(sw, 0x9000);
    assert_eq!(select(&mut guest, card), 0x9000, "SELECT keeps the session");
    assert_eq!(read(&mut guest, card, 4).0, 0x6982, "not before Chip Authentication");
    let run = ChipAuth {
        version: chip_auth::Version::Two,
        suite: Suite::Aes128,
        form: Form::AuthenticationTemplate,
        part: 1000,
        ephemeral: Some(&ephemeral),
    };
    guest.chip_auth(card, image, &run);
    guest
}

fn select(guest: &mut Guest, card: &mut Card) -> u16 {
    guest.terminal.status(card, &Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(EID_AID))
}

fn read(guest: &mut Guest, card: &mut Card, number: u8) -> (u16, Vec<u8>) {
    let answer = guest.terminal.send(card, &Command::new(0x00, 0xB0, 0x80 | number, 0).with_le(256));
    (answer.sw.0, answer.data)
}

/// The data groups that open, by short identifier; by file identifier it must be the same.
fn open(guest: &mut Guest, card: &mut Card) -> Vec<u8> {
    let opens = |number: &u8| {
        let (sw, _) = read(guest, card, *number);
        let fid = guest.terminal.status(card, &Command::new(0x00, 0xA4, 0x02, 0x0C).with_data(eid(*number).fid.to_be_bytes()));
        assert_eq!(sw, fid, "DG{number}");
        assert!(matches!(sw, 0x9000 | 0x6982 | 0x6A82), "DG{number}: {sw:04X}");
        sw == 0x9000
    };
    (1..=22).filter(opens).collect()
}

#[test]
fn each_data_group_opens_by_its_bit_that_chain_and_pace_leave() {
    let image = image();
    let mut card = personalized(&image);
    let all: Vec<u8> = (8..30).collect();
    for (bits, named, expected) in [
        (&[11][..], None, &[4][..]),
        (&[8, 15, 29], None, &[1, 8]),
        (&all, None, &[1, 3, 4, 8, 18, 21]),
        (&all, Some(&[11, 10][..]), &[3, 4]),
        (&[0, 1, 2, 3, 4, 5, 6, 7, 30, 31], None, &[]),
    ] {
        let mut guest = opened(&mut card, &image, &Comes { named, ..at(bits) });
        assert_eq!(open(&mut guest, &mut card), expected, "{bits:?} {named:?}");
    }
    let mut guest = opened(&mut card, &image, &at(&all));
    assert_eq!(read(&mut guest, &mut card, 4), (0x9000, bytes("64070C054552494B41")));
    assert_eq!(read(&mut guest, &mut card, 5).0, 0x6A82, "who may read it learns that there is none");
}

#[test]
fn an_inspection_system_reads_all_of_it_and_nobody_without_the_whole_procedure() {
    let image = image();
    let mut card = personalized(&image);
    let is = Comes { authority: Authority::new(TerminalType::Inspection), ..at(&[]) };
    let mut guest = opened(&mut card, &image, &is);
    assert_eq!(open(&mut guest, &mut card), [1, 3, 4, 8, 18, 21]);
    card.power_cycle();
    let mut guest = by_pace(&mut card, None);
    assert_eq!(select(&mut guest, &mut card), 0x9000);
    assert_eq!(open(&mut guest, &mut card), [0; 0]);
    card.power_cycle();
    assert_eq!(send(&mut card, &Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(EID_AID)).sw.0, 0x9000);
    assert_eq!((status(&mut card, "00B0840001"), status(&mut card, "00A4020C020104")), (0x6982, 0x6982));
    let mut without = image;
    without.files.retain(|file, _| file.eid_number().is_none());
    let mut card = personalized(&without);
    assert_eq!(send(&mut card, &Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(EID_AID)).sw.0, 0x6A82, "a card without it");
}

fn update(guest: &mut Guest, card: &mut Card, number: u8, offset: u8, data: &[u8]) -> u16 {
    guest.terminal.status(card, &Command::new(0x00, 0xD6, 0x80 | number, offset).with_data(data))
}

#[test]
fn a_data_group_is_written_by_its_bit_and_keeps_what_was_written() {
    let image = image();
    let mut card = personalized(&image);
    let digest = card.file(eid(21)).expect("whole").map(<[u8]>::to_vec);
    let mut guest = opened(&mut card, &image, &at(&[28, 33, 29]));
    let number = EidGroup::new(21, Value::Text("tel:+4915123456".to_owned())).expect("fits").encode();
    assert_eq!(update(&mut guest, &mut card, 21, 0, &number), 0x9000);
    assert_eq!(read(&mut guest, &mut card, 21), (0x9000, number.clone()));
    for (which, sw) in [(18, 0x6982), (4, 0x6982), (22, 0x6982)] {
        assert_eq!(update(&mut guest, &mut card, which, 0, &[0x72, 0x00]), sw, "DG{which}");
    }
    assert_eq!(update(&mut guest, &mut card, 21, 200, &[0]), 0x6B00);
    assert_eq!(update(&mut guest, &mut card, 21, 0, &[0x75; 220]), 0x9000);
    assert_eq!(update(&mut guest, &mut card, 21, 220, &[0x75; 250]), 0x9000);
    assert_eq!(guest.terminal.status(&mut card, &Command::new(0x00, 0xD6, 0x01, 0xD6).with_data([0x75; 100])), 0x6A84, "more than a slot");
    for text in ["tel:+1", "tel:+22", "tel:+333"] {
        let number = EidGroup::new(21, Value::Text(text.to_owned())).expect("fits").encode();
        assert_eq!(update(&mut guest, &mut card, 21, 0, &number), 0x9000);
        card.power_cycle();
        guest = opened(&mut card, &image, &at(&[28, 33]));
        assert!(read(&mut guest, &mut card, 21).1.starts_with(&number));
    }
    assert_eq!(card.file(eid(21)).expect("whole").map(<[u8]>::to_vec), digest, "what the digest is over stays");
    let mut guest = opened(&mut card, &image, &at(&[37]));
    assert_eq!(update(&mut guest, &mut card, 17, 0, &[0x71, 0x00]), 0x6A82, "with the right to it, and there is none");
}

#[test]
fn a_torn_update_leaves_the_old_content_or_the_new() {
    let image = image();
    let mut card = personalized(&image);
    let mut old = image.files[&eid(21)].clone();
    let (mut kept, mut changed) = (0, 0);
    for round in 0..9_u64 {
        let mut guest = opened(&mut card, &image, &at(&[28, 33]));
        let new = EidGroup::new(21, Value::Text(format!("tel:+4900000{round}"))).expect("fits").encode();
        card.tear(Some((round, if round % 2 == 0 { Tear::NewOld } else { Tear::Garbage })));
        let command = Command::new(0x00, 0xD6, 0x80 | 21, 0).with_data(new.clone());
        let protected = guest.terminal.0.protect_command(&command).expect("protects");
        let answered = card.exchange(&protected.encode().expect("command")).is_ok();
        card.tear(None);
        card.power_cycle();
        let mut guest = opened(&mut card, &image, &at(&[28, 33]));
        let (sw, now) = read(&mut guest, &mut card, 21);
        assert_eq!(sw, 0x9000);
        assert!(now == new || (now == old && !answered), "round {round}");
        (kept, changed) = if now == new { (kept, changed + 1) } else { (kept + 1, changed) };
        old = now;
    }
    assert!(kept > 0 && changed > 0, "{kept} {changed}");
}

fn verify(guest: &mut Guest, card: &mut Card, question: Question) -> u16 {
    guest.terminal.status(card, &question.command())
}

#[test]
fn verify_answers_what_was_committed_to_whoever_has_the_right() {
    let image = image();
    let mut card = personalized(&image);
    let none = AuxiliaryData::default;
    let age = |text: &str| none().with_date(Question::Age, day(text));
    let lives = |id: &[u8]| none().with(Question::Municipality, id);
    let cases = [
        (&[0][..], age("2008-11-22"), Question::Age, 0x9000),
        (&[0], age("2008-11-21"), Question::Age, 0x6300),
        (&[1, 2, 15], age("2008-11-22"), Question::Age, 0x6982),
        (&[0], none(), Question::Age, 0x6A88),
        (&[0], lives(&HOME), Question::Age, 0x6A88),
        (&[0], age("2000-01-01").with_date(Question::Age, day("2010-01-01")), Question::Age, 0x9000),
        (&[0], age("2010-01-01").with_date(Question::Age, day("2000-01-01")), Question::Age, 0x6300),
        (&[0], none().with(Question::Age, b"2010"), Question::Age, 0x6A80),
        (&[], none().with_date(Question::Validity, day("2030-11-22")), Question::Validity, 0x9000),
        (&[], none().with_date(Question::Validity, day("2030-11-23")), Question::Validity, 0x6300),
        (&[], none(), Question::Validity, 0x6A88),
        (&[1], lives(&HOME[..3]), Question::Municipality, 0x9000),
        (&[1], lives(&[0x02, 0x77]), Question::Municipality, 0x6300),
        (&[0], lives(&HOME), Question::Municipality, 0x6982),
    ];
    for (bits, auxiliary, question, sw) in cases {
        let comes = Comes { auxiliary: auxiliary.encode(), ..at(bits) };
        let mut guest = opened(&mut card, &image, &comes);
        assert_eq!(verify(&mut guest, &mut card, question), sw, "{bits:?} {question:?} {auxiliary:?}");
        assert_eq!(verify(&mut guest, &mut card, question), sw, "and again");
    }
    let mut guest = opened(&mut card, &image, &at(&[0]));
    let other = Command::new(0x80, 0x20, 0x80, 0x00).with_data(tlv::encode(0x06u32, &[4, 0, 127, 0, 7, 3, 1, 4, 9]));
    assert_eq!(guest.terminal.status(&mut card, &other), 0x6A88);
    let is = Comes { authority: Authority::new(TerminalType::Inspection), auxiliary: age("2010-01-01").encode(), ..at(&[0, 1]) };
    let mut guest = opened(&mut card, &image, &is);
    assert_eq!(verify(&mut guest, &mut card, Question::Age), 0x6982, "an inspection system reads and does not ask");
    card.power_cycle();
    let mut guest = by_pace(&mut card, None);
    assert_eq!(verify(&mut guest, &mut card, Question::Validity), 0x6982);
    card.power_cycle();
    assert_eq!(send(&mut card, &Question::Validity.command()).sw.0, 0x6982);
}

#[test]
fn a_sector_gets_the_same_identifier_each_time_and_only_with_its_key_in_the_certificate() {
    let image = image();
    let mut card = personalized(&image);
    let (shop, bank) = (SectorKey::new(&sector("shop").public()), SectorKey::new(&sector("bank").public()));
    let extension = TerminalSector::extension(Hash::Sha256, &shop.object(), Some(&bank.object()));
    let with = |bits| Comes { extensions: vec![extension.clone()], ..at(bits) };
    let ask = |card: &mut Card, comes: &Comes<'_>, id: Option<u32>, second: bool, key: &SectorKey| {
        let mut guest = opened(card, &image, comes);
        let sw = guest.terminal.status(card, &restricted_id::set_at(Protocol::ECDH_SHA256, id));
        if sw != 0x9000 {
            return Err(sw);
        }
        let answer = guest.terminal.send(card, &restricted_id::ask(second, key));
        if answer.sw.is_ok() {
            Ok(restricted_id::answered(Protocol::ECDH_SHA256, second, &answer.data).expect("one"))
        } else {
            Err(answer.sw.0)
        }
    };
    // the sector computes it too, with the chip's public key
    let AgreementPrivateKey::Ec(own) = restricted(67) else { panic!("an EC key") };
    let expected = Hash::Sha256.digest(&[eid::crypto::agreement::ecdh(&sector("shop"), &own.public()).expect("one curve").expose()]);
    assert_eq!(ask(&mut card, &with(&[2]), Some(67), false, &shop), Ok(expected.clone()));
    assert_eq!(ask(&mut card, &with(&[2]), Some(67), false, &shop), Ok(expected.clone()), "in another session");
    let other = ask(&mut card, &with(&[2]), Some(67), true, &bank).expect("the second sector");
    let free = ask(&mut card, &with(&[]), Some(68), false, &shop).expect("a key for everybody");
    assert!(other != expected && free != expected && free != other);
    assert_eq!(ask(&mut card, &with(&[0]), Some(67), false, &shop), Err(0x6982), "without the right");
    assert_eq!(ask(&mut card, &with(&[2]), Some(67), false, &bank), Err(0x6A80), "the second key in the place of the first");
    assert_eq!(ask(&mut card, &at(&[2]), Some(67), false, &shop), Err(0x6A80), "no sector in the certificate");
    assert_eq!(ask(&mut card, &with(&[2]), None, false, &shop), Err(0x6A88), "which key");
    assert_eq!(ask(&mut card, &with(&[2]), Some(1), false, &shop), Err(0x6A88), "no such key");
    let mut guest = opened(&mut card, &image, &with(&[2]));
    let sha512 = Protocol { hash: Hash::Sha512, ..Protocol::ECDH_SHA256 };
    assert_eq!(guest.terminal.status(&mut card, &restricted_id::set_at(sha512, Some(67))), 0x6A80, "not announced");
    // both steps after one MSE:Set AT
    assert_eq!(guest.terminal.status(&mut card, &restricted_id::set_at(Protocol::ECDH_SHA256, Some(67))), 0x9000);
    let first = guest.terminal.send(&mut card, &restricted_id::ask(false, &shop));
    let second = guest.terminal.send(&mut card, &restricted_id::ask(true, &bank));
    assert_eq!(restricted_id::answered(Protocol::ECDH_SHA256, false, &first.data), Ok(expected));
    assert_eq!(restricted_id::answered(Protocol::ECDH_SHA256, true, &second.data), Ok(other));
}

#[test]
fn extensions_that_are_not_known_are_no_reason_to_refuse() {
    let image = image();
    let mut card = personalized(&image);
    let extension = |oid: &str, content: &str| Extension { oid: oid.to_owned(), content: bytes(content) };
    for extensions in [
        vec![extension("1.2.250.1.223.1001.1.9", "5302FFFF"), extension("0.4.0.127.0.7.3.1.2.2.1", "5306000000000001")],
        vec![extension("0.4.0.127.0.7.3.1.3.2", "")],
        vec![extension("0.4.0.127.0.7.3.1.3.2", "820101")],
    ] {
        let mut guest = opened(&mut card, &image, &Comes { extensions, ..at(&[11]) });
        assert_eq!(open(&mut guest, &mut card), [4]);
    }
}

#[test]
fn a_wrong_card_leaves_out_the_check_that_it_is_told_to() {
    let image = image();
    let mut card = personalized(&image);
    let shop = SectorKey::new(&sector("shop").public());
    let mut wrongly = |value: &str, comes: &Comes<'_>, command: &Command| {
        card.set_faults(&Faults::injected(value).expect("an injection"));
        let mut guest = opened(&mut card, &image, comes);
        guest.terminal.status(&mut card, &restricted_id::set_at(Protocol::ECDH_SHA256, Some(67)));
        let sw = guest.terminal.status(&mut card, command);
        assert!(card.faults_shown().iter().any(|(_, times)| *times > 0), "{value}");
        sw
    };
    let read = Command::new(0x00, 0xB0, 0x84, 0).with_le(8);
    assert_eq!(wrongly("crypto.eid.read=unchecked", &at(&[8]), &read), 0x9000);
    assert_eq!(wrongly("apdu.read(eID.DG4)=6A82@2", &at(&[11]), &read), 0x6A82);
    let write = Command::new(0x00, 0xD6, 0x80 | 21, 0).with_data([0x75]);
    assert_eq!(wrongly("crypto.eid.write=unchecked", &at(&[32]), &write), 0x9000);
    assert_eq!(wrongly("apdu.update=6581", &at(&[33]), &write), 0x6581);
    let aged = Comes { auxiliary: AuxiliaryData::default().with_date(Question::Age, day("2010-01-01")).encode(), ..at(&[1]) };
    assert_eq!(wrongly("crypto.aux.rights=unchecked", &aged, &Question::Age.command()), 0x9000);
    assert_eq!(wrongly("apdu.aux_verify=6A88", &at(&[0]), &Question::Age.command()), 0x6A88);
    let twice = AuxiliaryData::default().with_date(Question::Age, day("2010-01-01")).with_date(Question::Age, day("2000-01-01"));
    assert_eq!(wrongly("crypto.aux.template=first", &Comes { auxiliary: twice.encode(), ..at(&[0]) }, &Question::Age.command()), 0x9000);
    let ask = restricted_id::ask(false, &shop);
    assert_eq!(wrongly("crypto.ri.sector=unchecked", &at(&[2]), &ask), 0x9000);
    assert_eq!(wrongly("crypto.ri.rights=unchecked;crypto.ri.sector=unchecked", &at(&[]), &ask), 0x9000);
    assert_eq!(wrongly("apdu.ri_ga=6300", &at(&[2]), &ask), 0x6300);
}

#[test]
fn a_wrong_card_refuses_extensions_that_it_does_not_know() {
    let image = image();
    let mut card = personalized(&image);
    card.set_faults(&Faults::injected("crypto.ta.extension=refused").expect("an injection"));
    let authority = Authority::new(TerminalType::Authentication);
    let mut guest = by_pace(&mut card, None);
    let unknown = Extension { oid: "2.999.1".to_owned(), content: bytes("530101") };
    let chain = authority.chain(&[8], vec![unknown]);
    let sw = guest.terminal_auth_with(&mut card, &chain, &authority.keys[2], &[7; 32], ta::Version::Two, &[]);
    assert_eq!(sw, 0x6A80);
    assert_eq!(card.faults_shown()[0].1, 1);
}
