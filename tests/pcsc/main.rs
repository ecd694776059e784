//! Through a real PC/SC daemon with vpcd's virtual readers. Each test has a daemon of its own.
//!
//! Without pcscd and the vpcd driver the tests say `skipped:`, unless `CARDWRIGHT_REQUIRE_PCSC=1`.
#![cfg(feature = "pcsc")]

mod daemon;
mod demo;
#[path = "../terminal/document.rs"]
mod document;
mod faults;
mod inspection;
#[cfg(all(feature = "cli", feature = "sqlite"))]
mod line;
#[path = "../terminal/personalize.rs"]
mod personalize;
