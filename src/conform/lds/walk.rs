//! How rules find their place in a file, and the two rules that every template has: its tag and its length.

use eid::lds::tags;
use eid::tlv::{self, Reader, Tag, Tlv};

use super::{Checked, Miss, View, broken, ensure};

/// The file begins with its tag.
pub(super) fn tag(view: &View<'_>) -> Checked {
    let expected = tags::of_file(view.file).ok_or_else(|| Miss::NotApplicable(format!("{} has no outer tag", view.file)))?;
    match Reader::new(view.bytes).peek()? {
        Some(found) if found == expected => Ok(()),
        Some(found) => broken(format!("expected tag {expected} at offset 0, found {found}")),
        None => broken(format!("expected tag {expected}, found an empty file")),
    }
}

/// The outer length is that of the content, in the shortest form (DER).
pub(super) fn length(view: &View<'_>) -> Checked {
    let mut reader = Reader::new(view.bytes);
    let outer = reader.next()?.ok_or_else(|| Miss::Broken("expected an object, found an empty file".to_owned()))?;
    reader.finish()?;
    let header = outer.raw.len() - outer.value.len();
    let shortest = tlv::encode(outer.tag, outer.value).len() - outer.value.len();
    ensure(header == shortest, || format!("expected tag and length in {shortest} octets, found {header}"))
}

/// The content of the file, whatever its tag is: a wrong tag is another rule's.
pub(super) fn outer<'a>(view: &View<'a>) -> Result<Tlv<'a>, Miss> {
    Reader::new(view.bytes).next()?.ok_or_else(|| Miss::Broken("expected an object, found an empty file".to_owned()))
}

/// The objects in `object`.
pub(super) fn children<'a>(object: &Tlv<'a>) -> Result<Vec<Tlv<'a>>, Miss> {
    let mut inside = object.reader();
    let mut objects = Vec::new();
    while let Some(next) = inside.next()? {
        objects.push(next);
    }
    Ok(objects)
}

/// The first object `tag` in `object`.
pub(super) fn find<'a>(object: &Tlv<'a>, tag: u32) -> Result<Option<Tlv<'a>>, Miss> {
    Ok(children(object)?.into_iter().find(|child| child.tag == Tag(tag)))
}

/// The first object `tag` in `object`, which must be there.
pub(super) fn need<'a>(object: &Tlv<'a>, tag: u32) -> Result<Tlv<'a>, Miss> {
    find(object, tag)?
        .ok_or_else(|| Miss::Broken(format!("expected tag {} in {} at offset {}, found none", Tag(tag), object.tag, object.at)))
}

/// The object is text of `len` digits.
pub(super) fn digits<'a>(object: &Tlv<'a>, len: usize) -> Result<&'a str, Miss> {
    let text = std::str::from_utf8(object.value).unwrap_or_default();
    if text.len() == len && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(text);
    }
    let shown = hex::encode_upper(object.value.get(..16).unwrap_or(object.value));
    Err(Miss::Broken(format!("tag {} at offset {}: expected {len} digits, found {shown}", object.tag, object.at)))
}
