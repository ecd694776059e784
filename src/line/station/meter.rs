//! Counts what goes over a link, and ends a card that takes too long.

use std::time::{Duration, Instant};

use eid::transport::{Limits, Transport, TransportError};

/// A link with a count of APDUs and bytes, and an end in time.
pub(super) struct Meter<'a> {
    link: &'a mut dyn Transport,
    until: Instant,
    pub(super) apdus: u32,
    pub(super) bytes: u64,
    /// Whether the time ran out.
    pub(super) expired: bool,
}

impl<'a> Meter<'a> {
    pub(super) fn new(link: &'a mut dyn Transport, limit: Duration) -> Self {
        Self { link, until: Instant::now() + limit, apdus: 0, bytes: 0, expired: false }
    }
}

impl Transport for Meter<'_> {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.link.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        if Instant::now() >= self.until {
            self.expired = true;
            return Err(TransportError::Protocol { detail: "the time for this card is up".to_owned() });
        }
        self.apdus = self.apdus.saturating_add(1);
        let answer = self.link.transmit(command)?;
        self.bytes = self.bytes.saturating_add((command.len() + answer.len()) as u64);
        Ok(answer)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        self.link.reset()
    }

    fn limits(&self) -> Limits {
        self.link.limits()
    }
}
