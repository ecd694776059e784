//! The path from a document signer to a trust anchor (Doc 9303-12 clause 5): the CSCA key that signed it is trusted itself, or was signed
//! by an older key of the state in a link certificate, and that one perhaps by an older one still.
//!
//! Every key of the state is tried and the signature decides. Names prove nothing (states keep them when they change the key), and
//! key identifiers only sort the attempts and tell a forgery (the key that the certificate names did not sign it) from a missing anchor.
//! The shortest path is taken; certificates are told apart by their SHA-256, each is visited once, at most [`MAX_LINKS`] of them stand
//! between, and at most [`MAX_ATTEMPTS`] signatures are tried.
//! Dates are not part of the proof here: [`Verified`] says when its certificates are valid, the caller asks for the day that matters.

use std::sync::Arc;

use super::trust::TrustStore;
use super::x509::Certificate;
use super::x509::extension::KeyUsage;
use super::x509::name::{self, Relation};
use crate::date::Date;
use crate::oid;
use crate::quirk::Quirk;

mod cache;
mod search;

pub use cache::SignerCache;

/// Link certificates in one path. A state changes its key every three to five years and a document lives ten.
pub const MAX_LINKS: usize = 8;
/// Signatures that are tried for one document signer.
pub const MAX_ATTEMPTS: usize = 1024;

/// A document signer whose certificate was proved to come from an anchor.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The document signer.
    pub certificate: Arc<Certificate>,
    /// Link certificates between it and the anchor, the one whose key signed it first; empty where the anchor's key did.
    pub links: Vec<Arc<Certificate>>,
    /// The trusted CSCA certificate that the path ends in.
    pub anchor: Arc<Certificate>,
    /// Other trusted certificates of the anchor's key: states issue the same key again with another validity.
    pub others: Vec<Arc<Certificate>>,
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
    /// No anchor signed it, nor a link certificate that comes from one. Nothing follows: the right one may be missing.
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

/// Looks for the anchor that `certificate` comes from.
#[must_use]
pub fn find(certificate: &Arc<Certificate>, trust: &TrustStore) -> Chain {
    find_with(certificate, trust, &[])
}

/// [`find`], where `links` may stand between `certificate` and an anchor: certificates that came along with it, trusted by nobody.
#[must_use]
pub fn find_with(certificate: &Arc<Certificate>, trust: &TrustStore, links: &[Arc<Certificate>]) -> Chain {
    match certificate.signature_algorithm().map(|a| a.algorithm(None)) {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Chain::Unsupported { what: error.to_string() },
        Err(error) => return Chain::Unsupported { what: error.to_string() },
    }
    let mut search = search::Search::new(trust, links);
    if let Some(found) = search.run(certificate) {
        return accept(certificate, found);
    }
    if let Some(rule) = broken_usage(certificate) {
        return Chain::NotDocumentSigner { anchor: None, rule };
    }
    let candidates = trust.candidates(certificate);
    match (candidates.iter().find(|c| c.named), search.unsupported) {
        (_, Some(what)) => Chain::Unsupported { what },
        (Some(candidate), None) => Chain::Forged { anchor: Arc::clone(candidate.certificate) },
        (None, None) if certificate.authority_key_id().is_none() => {
            Chain::NotDocumentSigner { anchor: None, rule: Usage::NoAuthorityKeyId }
        }
        (None, None) => Chain::NoAnchor { tried: search.tried },
    }
}

fn accept(certificate: &Arc<Certificate>, found: search::Found) -> Chain {
    let search::Found { links, anchor, others, mut quirks } = found;
    let cert_sign = anchor.extensions().key_usage.is_none_or(|usage| usage.has(KeyUsage::KEY_CERT_SIGN));
    if let Some(rule) = broken_usage(certificate).or((!cert_sign).then_some(Usage::NoCertSign)) {
        return Chain::NotDocumentSigner { anchor: Some(anchor), rule };
    }
    let mut subject = certificate;
    for (issuer, whose) in links.iter().map(|link| (link, "link certificate")).chain([(&anchor, "CSCA")]) {
        hop(subject, issuer, whose, &mut quirks);
        subject = issuer;
    }
    if !anchor.extensions().basic_constraints.is_some_and(|constraints| constraints.ca) {
        quirks.push(Quirk::new("path.csca-basic-constraints", "CSCA certificate"));
    }
    for link in &links {
        quirks.extend_from_slice(link.quirks());
        let renamed = name::compare(link.issuer(), link.subject()) == Relation::Different;
        if renamed && link.extension(oid::NAME_CHANGE).is_none() {
            quirks.push(Quirk::new("path.link-name-change", format!("link certificate {}", link.subject_text())).over(link.subject()));
        }
    }
    Chain::Verified(Arc::new(Verified { certificate: Arc::clone(certificate), links, anchor, others, quirks }))
}

/// What names and key identifiers say against a signature that is right.
fn hop(subject: &Certificate, issuer: &Certificate, whose: &str, quirks: &mut Vec<Quirk>) {
    let mut note = |rule, bytes: &[u8]| quirks.push(Quirk::new(rule, format!("{} and its {whose}", subject.subject_text())).over(bytes));
    match name::compare(subject.issuer(), issuer.subject()) {
        Relation::Equal => {}
        Relation::Equivalent => note("path.issuer-name-encoding", subject.issuer()),
        Relation::Different => note("path.issuer-name-differs", subject.issuer()),
    }
    if !search::names_key_of(subject, issuer) {
        note("path.authority-key-identifier", subject.authority_key_id().unwrap_or_default());
    }
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
    /// `certificate of the document signer`, `link certificate`, `certificate of the CSCA`, `private key of the document signer`.
    pub whose: &'static str,
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
    /// The day that was asked for.
    pub day: Date,
}

fn valid(whose: &'static str, certificate: &Certificate, day: Date) -> Result<(), OutOfPeriod> {
    if certificate.valid_on(day) {
        return Ok(());
    }
    Err(OutOfPeriod { whose, from: certificate.not_before().date, until: certificate.not_after().date, day })
}

impl Verified {
    /// The certificate whose key signed the document signer: the first link, or the anchor.
    #[must_use]
    pub fn issuer(&self) -> &Arc<Certificate> {
        self.links.first().unwrap_or(&self.anchor)
    }

    /// Whether all certificates of the path are valid on `day`. Of the trusted certificates of one key, any may be.
    ///
    /// # Errors
    /// The one that is not.
    pub fn valid_on(&self, day: Date) -> Result<(), OutOfPeriod> {
        valid("certificate of the document signer", &self.certificate, day)?;
        self.links.iter().try_for_each(|link| valid("link certificate", link, day))?;
        let anchor = valid("certificate of the CSCA", &self.anchor, day);
        if self.others.iter().any(|other| other.valid_on(day)) { Ok(()) } else { anchor }
    }

    /// Whether the document signer could sign on `day`: the path valid, and its private key in use (privateKeyUsagePeriod).
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
