//! Keys in a PKCS#11 token: SoftHSM2 is the token, OpenSSL judges the signatures, and a module that fails on demand stands for a token
//! that is pulled out, locked, or lacks something.
//!
//! Without SoftHSM2 the tests say `skipped:`, except in CI.
#![cfg(feature = "pkcs11")]

mod faults;
mod keys;
#[path = "../support/softhsm.rs"]
mod softhsm;

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

fn rng() -> impl CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}
