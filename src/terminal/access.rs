//! Opening the card (Doc 9303-11 §4.2): EF.CardAccess, then PACE with the password at hand, else Basic Access Control.
//!
//! Of several entries of EF.CardAccess the strongest that is supported here goes first: chip authentication mapping before generic and
//! integrated mapping, then the suite (AES-256, AES-192, AES-128, 3DES), then the bits of security of the curve or group, then the order of
//! the file. Where the card fails it for another reason than the password, the next follows.
//!
//! Every choice and every fallback is a finding `access.*`. A wrong password is [`AccessError::Refused`] and names the password and
//! what the card said; it is never followed by a try with another one. A PIN that nobody may try now, as it is blocked, suspended, or deactivated, or
//! that opens nothing before its holder has replaced it, gives way to a CAN or an MRZ, if there is one (`access.pin`). Falling back from PACE, which the card offers, to Basic Access
//! Control is allowed only where the caller allows it, and is then the finding `access.downgrade`.

use eid::apdu::{Command, EXTENDED_LE_MAX, Sw};
use eid::cert::chat::Chat;
use eid::crypto::agreement::AgreementKey;
use eid::image::{EMRTD_AID, FileId};
use eid::lds::Elementary as _;
use eid::lds::card_access::CardAccess;
use eid::lds::security_info::{SecurityInfo, SecurityInfos};
use eid::protocol::finding::{Check, Finding, Outcome};
use eid::protocol::pace::cam::ChipAuthenticationData;
use eid::protocol::pace::{Parameters, Password};
use eid::quirk::Quirk;
use eid::transport::Transport;
use rand_core::CryptoRng;

use super::evidence::Transcript;
use super::read::{self, ReadError};
use crate::session::{Session, SessionError};

mod bac;
mod pace;

use bac::by_bac;
use pace::by_pace;

/// Reading EF.CardAccess and choosing from it.
const CARD_ACCESS: Check = Check::new("read.card_access", "Doc 9303-11 §4.2 step 1");
/// PACE.
const PACE: Check = Check::new("access.pace", "Doc 9303-11 §4.4");
/// Which entry of EF.CardAccess was used, and why.
const CHOICE: Check = Check::new("access.choice", "Doc 9303-11 §4.2 and §9.2.1");
/// An entry that was tried and left for the next.
const FALLBACK: Check = Check::new("access.fallback", "Doc 9303-11 §4.2 step 2");
/// A PIN that was suspended until the CAN was right (TR-03110-2 §3.3).
const RESUME: Check = Check::new("access.resume", "TR-03110-2 §3.3");
/// Whether a PIN that was given could be used.
const PIN: Check = Check::new("access.pin", "TR-03110-2 §3.3");
/// Basic Access Control.
const BAC: Check = Check::new("access.bac", "Doc 9303-11 §4.3");
/// Whether the strongest procedure that the card offers was used.
const DOWNGRADE: Check = Check::new("access.downgrade", "Doc 9303-11 §4.2 step 2");

/// What may follow where PACE is not offered, or does not succeed for another reason than a wrong password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fallback {
    /// Basic Access Control, if the MRZ is known; the report says so.
    #[default]
    BasicAccessControl,
    /// Nothing: Basic Access Control is not used at all, even where the card offers nothing else.
    Forbidden,
}

/// How the card was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// By PACE.
    Pace {
        /// `CAN`, `MRZ`, `PIN` or `PUK`.
        password: &'static str,
        /// Protocol and domain parameters.
        parameters: Parameters,
    },
    /// By Basic Access Control, with the MRZ.
    Bac,
}

