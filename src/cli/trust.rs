//! `--trust`: the certificates of states that the user has decided to trust.

use std::path::{Path, PathBuf};

use clap::Args;
use eid::cert::trust::{TrustError, TrustStore};

use super::exit::{Exit, Failure};

/// Trust anchors.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Trust these CSCA certificates: files (DER or PEM), or folders of them
    #[arg(long, value_name = "FILE", num_args = 1..)]
    trust: Vec<PathBuf>,
}

/// Names of files that are taken from a folder.
const EXTENSIONS: [&str; 4] = ["cer", "crt", "der", "pem"];

impl TrustArgs {
    /// The store of all of them.
    pub(crate) fn store(&self) -> Result<TrustStore, Failure> {
        let mut store = TrustStore::new();
        for path in &self.trust {
            if path.is_dir() {
                let mut found = 0;
                for file in certificates(path)? {
                    // a folder may hold document signers beside their CSCA: those are no anchors
                    match add(&mut store, &file) {
                        Ok(count) => found += count,
                        Err((_, Some(error))) if matches!(*error, TrustError::NotCa { .. }) => {
                            tracing::debug!(file = %file.display(), "passed over: {error}");
                        }
                        Err((failure, _)) => return Err(failure),
                    }
                }
                if found == 0 && store.anchors().is_empty() {
                    return Err(Failure::usage(format_args!(
                        "{}: expected CSCA certificates (*.cer, *.crt, *.der, *.pem), found none",
                        path.display()
                    )));
                }
            } else {
                add(&mut store, path).map_err(|(failure, _)| failure)?;
            }
        }
        Ok(store)
    }
}

fn certificates(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| Failure::file(folder, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Failure::file(folder, &error))?.path();
        if path.extension().and_then(|e| e.to_str()).is_some_and(|e| EXTENSIONS.contains(&e.to_ascii_lowercase().as_str())) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn add(store: &mut TrustStore, path: &Path) -> Result<usize, (Failure, Option<Box<TrustError>>)> {
    let bytes = std::fs::read(path).map_err(|error| (Failure::file(path, &error), None))?;
    store.add(&bytes).map_err(|error| {
        let failure = Failure::new(Exit::Usage, format_args!("{}: {error}", path.display()));
        let failure = match error {
            TrustError::NotCa { .. } => failure.hint("trust the CSCA, not a document signer"),
            _ => failure.hint("a trust anchor is an X.509 certificate, DER or PEM"),
        };
        (failure, Some(Box::new(error)))
    })
}
