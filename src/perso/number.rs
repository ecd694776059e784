//! The 12-digit personal number (Decree 137/2015 Art. 13, Circular 07/2016/TT-BCA): province, century and sex, year, six random digits.
//!
//! There is no check digit. A number whose province does not exist, or that contradicts sex or birth year, is refused on issuing:
//! a corrected birth date or sex gives a new number by law, so a valid record cannot contradict its number.

use std::fmt;

use eid::date::Date;
use serde::{Deserialize, Serialize};

use super::tables;

/// Sex as the number and the MRZ state it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sex {
    /// M in the MRZ, Nam in DG13.
    Male,
    /// F in the MRZ, Nữ in DG13.
    Female,
}

impl Sex {
    /// `male` or `female`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
        }
    }
}

/// A number of 12 digits whose first four have a meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonalNumber([u8; 12]);

/// Why a number is refused: what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not 12 digits.
    #[error("expected 12 digits, found {found:?}")]
    Digits {
        /// The text, at most 32 characters of it.
        found: String,
    },
    /// The first three digits name no province, no state of birth, and not the test code.
    #[error(
        "expected a province code (one of 63 from 001 to 096), 101 to 295 for births abroad, or {:03} for tests in digits 1 to 3, found {found:03}",
        tables::TEST_PROVINCE
    )]
    Province {
        /// The three digits.
        found: u16,
    },
    /// The fourth digit is not that of sex and century of birth.
    #[error("expected digit 4 to be {expected} for {sex} born in {year}, found {found}")]
    CenturySex {
        /// The digit that sex and birth date ask for.
        expected: u8,
        /// `male` or `female`.
        sex: &'static str,
        /// Year of birth.
        year: u16,
        /// The digit in the number.
        found: u8,
    },
    /// Digits 5 and 6 are not the year of birth.
    #[error("expected digits 5 and 6 to be {expected:02} for a birth in {year}, found {found:02}")]
    Year {
        /// Last two digits of the year of birth.
        expected: u16,
        /// Year of birth.
        year: u16,
        /// The digits in the number.
        found: u16,
    },
}

impl PersonalNumber {
    /// Reads 12 digits and checks the province code.
    ///
    /// # Errors
    /// [`NumberError::Digits`] or [`NumberError::Province`].
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let digits: [u8; 12] = text
            .as_bytes()
            .try_into()
            .ok()
            .filter(|bytes: &[u8; 12]| bytes.iter().all(u8::is_ascii_digit))
            .ok_or_else(|| NumberError::Digits { found: text.chars().take(32).collect() })?;
        let number = Self(digits);
        let found = number.province_code();
        if tables::birth_province(found).is_some() || tables::ABROAD.contains(&found) || found == tables::TEST_PROVINCE {
            Ok(number)
        } else {
            Err(NumberError::Province { found })
        }
    }

    /// A number of the test province for a person, with six free digits (0 to 999,999; higher digits are dropped).
    #[must_use]
    pub fn test(sex: Sex, birth: Date, serial: u32) -> Self {
        let text =
            format!("{:03}{}{:02}{:06}", tables::TEST_PROVINCE, century_sex_digit(sex, birth), birth.year() % 100, serial % 1_000_000);
        let mut digits = [b'0'; 12];
        digits.iter_mut().zip(text.bytes()).for_each(|(digit, byte)| *digit = byte);
        Self(digits)
    }

    /// Checks digits 4 to 6 against sex and birth date.
    ///
    /// # Errors
    /// [`NumberError::CenturySex`] or [`NumberError::Year`].
    pub fn check_person(&self, sex: Sex, birth: Date) -> Result<(), NumberError> {
        let (expected, found) = (century_sex_digit(sex, birth), self.digit(3));
        if expected != found {
            return Err(NumberError::CenturySex { expected, sex: sex.name(), year: birth.year(), found });
        }
        let (expected, found) = (birth.year() % 100, u16::from(self.digit(4)) * 10 + u16::from(self.digit(5)));
        if expected == found { Ok(()) } else { Err(NumberError::Year { expected, year: birth.year(), found }) }
    }

    /// The first three digits.
    #[must_use]
    pub fn province_code(&self) -> u16 {
        (0..3).fold(0, |code, at| code * 10 + u16::from(self.digit(at)))
    }

    /// All 12 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The last nine digits: the document number of the MRZ.
    #[must_use]
    pub fn document_number(&self) -> &str {
        self.as_str().get(3..).unwrap_or_default()
    }

    /// The last six digits: the CAN of the card.
    #[must_use]
    pub fn can(&self) -> &str {
        self.as_str().get(6..).unwrap_or_default()
    }

    fn digit(&self, at: usize) -> u8 {
        self.0.get(at).map_or(0, |byte| byte.wrapping_sub(b'0'))
    }
}

