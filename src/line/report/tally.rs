//! Counting in constant memory: how long something took, and when cards came.

use std::collections::BTreeMap;

use super::Percentiles;
use crate::line::store::Moment;

/// Buckets for each doubling: a time is known to 1/32.
const FINE: u32 = 32;
/// log2 of [`FINE`].
const FINE_BITS: u32 = 5;

/// Times in milliseconds, in buckets that are fixed: one for each millisecond up to 63, then 32 for each doubling.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    most: u32,
}

/// The bucket of a time.
fn bucket(milliseconds: u32) -> usize {
    let doublings = 31_u32.saturating_sub(milliseconds.leading_zeros()).saturating_sub(FINE_BITS);
    // the upper bits of the time, from 32 to 63 as soon as there was a doubling
    let place = doublings * FINE + (milliseconds >> doublings);
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The longest time of a bucket.
fn upper(bucket: usize) -> u32 {
    let bucket = u32::try_from(bucket).unwrap_or(u32::MAX);
    let doublings = (bucket / FINE).saturating_sub(1);
    let first = u64::from(bucket - doublings * FINE) << doublings;
    u32::try_from(first + (1 << doublings) - 1).unwrap_or(u32::MAX)
}

impl Histogram {
    /// Counts a time.
    pub fn add(&mut self, milliseconds: u32) {
        let place = bucket(milliseconds);
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.count += 1;
        self.most = self.most.max(milliseconds);
    }

    /// The time that `share` of 100 did not exceed, by the nearest rank: the end of its bucket, never more than the longest. 0 without any.
    #[must_use]
    pub fn percentile(&self, share: u64) -> u32 {
        let rank = (u128::from(self.count) * u128::from(share)).div_ceil(100).max(1);
        let mut sum = 0_u128;
        for (place, count) in self.counts.iter().enumerate() {
            sum += u128::from(*count);
            if sum >= rank {
                return upper(place).min(self.most);
            }
        }
        0
    }

    /// How many were longer than `milliseconds`, as far as buckets tell: those in later ones.
    #[must_use]
    pub fn longer(&self, milliseconds: u32) -> u64 {
        self.counts.iter().skip(bucket(milliseconds) + 1).sum()
    }

    /// The usual ones.
    #[must_use]
    pub fn percentiles(&self) -> Percentiles {
        Percentiles { count: self.count, p50: self.percentile(50), p95: self.percentile(95), p99: self.percentile(99), most: self.most }
    }
}

/// Widths of windows in seconds; each one holds the one before it a whole number of times.
const WIDTHS: [i64; 9] = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400];
/// Windows at most.
const WINDOWS: usize = 720;
/// A quarter of an hour.
const QUARTER: i64 = 900;

/// Cards that ended in a window of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Good ones.
    pub good: u64,
    /// Failed ones.
    pub scrap: u64,
}

/// Windows of time with the cards that ended in them. Windows are a second at first, and grow wider when there are too many.
#[derive(Clone, Debug)]
pub struct Timeline {
    width: i64,
    windows: BTreeMap<i64, Window>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { width: 1, windows: BTreeMap::new() }
    }
}

impl Timeline {
    /// A card ended.
    pub fn add(&mut self, moment: Moment, good: bool) {
        let window = self.windows.entry(moment.div_euclid(self.width)).or_default();
        if good {
            window.good += 1;
        } else {
            window.scrap += 1;
        }
        while self.span() > WINDOWS || self.windows.len() > WINDOWS {
            let wider = WIDTHS.into_iter().find(|width| *width > self.width).unwrap_or_else(|| self.width.saturating_mul(7));
            if wider == self.width {
                break;
            }
            self.widen(wider);
        }
    }

    /// Windows from the first to the last, empty ones too.
    fn span(&self) -> usize {
        match (self.windows.first_key_value(), self.windows.last_key_value()) {
            (Some((first, _)), Some((last, _))) => usize::try_from(last.abs_diff(*first)).unwrap_or(usize::MAX).saturating_add(1),
            _ => 0,
        }
    }

