//! Key derivation function of Doc 9303-11 §9.7.1 and the cipher suites that it feeds.

use crate::secret::Secret;

/// Cipher and MAC of a secure channel (Doc 9303-11 §9.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// 3DES with two keys in CBC mode and retail MAC.
    TripleDes,
    /// AES-128 in CBC mode and CMAC.
    Aes128,
    /// AES-192.
    Aes192,
    /// AES-256.
    Aes256,
}

impl Suite {
    /// Key length in bytes: 16, 16, 24, 32.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::TripleDes | Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// Block length in bytes: 8 or 16.
    #[must_use]
    pub const fn block_len(self) -> usize {
        match self {
            Self::TripleDes => 8,
            _ => 16,
        }
    }
}

/// What a key is derived for: the counter c of the KDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// c = 1: encryption key.
    Encryption,
    /// c = 2: MAC key.
    Mac,
    /// c = 3: key from a password, K_π.
    Password,
}

/// KDF(shared secret, c) for `suite`: SHA-1 for 3DES and AES-128, SHA-256 for the others; DES parity is adjusted.
/// `nonce` goes between the secret and the counter (Chip Authentication version 2) and is empty otherwise.
#[must_use]
pub fn derive(_suite: Suite, _shared: &[u8], _nonce: &[u8], _purpose: Purpose) -> Secret {
    todo!()
}
