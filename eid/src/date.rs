//! Calendar dates without a clock. Whoever needs today's date is given it.

use std::fmt;
use std::str::FromStr;

/// A day of the Gregorian calendar, years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// Not a day of the calendar, or not written as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a date YYYY-MM-DD that exists, found {found:?}")]
pub struct DateError {
    /// What was found.
    pub found: String,
}

impl Date {
    /// The day `year`-`month`-`day`.
    ///
    /// # Errors
    /// There is no such day, or the year is not 1 to 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self, DateError> {
        if (1..=9999).contains(&year) && (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month) {
            Ok(Self { year, month, day })
        } else {
            Err(DateError { found: format!("{year:04}-{month:02}-{day:02}") })
        }
    }

    /// Year, 1 to 9999.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }

    /// Month, 1 to 12.
    #[must_use]
    pub const fn month(self) -> u8 {
        self.month
    }

    /// Day of the month, 1 to 31.
    #[must_use]
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The same day `years` later; 29 February becomes 28 February where there is none.
    #[must_use]
    pub fn plus_years(self, years: i32) -> Self {
        let year = u16::try_from((i32::from(self.year) + years).clamp(1, 9999)).unwrap_or(9999);
        Self { year, month: self.month, day: self.day.min(days_in_month(year, self.month)) }
    }

    /// The day `days` later (earlier if negative), clamped to the years 1 to 9999.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self::from_days(self.days().saturating_add(days))
    }

    /// Days since 1970-01-01, negative before.
    #[must_use]
    pub fn days(self) -> i64 {
        let (y, m, d) = (i64::from(self.year), i64::from(self.month), i64::from(self.day));
        let y = if m <= 2 { y - 1 } else { y };
        let era = y.div_euclid(400);
        let yoe = y.rem_euclid(400);
        let doy = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + d - 1;
        era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
    }

    /// The day that is `days` after 1970-01-01, clamped to the years 1 to 9999.
    #[must_use]
    pub fn from_days(days: i64) -> Self {
        let z = days.clamp(-719_162, 2_932_896) + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        Self { year: u16::try_from(year).unwrap_or(9999), month: u8::try_from(month).unwrap_or(12), day: u8::try_from(day).unwrap_or(31) }
    }

    /// `YYMMDD` as in the MRZ.
    #[must_use]
    pub fn yymmdd(self) -> String {
        format!("{:02}{:02}{:02}", self.year % 100, self.month, self.day)
    }

    /// `YYYYMMDD` as in DG11 and DG12.
    #[must_use]
    pub fn yyyymmdd(self) -> String {
        format!("{:04}{:02}{:02}", self.year, self.month, self.day)
    }

    /// `dd/MM/yyyy` as in the Vietnamese DG13.
    #[must_use]
    pub fn slashed(self) -> String {
        format!("{:02}/{:02}/{:04}", self.day, self.month, self.year)
    }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = DateError;

    /// `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, DateError> {
        let error = || DateError { found: text.chars().take(32).collect() };
        let mut parts = text.splitn(3, '-');
        let mut part = |width: usize| parts.next().filter(|p| p.len() == width && p.bytes().all(|b| b.is_ascii_digit())).ok_or_else(error);
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        let number = |p: &str| p.parse::<u16>().map_err(|_| error());
        let small = |p: &str| p.parse::<u8>().map_err(|_| error());
        Self::new(number(year)?, small(month)?, small(day)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_back_agree_over_every_day_of_four_centuries() {
        let mut date = Date::new(1900, 1, 1).expect("a day");
        let mut count = date.days();
        while date.year() < 2301 {
            assert_eq!((date.days(), Date::from_days(count)), (count, date));
            date = date.plus_days(1);
            count += 1;
        }
        assert_eq!(Date::new(1970, 1, 1).expect("a day").days(), 0);
        assert_eq!(Date::new(2026, 11, 21).expect("a day").days(), 20_778);
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in ["2100-02-29", "2026-13-01", "2026-00-01", "2026-1-01", "26-01-01", "2026-01-32", "", "2026-01-01x"] {
            assert_eq!(text.parse::<Date>(), Err(DateError { found: text.to_owned() }), "{text}");
        }
        assert_eq!(Date::new(2104, 2, 29).expect("leap day").plus_years(1).to_string(), "2105-02-28");
    }
}
