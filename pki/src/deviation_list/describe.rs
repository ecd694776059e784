//! The file that tells what is wrong with which documents, for people to write (TOML, or JSON with the same keys).
//!
//! ```toml
//! version = 1
//!
//! [[deviation]]
//! document_type = "P<"                             # all criteria of an entry hold at once
//! signer = { certificate = "ds-2026", by = "key-identifier" }    # or issuer-and-serial (the default), digest
//! issued = { first = "2026-01-01", last = "2026-03-31" }
//! numbers = ["C01X00T47"]
//!
//! [[deviation.description]]
//! type = "LDS-DGHashWrong"                         # the names of Doc 9303-12 clause 10.2, without id-Deviation-
//! data_group = 2
//! text = "DG2 was written again after signing"
//! ```
//!
//! A type that has a place takes it from `data_group` (1 to 16, or `EF.SOD`, `EF.COM`) or `field` (`subject`, `dateOfBirth`, an extension
//! as keyUsage or dotted). Refused, each with its place in the file: unknown keys, an entry that names no documents or nothing wrong with
//! them, text that is no PrintableString, a place that the type does not have.

use eid::cert::deviation_list::{CertField, Description, Deviation, Documents, Kind, MrzField, SignerId};
use eid::cert::x509::Certificate;
use eid::crypto::hash::Hash;
use eid::date::Date;
use eid::oid;
use serde::Deserialize;

use crate::profile;

const VERSION: u32 = 1;
const MAX_ENTRIES: usize = 100_000;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// 1.
    pub version: u32,
    /// The entries.
    pub deviation: Vec<Entry>,
}

/// Documents, and what is wrong with them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Document code of the MRZ, two characters: `P<`.
    pub document_type: Option<String>,
    /// The document signer.
    pub signer: Option<Signer>,
    /// First and last day of issue.
    pub issued: Option<Issued>,
    /// Document numbers.
    #[serde(default)]
    pub numbers: Vec<String>,
    /// What is wrong.
    pub description: Vec<What>,
}

/// A document signer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// A name in the register, or a file.
    pub certificate: String,
    /// How the entry names it.
    #[serde(default)]
    pub by: By,
}

/// How an entry names a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// issuerAndSerialNumber.
    #[default]
    IssuerAndSerial,
    /// subjectKeyIdentifier.
    KeyIdentifier,
    /// Digest of the certificate.
    Digest,
}

/// A period.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// First day, `2026-01-01`.
    pub first: String,
    /// Last day.
    pub last: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct What {
    /// `LDS-DGHashWrong`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For types of data groups: 1 to 16, `EF.SOD`, `EF.COM`.
    pub data_group: Option<Group>,
    /// For types of certificates and the MRZ: a field.
    pub field: Option<String>,
    /// For people.
    pub text: Option<String>,
}

/// A file of the chip.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Group {
    /// A data group.
    Number(u8),
    /// `EF.SOD`, `EF.COM`.
    Name(String),
}

