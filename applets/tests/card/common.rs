//! What the tests of the card share: images, the DGI stream of a personalization, and hosts that speak to the card.

use std::collections::BTreeMap;

use applets::rng::SeededRng;
use applets::store::fault::FaultyNvm;
use applets::store::nvm::{Nvm, NvmError, PAGE, RamNvm};
use applets::{Card, CardConfig, CardRng};
use eid::apdu::{Command, Response};
use eid::crypto::agreement::AgreementPrivateKey;
use eid::crypto::curve::{Curve, PrivateKey};
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::image::{ActiveAuthKey, CardImage, ChipAuthKey, EMRTD_AID, FileId, Passwords};
use eid::lds::security_info::{
    Agreement, ChipAuthInfo, ChipAuthProtocol, ChipAuthPublicKeyInfo, KeyId, PaceInfo, PaceProtocol, SecurityInfo, SecurityInfos,
};
use eid::protocol::bac;
use eid::scp03::host::{HostSession, InitializeUpdateAnswer, Opening};
use eid::scp03::{Mode, Options, SecurityLevel, StaticKeys};
use eid::secret::Secret;
use eid::tlv;
use eid::transport::TransportError;
use std::sync::{Arc, Mutex};

pub(crate) const KVN: u8 = 0x30;
pub(crate) const NONCE: [u8; 16] = *b"the job's nonce!";
pub(crate) const CAN: &[u8] = b"123456";
pub(crate) const MRZ_INFORMATION: &str = "D23145890734934071279507122";
/// Most plain bytes of one STORE DATA: with C-DEC and an 8-byte MAC the APDU has 253 bytes.
pub(crate) const CHUNK: usize = 239;

pub(crate) fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

pub(crate) fn rng(seed: &str) -> CardRng {
    Box::new(SeededRng::new(seed.as_bytes()))
}

pub(crate) fn test_keys(len: usize) -> StaticKeys {
    let key = |n: u8| Secret::new((0..len).map(|i| n ^ u8::try_from(i).expect("short")).collect());
    StaticKeys::new(key(0x10), key(0x40), key(0x80)).expect("AES lengths")
}

pub(crate) fn config() -> CardConfig {
    CardConfig::new([0, 0, 0, 0x45, 0x49, 0x44, 0, 0, 0, 0x2A], KVN, test_keys(32))
}

pub(crate) fn dg(number: u8) -> FileId {
    FileId::dg(number).expect("data group")
}

fn filler(tag: u32, len: usize, seed: &str) -> Vec<u8> {
    let mut content = vec![0; len];
    rand_core::Rng::fill_bytes(&mut SeededRng::new(seed.as_bytes()), &mut content);
    tlv::encode(tag, &content)
}

pub(crate) fn card_access(curve: Curve) -> SecurityInfos {
    SecurityInfos::new([Suite::Aes128, Suite::Aes256, Suite::TripleDes].map(|suite| {
        SecurityInfo::Pace(PaceInfo { protocol: PaceProtocol::ecdh_gm(suite), version: 2, parameter_id: Some(curve.parameter_id()) })
    }))
}

/// Two keys of Chip Authentication, ids 1 and 2.
pub(crate) fn chip_auth_keys() -> Vec<ChipAuthKey> {
    [(Curve::BrainpoolP256r1, 1), (Curve::P384, 2)]
        .map(|(curve, id)| ChipAuthKey {
            key: PrivateKey::generate(curve, &mut SeededRng::new(curve.name().as_bytes())).into(),
            key_id: Some(id),
        })
        .to_vec()
}

