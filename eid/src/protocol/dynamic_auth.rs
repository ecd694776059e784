//! Dynamic authentication data (Doc 9303-11 §4.4.4.2, ISO/IEC 7816-4 clause 11.5.5): what GENERAL AUTHENTICATE carries in DO'7C'.
//!
//! ```text
//! PACE   80 encrypted nonce   81/82 mapping data   83/84 ephemeral public key   85/86 authentication token   87 88 CA references   8A CAM
//! CA     80 ephemeral public key
//! ```
//!
//! It refuses anything but one DO'7C' with distinct primitive objects in it.

use crate::apdu::Command;
use crate::tlv::{self, Tag, TlvError};

/// Most objects in one DO'7C'.
const MAX_OBJECTS: usize = 8;

/// Why a data field is no dynamic authentication data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DynamicAuthError {
    /// No TLV, or not one DO'7C'.
    #[error("dynamic authentication data: {0}")]
    Tlv(#[from] TlvError),
    /// An object that this step does not have, or a second one of its kind.
    #[error("dynamic authentication data: object {found} at offset {at} does not belong to this step")]
    Unexpected {
        /// The object.
        found: Tag,
        /// Its offset.
        at: usize,
    },
    /// The object of this step is not there.
    #[error("dynamic authentication data: object {expected} is missing")]
    Missing {
        /// The object.
        expected: Tag,
    },
}

/// DO'7C' with the given objects; empty for a request without data.
#[must_use]
pub fn encode(objects: &[(u32, &[u8])]) -> Vec<u8> {
    let mut inner = Vec::new();
    objects.iter().for_each(|&(tag, value)| tlv::push(&mut inner, tag, value));
    tlv::encode(0x7C, &inner)
}

/// GENERAL AUTHENTICATE with DO'7C'; all but the last of a protocol have the chaining bit.
#[must_use]
pub fn command(last: bool, objects: &[(u32, &[u8])]) -> Command {
    Command::new(if last { 0x00 } else { 0x10 }, 0x86, 0x00, 0x00).with_data(encode(objects)).with_le(256)
}

/// The values of the objects that must be there, and of those that may.
pub type Values<'a, const R: usize, const O: usize> = ([&'a [u8]; R], [Option<&'a [u8]>; O]);

/// The values of `required`, each of which must be there, and of `optional`, in the order of these lists. Nothing else may be there.
///
/// # Errors
/// Any [`DynamicAuthError`].
pub fn parse<const R: usize, const O: usize>(
    data: &[u8],
    required: [u32; R],
    optional: [u32; O],
) -> Result<Values<'_, R, O>, DynamicAuthError> {
    let mut reader = tlv::single(data, 0x7C)?.reader();
    let mut must = [None; R];
    let mut may = [None; O];
    for _ in 0..MAX_OBJECTS {
        let Some(object) = reader.next()? else { break };
        let place = |tags: &[u32]| tags.iter().position(|&tag| Tag(tag) == object.tag);
        let cell = place(&required).and_then(|n| must.get_mut(n)).or_else(|| place(&optional).and_then(|n| may.get_mut(n)));
        match cell {
            Some(cell @ None) => *cell = Some(object.value),
            _ => return Err(DynamicAuthError::Unexpected { found: object.tag, at: object.at }),
        }
    }
    reader.finish()?;
    let mut values: [&[u8]; R] = [&[]; R];
    for ((value, found), tag) in values.iter_mut().zip(must).zip(required) {
        *value = found.ok_or(DynamicAuthError::Missing { expected: Tag(tag) })?;
    }
    Ok((values, may))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_by_tag_and_nothing_else_is_let_in() {
        let data = encode(&[(0x86, &[1, 2]), (0x87, b"XY")]);
        assert_eq!(parse(&data, [0x86], [0x87, 0x88]), Ok(([&[1, 2][..]], [Some(&b"XY"[..]), None])));
        assert_eq!(parse(&data, [0x86], []), Err(DynamicAuthError::Unexpected { found: Tag(0x87), at: 6 }));
        assert_eq!(parse(&encode(&[]), [0x80], []), Err(DynamicAuthError::Missing { expected: Tag(0x80) }));
        let twice = encode(&[(0x80, &[1]), (0x80, &[2])]);
        assert_eq!(parse(&twice, [0x80], []), Err(DynamicAuthError::Unexpected { found: Tag(0x80), at: 5 }));
        assert!(matches!(parse(&[0x7D, 0], [], []), Err(DynamicAuthError::Tlv(TlvError::Unexpected { .. }))));
        assert!(matches!(parse(&[0x7C, 0, 0], [], []), Err(DynamicAuthError::Tlv(TlvError::Trailing { .. }))));
    }

    #[test]
    fn the_request_for_a_nonce_is_an_empty_object() {
        assert_eq!(command(false, &[]).encode().map(hex::encode_upper).as_deref(), Ok("10860000027C0000"));
    }
}
