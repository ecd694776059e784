//! The certificate description (BSI TR-03110-4 2.2.6): who runs an authentication terminal, who certified it, and for what it reads.
//!
//! ```text
//! CertificateDescription ::= SEQUENCE {
//!     descriptionType   OBJECT IDENTIFIER (id-plainFormat, id-htmlFormat, id-pdfFormat),
//!     issuerName        [1] UTF8String,
//!     issuerURL         [2] PrintableString OPTIONAL,
//!     subjectName       [3] UTF8String,
//!     subjectURL        [4] PrintableString OPTIONAL,
//!     termsOfUsage      [5] UTF8String | IA5String | OCTET STRING by descriptionType,
//!     redirectURL       [6] PrintableString OPTIONAL,
//!     commCertificates  [7] SET OF OCTET STRING OPTIONAL }
//! in the certificate:  73 { 06 id-description, 80 hash of the description }
//! ```
//!
//! The description lies beside the certificate and is bound to it by its hash, under the digest that the certificate's own key names. The
//! citizen's program shows it before the PIN is entered. Refused: other formats, text that is not in its alphabet, more than
//! [`MAX_LEN`] bytes.

use super::{Cvc, Extension};
use crate::cert::{CertError, der};
use crate::crypto::hash::Hash;
use crate::oid;
use crate::tlv::{self, Reader, Tlv};

/// Longest description that is read, in bytes.
pub const MAX_LEN: usize = 1 << 20;
/// Most hashes of communication certificates that are read.
const MAX_CERTIFICATES: usize = 64;
const IA5_STRING: u32 = 0x16;

/// The terms of usage, in one of three formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Terms {
    /// Plain text.
    Plain(String),
    /// HTML, in ASCII.
    Html(String),
    /// PDF.
    Pdf(Vec<u8>),
}

/// A certificate description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Who certified the terminal.
    pub issuer: String,
    /// Where to read about the issuer.
    pub issuer_url: Option<String>,
    /// Who runs the terminal.
    pub subject: String,
    /// Where to read about the subject.
    pub subject_url: Option<String>,
    /// Address, purpose, supervising authority, and whatever else the citizen should know.
    pub terms: Terms,
    /// Where the citizen's browser goes afterwards.
    pub redirect_url: Option<String>,
    /// Hashes of the TLS certificates of the connections, under the digest of the certificate's key.
    pub certificates: Vec<Vec<u8>>,
}

const fn context(n: u32) -> u32 {
    0xA0 | n
}

impl Description {
    /// Reads a description that fills `bytes`.
    ///
    /// # Errors
    /// Not a description; the error names the field and its offset.
    pub fn from_der(bytes: &[u8]) -> Result<Self, CertError> {
        if bytes.len() > MAX_LEN {
            return Err(CertError::Malformed {
                what: "certificate description",
                at: 0,
                expected: "at most 1 MiB",
                found: format!("{} bytes", bytes.len()),
            });
        }
        let description = tlv::single(bytes, der::SEQUENCE)?;
        let mut reader = description.reader();
        let format = der::dotted(der::oid(&mut reader)?);
        let issuer = text("issuerName", &inside(&reader.expect(context(1))?, der::UTF8_STRING)?)?;
        let issuer_url = url("issuerURL", &mut reader, 2)?;
        let subject = text("subjectName", &inside(&reader.expect(context(3))?, der::UTF8_STRING)?)?;
        let subject_url = url("subjectURL", &mut reader, 4)?;
        let terms = reader.expect(context(5))?;
        let terms = match format.as_str() {
            oid::CVC_DESCRIPTION_PLAIN => Terms::Plain(text("termsOfUsage", &inside(&terms, der::UTF8_STRING)?)?),
            oid::CVC_DESCRIPTION_HTML => Terms::Html(ascii("termsOfUsage", &inside(&terms, IA5_STRING)?)?),
            oid::CVC_DESCRIPTION_PDF => Terms::Pdf(inside(&terms, der::OCTET_STRING)?.value.to_vec()),
            _ => return Err(CertError::unsupported("format of the certificate description", format)),
        };
        let redirect_url = url("redirectURL", &mut reader, 6)?;
        let mut certificates = Vec::new();
        if let Some(all) = reader.optional(context(7))? {
            let set = inside(&all, der::SET)?;
            let mut hashes = set.reader();
            while !hashes.is_empty() {
                let hash = hashes.expect(der::OCTET_STRING)?;
                if certificates.len() == MAX_CERTIFICATES {
                    return Err(CertError::malformed("commCertificates", &hash, "at most 64 of them"));
                }
                certificates.push(hash.value.to_vec());
            }
        }
        reader.finish()?;
        Ok(Self { issuer, issuer_url, subject, subject_url, terms, redirect_url, certificates })
    }

