//! Extended access control: which terminal opens DG3 and DG4, what it takes, and what a power cut or a changed bit does to it.

use applets::Card;
use applets::store::fault::{FaultyNvm, Tear};
use applets::store::nvm::RamNvm;
use eid::apdu::{Command, Response};
use eid::cert::chat::{Chat, Role, TerminalType};
use eid::cert::cvc::issue::Template;
use eid::cert::cvc::{CvKey, Cvc, Holder, KeyReference, TrustPoint, TrustPoints, VerifyingKey};
use eid::crypto::agreement::{AgreementPrivateKey, Domain};
use eid::crypto::curve::Curve;
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::signature::{Algorithm, PrivateKey, PublicKey, Signature, sign};
use eid::date::Date;
use eid::image::{CardImage, ChipAuthKey, FileId};
use eid::lds::Elementary as _;
use eid::lds::cvca::Cvca;
use eid::lds::dg1::Dg1;
use eid::lds::security_info::{Agreement, ChipAuthInfo, ChipAuthProtocol, ChipAuthPublicKeyInfo, SecurityInfo, SecurityInfos};
use eid::mrz::Mrz;
use eid::protocol::chip_auth::{self, Form};
use eid::protocol::pace::{self, Password};
use eid::protocol::{bac, terminal_auth as ta};
use eid::secret::Secret;
use eid::signer::{Signer, SignerError};
use eid::tlv;

use applets::rng::SeededRng;

use crate::common::*;
use crate::terminal::{Terminal, bac_run, gm};

mod pin;

const MRZ: &str = "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<";
const CVCA: &str = "UTCVCA00001";
const DV: &str = "UTDV00001";
const IS: &str = "UTIS00001";

pub(crate) struct Key {
    pub(crate) key: PrivateKey,
    pub(crate) algorithm: Algorithm,
}

impl Signer for Key {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        Ok(sign(self.algorithm, &self.key, message, &mut SeededRng::new(b"sign")).expect("the key fits"))
    }
}

pub(crate) fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

pub(crate) fn name(text: &str) -> KeyReference {
    KeyReference::from_octets(text.as_bytes()).expect("a reference")
}

/// A CVCA, a domestic DV, an inspection system, and their certificates.
struct Authority {
    cvca: Key,
    dv: Key,
    is: Key,
    root: Cvc,
}

impl Authority {
    fn new(seed: &str) -> Self {
        Self::with(|n| Key {
            key: PrivateKey::generate_ec(Curve::BrainpoolP256r1, &mut SeededRng::new(format!("{seed}{n}").as_bytes())),
            algorithm: Algorithm::Ecdsa(Hash::Sha256),
        })
    }

    fn rsa() -> Self {
        Self::with(|n| Key {
            key: PrivateKey::generate_rsa(2048, &mut SeededRng::new(&[n])).expect("an RSA key"),
            algorithm: Algorithm::RsaPss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 },
        })
    }

    fn with(key: impl Fn(u8) -> Key) -> Self {
        let [cvca, dv, is] = [1, 2, 3].map(key);
        let root = template(CVCA, CVCA, &cvca, Role::Cvca).issue(&cvca).expect("a certificate");
        Self { cvca, dv, is, root }
    }

    fn trust(&self) -> TrustPoints {
        TrustPoints::new(vec![TrustPoint::of_cvca(&self.root).expect("a CVCA")], day("2026-11-01")).expect("one")
    }

    fn dv(&self) -> Template {
        template(CVCA, DV, &self.dv, Role::DvDomestic)
    }

    fn is(&self) -> Template {
        template(DV, IS, &self.is, Role::Terminal)
    }

    fn chain(&self) -> Vec<Cvc> {
        self.chain_of(&self.dv(), &self.is())
    }

    fn chain_of(&self, dv: &Template, is: &Template) -> Vec<Cvc> {
        vec![dv.issue(&self.cvca).expect("a certificate"), is.issue(&self.dv).expect("a certificate")]
    }
}

fn template(authority: &str, holder: &str, key: &Key, role: Role) -> Template {
    let verifying = VerifyingKey { algorithm: key.algorithm, key: key.key.public() };
    Template {
        authority: name(authority),
        key: CvKey::new(&verifying, role == Role::Cvca).expect("below id-TA"),
        holder: name(holder),
        chat: Chat::full(TerminalType::Inspection, role),
        validity: (day("2026-11-01"), day("2027-03-31")),
        extensions: Vec::new(),
    }
}

