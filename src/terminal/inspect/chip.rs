//! Chip Authentication: does the chip hold the private key whose public half DG14 carries?
//!
//! The ways that DG14 offers are tried from the strongest on ([`choice`] says the order); a chip that refuses one keeps its old
//! channel, so that the next can be tried, which is then a quirk. What no clause asks for and some chips need is tried after the usual
//! form: naming the only key, not naming it, MSE:Set AT with 3DES, a chain of short commands.

use eid::apdu::{Command, Response};
use eid::crypto::agreement::AgreementPrivateKey;
use eid::lds::dg14::Dg14;
use eid::lds::security_info::SecurityInfos;
use eid::protocol::chip_auth::choice::{self, Choice};
use eid::protocol::chip_auth::{Form, Terminal, Version};
use eid::protocol::finding::{Check, Finding};
use eid::quirk::Quirk;
use eid::sm::SecureMessaging;
use eid::transport::Transport;

use super::super::access::AccessError;
use super::super::evidence::ChipAuth;
use super::super::read::{self, ReadError};
use super::{Run, dg};
use crate::session::SessionError;

pub(super) const CA: Check = Check::new("ca", "Doc 9303-11 §6.2");

/// Most ways of DG14 that are tried.
const MAX_WAYS: usize = 4;
/// Longest command of a chain that every chip takes.
const CHAIN: usize = 224;

/// One form of the commands.
#[derive(Clone, Copy)]
struct Attempt {
    form: Form,
    /// Whether object 84 names the key.
    named: bool,
    /// Whether GENERAL AUTHENTICATE goes as a chain of commands of at most [`CHAIN`] bytes.
    chained: bool,
    /// What is noted if only this form was taken.
    quirk: Option<&'static str>,
}

/// The usual form first, then those that single chips need.
fn attempts(way: &Choice) -> Vec<Attempt> {
    let usual = Attempt { form: Form::usual(way.version, way.protocol.suite), named: way.several, chained: false, quirk: None };
    let mut attempts = vec![usual];
    if way.key_id.is_some() {
        attempts.push(Attempt { named: !way.several, quirk: Some("ca.key-id"), ..usual });
    }
    if usual.form == Form::KeyAgreementTemplate {
        attempts.push(Attempt { form: Form::AuthenticationTemplate, quirk: Some("ca.set-at-3des"), ..usual });
    } else {
        attempts.push(Attempt { chained: true, quirk: Some("ca.chaining"), ..usual });
    }
    attempts
}

/// How an attempt ended.
enum Ended {
    /// With the chip's answer to the last command.
    Answered(Vec<u8>),
    /// The chip refused; the old channel stays.
    Refused(String),
    /// The channel broke.
    Broken(String),
}

/// What Chip Authentication leaves.
pub(super) struct ChipAuthenticated {
    /// The finding; it counts only once passive authentication has confirmed the key.
    pub(super) finding: Finding,
    /// Comp(PK) of the terminal's ephemeral key, to which Terminal Authentication binds; `None` if there was no agreement.
    pub(super) key: Option<Vec<u8>>,
}

impl From<Finding> for ChipAuthenticated {
    fn from(finding: Finding) -> Self {
        Self { finding, key: None }
    }
}

impl<T: Transport> Run<'_, '_, T> {
    /// Chip Authentication version 1 by the strongest way that DG14 offers. Passed only after an answer under the new keys.
    pub(super) fn chip_authentication(&mut self, dg14: Option<&Dg14>) -> Result<ChipAuthenticated, AccessError> {
        let Some(dg14) = dg14 else {
            return Ok(CA.not_attempted("not-offered", "there is no DG14 that could be read").into());
        };
        if dg14.infos.chip_auth_public_keys().next().is_none() {
            return Ok(CA.not_attempted("not-offered", "DG14 has no key for Chip Authentication").into());
        }
        if self.broken {
            return Ok(CA.not_attempted("channel-broken", "the secure channel broke before").into());
        }
        let choices = choice::choices(&dg14.infos, &mut self.log.quirks);
        let mut ways: Vec<_> = choices.ways.iter().filter(|way| way.version == Version::One).take(MAX_WAYS).collect();
        if ways.is_empty() && !choices.ways.is_empty() {
            let text = "DG14 offers version 2 only, which follows Terminal Authentication version 2";
            return Ok(CA.not_attempted("no-terminal-authentication", text).into());
        }
        if ways.is_empty() {
            return Ok(CA.not_supported("protocol-unknown", format!("DG14: {}", choices.unusable.join("; "))).into());
        }
        let mut refused = None;
        for way in ways.drain(..) {
            for attempt in attempts(way) {
                match self.attempt(way, attempt, None)? {
                    Ok(done) => {
                        if let Some(first) = &refused {
                            let rule = attempt.quirk.unwrap_or("ca.weaker-way");
                            self.log.quirks.push(Quirk::new(rule, format!("Chip Authentication, after {first}")));
                        }
                        return Ok(done);
                    }
                    Err(why) => refused = Some(refused.unwrap_or(why)),
                }
            }
        }
        let strongest = choices.ways.iter().find(|way| way.version == Version::One);
        let finding = CA.failed("refused", refused.unwrap_or_default());
        Ok(strongest.map_or(finding.clone(), |way| described(finding, way)).into())
    }

