//! EF.CardAccess (Doc 9303-10 §3.11, Doc 9303-11 §9.2.11): the SecurityInfos for PACE, readable by everyone and unsigned,
//! hence compared with EF.DG14.
//!
//! Bytes after the SET are passed over and reported: cards fill the file up.

use super::error::Within as _;
use super::security_info::SecurityInfos;
use super::{Elementary, LdsError};
use crate::image::FileId;
use crate::quirk::Quirk;
use crate::tlv::Reader;

/// EF.CardAccess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardAccess {
    /// What the file says.
    pub infos: SecurityInfos,
}

impl Elementary for CardAccess {
    const FILE: FileId = FileId::CARD_ACCESS;

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let mut reader = Reader::new(bytes);
        let infos = SecurityInfos::read(&mut reader).within(Self::FILE)?;
        if !reader.is_empty() {
            let place = format!("EF.CardAccess offset {}, {} bytes", reader.at(), reader.rest().len());
            quirks.push(Quirk::new("card-access.trailing-bytes", place));
        }
        Ok(Self { infos })
    }

    fn encode(&self) -> Vec<u8> {
        self.infos.encode().to_vec()
    }

    fn fields(&self) -> Vec<(String, String)> {
        self.infos.fields()
    }
}
