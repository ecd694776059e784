//! A signed checkpoint: another party's word for how far a chain had come. Kept as one line of JSON.

use super::{Algorithm, CHECKPOINT, ChainEnd, Encoded, Moment, PublicKey, Signer, SignerError, signature};
use serde::{Deserialize, Serialize};

/// Version of the line of JSON.
const VERSION: u32 = 1;

/// A chain had come this far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The chain.
    pub chain: String,
    /// Number of its last entry.
    pub sequence: i64,
    /// Hash of that entry.
    pub hash: [u8; 32],
    /// When it was signed.
    pub time: Moment,
    /// Signature over all of this: DER for ECDSA, else the bytes of RSA.
    pub signature: Vec<u8>,
}

impl Checkpoint {
    /// Signs the end of a chain.
    ///
    /// # Errors
    /// The signer refuses or is away.
    pub fn sign(end: &ChainEnd, time: Moment, signer: &dyn Signer) -> Result<Self, SignerError> {
        let mut checkpoint = Self { chain: end.chain.clone(), sequence: end.sequence, hash: end.hash, time, signature: Vec::new() };
        checkpoint.signature = signer.sign(&checkpoint.message())?.to_der();
        Ok(checkpoint)
    }

    /// Whether the key signed it.
    #[must_use]
    pub fn is_signed_by(&self, algorithm: Algorithm, key: &PublicKey) -> bool {
        signature::verify_der(algorithm, key, &self.message(), &self.signature).is_ok()
    }

    fn message(&self) -> Vec<u8> {
        let mut text = Encoded::new(CHECKPOINT);
        text.bytes(self.chain.as_bytes()).number(self.sequence).bytes(&self.hash).number(self.time);
        text.0
    }

    /// One line of JSON, without the end of the line: for a file that another party keeps.
    ///
    /// # Panics
    /// Never: texts and numbers have a form in JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let line = Line {
            checkpoint: VERSION,
            chain: self.chain.clone(),
            sequence: self.sequence,
            hash: hex::encode(self.hash),
            time: self.time,
            signature: hex::encode(&self.signature),
        };
        serde_json::to_string(&line).expect("texts and numbers")
    }

    /// Reads what [`Self::to_json`] writes. Says nothing about the signature.
    ///
    /// # Errors
    /// Not JSON of this form, another version, a hash of another length.
    pub fn from_json(text: &str) -> Result<Self, CheckpointError> {
        let line: Line = serde_json::from_str(text).map_err(|error| CheckpointError::Form(error.to_string()))?;
        if line.checkpoint != VERSION {
            return Err(CheckpointError::Version { found: line.checkpoint });
        }
        let bytes = |name: &str, text: &str| hex::decode(text).map_err(|error| CheckpointError::Form(format!("{name}: {error}")));
        let hash = bytes("hash", &line.hash)?;
        let found = hash.len();
        let hash = hash.try_into().map_err(|_| CheckpointError::Form(format!("hash: expected 32 bytes, found {found}")))?;
        let signature = bytes("signature", &line.signature)?;
        Ok(Self { chain: line.chain, sequence: line.sequence, hash, time: line.time, signature })
    }
}

/// The line of JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    checkpoint: u32,
    chain: String,
    sequence: i64,
    hash: String,
    time: Moment,
    signature: String,
}

/// Why a line is no checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not of this form.
    #[error("checkpoint: {0}")]
    Form(String),
    /// Of another version.
    #[error("checkpoint: expected version {VERSION}, found {found}")]
    Version {
        /// What it says.
        found: u32,
    },
}
