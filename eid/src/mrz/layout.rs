//! Where the fields of each format stand (Doc 9303-4, -5, -6 §4.2).

use std::ops::Range;

/// Where the fields stand in the text without line ends.
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) name: Range<usize>,
    pub(super) number: usize,
    pub(super) optional: Range<usize>,
    pub(super) optional_checked: bool,
    pub(super) birth: usize,
    pub(super) nationality: usize,
    pub(super) optional_2: Range<usize>,
    pub(super) composite: usize,
    pub(super) composite_over: &'static [Range<usize>],
}

pub(super) const TD1: Layout = Layout {
    width: 30,
    name: 60..90,
    number: 5,
    optional: 15..30,
    optional_checked: false,
    birth: 30,
    nationality: 45,
    optional_2: 48..59,
    composite: 59,
    composite_over: &[5..30, 30..37, 38..45, 48..59],
};

pub(super) const TD2: Layout = Layout {
    width: 36,
    name: 5..36,
    number: 36,
    optional: 64..71,
    optional_checked: false,
    birth: 49,
    nationality: 46,
    optional_2: 0..0,
    composite: 71,
    composite_over: &[36..46, 49..56, 57..71],
};

pub(super) const TD3: Layout = Layout {
    width: 44,
    name: 5..44,
    number: 44,
    optional: 72..86,
    optional_checked: true,
    birth: 57,
    nationality: 54,
    optional_2: 0..0,
    composite: 87,
    composite_over: &[44..54, 57..64, 65..87],
};

impl Layout {
    pub(super) const fn check_of_number(&self) -> usize {
        self.number + 9
    }

    pub(super) const fn sex(&self) -> usize {
        self.birth + 7
    }

    pub(super) const fn expiry(&self) -> usize {
        self.birth + 8
    }
}
