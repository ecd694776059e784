//! The trust store: CSCA certificates that someone has decided to trust.
//!
//! How they came here (bilateral exchange, a master list, the demo's own root) is the caller's business. A certificate is not taken
//! if its key cannot verify anything; one that is not a CA is refused, as a document signer given as a root is a mistake with consequences.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::CertError;
use super::x509::Certificate;
use super::x509::extension::KeyUsage;

/// Why a certificate is no trust anchor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not a certificate.
    #[error("certificate {index}: {source}")]
    Certificate {
        /// Its place in the input, from 1.
        index: usize,
        /// What is wrong.
        source: CertError,
    },
    /// Neither basicConstraints nor keyUsage says that the subject signs certificates.
    #[error("certificate {index} ({subject}) is not a CA certificate")]
    NotCa {
        /// Its place in the input, from 1.
        index: usize,
        /// Its subject.
        subject: String,
    },
    /// No certificate at all.
    #[error("no certificate in it")]
    Empty,
}

/// CSCA certificates with their keys, parsed once. Two certificates of one key or one name live side by side: nothing here is
/// indexed by name and serial number, since states reuse both.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    anchors: Vec<Anchor>,
    id: [u8; 32],
}

/// A trusted CSCA certificate.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// The certificate.
    pub certificate: Arc<Certificate>,
    country: Option<String>,
}

impl TrustStore {
    /// A store without anchors: every chain is undecided.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A store of the certificates in `bytes`: DER of one certificate, or PEM with any number of them.
    ///
    /// # Errors
    /// As [`TrustStore::add`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrustError> {
        let mut store = Self::new();
        store.add(bytes)?;
        Ok(store)
    }

    /// Adds the certificates in `bytes` (DER of one, or PEM of any number) and says how many were new.
    ///
    /// # Errors
    /// One is malformed, has a key that is not supported, or is no CA; then none is added.
    pub fn add(&mut self, bytes: &[u8]) -> Result<usize, TrustError> {
        let wrap = |index| move |source| TrustError::Certificate { index, source };
        let blocks = match pem_certificates(bytes).map_err(wrap(1))? {
            Some(blocks) => blocks,
            None => vec![bytes.to_vec()],
        };
        if blocks.is_empty() {
            return Err(TrustError::Empty);
        }
        let mut new = Vec::new();
        for (n, block) in blocks.iter().enumerate() {
            let certificate = Certificate::from_der(block).map_err(wrap(n + 1))?;
            certificate.key().map_err(|e| wrap(n + 1)(e.clone()))?;
            if !signs_certificates(&certificate) {
                return Err(TrustError::NotCa { index: n + 1, subject: certificate.subject_text() });
            }
            new.push(certificate);
        }
        let before = self.anchors.len();
        for certificate in new {
            self.insert(certificate);
        }
        Ok(self.anchors.len() - before)
    }

    fn insert(&mut self, certificate: Certificate) {
        if self.anchors.iter().any(|a| *a.certificate == certificate) {
            return;
        }
        let country = certificate.subject_country();
        self.anchors.push(Anchor { certificate: Arc::new(certificate), country });
        // the id of the set does not depend on the order in which it was filled
        let mut prints: Vec<_> = self.anchors.iter().map(|anchor| anchor.certificate.fingerprint()).collect();
        prints.sort_unstable();
        self.id = Sha256::digest(prints.concat()).into();
    }

    /// The anchors.
    #[must_use]
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// Names the set of anchors, whatever their order: part of the key of the cache of verified signers.
    #[must_use]
    pub const fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// Every anchor that may have signed `certificate`, likeliest first: those that its authorityKeyIdentifier names, then all others of
    /// the same state (of all states, if it names none). The signature decides; this only sorts and bounds the work.
    #[must_use]
    pub fn candidates(&self, certificate: &Certificate) -> Vec<Candidate<'_>> {
        let country = certificate.issuer_country();
        let mut out: Vec<_> = self
            .anchors
            .iter()
            .filter_map(|anchor| {
                let named = anchor.is_named_by(certificate);
                let same_state = country.is_none() || anchor.country.is_none() || anchor.country == country;
                (named || same_state).then_some(Candidate { anchor, named })
            })
            .collect();
        out.sort_by_key(|candidate| !candidate.named);
        out
    }
}

/// Doc 9303-12 demands both of a CSCA: cA TRUE and keyCertSign. Roots of Estonia, Finland and Belgium leave basicConstraints out, those of
/// Turkey, Italy and Luxembourg say cA FALSE, so either is enough; [`super::path`] reports the quirk.
fn signs_certificates(certificate: &Certificate) -> bool {
    let extensions = certificate.extensions();
    extensions.basic_constraints.is_some_and(|c| c.ca) || extensions.key_usage.is_some_and(|u| u.has(KeyUsage::KEY_CERT_SIGN))
}

/// An anchor that may have signed a certificate.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The anchor.
    pub anchor: &'a Anchor,
    /// Whether the certificate's authorityKeyIdentifier names it. Then a wrong signature is a forgery or damage, not a missing anchor.
    pub named: bool,
}

impl Anchor {
    fn is_named_by(&self, certificate: &Certificate) -> bool {
        let by_key = certificate.authority_key_id().is_some_and(|id| self.certificate.subject_key_id() == Some(id));
        let by_serial = certificate
            .authority_issuer_serial()
            .is_some_and(|(issuer, serial)| serial == self.certificate.serial() && issuer == self.certificate.issuer());
        by_key || by_serial
    }
}

const BEGIN: &str = "-----BEGIN ";

/// The DER of every CERTIFICATE block of a PEM text; `None` if `bytes` are no PEM.
///
/// # Errors
/// A block is damaged.
pub(crate) fn pem_certificates(bytes: &[u8]) -> Result<Option<Vec<Vec<u8>>>, CertError> {
    let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains(BEGIN)) else { return Ok(None) };
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(BEGIN) {
        let block = rest.get(at..).unwrap_or_default();
        let label = block.get(BEGIN.len()..).and_then(|b| b.split("-----").next()).unwrap_or_default();
        let end = format!("-----END {label}-----");
        let stop = block.find(&end).ok_or_else(|| CertError::Pem(format!("no line {end}")))? + end.len();
        let (this, after) = block.split_at(stop);
        if label == "CERTIFICATE" || label == "X509 CERTIFICATE" {
            let body: String = this.lines().filter(|line| !line.starts_with("-----")).flat_map(|line| line.split_whitespace()).collect();
            out.push(base64(&body).ok_or_else(|| CertError::Pem("a block that is not base64".to_owned()))?);
        }
        rest = after;
    }
    Ok(Some(out))
}

/// Base64 without white space, with its padding (RFC 4648 clause 4).
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut held) = (0u32, 0u32);
    for c in digits.bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xFF).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    (bits == 0).then_some(out)
}
