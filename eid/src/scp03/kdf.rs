//! Data derivation of SCP03 (Amendment D clause 4.1.5): SP 800-108 in counter mode with AES-CMAC.
//!
//! `11×00 ‖ constant ‖ 00 ‖ L (bits, 2 bytes) ‖ i (from 01) ‖ context`, the leftmost L bits of block 1 ‖ block 2.

use crate::crypto::mac::MacKey;
use crate::secret::Secret;

/// Derivation constant: card cryptogram, under S-MAC.
pub const CARD_CRYPTOGRAM: u8 = 0x00;
/// Derivation constant: host cryptogram, under S-MAC.
pub const HOST_CRYPTOGRAM: u8 = 0x01;
/// Derivation constant: card challenge from the sequence counter and the AID, under Key-ENC.
pub const CARD_CHALLENGE: u8 = 0x02;
/// Derivation constant: S-ENC, under Key-ENC.
pub const S_ENC: u8 = 0x04;
/// Derivation constant: S-MAC, under Key-MAC.
pub const S_MAC: u8 = 0x06;
/// Derivation constant: S-RMAC, under Key-MAC.
pub const S_RMAC: u8 = 0x07;

/// `bits` bits (64, 128, 192 or 256) for `constant` and the concatenated `context`.
#[must_use]
pub fn derive(key: &MacKey, constant: u8, bits: u16, context: &[&[u8]]) -> Secret {
    let [high, low] = bits.to_be_bytes();
    let len = usize::from(bits / 8);
    let mut out = Vec::with_capacity(32);
    for counter in 1..=2 {
        if out.len() < len {
            let label = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, constant, 0x00, high, low, counter];
            let parts: Vec<&[u8]> = std::iter::once(&label[..]).chain(context.iter().copied()).collect();
            out.extend(key.full(&parts));
        }
    }
    let derived = Secret::from(out.get(..len).unwrap_or(&out));
    zeroize::Zeroize::zeroize(&mut out);
    derived
}
