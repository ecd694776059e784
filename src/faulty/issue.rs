//! The making of a document in stages, with an edit between any two of them.

use std::collections::BTreeMap;

use applets::rng::SeededRng;
use eid::cert::x509::Certificate;
use eid::cert::{CertError, Time};
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use eid::image::{CardImage, FileId};
use eid::lds::sod;
use eid::oid;
use eid::signer::{Signer, SignerError};
use eid::tlv::{self, Reader, Tlv, TlvError};
use pki::crl::{self, CrlParameters, Revocation};
use pki::csca::{self, CscaParameters};
use pki::ds::{self, DsParameters};
use pki::key::{KeyParameters, SigningKey};
use pki::profile::Subject;
use pki::software::SoftwareSigner;

use super::edit::{self, Edit, EditError};
use crate::perso::build::{self, BuildError, ChipKeys, Signing};
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
    /// Certificates of CSCAs that the verifier trusts, DER.
    pub anchors: Vec<Vec<u8>>,
    /// Revocation lists that the verifier has, DER.
    pub lists: Vec<Vec<u8>>,
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

type Key = SoftwareSigner<SeededRng>;

/// A state's authority with one document signer.
struct Authority {
    csca: Certificate,
    csca_key: Key,
    ds: Certificate,
    ds_key: Key,
}

impl Authority {
    fn new(base: &Base<'_>, seed: &[u8]) -> Result<Self, FaultyError> {
        let wrong = |error: &dyn std::error::Error| FaultyError::Authority(error.to_string());
        let rng = |purpose: &[u8]| SeededRng::new(&[seed, purpose].concat());
        let subject = Subject {
            country: base.country.0.to_owned(),
            state_code: base.country.1.to_owned(),
            organization: Some("Cardwright faults, not an authority".to_owned()),
            organizational_unit: None,
            serial_number: Some("001".to_owned()),
            common_name: "CSCA".to_owned(),
            contact_email: None,
        };
        let mut parameters = CscaParameters { key: KeyParameters::Ec(eid::crypto::curve::Curve::P256), ..CscaParameters::default() };
        parameters.algorithm = Algorithm::Ecdsa(Hash::Sha256);
        let key = SigningKey::generate(parameters.key, parameters.algorithm, &mut rng(b"csca")).map_err(|e| wrong(&e))?;
        let csca_key = Key::new("csca", key, rng(b"csca signs"));
        let issued = base.today.plus_days(-30);
        let csca = csca::create(&subject, &parameters, &csca_key, &[0x11], issued).map_err(|e| wrong(&e))?;
        let of_signer = DsParameters::default();
        let key = SigningKey::generate(of_signer.key, of_signer.algorithm, &mut rng(b"ds")).map_err(|e| wrong(&e))?;
        let name = subject.name_with(&of_signer.common_name);
        let ds = ds::issue(&csca, &csca_key, &name, &of_signer, &key.public(), &[0x22], issued).map_err(|e| wrong(&e))?;
        Ok(Self { csca, csca_key, ds, ds_key: Key::new("ds", key, rng(b"ds signs")) })
    }

    /// A list without entries, or with the document signer, of yesterday.
    fn list(&self, base: &Base<'_>, revoked: bool) -> Result<Vec<u8>, FaultyError> {
        let date = Time::midnight(base.today.plus_days(-1));
        let entry = Revocation { serial: self.ds.serial().to_vec(), date, reason: eid::cert::crl::Reason::KeyCompromise };
        let entries = if revoked { vec![entry] } else { Vec::new() };
        let list = crl::issue(&self.csca, &self.csca_key, 1, &entries, &[], date, CrlParameters::default());
        list.map(|list| list.der().to_vec()).map_err(|error| FaultyError::Authority(error.to_string()))
    }
}

/// Edits by the name of their target, each used once.
struct Plan {
    edits: Vec<Edit>,
    /// Words that are no edits: `trust`, `crl`, `lost`, `country`.
    words: Vec<(String, String)>,
    late: Vec<Edit>,
}

