//! The few ASN.1 values that elementary files hold outside of certificates: small unsigned INTEGERs and OBJECT IDENTIFIERs.
//!
//! It refuses negative numbers and numbers that do not fit the asked type; superfluous leading zeros are read.

use crate::oid;
use crate::tlv::{self, Reader, TlvError};

/// Why an object is not the value that the definition asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Another object, or none.
    #[error(transparent)]
    Tlv(#[from] TlvError),
    /// Negative, empty, or too large.
    #[error("expected an INTEGER 0 to {max} at offset {at}, found {found}")]
    Integer {
        /// Largest value that is meaningful there.
        max: u32,
        /// Content octets in hex, cut to 16 octets.
        found: String,
        /// Offset of the object.
        at: usize,
    },
}

/// The INTEGER that comes next, if it fits `T` (at most 32 bits).
pub(crate) fn unsigned<T: TryFrom<u32> + Limit>(reader: &mut Reader<'_>) -> Result<T, ValueError> {
    let tlv = reader.expect(0x02)?;
    let found = || tlv.value.iter().take(16).map(|o| format!("{o:02X}")).collect();
    let error = || ValueError::Integer { max: T::MAX, found: found(), at: tlv.at };
    if tlv.value.first().is_none_or(|&first| first & 0x80 != 0) {
        return Err(error());
    }
    let significant: Vec<u8> = tlv.value.iter().copied().skip_while(|&o| o == 0).collect();
    if significant.len() > 4 {
        return Err(error());
    }
    let value = significant.iter().fold(0u32, |value, &o| value << 8 | u32::from(o));
    T::try_from(value).map_err(|_| error())
}

/// The same, if an INTEGER comes next.
pub(crate) fn optional_unsigned<T: TryFrom<u32> + Limit>(reader: &mut Reader<'_>) -> Result<Option<T>, ValueError> {
    if reader.peek()? == Some(tlv::Tag(0x02)) { unsigned(reader).map(Some) } else { Ok(None) }
}

/// Appends an INTEGER in DER.
pub(crate) fn push_unsigned(out: &mut Vec<u8>, value: u32) {
    let mut content: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|&o| o == 0).collect();
    if content.first().is_none_or(|&first| first & 0x80 != 0) {
        content.insert(0, 0);
    }
    tlv::push(out, 0x02, &content);
}

/// Appends an OBJECT IDENTIFIER in DER.
pub(crate) fn push_oid(out: &mut Vec<u8>, dotted: &'static str) {
    tlv::push(out, 0x06, &oid::encode(dotted));
}

/// Largest value of an integer type, as `u32`.
pub(crate) trait Limit {
    /// That value.
    const MAX: u32;
}

impl Limit for u8 {
    const MAX: u32 = 0xFF;
}

impl Limit for u32 {
    const MAX: Self = Self::MAX;
}
