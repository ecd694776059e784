//! A picture as PNG.

use super::{Picture, Pixels};

pub(super) fn encode(picture: &Picture) -> Vec<u8> {
    const FITS: &str = "a picture has at least one pixel and all its bytes, and memory takes them";
    let mut out = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut out, picture.width, picture.height);
    let (colour, bytes) = match &picture.pixels {
        Pixels::Gray8(bytes) => (::png::ColorType::Grayscale, bytes),
        Pixels::Rgb8(bytes) => (::png::ColorType::Rgb, bytes),
    };
    encoder.set_color(colour);
    encoder.set_depth(::png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect(FITS);
    writer.write_image_data(bytes).expect(FITS);
    writer.finish().expect(FITS);
    out
}
