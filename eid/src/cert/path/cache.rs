//! Document signers that were verified before.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::Verified;
use crate::cert::trust::TrustStore;

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
