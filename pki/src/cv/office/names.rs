//! Names of holders: mnemonic and sequence number.

use super::OfficeError;

/// The mnemonic of a name in `pki.toml`.
pub(super) fn from_name(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).take(9).collect()
}

/// A mnemonic that can be part of a file's name too.
pub(super) fn mnemonic(name: &str, found: Option<&str>) -> Result<String, OfficeError> {
    let found = found.unwrap_or_default();
    if (1..=9).contains(&found.len()) && found.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
        return Ok(found.to_owned());
    }
    Err(OfficeError::Mnemonic { name: name.chars().take(80).collect(), found: found.chars().take(80).collect() })
}

/// The sequence number `n` of a holder that a CA of `country` certifies: the country, then 001 to 999, then A00 to ZZZ (Doc 9303-12
/// clause 7.2, which TR-03110-3 allows too); `None` when all were used.
#[must_use]
pub fn sequence(country: &str, n: u64) -> Option<String> {
    const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (1..=999).contains(&n) {
        return Some(format!("{country}{n:03}"));
    }
    let rest = n.checked_sub(1000).filter(|&rest| rest < 26 * 36 * 36)?;
    let digit = |value: u64| usize::try_from(value).ok().and_then(|value| DIGITS.get(value)).copied().map(char::from);
    Some([digit(10 + rest / 1296)?, digit(rest / 36 % 36)?, digit(rest % 36)?].into_iter().fold(country.to_owned(), |mut text, c| {
        text.push(c);
        text
    }))
}
