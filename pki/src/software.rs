//! A [`Signer`] whose key is in memory.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use eid::crypto::signature::{Algorithm, PublicKey, Signature};
use eid::signer::{Signer, SignerError};
use rand_core::{CryptoRng, TryCryptoRng, TryRng};

use crate::key::{self, SigningKey};

/// A key in memory with the source of randomness for its signatures. Many threads may sign with one: the source is locked only while
/// it gives bytes.
pub struct SoftwareSigner<R> {
    name: String,
    key: SigningKey,
    public: PublicKey,
    rng: Mutex<R>,
}

impl<R: CryptoRng> SoftwareSigner<R> {
    /// A signer; `name` says in errors which key it is.
    #[must_use]
    pub fn new(name: impl Into<String>, key: SigningKey, rng: R) -> Self {
        let public = key.public();
        Self { name: name.into(), key, public, rng: Mutex::new(rng) }
    }
}

impl<R> fmt::Debug for SoftwareSigner<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftwareSigner({})", self.name)
    }
}

impl<R: CryptoRng> Signer for SoftwareSigner<R> {
    fn algorithm(&self) -> Algorithm {
        self.key.algorithm
    }

    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        key::sign(&self.key, message, &mut Shared(&self.rng)).map_err(|e| SignerError { name: self.name.clone(), detail: e.to_string() })
    }
}

/// Locks the source for each draw.
struct Shared<'a, R>(&'a Mutex<R>);

impl<R: CryptoRng> TryRng for Shared<'_, R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).try_next_u64()
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).try_fill_bytes(dst)
    }
}

impl<R: CryptoRng> TryCryptoRng for Shared<'_, R> {}
