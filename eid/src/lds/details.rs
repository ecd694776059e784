//! What EF.DG11 and EF.DG12 share: a tag list, then single objects and one group of names of other persons.
//!
//! ```text
//! { 5C tag list, object …, A0 { 02 count, object … } }
//! ```
//!
//! An object that stands there twice is refused. A tag list that does not fit the objects, names outside of their group and a wrong
//! count are read and reported, since chips carry them.

use std::borrow::Cow;

use super::error::Within as _;
use super::{LdsError, field, hex, tags};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::{self, Tag};

/// Tag of the group of names.
const GROUP: Tag = Tag(0xA0);

/// An object of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its tag.
    pub tag: Tag,
    /// Its value: text in UTF-8, a date as 8 digits or 4 octets of packed digits, or an image.
    pub value: Vec<u8>,
}

/// Tag list, objects and group, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// What the file says it holds.
    pub list: Vec<Tag>,
    /// Single objects.
    pub elements: Vec<Element>,
    /// Members of the group A0: names of other persons.
    pub group: Vec<Element>,
    /// How many single objects stand before the group.
    pub group_after: usize,
}

/// How a value reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Date,
    Moment,
    Image,
}

/// A row of a file's table of objects.
pub(super) type Row = (Tag, &'static str, Kind);

impl Element {
    /// The object `tag` with a text.
    #[must_use]
    pub fn text(tag: Tag, text: &str) -> Self {
        Self { tag, value: text.as_bytes().to_vec() }
    }

    /// The value as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn as_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.value)
    }

    /// The parts of a text between fillers `<`, without the empty ones: chips repeat fillers and leave them at the end.
    #[must_use]
    pub fn parts(&self) -> Vec<String> {
        self.as_text().split('<').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// Primary and secondary identifier of a name, told apart by two fillers or more; words separated by a blank.
    #[must_use]
    pub fn name(&self) -> (String, String) {
        let text = self.as_text();
        let (primary, secondary) = text.trim_matches('<').split_once("<<").unwrap_or((text.trim_matches('<'), ""));
        let words = |text: &str| text.split('<').flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
        (words(primary), words(secondary))
    }

    /// A date as digits `YYYYMMDD` (with `00` for unknown parts), or with the time as 14 digits, whether it is written in digits or packed.
    #[must_use]
    pub fn as_digits(&self) -> Option<String> {
        let text = if matches!(self.value.len(), 4 | 7) { hex(&self.value) } else { self.as_text().into_owned() };
        Some(text).filter(|text| matches!(text.len(), 8 | 14) && text.bytes().all(|b| b.is_ascii_digit()))
    }
}

impl Details {
    /// Details with the objects in this order, the group after them, and the tag list that fits.
    #[must_use]
    pub fn new(elements: Vec<Element>, group: Vec<Element>) -> Self {
        let mut list: Vec<_> = elements.iter().map(|element| element.tag).collect();
        list.extend(group.first().map(|member| member.tag));
        Self { list, group_after: elements.len(), elements, group }
    }

    /// The object `tag`, single or the first of the group.
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<&Element> {
        self.elements.iter().chain(&self.group).find(|element| element.tag == tag)
    }

    /// The text of object `tag`.
    #[must_use]
    pub fn text(&self, tag: Tag) -> Option<Cow<'_, str>> {
        self.get(tag).map(Element::as_text)
    }

    pub(super) fn read(file: FileId, table: &[Row], bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let outer = tlv::single(bytes, tags::of_file(file).unwrap_or(Tag(0))).within(file)?;
        let mut inside = outer.reader();
        let mut details = Self::default();
        if let Some(list) = inside.optional(tags::TAG_LIST).within(file)? {
            details.list = tags::read_list(list.value).map_err(|at| {
                LdsError::value(file, "tag list", list.value_at() + at, "whole tags", hex(list.value.get(at..).unwrap_or_default()))
            })?;
        } else {
            quirks.push(Quirk::new("details.no-tag-list", format!("{file}")));
        }
        let mut grouped = false;
        while let Some(object) = inside.next().within(file)? {
            if object.tag == GROUP && !grouped {
                grouped = true;
                details.group_after = details.elements.len();
                details.group = group(file, object, quirks)?;
            } else if object.tag == GROUP || details.elements.iter().any(|element| element.tag == object.tag) {
                return Err(LdsError::Twice { file, what: "object", tag: object.tag.to_string(), at: object.at });
            } else {
                details.elements.push(Element { tag: object.tag, value: object.value.to_vec() });
            }
        }
        if !grouped {
            details.group_after = details.elements.len();
        }
        details.check(file, table, quirks);
        Ok(details)
    }

    /// Compares the tag list with the objects, and each date with what a date looks like.
    fn check(&self, file: FileId, table: &[Row], quirks: &mut Vec<Quirk>) {
        let present = |tag| self.get(tag).is_some() || (tag == GROUP && !self.group.is_empty());
        for &tag in self.list.iter().filter(|&&tag| !present(tag)) {
            quirks.push(Quirk::new("details.listed-but-absent", format!("{file} {tag}")));
        }
        for element in self.elements.iter().filter(|element| !self.list.contains(&element.tag)) {
            quirks.push(Quirk::new("details.present-but-unlisted", format!("{file} {}", element.tag)));
        }
        for element in &self.elements {
            let date = table.iter().any(|&(tag, _, kind)| tag == element.tag && matches!(kind, Kind::Date | Kind::Moment));
            match element.as_digits() {
                None if date => quirks.push(Quirk::new("details.date-form", format!("{file} {}", element.tag))),
                Some(digits) if date && digits.len() > element.value.len() => {
                    quirks.push(Quirk::new("details.packed-date", format!("{file} {}", element.tag)));
                }
                _ => {}
            }
        }
        let is_text = |tag| table.iter().any(|&(row, _, kind)| row == tag && kind == Kind::Text);
        for element in self.elements.iter().chain(&self.group).filter(|element| is_text(element.tag)) {
            let text = element.as_text();
            if text.contains("<<<") || text.ends_with('<') {
                quirks.push(Quirk::new("details.fillers", format!("{file} {}", element.tag)));
            }
        }
    }

    pub(super) fn encode(&self, file: FileId) -> Vec<u8> {
        let mut inside = tlv::encode(tags::TAG_LIST, &tags::write_list(&self.list));
        let (before, after) = self.elements.split_at_checked(self.group_after).unwrap_or((&self.elements, &[]));
        before.iter().for_each(|element| tlv::push(&mut inside, element.tag, &element.value));
        if !self.group.is_empty() {
            let mut members = tlv::encode(0x02, &[u8::try_from(self.group.len()).unwrap_or(u8::MAX)]);
            self.group.iter().for_each(|member| tlv::push(&mut members, member.tag, &member.value));
            tlv::push(&mut inside, GROUP, &members);
        }
        after.iter().for_each(|element| tlv::push(&mut inside, element.tag, &element.value));
        tlv::encode(tags::of_file(file).unwrap_or(Tag(0)), &inside)
    }

    pub(super) fn fields(&self, table: &[Row]) -> Vec<(String, String)> {
        let one = |element: &Element| {
            let row = table.iter().find(|&&(tag, ..)| tag == element.tag);
            let name = row.map_or_else(|| format!("tag {}", element.tag), |&(_, name, _)| name.to_owned());
            let value = match row.map(|&(.., kind)| kind) {
                Some(Kind::Text) => element.as_text().into_owned(),
                Some(Kind::Date | Kind::Moment) => element.as_digits().map_or_else(|| hex(&element.value), |digits| dashed(&digits)),
                Some(Kind::Image) => format!("image of {} bytes", element.value.len()),
                None => hex(&element.value),
            };
            field(name, value)
        };
        self.elements.iter().chain(&self.group).map(one).collect()
    }
}

