//! SCP03 on the card (GPCS Amendment D): INITIALIZE UPDATE and EXTERNAL AUTHENTICATE, by the issuer domain or by the eID application,
//! which uses the domain's keys. The session belongs to what was selected when it was opened.
//!
//! The sequence counter is written before the cryptogram leaves the card, and a failed authentication is written before it is told.
//! After ten failures in a row the key set is locked for good.

use eid::apdu::{Command, Response};
use eid::image::{EMRTD_AID, LifeCycle};
use eid::scp03::card::{Domain, Opening};
use eid::scp03::{Implementation, Options, ScpError};

use crate::card::{Card, Channel, ISSUER_DOMAIN_AID, Selected};
use crate::status::{self, Answer, Refusal, done, refuse};

/// Failed EXTERNAL AUTHENTICATE in a row that lock a key set.
pub(crate) const AUTH_LIMIT: u8 = 10;
/// The sequence counter has three bytes.
const SEQUENCE_MAX: u32 = 0x00FF_FFFF;

impl Card {
    /// INITIALIZE UPDATE 80 50 KVN 00: any session that was open is gone.
    pub(crate) fn initialize_update(&mut self, command: &Command) -> Answer {
        self.close_channel();
        self.ram.next_channel = Some(Channel::Plain);
        let meta = self.store.meta();
        let mut counters = *self.store.counters();
        if meta.state == LifeCycle::Terminated || counters.auth_failures >= AUTH_LIMIT || counters.sequence >= SEQUENCE_MAX {
            return refuse(status::CONDITIONS);
        }
        if command.p2 != 0 {
            return refuse(status::WRONG_P1P2);
        }
        let keys = self.store.keys()?;
        if command.p1 != 0 && command.p1 != keys.kvn {
            return refuse(status::NO_REFERENCE);
        }
        let implementation = Implementation::from_byte(self.product().scp_i).or(refuse(status::NO_DIAGNOSIS))?;
        if command.data.len() != implementation.mode().len() {
            return refuse(status::WRONG_LENGTH);
        }
        counters.sequence += 1;
        self.store.set_counters(counters)?;
        let [_, sequence_counter @ ..] = counters.sequence.to_be_bytes();
        let domain = Domain {
            kdd: self.product().kdd,
            key_version: keys.kvn,
            keys: &keys.keys,
            implementation,
            sequence_counter,
            aid: if self.ram.selected == Selected::Emrtd { &EMRTD_AID } else { &ISSUER_DOMAIN_AID },
        };
        let opening = Opening::initialize_update(&domain, &command.data, &mut *self.rng);
        let (answer, opening) = opening.map_err(|error| Refusal::Status(error.status().0))?;
        self.ram.next_channel = Some(Channel::Opening(Box::new(opening)));
        Ok(Response::ok(answer))
    }

    /// EXTERNAL AUTHENTICATE 84 82 level 00.
    pub(crate) fn external_authenticate(&mut self, command: &Command) -> Answer {
        let Channel::Opening(opening) = std::mem::take(&mut self.ram.channel) else {
            self.close_channel();
            return refuse(status::CONDITIONS);
        };
        let before = *self.store.counters();
        self.store.set_counters(before.with_auth_failures(before.auth_failures.saturating_add(1)))?;
        match opening.external_authenticate(command, Options::default()) {
            Ok(session) => {
                self.store.set_counters(before.with_auth_failures(0))?;
                self.ram.dek = Some(session.data_encryption_key().clone());
                self.ram.channel = Channel::Scp03(Box::new(session));
                done()
            }
            Err(error @ (ScpError::Level { .. } | ScpError::Length { .. })) => {
                // Nothing was compared: no key was tried.
                self.store.set_counters(before)?;
                refuse(error.status().0)
            }
            Err(error) => refuse(error.status().0),
        }
    }
}
