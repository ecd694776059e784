//! X.509 certificates read over spans of their own bytes (RFC 5280, Doc 9303-12 clause 7).
//!
//! ```text
//! Certificate ::= SEQUENCE { tbsCertificate TBSCertificate, signatureAlgorithm AlgorithmIdentifier, signatureValue BIT STRING }
//! TBSCertificate ::= SEQUENCE { [0] version, serialNumber INTEGER, signature AlgorithmIdentifier, issuer Name,
//!     validity SEQUENCE { notBefore Time, notAfter Time }, subject Name, subjectPublicKeyInfo, [1] issuerUniqueID, [2] subjectUniqueID, [3] extensions }
//! ```
//!
//! A certificate that parses proves nothing: [`Certificate::verify_signed_by`] is the proof. A key or a signature algorithm that is
//! not known does not spoil the rest, it is an error only when it is asked for. Refused: another structure, a signature algorithm that
//! differs inside and outside of what is signed, an extension that appears twice. Tolerated as quirks: version 1, serial numbers that
//! are negative, zero or too long, unique identifiers, BOOLEANs other than FF, `critical FALSE` written out, odd forms of time.

pub mod extension;
pub mod name;

use std::fmt;
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use super::CertError;
use super::algorithm::SignatureAlgorithm;
use super::der::{self, Span, Time};
use super::spki::{self, SubjectPublicKeyInfo};
use crate::crypto::signature::SignatureError;
use crate::date::Date;
use crate::quirk::Quirk;
use crate::tlv::{self, Tlv};
use extension::Extensions;

/// A certificate and the bytes that it was read from.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: Span,
    serial: Span,
    issuer: Span,
    subject: Span,
    spki: Span,
    not_before: Time,
    not_after: Time,
    key: Result<SubjectPublicKeyInfo, CertError>,
    signature_algorithm: Result<SignatureAlgorithm, CertError>,
    signature: Span,
    extensions: Extensions,
    quirks: Vec<Quirk>,
    // reports name an anchor for every document: worked out once
    fingerprint: OnceLock<[u8; 32]>,
    subject_text: OnceLock<String>,
}

impl Certificate {
    /// Reads a certificate in DER that fills `bytes`, and keeps a copy of them.
    ///
    /// # Errors
    /// Not the structure above, with the offset of what is wrong.
    pub fn from_der(bytes: &[u8]) -> Result<Self, CertError> {
        let mut quirks = Vec::new();
        let mut outer = tlv::single(bytes, der::SEQUENCE)?.reader();
        let tbs = outer.expect(der::SEQUENCE)?;
        let algorithm = outer.expect(der::SEQUENCE)?;
        let signature = outer.expect(der::BIT_STRING)?;
        outer.finish()?;
        der::whole_bits("signatureValue", &signature)?;

        let mut reader = tbs.reader();
        let version = match reader.optional(0xA0)? {
            Some(version) => der::small("version", &version.reader().expect(der::INTEGER)?)?,
            None => 0,
        };
        if version != 2 {
            quirks.push(
                Quirk::new("x509.version-not-3", format!("version {}", u64::from(version) + 1))
                    .over(tbs.value.get(..5).unwrap_or_default()),
            );
        }
        let serial = reader.expect(der::INTEGER)?;
        check_serial(&serial, &mut quirks)?;
        let inner_algorithm = reader.expect(der::SEQUENCE)?;
        if inner_algorithm.raw != algorithm.raw {
            return Err(CertError::malformed("signatureAlgorithm", &algorithm, "the same as inside tbsCertificate"));
        }
        let issuer = reader.expect(der::SEQUENCE)?;
        let mut validity = reader.expect(der::SEQUENCE)?.reader();
        let not_before = read_time("notBefore", validity.next()?, validity.at(), &mut quirks)?;
        let not_after = read_time("notAfter", validity.next()?, validity.at(), &mut quirks)?;
        validity.finish()?;
        let subject = reader.expect(der::SEQUENCE)?;
        let spki = reader.expect(der::SEQUENCE)?;
        for tag in [0x81u32, 0x82, 0xA1, 0xA2] {
            if let Some(identifier) = reader.optional(tag)? {
                quirks.push(Quirk::new("x509.unique-identifier", "tbsCertificate").over(identifier.raw));
            }
        }
        let extensions = match reader.optional(0xA3)? {
            Some(list) => Extensions::read(&list, &mut quirks)?,
            None => Extensions::default(),
        };
        reader.finish()?;

        let key = spki::read_of_certificate(&spki);
        if let Ok(key) = &key {
            quirks.extend_from_slice(&key.quirks);
        }
        let signature_algorithm = SignatureAlgorithm::read("certificate signatureAlgorithm", &algorithm);
        if let Ok(algorithm) = &signature_algorithm {
            quirks.extend_from_slice(&algorithm.quirks);
        }
        Ok(Self {
            der: bytes.to_vec(),
            tbs: Span::raw(&tbs),
            serial: Span::value(&serial),
            issuer: Span::raw(&issuer),
            subject: Span::raw(&subject),
            spki: Span::raw(&spki),
            not_before,
            not_after,
            key,
            signature_algorithm,
            signature: Span::value(&signature).skip(1),
            extensions,
            quirks,
            fingerprint: OnceLock::new(),
            subject_text: OnceLock::new(),
        })
    }

