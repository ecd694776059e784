//! Basic Access Control on the chip (Doc 9303-11 §4.3): GET CHALLENGE and EXTERNAL AUTHENTICATE.

use eid::apdu::{Command, Response};
use eid::protocol::bac::{BacError, Chip};

use crate::card::{Access, Card, Channel, Selected};
use crate::fault::Value;
use crate::status::{self, Answer, Refusal, refuse};

/// Length of RND.IC.
const CHALLENGE: u32 = 8;

impl Card {
    /// GET CHALLENGE 00 84 00 00 08: for Basic Access Control, or inside a session for Terminal Authentication. The challenge serves one
    /// EXTERNAL AUTHENTICATE, which must be the next command.
    pub(crate) fn get_challenge(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != (0, 0) {
            return refuse(status::WRONG_P1P2);
        }
        if !command.data.is_empty() || command.le != Some(CHALLENGE) {
            return refuse(status::WRONG_LENGTH);
        }
        if self.ram.access.is_some() && (self.ram.terminal.is_under_way() || self.gives_early_challenges()) {
            return self.terminal_challenge();
        }
        let again = self.errs(Value::AccessAgain);
        if self.ram.selected != Selected::Emrtd || self.ram.access.is_some() && !again {
            return refuse(status::CONDITIONS);
        }
        let (challenge, chip) = Chip::challenge(&mut *self.rng);
        self.ram.challenge = Some(chip);
        Ok(Response::ok(challenge))
    }

    /// EXTERNAL AUTHENTICATE 00 82 00 00 28.
    pub(crate) fn bac(&mut self, command: &Command) -> Answer {
        let chip = self.ram.challenge.take();
        if (command.p1, command.p2) != (0, 0) {
            return refuse(status::WRONG_P1P2);
        }
        let again = self.errs(Value::AccessAgain);
        let Some(chip) = chip.filter(|_| self.ram.access.is_none() || again) else { return refuse(status::CONDITIONS) };
        let seed = self.passwords()?.mrz_seed.ok_or(Refusal::Status(status::NO_REFERENCE))?;
        self.serve_delay();
        self.count_access_failure()?;
        let errors = self.bac_errors();
        match chip.danger_authenticate(&seed, &command.data, &mut *self.rng, errors) {
            Ok((answer, channel)) => {
                self.forgive_access_failures()?;
                self.ram.access = Some(Access::Bac);
                self.ram.next_channel = Some(Channel::Messaging(channel));
                Ok(Response::ok(answer))
            }
            Err(BacError::Length { .. }) => refuse(status::WRONG_LENGTH),
            Err(BacError::Mac | BacError::Nonce(_) | BacError::EqualKeys) => refuse(status::AUTH_FAILED),
        }
    }

    /// Written before the comparison: a power cut does not give a try back.
    pub(crate) fn count_access_failure(&mut self) -> Result<(), Refusal> {
        let mut counters = *self.store.counters();
        counters.access_failures = counters.access_failures.saturating_add(1);
        Ok(self.store.set_counters(counters)?)
    }

    pub(crate) fn forgive_access_failures(&mut self) -> Result<(), Refusal> {
        let mut counters = *self.store.counters();
        counters.access_failures = 0;
        Ok(self.store.set_counters(counters)?)
    }
}
