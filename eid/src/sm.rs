//! Secure messaging of Doc 9303-11 §9.8, both roles: DO'87', DO'85', DO'97', DO'99', DO'8E', send sequence counter.
//!
//! ```text
//! command   0X INS P1 P2  Lc  [87 L 01 ‖ cipher | 85 L cipher]  [97 L Le]  8E 08 MAC  00 | 0000      85 if INS is odd
//! response                    [87 L 01 ‖ cipher | 85 L cipher]   99 02 SW  8E 08 MAC  SW
//! MAC over  counter ‖ pad(header) ‖ pad(objects before 8E)    in a response without the header; where there are no objects, nothing follows the header
//! ```
//!
//! It refuses objects out of order, twice, or unknown; a status word that differs from the one outside; padding that is none.
//! After any refusal the keys are gone and every further call answers [`SmError::Closed`].

use std::fmt;

use subtle::ConstantTimeEq;

use crate::apdu::{Command, EXTENDED_LE_MAX, Response, SHORT_LE_MAX, Sw};
use crate::crypto::cipher::{CipherError, CipherKey, pad, unpad};
use crate::crypto::kdf::{Purpose, Suite, derive};
use crate::crypto::mac::MacKey;
use crate::secret::Secret;
use crate::tlv::{self, Reader, Tag, TlvError};

/// A secure channel: keys and the send sequence counter. The same value serves terminal and chip; each call advances the counter by one.
pub struct SecureMessaging {
    suite: Suite,
    keys: Option<Keys>,
    counter: Vec<u8>,
    /// INS of the command under way is odd: its answer takes DO'85'.
    odd: bool,
    tolerances: Vec<Tolerance>,
    met: Vec<Tolerance>,
}

#[derive(Clone, Debug)]
struct Keys {
    enc: CipherKey,
    mac: MacKey,
}

/// What a terminal can be told to forgive because a card in the field does so. Each weakens a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tolerance {
    /// The answer has no DO'99': its status word is not authenticated.
    StatusObjectMissing,
    /// The answer carries DO'87' where INS asks for DO'85', or the reverse.
    OtherDataObject,
}

/// What a card's counter did with a command that the card refused in the clear. The standard lets it end the channel (Doc 9303-11 §9.8.8);
/// cards that refuse a length before they look at the message keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Nothing: the command never reached secure messaging.
    Nothing,
    /// The command was counted, the answer was not.
    Command,
    /// Both were counted, although the answer was not protected.
    Both,
}

/// Why a protected message is refused. The channel is closed after any of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmError {
    /// A required data object is missing (6987).
    #[error("secure messaging object {expected} is missing")]
    Missing {
        /// The object.
        expected: &'static str,
    },
    /// The MAC is wrong (6988).
    #[error("secure messaging MAC is wrong")]
    Mac,
    /// An object that is unknown, repeated, or at the wrong place (6988).
    #[error("secure messaging object {found} at offset {at} is unexpected here")]
    Order {
        /// The object.
        found: Tag,
        /// Its offset in the data field.
        at: usize,
    },
    /// An object has a length that its kind does not allow (6988).
    #[error("secure messaging object {object}: expected {expected}, found {found} bytes")]
    Length {
        /// The object.
        object: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// Bytes found.
        found: usize,
    },
    /// The first byte of DO'87' is not 01, or the deciphered data does not end in 80 00 … (6988).
    #[error("secure messaging padding is not method 2 with indicator 01")]
    Padding,
    /// DO'99' says another status than the one outside (6988).
    #[error("secure messaging status {inside} differs from the status word {outside}")]
    Status {
        /// In DO'99'.
        inside: Sw,
        /// SW1 SW2.
        outside: Sw,
    },
    /// The data field is no TLV (6988).
    #[error("malformed secure messaging: {0}")]
    Tlv(#[from] TlvError),
    /// The command came without secure messaging, or its Le is not 00 or 0000.
    #[error("command {found}, expected {expected}")]
    Command {
        /// What the clause asks for.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The answer came without secure messaging: the channel is gone. The status word is only a reading, not authenticated.
    #[error("answer without secure messaging, status {0}")]
    Unprotected(Sw),
    /// More data than an APDU can carry.
    #[error("protected data of {found} bytes, an APDU carries 65535")]
    TooLong {
        /// Bytes after protection.
        found: usize,
    },
    /// The counter is exhausted.
    #[error("send sequence counter exhausted")]
    Exhausted,
    /// An earlier message was refused; the keys are gone.
    #[error("secure messaging was closed by an earlier error")]
    Closed,
}

impl SmError {
    /// The status word with which a chip answers in plain: 6987 for what is missing, else 6988 (Doc 9303-11 §9.8.8).
    #[must_use]
    pub const fn status(&self) -> Sw {
        match self {
            Self::Missing { .. } | Self::Command { .. } => Sw(0x6987),
            _ => Sw(0x6988),
        }
    }
}

impl fmt::Debug for SecureMessaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureMessaging").field("suite", &self.suite).field("open", &self.is_open()).finish_non_exhaustive()
    }
}

