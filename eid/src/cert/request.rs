//! PKCS#10 certification requests: a name, a public key, and the proof that the sender holds the private key (RFC 2986).
//!
//! ```text
//! CertificationRequest ::= SEQUENCE { certificationRequestInfo, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING }
//! CertificationRequestInfo ::= SEQUENCE { version INTEGER {v1(0)}, subject Name, subjectPKInfo SubjectPublicKeyInfo, [0] attributes }
//! ```
//!
//! A request that parses proves nothing: [`Request::verify`] is the proof of possession. Its attributes, requested extensions among them,
//! are named and not read: a profile says what a certificate has, not who asks for it. Refused: another version, more than 32 attributes.

use super::algorithm::{self, SignatureAlgorithm};
use super::der::{self, Span};
use super::spki::{self, SubjectPublicKeyInfo};
use super::x509::name;
use super::{CertError, pem};
use crate::crypto::signature::SignatureError;
use crate::signer::{Signer, SignerError};
use crate::tlv;

const MAX_ATTRIBUTES: usize = 32;

/// A request and the bytes that it was read from.
#[derive(Clone, Debug)]
pub struct Request {
    der: Vec<u8>,
    info: Span,
    subject: Span,
    spki: Span,
    /// The public key.
    pub key: SubjectPublicKeyInfo,
    /// The types of its attributes, dotted.
    pub attributes: Vec<String>,
    /// The algorithm of its signature.
    pub signature_algorithm: SignatureAlgorithm,
    signature: Span,
}

impl Request {
    /// Reads a request in DER that fills `bytes`, or the first `CERTIFICATE REQUEST` block of a PEM text, and keeps a copy.
    ///
    /// # Errors
    /// Not the structure above, a key or an algorithm that is not known.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertError> {
        match pem::blocks(bytes)? {
            Some(blocks) => {
                let block = blocks.iter().find(|b| matches!(b.label.as_str(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST"));
                Self::from_der(&block.ok_or_else(|| CertError::Pem("no CERTIFICATE REQUEST in it".to_owned()))?.der)
            }
            None => Self::from_der(bytes),
        }
    }

    /// Reads a request in DER that fills `bytes`, and keeps a copy.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn from_der(bytes: &[u8]) -> Result<Self, CertError> {
        let mut outer = tlv::single(bytes, der::SEQUENCE)?.reader();
        let info = outer.expect(der::SEQUENCE)?;
        let identifier = outer.expect(der::SEQUENCE)?;
        let signature = outer.expect(der::BIT_STRING)?;
        outer.finish()?;
        der::whole_bits("signature", &signature)?;
        let mut reader = info.reader();
        let version = reader.expect(der::INTEGER)?;
        if der::small("CertificationRequestInfo version", &version)? != 0 {
            return Err(CertError::malformed("CertificationRequestInfo version", &version, "0"));
        }
        let subject = reader.expect(der::SEQUENCE)?;
        let spki = reader.expect(der::SEQUENCE)?;
        let mut attributes = Vec::new();
        // [0] is not OPTIONAL, and some senders without attributes leave it out
        if let Some(list) = reader.optional(0xA0)? {
            let mut list = list.reader();
            while let Some(attribute) = der::element(&mut list)? {
                if attributes.len() == MAX_ATTRIBUTES {
                    return Err(CertError::malformed("attributes", &attribute, "at most 32 attributes"));
                }
                attributes.push(der::dotted(der::oid(&mut attribute.reader())?));
            }
        }
        reader.finish()?;
        Ok(Self {
            info: Span::raw(&info),
            subject: Span::raw(&subject),
            spki: Span::raw(&spki),
            key: spki::parse(spki.raw)?,
            attributes,
            signature_algorithm: SignatureAlgorithm::read("request signatureAlgorithm", &identifier)?,
            signature: Span::value(&signature).skip(1),
            der: bytes.to_vec(),
        })
    }

    /// The original bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Subject: the whole Name.
    #[must_use]
    pub fn subject(&self) -> &[u8] {
        self.subject.of(&self.der)
    }

    /// Subject as text: `C=VN, O=…, CN=…`.
    #[must_use]
    pub fn subject_text(&self) -> String {
        name::to_text(self.subject())
    }

    /// subjectPKInfo: the whole object.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        self.spki.of(&self.der)
    }

    /// Proves that whoever made the request holds the private key of its public key.
    ///
    /// # Errors
    /// [`SignatureError::Wrong`]: signed by another key, or changed. The others say why it cannot be checked.
    pub fn verify(&self) -> Result<(), SignatureError> {
        self.signature_algorithm.verify(None, &self.key, self.info.of(&self.der), self.signature.of(&self.der))
    }
}

/// A request for `spki` under the name `subject` (the whole Name), signed by the holder of its private key, without attributes, in DER.
///
/// # Errors
/// The signer refuses.
pub fn sign(subject: &[u8], spki: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, SignerError> {
    let mut info = tlv::encode(der::INTEGER, &[0]);
    info.extend_from_slice(subject);
    info.extend_from_slice(spki);
    tlv::push(&mut info, 0xA0u32, &[]);
    let mut body = tlv::encode(der::SEQUENCE, &info);
    let signature = signer.sign(&body)?.to_der();
    body.extend(algorithm::encode_signature(signer.algorithm()));
    tlv::push(&mut body, der::BIT_STRING, &[&[0], signature.as_slice()].concat());
    Ok(tlv::encode(der::SEQUENCE, &body))
}
