//! The trust store and what comes into it: lists and certificates of our own making, those of states, and the defects of other programs.

mod corpus;
mod defects;
mod deviations;
mod export;
mod hostile;
mod lists;
mod maker;
mod store;
