//! PIN management on the chip (BSI TR-03110-3 B.8): RESET RETRY COUNTER, ACTIVATE, DEACTIVATE, all under secure messaging only.
//!
//! | command | in a session by | what |
//! | --- | --- | --- |
//! | 2C 02 03, new PIN | the PIN | changes it |
//! | 2C 02 03, new PIN | the PUK, if the card was made so | sets it, and uses up one unblocking |
//! | 2C 02 03, new PIN | a terminal with the right, if the card was made so | sets it |
//! | 2C 03 03 | the PUK | unblocks the PIN as it is, and uses up one unblocking |
//! | 2C 03 03 | a terminal with the right | unblocks the PIN as it is |
//! | 2C 02 02, new CAN | a terminal with the right, if the card was made so | sets it |
//! | 44 10 03, 04 10 03 | a terminal with the right | activates, deactivates the PIN |
//!
//! The right is that of PIN management of an authentication terminal, in force after Terminal and Chip Authentication. What changes is one content
//! in the memory, tries included: after a power cut all of it is as before, or all of it is as after. Refused: a PIN of fewer digits than the card
//! wants (6982, as TR-03105-3.3 P_20 has it), what are no digits (6A80), the PUK whose unblockings are used up (6983). A card that was made without
//! rules for its PIN has none of these commands.

use eid::apdu::Command;
use eid::cert::chat::{Chat, TerminalType};
use eid::image::{Passwords, PinPower, PinRules};
use eid::secret::Secret;

use super::pace::{PIN, PUK};
use super::secrets::{self, PASSWORDS};
use crate::card::{Access, Card};
use crate::fault::Value;
use crate::status::{self, Answer, Refusal, done, refuse};
use crate::store::Counters;

/// Who speaks, beside the holder, who has the PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    PukHolder,
    Terminal,
}

impl Card {
    /// RESET RETRY COUNTER 00 2C P1 P2: P1 02 with a new value, 03 without; P2 02 CAN, 03 PIN.
    pub(crate) fn reset_retry_counter(&mut self, command: &Command) -> Answer {
        let (mut passwords, rules) = self.pin_and_rules()?;
        let who = self.who_manages();
        match (command.p1, command.p2) {
            (0x02, 0x03) => self.set_pin(&mut passwords, rules, who, &command.data),
            (0x03, 0x03) => {
                if !command.data.is_empty() {
                    return refuse(status::WRONG_LENGTH);
                }
                let rules = match who {
                    Some(Who::PukHolder) => self.one_unblocking_less(rules)?,
                    Some(Who::Terminal) => rules,
                    None => return refuse(status::SECURITY_STATUS),
                };
                self.keep_pin(passwords, rules)
            }
            (0x02, 0x02) => {
                if who != Some(Who::Terminal) || !rules.allows(PinPower::TerminalSetsCan) {
                    return refuse(status::SECURITY_STATUS);
                }
                passwords.can = Some(new_value(&command.data)?);
                passwords.pin_rules = Some(rules);
                self.keep(&passwords)
            }
            _ => refuse(status::WRONG_P1P2),
        }
    }

    fn set_pin(&mut self, passwords: &mut Passwords, rules: PinRules, who: Option<Who>, data: &[u8]) -> Answer {
        let rules = match who {
            _ if self.ram.access == Some(Access::Pace(PIN)) => rules,
            Some(Who::PukHolder) if rules.allows(PinPower::PukSetsPin) || self.errs(Value::PinByPuk) => self.one_unblocking_less(rules)?,
            Some(Who::Terminal) if rules.allows(PinPower::TerminalSetsPin) => rules,
            _ => return refuse(status::SECURITY_STATUS),
        };
        let new = new_value(data)?;
        if new.expose().len() < usize::from(rules.least) && !self.errs(Value::PinLength) {
            return refuse(status::SECURITY_STATUS);
        }
        passwords.pin = Some(new);
        self.keep_pin(std::mem::take(passwords), rules)
    }

