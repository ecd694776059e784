//! What the records of ISO/IEC 39794-4, -5 and -6 share (ISO/IEC 39794-1): DER with implicit tags, one block in
//! `7F2E { A1 { 64 | 65 | 66 block } }`.
//!
//! ```text
//! VersionBlock          [0] generation, [1] year
//! DateTimeBlock         [0] year, [1] month, [2] day, [3] hour, [4] minute, [5] second, [6] millisecond
//! QualityBlock          [0] { [0] organization, [1] algorithm }, [1] { [0] score | [1] error }
//! code or extension     [0] code | [1] { [0] fallback code, … }
//! ```
//!
//! The definitions are extensible: what is not known, and an optional element that does not read, is kept byte for byte and written back;
//! the latter is reported. Refused: a missing mandatory element, one that stands there twice, and more than [`MAX_ELEMENTS`] in a block.

use crate::image::FileId;
use crate::lds::error::Within as _;
use crate::lds::{LdsError, hex};
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tag, Tlv};

pub mod face;
pub mod finger;
pub mod iris;

/// Most elements of one block.
pub const MAX_ELEMENTS: usize = 64;
/// Most representations, quality blocks or landmarks of one list.
pub const MAX_LIST: usize = 256;

/// Elements that are kept as they are: tag and value.
pub type Kept = Vec<(Tag, Vec<u8>)>;

/// VersionBlock: which edition of the standard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// 3 for ISO/IEC 39794.
    pub generation: u16,
    /// Year of the edition, 2019 and later.
    pub year: u16,
    /// Other elements.
    pub others: Kept,
}

/// DateTimeBlock: everything after the year may be absent, from the right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureTime {
    /// 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: Option<u16>,
    /// 1 to 31.
    pub day: Option<u16>,
    /// 0 to 23.
    pub hour: Option<u16>,
    /// 0 to 59.
    pub minute: Option<u16>,
    /// 0 to 59.
    pub second: Option<u16>,
    /// 0 to 999.
    pub millisecond: Option<u16>,
}

/// QualityBlock: the score of one algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Registered organization of the algorithm.
    pub organization: u16,
    /// The algorithm, as the organization numbers it.
    pub algorithm: u16,
    /// 0 to 100; the content of the scoring error otherwise.
    pub score: Result<u8, Vec<u8>>,
    /// Other elements.
    pub others: Kept,
}

/// A code, or an extension with a code to fall back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code or the fallback; an extension need not have one.
    pub value: Option<u32>,
    /// The content of the extension block, if that was used.
    pub extension: Option<Vec<u8>>,
}

/// The block that is all of the data of a template, under its application tag.
fn open<'a>(file: FileId, application: u32, data: &'a [u8], at: usize, quirks: &mut Vec<Quirk>) -> Result<Block<'a>, LdsError> {
    let mut outer = Reader::new_at(data, at);
    let mut wrapper = outer.expect(0xA1).within(file)?.reader();
    outer.finish().within(file)?;
    let block = wrapper.expect(application).within(file)?;
    wrapper.finish().within(file)?;
    Block::read(file, block, quirks)
}

/// Reads the data of a template, `A1 { application { [0] version, [1] { representation … } } }`: the shape that the three parts share.
pub(super) fn read_block<'a, T>(
    file: FileId,
    application: u32,
    data: &'a [u8],
    at: usize,
    quirks: &mut Vec<Quirk>,
    read: impl FnMut(Block<'a>, &mut Vec<Quirk>) -> Result<T, LdsError>,
) -> Result<(Version, Vec<T>, Kept), LdsError> {
    let mut block = open(file, application, data, at, quirks)?;
    let version = Version::read(file, block.need(0xA0, "version block")?, quirks)?;
    let blocks = block.need(0xA1, "representation blocks")?;
    let representations = list(file, "representation blocks", blocks, quirks, read)?;
    if representations.is_empty() {
        return Err(LdsError::value(file, "representation blocks", blocks.at, "at least one", "none"));
    }
    Ok((version, representations, block.others()))
}

