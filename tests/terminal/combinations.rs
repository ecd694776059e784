//! Virtual cards in all combinations of access, mapping, group, suite, Chip, Terminal, and Active Authentication: generated, not typed.
//!
//! [`Kind::all`] is the whole product. `make test` takes a deterministic sample in which every pair of levels of two axes occurs; `make soak`
//! takes all. Each card is genuine; each with one wrong key or one broken step fails with exactly the finding that says so; and to a terminal
//! under another key each guards its fingerprints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use cardwright::Verifier;
use cardwright::perso::build::{guard, trust_points};
use cardwright::terminal::report::Report;
use cardwright::terminal::{Verdict, can, mrz};
use eid::cert::Time;
use eid::cert::chat::Chat;
use eid::crypto::agreement::{AgreementPrivateKey, Domain};
use eid::crypto::curve::{self, Curve};
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::rsa;
use eid::crypto::signature::PublicKey;
use eid::image::{ActiveAuthKey, CardImage, ChipAuthKey, FileId};
use eid::lds::Elementary as _;
use eid::lds::card_security;
use eid::lds::com::Com;
use eid::lds::dg14::Dg14;
use eid::lds::dg15::Dg15;
use eid::lds::security_info::{
    Agreement, ChipAuthInfo, ChipAuthProtocol, ChipAuthPublicKeyInfo, KeyId, Mapping, PaceInfo, PaceProtocol, SecurityInfo, SecurityInfos,
};
use eid::protocol::pace::Password;

use applets::rng::SeededRng;

use super::document::{self, Authority, CAN, Options, dg, today, unsigned};
use super::extended::State;
use super::personalize::personalized;
use super::rng;

pub(crate) static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new(1));
/// The inspection systems that the cards trust, and others under the same names.
pub(crate) static STATES: LazyLock<[State; 2]> = LazyLock::new(|| ["a", "b"].map(State::ecdsa));
/// RSA keys take long to find; two of each length serve all cards, the right one and the wrong one.
static RSA: LazyLock<Mutex<BTreeMap<(u8, usize), rsa::PrivateKey>>> = LazyLock::new(Mutex::default);

const SUITES: [Suite; 4] = [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256];
const HASHES: [Hash; 5] = [Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512];
/// Lengths of RSA keys that are in the field, and the longest.
const RSA_BITS: [usize; 4] = [1024, 1792, 2048, 4096];

/// Id of the key of Chip Authentication beside that of chip authentication mapping.
const CA_KEY: u32 = 40;

/// Chip Authentication, and the Terminal Authentication that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extended {
    /// Version 1 without Terminal Authentication.
    ChipOnly,
    /// Both version 1.
    One,
    /// Both version 2, with the key in DG14.
    Two,
    /// Both version 2 before the application is selected, with the key in EF.CardSecurity, and the rights named in PACE.
    General,
}

const EXTENDED: [Option<Extended>; 5] = [None, Some(Extended::ChipOnly), Some(Extended::One), Some(Extended::Two), Some(Extended::General)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChipAuth {
    /// Id of the domain parameters.
    pub(crate) domain: u8,
    pub(crate) suite: Suite,
    pub(crate) extended: Extended,
}

/// How a card opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Bac,
    Pace { by_can: bool, protocol: PaceProtocol, domain: u8 },
}

/// How a card proves that it has the key of DG15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Active {
    Rsa(usize),
    Ec(Curve, Hash),
}

/// A kind of card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) access: Access,
    pub(crate) chip_auth: Option<ChipAuth>,
    pub(crate) active_auth: Option<Active>,
}

impl Access {
    fn all() -> Vec<Self> {
        let mut all = vec![Self::Bac];
        for mapping in [Mapping::Generic, Mapping::Integrated, Mapping::ChipAuthentication] {
            for (agreement, domains) in [(Agreement::Dh, 0..=2), (Agreement::Ecdh, 8..=18)] {
                for domain in domains {
                    // Integrated mapping encodes onto curves over a field with p = 3 mod 4; that of P-224 is none.
                    if (mapping, domain) == (Mapping::Integrated, Curve::P224.parameter_id()) {
                        continue;
                    }
                    for suite in SUITES {
                        // Chip authentication mapping is for curves and AES only.
                        let Some(protocol) = PaceProtocol::new(mapping, agreement, suite) else { continue };
                        all.extend([true, false].map(|by_can| Self::Pace { by_can, protocol, domain }));
                    }
                }
            }
        }
        all
    }
}

