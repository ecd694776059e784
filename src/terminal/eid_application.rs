//! The eID application, read by an authentication terminal, or an inspection system (TR-03110-2 §3.1, TR-03110-4 clause 2.2): PACE with the
//! terminal's CHAT, Terminal Authentication version 2 with what it commits to, Chip Authentication version 2 with the key of EF.CardSecurity; then
//! the data groups that its certificates open, the answers to its questions, and the chip's identifiers for its sectors.
//!
//! Nobody signs the data groups. They are believed because the chip proved the key of EF.CardSecurity, which the state signed: without an anchor
//! for that signature the verdict is undecided. What the card refuses for want of a right is a finding, and no fault of the card; an answer
//! *no* is one, and a right one.

use std::collections::BTreeMap;

use eid::apdu::{Command, EXTENDED_LE_MAX, SHORT_LE_MAX};
use eid::cert::trust::TrustStore;
use eid::date::Date;
use eid::image::{EID_AID, EID_GROUPS, FileId};
use eid::lds::card_security::CardSecurity;
use eid::lds::eid::EidGroup;
use eid::protocol::auxiliary::{AuxiliaryData, Question};
use eid::protocol::finding::{Check, Finding, Outcome};
use eid::protocol::pace::Password;
use eid::protocol::restricted_id::{self, Info, Protocol, SectorKey};
use eid::quirk::Quirk;
use eid::transport::Transport;
use rand_core::CryptoRng;

use super::access::{AccessError, Log};
use super::credentials::TerminalCredentials;
use super::inspect;
use super::read::{self, ReadError};
use super::report::Verdict;
use crate::session::{Session, SessionError};

const APPLICATION: Check = Check::new("eid.application", "TR-03110-4 clause 2.2");
const AGE: Check = Check::new("eid.age", "TR-03110-3 A.7.5.2");
const VALIDITY: Check = Check::new("eid.validity", "TR-03110-3 A.7.5.3");
const MUNICIPALITY: Check = Check::new("eid.municipality", "TR-03110-3 A.7.5.4");
const SECTOR: Check = Check::new("eid.sector", "TR-03110-3 B.4");
const SECOND_SECTOR: Check = Check::new("eid.second_sector", "TR-03110-3 B.4");

/// What is asked of a card.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The first is for PACE: the CAN, for who has the right, or the PIN; with the CAN behind it a suspended PIN is resumed.
    pub passwords: &'a [Password],
    /// The terminal's certificates and key.
    pub terminal: &'a TerminalCredentials,
    /// The anchors for EF.CardSecurity.
    pub trust: &'a TrustStore,
    /// The day of the reading.
    pub today: Date,
    /// Numbers of the data groups; all that the terminal's own certificate opens if there are none.
    pub groups: &'a [u8],
    /// Questions, with the value that the terminal commits to.
    pub questions: &'a [(Question, Vec<u8>)],
    /// The keys of the first and of the second sector for which the terminal's certificate is made.
    pub sectors: [Option<&'a SectorKey>; 2],
}

/// What a card said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EidReading {
    /// Genuine where the state signed the key that the chip proved and nothing failed.
    pub verdict: Verdict,
    /// Everything that was checked.
    pub findings: Vec<Finding>,
    /// Tolerances used.
    pub quirks: Vec<Quirk>,
    /// The data groups as they were read.
    pub raw: BTreeMap<u8, Vec<u8>>,
    /// Those of them that are what their definition says.
    pub groups: BTreeMap<u8, EidGroup>,
    /// The card's answers.
    pub answers: BTreeMap<Question, bool>,
    /// The chip's identifiers for the first and the second sector.
    pub identifiers: [Option<Vec<u8>>; 2],
}

impl EidReading {
    fn new(log: Log) -> Self {
        Self {
            verdict: Verdict::Undecided,
            findings: log.findings,
            quirks: log.quirks,
            raw: BTreeMap::new(),
            groups: BTreeMap::new(),
            answers: BTreeMap::new(),
            identifiers: [None, None],
        }
    }

