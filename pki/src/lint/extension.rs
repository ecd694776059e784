//! Extensions against a profile: presence and criticality by table, contents by one function each.

use eid::cert::Time;
use eid::oid;
use eid::tlv::Tlv;

use super::name;
use super::object::{BIT_STRING, BOOLEAN, INTEGER, PRINTABLE_STRING, SEQUENCE, SET, X509, children, head, inside, named, small};
use super::{Sink, time};

pub(super) const SUBJECT_DIRECTORY_ATTRIBUTES: &str = "2.5.29.9";
pub(super) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(super) const POLICY_MAPPINGS: &str = "2.5.29.33";
pub(super) const POLICY_CONSTRAINTS: &str = "2.5.29.36";
pub(super) const FRESHEST_CRL: &str = "2.5.29.46";
pub(super) const INHIBIT_ANY_POLICY: &str = "2.5.29.54";
/// id-pe of PKIX, with its dot.
pub(super) const PRIVATE_INTERNET: &str = "1.3.6.1.5.5.7.1.";
/// Netscape's certificate extensions, with the dot.
pub(super) const NETSCAPE: &str = "2.16.840.1.113730.1.";

/// What a profile says of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// There, and critical.
    Critical,
    /// There, and not critical.
    Present,
    /// If it is there, not critical.
    Optional,
    /// Not there.
    Absent,
}

/// Rule, extension (with a dot at its end: all below), what is wanted.
pub(super) type Row = (&'static str, &'static str, Wanted);

/// Short name of an extension for paths.
fn path(dotted: &str) -> String {
    format!("extensions.{}", oid::name(dotted).unwrap_or(dotted))
}

/// Judges presence and criticality.
pub(super) fn table(sink: &mut Sink, certificate: &X509<'_>, rows: &[Row]) {
    for &(rule, dotted, wanted) in rows {
        let is = |found: &str| if dotted.ends_with('.') { found.starts_with(dotted) } else { found == dotted };
        let found: Vec<_> = certificate.extensions.iter().filter(|extension| is(&extension.oid)).collect();
        if found.is_empty() && matches!(wanted, Wanted::Critical | Wanted::Present) {
            let expected = if wanted == Wanted::Critical { "there, critical" } else { "there, not critical" };
            sink.add(rule, certificate.extensions_at, path(dotted), expected, "none");
        }
        for extension in found {
            let (expected, broken) = match wanted {
                Wanted::Absent => ("absent", true),
                Wanted::Critical => ("critical", !extension.critical),
                Wanted::Present | Wanted::Optional => ("not critical", extension.critical),
            };
            if broken {
                let found = if extension.critical { "there, critical" } else { "there, not critical" };
                sink.add(rule, extension.at, path(&extension.oid), expected, found);
            }
        }
    }
}

/// keyUsage with exactly the bits `expected` of the first octet.
pub(super) fn key_usage(sink: &mut Sink, rule: &'static str, certificate: &X509<'_>, expected: u8, text: &'static str) {
    let Some(extension) = certificate.extension(oid::KEY_USAGE) else { return };
    let found = certificate.key_usage();
    let bits = found.map(|(_, octets)| octets.iter().fold((0u32, 0u32), |(all, n), &o| (all | u32::from(o) << (8 * n.min(3)), n + 1)).0);
    if bits != Some(u32::from(expected)) {
        let found = found.map_or_else(|| "no BIT STRING".to_owned(), |(_, octets)| format!("bits {}", head(octets)));
        sink.add(rule, extension.at, path(oid::KEY_USAGE), text, found);
    }
}

/// subjectKeyIdentifier: an OCTET STRING with something in it.
pub(super) fn subject_key_id(sink: &mut Sink, rule: &'static str, certificate: &X509<'_>) {
    if let Some(extension) = certificate.extension(oid::SUBJECT_KEY_IDENTIFIER)
        && certificate.subject_key_id().is_none_or(<[u8]>::is_empty)
    {
        let found = extension.value.map_or_else(|| "nothing".to_owned(), |value| head(value.value));
        sink.add(rule, extension.at, path(oid::SUBJECT_KEY_IDENTIFIER), "an OCTET STRING", found);
    }
}

