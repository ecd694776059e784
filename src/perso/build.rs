//! From a record to a card image: data groups, their hashes, EF.SOD, EF.COM, EF.CardAccess, and the chip's secrets.
//!
//! Pure: date, randomness, keys, and the signer are arguments. Refused: a signer whose algorithm the profile does not allow, whose
//! certificate is another key's, is out of its period of use, does not cover the document's validity, or is not for this kind of document.

use eid::cert::chat::TerminalType;
use eid::cert::cms::build::SignError;
use eid::cert::cvc::{Cvc, TrustPoint, TrustPoints};
use eid::cert::spki;
use eid::cert::x509::Certificate;
use eid::cert::{CertError, Time};
use eid::crypto::agreement::{AgreementKey, Domain};
use eid::crypto::curve;
use eid::crypto::rsa;
use eid::crypto::signature::{PublicKey, SignatureError};
use eid::date::Date;
use eid::image::{ActiveAuthKey, CardImage, ChipAuthKey, EID_AID, EMRTD_AID, FileId, Passwords, RestrictedIdKey};
use eid::lds::Elementary;
use eid::lds::biometrics::face::FaceImage;
use eid::lds::biometrics::finger::{FingerRecord, compression};
use eid::lds::biometrics::image::{self, ImageError, ImageKind};
use eid::lds::biometrics::iris::{self, IrisRecord};
use eid::lds::card_access::CardAccess;
use eid::lds::card_security;
use eid::lds::com::Com;
use eid::lds::cvca::Cvca;
use eid::lds::details::Element;
use eid::lds::dg1::Dg1;
use eid::lds::dg2::Dg2;
use eid::lds::dg3::Dg3;
use eid::lds::dg4::Dg4;
use eid::lds::dg11::{self, Dg11};
use eid::lds::dg12::{self, Dg12};
use eid::lds::dg13::{Dg13, Field, Person};
use eid::lds::dg14::Dg14;
use eid::lds::dg15::Dg15;
use eid::lds::dir::Dir;
use eid::lds::security_info::{
    Agreement, ChipAuthInfo, ChipAuthProtocol, ChipAuthPublicKeyInfo, KeyId, PaceInfo, SecurityInfo, SecurityInfos,
};
use eid::lds::sod;
use eid::oid;
use eid::protocol::bac;
use eid::protocol::cross_check::document::NO_EXPIRY;
use eid::protocol::pace::Parameters;
use eid::secret::Secret;
use eid::signer::Signer;
use eid::tlv;
use rand_core::CryptoRng;

use super::profile::{ActiveAuthentication, DocumentProfile, SignatureScheme};
use super::record::{Record, Sex};

mod eid_application;

/// Bits of an RSA key of Active Authentication.
const RSA_BITS: usize = 2048;

