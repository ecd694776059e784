//! Retail MAC (ISO/IEC 9797-1 MAC algorithm 3, DES) and AES-CMAC, eight bytes as Doc 9303-11 §9.7.3 cuts them.
//!
//! Who compares a MAC uses [`MacKey::verify`], which takes the same time wherever the first difference is.

use std::fmt;

use aes::{Aes128, Aes192, Aes256};
use cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use cmac::Cmac;
use des::Des;
use subtle::ConstantTimeEq;

use super::cipher::CipherError;
use super::kdf::Suite;

/// An expanded MAC key.
#[derive(Clone)]
pub struct MacKey {
    suite: Suite,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Retail(Box<[Des; 2]>),
    Aes128(Box<Cmac<Aes128>>),
    Aes192(Box<Cmac<Aes192>>),
    Aes256(Box<Cmac<Aes256>>),
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacKey({:?} [redacted])", self.suite)
    }
}

impl MacKey {
    /// Expands `key`, which has [`Suite::key_len`] bytes.
    ///
    /// # Errors
    /// [`CipherError::KeyLength`].
    pub fn new(suite: Suite, key: &[u8]) -> Result<Self, CipherError> {
        let wrong = || CipherError::KeyLength { suite, expected: suite.key_len(), found: key.len() };
        let key = match suite {
            Suite::TripleDes => {
                let (first, second) = key.split_at_checked(8).ok_or_else(wrong)?;
                let des = |half| Des::new_from_slice(half).map_err(|_| wrong());
                Key::Retail(Box::new([des(first)?, des(second)?]))
            }
            Suite::Aes128 => Key::Aes128(Box::new(Cmac::new_from_slice(key).map_err(|_| wrong())?)),
            Suite::Aes192 => Key::Aes192(Box::new(Cmac::new_from_slice(key).map_err(|_| wrong())?)),
            Suite::Aes256 => Key::Aes256(Box::new(Cmac::new_from_slice(key).map_err(|_| wrong())?)),
        };
        Ok(Self { suite, key })
    }

    /// The suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The whole MAC over the concatenation of `parts`: 8 bytes for 3DES, 16 for AES.
    /// The retail MAC pads by method 2 here; CMAC pads in its own way.
    #[must_use]
    pub fn full(&self, parts: &[&[u8]]) -> Vec<u8> {
        fn run<M: cmac::Mac + Clone>(key: &M, parts: &[&[u8]]) -> Vec<u8> {
            let mut mac = key.clone();
            parts.iter().for_each(|part| mac.update(part));
            mac.finalize().into_bytes().to_vec()
        }
        match &self.key {
            Key::Retail(keys) => retail(keys, parts, true).to_vec(),
            Key::Aes128(key) => run(key.as_ref(), parts),
            Key::Aes192(key) => run(key.as_ref(), parts),
            Key::Aes256(key) => run(key.as_ref(), parts),
        }
    }

    /// The first eight bytes of the MAC over the concatenation of `parts`.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 8] {
        first_eight(&self.full(parts))
    }

    /// The first eight bytes of the MAC over `parts`, which secure messaging has padded to whole blocks already (Doc 9303-11 §9.8.6):
    /// nothing is padded here.
    #[must_use]
    pub fn mac_padded(&self, parts: &[&[u8]]) -> [u8; 8] {
        match &self.key {
            Key::Retail(keys) => retail(keys, parts, false),
            _ => self.mac(parts),
        }
    }

    /// Whether `found` is the eight-byte MAC over `parts`, in constant time.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], found: &[u8]) -> bool {
        self.mac(parts).ct_eq(found).into()
    }
}

fn first_eight(full: &[u8]) -> [u8; 8] {
    full.first_chunk().copied().unwrap_or_default()
}

