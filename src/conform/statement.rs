//! The implementation conformance statement: what the maker of a card says of it, where the card does not tell itself or tells it wrong.
//!
//! ```toml
//! version = 1
//! has = ["OddIns"]
//!
//! [has-not]
//! EFDIR = "the card has one application"
//! ```
//!
//! It refuses features that do not exist, a feature that is there and not there, and reasons that are empty.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::feature::Feature;

/// A statement; an empty one says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    /// What the card has.
    pub has: BTreeSet<Feature>,
    /// What it does not have, and why.
    pub has_not: BTreeMap<Feature, String>,
}

/// Why a file is no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not the TOML of a statement.
    #[error("statement: {0}")]
    Toml(String),
    /// Another version than 1.
    #[error("statement: expected version 1, found {0}")]
    Version(u32),
    /// A name that is no feature.
    #[error("statement: expected a feature of docs/conform.md, found {0:?}")]
    Unknown(String),
    /// A feature that is there and not there.
    #[error("statement: {0} stands under `has` and under `has-not`")]
    Twice(String),
    /// A feature that is not there, without a reason.
    #[error("statement: expected a reason why the card has no {0}, found none")]
    NoReason(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    version: u32,
    #[serde(default)]
    has: Vec<String>,
    #[serde(default)]
    has_not: BTreeMap<String, String>,
}

impl Statement {
    /// Reads a statement.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn parse(text: &str) -> Result<Self, StatementError> {
        let file: File = toml::from_str(text).map_err(|error| StatementError::Toml(error.to_string().trim_end().to_owned()))?;
        if file.version != 1 {
            return Err(StatementError::Version(file.version));
        }
        let feature = |name: &String| Feature::from_name(name).ok_or_else(|| StatementError::Unknown(name.clone()));
        let has: BTreeSet<_> = file.has.iter().map(feature).collect::<Result<_, _>>()?;
        let mut has_not = BTreeMap::new();
        for (name, reason) in &file.has_not {
            let feature = feature(name)?;
            if has.contains(&feature) {
                return Err(StatementError::Twice(name.clone()));
            }
            if reason.trim().is_empty() {
                return Err(StatementError::NoReason(name.clone()));
            }
            has_not.insert(feature, reason.clone());
        }
        Ok(Self { has, has_not })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_read_and_wrong_ones_are_refused() {
        let statement = Statement::parse("version = 1\nhas = [\"DG3\"]\n[has-not]\nBAC = \"PACE only\"\n").expect("a statement");
        assert_eq!(statement.has, [Feature::Dg(3)].into());
        assert_eq!(statement.has_not.get(&Feature::Bac).map(String::as_str), Some("PACE only"));
        for (text, error) in [
            ("version = 2", StatementError::Version(2)),
            ("version = 1\nhas = [\"XX\"]", StatementError::Unknown("XX".to_owned())),
            ("version = 1\nhas = [\"AA\"]\n[has-not]\nAA = \"no\"", StatementError::Twice("AA".to_owned())),
            ("version = 1\n[has-not]\nAA = \" \"", StatementError::NoReason("AA".to_owned())),
        ] {
            assert_eq!(Statement::parse(text), Err(error), "{text}");
        }
        assert!(matches!(Statement::parse("has = []"), Err(StatementError::Toml(_))));
        assert!(matches!(Statement::parse("version = 1\nhave = []"), Err(StatementError::Toml(_))));
    }
}