impl Kind {
    /// Every access with every kind of Chip and Terminal Authentication, and without, and with both kinds of Active Authentication, and
    /// without. Their domains, suites, hashes, and lengths of keys go round, so that each meets each access in turn.
    fn all() -> Vec<Self> {
        let domains: Vec<u8> = (0..=2).chain(8..=18).collect();
        let mut all = Vec::new();
        for access in Access::all() {
            for extended in EXTENDED {
                if (access, extended) == (Access::Bac, Some(Extended::General)) {
                    continue;
                }
                for active in 0..3 {
                    let n = all.len();
                    all.push(Self {
                        access,
                        chip_auth: extended.map(|extended| ChipAuth {
                            domain: domains[(n / 2) % domains.len()],
                            suite: SUITES[n % SUITES.len()],
                            extended,
                        }),
                        active_auth: match active {
                            0 => None,
                            1 => Some(Active::Rsa(RSA_BITS[n % RSA_BITS.len()])),
                            _ => Some(Active::Ec(Curve::ALL[(n / 3) % Curve::ALL.len()], HASHES[(n / 7) % HASHES.len()])),
                        },
                    });
                }
            }
        }
        all
    }

    /// Whether the static key of chip authentication mapping is on the card, and the id of its domain.
    fn mapping_key(&self) -> Option<u8> {
        match self.access {
            Access::Pace { protocol, domain, .. } => (protocol.mapping() == Mapping::ChipAuthentication).then_some(domain),
            Access::Bac => None,
        }
    }

    /// Whether the card guards its fingerprints.
    pub(crate) fn guards(&self) -> bool {
        self.chip_auth.is_some_and(|chip| chip.extended != Extended::ChipOnly)
    }

    /// What is chosen on each axis, as a word.
    fn levels(&self) -> [String; 9] {
        let none = || "none".to_owned();
        let (password, mapping, domain, suite) = match self.access {
            Access::Bac => ("MRZ".to_owned(), "BAC".to_owned(), none(), none()),
            Access::Pace { by_can, protocol, domain } => (
                if by_can { "CAN" } else { "MRZ" }.to_owned(),
                format!("{:?} {:?}", protocol.mapping(), protocol.agreement()),
                domain.to_string(),
                format!("{:?}", protocol.suite()),
            ),
        };
        let (ca_domain, ca_suite, extended) = self.chip_auth.map_or_else(
            || (none(), none(), none()),
            |ca| (ca.domain.to_string(), format!("{:?}", ca.suite), format!("{:?}", ca.extended)),
        );
        let (aa, detail) = match self.active_auth {
            None => (none(), none()),
            Some(Active::Rsa(bits)) => ("RSA".to_owned(), bits.to_string()),
            Some(Active::Ec(curve, hash)) => ("EC".to_owned(), format!("{} {}", curve.name(), hash.name())),
        };
        [password, mapping, domain, suite, ca_domain, ca_suite, aa, detail, extended]
    }

    /// Pairs of levels on two axes. Domains of Chip Authentication, and keys of Active Authentication, count alone: they meet nothing else.
    fn pairs(&self) -> BTreeSet<(usize, String, usize, String)> {
        let levels = self.levels();
        let alone = |axis| matches!(axis, 4 | 7);
        let mut pairs = BTreeSet::new();
        for (a, one) in levels.iter().enumerate() {
            for (b, other) in levels.iter().enumerate().skip(a) {
                if a == b || !(alone(a) || alone(b)) {
                    pairs.insert((a, one.clone(), b, other.clone()));
                }
            }
        }
        pairs
    }

