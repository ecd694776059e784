//! `trust coverage`: what a store covers.

use std::collections::BTreeMap;

use cardwright::trust::coverage::{self, Coverage as Answer};
use clap::Args;
use eid::date::Date;

use super::{StoreArgs, plain};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Say which states, keys, and CRLs the store covers, and what has expired
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright trust coverage --store T\n  cardwright trust coverage --store T --date 2026-11-21 --json"
)]
pub(super) struct Coverage {
    #[command(flatten)]
    store: StoreArgs,
    /// Count validity and age as of DATE (YYYY-MM-DD) instead of today
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
}

impl Coverage {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let collection = self.store.load()?;
        let answer = coverage::coverage(&collection, self.date.unwrap_or_else(clock::today));
        if context.json {
            output::json(&answer)?;
        } else {
            output::text(&text(&answer))?;
        }
        Ok(Exit::Success)
    }
}

fn text(answer: &Answer) -> String {
    let mut out = format!(
        "{} states, {} anchors ({} of them link certificates), {} known certificates\n{} anchors expired on {}, {} not yet valid\n",
        answer.states.len(),
        answer.anchors,
        answer.links,
        answer.known,
        answer.expired,
        answer.date,
        answer.not_yet_valid
    );
    if answer.unreadable > 0 {
        out.push_str(&format!("{} anchors cannot be read\n", answer.unreadable));
    }
    let mut table = |title: &str, rows: Vec<(String, usize)>| {
        out.push_str(&format!("\n{title}\n"));
        for (name, count) in rows {
            out.push_str(&format!("  {count:>5}  {}\n", plain(&name)));
        }
    };
    table("Tiers, the best of each anchor", answer.tiers.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect());
    table("Keys", most_first(&answer.keys));
    table("Signatures on the anchors", most_first(&answer.signatures));
    out.push_str("\nStates: anchors, those that are valid, tiers, CRL\n");
    for (country, state) in &answer.states {
        let tiers: Vec<_> = state.tiers.iter().copied().collect();
        let crl = if state.crl { "  CRL" } else { "" };
        out.push_str(&format!("  {:<3} {:>3} {:>3}  {}{crl}\n", plain(country), state.anchors, state.valid, tiers.join(" ")));
    }
    for (title, states) in [("Only in master lists of states", &answer.only_national), ("Only in the list of the ICAO", &answer.only_icao)]
    {
        if !states.is_empty() {
            out.push_str(&format!("\n{title}: {}\n", plain(&states.join(" "))));
        }
    }
    if !answer.crls.is_empty() {
        out.push_str("\nCRLs: state, made, days ago, next, revoked\n");
        for crl in &answer.crls {
            let next = crl.next_update.as_deref().unwrap_or("not stated");
            let stale = if crl.stale { ", stale" } else { "" };
            let use_ = if crl.proved { "" } else { ", of no use: no anchor signed it" };
            let (country, issuer) = (plain(&crl.country), plain(&crl.issuer));
            out.push_str(&format!(
                "  {country:<3} {} {:>5}  {next} {:>4}{stale}{use_}  {issuer}\n",
                crl.this_update, crl.age_days, crl.revoked
            ));
        }
    }
    for list in &answer.deviation_lists {
        out.push_str(&format!("\nDeviation list of {}: {} entries\n", plain(&list.country), list.entries));
    }
    out
}

fn most_first(counts: &BTreeMap<String, usize>) -> Vec<(String, usize)> {
    let mut rows: Vec<_> = counts.iter().map(|(name, count)| (name.clone(), *count)).collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    rows
}
