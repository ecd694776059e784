//! BER-TLV with definite lengths (ISO/IEC 7816-4 clause 6.3, X.690 for the tag and length octets).
//!
//! A [`Reader`] walks siblings over a borrowed slice and keeps, for every object, the span of the original bytes
//! ([`Tlv::raw`]), because signatures are over bytes and are never checked over something encoded again.
//! It refuses indefinite lengths, lengths of more than four octets, tags of more than three octets and anything that
//! reaches beyond its input; each refusal names the offset.

use std::fmt;

/// A tag of one to three octets, written as in the standards: `0x61`, `0x5F1F`, `0x7F4982`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u32);

impl Tag {
    /// Whether the value holds further objects (bit 6 of the first octet).
    #[must_use]
    pub const fn is_constructed(self) -> bool {
        let first = if self.0 > 0xFFFF {
            self.0 >> 16
        } else if self.0 > 0xFF {
            self.0 >> 8
        } else {
            self.0
        };
        first & 0x20 != 0
    }

    fn octets(self) -> ([u8; 3], usize) {
        let [_, a, b, c] = self.0.to_be_bytes();
        match (a, b) {
            (0, 0) => ([c, 0, 0], 1),
            (0, _) => ([b, c, 0], 2),
            _ => ([a, b, c], 3),
        }
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (octets, n) = self.octets();
        octets.iter().take(n).try_for_each(|o| write!(f, "{o:02X}"))
    }
}

impl From<u32> for Tag {
    fn from(value: u32) -> Self {
        Self(value)
    }
}

/// Why bytes are not TLV. Offsets count from the start of the slice that the outermost [`Reader`] was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// The input ends inside a tag, a length or a value.
    #[error("truncated at offset {at}: {needed} bytes needed, {available} left")]
    Truncated {
        /// Offset of the first byte that is missing its part.
        at: usize,
        /// Bytes that the encoding announces.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// A tag number of more than three octets.
    #[error("tag at offset {at} is longer than three octets")]
    TagTooLong {
        /// Offset of the tag.
        at: usize,
    },
    /// Length octet 80: indefinite form, not allowed on cards and in DER.
    #[error("indefinite length at offset {at}")]
    Indefinite {
        /// Offset of the length octet.
        at: usize,
    },
    /// More than four length octets.
    #[error("length at offset {at} has {octets} octets, at most 4 are read")]
    LengthTooLong {
        /// Offset of the first length octet.
        at: usize,
        /// Number of octets announced.
        octets: usize,
    },
    /// Another object than the structure asks for.
    #[error("expected tag {expected} at offset {at}, found {found}")]
    Unexpected {
        /// The tag that the clause asks for.
        expected: Tag,
        /// The tag that is there.
        found: Tag,
        /// Its offset.
        at: usize,
    },
    /// The structure ends before a required object.
    #[error("expected tag {expected} at offset {at}, found the end")]
    Missing {
        /// The tag that the clause asks for.
        expected: Tag,
        /// Where it should have started.
        at: usize,
    },
    /// Bytes after the last object of a structure.
    #[error("{count} bytes after the end of the structure at offset {at}")]
    Trailing {
        /// Offset of the first such byte.
        at: usize,
        /// How many.
        count: usize,
    },
}

/// One object: tag, value, and the span it came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag.
    pub tag: Tag,
    /// Tag, length and value: the original bytes.
    pub raw: &'a [u8],
    /// The value alone.
    pub value: &'a [u8],
    /// Offset of `raw` in the slice of the outermost reader.
    pub at: usize,
}

impl fmt::Debug for Tlv<'_> {
    /// Tag, place and length only: a value can be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tlv({} at {}, {} bytes)", self.tag, self.at, self.value.len())
    }
}

impl<'a> Tlv<'a> {
    /// A reader over the objects inside the value, with offsets still counted from the outermost slice.
    #[must_use]
    pub fn reader(&self) -> Reader<'a> {
        Reader { rest: self.value, at: self.at + (self.raw.len() - self.value.len()) }
    }

    /// Offset of the value.
    #[must_use]
    pub fn value_at(&self) -> usize {
        self.at + (self.raw.len() - self.value.len())
    }
}

