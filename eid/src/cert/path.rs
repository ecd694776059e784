//! The path from a document signer to a trust anchor: two certificates, since Doc 9303-12 has no intermediate ones (clause 5).
//!
//! Every key of the state is tried and the signature decides. Names prove nothing (states keep them when they change the key), and
//! key identifiers only sort the attempts and tell a forgery (the key that the certificate names did not sign it) from a missing anchor.
//! Dates are not part of the proof here: [`Verified`] says when both certificates are valid, the caller asks for the day that matters.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::trust::TrustStore;
use super::x509::Certificate;
use super::x509::extension::KeyUsage;
use super::x509::name::{self, Relation};
use crate::crypto::signature::SignatureError;
use crate::date::Date;
use crate::quirk::Quirk;

/// A document signer whose certificate was proved to be signed by an anchor.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The document signer.
    pub certificate: Arc<Certificate>,
    /// The CSCA certificate whose key signed it.
    pub anchor: Arc<Certificate>,
    /// Tolerances used on the way.
    pub quirks: Vec<Quirk>,
}

/// What is known about the path of a certificate.
#[derive(Clone, Debug)]
pub enum Chain {
    /// Proved.
    Verified(Arc<Verified>),
    /// The anchor that the certificate names did not sign it: forged or damaged.
    Forged {
        /// The anchor that is named.
        anchor: Arc<Certificate>,
    },
    /// No anchor signed it. Nothing follows: the right one may be missing.
    NoAnchor {
        /// How many keys were tried.
        tried: usize,
    },
    /// Not the certificate of a document signer, whoever signed it.
    NotDocumentSigner {
        /// The anchor that signed it, if one did.
        anchor: Option<Arc<Certificate>>,
        /// Which rule is broken.
        rule: Usage,
    },
    /// The signature cannot be checked: its algorithm is not known, or fits no key of the anchors.
    Unsupported {
        /// What is not supported.
        what: String,
    },
}

/// Rules of Doc 9303-12 clause 7.1 that keep other certificates of a CSCA from signing documents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Usage {
    /// keyUsage is missing or lacks digitalSignature.
    #[error("keyUsage of the document signer lacks digitalSignature")]
    NoDigitalSignature,
    /// No anchor signed it, and authorityKeyIdentifier, which is mandatory, does not say which one should have.
    #[error("authorityKeyIdentifier of the document signer is missing")]
    NoAuthorityKeyId,
    /// basicConstraints says CA.
    #[error("the certificate is that of a CA")]
    Ca,
    /// extKeyUsage is there: a signer of lists or bar codes.
    #[error("the certificate has extKeyUsage, so its key is for something else than documents")]
    ExtKeyUsage,
    /// A critical extension that is not known.
    #[error("unknown critical extension {0}")]
    UnknownCritical(String),
    /// keyUsage of the anchor lacks keyCertSign.
    #[error("keyUsage of the CSCA lacks keyCertSign")]
    NoCertSign,
}

/// Looks for the anchor that signed `certificate`.
#[must_use]
pub fn find(certificate: &Arc<Certificate>, trust: &TrustStore) -> Chain {
    let candidates = trust.candidates(certificate);
    let algorithm = match certificate.signature_algorithm().map(|a| a.algorithm(None)) {
        Ok(Ok(algorithm)) => algorithm,
        Ok(Err(error)) => return Chain::Unsupported { what: error.to_string() },
        Err(error) => return Chain::Unsupported { what: error.to_string() },
    };
    let mut unsupported = None;
    for candidate in &candidates {
        let Some(key) = candidate.certificate.key().ok().filter(|key| key.permits(algorithm)) else { continue };
        match certificate.verify_signed_by(key) {
            Ok(()) => return accept(certificate, candidate.certificate, candidate.named),
            Err(SignatureError::Unsupported(what)) => unsupported = Some(what),
            // a signature that has not even the form which this key asks for
            Err(_) => {}
        }
    }
    if let Some(rule) = broken_usage(certificate) {
        return Chain::NotDocumentSigner { anchor: None, rule };
    }
    match (candidates.iter().find(|c| c.named), unsupported) {
        (Some(candidate), _) => Chain::Forged { anchor: Arc::clone(candidate.certificate) },
        (None, Some(what)) => Chain::Unsupported { what },
        (None, None) if certificate.authority_key_id().is_none() => {
            Chain::NotDocumentSigner { anchor: None, rule: Usage::NoAuthorityKeyId }
        }
        (None, None) => Chain::NoAnchor { tried: candidates.len() },
    }
}

