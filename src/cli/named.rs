//! People on the command line: a name, and a pass phrase from a file, the environment, or a prompt.

use std::path::PathBuf;
use std::str::FromStr;

/// `NAME` or `NAME=FILE`.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// 1 to 32 of a-z, 0-9 and hyphen.
    pub(crate) name: String,
    /// The file with the pass phrase in its first line.
    pub(crate) file: Option<PathBuf>,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(PathBuf::from(file))));
        let characters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if name.is_empty() || name.len() > 32 || !characters || file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
            return Err(format!("expected NAME or NAME=FILE, a name of 1 to 32 of a-z, 0-9 and hyphen, found {text:?}"));
        }
        Ok(Self { name: name.to_owned(), file })
    }
}

impl Named {
    /// The environment variable that may hold the pass phrase: `PREFIX_ANA`.
    pub(crate) fn variable(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }
}
