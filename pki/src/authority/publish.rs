//! What an authority publishes besides certificates: revocation lists, master lists, deviation lists, records for the PKD.
//!
//! ```text
//! csca.crl             the newest revocation list      master-list.ml   the newest master list
//! deviation-list.dvl   the newest deviation list
//! ```
//!
//! Each list has a number of its series (`crl`, `master-list`, `deviation-list`) and stands whole in the register before its file is
//! written; a file that a crash left out or behind is written on the next opening. Numbers of lists that failed are burned: they grow, and
//! need not be without gaps.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use eid::cert::crl::{Crl, Reason};
use eid::cert::deviation_list::DeviationList;
use eid::cert::master_list::MasterList;
use eid::cert::x509::Certificate;
use eid::cert::{CertError, Time};
use eid::crypto::hash::Hash;
use eid::date::Date;
use eid::signer::Signer;

use super::{Authority, PkiError};
use crate::crl::{self, CrlError, CrlParameters, Revocation};
use crate::deviation_list::describe::{self, DescribeError};
use crate::export::{self, Published};
use crate::file::{self, Readers};
use crate::foreign::ForeignError;
use crate::register::{Event, Kind, Register, RegisterError};
use crate::request::RequestError;
use crate::signed_list::{ListIssueError, ListSigner};
use crate::{deviation_list, lint, master_list};

/// The file of the newest revocation list.
pub const CRL_FILE: &str = "csca.crl";
/// The file of the newest master list.
pub const MASTER_LIST_FILE: &str = "master-list.ml";
/// The file of the newest deviation list.
pub const DEVIATION_LIST_FILE: &str = "deviation-list.dvl";

/// The lists with numbers: series in the register, and file.
const SERIES: [(&str, &str); 3] = [("crl", CRL_FILE), ("master-list", MASTER_LIST_FILE), ("deviation-list", DEVIATION_LIST_FILE)];

/// Days within which a revocation must be published (Doc 9303-12 clause 7.1.4: 48 hours).
pub const REVOCATION_DAYS: i64 = 2;

/// Why nothing was published, revoked, or taken in.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file cannot be written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The authority.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The register.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// What is in the register does not read.
    #[error("{what} in the register: {source}")]
    Stored {
        /// What it is.
        what: String,
        /// What is wrong.
        source: CertError,
    },
    /// Nothing was issued under that name or number.
    #[error("no certificate was issued as {0}")]
    Unknown(String),
    /// It was revoked before.
    #[error("{name} was revoked on {date} already, for {reason}")]
    Revoked {
        /// The certificate.
        name: String,
        /// When.
        date: Date,
        /// Why.
        reason: &'static str,
    },
    /// No signer of lists that is neither revoked nor out of use.
    #[error("there is no signer for the list: expected a certificate in the role {0} that is in use and not revoked")]
    NoSigner(&'static str),
    /// The signer's CSCA is not here.
    #[error("no CSCA of this authority issued the certificate {0}")]
    NoIssuer(String),
    /// A root is not on its own list.
    #[error("{0} is a root: no list of its own takes trust away from it; tell those who hold it, and go on with a new key")]
    Root(String),
    /// The clock is behind the newest list.
    #[error("the newest revocation list is of {newest}, and today is {today}: the clock is wrong")]
    Clock {
        /// Of the newest list.
        newest: Date,
        /// The day that was given.
        today: Date,
    },
    /// The revocation list.
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// The master list or deviation list.
    #[error(transparent)]
    List(#[from] ListIssueError),
    /// What was made breaks a rule: it is not given out.
    #[error("what was made breaks the profile: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Lint(Vec<lint::Finding>),
    /// The file of deviations.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// The certificates that were handed over.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    /// The request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// One key, one certificate.
    #[error("the key of the request is that of {0}, and a key has one certificate")]
    KnownKey(String),
    /// There is nothing to export.
    #[error("there is nothing to export: expected a document signer, a revocation list, or a master list")]
    Nothing,
}

/// A revocation in the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// The certificate.
    pub name: String,
    /// Serial number in hex.
    pub serial: String,
    /// When.
    pub date: Time,
    /// Why.
    pub reason: Reason,
    /// Who asked.
    pub by: String,
}

/// A certificate that was left out of a master list, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its subject.
    pub subject: String,
    /// Why.
    pub why: &'static str,
}

