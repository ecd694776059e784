//! The making of a document in stages, with an edit between any two of them.

use std::collections::BTreeMap;

use applets::rng::SeededRng;
use eid::cert::{CertError, Time};
use eid::crypto::hash::Hash;
use eid::date::Date;
use eid::image::{CardImage, FileId};
use eid::lds::card_security::CardSecurity;
use eid::lds::sod;
use eid::mrz::Mrz;
use eid::oid;
use eid::protocol::bac;
use eid::signer::SignerError;
use eid::tlv::{self, TlvError};

use super::authority::Authority;
use super::chip::{self, Issuer};
use super::content;
use super::edit::{Edit, EditError};
use super::list;
use super::message::Message;
use super::plan::{Plan, STAGES, wrong};
use super::terminal::{Systems, Terminal, inspection_systems};
use crate::perso::build::{self, BuildError, ChipKeys, Signing, guard, trust_points};
use crate::perso::profile::DocumentProfile;
use crate::perso::record::Record;

/// What a faulty document is made from.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// The person.
    pub record: &'a Record,
    /// The document.
    pub profile: &'a DocumentProfile,
    /// The day of issue.
    pub today: Date,
    /// Country of the authority, two letters, and its code in the MRZ.
    pub country: (&'a str, &'a str),
}

/// A document with its defect, and what its verifier has.
#[derive(Clone, Debug)]
pub struct Faulty {
    /// The card.
    pub image: CardImage,
    /// The lines of the MRZ as it is printed on the document, one below the other.
    pub printed: String,
    /// The card access number, if the chip opens by that and not by the MRZ.
    pub can: Option<String>,
    /// Certificates of CSCAs that the verifier trusts, DER.
    pub anchors: Vec<Vec<u8>>,
    /// Revocation lists that the verifier has, DER.
    pub lists: Vec<Vec<u8>>,
    /// Master lists that the verifier has, DER.
    pub master_lists: Vec<Vec<u8>>,
    /// Deviation lists that the verifier has, DER.
    pub deviation_lists: Vec<Vec<u8>>,
    /// What the verifier's terminal shows to the chip, if it guards fingers or irises.
    pub terminal: Option<Terminal>,
}

impl Faulty {
    /// What the verifier trusts and has, as files of one folder, each with its name: `csca-1.cer`, `csca-1.crl`, `list-1.ml`, `deviations-1.dl`,
    /// counted from 1.
    pub fn trust_files(&self) -> impl Iterator<Item = (String, &[u8])> {
        let lists = numbered("list", "ml", &self.master_lists).chain(numbered("deviations", "dl", &self.deviation_lists));
        numbered("csca", "cer", &self.anchors).chain(self.revocation_files()).chain(lists)
    }

    /// The revocation lists among them: `csca-1.crl`.
    pub fn revocation_files(&self) -> impl Iterator<Item = (String, &[u8])> {
        numbered("csca", "crl", &self.lists)
    }
}

/// Each with its name: `csca-1.cer`, `csca-2.cer`, and so on.
pub(super) fn numbered<'a>(stem: &'a str, extension: &'a str, all: &'a [Vec<u8>]) -> impl Iterator<Item = (String, &'a [u8])> {
    (1..).zip(all).map(move |(n, bytes): (u32, _)| (format!("{stem}-{n}.{extension}"), bytes.as_slice()))
}

