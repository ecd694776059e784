//! Randomness for tests: bytes from a worked example, or a stream from a seed.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use crate::crypto::hash::Hash;

/// Gives exactly the bytes of a worked example, in order.
pub(crate) struct Given(pub(crate) Vec<u8>);

impl Given {
    pub(crate) fn hex(parts: &[&str]) -> Self {
        Self(hex::decode(parts.concat()).expect("hex"))
    }
}

/// SHA-256 in counter mode over a seed.
pub(crate) struct Seeded {
    seed: u64,
    counter: u64,
    rest: Vec<u8>,
}

impl Seeded {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, counter: 0, rest: Vec::new() }
    }
}

impl TryRng for Given {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        assert!(out.len() <= self.0.len(), "the example gives {} more random bytes, {} are asked for", self.0.len(), out.len());
        self.0.drain(..out.len()).zip(out).for_each(|(given, octet)| *octet = given);
        Ok(())
    }
}

impl TryCryptoRng for Given {}

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.try_fill_bytes(&mut octets)?;
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.try_fill_bytes(&mut octets)?;
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for octet in out {
            if self.rest.is_empty() {
                self.rest = Hash::Sha256.digest(&[&self.seed.to_be_bytes(), &self.counter.to_be_bytes()]);
                self.counter += 1;
            }
            *octet = self.rest.pop().expect("just filled");
        }
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}
