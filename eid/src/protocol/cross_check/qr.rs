//! The QR text of the card's face against the chip.
//!
//! The text is unsigned, so the chip wins: what contradicts it was printed by somebody else, or belongs to another card. An address is free
//! text and may be written in two ways; there a difference decides nothing.

use super::Card;
use super::person;
use crate::face_qr::{FaceQr, PrintedDate, sex};
use crate::lds::dg13::Person;
use crate::mrz::{Mrz, Sex, vietnam};
use crate::protocol::finding::{Check, Finding};

const NUMBER: Check = Check::new("cross.qr.number", "Circular 06/2021/TT-BCA; Circular 16/2024/TT-BCA");
const NAME: Check = Check::new("cross.qr.name", "Circular 06/2021/TT-BCA; Circular 16/2024/TT-BCA");
const BIRTH: Check = Check::new("cross.qr.birth", "Circular 06/2021/TT-BCA; Circular 16/2024/TT-BCA");
const SEX: Check = Check::new("cross.qr.sex", "Circular 06/2021/TT-BCA; Circular 16/2024/TT-BCA");
const ISSUE: Check = Check::new("cross.qr.issue", "Circular 06/2021/TT-BCA; Circular 16/2024/TT-BCA");
const OLD_NUMBER: Check = Check::new("cross.qr.old_number", "Circular 06/2021/TT-BCA; Circular 16/2024/TT-BCA");
const RESIDENCE: Check = Check::new("cross.qr.residence", "Circular 06/2021/TT-BCA; Circular 16/2024/TT-BCA");

pub(super) fn check(card: &Card<'_>, qr: &FaceQr) -> Vec<Finding> {
    let Some(mrz) = card.dg1.as_ref().map(|dg1| &dg1.mrz) else {
        return vec![NUMBER.not_attempted("no-dg1", "there is no DG1 to compare the QR text with")];
    };
    let nobody = Person::default();
    let person = card.dg13.as_ref().unwrap_or(&nobody);
    let mut findings = vec![number(qr, mrz, person), name(qr, mrz, person), birth(qr, mrz, person), holder_sex(qr, mrz, person)];
    findings.extend(issue(qr, person));
    findings.extend(old_number(qr, person));
    findings.extend(residence(qr, person));
    findings
}

fn given(field: Option<&String>) -> Option<&str> {
    field.map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn differs(check: Check, what: &str, chip: &str, qr: &str) -> Finding {
    check.failed("differs", format!("{what}: the chip says {chip}, the QR text says {qr}"))
}

fn number(qr: &FaceQr, mrz: &Mrz, person: &Person) -> Finding {
    let chip = vietnam::personal_number(mrz).ok().or_else(|| given(person.personal_number.as_ref()));
    match chip {
        Some(number) if number == qr.number => NUMBER.passed(),
        Some(number) => differs(NUMBER, "personal number", number, &qr.number),
        // only the nine digits of the document number are left
        None if qr.number.ends_with(&mrz.content().document_number) && mrz.content().document_number.len() == 9 => {
            NUMBER.passed().because("in-part", "DG1 has no personal number; its document number is the end of the number in the QR text")
        }
        None => differs(NUMBER, "document number", &mrz.content().document_number, &qr.number),
    }
}

fn name(qr: &FaceQr, mrz: &Mrz, person: &Person) -> Finding {
    if let Some(full) = given(person.full_name.as_ref()) {
        return if person::same_text(full, &qr.full_name) {
            NAME.passed()
        } else if person::same_letters(full, &qr.full_name) {
            NAME.passed().because("marks-differ", "the names in the QR text and in DG13 differ in their marks")
        } else {
            differs(NAME, "name", full, &qr.full_name)
        };
    }
    match person::names(&qr.full_name, mrz) {
        person::Names::Same => NAME.passed(),
        person::Names::Truncated => NAME.passed().because("name-truncated", "the name in the MRZ is truncated"),
        person::Names::OtherScript => NAME.not_attempted("other-script", "the name in the QR text has letters without a transliteration"),
        person::Names::InPart | person::Names::Different => differs(NAME, "name", &mrz.content().name.to_string(), &qr.full_name),
    }
}

fn birth(qr: &FaceQr, mrz: &Mrz, person: &Person) -> Finding {
    let stated = given(person.date_of_birth.as_ref()).and_then(PrintedDate::parse);
    if stated.is_some_and(|date| !date.fits(qr.birth)) {
        return differs(BIRTH, "date of birth", person.date_of_birth.as_deref().unwrap_or_default(), &qr.birth.to_string());
    }
    if person::dates(mrz.content().date_of_birth, qr.birth) {
        BIRTH.passed()
    } else {
        differs(BIRTH, "date of birth", mrz.content().date_of_birth.as_str(), &qr.birth.to_string())
    }
}

fn holder_sex(qr: &FaceQr, mrz: &Mrz, person: &Person) -> Finding {
    let chip = match mrz.content().sex {
        Sex::Unspecified => given(person.sex.as_ref()).and_then(sex),
        known => Some(known),
    };
    match chip {
        None => SEX.not_attempted("unspecified", "the chip does not say the sex"),
        Some(chip) if chip == qr.sex => SEX.passed(),
        Some(chip) => differs(SEX, "sex", &chip.code().to_string(), &qr.sex.code().to_string()),
    }
}

fn issue(qr: &FaceQr, person: &Person) -> Option<Finding> {
    let stated = given(person.date_of_issue.as_ref()).and_then(PrintedDate::parse)?;
    let printed = qr.issue?;
    Some(if stated.fits(printed) { ISSUE.passed() } else { differs(ISSUE, "date of issue", &stated.to_string(), &printed.to_string()) })
}

fn old_number(qr: &FaceQr, person: &Person) -> Option<Finding> {
    let stated = given(person.old_number.as_ref())?;
    Some(if qr.old_number.is_empty() {
        OLD_NUMBER.passed().because("not-printed", "DG13 has an old number, the QR text has none")
    } else if stated == qr.old_number {
        OLD_NUMBER.passed()
    } else {
        differs(OLD_NUMBER, "old number", stated, &qr.old_number)
    })
}

fn residence(qr: &FaceQr, person: &Person) -> Option<Finding> {
    let stated = given(person.place_of_residence.as_ref()).filter(|_| !qr.residence.is_empty())?;
    Some(if person::folded(stated) == person::folded(&qr.residence) {
        RESIDENCE.passed()
    } else {
        RESIDENCE.undecided("differs", format!("place of residence: the chip says {stated}, the QR text says {}", qr.residence))
    })
}
