//! Restricted Identification on the chip (TR-03110-3 B.4): MSE:Set AT names the protocol and the key, GENERAL AUTHENTICATE brings the sector's
//! key, whose hash must stand in the certificate that the terminal showed.
//!
//! The protocols are those that EF.CardSecurity, EF.CardAccess, or EF.DG14 announces.

use eid::apdu::{Command, Response};
use eid::cert::chat::{Chat, TerminalType};
use eid::image::{FileId, RestrictedIdKey};
use eid::lds::card_security::CardSecurity;
use eid::lds::security_info::KeyId;
use eid::protocol::restricted_id::{self, Info, Protocol, SectorKey};

use crate::card::Card;
use crate::clock::KeyWork;
use crate::fault::Value;
use crate::status::{self, Answer, Refusal, done, refuse};

/// What MSE:Set AT chose.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    protocol: Protocol,
    key: RestrictedIdKey,
}

/// Whether MSE:Set AT 00 22 41 A4 is for Restricted Identification, and not for Chip Authentication.
pub(crate) fn is_meant(command: &Command) -> bool {
    restricted_id::selection(&command.data).is_some()
}

impl Card {
    /// MSE:Set AT 00 22 41 A4 { 80 protocol, 84 key id }.
    pub(crate) fn select_restricted_id(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        self.ram.chip_auth = None;
        let (protocol, wanted) = restricted_id::selection(&command.data).ok_or(Refusal::Status(status::WRONG_DATA))?;
        let file = self.file(FileId::CARD_SECURITY)?.and_then(|bytes| CardSecurity::parse(bytes).ok());
        let elsewhere = self.announcements();
        let infos = file.iter().map(|file| &file.infos).chain(&elsewhere).flat_map(Info::all);
        let announced: Vec<_> = infos.filter(|info| info.protocol == protocol).collect();
        if announced.is_empty() {
            return refuse(status::WRONG_DATA);
        }
        let mut keys = self.restricted_id_keys()?;
        keys.retain(|key| announced.iter().any(|info| info.key_id == key.key_id));
        keys.retain(|key| wanted.is_none_or(|id| id == KeyId::from(key.key_id)));
        match (keys.pop(), keys.is_empty()) {
            (Some(key), true) => self.ram.restricted_id = Some(Chosen { protocol, key }),
            _ => return refuse(status::NO_REFERENCE),
        }
        done()
    }

    /// GENERAL AUTHENTICATE 00 86 00 00 7C { A0 key of the first sector, A2 key of the second }. May be repeated.
    pub(crate) fn restricted_id(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        let Some(Chosen { protocol, key }) = self.ram.restricted_id.clone() else { return refuse(status::CONDITIONS) };
        let Some(data) = self.joined(command)? else { return done() };
        let rights = self.ram.terminal.general_rights().filter(|rights| rights.terminal() == TerminalType::Authentication);
        let right = |rights: Chat| !key.authorized_only || rights.allows(Chat::RESTRICTED_IDENTIFICATION);
        if !(rights.is_some_and(right) || rights.is_some() && self.errs(Value::RiRights)) {
            return refuse(status::SECURITY_STATUS);
        }
        let asked = restricted_id::asked(&data).or(refuse(status::WRONG_DATA))?;
        if asked == [None, None] {
            return refuse(status::WRONG_DATA);
        }
        let mut identifiers = [None, None];
        for (second, (content, identifier)) in [false, true].into_iter().zip(asked.into_iter().zip(&mut identifiers)) {
            let Some(content) = content else { continue };
            let sector = SectorKey::read(content).or(refuse(status::WRONG_DATA))?;
            let known = self.ram.terminal.granted().and_then(|granted| granted.sector.as_ref());
            let named = known.is_some_and(|known| known.has(second, &sector.object()));
            if !named && !self.errs(Value::RiSector) {
                return refuse(status::WRONG_DATA);
            }
            self.works(KeyWork::Ec, sector.point().curve().scalar_len(), 1);
            *identifier = Some(restricted_id::identifier(protocol, &key.key, &sector).or(refuse(status::WRONG_DATA))?);
        }
        Ok(Response::ok(restricted_id::answer(identifiers)))
    }
}
