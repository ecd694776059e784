//! A token as the authority's place for keys.

use eid::crypto::signature::{Algorithm, PublicKey};
use eid::signer::Signer;
use pki::keys::{KeyStore, KeyStoreError};
use rand_core::CryptoRng;

use super::{KeyParameters, Token, TokenError};

/// A token under the name that the authority knows it by.
#[derive(Clone, Debug)]
pub struct TokenKeys {
    token: Token,
    name: String,
    prefix: String,
}

impl TokenKeys {
    /// The keys of `token`, which `pki.toml` calls `name`. `prefix` stands before the authority's labels in the token, where several
    /// authorities share one.
    #[must_use]
    pub fn new(token: Token, name: &str, prefix: &str) -> Self {
        Self { token, name: name.to_owned(), prefix: prefix.to_owned() }
    }

    fn label(&self, label: &str) -> String {
        format!("{}{label}", self.prefix)
    }

    fn failed(&self, error: &TokenError) -> KeyStoreError {
        let place = self.place();
        match error {
            TokenError::KeyMissing { label, .. } => KeyStoreError::Missing { label: label.clone(), place },
            TokenError::KeyExists { label, .. } => KeyStoreError::Taken { label: label.clone(), place },
            error => KeyStoreError::Token { place, detail: error.to_string() },
        }
    }
}

impl KeyStore for TokenKeys {
    fn place(&self) -> String {
        format!("token {}", self.name)
    }

    fn generate(
        &self,
        label: &str,
        parameters: KeyParameters,
        algorithm: Algorithm,
        rng: &mut dyn CryptoRng,
    ) -> Result<PublicKey, KeyStoreError> {
        parameters.check(algorithm).map_err(|source| KeyStoreError::Key { label: label.to_owned(), source })?;
        self.token.generate(&self.label(label), parameters, rng).map_err(|error| self.failed(&error))
    }

    fn open(&self, label: &str, algorithm: Algorithm) -> Result<Box<dyn Signer + Send + Sync>, KeyStoreError> {
        Ok(Box::new(self.token.signer(&self.label(label), algorithm).map_err(|error| self.failed(&error))?))
    }

    fn holds(&self, label: &str) -> Result<bool, KeyStoreError> {
        self.token.holds(&self.label(label)).map_err(|error| self.failed(&error))
    }
}
