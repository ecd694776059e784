//! `pki`: the authority. Make a country signing CA, issue document signers, list what was issued. One file a command.

mod ceremony;
mod crl;
mod csca;
mod cv;
mod cvca;
mod deviation_list;
mod dv;
mod export;
mod import;
mod init;
mod issue;
pub(super) mod key;
pub(crate) mod keys;
mod lint;
mod list;
mod master_list;
mod officers;
mod openers;
mod register;
mod request;
mod revoke;
mod status;
mod terminal;

use std::path::Path;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use eid::cert::cms::build::SignError;
use eid::cert::x509::Certificate;
use pki::authority::publish::PublishError;
use pki::certificate::IssueError;
use pki::crl::CrlError;
use pki::key::KeyError;
use pki::master_list::ListIssueError;
use pki::register::{Issued, RegisterError};
use pki::{Authority, KeyStoreError, PkiError};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::{Context, clock, output};

/// Run the authority: country signing CA and document signers
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Pki {
    #[command(subcommand)]
    step: Step,
    #[command(flatten)]
    openers: openers::Openers,
}

#[derive(Debug, Subcommand)]
enum Step {
    Init(init::Init),
    Status(status::Status),
    Issue(issue::Issue),
    Ceremony(ceremony::Ceremony),
    Csca(csca::Csca),
    Revoke(revoke::Revoke),
    Crl(crl::Crl),
    MasterList(master_list::MasterList),
    DeviationList(deviation_list::DeviationList),
    Request(request::Request),
    Import(import::Import),
    Export(export::Export),
    List(list::List),
    Register(register::Register),
    Lint(lint::Lint),
    Cvca(cvca::Cvca),
    Dv(dv::Dv),
    Terminal(terminal::Terminal),
}

impl Pki {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        self.openers.keep();
        match self.step {
            Step::Init(step) => step.run(context),
            Step::Csca(step) => step.run(context),
            Step::Status(step) => step.run(context),
            Step::Issue(step) => step.run(context),
            Step::Revoke(step) => step.run(context),
            Step::Crl(step) => step.run(context),
            Step::MasterList(step) => step.run(context),
            Step::DeviationList(step) => step.run(context),
            Step::Request(step) => step.run(context),
            Step::Import(step) => step.run(context),
            Step::Export(step) => step.run(context),
            Step::Ceremony(step) => step.run(context),
            Step::List(step) => step.run(context),
            Step::Register(step) => step.run(context),
            Step::Lint(step) => step.run(context),
            Step::Cvca(step) => step.run(context),
            Step::Dv(step) => step.run(context),
            Step::Terminal(step) => step.run(context),
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
        PkiError::Issue(IssueError::Signer(_)) => Failure::new(Exit::Signer, error),
        PkiError::Name(_) | PkiError::Issue(_) | PkiError::Hierarchy(_) => Failure::from_error(Exit::Usage, error),
        PkiError::Unknown(_) => Failure::new(Exit::Usage, error).hint("`cardwright pki list DIR` shows what was issued"),
        PkiError::NoCsca => Failure::new(Exit::Usage, error).hint("`cardwright pki init DIR` makes what pki.toml declares"),
        PkiError::Order(_) => Failure::new(Exit::Usage, error).hint("`cardwright pki status DIR` says what is due"),
        PkiError::Key(error) => store_failure(error),
        PkiError::OtherKey(_) => Failure::new(Exit::Signer, error),
        PkiError::Register(RegisterError::Misuse(_)) => Failure::new(Exit::Usage, error),
        PkiError::Register(RegisterError::Locked(_)) => Failure::new(Exit::Store, error).hint("wait until the other program is done"),
        PkiError::Register(RegisterError::Tampered { .. }) => Failure::new(Exit::Store, error)
            .hint("nothing is issued on such a register: find out what happened, and take the copy that you keep elsewhere"),
        PkiError::Register(_) | PkiError::Certificate { .. } => Failure::from_error(Exit::Store, error),
    }
}

/// Why a list was not signed, a certificate not revoked, or nothing taken in.
fn publish_failure(error: &PublishError) -> Failure {
    let usage = Failure::from_error(Exit::Usage, error);
    match error {
        PublishError::Pki(error) => failure(error),
        PublishError::Io { path, source } => Failure::file(path, source),
        PublishError::Register(_) | PublishError::Stored { .. } | PublishError::Clock { .. } => Failure::from_error(Exit::Store, error),
        PublishError::Unknown(_) => usage.hint("`cardwright pki list DIR` shows what was issued"),
        PublishError::NoSigner(role) => usage.hint(format!("`cardwright pki issue DIR {role}` makes one, if pki.toml declares [{role}]")),
        PublishError::Crl(CrlError::Signer(_)) => Failure::from_error(Exit::Signer, error),
        PublishError::List(ListIssueError::Sign(SignError::Signer(_))) => Failure::from_error(Exit::Signer, error),
        PublishError::List(ListIssueError::NotInUse { .. }) => usage.hint("issue a new signer"),
        _ => usage,
    }
}

/// Why a store of keys did not do what was asked.
pub(crate) fn store_failure(error: &KeyStoreError) -> Failure {
    match error {
        KeyStoreError::Io { path, source } => Failure::file(path, source),
        KeyStoreError::Key { source: KeyError::PassPhrase, .. } => {
            Failure::new(Exit::Signer, error).hint("give the pass phrase that the key was made with")
        }
        KeyStoreError::Key { source: KeyError::Weak(_) | KeyError::Algorithm { .. } | KeyError::Kind { .. }, .. } => {
            Failure::new(Exit::Usage, error)
        }
        _ => Failure::new(Exit::Signer, error),
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

/// A certificate that was issued, for JSON.
fn row(issued: &Issued) -> Result<serde_json::Value, Failure> {
    let certificate = Certificate::from_der(&issued.certificate).map_err(|error| Failure::from_error(Exit::Store, &error))?;
    Ok(json!({
        "name": issued.name, "role": issued.role, "key": issued.key, "by": issued.by, "issued": issued.date.to_string(),
        "serial": certificate.serial_hex(), "subject": certificate.subject_text(), "issuer": certificate.issuer_text(),
        "not_before": certificate.not_before().date.to_string(), "not_after": certificate.not_after().date.to_string(),
        "sha256": hex::encode(certificate.fingerprint()),
    }))
}

/// Tells of the certificates `names` that were just issued.
fn issued(context: Context, authority: &Authority, names: &[String]) -> Result<Exit, Failure> {
    for issued in authority.issued().iter().filter(|issued| names.contains(&issued.name)) {
        if context.json {
            output::json(&row(issued)?)?;
            continue;
        }
        let certificate = Certificate::from_der(&issued.certificate).map_err(|error| Failure::from_error(Exit::Store, &error))?;
        let path = authority.directory().join(format!("{}.cer", issued.name));
        let (from, until) = (certificate.not_before().date, certificate.not_after().date);
        output::text(&format!("{}: {}, valid {from} to {until}", path.display(), certificate.subject_text()))?;
    }
    Ok(Exit::Success)
}
