//! CMS SignedData with its content inside, as EF.SOD and the lists of Doc 9303-12 use it (RFC 5652 clause 5).
//!
//! ```text
//! ContentInfo ::= SEQUENCE { id-signedData, [0] SignedData }
//! SignedData ::= SEQUENCE { version INTEGER, digestAlgorithms SET, encapContentInfo SEQUENCE { eContentType OID, [0] { eContent OCTET STRING } },
//!     [0] certificates, [1] crls, signerInfos SET }
//! SignerInfo ::= SEQUENCE { version INTEGER, sid, digestAlgorithm, [0] signedAttrs, signatureAlgorithm, signature OCTET STRING, [1] unsignedAttrs }
//! ```
//!
//! The signature is verified over the bytes as they stand: the signed attributes with their tag octet replaced by 31, never over an
//! encoding of our own. Messages in BER (indefinite lengths, octet strings in pieces) are first rewritten with definite lengths, with a quirk.

mod ber;
pub mod build;

pub(crate) use ber::to_definite;

use const_oid::ObjectIdentifier;

use super::CertError;
use super::algorithm::{self, SignatureAlgorithm};
use super::der::{self, Span, Time};
use super::spki::SubjectPublicKeyInfo;
use super::x509::Certificate;
use super::x509::name::{self, Relation};
use crate::crypto::hash::Hash;
use crate::crypto::signature::{Algorithm, SignatureError};
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::{self, Tlv, TlvError};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::SIGNED_DATA);
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::CONTENT_TYPE);
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::MESSAGE_DIGEST);
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::SIGNING_TIME);

const MAX_SIGNERS: usize = 16;
const MAX_ATTRIBUTES: usize = 32;

/// A signed message and the bytes that it was read from.
#[derive(Clone, Debug)]
pub struct SignedData {
    der: Vec<u8>,
    content_type: Span,
    content: Span,
    certificates: Vec<Span>,
    /// SignedData version: 3 when the content is not id-data.
    pub version: u32,
    /// The digests that digestAlgorithms names, those that are known here.
    pub digests: Vec<Hash>,
    /// The signers, in order.
    pub signers: Vec<SignerInfo>,
    /// Tolerances used.
    pub quirks: Vec<Quirk>,
}

