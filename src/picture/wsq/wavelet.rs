//! The wavelet transform, undone: symmetric filters with an odd number of taps, mirrored at the edges about the last sample.

use super::bands::Bands;
use super::{PictureError, Reader, damaged};

/// Most taps of a filter; the FBI's have 9 and 7.
const TAPS: u8 = 31;

/// DTT: the filters that put the halves together, from the middle outwards.
pub(super) struct Filters {
    low: Vec<f32>,
    high: Vec<f32>,
}

impl Filters {
    /// The file has the filters that took the picture apart: the low-pass, then the high-pass, each from the middle on. With every
    /// other sign changed the low-pass puts the high half back, and the high-pass the low one.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, PictureError> {
        let (low, high) = (reader.u8()?, reader.u8()?);
        for taps in [low, high] {
            if taps == 0 || taps > TAPS {
                return Err(damaged(format!("DTT: expected 1 to {TAPS} taps, found {taps}")));
            }
            if taps % 2 == 0 {
                return Err(PictureError::Unsupported {
                    format: super::FORMAT,
                    what: format!("a wavelet filter of {taps} taps, an even number"),
                });
            }
        }
        let mut half = |taps: u8| {
            let read = |n| {
                let (sign, exponent) = (reader.u8()?, reader.u8()?);
                let tap = Reader::decimal(exponent, reader.u32()?);
                Ok(if (sign != 0) != (n % 2 == 1) { -tap } else { tap })
            };
            (0..taps.div_ceil(2)).map(read).collect::<Result<Vec<_>, PictureError>>()
        };
        Ok(Self { high: half(low)?, low: half(high)? })
    }

    /// One sample of a line whose even samples are the low half and whose odd ones are the high half.
    fn sample(&self, line: &[f32], at: usize) -> f32 {
        let value = |distance: usize| line.get(mirror(at, distance, line.len())).copied().unwrap_or_default();
        let back = |distance: usize| line.get(mirror_back(at, distance, line.len())).copied().unwrap_or_default();
        let sum = |taps: &[f32], parity: usize| -> f32 {
            taps.iter()
                .enumerate()
                .filter(|(distance, _)| (at + distance) % 2 == parity)
                .map(|(distance, tap)| if distance == 0 { tap * value(0) } else { tap * (value(distance) + back(distance)) })
                .sum()
        };
        sum(&self.low, 0) + sum(&self.high, 1)
    }
}

/// `at + distance`, mirrored at the ends of a line of `len` samples. Keeps its parity.
fn mirror(at: usize, distance: usize, len: usize) -> usize {
    let period = 2 * len.saturating_sub(1).max(1);
    let at = (at + distance) % period;
    if at < len { at } else { period - at }
}

/// `at - distance`, mirrored likewise.
fn mirror_back(at: usize, distance: usize, len: usize) -> usize {
    let period = 2 * len.saturating_sub(1).max(1);
    mirror(at, period * distance.div_ceil(period) - distance, len)
}

/// Turns the subbands of a plane into the picture.
pub(super) fn restore(plane: &mut [f32], bands: &Bands, filters: &Filters) {
    let stride = bands.width();
    for join in bands.joins() {
        let place = join.place;
        let start = place.top * stride + place.left;
        for column in 0..place.width {
            line(plane, start + column, stride, place.height, join.mirrored.down, filters);
        }
        for row in 0..place.height {
            line(plane, start + row * stride, 1, place.width, join.mirrored.across, filters);
        }
    }
}

/// Puts the two halves of one line together: `len` samples from `start` on, `step` apart.
fn line(plane: &mut [f32], start: usize, step: usize, len: usize, mirrored: bool, filters: &Filters) {
    let (low, high) = (len.div_ceil(2), len / 2);
    let mut mixed = vec![0.0; len];
    for (at, sample) in plane.iter().skip(start).step_by(step).take(len).enumerate() {
        let place = match mirrored {
            false if at < low => 2 * at,
            false => 2 * (at - low) + 1,
            true if at < high => 2 * at + 1,
            true => 2 * (at - high),
        };
        if let Some(mixed) = mixed.get_mut(place) {
            *mixed = *sample;
        }
    }
    for (at, sample) in plane.iter_mut().skip(start).step_by(step).take(len).enumerate() {
        *sample = filters.sample(&mixed, at);
    }
}
