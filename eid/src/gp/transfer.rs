//! LOAD and STORE DATA (GPCS 11.6, 11.11): long data in numbered blocks.

use super::{GpError, expect};
use crate::apdu::Command;

/// One block of a load file: `80 E8 P1 P2`, P1 80 for the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBlock {
    /// The last one.
    pub last: bool,
    /// Number, from 0.
    pub number: u8,
    /// Part of the load file.
    pub data: Vec<u8>,
}

impl LoadBlock {
    /// The plain command.
    #[must_use]
    pub fn command(&self) -> Command {
        let p1 = if self.last { 0x80 } else { 0x00 };
        Command::new(0x80, 0xE8, p1, self.number).with_data(self.data.clone()).with_le(256)
    }

    /// Reads the plain command.
    ///
    /// # Errors
    /// [`GpError::Header`].
    pub fn parse(command: &Command) -> Result<Self, GpError> {
        expect(command, 0xE8, "LOAD 80 E8")?;
        if command.p1 & 0x7F != 0 {
            return Err(GpError::Header { expected: "LOAD with P1 00 or 80", found: command.header() });
        }
        Ok(Self { last: command.p1 == 0x80, number: command.p2, data: command.data.clone() })
    }
}

/// What STORE DATA says of encipherment under Key-DEK: bits 7 and 6 of P1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// 00: says nothing.
    None,
    /// 01: as the application has it.
    ApplicationDependent,
    /// 11: all values are enciphered.
    All,
}

/// What STORE DATA says of structure: bits 5 and 4 of P1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// 00: says nothing.
    None,
    /// 01: data groupings ([`crate::dgi`]).
    Dgi,
    /// 10: BER-TLV.
    Tlv,
}

/// One block: `80 E2 P1 P2`. A sequence has at most 256 of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreData {
    /// The last one.
    pub last: bool,
    /// Encipherment.
    pub encryption: Encryption,
    /// Structure.
    pub structure: Structure,
    /// Answer data is expected (case 4).
    pub answered: bool,
    /// Number, from 0.
    pub number: u8,
    /// The block.
    pub data: Vec<u8>,
}

impl StoreData {
    /// A block of data groupings, in clear or enciphered: P1 08, 88, 68 or E8.
    #[must_use]
    pub fn dgi(last: bool, enciphered: bool, number: u8, data: impl Into<Vec<u8>>) -> Self {
        let encryption = if enciphered { Encryption::All } else { Encryption::None };
        Self { last, encryption, structure: Structure::Dgi, answered: false, number, data: data.into() }
    }

    /// P1.
    #[must_use]
    pub const fn p1(&self) -> u8 {
        let encryption = match self.encryption {
            Encryption::None => 0x00,
            Encryption::ApplicationDependent => 0x20,
            Encryption::All => 0x60,
        };
        let structure = match self.structure {
            Structure::None => 0x00,
            Structure::Dgi => 0x08,
            Structure::Tlv => 0x10,
        };
        (if self.last { 0x80 } else { 0 }) | encryption | structure | (if self.answered { 0x01 } else { 0 })
    }

    /// The plain command.
    #[must_use]
    pub fn command(&self) -> Command {
        let command = Command::new(0x80, 0xE2, self.p1(), self.number).with_data(self.data.clone());
        if self.answered { command.with_le(256) } else { command }
    }

    /// Reads the plain command.
    ///
    /// # Errors
    /// [`GpError::Header`] for reserved bits of P1.
    pub fn parse(command: &Command) -> Result<Self, GpError> {
        expect(command, 0xE2, "STORE DATA 80 E2")?;
        let unknown = GpError::Header { expected: "STORE DATA without reserved bits in P1", found: command.header() };
        let encryption = match command.p1 & 0x60 {
            0x00 => Encryption::None,
            0x20 => Encryption::ApplicationDependent,
            0x60 => Encryption::All,
            _ => return Err(unknown),
        };
        let structure = match command.p1 & 0x18 {
            0x00 => Structure::None,
            0x08 => Structure::Dgi,
            0x10 => Structure::Tlv,
            _ => return Err(unknown),
        };
        if command.p1 & 0x06 != 0 {
            return Err(unknown);
        }
        let (last, answered) = (command.p1 & 0x80 != 0, command.p1 & 0x01 != 0);
        Ok(Self { last, encryption, structure, answered, number: command.p2, data: command.data.clone() })
    }
}
