//! The channel after the opening (Amendment D clauses 6.2.4 to 6.2.7): MAC chaining value, encryption counter, and the four transforms.

use subtle::ConstantTimeEq;

use super::keys::SessionKeys;
use super::{CounterRule, MacLcEncoding, Mode, Options, ScpError, SecurityLevel};
use crate::apdu::{Command, Response, SHORT_LE_MAX, Sw};
use crate::crypto::cipher::{pad, unpad};

const BLOCK: usize = 16;

pub(super) struct Channel {
    keys: Option<SessionKeys>,
    mode: Mode,
    level: SecurityLevel,
    options: Options,
    /// MAC chaining value, always 16 bytes.
    chaining: Vec<u8>,
    counter: u64,
}

impl Channel {
    pub(super) fn new(keys: SessionKeys, mode: Mode, level: SecurityLevel, options: Options) -> Self {
        Self { keys: Some(keys), mode, level, options, chaining: vec![0; BLOCK], counter: 0 }
    }

    pub(super) const fn level(&self) -> SecurityLevel {
        self.level
    }

    pub(super) const fn is_open(&self) -> bool {
        self.keys.is_some()
    }

    /// Puts the channel where a recorded session stands.
    #[cfg(test)]
    pub(super) fn set_state(&mut self, chaining: Vec<u8>, counter: u64) {
        (self.chaining, self.counter) = (chaining, counter);
    }

    #[cfg(test)]
    pub(super) const fn set_options(&mut self, options: Options) {
        self.options = options;
    }

    /// Runs one transform and puts the keys back only if it went well.
    fn closing<T>(&mut self, step: impl FnOnce(&mut Self, &SessionKeys) -> Result<T, ScpError>) -> Result<T, ScpError> {
        let keys = self.keys.take().ok_or(ScpError::Closed)?;
        let result = step(self, &keys)?;
        self.keys = Some(keys);
        Ok(result)
    }

    /// EXTERNAL AUTHENTICATE: a MAC at any level, never enciphered.
    pub(super) fn wrap_first(&mut self, command: &Command) -> Result<Command, ScpError> {
        self.closing(|channel, keys| channel.add_mac(keys, command.clone()))
    }

    pub(super) fn unwrap_first(&mut self, command: &Command) -> Result<Command, ScpError> {
        self.closing(|channel, keys| channel.remove_mac(keys, command))
    }

    pub(super) fn wrap_command(&mut self, command: &Command) -> Result<Command, ScpError> {
        self.closing(|channel, keys| {
            let mut wrapped = command.clone();
            if channel.options.le_with_rmac && channel.level.r_mac() {
                wrapped.le.get_or_insert(SHORT_LE_MAX);
            }
            if channel.level.c_dec() {
                channel.count(&wrapped.data);
                if !wrapped.data.is_empty() {
                    pad(&mut wrapped.data, BLOCK);
                    keys.enc.encrypt_cbc(&channel.iv(keys, 0x00), &mut wrapped.data)?;
                }
            }
            if channel.level.c_mac() { channel.add_mac(keys, wrapped) } else { Ok(wrapped) }
        })
    }

    pub(super) fn unwrap_command(&mut self, command: &Command) -> Result<Command, ScpError> {
        self.closing(|channel, keys| {
            if !channel.level.c_mac() {
                return Ok(command.clone());
            }
            let mut plain = channel.remove_mac(keys, command)?;
            if channel.level.c_dec() {
                channel.count(&plain.data);
                if !plain.data.is_empty() {
                    keys.enc.decrypt_cbc(&channel.iv(keys, 0x00), &mut plain.data)?;
                    let len = unpad(&plain.data, BLOCK)?.len();
                    plain.data.truncate(len);
                }
            }
            Ok(plain)
        })
    }

    pub(super) fn wrap_response(&mut self, response: &Response) -> Result<Response, ScpError> {
        self.closing(|channel, keys| {
            if !channel.level.r_mac() {
                return Ok(response.clone());
            }
            if !has_mac(response.sw) {
                let found = response.data.len();
                return if found == 0 { Ok(response.clone()) } else { Err(ScpError::UnprotectedData { sw: response.sw, found }) };
            }
            let mut data = response.data.clone();
            if channel.level.r_enc() && !data.is_empty() {
                pad(&mut data, BLOCK);
                keys.enc.encrypt_cbc(&channel.iv(keys, 0x80), &mut data)?;
            }
            let mac = keys.rmac.full(&[&channel.chaining, &data, &response.sw.0.to_be_bytes()]);
            data.extend_from_slice(mac.get(..channel.mode.len()).unwrap_or_default());
            Ok(Response { data, sw: response.sw })
        })
    }

