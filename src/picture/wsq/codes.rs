//! Huffman codes of a block: runs of zeros, small coefficients, and longer ones spelled out.

use super::{PictureError, Reader, damaged};

/// A table: canonical codes of 1 to 16 bits, as in JPEG.
pub(super) struct Code {
    /// For each length: first code, number of codes, index of the first value.
    lengths: [(u32, u32, usize); 16],
    values: Vec<u8>,
}

impl Code {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, PictureError> {
        let counts: [u8; 16] = reader.take()?;
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        if total > 256 {
            return Err(damaged(format!("DHT: expected at most 256 codes, found {total}")));
        }
        let (mut lengths, mut code, mut index) = ([(0, 0, 0); 16], 0_u32, 0);
        for (bits, (place, &count)) in (1..).zip(lengths.iter_mut().zip(&counts)) {
            *place = (code, count.into(), index);
            index += usize::from(count);
            code += u32::from(count);
            if code > 1 << bits {
                return Err(damaged(format!("DHT: more codes of {bits} bits than there are")));
            }
            code <<= 1;
        }
        let values = (0..total).map(|_| reader.u8()).collect::<Result<_, _>>()?;
        Ok(Self { lengths, values })
    }

    /// The next value; `None` where the block ends.
    fn next(&self, bits: &mut Bits<'_>) -> Result<Option<u8>, PictureError> {
        let mut code = 0;
        for (len, &(first, count, index)) in (1..).zip(&self.lengths) {
            let Some(bit) = bits.next() else {
                // The last byte of a block is filled up with ones, fewer than eight.
                return if len <= 8 { Ok(None) } else { Err(damaged("a block that ends inside a code".to_owned())) };
            };
            code = code << 1 | bit;
            if let Some(n) = code.checked_sub(first).filter(|&n| n < count) {
                return Ok(self.values.get(index + n as usize).copied());
            }
        }
        Err(damaged(format!("a code that no table has, in the block at byte {}", bits.at)))
    }
}

/// Decodes the block at the start of `bytes` onto the end of `levels`, at most `limit` in all. Returns its length in bytes: what
/// follows is a marker.
pub(super) fn block(code: &Code, bytes: &[u8], levels: &mut Vec<i32>, limit: usize) -> Result<usize, PictureError> {
    let mut bits = Bits { bytes, at: 0, left: 0, current: 0 };
    while levels.len() < limit {
        let Some(value) = code.next(&mut bits)? else { break };
        let run = match value {
            1..=100 => value.into(),
            101 => {
                levels.push(bits.number(8)?);
                continue;
            }
            102 => {
                levels.push(-bits.number(8)?);
                continue;
            }
            103 => {
                levels.push(bits.number(16)?);
                continue;
            }
            104 => {
                levels.push(-bits.number(16)?);
                continue;
            }
            105 => bits.number(8)?,
            106 => bits.number(16)?,
            107..=254 => {
                levels.push(i32::from(value) - 180);
                continue;
            }
            _ => return Err(damaged(format!("a code of value {value}, which has no meaning"))),
        };
        let run = usize::try_from(run).unwrap_or_default();
        if run > limit - levels.len() {
            return Err(damaged(format!("expected {limit} coefficients, found a run of zeros beyond them")));
        }
        levels.resize(levels.len() + run, 0);
    }
    bits.to_marker()
}

/// Bits of a block, highest first. FF is followed by 00; by anything else it is a marker.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    left: u8,
    current: u8,
}

impl Bits<'_> {
    fn next(&mut self) -> Option<u32> {
        if self.left == 0 {
            match *self.bytes.get(self.at..)? {
                [0xFF, 0x00, ..] => (self.current, self.at) = (0xFF, self.at + 2),
                [0xFF, ..] | [] => return None,
                [byte, ..] => (self.current, self.at) = (byte, self.at + 1),
            }
            self.left = 8;
        }
        self.left -= 1;
        Some(u32::from(self.current >> self.left & 1))
    }

    fn number(&mut self, len: u8) -> Result<i32, PictureError> {
        let mut number = 0;
        for _ in 0..len {
            let bit = self.next().ok_or_else(|| damaged("a block that ends inside a number".to_owned()))?;
            number = number << 1 | i32::try_from(bit).unwrap_or_default();
        }
        Ok(number)
    }

    /// Where the marker is that ends the block.
    fn to_marker(&self) -> Result<usize, PictureError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match *rest {
            [0xFF, 1..=0xFF, ..] => Ok(self.at),
            [0xFF] | [] => Err(damaged("a block without a marker after it".to_owned())),
            _ => Err(damaged(format!("expected a marker after the last coefficient, at byte {} of the block", self.at))),
        }
    }
}
