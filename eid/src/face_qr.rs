//! The QR text on the faces of the Vietnamese identity cards (Circular 06/2021/TT-BCA, front of the card; Circular 16/2024/TT-BCA, back):
//! fields separated by `|`, UTF-8, unsigned. It proves nothing by itself; what it says is compared with the chip.
//!
//! ```text
//! number | number of the old card | full name | birth ddMMyyyy | Nam or Nữ | residence | issue ddMMyyyy | others …
//! ```
//!
//! A card without an old number leaves the second field empty. Read and reported: a text that leaves that field out, dates with slashes,
//! blanks around fields. The card of 2024 adds fields (cancelled numbers, names of the parents) whose order is not published: they are kept
//! in [`FaceQr::others`]. Refused: more than [`MAX_BYTES`] or [`MAX_FIELDS`], control characters, a number that is not 12 digits, a date or
//! sex that is none. The text holds personal data; [`std::fmt::Debug`] does not show it.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use crate::mrz::Sex;
use crate::quirk::Quirk;

/// Longest text that is read.
pub const MAX_BYTES: usize = 2048;
/// Most fields that are read.
pub const MAX_FIELDS: usize = 24;

/// What the text says.
#[derive(Clone, PartialEq, Eq)]
pub struct FaceQr {
    /// Personal number, 12 digits.
    pub number: String,
    /// Number of the old card, 9 or 12 digits; empty if there is none.
    pub old_number: String,
    /// Full name with tone marks, in NFC.
    pub full_name: String,
    /// Date of birth.
    pub birth: PrintedDate,
    /// Sex.
    pub sex: Sex,
    /// Place of residence (2021: nơi thường trú; 2024: nơi cư trú), in NFC.
    pub residence: String,
    /// Date of issue; `None` if the field is empty or absent.
    pub issue: Option<PrintedDate>,
    /// Further fields as they stand, in NFC.
    pub others: Vec<String>,
}

impl fmt::Debug for FaceQr {
    /// Province, sex, and year of the number, and nothing else: the last digits open the chip.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaceQr({}******)", self.number.get(..6).unwrap_or_default())
    }
}

/// A date as Vietnamese cards write it; day and month may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrintedDate {
    /// Four digits.
    pub year: u16,
    /// 1 to 12.
    pub month: Option<u8>,
    /// 1 to 31.
    pub day: Option<u8>,
}

impl PrintedDate {
    /// Reads `ddMMyyyy`, `dd/MM/yyyy`, `MM/yyyy`, or `yyyy`; `00` stands for an unknown day or month.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (day, month, year) = match text.len() {
            8 => (text.get(..2)?, text.get(2..4)?, text.get(4..)?),
            10 => {
                let mut parts = text.split('/');
                let date = (parts.next()?, parts.next()?, parts.next()?);
                (parts.next().is_none() && date.0.len() == 2 && date.1.len() == 2).then_some(date)?
            }
            7 => text.split_once('/').filter(|(month, _)| month.len() == 2).map(|(month, year)| ("00", month, year))?,
            4 => ("00", "00", text),
            _ => return None,
        };
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u16>().ok())?;
        let part = |text: &str, max: u16| number(text).filter(|&value| value <= max).and_then(|value| u8::try_from(value).ok());
        let (day, month) = (part(day, 31)?, part(month, 12)?);
        let year = number(year).filter(|year| (1000..=9999).contains(year))?;
        Some(Self { year, month: Some(month).filter(|&m| m > 0), day: Some(day).filter(|&d| d > 0) })
    }

    /// The day, if all of it is known and exists.
    #[must_use]
    pub fn day_of(self) -> Option<crate::date::Date> {
        crate::date::Date::new(self.year, self.month?, self.day?).ok()
    }

    /// Whether both can be the same day: unknown parts fit everything.
    #[must_use]
    pub fn fits(self, other: Self) -> bool {
        let same = |a: Option<u8>, b: Option<u8>| a.zip(b).is_none_or(|(a, b)| a == b);
        self.year == other.year && same(self.month, other.month) && same(self.day, other.day)
    }
}

