//! Command and response APDUs (ISO/IEC 7816-4 clause 5): cases 1 to 4, short and extended, and the status word.
//!
//! A [`Command`] is what is meant; [`Command::encode`] chooses the short form where it fits unless `extended` is set.
//! [`Command::parse`] is strict: every byte must have a meaning in one of the seven encodings.

use std::fmt;

/// A command APDU. `le` counts expected bytes: 256 is written `00`, 65,536 is written `0000`.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// Class byte.
    pub cla: u8,
    /// Instruction byte.
    pub ins: u8,
    /// First parameter.
    pub p1: u8,
    /// Second parameter.
    pub p2: u8,
    /// Command data, at most 65,535 bytes; empty for cases 1 and 2.
    pub data: Vec<u8>,
    /// Expected length of the answer, 1 to 65,536; `None` for cases 1 and 3.
    pub le: Option<u32>,
    /// Write lengths in the extended form even where the short one fits.
    pub extended: bool,
}

/// Largest `Le` of the short form.
pub const SHORT_LE_MAX: u32 = 256;
/// Largest `Le` of the extended form.
pub const EXTENDED_LE_MAX: u32 = 65_536;

/// Why bytes are no command APDU, or a command cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApduError {
    /// Fewer than the four header bytes.
    #[error("expected at least 4 bytes CLA INS P1 P2, found {found}")]
    Header {
        /// Bytes found.
        found: usize,
    },
    /// The body fits none of the encodings.
    #[error("Lc at offset 4 announces {announced} data bytes, but {found} bytes follow it")]
    Body {
        /// Data bytes announced by Lc.
        announced: usize,
        /// Bytes after Lc.
        found: usize,
    },
    /// More data or a larger Le than the form can carry.
    #[error("{what} is {found}, at most {max} can be written")]
    TooLong {
        /// `Lc` or `Le`.
        what: &'static str,
        /// What was asked for.
        found: usize,
        /// What fits.
        max: usize,
    },
    /// A response of fewer than the two bytes of the status word.
    #[error("expected a response of at least 2 bytes SW1 SW2, found {found}")]
    Response {
        /// Bytes found.
        found: usize,
    },
}

impl fmt::Debug for Command {
    /// Header and lengths only: data can be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X} {:02X} {:02X} {:02X}", self.cla, self.ins, self.p1, self.p2)?;
        if !self.data.is_empty() {
            write!(f, " ({} bytes)", self.data.len())?;
        }
        self.le.map_or(Ok(()), |le| write!(f, " Le {le}"))
    }
}

impl Command {
    /// Case 1: no data, no answer data expected.
    #[must_use]
    pub const fn new(cla: u8, ins: u8, p1: u8, p2: u8) -> Self {
        Self { cla, ins, p1, p2, data: Vec::new(), le: None, extended: false }
    }

