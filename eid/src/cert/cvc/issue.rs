//! Making CV certificates and requests. The bytes are those that are signed; the result is read again before it is given out.

use super::key::{CvKey, oid_of};
use super::{Cvc, Extension, KeyReference, Request, date_octets};
use crate::cert::CertError;
use crate::cert::algorithm;
use crate::cert::chat::Chat;
use crate::date::Date;
use crate::oid;
use crate::signer::{Signer, SignerError};
use crate::tlv;

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The key refuses to sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The fields do not make a certificate.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// A day that six digits cannot say.
    #[error("expected a day from 2000 to 2099, found {0}")]
    Date(Date),
}

/// What a certificate shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The name of the signing key.
    pub authority: KeyReference,
    /// The key that is certified.
    pub key: CvKey,
    /// Its name.
    pub holder: KeyReference,
    /// Terminal type, role, and rights.
    pub chat: Chat,
    /// First and last day of validity.
    pub validity: (Date, Date),
    /// Extensions.
    pub extensions: Vec<Extension>,
}

impl Template {
    /// The certificate, signed by `signer`, whose key has the name in `authority`.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn issue(&self, signer: &dyn Signer) -> Result<Cvc, IssueError> {
        let mut fields = body(Some(&self.authority), &self.key, &self.holder);
        fields.extend(self.chat.encode());
        for (tag, date) in [(0x5F25_u32, self.validity.0), (0x5F24, self.validity.1)] {
            tlv::push(&mut fields, tag, &date_octets(date).ok_or(IssueError::Date(date))?);
        }
        push_extensions(&mut fields, &self.extensions)?;
        Ok(Cvc::from_der(&signed(&fields, signer)?)?)
    }
}

/// A request for `key`, which has domain parameters, signed by its own private key.
///
/// # Errors
/// [`IssueError`].
pub fn request(authority: Option<&KeyReference>, key: &CvKey, holder: &KeyReference, own: &dyn Signer) -> Result<Request, IssueError> {
    let fields = body(authority, key, holder);
    Ok(Request::from_der(&signed(&fields, own)?)?)
}

/// The same request with an outer signature by the key that `authority` names: who holds that key asks for the new one.
///
/// # Errors
/// [`IssueError`]; the request has an outer signature already.
pub fn authenticate(request: &Request, authority: &KeyReference, signer: &dyn Signer) -> Result<Request, IssueError> {
    let mut content = request.der().to_vec();
    tlv::push(&mut content, 0x42, authority.as_bytes());
    let signature = sign(&content, signer)?;
    tlv::push(&mut content, 0x5F37, &signature);
    Ok(Request::from_der(&tlv::encode(0x67, &content))?)
}

fn body(authority: Option<&KeyReference>, key: &CvKey, holder: &KeyReference) -> Vec<u8> {
    let mut fields = tlv::encode(0x5F29, &[0]);
    if let Some(authority) = authority {
        tlv::push(&mut fields, 0x42, authority.as_bytes());
    }
    fields.extend(key.encode());
    tlv::push(&mut fields, 0x5F20, holder.as_bytes());
    fields
}

fn push_extensions(fields: &mut Vec<u8>, extensions: &[Extension]) -> Result<(), CertError> {
    let mut all = Vec::new();
    for extension in extensions {
        let oid = oid::parse(&extension.oid).map_err(|_| CertError::Malformed {
            what: "extension",
            at: 0,
            expected: "an object identifier",
            found: extension.oid.chars().take(64).collect(),
        })?;
        let mut template = tlv::encode(0x06, &oid);
        template.extend_from_slice(&extension.content);
        tlv::push(&mut all, 0x73, &template);
    }
    if !all.is_empty() {
        tlv::push(fields, 0x65, &all);
    }
    Ok(())
}

fn signed(fields: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, IssueError> {
    let mut content = tlv::encode(0x7F4E, fields);
    let signature = sign(&content, signer)?;
    tlv::push(&mut content, 0x5F37, &signature);
    Ok(tlv::encode(0x7F21, &content))
}

fn sign(message: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, IssueError> {
    if oid_of(signer.algorithm()).is_none() {
        return Err(CertError::unsupported("algorithm of a CV certificate", algorithm::describe(signer.algorithm())).into());
    }
    Ok(signer.sign(message)?.to_plain())
}
