//! Layer 3: certificates of documents (X.509) and of terminals (CV), CMS, lists, and the path from a document signer to a trust anchor.
//!
//! Everything here reads over spans of the original bytes, because a signature is over bytes: nothing is ever encoded again to be
//! verified. Where genuine certificates break a rule, the reader goes on and reports a [`crate::quirk::Quirk`].

pub(crate) mod der;

pub mod algorithm;
pub mod bundle;
pub mod chat;
pub mod cms;
pub mod crl;
pub mod cvc;
pub mod deviation_list;
pub mod list_signer;
pub mod master_list;
pub mod path;
pub mod pem;
pub mod request;
pub mod spki;
pub mod trust;
pub mod x509;

pub use der::Time;

use crate::tlv::{Tlv, TlvError};

/// Why bytes are not the certificate, key, or signed message that they should be. Offsets count from the start of that structure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertError {
    /// Not the TLV structure that the clause asks for.
    #[error(transparent)]
    Tlv(#[from] TlvError),
    /// The structure is there, its value is not allowed.
    #[error("{what} at offset {at}: expected {expected}, found {found}")]
    Malformed {
        /// The field.
        what: &'static str,
        /// Offset of the field.
        at: usize,
        /// What the clause asks for.
        expected: &'static str,
        /// The octets that are there (the first 16), in hex.
        found: String,
    },
    /// An algorithm that the standard does not know: not one of Doc 9303-12 clause 4.4.
    #[error("{what}: expected an algorithm of Doc 9303-12 4.4, found {found}")]
    NotAllowed {
        /// The field.
        what: &'static str,
        /// What is there.
        found: String,
    },
    /// Allowed, but nothing that is implemented here.
    #[error("{what}: {found} is not supported")]
    Unsupported {
        /// The field.
        what: &'static str,
        /// What is there.
        found: String,
    },
    /// A PEM text without a block of the type that is asked for, or with a damaged one.
    #[error("PEM: {0}")]
    Pem(String),
}

impl CertError {
    pub(crate) fn malformed(what: &'static str, tlv: &Tlv<'_>, expected: &'static str) -> Self {
        Self::Malformed { what, at: tlv.at, expected, found: der::hex(tlv.value.get(..16).unwrap_or(tlv.value)) }
    }

    pub(crate) fn not_allowed(what: &'static str, found: impl Into<String>) -> Self {
        Self::NotAllowed { what, found: found.into() }
    }

    pub(crate) fn unsupported(what: &'static str, found: impl Into<String>) -> Self {
        Self::Unsupported { what, found: found.into() }
    }
}
