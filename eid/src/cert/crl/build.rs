//! Makes certificate revocation lists: version 2, always with nextUpdate, authorityKeyIdentifier, and cRLNumber (RFC 5280 clause 5,
//! Doc 9303-12 clause 7.1.4).
//!
//! What the profile forbids besides (a delta, a part, a list for other issuers) cannot be written here. An empty revokedCertificates is
//! left out. Which entries stand in a list, and whether they may carry a reason, is for the authority to say.

use super::Reason;
use crate::cert::{Time, algorithm, der, spki};
use crate::oid;
use crate::signer::{Signer, SignerError};
use crate::tlv;

const ENUMERATED: u32 = 0x0A;

/// What a list says.
#[derive(Clone, Copy, Debug)]
pub struct Contents<'a> {
    /// Issuer: the whole Name, as it stands in the certificate of the CSCA.
    pub issuer: &'a [u8],
    /// When it is made.
    pub this_update: Time,
    /// By when the next one comes.
    pub next_update: Time,
    /// The entries, in the order that they are written in.
    pub revoked: &'a [Entry],
    /// subjectKeyIdentifier of the CSCA: content octets.
    pub authority_key_id: &'a [u8],
    /// cRLNumber: its magnitude, big-endian.
    pub number: &'a [u8],
    /// issuerAltName: the names (each the whole Name) that the CSCA had before. Left out where there are none.
    pub former_names: &'a [&'a [u8]],
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Content octets of the serial number, as the certificate has them.
    pub serial: Vec<u8>,
    /// revocationDate.
    pub date: Time,
    /// reasonCode. Doc 9303-12 forbids it, RFC 5280 and many readers know it.
    pub reason: Option<Reason>,
}

/// CertificateList in DER, signed.
///
/// # Errors
/// The signer refuses.
pub fn sign(contents: &Contents<'_>, signer: &dyn Signer) -> Result<Vec<u8>, SignerError> {
    let algorithm = algorithm::encode_signature(signer.algorithm());
    let tbs = to_be_signed(contents, &algorithm);
    let signature = signer.sign(&tbs)?.to_der();
    let mut body = tbs;
    body.extend_from_slice(&algorithm);
    tlv::push(&mut body, der::BIT_STRING, &[&[0], signature.as_slice()].concat());
    Ok(tlv::encode(der::SEQUENCE, &body))
}

fn to_be_signed(contents: &Contents<'_>, algorithm: &[u8]) -> Vec<u8> {
    let mut tbs = tlv::encode(der::INTEGER, &[1]);
    tbs.extend_from_slice(algorithm);
    tbs.extend_from_slice(contents.issuer);
    tbs.extend(contents.this_update.to_der());
    tbs.extend(contents.next_update.to_der());
    if !contents.revoked.is_empty() {
        let entries: Vec<_> = contents.revoked.iter().map(entry).collect();
        tlv::push(&mut tbs, der::SEQUENCE, &entries.concat());
    }
    let key_id = tlv::encode(der::SEQUENCE, &tlv::encode(0x80u32, contents.authority_key_id));
    let mut extensions = extension(oid::AUTHORITY_KEY_IDENTIFIER, &key_id);
    let mut number = Vec::new();
    spki::push_unsigned(&mut number, contents.number);
    extensions.extend(extension(oid::CRL_NUMBER, &number));
    if !contents.former_names.is_empty() {
        let names: Vec<_> = contents.former_names.iter().map(|name| tlv::encode(0xA4u32, name)).collect();
        extensions.extend(extension(oid::ISSUER_ALT_NAME, &tlv::encode(der::SEQUENCE, &names.concat())));
    }
    tlv::push(&mut tbs, 0xA0u32, &tlv::encode(der::SEQUENCE, &extensions));
    tlv::encode(der::SEQUENCE, &tbs)
}

fn entry(entry: &Entry) -> Vec<u8> {
    let mut body = tlv::encode(der::INTEGER, &entry.serial);
    body.extend(entry.date.to_der());
    if let Some(reason) = entry.reason {
        let list = extension(oid::REASON_CODE, &tlv::encode(ENUMERATED, &[reason.number()]));
        tlv::push(&mut body, der::SEQUENCE, &list);
    }
    tlv::encode(der::SEQUENCE, &body)
}

/// An extension that is not critical.
fn extension(dotted: &'static str, value: &[u8]) -> Vec<u8> {
    let mut body = tlv::encode(der::OID, &oid::encode(dotted));
    tlv::push(&mut body, der::OCTET_STRING, value);
    tlv::encode(der::SEQUENCE, &body)
}
