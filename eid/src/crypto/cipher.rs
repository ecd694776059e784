//! CBC and single-block encryption under a suite's key, and padding method 2 of ISO/IEC 9797-1.
//!
//! A [`CipherKey`] holds the expanded key, so that a channel expands it once. It refuses keys of another length than the suite's and
//! data that are not whole blocks; it never pads by itself.

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use des::TdesEde2;

use super::kdf::Suite;

/// Why bytes cannot be enciphered or deciphered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// A key of another length than the suite's.
    #[error("{suite:?} key: expected {expected} bytes, found {found}")]
    KeyLength {
        /// The suite.
        suite: Suite,
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// Data, or an initial value, that are not whole blocks.
    #[error("expected whole blocks of {block} bytes, found {found} bytes")]
    NotWholeBlocks {
        /// Block length.
        block: usize,
        /// Bytes found.
        found: usize,
    },
    /// The bytes do not end in 80 00 … 00 within the last block.
    #[error("padding is not 80 00 … within the last {block} bytes")]
    Padding {
        /// Block length.
        block: usize,
    },
}

/// An expanded key of a block cipher.
#[derive(Clone)]
pub struct CipherKey {
    suite: Suite,
    key: Key,
}

#[derive(Clone)]
enum Key {
    TripleDes(Box<TdesEde2>),
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
}

impl fmt::Debug for CipherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CipherKey({:?} [redacted])", self.suite)
    }
}

/// Runs the same expression for the cipher that is there.
macro_rules! with_cipher {
    ($key:expr, $cipher:ident => $body:expr) => {
        match $key {
            Key::TripleDes($cipher) => $body,
            Key::Aes128($cipher) => $body,
            Key::Aes192($cipher) => $body,
            Key::Aes256($cipher) => $body,
        }
    };
}

impl CipherKey {
    /// Expands `key`, which has [`Suite::key_len`] bytes. Parity bits of DES keys are ignored.
    ///
    /// # Errors
    /// [`CipherError::KeyLength`].
    pub fn new(suite: Suite, key: &[u8]) -> Result<Self, CipherError> {
        let wrong = |_| CipherError::KeyLength { suite, expected: suite.key_len(), found: key.len() };
        let key = match suite {
            Suite::TripleDes => Key::TripleDes(Box::new(TdesEde2::new_from_slice(key).map_err(wrong)?)),
            Suite::Aes128 => Key::Aes128(Box::new(Aes128::new_from_slice(key).map_err(wrong)?)),
            Suite::Aes192 => Key::Aes192(Box::new(Aes192::new_from_slice(key).map_err(wrong)?)),
            Suite::Aes256 => Key::Aes256(Box::new(Aes256::new_from_slice(key).map_err(wrong)?)),
        };
        Ok(Self { suite, key })
    }

    /// The suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Length of a block: 8 for 3DES, 16 for AES.
    #[must_use]
    pub const fn block_len(&self) -> usize {
        self.suite.block_len()
    }

    /// Enciphers whole blocks in place, each by itself (ECB): one block for an IV or a check value.
    ///
    /// # Errors
    /// [`CipherError::NotWholeBlocks`].
    pub fn encrypt_blocks(&self, data: &mut [u8]) -> Result<(), CipherError> {
        let wrong = CipherError::NotWholeBlocks { block: self.block_len(), found: data.len() };
        with_cipher!(&self.key, cipher => {
            let (blocks, rest) = Array::slice_as_chunks_mut(data);
            if !rest.is_empty() {
                return Err(wrong);
            }
            cipher.encrypt_blocks(blocks);
        });
        Ok(())
    }

    /// Deciphers whole blocks in place, each by itself (ECB).
    ///
    /// # Errors
    /// [`CipherError::NotWholeBlocks`].
    pub fn decrypt_blocks(&self, data: &mut [u8]) -> Result<(), CipherError> {
        let wrong = CipherError::NotWholeBlocks { block: self.block_len(), found: data.len() };
        with_cipher!(&self.key, cipher => {
            let (blocks, rest) = Array::slice_as_chunks_mut(data);
            if !rest.is_empty() {
                return Err(wrong);
            }
            cipher.decrypt_blocks(blocks);
        });
        Ok(())
    }

    /// Enciphers whole blocks in place in CBC mode. `iv` is one block.
    ///
    /// # Errors
    /// [`CipherError::NotWholeBlocks`].
    pub fn encrypt_cbc(&self, iv: &[u8], data: &mut [u8]) -> Result<(), CipherError> {
        let wrong = |found| CipherError::NotWholeBlocks { block: self.block_len(), found };
        let (found_iv, found) = (iv.len(), data.len());
        with_cipher!(&self.key, cipher => {
            let mut cbc = cbc::Encryptor::inner_iv_slice_init(cipher.as_ref(), iv).map_err(|_| wrong(found_iv))?;
            let (blocks, rest) = Array::slice_as_chunks_mut(data);
            if !rest.is_empty() {
                return Err(wrong(found));
            }
            cbc.encrypt_blocks(blocks);
        });
        Ok(())
    }

