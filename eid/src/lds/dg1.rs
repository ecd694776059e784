//! EF.DG1 (Doc 9303-10 §4.7.1): the MRZ.
//!
//! ```text
//! 61 { 5F1F MRZ: 90, 72 or 88 characters }
//! ```
//!
//! Wrong check digits do not keep the file from being read; they are listed.

use super::error::Within as _;
use super::{Elementary, LdsError, dg};
use crate::image::FileId;
use crate::mrz::{Mrz, MrzError};
use crate::quirk::Quirk;
use crate::tlv;

/// EF.DG1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dg1 {
    /// The MRZ.
    pub mrz: Mrz,
    /// Where it deviates from the standard.
    pub deviations: Vec<MrzError>,
}

impl Dg1 {
    /// The file with `mrz`.
    #[must_use]
    pub const fn new(mrz: Mrz) -> Self {
        Self { mrz, deviations: Vec::new() }
    }
}

impl Elementary for Dg1 {
    const FILE: FileId = dg(1);

    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError> {
        let outer = tlv::single(bytes, 0x61).within(Self::FILE)?;
        let mut inside = outer.reader();
        let object = inside.expect(0x5F1F).within(Self::FILE)?;
        inside.finish().within(Self::FILE)?;
        let (mrz, deviations) =
            Mrz::read(&String::from_utf8_lossy(object.value)).map_err(|source| LdsError::Mrz { file: Self::FILE, source })?;
        for deviation in &deviations {
            quirks.push(match deviation {
                MrzError::CheckDigit { field, line, column, .. } => {
                    Quirk::new("mrz.check-digit", format!("EF.DG1 {field} line {line} column {column}"))
                }
                MrzError::Content { field, line, column, .. } => {
                    Quirk::new("mrz.content", format!("EF.DG1 {field} line {line} column {column}"))
                }
                other => Quirk::new("mrz.content", format!("EF.DG1 {other}")),
            });
        }
        Ok(Self { mrz, deviations })
    }

    fn encode(&self) -> Vec<u8> {
        tlv::encode(0x61, &tlv::encode(0x5F1F, self.mrz.text().as_bytes()))
    }

    fn fields(&self) -> Vec<(String, String)> {
        self.mrz.fields()
    }
}
