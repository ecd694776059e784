//! Read, verify, and make ICAO Doc 9303 chip identity cards.
//!
//! | module | what |
//! | --- | --- |
//! | [`transport`] | a card within reach: PC/SC, vpcd, a virtual card, a trace; one name for each reader |
//! | [`conform`] | conformance tests of a chip: test plans as data, run against any card |
//! | [`demo`] | the main job as one call: PKI, people, cards, inspection |
//! | `line` | the production line: intake, batches, stations, stock, audit (feature `line`) |
//! | [`people`] | synthetic citizens, portraits, and fingers from a seed |
//! | [`picture`] | portraits, signatures, and fingers: JPEG, JPEG 2000, and WSQ to pixels and PNG |
//! | [`perso`] | the issuer: record and profile to image, plan, and card |
//! | [`session`] | a card with or without secure messaging; the only owner of the transport |
//! | [`signer`] | keys in a PKCS#11 token |
//! | `store` | databases: SQLite, PostgreSQL (features `sqlite`, `postgres`) |
//! | [`trust`] | what a verifier trusts: the store, and how lists and certificates of states come into it |
//! | [`terminal`] | the inspection procedure: access, reading, genuineness, report |
//!
//! Is this card genuine?
//!
//! ```
//! use cardwright::terminal::{Colour, Verdict, can};
//! use cardwright::{Verifier, transport};
//! # use applets::rng::SeededRng;
//! # use cardwright::demo::{self, DemoOptions, Slot};
//! # fn random() -> SeededRng { SeededRng::new(b"example") }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let out = folder.path().join("demo");
//! # let slots = vec![Slot::InProcess];
//! # let options = DemoOptions { cards: 1, slots, out: out.clone(), seed: 1, profile: "cccd-2021".to_owned(), today: "2026-11-21".parse()?, token: None, trust: None };
//! # demo::run(&options, &mut random(), &|_| {})?;
//! # let people: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("people.json"))?)?;
//! # let printed = people[0]["can"].as_str().unwrap_or_default();
//! # let file = out.join("cards/0001.card").display().to_string();
//!
//! let trust = eid::cert::trust::TrustStore::from_bytes(&std::fs::read(out.join("pki/csca.cer"))?)?;
//! let card = transport::open(&format!("sim:{file}").parse()?, Box::new(random()))?;
//! let inspection = Verifier::new(trust).inspect(card, &[can(printed)], "2026-11-21".parse()?, &mut random())?;
//! print!("{}", inspection.report.to_text(Colour::Never));
//! assert_eq!(inspection.report.verdict, Verdict::Genuine);
//! # Ok(())
//! # }
//! ```
//!
//! The standards themselves are in the crate `eid`, the virtual card in `applets`, the authority in `pki`.

pub mod conform;
pub mod demo;
pub mod faulty;
#[cfg(feature = "line")]
pub mod line;
pub mod people;
pub mod perso;
pub mod picture;
pub mod session;
pub mod signer;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod store;
pub mod terminal;
pub mod transport;
pub mod trust;

pub use eid;
pub use terminal::Verifier;

/// The examples of the README compile.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod testing;