impl SecureMessaging {
    /// A channel with derived keys. `counter` has one block (8 bytes for 3DES, 16 for AES); after PACE and CA it is zero.
    ///
    /// # Errors
    /// A key or the counter has another length than the suite's.
    pub fn new(suite: Suite, k_enc: &Secret, k_mac: &Secret, counter: &[u8]) -> Result<Self, CipherError> {
        if counter.len() != suite.block_len() {
            return Err(CipherError::NotWholeBlocks { block: suite.block_len(), found: counter.len() });
        }
        let keys = Keys { enc: CipherKey::new(suite, k_enc.expose())?, mac: MacKey::new(suite, k_mac.expose())? };
        Ok(Self { suite, keys: Some(keys), counter: counter.to_vec(), odd: false, tolerances: Vec::new(), met: Vec::new() })
    }

    /// The channel of a shared secret, counter zero: keys by the KDF of Doc 9303-11 §9.7.1, `nonce` as in [`derive()`].
    ///
    /// # Panics
    /// Never: the KDF gives keys of the suite's length.
    #[must_use]
    pub fn from_shared(suite: Suite, shared: &Secret, nonce: &[u8]) -> Self {
        let key = |purpose| derive(suite, shared.expose(), nonce, purpose);
        Self::new(suite, &key(Purpose::Encryption), &key(Purpose::Mac), &vec![0; suite.block_len()])
            .expect("the KDF gives keys of the suite's length")
    }

    /// Terminal: from now on forgives what `tolerance` says. Each use is kept in [`Self::tolerated`] for the report.
    #[must_use]
    pub fn danger_tolerate(mut self, tolerance: Tolerance) -> Self {
        self.tolerances.push(tolerance);
        self
    }

    /// The tolerances that a card needed so far, each once.
    #[must_use]
    pub fn tolerated(&self) -> &[Tolerance] {
        &self.met
    }

