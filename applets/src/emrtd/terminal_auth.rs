//! Terminal Authentication on the chip (Doc 9303-11 §7.1, BSI TR-03110-3 B.3): PSO: VERIFY CERTIFICATE, MSE:Set DST and Set AT, GET
//! CHALLENGE, EXTERNAL AUTHENTICATE, all under secure messaging.
//!
//! ```text
//! 0065  5F25 the chip's date, 7F4E trust point …      in clear, by personalization; from then on the chip's own
//! kept  EF.CVCA (36 bytes) ‖ 0065
//! ```
//!
//! What a certificate changes, date and trust points, is in the memory before the card answers 9000, all of it or nothing. Rights belong
//! to the session whose key they are bound to, and go with it. Only the versions that EF.CardAccess or DG14 announces are run.

use eid::apdu::{Command, Response};
use eid::cert::chat::{Chat, TerminalType};
use eid::cert::cvc::chain::Imported;
use eid::cert::cvc::{ChainError, Cvc, TrustPoints};
use eid::crypto::agreement::AgreementKey;
use eid::crypto::curve::Curve;
use eid::image::FileId;
use eid::lds::Elementary as _;
use eid::lds::cvca::{self, Cvca};
use eid::lds::dg1::Dg1;
use eid::lds::security_info::{SecurityInfo, SecurityInfos};
use eid::protocol::terminal_auth::chip::{Binding, Granted, Session};
use eid::protocol::terminal_auth::{CHALLENGE_LEN, TerminalAuthError, Version, identifier_of_mrz};

use crate::card::{Access, Card};
use crate::clock::KeyWork;
use crate::fault::Value;
use crate::status::{self, Answer, Refusal, done, refuse};
use crate::store::renewable::USUAL_PAGES;

/// DGI of date and trust points.
pub(crate) const TRUST_POINTS: u16 = 0x0065;
/// Longest value of that DGI: two RSA-4096 keys fit.
pub(crate) const MAX_TRUST_POINTS: usize = 1700;

/// Terminal Authentication in a session.
#[derive(Debug, Default)]
pub(crate) struct TerminalRun {
    session: Session,
    /// Comp(PK) of the chip's ephemeral key of PACE.
    pace_key: Option<Vec<u8>>,
    /// The CHAT that MSE:Set AT named for PACE.
    pace_chat: Option<Chat>,
    /// Comp(PK) of the key that the terminal took in Chip Authentication version 1.
    chip_auth_key: Option<Vec<u8>>,
    /// What the terminal may do now.
    rights: Option<Chat>,
}

impl TerminalRun {
    /// The run of a session that begins with PACE.
    pub(crate) fn after_pace(chip_key: Vec<u8>, chat: Option<Chat>) -> Self {
        Self { pace_key: Some(chip_key), pace_chat: chat, ..Self::default() }
    }

    /// Whether the terminal has the right to read DG3 or DG4.
    pub(crate) fn opens(&self, number: u8) -> bool {
        let bit = match number {
            3 => Chat::READ_DG3,
            4 => Chat::READ_DG4,
            _ => return false,
        };
        self.rights.is_some_and(|rights| rights.terminal() == TerminalType::Inspection && rights.allows(bit))
    }

    /// What a terminal may do that went through the General Authentication Procedure: the rights of Terminal Authentication version 2, after
    /// Chip Authentication with the key that it was bound to.
    pub(crate) fn general_rights(&self) -> Option<Chat> {
        self.rights.filter(|_| self.bound_to().is_some())
    }

    /// What the terminal has shown, whether its rights count already or not.
    pub(crate) const fn granted(&self) -> Option<&Granted> {
        self.session.granted()
    }

    /// Whether a terminal has shown its key, whatever it may do.
    pub(crate) const fn has_rights(&self) -> bool {
        self.rights.is_some()
    }

    /// What the terminal may do now.
    pub(crate) const fn rights(&self) -> Option<Chat> {
        self.rights
    }

    /// Whether MSE:Set AT chose a terminal.
    pub(crate) const fn is_under_way(&self) -> bool {
        self.session.is_under_way()
    }

    pub(crate) const fn forget_challenge(&mut self) {
        self.session.forget_challenge();
    }

