//! Static key sets of a security domain, their check values, and the session keys that they give.

use crate::crypto::cipher::{CipherError, CipherKey};
use crate::crypto::kdf::Suite;
use crate::crypto::mac::MacKey;
use crate::secret::Secret;

use super::kdf;

/// Key-ENC, Key-MAC and Key-DEK of one key version, all of one length: 16, 24 or 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticKeys {
    enc: Secret,
    mac: Secret,
    dek: Secret,
}

/// Why a key set cannot be made, written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key of another length.
    #[error("{what}: expected a key of {expected} bytes, found {found}")]
    Length {
        /// Which key.
        what: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// Bytes found.
        found: usize,
    },
    /// Diversification data that is no card's own: all cards of the stock would share one key.
    #[error("key diversification data {found} is not a card's own: all bytes are equal")]
    NotDiverse {
        /// The data in hex.
        found: String,
    },
    /// PUT KEY data, or its answer, of another form.
    #[error("PUT KEY: {what} at offset {at}: expected {expected}, found {found}")]
    Form {
        /// Which field.
        what: &'static str,
        /// Its offset in the data field.
        at: usize,
        /// What is allowed.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A key whose check value is another: deciphered under another Key-DEK, or damaged.
    #[error("PUT KEY: check value of {what}: expected {expected}, found {found}")]
    CheckValue {
        /// Which key.
        what: &'static str,
        /// Computed, in hex.
        expected: String,
        /// Found, in hex.
        found: String,
    },
    /// Key-DEK or data of a wrong length.
    #[error(transparent)]
    Cipher(#[from] CipherError),
}

impl StaticKeys {
    /// Three keys of one length.
    ///
    /// # Errors
    /// [`KeyError::Length`]: not 16, 24 or 32 bytes, or not all of one length.
    pub fn new(enc: Secret, mac: Secret, dek: Secret) -> Result<Self, KeyError> {
        for (what, key) in [("Key-ENC", &enc), ("Key-MAC", &mac), ("Key-DEK", &dek)] {
            if !matches!(key.len(), 16 | 24 | 32) {
                return Err(KeyError::Length { what, expected: "16, 24 or 32", found: key.len() });
            }
            if key.len() != enc.len() {
                return Err(KeyError::Length { what, expected: "the length of Key-ENC", found: key.len() });
            }
        }
        Ok(Self { enc, mac, dek })
    }

    /// One key in all three places, as test cards and masters have it.
    ///
    /// # Errors
    /// [`KeyError::Length`].
    pub fn same(key: &Secret) -> Result<Self, KeyError> {
        Self::new(key.clone(), key.clone(), key.clone())
    }

    /// Key-ENC.
    #[must_use]
    pub const fn enc(&self) -> &Secret {
        &self.enc
    }

    /// Key-MAC.
    #[must_use]
    pub const fn mac(&self) -> &Secret {
        &self.mac
    }

    /// Key-DEK.
    #[must_use]
    pub const fn dek(&self) -> &Secret {
        &self.dek
    }

    /// The keys in the order of their identifiers 1, 2, 3, each with its name.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, &Secret); 3] {
        [("Key-ENC", &self.enc), ("Key-MAC", &self.mac), ("Key-DEK", &self.dek)]
    }

    /// Length of each key in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.enc.len()
    }

    /// Never: a key set has keys.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// AES of the keys' length.
    ///
    /// # Panics
    /// Never: [`Self::new`] has checked the lengths.
    #[must_use]
    pub fn suite(&self) -> Suite {
        aes(self.enc.len()).expect("16, 24 or 32 bytes since `new`")
    }

    /// Key check values of ENC, MAC and DEK.
    ///
    /// # Panics
    /// Never: [`Self::new`] has checked the lengths.
    #[must_use]
    pub fn kcvs(&self) -> [[u8; 3]; 3] {
        self.named().map(|(_, key)| kcv(key).expect("16, 24 or 32 bytes since `new`"))
    }

    /// Key-DEK, expanded.
    ///
    /// # Panics
    /// Never: [`Self::new`] has checked the lengths.
    #[must_use]
    pub fn data_encryption_key(&self) -> CipherKey {
        CipherKey::new(self.suite(), self.dek.expose()).expect("16, 24 or 32 bytes since `new`")
    }

    /// The card challenge of a card whose challenges are pseudo-random (Amendment D clause 6.2.2.1).
    #[must_use]
    pub fn card_challenge(&self, mode: super::Mode, sequence_counter: [u8; 3], aid: &[u8]) -> Vec<u8> {
        let key = self.mac_key(&self.enc);
        kdf::derive(&key, kdf::CARD_CHALLENGE, mode.bits(), &[&sequence_counter, aid]).expose().to_vec()
    }

    fn mac_key(&self, key: &Secret) -> MacKey {
        MacKey::new(self.suite(), key.expose()).expect("16, 24 or 32 bytes since `new`")
    }
}