/// Why the card stays closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The password is wrong, or blocked.
    #[error("access refused: {protocol} with the {password}: {}", said(.sw.as_ref()))]
    Refused {
        /// `PACE` or `BAC`.
        protocol: &'static str,
        /// `CAN`, `MRZ`, `PIN` or `PUK`.
        password: &'static str,
        /// What the card said; `None` if the card accepted us but could not prove that it knows the password itself.
        sw: Option<Sw>,
    },
    /// The procedure failed before the password could be judged.
    #[error("access failed: {protocol} {step}: {detail}")]
    Failed {
        /// `PACE` or `BAC`.
        protocol: &'static str,
        /// Which step.
        step: &'static str,
        /// What was expected and found.
        detail: String,
    },
    /// What the card offers and what the caller knows do not meet.
    #[error("access impossible: the card offers {offered}, given {given}")]
    NoWay {
        /// What the card offers.
        offered: &'static str,
        /// Names of the passwords given.
        given: String,
    },
    /// There is no eMRTD application on the card.
    #[error("no eMRTD application on the card: SELECT A0000002471001 answered {sw}")]
    NoApplication {
        /// What the card said.
        sw: Sw,
    },
    /// The card was not reached, or its answer cannot be believed.
    #[error(transparent)]
    Session(#[from] SessionError),
}

fn said(sw: Option<&Sw>) -> String {
    match sw {
        None => "the card does not know it".to_owned(),
        Some(sw) => format!("{sw} {}", sw.meaning()).trim_end().to_owned(),
    }
}

/// What became known on the way, kept also where access failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// Findings `access.*` and `read.card_access`.
    pub findings: Vec<Finding>,
    /// Tolerances used.
    pub quirks: Vec<Quirk>,
    /// EF.CardAccess as read, unauthenticated: Chip Authentication or DG14 must confirm it.
    pub card_access: Option<Vec<u8>>,
    /// EF.CardSecurity as read, where PACE ran with chip authentication mapping; its signature makes it the issuer's.
    pub card_security: Option<Vec<u8>>,
    /// What PACE left, if it opened the card.
    pub pace: Option<PaceResult>,
    /// What was asked and answered, to be judged again without the card.
    pub transcript: Transcript,
}

/// What a successful run of PACE leaves beside the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaceResult {
    /// The chip's ephemeral public key, to which Terminal Authentication binds.
    pub chip_key: AgreementKey,
    /// References of the CVCA keys that the chip knows, as it sent them; no proof.
    pub ca_references: Vec<Vec<u8>>,
    /// In chip authentication mapping what the chip sent as its proof, still to be verified with the key of EF.CardSecurity.
    pub chip_authentication: Option<ChipAuthenticationData>,
}

/// Opens the card: afterwards the eMRTD application is selected under secure messaging.
///
/// PACE takes the first of `passwords`, Basic Access Control the MRZ among them.
///
/// # Errors
/// [`AccessError`]; `log` then holds what was found until there.
pub fn open<T: Transport>(
    session: &mut Session<T>,
    passwords: &[Password],
    fallback: Fallback,
    rng: &mut dyn CryptoRng,
    log: &mut Log,
) -> Result<Method, AccessError> {
    open_for(session, passwords, fallback, None, rng, log).map(|opened| opened.method)
}

/// PACE alone with the first of `passwords`; afterwards the session is protected, and no application is selected.
///
/// # Errors
/// [`AccessError`]; [`AccessError::NoWay`] where the card announces no PACE.
pub(crate) fn by_password<T: Transport>(
    session: &mut Session<T>,
    passwords: &[Password],
    rng: &mut dyn CryptoRng,
    log: &mut Log,
) -> Result<Parameters, AccessError> {
    let infos = announced(session, passwords, log)?;
    by_pace(session, &infos, passwords, None, rng, log)
}

/// What the card says of a password to MSE:Set AT, before anything is tried.
///
/// # Errors
/// As [`by_password`].
pub(super) fn ask<T: Transport>(session: &mut Session<T>, password: &Password, log: &mut Log) -> Result<Sw, AccessError> {
    let infos = announced(session, std::slice::from_ref(password), log)?;
    pace::ask(session, &infos, password)
}

/// EF.CardAccess of a card that announces PACE.
fn announced<T: Transport>(session: &mut Session<T>, passwords: &[Password], log: &mut Log) -> Result<SecurityInfos, AccessError> {
    let infos = card_access(session, log)?.filter(|infos| infos.pace().next().is_some());
    let given = || passwords.first().map_or("nothing", Password::name).to_owned();
    infos.ok_or_else(|| AccessError::NoWay { offered: "no PACE", given: given() })
}

