//! The data groups of the eID application (TR-03110-4 clause 2.2.3): each file is one DER value under its own application tag.
//!
//! ```text
//! 61 DG1  PrintableString, 2 letters     document type      6C DG12 SET OF SEQUENCE { 06, any }     optional data
//! 62 DG2  country, or a place            issuing state      6D DG13 UTF8String                      birth name
//! 63 DG3  NumericString YYYYMMDD         date of expiry     6E DG14 OCTET STRING, JPEG 2000         written signature
//! 64 DG4  UTF8String                     given names        6F DG15 NumericString YYYYMMDD          date of issuance
//! 65 DG5  UTF8String                     family names       70 DG16 reserved
//! 66 DG6  UTF8String                     nom de plume       71 DG17 a place, or SET OF places       place of residence
//! 67 DG7  UTF8String                     academic title     72 DG18 OCTET STRING                    municipality ID
//! 68 DG8  NumericString YYYYMMDD         date of birth      73 DG19 A1 { 0C } or A2 { 04 }          residence permit I
//! 69 DG9  a place                        place of birth     74 DG20 A1 { 0C } or A2 { 04 }          residence permit II
//! 6A DG10 PrintableString, a country     nationality        75 DG21 PrintableString, a tel URI      phone number
//! 6B DG11 PrintableString M, F, or blank sex                76 DG22 IA5String                       email address
//! ```
//!
//! Nobody signs these files: they are believed because the chip that gives them showed its key in Chip Authentication. Refused: another
//! tag, characters that the type does not have, dates that are none, more than [`MAX_MEMBERS`] members of a set. A country of two letters
//! is read and reported. A compressed text is kept as it stands.

use super::error::Within as _;
use super::{LdsError, asn1, field, hex, tags};
use crate::image::{EID_GROUPS, FileId};
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tag, Tlv};

mod date;
mod place;

pub use date::PartialDate;
pub use place::{GeneralPlace, Place};

/// Most members of a set: places, or optional data.
pub const MAX_MEMBERS: usize = 32;

const UTF8: u32 = 0x0C;
const NUMERIC: u32 = 0x12;
const PRINTABLE: u32 = 0x13;
const IA5: u32 = 0x16;
const OCTETS: u32 = 0x04;

/// What a data group is by its definition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A string of this tag.
    Text(u32),
    /// Two capital letters.
    DocumentType,
    Country,
    Sex,
    /// A country or a place.
    Issuer,
    Date,
    GeneralPlace,
    /// One, or a set of them.
    Places,
    Octets,
    Comment,
    Optional,
    /// Nothing is said about it.
    Reserved,
}

const GROUPS: [(&str, Kind); EID_GROUPS as usize] = [
    ("document type", Kind::DocumentType),
    ("issuing state", Kind::Issuer),
    ("date of expiry", Kind::Date),
    ("given names", Kind::Text(UTF8)),
    ("family names", Kind::Text(UTF8)),
    ("nom de plume", Kind::Text(UTF8)),
    ("academic title", Kind::Text(UTF8)),
    ("date of birth", Kind::Date),
    ("place of birth", Kind::GeneralPlace),
    ("nationality", Kind::Country),
    ("sex", Kind::Sex),
    ("optional data", Kind::Optional),
    ("birth name", Kind::Text(UTF8)),
    ("written signature", Kind::Octets),
    ("date of issuance", Kind::Date),
    ("reserved", Kind::Reserved),
    ("place of residence", Kind::Places),
    ("municipality ID", Kind::Octets),
    ("residence permit I", Kind::Comment),
    ("residence permit II", Kind::Comment),
    ("phone number", Kind::Text(PRINTABLE)),
    ("email address", Kind::Text(IA5)),
];

/// What a data group says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// DG1, DG4 to DG7, DG10, DG11, DG13, DG21, DG22, and DG2 where it is a state.
    Text(String),
    /// DG3, DG8, DG15.
    Date(PartialDate),
    /// DG9, DG17 where it is one, and DG2 where it is a place, which is structured.
    Place(GeneralPlace),
    /// DG17 where it is a set.
    Places(Vec<GeneralPlace>),
    /// DG14, DG18; of DG16 all that is inside its tag.
    Octets(Vec<u8>),
    /// DG19, DG20.
    Comment(Comment),
    /// DG12.
    Optional(Vec<OptionalData>),
}