    /// Whether the channel still has its keys.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.keys.is_some()
    }

    /// The suite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Terminal: protects a plain command.
    ///
    /// # Errors
    /// The counter is exhausted, the command is too long, or the channel is closed.
    pub fn protect_command(&mut self, command: &Command) -> Result<Command, SmError> {
        self.closing(|channel, keys| channel.write_command(keys, command))
    }

    /// Chip: checks and opens a protected command.
    ///
    /// # Errors
    /// Any [`SmError`]; answer with [`SmError::status`] in plain.
    pub fn unprotect_command(&mut self, command: &Command) -> Result<Command, SmError> {
        self.closing(|channel, keys| channel.read_command(keys, command))
    }

    /// Chip: protects a plain response.
    ///
    /// # Errors
    /// The counter is exhausted, the answer is too long, or the channel is closed.
    pub fn protect_response(&mut self, response: &Response) -> Result<Response, SmError> {
        self.closing(|channel, keys| channel.write_response(keys, response))
    }

    /// Chip: protects an answer as `make` writes it, counted as [`protect_response`](Self::protect_response) counts. Nothing is checked: for test
    /// cards, which are wrong on purpose.
    ///
    /// # Errors
    /// The counter is exhausted, or the channel is closed.
    pub fn danger_protect_with(&mut self, make: impl FnOnce(&Workbench<'_>) -> Response) -> Result<Response, SmError> {
        self.closing(|channel, keys| Ok(make(&Workbench { channel, keys })))
    }

    /// Terminal: checks and opens a protected response.
    ///
    /// # Errors
    /// Any [`SmError`].
    pub fn unprotect_response(&mut self, response: &Response) -> Result<Response, SmError> {
        self.closing(|channel, keys| channel.read_response(keys, response))
    }

    /// Terminal: after [`protect_command`](Self::protect_command) and an answer in the clear, which nobody may believe, sets the counter to
    /// where a card has it that did `counted`. It only makes a next command possible: a wrong guess ends the channel at the card. Two
    /// commands may then go under one counter, so the caller sends only what asks for the same bytes again.
    pub fn danger_recount(&mut self, counted: Counted) {
        match counted {
            Counted::Command => {}
            Counted::Nothing => back(&mut self.counter),
            Counted::Both => {
                if self.count().is_err() {
                    self.keys = None;
                }
            }
        }
    }

    /// Moves the counter over `exchanges` commands with their answers: for who opens one of a recorded conversation and has not the others. The
    /// keys are gone if the counter does not reach so far.
    pub fn danger_skip(&mut self, exchanges: u32) {
        let mut carry = 2 * u64::from(exchanges);
        for octet in self.counter.iter_mut().rev() {
            let sum = u64::from(*octet) + carry % 256;
            *octet = sum.to_le_bytes()[0];
            carry = carry / 256 + sum / 256;
        }
        if carry != 0 {
            self.keys = None;
        }
    }

    /// Counts, runs one step, and puts the keys back only if it went well.
    fn closing<T>(&mut self, step: impl FnOnce(&mut Self, &Keys) -> Result<T, SmError>) -> Result<T, SmError> {
        let keys = self.keys.take().ok_or(SmError::Closed)?;
        self.count()?;
        let result = step(self, &keys)?;
        self.keys = Some(keys);
        Ok(result)
    }

    fn count(&mut self) -> Result<(), SmError> {
        for octet in self.counter.iter_mut().rev() {
            *octet = octet.wrapping_add(1);
            if *octet != 0 {
                return Ok(());
            }
        }
        Err(SmError::Exhausted)
    }

    fn write_command(&mut self, keys: &Keys, command: &Command) -> Result<Command, SmError> {
        self.odd = command.ins & 1 == 1;
        let header = [command.cla | 0x0C, command.ins, command.p1, command.p2];
        let mut body = Vec::with_capacity(command.data.len() + 48);
        self.push_data(keys, &mut body, &command.data);
        if let Some(le) = command.le {
            let octets = le.to_be_bytes();
            tlv::push(&mut body, 0x97, octets.get(if le > SHORT_LE_MAX { 2.. } else { 3.. }).unwrap_or_default());
        }
        let mac = self.mac(keys, Some(header), &body);
        tlv::push(&mut body, 0x8E, &mac);
        if body.len() > usize::from(u16::MAX) {
            return Err(SmError::TooLong { found: body.len() });
        }
        let [cla, ins, p1, p2] = header;
        let extended = command.is_extended() || body.len() > 255;
        Ok(Command { cla, ins, p1, p2, data: body, le: Some(if extended { EXTENDED_LE_MAX } else { SHORT_LE_MAX }), extended })
    }

    fn read_command(&mut self, keys: &Keys, command: &Command) -> Result<Command, SmError> {
        // First interindustry range only: 0C, with the chaining bit 1C, and proprietary 8C.
        if command.cla & 0x6C != 0x0C {
            return Err(SmError::Command { expected: "class byte 0C", found: "without secure messaging" });
        }
        self.odd = command.ins & 1 == 1;
        let objects = Objects::read(&command.data, Role::Command)?;
        self.check_mac(keys, Some(command.header()), &objects)?;
        let outer = if command.extended { EXTENDED_LE_MAX } else { SHORT_LE_MAX };
        match command.le {
            None => return Err(SmError::Command { expected: "Le 00 or 0000", found: "without Le" }),
            Some(le) if le != outer => return Err(SmError::Command { expected: "Le 00 or 0000", found: "with another Le" }),
            Some(_) => {}
        }
        let le = match objects.le {
            None => None,
            // An empty DO'97' asks for as much as there is (ISO/IEC 7816-4 table 49).
            Some([]) => Some(outer),
            Some(&[le]) => Some(if le == 0 { SHORT_LE_MAX } else { u32::from(le) }),
            Some(&[high, low]) => Some(match u16::from_be_bytes([high, low]) {
                0 => EXTENDED_LE_MAX,
                le => u32::from(le),
            }),
            Some(other) => return Err(SmError::Length { object: "97", expected: "0 to 2 bytes", found: other.len() }),
        };
        let data = self.open_data(keys, &objects)?;
        Ok(Command { cla: command.cla & !0x0C, data, le, ..*command })
    }

    fn write_response(&mut self, keys: &Keys, response: &Response) -> Result<Response, SmError> {
        let mut body = Vec::with_capacity(response.data.len() + 48);
        self.push_data(keys, &mut body, &response.data);
        tlv::push(&mut body, 0x99, &response.sw.0.to_be_bytes());
        let mac = self.mac(keys, None, &body);
        tlv::push(&mut body, 0x8E, &mac);
        if body.len() > usize::from(u16::MAX) {
            return Err(SmError::TooLong { found: body.len() });
        }
        Ok(Response { data: body, sw: response.sw })
    }

    fn read_response(&mut self, keys: &Keys, response: &Response) -> Result<Response, SmError> {
        if response.data.is_empty() {
            return Err(SmError::Unprotected(response.sw));
        }
        let objects = Objects::read(&response.data, Role::Response)?;
        self.check_mac(keys, None, &objects)?;
        match objects.status {
            Some(&[sw1, sw2]) => {
                let inside = Sw(u16::from_be_bytes([sw1, sw2]));
                if inside != response.sw {
                    return Err(SmError::Status { inside, outside: response.sw });
                }
            }
            Some(other) => return Err(SmError::Length { object: "99", expected: "2 bytes", found: other.len() }),
            None => self.forgive(Tolerance::StatusObjectMissing, SmError::Missing { expected: "99" })?,
        }
        Ok(Response { data: self.open_data(keys, &objects)?, sw: response.sw })
    }

    fn forgive(&mut self, tolerance: Tolerance, error: SmError) -> Result<(), SmError> {
        if !self.tolerances.contains(&tolerance) {
            return Err(error);
        }
        if !self.met.contains(&tolerance) {
            self.met.push(tolerance);
        }
        Ok(())
    }

    /// Appends DO'87' or DO'85' unless there is nothing to encipher.
    fn push_data(&self, keys: &Keys, out: &mut Vec<u8>, plain: &[u8]) {
        if plain.is_empty() {
            return;
        }
        let mut value = Vec::with_capacity(plain.len() + 17);
        value.extend_from_slice(plain);
        pad(&mut value, self.suite.block_len());
        keys.enc.encrypt_cbc(&self.iv(keys), &mut value).expect("padded to whole blocks");
        if !self.odd {
            value.insert(0, 0x01);
        }
        tlv::push(out, if self.odd { 0x85 } else { 0x87 }, &value);
    }

    fn open_data(&mut self, keys: &Keys, objects: &Objects<'_>) -> Result<Vec<u8>, SmError> {
        let Some((tag, value, at)) = objects.data else { return Ok(Vec::new()) };
        if (tag == Tag(0x85)) != self.odd {
            let error = SmError::Order { found: tag, at };
            if objects.role == Role::Command {
                return Err(error);
            }
            self.forgive(Tolerance::OtherDataObject, error)?;
        }
        let cipher = if tag == Tag(0x85) { value } else { value.strip_prefix(&[0x01]).ok_or(SmError::Padding)? };
        let block = self.suite.block_len();
        if cipher.is_empty() || !cipher.len().is_multiple_of(block) {
            return Err(SmError::Length { object: "85 or 87", expected: "whole blocks", found: cipher.len() });
        }
        let mut plain = cipher.to_vec();
        keys.enc.decrypt_cbc(&self.iv(keys), &mut plain).map_err(|_| SmError::Padding)?;
        let len = unpad(&plain, block).map_err(|_| SmError::Padding)?.len();
        plain.truncate(len);
        Ok(plain)
    }

    /// Zero for 3DES; the enciphered counter for AES.
    fn iv(&self, keys: &Keys) -> Vec<u8> {
        self.iv_of(keys, self.counter.clone())
    }

    fn iv_of(&self, keys: &Keys, mut counter: Vec<u8>) -> Vec<u8> {
        if self.suite == Suite::TripleDes {
            return vec![0; 8];
        }
        keys.enc.encrypt_blocks(&mut counter).expect("the counter is one block");
        counter
    }

    fn mac(&self, keys: &Keys, header: Option<[u8; 4]>, objects: &[u8]) -> [u8; 8] {
        let block = self.suite.block_len();
        let mut tail = [0; 16];
        let (padded_header, used) = match header {
            Some(header) => {
                let mut padded = header.to_vec();
                pad(&mut padded, block);
                let used = padded.len();
                (padded, used)
            }
            None => (Vec::new(), 0),
        };
        // The counter is one block, so only what follows it decides the length of the padding.
        // ISO/IEC 7816-4 §10.2.3.1 pads the header and each run of objects: a command without data and Le is its padded header alone.
        let padding = if used > 0 && objects.is_empty() { 0 } else { block - (used + objects.len()) % block };
        tail[0] = 0x80;
        keys.mac.mac_padded(&[&self.counter, &padded_header, objects, tail.get(..padding).unwrap_or_default()])
    }

    fn check_mac(&self, keys: &Keys, header: Option<[u8; 4]>, objects: &Objects<'_>) -> Result<(), SmError> {
        if objects.mac.len() != 8 {
            return Err(SmError::Length { object: "8E", expected: "8 bytes", found: objects.mac.len() });
        }
        let right: bool = self.mac(keys, header, objects.covered).ct_eq(objects.mac).into();
        if right { Ok(()) } else { Err(SmError::Mac) }
    }
}