fn rights(template: Template, role: Role, bits: &[u8]) -> Template {
    Template { chat: Chat::new(TerminalType::Inspection, role, bits.iter().copied()), ..template }
}

/// A card with DG3 and DG4 that trusts `trust` and does Chip Authentication in `domain`, in version 1 or 2.
pub(crate) fn guarded(trust: TrustPoints, domain: &Domain, version: u8) -> CardImage {
    let mut image = image();
    let key = AgreementPrivateKey::generate(domain, &mut SeededRng::new(b"chip"));
    let agreement = if matches!(domain, Domain::Ec(_)) { Agreement::Ecdh } else { Agreement::Dh };
    let info = |suite| {
        let protocol = ChipAuthProtocol { agreement, suite };
        SecurityInfo::ChipAuth(ChipAuthInfo { protocol, version, key_id: None })
    };
    let dg14 = SecurityInfos::new([
        info(Suite::Aes128),
        info(Suite::Aes256),
        info(Suite::TripleDes),
        SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo {
            agreement,
            spki: eid::cert::spki::agreement::encode(&key.public()),
            key_id: None,
        }),
        SecurityInfo::TerminalAuth { version, ef_cvca: None },
    ]);
    image.files.insert(dg(1), Dg1::new(Mrz::parse(MRZ).expect("an MRZ")).encode());
    image.files.insert(dg(4), tlv::encode(0x76, &[0x44; 200]));
    image.files.insert(dg(14), tlv::encode(0x6E, dg14.encode()));
    image.files.insert(FileId::CVCA, Cvca { current: name(CVCA), previous: None }.encode());
    image.chip_auth = vec![ChipAuthKey { key, key_id: None }];
    image.passwords.mrz_seed = Some(bac::mrz_seed(&Mrz::parse(MRZ).expect("an MRZ").information()));
    image.terminal_auth = Some(trust);
    image
}

pub(crate) fn curve() -> Domain {
    Domain::Ec(Curve::BrainpoolP256r1)
}

/// A terminal that has access, by BAC or by PACE with a CHAT, and knows what the chip signs its identity with.
pub(crate) struct Guest {
    pub(crate) terminal: Terminal,
    chip: Vec<u8>,
    references: Vec<Vec<u8>>,
}

fn by_bac(card: &mut Card) -> Guest {
    let mrz = Mrz::parse(MRZ).expect("an MRZ");
    let terminal = bac_run(card, &mrz.information()).expect("right MRZ");
    Guest { terminal, chip: ta::identifier_of_mrz(&mrz), references: Vec::new() }
}

pub(crate) fn by_pace(card: &mut Card, chat: Option<Chat>) -> Guest {
    let mut rng = rng("pace");
    let checked = |response: Response| {
        assert!(response.sw.is_ok(), "{response:?}");
        response.data
    };
    let parameters = gm(Suite::Aes128, Curve::BrainpoolP256r1);
    let run = pace::Terminal::new(parameters, &Password::Can(Secret::from(CAN)));
    let mut select = run.select(false);
    select.data.extend(chat.map(Chat::encode).unwrap_or_default());
    checked(send(card, &select));
    let (command, run) = run.request_nonce();
    let (command, run) = run.receive(&checked(send(card, &command)), &mut *rng).expect("nonce");
    let (command, run) = run.receive(&checked(send(card, &command)), &mut *rng).expect("mapping");
    let (command, run) = run.receive(&checked(send(card, &command))).expect("agreement");
    let established = run.receive(&checked(send(card, &command))).expect("token");
    Guest { terminal: Terminal(established.channel), chip: established.chip_key.compressed(), references: established.ca_references }
}

impl Guest {
    fn application(&mut self, card: &mut Card) {
        let select = Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(eid::image::EMRTD_AID);
        assert_eq!(self.terminal.status(card, &select), 0x9000);
    }

    fn opens(&mut self, card: &mut Card, number: u8) -> bool {
        self.application(card);
        match self.terminal.status(card, &Command::new(0x00, 0xB0, 0x80 | number, 0).with_le(8)) {
            0x9000 => true,
            0x6982 => false,
            other => panic!("DG{number}: {other:04X}"),
        }
    }

