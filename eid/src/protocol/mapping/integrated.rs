//! The pseudo-random function of the integrated mapping (Doc 9303-11 §4.4.3.3.2).
//!
//! ```text
//! k0 = E(t, s)    x_i = E(k_(i-1), c1)    k_i = E(k_(i-1), c0)    R(s, t) = x_1 ‖ … ‖ x_n,  n · l >= bits of p + 64
//! l = 128 for 3DES and AES-128, 256 for AES-192 and AES-256; CBC with a zero IV; a key is the first bytes of k_i
//! ```

use zeroize::Zeroizing;

use crate::crypto::agreement::{Domain, MappedGenerator};
use crate::crypto::cipher::CipherKey;
use crate::crypto::kdf::Suite;
use crate::protocol::pace::PaceError;
use crate::secret::Secret;

/// c0 and c1 for 3DES and AES-128.
const SHORT: [[u8; 16]; 2] = [
    [0xA6, 0x68, 0x89, 0x2A, 0x7C, 0x41, 0xE3, 0xCA, 0x73, 0x9F, 0x40, 0xB0, 0x57, 0xD8, 0x59, 0x04],
    [0xA4, 0xE1, 0x36, 0xAC, 0x72, 0x5F, 0x73, 0x8B, 0x01, 0xC1, 0xF6, 0x02, 0x17, 0xC1, 0x88, 0xAD],
];

/// c0 and c1 for AES-192 and AES-256.
const LONG: [[u8; 32]; 2] = [
    [
        0xD4, 0x63, 0xD6, 0x52, 0x34, 0x12, 0x4E, 0xF7, 0x89, 0x70, 0x54, 0x98, 0x6D, 0xCA, 0x0A, 0x17, 0x4E, 0x28, 0xDF, 0x75, 0x8C, 0xBA,
        0xA0, 0x3F, 0x24, 0x06, 0x16, 0x41, 0x4D, 0x5A, 0x16, 0x76,
    ],
    [
        0x54, 0xBD, 0x72, 0x55, 0xF0, 0xAA, 0xF8, 0x31, 0xBE, 0xC3, 0x42, 0x3F, 0xCF, 0x39, 0xD6, 0x9B, 0x6C, 0xBF, 0x06, 0x66, 0x77, 0xD0,
        0xFA, 0xAE, 0x5A, 0xAD, 0xD9, 0x9D, 0xF8, 0xE5, 0x35, 0x17,
    ],
];

/// R(s, t): `t` as long as a key of the suite, `nonce` as long as l; the answer is at least 64 bits longer than `p_bits`.
///
/// # Errors
/// [`PaceError::Mapping`]: another length.
#[expect(clippy::missing_panics_doc, reason = "lengths are checked before keys and blocks are cut")]
pub fn pseudo_random(suite: Suite, nonce: &Secret, t: &[u8], p_bits: usize) -> Result<Secret, PaceError> {
    let [c0, c1]: [&[u8]; 2] = match suite {
        Suite::TripleDes | Suite::Aes128 => [&SHORT[0], &SHORT[1]],
        Suite::Aes192 | Suite::Aes256 => [&LONG[0], &LONG[1]],
    };
    let len = c0.len();
    for (what, expected, found) in [("nonce", len, nonce.len()), ("mapping data", suite.key_len(), t.len())] {
        if expected != found {
            return Err(PaceError::Mapping { what, expected, found });
        }
    }
    let encrypt = |key: &[u8], text: &[u8]| {
        let key = CipherKey::new(suite, key.get(..suite.key_len()).unwrap_or_default()).expect("at least as long as a key");
        let mut text = Zeroizing::new(text.to_vec());
        key.encrypt_cbc(&vec![0; key.block_len()], &mut text).expect("whole blocks");
        text
    };
    let mut key = encrypt(t, nonce.expose());
    let mut random = Zeroizing::new(Vec::new());
    while 8 * random.len() < p_bits + 64 {
        random.extend_from_slice(&encrypt(&key, c1));
        key = encrypt(&key, c0);
    }
    Ok(Secret::from(&random[..]))
}

/// The generator that both sides make of the nonce and the terminal's number `t`.
///
/// # Errors
/// [`PaceError::Mapping`] for a number of another length, [`PaceError::Agreement`] for a domain without this mapping.
#[expect(clippy::missing_panics_doc, reason = "an octet has at most eight leading zeros")]
pub fn integrated(suite: Suite, domain: &Domain, nonce: &Secret, t: &[u8]) -> Result<MappedGenerator, PaceError> {
    let p_bits = match domain {
        Domain::Ec(curve) => {
            let p = curve.parameters().p;
            8 * p.len() - p.first().map_or(0, |first| usize::try_from(first.leading_zeros()).expect("at most 8"))
        }
        Domain::Dh(group) => group.bits(),
    };
    let random = pseudo_random(suite, nonce, t, p_bits)?;
    Ok(MappedGenerator::integrated(domain, &random)?)
}