impl Plan {
    fn new(injection: &str) -> Result<Self, EditError> {
        let mut plan = Self { edits: Vec::new(), words: Vec::new(), late: Vec::new() };
        for part in injection.split(';').map(str::trim).filter(|part| !matches!(*part, "" | "-")) {
            match part.split_once(' ') {
                Some((word @ ("trust" | "crl" | "lost" | "country"), value)) => plan.words.push((word.to_owned(), value.trim().to_owned())),
                Some(("late", rest)) => plan.late.extend(edit::parse(rest)?),
                _ => plan.edits.extend(edit::parse(part)?),
            }
        }
        Ok(plan)
    }

    fn word(&self, word: &str) -> Option<&str> {
        self.words.iter().find(|(name, _)| name == word).map(|(_, value)| value.as_str())
    }

    /// The bytes after every edit of `target`, in their order; none for a file that is to be absent.
    fn apply(&self, target: &str, bytes: Vec<u8>) -> Result<Option<Vec<u8>>, EditError> {
        let mut bytes = Some(bytes);
        for edit in self.edits.iter().filter(|edit| edit.target == target) {
            bytes = match bytes {
                Some(bytes) => edit.apply(&bytes)?,
                None => None,
            };
        }
        Ok(bytes)
    }

    /// The same for what must stay there.
    fn stage(&self, target: &str, bytes: Vec<u8>) -> Result<Vec<u8>, EditError> {
        let gone = || EditError { edit: target.to_owned(), expected: "something left".to_owned(), found: "nothing".to_owned() };
        self.apply(target, bytes)?.ok_or_else(gone)
    }

    /// Whether an edit has this target.
    fn names(&self, target: &str) -> bool {
        self.edits.iter().any(|edit| edit.target == target)
    }
}

/// The file that a target names.
fn file(name: &str) -> Option<FileId> {
    let number = name.strip_prefix("DG").and_then(|number| number.parse().ok()).and_then(FileId::dg);
    number.or(match name {
        "COM" => Some(FileId::COM),
        "SOD" => Some(FileId::SOD),
        "CardAccess" => Some(FileId::CARD_ACCESS),
        "CardSecurity" => Some(FileId::CARD_SECURITY),
        "ATR-INFO" => Some(FileId::ATR_INFO),
        "DIR" => Some(FileId::DIR),
        _ => None,
    })
}

const STAGES: [&str; 9] = ["LDSSO", "ATTRS", "SIGNED", "TBS", "DS", "CSCA-TBS", "CSCA", "CRL-TBS", "CRL"];

/// The document of `base` with the defects of `injection`; the same `seed` gives the same keys.
///
/// # Errors
/// Any [`FaultyError`].
pub fn make(base: &Base<'_>, injection: &str, seed: u64) -> Result<Faulty, FaultyError> {
    let plan = Plan::new(injection)?;
    if let Some(unknown) = plan.edits.iter().find(|edit| file(&edit.target).is_none() && !STAGES.contains(&edit.target.as_str())) {
        let expected = format!("a file or one of {}", STAGES.join(", "));
        return Err(EditError { edit: injection.to_owned(), expected, found: unknown.target.clone() }.into());
    }
    let country = plan.word("country").and_then(|value| value.split_once(' ')).unwrap_or(base.country);
    let base = &Base { country, ..*base };
    let seed = seed.to_be_bytes();
    let mut authority = Authority::new(base, &seed)?;
    let mut rng = SeededRng::new(&[&seed[..], b"chip"].concat());
    let keys = ChipKeys::generate(base.profile, &mut rng)?;
    let signing = Signing { signer: &authority.ds_key, certificate: authority.ds.der(), today: base.today };
    let mut image = build::build(base.record, base.profile, &keys, signing)?;

    certify(&plan, &mut authority)?;
    files(&plan.edits, &mut image)?;
    sign(base, &plan, &authority, &mut image)?;
    for (_, name) in plan.words.iter().filter(|(word, _)| word == "lost") {
        image.files.retain(|id, _| Some(*id) != file(name));
    }
    files(&plan.late, &mut image)?;

    let anchor = plan.stage("CSCA", authority.csca.der().to_vec())?;
    let anchors = match plan.word("trust") {
        Some("none") => Vec::new(),
        Some("other") => vec![Authority::new(base, b"another")?.csca.der().to_vec()],
        _ => vec![anchor],
    };
    let lists = match plan.word("crl") {
        Some("none") => Vec::new(),
        word => {
            let list = authority.list(base, word == Some("revoked"))?;
            let list = if plan.names("CRL-TBS") { resigned(&plan.stage("CRL-TBS", list)?, &authority.csca_key)? } else { list };
            vec![plan.stage("CRL", list)?]
        }
    };
    Ok(Faulty { image, anchors, lists })
}

