//! One row on its own: fields by the mapping, images, the rules of a record, and the rules of the delivery that one row can break.

use std::collections::BTreeMap;

use eid::date::Date;

use super::duplicates::{Key, Kind, Place, content};
use super::file::{Accepted, Why};
use super::image::{self, Folder, Missing};
use super::mapping::{Field, Mapping};
use super::rules::{Ground, Quality, Reason, quoted};
use super::source::Row;
use super::{Options, quality};
use crate::line::pseudonym::numbers;
use crate::perso::profile::{DocumentProfile, LongName, NumberRule};
use crate::perso::record::{FingerInput, Input, IrisInput, Record, Rule};

/// Judges rows of one source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Examiner<'a> {
    pub(super) mapping: &'a Mapping,
    pub(super) profile: &'a DocumentProfile,
    pub(super) options: &'a Options,
    pub(super) folder: &'a Folder,
    pub(super) source: u32,
}

/// What became of a row.
pub(super) struct Examined {
    pub(super) row: u64,
    pub(super) line: u64,
    pub(super) original: Vec<String>,
    /// All that is wrong with it, warnings among it.
    pub(super) reasons: Vec<Reason>,
    /// The record, if it keeps every rule of a record.
    pub(super) candidate: Option<Candidate>,
}

/// A record that may be accepted.
pub(super) struct Candidate {
    pub(super) accepted: Accepted,
    pub(super) keys: Vec<Key>,
    pub(super) content: [u8; 32],
    /// What names the person and the document: [`numbers`].
    pub(super) person: String,
    pub(super) document: String,
}

/// What is gathered while a row is read.
struct Reading {
    reasons: Vec<Reason>,
    /// Fields and files about which enough was said.
    told: Vec<String>,
    files: BTreeMap<String, Result<image::Found, String>>,
}

