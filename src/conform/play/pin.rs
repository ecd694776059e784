//! The PIN of the card under test: what it is now, how it stands, and how it is brought back to where the next case wants it.
//!
//! A case may change PIN and CAN. What the card took is remembered, so that the next case opens the card with it, and at the end of a run both are set
//! back to what was given. The new PIN is the one that was given with each digit plus one, so that its holder can find it if the run broke off.

use eid::apdu::Command;
use eid::cert::chat::TerminalType;
use eid::protocol::pace::{Password, Terminal};
use eid::secret::Secret;

use super::super::feature::Feature;
use super::super::link::{Answer, Wrapping};
use super::super::step::alteration::{Alteration, Variant};
use super::super::step::{Apdu, Digits};
use super::{Outcome, Player, Trouble};

/// Most wrong PINs that are tried until one try is left.
const MAX_WRONG: usize = 20;
/// The certificates of a terminal that manages the PIN.
const MANAGER: [&str; 2] = ["DV_CERT_17", "AT_CERT_17b"];

/// PIN and CAN, as they were given and as the card has them now.
#[derive(Debug, Default)]
pub(super) struct Holder {
    pin: Option<Secret>,
    can: Option<Secret>,
    given_pin: Option<Secret>,
    given_can: Option<Secret>,
    /// A step worked with PIN or PUK.
    pub(super) touched: bool,
}

impl Holder {
    pub(super) fn of(passwords: &[Password]) -> Self {
        let pin = passwords.iter().find_map(|password| if let Password::Pin(pin) = password { Some(pin.clone()) } else { None });
        let can = passwords.iter().find_map(|password| if let Password::Can(can) = password { Some(can.clone()) } else { None });
        Self { pin: pin.clone(), can: can.clone(), given_pin: pin, given_can: can, touched: false }
    }

    /// The password as the card has it now.
    pub(super) fn now(&self, password: Password) -> Password {
        match password {
            Password::Pin(given) => Password::Pin(self.pin.clone().unwrap_or(given)),
            Password::Can(given) => Password::Can(self.can.clone().unwrap_or(given)),
            password => password,
        }
    }

    fn value(&self, digits: Digits) -> Option<Secret> {
        let other = |given: &Option<Secret>, now: &Option<Secret>| {
            let given = given.as_ref()?;
            Some(if now.as_ref() == Some(given) { one_more(given) } else { given.clone() })
        };
        match digits {
            Digits::Pin => self.given_pin.clone(),
            Digits::NewPin => other(&self.given_pin, &self.pin),
            Digits::ShortPin => self.given_pin.as_ref().and_then(|pin| pin.expose().split_last().map(|(_, rest)| Secret::from(rest))),
            Digits::Can => self.given_can.clone(),
            Digits::NewCan => other(&self.given_can, &self.can),
        }
    }
}

/// Each digit plus one, 0 after 9.
fn one_more(digits: &Secret) -> Secret {
    Secret::new(digits.expose().iter().map(|digit| if *digit == b'9' { b'0' } else { digit + 1 }).collect())
}

impl Player<'_, '_> {
    /// The PIN or CAN that a command has in it; empty for most commands.
    pub(super) fn digits_of(&self, apdu: &Apdu) -> Result<Secret, Trouble> {
        let Some(digits) = apdu.digits() else { return Ok(Secret::new(Vec::new())) };
        let what = match digits {
            Digits::Pin | Digits::NewPin | Digits::ShortPin => "the PIN of the card, which was not given",
            Digits::Can | Digits::NewCan => "the CAN of the card, which was not given",
        };
        self.holder.value(digits).ok_or_else(|| Trouble::Missing(what.to_owned()))
    }

    /// Remembers what the card took.
    pub(super) fn kept(&mut self, apdu: &Apdu, value: &Secret, answer: &Answer) {
        let Some(digits) = apdu.digits() else { return };
        self.holder.touched = true;
        if !answer.sw.is_ok() || answer.wrapping != Wrapping::Secured {
            return;
        }
        match digits {
            Digits::Pin | Digits::NewPin | Digits::ShortPin => self.holder.pin = Some(value.clone()),
            Digits::Can | Digits::NewCan => self.holder.can = Some(value.clone()),
        }
    }

