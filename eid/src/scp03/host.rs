//! The host's half of SCP03: from INITIALIZE UPDATE to wrapped commands and data under Key-DEK.

use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

use super::channel::Channel;
use super::keys::{SessionKeys, StaticKeys};
use super::{Implementation, Mode, Options, ScpError, SecurityLevel, kdf, put_key};
use crate::apdu::{Command, Response};
use crate::crypto::cipher::{CipherError, CipherKey};

/// A card's answer to INITIALIZE UPDATE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitializeUpdateAnswer {
    /// Key diversification data; not authenticated until the cryptogram was checked.
    pub kdd: [u8; 10],
    /// Version of the key set that the card uses.
    pub key_version: u8,
    /// Parameter i.
    pub implementation: Implementation,
    /// 8 or 16 bytes.
    pub card_challenge: Vec<u8>,
    /// 8 or 16 bytes.
    pub card_cryptogram: Vec<u8>,
    /// There if and only if the challenge is pseudo-random.
    pub sequence_counter: Option<[u8; 3]>,
}

impl InitializeUpdateAnswer {
    /// Reads 29, 32, 45 or 48 bytes.
    ///
    /// # Errors
    /// [`ScpError::Length`], [`ScpError::Protocol`], [`ScpError::Implementation`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ScpError> {
        let length = |expected| ScpError::Length { what: "answer to INITIALIZE UPDATE", expected, found: bytes.len() };
        let (&kdd, rest) = bytes.split_first_chunk::<10>().ok_or_else(|| length("29, 32, 45 or 48"))?;
        let (&[key_version, protocol, i], rest) = rest.split_first_chunk::<3>().ok_or_else(|| length("29, 32, 45 or 48"))?;
        if protocol != 0x03 {
            return Err(ScpError::Protocol { found: protocol });
        }
        let implementation = Implementation::from_byte(i)?;
        let expected = match (implementation.mode(), implementation.pseudo_random()) {
            (Mode::S8, false) => "29",
            (Mode::S8, true) => "32",
            (Mode::S16, false) => "45",
            (Mode::S16, true) => "48",
        };
        let len = implementation.mode().len();
        let (card_challenge, rest) = rest.split_at_checked(len).ok_or_else(|| length(expected))?;
        let (card_cryptogram, counter) = rest.split_at_checked(len).ok_or_else(|| length(expected))?;
        let sequence_counter = match (implementation.pseudo_random(), counter) {
            (false, []) => None,
            (true, &[a, b, c]) => Some([a, b, c]),
            _ => return Err(length(expected)),
        };
        Ok(Self {
            kdd,
            key_version,
            implementation,
            card_challenge: card_challenge.to_vec(),
            card_cryptogram: card_cryptogram.to_vec(),
            sequence_counter,
        })
    }
}

/// INITIALIZE UPDATE is sent; the card's answer says which keys are needed.
#[derive(Debug)]
pub struct Opening {
    key_version: u8,
    host_challenge: Vec<u8>,
}

impl Opening {
    /// Draws the host challenge. Key version 0 asks for the card's default set.
    #[must_use]
    pub fn start(key_version: u8, mode: Mode, rng: &mut dyn CryptoRng) -> (Command, Self) {
        let mut host_challenge = vec![0; mode.len()];
        rng.fill_bytes(&mut host_challenge);
        let command = Command::new(0x80, 0x50, key_version, 0x00).with_data(host_challenge.clone()).with_le(256);
        (command, Self { key_version, host_challenge })
    }

