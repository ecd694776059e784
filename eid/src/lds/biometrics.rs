//! Biometric data of EF.DG2 and EF.DG3: the CBEFF nesting, face and finger records, image headers. Images are carried as they are and
//! never decoded.

pub mod cbeff;
pub mod face;
pub mod finger;
pub mod image;
mod octets;
