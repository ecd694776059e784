//! UPDATE BINARY (ISO/IEC 7816-4 clause 11.2.4) of DG17 to DG22, with the right to each.
//!
//! What personalization wrote stays where it is, because the image digest is over it; what a terminal writes comes in its place, in two slots
//! of which one counts: a power cut leaves the old content or the new. A write may go beyond the end, up to what the slots hold (6A84).

use eid::apdu::Command;
use eid::image::FileId;

use crate::card::Card;
use crate::files::Reference;
use crate::status::{self, Answer, Refusal, done, refuse};
use crate::store::nvm::PAGE;

/// The first data group that can be written.
pub(crate) const FIRST: u8 = 17;
/// Fewest pages of content in a slot: 512 bytes.
const MIN_PAGES: usize = 4;
/// Most pages of content in a slot: 4 KiB.
const MAX_PAGES: usize = 32;

/// DGI of what was written over a data group; `None` for files that cannot be written.
pub(crate) fn overlay(file: FileId) -> Option<u16> {
    file.eid_number().filter(|&number| number >= FIRST).map(|number| 0x0300 | u16::from(number))
}

impl Card {
    /// What was written over this file; `None` if nothing was.
    pub(crate) fn updated(&self, file: FileId) -> Result<Option<&[u8]>, Refusal> {
        match overlay(file) {
            Some(dgi) => Ok(self.store.renewable(dgi)?),
            None => Ok(None),
        }
    }

    /// UPDATE BINARY 00 D6: offset in P1 P2, or short file identifier in P1 and offset in P2.
    pub(crate) fn update_binary(&mut self, command: &Command) -> Answer {
        let (reference, offset) = match command.p1 {
            p1 if p1 & 0x80 == 0 => (None, usize::from(u16::from_be_bytes([p1, command.p2]))),
            p1 if p1 & 0x60 == 0 => (Some(p1 & 0x1F), usize::from(command.p2)),
            _ => return refuse(status::WRONG_P1P2),
        };
        let file = match reference {
            None => self.ram.current.ok_or(Refusal::Status(status::NO_CURRENT_FILE))?,
            Some(short) => self.file_of(Reference::Short(short))?,
        };
        if !self.writes_eid(file) {
            return refuse(status::SECURITY_STATUS);
        }
        if command.data.is_empty() {
            return refuse(status::WRONG_LENGTH);
        }
        let dgi = overlay(file).ok_or(Refusal::Status(status::SECURITY_STATUS))?;
        let (mut content, first) = match self.updated(file)? {
            Some(bytes) => (bytes.to_vec(), false),
            None => (self.file(file)?.ok_or(Refusal::Status(status::NOT_FOUND))?.to_vec(), true),
        };
        let end = offset.checked_add(command.data.len()).ok_or(Refusal::Status(status::WRONG_OFFSET))?;
        if offset > content.len() {
            return refuse(status::WRONG_OFFSET);
        }
        let had = content.len();
        content.resize(had.max(end), 0);
        content.splice(offset..end, command.data.iter().copied());
        if first {
            let pages = (2 * content.len()).div_ceil(PAGE).clamp(MIN_PAGES, MAX_PAGES);
            self.store.store_renewable(dgi, &content, pages)?;
        } else {
            self.store.renew(dgi, &content)?;
        }
        self.ram.current = Some(file);
        self.ram.checked = None;
        done()
    }
}
