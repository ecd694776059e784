//! PIN management at the terminal (BSI TR-03110-2 §2.2 and §3.3, TR-03110-3 B.8): how the PIN stands, change, unblock, resume, activate, deactivate.
//!
//! How it stands the card says to MSE:Set AT, before anything is tried; so no try is made that could block the PIN or the PUK unless the caller
//! allows it ([`LastTry`]). Whether a PIN is one of transport the card does not say before it is used.
//!
//! | what | session by | command |
//! | --- | --- | --- |
//! | change | PIN, or the PUK where the card allows it | RESET RETRY COUNTER 02 03 |
//! | unblock | PUK | RESET RETRY COUNTER 03 03 |
//! | resume | CAN, then PIN in its session | none |
//! | activate, deactivate | any, and a terminal with the right of PIN management | ACTIVATE, DEACTIVATE 10 03 |

use std::fmt;

use eid::apdu::{Command, Sw};
use eid::protocol::finding::{Finding, Outcome};
use eid::protocol::pace::Password;
use eid::secret::Secret;
use eid::transport::Transport;
use rand_core::CryptoRng;

use super::access::{self, AccessError, Log};
use super::credentials::TerminalCredentials;
use super::inspect;
use crate::session::{Session, SessionError};

/// How a password stands, as the card says it without a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be used; the number of tries left, where one was wrong.
    Usable(Option<u8>),
    /// One try is left, and the card takes it only after the CAN in the same session.
    Suspended,
    /// No try is left.
    Blocked,
    /// A terminal has to activate it first.
    Deactivated,
    /// The card has none.
    Absent,
    /// The card says something else.
    Unclear(Sw),
}

impl State {
    /// What the status word of MSE:Set AT says; only a PIN is ever suspended.
    const fn of(sw: Sw, is_pin: bool) -> Self {
        match sw.0 {
            0x9000 => Self::Usable(None),
            0x63C0 | 0x6983 => Self::Blocked,
            0x63C1 if is_pin => Self::Suspended,
            0x63C1..=0x63CF => Self::Usable(Some(sw.0.to_be_bytes()[1] & 0x0F)),
            0x6283 | 0x6984 => Self::Deactivated,
            0x6985 if is_pin => Self::Suspended,
            0x6A80 | 0x6A88 => Self::Absent,
            _ => Self::Unclear(sw),
        }
    }

    /// The word in JSON: `usable`, `suspended`, `blocked`, `deactivated`, `absent`, `unclear`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usable(_) => "usable",
            Self::Suspended => "suspended",
            Self::Blocked => "blocked",
            Self::Deactivated => "deactivated",
            Self::Absent => "absent",
            Self::Unclear(_) => "unclear",
        }
    }

    /// The tries left, where the card says how many.
    #[must_use]
    pub const fn tries(self) -> Option<u8> {
        match self {
            Self::Usable(tries) => tries,
            Self::Suspended => Some(1),
            Self::Blocked => Some(0),
            Self::Deactivated | Self::Absent | Self::Unclear(_) => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usable(None) => f.write_str("usable, all tries left"),
            Self::Usable(Some(1)) => f.write_str("usable, 1 try left"),
            Self::Usable(Some(tries)) => write!(f, "usable, {tries} tries left"),
            Self::Suspended => f.write_str("suspended, 1 try left: it is taken after the CAN only"),
            Self::Blocked => f.write_str("blocked"),
            Self::Deactivated => f.write_str("deactivated"),
            Self::Absent => f.write_str("the card has none"),
            Self::Unclear(sw) => write!(f, "unclear: the card said {sw}"),
        }
    }
}

/// How PIN and PUK of a card stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinStatus {
    /// The PIN.
    pub pin: State,
    /// The PUK.
    pub puk: State,
}

/// Whether the last try of a password may be used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastTry {
    /// No: a wrong PIN or PUK would block it.
    #[default]
    Keep,
    /// Yes.
    Use,
}

