//! What a document holds beside the usual: portraits in other forms, fingers and irises, keys of Chip Authentication, another MRZ.

use applets::rng::SeededRng;
use eid::crypto::agreement::{AgreementPrivateKey, Domain};
use eid::date::Date;
use eid::image::{CardImage, ChipAuthKey, FileId};
use eid::lds::Elementary as _;
use eid::lds::biometrics::face::FaceImage;
use eid::lds::biometrics::finger::{FingerRecord, compression};
use eid::lds::biometrics::image;
use eid::lds::biometrics::iris::{self, IrisRecord};
use eid::lds::biometrics::iso39794::face::{self as face39794, FaceBlock};
use eid::lds::card_access::CardAccess;
use eid::lds::dg1::Dg1;
use eid::lds::dg2::Dg2;
use eid::lds::dg3::Dg3;
use eid::lds::dg4::Dg4;
use eid::lds::dg14::Dg14;
use eid::lds::security_info::{Agreement, ChipAuthInfo, ChipAuthProtocol, ChipAuthPublicKeyInfo, KeyId, SecurityInfo, SecurityInfos};
use eid::mrz::Mrz;
use eid::protocol::bac;
use eid::secret::Secret;

use super::edit::EditError;
use super::issue::FaultyError;
use super::plan::{Plan, wrong};
use crate::people;
use crate::perso::profile::{DocumentProfile, TerminalAuthentication};

const WSQ: &[u8] = include_bytes!("../../fixtures/pictures/ridges.wsq");
const JP2: &[u8] = include_bytes!("../../fixtures/pictures/grey.jp2");
const JP2_IN_COLOUR: &[u8] = include_bytes!("../../fixtures/pictures/rgb.jp2");

/// A picture without compression: width, height, and a byte for each point.
const RAW: (u16, u16) = (40, 24);

/// Positions of the fingers, in the order in which they are added.
const FINGERS: [u8; 3] = [2, 7, 1];

/// Longer than what READ BINARY with an even instruction reaches.
const LARGE: usize = 36_000;

/// The profile with the files that `plan` adds, and whether its chip guards them.
pub(super) fn prepare(plan: &Plan, profile: &DocumentProfile) -> Result<(DocumentProfile, bool), FaultyError> {
    let mut profile = match plan.word("profile") {
        Some(name) => DocumentProfile::load(name).map_err(|error| wrong("profile", "a document profile", error.to_string()))?,
        None => profile.clone(),
    };
    for (word, number) in [("fingers", 3), ("irises", 4)] {
        if plan.word(word).is_some() {
            profile.files.data_groups.push(number);
            profile.files.data_groups.sort_unstable();
            profile.files.data_groups.dedup();
        }
    }
    let guards = ["fingers", "irises", "ta"].iter().any(|word| plan.word(word).is_some());
    if guards {
        profile.terminal_authentication = Some(TerminalAuthentication { version: 1 });
    }
    Ok((profile, guards))
}

/// What `plan` puts in the place of what was built.
pub(super) fn replace(plan: &Plan, image: &mut CardImage, today: Date, seed: u64) -> Result<(), FaultyError> {
    if let Some(text) = plan.word("mrz") {
        let (mrz, _) = Mrz::read(text).map_err(|error| wrong("mrz", "an MRZ", error.to_string()))?;
        image.passwords.mrz_seed = Some(bac::mrz_seed(&mrz.information()));
        put(image, Dg1 { mrz, deviations: Vec::new() });
    }
    if let Some(digits) = plan.word("can") {
        image.passwords.can = Some(Secret::from(digits.as_bytes()));
        image.passwords.mrz_seed = None;
    }
    if let Some(form) = plan.word("portrait") {
        let portrait = image.files.get(&Dg2::FILE).and_then(|bytes| Dg2::parse(bytes).ok());
        let portrait = portrait.as_ref().and_then(|dg2| dg2.portraits().next()).unwrap_or_default().to_vec();
        put(image, portrait_in(form, portrait, today, seed)?);
    }
    if let Some(form) = plan.word("fingers") {
        put(image, fingers(form)?);
    }
    if let Some(form) = plan.word("irises") {
        put(image, irises(form)?);
    }
    if let Some(domains) = plan.word("ca") {
        chip_keys(domains, image, seed)?;
    }
    Ok(())
}

