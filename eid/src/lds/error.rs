//! Why bytes are not the elementary file that they should be.

use super::card_security::CardSecurityError;
use super::security_info::SecurityInfoError;
use super::sod::SodError;
use crate::image::FileId;
use crate::mrz::MrzError;
use crate::tlv::{Tag, TlvError};

/// Why bytes are not an elementary file. Offsets count from the first byte of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LdsError {
    /// Not the TLV structure of the clause.
    #[error("{file}: {source}")]
    Tlv {
        /// The file.
        file: FileId,
        /// What is wrong, and where.
        source: TlvError,
    },
    /// The structure is there, a value is not allowed.
    #[error("{file}: {field} at offset {at}: expected {expected}, found {found}")]
    Value {
        /// The file.
        file: FileId,
        /// The field.
        field: &'static str,
        /// Its offset.
        at: usize,
        /// What the clause asks for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Something that may stand there once stands there twice.
    #[error("{file}: {what} {tag} at offset {at} for the second time")]
    Twice {
        /// The file.
        file: FileId,
        /// `tag` or `field`.
        what: &'static str,
        /// The tag or number.
        tag: String,
        /// Offset of the second one.
        at: usize,
    },
    /// The SecurityInfos of EF.CardAccess or EF.DG14.
    #[error("{file}: {source}")]
    SecurityInfos {
        /// The file.
        file: FileId,
        /// What is wrong.
        source: SecurityInfoError,
    },
    /// The MRZ of EF.DG1.
    #[error("{file}: MRZ: {source}")]
    Mrz {
        /// The file.
        file: FileId,
        /// What is wrong.
        source: MrzError,
    },
    /// EF.SOD.
    #[error(transparent)]
    Sod(#[from] SodError),
    /// EF.CardSecurity.
    #[error(transparent)]
    CardSecurity(#[from] CardSecurityError),
    /// Not TLV from the first byte on, so that no file can be told.
    #[error("no elementary file: {0}")]
    NotTlv(TlvError),
    /// The bytes begin with no tag of a known file.
    #[error("no elementary file begins with tag {0}")]
    UnknownTag(Tag),
}

/// Says which file an error is about.
pub(super) trait Within<T> {
    fn within(self, file: FileId) -> Result<T, LdsError>;
}

impl<T> Within<T> for Result<T, TlvError> {
    fn within(self, file: FileId) -> Result<T, LdsError> {
        self.map_err(|source| LdsError::Tlv { file, source })
    }
}

impl<T> Within<T> for Result<T, SecurityInfoError> {
    fn within(self, file: FileId) -> Result<T, LdsError> {
        self.map_err(|source| LdsError::SecurityInfos { file, source })
    }
}

impl LdsError {
    pub(super) fn value(file: FileId, field: &'static str, at: usize, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Value { file, field, at, expected: expected.into(), found: found.into() }
    }
}
