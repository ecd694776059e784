//! CSCA master lists: the CSCA certificates that a state or the ICAO has collected, in one signed message (Doc 9303-12 clause 9).
//!
//! ```text
//! CscaMasterList ::= SEQUENCE { version INTEGER {v0(0)}, certList SET OF Certificate }
//! ```
//!
//! An entry that does not read is kept by its place and its error, and counted: it never hides the others. A list that parses proves
//! nothing: its signer is proved by [`super::list_signer`]. Refused: another content type, another version, more than 100 000 entries.

use std::sync::Arc;

use super::CertError;
use super::cms::SignedData;
use super::der;
use super::x509::Certificate;
use crate::oid;
use crate::quirk::Quirk;
use crate::tlv;

const MAX_ENTRIES: usize = 100_000;

/// A master list and the signed message that it is in.
#[derive(Clone, Debug)]
pub struct MasterList {
    /// The message: its signature is proved by [`super::list_signer`].
    pub signed: SignedData,
    /// The entries in the order of the list.
    pub entries: Vec<Entry>,
    /// Tolerances used in reading the content.
    pub quirks: Vec<Quirk>,
}

/// One entry of a list.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Offset in the content.
    pub at: usize,
    /// The certificate, or why it is none.
    pub certificate: Result<Arc<Certificate>, CertError>,
}

impl MasterList {
    /// Reads a list in DER or BER that fills `bytes`.
    ///
    /// # Errors
    /// Not a signed message with a master list of version 0.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertError> {
        Self::from_signed(SignedData::parse(bytes)?)
    }

    /// Reads the list in a signed message.
    ///
    /// # Errors
    /// Its content is no master list of version 0.
    pub fn from_signed(signed: SignedData) -> Result<Self, CertError> {
        if signed.content_type() != oid::CSCA_MASTER_LIST {
            return Err(CertError::not_allowed("eContentType of a master list", signed.content_type()));
        }
        let mut quirks = Vec::new();
        let mut outer = tlv::Reader::new(signed.content());
        let mut reader = outer.expect(der::SEQUENCE)?.reader();
        if !outer.is_empty() {
            quirks.push(Quirk::new("master-list.bytes-after-content", "eContent").over(outer.rest()));
        }
        let version = reader.expect(der::INTEGER)?;
        if der::small("CscaMasterList version", &version)? != 0 {
            return Err(CertError::malformed("CscaMasterList version", &version, "0"));
        }
        let mut set = reader.expect(der::SET)?.reader();
        reader.finish()?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut before: Option<&[u8]> = None;
        let mut ordered = true;
        while !set.is_empty() {
            let at = set.at();
            if entries.len() == MAX_ENTRIES {
                return Err(CertError::Malformed { what: "certList", at, expected: "at most 100 000 entries", found: "more".to_owned() });
            }
            match set.next() {
                Ok(Some(object)) => {
                    // DER orders the elements of a SET OF by their encodings (X.690 clause 11.6)
                    ordered &= before.is_none_or(|before| before <= object.raw);
                    before = Some(object.raw);
                    entries.push(Entry { at, certificate: Certificate::from_der(object.raw).map(Arc::new) });
                }
                Ok(None) => break,
                // where an entry does not say how long it is, the next one cannot be found
                Err(error) => {
                    entries.push(Entry { at, certificate: Err(error.into()) });
                    break;
                }
            }
        }
        if !ordered {
            quirks.push(Quirk::new("master-list.not-in-der-order", "certList"));
        }
        Ok(Self { signed, entries, quirks })
    }

    /// The certificates that read, in the order of the list.
    pub fn certificates(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        self.entries.iter().filter_map(|entry| entry.certificate.as_ref().ok())
    }

    /// Offset and error of the entries that do not.
    pub fn unreadable(&self) -> impl Iterator<Item = (usize, &CertError)> {
        self.entries.iter().filter_map(|entry| entry.certificate.as_ref().err().map(|error| (entry.at, error)))
    }
}

/// CscaMasterList in DER: the content that a master list signer signs.
#[must_use]
pub fn encode(certificates: &[&Certificate]) -> Vec<u8> {
    let mut entries: Vec<_> = certificates.iter().map(|certificate| certificate.der()).collect();
    entries.sort_unstable();
    entries.dedup();
    let mut body = tlv::encode(der::INTEGER, &[0]);
    tlv::push(&mut body, der::SET, &entries.concat());
    tlv::encode(der::SEQUENCE, &body)
}
