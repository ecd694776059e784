//! Deviation lists: a state says which of its documents do not conform, and how (Doc 9303-3 clause 7, ASN.1 in Doc 9303-12 clause 10.2).
//!
//! ```text
//! DeviationList ::= SEQUENCE { version INTEGER {v0(0)}, digestAlgorithm AlgorithmIdentifier OPTIONAL, deviations SET OF Deviation }
//! Deviation ::= SEQUENCE { documents DeviationDocuments, descriptions SET OF DeviationDescription }
//! DeviationDocuments ::= SEQUENCE { documentType [0] PrintableString (SIZE(2)) OPTIONAL, dscIdentifier CHOICE { [1] IssuerAndSerialNumber,
//!     [2] SubjectKeyIdentifier, [3] Digest } OPTIONAL, issuingDate [4] SEQUENCE { firstIssued, lastIssued GeneralizedTime } OPTIONAL,
//!     documentNumbers [5] SET OF PrintableString OPTIONAL }
//! DeviationDescription ::= SEQUENCE { description PrintableString OPTIONAL, deviationType OBJECT IDENTIFIER,
//!     parameters [0] ANY OPTIONAL, nationalUse [1] ANY OPTIONAL }
//! ```
//!
//! All criteria of an entry hold at once. A list that parses proves nothing: its signer is proved by [`super::list_signer`], and it speaks
//! for documents of the state that signed it, for no others. Refused: another content type, another version, more than 100 000 entries.

use std::sync::Arc;

use super::algorithm;
use super::cms::SignedData;
use super::der::{self, Time};
use super::x509::Certificate;
use super::x509::name::{self, Relation};
use super::{CertError, list_signer};
use crate::crypto::hash::Hash;
use crate::date::Date;
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv::{self, Reader, Tlv};

mod kind;

pub use kind::{CertField, Kind, MrzField};

const IA5_STRING: u32 = 0x16;
const MAX_DEVIATIONS: usize = 100_000;

/// A deviation list and the signed message that it is in.
#[derive(Clone, Debug)]
pub struct DeviationList {
    /// The message: its signature is proved by [`super::list_signer`].
    pub signed: SignedData,
    /// countryName of the issuer of the signer's certificate: the state that the list speaks for. A claim until the signer is proved.
    pub state: Option<String>,
    /// The entries.
    pub deviations: Vec<Arc<Deviation>>,
    /// Tolerances used in reading the content.
    pub quirks: Vec<Quirk>,
}

/// One entry: documents, and what is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The state that published it, upper case: it speaks for no documents of others.
    pub state: Option<String>,
    /// Which documents.
    pub documents: Documents,
    /// What is wrong with them.
    pub descriptions: Vec<Description>,
}

/// Which documents an entry is about: all criteria that are there must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// Document code of the MRZ: `P<`, `ID`.
    pub document_type: Option<String>,
    /// The document signer.
    pub signer: Option<SignerId>,
    /// First and last day of issue.
    pub issued: Option<(Date, Date)>,
    /// Document numbers; empty where the entry names none.
    pub numbers: Vec<String>,
}

/// How an entry names a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerId {
    /// Issuer (the whole Name) and content octets of the serial number.
    IssuerSerial {
        /// Issuer.
        issuer: Vec<u8>,
        /// Serial number.
        serial: Vec<u8>,
    },
    /// subjectKeyIdentifier.
    KeyId(Vec<u8>),
    /// Digest of the certificate. Its algorithm is the list's digestAlgorithm, or that of the signature on the list.
    Digest {
        /// The algorithm.
        hash: Hash,
        /// The digest.
        value: Vec<u8>,
    },
}

impl SignerId {
    /// Whether it names `certificate`.
    #[must_use]
    pub fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerSerial { issuer, serial } => {
                der::strip_zeros(serial) == der::strip_zeros(certificate.serial())
                    && name::compare(issuer, certificate.issuer()) != Relation::Different
            }
            Self::KeyId(id) => certificate.subject_key_id() == Some(id.as_slice()),
            Self::Digest { hash, value } => hash.digest(&[certificate.der()]) == *value,
        }
    }
}

/// What is known about a document when an entry is held against it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// Certificate of its signer.
    pub signer: Option<&'a Certificate>,
    /// Document code of the MRZ, with or without its filler.
    pub document_type: Option<&'a str>,
    /// Date of issue.
    pub issued: Option<Date>,
    /// Document number, without filler.
    pub number: Option<&'a str>,
}