impl Examiner<'_> {
    pub(super) fn examine(&self, row: &Row) -> Examined {
        let mut reading = Reading { reasons: row.fault.iter().cloned().collect(), told: Vec::new(), files: BTreeMap::new() };
        let candidate = if row.fault.is_some() { None } else { self.candidate(row, &mut reading) };
        Examined { row: row.number, line: row.line, original: row.original.clone(), reasons: reading.reasons, candidate }
    }

    fn candidate(&self, row: &Row, reading: &mut Reading) -> Option<Candidate> {
        let Options { today, issue, max_age, decode, .. } = *self.options;
        let mut text = |field: Field| {
            self.mapping.text(row, field).unwrap_or_else(|reason| {
                reading.told.push(reason.field.clone());
                reading.reasons.push(reason);
                None
            })
        };
        let mut input = Input {
            number: text(Field::Number),
            document_number: text(Field::DocumentNumber),
            surname: text(Field::Surname),
            given_names: text(Field::GivenNames),
            birth: text(Field::Birth),
            sex: text(Field::Sex),
            nationality: text(Field::Nationality),
            ethnicity: text(Field::Ethnicity),
            religion: text(Field::Religion),
            origin: text(Field::Origin),
            residence: text(Field::Residence),
            features: text(Field::Features),
            father: text(Field::Father),
            mother: text(Field::Mother),
            spouse: text(Field::Spouse),
            old_number: text(Field::OldNumber),
            card_serial: text(Field::CardSerial),
            issue: text(Field::Issue),
            expiry: text(Field::Expiry),
            can: text(Field::Can),
            mrz: text(Field::Mrz).map(|lines| lines.lines().map(str::to_owned).collect()),
            ..Input::default()
        };
        let (live, updated, why) = (text(Field::Live), text(Field::Updated), text(Field::Reason));
        if input.issue.is_none() && !reading.told.iter().any(|field| field == "issue") {
            input.issue = Some(issue.unwrap_or(today).to_string());
        }
        input.live = reading.word(
            "live",
            live.as_deref(),
            &[("true", true), ("false", false), ("t", true), ("f", false), ("1", true), ("0", false)],
            self.options.live,
        );
        let why = reading.word("reason", why.as_deref(), Why::ALL, Why::First);
        let updated = updated.and_then(|text| reading.date("updated", &text));
        let fields = self.images(row, &mut input, reading);

        quality::of_texts(&input, &mut reading.reasons);
        quality::of_dates(&input, today, updated, max_age, &mut reading.reasons);
        if self.profile.files.has(13) {
            quality::of_residence(&input, &mut reading.reasons);
        }
        for (field, name) in &fields {
            if let Some(Ok(found)) = reading.files.get(name) {
                quality::of_image(field.name(), *field == Field::Photo, &found.bytes, decode, &mut reading.reasons);
            }
        }
        let files = &reading.files;
        let mut load = |name: &str| match files.get(name) {
            Some(Ok(found)) => Ok(found.bytes.clone()),
            Some(Err(detail)) => Err(detail.clone()),
            None => Err("no such file".to_owned()),
        };
        let record = match Record::new(&input, self.profile, today, &mut load) {
            Ok(record) => record,
            Err(problems) => {
                let told = &reading.told;
                // a field whose text was refused already is not also missing
                let known = |rule: Rule, field: &str, expected: &str| {
                    (rule == Rule::Required && told.iter().any(|told| told == field))
                        || (rule == Rule::ImageFile
                            && expected.strip_prefix("the file ").is_some_and(|file| told.iter().any(|told| told == file)))
                };
                let new = problems.into_iter().filter(|problem| !known(problem.rule, problem.field, &problem.expected));
                reading.reasons.extend(new.map(Reason::from));
                return None;
            }
        };
        if self.profile.mrz.long_name == LongName::Truncate && record.mrz().name_may_be_truncated() {
            reading.reasons.push(Reason::new(
                Quality::NameTruncated,
                "surname, given_names",
                "a name that the MRZ holds whole",
                "a longer one",
            ));
        }
        Some(self.accept(row, input, &fields, why, &record, reading))
    }

    /// Gets the images of a row and names them in `input` by their paths.
    fn images(&self, row: &Row, input: &mut Input, reading: &mut Reading) -> Vec<(Field, String)> {
        let mut fields = Vec::new();
        let mut total = 0;
        for field in Field::ALL.iter().copied().filter(|field| field.is_image()) {
            // what a list of problems calls it
            let group = match field {
                Field::Finger(_) => "fingers",
                Field::Iris(_) => "irises",
                _ => "photo",
            };
            let cell = match self.mapping.image(row, field) {
                Ok(None) => continue,
                Ok(Some(cell)) => cell,
                Err(reason) => {
                    reading.told.push(group.to_owned());
                    reading.reasons.push(reason);
                    continue;
                }
            };
            let name = if let super::mapping::ImageCell::Path(path) = &cell { path.clone() } else { field.name().to_owned() };
            let found = self.folder.get(field.name(), cell).map_err(|missing| match missing {
                Missing::Unreadable(detail) => detail,
                Missing::Reason(reason) => {
                    reading.told.push(name.clone());
                    reading.reasons.push(reason);
                    String::new()
                }
            });
            total += found.as_ref().map_or(0, |found| found.bytes.len());
            if total > image::MAX_IMAGES {
                let expected = format!("images of at most {} bytes in all", image::MAX_IMAGES);
                reading.reasons.push(Reason::new(Quality::ImageBytes, field.name(), expected, "more"));
                return fields;
            }
            reading.files.insert(name.clone(), found);
            match field {
                Field::Finger(position) => input.fingers.push(FingerInput { position, file: name.clone() }),
                Field::Iris(eye) => input.irises.push(IrisInput { eye, file: name.clone() }),
                _ => input.photo = Some(name.clone()),
            }
            fields.push((field, name));
        }
        fields
    }

    /// The record as the intake file has it, with its keys.
    fn accept(&self, row: &Row, mut input: Input, fields: &[(Field, String)], why: Why, record: &Record, reading: &Reading) -> Candidate {
        let mut images = BTreeMap::new();
        let mut digests = BTreeMap::new();
        for (field, name) in fields {
            if let Some(Ok(found)) = reading.files.get(name) {
                images.insert(field.name().to_owned(), found.image.clone());
                digests.insert(field.name(), found.digest);
            }
        }
        input.photo = Some(Field::Photo.name().to_owned());
        for finger in &mut input.fingers {
            finger.file = Field::Finger(finger.position).name().to_owned();
        }
        for iris in &mut input.irises {
            iris.file = Field::Iris(iris.eye).name().to_owned();
        }
        let document = record.mrz().content().document_number.clone();
        let person = record.number().map(|number| number.to_string());
        let mut keys = Vec::new();
        keys.extend(person.as_deref().map(|number| Key::exact(Kind::Number, number)));
        if self.profile.mrz.number == NumberRule::DocumentNumber {
            keys.push(Key::exact(Kind::Document, &document));
        }
        if let (Some(father), Some(mother)) = (&input.father, &input.mother) {
            let (name, birth) = (record.full_name().to_lowercase(), record.birth().to_string());
            let parents = [father, mother].map(|parent| parent.to_lowercase());
            let [father, mother] = &parents;
            keys.push(Key::hashed(Kind::Person, content(&[name.as_bytes(), birth.as_bytes(), father.as_bytes(), mother.as_bytes()])));
        }
        keys.extend(digests.get(Field::Photo.name()).map(|digest| Key::hashed(Kind::Portrait, *digest)));
        let text = serde_json::to_vec(&input).unwrap_or_default();
        let content = content(&std::iter::once(text.as_slice()).chain(digests.values().map(<[u8; 32]>::as_slice)).collect::<Vec<_>>());
        let accepted = Accepted { source: self.source, row: row.number, input, images, reason: why, replaces: None };
        let (person, document) = numbers(record, self.profile.mrz.number);
        Candidate { accepted, keys, content, person, document }
    }
}

impl Reading {
    /// A word of a list; `usual` if there is none.
    fn word<T: Copy>(&mut self, field: &str, text: Option<&str>, words: &[(&str, T)], usual: T) -> T {
        let Some(text) = text else { return usual };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let expected = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        self.reasons.push(Reason::new(Quality::RowForm, field, format!("one of {expected}"), quoted(text)));
        usual
    }

    fn date(&mut self, field: &str, text: &str) -> Option<Date> {
        let date = text.parse().ok();
        if date.is_none() {
            let expected = "a date YYYY-MM-DD that exists".to_owned();
            self.reasons.push(Reason { ground: Ground::Record(Rule::Date), field: field.to_owned(), expected, found: quoted(text) });
        }
        date
    }
}

impl Place {
    /// The place of a row of this source.
    pub(super) fn of(source: u32, row: u64) -> Result<Self, super::IntakeError> {
        Self::new(source, row).ok_or(super::IntakeError::TooMany)
    }
}