/// Why there is no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The document signer does not fit the document.
    #[error("document signer {subject}: expected {expected}, found {found}")]
    Signer {
        /// Subject of its certificate.
        subject: String,
        /// What the document needs.
        expected: String,
        /// What the signer has.
        found: String,
    },
    /// The document signer's certificate cannot be read.
    #[error("certificate of the document signer: {0}")]
    Certificate(#[from] CertError),
    /// EF.SOD was not made.
    #[error("EF.SOD: {0}")]
    Sod(#[from] sod::BuildError),
    /// EF.CardSecurity was not made.
    #[error("EF.CardSecurity: {0}")]
    CardSecurity(#[from] SignError),
    /// The portrait does not go into DG2.
    #[error("EF.DG2: {0}")]
    Portrait(ImageError),
    /// A certificate that is no trust point for Terminal Authentication.
    #[error("CVCA {holder}: expected {expected}, found {found}")]
    Cvca {
        /// Holder of the certificate.
        holder: String,
        /// What a trust point is.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A key of the chip could not be made.
    #[error("key of Active Authentication: {0}")]
    Key(SignatureError),
}

/// The keys of one chip. Made ahead of time, since an RSA key takes as long as everything else together.
#[derive(Clone, Debug)]
pub struct ChipKeys {
    active_auth: Option<(ActiveAuthKey, PublicKey)>,
    chip_auth: Option<ChipAuthKey>,
    /// Keys for chip authentication mapping where the key of Chip Authentication does not serve both.
    mapping: Vec<ChipAuthKey>,
    restricted_id: Vec<RestrictedIdKey>,
}

impl ChipKeys {
    /// New keys as the profile asks for them.
    ///
    /// # Errors
    /// [`BuildError::Key`]: the random source gives no RSA key.
    pub fn generate(profile: &DocumentProfile, rng: &mut dyn CryptoRng) -> Result<Self, BuildError> {
        let active_auth = match profile.active_authentication {
            None => None,
            Some(ActiveAuthentication::Rsa2048) => {
                let key = rsa::PrivateKey::generate(RSA_BITS, rng).map_err(BuildError::Key)?;
                let public = key.public();
                let chip = ActiveAuthKey::Rsa { modulus: public.modulus().to_vec(), private_exponent: key.private_exponent() };
                Some((chip, PublicKey::Rsa(public)))
            }
            Some(ActiveAuthentication::Ec { curve, .. }) => {
                let key = curve::PrivateKey::generate(curve, rng);
                let public = PublicKey::Ec(key.public());
                Some((ActiveAuthKey::Ec(key), public))
            }
        };
        let mut mapping_curves = mapping_curves(profile);
        let chip_auth = profile.chip_authentication.map(|ca| {
            // one key serves both; its id is then that of the domain parameters
            let shared = mapping_curves.iter().position(|curve| *curve == ca.curve).map(|n| mapping_curves.remove(n));
            ChipAuthKey { key: curve::PrivateKey::generate(ca.curve, rng).into(), key_id: shared.map(|curve| curve.parameter_id().into()) }
        });
        let key = |curve: curve::Curve| {
            let key_id = Some(curve.parameter_id().into());
            ChipAuthKey { key: curve::PrivateKey::generate(curve, rng).into(), key_id }
        };
        let mapping = mapping_curves.into_iter().map(key).collect();
        let restricted_id = eid_application::keys(profile, rng);
        Ok(Self { active_auth, chip_auth, mapping, restricted_id })
    }
}

/// The curves of chip authentication mapping, each once.
fn mapping_curves(profile: &DocumentProfile) -> Vec<curve::Curve> {
    let mut curves = Vec::new();
    for parameters in profile.access.pace.iter().filter(|parameters| parameters.is_cam()) {
        if let Domain::Ec(curve) = *parameters.domain()
            && !curves.contains(&curve)
        {
            curves.push(curve);
        }
    }
    curves
}

/// Who signs, and when.
#[derive(Clone, Copy)]
pub struct Signing<'a> {
    /// The document signer's key.
    pub signer: &'a dyn Signer,
    /// Its certificate, DER.
    pub certificate: &'a [u8],
    /// Day of the signature: signingTime of EF.SOD.
    pub today: Date,
}

impl std::fmt::Debug for Signing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signing").field("today", &self.today).finish_non_exhaustive()
    }
}

/// Makes the image of a person's card.
///
/// # Errors
/// Any [`BuildError`]; the record itself was checked before.
pub fn build(record: &Record, profile: &DocumentProfile, keys: &ChipKeys, signing: Signing<'_>) -> Result<CardImage, BuildError> {
    let certificate = check_signer(record, profile, signing)?;
    let card_access = card_access(profile, keys);
    let mut image = CardImage::default();
    let iris = (!record.irises.is_empty() && profile.files.may_have(4)).then_some(4);
    let mut numbers: Vec<u8> = profile.files.data_groups.iter().copied().chain(iris).collect();
    numbers.sort_unstable();
    for &number in &numbers {
        let bytes = match number {
            1 => Some(Dg1::new(record.mrz.clone()).encode()),
            2 => Some(dg2(record)?),
            3 => Some(dg3(record)),
            4 => Some(dg4(record)),
            11 => Some(dg11(record)),
            12 => profile.document.as_ref().map(|document| dg12(record, &document.issuing_authority)),
            13 => Some(dg13(record, profile)),
            14 => Some(dg14(profile, keys, &card_access)),
            15 => keys.active_auth.as_ref().map(|(_, public)| Dg15::new(public).encode()),
            _ => None,
        };
        if let Some((file, bytes)) = FileId::dg(number).zip(bytes) {
            image.files.insert(file, bytes);
        }
    }
    let hashes = image.files.iter().filter_map(|(file, bytes)| Some((file.dg_number()?, profile.sod.hash.digest(&[bytes])))).collect();
    let files = &profile.files;
    let version = sod::LdsVersion { lds: files.lds_version.clone(), unicode: files.unicode_version.clone() };
    let version = Some(&version).filter(|_| profile.sod.lds_version == 1);
    let time = Some(Time::midnight(signing.today));
    let sod = sod::build(&hashes, profile.sod.hash, version, signing.signer, &certificate, time)?;
    let com = Com { lds_version: files.lds_version.clone(), unicode_version: files.unicode_version.clone(), ..Com::new(numbers) };
    image.files.insert(FileId::SOD, sod);
    image.files.insert(FileId::COM, com.encode());
    if profile.access.pace.iter().any(Parameters::is_cam) || has_version_2(profile) {
        let infos = card_security_infos(profile, keys, &card_access);
        image.files.insert(FileId::CARD_SECURITY, card_security::build(&infos, signing.signer, &certificate, time)?);
    }
    image.files.insert(FileId::CARD_ACCESS, CardAccess { infos: card_access }.encode());
    if let Some(rules) = &profile.eid {
        image.files.extend(eid_application::groups(record, profile, rules).into_iter().map(|group| (group.file(), group.encode())));
        image.files.insert(FileId::DIR, Dir::new([&EMRTD_AID[..], &EID_AID[..]]).encode());
    }
    image.passwords = Passwords {
        mrz_seed: Some(bac::mrz_seed(&record.mrz.information())),
        can: record.can.as_ref().map(|can| Secret::from(can.as_bytes())),
        ..Passwords::default()
    };
    image.active_auth = keys.active_auth.as_ref().map(|(key, _)| key.clone());
    image.chip_auth = keys.chip_auth.iter().chain(&keys.mapping).cloned().collect();
    image.restricted_id.clone_from(&keys.restricted_id);
    Ok(image)
}

