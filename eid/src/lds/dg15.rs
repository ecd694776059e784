//! EF.DG15 (Doc 9303-10 §4.7.15): the public key of Active Authentication.
//!
//! ```text
//! 6F { SubjectPublicKeyInfo }
//! ```
//!
//! The file is read whatever the key is; [`Dg15::key`] tells whether the key can be used.

use super::error::Within as _;
use super::{Elementary, LdsError, dg, field};
use crate::cert::CertError;
use crate::cert::spki::{self, SubjectPublicKeyInfo};
use crate::crypto::signature::PublicKey;
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv;

/// EF.DG15.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dg15 {
    /// SubjectPublicKeyInfo in DER, as it stands in the file.
    pub spki: Vec<u8>,
}

impl Dg15 {
    /// The file with `key`.
    #[must_use]
    pub fn new(key: &PublicKey) -> Self {
        Self { spki: spki::encode(key) }
    }

    /// The key.
    ///
    /// # Errors
    /// Malformed, or of a kind that is not supported.
    pub fn key(&self) -> Result<SubjectPublicKeyInfo, CertError> {
        spki::parse(&self.spki)
    }
}

impl Elementary for Dg15 {
    const FILE: FileId = dg(15);

    fn read(bytes: &[u8], _quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut inside = tlv::single(bytes, 0x6F).within(Self::FILE)?.reader();
        let spki = inside.expect(0x30).within(Self::FILE)?.raw.to_vec();
        inside.finish().within(Self::FILE)?;
        Ok(Self { spki })
    }

    fn encode(&self) -> Vec<u8> {
        tlv::encode(0x6F, &self.spki)
    }

    fn fields(&self) -> Vec<(String, String)> {
        let value = self.key().map_or_else(|error| format!("not usable: {error}"), |info| info.describe());
        vec![field("active authentication key", value)]
    }
}
