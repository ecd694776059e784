//! The authority: a state's country signing CA, its document signers, and the register of every serial number.
//!
//! An [`Authority`] is a directory: `csca.cer`, `csca.key`, one `NAME.cer` and `NAME.key` for each document signer, and
//! `register.jsonl`. Certificates are written by the tables in [`profile`] (Doc 9303-12 clause 7.1), keys lie encrypted
//! (PKCS#8 with PBES2, mode 0600), every file appears whole or not at all. Dates and randomness are arguments.
//!
//! It refuses to write anything that its own reader does not accept, to reuse a serial number, and to work on a directory that
//! another process has open. Not here yet: CRLs, link certificates, list signers, keys in a token.

pub mod authority;
pub mod certificate;
pub mod crl;
pub mod csca;
pub mod cv;
pub mod deviation_list;
pub mod ds;
pub mod export;
mod file;
pub mod foreign;
pub mod key;
pub mod keys;
pub mod lint;
pub mod master_list;
pub mod profile;
pub mod register;
pub mod request;
mod signed_list;
pub mod software;

pub use authority::{Authority, PkiError};
pub use csca::CscaParameters;
pub use ds::DsParameters;
pub use key::{KeyParameters, SigningKey};
pub use keys::{KeyStore, KeyStoreError, SoftwareKeys};
pub use profile::Subject;
pub use software::SoftwareSigner;
