//! `line close`: two persons close a batch, with difference 0 or not at all.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cardwright::line::users::Action;
use clap::Args;

use super::persons::TwoArgs;
use super::{SiteArgs, audit, note, store_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::PassphraseArgs;
use crate::cli::{Context, output};

/// Close a batch: every job settled, every card accounted for
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright line close first --by ana --by ben\n  cardwright line close first --by ana --by ben --checkpoints /mnt/auditor/checkpoints.jsonl --passphrase-file checkpoint.txt",
    after_long_help = "A batch is closed with difference 0 or not at all. The end of every chain of the log is signed then, if the checkpoint key opens without asking: on a test site, or with its pass phrase in a file or in the environment. Otherwise whoever has the key runs `cardwright line audit sign`."
)]
pub(super) struct Close {
    /// The batch
    batch: String,
    #[command(flatten)]
    by: TwoArgs,
    /// Append the signed checkpoints of the log to FILE too, which belongs where nobody who can write the store can write it
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Close {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let site = args.open()?;
        let mut store = args.store(&site)?;
        let batch = super::batch(store.as_mut(), &self.batch)?;
        // a pass phrase that is wrong is told before anything is closed
        let key = super::checkpoint_key(&site, &self.passphrase)?;
        if key.is_none() && self.checkpoints.is_some() {
            return Err(Failure::usage("--checkpoints: expected the pass phrase of the checkpoint key, found none")
                .hint("use --passphrase-file FILE, or set CARDWRIGHT_PASSPHRASE"));
        }
        let two = self.by.come(&site, store.as_mut(), Action::CloseBatch)?;
        let note = note(Vec::new(), "batch-closed", format!("batch {}", self.batch), String::new());
        store.close_batch(batch.id, &two, &note).map_err(|error| store_failure(&error))?;
        let signed =
            key.map(|key| audit::sign(store.as_mut(), key.as_ref(), self.checkpoints.as_deref(), &mut BTreeMap::new())).transpose()?;
        if context.json {
            output::json(&serde_json::json!({ "version": 1, "batch": self.batch, "closed_by": self.by.names(), "chains_signed": signed }))?;
        } else {
            output::text(&format!("batch {}: closed by {}, difference 0", self.batch, self.by.names().join(" and ")))?;
            output::text(&match signed {
                Some(chains) => format!("{chains} chains signed"),
                None => "the log is not signed: `cardwright line audit sign` does it with the checkpoint key".to_owned(),
            })?;
        }
        Ok(Exit::Success)
    }
}
