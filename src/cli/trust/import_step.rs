//! `trust import`: files of states into the store.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cardwright::trust::Store;
use cardwright::trust::collection::{Import as Record, ImportKind};
use cardwright::trust::import::{self, NoticeKind, Options, Summary};
use clap::Args;
use eid::cert::trust::Tier;
use eid::date::Date;
use serde_json::json;

use super::{import_failure, plain, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Import certificates, master lists, PKD records, CRLs, and deviation lists
///
/// What a file is, is told by its content. All of it is imported, or nothing. A master list counts only with a trusted CSCA behind its
/// signer: one that is in the store, comes along, or is named by --signer.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright trust import --store T csca/ DE_ML_2026.ml\n  cardwright trust import --store T --signer CSCA07.cer DE_ML_2026.ml\n  cardwright trust import --store T --tier own csca-vn.cer"
)]
pub(super) struct Import {
    /// Folder of the store; made if it is not there
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// Record this tier instead of the usual one of each kind: own, bilateral, national, or icao
    #[arg(long, value_name = "TIER", value_parser = tier)]
    tier: Option<Tier>,
    /// Believe lists behind whose signer this CSCA stands, without trusting it for documents; may be repeated
    #[arg(long = "signer", value_name = "FILE")]
    signers: Vec<PathBuf>,
    /// Take master lists although no trusted CSCA stands behind their signer; the store remembers it
    #[arg(long)]
    unverified: bool,
    /// Record the import as of DATE (YYYY-MM-DD) instead of today
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    /// Files and folders
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

fn tier(text: &str) -> Result<Tier, String> {
    Tier::ALL.into_iter().find(|tier| tier.name() == text).ok_or_else(|| "expected own, bilateral, national, or icao".to_owned())
}

impl Import {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let date = self.date.unwrap_or_else(clock::today);
        let signers = if self.signers.is_empty() {
            eid::cert::trust::TrustStore::new()
        } else {
            import::collect(&self.signers, date).map_err(|error| import_failure(&error))?.0.trust()
        };
        let mut store = Store::open(&self.store).map_err(|error| store_failure(&error))?;
        let options = Options { tier: self.tier, signers: &signers, take_unproved: self.unverified, date };
        let summary = import::import(&mut store.collection, &self.files, &options).map_err(|error| import_failure(&error))?;
        store.commit().map_err(|error| store_failure(&error))?;
        for notice in &summary.notices {
            match notice.kind {
                NoticeKind::Tolerated => tracing::info!("{}: {}", notice.file, plain(&notice.detail)),
                _ => tracing::warn!("{}: {}", notice.file, plain(&notice.detail)),
            }
        }
        let anchors = store.collection.anchors().count();
        if context.json {
            let imports: Vec<_> = summary.imports.iter().map(record_json).collect();
            let notices: Vec<_> =
                summary.notices.iter().map(|n| json!({"kind": n.kind.name(), "file": n.file, "detail": n.detail})).collect();
            output::json(&json!({
                "imports": imports,
                "notices": notices,
                "new": {"anchors": summary.new_anchors, "known": summary.new_known, "crls": summary.new_crls,
                    "deviation_lists": summary.new_deviation_lists},
                "replaced_crls": summary.old_crls,
                "anchors": anchors,
            }))?;
        } else {
            output::text(&text(&summary, anchors))?;
        }
        Ok(Exit::Success)
    }
}

/// A record of an import.
pub(super) fn record_json(record: &Record) -> serde_json::Value {
    json!({
        "file": record.file, "sha256": hex::encode(record.sha256), "date": record.date.to_string(), "kind": record.kind.name(),
        "tier": record.tier.name(), "signature": record.standing.name(), "signer": record.signer, "entries": record.entries,
        "refused": record.refused,
    })
}

/// `DE_ML.ml  master list of 588, national, proved: C=DE, …`
pub(super) fn record_text(record: &Record) -> String {
    let mut out = format!("{}  {}", plain(&record.file), record.kind.name());
    if record.entries != 1 {
        out.push_str(&format!(" of {}", record.entries));
    }
    if record.refused > 0 {
        out.push_str(&format!(", {} passed over", record.refused));
    }
    if !matches!(record.kind, ImportKind::Crl | ImportKind::DeviationList) {
        out.push_str(&format!(", {}", record.tier));
    }
    if !record.signer.is_empty() {
        out.push_str(&format!(", {}: {}", record.standing.name(), plain(&record.signer)));
    }
    out
}

fn text(summary: &Summary, anchors: usize) -> String {
    const SHOWN: usize = 8;
    let mut out = String::new();
    let mut by_kind: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in &summary.imports {
        by_kind.entry(record.kind.name()).or_default().push(record);
    }
    for (kind, records) in by_kind {
        for record in records.iter().take(SHOWN) {
            out.push_str(&format!("{}\n", record_text(record)));
        }
        if let Some(more) = records.len().checked_sub(SHOWN).filter(|&more| more > 0) {
            out.push_str(&format!("and {more} more files of this kind: {kind}\n"));
        }
    }
    out.push_str(&format!(
        "new: {} anchors, {} known certificates, {} CRLs ({} older ones replaced), {} deviation lists; the store has {anchors} anchors\n",
        summary.new_anchors, summary.new_known, summary.new_crls, summary.old_crls, summary.new_deviation_lists
    ));
    out
}
