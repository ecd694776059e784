//! `trust diff`: what differs between two stores or lists.

use std::path::PathBuf;

use cardwright::trust::diff::{self, Item};
use clap::Args;

use super::{plain, read};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// Compare two stores, lists, or folders
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright trust diff DE_ML_2024.ml DE_ML_2026.ml\n  cardwright trust diff T NL_ML_2026.ml --json"
)]
pub(super) struct Diff {
    /// A store, list, certificate, or folder
    a: PathBuf,
    /// Another
    b: PathBuf,
}

impl Diff {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let answer = diff::diff(&read(&[self.a])?, &read(&[self.b])?);
        if context.json {
            output::json(&answer)?;
        } else {
            let mut out = String::new();
            let anchors = answer.only_a.iter().map(|item| ('-', item)).chain(answer.only_b.iter().map(|item| ('+', item)));
            anchors.for_each(|(sign, item)| out.push_str(&line(sign, item)));
            for (sign, crls) in [('-', &answer.crls_only_a), ('+', &answer.crls_only_b)] {
                crls.iter().for_each(|crl| out.push_str(&format!("{sign} CRL {}\n", plain(crl))));
            }
            for (name, states) in [("first", &answer.states_only_a), ("second", &answer.states_only_b)] {
                if !states.is_empty() {
                    out.push_str(&format!("states only in the {name}: {}\n", plain(&states.join(" "))));
                }
            }
            let (a, b) = (answer.only_a.len(), answer.only_b.len());
            out.push_str(&format!("{} anchors in both, {a} only in the first, {b} only in the second\n", answer.common));
            output::text(&out)?;
        }
        Ok(Exit::Success)
    }
}

fn line(sign: char, item: &Item) -> String {
    let print: String = item.sha256.chars().take(16).collect();
    let same = if item.same_key { "  (the same key is in both)" } else { "" };
    format!("{sign} {:<2}  {print}  {}{same}\n", plain(&item.country), plain(&item.subject))
}