    fn widen(&mut self, width: i64) {
        let old = std::mem::take(&mut self.windows);
        for (place, window) in old {
            let start = place.saturating_mul(self.width);
            let sum = self.windows.entry(start.div_euclid(width)).or_default();
            sum.good += window.good;
            sum.scrap += window.scrap;
        }
        self.width = width;
    }

    /// Seconds of a window.
    #[must_use]
    pub const fn width(&self) -> i64 {
        self.width
    }

    /// The windows from the first to the last with their starts, empty ones too.
    #[must_use]
    pub fn windows(&self) -> Vec<(Moment, Window)> {
        let (Some((first, _)), Some((last, _))) = (self.windows.first_key_value(), self.windows.last_key_value()) else {
            return Vec::new();
        };
        let at = |place: i64| (place.saturating_mul(self.width), self.windows.get(&place).copied().unwrap_or_default());
        (*first..=*last).take(WINDOWS).map(at).collect()
    }

    /// Good cards in the best and in the last quarter of an hour; none before a quarter has passed, or if windows are wider than that.
    #[must_use]
    pub fn quarters(&self) -> Option<[u64; 2]> {
        let windows = self.windows();
        let length = usize::try_from(QUARTER / self.width).unwrap_or(0);
        if length == 0 || windows.len() < length {
            return None;
        }
        let sum = |windows: &[(Moment, Window)]| windows.iter().map(|(_, window)| window.good).sum::<u64>();
        let best = windows.windows(length).map(sum).max()?;
        let last = windows.windows(length).next_back().map(sum)?;
        Some([best, last])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_never_told_too_short_and_at_most_a_thirty_second_too_long() {
        for milliseconds in (0..3_000).chain([4_095, 4_096, 65_535, 65_536, 1_000_000, u32::MAX - 1, u32::MAX]) {
            let told = upper(bucket(milliseconds));
            assert!(
                told >= milliseconds && u64::from(told) <= u64::from(milliseconds) + u64::from(milliseconds / 32),
                "{milliseconds}: {told}"
            );
        }
        for (one, other) in (0..100_000_u32).zip(1..) {
            assert!(bucket(other) == bucket(one) || bucket(other) == bucket(one) + 1, "{one}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let mut times = Histogram::default();
        assert_eq!(times.percentiles(), Percentiles::default());
        (1..=60).for_each(|time| times.add(time));
        assert_eq!(times.percentiles(), Percentiles { count: 60, p50: 30, p95: 57, p99: 60, most: 60 });
        assert_eq!((times.longer(50), times.longer(60), times.longer(1_000_000)), (10, 0, 0));
        let mut one = Histogram::default();
        one.add(1_000_003);
        assert_eq!(one.percentile(50), 1_000_003, "no percentile is above the longest time");
    }

    #[test]
    fn windows_grow_wider_and_lose_no_card() {
        let mut line = Timeline::default();
        for n in 0..10_000_i64 {
            line.add(1_790_000_000 + n * 7, n % 10 != 0);
        }
        let windows = line.windows();
        assert_eq!((line.width(), windows.len() <= WINDOWS), (300, true));
        let (good, scrap) = windows.iter().fold((0, 0), |(good, scrap), (_, one)| (good + one.good, scrap + one.scrap));
        assert_eq!((good, scrap), (9_000, 1_000));
        // a card each 7 s, nine of ten good: 900 s hold 128 cards
        let [best, last] = line.quarters().expect("longer than a quarter");
        assert!((114..=117).contains(&best) && last <= best && last > 70, "{best} {last}");
    }

    #[test]
    fn moments_that_nobody_lived_through_do_not_fill_the_memory() {
        let mut line = Timeline::default();
        for n in 0..2_000_i64 {
            line.add(n.wrapping_mul(0x5DEE_CE66_D0F3_3173), true);
        }
        assert!(line.windows().len() <= WINDOWS);
        let mut short = Timeline::default();
        short.add(5, true);
        assert_eq!((short.windows().len(), short.quarters()), (1, None));
    }
}
