//! The checks of a record, field by field: each problem says what was expected and what was found.

use eid::date::Date;
use eid::lds::biometrics::image::ImageKind;
use eid::mrz::{Content, Format, Mrz, MrzDate, Name, check_digit};
use unicode_normalization::UnicodeNormalization as _;

use super::{Eye, FingerInput, FingerPosition, Input, IrisInput, Loader, Photo, Problem, Record, Rule, Sex};
use crate::perso::number::{NumberError, PersonalNumber};
use crate::perso::profile::{CanRule, DocumentProfile, LongName, MrzFormat, NumberRule};
use crate::perso::tables;

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
pub(super) struct Check<'a> {
    pub(super) problems: Vec<Problem>,
    pub(super) profile: &'a DocumentProfile,
}

impl Check<'_> {
    fn wrong(&mut self, rule: Rule, field: &'static str, expected: impl Into<String>, found: impl Into<String>) {
        self.problems.push(Problem { rule, field, expected: expected.into(), found: found.into() });
    }

    pub(super) fn record(&mut self, input: &Input, today: Date, load: Loader<'_>) -> Option<Record> {
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
        let irises = self.irises(&input.irises, load);
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
            irises: irises?,
            live: input.live,
            can,
            mrz: mrz?,
        })
    }

    fn date(&mut self, field: &'static str, text: Option<&str>) -> Option<Date> {
        let Some(text) = text else {
            self.wrong(Rule::Required, field, "a date YYYY-MM-DD", "nothing");
            return None;
        };
        text.parse().map_err(|_| self.wrong(Rule::Date, field, "a date YYYY-MM-DD that exists", quoted(text))).ok()
    }

    fn sex(&mut self, text: Option<&str>) -> Option<Sex> {
        match text {
            Some("male") => Some(Sex::Male),
            Some("female") => Some(Sex::Female),
            None => {
                self.wrong(Rule::Required, "sex", "male or female", "nothing");
                None
            }
            Some(other) => {
                self.wrong(Rule::Sex, "sex", "male or female", quoted(other));
                None
            }
        }
    }

    fn number(&mut self, input: &Input, sex: Option<Sex>, birth: Option<Date>) -> Option<PersonalNumber> {
        let Some(text) = &input.number else {
            if self.profile.mrz.number == NumberRule::PersonalNumber {
                self.wrong(Rule::Required, "number", "12 digits", "nothing");
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
                self.wrong(Rule::NumberTest, "number", "the number of a person in a live record", found);
                None
            }
            Ok(number) => Some(number),
            Err(error) => {
                let rule = match error {
                    NumberError::Digits { .. } => Rule::NumberForm,
                    NumberError::Province { .. } => Rule::NumberProvince,
                    NumberError::CenturySex { .. } => Rule::NumberSex,
                    NumberError::Year { .. } => Rule::NumberYear,
                };
                // The number's own messages have the form "expected …, found …".
                let message = error.to_string();
                let (expected, found) = message.rsplit_once(", found ").unwrap_or((&message, ""));
                self.wrong(rule, "number", expected.trim_start_matches("expected "), found);
                None
            }
        }
    }

    /// Text in NFC without control characters, at most 150 characters; an absent text is empty unless it is required.
    fn text(&mut self, field: &'static str, text: Option<&str>, required: bool) -> Option<String> {
        let text: String = text.unwrap_or_default().trim().nfc().collect();
        let length = text.chars().count();
        if required && text.is_empty() {
            self.wrong(Rule::Required, field, "a text", "nothing");
        } else if let Some(control) = text.chars().find(|c| c.is_control()) {
            self.wrong(
                Rule::TextCharacter,
                field,
                "letters, digits, and punctuation",
                format!("control character U+{:04X}", u32::from(control)),
            );
        } else if length > 150 {
            self.wrong(Rule::TextLength, field, "at most 150 characters", length.to_string());
        } else {
            return Some(text);
        }
        None
    }

    fn digits(&mut self, field: &'static str, text: &str, len: usize) -> Option<String> {
        if text.len() == len && text.bytes().all(|b| b.is_ascii_digit()) {
            return Some(text.to_owned());
        }
        self.wrong(Rule::OldNumber, field, format!("{len} digits"), quoted(text));
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
        self.wrong(Rule::Nationality, "nationality", expected, quoted(&text));
        None
    }

    fn ethnicity(&mut self, text: Option<&str>, required: bool) -> Option<String> {
        let text = self.text("ethnicity", text, required)?;
        if text.is_empty() || tables::ethnic_groups().contains(&text.as_str()) {
            return Some(text);
        }
        self.wrong(Rule::Ethnicity, "ethnicity", "one of the 54 ethnic groups", quoted(&text));
        None
    }

    fn card_serial(&mut self, text: Option<&str>, required: bool) -> Option<String> {
        let text = text.unwrap_or_default();
        if (text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit())) || (text.is_empty() && !required) {
            return Some(text.to_ascii_uppercase());
        }
        match text {
            "" => self.wrong(Rule::Required, "card_serial", "16 hexadecimal digits", "nothing"),
            text => self.wrong(Rule::CardSerial, "card_serial", "16 hexadecimal digits", quoted(text)),
        }
        None
    }

    /// The outer `None` is a problem, the inner one a document that does not expire.
    fn expiry(&mut self, input: &Input, birth: Date, issue: Date, today: Date) -> Option<Option<Date>> {
        if birth > issue {
            self.wrong(Rule::BirthAfterIssue, "birth", format!("a day before the day of issue {issue}"), birth.to_string());
            return None;
        }
        if issue > today.plus_days(366) {
            self.wrong(Rule::IssueAhead, "issue", format!("a day within a year from today {today}"), issue.to_string());
            return None;
        }
        let Some(law) = self.profile.validity_on(issue) else {
            let first = self.profile.validity.first().map_or_else(String::new, |law| law.from.to_string());
            self.wrong(
                Rule::IssueBeforeLaw,
                "issue",
                format!("a day from {first} on, when this document was introduced"),
                issue.to_string(),
            );
            return None;
        };
        if issue < birth.plus_years(i32::from(law.minimum_age)) {
            let expected = format!("an age of at least {} years on the day of issue {issue}", law.minimum_age);
            self.wrong(Rule::AgeMinimum, "birth", expected, birth.to_string());
            return None;
        }
        let expiry = law.expiry(birth, issue);
        let text = expiry.map_or_else(|| "none".to_owned(), |date| date.to_string());
        if let Some(found) = input.expiry.as_ref().filter(|found| **found != text) {
            self.wrong(Rule::Expiry, "expiry", format!("{text} for a birth on {birth} and an issue on {issue}"), quoted(found));
            return None;
        }
        if let Some(date) = expiry.filter(|date| *date <= today) {
            let expected = format!("a document that is still valid today {today}");
            self.wrong(Rule::Expired, "issue", expected, format!("one that expires on {date}"));
            return None;
        }
        if expiry.is_none() && self.profile.mrz.no_expiry.is_none() {
            self.wrong(Rule::Expiry, "expiry", "a profile with mrz.no_expiry for a document that does not expire", "none");
            return None;
        }
        Some(expiry)
    }

    fn photo(&mut self, name: Option<&str>, load: Loader<'_>) -> Option<Photo> {
        let rules = &self.profile.portrait;
        let formats = rules.formats.iter().map(|format| format.name()).collect::<Vec<_>>().join(" or ");
        let Some(name) = name else {
            self.wrong(Rule::Required, "photo", format!("the file of a {formats} portrait"), "nothing");
            return None;
        };
        let max = rules.max_bytes;
        let photo = self.image("photo", name, load)?;
        if !self.profile.portrait.formats.iter().any(|format| format.is(photo.kind())) {
            self.wrong(Rule::ImageFormat, "photo", formats, format!("{} in {name}", photo.kind().name()));
        } else if photo.bytes().len() > max {
            self.wrong(Rule::PortraitBytes, "photo", format!("at most {max} bytes"), format!("{} in {name}", photo.bytes().len()));
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
            self.wrong(Rule::Required, "fingers", "at least one finger image for DG3", "none");
        }
        let mut out = Vec::new();
        for finger in fingers {
            if out.iter().any(|(position, _)| *position == finger.position) {
                self.wrong(Rule::FingerTwice, "fingers", "each finger once", format!("{:?} twice", finger.position));
            }
            out.push((finger.position, self.image("fingers", &finger.file, load)?));
        }
        Some(out)
    }

    fn irises(&mut self, irises: &[IrisInput], load: Loader<'_>) -> Option<Vec<(Eye, Photo)>> {
        if !self.profile.files.may_have(4) {
            return Some(Vec::new());
        }
        let mut out = Vec::new();
        for iris in irises {
            if out.iter().any(|(eye, _)| *eye == iris.eye) {
                self.wrong(Rule::IrisTwice, "irises", "each eye once", format!("{:?} twice", iris.eye));
            }
            let photo = self.image("irises", &iris.file, load)?;
            if photo.kind() == ImageKind::Wsq {
                self.wrong(Rule::ImageFormat, "irises", "JPEG or JPEG 2000", format!("{} in {}", photo.kind().name(), iris.file));
            }
            out.push((iris.eye, photo));
        }
        Some(out)
    }

    fn image(&mut self, field: &'static str, name: &str, load: Loader<'_>) -> Option<Photo> {
        let bytes = match load(name) {
            Ok(bytes) => bytes,
            Err(detail) => {
                self.wrong(Rule::ImageFile, field, format!("the file {name}"), detail);
                return None;
            }
        };
        match Photo::new(bytes) {
            Ok(photo) => Some(photo),
            Err(error) => {
                self.wrong(error.rule, field, error.expected, format!("{} in {name}", error.found));
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
        match text {
            "" => self.wrong(Rule::Required, "document_number", "1 to 9 characters A-Z, 0-9", "nothing"),
            text => self.wrong(Rule::DocumentNumber, "document_number", "1 to 9 characters A-Z, 0-9", quoted(text)),
        }
        None
    }

    fn mrz(&mut self, input: &Input, fields: MrzFields<'_>) -> Option<Mrz> {
        let MrzFields { surname, given_names, nationality, birth, expiry, sex, number, document_number } = fields;
        let rules = &self.profile.mrz;
        let name = match Name::new(surname, given_names) {
            Ok(name) => name,
            Err(error) => {
                self.wrong(Rule::NameLetter, "surname, given_names", "letters with a transliteration to A-Z", error.to_string());
                return None;
            }
        };
        let (whole, _) = name.fit(usize::MAX);
        if whole.len() > rules.format.name_len() && rules.long_name == LongName::Refuse {
            let expected = format!("at most {} characters in the MRZ", rules.format.name_len());
            self.wrong(Rule::NameLength, "surname, given_names", expected, format!("{} in {whole}", whole.len()));
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
                self.wrong(Rule::MrzFields, "mrz", "fields that fit the machine readable zone", error.to_string());
                return None;
            }
        };
        if input.mrz.as_ref().is_some_and(|lines| *lines != mrz.lines()) {
            self.wrong(Rule::MrzLines, "mrz", "the lines that follow from the other fields", "other lines");
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
            let expected = if can.is_some() { "the last six digits of the number" } else { "none for this profile" };
            self.wrong(Rule::Can, "can", expected, "another");
        }
        can
    }
}

/// At most 32 characters of `text` in quotes.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(32).collect::<String>())
}
