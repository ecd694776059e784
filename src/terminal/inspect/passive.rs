//! Passive Authentication of what was read; a pure function of files, anchors, and day, so that it can be repeated without the card.

use std::collections::{BTreeMap, BTreeSet};

use eid::cert::deviation_list::Kind;
use eid::cert::path::SignerCache;
use eid::cert::trust::TrustStore;
use eid::date::Date;
use eid::image::FileId;
use eid::lds::dg12::{self, Dg12};
use eid::lds::dg13::Dg13;
use eid::lds::sod::{Sod, SodError};
use eid::lds::{self, Elementary as _};
use eid::protocol::finding::{Finding, Outcome};
use eid::protocol::passive_auth::{Input, Issued, passive_authentication};
use eid::quirk::Quirk;

/// Files that were read, and what they are judged by.
#[derive(Debug, Clone, Copy)]
pub(in crate::terminal) struct Content<'a> {
    /// The files, as the card gave them.
    pub(in crate::terminal) files: &'a BTreeMap<FileId, Vec<u8>>,
    /// EF.SOD among them, or why it cannot be read: [`sod`].
    pub(in crate::terminal) sod: Result<&'a Sod, &'a SodError>,
    /// Data groups that are there and were not read, for a good reason.
    pub(in crate::terminal) not_read: &'a BTreeSet<u8>,
    /// What is trusted.
    pub(in crate::terminal) trust: &'a TrustStore,
    /// Document signers that were verified before.
    pub(in crate::terminal) cache: Option<&'a SignerCache>,
    /// The day of the inspection.
    pub(in crate::terminal) today: Date,
}

/// EF.SOD of the files; one that was not read is an empty one.
pub(in crate::terminal) fn sod(files: &BTreeMap<FileId, Vec<u8>>) -> Result<Sod, SodError> {
    Sod::parse(files.get(&FileId::SOD).map_or(&[][..], Vec::as_slice))
}

/// The findings `pa.*` and `profile.*`, and what the state has published about this document.
pub(in crate::terminal) fn passive(content: &Content<'_>, findings: &mut Vec<Finding>, quirks: &mut Vec<Quirk>) -> Vec<Kind> {
    let files: BTreeMap<u8, &[u8]> = content.files.iter().filter_map(|(file, bytes)| Some((file.dg_number()?, bytes.as_slice()))).collect();
    let verdict = passive_authentication(&Input {
        sod: content.sod,
        files: &files,
        not_read: content.not_read,
        trust: content.trust,
        cache: content.cache,
        today: content.today,
        issued: issued(&files),
    });
    findings.extend(verdict.findings);
    quirks.extend(verdict.quirks);
    for (&file, bytes) in content.files {
        let found = odd(file, bytes).into_iter().filter(|quirk| !quirks.contains(quirk)).collect::<Vec<_>>();
        quirks.extend(found);
    }
    verdict.published
}

/// What is odd about a file, and not told elsewhere: the signed messages were looked at above, and the MRZ has a check of its own. Of what
/// cannot be read the comparisons tell themselves, but where there is none.
fn odd(file: FileId, bytes: &[u8]) -> Vec<Quirk> {
    if matches!(file, FileId::SOD | FileId::CARD_SECURITY) || file.dg_number() == Some(1) {
        return Vec::new();
    }
    let compared = !matches!(file.dg_number(), Some(5..=10 | 16));
    let mut odd = lds::tolerated(file, bytes);
    odd.retain(|quirk| !(compared && quirk.rule == lds::MALFORMED));
    odd
}

/// The date of issue that DG12 states, else that of the Vietnamese DG13 (field 11, `dd/MM/yyyy`).
fn issued(files: &BTreeMap<u8, &[u8]>) -> Option<Issued> {
    // what is odd about the files is told where they are read
    let in_dg12 = || {
        let digits = Dg12::read(files.get(&12)?, &mut Vec::new()).ok()?.details.get(dg12::DATE_OF_ISSUE)?.as_digits()?;
        let date = day(digits.get(..4)?, digits.get(4..6)?, digits.get(6..8)?)?;
        Some(Issued { date, data_group: Some(12) })
    };
    in_dg12().or_else(|| {
        let text = Dg13::read(files.get(&13)?, &mut Vec::new()).ok()?.text(11)?;
        let mut parts = text.trim().splitn(3, '/');
        let (day_of_month, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Issued { date: day(year, month, day_of_month)?, data_group: Some(13) })
    })
}

fn day(year: &str, month: &str, day: &str) -> Option<Date> {
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// A proof of a key counts only if the issuer signed the file with that key: otherwise the chip has shown a key of anybody.
pub(in crate::terminal) fn counted(findings: &[Finding], finding: Finding, number: u8) -> Finding {
    // a deviation list may excuse a document, it never vouches for a key
    let passed = |id: &str| findings.iter().any(|f| f.id() == id && f.outcome == Outcome::Passed && f.evidence("deviation").is_none());
    if finding.outcome != Outcome::Passed || (passed(&format!("pa.hash.dg{number}")) && passed("pa.signature")) {
        return finding;
    }
    let text = format!("the chip proved the key in DG{number}, but passive authentication did not confirm DG{number}");
    let evidence = finding.evidence;
    let mut finding = finding.check.not_attempted("key-not-confirmed", text);
    finding.evidence = evidence;
    finding
}
