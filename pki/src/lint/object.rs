//! Objects read by their TLV alone: what is there is there, what is not is `None`, nothing is refused.

use std::borrow::Cow;

use eid::cert::{CertError, cms, pem};
use eid::oid;
use eid::tlv::{self, Reader, Tlv};

use super::Sink;
use super::cms::Message;

pub(super) const BOOLEAN: u32 = 0x01;
pub(super) const INTEGER: u32 = 0x02;
pub(super) const BIT_STRING: u32 = 0x03;
pub(super) const OCTET_STRING: u32 = 0x04;
pub(super) const OID: u32 = 0x06;
pub(super) const UTF8_STRING: u32 = 0x0C;
pub(super) const PRINTABLE_STRING: u32 = 0x13;
pub(super) const UTC_TIME: u32 = 0x17;
pub(super) const GENERALIZED_TIME: u32 = 0x18;
pub(super) const SEQUENCE: u32 = 0x30;
pub(super) const SET: u32 = 0x31;

const MAX_CHILDREN: usize = 200_000;
const MAX_DEPTH: u8 = 24;

/// The first block of a PEM text that is no key, else the bytes themselves.
pub(super) fn unwrap_pem(bytes: &[u8]) -> Result<Cow<'_, [u8]>, CertError> {
    match pem::blocks(bytes)? {
        None => Ok(Cow::Borrowed(bytes)),
        Some(blocks) => {
            let first = blocks.into_iter().next().ok_or_else(|| CertError::Pem("no block in it".to_owned()))?;
            Ok(Cow::Owned(first.der))
        }
    }
}

/// With definite lengths, if it has others; `true` if it was rewritten.
pub(super) fn definite(bytes: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let indefinite =
        matches!(bytes, [0x30, 0x80, ..]) || matches!(tlv::single(bytes, SEQUENCE), Ok(outer) if has_indefinite(&outer, MAX_DEPTH));
    match indefinite.then(|| cms::to_definite(bytes)) {
        Some(Ok(rewritten)) => (Cow::Owned(rewritten), true),
        _ => (Cow::Borrowed(bytes), false),
    }
}

fn has_indefinite(object: &Tlv<'_>, depth: u8) -> bool {
    let mut reader = object.reader();
    loop {
        match reader.next() {
            Ok(None) => return false,
            Ok(Some(child)) => {
                if child.tag.0 == 0x24 || (depth > 0 && child.tag.is_constructed() && has_indefinite(&child, depth - 1)) {
                    return true;
                }
            }
            Err(tlv::TlvError::Indefinite { .. }) => return true,
            Err(_) => return false,
        }
    }
}

/// The first object of `bytes`, and how many bytes follow it.
pub(super) fn first(bytes: &[u8]) -> Option<(Tlv<'_>, usize)> {
    let mut reader = Reader::new(bytes);
    let object = reader.next().ok()??;
    Some((object, reader.rest().len()))
}

/// The objects inside of `object`, as far as they are TLV.
pub(super) fn children<'a>(object: &Tlv<'a>) -> Vec<Tlv<'a>> {
    let mut reader = object.reader();
    let mut out = Vec::new();
    while out.len() < MAX_CHILDREN
        && let Ok(Some(child)) = reader.next()
    {
        out.push(child);
    }
    out
}

/// The first object inside.
pub(super) fn inside<'a>(object: &Tlv<'a>) -> Option<Tlv<'a>> {
    object.reader().next().ok().flatten()
}

/// Dotted form of an object identifier; `#` and hex where it is none.
pub(super) fn dotted(object: &Tlv<'_>) -> String {
    if object.tag.0 != OID {
        return format!("#{}", head(object.raw));
    }
    oid::decode(object.value).unwrap_or_else(|_| format!("#{}", head(object.value)))
}

/// An identifier with its name, if it has one.
pub(super) fn named(dotted: &str) -> String {
    oid::describe(dotted)
}

/// The first octets in hex.
pub(super) fn head(bytes: &[u8]) -> String {
    match bytes.get(..24) {
        Some(first) if bytes.len() > 24 => format!("{}… ({} bytes)", hex::encode(first), bytes.len()),
        _ if bytes.is_empty() => "nothing".to_owned(),
        _ => hex::encode(bytes),
    }
}

/// Whether the structure is that of a CRL: third or fourth field of what is signed a time.
pub(super) fn is_crl(der: &[u8]) -> bool {
    let Some(tbs) = first(der).and_then(|(outer, _)| inside(&outer)).filter(|tbs| tbs.tag.0 == SEQUENCE) else { return false };
    let tags: Vec<u32> = children(&tbs).iter().take(4).map(|field| field.tag.0).collect();
    let time = |tag: Option<&u32>| matches!(tag, Some(&(UTC_TIME | GENERALIZED_TIME)));
    match tags.first() {
        Some(&INTEGER) => time(tags.get(3)),
        Some(&SEQUENCE) => time(tags.get(2)),
        _ => false,
    }
}

