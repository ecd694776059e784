//! GlobalPlatform secure channel protocol 03 (GPCS 2.3.1 Amendment D 1.2), both roles.
//!
//! ```text
//! host -> INITIALIZE UPDATE        80 50 KVN 00 host challenge (8 | 16)
//! card -> KDD 10 ‖ KVN ‖ 03 ‖ i ‖ card challenge ‖ card cryptogram ‖ [counter 3]
//! host -> EXTERNAL AUTHENTICATE    84 82 level 00 host cryptogram ‖ C-MAC
//! then every command with C-MAC, as the level says enciphered, and answered with R-MAC
//! ```
//!
//! [`host::HostSession`] and [`card::CardSession`] are the two ends of one channel. After any refusal the keys are gone and every
//! further call answers [`ScpError::Closed`]: after a security error both sides start again with INITIALIZE UPDATE.

use std::fmt;
use std::str::FromStr;

use crate::apdu::Sw;
use crate::crypto::cipher::CipherError;

pub mod card;
mod channel;
pub mod diversification;
pub mod host;
pub mod kdf;
pub mod keys;
pub mod put_key;

pub use diversification::{Diversification, kdf3};
pub use keys::{StaticKeys, kcv};

/// Length of challenges, cryptograms and MACs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Eight bytes.
    S8,
    /// Sixteen bytes.
    S16,
}

#[expect(clippy::len_without_is_empty, reason = "a length of bytes, never zero")]
impl Mode {
    /// 8 or 16 bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        match self {
            Self::S8 => 8,
            Self::S16 => 16,
        }
    }

    const fn bits(self) -> u16 {
        match self {
            Self::S8 => 64,
            Self::S16 => 128,
        }
    }

    /// The mode of challenges of `len` bytes.
    #[must_use]
    pub const fn from_len(len: usize) -> Option<Self> {
        match len {
            8 => Some(Self::S8),
            16 => Some(Self::S16),
            _ => None,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S8 => "S8",
            Self::S16 => "S16",
        })
    }
}

impl FromStr for Mode {
    type Err = String;

    /// `S8` or `S16`, in any case.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "S8" => Ok(Self::S8),
            "S16" => Ok(Self::S16),
            _ => Err(format!("expected S8 or S16, found {text:?}")),
        }
    }
}

/// The parameter "i" (Amendment D table 5-1): what a card's implementation of SCP03 does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Implementation(u8);

impl Implementation {
    /// Reads the byte; reserved bits (80, 08, 04, 02) and R-ENC without R-MAC are refused.
    ///
    /// # Errors
    /// [`ScpError::Implementation`].
    pub const fn from_byte(byte: u8) -> Result<Self, ScpError> {
        if byte & 0x8E != 0 || byte & 0x60 == 0x40 { Err(ScpError::Implementation { found: byte }) } else { Ok(Self(byte)) }
    }

    /// The byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// S16 if bit 1 is set.
    #[must_use]
    pub const fn mode(self) -> Mode {
        if self.0 & 0x01 == 0 { Mode::S8 } else { Mode::S16 }
    }

    /// Whether the card challenge is computed from a sequence counter, which then ends the answer to INITIALIZE UPDATE.
    #[must_use]
    pub const fn pseudo_random(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// Whether the card can do what `level` asks for.
    #[must_use]
    pub const fn supports(self, level: SecurityLevel) -> bool {
        (!level.r_mac() || self.0 & 0x20 != 0) && (!level.r_enc() || self.0 & 0x40 != 0)
    }
}

/// Security level: P1 of EXTERNAL AUTHENTICATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecurityLevel {
    /// 00: authenticated only; commands go in clear and without a MAC.
    Authenticated,
    /// 01: C-MAC.
    CMac,
    /// 03: C-DECRYPTION and C-MAC.
    CDecCMac,
    /// 11: C-MAC and R-MAC.
    CMacRMac,
    /// 13: C-DECRYPTION, C-MAC and R-MAC.
    CDecCMacRMac,
    /// 33: C-DECRYPTION, C-MAC, R-ENCRYPTION and R-MAC.
    Full,
}

impl SecurityLevel {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Authenticated, Self::CMac, Self::CDecCMac, Self::CMacRMac, Self::CDecCMacRMac, Self::Full];

    /// The byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Authenticated => 0x00,
            Self::CMac => 0x01,
            Self::CDecCMac => 0x03,
            Self::CMacRMac => 0x11,
            Self::CDecCMacRMac => 0x13,
            Self::Full => 0x33,
        }
    }

    /// The level of a byte.
    ///
    /// # Errors
    /// [`ScpError::Level`] for any other byte.
    pub fn from_byte(byte: u8) -> Result<Self, ScpError> {
        Self::ALL.into_iter().find(|level| level.byte() == byte).ok_or(ScpError::Level { found: byte })
    }

    /// Commands carry a MAC.
    #[must_use]
    pub const fn c_mac(self) -> bool {
        self.byte() & 0x01 != 0
    }

    /// Command data is enciphered.
    #[must_use]
    pub const fn c_dec(self) -> bool {
        self.byte() & 0x02 != 0
    }

    /// Answers carry a MAC.
    #[must_use]
    pub const fn r_mac(self) -> bool {
        self.byte() & 0x10 != 0
    }

    /// Answer data is enciphered.
    #[must_use]
    pub const fn r_enc(self) -> bool {
        self.byte() & 0x20 != 0
    }
}

