//! EF.DG13 of the Vietnamese identity card: numbered fields of the holder. Doc 9303-10 leaves this data group to the state.
//!
//! ```text
//! 6D { SEQUENCE { INTEGER version, OBJECT IDENTIFIER 1.0.10646.1.0.8 (UTF-8),
//!      SET { SEQUENCE { INTEGER number, string | SEQUENCE { string … } } … } } }
//! ```
//!
//! The set stands in the order of the numbers, not in DER order, and the file is hashed as it stands: order, string types and unknown
//! numbers are kept. Every field may be absent or empty. A number that stands there twice is refused, and so is anything that is not this
//! structure: see [`Dg13::is_vietnamese`].

use super::error::Within as _;
use super::{Elementary, LdsError, asn1, dg, field, hex};
use crate::image::FileId;
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tag, Tlv};

mod person;

pub use person::Person;

/// Most fields that are read from one file.
pub const MAX_FIELDS: usize = 64;

const UTF8_STRING: Tag = Tag(0x0C);
const PRINTABLE_STRING: Tag = Tag(0x13);
const OCTET_STRING: Tag = Tag(0x04);
const SEQUENCE: Tag = Tag(0x30);

/// A string with its ASN.1 type: UTF8String (0C) or PrintableString (13), and OCTET STRING (04) as some readers expect it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The type.
    pub tag: Tag,
    /// The octets, UTF-8 in all types.
    pub value: Vec<u8>,
}

impl Text {
    fn utf8(text: &str) -> Self {
        Self { tag: UTF8_STRING, value: text.as_bytes().to_vec() }
    }

    fn printable(text: &str) -> Self {
        Self { tag: PRINTABLE_STRING, value: text.as_bytes().to_vec() }
    }

    /// The text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn as_str(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// One string.
    One(Text),
    /// A SEQUENCE of strings: parents, spouse.
    Several(Vec<Text>),
    /// Something else, as it stands: tag, length and value.
    Other(Vec<u8>),
}

/// A numbered field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// 1 to 16 are known.
    pub number: u32,
    /// What it holds.
    pub value: Value,
}

/// EF.DG13 of Vietnam.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dg13 {
    /// 1.
    pub version: u32,
    /// The fields in the order of the file.
    pub numbered: Vec<Field>,
}

/// Names of the fields 1 to 16.
const NAMES: [&str; 16] = [
    "personal number",
    "full name",
    "date of birth",
    "sex",
    "nationality",
    "ethnicity",
    "religion",
    "place of origin",
    "place of residence",
    "identifying features",
    "date of issue",
    "date of expiry",
    "parents",
    "spouse",
    "old identity number",
    "chip serial",
];

impl Dg13 {
    /// Whether `bytes` begin like this structure: other states put other things into EF.DG13.
    #[must_use]
    pub fn is_vietnamese(bytes: &[u8]) -> bool {
        let head = || {
            let mut inside = Reader::new(bytes).expect(0x6D).ok()?.reader().expect(SEQUENCE).ok()?.reader();
            inside.expect(0x02).ok()?;
            inside.expect(0x06).ok().map(|oid| oid.value)
        };
        head() == Some(&oid::encode(oid::ISO10646_UTF8))
    }

    /// The field `number`.
    #[must_use]
    pub fn field(&self, number: u32) -> Option<&Field> {
        self.numbered.iter().find(|field| field.number == number)
    }

    /// The text of field `number`; the strings of a sequence are joined by `, `.
    #[must_use]
    pub fn text(&self, number: u32) -> Option<String> {
        self.field(number).map(Field::text)
    }
}

impl Field {
    /// Takes the content out: the strings stay, with their types and empty.
    pub fn clear(&mut self) {
        match &mut self.value {
            Value::One(text) => text.value.clear(),
            Value::Several(texts) => texts.iter_mut().for_each(|text| text.value.clear()),
            Value::Other(raw) => raw.clear(),
        }
    }

    /// The text; the strings of a sequence are joined by `, `, anything else is hex.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.value {
            Value::One(text) => text.as_str().into_owned(),
            Value::Several(texts) => texts.iter().map(|text| text.as_str().into_owned()).collect::<Vec<_>>().join(", "),
            Value::Other(raw) => hex(raw),
        }
    }

    /// `full name`, or `field 17` for a number that is not known.
    #[must_use]
    pub fn name(&self) -> String {
        let index = usize::try_from(self.number).ok().and_then(|number| number.checked_sub(1));
        index.and_then(|index| NAMES.get(index)).map_or_else(|| format!("field {}", self.number), |&name| name.to_owned())
    }
}

