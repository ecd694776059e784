//! The eMRTD application (Doc 9303-10, Doc 9303-11): access protocols, authentication of chip and terminal, and its personalization.

use std::time::Duration;

use eid::apdu::Command;

use crate::card::Card;
use crate::eid_application::restricted_id;
use crate::status::{self, Answer, refuse};

pub(crate) mod active_auth;
pub(crate) mod bac;
pub(crate) mod chip_auth;
pub(crate) mod pace;
pub(crate) mod perso;
pub(crate) mod pin;
pub(crate) mod secrets;
pub(crate) mod terminal_auth;

/// The first failed authentication costs the next one this long; each further one doubles it.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The delay grows this often: to 12.8 s, so that nobody who stands near can lock the holder out.
const DOUBLINGS: u8 = 7;

impl Card {
    /// MANAGE SECURITY ENVIRONMENT: which protocol, with which key, comes next.
    pub(crate) fn manage_security_environment(&mut self, command: &Command) -> Answer {
        self.ram.restricted_id = None;
        match (command.p1, command.p2) {
            (0xC1, 0xA4) => self.select_pace(command),
            (0x41, 0xA4) if restricted_id::is_meant(command) => self.select_restricted_id(command),
            (0x41, 0xA4) => self.select_chip_auth(command),
            (0x41, 0xA6) => self.chip_auth_by_key_agreement_template(command),
            (0x81, 0xB6) => self.set_verification_key(command),
            (0x81, 0xA4) => self.select_terminal_auth(command),
            _ => refuse(status::WRONG_P1P2),
        }
    }

    /// GENERAL AUTHENTICATE: the next step of the protocol that was selected last.
    pub(crate) fn general_authenticate(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != (0, 0) {
            self.ram.pace.abort();
            return refuse(status::WRONG_P1P2);
        }
        if self.ram.chip_auth.is_some() {
            self.chip_auth(command)
        } else if self.ram.restricted_id.is_some() {
            self.restricted_id(command)
        } else {
            self.pace(command)
        }
    }

    /// MRZ and CAN never block, since anybody near could block them; they only get slow. The time is served before a try begins, so
    /// that cutting the power gains nothing.
    pub(crate) fn serve_delay(&mut self) {
        let failures = self.store.counters().access_failures;
        if failures > 0 {
            self.hold_back(FIRST_DELAY * 2u32.pow(u32::from(failures.saturating_sub(1).min(DOUBLINGS))));
        }
    }
}
