//! The chip's non-volatile memory, laid out so that a power cut at any page program leaves either the state before it or the
//! state after it (applet design 4.5). Never shown: half a file, half a key set, a state that goes backwards.
//!
//! | pages | what |
//! | --- | --- |
//! | 0 | magic, format version, product data; written last when the card is made |
//! | 1-2 | two slots for the SCP03 key set; the meta record says which generation counts |
//! | 3-4 | meta record: states, nonce, digest, key generation (`ring`) |
//! | 5-8 | counters: SCP03 sequence, failed authentications, tries (`ring`) |
//! | 9-56 | log of finished data groupings: identifier, place, length, CRC-32 of the content |
//! | 57- | contents, each from a page border, contiguous and in clear |

use std::collections::BTreeMap;
use std::path::Path;

use eid::image::{FileId, LifeCycle};
use eid::secret::Secret;
use sha2::{Digest as _, Sha256};

pub mod fault;
pub mod file;
pub mod nvm;

mod crc;
mod record;
pub(crate) mod renewable;
mod ring;

use crc::{Crc32, crc32};
use fault::{FaultyNvm, Tear};
use nvm::{ERASED, Nvm, NvmError, PAGE};
pub use record::Product;
pub(crate) use record::{Counters, KeySet, Meta};
use ring::Ring;

/// Version of the memory layout, written into every card file.
pub const FORMAT_VERSION: u16 = 1;

const KEYS: usize = 1;
const META: Ring = Ring { kind: b'M', first: 3, pages: 2 };
const COUNTERS: Ring = Ring { kind: b'N', first: 5, pages: 4 };
const LOG: usize = 9;
const LOG_PAGES: usize = 48;
const CONTENT: usize = LOG + LOG_PAGES;
/// Least memory: the fixed pages and one page of content.
const MIN_PAGES: usize = CONTENT + 1;
/// Most memory: page numbers are written with two bytes.
const MAX_PAGES: usize = 0xFFFF;

/// Why the memory cannot be used, or does not take something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// More than there is room for.
    #[error("not enough memory: {needed} bytes needed, {free} free")]
    NoSpace {
        /// Bytes needed.
        needed: usize,
        /// Bytes free.
        free: usize,
    },
    /// Content whose CRC does not hold.
    #[error("memory failure: {0}")]
    Damaged(String),
    /// The bytes are no card memory.
    #[error("not a card file: {0}")]
    NotACard(String),
    /// Written by a version of the program that laid memory out otherwise.
    #[error("card memory has format version {found}, this program reads version {expected}")]
    Version {
        /// Version in the memory.
        found: u16,
        /// Version that is read.
        expected: u16,
    },
    /// Another process has the card file open.
    #[error("card file {0} is in use by another process")]
    InUse(String),
    /// The card file cannot be opened or made.
    #[error("{0}")]
    Io(String),
    /// A page program failed.
    #[error(transparent)]
    Nvm(#[from] NvmError),
}

impl StoreError {
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Io(format!("{}: {error}", path.display()))
    }
}

/// Where a finished data grouping lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    first_page: usize,
    len: usize,
    crc: u32,
}

impl Extent {
    /// Length in bytes.
    pub(crate) const fn len(self) -> usize {
        self.len
    }

    const fn end_page(self) -> usize {
        self.first_page + self.len.div_ceil(PAGE)
    }
}

/// A data grouping that is being written: whole pages are programmed as they fill up, the border page is kept in RAM.
#[derive(Debug)]
pub(crate) struct Staging {
    extent: Extent,
    border: Vec<u8>,
    next_page: usize,
    crc: Crc32,
}

/// The memory with its records read.
pub(crate) struct Store {
    nvm: FaultyNvm<Box<dyn Nvm>>,
    product: Product,
    meta: Meta,
    counters: Counters,
    directory: BTreeMap<u16, Extent>,
    log_len: usize,
    next_page: usize,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({:?}, {} objects, {} bytes free)", self.meta.state, self.directory.len(), self.free())
    }
}

