//! The language in which a document's defects are written, and its application to bytes.
//!
//! ```text
//! edits   edit { ";" edit }
//! edit    TARGET [ PATH ] OPERATION
//! PATH    TAG { "/" TAG }            hexadecimal tags from the outermost object inwards; the first such object is meant,
//!                                    TAG#n the n-th from 0, TAG(HEX) the one whose first inner object has this value, TAG(HEX)#n the n-th of those
//! ```
//!
//! | operation | what becomes of the object |
//! | --- | --- |
//! | `tag=HEX` | another tag |
//! | `set=HEX`, `set='text'` | another value |
//! | `@N=HEX`, `@N='text'` | other octets in the value from place N, counted from 0 |
//! | `@N^HEX` | the octet at place N, exclusive-or; a place below 0 counts from the end |
//! | `cut=N` | the value ends after N octets |
//! | `into=HEX` | octets at the end of the value |
//! | `before=HEX`, `after=HEX` | octets beside the object |
//! | `double` | the object stands there twice |
//! | `drop` | the object is left out |
//! | `len=HEX` | other length octets, the value as it is |
//! | `len+N`, `len-N` | a length that is wrong by N, the value as it is |
//! | `longer` | its length in one octet more than it takes |
//! | `nest=N` | its value N times in an object of its own tag |
//! | `reverse` | the objects in it in the reverse order |
//! | `bcd` | its decimal digits two to an octet |
//! | `digits` | of an MRZ: all check digits as they should be |
//! | `absent` | of a file, without a path: there is no such file |
//! | `content=HEX` | of a file, without a path: this instead of it |
//!
//! Lengths of the objects around are always right.

use eid::mrz::check_digit;
use eid::tlv::{self, Reader, Tag};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) target: String,
    pub(super) path: Vec<Step>,
    pub(super) operation: Operation,
}