/// Why the PIN was not managed.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// The card did not open.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The password does not stand as it must.
    #[error("the {password} is {state}; expected {expected}")]
    State {
        /// `PIN` or `PUK`.
        password: &'static str,
        /// How it stands.
        state: State,
        /// How it should.
        expected: &'static str,
    },
    /// The password was wrong.
    #[error("the {password} is wrong; it is now {state}")]
    Wrong {
        /// `PIN` or `PUK`.
        password: &'static str,
        /// How it stands after that.
        state: State,
    },
    /// The only try left may not be used.
    #[error("the {password} has one try left, which would block it if it is wrong")]
    LastTry {
        /// `PIN` or `PUK`.
        password: &'static str,
    },
    /// A suspended PIN without the CAN.
    #[error("the PIN is suspended: its last try is taken after the CAN in the same session, which was not given")]
    NoCan,
    /// The card refused the command in a session.
    #[error("the card refused to {what}: {sw} {}", .sw.meaning())]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// What it said.
        sw: Sw,
    },
    /// The terminal did not get its rights.
    #[error("Terminal and Chip Authentication, which {what} needs: {reason}")]
    NoRights {
        /// What was wanted.
        what: &'static str,
        /// Why there are none.
        reason: String,
    },
}

impl From<SessionError> for PinError {
    fn from(error: SessionError) -> Self {
        Self::Access(error.into())
    }
}

/// How PIN and PUK stand. Nothing is tried, and the card is reset.
///
/// # Errors
/// [`PinError::Access`]: the card is not there, or announces no PACE.
pub fn status<T: Transport>(session: &mut Session<T>) -> Result<PinStatus, PinError> {
    let mut one = |password: &Password| {
        session.restart()?;
        let sw = access::ask(session, password, &mut Log::default())?;
        Ok::<_, PinError>(State::of(sw, matches!(password, Password::Pin(_))))
    };
    let nothing = || Secret::from(&b""[..]);
    let status = PinStatus { pin: one(&Password::Pin(nothing()))?, puk: one(&Password::Puk(nothing()))? };
    session.restart()?;
    Ok(status)
}

/// Opens the card by the PIN; a suspended one after the CAN, if its last try may be used.
fn by_pin<T: Transport>(
    session: &mut Session<T>,
    pin: &Secret,
    can: Option<&Secret>,
    last_try: LastTry,
    rng: &mut dyn CryptoRng,
) -> Result<(), PinError> {
    let state = status(session)?.pin;
    match state {
        State::Suspended if can.is_none() => return Err(PinError::NoCan),
        State::Suspended if last_try == LastTry::Keep => return Err(PinError::LastTry { password: "PIN" }),
        State::Usable(_) | State::Suspended => {}
        _ => return Err(PinError::State { password: "PIN", state, expected: "one that can be used" }),
    }
    let passwords: Vec<_> = [Some(Password::Pin(pin.clone())), can.cloned().map(Password::Can)].into_iter().flatten().collect();
    opened(session, &passwords, rng)
}

/// Opens the card by the PUK.
fn by_puk<T: Transport>(session: &mut Session<T>, puk: &Secret, last_try: LastTry, rng: &mut dyn CryptoRng) -> Result<(), PinError> {
    let state = status(session)?.puk;
    match state {
        State::Usable(Some(1)) if last_try == LastTry::Keep => return Err(PinError::LastTry { password: "PUK" }),
        State::Usable(_) => {}
        _ => return Err(PinError::State { password: "PUK", state, expected: "one that can be used" }),
    }
    opened(session, &[Password::Puk(puk.clone())], rng)
}

fn opened<T: Transport>(session: &mut Session<T>, passwords: &[Password], rng: &mut dyn CryptoRng) -> Result<(), PinError> {
    match access::by_password(session, passwords, rng, &mut Log::default()) {
        Ok(_) => Ok(()),
        // refused before it was judged, though MSE:Set AT had nothing against it
        Err(AccessError::Refused { password: password @ ("PIN" | "PUK"), sw: Some(sw), .. }) if matches!(sw.0, 0x6982..=0x6985) => {
            Err(PinError::State { password, state: State::of(sw, password == "PIN"), expected: "one that can be used" })
        }
        Err(AccessError::Refused { password: password @ ("PIN" | "PUK"), .. }) => {
            let after = status(session)?;
            Err(PinError::Wrong { password, state: if password == "PIN" { after.pin } else { after.puk } })
        }
        Err(error) => Err(error.into()),
    }
}

