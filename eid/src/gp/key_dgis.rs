//! A key set as data groupings (GPCS tables 11-91 to 11-93): the other way than PUT KEY to give a security domain its keys.
//!
//! ```text
//! 00B9  3 × B9 { 95 usage, 80 type, 81 length, 82 key id, 83 KVN, 84 KCV }
//! 8113  one for each key: cipher text under Key-DEK
//! ```

use crate::crypto::cipher::CipherKey;
use crate::dgi::{self, DgiError};
use crate::scp03::StaticKeys;
use crate::scp03::put_key::encrypt_key;
use crate::tlv;

/// Key usage: command encipherment, command and response MAC, data encipherment.
const USAGE: [u8; 3] = [0x38, 0x34, 0xC8];
const KEY_TYPE_AES: u8 = 0x88;

/// The stream of DGIs that puts `keys` as version `version` into the security domain that receives STORE DATA.
///
/// # Errors
/// Never in practice: the values are far shorter than [`dgi::MAX_LEN`].
pub fn encode(version: u8, keys: &StaticKeys, dek: &CipherKey) -> Result<Vec<u8>, DgiError> {
    let mut attributes = Vec::new();
    let length = u8::try_from(keys.len()).unwrap_or(u8::MAX);
    for ((id, usage), kcv) in (1u8..).zip(USAGE).zip(keys.kcvs()) {
        let objects: [(u32, &[u8]); 6] =
            [(0x95, &[usage]), (0x80, &[KEY_TYPE_AES]), (0x81, &[length]), (0x82, &[id]), (0x83, &[version]), (0x84, &kcv)];
        let mut inner = Vec::new();
        objects.into_iter().for_each(|(tag, value)| tlv::push(&mut inner, tag, value));
        tlv::push(&mut attributes, 0xB9, &inner);
    }
    let mut stream = Vec::new();
    dgi::push(&mut stream, 0x00B9, &attributes)?;
    for (_, key) in keys.named() {
        dgi::push(&mut stream, 0x8113, &encrypt_key(dek, key))?;
    }
    Ok(stream)
}