impl Store {
    /// Makes erased memory a blank card.
    pub(crate) fn format(mut nvm: Box<dyn Nvm>, product: &Product, keys: &KeySet) -> Result<Self, StoreError> {
        let pages = nvm.pages();
        if !(MIN_PAGES..=MAX_PAGES).contains(&pages) {
            return Err(StoreError::NoSpace { needed: MIN_PAGES * PAGE, free: pages * PAGE });
        }
        // Records of a former life would count again.
        if nvm.cells().iter().any(|&cell| cell != ERASED) {
            return Err(StoreError::Damaged("the memory of a new card is not erased".to_owned()));
        }
        let meta = Meta::blank();
        write_keys(&mut *nvm, meta.key_generation, keys)?;
        COUNTERS.append(&mut *nvm, &Counters::fresh(meta.key_generation).encode())?;
        META.append_to_all(&mut *nvm, &meta.encode())?;
        ring::program(&mut *nvm, 0, &product.encode(pages))?;
        Self::boot(nvm)
    }

    /// Reads the records after power-up. An erasure that a power cut interrupted is done again.
    pub(crate) fn boot(nvm: Box<dyn Nvm>) -> Result<Self, StoreError> {
        let nvm = FaultyNvm::new(nvm, None);
        let (product, meta, counters) = records(&nvm)?;
        let mut store = Self { nvm, product, meta, counters, directory: BTreeMap::new(), log_len: 0, next_page: CONTENT };
        store.start()?;
        Ok(store)
    }

    /// Gives the power back after a cut that [`tear`](Self::tear) asked for, and reads the records as a card does that is powered anew.
    pub(crate) fn power_up(&mut self) -> Result<(), StoreError> {
        self.nvm.repower();
        (self.product, self.meta, self.counters) = records(&self.nvm)?;
        self.directory.clear();
        (self.log_len, self.next_page) = (0, CONTENT);
        self.start()
    }

    fn start(&mut self) -> Result<(), StoreError> {
        self.scan_log();
        if self.meta.state == LifeCycle::Terminated && !self.meta.erased { self.erase() } else { Ok(()) }
    }

    /// Cuts the power at the page program that comes after `after` others.
    pub(crate) fn tear(&mut self, cut: Option<(u64, Tear)>) {
        self.nvm.arm(cut);
    }

    /// The cut that is to come.
    pub(crate) fn tear_to_come(&self) -> Option<(u64, Tear)> {
        self.nvm.armed()
    }

    /// Whether a cut that was asked for took the power away.
    pub(crate) const fn lost_power(&self) -> bool {
        self.nvm.is_dead()
    }

    /// Pages programmed since the card was made or opened, and how many of them were erased by it.
    pub(crate) const fn programs(&self) -> (u64, u64) {
        (self.nvm.operations(), self.nvm.erasures())
    }

    fn scan_log(&mut self) {
        for n in 0..LOG_PAGES {
            let Some(page) = self.nvm.page(LOG + n) else { return };
            if page.iter().all(|&cell| cell == ERASED) {
                continue;
            }
            // A torn page is skipped and not used again.
            self.log_len = n + 1;
            let Some((dgi, extent)) = record::decode_log(page, self.nvm.pages()) else { continue };
            self.next_page = self.next_page.max(extent.end_page());
            // Damage found while the card is still being written is cured by sending the DGI again.
            if self.meta.state > LifeCycle::PersoOpen || self.intact(extent) {
                self.directory.insert(dgi, extent);
            } else {
                self.directory.remove(&dgi);
            }
        }
    }

    pub(crate) const fn product(&self) -> &Product {
        &self.product
    }

