//! A citizen record: JSON of one person or a list, checked once into a [`Record`] that cannot be wrong.
//!
//! Every refusal says the record, the field, what was expected, and what was found; all problems of a record are reported together.
//! Dates are written `YYYY-MM-DD`. Texts are stored in NFC. `can`, `mrz`, and `expiry` follow from the rest; where a record has them,
//! they must agree. A number of the test province is refused in a record that is marked `live`.

use eid::date::Date;
use eid::mrz::{Content, Format, Mrz, MrzDate, Name, check_digit};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::number::PersonalNumber;
pub use super::number::Sex;
use super::profile::{CanRule, DocumentProfile, LongName, MrzFormat, NumberRule};
use super::tables;

mod photo;

pub use photo::{Photo, PhotoError};

/// A record as it is written. Everything is text, so that each field is checked with its own message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Personal number, 12 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Document number of a passport, 1 to 9 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_number: Option<String>,
    /// Surname.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surname: Option<String>,
    /// Middle and given names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_names: Option<String>,
    /// Date of birth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth: Option<String>,
    /// `male` or `female`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<String>,
    /// Three letters; the issuing state if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nationality: Option<String>,
    /// Ethnic group, one of 54.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ethnicity: Option<String>,
    /// Religion; `Không` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub religion: Option<String>,
    /// Place of origin (quê quán).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Place of residence (nơi thường trú).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residence: Option<String>,
    /// Identifying features (đặc điểm nhận dạng).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<String>,
    /// Name of the father.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub father: Option<String>,
    /// Name of the mother.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mother: Option<String>,
    /// Name of the spouse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spouse: Option<String>,
    /// Number of an earlier card, 9 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_number: Option<String>,
    /// Serial of the card, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_serial: Option<String>,
    /// Date of issue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// Date of expiry, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    /// File of the portrait, seen from the record's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<String>,
    /// Finger images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fingers: Vec<FingerInput>,
    /// Whether the card is for a person and not for a test.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// The CAN, if the record states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can: Option<String>,
    /// The lines of the MRZ, if the record states them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mrz: Option<Vec<String>>,
}

/// One finger of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FingerInput {
    /// Which finger.
    pub position: FingerPosition,
    /// File of the image, seen from the record's folder.
    pub file: String,
}

/// Which finger; the numbers of ISO/IEC 19794-4 table 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FingerPosition {
    /// 1.
    RightThumb,
    /// 2.
    RightIndex,
    /// 3.
    RightMiddle,
    /// 4.
    RightRing,
    /// 5.
    RightLittle,
    /// 6.
    LeftThumb,
    /// 7.
    LeftIndex,
    /// 8.
    LeftMiddle,
    /// 9.
    LeftRing,
    /// 10.
    LeftLittle,
}

impl FingerPosition {
    /// The code of ISO/IEC 19794-4, 1 to 10.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8 + 1
    }
}

/// One thing that is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field.
    pub field: &'static str,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: expected {}, found {}", self.field, self.expected, self.found)
    }
}

/// Why records are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not JSON, or not of this form; the message has line and column.
    #[error("{origin}: {detail}")]
    Json {
        /// File of the records.
        origin: String,
        /// What the reader said.
        detail: String,
    },
    /// A record with problems.
    #[error("{origin}, record {record}: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid {
        /// File of the records.
        origin: String,
        /// Which record, from 1.
        record: usize,
        /// All that is wrong with it.
        problems: Vec<Problem>,
    },
}

/// A person as a card of one profile needs it: complete and consistent.
#[derive(Clone, Debug)]
pub struct Record {
    pub(super) number: Option<PersonalNumber>,
    pub(super) surname: String,
    pub(super) given_names: String,
    pub(super) birth: Date,
    pub(super) sex: Sex,
    pub(super) ethnicity: String,
    pub(super) religion: String,
    pub(super) origin: String,
    pub(super) residence: String,
    pub(super) features: String,
    pub(super) father: String,
    pub(super) mother: String,
    pub(super) spouse: Option<String>,
    pub(super) old_number: Option<String>,
    pub(super) card_serial: String,
    pub(super) issue: Date,
    pub(super) expiry: Option<Date>,
    pub(super) photo: Photo,
    pub(super) fingers: Vec<(FingerPosition, Photo)>,
    pub(super) live: bool,
    pub(super) can: Option<String>,
    pub(super) mrz: Mrz,
}

