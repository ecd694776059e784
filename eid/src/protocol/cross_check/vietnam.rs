//! Vietnamese identity cards: EF.DG13 against the MRZ, and the personal number against itself and the holder.
//!
//! Every field of DG13 may be absent or empty, on cards of 2024 several are: then nothing is compared. The number has no check digit; its
//! head names province, century, sex and year. A corrected birth date or sex gives a new number by law, so a contradiction is not lawful,
//! and it is no forgery either: both sides are signed.

use super::Card;
use super::document::NO_EXPIRY;
use super::person::{self, Names};
use crate::face_qr::{self, PrintedDate};
use crate::lds::dg13::Person;
use crate::mrz::vietnam::{self, NumberHead, TEST_PROVINCE};
use crate::mrz::{Mrz, Sex};
use crate::protocol::finding::{Check, Finding};

// Fields of DG13 are known from open readers only; the clause is the one that leaves the file to the state.
const NAME: Check = Check::new("cross.dg13.name", "Doc 9303-10 §4.7.13");
const BIRTH: Check = Check::new("cross.dg13.birth", "Doc 9303-10 §4.7.13");
const SEX: Check = Check::new("cross.dg13.sex", "Doc 9303-10 §4.7.13");
const EXPIRY: Check = Check::new("cross.dg13.expiry", "Doc 9303-10 §4.7.13");
const NUMBER: Check = Check::new("cross.dg13.number", "Doc 9303-10 §4.7.13");
const MRZ: Check = Check::new("cross.number.mrz", "Doc 9303-5 §4.2.2");
const PROVINCE: Check = Check::new("cross.number.province", "Circular 07/2016/TT-BCA annex 1");
const PERSON: Check = Check::new("cross.number.person", "Decree 137/2015/ND-CP art. 13");

pub(super) fn check(card: &Card<'_>) -> Vec<Finding> {
    let Some(mrz) = card.dg1.as_ref().map(|dg1| &dg1.mrz) else { return Vec::new() };
    let content = mrz.content();
    if content.issuer != vietnam::STATE || !content.document_code.starts_with('I') {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let number = match vietnam::personal_number(mrz) {
        Ok(number) => {
            findings.push(MRZ.passed());
            Some(number)
        }
        Err(error) => {
            findings.push(MRZ.undecided("differs", format!("DG1: {error}")));
            None
        }
    };
    if let Some(person) = &card.dg13 {
        findings.extend(fields(person, mrz, number));
    }
    let stated = card.dg13.as_ref().and_then(|person| given(person.personal_number.as_ref()));
    if let Some(head) = number.or(stated).and_then(NumberHead::of) {
        findings.push(province(head));
        findings.push(holder(head, mrz, card.dg13.as_ref()));
    }
    findings
}

fn given(field: Option<&String>) -> Option<&str> {
    field.map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn fields(person: &Person, mrz: &Mrz, number: Option<&str>) -> Vec<Finding> {
    let content = mrz.content();
    let differs =
        |check: Check, what: &str, dg1: &str, dg13: &str| check.undecided("differs", format!("{what}: DG1 says {dg1}, DG13 says {dg13}"));
    let mut findings = Vec::new();
    if let Some((stated, number)) = given(person.personal_number.as_ref()).zip(number) {
        findings.push(if stated == number { NUMBER.passed() } else { differs(NUMBER, "personal number", number, stated) });
    }
    if let Some(full) = given(person.full_name.as_ref()) {
        findings.push(match person::names(full, mrz) {
            Names::InPart => differs(NAME, "name", &content.name.to_string(), full),
            _ => super::holder::name(NAME, "DG13", full, mrz),
        });
    }
    if let Some(text) = given(person.date_of_birth.as_ref()) {
        findings.push(match PrintedDate::parse(text) {
            None => BIRTH.undecided("no-date", "the date of birth in DG13 is no date"),
            Some(date) if person::dates(content.date_of_birth, date) => BIRTH.passed(),
            Some(_) => differs(BIRTH, "date of birth", content.date_of_birth.as_str(), text),
        });
    }
    if let Some(text) = given(person.sex.as_ref()) {
        findings.push(match face_qr::sex(text) {
            None => SEX.undecided("no-sex", "the sex in DG13 is neither Nam nor Nữ"),
            Some(sex) if sex == content.sex || content.sex == Sex::Unspecified => SEX.passed(),
            Some(_) => differs(SEX, "sex", &content.sex.code().to_string(), text),
        });
    }
    if let Some(text) = given(person.date_of_expiry.as_ref()) {
        findings.push(match PrintedDate::parse(text) {
            None if person::same_text(text, NO_EXPIRY) => {
                EXPIRY.passed().because("no-expiry", "DG13 says that the card does not expire; how the MRZ says so is not published")
            }
            None => EXPIRY.undecided("no-date", "the date of expiry in DG13 is no date"),
            Some(date) if person::dates(content.date_of_expiry, date) => EXPIRY.passed(),
            Some(_) => differs(EXPIRY, "date of expiry", content.date_of_expiry.as_str(), text),
        });
    }
    findings
}

fn province(head: NumberHead) -> Finding {
    let code = format!("{:03}", head.province);
    let finding = if head.province_is_known() {
        PROVINCE.passed()
    } else if head.province == TEST_PROVINCE {
        PROVINCE.passed().because("test-number", "a number of the test province: nobody has it")
    } else {
        PROVINCE
            .undecided("province-unknown", format!("digits 1 to 3 of the personal number are {code}: no province and no state of birth"))
    };
    finding.with("code", code)
}

/// Sex, year, and with the help of DG13 the century.
fn holder(head: NumberHead, mrz: &Mrz, dg13: Option<&Person>) -> Finding {
    let content = mrz.content();
    let stated = dg13.and_then(|person| PrintedDate::parse(given(person.date_of_birth.as_ref())?));
    let differs =
        |what: &str, expected: String| PERSON.undecided("differs", format!("digit 4 to 6 of the personal number: {what}: {expected}"));
    if content.sex != Sex::Unspecified && content.sex != head.sex {
        differs("sex", format!("DG1 says {}, the number says {}", content.sex.code(), head.sex.code()))
    } else if content.date_of_birth.year().is_some_and(|year| u16::from(year) != head.year % 100) {
        differs("year", format!("DG1 says {}, the number says {:02}", content.date_of_birth, head.year % 100))
    } else if stated.is_some_and(|date| date.year != head.year) {
        let year = stated.map_or(0, |date| date.year);
        differs("century", format!("DG13 says {year}, the number says {}", head.year))
    } else {
        PERSON.passed()
    }
}