/// The data of a template for a block with representations of these contents.
pub(super) fn write_block(
    application: u32,
    version: &Version,
    representations: impl IntoIterator<Item = Vec<u8>>,
    others: &Kept,
) -> Vec<u8> {
    let content = sequence(vec![(0xA0, version.content()), (0xA1, join(representations))], others);
    tlv::encode(0xA1, &tlv::encode(application, &content))
}

/// A SEQUENCE while it is read: each element once, in any order.
pub(super) struct Block<'a> {
    pub(super) file: FileId,
    pub(super) at: usize,
    elements: Vec<Tlv<'a>>,
}

impl<'a> Block<'a> {
    pub(super) fn read(file: FileId, tlv: Tlv<'a>, quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut inside = tlv.reader();
        let mut elements: Vec<Tlv<'a>> = Vec::new();
        while let Some(element) = inside.next().within(file)? {
            if elements.len() == MAX_ELEMENTS {
                return Err(LdsError::value(file, "elements of a block", element.at, format!("at most {MAX_ELEMENTS}"), "more"));
            }
            if elements.iter().any(|other| other.tag == element.tag) {
                return Err(LdsError::Twice { file, what: "element", tag: element.tag.to_string(), at: element.at });
            }
            if elements.last().is_some_and(|last| order(last.tag) > order(element.tag)) {
                quirks.push(Quirk::new("iso39794.order", format!("{file} offset {}", element.at)));
            }
            elements.push(element);
        }
        Ok(Self { file, at: tlv.at, elements })
    }

    /// An element without taking it.
    pub(super) fn peek(&self, tag: u32) -> Option<Tlv<'a>> {
        self.elements.iter().find(|element| element.tag == Tag(tag)).copied()
    }

    pub(super) fn take(&mut self, tag: u32) -> Option<Tlv<'a>> {
        let index = self.elements.iter().position(|element| element.tag == Tag(tag))?;
        Some(self.elements.remove(index))
    }

    /// The element that must be there.
    pub(super) fn need(&mut self, tag: u32, field: &'static str) -> Result<Tlv<'a>, LdsError> {
        let (file, at) = (self.file, self.at);
        self.take(tag).ok_or_else(|| LdsError::value(file, field, at, format!("element {}", Tag(tag)), "none"))
    }

    /// An element that may be there. One that does not read is reported and kept with the others.
    pub(super) fn optional<T>(
        &mut self,
        tag: u32,
        quirks: &mut Vec<Quirk>,
        read: impl FnOnce(FileId, Tlv<'a>, &mut Vec<Quirk>) -> Result<T, LdsError>,
    ) -> Option<T> {
        let index = self.elements.iter().position(|element| element.tag == Tag(tag))?;
        let element = *self.elements.get(index)?;
        match read(self.file, element, quirks) {
            Ok(value) => {
                self.elements.remove(index);
                Some(value)
            }
            Err(error) => {
                quirks.push(Quirk::new("iso39794.element-not-read", error.to_string()));
                None
            }
        }
    }

    /// What was not taken.
    pub(super) fn others(self) -> Kept {
        self.elements.iter().map(|element| (element.tag, element.value.to_vec())).collect()
    }
}

/// The place of an element in its SEQUENCE: the number of its tag.
const fn order(tag: Tag) -> u32 {
    if tag.0 <= 0xFF { tag.0 & 0x1F } else { tag.0 }
}

/// The elements of a SEQUENCE in the order of their numbers.
pub(super) fn sequence(known: Vec<(u32, Vec<u8>)>, others: &Kept) -> Vec<u8> {
    let mut elements: Vec<(Tag, &[u8])> = known.iter().map(|(tag, value)| (Tag(*tag), value.as_slice())).collect();
    elements.extend(others.iter().map(|(tag, value)| (*tag, value.as_slice())));
    elements.sort_by_key(|(tag, _)| order(*tag));
    let mut out = Vec::new();
    elements.iter().for_each(|(tag, value)| tlv::push(&mut out, *tag, value));
    out
}

/// The members of a SEQUENCE OF SEQUENCE.
pub(super) fn list<'a, T>(
    file: FileId,
    field: &'static str,
    tlv: Tlv<'a>,
    quirks: &mut Vec<Quirk>,
    mut read: impl FnMut(Block<'a>, &mut Vec<Quirk>) -> Result<T, LdsError>,
) -> Result<Vec<T>, LdsError> {
    let mut inside = tlv.reader();
    let mut members = Vec::new();
    while !inside.is_empty() {
        let member = inside.expect(0x30).within(file)?;
        if members.len() == MAX_LIST {
            return Err(LdsError::value(file, field, member.at, format!("at most {MAX_LIST}"), "more"));
        }
        let block = Block::read(file, member, quirks)?;
        members.push(read(block, quirks)?);
    }
    Ok(members)
}

/// The content of a SEQUENCE OF SEQUENCE with these contents.
pub(super) fn join(members: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    members.into_iter().for_each(|member| tlv::push(&mut out, 0x30, &member));
    out
}

/// An INTEGER or ENUMERATED of implicit tag, 0 to `max`.
pub(super) fn number(file: FileId, field: &'static str, tlv: Tlv<'_>, max: u32) -> Result<u32, LdsError> {
    let significant: Vec<u8> = tlv.value.iter().copied().skip_while(|&octet| octet == 0).collect();
    let negative = tlv.value.first().is_none_or(|&first| first & 0x80 != 0);
    let value = significant.iter().take(4).fold(0u32, |value, &octet| value << 8 | u32::from(octet));
    if negative || significant.len() > 4 || value > max {
        let found = hex(tlv.value.get(..8).unwrap_or(tlv.value));
        return Err(LdsError::value(file, field, tlv.at, format!("an INTEGER 0 to {max}"), found));
    }
    Ok(value)
}

/// The content of that INTEGER.
pub(super) fn integer(value: u32) -> Vec<u8> {
    let mut content: Vec<u8> = value.to_be_bytes().into_iter().skip_while(|&octet| octet == 0).collect();
    if content.first().is_none_or(|&first| first & 0x80 != 0) {
        content.insert(0, 0);
    }
    content
}

/// As [`number`], in 16 bits.
pub(super) fn short(file: FileId, field: &'static str, tlv: Tlv<'_>, max: u16) -> Result<u16, LdsError> {
    number(file, field, tlv, max.into()).map(|value| u16::try_from(value).unwrap_or(max))
}

/// The one element of a CHOICE.
pub(super) fn choice<'a>(file: FileId, tlv: Tlv<'a>) -> Result<Tlv<'a>, LdsError> {
    let mut inside = tlv.reader();
    let one = inside.next().within(file)?;
    inside.finish().within(file)?;
    one.ok_or_else(|| LdsError::value(file, "choice", tlv.at, "one element", "none"))
}

