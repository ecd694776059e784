//! PACE with the card: which entry of EF.CardAccess, which tolerances, and a suspended PIN.
//!
//! Only the last command lets the card judge the password; what it refuses before is a failed procedure, after which the next entry follows.
//! A password that the card refuses is never tried again, since the PIN and the PUK count.

use eid::apdu::{Command, EXTENDED_LE_MAX, SHORT_LE_MAX, Sw};
use eid::cert::chat::Chat;
use eid::lds::security_info::SecurityInfos;
use eid::protocol::finding::Finding;
use eid::protocol::pace::terminal::Established;
use eid::protocol::pace::{PaceError, Parameters, Password, Terminal};
use eid::quirk::Quirk;
use eid::transport::{Transport, TransportError};
use rand_core::CryptoRng;

use super::{AccessError, CHOICE, FALLBACK, Log, PIN, PaceResult, RESUME, said};
use crate::session::{Session, SessionError};

/// Most entries that are tried.
const MAX_TRIES: usize = 8;

/// What EF.CardAccess offers: what is supported here, the strongest first, and what is not, with the reason.
struct Offer {
    supported: Vec<Parameters>,
    unsupported: Vec<String>,
}

impl Offer {
    fn of(infos: &SecurityInfos) -> Self {
        let (mut supported, mut unsupported) = (Vec::new(), Vec::new());
        for info in infos.pace() {
            match Parameters::from_info(info, infos) {
                Ok(parameters) if supported.contains(&parameters) => {}
                Ok(parameters) => supported.push(parameters),
                Err(error) => unsupported.push(format!("{}: {error}", eid::oid::describe(info.protocol.oid()))),
            }
        }
        // stable: the order of the file decides between equals
        supported.sort_by_key(|parameters| std::cmp::Reverse(parameters.strength()));
        Self { supported, unsupported }
    }

    fn evidence(&self, finding: Finding) -> Finding {
        let offered: Vec<_> = self.supported.iter().map(ToString::to_string).collect();
        let finding = finding.with("offered", offered.join("; "));
        if self.unsupported.is_empty() { finding } else { finding.with("not_supported", self.unsupported.join("; ")) }
    }
}

fn failed(step: &'static str, detail: impl Into<String>) -> AccessError {
    AccessError::Failed { protocol: "PACE", step, detail: detail.into() }
}

fn refused(password: &Password, sw: Option<Sw>) -> AccessError {
    AccessError::Refused { protocol: "PACE", password: password.name(), sw }
}

/// A password that the card does not let anybody try; of a PIN it says why.
fn untried(password: &Password, sw: Sw, log: &mut Log) -> AccessError {
    if matches!(password, Password::Pin(_)) {
        let (code, text) = match sw.0 {
            0x63C0 | 0x6983 => ("blocked", "no try is left"),
            0x63C1 | 0x6985 => ("suspended", "the last try is taken after the CAN only"),
            0x6283 | 0x6984 => ("deactivated", "a terminal has to activate it first"),
            _ => ("refused", "the card does not say why"),
        };
        log.findings.push(PIN.failed(code, text).with("sw", sw.to_string()));
    }
    refused(password, Some(sw))
}

/// Runs PACE with the first of `passwords` over the strongest entry that works; afterwards the session is protected. `chat` is named to the
/// chip, which bounds the rights that Terminal Authentication version 2 gives.
pub(super) fn by_pace<T: Transport>(
    session: &mut Session<T>,
    infos: &SecurityInfos,
    passwords: &[Password],
    chat: Option<Chat>,
    rng: &mut dyn CryptoRng,
    log: &mut Log,
) -> Result<Parameters, AccessError> {
    let offer = Offer::of(infos);
    let Some(password) = passwords.first() else { return Err(failed("choice", "no password")) };
    let mut last: Option<AccessError> = None;
    for (index, parameters) in offer.supported.iter().take(MAX_TRIES).enumerate() {
        let ambiguous = infos.pace().filter(|other| other.protocol == parameters.protocol()).count() > 1;
        let attempt = Attempt { parameters, ambiguous, chat };
        match attempt.run(session, password, passwords, rng, log) {
            Ok(established) => {
                session.secure(established.channel);
                log.pace = Some(PaceResult {
                    chip_key: established.chip_key,
                    ca_references: established.ca_references,
                    chip_authentication: established.chip_authentication,
                });
                let finding = match &last {
                    None => CHOICE.passed().with("why", "the strongest entry that is supported: mapping, suite, then curve or group"),
                    Some(error) => CHOICE.undecided("weaker-pace-info", format!("a stronger entry was left because: {error}")),
                };
                log.findings.push(offer.evidence(finding.with("chosen", parameters.to_string())));
                return Ok(parameters.clone());
            }
            Err(error @ AccessError::Failed { step, .. }) => {
                if index + 1 < offer.supported.len() {
                    log.findings.push(FALLBACK.undecided("next-pace-info", error.to_string()).with("entry", parameters.to_string()));
                    // a run that was begun leaves the card in a state of its own
                    if step != MSE {
                        session.restart()?;
                    }
                }
                last = Some(error);
            }
            Err(error) => {
                log.findings.push(offer.evidence(CHOICE.passed().with("chosen", parameters.to_string())));
                return Err(error);
            }
        }
    }
    let why = || failed("choice", format!("no PACEInfo that is supported here: {}", offer.unsupported.join("; ")));
    let error = last.unwrap_or_else(why);
    log.findings.push(offer.evidence(CHOICE.not_supported("no-entry", error.to_string())));
    Err(error)
}

