//! The search for a path, breadth first: anchors before links, the key that is named before all others of the state.

use std::collections::HashSet;
use std::sync::Arc;

use super::{MAX_ATTEMPTS, MAX_LINKS};
use crate::cert::spki::SubjectPublicKeyInfo;
use crate::cert::trust::{self, TrustStore};
use crate::cert::x509::Certificate;
use crate::crypto::signature::SignatureError;
use crate::quirk::Quirk;

/// A path that was proved.
pub(super) struct Found {
    pub(super) links: Vec<Arc<Certificate>>,
    pub(super) anchor: Arc<Certificate>,
    pub(super) others: Vec<Arc<Certificate>>,
    pub(super) quirks: Vec<Quirk>,
}

pub(super) struct Search<'a> {
    trust: &'a TrustStore,
    links: &'a [Arc<Certificate>],
    visited: HashSet<[u8; 32]>,
    /// How many keys were tried.
    pub(super) tried: usize,
    /// Why a signature could not be checked.
    pub(super) unsupported: Option<String>,
}

/// A certificate whose issuer is looked for, and how it was reached.
#[derive(Clone)]
struct Step {
    subject: Arc<Certificate>,
    links: Vec<Arc<Certificate>>,
    quirks: Vec<Quirk>,
}

impl<'a> Search<'a> {
    pub(super) fn new(trust: &'a TrustStore, links: &'a [Arc<Certificate>]) -> Self {
        Self { trust, links, visited: HashSet::new(), tried: 0, unsupported: None }
    }

    pub(super) fn run(&mut self, certificate: &Arc<Certificate>) -> Option<Found> {
        self.visited.insert(certificate.fingerprint());
        let mut level = vec![Step { subject: Arc::clone(certificate), links: Vec::new(), quirks: Vec::new() }];
        for _ in 0..=MAX_LINKS {
            for step in &level {
                if let Some(found) = self.anchor(step) {
                    return Some(found);
                }
            }
            let mut next = Vec::new();
            for step in &level {
                self.links(step, &mut next);
            }
            if next.is_empty() {
                return None;
            }
            level = next;
        }
        None
    }

    /// A path that ends with an anchor whose key signed the subject of `step`.
    fn anchor(&mut self, step: &Step) -> Option<Found> {
        let candidates = self.trust.candidates(&step.subject);
        let mut failed: Vec<&SubjectPublicKeyInfo> = Vec::new();
        for (n, candidate) in candidates.iter().enumerate() {
            let Ok(key) = candidate.certificate.key() else { continue };
            if failed.iter().any(|other| other.key == key.key) {
                continue;
            }
            let mut quirks = step.quirks.clone();
            if self.signed_by(&step.subject, key, &mut quirks) {
                let later = candidates.get(n + 1..).unwrap_or_default().iter().map(|other| other.certificate);
                let others = later.filter(|other| other.key().is_ok_and(|k| k.key == key.key)).map(Arc::clone).collect();
                return Some(Found { links: step.links.clone(), anchor: Arc::clone(candidate.certificate), others, quirks });
            }
            failed.push(key);
        }
        None
    }

    /// Every link certificate whose key signed the subject of `step`, each once in a search.
    fn links(&mut self, step: &Step, next: &mut Vec<Step>) {
        let (trust, along) = (self.trust, self.links);
        let country = step.subject.issuer_country().unwrap_or_default();
        let mut candidates: Vec<&Arc<Certificate>> = along.iter().chain(trust.known_of_state(&country)).collect();
        candidates.retain(|link| may_have_signed(link, &step.subject));
        candidates.sort_by_key(|link| !names_key_of(&step.subject, link));
        for link in candidates {
            if self.visited.contains(&link.fingerprint()) {
                continue;
            }
            let Ok(key) = link.key() else { continue };
            let mut quirks = step.quirks.clone();
            if self.signed_by(&step.subject, key, &mut quirks) {
                self.visited.insert(link.fingerprint());
                let links = step.links.iter().chain([link]).map(Arc::clone).collect();
                next.push(Step { subject: Arc::clone(link), links, quirks });
            }
        }
    }

    fn signed_by(&mut self, subject: &Certificate, key: &SubjectPublicKeyInfo, quirks: &mut Vec<Quirk>) -> bool {
        let algorithm = subject.signature_algorithm().ok().and_then(|a| a.algorithm(None).ok());
        if self.tried == MAX_ATTEMPTS || !algorithm.is_some_and(|algorithm| key.permits(algorithm)) {
            return false;
        }
        self.tried += 1;
        match subject.verify_signed_by_noting(key, quirks) {
            Ok(()) => true,
            Err(SignatureError::Unsupported(what)) => {
                self.unsupported = Some(what);
                false
            }
            // wrong, or not even of the form which this key asks for
            Err(_) => false,
        }
    }
}

/// Whether `link` is of a CA of the state that issued `subject`.
fn may_have_signed(link: &Certificate, subject: &Certificate) -> bool {
    let same_state = match (link.subject_country(), subject.issuer_country()) {
        (Some(link), Some(subject)) => link == subject,
        _ => true,
    };
    same_state && trust::signs_certificates(link)
}

/// Whether the authorityKeyIdentifier of `subject` names `issuer`: by its key identifier, or by its own issuer and serial number.
pub(super) fn names_key_of(subject: &Certificate, issuer: &Certificate) -> bool {
    let by_key = subject.authority_key_id().is_some_and(|id| issuer.subject_key_id() == Some(id));
    let by_serial = subject.authority_issuer_serial().is_some_and(|(name, serial)| serial == issuer.serial() && name == issuer.issuer());
    by_key || by_serial
}
