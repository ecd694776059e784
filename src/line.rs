//! The production line: citizen records to settled cards, none lost, none twice, at one desk or at many stations.
//!
//! ```text
//! intake   records -> checked -> accepted | quarantined with reasons                      intake
//! prepare  accepted -> CardImage -> sealed image + job -> batch with a Merkle root         prepare
//! release  two persons -> the batch may run                                                store
//! run      claim -> intent on disk -> bind in the store -> write -> inspect -> activate     station
//! settle   any card, any crash -> one row of the decision table                            recover
//! prove    stock = good + scrapped + returned + samples; a hash chain for each station      stock, audit
//! ```
//!
//! Three rules hold everything together. A card is bound to its job in the store before anything is written to it. A job leaves a card
//! only when the card is terminated or destroyed, and counted. One wrong cryptogram stops the batch.
//!
//! [`state`] has the states of jobs, cards, and bindings; [`store`] the verbs of the work, which are one transaction each; [`memory`] those
//! verbs without a disk; [`users`] who may decide what, and which two; [`audit`] the chains that prove it. [`recover`] says what is done with
//! a card, [`station`] does it, with [`feeder`] and [`quality`].

pub mod audit;
pub mod feeder;
pub mod intake;
pub mod memory;
pub mod merkle;
pub mod prepare;
pub mod pseudonym;
pub mod quality;
pub mod recover;
pub mod report;
mod rules;
pub mod scrap;
pub mod seal;
pub mod site;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod sql;
pub mod state;
#[cfg(feature = "sqlite")]
pub mod station;
pub mod store;
pub mod test_site;
pub mod users;
