//! Where the keys of an authority are, on the command line: key files under a pass phrase, or a token.

use std::path::Path;

use eid::secret::Secret;
use pki::{Authority, KeyStore, PkiError, SoftwareKeys};

use super::failure;
use crate::cli::exit::{Exit, Failure};
use crate::cli::random;

/// The store for a new key of `role` (`csca`, `ds`, `mls`, `dls`), as `pki.toml` says. `pass_phrase` is asked only for key files.
pub(super) fn for_role(
    authority: &Authority,
    role: &str,
    pass_phrase: impl FnOnce() -> Result<Secret, Failure>,
) -> Result<Box<dyn KeyStore>, Failure> {
    match authority.hierarchy().token_of(role) {
        None => Ok(files(authority.directory(), pass_phrase()?)),
        Some(token) => in_token(authority, token),
    }
}

/// The store that holds the key of the certificate `name`, as the register says. `pass_phrase` is asked only for key files.
pub(crate) fn of_name(
    authority: &Authority,
    name: &str,
    pass_phrase: impl FnOnce() -> Result<Secret, Failure>,
) -> Result<Box<dyn KeyStore>, Failure> {
    let issued = authority.register().find(name).ok_or_else(|| failure(&PkiError::Unknown(name.to_owned())))?;
    match issued.key.strip_prefix("token ") {
        Some(token) => in_token(authority, token),
        None if issued.key == pki::authority::ELSEWHERE => Err(Failure::new(
            Exit::Signer,
            format_args!("the key of {name} is not here: its certificate was issued for a key from elsewhere"),
        )),
        None => Ok(files(authority.directory(), pass_phrase()?)),
    }
}

fn files(directory: &Path, pass_phrase: Secret) -> Box<dyn KeyStore> {
    Box::new(SoftwareKeys::new(directory, pass_phrase, random::system()))
}

fn in_token(_: &Authority, token: &str) -> Result<Box<dyn KeyStore>, Failure> {
    Err(Failure::new(Exit::Signer, format_args!("token {token}: this program was built without PKCS#11")))
}
