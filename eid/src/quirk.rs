//! The quirk ledger: every leniency that a real document needed is written down, none is silent.
//!
//! A parser that accepts what a clause forbids, because genuine documents carry it, returns a [`Quirk`] for it.
//! A quirk is no verdict: it neither passes nor fails a check.

use std::borrow::Cow;
use std::fmt;

/// One tolerance that was used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quirk {
    /// Stable name of the rule that was broken, dotted, lower case: `x509.ecdsa-null-parameters`.
    pub rule: &'static str,
    /// Where: a structure and field, with an offset if that helps: `EF.SOD certificate signatureAlgorithm`.
    pub place: Cow<'static, str>,
}

impl Quirk {
    /// The tolerance `rule` used at `place`.
    #[must_use]
    pub fn new(rule: &'static str, place: impl Into<Cow<'static, str>>) -> Self {
        Self { rule, place: place.into() }
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.rule, self.place)
    }
}
