//! The trust store of a verifier: what it trusts, in one file, and how that came there.
//!
//! ```text
//! files of states  --import-->  Collection  --Store::commit-->  DIR/trust.store  --load-->  eid::cert::trust::TrustStore
//! ```
//!
//! | part | what |
//! | --- | --- |
//! | [`import`] | any mix of master lists, PKD records, certificates, CRLs, deviation lists, bundles, folders; told apart by content |
//! | [`ldif`] | records of the ICAO PKD |
//! | [`Store`] | the file: binary index, checksum, replaced whole or not at all, one writer |
//! | [`coverage`], [`diff`] | which states, which keys, which CRLs; what differs between two |
//!
//! A list counts only with a trusted anchor behind its signer; whoever takes one without it says so, and the store remembers it.

pub mod collection;
pub mod coverage;
pub mod diff;
pub mod import;
pub mod ldif;
mod store;

pub use collection::{Collection, Held, Import, Role, Standing};
pub use store::{FILE, Store, StoreError, is_store, load};