/// Gets the bytes of a file that a record names.
pub type Loader<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

/// Reads JSON of one person or of a list of persons. The records are not checked yet.
///
/// # Errors
/// [`RecordError::Json`]: not JSON, an unknown field, a value of another kind.
pub fn parse(origin: &str, json: &str) -> Result<Vec<Input>, RecordError> {
    let wrong = |error: serde_json::Error| RecordError::Json { origin: origin.to_owned(), detail: error.to_string() };
    if json.trim_start().starts_with('[') {
        serde_json::from_str(json).map_err(wrong)
    } else {
        serde_json::from_str(json).map(|input| vec![input]).map_err(wrong)
    }
}

/// Reads and checks JSON of one person or of a list of persons.
///
/// # Errors
/// Any [`RecordError`]; the first record with problems ends it.
pub fn read(origin: &str, json: &str, profile: &DocumentProfile, today: Date, load: Loader<'_>) -> Result<Vec<Record>, RecordError> {
    let inputs = parse(origin, json)?;
    let check = |(n, input): (usize, &Input)| {
        Record::new(input, profile, today, load).map_err(|problems| RecordError::Invalid {
            origin: origin.to_owned(),
            record: n + 1,
            problems,
        })
    };
    inputs.iter().enumerate().map(check).collect()
}

impl Record {
    /// Checks one record for a profile. `today` is the day of production; `load` gets portrait and finger images.
    ///
    /// # Errors
    /// Everything that is wrong with it, at least one problem.
    pub fn new(input: &Input, profile: &DocumentProfile, today: Date, load: Loader<'_>) -> Result<Self, Vec<Problem>> {
        let mut check = Check { problems: Vec::new(), profile };
        let record = check.record(input, today, load);
        match record {
            Some(record) if check.problems.is_empty() => Ok(record),
            _ => Err(check.problems),
        }
    }

    /// The personal number.
    #[must_use]
    pub const fn number(&self) -> Option<PersonalNumber> {
        self.number
    }

    /// Surname, then middle and given names.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.surname, self.given_names).trim_end().to_owned()
    }

    /// Date of birth.
    #[must_use]
    pub const fn birth(&self) -> Date {
        self.birth
    }

    /// Date of issue.
    #[must_use]
    pub const fn issue(&self) -> Date {
        self.issue
    }

    /// Date of expiry; `None` if the document does not expire.
    #[must_use]
    pub const fn expiry(&self) -> Option<Date> {
        self.expiry
    }

    /// The MRZ.
    #[must_use]
    pub const fn mrz(&self) -> &Mrz {
        &self.mrz
    }

    /// The CAN, where the profile has one.
    #[must_use]
    pub fn can(&self) -> Option<&str> {
        self.can.as_deref()
    }

    /// Whether the card is for a person and not for a test.
    #[must_use]
    pub const fn live(&self) -> bool {
        self.live
    }
}

/// What an MRZ is made of, each part checked on its own before.
struct MrzFields<'a> {
    surname: &'a str,
    given_names: &'a str,
    nationality: String,
    birth: Date,
    expiry: Option<Date>,
    sex: Sex,
    number: Option<PersonalNumber>,
    document_number: &'a str,
}

/// Collects what is wrong while a record is read.
struct Check<'a> {
    problems: Vec<Problem>,
    profile: &'a DocumentProfile,
}

