//! What became of a delivery: counts by source and by rule, and the rows. No personal data: what a record says is in the list of rejects.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Share;
use super::file::SourceHeader;
use super::rules::{Ground, Level, Levels, Reason};

/// Rows that a rule lists at most; it counts all of them.
pub const LISTED: usize = 1_000;

/// How often a rule was broken, and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows.
    pub count: u64,
    /// The first [`LISTED`] of them.
    pub rows: Vec<u64>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    /// Name, digest, and counts.
    pub header: SourceHeader,
    /// The rules for which rows are quarantined; a row may break several.
    pub quarantined: BTreeMap<Ground, Tally>,
    /// The rules that accepted rows break.
    pub warnings: BTreeMap<Ground, Tally>,
}

impl SourceReport {
    pub(super) const fn new(name: String) -> Self {
        let header = SourceHeader { name, sha256: String::new(), rows: 0, accepted: 0, quarantined: 0 };
        Self { header, quarantined: BTreeMap::new(), warnings: BTreeMap::new() }
    }

    /// Counts a row; whether it is accepted.
    pub(super) fn count(&mut self, row: u64, reasons: &[Reason], levels: &Levels) -> bool {
        let accepted = reasons.iter().all(|reason| levels.of(reason.ground) == Level::Warning);
        self.header.rows += 1;
        let (total, tallies) =
            if accepted { (&mut self.header.accepted, &mut self.warnings) } else { (&mut self.header.quarantined, &mut self.quarantined) };
        *total += 1;
        let mut grounds: Vec<Ground> = reasons.iter().map(|reason| reason.ground).collect();
        grounds.retain(|ground| accepted || levels.of(*ground) == Level::Quarantine);
        grounds.sort_unstable();
        grounds.dedup();
        for ground in grounds {
            let tally = tallies.entry(ground).or_default();
            tally.count += 1;
            if tally.rows.len() < LISTED {
                tally.rows.push(row);
            }
        }
        accepted
    }
}

/// A whole delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Identifier of the document profile.
    pub profile: String,
    /// The day on which the records were judged, `YYYY-MM-DD`.
    pub today: String,
    /// The sources in their order.
    pub sources: Vec<SourceReport>,
    /// The share of quarantined records above which nothing is accepted.
    pub refuse_above: Share,
    /// Whether live documents and cancelled numbers were asked for in a store.
    pub store_asked: bool,
}

impl Report {
    fn sum(&self, of: impl Fn(&SourceHeader) -> u64) -> u64 {
        self.sources.iter().map(|source| of(&source.header)).sum()
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.sum(|source| source.rows)
    }

    /// Records that keep every rule.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.sum(|source| source.accepted)
    }

    /// Records that do not.
    #[must_use]
    pub fn quarantined(&self) -> u64 {
        self.sum(|source| source.quarantined)
    }

    /// Whether too many records are quarantined, or none is accepted: then there is no intake file.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.accepted() == 0 || self.refuse_above.is_exceeded(self.quarantined(), self.rows())
    }

    /// As text for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for source in &self.sources {
            let SourceHeader { name, rows, accepted, quarantined, .. } = &source.header;
            _ = writeln!(text, "{name}: {rows} records, {accepted} accepted, {quarantined} quarantined");
            for (title, tallies) in [("quarantined", &source.quarantined), ("warnings", &source.warnings)] {
                if !tallies.is_empty() {
                    _ = writeln!(text, "  {title}");
                }
                for (ground, tally) in tallies {
                    _ = writeln!(text, "    {:<20} {:>7}  {}  {}", ground.id(), tally.count, rows_of(tally), ground.says());
                }
            }
        }
        let (rows, accepted, quarantined) = (self.rows(), self.accepted(), self.quarantined());
        if self.sources.len() > 1 {
            _ = writeln!(text, "all sources: {rows} records, {accepted} accepted, {quarantined} quarantined");
        }
        if !self.store_asked {
            text.push_str("no store was asked for live documents and cancelled numbers\n");
        }
        if self.is_refused() {
            let limit = self.refuse_above;
            _ = writeln!(
                text,
                "refused: at most {limit} may be quarantined and one must be accepted; {quarantined} of {rows} are quarantined"
            );
        }
        text
    }

    /// As JSON, version 1.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let tallies = |tallies: &BTreeMap<Ground, Tally>| -> Value {
            tallies.iter().map(|(ground, tally)| json!({ "rule": ground.id(), "count": tally.count, "rows": tally.rows })).collect()
        };
        let source = |source: &SourceReport| {
            let SourceHeader { name, sha256, rows, accepted, quarantined } = &source.header;
            json!({
                "name": name, "sha256": sha256, "rows": rows, "accepted": accepted, "quarantined": quarantined,
                "rules": tallies(&source.quarantined), "warnings": tallies(&source.warnings),
            })
        };
        json!({
            "version": 1, "profile": self.profile, "today": self.today, "rows": self.rows(), "accepted": self.accepted(),
            "quarantined": self.quarantined(), "refuse_above_ppm": self.refuse_above.ppm(), "refused": self.is_refused(),
            "store_asked": self.store_asked, "sources": self.sources.iter().map(source).collect::<Vec<_>>(),
        })
    }
}

/// `row 17`, `rows 3, 9, 12, …`
fn rows_of(tally: &Tally) -> String {
    const SHOWN: usize = 5;
    let rows: Vec<String> = tally.rows.iter().take(SHOWN).map(u64::to_string).collect();
    let more = if tally.count > u64::try_from(rows.len()).unwrap_or(u64::MAX) { ", …" } else { "" };
    format!("{} {}{more}", if tally.count == 1 { "row" } else { "rows" }, rows.join(", "))
}
