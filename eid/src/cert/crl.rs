//! Certificate revocation lists, read over spans of their own bytes (RFC 5280 clause 5, Doc 9303-12 clause 7.1.4).
//!
//! ```text
//! CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm AlgorithmIdentifier, signatureValue BIT STRING }
//! TBSCertList ::= SEQUENCE { version INTEGER OPTIONAL, signature AlgorithmIdentifier, issuer Name, thisUpdate Time, nextUpdate Time OPTIONAL,
//!     revokedCertificates SEQUENCE OF SEQUENCE { userCertificate INTEGER, revocationDate Time, crlEntryExtensions OPTIONAL } OPTIONAL,
//!     [0] crlExtensions OPTIONAL }
//! ```
//!
//! A list that parses proves nothing: [`Crl::verify_signed_by`] is the proof, and it is asked with the key of the CSCA, never by names
//! alone. A list with a [`Limit`] says nothing about what it does not list. Tolerated as quirks: version 1, no nextUpdate, an empty list
//! written out, no crlNumber, no authorityKeyIdentifier, odd times and integers.

pub mod build;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use sha2::{Digest as _, Sha256};

use super::algorithm::SignatureAlgorithm;
use super::der::{self, Span, Time};
use super::spki::SubjectPublicKeyInfo;
use super::x509::Certificate;
use super::x509::name::{self, Relation};
use super::{CertError, pem};
use crate::crypto::signature::SignatureError;
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tlv, TlvError};

const ENUMERATED: u32 = 0x0A;
const MAX_EXTENSIONS: usize = 32;
/// More keys than a state has had.
const MAX_ANSWERS: usize = 64;

/// A revocation list and the bytes that it was read from.
#[derive(Clone)]
pub struct Crl {
    der: Vec<u8>,
    tbs: Span,
    issuer: Span,
    this_update: Time,
    next_update: Option<Time>,
    number: Option<Span>,
    authority_key_id: Option<Span>,
    revoked: Vec<Revoked>,
    limits: Vec<Limit>,
    signature_algorithm: Result<SignatureAlgorithm, CertError>,
    signature: Span,
    quirks: Vec<Quirk>,
    fingerprint: OnceLock<[u8; 32]>,
    answers: Answers,
}

/// Which keys signed a list, as far as it was asked: every document of a state asks again, with the same few keys.
#[derive(Default)]
struct Answers(Mutex<BTreeMap<[u8; 32], bool>>);

impl Answers {
    /// The answer for the key of this digest, computed once. What does not fit is computed each time.
    fn of(&self, key: [u8; 32], compute: impl FnOnce() -> bool) -> bool {
        if let Some(answer) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return *answer;
        }
        let answer = compute();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_ANSWERS {
            known.insert(key, answer);
        }
        answer
    }
}

impl Clone for Answers {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }
}

/// A certificate that is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    serial: Span,
    /// revocationDate.
    pub date: Time,
    /// reasonCode, if it is stated.
    pub reason: Option<Reason>,
}

/// reasonCode (RFC 5280 clause 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names of the standard")]
pub enum Reason {
    Unspecified,
    KeyCompromise,
    CaCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    CertificateHold,
    RemoveFromCrl,
    PrivilegeWithdrawn,
    AaCompromise,
    /// A number that the standard does not know.
    Other(u8),
}

impl Reason {
    const fn from_number(n: u8) -> Self {
        match n {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            8 => Self::RemoveFromCrl,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            other => Self::Other(other),
        }
    }

    /// The number of the standard.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
            Self::Other(n) => n,
        }
    }

    /// The reason that the standard writes so, in any case: `keyCompromise`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        (0..=10).map(Self::from_number).find(|reason| !matches!(reason, Self::Other(_)) && reason.name().eq_ignore_ascii_case(name))
    }

    /// `keyCompromise`, as the standard writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
            Self::Other(_) => "a reason that RFC 5280 does not know",
        }
    }
}

/// Why a list does not speak for all certificates of its issuer: then a certificate that it does not list may still be revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// deltaCRLIndicator: only the changes since another list.
    #[error("the list is a delta")]
    Delta,
    /// indirectCRL: it also lists certificates of other issuers.
    #[error("the list is indirect")]
    Indirect,
    /// issuingDistributionPoint leaves certificates or reasons out.
    #[error("the list is partial: {0}")]
    Partial(&'static str),
    /// A critical extension that is not known here.
    #[error("unknown critical extension {0}")]
    UnknownCritical(String),
}