    /// Chip Authentication; gives Comp(PK) of the ephemeral key. Long commands go in parts of `part` bytes.
    pub(crate) fn chip_auth(&mut self, card: &mut Card, image: &CardImage, run: &ChipAuth<'_>) -> Vec<u8> {
        let key = &image.chip_auth[0].key;
        let agreement = if matches!(key, AgreementPrivateKey::Ec(_)) { Agreement::Ecdh } else { Agreement::Dh };
        let protocol = ChipAuthProtocol { agreement, suite: run.suite };
        let ephemeral = run.ephemeral.cloned().unwrap_or_else(|| AgreementPrivateKey::generate(&key.domain(), &mut *rng("ephemeral")));
        let terminal = chip_auth::Terminal::with_key(run.version, protocol, None, &key.public(), &ephemeral).expect("same domain");
        let mut last = Vec::new();
        for command in terminal.commands(run.form).iter().flat_map(|command| command.chain(run.part)) {
            let answer = self.terminal.send(card, &command);
            assert!(answer.sw.is_ok(), "{command:?}: {answer:?}");
            last = answer.data;
        }
        let compressed = terminal.public().compressed();
        self.terminal = Terminal(terminal.finish(run.form, &last).expect("the chip has the key"));
        compressed
    }

    /// The commands of Terminal Authentication until one is refused.
    fn terminal_auth(&mut self, card: &mut Card, chain: &[Cvc], key: &Key, compressed: &[u8], version: ta::Version) -> u16 {
        self.terminal_auth_with(card, chain, key, compressed, version, &[])
    }

    /// The same with auxiliary data.
    pub(crate) fn terminal_auth_with(
        &mut self,
        card: &mut Card,
        chain: &[Cvc],
        key: &Key,
        compressed: &[u8],
        version: ta::Version,
        auxiliary: &[u8],
    ) -> u16 {
        for certificate in chain {
            for command in [ta::set_dst(certificate.authority()), ta::verify_certificate(certificate)] {
                for part in command.chain(200) {
                    let sw = self.terminal.status(card, &part);
                    if sw != 0x9000 {
                        return sw;
                    }
                }
            }
        }
        let terminal = chain.last().expect("a terminal").holder();
        let at = match version {
            ta::Version::One => ta::set_at(terminal),
            ta::Version::Two => ta::set_at_with_key(key.algorithm, terminal, auxiliary, compressed).expect("below id-TA"),
        };
        let sw = self.terminal.status(card, &at);
        if sw != 0x9000 {
            return sw;
        }
        let answer = self.terminal.send(card, &ta::get_challenge());
        let challenge = ta::challenge(&answer.data).expect("8 bytes");
        let signature = key.sign(&ta::message(&self.chip, challenge, compressed, auxiliary)).expect("signs").to_plain();
        let sw =
            ta::external_authenticate(signature).chain(200).iter().map(|part| self.terminal.status(card, part)).find(|sw| *sw != 0x9000);
        sw.unwrap_or(0x9000)
    }
}

pub(crate) struct ChipAuth<'a> {
    pub(crate) version: chip_auth::Version,
    pub(crate) suite: Suite,
    pub(crate) form: Form,
    pub(crate) part: usize,
    pub(crate) ephemeral: Option<&'a AgreementPrivateKey>,
}

const PLAIN: ChipAuth<'static> =
    ChipAuth { version: chip_auth::Version::One, suite: Suite::Aes128, form: Form::AuthenticationTemplate, part: 1000, ephemeral: None };

/// Access by BAC, Chip Authentication, Terminal Authentication with `chain`; the status word it ends with, and what is open then.
fn run_version_1(card: &mut Card, image: &CardImage, chain: &[Cvc], key: &Key) -> (u16, [bool; 2]) {
    card.power_cycle();
    let mut guest = by_bac(card);
    let compressed = guest.chip_auth(card, image, &PLAIN);
    let sw = guest.terminal_auth(card, chain, key, &compressed, ta::Version::One);
    (sw, [guest.opens(card, 3), guest.opens(card, 4)])
}

