//! `pki crl`: the next revocation list.

use std::path::PathBuf;

use clap::Args;
use pki::PkiError;
use pki::authority::publish::CRL_FILE;
use pki::crl::CrlParameters;
use serde_json::json;

use super::{failure, keys, open, publish_failure};
use crate::cli::by::ByArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::PassphraseArgs;
use crate::cli::{Context, clock, output};

/// Sign the next revocation list with the newest CSCA key and write csca.crl
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki crl ca")]
pub(super) struct Crl {
    /// The folder of the authority
    dir: PathBuf,
    /// Write the reasons into the list, which Doc 9303-12 forbids and other readers know; else they stay in the register
    #[arg(long)]
    reasons: bool,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Crl {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let mut authority = open(&self.dir)?;
        let newest = authority.cscas().last().map(|csca| csca.name.clone()).ok_or_else(|| failure(&PkiError::NoCsca))?;
        let store = keys::of_name(&authority, &newest, || self.passphrase.existing(&format!("the key of {newest}")))?;
        let (signer, _) = authority.signer(&newest, store.as_ref()).map_err(|error| failure(&error))?;
        let parameters = CrlParameters { days: authority.hierarchy().crl.next_update, reasons: self.reasons };
        let crl =
            authority.issue_crl(signer.as_ref(), parameters, &self.by.name(), clock::now()).map_err(|error| publish_failure(&error))?;
        let path = self.dir.join(CRL_FILE);
        let number = crl.number().unwrap_or_default().iter().fold(0u64, |n, &octet| n << 8 | u64::from(octet));
        let next = crl.next_update().map(|time| time.date.to_string()).unwrap_or_default();
        if context.json {
            output::json(&json!({
                "file": path.display().to_string(), "number": number, "revoked": crl.revoked().len(), "issuer": crl.issuer_text(),
                "this_update": crl.this_update().date.to_string(), "next_update": next, "sha256": hex::encode(crl.fingerprint()),
            }))?;
        } else {
            output::text(&format!("{}: number {number}, {} revoked, the next by {next}", path.display(), crl.revoked().len()))?;
        }
        Ok(Exit::Success)
    }
}
