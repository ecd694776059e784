//! Officers on the command line: who came, and the pass phrase of each from a file, the environment, or a prompt.

use std::path::Path;

use eid::secret::Secret;
use pki::ceremony::rite;
use pki::ceremony::{CeremonyError, Officer, SharesError};

use crate::cli::exit::{Exit, Failure};
use crate::cli::named::Named;
use crate::cli::secret;

/// Their variables: `CARDWRIGHT_OFFICER_ANA`.
const VARIABLE: &str = "CARDWRIGHT_OFFICER";

/// Officers who choose their pass phrase now, one after the other.
pub(super) fn fresh(officers: &[Named]) -> Result<Vec<Officer>, Failure> {
    each(officers, |officer, option, what| secret::fresh(officer.file.as_deref(), &officer.variable(VARIABLE), option, what))
}

/// Officers who chose it at the ceremony.
fn existing(officers: &[Named]) -> Result<Vec<Officer>, Failure> {
    each(officers, |officer, option, what| secret::existing(officer.file.as_deref(), &officer.variable(VARIABLE), option, what))
}

fn each(officers: &[Named], ask: impl Fn(&Named, &str, &str) -> Result<Secret, Failure>) -> Result<Vec<Officer>, Failure> {
    for (index, officer) in officers.iter().enumerate() {
        // before anybody has typed anything
        if officers.iter().take(index).any(|other| other.name == officer.name) {
            return Err(failure(&SharesError::Twice(officer.name.clone())));
        }
    }
    let one = |officer: &Named| {
        let (option, what) = (format!("--officer {}=", officer.name), format!("officer {}", officer.name));
        Ok(Officer { name: officer.name.clone(), secret: ask(officer, &option, &what)? })
    };
    officers.iter().map(one).collect()
}

/// What `officers` open of the authority in `dir`: the secret of the key `label`, if it was divided.
pub(super) fn open(officers: &[Named], dir: &Path, label: &str) -> Result<Option<Secret>, Failure> {
    let Some(came) = came(officers, dir, label)? else { return Ok(None) };
    let shares = rite::read_shares(dir, label).map_err(|error| ceremony(&error))?;
    shares.map(|shares| shares.open(&came)).transpose().map_err(|error| failure(&error))
}

/// The officers with their pass phrases, as many as the key needs; nothing if it was not divided.
pub(super) fn came(officers: &[Named], dir: &Path, label: &str) -> Result<Option<Vec<Officer>>, Failure> {
    let Some(shares) = rite::read_shares(dir, label).map_err(|error| ceremony(&error))? else { return Ok(None) };
    if officers.len() < shares.needed() {
        let error = SharesError::TooFew { needed: shares.needed(), found: officers.len() };
        let hint = format!("give --officer NAME for {} of {}", shares.needed(), shares.names().join(", "));
        return Err(Failure::new(Exit::Signer, format_args!("key {label}: {error}")).hint(hint));
    }
    existing(officers).map(Some)
}

/// Why officers do not open a key.
pub(super) fn failure(error: &SharesError) -> Failure {
    match error {
        SharesError::PassPhrase(_) | SharesError::TooFew { .. } | SharesError::Unknown { .. } => Failure::new(Exit::Signer, error),
        SharesError::Damaged { .. } | SharesError::Format(_) => Failure::new(Exit::Store, error),
        _ => Failure::new(Exit::Usage, error),
    }
}

/// Why there is no ceremony.
pub(super) fn ceremony(error: &CeremonyError) -> Failure {
    match error {
        CeremonyError::Shares(error) => failure(error),
        CeremonyError::Pki(error) => super::failure(error),
        CeremonyError::Protocol(_) => Failure::new(Exit::CheckFailed, error),
        CeremonyError::Signer(_) => Failure::new(Exit::Signer, error),
        CeremonyError::Io { path, source } => Failure::file(path, source),
        CeremonyError::Interrupted(_) => Failure::new(Exit::Store, error).hint("`cardwright pki ceremony DIR --finish --officer ...`"),
        CeremonyError::NothingToFinish | CeremonyError::NotHeld(_) => Failure::new(Exit::Usage, error),
    }
}
