//! What a record alone does not say: texts from a wrong character set, provinces that were merged, ages, and pixels.

use eid::date::Date;
use eid::lds::biometrics::image::sniff;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::rules::{Quality, Reason, quoted};
use crate::perso::record::Input;
use crate::perso::tables;
use crate::picture;

/// Oldest age in whole years that is believed.
pub(super) const OLDEST: i32 = 120;
/// Width and height of a portrait in pixels at least: the token image of ISO/IEC 19794-5.
pub(super) const PORTRAIT: (u32, u32) = (240, 320);
/// Width and height of a finger image in pixels at least.
pub(super) const FINGER: (u32, u32) = (128, 128);

/// First day on which a residence is in a province of today.
fn merger() -> Date {
    Date::new(2025, 7, 1).unwrap_or_else(|_| Date::from_days(0))
}

/// The texts of a record: those that come from forms, by field.
fn texts(input: &Input) -> impl Iterator<Item = (&'static str, &str)> {
    let fields = [
        ("surname", &input.surname),
        ("given_names", &input.given_names),
        ("religion", &input.religion),
        ("origin", &input.origin),
        ("residence", &input.residence),
        ("features", &input.features),
        ("father", &input.father),
        ("mother", &input.mother),
        ("spouse", &input.spouse),
    ];
    fields.into_iter().filter_map(|(field, text)| Some((field, text.as_deref()?)))
}

/// Characters that no text of a form has, and that a wrong character set leaves: the replacement character, and U+0080 to U+00BF, where every
/// letter of two or three bytes of UTF-8 puts its second byte if it is read as Latin-1.
fn is_garbled(character: char) -> bool {
    matches!(character, '\u{FFFD}' | '\u{80}'..='\u{BF}')
}

/// What the texts break.
pub(super) fn of_texts(input: &Input, reasons: &mut Vec<Reason>) {
    for (field, text) in texts(input) {
        if let Some(sign) = text.chars().find(|c| is_garbled(*c)) {
            let found = format!("U+{:04X}", u32::from(sign));
            reasons.push(Reason::new(Quality::TextGarbled, field, "letters, digits, and punctuation in UTF-8", found));
        }
        if !is_nfc(text) {
            reasons.push(Reason::new(Quality::TextComposed, field, "composed letters (NFC)", "decomposed ones"));
        }
    }
}

/// What the dates break. `updated` is the day on which the record was confirmed, `max_age` how many days that may be ago.
pub(super) fn of_dates(input: &Input, today: Date, updated: Option<Date>, max_age: Option<u32>, reasons: &mut Vec<Reason>) {
    let day = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Date>().ok());
    let empty = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    if let Some(birth) = day(&input.birth) {
        let issue = day(&input.issue).unwrap_or(today);
        if birth.plus_years(OLDEST + 1) <= today {
            reasons.push(Reason::new(Quality::AgeMaximum, "birth", format!("an age of at most {OLDEST} years"), birth.to_string()));
        }
        if birth <= issue && issue < birth.plus_years(14) && empty(&input.father) && empty(&input.mother) {
            reasons.push(Reason::new(Quality::ChildParent, "father, mother", "a name for a holder under 14", "none"));
        }
        if birth <= issue && issue < birth.plus_years(18) && !empty(&input.spouse) {
            reasons.push(Reason::new(Quality::ChildSpouse, "spouse", "none for a holder under 18", "one"));
        }
    }
    if let Some(updated) = updated {
        if updated > today {
            reasons.push(Reason::new(Quality::UpdatedAhead, "updated", format!("a day up to today {today}"), updated.to_string()));
        }
        if let Some(max_age) = max_age.filter(|days| updated.plus_days(i64::from(*days)) < today) {
            let expected = format!("a day not more than {max_age} days before today {today}");
            reasons.push(Reason::new(Quality::Stale, "updated", expected, updated.to_string()));
        }
    }
}

/// Whether the residence on a card that is issued after the merger ends with a province of today.
pub(super) fn of_residence(input: &Input, reasons: &mut Vec<Reason>) {
    let issue: Option<Date> = input.issue.as_deref().and_then(|text| text.parse().ok());
    let Some(residence) = input.residence.as_deref().filter(|text| !text.trim().is_empty() && issue.is_some_and(|day| day >= merger()))
    else {
        return;
    };
    let last: String = residence.rsplit(',').next().unwrap_or_default().trim().nfc().collect();
    let kinds = ["Thành phố ", "Tỉnh ", "TP. ", "TP.", "TP "];
    let name = kinds.iter().find_map(|kind| strip(&last, kind)).unwrap_or(&last).trim();
    let same = |other: &str| other.to_lowercase() == name.to_lowercase();
    if tables::provinces().iter().any(|province| same(province.name)) {
        return;
    }
    let merged = tables::birth_provinces().iter().find(|province| same(province.name));
    let today = merged.and_then(|old| tables::provinces().iter().find(|province| province.code == old.merged_into));
    let found = match today {
        Some(today) => format!("{}, which went into {}", quoted(name), today.full_name()),
        None => quoted(name),
    };
    reasons.push(Reason::new(Quality::ResidenceProvince, "residence", "one of the 34 provinces since 2025-07-01 at the end", found));
}