    pub(super) fn unwrap_response(&mut self, response: &Response) -> Result<Response, ScpError> {
        self.closing(|channel, keys| {
            if !channel.level.r_mac() {
                return Ok(response.clone());
            }
            let found = response.data.len();
            if !has_mac(response.sw) {
                return if found == 0 { Ok(response.clone()) } else { Err(ScpError::UnprotectedData { sw: response.sw, found }) };
            }
            let split = found.checked_sub(channel.mode.len()).and_then(|at| response.data.split_at_checked(at));
            let (data, found) = split.ok_or(ScpError::RMac)?;
            let mac = keys.rmac.full(&[&channel.chaining, data, &response.sw.0.to_be_bytes()]);
            if !bool::from(mac.get(..channel.mode.len()).unwrap_or_default().ct_eq(found)) {
                return Err(ScpError::RMac);
            }
            let mut data = data.to_vec();
            if channel.level.r_enc() && !data.is_empty() {
                keys.enc.decrypt_cbc(&channel.iv(keys, 0x80), &mut data)?;
                let len = unpad(&data, BLOCK)?.len();
                data.truncate(len);
            }
            Ok(Response { data, sw: response.sw })
        })
    }

    fn count(&mut self, data: &[u8]) {
        if self.options.counter == CounterRule::EveryCommand || !data.is_empty() {
            self.counter = self.counter.checked_add(1).expect("2^64 commands are not sent in one session");
        }
    }

    /// The enciphered counter block; its first byte is 80 for answers.
    fn iv(&self, keys: &SessionKeys, first: u8) -> Vec<u8> {
        let mut block = u128::from(self.counter).to_be_bytes().to_vec();
        if let Some(octet) = block.first_mut() {
            *octet = first;
        }
        keys.enc.encrypt_blocks(&mut block).expect("one block");
        block
    }

    fn add_mac(&mut self, keys: &SessionKeys, mut command: Command) -> Result<Command, ScpError> {
        let len = command.data.len() + self.mode.len();
        if len > usize::from(u16::MAX) {
            return Err(ScpError::TooLong { max: usize::from(u16::MAX), found: len });
        }
        command.extended = command.is_extended() || len > 255;
        command.cla |= 0x04;
        let mac = self.mac(keys, &command, &command.data, len)?;
        command.data.extend_from_slice(mac.get(..self.mode.len()).unwrap_or_default());
        self.chaining = mac;
        Ok(command)
    }

    fn remove_mac(&mut self, keys: &SessionKeys, command: &Command) -> Result<Command, ScpError> {
        if command.cla & 0x04 == 0 {
            return Err(ScpError::Command { expected: "the secure messaging bit 04 in the class byte", found: [command.cla, command.ins] });
        }
        let split = command.data.len().checked_sub(self.mode.len()).and_then(|at| command.data.split_at_checked(at));
        let (data, found) = split.ok_or(ScpError::CMac)?;
        let mac = self.mac(keys, command, data, command.data.len())?;
        if !bool::from(mac.get(..self.mode.len()).unwrap_or_default().ct_eq(found)) {
            return Err(ScpError::CMac);
        }
        self.chaining = mac;
        Ok(Command { cla: command.cla & !0x04, data: data.to_vec(), ..*command })
    }

    /// CMAC over chaining value ‖ CLA INS P1 P2 ‖ Lc with the MAC counted ‖ data. The logical channel does not enter.
    fn mac(&self, keys: &SessionKeys, command: &Command, data: &[u8], len: usize) -> Result<Vec<u8>, ScpError> {
        let long = u16::try_from(len).map_err(|_| ScpError::TooLong { max: usize::from(u16::MAX), found: len })?;
        let [high, low] = long.to_be_bytes();
        let three = [0, high, low];
        let lc = match self.options.mac_lc_encoding {
            MacLcEncoding::AsSent if !command.extended => &three[2..],
            MacLcEncoding::AlwaysShort if high == 0 => &three[2..],
            MacLcEncoding::AlwaysShort => return Err(ScpError::TooLong { max: 255, found: len }),
            MacLcEncoding::AsSent | MacLcEncoding::ThreeBytes => &three[..],
        };
        let header = [command.cla & 0xF0 | 0x04, command.ins, command.p1, command.p2];
        Ok(keys.mac.full(&[&self.chaining, &header, lc, data]))
    }
}

/// Answers with 9000, 62xx and 63xx carry a MAC; all others are bare.
const fn has_mac(sw: Sw) -> bool {
    matches!(sw.0, 0x9000 | 0x6200..=0x63FF)
}
