//! CV certificates on the register and the keys of an authority.
//!
//! ```text
//! HOLDER.cvcert                 CVCA (self-signed) and document verifiers: UTCVCAUT001.cvcert
//! NEW_OLD.cvcert                link: UTCVCAUT002_UTCVCAUT001.cvcert
//! HOLDER.key                    their keys, where they are files
//! terminals/HOLDER/             what a terminal needs: its key, its certificate, that of its document verifier, links
//! ```
//!
//! The sequence number of a holder comes from the register: a series for each country and mnemonic counts from 1, and a number that a crash
//! or a refusal burned is never used again. Order of every issue: the issuer's key is opened, the number reserved, the holder's key made,
//! the certificate signed, its line written, its files published; opening publishes what a crash left out. Each key has one certificate:
//! who needs the next one gets the next number, or asks with a request whose name is its own.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{Applicant, CvError, Issuer, Period, Proof, Tables, request};
use crate::file::{self, Readers};
use crate::keys::{KeyStore, KeyStoreError};
use crate::register::{Kind, Register, RegisterError};
use eid::cert::CertError;
use eid::cert::chat::{Role, TerminalType};
use eid::cert::cvc::{Cvc, Holder, KeyReference, Request};
use eid::crypto::hash::Hash;
use eid::crypto::signature::Algorithm;
use eid::date::Date;
use eid::lds::Elementary as _;
use eid::lds::cvca::Cvca as EfCvca;

mod make;
mod names;

pub use names::sequence;

/// What the register calls a key that was made elsewhere.
const ELSEWHERE: &str = "elsewhere";
/// Begin of the names of the series.
const SERIES: &str = "cv ";

/// Why the office did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// The certificate cannot be.
    #[error(transparent)]
    Cv(#[from] CvError),
    /// The register.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyStoreError),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A certificate in the register that does not read.
    #[error("certificate of {name}: {source}")]
    Certificate {
        /// Whose.
        name: String,
        /// What is wrong.
        source: CertError,
    },
    /// Something has to be done before.
    #[error("{0}")]
    Order(String),
    /// A name that cannot be part of a holder reference.
    #[error("mnemonic of {name}: expected 1 to 9 letters and digits, found {found:?}")]
    Mnemonic {
        /// Whose.
        name: String,
        /// What is there.
        found: String,
    },
}

/// A certificate that was issued here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Name of its file: the holder, for a link the new and the old holder.
    pub name: String,
    /// Its name in `pki.toml`: `border`, `gate-1`; the abbreviation of the terminal type for a CVCA.
    pub declared: String,
    /// The algorithm of its key.
    pub algorithm: Algorithm,
    /// Where its key is: `file`, `token NAME`, `elsewhere`.
    pub key: String,
    /// The certificate.
    pub certificate: Cvc,
    /// What departs from the advice of the standards; only of what was issued now.
    pub remarks: Vec<String>,
}

impl Record {
    /// Whether it is a link.
    #[must_use]
    pub fn is_link(&self) -> bool {
        self.certificate.chat().role() == Role::Cvca && !self.certificate.is_self_issued()
    }

    /// Whether its key is held here.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key != ELSEWHERE
    }
}

/// Whose key a new certificate is for.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// One that is made now, in the store for this folder.
    Made(&'a dyn Fn(&Path) -> Rc<dyn KeyStore>),
    /// One that is held elsewhere and asks.
    Requested {
        /// The request.
        request: &'a Request,
        /// Who has seen that a first request is from whom it names.
        seen_by: Option<&'a str>,
        /// CVCA certificates of other countries that may vouch for their document verifiers, each trusted by who gives it.
        vouchers: &'a [Cvc],
    },
}

impl std::fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Made(_) => f.write_str("Made"),
            Self::Requested { request, .. } => write!(f, "Requested({})", request.holder()),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// Name in `pki.toml`.
    pub name: &'a str,
    /// Rights; those of `pki.toml` if there are none.
    pub rights: &'a [String],
    /// Days; those of `pki.toml` if not given.
    pub period: Period,
    /// Who asks; it goes into the register.
    pub by: &'a str,
    /// The day.
    pub today: Date,
}

