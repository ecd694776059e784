//! What a file of certificates and lists is, by its content, and PKCS#7 bundles: SignedData that signs nothing and only carries
//! certificates and CRLs (RFC 5652 clause 5.1, "degenerate").

use super::CertError;
use super::cms;
use super::der;
use crate::oid;
use crate::tlv::{self, Reader};

const MAX_OBJECTS: usize = 100_000;

/// What bytes are, by their structure. A reading of the first few fields: the reader of that kind decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An X.509 certificate.
    Certificate,
    /// A CRL.
    Crl,
    /// SignedData with a CSCA master list.
    MasterList,
    /// SignedData with a deviation list.
    DeviationList,
    /// SignedData with another content, or none.
    Bundle,
}

/// The kind of the DER or BER in `bytes`; `None` if it is nothing of the above.
#[must_use]
pub fn kind(bytes: &[u8]) -> Option<Kind> {
    // CMS may be BER, whose lengths do not matter here
    let mut reader = Reader::new(bytes);
    if let Ok(Some(outer)) = reader.next()
        && outer.tag.0 == der::SEQUENCE
        && let Ok(Some(inner)) = outer.reader().next()
        && inner.tag.0 == der::SEQUENCE
    {
        return certificate_or_crl(inner.reader());
    }
    let content_type = |dotted: &'static str| tlv::encode(der::OID, &oid::encode(dotted));
    let head = bytes.get(..64).unwrap_or(bytes);
    let finds = |head: &[u8], dotted| {
        let wanted = content_type(dotted);
        head.windows(wanted.len()).any(|window| window == wanted)
    };
    if bytes.first() != Some(&0x30) || !finds(head.get(..20).unwrap_or(head), oid::SIGNED_DATA) {
        return None;
    }
    // eContentType stands behind the digest algorithms, of which a list has one or two
    let head = bytes.get(..160).unwrap_or(bytes);
    Some(if finds(head, oid::CSCA_MASTER_LIST) {
        Kind::MasterList
    } else if finds(head, oid::DEVIATION_LIST) {
        Kind::DeviationList
    } else {
        Kind::Bundle
    })
}

/// A certificate has a validity of two times where a CRL has thisUpdate.
fn certificate_or_crl(mut tbs: Reader<'_>) -> Option<Kind> {
    let mut tags = Vec::new();
    while tags.len() < 6
        && let Ok(Some(field)) = tbs.next()
    {
        tags.push(field.tag.0);
    }
    let skip = usize::from(matches!(tags.first(), Some(&(0xA0 | der::INTEGER))));
    let rest = tags.get(skip..).unwrap_or_default();
    match (tags.first(), rest) {
        // [0] version, serialNumber, signature, issuer
        (Some(&0xA0), [der::INTEGER, der::SEQUENCE, ..]) => Some(Kind::Certificate),
        (_, [der::SEQUENCE, der::SEQUENCE, der::UTC_TIME | der::GENERALIZED_TIME, ..]) => Some(Kind::Crl),
        // version 1: serialNumber, signature, issuer, validity
        (Some(&der::INTEGER), [der::SEQUENCE, der::SEQUENCE, der::SEQUENCE, ..]) => Some(Kind::Certificate),
        _ => None,
    }
}

/// The certificates and CRLs of a bundle, each as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// Certificates.
    pub certificates: Vec<Vec<u8>>,
    /// CRLs.
    pub crls: Vec<Vec<u8>>,
}

impl Bundle {
    /// Reads a bundle in DER or BER that fills `bytes`. Nothing is proved: a signature, if there is one, is not looked at.
    ///
    /// # Errors
    /// Not SignedData.
    pub fn parse(bytes: &[u8]) -> Result<Self, CertError> {
        match Self::from_der(bytes) {
            Err(CertError::Tlv(tlv::TlvError::Indefinite { .. })) => Self::from_der(&cms::to_definite(bytes)?),
            other => other,
        }
    }

    fn from_der(bytes: &[u8]) -> Result<Self, CertError> {
        let mut info = tlv::single(bytes, der::SEQUENCE)?.reader();
        let kind = info.expect(der::OID)?;
        if kind.value != oid::encode(oid::SIGNED_DATA) {
            return Err(CertError::malformed("contentType", &kind, "id-signedData 1.2.840.113549.1.7.2"));
        }
        let mut reader = info.expect(0xA0)?.reader().expect(der::SEQUENCE)?.reader();
        info.finish()?;
        reader.expect(der::INTEGER)?;
        reader.expect(der::SET)?;
        reader.expect(der::SEQUENCE)?;
        let mut out = Self::default();
        for (tag, list) in [(0xA0u32, &mut out.certificates), (0xA1, &mut out.crls)] {
            if let Some(objects) = reader.optional(tag)? {
                let mut objects = objects.reader();
                while let Some(object) = objects.next()? {
                    if list.len() == MAX_OBJECTS {
                        return Err(CertError::malformed("bundle", &object, "at most 100 000 objects"));
                    }
                    list.push(object.raw.to_vec());
                }
            }
        }
        Ok(out)
    }
}
