//! The trust store: CSCA and link certificates that someone has decided to trust, and what their states publish beside them.
//!
//! How they came here (own root, bilateral exchange, a master list) is each anchor's [`Origin`]; one that several lists hold has several.
//! Certificates are told apart by their SHA-256 alone, since states reuse names, serial numbers and keys. Beside the anchors stand
//! certificates that are known and not trusted (document signers of a directory), CRLs, and deviation lists. One that is not a CA
//! is refused as an anchor, as a document signer given as a root is a mistake with consequences.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use super::crl::Crl;
use super::deviation_list::{Deviation, DeviationList};
use super::x509::Certificate;
use super::x509::extension::KeyUsage;
use super::x509::name::{self, Relation};
use super::{CertError, pem};

mod entry;

pub use entry::{Entry, Index, Shared, Unreadable};

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

/// How directly a certificate was handed over, the most direct first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Of one's own state.
    Own,
    /// From the state itself, by hand.
    Bilateral,
    /// From the master list of a state.
    NationalList,
    /// From the master list of the ICAO.
    IcaoList,
}

impl Tier {
    /// All of them, the most direct first.
    pub const ALL: [Self; 4] = [Self::Own, Self::Bilateral, Self::NationalList, Self::IcaoList];

    /// `own`, `bilateral`, `national`, `icao`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Bilateral => "bilateral",
            Self::NationalList => "national",
            Self::IcaoList => "icao",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a certificate came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// How directly.
    pub tier: Tier,
    /// The file or list, for people.
    pub source: Arc<str>,
}

impl Origin {
    /// Of `tier`, from `source`.
    #[must_use]
    pub fn new(tier: Tier, source: &str) -> Self {
        Self { tier, source: source.into() }
    }
}

