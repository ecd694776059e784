//! The eID application on the chip (TR-03110-4 clause 2.2): there if personalization wrote one of its data groups.
//!
//! | module | what |
//! | --- | --- |
//! | [`auxiliary`] | VERIFY: age, validity, municipality |
//! | [`restricted_id`] | identifiers for sectors |
//! | [`update`] | UPDATE BINARY of DG17 to DG22 |
//!
//! SELECT is free and changes no session. Everything else needs the General Authentication Procedure: PACE, Terminal Authentication
//! version 2, Chip Authentication version 2; what a terminal may then do is the AND over its chain and what it named in PACE.

use eid::apdu::Response;
use eid::image::{EID_AID, EID_GROUPS, FileId};
use eid::tlv;

use crate::card::{Card, Selected};
use crate::fault::Value;
use crate::life_cycle::CARD_LOCKED;
use crate::status::{self, Answer, refuse};

pub(crate) mod auxiliary;
pub(crate) mod restricted_id;
pub(crate) mod update;

impl Card {
    /// Whether the card has the application.
    pub(crate) fn has_eid_application(&self) -> bool {
        (1..=EID_GROUPS).filter_map(FileId::eid).any(|file| self.store.extent(file.dgi()).is_some())
    }

    /// SELECT by its AID.
    pub(crate) fn select_eid_application(&mut self, with_fci: bool) -> Answer {
        if !self.published() || !self.has_eid_application() || self.store.meta().card_state == CARD_LOCKED {
            return refuse(status::NOT_FOUND);
        }
        self.enter(Selected::Eid);
        Ok(Response::ok(if with_fci { tlv::encode(0x6F, &tlv::encode(0x84, &EID_AID)) } else { Vec::new() }))
    }

    /// Whether the terminal may read that file of the application.
    pub(crate) fn reads_eid(&self, file: FileId) -> bool {
        let rights = self.ram.terminal.general_rights();
        rights.zip(file.eid_number()).is_some_and(|(rights, number)| rights.reads_eid(number))
            || (rights.is_some() && self.errs(Value::EidRead))
            || self.opens_wrongly()
    }

    /// Whether the terminal may write that file of the application.
    pub(crate) fn writes_eid(&self, file: FileId) -> bool {
        let Some((rights, number)) = self.ram.terminal.general_rights().zip(file.eid_number()) else { return false };
        rights.writes_eid(number) || (number >= update::FIRST && self.errs(Value::EidWrite))
    }
}
