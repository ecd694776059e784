//! GlobalPlatform secure channel protocol 02 (GPCS 2.3.1 annex E), both roles, for old stock only: explicit initiation with three keys,
//! C-MAC on the modified command with an enciphered chaining value (i = 15, 55), levels 00, 01 and 03.
//!
//! ```text
//! card -> KDD 10 ‖ KVN ‖ 02 ‖ sequence counter 2 ‖ card challenge 6 ‖ card cryptogram 8
//! session key = 3DES-CBC(static key, constant 2 ‖ sequence counter 2 ‖ 12×00)
//! C-MAC = retail MAC over header with CLA 84 and the MAC in Lc ‖ plain data; then the data is enciphered and Lc grows again
//! ```
//!
//! Blocks of eight bytes and two-key 3DES: nothing new is to be built on it. Answers carry no MAC at these levels.
//! After any refusal the keys are gone and every further call answers [`Scp02Error::Closed`].

use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

use crate::apdu::{Command, Sw};
use crate::crypto::cipher::{CipherError, CipherKey, pad, unpad};
use crate::crypto::kdf::Suite;
use crate::crypto::mac::MacKey;
use crate::scp03::StaticKeys;
use crate::secret::Secret;

const BLOCK: usize = 8;

/// Why the channel refuses a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Scp02Error {
    /// A message of another length.
    #[error("SCP02: {what}: expected {expected} bytes, found {found}")]
    Length {
        /// Which message.
        what: &'static str,
        /// What is allowed.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// The card speaks another secure channel protocol.
    #[error("SCP02: the card announces protocol {found:02X}, expected 02")]
    Protocol {
        /// The byte found.
        found: u8,
    },
    /// The static keys are not of 16 bytes, or enciphered data is not whole blocks or does not end in 80 00 ….
    #[error("SCP02: {0}")]
    Cipher(#[from] CipherError),
    /// Not a level of this protocol as it is supported here: 00, 01 or 03.
    #[error("SCP02: security level {found:02X}, expected 00, 01 or 03")]
    Level {
        /// The byte found.
        found: u8,
    },
    /// The card does not have these keys. Do not try again: cards count failures and lock for ever.
    #[error("SCP02: the card cryptogram is wrong: card and host have different keys")]
    CardCryptogram,
    /// The host does not have these keys; the card answers 6300.
    #[error("SCP02: the host cryptogram is wrong")]
    HostCryptogram,
    /// Not the command of this step, or without the class byte of secure messaging.
    #[error("SCP02: command {found:02X?}, expected {expected}")]
    Command {
        /// What the step asks for.
        expected: &'static str,
        /// CLA and INS found.
        found: [u8; 2],
    },
    /// The C-MAC is wrong; the card answers 6982.
    #[error("SCP02: the MAC of the command is wrong")]
    CMac,
    /// More data than a short command carries.
    #[error("SCP02: wrapped data of {found} bytes, at most 255")]
    TooLong {
        /// Bytes after wrapping.
        found: usize,
    },
    /// An earlier message was refused; the keys are gone.
    #[error("SCP02: the session was closed by an earlier error")]
    Closed,
}

impl Scp02Error {
    /// The status word with which a card answers.
    #[must_use]
    pub const fn status(&self) -> Sw {
        Sw(match self {
            Self::HostCryptogram => 0x6300,
            Self::Length { .. } | Self::TooLong { .. } => 0x6700,
            Self::Level { .. } => 0x6A86,
            _ => 0x6982,
        })
    }
}

/// Security level: P1 of EXTERNAL AUTHENTICATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// 00: authenticated only.
    Authenticated,
    /// 01: C-MAC.
    CMac,
    /// 03: C-DECRYPTION and C-MAC.
    CDecCMac,
}

impl Level {
    /// The byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Authenticated => 0x00,
            Self::CMac => 0x01,
            Self::CDecCMac => 0x03,
        }
    }

    /// The level of a byte.
    ///
    /// # Errors
    /// [`Scp02Error::Level`].
    pub const fn from_byte(byte: u8) -> Result<Self, Scp02Error> {
        match byte {
            0x00 => Ok(Self::Authenticated),
            0x01 => Ok(Self::CMac),
            0x03 => Ok(Self::CDecCMac),
            found => Err(Scp02Error::Level { found }),
        }
    }
}

