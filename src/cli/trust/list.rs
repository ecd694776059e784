//! `trust list`: the anchors of a store.

use cardwright::trust::{Collection, Held, coverage};
use clap::Args;
use serde_json::{Value, json};

use super::{StoreArgs, plain};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// List the trust anchors
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright trust list --store T --country VN\n  cardwright trust list --store T --json")]
pub(super) struct List {
    #[command(flatten)]
    store: StoreArgs,
    /// Only those of this state
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// Also the certificates that are known and not trusted
    #[arg(long)]
    known: bool,
}

impl List {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let collection = self.store.load()?;
        let wanted = |held: &&Held| {
            let country = held.entry.country().unwrap_or("--");
            self.country.as_ref().is_none_or(|wanted| country.eq_ignore_ascii_case(wanted))
        };
        let anchors = sorted(collection.anchors().filter(wanted).collect());
        let known = if self.known {
            sorted(collection.certificates().iter().filter(|held| held.role == cardwright::trust::Role::Known).filter(wanted).collect())
        } else {
            Vec::new()
        };
        if context.json {
            let mut answer = json!({"anchors": anchors.iter().map(|held| held_json(&collection, held)).collect::<Vec<_>>()});
            if self.known
                && let Some(object) = answer.as_object_mut()
            {
                object.insert("known".to_owned(), known.iter().map(|held| held_json(&collection, held)).collect());
            }
            output::json(&answer)?;
        } else {
            let lines = anchors.iter().map(|held| line(held)).chain(known.iter().map(|held| line(held)));
            let lines: String = lines.collect();
            // an empty list is no line
            if !lines.is_empty() {
                output::text(&lines)?;
            }
        }
        Ok(Exit::Success)
    }
}

fn sorted(mut list: Vec<&Held>) -> Vec<&Held> {
    list.sort_by_cached_key(|held| (held.entry.country().map(str::to_owned), subject(held), *held.entry.fingerprint()));
    list
}

fn subject(held: &Held) -> String {
    held.entry.certificate().map_or_else(ToString::to_string, |certificate| certificate.subject_text())
}

fn line(held: &Held) -> String {
    let (until, key) = held.entry.certificate().map_or_else(|_| Default::default(), |c| (c.not_after().date.to_string(), coverage::key(c)));
    let print: String = hex::encode(held.entry.fingerprint()).chars().take(16).collect();
    let tier = if held.role == cardwright::trust::Role::Known { "known" } else { held.tier().map_or("", |tier| tier.name()) };
    format!("{:<2}  {print}  {tier:<9}  to {until:<10}  {key:<31}  {}\n", held.entry.country().unwrap_or("--"), plain(&subject(held)))
}

/// A certificate of the store.
pub(super) fn held_json(collection: &Collection, held: &Held) -> Value {
    let origins: Vec<_> = collection
        .origins(held)
        .map(|(tier, import)| {
            json!({"tier": tier.name(), "source": import.file, "kind": import.kind.name(), "sha256": hex::encode(import.sha256),
                "date": import.date.to_string(), "signature": import.standing.name(), "signer": import.signer})
        })
        .collect();
    let mut out = json!({
        "country": held.entry.country(),
        "subject": subject(held),
        "sha256": hex::encode(held.entry.fingerprint()),
        "tier": held.tier().map(|tier| tier.name()),
        "origin": collection.origins(held).next().map(|(_, import)| import.describe()),
        "origins": origins,
    });
    if let (Ok(certificate), Some(object)) = (held.entry.certificate(), out.as_object_mut()) {
        let more = [
            ("issuer", json!(certificate.issuer_text())),
            ("serial", json!(certificate.serial_hex())),
            ("not_before", json!(certificate.not_before().date.to_string())),
            ("not_after", json!(certificate.not_after().date.to_string())),
            ("key", json!(coverage::key(certificate))),
            ("subject_key_id", json!(certificate.subject_key_id().map(hex::encode))),
            ("authority_key_id", json!(certificate.authority_key_id().map(hex::encode))),
        ];
        object.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    if let (Some(note), Some(object)) = (&held.note, out.as_object_mut()) {
        object.insert("note".to_owned(), json!(note));
    }
    out
}
