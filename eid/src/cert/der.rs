//! DER primitives over [`crate::tlv`]: integers, identifiers, times, and spans of owned bytes.

use std::ops::Range;

use const_oid::ObjectIdentifier;

use super::CertError;
use crate::date::Date;
use crate::quirk::Quirk;
use crate::tlv::{Reader, Tlv};

pub(crate) const BOOLEAN: u32 = 0x01;
pub(crate) const INTEGER: u32 = 0x02;
pub(crate) const BIT_STRING: u32 = 0x03;
pub(crate) const OCTET_STRING: u32 = 0x04;
pub(crate) const NULL: u32 = 0x05;
pub(crate) const OID: u32 = 0x06;
pub(crate) const UTF8_STRING: u32 = 0x0C;
pub(crate) const SEQUENCE: u32 = 0x30;
pub(crate) const SET: u32 = 0x31;
pub(crate) const PRINTABLE_STRING: u32 = 0x13;
pub(crate) const UTC_TIME: u32 = 0x17;
pub(crate) const GENERALIZED_TIME: u32 = 0x18;

/// A part of bytes that a structure owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// The whole object.
    pub(crate) const fn raw(tlv: &Tlv<'_>) -> Self {
        Self { start: tlv.at, end: tlv.at + tlv.raw.len() }
    }

    /// The value alone.
    pub(crate) fn value(tlv: &Tlv<'_>) -> Self {
        Self { start: tlv.value_at(), end: tlv.at + tlv.raw.len() }
    }

    /// From the start of one object to the end of a later one.
    pub(crate) const fn between(first: &Tlv<'_>, last: &Tlv<'_>) -> Self {
        Self { start: first.at, end: last.at + last.raw.len() }
    }

    /// Without its first `n` bytes.
    pub(crate) const fn skip(self, n: usize) -> Self {
        Self { start: self.start + n, end: self.end }
    }

    /// The bytes of `all` that it stands for.
    pub(crate) fn of(self, all: &[u8]) -> &[u8] {
        all.get(Range { start: self.start, end: self.end }).unwrap_or_default()
    }
}

/// The next element of a SEQUENCE OF or SET OF SEQUENCEs; `None` at the end.
pub(crate) fn element<'a>(reader: &mut Reader<'a>) -> Result<Option<Tlv<'a>>, CertError> {
    if reader.is_empty() { Ok(None) } else { Ok(Some(reader.expect(SEQUENCE)?)) }
}

/// The next object as an object identifier: its content octets.
pub(crate) fn oid<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], CertError> {
    let tlv = reader.expect(OID)?;
    if tlv.value.is_empty() {
        return Err(CertError::malformed("object identifier", &tlv, "content octets"));
    }
    Ok(tlv.value)
}

