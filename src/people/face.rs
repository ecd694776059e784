//! A portrait: a shaded head on a light ground, drawn from a few dozen numbers. No photograph of anybody is behind it.

use super::canvas::{Canvas, Color, ellipse, noise, smooth};
use super::dice::Dice;

const WIDTH: u16 = 300;
const HEIGHT: u16 = 400;

/// Everything that makes one face different from another. Lengths are pixels.
struct Face {
    center: (f32, f32),
    half_width: f32,
    half_height: f32,
    jaw: f32,
    skin: Color,
    hair: Color,
    iris: Color,
    shirt: Color,
    hairline: f32,
    parting: f32,
    long_hair: bool,
    bald: bool,
    eye_gap: f32,
    eye_size: f32,
    eye_line: f32,
    slant: f32,
    brow: f32,
    nose_width: f32,
    nose_line: f32,
    mouth_width: f32,
    mouth_line: f32,
    lips: f32,
    glasses: bool,
    moustache: bool,
    lines: f32,
    salt: u32,
}

impl Face {
    fn new(dice: &mut Dice, age: u16, female: bool) -> Self {
        let child = smooth(16.0, 6.0, f32::from(age));
        let old = smooth(42.0, 80.0, f32::from(age));
        let tone = dice.range(0.0, 1.0);
        let skin = mix([238.0, 203.0, 172.0], [188.0, 140.0, 104.0], tone);
        let grey = smooth(0.25, 0.9, old + dice.range(-0.2, 0.2));
        let dark = dice.range(16.0, 46.0);
        let shirt = dice.pick(&[[236.0, 238.0, 242.0], [86.0, 110.0, 158.0], [60.0, 64.0, 72.0], [150.0, 60.0, 66.0], [92.0, 128.0, 98.0]]);
        Self {
            center: (150.0 + dice.range(-3.0, 3.0), 182.0 + dice.range(-4.0, 4.0)),
            half_width: dice.range(66.0, 76.0) - if female { 3.0 } else { 0.0 } + 2.0 * child,
            half_height: dice.range(88.0, 98.0) - 9.0 * child,
            jaw: dice.range(0.16, 0.34) + if female { 0.06 } else { 0.0 } - 0.12 * child,
            skin,
            hair: mix([dark, dark * 0.86, dark * 0.76], [206.0, 206.0, 204.0], grey),
            iris: mix([46.0, 28.0, 18.0], [92.0, 60.0, 36.0], dice.range(0.0, 1.0)),
            shirt,
            hairline: dice.range(0.46, 0.6) + 0.1 * old,
            parting: dice.range(-0.6, 0.6),
            long_hair: female && dice.chance(78),
            bald: !female && age > 38 && dice.chance(30),
            eye_gap: dice.range(29.0, 34.0),
            eye_size: dice.range(11.5, 14.0) + 2.0 * child,
            eye_line: dice.range(-8.0, -2.0) + 9.0 * child,
            slant: dice.range(-0.02, 0.12),
            brow: dice.range(2.2, 4.2) - if female { 0.8 } else { 0.0 },
            nose_width: dice.range(12.0, 18.0) - 3.0 * child,
            nose_line: dice.range(30.0, 38.0) - 3.0 * child,
            mouth_width: dice.range(22.0, 30.0) - 4.0 * child,
            mouth_line: dice.range(53.0, 60.0) - 5.0 * child,
            lips: dice.range(4.0, 7.5),
            glasses: dice.chance(if age > 40 { 38 } else { 16 }),
            moustache: !female && age > 24 && dice.chance(14),
            lines: old,
            salt: dice.word(),
        }
    }

    /// Distance from the axis of the head over its half width at that height: 1 on the outline.
    fn outline(&self, x: f32, y: f32) -> f32 {
        let v = (y - self.center.1) / self.half_height;
        let round = (1.0 - (v * v).min(1.0)).sqrt();
        let below = v.max(0.0);
        let half = self.half_width * round * (1.0 - self.jaw * below * below);
        if half < 0.5 { 9.0 } else { (x - self.center.0).abs() / half }
    }

    /// Skin in the light from the upper left, with a little unevenness.
    fn shaded(&self, x: f32, y: f32) -> Color {
        let (u, v) = ((x - self.center.0) / self.half_width, (y - self.center.1) / self.half_height);
        let light = 1.02 - 0.11 * u - 0.08 * v - 0.16 * u * u * u * u - 0.07 * v.max(0.0) * v.max(0.0);
        let patch = 1.0 + 0.018 * noise(x, y, 17.0, self.salt) + 0.012 * noise(x, y, 5.0, self.salt ^ 0x31);
        scale(self.skin, light * patch)
    }
}

