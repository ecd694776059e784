//! The way of a command through the chip: parse, unprotect, route to a handler (which checks the access rule), protect.
//!
//! | class | meaning |
//! | --- | --- |
//! | 00, 10 | plain, interindustry; 10 = not the last of a chain |
//! | 0C, 1C | secure messaging of Doc 9303-11 |
//! | 8C, 9C | the same for a proprietary command: VERIFY of auxiliary data; others are answered under secure messaging that they are not known |
//! | 80 | plain, GlobalPlatform |
//! | 04, 84 | SCP03 |
//!
//! A plain command inside secure messaging ends it and is answered 6987, a wrong one 6988, both in plain (Doc 9303-11 §9.8.8);
//! a plain or wrong command inside SCP03 ends the session with 6982 (GPCS Amendment D clause 5.6).

use eid::apdu::{Command, Response, Sw};
use eid::image::LifeCycle;

use crate::card::{Card, Channel, Selected};
use crate::status::{self, Answer, Refusal, refuse};

/// Longest response data that a message of 65,535 bytes carries beside the status word.
const MAX_RESPONSE: usize = 65_533;
/// Most data of a chain of commands.
const MAX_CHAIN: usize = eid::cert::cvc::MAX_LEN;

impl Card {
    /// `Err` is the reason why the card fell silent.
    pub(crate) fn process(&mut self, bytes: &[u8]) -> Result<Response, String> {
        let answer = match Command::parse(bytes) {
            Ok(command) => self.unprotect_and_route(&command),
            Err(_) => refuse(status::WRONG_LENGTH),
        };
        match answer {
            Ok(response) if response.data.len() > MAX_RESPONSE => Ok(Response::status(status::WRONG_LENGTH)),
            Ok(response) => Ok(response),
            Err(Refusal::Status(status)) => Ok(Response::status(status)),
            Err(Refusal::Mute(detail)) => Err(detail),
        }
    }

    fn unprotect_and_route(&mut self, command: &Command) -> Answer {
        self.ram.room = MAX_RESPONSE;
        match command.cla {
            0x00 | 0x10 | 0x80 => self.plain(command),
            0x0C | 0x1C => self.messaging(command),
            0x8C | 0x9C if matches!(self.ram.channel, Channel::Messaging(_)) => self.messaging(command),
            0x84 if command.ins == 0x82 => self.external_authenticate(command),
            0x04 | 0x84 => self.scp03(command),
            cla if cla & 0x60 == 0 && cla & 0x03 != 0 || matches!(cla & 0xC0, 0x40 | 0xC0) => refuse(status::LOGICAL_CHANNEL),
            _ => refuse(status::WRONG_CLA),
        }
    }

    fn plain(&mut self, command: &Command) -> Answer {
        match &self.ram.channel {
            Channel::Messaging(_) => {
                self.close_channel();
                return refuse(status::SM_MISSING);
            }
            Channel::Scp03(session) if session.level().c_mac() && !starts_anew(command) => {
                self.close_channel();
                return refuse(status::SECURITY_STATUS);
            }
            Channel::Scp03(session) => self.ram.level = Some(session.level().byte()),
            Channel::Opening(_) | Channel::Plain => {}
        }
        let answer = self.route(command);
        self.ram.level = None;
        if let Some(channel) = self.ram.next_channel.take() {
            self.ram.channel = channel;
        }
        answer
    }

