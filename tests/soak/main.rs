//! The line under load and under attack: many virtual cards, some of which fail on purpose, at the readers of several station processes, with
//! one real PostgreSQL. Stations are killed with SIGKILL at random and started again, the server is stopped as by a crash and started again.
//!
//! At the end two persons count what failed, the batch closes with difference 0, the log verifies against checkpoints that were signed in the
//! middle of it, and the judge opens every card file: each person has one live card, with that person's image, and no other card lives.
//!
//! 500 cards here; `make soak` asks for 10,000 (`LINE_CARDS`, `LINE_READERS`, `LINE_STATIONS`, `LINE_SEED`).

mod judge;
#[path = "../support/line.rs"]
mod line;
#[path = "../support/postgres.rs"]
mod postgres;
mod signals;
mod station;
mod storm;

use storm::Storm;

fn asked(variable: &str, otherwise: u32) -> u32 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable}: expected a number")))
}

#[test]
fn five_hundred_cards_at_stations_that_are_killed_end_with_one_live_card_a_person() {
    Storm { cards: 500, readers: 8, stations: 4, seed: asked("LINE_SEED", 1).into(), kills: 16 }.run();
}

#[test]
#[ignore = "make soak"]
fn ten_thousand_cards_at_stations_that_are_killed_end_with_one_live_card_a_person() {
    let cards = asked("LINE_CARDS", 10_000);
    let seed = std::process::id();
    let (readers, stations) = (asked("LINE_READERS", 16), asked("LINE_STATIONS", 4));
    Storm { cards, readers, stations, seed: asked("LINE_SEED", seed).into(), kills: cards / 50 }.run();
}
