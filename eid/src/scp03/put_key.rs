//! PUT KEY (GPCS 11.8): a whole AES key set, enciphered under Key-DEK of the set in force; host and card.
//!
//! ```text
//! 80 D8 KVN-to-replace|00 81   new KVN ‖ 3 × { 88 | length | key length | cipher text | 03 | KCV }   Le 00
//! cipher text: AES-CBC, IV zero; a key of 24 bytes is filled to 32
//! answer: new KVN ‖ 3 × KCV
//! ```

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::keys::{KeyError, StaticKeys, aes, kcv};
use crate::apdu::Command;
use crate::crypto::cipher::CipherKey;
use crate::secret::Secret;

const KEY_TYPE_AES: u8 = 0x88;
const NAMES: [&str; 3] = ["Key-ENC", "Key-MAC", "Key-DEK"];

/// The command that puts `keys` as version `new` in the place of version `replaces` (0 adds a set). `dek` is Key-DEK of the set that
/// opened the session.
///
/// # Panics
/// Never: keys have 16, 24 or 32 bytes, and `dek` is an AES key.
#[must_use]
pub fn command(replaces: u8, new: u8, keys: &StaticKeys, dek: &CipherKey) -> Command {
    let mut data = vec![new];
    for ((_, key), kcv) in keys.named().into_iter().zip(keys.kcvs()) {
        let cipher = encrypt_key(dek, key);
        data.extend([KEY_TYPE_AES, octet(cipher.len() + 1), octet(key.len())]);
        data.extend(cipher);
        data.push(3);
        data.extend(kcv);
    }
    Command::new(0x80, 0xD8, replaces, 0x81).with_data(data).with_le(256)
}

fn octet(len: usize) -> u8 {
    u8::try_from(len).expect("a key has at most 32 bytes")
}

/// An AES key under Key-DEK, filled with zeros to whole blocks.
///
/// # Panics
/// Never: the key is filled to whole blocks of AES.
#[must_use]
pub fn encrypt_key(dek: &CipherKey, key: &Secret) -> Vec<u8> {
    let mut cipher = key.expose().to_vec();
    cipher.resize(cipher.len().next_multiple_of(dek.block_len()), 0);
    dek.encrypt_cbc(&vec![0; dek.block_len()], &mut cipher).expect("filled to whole blocks");
    cipher
}

/// Host: checks the answer, new KVN and check values.
///
/// # Errors
/// [`KeyError::Form`], [`KeyError::CheckValue`].
pub fn check_answer(answer: &[u8], new: u8, keys: &StaticKeys) -> Result<(), KeyError> {
    let form = |expected: String, found: String| KeyError::Form { what: "answer", at: 0, expected, found };
    let (&version, found) = answer.split_first().ok_or_else(|| form("10 bytes".into(), "none".into()))?;
    if version != new {
        return Err(form(format!("key version {new:02X}"), format!("{version:02X}")));
    }
    let (found, rest) = found.as_chunks::<3>();
    if found.len() != 3 || !rest.is_empty() {
        return Err(form("10 bytes".into(), format!("{} bytes", answer.len())));
    }
    for ((what, expected), found) in NAMES.into_iter().zip(keys.kcvs()).zip(found) {
        check_value(what, expected, found)?;
    }
    Ok(())
}

fn check_value(what: &'static str, expected: [u8; 3], found: &[u8]) -> Result<(), KeyError> {
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02X}")).collect();
    if expected.ct_eq(found).into() { Ok(()) } else { Err(KeyError::CheckValue { what, expected: hex(&expected), found: hex(found) }) }
}

/// Card: the data field of PUT KEY with P2 = 81, deciphered and checked. Gives the new KVN and the keys.
///
/// # Errors
/// [`KeyError::Form`] (6A80), [`KeyError::CheckValue`] (6982), [`KeyError::Length`] for keys of different lengths (6A80).
pub fn parse(data: &[u8], dek: &CipherKey) -> Result<(u8, StaticKeys), KeyError> {
    let mut reader = Fields { data, at: 0 };
    let version = reader.octet("new key version")?;
    if !(1..=0x7F).contains(&version) {
        return Err(KeyError::Form { what: "new key version", at: 0, expected: "01 to 7F".into(), found: format!("{version:02X}") });
    }
    let mut keys = [Secret::default(), Secret::default(), Secret::default()];
    for (key, what) in keys.iter_mut().zip(NAMES) {
        *key = reader.key(what, dek)?;
    }
    if reader.at != data.len() {
        let found = format!("{} more bytes", data.len() - reader.at);
        return Err(KeyError::Form { what: "data field", at: reader.at, expected: "the end".into(), found });
    }
    let [enc, mac, dek] = keys;
    Ok((version, StaticKeys::new(enc, mac, dek)?))
}

/// Card: the answer to PUT KEY.
#[must_use]
pub fn answer(version: u8, keys: &StaticKeys) -> Vec<u8> {
    std::iter::once(version).chain(keys.kcvs().into_iter().flatten()).collect()
}

struct Fields<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn take(&mut self, what: &'static str, len: usize) -> Result<&'a [u8], KeyError> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let (value, _) = rest.split_at_checked(len).ok_or_else(|| KeyError::Form {
            what,
            at: self.at,
            expected: format!("{len} bytes"),
            found: format!("{} bytes", rest.len()),
        })?;
        self.at += len;
        Ok(value)
    }

    fn octet(&mut self, what: &'static str) -> Result<u8, KeyError> {
        self.take(what, 1).map(|value| value.first().copied().unwrap_or_default())
    }

    fn exactly(&mut self, what: &'static str, expected: u8) -> Result<(), KeyError> {
        let at = self.at;
        let found = self.octet(what)?;
        if found == expected {
            return Ok(());
        }
        Err(KeyError::Form { what, at, expected: format!("{expected:02X}"), found: format!("{found:02X}") })
    }

    fn key(&mut self, what: &'static str, dek: &CipherKey) -> Result<Secret, KeyError> {
        self.exactly("key type", KEY_TYPE_AES)?;
        let at = self.at;
        let length = usize::from(self.octet("length of key data")?);
        let key_len = usize::from(self.octet("key length")?);
        let filled = key_len.next_multiple_of(dek.block_len());
        if aes(key_len).is_none() || length != filled + 1 {
            let found = format!("{length:02X} and {key_len:02X}");
            return Err(KeyError::Form { what: "length and key length", at, expected: "11 10, 21 18 or 21 20".into(), found });
        }
        let mut plain = self.take("cipher text", filled)?.to_vec();
        dek.decrypt_cbc(&vec![0; dek.block_len()], &mut plain)?;
        let key = Secret::from(plain.get(..key_len).unwrap_or_default());
        plain.zeroize();
        self.exactly("length of the check value", 3)?;
        check_value(what, kcv(&key)?, self.take("check value", 3)?)?;
        Ok(key)
    }
}
