//! EF.SOD, the Document Security Object (Doc 9303-10 clause 4.6.2): the signed list of the hashes of all data groups.
//!
//! ```text
//! EF.SOD ::= 77 { ContentInfo }                      CMS SignedData, eContentType id-icao-ldsSecurityObject 2.23.136.1.1.1
//! LDSSecurityObject ::= SEQUENCE { version INTEGER { v0(0), v1(1) }, hashAlgorithm AlgorithmIdentifier,
//!     dataGroupHashValues SEQUENCE SIZE (2..16) OF SEQUENCE { dataGroupNumber INTEGER, dataGroupHashValue OCTET STRING },
//!     ldsVersionInfo SEQUENCE { ldsVersion PrintableString, unicodeVersion PrintableString } OPTIONAL -- present if v1 }
//! ```
//!
//! A SOD that parses proves nothing; [`crate::protocol::passive_auth`] is the proof. Refused: a data group listed twice or outside of
//! 1 to 16, a hash of another length than the algorithm's, a version other than 0 and 1. Accepted as quirks: the content types that
//! France, Belgium, the Netherlands and China wrote before they settled, indefinite lengths (New Zealand), zero bytes after the object, and
//! what [`crate::cert::cms`] accepts.

mod build;

pub use build::{BuildError, LdsVersion, build, security_object};

use const_oid::ObjectIdentifier;

use crate::cert::cms::{self, SignedData};
use crate::cert::der;
use crate::cert::{CertError, algorithm};
use crate::crypto::hash::Hash;
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tlv, TlvError};

/// Why a file is no EF.SOD. Offsets inside of the CMS structure count from its first byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SodError {
    /// The file is not one object 77.
    #[error("EF.SOD: {0}")]
    File(#[from] TlvError),
    /// What is in it is not the signed message that the clause asks for.
    #[error("EF.SOD SignedData: {0}")]
    SignedData(CertError),
    /// Another content than an LDSSecurityObject.
    #[error("EF.SOD eContentType: expected id-icao-ldsSecurityObject 2.23.136.1.1.1, found {0}")]
    ContentType(String),
    /// The content is not a list of hashes.
    #[error("EF.SOD LDSSecurityObject: {0}")]
    SecurityObject(CertError),
}

const LDS_SECURITY_OBJECT: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::LDS_SECURITY_OBJECT);
/// Content types that stand for an LDSSecurityObject on genuine documents, beside id-icao-ldsSecurityObject.
const LEGACY_CONTENT_TYPES: [&str; 3] = ["1.3.27.1.1.1", "1.2.528.1.1006.1.20.1", "1.2.840.113549.1.7.1"];

/// A parsed EF.SOD with the bytes it was read from.
#[derive(Clone, Debug)]
pub struct Sod {
    /// The signed message.
    pub signed: SignedData,
    /// Version of the LDSSecurityObject: 0 or 1.
    pub version: u8,
    /// The digest of the data groups.
    pub hash: Hash,
    hashes: Vec<(u8, Vec<u8>)>,
    lds_version: Option<LdsVersion>,
    /// Tolerances used, those of the signed message included.
    pub quirks: Vec<Quirk>,
}

impl Sod {
    /// Reads an EF.SOD, tag 77 included.
    ///
    /// # Errors
    /// What is not as the clause asks, and where.
    pub fn parse(file: &[u8]) -> Result<Self, SodError> {
        let mut quirks = Vec::new();
        let definite;
        let mut reader = Reader::new(file);
        let outer = match reader.expect(0x77u32) {
            Err(TlvError::Indefinite { .. }) => {
                quirks.push(Quirk::new("sod.ber", "EF.SOD").over(file));
                definite = cms::to_definite(file).map_err(SodError::SignedData)?;
                reader = Reader::new(&definite);
                reader.expect(0x77u32)?
            }
            outer => outer?,
        };
        if !reader.is_empty() {
            if reader.rest().iter().any(|&octet| octet != 0) {
                reader.finish()?;
            }
            quirks.push(Quirk::new("sod.padding", format!("{} zero bytes after EF.SOD", reader.rest().len())).over(reader.rest()));
        }
        let signed = SignedData::parse(outer.value).map_err(SodError::SignedData)?;
        if signed.content_type_octets() != LDS_SECURITY_OBJECT.as_bytes() {
            let content_type = signed.content_type();
            if !LEGACY_CONTENT_TYPES.contains(&content_type.as_str()) {
                return Err(SodError::ContentType(content_type));
            }
            quirks.push(Quirk::new("sod.content-type", content_type).over(signed.content_type_octets()));
        }
        quirks.extend_from_slice(&signed.quirks);
        let object = match read_object(signed.content(), &mut quirks) {
            Err(CertError::Tlv(TlvError::Indefinite { .. })) => {
                quirks.push(Quirk::new("sod.ber", "LDSSecurityObject").over(signed.content()));
                cms::to_definite(signed.content()).and_then(|content| read_object(&content, &mut quirks))
            }
            object => object,
        };
        let (version, hash, hashes, lds_version) = object.map_err(SodError::SecurityObject)?;
        Ok(Self { signed, version, hash, hashes, lds_version, quirks })
    }