impl Authority {
    /// Revokes what was issued under a name or serial number (hex). It stands in the register at once, and in the next list
    /// ([`issue_crl`](Self::issue_crl)), which must be out within [`REVOCATION_DAYS`].
    ///
    /// # Errors
    /// There is no such certificate, it is a root, it was revoked before, or the reason is none of [`crl::REASONS`].
    pub fn revoke(&mut self, what: &str, reason: Reason, by: &str, now: Time) -> Result<Revoked, PublishError> {
        let digits = what.replace([':', ' '], "").to_ascii_lowercase();
        let issued = self.register.find(what).or_else(|| self.register.issued().iter().find(|issued| issued.serial == digits));
        let issued = issued.ok_or_else(|| PublishError::Unknown(what.chars().take(80).collect()))?;
        if issued.role == "csca" {
            return Err(PublishError::Root(issued.name.clone()));
        }
        if !crl::REASONS.contains(&reason) {
            return Err(CrlError::Reason(reason.name()).into());
        }
        if let Some(before) = self.revoked().into_iter().find(|revoked| revoked.serial == issued.serial) {
            return Err(PublishError::Revoked { name: before.name, date: before.date.date, reason: before.reason.name() });
        }
        let revoked = Revoked { name: issued.name.clone(), serial: issued.serial.clone(), date: now, reason, by: by.to_owned() };
        let event = Event::new(Kind::Revoked, &revoked.name, by)
            .with("serial", &revoked.serial)
            .with("reason", reason.name())
            .with("time", now.generalized());
        self.register.record(event, now.date)?;
        Ok(revoked)
    }

    /// Everything that was revoked, in order.
    #[must_use]
    pub fn revoked(&self) -> Vec<Revoked> {
        let entries = self.register.entries().iter().filter(|entry| entry.kind == Kind::Revoked && !entry.detail("serial").is_empty());
        let read = |entry: &crate::register::Entry| Revoked {
            name: entry.name.clone(),
            serial: entry.detail("serial").to_owned(),
            date: time(entry.detail("time")).unwrap_or_else(|| Time::midnight(entry.date)),
            reason: Reason::from_name(entry.detail("reason")).unwrap_or(Reason::Unspecified),
            by: entry.by.clone(),
        };
        entries.map(read).collect()
    }

    /// Signs and publishes the next revocation list with the newest CSCA key, which `signer` holds. The list names all that was ever
    /// revoked, also below the keys before; names that the CSCA had before stand in issuerAltName.
    ///
    /// # Errors
    /// The clock is behind the newest list, a parameter breaks a rule, the signer refuses, or a file cannot be written.
    pub fn issue_crl(&mut self, signer: &dyn Signer, parameters: CrlParameters, by: &str, now: Time) -> Result<Crl, PublishError> {
        if let Some(newest) = self.newest_crl()?.filter(|newest| newest.this_update() > now) {
            return Err(PublishError::Clock { newest: newest.this_update().date, today: now.date });
        }
        let of = |revoked: Revoked| Revocation {
            serial: hex::decode(&revoked.serial).unwrap_or_default(),
            date: revoked.date,
            reason: revoked.reason,
        };
        let revoked: Vec<_> = self.revoked().into_iter().map(of).collect();
        let csca = self.csca()?.clone();
        let roots = self.issued_certificates("csca")?;
        let mut former: Vec<&[u8]> = Vec::new();
        for root in &roots {
            if root.subject() != csca.subject() && !former.contains(&root.subject()) {
                former.push(root.subject());
            }
        }
        let previous = self.newest_crl()?;
        let context = lint::Context {
            kind: Some(lint::Kind::Crl),
            issuer: Some(csca.der()),
            previous: previous.as_ref().map(Crl::der),
            // who asks for reasons knows that the profile forbids them
            waived: if parameters.reasons { &["CR-008"] } else { &[] },
            ..lint::Context::default()
        };
        let make = |number| Ok(crl::issue(&csca, signer, number, &revoked, &former, now, parameters)?);
        self.numbered("crl", by, now, &context, make, Crl::der)
    }

    /// The newest revocation list, if there is one.
    ///
    /// # Errors
    /// It does not read.
    pub fn newest_crl(&self) -> Result<Option<Crl>, PublishError> {
        let read = |bytes| Crl::from_der(bytes).map_err(|source| PublishError::Stored { what: "revocation list".to_owned(), source });
        newest(&self.register, "crl").map(read).transpose()
    }

    /// The newest signer of lists in `role` (`mls`, `dls`) whose key is in use on `day` and that is not revoked.
    ///
    /// # Errors
    /// There is none.
    pub fn list_signer(&self, role: &'static str, day: Date) -> Result<&str, PublishError> {
        let revoked: Vec<String> = self.revoked().into_iter().map(|revoked| revoked.serial).collect();
        let in_use = |issued: &&crate::register::Issued| {
            let until = |certificate: Certificate| {
                let key = certificate.extensions().private_key_usage.and_then(|period| period.not_after);
                key.unwrap_or_else(|| certificate.not_after()).date
            };
            let last = Certificate::from_der(&issued.certificate).map(until);
            issued.role == role && !revoked.contains(&issued.serial) && last.is_ok_and(|last| day <= last)
        };
        let newest = self.register.issued().iter().rev().find(in_use);
        newest.map(|issued| issued.name.as_str()).ok_or(PublishError::NoSigner(role))
    }

