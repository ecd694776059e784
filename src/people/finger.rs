//! A finger image: ridges as level lines of a warped distance from a core, with minutiae where the phase winds around a point.

use super::canvas::{Canvas, noise, smooth};
use super::dice::Dice;

const WIDTH: u16 = 192;
const HEIGHT: u16 = 256;

/// Draws one finger as a grey JPEG of 192 x 256 pixels.
pub(super) fn draw(dice: &mut Dice) -> Vec<u8> {
    let core = (dice.range(84.0, 108.0), dice.range(96.0, 124.0));
    let ridge = dice.range(7.6, 9.4);
    let stretch = dice.range(0.72, 1.0);
    // 0 is a whorl: rings all around; 1 is a loop: arcs above the core, straight ridges below it.
    let open = if dice.chance(35) { 0.0 } else { dice.range(0.7, 1.0) };
    let lean = dice.range(-0.35, 0.35);
    let salt = dice.word();
    let minutiae: Vec<(f32, f32, f32)> = (0..14 + dice.below(12))
        .map(|_| (dice.range(24.0, 168.0), dice.range(30.0, 226.0), if dice.chance(50) { 1.0 } else { -1.0 }))
        .collect();
    let picture = Canvas::new(WIDTH, HEIGHT, |x, y| {
        let (wx, wy) = (x + 7.0 * noise(x, y, 46.0, salt), y + 7.0 * noise(x, y, 46.0, salt ^ 0x55AA));
        let (dx, dy) = (wx - core.0 - lean * (wy - core.1).max(0.0), (wy - core.1) * stretch);
        let below = smooth(0.0, 60.0, dy) * open;
        let rings = (dx * dx + dy * dy * (1.0 - below)).sqrt();
        let turns: f32 = minutiae.iter().map(|(mx, my, sign)| sign * turn(x - mx, y - my)).sum();
        let phase = rings / ridge + turns;
        let wave = (phase - phase.floor() - 0.5).abs() * 4.0 - 1.0;
        let pores = 0.35 * noise(x, y, 3.0, salt ^ 0x1234);
        let print = smooth(-0.45, 0.45, wave + pores);
        let (ex, ey) = ((x - 96.0) / 88.0, (y - 130.0) / 122.0);
        let pressed = smooth(1.0, 0.86, (ex * ex + ey * ey).sqrt() + 0.05 * noise(x, y, 20.0, salt ^ 0x77));
        let value = 244.0 - pressed * print * (168.0 + 18.0 * noise(x, y, 30.0, salt ^ 0x99));
        [value; 3]
    });
    picture.grey_jpeg(62)
}

/// The direction of (x, y) as a part of a full turn, 0 to 1, within 0.005.
fn turn(x: f32, y: f32) -> f32 {
    let (a, b) = (x.abs(), y.abs());
    if a + b == 0.0 {
        return 0.0;
    }
    // The angle in the first octant by a parabola through its ends and middle.
    let ratio = a.min(b) / a.max(b);
    let octant = ratio * (0.1591 - 0.0341 * ratio);
    let quadrant = if b > a { 0.25 - octant } else { octant };
    match (x < 0.0, y < 0.0) {
        (false, false) => quadrant,
        (true, false) => 0.5 - quadrant,
        (true, true) => 0.5 + quadrant,
        (false, true) => 1.0 - quadrant,
    }
}

#[cfg(test)]
mod tests {
    use super::turn;

    #[test]
    fn direction_is_a_part_of_a_turn() {
        for degrees in 0u16..360 {
            let angle = f32::from(degrees) * std::f32::consts::PI / 180.0;
            let error = (turn(angle.cos(), angle.sin()) - f32::from(degrees) / 360.0).abs();
            assert!(error.min(1.0 - error) < 0.005, "{degrees}: {error}");
        }
    }
}