/// Whether an entry is about a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// Every criterion holds.
    Yes,
    /// A criterion does not hold.
    No,
    /// None fails, but what one asks for is not known of the document.
    Unknown,
}

impl Documents {
    /// Whether the entry is about `document`.
    #[must_use]
    pub fn applies(&self, document: &Subject<'_>) -> Applies {
        let fill = |text: &str| text.trim_end_matches(['<', ' ']).to_uppercase();
        let criteria = [
            self.document_type.as_ref().map(|wanted| document.document_type.map(|found| fill(found) == fill(wanted))),
            self.signer.as_ref().map(|wanted| document.signer.map(|found| wanted.names(found))),
            self.issued.map(|(first, last)| document.issued.map(|found| first <= found && found <= last)),
            (!self.numbers.is_empty()).then(|| document.number.map(|found| self.numbers.iter().any(|n| fill(n) == fill(found)))),
        ];
        let asked = criteria.into_iter().flatten();
        let mut result = Applies::Yes;
        for criterion in asked {
            match criterion {
                Some(true) => {}
                Some(false) => return Applies::No,
                None => result = Applies::Unknown,
            }
        }
        result
    }
}

/// What is wrong with the documents of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Text for people.
    pub text: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// nationalUse: an object of the state's own making.
    pub national_use: Option<Vec<u8>>,
}

impl DeviationList {
    /// Reads a list in DER or BER that fills `bytes`.
    ///
    /// # Errors
    /// Not a signed message with a deviation list of version 0.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertError> {
        Self::from_signed(SignedData::parse(bytes)?)
    }

    /// Reads the list in a signed message.
    ///
    /// # Errors
    /// Its content is no deviation list of version 0.
    pub fn from_signed(signed: SignedData) -> Result<Self, CertError> {
        if signed.content_type() != oid::DEVIATION_LIST {
            return Err(CertError::not_allowed("eContentType of a deviation list", signed.content_type()));
        }
        let state = list_signer::claimed(&signed).and_then(|certificate| certificate.issuer_country());
        let told = signed.signers.first().and_then(|signer| signer.digest.as_ref().ok().copied()).unwrap_or(Hash::Sha256);
        let mut quirks = Vec::new();
        let mut reader = tlv::single(signed.content(), der::SEQUENCE)?.reader();
        let version = reader.expect(der::INTEGER)?;
        if der::small("DeviationList version", &version)? != 0 {
            return Err(CertError::malformed("DeviationList version", &version, "0"));
        }
        let hash = reader.optional(der::SEQUENCE)?.map_or(Ok(told), |identifier| algorithm::digest(&identifier))?;
        let mut set = reader.expect(der::SET)?.reader();
        reader.finish()?;
        let mut deviations = Vec::new();
        while let Some(entry) = der::element(&mut set)? {
            if deviations.len() == MAX_DEVIATIONS {
                return Err(CertError::malformed("deviations", &entry, "at most 100 000 entries"));
            }
            deviations.push(Arc::new(Deviation::read(&entry, state.clone(), hash, &mut quirks)?));
        }
        Ok(Self { signed, state, deviations, quirks })
    }
}

impl Deviation {
    fn read(entry: &Tlv<'_>, state: Option<String>, hash: Hash, quirks: &mut Vec<Quirk>) -> Result<Self, CertError> {
        let mut reader = entry.reader();
        let documents = Documents::read(reader.expect(der::SEQUENCE)?.reader(), hash, quirks)?;
        let mut set = reader.expect(der::SET)?.reader();
        reader.finish()?;
        let mut descriptions = Vec::new();
        while let Some(description) = der::element(&mut set)? {
            descriptions.push(Description::read(description.reader(), quirks)?);
        }
        Ok(Self { state, documents, descriptions })
    }

    /// Deviation in DER.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut descriptions: Vec<_> = self.descriptions.iter().map(Description::encode).collect();
        descriptions.sort();
        let mut body = self.documents.encode();
        tlv::push(&mut body, der::SET, &descriptions.concat());
        tlv::encode(der::SEQUENCE, &body)
    }
}

