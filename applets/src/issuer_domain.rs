//! The issuer security domain (GPCS 2.3.1): opens SCP03 sessions, replaces its keys, forwards STORE DATA to the eID application,
//! and tells what is on the card. It loads and installs nothing: the application is part of the chip.

use eid::apdu::{Command, Response};
use eid::gp::registry::Scope;
use eid::gp::{Aid, GetStatus, GpError, Install, RegistryEntry, SetStatus};
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
        let Install::Personalization { application } = Install::parse(command).map_err(malformed)? else {
            return refuse(status::WRONG_P1P2);
        };
        if application.as_bytes() != EMRTD_AID {
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
        let wanted = GetStatus::parse(command).map_err(malformed)?;
        let meta = self.store.meta();
        let (aid, state, privileges): (&[u8], u8, [u8; 3]) = match wanted.scope {
            // Security domain, card lock, card terminate.
            Scope::IssuerDomain => (&ISSUER_DOMAIN_AID, meta.card_state, [0x98, 0, 0]),
            Scope::Applications => (&EMRTD_AID, meta.state.code(), [0, 0, 0]),
            Scope::LoadFiles | Scope::LoadFilesAndModules => return refuse(status::NO_REFERENCE),
        };
        // One entry fits one answer: there is nothing that a second command could go on with.
        if wanted.next || !aid.starts_with(&wanted.aid) {
            return refuse(status::NO_REFERENCE);
        }
        let named = |bytes: &[u8]| Aid::new("registry entry", bytes).map_err(malformed);
        let mut entry = RegistryEntry::new(named(aid)?, vec![state]);
        entry.privileges = privileges.to_vec();
        if wanted.scope == Scope::Applications {
            entry.domain = Some(named(&ISSUER_DOMAIN_AID)?);
        }
        Ok(Response::ok(entry.encode()))
    }

    /// SET STATUS of the card (P1 80). The application changes its state by the DGIs 0001, 00C0, 00FD and 00FE only.
    pub(crate) fn set_status(&mut self, command: &Command) -> Answer {
        self.in_domain_session()?;
        let card_state = match SetStatus::parse(command).map_err(malformed)? {
            SetStatus::Card { state } => state,
            SetStatus::Application { aid, .. } => {
                let known = aid.as_bytes() == EMRTD_AID || aid.as_bytes() == ISSUER_DOMAIN_AID;
                return refuse(if known { status::WRONG_DATA } else { status::NO_REFERENCE });
            }
        };
        if !card_transition(self.store.meta().card_state, card_state) {
            return refuse(status::WRONG_DATA);
        }
        let state = if card_state == CARD_TERMINATED { LifeCycle::Terminated } else { self.store.meta().state };
        self.store.set_meta(Meta { card_state, state, ..self.store.meta().clone() })?;
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

/// 6A86 or 6A80, by what is wrong with the command.
fn malformed(error: GpError) -> Refusal {
    Refusal::Status(error.status().0)
}
