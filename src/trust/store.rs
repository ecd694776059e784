//! The store file: one file that is replaced whole or not at all, with an index, so that loading does not read the certificates.
//!
//! ```text
//! 0   8  magic "CARDTRST"
//! 8   4  version, 1
//! 12  4  CRC-32 of everything from offset 24
//! 16  8  length of the file
//! 24     imports, certificates, CRLs, deviation lists: a count and the records; then the length of the data and the data
//! ```
//!
//! Numbers are big-endian, texts are UTF-8 behind a length of two octets. A certificate has in the index its SHA-256, state, the hashes by
//! which others point to it, its origins, and its place in the data. Refused by name: another format, a newer version, a file that is cut
//! or changed anywhere. The checksum finds accidents; who may write the file may also make one.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eid::cert::crl::Crl;
use eid::cert::deviation_list::DeviationList;
use eid::cert::trust::{Entry, Index, Shared, Tier, TrustStore};
use eid::date::Date;

use super::collection::{Collection, Held, HeldCrl, HeldDeviationList, Import, ImportKind, Role, Standing};

/// Name of the file in the folder of a store.
pub const FILE: &str = "trust.store";
const LOCK: &str = "trust.lock";
const MAGIC: &[u8; 8] = b"CARDTRST";
const VERSION: u32 = 1;
const HEADER: usize = 24;
const MAX_BYTES: u64 = 1 << 30;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no store in the folder.
    #[error("{0}: no trust store there")]
    Missing(PathBuf),
    /// Another kind of file.
    #[error("{0}: not a trust store")]
    Foreign(PathBuf),
    /// Written by a newer program.
    #[error("{path}: trust store of version {found}, this program reads version {VERSION}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Cut or changed.
    #[error("{path}: the trust store is damaged: {detail}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Another process writes it.
    #[error("{0}: another process is writing this trust store")]
    Locked(PathBuf),
    /// More than the format can hold.
    #[error("{0}: too much for one trust store")]
    TooLarge(PathBuf),
}

/// A store that is open for writing; until it is dropped nobody else can write it. Readers are not kept away: they see the file as it was
/// or as it will be.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// What it holds; changed here, and in the file by [`Store::commit`].
    pub collection: Collection,
    _lock: File,
}

impl Store {
    /// Opens the store in `directory` for writing, and makes the folder if there is none.
    ///
    /// # Errors
    /// Another process writes it, or it cannot be read.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, source }
        };
        fs::create_dir_all(directory).map_err(io(directory))?;
        let path = directory.join(LOCK);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(io(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(directory.to_owned())),
            Err(TryLockError::Error(source)) => return Err(StoreError::Io { path, source }),
        }
        let collection = match Collection::load(directory) {
            Err(StoreError::Missing(_)) => Collection::new(),
            other => other?,
        };
        Ok(Self { directory: directory.to_owned(), collection, _lock: lock })
    }

    /// Replaces the file: written beside it, flushed to the disk, renamed.
    ///
    /// # Errors
    /// It cannot be written; then the old file is as it was.
    pub fn commit(&self) -> Result<(), StoreError> {
        let path = self.directory.join(FILE);
        let bytes = encode(&self.collection).ok_or_else(|| StoreError::TooLarge(path.clone()))?;
        let new = self.directory.join(format!("{FILE}.new"));
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            drop(file);
            fs::rename(&new, &path)?;
            if cfg!(unix) { File::open(&self.directory)?.sync_all() } else { Ok(()) }
        };
        write().map_err(|source| StoreError::Io { path: path.clone(), source })
    }
}

/// Whether there is a store in the folder `path`, or `path` is the file of one.
#[must_use]
pub fn is_store(path: &Path) -> bool {
    let file = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
    let mut magic = [0; 8];
    File::open(file).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *MAGIC
}

/// What a verifier works with, from the store in the folder `path` (or from its file).
///
/// # Errors
/// There is none, or it is damaged or of a newer version.
pub fn load(path: &Path) -> Result<TrustStore, StoreError> {
    Collection::load(path).map(|collection| collection.trust())
}

impl Collection {
    /// Reads the store in the folder `path`, or the file of one. The certificates are read when they are asked for.
    ///
    /// # Errors
    /// There is none, or it is damaged or of a newer version.
    pub fn load(path: &Path) -> Result<Self, StoreError> {
        let file = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
        let io = |source| StoreError::Io { path: file.clone(), source };
        let mut bytes = Vec::new();
        match File::open(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::Missing(path.to_owned())),
            Err(error) => return Err(io(error)),
            Ok(open) => {
                let len = open.metadata().map_err(io)?.len().min(MAX_BYTES);
                bytes.reserve_exact(usize::try_from(len).unwrap_or(0).saturating_add(1));
                open.take(MAX_BYTES).read_to_end(&mut bytes).map_err(io)?;
            }
        }
        decode(&file, bytes)
    }
}