/// An image with twelve data groupings (nonce and commit not counted): small, but with every kind that the card handles in its own way.
pub(crate) fn image() -> CardImage {
    let chip_auth = chip_auth_keys();
    let infos = chip_auth.iter().flat_map(|key| {
        [
            SecurityInfo::ChipAuth(ChipAuthInfo {
                protocol: ChipAuthProtocol { agreement: Agreement::Ecdh, suite: Suite::Aes128 },
                version: 1,
                key_id: key.key_id.map(KeyId::from),
            }),
            SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo {
                agreement: Agreement::Ecdh,
                spki: eid::cert::spki::agreement::encode(&key.key.public()),
                key_id: key.key_id.map(KeyId::from),
            }),
        ]
    });
    let dg14 = SecurityInfos::new(infos.chain([SecurityInfo::ActiveAuth { hash: Hash::Sha256 }]));
    let mut files = BTreeMap::new();
    files.insert(FileId::CARD_ACCESS, card_access(Curve::BrainpoolP256r1).encode().to_vec());
    files.insert(FileId::COM, filler(0x60, 28, "com"));
    files.insert(FileId::SOD, filler(0x77, 700, "sod"));
    files.insert(dg(1), filler(0x61, 93, "dg1"));
    files.insert(dg(2), filler(0x75, 9000, "dg2"));
    files.insert(dg(3), filler(0x63, 300, "dg3"));
    files.insert(dg(13), filler(0x6D, 256, "dg13"));
    files.insert(dg(14), tlv::encode(0x6E, dg14.encode()));
    files.insert(FileId::DIR, filler(0x61, 9, "dir"));
    CardImage {
        files,
        passwords: Passwords {
            mrz_seed: Some(bac::mrz_seed(MRZ_INFORMATION)),
            can: Some(Secret::from(CAN)),
            pin: Some(Secret::from(&b"314159"[..])),
            puk: Some(Secret::from(&b"2718281828"[..])),
            pin_rules: None,
        },
        active_auth: Some(ActiveAuthKey::Ec(PrivateKey::generate(Curve::P256, &mut SeededRng::new(b"aa")))),
        chip_auth,
        restricted_id: Vec::new(),
        terminal_auth: None,
    }
}

/// Three groupings: for every pair of power cuts.
pub(crate) fn small_image() -> CardImage {
    let mut files = BTreeMap::new();
    files.insert(FileId::COM, filler(0x60, 20, "com"));
    files.insert(dg(1), filler(0x61, 130, "dg1"));
    CardImage {
        files,
        passwords: Passwords { can: Some(Secret::from(CAN)), ..Passwords::default() },
        active_auth: None,
        chip_auth: Vec::new(),
        restricted_id: Vec::new(),
        terminal_auth: None,
    }
}

/// One grouping with its header.
pub(crate) fn dgi(id: u16, value: &[u8]) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    match u8::try_from(value.len()) {
        Ok(len) if len < 0xFF => out.push(len),
        _ => {
            out.push(0xFF);
            out.extend(u16::try_from(value.len()).expect("length").to_be_bytes());
        }
    }
    out.extend_from_slice(value);
    out
}

/// The secrets of an image in clear: TLV, check value, zeros to whole blocks.
pub(crate) fn secrets(image: &CardImage) -> Vec<(u16, Vec<u8>)> {
    let agreement = |key: &AgreementPrivateKey| {
        let id = key.domain().parameter_id().expect("a standardized domain");
        [tlv::encode(0x80, &[id]), tlv::encode(0x81, key.number().expose())].concat()
    };
    let mut out = Vec::new();
    let passwords =
        [(0x90, &image.passwords.mrz_seed), (0x91, &image.passwords.can), (0x92, &image.passwords.pin), (0x93, &image.passwords.puk)];
    let mut passwords: Vec<u8> =
        passwords.iter().filter_map(|(tag, secret)| Some(tlv::encode(*tag, secret.as_ref()?.expose()))).flatten().collect();
    passwords.extend(image.passwords.pin_rules.iter().flat_map(|rules| tlv::encode(0x94, &rules.encode())));
    if !passwords.is_empty() {
        out.push((0x8002, eid::dgi::seal(&tlv::encode(0x7F50, &passwords))));
    }
    match &image.active_auth {
        Some(ActiveAuthKey::Ec(key)) => out.push((0x8003, eid::dgi::seal(&tlv::encode(0x7F49, &agreement(&key.clone().into()))))),
        Some(ActiveAuthKey::Rsa { modulus, private_exponent }) => {
            let body = [tlv::encode(0x85, modulus), tlv::encode(0x86, private_exponent.expose())].concat();
            out.push((0x8003, eid::dgi::seal(&tlv::encode(0x7F49, &body))));
        }
        None => {}
    }
    let keys: Vec<u8> = image
        .chip_auth
        .iter()
        .flat_map(|key| {
            let id = key.key_id.map(|id| tlv::encode(0x82, &[u8::try_from(id).expect("small")])).unwrap_or_default();
            tlv::encode(0x7F49, &[agreement(&key.key), id].concat())
        })
        .collect();
    if !keys.is_empty() {
        out.push((0x8004, eid::dgi::seal(&keys)));
    }
    let restricted = image.restricted_id.iter().flat_map(|key| {
        let id = tlv::encode(0x82, &[u8::try_from(key.key_id).expect("small")]);
        tlv::encode(0x7F49, &[agreement(&key.key), id, tlv::encode(0x83, &[u8::from(key.authorized_only)])].concat())
    });
    let restricted: Vec<u8> = restricted.collect();
    if !restricted.is_empty() {
        out.push((0x8005, eid::dgi::seal(&restricted)));
    }
    out
}