/// A card that is open.
pub(super) struct Opened {
    pub(super) method: Method,
    /// EF.CardAccess of a card that wants Terminal and Chip Authentication version 2 before its application is selected, which it is not yet.
    pub(super) general: Option<SecurityInfos>,
}

/// [`open`] for a terminal with a key for Terminal Authentication, whose `chat` is named to a card that announces version 2 of it.
///
/// # Errors
/// As [`open`].
pub(super) fn open_for<T: Transport>(
    session: &mut Session<T>,
    passwords: &[Password],
    fallback: Fallback,
    chat: Option<Chat>,
    rng: &mut dyn CryptoRng,
    log: &mut Log,
) -> Result<Opened, AccessError> {
    let (findings, quirks) = (log.findings.len(), log.quirks.len());
    let infos = card_access(session, log)?;
    let offers_pace = infos.as_ref().is_some_and(|infos| infos.pace().next().is_some());
    let mrz = passwords.iter().find_map(|password| if let Password::Mrz(seed) = password { Some(seed) } else { None });
    let given =
        || if passwords.is_empty() { "nothing".to_owned() } else { passwords.iter().map(Password::name).collect::<Vec<_>>().join(" and ") };

    let mut failure = None;
    if let (Some(infos), true) = (&infos, offers_pace) {
        let Some(password) = passwords.first() else {
            return Err(AccessError::NoWay { offered: "PACE", given: given() });
        };
        let chat = chat.filter(|_| announces_terminal_auth_2(infos));
        let printed = passwords.iter().position(|other| matches!(other, Password::Can(_) | Password::Mrz(_)));
        let others = printed.filter(|at| *at > 0).and_then(|at| passwords.get(at..));
        match by_pace(session, infos, passwords, chat, rng, log) {
            Ok(parameters) => {
                let evidence = |finding: Finding| {
                    finding
                        .with("password", password.name())
                        .with("protocol", eid::oid::describe(parameters.protocol().oid()))
                        .with("domain", parameters.domain().name())
                };
                log.findings.push(evidence(PACE.passed()));
                log.findings.push(BAC.not_attempted("pace-used", "PACE was used"));
                let weaker = log.findings.iter().any(|finding| finding.id() == CHOICE.id && finding.outcome != Outcome::Passed);
                log.findings.push(if weaker {
                    DOWNGRADE.undecided("weaker-pace-info", "the card failed a stronger entry of EF.CardAccess than the one that was used")
                } else {
                    DOWNGRADE.passed()
                });
                let general = chat.and_then(|_| announces_general_procedure(infos).then(|| infos.clone()));
                if parameters.is_cam() {
                    card_security(session, log)?;
                }
                if general.is_none() {
                    select_application(session, log)?;
                    if let (Password::Pin(_), Some(others)) = (password, others)
                        && opens_nothing(session)?
                    {
                        log.findings.truncate(findings);
                        log.quirks.truncate(quirks);
                        log.findings
                            .push(PIN.failed("transport", "the card takes the PIN, and gives nothing for it before it is replaced"));
                        session.restart()?;
                        return open_for(session, others, fallback, chat, rng, log);
                    }
                }
                return Ok(Opened { method: Method::Pace { password: password.name(), parameters }, general });
            }
            // The caller stopped: that is no refusal of the card.
            Err(error @ AccessError::Session(SessionError::Stopped(_))) => return Err(error),
            // no try was made, and what is printed on the card opens it too
            Err(AccessError::Refused { .. }) if let Some((others, pin)) = others.zip(untried(log)) => {
                log.findings.truncate(findings);
                log.quirks.truncate(quirks);
                log.findings.push(pin);
                session.restart()?;
                return open_for(session, others, fallback, chat, rng, log);
            }
            Err(error) => {
                log.findings.push(PACE.failed("refused", error.to_string()).with("password", password.name()));
                // A wrong CAN is not followed by a try with the MRZ; a wrong MRZ may be one that this card takes for BAC only.
                let judged = matches!(&error, AccessError::Refused { .. }) && !matches!(password, Password::Mrz(_));
                if judged || fallback == Fallback::Forbidden || mrz.is_none() || matches!(error, AccessError::Session(_)) {
                    return Err(error);
                }
                failure = Some(error);
                // The card may count a failed run as the end of its session.
                session.restart()?;
            }
        }
    } else {
        log.findings.push(PACE.not_attempted("not-offered", "the card announces no PACE"));
    }

    if fallback == Fallback::Forbidden {
        log.findings.push(BAC.not_attempted("forbidden", "the caller forbids Basic Access Control, and the card offers no PACE"));
        return Err(AccessError::NoWay { offered: "Basic Access Control, which the caller forbids", given: given() });
    }
    let Some(seed) = mrz else {
        return Err(AccessError::NoWay { offered: "Basic Access Control", given: given() });
    };
    select_application(session, log)?;
    match by_bac(session, seed, rng, log) {
        Ok(channel) => {
            session.secure(channel);
            log.findings.push(BAC.passed().with("password", "MRZ"));
            log.findings.push(match &failure {
                None => DOWNGRADE.passed(),
                Some(error) => DOWNGRADE
                    .undecided("bac-instead-of-pace", format!("the card offers PACE, Basic Access Control was used because: {error}")),
            });
            Ok(Opened { method: Method::Bac, general: None })
        }
        Err(error @ AccessError::Session(SessionError::Stopped(_))) => Err(error),
        Err(error) => {
            log.findings.push(BAC.failed("refused", error.to_string()).with("password", "MRZ"));
            // Where both refuse the same MRZ, the first refusal tells more.
            Err(match (failure, error) {
                (_, error @ AccessError::Session(_)) => error,
                (Some(first @ AccessError::Refused { .. }), _) => first,
                (_, error) => error,
            })
        }
    }
}

