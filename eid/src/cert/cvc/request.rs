//! Certificate requests (BSI TR-03110-3 C.2): a key that asks to be certified.
//!
//! ```text
//! request          7F21 { 7F4E { 5F29, [42 CAR expected], 7F49 with domain parameters, 5F20 CHR, [65] }, 5F37 by the new key }
//! authenticated    67 { 7F21 request, 42 CAR, 5F37 over request and CAR, by the key that CAR names }
//! ```
//!
//! Refused: a CHAT or dates in the body, an EC key without domain parameters. The inner signature proves only that the new private key
//! is there; who asks is what the outer signature, or another way, must show.

use super::key::{CvKey, VerifyingKey};
use super::{Extension, Fields, KeyReference, check_len};
use crate::cert::CertError;
use crate::cert::der::Span;
use crate::crypto::signature::{SignatureError, verify_plain};
use crate::quirk::Quirk;
use crate::tlv::{Reader, Tag};

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    raw: Vec<u8>,
    body: Span,
    signature: Span,
    outer: Option<Outer>,
    authority: Option<KeyReference>,
    holder: KeyReference,
    key: CvKey,
    verifying: VerifyingKey,
    extensions: Vec<Extension>,
    quirks: Vec<Quirk>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Outer {
    /// Request and CAR: what the signature is over.
    signed: Span,
    authority: KeyReference,
    signature: Span,
}

impl Request {
    /// Reads 7F21 or 67 that fills `bytes`.
    ///
    /// # Errors
    /// Not a request; the error names the field and its offset.
    pub fn from_der(bytes: &[u8]) -> Result<Self, CertError> {
        check_len(bytes)?;
        let mut reader = Reader::new(bytes);
        let mut outer = None;
        let request = if reader.peek()? == Some(Tag(0x67)) {
            let wrapper = reader.expect(0x67)?;
            let mut inside = wrapper.reader();
            let request = inside.expect(0x7F21)?;
            let car = inside.expect(0x42)?;
            let signature = inside.expect(0x5F37)?;
            inside.finish()?;
            outer = Some(Outer {
                signed: Span::between(&request, &car),
                authority: KeyReference::read("certification authority reference (42) of the outer signature", car.value, car.at)?,
                signature: Span::value(&signature),
            });
            request
        } else {
            reader.expect(0x7F21)?
        };
        reader.finish()?;
        let mut inside = request.reader();
        let body = inside.expect(0x7F4E)?;
        let signature = inside.expect(0x5F37)?;
        inside.finish()?;
        let mut quirks = Vec::new();
        let fields = Fields::read(&body, &mut quirks)?;
        if fields.chat.is_some() {
            return Err(CertError::malformed("body of a request", &body, "no CHAT (7F4C) and no dates"));
        }
        let verifying = fields.key.resolve(None)?;
        Ok(Self {
            raw: bytes.to_vec(),
            body: Span::raw(&body),
            signature: Span::value(&signature),
            outer,
            authority: fields.authority,
            holder: fields.holder,
            key: fields.key,
            verifying,
            extensions: fields.extensions,
            quirks,
        })
    }

    /// The bytes of the request.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.raw
    }

    /// Which key is expected to sign the certificate.
    #[must_use]
    pub const fn authority(&self) -> Option<&KeyReference> {
        self.authority.as_ref()
    }

    /// The name that the new key shall have.
    #[must_use]
    pub const fn holder(&self) -> &KeyReference {
        &self.holder
    }

    /// The new key, as stated.
    #[must_use]
    pub const fn key(&self) -> &CvKey {
        &self.key
    }

    /// The new key, ready to verify with.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The extensions.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// Tolerances used.
    #[must_use]
    pub fn quirks(&self) -> &[Quirk] {
        &self.quirks
    }

    /// Which key made the outer signature, as the request says; `None` for a first request, which has none.
    #[must_use]
    pub fn outer_authority(&self) -> Option<&KeyReference> {
        self.outer.as_ref().map(|outer| &outer.authority)
    }

    /// Checks the inner signature: the sender holds the private key.
    ///
    /// # Errors
    /// [`SignatureError::Wrong`], or why it cannot be checked.
    pub fn verify(&self) -> Result<(), SignatureError> {
        verify_plain(self.verifying.algorithm, &self.verifying.key, self.body.of(&self.raw), self.signature.of(&self.raw))
    }

    /// Checks the outer signature with the key that [`outer_authority`](Self::outer_authority) names.
    ///
    /// # Errors
    /// [`SignatureError::Wrong`], or why it cannot be checked; [`SignatureError::Malformed`] where there is none.
    pub fn verify_outer(&self, key: &VerifyingKey) -> Result<(), SignatureError> {
        let outer = self.outer.as_ref().ok_or_else(|| SignatureError::Malformed("the request has no outer signature (67)".into()))?;
        verify_plain(key.algorithm, &key.key, outer.signed.of(&self.raw), outer.signature.of(&self.raw))
    }
}