/// Enciphered under the Key-DEK.
pub(crate) fn under_dek(keys: &StaticKeys, plain: &[u8]) -> Vec<u8> {
    let mut out = plain.to_vec();
    keys.data_encryption_key().encrypt_cbc(&[0; 16], &mut out).expect("whole blocks");
    out
}

/// Number of groupings that the commit states: DGI 0001 counts.
pub(crate) fn count(image: &CardImage) -> u8 {
    u8::try_from(image.files.len() + image.terminal_auth.iter().len() + secrets(image).len() + 1).expect("few")
}

pub(crate) fn commit_value(image: &CardImage) -> Vec<u8> {
    [&NONCE[..], &image.digest(), &[count(image)]].concat()
}

/// STORE DATA of one run, from block number `first`.
pub(crate) fn run(p1: u8, stream: &[u8], first: &mut u8) -> Vec<Command> {
    stream
        .chunks(CHUNK)
        .map(|chunk| {
            let command = Command::new(0x80, 0xE2, p1, *first).with_data(chunk);
            *first = first.wrapping_add(1);
            command
        })
        .collect()
}

/// Every STORE DATA of a personalization that leaves out the groupings in `done`.
pub(crate) fn script(image: &CardImage, keys: &StaticKeys, done: &[u16]) -> Vec<Command> {
    let mut clear = dgi(0x0001, &NONCE);
    for (file, content) in image.files.iter().filter(|(file, _)| !done.contains(&file.dgi())) {
        clear.extend(dgi(file.dgi(), content));
    }
    if let Some(trust) = image.terminal_auth.as_ref().filter(|_| !done.contains(&0x0065)) {
        clear.extend(dgi(0x0065, &trust.encode()));
    }
    let sensitive =
        secrets(image).into_iter().filter(|(id, _)| !done.contains(id)).flat_map(|(id, plain)| dgi(id, &under_dek(keys, &plain)));
    let mut block = 0;
    let mut commands = run(0x08, &clear, &mut block);
    commands.extend(run(0x68, &sensitive.collect::<Vec<_>>(), &mut block));
    commands.extend(run(0x88, &dgi(0x00C0, &commit_value(image)), &mut block));
    commands
}

/// One plain command.
pub(crate) fn send(card: &mut Card, command: &Command) -> Response {
    Response::parse(&card.exchange(&command.encode().expect("command")).expect("card answers")).expect("response")
}

/// The status word of one plain command.
pub(crate) fn status(card: &mut Card, text: &str) -> u16 {
    Response::parse(&card.exchange(&bytes(text)).expect("card answers")).expect("response").sw.0
}

pub(crate) fn select_application(card: &mut Card) -> Response {
    send(card, &Command::new(0x00, 0xA4, 0x04, 0x00).with_data(EMRTD_AID).with_le(256))
}

