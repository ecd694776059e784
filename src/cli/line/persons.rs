//! People at the line: who they are, and that it is they.

use cardwright::line::site::Site;
use cardwright::line::store::Store;
use cardwright::line::test_site;
use cardwright::line::users::{self, Action, Login, TwoPersons};
use clap::Args;
use eid::secret::Secret;

use super::user_failure;
use crate::cli::exit::Failure;
use crate::cli::named::Named;
use crate::cli::{clock, secret};

/// Their variables: `CARDWRIGHT_USER_ANA`.
pub(super) const VARIABLE: &str = "CARDWRIGHT_USER";

/// Two persons who do something together.
#[derive(Debug, Args)]
pub(super) struct TwoArgs {
    /// Who does it, twice: NAME, or NAME=FILE with the pass phrase in its first line; else from CARDWRIGHT_USER_<NAME>, else each is asked
    #[arg(long = "by", value_name = "NAME[=FILE]", required = true, num_args = 1)]
    by: Vec<Named>,
}

impl TwoArgs {
    /// The two, logged in for `action`.
    pub(super) fn come(&self, site: &Site, store: &mut dyn Store, action: Action) -> Result<TwoPersons, Failure> {
        let [first, second] = self.by.as_slice() else {
            return Err(Failure::usage(format_args!("--by: expected two persons, found {}", self.by.len())));
        };
        let (first, second) = (log_in(first, site, store)?, log_in(second, site, store)?);
        TwoPersons::new(action, &first, &second, clock::moment()).map_err(|error| user_failure(&error))
    }

    /// Their names, for the log.
    pub(super) fn names(&self) -> Vec<String> {
        self.by.iter().map(|person| person.name.clone()).collect()
    }
}

/// Logs a person in.
pub(super) fn log_in(person: &Named, site: &Site, store: &mut dyn Store) -> Result<Login, Failure> {
    let pass_phrase = or_test(site, person.file.as_deref(), &person.variable(VARIABLE), |variable| {
        secret::existing(None, variable, &format!("--by {}=", person.name), &person.name)
    })?;
    users::log_in(store, &person.name, &pass_phrase, clock::moment()).map_err(|error| user_failure(&error))
}

/// A pass phrase from a file or the environment; else the public one on a test site, and asked for on any other.
pub(super) fn or_test(
    site: &Site,
    file: Option<&std::path::Path>,
    variable: &str,
    ask: impl FnOnce(&str) -> Result<Secret, Failure>,
) -> Result<Secret, Failure> {
    match secret::given(file, variable)? {
        Some(pass_phrase) => Ok(pass_phrase),
        None if !site.config().live => Ok(Secret::from(test_site::PASS_PHRASE.as_bytes())),
        None => ask(variable),
    }
}
