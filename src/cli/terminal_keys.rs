//! `--terminal-keys`: the certificates and the key with which a terminal opens DG3 and DG4.

use std::path::{Path, PathBuf};

use cardwright::terminal::TerminalCredentials;
use clap::Args;
use eid::cert::cvc::Cvc;
use eid::crypto::signature::PrivateKey;
use pki::key::SigningKey;
use pki::software::SoftwareSigner;

use super::exit::{Exit, Failure};
use super::{random, secret};

/// Terminal Authentication.
#[derive(Debug, Args)]
#[command(next_help_heading = "Terminal Authentication")]
pub(crate) struct TerminalKeys {
    /// Read DG3 and DG4 too, with the CV certificates (*.cvcert) and the private key (PKCS#8: *.key, *.pem, *.pkcs8) in DIR
    #[arg(long, value_name = "DIR")]
    terminal_keys: Option<PathBuf>,
    /// Take the pass phrase of that key from FILE; else from CARDWRIGHT_TERMINAL_PASSPHRASE, else ask for it
    #[arg(long, value_name = "FILE", requires = "terminal_keys")]
    terminal_passphrase_file: Option<PathBuf>,
}

/// Names of key files.
const KEYS: [&str; 3] = ["key", "pem", "pkcs8"];
/// Most files that are looked at.
const MAX_FILES: usize = 1000;

impl TerminalKeys {
    /// The credentials, if a folder was named.
    pub(crate) fn credentials(&self) -> Result<Option<TerminalCredentials>, Failure> {
        let Some(folder) = &self.terminal_keys else { return Ok(None) };
        let (mut certificates, mut keys) = (Vec::new(), Vec::new());
        for path in files(folder)? {
            match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
                Some("cvcert" | "cvc") => {
                    let bytes = std::fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
                    certificates.push(Cvc::from_der(&bytes).map_err(|error| Failure::from_error(Exit::Usage, &error).in_file(&path))?);
                }
                Some(extension) if KEYS.contains(&extension) => keys.push(path),
                _ => {}
            }
        }
        let [path] = &keys[..] else {
            let found = keys.len();
            return Err(Failure::usage(format_args!(
                "{}: expected one private key (*.key, *.pem, *.pkcs8), found {found}",
                folder.display()
            )));
        };
        let key = self.key(path)?;
        let usage = |error: &dyn std::error::Error| {
            Failure::from_error(Exit::Usage, error).hint("the terminal's certificate (*.cvcert) must be for the key that lies beside it")
        };
        let algorithm = TerminalCredentials::algorithm(&certificates, &key.public()).map_err(|error| usage(&error))?;
        let key = SigningKey::new(key, algorithm).map_err(|error| usage(&error))?;
        let signer = SoftwareSigner::new(path.display().to_string(), key, random::system());
        TerminalCredentials::new(certificates, Box::new(signer)).map(Some).map_err(|error| usage(&error))
    }

    /// An encrypted key in PEM, or a plain one in DER, as other tools write it.
    fn key(&self, path: &Path) -> Result<PrivateKey, Failure> {
        let bytes = std::fs::read(path).map(zeroize::Zeroizing::new).map_err(|error| Failure::file(path, &error))?;
        if !bytes.starts_with(b"-----BEGIN") {
            tracing::warn!(file = %path.display(), "the terminal's key lies there without a pass phrase");
            return PrivateKey::from_pkcs8(&bytes).map_err(|error| Failure::from_error(Exit::Usage, &error).in_file(path));
        }
        let phrase = secret::existing(
            self.terminal_passphrase_file.as_deref(),
            "CARDWRIGHT_TERMINAL_PASSPHRASE",
            "--terminal-passphrase-file",
            &format!("the key {}", path.display()),
        )?;
        pki::key::decrypt(&bytes, &phrase).map_err(|error| Failure::from_error(Exit::Signer, &error).in_file(path))
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| Failure::file(folder, &error))?;
    let mut files = Vec::new();
    for entry in entries.take(MAX_FILES) {
        files.push(entry.map_err(|error| Failure::file(folder, &error))?.path());
    }
    files.sort();
    Ok(files)
}