impl Crl {
    /// Reads a list in DER that fills `bytes`, or the first `X509 CRL` block of a PEM text, and keeps a copy.
    ///
    /// # Errors
    /// Not the structure above, with the offset of what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertError> {
        match pem::blocks(bytes)? {
            Some(blocks) => {
                let block = blocks.iter().find(|b| matches!(b.label.as_str(), "X509 CRL" | "CRL"));
                Self::from_der(&block.ok_or_else(|| CertError::Pem("no X509 CRL in it".to_owned()))?.der)
            }
            None => Self::from_der(bytes),
        }
    }

    /// Reads a list in DER that fills `bytes`, and keeps a copy.
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
        let version = reader.optional(der::INTEGER)?.map_or(Ok(0), |v| der::small("version", &v))?;
        if version != 1 {
            quirks.push(Quirk::new("crl.version-not-2", format!("version {}", u64::from(version) + 1)));
        }
        let inner_algorithm = reader.expect(der::SEQUENCE)?;
        if inner_algorithm.raw != algorithm.raw {
            return Err(CertError::malformed("signatureAlgorithm", &algorithm, "the same as inside tbsCertList"));
        }
        let issuer = reader.expect(der::SEQUENCE)?;
        let this_update = time("thisUpdate", &mut reader, &mut quirks)?.ok_or_else(|| missing(der::UTC_TIME, &reader))?;
        let next_update = time("nextUpdate", &mut reader, &mut quirks)?;
        if next_update.is_none() {
            quirks.push(Quirk::new("crl.next-update-missing", "tbsCertList"));
        }
        let revoked = reader.optional(der::SEQUENCE)?;
        let mut out = Self {
            der: bytes.to_vec(),
            tbs: Span::raw(&tbs),
            issuer: Span::raw(&issuer),
            this_update,
            next_update,
            number: None,
            authority_key_id: None,
            revoked: Vec::new(),
            limits: Vec::new(),
            signature_algorithm: SignatureAlgorithm::read("CRL signatureAlgorithm", &algorithm),
            signature: Span::value(&signature).skip(1),
            quirks,
            fingerprint: OnceLock::new(),
            answers: Answers::default(),
        };
        if let Some(list) = revoked {
            out.read_revoked(&list)?;
        }
        if let Some(tagged) = reader.optional(0xA0)? {
            out.read_extensions(&tagged)?;
        }
        reader.finish()?;
        if out.number.is_none() {
            out.quirks.push(Quirk::new("crl.number-missing", "crlExtensions"));
        }
        if out.authority_key_id.is_none() {
            out.quirks.push(Quirk::new("crl.authority-key-identifier-missing", "crlExtensions"));
        }
        if let Ok(algorithm) = &out.signature_algorithm {
            out.quirks.extend_from_slice(&algorithm.quirks);
        }
        Ok(out)
    }

    fn read_revoked(&mut self, list: &Tlv<'_>) -> Result<(), CertError> {
        let mut list = list.reader();
        if list.is_empty() {
            self.quirks.push(Quirk::new("crl.empty-list-encoded", "revokedCertificates"));
        }
        while let Some(entry) = der::element(&mut list)? {
            let mut reader = entry.reader();
            let serial = reader.expect(der::INTEGER)?;
            let date = time("revocationDate", &mut reader, &mut self.quirks)?.ok_or_else(|| missing(der::UTC_TIME, &reader))?;
            let mut reason = None;
            if let Some(list) = reader.optional(der::SEQUENCE)? {
                let limits = &mut self.limits;
                extensions(list.reader(), &mut self.quirks, |oid, critical, value| match oid {
                    [0x55, 0x1D, 21] => {
                        let code = value.reader().expect(ENUMERATED)?;
                        reason = code.value.last().map(|&n| Reason::from_number(n));
                        Ok(())
                    }
                    // invalidityDate, holdInstructionCode
                    [0x55, 0x1D, 23 | 24] => Ok(()),
                    // certificateIssuer: this entry and those after it are of another issuer
                    [0x55, 0x1D, 29] => note(limits, Limit::Indirect),
                    other if critical => note(limits, Limit::UnknownCritical(der::dotted(other))),
                    _ => Ok(()),
                })?;
            }
            reader.finish()?;
            self.revoked.push(Revoked { serial: Span::value(&serial), date, reason });
        }
        Ok(())
    }

    fn read_extensions(&mut self, tagged: &Tlv<'_>) -> Result<(), CertError> {
        let mut outer = tagged.reader();
        let list = outer.expect(der::SEQUENCE)?;
        outer.finish()?;
        let (mut number, mut key_id) = (None, None);
        let limits = &mut self.limits;
        extensions(list.reader(), &mut self.quirks, |oid, critical, value| match oid {
            [0x55, 0x1D, 20] => {
                number = Some(Span::value(&value.reader().expect(der::INTEGER)?));
                Ok(())
            }
            [0x55, 0x1D, 27] => note(limits, Limit::Delta),
            [0x55, 0x1D, 28] => distribution_point(value, limits),
            [0x55, 0x1D, 35] => {
                let id = value.reader().expect(der::SEQUENCE)?.reader().optional(0x80)?;
                key_id = id.as_ref().map(Span::value);
                Ok(())
            }
            // issuerAltName, freshestCRL, expiredCertsOnCRL
            [0x55, 0x1D, 18 | 46 | 60] => Ok(()),
            other if critical => note(limits, Limit::UnknownCritical(der::dotted(other))),
            _ => Ok(()),
        })?;
        (self.number, self.authority_key_id) = (number, key_id);
        Ok(())
    }

    /// The original bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Issuer: the whole Name, tag included.
    #[must_use]
    pub fn issuer(&self) -> &[u8] {
        self.issuer.of(&self.der)
    }

    /// Issuer as text: `C=VN, O=…, CN=…`.
    #[must_use]
    pub fn issuer_text(&self) -> String {
        name::to_text(self.issuer())
    }

    /// countryName of the issuer, upper case; `None` if it has none.
    #[must_use]
    pub fn issuer_country(&self) -> Option<String> {
        name::country(self.issuer())
    }

    /// When it was made.
    #[must_use]
    pub const fn this_update(&self) -> Time {
        self.this_update
    }

    /// By when the next one comes: after this day the list is stale. `None` where it is not stated, against RFC 5280.
    #[must_use]
    pub const fn next_update(&self) -> Option<Time> {
        self.next_update
    }

    /// Content octets of crlNumber, as written.
    #[must_use]
    pub fn number(&self) -> Option<&[u8]> {
        self.number.map(|span| span.of(&self.der))
    }

    /// keyIdentifier of authorityKeyIdentifier.
    #[must_use]
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.map(|span| span.of(&self.der))
    }

    /// What it lists, in its order.
    #[must_use]
    pub fn revoked(&self) -> &[Revoked] {
        &self.revoked
    }

    /// Content octets of the serial number of an entry of this list.
    #[must_use]
    pub fn serial_of(&self, entry: &Revoked) -> &[u8] {
        entry.serial.of(&self.der)
    }

    /// The entry for `certificate`, by its serial number. The caller has proved that the list is of the certificate's issuer.
    #[must_use]
    pub fn find(&self, certificate: &Certificate) -> Option<&Revoked> {
        let wanted = der::strip_zeros(certificate.serial());
        self.revoked.iter().find(|entry| der::strip_zeros(entry.serial.of(&self.der)) == wanted)
    }

    /// Why it does not speak for all certificates of its issuer; empty for the list that Doc 9303-12 asks for.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The algorithm of its signature.
    ///
    /// # Errors
    /// It is not known, or malformed.
    pub const fn signature_algorithm(&self) -> Result<&SignatureAlgorithm, &CertError> {
        self.signature_algorithm.as_ref()
    }

    /// Tolerances used in reading it.
    #[must_use]
    pub fn quirks(&self) -> &[Quirk] {
        &self.quirks
    }

    /// SHA-256 of the list.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        *self.fingerprint.get_or_init(|| Sha256::digest(&self.der).into())
    }

    /// Proves that the holder of `key` signed this list. Names and dates are not looked at.
    ///
    /// # Errors
    /// [`SignatureError::Wrong`]: not signed by this key. The others say why it cannot be checked.
    pub fn verify_signed_by(&self, key: &SubjectPublicKeyInfo) -> Result<(), SignatureError> {
        let algorithm = self.signature_algorithm.as_ref().map_err(|e| SignatureError::Unsupported(e.to_string()))?;
        algorithm.verify(None, key, self.tbs.of(&self.der), self.signature.of(&self.der))
    }

    /// Whether the holder of `key` signed this list: as [`verify_signed_by`](Self::verify_signed_by), which is asked once for each key.
    #[must_use]
    pub fn is_signed_by(&self, key: &SubjectPublicKeyInfo) -> bool {
        self.answers.of(key.digest(), || self.verify_signed_by(key).is_ok())
    }

    /// Whether it says to be of the CA of `certificate`: by key identifier, or by name where one of the two has no identifier.
    /// A claim only; a state keeps its name when it changes the key, so the signature decides.
    #[must_use]
    pub fn claims_issuer(&self, certificate: &Certificate) -> bool {
        match (self.authority_key_id(), certificate.subject_key_id()) {
            (Some(claimed), Some(own)) if claimed == own => true,
            _ => name::compare(self.issuer(), certificate.subject()) != Relation::Different,
        }
    }

    /// What orders the lists of one issuer: thisUpdate, then crlNumber.
    #[must_use]
    pub fn age(&self) -> (Time, usize, Vec<u8>) {
        let number = der::strip_zeros(self.number().unwrap_or_default());
        (self.this_update, number.len(), number.to_vec())
    }
}