    pub(crate) const fn meta(&self) -> &Meta {
        &self.meta
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// One write switches; the others bring the older pages up to date, so that later damage cannot turn the state back.
    pub(crate) fn set_meta(&mut self, meta: Meta) -> Result<(), StoreError> {
        META.append(&mut self.nvm, &meta.encode())?;
        self.meta = meta;
        META.append(&mut self.nvm, &self.meta.encode())
    }

    /// Writes and reads back; only then the new value counts.
    pub(crate) fn set_counters(&mut self, counters: Counters) -> Result<(), StoreError> {
        COUNTERS.append(&mut self.nvm, &counters.encode())?;
        self.counters = counters;
        Ok(())
    }

    /// The SCP03 key set that counts.
    pub(crate) fn keys(&self) -> Result<KeySet, StoreError> {
        let page = self.nvm.page(key_page(self.meta.key_generation));
        let found = page.and_then(|page| ring::open(b'K', page)).filter(|&(generation, _)| generation == self.meta.key_generation);
        found.and_then(|(_, record)| KeySet::decode(record)).ok_or_else(|| StoreError::Damaged("SCP03 key set".to_owned()))
    }

    /// Puts a new key set in the place of the one there is: into the free slot, then one meta record switches.
    pub(crate) fn replace_keys(&mut self, keys: &KeySet) -> Result<(), StoreError> {
        let generation = self.meta.key_generation.wrapping_add(1);
        write_keys(&mut self.nvm, generation, keys)?;
        self.set_meta(Meta { key_generation: generation, ..self.meta.clone() })?;
        self.counters = self.counters.for_keys(generation);
        // The old keys are of no use any more and must not stay.
        self.erase_page(key_page(generation.wrapping_sub(1)))
    }

    /// Identifiers of the finished data groupings, ascending.
    pub(crate) fn done(&self) -> Vec<u16> {
        self.directory.keys().copied().collect()
    }

    /// Where a finished data grouping lies.
    pub(crate) fn extent(&self, dgi: u16) -> Option<Extent> {
        self.directory.get(&dgi).copied()
    }

    /// The bytes there, checked or not: call [`intact`](Self::intact) first.
    pub(crate) fn bytes(&self, extent: Extent) -> Option<&[u8]> {
        let at = extent.first_page.checked_mul(PAGE)?;
        self.nvm.cells().get(at..at.checked_add(extent.len)?)
    }

    /// Whether the content still has the CRC that it was written with.
    pub(crate) fn intact(&self, extent: Extent) -> bool {
        self.bytes(extent).is_some_and(|bytes| crc32(bytes) == extent.crc)
    }

    /// A checked secret object; `None` if the card has none.
    pub(crate) fn secret(&self, dgi: u16) -> Result<Option<Secret>, StoreError> {
        let Some(extent) = self.extent(dgi) else { return Ok(None) };
        if self.is_renewable(dgi) {
            return Ok(self.renewable(dgi)?.map(Secret::from));
        }
        if !self.intact(extent) {
            return Err(StoreError::Damaged(format!("object {dgi:04X}")));
        }
        Ok(self.bytes(extent).map(Secret::from))
    }

    /// Digest over the staged files as they read back (applet design 4.3): id(2) ‖ length(2) ‖ value, ascending.
    pub(crate) fn image_digest(&self) -> Result<[u8; 32], StoreError> {
        let mut hash = Sha256::new();
        for (&dgi, &extent) in &self.directory {
            if !self.intact(extent) {
                return Err(StoreError::Damaged(format!("object {dgi:04X}")));
            }
            if FileId::from_dgi(dgi).is_some() {
                hash.update(dgi.to_be_bytes());
                hash.update(u16::try_from(extent.len).unwrap_or(u16::MAX).to_be_bytes());
                hash.update(self.bytes(extent).unwrap_or_default());
            }
        }
        Ok(hash.finalize().into())
    }

    /// Bytes that new contents can take.
    pub(crate) fn free(&self) -> usize {
        if self.log_len == LOG_PAGES { 0 } else { self.nvm.pages().saturating_sub(self.next_page) * PAGE }
    }

    /// Starts a data grouping of `len` bytes. Nothing is written yet.
    pub(crate) fn begin(&self, len: usize) -> Result<Staging, StoreError> {
        let free = self.free();
        if len > free {
            return Err(StoreError::NoSpace { needed: len, free });
        }
        Ok(Staging {
            extent: Extent { first_page: self.next_page, len, crc: 0 },
            border: Vec::with_capacity(PAGE),
            next_page: self.next_page,
            crc: Crc32::new(),
        })
    }

    /// Takes the next bytes of a data grouping, at most as many as it was announced with.
    pub(crate) fn append(&mut self, staging: &mut Staging, bytes: &[u8]) -> Result<(), StoreError> {
        staging.crc.update(bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PAGE - staging.border.len()));
            staging.border.extend_from_slice(now);
            if let Some(page) = staging.border.first_chunk::<PAGE>() {
                ring::program(&mut self.nvm, staging.next_page, page)?;
                staging.next_page += 1;
                staging.border.clear();
            }
            rest = later;
        }
        Ok(())
    }

    /// Programs the border page, then the log record that makes the data grouping one of the finished.
    pub(crate) fn finish(&mut self, staging: Staging, dgi: u16) -> Result<(), StoreError> {
        if !staging.border.is_empty() {
            let mut page = [ERASED; PAGE];
            for (cell, byte) in page.iter_mut().zip(&staging.border) {
                *cell = *byte;
            }
            ring::program(&mut self.nvm, staging.next_page, &page)?;
        }
        let extent = Extent { crc: staging.crc.value(), ..staging.extent };
        let page = LOG + self.log_len;
        ring::program(&mut self.nvm, page, &record::encode_log(dgi, extent))?;
        self.log_len += 1;
        self.next_page = extent.end_page();
        self.directory.insert(dgi, extent);
        Ok(())
    }

    /// Ends the life of the application: the state first, so that nothing is usable from here on, then keys and contents.
    pub(crate) fn terminate(&mut self) -> Result<(), StoreError> {
        if self.meta.state != LifeCycle::Terminated {
            self.set_meta(Meta { state: LifeCycle::Terminated, erased: false, ..self.meta.clone() })?;
        }
        self.erase()
    }

    fn erase(&mut self) -> Result<(), StoreError> {
        (KEYS..KEYS + 2).try_for_each(|page| self.erase_page(page))?;
        (LOG..self.nvm.pages()).try_for_each(|page| self.erase_page(page))?;
        self.directory.clear();
        self.log_len = 0;
        self.next_page = CONTENT;
        self.set_meta(Meta { erased: true, ..self.meta.clone() })
    }

    fn erase_page(&mut self, page: usize) -> Result<(), StoreError> {
        if self.nvm.page(page).is_some_and(|cells| cells.iter().any(|&cell| cell != ERASED)) {
            ring::program(&mut self.nvm, page, &[ERASED; PAGE])?;
        }
        Ok(())
    }

    /// The memory, as it is now.
    pub(crate) fn into_nvm(self) -> Box<dyn Nvm> {
        self.nvm.into_inner()
    }
}

/// What the fixed pages say: product data, states, counters.
fn records(nvm: &dyn Nvm) -> Result<(Product, Meta, Counters), StoreError> {
    let product = Product::decode(nvm.page(0).ok_or_else(|| StoreError::NotACard("no page".to_owned()))?, nvm.pages())?;
    let latest = META.latest(nvm).and_then(|(.., record)| Meta::decode(record));
    let meta = latest.ok_or_else(|| StoreError::Damaged("no valid meta record".to_owned()))?;
    let counters = COUNTERS.latest(nvm).and_then(|(.., record)| Counters::decode(record));
    let counters = counters.unwrap_or_else(|| Counters::fresh(meta.key_generation)).for_keys(meta.key_generation);
    Ok((product, meta, counters))
}

const fn key_page(generation: u32) -> usize {
    KEYS + (generation % 2) as usize
}

fn write_keys(nvm: &mut dyn Nvm, generation: u32, keys: &KeySet) -> Result<(), StoreError> {
    ring::program(nvm, key_page(generation), &ring::seal(b'K', generation, keys.encode().expose()))
}
