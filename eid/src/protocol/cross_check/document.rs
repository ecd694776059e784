//! The document: check digits of the MRZ, dates, and whether there is a portrait.

use super::Card;
use super::person::eight_digits;
use crate::date::Date;
use crate::face_qr::PrintedDate;
use crate::lds::Elementary as _;
use crate::lds::biometrics::image;
use crate::lds::dg1::Dg1;
use crate::lds::dg2::Dg2;
use crate::lds::dg12::{self, Dg12};
use crate::protocol::finding::{Check, Finding};

const MRZ: Check = Check::new("cross.mrz", "Doc 9303-3 §4.9");
const EXPIRY: Check = Check::new("document.expiry", "Doc 9303-3 §4.8");
const ISSUE: Check = Check::new("cross.issue", "Doc 9303-10 §4.7.12");
const DG2: Check = Check::new("cross.dg2", "Doc 9303-10 §4.7.2");

/// Text of field 12 of the Vietnamese DG13 on a card that does not expire.
pub const NO_EXPIRY: &str = "Không thời hạn";

/// No chip of Doc 9303 was issued before, so a date of expiry in the MRZ is later.
const FIRST_YEAR: u16 = 2004;

/// Largest side of a portrait in pixels that is plausible.
const LARGEST: u32 = 10_000;

pub(super) fn check(card: &Card<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(dg1) = &card.dg1 {
        findings.push(expiry(card));
        findings.push(match dg1.deviations.as_slice() {
            [] => MRZ.passed(),
            [first, ..] => MRZ.undecided("deviates", format!("the MRZ in DG1 deviates from the standard: {first}")),
        });
        findings.extend(issue(card));
    } else if let Some(Err(error)) = card.bytes(Dg1::FILE).map(Dg1::parse) {
        // signed or not: without an MRZ nobody knows whose document it is, and no check of it can be passed over
        findings.push(MRZ.undecided("malformed", error.to_string()));
    }
    let listed = |number| card.sod.as_ref().is_none_or(|sod| sod.hash_of(number).is_some());
    findings.extend(match card.bytes(Dg2::FILE) {
        Some(bytes) => Some(portrait(bytes)),
        None if !listed(2) => Some(DG2.undecided("no-portrait", "EF.SOD lists no DG2: the document has no portrait")),
        None => None,
    });
    findings
}

/// The day of expiry in the MRZ; `None` if it has no such day.
fn last_day(card: &Card<'_>) -> Option<Date> {
    let date = card.dg1.as_ref()?.mrz.content().date_of_expiry.nearest(card.input.today)?;
    if date.year() < FIRST_YEAR { Date::new(date.year() + 100, date.month(), date.day()).ok() } else { Some(date) }
}

fn expiry(card: &Card<'_>) -> Finding {
    let stated = card.dg13.as_ref().and_then(|person| person.date_of_expiry.as_deref());
    if stated.is_some_and(|text| super::person::same_text(text, NO_EXPIRY)) {
        return EXPIRY.passed().because("no-expiry", "DG13: the document does not expire");
    }
    let Some(date) = last_day(card) else {
        return EXPIRY.undecided("no-date", "the date of expiry in the MRZ is no day");
    };
    let finding =
        if date < card.input.today { EXPIRY.undecided("expired", format!("the document expired on {date}")) } else { EXPIRY.passed() };
    finding.with("expiry", date.to_string())
}

/// The date of issue in DG12 or DG13 against birth, expiry, and today.
fn issue(card: &Card<'_>) -> Option<Finding> {
    let dg12 = card.file::<Dg12>().and_then(|dg12| dg12.details.get(dg12::DATE_OF_ISSUE).map(|element| element.as_digits()));
    let dg13 = card.dg13.as_ref().and_then(|person| person.date_of_issue.clone()).filter(|text| !text.is_empty());
    let (place, date) = match (dg12, dg13) {
        (Some(digits), _) => ("DG12", digits.as_deref().and_then(eight_digits)),
        (None, Some(text)) => ("DG13", PrintedDate::parse(&text)),
        (None, None) => return None,
    };
    let Some(date) = date else {
        return Some(ISSUE.undecided("no-date", format!("the date of issue in {place} is no date")));
    };
    let Some(day) = date.day_of() else {
        return Some(ISSUE.passed().because("date-in-part", format!("the date of issue in {place} is known in part: {date}")));
    };
    let birth = card.dg1.as_ref().and_then(|dg1| dg1.mrz.content().date_of_birth.on_or_before(card.input.today));
    let finding = if day > card.input.today {
        ISSUE.undecided("in-the-future", format!("{place}: issued on {day}, after today"))
    } else if last_day(card).is_some_and(|last| last < day) {
        ISSUE.undecided("after-expiry", format!("{place}: issued on {day}, after the date of expiry in DG1"))
    } else if birth.is_some_and(|birth| birth > day) {
        ISSUE.undecided("before-birth", format!("{place}: issued on {day}, before the date of birth in DG1"))
    } else {
        ISSUE.passed()
    };
    Some(finding.with("issue", day.to_string()).with("place", place))
}

/// A portrait that a person or a program can compare with the face before it.
fn portrait(bytes: &[u8]) -> Finding {
    let dg2 = match Dg2::parse(bytes) {
        Ok(dg2) => dg2,
        Err(error) => return DG2.undecided("malformed", error.to_string()),
    };
    let Some(first) = dg2.portraits().next() else {
        return if dg2.faces.is_empty() {
            DG2.undecided("no-portrait", "EF.DG2 holds no face")
        } else {
            DG2.not_supported("format-unknown", "EF.DG2 holds faces in a format that is not known")
        };
    };
    match image::sniff(first) {
        Ok(header) if header.width.max(header.height) > LARGEST => {
            DG2.undecided("size-implausible", format!("the portrait in EF.DG2 is {header}")).with("image", header.to_string())
        }
        Ok(header) => DG2.passed().with("image", header.to_string()),
        Err(error) => DG2.undecided("image-unreadable", format!("the portrait in EF.DG2: {error}")),
    }
}