impl From<crate::date::Date> for PrintedDate {
    fn from(date: crate::date::Date) -> Self {
        Self { year: date.year(), month: Some(date.month()), day: Some(date.day()) }
    }
}

impl fmt::Display for PrintedDate {
    /// `dd/MM/yyyy`, with `00` for what is unknown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:02}/{:04}", self.day.unwrap_or(0), self.month.unwrap_or(0), self.year)
    }
}

/// Why a text is not that of a card's face. The message shows no content: it is personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaceQrError {
    /// Too long.
    #[error("QR text: expected at most {MAX_BYTES} bytes, found {found}")]
    Length {
        /// Bytes found.
        found: usize,
    },
    /// Too few or too many fields.
    #[error("QR text: expected 6 to {MAX_FIELDS} fields separated by |, found {found}")]
    Fields {
        /// Fields found.
        found: usize,
    },
    /// A control character.
    #[error("QR text: control character U+{code:04X} at character {at}")]
    Control {
        /// Position from 1.
        at: usize,
        /// The character.
        code: u32,
    },
    /// A field with other content.
    #[error("QR text, field {field}: expected {expected}, found {found} characters of another form")]
    Field {
        /// Number of the field, from 1.
        field: usize,
        /// What it should be.
        expected: &'static str,
        /// Characters found.
        found: usize,
    },
}

impl FaceQr {
    /// Reads the text as a scanner gives it, and adds the tolerances used to `quirks`.
    ///
    /// # Errors
    /// Any [`FaceQrError`].
    pub fn read(text: &str, quirks: &mut Vec<Quirk>) -> Result<Self, FaceQrError> {
        if text.len() > MAX_BYTES {
            return Err(FaceQrError::Length { found: text.len() });
        }
        let text: String = text.trim_start_matches('\u{FEFF}').trim().nfc().collect();
        if let Some((at, found)) = text.chars().enumerate().find(|(_, c)| c.is_control()) {
            return Err(FaceQrError::Control { at: at + 1, code: found.into() });
        }
        let mut fields: Vec<&str> = text.split('|').collect();
        let count = fields.len();
        if fields.iter().any(|field| field.trim() != *field) {
            quirks.push(Quirk::new("face_qr.blanks", "QR text"));
            fields.iter_mut().for_each(|field| *field = field.trim());
        }
        // a text without the field of the old number has a name in its place
        let shifted = fields.get(1).is_some_and(|field| field.chars().any(char::is_alphabetic));
        if shifted {
            quirks.push(Quirk::new("face_qr.no-old-number-field", "QR text field 2"));
            fields.insert(1, "");
        }
        if !(6..=MAX_FIELDS).contains(&count) || fields.len() < 7 {
            return Err(FaceQrError::Fields { found: count });
        }
        let place = |at: usize| if shifted && at > 1 { at } else { at + 1 };
        let wrong = |at: usize, expected| {
            let found = fields.get(at).map_or(0, |field| field.chars().count());
            FaceQrError::Field { field: place(at), expected, found }
        };
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        let digits = |text: &str, len: usize| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(field(0), 12) {
            return Err(wrong(0, "12 digits"));
        }
        if !(field(1).is_empty() || digits(field(1), 9) || digits(field(1), 12)) {
            return Err(wrong(1, "9 or 12 digits, or nothing"));
        }
        if !field(2).chars().any(char::is_alphabetic) {
            return Err(wrong(2, "a name"));
        }
        let mut date = |at: usize, empty: bool| {
            let text = field(at);
            if text.contains('/') {
                quirks.push(Quirk::new("face_qr.date-form", format!("QR text field {}", place(at))));
            }
            match PrintedDate::parse(text) {
                Some(date) => Ok(Some(date)),
                None if empty && text.is_empty() => Ok(None),
                None => Err(wrong(at, "ddMMyyyy")),
            }
        };
        let birth = date(3, false)?.ok_or_else(|| wrong(3, "ddMMyyyy"))?;
        let issue = date(6, true)?;
        let sex = sex(field(4)).ok_or_else(|| wrong(4, "Nam or Nữ"))?;
        Ok(Self {
            number: field(0).to_owned(),
            old_number: field(1).to_owned(),
            full_name: field(2).to_owned(),
            birth,
            sex,
            residence: field(5).to_owned(),
            issue,
            others: fields.iter().skip(7).map(|field| (*field).to_owned()).collect(),
        })
    }