/// The memory of a card for damage from outside.
pub(crate) fn cells(card: Card) -> Vec<u8> {
    card.into_nvm().cells().to_vec()
}

pub(crate) fn other_keys(len: usize) -> StaticKeys {
    let key = |n: u8| Secret::new((0..len).map(|i| n.wrapping_mul(u8::try_from(i + 3).expect("short"))).collect());
    StaticKeys::new(key(0x11), key(0x35), key(0x77)).expect("AES lengths")
}

pub(crate) fn activation(image: &CardImage) -> Command {
    Command::new(0x80, 0xE2, 0x88, 0).with_data(dgi(0x00FD, &image.digest()))
}

pub(crate) fn termination() -> Command {
    Command::new(0x80, 0xE2, 0x88, 0).with_data(dgi(0x00FE, &NONCE))
}

pub(crate) fn install() -> Command {
    let data = [&[0, 0, 7][..], &EMRTD_AID, &[0, 0, 0]].concat();
    Command::new(0x80, 0xE6, 0x20, 0).with_data(data).with_le(256)
}

/// The status object DF20 as a host reads it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) state: u8,
    pub(crate) nonce: Option<[u8; 16]>,
    pub(crate) done: Vec<u16>,
    pub(crate) digest: Option<Vec<u8>>,
    pub(crate) free: u16,
    pub(crate) last_error: u8,
    pub(crate) kvn: u8,
}

/// DF20, alone or inside the answer to SELECT.
pub(crate) fn status_object(answer: &[u8]) -> Status {
    let mut reader = tlv::Reader::new(answer);
    let mut object = reader.next().expect("TLV").expect("an object");
    if object.tag == tlv::Tag(0x6F) {
        let mut inner = object.reader();
        inner.expect(0x84).expect("AID");
        object = inner.expect(0xDF20).expect("status object");
    }
    assert_eq!(object.tag, tlv::Tag(0xDF20));
    let mut status = Status::default();
    let mut members = object.reader();
    while let Some(member) = members.next().expect("TLV") {
        match (member.tag.0, member.value) {
            (0x80, &[state]) => status.state = state,
            (0x81, nonce) => status.nonce = Some(nonce.try_into().expect("16 bytes")),
            (0x82, done) => status.done = done.chunks(2).map(|id| u16::from_be_bytes(id.try_into().expect("pairs"))).collect(),
            (0x83, digest) => status.digest = Some(digest.to_vec()),
            (0x84, free) => status.free = u16::from_be_bytes(free.try_into().expect("two bytes")),
            (0x85, &[error]) => status.last_error = error,
            (0x86, &[kvn]) => status.kvn = kvn,
            other => panic!("unknown member {other:02X?}"),
        }
    }
    status
}

/// A host in an SCP03 session.
pub(crate) struct Host(pub(crate) HostSession);

fn parse(answer: &[u8]) -> Response {
    Response::parse(answer).expect("response")
}

impl Host {
    /// Selects the issuer domain and opens a session.
    pub(crate) fn try_open(card: &mut Card, keys: &StaticKeys, kvn: u8, level: u8) -> Result<Self, TransportError> {
        card.exchange(&bytes("00A4040008A00000015100000000"))?;
        Self::here(card, keys, kvn, level, Mode::S8).map(|host| host.expect("keys fit"))
    }

    /// Opens a session with whatever is selected; `Err` with the status word if the card or the host refuses.
    pub(crate) fn here(card: &mut Card, keys: &StaticKeys, kvn: u8, level: u8, mode: Mode) -> Result<Result<Self, u16>, TransportError> {
        let (command, opening) = Opening::start(kvn, mode, &mut *rng("host"));
        let answer = parse(&card.exchange(&command.encode().expect("command"))?);
        if !answer.sw.is_ok() {
            return Ok(Err(answer.sw.0));
        }
        let answer = InitializeUpdateAnswer::parse(&answer.data).expect("answer");
        let level = SecurityLevel::from_byte(level).expect("level");
        let Ok((command, session)) = opening.authenticate(&answer, keys, level, Options::default(), None) else { return Ok(Err(0)) };
        let answer = parse(&card.exchange(&command.encode().expect("command"))?);
        Ok(if answer.sw.is_ok() { Ok(Self(session)) } else { Err(answer.sw.0) })
    }

