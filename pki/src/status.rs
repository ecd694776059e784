//! What expires when, and what is to be done: computed from the register and `pki.toml` for a day that is given.

use eid::cert::crl::Crl;
use eid::cert::x509::Certificate;
use eid::date::Date;

use crate::authority::{Authority, PkiError};
use crate::register::{Head, Kind};

/// Days before the end of a CSCA key's use from which a rollover is due: relying parties need the new root before the first document.
const ROLLOVER_DAYS: i64 = 180;
/// Days before the end of a signer's key use, or of a CRL, from which the next one is due.
const SOON_DAYS: i64 = 14;

/// The state of an authority on a day.
#[derive(Clone, Debug)]
pub struct Status {
    /// The day.
    pub date: Date,
    /// Certificates, in the order they were issued.
    pub certificates: Vec<CertificateStatus>,
    /// The last CRL: its number and the day of the next.
    pub crl: Option<CrlStatus>,
    /// What is to be done, the most urgent first.
    pub todo: Vec<Task>,
    /// Count and hash of the register: write them down elsewhere.
    pub register: Head,
}

/// A certificate on that day.
#[derive(Clone, Debug)]
pub struct CertificateStatus {
    /// Name of its files.
    pub name: String,
    /// `csca`, `link`, `ds`, `mls`, `dls`.
    pub role: String,
    /// Where its key is.
    pub key: String,
    /// First and last day of the certificate.
    pub valid: (Date, Date),
    /// Last day on which its key may sign.
    pub key_until: Date,
    /// What that means on the day.
    pub state: State,
}

/// What a certificate is good for on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its key signs.
    Signs,
    /// Its key signs no more, what it signed is good.
    Verifies,
    /// Its first day is to come.
    NotYet,
    /// Its last day is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl State {
    /// `signs`, `verifies`, `not-yet`, `expired`, `revoked`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signs => "signs",
            Self::Verifies => "verifies",
            Self::NotYet => "not-yet",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// The last CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlStatus {
    /// Its number.
    pub number: String,
    /// The day it was issued.
    pub issued: Date,
    /// The day by which the next one is there.
    pub next_update: Option<Date>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The day by which it should be done; in the past: it is overdue.
    pub due: Date,
    /// What and why.
    pub what: String,
    /// The command, with `DIR` for the folder.
    pub command: &'static str,
}

/// The state of `authority` on `date`.
///
/// # Errors
/// A certificate or a CRL in the register does not read.
pub fn of(authority: &Authority, date: Date) -> Result<Status, PkiError> {
    let certificates = certificates(authority, date)?;
    let crl = last_crl(authority)?;
    let mut todo = Vec::new();
    roots(authority, &certificates, date, &mut todo)?;
    signers(authority, &certificates, date, &mut todo);
    lists(authority, crl.as_ref(), date, &mut todo);
    todo.sort_by_key(|task| task.due);
    Ok(Status { date, certificates, crl, todo, register: authority.register().head().clone() })
}

fn certificates(authority: &Authority, date: Date) -> Result<Vec<CertificateStatus>, PkiError> {
    let mut out = Vec::new();
    for issued in authority.issued() {
        let read = |source| PkiError::Certificate { name: issued.name.clone(), source };
        let certificate = Certificate::from_der(&issued.certificate).map_err(read)?;
        let valid = (certificate.not_before().date, certificate.not_after().date);
        let key_until = certificate.extensions().private_key_usage.and_then(|p| p.not_after).map_or(valid.1, |time| time.date);
        let state = if revoked(authority, &issued.name) {
            State::Revoked
        } else if date < valid.0 {
            State::NotYet
        } else if date > valid.1 {
            State::Expired
        } else if date > key_until || issued.role == "link" || superseded(authority, &issued.name) {
            State::Verifies
        } else {
            State::Signs
        };
        out.push(CertificateStatus {
            name: issued.name.clone(),
            role: issued.role.clone(),
            key: issued.key.clone(),
            valid,
            key_until,
            state,
        });
    }
    Ok(out)
}

/// An older CSCA key signs nothing but the link to the next.
fn superseded(authority: &Authority, name: &str) -> bool {
    authority.cscas().iter().rev().skip(1).any(|older| older.name == name)
}

fn revoked(authority: &Authority, name: &str) -> bool {
    authority.register().entries().iter().any(|entry| entry.kind == Kind::Revoked && entry.name == name)
}

