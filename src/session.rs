//! A card with or without secure messaging: the only owner of the transport.
//!
//! Fetches what the card announces by 61xx, repeats by 6Cxx, chains what does not fit into one APDU, and keeps every command inside
//! the limits of the link. It fails closed: after any error of the transport or of secure messaging the channel is lost, and no
//! command goes out in the clear instead, until [`Session::restart`]. Only where a card refused a protected command with a bare status
//! word does the channel wait, for a caller who knows what that card does to its counter ([`Session::resume_channel`]).

use eid::apdu::{ApduError, Command, EXTENDED_LE_MAX, Response, SHORT_LE_MAX, Sw};
use eid::sm::{Counted, SecureMessaging, SmError};
use eid::transport::{Limits, Transport, TransportError};

pub mod habits;
pub mod watch;

pub use habits::Habits;
pub use watch::{Stop, Watch};

/// Most data that one command may fetch over several GET RESPONSE.
const MAX_ANSWER: usize = EXTENDED_LE_MAX as usize;

/// Why a command has no answer that can be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The card was not reached, or did not answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The answer is not that of the card which holds the channel's keys; the channel is dropped.
    #[error("secure channel broken: {0}")]
    SecureMessaging(#[from] SmError),
    /// The command cannot be written, or the answer has no status word.
    #[error(transparent)]
    Apdu(#[from] ApduError),
    /// The channel was lost before: nothing is sent until the session is restarted.
    #[error("the channel to the card was lost; restart the session")]
    Lost,
    /// The caller stopped: nothing was sent, and the channel is as it was.
    #[error("stopped: {0}")]
    Stopped(Stop),
    /// The card announces more and more data.
    #[error("expected at most {MAX_ANSWER} bytes of answer, the card announces more after {found}")]
    Endless {
        /// Bytes received.
        found: usize,
    },
}

/// How commands travel.
#[derive(Debug)]
enum Channel {
    Plain,
    Secure(Box<SecureMessaging>),
    /// The card refused a protected command in the clear. It may have kept the channel.
    Waiting(Box<SecureMessaging>),
    /// An error left the state of the card unknown.
    Lost,
}

/// What a session moved over the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Command APDUs, each part of a chain and each GET RESPONSE counted.
    pub commands: u64,
    /// Bytes of command APDUs.
    pub sent: u64,
    /// Bytes of response APDUs.
    pub received: u64,
}

/// A protected command as sent, and its answer as received, status word included.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchange {
    /// How many commands went under the same channel before it: what the counter of secure messaging needs.
    pub before: u32,
    /// The command.
    pub command: Vec<u8>,
    /// The answer.
    pub answer: Vec<u8>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("before", &self.before)
            .field("command", &self.command.len())
            .field("answer", &self.answer.len())
            .finish()
    }
}

/// Which exchange under secure messaging is kept.
#[derive(Debug, Default)]
enum Recorded {
    #[default]
    No,
    /// The first that comes, then no other.
    First,
    /// The last that came.
    Last(Option<Exchange>),
    Taken(Exchange),
}

/// A conversation with one card.
#[derive(Debug)]
pub struct Session<T> {
    transport: T,
    recorded: Recorded,
    /// Commands that went under the present channel.
    protected: u32,
    channel: Channel,
    limits: Limits,
    traffic: Traffic,
    habits: Habits,
    watch: Watch,
}

impl<T: Transport> Session<T> {
    /// A session in the clear, with the limits of the transport.
    pub fn new(transport: T) -> Self {
        let limits = transport.limits();
        Self {
            transport,
            recorded: Recorded::No,
            protected: 0,
            channel: Channel::Plain,
            limits,
            traffic: Traffic::default(),
            habits: Habits::default(),
            watch: Watch::default(),
        }
    }

    /// The card's answer to reset.
    ///
    /// # Errors
    /// The card is not there or mute.
    pub fn atr(&mut self) -> Result<Vec<u8>, SessionError> {
        let atr = self.transport.atr()?;
        self.limits = self.transport.limits();
        Ok(atr)
    }

