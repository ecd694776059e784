//! Reading field by field; what deviates is noted and reading goes on.

use std::ops::Range;

use super::layout::Layout;
use super::{Content, Field, Format, MrzDate, MrzError, Name, Sex, check_digit};

/// A walk over the fields of a text that has the length and the alphabet of `format`.
pub(super) struct Reading<'a> {
    text: &'a str,
    format: Format,
    layout: &'static Layout,
    deviations: Vec<MrzError>,
}

impl<'a> Reading<'a> {
    pub(super) const fn new(text: &'a str, format: Format) -> Self {
        Self { text, format, layout: format.layout(), deviations: Vec::new() }
    }

    fn part(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    fn trimmed(&self, range: Range<usize>) -> String {
        self.part(range).trim_end_matches('<').to_owned()
    }

    const fn place(&self, at: usize) -> (usize, usize) {
        (at / self.layout.width + 1, at % self.layout.width + 1)
    }

    /// The fields, and what is wrong with them.
    pub(super) fn content(mut self) -> (Content, Vec<MrzError>) {
        let layout = self.layout;
        let (document_number, optional_data) = self.number_and_optional();
        let content = Content {
            document_code: self.trimmed(0..2),
            issuer: self.letters(Field::Issuer, 2),
            document_number,
            date_of_birth: self.date(Field::DateOfBirth, layout.birth),
            sex: self.sex(),
            date_of_expiry: self.date(Field::DateOfExpiry, layout.expiry()),
            nationality: self.letters(Field::Nationality, layout.nationality),
            optional_data,
            optional_data_2: self.trimmed(layout.optional_2.clone()),
            name: self.name(),
        };
        let over: String = layout.composite_over.iter().map(|range| self.part(range.clone())).collect();
        self.check(Field::Composite, &over, layout.composite, false);
        (content, self.deviations)
    }

    /// The document number with what a long one leaves in the optional data (Doc 9303-5 §4.2.2 note j), and the optional data proper.
    fn number_and_optional(&mut self) -> (String, String) {
        let layout = self.layout;
        let at = layout.check_of_number();
        let number = self.part(layout.number..at).to_owned();
        let optional = self.part(layout.optional.clone()).to_owned();
        if self.format != Format::Td3 && self.part(at..at + 1) == "<" && !number.ends_with('<') {
            let (tail, rest) = optional.split_once('<').unwrap_or((&optional, ""));
            if let Some((overflow, _)) = tail.split_at_checked(tail.len().saturating_sub(1)).filter(|(overflow, _)| !overflow.is_empty()) {
                let whole = format!("{number}{overflow}");
                self.check(Field::DocumentNumber, &whole, layout.optional.start + overflow.len(), false);
                return (whole, rest.trim_end_matches('<').to_owned());
            }
        }
        self.check(Field::DocumentNumber, &number, at, false);
        if layout.optional_checked {
            self.check(Field::OptionalData, &optional, layout.optional.end, optional.bytes().all(|b| b == b'<'));
        }
        (number.trim_end_matches('<').to_owned(), optional.trim_end_matches('<').to_owned())
    }

    fn check(&mut self, field: Field, over: &str, at: usize, filler_allowed: bool) {
        let expected = check_digit(over);
        let found = self.part(at..at + 1).chars().next().unwrap_or('<');
        if found != expected && !(filler_allowed && found == '<') {
            let (line, column) = self.place(at);
            self.deviations.push(MrzError::CheckDigit { field, line, column, expected, found });
        }
    }

    fn deviate(&mut self, field: Field, at: usize, expected: &'static str, found: String) {
        let (line, column) = self.place(at);
        self.deviations.push(MrzError::Content { field, line, column, expected, found });
    }

    fn letters(&mut self, field: Field, at: usize) -> String {
        let value = self.trimmed(at..at + 3);
        if value.is_empty() || !value.bytes().all(|b| b.is_ascii_uppercase()) {
            self.deviate(field, at, "one to three letters", self.part(at..at + 3).to_owned());
        }
        value
    }

    fn date(&mut self, field: Field, at: usize) -> MrzDate {
        let text = self.part(at..at + 6).to_owned();
        let date = MrzDate::as_written(&text);
        if !date.is_plausible() {
            self.deviate(field, at, "YYMMDD with << for unknown parts", text.clone());
        }
        self.check(field, &text, at + 6, false);
        date
    }

    fn sex(&mut self) -> Sex {
        let at = self.layout.sex();
        match self.part(at..at + 1) {
            "M" => Sex::Male,
            "F" => Sex::Female,
            "<" => Sex::Unspecified,
            other => {
                let found = other.to_owned();
                self.deviate(Field::Sex, at, "M, F or <", found);
                Sex::Unspecified
            }
        }
    }

    fn name(&mut self) -> Name {
        let range = self.layout.name.clone();
        let (at, field) = (range.start, self.part(range).to_owned());
        if field.starts_with('<') || field.bytes().any(|b| b.is_ascii_digit()) {
            self.deviate(Field::Name, at, "letters and fillers, a letter first", field.clone());
        }
        Name::from_field(&field)
    }
}
