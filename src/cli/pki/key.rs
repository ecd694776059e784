//! What kind of key to make, on the command line.

use clap::Args;
use eid::crypto::signature::Algorithm;
use pki::csca::EcParameters;
use pki::key::{self, KeyParameters};

/// What kind of key to make.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// Key: a curve (P-256, brainpoolP384r1, ...) or rsa-BITS
    #[arg(long, value_name = "KEY", value_parser = key_parameters)]
    key: Option<KeyParameters>,
    /// Algorithm of its signatures: ecdsa-sha256, rsa-pkcs1-sha256, rsa-pss-sha256, ...; the usual one for the key if not given
    #[arg(long, value_name = "NAME", value_parser = algorithm)]
    algorithm: Option<Algorithm>,
    /// Write EC parameters out, as Doc 9303-12 asks and OpenSSL refuses
    #[arg(long)]
    explicit: bool,
}

fn key_parameters(text: &str) -> Result<KeyParameters, String> {
    text.parse()
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    key::algorithm_of_name(text)
        .ok_or_else(|| format!("expected a name like ecdsa-sha256, rsa-pkcs1-sha256, or rsa-pss-sha256, found {text:?}"))
}

impl KeyArgs {
    /// Key, algorithm, and form of the parameters, with `usual` where nothing is said.
    pub(super) fn resolve(&self, usual: (KeyParameters, Algorithm)) -> (KeyParameters, Algorithm, EcParameters) {
        let key = self.key.unwrap_or(usual.0);
        let standard = if self.key.is_some() { key::default_algorithm(key) } else { usual.1 };
        (key, self.algorithm.unwrap_or(standard), if self.explicit { EcParameters::Explicit } else { EcParameters::Named })
    }
}