    /// Unprotects by secure messaging; the answer goes out under the keys that the command came with, even if it opened new ones.
    fn messaging(&mut self, command: &Command) -> Answer {
        let mut messaging = match std::mem::take(&mut self.ram.channel) {
            Channel::Messaging(messaging) => messaging,
            other => {
                // No keys to check with: the objects cannot be right. A session of another kind does not survive it.
                drop(other);
                self.close_channel();
                return refuse(status::SM_INCORRECT);
            }
        };
        let plain = match messaging.unprotect_command(command) {
            Ok(plain) => plain,
            Err(error) => {
                self.close_channel();
                return refuse(error.status().0);
            }
        };
        self.ram.room = response_room(command, messaging.suite().block_len());
        self.note_plain(&plain);
        let response = match self.route(&plain) {
            Ok(response) if response.data.len() > self.ram.room => Response::status(status::WRONG_LENGTH),
            Ok(response) => response,
            Err(Refusal::Status(status)) => Response::status(status),
            Err(mute) => return Err(mute),
        };
        self.note_plain_answer(&response);
        let protected = if self.faults.is_none() {
            messaging.protect_response(&response).map_err(|error| error.status().0)
        } else {
            self.protect_with_faults(&mut messaging, &response)
        };
        self.ram.channel = self.ram.next_channel.take().unwrap_or(Channel::Messaging(messaging));
        protected.or_else(|status| {
            self.close_channel();
            refuse(status)
        })
    }

    /// Unprotects by SCP03. Errors of the command itself do not end the session, errors of protection do.
    fn scp03(&mut self, command: &Command) -> Answer {
        let Channel::Scp03(mut session) = std::mem::take(&mut self.ram.channel) else {
            self.close_channel();
            return refuse(status::SECURITY_STATUS);
        };
        let plain = match session.unwrap(command) {
            Ok(plain) => plain,
            Err(error) => {
                self.close_channel();
                return refuse(error.status().0);
            }
        };
        self.ram.level = Some(session.level().byte());
        self.note_plain(&plain);
        let answer = self.route(&plain);
        self.ram.level = None;
        let response = match answer {
            Ok(response) => response,
            Err(Refusal::Status(status)) => Response { data: Vec::new(), sw: Sw(status) },
            Err(mute) => return Err(mute),
        };
        self.note_plain_answer(&response);
        let wrapped = session.wrap(&response);
        self.ram.channel = self.ram.next_channel.take().unwrap_or(Channel::Scp03(session));
        wrapped.or(refuse(status::NO_DIAGNOSIS))
    }

    fn route(&mut self, command: &Command) -> Answer {
        let chained = command.cla & 0x10 != 0;
        let interindustry = command.cla & 0x80 == 0;
        if !(interindustry && command.ins == 0x86) {
            // Any other command breaks a run of PACE.
            self.ram.pace.abort();
            // Long certificates, signatures, and keys of a session come in parts.
            let in_parts = interindustry && matches!(command.ins, 0x22 | 0x2A | 0x82) && self.ram.access.is_some();
            if chained && !in_parts {
                return refuse(status::NO_CHAINING);
            }
        }
        if command.ins != 0x82 && command.ins != 0x84 {
            self.ram.challenge = None;
            if !(matches!(command.ins, 0x22 | 0x2A) && self.gives_early_challenges()) {
                self.ram.terminal.forget_challenge();
            }
        }
        if self.ram.chain.as_ref().is_some_and(|chain| !chain.goes_on_with(command)) {
            self.ram.chain = None;
        }
        if interindustry && command.ins != 0x86 && (chained || self.ram.chain.is_some()) {
            let Some(data) = self.joined(command)? else { return status::done() };
            return self.dispatch(&Command { data, ..command.clone() });
        }
        self.dispatch(command)
    }

    fn dispatch(&mut self, command: &Command) -> Answer {
        if self.faults.is_some() { self.dispatch_with_faults(command) } else { self.handle(command) }
    }

