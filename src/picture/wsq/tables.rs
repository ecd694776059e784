//! What stands before the codes: size and scale of the picture, quantization, Huffman codes.

use super::bands::{Bands, COUNT};
use super::codes::Code;
use super::wavelet::Filters;
use super::{PictureError, Reader, damaged};

/// SOF: black, white, height, width, shift, scale, version of the encoder, its maker.
pub(super) struct Frame {
    pub(super) width: u16,
    pub(super) height: u16,
    shift: f32,
    scale: f32,
}

impl Frame {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, PictureError> {
        let _black_and_white = reader.u16()?;
        let (height, width) = (reader.u16()?, reader.u16()?);
        Ok(Self { width, height, shift: reader.short_decimal()?, scale: reader.short_decimal()? })
    }

    /// The grey of a value of the plane.
    pub(super) fn pixel(&self, value: f32) -> u8 {
        #[expect(clippy::cast_possible_truncation, reason = "`as` cuts to the range of a byte, and takes what is no number for 0")]
        let grey = (value * self.scale + self.shift + 0.5) as u8;
        grey
    }
}

/// DQT: the centre of the bins, and for each of 64 subbands the width of its bins and of the one around zero. No bin, no codes.
pub(super) struct Quantization {
    centre: f32,
    bins: Vec<(f32, f32)>,
}

impl Quantization {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, PictureError> {
        let centre = reader.short_decimal()?;
        let bins = (0..64).map(|_| Ok((reader.short_decimal()?, reader.short_decimal()?))).collect::<Result<_, PictureError>>()?;
        Ok(Self { centre, bins })
    }

    /// Width of the bins of a subband; 0 if it has no codes.
    fn bin(&self, band: usize) -> (f32, f32) {
        self.bins.get(band).copied().unwrap_or_default()
    }

    /// How many coefficients the codes hold.
    pub(super) fn samples(&self, bands: &Bands) -> usize {
        (0..COUNT).filter(|&band| self.bin(band).0 != 0.0).map(|band| bands.subband(band).area()).sum()
    }

    /// The coefficients in their places.
    pub(super) fn restore(&self, bands: &Bands, levels: &[i32]) -> Vec<f32> {
        let mut plane = vec![0.0; bands.width() * bands.height()];
        let mut levels = levels.iter();
        for band in 0..COUNT {
            let (bin, zero) = self.bin(band);
            if bin == 0.0 {
                continue;
            }
            let place = bands.subband(band);
            for row in place.top..place.top + place.height {
                let from = row * bands.width() + place.left;
                for (out, &level) in plane.get_mut(from..from + place.width).into_iter().flatten().zip(&mut levels) {
                    let level = level as f32;
                    *out = match level {
                        0.0 => 0.0,
                        _ if level > 0.0 => bin * (level - self.centre) + zero / 2.0,
                        _ => bin * (level + self.centre) - zero / 2.0,
                    };
                }
            }
        }
        plane
    }
}

/// All that was read before a block.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) frame: Option<Frame>,
    pub(super) filters: Option<Filters>,
    pub(super) quantization: Option<Quantization>,
    codes: [Option<Code>; 8],
}

fn missing(what: &str) -> impl FnOnce() -> PictureError {
    move || damaged(format!("expected {what} before the data, found none"))
}

impl Tables {
    pub(super) fn frame(&self) -> Result<&Frame, PictureError> {
        self.frame.as_ref().ok_or_else(missing("SOF"))
    }

    pub(super) fn filters(&self) -> Result<&Filters, PictureError> {
        self.filters.as_ref().ok_or_else(missing("DTT"))
    }

    pub(super) fn quantization(&self) -> Result<&Quantization, PictureError> {
        self.quantization.as_ref().ok_or_else(missing("DQT"))
    }

    /// DHT: one table after the other.
    pub(super) fn codes(&mut self, reader: &mut Reader<'_>) -> Result<(), PictureError> {
        while !reader.is_empty() {
            let number = reader.u8()?;
            let code = Code::read(reader)?;
            let place = self.codes.get_mut(usize::from(number));
            *place.ok_or_else(|| damaged(format!("DHT: expected table 0 to 7, found {number}")))? = Some(code);
        }
        Ok(())
    }

    pub(super) fn code(&self, number: u8) -> Result<&Code, PictureError> {
        self.codes.get(usize::from(number)).and_then(Option::as_ref).ok_or_else(|| damaged(format!("SOB: there is no table {number}")))
    }
}
