//! Opening the card (Doc 9303-11 §4.2): EF.CardAccess, then PACE with the password at hand, else Basic Access Control.
//!
//! Every choice and every fallback is a finding `access.*`. A wrong password is [`AccessError::Refused`] and names the password and
//! what the card said; it is never followed by a try with another one. Falling back from PACE, which the card offers, to Basic Access
//! Control is allowed only where the caller allows it, and is then the finding `access.downgrade`.

use eid::apdu::{Command, EXTENDED_LE_MAX, Sw};
use eid::image::{EMRTD_AID, FileId};
use eid::lds::security_info::SecurityInfos;
use eid::protocol::bac;
use eid::protocol::finding::{Check, Finding};
use eid::protocol::pace::{self, Parameters, Password};
use eid::quirk::Quirk;
use eid::secret::Secret;
use eid::sm::SecureMessaging;
use eid::transport::Transport;
use rand_core::CryptoRng;

use super::evidence::Transcript;
use super::read::{self, ReadError};
use crate::session::{Session, SessionError};

/// Reading EF.CardAccess and choosing from it.
const CARD_ACCESS: Check = Check::new("read.card_access", "Doc 9303-11 §4.2 step 1");
/// PACE.
const PACE: Check = Check::new("access.pace", "Doc 9303-11 §4.4");
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
        /// Protocol and curve.
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
    /// What was asked and answered, to be judged again without the card.
    pub transcript: Transcript,
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
        match by_pace(session, infos, password, rng, log) {
            Ok((channel, parameters)) => {
                session.secure(channel);
                let evidence = |finding: Finding| {
                    finding
                        .with("password", password.name())
                        .with("protocol", eid::oid::describe(parameters.protocol().oid()))
                        .with("curve", parameters.curve().name())
                };
                log.findings.push(evidence(PACE.passed()));
                log.findings.push(BAC.not_attempted("pace-used", "PACE was used"));
                log.findings.push(DOWNGRADE.passed());
                select_application(session, log)?;
                return Ok(Method::Pace { password: password.name(), parameters });
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
            Ok(Method::Bac)
        }
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

/// Reads EF.CardAccess by the first way that the card knows: by short identifier under the MF, by file identifier under the MF,
/// by file identifier where the MF cannot be selected (Vietnamese cards answer 6D00).
fn card_access<T: Transport>(session: &mut Session<T>, log: &mut Log) -> Result<Option<SecurityInfos>, AccessError> {
    let file = FileId::CARD_ACCESS;
    let mf = session.transmit(&Command::new(0x00, 0xA4, 0x00, 0x0C).with_data([0x3F, 0x00]))?;
    let mut tried = vec![format!("SELECT MF {}", mf.sw)];
    let (mut found, mut last) = (None, None);
    if mf.sw.is_ok() {
        match read::read_selected(session, file, Some(file.sfi()), &mut log.quirks, &mut |_| {}) {
            Ok(bytes) => found = Some(("SFI 1C under the MF", bytes)),
            Err(ReadError::Session { source, .. }) => return Err(source.into()),
            Err(error) => tried.push(format!("by SFI: {error}")),
        }
    }
    if found.is_none() {
        let way = if mf.sw.is_ok() { "FID 011C under the MF" } else { "FID 011C without the MF" };
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
    let infos = SecurityInfos::parse(&bytes);
    log.card_access = Some(bytes);
    match infos {
        Ok(infos) => {
            let offered: Vec<_> = infos.pace().map(|info| eid::oid::describe(info.protocol.oid())).collect();
            log.findings.push(CARD_ACCESS.passed().with("selected", way).with("pace", offered.join(", ")));
            Ok(Some(infos))
        }
        Err(error) => {
            log.findings.push(CARD_ACCESS.failed("malformed", format!("EF.CardAccess: {error}")).with("selected", way));
            Ok(None)
        }
    }
}

/// Runs PACE with the first entry that both sides know, until one gets past MSE:Set AT.
fn by_pace<T: Transport>(
    session: &mut Session<T>,
    infos: &SecurityInfos,
    password: &Password,
    rng: &mut dyn CryptoRng,
    log: &mut Log,
) -> Result<(SecureMessaging, Parameters), AccessError> {
    let failed = |step, detail: String| AccessError::Failed { protocol: "PACE", step, detail };
    let mut last = failed("choice", "no PACEInfo that is supported here".to_owned());
    for info in infos.pace() {
        let parameters = match Parameters::from_info(info) {
            Ok(parameters) => parameters,
            Err(error) => {
                last = failed("choice", error.to_string());
                continue;
            }
        };
        let terminal = pace::Terminal::new(parameters, password);
        let ambiguous = infos.pace().filter(|other| other.protocol == info.protocol).count() > 1;
        let mut answer = session.transmit(&terminal.select(ambiguous))?;
        if matches!(answer.sw.0, 0x6A80 | 0x6A86 | 0x6A88 | 0x6700) {
            // Some cards want object 84 where it is not needed, others refuse it.
            let other = session.transmit(&terminal.select(!ambiguous))?;
            if other.sw.is_ok() {
                log.quirks
                    .push(Quirk::new("access.mse-parameter-id", format!("MSE:Set AT {} 84", if ambiguous { "without" } else { "with" })));
                answer = other;
            }
        }
        match answer.sw.0 {
            0x9000 | 0x63C1..=0x63CF => return run_pace(session, terminal, password, rng).map(|channel| (channel, parameters)),
            0x63C0 | 0x6283 | 0x6983..=0x6985 => {
                return Err(AccessError::Refused { protocol: "PACE", password: password.name(), sw: Some(answer.sw) });
            }
            _ => last = failed("MSE:Set AT", format!("expected 9000, found {}", answer.sw)),
        }
    }
    Err(last)
}

fn run_pace<T: Transport>(
    session: &mut Session<T>,
    terminal: pace::Terminal,
    password: &Password,
    rng: &mut dyn CryptoRng,
) -> Result<SecureMessaging, AccessError> {
    let failed = |step| move |error: pace::PaceError| AccessError::Failed { protocol: "PACE", step, detail: error.to_string() };
    let mut send = |step: &'static str, command: &Command| {
        let answer = session.transmit(command)?;
        match answer.sw.0 {
            0x9000 => Ok(answer.data),
            // Only here does the card judge the password; the others are refusals of a password that is blocked or suspended.
            _ if step == "step 4" => Err(AccessError::Refused { protocol: "PACE", password: password.name(), sw: Some(answer.sw) }),
            0x6983..=0x6985 => Err(AccessError::Refused { protocol: "PACE", password: password.name(), sw: Some(answer.sw) }),
            _ => Err(AccessError::Failed { protocol: "PACE", step, detail: format!("expected 9000, found {}", said(Some(&answer.sw))) }),
        }
    };
    let (command, state) = terminal.request_nonce();
    let nonce = send("step 1", &command)?;
    let (command, state) = state.receive(&nonce, rng).map_err(failed("step 1"))?;
    let mapping = send("step 2", &command)?;
    let (command, state) = state.receive(&mapping, rng).map_err(failed("step 2"))?;
    let key = send("step 3", &command)?;
    let (command, state) = state.receive(&key).map_err(failed("step 3"))?;
    let token = send("step 4", &command)?;
    let established = state.receive(&token).map_err(|error| match error {
        pace::PaceError::Token => AccessError::Refused { protocol: "PACE", password: password.name(), sw: None },
        error => failed("step 4")(error),
    })?;
    Ok(established.channel)
}

fn by_bac<T: Transport>(
    session: &mut Session<T>,
    seed: &Secret,
    rng: &mut dyn CryptoRng,
    log: &mut Log,
) -> Result<SecureMessaging, AccessError> {
    let failed = |step, detail: String| AccessError::Failed { protocol: "BAC", step, detail };
    // Some cards answer 6700 to EXTERNAL AUTHENTICATE with Le 28 and want 00; the challenge is spent by then.
    for le in [None, Some(256)] {
        let challenge = session.transmit(&bac::get_challenge())?;
        if !challenge.sw.is_ok() {
            return Err(failed("GET CHALLENGE", format!("expected 9000, found {}", said(Some(&challenge.sw)))));
        }
        let started = bac::Terminal::start(seed, &challenge.data, rng);
        let (mut command, terminal) = started.map_err(|error| failed("GET CHALLENGE", error.to_string()))?;
        command.le = le.or(command.le);
        let answer = session.transmit(&command)?;
        match answer.sw.0 {
            0x9000 => {
                if le.is_some() {
                    log.quirks.push(Quirk::new("access.bac-le", "EXTERNAL AUTHENTICATE with Le 00"));
                }
                return terminal.finish(&answer.data).map_err(|error| match error {
                    bac::BacError::Mac => AccessError::Refused { protocol: "BAC", password: "MRZ", sw: None },
                    error => failed("EXTERNAL AUTHENTICATE", error.to_string()),
                });
            }
            0x6700 if le.is_none() => {}
            _ => return Err(AccessError::Refused { protocol: "BAC", password: "MRZ", sw: Some(answer.sw) }),
        }
    }
    Err(failed("EXTERNAL AUTHENTICATE", "expected 9000, found 6700 twice".to_owned()))
}

/// SELECT by AID. Some cards refuse P2 = 0C (no answer data) and want to answer with file control information.
fn select_application<T: Transport>(session: &mut Session<T>, log: &mut Log) -> Result<(), AccessError> {
    let plain = Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(EMRTD_AID);
    let mut answer = session.transmit(&plain)?;
    if matches!(answer.sw.0, 0x6A86 | 0x6700 | 0x6B00) {
        let with_fci = Command { p2: 0x00, ..plain }.with_le(if session.is_extended() { EXTENDED_LE_MAX } else { 256 });
        answer = session.transmit(&with_fci)?;
        if answer.sw.is_ok() {
            log.quirks.push(Quirk::new("access.select-with-fci", "SELECT A0000002471001 with P2 = 00"));
        }
    }
    if answer.sw.is_ok() { Ok(()) } else { Err(AccessError::NoApplication { sw: answer.sw }) }
}

#[cfg(test)]
mod tests;