/// A card's answer to INITIALIZE UPDATE, 28 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitializeUpdateAnswer {
    /// Key diversification data.
    pub kdd: [u8; 10],
    /// Version of the key set.
    pub key_version: u8,
    /// Sequence counter of the key set.
    pub sequence_counter: [u8; 2],
    /// Card challenge.
    pub card_challenge: [u8; 6],
    /// Card cryptogram.
    pub card_cryptogram: [u8; 8],
}

impl InitializeUpdateAnswer {
    /// Reads 28 bytes.
    ///
    /// # Errors
    /// [`Scp02Error::Length`], [`Scp02Error::Protocol`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Scp02Error> {
        fn read(bytes: &[u8]) -> Option<(InitializeUpdateAnswer, u8)> {
            let (&kdd, rest) = bytes.split_first_chunk()?;
            let (&[key_version, protocol], rest) = rest.split_first_chunk()?;
            let (&sequence_counter, rest) = rest.split_first_chunk()?;
            let (&card_challenge, rest) = rest.split_first_chunk()?;
            let card_cryptogram = rest.try_into().ok()?;
            Some((InitializeUpdateAnswer { kdd, key_version, sequence_counter, card_challenge, card_cryptogram }, protocol))
        }
        let length = Scp02Error::Length { what: "answer to INITIALIZE UPDATE", expected: 28, found: bytes.len() };
        match read(bytes).ok_or(length)? {
            (answer, 0x02) => Ok(answer),
            (_, found) => Err(Scp02Error::Protocol { found }),
        }
    }
}

/// The keys of one session.
struct SessionKeys {
    enc: CipherKey,
    mac: MacKey,
    /// Single DES under the first half of S-MAC, for the chaining value.
    chaining: CipherKey,
    dek: CipherKey,
}

impl SessionKeys {
    fn derive(keys: &StaticKeys, sequence_counter: [u8; 2]) -> Result<Self, Scp02Error> {
        let derived = |key: &Secret, constant: [u8; 2]| -> Result<Secret, CipherError> {
            let mut data = [&constant[..], &sequence_counter, &[0; 12]].concat();
            CipherKey::new(Suite::TripleDes, key.expose())?.encrypt_cbc(&[0; BLOCK], &mut data)?;
            Ok(Secret::new(data))
        };
        let mac = derived(keys.mac(), [0x01, 0x01])?;
        let half = mac.expose().get(..BLOCK).unwrap_or_default();
        let single = Secret::new([half, half].concat());
        Ok(Self {
            enc: CipherKey::new(Suite::TripleDes, derived(keys.enc(), [0x01, 0x82])?.expose())?,
            chaining: CipherKey::new(Suite::TripleDes, single.expose())?,
            mac: MacKey::new(Suite::TripleDes, mac.expose())?,
            dek: CipherKey::new(Suite::TripleDes, derived(keys.dek(), [0x01, 0x81])?.expose())?,
        })
    }

    /// Full 3DES CBC-MAC under S-ENC.
    fn cryptogram(&self, parts: &[&[u8]]) -> Result<[u8; 8], Scp02Error> {
        let mut data = parts.concat();
        pad(&mut data, BLOCK);
        self.enc.encrypt_cbc(&[0; BLOCK], &mut data)?;
        Ok(data.last_chunk().copied().unwrap_or_default())
    }

    fn cryptograms(&self, host: &[u8; 8], counter: [u8; 2], card: &[u8; 6]) -> Result<[[u8; 8]; 2], Scp02Error> {
        Ok([self.cryptogram(&[host, &counter, card])?, self.cryptogram(&[&counter, card, host])?])
    }
}

/// One end of an open session: host and card differ only in which way they use it.
pub struct Session {
    keys: Option<SessionKeys>,
    level: Level,
    chaining: [u8; 8],
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("scp02::Session").field("level", &self.level).field("open", &self.keys.is_some()).finish_non_exhaustive()
    }
}

