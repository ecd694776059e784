//! Secrets that a user brings: from a file, the environment, or a prompt, never from the command line.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;
use eid::secret::Secret;
use zeroize::Zeroizing;

use super::exit::Failure;

/// Where the pass phrase of a key file comes from.
#[derive(Debug, Args)]
pub(crate) struct PassphraseArgs {
    /// Read the pass phrase from FILE (first line); else CARDWRIGHT_PASSPHRASE, else ask
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

const VARIABLE: &str = "CARDWRIGHT_PASSPHRASE";

impl PassphraseArgs {
    /// The pass phrase for `what`.
    pub(crate) fn existing(&self, what: &str) -> Result<Secret, Failure> {
        match self.given()? {
            Some(secret) => Ok(secret),
            None => ask(&format!("Pass phrase for {what}: ")),
        }
    }

    /// A pass phrase for a new key: asked for twice, and not empty.
    pub(crate) fn new_one(&self, what: &str) -> Result<Secret, Failure> {
        let secret = match self.given()? {
            Some(secret) => secret,
            None => {
                let first = ask(&format!("New pass phrase for {what}: "))?;
                if first != ask("The same again: ")? {
                    return Err(Failure::usage("the two pass phrases differ"));
                }
                first
            }
        };
        if secret.is_empty() {
            return Err(Failure::usage("expected a pass phrase of at least one character, found none"));
        }
        Ok(secret)
    }

    fn given(&self) -> Result<Option<Secret>, Failure> {
        if let Some(path) = &self.passphrase_file {
            return secret_file(path).map(Some);
        }
        Ok(std::env::var(VARIABLE).ok().map(|text| Secret::new(text.into_bytes())))
    }
}

fn ask(prompt: &str) -> Result<Secret, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("a pass phrase is needed and there is no terminal to ask for it")
            .hint(format!("use --passphrase-file FILE, or set {VARIABLE}")));
    }
    rpassword::prompt_password(prompt)
        .map(|text| Secret::new(text.into_bytes()))
        .map_err(|error| Failure::usage(format_args!("prompt: {error}")))
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    std::fs::read(path).map(Zeroizing::new).map_err(|error| Failure::file(path, &error))
}

/// The first line of a file, without its end.
pub(crate) fn secret_file(path: &Path) -> Result<Secret, Failure> {
    let text = read(path)?;
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    Ok(Secret::from(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// A symmetric key from a file: hexadecimal digits (white space is skipped), 16, 24, or 32 bytes.
pub(crate) fn key_file(path: &Path) -> Result<Secret, Failure> {
    let text = read(path)?;
    let digits: Zeroizing<Vec<u8>> = Zeroizing::new(text.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect());
    let wrong =
        |found: String| Failure::usage(format_args!("{}: expected 32, 48, or 64 hexadecimal digits, found {found}", path.display()));
    if ![32, 48, 64].contains(&digits.len()) {
        return Err(wrong(format!("{} characters", digits.len())));
    }
    hex::decode(&*digits).map(Secret::new).map_err(|_| wrong("another character".to_owned()))
}