#[test]
fn dg3_and_dg4_open_by_the_rights_of_the_whole_chain() {
    let authority = Authority::new("a");
    let image = guarded(authority.trust(), &curve(), 1);
    let mut card = personalized(&image);
    let both =
        |bits: &[u8]| authority.chain_of(&rights(authority.dv(), Role::DvDomestic, &[0, 1]), &rights(authority.is(), Role::Terminal, bits));
    let cases = [
        (authority.chain(), [true, true]),
        (both(&[Chat::READ_DG3]), [true, false]),
        (both(&[Chat::READ_DG4]), [false, true]),
        (both(&[]), [false, false]),
        (authority.chain_of(&rights(authority.dv(), Role::DvDomestic, &[Chat::READ_DG4]), &authority.is()), [false, true]),
    ];
    for (chain, open) in cases {
        assert_eq!(run_version_1(&mut card, &image, &chain, &authority.is), (0x9000, open));
    }
    // Power takes the rights away.
    card.power_cycle();
    let mut guest = by_bac(&mut card);
    assert_eq!([guest.opens(&mut card, 3), guest.opens(&mut card, 4)], [false, false]);
}

#[test]
fn foreign_expired_and_forged_chains_open_nothing() {
    let (authority, stranger) = (Authority::new("a"), Authority::new("b"));
    let image = guarded(authority.trust(), &curve(), 1);
    let mut card = personalized(&image);
    let closed = |card: &mut Card, chain: &[Cvc], key: &Key, sw| assert_eq!(run_version_1(card, &image, chain, key), (sw, [false, false]));
    // Another state under the same names.
    closed(&mut card, &stranger.chain(), &stranger.is, 0x6300);
    let unknown = Template { authority: name("UTCVCA00009"), ..authority.dv() };
    closed(&mut card, &authority.chain_of(&unknown, &authority.is()), &authority.is, 0x6A88);
    let expired = |template: Template| Template { validity: (day("2026-10-01"), day("2026-10-31")), ..template };
    closed(&mut card, &authority.chain_of(&expired(authority.dv()), &authority.is()), &authority.is, 0x6300);
    closed(&mut card, &authority.chain_of(&authority.dv(), &expired(authority.is())), &authority.is, 0x6300);
    // Without the DV, with a DV in the place of the terminal, and with the right chain and another's key.
    closed(&mut card, &authority.chain()[1..], &authority.is, 0x6A88);
    closed(&mut card, &authority.chain()[..1], &authority.dv, 0x6A88);
    closed(&mut card, &authority.chain(), &stranger.is, 0x6300);
    assert_eq!(run_version_1(&mut card, &image, &authority.chain(), &authority.is), (0x9000, [true, true]), "and the right one still does");
}

#[test]
fn no_changed_bit_of_a_certificate_opens_anything() {
    let authority = Authority::new("a");
    let image = guarded(authority.trust(), &curve(), 1);
    let mut card = personalized(&image);
    let chain = authority.chain();
    let mut guest = by_bac(&mut card);
    guest.chip_auth(&mut card, &image, &PLAIN);
    for certificate in &chain {
        let content = certificate.content();
        for bit in 0..content.len() * 8 {
            let mut changed = content.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(guest.terminal.status(&mut card, &ta::set_dst(certificate.authority())), 0x9000);
            let sw = guest.terminal.status(&mut card, &Command::new(0x00, 0x2A, 0x00, 0xBE).with_data(changed));
            assert!(matches!(sw, 0x6300 | 0x6A80 | 0x6A88), "{} bit {bit}: {sw:04X}", certificate.holder());
        }
        // The whole one is taken, so that the next has a signer.
        assert_eq!(guest.terminal.status(&mut card, &ta::set_dst(certificate.authority())), 0x9000);
        assert_eq!(guest.terminal.status(&mut card, &ta::verify_certificate(certificate)), 0x9000);
    }
}

/// BSI TR-03105-3.2, J_13, J_15, and K_7: no such command, said under secure messaging, which goes on.
#[test]
fn a_command_of_a_proprietary_class_is_refused_under_secure_messaging() {
    let authority = Authority::new("a");
    let image = guarded(authority.trust(), &curve(), 1);
    let mut card = personalized(&image);
    let mut guest = by_bac(&mut card);
    guest.chip_auth(&mut card, &image, &PLAIN);
    let right = ta::set_dst(&name(CVCA));
    let proprietary = Command { cla: 0x80, ..right.clone() };
    assert_eq!(guest.terminal.status(&mut card, &proprietary), 0x6D00);
    assert_eq!(guest.terminal.status(&mut card, &right), 0x9000);
    // without a session it is no class of this card
    card.power_cycle();
    let protected = Command { cla: 0x8C, ..right };
    assert_eq!(send(&mut card, &protected).sw.0, 0x6E00);
}

