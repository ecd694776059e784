//! The card's half of SCP03: the mirror of [`super::host`].

use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

use super::channel::Channel;
use super::keys::{SessionKeys, StaticKeys};
use super::{Implementation, Mode, Options, ScpError, SecurityLevel, kdf};
use crate::apdu::{Command, Response};
use crate::crypto::cipher::{CipherError, CipherKey};

/// What a security domain brings to INITIALIZE UPDATE.
#[derive(Clone, Copy, Debug)]
pub struct Domain<'a> {
    /// Key diversification data.
    pub kdd: [u8; 10],
    /// Version of the key set.
    pub key_version: u8,
    /// The key set.
    pub keys: &'a StaticKeys,
    /// Parameter i.
    pub implementation: Implementation,
    /// The key set's sequence counter, already raised and stored for this session; used if the challenge is pseudo-random.
    pub sequence_counter: [u8; 3],
    /// AID of the application that holds the session.
    pub aid: &'a [u8],
}

/// INITIALIZE UPDATE is answered; the card waits for EXTERNAL AUTHENTICATE.
pub struct Opening {
    session: SessionKeys,
    implementation: Implementation,
    host_cryptogram: Vec<u8>,
    dek: CipherKey,
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scp03::card::Opening")
    }
}

impl Opening {
    /// Answers INITIALIZE UPDATE with 29 to 48 bytes. `rng` gives the challenge of a card whose challenges are random.
    ///
    /// # Errors
    /// [`ScpError::Length`] for a host challenge of another length than the mode's (6700).
    pub fn initialize_update(domain: &Domain<'_>, host_challenge: &[u8], rng: &mut dyn CryptoRng) -> Result<(Vec<u8>, Self), ScpError> {
        let mode = domain.implementation.mode();
        if host_challenge.len() != mode.len() {
            let expected = if mode == Mode::S8 { "8" } else { "16" };
            return Err(ScpError::Length { what: "host challenge", expected, found: host_challenge.len() });
        }
        let card_challenge = if domain.implementation.pseudo_random() {
            domain.keys.card_challenge(mode, domain.sequence_counter, domain.aid)
        } else {
            let mut challenge = vec![0; mode.len()];
            rng.fill_bytes(&mut challenge);
            challenge
        };
        Ok(Self::with_challenge(domain, host_challenge, &card_challenge))
    }

    pub(super) fn with_challenge(domain: &Domain<'_>, host_challenge: &[u8], card_challenge: &[u8]) -> (Vec<u8>, Self) {
        let implementation = domain.implementation;
        let session = SessionKeys::derive(domain.keys, host_challenge, card_challenge);
        let cryptogram = |constant| session.cryptogram(implementation.mode(), constant, host_challenge, card_challenge);
        let mut answer = domain.kdd.to_vec();
        answer.extend([domain.key_version, 0x03, implementation.byte()]);
        answer.extend(card_challenge);
        answer.extend(cryptogram(kdf::CARD_CRYPTOGRAM).expose());
        if implementation.pseudo_random() {
            answer.extend(domain.sequence_counter);
        }
        let host_cryptogram = cryptogram(kdf::HOST_CRYPTOGRAM).expose().to_vec();
        (answer, Self { session, implementation, host_cryptogram, dek: domain.keys.data_encryption_key() })
    }

    /// Checks EXTERNAL AUTHENTICATE (84 82 level 00); its answer is a bare 9000. A refusal ends the opening: the card must count it.
    ///
    /// # Errors
    /// [`ScpError::Command`], [`ScpError::Level`] (6A86), [`ScpError::Length`] (6700), [`ScpError::HostCryptogram`] (6300),
    /// [`ScpError::CMac`] (6982).
    pub fn external_authenticate(self, command: &Command, options: Options) -> Result<CardSession, ScpError> {
        if (command.cla & 0xFC, command.ins) != (0x84, 0x82) {
            return Err(ScpError::Command { expected: "EXTERNAL AUTHENTICATE 84 82", found: [command.cla, command.ins] });
        }
        let level = SecurityLevel::from_byte(command.p1)?;
        if command.p2 != 0 || !self.implementation.supports(level) {
            return Err(ScpError::Level { found: command.p1 });
        }
        let mode = self.implementation.mode();
        if command.data.len() != 2 * mode.len() {
            let expected = if mode == Mode::S8 { "16" } else { "32" };
            return Err(ScpError::Length { what: "EXTERNAL AUTHENTICATE", expected, found: command.data.len() });
        }
        let mut channel = Channel::new(self.session, mode, level, options);
        // The cryptogram comes first: a host with other keys has both wrong.
        let cryptogram = command.data.get(..mode.len()).unwrap_or_default();
        if !bool::from(self.host_cryptogram.ct_eq(cryptogram)) {
            return Err(ScpError::HostCryptogram);
        }
        channel.unwrap_first(command)?;
        Ok(CardSession { channel, dek: self.dek })
    }
}

/// The card's end of an open session.
pub struct CardSession {
    channel: Channel,
    dek: CipherKey,
}

impl fmt::Debug for CardSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardSession").field("level", &self.level()).finish_non_exhaustive()
    }
}

impl CardSession {
    /// Checks and opens a command: CLA without the secure messaging bit, data without MAC and encipherment.
    ///
    /// # Errors
    /// [`ScpError::Command`], [`ScpError::CMac`], [`ScpError::Cipher`], [`ScpError::Closed`]: drop the session and answer
    /// [`ScpError::status`].
    pub fn unwrap(&mut self, command: &Command) -> Result<Command, ScpError> {
        self.channel.unwrap_command(command)
    }

    /// Wraps the answer to the last command as the level says.
    ///
    /// # Errors
    /// [`ScpError::UnprotectedData`], [`ScpError::Closed`].
    pub fn wrap(&mut self, response: &Response) -> Result<Response, ScpError> {
        self.channel.wrap_response(response)
    }

    /// Deciphers whole blocks under Key-DEK: a DGI 8xxx.
    ///
    /// # Errors
    /// [`CipherError::NotWholeBlocks`].
    pub fn decrypt_sensitive(&self, cipher: &[u8]) -> Result<crate::secret::Secret, CipherError> {
        let mut plain = cipher.to_vec();
        self.dek.decrypt_cbc(&[0; 16], &mut plain)?;
        Ok(crate::secret::Secret::new(plain))
    }

    /// Key-DEK of the set that opened the session, for PUT KEY.
    #[must_use]
    pub const fn data_encryption_key(&self) -> &CipherKey {
        &self.dek
    }

    /// The security level.
    #[must_use]
    pub const fn level(&self) -> SecurityLevel {
        self.channel.level()
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