    /// The text for the printer of the card.
    #[must_use]
    pub fn encode(&self) -> String {
        let date = |date: PrintedDate| date.to_string().replace('/', "");
        let fields = [
            self.number.clone(),
            self.old_number.clone(),
            self.full_name.clone(),
            date(self.birth),
            if self.sex == Sex::Male { "Nam" } else { "Nữ" }.to_owned(),
            self.residence.clone(),
            self.issue.map(date).unwrap_or_default(),
        ];
        let all: Vec<String> = fields.into_iter().chain(self.others.iter().cloned()).map(|field| field.replace('|', " ")).collect();
        all.join("|")
    }

    /// Names and values for people.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let field = |name: &str, value: String| (name.to_owned(), value);
        let mut fields = vec![
            field("personal number", self.number.clone()),
            field("old identity number", self.old_number.clone()),
            field("full name", self.full_name.clone()),
            field("date of birth", self.birth.to_string()),
            field("sex", if self.sex == Sex::Male { "Nam" } else { "Nữ" }.to_owned()),
            field("place of residence", self.residence.clone()),
            field("date of issue", self.issue.map(|date| date.to_string()).unwrap_or_default()),
        ];
        fields.retain(|(_, value)| !value.is_empty());
        fields.extend(self.others.iter().enumerate().map(|(n, other)| (format!("field {}", n + 8), other.clone())));
        fields
    }
}

