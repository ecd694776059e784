//! Lint against what others made: every object of the corpus, the checklist that the rules come from, the ICAO's own findings.

mod build;
mod checklist;
mod conformance;
mod corpus;
mod hostile;
mod mutations;
mod snapshot;
