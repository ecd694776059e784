//! Layer 4: the logical data structure (Doc 9303-10), one file per elementary file, parse and encode. Original bytes are kept.

pub mod asn1;
pub mod atr_info;
pub mod biometrics;
pub mod card_access;
pub mod com;
pub mod dg1;
pub mod dg11;
pub mod dg12;
pub mod dg13;
pub mod dg14;
pub mod dg15;
pub mod dg2;
pub mod dg3;
pub mod dir;
pub mod security_info;
pub mod sod;
