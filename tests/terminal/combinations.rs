//! Virtual cards in all combinations of access, mapping, group, suite, Chip Authentication, and Active Authentication: generated, not typed.
//!
//! [`Kind::all`] is the whole product. `make test` takes a deterministic sample in which every pair of levels of two axes occurs; `make soak`
//! takes all. Each card is genuine; and each with one wrong key or one broken step fails with exactly the finding that says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use cardwright::Verifier;
use cardwright::terminal::report::Report;
use cardwright::terminal::{Verdict, can, mrz};
use eid::crypto::curve::{self, Curve};
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::rsa;
use eid::crypto::signature::PublicKey;
use eid::image::{ActiveAuthKey, CardImage, FileId};
use eid::lds::Elementary as _;
use eid::lds::com::Com;
use eid::lds::dg14::Dg14;
use eid::lds::dg15::Dg15;
use eid::lds::security_info::{Agreement, Mapping, PaceInfo, PaceProtocol, SecurityInfo, SecurityInfos};
use eid::protocol::pace::Password;
use eid::tlv;

use applets::rng::SeededRng;

use super::document::{self, Authority, CAN, Options, dg, today, unsigned};
use super::personalize::personalized;
use super::rng;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new(1));
/// RSA keys take long to find; two of each length serve all cards, the right one and the wrong one.
static RSA: LazyLock<Mutex<BTreeMap<(u8, usize), rsa::PrivateKey>>> = LazyLock::new(Mutex::default);

const SUITES: [Suite; 4] = [Suite::TripleDes, Suite::Aes128, Suite::Aes192, Suite::Aes256];
const HASHES: [Hash; 5] = [Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512];
/// Lengths of RSA keys that are in the field, and the longest.
const RSA_BITS: [usize; 4] = [1024, 1792, 2048, 4096];

/// How a card opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Bac,
    Pace { by_can: bool, protocol: PaceProtocol, domain: u8 },
}

/// How a card proves that it has the key of DG15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Active {
    Rsa(usize),
    Ec(Curve, Hash),
}

/// A kind of card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    access: Access,
    chip_auth: Option<(Curve, Suite)>,
    active_auth: Option<Active>,
}

impl Access {
    fn all() -> Vec<Self> {
        let mut all = vec![Self::Bac];
        for mapping in [Mapping::Generic, Mapping::Integrated] {
            for (agreement, domains) in [(Agreement::Dh, 0..=2), (Agreement::Ecdh, 8..=18)] {
                for domain in domains {
                    // Integrated mapping encodes onto curves over a field with p = 3 mod 4; that of P-224 is none.
                    if (mapping, domain) == (Mapping::Integrated, Curve::P224.parameter_id()) {
                        continue;
                    }
                    for suite in SUITES {
                        let protocol = PaceProtocol::new(mapping, agreement, suite).expect("GM and IM have every suite");
                        all.extend([true, false].map(|by_can| Self::Pace { by_can, protocol, domain }));
                    }
                }
            }
        }
        all
    }
}

impl Kind {
    /// Every access with Chip Authentication of every suite, and without, and with both kinds of Active Authentication, and without. Curves,
    /// hashes, and lengths of keys go round, so that each meets each access in turn.
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for access in Access::all() {
            for chip in 0..=SUITES.len() {
                for active in 0..3 {
                    let n = all.len();
                    let curve = Curve::ALL[n % Curve::ALL.len()];
                    all.push(Self {
                        access,
                        chip_auth: SUITES.get(chip).map(|&suite| (curve, suite)),
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

    /// What is chosen on each axis, as a word.
    fn levels(&self) -> [String; 8] {
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
        let (ca_curve, ca_suite) = self.chip_auth.map_or_else(|| (none(), none()), |(c, s)| (c.name().to_owned(), format!("{s:?}")));
        let (aa, detail) = match self.active_auth {
            None => (none(), none()),
            Some(Active::Rsa(bits)) => ("RSA".to_owned(), bits.to_string()),
            Some(Active::Ec(curve, hash)) => ("EC".to_owned(), format!("{} {}", curve.name(), hash.name())),
        };
        [password, mapping, domain, suite, ca_curve, ca_suite, aa, detail]
    }

    /// Pairs of levels on two axes. Curves of Chip Authentication, and keys of Active Authentication, count alone: they meet nothing else.
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
    fn unsigned(&self, keys: u8) -> CardImage {
        let (chip_auth, suite) = self.chip_auth.unwrap_or((Curve::P256, Suite::Aes128));
        let mut image = unsigned(Options { suite, chip_auth, keys, ..Options::default() });
        image.files.retain(|file, _| !matches!(file.dg_number(), Some(3 | 13 | 15)));
        let made = Dg14::parse(&image.files[&dg(14)]).expect("DG14").infos;
        let mut infos = Vec::new();
        image.files.remove(&FileId::CARD_ACCESS);
        if let Access::Pace { protocol, domain, .. } = self.access {
            let pace = SecurityInfo::Pace(PaceInfo { protocol, version: 2, parameter_id: Some(domain) });
            image.files.insert(FileId::CARD_ACCESS, SecurityInfos::new([pace.clone()]).encode().to_vec());
            infos.push(pace);
        }
        if self.chip_auth.is_some() {
            infos.extend(
                made.infos().iter().filter(|i| matches!(i, SecurityInfo::ChipAuth(_) | SecurityInfo::ChipAuthPublicKey(_))).cloned(),
            );
        } else {
            image.chip_auth.clear();
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
            infos.push(SecurityInfo::ActiveAuth { hash });
        }
        image.files.remove(&dg(14));
        if !infos.is_empty() {
            image.files.insert(dg(14), tlv::encode(0x6E, SecurityInfos::new(infos).encode()));
        }
        let numbers: Vec<u8> = image.files.keys().filter_map(|file| file.dg_number()).collect();
        image.files.insert(FileId::COM, Com::new(numbers).encode());
        image
    }

    fn signed(&self) -> CardImage {
        let mut image = self.unsigned(7);
        AUTHORITY.sign(&mut image);
        image
    }

    fn passwords(&self) -> Vec<Password> {
        match self.access {
            Access::Pace { by_can: true, .. } => vec![can(CAN)],
            _ => vec![mrz(&document::mrz())],
        }
    }

    fn inspect(&self, image: &CardImage) -> Report {
        let verifier = Verifier::new(AUTHORITY.trust());
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
        faults.push(("key of DG14", |kind, image| image.chip_auth = kind.unsigned(8).chip_auth, ("ca", "key-not-proven")));
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
    }
}
