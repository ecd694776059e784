//! Key derivation function of Doc 9303-11 §9.7.1 and the cipher suites that it feeds.

use zeroize::Zeroize;

use super::hash::Hash;
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
pub fn derive(suite: Suite, shared: &[u8], nonce: &[u8], purpose: Purpose) -> Secret {
    let hash = match suite {
        Suite::TripleDes | Suite::Aes128 => Hash::Sha1,
        Suite::Aes192 | Suite::Aes256 => Hash::Sha256,
    };
    let counter = match purpose {
        Purpose::Encryption => 1u32,
        Purpose::Mac => 2,
        Purpose::Password => 3,
    };
    let mut key = hash.digest(&[shared, nonce, &counter.to_be_bytes()]);
    // Wiped before the cut, since truncation forgets bytes without overwriting them.
    key.iter_mut().skip(suite.key_len()).for_each(|octet| octet.zeroize());
    key.truncate(suite.key_len());
    if suite == Suite::TripleDes {
        adjust_parity(&mut key);
    }
    Secret::new(key)
}

/// Sets the lowest bit of every byte so that the number of ones is odd (FIPS 46-3).
fn adjust_parity(key: &mut [u8]) {
    for octet in key {
        *octet = *octet & 0xFE | u8::from((*octet >> 1).count_ones().is_multiple_of(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(suite: Suite, shared: &str, nonce: &str, purpose: Purpose) -> String {
        let bytes = |text| hex::decode(text).expect("hex");
        hex::encode_upper(derive(suite, &bytes(shared), &bytes(nonce), purpose).expose())
    }

    #[test]
    fn des_keys_of_doc_9303_11_appendix_d() {
        let seed = "239AB9CB282DAF66231DC5A4DF6BFBAE";
        assert_eq!(derived(Suite::TripleDes, seed, "", Purpose::Encryption), "AB94FDECF2674FDFB9B391F85D7F76F2");
        assert_eq!(derived(Suite::TripleDes, seed, "", Purpose::Mac), "7962D9ECE03D1ACD4C76089DCE131543");
        let seed = "0036D272F5C350ACAC50C3F572D23600";
        assert_eq!(derived(Suite::TripleDes, seed, "", Purpose::Encryption), "979EC13B1CBFE9DCD01AB0FED307EAE5");
        assert_eq!(derived(Suite::TripleDes, seed, "", Purpose::Mac), "F1CB1F1FB5ADF208806B89DC579DC1F8");
    }

    #[test]
    fn aes_keys_of_doc_9303_11_appendix_g_and_of_tr_03110_with_a_nonce() {
        let mrz = "7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD";
        assert_eq!(derived(Suite::Aes128, mrz, "", Purpose::Password), "89DED1B26624EC1E634C1989302849DD");
        let shared = "28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925";
        assert_eq!(derived(Suite::Aes128, shared, "", Purpose::Encryption), "F5F0E35C0D7161EE6724EE513A0D9A7F");
        assert_eq!(derived(Suite::Aes128, shared, "", Purpose::Mac), "FE251C7858B356B24514B3BD5F4297D1");
        // BSI worked example for EAC, Chip Authentication version 2
        let (shared, nonce) = ("791DA04273CCFE862E52DF60347E2557192E1F8D7517822CE3D306056C1CDEB4", "4287B3072A3EDC60");
        assert_eq!(derived(Suite::Aes128, shared, nonce, Purpose::Encryption), "94ABCD271AB7D9A5590BA52CB518B831");
        assert_eq!(derived(Suite::Aes128, shared, nonce, Purpose::Mac), "78B5709E7ABEDB185B424D0EE3A82499");
    }

    #[test]
    fn longer_keys_take_sha_256() {
        let long = derived(Suite::Aes256, "00", "", Purpose::Encryption);
        assert_eq!(long.len(), 64);
        assert_eq!(long, hex::encode_upper(Hash::Sha256.digest(&[&[0, 0, 0, 0, 1]])));
        assert_eq!(derived(Suite::Aes192, "00", "", Purpose::Encryption), long[..48]);
    }
}
