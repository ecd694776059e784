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
    /// Take the pass phrase from FILE (first line); else from CARDWRIGHT_PASSPHRASE, else ask for it
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseArgs {
    /// The environment variable that may hold it.
    pub(crate) const VARIABLE: &str = "CARDWRIGHT_PASSPHRASE";

    /// The file that was named.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.passphrase_file.as_deref()
    }

    /// The pass phrase for `what`.
    pub(crate) fn existing(&self, what: &str) -> Result<Secret, Failure> {
        existing(self.passphrase_file.as_deref(), Self::VARIABLE, "--passphrase-file", what)
    }

    /// A pass phrase for a new key.
    pub(crate) fn fresh(&self, what: &str) -> Result<Secret, Failure> {
        fresh(self.passphrase_file.as_deref(), Self::VARIABLE, "--passphrase-file", what)
    }
}

/// Where the pass phrase of a signer's key comes from: a document signer or list signer, not the CSCA.
#[derive(Debug, Args)]
pub(crate) struct SignerPassphraseArgs {
    /// Take the pass phrase of the signer's key from FILE (first line); else from CARDWRIGHT_SIGNER_PASSPHRASE, else ask for it
    #[arg(long, value_name = "FILE")]
    signer_passphrase_file: Option<PathBuf>,
}

impl SignerPassphraseArgs {
    /// The environment variable that may hold it.
    pub(crate) const VARIABLE: &str = "CARDWRIGHT_SIGNER_PASSPHRASE";
    const OPTION: &str = "--signer-passphrase-file";

    /// The file that was named.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.signer_passphrase_file.as_deref()
    }

    /// The pass phrase for `what`.
    pub(crate) fn existing(&self, what: &str) -> Result<Secret, Failure> {
        existing(self.signer_passphrase_file.as_deref(), Self::VARIABLE, Self::OPTION, what)
    }

    /// A pass phrase for a new key.
    pub(crate) fn fresh(&self, what: &str) -> Result<Secret, Failure> {
        fresh(self.signer_passphrase_file.as_deref(), Self::VARIABLE, Self::OPTION, what)
    }
}

/// A pass phrase from `file`, else from the environment `variable`, else from the person at the terminal.
pub(crate) fn existing(file: Option<&Path>, variable: &str, option: &str, what: &str) -> Result<Secret, Failure> {
    match given(file, variable)? {
        Some(secret) => Ok(secret),
        None => ask(&format!("Pass phrase for {what}: "), option, variable),
    }
}

/// A pass phrase for a new key: asked for twice, and not empty.
pub(crate) fn fresh(file: Option<&Path>, variable: &str, option: &str, what: &str) -> Result<Secret, Failure> {
    let secret = match given(file, variable)? {
        Some(secret) => secret,
        None => {
            let first = ask(&format!("New pass phrase for {what}: "), option, variable)?;
            if first != ask("The same again: ", option, variable)? {
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

/// The PIN of the token `label`, from `file`, else from the environment, else from the person at the terminal.
pub(crate) fn pin(file: Option<&Path>, label: &str) -> Result<Secret, Failure> {
    match given(file, "CARDWRIGHT_PIN")? {
        Some(secret) => Ok(secret),
        None => ask(&format!("PIN of the token {label}: "), "--pin-file", "CARDWRIGHT_PIN"),
    }
}

/// A PIN or PUK of a card, from `file`, else from the environment, else from the person at the terminal.
pub(crate) fn card(file: Option<&Path>, variable: &str, option: &str, prompt: &str) -> Result<Secret, Failure> {
    match given(file, variable)? {
        Some(secret) => Ok(secret),
        None => ask(prompt, option, variable),
    }
}

pub(crate) fn given(file: Option<&Path>, variable: &str) -> Result<Option<Secret>, Failure> {
    match file {
        Some(path) => secret_file(path).map(Some),
        None => Ok(std::env::var(variable).ok().map(|text| Secret::new(text.into_bytes()))),
    }
}

fn ask(prompt: &str, option: &str, variable: &str) -> Result<Secret, Failure> {
    if !std::io::stdin().is_terminal() {
        let kind = ["PIN", "PUK"].into_iter().find(|kind| prompt.contains(kind)).unwrap_or("pass phrase");
        return Err(Failure::usage(format_args!("a {kind} is needed and there is no terminal to ask for it"))
            .hint(format!("use {option}{}FILE, or set {variable}", if option.ends_with('=') { "" } else { " " })));
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