/// The finding on a PIN that the card did not let anybody try.
fn untried(log: &Log) -> Option<Finding> {
    log.findings.iter().find(|finding| finding.id() == PIN.id).cloned()
}

/// Whether the card refuses EF.COM in the session, which every password opens but a PIN that must be replaced first.
fn opens_nothing<T: Transport>(session: &mut Session<T>) -> Result<bool, AccessError> {
    let read = Command::new(0x00, 0xB0, 0x80 | FileId::COM.sfi(), 0x00).with_le(1);
    Ok(session.transmit(&read)?.sw.0 == 0x6982)
}

fn announces_terminal_auth_2(infos: &SecurityInfos) -> bool {
    infos.infos().iter().any(|info| matches!(info, SecurityInfo::TerminalAuth { version: 2, .. }))
}

/// Whether EF.CardAccess leads to the General Authentication Procedure (TR-03110-2 §3.1): Chip Authentication in version 2 only.
fn announces_general_procedure(infos: &SecurityInfos) -> bool {
    infos.chip_auth().any(|info| info.version == 2) && infos.chip_auth().all(|info| info.version != 1)
}

/// Reads EF.CardAccess by the first way that the card knows: by short identifier under the MF, by file identifier under the MF,
/// by file identifier where the MF cannot be selected (Vietnamese cards answer 6D00).
fn card_access<T: Transport>(session: &mut Session<T>, log: &mut Log) -> Result<Option<SecurityInfos>, AccessError> {
    let file = FileId::CARD_ACCESS;
    let mf = read::select::mf(session)?;
    let mut tried = vec![format!("SELECT MF {mf}")];
    let (mut found, mut last) = (None, None);
    if mf.is_ok() {
        match read::read_selected(session, file, Some(file.sfi()), &mut log.quirks, &mut |_| {}) {
            Ok(bytes) => found = Some(("SFI 1C under the MF", bytes)),
            Err(ReadError::Session { source, .. }) => return Err(source.into()),
            Err(error) => tried.push(format!("by SFI: {error}")),
        }
    }
    if found.is_none() {
        let way = if mf.is_ok() { "FID 011C under the MF" } else { "FID 011C without the MF" };
        let read = read::read_file(session, file, &mut log.quirks, &mut |_| {});
        match read {
            Ok(bytes) => {
                log.quirks.push(Quirk::new("access.card_access-by-fid", format!("{way}; {}", tried.join("; "))));
                found = Some((way, bytes));
            }
            Err(ReadError::Session { source, .. }) => return Err(source.into()),
            Err(error) => {
                tried.push(format!("by FID: {error}"));
                last = match &error {
                    // Chips without PACE have no such file, and say so in many ways.
                    ReadError::Refused { .. } => Some(CARD_ACCESS.not_attempted("absent", error.to_string())),
                    _ => Some(read::finding(&error)),
                };
            }
        }
    }
    let Some((way, bytes)) = found else {
        log.findings.push(last.unwrap_or_else(|| CARD_ACCESS.not_attempted("absent", String::new())).with("tried", tried.join("; ")));
        return Ok(None);
    };
    let read = CardAccess::read(&bytes, &mut log.quirks);
    log.card_access = Some(bytes);
    match read {
        Ok(CardAccess { infos }) => {
            let offered: Vec<_> = infos.pace().map(|info| eid::oid::describe(info.protocol.oid())).collect();
            log.findings.push(CARD_ACCESS.passed().with("selected", way).with("pace", offered.join(", ")));
            Ok(Some(infos))
        }
        Err(error) => {
            log.findings.push(CARD_ACCESS.failed("malformed", error.to_string()).with("selected", way));
            Ok(None)
        }
    }
}

