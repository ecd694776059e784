//! The key ceremony: a CSCA key that no single person can use, and a record of how it came to be that others can check.
//!
//! | module | what |
//! | --- | --- |
//! | [`shares`] | what opens the key, divided among officers so that some of them together open it |
//! | [`protocol`] | who did what and when, with the hashes of the files that were made, signed by the new key |
//! | [`rite`] | the order of it: shares before the key, the key before its certificate, the signature last |
//!
//! What is pure is here; who is asked for a secret, what is printed, and which clock says the time is the program's affair.

pub mod protocol;
pub mod rite;
pub mod shares;

pub use protocol::{Protocol, ProtocolError};
pub use rite::{CeremonyError, Held, OpenKeys, Rite};
pub use shares::{Officer, Shares, SharesError};
