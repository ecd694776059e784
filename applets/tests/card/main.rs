//! The chip from outside: commands go in, answers come out, memory is looked at between power cuts.

mod common;
mod inspection;
mod power_cut;
mod vpcd;
