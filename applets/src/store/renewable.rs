//! Content that changes in the field: two slots of which one counts, so that a power cut during a change leaves the old content or the new.
//!
//! ```text
//! region   slot 0, slot 1         written once, as content of its data grouping
//! slot     header page { generation; length 4 ‖ CRC-32 of the content 4 }, content pages
//! ```
//!
//! A change writes the content pages of the slot that does not count, then its header page with the next generation. A secret that was replaced is
//! erased after that.

use eid::secret::Secret;

use super::crc::crc32;
use super::nvm::{ERASED, PAGE};
use super::{Store, StoreError, ring};

/// Pages of content in a slot of the trust points, and of the passwords.
pub(crate) const USUAL_PAGES: usize = 14;

const KIND: u8 = b'R';

/// The pages of a slot that holds at most `content_pages` pages of content, its header first.
fn slot(generation: u32, content: &[u8], content_pages: usize) -> Result<Vec<[u8; PAGE]>, StoreError> {
    let free = content_pages * PAGE;
    if content.len() > free {
        return Err(StoreError::NoSpace { needed: content.len(), free });
    }
    let mut record = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    record.extend(crc32(content).to_be_bytes());
    let mut pages = vec![ring::seal(KIND, generation, &record)];
    pages.extend(content.chunks(PAGE).map(|part| {
        let mut page = [ERASED; PAGE];
        page.iter_mut().zip(part).for_each(|(cell, byte)| *cell = *byte);
        page
    }));
    Ok(pages)
}

/// Generation and content of a slot, if its header and content are whole.
fn read(cells: &[u8]) -> Option<(u32, &[u8])> {
    let (header, content) = cells.split_first_chunk::<PAGE>()?;
    let (generation, record) = ring::open(KIND, header)?;
    let (len, record) = record.split_first_chunk::<4>()?;
    let (crc, _) = record.split_first_chunk::<4>()?;
    let content = content.get(..usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
    (crc32(content) == u32::from_be_bytes(*crc)).then_some((generation, content))
}

/// The two slots of a region.
fn slots(region: &[u8]) -> [&[u8]; 2] {
    let (first, second) = region.split_at(region.len() / 2);
    [first, second]
}

impl Store {
    /// Writes the first content as a data grouping, with room for `content_pages` pages in each slot.
    pub(crate) fn store_renewable(&mut self, dgi: u16, content: &[u8], content_pages: usize) -> Result<(), StoreError> {
        let mut region: Vec<u8> = slot(1, content, content_pages)?.concat();
        region.resize(2 * (1 + content_pages) * PAGE, ERASED);
        let mut staging = self.begin(region.len())?;
        self.append(&mut staging, &region)?;
        self.finish(staging, dgi)
    }

    /// The content that counts; `None` if the card has none.
    pub(crate) fn renewable(&self, dgi: u16) -> Result<Option<&[u8]>, StoreError> {
        let Some(extent) = self.extent(dgi) else { return Ok(None) };
        let newest = slots(self.bytes(extent).unwrap_or_default()).into_iter().filter_map(read).max_by_key(|(generation, _)| *generation);
        newest.map(|(_, content)| Some(content)).ok_or_else(|| StoreError::Damaged(format!("object {dgi:04X}")))
    }

    /// Puts new content in the place of the old.
    pub(crate) fn renew(&mut self, dgi: u16, content: &[u8]) -> Result<(), StoreError> {
        let damaged = || StoreError::Damaged(format!("object {dgi:04X}"));
        let extent = self.extent(dgi).ok_or_else(damaged)?;
        let slots = slots(self.bytes(extent).unwrap_or_default());
        let generations: Vec<_> = slots.into_iter().map(|slot| read(slot).map(|(generation, _)| generation)).collect();
        let slot_pages = extent.len / PAGE / 2;
        let newest = generations.iter().flatten().max().copied().ok_or_else(damaged)?;
        let free = generations.iter().position(|generation| *generation != Some(newest)).ok_or_else(damaged)?;
        let first = extent.first_page + free * slot_pages;
        let pages = slot(newest.wrapping_add(1), content, slot_pages.saturating_sub(1))?;
        let (header, content) = pages.split_first().ok_or_else(damaged)?;
        for (n, page) in content.iter().enumerate() {
            ring::program(&mut self.nvm, first + 1 + n, page)?;
        }
        ring::program(&mut self.nvm, first, header)
    }

    /// Whether a secret is of this kind: nothing else is as long.
    pub(crate) fn is_renewable(&self, dgi: u16) -> bool {
        self.extent(dgi).is_some_and(|extent| extent.len() == 2 * (1 + USUAL_PAGES) * PAGE)
    }

    /// Puts a new secret in the place of the old, and erases that. From the switch on the new one counts, whatever of the old one is left.
    pub(crate) fn renew_secret(&mut self, dgi: u16, content: &Secret) -> Result<(), StoreError> {
        self.renew(dgi, content.expose())?;
        let Some(extent) = self.extent(dgi) else { return Ok(()) };
        let slots = slots(self.bytes(extent).unwrap_or_default());
        let generations: Vec<_> = slots.into_iter().map(|slot| read(slot).map_or(0, |(generation, _)| generation)).collect();
        let slot_pages = extent.len / PAGE / 2;
        let newest = generations.iter().max().copied();
        for slot in (0..generations.len()).filter(|&slot| generations.get(slot).copied() != newest) {
            let first = extent.first_page + slot * slot_pages;
            (first..first + slot_pages).try_for_each(|page| self.erase_page(page))?;
        }
        Ok(())
    }
}
