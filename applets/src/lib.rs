//! The chip: a virtual eMRTD card with a GlobalPlatform issuer domain and tear-safe memory.
//!
//! | module | what |
//! | --- | --- |
//! | [`card`] | power, reset, ATR, commands; a card in process is an [`eid::transport::Transport`] |
//! | `pipeline` | parse, unprotect, route, protect |
//! | `files`, `life_cycle`, `status` | SELECT and READ BINARY; states and the status object DF20; status words |
//! | `issuer_domain` | GlobalPlatform: SCP03, INSTALL, STORE DATA, PUT KEY, GET DATA, GET STATUS, SET STATUS |
//! | [`fault`] | cards that misbehave on purpose: the catalogue of faults, and what shows them |
//! | `emrtd` | BAC, PACE, Chip Authentication, Active Authentication, and the DGIs of the personalization |
//! | `eid_application` | VERIFY of auxiliary data, Restricted Identification, and UPDATE BINARY in the eID application |
//! | [`store`] | memory that a power cut cannot bring out of order, in RAM or in a file |
//! | [`vpcd`] | a virtual card in a PC/SC reader |
//! | [`bench`](mod@bench) | readers and cards to test with: insert, remove, tear, reset, and see what a card did |
//! | [`clock`] | how long a real card would have taken |
//! | [`rng`] | a random source that a seed reproduces |
//!
//! The chip trusts nothing that comes over the wire: every length is checked, every refusal has its status word, and the state
//! that a command leaves behind is the one before it or the one after it.

pub mod bench;
pub mod card;
pub mod clock;
pub mod fault;
pub mod rng;
pub mod store;
pub mod vpcd;

mod eid_application;
mod emrtd;
mod files;
mod issuer_domain;
mod life_cycle;
mod pipeline;
mod status;

pub use card::{Card, CardConfig, CardRng, ISSUER_DOMAIN_AID};
