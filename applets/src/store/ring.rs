//! Records that are replaced as a whole: a ring of pages, each with a serial number and a CRC-32. The valid page with the
//! highest serial counts; a new record goes to the page after it, so a torn write leaves the old record standing.

use super::StoreError;
use super::crc::crc32;
use super::nvm::{ERASED, Nvm, PAGE};

/// Pages `first` to `first + pages - 1`, holding records of one `kind`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring {
    pub(crate) kind: u8,
    pub(crate) first: usize,
    pub(crate) pages: usize,
}

impl Ring {
    /// Serial, page and content of the record that counts; `None` if no page is valid.
    pub(crate) fn latest<'a>(&self, nvm: &'a dyn Nvm) -> Option<(u32, usize, &'a [u8])> {
        (self.first..self.first + self.pages)
            .filter_map(|page| open(self.kind, nvm.page(page)?).map(|(serial, record)| (serial, page, record)))
            .max_by_key(|&(serial, ..)| serial)
    }

    /// Writes `record` (a page less kind, serial and CRC at most) as the one that counts from now on.
    pub(crate) fn append(&self, nvm: &mut dyn Nvm, record: &[u8]) -> Result<(), StoreError> {
        let (serial, page) = match self.latest(nvm) {
            Some((serial, page, _)) => (serial.saturating_add(1), self.first + (page + 1 - self.first) % self.pages),
            None => (1, self.first),
        };
        program(nvm, page, &seal(self.kind, serial, record))
    }

    /// Writes `record` until every page holds it: later damage to one page can then not bring an older record back.
    pub(crate) fn append_to_all(&self, nvm: &mut dyn Nvm, record: &[u8]) -> Result<(), StoreError> {
        (0..self.pages).try_for_each(|_| self.append(nvm, record))
    }
}

/// kind ‖ serial ‖ record, filled up as erased ‖ CRC-32 of all that.
pub(crate) fn seal(kind: u8, serial: u32, record: &[u8]) -> [u8; PAGE] {
    let mut page = [ERASED; PAGE];
    let body = [&[kind][..], &serial.to_be_bytes(), record].concat();
    for (cell, byte) in page.iter_mut().take(PAGE - 4).zip(body) {
        *cell = byte;
    }
    let (body, crc) = page.split_at_mut(PAGE - 4);
    crc.copy_from_slice(&crc32(body).to_be_bytes());
    page
}

/// Serial and record of a sealed page; `None` if it is torn, erased, or of another kind.
pub(crate) fn open(kind: u8, page: &[u8; PAGE]) -> Option<(u32, &[u8])> {
    let (body, crc) = page.split_last_chunk::<4>()?;
    if crc32(body) != u32::from_be_bytes(*crc) {
        return None;
    }
    let (&found, body) = body.split_first()?;
    let (serial, record) = body.split_first_chunk::<4>()?;
    (found == kind).then(|| (u32::from_be_bytes(*serial), record))
}

/// Programs a page and reads it back.
pub(crate) fn program(nvm: &mut dyn Nvm, page: usize, content: &[u8; PAGE]) -> Result<(), StoreError> {
    nvm.program(page, content)?;
    if nvm.page(page) == Some(content) { Ok(()) } else { Err(super::nvm::NvmError::Verify { page }.into()) }
}

#[cfg(test)]
mod tests {
    use super::super::fault::{FaultyNvm, Tear};
    use super::super::nvm::RamNvm;
    use super::*;

    /// The one property that all else stands on: after a cut the old or the new record counts, never another, never none.
    #[test]
    fn a_torn_record_leaves_the_old_or_the_new_one() {
        for pages in [2, 4] {
            let ring = Ring { kind: b'T', first: 1, pages };
            for before in 1..6u8 {
                for tear in Tear::ALL {
                    let mut ram = RamNvm::new(8 * PAGE);
                    for n in 1..=before {
                        ring.append(&mut ram, &[n; 40]).expect("record");
                    }
                    let mut nvm = FaultyNvm::new(ram, Some((0, tear)));
                    ring.append(&mut nvm, &[before + 1; 40]).expect_err("cut");
                    let mut ram = nvm.into_inner();
                    let found = ring.latest(&ram).map(|(_, _, record)| record[0]).expect("a record");
                    assert_eq!(found, if tear == Tear::New { before + 1 } else { before }, "{tear:?}");
                    ring.append(&mut ram, &[99; 40]).expect("after the cut");
                    assert_eq!(ring.latest(&ram).map(|(_, _, record)| record[0]), Some(99));
                }
            }
        }
    }
}
