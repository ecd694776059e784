//! `line init`: the folder of a site, its keys, its store, and its first two people.

use std::path::PathBuf;

use cardwright::line::site::{Config, Site};
use cardwright::line::store::Store;
use cardwright::line::test_site::{self, TestSiteError};
use cardwright::line::users::{Role, User};
use cardwright::perso::blank::BlankError;
use cardwright::perso::card_profile::CardProfile;
use cardwright::perso::profile::DocumentProfile;
use clap::Args;
use eid::secret::Secret;
use pki::{KeyStore, SoftwareKeys};

use super::{SiteArgs, failure, note, persons, store_failure, user_failure};
use crate::cli::exit::{Exit, Failure};
use crate::cli::named::Named;
use crate::cli::secret::PassphraseArgs;
use crate::cli::{Context, clock, output, random, secret};

/// Make a site
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright line init --test 200\n  cardwright line init --name ha-noi --authority /srv/pki --supervisor ana --supervisor ben"
)]
pub(super) struct Init {
    /// Make a test site: its own authority, the people ana and ben, and N blank virtual cards at the line
    #[arg(long, value_name = "N", conflicts_with_all = ["authority", "supervisors", "signer"], value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    test: Option<u32>,
    /// Name of the site
    #[arg(long, value_name = "NAME", default_value = "line")]
    name: String,
    /// Folder of the authority with the document signer
    #[arg(long, value_name = "DIR", required_unless_present = "test")]
    authority: Option<PathBuf>,
    /// Name of the document signer in the authority
    #[arg(long, value_name = "NAME", default_value = "ds")]
    signer: String,
    /// The first two supervisors, who choose their pass phrases now: NAME, or NAME=FILE
    #[arg(long = "supervisor", value_name = "NAME[=FILE]", required_unless_present = "test", num_args = 1)]
    supervisors: Vec<Named>,
    /// Document profile: cccd-2021, can-cuoc-2024, icao-td3, icao-td3-cam, icao-td1-eid, or a TOML file
    #[arg(long, value_name = "PROFILE", default_value = "cccd-2021")]
    profile: String,
    /// Card product: the name of a built-in card profile, or a TOML file
    #[arg(long, value_name = "PROFILE", default_value = "eid-gp-scp03")]
    card_profile: String,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Init {
    pub(super) fn run(self, args: &SiteArgs, context: Context) -> Result<Exit, Failure> {
        let usage = |error: &dyn std::error::Error| Failure::from_error(Exit::Usage, error);
        super::without_pin(&DocumentProfile::load(&self.profile).map_err(|error| usage(&error))?)?;
        let card_profile = CardProfile::load(&self.card_profile).map_err(|error| usage(&error))?;
        let mut config = Config::new(&self.name, self.test.is_none());
        config.document_profile = absolute(&self.profile)?;
        config.card_profile = absolute(&self.card_profile)?;
        if let Some(authority) = &self.authority {
            config.authority = absolute(&authority.display().to_string())?;
            config.signer.clone_from(&self.signer);
        }
        if let Some(url) = &args.store {
            config.store = if url.is_file() {
                format!("sqlite:{}", absolute_new(url.as_str().trim_start_matches("sqlite:"))?)
            } else {
                url.to_string()
            };
        }
        let people = self.people()?;
        let pass_phrase = match self.test {
            Some(_) => Secret::from(test_site::PASS_PHRASE.as_bytes()),
            None => self.passphrase.fresh("the keys that sign batches and checkpoints")?,
        };
        let signing = |folder: &std::path::Path| -> Box<dyn KeyStore + Send + Sync> {
            Box::new(SoftwareKeys::new(folder, pass_phrase, random::system()))
        };
        let site = Site::create(&args.site, &config, signing, &mut random::system()).map_err(|error| failure(&error))?;
        let mut store = args.new_store(&site)?;
        match self.test {
            Some(blanks) => test(&site, store.as_mut(), &card_profile, blanks)?,
            None => {
                for user in &people {
                    let note = note(vec!["line init".to_owned()], "user-added", format!("user {}", user.name), String::new());
                    store.put_user(user, None, &note).map_err(|error| store_failure(&error))?;
                }
            }
        }
        if context.json {
            output::json(&serde_json::json!({ "version": 1, "site": args.site, "store": store.name(), "live": config.live }))?;
        } else {
            let what = self.test.map_or_else(
                || "a live site".to_owned(),
                |blanks| format!("a test site with {blanks} blank virtual cards, the people ana and ben"),
            );
            output::text(&format!("{}: {what}; store {}", args.site.display(), store.name()))?;
        }
        Ok(Exit::Success)
    }

    /// The first supervisors, with the pass phrases that they choose.
    fn people(&self) -> Result<Vec<User>, Failure> {
        if self.test.is_some() {
            return Ok(Vec::new());
        }
        if self.supervisors.len() < 2 {
            return Err(Failure::usage(format_args!("--supervisor: expected two persons or more, found {}", self.supervisors.len())));
        }
        let one = |person: &Named| {
            let option = format!("--supervisor {}=", person.name);
            let pass_phrase = secret::fresh(person.file.as_deref(), &person.variable(persons::VARIABLE), &option, &person.name)?;
            User::new(&person.name, &[Role::Supervisor], &pass_phrase, &mut random::system()).map_err(|error| user_failure(&error))
        };
        self.supervisors.iter().map(one).collect()
    }
}

fn test(site: &Site, store: &mut dyn Store, profile: &CardProfile, blanks: u32) -> Result<(), Failure> {
    let now = clock::moment();
    let made = test_site::authority(site, clock::today(), &mut random::system())
        .and_then(|()| test_site::people(store, now, &mut random::system()))
        .and_then(|()| test_site::deliver(site, store, profile, ("first", blanks), now, &mut random::system()));
    made.map_err(|error| test_failure(&error))
}

/// Why a test site is not complete.
pub(super) fn test_failure(error: &TestSiteError) -> Failure {
    match error {
        TestSiteError::Pki(error) => crate::cli::pki::failure(error),
        TestSiteError::User(error) => user_failure(error),
        TestSiteError::Store(error) => store_failure(error),
        TestSiteError::Blank(BlankError::Store(error)) => crate::cli::sim::failure(error),
        TestSiteError::Blank(error) => Failure::from_error(Exit::Usage, error),
        TestSiteError::Io { path, source } => Failure::file(path, source),
    }
}

/// A profile or folder as `line.toml` has it: a path that holds wherever the site is seen from, or the name of a built-in profile.
fn absolute(name: &str) -> Result<String, Failure> {
    let path = PathBuf::from(name);
    if path.exists() { absolute_new(name) } else { Ok(name.to_owned()) }
}

fn absolute_new(name: &str) -> Result<String, Failure> {
    let path = std::path::absolute(name).map_err(|error| Failure::file(&PathBuf::from(name), &error))?;
    Ok(path.display().to_string())
}