impl Documents {
    fn read(mut reader: Reader<'_>, hash: Hash, quirks: &mut Vec<Quirk>) -> Result<Self, CertError> {
        let mut out = Self::default();
        if let Some(kind) = reader.optional(0x80)? {
            out.document_type = Some(text(kind.value));
        }
        out.signer = if let Some(pair) = reader.optional(0xA1)? {
            let mut pair = pair.reader();
            let (issuer, serial) = (pair.expect(der::SEQUENCE)?, pair.expect(der::INTEGER)?);
            pair.finish()?;
            Some(SignerId::IssuerSerial { issuer: issuer.raw.to_vec(), serial: serial.value.to_vec() })
        } else if let Some(id) = reader.optional(0x82)? {
            Some(SignerId::KeyId(id.value.to_vec()))
        } else {
            reader.optional(0x83)?.map(|digest| SignerId::Digest { hash, value: digest.value.to_vec() })
        };
        if let Some(period) = reader.optional(0xA4)? {
            let mut period = period.reader();
            let (first, last) = (period.expect(der::GENERALIZED_TIME)?, period.expect(der::GENERALIZED_TIME)?);
            period.finish()?;
            out.issued = Some((der::time("firstIssued", &first, quirks)?.date, der::time("lastIssued", &last, quirks)?.date));
        }
        if let Some(numbers) = reader.optional(0xA5)? {
            let mut numbers = numbers.reader();
            while let Some(number) = numbers.next()? {
                out.numbers.push(text(number.value));
            }
        }
        reader.finish()?;
        Ok(out)
    }

    fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        if let Some(kind) = &self.document_type {
            tlv::push(&mut body, 0x80u32, kind.as_bytes());
        }
        match &self.signer {
            Some(SignerId::IssuerSerial { issuer, serial }) => {
                tlv::push(&mut body, 0xA1u32, &[issuer.clone(), tlv::encode(der::INTEGER, serial)].concat());
            }
            Some(SignerId::KeyId(id)) => tlv::push(&mut body, 0x82u32, id),
            Some(SignerId::Digest { value, .. }) => tlv::push(&mut body, 0x83u32, value),
            None => {}
        }
        if let Some((first, last)) = self.issued {
            let mut period = tlv::encode(der::GENERALIZED_TIME, Time::midnight(first).generalized().as_bytes());
            tlv::push(&mut period, der::GENERALIZED_TIME, Time::end_of(last).generalized().as_bytes());
            tlv::push(&mut body, 0xA4u32, &period);
        }
        if !self.numbers.is_empty() {
            let mut numbers: Vec<_> = self.numbers.iter().map(|n| tlv::encode(der::PRINTABLE_STRING, n.as_bytes())).collect();
            numbers.sort();
            tlv::push(&mut body, 0xA5u32, &numbers.concat());
        }
        tlv::encode(der::SEQUENCE, &body)
    }
}

impl Description {
    fn read(mut reader: Reader<'_>, quirks: &mut Vec<Quirk>) -> Result<Self, CertError> {
        let mut said = None;
        for tag in [der::PRINTABLE_STRING, der::UTF8_STRING, IA5_STRING] {
            if let Some(found) = reader.optional(tag)? {
                if tag != der::PRINTABLE_STRING {
                    quirks.push(Quirk::new("deviation-list.string-type", format!("description with tag {}", found.tag)));
                }
                said = Some(text(found.value));
                break;
            }
        }
        let kind = der::oid(&mut reader)?;
        let parameters = reader.optional(0xA0)?.map(|tagged| tagged.reader().next()).transpose()?.flatten();
        let national_use = reader.optional(0xA1)?.map(|tagged| tagged.value.to_vec());
        reader.finish()?;
        let kind = Kind::read(&der::dotted(kind), parameters.as_ref())?;
        Ok(Self { text: said, kind, national_use })
    }

    fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        if let Some(text) = &self.text {
            tlv::push(&mut body, der::PRINTABLE_STRING, text.as_bytes());
        }
        body.extend(self.kind.encode());
        if let Some(object) = &self.national_use {
            tlv::push(&mut body, 0xA1u32, object);
        }
        tlv::encode(der::SEQUENCE, &body)
    }
}

/// DeviationList in DER: the content that a Deviation List Signer signs. `hash` is the algorithm of the digests among its identifiers.
#[must_use]
pub fn encode(deviations: &[Deviation], hash: Hash) -> Vec<u8> {
    let mut entries: Vec<_> = deviations.iter().map(Deviation::encode).collect();
    // DER orders the elements of a SET OF by their encodings (X.690 clause 11.6)
    entries.sort();
    let mut body = tlv::encode(der::INTEGER, &[0]);
    body.extend(algorithm::encode_digest(hash));
    tlv::push(&mut body, der::SET, &entries.concat());
    tlv::encode(der::SEQUENCE, &body)
}

/// Text of a state, for people: UTF-8, or else Latin-1.
fn text(value: &[u8]) -> String {
    String::from_utf8(value.to_vec()).unwrap_or_else(|_| value.iter().map(|&o| char::from(o)).collect())
}
