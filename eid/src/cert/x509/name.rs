//! Distinguished names (RFC 5280 clause 4.1.2.4, Doc 9303-12 table of names): text, country, and comparison.
//!
//! Two names of genuine documents that mean the same differ in string type, case, spaces, or order. [`compare`] tells these from
//! names that are equal byte for byte, so that the tolerance can be reported.

use crate::cert::der;
use crate::oid;
use crate::tlv;

const COUNTRY: [u8; 3] = [0x55, 0x04, 0x06];
const SERIAL_NUMBER: [u8; 3] = [0x55, 0x04, 0x05];
const TELETEX_STRING: u32 = 0x14;
const IA5_STRING: u32 = 0x16;
const UNIVERSAL_STRING: u32 = 0x1C;
const BMP_STRING: u32 = 0x1E;
const MAX_ATTRIBUTES: usize = 64;

/// One attribute of a name: type and value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Attribute<'a> {
    kind: &'a [u8],
    value: String,
}

/// How two names relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same bytes.
    Equal,
    /// The same types and values, apart from string type, case, spaces, and order.
    Equivalent,
    /// Different names.
    Different,
}

/// Compares two Names (whole objects).
#[must_use]
pub fn compare(a: &[u8], b: &[u8]) -> Relation {
    if a == b {
        return Relation::Equal;
    }
    let normal = |name| {
        let mut list = attributes(name)?;
        for attribute in &mut list {
            attribute.value = attribute.value.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        }
        list.sort();
        Some(list)
    };
    match (normal(a), normal(b)) {
        (Some(a), Some(b)) if a == b => Relation::Equivalent,
        _ => Relation::Different,
    }
}

/// countryName in upper case, if there is one.
#[must_use]
pub fn country(name: &[u8]) -> Option<String> {
    let attribute = attributes(name)?.into_iter().find(|a| a.kind == COUNTRY)?;
    Some(attribute.value.trim().to_uppercase())
}

/// Whether countryName is as Doc 9303-12 clause 7.1 asks: two upper-case letters in a PrintableString.
#[must_use]
pub fn country_conforms(name: &[u8]) -> bool {
    let Some(attribute) = attributes(name).into_iter().flatten().find(|a| a.kind == COUNTRY) else { return false };
    let mut written = tlv::encode(der::OID, &COUNTRY);
    tlv::push(&mut written, der::PRINTABLE_STRING, attribute.value.as_bytes());
    attribute.value.len() == 2
        && attribute.value.bytes().all(|b| b.is_ascii_uppercase())
        && name.windows(written.len()).any(|window| window == written)
}

/// The values of attributes of type `dotted`.
#[must_use]
pub fn values(name: &[u8], dotted: &'static str) -> Vec<String> {
    let kind = oid::encode(dotted);
    attributes(name).unwrap_or_default().into_iter().filter(|a| a.kind == kind).map(|a| a.value).collect()
}

/// `C=VN, O=Example, CN=CSCA Vietnam`: in the order of the name, control characters replaced, for people and evidence and not for comparison.
#[must_use]
pub fn to_text(name: &[u8]) -> String {
    let Some(list) = attributes(name) else { return format!("#{}", der::hex(name)) };
    let mut out = String::new();
    for attribute in &list {
        if !out.is_empty() {
            out.push_str(", ");
        }
        match attribute.kind {
            [0x55, 0x04, 0x03] => out.push_str("CN"),
            [0x55, 0x04, 0x05] => out.push_str("serialNumber"),
            [0x55, 0x04, 0x06] => out.push('C'),
            [0x55, 0x04, 0x07] => out.push('L'),
            [0x55, 0x04, 0x08] => out.push_str("ST"),
            [0x55, 0x04, 0x0A] => out.push('O'),
            [0x55, 0x04, 0x0B] => out.push_str("OU"),
            other => out.push_str(&der::dotted(other)),
        }
        out.push('=');
        out.extend(attribute.value.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }));
    }
    out
}

/// `CN=csca-germany,SERIALNUMBER=013,OU=bsi,O=bund,C=DE`: the form of RFC 4514, the last attribute first, as the ICAO PKD names its records.
/// An attribute type without a short name of that standard is written dotted, its value as text.
#[must_use]
pub fn to_rfc4514(name: &[u8]) -> String {
    let Some(list) = attributes(name) else { return format!("#{}", der::hex(name)) };
    let one = |attribute: &Attribute<'_>| {
        let kind = match attribute.kind {
            [0x55, 0x04, 0x05] => "SERIALNUMBER".to_owned(),
            [0x55, 0x04, last] => match last {
                0x03 => "CN".to_owned(),
                0x06 => "C".to_owned(),
                0x07 => "L".to_owned(),
                0x08 => "ST".to_owned(),
                0x0A => "O".to_owned(),
                0x0B => "OU".to_owned(),
                _ => der::dotted(attribute.kind),
            },
            other => der::dotted(other),
        };
        format!("{kind}={}", escape_rfc4514(&attribute.value))
    };
    list.iter().rev().map(one).collect::<Vec<_>>().join(",")
}

