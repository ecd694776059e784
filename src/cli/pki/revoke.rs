//! `pki revoke`: take trust away from a certificate.

use std::path::PathBuf;

use clap::Args;
use eid::cert::crl::Reason;
use pki::authority::publish::REVOCATION_DAYS;
use serde_json::json;

use super::{open, publish_failure};
use crate::cli::by::ByArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Revoke a certificate: it stands in the register at once, and in the next revocation list
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki revoke ca ds --reason keyCompromise")]
pub(super) struct Revoke {
    /// The folder of the authority
    dir: PathBuf,
    /// Name of the certificate, or its serial number in hexadecimal digits
    #[arg(value_name = "NAME|SERIAL")]
    what: String,
    /// Why: keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn, unspecified
    #[arg(long, value_name = "REASON", value_parser = reason)]
    reason: Reason,
    #[command(flatten)]
    by: ByArgs,
}

fn reason(text: &str) -> Result<Reason, String> {
    Reason::from_name(text).filter(|reason| pki::crl::REASONS.contains(reason)).ok_or_else(|| {
        let names: Vec<_> = pki::crl::REASONS.into_iter().map(Reason::name).collect();
        format!("expected one of {}, found {text:?}", names.join(", "))
    })
}

impl Revoke {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let mut authority = open(&self.dir)?;
        let now = clock::now();
        let revoked = authority.revoke(&self.what, self.reason, &self.by.name(), now).map_err(|error| publish_failure(&error))?;
        let due = now.date.plus_days(REVOCATION_DAYS);
        if context.json {
            output::json(&json!({
                "name": revoked.name, "serial": revoked.serial, "reason": revoked.reason.name(), "date": revoked.date.date.to_string(),
                "by": revoked.by, "crl_due": due.to_string(),
            }))?;
        } else {
            output::text(&format!(
                "{} ({}) is revoked: {}\nIt is in no list yet: `cardwright pki crl {}` makes one, which must be out by {due}.",
                revoked.name,
                revoked.serial,
                revoked.reason.name(),
                self.dir.display()
            ))?;
        }
        Ok(Exit::Success)
    }
}
