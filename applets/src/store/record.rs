//! The records of the memory as bytes: product data, meta record, counters, key set, log entry. All numbers big-endian.

use eid::image::LifeCycle;
use eid::scp03::keys::StaticKeys;
use eid::secret::Secret;

use super::crc::crc32;
use super::nvm::{ERASED, PAGE};
use super::{CONTENT, Extent, FORMAT_VERSION, StoreError, ring};

const MAGIC: [u8; 16] = *b"cardwright card\n";
/// Longest ATR (ISO/IEC 7816-3).
const MAX_ATR: usize = 33;

/// What the chip maker fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Key diversification data of the INITIALIZE UPDATE answer.
    pub kdd: [u8; 10],
    /// The SCP03 parameter i: 01 = S16, 10 = pseudo-random card challenge, 20 = R-MAC, 60 = R-MAC and R-ENC.
    pub scp_i: u8,
    /// Answer to reset, 2 to 33 bytes.
    pub atr: Vec<u8>,
}

impl Product {
    /// magic 16 ‖ version 2 ‖ page length 2 ‖ pages 2 ‖ KDD 10 ‖ i 1 ‖ ATR length 1 ‖ ATR ‖ … ‖ CRC-32.
    pub(super) fn encode(&self, pages: usize) -> [u8; PAGE] {
        let number = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).to_be_bytes();
        let atr = self.atr.get(..self.atr.len().min(MAX_ATR)).unwrap_or_default();
        let mut body = MAGIC.to_vec();
        body.extend(FORMAT_VERSION.to_be_bytes());
        body.extend([number(PAGE), number(pages)].concat());
        body.extend(self.kdd);
        body.push(self.scp_i);
        body.extend(u8::try_from(atr.len()));
        body.extend_from_slice(atr);
        body.resize(PAGE - 4, ERASED);
        body.extend(crc32(&body).to_be_bytes());
        body.first_chunk().copied().unwrap_or([ERASED; PAGE])
    }

    pub(super) fn decode(page: &[u8; PAGE], pages: usize) -> Result<Self, StoreError> {
        let not = |what: &str| StoreError::NotACard(what.to_owned());
        let mut body = Fields(page);
        if body.array() != Some(MAGIC) {
            return Err(not("expected the magic `cardwright card` at offset 0"));
        }
        let found = u16::from_be_bytes(body.array().unwrap_or_default());
        if found != FORMAT_VERSION {
            return Err(StoreError::Version { found, expected: FORMAT_VERSION });
        }
        let (covered, crc) = page.split_last_chunk::<4>().ok_or_else(|| not("short page"))?;
        if crc32(covered) != u32::from_be_bytes(*crc) {
            return Err(StoreError::Damaged("product data on page 0".to_owned()));
        }
        let (page_len, count) = (body.u16(), body.u16());
        if (page_len, count) != (Some(PAGE), Some(pages)) {
            return Err(not(&format!("expected {pages} pages of {PAGE} bytes, the header says {count:?} of {page_len:?}")));
        }
        let kdd = body.array().ok_or_else(|| not("no KDD"))?;
        let scp_i = body.u8().ok_or_else(|| not("no i parameter"))?;
        let atr_len = body.u8().map(usize::from).filter(|len| (2..=MAX_ATR).contains(len));
        let atr = atr_len.and_then(|len| body.0.get(..len)).ok_or_else(|| not("no ATR"))?.to_vec();
        Ok(Self { kdd, scp_i, atr })
    }
}

/// The one record that every change of state goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    /// State of the application.
    pub(crate) state: LifeCycle,
    /// State of the card: 01, 07, 0F, 7F or FF (GPCS clause 5.1).
    pub(crate) card_state: u8,
    /// Whether the erasure that termination asks for is complete.
    pub(crate) erased: bool,
    /// Which key set counts; its parity says which slot.
    pub(crate) key_generation: u32,
    /// Job nonce, from DGI 0001 on.
    pub(crate) nonce: Option<[u8; 16]>,
    /// Image digest, from the commit on.
    pub(crate) digest: Option<[u8; 32]>,
}

impl Meta {
    pub(super) const fn blank() -> Self {
        Self { state: LifeCycle::Initialized, card_state: 0x01, erased: false, key_generation: 1, nonce: None, digest: None }
    }

    /// state ‖ card state ‖ flags ‖ key generation 4 ‖ nonce 16 ‖ digest 32.
    pub(super) fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.erased) | u8::from(self.nonce.is_some()) << 1 | u8::from(self.digest.is_some()) << 2;
        let mut out = vec![self.state.code(), self.card_state, flags];
        out.extend(self.key_generation.to_be_bytes());
        out.extend(self.nonce.unwrap_or_default());
        out.extend(self.digest.unwrap_or_default());
        out
    }

    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        let mut fields = Fields(record);
        let state = LifeCycle::from_code(fields.u8()?)?;
        let (card_state, flags) = (fields.u8()?, fields.u8()?);
        let key_generation = u32::from_be_bytes(fields.array()?);
        let (nonce, digest) = (fields.array()?, fields.array()?);
        Some(Self {
            state,
            card_state,
            erased: flags & 1 != 0,
            key_generation,
            nonce: (flags & 2 != 0).then_some(nonce),
            digest: (flags & 4 != 0).then_some(digest),
        })
    }
}

