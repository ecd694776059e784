//! The issuer security domain (GPCS 2.3.1): opens SCP03 sessions, replaces its keys, forwards STORE DATA to the eID application,
//! and tells what is on the card. It loads and installs nothing: the application is part of the chip.

use eid::apdu::{Command, Response};
use eid::image::{EMRTD_AID, LifeCycle};
use eid::tlv;

use crate::card::{Card, ISSUER_DOMAIN_AID, Selected};
use crate::life_cycle::{CARD_LOCKED, CARD_TERMINATED, card_transition};
use crate::status::{self, Answer, Refusal, done, refuse};
use crate::store::Meta;

pub(crate) mod channel;
mod keys;

/// Card recognition data (GPCS annex H.2): GlobalPlatform 2.3.1, SCP03 with the card's i.
fn card_data(i: u8) -> Vec<u8> {
    const GP: [u8; 6] = [0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B];
    let oid = |arcs: &[u8]| tlv::encode(0x06, &[&GP[..], arcs].concat());
    let inner = [oid(&[1]), tlv::encode(0x60, &oid(&[2, 2, 3, 1])), tlv::encode(0x63, &oid(&[3])), tlv::encode(0x64, &oid(&[4, 3, i]))];
    tlv::encode(0x66, &tlv::encode(0x73, &inner.concat()))
}

impl Card {
    /// GET DATA. The application knows the status object only; the rest is the issuer domain's.
    pub(crate) fn get_data(&self, command: &Command) -> Answer {
        let domain = self.ram.selected != Selected::Emrtd;
        let data = match u16::from_be_bytes([command.p1, command.p2]) {
            0xDF20 => return self.get_status_object(command),
            0x0066 if domain => card_data(self.product().scp_i),
            0x00E0 if domain => self.key_information()?,
            0x00C1 if domain => tlv::encode(0xC1, self.store.counters().sequence.to_be_bytes().get(1..).unwrap_or_default()),
            0x00CF if domain => tlv::encode(0xCF, &self.product().kdd),
            _ => return refuse(status::NO_REFERENCE),
        };
        Ok(Response::ok(data))
    }

    /// Key information template E0 { C0 { key id, KVN, type 88 = AES, length } … }.
    fn key_information(&self) -> Result<Vec<u8>, Refusal> {
        let keys = self.store.keys()?;
        let length = u8::try_from(keys.keys.len()).unwrap_or_default();
        Ok(tlv::encode(0xE0, &(1..=3).flat_map(|id| tlv::encode(0xC0, &[id, keys.kvn, 0x88, length])).collect::<Vec<_>>()))
    }

    /// INSTALL [for personalization]: 00 00 LV AID 00 00 00. From here on STORE DATA goes to the application.
    pub(crate) fn install(&mut self, command: &Command) -> Answer {
        self.in_domain_session()?;
        if (command.p1, command.p2) != (0x20, 0x00) {
            return refuse(status::WRONG_P1P2);
        }
        let [0, 0, len, rest @ ..] = command.data.as_slice() else { return refuse(status::WRONG_DATA) };
        let (aid, tail) = rest.split_at_checked(usize::from(*len)).ok_or(Refusal::Status(status::WRONG_DATA))?;
        if tail != [0, 0, 0] {
            return refuse(status::WRONG_DATA);
        }
        if aid != EMRTD_AID {
            return refuse(status::NO_REFERENCE);
        }
        if self.store.meta().card_state == CARD_LOCKED {
            return refuse(status::CONDITIONS);
        }
        self.ram.forwarding = true;
        self.ram.sequence = None;
        Ok(Response::ok([0x00]))
    }

    /// STORE DATA, forwarded by the domain (path A) or in a session with the application itself (path B).
    pub(crate) fn store_data(&mut self, command: &Command) -> Answer {
        let level = self.ram.level.ok_or(Refusal::Status(status::SECURITY_STATUS))?;
        if level & 0x03 != 0x03 {
            return refuse(status::SECURITY_STATUS);
        }
        if self.ram.selected != Selected::Emrtd && !self.ram.forwarding {
            return refuse(status::CONDITIONS);
        }
        let answer = self.personalize(command);
        match &answer {
            // The last block ends the personalization session.
            Ok(_) if command.p1 & 0x80 != 0 => self.ram.forwarding = false,
            Ok(_) => {}
            Err(refusal) => {
                self.ram.sequence = None;
                if let Refusal::Status(status) = refusal {
                    self.ram.last_error = status.to_be_bytes()[1];
                }
            }
        }
        answer
    }

    /// GET STATUS of the domain (P1 80) or the application (P1 40), in TLV form (P2 02).
    pub(crate) fn get_status(&self, command: &Command) -> Answer {
        self.in_domain_session()?;
        if command.p2 != 0x02 {
            return refuse(status::WRONG_P1P2);
        }
        let wanted = tlv::single(&command.data, 0x4F).map_err(|_| Refusal::Status(status::WRONG_DATA))?.value;
        let meta = self.store.meta();
        let (aid, state, privileges): (&[u8], u8, [u8; 3]) = match command.p1 {
            // Security domain, card lock, card terminate.
            0x80 => (&ISSUER_DOMAIN_AID, meta.card_state, [0x98, 0, 0]),
            0x40 => (&EMRTD_AID, meta.state.code(), [0, 0, 0]),
            0x10 | 0x20 => return refuse(status::NO_REFERENCE),
            _ => return refuse(status::WRONG_P1P2),
        };
        if !aid.starts_with(wanted) {
            return refuse(status::NO_REFERENCE);
        }
        let mut entry = [tlv::encode(0x4F, aid), tlv::encode(0x9F70, &[state]), tlv::encode(0xC5, &privileges)].concat();
        if command.p1 == 0x40 {
            tlv::push(&mut entry, 0xCC, &ISSUER_DOMAIN_AID);
        }
        Ok(Response::ok(tlv::encode(0xE3, &entry)))
    }

    /// SET STATUS of the card (P1 80). The application changes its state by the DGIs 0001, 00C0, 00FD and 00FE only.
    pub(crate) fn set_status(&mut self, command: &Command) -> Answer {
        self.in_domain_session()?;
        if command.p1 != 0x80 {
            let known = command.data == EMRTD_AID || command.data == ISSUER_DOMAIN_AID;
            return refuse(match command.p1 {
                0x40 | 0x60 if known => status::WRONG_DATA,
                0x40 | 0x60 => status::NO_REFERENCE,
                _ => status::WRONG_P1P2,
            });
        }
        if !card_transition(self.store.meta().card_state, command.p2) {
            return refuse(status::WRONG_DATA);
        }
        let state = if command.p2 == CARD_TERMINATED { LifeCycle::Terminated } else { self.store.meta().state };
        self.store.set_meta(Meta { card_state: command.p2, state, ..self.store.meta().clone() })?;
        if state == LifeCycle::Terminated && !self.store.meta().erased {
            self.store.terminate()?;
        }
        done()
    }

    /// An SCP03 session that the domain holds.
    pub(crate) const fn in_domain_session(&self) -> Result<(), Refusal> {
        match (self.ram.level, self.ram.selected) {
            (None, _) => refuse(status::SECURITY_STATUS),
            (Some(_), Selected::Emrtd) => refuse(status::CONDITIONS),
            (Some(_), _) => Ok(()),
        }
    }
}
