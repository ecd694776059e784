//! EF.DG16 (Doc 9303-10 §4.7.16): persons to notify.
//!
//! ```text
//! 70 { 02 n, A1 { 5F50 date of the entry, 5F51 name, 5F52 telephone, 5F53 address }, A2 { … } … }
//! ```
//!
//! The templates are numbered from A1. Numbers out of order, a wrong count, and packed dates are read and reported; a template that stands
//! there twice and more than [`MAX_PERSONS`] are refused.

use super::details::Element;
use super::error::Within as _;
use super::{Elementary, LdsError, dg, field, hex};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::{self, Tag};

/// Date of the entry, 8 digits.
pub const DATE: Tag = Tag(0x5F50);
/// Name: primary and secondary identifier, parts separated by <.
pub const NAME: Tag = Tag(0x5F51);
/// Telephone.
pub const TELEPHONE: Tag = Tag(0x5F52);
/// Address, parts separated by <.
pub const ADDRESS: Tag = Tag(0x5F53);

/// Most persons of one file: the templates A1 to AF.
pub const MAX_PERSONS: usize = 15;

const FIRST: u32 = 0xA1;
const LAST: u32 = 0xAF;

/// EF.DG16.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dg16 {
    /// The persons in the order of the file.
    pub persons: Vec<Contact>,
}

/// One template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Tag of the template, A1 to AF.
    pub tag: Tag,
    /// Its objects in the order of the file.
    pub elements: Vec<Element>,
}

impl Contact {
    /// The text of object `tag`.
    #[must_use]
    pub fn text(&self, tag: Tag) -> Option<std::borrow::Cow<'_, str>> {
        self.elements.iter().find(|element| element.tag == tag).map(Element::as_text)
    }
}

impl Dg16 {
    /// The file with these persons, numbered from A1; of more than [`MAX_PERSONS`] the first.
    #[must_use]
    pub fn new(persons: impl IntoIterator<Item = Vec<Element>>) -> Self {
        let contact = |(tag, elements)| Contact { tag: Tag(tag), elements };
        Self { persons: (FIRST..=LAST).zip(persons).map(contact).collect() }
    }
}

impl Elementary for Dg16 {
    const FILE: FileId = dg(16);

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut inside = tlv::single(bytes, 0x70).within(Self::FILE)?.reader();
        let count = inside.optional(0x02).within(Self::FILE)?;
        let mut persons: Vec<Contact> = Vec::new();
        while let Some(template) = inside.next().within(Self::FILE)? {
            if !(FIRST..=LAST).contains(&template.tag.0) {
                return Err(LdsError::value(Self::FILE, "template", template.at, "tags A1 to AF", template.tag.to_string()));
            }
            if persons.iter().any(|person| person.tag == template.tag) {
                return Err(LdsError::Twice { file: Self::FILE, what: "template", tag: template.tag.to_string(), at: template.at });
            }
            let mut objects = template.reader();
            let mut elements: Vec<Element> = Vec::new();
            while let Some(object) = objects.next().within(Self::FILE)? {
                if elements.iter().any(|element| element.tag == object.tag) {
                    return Err(LdsError::Twice { file: Self::FILE, what: "object", tag: object.tag.to_string(), at: object.at });
                }
                let element = Element { tag: object.tag, value: object.value.to_vec() };
                if element.tag == DATE && (element.value.len() != 8 || element.as_digits().is_none()) {
                    quirks.push(Quirk::new("dg16.date-form", format!("EF.DG16 offset {}", object.at)));
                }
                elements.push(element);
            }
            persons.push(Contact { tag: template.tag, elements });
        }
        if !persons.iter().zip(FIRST..).all(|(person, tag)| person.tag == Tag(tag)) {
            quirks.push(Quirk::new("dg16.numbers", "EF.DG16"));
        }
        if count.is_none_or(|count| count.value != [u8::try_from(persons.len()).unwrap_or(u8::MAX)]) {
            let found = count.map_or_else(|| "none".to_owned(), |count| hex(count.value.get(..4).unwrap_or(count.value)));
            quirks.push(Quirk::new("dg16.count", format!("EF.DG16: {} templates, count {found}", persons.len())));
        }
        Ok(Self { persons })
    }

    fn encode(&self) -> Vec<u8> {
        let mut inside = tlv::encode(0x02, &[u8::try_from(self.persons.len()).unwrap_or(u8::MAX)]);
        for person in &self.persons {
            let mut objects = Vec::new();
            person.elements.iter().for_each(|element| tlv::push(&mut objects, element.tag, &element.value));
            tlv::push(&mut inside, person.tag, &objects);
        }
        tlv::encode(0x70, &inside)
    }

    fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for (n, person) in (1..).zip(&self.persons) {
            for element in &person.elements {
                let (name, value) = match element.tag {
                    DATE => ("recorded", element.as_digits().unwrap_or_else(|| hex(&element.value))),
                    NAME => ("name", element.as_text().into_owned()),
                    TELEPHONE => ("telephone", element.as_text().into_owned()),
                    ADDRESS => ("address", element.as_text().into_owned()),
                    _ => {
                        fields.push(field(format!("person {n} tag {}", element.tag), hex(&element.value)));
                        continue;
                    }
                };
                fields.push(field(format!("person {n} {name}"), value));
            }
        }
        if fields.is_empty() {
            fields.push(field("persons to notify", "none"));
        }
        fields
    }
}
