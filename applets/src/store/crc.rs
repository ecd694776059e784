//! CRC-32 of IEEE 802.3 (reflected polynomial EDB88320, start and end inverted): tells a torn page from a whole one.
//! It finds accidents, not forgers.

/// Table n holds the check values of a byte that n zero bytes follow: eight bytes are taken in at once.
const TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut n = 0u32;
    while n < 256 {
        let mut crc = n;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        tables[0][n as usize] = crc;
        n += 1;
    }
    let mut zeros = 1;
    while zeros < 8 {
        let mut n = 0;
        while n < 256 {
            let crc: u32 = tables[zeros - 1][n];
            tables[zeros][n] = crc >> 8 ^ tables[0][(crc & 0xFF) as usize];
            n += 1;
        }
        zeros += 1;
    }
    tables
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
        // every index is one byte, every table has 256 entries
        let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
        let (chunks, rest) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in chunks {
            let [w, x, y, z] = self.0.to_le_bytes();
            let first = t7[usize::from(a ^ w)] ^ t6[usize::from(b ^ x)] ^ t5[usize::from(c ^ y)] ^ t4[usize::from(d ^ z)];
            self.0 = first ^ t3[usize::from(e)] ^ t2[usize::from(f)] ^ t1[usize::from(g)] ^ t0[usize::from(h)];
        }
        for &byte in rest {
            let [low, ..] = self.0.to_le_bytes();
            self.0 = self.0 >> 8 ^ t0[usize::from(low ^ byte)];
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

    /// Bit by bit, as the polynomial is defined, for every split into eights and a rest.
    #[test]
    fn eight_bytes_at_once_are_eight_bytes_one_by_one() {
        let bytes: Vec<u8> = (0..100_u8).map(|n| n.wrapping_mul(157) ^ 0x5A).collect();
        for len in 0..bytes.len() {
            let mut slow = u32::MAX;
            for byte in &bytes[..len] {
                slow ^= u32::from(*byte);
                for _ in 0..8 {
                    slow = if slow & 1 == 1 { slow >> 1 ^ 0xEDB8_8320 } else { slow >> 1 };
                }
            }
            assert_eq!(crc32(&bytes[..len]), !slow, "{len} bytes");
            let mut split = Crc32::new();
            split.update(&bytes[..len / 3]);
            split.update(&bytes[len / 3..len]);
            assert_eq!(split.value(), !slow, "{len} bytes in two parts");
        }
    }
}