    /// The same few cards in every run: always the one that brings the most new pairs.
    fn sample() -> Vec<Self> {
        let all: Vec<_> = Self::all().into_iter().map(|kind| (kind, kind.pairs())).collect();
        let mut open: BTreeSet<_> = all.iter().flat_map(|(_, pairs)| pairs.clone()).collect();
        let mut sample = Vec::new();
        while !open.is_empty() {
            let best = all.iter().rev().max_by_key(|(_, pairs)| pairs.intersection(&open).count()).expect("there are cards");
            open.retain(|pair| !best.1.contains(pair));
            sample.push(best.0);
        }
        sample
    }

    /// An unsigned document of this kind. Another number, other keys.
    pub(crate) fn unsigned(&self, keys: u8) -> CardImage {
        let mut image = unsigned(Options { keys, ..Options::default() });
        image.files.retain(|file, _| !matches!(file.dg_number(), Some(13 | 15)) && (self.guards() || file.dg_number() != Some(3)));
        image.files.remove(&FileId::CARD_ACCESS);
        image.chip_auth.clear();
        let pace = if let Access::Pace { protocol, domain, .. } = self.access {
            Some(SecurityInfo::Pace(PaceInfo { protocol, version: 2, parameter_id: Some(domain) }))
        } else {
            None
        };
        let (mut announced, mut in_dg14, mut in_security) = (Vec::from_iter(pace), Vec::new(), Vec::new());
        let mut add = |domain: u8, id: Option<u32>, seed: u8| {
            let domain = Domain::standardized(domain).expect("standardized");
            let agreement = if matches!(domain, Domain::Ec(_)) { Agreement::Ecdh } else { Agreement::Dh };
            let key = AgreementPrivateKey::generate(&domain, &mut SeededRng::new(&[keys, seed]));
            let spki = eid::cert::spki::agreement::encode(&key.public());
            image.chip_auth.push(ChipAuthKey { key, key_id: id });
            (agreement, SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo { agreement, spki, key_id: id.map(KeyId::from) }))
        };
        if let Some(domain) = self.mapping_key() {
            in_security.push(add(domain, Some(domain.into()), 13).1);
        }
        if let Some(ChipAuth { domain, suite, extended }) = self.chip_auth {
            let id = self.mapping_key().map(|_| CA_KEY);
            let (agreement, key) = add(domain, id, 14);
            let version = if matches!(extended, Extended::ChipOnly | Extended::One) { 1 } else { 2 };
            let protocol = ChipAuthProtocol { agreement, suite };
            let chip = SecurityInfo::ChipAuth(ChipAuthInfo { protocol, version, key_id: id.map(KeyId::from) });
            let terminal = self.guards().then_some(SecurityInfo::TerminalAuth { version, ef_cvca: None });
            if extended == Extended::General {
                announced.extend(terminal.into_iter().chain([chip]));
                in_security.push(key);
            } else {
                in_dg14.extend(terminal.into_iter().chain([chip, key]));
            }
        }
        let infos = |more: &[SecurityInfo]| SecurityInfos::new(announced.iter().chain(more).cloned());
        if self.access != Access::Bac {
            image.files.insert(FileId::CARD_ACCESS, infos(&[]).encode().to_vec());
        }
        if !in_security.is_empty() {
            let time = Some(Time::midnight(today()));
            let file = card_security::build(&infos(&in_security), &AUTHORITY.signer, &AUTHORITY.ds, time).expect("an EF.CardSecurity");
            image.files.insert(FileId::CARD_SECURITY, file);
        }
        image.active_auth = self.active_auth.map(|active| active.key(keys));
        if let Some(key) = &image.active_auth {
            let public = match key {
                ActiveAuthKey::Ec(key) => PublicKey::Ec(key.public()),
                ActiveAuthKey::Rsa { .. } => PublicKey::Rsa(rsa_key(self.active_auth, keys).public()),
            };
            image.files.insert(dg(15), Dg15::new(&public).encode());
        }
        if let Some(Active::Ec(_, hash)) = self.active_auth {
            in_dg14.push(SecurityInfo::ActiveAuth { hash });
        }
        let infos = infos(&in_dg14);
        image.files.remove(&dg(14));
        if !infos.infos().is_empty() {
            image.files.insert(dg(14), Dg14 { infos }.encode());
        }
        let numbers: Vec<u8> = image.files.keys().filter_map(|file| file.dg_number()).collect();
        image.files.insert(FileId::COM, Com::new(numbers).encode());
        image
    }

    fn signed(&self) -> CardImage {
        let mut image = self.unsigned(7);
        AUTHORITY.sign(&mut image);
        if self.guards() {
            guard(&mut image, trust_points(&[STATES[0].root()], today()).expect("a CVCA"));
        }
        image
    }

    fn passwords(&self) -> Vec<Password> {
        match self.access {
            Access::Pace { by_can: true, .. } => vec![can(CAN)],
            _ => vec![mrz(&document::mrz())],
        }
    }

    fn inspect(&self, image: &CardImage) -> Report {
        self.inspect_as(&STATES[0], image)
    }

    fn inspect_as(&self, state: &State, image: &CardImage) -> Report {
        let verifier = Verifier::new(AUTHORITY.trust());
        let verifier = if self.guards() { verifier.with_terminal(state.credentials(&[Chat::READ_DG3])) } else { verifier };
        verifier.inspect(personalized(image), &self.passwords(), today(), &mut rng()).expect("the card is there").report
    }
}

