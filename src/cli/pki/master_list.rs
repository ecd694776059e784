//! `pki master-list`: the CSCA certificates that the state trusts, as a signed list.

use std::path::PathBuf;

use clap::Args;
use pki::authority::publish::MASTER_LIST_FILE;
use serde_json::json;

use super::{failure, keys, open, publish_failure};
use crate::cli::by::ByArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::SignerPassphraseArgs;
use crate::cli::{Context, clock, output};

/// Sign a master list of the own and the imported CSCA certificates and write master-list.ml
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki master-list ca")]
pub(super) struct MasterList {
    /// The folder of the authority
    dir: PathBuf,
    /// Name of the list signer; the newest that is in use if not given
    #[arg(long, value_name = "NAME")]
    signer: Option<String>,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    passphrase: SignerPassphraseArgs,
}

impl MasterList {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let mut authority = open(&self.dir)?;
        let now = clock::now();
        let name = match self.signer {
            Some(name) => name,
            None => authority.list_signer("mls", now.date).map_err(|error| publish_failure(&error))?.to_owned(),
        };
        let store = keys::of_name(&authority, &name, || self.passphrase.existing(&format!("the key of {name}")))?;
        let (signer, _) = authority.signer(&name, store.as_ref()).map_err(|error| failure(&error))?;
        let (list, left_out) =
            authority.issue_master_list(&name, signer.as_ref(), &self.by.name(), now).map_err(|error| publish_failure(&error))?;
        let path = self.dir.join(MASTER_LIST_FILE);
        let states: std::collections::BTreeSet<_> = list.certificates().filter_map(|certificate| certificate.subject_country()).collect();
        if context.json {
            let left_out: Vec<_> = left_out.iter().map(|left| json!({ "subject": left.subject, "why": left.why })).collect();
            output::json(&json!({
                "file": path.display().to_string(), "certificates": list.entries.len(), "states": states, "signer": name, "left_out": left_out,
            }))?;
        } else {
            for left in left_out {
                output::text(&format!("left out: {}: {}", left.subject, left.why))?;
            }
            let states: Vec<_> = states.into_iter().collect();
            output::text(&format!("{}: {} certificates of {}, signed by {name}", path.display(), list.entries.len(), states.join(", ")))?;
        }
        Ok(Exit::Success)
    }
}
