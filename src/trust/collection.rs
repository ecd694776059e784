//! What a store holds: certificates with their origins, CRLs, deviation lists, and a record of every import.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use eid::cert::crl::Crl;
use eid::cert::deviation_list::DeviationList;
use eid::cert::trust::{Entry, Origin, Tier, TrustStore};
use eid::date::Date;

/// One file that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name, without the folders above it.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// The day of the import.
    pub date: Date,
    /// What it was.
    pub kind: ImportKind,
    /// How directly it came.
    pub tier: Tier,
    /// Whether someone trusted stands behind it.
    pub standing: Standing,
    /// Subject of the signer's certificate, for what is signed.
    pub signer: String,
    /// Entries that it had.
    pub entries: u32,
    /// Entries that could not be taken.
    pub refused: u32,
}

impl Import {
    /// For people: `DE_ML.ml, signed by C=DE, …`.
    #[must_use]
    pub fn describe(&self) -> String {
        match self.standing {
            Standing::NotSigned => self.file.clone(),
            Standing::Proved => format!("{}, signed by {}", self.file, self.signer),
            Standing::Unproved => format!("{}, its signer {} not proved", self.file, self.signer),
        }
    }
}

/// What an imported file was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    /// A certificate, or several in one PEM text.
    Certificate,
    /// A CSCA master list.
    MasterList,
    /// Records of the ICAO PKD.
    Ldif,
    /// A CRL.
    Crl,
    /// A deviation list.
    DeviationList,
    /// A PKCS#7 bundle.
    Bundle,
}

impl ImportKind {
    /// All of them; the place is the number in the file.
    pub(super) const ALL: [Self; 6] = [Self::Certificate, Self::MasterList, Self::Ldif, Self::Crl, Self::DeviationList, Self::Bundle];

    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::MasterList => "master list",
            Self::Ldif => "PKD records",
            Self::Crl => "CRL",
            Self::DeviationList => "deviation list",
            Self::Bundle => "PKCS#7 bundle",
        }
    }
}

/// Whether someone trusted stands behind an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody signed it as a whole: whoever imported it answers for it.
    NotSigned,
    /// An anchor that was trusted before stands behind its signer.
    Proved,
    /// Its signature holds, and no trusted anchor stands behind the signer: it was taken all the same.
    Unproved,
}

impl Standing {
    /// All of them; the place is the number in the file.
    pub(super) const ALL: [Self; 3] = [Self::NotSigned, Self::Proved, Self::Unproved];

    /// `not signed`, `proved`, `not proved`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSigned => "not signed",
            Self::Proved => "proved",
            Self::Unproved => "not proved",
        }
    }
}

/// What a certificate is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A trust anchor.
    Anchor,
    /// Known, and not trusted by itself.
    Known,
}

/// A certificate of the collection.
#[derive(Clone, Debug)]
pub struct Held {
    /// The certificate, read on first use.
    pub entry: Entry,
    /// What it is good for.
    pub role: Role,
    /// Tier and place in [`Collection::imports`] of every import that had it.
    pub origins: BTreeSet<(Tier, usize)>,
    /// What the PKD says about its conformance, or why it is no anchor.
    pub note: Option<String>,
}

impl Held {
    /// The best of its tiers.
    #[must_use]
    pub fn tier(&self) -> Option<Tier> {
        self.origins.first().map(|&(tier, _)| tier)
    }
}

/// A CRL of the collection.
#[derive(Clone, Debug)]
pub struct HeldCrl {
    /// The list.
    pub crl: Crl,
    /// The import that brought it.
    pub import: usize,
    /// SHA-256 of the SubjectPublicKeyInfo whose key signed it; `None` while no anchor of the store has that key.
    pub issuer_key: Option<[u8; 32]>,
}

/// A deviation list of the collection.
#[derive(Clone, Debug)]
pub struct HeldDeviationList {
    /// The file.
    pub bytes: Arc<Vec<u8>>,
    /// The list.
    pub list: DeviationList,
    /// The import that brought it.
    pub import: usize,
}

/// Everything that a store holds.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    pub(super) imports: Vec<Import>,
    pub(super) certificates: Vec<Held>,
    pub(super) crls: Vec<HeldCrl>,
    pub(super) deviation_lists: Vec<HeldDeviationList>,
    /// Place of a certificate by its SHA-256; empty until it is needed.
    places: HashMap<[u8; 32], usize>,
}

