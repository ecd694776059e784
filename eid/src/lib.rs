//! The standard that chip, terminal and authority share.
//!
//! Three parties use this crate: the **chip** (`applets`), the **authority** (`pki`), and **terminal and issuer** (`cardwright`).
//! Nothing here does input or output, asks for the time, or draws randomness by itself: bytes, dates and random sources are arguments.
//!
//! | layer | modules | what |
//! | --- | --- | --- |
//! | 0 | [`tlv`], [`apdu`], [`mrz`], [`oid`], [`date`], [`secret`], [`quirk`], [`face_qr`] | encodings: bytes to values and back |
//! | 1 | [`crypto`] | the compositions that the specifications name |
//! | 2 | [`transport`], [`signer`] | the seams to a card and to a private key |
//! | 3 | [`cert`] | X.509, CV certificates, CMS, path to the trust anchor |
//! | 4 | [`lds`], [`image`] | elementary files, and the card as one value |
//! | 5 | [`sm`], [`scp03`], [`scp02`], [`gp`], [`dgi`], [`protocol`] | the secure channels, card management, what STORE DATA carries, and the protocols, both roles |

pub mod apdu;
pub mod cert;
pub mod crypto;
pub mod date;
pub mod dgi;
pub mod face_qr;
pub mod gp;
pub mod image;
pub mod lds;
pub mod mrz;
pub mod oid;
pub mod protocol;
pub mod quirk;
pub mod scp02;
pub mod scp03;
pub mod secret;
pub mod signer;
pub mod sm;
pub mod tlv;
pub mod transport;

#[cfg(test)]
mod test_rng;
