//! Terminal Authentication (Doc 9303-11 §7.1, BSI TR-03110-2 §3.3 and TR-03110-3 B.3), both roles: a terminal shows that it holds the
//! private key of a certificate chain that the chip trusts.
//!
//! ```text
//! for each certificate   MSE:Set DST  00 22 81 B6  83 CAR          PSO: VERIFY CERTIFICATE  00 2A 00 BE  7F4E, 5F37
//! version 1              MSE:Set AT   00 22 81 A4  83 CHR
//! version 2              MSE:Set AT   00 22 81 A4  80 protocol, 83 CHR, [67 auxiliary data], 91 Comp(ephemeral key)
//!                        GET CHALLENGE             00 84 00 00 08
//!                        EXTERNAL AUTHENTICATE     00 82 00 00  signature
//! version 1 signs   ID_IC ‖ r_IC ‖ Comp(PK_DH,IFD)                       after Chip Authentication, to whose ephemeral key it binds
//! version 2 signs   ID_IC ‖ r_IC ‖ Comp(PK_DH,IFD) [‖ auxiliary data]    before Chip Authentication, which must then take that key
//! ID_IC             after PACE Comp(ephemeral key of the chip), after BAC document number and check digit of the MRZ
//! Comp(PK)          ECDH the x-coordinate of fixed length, DH the SHA-1 of the value
//! ```
//!
//! The order of the chip's checks is in [`chip`]; what it takes from a chain is [`crate::cert::cvc::chain`].

use crate::apdu::Command;
use crate::cert::cvc::{Cvc, KeyReference, key};
use crate::crypto::signature::Algorithm;
use crate::mrz::Mrz;
use crate::oid;
use crate::tlv;

pub mod chip;
pub mod path;

/// Length of the chip's challenge r_IC.
pub const CHALLENGE_LEN: usize = 8;

/// Why Terminal Authentication failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TerminalAuthError {
    /// The command is not what the clause asks for; the chip answers 6A80.
    #[error("Terminal Authentication: {0}")]
    Data(String),
    /// A step without the one before it; the chip answers 6985.
    #[error("Terminal Authentication: {0} is out of order")]
    Order(&'static str),
    /// A key that is not known; the chip answers 6A88.
    #[error("Terminal Authentication: no key {0} is known")]
    Unknown(KeyReference),
    /// A certificate that is not taken; the chip answers 6300.
    #[error("Terminal Authentication: {0}")]
    Certificate(#[from] crate::cert::cvc::ChainError),
    /// The terminal's signature is wrong; the chip answers 6300.
    #[error("Terminal Authentication: the signature over the challenge does not verify")]
    Signature,
    /// The chip's challenge has another length.
    #[error("Terminal Authentication: challenge of {found} bytes, expected 8")]
    Challenge {
        /// Bytes found.
        found: usize,
    },
}

/// Which of the two procedures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// After Chip Authentication: Doc 9303.
    One,
    /// Before Chip Authentication: TR-03110.
    Two,
}

/// ID_IC after Basic Access Control: the document number with its check digit, as the MRZ has them.
#[must_use]
pub fn identifier_of_mrz(mrz: &Mrz) -> Vec<u8> {
    // document number and check digit, then birth and expiry with theirs
    let information = mrz.information();
    information.as_bytes().get(..information.len().saturating_sub(14)).unwrap_or_default().to_vec()
}

/// What the terminal signs and the chip verifies.
#[must_use]
pub fn message(chip: &[u8], challenge: [u8; CHALLENGE_LEN], compressed: &[u8], auxiliary: &[u8]) -> Vec<u8> {
    [chip, &challenge, compressed, auxiliary].concat()
}

/// MSE:Set DST: the key that the next certificate is to be checked with.
#[must_use]
pub fn set_dst(authority: &KeyReference) -> Command {
    Command::new(0x00, 0x22, 0x81, 0xB6).with_data(tlv::encode(0x83, authority.as_bytes()))
}

/// PSO: VERIFY CERTIFICATE; longer than a short APDU carries for large keys, then chained.
#[must_use]
pub fn verify_certificate(certificate: &Cvc) -> Command {
    Command::new(0x00, 0x2A, 0x00, 0xBE).with_data(certificate.content())
}

/// MSE:Set AT of version 1: the terminal's key.
#[must_use]
pub fn set_at(terminal: &KeyReference) -> Command {
    Command::new(0x00, 0x22, 0x81, 0xA4).with_data(tlv::encode(0x83, terminal.as_bytes()))
}

/// MSE:Set AT of version 2: the terminal's key and algorithm, auxiliary data (DO'67', whole; empty for none), and the ephemeral key that
/// Chip Authentication will take, compressed. `None` if no identifier below id-TA says the algorithm.
#[must_use]
pub fn set_at_with_key(algorithm: Algorithm, terminal: &KeyReference, auxiliary: &[u8], compressed: &[u8]) -> Option<Command> {
    let mut objects = tlv::encode(0x80, &oid::encode(key::oid_of(algorithm)?));
    tlv::push(&mut objects, 0x83, terminal.as_bytes());
    objects.extend_from_slice(auxiliary);
    tlv::push(&mut objects, 0x91, compressed);
    Some(Command::new(0x00, 0x22, 0x81, 0xA4).with_data(objects))
}

/// GET CHALLENGE for r_IC.
#[must_use]
pub fn get_challenge() -> Command {
    Command::new(0x00, 0x84, 0x00, 0x00).with_le(8)
}

/// Reads r_IC.
///
/// # Errors
/// [`TerminalAuthError::Challenge`].
pub fn challenge(answer: &[u8]) -> Result<[u8; CHALLENGE_LEN], TerminalAuthError> {
    answer.try_into().map_err(|_| TerminalAuthError::Challenge { found: answer.len() })
}

/// EXTERNAL AUTHENTICATE with the signature: r ‖ s, or as long as the RSA modulus.
#[must_use]
pub fn external_authenticate(signature: Vec<u8>) -> Command {
    Command::new(0x00, 0x82, 0x00, 0x00).with_data(signature)
}

#[cfg(test)]
mod tests;