    /// Reads the first certificate of a PEM text, or DER if it is none.
    ///
    /// # Errors
    /// Neither.
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self, CertError> {
        match super::pem::certificates(bytes)? {
            Some(blocks) => {
                let first = blocks.first().ok_or_else(|| CertError::Pem("no certificate in it".to_owned()))?;
                Self::from_der(first)
            }
            None => Self::from_der(bytes),
        }
    }

    /// The original bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// tbsCertificate: the bytes that are signed.
    #[must_use]
    pub fn tbs(&self) -> &[u8] {
        self.tbs.of(&self.der)
    }

    /// Content octets of the serial number, as written.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        self.serial.of(&self.der)
    }

    /// The serial number in lower-case hex.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        der::hex(self.serial())
    }

    /// Issuer: the whole Name, tag included.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        self.issuer.of(&self.der)
    }

    /// Subject: the whole Name, tag included.
    #[must_use]
    pub fn subject(&self) -> &[u8] {
        self.subject.of(&self.der)
    }

    /// Issuer as text: `C=VN, O=…, CN=…`.
    #[must_use]
    pub fn issuer_text(&self) -> String {
        name::to_text(self.issuer())
    }

    /// Subject as text: `C=VN, O=…, CN=…`.
    #[must_use]
    pub fn subject_text(&self) -> String {
        self.subject_text.get_or_init(|| name::to_text(self.subject())).clone()
    }

    /// countryName of the subject, upper case; `None` if it has none.
    #[must_use]
    pub fn subject_country(&self) -> Option<String> {
        name::country(self.subject())
    }

    /// countryName of the issuer, upper case; `None` if it has none.
    #[must_use]
    pub fn issuer_country(&self) -> Option<String> {
        name::country(self.issuer())
    }

    /// Start of validity.
    #[must_use]
    pub const fn not_before(&self) -> Time {
        self.not_before
    }

    /// End of validity.
    #[must_use]
    pub const fn not_after(&self) -> Time {
        self.not_after
    }

    /// Whether `date` is inside of the validity, first and last day included.
    #[must_use]
    pub fn valid_on(&self, date: Date) -> bool {
        self.not_before.date <= date && date <= self.not_after.date
    }

    /// The public key.
    ///
    /// # Errors
    /// It is of a kind that is not known, or malformed.
    pub const fn key(&self) -> Result<&SubjectPublicKeyInfo, &CertError> {
        self.key.as_ref()
    }

    /// SubjectPublicKeyInfo as written.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        self.spki.of(&self.der)
    }

    /// The algorithm of the signature on this certificate.
    ///
    /// # Errors
    /// It is not known, or malformed.
    pub const fn signature_algorithm(&self) -> Result<&SignatureAlgorithm, &CertError> {
        self.signature_algorithm.as_ref()
    }

    /// The signature on this certificate.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        self.signature.of(&self.der)
    }

    /// The extensions.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// subjectKeyIdentifier.
    #[must_use]
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.extensions.subject_key_id.map(|span| span.of(&self.der))
    }

    /// keyIdentifier of authorityKeyIdentifier.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.extensions.authority_key_id.map(|span| span.of(&self.der))
    }

    /// authorityCertIssuer (the directoryName, a whole Name) and authorityCertSerialNumber of authorityKeyIdentifier.
    #[must_use]
    pub fn authority_issuer_serial(&self) -> Option<(&[u8], &[u8])> {
        self.extensions.authority_issuer_serial.map(|(issuer, serial)| (issuer.of(&self.der), serial.of(&self.der)))
    }

    /// Document types that a document signer may sign (documentTypeList, Doc 9303-12 clause 7.1.1.6): `["I", "ID"]`.
    #[must_use]
    pub fn document_types(&self) -> Vec<String> {
        self.extensions.document_types(&self.der)
    }

    /// Purposes that extKeyUsage names, dotted; empty where there is no such extension.
    #[must_use]
    pub fn extended_key_usages(&self) -> Vec<String> {
        self.extensions.extended_key_usages(&self.der)
    }

    /// Whether the extension `dotted` is there, and whether it is critical.
    #[must_use]
    pub fn extension(&self, dotted: &'static str) -> Option<bool> {
        self.extensions.criticality(&self.der, dotted)
    }

    /// Tolerances used in reading it.
    #[must_use]
    pub fn quirks(&self) -> &[Quirk] {
        &self.quirks
    }

    /// SHA-256 of the certificate: what names it in evidence and caches, since issuer and serial do not (Doc 9303 states reuse them).
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        *self.fingerprint.get_or_init(|| Sha256::digest(&self.der).into())
    }

    /// Proves that the holder of `issuer`'s key signed this certificate. Names, dates and usages are not looked at: see [`super::path`].
    ///
    /// # Errors
    /// [`SignatureError::Wrong`]: not signed by this key. The others say why it cannot be checked.
    pub fn verify_signed_by(&self, issuer: &SubjectPublicKeyInfo) -> Result<(), SignatureError> {
        self.verify_signed_by_noting(issuer, &mut Vec::new())
    }

    /// [`verify_signed_by`](Self::verify_signed_by), noting the tolerances that the form of the signature needed.
    ///
    /// # Errors
    /// As [`verify_signed_by`](Self::verify_signed_by).
    pub fn verify_signed_by_noting(&self, issuer: &SubjectPublicKeyInfo, quirks: &mut Vec<Quirk>) -> Result<(), SignatureError> {
        let algorithm = self.signature_algorithm.as_ref().map_err(|e| SignatureError::Unsupported(e.to_string()))?;
        algorithm.verify_noting(None, issuer, self.tbs(), self.signature(), "certificate", quirks)
    }

    /// Whether subject and issuer are the same name and the certificate is signed by its own key. Issuer = subject alone proves nothing.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.issuer() == self.subject() && self.key.as_ref().is_ok_and(|key| self.verify_signed_by(key).is_ok())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {})", self.subject_text(), self.serial_hex())
    }
}