/// authorityKeyIdentifier with keyIdentifier, which is that of `issuer` if it is known.
pub(super) fn authority_key_id(sink: &mut Sink, rule: &'static str, certificate: &X509<'_>, issuer: Option<&X509<'_>>) {
    let Some(extension) = certificate.extension(oid::AUTHORITY_KEY_IDENTIFIER) else { return };
    let expected = issuer.and_then(X509::subject_key_id);
    match (certificate.authority_key_id(), expected) {
        (None, _) => {
            let found = extension.value.map_or_else(|| "nothing".to_owned(), |value| head(value.value));
            sink.add(rule, extension.at, path(oid::AUTHORITY_KEY_IDENTIFIER), "keyIdentifier", format!("{found} without one"));
        }
        (Some(found), Some(expected)) if found != expected => {
            let expected = format!("keyIdentifier {}, the issuer's subjectKeyIdentifier", head(expected));
            sink.add(rule, extension.at, path(oid::AUTHORITY_KEY_IDENTIFIER), expected, head(found));
        }
        _ => {}
    }
}

/// The period in which the private key is used, bounds that are left out taken from the certificate; judged under `rule`.
pub(super) fn key_period(
    sink: &mut Sink,
    rule: &'static str,
    certificate: &X509<'_>,
    validity: Option<(Time, Time)>,
) -> Option<(Time, Time)> {
    let extension = certificate.extension(oid::PRIVATE_KEY_USAGE_PERIOD)?;
    let path = path(oid::PRIVATE_KEY_USAGE_PERIOD);
    let expected = "notBefore, notAfter, or both, as YYYYMMDDHHMMSSZ";
    let fields = extension.object().filter(|period| period.tag.0 == SEQUENCE).map(|period| children(&period)).unwrap_or_default();
    let bounds: Vec<_> = fields.iter().filter(|field| matches!(field.tag.0, 0x80 | 0x81)).collect();
    if bounds.is_empty() || bounds.len() != fields.len() || bounds.iter().any(|bound| time::generalized(bound).is_none()) {
        let found = extension.value.map_or_else(|| "nothing".to_owned(), |value| String::from_utf8_lossy(value.value).into_owned());
        sink.add(rule, extension.at, path, expected, found);
        return None;
    }
    let bound = |tag: u32| bounds.iter().find(|bound| bound.tag.0 == tag).and_then(|bound| time::generalized(bound));
    let from = bound(0x80).or(validity.map(|(from, _)| from))?;
    let until = bound(0x81).or(validity.map(|(_, until)| until))?;
    if from >= until {
        sink.add(
            rule,
            extension.at,
            path,
            "a period that ends after it begins",
            format!("{} to {}", from.generalized(), until.generalized()),
        );
        return None;
    }
    Some((from, until))
}

/// subjectAltName or issuerAltName: a directoryName with the state's code as localityName, that of a state whose country is `country`.
pub(super) fn alternative_name(sink: &mut Sink, rule: &'static str, certificate: &X509<'_>, dotted: &'static str, country: Option<&str>) {
    let Some(extension) = certificate.extension(dotted) else { return };
    let expected = "a directoryName with localityName, the three-letter code of the state";
    let names = extension.object().filter(|names| names.tag.0 == SEQUENCE).map(|names| children(&names)).unwrap_or_default();
    let directory = names.iter().find(|name| name.tag.0 == 0xA4).and_then(inside);
    let locality = directory.as_ref().and_then(|directory| name::attribute(directory, oid::LOCALITY));
    let Some(locality) = locality else {
        let found = if directory.is_some() { "a directoryName without localityName" } else { "no directoryName" };
        sink.add(rule, extension.at, path(dotted), expected, found);
        return;
    };
    let text = locality.text();
    if !name::is_state_code(&text) {
        sink.add(rule, locality.value.at, path(dotted), expected, format!("localityName {text:?}"));
    } else if let Some(country) = country.filter(|country| !name::belongs(&text, country)) {
        sink.add(rule, locality.value.at, path(dotted), format!("a code of {country}"), format!("localityName {text:?}"));
    }
}

/// basicConstraints: cA TRUE and pathLenConstraint 0.
pub(super) fn basic_constraints(sink: &mut Sink, rule: &'static str, certificate: &X509<'_>) {
    let Some(extension) = certificate.extension(oid::BASIC_CONSTRAINTS) else { return };
    let fields = extension.object().map(|constraints| children(&constraints)).unwrap_or_default();
    let ca = fields.iter().any(|field| field.tag.0 == BOOLEAN && field.value != [0]);
    let path_len = fields.iter().find(|field| field.tag.0 == INTEGER).and_then(small);
    if !ca || path_len != Some(0) {
        let length = path_len.map_or_else(|| "no pathLenConstraint".to_owned(), |n| format!("pathLenConstraint {n}"));
        sink.add(rule, extension.at, path(oid::BASIC_CONSTRAINTS), "cA TRUE, pathLenConstraint 0", format!("cA {ca}, {length}"));
    }
}