fn rsa_key(active: Option<Active>, keys: u8) -> rsa::PrivateKey {
    let Some(Active::Rsa(bits)) = active else { panic!("an RSA card") };
    let mut cache = RSA.lock().expect("nobody panicked in it");
    let seed = [&[keys][..], &bits.to_be_bytes()].concat();
    cache.entry((keys, bits)).or_insert_with(|| rsa::PrivateKey::generate(bits, &mut SeededRng::new(&seed)).expect("a key")).clone()
}

impl Active {
    fn key(self, keys: u8) -> ActiveAuthKey {
        match self {
            Self::Ec(curve, _) => ActiveAuthKey::Ec(curve::PrivateKey::generate(curve, &mut SeededRng::new(&[keys, 15]))),
            Self::Rsa(_) => {
                let key = rsa_key(Some(self), keys);
                ActiveAuthKey::Rsa { modulus: key.public().modulus().to_vec(), private_exponent: key.private_exponent() }
            }
        }
    }
}

fn outcome<'a>(report: &'a Report, id: &str) -> &'a str {
    report.finding(id).map_or("absent", |finding| finding.outcome.as_str())
}

fn failed(report: &Report) -> Vec<(&str, &'static str)> {
    let failed = report.findings.iter().filter(|finding| finding.outcome.as_str() == "failed");
    failed.map(|finding| (finding.id(), finding.reason.as_ref().map_or("", |reason| reason.code))).collect()
}

fn assert_genuine(kind: &Kind) {
    let report = kind.inspect(&kind.signed());
    let text = report.to_text(Default::default());
    assert_eq!(report.verdict, Verdict::Genuine, "{kind:?}: {text}");
    let way = if kind.access == Access::Bac { "access.bac" } else { "access.pace" };
    assert_eq!(outcome(&report, way), "passed", "{kind:?}: {text}");
    for (id, has) in [("ca", kind.chip_auth.is_some()), ("aa", kind.active_auth.is_some())] {
        assert_eq!(outcome(&report, id), if has { "passed" } else { "not-attempted" }, "{kind:?} {id}: {text}");
    }
    assert_eq!(outcome(&report, "ta"), if kind.guards() { "passed" } else { "not-attempted" }, "{kind:?}: {text}");
    assert_eq!(outcome(&report, "read.dg3"), if kind.guards() { "passed" } else { "absent" }, "{kind:?}: {text}");
    assert_eq!(outcome(&report, "cam"), if kind.mapping_key().is_some() { "passed" } else { "absent" }, "{kind:?}: {text}");
}

/// A terminal whose certificates stand under another key with the same name gets everything but the fingerprints.
fn assert_stranger(kind: &Kind) {
    let report = kind.inspect_as(&STATES[1], &kind.signed());
    let text = report.to_text(Default::default());
    assert_eq!(failed(&report), [("ta", "refused")], "{kind:?}: {text}");
    assert_eq!(outcome(&report, "read.dg3"), "not-attempted", "{kind:?}: {text}");
    // version 2 of Chip Authentication follows Terminal Authentication
    let first = kind.chip_auth.is_some_and(|chip| chip.extended == Extended::One);
    assert_eq!(outcome(&report, "ca"), if first { "passed" } else { "not-attempted" }, "{kind:?}: {text}");
    assert_ne!(report.verdict, Verdict::NotGenuine, "{kind:?}: {text}");
}