    /// Numbers of the data groups that are listed, in the order of the list.
    pub fn data_groups(&self) -> impl Iterator<Item = u8> {
        self.hashes.iter().map(|(number, _)| *number)
    }

    /// The hash that is listed for data group `number`.
    #[must_use]
    pub fn hash_of(&self, number: u8) -> Option<&[u8]> {
        self.hashes.iter().find(|(n, _)| *n == number).map(|(_, hash)| hash.as_slice())
    }

    /// ldsVersionInfo, there in version 1.
    #[must_use]
    pub const fn lds_version(&self) -> Option<&LdsVersion> {
        self.lds_version.as_ref()
    }
}

type Object = (u8, Hash, Vec<(u8, Vec<u8>)>, Option<LdsVersion>);

fn read_object(content: &[u8], quirks: &mut Vec<Quirk>) -> Result<Object, CertError> {
    let mut reader = tlv::single(content, der::SEQUENCE)?.reader();
    let version_tlv = reader.expect(der::INTEGER)?;
    let version = match version_tlv.value {
        [v @ (0 | 1)] => *v,
        _ => return Err(CertError::malformed("version", &version_tlv, "0 or 1")),
    };
    let hash = algorithm::digest(&reader.expect(der::SEQUENCE)?)?;
    let list = reader.expect(der::SEQUENCE)?;
    let mut hashes: Vec<(u8, Vec<u8>)> = Vec::with_capacity(16);
    let mut entries = list.reader();
    while let Some(entry) = der::element(&mut entries)? {
        let mut fields = entry.reader();
        let number_tlv = fields.expect(der::INTEGER)?;
        let value = fields.expect(der::OCTET_STRING)?;
        fields.finish()?;
        let number = match number_tlv.value {
            [n @ 1..=16] => *n,
            _ => return Err(CertError::malformed("dataGroupNumber", &number_tlv, "1 to 16")),
        };
        if hashes.iter().any(|(n, _)| *n == number) {
            return Err(CertError::malformed("dataGroupNumber", &number_tlv, "each data group once"));
        }
        if value.value.len() != hash.len() {
            return Err(CertError::malformed("dataGroupHashValue", &value, "a hash of the algorithm's length"));
        }
        hashes.push((number, value.value.to_vec()));
    }
    if hashes.is_empty() {
        return Err(CertError::malformed("dataGroupHashValues", &list, "at least one hash"));
    }
    if hashes.len() < 2 {
        quirks.push(Quirk::new("sod.single-hash", "LDSSecurityObject dataGroupHashValues").over(list.raw));
    }
    let lds_version = reader.optional(der::SEQUENCE)?.map(|info| read_version(&info)).transpose()?;
    reader.finish()?;
    if lds_version.is_some() != (version == 1) {
        quirks.push(Quirk::new("sod.lds-version-info", format!("LDSSecurityObject version {version}")).over(version_tlv.raw));
    }
    Ok((version, hash, hashes, lds_version))
}

fn read_version(info: &Tlv<'_>) -> Result<LdsVersion, CertError> {
    let mut reader = info.reader();
    let mut text = || -> Result<String, CertError> {
        let object = reader.expect(der::PRINTABLE_STRING)?;
        if object.value.len() > 16 || !object.value.is_ascii() {
            return Err(CertError::malformed("ldsVersionInfo", &object, "a version as 0108 or 040000"));
        }
        Ok(String::from_utf8_lossy(object.value).into_owned())
    };
    Ok(LdsVersion { lds: text()?, unicode: text()? })
}
