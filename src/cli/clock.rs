//! Today's date. The only place of the program that asks a clock.

use eid::cert::Time;
use eid::date::Date;

/// Now, to the second: RFC 3339 in UTC.
pub(crate) fn stamp() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Today in UTC, as certificates count days: one that is issued at six in the morning in Hà Nội is not valid from tomorrow only.
pub(crate) fn today() -> Date {
    now().date
}

/// This moment in UTC, to the second: what signed lists say.
pub(crate) fn now() -> Time {
    let seconds = jiff::Timestamp::now().as_second();
    Time { date: Date::from_days(seconds.div_euclid(86_400)), second: u32::try_from(seconds.rem_euclid(86_400)).unwrap_or(0) }
}

/// This moment in seconds since 1970-01-01T00:00:00Z: what the line's store counts in.
#[cfg(feature = "line")]
pub(crate) fn moment() -> i64 {
    jiff::Timestamp::now().as_second()
}
