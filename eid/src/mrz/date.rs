//! Dates of the MRZ (Doc 9303-3 §4.8): two digits each for year, month and day, `<<` for a part that is unknown, and no century.

use std::fmt;

use super::{Field, MrzError};
use crate::date::Date;

/// A date as the MRZ writes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MrzDate([u8; 6]);

impl MrzDate {
    /// `<<<<<<`: nothing is known.
    pub const UNKNOWN: Self = Self(*b"<<<<<<");

    /// Reads `YYMMDD` with `<<` for unknown parts.
    ///
    /// # Errors
    /// [`MrzError::Value`]: not six characters, a month above 12, a day above 31.
    pub fn parse(text: &str) -> Result<Self, MrzError> {
        text.as_bytes().try_into().ok().map(Self).filter(|date| date.is_plausible()).ok_or_else(|| MrzError::Value {
            field: Field::DateOfBirth,
            expected: "YYMMDD with << for unknown parts".to_owned(),
            found: text.to_owned(),
        })
    }

    /// What stands in an MRZ, plausible or not; `text` is six characters of its alphabet.
    pub(super) fn as_written(text: &str) -> Self {
        text.as_bytes().try_into().map_or(Self::UNKNOWN, Self)
    }

    /// The six characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("<<<<<<")
    }

    fn pair(self, at: usize) -> Option<u8> {
        match *self.0.get(at..at + 2)? {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (ones - b'0')),
            _ => None,
        }
    }

    /// Year of the century, 0 to 99.
    #[must_use]
    pub fn year(self) -> Option<u8> {
        self.pair(0)
    }

    /// Month, 1 to 12.
    #[must_use]
    pub fn month(self) -> Option<u8> {
        self.pair(2).filter(|month| (1..=12).contains(month))
    }

    /// Day, 1 to 31.
    #[must_use]
    pub fn day(self) -> Option<u8> {
        self.pair(4).filter(|day| (1..=31).contains(day))
    }

    /// Whether each part is `<<` or digits that some date has.
    #[must_use]
    pub fn is_plausible(self) -> bool {
        let known = [self.year(), self.month(), self.day()];
        self.0.chunks_exact(2).zip(known).all(|(text, part)| part.is_some() || text == b"<<")
    }

    /// The latest day with these digits that is not after `limit`: a date of birth, seen today. `None` if a part is unknown or there is no such day.
    #[must_use]
    pub fn on_or_before(self, limit: Date) -> Option<Date> {
        self.in_centuries(limit).filter(|date| *date <= limit).last()
    }

    /// The day with these digits that is closest to `date`: a date of expiry, seen today. `None` if a part is unknown or there is no such day.
    #[must_use]
    pub fn nearest(self, date: Date) -> Option<Date> {
        self.in_centuries(date).min_by_key(|candidate| (candidate.days() - date.days()).abs())
    }

    /// The days with these digits in the centuries around `date`, in order.
    fn in_centuries(self, date: Date) -> impl Iterator<Item = Date> {
        let century = date.year() / 100;
        let parts = self.year().zip(self.month()).zip(self.day());
        (century.saturating_sub(1)..=century + 1)
            .filter_map(move |century| parts.and_then(|((y, m), d)| Date::new(century * 100 + u16::from(y), m, d).ok()))
    }
}

impl From<Date> for MrzDate {
    fn from(date: Date) -> Self {
        Self::as_written(&date.yymmdd())
    }
}

impl fmt::Display for MrzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for MrzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