/// MAC algorithm 3: DES-CBC with the first key, then the last block deciphered with the second and enciphered with the first.
fn retail(keys: &[Des; 2], parts: &[&[u8]], pad: bool) -> [u8; 8] {
    let [first, second] = keys;
    let mut state = Array::from([0u8; 8]);
    let mut fill = 0;
    let padding: &[u8] = if pad { &[0x80] } else { &[] };
    for &octet in parts.iter().copied().chain([padding]).flatten() {
        if let Some(cell) = state.get_mut(fill) {
            *cell ^= octet;
        }
        fill += 1;
        if fill == 8 {
            first.encrypt_block(&mut state);
            fill = 0;
        }
    }
    if fill > 0 {
        first.encrypt_block(&mut state);
    }
    second.decrypt_block(&mut state);
    first.encrypt_block(&mut state);
    state.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).expect("hex")
    }

    #[test]
    fn retail_mac_as_in_iso_9797_1_and_doc_9303() {
        let plain = MacKey::new(Suite::TripleDes, &bytes("7CA110454A1A6E570131D9619DC1376E")).expect("16 bytes");
        assert_eq!(hex::encode_upper(plain.mac_padded(&[&bytes("48656C6C6F20576F726C642021212121")])), "F09B856213BAB83B");
        for (key, message, mac) in [
            ("7962D9ECE03D1ACD4C76089DCE131543", "72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2", "5F1448EEA8AD90A7"),
            ("7962D9ECE03D1ACD4C76089DCE131543", "46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F", "2F2D235D074D7449"),
            ("F1CB1F1FB5ADF208806B89DC579DC1F8", "887022120C06C2270CA4020C800000008709016375432908C044F6", "BF8B92D635FF24F8"),
        ] {
            let key = MacKey::new(Suite::TripleDes, &bytes(key)).expect("16 bytes");
            let message = bytes(message);
            assert_eq!(hex::encode_upper(key.mac(&[&message])), mac);
            assert_eq!(hex::encode_upper(key.mac(&[&message[..11], &message[11..]])), mac, "parts are one message");
            assert!(key.verify(&[&message], &bytes(mac)));
            assert!(!key.verify(&[&message], &bytes(mac)[..7]));
        }
    }

    #[test]
    fn cmac_as_in_rfc_4493_and_sp_800_38b() {
        const MESSAGE: &str = "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E5130C81C46A35CE411E5FBC1191A0A52EFF69F2445DF4F9B17AD2B417BE66C3710";
        for (suite, key, macs) in [
            (
                Suite::Aes128,
                "2B7E151628AED2A6ABF7158809CF4F3C",
                [
                    "BB1D6929E95937287FA37D129B756746",
                    "070A16B46B4D4144F79BDD9DD04A287C",
                    "DFA66747DE9AE63030CA32611497C827",
                    "51F0BEBF7E3B9D92FC49741779363CFE",
                ],
            ),
            (
                Suite::Aes192,
                "8E73B0F7DA0E6452C810F32B809079E562F8EAD2522C6B7B",
                [
                    "D17DDF46ADAACDE531CAC483DE7A9367",
                    "9E99A7BF31E710900662F65E617C5184",
                    "8A1DE5BE2EB31AAD089A82E6EE908B0E",
                    "A1D5DF0EED790F794D77589659F39A11",
                ],
            ),
            (
                Suite::Aes256,
                "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4",
                [
                    "028962F61B7BF89EFC6B551F4667D983",
                    "28A7023F452E8F82BD4BF28D8C37C35C",
                    "AAF3D8F1DE5640C232F5B169B9C911E6",
                    "E1992190549F6ED5696A2C056C315410",
                ],
            ),
        ] {
            let key = MacKey::new(suite, &bytes(key)).expect("length");
            let message = bytes(MESSAGE);
            for (len, mac) in [0, 16, 40, 64].into_iter().zip(macs) {
                assert_eq!(hex::encode_upper(key.full(&[&message[..len]])), mac, "{suite:?} {len}");
                assert_eq!(hex::encode_upper(key.mac(&[&message[..len]])), mac[..16], "cut to eight bytes");
            }
        }
    }
}
