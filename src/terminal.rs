//! The terminal: the inspection procedure, top to bottom as the standard tells it.

pub mod read;
pub mod report;