/// The CV side of an authority.
#[derive(Debug)]
pub struct Office<'a> {
    directory: PathBuf,
    register: &'a mut Register,
    tables: Tables,
    records: Vec<Record>,
}

impl<'a> Office<'a> {
    /// The office in the folder of an authority. What was issued and not published is published.
    ///
    /// # Errors
    /// A certificate in the register does not read, or a file cannot be written.
    pub fn new(directory: &Path, register: &'a mut Register, tables: Tables) -> Result<Self, OfficeError> {
        let issued = register.entries().iter().filter(|entry| entry.kind == Kind::Issued && entry.series.starts_with(SERIES));
        let records = issued.map(|entry| {
            // the name of the entry is that of the series, since the number was not known when it was reserved
            let name = entry.detail("file").to_owned();
            let wrong = |source| OfficeError::Certificate { name: name.clone(), source };
            let certificate = Cvc::from_der(&entry.data).map_err(wrong)?;
            Ok(Record {
                name,
                declared: entry.detail("declared").to_owned(),
                algorithm: certificate.key().algorithm(),
                key: entry.detail("key").to_owned(),
                certificate,
                remarks: Vec::new(),
            })
        });
        let records = records.collect::<Result<Vec<_>, OfficeError>>()?;
        let office = Self { directory: directory.to_owned(), register, tables, records };
        for record in &office.records {
            office.publish(record)?;
        }
        Ok(office)
    }

    /// What `pki.toml` declares.
    #[must_use]
    pub const fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Everything that was issued, the oldest first.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The CVCA keys for terminals of a type, the newest first.
    pub fn cvcas(&self, terminal: TerminalType) -> impl Iterator<Item = &Record> {
        let of_type = move |record: &&Record| record.certificate.chat().terminal() == terminal;
        self.records.iter().rev().filter(|record| record.certificate.chat().role() == Role::Cvca && !record.is_link()).filter(of_type)
    }

    /// The links between them, the newest first.
    pub fn links(&self, terminal: TerminalType) -> impl Iterator<Item = &Record> {
        let of_type = move |record: &&Record| record.certificate.chat().terminal() == terminal;
        self.records.iter().rev().filter(|record| record.is_link()).filter(of_type)
    }

    /// What a card that is made `today` is given to trust: the newest CVCA key, and the one before if it has not expired.
    #[must_use]
    pub fn trust_points(&self, terminal: TerminalType, today: Date) -> Vec<&Record> {
        self.cvcas(terminal).filter(|record| record.certificate.expiry() >= today).take(2).collect()
    }

    /// EF.CVCA of such a card; `None` if there is nothing to trust.
    #[must_use]
    pub fn ef_cvca(&self, terminal: TerminalType, today: Date) -> Option<Vec<u8>> {
        let points = self.trust_points(terminal, today);
        let mut names = points.iter().map(|record| record.certificate.holder().clone());
        names.next().map(|current| EfCvca { current, previous: names.next() }.encode())
    }

    /// The file of a certificate; for a terminal the one in its folder.
    #[must_use]
    pub fn path(&self, record: &Record) -> PathBuf {
        let file = format!("{}.cvcert", record.name);
        match record.certificate.chat().role() {
            Role::Terminal => self.folder(record.certificate.holder()).join(file),
            _ => self.directory.join(file),
        }
    }

    /// The folder of a terminal: its key, and everything that it shows to a card.
    #[must_use]
    pub fn folder(&self, terminal: &KeyReference) -> PathBuf {
        self.directory.join("terminals").join(terminal.to_string())
    }

    /// The document verifier of that name whose certificate is newest and whose key is held here; of no name the only one.
    ///
    /// # Errors
    /// There is none, or several and no name.
    pub fn document_verifier(&self, name: Option<&str>) -> Result<&Record, OfficeError> {
        let mut own = self.records.iter().rev().filter(|record| record.certificate.chat().role().is_dv() && record.has_key());
        let Some(name) = name else {
            let newest = own.next().ok_or_else(|| OfficeError::Order("there is no document verifier with a key here".into()))?;
            return match own.find(|other| other.declared != newest.declared) {
                None => Ok(newest),
                Some(other) => Err(OfficeError::Order(format!(
                    "there are several document verifiers ({}, {}): expected the name of one",
                    newest.declared, other.declared
                ))),
            };
        };
        own.find(|record| record.declared == name)
            .ok_or_else(|| OfficeError::Order(format!("there is no document verifier {name} with a key here")))
    }

