//! One signature on a message: who made it, over what, and whether it stands (RFC 5652 clauses 5.3 to 5.6).

use super::{CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, SignedData};
use crate::cert::CertError;
use crate::cert::algorithm::{self, SignatureAlgorithm};
use crate::cert::der::{self, Span, Time};
use crate::cert::spki::SubjectPublicKeyInfo;
use crate::cert::x509::Certificate;
use crate::cert::x509::name::{self, Relation};
use crate::crypto::hash::Hash;
use crate::crypto::signature::{Algorithm, SignatureError};
use crate::quirk::Quirk;
use crate::tlv::{self, Tlv, TlvError};

const MAX_ATTRIBUTES: usize = 32;

/// One signature on the content.
#[derive(Clone, Debug)]
pub struct SignerInfo {
    /// 1 where the signer is named by issuer and serial number, 3 by key identifier.
    pub version: u32,
    signer: SignerId,
    /// digestAlgorithm, or why it is none that can be used.
    pub digest: Result<Hash, CertError>,
    signed_attributes: Option<Span>,
    /// Whether the attributes stand in the order of DER.
    sorted: bool,
    attributes: Vec<Attribute>,
    signing_time: Option<Time>,
    /// signatureAlgorithm, or why it is none that can be used.
    pub signature_algorithm: Result<SignatureAlgorithm, CertError>,
    signature: Span,
}

#[derive(Clone, Copy, Debug)]
struct Attribute {
    raw: Span,
    kind: Span,
    values: Span,
}

#[derive(Clone, Copy, Debug)]
enum SignerId {
    IssuerSerial { issuer: Span, serial: Span },
    KeyId(Span),
}

