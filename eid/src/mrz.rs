//! The machine readable zone of TD1, TD2, and TD3 documents (Doc 9303-3 clause 4, Doc 9303-4, -5, -6): reading and writing.
//!
//! [`Mrz::parse`] refuses every deviation; [`Mrz::read`] reads what can be read and lists the deviations beside it, because a
//! document with a wrong check digit was issued all the same. Both refuse other lengths and characters outside of `A`-`Z`, `0`-`9`, `<`.
//! Each error names the field, the line and column (from 1), what was expected and what was found.

use std::fmt;
use std::ops::Range;

mod check;
mod date;
mod layout;
mod name;
mod reading;
pub mod state;
mod transliteration;
pub mod vietnam;

pub use check::check_digit;
pub use date::MrzDate;
pub use name::Name;
pub use transliteration::transliterate;

use layout::{Layout, TD1, TD2, TD3};
use reading::Reading;

/// Size of the document, hence lines and columns of its MRZ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Card: 3 lines of 30.
    Td1,
    /// 2 lines of 36.
    Td2,
    /// Passport: 2 lines of 44.
    Td3,
}

/// A field of the MRZ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Document code: `I`, `ID`, `P`.
    DocumentCode,
    /// Issuing state or organization.
    Issuer,
    /// Document number.
    DocumentNumber,
    /// Date of birth.
    DateOfBirth,
    /// Sex.
    Sex,
    /// Date of expiry.
    DateOfExpiry,
    /// Nationality.
    Nationality,
    /// Optional data; of TD1 those of the first line.
    OptionalData,
    /// Optional data of the second line of TD1.
    OptionalData2,
    /// Composite check digit.
    Composite,
    /// Name.
    Name,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DocumentCode => "document code",
            Self::Issuer => "issuing state",
            Self::DocumentNumber => "document number",
            Self::DateOfBirth => "date of birth",
            Self::Sex => "sex",
            Self::DateOfExpiry => "date of expiry",
            Self::Nationality => "nationality",
            Self::OptionalData => "optional data",
            Self::OptionalData2 => "optional data of line 2",
            Self::Composite => "composite",
            Self::Name => "name",
        })
    }
}

/// Why text is no MRZ, deviates from the standard, or cannot be written as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MrzError {
    /// Not the length of any format.
    #[error("expected 90 (3 x 30), 72 (2 x 36) or 88 (2 x 44) characters, found {found}")]
    Length {
        /// Characters found, line ends not counted.
        found: usize,
    },
    /// A character outside of the alphabet.
    #[error("character {found:?} at position {at}: expected A-Z, 0-9 or <")]
    Character {
        /// Position from 1, line ends not counted.
        at: usize,
        /// The character.
        found: char,
    },
    /// A check digit that is not the one computed.
    #[error("{field} check digit at line {line} column {column}: expected {expected}, found {found}")]
    CheckDigit {
        /// What it checks.
        field: Field,
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
        /// What was computed.
        expected: char,
        /// What stands there.
        found: char,
    },
    /// A field with content that the standard does not allow.
    #[error("{field} at line {line} column {column}: expected {expected}, found {found:?}")]
    Content {
        /// The field.
        field: Field,
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
        /// What the standard allows.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A value that cannot be written.
    #[error("{field}: expected {expected}, found {found:?}")]
    Value {
        /// The field.
        field: Field,
        /// What can be written.
        expected: String,
        /// The value.
        found: String,
    },
    /// A letter without a transliteration.
    #[error("name: no MRZ letter for {found:?} (U+{code:04X}) at character {at} of the name", code = u32::from(*found))]
    Letter {
        /// Position from 1.
        at: usize,
        /// The letter.
        found: char,
    },
}

/// Sex as the MRZ writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sex {
    /// `M`.
    Male,
    /// `F`.
    Female,
    /// `<`.
    Unspecified,
}

impl Sex {
    /// The character in the MRZ.
    #[must_use]
    pub const fn code(self) -> char {
        match self {
            Self::Male => 'M',
            Self::Female => 'F',
            Self::Unspecified => '<',
        }
    }
}

/// The content of an MRZ without fillers and check digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// One or two characters: `I`, `ID`, `P`.
    pub document_code: String,
    /// Issuing state or organization, one to three letters: `VNM`, `D`.
    pub issuer: String,
    /// The whole document number: up to 9 characters, in TD1 up to 22 and in TD2 up to 14.
    pub document_number: String,
    /// Date of birth, parts of which can be unknown.
    pub date_of_birth: MrzDate,
    /// Sex.
    pub sex: Sex,
    /// Date of expiry.
    pub date_of_expiry: MrzDate,
    /// Nationality, one to three letters.
    pub nationality: String,
    /// Optional data: what a long document number leaves of 15 characters (TD1, first line) or 7 (TD2); 14 in TD3 (personal number).
    pub optional_data: String,
    /// Optional data of the second line of TD1, 11 characters; empty in TD2 and TD3.
    pub optional_data_2: String,
    /// Name.
    pub name: Name,
}