/// The certificates inside of EF.SOD or a list, each with its place: those that came along with the signature, then those of a master list.
#[must_use]
pub fn embedded(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let Ok(der) = unwrap_pem(bytes) else { return Vec::new() };
    let (der, _) = definite(strip_sod(&der));
    let Some(message) = Message::read(&der) else { return Vec::new() };
    let mut out: Vec<_> = message.certificates.iter().enumerate().map(|(n, c)| (format!("certificates[{n}]"), c.raw.to_vec())).collect();
    if message.content_type() == oid::CSCA_MASTER_LIST
        && let Some(list) = message.content.as_ref().and_then(inside)
        && let Some(set) = children(&list).into_iter().find(|part| part.tag.0 == SET)
    {
        out.extend(children(&set).iter().enumerate().map(|(n, c)| (format!("certList[{n}]"), c.raw.to_vec())));
    }
    out
}

/// The content of 77, or the bytes themselves.
pub(super) fn strip_sod(der: &[u8]) -> &[u8] {
    match first(der) {
        Some((outer, _)) if outer.tag.0 == 0x77 => outer.value,
        _ => der,
    }
}

/// One extension.
#[derive(Clone, Debug)]
pub(super) struct Extension<'a> {
    pub(super) oid: String,
    pub(super) critical: bool,
    /// The BOOLEAN, if it is written.
    pub(super) flag: Option<Tlv<'a>>,
    /// The OCTET STRING.
    pub(super) value: Option<Tlv<'a>>,
    pub(super) at: usize,
}

impl<'a> Extension<'a> {
    fn read(object: &Tlv<'a>) -> Self {
        let parts = children(object);
        let flag = parts.iter().find(|part| part.tag.0 == BOOLEAN).copied();
        Self {
            oid: parts.first().map(dotted).unwrap_or_default(),
            critical: flag.is_some_and(|flag| flag.value.iter().any(|&octet| octet != 0)),
            flag,
            value: parts.iter().find(|part| part.tag.0 == OCTET_STRING).copied(),
            at: object.at,
        }
    }

    /// The object in the OCTET STRING.
    pub(super) fn object(&self) -> Option<Tlv<'a>> {
        self.value.as_ref().and_then(inside)
    }
}

/// Extensions of the SEQUENCE inside of a context tag.
pub(super) fn extensions<'a>(tagged: &Tlv<'a>) -> Vec<Extension<'a>> {
    inside(tagged).map(|list| children(&list).iter().map(Extension::read).collect()).unwrap_or_default()
}

/// The fields of a certificate that are there.
#[derive(Clone, Debug)]
pub(super) struct X509<'a> {
    pub(super) outer: Tlv<'a>,
    pub(super) tbs: Tlv<'a>,
    pub(super) version: Option<Tlv<'a>>,
    pub(super) serial: Option<Tlv<'a>>,
    /// AlgorithmIdentifier inside of what is signed.
    pub(super) inner_algorithm: Option<Tlv<'a>>,
    pub(super) issuer: Option<Tlv<'a>>,
    pub(super) validity: Option<Tlv<'a>>,
    pub(super) subject: Option<Tlv<'a>>,
    pub(super) spki: Option<Tlv<'a>>,
    pub(super) unique: Vec<Tlv<'a>>,
    pub(super) extensions: Vec<Extension<'a>>,
    /// Where the extensions are, or would be.
    pub(super) extensions_at: usize,
    pub(super) algorithm: Option<Tlv<'a>>,
    pub(super) signature: Option<Tlv<'a>>,
    /// Bytes behind the certificate.
    pub(super) trailing: usize,
}

