//! The register of serial numbers: an append-only file of JSON lines, flushed to the disk before anything depends on it.
//!
//! A number is reserved before it is signed and issued after; a certificate is published only when its line is on the disk, and
//! the line holds the certificate, so that a crash at any moment loses nothing that was given out. A number that was reserved and not
//! issued is burned on the next opening, with a line that says so. No line is ever changed or removed; what a crash left of a line
//! without its end was never acknowledged and is cut off.
//!
//! ```text
//! {"v":1,"event":"reserved","date":"2026-11-21","serial":"5c…","name":"ds"}
//! {"v":1,"event":"issued","date":"2026-11-21","serial":"5c…","name":"ds","algorithm":"ecdsa-sha256","certificate":"3082…"}
//! {"v":1,"event":"burned","date":"2026-11-22","serial":"5c…","name":"ds","reason":"…"}
//! {"v":1,"event":"torn","date":"2026-11-22","reason":"…"}      an unfinished line was cut off here
//! ```

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use eid::date::Date;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;
/// Serial numbers have 16 octets: 126 random bits, positive, well below the 20 octets of RFC 5280.
const SERIAL_LEN: usize = 16;
const MAX_BYTES: u64 = 1 << 30;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    v: u32,
    event: Event,
    date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    Reserved,
    Issued,
    Burned,
    Torn,
}

/// A certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Name of its files: `csca`, `ds`.
    pub name: String,
    /// Serial number in hex.
    pub serial: String,
    /// Algorithm of the signatures that its key makes, as [`crate::key::algorithm_name`] writes it.
    pub algorithm: String,
    /// The certificate in DER.
    pub certificate: Vec<u8>,
}

/// A serial number that was reserved and will never be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burned {
    /// Serial number in hex.
    pub serial: String,
    /// For which certificate it was reserved.
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
    /// A line that this program did not write.
    #[error("register {path}, line {line}: {detail}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        detail: String,
    },
    /// A number that is not reserved was to be issued, or a name given twice.
    #[error("register: {0}")]
    Misuse(String),
}

/// The register, open and locked against other processes.
#[derive(Debug)]
pub struct Register {
    path: PathBuf,
    file: File,
    reserved: BTreeMap<String, String>,
    used: BTreeMap<String, Event>,
    issued: Vec<Issued>,
}

/// A serial number that was reserved: its content octets go into the certificate, then it is issued or burned.
#[derive(Debug)]
#[must_use = "a reserved number is issued or burned"]
pub struct Reservation {
    serial: [u8; SERIAL_LEN],
}

impl Reservation {
    /// Content octets of the serial number.
    #[must_use]
    pub const fn serial(&self) -> &[u8] {
        &self.serial
    }
}