impl Code {
    /// The code `value`.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self { value: Some(value), extension: None }
    }

    pub(super) fn read(file: FileId, field: &'static str, tlv: Tlv<'_>) -> Result<Self, LdsError> {
        let one = choice(file, tlv)?;
        match one.tag.0 {
            0x80 => number(file, field, one, u32::MAX).map(Self::new),
            0xA1 => {
                let fallback = one.reader().optional(0x80).within(file)?;
                let value = fallback.map(|fallback| number(file, field, fallback, u32::MAX)).transpose()?;
                Ok(Self { value, extension: Some(one.value.to_vec()) })
            }
            _ => Err(LdsError::value(file, field, one.at, "element 80 or A1", one.tag.to_string())),
        }
    }

    pub(super) fn content(&self) -> Vec<u8> {
        match &self.extension {
            Some(extension) => tlv::encode(0xA1, extension),
            None => tlv::encode(0x80, &integer(self.value.unwrap_or_default())),
        }
    }

    /// `JPEG`, `extension (JPEG)`, `code 7`, from the names of the codes.
    pub(super) fn name(&self, names: &[(u32, &'static str)]) -> String {
        let code = self.value.map(|value| {
            let known = names.iter().find(|(code, _)| *code == value);
            known.map_or_else(|| format!("code {value}"), |(_, name)| (*name).to_owned())
        });
        match (code, &self.extension) {
            (Some(code), None) => code,
            (Some(code), Some(_)) => format!("extension ({code})"),
            (None, _) => "extension".to_owned(),
        }
    }
}

impl Version {
    /// The first edition, of 2019.
    #[must_use]
    pub const fn first() -> Self {
        Self { generation: 3, year: 2019, others: Vec::new() }
    }

    pub(super) fn read(file: FileId, tlv: Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut block = Block::read(file, tlv, quirks)?;
        Ok(Self {
            generation: short(file, "generation", block.need(0x80, "generation")?, u16::MAX)?,
            year: short(file, "year of the edition", block.need(0x81, "year of the edition")?, 9999)?,
            others: block.others(),
        })
    }

    pub(super) fn content(&self) -> Vec<u8> {
        sequence(vec![(0x80, integer(self.generation.into())), (0x81, integer(self.year.into()))], &self.others)
    }
}

impl CaptureTime {
    pub(super) fn read(file: FileId, tlv: Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut block = Block::read(file, tlv, quirks)?;
        let year = short(file, "year", block.need(0x80, "year")?, 9999)?;
        let mut part = |tag, field, max| block.take(tag).map(|tlv| short(file, field, tlv, max)).transpose();
        let time = Self {
            year,
            month: part(0x81, "month", 12)?,
            day: part(0x82, "day", 31)?,
            hour: part(0x83, "hour", 23)?,
            minute: part(0x84, "minute", 59)?,
            second: part(0x85, "second", 59)?,
            millisecond: part(0x86, "millisecond", 999)?,
        };
        // the block has no extension marker
        match block.elements.first() {
            None => Ok(time),
            Some(extra) => Err(LdsError::value(file, "capture time", extra.at, "elements 80 to 86", extra.tag.to_string())),
        }
    }

    pub(super) fn content(&self) -> Vec<u8> {
        let parts = [Some(self.year), self.month, self.day, self.hour, self.minute, self.second, self.millisecond];
        let known = (0x80..).zip(parts).filter_map(|(tag, part)| Some((tag, integer(part?.into()))));
        sequence(known.collect(), &Vec::new())
    }
}

impl std::fmt::Display for CaptureTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}", self.year)?;
        for (mark, part) in [('-', self.month), ('-', self.day), (' ', self.hour), (':', self.minute), (':', self.second)] {
            let Some(part) = part else { return Ok(()) };
            write!(f, "{mark}{part:02}")?;
        }
        self.millisecond.map_or(Ok(()), |part| write!(f, ".{part:03}"))
    }
}

