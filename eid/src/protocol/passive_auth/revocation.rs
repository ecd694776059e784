//! Is the document signer on the revocation list of its state (Doc 9303-12 clause 7.1.4)?
//!
//! Only a list that a CSCA key of the state has signed counts, and only a key that is trusted or was proved on the path; what others have
//! put into the store is named and left aside. A signer that is listed fails the check, whenever it was revoked: which documents it
//! had signed before, nobody can tell but the state. Not to be listed proves as much as the list is new: an expired one passes and says so,
//! since an inspection without any list must not be worth more.

use std::sync::Arc;

use super::signer::{Message, Proved};
use crate::cert::crl::{Crl, Reason};
use crate::cert::der;
use crate::cert::path::{self, Chain};
use crate::cert::spki::SubjectPublicKeyInfo;
use crate::cert::trust::{self, TrustStore};
use crate::cert::x509::Certificate;
use crate::date::Date;
use crate::protocol::finding::{Check, Finding, Outcome};
use crate::quirk::Quirk;

/// The finding on all proved signers of `message`: the first that is revoked, else the first.
pub(super) fn finding(check: Check, message: &Message<'_>, trust: &TrustStore, today: Date, quirks: &mut Vec<Quirk>) -> Finding {
    let mut findings: Vec<Finding> = message.proved().map(|proved| one(check.clone(), message, proved, trust, today, quirks)).collect();
    if findings.is_empty() {
        return check.not_attempted("no-chain", "the document signer has no path to a trust anchor");
    }
    let at = findings.iter().position(|finding| finding.outcome == Outcome::Failed).unwrap_or(0);
    findings.swap_remove(at)
}

fn one(check: Check, message: &Message<'_>, proved: Proved<'_>, trust: &TrustStore, today: Date, quirks: &mut Vec<Quirk>) -> Finding {
    let path = proved.path;
    let country = path.anchor.subject_country().unwrap_or_default();
    let mut cas: Vec<&Arc<Certificate>> = path.links.iter().chain([&path.anchor]).collect();
    cas.extend(trust.certificates_of_state(&country));
    linked(trust, &country, &mut cas);
    let mut lists: Vec<&Arc<Crl>> = Vec::new();
    for crl in cas.iter().flat_map(|ca| trust.crls_of(ca)) {
        if !lists.iter().any(|known| Arc::ptr_eq(known, crl)) {
            lists.push(crl);
        }
    }
    if lists.is_empty() {
        return check.not_attempted("no-crl", "the trust store has no revocation list of the state");
    }
    let keys: Vec<&SubjectPublicKeyInfo> = cas.iter().filter_map(|ca| ca.key().ok()).collect();
    let authentic: Vec<&Arc<Crl>> = lists.iter().copied().filter(|crl| is_authentic(crl, &keys)).collect();
    let ignored = lists.len() - authentic.len();
    let note = |finding: Finding| if ignored > 0 { finding.with("lists_not_authentic", ignored.to_string()) } else { finding };
    // what any list of the state says stands; that a signer is not listed is said by the newest
    for subject in [&path.certificate].into_iter().chain(&path.links).chain([&path.anchor]) {
        for crl in &authentic {
            if let Some(entry) = crl.find(subject).filter(|entry| entry.reason != Some(Reason::RemoveFromCrl)) {
                quirks.extend(crl.quirks().iter().map(of_list));
                let reason = entry.reason.map_or("not stated", Reason::name);
                let text = format!("{} was revoked on {}, reason {reason}", subject.subject_text(), entry.date.date);
                let finding =
                    check.failed("revoked", text).with("revoked_on", entry.date.date.to_string()).with("revocation_reason", reason);
                let finding = match message.signed.signing_time(proved.info) {
                    Some(signed) if signed < entry.date => finding.with("signed", "before the revocation"),
                    Some(_) => finding.with("signed", "after the revocation"),
                    None => finding.with("signed", "at a time that EF.SOD does not state"),
                };
                return note(describe(finding, crl));
            }
        }
    }
    let Some(newest) = authentic.iter().copied().max_by_key(|crl| crl.age()) else {
        return note(check.not_attempted("crl-not-authentic", "no revocation list of the state was signed by a key of its CSCA"));
    };
    quirks.extend(newest.quirks().iter().map(of_list));
    if let Some(limit) = newest.limits().first() {
        return note(describe(
            check.undecided("crl-limited", format!("the newest revocation list does not speak for all: {limit}")),
            newest,
        ));
    }
    let finding = match newest.next_update() {
        Some(until) if until.date < today => check.passed().because(
            "crl-expired",
            format!(
                "not listed, but the newest revocation list is of {} and was to be replaced by {}",
                newest.this_update().date,
                until.date
            ),
        ),
        Some(_) => check.passed(),
        None => check.passed().because(
            "crl-without-end",
            format!("not listed; the list is of {} and does not say how long it holds", newest.this_update().date),
        ),
    };
    note(describe(finding, newest))
}

/// Most link certificates that are looked at for the key of a list.
const MAX_LINKS: usize = 64;

/// Adds the link certificates that are only known, that a list names, and that come from an anchor: a list is signed by the newest key of
/// the CSCA (Doc 9303-12 clause 7.1.4), which who trusts an older root knows through them alone.
fn linked<'a>(trust: &'a TrustStore, country: &str, cas: &mut Vec<&'a Arc<Certificate>>) {
    let named = trust.known_of_state(country).filter(|link| trust::signs_certificates(link) && trust.crls_of(link).next().is_some());
    let proved = named.take(MAX_LINKS).filter(|link| {
        // the search is one for signers of documents: that a CA is none is said after its path was found
        matches!(path::find(link, trust), Chain::Verified(_) | Chain::NotDocumentSigner { anchor: Some(_), .. })
    });
    cas.extend(proved);
}

/// A tolerance of the list, whose codings are no oddity of the document: by the names `crl.*` alone it is told apart from one.
fn of_list(quirk: &Quirk) -> Quirk {
    if quirk.rule.starts_with("crl.") {
        return quirk.clone();
    }
    Quirk::new("crl.encoding", format!("{} at {}", quirk.rule, quirk.place)).over(&quirk.bytes)
}

fn is_authentic(crl: &Crl, keys: &[&SubjectPublicKeyInfo]) -> bool {
    keys.iter().any(|key| crl.is_signed_by(key))
}

fn describe(finding: Finding, crl: &Crl) -> Finding {
    finding
        .with("crl_issuer", crl.issuer_text())
        .with("crl_date", crl.this_update().date.to_string())
        .with("crl_sha256", der::hex(&crl.fingerprint()))
}