/// How Lc goes into the C-MAC. GPCS knows short commands only; cards that take extended ones differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MacLcEncoding {
    /// One byte in a short command, 00 and two bytes in an extended one.
    #[default]
    AsSent,
    /// One byte; a command that needs more cannot be wrapped.
    AlwaysShort,
    /// 00 and two bytes, even in a short command.
    ThreeBytes,
}

/// Which commands raise the encryption counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CounterRule {
    /// Each one, as Amendment D says.
    #[default]
    EveryCommand,
    /// Only those with data, as some cards do.
    CommandsWithData,
}

/// In what cards differ, from the card profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Lc in the C-MAC.
    pub mac_lc_encoding: MacLcEncoding,
    /// The encryption counter.
    pub counter: CounterRule,
    /// Host: append Le = 00 to commands without Le when answers carry a MAC.
    pub le_with_rmac: bool,
}

/// Why the secure channel refuses a message. The session is closed after any of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScpError {
    /// A message of another length.
    #[error("SCP03: {what}: expected {expected} bytes, found {found}")]
    Length {
        /// Which message.
        what: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// Bytes found.
        found: usize,
    },
    /// The card speaks another secure channel protocol.
    #[error("SCP03: the card announces protocol {found:02X}, expected 03")]
    Protocol {
        /// The byte found.
        found: u8,
    },
    /// Reserved bits in the parameter i, or a combination that does not exist.
    #[error("SCP03: parameter i = {found:02X} is not one of Amendment D 1.2")]
    Implementation {
        /// The byte found.
        found: u8,
    },
    /// The card answers with another key version than the one asked for.
    #[error("SCP03: key version {expected:02X} was asked for, the card answers with {found:02X}")]
    KeyVersion {
        /// Asked for.
        expected: u8,
        /// Found.
        found: u8,
    },
    /// Challenges and cryptograms of another mode than the challenge that was sent.
    #[error("SCP03: {expected:?} was asked for, the card answers in {found:?}")]
    Mode {
        /// Asked for.
        expected: Mode,
        /// Found.
        found: Mode,
    },
    /// Not a security level, or one that the card's implementation lacks.
    #[error("SCP03: security level {found:02X} does not exist or is not supported by the card")]
    Level {
        /// The byte found.
        found: u8,
    },
    /// The card does not have these keys. Do not try again: cards count failures and lock for ever.
    #[error("SCP03: the card cryptogram is wrong: card and host have different keys")]
    CardCryptogram,
    /// The card challenge is not the one that sequence counter and application give.
    #[error("SCP03: the card challenge does not follow from its sequence counter and application")]
    CardChallenge,
    /// The host does not have these keys; the card answers 6300.
    #[error("SCP03: the host cryptogram is wrong")]
    HostCryptogram,
    /// Not the command of this step, or without the class byte of secure messaging.
    #[error("SCP03: command {found:02X?}, expected {expected}")]
    Command {
        /// What the step asks for.
        expected: &'static str,
        /// CLA and INS found.
        found: [u8; 2],
    },
    /// The C-MAC is wrong; the card answers 6982.
    #[error("SCP03: the MAC of the command is wrong")]
    CMac,
    /// The R-MAC is wrong or missing.
    #[error("SCP03: the MAC of the answer is wrong or missing")]
    RMac,
    /// Deciphered data does not end in 80 00 …, or the cipher text is not whole blocks.
    #[error("SCP03: {0}")]
    Cipher(#[from] CipherError),
    /// Data together with an error status, which no MAC covers.
    #[error("SCP03: {found} bytes of data with status {sw}, which no MAC covers")]
    UnprotectedData {
        /// The status word.
        sw: Sw,
        /// Bytes of data.
        found: usize,
    },
    /// More data than the command form, or the way Lc enters the MAC, can carry.
    #[error("SCP03: wrapped data of {found} bytes, at most {max}")]
    TooLong {
        /// What fits.
        max: usize,
        /// Bytes after wrapping.
        found: usize,
    },
    /// The sequence counter is at its maximum; the card answers 6985.
    #[error("SCP03: the sequence counter is exhausted")]
    Exhausted,
    /// An earlier message was refused; the keys are gone.
    #[error("SCP03: the session was closed by an earlier error")]
    Closed,
}

impl ScpError {
    /// The status word with which a card answers in plain.
    #[must_use]
    pub const fn status(&self) -> Sw {
        match self {
            Self::HostCryptogram => Sw(0x6300),
            Self::Length { .. } | Self::TooLong { .. } => Sw(0x6700),
            Self::Level { .. } => Sw(0x6A86),
            Self::Exhausted => Sw(0x6985),
            _ => Sw(0x6982),
        }
    }
}

#[cfg(test)]
mod tests;
