//! Today's date. The only place of the program that asks a clock.

use eid::date::Date;

/// Today in the local time zone.
pub(crate) fn today() -> Date {
    let now = jiff::Zoned::now().date();
    let part = |n: i8| u8::try_from(n).unwrap_or(1);
    // a civil date of the clock is a date of the calendar; years outside 1 to 9999 cannot come from it
    Date::new(u16::try_from(now.year()).unwrap_or(1), part(now.month()), part(now.day())).unwrap_or_else(|_| Date::from_days(0))
}