/// Edits of files: those that are there are changed, one that is not there can be given content.
fn files(edits: &[Edit], image: &mut CardImage) -> Result<(), FaultyError> {
    for edit in edits {
        let Some(id) = file(&edit.target).filter(|id| *id != FileId::SOD) else { continue };
        let bytes = image.files.get(&id).cloned().unwrap_or_default();
        match edit.apply(&bytes)? {
            Some(bytes) => _ = image.files.insert(id, bytes),
            None => _ = image.files.remove(&id),
        }
    }
    Ok(())
}

/// The certificates of CSCA and document signer after their edits. One that is no certificate any more goes into EF.SOD all the same.
fn certify(plan: &Plan, authority: &mut Authority) -> Result<(), FaultyError> {
    if plan.names("CSCA-TBS") {
        let edited = plan.stage("CSCA-TBS", authority.csca.der().to_vec())?;
        authority.csca = Certificate::from_der(&resigned(&edited, &authority.csca_key)?)?;
    }
    Ok(())
}

/// A signed structure `SEQUENCE { to be signed, algorithm, BIT STRING }` with a new signature over its first member.
fn resigned(structure: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, FaultyError> {
    let outer = tlv::single(structure, 0x30)?;
    let members = objects(&outer)?;
    let [tbs, algorithm, _] = members.as_slice() else {
        return Err(TlvError::Missing { expected: tlv::Tag(0x30), at: outer.at }.into());
    };
    let signature = signer.sign(tbs.raw)?.to_der();
    let bits = tlv::encode(0x03, &[&[0], signature.as_slice()].concat());
    Ok(tlv::encode(0x30, &[tbs.raw, algorithm.raw, &bits].concat()))
}

fn objects<'a>(object: &Tlv<'a>) -> Result<Vec<Tlv<'a>>, TlvError> {
    let mut reader = object.reader();
    let mut found = Vec::new();
    while let Some(next) = reader.next()? {
        found.push(next);
    }
    Ok(found)
}

/// What a terminal reads of a file: as many bytes as its first length announces.
fn as_read(bytes: &[u8]) -> &[u8] {
    let announced = tlv::announced_len(bytes).unwrap_or(bytes.len());
    bytes.get(..announced).unwrap_or(bytes)
}