/// Dotted form of content octets, or hex if they are not an identifier.
pub(crate) fn dotted(content: &[u8]) -> String {
    ObjectIdentifier::from_bytes(content).map_or_else(|_| format!("#{}", hex(content)), |oid| oid.to_string())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| DIGITS.get(usize::from(n)).copied().unwrap_or(b'?');
    let mut out = Vec::with_capacity(2 * bytes.len());
    for &byte in bytes {
        out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Magnitude of a non-negative INTEGER without leading zeros (zero is empty). A surplus leading 00 is a quirk, a negative number an error.
pub(crate) fn unsigned<'a>(what: &'static str, tlv: &Tlv<'a>, quirks: &mut Vec<Quirk>) -> Result<&'a [u8], CertError> {
    match tlv.value {
        [] => Err(CertError::malformed(what, tlv, "at least one octet")),
        [first, ..] if first & 0x80 != 0 => Err(CertError::malformed(what, tlv, "a non-negative INTEGER")),
        [0, second, ..] if second & 0x80 == 0 => {
            quirks.push(Quirk::new("der.integer-not-minimal", format!("{what} at offset {}", tlv.at)).over(tlv.value));
            Ok(strip_zeros(tlv.value))
        }
        value => Ok(strip_zeros(value)),
    }
}

/// A small non-negative INTEGER.
pub(crate) fn small(what: &'static str, tlv: &Tlv<'_>) -> Result<u32, CertError> {
    let value = unsigned(what, tlv, &mut Vec::new())?;
    if value.len() > 4 {
        return Err(CertError::malformed(what, tlv, "a small INTEGER"));
    }
    Ok(value.iter().fold(0, |n, &o| n << 8 | u32::from(o)))
}

/// Content octets of an INTEGER without those that a shorter form leaves out.
pub(crate) fn minimal(mut value: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = value {
        match (first, rest.first()) {
            (0, Some(0..=0x7F)) | (0xFF, Some(0x80..=0xFF)) => value = rest,
            _ => break,
        }
    }
    value
}

const MAX_DEPTH: u8 = 24;

/// The first length in `bytes`, or in what is nested there, that has more octets than it needs: its offset, and tag and length. DER has
/// one form for each length (X.690 clause 10.1), BER has many.
pub(crate) fn overlong(bytes: &[u8]) -> Option<(usize, &[u8])> {
    fn walk<'a>(mut reader: Reader<'a>, depth: u8) -> Option<(usize, &'a [u8])> {
        while let Ok(Some(object)) = reader.next() {
            let header = object.raw.get(..object.raw.len() - object.value.len())?;
            let tag = if object.tag.0 > 0xFFFF { 3 } else { 1 + usize::from(object.tag.0 > 0xFF) };
            let mut shortest = Vec::with_capacity(5);
            crate::tlv::push_length(&mut shortest, object.value.len());
            if header.len() != tag + shortest.len() {
                return Some((object.at + tag, header));
            }
            if object.tag.is_constructed() && depth > 0 {
                let found = walk(object.reader(), depth - 1);
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }
    walk(Reader::new(bytes), MAX_DEPTH)
}

/// Without leading zero octets.
pub(crate) fn strip_zeros(mut value: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = value {
        value = rest;
    }
    value
}

/// BIT STRING whose number of bits is a multiple of eight: its octets.
pub(crate) fn whole_bits<'a>(what: &'static str, tlv: &Tlv<'a>) -> Result<&'a [u8], CertError> {
    match tlv.value {
        [0, octets @ ..] => Ok(octets),
        _ => Err(CertError::malformed(what, tlv, "a BIT STRING without unused bits")),
    }
}

/// A moment in UTC, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// The day.
    pub date: Date,
    /// Seconds since midnight, 0 to 86 400.
    pub second: u32,
}

impl Time {
    /// Midnight at the start of `date`.
    #[must_use]
    pub const fn midnight(date: Date) -> Self {
        Self { date, second: 0 }
    }

    /// The last second of `date`.
    #[must_use]
    pub const fn end_of(date: Date) -> Self {
        Self { date, second: 86_399 }
    }

    /// Reads UTCTime, GeneralizedTime, or a GeneralizedTime under a context tag. Missing seconds, fractions, and offsets are read; whoever
    /// asks for one form looks at the octets.
    ///
    /// # Errors
    /// No time that exists.
    pub fn read(object: &Tlv<'_>) -> Result<Self, CertError> {
        time("time", object, &mut Vec::new())
    }

    /// UTCTime to 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5), the whole object.
    #[must_use]
    pub fn to_der(self) -> Vec<u8> {
        if (1950..2050).contains(&self.date.year()) {
            crate::tlv::encode(UTC_TIME, format!("{}{}", self.date.yymmdd(), self.clock()).as_bytes())
        } else {
            crate::tlv::encode(GENERALIZED_TIME, self.generalized().as_bytes())
        }
    }

    /// `YYYYMMDDHHMMSSZ`.
    #[must_use]
    pub fn generalized(self) -> String {
        format!("{}{}", self.date.yyyymmdd(), self.clock())
    }

    fn clock(self) -> String {
        format!("{:02}{:02}{:02}Z", self.second / 3600, self.second / 60 % 60, self.second % 60)
    }
}

/// UTCTime, GeneralizedTime, or (tag `implicit`) GeneralizedTime under a context tag. Missing seconds, fractions, and offsets are quirks.
pub(crate) fn time(what: &'static str, tlv: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Time, CertError> {
    let malformed = || CertError::malformed(what, tlv, "a time YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ that exists");
    let digits = tlv.value.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, zone) = tlv.value.split_at(digits);
    let pair = |at: usize| -> Result<u32, CertError> {
        let octets = number.get(at..at + 2).ok_or_else(malformed)?;
        Ok(octets.iter().fold(0, |n, &o| n * 10 + u32::from(o - b'0')))
    };
    let (year, at) = if tlv.tag.0 == UTC_TIME {
        let year = pair(0)?;
        (if year < 50 { 2000 + year } else { 1900 + year }, 2)
    } else {
        (pair(0)? * 100 + pair(2)?, 4)
    };
    let (month, day, hour, minute) = (pair(at)?, pair(at + 2)?, pair(at + 4)?, pair(at + 6)?);
    let mut lenient = false;
    let second = match number.len() - at {
        8 => {
            lenient = true;
            0
        }
        10 => pair(at + 8)?,
        _ => return Err(malformed()),
    };
    let zone = match zone {
        [b'.' | b',', rest @ ..] => {
            lenient = true;
            rest.get(rest.iter().take_while(|b| b.is_ascii_digit()).count()..).unwrap_or_default()
        }
        zone => zone,
    };
    let offset = match zone {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), hhmm @ ..] if hhmm.len() == 4 && hhmm.iter().all(u8::is_ascii_digit) => {
            lenient = true;
            let n = hhmm.iter().map(|&o| i64::from(o - b'0')).collect::<Vec<_>>();
            let minutes = match *n.as_slice() {
                [a, b, c, d] => (a * 10 + b) * 60 + c * 10 + d,
                _ => 0,
            };
            if *sign == b'+' { -minutes } else { minutes }
        }
        _ => return Err(malformed()),
    };
    if lenient {
        quirks.push(Quirk::new("der.time-form", format!("{what} at offset {}", tlv.at)).over(tlv.value));
    }
    let narrow = |n: u32| u8::try_from(n).map_err(|_| malformed());
    let date = Date::new(u16::try_from(year).map_err(|_| malformed())?, narrow(month)?, narrow(day)?).map_err(|_| malformed())?;
    if hour > 23 || minute > 59 || second > 60 {
        return Err(malformed());
    }
    let moment = i64::from(hour * 3600 + minute * 60 + second) + offset * 60;
    Ok(Time { date: date.plus_days(moment.div_euclid(86_400)), second: u32::try_from(moment.rem_euclid(86_400)).unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_to_the_second_and_odd_forms_are_quirks() {
        let read = |tag: u32, text: &str| {
            let der = crate::tlv::encode(tag, text.as_bytes());
            let mut quirks = Vec::new();
            let object = crate::tlv::single(&der, tag).expect("an object");
            time("test", &object, &mut quirks).map(|t| (format!("{} {}", t.date, t.second), quirks.len()))
        };
        let is = |tag, text, expected: &str, quirks| assert_eq!(read(tag, text), Ok((expected.to_owned(), quirks)), "{text}");
        is(UTC_TIME, "491231235959Z", "2049-12-31 86399", 0);
        is(UTC_TIME, "500101000000Z", "1950-01-01 0", 0);
        is(GENERALIZED_TIME, "20500101000001Z", "2050-01-01 1", 0);
        is(UTC_TIME, "2611211200Z", "2026-11-21 43200", 1);
        is(UTC_TIME, "261121003000+0700", "2026-11-20 63000", 1);
        is(GENERALIZED_TIME, "20261121235959.5-0030", "2026-11-22 1799", 1);
        for text in
            ["", "Z", "261121", "261321000000Z", "260230000000Z", "261121250000Z", "261121000000", "261121000000+07", "2611210000000000Z"]
        {
            assert!(read(UTC_TIME, text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_length_with_more_octets_than_it_needs_is_found_wherever_it_is() {
        let find = |text: &str| overlong(&hex::decode(text).expect("hex")).map(|(at, header)| (at, hex::encode(header)));
        assert_eq!(find("3006040101300104"), None);
        assert_eq!(find("300481020102"), None, "the value of a primitive object is not looked into");
        assert_eq!(find("3081050403010203"), Some((1, "308105".to_owned())));
        assert_eq!(find("3009020101a0040481010a"), Some((8, "048101".to_owned())));
        assert_eq!(find("5f1f820001aa"), Some((2, "5f1f820001".to_owned())));
    }

    #[test]
    fn times_are_written_as_rfc_5280_asks() {
        let day = |year| Time::midnight(Date::new(year, 3, 4).expect("a day"));
        assert_eq!(day(2049).to_der(), [&[0x17, 13], b"490304000000Z".as_slice()].concat());
        assert_eq!(day(2050).to_der(), [&[0x18, 15], b"20500304000000Z".as_slice()].concat());
    }
}
