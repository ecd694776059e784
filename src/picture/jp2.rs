//! JPEG 2000, in JP2 and bare, part 1: grey, RGB, sYCC, palettes, transparency. Everything that sets how much work and memory a
//! codestream costs is read here first ([`limits`]), because few bytes can ask for very much.

use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};

use super::{Format, Picture, PictureError, Pixels, check_size};

mod limits;

pub(super) fn decode(format: Format, bytes: &[u8]) -> Result<Picture, PictureError> {
    limits::check(format, bytes)?;
    let damaged = |detail: String| PictureError::Damaged { format, detail };
    let settings = DecodeSettings { strict: false, ..DecodeSettings::default() };
    let image = Image::new(bytes, &settings).map_err(|error| damaged(error.to_string()))?;
    let (width, height) = check_size(format, image.width().into(), image.height().into())?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(|error| damaged(error.to_string()))?;
    let pixels = width as usize * height as usize;
    let components = decoded.components();
    if components.is_empty() || components.iter().any(|component| component.samples().len() != pixels) {
        let found: Vec<_> = components.iter().map(|component| component.samples().len()).collect();
        return Err(damaged(format!("expected components of {pixels} samples, found {found:?}")));
    }
    let samples = decoded.data_u8();
    let colours = components.len() - usize::from(image.has_alpha());
    let per_pixel = components.len();
    let pixel = |n: usize| {
        let from = n * per_pixel;
        samples.get(from..from + per_pixel).unwrap_or_default()
    };
    let white = |sample: u8, rest: &[u8]| match rest {
        [alpha] if image.has_alpha() => over_white(sample, *alpha),
        _ => sample,
    };
    let pixels = match colours {
        1 => Pixels::Gray8((0..pixels).filter_map(|n| pixel(n).split_first().map(|(&grey, rest)| white(grey, rest))).collect()),
        3 => Pixels::Rgb8(
            (0..pixels)
                .filter_map(|n| pixel(n).split_first_chunk::<3>())
                .flat_map(|(colour, rest)| colour.map(|sample| white(sample, rest)))
                .collect(),
        ),
        4 if matches!(image.color_space(), ColorSpace::CMYK) => Pixels::Rgb8(
            (0..pixels)
                .filter_map(|n| pixel(n).split_first_chunk::<4>())
                .flat_map(|(&[cyan, magenta, yellow, black], _)| [cyan, magenta, yellow].map(|ink| scaled(!ink, !black)))
                .collect(),
        ),
        _ => return Err(PictureError::Unsupported { format, what: format!("a picture of {colours} colour components") }),
    };
    Picture::new(width, height, pixels).ok_or_else(|| damaged(format!("expected {width} x {height} pixels, found fewer")))
}

/// `sample` under `alpha` on white.
fn over_white(sample: u8, alpha: u8) -> u8 {
    255 - scaled(255 - sample, alpha)
}

/// `a` · `b` / 255, rounded.
fn scaled(a: u8, b: u8) -> u8 {
    let product = (u16::from(a) * u16::from(b) + 127) / 255;
    u8::try_from(product).unwrap_or(u8::MAX)
}
