//! The sixteen known fields by name.

use super::{Dg13, Field, Text, Value};

/// What the card says about its holder. Every field may be absent; cards of 2024 leave several of them out or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// 1: personal number, 12 digits.
    pub personal_number: Option<String>,
    /// 2: full name with tone marks.
    pub full_name: Option<String>,
    /// 3: date of birth, `dd/MM/yyyy`.
    pub date_of_birth: Option<String>,
    /// 4: `Nam` or `Nữ`.
    pub sex: Option<String>,
    /// 5: nationality: `Việt Nam`.
    pub nationality: Option<String>,
    /// 6: ethnic group: `Kinh`.
    pub ethnicity: Option<String>,
    /// 7: religion: `Không`.
    pub religion: Option<String>,
    /// 8: place of origin (quê quán).
    pub place_of_origin: Option<String>,
    /// 9: place of residence (nơi thường trú).
    pub place_of_residence: Option<String>,
    /// 10: identifying features (đặc điểm nhận dạng).
    pub identifying_features: Option<String>,
    /// 11: date of issue, `dd/MM/yyyy`.
    pub date_of_issue: Option<String>,
    /// 12: date of expiry, `dd/MM/yyyy`.
    pub date_of_expiry: Option<String>,
    /// 13: father and mother.
    pub parents: Option<(String, String)>,
    /// 14: spouse.
    pub spouse: Option<String>,
    /// 15: old identity card number, 9 digits.
    pub old_number: Option<String>,
    /// 16: serial number of the chip, 16 hex digits.
    pub chip_serial: Option<String>,
}

impl Dg13 {
    /// The file for `person`, version 1, fields in the order of their numbers; digits, dates and serial numbers as PrintableString,
    /// everything else as UTF8String.
    #[must_use]
    pub fn new(person: &Person) -> Self {
        let one = |number, text: &Option<String>| {
            let make = if matches!(number, 1 | 3 | 11 | 12 | 15 | 16) { Text::printable } else { Text::utf8 };
            text.as_deref().map(|text| Field { number, value: Value::One(make(text)) })
        };
        let several = |number, texts: Vec<Text>| Field { number, value: Value::Several(texts) };
        let fields = [
            one(1, &person.personal_number),
            one(2, &person.full_name),
            one(3, &person.date_of_birth),
            one(4, &person.sex),
            one(5, &person.nationality),
            one(6, &person.ethnicity),
            one(7, &person.religion),
            one(8, &person.place_of_origin),
            one(9, &person.place_of_residence),
            one(10, &person.identifying_features),
            one(11, &person.date_of_issue),
            one(12, &person.date_of_expiry),
            person.parents.as_ref().map(|(father, mother)| several(13, vec![Text::utf8(father), Text::utf8(mother)])),
            person.spouse.as_ref().map(|spouse| several(14, vec![Text::utf8(spouse)])),
            one(15, &person.old_number),
            one(16, &person.chip_serial),
        ];
        Self { version: 1, numbered: fields.into_iter().flatten().collect() }
    }

    /// The known fields by name.
    #[must_use]
    pub fn person(&self) -> Person {
        let parents = self.field(13).and_then(|field| match &field.value {
            Value::Several(texts) => match texts.as_slice() {
                [father, mother] => Some((father.as_str().into_owned(), mother.as_str().into_owned())),
                _ => None,
            },
            _ => None,
        });
        Person {
            personal_number: self.text(1),
            full_name: self.text(2),
            date_of_birth: self.text(3),
            sex: self.text(4),
            nationality: self.text(5),
            ethnicity: self.text(6),
            religion: self.text(7),
            place_of_origin: self.text(8),
            place_of_residence: self.text(9),
            identifying_features: self.text(10),
            date_of_issue: self.text(11),
            date_of_expiry: self.text(12),
            parents,
            spouse: self.text(14),
            old_number: self.text(15),
            chip_serial: self.text(16),
        }
    }
}
