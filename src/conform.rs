//! Conformance suites.

pub mod lds;
