//! The extensions that Doc 9303-12 clause 7.1 names for CSCA and document signer certificates.
//!
//! An extension that cannot be read counts as absent, with the quirk `x509.extension-malformed`; every rule that needs it then fails.

use const_oid::ObjectIdentifier;

use crate::cert::CertError;
use crate::cert::der::{self, Span, Time};
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::{Reader, Tlv};

const MAX_EXTENSIONS: usize = 64;

/// keyUsage, bit 0 of the BIT STRING is the highest bit of the first octet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUsage(pub u16);

impl KeyUsage {
    /// digitalSignature.
    pub const DIGITAL_SIGNATURE: Self = Self(0x8000);
    /// keyCertSign.
    pub const KEY_CERT_SIGN: Self = Self(0x0400);
    /// cRLSign.
    pub const CRL_SIGN: Self = Self(0x0200);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// basicConstraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether the subject is a CA.
    pub ca: bool,
    /// pathLenConstraint.
    pub path_len: Option<u32>,
}

/// privateKeyUsagePeriod: when the private key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrivateKeyUsagePeriod {
    /// From, if stated.
    pub not_before: Option<Time>,
    /// Until, if stated.
    pub not_after: Option<Time>,
}

/// One extension as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    oid: Span,
    /// Whether a reader that does not know it must refuse the certificate.
    pub critical: bool,
    value: Span,
}

/// What the extensions say.
#[derive(Clone, Debug, Default)]
pub struct Extensions {
    list: Vec<Extension>,
    pub(super) subject_key_id: Option<Span>,
    pub(super) authority_key_id: Option<Span>,
    pub(super) authority_issuer_serial: Option<(Span, Span)>,
    document_types: Option<Span>,
    ext_key_usages: Option<Span>,
    /// Key usage.
    pub key_usage: Option<KeyUsage>,
    /// Basic constraints.
    pub basic_constraints: Option<BasicConstraints>,
    /// Private key usage period.
    pub private_key_usage: Option<PrivateKeyUsagePeriod>,
    /// Whether there is extKeyUsage: a CSCA or document signer has none (Doc 9303-12), the signer of a list or bar code has one.
    pub has_ext_key_usage: bool,
    /// Dotted identifiers of critical extensions that are not known here.
    pub unknown_critical: Vec<String>,
}

const DOCUMENT_TYPE_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::DOCUMENT_TYPE_LIST);
/// What some states write in its place.
const DOCUMENT_TYPE_LIST_ALIAS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.136.1.1.4");
const NAME_CHANGE: ObjectIdentifier = ObjectIdentifier::new_unwrap(oid::NAME_CHANGE);

/// The content octets of an identifier 2.5.29.n.
const fn ce(octets: &[u8]) -> Option<u8> {
    match octets {
        [0x55, 0x1D, n] => Some(*n),
        _ => None,
    }
}

