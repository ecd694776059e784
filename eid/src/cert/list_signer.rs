//! Who signed a master list or deviation list, and whether that signer is of a state that is trusted (Doc 9303-12 clauses 7.1.3, 9, and 10).
//!
//! A list is believed when its signature holds, its signer's certificate says that the key is for such lists (extKeyUsage), and the key of
//! a known anchor signed that certificate, directly or over one link certificate that came along. Certificates that came along are never
//! anchors by themselves. Tolerated as quirks: a list signed by the CSCA itself, a missing signingTime, an extKeyUsage that is not critical.

use std::sync::Arc;

use super::cms::{SignedData, SignerInfo, VerifyError};
use super::der;
use super::trust::{TrustStore, signs_certificates};
use super::x509::Certificate;
use super::x509::extension::KeyUsage;
use super::x509::name::Relation;
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::Reader;

const MAX_CERTIFICATES: usize = 64;

/// What a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A CSCA master list.
    MasterList,
    /// A deviation list.
    DeviationList,
}

impl Purpose {
    /// The extKeyUsage of the key that signs it, dotted.
    #[must_use]
    pub const fn key_usage(self) -> &'static str {
        match self {
            Self::MasterList => oid::CSCA_MASTER_LIST_SIGNING_KEY,
            Self::DeviationList => oid::DEVIATION_LIST_SIGNING_KEY,
        }
    }
}

/// A signature on a list that holds, from a certificate that may sign such lists. The certificate itself is not proved.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Certificate of the signer.
    pub signer: Arc<Certificate>,
    /// Tolerances used.
    pub quirks: Vec<Quirk>,
}

/// A list whose signer is proved.
#[derive(Clone, Debug)]
pub struct Proved {
    /// Certificate of the signer.
    pub signer: Arc<Certificate>,
    /// The link certificate between the two, where one was needed.
    pub link: Option<Arc<Certificate>>,
    /// The anchor that stands behind it; the signer itself where a CSCA signed the list.
    pub anchor: Arc<Certificate>,
    /// Tolerances used.
    pub quirks: Vec<Quirk>,
}

/// Why a list is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The certificate of the signer did not come along.
    #[error("the certificate of the signer ({0}) is not in the list")]
    NoCertificate(String),
    /// The key of the signer cannot be read.
    #[error("key of the signer {subject}: {reason}")]
    Key {
        /// Subject of its certificate.
        subject: String,
        /// What is wrong.
        reason: String,
    },
    /// The signature does not hold: damaged or forged.
    #[error("signature of {subject}: {source}")]
    Signature {
        /// Subject of the signer's certificate.
        subject: String,
        /// What does not hold.
        source: VerifyError,
    },
    /// The key of the signer is for something else.
    #[error("{subject} may not sign such a list: expected extKeyUsage {expected}, found {found}")]
    NotForLists {
        /// Subject of the signer's certificate.
        subject: String,
        /// The usage that the list asks for.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// No anchor stands behind the signer. Nothing follows: the right one may be missing.
    #[error("no trust anchor stands behind the signer {subject}, issued by {issuer}")]
    NoAnchor {
        /// Subject of the signer's certificate.
        subject: String,
        /// Its issuer.
        issuer: String,
    },
    /// A deviation list that speaks for another state than the one whose anchor stands behind it.
    #[error("the list speaks for {claimed}, and {anchor} stands behind its signer")]
    OtherState {
        /// The state that its signer names.
        claimed: String,
        /// Subject of the anchor.
        anchor: String,
    },
    /// The anchor that the signer's certificate names did not sign it: forged or damaged.
    #[error("{anchor} is named as issuer of the signer {subject} and did not sign its certificate")]
    Forged {
        /// Subject of the signer's certificate.
        subject: String,
        /// Subject of the anchor.
        anchor: String,
    },
}

/// The certificate that came along and that the first signer names. A claim.
pub(super) fn claimed(signed: &SignedData) -> Option<Certificate> {
    let signer = signed.signers.first()?;
    embedded(signed).find(|certificate| signed.names(signer, certificate) != Relation::Different)
}

fn embedded(signed: &SignedData) -> impl Iterator<Item = Certificate> {
    signed.certificates().take(MAX_CERTIFICATES).filter_map(|der| Certificate::from_der(der).ok())
}

/// Proves that the certificate which the signer names signed the list and is one for such lists. Who issued it is not looked at.
///
/// # Errors
/// What does not hold.
pub fn check_signature(signed: &SignedData, purpose: Purpose) -> Result<Signed, ListError> {
    let mut first = None;
    for info in &signed.signers {
        match check_signer(signed, info, purpose) {
            Ok(good) => return Ok(good),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| ListError::NoCertificate("no signer".to_owned())))
}