    /// The description in DER.
    ///
    /// # Errors
    /// A URL outside of PrintableString, HTML outside of ASCII.
    pub fn to_der(&self) -> Result<Vec<u8>, CertError> {
        let wrap = |n: u32, tag: u32, value: &[u8]| tlv::encode(context(n), &tlv::encode(tag, value));
        let (format, terms) = match &self.terms {
            Terms::Plain(text) => (oid::CVC_DESCRIPTION_PLAIN, wrap(5, der::UTF8_STRING, text.as_bytes())),
            Terms::Html(text) if text.is_ascii() => (oid::CVC_DESCRIPTION_HTML, wrap(5, IA5_STRING, text.as_bytes())),
            Terms::Html(_) => return Err(outside("termsOfUsage", "HTML in ASCII", "another character")),
            Terms::Pdf(bytes) => (oid::CVC_DESCRIPTION_PDF, wrap(5, der::OCTET_STRING, bytes)),
        };
        let mut out = tlv::encode(der::OID, &oid::encode(format));
        let url = |out: &mut Vec<u8>, what: &'static str, n: u32, url: &Option<String>| match url {
            Some(url) if !url.bytes().all(printable) => Err(outside(what, "a URL in PrintableString (no _, ~, %, #, &, or @)", url)),
            Some(url) => {
                out.extend(wrap(n, der::PRINTABLE_STRING, url.as_bytes()));
                Ok(())
            }
            None => Ok(()),
        };
        out.extend(wrap(1, der::UTF8_STRING, self.issuer.as_bytes()));
        url(&mut out, "issuerURL", 2, &self.issuer_url)?;
        out.extend(wrap(3, der::UTF8_STRING, self.subject.as_bytes()));
        url(&mut out, "subjectURL", 4, &self.subject_url)?;
        out.extend(terms);
        url(&mut out, "redirectURL", 6, &self.redirect_url)?;
        if !self.certificates.is_empty() {
            let mut hashes: Vec<_> = self.certificates.iter().map(|hash| tlv::encode(der::OCTET_STRING, hash)).collect();
            // DER sorts the elements of a SET OF
            hashes.sort();
            out.extend(wrap(7, der::SET, &hashes.concat()));
        }
        Ok(tlv::encode(der::SEQUENCE, &out))
    }
}

/// The extension that binds the description `der` to a certificate whose key names the digest `hash`.
#[must_use]
pub fn extension(der: &[u8], hash: Hash) -> Extension {
    Extension { oid: oid::CVC_DESCRIPTION.to_owned(), content: tlv::encode(0x80u32, &hash.digest(&[der])) }
}

/// Whether `certificate` binds the description `der`; `None` if it binds no description. A comparison: whether the certificate is genuine is
/// another question.
#[must_use]
pub fn is_bound(certificate: &Cvc, der: &[u8]) -> Option<bool> {
    let bound = certificate.extensions().iter().find(|extension| extension.oid == oid::CVC_DESCRIPTION)?;
    Some(*bound == extension(der, certificate.key().algorithm().hash()))
}

