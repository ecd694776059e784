//! `line`: the production line, from the records of the population database to settled cards. One file a command.

mod audit;
mod cancel;
mod close;
mod incident;
mod init;
mod intake;
mod pages;
mod persons;
mod prepare;
mod reconcile;
mod release;
mod report;
mod run;
mod scrap;
mod status;
mod stock;
mod upgrade;
mod user;

use std::path::PathBuf;

use cardwright::line::site::{self, Site, SiteError, StoreUrl};
use cardwright::line::store::{self, Batch, Note, Store, StoreError};
use cardwright::line::users::UserError;
use cardwright::perso::profile::DocumentProfile;
use clap::{Args, Subcommand};
use eid::signer::Signer;
use pki::{KeyStore as _, SoftwareKeys};

use super::exit::{Exit, Failure};
use super::secret::PassphraseArgs;
use super::{Context, clock, random, secret};

/// Run the production line: intake, batches, stations, stock, audit
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    before_long_help = "Example:\n  cardwright line init --test 200\n  cardwright line intake people.csv\n  cardwright line prepare first\n  cardwright line release first --by ana --by ben\n  cardwright line run --station one --reader sim:line/blanks",
    after_long_help = "A site is a folder, `line` here if --site names none. On a test site (`line init --test`) every key opens and everybody logs in with the public pass phrase \"cardwright test\", if no other is given."
)]
pub(crate) struct Line {
    #[command(flatten)]
    site: SiteArgs,
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Init(init::Init),
    User(user::User),
    Intake(intake::Intake),
    Prepare(prepare::Prepare),
    Release(release::Release),
    Run(run::Run),
    Reconcile(reconcile::Reconcile),
    Scrap(scrap::Scrap),
    Incident(incident::Incident),
    Cancel(cancel::Cancel),
    Close(close::Close),
    Audit(audit::Audit),
    Stock(stock::Stock),
    Status(status::Status),
    Report(report::Report),
    Upgrade(upgrade::Upgrade),
}

/// Which site, and which store.
#[derive(Debug, Args)]
pub(crate) struct SiteArgs {
    /// The folder of the site
    #[arg(long, global = true, value_name = "DIR", env = "CARDWRIGHT_SITE", default_value = "line")]
    site: PathBuf,
    /// Remember in this store instead of the one in line.toml: sqlite:FILE or postgres://USER@HOST/NAME
    #[arg(long, global = true, value_name = "URL")]
    store: Option<StoreUrl>,
    /// Take the password of the PostgreSQL user from FILE (first line); else from PGPASSWORD
    #[arg(long, global = true, value_name = "FILE")]
    store_password_file: Option<PathBuf>,
}

impl SiteArgs {
    /// The site.
    pub(crate) fn open(&self) -> Result<Site, Failure> {
        Site::open(&self.site).map_err(|error| failure(&error))
    }

    /// The URL of the store that was given, else of the one in `line.toml`.
    fn url(&self, site: &Site) -> Result<StoreUrl, Failure> {
        self.store.clone().map_or_else(|| site.store().map_err(|error| failure(&error)), Ok)
    }

    /// The store.
    pub(crate) fn store(&self, site: &Site) -> Result<Box<dyn Store>, Failure> {
        self.open_store(site)?.map_err(|error| store_failure(&error))
    }

    /// The store, or why it does not open.
    fn open_store(&self, site: &Site) -> Result<Result<Box<dyn Store>, StoreError>, Failure> {
        let password = secret::given(self.store_password_file.as_deref(), "PGPASSWORD")?;
        Ok(store::open(self.url(site)?.as_str(), password.as_ref()))
    }

    /// The store, with its tables.
    fn new_store(&self, site: &Site) -> Result<Box<dyn Store>, Failure> {
        let password = secret::given(self.store_password_file.as_deref(), "PGPASSWORD")?;
        store::create(self.url(site)?.as_str(), password.as_ref()).map_err(|error| store_failure(&error))
    }
}

impl Line {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let site = &self.site;
        match self.step {
            Step::Init(step) => step.run(site, context),
            Step::User(step) => step.run(site, context),
            Step::Intake(step) => step.run(site, context),
            Step::Prepare(step) => step.run(site, context),
            Step::Release(step) => step.run(site, context),
            Step::Run(step) => step.run(site, context),
            Step::Reconcile(step) => step.run(site, context),
            Step::Scrap(step) => step.run(site, context),
            Step::Incident(step) => step.run(site, context),
            Step::Cancel(step) => step.run(site, context),
            Step::Close(step) => step.run(site, context),
            Step::Audit(step) => step.run(site, context),
            Step::Stock(step) => step.run(site, context),
            Step::Status(step) => step.run(site, context),
            Step::Report(step) => step.run(site, context),
            Step::Upgrade(step) => step.run(site, context),
        }
    }
}

