//! A card's own keys from a master key and the card's key diversification data (KDD), by the rules that card makers use.

use cipher::{BlockCipherEncrypt as _, KeyInit as _};

use super::keys::{KeyError, StaticKeys};
use crate::crypto::cipher::CipherKey;
use crate::crypto::kdf::Suite;
use crate::crypto::mac::MacKey;
use crate::secret::Secret;

/// How a card's keys follow from a master. Field `diversification` of a card profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Diversification {
    /// The card has the master keys themselves: test cards.
    None,
    /// EMV card personalization specification 1.1: 3DES over KDD[4..10].
    Emv,
    /// VISA2: 3DES over KDD[0..2] ‖ KDD[4..8].
    Visa2,
    /// The older rule of Visa: 3DES over KDD[0..4] ‖ KDD[8..10].
    Visa,
    /// SP 800-108 in counter mode with AES-CMAC.
    Kdf3,
    /// NXP AN10922 for AES-128, with the KDD as diversification input.
    An10922,
}

impl Diversification {
    /// The rule of a name in a card profile: none, emv, visa2, visa, kdf3, an10922.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "emv" => Self::Emv,
            "visa2" => Self::Visa2,
            "visa" => Self::Visa,
            "kdf3" => Self::Kdf3,
            "an10922" => Self::An10922,
            _ => return None,
        })
    }

    /// The keys of the card whose KDD is given, each from the master in its own place.
    ///
    /// # Errors
    /// [`KeyError::NotDiverse`] if all bytes of the KDD are equal; [`KeyError::Length`] or [`KeyError::Cipher`] for masters of a length
    /// that the rule does not take.
    pub fn derive(self, masters: &StaticKeys, kdd: [u8; 10]) -> Result<StaticKeys, KeyError> {
        if self == Self::None {
            return Ok(masters.clone());
        }
        let [first, ..] = kdd;
        if kdd.iter().all(|&octet| octet == first) {
            return Err(KeyError::NotDiverse { found: kdd.iter().map(|octet| format!("{octet:02X}")).collect() });
        }
        let one = |master: &Secret, key: u8| match self {
            Self::None => Ok(master.clone()),
            Self::Emv | Self::Visa2 | Self::Visa => triple_des(master, self.selection(kdd), key),
            Self::Kdf3 => counter_mode(master, kdd, key),
            Self::An10922 => an10922(master, &kdd),
        };
        StaticKeys::new(one(masters.enc(), 1)?, one(masters.mac(), 2)?, one(masters.dek(), 3)?)
    }

    const fn selection(self, kdd: [u8; 10]) -> [u8; 6] {
        let [a, b, c, d, e, f, g, h, i, j] = kdd;
        match self {
            Self::Visa2 => [a, b, e, f, g, h],
            Self::Visa => [a, b, c, d, i, j],
            _ => [e, f, g, h, i, j],
        }
    }
}

/// The keys of a card by KDF3 from one master of 16, 24 or 32 bytes.
///
/// # Errors
/// As [`Diversification::derive`].
pub fn kdf3(master: &Secret, kdd: [u8; 10]) -> Result<StaticKeys, KeyError> {
    Diversification::Kdf3.derive(&StaticKeys::same(master)?, kdd)
}

/// 3DES-ECB(master, selection ‖ F0 ‖ k ‖ selection ‖ 0F ‖ k).
fn triple_des(master: &Secret, selection: [u8; 6], key: u8) -> Result<Secret, KeyError> {
    let mut out = [&selection[..], &[0xF0, key], &selection, &[0x0F, key]].concat();
    CipherKey::new(Suite::TripleDes, master.expose())?.encrypt_blocks(&mut out)?;
    Ok(Secret::new(out))
}

/// CMAC(master, i ‖ 00 00 00 ‖ k ‖ 00 ‖ KDD), i = 1, 2.
fn counter_mode(master: &Secret, kdd: [u8; 10], key: u8) -> Result<Secret, KeyError> {
    let suite = super::keys::aes(master.len());
    let suite = suite.ok_or(KeyError::Length { what: "master key", expected: "16, 24 or 32", found: master.len() })?;
    let mac = MacKey::new(suite, master.expose())?;
    let mut out = [1u8, 2].map(|i| mac.full(&[&[i, 0, 0, 0, key, 0], &kdd])).concat();
    out.truncate(master.len());
    Ok(Secret::new(out))
}

/// AN10922 for AES-128: CMAC over 01 ‖ input, padded to two blocks even where one would do. `input` has 1 to 31 bytes.
///
/// # Errors
/// [`KeyError::Length`] for a master of another length than 16, or such an input.
pub fn an10922(master: &Secret, input: &[u8]) -> Result<Secret, KeyError> {
    let wrong = KeyError::Length { what: "AES-128 master key", expected: "16", found: master.len() };
    let cipher = aes::Aes128::new_from_slice(master.expose()).map_err(|_| wrong)?;
    if !(1..=31).contains(&input.len()) {
        return Err(KeyError::Length { what: "diversification input", expected: "1 to 31", found: input.len() });
    }
    let mut subkey = cipher::Array::from([0u8; 16]);
    cipher.encrypt_block(&mut subkey);
    let first = double(subkey.into());
    let last = if input.len() == 31 { first } else { double(first) };
    let mut message = [0u8; 32];
    let padded = std::iter::once(&0x01).chain(input).chain(std::iter::once(&0x80));
    message.iter_mut().zip(padded).for_each(|(octet, &value)| *octet = value);
    let mut state = cipher::Array::from([0u8; 16]);
    for (n, block) in message.chunks_exact(16).enumerate() {
        for ((octet, &value), key) in state.iter_mut().zip(block).zip(last) {
            *octet ^= value ^ if n == 1 { key } else { 0 };
        }
        cipher.encrypt_block(&mut state);
    }
    Ok(Secret::from(<[u8; 16]>::from(state)))
}

/// Doubling in GF(2^128), as CMAC makes its subkeys.
const fn double(block: [u8; 16]) -> [u8; 16] {
    let number = u128::from_be_bytes(block);
    let reduction = if number >> 127 == 1 { 0x87 } else { 0 };
    (number << 1 ^ reduction).to_be_bytes()
}
