//! Makes CMS SignedData with one signer: EF.SOD, master lists, deviation lists (RFC 5652 clause 5, Doc 9303-10 clause 4.6.2, Doc 9303-12 clauses 9 and 10).

use const_oid::ObjectIdentifier;

use super::{CONTENT_TYPE, MESSAGE_DIGEST, SIGNED_DATA, SIGNING_TIME};
use crate::cert::x509::Certificate;
use crate::cert::{CertError, Time, algorithm, der};
use crate::crypto::hash::Hash;
use crate::oid;
use crate::signer::{Signer, SignerError};
use crate::tlv;

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// SHA-1 is read, never written (Doc 9303-12 clause 4.4).
    #[error("{0} is not allowed in a new signature")]
    WeakDigest(&'static str),
    /// The key of the signer's certificate cannot be read.
    #[error("certificate of the signer: {0}")]
    Certificate(#[from] CertError),
    /// The signer holds another key than the certificate's.
    #[error("the signer's key is not that of the certificate {subject}")]
    OtherKey {
        /// Subject of the certificate.
        subject: String,
    },
    /// The certificate has no subjectKeyIdentifier to be named by.
    #[error("the certificate {subject} has no subjectKeyIdentifier")]
    NoKeyId {
        /// Subject of the certificate.
        subject: String,
    },
    /// The signer did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// How the signer is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// issuerAndSerialNumber: recommended for EF.SOD.
    IssuerSerial,
    /// subjectKeyIdentifier: recommended for lists.
    KeyId,
}

/// A message to sign.
#[derive(Debug)]
pub struct Message<'a> {
    /// eContentType, dotted.
    pub content_type: &'static str,
    /// eContent.
    pub content: &'a [u8],
    /// Certificate of the signer, which goes in.
    pub certificate: &'a Certificate,
    /// Certificates that go in beside it: the CSCA, for lists.
    pub others: &'a [&'a Certificate],
    /// How the signer is named.
    pub named_by: NamedBy,
    /// signingTime: mandatory for lists, optional in EF.SOD.
    pub signing_time: Option<Time>,
}

/// ContentInfo with SignedData in DER. The digest of the message is that of the signature algorithm; signedAttrs are contentType,
/// messageDigest and, only if given, signingTime, in the order of DER.
///
/// # Errors
/// The certificate is of another key, or has no key identifier where one is asked for; the digest is weak; the signer refuses.
pub fn sign(message: &Message<'_>, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    let certificate = message.certificate;
    let subject = || certificate.subject_text();
    if certificate.key().map_err(Clone::clone)?.key != signer.public_key() {
        return Err(SignError::OtherKey { subject: subject() });
    }
    let algorithm = signer.algorithm();
    let digest = algorithm.hash();
    if digest == Hash::Sha1 {
        return Err(SignError::WeakDigest(digest.name()));
    }
    let content_type = tlv::encode(der::OID, &oid::encode(message.content_type));
    let attribute = |kind: ObjectIdentifier, value: &[u8]| {
        let mut body = tlv::encode(der::OID, kind.as_bytes());
        tlv::push(&mut body, der::SET, value);
        tlv::encode(der::SEQUENCE, &body)
    };
    let message_digest = tlv::encode(der::OCTET_STRING, &digest.digest(&[message.content]));
    let mut attributes = vec![attribute(CONTENT_TYPE, &content_type), attribute(MESSAGE_DIGEST, &message_digest)];
    attributes.extend(message.signing_time.map(|time| attribute(SIGNING_TIME, &time.to_der())));
    // DER orders the elements of a SET OF by their encodings (X.690 clause 11.6)
    attributes.sort();
    let attributes = attributes.concat();
    let signature = signer.sign(&tlv::encode(der::SET, &attributes))?;

    let (version, sid) = match message.named_by {
        NamedBy::IssuerSerial => {
            let mut pair = certificate.issuer().to_vec();
            tlv::push(&mut pair, der::INTEGER, certificate.serial());
            (1, tlv::encode(der::SEQUENCE, &pair))
        }
        NamedBy::KeyId => {
            let id = certificate.subject_key_id().ok_or_else(|| SignError::NoKeyId { subject: subject() })?;
            (3, tlv::encode(0x80u32, id))
        }
    };
    let mut info = tlv::encode(der::INTEGER, &[version]);
    info.extend(sid);
    info.extend(algorithm::encode_digest(digest));
    tlv::push(&mut info, 0xA0u32, &attributes);
    info.extend(algorithm::encode_signature(algorithm));
    tlv::push(&mut info, der::OCTET_STRING, &signature.to_der());

    let mut certificates: Vec<_> = std::iter::once(certificate).chain(message.others.iter().copied()).map(Certificate::der).collect();
    certificates.sort_unstable();
    certificates.dedup();
    let mut encapsulated = content_type;
    tlv::push(&mut encapsulated, 0xA0u32, &tlv::encode(der::OCTET_STRING, message.content));
    let mut signed = tlv::encode(der::INTEGER, &[3]);
    tlv::push(&mut signed, der::SET, &algorithm::encode_digest(digest));
    tlv::push(&mut signed, der::SEQUENCE, &encapsulated);
    tlv::push(&mut signed, 0xA0u32, &certificates.concat());
    tlv::push(&mut signed, der::SET, &tlv::encode(der::SEQUENCE, &info));
    let mut outer = tlv::encode(der::OID, SIGNED_DATA.as_bytes());
    tlv::push(&mut outer, 0xA0u32, &tlv::encode(der::SEQUENCE, &signed));
    Ok(tlv::encode(der::SEQUENCE, &outer))
}