impl PartialEq for Crl {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Crl {}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crl({}, of {}, {} revoked)", self.issuer_text(), self.this_update.date, self.revoked.len())
    }
}

const fn missing(expected: u32, reader: &Reader<'_>) -> CertError {
    CertError::Tlv(TlvError::Missing { expected: tlv::Tag(expected), at: reader.at() })
}

#[expect(clippy::unnecessary_wraps, reason = "an arm of the readers of extensions")]
fn note(limits: &mut Vec<Limit>, limit: Limit) -> Result<(), CertError> {
    if !limits.contains(&limit) {
        limits.push(limit);
    }
    Ok(())
}

/// The next object if it is a Time.
fn time(what: &'static str, reader: &mut Reader<'_>, quirks: &mut Vec<Quirk>) -> Result<Option<Time>, CertError> {
    let Some(tag) = reader.peek()?.filter(|tag| matches!(tag.0, der::UTC_TIME | der::GENERALIZED_TIME)) else { return Ok(None) };
    let object = reader.expect(tag)?;
    der::time(what, &object, quirks).map(Some)
}

/// Walks SEQUENCE OF Extension, each of them once. One that cannot be read is a quirk if it is not critical.
fn extensions<'a>(
    mut list: Reader<'a>,
    quirks: &mut Vec<Quirk>,
    mut each: impl FnMut(&'a [u8], bool, &Tlv<'a>) -> Result<(), CertError>,
) -> Result<(), CertError> {
    let mut seen: Vec<&[u8]> = Vec::new();
    while let Some(extension) = der::element(&mut list)? {
        let mut reader = extension.reader();
        let oid = reader.expect(der::OID)?;
        let critical = reader.optional(der::BOOLEAN)?.is_some_and(|flag| flag.value != [0]);
        let value = reader.expect(der::OCTET_STRING)?;
        reader.finish()?;
        if seen.contains(&oid.value) || seen.len() == MAX_EXTENSIONS {
            return Err(CertError::malformed("CRL extensions", &oid, "each extension once, and at most 32"));
        }
        seen.push(oid.value);
        match each(oid.value, critical, &value) {
            Err(error) if critical => return Err(error),
            Err(error) => {
                let text = der::dotted(oid.value);
                quirks.push(Quirk::new("crl.extension-malformed", format!("{}: {error}", oid::describe(&text))));
            }
            Ok(()) => {}
        }
    }
    Ok(())
}