impl Register {
    /// Opens the register at `path`, or makes it; numbers that were reserved and not issued are burned and returned.
    ///
    /// # Errors
    /// It cannot be read or written, is open elsewhere, or holds a line that does not belong there.
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
        let mut text = Vec::new();
        (&mut file).take(MAX_BYTES).read_to_end(&mut text).map_err(wrap)?;
        let mut register = Self { path: path.to_owned(), file, reserved: BTreeMap::new(), used: BTreeMap::new(), issued: Vec::new() };
        let complete = text.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        register.replay(text.get(..complete).unwrap_or_default())?;
        if complete < text.len() {
            register.file.set_len(complete as u64).and_then(|()| register.file.sync_all()).map_err(wrap)?;
            let reason = format!("{} bytes without an end of line", text.len() - complete);
            register.append(&Line { reason: Some(reason), ..line(Event::Torn, today) })?;
        }
        let mut burned = Vec::new();
        for (serial, name) in std::mem::take(&mut register.reserved) {
            let reason = "reserved and not issued: the program ended in between".to_owned();
            register.burn_line(&serial, &name, &reason, today)?;
            burned.push(Burned { serial, name, reason });
        }
        Ok((register, burned))
    }

    fn replay(&mut self, text: &[u8]) -> Result<(), RegisterError> {
        for (index, bytes) in text.split(|&b| b == b'\n').enumerate().filter(|(_, bytes)| !bytes.is_empty()) {
            let parsed = serde_json::from_slice::<Line>(bytes).map_err(|e| e.to_string());
            let version =
                |line: Line| if line.v == VERSION { Ok(line) } else { Err(format!("expected version {VERSION}, found {}", line.v)) };
            parsed.and_then(version).and_then(|line| self.take(line)).map_err(|detail| RegisterError::Corrupt {
                path: self.path.clone(),
                line: index + 1,
                detail,
            })?;
        }
        Ok(())
    }

    fn take(&mut self, line: Line) -> Result<(), String> {
        if line.event == Event::Torn {
            return Ok(());
        }
        let serial = line.serial.ok_or("no serial number")?;
        let name = line.name.ok_or("no name")?;
        match line.event {
            Event::Reserved => {
                if self.used.insert(serial.clone(), Event::Reserved).is_some() {
                    return Err(format!("serial number {serial} reserved twice"));
                }
                self.reserved.insert(serial, name);
            }
            Event::Issued | Event::Burned | Event::Torn => {
                if self.reserved.remove(&serial).as_ref() != Some(&name) {
                    return Err(format!("serial number {serial} was not reserved for {name}"));
                }
                if line.event == Event::Issued {
                    let certificate = line.certificate.and_then(|c| hex::decode(c).ok()).ok_or("no certificate")?;
                    let algorithm = line.algorithm.ok_or("no algorithm")?;
                    self.issued.push(Issued { name, serial: serial.clone(), algorithm, certificate });
                }
                self.used.insert(serial, line.event);
            }
        }
        Ok(())
    }

    /// Reserves an unpredictable serial number for `name`; it is on the disk when this returns.
    ///
    /// # Errors
    /// The register cannot be written, or `name` has a certificate.
    pub fn reserve(&mut self, name: &str, rng: &mut dyn CryptoRng, today: Date) -> Result<Reservation, RegisterError> {
        if self.find(name).is_some() {
            return Err(RegisterError::Misuse(format!("{name} has a certificate already")));
        }
        let mut serial = [0; SERIAL_LEN];
        loop {
            rng.fill_bytes(&mut serial);
            if let Some(first) = serial.first_mut() {
                *first = *first & 0x7F | 0x40; // positive, and always of full length
            }
            if !self.used.contains_key(&hex::encode(serial)) {
                break;
            }
        }
        let text = hex::encode(serial);
        self.append(&Line { serial: Some(text.clone()), name: Some(name.to_owned()), ..line(Event::Reserved, today) })?;
        self.used.insert(text.clone(), Event::Reserved);
        self.reserved.insert(text, name.to_owned());
        Ok(Reservation { serial })
    }

    /// Records that the number went out in `certificate`; only then the certificate may be published.
    ///
    /// # Errors
    /// The register cannot be written.
    pub fn commit(&mut self, reservation: &Reservation, algorithm: &str, certificate: &[u8], today: Date) -> Result<(), RegisterError> {
        let (serial, name) = self.settle(reservation)?;
        self.append(&Line {
            serial: Some(serial.clone()),
            name: Some(name.clone()),
            algorithm: Some(algorithm.to_owned()),
            certificate: Some(hex::encode(certificate)),
            ..line(Event::Issued, today)
        })?;
        self.used.insert(serial.clone(), Event::Issued);
        self.reserved.remove(&serial);
        self.issued.push(Issued { name, serial, algorithm: algorithm.to_owned(), certificate: certificate.to_vec() });
        Ok(())
    }

    /// Records that the number will not be used, and why.
    ///
    /// # Errors
    /// The register cannot be written.
    pub fn burn(&mut self, reservation: &Reservation, reason: &str, today: Date) -> Result<(), RegisterError> {
        let (serial, name) = self.settle(reservation)?;
        self.burn_line(&serial, &name, reason, today)?;
        self.reserved.remove(&serial);
        Ok(())
    }

    fn settle(&self, reservation: &Reservation) -> Result<(String, String), RegisterError> {
        let serial = hex::encode(reservation.serial);
        let name = self.reserved.get(&serial).cloned();
        name.map(|name| (serial, name)).ok_or_else(|| RegisterError::Misuse("a number that is not reserved".to_owned()))
    }

    fn burn_line(&mut self, serial: &str, name: &str, reason: &str, today: Date) -> Result<(), RegisterError> {
        self.append(&Line {
            serial: Some(serial.to_owned()),
            name: Some(name.to_owned()),
            reason: Some(reason.to_owned()),
            ..line(Event::Burned, today)
        })?;
        self.used.insert(serial.to_owned(), Event::Burned);
        Ok(())
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

    fn append(&mut self, line: &Line) -> Result<(), RegisterError> {
        let mut text = serde_json::to_vec(line).map_err(|e| RegisterError::Misuse(e.to_string()))?;
        text.push(b'\n');
        self.write(&text)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RegisterError> {
        self.file
            .write_all(bytes)
            .and_then(|()| self.file.sync_all())
            .map_err(|source| RegisterError::Io { path: self.path.clone(), source })
    }
}

fn line(event: Event, today: Date) -> Line {
    Line { v: VERSION, event, date: today.to_string(), serial: None, name: None, algorithm: None, certificate: None, reason: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> Date {
        Date::new(2026, 11, 21).expect("a day")
    }

    fn rng() -> impl CryptoRng {
        rand_core::UnwrapErr(getrandom::SysRng)
    }

    #[test]
    fn a_number_that_a_crash_left_reserved_is_burned_and_said_so_once() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("register.jsonl");
        let serial = {
            let (mut register, burned) = Register::open(&path, today()).expect("new register");
            assert_eq!(burned, []);
            let first = register.reserve("csca", &mut rng(), today()).expect("reserve");
            register.commit(&first, "ecdsa-sha384", b"certificate", today()).expect("commit");
            let lost = register.reserve("ds", &mut rng(), today()).expect("reserve");
            hex::encode(lost.serial()) // the process ends here
        };
        let (register, burned) = Register::open(&path, today()).expect("reopen");
        assert_eq!(burned.iter().map(|b| (b.serial.as_str(), b.name.as_str())).collect::<Vec<_>>(), [(serial.as_str(), "ds")]);
        assert_eq!(register.find("csca").map(|i| i.certificate.as_slice()), Some(&b"certificate"[..]));
        drop(register);
        let (_, burned) = Register::open(&path, today()).expect("reopen again");
        assert_eq!(burned, []);
    }

    #[test]
    fn a_line_cut_at_any_byte_loses_only_itself() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("register.jsonl");
        let (mut register, _) = Register::open(&path, today()).expect("new register");
        let first = register.reserve("csca", &mut rng(), today()).expect("reserve");
        register.commit(&first, "ecdsa-sha384", b"root", today()).expect("commit");
        let whole = std::fs::metadata(&path).expect("size").len();
        let second = register.reserve("ds", &mut rng(), today()).expect("reserve");
        let reserved = usize::try_from(std::fs::metadata(&path).expect("size").len()).expect("small");
        register.commit(&second, "ecdsa-sha256", b"signer", today()).expect("commit");
        drop(register);
        let full = std::fs::read(&path).expect("bytes");
        for cut in usize::try_from(whole).expect("small")..full.len() {
            std::fs::write(&path, &full[..cut]).expect("cut");
            for opening in 0..2 {
                let (register, burned) = Register::open(&path, today()).unwrap_or_else(|e| panic!("cut at {cut}, opening {opening}: {e}"));
                assert_eq!(register.issued().len(), 1, "cut at {cut}");
                // the number was burned if its reservation had reached the disk whole, and then once
                assert_eq!(burned.len(), usize::from(opening == 0 && cut >= reserved), "cut at {cut}, opening {opening}");
            }
        }
    }

    #[test]
    fn numbers_are_positive_of_sixteen_octets_and_never_come_back() {
        let dir = tempfile::tempdir().expect("directory");
        let (mut register, _) = Register::open(&dir.path().join("register.jsonl"), today()).expect("new register");
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..50 {
            let reservation = register.reserve(&format!("ds{n}"), &mut rng(), today()).expect("reserve");
            assert!(reservation.serial().len() == 16 && (0x40..0x80).contains(&reservation.serial()[0]));
            assert!(seen.insert(reservation.serial().to_vec()));
            register.burn(&reservation, "test", today()).expect("burn");
        }
        assert!(matches!(Register::open(&dir.path().join("register.jsonl"), today()), Err(RegisterError::Locked(_))));
    }

    #[test]
    fn a_line_of_someone_else_is_refused_with_its_number() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("register.jsonl");
        for (text, wanted) in [
            ("not json\n", 1),
            ("{\"v\":2,\"event\":\"torn\",\"date\":\"2026-11-21\"}\n", 1),
            (
                "{\"v\":1,\"event\":\"torn\",\"date\":\"2026-11-21\"}\n{\"v\":1,\"event\":\"issued\",\"date\":\"x\",\"serial\":\"01\",\"name\":\"ds\"}\n",
                2,
            ),
        ] {
            std::fs::write(&path, text).expect("write");
            let error = Register::open(&path, today()).expect_err("must be refused");
            assert!(matches!(error, RegisterError::Corrupt { line, .. } if line == wanted), "{error}");
        }
    }
}
