//! Words that say with which protocols the chip of a document is made, and its keys: good documents of every kind, and what faults need.
//!
//! | word | what the chip does |
//! | --- | --- |
//! | `pace MAPPING SUITE DOMAIN`, again for each entry; `pace none` | PACE as EF.CardAccess says: `gm`, `im`, `cam`; `3des`, `aes-128`, `aes-192`, `aes-256`; id of the domain parameters, 0 to 2 for DH, 8 to 18 for ECDH. Without PACE there is Basic Access Control |
//! | `chip-auth SUITE DOMAIN [ID]`, again for each key; `chip-auth none` | Chip Authentication |
//! | `aa rsa BITS`, `aa ecdsa HASH DOMAIN`, `aa none` | Active Authentication; hashes `sha1` to `sha512` |
//! | `terminal ALGORITHM [KEY]` | Terminal Authentication, and DG3 behind it; `ecdsa-sha256 13`, `rsa-pkcs1-sha1 1024`, `rsa-pss-sha512 2048` |
//! | `link N`, `link spare` | with `terminal`: the chip trusts an older key, from which N links lead to that of the terminal; or the newest, and the terminal has a link |
//! | `with N`, `without N` | data group N is there, or is not: 3 (two fingers), 4 (two irises), 11, 12 |
//!
//! What no word says is as the profile has it.

use eid::cert::Time;
use eid::cert::spki;
use eid::cert::x509::Certificate;
use eid::crypto::agreement::{AgreementPrivateKey, Domain};
use eid::crypto::curve::{self, Curve};
use eid::crypto::hash::Hash;
use eid::crypto::kdf::Suite;
use eid::crypto::rsa;
use eid::crypto::signature::{Algorithm, PublicKey};
use eid::image::{ActiveAuthKey, CardImage, ChipAuthKey, FileId};
use eid::lds::Elementary as _;
use eid::lds::biometrics::finger::{FingerRecord, compression};
use eid::lds::biometrics::iris::{self, IrisRecord};
use eid::lds::card_security;
use eid::lds::com::Com;
use eid::lds::dg3::Dg3;
use eid::lds::dg4::Dg4;
use eid::lds::dg14::Dg14;
use eid::lds::dg15::Dg15;
use eid::lds::security_info::{
    Agreement, ChipAuthInfo, ChipAuthProtocol, ChipAuthPublicKeyInfo, KeyId, Mapping, PaceInfo, PaceProtocol, SecurityInfo, SecurityInfos,
};
use eid::signer::Signer;
use pki::key::algorithm_of_name;

use applets::rng::SeededRng;

use super::edit::EditError;
use super::issue::{Base, FaultyError};
use super::terminal::{Systems, Terminal, inspection_systems};
use crate::people;
use crate::perso::build::{guard, trust_points};
use crate::perso::profile::ActiveAuthentication;

/// The words.
pub(super) const WORDS: [&str; 7] = ["pace", "chip-auth", "aa", "terminal", "link", "with", "without"];
/// Id of the first key of Chip Authentication where chip authentication mapping has one of its own.
const CA_KEY: u32 = 40;
/// Group and bits of keys that no word names.
const DOMAIN: usize = 13;
const BITS: usize = 2048;
/// Most links that a word can ask for.
const MAX_LINKS: usize = 9;