/// AES of a key length.
pub(super) const fn aes(len: usize) -> Option<Suite> {
    match len {
        16 => Some(Suite::Aes128),
        24 => Some(Suite::Aes192),
        32 => Some(Suite::Aes256),
        _ => None,
    }
}

/// Key check value of an AES key: the first three bytes of the enciphered block 01 … 01 (GPCS B.6).
///
/// # Errors
/// [`KeyError::Length`].
pub fn kcv(key: &Secret) -> Result<[u8; 3], KeyError> {
    let wrong = KeyError::Length { what: "AES key", expected: "16, 24 or 32", found: key.len() };
    let suite = aes(key.len()).ok_or(wrong)?;
    let mut block = [1; 16];
    CipherKey::new(suite, key.expose())?.encrypt_blocks(&mut block)?;
    let [a, b, c, ..] = block;
    Ok([a, b, c])
}

/// Key check value of a two-key 3DES key: the first three bytes of the enciphered block 00 … 00.
///
/// # Errors
/// [`KeyError::Cipher`] for another length than 16.
pub fn kcv_3des(key: &Secret) -> Result<[u8; 3], KeyError> {
    let mut block = [0; 8];
    CipherKey::new(Suite::TripleDes, key.expose())?.encrypt_blocks(&mut block)?;
    let [a, b, c, ..] = block;
    Ok([a, b, c])
}

/// S-ENC, S-MAC and S-RMAC, and what both sides compute from them during the opening.
pub(super) struct SessionKeys {
    pub(super) enc: CipherKey,
    pub(super) mac: MacKey,
    pub(super) rmac: MacKey,
}

impl SessionKeys {
    pub(super) fn derive(keys: &StaticKeys, host_challenge: &[u8], card_challenge: &[u8]) -> Self {
        let suite = keys.suite();
        let bits = match suite {
            Suite::TripleDes | Suite::Aes128 => 128,
            Suite::Aes192 => 192,
            Suite::Aes256 => 256,
        };
        let context = [host_challenge, card_challenge];
        let (key_enc, key_mac) = (keys.mac_key(&keys.enc), keys.mac_key(&keys.mac));
        let derived = |key: &MacKey, constant| kdf::derive(key, constant, bits, &context);
        let mac = |key: &Secret| MacKey::new(suite, key.expose()).expect("derived in the suite's length");
        Self {
            enc: CipherKey::new(suite, derived(&key_enc, kdf::S_ENC).expose()).expect("derived in the suite's length"),
            mac: mac(&derived(&key_mac, kdf::S_MAC)),
            rmac: mac(&derived(&key_mac, kdf::S_RMAC)),
        }
    }

    /// Card cryptogram or host cryptogram, 8 or 16 bytes.
    pub(super) fn cryptogram(&self, mode: super::Mode, constant: u8, host_challenge: &[u8], card_challenge: &[u8]) -> Secret {
        kdf::derive(&self.mac, constant, mode.bits(), &[host_challenge, card_challenge])
    }
}