/// `Nam` is male, `Nữ` is female, in any case and composition.
#[must_use]
pub fn sex(text: &str) -> Option<Sex> {
    match text.trim().nfc().collect::<String>().to_lowercase().as_str() {
        "nam" => Some(Sex::Male),
        "nữ" => Some(Sex::Female),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The synthetic person of the collected facts.
    const CARD: &str = "079505000123||Phạm Thị Ước Mẫu|05012105|Nữ|Số 1 Đường Mẫu, Phường Mẫu, Thành phố Mẫu|10022121";

    fn read(text: &str) -> (FaceQr, Vec<&'static str>) {
        let mut quirks = Vec::new();
        let qr = FaceQr::read(text, &mut quirks).unwrap_or_else(|error| panic!("{text}: {error}"));
        (qr, quirks.iter().map(|quirk| quirk.rule).collect())
    }

    #[test]
    fn the_text_of_2021_reads_and_is_written_again() {
        let (qr, quirks) = read(CARD);
        assert_eq!((qr.number.as_str(), qr.old_number.as_str(), qr.full_name.as_str()), ("079505000123", "", "Phạm Thị Ước Mẫu"));
        assert_eq!(
            (qr.birth.to_string(), qr.sex, qr.issue.map(|date| date.to_string())),
            ("05/01/2105".to_owned(), Sex::Female, Some("10/02/2121".to_owned()))
        );
        assert_eq!((qr.residence.as_str(), qr.others.len()), ("Số 1 Đường Mẫu, Phường Mẫu, Thành phố Mẫu", 0));
        assert_eq!((qr.encode().as_str(), quirks), (CARD, vec![]));
        assert_eq!(format!("{qr:?}"), "FaceQr(079505******)");
    }

    #[test]
    fn what_scanners_and_older_writers_do_is_read_and_reported() {
        let (plain, _) = read(CARD);
        assert_eq!(read(&CARD.replace("||", "|")), (plain.clone(), vec!["face_qr.no-old-number-field"]));
        assert_eq!(read(&CARD.replace("05012105", "05/01/2105")), (plain.clone(), vec!["face_qr.date-form"]));
        assert_eq!(read(&format!("\u{FEFF}{}\r\n", CARD.replace('|', " | "))), (plain.clone(), vec!["face_qr.blanks"]));
        assert_eq!(read(&CARD.nfd().collect::<String>()), (plain, vec![]));
        assert_eq!(read(&CARD.replace("||", "|000000000|")).0.old_number, "000000000");
        assert_eq!(read(&CARD.replace("10022121", "")).0.issue, None);
    }

    /// The card of 2024 has more fields; their order is not published.
    #[test]
    fn further_fields_of_2024_are_kept_as_they_stand() {
        let (qr, quirks) = read(&format!("{CARD}|099505000456|Phạm Văn Mẫu Cha|Đỗ Thị Mẫu Mẹ"));
        assert_eq!(
            (qr.others.as_slice(), quirks),
            (&["099505000456".to_owned(), "Phạm Văn Mẫu Cha".to_owned(), "Đỗ Thị Mẫu Mẹ".to_owned()][..], vec![])
        );
        assert_eq!(qr.fields()[7], ("field 9".to_owned(), "Phạm Văn Mẫu Cha".to_owned()));
    }

    #[test]
    fn other_texts_are_refused_without_showing_them() {
        let error = |text: &str| FaceQr::read(text, &mut Vec::new()).expect_err(text).to_string();
        assert_eq!(error("https://example.org"), "QR text: expected 6 to 24 fields separated by |, found 1");
        assert_eq!(error(&CARD.replacen("079", "O79", 1)), "QR text, field 1: expected 12 digits, found 12 characters of another form");
        assert_eq!(
            error(&CARD.replace("||", "|1234|")),
            "QR text, field 2: expected 9 or 12 digits, or nothing, found 4 characters of another form"
        );
        assert_eq!(error(&CARD.replace("05012105", "32012105")), "QR text, field 4: expected ddMMyyyy, found 8 characters of another form");
        assert_eq!(error(&CARD.replace("Nữ", "F")), "QR text, field 5: expected Nam or Nữ, found 1 characters of another form");
        assert_eq!(error(&CARD.replace("||Phạm", "||\u{1B}[2JPhạm")), "QR text: control character U+001B at character 15");
        assert_eq!(error(&format!("{CARD}{}", "|x".repeat(18))), "QR text: expected 6 to 24 fields separated by |, found 25");
        assert_eq!(error(&CARD.repeat(40)), format!("QR text: expected at most 2048 bytes, found {}", CARD.len() * 40));
        assert_eq!(
            error(&CARD.replace("||Phạm Thị Ước Mẫu", "||")),
            "QR text, field 3: expected a name, found 0 characters of another form"
        );
    }

    #[test]
    fn dates_know_what_they_do_not_know() {
        let date = |text| PrintedDate::parse(text).map(|date| (date.year, date.month, date.day));
        assert_eq!(date("00002105"), Some((2105, None, None)));
        assert_eq!((date("01/2105"), date("2105")), (Some((2105, Some(1), None)), Some((2105, None, None))));
        assert_eq!((date("5/01/21050"), date("31132105"), date("+1012105"), date("0501210é")), (None, None, None, None));
        let known = |text| PrintedDate::parse(text).expect("a date");
        assert!(known("2105").fits(known("05012105")) && !known("04012105").fits(known("05012105")));
        assert_eq!(
            (known("30022105").day_of(), known("28022105").day_of().map(|day| day.to_string())),
            (None, Some("2105-02-28".to_owned()))
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}", at in 0usize..90, insert in "\\PC{0,4}") {
            let _ = FaceQr::read(&text, &mut Vec::new());
            let mut mutated: Vec<char> = CARD.chars().collect();
            mutated.splice(at..at, insert.chars());
            let mutated: String = mutated.into_iter().collect();
            if let Ok(qr) = FaceQr::read(&mutated, &mut Vec::new()) {
                prop_assert_eq!(FaceQr::read(&qr.encode(), &mut Vec::new()), Ok(qr));
            }
        }
    }
}
