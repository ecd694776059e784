//! `pki deviation-list`: what is wrong with which documents of the state, as a signed list.

use std::path::{Path, PathBuf};

use clap::Args;
use eid::cert::x509::Certificate;
use pki::authority::publish::DEVIATION_LIST_FILE;
use pki::deviation_list::describe;
use serde_json::json;

use super::{failure, keys, open, publish_failure};
use crate::cli::by::ByArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::SignerPassphraseArgs;
use crate::cli::{Context, clock, output};

const DESCRIBE: &str = "The file (TOML, or JSON with the same keys):\n\n  version = 1\n\n  [[deviation]]                       # all criteria of an entry hold at once\n  document_type = \"P<\"\n  signer = { certificate = \"ds\" }     # a name in the register or a file; by = \"key-identifier\" or \"digest\"\n  issued = { first = \"2026-01-01\", last = \"2026-03-31\" }\n  numbers = [\"C01X00T47\"]\n\n  [[deviation.description]]\n  type = \"LDS-DGHashWrong\"            # Doc 9303-12 clause 10.2, without id-Deviation-\n  data_group = 2                      # or \"EF.SOD\", \"EF.COM\"; field = \"subject\" for certificates and the MRZ\n  text = \"DG2 was written again after signing\"";

/// Sign a deviation list as a file describes it and write deviation-list.dvl
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  cardwright pki deviation-list ca --from deviations.toml", after_long_help = DESCRIBE)]
pub(super) struct DeviationList {
    /// The folder of the authority
    dir: PathBuf,
    /// The file that describes the deviations
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Name of the list signer; the newest that is in use if not given
    #[arg(long, value_name = "NAME")]
    signer: Option<String>,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    passphrase: SignerPassphraseArgs,
}

impl DeviationList {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let text = std::fs::read_to_string(&self.from).map_err(|error| Failure::file(&self.from, &error))?;
        let file = describe::parse(&text).map_err(|error| Failure::new(Exit::Usage, error).in_file(&self.from))?;
        let mut authority = open(&self.dir)?;
        let now = clock::now();
        let name = match self.signer {
            Some(name) => name,
            None => authority.list_signer("dls", now.date).map_err(|error| publish_failure(&error))?.to_owned(),
        };
        let store = keys::of_name(&authority, &name, || self.passphrase.existing(&format!("the key of {name}")))?;
        let (signer, _) = authority.signer(&name, store.as_ref()).map_err(|error| failure(&error))?;
        // a file that the description names lies beside it
        let beside = self.from.parent().map(Path::to_path_buf).unwrap_or_default();
        let mut find = |name: &str| {
            let bytes = std::fs::read(beside.join(name)).map_err(|error| format!("{name}: {error}"))?;
            Certificate::from_pem_or_der(&bytes).map_err(|error| format!("{name}: {error}"))
        };
        let list = authority
            .issue_deviation_list(&file, (&name, signer.as_ref()), &mut find, &self.by.name(), now)
            .map_err(|error| publish_failure(&error).in_file(&self.from))?;
        let path = self.dir.join(DEVIATION_LIST_FILE);
        if context.json {
            output::json(&json!({
                "file": path.display().to_string(), "deviations": list.deviations.len(), "state": list.state, "signer": name,
            }))?;
        } else {
            let state = list.state.unwrap_or_default();
            output::text(&format!("{}: {} deviations of documents of {state}, signed by {name}", path.display(), list.deviations.len()))?;
        }
        Ok(Exit::Success)
    }
}
