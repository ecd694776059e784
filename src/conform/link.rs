//! The card as a test sees it: every command as it is meant, every answer as it comes, nothing repeated, nothing put right.
//!
//! Where a session protects against the card, this one protects nobody: it goes on after refusals, and it lets a test send what no terminal
//! would. 61xx and 6Cxx are answers like others: cards behind readers of contactless chips do not give them.

use eid::apdu::{Command, EXTENDED_LE_MAX, Response, Sw};
use eid::sm::{Counted, SecureMessaging};
use eid::transport::{Limits, Transport, TransportError};

/// A command and what came back, as they were on the wire, and as they were meant where secure messaging was open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Which step it belongs to, from 1; 0 for what came before the steps.
    pub step: usize,
    /// The command APDU; empty for a cold reset.
    pub command: Vec<u8>,
    /// The response APDU; `None` if the card went away.
    pub answer: Option<Vec<u8>>,
    /// The command before it was protected, and the answer after it was opened if it could be.
    pub meant: Option<(Vec<u8>, Option<Vec<u8>>)>,
}

/// How an answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrapping {
    /// In the clear.
    Plain,
    /// Under secure messaging, and it verifies.
    Secured,
    /// With data that do not verify under the keys of the session.
    Broken(String),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) sw: Sw,
    /// Plain where they could be opened.
    pub(super) data: Vec<u8>,
    pub(super) wrapping: Wrapping,
}

/// Why a command has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LinkError {
    /// The card was not reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The step needs a session, and there is none.
    #[error("there is no session to protect the command with")]
    NoSession,
    /// The command cannot be written.
    #[error("the command cannot be written: {0}")]
    Command(String),
}

/// A card on the bench.
pub(super) struct Link<'a> {
    transport: &'a mut dyn Transport,
    /// The session that is open.
    pub(super) channel: Option<SecureMessaging>,
    /// The session that Chip Authentication replaced.
    pub(super) old: Option<SecureMessaging>,
    log: Vec<Exchange>,
    /// The step under way.
    pub(super) step: usize,
}

/// READ BINARY of one byte by short identifier: whatever a living session answers, it answers protected.
const PROBE: [u8; 5] = [0x00, 0xB0, 0x9E, 0x00, 0x01];
/// Most data of a part: with padding and objects 87, 97, and 8E they fit into 255 bytes.
const PART: usize = 200;
/// By how many pairs a card that kept its keys may have counted on, and we not: nothing, or one or both messages of each refused command.
const DRIFTS: [u32; 3] = [0, 1, 2];

impl<'a> Link<'a> {
    pub(super) fn new(transport: &'a mut dyn Transport) -> Self {
        Self { transport, channel: None, old: None, log: Vec::new(), step: 0 }
    }

    /// What was said since the last call.
    pub(super) fn take_log(&mut self) -> Vec<Exchange> {
        std::mem::take(&mut self.log)
    }

    /// Cold reset.
    pub(super) fn reset(&mut self) -> Result<(), LinkError> {
        (self.channel, self.old) = (None, None);
        let done = self.transport.reset();
        self.log.push(Exchange { step: self.step, command: Vec::new(), answer: done.is_ok().then(Vec::new), meant: None });
        Ok(done?)
    }

    fn wire(&mut self, command: Vec<u8>) -> Result<Response, LinkError> {
        let answer = self.transport.transmit(&command);
        self.log.push(Exchange { step: self.step, command, answer: answer.as_ref().ok().cloned(), meant: None });
        let broken = |_| TransportError::Protocol { detail: "the card's answer has no status word".to_owned() };
        Ok(Response::parse(&answer?).map_err(broken)?)
    }

    /// Bytes in the clear, whatever session there is.
    pub(super) fn raw(&mut self, command: &[u8]) -> Result<Answer, LinkError> {
        let Response { data, sw } = self.wire(command.to_vec())?;
        Ok(Answer { sw, data, wrapping: Wrapping::Plain })
    }

    fn encode(&self, command: &Command) -> Result<Vec<u8>, LinkError> {
        let bytes = command.encode().map_err(|error| LinkError::Command(error.to_string()))?;
        let limit = self.transport.limits().max_command;
        let fits = bytes.len() <= limit;
        if fits { Ok(bytes) } else { Err(LinkError::Command(format!("{} bytes, the link carries {limit}", bytes.len()))) }
    }

    /// Whether the link carries commands and answers of more than 256 bytes.
    pub(super) fn is_extended(&self) -> bool {
        let limits = self.transport.limits();
        limits.max_command > Limits::SHORT.max_command && limits.max_response > Limits::SHORT.max_response
    }