/// The bytes of the file; `None` for more than the format can hold.
fn encode(collection: &Collection) -> Option<Vec<u8>> {
    let mut out = Writer { out: vec![0; HEADER], data: Vec::new() };
    out.count(collection.imports.len())?;
    for import in &collection.imports {
        out.text(&import.file);
        out.out.extend_from_slice(&import.sha256);
        out.out.extend_from_slice(&i32::try_from(import.date.days()).ok()?.to_be_bytes());
        out.place(&ImportKind::ALL, import.kind)?;
        out.place(&Tier::ALL, import.tier)?;
        out.place(&Standing::ALL, import.standing)?;
        out.text(&import.signer);
        out.number(import.entries);
        out.number(import.refused);
    }
    out.count(collection.certificates.len())?;
    for held in &collection.certificates {
        let index = held.entry.index();
        out.out.extend_from_slice(&index.fingerprint);
        out.out.push(u8::from(held.role == Role::Known));
        out.optional_text(index.country.as_deref());
        for name in &index.names {
            out.optional(name.as_ref().map(<[u8; 16]>::as_slice));
        }
        out.count(held.origins.len())?;
        for &(tier, import) in &held.origins {
            out.place(&Tier::ALL, tier)?;
            out.count(import)?;
        }
        out.optional_text(held.note.as_deref());
        out.data(held.entry.der())?;
    }
    out.count(collection.crls.len())?;
    for held in &collection.crls {
        out.count(held.import)?;
        out.optional(held.issuer_key.as_ref().map(<[u8; 32]>::as_slice));
        out.data(held.crl.der())?;
    }
    out.count(collection.deviation_lists.len())?;
    for held in &collection.deviation_lists {
        out.count(held.import)?;
        out.data(&held.bytes)?;
    }
    out.count(out.data.len())?;
    let Writer { mut out, data } = out;
    out.extend_from_slice(&data);
    let checksum = crc32fast::hash(out.get(HEADER..)?);
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&VERSION.to_be_bytes());
    header.extend_from_slice(&checksum.to_be_bytes());
    header.extend_from_slice(&u64::try_from(out.len()).ok()?.to_be_bytes());
    out.get_mut(..HEADER)?.copy_from_slice(&header);
    Some(out)
}

struct Writer {
    out: Vec<u8>,
    data: Vec<u8>,
}

impl Writer {
    fn number(&mut self, n: u32) {
        self.out.extend_from_slice(&n.to_be_bytes());
    }

    fn count(&mut self, n: usize) -> Option<()> {
        self.number(u32::try_from(n).ok()?);
        Some(())
    }

    fn place<T: PartialEq>(&mut self, all: &[T], value: T) -> Option<()> {
        let place = all.iter().position(|one| *one == value)?;
        self.out.push(u8::try_from(place).ok()?);
        Some(())
    }

    /// A text, cut to 65 535 octets.
    fn text(&mut self, text: &str) {
        let mut end = text.len().min(usize::from(u16::MAX));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = text.get(..end).unwrap_or_default();
        self.out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
        self.out.extend_from_slice(text.as_bytes());
    }

    fn optional_text(&mut self, text: Option<&str>) {
        self.out.push(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        self.out.push(u8::from(bytes.is_some()));
        self.out.extend_from_slice(bytes.unwrap_or_default());
    }

    /// Bytes of the data: their place and length in the index.
    fn data(&mut self, bytes: &[u8]) -> Option<()> {
        self.count(self.data.len())?;
        self.count(bytes.len())?;
        self.data.extend_from_slice(bytes);
        Some(())
    }
}

fn decode(path: &Path, bytes: Vec<u8>) -> Result<Collection, StoreError> {
    let damaged = |detail: &str| StoreError::Damaged { path: path.to_owned(), detail: detail.to_owned() };
    let mut header = Reader { rest: &bytes };
    if header.take(8) != Some(MAGIC.as_slice()) {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    let (version, checksum) = header.number().zip(header.number()).ok_or_else(|| damaged("the header is cut"))?;
    if version > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found: version });
    }
    let announced = header.array().map(u64::from_be_bytes).ok_or_else(|| damaged("the header is cut"))?;
    if u64::try_from(bytes.len()).ok() != Some(announced) {
        return Err(damaged(&format!("expected {announced} bytes, found {}", bytes.len())));
    }
    let body = bytes.get(HEADER..).unwrap_or_default();
    if version == 0 || crc32fast::hash(body) != checksum {
        return Err(damaged("the checksum is another"));
    }
    let bytes = Arc::new(bytes);
    read_body(&bytes).map_err(|part| damaged(&format!("{part} cannot be read")))
}

