//! The check digit of the MRZ (Doc 9303-3 §4.9): weights 7, 3, 1 repeating, modulo 10.

/// The check digit over `text`: digits count as themselves, `A` to `Z` as 10 to 35, everything else as 0.
#[must_use]
pub fn check_digit(text: &str) -> char {
    let value = |b: u8| match b {
        b'0'..=b'9' => u32::from(b - b'0'),
        b'A'..=b'Z' => u32::from(b - b'A') + 10,
        _ => 0,
    };
    let sum = text.bytes().zip([7, 3, 1].into_iter().cycle()).fold(0, |sum, (b, weight)| (sum + value(b) * weight) % 10);
    char::from_digit(sum, 10).unwrap_or('0')
}