/// EF.SOD over the files as they are now.
fn sign(base: &Base<'_>, plan: &Plan, authority: &Authority, image: &mut CardImage) -> Result<(), FaultyError> {
    let hash = base.profile.sod.hash;
    let mut hashes: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    for (file, bytes) in &image.files {
        if let Some(number) = file.dg_number() {
            hashes.insert(number, hash.digest(&[as_read(bytes)]));
        }
    }
    let files = &base.profile.files;
    let version = sod::LdsVersion { lds: files.lds_version.clone(), unicode: files.unicode_version.clone() };
    let version = Some(&version).filter(|_| base.profile.sod.lds_version == 1);
    let content = security_object(&hashes, hash, version)?;
    let content = plan.stage("LDSSO", content)?;
    let message_digest = authority.ds_key.algorithm().hash().digest(&[&content]);
    let time = Time::midnight(base.today).to_der();
    let mut attributes = [
        attribute(oid::CONTENT_TYPE, &tlv::encode(0x06, &oid::encode(oid::LDS_SECURITY_OBJECT))),
        attribute(oid::MESSAGE_DIGEST, &tlv::encode(0x04, &message_digest)),
        attribute(oid::SIGNING_TIME, &time),
    ];
    attributes.sort();
    let attributes = plan.stage("ATTRS", tlv::encode(0x31, &attributes.concat()))?;
    let signature = authority.ds_key.sign(&attributes)?.to_der();
    let tbs = plan.stage("TBS", authority.ds.der().to_vec())?;
    let certificate = if plan.names("TBS") { resigned(&tbs, &authority.csca_key)? } else { tbs };
    let certificate = plan.stage("DS", certificate)?;
    let digest = algorithm_of(identifier(Hash::Sha256));
    let signature_algorithm = algorithm_of(oid::ECDSA_SHA256);
    let inside = Reader::new(&attributes).next()?.map(|set| set.value.to_vec()).unwrap_or_default();
    let sid = tlv::encode(
        0x30,
        &name_of(&certificate).unwrap_or_else(|| [authority.ds.issuer(), &tlv::encode(0x02, authority.ds.serial())].concat()),
    );
    let info =
        [tlv::encode(0x02, &[1]), sid, digest.clone(), tlv::encode(0xA0, &inside), signature_algorithm, tlv::encode(0x04, &signature)];
    let encapsulated = [tlv::encode(0x06, &oid::encode(oid::LDS_SECURITY_OBJECT)), tlv::encode(0xA0, &tlv::encode(0x04, &content))];
    let signed = [
        tlv::encode(0x02, &[3]),
        tlv::encode(0x31, &digest),
        tlv::encode(0x30, &encapsulated.concat()),
        tlv::encode(0xA0, &certificate),
        tlv::encode(0x31, &tlv::encode(0x30, &info.concat())),
    ];
    let outer = [tlv::encode(0x06, &oid::encode(oid::SIGNED_DATA)), tlv::encode(0xA0, &tlv::encode(0x30, &signed.concat()))];
    let sod = tlv::encode(0x77, &tlv::encode(0x30, &outer.concat()));
    match plan.apply("SIGNED", sod)? {
        Some(sod) => _ = image.files.insert(FileId::SOD, sod),
        None => _ = image.files.remove(&FileId::SOD),
    }
    Ok(())
}

/// Issuer and serial number as a certificate states them, if it still does.
fn name_of(certificate: &[u8]) -> Option<Vec<u8>> {
    let outer = tlv::single(certificate, 0x30).ok()?;
    let tbs = objects(objects(&outer).ok()?.first()?).ok()?;
    let serial = tbs.iter().find(|member| member.tag == tlv::Tag(0x02))?;
    let issuer = tbs.iter().filter(|member| member.tag == tlv::Tag(0x30)).nth(1)?;
    Some([issuer.raw, serial.raw].concat())
}

fn attribute(kind: &'static str, value: &[u8]) -> Vec<u8> {
    tlv::encode(0x30, &[tlv::encode(0x06, &oid::encode(kind)), tlv::encode(0x31, value)].concat())
}

const fn identifier(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha1 => oid::SHA1,
        Hash::Sha224 => oid::SHA224,
        Hash::Sha256 => oid::SHA256,
        Hash::Sha384 => oid::SHA384,
        Hash::Sha512 => oid::SHA512,
    }
}

/// AlgorithmIdentifier without parameters.
fn algorithm_of(dotted: &'static str) -> Vec<u8> {
    tlv::encode(0x30, &tlv::encode(0x06, &oid::encode(dotted)))
}

/// LDSSecurityObject over any data groups: a list without DG1 is a defect, too.
fn security_object(hashes: &BTreeMap<u8, Vec<u8>>, hash: Hash, version: Option<&sod::LdsVersion>) -> Result<Vec<u8>, FaultyError> {
    let entry = |(number, value): (&u8, &Vec<u8>)| tlv::encode(0x30, &[tlv::encode(0x02, &[*number]), tlv::encode(0x04, value)].concat());
    let list: Vec<u8> = hashes.iter().flat_map(entry).collect();
    let mut body = [tlv::encode(0x02, &[u8::from(version.is_some())]), algorithm_of(identifier(hash)), tlv::encode(0x30, &list)].concat();
    if let Some(version) = version {
        let info = [tlv::encode(0x13, version.lds.as_bytes()), tlv::encode(0x13, version.unicode.as_bytes())].concat();
        tlv::push(&mut body, 0x30, &info);
    }
    Ok(tlv::encode(0x30, &body))
}