/// What cannot be published, and where in the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: expected {expected}, found {found}")]
pub struct DescribeError {
    /// `deviation 2, description 1`.
    pub place: String,
    /// The rule.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Reads the file: JSON where it starts with a brace, else TOML.
///
/// # Errors
/// What it does not know, or what is missing, with its line.
pub fn parse(text: &str) -> Result<File, DescribeError> {
    let read = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else {
        toml::from_str(text).map_err(|error: toml::de::Error| error.to_string().trim_end().to_owned())
    };
    let expected = "deviations in TOML or JSON".to_owned();
    read.map_err(|found| DescribeError { place: "the file".to_owned(), expected, found })
}

/// The deviations that the file tells of. `certificate` finds the certificate of a document signer by its name in the register or its file;
/// those of another state than `country` are refused, for a list speaks for nobody else's documents. Digests are made with `hash`.
///
/// # Errors
/// The first place in the file that breaks a rule.
pub fn deviations(
    file: &File,
    country: &str,
    hash: Hash,
    certificate: &mut dyn FnMut(&str) -> Result<Certificate, String>,
) -> Result<Vec<Deviation>, DescribeError> {
    let fail = |expected: &str, found: String| Err(DescribeError { place: "the file".to_owned(), expected: expected.to_owned(), found });
    if file.version != VERSION {
        return fail("version 1", file.version.to_string());
    }
    if file.deviation.is_empty() || file.deviation.len() > MAX_ENTRIES {
        return fail("1 to 100 000 deviations", file.deviation.len().to_string());
    }
    let mut out: Vec<Deviation> = Vec::new();
    for (n, entry) in file.deviation.iter().enumerate() {
        let place = format!("deviation {}", n + 1);
        let deviation = Deviation {
            state: Some(country.to_uppercase()),
            documents: documents(entry, &place, country, hash, certificate)?,
            descriptions: descriptions(entry, &place)?,
        };
        if let Some(before) = out.iter().position(|other| *other == deviation) {
            let found = format!("the same as deviation {}", before + 1);
            return Err(DescribeError { place, expected: "each deviation once".to_owned(), found });
        }
        out.push(deviation);
    }
    Ok(out)
}

fn documents(
    entry: &Entry,
    place: &str,
    country: &str,
    hash: Hash,
    certificate: &mut dyn FnMut(&str) -> Result<Certificate, String>,
) -> Result<Documents, DescribeError> {
    let fail = |what: &str, expected: &str, found: &str| {
        Err(DescribeError { place: format!("{place}, {what}"), expected: expected.to_owned(), found: found.chars().take(80).collect() })
    };
    let mut out = Documents::default();
    if let Some(kind) = &entry.document_type {
        // SIZE(2); the filler of the MRZ is no PrintableString, and every state writes it all the same
        if kind.len() != 2 || !kind.bytes().all(|b| b.is_ascii_uppercase() || b == b'<') {
            return fail("document_type", "two characters of the MRZ, as P<", kind);
        }
        out.document_type = Some(kind.clone());
    }
    if let Some(signer) = &entry.signer {
        let found = match certificate(&signer.certificate) {
            Ok(found) => found,
            Err(why) => return fail("signer", "a name in the register or a file with a certificate", &why),
        };
        if found.issuer_country().is_none_or(|of| !of.eq_ignore_ascii_case(country)) {
            let expected = format!("a document signer of {country}, for whose documents alone the list speaks");
            return fail("signer", &expected, &found.issuer_text());
        }
        out.signer = Some(match signer.by {
            By::IssuerAndSerial => SignerId::IssuerSerial { issuer: found.issuer().to_vec(), serial: found.serial().to_vec() },
            By::KeyIdentifier => match found.subject_key_id() {
                Some(id) => SignerId::KeyId(id.to_vec()),
                None => return fail("signer", "a certificate with a subjectKeyIdentifier", &found.subject_text()),
            },
            By::Digest => SignerId::Digest { hash, value: hash.digest(&[found.der()]) },
        });
    }
    if let Some(period) = &entry.issued {
        let (Ok(first), Ok(last)) = (period.first.parse::<Date>(), period.last.parse::<Date>()) else {
            return fail("issued", "two days like 2026-01-31", &format!("{} to {}", period.first, period.last));
        };
        if last < first {
            return fail("issued", "a last day that is not before the first", &format!("{first} to {last}"));
        }
        out.issued = Some((first, last));
    }
    if let Some(number) = entry.numbers.iter().find(|n| n.is_empty() || n.len() > 64 || !n.bytes().all(profile::printable)) {
        return fail("numbers", "1 to 64 characters of PrintableString", number);
    }
    out.numbers.clone_from(&entry.numbers);
    if out == Documents::default() {
        return fail("documents", "a document_type, a signer, days of issue, or numbers", "none of them");
    }
    Ok(out)
}

fn descriptions(entry: &Entry, place: &str) -> Result<Vec<Description>, DescribeError> {
    if entry.description.is_empty() {
        let expected = "at least one description".to_owned();
        return Err(DescribeError { place: place.to_owned(), expected, found: "none".to_owned() });
    }
    let one = |(n, what): (usize, &What)| {
        let place = format!("{place}, description {}", n + 1);
        if let Some(text) = what.text.as_ref().filter(|t| t.is_empty() || !t.bytes().all(profile::printable)) {
            let expected = "text of PrintableString: letters and digits without marks, space, and '()+,-./:=?".to_owned();
            return Err(DescribeError { place, expected, found: text.chars().take(80).collect() });
        }
        Ok(Description { text: what.text.clone(), kind: kind(what, place)?, national_use: None })
    };
    entry.description.iter().enumerate().map(one).collect()
}

/// The types of Doc 9303-12 clause 10.2, without their place.
const KINDS: [Kind; 15] = [
    Kind::CertOrKey,
    Kind::DsSignature,
    Kind::DsEncoding(None),
    Kind::CscaEncoding(None),
    Kind::AaKeyCompromised,
    Kind::Lds,
    Kind::DgMalformed(None),
    Kind::DgHashWrong(None),
    Kind::SodSignatureWrong,
    Kind::ComInconsistent,
    Kind::Mrz,
    Kind::MrzWrongData(None),
    Kind::MrzWrongCheckDigit(None),
    Kind::Chip,
    Kind::NationalUse,
];

/// `LDS-DGHashWrong` for a kind.
fn name(kind: &Kind) -> &'static str {
    oid::name(kind.oid()).and_then(|name| name.strip_prefix("id-Deviation-")).unwrap_or_default()
}