    /// The newest CVCA key for terminals of a type.
    ///
    /// # Errors
    /// There is none.
    pub fn newest_cvca(&self, terminal: TerminalType) -> Result<&Record, OfficeError> {
        self.cvcas(terminal).next().ok_or_else(|| OfficeError::Order(format!("there is no CVCA for a {} yet", terminal.name())))
    }

    /// What a request proves, with everything that is known here, and that its name is free.
    fn check(
        &self,
        request: &Request,
        issuer: &Issuer,
        seen_by: Option<&str>,
        vouchers: &[Cvc],
        today: Date,
    ) -> Result<(Applicant, Proof), OfficeError> {
        let holder = request.holder();
        let good = |record: &&Record| (record.certificate.effective()..=record.certificate.expiry()).contains(&today);
        let own = |record: &&Record| {
            let known = record.certificate.holder();
            record.certificate.chat().terminal() == issuer.holder().chat.terminal()
                && (known.country(), known.mnemonic()) == (holder.country(), holder.mnemonic())
        };
        let newest = self.records.iter().rev().filter(good).find(own).map(|record| record.certificate.holder());
        let known = |reference: &KeyReference| -> Option<Holder> {
            let here =
                self.records.iter().filter(good).filter(|record| !record.is_link()).find(|record| record.certificate.holder() == reference);
            let voucher = || vouchers.iter().find(|voucher| voucher.holder() == reference && voucher.expiry() >= today);
            let issuer = match here {
                Some(record) => self.issuer(record).ok(),
                None => voucher().and_then(|voucher| Issuer::new(std::slice::from_ref(voucher)).ok()),
            };
            issuer.map(|issuer| issuer.holder().clone())
        };
        let (applicant, proof) = request::check(request, issuer, known, newest)?;
        if self.taken(holder) {
            return Err(CvError::Name { expected: "a name that no key has had".into(), found: holder.to_string() }.into());
        }
        if proof == Proof::KeyOnly && seen_by.is_none() {
            let fingerprint = hex::encode(Hash::Sha256.digest(&[request.der()]));
            return Err(CvError::Unseen { holder: holder.clone(), fingerprint }.into());
        }
        Ok((applicant, proof))
    }

    fn taken(&self, holder: &KeyReference) -> bool {
        self.records.iter().any(|record| record.certificate.holder() == holder)
    }

    /// The issuer that a certificate makes: below the self-signed CVCA certificate that it names.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn issuer(&self, record: &Record) -> Result<Issuer, OfficeError> {
        let mut chain = vec![record.certificate.clone()];
        while let Some(top) = chain.first().filter(|top| !top.is_self_issued() && chain.len() < 4) {
            let above = self.records.iter().find(|other| other.certificate.holder() == top.authority() && !other.is_link());
            let above = above.ok_or_else(|| CvError::IssuerChain(format!("no certificate of {} is here", top.authority())))?;
            chain.insert(0, above.certificate.clone());
        }
        Ok(Issuer::new(&chain)?)
    }

    /// Writes the files of a certificate that are not there.
    fn publish(&self, record: &Record) -> Result<(), OfficeError> {
        let path = self.path(record);
        if path.exists() {
            return Ok(());
        }
        if record.certificate.chat().role() == Role::Terminal {
            let folder = self.folder(record.certificate.holder());
            make_folder(&folder)?;
            let above = self.records.iter().filter(|other| other.certificate.holder() == record.certificate.authority());
            for other in above.chain(self.links(record.certificate.chat().terminal())) {
                write(&folder.join(format!("{}.cvcert", other.name)), other.certificate.der())?;
            }
        }
        // the last one, as its presence says that all are there
        write(&path, record.certificate.der())
    }
}

fn make_folder(path: &Path) -> Result<(), OfficeError> {
    std::fs::create_dir_all(path).map_err(|source| OfficeError::Io { path: path.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), OfficeError> {
    if path.exists() {
        return Ok(());
    }
    file::write(path, bytes, Readers::All, false).map_err(|source| OfficeError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
