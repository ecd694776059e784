//! Synthetic citizens from a seed: names with all tone marks, numbers of the test province, dates that fit a given day, drawn faces and
//! fingers. The same seed, index, and day give the same person for ever; nobody of them exists.
//!
//! A person of a batch has the index as part of the number, so that no two of a million have the same. Persons under 14 get what the law
//! of 2023 gives them: portrait and fingers from six years on, expiry at 14, no spouse, and no number of an earlier card.

use eid::date::Date;

use crate::perso::number::PersonalNumber;
use crate::perso::record::{FingerInput, FingerPosition, Input, Sex};

mod canvas;
mod dice;
mod face;
mod finger;
mod names;
mod places;
#[cfg(feature = "line")]
pub mod sheet;

use dice::Dice;

/// Youngest age in whole years.
pub const YOUNGEST: u16 = 6;
/// Oldest age in whole years.
pub const OLDEST: u16 = 90;

/// A synthetic person: a record and the files that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citizen {
    /// The record. Its `photo` and `fingers` name the files in [`files`](Self::files).
    pub input: Input,
    /// Portrait (JPEG, 300 x 400) and two index fingers (JPEG, 192 x 256, 8-bit grey), by name.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Citizen {
    /// The bytes of a file that the record names, as [`Record::new`](crate::perso::record::Record::new) asks for them.
    ///
    /// # Errors
    /// No such file, in words.
    pub fn load(&self, name: &str) -> Result<Vec<u8>, String> {
        let file = self.files.iter().find(|(file, _)| file == name);
        file.map(|(_, bytes)| bytes.clone()).ok_or_else(|| format!("no file {name}"))
    }
}

/// The record of person `index` of `seed`, with a card issued on `today`, and no images.
#[must_use]
pub fn record(seed: u64, index: u32, today: Date) -> Input {
    let mut dice = Dice::new(seed, index, "record");
    let sex = if dice.chance(50) { Sex::Male } else { Sex::Female };
    let age = YOUNGEST + dice.up_to(OLDEST - YOUNGEST);
    let birth = birth(&mut dice, age, today);
    let name = names::Person::new(&mut dice, sex, None);
    let father = names::Person::new(&mut dice, Sex::Male, Some(name.surname));
    let mother = names::Person::new(&mut dice, Sex::Female, None);
    let other = if sex == Sex::Male { Sex::Female } else { Sex::Male };
    let spouse = (age >= 22 && dice.chance(70)).then(|| names::Person::new(&mut dice, other, None).full());
    let old_number = (birth.year() <= 2001 && dice.chance(60)).then(|| format!("000{:06}", dice.below(1_000_000)));
    let ethnicity = places::ethnicity(&mut dice);
    let number = PersonalNumber::test(sex, birth, serial(seed, index));
    Input {
        number: Some(number.to_string()),
        document_number: Some(format!("X{:08}", serial(seed, index))),
        surname: Some(name.surname.to_owned()),
        given_names: Some(name.given()),
        birth: Some(birth.to_string()),
        sex: Some(sex.name().to_owned()),
        ethnicity: Some(ethnicity.to_owned()),
        religion: Some(places::religion(&mut dice).to_owned()),
        origin: Some(places::origin(&mut dice)),
        residence: Some(places::residence(&mut dice)),
        features: Some(places::features(&mut dice)),
        father: Some(father.full()),
        mother: Some(mother.full()),
        spouse,
        old_number,
        card_serial: Some(format!("{:08X}{:08X}", dice.word(), dice.word())),
        issue: Some(today.to_string()),
        photo: Some("portrait.jpg".to_owned()),
        fingers: [(FingerPosition::RightIndex, "right-index.jpg"), (FingerPosition::LeftIndex, "left-index.jpg")]
            .map(|(position, file)| FingerInput { position, file: file.to_owned() })
            .to_vec(),
        ..Input::default()
    }
}

/// Person `index` of `seed` with portrait and fingers, card issued on `today`.
#[must_use]
pub fn citizen(seed: u64, index: u32, today: Date) -> Citizen {
    let input = record(seed, index, today);
    let birth: Date = input.birth.as_deref().and_then(|text| text.parse().ok()).unwrap_or(today);
    let age = u16::try_from((today.days() - birth.days()) / 365).unwrap_or_default();
    let female = input.sex.as_deref() == Some(Sex::Female.name());
    let mut files = vec![("portrait.jpg".to_owned(), face::draw(&mut Dice::new(seed, index, "face"), age, female))];
    files.extend(input.fingers.iter().map(|finger| {
        let purpose = if finger.position == FingerPosition::RightIndex { "right index" } else { "left index" };
        (finger.file.clone(), finger::draw(&mut Dice::new(seed, index, purpose)))
    }));
    Citizen { input, files }
}

/// Six digits, different for every index below a million: 387,421 and 1,000,000 have no common divisor.
fn serial(seed: u64, index: u32) -> u32 {
    let start = Dice::new(seed, 0, "numbers").below(1_000_000);
    let sum = (u64::from(start) + u64::from(index) * 387_421) % 1_000_000;
    u32::try_from(sum).unwrap_or_default()
}

/// A day of birth of somebody who is `age` years old on `today`.
fn birth(dice: &mut Dice, age: u16, today: Date) -> Date {
    let latest = today.plus_years(-i32::from(age));
    let earliest = today.plus_years(-i32::from(age) - 1).plus_days(1);
    let span = u32::try_from(latest.days() - earliest.days()).unwrap_or_default();
    earliest.plus_days(i64::from(dice.below(span + 1)))
}

#[cfg(test)]
mod tests;
