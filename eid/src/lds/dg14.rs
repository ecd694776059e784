//! EF.DG14 (Doc 9303-10 §4.7.14): SecurityInfos under the signature of the issuer.
//!
//! ```text
//! 6E { SET OF SecurityInfo }
//! ```
//!
//! The set keeps its bytes and its order, since the file is hashed as it stands.

use super::error::Within as _;
use super::security_info::SecurityInfos;
use super::{Elementary, LdsError, dg};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv;

/// EF.DG14.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dg14 {
    /// What the file says.
    pub infos: SecurityInfos,
}

impl Elementary for Dg14 {
    const FILE: FileId = dg(14);

    fn read(bytes: &[u8], _quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut inside = tlv::single(bytes, 0x6E).within(Self::FILE)?.reader();
        let infos = SecurityInfos::read(&mut inside).within(Self::FILE)?;
        inside.finish().within(Self::FILE)?;
        Ok(Self { infos })
    }

    fn encode(&self) -> Vec<u8> {
        tlv::encode(0x6E, self.infos.encode())
    }

    fn fields(&self) -> Vec<(String, String)> {
        self.infos.fields()
    }
}
