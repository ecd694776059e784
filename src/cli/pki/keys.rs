//! Where the keys of an authority are, on the command line: key files under a pass phrase or under officers' shares, or a token.

use std::path::Path;

use eid::secret::Secret;
use pki::{Authority, KeyStore, PkiError, SoftwareKeys};

use super::failure;
use super::openers::Openers;
use crate::cli::exit::{Exit, Failure};
use crate::cli::random;

/// The store for a new key of `role` (`csca`, `ds`, `mls`, `dls`), as `pki.toml` says. `pass_phrase` is asked only for key files.
pub(super) fn for_role(
    authority: &Authority,
    role: &str,
    pass_phrase: impl FnOnce() -> Result<Secret, Failure>,
) -> Result<Box<dyn KeyStore>, Failure> {
    for_token(authority, authority.hierarchy().token_of(role), pass_phrase)
}

/// The store for new keys in the token of that name, or for key files where there is none. `pass_phrase` is asked only for key files.
pub(super) fn for_token(
    authority: &Authority,
    token: Option<&str>,
    pass_phrase: impl FnOnce() -> Result<Secret, Failure>,
) -> Result<Box<dyn KeyStore>, Failure> {
    match token {
        None => Ok(files(authority.directory(), pass_phrase()?)),
        Some(token) => Ok(Openers::given().token(authority, token)?),
    }
}

/// The store that holds the key of the certificate `name`, as the register says. `pass_phrase` is asked only for key files.
pub(crate) fn of_name(
    authority: &Authority,
    name: &str,
    pass_phrase: impl FnOnce() -> Result<Secret, Failure>,
) -> Result<Box<dyn KeyStore>, Failure> {
    let issued = authority.register().find(name).ok_or_else(|| failure(&PkiError::Unknown(name.to_owned())))?;
    of_place(authority, name, &issued.key, pass_phrase)
}

/// The store that holds the key of `name`, which lies in `place`, as the register says. `pass_phrase` is asked only for key files.
pub(super) fn of_place(
    authority: &Authority,
    name: &str,
    place: &str,
    pass_phrase: impl FnOnce() -> Result<Secret, Failure>,
) -> Result<Box<dyn KeyStore>, Failure> {
    match place.strip_prefix("token ") {
        Some(token) => Ok(Openers::given().token(authority, token)?),
        None if place == pki::authority::ELSEWHERE => Err(Failure::new(
            Exit::Signer,
            format_args!("the key of {name} is not here: its certificate was issued for a key from elsewhere"),
        )),
        None => {
            let divided = Openers::given().divided(authority.directory(), name)?;
            Ok(files(authority.directory(), divided.map_or_else(pass_phrase, Ok)?))
        }
    }
}

/// Key files under one pass phrase.
pub(super) fn files(directory: &Path, pass_phrase: Secret) -> Box<dyn KeyStore + Send + Sync> {
    Box::new(SoftwareKeys::new(directory, pass_phrase, random::system()))
}