/// The members of a group A0. Most that a count octet can say.
fn group(file: FileId, object: tlv::Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Vec<Element>, LdsError> {
    let mut inside = object.reader();
    let count = inside.expect(0x02).within(file)?;
    let mut members = Vec::new();
    while let Some(member) = inside.next().within(file)? {
        members.push(Element { tag: member.tag, value: member.value.to_vec() });
    }
    if members.is_empty() || members.len() > usize::from(u8::MAX) {
        return Err(LdsError::value(file, "group A0", object.at, "1 to 255 members", format!("{} members", members.len())));
    }
    if count.value.iter().fold(0usize, |n, &o| n.saturating_mul(256).saturating_add(o.into())) != members.len() {
        let place =
            format!("{file} offset {}: {} members, count {}", count.at, members.len(), hex(count.value.get(..4).unwrap_or(count.value)));
        quirks.push(Quirk::new("details.group-count", place));
    }
    Ok(members)
}

/// `20300105` as `2030-01-05`, `20210210083000` as `2021-02-10 08:30:00`.
fn dashed(digits: &str) -> String {
    let part = |range| digits.get(range).unwrap_or_default();
    let day = format!("{}-{}-{}", part(0..4), part(4..6), part(6..8));
    if digits.len() > 8 { format!("{day} {}:{}:{}", part(8..10), part(10..12), part(12..14)) } else { day }
}
