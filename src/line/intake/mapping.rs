//! From the columns of a source to the fields of a record: a mapping file in TOML, or the names of our fields if there is none.
//!
//! ```text
//! version = 1
//! delimiter = ";"                    one of , ; and tab; seen from the header if absent
//!
//! [fields]                           field = column, or a table of:
//! number = "so_dinh_danh"              column, columns    where the text stands; several are joined by `join` (a blank)
//! birth = { column = "ngay_sinh",      { column, table }  a code: ethnic-groups (01 to 54), provinces (34), birth-provinces (63)
//!           date = "dd/MM/yyyy" }      part               first-word or other-words: of a full name
//! nationality = { constant = "VNM" }   values             texts by what stands in the column
//!                                      date               yyyy, MM, and dd in their places; * for whatever follows
//! [rules]                              default            where the column is empty
//! duplicate-portrait = "warning"       as                 of an image: path, base64, or hex
//! ```
//!
//! A mapping that is a file names every column that it needs; the columns that it does not name are not looked at. Without a mapping file, a
//! column that is no field of ours is refused, since it may be a misspelled one.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::rules::{Level, Levels, Quality, Reason};
use super::source::Row;
use crate::perso::profile::ProfileError;
use crate::perso::toml_text;

mod column;
mod field;

use column::Recipe;
pub use field::Field;

/// How the columns of a source become the fields of a record.
#[derive(Clone, Debug)]
pub struct Mapping {
    recipes: BTreeMap<Field, Recipe>,
    delimiter: Option<u8>,
    levels: Levels,
    /// Whether a column that no field has is refused.
    strict: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMapping {
    version: u32,
    delimiter: Option<String>,
    fields: BTreeMap<Field, Recipe>,
    #[serde(default)]
    rules: BTreeMap<String, RawLevel>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawLevel {
    Warning,
    Quarantine,
}

impl Default for Mapping {
    /// Each field from the column of its name, dates as `YYYY-MM-DD`, images by path.
    fn default() -> Self {
        let recipes = Field::ALL.iter().map(|field| (*field, Recipe::of_column(field.name()))).collect();
        Self { recipes, delimiter: None, levels: Levels::default(), strict: true }
    }
}

impl Mapping {
    /// Reads TOML; `origin` names it in errors.
    ///
    /// # Errors
    /// Not of the form above, with line and column; fields or rules that do not exist or contradict each other.
    pub fn parse(origin: &str, text: &str) -> Result<Self, ProfileError> {
        let raw: RawMapping = toml_text::read(origin, text)?;
        let wrong = |field, expected: &str, found: String| {
            Err(ProfileError::Contradiction { origin: origin.to_owned(), field, expected: expected.to_owned(), found })
        };
        if raw.version != 1 {
            return wrong("version", "1", raw.version.to_string());
        }
        let delimiter = match raw.delimiter.as_deref().map(str::as_bytes) {
            None => None,
            Some([byte @ (b',' | b';' | b'\t')]) => Some(*byte),
            Some(_) => return wrong("delimiter", "a comma, a semicolon, or a tab", raw.delimiter.unwrap_or_default()),
        };
        let mut levels = Levels::default();
        for (id, level) in &raw.rules {
            let level = match level {
                RawLevel::Warning => Level::Warning,
                RawLevel::Quarantine => Level::Quarantine,
            };
            if let Err(error) = levels.set(id, level) {
                return wrong("rules", error.expected, format!("{id}: {}", error.found));
            }
        }
        for (field, recipe) in &raw.fields {
            if let Some((expected, found)) = recipe.contradiction(field.is_image()) {
                return wrong(field.name(), expected, found.to_owned());
            }
        }
        Ok(Self { recipes: raw.fields, delimiter, levels, strict: false })
    }

    /// The levels of rules that it sets.
    #[must_use]
    pub const fn levels(&self) -> &Levels {
        &self.levels
    }

    /// The levels, to be set otherwise.
    pub const fn levels_mut(&mut self) -> &mut Levels {
        &mut self.levels
    }

    /// The delimiter of a CSV file, if it says one.
    pub(super) const fn delimiter(&self) -> Option<u8> {
        self.delimiter
    }

    /// Whether a table with these columns has what is needed; else what was expected and what was found.
    pub(super) fn fits(&self, columns: &[String]) -> Result<(), (String, String)> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = columns.iter().find(|column| !seen.insert(column.as_str())) {
            return Err(("each column once".to_owned(), format!("{twice:?} twice")));
        }
        self.knows(columns.iter().map(String::as_str))?;
        let needed = self.recipes.values().flat_map(Recipe::columns);
        match needed.into_iter().find(|column| !self.strict && !seen.contains(column)) {
            Some(missing) => Err((format!("the column {missing:?} of the mapping"), columns.join(", "))),
            None => Ok(()),
        }
    }

    /// Whether these columns may be there; else what was expected and what was found.
    pub(super) fn knows<'a>(&self, mut columns: impl Iterator<Item = &'a str>) -> Result<(), (String, String)> {
        match columns.find(|column| self.strict && Field::of_name(column).is_none()) {
            Some(unknown) => Err(("columns with the names of our fields, or a mapping file".to_owned(), format!("{unknown:?}"))),
            None => Ok(()),
        }
    }

