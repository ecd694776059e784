//! Today's date. The only place of the program that asks a clock.

use eid::cert::Time;
use eid::date::Date;

/// Now, to the second: RFC 3339 in UTC.
pub(crate) fn stamp() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Today in the local time zone.
pub(crate) fn today() -> Date {
    let now = jiff::Zoned::now().date();
    let part = |n: i8| u8::try_from(n).unwrap_or(1);
    // a civil date of the clock is a date of the calendar; years outside 1 to 9999 cannot come from it
    Date::new(u16::try_from(now.year()).unwrap_or(1), part(now.month()), part(now.day())).unwrap_or_else(|_| Date::from_days(0))
}

/// This moment in UTC, to the second: what signed lists say.
pub(crate) fn now() -> Time {
    let seconds = jiff::Timestamp::now().as_second();
    Time { date: Date::from_days(seconds.div_euclid(86_400)), second: u32::try_from(seconds.rem_euclid(86_400)).unwrap_or(0) }
}
