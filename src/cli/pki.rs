//! `pki`: the authority. Make a country signing CA, issue document signers, list what was issued. One file a command.

mod csca;
mod ds;
mod init;
mod key;
mod list;

use std::path::Path;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use eid::cert::x509::Certificate;
use pki::key::KeyError;
use pki::register::RegisterError;
use pki::{Authority, PkiError};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::{Context, clock, output};

/// Run the authority: country signing CA and document signers
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Pki {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Init(init::Init),
    Csca(csca::Csca),
    Ds(ds::Ds),
    List(list::List),
}

impl Pki {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        match self.step {
            Step::Init(step) => step.run(context),
            Step::Csca(step) => step.run(context),
            Step::Ds(step) => step.run(context),
            Step::List(step) => step.run(context),
        }
    }
}

/// Why the authority did not do what was asked.
pub(crate) fn failure(error: &PkiError) -> Failure {
    match error {
        PkiError::Io { path, source } => Failure::file(path, source),
        PkiError::Directory { detail, .. } if detail.starts_with("there is no") => {
            Failure::new(Exit::Store, error).hint("`cardwright pki init DIR` makes an authority")
        }
        PkiError::Directory { .. } => Failure::new(Exit::Store, error),
        PkiError::Name(_) | PkiError::Issue(_) => Failure::from_error(Exit::Usage, error),
        PkiError::Unknown(_) => Failure::new(Exit::Usage, error).hint("`cardwright pki list DIR` shows what was issued"),
        PkiError::Key { source: KeyError::PassPhrase, .. } => {
            Failure::new(Exit::Signer, error).hint("give the pass phrase that the key was made with")
        }
        PkiError::Key { source: KeyError::Weak(_) | KeyError::Algorithm { .. }, .. } => Failure::new(Exit::Usage, error),
        PkiError::Key { .. } | PkiError::OtherKey(_) => Failure::new(Exit::Signer, error),
        PkiError::Register(RegisterError::Misuse(_)) => Failure::new(Exit::Usage, error),
        PkiError::Register(RegisterError::Locked(_)) => Failure::new(Exit::Store, error).hint("wait until the other program is done"),
        PkiError::Register(_) | PkiError::Certificate { .. } => Failure::from_error(Exit::Store, error),
    }
}

/// How long to wait for another program that has the authority open: each has it for a moment only.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens an authority and tells what a crash left.
pub(crate) fn open(dir: &Path) -> Result<Authority, Failure> {
    let since = Instant::now();
    let (authority, burned) = loop {
        match Authority::open(dir, clock::today()) {
            Err(PkiError::Register(RegisterError::Locked(_))) if since.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20))
            }
            opened => break opened.map_err(|error| failure(&error))?,
        }
    };
    for burned in burned {
        tracing::warn!(serial = burned.serial, name = burned.name, "serial number burned: {}", burned.reason);
    }
    Ok(authority)
}

fn row(name: &str, certificate: &Certificate) -> serde_json::Value {
    json!({
        "name": name, "serial": certificate.serial_hex(), "subject": certificate.subject_text(), "issuer": certificate.issuer_text(),
        "not_before": certificate.not_before().date.to_string(), "not_after": certificate.not_after().date.to_string(),
        "sha256": hex::encode(certificate.fingerprint()),
    })
}

fn issued(context: Context, path: &Path, certificate: &Certificate) -> Result<Exit, Failure> {
    if context.json {
        output::json(&row(&path.file_stem().unwrap_or_default().to_string_lossy(), certificate))?;
    } else {
        output::text(&format!(
            "{}: {}, valid {} to {}",
            path.display(),
            certificate.subject_text(),
            certificate.not_before().date,
            certificate.not_after().date
        ))?;
    }
    Ok(Exit::Success)
}