impl Quality {
    pub(super) fn read_list(file: FileId, tlv: Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Vec<Self>, LdsError> {
        list(file, "quality blocks", tlv, quirks, |mut block, quirks| {
            let mut id = Block::read(file, block.need(0xA0, "quality algorithm")?, quirks)?;
            let one = choice(file, block.need(0xA1, "quality score")?)?;
            let score = match one.tag.0 {
                0x80 => Ok(u8::try_from(number(file, "quality score", one, 100)?).unwrap_or(100)),
                _ => Err(one.raw.to_vec()),
            };
            Ok(Self {
                organization: short(file, "organization", id.need(0x80, "organization")?, u16::MAX)?,
                algorithm: short(file, "algorithm", id.need(0x81, "algorithm")?, u16::MAX)?,
                score,
                others: block.others(),
            })
        })
    }

    pub(super) fn content(list: &[Self]) -> Vec<u8> {
        join(list.iter().map(|quality| {
            let id = sequence(vec![(0x80, integer(quality.organization.into())), (0x81, integer(quality.algorithm.into()))], &Vec::new());
            let score = match &quality.score {
                Ok(score) => tlv::encode(0x80, &integer((*score).into())),
                Err(raw) => raw.clone(),
            };
            sequence(vec![(0xA0, id), (0xA1, score)], &quality.others)
        }))
    }
}

impl std::fmt::Display for Quality {
    /// `82 by 0101/0001`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.score {
            Ok(score) => write!(f, "{score}")?,
            Err(_) => f.write_str("not assessed")?,
        }
        write!(f, " by {:04X}/{:04X}", self.organization, self.algorithm)
    }
}