/// Draws somebody of `age` years as a JPEG of 300 x 400 pixels.
pub(super) fn draw(dice: &mut Dice, age: u16, female: bool) -> Vec<u8> {
    let face = Face::new(dice, age, female);
    let ground = dice.pick(&[[236.0, 240.0, 245.0], [214.0, 228.0, 242.0], [240.0, 240.0, 238.0]]);
    let mut canvas = Canvas::new(WIDTH, HEIGHT, |x, y| scale(ground, 1.02 - 0.06 * ((x - 120.0).abs() / 180.0) - 0.04 * y / 400.0));
    if face.long_hair {
        hair_behind(&mut canvas, &face);
    }
    body(&mut canvas, &face);
    head(&mut canvas, &face);
    nose(&mut canvas, &face);
    mouth(&mut canvas, &face);
    for side in [-1.0, 1.0] {
        eye(&mut canvas, &face, side);
    }
    age_lines(&mut canvas, &face);
    hair(&mut canvas, &face);
    if face.glasses {
        glasses(&mut canvas, &face);
    }
    canvas.grain(|| dice.range(-4.5, 4.5));
    canvas.jpeg(82)
}

const ALL: [f32; 4] = [0.0, 0.0, 300.0, 400.0];

fn hair_behind(canvas: &mut Canvas, face: &Face) {
    let (cx, cy) = face.center;
    let cover = ellipse((cx, cy + 34.0), (face.half_width + 17.0, face.half_height + 56.0), 5.0);
    canvas.paint(ALL, cover, |x, y| strands(face, x, y, 0.8));
}

fn body(canvas: &mut Canvas, face: &Face) {
    let (cx, cy) = face.center;
    let chin = cy + face.half_height;
    let neck = face.half_width * 0.56;
    let side = |x: f32| smooth(neck + 2.0, neck - 2.0, (x - cx).abs());
    canvas.paint(
        [0.0, cy, 300.0, 400.0],
        |x, y| side(x) * smooth(cy, cy + 6.0, y),
        |x, y| {
            let shadow = 1.0 - 0.34 * smooth(chin + 34.0, chin - 10.0, y);
            scale(face.shaded(x, y.min(chin)), shadow)
        },
    );
    canvas.paint([0.0, 280.0, 300.0, 400.0], ellipse((cx, 434.0), (138.0, 116.0), 4.0), |x, y| {
        let fold = 1.0 + 0.05 * noise(x, y, 26.0, face.salt ^ 0x71) - 0.12 * ((x - cx) / 138.0);
        scale(face.shirt, fold)
    });
    let collar = move |x: f32, y: f32| smooth(3.0, -3.0, (x - cx).abs() - neck + (y - chin - 12.0) * 0.62) * smooth(315.0, 321.0, y);
    canvas.paint([0.0, 312.0, 300.0, 400.0], collar, |x, y| scale(face.shaded(x, chin), 0.9 - 0.002 * (y - chin)));
}

fn head(canvas: &mut Canvas, face: &Face) {
    let (cx, cy) = face.center;
    for side in [-1.0, 1.0] {
        let at = (cx + side * (face.half_width - 1.0), cy + 6.0 + face.eye_line);
        canvas.paint(ALL, ellipse(at, (9.0, 21.0), 3.0), |x, y| scale(face.shaded(x, y), 0.86 + 0.12 * smooth(9.0, 0.0, (x - at.0).abs())));
    }
    canvas.paint(ALL, |x, y| smooth(1.02, 0.98, face.outline(x, y)), |x, y| face.shaded(x, y));
    for side in [-1.0, 1.0] {
        let cheek = ellipse((cx + side * 36.0, cy + face.nose_line), (22.0, 15.0), 26.0);
        canvas.paint(ALL, move |x, y| 0.16 * cheek(x, y), |_, _| [226.0, 120.0, 108.0]);
    }
}

fn nose(canvas: &mut Canvas, face: &Face) {
    let (cx, cy) = face.center;
    let tip = cy + face.nose_line;
    let bridge = move |x: f32, y: f32| {
        smooth(7.0, 0.0, (x - cx - 5.0 - 0.12 * (y - cy)).abs()) * smooth(cy - 22.0, cy + 8.0, y) * smooth(tip + 4.0, tip - 8.0, y)
    };
    canvas.paint(ALL, move |x, y| 0.42 * bridge(x, y), |x, y| scale(face.shaded(x, y), 0.76));
    let shine = ellipse((cx - 2.0, tip - 6.0), (5.0, 7.0), 8.0);
    canvas.paint(ALL, move |x, y| 0.35 * shine(x, y), |x, y| scale(face.shaded(x, y), 1.16));
    for side in [-1.0, 1.0] {
        let wing = ellipse((cx + side * face.nose_width * 0.86, tip - 1.0), (6.0, 7.0), 6.0);
        canvas.paint(ALL, move |x, y| 0.34 * wing(x, y), |x, y| scale(face.shaded(x, y), 0.78));
        let nostril = ellipse((cx + side * face.nose_width * 0.5, tip + 4.0), (4.2, 2.3), 2.2);
        canvas.paint(ALL, move |x, y| 0.8 * nostril(x, y), |_, _| scale(face.skin, 0.34));
    }
}

