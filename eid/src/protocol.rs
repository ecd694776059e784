//! Layer 5: the protocols as numbered steps of the specifications, pure functions for both roles. Two thin drivers elsewhere speak APDUs.

pub mod active_auth;
pub mod auxiliary;
pub mod bac;
pub mod chip_auth;
pub mod cross_check;
pub mod dynamic_auth;
pub mod finding;
pub mod mapping;
pub mod pace;
pub mod passive_auth;
pub mod restricted_id;
pub mod terminal_auth;
