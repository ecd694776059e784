//! The holder in EF.DG11 against the MRZ in EF.DG1.
//!
//! States write DG11 freely: other titles, an order of their own, a name in their alphabet. So a name is called different only if no word of
//! it is in the MRZ.

use super::Card;
use super::person::{self, Names, eight_digits};
use crate::lds::dg11::{self, Dg11};
use crate::mrz::{Mrz, vietnam};
use crate::protocol::finding::{Check, Finding};

const NAME: Check = Check::new("cross.dg11.name", "Doc 9303-10 §4.7.11");
const BIRTH: Check = Check::new("cross.dg11.birth", "Doc 9303-10 §4.7.11");
const NUMBER: Check = Check::new("cross.dg11.number", "Doc 9303-10 §4.7.11");

pub(super) fn check(card: &Card<'_>) -> Vec<Finding> {
    let (Some(dg1), Some(dg11)) = (&card.dg1, card.file::<Dg11>()) else { return Vec::new() };
    let (mrz, details) = (&dg1.mrz, &dg11.details);
    let text = |tag| details.text(tag).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let birth = details.get(dg11::DATE_OF_BIRTH).filter(|element| !element.value.is_empty());
    [
        text(dg11::FULL_NAME).map(|text| name(NAME, "DG11", &text, mrz)),
        birth.map(|element| match element.as_digits().as_deref().and_then(eight_digits) {
            None => BIRTH.undecided("no-date", "the date of birth in DG11 is no date"),
            Some(date) if person::dates(mrz.content().date_of_birth, date) => BIRTH.passed(),
            Some(date) => {
                let text = format!("date of birth: DG1 says {}, DG11 says {date}", mrz.content().date_of_birth);
                BIRTH.undecided("differs", text)
            }
        }),
        text(dg11::PERSONAL_NUMBER).and_then(|text| number(&text, mrz)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A name in national letters against the MRZ, as lenient as the head of this module says.
pub(super) fn name(check: Check, place: &str, full: &str, mrz: &Mrz) -> Finding {
    match person::names(full, mrz) {
        Names::Same => check.passed(),
        Names::Truncated => check.passed().because("name-truncated", "the name in the MRZ is truncated"),
        Names::InPart => check.passed().because("in-part", format!("some words of the name in {place} are not in the MRZ, or the reverse")),
        Names::OtherScript => check.not_attempted("other-script", format!("the name in {place} has letters without a transliteration")),
        Names::Different => check.undecided("differs", format!("name: DG1 says {}, {place} says {full}", mrz.content().name)),
    }
}

/// The personal number; only where the MRZ has one too. Optional data may be something else, so that only Viet Nam is held to it.
fn number(number: &str, mrz: &Mrz) -> Option<Finding> {
    let optional = [&mrz.content().optional_data, &mrz.content().optional_data_2];
    let plain: String = number.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    if let Ok(whole) = vietnam::personal_number(mrz) {
        return Some(if whole == plain {
            NUMBER.passed()
        } else {
            NUMBER.undecided("differs", format!("personal number: DG1 says {whole}, DG11 says {number}"))
        });
    }
    let found = optional.into_iter().map(|data| data.replace('<', "")).find(|data| !data.is_empty())?;
    Some(if found == plain || found.starts_with(&plain) {
        NUMBER.passed()
    } else {
        NUMBER.not_attempted("not-comparable", "the optional data of the MRZ are not the personal number of DG11")
    })
}