impl Elementary for Dg13 {
    const FILE: FileId = dg(13);

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut outer = tlv::single(bytes, 0x6D).within(Self::FILE)?.reader();
        let mut inside = outer.expect(SEQUENCE).within(Self::FILE)?.reader();
        outer.finish().within(Self::FILE)?;
        let version = integer(&mut inside, "version")?;
        let charset = inside.expect(0x06).within(Self::FILE)?;
        if charset.value != oid::encode(oid::ISO10646_UTF8) {
            let found = oid::decode(charset.value).unwrap_or_else(|_| hex(charset.value.get(..16).unwrap_or(charset.value)));
            return Err(LdsError::value(Self::FILE, "character set", charset.at, oid::describe(oid::ISO10646_UTF8), found));
        }
        let set = inside.expect(0x31).within(Self::FILE)?;
        inside.finish().within(Self::FILE)?;
        let mut members = set.reader();
        let mut numbered: Vec<Field> = Vec::new();
        while let Some(member) = members.next().within(Self::FILE)? {
            if numbered.len() == MAX_FIELDS {
                return Err(LdsError::value(Self::FILE, "fields", member.at, format!("at most {MAX_FIELDS}"), "more"));
            }
            let field = read_field(member, quirks)?;
            if numbered.iter().any(|other| other.number == field.number) {
                return Err(LdsError::Twice { file: Self::FILE, what: "field", tag: field.number.to_string(), at: member.at });
            }
            numbered.push(field);
        }
        Ok(Self { version, numbered })
    }

    fn encode(&self) -> Vec<u8> {
        let mut set = Vec::new();
        for field in &self.numbered {
            let mut member = Vec::new();
            asn1::push_unsigned(&mut member, field.number);
            match &field.value {
                Value::One(text) => tlv::push(&mut member, text.tag, &text.value),
                Value::Several(texts) => {
                    let mut strings = Vec::new();
                    texts.iter().for_each(|text| tlv::push(&mut strings, text.tag, &text.value));
                    tlv::push(&mut member, SEQUENCE, &strings);
                }
                Value::Other(raw) => member.extend_from_slice(raw),
            }
            tlv::push(&mut set, SEQUENCE, &member);
        }
        let mut inside = Vec::new();
        asn1::push_unsigned(&mut inside, self.version);
        asn1::push_oid(&mut inside, oid::ISO10646_UTF8);
        tlv::push(&mut inside, 0x31, &set);
        tlv::encode(0x6D, &tlv::encode(SEQUENCE, &inside))
    }

    fn fields(&self) -> Vec<(String, String)> {
        self.numbered.iter().map(|f| field(f.name(), f.text())).collect()
    }
}

fn read_field(member: Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Field, LdsError> {
    let mut whole = Reader::new_at(member.raw, member.at);
    let mut inside = whole.expect(SEQUENCE).within(Dg13::FILE)?.reader();
    let number = integer(&mut inside, "field number")?;
    let at = inside.at();
    let value = match inside.next().within(Dg13::FILE)? {
        None => {
            quirks.push(Quirk::new("dg13.field-without-value", format!("EF.DG13 field {number} at offset {at}")));
            Value::Other(Vec::new())
        }
        Some(tlv) => match text(tlv) {
            Some(text) => Value::One(text),
            None => several(tlv).map_or_else(
                || {
                    quirks.push(Quirk::new("dg13.unknown-value", format!("EF.DG13 field {number} at offset {at}")));
                    Value::Other(tlv.raw.to_vec())
                },
                Value::Several,
            ),
        },
    };
    inside.finish().within(Dg13::FILE)?;
    Ok(Field { number, value })
}

fn text(tlv: Tlv<'_>) -> Option<Text> {
    matches!(tlv.tag, UTF8_STRING | PRINTABLE_STRING | OCTET_STRING).then(|| Text { tag: tlv.tag, value: tlv.value.to_vec() })
}

fn several(tlv: Tlv<'_>) -> Option<Vec<Text>> {
    let mut strings = (tlv.tag == SEQUENCE).then(|| tlv.reader())?;
    let mut texts = Vec::new();
    while let Some(string) = strings.next().ok()? {
        texts.push(text(string)?);
    }
    Some(texts)
}

fn integer(reader: &mut Reader<'_>, field: &'static str) -> Result<u32, LdsError> {
    let at = reader.at();
    asn1::unsigned(reader).map_err(|error| LdsError::value(Dg13::FILE, field, at, "an INTEGER of 32 bits", error.to_string()))
}