    /// The certificate that was issued as `name`, and that of the CSCA which issued it.
    fn with_issuer(&self, name: &str) -> Result<(Certificate, Certificate), PublishError> {
        let issued = self.register.find(name).ok_or_else(|| PublishError::Unknown(name.to_owned()))?;
        let stored = |source| PublishError::Stored { what: name.to_owned(), source };
        let certificate = Certificate::from_der(&issued.certificate).map_err(stored)?;
        let signed = |csca: &&Certificate| csca.key().is_ok_and(|key| certificate.verify_signed_by(key).is_ok());
        let csca = self.issued_certificates("csca")?.iter().find(signed).cloned();
        Ok((certificate, csca.ok_or_else(|| PublishError::NoIssuer(name.to_owned()))?))
    }

    pub(super) fn country(&self) -> String {
        self.hierarchy.authority.country.to_uppercase()
    }

    /// Signs and publishes a master list of the own CSCA and link certificates and of those that others handed over, without those that have
    /// expired or are revoked. `name` is that of the list signer, whose key `signer` holds.
    ///
    /// # Errors
    /// The signer is not for master lists or not in use, it refuses, or a file cannot be written.
    pub fn issue_master_list(
        &mut self,
        name: &str,
        signer: &dyn Signer,
        by: &str,
        now: Time,
    ) -> Result<(MasterList, Vec<LeftOut>), PublishError> {
        let (certificate, csca) = self.with_issuer(name)?;
        let signer = ListSigner { certificate: &certificate, csca: &csca, signer };
        let mut entries = self.issued_certificates("csca")?;
        entries.extend(self.issued_certificates("link")?);
        entries.extend(self.foreign()?.into_iter().map(|foreign| foreign.certificate));
        let revoked: Vec<String> = self.revoked().into_iter().map(|revoked| revoked.serial).collect();
        let own = Some(self.country());
        let (mut taken, mut left): (Vec<&Certificate>, Vec<LeftOut>) = (Vec::new(), Vec::new());
        for entry in &entries {
            let why = if entry.not_after().date < now.date {
                Some("it has expired")
            } else if entry.subject_country() == own && revoked.contains(&hex::encode(entry.serial())) {
                Some("it is revoked")
            } else {
                None
            };
            match why {
                Some(why) => left.push(LeftOut { subject: entry.subject_text(), why }),
                None if taken.contains(&entry) => {}
                None => taken.push(entry),
            }
        }
        let context = lint::Context { kind: Some(lint::Kind::MasterList), ..lint::Context::default() };
        let make = |_| Ok(master_list::issue(&taken, &signer, now)?);
        let list = self.numbered("master-list", by, now, &context, make, |list| list.signed.der())?;
        Ok((list, left))
    }

    /// Signs and publishes a deviation list as `file` describes it. A list replaces the one before as a whole. `certificate` finds what is
    /// no name in the register: a file. `name` is that of the list signer, whose key `signer` holds.
    ///
    /// # Errors
    /// The file breaks a rule, the signer is not for deviation lists or not in use, it refuses, or a file cannot be written.
    pub fn issue_deviation_list(
        &mut self,
        file: &describe::File,
        (name, signer): (&str, &dyn Signer),
        certificate: &mut dyn FnMut(&str) -> Result<Certificate, String>,
        by: &str,
        now: Time,
    ) -> Result<DeviationList, PublishError> {
        let (own, csca) = self.with_issuer(name)?;
        let hash = signer.algorithm().hash();
        let signer = ListSigner { certificate: &own, csca: &csca, signer };
        let mut find = |name: &str| match self.register.find(name) {
            Some(issued) => Certificate::from_der(&issued.certificate).map_err(|error| error.to_string()),
            None => certificate(name),
        };
        let deviations = describe::deviations(file, &self.country(), hash, &mut find)?;
        let context = lint::Context { kind: Some(lint::Kind::DeviationList), ..lint::Context::default() };
        let make = |_| Ok(deviation_list::issue(&deviations, hash, &signer, now)?);
        self.numbered("deviation-list", by, now, &context, make, |list| list.signed.der())
    }