fn put<E: eid::lds::Elementary>(image: &mut CardImage, file: E) {
    image.files.insert(E::FILE, file.encode());
}

/// DG2 of `jpeg`, or of another picture, in the form of this name.
fn portrait_in(form: &str, jpeg: Vec<u8>, today: Date, seed: u64) -> Result<Dg2, FaultyError> {
    let record = |picture: Vec<u8>| FaceImage::portrait(picture).map_err(|error| wrong("portrait", "a picture", error.to_string()));
    Ok(match form {
        "jp2" => Dg2::new(record(JP2_IN_COLOUR.to_vec())?),
        // what is in the file's box: from the start of the codestream (FF4F) and its size (FF51) on
        "codestream" => {
            let start = JP2_IN_COLOUR.windows(4).position(|window| window == [0xFF, 0x4F, 0xFF, 0x51]).unwrap_or_default();
            Dg2::new(record(JP2_IN_COLOUR.get(start..).unwrap_or_default().to_vec())?)
        }
        "empty" => Dg2::new(FaceImage { image: Vec::new(), ..record(jpeg)? }),
        "large" => {
            // a comment (FFFE) after the start of the image
            let (start, rest) = jpeg.split_at_checked(2).ok_or_else(|| wrong("portrait", "a JPEG", "none"))?;
            let comment = u16::try_from(LARGE.saturating_sub(rest.len())).unwrap_or(2).max(2);
            let filler = vec![b' '; usize::from(comment) - 2];
            Dg2::new(record([start, &[0xFF, 0xFE], &comment.to_be_bytes(), &filler, rest].concat())?)
        }
        "points" => {
            // the centres of the eyes, 12.1 and 12.2 of ISO/IEC 14496-2: type, code, x, y, reserved
            let points = vec![[1, 0xC1, 0, 0x78, 0, 0xA0, 0, 0], [1, 0xC2, 0, 0xB4, 0, 0xA0, 0, 0]];
            Dg2::new(FaceImage { feature_points: points, ..record(jpeg)? })
        }
        "39794" => Dg2::new_39794(FaceBlock::portrait(jpeg, face39794::format::JPEG)),
        "other" => {
            let other = people::citizen(seed.wrapping_add(1), 1, today);
            Dg2::new(record(other.load("portrait.jpg").map_err(|found| wrong("portrait", "a portrait", found))?)?)
        }
        other => return Err(wrong("portrait", "jp2, codestream, empty, large, points, 39794, or other", other).into()),
    })
}

fn raw() -> Vec<u8> {
    (0..RAW.1).flat_map(|y| (0..RAW.0).map(move |x| x * 6 + y)).map(|value| value.to_be_bytes()[1]).collect()
}

/// `FORMAT N`, or `none`.
fn counted<'a>(word: &str, text: &'a str) -> Result<(&'a str, usize), EditError> {
    let expected = || wrong(word, "wsq, jp2, or raw and a number of 1 to 3, or none", text);
    match text.split_once(' ') {
        None if text == "none" => Ok((text, 0)),
        Some((format, count)) => {
            count.parse().ok().filter(|count| (1..=FINGERS.len()).contains(count)).map(|count| (format, count)).ok_or_else(expected)
        }
        None => Err(expected()),
    }
}

/// Random octets of a file without a picture, which must not be known from its hash; these are known all the same.
fn filler() -> Vec<u8> {
    (0..16).map(|n| 0xA5 ^ n).collect()
}

