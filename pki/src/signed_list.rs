//! What master lists and deviation lists have in common: a signer with a certificate for such lists, and a CSCA behind it.

use eid::cert::cms::SignedData;
use eid::cert::cms::build::{self, Message, NamedBy, SignError};
use eid::cert::list_signer::{self, ListError, Purpose};
use eid::cert::trust::{TrustError, TrustStore};
use eid::cert::x509::Certificate;
use eid::cert::{CertError, Time};
use eid::oid;
use eid::signer::Signer;

use crate::foreign::NotCsca;

/// Who signs a list.
#[derive(Clone, Copy)]
pub struct ListSigner<'a> {
    /// Certificate of the list signer; it goes into the list.
    pub certificate: &'a Certificate,
    /// Certificate of the CSCA that issued it; it goes in too.
    pub csca: &'a Certificate,
    /// Holds the list signer's key.
    pub signer: &'a dyn Signer,
}

impl std::fmt::Debug for ListSigner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ListSigner({})", self.certificate.subject_text())
    }
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListIssueError {
    /// A list of nothing.
    #[error("there is nothing to put into the list")]
    Empty,
    /// An entry of a master list that is no CSCA certificate.
    #[error("entry {subject}: {source}")]
    Entry {
        /// Subject of the certificate.
        subject: String,
        /// Why not.
        source: NotCsca,
    },
    /// A certificate twice.
    #[error("the certificate of {subject} with serial number {serial} stands twice in the list")]
    Repeated {
        /// Subject of the certificate.
        subject: String,
        /// Serial number, hex.
        serial: String,
    },
    /// The signer's certificate or key is not in use on the day.
    #[error("{subject} does not sign on {day}: its {what} is {from} to {until}")]
    NotInUse {
        /// Subject of the certificate.
        subject: String,
        /// The day.
        day: eid::date::Date,
        /// Which period.
        what: &'static str,
        /// First day.
        from: eid::date::Date,
        /// Last day.
        until: eid::date::Date,
    },
    /// The signature was not made.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// What was made does not read: nothing is given out.
    #[error("the list that was made does not read: {0}")]
    Unreadable(#[from] CertError),
    /// What was made would not be believed: another usage, or the CSCA did not issue the signer.
    #[error("the list that was made is not believed: {0}")]
    NotProved(#[from] ListError),
    /// The CSCA of the signer cannot be an anchor.
    #[error("the CSCA of the signer: {0}")]
    Anchor(#[from] TrustError),
}

/// The signed list with `content`, proved as a relying party with the CSCA as its only anchor proves it.
pub(crate) fn sign(purpose: Purpose, content: &[u8], by: &ListSigner<'_>, now: Time) -> Result<SignedData, ListIssueError> {
    let certificate = by.certificate;
    let day = now.date;
    let not_in_use = |what, from, until| {
        if from <= day && day <= until {
            return Ok(());
        }
        Err(ListIssueError::NotInUse { subject: certificate.subject_text(), day, what, from, until })
    };
    let (from, until) = (certificate.not_before().date, certificate.not_after().date);
    not_in_use("validity", from, until)?;
    if let Some(period) = certificate.extensions().private_key_usage {
        not_in_use("private key usage period", period.not_before.map_or(from, |t| t.date), period.not_after.map_or(until, |t| t.date))?;
    }
    let message = Message {
        content_type: match purpose {
            Purpose::MasterList => oid::CSCA_MASTER_LIST,
            Purpose::DeviationList => oid::DEVIATION_LIST,
        },
        content,
        certificate,
        others: &[by.csca],
        named_by: NamedBy::KeyId,
        signing_time: Some(now),
    };
    let signed = SignedData::parse(&build::sign(&message, by.signer)?)?;
    let trust = TrustStore::from_bytes(by.csca.der())?;
    list_signer::prove(&signed, purpose, &trust)?;
    Ok(signed)
}
