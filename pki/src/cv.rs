//! CV certificates: who may open the fingerprints of a card (BSI TR-03110-3, Doc 9303-12 clause 7).
//!
//! ```text
//! CVCA ──link──▶ CVCA ──▶ document verifier, domestic or foreign ──▶ terminal
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | [`rights`] | terminal types and rights by their names |
//! | [`period`] | how long each certificate is good, and what is refused |
//! | [`issue`] | CVCA, link, document verifier, terminal: pure functions over a [`Signer`](eid::signer::Signer) |
//! | [`request`] | requests, and what they prove |
//! | [`tables`] | what `pki.toml` declares of all this |
//! | [`office`] | the same on the register and the keys of an authority |
//!
//! The certificates are the same for version 1 of Extended Access Control, which knows inspection systems alone, and for version 2, which
//! has authentication and signature terminals too. Each certificate that is made was taken by a chip of the issuing day before it is
//! given out: the rules that judge it are those of [`eid::cert::cvc::chain`]. Refused: rights that the issuer does not have, days
//! outside of the issuer's, a key on another curve than the issuer's (only a CVCA states its domain parameters), weak keys,
//! a request that does not prove what it must.

pub mod issue;
pub mod office;
pub mod period;
pub mod request;
pub mod rights;
pub mod tables;

pub use issue::{Applicant, Issued, Issuer};
pub use office::{Office, OfficeError};
pub use period::Period;
pub use request::Proof;
pub use rights::Rights;
pub use tables::Tables;

use eid::cert::CertError;
use eid::cert::cvc::issue::IssueError;
use eid::cert::cvc::{ChainError, KeyReference};
use eid::crypto::signature::SignatureError;
use eid::date::Date;

/// Why there is no CV certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CvError {
    /// A right that terminals of this type do not have.
    #[error("right: expected one of {expected} ({terminal}), found {found:?}")]
    Right {
        /// Name of the terminal type.
        terminal: &'static str,
        /// The names of its rights.
        expected: String,
        /// What was asked for.
        found: String,
    },
    /// Rights that the issuer cannot give.
    #[error("rights of {holder}: {issuer} has not {}", .lacking.join(", "))]
    Lacking {
        /// Who is to be certified.
        holder: KeyReference,
        /// Who is to certify.
        issuer: KeyReference,
        /// What the issuer lacks, the whole chain counted.
        lacking: Vec<String>,
    },
    /// Days that cannot be.
    #[error("validity of {holder}: expected {expected}, found {found}")]
    Period {
        /// Who is to be certified.
        holder: KeyReference,
        /// The rule.
        expected: String,
        /// What was asked for.
        found: String,
    },
    /// The issuer cannot issue that day.
    #[error("{issuer} is valid from {from} to {until} and signs no {what} on {today}")]
    IssuerPeriod {
        /// Who is to certify.
        issuer: KeyReference,
        /// Its first day.
        from: Date,
        /// Its last day.
        until: Date,
        /// What it should sign.
        what: &'static str,
        /// The day.
        today: Date,
    },
    /// The signer is not the key of the issuing certificate.
    #[error("the key given for {0} is not that of its certificate")]
    OtherKey(KeyReference),
    /// No such step in a chain.
    #[error("{issuer} is a {role} and certifies no {what}")]
    Role {
        /// Who is to certify.
        issuer: KeyReference,
        /// What it is.
        role: &'static str,
        /// What it should certify.
        what: &'static str,
    },
    /// A name that the certificate cannot have.
    #[error("holder reference: expected {expected}, found {found}")]
    Name {
        /// The rule.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A key that no chip should trust, or none that fits its issuer's.
    #[error("key of {holder}: expected {expected}, found {found}")]
    Key {
        /// Whose key.
        holder: KeyReference,
        /// The rule.
        expected: String,
        /// What the key is.
        found: String,
    },
    /// The request does not prove that the sender holds the key.
    #[error("request of {holder}: inner signature: {source}")]
    Inner {
        /// Who asks.
        holder: KeyReference,
        /// What is wrong.
        source: SignatureError,
    },
    /// The outer signature is wrong.
    #[error("request of {holder}: outer signature by {authority}: {source}")]
    Outer {
        /// Who asks.
        holder: KeyReference,
        /// Who vouches, by name.
        authority: KeyReference,
        /// What is wrong.
        source: SignatureError,
    },
    /// The outer signature says nothing, because nobody knows its key, or its key may not vouch.
    #[error("request of {holder}: outer signature by {authority}: expected {expected}")]
    Voucher {
        /// Who asks.
        holder: KeyReference,
        /// Who vouches, by name.
        authority: KeyReference,
        /// What was expected of it.
        expected: &'static str,
    },
    /// A holder that has a certificate asks without the key of that certificate.
    #[error("request of {holder}: expected an outer signature by the key of {known}, which was certified before, found none")]
    Unauthenticated {
        /// Who asks.
        holder: KeyReference,
        /// The newest certificate of that holder.
        known: KeyReference,
    },
    /// A first request that nobody has vouched for.
    #[error("request of {holder}: expected somebody who has seen that it is theirs, found nobody (SHA-256 {fingerprint})")]
    Unseen {
        /// Who asks.
        holder: KeyReference,
        /// SHA-256 of the request, to be compared with what the holder says.
        fingerprint: String,
    },
    /// The request wants to be signed by another key.
    #[error("request of {holder}: expected a request to {expected}, found one to {found}")]
    Authority {
        /// Who asks.
        holder: KeyReference,
        /// The key that would sign.
        expected: KeyReference,
        /// The key that the request names.
        found: KeyReference,
    },
    /// The certificates of the issuer are no chain.
    #[error("chain of the issuer: {0}")]
    IssuerChain(String),
    /// What was made is not taken by a chip: nothing is given out.
    #[error("the certificate that was made is refused by a chip: {0}")]
    Refused(ChainError),
    /// What was made breaks rules that it must obey: nothing is given out.
    #[error("the certificate that was made breaks rules: {}", .0.join("; "))]
    Rules(Vec<String>),
    /// It was not signed, or does not read.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A field.
    #[error(transparent)]
    Certificate(#[from] CertError),
}