    /// ACTIVATE 00 44 10 03 and DEACTIVATE 00 04 10 03.
    pub(crate) fn switch_pin(&mut self, command: &Command) -> Answer {
        let (mut passwords, rules) = self.pin_and_rules()?;
        if (command.p1, command.p2) != (0x10, 0x03) {
            return refuse(status::WRONG_P1P2);
        }
        if !command.data.is_empty() {
            return refuse(status::WRONG_LENGTH);
        }
        if self.who_manages() != Some(Who::Terminal) {
            return refuse(status::SECURITY_STATUS);
        }
        passwords.pin_rules = Some(PinRules { active: command.ins == 0x44, ..rules });
        self.keep(&passwords)
    }

    /// 6982 outside of a session, 6D00 where the card has no PIN management.
    fn pin_and_rules(&self) -> Result<(Passwords, PinRules), Refusal> {
        let passwords = self.passwords().or(refuse(status::WRONG_INS))?;
        let rules = passwords.pin_rules.clone().ok_or(Refusal::Status(status::WRONG_INS))?;
        self.needs_session()?;
        Ok((passwords, rules))
    }

    fn who_manages(&self) -> Option<Who> {
        let may = |rights: Chat| rights.terminal() == TerminalType::Authentication && rights.allows(Chat::PIN_MANAGEMENT);
        if self.ram.terminal.rights().is_some_and(may) {
            return Some(Who::Terminal);
        }
        (self.ram.access == Some(Access::Pace(PUK))).then_some(Who::PukHolder)
    }

    fn one_unblocking_less(&self, rules: PinRules) -> Result<PinRules, Refusal> {
        let left = if self.errs(Value::PukUsedUp) { None } else { rules.unblocks.checked_sub(1) };
        let unblocks = left.ok_or(Refusal::Status(status::BLOCKED))?;
        Ok(PinRules { unblocks, ..rules })
    }

    /// Keeps the PIN with all of its tries.
    fn keep_pin(&mut self, mut passwords: Passwords, rules: PinRules) -> Answer {
        passwords.pin_rules = Some(PinRules { changes: rules.changes.wrapping_add(1), ..rules });
        self.keep(&passwords)
    }

    fn keep(&mut self, passwords: &Passwords) -> Answer {
        let template = passwords.template().ok_or(Refusal::Status(status::NO_REFERENCE))?;
        self.store.renew_secret(PASSWORDS, &template)?;
        done()
    }

    /// Whether the session was opened by a transport PIN, which only lets its holder choose a PIN.
    pub(crate) fn waits_for_a_pin(&self) -> bool {
        self.ram.access == Some(Access::Pace(PIN)) && self.pin_is_for_transport()
    }

    /// Whether the PIN has fewer digits than a PIN must have.
    pub(crate) fn pin_is_for_transport(&self) -> bool {
        let short = |passwords: Passwords| {
            let digits = passwords.pin.map_or(0, |pin| pin.expose().len());
            passwords.pin_rules.is_some_and(|rules| digits < usize::from(rules.least))
        };
        self.passwords().is_ok_and(short) || self.errs(Value::PinTransport)
    }

    /// Whether the PIN may be used at all.
    pub(crate) fn pin_is_active(&self) -> bool {
        !self.passwords().is_ok_and(|passwords| passwords.pin_rules.is_some_and(|rules| !rules.active)) && !self.errs(Value::PinDeactivated)
    }

    /// Tries left of the PIN: all of them, if it was set or unblocked after they were counted.
    pub(crate) fn pin_tries(&self) -> u8 {
        if self.errs(Value::PinBlocked) {
            return 0;
        }
        let counters = self.store.counters();
        if self.pin_changes().is_some_and(|changes| changes != counters.pin_changes) { Counters::PIN_TRIES } else { counters.pin_tries }
    }

    /// How often the PIN was changed; `None` where nobody can.
    pub(crate) fn pin_changes(&self) -> Option<u16> {
        self.passwords().ok()?.pin_rules.map(|rules| rules.changes)
    }
}

/// A new PIN or CAN; 6A80 if it is none.
fn new_value(data: &[u8]) -> Result<Secret, Refusal> {
    if secrets::is_password(data) { Ok(Secret::from(data)) } else { refuse(status::WRONG_DATA) }
}
