//! `pin`: how the PIN of a card stands, and its management by holder, PUK, or terminal.

use std::path::PathBuf;

use cardwright::session::Session;
use cardwright::terminal::pin::{self, LastTry, PinError, PinStatus, State};
use clap::{Args, Subcommand};
use eid::secret::Secret;
use serde_json::json;

use super::access::AccessArgs;
use super::exit::{Exit, Failure};
use super::reader::{self, AnyCard, ReaderArgs};
use super::terminal_keys::TerminalKeys;
use super::{Context, output, random, secret};

/// Show how the PIN of a card stands, change it, or unblock it
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    before_long_help = "Example:\n  cardwright pin status --reader sim:D/cards/0001.card\n  cardwright pin change --reader sim:D/cards/0001.card --pin-file D/letters/0001.pin --new-pin-file new\n  cardwright pin unblock --reader pcsc:0 --puk-file D/letters/0001.puk\n  cardwright pin resume --reader pcsc:0 --can 123456 --last-try\n  cardwright pin deactivate --reader pcsc:0 --can 123456 --terminal-keys ca/terminals/VNOFFICE1001",
    after_long_help = "PINs and PUKs come from files, from CARDWRIGHT_CARD_PIN, CARDWRIGHT_NEW_PIN, and CARDWRIGHT_CARD_PUK, or are asked for. Before anything is\ntried the card is asked how many tries are left; the last one is used with --last-try only."
)]
pub(crate) struct Pin {
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Show whether PIN and PUK can be used, and how many tries are left; nothing is tried
    Status(OnCard),
    Change(Change),
    Unblock(Unblock),
    Resume(Resume),
    /// Activate the PIN, by a terminal with the right of PIN management
    Activate(Switch),
    /// Deactivate the PIN, by a terminal with the right of PIN management
    Deactivate(Switch),
}

#[derive(Debug, Args)]
struct OnCard {
    #[command(flatten)]
    reader: ReaderArgs,
}

/// Where the old PIN comes from.
#[derive(Debug, Args)]
struct OldPin {
    /// Take the PIN from FILE (first line); else from CARDWRIGHT_CARD_PIN, else ask for it
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
}

impl OldPin {
    fn read(&self) -> Result<Secret, Failure> {
        secret::card(self.pin_file.as_deref(), "CARDWRIGHT_CARD_PIN", "--pin-file", "PIN of the card: ")
    }
}

/// Where a new PIN comes from.
#[derive(Debug, Args)]
struct NewPin {
    /// Take the new PIN from FILE (first line); else from CARDWRIGHT_NEW_PIN, else ask for it
    #[arg(long, value_name = "FILE")]
    new_pin_file: Option<PathBuf>,
}

impl NewPin {
    fn read(&self) -> Result<Secret, Failure> {
        let (variable, option) = ("CARDWRIGHT_NEW_PIN", "--new-pin-file");
        let new = match secret::given(self.new_pin_file.as_deref(), variable)? {
            Some(new) => new,
            None => {
                let first = secret::card(None, variable, option, "New PIN: ")?;
                if first != secret::card(None, variable, option, "New PIN again: ")? {
                    return Err(Failure::usage("the two new PINs differ"));
                }
                first
            }
        };
        digits(new, "new PIN")
    }
}

/// Whether a last try may be used.
#[derive(Debug, Args)]
struct Consent {
    /// Use the last try, too: if the PIN or PUK is wrong it is blocked then
    #[arg(long)]
    last_try: bool,
}

impl Consent {
    const fn given(&self) -> LastTry {
        if self.last_try { LastTry::Use } else { LastTry::Keep }
    }
}

/// Change the PIN with the old one, also a transport PIN
#[derive(Debug, Args)]
struct Change {
    #[command(flatten)]
    card: OnCard,
    #[command(flatten)]
    old: OldPin,
    #[command(flatten)]
    new: NewPin,
    /// Resume a suspended PIN with the card access number, as printed on the card
    #[arg(long, value_name = "DIGITS")]
    can: Option<String>,
    #[command(flatten)]
    consent: Consent,
}

/// Unblock the PIN with the PUK, and set a new one if --set-pin is given
#[derive(Debug, Args)]
struct Unblock {
    #[command(flatten)]
    card: OnCard,
    /// Take the PUK from FILE (first line); else from CARDWRIGHT_CARD_PUK, else ask for it
    #[arg(long, value_name = "FILE")]
    puk_file: Option<PathBuf>,
    /// Set a new PIN, which a card may refuse; else the old one is kept
    #[arg(long)]
    set_pin: bool,
    #[command(flatten)]
    new: NewPin,
    #[command(flatten)]
    consent: Consent,
}

/// Use the last try of a suspended PIN after the card access number, which gives back all tries if the PIN is right
#[derive(Debug, Args)]
struct Resume {
    #[command(flatten)]
    card: OnCard,
    #[command(flatten)]
    pin: OldPin,
    /// The card access number, as printed on the card
    #[arg(long, value_name = "DIGITS", required = true)]
    can: String,
    #[command(flatten)]
    consent: Consent,
}

