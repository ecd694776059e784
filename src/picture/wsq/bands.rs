//! Where the 64 subbands lie (IAFIS-IC-0110 figures 8 and 9): a tree of halvings. After a high-pass along one side the next
//! halving along that side has its high half first, since the band is mirrored.

/// Subbands with codes; 60 to 63 never have any.
pub(super) const COUNT: usize = 60;

/// A rectangle of the plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Place {
    pub(super) const fn area(&self) -> usize {
        self.width * self.height
    }

    /// The four quarters: first left and right, then the same below. The low half, which has the middle sample of an odd side,
    /// lies first unless the band is mirrored.
    fn split(self, mirrored: Mirrored) -> [Self; 4] {
        let (left, right) = halves(self.width, mirrored.across);
        let (top, bottom) = halves(self.height, mirrored.down);
        let place = |x, y, width, height| Self { left: self.left + x, top: self.top + y, width, height };
        [place(0, 0, left, top), place(left, 0, right, top), place(0, top, left, bottom), place(left, top, right, bottom)]
    }
}

fn halves(side: usize, mirrored: bool) -> (usize, usize) {
    let (low, high) = (side.div_ceil(2), side / 2);
    if mirrored { (high, low) } else { (low, high) }
}

/// Along which sides a band has its high half first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mirrored {
    pub(super) across: bool,
    pub(super) down: bool,
}

/// One halving along both sides that is to be undone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Join {
    pub(super) place: Place,
    pub(super) mirrored: Mirrored,
}

/// The subbands of a picture.
pub(super) struct Bands {
    width: usize,
    height: usize,
    subbands: Vec<Place>,
    joins: Vec<Join>,
}

impl Bands {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let mut bands = Self { width, height, subbands: Vec::new(), joins: Vec::new() };
        let whole = Place { left: 0, top: 0, width, height };
        // The high quarter of the first halving has no codes and stays zero.
        let [low, across, down, _] = bands.split(whole, 0);
        let [low, low_across, low_down, low_both] = bands.split(low.0, low.1);
        let [lowest, rest @ ..] = bands.sixteen(low);
        bands.subbands = bands.split(lowest.0, 0).map(|(place, _)| place).into();
        bands.subbands.extend(rest.map(|(place, _)| place));
        for quarter in [low_across, low_down] {
            let parts = bands.sixteen(quarter).map(|(place, _)| place);
            bands.subbands.extend(parts);
        }
        bands.subbands.push(low_both.0);
        for quarter in [across, down] {
            let parts = bands.split(quarter.0, quarter.1).map(|(place, _)| place);
            bands.subbands.extend(parts);
        }
        bands
    }

    /// Halves both sides of `place`, and remembers it. Each part comes with its number among the four.
    fn split(&mut self, place: Place, part: usize) -> [(Place, usize); 4] {
        let mirrored = Mirrored { across: part & 1 == 1, down: part & 2 == 2 };
        self.joins.push(Join { place, mirrored });
        let [a, b, c, d] = place.split(mirrored);
        [(a, 0), (b, 1), (c, 2), (d, 3)]
    }

    /// Halves twice: four parts of each of four parts.
    fn sixteen(&mut self, (place, part): (Place, usize)) -> [(Place, usize); 16] {
        let mut out = [(Place::default(), 0); 16];
        let parts: Vec<_> = self.split(place, part).into_iter().flat_map(|(place, part)| self.split(place, part)).collect();
        for (out, part) in out.iter_mut().zip(parts) {
            *out = part;
        }
        out
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) const fn height(&self) -> usize {
        self.height
    }

    /// Where subband `number` lies; nowhere from 60 on.
    pub(super) fn subband(&self, number: usize) -> Place {
        self.subbands.get(number).copied().unwrap_or_default()
    }

    /// The halvings in the order in which they are undone, smallest first.
    pub(super) fn joins(&self) -> impl Iterator<Item = Join> {
        self.joins.iter().rev().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sample outside of the high quarter belongs to exactly one subband, for even and odd sides.
    #[test]
    fn subbands_tile_the_plane_but_for_its_high_quarter() {
        for (width, height) in [(256, 256), (545, 622), (640, 480), (33, 47), (1, 1), (500, 501)] {
            let bands = Bands::new(width, height);
            assert_eq!(bands.subbands.len(), COUNT);
            let mut seen = vec![0_u8; width * height];
            for band in 0..COUNT {
                let place = bands.subband(band);
                for y in place.top..place.top + place.height {
                    for x in place.left..place.left + place.width {
                        seen[y * width + x] += 1;
                    }
                }
            }
            for (at, &count) in seen.iter().enumerate() {
                let high = at % width >= width.div_ceil(2) && at / width >= height.div_ceil(2);
                assert_eq!(count, u8::from(!high), "{width} x {height} at {at}");
            }
        }
    }

    /// Figure 9 of the specification, for a picture of 512 by 512.
    #[test]
    fn subbands_lie_where_the_specification_draws_them() {
        let bands = Bands::new(512, 512);
        let at = |band| {
            let Place { left, top, width, height } = bands.subband(band);
            (left, top, width, height)
        };
        assert_eq!([at(0), at(3), at(4), at(18)], [(0, 0, 16, 16), (16, 16, 16, 16), (32, 0, 32, 32), (96, 96, 32, 32)]);
        assert_eq!([at(19), at(35), at(51)], [(128, 0, 32, 32), (0, 128, 32, 32), (128, 128, 128, 128)]);
        assert_eq!([at(52), at(56), at(59)], [(256, 0, 128, 128), (0, 256, 128, 128), (128, 384, 128, 128)]);
    }
}