/// cRLDistributionPoints: at least one ldap, http, or https address, and no address of another kind.
pub(super) fn distribution_points(sink: &mut Sink, rule: &'static str, certificate: &X509<'_>) {
    let Some(extension) = certificate.extension(oid::CRL_DISTRIBUTION_POINTS) else { return };
    let mut addresses = Vec::new();
    for point in extension.object().map(|points| children(&points)).unwrap_or_default() {
        // distributionPoint [0] { fullName [0] { GeneralName … } }
        let names =
            children(&point).into_iter().find(|part| part.tag.0 == 0xA0).and_then(|name| inside(&name)).filter(|full| full.tag.0 == 0xA0);
        addresses.extend(names.map(|names| children(&names)).unwrap_or_default().into_iter().filter(|name| name.tag.0 == 0x86));
    }
    let known = |address: &Tlv<'_>| {
        let text = String::from_utf8_lossy(address.value).to_ascii_lowercase();
        ["http://", "https://", "ldap://", "ldaps://"].iter().any(|scheme| text.starts_with(scheme))
    };
    if addresses.is_empty() || !addresses.iter().all(known) {
        let found: Vec<_> = addresses.iter().map(|address| String::from_utf8_lossy(address.value).into_owned()).collect();
        let found = if found.is_empty() { "no address".to_owned() } else { found.join(", ") };
        sink.add(rule, extension.at, path(oid::CRL_DISTRIBUTION_POINTS), "ldap, http, or https addresses", found);
    }
}

/// extKeyUsage with `allowed` and nothing else; `beside` may stand with it.
pub(super) fn purposes(sink: &mut Sink, rule: &'static str, certificate: &X509<'_>, allowed: &[&str], beside: &[&str]) {
    let Some(extension) = certificate.extension(oid::EXT_KEY_USAGE) else { return };
    let found = certificate.purposes();
    let is = |list: &[&str], purpose: &String| list.contains(&purpose.as_str());
    let one = found.iter().filter(|purpose| is(allowed, purpose)).count() == 1;
    if !one || !found.iter().all(|purpose| is(allowed, purpose) || is(beside, purpose)) {
        let found: Vec<_> = found.iter().map(|purpose| named(purpose)).collect();
        sink.add(rule, extension.at, path(oid::EXT_KEY_USAGE), format!("one of {}", allowed.join(", ")), format!("[{}]", found.join(", ")));
    }
}

/// documentTypeList: SEQUENCE { version 0, SET OF PrintableString (SIZE(1..2)) }.
pub(super) fn document_types(sink: &mut Sink, rule: &'static str, certificate: &X509<'_>) {
    let Some(extension) = certificate.extension(oid::DOCUMENT_TYPE_LIST) else { return };
    let fields = extension.object().filter(|list| list.tag.0 == SEQUENCE).map(|list| children(&list)).unwrap_or_default();
    let good = match fields.as_slice() {
        [version, types] => {
            let types_ok = |code: &Tlv<'_>| {
                code.tag.0 == PRINTABLE_STRING
                    && matches!(code.value.len(), 1 | 2)
                    && code.value.first().is_some_and(u8::is_ascii_uppercase)
                    && code.value.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'<')
            };
            let codes = children(types);
            version.tag.0 == INTEGER && version.value == [0] && types.tag.0 == SET && !codes.is_empty() && codes.iter().all(types_ok)
        }
        _ => false,
    };
    if !good {
        let found = extension.value.map_or_else(|| "nothing".to_owned(), |value| head(value.value));
        sink.add(rule, extension.at, path(oid::DOCUMENT_TYPE_LIST), "version 0 and a SET of codes of one or two characters", found);
    }
}

/// id-icao-nameChange with the value NULL.
pub(super) fn name_change(sink: &mut Sink, rule: &'static str, certificate: &X509<'_>) {
    if let Some(extension) = certificate.extension(oid::NAME_CHANGE)
        && extension.value.is_none_or(|value| value.value != [0x05, 0x00])
    {
        let found = extension.value.map_or_else(|| "nothing".to_owned(), |value| head(value.value));
        sink.add(rule, extension.at, path(oid::NAME_CHANGE), "NULL", found);
    }
}

