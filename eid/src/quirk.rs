//! The quirk ledger: every leniency that a real document needed is written down, none is silent.
//!
//! A parser that accepts what a clause forbids, because genuine documents carry it, returns a [`Quirk`] for it: which rule, where, and
//! the bytes that broke it. A quirk is no verdict: it neither passes nor fails a check.

use std::borrow::Cow;
use std::fmt;

/// How many of the bytes that broke a rule are kept.
pub const MAX_BYTES: usize = 32;

/// One tolerance that was used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quirk {
    /// Stable name of the rule that was broken, dotted, lower case: `algorithm.ecdsa-null-parameters`.
    pub rule: &'static str,
    /// Where: a structure and field, with an offset if that helps: `EF.SOD certificate signatureAlgorithm`.
    pub place: Cow<'static, str>,
    /// The first [`MAX_BYTES`] of the bytes that broke the rule; empty where the rule is about something that is missing.
    pub bytes: Vec<u8>,
}

impl Quirk {
    /// The tolerance `rule` used at `place`.
    #[must_use]
    pub fn new(rule: &'static str, place: impl Into<Cow<'static, str>>) -> Self {
        Self { rule, place: place.into(), bytes: Vec::new() }
    }

    /// The same with the bytes that broke the rule, of which the first [`MAX_BYTES`] are kept.
    #[must_use]
    pub fn over(mut self, bytes: &[u8]) -> Self {
        self.bytes = bytes.get(..MAX_BYTES).unwrap_or(bytes).to_vec();
        self
    }

    /// The bytes in lower-case hex; empty if there are none.
    #[must_use]
    pub fn hex(&self) -> String {
        self.bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.rule, self.place)?;
        if self.bytes.is_empty() { Ok(()) } else { write!(f, " ({})", self.hex()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quirk_says_rule_place_and_at_most_32_bytes() {
        let quirk = Quirk::new("algorithm.ecdsa-null-parameters", "EF.SOD").over(&[5, 0]);
        assert_eq!(quirk.to_string(), "algorithm.ecdsa-null-parameters at EF.SOD (0500)");
        assert_eq!(Quirk::new("a", "b").to_string(), "a at b");
        assert_eq!(Quirk::new("a", "b").over(&[0xAB; 33]).hex(), "ab".repeat(32));
    }
}