impl Extensions {
    /// Reads `[3] { SEQUENCE OF Extension }`.
    pub(super) fn read(tagged: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<Self, CertError> {
        let mut out = Self::default();
        let mut outer = tagged.reader();
        let mut list = outer.expect(der::SEQUENCE)?.reader();
        outer.finish()?;
        let mut seen: Vec<&[u8]> = Vec::new();
        while let Some(extension) = der::element(&mut list)? {
            let mut reader = extension.reader();
            let oid = reader.expect(der::OID)?;
            let critical = match reader.optional(der::BOOLEAN)? {
                None => false,
                Some(flag) => {
                    match flag.value {
                        [0xFF] => {}
                        [0] => quirks.push(Quirk::new("x509.default-encoded", "extension critical FALSE").over(extension.raw)),
                        [_] => quirks.push(Quirk::new("x509.boolean-not-ff", "extension critical").over(extension.raw)),
                        _ => return Err(CertError::malformed("critical", &flag, "a BOOLEAN of one octet")),
                    }
                    flag.value != [0]
                }
            };
            let value = reader.expect(der::OCTET_STRING)?;
            reader.finish()?;
            if seen.contains(&oid.value) {
                return Err(CertError::malformed("extensions", &oid, "each extension once"));
            }
            if seen.len() == MAX_EXTENSIONS {
                return Err(CertError::malformed("extensions", &extension, "at most 64 extensions"));
            }
            seen.push(oid.value);
            out.list.push(Extension { oid: Span::value(&oid), critical, value: Span::value(&value) });
            match out.known(oid.value, &value, quirks) {
                Ok(true) => {}
                Ok(false) if critical => out.unknown_critical.push(der::dotted(oid.value)),
                Ok(false) => {}
                Err(error) => {
                    let text = der::dotted(oid.value);
                    let text = oid::name(&text).map_or_else(|| text.clone(), ToOwned::to_owned);
                    quirks.push(Quirk::new("x509.extension-malformed", format!("{text}: {error}")).over(value.value));
                }
            }
        }
        Ok(out)
    }

    /// Reads one extension; `Ok(false)` if its type is not known.
    fn known(&mut self, oid: &[u8], value: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<bool, CertError> {
        let mut reader = value.reader();
        match ce(oid) {
            Some(14) => self.subject_key_id = Some(Span::value(&reader.expect(der::OCTET_STRING)?)),
            Some(15) => {
                let bits = reader.expect(der::BIT_STRING)?;
                let [unused, octets @ ..] = bits.value else {
                    return Err(CertError::malformed("keyUsage", &bits, "a BIT STRING"));
                };
                if *unused > 7 || octets.len() > 2 {
                    return Err(CertError::malformed("keyUsage", &bits, "at most 16 bits"));
                }
                let high = octets.first().copied().unwrap_or(0);
                let low = octets.get(1).copied().unwrap_or(0);
                self.key_usage = Some(KeyUsage(u16::from_be_bytes([high, low])));
            }
            Some(16) => {
                let mut period = reader.expect(der::SEQUENCE)?.reader();
                let mut bound = |tag: u32, what| period.optional(tag)?.map(|t| der::time(what, &t, quirks)).transpose();
                let not_before = bound(0x80, "privateKeyUsagePeriod notBefore")?;
                let not_after = bound(0x81, "privateKeyUsagePeriod notAfter")?;
                period.finish()?;
                self.private_key_usage = Some(PrivateKeyUsagePeriod { not_before, not_after });
            }
            Some(19) => {
                let mut constraints = reader.expect(der::SEQUENCE)?.reader();
                let ca = match constraints.optional(der::BOOLEAN)? {
                    None => false,
                    Some(flag) => {
                        if flag.value != [0xFF] {
                            quirks.push(Quirk::new("x509.boolean-not-ff", "basicConstraints cA").over(value.value));
                        }
                        flag.value.iter().any(|&o| o != 0)
                    }
                };
                let path_len = constraints.optional(der::INTEGER)?.map(|n| der::small("pathLenConstraint", &n)).transpose()?;
                constraints.finish()?;
                self.basic_constraints = Some(BasicConstraints { ca, path_len });
            }
            Some(35) => self.read_authority(&mut reader, quirks)?,
            Some(37) => {
                self.has_ext_key_usage = true;
                self.ext_key_usages = Some(Span::value(&reader.expect(der::SEQUENCE)?));
            }
            // alternative names, distribution points and policies: known, read where they are needed
            Some(17 | 18 | 31 | 32) => {}
            _ if oid == DOCUMENT_TYPE_LIST.as_bytes() => self.read_document_types(value, quirks)?,
            _ if oid == DOCUMENT_TYPE_LIST_ALIAS.as_bytes() => {
                quirks.push(Quirk::new("x509.document-type-list-oid", "2.23.136.1.1.4 in the place of 2.23.136.1.1.6.2").over(oid));
                self.read_document_types(value, quirks)?;
            }
            _ if oid == NAME_CHANGE.as_bytes() => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// AuthorityKeyIdentifier ::= SEQUENCE { [0] keyIdentifier, [1] authorityCertIssuer, [2] authorityCertSerialNumber }
    fn read_authority(&mut self, reader: &mut Reader<'_>, quirks: &mut Vec<Quirk>) -> Result<(), CertError> {
        let mut sequence = reader.expect(der::SEQUENCE)?.reader();
        let key_id = sequence.optional(0x80)?;
        let issuer = sequence.optional(0xA1)?;
        let serial = sequence.optional(0x82)?;
        sequence.finish()?;
        self.authority_key_id = key_id.as_ref().map(Span::value);
        if issuer.is_some() != serial.is_some() {
            let bytes = issuer.or(serial).map_or(&[][..], |part| part.raw);
            quirks.push(Quirk::new("x509.authority-issuer-without-serial", "authorityKeyIdentifier").over(bytes));
        }
        if let (Some(issuer), Some(serial)) = (issuer, serial)
            && let Some(directory) = issuer.reader().optional(0xA4)?
            && let Some(name) = directory.reader().optional(der::SEQUENCE)?
        {
            self.authority_issuer_serial = Some((Span::raw(&name), Span::value(&serial)));
        }
        Ok(())
    }

    /// DocumentTypeList ::= SEQUENCE { version INTEGER 0, docTypeList SET OF PrintableString }: what is not of this form is a quirk.
    fn read_document_types(&mut self, value: &Tlv<'_>, quirks: &mut Vec<Quirk>) -> Result<(), CertError> {
        self.document_types = Some(Span::value(value));
        let mut note = |rule| quirks.push(Quirk::new(rule, "documentTypeList").over(value.value));
        let Ok(list) = value.reader().expect(der::SEQUENCE) else {
            note("x509.document-type-list-form");
            return Ok(());
        };
        let mut list = list.reader();
        if list.optional(der::INTEGER)?.is_none_or(|version| version.value != [0]) {
            note("x509.document-type-list-version");
        }
        let (mut sets, mut others) = (0, 0);
        while let Some(part) = list.next()? {
            if part.tag.0 == der::SET { sets += 1 } else { others += 1 }
        }
        if others > 0 {
            note("x509.document-type-list-form");
        }
        if sets > 1 {
            note("x509.document-type-list-several-sets");
        }
        Ok(())
    }

    /// The purposes in extKeyUsage, dotted.
    pub(super) fn extended_key_usages(&self, bytes: &[u8]) -> Vec<String> {
        let mut reader = Reader::new(self.ext_key_usages.map_or(&[], |span| span.of(bytes)));
        let mut out = Vec::new();
        while let Ok(Some(purpose)) = reader.next() {
            out.push(der::dotted(purpose.value));
        }
        out
    }

    /// Whether the extension `dotted` is there, and whether it is critical.
    #[must_use]
    pub fn criticality(&self, der: &[u8], dotted: &'static str) -> Option<bool> {
        let wanted = oid::encode(dotted);
        self.list.iter().find(|e| e.oid.of(der) == wanted).map(|e| e.critical)
    }

    /// Content of the OCTET STRING of the extension `dotted`; `der` are the bytes of its certificate.
    #[must_use]
    pub fn value<'a>(&self, der: &'a [u8], dotted: &'static str) -> Option<&'a [u8]> {
        let wanted = oid::encode(dotted);
        self.list.iter().find(|e| e.oid.of(der) == wanted).map(|e| e.value.of(der))
    }

    /// DocumentTypeList ::= SEQUENCE { version INTEGER, docTypeList SET OF PrintableString }; several SETs and a missing version are read too.
    pub(super) fn document_types(&self, bytes: &[u8]) -> Vec<String> {
        fn collect(reader: &mut Reader<'_>, depth: u8, out: &mut Vec<String>) {
            while let Ok(Some(object)) = reader.next() {
                if object.tag.is_constructed() && depth > 0 {
                    collect(&mut object.reader(), depth - 1, out);
                } else if object.tag.0 == der::PRINTABLE_STRING || object.tag.0 == der::UTF8_STRING {
                    out.push(String::from_utf8_lossy(object.value).into_owned());
                }
            }
        }
        let mut out = Vec::new();
        if let Some(span) = self.document_types {
            collect(&mut Reader::new(span.of(bytes)), 2, &mut out);
        }
        out
    }
}
