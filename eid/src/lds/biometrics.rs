//! Biometric data of EF.DG2, EF.DG3 and EF.DG4: the CBEFF nesting; face, finger and iris records of ISO/IEC 19794 and of ISO/IEC 39794;
//! image headers. Images are carried as they are and never decoded.

pub mod cbeff;
pub mod face;
pub mod finger;
pub mod image;
pub mod iris;
pub mod iso39794;
mod octets;