    /// Checks the card's cryptogram under `keys` and, where `aid` is given and the card's challenge is pseudo-random, the challenge too.
    /// Gives EXTERNAL AUTHENTICATE and the session, which is open once the card has answered 9000.
    ///
    /// # Errors
    /// [`ScpError::KeyVersion`], [`ScpError::Mode`], [`ScpError::Level`], [`ScpError::CardCryptogram`], [`ScpError::CardChallenge`].
    pub fn authenticate(
        self,
        answer: &InitializeUpdateAnswer,
        keys: &StaticKeys,
        level: SecurityLevel,
        options: Options,
        aid: Option<&[u8]>,
    ) -> Result<(Command, HostSession), ScpError> {
        if self.key_version != 0 && self.key_version != answer.key_version {
            return Err(ScpError::KeyVersion { expected: self.key_version, found: answer.key_version });
        }
        let mode = answer.implementation.mode();
        if mode.len() != self.host_challenge.len() {
            let expected = if mode == Mode::S8 { Mode::S16 } else { Mode::S8 };
            return Err(ScpError::Mode { expected, found: mode });
        }
        if !answer.implementation.supports(level) {
            return Err(ScpError::Level { found: level.byte() });
        }
        let (host, card) = (&self.host_challenge, &answer.card_challenge);
        let session = SessionKeys::derive(keys, host, card);
        let cryptogram = session.cryptogram(mode, kdf::CARD_CRYPTOGRAM, host, card);
        if !bool::from(cryptogram.expose().ct_eq(&answer.card_cryptogram)) {
            return Err(ScpError::CardCryptogram);
        }
        if let (Some(counter), Some(aid)) = (answer.sequence_counter, aid)
            && keys.card_challenge(mode, counter, aid) != *card
        {
            return Err(ScpError::CardChallenge);
        }
        let cryptogram = session.cryptogram(mode, kdf::HOST_CRYPTOGRAM, host, card);
        let mut channel = Channel::new(session, mode, level, options);
        let command = Command::new(0x80, 0x82, level.byte(), 0x00).with_data(cryptogram.expose());
        let command = channel.wrap_first(&command)?;
        Ok((command, HostSession { channel, dek: keys.data_encryption_key(), key_version: answer.key_version, kdd: answer.kdd }))
    }
}

/// The host's end of an open session.
pub struct HostSession {
    channel: Channel,
    dek: CipherKey,
    key_version: u8,
    kdd: [u8; 10],
}

impl fmt::Debug for HostSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSession").field("level", &self.level()).field("key_version", &self.key_version).finish_non_exhaustive()
    }
}

impl HostSession {
    /// Wraps a plain command as the level says.
    ///
    /// # Errors
    /// [`ScpError::TooLong`], [`ScpError::Closed`].
    pub fn wrap(&mut self, command: &Command) -> Result<Command, ScpError> {
        self.channel.wrap_command(command)
    }

    /// Checks and opens the answer to the last wrapped command.
    ///
    /// # Errors
    /// [`ScpError::RMac`], [`ScpError::Cipher`], [`ScpError::UnprotectedData`], [`ScpError::Closed`].
    pub fn unwrap(&mut self, response: &Response) -> Result<Response, ScpError> {
        self.channel.unwrap_response(response)
    }

    /// Enciphers whole blocks under Key-DEK (AES-CBC, IV zero): a DGI 8xxx or a key.
    ///
    /// # Errors
    /// [`CipherError::NotWholeBlocks`].
    pub fn encrypt_sensitive(&self, plain: &[u8]) -> Result<Vec<u8>, CipherError> {
        let mut cipher = plain.to_vec();
        self.dek.encrypt_cbc(&[0; 16], &mut cipher)?;
        Ok(cipher)
    }

    /// PUT KEY that puts `keys` as version `new` in the place of version `replaces` (0 adds a set); check its answer with
    /// [`put_key::check_answer`].
    #[must_use]
    pub fn put_key(&self, replaces: u8, new: u8, keys: &StaticKeys) -> Command {
        put_key::command(replaces, new, keys, &self.dek)
    }

    /// Key-DEK of the set that opened the session.
    #[must_use]
    pub const fn data_encryption_key(&self) -> &CipherKey {
        &self.dek
    }

    /// The security level.
    #[must_use]
    pub const fn level(&self) -> SecurityLevel {
        self.channel.level()
    }

    /// Version of the key set that opened the session.
    #[must_use]
    pub const fn key_version(&self) -> u8 {
        self.key_version
    }

    /// The card's key diversification data.
    #[must_use]
    pub const fn kdd(&self) -> [u8; 10] {
        self.kdd
    }

    /// Whether no message was refused yet.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.channel.is_open()
    }

    #[cfg(test)]
    pub(super) const fn channel_mut(&mut self) -> &mut Channel {
        &mut self.channel
    }
}