impl Session {
    /// The security level.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    fn closing<T>(&mut self, step: impl FnOnce(&mut Self, &SessionKeys) -> Result<T, Scp02Error>) -> Result<T, Scp02Error> {
        let keys = self.keys.take().ok_or(Scp02Error::Closed)?;
        let result = step(self, &keys)?;
        self.keys = Some(keys);
        Ok(result)
    }

    /// Host: wraps a plain command.
    ///
    /// # Errors
    /// [`Scp02Error::TooLong`], [`Scp02Error::Closed`].
    pub fn wrap(&mut self, command: &Command) -> Result<Command, Scp02Error> {
        self.closing(|session, keys| {
            if session.level == Level::Authenticated {
                return Ok(command.clone());
            }
            let mac = session.mac(keys, command, &command.data)?;
            let mut wrapped = Command { cla: command.cla | 0x04, ..command.clone() };
            if session.level == Level::CDecCMac && !wrapped.data.is_empty() {
                pad(&mut wrapped.data, BLOCK);
                keys.enc.encrypt_cbc(&[0; BLOCK], &mut wrapped.data)?;
            }
            wrapped.data.extend(mac);
            let found = wrapped.data.len();
            if found > 255 { Err(Scp02Error::TooLong { found }) } else { Ok(wrapped) }
        })
    }

    /// Card: checks and opens a command.
    ///
    /// # Errors
    /// [`Scp02Error::Command`], [`Scp02Error::CMac`], [`Scp02Error::Cipher`], [`Scp02Error::Closed`].
    pub fn unwrap(&mut self, command: &Command) -> Result<Command, Scp02Error> {
        self.closing(|session, keys| {
            if session.level == Level::Authenticated {
                return Ok(command.clone());
            }
            if command.cla & 0x04 == 0 {
                let expected = "the secure messaging bit 04 in the class byte";
                return Err(Scp02Error::Command { expected, found: [command.cla, command.ins] });
            }
            let (data, found) = command.data.split_last_chunk::<8>().ok_or(Scp02Error::CMac)?;
            let mut data = data.to_vec();
            if session.level == Level::CDecCMac && !data.is_empty() {
                keys.enc.decrypt_cbc(&[0; BLOCK], &mut data)?;
                // The MAC is over the plain data: without padding there is none that could be right.
                let len = unpad(&data, BLOCK).map_err(|_| Scp02Error::CMac)?.len();
                data.truncate(len);
            }
            let mac = session.mac(keys, command, &data)?;
            if !bool::from(mac.ct_eq(found)) {
                return Err(Scp02Error::CMac);
            }
            Ok(Command { cla: command.cla & !0x04, data, ..*command })
        })
    }

    /// Retail MAC over header, Lc with the MAC counted, and plain data; the chaining value of the first command is zero, later it is the
    /// last MAC enciphered by single DES.
    fn mac(&mut self, keys: &SessionKeys, command: &Command, data: &[u8]) -> Result<[u8; 8], Scp02Error> {
        let found = data.len() + 8;
        let lc = u8::try_from(found).map_err(|_| Scp02Error::TooLong { found })?;
        let mut message = vec![command.cla & 0xF0 | 0x04, command.ins, command.p1, command.p2, lc];
        message.extend_from_slice(data);
        pad(&mut message, BLOCK);
        let mut chaining = self.chaining;
        if chaining != [0; 8] {
            keys.chaining.encrypt_blocks(&mut chaining)?;
        }
        message.iter_mut().zip(chaining).for_each(|(octet, value)| *octet ^= value);
        let mac = keys.mac.mac_padded(&[&message]);
        self.chaining = mac;
        Ok(mac)
    }

    /// Host: enciphers whole blocks, such as a key for PUT KEY, under the session's DEK (ECB).
    ///
    /// # Errors
    /// [`Scp02Error::Cipher`], [`Scp02Error::Closed`].
    pub fn encrypt_sensitive(&self, plain: &Secret) -> Result<Vec<u8>, Scp02Error> {
        let mut data = plain.expose().to_vec();
        self.keys.as_ref().ok_or(Scp02Error::Closed)?.dek.encrypt_blocks(&mut data)?;
        Ok(data)
    }

    /// Card: deciphers what the host enciphered under the session's DEK.
    ///
    /// # Errors
    /// [`Scp02Error::Cipher`], [`Scp02Error::Closed`].
    pub fn decrypt_sensitive(&self, cipher: &[u8]) -> Result<Secret, Scp02Error> {
        let mut data = cipher.to_vec();
        self.keys.as_ref().ok_or(Scp02Error::Closed)?.dek.decrypt_blocks(&mut data)?;
        Ok(Secret::new(data))
    }
}

