//! GlobalPlatform card content management (GPCS 2.3.1 clause 11): the commands as values, written by the host and read by the card.
//!
//! ```text
//! INSTALL 80 E6   DELETE 80 E4   GET STATUS 80 F2   SET STATUS 80 F0   LOAD 80 E8   STORE DATA 80 E2   GET DATA 80 CA
//! ```
//!
//! What protects them is [`crate::scp03`]; what STORE DATA carries is [`crate::dgi`]; PUT KEY is [`crate::scp03::put_key`].
//! Reading refuses AIDs of other than 5 to 16 bytes, reserved parameters, and bytes behind the last field.

use std::fmt;

use crate::apdu::Command;
use crate::tlv::TlvError;

pub mod install;
pub mod key_dgis;
pub mod registry;
pub mod transfer;

pub use install::Install;
pub use registry::{Delete, GetStatus, RegistryEntry, SetStatus};
pub use transfer::{LoadBlock, StoreData};

/// An application identifier (ISO/IEC 7816-5), 5 to 16 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Aid(Vec<u8>);

/// Why a command or an answer is not of its form. The card answers [`GpError::status`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GpError {
    /// An AID of another length.
    #[error("{field}: expected an AID of 5 to 16 bytes, found {found}")]
    Aid {
        /// Which field.
        field: &'static str,
        /// Bytes found.
        found: usize,
    },
    /// Not this command, or a value of P1 or P2 that it does not have.
    #[error("expected {expected}, found {found:02X?}")]
    Header {
        /// What was expected.
        expected: &'static str,
        /// CLA INS P1 P2.
        found: [u8; 4],
    },
    /// A field ends before its length, or is of a length that it does not have.
    #[error("{field} at offset {at}: expected {expected}, {found} bytes found")]
    Field {
        /// Which field.
        field: &'static str,
        /// Its offset in the data field.
        at: usize,
        /// What is allowed.
        expected: &'static str,
        /// Bytes found.
        found: usize,
    },
    /// Not the TLV structure of the clause.
    #[error("{what}: {source}")]
    Tlv {
        /// Which structure.
        what: &'static str,
        /// What is wrong.
        source: TlvError,
    },
}

impl GpError {
    /// 6A86 for the header, else 6A80.
    #[must_use]
    pub const fn status(&self) -> crate::apdu::Sw {
        crate::apdu::Sw(if matches!(self, Self::Header { .. }) { 0x6A86 } else { 0x6A80 })
    }
}

impl Aid {
    /// Checks the length.
    ///
    /// # Errors
    /// [`GpError::Aid`] with the name of the field that it came from.
    pub fn new(field: &'static str, bytes: &[u8]) -> Result<Self, GpError> {
        if (5..=16).contains(&bytes.len()) { Ok(Self(bytes.to_vec())) } else { Err(GpError::Aid { field, found: bytes.len() }) }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Aid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Aid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

/// SELECT by name (00 A4 04 00).
#[must_use]
pub fn select(aid: &Aid) -> Command {
    Command::new(0x00, 0xA4, 0x04, 0x00).with_data(aid.as_bytes()).with_le(256)
}

/// GET DATA for a tag of one or two bytes: 0066 card data, 00E0 keys, 00C1 sequence counter, 9F7F CPLC, 00CF diversification data.
#[must_use]
pub const fn get_data(tag: u16) -> Command {
    let [p1, p2] = tag.to_be_bytes();
    Command::new(0x80, 0xCA, p1, p2).with_le(256)
}

/// Appends length and value; 00 for an empty one.
fn push_lv(out: &mut Vec<u8>, value: &[u8]) {
    crate::tlv::push_length(out, value.len());
    out.extend_from_slice(value);
}

/// Fields of length and value in a data field.
struct Fields<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// Length (one byte, or BER where 128 or more) and value.
    fn lv(&mut self, field: &'static str) -> Result<&'a [u8], GpError> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let wrong = |expected| GpError::Field { field, at: self.at, expected, found: rest.len() };
        let (len, value) = match *rest {
            [len, ref value @ ..] if len < 0x80 => (usize::from(len), value),
            [0x81, len, ref value @ ..] => (usize::from(len), value),
            [0x82, high, low, ref value @ ..] => (usize::from(u16::from_be_bytes([high, low])), value),
            _ => return Err(wrong("a length and its value")),
        };
        let (value, behind) = value.split_at_checked(len).ok_or_else(|| wrong("a length and its value"))?;
        self.at = self.data.len() - behind.len();
        Ok(value)
    }

    fn aid(&mut self, field: &'static str) -> Result<Aid, GpError> {
        Aid::new(field, self.lv(field)?)
    }

    /// A field that this variant leaves empty.
    fn empty(&mut self, field: &'static str) -> Result<(), GpError> {
        let at = self.at;
        let found = self.lv(field)?.len();
        if found == 0 { Ok(()) } else { Err(GpError::Field { field, at, expected: "an empty field", found }) }
    }

    fn finish(&self) -> Result<(), GpError> {
        let found = self.data.len() - self.at;
        if found == 0 { Ok(()) } else { Err(GpError::Field { field: "data field", at: self.at, expected: "its end", found }) }
    }
}

/// Asserts class and instruction; the class byte may name a logical channel of 0 to 3.
const fn expect(command: &Command, ins: u8, expected: &'static str) -> Result<(), GpError> {
    if command.cla & 0xFC == 0x80 && command.ins == ins { Ok(()) } else { Err(GpError::Header { expected, found: command.header() }) }
}

#[cfg(test)]
mod tests;