/// One less, as the counter was before it counted.
fn back(counter: &mut [u8]) {
    for octet in counter.iter_mut().rev() {
        let borrow = *octet == 0;
        *octet = octet.wrapping_sub(1);
        if !borrow {
            break;
        }
    }
}

/// What [`SecureMessaging::danger_protect_with`] works with: the keys of the channel, and the counter of the answer under way.
pub struct Workbench<'a> {
    channel: &'a SecureMessaging,
    keys: &'a Keys,
}

impl fmt::Debug for Workbench<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workbench").field("suite", &self.channel.suite).finish_non_exhaustive()
    }
}

impl Workbench<'_> {
    /// Length of a block: 8 bytes for 3DES, 16 for AES.
    #[must_use]
    pub const fn block_len(&self) -> usize {
        self.channel.suite.block_len()
    }

    /// Whether the answer carries its data in DO'85' and not in DO'87': INS of the command is odd.
    #[must_use]
    pub const fn is_odd(&self) -> bool {
        self.channel.odd
    }

    /// Enciphers `padded`; with `old` under the initialization vector of the counter before this one, which for 3DES is the same.
    /// What is not whole blocks is filled up with zeros.
    ///
    /// # Panics
    /// Never: what is filled up is whole blocks.
    #[must_use]
    pub fn encipher(&self, mut padded: Vec<u8>, old: bool) -> Vec<u8> {
        let mut counter = self.channel.counter.clone();
        if old {
            back(&mut counter);
        }
        padded.resize(padded.len().next_multiple_of(self.block_len()), 0);
        self.keys.enc.encrypt_cbc(&self.channel.iv_of(self.keys, counter), &mut padded).expect("filled up to whole blocks");
        padded
    }

    /// The MAC over `objects`, 8 bytes.
    #[must_use]
    pub fn mac(&self, objects: &[u8]) -> [u8; 8] {
        self.channel.mac(self.keys, None, objects)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Command,
    Response,
}