fn told<T: Transport>(session: &mut Session<T>, what: &'static str, command: &Command) -> Result<(), PinError> {
    let sw = session.transmit(command)?.sw;
    if sw.is_ok() { Ok(()) } else { Err(PinError::Refused { what, sw }) }
}

const fn reset_retry_counter(p1: u8) -> Command {
    Command::new(0x00, 0x2C, p1, 0x03)
}

/// Changes the PIN, as its holder who knows the old one. A transport PIN is replaced so.
///
/// # Errors
/// [`PinError`].
pub fn change<T: Transport>(
    session: &mut Session<T>,
    (old, can): (&Secret, Option<&Secret>),
    new: &Secret,
    last_try: LastTry,
    rng: &mut dyn CryptoRng,
) -> Result<(), PinError> {
    by_pin(session, old, can, last_try, rng)?;
    told(session, "change the PIN", &reset_retry_counter(0x02).with_data(new.expose()))
}

/// Unblocks the PIN with the PUK; with `new` it is set too, which not every card allows. The card counts how often.
///
/// # Errors
/// [`PinError`].
pub fn unblock<T: Transport>(
    session: &mut Session<T>,
    puk: &Secret,
    new: Option<&Secret>,
    last_try: LastTry,
    rng: &mut dyn CryptoRng,
) -> Result<(), PinError> {
    by_puk(session, puk, last_try, rng)?;
    match new {
        None => told(session, "unblock the PIN", &reset_retry_counter(0x03)),
        Some(new) => told(session, "set the PIN", &reset_retry_counter(0x02).with_data(new.expose())),
    }
}

/// Uses the last try of a suspended PIN after the CAN: a right PIN has all tries again, a wrong one is blocked.
///
/// # Errors
/// [`PinError`]; also for a PIN that is not suspended.
pub fn resume<T: Transport>(
    session: &mut Session<T>,
    pin: &Secret,
    can: &Secret,
    last_try: LastTry,
    rng: &mut dyn CryptoRng,
) -> Result<(), PinError> {
    let state = status(session)?.pin;
    if state != State::Suspended {
        return Err(PinError::State { password: "PIN", state, expected: "a suspended one" });
    }
    by_pin(session, pin, Some(can), last_try, rng)
}

/// Activates or deactivates the PIN, by a terminal with the right to it.
///
/// # Errors
/// [`PinError`].
pub fn switch<T: Transport>(
    session: &mut Session<T>,
    on: bool,
    passwords: &[Password],
    terminal: &TerminalCredentials,
    rng: &mut dyn CryptoRng,
) -> Result<(), PinError> {
    let (what, ins) = if on { ("activate the PIN", 0x44) } else { ("deactivate the PIN", 0x04) };
    session.restart()?;
    let (ca, ta) = inspect::prove_terminal(session, passwords, terminal, &[], rng, &mut Log::default())?;
    let missed = |finding: &&Finding| finding.outcome != Outcome::Passed;
    if let Some(finding) = [&ta, &ca].into_iter().find(missed) {
        let reason = finding.reason.as_ref().map_or_else(|| finding.outcome.to_string(), |reason| reason.text.clone());
        return Err(PinError::NoRights { what, reason });
    }
    told(session, what, &Command::new(0x00, ins, 0x10, 0x03))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_word_says_how_a_password_stands() {
        let pin = |sw| State::of(Sw(sw), true);
        assert_eq!([pin(0x9000), pin(0x63C2), pin(0x63C1)], [State::Usable(None), State::Usable(Some(2)), State::Suspended]);
        assert_eq!([pin(0x63C0), pin(0x6283), pin(0x6A88)], [State::Blocked, State::Deactivated, State::Absent]);
        assert_eq!((pin(0x6F00), pin(0x6F00).tries()), (State::Unclear(Sw(0x6F00)), None));
        assert_eq!(State::of(Sw(0x63C1), false), State::Usable(Some(1)), "a PUK is never suspended");
    }
}
