//! The seam to a private key that signs certificates and SODs: a software key or a token.

use crate::crypto::signature::{Algorithm, PublicKey, Signature};

/// A private key that signs messages under one algorithm. It hashes the message itself.
pub trait Signer {
    /// The algorithm of every signature it makes.
    fn algorithm(&self) -> Algorithm;

    /// The public key that verifies them.
    fn public_key(&self) -> PublicKey;

    /// Signs `message` (the bytes, not their hash).
    ///
    /// # Errors
    /// The key or token refuses or is away.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError>;
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signer {name}: {detail}")]
pub struct SignerError {
    /// Which key: a file or a token's label.
    pub name: String,
    /// What it said.
    pub detail: String,
}