/// One signature on the content.
#[derive(Clone, Debug)]
pub struct SignerInfo {
    /// 1 where the signer is named by issuer and serial number, 3 by key identifier.
    pub version: u32,
    signer: SignerId,
    /// digestAlgorithm.
    pub digest: Hash,
    signed_attributes: Option<Span>,
    attributes: Vec<(Span, Span)>,
    /// signatureAlgorithm.
    pub signature_algorithm: SignatureAlgorithm,
    signature: Span,
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
    /// The signature does not verify, or cannot be checked.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl SignedData {
    /// Reads a ContentInfo that fills `bytes`, and keeps a copy of them.
    ///
    /// # Errors
    /// Not that structure, an unknown digest or signature algorithm, or no signer.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertError> {
        match Self::parse_der(bytes) {
            Err(CertError::Tlv(TlvError::Indefinite { .. } | TlvError::Unexpected { found: tlv::Tag(0x24), .. })) => {
                let mut signed = Self::parse_der(&to_definite(bytes)?)?;
                signed.quirks.push(Quirk::new("cms.ber", "ContentInfo"));
                Ok(signed)
            }
            other => other,
        }
    }

    fn parse_der(bytes: &[u8]) -> Result<Self, CertError> {
        let mut quirks = Vec::new();
        let mut info = tlv::single(bytes, der::SEQUENCE)?.reader();
        let kind = info.expect(der::OID)?;
        if kind.value != SIGNED_DATA.as_bytes() {
            return Err(CertError::malformed("contentType", &kind, "id-signedData 1.2.840.113549.1.7.2"));
        }
        let mut explicit = info.expect(0xA0)?.reader();
        info.finish()?;
        let mut reader = explicit.expect(der::SEQUENCE)?.reader();
        explicit.finish()?;

        let version = der::small("SignedData version", &reader.expect(der::INTEGER)?)?;
        let mut digests = Vec::new();
        let mut set = reader.expect(der::SET)?.reader();
        while let Some(identifier) = der::element(&mut set)? {
            if let Ok(hash) = algorithm::digest(&identifier) {
                digests.push(hash);
            }
        }
        let mut encapsulated = reader.expect(der::SEQUENCE)?.reader();
        let content_type = encapsulated.expect(der::OID)?;
        let mut explicit = encapsulated.expect(0xA0)?.reader();
        encapsulated.finish()?;
        let content = explicit.expect(der::OCTET_STRING)?;
        explicit.finish()?;
        let mut certificates = Vec::new();
        if let Some(list) = reader.optional(0xA0)? {
            let mut list = list.reader();
            while let Some(certificate) = list.next()? {
                certificates.push(Span::raw(&certificate));
            }
        }
        if reader.optional(0xA1)?.is_some() {
            quirks.push(Quirk::new("cms.crls-present", "SignedData"));
        }
        let mut signers = Vec::new();
        let signer_infos = reader.expect(der::SET)?;
        let mut set = signer_infos.reader();
        while let Some(signer) = der::element(&mut set)? {
            if signers.len() == MAX_SIGNERS {
                return Err(CertError::malformed("signerInfos", &signer, "at most 16 signers"));
            }
            signers.push(SignerInfo::read(&signer, &mut quirks)?);
        }
        reader.finish()?;
        if signers.is_empty() {
            return Err(CertError::malformed("signerInfos", &signer_infos, "a signer"));
        }
        if signers.len() > 1 {
            quirks.push(Quirk::new("cms.several-signers", "SignedData"));
        }
        Ok(Self {
            der: bytes.to_vec(),
            content_type: Span::value(&content_type),
            content: Span::value(&content),
            certificates,
            version,
            digests,
            signers,
            quirks,
        })
    }

    /// eContentType, dotted.
    #[must_use]
    pub fn content_type(&self) -> String {
        der::dotted(self.content_type.of(&self.der))
    }

    /// Content octets of eContentType.
    pub(crate) fn content_type_octets(&self) -> &[u8] {
        self.content_type.of(&self.der)
    }

    /// eContent: the signed bytes.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        self.content.of(&self.der)
    }

    /// The certificates that came along, each as it stands.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(|span| span.of(&self.der))
    }

    /// Whether `signer` names `certificate`: by issuer and serial number, or by subject key identifier.
    #[must_use]
    pub fn names(&self, signer: &SignerInfo, certificate: &Certificate) -> Relation {
        match signer.signer {
            SignerId::IssuerSerial { issuer, serial } if serial.of(&self.der) == certificate.serial() => {
                name::compare(issuer.of(&self.der), certificate.issuer())
            }
            SignerId::KeyId(id) if certificate.subject_key_id() == Some(id.of(&self.der)) => Relation::Equal,
            _ => Relation::Different,
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
    /// A bare algorithm without a digest.
    pub fn algorithm(signer: &SignerInfo) -> Result<Algorithm, CertError> {
        signer.signature_algorithm.algorithm(Some(signer.digest))
    }

    /// signingTime, if the signer states it. A statement of the signer, covered by its signature.
    #[must_use]
    pub fn signing_time(&self, signer: &SignerInfo) -> Option<Time> {
        let value = self.attribute(signer, SIGNING_TIME.as_bytes()).ok()?;
        let object = tlv::Reader::new(value).next().ok()??;
        der::time("signingTime", &object, &mut Vec::new()).ok()
    }

    /// Proves that the holder of `key` signed the content as `signer` says: contentType, messageDigest, then the signature
    /// over the signed attributes. Without signed attributes (which RFC 5652 demands here) the signature is over the content.
    ///
    /// # Errors
    /// What does not hold, or why it cannot be checked.
    pub fn verify(&self, signer: &SignerInfo, key: &SubjectPublicKeyInfo) -> Result<(), VerifyError> {
        let signature = signer.signature.of(&self.der);
        let Some(attributes) = signer.signed_attributes else {
            return Ok(signer.signature_algorithm.verify(Some(signer.digest), key, self.content(), signature)?);
        };
        let expected = self.content_type_octets();
        let content_type = self.attribute(signer, CONTENT_TYPE.as_bytes());
        if !content_type.is_ok_and(|value| matches!(value, [0x06, len, oid @ ..] if usize::from(*len) == oid.len() && oid == expected)) {
            return Err(VerifyError::ContentType {
                expected: der::dotted(expected),
                found: content_type.map_or_else(ToOwned::to_owned, |v| der::dotted(v.get(2..).unwrap_or_default())),
            });
        }
        let expected = signer.digest.digest(&[self.content()]);
        let digest = self.attribute(signer, MESSAGE_DIGEST.as_bytes());
        if !digest.is_ok_and(|value| matches!(value, [0x04, len, found @ ..] if usize::from(*len) == found.len() && found == expected)) {
            return Err(VerifyError::MessageDigest {
                expected: der::hex(&expected),
                found: digest.map_or_else(ToOwned::to_owned, |v| der::hex(v.get(2..).unwrap_or_default())),
            });
        }
        let mut message = attributes.of(&self.der).to_vec();
        if let Some(tag) = message.first_mut() {
            *tag = 0x31;
        }
        Ok(signer.signature_algorithm.verify(Some(signer.digest), key, &message, signature)?)
    }

    /// The one value of the signed attribute `kind`; the error says `missing` or `repeated`.
    fn attribute(&self, signer: &SignerInfo, kind: &[u8]) -> Result<&[u8], &'static str> {
        let mut found = signer.attributes.iter().filter(|(oid, _)| oid.of(&self.der) == kind);
        let (_, values) = found.next().ok_or("missing")?;
        if found.next().is_some() {
            return Err("repeated");
        }
        let values = values.of(&self.der);
        let mut reader = tlv::Reader::new(values);
        match reader.next() {
            Ok(Some(value)) if reader.is_empty() => Ok(value.raw),
            _ => Err("not one value"),
        }
    }
}

impl SignerInfo {
    fn read(info: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Self, CertError> {
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
        let digest = algorithm::digest(&reader.expect(der::SEQUENCE)?)?;
        let signed = reader.optional(0xA0)?;
        let mut attributes = Vec::with_capacity(4);
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
                attributes.push((Span::value(&kind), Span::value(&values)));
            }
        } else {
            quirks.push(Quirk::new("cms.no-signed-attributes", "SignerInfo"));
        }
        let signature_algorithm = SignatureAlgorithm::read("SignerInfo signatureAlgorithm", &reader.expect(der::SEQUENCE)?)?;
        quirks.extend_from_slice(&signature_algorithm.quirks);
        if signature_algorithm.algorithm(Some(digest))?.hash() != digest {
            quirks.push(Quirk::new("cms.digest-differs-from-signature", "SignerInfo digestAlgorithm"));
        }
        let signature = reader.expect(der::OCTET_STRING)?;
        if reader.optional(0xA1)?.is_some() {
            quirks.push(Quirk::new("cms.unsigned-attributes", "SignerInfo"));
        }
        reader.finish()?;
        Ok(Self {
            version,
            signer,
            digest,
            signed_attributes: signed.as_ref().map(Span::raw),
            attributes,
            signature_algorithm,
            signature: Span::value(&signature),
        })
    }
}
