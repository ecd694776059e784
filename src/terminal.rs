//! The terminal: the inspection procedure, top to bottom as the standard tells it.
//!
//! | module | what |
//! | --- | --- |
//! | [`access`] | EF.CardAccess, PACE or Basic Access Control |
//! | [`pin`] | how the PIN stands, and its management |
//! | [`read`] | one file, bounded |
//! | [`inspect`] | the whole procedure |
//! | [`credentials`] | what a terminal shows to a chip that guards DG3 and DG4 |
//! | [`eid_application`] | the eID application, read by an authentication terminal |
//! | [`policy`] | what follows from the findings |
//! | [`report`] | findings, verdict, text and JSON |
//! | [`evidence`] | what was asked and answered, to be judged again |
//!
//! [`Verifier`] puts them together for who only wants to know.

use std::collections::BTreeMap;

use eid::cert::path::SignerCache;
use eid::cert::trust::TrustStore;
use eid::date::Date;
use eid::face_qr::FaceQr;
use eid::image::FileId;
use eid::mrz::Mrz;
use eid::protocol::pace::Password;
use eid::protocol::{bac, cross_check};
use eid::secret::Secret;
use eid::transport::{Transport, TransportError};
use rand_core::CryptoRng;

use crate::session::Session;

pub mod access;
pub mod credentials;
pub mod eid_application;
pub mod evidence;
pub mod inspect;
pub mod pin;
pub mod policy;
pub mod read;
pub mod report;

pub use access::Fallback;
pub use credentials::{CredentialsError, TerminalCredentials};
pub use evidence::{Evidence, Judge};
pub use inspect::{DataGroups, Inspection, Step};
pub use policy::{Policy, Requirement, Seen, StandardPolicy, StrictPolicy};
pub use read::Reading;
pub use report::text::Colour;
pub use report::{Report, Verdict};

/// How many document signers a [`Verifier`] remembers.
const SIGNERS: usize = 256;

/// Verifies cards against one set of trust anchors. Document signers that were verified once are remembered.
#[derive(Debug)]
pub struct Verifier {
    trust: TrustStore,
    cache: SignerCache,
    fallback: Fallback,
    data_groups: DataGroups,
    policy: Box<dyn Policy>,
    terminal: Option<TerminalCredentials>,
    reading: read::Options,
}

impl Verifier {
    /// A verifier that trusts the CSCA certificates in `trust`, reads every data group, falls back to Basic Access Control, and judges by
    /// the [`StandardPolicy`] without requirements.
    #[must_use]
    pub fn new(trust: TrustStore) -> Self {
        Self {
            trust,
            cache: SignerCache::new(SIGNERS),
            fallback: Fallback::default(),
            data_groups: DataGroups::default(),
            policy: Box::new(StandardPolicy::default()),
            terminal: None,
            reading: read::Options::default(),
        }
    }

    /// The same with another rule for what follows a failed PACE.
    #[must_use]
    pub const fn with_fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// The same, reading only some data groups.
    #[must_use]
    pub fn with_data_groups(mut self, data_groups: DataGroups) -> Self {
        self.data_groups = data_groups;
        self
    }

    /// The same with another policy.
    #[must_use]
    pub fn with_policy(mut self, policy: impl Policy + 'static) -> Self {
        self.policy = Box::new(policy);
        self
    }

    /// The same with certificates and a key for Terminal Authentication, so that DG3 and DG4 are read.
    #[must_use]
    pub fn with_terminal(mut self, terminal: TerminalCredentials) -> Self {
        self.terminal = Some(terminal);
        self
    }

    /// The same, which reads as `reading` says: when to stop, what to remember.
    #[must_use]
    pub fn with_reading(mut self, reading: read::Options) -> Self {
        self.reading = reading;
        self
    }

    /// Inspects the card behind `card` on the day `today`. Of `passwords`, PACE takes the first and Basic Access Control the MRZ.
    ///
    /// # Errors
    /// Only where the card is not reached; everything that the card does is in the report.
    pub fn inspect<T: Transport>(
        &self,
        card: T,
        passwords: &[Password],
        today: Date,
        rng: &mut dyn CryptoRng,
    ) -> Result<Inspection, TransportError> {
        self.inspect_session(&mut Session::new(card), passwords, today, rng, &mut |_| {})
    }

