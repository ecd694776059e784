//! One certificate of the trust store, read when it is first asked for.
//!
//! A store of all states holds some 1 500 certificates and a card needs five of them. So an entry knows from its index what it takes to
//! find it (SHA-256, state, the names by which others point to it), and the certificate is read on its first use. The SHA-256 is checked
//! then: an index that lies yields [`Unreadable`], never another certificate.

use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use super::Origin;
use crate::cert::x509::Certificate;
use crate::cert::{CertError, der};

/// A part of bytes that many entries share: a file that was read once.
#[derive(Clone, Debug)]
pub struct Shared {
    all: Arc<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Shared {
    /// The bytes of `all` from `start`, `len` of them; `None` if they are not there.
    #[must_use]
    pub fn new(all: &Arc<Vec<u8>>, start: usize, len: usize) -> Option<Self> {
        let end = start.checked_add(len).filter(|&end| end <= all.len())?;
        Some(Self { all: Arc::clone(all), start, end })
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.all.get(self.start..self.end).unwrap_or_default()
    }
}

/// By what a certificate can be found without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// countryName of the subject, upper case.
    pub country: Option<String>,
    /// The names under which an authorityKeyIdentifier may point to it: see [`Index::of`].
    pub names: [Option<[u8; 16]>; 2],
}

impl Index {
    /// The index of `certificate`: its names are hashes of subjectKeyIdentifier, and of issuer with serial number.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        Self {
            fingerprint: certificate.fingerprint(),
            country: certificate.subject_country(),
            names: [
                certificate.subject_key_id().map(|id| hash(b'k', &[id])),
                Some(hash(b's', &[certificate.issuer(), certificate.serial()])),
            ],
        }
    }

    /// The names that the authorityKeyIdentifier of `certificate` gives its issuer, as [`Index::of`] makes them.
    pub(super) fn named_by(certificate: &Certificate) -> [Option<[u8; 16]>; 2] {
        [
            certificate.authority_key_id().map(|id| hash(b'k', &[id])),
            certificate.authority_issuer_serial().map(|(issuer, serial)| hash(b's', &[issuer, serial])),
        ]
    }
}

fn hash(kind: u8, parts: &[&[u8]]) -> [u8; 16] {
    let mut digest = Sha256::new();
    digest.update([kind]);
    parts.iter().for_each(|part| digest.update(part));
    let whole: [u8; 32] = digest.finalize().into();
    let mut out = [0; 16];
    out.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    out
}

/// Why the certificate of an entry cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It does not read.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// The bytes are not those that the index names.
    #[error("SHA-256 of the certificate: the index says {expected}, the bytes have {found}")]
    OtherBytes {
        /// In the index, hex.
        expected: String,
        /// Of the bytes, hex.
        found: String,
    },
}

/// A certificate of the store, with where it came from.
#[derive(Clone, Debug)]
pub struct Entry {
    inner: Arc<Inner>,
    pub(super) origins: Vec<Origin>,
}

#[derive(Debug)]
struct Inner {
    index: Index,
    bytes: Shared,
    certificate: OnceLock<Result<Arc<Certificate>, Unreadable>>,
}

impl Entry {
    /// An entry of a certificate that was read.
    #[must_use]
    pub fn new(certificate: Certificate) -> Self {
        let bytes = certificate.der().to_vec();
        let len = bytes.len();
        let index = Index::of(&certificate);
        let certificate = OnceLock::from(Ok(Arc::new(certificate)));
        let inner = Inner { index, bytes: Shared { all: Arc::new(bytes), start: 0, end: len }, certificate };
        Self { inner: Arc::new(inner), origins: Vec::new() }
    }

    /// An entry that is read on its first use.
    #[must_use]
    pub fn deferred(index: Index, bytes: Shared) -> Self {
        Self { inner: Arc::new(Inner { index, bytes, certificate: OnceLock::new() }), origins: Vec::new() }
    }

    /// The certificate.
    ///
    /// # Errors
    /// It does not read, or is not the one that the index names.
    pub fn certificate(&self) -> Result<&Arc<Certificate>, &Unreadable> {
        self.inner.certificate.get_or_init(|| self.read()).as_ref()
    }

    fn read(&self) -> Result<Arc<Certificate>, Unreadable> {
        let certificate = Certificate::from_der(self.der())?;
        let (expected, found) = (self.inner.index.fingerprint, certificate.fingerprint());
        if expected != found {
            return Err(Unreadable::OtherBytes { expected: der::hex(&expected), found: der::hex(&found) });
        }
        Ok(Arc::new(certificate))
    }

    /// The bytes of the certificate.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        self.inner.bytes.bytes()
    }

    /// What finds it.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.inner.index
    }

    /// SHA-256 of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.inner.index.fingerprint
    }

    /// countryName of the subject, upper case.
    #[must_use]
    pub fn country(&self) -> Option<&str> {
        self.inner.index.country.as_deref()
    }

    /// Where it came from, the best tier first.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// The best of its tiers.
    #[must_use]
    pub fn tier(&self) -> Option<super::Tier> {
        self.origins.first().map(|origin| origin.tier)
    }

    pub(super) fn add_origin(&mut self, origin: Origin) {
        if let Err(place) = self.origins.binary_search(&origin) {
            self.origins.insert(place, origin);
        }
    }
}
