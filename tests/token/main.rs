//! Keys in a PKCS#11 token: SoftHSM2 is the token, OpenSSL judges the signatures, and a module that fails on demand stands for a token
//! that is pulled out, locked, or lacks something.
//!
//! Without SoftHSM2 the tests say `skipped:`, except in CI.
#![cfg(feature = "pkcs11")]

mod authority;
mod ceremony;
mod faults;
mod keys;
#[path = "../support/softhsm.rs"]
mod softhsm;

#[allow(dead_code, reason = "what the command line's own tests need besides")]
#[path = "../end_to_end/support.rs"]
mod support;

use std::process::Command;

use cardwright::signer::pkcs11::{Token, TokenAddress};
use eid::secret::Secret;
use rand_core::CryptoRng;
use softhsm::{PIN, SoftHsm};

fn address(hsm: &SoftHsm) -> TokenAddress {
    TokenAddress { module: hsm.module(), label: "eid".to_owned(), serial: None }
}

fn pin() -> Option<Secret> {
    Some(Secret::from(PIN.as_bytes()))
}

fn token(hsm: &SoftHsm) -> Token {
    Token::open(&address(hsm), pin()).expect("the token is there")
}

/// The program with this SoftHSM2.
fn cardwright(hsm: &SoftHsm) -> Command {
    let mut command = support::cardwright();
    command.env("SOFTHSM2_CONF", hsm.conf()).env_remove("CARDWRIGHT_PIN");
    command
}

/// Runs it with `arguments`.
fn run(hsm: &SoftHsm, arguments: &[&str]) -> support::Ended {
    support::ended(cardwright(hsm).args(arguments).stdin(std::process::Stdio::null()).output().expect("the program starts"))
}

/// OpenSSL's answer, and whether it was content.
fn openssl(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is installed");
    (output.status.success(), format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// A certificate file as PEM beside it: what `openssl verify` takes as a root.
fn pem(der: &str) -> String {
    let path = format!("{der}.pem");
    let (ok, said) = openssl(&["x509", "-inform", "DER", "-in", der, "-out", &path]);
    assert!(ok, "{said}");
    path
}

fn rng() -> impl CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}
