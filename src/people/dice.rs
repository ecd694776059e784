//! Repeatable chance: ChaCha20 keyed by seed, person, and purpose, so that a new detail in one place changes no other.

use chacha20::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// A generator for one purpose of one person.
pub(super) struct Dice(ChaCha20Rng);

impl Dice {
    pub(super) fn new(seed: u64, index: u32, purpose: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"cardwright people 1");
        hash.update(seed.to_be_bytes());
        hash.update(index.to_be_bytes());
        hash.update(purpose.as_bytes());
        Self(ChaCha20Rng::from_seed(hash.finalize().into()))
    }

    /// 32 random bits.
    pub(super) fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 0 to `end` - 1; the bias for the small ranges used here is below one in four thousand.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        let scaled = (u64::from(self.word()) * u64::from(end)) >> 32;
        u32::try_from(scaled).unwrap_or_default()
    }

    /// 0 to `last`.
    pub(super) fn up_to(&mut self, last: u16) -> u16 {
        u16::try_from(self.below(u32::from(last) + 1)).unwrap_or_default()
    }

    /// True in `percent` of a hundred cases.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of the values; the slice is not empty.
    pub(super) fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        let at = self.below(u32::try_from(values.len()).unwrap_or(u32::MAX));
        values.get(at as usize).copied().expect("a list of choices has at least one, and the index is below its length")
    }

    /// A number from `low` to `high`, in 4,096 steps.
    pub(super) fn range(&mut self, low: f32, high: f32) -> f32 {
        let step = u16::try_from(self.below(4096)).unwrap_or_default();
        low + (high - low) * f32::from(step) / 4095.0
    }
}
