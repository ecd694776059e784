//! The seam to a card: bytes of a command APDU go in, bytes of a response come out.
//!
//! Behind it stand PC/SC, vpcd (the reader's half), a virtual card in process, a recorder and a replayer.

/// What a reader and its card can carry in one APDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest command APDU in bytes, header included.
    pub max_command: usize,
    /// Longest response APDU in bytes, status word included.
    pub max_response: usize,
}

impl Limits {
    /// Short APDUs only: 4 + 1 + 255 + 1 and 256 + 2.
    pub const SHORT: Self = Self { max_command: 261, max_response: 258 };
    /// What vpcd and pcscd pass: 65,535 each way.
    pub const EXTENDED: Self = Self { max_command: 65_535, max_response: 65_535 };
}

/// Why a card could not be reached or did not answer. None of these is a statement of the card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// There is no card in the reader.
    #[error("no card in reader {reader}")]
    NoCard {
        /// Name of the reader.
        reader: String,
    },
    /// The card left, or its link broke inside an APDU. Nothing is known about the last command.
    #[error("card gone from reader {reader}: {detail}")]
    CardGone {
        /// Name of the reader.
        reader: String,
        /// What the link said.
        detail: String,
    },
    /// Another program reset the card: every secure channel and selection is lost.
    #[error("card in reader {reader} was reset by another program")]
    ResetByOther {
        /// Name of the reader.
        reader: String,
    },
    /// Another program holds the card.
    #[error("reader {reader} is in use by another program")]
    InUse {
        /// Name of the reader.
        reader: String,
    },
    /// There is no such reader.
    #[error("no reader {reader}; there are: {}", if .known.is_empty() { "none".to_owned() } else { .known.join(", ") })]
    UnknownReader {
        /// What was asked for.
        reader: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The reader's service (pcscd, smart card service) is not running or went away.
    #[error("reader service not available: {detail}")]
    Service {
        /// What it said.
        detail: String,
    },
    /// The card does not answer to reset as a card does.
    #[error("card in reader {reader} is mute or unsupported: {detail}")]
    Unresponsive {
        /// Name of the reader.
        reader: String,
        /// What was found.
        detail: String,
    },
    /// The bytes cannot be sent over this link, or what came back is no response.
    #[error("{detail}")]
    Protocol {
        /// What was expected and found.
        detail: String,
    },
}

/// A card within reach. Commands are at least 4 bytes long, responses at least 2.
pub trait Transport {
    /// The answer to reset, 2 to 33 bytes.
    ///
    /// # Errors
    /// The card is not there or mute.
    fn atr(&mut self) -> Result<Vec<u8>, TransportError>;

    /// Sends one command APDU and returns the response APDU, data and status word.
    ///
    /// # Errors
    /// Any [`TransportError`]. After [`TransportError::CardGone`] nothing is known about whether the command was executed.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError>;

    /// Cold reset: all volatile state of the card is lost.
    ///
    /// # Errors
    /// The card is not there or mute.
    fn reset(&mut self) -> Result<(), TransportError>;

    /// What the link can carry.
    fn limits(&self) -> Limits;
}

impl<T: Transport + ?Sized> Transport for &mut T {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        (**self).atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        (**self).transmit(command)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        (**self).reset()
    }

    fn limits(&self) -> Limits {
        (**self).limits()
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn atr(&mut self) -> Result<Vec<u8>, TransportError> {
        (**self).atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        (**self).transmit(command)
    }

    fn reset(&mut self) -> Result<(), TransportError> {
        (**self).reset()
    }

    fn limits(&self) -> Limits {
        (**self).limits()
    }
}
