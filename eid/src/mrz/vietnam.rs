//! The MRZ of the Vietnamese identity card (TD1): the document number is the last 9 digits of the 12-digit personal number, the whole
//! number with a check digit of its own stands in the optional data of line 1.
//!
//! Two people can share the 9 digits; whoever identifies a person uses [`personal_number`].

use super::{Content, Field, Format, Mrz, MrzDate, MrzError, Name, Sex, check_digit};

/// Country code of the issuer and of the nationality.
pub const STATE: &str = "VNM";

/// Splits a full Vietnamese name: the first word is the surname, the others follow in their order.
///
/// # Errors
/// A letter without transliteration, or no letter at all.
pub fn name(full_name: &str) -> Result<Name, MrzError> {
    let (surname, rest) = full_name.trim().split_once(char::is_whitespace).unwrap_or((full_name.trim(), ""));
    Name::new(surname, rest)
}

/// The MRZ of an identity card.
///
/// # Errors
/// [`MrzError::Value`] unless `personal_number` is 12 digits; a name that cannot be transliterated.
pub fn identity_card(
    personal_number: &str,
    full_name: &str,
    sex: Sex,
    date_of_birth: MrzDate,
    date_of_expiry: MrzDate,
) -> Result<Mrz, MrzError> {
    if personal_number.len() != 12 || !personal_number.bytes().all(|b| b.is_ascii_digit()) {
        let expected = "a personal number of 12 digits".to_owned();
        return Err(MrzError::Value { field: Field::OptionalData, expected, found: personal_number.to_owned() });
    }
    Mrz::write(
        Format::Td1,
        Content {
            document_code: "ID".to_owned(),
            issuer: STATE.to_owned(),
            document_number: personal_number.get(3..).unwrap_or_default().to_owned(),
            date_of_birth,
            sex,
            date_of_expiry,
            nationality: STATE.to_owned(),
            optional_data: format!("{personal_number}<<{}", check_digit(personal_number)),
            optional_data_2: String::new(),
            name: name(full_name)?,
        },
    )
}

/// The 12-digit personal number in the MRZ of a Vietnamese identity card, if its check digit is right and its end is the document number.
///
/// # Errors
/// The MRZ is of another kind ([`MrzError::Value`]), or the check digit is wrong ([`MrzError::CheckDigit`]).
pub fn personal_number(mrz: &Mrz) -> Result<&str, MrzError> {
    let content = mrz.content();
    let optional = mrz.text().get(15..30).unwrap_or_default();
    let error = || MrzError::Value {
        field: Field::OptionalData,
        expected: "12 digits that end with the document number, << and a check digit, in a TD1 MRZ of VNM".to_owned(),
        found: optional.to_owned(),
    };
    let number = optional.get(..12).filter(|n| n.bytes().all(|b| b.is_ascii_digit())).ok_or_else(error)?;
    let same = number.get(3..) == Some(content.document_number.as_str());
    if mrz.format() != Format::Td1 || content.issuer != STATE || !same || optional.get(12..14) != Some("<<") {
        return Err(error());
    }
    let found = optional.chars().last().unwrap_or('<');
    let expected = check_digit(number);
    if found == expected {
        Ok(number)
    } else {
        Err(MrzError::CheckDigit { field: Field::OptionalData, line: 1, column: 30, expected, found })
    }
}

/// First three digits of a personal number that stand for no province: synthetic persons have them.
pub const TEST_PROVINCE: u16 = 99;

/// First three digits for births registered abroad.
pub const ABROAD: std::ops::RangeInclusive<u16> = 101..=295;

/// First three digits of the 63 provinces of birth registration (Circular 07/2016/TT-BCA, annex 1).
#[rustfmt::skip]
const PROVINCES: [u8; 63] = [
    1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34, 35, 36, 37, 38, 40, 42, 44, 45, 46, 48, 49, 51, 52,
    54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77, 79, 80, 82, 83, 84, 86, 87, 89, 91, 92, 93, 94, 95, 96,
];

/// What the first six digits of a personal number say (Decree 137/2015 art. 13, Circular 07/2016): there is no check digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberHead {
    /// First three digits.
    pub province: u16,
    /// Sex, by the fourth digit.
    pub sex: Sex,
    /// Year of birth, by digits four to six: 1900 to 2399.
    pub year: u16,
}

impl NumberHead {
    /// Reads a number; `None` unless it is 12 digits.
    #[must_use]
    pub fn of(number: &str) -> Option<Self> {
        let digits: [u8; 12] = number.as_bytes().try_into().ok().filter(|digits: &[u8; 12]| digits.iter().all(u8::is_ascii_digit))?;
        let [a, b, c, century, tens, ones, ..] = digits.map(|digit| u16::from(digit - b'0'));
        let sex = if century % 2 == 0 { Sex::Male } else { Sex::Female };
        Some(Self { province: a * 100 + b * 10 + c, sex, year: 1900 + century / 2 * 100 + tens * 10 + ones })
    }

    /// Whether the first three digits are those of a province or of a birth abroad.
    #[must_use]
    pub fn province_is_known(self) -> bool {
        u8::try_from(self.province).is_ok_and(|code| PROVINCES.contains(&code)) || ABROAD.contains(&self.province)
    }
}
