//! The terminal: the inspection procedure, top to bottom as the standard tells it.

pub mod access;
pub mod read;
pub mod report;
