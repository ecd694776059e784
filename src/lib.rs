//! Read, verify, and make ICAO Doc 9303 chip identity cards.
//!
//! | module | what |
//! | --- | --- |
//! | [`transport`] | a card within reach: PC/SC, vpcd, a virtual card, a trace; one name for each reader |
//! | [`demo`] | the main job as one call: PKI, people, cards, inspection |
//! | [`people`] | synthetic citizens, portraits, and fingers from a seed |
//! | [`perso`] | the issuer: record and profile to image, plan, and card |
//! | [`session`] | a card with or without secure messaging; the only owner of the transport |
//! | [`terminal`] | the inspection procedure: access, reading, genuineness, report |
//!
//! Is this card genuine?
//!
//! ```no_run
//! use cardwright::terminal::{Colour, Verdict, can};
//! use cardwright::{Verifier, transport};
//! # fn random() -> applets::rng::SeededRng { applets::rng::SeededRng::new(b"example") }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let trust = eid::cert::trust::TrustStore::from_bytes(&std::fs::read("csca.cer")?)?;
//! let card = transport::open(&"sim:0001.card".parse()?, Box::new(random()))?;
//! let inspection = Verifier::new(trust).inspect(card, &[can("000123")], "2026-11-21".parse()?, &mut random())?;
//! print!("{}", inspection.report.to_text(Colour::Never));
//! assert_eq!(inspection.report.verdict, Verdict::Genuine);
//! # Ok(())
//! # }
//! ```
//!
//! The standards themselves are in the crate `eid`, the virtual card in `applets`, the authority in `pki`.

pub mod demo;
pub mod people;
pub mod perso;
pub mod session;
pub mod terminal;
pub mod transport;

pub use terminal::Verifier;

#[cfg(test)]
mod testing;
