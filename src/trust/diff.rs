//! What differs between two collections: anchors by SHA-256, CRLs by SHA-256.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::collection::Collection;

/// What differs between two collections.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// Anchors that both have.
    pub common: usize,
    /// Anchors that only the first has.
    pub only_a: Vec<Item>,
    /// Anchors that only the second has.
    pub only_b: Vec<Item>,
    /// States that only the first has.
    pub states_only_a: Vec<String>,
    /// States that only the second has.
    pub states_only_b: Vec<String>,
    /// CRLs that only the first has: issuer and thisUpdate.
    pub crls_only_a: Vec<String>,
    /// CRLs that only the second has.
    pub crls_only_b: Vec<String>,
}

/// An anchor that only one has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Item {
    /// Country code of its subject; `--` if it names none.
    pub country: String,
    /// Its subject.
    pub subject: String,
    /// Its SHA-256 in hex.
    pub sha256: String,
    /// Whether the other has the same key in another certificate: reissued, or a link certificate.
    pub same_key: bool,
}

/// Compares two collections.
#[must_use]
pub fn diff(a: &Collection, b: &Collection) -> Diff {
    let (anchors_a, anchors_b) = (anchors(a), anchors(b));
    let (keys_a, keys_b) = (keys(a), keys(b));
    let only = |these: &BTreeMap<[u8; 32], Item>, those: &BTreeMap<[u8; 32], Item>, keys: &BTreeSet<Vec<u8>>, from: &Collection| {
        let mut out: Vec<Item> = Vec::new();
        for held in from.anchors().filter(|held| !those.contains_key(held.entry.fingerprint())) {
            let same_key = held.entry.certificate().is_ok_and(|certificate| keys.contains(certificate.spki()));
            out.extend(these.get(held.entry.fingerprint()).map(|item| Item { same_key, ..item.clone() }));
        }
        out.sort();
        out
    };
    let countries = |items: &BTreeMap<[u8; 32], Item>| items.values().map(|item| item.country.clone()).collect::<BTreeSet<_>>();
    let (states_a, states_b) = (countries(&anchors_a), countries(&anchors_b));
    let (crls_a, crls_b) = (crls(a), crls(b));
    Diff {
        common: anchors_a.keys().filter(|print| anchors_b.contains_key(*print)).count(),
        only_a: only(&anchors_a, &anchors_b, &keys_b, a),
        only_b: only(&anchors_b, &anchors_a, &keys_a, b),
        states_only_a: states_a.difference(&states_b).cloned().collect(),
        states_only_b: states_b.difference(&states_a).cloned().collect(),
        crls_only_a: crls_a.difference(&crls_b).map(|(text, _)| text.clone()).collect(),
        crls_only_b: crls_b.difference(&crls_a).map(|(text, _)| text.clone()).collect(),
    }
}

impl Diff {
    /// Whether both have the same anchors and CRLs.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.only_a.is_empty() && self.only_b.is_empty() && self.crls_only_a.is_empty() && self.crls_only_b.is_empty()
    }
}

fn anchors(collection: &Collection) -> BTreeMap<[u8; 32], Item> {
    let item = |held: &super::Held| Item {
        country: held.entry.country().unwrap_or("--").to_owned(),
        subject: held.entry.certificate().map_or_else(ToString::to_string, |certificate| certificate.subject_text()),
        sha256: hex::encode(held.entry.fingerprint()),
        same_key: false,
    };
    collection.anchors().map(|held| (*held.entry.fingerprint(), item(held))).collect()
}

fn keys(collection: &Collection) -> BTreeSet<Vec<u8>> {
    collection.anchors().filter_map(|held| held.entry.certificate().ok().map(|certificate| certificate.spki().to_vec())).collect()
}

fn crls(collection: &Collection) -> BTreeSet<(String, [u8; 32])> {
    let name = |crl: &eid::cert::crl::Crl| format!("{}, of {}", crl.issuer_text(), crl.this_update().date);
    collection.crls().iter().map(|held| (name(&held.crl), held.crl.fingerprint())).collect()
}