impl Collection {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.crls.is_empty() && self.deviation_lists.is_empty()
    }

    /// The imports, in their order.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// All certificates, in the order in which they came.
    #[must_use]
    pub fn certificates(&self) -> &[Held] {
        &self.certificates
    }

    /// The anchors.
    pub fn anchors(&self) -> impl Iterator<Item = &Held> {
        self.certificates.iter().filter(|held| held.role == Role::Anchor)
    }

    /// The CRLs.
    #[must_use]
    pub fn crls(&self) -> &[HeldCrl] {
        &self.crls
    }

    /// The deviation lists.
    #[must_use]
    pub fn deviation_lists(&self) -> &[HeldDeviationList] {
        &self.deviation_lists
    }

    /// The origins of a certificate as a verifier names them.
    pub fn origins<'a>(&'a self, held: &'a Held) -> impl Iterator<Item = (Tier, &'a Import)> {
        held.origins.iter().filter_map(|&(tier, import)| Some((tier, self.imports.get(import)?)))
    }

    /// What a verifier works with.
    #[must_use]
    pub fn trust(&self) -> TrustStore {
        let sources: Vec<Arc<str>> = self.imports.iter().map(|import| import.describe().into()).collect();
        let origins = |held: &Held| {
            let origin = |&(tier, import): &(Tier, usize)| Some(Origin { tier, source: Arc::clone(sources.get(import)?) });
            held.origins.iter().filter_map(origin).collect::<Vec<_>>()
        };
        let mut trust = TrustStore::new();
        for held in &self.certificates {
            match held.role {
                Role::Anchor => trust.insert_anchor(held.entry.clone(), origins(held)),
                Role::Known => trust.insert_known(held.entry.clone(), origins(held)),
            }
        }
        self.crls.iter().for_each(|held| trust.insert_crl(held.crl.clone()));
        self.deviation_lists.iter().for_each(|held| trust.insert_deviation_list(held.list.clone()));
        trust
    }

    /// Takes a certificate, or adds what is new to the one with the same SHA-256. Says whether it is new.
    pub(super) fn take(&mut self, entry: Entry, role: Role, origin: (Tier, usize), note: Option<String>) -> bool {
        if self.places.len() != self.certificates.len() {
            self.places = self.certificates.iter().enumerate().map(|(place, held)| (*held.entry.fingerprint(), place)).collect();
        }
        let fingerprint = *entry.fingerprint();
        if let Some(held) = self.places.get(&fingerprint).and_then(|&place| self.certificates.get_mut(place)) {
            held.role = held.role.min(role);
            held.origins.insert(origin);
            if note.is_some() {
                held.note = note;
            }
            return false;
        }
        self.places.insert(fingerprint, self.certificates.len());
        self.certificates.push(Held { entry, role, origins: BTreeSet::from([origin]), note });
        true
    }

    /// Adds all of `other`: its imports keep their records.
    pub fn merge(&mut self, other: &Self) {
        let first = self.imports.len();
        self.imports.extend_from_slice(&other.imports);
        for held in &other.certificates {
            for &(tier, import) in &held.origins {
                self.take(held.entry.clone(), held.role, (tier, first + import), held.note.clone());
            }
        }
        for held in &other.crls {
            self.take_crl(HeldCrl { import: first + held.import, ..held.clone() });
        }
        for held in &other.deviation_lists {
            self.take_deviation_list(HeldDeviationList { import: first + held.import, ..held.clone() });
        }
    }

    /// Takes a CRL unless it is there.
    pub(super) fn take_crl(&mut self, new: HeldCrl) -> bool {
        let is_new = !self.crls.iter().any(|held| held.crl == new.crl);
        if is_new {
            self.crls.push(new);
        }
        is_new
    }

    /// Takes a deviation list unless it is there.
    pub(super) fn take_deviation_list(&mut self, new: HeldDeviationList) -> bool {
        let is_new = !self.deviation_lists.iter().any(|held| held.bytes == new.bytes);
        if is_new {
            self.deviation_lists.push(new);
        }
        is_new
    }

    /// Of the CRLs that one key signed, leaves the newest. Those whose signer is not known stay: nothing says which is the newer.
    pub(super) fn drop_old_crls(&mut self) -> usize {
        let mut newest: BTreeMap<[u8; 32], (eid::cert::Time, usize, Vec<u8>)> = BTreeMap::new();
        for held in &self.crls {
            if let Some(key) = held.issuer_key {
                let age = held.crl.age();
                let best = newest.entry(key).or_insert_with(|| age.clone());
                if age > *best {
                    *best = age;
                }
            }
        }
        let before = self.crls.len();
        self.crls.retain(|held| held.issuer_key.is_none_or(|key| newest.get(&key).is_none_or(|best| held.crl.age() == *best)));
        before - self.crls.len()
    }
}
