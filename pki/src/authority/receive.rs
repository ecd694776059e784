//! What comes to an authority from elsewhere: CSCA certificates of other states, and requests of document signers that live elsewhere.
//!
//! Who handed something over stands in the register, with the day and the SHA-256 of the file, and the thing itself. A hand-over is taken
//! as a whole or refused as a whole.

use eid::cert::request::Request;
use eid::cert::trust::Tier;
use eid::cert::x509::Certificate;
use eid::cert::{CertError, Time};
use eid::crypto::hash::Hash;
use eid::date::Date;

use super::Authority;
use super::publish::PublishError;
use crate::foreign::{self, ForeignError, Role};
use crate::register::{Event, Kind};
use crate::request;

/// How something was handed over.
#[derive(Clone, Copy, Debug)]
pub struct HandOver<'a> {
    /// By whom: an office, a person, an address.
    pub from: &'a str,
    /// How directly.
    pub tier: Tier,
    /// Name of the file.
    pub file: &'a str,
    /// Who takes it in.
    pub by: &'a str,
}

/// A certificate of another state, as the register has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The certificate.
    pub certificate: Certificate,
    /// Root or link.
    pub role: Role,
    /// Who handed it over first.
    pub from: String,
    /// How directly.
    pub tier: Tier,
    /// When.
    pub date: Date,
}

/// What an import did with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The certificate.
    pub certificate: Certificate,
    /// Root or link.
    pub role: Role,
    /// Whether a known key is proved to have signed it; always for a root.
    pub proved: bool,
    /// Whether it is new; else the register knows it from the same source.
    pub new: bool,
}

impl Authority {
    /// The certificates of other states that were handed over, each once, in the order of their first hand-over.
    ///
    /// # Errors
    /// One of them does not read.
    pub fn foreign(&self) -> Result<Vec<Foreign>, PublishError> {
        let mut out: Vec<Foreign> = Vec::new();
        for entry in self.register.entries().iter().filter(|entry| entry.kind == Kind::Imported && !entry.data.is_empty()) {
            let stored = |source: CertError| PublishError::Stored { what: format!("certificate of {}", entry.name), source };
            let certificate = Certificate::from_der(&entry.data).map_err(stored)?;
            if out.iter().any(|known| known.certificate == certificate) {
                continue;
            }
            let role = if entry.detail("role") == Role::Link.name() { Role::Link } else { Role::Root };
            let tier = foreign::tier(entry.detail("tier")).unwrap_or(Tier::IcaoList);
            out.push(Foreign { certificate, role, from: entry.detail("from").to_owned(), tier, date: entry.date });
        }
        Ok(out)
    }

    /// Takes in the certificates of a file that another state handed over.
    ///
    /// # Errors
    /// Something in it is no CSCA certificate of another state, or is damaged, or nobody is named who handed it over; then nothing is taken.
    pub fn import(&mut self, bytes: &[u8], over: &HandOver<'_>, now: Time) -> Result<Vec<Taken>, PublishError> {
        if over.from.trim().is_empty() {
            return Err(ForeignError::Nobody.into());
        }
        let own = self.country();
        let known: Vec<_> = self.foreign()?.into_iter().map(|foreign| foreign.certificate).collect();
        let received = foreign::receive(foreign::certificates(bytes)?, &own, &known)?;
        let file = hex::encode(Hash::Sha256.digest(&[bytes]));
        let mut out = Vec::new();
        for received in received {
            let sha256 = hex::encode(received.certificate.fingerprint());
            let again = |entry: &&crate::register::Entry| {
                entry.kind == Kind::Imported
                    && entry.detail("sha256") == sha256
                    && (entry.detail("from"), entry.detail("tier")) == (over.from, over.tier.name())
            };
            let new = self.register.entries().iter().find(again).is_none();
            if new {
                let country = received.certificate.subject_country().unwrap_or_default();
                let mut event = Event::new(Kind::Imported, &country, over.by)
                    .with("from", over.from)
                    .with("tier", over.tier.name())
                    .with("file", over.file)
                    .with("file-sha256", file.as_str())
                    .with("role", received.role.name())
                    .with("subject", received.certificate.subject_text())
                    .with("sha256", sha256)
                    .with_data(received.certificate.der());
                if let Some(by) = received.proved_by {
                    event = event.with("proved-by", hex::encode(by));
                }
                self.register.record(event, now.date)?;
            }
            let proved = received.proved_by.is_some();
            out.push(Taken { certificate: received.certificate, role: received.role, proved, new });
        }
        Ok(out)
    }

    /// Judges the request of a document signer that lives elsewhere, and writes down that it came: proof of possession, strength, name.
    /// What is issued for it is told by [`issue_ds_for_key`](Self::issue_ds_for_key).
    ///
    /// # Errors
    /// The request is refused, or its key has a certificate already.
    pub fn receive_request(&mut self, bytes: &[u8], name: &str, by: &str, now: Time) -> Result<Request, PublishError> {
        let request = request::check(bytes, &self.country())?;
        for issued in self.register.issued() {
            let certificate =
                Certificate::from_der(&issued.certificate).map_err(|source| PublishError::Stored { what: issued.name.clone(), source })?;
            if certificate.key().is_ok_and(|key| key.key == request.key.key) {
                return Err(PublishError::KnownKey(issued.name.clone()));
            }
        }
        let event = Event::new(Kind::Requested, name, by)
            .with("subject", request.subject_text())
            .with("sha256", hex::encode(Hash::Sha256.digest(&[request.der()])))
            .with_data(request.der());
        self.register.record(event, now.date)?;
        Ok(request)
    }
}