    /// Resets the card and starts in the clear: selection, authentication, and channel are gone on both sides.
    ///
    /// # Errors
    /// The card is not there or mute.
    pub fn restart(&mut self) -> Result<(), SessionError> {
        self.watch.check().map_err(SessionError::Stopped)?;
        self.channel = Channel::Lost;
        self.transport.reset()?;
        self.limits = self.transport.limits();
        if self.habits.short_only {
            self.use_short_apdus();
        }
        self.channel = Channel::Plain;
        Ok(())
    }

    /// Protects everything from here on. Replaces the channel that was there (Chip Authentication, TR-03110-3 B.1).
    pub fn secure(&mut self, channel: SecureMessaging) {
        self.channel = Channel::Secure(Box::new(channel));
        self.protected = 0;
    }

    /// The same, and keeps the first exchange under `channel`: it is what shows that the other side has the keys.
    pub fn secure_recorded(&mut self, channel: SecureMessaging) {
        self.secure(channel);
        self.recorded = Recorded::First;
    }

    /// From now on keeps the last exchange under secure messaging, until [`take_recorded`](Self::take_recorded): of a chain its last part.
    pub fn record_last(&mut self) {
        self.recorded = Recorded::Last(None);
    }

    /// The exchange that was kept since [`secure_recorded`](Self::secure_recorded) or [`record_last`](Self::record_last), once.
    pub fn take_recorded(&mut self) -> Option<Exchange> {
        match std::mem::take(&mut self.recorded) {
            Recorded::Taken(exchange) => Some(exchange),
            Recorded::Last(exchange) => exchange,
            Recorded::No | Recorded::First => None,
        }
    }