/// BSI TR-03105-3.2, J_55 and J_56.
#[test]
fn rsa_keys_that_are_shorter_than_the_standard_has_them_open_nothing() {
    let authority = Authority::rsa();
    let image = guarded(authority.trust(), &curve(), 1);
    let mut card = personalized(&image);
    let short = Key {
        key: PrivateKey::generate_rsa(1024, &mut SeededRng::new(b"short")).expect("an RSA key"),
        algorithm: authority.cvca.algorithm,
    };
    let dv = template(CVCA, DV, &short, Role::DvDomestic).issue(&authority.cvca).expect("a certificate");
    let below = authority.is().issue(&short).expect("a certificate");
    assert_eq!(run_version_1(&mut card, &image, &[dv, below], &authority.is), (0x6300, [false, false]));
    let is = template(DV, IS, &short, Role::Terminal);
    assert_eq!(run_version_1(&mut card, &image, &authority.chain_of(&authority.dv(), &is), &short), (0x6300, [false, false]));
    assert_eq!(run_version_1(&mut card, &image, &authority.chain(), &authority.is), (0x9000, [true, true]));
}

#[test]
fn the_order_of_the_commands_is_kept_and_a_challenge_serves_once() {
    let authority = Authority::new("a");
    let image = guarded(authority.trust(), &curve(), 1);
    let mut card = personalized(&image);
    let chain = authority.chain();
    assert_eq!(status(&mut card, "002281B60D830B5554435643413030303031"), 0x6982, "not in the clear");
    let mut guest = by_bac(&mut card);
    let verify = ta::verify_certificate(&chain[0]);
    assert_eq!(guest.terminal.status(&mut card, &verify), 0x6985, "no key chosen");
    assert_eq!(guest.terminal.status(&mut card, &ta::set_at(&name(IS))), 0x6A88, "no such terminal");
    assert_eq!(guest.terminal.status(&mut card, &ta::external_authenticate(vec![0; 64])), 0x6985);
    assert_eq!(guest.terminal.status(&mut card, &ta::get_challenge()), 0x6985, "nothing is under way");
    // Without Chip Authentication there is nothing to bind to.
    assert_eq!(guest.terminal_auth(&mut card, &chain, &authority.is, &[1; 32], ta::Version::One), 0x6985);
    // The session goes on, and Chip Authentication may still come.
    let compressed = guest.chip_auth(&mut card, &image, &PLAIN);
    assert_eq!(guest.terminal_auth(&mut card, &chain, &authority.is, &[1; 32], ta::Version::One), 0x6300, "bound to another key");
    assert!(!guest.opens(&mut card, 3));
    assert_eq!(guest.terminal_auth(&mut card, &chain, &authority.is, &compressed, ta::Version::One), 0x9000);
    assert!(guest.opens(&mut card, 3));
    assert_eq!(guest.terminal_auth(&mut card, &chain, &authority.is, &compressed, ta::Version::One), 0x6985, "once a session");
    assert!(guest.opens(&mut card, 3), "and nothing is taken away");
    // A new Chip Authentication makes a new channel, which has no rights.
    let compressed = guest.chip_auth(&mut card, &image, &PLAIN);
    assert!(!guest.opens(&mut card, 3));
    assert_eq!(guest.terminal_auth(&mut card, &chain, &authority.is, &compressed, ta::Version::One), 0x9000);
    // Another command between challenge and proof spends the challenge.
    card.power_cycle();
    let mut guest = by_bac(&mut card);
    guest.chip_auth(&mut card, &image, &PLAIN);
    for certificate in &chain {
        assert_eq!(guest.terminal.status(&mut card, &ta::set_dst(certificate.authority())), 0x9000);
        assert_eq!(guest.terminal.status(&mut card, &ta::verify_certificate(certificate)), 0x9000);
    }
    assert_eq!(guest.terminal.status(&mut card, &ta::set_at(&name(IS))), 0x9000);
    assert_eq!(guest.terminal.status(&mut card, &ta::get_challenge()), 0x9000);
    guest.application(&mut card);
    assert_eq!(guest.terminal.status(&mut card, &ta::external_authenticate(vec![0; 64])), 0x6985);
}