    /// Comp(PK) that Chip Authentication version 2 must take; `None` before Terminal Authentication version 2.
    pub(crate) fn bound_to(&self) -> Option<&[u8]> {
        self.session.granted()?.bound_to.as_deref()
    }

    /// Chip Authentication version 1 was run: the channel is a new one, rights of the old one are gone.
    pub(crate) fn chip_authenticated(&mut self, terminal_key: &AgreementKey) {
        self.session = Session::default();
        self.rights = None;
        self.chip_auth_key = Some(terminal_key.compressed());
    }

    /// Chip Authentication version 2 took the key that Terminal Authentication was bound to: now the rights count.
    pub(crate) fn rights_count(&mut self) {
        self.rights = self.session.granted().map(|granted| granted.chat);
    }
}

impl From<TerminalAuthError> for Refusal {
    fn from(error: TerminalAuthError) -> Self {
        Self::Status(match error {
            TerminalAuthError::Data(_) | TerminalAuthError::Challenge { .. } => status::WRONG_DATA,
            TerminalAuthError::Order(_) => status::CONDITIONS,
            TerminalAuthError::Unknown(_) | TerminalAuthError::Certificate(ChainError::UnknownAuthority(_)) => status::NO_REFERENCE,
            TerminalAuthError::Certificate(_) | TerminalAuthError::Signature => status::AUTH_FAILED,
        })
    }
}

impl Card {
    /// MSE:Set DST 00 22 81 B6 { 83 CAR }.
    pub(crate) fn set_verification_key(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        let trust = self.trust_points()?;
        if let Some(holder) = self.holder_from_before() {
            self.ram.terminal.session.accept(Imported { holder: Some(holder), store: None });
        }
        self.ram.terminal.session.set_dst(&trust, &command.data)?;
        done()
    }

    /// PSO: VERIFY CERTIFICATE 00 2A 00 BE { 7F4E, 5F37 }.
    pub(crate) fn verify_certificate(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        if (command.p1, command.p2) != (0x00, 0xBE) {
            return refuse(status::WRONG_P1P2);
        }
        let trust = self.trust_points()?;
        if let Ok(certificate) = Cvc::from_content(&command.data) {
            self.checks_signature(certificate.signature().len());
        }
        let strictly = self.ram.terminal.session.verify_certificate(&trust, &command.data);
        let imported = self.imported_wrongly(&trust, &command.data, strictly)?;
        if let Some(next) = &imported.store {
            self.store_trust(next)?;
        }
        self.ram.terminal.session.accept(imported);
        done()
    }

    /// Date and trust points from now on.
    pub(crate) fn store_trust(&mut self, next: &TrustPoints) -> Result<(), Refusal> {
        self.store.renew(TRUST_POINTS, &kept(next))?;
        // what was read of EF.CVCA before is not what is there now
        self.ram.checked = None;
        Ok(())
    }

    /// MSE:Set AT 00 22 81 A4 { [80 protocol], 83 CHR, [67 auxiliary data], [91 compressed key] }.
    pub(crate) fn select_terminal_auth(&mut self, command: &Command) -> Answer {
        self.needs_session()?;
        let version = self.ram.terminal.session.set_at(&command.data)?;
        let wanted = match version {
            Version::One => 1,
            Version::Two => 2,
        };
        let announced = self
            .announcements()
            .iter()
            .any(|infos| infos.infos().iter().any(|info| matches!(info, SecurityInfo::TerminalAuth { version, .. } if *version == wanted)));
        if !announced {
            return refuse(status::WRONG_DATA);
        }
        self.terminal_named();
        done()
    }

    /// GET CHALLENGE 00 84 00 00 08 inside a session: r_IC, which serves one EXTERNAL AUTHENTICATE that must be the next command.
    pub(crate) fn terminal_challenge(&mut self) -> Answer {
        let mut challenge = [0; CHALLENGE_LEN];
        self.rng.fill_bytes(&mut challenge);
        let counts = self.challenge_that_counts(challenge);
        self.ram.terminal.session.give_challenge(counts);
        Ok(Response::ok(challenge))
    }

    /// Whether a terminal may ask for the challenge before it shows its certificates: after PACE, in version 2.
    pub(crate) fn gives_early_challenges(&self) -> bool {
        let version_2 =
            |infos: &SecurityInfos| infos.infos().iter().any(|info| matches!(info, SecurityInfo::TerminalAuth { version: 2, .. }));
        matches!(self.ram.access, Some(Access::Pace(_))) && self.announcements().iter().any(version_2)
    }

