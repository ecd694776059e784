//! The authority: a state's country signing CA, its document signers, and the register of every serial number.
//!
//! An [`Authority`] is a directory: `pki.toml` declares it ([`hierarchy`]), `NAME.cer` are its certificates, `NAME.key` its keys unless a
//! token holds them ([`keys`]), and `register.jsonl` is what it ever did ([`register`]). Certificates are written by the tables in
//! [`profile`] (Doc 9303-12 clause 7.1), key files are encrypted (PKCS#8 with PBES2, mode 0600), every file appears whole or not at all.
//! Dates and randomness are arguments. [`status`] says what expires when, and what is to be done.
//!
//! It refuses to write anything that its own reader does not accept, to reuse a number, to replace a key, and to work on a directory that
//! another process has open or whose register was changed.

pub mod authority;
pub mod ceremony;
pub mod certificate;
pub mod crl;
pub mod csca;
pub mod cv;
pub mod deviation_list;
pub mod ds;
pub mod export;
pub mod file;
pub mod foreign;
pub mod hierarchy;
pub mod key;
pub mod keys;
pub mod lint;
pub mod list_signer;
pub mod master_list;
pub mod profile;
pub mod register;
pub mod request;
mod signed_list;
pub mod software;
pub mod status;

pub use authority::{Authority, Issuing, PkiError};
pub use csca::CscaParameters;
pub use ds::DsParameters;
pub use hierarchy::Hierarchy;
pub use key::{KeyParameters, SigningKey};
pub use keys::{KeyStore, KeyStoreError, SoftwareKeys};
pub use list_signer::{ListKind, ListSignerParameters};
pub use profile::Subject;
pub use software::SoftwareSigner;
