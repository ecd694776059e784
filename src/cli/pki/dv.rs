//! `pki dv`: document verifiers, with keys made here or asked for from elsewhere.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;
use eid::cert::chat::{Role, TerminalType};
use eid::secret::Secret;
use pki::KeyStore;
use pki::cv::Period;
use pki::cv::office::{Order, Subject};

use super::cv::{Desk, RequestArgs, refused, row, tell, terminal_type};
use super::keys;
use crate::cli::by::ByArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::secret::PassphraseArgs;
use crate::cli::{Context, clock, output, random};

/// Issue a document verifier's certificate, which lets it certify terminals
///
/// The key is made here and lies where pki.toml says, or it is that of a request. Each run makes a new key with the next number.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright pki dv ca border --right read-dg3\n  cardwright pki dv ca neighbour --foreign --request XXBORDERUT001.csr --seen-by 'an officer'"
)]
pub(super) struct Dv {
    /// The folder of the authority
    dir: PathBuf,
    /// Its name: that of a table [dv.NAME] in pki.toml, if there is one
    name: String,
    /// For which terminals: is, at, st; as pki.toml says, else is
    #[arg(long = "type", value_name = "TYPE", value_parser = terminal_type)]
    kind: Option<TerminalType>,
    /// It is of another country, or not an official one
    #[arg(long)]
    foreign: bool,
    /// What it may let terminals do at most, such as read-dg3, read-dg4, install-qualified-certificate; all that the CVCA can give
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
}

impl Dv {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        let asked = self.request.read()?;
        let mut desk = Desk::open(&self.dir)?;
        let table = desk.tables.dv(&self.name);
        let kind = self.kind.unwrap_or(table.terminal);
        let role = if self.foreign { Role::DvForeign } else { table.role };
        let newest =
            desk.office()?.newest_cvca(kind).cloned().map_err(|error| refused(error).hint("`cardwright pki cvca DIR` makes it"))?;
        let known: OnceCell<Secret> = OnceCell::new();
        let phrase = || -> Result<Secret, Failure> {
            if let Some(known) = known.get() {
                return Ok(known.clone());
            }
            let secret = self.passphrase.existing("the keys of the authority")?;
            Ok(known.get_or_init(|| secret).clone())
        };
        let signer = desk.signer(&newest, phrase)?;
        let (by, today, mut rng) = (self.by.name(), clock::today(), random::system());
        let period = Period { from: None, days: self.days };
        let order = Order { name: &self.name, rights: &self.rights, period, by: &by, today };
        let record = if let Some(asked) = &asked {
            desk.office()?.issue_dv(&order, (kind, role), asked.subject(), signer.as_ref(), &mut rng)
        } else {
            let store: Rc<dyn KeyStore> = Rc::from(keys::for_token(&desk.authority, table.token.as_deref(), phrase)?);
            desk.office()?.issue_dv(&order, (kind, role), Subject::Made(&|_| Rc::clone(&store)), signer.as_ref(), &mut rng)
        };
        let record = record.map_err(refused)?;
        let office = desk.office()?;
        tell(&office, std::slice::from_ref(&record), context.json)?;
        if context.json {
            output::json(&row(&office, &record))?;
        }
        Ok(Exit::Success)
    }
}
