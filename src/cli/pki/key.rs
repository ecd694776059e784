//! What kind of key to make, on the command line.

use clap::Args;
use eid::crypto::signature::Algorithm;
use pki::csca::EcParameters;
use pki::key::{self, KeyParameters};

/// What kind of key to make.
#[derive(Debug, Args)]
pub(in crate::cli) struct KeyArgs {
    /// Key: a curve (P-256, brainpoolP384r1, ...) or rsa-BITS
    #[arg(long, value_name = "KEY", value_parser = key_parameters)]
    key: Option<KeyParameters>,
    /// Algorithm of its signatures: ecdsa-sha256, rsa-pkcs1-sha256, rsa-pss-sha256, ...; the usual one for the key if not given
    #[arg(long, value_name = "NAME", value_parser = algorithm)]
    algorithm: Option<Algorithm>,
}

fn key_parameters(text: &str) -> Result<KeyParameters, String> {
    text.parse()
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    key::algorithm_of_name(text)
        .ok_or_else(|| format!("expected a name like ecdsa-sha256, rsa-pkcs1-sha256, or rsa-pss-sha256, found {text:?}"))
}

/// `explicit` or `named`.
pub(super) fn form(text: &str) -> Result<EcParameters, String> {
    match text {
        "explicit" => Ok(EcParameters::Explicit),
        "named" => Ok(EcParameters::Named),
        other => Err(format!("expected explicit or named, found {other:?}")),
    }
}

impl KeyArgs {
    /// Key and algorithm, with `usual` where nothing is said.
    pub(in crate::cli) fn resolve(&self, usual: (KeyParameters, Algorithm)) -> (KeyParameters, Algorithm) {
        let key = self.key.unwrap_or(usual.0);
        let standard = if self.key.is_some() { key::default_algorithm(key) } else { usual.1 };
        (key, self.algorithm.unwrap_or(standard))
    }
}
