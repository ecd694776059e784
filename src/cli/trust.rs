//! `--trust`: what the user has decided to trust. `trust`: the store of it.

use std::path::{Path, PathBuf};

use cardwright::trust::import::{self, ImportError, NoticeKind, Options};
use cardwright::trust::{Collection, StoreError, is_store};
use clap::{Args, Subcommand};
use eid::cert::list_signer::ListError;
use eid::cert::trust::TrustStore;

use super::exit::{Exit, Failure};
use super::{Context, clock};

mod check;
mod coverage;
mod diff;
mod import_step;
mod list;
mod show;

/// Trust anchors.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Trust these: a trust store, CSCA certificates (DER or PEM), master lists, or folders of them; CRLs and deviation lists too
    #[arg(long, value_name = "PATH", num_args = 1..)]
    trust: Vec<PathBuf>,
}

impl TrustArgs {
    /// What a verifier works with.
    pub(crate) fn store(&self) -> Result<TrustStore, Failure> {
        read(&self.trust).map(|collection| collection.trust())
    }

    /// The same, or what `path` holds if nothing was given.
    pub(crate) fn store_or(&self, path: &Path) -> Result<TrustStore, Failure> {
        if self.trust.is_empty() { read(&[path.to_owned()]).map(|collection| collection.trust()) } else { self.store() }
    }
}

/// Any mix of stores, files and folders. A list that is named here is trusted as a certificate is that is named here: with a warning
/// where no anchor stands behind its signer.
fn read(paths: &[PathBuf]) -> Result<Collection, Failure> {
    let (stores, files): (Vec<_>, Vec<_>) = paths.iter().cloned().partition(|path| is_store(path));
    let mut collection = Collection::new();
    for path in &stores {
        let store = Collection::load(path).map_err(|error| store_failure(&error))?;
        if collection.is_empty() {
            collection = store;
        } else {
            collection.merge(&store);
        }
    }
    if files.is_empty() {
        return Ok(collection);
    }
    let signers = collection.trust();
    let options = Options { tier: None, signers: &signers, take_unproved: true, date: clock::today() };
    let summary = import::import(&mut collection, &files, &options).map_err(|error| import_failure(&error))?;
    for notice in &summary.notices {
        let named = |path: &PathBuf| path.is_file() && path.file_name().is_some_and(|name| name.to_string_lossy() == notice.file);
        match notice.kind {
            // a folder may hold document signers beside their CSCA, a list the strangest things; a file that is named is meant as an anchor
            NoticeKind::NoAnchor if files.iter().any(named) && is_single(&collection, &notice.file) => {
                return Err(
                    Failure::usage(format_args!("{}: {}", notice.file, notice.detail)).hint("trust the CSCA, not a document signer")
                );
            }
            NoticeKind::Unproved => tracing::warn!("{}: {}", notice.file, notice.detail),
            _ => tracing::debug!("{}: {}", notice.file, notice.detail),
        }
    }
    if collection.anchors().next().is_none() && files.iter().any(|path| path.is_dir()) {
        let folder = files.iter().find(|path| path.is_dir()).map(|path| path.display().to_string()).unwrap_or_default();
        return Err(Failure::usage(format_args!("{folder}: expected CSCA certificates or master lists in it, found none")));
    }
    Ok(collection)
}

fn is_single(collection: &Collection, file: &str) -> bool {
    collection.imports().iter().any(|import| import.file == file && import.kind == cardwright::trust::collection::ImportKind::Certificate)
}

fn import_failure(error: &ImportError) -> Failure {
    let failure = |exit| Failure::new(exit, error);
    match error {
        ImportError::Io { path, source } => Failure::file(path, source),
        ImportError::Nothing(_) => failure(Exit::Usage),
        ImportError::Unknown(_) | ImportError::Malformed { .. } => {
            failure(Exit::Usage).hint("a trust anchor is an X.509 certificate, DER or PEM; lists are CMS, records of the PKD are LDIF")
        }
        ImportError::TooLarge(_) => failure(Exit::Usage),
        ImportError::List { source: ListError::NoAnchor { .. }, .. } => failure(Exit::Undecided)
            .hint("import the CSCA of the signer first, name it by --signer FILE, or take a master list as it is by --unverified"),
        ImportError::List { .. } | ImportError::Crl { .. } => failure(Exit::CheckFailed).hint("get the file again from its publisher"),
    }
}

fn store_failure(error: &StoreError) -> Failure {
    let failure = Failure::from_error(Exit::Store, error);
    match error {
        StoreError::Missing(_) => failure.hint("make one: cardwright trust import --store DIR FILE..."),
        StoreError::Locked(_) => failure.hint("wait until the other import has ended"),
        StoreError::Newer { .. } => failure.hint("use the program that wrote it, or a newer one"),
        StoreError::Damaged { .. } => failure.hint("restore the file from a backup, or remove it and import the lists again"),
        StoreError::Foreign(_) => failure.hint("a trust store is a folder that `cardwright trust import` made"),
        StoreError::Io { path, source } => Failure::file(path, source),
        StoreError::TooLarge(_) => failure,
    }
}

/// Keep what is trusted in a store: import lists, look at it, compare
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    before_long_help = "Example:\n  cardwright trust import --store T CSCA07.cer DE_ML_2026.ml icaopkd-002.ldif crl/\n  cardwright trust coverage --store T\n  cardwright verify --reader pcsc:0 --can 123456 --trust T"
)]
pub(crate) struct Trust {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Import(import_step::Import),
    List(list::List),
    Show(show::Show),
    Coverage(coverage::Coverage),
    Check(check::Check),
    Diff(diff::Diff),
}

impl Trust {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        match self.step {
            Step::Import(step) => step.run(context),
            Step::List(step) => step.run(context),
            Step::Show(step) => step.run(context),
            Step::Coverage(step) => step.run(context),
            Step::Check(step) => step.run(context),
            Step::Diff(step) => step.run(context),
        }
    }
}

/// The store to look at.
#[derive(Debug, Args)]
struct StoreArgs {
    /// Folder of the store
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
}

impl StoreArgs {
    fn load(&self) -> Result<Collection, Failure> {
        load(&self.store)
    }
}

fn load(path: &Path) -> Result<Collection, Failure> {
    Collection::load(path).map_err(|error| store_failure(&error))
}

/// A value of a certificate as one line for a terminal: no control character reaches it.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}