fn last_crl(authority: &Authority) -> Result<Option<CrlStatus>, PkiError> {
    let issued = authority.register().entries().iter().rev().find(|entry| entry.kind == Kind::Issued && entry.series == "crl");
    let Some(entry) = issued else { return Ok(None) };
    let crl = Crl::from_der(&entry.data).map_err(|source| PkiError::Certificate { name: format!("CRL {}", entry.number), source })?;
    Ok(Some(CrlStatus {
        number: entry.number.clone(),
        issued: crl.this_update().date,
        next_update: crl.next_update().map(|time| time.date),
    }))
}

fn roots(authority: &Authority, certificates: &[CertificateStatus], date: Date, todo: &mut Vec<Task>) -> Result<(), PkiError> {
    if authority.hierarchy().csca.is_none() {
        return Ok(());
    }
    let Some(newest) = certificates.iter().rev().find(|c| c.role == "csca") else {
        todo.push(Task { due: date, what: "make the CSCA that is declared".to_owned(), command: "pki init DIR" });
        return Ok(());
    };
    if let Some(signer) = authority.missing_link_signer() {
        let what = format!("make the link certificate from {} to the next key: a rollover ended halfway", signer.name);
        todo.push(Task { due: date, what, command: "pki issue DIR link" });
    }
    if date.plus_days(ROLLOVER_DAYS) >= newest.key_until {
        let what = format!("make the next CSCA key: {} signs until {}", newest.name, newest.key_until);
        todo.push(Task { due: newest.key_until, what, command: "pki issue DIR csca --rollover" });
    } else if authority.csca()?.subject() != authority.hierarchy().subject().name() {
        let what = "the name in pki.toml is another than that of the CSCA: it takes effect with the next key".to_owned();
        todo.push(Task { due: newest.key_until, what, command: "pki issue DIR csca --rollover" });
    }
    Ok(())
}

fn signers(authority: &Authority, certificates: &[CertificateStatus], date: Date, todo: &mut Vec<Task>) {
    let hierarchy = authority.hierarchy();
    if certificates.is_empty() {
        return; // the CSCA comes first
    }
    for (role, declared, what, command) in [
        ("ds", hierarchy.ds.is_some(), "document signer", "pki issue DIR ds"),
        ("mls", hierarchy.mls.is_some(), "master list signer", "pki issue DIR mls"),
        ("dls", hierarchy.dls.is_some(), "deviation list signer", "pki issue DIR dls"),
    ] {
        if !declared {
            continue;
        }
        let best = certificates.iter().filter(|c| c.role == role && c.state == State::Signs).max_by_key(|c| c.key_until);
        match best {
            None => todo.push(Task { due: date, what: format!("issue a {what}: the key of none is in use"), command }),
            Some(best) if date.plus_days(SOON_DAYS) >= best.key_until => {
                let what = format!("issue the next {what}: {} signs until {}", best.name, best.key_until);
                todo.push(Task { due: best.key_until, what, command });
            }
            Some(_) => {}
        }
    }
}

fn lists(authority: &Authority, crl: Option<&CrlStatus>, date: Date, todo: &mut Vec<Task>) {
    const COMMAND: &str = "pki crl DIR";
    if authority.cscas().is_empty() {
        return;
    }
    let Some(crl) = crl else {
        todo.push(Task { due: date, what: "issue the first CRL: an empty one says that nothing is revoked".to_owned(), command: COMMAND });
        return;
    };
    // what was revoked after the last list must be on one within two days (Doc 9303-12 clause 7.1.4)
    let after = authority.register().entries().iter().rev().take_while(|e| !(e.kind == Kind::Issued && e.series == "crl"));
    if let Some(entry) = after.filter(|entry| entry.kind == Kind::Revoked).last() {
        let what = format!("issue a CRL: {} was revoked on {}, and 48 hours are what Doc 9303-12 gives", entry.name, entry.date);
        todo.push(Task { due: entry.date.plus_days(2), what, command: COMMAND });
    } else if let Some(next) = crl.next_update.filter(|next| date.plus_days(SOON_DAYS) >= *next) {
        let what = format!("issue the next CRL: number {} is good until {next}", crl.number);
        todo.push(Task { due: next, what, command: COMMAND });
    }
}