fn mouth(canvas: &mut Canvas, face: &Face) {
    let (cx, cy) = face.center;
    let line = cy + face.mouth_line;
    let lip = mix(scale(face.skin, 0.82), [186.0, 82.0, 84.0], 0.5);
    let bow = move |x: f32| ((x - cx) / face.mouth_width) * ((x - cx) / face.mouth_width);
    let room = move |x: f32| (1.0 - bow(x)).max(0.0).sqrt();
    let upper = move |x: f32, y: f32| {
        smooth(line - face.lips * room(x) - 1.0, line - face.lips * room(x) + 1.0, y) * smooth(line + 1.0, line - 1.0, y)
    };
    let lower = move |x: f32, y: f32| {
        smooth(line - 1.0, line + 1.0, y) * smooth(line + face.lips * 1.25 * room(x) + 1.0, line + face.lips * 1.25 * room(x) - 1.0, y)
    };
    let inside = move |x: f32| smooth(1.0, 0.92, bow(x));
    canvas.paint(ALL, move |x, y| inside(x) * upper(x, y), |_, _| scale(lip, 0.92));
    canvas.paint(ALL, move |x, y| inside(x) * lower(x, y), |x, y| scale(lip, 1.08 - 0.1 * (x - cx) / 30.0 - 0.004 * (y - line)));
    canvas.paint(ALL, move |x, y| inside(x) * smooth(2.4, 0.4, (y - line + 1.2 * bow(x)).abs()), |_, _| [92.0, 42.0, 44.0]);
    if face.moustache {
        let cover = ellipse((cx, line - face.lips - 5.0), (face.mouth_width * 0.95, 5.0), 4.0);
        canvas.paint(ALL, move |x, y| 0.8 * cover(x, y), |x, y| strands(face, x, y, 0.95));
    }
}

fn eye(canvas: &mut Canvas, face: &Face, side: f32) {
    let (cx, cy) = face.center;
    let at = (cx + side * face.eye_gap, cy + face.eye_line);
    let (w, h) = (face.eye_size, face.eye_size * 0.46);
    // The outer corner is higher by the slant.
    let level = move |x: f32, y: f32| y + side * face.slant * (x - at.0);
    let socket = ellipse((at.0, at.1 - 3.0), (w * 1.5, h * 2.6), 14.0);
    canvas.paint(ALL, move |x, y| 0.2 * socket(x, y), |x, y| scale(face.shaded(x, y), 0.74));
    let white = ellipse(at, (w, h), 2.0);
    let white = move |x: f32, y: f32| white(x, level(x, y));
    canvas.paint(ALL, &white, |_, y| scale([236.0, 232.0, 226.0], 0.84 + 0.02 * (y - at.1 + h)));
    let iris = ellipse(at, (h * 1.06, h * 1.06), 1.6);
    canvas.paint(ALL, |x, y| iris(x, y) * white(x, y), |_, _| face.iris);
    let pupil = ellipse(at, (h * 0.5, h * 0.5), 1.4);
    canvas.paint(ALL, |x, y| pupil(x, y) * white(x, y), |_, _| [12.0, 10.0, 10.0]);
    canvas.paint(ALL, ellipse((at.0 - 1.8, at.1 - 1.8), (1.5, 1.5), 1.2), |_, _| [250.0; 3]);
    let arc = move |x: f32| (1.0 - ((x - at.0) / w) * ((x - at.0) / w)).max(0.0).sqrt();
    let inside = move |x: f32| smooth(w * 1.05, w * 0.9, (x - at.0).abs());
    let lid = move |x: f32, y: f32| smooth(2.3, 0.5, (level(x, y) - at.1 + h * arc(x)).abs()) * inside(x);
    canvas.paint(ALL, lid, |_, _| scale(face.hair, 0.7));
    let fold = move |x: f32, y: f32| 0.4 * smooth(2.0, 0.4, (level(x, y) - at.1 + h * arc(x) + 4.5).abs()) * inside(x);
    canvas.paint(ALL, fold, |x, y| scale(face.shaded(x, y), 0.62));
    let brow_at = at.1 - h - 13.0;
    let brow_arc = move |x: f32| 4.0 * (1.0 - ((x - at.0) / (w * 1.5)) * ((x - at.0) / (w * 1.5)));
    let brow = move |x: f32, y: f32| {
        smooth(face.brow + 1.6, face.brow - 1.2, (level(x, y) - brow_at + brow_arc(x)).abs()) * smooth(w * 1.55, w * 1.25, (x - at.0).abs())
    };
    canvas.paint(ALL, move |x, y| 0.86 * brow(x, y), |x, y| strands(face, x, y, 0.9));
}