    /// The finding of that id.
    #[must_use]
    pub fn finding(&self, id: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.id() == id)
    }

    fn passed(&self, id: &str) -> bool {
        self.finding(id).is_some_and(|finding| finding.outcome == Outcome::Passed)
    }

    fn judged(mut self) -> Self {
        self.verdict = if self.findings.iter().any(|finding| finding.outcome == Outcome::Failed) {
            Verdict::NotGenuine
        } else if ["ca", "ta", "card_security.signature", "card_security.chain"].iter().all(|id| self.passed(id)) {
            Verdict::Genuine
        } else {
            Verdict::Undecided
        };
        self
    }
}

/// Reads the application. Where Terminal or Chip Authentication does not succeed nothing is read, and the findings say why.
///
/// # Errors
/// [`AccessError`]: the card did not open, announces no General Authentication Procedure, or was lost on the way.
pub fn read<T: Transport>(session: &mut Session<T>, request: &Request<'_>, rng: &mut dyn CryptoRng) -> Result<EidReading, AccessError> {
    let mut log = Log::default();
    let committed = request.questions.iter().fold(AuxiliaryData::default(), |data, (question, value)| data.with(*question, value));
    let proven = inspect::prove_terminal(session, request.passwords, request.terminal, &committed.encode(), rng, &mut log);
    let (ca, ta) = proven?;
    let security = inspect::signed_security(&mut log, request.trust, request.today);
    let open = [&ca, &ta].iter().all(|finding| finding.outcome == Outcome::Passed);
    let ca = inspect::cam::counted_by_card_security(&log.findings, ca);
    let mut reading = EidReading::new(log);
    reading.findings.extend([ta, ca]);
    if open
        && select(session, &mut reading)?
        && let Err((check, error)) = within(session, request, security.as_ref(), &mut reading)
    {
        match error {
            SessionError::Transport(_) | SessionError::Stopped(_) => return Err(error.into()),
            // what was read before stands
            _ => reading.findings.push(check.failed("channel-broken", error.to_string())),
        }
    }
    Ok(reading.judged())
}

/// Everything that is asked within the application. A card that breaks the channel is asked nothing more.
fn within<T: Transport>(
    session: &mut Session<T>,
    request: &Request<'_>,
    security: Option<&CardSecurity>,
    reading: &mut EidReading,
) -> Result<(), (Check, SessionError)> {
    for file in wanted(request).into_iter().filter_map(FileId::eid) {
        read_group(session, file, !request.groups.is_empty(), reading).map_err(|error| (read::check(file), error))?;
    }
    for (question, _) in request.questions {
        let check = match question {
            Question::Age => AGE,
            Question::Validity => VALIDITY,
            Question::Municipality => MUNICIPALITY,
        };
        ask(session, *question, check.clone(), reading).map_err(|error| (check, error))?;
    }
    let entitled = request.terminal.own().chat().allows_authentication_terminal(eid::cert::chat::Chat::RESTRICTED_IDENTIFICATION);
    let announced: Vec<_> = security.iter().flat_map(|security| Info::all(&security.infos)).collect();
    let usable = announced.iter().filter(|info| info.protocol.agreement == Protocol::ECDH_SHA256.agreement);
    let info = usable.filter(|info| entitled || !info.authorized_only).max_by_key(|info| info.authorized_only);
    for (second, sector) in [false, true].into_iter().zip(request.sectors) {
        let Some(sector) = sector else { continue };
        let check = if second { SECOND_SECTOR } else { SECTOR };
        identify(session, (second, sector), info, check.clone(), reading).map_err(|error| (check, error))?;
    }
    Ok(())
}

/// The data groups to read, each once.
fn wanted(request: &Request<'_>) -> Vec<u8> {
    let chat = request.terminal.own().chat();
    (1..=EID_GROUPS)
        .filter(|number| if request.groups.is_empty() { chat.reads_eid(*number) } else { request.groups.contains(number) })
        .collect()
}

fn select<T: Transport>(session: &mut Session<T>, reading: &mut EidReading) -> Result<bool, SessionError> {
    let answer = session.transmit(&Command::new(0x00, 0xA4, 0x04, 0x0C).with_data(EID_AID))?;
    let found = answer.sw.is_ok();
    reading.findings.push(match answer.sw.0 {
        0x9000 => APPLICATION.passed(),
        0x6A82 => APPLICATION.not_attempted("absent", "SELECT E80704007F00070302 answered 6A82"),
        _ => APPLICATION.failed("refused", format!("SELECT E80704007F00070302: expected 9000, found {}", answer.sw)),
    });
    Ok(found)
}