    /// One form of one way; `Err` is why the chip refused. In version 2 the ephemeral key is the one that Terminal Authentication named.
    pub(super) fn chip_authentication_2(
        &mut self,
        way: &Choice,
        ephemeral: &AgreementPrivateKey,
    ) -> Result<ChipAuthenticated, AccessError> {
        let mut refused = String::new();
        for attempt in attempts(way) {
            match self.attempt(way, attempt, Some(ephemeral))? {
                Ok(done) => {
                    if let Some(rule) = attempt.quirk {
                        self.log.quirks.push(Quirk::new(rule, format!("Chip Authentication, after {refused}")));
                    }
                    return Ok(done);
                }
                Err(why) => refused = why,
            }
        }
        Ok(described(CA.failed("refused", refused), way).into())
    }

    fn attempt(
        &mut self,
        way: &Choice,
        attempt: Attempt,
        ephemeral: Option<&AgreementPrivateKey>,
    ) -> Result<Result<ChipAuthenticated, String>, AccessError> {
        let key_id = way.key_id.filter(|_| attempt.named);
        self.log.transcript.chip_auth = None;
        let drawn = ephemeral.cloned().unwrap_or_else(|| AgreementPrivateKey::generate(&way.key.domain(), self.rng));
        let terminal = match Terminal::with_key(way.version, way.protocol, key_id, &way.key, &drawn) {
            Ok(terminal) => terminal,
            Err(error) => return Ok(Ok(described(CA.not_supported("protocol-unknown", error.to_string()), way).into())),
        };
        let last = match self.agree(&terminal.commands(attempt.form), attempt.chained)? {
            Ended::Answered(data) => data,
            Ended::Refused(why) => return Ok(Err(why)),
            Ended::Broken(why) => {
                self.reopen(false)?;
                return Ok(Ok(described(CA.failed("channel-broken", why), way).into()));
            }
        };
        let key = terminal.public().compressed();
        match terminal.finish(attempt.form, &last) {
            Ok(channel) => self.session.secure_recorded(channel),
            Err(error) => {
                self.reopen(false)?;
                let code = if error == eid::protocol::chip_auth::ChipAuthError::Token { "key-not-proven" } else { "malformed" };
                return Ok(Ok(described(CA.failed(code, error.to_string()), way).into()));
            }
        }
        // Nothing is proven before the first answer under the new keys.
        let selected = read::select(self.session, dg(14));
        self.log.transcript.chip_auth = self.session.take_recorded().map(|exchange| ChipAuth {
            protocol: way.protocol.oid().to_owned(),
            version: if way.version == Version::One { 1 } else { 2 },
            key_id,
            ephemeral: drawn.number().clone(),
            agreed: last,
            command: exchange.command,
            answer: exchange.answer,
        });
        match selected {
            Err(ReadError::Session { source: SessionError::Transport(error), .. }) => Err(SessionError::Transport(error).into()),
            Err(ReadError::Session { source, .. }) => {
                self.reopen(false)?;
                Ok(Ok(described(CA.failed("key-not-proven", not_proven(&source)), way).into()))
            }
            Ok(()) | Err(_) => Ok(Ok(ChipAuthenticated { finding: described(CA.passed(), way), key: Some(key) })),
        }
    }