    /// The same with command data.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.data = data.into();
        self
    }

    /// The same with an expected length.
    #[must_use]
    pub const fn with_le(mut self, le: u32) -> Self {
        self.le = Some(le);
        self
    }

    /// The same in extended form.
    #[must_use]
    pub const fn extended(mut self) -> Self {
        self.extended = true;
        self
    }

    /// The four header bytes.
    #[must_use]
    pub const fn header(&self) -> [u8; 4] {
        [self.cla, self.ins, self.p1, self.p2]
    }

    /// Whether [`encode`](Self::encode) writes extended lengths.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        self.extended || self.data.len() > 255 || self.le.is_some_and(|le| le > SHORT_LE_MAX)
    }

    /// The bytes on the wire.
    ///
    /// # Errors
    /// [`ApduError::TooLong`] for more than 65,535 data bytes or an `le` of 0 or above 65,536.
    pub fn encode(&self) -> Result<Vec<u8>, ApduError> {
        let lc = u16::try_from(self.data.len()).map_err(|_| ApduError::TooLong { what: "Lc", found: self.data.len(), max: 65_535 })?;
        if let Some(le) = self.le.filter(|le| !(1..=EXTENDED_LE_MAX).contains(le)) {
            return Err(ApduError::TooLong { what: "Le", found: le as usize, max: EXTENDED_LE_MAX as usize });
        }
        let mut out = Vec::with_capacity(self.data.len() + 9);
        out.extend(self.header());
        // 65,536 and 256 are written as zero: the low bytes of the number.
        let [_, _, le_high, le_low] = self.le.unwrap_or_default().to_be_bytes();
        let [lc_high, lc_low] = lc.to_be_bytes();
        if self.is_extended() {
            if !self.data.is_empty() {
                out.extend([0, lc_high, lc_low]);
                out.extend(&self.data);
            }
            if self.le.is_some() {
                if self.data.is_empty() {
                    out.push(0);
                }
                out.extend([le_high, le_low]);
            }
        } else {
            if !self.data.is_empty() {
                out.push(lc_low);
                out.extend(&self.data);
            }
            if self.le.is_some() {
                out.push(le_low);
            }
        }
        Ok(out)
    }

    /// Reads the bytes on the wire.
    ///
    /// # Errors
    /// [`ApduError::Header`] or [`ApduError::Body`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ApduError> {
        let (&[cla, ins, p1, p2], body) = bytes.split_first_chunk::<4>().ok_or(ApduError::Header { found: bytes.len() })?;
        let mut command = Self::new(cla, ins, p1, p2);
        let short_le = |o: u8| if o == 0 { SHORT_LE_MAX } else { u32::from(o) };
        let extended_le = |h: u8, l: u8| match u16::from_be_bytes([h, l]) {
            0 => EXTENDED_LE_MAX,
            n => u32::from(n),
        };
        match *body {
            [] => {}
            [le] => command.le = Some(short_le(le)),
            [0, h, l] => {
                command.le = Some(extended_le(h, l));
                command.extended = true;
            }
            [0, h, l, ref rest @ ..] if !rest.is_empty() => {
                let announced = usize::from(u16::from_be_bytes([h, l]));
                let (data, le) =
                    rest.split_at_checked(announced).filter(|_| announced > 0).ok_or(ApduError::Body { announced, found: rest.len() })?;
                command.data = data.to_vec();
                command.extended = true;
                match *le {
                    [] => {}
                    [h, l] => command.le = Some(extended_le(h, l)),
                    _ => return Err(ApduError::Body { announced, found: rest.len() }),
                }
            }
            [lc, ref rest @ ..] => {
                let announced = usize::from(lc);
                let (data, le) =
                    rest.split_at_checked(announced).filter(|_| announced > 0).ok_or(ApduError::Body { announced, found: rest.len() })?;
                command.data = data.to_vec();
                match *le {
                    [] => {}
                    [le] => command.le = Some(short_le(le)),
                    _ => return Err(ApduError::Body { announced, found: rest.len() }),
                }
            }
        }
        Ok(command)
    }

    /// The command cut into parts of at most `max` data bytes, all but the last with the chaining bit (ISO/IEC 7816-4 clause 5.3.3).
    #[must_use]
    pub fn chain(&self, max: usize) -> Vec<Self> {
        let max = max.max(1);
        if self.data.len() <= max {
            return vec![self.clone()];
        }
        let count = self.data.len().div_ceil(max);
        self.data
            .chunks(max)
            .enumerate()
            .map(|(n, part)| {
                let last = n + 1 == count;
                Self { cla: if last { self.cla } else { self.cla | 0x10 }, data: part.to_vec(), le: self.le.filter(|_| last), ..*self }
            })
            .collect()
    }
}

/// SW1 SW2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sw(pub u16);

impl Sw {
    /// 9000: no further qualification.
    pub const OK: Self = Self(0x9000);

