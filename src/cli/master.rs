//! Master keys of card products (GlobalPlatform): from key files, or the published test keys where that is said.

use std::path::PathBuf;

use clap::Args;
use eid::secret::Secret;

use super::exit::Failure;
use super::secret::key_file;

/// The master key that the keys of a card are derived from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct MasterArgs {
    /// Derive the transport keys of the card from the master key in FILE (32, 48, or 64 hexadecimal digits)
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<PathBuf>,
    /// Use the published test keys, for cards that nobody will ever carry
    #[arg(long)]
    test_keys: bool,
}

impl MasterArgs {
    /// The master of the transport keys.
    pub(crate) fn transport(&self) -> Result<Secret, Failure> {
        match &self.master_key_file {
            Some(path) => key_file(path),
            None => Ok(Secret::from(std::array::from_fn::<u8, 32, _>(|n| 0x40 + u8::try_from(n).unwrap_or(0)))),
        }
    }
}