fn kind(what: &What, place: String) -> Result<Kind, DescribeError> {
    let wanted = what.kind.strip_prefix("id-Deviation-").unwrap_or(&what.kind);
    let Some(found) = KINDS.into_iter().find(|kind| name(kind).eq_ignore_ascii_case(wanted)) else {
        let names: Vec<_> = KINDS.iter().map(name).collect();
        return Err(DescribeError { place, expected: format!("one of {}", names.join(", ")), found: what.kind.chars().take(80).collect() });
    };
    let fail = |expected: &str, found: &str| {
        Err(DescribeError { place: place.clone(), expected: expected.to_owned(), found: found.chars().take(80).collect() })
    };
    let group = what.data_group.as_ref().map(|group| match group {
        Group::Number(n @ 1..=16) => Ok(*n),
        Group::Name(name) if name == "EF.SOD" => Ok(20),
        Group::Name(name) if name == "EF.COM" => Ok(21),
        Group::Number(n) => Err(n.to_string()),
        Group::Name(name) => Err(name.clone()),
    });
    let group = match group.transpose() {
        Ok(group) => group,
        Err(found) => return fail("a data_group 1 to 16, EF.SOD, or EF.COM", &found),
    };
    let place_of = |kind: Kind| -> Result<Kind, DescribeError> {
        match &what.field {
            Some(field) => fail("no field: the type has none", field),
            None => Ok(kind),
        }
    };
    let no_group = || match group {
        Some(n) => fail("no data_group: the type has none", &n.to_string()).map(|_: Kind| ()),
        None => Ok(()),
    };
    match found {
        Kind::DgMalformed(_) => place_of(Kind::DgMalformed(group)),
        Kind::DgHashWrong(_) => place_of(Kind::DgHashWrong(group)),
        Kind::DsEncoding(_) | Kind::CscaEncoding(_) => {
            no_group()?;
            let field = match &what.field {
                None => None,
                Some(field) => match cert_field(field) {
                    None => return fail("a field of TBSCertificate or an extension", field),
                    known => known,
                },
            };
            Ok(if matches!(found, Kind::DsEncoding(_)) { Kind::DsEncoding(field) } else { Kind::CscaEncoding(field) })
        }
        Kind::MrzWrongData(_) | Kind::MrzWrongCheckDigit(_) => {
            no_group()?;
            let field = match &what.field {
                None => None,
                Some(field) => match (0..10).map(MrzField).find(|known| known.to_string() == *field) {
                    None => return fail("a field of the MRZ, as dateOfBirth", field),
                    known => known,
                },
            };
            Ok(if matches!(found, Kind::MrzWrongData(_)) { Kind::MrzWrongData(field) } else { Kind::MrzWrongCheckDigit(field) })
        }
        other => {
            no_group()?;
            place_of(other)
        }
    }
}

/// A field of a certificate by its name, an extension by its name or dotted.
fn cert_field(name: &str) -> Option<CertField> {
    const EXTENSIONS: [&str; 11] = [
        oid::SUBJECT_KEY_IDENTIFIER,
        oid::KEY_USAGE,
        oid::PRIVATE_KEY_USAGE_PERIOD,
        oid::SUBJECT_ALT_NAME,
        oid::ISSUER_ALT_NAME,
        oid::BASIC_CONSTRAINTS,
        oid::CRL_DISTRIBUTION_POINTS,
        oid::CERTIFICATE_POLICIES,
        oid::AUTHORITY_KEY_IDENTIFIER,
        oid::EXT_KEY_USAGE,
        oid::DOCUMENT_TYPE_LIST,
    ];
    let body = (0..10).map(CertField::Body).find(|field| field.to_string() == name);
    body.or_else(|| {
        let known = EXTENSIONS.into_iter().find(|dotted| oid::name(dotted).is_some_and(|n| n.trim_start_matches("id-icao-") == name));
        let dotted = known.or_else(|| oid::parse(name).is_ok().then_some(name))?;
        Some(CertField::Extension(dotted.to_owned()))
    })
}