    /// Whether the command was executed without a remark.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0x9000
    }

    /// SW1.
    #[must_use]
    pub const fn sw1(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// SW2.
    #[must_use]
    pub const fn sw2(self) -> u8 {
        self.0.to_be_bytes()[1]
    }

    /// The meaning in ISO/IEC 7816-4 table 5 and 6, in a few words; empty where the standard has none.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            0x9000 => "no error",
            0x6282 => "end of file reached before reading Ne bytes",
            0x6283 => "selected file deactivated",
            0x6285 => "selected file in termination state",
            0x6300 => "authentication failed",
            0x63C0..=0x63CF => "verification failed, tries left in the last digit",
            0x6581 => "memory failure",
            0x6700 => "wrong length",
            0x6882 => "secure messaging not supported",
            0x6982 => "security status not satisfied",
            0x6983 => "authentication method blocked",
            0x6985 => "conditions of use not satisfied",
            0x6986 => "command not allowed, no current file",
            0x6987 => "secure messaging data objects missing",
            0x6988 => "secure messaging data objects incorrect",
            0x6A80 => "incorrect data",
            0x6A82 => "file or application not found",
            0x6A84 => "not enough memory",
            0x6A86 => "incorrect P1 P2",
            0x6A88 => "referenced data not found",
            0x6B00 => "offset outside the file",
            0x6D00 => "instruction not supported",
            0x6E00 => "class not supported",
            _ => "",
        }
    }
}

impl fmt::Display for Sw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for Sw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A response APDU.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Data before the status word.
    pub data: Vec<u8>,
    /// The status word.
    pub sw: Sw,
}

impl fmt::Debug for Response {
    /// Length and status word only: data can be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes) {}", self.data.len(), self.sw)
    }
}

impl Response {
    /// Data with 9000.
    #[must_use]
    pub fn ok(data: impl Into<Vec<u8>>) -> Self {
        Self { data: data.into(), sw: Sw::OK }
    }

    /// A status word alone.
    #[must_use]
    pub const fn status(sw: u16) -> Self {
        Self { data: Vec::new(), sw: Sw(sw) }
    }

    /// Reads the bytes on the wire.
    ///
    /// # Errors
    /// [`ApduError::Response`] for fewer than two bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApduError> {
        let (data, &sw) = bytes.split_last_chunk::<2>().ok_or(ApduError::Response { found: bytes.len() })?;
        Ok(Self { data: data.to_vec(), sw: Sw(u16::from_be_bytes(sw)) })
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.data.len() + 2);
        out.extend(&self.data);
        out.extend(self.sw.0.to_be_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_seven_encodings_read_and_write() {
        let cases = [
            ("00A4000C", 0, None, false),
            ("00B0000000", 0, Some(256), false),
            ("00A4040C0411223344", 4, None, false),
            ("00A404000411223344FF", 4, Some(255), false),
            ("00B00000000000", 0, Some(65_536), true),
            ("00D60000000002AABB", 2, None, true),
            ("00D60000000002AABB0100", 2, Some(256), true),
        ];
        for (text, lc, le, extended) in cases {
            let bytes = hex::decode(text).expect("hex");
            let command = Command::parse(&bytes).expect(text);
            assert_eq!((command.data.len(), command.le, command.extended), (lc, le, extended), "{text}");
            assert_eq!(command.encode().map(hex::encode_upper).as_deref(), Ok(text));
        }
    }

    #[test]
    fn bodies_without_a_meaning_are_refused() {
        for text in [
            "00A404",
            "00A404000411",
            "00A4040001112233",
            "00B000000000",
            "00D6000000000001",
            "00D60000000003AABB",
            "00D60000000001AABBCCDD",
        ] {
            assert!(Command::parse(&hex::decode(text).expect("hex")).is_err(), "{text}");
        }
        assert_eq!(
            Command::new(0, 0xB0, 0, 0).with_le(65_537).encode(),
            Err(ApduError::TooLong { what: "Le", found: 65_537, max: 65_536 })
        );
        assert_eq!(Response::parse(&[0x90]), Err(ApduError::Response { found: 1 }));
    }

    #[test]
    fn a_chain_sets_the_bit_on_all_but_the_last_part() {
        let parts = Command::new(0, 0x86, 0, 0).with_data(vec![7; 500]).with_le(256).chain(224);
        assert_eq!(
            parts.iter().map(|p| (p.cla, p.data.len(), p.le)).collect::<Vec<_>>(),
            [(0x10, 224, None), (0x10, 224, None), (0, 52, Some(256))]
        );
    }
}