fn check_signer(signed: &SignedData, info: &SignerInfo, purpose: Purpose) -> Result<Signed, ListError> {
    let signer = embedded(signed)
        .find(|certificate| signed.names(info, certificate) != Relation::Different)
        .ok_or_else(|| ListError::NoCertificate(signed.signer_text(info)))?;
    let subject = signer.subject_text();
    let key = signer.key().map_err(|e| ListError::Key { subject: subject.clone(), reason: e.to_string() })?;
    signed.verify(info, key).map_err(|source| ListError::Signature { subject: subject.clone(), source })?;
    let mut quirks = Vec::new();
    let extensions = signer.extensions();
    let usages = usages(&signer);
    if usages.iter().any(|usage| usage == purpose.key_usage()) {
        if extensions.criticality(signer.der(), oid::EXT_KEY_USAGE) == Some(false) {
            quirks.push(Quirk::new("list.signer-key-usage-not-critical", "certificate of the list signer"));
        }
    } else if usages.is_empty() && signs_certificates(&signer) {
        quirks.push(Quirk::new("list.signed-by-csca", "SignerInfo"));
    } else {
        let found = if usages.is_empty() { "none".to_owned() } else { usages.join(", ") };
        return Err(ListError::NotForLists { subject, expected: purpose.key_usage(), found });
    }
    match signed.signing_time(info) {
        None => quirks.push(Quirk::new("list.signing-time-missing", "SignerInfo signedAttrs")),
        Some(time) if !signer.valid_on(time.date) => quirks.push(Quirk::new("list.signed-outside-validity", time.date.to_string())),
        Some(_) => {}
    }
    Ok(Signed { signer: Arc::new(signer), quirks })
}

/// Proves a list: its signature, the purpose of its signer's key, and an anchor of `trust` behind the signer. A deviation list excuses what
/// is wrong with documents, so it must come from the state that it names, while a master list may be of any state.
///
/// # Errors
/// What does not hold; [`ListError::NoAnchor`] leaves open who the signer is.
pub fn prove(signed: &SignedData, purpose: Purpose, trust: &TrustStore) -> Result<Proved, ListError> {
    let Signed { signer, quirks } = check_signature(signed, purpose)?;
    let (anchor, link) = behind(signed, &signer, trust)?;
    let claimed = signer.issuer_country();
    if purpose == Purpose::DeviationList && (claimed.is_none() || anchor.subject_country() != claimed) {
        return Err(ListError::OtherState { claimed: claimed.unwrap_or_default(), anchor: anchor.subject_text() });
    }
    Ok(Proved { signer, link, anchor, quirks })
}

/// The anchor behind `signer`, and the link certificate between them if there is one.
fn behind(
    signed: &SignedData,
    signer: &Certificate,
    trust: &TrustStore,
) -> Result<(Arc<Certificate>, Option<Arc<Certificate>>), ListError> {
    if let Some(anchor) = trust.anchor_with_key_of(signer) {
        return Ok((Arc::clone(anchor), None));
    }
    let named = match issuer(signer, trust) {
        Issuer::Proved(anchor) => return Ok((anchor, None)),
        Issuer::Named(anchor) => Some(anchor),
        Issuer::Unknown => None,
    };
    for link in embedded(signed).filter(|certificate| signs_certificates(certificate) && certificate.fingerprint() != signer.fingerprint())
    {
        if signed_by(signer, &link)
            && let Issuer::Proved(anchor) = issuer(&link, trust)
        {
            return Ok((anchor, Some(Arc::new(link))));
        }
    }
    let subject = signer.subject_text();
    Err(match named {
        Some(anchor) => ListError::Forged { subject, anchor: anchor.subject_text() },
        None => ListError::NoAnchor { subject, issuer: signer.issuer_text() },
    })
}

enum Issuer {
    Proved(Arc<Certificate>),
    Named(Arc<Certificate>),
    Unknown,
}

/// The anchor whose key signed `certificate`; else the one that it names.
fn issuer(certificate: &Certificate, trust: &TrustStore) -> Issuer {
    let candidates = trust.candidates(certificate);
    for candidate in &candidates {
        if signed_by(certificate, candidate.certificate) {
            return Issuer::Proved(Arc::clone(candidate.certificate));
        }
    }
    candidates.iter().find(|c| c.named).map_or(Issuer::Unknown, |c| Issuer::Named(Arc::clone(c.certificate)))
}

fn signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let signs = issuer.extensions().key_usage.is_none_or(|usage| usage.has(KeyUsage::KEY_CERT_SIGN));
    signs && issuer.key().is_ok_and(|key| certificate.verify_signed_by(key).is_ok())
}

/// ExtKeyUsageSyntax ::= SEQUENCE OF OBJECT IDENTIFIER, dotted.
fn usages(certificate: &Certificate) -> Vec<String> {
    let value = certificate.extensions().value(certificate.der(), oid::EXT_KEY_USAGE).unwrap_or_default();
    let mut out = Vec::new();
    if let Ok(sequence) = Reader::new(value).expect(der::SEQUENCE) {
        let mut reader = sequence.reader();
        while let Ok(Some(usage)) = reader.next() {
            out.push(der::dotted(usage.value));
        }
    }
    out
}