    /// A command that may be longer than the link carries, in as many as it takes, all but the last with the chaining bit.
    pub(super) fn parts(&self, command: &Command) -> Vec<Command> {
        command.chain(if self.is_extended() { usize::MAX } else { PART })
    }

    /// A command in the clear.
    pub(super) fn plain(&mut self, command: &Command) -> Result<Answer, LinkError> {
        let bytes = self.encode(command)?;
        self.raw(&bytes)
    }

    /// A command under the session's keys. `old_counter`: with the counter of the last answer. `edit` changes the protected command.
    pub(super) fn secured(
        &mut self,
        command: &Command,
        old_counter: bool,
        edit: &mut dyn FnMut(&mut Command),
    ) -> Result<Answer, LinkError> {
        let mut channel = self.channel.take().ok_or(LinkError::NoSession)?;
        let meant = self.encode(&untold(command))?;
        if old_counter {
            channel.danger_recount(Counted::Nothing);
        }
        let mut protected = channel.protect_command(command).map_err(|error| LinkError::Command(error.to_string()))?;
        edit(&mut protected);
        let bytes = self.encode(&protected)?;
        let response = self.wire(bytes)?;
        let (answer, kept) = if response.data.is_empty() {
            // As if it had not been sent; what a card did that kept its keys, the probe finds out.
            channel.danger_recount(if old_counter { Counted::Command } else { Counted::Nothing });
            (Answer { sw: response.sw, data: Vec::new(), wrapping: Wrapping::Plain }, true)
        } else {
            match channel.unprotect_response(&response) {
                Ok(opened) => (Answer { sw: opened.sw, data: opened.data, wrapping: Wrapping::Secured }, true),
                Err(error) => (Answer { sw: response.sw, data: response.data, wrapping: Wrapping::Broken(error.to_string()) }, false),
            }
        };
        let opened = (answer.wrapping == Wrapping::Secured).then(|| Response { data: answer.data.clone(), sw: answer.sw }.encode());
        if let Some(exchange) = self.log.last_mut() {
            exchange.meant = Some((meant, opened));
        }
        self.channel = Some(channel).filter(|_| kept);
        Ok(answer)
    }

    /// A command in the session if there is one, else in the clear.
    pub(super) fn send(&mut self, command: &Command) -> Result<Answer, LinkError> {
        if self.channel.is_some() { self.secured(command, false, &mut |_| {}) } else { self.plain(command) }
    }

    /// Whether the card still has the keys of the session. A card that kept them, though it should not, is found wherever its counter is.
    pub(super) fn probe(&mut self) -> Result<(bool, Option<Answer>), LinkError> {
        let command = Command::parse(&PROBE).map_err(|error| LinkError::Command(error.to_string()))?;
        let mut last = None;
        for drift in DRIFTS {
            let Some(channel) = &mut self.channel else { break };
            channel.danger_skip(drift);
            let answer = self.secured(&command, false, &mut |_| {})?;
            if answer.wrapping == Wrapping::Secured {
                return Ok((true, Some(answer)));
            }
            last = Some(answer);
        }
        Ok((false, last))
    }

    /// The same for the session that Chip Authentication replaced.
    pub(super) fn probe_old(&mut self) -> Result<(bool, Option<Answer>), LinkError> {
        if self.old.is_none() {
            return Err(LinkError::NoSession);
        }
        std::mem::swap(&mut self.channel, &mut self.old);
        let probed = self.probe();
        std::mem::swap(&mut self.channel, &mut self.old);
        probed
    }
}

/// RESET RETRY COUNTER has a PIN or a CAN in it, which no report tells: X in the place of each digit.
fn untold(command: &Command) -> Command {
    let mut command = command.clone();
    if command.ins == 0x2C {
        command.data.fill(b'X');
    }
    command
}

/// The command with the Le that an answer of `len` bytes needs under secure messaging.
pub(super) fn expecting(command: Command, len: usize) -> Command {
    // DO'87' with padding, DO'99', and DO'8E' of at most 35 bytes beside the data
    if len <= 220 { Command { le: Some(256), ..command } } else { Command { le: Some(EXTENDED_LE_MAX), extended: true, ..command } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pin_is_in_no_report() {
        let told = untold(&Command::new(0x00, 0x2C, 0x02, 0x03).with_data(*b"271828"));
        assert_eq!(told.encode().map(hex::encode_upper).as_deref(), Ok("002C020306585858585858"));
        let other = Command::new(0x00, 0xA4, 0x04, 0x0C).with_data([1, 2]);
        assert_eq!(untold(&other), other);
    }
}
