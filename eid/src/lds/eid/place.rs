//! Places: structured, or a text.
//!
//! ```text
//! GeneralPlace   30 Place  |  A1 { 0C text }  |  A2 { 0C why none is known }
//! Place          30 { [AA { 0C street }], AB { 0C city }, [AC { 0C state or region }], AD { 13 country }, [AE { 13 zip code }] }
//! ```

use super::super::LdsError;
use super::super::error::Within as _;
use super::{PRINTABLE, UTF8, country, text};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tlv};

/// A place in its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Street and number.
    pub street: Option<String>,
    /// City.
    pub city: String,
    /// State or region.
    pub state: Option<String>,
    /// Country code of Doc 9303-3.
    pub country: String,
    /// Zip code.
    pub zip: Option<String>,
}

/// A place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeneralPlace {
    /// In its parts.
    Structured(Place),
    /// As a text.
    Text(String),
    /// None: the text says why.
    Unknown(String),
}

impl Place {
    pub(super) fn read(file: FileId, sequence: Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut reader = sequence.reader();
        let mut part = |tag: u32, kind: u32| -> Result<Option<Tlv<'_>>, LdsError> {
            let Some(tagged) = reader.optional(tag).within(file)? else { return Ok(None) };
            let mut inside = tagged.reader();
            let string = inside.expect(kind).within(file)?;
            inside.finish().within(file)?;
            Ok(Some(string))
        };
        let (street, city, state) = (part(0xAA, UTF8)?, part(0xAB, UTF8)?, part(0xAC, UTF8)?);
        let (land, zip) = (part(0xAD, PRINTABLE)?, part(0xAE, PRINTABLE)?);
        reader.finish().within(file)?;
        let missing = |field, tag: &str| LdsError::value(file, field, sequence.at, format!("object {tag}"), "none");
        let optional = |string: Option<Tlv<'_>>| string.map(|string| text(file, string)).transpose();
        Ok(Self {
            street: optional(street)?,
            city: text(file, city.ok_or_else(|| missing("city", "AB"))?)?,
            state: optional(state)?,
            country: country(file, land.ok_or_else(|| missing("country", "AD"))?, quirks)?,
            zip: optional(zip)?,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut parts = Vec::new();
        let mut push = |tag: u32, kind: u32, text: &str| tlv::push(&mut parts, tag, &tlv::encode(kind, text.as_bytes()));
        self.street.iter().for_each(|street| push(0xAA, UTF8, street));
        push(0xAB, UTF8, &self.city);
        self.state.iter().for_each(|state| push(0xAC, UTF8, state));
        push(0xAD, PRINTABLE, &self.country);
        self.zip.iter().for_each(|zip| push(0xAE, PRINTABLE, zip));
        tlv::encode(0x30, &parts)
    }
}

impl GeneralPlace {
    pub(super) fn read(file: FileId, reader: &mut Reader<'_>, quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        for (tag, make) in [(0xA1, Self::Text as fn(String) -> Self), (0xA2, Self::Unknown)] {
            if let Some(tagged) = reader.optional(tag).within(file)? {
                let mut inside = tagged.reader();
                let string = inside.expect(UTF8).within(file)?;
                inside.finish().within(file)?;
                return text(file, string).map(make);
            }
        }
        Place::read(file, reader.expect(0x30).within(file)?, quirks).map(Self::Structured)
    }

    /// In DER.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Structured(place) => place.encode(),
            Self::Text(text) => tlv::encode(0xA1, &tlv::encode(UTF8, text.as_bytes())),
            Self::Unknown(text) => tlv::encode(0xA2, &tlv::encode(UTF8, text.as_bytes())),
        }
    }

    /// One line for people: `HEIDESTRASSE 17, 51147 KÖLN, D`.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Text(text) | Self::Unknown(text) => text.clone(),
            Self::Structured(place) => {
                let city = place.zip.iter().map(String::as_str).chain([place.city.as_str()]).collect::<Vec<_>>().join(" ");
                let parts = place.street.as_deref().into_iter().chain([city.as_str()]).chain(place.state.as_deref());
                parts.chain([place.country.as_str()]).collect::<Vec<_>>().join(", ")
            }
        }
    }
}