/// Why a signature on a message does not stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The signed attribute contentType is missing, repeated, or another than eContentType.
    #[error("signed attribute contentType: expected {expected}, found {found}")]
    ContentType {
        /// eContentType, dotted.
        expected: String,
        /// What the attribute says.
        found: String,
    },
    /// The signed attribute messageDigest is missing, repeated, or another than the digest of the content.
    #[error("signed attribute messageDigest: the content has {expected}, the attribute says {found}")]
    MessageDigest {
        /// Digest of the content, hex.
        expected: String,
        /// What the attribute says, hex.
        found: String,
    },
    /// The digest or the signature algorithm of the SignerInfo is none that can be used.
    #[error(transparent)]
    Algorithm(CertError),
    /// The key is of another kind than the signature, or its own parameters forbid the signature's.
    #[error("{algorithm} with a key {key} that does not permit it")]
    KeyForbids {
        /// The algorithm of the signature.
        algorithm: String,
        /// The key.
        key: String,
    },
    /// The signature does not verify, or cannot be checked.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl SignedData {
    /// Whether `signer` names `certificate`: by issuer and serial number, or by subject key identifier. A serial number with a surplus
    /// zero octet is equivalent.
    #[must_use]
    pub fn names(&self, signer: &SignerInfo, certificate: &Certificate) -> Relation {
        match signer.signer {
            SignerId::IssuerSerial { issuer, serial } => {
                let (serial, expected) = (serial.of(&self.der), certificate.serial());
                if der::minimal(serial) != der::minimal(expected) {
                    return Relation::Different;
                }
                match name::compare(issuer.of(&self.der), certificate.issuer()) {
                    Relation::Equal if serial != expected => Relation::Equivalent,
                    relation => relation,
                }
            }
            SignerId::KeyId(id) if certificate.subject_key_id() == Some(id.of(&self.der)) => Relation::Equal,
            SignerId::KeyId(_) => Relation::Different,
        }
    }

    /// The signer's name for its certificate, as text.
    #[must_use]
    pub fn signer_text(&self, signer: &SignerInfo) -> String {
        match signer.signer {
            SignerId::IssuerSerial { issuer, serial } => {
                format!("issuer {}, serial {}", name::to_text(issuer.of(&self.der)), der::hex(serial.of(&self.der)))
            }
            SignerId::KeyId(id) => format!("subject key identifier {}", der::hex(id.of(&self.der))),
        }
    }

    /// The bytes of the signer's name for its certificate: the Name of the issuer, or the key identifier.
    pub(crate) fn signer_octets(&self, signer: &SignerInfo) -> &[u8] {
        match signer.signer {
            SignerId::IssuerSerial { issuer, .. } => issuer.of(&self.der),
            SignerId::KeyId(id) => id.of(&self.der),
        }
    }

    /// Version that the form of the signer's name asks for: 1 with issuer and serial number, 3 with a key identifier.
    #[must_use]
    pub const fn expected_version(signer: &SignerInfo) -> u32 {
        match signer.signer {
            SignerId::IssuerSerial { .. } => 1,
            SignerId::KeyId(_) => 3,
        }
    }

    /// The algorithm of the signature, its digest told by digestAlgorithm where the identifier leaves it open.
    ///
    /// # Errors
    /// An algorithm that is not known, or a bare one without a digest.
    pub fn algorithm(signer: &SignerInfo) -> Result<Algorithm, CertError> {
        signer.signature_algorithm.as_ref().map_err(Clone::clone)?.algorithm(signer.digest.as_ref().ok().copied())
    }

    /// signingTime, if the signer states it. A statement of the signer, covered by its signature.
    #[must_use]
    pub const fn signing_time(&self, signer: &SignerInfo) -> Option<Time> {
        signer.signing_time
    }

    /// Proves that the holder of `key` signed the content as `signer` says: contentType, messageDigest, then the signature
    /// over the signed attributes. Without signed attributes (which RFC 5652 demands here) the signature is over the content.
    ///
    /// # Errors
    /// What does not hold, or why it cannot be checked.
    pub fn verify(&self, signer: &SignerInfo, key: &SubjectPublicKeyInfo) -> Result<(), VerifyError> {
        self.verify_noting(signer, key, &mut Vec::new())
    }

    /// [`verify`](Self::verify), noting the tolerances that the signature needed.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_noting(&self, signer: &SignerInfo, key: &SubjectPublicKeyInfo, quirks: &mut Vec<Quirk>) -> Result<(), VerifyError> {
        let digest = *signer.digest.as_ref().map_err(|e| VerifyError::Algorithm(e.clone()))?;
        let scheme = signer.signature_algorithm.as_ref().map_err(|e| VerifyError::Algorithm(e.clone()))?;
        let algorithm = scheme.algorithm(Some(digest)).map_err(VerifyError::Algorithm)?;
        let Some(attributes) = signer.signed_attributes else {
            forbid(algorithm, key)?;
            return Ok(scheme.verify_noting(Some(digest), key, self.content(), signer.signature.of(&self.der), "SignerInfo", quirks)?);
        };
        let expected = self.content_type_octets();
        let content_type = self.attribute(signer, CONTENT_TYPE.as_bytes());
        if !content_type.is_ok_and(|value| matches!(value, [0x06, len, oid @ ..] if usize::from(*len) == oid.len() && oid == expected)) {
            return Err(VerifyError::ContentType {
                expected: der::dotted(expected),
                found: content_type.map_or_else(ToOwned::to_owned, |v| der::dotted(v.get(2..).unwrap_or_default())),
            });
        }
        let expected = digest.digest(&[self.content()]);
        let found = self.attribute(signer, MESSAGE_DIGEST.as_bytes());
        if !found.is_ok_and(|value| matches!(value, [0x04, len, found @ ..] if usize::from(*len) == found.len() && found == expected)) {
            return Err(VerifyError::MessageDigest {
                expected: der::hex(&expected),
                found: found.map_or_else(ToOwned::to_owned, |v| der::hex(v.get(2..).unwrap_or_default())),
            });
        }
        forbid(algorithm, key)?;
        let signature = signer.signature.of(&self.der);
        let mut message = attributes.of(&self.der).to_vec();
        if let Some(tag) = message.first_mut() {
            *tag = 0x31;
        }
        let mut answer = scheme.verify_noting(Some(digest), key, &message, signature, "SignerInfo", quirks);
        if answer == Err(SignatureError::Wrong) && !signer.sorted {
            // what RFC 5652 clause 5.4 asks for: the DER of the attributes, whatever order they were sent in
            let mut parts: Vec<&[u8]> = signer.attributes.iter().map(|attribute| attribute.raw.of(&self.der)).collect();
            parts.sort_unstable();
            answer = scheme.verify_noting(Some(digest), key, &tlv::encode(der::SET, &parts.concat()), signature, "SignerInfo", quirks);
        }
        Ok(answer?)
    }

    /// The one value of the signed attribute `kind`; the error says `missing` or `repeated`.
    fn attribute(&self, signer: &SignerInfo, kind: &[u8]) -> Result<&[u8], &'static str> {
        let mut found = signer.attributes.iter().filter(|attribute| attribute.kind.of(&self.der) == kind);
        let attribute = found.next().ok_or("missing")?;
        if found.next().is_some() {
            return Err("repeated");
        }
        let mut reader = tlv::Reader::new(attribute.values.of(&self.der));
        match reader.next() {
            Ok(Some(value)) if reader.is_empty() => Ok(value.raw),
            _ => Err("not one value"),
        }
    }
}