#[test]
fn pace_names_the_trust_points_and_bounds_the_rights() {
    let authority = Authority::new("a");
    let image = guarded(authority.trust(), &curve(), 1);
    let mut card = personalized(&image);
    assert!(by_pace(&mut card, None).references.is_empty(), "nobody asked");
    for (bits, open) in [(&[0, 1][..], [true, true]), (&[Chat::READ_DG4], [false, true]), (&[], [false, false])] {
        card.power_cycle();
        let mut guest = by_pace(&mut card, Some(Chat::new(TerminalType::Inspection, Role::Terminal, bits.iter().copied())));
        assert_eq!(guest.references, [CVCA.as_bytes()]);
        let compressed = guest.chip_auth(&mut card, &image, &PLAIN);
        assert_eq!(guest.terminal_auth(&mut card, &authority.chain(), &authority.is, &compressed, ta::Version::One), 0x9000);
        assert_eq!([guest.opens(&mut card, 3), guest.opens(&mut card, 4)], open);
    }
}

/// BSI TR-03105-3.3, K_16: only version 2 gives the challenge before the certificates.
#[test]
fn a_challenge_may_come_before_the_certificates_in_version_2_only() {
    let authority = Authority::new("a");
    for (version, sw) in [(1, 0x6985), (2, 0x9000)] {
        let image = guarded(authority.trust(), &curve(), version);
        let mut card = personalized(&image);
        let mut guest = by_pace(&mut card, None);
        let early = guest.terminal.send(&mut card, &ta::get_challenge());
        assert_eq!(early.sw.0, sw);
        let Ok(challenge) = ta::challenge(&early.data) else { continue };
        for certificate in &authority.chain() {
            assert_eq!(guest.terminal.status(&mut card, &ta::set_dst(certificate.authority())), 0x9000);
            assert_eq!(guest.terminal.status(&mut card, &ta::verify_certificate(certificate)), 0x9000);
        }
        let key = AgreementPrivateKey::generate(&curve(), &mut SeededRng::new(b"ephemeral")).public().compressed();
        let at = ta::set_at_with_key(authority.is.algorithm, &name(IS), &[], &key).expect("below id-TA");
        assert_eq!(guest.terminal.status(&mut card, &at), 0x9000);
        let signature = authority.is.sign(&ta::message(&guest.chip, challenge, &key, &[])).expect("signs").to_plain();
        assert_eq!(guest.terminal.status(&mut card, &ta::external_authenticate(signature)), 0x9000);
    }
}

#[test]
fn version_2_opens_only_after_chip_authentication_took_the_named_key() {
    let authority = Authority::new("a");
    for domain in [curve(), Domain::standardized(2).expect("a group")] {
        let image = guarded(authority.trust(), &domain, 2);
        let mut card = personalized(&image);
        let [named, other] = [&b"named"[..], b"other"].map(|seed| AgreementPrivateKey::generate(&domain, &mut SeededRng::new(seed)));
        let run = |ephemeral| ChipAuth { version: chip_auth::Version::Two, ephemeral: Some(ephemeral), part: 200, ..PLAIN };
        let chat = Chat::full(TerminalType::Inspection, Role::Terminal);
        let mut guest = by_pace(&mut card, Some(chat));
        // Chip Authentication version 2 waits for the terminal.
        let select = chip_auth::Terminal::with_key(
            chip_auth::Version::Two,
            ChipAuthProtocol { agreement: if domain == curve() { Agreement::Ecdh } else { Agreement::Dh }, suite: Suite::Aes128 },
            None,
            &image.chip_auth[0].key.public(),
            &other,
        );
        let commands = select.expect("same domain").commands(Form::AuthenticationTemplate);
        assert_eq!(guest.terminal.status(&mut card, &commands[0]), 0x6982);
        let compressed = named.public().compressed();
        assert_eq!(guest.terminal_auth(&mut card, &authority.chain(), &authority.is, &compressed, ta::Version::Two), 0x9000);
        assert!(!guest.opens(&mut card, 3), "not before Chip Authentication");
        assert_eq!(guest.terminal.status(&mut card, &commands[0]), 0x9000);
        let general = commands[1].chain(200);
        let sws: Vec<_> = general.iter().map(|part| guest.terminal.status(&mut card, part)).collect();
        assert_eq!(sws.last(), Some(&0x6A80), "another key than the one that was named");
        assert!(!guest.opens(&mut card, 3));
        guest.chip_auth(&mut card, &image, &run(&named));
        assert!(guest.opens(&mut card, 3));
        // Version 1 is not announced.
        card.power_cycle();
        let mut guest = by_pace(&mut card, Some(chat));
        assert_eq!(guest.terminal_auth(&mut card, &authority.chain(), &authority.is, &compressed, ta::Version::One), 0x6A80);
    }
}