/// The trust points of a new chip from CVCA certificates, each of which must verify with its own key; the newest first. The chip's date is the
/// day of production.
///
/// # Errors
/// [`BuildError::Cvca`]: not a CVCA certificate, a wrong signature, more than two for a type of terminal, or one expired.
pub fn trust_points(certificates: &[Cvc], today: Date) -> Result<TrustPoints, BuildError> {
    let mut points = Vec::new();
    for certificate in certificates {
        let wrong = |expected: &str, found: String| BuildError::Cvca {
            holder: certificate.holder().to_string(),
            expected: expected.to_owned(),
            found,
        };
        let point = TrustPoint::of_cvca(certificate).map_err(|error| wrong("the certificate of a CVCA", error.to_string()))?;
        certificate.verify(&point.key).map_err(|error| wrong("a self-signed certificate", error.to_string()))?;
        if point.expiry < today {
            return Err(wrong("a certificate that has not expired", format!("one that expired on {}", point.expiry)));
        }
        points.push(point);
    }
    points.sort_by_key(|point| std::cmp::Reverse(point.effective));
    let count = points.len();
    TrustPoints::new(points, today).map_err(|_| BuildError::Cvca {
        holder: "trust points".to_owned(),
        expected: "one or two CVCA certificates for a type of terminal, all of different names".to_owned(),
        found: format!("{count}"),
    })
}

/// Gives the chip what it needs to know terminals: trust points, and EF.CVCA that names those for inspection systems. DG3 and DG4, and the eID
/// application, then open by Terminal Authentication.
pub fn guard(image: &mut CardImage, trust: TrustPoints) {
    let references: Vec<_> = trust.references(TerminalType::Inspection).cloned().collect();
    if let Some((current, rest)) = references.split_first() {
        image.files.insert(FileId::CVCA, Cvca { current: current.clone(), previous: rest.first().cloned() }.encode());
    }
    image.terminal_auth = Some(trust);
}

/// The document signer's certificate, if it may sign this document.
fn check_signer(record: &Record, profile: &DocumentProfile, signing: Signing<'_>) -> Result<Certificate, BuildError> {
    let certificate = Certificate::from_der(signing.certificate)?;
    let wrong = |expected: String, found: String| Err(BuildError::Signer { subject: certificate.subject_text(), expected, found });
    let scheme = SignatureScheme::of(signing.signer.algorithm());
    if !profile.sod.signatures.contains(&scheme) {
        return wrong(format!("one of the signatures {:?} of profile {}", profile.sod.signatures, profile.id), format!("{scheme:?}"));
    }
    let period = certificate.extensions().private_key_usage;
    let from = period.and_then(|period| period.not_before).unwrap_or(certificate.not_before()).date;
    let until = period.and_then(|period| period.not_after).unwrap_or(certificate.not_after()).date;
    if !(from..=until).contains(&signing.today) {
        return wrong(format!("a private key in use on {}", signing.today), format!("one in use from {from} to {until}"));
    }
    let end = certificate.not_after().date;
    match record.expiry {
        Some(expiry) if expiry > end => {
            wrong(format!("a certificate that outlives the document, which expires on {expiry}"), end.to_string())
        }
        _ => Ok(certificate),
    }
}