    pub(crate) fn open(card: &mut Card, level: u8) -> Self {
        Self::try_open(card, &test_keys(32), KVN, level).expect("power stays")
    }

    /// Whether a session opens with these keys.
    pub(crate) fn probe(card: &mut Card, keys: &StaticKeys, kvn: u8, level: u8) -> bool {
        card.power_cycle();
        Self::here(card, keys, kvn, level, Mode::S8).expect("power stays").is_ok()
    }

    pub(crate) fn try_send(&mut self, card: &mut Card, command: &Command) -> Result<Response, TransportError> {
        let wrapped = self.0.wrap(command).expect("wraps");
        let answer = parse(&card.exchange(&wrapped.encode().expect("command"))?);
        Ok(self.0.unwrap(&answer).expect("the answer is protected"))
    }

    pub(crate) fn send(&mut self, card: &mut Card, command: &Command) -> Response {
        self.try_send(card, command).expect("power stays")
    }

    pub(crate) fn try_install(&mut self, card: &mut Card) -> Result<(), TransportError> {
        let answer = self.try_send(card, &install())?;
        assert_eq!((answer.sw.0, &answer.data[..]), (0x9000, &[0][..]));
        Ok(())
    }

    pub(crate) fn install(&mut self, card: &mut Card) {
        self.try_install(card).expect("power stays");
    }

    pub(crate) fn status(&mut self, card: &mut Card) -> Result<Status, TransportError> {
        let answer = self.try_send(card, &Command::new(0x80, 0xCA, 0xDF, 0x20).with_le(256))?;
        assert!(answer.sw.is_ok(), "{answer:?}");
        Ok(status_object(&answer.data))
    }
}

/// A blank card of the eID product.
pub(crate) fn blank() -> Card {
    Card::blank(&config(), RamNvm::new(CardConfig::MEMORY), rng("blank")).expect("blank card")
}

/// A card that holds `image` and is operational.
pub(crate) fn personalized(image: &CardImage) -> Card {
    let mut card = blank();
    let mut host = Host::open(&mut card, 0x03);
    host.install(&mut card);
    for command in script(image, &test_keys(32), &[]) {
        let answer = host.send(&mut card, &command);
        assert!(answer.sw.is_ok(), "{command:?}: {answer:?}");
    }
    host.install(&mut card);
    assert!(host.send(&mut card, &activation(image)).sw.is_ok());
    card.power_cycle();
    card
}

/// Memory that a test can look at while and after a card uses it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<(Vec<u8>, u64)>>);

impl Shared {
    /// Hands `inner` over to a card, and keeps what it writes.
    pub(crate) fn new(inner: FaultyNvm<RamNvm>) -> (Self, impl Nvm) {
        let record = Self(Arc::new(Mutex::new((inner.cells().to_vec(), 0))));
        (record.clone(), Recorded { inner, record })
    }

    pub(crate) fn cells(&self) -> Vec<u8> {
        self.0.lock().expect("one thread").0.clone()
    }

    pub(crate) fn operations(&self) -> u64 {
        self.0.lock().expect("one thread").1
    }
}

struct Recorded {
    inner: FaultyNvm<RamNvm>,
    record: Shared,
}

impl Nvm for Recorded {
    fn cells(&self) -> &[u8] {
        self.inner.cells()
    }

    fn program(&mut self, page: usize, content: &[u8; PAGE]) -> Result<(), NvmError> {
        let result = self.inner.program(page, content);
        let mut record = self.record.0.lock().expect("one thread");
        record.1 = self.inner.operations();
        if let (Some(cells), Some(now)) = (record.0.get_mut(page * PAGE..(page + 1) * PAGE), self.inner.page(page)) {
            cells.copy_from_slice(now);
        }
        result
    }
}