/// Why there is no faulty document.
#[derive(Debug, thiserror::Error)]
pub enum FaultyError {
    /// The injection cannot be read, or there is nothing to change where it says.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The right document could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The authority could not be made.
    #[error("authority: {0}")]
    Authority(String),
    /// A key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// What was to be signed again is no such structure.
    #[error("structure: {0}")]
    Structure(#[from] TlvError),
    /// A certificate that was made is none.
    #[error("certificate: {0}")]
    Certificate(#[from] CertError),
}

/// The file that a target names.
fn file(name: &str) -> Option<FileId> {
    let number = name.strip_prefix("DG").and_then(|number| number.parse().ok()).and_then(FileId::dg);
    number.or(match name {
        "COM" => Some(FileId::COM),
        "SOD" => Some(FileId::SOD),
        "CVCA" => Some(FileId::CVCA),
        "CardAccess" => Some(FileId::CARD_ACCESS),
        "CardSecurity" => Some(FileId::CARD_SECURITY),
        "ATR-INFO" => Some(FileId::ATR_INFO),
        "DIR" => Some(FileId::DIR),
        _ => None,
    })
}

/// The document of `base` with the defects of `injection`; the same `seed` gives the same keys.
///
/// # Errors
/// Any [`FaultyError`].
pub fn make(base: &Base<'_>, injection: &str, seed: u64) -> Result<Faulty, FaultyError> {
    let plan = Plan::new(injection)?;
    if let Some(unknown) = plan.edits.iter().find(|edit| file(&edit.target).is_none() && !STAGES.contains(&edit.target.as_str())) {
        return Err(wrong(injection, format!("a file or one of {}", STAGES.join(", ")), unknown.target.clone()).into());
    }
    let country = plan.word("country").and_then(|value| value.split_once(' ')).unwrap_or(base.country);
    let (profile, guards) = content::prepare(&plan, base.profile)?;
    let base = &Base { country, profile: &profile, ..*base };
    let bytes = seed.to_be_bytes();
    let authority = Authority::new(base, &plan, &bytes)?;
    let (mut image, shown) = personalized(base, &plan, &authority, seed)?;
    let terminal = if guards { Some(guarded(base, &plan, &mut image, &bytes)?) } else { shown };
    let before = printed(&plan, &image)?;
    files(&plan.edits, &mut image)?;
    let printed = match plan.word("page") {
        None => before,
        Some("chip") => {
            let lines = printed(&plan, &image)?;
            let (mrz, _) = Mrz::read(&lines).map_err(|error| wrong("page", "an MRZ in DG1", error.to_string()))?;
            image.passwords.mrz_seed = Some(bac::mrz_seed(&mrz.information()));
            lines
        }
        Some(found) => return Err(wrong("page", "chip", found).into()),
    };
    sign(base, Some(&plan), &authority, &mut image)?;
    let theirs = || -> Result<CardImage, FaultyError> {
        let (mut image, _) = personalized(base, &plan, &authority, seed.wrapping_add(1))?;
        sign(base, None, &authority, &mut image)?;
        Ok(image)
    };
    if plan.word("another").is_some() || plan.word("keys").is_some() {
        let theirs = theirs()?;
        for name in plan.words("another") {
            let id = file(name).ok_or_else(|| wrong("another", "a file", name))?;
            match theirs.files.get(&id) {
                Some(bytes) => _ = image.files.insert(id, bytes.clone()),
                None => _ = image.files.remove(&id),
            }
        }
        match plan.word("keys") {
            None => {}
            Some("other") => (image.chip_auth, image.active_auth) = (theirs.chip_auth, theirs.active_auth),
            Some(found) => return Err(wrong("keys", "other", found).into()),
        }
    }
    for name in plan.words("lost") {
        image.files.retain(|id, _| Some(*id) != file(name));
    }
    files(&plan.late, &mut image)?;

    let known = authority.old.as_ref().unwrap_or(&authority.csca).der().to_vec();
    let anchor = plan.stage("CSCA", known)?;
    let (mut anchors, mut master_lists) = (vec![anchor], Vec::new());
    match plan.word("trust") {
        None => {}
        Some("none") => anchors.clear(),
        Some("other") => anchors = vec![authority.impostor(base, false)?],
        Some("same-id") => anchors = vec![authority.impostor(base, true)?],
        Some("list") => {
            let (anchor, list) = list::of_another_state(base, &authority.csca, &bytes)?;
            (anchors, master_lists) = (vec![anchor], vec![list]);
        }
        Some(found) => return Err(wrong("trust", "none, other, same-id, or list", found).into()),
    }
    let deviation_lists = plan.word("deviation").map(|kind| list::deviations(base, &authority, kind, &bytes)).transpose()?;
    Ok(Faulty {
        image,
        printed,
        can: plan.word("can").map(str::to_owned),
        anchors,
        lists: authority.list(base, &plan)?.into_iter().collect(),
        master_lists,
        deviation_lists: deviation_lists.into_iter().collect(),
        terminal,
    })
}

/// The document before its edits, not signed by whom it should be, and what a terminal shows to it.
fn personalized(base: &Base<'_>, plan: &Plan, authority: &Authority, seed: u64) -> Result<(CardImage, Option<Terminal>), FaultyError> {
    let mut rng = SeededRng::new(&[&seed.to_be_bytes()[..], b"chip"].concat());
    let keys = ChipKeys::generate(base.profile, &mut rng)?;
    let (certificate, signer) = &authority.plain;
    let signing = Signing { signer, certificate: certificate.der(), today: base.today };
    let mut image = build::build(base.record, base.profile, &keys, signing)?;
    let issuer = Issuer { signer, certificate, seed: &seed.to_be_bytes() };
    let terminal = chip::equip(base, &plan.chip(), &issuer, &mut image)?;
    content::replace(plan, &mut image, base.today, seed)?;
    Ok((image, terminal))
}

/// Makes the chip guard fingers and irises for the terminal that comes back.
fn guarded(base: &Base<'_>, plan: &Plan, image: &mut CardImage, seed: &[u8]) -> Result<Terminal, FaultyError> {
    let number = |word: &str| -> Result<i64, EditError> {
        let value = plan.word(word).unwrap_or("0");
        value.parse().ok().filter(|n| (0..=1000).contains(n)).ok_or_else(|| wrong(word, "a number of 0 to 1000", value))
    };
    let links = usize::try_from(number("ta")?).unwrap_or_default();
    let systems = Systems { links, ..Systems::default() };
    let (root, terminal) = inspection_systems(base.country.0, &systems, seed, base.today)?;
    guard(image, trust_points(&[root], base.today.plus_days(number("chip-date")?))?);
    Ok(terminal)
}

/// The MRZ as it is printed: that of the chip, before it was edited, with its own edits.
fn printed(plan: &Plan, image: &CardImage) -> Result<String, FaultyError> {
    let dg1 = FileId::dg(1).and_then(|id| image.files.get(&id)).cloned().unwrap_or_default();
    let page = plan.stage("PAGE", dg1)?;
    let zone = tlv::single(&page, 0x61)?.reader().next()?.map(|zone| zone.value.to_vec()).unwrap_or_default();
    let width = match zone.len() {
        90 => 30,
        72 => 36,
        _ => 44,
    };
    let lines: Vec<_> = zone.chunks(width).map(String::from_utf8_lossy).collect();
    Ok(lines.join("\n"))
}

/// Edits of files: those that are there are changed, one that is not there can be given content.
fn files(edits: &[Edit], image: &mut CardImage) -> Result<(), FaultyError> {
    for edit in edits {
        let Some(id) = file(&edit.target).filter(|id| !matches!(*id, FileId::SOD | FileId::CARD_SECURITY)) else { continue };
        let bytes = image.files.get(&id).cloned().unwrap_or_default();
        match edit.apply(&bytes)? {
            Some(bytes) => _ = image.files.insert(id, bytes),
            None => _ = image.files.remove(&id),
        }
    }
    Ok(())
}

/// What a terminal reads of a file: as many bytes as its first length announces.
fn as_read(bytes: &[u8]) -> &[u8] {
    let announced = tlv::announced_len(bytes).unwrap_or(bytes.len());
    bytes.get(..announced).unwrap_or(bytes)
}

/// EF.SOD, and EF.CardSecurity where there is one, over the files as they are now. Without a plan they are as they should be.
fn sign(base: &Base<'_>, plan: Option<&Plan>, authority: &Authority, image: &mut CardImage) -> Result<(), FaultyError> {
    let none = Plan::default();
    let stages = plan.unwrap_or(&none);
    let hash = match stages.word("hash") {
        None => base.profile.sod.hash,
        Some(name) => {
            let found = Hash::ALL.into_iter().find(|hash| hash.name().eq_ignore_ascii_case(name));
            found.ok_or_else(|| wrong("hash", Hash::ALL.map(Hash::name).join(", "), name))?
        }
    };
    let mut hashes: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    for (file, bytes) in &image.files {
        if let Some(number) = file.dg_number() {
            hashes.insert(number, hash.digest(&[as_read(bytes)]));
        }
    }
    let files = &base.profile.files;
    let version = sod::LdsVersion { lds: files.lds_version.clone(), unicode: files.unicode_version.clone() };
    let version = Some(&version).filter(|_| base.profile.sod.lds_version == 1);
    let content = stages.stage("LDSSO", security_object(&hashes, hash, version)?)?;
    let time = Time::midnight(base.today);
    let fallback = [authority.csca.subject(), &tlv::encode(0x02, &[0x22])].concat();
    let certificates: Vec<_> = std::iter::once(authority.signer(stages, "TBS", "DS")?).chain(authority.beside.iter().cloned()).collect();
    let message = Message {
        kind: oid::LDS_SECURITY_OBJECT,
        content: &content,
        signer: &authority.ds_key,
        certificates: &certificates,
        by_key_id: None,
        fallback: &fallback,
        time,
    };
    match stages.apply("SIGNED", tlv::encode(0x77, &message.sign(plan)?))? {
        Some(sod) => _ = image.files.insert(FileId::SOD, sod),
        None => _ = image.files.remove(&FileId::SOD),
    }

    let Some(security) = image.files.get(&FileId::CARD_SECURITY).and_then(|bytes| CardSecurity::parse(bytes).ok()) else { return Ok(()) };
    let other = match stages.word("security") {
        None => None,
        Some("other") => Some(Authority::new(base, &Plan::default(), b"another")?),
        Some(found) => return Err(wrong("security", "other", found).into()),
    };
    let by = other.as_ref().unwrap_or(authority);
    let content = stages.stage("CS-INFOS", security.infos.encode().to_vec())?;
    let certificates: Vec<_> = std::iter::once(by.signer(stages, "CS-TBS", "CS-DS")?).chain(by.beside.iter().cloned()).collect();
    let message = Message { kind: oid::SECURITY_OBJECT, content: &content, signer: &by.ds_key, certificates: &certificates, ..message };
    match stages.apply("CardSecurity", message.sign(None)?)? {
        Some(file) => _ = image.files.insert(FileId::CARD_SECURITY, file),
        None => _ = image.files.remove(&FileId::CARD_SECURITY),
    }
    Ok(())
}

/// LDSSecurityObject over any data groups: a list without DG1 is a defect, too.
fn security_object(hashes: &BTreeMap<u8, Vec<u8>>, hash: Hash, version: Option<&sod::LdsVersion>) -> Result<Vec<u8>, FaultyError> {
    let entry = |(number, value): (&u8, &Vec<u8>)| tlv::encode(0x30, &[tlv::encode(0x02, &[*number]), tlv::encode(0x04, value)].concat());
    let list: Vec<u8> = hashes.iter().flat_map(entry).collect();
    let digest = eid::cert::algorithm::encode_digest(hash);
    let mut body = [tlv::encode(0x02, &[u8::from(version.is_some())]), digest, tlv::encode(0x30, &list)].concat();
    if let Some(version) = version {
        let info = [tlv::encode(0x13, version.lds.as_bytes()), tlv::encode(0x13, version.unicode.as_bytes())].concat();
        tlv::push(&mut body, 0x30, &info);
    }
    Ok(tlv::encode(0x30, &body))
}