/// What the card says to MSE:Set AT for the strongest entry that is supported.
pub(super) fn ask<T: Transport>(session: &mut Session<T>, infos: &SecurityInfos, password: &Password) -> Result<Sw, AccessError> {
    let offer = Offer::of(infos);
    let Some(parameters) = offer.supported.first() else {
        return Err(failed("choice", format!("no PACEInfo that is supported here: {}", offer.unsupported.join("; "))));
    };
    let ambiguous = infos.pace().filter(|other| other.protocol == parameters.protocol()).count() > 1;
    let terminal = Terminal::new(parameters.clone(), password);
    let with = ambiguous != session.habits().other_parameter_id;
    let sw = session.transmit(&terminal.select(with))?.sw;
    if !matches!(sw.0, 0x6A80 | 0x6A86..=0x6A88 | 0x6700) {
        return Ok(sw);
    }
    // object 84 may be what it does not like
    let other = session.transmit(&terminal.select(!with))?.sw;
    Ok(if matches!(other.0, 0x6A80 | 0x6A86 | 0x6A87 | 0x6700) { sw } else { other })
}

const MSE: &str = "MSE:Set AT";
const STEPS: [&str; 4] = ["step 1", "step 2", "step 3", "step 4"];

/// One entry of EF.CardAccess, to be tried.
struct Attempt<'a> {
    parameters: &'a Parameters,
    /// EF.CardAccess has several domain parameters for this protocol.
    ambiguous: bool,
    /// What the terminal will prove later.
    chat: Option<Chat>,
}

