//! How names and dates of different files are compared.

use unicode_normalization::UnicodeNormalization as _;

use crate::face_qr::PrintedDate;
use crate::mrz::{Mrz, MrzDate, Name, transliterate};

/// How two names relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// The same words.
    Same,
    /// The one in the MRZ is a lawful truncation of the other.
    Truncated,
    /// Some words are the same, or all in another order.
    InPart,
    /// No word is the same.
    Different,
    /// The other one has letters without a transliteration.
    OtherScript,
}

/// A full name in national letters against the name of the MRZ, letter by letter after transliteration. `full` may hold fillers.
pub(super) fn names(full: &str, mrz: &Mrz) -> Names {
    let Ok(letters) = transliterate(&full.replace('<', " ")) else { return Names::OtherScript };
    let words = |text: &str| text.split(['<', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let content = &mrz.content().name;
    let (full, short) = (words(&letters), words(&format!("{} {}", content.primary(), content.secondary())));
    if full.is_empty() || short.is_empty() {
        return Names::Different;
    }
    let same = |a: &[String], b: &[String]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| spelled(a) == spelled(b));
    if same(&full, &short) {
        Names::Same
    } else if mrz.name_may_be_truncated() && cut(&full, &short) {
        Names::Truncated
    } else if full.iter().any(|word| short.iter().any(|other| spelled(word) == spelled(other))) {
        Names::InPart
    } else {
        Names::Different
    }
}

/// Doc 9303-3 clause 6 offers a choice for some letters: `AE` or `A` for Ä. A spelling without the second letter stands for both.
fn spelled(word: &str) -> String {
    word.replace("AE", "A")
        .replace("OE", "O")
        .replace("UE", "U")
        .replace("UXX", "U")
        .replace("NXX", "N")
        .replace("AA", "A")
        .replace("SS", "S")
}

/// Whether each word of `short` begins a word of `full`, in the same order (Doc 9303-3 §4.6: letters are taken away, never added).
fn cut(full: &[String], short: &[String]) -> bool {
    let mut rest = full.iter();
    short.iter().all(|word| rest.any(|other| other.starts_with(word.as_str())))
}

/// Whether two names are the same but for composition, case, and blanks.
pub(super) fn same_text(a: &str, b: &str) -> bool {
    folded(a) == folded(b)
}

/// Whether two names are the same without their marks.
pub(super) fn same_letters(a: &str, b: &str) -> bool {
    Name::new(a, "").ok().zip(Name::new(b, "").ok()).is_some_and(|(a, b)| a == b)
}

/// Letters and digits only, in NFC and lower case: free text is compared without its punctuation.
pub(super) fn folded(text: &str) -> String {
    let lower: String = text.nfc().collect::<String>().to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether a date of the MRZ, which has no century, can be that day; unknown parts fit everything.
pub(super) fn dates(mrz: MrzDate, date: PrintedDate) -> bool {
    let same = |a: Option<u8>, b: Option<u8>| a.zip(b).is_none_or(|(a, b)| a == b);
    let year = u8::try_from(date.year % 100).ok();
    same(mrz.year(), year) && same(mrz.month(), date.month) && same(mrz.day(), date.day)
}

/// `YYYYMMDD` of DG11 and DG12, with `00` for unknown parts.
pub(super) fn eight_digits(digits: &str) -> Option<PrintedDate> {
    let (year, rest) = digits.get(..8)?.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    PrintedDate::parse(&format!("{day}{month}{year}"))
}
