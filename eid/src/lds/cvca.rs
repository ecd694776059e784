//! EF.CVCA (Doc 9303-11 §7.1.4, BSI TR-03110-3 A.1.2): the names of the CVCA keys that the chip trusts.
//!
//! ```text
//! 42 CAR of the newest key, [42 CAR of the one before], 00 up to 36 bytes
//! ```
//!
//! The file is not signed, and changes when a link certificate was imported. Other lengths than 36 are read and reported.

use super::error::Within as _;
use super::{Elementary, LdsError, field, hex};
use crate::cert::cvc::KeyReference;
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader};

/// Length of the file in bytes.
pub const LEN: usize = 36;

/// EF.CVCA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cvca {
    /// The newest key.
    pub current: KeyReference,
    /// The one before.
    pub previous: Option<KeyReference>,
}

impl Cvca {
    /// The names, the newest first.
    pub fn references(&self) -> impl Iterator<Item = &KeyReference> {
        [&self.current].into_iter().chain(&self.previous)
    }
}

impl Elementary for Cvca {
    const FILE: FileId = FileId::CVCA;

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut reader = Reader::new(bytes);
        let reference = |object: tlv::Tlv<'_>| {
            KeyReference::from_octets(object.value).map_err(|error| {
                let found = hex(object.value.get(..24).unwrap_or(object.value));
                LdsError::value(
                    Self::FILE,
                    "CAR (42)",
                    object.at,
                    "7 to 16 characters, the first two a country",
                    format!("{found} ({error})"),
                )
            })
        };
        let current = reference(reader.expect(0x42).within(Self::FILE)?)?;
        let previous = if reader.rest().first() == Some(&0x42) { reader.next().within(Self::FILE)? } else { None };
        let previous = previous.map(reference).transpose()?;
        if let Some(at) = reader.rest().iter().position(|&octet| octet != 0) {
            let found = hex(reader.rest().get(at..).map(|rest| rest.get(..24).unwrap_or(rest)).unwrap_or_default());
            return Err(LdsError::value(Self::FILE, "padding", reader.at() + at, "zero bytes after at most two CAR", found));
        }
        if bytes.len() != LEN {
            quirks.push(Quirk::new("cvca.length", format!("EF.CVCA of {} bytes, expected {LEN}", bytes.len())));
        }
        Ok(Self { current, previous })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = tlv::encode(0x42, self.current.as_bytes());
        if let Some(previous) = &self.previous {
            tlv::push(&mut out, 0x42, previous.as_bytes());
        }
        out.resize(LEN, 0);
        out
    }

    fn fields(&self) -> Vec<(String, String)> {
        let previous = self.previous.iter().map(|previous| field("CVCA key before", previous.to_string()));
        [field("CVCA key", self.current.to_string())].into_iter().chain(previous).collect()
    }
}