/// The words that a fault of the catalogue needs ([`Fault::needs`](applets::fault::catalogue::Fault::needs)), in the language of injections. What
/// only the terminal needs, says nothing here.
#[must_use]
pub fn needed<'a>(needs: impl Iterator<Item = &'a str>) -> String {
    let word = |need| match need {
        "bac" => "pace none",
        "im" => "pace im aes-128 13",
        "cam" => "pace cam aes-128 13",
        "dh" => "pace gm aes-128 0",
        "pa" => "chip-auth none; aa none",
        "rsa" => "aa rsa 2048",
        "rsa-4096" => "aa rsa 4096",
        "sha1" => "aa ecdsa sha1 12",
        "ta" => "terminal ecdsa-sha256",
        "dg4" => "with 4",
        "ca-dh" => "chip-auth aes-128 1",
        "ca-3des" => "chip-auth 3des 13",
        _ => "",
    };
    needs.map(word).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What the words say, over what the profile says.
struct Chip {
    pace: Vec<(PaceProtocol, u8)>,
    chip_auth: Vec<(Suite, u8, Option<u32>)>,
    active_auth: Option<Active>,
    terminal: Option<(Algorithm, Option<usize>)>,
    links: Links,
    with: Vec<u8>,
    without: Vec<u8>,
}

enum Active {
    Rsa(usize),
    Ec(Curve, Hash),
}

#[derive(Clone, Copy)]
enum Links {
    Needed(usize),
    Spare,
}

impl Chip {
    fn of_profile(base: &Base<'_>) -> Self {
        let pace = base.profile.access.pace.iter().map(|parameters| (parameters.protocol(), parameters.id())).collect();
        let chip_auth = base.profile.chip_authentication.map(|ca| (ca.suite, ca.curve.parameter_id(), None));
        let active_auth = base.profile.active_authentication.map(|active| match active {
            ActiveAuthentication::Rsa2048 => Active::Rsa(BITS),
            ActiveAuthentication::Ec { curve, hash } => Active::Ec(curve, hash),
        });
        Self {
            pace,
            chip_auth: Vec::from_iter(chip_auth),
            active_auth,
            terminal: None,
            links: Links::Needed(0),
            with: Vec::new(),
            without: Vec::new(),
        }
    }

    fn new(base: &Base<'_>, words: &[(&str, &str)]) -> Result<Self, EditError> {
        let mut chip = Self::of_profile(base);
        let (mut pace, mut chip_auth) = (false, false);
        for &(word, value) in words {
            let wrong =
                |expected: &str| EditError { edit: format!("{word} {value}"), expected: expected.to_owned(), found: value.to_owned() };
            let parts: Vec<&str> = value.split_whitespace().collect();
            match (word, parts.as_slice()) {
                ("pace", entry) => {
                    if !std::mem::replace(&mut pace, true) {
                        chip.pace.clear();
                    }
                    if entry != ["none"] {
                        chip.pace.push(pace_of(entry).ok_or_else(|| wrong("none, or a mapping, suite, and domain that go together"))?);
                    }
                }
                ("chip-auth", key) => {
                    if !std::mem::replace(&mut chip_auth, true) {
                        chip.chip_auth.clear();
                    }
                    if key != ["none"] {
                        chip.chip_auth.push(chip_auth_of(key).ok_or_else(|| wrong("none, or a suite and domain, and the id of the key"))?);
                    }
                }
                ("aa", ["none"]) => chip.active_auth = None,
                ("aa", key) => chip.active_auth = Some(active_of(key).ok_or_else(|| wrong("none, rsa BITS, or ecdsa HASH DOMAIN"))?),
                ("terminal", [algorithm, key @ ..]) => {
                    let algorithm = algorithm_of_name(algorithm).ok_or_else(|| wrong("an algorithm: ecdsa-sha256"))?;
                    let key = match key {
                        [] => None,
                        [key] => Some(key.parse().map_err(|_| wrong("id of a curve, or bits"))?),
                        _ => return Err(wrong("an algorithm, and id of a curve or bits")),
                    };
                    chip.terminal = Some((algorithm, key));
                    chip.with.push(3);
                }
                ("link", ["spare"]) => chip.links = Links::Spare,
                ("link", [count]) => {
                    let count = count.parse().ok().filter(|&count| count <= MAX_LINKS);
                    chip.links = Links::Needed(count.ok_or_else(|| wrong("spare, or how many links"))?);
                }
                ("with", [number]) => chip.with.push(number_of(number, &[3, 4]).ok_or_else(|| wrong("3 or 4"))?),
                ("without", [number]) => {
                    chip.without.push(number_of(number, &[3, 4, 11, 12]).ok_or_else(|| wrong("3, 4, 11, or 12"))?);
                }
                _ => return Err(wrong("a value")),
            }
        }
        Ok(chip)
    }
}

fn number_of(text: &str, known: &[u8]) -> Option<u8> {
    text.parse().ok().filter(|number| known.contains(number))
}

fn suite_of(text: &str) -> Option<Suite> {
    let table = [("3des", Suite::TripleDes), ("aes-128", Suite::Aes128), ("aes-192", Suite::Aes192), ("aes-256", Suite::Aes256)];
    table.into_iter().find(|(name, _)| *name == text).map(|(_, suite)| suite)
}

fn domain_of(text: &str) -> Option<(u8, Domain)> {
    let id = text.parse().ok()?;
    Some((id, Domain::standardized(id)?))
}

const fn agreement(domain: &Domain) -> Agreement {
    if matches!(domain, Domain::Ec(_)) { Agreement::Ecdh } else { Agreement::Dh }
}

fn pace_of(words: &[&str]) -> Option<(PaceProtocol, u8)> {
    let [mapping, suite, domain] = words else { return None };
    let table = [("gm", Mapping::Generic), ("im", Mapping::Integrated), ("cam", Mapping::ChipAuthentication)];
    let mapping = table.into_iter().find(|(name, _)| name == mapping).map(|(_, mapping)| mapping)?;
    let (id, domain) = domain_of(domain)?;
    Some((PaceProtocol::new(mapping, agreement(&domain), suite_of(suite)?)?, id))
}

fn chip_auth_of(words: &[&str]) -> Option<(Suite, u8, Option<u32>)> {
    let (suite, domain, id) = match words {
        [suite, domain] => (suite, domain, None),
        [suite, domain, id] => (suite, domain, Some(id.parse().ok()?)),
        _ => return None,
    };
    Some((suite_of(suite)?, domain_of(domain)?.0, id))
}

fn active_of(words: &[&str]) -> Option<Active> {
    match words {
        ["rsa", bits] => bits.parse().ok().map(Active::Rsa),
        ["ecdsa", hash, domain] => match (algorithm_of_name(&format!("ecdsa-{hash}")), domain_of(domain)) {
            (Some(Algorithm::Ecdsa(hash)), Some((_, Domain::Ec(curve)))) => Some(Active::Ec(curve, hash)),
            _ => None,
        },
        _ => None,
    }
}

/// Who signs EF.CardSecurity.
pub(super) struct Issuer<'a> {
    pub(super) signer: &'a dyn Signer,
    pub(super) certificate: &'a Certificate,
    pub(super) seed: &'a [u8],
}

