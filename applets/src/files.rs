//! SELECT and READ BINARY (ISO/IEC 7816-4 clauses 11.1 and 11.2, Doc 9303-10 clause 3.6) and the access rule of each file.
//!
//! Refused: an AID that is cut short, an offset at or behind the end, a file of the application before PACE or BAC (6982, whether
//! the card has it or not), DG3 and DG4 without terminal authentication and the right to them, a file of the eID application without the
//! right to it (6982, whether the card has it or not), a file whose CRC does not hold (6581).

use eid::apdu::{Command, EXTENDED_LE_MAX, Response, SHORT_LE_MAX, Sw};
use eid::image::access::{Rule, rule};
use eid::image::{EID_AID, EMRTD_AID, FileId, Home, LifeCycle};
use eid::lds::cvca;
use eid::tlv;

use crate::card::{Access, Card, ISSUER_DOMAIN_AID, Selected};
use crate::eid_application::update::overlay;
use crate::emrtd::terminal_auth::TRUST_POINTS;
use crate::life_cycle::CARD_LOCKED;
use crate::status::{self, Answer, Refusal, done, refuse};

impl Card {
    pub(crate) fn select(&mut self, command: &Command) -> Answer {
        if !matches!(command.p2, 0x00 | 0x0C) {
            return refuse(status::WRONG_P1P2);
        }
        let with_fci = command.p2 == 0x00;
        match (command.p1, command.data.as_slice()) {
            (0x00, [] | [0x3F, 0x00]) => {
                self.enter(Selected::MasterFile);
                done()
            }
            (0x00 | 0x02, &[high, low]) => self.select_file(u16::from_be_bytes([high, low]), with_fci),
            (0x00 | 0x02, _) => refuse(status::WRONG_LENGTH),
            (0x04, aid) => self.select_by_name(aid, with_fci),
            _ => refuse(status::WRONG_P1P2),
        }
    }

    fn select_by_name(&mut self, aid: &[u8], with_fci: bool) -> Answer {
        if aid.is_empty() || aid == ISSUER_DOMAIN_AID {
            self.enter(Selected::IssuerDomain);
            return Ok(Response::ok(if with_fci { tlv::encode(0x6F, &tlv::encode(0x84, &ISSUER_DOMAIN_AID)) } else { Vec::new() }));
        }
        if aid == EID_AID {
            return self.select_eid_application(with_fci);
        }
        if aid != EMRTD_AID || self.store.meta().card_state == CARD_LOCKED {
            return refuse(status::NOT_FOUND);
        }
        self.enter(Selected::Emrtd);
        let state = self.store.meta().state;
        let mut fci = tlv::encode(0x84, &EMRTD_AID);
        if state <= LifeCycle::PersoOpen {
            fci.extend(self.status_object());
        }
        let data = if with_fci { tlv::encode(0x6F, &fci) } else { Vec::new() };
        let sw = if state == LifeCycle::Terminated { Sw(status::TERMINATED) } else { Sw::OK };
        Ok(Response { data, sw })
    }

    /// Selecting a directory ends an SCP03 session, since that belongs to the application it was opened with; secure messaging of
    /// Doc 9303-11 goes on.
    pub(crate) fn enter(&mut self, target: Selected) {
        if self.ram.access.is_none() {
            self.close_channel();
            self.ram.next_channel = Some(crate::card::Channel::Plain);
        }
        self.ram.selected = target;
        self.ram.current = None;
        self.ram.checked = None;
    }