/// An MRZ: its text, and what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Mrz {
    format: Format,
    text: String,
    content: Content,
}

impl fmt::Debug for Mrz {
    /// Format only: the MRZ opens the chip.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mrz({:?})", self.format)
    }
}

impl Format {
    /// Characters a line: 30, 36, 44.
    #[must_use]
    pub const fn width(self) -> usize {
        self.layout().width
    }

    /// Lines: 3, 2, 2.
    #[must_use]
    pub const fn lines(self) -> usize {
        if matches!(self, Self::Td1) { 3 } else { 2 }
    }

    /// Longest document number that can be written: 22, 14, 9.
    #[must_use]
    pub const fn longest_number(self) -> usize {
        match self {
            Self::Td1 => 22,
            Self::Td2 => 14,
            Self::Td3 => 9,
        }
    }

    const fn layout(self) -> &'static Layout {
        match self {
            Self::Td1 => &TD1,
            Self::Td2 => &TD2,
            Self::Td3 => &TD3,
        }
    }
}

/// What BAC and PACE derive the MRZ password from (Doc 9303-11 §4.3.2, §4.4.4.1): number, date of birth and date of expiry, each with its
/// check digit; a number shorter than 9 characters is filled to 9. The result is as good as a key: do not log it.
///
/// # Errors
/// [`MrzError::Value`] for a number that is empty, longer than 22 characters, or holds other characters.
pub fn information(document_number: &str, date_of_birth: MrzDate, date_of_expiry: MrzDate) -> Result<String, MrzError> {
    let number = format!("{:<<9}", document_number.trim_end_matches('<'));
    let allowed = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase() || b == b'<';
    if number.starts_with('<') || number.len() > Format::Td1.longest_number() || !number.bytes().all(allowed) {
        let expected = "1 to 22 characters A-Z, 0-9".to_owned();
        return Err(MrzError::Value { field: Field::DocumentNumber, expected, found: document_number.to_owned() });
    }
    let mut out = String::new();
    for part in [number.as_str(), date_of_birth.as_str(), date_of_expiry.as_str()] {
        out.push_str(part);
        out.push(check_digit(part));
    }
    Ok(out)
}

impl Mrz {
    /// Reads an MRZ that follows the standard in everything. Line ends and blanks between lines are passed over.
    ///
    /// # Errors
    /// The first deviation.
    pub fn parse(text: &str) -> Result<Self, MrzError> {
        let (mrz, deviations) = Self::read(text)?;
        deviations.into_iter().next().map_or(Ok(mrz), Err)
    }

    /// Reads an MRZ and lists every deviation from the standard: wrong check digits, dates that cannot be, an unknown sex.
    ///
    /// # Errors
    /// [`MrzError::Length`] or [`MrzError::Character`]; everything else is a deviation.
    pub fn read(text: &str) -> Result<(Self, Vec<MrzError>), MrzError> {
        let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        if let Some((at, found)) = text.chars().enumerate().find(|(_, c)| !(c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '<')) {
            return Err(MrzError::Character { at: at + 1, found });
        }
        let format = [Format::Td1, Format::Td2, Format::Td3]
            .into_iter()
            .find(|format| format.width() * format.lines() == text.len())
            .ok_or(MrzError::Length { found: text.len() })?;
        let (content, deviations) = Reading::new(&text, format).content();
        Ok((Self { format, text, content }, deviations))
    }

