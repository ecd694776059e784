//! A random source that a seed reproduces exactly: SHA-256 over seed and counter. For virtual cards and tests, where a session
//! has to replay byte for byte; a card that guards something gets the system's source.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Random bytes from a seed.
pub struct SeededRng {
    seed: Zeroizing<[u8; 32]>,
    counter: u64,
    block: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for SeededRng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeededRng([redacted])")
    }
}

impl SeededRng {
    /// The source that `seed`, of any length, stands for.
    #[must_use]
    pub fn new(seed: &[u8]) -> Self {
        Self { seed: Zeroizing::new(Sha256::digest(seed).into()), counter: 0, block: Zeroizing::default() }
    }

    fn byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.block.pop() {
                return byte;
            }
            let block = Sha256::new().chain_update(&self.seed[..]).chain_update(self.counter.to_be_bytes()).finalize();
            self.block.extend_from_slice(&block);
            self.counter += 1;
        }
    }
}

impl TryRng for SeededRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(std::array::from_fn(|_| self.byte())))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(std::array::from_fn(|_| self.byte())))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.iter_mut().for_each(|byte| *byte = self.byte());
        Ok(())
    }
}

impl TryCryptoRng for SeededRng {}