/// Gives `image` the protocols that `words` name, with new keys, and every file that tells of them; what a terminal then shows to it.
pub(super) fn equip(
    base: &Base<'_>,
    words: &[(&str, &str)],
    issuer: &Issuer<'_>,
    image: &mut CardImage,
) -> Result<Option<Terminal>, FaultyError> {
    if words.is_empty() {
        return Ok(None);
    }
    let chip = Chip::new(base, words)?;
    protocols(base, &chip, issuer, image)?;
    for number in &chip.with {
        let group = FileId::dg(*number).zip(biometrics(base, *number));
        image.files.extend(group);
    }
    image.files.retain(|file, _| !file.dg_number().is_some_and(|number| chip.without.contains(&number)));
    let numbers: Vec<u8> = image.files.keys().filter_map(|file| file.dg_number()).collect();
    let files = &base.profile.files;
    let com = Com { lds_version: files.lds_version.clone(), unicode_version: files.unicode_version.clone(), ..Com::new(numbers) };
    image.files.insert(FileId::COM, com.encode());
    let Some((algorithm, key)) = chip.terminal else { return Ok(None) };
    let key = key.unwrap_or(if matches!(algorithm, Algorithm::Ecdsa(_)) { DOMAIN } else { BITS });
    let (links, spare) = match chip.links {
        Links::Needed(count) => (count, false),
        Links::Spare => (1, true),
    };
    let systems = Systems { links, spare, algorithm, key };
    let (trusted, terminal) = inspection_systems(base.country.0, &systems, issuer.seed, base.today)?;
    guard(image, trust_points(&[trusted], base.today)?);
    Ok(Some(terminal))
}