fn fingers(text: &str) -> Result<Dg3, FaultyError> {
    let (format, count) = counted("fingers", text)?;
    let size =
        |bytes: &[u8]| image::sniff(bytes).ok().and_then(|header| Some((header.width.try_into().ok()?, header.height.try_into().ok()?)));
    let (kind, (width, height), picture) = match format {
        "none" => return Ok(Dg3::empty(filler())),
        "wsq" => (compression::WSQ, size(WSQ).unwrap_or_default(), WSQ.to_vec()),
        "jp2" => (compression::JPEG_2000, size(JP2).unwrap_or_default(), JP2.to_vec()),
        "raw" => (compression::NONE, RAW, raw()),
        other => return Err(wrong("fingers", "wsq, jp2, raw, or none", other).into()),
    };
    Ok(Dg3::new(FINGERS.into_iter().take(count).map(|position| FingerRecord::one(position, kind, width, height, picture.clone()))))
}

fn irises(text: &str) -> Result<Dg4, FaultyError> {
    let (format, count) = counted("irises", text)?;
    let (kind, picture) = match format {
        "none" => return Ok(Dg4 { irises: Vec::new(), filler: Some(filler()) }),
        "jp2" => (iris::format::GREY_JPEG_2000, JP2.to_vec()),
        "raw" => (iris::format::GREY_RAW, raw()),
        other => return Err(wrong("irises", "jp2, raw, or none", other).into()),
    };
    Ok(Dg4::new([1, 2].into_iter().take(count).map(|eye| IrisRecord::one(eye, kind, RAW.0, RAW.1, picture.clone()))))
}

/// Keys of Chip Authentication over the domains of these ids, with AES-128, in the place of the chip's own; with several each has an id.
fn chip_keys(domains: &str, image: &mut CardImage, seed: u64) -> Result<(), FaultyError> {
    let expected = || wrong("ca", "ids of standardized domain parameters", domains);
    let suite = eid::crypto::kdf::Suite::Aes128;
    let ids: Option<Vec<u8>> = domains.split(' ').map(|id| id.parse().ok()).collect();
    let ids = ids.ok_or_else(expected)?;
    let (mut access, mut keys) = (Vec::new(), Vec::new());
    image.chip_auth.clear();
    for (n, id) in (1u32..).zip(&ids) {
        let key_id = (ids.len() > 1).then_some(n);
        let domain = Domain::standardized(*id).ok_or_else(expected)?;
        let agreement = if matches!(domain, Domain::Ec(_)) { Agreement::Ecdh } else { Agreement::Dh };
        let key = AgreementPrivateKey::generate(
            &domain,
            &mut SeededRng::new(&[&seed.to_be_bytes()[..], b"chip authentication", &[*id]].concat()),
        );
        let spki = eid::cert::spki::agreement::encode(&key.public());
        let info = ChipAuthInfo { protocol: ChipAuthProtocol { agreement, suite }, version: 1, key_id: key_id.map(KeyId::from) };
        access.push(SecurityInfo::ChipAuth(info));
        keys.push(SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo { agreement, spki, key_id: key_id.map(KeyId::from) }));
        image.chip_auth.push(ChipAuthKey { key, key_id });
    }
    let others = |bytes: Option<&Vec<u8>>, read: fn(&[u8]) -> Option<SecurityInfos>| {
        let infos = bytes.and_then(|bytes| read(bytes));
        let infos = infos.iter().flat_map(|infos| infos.infos().to_vec());
        infos.filter(|info| !matches!(info, SecurityInfo::ChipAuth(_) | SecurityInfo::ChipAuthPublicKey(_))).collect::<Vec<_>>()
    };
    let announced = others(image.files.get(&FileId::CARD_ACCESS), |bytes| SecurityInfos::parse(bytes).ok());
    let signed = others(image.files.get(&Dg14::FILE), |bytes| Dg14::parse(bytes).ok().map(|dg14| dg14.infos));
    put(image, CardAccess { infos: SecurityInfos::new(announced.into_iter().chain(access.clone())) });
    put(image, Dg14 { infos: SecurityInfos::new(signed.into_iter().chain(access).chain(keys)) });
    Ok(())
}
