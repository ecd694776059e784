//! A picture of numbers, painted with soft shapes and written as JPEG. Only the four operations and square roots are used, so that every
//! machine draws the same bytes.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// Red, green, blue, 0 to 255.
pub(super) type Color = [f32; 3];

/// Three values a pixel, row by row.
pub(super) struct Canvas {
    width: u16,
    height: u16,
    pixels: Vec<Color>,
}

impl Canvas {
    /// A picture of which `color` gives every pixel.
    pub(super) fn new(width: u16, height: u16, color: impl Fn(f32, f32) -> Color) -> Self {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| color(f32::from(x), f32::from(y))).collect();
        Self { width, height, pixels }
    }

    /// Paints `color` where `cover` is above 0, fully where it is 1. Only rows and columns inside `area` (left, top, right, bottom) are visited.
    pub(super) fn paint(&mut self, area: [f32; 4], cover: impl Fn(f32, f32) -> f32, color: impl Fn(f32, f32) -> Color) {
        let [left, top, right, bottom] = area;
        let width = self.width;
        let rows = self.pixels.chunks_exact_mut(usize::from(width)).zip(0u16..);
        for (row, y) in rows.filter(|(_, y)| f32::from(*y) >= top && f32::from(*y) <= bottom) {
            for (pixel, x) in row.iter_mut().zip(0u16..).filter(|(_, x)| f32::from(*x) >= left && f32::from(*x) <= right) {
                let (x, y) = (f32::from(x), f32::from(y));
                let share = cover(x, y).clamp(0.0, 1.0);
                if share > 0.0 {
                    let new = color(x, y);
                    pixel.iter_mut().zip(new).for_each(|(old, new)| *old += (new - *old) * share);
                }
            }
        }
    }

    /// Adds to every pixel what `grain` gives for it.
    pub(super) fn grain(&mut self, mut grain: impl FnMut() -> f32) {
        for pixel in &mut self.pixels {
            let step = grain();
            pixel.iter_mut().for_each(|value| *value += step);
        }
    }

    /// The picture as a baseline JPEG file, in colour.
    pub(super) fn jpeg(&self, quality: u8) -> Vec<u8> {
        let bytes: Vec<u8> = self.pixels.iter().flatten().map(|value| byte(*value)).collect();
        encode(&bytes, self.width, self.height, ColorType::Rgb, quality)
    }

    /// The red values as a baseline JPEG file, in grey.
    pub(super) fn grey_jpeg(&self, quality: u8) -> Vec<u8> {
        let bytes: Vec<u8> = self.pixels.iter().map(|[value, _, _]| byte(*value)).collect();
        encode(&bytes, self.width, self.height, ColorType::Luma, quality)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 255 before")]
fn byte(value: f32) -> u8 {
    value.clamp(0.0, 255.0) as u8
}

fn encode(bytes: &[u8], width: u16, height: u16, color: ColorType, quality: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(bytes, width, height, color).expect("a vector takes any bytes and the sizes agree");
    out
}

/// 0 below `from`, 1 above `to`, smooth between; `from` may be the larger one.
pub(super) fn smooth(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Cover of an ellipse with an edge that is `soft` pixels wide.
pub(super) fn ellipse(center: (f32, f32), radius: (f32, f32), soft: f32) -> impl Fn(f32, f32) -> f32 {
    move |x, y| {
        let (dx, dy) = ((x - center.0) / radius.0, (y - center.1) / radius.1);
        let distance = (dx * dx + dy * dy).sqrt();
        let edge = soft / radius.0.min(radius.1);
        smooth(1.0 + edge / 2.0, 1.0 - edge / 2.0, distance)
    }
}

/// Smooth noise from -1 to 1 with a lattice of `cell` pixels; `salt` makes different fields.
pub(super) fn noise(x: f32, y: f32, cell: f32, salt: u32) -> f32 {
    let (gx, gy) = ((x / cell).floor(), (y / cell).floor());
    let (fx, fy) = (smooth(0.0, 1.0, x / cell - gx), smooth(0.0, 1.0, y / cell - gy));
    let corner = |dx: f32, dy: f32| lattice(gx + dx, gy + dy, salt);
    let top = corner(0.0, 0.0) + (corner(1.0, 0.0) - corner(0.0, 0.0)) * fx;
    let bottom = corner(0.0, 1.0) + (corner(1.0, 1.0) - corner(0.0, 1.0)) * fx;
    top + (bottom - top) * fy
}

#[expect(clippy::cast_possible_truncation, reason = "lattice coordinates are small whole numbers")]
fn lattice(x: f32, y: f32, salt: u32) -> f32 {
    let mut h = (x as i32).cast_unsigned().wrapping_mul(0x9E37_79B1) ^ (y as i32).cast_unsigned().wrapping_mul(0x85EB_CA77) ^ salt;
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    h ^= h >> 15;
    f32::from(u16::try_from(h >> 16).unwrap_or_default()) / 32767.5 - 1.0
}