/// Host: INITIALIZE UPDATE is sent.
#[derive(Debug)]
pub struct HostOpening {
    challenge: [u8; 8],
}

impl HostOpening {
    /// Draws the host challenge. Key version 0 asks for the card's default set.
    #[must_use]
    pub fn start(key_version: u8, rng: &mut dyn CryptoRng) -> (Command, Self) {
        let mut challenge = [0; 8];
        rng.fill_bytes(&mut challenge);
        (Command::new(0x80, 0x50, key_version, 0x00).with_data(challenge).with_le(256), Self { challenge })
    }

    /// Checks the card's cryptogram; gives EXTERNAL AUTHENTICATE and the session, open once the card has answered 9000.
    ///
    /// # Errors
    /// [`Scp02Error::CardCryptogram`], [`Scp02Error::Cipher`] for keys of other than 16 bytes.
    pub fn authenticate(self, answer: &InitializeUpdateAnswer, keys: &StaticKeys, level: Level) -> Result<(Command, Session), Scp02Error> {
        let keys = SessionKeys::derive(keys, answer.sequence_counter)?;
        let [card, host] = keys.cryptograms(&self.challenge, answer.sequence_counter, &answer.card_challenge)?;
        if !bool::from(card.ct_eq(&answer.card_cryptogram)) {
            return Err(Scp02Error::CardCryptogram);
        }
        // EXTERNAL AUTHENTICATE carries a MAC at any level and is never enciphered.
        let mut session = Session { keys: Some(keys), level: Level::CMac, chaining: [0; 8] };
        let command = session.wrap(&Command::new(0x80, 0x82, level.byte(), 0x00).with_data(host))?;
        session.level = level;
        Ok((command, session))
    }
}

/// Card: INITIALIZE UPDATE is answered.
pub struct CardOpening {
    keys: SessionKeys,
    host_cryptogram: [u8; 8],
}

impl fmt::Debug for CardOpening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scp02::CardOpening")
    }
}

impl CardOpening {
    /// Answers INITIALIZE UPDATE with 28 bytes; the card challenge is random.
    ///
    /// # Errors
    /// [`Scp02Error::Length`] for a host challenge of other than 8 bytes, [`Scp02Error::Cipher`] for keys of other than 16.
    pub fn initialize_update(
        kdd: [u8; 10],
        key_version: u8,
        keys: &StaticKeys,
        sequence_counter: [u8; 2],
        host_challenge: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(Vec<u8>, Self), Scp02Error> {
        let length = Scp02Error::Length { what: "host challenge", expected: 8, found: host_challenge.len() };
        let host: [u8; 8] = host_challenge.try_into().map_err(|_| length)?;
        let mut challenge = [0; 6];
        rng.fill_bytes(&mut challenge);
        let keys = SessionKeys::derive(keys, sequence_counter)?;
        let [card, host_cryptogram] = keys.cryptograms(&host, sequence_counter, &challenge)?;
        let answer = [&kdd[..], &[key_version, 0x02], &sequence_counter, &challenge, &card].concat();
        Ok((answer, Self { keys, host_cryptogram }))
    }

    /// Checks EXTERNAL AUTHENTICATE (84 82 level 00).
    ///
    /// # Errors
    /// [`Scp02Error::Command`], [`Scp02Error::Level`], [`Scp02Error::HostCryptogram`], [`Scp02Error::CMac`].
    pub fn external_authenticate(self, command: &Command) -> Result<Session, Scp02Error> {
        if (command.cla & 0xFC, command.ins, command.p2) != (0x84, 0x82, 0x00) {
            return Err(Scp02Error::Command { expected: "EXTERNAL AUTHENTICATE 84 82", found: [command.cla, command.ins] });
        }
        let level = Level::from_byte(command.p1)?;
        if command.data.len() != 16 {
            return Err(Scp02Error::Length { what: "EXTERNAL AUTHENTICATE", expected: 16, found: command.data.len() });
        }
        if !bool::from(self.host_cryptogram.ct_eq(command.data.get(..8).unwrap_or_default())) {
            return Err(Scp02Error::HostCryptogram);
        }
        let mut session = Session { keys: Some(self.keys), level: Level::CMac, chaining: [0; 8] };
        session.unwrap(command)?;
        session.level = level;
        Ok(session)
    }
}

#[cfg(test)]
mod tests;
