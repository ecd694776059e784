//! Master keys of card products (GlobalPlatform): from key files, or the published test keys where that is said.

use std::path::PathBuf;

use cardwright::perso::card_profile::{CardProfile, Product};
use cardwright::perso::write::Masters;
use clap::Args;
use eid::secret::Secret;

use super::exit::{Exit, Failure};
use super::secret::key_file;

/// The master keys that the keys of cards are derived from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct MasterArgs {
    /// Take a master key from a file of 32, 48, or 64 hexadecimal digits, under the name that the card profile gives it
    #[arg(long = "master-key-file", value_name = "NAME=FILE", value_parser = named)]
    files: Vec<(String, PathBuf)>,
    /// Use the published test keys, for cards that nobody will ever carry
    #[arg(long)]
    test_keys: bool,
}

/// `NAME=FILE` of a master key.
pub(crate) fn named(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text
        .split_once('=')
        .filter(|(name, path)| !name.is_empty() && !path.is_empty())
        .ok_or_else(|| format!("expected NAME=FILE, such as perso-transport-kmc=transport.key, found {text:?}"))?;
    Ok((name.to_owned(), PathBuf::from(path)))
}

/// The masters in these files.
pub(crate) fn from_files(files: &[(String, PathBuf)]) -> Result<Masters, Failure> {
    let keys = files.iter().map(|(name, path)| Ok((name.clone(), key_file(path)?))).collect::<Result<Vec<_>, Failure>>()?;
    Ok(Masters::new(keys))
}

impl MasterArgs {
    /// The published test keys.
    pub(crate) const fn test() -> Self {
        Self { files: Vec::new(), test_keys: true }
    }

    /// All masters, by the names of the card profile.
    pub(crate) fn all(&self, profile: &CardProfile) -> Result<Masters, Failure> {
        if self.test_keys {
            return Ok(Masters::test(profile));
        }
        from_files(&self.files)
    }

    /// The master of the transport keys of a product behind a security domain.
    pub(crate) fn transport(&self, profile: &CardProfile) -> Result<Secret, Failure> {
        let Product::GpDgi(product) = &profile.product else {
            return Err(Failure::usage(format_args!(
                "card profile {}: expected a product with a security domain, found one without",
                profile.id
            )));
        };
        let masters = self.all(profile)?;
        masters.get(&product.master_transport).cloned().map_err(|error| Failure::from_error(Exit::Usage, &error))
    }
}
