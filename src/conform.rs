//! Conformance tests of a chip: test plans as data, run against any card within reach, with a verdict for each case and the APDUs that show it.
//!
//! ```
//! use cardwright::conform::{Options, Statement, Suite, Verdict};
//! # use applets::rng::SeededRng;
//! # fn random() -> SeededRng { SeededRng::new(b"example") }
//! # fn test(card: &mut dyn eid::transport::Transport) -> Result<(), Box<dyn std::error::Error>> {
//! let suite = Suite::built_in("icao3")?;
//! let passwords = [cardwright::terminal::can("123456")];
//! let report = suite.run(card, &passwords, &Statement::default(), &Options::default(), &mut random(), &mut |_| {})?;
//! print!("{}", report.to_text());
//! assert_eq!(report.verdict(), Verdict::Passed);
//! # Ok(())
//! # }
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | `suite`, `suites/*.csv` | the cases: id, to which cards it applies, from where it starts, steps |
//! | `step` | the language of the steps: what is done to the card, what is changed in it, what must be seen |
//! | `feature`, `profile`, `statement` | what a card has: read from it, or declared by its maker |
//! | `link`, `play`, `alter`, `shape` | the interpreter: commands, protocols, changes of commands, keys of a certain form |
//! | `keys`, `suites/bsi32-certificates.csv` | certificates and keys of terminals, right ones and wrong ones |
//! | [`lds`] | the data suites: what the bytes of each file must be |
//! | `run`, `report` | the run, and what came of it |
//! | [`inspection`] | the other way round: what a program says of good and bad cards |
//!
//! It is a judge, not a terminal: nothing is repeated in another form and no quirk is forgiven, except while the profile is read. A status word
//! stands for its class unless the codes themselves are asked for, as the test plans say. Ids are unique in their document only.
//! The language is documented in `docs/conform.md`.

mod alter;
mod csv;
mod feature;
pub mod inspection;
mod keys;
pub mod lds;
mod link;
mod play;
mod profile;
mod report;
mod run;
mod shape;
mod statement;
mod step;
mod suite;

pub use csv::CsvError;
pub use feature::{Condition, Feature, Unmet};
pub use keys::{TestCertificate, TestKeys, TestKeysError};
pub use link::Exchange;
pub use profile::Profile;
pub use report::{Counts, Report};
pub use run::{Access, CaseResult, Options, RunError, Verdict};
pub use statement::{Statement, StatementError};
pub use suite::{Case, Suite, SuiteError};