    /// The fields that are made from a column.
    #[cfg(feature = "postgres")]
    fn readers(&self, column: &str) -> impl Iterator<Item = (&Field, &Recipe)> {
        self.recipes.iter().filter(move |(_, recipe)| recipe.columns().any(|name| name == column))
    }

    /// Whether a field is made from a column.
    #[cfg(feature = "postgres")]
    pub(super) fn reads(&self, column: &str) -> bool {
        self.readers(column).next().is_some()
    }

    /// Whether a column is read as hexadecimal digits of images, and as nothing else.
    #[cfg(feature = "postgres")]
    pub(super) fn is_hex_image(&self, column: &str) -> bool {
        self.readers(column).all(|(field, recipe)| field.is_image() && matches!(recipe.form(), column::Form::Hex))
    }

    /// The text of a field; `None` if there is none or only blanks.
    ///
    /// # Errors
    /// A code that is in no table, or a date that is written otherwise.
    pub(super) fn text(&self, row: &Row, field: Field) -> Result<Option<String>, Reason> {
        self.recipes.get(&field).map_or(Ok(None), |recipe| recipe.text(row, field.name()))
    }

    /// The image of a field: where it lies, or what it is.
    ///
    /// # Errors
    /// Neither base64 nor hexadecimal digits where they should be.
    pub(super) fn image(&self, row: &Row, field: Field) -> Result<Option<ImageCell>, Reason> {
        let Some((recipe, text)) = self.recipes.get(&field).zip(self.text(row, field)?) else { return Ok(None) };
        let wrong = |expected: &str| Reason::new(Quality::Encoding, field.name(), expected, format!("{} other characters", text.len()));
        match recipe.form() {
            column::Form::Path => Ok(Some(ImageCell::Path(text))),
            column::Form::Base64 => {
                let digits: String = text.split_ascii_whitespace().collect();
                let bytes = <base64ct::Base64 as base64ct::Encoding>::decode_vec(&digits);
                bytes.map(|bytes| Some(ImageCell::Bytes(bytes))).map_err(|_| wrong("base64"))
            }
            column::Form::Hex => {
                let digits = text.strip_prefix("\\x").unwrap_or(&text);
                hex::decode(digits).map(|bytes| Some(ImageCell::Bytes(bytes))).map_err(|_| wrong("hexadecimal digits"))
            }
        }
    }
}

/// An image as a row has it.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum ImageCell {
    /// Its path, seen from the folder of the source.
    Path(String),
    /// Its bytes.
    Bytes(Vec<u8>),
}

#[cfg(test)]
mod tests;