    /// Judges evidence again as of `today`, without the card.
    #[must_use]
    pub fn judge(&self, evidence: &Evidence, today: Date) -> Inspection {
        evidence.judge(&Judge { trust: &self.trust, cache: Some(&self.cache), policy: &*self.policy }, today)
    }

    /// Judges files alone: what the state signed, not whether the chip is the original.
    #[must_use]
    pub fn judge_files(&self, files: BTreeMap<FileId, Vec<u8>>, today: Date) -> Inspection {
        let mut inspection = self.judge(&evidence::folder::of_files(files, today), today);
        inspection.report.source = report::Source::Files;
        inspection
    }

    /// [`inspect`](Self::inspect) over a session that goes on afterwards, telling each step.
    ///
    /// # Errors
    /// As [`inspect`](Self::inspect).
    pub fn inspect_session<T: Transport>(
        &self,
        session: &mut Session<T>,
        passwords: &[Password],
        today: Date,
        rng: &mut dyn CryptoRng,
        tell: &mut dyn FnMut(Step),
    ) -> Result<Inspection, TransportError> {
        self.resume_session(session, &mut Reading::new(), passwords, today, rng, tell)
    }

    /// [`inspect_session`](Self::inspect_session) that goes on with what was read of the card before it was lifted; see
    /// [`inspect::resume`]. After an error restart the session and call it again with the same `reading`.
    ///
    /// # Errors
    /// As [`inspect`](Self::inspect).
    pub fn resume_session<T: Transport>(
        &self,
        session: &mut Session<T>,
        reading: &mut Reading,
        passwords: &[Password],
        today: Date,
        rng: &mut dyn CryptoRng,
        tell: &mut dyn FnMut(Step),
    ) -> Result<Inspection, TransportError> {
        let request = inspect::Request {
            passwords,
            fallback: self.fallback,
            trust: &self.trust,
            cache: Some(&self.cache),
            today,
            data_groups: self.data_groups.clone(),
            policy: &*self.policy,
            terminal: self.terminal.as_ref(),
            reading: self.reading.clone(),
            challenge: None,
        };
        inspect::resume(session, &request, reading, rng, tell)
    }
}

impl Verifier {
    /// Compares the MRZ that is printed on the page with the one that was read of the chip: finding `cross.page`, and the policy judges again.
    /// Only a card that was opened is compared.
    pub fn compare_page(&self, inspection: &mut Inspection, printed: &Mrz) {
        if inspection.ended != evidence::Ended::Opened {
            return;
        }
        let report = &mut inspection.report;
        report.findings.retain(|finding| finding.id() != "cross.page");
        let input = cross_check::Input { files: &inspection.files, today: report.date };
        report.findings.push(cross_check::printed(&input, printed));
        report.verdict = inspection.ended.verdict(&*self.policy, report.seen());
        report.policy = report::PolicyNote::of(&*self.policy, report.seen());
    }

    /// Compares the QR text of the card's face, which is unsigned, with what was read of the chip: findings `cross.qr.*`, and the policy
    /// judges again. Only a card that was opened is compared.
    pub fn compare(&self, inspection: &mut Inspection, qr: &FaceQr) {
        if inspection.ended != evidence::Ended::Opened {
            return;
        }
        let report = &mut inspection.report;
        report.findings.retain(|finding| !finding.id().starts_with("cross.qr."));
        let input = cross_check::Input { files: &inspection.files, today: report.date };
        report.findings.extend(cross_check::face_qr(&input, qr));
        report.verdict = inspection.ended.verdict(&*self.policy, report.seen());
        report.policy = report::PolicyNote::of(&*self.policy, report.seen());
    }
}

/// The card access number as a password: the digits that are printed on the card.
#[must_use]
pub fn can(digits: &str) -> Password {
    Password::Can(Secret::from(digits.as_bytes()))
}

/// The MRZ as a password: document number, date of birth, and date of expiry out of it.
#[must_use]
pub fn mrz(mrz: &Mrz) -> Password {
    Password::Mrz(bac::mrz_seed(&mrz.information()))
}
