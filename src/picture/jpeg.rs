//! JPEG: baseline and progressive, grey, YCbCr, and the four-colour kinds, 8 bits a sample. Strict: a scan that breaks off is damaged.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{Format, Picture, PictureError, Pixels, check_size, limits};

const FORMAT: Format = Format::Jpeg;

pub(super) fn decode(bytes: &[u8]) -> Result<Picture, PictureError> {
    let damaged = |detail: String| PictureError::Damaged { format: FORMAT, detail };
    let options = DecoderOptions::new_safe()
        .set_max_width(limits::SIDE as usize)
        .set_max_height(limits::SIDE as usize)
        .jpeg_set_max_scans(limits::SCANS)
        .set_strict_mode(true);
    let (width, height) = declared(bytes)?;
    check_size(FORMAT, width, height)?;
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| damaged(error.to_string()))?;
    let grey = matches!(decoder.input_colorspace(), Some(ColorSpace::Luma));
    decoder.set_options(options.jpeg_set_out_colorspace(if grey { ColorSpace::Luma } else { ColorSpace::RGB }));
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged("expected a frame header, found none".to_owned()))?;
    let (width, height) = check_size(FORMAT, width as u64, height as u64)?;
    let pixels = decoder.decode().map_err(|error| damaged(error.to_string()))?;
    let found = pixels.len();
    let pixels = if grey { Pixels::Gray8(pixels) } else { Pixels::Rgb8(pixels) };
    Picture::new(width, height, pixels)
        .ok_or_else(|| damaged(format!("expected {width} x {height} pixels, the decoder gave {found} bytes")))
}

/// Width and height by the first frame header, before a decoder sees the bytes.
fn declared(bytes: &[u8]) -> Result<(u64, u64), PictureError> {
    let damaged = |detail: String| PictureError::Damaged { format: FORMAT, detail };
    let mut at = 2;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match *rest {
            // A fill byte, or a marker without a segment.
            [0xFF, 0xFF | 0x01 | 0xD0..=0xD7, ..] => at += if rest.get(1) == Some(&0xFF) { 1 } else { 2 },
            // SOF0 to SOF15 without DHT, JPG, DAC.
            [0xFF, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF, _, _, _, h1, h2, w1, w2, ..] => {
                return Ok((u16::from_be_bytes([w1, w2]).into(), u16::from_be_bytes([h1, h2]).into()));
            }
            [0xFF, 0xD9 | 0xDA, ..] => return Err(damaged(format!("expected a frame header before offset {at}, found none"))),
            [0xFF, _, high, low, ..] => at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2),
            _ => {
                return Err(damaged(format!(
                    "expected a marker at offset {at}, found {}",
                    hex::encode_upper(rest.get(..2).unwrap_or(rest))
                )));
            }
        }
    }
}