/// EF.CardAccess: what a terminal can do before it knows a password. EF.DG14 repeats all of it under the signature.
fn card_access(profile: &DocumentProfile, keys: &ChipKeys) -> SecurityInfos {
    let pace = profile.access.pace.iter().map(|parameters| {
        SecurityInfo::Pace(PaceInfo { protocol: parameters.protocol(), version: 2, parameter_id: Some(parameters.id()) })
    });
    let terminal = profile.terminal_authentication.map(|ta| SecurityInfo::TerminalAuth { version: ta.version, ef_cvca: None });
    let chip = profile.chip_authentication.map(|ca| {
        let protocol = ChipAuthProtocol { agreement: Agreement::Ecdh, suite: ca.suite };
        let key_id = keys.chip_auth.as_ref().and_then(|key| key.key_id).map(KeyId::from);
        SecurityInfo::ChipAuth(ChipAuthInfo { protocol, version: ca.version, key_id })
    });
    let domain = keys.chip_auth.iter().filter(|_| has_version_2(profile)).filter_map(domain_info);
    SecurityInfos::new(pace.chain(terminal).chain(chip).chain(domain))
}

/// ChipAuthenticationDomainParameterInfo (TR-03110-3 A.1.1.2): in version 2 the terminal makes its key before it knows the chip's. `None` for a domain
/// without a standardized id.
fn domain_info(key: &ChipAuthKey) -> Option<SecurityInfo> {
    let domain = key.key.domain();
    let protocol = if matches!(domain, Domain::Ec(_)) { oid::CA_ECDH } else { oid::CA_DH };
    let id = key.key_id.map(|id| tlv::encode(0x02u32, KeyId::from(id).as_integer()));
    let parts =
        [tlv::encode(0x06u32, &oid::encode(protocol)), spki::agreement::encode_standardized_domain(&domain)?, id.unwrap_or_default()];
    Some(SecurityInfo::Other { oid: protocol.to_owned(), raw: tlv::encode(0x30u32, &parts.concat()) })
}

fn public_key_info(key: &ChipAuthKey) -> SecurityInfo {
    let (agreement, spki) = match key.key.public() {
        AgreementKey::Ec(point) => (Agreement::Ecdh, spki::encode(&PublicKey::Ec(point))),
        dh @ AgreementKey::Dh(_) => (Agreement::Dh, spki::agreement::encode(&dh)),
    };
    SecurityInfo::ChipAuthPublicKey(ChipAuthPublicKeyInfo { agreement, spki, key_id: key.key_id.map(KeyId::from) })
}

/// Whether Chip Authentication is that of version 2, whose key is read before the application is selected.
fn has_version_2(profile: &DocumentProfile) -> bool {
    profile.chip_authentication.is_some_and(|ca| ca.version == 2)
}

/// EF.CardSecurity: EF.CardAccess again, and the static keys of chip authentication mapping.
fn card_security_infos(profile: &DocumentProfile, keys: &ChipKeys, card_access: &SecurityInfos) -> SecurityInfos {
    let mapping = mapping_curves(profile);
    let wanted = |key: &&ChipAuthKey| has_version_2(profile) || mapping.iter().any(|curve| key.key.domain() == Domain::Ec(*curve));
    let ours = keys.chip_auth.iter().chain(&keys.mapping).filter(wanted);
    let eid = eid_application::infos(profile, &keys.restricted_id);
    SecurityInfos::new(card_access.infos().iter().cloned().chain(ours.map(public_key_info)).chain(eid))
}

fn dg14(profile: &DocumentProfile, keys: &ChipKeys, card_access: &SecurityInfos) -> Vec<u8> {
    let key = keys.chip_auth.as_ref().map(public_key_info);
    let active = match profile.active_authentication {
        Some(ActiveAuthentication::Ec { hash, .. }) => Some(SecurityInfo::ActiveAuth { hash }),
        Some(ActiveAuthentication::Rsa2048) | None => None,
    };
    let infos = SecurityInfos::new(card_access.infos().iter().cloned().chain(key).chain(active));
    Dg14 { infos }.encode()
}