fn accept(certificate: &Arc<Certificate>, anchor: &Arc<Certificate>, named: bool) -> Chain {
    let cert_sign = anchor.extensions().key_usage.is_none_or(|usage| usage.has(KeyUsage::KEY_CERT_SIGN));
    if let Some(rule) = broken_usage(certificate).or((!cert_sign).then_some(Usage::NoCertSign)) {
        return Chain::NotDocumentSigner { anchor: Some(Arc::clone(anchor)), rule };
    }
    let mut quirks = Vec::new();
    match name::compare(certificate.issuer(), anchor.subject()) {
        Relation::Equal => {}
        Relation::Equivalent => quirks.push(Quirk::new("path.issuer-name-encoding", "document signer issuer, CSCA subject")),
        Relation::Different => quirks.push(Quirk::new("path.issuer-name-differs", "document signer issuer, CSCA subject")),
    }
    if !anchor.extensions().basic_constraints.is_some_and(|constraints| constraints.ca) {
        quirks.push(Quirk::new("path.csca-basic-constraints", "CSCA certificate"));
    }
    if !named {
        quirks.push(Quirk::new("path.authority-key-identifier", "document signer"));
    }
    Chain::Verified(Arc::new(Verified { certificate: Arc::clone(certificate), anchor: Arc::clone(anchor), quirks }))
}

fn broken_usage(signer: &Certificate) -> Option<Usage> {
    let extensions = signer.extensions();
    if !extensions.key_usage.is_some_and(|usage| usage.has(KeyUsage::DIGITAL_SIGNATURE)) {
        return Some(Usage::NoDigitalSignature);
    }
    if extensions.basic_constraints.is_some_and(|constraints| constraints.ca) {
        return Some(Usage::Ca);
    }
    if extensions.has_ext_key_usage {
        return Some(Usage::ExtKeyUsage);
    }
    extensions.unknown_critical.first().map(|unknown| Usage::UnknownCritical(unknown.clone()))
}

/// A certificate that is not valid on a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{whose} is for {from} to {until}, the day is {day}")]
pub struct OutOfPeriod {
    /// `certificate of the document signer`, `certificate of the CSCA`, `private key of the document signer`.
    pub whose: &'static str,
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
    /// The day that was asked for.
    pub day: Date,
}

impl Verified {
    /// Whether both certificates are valid on `day`.
    ///
    /// # Errors
    /// The one that is not.
    pub fn valid_on(&self, day: Date) -> Result<(), OutOfPeriod> {
        let check = |whose, certificate: &Certificate| {
            if certificate.valid_on(day) {
                Ok(())
            } else {
                Err(OutOfPeriod { whose, from: certificate.not_before().date, until: certificate.not_after().date, day })
            }
        };
        check("certificate of the document signer", &self.certificate)?;
        check("certificate of the CSCA", &self.anchor)
    }

    /// Whether the document signer could sign on `day`: both certificates valid, and its private key in use (privateKeyUsagePeriod).
    ///
    /// # Errors
    /// What does not hold.
    pub fn could_sign_on(&self, day: Date) -> Result<(), OutOfPeriod> {
        self.valid_on(day)?;
        let Some(period) = self.certificate.extensions().private_key_usage else { return Ok(()) };
        let from = period.not_before.map_or(self.certificate.not_before().date, |t| t.date);
        let until = period.not_after.map_or(self.certificate.not_after().date, |t| t.date);
        if from <= day && day <= until {
            Ok(())
        } else {
            Err(OutOfPeriod { whose: "private key of the document signer", from, until, day })
        }
    }
}

/// Document signers that were verified before, so that the second document of a signer costs one signature less.
///
/// An entry is found by the SHA-256 of the certificate's bytes and by the set of anchors that it was verified under, so it can never
/// speak for another certificate or outlive a change of the trust store. The oldest entry leaves when the cache is full.
#[derive(Debug)]
pub struct SignerCache {
    capacity: usize,
    entries: Mutex<Entries>,
}

type Key = ([u8; 32], [u8; 32]);

#[derive(Debug, Default)]
struct Entries {
    known: HashMap<Key, Arc<Verified>>,
    order: VecDeque<Key>,
}

impl SignerCache {
    /// A cache of at most `capacity` signers (0 remembers nothing).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, entries: Mutex::default() }
    }

    /// The verified signer whose certificate has this fingerprint, if it was verified under the anchors of `trust`.
    #[must_use]
    pub fn get(&self, fingerprint: &[u8; 32], trust: &TrustStore) -> Option<Arc<Verified>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.known.get(&(*fingerprint, *trust.id())).cloned()
    }

    /// Remembers a verified signer.
    pub fn put(&self, fingerprint: [u8; 32], trust: &TrustStore, signer: &Arc<Verified>) {
        if self.capacity == 0 {
            return;
        }
        let key = (fingerprint, *trust.id());
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.known.contains_key(&key) {
            return;
        }
        while entries.order.len() >= self.capacity {
            if let Some(oldest) = entries.order.pop_front() {
                entries.known.remove(&oldest);
            }
        }
        entries.order.push_back(key);
        entries.known.insert(key, Arc::clone(signer));
    }
}

impl Default for SignerCache {
    /// 1024 signers: more than a state has in use, about 3 MB.
    fn default() -> Self {
        Self::new(1024)
    }
}
