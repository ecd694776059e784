//! The chip from outside: commands go in, answers come out, memory is looked at between power cuts.

mod bench;
mod common;
mod eid_application;
mod faults;
mod hostile;
mod inspection;
mod issuer_domain;
mod power_cut;
mod refusals;
mod soak;
mod terminal;
mod terminal_auth;
mod vpcd;
mod worked_example;