    /// MSE:Set AT of PACE alone.
    pub(super) fn ask(&mut self, alterations: &[Alteration]) -> Result<Answer, Trouble> {
        let parameters = self.parameters(alterations)?;
        let password = self.password(alterations)?;
        self.holder.touched |= matches!(password, Password::Pin(_) | Password::Puk(_));
        let same = self.profile.pace.iter().filter(|other| other.protocol() == parameters.protocol()).count();
        Ok(self.link.send(&Terminal::new(parameters, &password).select(same > 1))?)
    }

    /// Wrong PINs, each after a reset, while the card says that more than one try is left; its last word.
    pub(super) fn suspend(&mut self) -> Result<Answer, Trouble> {
        let pin = [Alteration::Variant(Variant::Pin)];
        let wrong = [Alteration::Variant(Variant::Pin), Alteration::Variant(Variant::WrongKey)];
        self.link.reset()?;
        let mut answer = self.ask(&pin)?;
        let mut tried = 0;
        while tried < MAX_WRONG && (answer.sw.0 == 0x9000 && tried == 0 || (0x63C2..=0x63CF).contains(&answer.sw.0)) {
            self.link.reset()?;
            let seen = self.pace(&wrong)?;
            tried += 1;
            if !matches!(seen.outcome, Outcome::Refused(_)) {
                return seen.answer.ok_or_else(|| Trouble::Impossible("a wrong PIN was not refused".to_owned()));
            }
            self.link.reset()?;
            answer = self.ask(&pin)?;
        }
        Ok(answer)
    }

    /// Gives the PIN all its tries again, whatever a case left of them. That the PIN is right was seen before the tests.
    pub(in crate::conform) fn settle_pin(&mut self) -> Result<(), Trouble> {
        if !std::mem::take(&mut self.holder.touched) || !self.profile.has(Feature::Pin) {
            return Ok(());
        }
        let [pin, can, puk] = [Variant::Pin, Variant::Can, Variant::Puk].map(|variant| [Alteration::Variant(variant)]);
        self.link.reset()?;
        let sw = self.ask(&pin)?.sw.0;
        self.link.reset()?;
        match sw {
            0x63C0 => {
                self.pace(&puk)?;
                self.link.send(&Command::new(0x00, 0x2C, 0x03, 0x03))?;
            }
            0x63C1 => {
                self.pace(&can)?;
                self.pace(&pin)?;
            }
            // not every card says that some tries are gone
            0x9000 | 0x63C2..=0x63CF => drop(self.pace(&pin)?),
            0x6283 => {
                self.manager()?;
                self.link.send(&Command::new(0x00, 0x44, 0x10, 0x03))?;
            }
            _ => {}
        }
        self.holder.touched = false;
        Ok(())
    }

    /// Sets PIN and CAN back to what was given. `Err` inside says what the card has now.
    pub(in crate::conform) fn restore(&mut self) -> Result<Result<(), &'static str>, Trouble> {
        let reset = |p2, value: &Secret| Command::new(0x00, 0x2C, 0x02, p2).with_data(value.expose());
        if let Some(given) = self.holder.given_can.clone().filter(|given| self.holder.can.as_ref() != Some(given)) {
            self.link.reset()?;
            self.manager()?;
            if !self.link.send(&reset(0x02, &given))?.sw.is_ok() {
                return Ok(Err("the CAN is not the one that was given any more: each digit is one more"));
            }
            self.holder.can = Some(given);
        }
        if let Some(given) = self.holder.given_pin.clone().filter(|given| self.holder.pin.as_ref() != Some(given)) {
            self.link.reset()?;
            let _ = self.pace(&[Alteration::Variant(Variant::Pin)])?;
            if !self.link.send(&reset(0x03, &given))?.sw.is_ok() {
                return Ok(Err("the PIN is not the one that was given any more: each digit is one more, or the last one is missing"));
            }
            self.holder.pin = Some(given);
        }
        Ok(Ok(()))
    }

    /// Opens the card for a terminal that manages the PIN.
    fn manager(&mut self) -> Result<(), Trouble> {
        self.pace(&[Alteration::Chat(TerminalType::Authentication, None)])?;
        self.terminal_authentication_2(&MANAGER.map(str::to_owned), &[])?;
        self.chip_authentication_2(&[]).map(drop)
    }
}