    fn select_file(&mut self, fid: u16, with_fci: bool) -> Answer {
        let Some(home) = self.home() else { return refuse(status::NOT_FOUND) };
        let file = FileId::all().into_iter().find(|file| (file.home, file.fid) == (home, fid));
        let Some(file) = file.filter(|_| self.published()) else { return refuse(status::NOT_FOUND) };
        // Without a session even the existence of a protected file stays unknown.
        if rule(file) != Rule::Always && self.ram.access.is_none() {
            return refuse(status::SECURITY_STATUS);
        }
        if rule(file) == Rule::GeneralAuthentication && !(self.reads_eid(file) || self.writes_eid(file)) {
            return refuse(status::SECURITY_STATUS);
        }
        let extent = self.store.extent(file.dgi()).ok_or(Refusal::Status(status::NOT_FOUND))?;
        self.ram.current = None;
        if !self.store.intact(extent) {
            return refuse(status::MEMORY_FAILURE);
        }
        self.ram.current = Some(file);
        self.ram.checked = Some(file);
        let len = match self.renewed(file)? {
            Some(bytes) => bytes.len(),
            None => extent.len(),
        };
        let size = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
        let fcp = [tlv::encode(0x80, &size), tlv::encode(0x82, &[0x01]), tlv::encode(0x83, &fid.to_be_bytes())].concat();
        Ok(Response::ok(if with_fci { tlv::encode(0x6F, &fcp) } else { Vec::new() }))
    }

    const fn home(&self) -> Option<Home> {
        match self.ram.selected {
            Selected::MasterFile => Some(Home::Mf),
            Selected::Emrtd => Some(Home::Emrtd),
            Selected::Eid => Some(Home::Eid),
            Selected::IssuerDomain => None,
        }
    }

    /// The bytes of a file that came in the place of those that personalization wrote: EF.CVCA, which the trust points make, and what a terminal
    /// wrote into the eID application.
    pub(crate) fn renewed(&self, file: FileId) -> Result<Option<&[u8]>, Refusal> {
        if file == FileId::CVCA { self.current_cvca() } else { self.updated(file) }
    }

    /// Whether there are files at all: from the commit to the termination.
    pub(crate) fn published(&self) -> bool {
        matches!(self.store.meta().state, LifeCycle::Personalized | LifeCycle::Operational)
    }

    /// READ BINARY, even instruction: offset in P1 P2, or short file identifier in P1 and offset in P2.
    pub(crate) fn read_binary(&mut self, command: &Command) -> Answer {
        if !command.data.is_empty() {
            return refuse(status::WRONG_LENGTH);
        }
        let (file, offset) = match command.p1 {
            p1 if p1 & 0x80 == 0 => (None, usize::from(u16::from_be_bytes([p1, command.p2]))),
            p1 if p1 & 0x60 == 0 => (Some(p1 & 0x1F), usize::from(command.p2)),
            _ => return refuse(status::WRONG_P1P2),
        };
        let le = command.le.ok_or(Refusal::Status(status::WRONG_LENGTH))?;
        let room = self.ram.room;
        let content = self.readable(file.map(Reference::Short))?;
        let rest = content.get(offset..).filter(|rest| !rest.is_empty()).ok_or(Refusal::Status(status::WRONG_OFFSET))?;
        let (data, warning) = cut(rest, le, room, 0);
        Ok(Response { data: data.to_vec(), sw: warning })
    }

    /// READ BINARY, odd instruction: file in P1 P2 (0000 = current, up to 001E a short identifier, else FID), offset in DO'54',
    /// answer in DO'53'. Le counts the answer with its header.
    pub(crate) fn read_binary_odd(&mut self, command: &Command) -> Answer {
        let file = match u16::from_be_bytes([command.p1, command.p2]) {
            0x0000 | 0xFFFF => None,
            short @ 0x0001..=0x001E => Some(Reference::Short(short.to_be_bytes()[1])),
            fid => Some(Reference::Fid(fid)),
        };
        let le = command.le.ok_or(Refusal::Status(status::WRONG_LENGTH))?;
        let offset = tlv::single(&command.data, 0x54).map_err(|_| Refusal::Status(status::WRONG_DATA))?.value;
        if !(1..=4).contains(&offset.len()) {
            return refuse(status::WRONG_DATA);
        }
        let offset = offset.iter().fold(0usize, |offset, &octet| offset << 8 | usize::from(octet));
        let room = self.ram.room;
        let content = self.readable(file)?;
        let rest = content.get(offset..).filter(|rest| !rest.is_empty()).ok_or(Refusal::Status(status::WRONG_OFFSET))?;
        let wanted = if is_all(le) { room.min(le as usize) } else { le as usize };
        let header = 1 + (1..=3).find(|&n| wanted <= n + [0x7F, 0xFF, 0xFFFF][n - 1] + 1).unwrap_or(3);
        if wanted <= header {
            return refuse(status::WRONG_LENGTH);
        }
        let (data, warning) = cut(rest, le, room, header);
        Ok(Response { data: tlv::encode(0x53, data), sw: warning })
    }

