//! The terminal against cards: a chip that can lie, which shares only the standard with it, and the virtual card.

mod card;
mod chip;
mod combinations;
mod data_suites;
mod data_version_2;
mod document;
mod documents;
mod eid_application;
mod entries;
mod evidence;
mod extended;
mod faults;
mod field;
mod lies;
mod link;
mod lists;
mod manifest;
mod noise;
mod personalize;
mod places;
mod resume;
mod schema;
mod states;
mod strict;
mod transcripts;
mod words;

use std::sync::LazyLock;

use applets::rng::SeededRng;
use cardwright::faulty::Specimen;

/// Randomness that is the same in every run.
fn rng() -> SeededRng {
    SeededRng::new(b"terminal")
}

/// What the faults of the catalogue are made from.
static SPECIMEN: LazyLock<Specimen> = LazyLock::new(|| Specimen::new(document::today(), 1).expect("a specimen"));
