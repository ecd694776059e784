//! The conformance suites against our own cards, and against cards that misbehave on purpose: the suite must pass the ones and find the others.

mod cards;
mod eac;
mod middle;
mod mutants;
mod own;
mod pin;
