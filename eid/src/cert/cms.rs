//! CMS SignedData with its content inside, as EF.SOD, EF.CardSecurity and the lists of Doc 9303-12 use it (RFC 5652 clause 5).
//!
//! ```text
//! ContentInfo ::= SEQUENCE { id-signedData, [0] SignedData }
//! SignedData ::= SEQUENCE { version INTEGER, digestAlgorithms SET, encapContentInfo SEQUENCE { eContentType OID, [0] { eContent OCTET STRING } },
//!     [0] certificates, [1] crls, signerInfos SET }
//! SignerInfo ::= SEQUENCE { version INTEGER, sid, digestAlgorithm, [0] signedAttrs, signatureAlgorithm, signature OCTET STRING, [1] unsignedAttrs }
//! ```
//!
//! The signature is verified over the bytes as they stand: the signed attributes with their tag octet replaced by 31, and only if that
//! fails and they are out of order, sorted as DER demands. Messages in BER (indefinite lengths, octet strings in pieces) are first
//! rewritten with definite lengths. Each of these has its quirk, and so have lengths that are not minimal, signer names written in
//! another way than in the certificate, and algorithms told in another place. An algorithm that is not known spoils only its signer.

mod ber;
pub mod build;
mod signer;

pub use signer::{SignerInfo, VerifyError};

pub use ber::to_definite;

use const_oid::ObjectIdentifier;

use super::CertError;
use super::algorithm;
use super::der::{self, Span};
use crate::crypto::hash::Hash;
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::{self, TlvError};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::SIGNED_DATA);
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::CONTENT_TYPE);
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::MESSAGE_DIGEST);
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::SIGNING_TIME);

const MAX_SIGNERS: usize = 16;
const MAX_CERTIFICATES: usize = 1024;

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

impl SignedData {
    /// Reads a ContentInfo that fills `bytes`, and keeps a copy of them.
    ///
    /// # Errors
    /// Not that structure, or no signer.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertError> {
        match Self::parse_der(bytes) {
            Err(CertError::Tlv(TlvError::Indefinite { .. } | TlvError::Unexpected { found: tlv::Tag(0x24), .. })) => {
                let mut signed = Self::parse_der(&to_definite(bytes)?)?;
                signed.quirks.push(Quirk::new("cms.ber", "ContentInfo").over(bytes));
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
                if certificates.len() == MAX_CERTIFICATES {
                    return Err(CertError::malformed("certificates", &certificate, "at most 1024 certificates"));
                }
                certificates.push(Span::raw(&certificate));
            }
        }
        if let Some(crls) = reader.optional(0xA1)? {
            quirks.push(Quirk::new("cms.crls-present", "SignedData").over(crls.raw));
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
            quirks.push(Quirk::new("cms.several-signers", format!("SignedData, {} signers", signers.len())));
        }
        if let Some((at, length)) = der::overlong(bytes) {
            quirks.push(Quirk::new("cms.length-not-minimal", format!("ContentInfo, length at offset {at}")).over(length));
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

    /// The message: the original bytes, with definite lengths where they had none.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
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
}