    /// The file of the selected directory that is meant.
    pub(crate) fn file_of(&self, reference: Reference) -> Result<FileId, Refusal> {
        let home = self.home().ok_or(Refusal::Status(status::NO_CURRENT_FILE))?;
        let file = FileId::all().into_iter().find(|file| file.home == home && reference.means(*file));
        file.ok_or(Refusal::Status(status::NOT_FOUND))
    }

    /// The content of the file that is meant, if the terminal may read it and the memory holds what was written.
    fn readable(&mut self, reference: Option<Reference>) -> Result<&[u8], Refusal> {
        if !self.published() {
            return refuse(status::CONDITIONS);
        }
        let file = match reference {
            None => self.ram.current.ok_or(Refusal::Status(status::NO_CURRENT_FILE))?,
            Some(reference) => self.file_of(reference)?,
        };
        let allowed = match rule(file) {
            Rule::Always => true,
            Rule::AccessControl => self.ram.access.is_some(),
            Rule::Pace => matches!(self.ram.access, Some(Access::Pace(_))),
            Rule::GeneralAuthentication => self.reads_eid(file),
            Rule::TerminalAuthentication => file.dg_number().is_some_and(|number| self.ram.terminal.opens(number)) || self.opens_wrongly(),
        };
        if !allowed || rule(file) != Rule::Always && self.waits_for_a_pin() {
            return refuse(status::SECURITY_STATUS);
        }
        let extent = self.store.extent(file.dgi()).ok_or(Refusal::Status(status::NOT_FOUND))?;
        if self.ram.checked != Some(file) {
            if !self.store.intact(extent) {
                self.ram.current = None;
                return refuse(status::MEMORY_FAILURE);
            }
            self.ram.checked = Some(file);
        }
        self.ram.current = Some(file);
        // not by `renewed`, which borrows all of the card
        let renewed = match overlay(file) {
            Some(dgi) => self.store.renewable(dgi)?,
            None if file == FileId::CVCA => self.store.renewable(TRUST_POINTS)?.and_then(|kept| kept.get(..cvca::LEN)),
            None => None,
        };
        let bytes = renewed.or_else(|| self.store.bytes(extent)).ok_or(Refusal::Status(status::MEMORY_FAILURE))?;
        match &mut self.faults {
            None => Ok(bytes),
            Some(faults) => Ok(faults.content(file, bytes).unwrap_or(bytes)),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Reference {
    Short(u8),
    Fid(u16),
}

impl Reference {
    const fn means(self, file: FileId) -> bool {
        match self {
            Self::Short(short) => file.sfi() == short,
            Self::Fid(fid) => file.fid == fid,
        }
    }
}

/// Whether Le stands for "as much as there is": written 00 or 0000.
const fn is_all(le: u32) -> bool {
    le == SHORT_LE_MAX || le == EXTENDED_LE_MAX
}

/// As many bytes as Le asks for, `header` bytes less, and 6282 where the file ends before.
fn cut(rest: &[u8], le: u32, room: usize, header: usize) -> (&[u8], Sw) {
    let asked = le as usize;
    let wanted = if is_all(le) { asked.min(room) } else { asked }.saturating_sub(header);
    let ends_early = !is_all(le) && wanted > rest.len();
    (rest.get(..wanted).unwrap_or(rest), if ends_early { Sw(status::END_OF_FILE) } else { Sw::OK })
}