/// The batch of that name.
pub(crate) fn batch(store: &mut dyn Store, name: &str) -> Result<Batch, Failure> {
    let batches = store.batches().map_err(|error| store_failure(&error))?;
    let known = batches.iter().map(|batch| batch.header.name.as_str()).collect::<Vec<_>>().join(", ");
    let unknown = Failure::usage(format_args!("batch: expected one of {}, found {name:?}", if known.is_empty() { "none" } else { &known }));
    batches.into_iter().find(|batch| batch.header.name == name).ok_or(unknown)
}

/// What the log keeps of a step that is taken now. The names of two persons come in with what they do together.
fn note(actors: Vec<String>, event: &str, subject: String, detail: String) -> Note {
    Note { time: clock::moment(), actors, event: event.to_owned(), subjects: vec![subject], detail }
}

/// A signing key of the site: [`site::PREPARATION`] or [`site::CHECKPOINT`].
fn signing_key(site: &Site, label: &str, pass_phrase: &PassphraseArgs) -> Result<Box<dyn Signer + Send + Sync>, Failure> {
    let ask = |_: &str| pass_phrase.existing(&format!("the {label} key of the site"));
    let pass_phrase = persons::or_test(site, pass_phrase.file(), PassphraseArgs::VARIABLE, ask)?;
    let keys = SoftwareKeys::new(&site.path("keys"), pass_phrase, random::system());
    keys.open(label, site::ALGORITHM).map_err(|error| super::pki::store_failure(&error))
}

/// The key that signs checkpoints, if it opens without asking somebody: a test site's, or one whose pass phrase is given.
fn checkpoint_key(site: &Site, pass_phrase: &PassphraseArgs) -> Result<Option<Box<dyn Signer + Send + Sync>>, Failure> {
    let given = secret::given(pass_phrase.file(), PassphraseArgs::VARIABLE)?.is_some();
    if given || !site.config().live { signing_key(site, site::CHECKPOINT, pass_phrase).map(Some) } else { Ok(None) }
}

/// The line prints no PIN letters, so nobody would know such a PIN.
fn without_pin(profile: &DocumentProfile) -> Result<(), Failure> {
    if profile.pin.is_none() {
        return Ok(());
    }
    let found = format!("expected a profile without a PIN, found {}, which gives the card one", profile.id);
    Err(Failure::usage(found).hint("the line writes no PIN letters; `cardwright perso build` does"))
}

/// Why there is no site.
pub(crate) fn failure(error: &SiteError) -> Failure {
    match error {
        SiteError::Io { path, source } => Failure::file(path, source),
        SiteError::Folder { found: "none", .. } => {
            Failure::new(Exit::Usage, error).hint("`cardwright line init` makes a site; --site names its folder")
        }
        SiteError::Folder { .. } | SiteError::Config(_) => Failure::new(Exit::Usage, error),
        SiteError::KeyFile { .. } => Failure::new(Exit::Store, error),
        SiteError::Key(error) => super::pki::store_failure(error),
    }
}

/// Why the store did not do what was asked.
pub(crate) fn store_failure(error: &StoreError) -> Failure {
    match error {
        StoreError::Refused { .. } => Failure::new(Exit::Usage, error),
        StoreError::Away { .. } => Failure::new(Exit::Store, error).hint("nothing is lost; say it again when the store is there"),
        StoreError::Version { found, expected, .. } if (1..*expected).contains(found) => {
            Failure::new(Exit::Store, error).hint("`cardwright line upgrade` brings it to this version")
        }
        StoreError::Version { .. } => Failure::new(Exit::Store, error).hint("use the program that made the store, or a later one"),
        StoreError::Damaged { .. } | StoreError::Failed { .. } => Failure::new(Exit::Store, error),
    }
}

/// Why somebody may not do it.
fn user_failure(error: &UserError) -> Failure {
    match error {
        UserError::Store(error) => store_failure(error),
        UserError::Denied { .. } | UserError::Locked { .. } => Failure::new(Exit::AccessRefused, error),
        _ => Failure::new(Exit::Usage, error),
    }
}