/// A text that may be compressed (type `Text`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comment {
    /// As it is read.
    Plain(String),
    /// By DEFLATE (RFC 1951); not looked into.
    Compressed(Vec<u8>),
}

/// A member of DG12.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionalData {
    /// What it is: content octets of the object identifier.
    pub kind: Vec<u8>,
    /// One object in DER; empty if there is none.
    pub data: Vec<u8>,
}

/// A data group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EidGroup {
    number: u8,
    value: Value,
}

/// What a data group is called: `date of birth`; `None` unless 1 to 22.
#[must_use]
pub fn title(number: u8) -> Option<&'static str> {
    row(number).map(|(title, _)| title)
}

fn row(number: u8) -> Option<(&'static str, Kind)> {
    GROUPS.get(usize::from(number).checked_sub(1)?).copied()
}

impl EidGroup {
    /// Data group `number` with this value; `None` where it cannot hold such a one.
    #[must_use]
    pub fn new(number: u8, value: Value) -> Option<Self> {
        let group = Self { number, value };
        let file = FileId::eid(number)?;
        Self::read(file, &group.encode(), &mut Vec::new()).ok().filter(|read| *read == group)
    }

    /// Its number, 1 to 22.
    #[must_use]
    pub const fn number(&self) -> u8 {
        self.number
    }

    /// What it says.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> FileId {
        FileId::eid(self.number).unwrap_or(FileId::DIR)
    }

    /// The date in it, if it is one of a date.
    #[must_use]
    pub const fn date(&self) -> Option<PartialDate> {
        if let Value::Date(date) = self.value { Some(date) } else { None }
    }

    /// Reads the file from all of its bytes; tolerances go to `quirks`.
    ///
    /// # Errors
    /// `file` is none of the eID application, or the bytes are not this file.
    pub fn read(file: FileId, bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let number = file.eid_number().and_then(|number| row(number).map(|(_, kind)| (number, kind)));
        let (number, kind) = number.ok_or(LdsError::UnknownTag(Tag(0)))?;
        let mut reader = Reader::new(bytes);
        let outer = reader.expect(tags::of_file(file).unwrap_or(Tag(0))).within(file)?;
        reader.finish().within(file)?;
        let mut inside = outer.reader();
        let value = match kind {
            Kind::Reserved => return Ok(Self { number, value: Value::Octets(outer.value.to_vec()) }),
            Kind::Text(tag) => Value::Text(text(file, inside.expect(tag).within(file)?)?),
            Kind::DocumentType => {
                Value::Text(letters(file, inside.expect(PRINTABLE).within(file)?, "two capital letters", |len| len == 2)?)
            }
            Kind::Country => Value::Text(country(file, inside.expect(PRINTABLE).within(file)?, quirks)?),
            Kind::Sex => Value::Text(sex(file, inside.expect(PRINTABLE).within(file)?)?),
            Kind::Issuer => match inside.optional(PRINTABLE).within(file)? {
                Some(state) => Value::Text(country(file, state, quirks)?),
                None => Value::Place(GeneralPlace::Structured(Place::read(file, inside.expect(0x30).within(file)?, quirks)?)),
            },
            Kind::Date => Value::Date(date(file, inside.expect(NUMERIC).within(file)?)?),
            Kind::GeneralPlace => Value::Place(GeneralPlace::read(file, &mut inside, quirks)?),
            Kind::Places => match inside.optional(0x31).within(file)? {
                None => Value::Place(GeneralPlace::read(file, &mut inside, quirks)?),
                Some(set) => Value::Places(members(file, &set, |reader| GeneralPlace::read(file, reader, quirks))?),
            },
            Kind::Octets => Value::Octets(inside.expect(OCTETS).within(file)?.value.to_vec()),
            Kind::Comment => Value::Comment(comment(file, &mut inside)?),
            Kind::Optional => {
                let set = inside.expect(0x31).within(file)?;
                Value::Optional(members(file, &set, |reader| optional_data(file, reader))?)
            }
        };
        inside.finish().within(file)?;
        Ok(Self { number, value })
    }

    /// The file in bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let kind = row(self.number).map_or(Kind::Reserved, |(_, kind)| kind);
        let string = match kind {
            Kind::Text(tag) => tag,
            _ => PRINTABLE,
        };
        let inside = match &self.value {
            Value::Text(text) => tlv::encode(string, text.as_bytes()),
            Value::Date(date) => tlv::encode(NUMERIC, date.to_string().as_bytes()),
            Value::Place(place) => place.encode(),
            Value::Places(places) => set(places.iter().map(GeneralPlace::encode)),
            Value::Octets(octets) if kind == Kind::Reserved => octets.clone(),
            Value::Octets(octets) => tlv::encode(OCTETS, octets),
            Value::Comment(Comment::Plain(text)) => tlv::encode(0xA1, &tlv::encode(UTF8, text.as_bytes())),
            Value::Comment(Comment::Compressed(octets)) => tlv::encode(0xA2, &tlv::encode(OCTETS, octets)),
            Value::Optional(all) => set(all.iter().map(|data| {
                let mut member = tlv::encode(0x06, &data.kind);
                member.extend_from_slice(&data.data);
                tlv::encode(0x30, &member)
            })),
        };
        tlv::encode(0x60 | u32::from(self.number), &inside)
    }

    /// Names and values for people.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let title = title(self.number).unwrap_or_default();
        match &self.value {
            Value::Text(text) => vec![field(title, text.as_str())],
            Value::Date(date) => vec![field(title, date.describe())],
            Value::Place(place) => vec![field(title, place.describe())],
            Value::Places(places) => places.iter().map(|place| field(title, place.describe())).collect(),
            Value::Octets(octets) if matches!(self.number, 14 | 16) => vec![field(title, format!("{} bytes", octets.len()))],
            Value::Octets(octets) => vec![field(title, hex(octets))],
            Value::Comment(Comment::Plain(text)) => vec![field(title, text.as_str())],
            Value::Comment(Comment::Compressed(octets)) => vec![field(title, format!("compressed, {} bytes", octets.len()))],
            Value::Optional(all) => all
                .iter()
                .map(|data| {
                    let kind = crate::oid::decode(&data.kind).unwrap_or_default();
                    field(format!("{title}, {}", crate::oid::describe(&kind)), format!("{} bytes", data.data.len()))
                })
                .collect(),
        }
    }
}

