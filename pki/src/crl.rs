//! Revocation lists of a CSCA (Doc 9303-12 clause 7.1.4): one full list for all keys of the state, signed by the newest.
//!
//! A list is made from all revocations that there are; it is sorted, numbered, read again, and verified before it is given out. Refused:
//! a period above 90 days, number zero, a certificate twice, a revocation of tomorrow, a reason that can be taken back (certificateHold),
//! and a signer that is not the CSCA's key. The reason of a revocation is for the register: Doc 9303-12 forbids reasonCode in the list, so
//! it is written only where [`CrlParameters::reasons`] asks for it.

use eid::cert::crl::build::{self, Contents, Entry};
use eid::cert::crl::{Crl, Reason};
use eid::cert::x509::Certificate;
use eid::cert::x509::extension::KeyUsage;
use eid::cert::{CertError, Time};
use eid::crypto::signature::SignatureError;
use eid::signer::{Signer, SignerError};

/// Longest time between two lists in days (Doc 9303-12 clause 7.1.4).
pub const MAX_DAYS: u16 = 90;

/// The reasons that a certificate can be revoked for here, the way back of certificateHold not among them.
pub const REASONS: [Reason; 7] = [
    Reason::Unspecified,
    Reason::KeyCompromise,
    Reason::CaCompromise,
    Reason::AffiliationChanged,
    Reason::Superseded,
    Reason::CessationOfOperation,
    Reason::PrivilegeWithdrawn,
];

/// A certificate that is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Content octets of its serial number.
    pub serial: Vec<u8>,
    /// When it was revoked.
    pub date: Time,
    /// Why: one of [`REASONS`].
    pub reason: Reason,
}

/// How lists are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlParameters {
    /// Days until the next list, 1 to [`MAX_DAYS`].
    pub days: u16,
    /// Whether entries carry their reason, against Doc 9303-12 and with RFC 5280 clause 5.3.1. `unspecified` is never written.
    pub reasons: bool,
}

impl Default for CrlParameters {
    /// 90 days, without reasons.
    fn default() -> Self {
        Self { days: MAX_DAYS, reasons: false }
    }
}

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// The time to the next list.
    #[error("days until the next list: expected 1 to {MAX_DAYS} (Doc 9303-12 7.1.4), found {0}")]
    Period(u16),
    /// Numbers start at 1.
    #[error("number of the list: expected 1 or more, found 0")]
    Number,
    /// One certificate twice.
    #[error("serial number {0} is revoked twice")]
    Repeated(String),
    /// Revoked after the list is made.
    #[error("serial number {serial} is revoked on {date}, after the list is made")]
    Future {
        /// Serial number, hex.
        serial: String,
        /// Its revocationDate.
        date: eid::date::Date,
    },
    /// Not one of [`REASONS`].
    #[error("a certificate cannot be revoked here for {0}")]
    Reason(&'static str),
    /// The issuer is no CSCA that can sign lists.
    #[error("the certificate of {subject} cannot sign revocation lists: {detail}")]
    Issuer {
        /// Subject of the certificate.
        subject: String,
        /// What is missing.
        detail: &'static str,
    },
    /// The signer did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// What was made does not read: nothing is given out.
    #[error("the list that was made does not read: {0}")]
    Unreadable(CertError),
    /// As above.
    #[error("the list that was made does not verify: {0}")]
    Unverified(SignatureError),
}

/// Makes the list with `number`, one more than that of the list before. `csca` is the newest certificate of the state's CSCA and `signer`
/// holds its key; `former_names` are the names (each the whole Name) that it had before, for issuerAltName.
///
/// # Errors
/// See above.
pub fn issue(
    csca: &Certificate,
    signer: &dyn Signer,
    number: u64,
    revoked: &[Revocation],
    former_names: &[&[u8]],
    this_update: Time,
    parameters: CrlParameters,
) -> Result<Crl, CrlError> {
    if !(1..=MAX_DAYS).contains(&parameters.days) {
        return Err(CrlError::Period(parameters.days));
    }
    if number == 0 {
        return Err(CrlError::Number);
    }
    let issuer = |detail| CrlError::Issuer { subject: csca.subject_text(), detail };
    let key = csca.key().map_err(|_| issuer("its key does not read"))?;
    if !csca.extensions().key_usage.is_some_and(|usage| usage.has(KeyUsage::CRL_SIGN)) {
        return Err(issuer("keyUsage has no cRLSign"));
    }
    if key.key != signer.public_key() {
        return Err(issuer("the signer holds another key"));
    }
    // east of Greenwich a CSCA of this morning begins in UTC only later; that forbids no list
    if csca.not_after() < this_update {
        return Err(issuer("it has expired"));
    }
    let key_id = csca.subject_key_id().ok_or_else(|| issuer("it has no subjectKeyIdentifier"))?;
    let contents = Contents {
        issuer: csca.subject(),
        this_update,
        next_update: Time { date: this_update.date.plus_days(parameters.days.into()), ..this_update },
        revoked: &entries(revoked, this_update, parameters.reasons)?,
        authority_key_id: key_id,
        number: &number.to_be_bytes(),
        former_names,
    };
    let der = build::sign(&contents, signer)?;
    let crl = Crl::from_der(&der).map_err(CrlError::Unreadable)?;
    crl.verify_signed_by(key).map_err(CrlError::Unverified)?;
    Ok(crl)
}

/// The entries by date, then by serial number, each checked.
fn entries(revoked: &[Revocation], made: Time, reasons: bool) -> Result<Vec<Entry>, CrlError> {
    let mut sorted: Vec<&Revocation> = revoked.iter().collect();
    sorted.sort_by(|a, b| a.serial.cmp(&b.serial));
    if let Some([one, _]) = sorted.array_windows::<2>().find(|[one, next]| one.serial == next.serial) {
        return Err(CrlError::Repeated(hex::encode(&one.serial)));
    }
    sorted.sort_by_key(|revocation| revocation.date);
    let entry = |revocation: &&Revocation| {
        let Revocation { serial, date, reason } = revocation;
        if !REASONS.contains(reason) {
            return Err(CrlError::Reason(reason.name()));
        }
        if *date > made {
            return Err(CrlError::Future { serial: hex::encode(serial), date: date.date });
        }
        // RFC 5280 clause 5.3.1: unspecified is said by saying nothing
        let reason = Some(*reason).filter(|reason| reasons && *reason != Reason::Unspecified);
        Ok(Entry { serial: serial.clone(), date: *date, reason })
    };
    sorted.iter().map(entry).collect()
}
