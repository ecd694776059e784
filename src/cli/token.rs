//! Keys in a token, on the command line: the PIN comes from a file, the environment, or a prompt, and what a token refuses gets a hint.

use std::path::PathBuf;

use clap::Args;
use eid::secret::Secret;
use pki::keys::KeyStore;

use super::exit::Failure;
use super::secret;

/// Where the PIN of a token comes from.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct PinArgs {
    /// Take the PIN of the token from FILE (first line); else from CARDWRIGHT_PIN, else ask for it
    #[arg(long, value_name = "FILE", global = true)]
    pin_file: Option<PathBuf>,
}

impl PinArgs {
    /// The PIN of the token `name`.
    pub(crate) fn read(&self, name: &str) -> Result<Secret, Failure> {
        secret::pin(self.pin_file.as_deref(), name)
    }
}

/// A token, and the authority's keys in it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// What the authority calls it.
    pub(crate) name: String,
    pub(crate) module: PathBuf,
    /// What it calls itself.
    pub(crate) label: String,
    pub(crate) serial: Option<String>,
    /// Before the labels of keys.
    pub(crate) prefix: String,
}

/// The keys in the token at `place`; `pin` is asked if the token wants one.
#[cfg(feature = "pkcs11")]
pub(crate) fn keys(place: &Place, pin: impl FnOnce() -> Result<Secret, Failure>) -> Result<Box<dyn KeyStore + Send + Sync>, Failure> {
    use cardwright::signer::pkcs11::{TokenAddress, TokenKeys, find};

    let address = TokenAddress { module: place.module.clone(), label: place.label.clone(), serial: place.serial.clone() };
    let found = find(&address).map_err(|error| failure(&error))?;
    let pin = found.wants_pin().then(pin).transpose()?;
    let token = found.login(pin).map_err(|error| failure(&error))?;
    Ok(Box::new(TokenKeys::new(token, &place.name, &place.prefix)))
}

/// As above, where no token can be.
#[cfg(not(feature = "pkcs11"))]
pub(crate) fn keys(place: &Place, _: impl FnOnce() -> Result<Secret, Failure>) -> Result<Box<dyn KeyStore + Send + Sync>, Failure> {
    let Place { name, module, label, serial, prefix } = place;
    tracing::debug!(?module, label, serial, prefix, "token");
    Err(Failure::new(super::exit::Exit::Signer, format_args!("token {name}: this program was built without PKCS#11"))
        .hint("build it with the feature `pkcs11`"))
}

/// Why a token did not do it.
#[cfg(feature = "pkcs11")]
fn failure(error: &cardwright::signer::pkcs11::TokenError) -> Failure {
    use cardwright::signer::pkcs11::TokenError;

    let hint = match error {
        TokenError::Module { .. } => "the module is the library of the token's maker, for SoftHSM2 /usr/lib/softhsm/libsofthsm2.so",
        TokenError::Away { .. } => "put it in, or check its label; SoftHSM2 looks where SOFTHSM2_CONF says",
        TokenError::DoubledToken { .. } => "give its serial number",
        TokenError::NoPinSet { .. } => "set it with the tool of the token's maker",
        TokenError::PinMissing { .. } | TokenError::PinWrong { .. } => {
            "a token counts wrong PINs and locks itself: look before the next try"
        }
        TokenError::PinLocked { .. } => "only its security officer unlocks it, with the tool of the token's maker",
        _ => return Failure::new(super::exit::Exit::Signer, error),
    };
    Failure::new(super::exit::Exit::Signer, error).hint(hint)
}