/// Whether an extension is one that the profile of Doc 9303-12 or RFC 5280 names.
fn is_known(dotted: &str) -> bool {
    const OF_RFC_5280: [&str; 11] = [
        "2.5.29.9",
        "2.5.29.14",
        "2.5.29.15",
        "2.5.29.16",
        "2.5.29.17",
        "2.5.29.18",
        "2.5.29.19",
        "2.5.29.30",
        "2.5.29.31",
        "2.5.29.32",
        "2.5.29.33",
    ];
    const MORE: [&str; 6] = ["2.5.29.35", "2.5.29.36", "2.5.29.37", "2.5.29.46", "2.5.29.54", "2.23.136.1.1.4"];
    OF_RFC_5280.contains(&dotted)
        || MORE.contains(&dotted)
        || matches!(dotted, oid::NAME_CHANGE | oid::DOCUMENT_TYPE_LIST)
        || dotted.starts_with(PRIVATE_INTERNET)
        || dotted.starts_with(NETSCAPE)
}

/// XC-019, XC-020, and what XC-001 says of extensions: no `critical FALSE`, values that are DER, no default inside.
pub(super) fn general(sink: &mut Sink, certificate: &X509<'_>) {
    let mut seen: Vec<&str> = Vec::new();
    for extension in &certificate.extensions {
        let at = extension.at;
        if !is_known(&extension.oid) && extension.critical {
            sink.add("XC-019", at, path(&extension.oid), "not critical", "unknown, critical");
        }
        if seen.contains(&extension.oid.as_str()) {
            sink.add("XC-020", at, path(&extension.oid), "once", "again");
        }
        seen.push(&extension.oid);
        if extension.flag.is_some_and(|flag| flag.value == [0]) {
            sink.add("XC-001", at, path(&extension.oid), "no default written out", "critical FALSE");
        }
        let Some(value) = extension.value else {
            sink.add("XC-001", at, path(&extension.oid), "an OCTET STRING with the value", "none");
            continue;
        };
        let mut reader = value.reader();
        match reader.next() {
            Ok(Some(object)) if reader.is_empty() => {
                super::object::check_der(sink, "XC-001", &object, "extensions");
                defaults(sink, &extension.oid, &object);
            }
            _ => sink.add("XC-001", value.at, path(&extension.oid), "one object in DER", head(value.value)),
        }
    }
}

fn defaults(sink: &mut Sink, dotted: &str, object: &Tlv<'_>) {
    match dotted {
        oid::BASIC_CONSTRAINTS => {
            if let Some(flag) = children(object).iter().find(|part| part.tag.0 == BOOLEAN && part.value == [0]) {
                sink.add("XC-001", flag.at, path(dotted), "no default written out", "cA FALSE");
            }
        }
        oid::KEY_USAGE if object.tag.0 == BIT_STRING => {
            // a named bit list has no zero bits at its end (X.690 clause 11.2.2)
            if let [unused, .., last] = object.value {
                let ends = u32::from(*unused) == last.trailing_zeros();
                if !ends {
                    sink.add("XC-001", object.at, path(dotted), "no zero bits at the end", head(object.value));
                }
            }
        }
        _ => {}
    }
}

/// Whether both have the same value in extension `a` and `b`.
pub(super) fn same_value(certificate: &X509<'_>, a: &str, other: &X509<'_>, b: &str) -> bool {
    let value = |certificate: &X509<'_>, dotted: &str| certificate.extension(dotted).and_then(|e| e.value.map(|v| v.value.to_vec()));
    value(certificate, a) == value(other, b)
}

/// Place of an extension: its offset, or where the extensions are, and its path.
pub(super) fn place(certificate: &X509<'_>, dotted: &str) -> (usize, String) {
    (certificate.extension(dotted).map_or(certificate.extensions_at, |extension| extension.at), path(dotted))
}

/// The first octets of an extension's value.
pub(super) fn shown(certificate: &X509<'_>, dotted: &str) -> String {
    certificate.extension(dotted).and_then(|e| e.value).map_or_else(|| "none".to_owned(), |value| head(value.value))
}

/// dNSName among the subject alternative names.
pub(super) fn has_dns_name(certificate: &X509<'_>) -> bool {
    certificate
        .value(oid::SUBJECT_ALT_NAME)
        .is_some_and(|names| children(&names).iter().any(|name| name.tag.0 == 0x82 && !name.value.is_empty()))
}

/// Identifiers of the extensions, in order.
pub(super) fn others<'a>(certificate: &'a X509<'_>, allowed: &[&str]) -> Option<&'a super::object::Extension<'a>> {
    certificate.extensions.iter().find(|extension| !allowed.contains(&extension.oid.as_str()))
}