#[derive(Debug, Args)]
struct Switch {
    #[command(flatten)]
    card: OnCard,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    terminal: TerminalKeys,
}

impl OnCard {
    fn session(&self) -> Result<Session<AnyCard>, Failure> {
        let mut session = Session::new(self.reader.open()?);
        session.atr().map_err(|error| reader::session_failure(&error))?;
        Ok(session)
    }
}

impl Pin {
    pub(crate) fn run(self, context: Context) -> Result<Exit, Failure> {
        let rng = &mut random::system();
        let mut session = match &self.step {
            Step::Status(card) => card.session()?,
            Step::Change(step) => {
                let (old, new) = (digits(step.old.read()?, "PIN")?, step.new.read()?);
                let can = step.can.as_deref().map(can).transpose()?;
                let mut session = step.card.session()?;
                pin::change(&mut session, (&old, can.as_ref()), &new, step.consent.given(), rng).map_err(|error| failure(&error))?;
                session
            }
            Step::Unblock(step) => {
                let puk = secret::card(step.puk_file.as_deref(), "CARDWRIGHT_CARD_PUK", "--puk-file", "PUK of the card: ")?;
                let (puk, new) = (digits(puk, "PUK")?, step.set_pin.then(|| step.new.read()).transpose()?);
                let mut session = step.card.session()?;
                pin::unblock(&mut session, &puk, new.as_ref(), step.consent.given(), rng).map_err(|error| failure(&error))?;
                session
            }
            Step::Resume(step) => {
                let (old, can) = (digits(step.pin.read()?, "PIN")?, can(&step.can)?);
                let mut session = step.card.session()?;
                pin::resume(&mut session, &old, &can, step.consent.given(), rng).map_err(|error| failure(&error))?;
                session
            }
            Step::Activate(step) => step.run(true)?,
            Step::Deactivate(step) => step.run(false)?,
        };
        answer(pin::status(&mut session).map_err(|error| failure(&error))?, context)
    }
}

impl Switch {
    fn run(&self, on: bool) -> Result<Session<AnyCard>, Failure> {
        let passwords = self.access.passwords()?;
        if passwords.is_empty() {
            return Err(Failure::usage("the card is locked").hint("give --can, --mrz, or --pin-file"));
        }
        let terminal = self.terminal.credentials()?.ok_or_else(|| {
            Failure::usage("expected the keys of a terminal with the right of PIN management, found none").hint("give --terminal-keys DIR")
        })?;
        let mut session = self.card.session()?;
        pin::switch(&mut session, on, &passwords, &terminal, &mut random::system()).map_err(|error| failure(&error))?;
        Ok(session)
    }
}

fn can(text: &str) -> Result<Secret, Failure> {
    digits(Secret::from(text.as_bytes()), "CAN")
}

fn digits(secret: Secret, what: &str) -> Result<Secret, Failure> {
    let octets = secret.expose();
    if !octets.is_empty() && octets.iter().all(u8::is_ascii_digit) {
        return Ok(secret);
    }
    Err(Failure::usage(format_args!("{what}: expected digits only, found {} characters with others among them, or none", octets.len())))
}

fn answer(status: PinStatus, context: Context) -> Result<Exit, Failure> {
    if context.json {
        let one = |state: State| json!({ "state": state.as_str(), "tries": state.tries() });
        output::json(&json!({ "pin": one(status.pin), "puk": one(status.puk) }))?;
    } else {
        output::text(&format!("PIN  {}\nPUK  {}", status.pin, status.puk))?;
    }
    Ok(Exit::Success)
}

fn failure(error: &PinError) -> Failure {
    let refused = Failure::new(Exit::AccessRefused, error);
    match error {
        PinError::Access(error) => reader::access_failure(error),
        PinError::State { state: State::Blocked, password: "PIN", .. } => {
            refused.hint("`cardwright pin unblock` with the PUK gives back all tries")
        }
        PinError::State { state: State::Suspended, .. } | PinError::NoCan => {
            refused.hint("`cardwright pin resume --can DIGITS --last-try` uses the last try; a wrong PIN is blocked then")
        }
        PinError::State { state: State::Deactivated, .. } => refused.hint("the issuer's terminal activates it: `cardwright pin activate`"),
        PinError::State { .. } | PinError::Wrong { .. } | PinError::NoRights { .. } => refused,
        PinError::LastTry { .. } => refused.hint("--last-try uses it"),
        PinError::Refused { .. } => {
            refused.hint("a new PIN may have too few digits, the PUK may be used up, or the card does not allow it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_are_no_digits_is_a_usage_error_that_does_not_tell_them() {
        let error = digits(Secret::from(&b"12345x"[..]), "PIN").expect_err("a letter");
        assert_eq!((error.exit, error.message().contains("12345")), (Exit::Usage, false));
        assert!(digits(Secret::from(&b""[..]), "PIN").is_err() && digits(Secret::from(&b"0"[..]), "PIN").is_ok());
    }
}