/// The only cells that are written in the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    key_generation: u32,
    /// SCP03 sequence counter, 24 bits.
    pub(crate) sequence: u32,
    /// EXTERNAL AUTHENTICATE that failed in a row on this key set.
    pub(crate) auth_failures: u8,
    /// PACE with CAN or MRZ, or BAC, that failed in a row.
    pub(crate) access_failures: u8,
    /// Tries left for the PIN.
    pub(crate) pin_tries: u8,
    /// Tries left for the PUK.
    pub(crate) puk_tries: u8,
    /// After how many changes of the PIN its tries were counted; the tries of before another change do not count.
    pub(crate) pin_changes: u16,
}

impl Counters {
    /// Tries of the PIN.
    pub(crate) const PIN_TRIES: u8 = 3;
    /// Tries of the PUK.
    pub(crate) const PUK_TRIES: u8 = 10;

    pub(super) const fn fresh(key_generation: u32) -> Self {
        let (pin_tries, puk_tries) = (Self::PIN_TRIES, Self::PUK_TRIES);
        Self { key_generation, sequence: 0, auth_failures: 0, access_failures: 0, pin_tries, puk_tries, pin_changes: 0 }
    }

    /// The same for another key set: what belongs to the keys starts anew.
    pub(super) const fn for_keys(self, key_generation: u32) -> Self {
        if self.key_generation == key_generation {
            return self;
        }
        Self { key_generation, sequence: 0, auth_failures: 0, ..self }
    }

    pub(crate) const fn with_auth_failures(self, auth_failures: u8) -> Self {
        Self { auth_failures, ..self }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.key_generation.to_be_bytes().to_vec();
        out.extend(self.sequence.to_be_bytes());
        out.extend([self.auth_failures, self.access_failures, self.pin_tries, self.puk_tries]);
        out.extend(self.pin_changes.to_be_bytes());
        out
    }

    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        let mut fields = Fields(record);
        Some(Self {
            key_generation: u32::from_be_bytes(fields.array()?),
            sequence: u32::from_be_bytes(fields.array()?),
            auth_failures: fields.u8()?,
            access_failures: fields.u8()?,
            pin_tries: fields.u8()?,
            puk_tries: fields.u8()?,
            // a card file of before has erased cells here, and a PIN that nobody changes
            pin_changes: u16::from_be_bytes(fields.array()?),
        })
    }
}

/// A static SCP03 key set and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeySet {
    pub(crate) kvn: u8,
    pub(crate) keys: StaticKeys,
}

impl KeySet {
    /// KVN ‖ key length ‖ ENC ‖ MAC ‖ DEK.
    pub(super) fn encode(&self) -> Secret {
        let mut out = vec![self.kvn];
        out.extend(u8::try_from(self.keys.len()));
        self.keys.named().iter().for_each(|(_, key)| out.extend_from_slice(key.expose()));
        Secret::new(out)
    }

    pub(super) fn decode(record: &[u8]) -> Option<Self> {
        let (&[kvn, len], keys) = record.split_first_chunk::<2>()?;
        let len = Some(usize::from(len)).filter(|len| matches!(len, 16 | 24 | 32))?;
        let mut keys = keys.chunks_exact(len).map(Secret::from);
        Some(Self { kvn, keys: StaticKeys::new(keys.next()?, keys.next()?, keys.next()?).ok()? })
    }
}

/// DGI 2 ‖ first page 2 ‖ length 4 ‖ CRC-32 of the content 4.
pub(super) fn encode_log(dgi: u16, extent: Extent) -> [u8; PAGE] {
    let mut record = dgi.to_be_bytes().to_vec();
    record.extend(u16::try_from(extent.first_page).unwrap_or(u16::MAX).to_be_bytes());
    record.extend(u32::try_from(extent.len).unwrap_or(u32::MAX).to_be_bytes());
    record.extend(extent.crc.to_be_bytes());
    ring::seal(b'L', 0, &record)
}

pub(super) fn decode_log(page: &[u8; PAGE], pages: usize) -> Option<(u16, Extent)> {
    let (_, record) = ring::open(b'L', page)?;
    let mut fields = Fields(record);
    let dgi = u16::from_be_bytes(fields.array()?);
    let first_page = fields.u16()?;
    let len = usize::try_from(u32::from_be_bytes(fields.array()?)).ok()?;
    let extent = Extent { first_page, len, crc: u32::from_be_bytes(fields.array()?) };
    (first_page >= CONTENT && len <= pages * PAGE && extent.end_page() <= pages).then_some((dgi, extent))
}

/// Reads fields from front to back.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<usize> {
        self.array().map(|bytes| usize::from(u16::from_be_bytes(bytes)))
    }
}