/// SET OF in DER: sorted by the encodings.
fn set(members: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut members: Vec<_> = members.collect();
    members.sort();
    tlv::encode(0x31, &members.concat())
}

fn members<T>(file: FileId, set: &Tlv<'_>, mut read: impl FnMut(&mut Reader<'_>) -> Result<T, LdsError>) -> Result<Vec<T>, LdsError> {
    let mut reader = set.reader();
    let mut found = Vec::new();
    while !reader.is_empty() {
        if found.len() == MAX_MEMBERS {
            return Err(LdsError::value(file, "members of the set", reader.at(), format!("at most {MAX_MEMBERS}"), "more"));
        }
        found.push(read(&mut reader)?);
    }
    Ok(found)
}

fn optional_data(file: FileId, reader: &mut Reader<'_>) -> Result<OptionalData, LdsError> {
    let mut inside = reader.expect(0x30).within(file)?.reader();
    let kind = inside.expect(0x06).within(file)?;
    crate::oid::decode(kind.value).map_err(|error| LdsError::value(file, "type", kind.at, "an object identifier", error.to_string()))?;
    let data = inside.next().within(file)?.map(|data| data.raw.to_vec()).unwrap_or_default();
    inside.finish().within(file)?;
    Ok(OptionalData { kind: kind.value.to_vec(), data })
}

fn comment(file: FileId, reader: &mut Reader<'_>) -> Result<Comment, LdsError> {
    let Some(compressed) = reader.optional(0xA2).within(file)? else {
        let mut inside = reader.expect(0xA1).within(file)?.reader();
        let plain = inside.expect(UTF8).within(file)?;
        inside.finish().within(file)?;
        return text(file, plain).map(Comment::Plain);
    };
    let mut inside = compressed.reader();
    let octets = inside.expect(OCTETS).within(file)?.value.to_vec();
    inside.finish().within(file)?;
    Ok(Comment::Compressed(octets))
}

