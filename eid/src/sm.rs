//! Secure messaging of Doc 9303-11 §9.8, both roles: DO'87', DO'85', DO'97', DO'99', DO'8E', send sequence counter.

use crate::apdu::{Command, Response};
use crate::crypto::kdf::Suite;
use crate::secret::Secret;

/// A secure channel: keys and the send sequence counter. The same value serves terminal and chip; each call advances the counter by one.
#[derive(Debug)]
pub struct SecureMessaging {
    suite: Suite,
    k_enc: Secret,
    k_mac: Secret,
    ssc: Vec<u8>,
}

/// Why a protected message is refused. The channel must be dropped after any of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmError {
    /// A required data object is missing (6987).
    #[error("secure messaging object {expected} is missing")]
    Missing {
        /// The object.
        expected: &'static str,
    },
    /// The MAC is wrong (6988).
    #[error("secure messaging MAC is wrong")]
    Mac,
    /// The structure, padding or length is wrong (6988).
    #[error("malformed secure messaging: {0}")]
    Malformed(String),
    /// The answer came without secure messaging: the channel is gone. The status word is only a reading, not authenticated.
    #[error("answer without secure messaging, status {0}")]
    Unprotected(crate::apdu::Sw),
    /// The counter is exhausted.
    #[error("send sequence counter exhausted")]
    Exhausted,
}

impl SecureMessaging {
    /// A channel with derived keys. `ssc` has one block (8 bytes for 3DES, 16 for AES); after PACE and CA it is zero.
    #[must_use]
    pub const fn new(suite: Suite, k_enc: Secret, k_mac: Secret, ssc: Vec<u8>) -> Self {
        Self { suite, k_enc, k_mac, ssc }
    }

    /// Terminal: protects a plain command.
    ///
    /// # Errors
    /// The counter is exhausted or the command is too long.
    pub fn protect_command(&mut self, _command: &Command) -> Result<Command, SmError> {
        todo!()
    }

    /// Chip: checks and opens a protected command.
    ///
    /// # Errors
    /// Any [`SmError`].
    pub fn unprotect_command(&mut self, _command: &Command) -> Result<Command, SmError> {
        todo!()
    }

    /// Chip: protects a plain response.
    ///
    /// # Errors
    /// The counter is exhausted.
    pub fn protect_response(&mut self, _response: &Response) -> Result<Response, SmError> {
        todo!()
    }

    /// Terminal: checks and opens a protected response.
    ///
    /// # Errors
    /// Any [`SmError`].
    pub fn unprotect_response(&mut self, _response: &Response) -> Result<Response, SmError> {
        todo!()
    }

    /// The suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }
}
