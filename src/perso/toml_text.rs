//! What both kinds of profile share: TOML that refuses unknown fields and says the line.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why a profile is not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML, an unknown field, a missing field, or a value of another kind.
    #[error("profile {origin}, line {line}, column {column}: {message}")]
    Text {
        /// File or name of the profile.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What was expected and found; names the field.
        message: String,
    },
    /// The fields are right one by one and contradict each other.
    #[error("profile {origin}: {field}: expected {expected}, found {found}")]
    Contradiction {
        /// File or name of the profile.
        origin: String,
        /// Table and field.
        field: &'static str,
        /// What fits the other fields.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Neither a built-in profile nor a file that can be read.
    #[error("profile {name:?}: expected a file or one of {}, found {detail}", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names of the built-in profiles.
        known: Vec<&'static str>,
        /// What the file system said.
        detail: String,
    },
}

/// Reads `text` as `T`; an error says line and column.
pub(crate) fn read<T: DeserializeOwned>(origin: &str, text: &str) -> Result<T, ProfileError> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let before = text.get(..at).unwrap_or_default();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let message = error.message().trim().replace('\n', ", ");
        ProfileError::Text { origin: origin.to_owned(), line: before.matches('\n').count() + 1, column, message }
    })
}

/// The text of a built-in profile of that name, else of the file at that path. Gives the origin, too.
pub(crate) fn find(name: &str, built_in: &[(&'static str, &'static str)]) -> Result<(String, String), ProfileError> {
    if let Some((id, text)) = built_in.iter().find(|(id, _)| *id == name) {
        return Ok(((*id).to_owned(), (*text).to_owned()));
    }
    match std::fs::read_to_string(name) {
        Ok(text) => Ok((name.to_owned(), text)),
        Err(error) => Err(ProfileError::Unknown {
            name: name.to_owned(),
            known: built_in.iter().map(|(id, _)| *id).collect(),
            detail: error.to_string(),
        }),
    }
}

/// Bytes written as an even number of hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        hex::decode(&text).map(Self).map_err(|_| format!("expected an even number of hexadecimal digits, found {text:?}"))
    }
}

/// One byte written as two hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct HexByte(pub(crate) u8);

impl TryFrom<String> for HexByte {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let byte = Some(&text).filter(|t| t.len() == 2).and_then(|t| u8::from_str_radix(t, 16).ok());
        byte.map(Self).ok_or_else(|| format!("expected two hexadecimal digits, found {text:?}"))
    }
}

/// Two bytes written as four hexadecimal digits: a file identifier, a DGI, a status word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct HexWord(pub(crate) u16);

impl TryFrom<String> for HexWord {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let word = Some(&text).filter(|t| t.len() == 4).and_then(|t| u16::from_str_radix(t, 16).ok());
        word.map(Self).ok_or_else(|| format!("expected four hexadecimal digits, found {text:?}"))
    }
}
