//! Names in the MRZ (Doc 9303-3 §4.6, Doc 9303-4 §4.2.3): primary and secondary identifier, and how one that is too long is cut.

use std::fmt;

use super::{Field, MrzError, transliterate};

/// A name in MRZ letters, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    primary: Vec<String>,
    secondary: Vec<String>,
}

impl Name {
    /// Transliterates both identifiers; `secondary` (given names) may be empty.
    ///
    /// # Errors
    /// A letter without transliteration, or no letter in `primary`.
    pub fn new(primary: &str, secondary: &str) -> Result<Self, MrzError> {
        let words = |text: &str| transliterate(text).map(|text| words(&text));
        let name = Self { primary: words(primary)?, secondary: words(secondary)? };
        if name.primary.is_empty() {
            let expected = "at least one letter in the primary identifier".to_owned();
            return Err(MrzError::Value { field: Field::Name, expected, found: primary.to_owned() });
        }
        Ok(name)
    }

    /// Reads the name field of an MRZ, fillers included.
    pub(super) fn from_field(field: &str) -> Self {
        let (primary, secondary) = field.split_once("<<").unwrap_or((field, ""));
        Self { primary: words(primary), secondary: words(secondary) }
    }

    /// Surname, or whatever the state chose as primary identifier; words separated by a blank.
    #[must_use]
    pub fn primary(&self) -> String {
        self.primary.join(" ")
    }

    /// Given names; words separated by a blank, empty if there are none.
    #[must_use]
    pub fn secondary(&self) -> String {
        self.secondary.join(" ")
    }

    /// The name in a field of `width` characters without trailing fillers, and whether it had to be truncated.
    ///
    /// Words of the primary identifier become initials from the right until there is room for the separator and a letter of the
    /// secondary identifier; then as many secondary words as have room for a letter are kept and shortened from the right. So a
    /// truncated name ends with a letter in the last column, which is the sign of truncation.
    #[must_use]
    pub fn fit(&self, width: usize) -> (String, bool) {
        let whole = join(&self.primary, &self.secondary);
        if whole.len() <= width {
            return (whole, false);
        }
        let room = width.saturating_sub(if self.secondary.is_empty() { 0 } else { 3 });
        let mut primary = self.primary.clone();
        for at in (1..primary.len()).rev() {
            let excess = length(&primary).saturating_sub(room);
            if let Some(word) = primary.get_mut(at).filter(|_| excess > 0) {
                word.truncate(1);
            }
        }
        let excess = length(&primary).saturating_sub(room);
        if let Some(word) = primary.first_mut() {
            word.truncate(word.len().saturating_sub(excess).max(1));
        }
        while length(&primary) > room && primary.len() > 1 {
            primary.pop();
        }
        let mut secondary = shorten(&self.secondary, (width - length(&primary)).saturating_sub(2));
        // What is left goes back to the words of the primary identifier that were cut.
        let mut spare = width.saturating_sub(join(&primary, &secondary).len());
        for (word, full) in primary.iter_mut().zip(&self.primary) {
            let taken = spare.min(full.len() - word.len());
            *word = full.get(..word.len() + taken).unwrap_or(full).to_owned();
            spare -= taken;
        }
        // One column is too little for `<` and a letter: the longest word of the primary identifier makes room.
        if let Some(word) = primary.iter_mut().max_by_key(|word| word.len()).filter(|word| spare == 1 && word.len() > 1) {
            word.pop();
            secondary = shorten(&self.secondary, (width - length(&primary)).saturating_sub(2));
        }
        (join(&primary, &secondary), true)
    }
}

/// As many of the first words as have room for one letter each, shortened from the right to `room` characters in all.
fn shorten(words: &[String], room: usize) -> Vec<String> {
    let mut kept: Vec<String> = words.iter().take(room.div_ceil(2)).cloned().collect();
    for at in (0..kept.len()).rev() {
        let excess = length(&kept).saturating_sub(room);
        if let Some(word) = kept.get_mut(at) {
            word.truncate(word.len().saturating_sub(excess).max(1));
        }
    }
    kept
}

fn length(words: &[String]) -> usize {
    words.iter().map(|word| word.len() + 1).sum::<usize>().saturating_sub(1)
}

fn join(primary: &[String], secondary: &[String]) -> String {
    let mut text = primary.join("<");
    if !secondary.is_empty() {
        text.push_str("<<");
        text.push_str(&secondary.join("<"));
    }
    text
}

fn words(text: &str) -> Vec<String> {
    text.split('<').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

impl fmt::Display for Name {
    /// `ERIKSSON, ANNA MARIA`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.primary())?;
        if self.secondary.is_empty() { Ok(()) } else { write!(f, ", {}", self.secondary()) }
    }
}