/// What follows `kind` in any case of letters.
fn strip<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    let (head, rest) = text.char_indices().nth(kind.chars().count()).map_or((text, ""), |(at, _)| text.split_at(at));
    (head.to_lowercase() == kind.to_lowercase()).then_some(rest)
}

/// What the pixels of an image break; `decode` looks at all of them, else only its header is read.
pub(super) fn of_image(field: &str, is_portrait: bool, bytes: &[u8], decode: bool, reasons: &mut Vec<Reason>) {
    let Ok(header) = sniff(bytes) else { return };
    let ((width, height), what) = if is_portrait { (PORTRAIT, " and not broader than high") } else { (FINGER, "") };
    if header.width < width || header.height < height || (is_portrait && header.width > header.height) {
        let expected = format!("at least {width} x {height} pixels{what}");
        reasons.push(Reason::new(Quality::ImagePixels, field, expected, format!("{} x {}", header.width, header.height)));
    }
    if decode && let Err(error) = picture::decode(bytes) {
        reasons.push(Reason::new(Quality::ImageContent, field, "an image that decodes", error.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn residence(text: &str, issue: &str) -> String {
        let input = Input { residence: Some(text.to_owned()), issue: Some(issue.to_owned()), ..Input::default() };
        let mut reasons = Vec::new();
        of_residence(&input, &mut reasons);
        reasons.first().map(|reason| reason.found.clone()).unwrap_or_default()
    }

    #[test]
    fn from_the_day_of_the_merger_a_residence_is_in_a_province_of_today() {
        assert_eq!(residence("Thôn 1, Xã Mẫu, Tỉnh Hà Giang", "2025-06-30"), "");
        assert_eq!(residence("Thôn 1, Xã Mẫu, Tỉnh Hà Giang", "2025-07-01"), r#""Hà Giang", which went into Tỉnh Tuyên Quang"#);
        assert_eq!(
            residence("Phường Mẫu, TP. Bà Rịa - Vũng Tàu", "2026-01-01"),
            r#""Bà Rịa - Vũng Tàu", which went into Thành phố Hồ Chí Minh"#
        );
        assert_eq!(residence("Phường Mẫu, Atlantis", "2026-01-01"), r#""Atlantis""#);
        for name in ["Thành phố Hồ Chí Minh", "TP. Hồ Chí Minh", "TP.Huế", "tỉnh Lào Cai", "Gia Lai", "THÀNH PHỐ HÀ NỘI"]
        {
            assert_eq!(residence(&format!("Xã Mẫu, {name}"), "2026-01-01"), "", "{name}");
        }
    }

    #[test]
    fn a_name_that_was_read_as_latin_1_is_seen() {
        let garbled: String = "Nguyễn".bytes().map(char::from).collect();
        let input = Input {
            surname: Some(garbled),
            father: Some("Nguy\u{FFFD}n".to_owned()),
            mother: Some("Trần Thị Ước".to_owned()),
            ..Input::default()
        };
        let mut reasons = Vec::new();
        of_texts(&input, &mut reasons);
        let told: Vec<_> = reasons.iter().map(|reason| (reason.ground.id(), reason.field.as_str(), reason.found.as_str())).collect();
        assert_eq!(told, [("text-garbled", "surname", "U+00BB"), ("text-garbled", "father", "U+FFFD")]);
    }

    /// Every letter with a mark that a name of the tables can have, once as UTF-8 read as Latin-1.
    #[test]
    fn no_vietnamese_letter_passes_as_latin_1_and_none_is_refused_as_it_is() {
        for letter in
            "ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝĂĐĨŨƠƯẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒỔỖỘỚỜỞỠỢỤỦỨỪỬỮỰỲỴỶỸ".chars().flat_map(|c| c.to_lowercase().chain([c]))
        {
            assert!(!is_garbled(letter), "{letter}");
            assert!(letter.to_string().bytes().map(char::from).any(is_garbled), "{letter}");
        }
    }

    #[test]
    fn ages_and_confirmations_are_held_against_today() {
        let today: Date = "2026-11-21".parse().expect("a day");
        let ids = |birth: &str, father: &str, spouse: &str, updated: &str| {
            let text = |text: &str| Some(text.to_owned());
            let input =
                Input { birth: text(birth), issue: text("2026-11-21"), father: text(father), spouse: text(spouse), ..Input::default() };
            let mut reasons = Vec::new();
            of_dates(&input, today, updated.parse().ok(), Some(365), &mut reasons);
            reasons.iter().map(|reason| reason.ground.id()).collect::<Vec<_>>()
        };
        assert_eq!(ids("1905-11-22", "A", "B", "2025-11-21"), [""; 0]);
        assert_eq!(ids("1905-11-21", "A", "B", "2025-11-20"), ["age-maximum", "stale"]);
        assert_eq!(ids("2012-11-22", "", "B", "2026-11-22"), ["child-parent", "child-spouse", "updated-ahead"]);
        assert_eq!(ids("2012-11-21", "", "", "2026-11-21"), [""; 0]);
    }
}
