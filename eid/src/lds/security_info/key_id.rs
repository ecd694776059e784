//! The identifier of a Chip Authentication key: an INTEGER that is kept as the bytes that the chip wrote, since chips in the field have
//! identifiers that are longer than any number type, or negative by a forgotten sign byte.

use crate::lds::asn1::ValueError;
use crate::tlv::Reader;

/// Longest identifier in bytes.
const MAX_LEN: usize = 20;

/// A key identifier: the content octets of its INTEGER.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    octets: [u8; MAX_LEN],
    len: u8,
}

impl KeyId {
    /// The identifier that stands in object 84 of a command; `None` unless it has 1 to 20 bytes.
    #[must_use]
    pub fn from_reference(octets: &[u8]) -> Option<Self> {
        let significant = octets.iter().position(|&octet| octet != 0).unwrap_or(octets.len().saturating_sub(1));
        let significant = octets.get(significant..)?;
        let sign = significant.first()? & 0x80 != 0;
        Self::from_integer(&[if sign { &[0][..] } else { &[] }, significant].concat())
    }

    /// The identifier whose INTEGER has these content octets.
    fn from_integer(content: &[u8]) -> Option<Self> {
        let mut octets = [0; MAX_LEN];
        octets.get_mut(..content.len())?.copy_from_slice(content);
        Some(Self { octets, len: u8::try_from(content.len()).ok().filter(|&len| len > 0)? })
    }

    /// The INTEGER that comes next, if one does.
    pub(super) fn read_optional(reader: &mut Reader<'_>) -> Result<Option<Self>, ValueError> {
        let Some(tlv) = reader.optional(0x02)? else { return Ok(None) };
        let found = || tlv.value.iter().take(16).map(|octet| format!("{octet:02X}")).collect();
        Self::from_integer(tlv.value).map(Some).ok_or_else(|| ValueError::Integer { max: u32::MAX, found: found(), at: tlv.at })
    }

    /// The content octets of the INTEGER.
    #[must_use]
    pub fn as_integer(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// What object 84 of a command says: the number without a sign byte, at least one byte.
    #[must_use]
    pub fn as_reference(&self) -> &[u8] {
        match self.as_integer() {
            [0, rest @ ..] if !rest.is_empty() => rest,
            whole => whole,
        }
    }
}

impl From<u32> for KeyId {
    fn from(id: u32) -> Self {
        Self::from_reference(&id.to_be_bytes()).unwrap_or(Self { octets: [0; MAX_LEN], len: 1 })
    }
}

/// The same number, however it was written.
impl PartialEq<u32> for KeyId {
    fn eq(&self, other: &u32) -> bool {
        self.as_reference() == Self::from(*other).as_reference()
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.as_integer() {
            octets if octets.len() <= 4 && octets.first().is_some_and(|first| first & 0x80 == 0) => {
                write!(f, "{}", octets.iter().fold(0u32, |number, &octet| number << 8 | u32::from(octet)))
            }
            octets => octets.iter().try_for_each(|octet| write!(f, "{octet:02X}")),
        }
    }
}

impl std::fmt::Debug for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_keep_their_bytes_and_are_named_without_the_sign_byte() {
        for (integer, reference, text) in [
            ("01", "01", "1"),
            ("00", "00", "0"),
            ("0080", "80", "128"),
            ("00FFFFFFFF", "FFFFFFFF", "00FFFFFFFF"),
            ("0123456789ABCDEF", "0123456789ABCDEF", "0123456789ABCDEF"),
            ("A1", "A1", "A1"),
        ] {
            let octets = hex::decode(integer).expect("hex");
            let id = KeyId::from_integer(&octets).expect("short enough");
            assert_eq!((hex::encode_upper(id.as_integer()), hex::encode_upper(id.as_reference())), (integer.into(), reference.into()));
            assert_eq!(id.to_string(), text);
        }
        assert_eq!(KeyId::from(0x80), KeyId::from_integer(&[0, 0x80]).expect("short enough"));
        assert_eq!(KeyId::from_reference(&[0, 0, 3]), Some(KeyId::from(3)));
        assert!(KeyId::from(7) == 7 && KeyId::from(7) != 8 && KeyId::from(0) == 0);
        assert_eq!((KeyId::from_integer(&[]), KeyId::from_integer(&[1; 21]), KeyId::from_reference(&[])), (None, None, None));
    }
}
