//! Deviation lists that act (Doc 9303-3 clause 7): a state has published that some of its documents are wrong in a certain way. A finding
//! that failed for exactly that reason is accepted, with the entry as evidence; a tolerance that the entry names says so.
//!
//! Never more than the entry says: its state must be that of the document signer, all its criteria must hold by what is confirmed (a
//! document number from a DG1 whose hash is wrong is nobody's), a wrong hash of DG2 excuses no other group and no missing file, and a
//! wrong signature on the signer's certificate is excused only if the entry names the certificate by its digest, since everything else
//! in it can be forged. An accepted finding never counts as a confirmation of a key of the chip.

use super::profile;
use super::signer::Message;
use super::{CHAIN, SIGNATURE, hashes};
use crate::cert::deviation_list::{Applies, CertField, Deviation, Kind, SignerId, Subject};
use crate::cert::path::{Chain, Usage, Verified};
use crate::cert::trust::TrustStore;
use crate::cert::x509::Certificate;
use crate::oid;
use crate::protocol::finding::{Check, Finding, Outcome};
use crate::quirk::Quirk;

const DEVIATIONS: Check = Check::new("pa.deviations", "Doc 9303-3 7");

/// Holds the entries of the signer's state against what failed. Where one is about the document, or may be, `pa.deviations` says so.
/// What the state has published about this document, for the findings that come later ([`super::apply_published`]).
pub(super) fn apply(
    message: &Message<'_>,
    subject: &Subject<'_>,
    trust: &TrustStore,
    findings: &mut Vec<Finding>,
    quirks: &mut [Quirk],
) -> Vec<Kind> {
    let Some(signer) = subject.signer else { return Vec::new() };
    let state = signer.issuer_country();
    let (mut yes, mut unknown, mut used) = (Vec::new(), 0, 0);
    for entry in trust.deviations().filter(|entry| state.is_some() && entry.state == state) {
        match entry.documents.applies(subject) {
            Applies::Yes => yes.push(entry),
            Applies::Unknown => unknown += 1,
            Applies::No => {}
        }
    }
    if yes.is_empty() && unknown == 0 {
        return Vec::new();
    }
    let mut kinds = Vec::new();
    let mut finding = DEVIATIONS.passed();
    for entry in yes {
        for description in &entry.descriptions {
            finding = finding.with("published", description.kind.to_string());
            used += act(message, signer, entry, &description.kind, findings, quirks);
            kinds.push(description.kind.clone());
        }
    }
    let text =
        format!("findings and tolerances that the state has published as deviations: {used}; entries that may be about it: {unknown}");
    findings.push(finding.because("published", text));
    kinds
}

/// Accepts what `kind` names; how much that was.
fn act(
    message: &Message<'_>,
    signer: &Certificate,
    entry: &Deviation,
    kind: &Kind,
    findings: &mut [Finding],
    quirks: &mut [Quirk],
) -> usize {
    match kind {
        Kind::DsSignature if matches!(entry.documents.signer, Some(SignerId::Digest { .. })) => {
            accept(findings, &CHAIN.id, Outcome::Failed, &["certificate-signature-wrong"], kind)
        }
        Kind::DsEncoding(field) => {
            let path = path(message, signer);
            let rules = profile::signer_rules(signer, path);
            encoding(message, signer, field.as_ref(), &profile::SIGNER, &rules, kind, findings) + note(signer, kind, quirks)
        }
        Kind::CscaEncoding(field) => {
            let Some(path) = path(message, signer) else { return 0 };
            let rules = profile::csca_rules(path.issuer());
            profile_of(field.as_ref(), &profile::CSCA, &rules, kind, findings)
        }
        Kind::DgHashWrong(Some(number)) => accept(findings, &hashes::check(*number).id, Outcome::Failed, &["hash-differs"], kind),
        Kind::SodSignatureWrong => accept(findings, &SIGNATURE.id, Outcome::Failed, &["signature-wrong"], kind),
        _ => 0,
    }
}

fn path<'a>(message: &'a Message<'_>, signer: &Certificate) -> Option<&'a Verified> {
    message.proved().map(|proved| proved.path.as_ref()).find(|path| *path.certificate == *signer)
}

/// A coding error of the signer's certificate: its profile, and the usage that keeps it from signing if the entry names that extension.
fn encoding(
    message: &Message<'_>,
    signer: &Certificate,
    field: Option<&CertField>,
    check: &Check,
    rules: &[profile::Broken],
    kind: &Kind,
    findings: &mut [Finding],
) -> usize {
    let excused = match message.chain_of(signer) {
        Some(Chain::NotDocumentSigner { anchor: Some(_), rule }) => {
            let extension = match rule {
                Usage::NoDigitalSignature => oid::KEY_USAGE,
                Usage::Ca => oid::BASIC_CONSTRAINTS,
                Usage::ExtKeyUsage => oid::EXT_KEY_USAGE,
                Usage::UnknownCritical(extension) => extension,
                Usage::NoAuthorityKeyId | Usage::NoCertSign => "",
            };
            matches!(field, Some(CertField::Extension(named)) if named == extension)
        }
        _ => false,
    };
    let chain = if excused { accept(findings, &CHAIN.id, Outcome::Failed, &["not-a-document-signer"], kind) } else { 0 };
    chain + profile_of(field, check, rules, kind, findings)
}

/// Accepts the profile finding if every broken rule is about the field that the entry names. An entry that names no field, or the generic
/// one, is about all of them.
fn profile_of(field: Option<&CertField>, check: &Check, rules: &[profile::Broken], kind: &Kind, findings: &mut [Finding]) -> usize {
    let all = matches!(field, None | Some(CertField::Body(0)));
    if all || rules.iter().all(|broken| Some(&broken.field) == field) {
        accept(findings, &check.id, Outcome::Failed, &["profile"], kind)
    } else {
        0
    }
}

/// Tolerances of the signer's certificate that an entry on its coding explains.
fn note(signer: &Certificate, kind: &Kind, quirks: &mut [Quirk]) -> usize {
    let of_signer = quirks.iter_mut().filter(|quirk| signer.quirks().contains(quirk));
    of_signer.map(|quirk| quirk.place = format!("{}, published as {kind}", quirk.place).into()).count()
}

pub(super) fn accept(findings: &mut [Finding], id: &str, outcome: Outcome, codes: &[&'static str], kind: &Kind) -> usize {
    let mut count = 0;
    for finding in findings.iter_mut().filter(|finding| finding.id() == id && finding.outcome == outcome) {
        let Some(reason) = finding.reason.take_if(|reason| codes.contains(&reason.code)) else { continue };
        finding.outcome = Outcome::Passed;
        *finding = finding
            .clone()
            .because("accepted-deviation", format!("{}; the state has published this as {kind}", reason.text))
            .with("deviation", kind.to_string())
            .with("failed", reason.code);
        count += 1;
    }
    count
}
