//! Layer 4: the logical data structure (Doc 9303-10), one module per elementary file, each of which is read and written.
//!
//! Every file type is an [`Elementary`]: `parse`, `encode`, and `fields` for people. [`parse`] takes any file by its identifier and
//! keeps the original bytes beside the content, because hashes and signatures are over bytes. [`detect`] tells the file from its first tags.
//! Real chips deviate; what is read although it deviates is a [`Quirk`], what cannot be read is an [`LdsError`] that names the file and the place.

pub(crate) mod asn1;
pub mod atr_info;
pub mod biometrics;
pub mod card_access;
pub mod card_security;
pub mod com;
pub mod cvca;
pub mod details;
pub mod dg1;
pub mod dg11;
pub mod dg12;
pub mod dg13;
pub mod dg14;
pub mod dg15;
pub mod dg16;
pub mod dg2;
pub mod dg3;
pub mod dg4;
pub mod dir;
pub mod displayed;
pub mod eid;
mod error;
pub mod features;
mod file;
pub mod security_info;
pub mod sod;
pub mod tags;

pub use error::LdsError;
pub use file::{Content, File, MALFORMED, detect, parse, tolerated};

use crate::image::FileId;
use crate::quirk::Quirk;

/// An elementary file of the logical data structure.
pub trait Elementary: Sized {
    /// Which file it is.
    const FILE: FileId;

    /// Reads the file from all of its bytes, outer tag included, and adds the tolerances used to `quirks`.
    ///
    /// # Errors
    /// The bytes are not this file.
    fn read(bytes: &[u8], quirks: &mut Vec<Quirk>) -> Result<Self, LdsError>;

    /// The file in bytes, outer tag included. What was read and not changed keeps its value; its bytes are kept in [`File::raw`].
    fn encode(&self) -> Vec<u8>;

    /// Names and values for people, in the order of the file.
    fn fields(&self) -> Vec<(String, String)>;

    /// [`read`](Self::read) for callers that keep no ledger of quirks.
    ///
    /// # Errors
    /// The bytes are not this file.
    fn parse(bytes: &[u8]) -> Result<Self, LdsError> {
        Self::read(bytes, &mut Vec::new())
    }
}

/// The EF.DGn of the application as a constant.
const fn dg(number: u8) -> FileId {
    match FileId::dg(number) {
        Some(file) => file,
        None => FileId::COM,
    }
}

fn field(name: impl Into<String>, value: impl Into<String>) -> (String, String) {
    (name.into(), value.into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests;