fn forbid(algorithm: Algorithm, key: &SubjectPublicKeyInfo) -> Result<(), VerifyError> {
    if key.permits(algorithm) {
        return Ok(());
    }
    Err(VerifyError::KeyForbids { algorithm: algorithm::describe(algorithm), key: key.describe() })
}

impl SignerInfo {
    pub(super) fn read(info: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Self, CertError> {
        let mut reader = info.reader();
        let version = der::small("SignerInfo version", &reader.expect(der::INTEGER)?)?;
        let sid = reader.next()?.ok_or(TlvError::Missing { expected: tlv::Tag(der::SEQUENCE), at: reader.at() })?;
        let signer = match sid.tag.0 {
            der::SEQUENCE => {
                let mut fields = sid.reader();
                let issuer = fields.expect(der::SEQUENCE)?;
                let serial = fields.expect(der::INTEGER)?;
                fields.finish()?;
                SignerId::IssuerSerial { issuer: Span::raw(&issuer), serial: Span::value(&serial) }
            }
            0x80 => SignerId::KeyId(Span::value(&sid)),
            _ => return Err(CertError::malformed("sid", &sid, "issuerAndSerialNumber or [0] subjectKeyIdentifier")),
        };
        let digest = algorithm::digest(&reader.expect(der::SEQUENCE)?);
        let signed = reader.optional(0xA0)?;
        let (mut attributes, mut parts, mut signing_time) = (Vec::with_capacity(4), Vec::with_capacity(4), None);
        if let Some(signed) = &signed {
            let mut list = signed.reader();
            while let Some(attribute) = der::element(&mut list)? {
                if attributes.len() == MAX_ATTRIBUTES {
                    return Err(CertError::malformed("signedAttrs", &attribute, "at most 32 attributes"));
                }
                let mut fields = attribute.reader();
                let kind = fields.expect(der::OID)?;
                let values = fields.expect(der::SET)?;
                fields.finish()?;
                if kind.value == SIGNING_TIME.as_bytes() {
                    signing_time = read_signing_time(&values, signing_time.is_some(), quirks);
                }
                parts.push(attribute.raw);
                attributes.push(Attribute { raw: Span::raw(&attribute), kind: Span::value(&kind), values: Span::value(&values) });
            }
        } else {
            quirks.push(Quirk::new("cms.no-signed-attributes", "SignerInfo"));
        }
        let sorted = parts.is_sorted();
        if let Some(signed) = signed.as_ref().filter(|_| !sorted) {
            quirks.push(Quirk::new("cms.attributes-order", "SignerInfo signedAttrs").over(signed.raw));
        }
        let identifier = reader.expect(der::SEQUENCE)?;
        let signature_algorithm = SignatureAlgorithm::read("SignerInfo signatureAlgorithm", &identifier);
        if let Ok(algorithm) = &signature_algorithm {
            quirks.extend_from_slice(&algorithm.quirks);
            let told = digest.as_ref().ok().copied();
            if told.is_some() && algorithm.algorithm(told).is_ok_and(|algorithm| Some(algorithm.hash()) != told) {
                quirks.push(Quirk::new("cms.digest-differs-from-signature", "SignerInfo digestAlgorithm").over(identifier.raw));
            }
        }
        let signature = reader.expect(der::OCTET_STRING)?;
        if let Some(unsigned) = reader.optional(0xA1)? {
            quirks.push(Quirk::new("cms.unsigned-attributes", "SignerInfo").over(unsigned.raw));
        }
        reader.finish()?;
        Ok(Self {
            version,
            signer,
            digest,
            signed_attributes: signed.as_ref().map(Span::raw),
            sorted,
            attributes,
            signing_time,
            signature_algorithm,
            signature: Span::value(&signature),
        })
    }
}

/// The one time in `values`. A time that cannot be read, or a second one, is no time: the quirk says so.
fn read_signing_time(values: &Tlv<'_>, repeated: bool, quirks: &mut Vec<Quirk>) -> Option<Time> {
    let mut reader = values.reader();
    let time = reader.next().ok().flatten().filter(|_| reader.is_empty() && !repeated);
    let time = time.filter(|time| matches!(time.tag.0, der::UTC_TIME | der::GENERALIZED_TIME));
    let read = time.and_then(|time| der::time("signingTime", &time, quirks).ok());
    if read.is_none() {
        quirks.push(Quirk::new("cms.signing-time-malformed", "SignerInfo signedAttrs").over(values.raw));
    }
    read
}