impl<'a> X509<'a> {
    /// Reads what is there; `None` if the outermost two objects are no SEQUENCEs.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let (outer, trailing) = first(der).filter(|(outer, _)| outer.tag.0 == SEQUENCE)?;
        let parts = children(&outer);
        let tbs = *parts.first().filter(|tbs| tbs.tag.0 == SEQUENCE)?;
        let fields = children(&tbs);
        let mut rest = fields.iter().copied().peekable();
        let version = rest.next_if(|field| field.tag.0 == 0xA0);
        let serial = rest.next_if(|field| field.tag.0 == INTEGER);
        let mut sequence = || rest.next_if(|field| field.tag.0 == SEQUENCE);
        let (inner_algorithm, issuer, validity, subject, spki) = (sequence(), sequence(), sequence(), sequence(), sequence());
        let rest: Vec<_> = rest.collect();
        let list = rest.iter().find(|field| field.tag.0 == 0xA3);
        Some(Self {
            outer,
            tbs,
            version,
            serial,
            inner_algorithm,
            issuer,
            validity,
            subject,
            spki,
            unique: rest.iter().filter(|field| matches!(field.tag.0, 0x81 | 0x82 | 0xA1 | 0xA2)).copied().collect(),
            extensions: list.map(extensions).unwrap_or_default(),
            extensions_at: list.map_or(tbs.at + tbs.raw.len(), |list| list.at),
            algorithm: parts.get(1).filter(|part| part.tag.0 == SEQUENCE).copied(),
            signature: parts.iter().find(|part| part.tag.0 == BIT_STRING).copied(),
            trailing,
        })
    }

    /// The first extension of that type.
    pub(super) fn extension(&self, dotted: &str) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.oid == dotted)
    }

    /// The object in the extension of that type.
    pub(super) fn value(&self, dotted: &str) -> Option<Tlv<'a>> {
        self.extension(dotted).and_then(Extension::object)
    }

    /// keyIdentifier of authorityKeyIdentifier.
    pub(super) fn authority_key_id(&self) -> Option<&'a [u8]> {
        let identifier = self.value(oid::AUTHORITY_KEY_IDENTIFIER)?;
        children(&identifier).into_iter().find(|part| part.tag.0 == 0x80).map(|id| id.value)
    }

    /// subjectKeyIdentifier.
    pub(super) fn subject_key_id(&self) -> Option<&'a [u8]> {
        self.value(oid::SUBJECT_KEY_IDENTIFIER).filter(|id| id.tag.0 == OCTET_STRING).map(|id| id.value)
    }

    /// The purposes in extKeyUsage.
    pub(super) fn purposes(&self) -> Vec<String> {
        self.value(oid::EXT_KEY_USAGE).map(|list| children(&list).iter().map(dotted).collect()).unwrap_or_default()
    }

    /// keyUsage: unused bits and octets.
    pub(super) fn key_usage(&self) -> Option<(u8, &'a [u8])> {
        let bits = self.value(oid::KEY_USAGE).filter(|bits| bits.tag.0 == BIT_STRING)?;
        bits.value.split_first().map(|(&unused, octets)| (unused, octets))
    }

    /// Whether it says that it is a CA: basicConstraints, or keyCertSign where it has none.
    pub(super) fn is_ca(&self) -> bool {
        match self.value(oid::BASIC_CONSTRAINTS) {
            Some(constraints) => inside(&constraints).is_some_and(|flag| flag.tag.0 == BOOLEAN && flag.value != [0]),
            None => self.key_usage().is_some_and(|(_, octets)| octets.first().is_some_and(|first| first & 0x04 != 0)),
        }
    }
}

/// Notes under `rule` what is no DER in `object` and below it: lengths with surplus octets, BOOLEANs other than FF and 00, INTEGERs with
/// surplus octets, sets out of order, and what is no TLV at all.
pub(super) fn check_der(sink: &mut Sink, rule: &'static str, object: &Tlv<'_>, path: &'static str) {
    walk(sink, rule, object, path, MAX_DEPTH);
}

fn walk(sink: &mut Sink, rule: &'static str, object: &Tlv<'_>, path: &'static str, depth: u8) {
    let header = object.raw.len() - object.value.len();
    let mut length = Vec::with_capacity(5);
    tlv::push_length(&mut length, object.value.len());
    if header != length.len() + 1 + usize::from(object.tag.0 > 0xFF) + usize::from(object.tag.0 > 0xFFFF) {
        let octets = object.raw.get(..header).unwrap_or_default();
        sink.add(rule, object.at, path, "the shortest form of the length", format!("header {}", head(octets)));
    }
    match object.tag.0 {
        BOOLEAN if !matches!(object.value, [0 | 0xFF]) => sink.add(rule, object.at, path, "BOOLEAN FF or 00", head(object.value)),
        INTEGER if !minimal(object.value) => sink.add(rule, object.at, path, "an INTEGER in its shortest form", head(object.value)),
        _ => {}
    }
    if !object.tag.is_constructed() {
        return;
    }
    if depth == 0 {
        sink.add(rule, object.at, path, "at most 24 levels", "more");
        return;
    }
    let mut reader = object.reader();
    let (mut before, mut ordered): (Option<&[u8]>, _) = (None, true);
    loop {
        match reader.next() {
            Ok(None) => break,
            Ok(Some(child)) => {
                ordered &= object.tag.0 != SET || before.is_none_or(|before| before <= child.raw);
                before = Some(child.raw);
                walk(sink, rule, &child, path, depth - 1);
            }
            Err(error) => {
                sink.add(rule, reader.at(), path, "objects of definite length that fill it", error.to_string());
                break;
            }
        }
    }
    if !ordered {
        sink.add(rule, object.at, path, "a SET in the order of its encodings", "another order");
    }
}

/// Whether the content octets of an INTEGER are the shortest.
pub(super) const fn minimal(value: &[u8]) -> bool {
    !matches!(value, [] | [0, 0..=0x7F, ..] | [0xFF, 0x80..=0xFF, ..])
}

/// A small non-negative INTEGER.
pub(super) fn small(object: &Tlv<'_>) -> Option<u32> {
    match object.value {
        [] => None,
        [first, ..] if first & 0x80 != 0 => None,
        value if value.len() <= 4 => Some(value.iter().fold(0, |n, &octet| n << 8 | u32::from(octet))),
        _ => None,
    }
}

/// Bits of a big-endian number.
pub(super) fn bits(value: &[u8]) -> usize {
    let first = value.iter().position(|&octet| octet != 0);
    first.map_or(0, |at| {
        let rest = value.get(at..).unwrap_or_default();
        8 * rest.len() - rest.first().map_or(0, |octet| octet.leading_zeros() as usize)
    })
}