fn dg2(record: &Record) -> Result<Vec<u8>, BuildError> {
    FaceImage::portrait(record.photo.bytes().to_vec()).map(|image| Dg2::new(image).encode()).map_err(BuildError::Portrait)
}

fn dg3(record: &Record) -> Vec<u8> {
    let finger = |(position, image): &(super::record::FingerPosition, super::record::Photo)| {
        let kind = match image.kind() {
            ImageKind::Jpeg => compression::JPEG,
            ImageKind::Jp2 | ImageKind::Jpeg2000Codestream => compression::JPEG_2000,
            ImageKind::Wsq => compression::WSQ,
        };
        FingerRecord::one(position.code(), kind, image.width(), image.height(), image.bytes().to_vec())
    };
    Dg3::new(record.fingers.iter().map(finger)).encode()
}

fn dg4(record: &Record) -> Vec<u8> {
    let iris = |(eye, image): &(super::record::Eye, super::record::Photo)| {
        let grey = image::sniff(image.bytes()).is_ok_and(|header| header.is_grey());
        let kind = match (image.kind(), grey) {
            (ImageKind::Jpeg, true) => iris::format::GREY_JPEG,
            (ImageKind::Jpeg, false) => iris::format::COLOUR_JPEG,
            (_, true) => iris::format::GREY_JPEG_2000,
            (_, false) => iris::format::COLOUR_JPEG_2000,
        };
        let mut record = IrisRecord::one(eye.code(), kind, image.width(), image.height(), image.bytes().to_vec());
        record.depth = if grey { 8 } else { 24 };
        record
    };
    Dg4::new(record.irises.iter().map(iris)).encode()
}

fn dg11(record: &Record) -> Vec<u8> {
    // Doc 9303-10: primary and secondary identifier with the fillers of the MRZ between them, in national letters.
    let name = format!("{}<<{}", record.surname, record.given_names).replace(' ', "<");
    let mut elements = vec![Element::text(dg11::FULL_NAME, name.trim_end_matches('<'))];
    elements.extend(record.number.map(|number| Element::text(dg11::PERSONAL_NUMBER, number.as_str())));
    elements.push(Element::text(dg11::DATE_OF_BIRTH, &record.birth.yyyymmdd()));
    for (tag, text) in [(dg11::PLACE_OF_BIRTH, &record.origin), (dg11::ADDRESS, &record.residence)] {
        if !text.is_empty() {
            elements.push(Element::text(tag, &text.replace(", ", "<")));
        }
    }
    Dg11::new(elements, &[]).encode()
}

fn dg12(record: &Record, authority: &str) -> Vec<u8> {
    let elements = vec![Element::text(dg12::AUTHORITY, authority), Element::text(dg12::DATE_OF_ISSUE, &record.issue.yyyymmdd())];
    Dg12::new(elements, &[]).encode()
}

fn dg13(record: &Record, profile: &DocumentProfile) -> Vec<u8> {
    let sex = if record.sex == Sex::Male { "Nam" } else { "Nữ" };
    let mut file = Dg13::new(&Person {
        personal_number: record.number.map(|number| number.to_string()),
        full_name: Some(record.full_name()),
        date_of_birth: Some(record.birth.slashed()),
        sex: Some(sex.to_owned()),
        nationality: Some("Việt Nam".to_owned()),
        ethnicity: Some(record.ethnicity.clone()),
        religion: Some(record.religion.clone()),
        place_of_origin: Some(record.origin.clone()),
        place_of_residence: Some(record.residence.clone()),
        identifying_features: Some(record.features.clone()),
        date_of_issue: Some(record.issue.slashed()),
        date_of_expiry: Some(record.expiry.map_or_else(|| NO_EXPIRY.to_owned(), Date::slashed)),
        parents: Some((record.father.clone(), record.mother.clone())),
        spouse: record.spouse.clone(),
        old_number: record.old_number.clone(),
        chip_serial: Some(record.card_serial.clone()),
    });
    file.numbered.retain(|field| !profile.dg13.absent.contains(&field.number));
    file.numbered.iter_mut().filter(|field| profile.dg13.empty.contains(&field.number)).for_each(Field::clear);
    file.encode()
}

#[cfg(test)]
mod tests;