#[test]
fn large_keys_come_in_chains_and_dh_and_3des_open_too() {
    let authority = Authority::rsa();
    for domain in [curve(), Domain::standardized(1).expect("a group")] {
        let image = guarded(authority.trust(), &domain, 1);
        let mut card = personalized(&image);
        for (suite, form, part) in [
            (Suite::Aes256, Form::AuthenticationTemplate, 200),
            (Suite::TripleDes, Form::AuthenticationTemplate, 1000),
            (Suite::TripleDes, Form::KeyAgreementTemplate, 1000),
        ] {
            card.power_cycle();
            let mut guest = by_bac(&mut card);
            let compressed = guest.chip_auth(&mut card, &image, &ChipAuth { suite, form, part, ..PLAIN });
            assert_eq!(
                guest.terminal_auth(&mut card, &authority.chain(), &authority.is, &compressed, ta::Version::One),
                0x9000,
                "{suite:?}"
            );
            assert!(guest.opens(&mut card, 3));
        }
    }
    // An endless chain is cut off.
    let image = guarded(authority.trust(), &curve(), 1);
    let mut card = personalized(&image);
    let mut guest = by_bac(&mut card);
    assert_eq!(guest.terminal.status(&mut card, &ta::set_dst(&name(CVCA))), 0x9000);
    let part = Command::new(0x10, 0x2A, 0x00, 0xBE).with_data([0x55; 200]);
    let sws: Vec<_> = (0..42).map(|_| guest.terminal.status(&mut card, &part)).collect();
    assert!(sws.contains(&0x6700), "{sws:04X?}");
}

fn link(authority: &Authority) -> (Cvc, Key) {
    let key = Key { key: PrivateKey::generate_ec(Curve::P384, &mut SeededRng::new(b"link")), algorithm: Algorithm::Ecdsa(Hash::Sha384) };
    let link = Template { validity: (day("2027-01-01"), day("2029-12-31")), ..template(CVCA, "UTCVCA00002", &key, Role::Cvca) };
    (link.issue(&authority.cvca).expect("a link certificate"), key)
}

/// What EF.CVCA says, read as a terminal reads it.
fn file(card: &mut Card) -> Vec<String> {
    card.power_cycle();
    let mut guest = by_bac(card);
    assert_eq!(guest.terminal.select(card, FileId::CVCA), 0x9000);
    let answer = guest.terminal.send(card, &Command::new(0x00, 0xB0, 0, 0).with_le(256));
    let cvca = Cvca::parse(&answer.data).expect("EF.CVCA");
    cvca.references().map(ToString::to_string).collect()
}

