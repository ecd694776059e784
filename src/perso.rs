//! From a citizen record to a card: the issuer's half of the product.
//!
//! ```text
//! record + profile -> Record -> build: DG bytes -> hashes -> (&dyn Signer) EF.SOD -> CardImage -> plan -> write over SCP03 -> card
//! ```
//!
//! Two kinds of TOML files steer it. A *document profile* ([`profile`]) says what a document is: files, MRZ, access, keys, signature.
//! A *card profile* ([`card_profile`]) says how a card product takes an image: how it is recognized, its channel, its commands.

pub(crate) mod toml_text;

pub mod adopt;
pub mod blank;
pub mod build;
pub mod card_profile;
pub mod image_file;
pub mod letter;
pub mod number;
pub mod operational;
pub mod plan;
pub mod profile;
pub mod record;
pub mod tables;
pub mod write;
