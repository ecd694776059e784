//! `trust show`: one certificate of a store with everything that is known of it, or the imports of the store.

use cardwright::trust::{Collection, Held, coverage};
use clap::Args;
use serde_json::json;

use super::import_step::{record_json, record_text};
use super::list::held_json;
use super::{StoreArgs, plain};
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, output};

/// Show a certificate of the store and where it came from; without one, the imports
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright trust show --store T\n  cardwright trust show --store T 9f3a1c20")]
pub(super) struct Show {
    #[command(flatten)]
    store: StoreArgs,
    /// First digits of the SHA-256 of a certificate, as `trust list` prints them
    #[arg(value_name = "SHA256")]
    sha256: Option<String>,
}

impl Show {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let collection = self.store.load()?;
        let Some(wanted) = self.sha256.map(|digits| digits.to_ascii_lowercase()) else {
            let records = collection.imports();
            if context.json {
                output::json(&json!({"imports": records.iter().map(record_json).collect::<Vec<_>>()}))?;
            } else {
                output::text(&records.iter().map(|r| format!("{}  {}\n", r.date, record_text(r))).collect::<String>())?;
            }
            return Ok(Exit::Success);
        };
        if wanted.len() < 4 || !wanted.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Failure::usage("expected at least four hexadecimal digits of a SHA-256").hint("cardwright trust list prints them"));
        }
        let found: Vec<_> =
            collection.certificates().iter().filter(|held| hex::encode(held.entry.fingerprint()).starts_with(&wanted)).collect();
        let held = match found.as_slice() {
            [one] => *one,
            [] => return Err(Failure::usage(format_args!("no certificate with SHA-256 {wanted}..."))),
            several => {
                return Err(Failure::usage(format_args!("{} certificates with SHA-256 {wanted}...: give more digits", several.len())));
            }
        };
        if context.json {
            output::json(&held_json(&collection, held))?;
        } else {
            output::text(&text(&collection, held))?;
        }
        Ok(Exit::Success)
    }
}

fn text(collection: &Collection, held: &Held) -> String {
    let mut fields = vec![("SHA-256", hex::encode(held.entry.fingerprint()))];
    match held.entry.certificate() {
        Ok(certificate) => {
            fields.extend([
                ("subject", certificate.subject_text()),
                ("issuer", certificate.issuer_text()),
                ("serial number", certificate.serial_hex()),
                ("valid", format!("{} to {}", certificate.not_before().date, certificate.not_after().date)),
                ("key", coverage::key(certificate)),
                ("self-signed", if certificate.is_self_signed() { "yes" } else { "no" }.to_owned()),
            ]);
            if let Some(id) = certificate.subject_key_id() {
                fields.push(("subject key", hex::encode(id)));
            }
            fields.extend(certificate.quirks().iter().map(|quirk| ("tolerated", quirk.to_string())));
            for crl in collection.crls().iter().filter(|crl| crl.crl.claims_issuer(certificate)) {
                let signed = certificate.key().is_ok_and(|key| crl.crl.verify_signed_by(key).is_ok());
                if signed {
                    fields.push(("CRL", format!("of {}, revokes {}", crl.crl.this_update().date, crl.crl.revoked().len())));
                }
            }
        }
        Err(error) => fields.push(("unreadable", error.to_string())),
    }
    let trusted = match held.role {
        cardwright::trust::Role::Anchor => "as an anchor",
        cardwright::trust::Role::Known => "no, known only",
    };
    fields.push(("trusted", trusted.to_owned()));
    fields.extend(held.note.iter().map(|note| ("note", note.clone())));
    fields.extend(collection.origins(held).map(|(tier, import)| ("origin", format!("{tier}, {}, {}", import.date, import.describe()))));
    fields.iter().map(|(name, value)| format!("{name:<14} {}\n", plain(value))).collect()
}