    /// The records for the PKD, as LDIF: certificates of document signers and list signers that have not expired and are not revoked,
    /// the newest revocation list and master list. `out` must not exist.
    ///
    /// # Errors
    /// There is nothing to export, or the file is there or cannot be written.
    pub fn export(&mut self, out: &Path, by: &str, now: Time) -> Result<usize, PublishError> {
        let mut certificates = Vec::new();
        for role in ["ds", "mls", "dls"] {
            certificates.extend(self.issued_certificates(role)?);
        }
        let revoked: Vec<String> = self.revoked().into_iter().map(|revoked| revoked.serial).collect();
        certificates.retain(|c| c.not_after().date >= now.date && !revoked.contains(&hex::encode(c.serial())));
        let crls: Vec<_> = self.newest_crl()?.into_iter().collect();
        let list = newest(&self.register, "master-list").map(MasterList::parse).transpose();
        let master_list = list.map_err(|source| PublishError::Stored { what: "master list".to_owned(), source })?;
        if certificates.is_empty() && crls.is_empty() && master_list.is_none() {
            return Err(PublishError::Nothing);
        }
        let published =
            Published { certificates: &certificates, crls: &crls, master_list: master_list.as_ref(), version: self.register.head().count };
        let records = export::pkd(&self.country(), &published);
        let text = export::ldif(&records);
        file::write(out, text.as_bytes(), Readers::All, false).map_err(|source| PublishError::Io { path: out.to_owned(), source })?;
        let event = Event::new(Kind::Published, "pkd-export", by)
            .with("records", records.len().to_string())
            .with("sha256", hex::encode(Hash::Sha256.digest(&[text.as_bytes()])));
        self.register.record(event, now.date)?;
        Ok(records.len())
    }

    /// The certificates that were issued in a role, in order.
    fn issued_certificates(&self, role: &str) -> Result<Vec<Certificate>, PublishError> {
        let of_role = self.register.issued().iter().filter(|issued| issued.role == role);
        let read = |issued: &crate::register::Issued| {
            Certificate::from_der(&issued.certificate).map_err(|source| PublishError::Stored { what: issued.name.clone(), source })
        };
        of_role.map(read).collect()
    }

    /// Reserve the next number of a series, make what bears it, judge it, commit, write its file.
    fn numbered<T>(
        &mut self,
        series: &str,
        by: &str,
        now: Time,
        context: &lint::Context<'_>,
        make: impl FnOnce(u64) -> Result<T, PublishError>,
        der: impl Fn(&T) -> &[u8],
    ) -> Result<T, PublishError> {
        let reservation = self.register.reserve_next(series, series, by, now.date)?;
        let judged = make(reservation.number()).and_then(|made| {
            let errors: Vec<_> = lint::lint(der(&made), context).errors().cloned().collect();
            if errors.is_empty() { Ok(made) } else { Err(PublishError::Lint(errors)) }
        });
        let made = match judged {
            Ok(made) => made,
            Err(error) => {
                self.register.burn(&reservation, &error.to_string(), now.date)?;
                return Err(error);
            }
        };
        self.register.commit(&reservation, &[("time", &now.generalized())], der(&made), now.date)?;
        restore(&self.directory, &self.register).map_err(|(path, source)| PublishError::Io { path, source })?;
        Ok(made)
    }
}

/// What the newest entry of a series holds.
fn newest<'a>(register: &'a Register, series: &str) -> Option<&'a [u8]> {
    let issued = |entry: &&crate::register::Entry| entry.kind == Kind::Issued && entry.series == series;
    register.entries().iter().rev().find(issued).map(|entry| entry.data.as_slice())
}

/// Writes the files of the newest lists where they are not what the register says: after a list was made, and after a crash.
pub(super) fn restore(directory: &Path, register: &Register) -> Result<(), (PathBuf, io::Error)> {
    for (series, name) in SERIES {
        let path = directory.join(name);
        let wrap = |source| (path.clone(), source);
        let Some(bytes) = newest(register, series) else { continue };
        let there = match fs::read(&path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(wrap(error)),
        };
        if there.as_deref() != Some(bytes) {
            file::write(&path, bytes, Readers::All, true).map_err(wrap)?;
        }
    }
    Ok(())
}

/// `YYYYMMDDHHMMSSZ`, as [`Time::generalized`] writes it.
fn time(text: &str) -> Option<Time> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let date = Date::new(number(0, 4)?.try_into().ok()?, number(4, 6)?.try_into().ok()?, number(6, 8)?.try_into().ok()?).ok()?;
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    (text.len() == 15 && hour < 24 && minute < 60 && second <= 60).then_some(Time { date, second: hour * 3600 + minute * 60 + second })
}
