//! The extension id-sector (TR-03110-3 C.3.2.1): the hashes of the public keys of the sectors for which a terminal may ask a chip for its
//! identifier. The keys themselves come with the request; whoever has none of these gets none.
//!
//! ```text
//! 73 { 06 id-sector, [80 hash of the first key], [81 hash of the second key] }     over 7F49, by the hash of the certificate's signature
//! ```
//!
//! An extension that is not so is none: extensions are never a reason to refuse a certificate.

use super::{Cvc, Extension};
use crate::crypto::hash::Hash;
use crate::oid;
use crate::tlv::{self, Reader};

/// The sectors of a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalSector {
    /// The hash that the certificate is signed with.
    pub hash: Hash,
    /// Hash of the first sector's key.
    pub first: Option<Vec<u8>>,
    /// Hash of the second sector's key.
    pub second: Option<Vec<u8>>,
}

impl TerminalSector {
    /// The sectors of a certificate that was signed with `hash`; `None` if it states none.
    #[must_use]
    pub fn of(certificate: &Cvc, hash: Hash) -> Option<Self> {
        let extension = certificate.extensions().iter().find(|extension| extension.oid == oid::CVC_SECTOR)?;
        let mut reader = Reader::new(&extension.content);
        let mut next = |tag: u32| reader.optional(tag).ok().map(|object| object.map(|object| object.value.to_vec()));
        let (first, second) = (next(0x80)?, next(0x81)?);
        reader.finish().ok()?;
        (first.is_some() || second.is_some()).then_some(Self { hash, first, second })
    }

    /// The extension for these public key objects (7F49 with its header), for a certificate that will be signed with `hash`.
    #[must_use]
    pub fn extension(hash: Hash, first: &[u8], second: Option<&[u8]>) -> Extension {
        let mut content = tlv::encode(0x80u32, &hash.digest(&[first]));
        if let Some(second) = second {
            tlv::push(&mut content, 0x81u32, &hash.digest(&[second]));
        }
        Extension { oid: oid::CVC_SECTOR.to_owned(), content }
    }

    /// Whether `object`, 7F49 with its header, is the key of the first sector, or of the second.
    #[must_use]
    pub fn has(&self, second: bool, object: &[u8]) -> bool {
        let expected = if second { &self.second } else { &self.first };
        expected.as_ref().is_some_and(|expected| *expected == self.hash.digest(&[object]))
    }
}