impl Attempt<'_> {
    fn run<T: Transport>(
        &self,
        session: &mut Session<T>,
        password: &Password,
        passwords: &[Password],
        rng: &mut dyn CryptoRng,
        log: &mut Log,
    ) -> Result<Established, AccessError> {
        let (terminal, sw) = self.select(session, password, self.chat, log)?;
        // One try left: a PIN is suspended until the CAN was right in the same session.
        if matches!(password, Password::Pin(_)) && sw.0 == 0x63C1 {
            let can = passwords.iter().find(|password| matches!(password, Password::Can(_)));
            let Some(can) = can else { return Err(untried(password, sw, log)) };
            let (terminal, _) = self.select(session, can, None, log)?;
            let resumed = self.authenticate(session, terminal, can, rng, log)?;
            session.secure(resumed.channel);
            log.findings.push(RESUME.passed().with("password", "CAN"));
            let (terminal, _) = self.select(session, password, self.chat, log)?;
            return self.authenticate(session, terminal, password, rng, log);
        }
        self.authenticate(session, terminal, password, rng, log)
    }

    /// MSE:Set AT, with and without object 84 as the card wants it, and without the CHAT where the card takes none. A password that is
    /// blocked is refused here.
    fn select<T: Transport>(
        &self,
        session: &mut Session<T>,
        password: &Password,
        chat: Option<Chat>,
        log: &mut Log,
    ) -> Result<(Terminal, Sw), AccessError> {
        let terminal = Terminal::new(self.parameters.clone(), password).with_chat(chat);
        // Some cards want object 84 where it is not needed, others refuse it.
        let taken = |sw: Sw| sw.is_ok() || (0x63C1..=0x63CF).contains(&sw.0);
        let mut with = self.ambiguous != session.habits().other_parameter_id;
        let mut answer = session.transmit(&terminal.select(with))?;
        let mut after = String::new();
        // What was remembered may be wrong, whatever the card says.
        let doubtful = with != self.ambiguous && !taken(answer.sw);
        if doubtful || matches!(answer.sw.0, 0x6A80 | 0x6A86..=0x6A88 | 0x6700) {
            let other = session.transmit(&terminal.select(!with))?;
            if taken(other.sw) {
                after = format!(", after {}", answer.sw);
                (with, answer) = (!with, other);
            }
        }
        if taken(answer.sw) {
            session.habits_mut().other_parameter_id = with != self.ambiguous;
            if with != self.ambiguous {
                let how = if with { "with" } else { "without" };
                log.quirks.push(Quirk::new("access.mse-parameter-id", format!("MSE:Set AT {how} 84{after}")));
            }
        }
        match answer.sw.0 {
            0x6A80 | 0x6A86..=0x6A88 | 0x6700 if chat.is_some() => {
                log.quirks.push(Quirk::new("access.mse-without-chat", format!("MSE:Set AT without 7F4C, after {}", answer.sw)));
                self.select(session, password, None, log)
            }
            0x9000 | 0x63C1..=0x63CF => Ok((terminal, answer.sw)),
            0x63C0 | 0x6283 | 0x6983..=0x6985 => Err(untried(password, answer.sw, log)),
            _ => Err(failed(MSE, format!("expected 9000, found {}", answer.sw))),
        }
    }

    /// The four GENERAL AUTHENTICATE.
    fn authenticate<T: Transport>(
        &self,
        session: &mut Session<T>,
        terminal: Terminal,
        password: &Password,
        rng: &mut dyn CryptoRng,
        log: &mut Log,
    ) -> Result<Established, AccessError> {
        let wrong = |step| move |error: PaceError| failed(step, error.to_string());
        let long = self.parameters.domain().public_len() > 240;
        let forced = long && !session.is_extended();
        if forced {
            // Doc 9303-11 §4.4.4: keys of 2048 bits do not fit into short commands; the link refuses what it cannot carry
            session.use_extended_apdus();
        }
        let mut send = |step: &'static str, command: Command| {
            // An Le of 65,536 only where the answer needs it: some cards refuse it for the nonce.
            let le = if long && (step == STEPS[1] || step == STEPS[2]) { EXTENDED_LE_MAX } else { SHORT_LE_MAX };
            let command = Command { le: Some(le), ..command };
            let mut answer = match session.transmit(&command) {
                // another entry may have shorter keys
                Err(SessionError::Transport(TransportError::Protocol { detail })) if forced => {
                    return Err(failed(step, format!("the link does not carry keys of this length: {detail}")));
                }
                answer => answer?,
            };
            if answer.sw.0 == 0x6700 {
                let other = if le == SHORT_LE_MAX { EXTENDED_LE_MAX } else { SHORT_LE_MAX };
                let again = session.transmit(&Command { le: Some(other), ..command })?;
                if again.sw.is_ok() {
                    log.quirks.push(Quirk::new("access.pace-le", format!("GENERAL AUTHENTICATE {step} with Le {other}, after 6700")));
                    answer = again;
                }
            }
            match answer.sw.0 {
                0x9000 => Ok(answer.data),
                // Only here does the card judge the password; the others are refusals of a password that is blocked or suspended.
                _ if step == STEPS[3] => Err(refused(password, Some(answer.sw))),
                0x6983..=0x6985 => Err(untried(password, answer.sw, log)),
                0x6982 if step == STEPS[0] && matches!(password, Password::Pin(_)) => Err(untried(password, answer.sw, log)),
                _ => Err(failed(step, format!("expected 9000, found {}", said(Some(&answer.sw))))),
            }
        };
        let (command, state) = terminal.request_nonce();
        let nonce = send(STEPS[0], command)?;
        let (command, state) = state.receive(&nonce, rng).map_err(wrong(STEPS[0]))?;
        let mapping = send(STEPS[1], command)?;
        let (command, state) = state.receive(&mapping, rng).map_err(wrong(STEPS[1]))?;
        let key = send(STEPS[2], command)?;
        let (command, state) = state.receive(&key).map_err(wrong(STEPS[2]))?;
        let token = send(STEPS[3], command)?;
        state.receive(&token).map_err(|error| match error {
            PaceError::Token => refused(password, None),
            error => wrong(STEPS[3])(error),
        })
    }
}