impl Check<'_> {
    fn wrong(&mut self, field: &'static str, expected: impl Into<String>, found: impl Into<String>) {
        self.problems.push(Problem { field, expected: expected.into(), found: found.into() });
    }

    fn record(&mut self, input: &Input, today: Date, load: Loader<'_>) -> Option<Record> {
        let vietnamese = self.profile.files.has(13);
        let birth = self.date("birth", input.birth.as_deref());
        let sex = self.sex(input.sex.as_deref());
        let issue = self.date("issue", input.issue.as_deref());
        let number = self.number(input, sex, birth);
        let surname = self.text("surname", input.surname.as_deref(), true);
        let given_names = self.text("given_names", input.given_names.as_deref(), false);
        let nationality = self.nationality(input.nationality.as_deref());
        let ethnicity = self.ethnicity(input.ethnicity.as_deref(), vietnamese);
        let religion = self.text("religion", input.religion.as_deref().or(Some("Không")), true);
        let origin = self.text("origin", input.origin.as_deref(), vietnamese);
        let residence = self.text("residence", input.residence.as_deref(), vietnamese);
        let features = self.text("features", input.features.as_deref(), false);
        let father = self.text("father", input.father.as_deref(), false);
        let mother = self.text("mother", input.mother.as_deref(), false);
        let spouse = input.spouse.as_ref().map(|spouse| self.text("spouse", Some(spouse), true));
        let old_number = input.old_number.as_deref().map(|text| self.digits("old_number", text, 9));
        let card_serial = self.card_serial(input.card_serial.as_deref(), vietnamese);
        let expiry = birth.zip(issue).and_then(|(birth, issue)| self.expiry(input, birth, issue, today));
        let photo = self.photo(input.photo.as_deref(), load);
        let fingers = self.fingers(&input.fingers, load);
        let document_number = self.document_number(input, number);
        let mrz = match (&surname, &given_names, nationality, birth, expiry, sex, &document_number) {
            (Some(surname), Some(given_names), Some(nationality), Some(birth), Some(expiry), Some(sex), Some(document_number)) => {
                let fields = MrzFields { surname, given_names, nationality, birth, expiry, sex, number, document_number };
                self.mrz(input, fields)
            }
            _ => None,
        };
        let can = self.can(input, number);
        Some(Record {
            number,
            surname: surname?,
            given_names: given_names?,
            birth: birth?,
            sex: sex?,
            ethnicity: ethnicity?,
            religion: religion?,
            origin: origin?,
            residence: residence?,
            features: features?,
            father: father?,
            mother: mother?,
            spouse: spouse.flatten(),
            old_number: old_number.flatten(),
            card_serial: card_serial?,
            issue: issue?,
            expiry: expiry?,
            photo: photo?,
            fingers: fingers?,
            live: input.live,
            can,
            mrz: mrz?,
        })
    }

    fn date(&mut self, field: &'static str, text: Option<&str>) -> Option<Date> {
        let Some(text) = text else {
            self.wrong(field, "a date YYYY-MM-DD", "nothing");
            return None;
        };
        text.parse().map_err(|_| self.wrong(field, "a date YYYY-MM-DD that exists", quoted(text))).ok()
    }

    fn sex(&mut self, text: Option<&str>) -> Option<Sex> {
        match text {
            Some("male") => Some(Sex::Male),
            Some("female") => Some(Sex::Female),
            other => {
                self.wrong("sex", "male or female", other.map_or_else(|| "nothing".to_owned(), quoted));
                None
            }
        }
    }

    fn number(&mut self, input: &Input, sex: Option<Sex>, birth: Option<Date>) -> Option<PersonalNumber> {
        let Some(text) = &input.number else {
            if self.profile.mrz.number == NumberRule::PersonalNumber {
                self.wrong("number", "12 digits", "nothing");
            }
            return None;
        };
        let checked = PersonalNumber::parse(text).and_then(|number| match sex.zip(birth) {
            Some((sex, birth)) => number.check_person(sex, birth).map(|()| number),
            None => Ok(number),
        });
        match checked {
            Ok(number) if input.live && number.province_code() == tables::TEST_PROVINCE => {
                let found = format!("the test province {:03}", tables::TEST_PROVINCE);
                self.wrong("number", "the number of a person in a live record", found);
                None
            }
            Ok(number) => Some(number),
            Err(error) => {
                // The number's own messages have the form "expected …, found …".
                let message = error.to_string();
                let (expected, found) = message.rsplit_once(", found ").unwrap_or((&message, ""));
                self.wrong("number", expected.trim_start_matches("expected "), found);
                None
            }
        }
    }

    /// Text in NFC without control characters, at most 150 characters; an absent text is empty unless it is required.
    fn text(&mut self, field: &'static str, text: Option<&str>, required: bool) -> Option<String> {
        let text: String = text.unwrap_or_default().trim().nfc().collect();
        let length = text.chars().count();
        if required && text.is_empty() {
            self.wrong(field, "a text", "nothing");
        } else if let Some(control) = text.chars().find(|c| c.is_control()) {
            self.wrong(field, "letters, digits, and punctuation", format!("control character U+{:04X}", u32::from(control)));
        } else if length > 150 {
            self.wrong(field, "at most 150 characters", length.to_string());
        } else {
            return Some(text);
        }
        None
    }

    fn digits(&mut self, field: &'static str, text: &str, len: usize) -> Option<String> {
        if text.len() == len && text.bytes().all(|b| b.is_ascii_digit()) {
            return Some(text.to_owned());
        }
        self.wrong(field, format!("{len} digits"), quoted(text));
        None
    }

    fn nationality(&mut self, text: Option<&str>) -> Option<String> {
        let text = text.unwrap_or(&self.profile.mrz.issuer).to_owned();
        let expected = match self.profile.mrz.number {
            NumberRule::PersonalNumber if text != self.profile.mrz.issuer => {
                format!("{}: the card is for citizens", self.profile.mrz.issuer)
            }
            _ if text.len() != 3 || !text.bytes().all(|b| b.is_ascii_uppercase()) => "three capital letters".to_owned(),
            _ => return Some(text),
        };
        self.wrong("nationality", expected, quoted(&text));
        None
    }

    fn ethnicity(&mut self, text: Option<&str>, required: bool) -> Option<String> {
        let text = self.text("ethnicity", text, required)?;
        if text.is_empty() || tables::ethnic_groups().contains(&text.as_str()) {
            return Some(text);
        }
        self.wrong("ethnicity", "one of the 54 ethnic groups", quoted(&text));
        None
    }

    fn card_serial(&mut self, text: Option<&str>, required: bool) -> Option<String> {
        let text = text.unwrap_or_default();
        if (text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit())) || (text.is_empty() && !required) {
            return Some(text.to_ascii_uppercase());
        }
        self.wrong("card_serial", "16 hexadecimal digits", if text.is_empty() { "nothing".to_owned() } else { quoted(text) });
        None
    }

    /// The outer `None` is a problem, the inner one a document that does not expire.
    fn expiry(&mut self, input: &Input, birth: Date, issue: Date, today: Date) -> Option<Option<Date>> {
        if birth > issue {
            self.wrong("birth", format!("a day before the day of issue {issue}"), birth.to_string());
            return None;
        }
        if issue > today.plus_days(366) {
            self.wrong("issue", format!("a day within a year from today {today}"), issue.to_string());
            return None;
        }
        let Some(law) = self.profile.validity_on(issue) else {
            let first = self.profile.validity.first().map_or_else(String::new, |law| law.from.to_string());
            self.wrong("issue", format!("a day from {first} on, when this document was introduced"), issue.to_string());
            return None;
        };
        if issue < birth.plus_years(i32::from(law.minimum_age)) {
            self.wrong("birth", format!("an age of at least {} years on the day of issue {issue}", law.minimum_age), birth.to_string());
            return None;
        }
        let expiry = law.expiry(birth, issue);
        let text = expiry.map_or_else(|| "none".to_owned(), |date| date.to_string());
        if let Some(found) = input.expiry.as_ref().filter(|found| **found != text) {
            self.wrong("expiry", format!("{text} for a birth on {birth} and an issue on {issue}"), quoted(found));
            return None;
        }
        if let Some(date) = expiry.filter(|date| *date <= today) {
            self.wrong("issue", format!("a document that is still valid today {today}"), format!("one that expires on {date}"));
            return None;
        }
        if expiry.is_none() && self.profile.mrz.no_expiry.is_none() {
            self.wrong("expiry", "a profile with mrz.no_expiry for a document that does not expire", "none");
            return None;
        }
        Some(expiry)
    }

    fn photo(&mut self, name: Option<&str>, load: Loader<'_>) -> Option<Photo> {
        let rules = &self.profile.portrait;
        let formats = rules.formats.iter().map(|format| format.name()).collect::<Vec<_>>().join(" or ");
        let Some(name) = name else {
            self.wrong("photo", format!("the file of a {formats} portrait"), "nothing");
            return None;
        };
        let max = rules.max_bytes;
        let photo = self.image("photo", name, load)?;
        if !self.profile.portrait.formats.contains(&photo.format()) {
            self.wrong("photo", formats, format!("{} in {name}", photo.format().name()));
        } else if photo.bytes().len() > max {
            self.wrong("photo", format!("at most {max} bytes"), format!("{} in {name}", photo.bytes().len()));
        } else {
            return Some(photo);
        }
        None
    }

    fn fingers(&mut self, fingers: &[FingerInput], load: Loader<'_>) -> Option<Vec<(FingerPosition, Photo)>> {
        if !self.profile.files.has(3) {
            return Some(Vec::new());
        }
        if fingers.is_empty() {
            self.wrong("fingers", "at least one finger image for DG3", "none");
        }
        let mut out = Vec::new();
        for finger in fingers {
            if out.iter().any(|(position, _)| *position == finger.position) {
                self.wrong("fingers", "each finger once", format!("{:?} twice", finger.position));
            }
            out.push((finger.position, self.image("fingers", &finger.file, load)?));
        }
        Some(out)
    }

    fn image(&mut self, field: &'static str, name: &str, load: Loader<'_>) -> Option<Photo> {
        let bytes = match load(name) {
            Ok(bytes) => bytes,
            Err(detail) => {
                self.wrong(field, format!("the file {name}"), detail);
                return None;
            }
        };
        match Photo::new(bytes) {
            Ok(photo) => Some(photo),
            Err(error) => {
                self.wrong(field, error.expected, format!("{} in {name}", error.found));
                None
            }
        }
    }

    fn document_number(&mut self, input: &Input, number: Option<PersonalNumber>) -> Option<String> {
        if self.profile.mrz.number == NumberRule::PersonalNumber {
            return number.map(|number| number.document_number().to_owned());
        }
        let text = input.document_number.as_deref().unwrap_or_default();
        if (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            return Some(text.to_owned());
        }
        self.wrong("document_number", "1 to 9 characters A-Z, 0-9", if text.is_empty() { "nothing".to_owned() } else { quoted(text) });
        None
    }

    fn mrz(&mut self, input: &Input, fields: MrzFields<'_>) -> Option<Mrz> {
        let MrzFields { surname, given_names, nationality, birth, expiry, sex, number, document_number } = fields;
        let rules = &self.profile.mrz;
        let name = match Name::new(surname, given_names) {
            Ok(name) => name,
            Err(error) => {
                self.wrong("surname, given_names", "letters with a transliteration to A-Z", error.to_string());
                return None;
            }
        };
        let (whole, _) = name.fit(usize::MAX);
        if whole.len() > rules.format.name_len() && rules.long_name == LongName::Refuse {
            let expected = format!("at most {} characters in the MRZ", rules.format.name_len());
            self.wrong("surname, given_names", expected, format!("{} in {whole}", whole.len()));
            return None;
        }
        let date_of_expiry = match (expiry, &rules.no_expiry) {
            (Some(date), _) => MrzDate::from(date),
            (None, Some(text)) => MrzDate::parse(text).ok()?,
            (None, None) => return None,
        };
        let (format, personal) = match rules.format {
            MrzFormat::Td1 => (Format::Td1, number.map(|number| format!("{number}<<{}", check_digit(number.as_str())))),
            MrzFormat::Td3 => (Format::Td3, number.map(|number| number.to_string())),
        };
        let content = Content {
            document_code: rules.code.clone(),
            issuer: rules.issuer.clone(),
            document_number: document_number.to_owned(),
            date_of_birth: birth.into(),
            sex: if sex == Sex::Male { eid::mrz::Sex::Male } else { eid::mrz::Sex::Female },
            date_of_expiry,
            nationality,
            optional_data: personal.unwrap_or_default(),
            optional_data_2: String::new(),
            name,
        };
        let mrz = match Mrz::write(format, content) {
            Ok(mrz) => mrz,
            Err(error) => {
                self.wrong("mrz", "fields that fit the machine readable zone", error.to_string());
                return None;
            }
        };
        if input.mrz.as_ref().is_some_and(|lines| *lines != mrz.lines()) {
            self.wrong("mrz", "the lines that follow from the other fields", "other lines");
            return None;
        }
        Some(mrz)
    }

    fn can(&mut self, input: &Input, number: Option<PersonalNumber>) -> Option<String> {
        let can = match self.profile.access.can {
            CanRule::LastSixDigits => number.map(|number| number.can().to_owned()),
            CanRule::None => None,
        };
        if input.can.is_some() && number.is_some() && input.can != can {
            self.wrong("can", if can.is_some() { "the last six digits of the number" } else { "none for this profile" }, "another");
        }
        can
    }
}

/// At most 32 characters of `text` in quotes.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(32).collect::<String>())
}

#[cfg(test)]
mod tests;