/// Walks the objects of a slice from front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader over `bytes`, offset 0.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    /// A reader over `bytes` that reports offsets from `at`.
    #[must_use]
    pub const fn new_at(bytes: &'a [u8], at: usize) -> Self {
        Self { rest: bytes, at }
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The bytes that have not been read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Offset of the next object.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The tag of the next object without reading it; `None` at the end.
    ///
    /// # Errors
    /// A tag that is cut or too long.
    pub fn peek(&self) -> Result<Option<Tag>, TlvError> {
        if self.rest.is_empty() { Ok(None) } else { parse_tag(self.rest, self.at).map(|(tag, _)| Some(tag)) }
    }

    /// The next object; `None` at the end.
    ///
    /// # Errors
    /// Any [`TlvError`] of tag, length or truncation.
    #[expect(clippy::should_implement_trait, reason = "fallible: an Iterator would swallow or repeat the error")]
    pub fn next(&mut self) -> Result<Option<Tlv<'a>>, TlvError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (tag, tag_len) = parse_tag(self.rest, self.at)?;
        let (len, len_len) = parse_length(self.rest.get(tag_len..).unwrap_or_default(), self.at + tag_len)?;
        let header = tag_len + len_len;
        let end = header.checked_add(len).filter(|&end| end <= self.rest.len()).ok_or(TlvError::Truncated {
            at: self.at + header,
            needed: len,
            available: self.rest.len() - header,
        })?;
        let (raw, rest) = self.rest.split_at(end);
        let (_, value) = raw.split_at(header);
        let tlv = Tlv { tag, raw, value, at: self.at };
        self.rest = rest;
        self.at += end;
        Ok(Some(tlv))
    }

    /// The next object, which must have `tag`.
    ///
    /// # Errors
    /// [`TlvError::Unexpected`] or [`TlvError::Missing`], or the bytes are not TLV.
    pub fn expect(&mut self, tag: impl Into<Tag>) -> Result<Tlv<'a>, TlvError> {
        let expected = tag.into();
        let at = self.at;
        match self.peek()? {
            None => Err(TlvError::Missing { expected, at }),
            Some(found) if found != expected => Err(TlvError::Unexpected { expected, found, at }),
            Some(_) => self.next()?.ok_or(TlvError::Missing { expected, at }),
        }
    }

    /// The next object if it has `tag`, else `None` and nothing is read.
    ///
    /// # Errors
    /// The bytes are not TLV.
    pub fn optional(&mut self, tag: impl Into<Tag>) -> Result<Option<Tlv<'a>>, TlvError> {
        if self.peek()? == Some(tag.into()) { self.next() } else { Ok(None) }
    }

    /// Asserts that everything was read.
    ///
    /// # Errors
    /// [`TlvError::Trailing`].
    pub const fn finish(&self) -> Result<(), TlvError> {
        if self.rest.is_empty() { Ok(()) } else { Err(TlvError::Trailing { at: self.at, count: self.rest.len() }) }
    }
}

/// The one object that `bytes` consists of.
///
/// # Errors
/// Not TLV, another tag, or bytes after it.
pub fn single(bytes: &[u8], tag: impl Into<Tag>) -> Result<Tlv<'_>, TlvError> {
    let mut reader = Reader::new(bytes);
    let tlv = reader.expect(tag)?;
    reader.finish()?;
    Ok(tlv)
}

/// Length of the first object in `head`, header included, from its first bytes: what a terminal reads to learn the size of a file.
///
/// # Errors
/// `head` ends inside tag or length, or the length is indefinite or too long.
pub fn announced_len(head: &[u8]) -> Result<usize, TlvError> {
    let (_, tag_len) = parse_tag(head, 0)?;
    let (len, len_len) = parse_length(head.get(tag_len..).unwrap_or_default(), tag_len)?;
    Ok(tag_len + len_len + len)
}

/// Appends one object with the shortest length form.
pub fn push(out: &mut Vec<u8>, tag: impl Into<Tag>, value: &[u8]) {
    let (octets, n) = tag.into().octets();
    out.extend(octets.iter().take(n));
    push_length(out, value.len());
    out.extend_from_slice(value);
}

/// One object as a new vector.
#[must_use]
pub fn encode(tag: impl Into<Tag>, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 8);
    push(&mut out, tag, value);
    out
}

