//! Times as Doc 9303-12 clause 7.1 wants them written: to the second, in UTC, UTCTime up to 2049 and GeneralizedTime from 2050.

use eid::cert::Time;
use eid::tlv::Tlv;

use super::Sink;
use super::object::{GENERALIZED_TIME, UTC_TIME, head};

/// Checks a Time under `rule`, and gives the moment if it is one.
pub(super) fn check(sink: &mut Sink, rule: &'static str, object: &Tlv<'_>, path: &'static str) -> Option<Time> {
    let text = String::from_utf8_lossy(object.value);
    let digits = |n: usize| object.value.len() == n + 1 && object.value.iter().take(n).all(u8::is_ascii_digit) && text.ends_with('Z');
    let time = if matches!(object.tag.0, UTC_TIME | GENERALIZED_TIME) { Time::read(object).ok() } else { None };
    let form = match object.tag.0 {
        UTC_TIME => digits(12),
        GENERALIZED_TIME => digits(14) && time.is_none_or(|time| time.date.year() >= 2050),
        _ => false,
    };
    if !form || time.is_none() {
        let expected = "UTCTime YYMMDDHHMMSSZ up to 2049, GeneralizedTime YYYYMMDDHHMMSSZ from 2050";
        let found = match object.tag.0 {
            UTC_TIME => format!("UTCTime {text}"),
            GENERALIZED_TIME => format!("GeneralizedTime {text}"),
            _ => format!("tag {}, {}", object.tag, head(object.value)),
        };
        sink.add(rule, object.at, path, expected, found);
    }
    time
}

/// Whether the octets are YYYYMMDDHHMMSSZ of a moment that exists, and which.
pub(super) fn generalized(object: &Tlv<'_>) -> Option<Time> {
    let form = object.value.len() == 15 && object.value.iter().take(14).all(u8::is_ascii_digit) && object.value.last() == Some(&b'Z');
    Time::read(object).ok().filter(|_| form)
}
