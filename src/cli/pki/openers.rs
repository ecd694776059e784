//! What opens keys besides a pass phrase: officers, and the PIN of a token. Every command of the authority takes both.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use clap::Args;
use eid::secret::Secret;
use pki::Authority;
use pki::keys::KeyStore;

use super::officers;
use crate::cli::exit::{Exit, Failure};
use crate::cli::named::Named;
use crate::cli::token::{self, PinArgs, Place};

/// Who came, and where the PIN is.
#[derive(Debug, Default, Args)]
pub(super) struct Openers {
    /// An officer of a divided key, once for each; the pass phrase is taken from FILE, else from CARDWRIGHT_OFFICER_NAME, else asked for
    #[arg(long = "officer", value_name = "NAME[=FILE]", global = true)]
    pub(super) officers: Vec<Named>,
    #[command(flatten)]
    pub(super) pin: PinArgs,
    /// PINs by token: each is asked for once.
    #[arg(skip)]
    pins: Mutex<BTreeMap<String, Secret>>,
}

/// The command line of this run: every store of keys that a command opens is opened with it.
static GIVEN: OnceLock<Openers> = OnceLock::new();

impl Openers {
    pub(super) fn keep(self) {
        // one command a run
        let _ = GIVEN.set(self);
    }

    pub(super) fn given() -> &'static Self {
        GIVEN.get_or_init(Self::default)
    }

    /// What the officers open: the pass phrase of the key `label`, if it was divided.
    pub(super) fn divided(&self, dir: &Path, label: &str) -> Result<Option<Secret>, Failure> {
        officers::open(&self.officers, dir, label)
    }

    /// The token `name` of `pki.toml`. Its PIN comes from officers, if it was divided for one of the CSCA keys in it.
    pub(super) fn token(&self, authority: &Authority, name: &str) -> Result<Box<dyn KeyStore + Send + Sync>, Failure> {
        let own = format!("token {name}");
        let roots = authority.cscas().iter().rev().map(|generation| generation.name.as_str());
        let mut here = roots.filter(|root| authority.register().find(root).is_some_and(|issued| issued.key == own));
        token::keys(&place(authority, name)?, || {
            self.pin(name, || {
                let divided = here.find_map(|root| self.divided(authority.directory(), root).transpose()).transpose()?;
                divided.map_or_else(|| self.pin.read(name), Ok)
            })
        })
    }

    /// The PIN of the token `name`, asked for if it was not before.
    fn pin(&self, name: &str, ask: impl FnOnce() -> Result<Secret, Failure>) -> Result<Secret, Failure> {
        let mut known = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pin) = known.get(name) {
            return Ok(pin.clone());
        }
        let pin = ask()?;
        known.insert(name.to_owned(), pin.clone());
        Ok(pin)
    }
}

/// Where the token `name` of `pki.toml` is.
pub(super) fn place(authority: &Authority, name: &str) -> Result<Place, Failure> {
    let declared = authority.hierarchy().tokens.get(name);
    let declared = declared.ok_or_else(|| {
        Failure::new(Exit::Signer, format_args!("token {name}: pki.toml has no table [token.{name}]"))
            .hint("a token that holds keys stays declared, under the name that the register knows it by")
    })?;
    Ok(Place {
        name: name.to_owned(),
        module: declared.module.clone().into(),
        label: declared.label.clone(),
        serial: declared.serial.clone(),
        prefix: declared.prefix.clone().unwrap_or_default(),
    })
}
