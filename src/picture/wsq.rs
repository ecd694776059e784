//! WSQ, the compression of finger images (IAFIS-IC-0110 V3, FBI 1997): Huffman codes, 64 subbands of a wavelet transform, uniform
//! quantization with a dead zone.
//!
//! ```text
//! SOI A0   then in any order before the data: DTT A4 filters, DQT A5 quantization, DHT A6 codes, SOF A2 size, COM A8
//! SOB A3   one block of codes, up to the next marker; three in all: subbands 0-18, 19-51, 52-63
//! EOI A1
//! ```
//!
//! Written from the specification. The filters are those of the file, which must have an odd number of taps, as the only transform
//! that the FBI has certified does; another is [`PictureError::Unsupported`].

use super::{Format, Picture, PictureError, Pixels, check_size};

mod bands;
mod codes;
mod tables;
mod wavelet;

const FORMAT: Format = Format::Wsq;

/// Blocks of a picture at most; the specification has three.
const BLOCKS: usize = 8;

pub(super) fn decode(bytes: &[u8]) -> Result<Picture, PictureError> {
    let mut reader = Reader { bytes, at: 0 };
    reader.expect_marker(0xA0, "SOI")?;
    let mut tables = tables::Tables::default();
    let mut levels = Vec::new();
    let mut plan = None;
    let mut blocks = 0;
    loop {
        match reader.marker()? {
            0xA1 => break,
            0xA2 => {
                let frame = tables::Frame::read(&mut reader.segment()?)?;
                check_size(FORMAT, frame.width.into(), frame.height.into())?;
                tables.frame = Some(frame);
            }
            0xA3 => {
                let table = reader.segment()?.u8()?;
                let frame = tables.frame()?;
                let quantization = tables.quantization()?;
                let (_, expected) = plan.get_or_insert_with(|| {
                    let bands = bands::Bands::new(frame.width.into(), frame.height.into());
                    let expected = quantization.samples(&bands);
                    (bands, expected)
                });
                blocks += 1;
                if blocks > BLOCKS {
                    return Err(damaged(format!("expected 3 blocks, found more than {BLOCKS}")));
                }
                let code = tables.code(table)?;
                let rest = reader.bytes.get(reader.at..).unwrap_or_default();
                reader.at += codes::block(code, rest, &mut levels, *expected)?;
            }
            0xA4 => tables.filters = Some(wavelet::Filters::read(&mut reader.segment()?)?),
            0xA5 => tables.quantization = Some(tables::Quantization::read(&mut reader.segment()?)?),
            0xA6 => tables.codes(&mut reader.segment()?)?,
            0xA7 | 0xA8 => {
                reader.segment()?;
            }
            marker => return Err(damaged(format!("expected a marker of WSQ before offset {}, found FF{marker:02X}", reader.at))),
        }
    }
    let Some((bands, expected)) = plan else { return Err(damaged("expected a block of codes, found none".to_owned())) };
    if levels.len() < expected {
        return Err(damaged(format!("expected {expected} coefficients, found {}", levels.len())));
    }
    let (frame, filters) = (tables.frame()?, tables.filters()?);
    let mut plane = tables.quantization()?.restore(&bands, &levels);
    wavelet::restore(&mut plane, &bands, filters);
    let pixels = plane.into_iter().map(|value| frame.pixel(value)).collect();
    Picture::new(frame.width.into(), frame.height.into(), Pixels::Gray8(pixels))
        .ok_or_else(|| damaged(format!("expected {} x {} pixels", frame.width, frame.height)))
}

fn damaged(detail: String) -> PictureError {
    PictureError::Damaged { format: FORMAT, detail }
}

/// Reads big-endian numbers; every one may be missing.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], PictureError> {
        let short = || damaged(format!("expected {N} bytes at offset {}, found the end", self.at));
        let bytes = *self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()).ok_or_else(short)?;
        self.at += N;
        Ok(bytes)
    }

    fn u8(&mut self) -> Result<u8, PictureError> {
        self.take().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16, PictureError> {
        self.take().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, PictureError> {
        self.take().map(u32::from_be_bytes)
    }

    /// A number of `digits`, divided by ten as often as `exponent` says.
    fn decimal(exponent: u8, digits: u32) -> f32 {
        // What the formats write has at most ten digits; more places than a float has are zero.
        #[expect(clippy::cast_possible_truncation, reason = "a float of 24 bits is what the transform computes with")]
        let value = (f64::from(digits) / 10_f64.powi(exponent.into())) as f32;
        value
    }

    /// An exponent of one byte and two bytes of digits.
    fn short_decimal(&mut self) -> Result<f32, PictureError> {
        let exponent = self.u8()?;
        Ok(Self::decimal(exponent, self.u16()?.into()))
    }

    fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn marker(&mut self) -> Result<u8, PictureError> {
        match self.take()? {
            [0xFF, marker] => Ok(marker),
            [first, second] => Err(damaged(format!("expected a marker at offset {}, found {first:02X}{second:02X}", self.at - 2))),
        }
    }

    fn expect_marker(&mut self, expected: u8, name: &str) -> Result<(), PictureError> {
        match self.marker()? {
            found if found == expected => Ok(()),
            found => Err(damaged(format!("expected {name}, found FF{found:02X}"))),
        }
    }

    /// What follows a length of two bytes that counts itself.
    fn segment(&mut self) -> Result<Self, PictureError> {
        let len = usize::from(self.u16()?).saturating_sub(2);
        let short = || damaged(format!("expected a segment of {len} bytes at offset {}, found the end", self.at));
        let bytes = self.bytes.get(self.at..self.at + len).ok_or_else(short)?;
        self.at += len;
        Ok(Reader { bytes, at: 0 })
    }
}
