//! Names: attributes with their string types (Doc 9303-12 clause 7.1).

use eid::cert::x509::name;
use eid::mrz::state;
use eid::oid;
use eid::tlv::Tlv;

use super::Sink;
use super::object::{PRINTABLE_STRING, UTF8_STRING, children, dotted, head, named};

/// One attribute.
#[derive(Clone, Debug)]
pub(super) struct Attribute<'a> {
    pub(super) kind: String,
    pub(super) value: Tlv<'a>,
}

impl Attribute<'_> {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.value.value).into_owned()
    }
}

/// The attributes of a Name, as far as they are any.
pub(super) fn attributes<'a>(name: &Tlv<'a>) -> Vec<Attribute<'a>> {
    let mut out = Vec::new();
    for set in children(name) {
        for pair in children(&set) {
            if let [kind, value, ..] = children(&pair).as_slice() {
                out.push(Attribute { kind: dotted(kind), value: *value });
            }
        }
    }
    out
}

/// The first attribute of a type.
pub(super) fn attribute<'a>(name: &Tlv<'a>, dotted: &str) -> Option<Attribute<'a>> {
    attributes(name).into_iter().find(|attribute| attribute.kind == dotted)
}

/// countryName in upper case.
pub(super) fn country(name: &Tlv<'_>) -> Option<String> {
    name::country(name.raw).or_else(|| attribute(name, oid::COUNTRY).map(|country| country.text().trim().to_uppercase()))
}

/// Whether all octets are of PrintableString.
pub(super) fn printable(octets: &[u8]) -> bool {
    octets.iter().all(|&b| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b))
}

fn is_printable(value: &Tlv<'_>) -> bool {
    value.tag.0 == PRINTABLE_STRING && printable(value.value)
}

fn is_text(value: &Tlv<'_>) -> bool {
    is_printable(value) || value.tag.0 == UTF8_STRING && std::str::from_utf8(value.value).is_ok()
}

fn shown(value: &Tlv<'_>) -> String {
    let kind = match value.tag.0 {
        PRINTABLE_STRING => "PrintableString",
        UTF8_STRING => "UTF8String",
        0x14 => "TeletexString",
        0x16 => "IA5String",
        0x1E => "BMPString",
        _ => return format!("tag {}, {}", value.tag, head(value.value)),
    };
    format!("{kind} {:?}", String::from_utf8_lossy(value.value))
}

/// Whether countryName is two upper-case letters in a PrintableString; else what is there.
pub(super) fn country_form(name: &Tlv<'_>) -> Result<(), (usize, String)> {
    match attribute(name, oid::COUNTRY) {
        None => Err((name.at, "none".to_owned())),
        Some(country)
            if is_printable(&country.value)
                && matches!(country.value.value, [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase()) =>
        {
            Ok(())
        }
        Some(country) => Err((country.value.at, shown(&country.value))),
    }
}

/// Rules on issuer and subject: XC-008 to XC-012.
pub(super) fn check(sink: &mut Sink, issuer: Option<&Tlv<'_>>, subject: Option<&Tlv<'_>>) {
    if let Some(issuer) = issuer {
        if let Err((at, found)) = country_form(issuer) {
            sink.add("XC-008", at, "issuer.countryName", "two upper-case letters in a PrintableString", found);
        }
        match attribute(issuer, oid::COMMON_NAME) {
            None => sink.add("XC-009", issuer.at, "issuer.commonName", "a PrintableString or UTF8String", "none"),
            Some(name) if !is_text(&name.value) => {
                sink.add("XC-009", name.value.at, "issuer.commonName", "a PrintableString or UTF8String", shown(&name.value));
            }
            Some(_) => {}
        }
    }
    for (path, name) in [("issuer", issuer), ("subject", subject)] {
        let Some(name) = name else { continue };
        for attribute in attributes(name) {
            let value = &attribute.value;
            match attribute.kind.as_str() {
                oid::COUNTRY => {}
                oid::COMMON_NAME if path == "issuer" => {}
                oid::SERIAL_NUMBER if !is_printable(value) => {
                    sink.add("XC-010", value.at, path, "serialNumber in a PrintableString", shown(value));
                }
                oid::SERIAL_NUMBER => {}
                kind if !is_text(value) => {
                    let found = format!("{}: {}", named(kind), shown(value));
                    sink.add("XC-011", value.at, path, "a PrintableString or UTF8String", found);
                }
                _ => {}
            }
        }
    }
    let (Some(issuer), Some(subject)) = (issuer, subject) else { return };
    let of = |name| attribute(name, oid::COUNTRY);
    match (of(issuer), of(subject)) {
        (Some(expected), Some(found)) if expected.value.raw == found.value.raw => {}
        (expected, found) => {
            let at = found.as_ref().map_or(subject.at, |found| found.value.at);
            let text = |attribute: Option<Attribute<'_>>| attribute.map_or_else(|| "none".to_owned(), |a| shown(&a.value));
            let expected = format!("as in the issuer, {}", text(expected));
            sink.add("XC-012", at, "subject.countryName", expected, text(found));
        }
    }
}

/// Whether the three-letter code `locality` is of a state whose certificates bear `country`; codes and countries that are not known pass.
pub(super) fn belongs(locality: &str, country: &str) -> bool {
    state::countries(locality).is_none_or(|countries| countries.contains(&country))
}

/// Whether it has the form of a code of Doc 9303-3 clause 5: three upper-case letters, or D.
pub(super) fn is_state_code(text: &str) -> bool {
    text == "D" || text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// Whether all octets are of PrintableString or the filler of the MRZ.
pub(super) fn printable_or_filler(octets: &[u8]) -> bool {
    octets.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'<' || b == b' ')
}
