//! Keys in a PKCS#11 token: found by label, made in the token, used by many threads at once.
//!
//! ```text
//! find(address)  the module is loaded, the one token with the label is there    nothing secret yet: does it want a PIN?
//! Found::login   the PIN is tried once                                          -> Token
//! Token::generate, open, holds, public_key                                      -> TokenSigner, a Signer for many threads
//! ```
//!
//! A key is a pair of objects with one label; the private one is made sensitive, not extractable, and persistent, and a token that does
//! not keep to that loses the key again. Signatures are made over a digest that is computed here, with the mechanisms that every token
//! has: CKM_ECDSA (its answer is r ‖ s), CKM_RSA_PKCS, and CKM_RSA_PKCS_PSS.
//!
//! A token that was reset or pulled out takes its sessions and handles along. The next operation then looks for it again, logs in again,
//! checks that the key under the label is still the same one, and goes on; if the token is still away, the error says so and the
//! operation after that looks again. A PIN that was refused is never tried a second time, since that is what locks tokens.
//!
//! A module is loaded and initialized once in a process, whoever asks for it, and stays until the end of the process: PKCS#11 knows one
//! initialization and one login for each process.
//!
//! It refuses: two tokens or two keys with one label (which is meant cannot be known), a key whose public half is not in the token, and
//! keys that want the PIN before each signature (CKA_ALWAYS_AUTHENTICATE), since the interface beneath cannot give it at that place.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use eid::crypto::signature::{Algorithm, PublicKey};
use eid::secret::Secret;
use pki::KeyParameters;
use rand_core::CryptoRng;

mod error;
mod keys;
mod module;
mod sessions;
mod sign;
mod store;

pub use error::TokenError;
pub use sign::TokenSigner;
pub use store::TokenKeys;

use sessions::Sessions;

/// Where a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenAddress {
    /// The library of its maker: `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: PathBuf,
    /// Its label, given when it was initialized: at most 32 bytes, spaces at the end do not count.
    pub label: String,
    /// Its serial number, where two tokens have one label.
    pub serial: Option<String>,
}

impl fmt::Display for TokenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token {:?}", self.label)?;
        match &self.serial {
            Some(serial) => write!(f, " ({serial})"),
            None => Ok(()),
        }
    }
}

/// A token that is there, before the login.
#[derive(Debug)]
pub struct Found {
    address: TokenAddress,
    library: cryptoki::context::Pkcs11,
    wants_pin: bool,
}

/// Looks for a token.
///
/// # Errors
/// The module does not load, the token is away, there are two, or it was never initialized.
pub fn find(address: &TokenAddress) -> Result<Found, TokenError> {
    let library = module::load(&address.module)?;
    let (_, info) = module::slot(&library, address)?;
    let wants_pin = info.login_required() && !info.protected_authentication_path();
    Ok(Found { address: address.clone(), library, wants_pin })
}

impl Found {
    /// Whether [`Self::login`] needs a PIN: not if the token has a PIN pad of its own.
    #[must_use]
    pub const fn wants_pin(&self) -> bool {
        self.wants_pin
    }

    /// Logs in as the user of the token. The PIN stays in memory, for a token that comes back.
    ///
    /// Where this process is logged in to the token already, PKCS#11 does not look at the PIN.
    ///
    /// # Errors
    /// The PIN is wrong, locked, missing, or was never set; or the token left.
    pub fn login(self, pin: Option<Secret>) -> Result<Token, TokenError> {
        Ok(Token { sessions: Arc::new(Sessions::open(self.library, self.address, pin)?) })
    }
}

/// A token with an open login. Clones are the same token.
#[derive(Clone, Debug)]
pub struct Token {
    sessions: Arc<Sessions>,
}

impl Token {
    /// [`find`] and [`Found::login`] in one.
    ///
    /// # Errors
    /// As both.
    pub fn open(address: &TokenAddress, pin: Option<Secret>) -> Result<Self, TokenError> {
        find(address)?.login(pin)
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &TokenAddress {
        self.sessions.address()
    }

    /// Whether there is a private key with the label.
    ///
    /// # Errors
    /// The token does not answer.
    pub fn holds(&self, label: &str) -> Result<bool, TokenError> {
        self.sessions.with("look for a key", |session, _| Ok(keys::count(session, label)? > 0))
    }

    /// The public key of the label.
    ///
    /// # Errors
    /// No such key or two, a public half that is missing or not known here, or the token does not answer.
    pub fn public_key(&self, label: &str) -> Result<PublicKey, TokenError> {
        self.sessions.with("read a public key", |session, _| keys::find(session, self.address(), label).map(|(_, public)| public))
    }

    /// Makes a key pair in the token. `rng` gives its CKA_ID; the key itself comes from the token.
    ///
    /// # Errors
    /// There is a key with the label, the token lacks the mechanism or curve, or it does not keep the key to itself.
    pub fn generate(&self, label: &str, parameters: KeyParameters, rng: &mut dyn CryptoRng) -> Result<PublicKey, TokenError> {
        keys::generate(&self.sessions, label, parameters, rng)
    }

    /// A signer with the key of the label.
    ///
    /// # Errors
    /// As [`Self::public_key`]; the key is not for the algorithm, or the token lacks its mechanism.
    pub fn signer(&self, label: &str, algorithm: Algorithm) -> Result<TokenSigner, TokenError> {
        TokenSigner::new(Arc::clone(&self.sessions), label, algorithm)
    }

    /// Destroys the key pair of the label, for ever.
    ///
    /// # Errors
    /// No such key or two, or the token refuses.
    pub fn destroy(&self, label: &str) -> Result<(), TokenError> {
        keys::destroy(&self.sessions, label)
    }
}
