//! Letters of national alphabets to MRZ letters (Doc 9303-3 clause 6).
//!
//! The table of the standard has no rows for the Vietnamese letters Ơ and Ư and none for U+1EA0 to U+1EF9. The rule here covers them and
//! agrees with the rows that exist: decompose, drop the marks, keep the base letter. Where the table offers a choice (Ä: AE or A), this
//! takes the base letter. Letters without a base letter follow the table by name; scripts other than Latin are refused.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::MrzError;

/// `name` in capital letters `A` to `Z`, its words separated by one `<`. Apostrophes, full stops and commas are dropped; blanks and hyphens separate.
///
/// # Errors
/// [`MrzError::Letter`] for anything else that has no MRZ letter, digits included.
pub fn transliterate(name: &str) -> Result<String, MrzError> {
    let mut out = String::new();
    for (at, letter) in name.chars().enumerate() {
        match letter {
            '\'' | '\u{2019}' | '\u{02BC}' | '\u{0060}' | '\u{00B4}' | '.' | ',' => {}
            '-' | '\u{2010}' | '\u{2011}' | '\u{2013}' => separate(&mut out),
            c if c.is_whitespace() => separate(&mut out),
            c => push_letter(&mut out, c).ok_or(MrzError::Letter { at: at + 1, found: c })?,
        }
    }
    Ok(out.trim_end_matches('<').to_owned())
}

fn separate(out: &mut String) {
    if !out.is_empty() && !out.ends_with('<') {
        out.push('<');
    }
}

fn push_letter(out: &mut String, letter: char) -> Option<()> {
    if let Some(letters) = by_name(letter) {
        out.push_str(letters);
        return Some(());
    }
    for part in letter.nfd().filter(|&part| !is_combining_mark(part)) {
        match part.to_ascii_uppercase() {
            base @ 'A'..='Z' => out.push(base),
            _ => return None,
        }
    }
    Some(())
}

/// Letters that do not decompose.
const fn by_name(letter: char) -> Option<&'static str> {
    Some(match letter {
        'Đ' | 'đ' | 'Ð' | 'ð' | 'Ɖ' => "D",
        'Æ' | 'æ' => "AE",
        'Œ' | 'œ' => "OE",
        'Ø' | 'ø' => "OE",
        'ß' | 'ẞ' => "SS",
        'Þ' | 'þ' => "TH",
        'Ħ' | 'ħ' => "H",
        'ı' => "I",
        'Ĳ' | 'ĳ' => "IJ",
        'ĸ' => "Q",
        'Ł' | 'ł' | 'Ŀ' | 'ŀ' => "L",
        'Ŋ' | 'ŋ' => "N",
        'Ŧ' | 'ŧ' => "T",
        _ => return None,
    })
}