    /// Writes an MRZ with fillers and check digits. A name that is too long is truncated as Doc 9303-3 says; see [`Name::fit`].
    ///
    /// # Errors
    /// [`MrzError::Value`] for a field that does not fit or holds other characters.
    pub fn write(format: Format, content: Content) -> Result<Self, MrzError> {
        let layout = format.layout();
        let mut text = vec![b'<'; format.width() * format.lines()];
        let mut put = |field, at: usize, len: usize, value: &str| {
            let allowed = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase() || b == b'<';
            let target = text.get_mut(at..at + len).and_then(|space| space.get_mut(..value.len()));
            match target {
                Some(target) if value.bytes().all(allowed) => {
                    target.copy_from_slice(value.as_bytes());
                    Ok(())
                }
                _ => {
                    let expected = format!("at most {len} characters A-Z, 0-9, <");
                    Err(MrzError::Value { field, expected, found: value.to_owned() })
                }
            }
        };
        put(Field::DocumentCode, 0, 2, &content.document_code)?;
        put(Field::Issuer, 2, 3, &content.issuer)?;
        put(Field::Name, layout.name.start, layout.name.len(), &content.name.fit(layout.name.len()).0)?;
        let number = &content.document_number;
        if number.len() > format.longest_number() || number.is_empty() || !number.is_ascii() {
            let expected = format!("1 to {} characters A-Z, 0-9", format.longest_number());
            return Err(MrzError::Value { field: Field::DocumentNumber, expected, found: number.clone() });
        }
        let (number, overflow) = number.split_at_checked(9).unwrap_or((number, ""));
        put(Field::DocumentNumber, layout.number, 9, number)?;
        let optional = if overflow.is_empty() {
            put(Field::DocumentNumber, layout.check_of_number(), 1, &check_digit(&format!("{number:<<9}")).to_string())?;
            content.optional_data.clone()
        } else {
            format!("{overflow}{}<{}", check_digit(&content.document_number), content.optional_data)
        };
        put(Field::OptionalData, layout.optional.start, layout.optional.len(), &optional)?;
        put(Field::OptionalData2, layout.optional_2.start, layout.optional_2.len(), &content.optional_data_2)?;
        put(Field::DateOfBirth, layout.birth, 6, content.date_of_birth.as_str())?;
        put(Field::DateOfBirth, layout.birth + 6, 1, &check_digit(content.date_of_birth.as_str()).to_string())?;
        put(Field::Sex, layout.sex(), 1, content.sex.code().encode_utf8(&mut [0; 4]))?;
        put(Field::DateOfExpiry, layout.expiry(), 6, content.date_of_expiry.as_str())?;
        put(Field::DateOfExpiry, layout.expiry() + 6, 1, &check_digit(content.date_of_expiry.as_str()).to_string())?;
        put(Field::Nationality, layout.nationality, 3, &content.nationality)?;
        if layout.optional_checked {
            let digit = check_digit(&optional);
            put(Field::OptionalData, layout.optional.end, 1, &digit.to_string())?;
        }
        let over: String =
            layout.composite_over.iter().flat_map(|range| text.get(range.clone()).unwrap_or_default()).map(|&b| char::from(b)).collect();
        text.splice(layout.composite..=layout.composite, [u8::try_from(check_digit(&over)).unwrap_or(b'<')]);
        Self::parse(&text.iter().map(|&b| char::from(b)).collect::<String>())
    }

    /// The format.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// What the MRZ says.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// All characters without line ends, as in DG1: 90, 72 or 88.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines as printed.
    #[must_use]
    pub fn lines(&self) -> Vec<&str> {
        let width = self.format.width();
        (0..self.format.lines()).filter_map(|line| self.text.get(line * width..(line + 1) * width)).collect()
    }

    /// [`information`] of this MRZ, over the characters that stand in it: what the chip was personalized with.
    #[must_use]
    pub fn information(&self) -> String {
        let layout = self.format.layout();
        let part = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        let check = layout.check_of_number();
        let long = part(check..check + 1) == "<" && self.content.document_number.len() > 9;
        let number = if long {
            format!("{}{}", self.content.document_number, check_digit(&self.content.document_number))
        } else {
            part(layout.number..check + 1).to_owned()
        };
        format!("{number}{}{}", part(layout.birth..layout.birth + 7), part(layout.expiry()..layout.expiry() + 7))
    }

    /// Whether the name may be truncated: its field ends with a letter (Doc 9303-4 §4.2.3).
    #[must_use]
    pub fn name_may_be_truncated(&self) -> bool {
        self.text.get(self.format.layout().name.clone()).is_some_and(|field| !field.ends_with('<'))
    }

    /// Name and value of every field, for people.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let content = &self.content;
        let mut fields: Vec<_> =
            self.lines().into_iter().enumerate().map(|(n, line)| (format!("line {}", n + 1), line.to_owned())).collect();
        let mut push = |field: Field, value: String| fields.push((field.to_string(), value));
        push(Field::DocumentCode, content.document_code.clone());
        push(Field::Issuer, content.issuer.clone());
        push(Field::DocumentNumber, content.document_number.clone());
        push(Field::Name, content.name.to_string());
        push(Field::Nationality, content.nationality.clone());
        push(Field::DateOfBirth, content.date_of_birth.to_string());
        push(Field::Sex, content.sex.code().to_string());
        push(Field::DateOfExpiry, content.date_of_expiry.to_string());
        for (field, value) in [(Field::OptionalData, &content.optional_data), (Field::OptionalData2, &content.optional_data_2)] {
            if !value.is_empty() {
                push(field, value.clone());
            }
        }
        fields
    }
}

#[cfg(test)]
mod tests;