    /// Deciphers whole blocks in place in CBC mode. `iv` is one block.
    ///
    /// # Errors
    /// [`CipherError::NotWholeBlocks`].
    pub fn decrypt_cbc(&self, iv: &[u8], data: &mut [u8]) -> Result<(), CipherError> {
        let wrong = |found| CipherError::NotWholeBlocks { block: self.block_len(), found };
        let (found_iv, found) = (iv.len(), data.len());
        with_cipher!(&self.key, cipher => {
            let mut cbc = cbc::Decryptor::inner_iv_slice_init(cipher.as_ref(), iv).map_err(|_| wrong(found_iv))?;
            let (blocks, rest) = Array::slice_as_chunks_mut(data);
            if !rest.is_empty() {
                return Err(wrong(found));
            }
            cbc.decrypt_blocks(blocks);
        });
        Ok(())
    }
}

/// Appends 80 and as few 00 as make whole blocks (ISO/IEC 9797-1 padding method 2): always 1 to `block` bytes.
pub fn pad(data: &mut Vec<u8>, block: usize) {
    data.push(0x80);
    data.resize(data.len().next_multiple_of(block), 0);
}

/// What stands before the padding 80 00 ….
///
/// # Errors
/// [`CipherError::NotWholeBlocks`] (or nothing at all), [`CipherError::Padding`].
pub fn unpad(data: &[u8], block: usize) -> Result<&[u8], CipherError> {
    if data.is_empty() || !data.len().is_multiple_of(block) {
        return Err(CipherError::NotWholeBlocks { block, found: data.len() });
    }
    let at = data.iter().rposition(|&octet| octet != 0).filter(|&at| data.get(at) == Some(&0x80) && data.len() - at <= block);
    at.and_then(|at| data.get(..at)).ok_or(CipherError::Padding { block })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_method_2_as_in_iso_9797_1() {
        for (plain, padded) in [
            ("", "8000000000000000"),
            ("0001020304050607", "00010203040506078000000000000000"),
            ("000102030405060708", "00010203040506070880000000000000"),
            ("000102030405060708090A0B0C0D0E", "000102030405060708090A0B0C0D0E80"),
        ] {
            let plain = hex::decode(plain).expect("hex");
            let mut data = plain.clone();
            pad(&mut data, 8);
            assert_eq!(hex::encode_upper(&data), padded);
            assert_eq!(unpad(&data, 8), Ok(&plain[..]));
        }
    }

    #[test]
    fn wrong_padding_and_lengths_are_refused() {
        assert_eq!(unpad(&[], 8), Err(CipherError::NotWholeBlocks { block: 8, found: 0 }));
        assert_eq!(unpad(&[0x80; 7], 8), Err(CipherError::NotWholeBlocks { block: 8, found: 7 }));
        assert_eq!(unpad(&[0; 8], 8), Err(CipherError::Padding { block: 8 }));
        assert_eq!(unpad(&[0x80, 0, 0, 0, 0, 0, 0, 1], 8), Err(CipherError::Padding { block: 8 }));
        let mut block_too_many = [0; 16];
        block_too_many[7] = 0x80;
        assert_eq!(unpad(&block_too_many, 8), Err(CipherError::Padding { block: 8 }));
        assert_eq!(
            CipherKey::new(Suite::Aes192, &[0; 16]).map(|_| ()),
            Err(CipherError::KeyLength { suite: Suite::Aes192, expected: 24, found: 16 })
        );
        let key = CipherKey::new(Suite::Aes128, &[0; 16]).expect("16 bytes");
        assert_eq!(key.encrypt_cbc(&[0; 16], &mut [0; 17]), Err(CipherError::NotWholeBlocks { block: 16, found: 17 }));
        assert_eq!(key.encrypt_cbc(&[0; 8], &mut [0; 16]), Err(CipherError::NotWholeBlocks { block: 16, found: 8 }));
    }

    #[test]
    fn aes_in_cbc_mode_as_in_sp_800_38a() {
        // NIST SP 800-38A F.2.1, F.2.3, F.2.5: first two blocks.
        for (suite, key, cipher) in [
            (Suite::Aes128, "2b7e151628aed2a6abf7158809cf4f3c", "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"),
            (
                Suite::Aes192,
                "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a",
            ),
            (
                Suite::Aes256,
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
            ),
        ] {
            let key = CipherKey::new(suite, &hex::decode(key).expect("hex")).expect("length");
            let iv = hex::decode("000102030405060708090a0b0c0d0e0f").expect("hex");
            let plain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
            let mut data = hex::decode(plain).expect("hex");
            key.encrypt_cbc(&iv, &mut data).expect("whole blocks");
            assert_eq!(hex::encode(&data), cipher);
            key.decrypt_cbc(&iv, &mut data).expect("whole blocks");
            assert_eq!(hex::encode(&data), plain);
        }
    }
}
