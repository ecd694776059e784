//! Fixed-length fields of the records of ISO/IEC 19794, big-endian.

use crate::image::FileId;
use crate::lds::LdsError;

/// Walks a record and knows where in the file it is.
#[derive(Clone, Debug)]
pub(super) struct Octets<'a> {
    pub(super) file: FileId,
    pub(super) rest: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Octets<'a> {
    /// The next `len` octets.
    pub(super) fn take(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], LdsError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| {
            LdsError::value(
                self.file,
                field,
                self.at,
                format!("{len} bytes"),
                format!("{} bytes to the end of the record", self.rest.len()),
            )
        })?;
        self.rest = rest;
        self.at += len;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], LdsError> {
        self.take(field, N).map(|taken| taken.try_into().unwrap_or([0; N]))
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, LdsError> {
        self.array(field).map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, LdsError> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, LdsError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// The eight octets of format identifier and version.
    pub(super) fn magic(&mut self, field: &'static str, expected: &[u8; 8]) -> Result<(), LdsError> {
        let at = self.at;
        let found: [u8; 8] = self.array(field)?;
        if &found == expected {
            return Ok(());
        }
        let text = |octets: &[u8]| octets.escape_ascii().to_string();
        Err(LdsError::value(self.file, field, at, text(expected), text(&found)))
    }
}

/// A length as the record writes it. Records above 4 GiB do not exist on chips; the largest number stands for them.
pub(super) fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