/// A value in a name of RFC 4514 (clause 2.4): with a backslash before what has a meaning there.
#[must_use]
pub fn escape_rfc4514(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(value.len());
    for (at, c) in value.chars().enumerate() {
        let special = matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=');
        let edge = (at == 0 && matches!(c, ' ' | '#')) || (at == last && c == ' ');
        match c {
            '\0' => out.push_str("\\00"),
            c if special || edge => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

/// A Name in DER, one attribute per RDN in the given order: countryName and serialNumber as PrintableString, all others as UTF8String.
/// The country is written in upper case (Doc 9303-12 clause 7.1).
#[must_use]
pub fn encode(attributes: &[(&'static str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (dotted, value) in attributes {
        let kind = oid::encode(dotted);
        let mut pair = tlv::encode(der::OID, &kind);
        if kind == COUNTRY {
            tlv::push(&mut pair, der::PRINTABLE_STRING, value.to_uppercase().as_bytes());
        } else if kind == SERIAL_NUMBER {
            tlv::push(&mut pair, der::PRINTABLE_STRING, value.as_bytes());
        } else {
            tlv::push(&mut pair, der::UTF8_STRING, value.as_bytes());
        }
        tlv::push(&mut body, der::SET, &tlv::encode(der::SEQUENCE, &pair));
    }
    tlv::encode(der::SEQUENCE, &body)
}

/// All attributes in order; `None` if the bytes are no Name, hold another kind of value than text, or more than 64 attributes.
fn attributes(name: &[u8]) -> Option<Vec<Attribute<'_>>> {
    let mut out = Vec::new();
    let mut rdns = tlv::single(name, der::SEQUENCE).ok()?.reader();
    while !rdns.is_empty() {
        let mut set = rdns.expect(der::SET).ok()?.reader();
        while let Some(pair) = der::element(&mut set).ok()? {
            let mut pair = pair.reader();
            let kind = der::oid(&mut pair).ok()?;
            let value = pair.next().ok()??;
            pair.finish().ok()?;
            if out.len() == MAX_ATTRIBUTES {
                return None;
            }
            out.push(Attribute { kind, value: string(value.tag.0, value.value)? });
        }
    }
    Some(out)
}

/// A DirectoryString or IA5String as text: UTF-8, UTF-16 for BMPString, UTF-32 for UniversalString, Latin-1 for the rest; `None` for anything else.
fn string(tag: u32, value: &[u8]) -> Option<String> {
    let latin1 = || value.iter().map(|&o| char::from(o)).collect();
    match tag {
        // some states write Latin-1 where UTF-8 is announced
        der::UTF8_STRING => Some(String::from_utf8(value.to_vec()).unwrap_or_else(|_| latin1())),
        BMP_STRING => {
            let units = value.chunks(2).map(|pair| pair.iter().fold(0u16, |unit, &o| unit << 8 | u16::from(o)));
            Some(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
        }
        UNIVERSAL_STRING => {
            let scalar =
                |quad: &[u8]| char::from_u32(quad.iter().fold(0, |n, &o| n << 8 | u32::from(o))).unwrap_or(char::REPLACEMENT_CHARACTER);
            Some(value.chunks(4).map(scalar).collect())
        }
        der::PRINTABLE_STRING | TELETEX_STRING | IA5_STRING => Some(latin1()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_the_same_are_told_from_equal_and_from_different_ones() {
        let name = encode(&[(oid::COUNTRY, "vn"), (oid::ORGANIZATION, "Example  Office"), (oid::COMMON_NAME, "CSCA")]);
        let other = encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, "csca"), (oid::ORGANIZATION, "example office ")]);
        assert_eq!(to_text(&name), "C=VN, O=Example  Office, CN=CSCA");
        assert_eq!(country(&name).as_deref(), Some("VN"));
        assert_eq!((compare(&name, &name), compare(&name, &other)), (Relation::Equal, Relation::Equivalent));
        assert_eq!(compare(&name, &encode(&[(oid::COUNTRY, "VN"), (oid::COMMON_NAME, "csca")])), Relation::Different);
        assert_eq!(compare(&name, b"\x30\x03\x31\x05"), Relation::Different);
    }
}
