//! Passive Authentication of what was read; a pure function of files, anchors, and day, so that it can be repeated without the card.

use std::collections::{BTreeMap, BTreeSet};

use eid::cert::path::SignerCache;
use eid::cert::trust::TrustStore;
use eid::date::Date;
use eid::image::FileId;
use eid::protocol::finding::{Finding, Outcome};
use eid::protocol::passive_auth::{Input, passive_authentication};
use eid::quirk::Quirk;

/// Files that were read, and what they are judged by.
#[derive(Debug, Clone, Copy)]
pub(in crate::terminal) struct Content<'a> {
    /// The files, as the card gave them.
    pub(in crate::terminal) files: &'a BTreeMap<FileId, Vec<u8>>,
    /// Data groups that are there and were not read, for a good reason.
    pub(in crate::terminal) not_read: &'a BTreeSet<u8>,
    /// What is trusted.
    pub(in crate::terminal) trust: &'a TrustStore,
    /// Document signers that were verified before.
    pub(in crate::terminal) cache: Option<&'a SignerCache>,
    /// The day of the inspection.
    pub(in crate::terminal) today: Date,
}

/// The findings `pa.*`.
pub(in crate::terminal) fn passive(content: &Content<'_>, findings: &mut Vec<Finding>, quirks: &mut Vec<Quirk>) {
    let files: BTreeMap<u8, Vec<u8>> = content.files.iter().filter_map(|(file, bytes)| Some((file.dg_number()?, bytes.clone()))).collect();
    let sod = content.files.get(&FileId::SOD).map_or(&[][..], Vec::as_slice);
    let verdict = passive_authentication(&Input {
        sod,
        files: &files,
        not_read: content.not_read,
        trust: content.trust,
        cache: content.cache,
        today: content.today,
        issued: None,
    });
    findings.extend(verdict.findings);
    quirks.extend(verdict.quirks);
}

/// A proof of a key counts only if the issuer signed the file with that key: otherwise the chip has shown a key of anybody.
pub(in crate::terminal) fn counted(findings: &[Finding], finding: Finding, number: u8) -> Finding {
    let passed = |id: &str| findings.iter().any(|f| f.id() == id && f.outcome == Outcome::Passed);
    if finding.outcome != Outcome::Passed || (passed(&format!("pa.hash.dg{number}")) && passed("pa.signature")) {
        return finding;
    }
    let text = format!("the chip proved the key in DG{number}, but passive authentication did not confirm DG{number}");
    let evidence = finding.evidence;
    let mut finding = finding.check.not_attempted("key-not-confirmed", text);
    finding.evidence = evidence;
    finding
}