/// Reads one data group; that there is none is worth telling only where it was asked for by its number.
fn read_group<T: Transport>(session: &mut Session<T>, file: FileId, named: bool, reading: &mut EidReading) -> Result<(), SessionError> {
    let Some(number) = file.eid_number() else { return Ok(()) };
    let bytes = match read::read_file(session, file, &mut reading.quirks, &mut |_| {}) {
        Ok(bytes) => bytes,
        Err(ReadError::Session { source, .. }) => return Err(source),
        Err(ReadError::NotFound { .. }) if !named => return Ok(()),
        Err(error) => {
            reading.findings.push(read::finding(&error));
            return Ok(());
        }
    };
    let check = read::check(file);
    match EidGroup::read(file, &bytes, &mut reading.quirks) {
        Ok(group) => {
            reading.findings.push(check.passed());
            reading.groups.insert(number, group);
        }
        Err(error) => reading.findings.push(check.failed("malformed", error.to_string())),
    }
    reading.raw.insert(number, bytes);
    Ok(())
}

/// VERIFY.
fn ask<T: Transport>(session: &mut Session<T>, question: Question, check: Check, reading: &mut EidReading) -> Result<(), SessionError> {
    let answer = session.transmit(&question.command())?;
    let said = match answer.sw.0 {
        0x9000 => Some(true),
        // Some say the class only.
        0x6300 => Some(false),
        _ => None,
    };
    reading.findings.push(match (said, answer.sw.0) {
        (Some(yes), _) => check.passed().with("answer", if yes { "yes" } else { "no" }),
        (None, 0x6982) => check.not_attempted("protected", "the terminal does not have the right to ask (6982)"),
        (None, 0x6A88) => {
            check.failed("no-auxiliary-data", "VERIFY: expected 9000 or 6300, found 6A88, although the terminal committed to a value")
        }
        (None, _) => check.failed("refused", format!("VERIFY: expected 9000 or 6300, found {}", answer.sw)),
    });
    reading.answers.extend(said.map(|yes| (question, yes)));
    Ok(())
}

/// Restricted Identification with the key that the terminal may use: the one for who has the right before the one for everybody.
fn identify<T: Transport>(
    session: &mut Session<T>,
    (second, sector): (bool, &SectorKey),
    info: Option<&Info>,
    check: Check,
    reading: &mut EidReading,
) -> Result<(), SessionError> {
    let Some(info) = info else {
        reading.findings.push(check.not_attempted("not-offered", "EF.CardSecurity announces no key that this terminal may use"));
        return Ok(());
    };
    let evidence =
        |finding: Finding| finding.with("protocol", eid::oid::describe(info.protocol.oid())).with("key_id", info.key_id.to_string());
    let selected = session.transmit(&restricted_id::set_at(info.protocol, Some(info.key_id)))?;
    if !selected.sw.is_ok() {
        reading.findings.push(evidence(check.failed("refused", format!("MSE:Set AT: expected 9000, found {}", selected.sw))));
        return Ok(());
    }
    let le = if session.is_extended() { EXTENDED_LE_MAX } else { SHORT_LE_MAX };
    let answer = session.transmit(&restricted_id::ask(second, sector).with_le(le))?;
    let finding = match answer.sw.0 {
        0x9000 => match restricted_id::answered(info.protocol, second, &answer.data) {
            Ok(identifier) => {
                let text: String = identifier.iter().map(|octet| format!("{octet:02X}")).collect();
                if let Some(place) = reading.identifiers.get_mut(usize::from(second)) {
                    *place = Some(identifier);
                }
                check.passed().with("identifier", text)
            }
            Err(error) => check.failed("malformed", error.to_string()),
        },
        0x6982 => check.not_attempted("protected", "the terminal does not have the right to an identifier (6982)"),
        0x6300 | 0x6A80 => {
            check.failed("sector-refused", format!("GENERAL AUTHENTICATE: the key is not that of the terminal's sector ({})", answer.sw))
        }
        _ => check.failed("refused", format!("GENERAL AUTHENTICATE: expected 9000, found {}", answer.sw)),
    };
    reading.findings.push(evidence(finding));
    Ok(())
}