/// EF.CardAccess, EF.CardSecurity, EF.DG14, EF.DG15, and the keys behind them.
fn protocols(base: &Base<'_>, chip: &Chip, issuer: &Issuer<'_>, image: &mut CardImage) -> Result<(), FaultyError> {
    let mut rng = SeededRng::new(&[issuer.seed, b"protocols"].concat());
    let pace = |&(protocol, id): &(PaceProtocol, u8)| SecurityInfo::Pace(PaceInfo { protocol, version: 2, parameter_id: Some(id) });
    let mut announced: Vec<_> = chip.pace.iter().map(pace).collect();
    let (mut keys, mut of_mapping, mut of_chip) = (Vec::new(), Vec::new(), Vec::new());
    let mut add = |domain: u8, key_id: Option<u32>| -> Option<(Agreement, SecurityInfo)> {
        let domain = Domain::standardized(domain)?;
        let agreement = agreement(&domain);
        let key = AgreementPrivateKey::generate(&domain, &mut rng);
        let spki = spki::agreement::encode(&key.public());
        keys.push(ChipAuthKey { key, key_id });
        Some((agreement, SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo { agreement, spki, key_id: key_id.map(KeyId::from) })))
    };
    let mut mapped: Vec<u8> =
        chip.pace.iter().filter(|(protocol, _)| protocol.mapping() == Mapping::ChipAuthentication).map(|(_, id)| *id).collect();
    mapped.dedup();
    for domain in &mapped {
        of_mapping.extend(add(*domain, Some((*domain).into())).map(|(_, info)| info));
    }
    announced.extend(chip.terminal.map(|_| SecurityInfo::TerminalAuth { version: 1, ef_cvca: None }));
    for (n, &(suite, domain, id)) in (0..).zip(&chip.chip_auth) {
        let id = id.or((!mapped.is_empty()).then_some(CA_KEY + n));
        let Some((agreement, key)) = add(domain, id) else { continue };
        let protocol = ChipAuthProtocol { agreement, suite };
        announced.push(SecurityInfo::ChipAuth(ChipAuthInfo { protocol, version: 1, key_id: id.map(KeyId::from) }));
        of_chip.push(key);
    }
    image.chip_auth = keys;
    image.active_auth = None;
    if let Some(active) = &chip.active_auth {
        let (key, public) = active.generate(&mut SeededRng::new(&[issuer.seed, b"active"].concat()))?;
        image.active_auth = Some(key);
        image.files.extend(FileId::dg(15).map(|file| (file, Dg15::new(&public).encode())));
        if let Active::Ec(_, hash) = active {
            of_chip.push(SecurityInfo::ActiveAuth { hash: *hash });
        }
    }
    let infos = |more: &[SecurityInfo]| SecurityInfos::new(announced.iter().chain(more).cloned());
    let absent = |file: &FileId| match file.dg_number() {
        Some(14) => of_chip.is_empty() && mapped.is_empty(),
        Some(15) => chip.active_auth.is_none(),
        _ => *file == FileId::CARD_ACCESS && chip.pace.is_empty() || *file == FileId::CARD_SECURITY && mapped.is_empty(),
    };
    let mut files = vec![(FileId::CARD_ACCESS, infos(&[]).encode().to_vec())];
    files.extend(FileId::dg(14).map(|file| (file, Dg14 { infos: infos(&of_chip) }.encode())));
    if !mapped.is_empty() {
        let time = Some(Time::midnight(base.today));
        let signed = card_security::build(&infos(&of_mapping), issuer.signer, issuer.certificate, time);
        let signed = signed.map_err(|error| FaultyError::Authority(format!("EF.CardSecurity: {error}")))?;
        files.push((FileId::CARD_SECURITY, signed));
    }
    image.files.extend(files);
    image.files.retain(|file, _| !absent(file));
    Ok(())
}

impl Active {
    fn generate(&self, rng: &mut SeededRng) -> Result<(ActiveAuthKey, PublicKey), FaultyError> {
        match self {
            Self::Ec(curve, _) => {
                let key = curve::PrivateKey::generate(*curve, rng);
                let public = PublicKey::Ec(key.public());
                Ok((ActiveAuthKey::Ec(key), public))
            }
            Self::Rsa(bits) => {
                let key = rsa::PrivateKey::generate(*bits, rng).map_err(|error| FaultyError::Authority(error.to_string()))?;
                let public = key.public();
                let chip = ActiveAuthKey::Rsa { modulus: public.modulus().to_vec(), private_exponent: key.private_exponent() };
                Ok((chip, PublicKey::Rsa(public)))
            }
        }
    }
}

/// DG3 with two fingers, or DG4 with two irises, of a person who does not exist.
fn biometrics(base: &Base<'_>, number: u8) -> Option<Vec<u8>> {
    let citizen = people::citizen(1, 1, base.today);
    // drawn fingers are 192 x 256, grey
    let picture = |name: &str| citizen.load(name).ok().map(|bytes| (192, 256, bytes));
    let (right, left) = (picture("right-index.jpg")?, picture("left-index.jpg")?);
    Some(if number == 3 {
        let record = |position, (width, height, bytes)| FingerRecord::one(position, compression::JPEG, width, height, bytes);
        // ISO/IEC 19794-4 table 6: right and left index finger
        Dg3::new([record(2, right), record(7, left)]).encode()
    } else {
        let record = |side, (width, height, bytes)| IrisRecord::one(side, iris::format::GREY_JPEG, width, height, bytes);
        // ISO/IEC 19794-6: right and left eye
        Dg4::new([record(1, right), record(2, left)]).encode()
    })
}