    /// EXTERNAL AUTHENTICATE 00 82 00 00: of Basic Access Control before there is a session, inside it the terminal's signature.
    pub(crate) fn external_authenticate_terminal(&mut self, command: &Command) -> Answer {
        if self.ram.access.is_none() || self.ram.challenge.is_some() && self.errs(Value::AccessAgain) {
            return self.bac(command);
        }
        if (command.p1, command.p2) != (0, 0) {
            self.ram.terminal.forget_challenge();
            return refuse(status::WRONG_P1P2);
        }
        let chip = match (&self.ram.terminal.pace_key, self.ram.access) {
            (Some(key), Some(Access::Pace(_))) => key.clone(),
            _ => self.own_identifier(self.document_identifier()?),
        };
        let unbounded = self.errs(Value::TaChat);
        self.checks_signature(command.data.len());
        let TerminalRun { session, chip_auth_key, pace_chat, rights, .. } = &mut self.ram.terminal;
        let binding = Binding { chip: &chip, chip_auth_key: chip_auth_key.as_deref(), pace: pace_chat.filter(|_| !unbounded) };
        let chat = session.external_authenticate(&binding, &command.data)?;
        // In version 2 the rights wait for Chip Authentication.
        if session.granted().is_some_and(|granted| granted.bound_to.is_none()) {
            *rights = Some(chat);
        }
        self.terminal_granted();
        done()
    }

    /// The work of checking a signature of so many bytes: r and s of a curve up to P-521, or else RSA.
    fn checks_signature(&mut self, len: usize) {
        if len <= 2 * Curve::P521.scalar_len() {
            self.works(KeyWork::Ec, len / 2, 2)
        } else {
            self.works(KeyWork::RsaPublic, len.min(512), 1)
        }
    }

    /// Document number and check digit of DG1.
    fn document_identifier(&self) -> Result<Vec<u8>, Refusal> {
        let file = FileId::dg(1).ok_or(Refusal::Status(status::NO_REFERENCE))?;
        let bytes = self.file(file)?.ok_or(Refusal::Status(status::NO_REFERENCE))?;
        let dg1 = Dg1::parse(bytes).or(refuse(status::NO_REFERENCE))?;
        Ok(identifier_of_mrz(&dg1.mrz))
    }

    /// What EF.CardAccess and DG14 announce, as far as they can be read.
    pub(crate) fn announcements(&self) -> Vec<SecurityInfos> {
        let card_access = self.file(FileId::CARD_ACCESS).ok().flatten().and_then(|bytes| SecurityInfos::parse(bytes).ok());
        self.dg14().ok().into_iter().chain(card_access).collect()
    }

    /// DGI 0065: checked, then kept with the EF.CVCA that it makes.
    pub(crate) fn take_trust_points(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let trust = TrustPoints::decode(bytes).or(refuse(status::WRONG_DATA))?;
        Ok(self.store.store_renewable(TRUST_POINTS, &kept(&trust), USUAL_PAGES)?)
    }

    /// Date and trust points; 6A88 if the chip does no Terminal Authentication.
    pub(crate) fn trust_points(&self) -> Result<TrustPoints, Refusal> {
        let kept = self.store.renewable(TRUST_POINTS)?.ok_or(Refusal::Status(status::NO_REFERENCE))?;
        let stored = kept.get(cvca::LEN..).unwrap_or_default();
        TrustPoints::decode(stored).or(refuse(status::MEMORY_FAILURE))
    }

    /// EF.CVCA as the trust points make it; `None` if the chip does no Terminal Authentication.
    pub(crate) fn current_cvca(&self) -> Result<Option<&[u8]>, Refusal> {
        Ok(self.store.renewable(TRUST_POINTS)?.and_then(|kept| kept.get(..cvca::LEN)))
    }
}

/// EF.CVCA and the stored form of date and trust points.
fn kept(trust: &TrustPoints) -> Vec<u8> {
    let mut references = trust.references(TerminalType::Inspection).cloned();
    let mut file = references.next().map(|current| Cvca { current, previous: references.next() }.encode()).unwrap_or_default();
    file.resize(cvca::LEN, 0);
    [file, trust.encode()].concat()
}