/// Appends a length in its shortest definite form.
pub fn push_length(out: &mut Vec<u8>, len: usize) {
    let octets @ [.., high, low] = (len as u64).to_be_bytes();
    match len {
        0..=0x7F => out.push(low),
        0x80..=0xFF => out.extend_from_slice(&[0x81, low]),
        0x100..=0xFFFF => out.extend_from_slice(&[0x82, high, low]),
        _ => {
            let significant = octets.iter().skip_while(|&&o| o == 0);
            out.push(0x80 | u8::try_from(significant.clone().count()).unwrap_or(8));
            out.extend(significant);
        }
    }
}

fn parse_tag(bytes: &[u8], at: usize) -> Result<(Tag, usize), TlvError> {
    let cut = |needed| TlvError::Truncated { at, needed, available: bytes.len() };
    let first = *bytes.first().ok_or(cut(1))?;
    let mut value = u32::from(first);
    if first & 0x1F != 0x1F {
        return Ok((Tag(value), 1));
    }
    for n in 1..3 {
        let octet = *bytes.get(n).ok_or(cut(n + 1))?;
        value = value << 8 | u32::from(octet);
        if octet & 0x80 == 0 {
            return Ok((Tag(value), n + 1));
        }
    }
    Err(TlvError::TagTooLong { at })
}

fn parse_length(bytes: &[u8], at: usize) -> Result<(usize, usize), TlvError> {
    let first = *bytes.first().ok_or(TlvError::Truncated { at, needed: 1, available: 0 })?;
    if first < 0x80 {
        return Ok((usize::from(first), 1));
    }
    if first == 0x80 {
        return Err(TlvError::Indefinite { at });
    }
    let octets = usize::from(first & 0x7F);
    if octets > 4 {
        return Err(TlvError::LengthTooLong { at, octets });
    }
    let body = bytes.get(1..=octets).ok_or(TlvError::Truncated { at, needed: octets + 1, available: bytes.len() })?;
    let len = body.iter().fold(0usize, |len, &o| len << 8 | usize::from(o));
    Ok((len, octets + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_and_children_keep_their_offsets() {
        let bytes = [0x60, 0x05, 0x5F, 0x01, 0x02, 0x30, 0x31, 0x5C, 0x00];
        let mut reader = Reader::new(&bytes);
        let com = reader.expect(0x60).expect("first object");
        let version = com.reader().expect(0x5F01).expect("inner object");
        assert_eq!((version.at, version.value_at(), version.value), (2, 5, &b"01"[..]));
        assert_eq!(reader.next().expect("second").map(|t| (t.tag, t.at, t.raw)), Some((Tag(0x5C), 7, &[0x5C, 0x00][..])));
        reader.finish().expect("nothing left");
    }

    #[test]
    fn every_refusal_names_its_place() {
        let err = |bytes: &[u8]| Reader::new(bytes).next().expect_err("must be refused");
        assert_eq!(err(&[0x61]), TlvError::Truncated { at: 1, needed: 1, available: 0 });
        assert_eq!(err(&[0x61, 0x05, 0, 0]), TlvError::Truncated { at: 2, needed: 5, available: 2 });
        assert_eq!(err(&[0x61, 0x80, 0, 0]), TlvError::Indefinite { at: 1 });
        assert_eq!(err(&[0x61, 0x85, 1, 0, 0, 0, 0]), TlvError::LengthTooLong { at: 1, octets: 5 });
        assert_eq!(err(&[0x61, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), TlvError::Truncated { at: 6, needed: 0xFFFF_FFFF, available: 0 });
        assert_eq!(err(&[0x7F, 0x81, 0x81, 0x01, 0]), TlvError::TagTooLong { at: 0 });
        assert_eq!(single(&[0x61, 0, 0], 0x61), Err(TlvError::Trailing { at: 2, count: 1 }));
        assert_eq!(single(&[0x61, 0], 0x62), Err(TlvError::Unexpected { expected: Tag(0x62), found: Tag(0x61), at: 0 }));
    }

    #[test]
    fn lengths_take_their_shortest_form() {
        for (len, head) in [(0, "6100"), (0x7F, "617F"), (0x80, "618180"), (0xFF, "6181FF"), (0x100, "61820100"), (0x1_0000, "6183010000")]
        {
            let encoded = encode(0x61, &vec![0; len]);
            assert_eq!(hex::encode_upper(&encoded[..encoded.len() - len]), head);
            assert_eq!(announced_len(&encoded), Ok(encoded.len()));
        }
    }
}