/// IssuingDistributionPoint ::= SEQUENCE { [0] distributionPoint, [1] onlyContainsUserCerts, [2] onlyContainsCACerts, [3] onlySomeReasons,
/// [4] indirectCRL, [5] onlyContainsAttributeCerts }. Its name alone limits nothing: a CSCA has one list (Doc 9303-12).
fn distribution_point(value: &Tlv<'_>, limits: &mut Vec<Limit>) -> Result<(), CertError> {
    let mut reader = value.reader().expect(der::SEQUENCE)?.reader();
    while let Some(part) = reader.next()? {
        let set = part.value.iter().any(|&o| o != 0);
        match part.tag.0 {
            0x82 if set => note(limits, Limit::Partial("onlyContainsCACerts"))?,
            0x83 => note(limits, Limit::Partial("onlySomeReasons"))?,
            0x84 if set => note(limits, Limit::Indirect)?,
            0x85 if set => note(limits, Limit::Partial("onlyContainsAttributeCerts"))?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_computed_once_for_each_key_and_no_more_are_kept_than_fit() {
        let answers = Answers::default();
        let mut computed = 0;
        let mut ask = |answers: &Answers, key: u8, answer| {
            answers.of([key; 32], || {
                computed += 1;
                answer
            })
        };
        for _ in 0..1000 {
            assert!(ask(&answers, 1, true) && !ask(&answers, 2, false));
        }
        // a copy knows the same
        assert!(ask(&answers.clone(), 1, false));
        for key in 3..=66 {
            assert!(ask(&answers, key, true));
        }
        assert!(ask(&answers, 66, true) && ask(&answers, 65, true), "the last two did not fit");
        assert_eq!(computed, 2 + 64 + 2);
        assert_eq!(answers.0.into_inner().expect("nobody panicked").len(), MAX_ANSWERS);
    }
}