    /// Whether commands are protected.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        matches!(self.channel, Channel::Secure(_))
    }

    /// Goes on under a channel that a bare status word left waiting, with the counter where a card has it that did `counted`. Whether the
    /// card kept the channel shows only the next answer; if it did not, that answer is an error and the channel is lost. The next command must
    /// ask for nothing else than the refused one, because both may go under one counter.
    ///
    /// Returns whether there was such a channel.
    pub fn resume_channel(&mut self, counted: Counted) -> bool {
        match std::mem::replace(&mut self.channel, Channel::Lost) {
            Channel::Waiting(mut channel) => {
                channel.danger_recount(counted);
                self.channel = Channel::Secure(channel);
                true
            }
            other => {
                self.channel = other;
                false
            }
        }
    }

    /// What is known of cards of this type.
    #[must_use]
    pub const fn habits(&self) -> &Habits {
        &self.habits
    }

    /// Begins with what is known of cards of this type.
    pub fn set_habits(&mut self, habits: Habits) {
        if habits.short_only {
            self.use_short_apdus();
        }
        self.habits = habits;
    }

    /// Keeps to what EF.ATR/INFO says about the longest APDUs, in bytes (Doc 9303-10 §3.11.1). Never beyond what the link carries, nor
    /// below short ones.
    pub fn announce(&mut self, command: usize, response: usize) {
        self.limits.max_command = self.limits.max_command.min(command.max(Limits::SHORT.max_command));
        self.limits.max_response = self.limits.max_response.min(response.max(Limits::SHORT.max_response));
    }

    /// The same, to be added to.
    pub const fn habits_mut(&mut self) -> &mut Habits {
        &mut self.habits
    }

    /// From now on asks `watch` before each APDU; [`SessionError::Stopped`] where it says stop.
    pub fn set_watch(&mut self, watch: Watch) {
        self.watch = watch;
    }

    /// Goes down to short APDUs, for a card or reader that refuses extended ones.
    pub const fn use_short_apdus(&mut self) {
        self.limits = Limits::SHORT;
    }

    /// Goes up to extended APDUs, for a command that needs them and a card that did not announce them; where they are in use, what EF.ATR/INFO
    /// says of their length stands. A link that cannot carry them answers with an error.
    pub const fn use_extended_apdus(&mut self) {
        if !self.is_extended() {
            self.limits = Limits::EXTENDED;
        }
    }

    /// Whether extended lengths are in use.
    #[must_use]
    pub const fn is_extended(&self) -> bool {
        self.limits.max_command > Limits::SHORT.max_command && self.limits.max_response > Limits::SHORT.max_response
    }

    /// What went over the wire so far.
    #[must_use]
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The transport, for what comes after the session.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// Most command data of one APDU under the present channel; more is chained.
    #[must_use]
    pub fn max_data(&self) -> usize {
        let body = if self.is_extended() { self.limits.max_command.saturating_sub(9).min(65_535) } else { 255 };
        match &self.channel {
            // DO'8E' 10 bytes, DO'97' at most 4.
            Channel::Secure(channel) => protected_capacity(body.saturating_sub(14), channel.suite().block_len()),
            _ => body,
        }
    }

    /// Most answer data of one APDU under the present channel.
    #[must_use]
    pub fn max_answer(&self) -> usize {
        let body = if self.is_extended() { self.limits.max_response.saturating_sub(2).min(MAX_ANSWER) } else { 256 };
        match &self.channel {
            // DO'8E' 10 bytes, DO'99' 4 bytes.
            Channel::Secure(channel) => protected_capacity(body.saturating_sub(14), channel.suite().block_len()),
            _ => body,
        }
    }

    /// Sends a command through the present channel and returns the card's answer, whatever its status word.
    /// Data that do not fit are chained; a part that the card refuses ends the chain with its answer.
    ///
    /// # Errors
    /// [`SessionError`]; the channel is lost after all of them except [`SessionError::Apdu`] of a command that cannot be written and
    /// [`SessionError::Stopped`]. After [`SmError::Unprotected`] it may wait for [`resume_channel`](Self::resume_channel).
    pub fn transmit(&mut self, command: &Command) -> Result<Response, SessionError> {
        if matches!(self.channel, Channel::Lost | Channel::Waiting(_)) {
            return Err(SessionError::Lost);
        }
        command.encode()?;
        let parts = command.chain(self.max_data());
        let result = self.run(&parts);
        match &result {
            Ok(_) => {}
            Err(error @ SessionError::Stopped(_)) => tracing::debug!(%error, "stopped"),
            Err(error) if matches!(self.channel, Channel::Waiting(_)) => tracing::debug!(%error, "channel waits"),
            Err(error) => {
                tracing::debug!(%error, "channel lost");
                self.channel = Channel::Lost;
            }
        }
        result
    }

    fn run(&mut self, parts: &[Command]) -> Result<Response, SessionError> {
        let mut answer = Response::ok([]);
        for part in parts {
            answer = self.single(part)?;
            if !answer.sw.is_ok() {
                break;
            }
        }
        Ok(answer)
    }

    /// One command that fits, protected if the channel is; repeated once if the card names another Le inside the channel.
    fn single(&mut self, command: &Command) -> Result<Response, SessionError> {
        let mut command = self.fit(command);
        for attempt in 0..2 {
            let answer = match &mut self.channel {
                Channel::Plain => return self.wire(&command),
                Channel::Lost | Channel::Waiting(_) => return Err(SessionError::Lost),
                Channel::Secure(channel) => {
                    // Before the counter moves: a command that is not sent must not be counted.
                    self.watch.check().map_err(SessionError::Stopped)?;
                    let protected = channel.protect_command(&command)?;
                    let before = self.protected;
                    self.protected = before.saturating_add(1);
                    let answer = self.wire(&protected)?;
                    self.record(before, &protected, &answer)?;
                    if answer.data.is_empty() && !matches!(answer.sw.0, 0x6987 | 0x6988) {
                        self.wait();
                        return Err(SmError::Unprotected(answer.sw).into());
                    }
                    let Channel::Secure(channel) = &mut self.channel else { return Err(SessionError::Lost) };
                    channel.unprotect_response(&answer)?
                }
            };
            match wrong_le(&answer).filter(|_| attempt == 0 && command.le.is_some()) {
                Some(le) => command.le = Some(le),
                None => return Ok(answer),
            }
        }
        Err(SessionError::Lost)
    }

    fn record(&mut self, before: u32, command: &Command, answer: &Response) -> Result<(), ApduError> {
        let exchange = || Ok(Exchange { before, command: command.encode()?, answer: answer.encode() });
        match &mut self.recorded {
            Recorded::No | Recorded::Taken(_) => {}
            Recorded::First => self.recorded = Recorded::Taken(exchange()?),
            Recorded::Last(last) => *last = Some(exchange()?),
        }
        Ok(())
    }

    /// Keeps the keys of the channel aside after an answer in the clear.
    fn wait(&mut self) {
        self.channel = match std::mem::replace(&mut self.channel, Channel::Lost) {
            Channel::Secure(channel) => Channel::Waiting(channel),
            other => other,
        };
    }

    /// The command with Le and form inside the limits: extended where the protected answer would not fit a short one.
    fn fit(&self, command: &Command) -> Command {
        let mut command = command.clone();
        if !self.is_extended() {
            command.extended = false;
            command.le = command.le.map(|le| le.min(SHORT_LE_MAX));
        } else if let Channel::Secure(channel) = &self.channel {
            let short = protected_capacity(SHORT_LE_MAX as usize - 14, channel.suite().block_len());
            command.extended |= command.le.is_some_and(|le| le as usize > short);
        }
        command
    }

    /// One command as it is, with 6Cxx and 61xx served.
    fn wire(&mut self, command: &Command) -> Result<Response, SessionError> {
        let mut answer = self.exchange(command)?;
        if let Some(le) = wrong_le(&answer).filter(|_| command.le.is_some()) {
            let again = self.exchange(&Command { le: Some(le), ..command.clone() })?;
            // A card that counted the refused command, or dropped the channel, refuses the repetition in the clear: the first refusal stands.
            if !(self.is_secure() && again.data.is_empty()) {
                answer = again;
            }
        }
        let mut data = Vec::new();
        while answer.sw.sw1() == 0x61 {
            let progress = !answer.data.is_empty() || data.is_empty();
            data.append(&mut answer.data);
            if !progress || data.len() > MAX_ANSWER {
                return Err(SessionError::Endless { found: data.len() });
            }
            let announced = answer.sw.sw2();
            // The logical channel stays, secure messaging and chaining bits do not belong here.
            let get_response =
                Command::new(command.cla & 0x03, 0xC0, 0, 0).with_le(if announced == 0 { SHORT_LE_MAX } else { announced.into() });
            answer = self.exchange(&get_response)?;
            if let Some(le) = wrong_le(&answer) {
                answer = self.exchange(&get_response.with_le(le))?;
            }
        }
        if !data.is_empty() {
            data.append(&mut answer.data);
            answer.data = data;
        }
        Ok(answer)
    }

    fn exchange(&mut self, command: &Command) -> Result<Response, SessionError> {
        if matches!(self.channel, Channel::Plain) {
            self.watch.check().map_err(SessionError::Stopped)?;
        }
        let bytes = command.encode()?;
        let answer = self.transport.transmit(&bytes)?;
        self.traffic.commands += 1;
        self.traffic.sent += bytes.len() as u64;
        self.traffic.received += answer.len() as u64;
        let answer = Response::parse(&answer)?;
        // Headers and lengths only: both Debug forms leave data out.
        tracing::trace!(?command, ?answer, "apdu");
        Ok(answer)
    }
}

/// The Le that a 6Cxx without data names.
fn wrong_le(answer: &Response) -> Option<u32> {
    let Sw(sw) = answer.sw;
    (answer.data.is_empty() && sw >> 8 == 0x6C).then(|| match answer.sw.sw2() {
        0 => SHORT_LE_MAX,
        le => le.into(),
    })
}

/// Plain bytes that fit into a DO'87' of at most `room` bytes: tag, length, padding indicator, whole blocks, at least one byte of padding.
fn protected_capacity(room: usize, block: usize) -> usize {
    let header = match room {
        0..=0x81 => 3,
        0x82..=0x102 => 4,
        _ => 5,
    };
    (room.saturating_sub(header) / block * block).saturating_sub(1)
}

#[cfg(test)]
pub(crate) mod tests;
