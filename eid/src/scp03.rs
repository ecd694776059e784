//! GlobalPlatform secure channel protocol 03 (GPCS 2.3.1 Amendment D), both roles.

pub mod card;
pub mod host;
pub mod kdf;
pub mod keys;