/// What can be wrong with a card of this kind, and the one finding that says so.
type Fault = (&'static str, fn(&Kind, &mut CardImage), (&'static str, &'static str));

fn faults(kind: &Kind) -> Vec<Fault> {
    let mut faults: Vec<Fault> = vec![
        ("password", |_, image| image.passwords = Default::default(), ("access", "refused")),
        (
            "DG1",
            |_, image| image.files.get_mut(&dg(1)).and_then(|bytes| bytes.get_mut(40)).into_iter().for_each(|byte| *byte ^= 1),
            ("pa.hash.dg1", "hash-differs"),
        ),
    ];
    if kind.chip_auth.is_some() {
        let other = |kind: &Kind, image: &mut CardImage| {
            let key = kind.unsigned(8).chip_auth.pop();
            *image.chip_auth.last_mut().expect("the key of Chip Authentication") = key.expect("likewise");
        };
        faults.push(("key of Chip Authentication", other, ("ca", "key-not-proven")));
    }
    if kind.mapping_key().is_some() {
        let other = |kind: &Kind, image: &mut CardImage| image.chip_auth[0] = kind.unsigned(8).chip_auth.swap_remove(0);
        faults.push(("key of chip authentication mapping", other, ("cam", "key-not-proven")));
    }
    if kind.active_auth.is_some() {
        faults.push(("key of DG15", |kind, image| image.active_auth = kind.unsigned(8).active_auth, ("aa", "signature-wrong")));
    }
    faults
}

fn assert_fault(kind: &Kind, (what, spoil, (id, code)): Fault) {
    let mut image = kind.signed();
    if what == "password" {
        // nobody knows what the holder did not print: the terminal comes with another one
        let wrong = match kind.access {
            Access::Pace { by_can: true, .. } => vec![can("999999")],
            _ => vec![mrz(&other_mrz())],
        };
        let verifier = Verifier::new(AUTHORITY.trust());
        let report = verifier.inspect(personalized(&image), &wrong, today(), &mut rng()).expect("the card").report;
        assert_eq!(report.verdict, Verdict::AccessRefused, "{kind:?}: {}", report.to_text(Default::default()));
        assert!(
            failed(&report).iter().all(|(failed, reason)| failed.starts_with(id) && *reason == code),
            "{kind:?}: {:?}",
            failed(&report)
        );
        return;
    }
    spoil(kind, &mut image);
    let report = kind.inspect(&image);
    assert_eq!(
        (report.verdict, failed(&report)),
        (Verdict::NotGenuine, vec![(id, code)]),
        "{kind:?} {what}: {}",
        report.to_text(Default::default())
    );
}

/// The MRZ of somebody else.
fn other_mrz() -> eid::mrz::Mrz {
    let date = |text| eid::mrz::MrzDate::parse(text).expect("a date");
    eid::mrz::vietnam::identity_card("099505000124", "Phạm Thị Ước Mẫu", eid::mrz::Sex::Female, date("050105"), date("300105"))
        .expect("an MRZ")
}

#[test]
fn a_sample_with_every_pair_of_levels_is_genuine_and_each_fault_is_found() {
    let sample = Kind::sample();
    assert!((60..400).contains(&sample.len()), "{} cards", sample.len());
    for (n, kind) in sample.iter().enumerate() {
        assert_genuine(kind);
        let faults = faults(kind);
        assert_fault(kind, faults[n % faults.len()]);
        if kind.guards() {
            assert_stranger(kind);
        }
    }
}

/// `make soak`.
#[test]
#[ignore = "hours; make soak runs it"]
fn every_combination_is_genuine_and_every_fault_is_found() {
    for kind in Kind::all() {
        assert_genuine(&kind);
        for fault in faults(&kind) {
            assert_fault(&kind, fault);
        }
        if kind.guards() {
            assert_stranger(&kind);
        }
    }
}
