//! The register: an append-only file of JSON lines, each naming the hash of the line before, on the disk before anything depends on it.
//!
//! A number is reserved before something is signed with it and issued after; a certificate is published only when its line is on the
//! disk, and the line holds the certificate, so that a crash at any moment loses nothing that was given out. A number that was reserved
//! and not issued is burned on the next opening, with a line that says so. No line is ever changed or removed; what a crash left of a
//! line without its end was never acknowledged and is cut off, with a line that says so.
//!
//! ```text
//! {"v":2,"n":1,"prev":"00…","date":"2026-11-21","event":"reserved","series":"serial","number":"5c…","name":"ds","by":"an officer"}
//! {"v":2,"n":2,"prev":"9b…","date":"2026-11-21","event":"issued","series":"serial","number":"5c…","name":"ds",…,"data":"3082…"}
//! {"v":2,"n":3,"prev":"11…","date":"2026-11-22","event":"revoked","name":"ds","by":"an officer","details":{"reason":"keyCompromise"}}
//! ```
//!
//! It refuses a register in which a line was changed, removed, moved, or cut off ([`chain`] names it), and to go on after a write that
//! failed. A register of version 1, which had no chain, is read, and sealed by its first line of version 2.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use eid::date::Date;
use rand_core::CryptoRng;

use crate::file::Readers;

pub mod chain;
mod entry;

pub use chain::{Crash, Fault, Head, Inspection, inspect};
pub use entry::{Entry, Event, Kind};

/// Serial numbers have 16 octets: 126 random bits, positive, well below the 20 octets of RFC 5280.
const SERIAL_LEN: usize = 16;
const MAX_BYTES: u64 = 1 << 30;

/// The series of the serial numbers of certificates.
pub const SERIAL: &str = "serial";

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Name of its files: `csca`, `ds`.
    pub name: String,
    /// What it is for: `csca`, `link`, `ds`, `mls`, `dls`.
    pub role: String,
    /// Serial number in hex.
    pub serial: String,
    /// Algorithm of the signatures that its key makes, as [`crate::key::algorithm_name`] writes it.
    pub algorithm: String,
    /// Where its key is, as [`crate::KeyStore::place`] says: `file`, `token csca`, or `elsewhere`.
    pub key: String,
    /// The day it was issued.
    pub date: Date,
    /// Who asked.
    pub by: String,
    /// The certificate in DER.
    pub certificate: Vec<u8>,
}

/// A number that was reserved and will never be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burned {
    /// The series: `serial`, `crl`, ….
    pub series: String,
    /// The number: a serial number in hex, else decimal.
    pub serial: String,
    /// For what it was reserved.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Why the register cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The file cannot be read or written.
    #[error("register {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("register {0}: another process has it open")]
    Locked(PathBuf),
    /// Something in it is not as it was written.
    #[error("register {path} is not as it was written: {}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Tampered {
        /// The file.
        path: PathBuf,
        /// What.
        faults: Vec<Fault>,
    },
    /// An entry that contradicts those before.
    #[error("register {path}, entry {line}: {detail}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The entry, from 1.
        line: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// A write failed before: what is on the disk is known only after opening again.
    #[error("register {0}: a write failed; open it again")]
    Failed(PathBuf),
    /// A number that is not reserved was to be issued, or a name given twice.
    #[error("register: {0}")]
    Misuse(String),
}

/// The register, open and locked against other processes.
#[derive(Debug)]
pub struct Register {
    path: PathBuf,
    file: File,
    head: Head,
    failed: bool,
    entries: Vec<Entry>,
    /// What is reserved and neither issued nor burned: (series, number) to the name.
    reserved: BTreeMap<(String, String), String>,
    used: BTreeSet<(String, String)>,
    issued: Vec<Issued>,
}

/// A number that was reserved: it goes into what is signed, which is then issued, or the number is burned.
#[derive(Debug)]
#[must_use = "a reserved number is issued or burned"]
pub struct Reservation {
    series: String,
    number: String,
    by: String,
}

impl Reservation {
    /// Content octets of a serial number; empty for other series.
    #[must_use]
    pub fn serial(&self) -> Vec<u8> {
        if self.series == SERIAL { hex::decode(&self.number).unwrap_or_default() } else { Vec::new() }
    }

    /// The number in a series that counts from 1; zero for a serial number.
    #[must_use]
    pub fn number(&self) -> u64 {
        if self.series == SERIAL { 0 } else { self.number.parse().unwrap_or(0) }
    }
}

/// The head file of the register at `path`.
#[must_use]
pub fn head_path(path: &Path) -> PathBuf {
    path.with_extension("head")
}

/// Looks at the register at `path` without a lock and without a change.
///
/// # Errors
/// It cannot be read.
pub fn verify(path: &Path) -> Result<Inspection, RegisterError> {
    let wrap = |source| RegisterError::Io { path: path.to_owned(), source };
    let text = read(&mut File::open(path).map_err(wrap)?).map_err(wrap)?;
    let head = read_head(path).map_err(wrap)?;
    Ok(inspect(&text, head.as_deref()))
}

fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("expected at most {MAX_BYTES} bytes, found more")));
    }
    Ok(text)
}

fn read_head(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match File::open(head_path(path)) {
        Ok(mut file) => read(&mut file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Register {
    /// Opens the register at `path`, or makes it; numbers that were reserved and not issued are burned and returned.
    ///
    /// # Errors
    /// It cannot be read or written, is open elsewhere, or is not as it was written.
    pub fn open(path: &Path, today: Date) -> Result<(Self, Vec<Burned>), RegisterError> {
        let wrap = |source| RegisterError::Io { path: path.to_owned(), source };
        let new = !path.exists();
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(wrap)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RegisterError::Locked(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(wrap(source)),
        }
        if new && let Some(directory) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            crate::file::sync_directory(directory).map_err(wrap)?;
        }
        let text = read(&mut file).map_err(wrap)?;
        let found = inspect(&text, read_head(path).map_err(wrap)?.as_deref());
        if !found.faults.is_empty() {
            return Err(RegisterError::Tampered { path: path.to_owned(), faults: found.faults });
        }
        let mut register = Self {
            path: path.to_owned(),
            file,
            head: found.head,
            failed: false,
            entries: Vec::new(),
            reserved: BTreeMap::new(),
            used: BTreeSet::new(),
            issued: Vec::new(),
        };
        for entry in found.entries {
            let line = entry.line;
            register.take(entry).map_err(|detail| RegisterError::Corrupt { path: path.to_owned(), line, detail })?;
        }
        if found.unsealed {
            // the seal's line before is not a line but everything before
            register.head.hash = chain::hash(text.get(..found.complete).unwrap_or_default());
        }
        if let Some(crash) = &found.crash {
            let complete = found.complete as u64;
            register.file.set_len(complete).and_then(|()| register.file.sync_all()).map_err(wrap)?;
            if register.head.count > 0 && !found.unsealed {
                register.write_head()?;
            }
            if !found.unsealed {
                register.record(Event::new(Kind::Recovered, "register", "").with("reason", crash.to_string()), today)?;
            }
        }
        if found.unsealed {
            register.record(Event::new(Kind::Sealed, "register", "").with("version", "1"), today)?;
        }
        let mut burned = Vec::new();
        for ((series, serial), name) in std::mem::take(&mut register.reserved) {
            let reason = "reserved and not issued: the program ended in between".to_owned();
            register.burn_line(&series, &serial, &name, &reason, today)?;
            burned.push(Burned { series, serial, name, reason });
        }
        Ok((register, burned))
    }

    /// Takes an entry into what is known.
    fn take(&mut self, entry: Entry) -> Result<(), String> {
        let key = (entry.series.clone(), entry.number.clone());
        match entry.kind {
            Kind::Reserved => {
                if key.0.is_empty() || key.1.is_empty() || entry.name.is_empty() {
                    return Err("a reservation without series, number, or name".to_owned());
                }
                if !self.used.insert(key.clone()) {
                    return Err(format!("number {} of series {} is reserved twice", key.1, key.0));
                }
                self.reserved.insert(key, entry.name.clone());
            }
            Kind::Issued | Kind::Burned => {
                if self.reserved.remove(&key).as_ref() != Some(&entry.name) {
                    return Err(format!("number {} of series {} was not reserved for {}", key.1, key.0, entry.name));
                }
                if entry.kind == Kind::Issued && entry.series == SERIAL {
                    if entry.data.is_empty() {
                        return Err("no certificate".to_owned());
                    }
                    self.issued.push(Issued {
                        name: entry.name.clone(),
                        role: entry.detail("role").to_owned(),
                        serial: entry.number.clone(),
                        algorithm: entry.detail("algorithm").to_owned(),
                        key: entry.detail("key").to_owned(),
                        date: entry.date,
                        by: entry.by.clone(),
                        certificate: entry.data.clone(),
                    });
                }
            }
            _ => {}
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Reserves an unpredictable serial number for the certificate `name` that `by` asked for; it is on the disk when this returns.
    ///
    /// # Errors
    /// The register cannot be written, or `name` has a certificate.
    pub fn reserve_serial(&mut self, name: &str, by: &str, rng: &mut dyn CryptoRng, today: Date) -> Result<Reservation, RegisterError> {
        if self.find(name).is_some() {
            return Err(RegisterError::Misuse(format!("{name} has a certificate already")));
        }
        let mut serial = [0; SERIAL_LEN];
        let number = loop {
            rng.fill_bytes(&mut serial);
            if let Some(first) = serial.first_mut() {
                *first = *first & 0x7F | 0x40; // positive, and always of full length
            }
            let number = hex::encode(serial);
            if !self.used.contains(&(SERIAL.to_owned(), number.clone())) {
                break number;
            }
        };
        self.reserve(SERIAL, number, name, by, today)
    }

    /// Reserves the next number of `series` (`crl`, …), which counts from 1 and never goes back: burned numbers are not used again.
    ///
    /// # Errors
    /// The register cannot be written, or `series` is that of the serial numbers or empty.
    pub fn reserve_next(&mut self, series: &str, name: &str, by: &str, today: Date) -> Result<Reservation, RegisterError> {
        if series.is_empty() || series == SERIAL {
            return Err(RegisterError::Misuse(format!("the series {series:?} does not count")));
        }
        let highest = self.used.iter().filter(|(s, _)| s == series).filter_map(|(_, n)| n.parse::<u64>().ok()).max().unwrap_or(0);
        self.reserve(series, (highest + 1).to_string(), name, by, today)
    }

    fn reserve(&mut self, series: &str, number: String, name: &str, by: &str, today: Date) -> Result<Reservation, RegisterError> {
        self.append(Event::new(Kind::Reserved, name, by), series, &number, today)?;
        Ok(Reservation { series: series.to_owned(), number, by: by.to_owned() })
    }

    /// Records that the number went out in `data`, with `details` (for certificates `role`, `algorithm`, `key`); only then may it be
    /// published.
    ///
    /// # Errors
    /// The register cannot be written.
    pub fn commit(&mut self, reservation: &Reservation, details: &[(&str, &str)], data: &[u8], today: Date) -> Result<(), RegisterError> {
        let name = self.name_of(reservation)?;
        let details = details.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let event = Event { details, ..Event::new(Kind::Issued, &name, &reservation.by).with_data(data) };
        self.append(event, &reservation.series, &reservation.number, today)
    }

    /// Records that the number will not be used, and why.
    ///
    /// # Errors
    /// The register cannot be written.
    pub fn burn(&mut self, reservation: &Reservation, reason: &str, today: Date) -> Result<(), RegisterError> {
        let name = self.name_of(reservation)?;
        self.burn_line(&reservation.series, &reservation.number, &name, reason, today)
    }

    /// Records something that has no number.
    ///
    /// # Errors
    /// The register cannot be written, or the event is one of those that need a number.
    pub fn record(&mut self, event: Event, today: Date) -> Result<(), RegisterError> {
        if matches!(event.kind, Kind::Reserved | Kind::Issued | Kind::Burned) {
            return Err(RegisterError::Misuse(format!("{} needs a number", event.kind.name())));
        }
        self.append(event, "", "", today)
    }

    fn name_of(&self, reservation: &Reservation) -> Result<String, RegisterError> {
        let name = self.reserved.get(&(reservation.series.clone(), reservation.number.clone())).cloned();
        name.ok_or_else(|| RegisterError::Misuse("a number that is not reserved".to_owned()))
    }

    fn burn_line(&mut self, series: &str, number: &str, name: &str, reason: &str, today: Date) -> Result<(), RegisterError> {
        // the first opening took the reservation out of the list
        self.reserved.insert((series.to_owned(), number.to_owned()), name.to_owned());
        self.append(Event::new(Kind::Burned, name, "").with("reason", reason), series, number, today)
    }

    /// Everything, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The certificates that were issued, in order.
    #[must_use]
    pub fn issued(&self) -> &[Issued] {
        &self.issued
    }

    /// The certificate that was issued under `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Issued> {
        self.issued.iter().find(|issued| issued.name == name)
    }

    /// Count and hash of the last line.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    fn append(&mut self, event: Event, series: &str, number: &str, today: Date) -> Result<(), RegisterError> {
        if self.failed {
            return Err(RegisterError::Failed(self.path.clone()));
        }
        let Event { kind, name, by, details, data } = event;
        let entry = Entry {
            line: self.head.count + 1,
            date: today,
            kind,
            series: series.to_owned(),
            number: number.to_owned(),
            name,
            by,
            details,
            data,
            version: 2,
            prev: self.head.hash.clone(),
        };
        let mut text = entry::encode(&entry).map_err(RegisterError::Misuse)?;
        let hash = chain::hash(&text);
        text.push(b'\n');
        self.failed = true;
        self.file
            .write_all(&text)
            .and_then(|()| self.file.sync_all())
            .map_err(|source| RegisterError::Io { path: self.path.clone(), source })?;
        self.head = Head { count: entry.line, hash };
        self.write_head()?;
        self.failed = false;
        self.take(entry).map_err(RegisterError::Misuse)
    }

    fn write_head(&self) -> Result<(), RegisterError> {
        let path = head_path(&self.path);
        crate::file::write(&path, &self.head.to_bytes(), Readers::All, true).map_err(|source| RegisterError::Io { path, source })
    }
}

#[cfg(test)]
mod tests;