fn age_lines(canvas: &mut Canvas, face: &Face) {
    if face.lines < 0.05 {
        return;
    }
    let (cx, cy) = face.center;
    let dark = |x: f32, y: f32| scale(face.shaded(x, y), 0.72);
    for side in [-1.0, 1.0] {
        let fold = move |x: f32, y: f32| {
            let t = (y - cy - face.nose_line) / 34.0;
            smooth(3.0, 0.4, (x - cx - side * (face.nose_width + 6.0 + 12.0 * t)).abs()) * smooth(0.0, 0.2, t) * smooth(1.0, 0.7, t)
        };
        canvas.paint(ALL, move |x, y| 0.6 * face.lines * fold(x, y), dark);
        let bag = ellipse((cx + side * face.eye_gap, cy + face.eye_line + 12.0), (14.0, 4.0), 5.0);
        canvas.paint(ALL, move |x, y| 0.4 * face.lines * bag(x, y), dark);
    }
    for row in [0.0, 1.0, 2.0] {
        let line = cy - face.half_height * 0.42 - row * 8.0;
        let wrinkle = move |x: f32, y: f32| {
            smooth(1.8, 0.2, (y - line - 2.5 * noise(x, row, 30.0, face.salt)).abs()) * smooth(44.0, 26.0, (x - cx).abs())
        };
        canvas.paint(ALL, move |x, y| 0.45 * face.lines * wrinkle(x, y), dark);
    }
}

fn hair(canvas: &mut Canvas, face: &Face) {
    let (cx, cy) = face.center;
    let cap = ellipse((cx, cy - 12.0), (face.half_width + 7.0, face.half_height + 5.0), 3.0);
    let line = move |x: f32| {
        let u = (x - cx) / face.half_width;
        let bend = (u - face.parting) * (u - face.parting);
        let bangs = cy - face.half_height * face.hairline + face.half_height * 0.36 * bend;
        bangs.min(cy + face.eye_line - 27.0) + 5.0 * noise(x, 0.0, 12.0, face.salt ^ 0x5)
    };
    let crown = move |x: f32, y: f32| {
        let top = smooth(line(x) + 3.0, line(x) - 3.0, y);
        let sides = smooth(face.half_width * 0.9, face.half_width, (x - cx).abs()) * smooth(cy - 4.0, cy - 22.0, y);
        if face.bald { sides } else { top.max(sides) }
    };
    canvas.paint(ALL, |x, y| cap(x, y) * crown(x, y), |x, y| strands(face, x, y, 1.0));
}

fn glasses(canvas: &mut Canvas, face: &Face) {
    let (cx, cy) = face.center;
    let level = cy + face.eye_line + 1.0;
    let frame = [44.0, 40.0, 42.0];
    for side in [-1.0, 1.0] {
        let at = (cx + side * face.eye_gap, level);
        let ring = move |x: f32, y: f32| {
            let (dx, dy) = ((x - at.0) / 23.0, (y - at.1) / 17.0);
            smooth(0.13, 0.06, ((dx * dx * dx * dx + dy * dy * dy * dy).sqrt().sqrt() - 1.0).abs())
        };
        canvas.paint(ALL, ring, |_, _| frame);
        let temple = move |x: f32, y: f32| {
            smooth(2.4, 1.2, (y - level + 3.0).abs())
                * smooth(21.0, 24.0, side * (x - at.0))
                * smooth(face.half_width + 3.0, face.half_width, (x - cx).abs())
        };
        canvas.paint(ALL, temple, |_, _| frame);
    }
    let bridge =
        move |x: f32, y: f32| smooth(2.2, 1.0, (y - level + 3.0).abs()) * smooth(face.eye_gap - 21.0, face.eye_gap - 24.0, (x - cx).abs());
    canvas.paint(ALL, bridge, |_, _| frame);
}

/// Hair with strands that run down.
fn strands(face: &Face, x: f32, y: f32, shade: f32) -> Color {
    let strand = noise(x * 3.2, y * 0.22, 6.0, face.salt ^ 0xAB);
    let gloss = 0.3 * smooth(60.0, 0.0, (x - face.center.0 + 34.0).abs()) * smooth(face.center.1, face.center.1 - 70.0, y);
    let light = shade * (1.0 + 0.3 * strand + gloss);
    face.hair.map(|value| value * light + 5.0)
}

fn mix(a: Color, b: Color, share: f32) -> Color {
    let [r, g, l] = a;
    let [x, y, z] = b;
    [r + (x - r) * share, g + (y - g) * share, l + (z - l) * share]
}

fn scale(color: Color, factor: f32) -> Color {
    color.map(|value| value * factor)
}
