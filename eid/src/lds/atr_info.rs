//! EF.ATR/INFO (Doc 9303-10 §3.11, ISO/IEC 7816-4): what commands the card understands and how long they may be.
//!
//! ```text
//! 47 card capabilities (3 bytes)
//! 7F66 { 02 longest command APDU, 02 longest response APDU }
//! ```
//!
//! All other objects are kept as they stand. A file that says that extended lengths are understood, and not how long they may be, is read and
//! reported.

use super::error::Within as _;
use super::{Elementary, LdsError, asn1, field, hex};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader};

/// Longest APDUs, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedLength {
    /// Longest command APDU.
    pub command: u32,
    /// Longest response APDU.
    pub response: u32,
}

/// EF.ATR/INFO.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtrInfo {
    /// Card capabilities (object 47).
    pub capabilities: Option<[u8; 3]>,
    /// Extended length information (object 7F66).
    pub extended_length: Option<ExtendedLength>,
    /// All other objects, as they stand.
    pub others: Vec<u8>,
}

impl AtrInfo {
    /// Whether the third byte of the capabilities says that command chaining is understood (bit 8).
    #[must_use]
    pub fn chaining(&self) -> bool {
        self.capabilities.is_some_and(|[.., third]| third & 0x80 != 0)
    }

    /// Whether the third byte of the capabilities says that extended lengths are understood (bit 7).
    #[must_use]
    pub fn extended(&self) -> bool {
        self.capabilities.is_some_and(|[.., third]| third & 0x40 != 0)
    }
}

impl Elementary for AtrInfo {
    const FILE: FileId = FileId::ATR_INFO;

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut reader = Reader::new(bytes);
        let mut info = Self::default();
        while let Some(object) = reader.next().within(Self::FILE)? {
            match object.tag.0 {
                0x47 if info.capabilities.is_none() => {
                    let three = object.value.try_into();
                    let error =
                        |_| LdsError::value(Self::FILE, "card capabilities", object.at, "3 bytes", format!("{} bytes", object.value.len()));
                    info.capabilities = Some(three.map_err(error)?);
                }
                0x7F66 if info.extended_length.is_none() => {
                    let mut inside = object.reader();
                    let mut number = |field| {
                        let at = inside.at();
                        asn1::unsigned(&mut inside)
                            .map_err(|e| LdsError::value(Self::FILE, field, at, "an INTEGER of 32 bits", e.to_string()))
                    };
                    let (command, response) = (number("longest command APDU")?, number("longest response APDU")?);
                    info.extended_length = Some(ExtendedLength { command, response });
                }
                _ => info.others.extend_from_slice(object.raw),
            }
        }
        if info.extended() && info.extended_length.is_none() {
            quirks.push(Quirk::new("atr-info.no-lengths", format!("{}", Self::FILE)).over(bytes));
        }
        Ok(info)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(capabilities) = &self.capabilities {
            tlv::push(&mut out, 0x47, capabilities);
        }
        if let Some(ExtendedLength { command, response }) = self.extended_length {
            let mut inside = Vec::new();
            asn1::push_unsigned(&mut inside, command);
            asn1::push_unsigned(&mut inside, response);
            tlv::push(&mut out, 0x7F66, &inside);
        }
        out.extend_from_slice(&self.others);
        out
    }

    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        if let Some(capabilities) = &self.capabilities {
            let said = [(self.chaining(), "chaining"), (self.extended(), "extended length")];
            let said: Vec<_> = said.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
            fields.push(field("card capabilities", format!("{} {}", hex(capabilities), said.join(", ")).trim_end().to_owned()));
        }
        if let Some(ExtendedLength { command, response }) = self.extended_length {
            fields.push(field("longest command APDU", format!("{command} bytes")));
            fields.push(field("longest response APDU", format!("{response} bytes")));
        }
        if !self.others.is_empty() {
            fields.push(field("other objects", hex(&self.others)));
        }
        fields
    }
}
