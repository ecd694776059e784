//! Links between a terminal and a card that are less than the best.

use eid::transport::{Limits, Transport, TransportError};

/// A link that carries short APDUs only.
pub(crate) struct ShortLink<T>(pub(crate) T);

impl<T: Transport> Transport for ShortLink<T> {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        self.0.atr()
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.0.transmit(command)
    }
    fn reset(&mut self) -> Result<(), TransportError> {
        self.0.reset()
    }
    fn limits(&self) -> Limits {
        Limits::SHORT
    }
}
