//! CRC-32 of IEEE 802.3 (reflected polynomial EDB88320, start and end inverted): tells a torn page from a whole one.
//! It finds accidents, not forgers.

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut n = 0u32;
    while n < 256 {
        let mut crc = n;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[n as usize] = crc;
        n += 1;
    }
    table
}

/// A running CRC-32.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc32(u32);

impl Crc32 {
    /// Nothing read yet.
    pub(crate) const fn new() -> Self {
        Self(u32::MAX)
    }

    /// Takes in more bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let [low, ..] = self.0.to_le_bytes();
            // The index is one byte, the table has 256 entries.
            self.0 = self.0 >> 8 ^ TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default();
        }
    }

    /// The check value of what was read.
    pub(crate) const fn value(self) -> u32 {
        !self.0
    }
}

/// The check value of `bytes`.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(bytes);
    crc.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value that every catalogue of CRCs lists for the nine digits.
    #[test]
    fn check_value_of_the_nine_digits() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
