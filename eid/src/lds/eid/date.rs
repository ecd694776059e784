//! A date of which day, or day and month, may be unknown: NumericString of eight characters, with blanks in their places.

use std::fmt;

use crate::date::Date;

/// A date of the eID application. The year is always known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartialDate {
    /// The first day that it can be.
    first: Date,
    month: bool,
    day: bool,
}

impl From<Date> for PartialDate {
    fn from(first: Date) -> Self {
        Self { first, month: true, day: true }
    }
}

impl PartialDate {
    /// Reads `YYYYMMDD`, `YYYYMM` and two blanks, or `YYYY` and four; `None` for anything else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() == 8)?;
        let known = text.trim_end_matches(' ');
        if !known.bytes().all(|octet| octet.is_ascii_digit()) {
            return None;
        }
        let part = |range: std::ops::Range<usize>| known.get(range).and_then(|digits| digits.parse::<u8>().ok());
        let year = known.get(..4)?.parse().ok()?;
        let (month, day) = match known.len() {
            4 => (None, None),
            6 => (Some(part(4..6)?), None),
            8 => (Some(part(4..6)?), Some(part(6..8)?)),
            _ => return None,
        };
        let first = Date::new(year, month.unwrap_or(1), day.unwrap_or(1)).ok()?;
        Some(Self { first, month: month.is_some(), day: day.is_some() })
    }

    /// The first day that it can be.
    #[must_use]
    pub const fn first(self) -> Date {
        self.first
    }

    /// The last day that it can be: what counts where somebody must be old enough.
    #[must_use]
    pub fn last(self) -> Date {
        match (self.month, self.day) {
            (true, true) => self.first,
            (false, _) => self.first.plus_years(1).plus_days(-1),
            (true, false) => {
                let next = (28..=31).map(|days| self.first.plus_days(days)).find(|day| day.day() == 1);
                next.map_or(self.first, |day| day.plus_days(-1))
            }
        }
    }

    /// `1964-08-12`, `1964-08`, or `1964`.
    #[must_use]
    pub fn describe(self) -> String {
        let text = self.first.to_string();
        let len = if self.day {
            10
        } else if self.month {
            7
        } else {
            4
        };
        text.get(..len).unwrap_or(&text).to_owned()
    }
}

impl fmt::Display for PartialDate {
    /// The eight characters of the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.describe().replace('-', "");
        write!(f, "{text:<8}")
    }
}