/// A string with the characters that its tag allows (X.680 clause 41).
fn text(file: FileId, string: Tlv<'_>) -> Result<String, LdsError> {
    let wrong =
        |expected: &str| LdsError::value(file, "text", string.value_at(), expected, hex(string.value.get(..16).unwrap_or(string.value)));
    let printable = |octet: &u8| octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(octet);
    let (right, expected) = match string.tag.0 {
        PRINTABLE => (string.value.iter().all(printable), "characters of PrintableString"),
        IA5 => (string.value.iter().all(|octet| (0x20..0x7F).contains(octet)), "printable characters of IA5String"),
        _ => (true, "UTF-8"),
    };
    let text = String::from_utf8(string.value.to_vec()).map_err(|_| wrong("UTF-8"))?;
    if !right {
        return Err(wrong(expected));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\r') { Err(wrong("no control characters")) } else { Ok(text) }
}

/// ICAOString: capital letters and blanks.
fn letters(file: FileId, string: Tlv<'_>, expected: &str, right: impl Fn(usize) -> bool) -> Result<String, LdsError> {
    let value = string.value;
    if !right(value.len()) || !value.iter().all(|&octet| octet.is_ascii_uppercase() || octet == b' ') {
        return Err(LdsError::value(file, "letters", string.value_at(), expected, hex(value.get(..16).unwrap_or(value))));
    }
    text(file, string)
}

/// A country code of Doc 9303-3: one letter or three; two are read too.
fn country(file: FileId, string: Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<String, LdsError> {
    let code = letters(file, string, "a country code of 1 or 3 capital letters", |len| (1..=3).contains(&len))?;
    if code.len() == 2 {
        quirks.push(Quirk::new("eid.country-of-two-letters", format!("{file} at offset {}", string.at)));
    }
    Ok(code)
}

fn sex(file: FileId, string: Tlv<'_>) -> Result<String, LdsError> {
    match string.value {
        [b'M' | b'F' | b' '] => text(file, string),
        other => Err(LdsError::value(file, "sex", string.value_at(), "M, F, or a blank", hex(other.get(..16).unwrap_or(other)))),
    }
}

fn date(file: FileId, string: Tlv<'_>) -> Result<PartialDate, LdsError> {
    PartialDate::parse(string.value).ok_or_else(|| {
        let found = hex(string.value.get(..16).unwrap_or(string.value));
        LdsError::value(file, "date", string.value_at(), "YYYYMMDD, blanks for a day or month that is not known", found)
    })
}

/// `EIDApplicationInfo` (TR-03110-4 clause 2.2.5) of an application with these data groups, which answers VERIFY for the auxiliary data of
/// these identifiers, in DER.
///
/// ```text
/// SEQUENCE { id-eIDApplicationInfo, SEQUENCE { SET OF INTEGER groups, SET OF INTEGER local groups,
///            BOOLEAN attribute requests, BOOLEAN specific attributes, BOOLEAN compare, SET OF OBJECT IDENTIFIER auxiliary data } }
/// ```
#[must_use]
pub fn application_info(groups: &[u8], auxiliary: &[&'static str]) -> Vec<u8> {
    let number = |number: &u8| {
        let mut integer = Vec::new();
        asn1::push_unsigned(&mut integer, (*number).into());
        integer
    };
    let no = tlv::encode(0x01, &[0x00]);
    let identifiers = auxiliary.iter().map(|oid| tlv::encode(0x06, &crate::oid::encode(oid)));
    let data = [set(groups.iter().map(number)), set(std::iter::empty()), no.clone(), no.clone(), no, set(identifiers)].concat();
    let mut info = Vec::new();
    asn1::push_oid(&mut info, crate::oid::EID_APPLICATION_INFO);
    tlv::push(&mut info, 0x30, &data);
    tlv::encode(0x30, &info)
}

#[cfg(test)]
mod tests;