/// An object among its siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    tag: Tag,
    which: Which,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Which {
    Nth(usize),
    /// The value of the first inner object, and which of those with it.
    Begins(Vec<u8>, usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Tag(Tag),
    Set(Vec<u8>),
    Octets(usize, Vec<u8>),
    Flip(isize, u8),
    Cut(usize),
    Into(Vec<u8>),
    Before(Vec<u8>),
    After(Vec<u8>),
    Double,
    Drop,
    Length(Vec<u8>),
    LengthBy(isize),
    Longer,
    Nest(usize),
    Reverse,
    Bcd,
    Digits,
    Absent,
    Content(Vec<u8>),
}

/// Deepest nesting that an edit makes.
const MAX_NESTED: usize = 4096;

/// Why a text is no edit, or why there was nothing to edit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("edit {edit:?}: expected {expected}, found {found}")]
pub struct EditError {
    /// The edit.
    pub edit: String,
    /// What it should say, or what should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// The edits of an injection.
pub(super) fn parse(text: &str) -> Result<Vec<Edit>, EditError> {
    text.split(';').map(str::trim).filter(|edit| !edit.is_empty()).map(one).collect()
}

fn one(text: &str) -> Result<Edit, EditError> {
    let wrong = |expected: &str, found: &str| EditError { edit: text.to_owned(), expected: expected.to_owned(), found: found.to_owned() };
    let mut words = text.splitn(2, ' ');
    let target = words.next().unwrap_or_default().to_owned();
    let rest = words.next().unwrap_or_default().trim();
    let (path, operation) = match rest.split_once(' ') {
        // a text in quotation marks may hold blanks
        Some((path, operation)) if !path.contains('=') && !path.contains('\'') => (path, operation.trim()),
        _ => ("", rest),
    };
    let path = path.split('/').filter(|step| !step.is_empty()).map(step).collect::<Option<Vec<_>>>();
    let path = path.ok_or_else(|| wrong("hexadecimal tags with / between them", rest))?;
    let operation = operation_of(operation).ok_or_else(|| wrong("an operation", operation))?;
    Ok(Edit { target, path, operation })
}

fn step(text: &str) -> Option<Step> {
    let tag = |text: &str| u32::from_str_radix(text, 16).ok().map(Tag);
    let (name, n) = text.split_once('#').unwrap_or((text, "0"));
    let n = n.parse().ok()?;
    match name.strip_suffix(')').and_then(|name| name.split_once('(')) {
        Some((name, value)) => Some(Step { tag: tag(name)?, which: Which::Begins(hex::decode(value).ok()?, n) }),
        None => Some(Step { tag: tag(name)?, which: Which::Nth(n) }),
    }
}

fn octets(text: &str) -> Option<Vec<u8>> {
    match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(text) => Some(text.as_bytes().to_vec()),
        None => hex::decode(text).ok(),
    }
}

fn operation_of(text: &str) -> Option<Operation> {
    if let Some(place) = text.strip_prefix('@') {
        if let Some((at, value)) = place.split_once('=') {
            return Some(Operation::Octets(at.parse().ok()?, octets(value)?));
        }
        let (at, mask) = place.split_once('^')?;
        return Some(Operation::Flip(at.parse().ok()?, u8::from_str_radix(mask, 16).ok()?));
    }
    if let Some(by) = text.strip_prefix("len").filter(|rest| rest.starts_with(['+', '-'])) {
        return by.parse().ok().map(Operation::LengthBy);
    }
    let (word, value) = text.split_once('=').map_or((text, None), |(word, value)| (word, Some(value)));
    Some(match (word, value) {
        ("tag", Some(value)) => Operation::Tag(Tag(u32::from_str_radix(value, 16).ok()?)),
        ("set", Some(value)) => Operation::Set(octets(value)?),
        ("cut", Some(value)) => Operation::Cut(value.parse().ok()?),
        ("into", Some(value)) => Operation::Into(octets(value)?),
        ("before", Some(value)) => Operation::Before(octets(value)?),
        ("after", Some(value)) => Operation::After(octets(value)?),
        ("len", Some(value)) => Operation::Length(hex::decode(value).ok()?),
        ("content", Some(value)) => Operation::Content(octets(value)?),
        ("double", None) => Operation::Double,
        ("drop", None) => Operation::Drop,
        ("longer", None) => Operation::Longer,
        ("nest", Some(value)) => Operation::Nest(value.parse().ok().filter(|n| *n <= MAX_NESTED)?),
        ("reverse", None) => Operation::Reverse,
        ("bcd", None) => Operation::Bcd,
        ("digits", None) => Operation::Digits,
        ("absent", None) => Operation::Absent,
        _ => return None,
    })
}

impl Edit {
    fn missing(&self, expected: impl Into<String>, found: impl Into<String>) -> EditError {
        EditError { edit: format!("{} {:?}", self.target, self.operation), expected: expected.into(), found: found.into() }
    }

    /// The same edit of `target`, whose object at `path` holds what this edit's path leads through.
    pub(super) fn below(&self, target: &str, path: &str) -> Result<Self, EditError> {
        let outer: Option<Vec<Step>> = path.split('/').map(step).collect();
        let outer = outer.ok_or_else(|| self.missing("hexadecimal tags with / between them", path))?;
        Ok(Self {
            target: target.to_owned(),
            path: outer.into_iter().chain(self.path.iter().cloned()).collect(),
            operation: self.operation.clone(),
        })
    }

    /// The bytes after the change; none for a file that is absent.
    pub(super) fn apply(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, EditError> {
        match (&self.operation, self.path.is_empty()) {
            (Operation::Absent, true) => Ok(None),
            (Operation::Content(content), true) => Ok(Some(content.clone())),
            (Operation::Absent | Operation::Content(_), false) => Err(self.missing("no path", "a path")),
            (_, true) => Err(self.missing("a path", "none")),
            (_, false) => self.within(bytes, &self.path).map(Some),
        }
    }

    fn within(&self, bytes: &[u8], path: &[Step]) -> Result<Vec<u8>, EditError> {
        let Some((step, rest)) = path.split_first() else { return Ok(bytes.to_vec()) };
        let (mut reader, mut out, mut seen, mut done) = (Reader::new(bytes), Vec::with_capacity(bytes.len() + 16), 0, false);
        while let Some(object) = reader.next().map_err(|error| self.missing("TLV", error.to_string()))? {
            let (alike, n) = match &step.which {
                Which::Nth(n) => (object.tag == step.tag, n),
                Which::Begins(value, n) => {
                    let first = || object.reader().next().ok().flatten();
                    (object.tag == step.tag && first().is_some_and(|first| first.value == value.as_slice()), n)
                }
            };
            let meant = !done && alike && seen == *n;
            seen += usize::from(alike);
            if !meant {
                out.extend_from_slice(object.raw);
                continue;
            }
            done = true;
            if rest.is_empty() {
                out.extend(self.changed(object.tag, object.value)?);
            } else {
                tlv::push(&mut out, object.tag, &self.within(object.value, rest)?);
            }
        }
        if done { Ok(out) } else { Err(self.missing(format!("an object {:?}", step), "none")) }
    }

    fn changed(&self, tag: Tag, value: &[u8]) -> Result<Vec<u8>, EditError> {
        let object = || tlv::encode(tag, value);
        let same_tag = |value: &[u8]| tlv::encode(tag, value);
        Ok(match &self.operation {
            Operation::Tag(new) => tlv::encode(*new, value),
            Operation::Set(new) => same_tag(new),
            Operation::Octets(at, new) => {
                let mut value = value.to_vec();
                let (len, end) = (value.len(), at.saturating_add(new.len()));
                let place = value.get_mut(*at..end);
                place.ok_or_else(|| self.missing(format!("{end} octets"), len.to_string()))?.copy_from_slice(new);
                same_tag(&value)
            }
            Operation::Flip(at, mask) => {
                let mut value = value.to_vec();
                let len = value.len();
                let place = if *at < 0 { len.checked_add_signed(*at) } else { usize::try_from(*at).ok() };
                let octet = place.and_then(|place| value.get_mut(place));
                *octet.ok_or_else(|| self.missing(format!("an octet at {at}"), format!("{len} octets")))? ^= mask;
                same_tag(&value)
            }
            Operation::Cut(len) => {
                same_tag(value.get(..*len).ok_or_else(|| self.missing(format!("{len} octets"), value.len().to_string()))?)
            }
            Operation::Into(more) => same_tag(&[value, more].concat()),
            Operation::Before(more) => [more.clone(), object()].concat(),
            Operation::After(more) => [object(), more.clone()].concat(),
            Operation::Double => object().repeat(2),
            Operation::Drop => Vec::new(),
            Operation::Length(length) => [tag_octets(tag), length.clone(), value.to_vec()].concat(),
            Operation::LengthBy(by) => {
                let stated = value.len().checked_add_signed(*by).ok_or_else(|| self.missing("a longer value", value.len().to_string()))?;
                let mut out = tag_octets(tag);
                tlv::push_length(&mut out, stated);
                out.extend_from_slice(value);
                out
            }
            Operation::Longer => {
                let digits = value.len().to_be_bytes();
                let significant = digits.iter().position(|octet| *octet != 0).unwrap_or(digits.len() - 1);
                let long = value.len() > 0x7F;
                let len = digits.get(significant.saturating_sub(usize::from(long))..).unwrap_or_default();
                let count = u8::try_from(len.len()).unwrap_or(0x7F);
                [tag_octets(tag), vec![0x80 | count], len.to_vec(), value.to_vec()].concat()
            }
            Operation::Nest(times) => (0..*times).fold(object(), |inside, _| tlv::encode(tag, &inside)),
            Operation::Reverse => {
                let (mut reader, mut members) = (Reader::new(value), Vec::new());
                while let Some(member) = reader.next().map_err(|error| self.missing("TLV", error.to_string()))? {
                    members.push(member.raw);
                }
                members.reverse();
                same_tag(&members.concat())
            }
            Operation::Bcd => {
                let packed = std::str::from_utf8(value).ok().and_then(|digits| hex::decode(digits).ok());
                same_tag(&packed.ok_or_else(|| self.missing("decimal digits, two and two", format!("{} octets", value.len())))?)
            }
            Operation::Digits => {
                same_tag(&digits(value).ok_or_else(|| self.missing("an MRZ of TD1 or TD3", format!("{} octets", value.len())))?)
            }
            Operation::Absent | Operation::Content(_) => return Err(self.missing("no path", "a path")),
        })
    }
}

/// The tag as it stands before a length.
fn tag_octets(tag: Tag) -> Vec<u8> {
    let mut whole = tlv::encode(tag, &[]);
    whole.pop();
    whole
}

/// Fields of an MRZ: from, to.
type Spans = &'static [(usize, usize)];

/// The MRZ with right check digits: of TD1 in the first two lines, of TD3 in the second (Doc 9303-5, -4).
fn digits(text: &[u8]) -> Option<Vec<u8>> {
    let mut text = String::from_utf8(text.to_vec()).ok()?;
    let (fields, composite, at): (Spans, Spans, usize) = match text.len() {
        90 => (&[(5, 14), (30, 36), (38, 44)], &[(5, 30), (30, 37), (38, 45), (48, 59)], 59),
        88 => (&[(44, 53), (57, 63), (65, 71), (72, 86)], &[(44, 54), (57, 64), (65, 87)], 87),
        _ => return None,
    };
    for &(from, to) in fields {
        let digit = check_digit(text.get(from..to)?);
        text.replace_range(to..=to, digit.encode_utf8(&mut [0; 4]));
    }
    let over: String = composite.iter().filter_map(|&(from, to)| text.get(from..to)).collect();
    text.replace_range(at..=at, check_digit(&over).encode_utf8(&mut [0; 4]));
    Some(text.into_bytes())
}