    pub(crate) fn handle(&mut self, command: &Command) -> Answer {
        if self.store.meta().card_state == 0xFF && command.ins != 0xCA {
            return refuse(status::CONDITIONS);
        }
        if self.waits_for_a_pin() && !matches!(command.ins, 0xA4 | 0xB0 | 0xB1 | 0xCA | 0x2C) {
            return refuse(status::SECURITY_STATUS);
        }
        match (command.cla & 0x80, command.ins) {
            (0x00, 0xA4) => self.select(command),
            (0x00, 0xB0) => self.read_binary(command),
            (0x00, 0xB1) => self.read_binary_odd(command),
            (0x00, 0xD6) => self.inspection(Self::update_binary, command),
            (_, 0xCA) => self.get_data(command),
            (0x00, 0x84) => self.inspection(Self::get_challenge, command),
            (0x00, 0x82) => self.inspection(Self::external_authenticate_terminal, command),
            (0x00, 0x2A) => self.inspection(Self::verify_certificate, command),
            (0x00, 0x22) => self.inspection(Self::manage_security_environment, command),
            (0x00, 0x86) => self.inspection(Self::general_authenticate, command),
            (0x00, 0x2C) => self.inspection(Self::reset_retry_counter, command),
            (0x00, 0x04 | 0x44) => self.inspection(Self::switch_pin, command),
            (0x00, 0x88) => self.inspection(Self::internal_authenticate, command),
            (0x80, 0x20) => self.inspection(Self::verify_auxiliary_data, command),
            (0x80, 0x50) => self.initialize_update(command),
            (0x80, 0xD8) => self.put_key(command),
            (0x80, 0xE6) => self.install(command),
            (0x80, 0xE2) => self.store_data(command),
            (0x80, 0xF2) => self.get_status(command),
            (0x80, 0xF0) => self.set_status(command),
            _ => refuse(status::WRONG_INS),
        }
    }

    /// The protocols of Doc 9303-11 work in the states 1F and 3F only, and not in the issuer domain.
    fn inspection(&mut self, handler: fn(&mut Self, &Command) -> Answer, command: &Command) -> Answer {
        let open = matches!(self.store.meta().state, LifeCycle::Personalized | LifeCycle::Operational);
        if open && self.ram.selected != Selected::IssuerDomain { handler(self, command) } else { refuse(status::CONDITIONS) }
    }

    /// The data of a chain of commands once its last command is here; `None` before.
    pub(crate) fn joined(&mut self, command: &Command) -> Result<Option<Vec<u8>>, Refusal> {
        let mut data = self.ram.chain.take().map(|chain| chain.data).unwrap_or_default();
        data.extend_from_slice(&command.data);
        if data.len() > MAX_CHAIN {
            return refuse(status::WRONG_LENGTH);
        }
        if command.cla & 0x10 == 0 {
            return Ok(Some(data));
        }
        self.ram.chain = Some(Chain { header: [command.ins, command.p1, command.p2], data });
        Ok(None)
    }

    /// Drops the channel with everything that it stood for.
    pub(crate) fn close_channel(&mut self) {
        self.ram.channel = Channel::Plain;
        self.ram.next_channel = None;
        self.ram.access = None;
        self.ram.level = None;
        self.ram.dek = None;
        self.ram.forwarding = false;
        self.ram.sequence = None;
        self.ram.challenge = None;
        self.ram.chip_auth = None;
        self.ram.restricted_id = None;
        self.ram.chip_authenticated = false;
        self.ram.terminal = crate::emrtd::terminal_auth::TerminalRun::default();
        self.ram.chain = None;
        self.ram.current = None;
        self.ram.pace.abort();
    }
}

/// The first commands of a chain (ISO/IEC 7816-4 clause 5.3.3).
#[derive(Debug)]
pub(crate) struct Chain {
    header: [u8; 3],
    data: Vec<u8>,
}

impl Chain {
    fn goes_on_with(&self, command: &Command) -> bool {
        self.header == [command.ins, command.p1, command.p2]
    }
}

/// SELECT and INITIALIZE UPDATE end a session by their nature.
const fn starts_anew(command: &Command) -> bool {
    matches!((command.cla, command.ins), (0x00, 0xA4) | (0x80, 0x50))
}

/// Plain bytes that the answer to a protected command can carry: what Le of the message allows, less the objects 87 (or 85) with
/// padding indicator and padding, 99 and 8E.
fn response_room(command: &Command, block: usize) -> usize {
    let wire = command.le.map_or(256, |le| le as usize).min(MAX_RESPONSE);
    let header = if wire > 256 { 4 } else { 3 };
    let blocks = wire.saturating_sub(header + 1 + 4 + 10) / block * block;
    blocks.saturating_sub(1)
}
