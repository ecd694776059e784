//! How many bytes a plain command takes on the wire, per security level and MAC length: formulas, no cryptography.
//!
//! ```text
//! no encryption   C = Lc_max - m                 one command: H + n + m
//! C-DEC           C = 16·⌊(Lc_max - m)/16⌋ - 1   one command: H + 16·(⌊n/16⌋ + 1) + m   (no data: H + m)
//! answer          n + 2 + m with R-MAC           R-ENC: n > 0 becomes 16·(⌊n/16⌋ + 1)
//! ```

use std::str::FromStr;

use eid::scp03::Mode;
use serde::{Serialize, Serializer};

/// How long an APDU may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApduForm {
    /// Short, and as long as one frame of the link takes (`apdu.fit_frame` of the card profile).
    Frame,
    /// Short, up to 255 bytes of command data.
    Short,
    /// Extended, up to this many bytes of command data (256 to 65,535).
    Extended(u16),
}

impl ApduForm {
    /// Most bytes of command data, MAC and padding included, where a frame takes `fit_frame` bytes.
    #[must_use]
    pub const fn max_data(self, fit_frame: usize, max_short: usize) -> usize {
        match self {
            Self::Frame if fit_frame.saturating_sub(5) < max_short => fit_frame.saturating_sub(5),
            Self::Frame | Self::Short => max_short,
            Self::Extended(len) => len as usize,
        }
    }
}

impl std::fmt::Display for ApduForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frame => f.write_str("frame"),
            Self::Short => f.write_str("short"),
            Self::Extended(len) => write!(f, "ext{len}"),
        }
    }
}

impl Serialize for ApduForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for ApduForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "frame" => Ok(Self::Frame),
            "short" => Ok(Self::Short),
            _ => text
                .strip_prefix("ext")
                .and_then(|len| len.parse().ok())
                .filter(|len| *len >= 256)
                .map(Self::Extended)
                .ok_or_else(|| format!("expected frame, short, or extN with N from 256 to 65535, found {text:?}")),
        }
    }
}

/// A secure channel as far as lengths go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Security level: bit 01 C-MAC, 02 C-DEC, 10 R-MAC, 20 R-ENC.
    pub level: u8,
    /// MAC length.
    pub mode: Mode,
    /// Most bytes of command data on the wire.
    pub max_data: usize,
}

impl Wire {
    /// Largest plaintext of one command.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        let room = self.max_data.saturating_sub(self.command_mac());
        if self.level & 0x02 != 0 { (room / 16 * 16).saturating_sub(1) } else { room }
    }

    /// Bytes of a command with `data` bytes of plaintext, with or without a one-byte Le.
    #[must_use]
    pub const fn command(&self, data: usize, le: bool) -> usize {
        let protected = if self.level & 0x02 != 0 && data > 0 { padded(data) } else { data } + self.command_mac();
        let header = match protected {
            0 => 4,
            1..=255 => 5,
            _ => 7,
        };
        header + protected + if le { 1 } else { 0 }
    }

    /// Bytes of a 9000 answer with `data` bytes of plaintext.
    #[must_use]
    pub const fn response(&self, data: usize) -> usize {
        let protected = if self.level & 0x20 != 0 && data > 0 { padded(data) } else { data };
        protected + 2 + if self.level & 0x10 != 0 { self.mode.len() } else { 0 }
    }

    const fn command_mac(&self) -> usize {
        if self.level & 0x01 != 0 { self.mode.len() } else { 0 }
    }
}

const fn padded(data: usize) -> usize {
    16 * (data / 16 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of largest plaintexts: Lc_max by none, C-MAC S8, C-MAC S16, C-DEC S8, C-DEC S16.
    #[test]
    fn largest_plaintext_is_that_of_the_table() {
        for (max_data, expected) in [
            (255, [255, 247, 239, 239, 223]),
            (248, [248, 240, 232, 239, 223]),
            (2_048, [2_048, 2_040, 2_032, 2_031, 2_031]),
            (32_767, [32_767, 32_759, 32_751, 32_751, 32_735]),
        ] {
            let capacity = |level, mode| Wire { level, mode, max_data }.capacity();
            let found =
                [capacity(0, Mode::S8), capacity(1, Mode::S8), capacity(1, Mode::S16), capacity(3, Mode::S8), capacity(3, Mode::S16)];
            assert_eq!(found, expected, "Lc_max {max_data}");
        }
    }

    #[test]
    fn forms_read_what_they_write() {
        for form in [ApduForm::Frame, ApduForm::Short, ApduForm::Extended(2048)] {
            assert_eq!(form.to_string().parse(), Ok(form));
        }
        assert!("ext255".parse::<ApduForm>().is_err() && "extended".parse::<ApduForm>().is_err());
        assert_eq!((ApduForm::Frame.max_data(253, 255), ApduForm::Short.max_data(253, 255)), (248, 255));
    }
}