/// What someone has decided to trust, and what belongs to it.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    anchors: Vec<Entry>,
    known: Vec<Entry>,
    /// Place of an anchor by its SHA-256, by its state (`None` where it names none), and by what points to it.
    by_fingerprint: HashMap<[u8; 32], usize>,
    by_country: HashMap<Option<String>, Vec<usize>>,
    by_name: HashMap<[u8; 16], Vec<usize>>,
    known_by_fingerprint: HashMap<[u8; 32], usize>,
    crls: Vec<Arc<Crl>>,
    deviation_lists: Vec<Arc<DeviationList>>,
    id: OnceLock<[u8; 32]>,
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

    /// Adds the certificates in `bytes` (DER of one, or PEM of any number) as anchors that were handed over, and says how many were new.
    ///
    /// # Errors
    /// One is malformed, has a key that is not supported, or is no CA; then none is added.
    pub fn add(&mut self, bytes: &[u8]) -> Result<usize, TrustError> {
        self.add_from(bytes, &Origin::new(Tier::Bilateral, "handed over"))
    }

    /// As [`TrustStore::add`], with where they came from.
    ///
    /// # Errors
    /// As [`TrustStore::add`].
    pub fn add_from(&mut self, bytes: &[u8], origin: &Origin) -> Result<usize, TrustError> {
        let wrap = |index| move |source| TrustError::Certificate { index, source };
        let blocks = match pem::certificates(bytes).map_err(wrap(1))? {
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
            self.insert_anchor(Entry::new(certificate), [origin.clone()]);
        }
        Ok(self.anchors.len() - before)
    }

    /// Takes an entry as an anchor, or adds the origins to the one with the same SHA-256. The caller has looked at what it is
    /// ([`signs_certificates`]); an entry that cannot be read is never a candidate.
    pub fn insert_anchor(&mut self, entry: Entry, origins: impl IntoIterator<Item = Origin>) {
        let place = match self.by_fingerprint.get(entry.fingerprint()) {
            Some(&place) => place,
            None => {
                let place = self.anchors.len();
                let index = entry.index();
                self.by_fingerprint.insert(index.fingerprint, place);
                self.by_country.entry(index.country.clone()).or_default().push(place);
                index.names.into_iter().flatten().for_each(|name| self.by_name.entry(name).or_default().push(place));
                self.forget_known(entry.fingerprint());
                self.anchors.push(entry);
                self.id = OnceLock::new();
                place
            }
        };
        if let Some(anchor) = self.anchors.get_mut(place) {
            origins.into_iter().for_each(|origin| anchor.add_origin(origin));
        }
    }

    /// Takes an entry as a certificate that is known and not trusted, unless it is an anchor.
    pub fn insert_known(&mut self, entry: Entry, origins: impl IntoIterator<Item = Origin>) {
        if self.by_fingerprint.contains_key(entry.fingerprint()) {
            return;
        }
        let place = *self.known_by_fingerprint.entry(*entry.fingerprint()).or_insert_with(|| {
            self.known.push(entry);
            self.id = OnceLock::new();
            self.known.len() - 1
        });
        if let Some(known) = self.known.get_mut(place) {
            origins.into_iter().for_each(|origin| known.add_origin(origin));
        }
    }

    /// A certificate that is now an anchor is no longer among those that are only known.
    fn forget_known(&mut self, fingerprint: &[u8; 32]) {
        if let Some(place) = self.known_by_fingerprint.remove(fingerprint) {
            self.known.swap_remove(place);
            if let Some(moved) = self.known.get(place) {
                self.known_by_fingerprint.insert(*moved.fingerprint(), place);
            }
        }
    }

    /// Takes a CRL, once. Whose it is, is proved when it is used.
    pub fn insert_crl(&mut self, crl: Crl) {
        if !self.crls.iter().any(|known| **known == crl) {
            self.crls.push(Arc::new(crl));
            self.id = OnceLock::new();
        }
    }

    /// Takes a deviation list whose signer the caller has proved ([`super::list_signer::prove`]): its entries act.
    pub fn insert_deviation_list(&mut self, list: DeviationList) {
        self.deviation_lists.push(Arc::new(list));
        self.id = OnceLock::new();
    }

    /// The anchors: CSCA and link certificates.
    #[must_use]
    pub fn anchors(&self) -> &[Entry] {
        &self.anchors
    }

    /// The anchor with this SHA-256.
    #[must_use]
    pub fn anchor(&self, fingerprint: &[u8; 32]) -> Option<&Entry> {
        self.by_fingerprint.get(fingerprint).and_then(|&place| self.anchors.get(place))
    }

    /// Certificates that are known and not trusted: document signers, link certificates of a directory. They only help to find a path.
    #[must_use]
    pub fn known(&self) -> &[Entry] {
        &self.known
    }

    /// The anchors of a state (countryName of the subject, in any case). Those that cannot be read are left out.
    pub fn certificates_of_state(&self, country: &str) -> impl Iterator<Item = &Arc<Certificate>> {
        let places = self.by_country.get(&Some(country.trim().to_uppercase()));
        places.into_iter().flatten().filter_map(|&place| self.anchors.get(place)?.certificate().ok())
    }

    /// Certificates of a state that are known and not trusted, by countryName of the subject in any case.
    pub fn known_of_state(&self, country: &str) -> impl Iterator<Item = &Arc<Certificate>> {
        let country = country.trim().to_uppercase();
        self.known.iter().filter(move |entry| entry.country() == Some(country.as_str())).filter_map(|entry| entry.certificate().ok())
    }

    /// The anchors whose subject is this name, whatever its string types and case.
    pub fn anchors_of_subject(&self, subject: &[u8]) -> impl Iterator<Item = &Entry> {
        let places = self.by_country.get(&name::country(subject));
        places.into_iter().flatten().filter_map(|&place| self.anchors.get(place)).filter(move |entry| {
            entry.certificate().is_ok_and(|certificate| name::compare(certificate.subject(), subject) != Relation::Different)
        })
    }

    /// The anchor that is `certificate`, or else one with the same key for the same state.
    #[must_use]
    pub fn anchor_with_key_of(&self, certificate: &Certificate) -> Option<&Arc<Certificate>> {
        if let Some(entry) = self.anchor(&certificate.fingerprint()) {
            return entry.certificate().ok();
        }
        let key = certificate.key().ok()?;
        let places = self.by_country.get(&certificate.subject_country());
        let mut anchors = places.into_iter().flatten().filter_map(|&place| self.anchors.get(place)?.certificate().ok());
        anchors.find(|anchor| anchor.key().is_ok_and(|k| k.key == key.key))
    }

    /// The CRLs that say to be of the CSCA `certificate`, the newest first. A claim by name or key identifier:
    /// [`Crl::verify_signed_by`] with the key of `certificate` is the proof, and the first that it holds for is the one to use.
    pub fn crls_of(&self, certificate: &Certificate) -> impl Iterator<Item = &Arc<Crl>> {
        let mut found: Vec<_> = self.crls.iter().filter(|crl| crl.claims_issuer(certificate)).collect();
        found.sort_by_cached_key(|crl| std::cmp::Reverse(crl.age()));
        found.into_iter()
    }

    /// All CRLs.
    #[must_use]
    pub fn crls(&self) -> &[Arc<Crl>] {
        &self.crls
    }

    /// All entries of all deviation lists. Each says which state published it ([`Deviation::state`]): it speaks for no documents of others.
    pub fn deviations(&self) -> impl Iterator<Item = &Deviation> {
        self.deviation_lists.iter().flat_map(|list| list.deviations.iter().map(AsRef::as_ref))
    }

    /// The deviation lists.
    #[must_use]
    pub fn deviation_lists(&self) -> &[Arc<DeviationList>] {
        &self.deviation_lists
    }

    /// Names the set of everything in the store, whatever the order: part of the key of the cache of verified signers.
    #[must_use]
    pub fn id(&self) -> &[u8; 32] {
        self.id.get_or_init(|| {
            let mut prints: Vec<(u8, [u8; 32])> = Vec::with_capacity(self.anchors.len());
            prints.extend(self.anchors.iter().map(|entry| (0, *entry.fingerprint())));
            prints.extend(self.known.iter().map(|entry| (1, *entry.fingerprint())));
            prints.extend(self.crls.iter().map(|crl| (2, crl.fingerprint())));
            prints.extend(self.deviation_lists.iter().map(|list| (3, Sha256::digest(list.signed.content()).into())));
            prints.sort_unstable();
            let mut digest = Sha256::new();
            for (kind, print) in prints {
                digest.update([kind]);
                digest.update(print);
            }
            digest.finalize().into()
        })
    }

    /// Every anchor that may have signed `certificate`, likeliest first: those that its authorityKeyIdentifier names, then all others of
    /// the same state (of all states, if it names none). The signature decides; this only sorts and bounds the work.
    #[must_use]
    pub fn candidates(&self, certificate: &Certificate) -> Vec<Candidate<'_>> {
        let pointed = Index::named_by(certificate).into_iter().flatten().filter_map(|name| self.by_name.get(&name)).flatten();
        let mut places: BTreeSet<usize> = pointed.copied().collect();
        match certificate.issuer_country() {
            None => places.extend(0..self.anchors.len()),
            country => places.extend([country, None].iter().filter_map(|c| self.by_country.get(c)).flatten()),
        }
        let mut out: Vec<_> = places
            .into_iter()
            .filter_map(|place| {
                let anchor = self.anchors.get(place)?;
                let candidate = anchor.certificate().ok()?;
                Some(Candidate { anchor, certificate: candidate, named: is_named_by(candidate, certificate) })
            })
            .collect();
        out.sort_by_key(|candidate| !candidate.named);
        out
    }
}