#[test]
fn a_link_changes_ef_cvca_and_the_date_and_both_chains_open() {
    let authority = Authority::new("a");
    let image = guarded(authority.trust(), &curve(), 1);
    let mut card = personalized(&image);
    assert_eq!(file(&mut card), [CVCA]);
    let (link, new) = link(&authority);
    card.power_cycle();
    let mut guest = by_bac(&mut card);
    assert_eq!(guest.terminal.status(&mut card, &ta::set_dst(&name(CVCA))), 0x9000);
    assert_eq!(guest.terminal.status(&mut card, &ta::verify_certificate(&link)), 0x9000);
    let cells = cells(card);
    let mut card = Card::boot(RamNvm::from_cells(cells), rng("again")).expect("boots");
    assert_eq!(file(&mut card), ["UTCVCA00002", CVCA], "the newest first, after a loss of power too");
    // The link has moved the date to 2027-01-01: a chain of before has expired, the old one goes on.
    let old = Template { validity: (day("2026-11-01"), day("2026-12-31")), ..authority.is() };
    assert_eq!(run_version_1(&mut card, &image, &authority.chain_of(&authority.dv(), &old), &authority.is).0, 0x6300);
    assert_eq!(run_version_1(&mut card, &image, &authority.chain(), &authority.is), (0x9000, [true, true]));
    let dv = Key { key: PrivateKey::generate_ec(Curve::P384, &mut SeededRng::new(b"dv2")), algorithm: Algorithm::Ecdsa(Hash::Sha384) };
    let is = Key { key: PrivateKey::generate_ec(Curve::P384, &mut SeededRng::new(b"is2")), algorithm: Algorithm::Ecdsa(Hash::Sha384) };
    let chain = [
        template("UTCVCA00002", "UTDV00002", &dv, Role::DvDomestic).issue(&new).expect("one"),
        template("UTDV00002", "UTIS00002", &is, Role::Terminal).issue(&dv).expect("one"),
    ];
    assert_eq!(run_version_1(&mut card, &image, &chain, &is), (0x9000, [true, true]));
}

/// At every page program of an update, in every way that a page can be torn: the card has the old trust points and date or the new ones.
#[test]
fn a_power_cut_during_an_update_leaves_the_old_state_or_the_new_one() {
    let authority = Authority::new("a");
    let image = guarded(authority.trust(), &curve(), 1);
    let before = cells(personalized(&image));
    let (link, _) = link(&authority);
    let mut outcomes = [0, 0];
    for tear in Tear::ALL {
        for n in 0.. {
            let nvm = FaultyNvm::new(RamNvm::from_cells(before.clone()), Some((n + PROGRAMS_OF_ACCESS, tear)));
            let mut card = Card::boot(nvm, rng("cut")).expect("boots");
            let mut guest = by_bac(&mut card);
            assert_eq!(guest.terminal.status(&mut card, &ta::set_dst(&name(CVCA))), 0x9000);
            let protected = guest.terminal.0.protect_command(&ta::verify_certificate(&link)).expect("protects");
            let done = card.exchange(&protected.encode().expect("command")).is_ok();
            let left = cells(card);
            let mut card = Card::boot(RamNvm::from_cells(left), rng("after")).expect("boots");
            let names = file(&mut card);
            match names.len() {
                1 => assert_eq!((names, done), (vec![CVCA.to_owned()], false)),
                _ => assert_eq!(names, ["UTCVCA00002", CVCA]),
            }
            outcomes[usize::from(file(&mut card).len() == 2)] += 1;
            if done {
                break;
            }
        }
    }
    assert!(outcomes[0] > 7 && outcomes[1] >= 7, "{outcomes:?}");
}

/// Page programs of a Basic Access Control: the counter of failures is written before the comparison, and cleared after it.
const PROGRAMS_OF_ACCESS: u64 = 2;

#[test]
fn trust_points_are_checked_before_they_are_kept() {
    let authority = Authority::new("a");
    let good = guarded(authority.trust(), &curve(), 1);
    let other =
        Holder { chat: Chat::full(TerminalType::Inspection, Role::Terminal), ..TrustPoint::of_cvca(&authority.root).expect("a CVCA") };
    let bad = CardImage { terminal_auth: Some(TrustPoints::new(vec![other], day("2026-11-01")).expect("one")), ..good };
    let mut card = blank();
    let mut host = Host::open(&mut card, 0x13);
    host.install(&mut card);
    let answers: Vec<_> = script(&bad, &test_keys(32), &[]).iter().map(|command| host.send(&mut card, command).sw.0).collect();
    assert!(answers.contains(&0x6A80), "the role of a terminal is no trust point");
    // A chip without trust points has no Terminal Authentication.
    let mut image = guarded(authority.trust(), &curve(), 1);
    image.terminal_auth = None;
    let mut card = personalized(&image);
    let mut guest = by_bac(&mut card);
    assert_eq!(guest.terminal.status(&mut card, &ta::set_dst(&name(CVCA))), 0x6A88);
}
