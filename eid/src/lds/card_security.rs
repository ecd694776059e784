//! EF.CardSecurity (Doc 9303-10 §3.11, Doc 9303-11 §9.2.11, TR-03110-3 A.1.2.5): the SecurityInfos of the chip under the issuer's signature,
//! readable after PACE; the static key of chip authentication mapping stands in it.
//!
//! ```text
//! EF.CardSecurity ::= ContentInfo      CMS SignedData, eContentType id-SecurityObject 0.4.0.127.0.7.3.2.1, eContent SecurityInfos
//! ```
//!
//! A file that parses proves nothing; [`crate::protocol::passive_auth`] is the proof. Refused: other content types. Accepted as quirks: zero
//! bytes after the object, and what [`crate::cert::cms`] accepts.

use super::security_info::{KeyId, SecurityInfoError, SecurityInfos};
use crate::cert::cms::SignedData;
use crate::cert::cms::build::{Message, NamedBy, SignError, sign};
use crate::cert::spki::agreement::{self, AgreementKeyInfo};
use crate::cert::x509::Certificate;
use crate::cert::{CertError, Time};
use crate::oid;
use crate::quirk::Quirk;
use crate::signer::Signer;
use crate::tlv::{Reader, TlvError};

/// Why a file is no EF.CardSecurity. Offsets inside of the CMS structure count from its first byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardSecurityError {
    /// The file is not one object.
    #[error("EF.CardSecurity: {0}")]
    File(#[from] TlvError),
    /// It is not the signed message that the clause asks for.
    #[error("EF.CardSecurity SignedData: {0}")]
    SignedData(CertError),
    /// Another content than SecurityInfos.
    #[error("EF.CardSecurity eContentType: expected id-SecurityObject 0.4.0.127.0.7.3.2.1, found {0}")]
    ContentType(String),
    /// The content is not a set of SecurityInfos.
    #[error("EF.CardSecurity: {0}")]
    Content(SecurityInfoError),
}

/// Why there is no static key for a domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StaticKeyError {
    /// No ChipAuthenticationPublicKeyInfo has that key id.
    #[error("EF.CardSecurity has no ChipAuthenticationPublicKeyInfo with key id {0}")]
    Missing(u8),
    /// Several have it.
    #[error("EF.CardSecurity has several ChipAuthenticationPublicKeyInfos with key id {0}")]
    Several(u8),
    /// It cannot be read.
    #[error("EF.CardSecurity: key {id}: {source}")]
    Key {
        /// The key id.
        id: u8,
        /// What is wrong.
        source: CertError,
    },
}

/// A parsed EF.CardSecurity with the bytes it was read from.
#[derive(Clone, Debug)]
pub struct CardSecurity {
    /// The signed message.
    pub signed: SignedData,
    /// What it says.
    pub infos: SecurityInfos,
    /// Tolerances used, those of the signed message included.
    pub quirks: Vec<Quirk>,
}

impl CardSecurity {
    /// Reads the file.
    ///
    /// # Errors
    /// What is not as the clause asks, and where.
    pub fn parse(file: &[u8]) -> Result<Self, CardSecurityError> {
        let mut quirks = Vec::new();
        let mut reader = Reader::new(file);
        let mut message = file;
        // a message of indefinite length, which the reader refuses, goes on to the CMS reader as it is
        if let Ok(object) = reader.expect(0x30_u32)
            && !reader.is_empty()
        {
            if reader.rest().iter().any(|&octet| octet != 0) {
                reader.finish()?;
            }
            quirks.push(Quirk::new("card-security.padding", format!("{} zero bytes after EF.CardSecurity", reader.rest().len())));
            message = object.raw;
        }
        let signed = SignedData::parse(message).map_err(CardSecurityError::SignedData)?;
        if signed.content_type() != oid::SECURITY_OBJECT {
            return Err(CardSecurityError::ContentType(signed.content_type()));
        }
        quirks.extend_from_slice(&signed.quirks);
        let infos = SecurityInfos::parse(signed.content()).map_err(CardSecurityError::Content)?;
        Ok(Self { signed, infos, quirks })
    }

    /// The static key of chip authentication mapping over the domain parameters `id`: the key whose id is that (Doc 9303-11 §9.2.6).
    /// It is the issuer's only if the signature on the file is.
    ///
    /// # Errors
    /// Any [`StaticKeyError`].
    pub fn static_key(&self, id: u8) -> Result<AgreementKeyInfo, StaticKeyError> {
        let mut keys = self.infos.chip_auth_public_keys().filter(|key| key.key_id == Some(KeyId::from(u32::from(id))));
        let key = keys.next().ok_or(StaticKeyError::Missing(id))?;
        if keys.next().is_some() {
            return Err(StaticKeyError::Several(id));
        }
        agreement::parse(&key.spki).map_err(|source| StaticKeyError::Key { id, source })
    }
}

/// EF.CardSecurity with these infos, signed by `signer`, whose certificate goes in.
///
/// # Errors
/// The certificate is of another key; the signer refuses; its digest is weak.
pub fn build(
    infos: &SecurityInfos,
    signer: &dyn Signer,
    certificate: &Certificate,
    signing_time: Option<Time>,
) -> Result<Vec<u8>, SignError> {
    let message = Message {
        content_type: oid::SECURITY_OBJECT,
        content: infos.encode(),
        certificate,
        others: &[],
        named_by: NamedBy::IssuerSerial,
        signing_time,
    };
    sign(&message, signer)
}
