//! Makes EF.SOD: LDSSecurityObject, signed attributes, signature, and the document signer's certificate in one CMS SignedData.

use std::collections::BTreeMap;

use crate::cert::cms::build::{Message, NamedBy, SignError};
use crate::cert::x509::Certificate;
use crate::cert::{Time, algorithm, cms, der};
use crate::crypto::hash::Hash;
use crate::oid;
use crate::signer::Signer;
use crate::tlv;

/// ldsVersionInfo of LDS 1.8: versions as in EF.COM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LdsVersion {
    /// LDS version `aabb`: `0108`.
    pub lds: String,
    /// Unicode version `aabbcc`: `040000`.
    pub unicode: String,
}

/// Why there is no EF.SOD.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Doc 9303-10 asks for 2 to 16 hashes of data groups 1 to 16, DG1 and DG2 among them.
    #[error("expected hashes of DG1, DG2 and others up to DG16, found data groups {found:?}")]
    DataGroups {
        /// What was given.
        found: Vec<u8>,
    },
    /// A hash of another length than the algorithm's.
    #[error("hash of DG{number}: expected {expected} bytes, found {found}")]
    HashLength {
        /// The data group.
        number: u8,
        /// Length of the algorithm's hash.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// SHA-1 is read, never written (Doc 9303-12 clause 4.4).
    #[error("{0} is not allowed in a new EF.SOD")]
    WeakDigest(&'static str),
    /// It was not signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// LDSSecurityObject in DER: version 1 with `version`, else version 0.
///
/// # Errors
/// The hashes are not those of 2 to 16 data groups with DG1 and DG2 among them, one has another length, or the digest is weak.
pub fn security_object(hashes: &BTreeMap<u8, Vec<u8>>, hash: Hash, version: Option<&LdsVersion>) -> Result<Vec<u8>, BuildError> {
    if hash == Hash::Sha1 {
        return Err(BuildError::WeakDigest(hash.name()));
    }
    if !hashes.contains_key(&1) || !hashes.contains_key(&2) || hashes.keys().any(|n| !(1..=16).contains(n)) {
        return Err(BuildError::DataGroups { found: hashes.keys().copied().collect() });
    }
    let mut list = Vec::with_capacity(hashes.len() * (hash.len() + 8));
    for (&number, value) in hashes {
        if value.len() != hash.len() {
            return Err(BuildError::HashLength { number, expected: hash.len(), found: value.len() });
        }
        let mut entry = tlv::encode(der::INTEGER, &[number]);
        tlv::push(&mut entry, der::OCTET_STRING, value);
        tlv::push(&mut list, der::SEQUENCE, &entry);
    }
    let mut body = tlv::encode(der::INTEGER, &[u8::from(version.is_some())]);
    body.extend(algorithm::encode_digest(hash));
    tlv::push(&mut body, der::SEQUENCE, &list);
    if let Some(version) = version {
        let mut info = tlv::encode(der::PRINTABLE_STRING, version.lds.as_bytes());
        tlv::push(&mut info, der::PRINTABLE_STRING, version.unicode.as_bytes());
        tlv::push(&mut body, der::SEQUENCE, &info);
    }
    Ok(tlv::encode(der::SEQUENCE, &body))
}

/// EF.SOD with tag 77: the hashes of the data groups signed by `signer`, whose certificate goes in.
///
/// The signer is named by issuer and serial number; the digest of the message is that of the signature algorithm; signedAttrs are
/// contentType, messageDigest and, only if given, signingTime, in the order of DER.
///
/// # Errors
/// As [`security_object`]; the certificate is of another key; the signer refuses.
pub fn build(
    hashes: &BTreeMap<u8, Vec<u8>>,
    hash: Hash,
    version: Option<&LdsVersion>,
    signer: &dyn Signer,
    certificate: &Certificate,
    signing_time: Option<Time>,
) -> Result<Vec<u8>, BuildError> {
    let content = security_object(hashes, hash, version)?;
    let message = Message {
        content_type: oid::LDS_SECURITY_OBJECT,
        content: &content,
        certificate,
        others: &[],
        named_by: NamedBy::IssuerSerial,
        signing_time,
    };
    Ok(tlv::encode(0x77u32, &cms::build::sign(&message, signer)?))
}