/// Reads EF.CardSecurity, which chip authentication mapping and Chip Authentication version 2 need, while the MF is selected. A card that
/// does not give it is a finding.
pub(super) fn card_security<T: Transport>(session: &mut Session<T>, log: &mut Log) -> Result<(), AccessError> {
    let file = FileId::CARD_SECURITY;
    let read = match read::read_selected(session, file, Some(file.sfi()), &mut log.quirks, &mut |_| {}) {
        Err(error) if !matches!(error, ReadError::Session { .. }) => {
            let by_fid = read::read_file(session, file, &mut log.quirks, &mut |_| {});
            if by_fid.is_ok() {
                log.quirks.push(Quirk::new("access.card_security-by-fid", format!("FID 011D; by SFI: {error}")));
            }
            by_fid
        }
        read => read,
    };
    match read {
        Ok(bytes) => {
            log.findings.push(read::check(file).passed());
            log.card_security = Some(bytes);
        }
        Err(ReadError::Session { source, .. }) => return Err(source.into()),
        Err(error @ ReadError::NotFound { .. }) => log.findings.push(read::check(file).failed("absent", error.to_string())),
        Err(error) => log.findings.push(read::finding(&error)),
    }
    Ok(())
}

/// SELECT by AID. Some cards refuse P2 = 0C (no answer data) and want to answer with file control information.
pub(super) fn select_application<T: Transport>(session: &mut Session<T>, log: &mut Log) -> Result<(), AccessError> {
    let plain = Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(EMRTD_AID);
    let with_fci = Command { p2: 0x00, ..plain.clone() }.with_le(if session.is_extended() { EXTENDED_LE_MAX } else { 256 });
    let known = session.habits().select_with_fci;
    let mut fci = known;
    let mut answer = session.transmit(if fci { &with_fci } else { &plain })?;
    if matches!(answer.sw.0, 0x6A86 | 0x6700 | 0x6B00) || (known && !answer.sw.is_ok()) {
        fci = !known;
        answer = session.transmit(if fci { &with_fci } else { &plain })?;
    }
    if answer.sw.is_ok() {
        session.habits_mut().select_with_fci = fci;
        if fci {
            log.quirks.push(Quirk::new("access.select-with-fci", "SELECT A0000002471001 with P2 = 00"));
        }
    }
    if answer.sw.is_ok() { Ok(()) } else { Err(AccessError::NoApplication { sw: answer.sw }) }
}

#[cfg(test)]
mod tests;