    /// Sends the commands of an attempt; each but a last one must be answered with 9000.
    fn agree(&mut self, commands: &[Command], chained: bool) -> Result<Ended, AccessError> {
        let mut last = Vec::new();
        for command in commands {
            let parts = if chained { command.chain(CHAIN) } else { vec![command.clone()] };
            for part in parts {
                let answer = match self.session.transmit(&part) {
                    Ok(answer) => answer,
                    Err(SessionError::Transport(error)) => return Err(SessionError::Transport(error).into()),
                    Err(error) => return Ok(Ended::Broken(error.to_string())),
                };
                if !answer.sw.is_ok() {
                    // The old channel stays (TR-03110-3 B.1).
                    let text = format!("{command:?}: expected 9000, found {} {}", answer.sw, answer.sw.meaning());
                    return Ok(Ended::Refused(text.trim_end().to_owned()));
                }
                last = answer.data;
            }
        }
        Ok(Ended::Answered(last))
    }
}

fn described(finding: Finding, way: &Choice) -> Finding {
    let finding = finding.with("protocol", eid::oid::describe(way.protocol.oid()));
    // The word `curve` stays for who reads reports of before there were others.
    finding.with("curve", way.key.domain().name())
}

fn not_proven(why: &dyn std::fmt::Display) -> String {
    format!("the chip does not hold the private key of DG14: {why}")
}

/// What a Chip Authentication left, computed from its record.
pub(in crate::terminal) struct Agreed {
    /// The terminal's ephemeral key, compressed.
    pub(in crate::terminal) key: Vec<u8>,
    /// The channel after its first exchange.
    pub(in crate::terminal) channel: SecureMessaging,
    pub(in crate::terminal) version: Version,
}

/// Chip Authentication from its record: agrees again with the key of `infos`, those of DG14 or EF.CardSecurity, and opens the first exchange
/// under the keys that follow.
pub(in crate::terminal) fn chip_auth_again(infos: &SecurityInfos, record: &ChipAuth) -> (Finding, Option<Agreed>) {
    let choices = choice::choices(infos, &mut Vec::new());
    let version = if record.version == 1 { Version::One } else { Version::Two };
    let fits = |way: &&Choice| {
        let same_key = record.key_id.is_none_or(|id| way.key_id.is_some_and(|own| own.as_reference() == id.as_reference()));
        way.version == version && way.protocol.oid() == record.protocol && same_key && (record.key_id.is_some() || !way.several)
    };
    let Some(way) = choices.ways.iter().find(fits) else {
        if choices.ways.is_empty() {
            return (CA.not_supported("protocol-unknown", format!("DG14: {}", choices.unusable.join("; "))), None);
        }
        return (CA.failed("record-differs", "the record is of another protocol or key than those that DG14 offers"), None);
    };
    match agree_again(way, record) {
        Ok(agreed) => (described(CA.passed(), way), Some(agreed)),
        Err(finding) => (described(finding, way), None),
    }
}

fn agree_again(way: &Choice, record: &ChipAuth) -> Result<Agreed, Finding> {
    let wrong = |error: &dyn std::fmt::Display| CA.failed("record-malformed", format!("record of Chip Authentication: {error}"));
    let ephemeral = AgreementPrivateKey::from_bytes(&way.key.domain(), record.ephemeral.expose()).map_err(|error| wrong(&error))?;
    let terminal = Terminal::with_key(way.version, way.protocol, record.key_id, &way.key, &ephemeral).map_err(|error| wrong(&error))?;
    let channel = match way.version {
        // The answer of version 1 says nothing.
        Version::One => terminal.into_channel(),
        Version::Two => terminal.finish(Form::AuthenticationTemplate, &record.agreed),
    };
    let mut channel = channel.map_err(|error| CA.failed("key-not-proven", not_proven(&error)))?;
    let command = Command::parse(&record.command).map_err(|error| wrong(&error))?;
    let answer = Response::parse(&record.answer).map_err(|error| wrong(&error))?;
    // The command is ours: one that does not open was not sent under these keys.
    channel.unprotect_command(&command).map_err(|error| wrong(&error))?;
    let opened = channel.unprotect_response(&answer);
    opened.map_err(|error| CA.failed("key-not-proven", not_proven(&SessionError::SecureMessaging(error))))?;
    Ok(Agreed { key: ephemeral.public().compressed(), channel, version: way.version })
}