/// Doc 9303-12 demands both of a CSCA: cA TRUE and keyCertSign. Roots of Estonia, Finland and Belgium leave basicConstraints out, those of
/// Turkey, Italy and Luxembourg say cA FALSE, so either is enough; [`super::path`] reports the quirk.
#[must_use]
pub fn signs_certificates(certificate: &Certificate) -> bool {
    let extensions = certificate.extensions();
    extensions.basic_constraints.is_some_and(|c| c.ca) || extensions.key_usage.is_some_and(|u| u.has(KeyUsage::KEY_CERT_SIGN))
}

/// An anchor that may have signed a certificate.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The anchor, with its origins.
    pub anchor: &'a Entry,
    /// Its certificate.
    pub certificate: &'a Arc<Certificate>,
    /// Whether the certificate's authorityKeyIdentifier names it. Then a wrong signature is a forgery or damage, not a missing anchor.
    pub named: bool,
}

fn is_named_by(anchor: &Certificate, certificate: &Certificate) -> bool {
    let by_key = certificate.authority_key_id().is_some_and(|id| anchor.subject_key_id() == Some(id));
    let by_serial =
        certificate.authority_issuer_serial().is_some_and(|(issuer, serial)| serial == anchor.serial() && issuer == anchor.issuer());
    by_key || by_serial
}