/// The objects of a data field, in the only order that the clause allows.
struct Objects<'a> {
    role: Role,
    data: Option<(Tag, &'a [u8], usize)>,
    le: Option<&'a [u8]>,
    status: Option<&'a [u8]>,
    mac: &'a [u8],
    /// All before DO'8E': what the MAC covers.
    covered: &'a [u8],
}

impl<'a> Objects<'a> {
    fn read(bytes: &'a [u8], role: Role) -> Result<Self, SmError> {
        let mut reader = Reader::new(bytes);
        let data = match reader.optional(0x87)? {
            None => reader.optional(0x85)?,
            found => found,
        };
        let (mut le, mut status) = (None, None);
        match role {
            Role::Command => le = reader.optional(0x97)?.map(|object| object.value),
            Role::Response => status = reader.optional(0x99)?.map(|object| object.value),
        }
        let covered = bytes.get(..reader.at()).unwrap_or_default();
        let mac = match reader.next()? {
            Some(object) if object.tag == Tag(0x8E) => object.value,
            Some(object) => return Err(SmError::Order { found: object.tag, at: object.at }),
            None => return Err(SmError::Missing { expected: "8E" }),
        };
        if let Some(object) = reader.next()? {
            return Err(SmError::Order { found: object.tag, at: object.at });
        }
        Ok(Self { role, data: data.map(|object| (object.tag, object.value, object.at)), le, status, mac, covered })
    }
}

#[cfg(test)]
mod tests;
