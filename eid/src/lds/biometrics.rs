//! Biometric data of DG2 and DG3: CBEFF nesting, face and finger records, image headers.

pub mod cbeff;
pub mod face;
pub mod finger;
pub mod image;