fn read_body(bytes: &Arc<Vec<u8>>) -> Result<Collection, &'static str> {
    let mut reader = Reader { rest: bytes.get(HEADER..).unwrap_or_default() };
    let imports = reader.list(|r| r.import()).ok_or("the list of imports")?;
    let certificates = reader.list(|r| r.certificate(imports.len())).ok_or("the index of certificates")?;
    let crls = reader.list(|r| Some((r.below(imports.len())?, r.optional::<32>()?, r.extent()?))).ok_or("the index of CRLs")?;
    let lists = reader.list(|r| Some((r.below(imports.len())?, r.extent()?))).ok_or("the index of deviation lists")?;
    let data_len = reader.number().and_then(|n| usize::try_from(n).ok()).ok_or("the length of the data")?;
    if reader.rest.len() != data_len {
        return Err("the data");
    }
    let start = bytes.len() - data_len;
    let part = |(at, len): (usize, usize)| Shared::new(bytes, start.checked_add(at)?, len);
    let mut out = Collection::new();
    out.certificates.reserve_exact(certificates.len());
    for certificate in certificates {
        let shared = part(certificate.extent).ok_or("the place of a certificate")?;
        let Indexed { index, role, origins, note, .. } = certificate;
        out.certificates.push(Held { entry: Entry::deferred(index, shared), role, origins, note });
    }
    for (import, issuer_key, extent) in crls {
        let shared = part(extent).ok_or("the place of a CRL")?;
        let crl = Crl::from_der(shared.bytes()).map_err(|_| "a CRL")?;
        out.crls.push(HeldCrl { crl, import, issuer_key });
    }
    for (import, extent) in lists {
        let shared = part(extent).ok_or("the place of a deviation list")?;
        let list = DeviationList::parse(shared.bytes()).map_err(|_| "a deviation list")?;
        out.deviation_lists.push(HeldDeviationList { bytes: Arc::new(shared.bytes().to_vec()), list, import });
    }
    out.imports = imports;
    Ok(out)
}

struct Indexed {
    index: Index,
    role: Role,
    origins: BTreeSet<(Tier, usize)>,
    note: Option<String>,
    extent: (usize, usize),
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn octet(&mut self) -> Option<u8> {
        self.array().map(|[octet]| octet)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    fn below(&mut self, end: usize) -> Option<usize> {
        self.size().filter(|&n| n < end)
    }

    fn place<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let place = usize::from(self.octet()?);
        all.get(place).copied()
    }

    fn extent(&mut self) -> Option<(usize, usize)> {
        Some((self.size()?, self.size()?))
    }

    fn text(&mut self) -> Option<String> {
        let len = usize::from(u16::from_be_bytes(self.array()?));
        String::from_utf8(self.take(len)?.to_vec()).ok()
    }

    fn flag(&mut self) -> Option<bool> {
        match self.octet()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn optional_text(&mut self) -> Option<Option<String>> {
        if self.flag()? { self.text().map(Some) } else { Some(None) }
    }

    fn optional<const N: usize>(&mut self) -> Option<Option<[u8; N]>> {
        if self.flag()? { self.array().map(Some) } else { Some(None) }
    }

    /// A count and so many records; what is announced is not believed before it is there.
    fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.size()?;
        let mut out = Vec::with_capacity(count.min(self.rest.len() / 32));
        for _ in 0..count {
            out.push(each(self)?);
        }
        Some(out)
    }

    fn import(&mut self) -> Option<Import> {
        Some(Import {
            file: self.text()?,
            sha256: self.array()?,
            date: Date::from_days(i64::from(i32::from_be_bytes(self.array()?))),
            kind: self.place(&ImportKind::ALL)?,
            tier: self.place(&Tier::ALL)?,
            standing: self.place(&Standing::ALL)?,
            signer: self.text()?,
            entries: self.number()?,
            refused: self.number()?,
        })
    }

    fn certificate(&mut self, imports: usize) -> Option<Indexed> {
        let fingerprint = self.array()?;
        let role = if self.flag()? { Role::Known } else { Role::Anchor };
        let country = self.optional_text()?;
        let names = [self.optional()?, self.optional()?];
        let origins = self.list(|r| Some((r.place(&Tier::ALL)?, r.below(imports)?)))?.into_iter().collect();
        let note = self.optional_text()?;
        let extent = self.extent()?;
        Some(Indexed { index: Index { fingerprint, country, names }, role, origins, note, extent })
    }
}