fn check_serial(serial: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<(), CertError> {
    let mut note = |rule| quirks.push(Quirk::new(rule, "serialNumber").over(serial.value));
    match serial.value {
        [] => return Err(CertError::malformed("serialNumber", serial, "at least one octet")),
        [first, ..] if first & 0x80 != 0 => note("x509.serial-negative"),
        [0] => note("x509.serial-zero"),
        [0, second, ..] if second & 0x80 == 0 => note("x509.serial-not-minimal"),
        _ => {}
    }
    if serial.value.len() > 20 {
        note("x509.serial-too-long");
    }
    Ok(())
}

fn read_time(what: &'static str, object: Option<Tlv<'_>>, at: usize, quirks: &mut Vec<Quirk>) -> Result<Time, CertError> {
    let object = object.ok_or(tlv::TlvError::Missing { expected: tlv::Tag(der::UTC_TIME), at })?;
    match object.tag.0 {
        der::UTC_TIME => {}
        der::GENERALIZED_TIME => {
            if object.value.starts_with(b"20") && object.value.get(2).is_some_and(|&decade| decade < b'5') {
                quirks.push(Quirk::new("x509.generalized-time-before-2050", what).over(object.value));
            }
        }
        _ => return Err(CertError::malformed(what, &object, "UTCTime or GeneralizedTime")),
    }
    der::time(what, &object, quirks)
}
