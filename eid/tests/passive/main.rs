//! Passive authentication on documents that are made here for the purpose: one rule bent at a time, by an authority that can bend any.

mod deviations;
mod edges;
mod forge;
mod messages;
mod paths;
mod peers;
mod profiles;
mod revocation;
