//! The station of the production line: its decision table searched to the end, and its code over virtual cards.

mod crash;
mod model;
mod quality;
mod world;
