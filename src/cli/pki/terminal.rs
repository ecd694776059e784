//! `pki terminal`: inspection systems, authentication terminals, and signature terminals.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Args;
use eid::cert::chat::TerminalType;
use pki::cv::Period;
use pki::cv::office::{Order, Subject};
use pki::{KeyStore, SoftwareKeys};
use serde_json::json;

use super::cv::{Desk, RequestArgs, refused, row, tell};
use crate::cli::by::ByArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::{self, PassphraseArgs};
use crate::cli::{Context, clock, output, random};

/// Issue a terminal's certificate, and the folder that `verify --terminal-keys` takes
///
/// The folder terminals/HOLDER has the terminal's key, its certificate, that of its document verifier, and the links between CVCA keys. Each
/// run makes a new key with the next number.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright pki terminal ca gate-1 --right read-dg3\n  cardwright verify --reader pcsc:0 --can 123456 --trust ca --terminal-keys ca/terminals/UTGATE1UT001"
)]
pub(super) struct Terminal {
    /// The folder of the authority
    dir: PathBuf,
    /// Its name: that of a table [terminal.NAME] in pki.toml, if there is one
    name: String,
    /// Name of its document verifier; not needed where there is one
    #[arg(long, value_name = "NAME")]
    dv: Option<String>,
    /// What it may do, such as read-dg3, can-allowed, qualified-electronic-signature; all that the document verifier can give
    #[arg(long = "right", value_name = "RIGHT")]
    rights: Vec<String>,
    /// Days for which the certificate is good
    #[arg(long, value_name = "DAYS")]
    days: Option<u16>,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// Take the pass phrase of the terminal's key from FILE; else from CARDWRIGHT_TERMINAL_PASSPHRASE, else ask for it
    #[arg(long, value_name = "FILE")]
    terminal_passphrase_file: Option<PathBuf>,
}

impl Terminal {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let asked = self.request.read()?;
        let mut desk = Desk::open(&self.dir)?;
        let above = self.dv.clone().or_else(|| desk.tables.terminal(&self.name).dv);
        let above = desk.office()?.document_verifier(above.as_deref()).cloned();
        let above = above.map_err(|error| refused(error).hint("`cardwright pki dv DIR NAME` makes one; --dv NAME names one"))?;
        let signer = desk.signer(&above, || self.passphrase.existing("the keys of the authority"))?;
        let (by, today, mut rng) = (self.by.name(), clock::today(), random::system());
        let period = Period { from: None, days: self.days };
        let order = Order { name: &self.name, rights: &self.rights, period, by: &by, today };
        let record = if let Some(asked) = &asked {
            desk.office()?.issue_terminal(&order, &above, asked.subject(), signer.as_ref(), &mut rng)
        } else {
            let file = self.terminal_passphrase_file.as_deref();
            let phrase = secret::fresh(file, "CARDWRIGHT_TERMINAL_PASSPHRASE", "--terminal-passphrase-file", "the key of the terminal")?;
            let store = |folder: &Path| -> Rc<dyn KeyStore> { Rc::new(SoftwareKeys::new(folder, phrase.clone(), random::system())) };
            desk.office()?.issue_terminal(&order, &above, Subject::Made(&store), signer.as_ref(), &mut rng)
        };
        let record = record.map_err(refused)?;
        let office = desk.office()?;
        let folder = office.folder(record.certificate.holder());
        tell(&office, std::slice::from_ref(&record), context.json)?;
        if context.json {
            let mut row = row(&office, &record);
            if let Some(fields) = row.as_object_mut() {
                fields.insert("folder".to_owned(), json!(folder));
            }
            output::json(&row)?;
        } else {
            let reads = match record.certificate.chat().terminal() {
                TerminalType::Authentication => "eid read",
                _ => "verify",
            };
            output::text(&format!("{reads} --terminal-keys {}", folder.display()))?;
        }
        Ok(Exit::Success)
    }
}