impl fmt::Display for PersonalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PersonalNumber {
    /// The last six digits are the CAN and are masked: 0995 05 ******.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}******", self.as_str().get(..6).unwrap_or_default())
    }
}

/// Digit 4: 0 and 1 for men and women born 1900 to 1999, 2 and 3 for 2000 to 2099, up to 8 and 9 for 2300 to 2399.
fn century_sex_digit(sex: Sex, birth: Date) -> u8 {
    let century = u8::try_from((birth.year() / 100).saturating_sub(19) % 5).unwrap_or_default();
    century * 2 + u8::from(sex == Sex::Female)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().expect("a date")
    }

    /// The synthetic person of the collected DG13: 079505000123, female, born 05/01/2105.
    #[test]
    fn the_worked_example_gives_document_number_and_can() {
        let number = PersonalNumber::parse("079505000123").expect("valid");
        number.check_person(Sex::Female, date("2105-01-05")).expect("fits the person");
        assert_eq!((number.document_number(), number.can(), number.province_code()), ("505000123", "000123", 79));
    }

    #[test]
    fn every_refusal_says_expected_and_found() {
        let parse = |text: &str| PersonalNumber::parse(text).expect_err(text).to_string();
        assert_eq!(parse("07950500012"), r#"expected 12 digits, found "07950500012""#);
        assert_eq!(parse("07950500O123"), r#"expected 12 digits, found "07950500O123""#);
        assert_eq!(
            parse("003505000123"),
            "expected a province code (one of 63 from 001 to 096), 101 to 295 for births abroad, or 099 for tests in digits 1 to 3, found 003"
        );
        let number = PersonalNumber::parse("079505000123").expect("valid");
        let check = |sex, birth| number.check_person(sex, date(birth)).expect_err("contradiction").to_string();
        assert_eq!(check(Sex::Male, "2105-01-05"), "expected digit 4 to be 4 for male born in 2105, found 5");
        assert_eq!(check(Sex::Female, "2005-01-05"), "expected digit 4 to be 3 for female born in 2005, found 5");
        assert_eq!(check(Sex::Female, "2106-01-05"), "expected digits 5 and 6 to be 06 for a birth in 2106, found 05");
    }

    /// `pin_century_sex_digit.csv`, all ten rows.
    #[test]
    fn the_century_digit_follows_the_table() {
        for (digit, sex, from) in
            [(0, Sex::Male, 1900), (1, Sex::Female, 1900), (2, Sex::Male, 2000), (3, Sex::Female, 2000), (4, Sex::Male, 2100)]
                .into_iter()
                .chain([(5, Sex::Female, 2100), (6, Sex::Male, 2200), (7, Sex::Female, 2200), (8, Sex::Male, 2300), (9, Sex::Female, 2300)])
        {
            for year in [from, from + 99] {
                let birth = Date::new(year, 6, 1).expect("a day");
                assert_eq!(century_sex_digit(sex, birth), digit);
                PersonalNumber::test(sex, birth, 42).check_person(sex, birth).expect("own numbers fit");
            }
        }
    }

    #[test]
    fn debug_output_masks_the_can() {
        assert_eq!(format!("{:?}", PersonalNumber::parse("079505000123").expect("valid")), "079505******");
    }
}