fn inside<'a>(tagged: &Tlv<'a>, tag: u32) -> Result<Tlv<'a>, CertError> {
    let mut reader = tagged.reader();
    let value = reader.expect(tag)?;
    reader.finish()?;
    Ok(value)
}

fn text(what: &'static str, value: &Tlv<'_>) -> Result<String, CertError> {
    String::from_utf8(value.value.to_vec()).map_err(|_| CertError::malformed(what, value, "UTF-8"))
}

fn ascii(what: &'static str, value: &Tlv<'_>) -> Result<String, CertError> {
    text(what, value).ok().filter(|text| text.is_ascii()).ok_or_else(|| CertError::malformed(what, value, "ASCII"))
}

fn url(what: &'static str, reader: &mut Reader<'_>, n: u32) -> Result<Option<String>, CertError> {
    reader.optional(context(n))?.map(|tagged| ascii(what, &inside(&tagged, der::PRINTABLE_STRING)?)).transpose()
}

const fn printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'\'' | b'(' | b')' | b'+' | b',' | b'-' | b'.' | b'/' | b':' | b'=' | b'?')
}

fn outside(what: &'static str, expected: &'static str, found: &str) -> CertError {
    CertError::Malformed { what, at: 0, expected, found: found.chars().take(80).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        Description {
            issuer: "Utopia Certification".into(),
            issuer_url: Some("https://ca.example".into()),
            subject: "Library of Utopia".into(),
            subject_url: None,
            terms: Terms::Plain("1 Main Street\nAge check — for borrowing".into()),
            redirect_url: None,
            certificates: vec![vec![0xBB; 32], vec![0xAA; 32]],
        }
    }

    #[test]
    fn a_description_has_the_tags_of_the_standard_in_its_order() {
        let der = description().to_der().expect("a description");
        let read = Description::from_der(&der).expect("reads");
        assert_eq!(read, Description { certificates: vec![vec![0xAA; 32], vec![0xBB; 32]], ..description() }, "a SET OF is sorted");
        let tags: Vec<u32> = {
            let whole = tlv::single(&der, der::SEQUENCE).expect("a sequence");
            let mut reader = whole.reader();
            std::iter::from_fn(|| reader.next().expect("an object")).map(|object| object.tag.0).collect()
        };
        assert_eq!(tags, [0x06, 0xA1, 0xA2, 0xA3, 0xA5, 0xA7]);
        for terms in [Terms::Html("<p>terms</p>".into()), Terms::Pdf(b"%PDF-1.7".to_vec())] {
            let other = Description { terms, certificates: Vec::new(), ..description() };
            assert_eq!(Description::from_der(&other.to_der().expect("a description")), Ok(other));
        }
    }

    #[test]
    fn what_is_outside_of_its_alphabet_is_refused_by_name() {
        let wrong = Description { redirect_url: Some("https://a.example/~b".into()), ..description() };
        assert!(wrong.to_der().expect_err("a tilde").to_string().starts_with("redirectURL"));
        let wrong = Description { terms: Terms::Html("ä".into()), ..description() };
        assert!(wrong.to_der().expect_err("no ASCII").to_string().starts_with("termsOfUsage"));
        let der = description().to_der().expect("a description");
        for cut in 0..der.len() {
            assert!(Description::from_der(der.get(..cut).expect("shorter")).is_err(), "cut at {cut}");
        }
        assert!(Description::from_der(&vec![0; MAX_LEN + 1]).is_err());
        let format = tlv::encode(der::OID, &oid::encode(oid::CVC_DESCRIPTION_PLAIN));
        let mut unknown = description().to_der().expect("a description");
        let at = unknown.windows(format.len()).position(|window| window == format).expect("there") + format.len() - 1;
        *unknown.get_mut(at).expect("inside") = 9;
        assert!(matches!(Description::from_der(&unknown), Err(CertError::Unsupported { .. })));
    }
}
