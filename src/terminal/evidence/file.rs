//! Evidence in a file: JSON, binary values in base64, hashes in lower-case hexadecimal. `docs/evidence.schema.json` is its schema.
//!
//! `sha256` is over `content` as it is written here (without spaces, members in the order of the schema): it notices damage, and is no
//! signature. Who must not trust the one who keeps the file has it signed or time-stamped by means of their own.
//!
//! Not in it: passwords, and anything else that opens the card again.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding as _};
use eid::crypto::hash::Hash;
use eid::date::Date;
use eid::image::FileId;
use eid::protocol::finding::{Check, Finding, Outcome};
use eid::quirk::Quirk;
use serde::{Deserialize, Serialize};

use super::{Ended, Evidence, Kept, Transcript, sha256};
use crate::session::Traffic;
use crate::terminal::read::size_limit;
use crate::terminal::report::Verdict;
use crate::terminal::report::codes::tolerances::TOLERANCES;
use crate::terminal::report::codes::{self, known};

mod transcript;

use transcript::{ActiveAuthText, CamText, ChipAuthText, TerminalAuthText};

/// Name of the format.
const FORMAT: &str = "cardwright-evidence";
/// Newest version that this code writes, and all below it that it reads.
///
/// | version | brought |
/// | --- | --- |
/// | 1 | everything else |
/// | 2 | `cam`, `terminal_auth` |
const VERSION: u32 = 2;

/// Why a file is no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Not JSON of this form, with line and column.
    #[error("evidence: {0}")]
    Json(String),
    /// Another format or version.
    #[error("evidence: expected {FORMAT} version 1 to {VERSION}, found {found}")]
    Version {
        /// What it says it is.
        found: String,
    },
    /// The content is not what it was when the file was written.
    #[error("evidence: {what}: expected SHA-256 {expected}, found {found}")]
    Digest {
        /// Which part.
        what: String,
        /// As recorded.
        expected: String,
        /// As computed.
        found: String,
    },
    /// A value that cannot be.
    #[error("evidence: {field}: expected {expected}, found {found}")]
    Value {
        /// The member.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}

impl EvidenceError {
    /// Whether the file was changed after it was written, and not merely another file.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Digest { .. })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    format: String,
    version: u32,
    sha256: String,
    content: Content,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    program: String,
    date: String,
    ended: EndedText,
    verdict: Verdict,
    anchors: Vec<String>,
    files: Vec<FileText>,
    not_read: Vec<u8>,
    active_auth: Option<ActiveAuthText>,
    chip_auth: Option<ChipAuthText>,
    /// From version 2 on, as the next: what is not there is not written, so that a file of version 1 keeps its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cam: Option<CamText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terminal_auth: Option<TerminalAuthText>,
    findings: Vec<FindingText>,
    quirks: Vec<QuirkText>,
    traffic: TrafficText,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum EndedText {
    Opened,
    Refused,
    NoApplication,
    ChannelBroken,
    Damaged,
    Stopped,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    name: String,
    bytes: usize,
    sha256: String,
    content: Option<String>,
    listed_by: Option<DigestText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestText {
    hash: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FindingText {
    id: String,
    clause: String,
    result: String,
    reason: Option<ReasonText>,
    evidence: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReasonText {
    code: String,
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuirkText {
    rule: String,
    place: String,
    bytes: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrafficText {
    commands: u64,
    sent: u64,
    received: u64,
}

fn value(field: &'static str, expected: &'static str, found: impl Into<String>) -> EvidenceError {
    EvidenceError::Value { field, expected, found: found.into() }
}

fn base64(field: &'static str, text: &str) -> Result<Vec<u8>, EvidenceError> {
    Base64::decode_vec(text).map_err(|error| value(field, "base64", error.to_string()))
}

fn digest(field: &'static str, text: &str) -> Result<[u8; 32], EvidenceError> {
    let bytes = hex::decode(text).ok().filter(|_| !text.bytes().any(|b| b.is_ascii_uppercase()));
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| value(field, "64 lower-case hexadecimal digits", text))
}

impl Evidence {
    /// The text of the file, with a line feed at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let content = Content::of(self);
        let sha256 = content.digest();
        let outer = Outer { format: FORMAT.to_owned(), version: content.version(), sha256, content };
        // Strings, numbers, and lists of them: that always becomes JSON.
        let mut text = serde_json::to_string_pretty(&outer).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`EvidenceError`]: another format, or changed since it was written.
    pub fn from_json(text: &str) -> Result<Self, EvidenceError> {
        let json = |error: serde_json::Error| EvidenceError::Json(error.to_string());
        // Format and version first: what another version holds is not this one's fault.
        let any: serde_json::Value = serde_json::from_str(text).map_err(json)?;
        let (format, version) = (any.get("format").and_then(|v| v.as_str()), any.get("version").and_then(serde_json::Value::as_u64));
        if format != Some(FORMAT) || !version.is_some_and(|version| (1..=VERSION.into()).contains(&version)) {
            let named: String = format.unwrap_or("no format").chars().take(32).collect();
            return Err(EvidenceError::Version { found: format!("{named} version {}", version.unwrap_or(0)) });
        }
        let outer: Outer = serde_json::from_str(text).map_err(json)?;
        if outer.version < outer.content.version() {
            return Err(value("version", "2 or more for what it holds", outer.version.to_string()));
        }
        let found = outer.content.digest();
        if found != outer.sha256 {
            return Err(EvidenceError::Digest { what: "content".to_owned(), expected: outer.sha256, found });
        }
        outer.content.evidence()
    }
}

impl Content {
    /// The first version that has everything which is here: what need not be newer is read by older programs too.
    const fn version(&self) -> u32 {
        if self.cam.is_some() || self.terminal_auth.is_some() { 2 } else { 1 }
    }

    fn digest(&self) -> String {
        hex::encode(sha256(&serde_json::to_vec(self).unwrap_or_default()))
    }

    fn of(evidence: &Evidence) -> Self {
        let transcript = &evidence.transcript;
        Self {
            program: concat!("cardwright ", env!("CARGO_PKG_VERSION")).to_owned(),
            date: evidence.date.to_string(),
            ended: evidence.ended.into(),
            verdict: evidence.verdict,
            anchors: evidence.anchors.clone(),
            files: evidence.files.iter().map(|(file, kept)| FileText::of(*file, kept)).collect(),
            not_read: evidence.not_read.iter().copied().collect(),
            active_auth: transcript.active_auth.as_ref().map(ActiveAuthText::of),
            chip_auth: transcript.chip_auth.as_ref().map(ChipAuthText::of),
            cam: transcript.cam.as_ref().map(CamText::of),
            terminal_auth: transcript.terminal_auth.as_ref().map(TerminalAuthText::of),
            findings: evidence.findings.iter().map(FindingText::of).collect(),
            quirks: evidence
                .quirks
                .iter()
                .map(|quirk| QuirkText { rule: quirk.rule.to_owned(), place: quirk.place.to_string(), bytes: quirk.hex() })
                .collect(),
            traffic: TrafficText { commands: evidence.traffic.commands, sent: evidence.traffic.sent, received: evidence.traffic.received },
        }
    }

    fn evidence(&self) -> Result<Evidence, EvidenceError> {
        let mut files = BTreeMap::new();
        for file in &self.files {
            let (id, kept) = file.kept()?;
            if files.insert(id, kept).is_some() {
                return Err(value("files", "each file once", file.name.clone()));
            }
        }
        let transcript = Transcript {
            active_auth: self.active_auth.as_ref().map(ActiveAuthText::read).transpose()?,
            chip_auth: self.chip_auth.as_ref().map(ChipAuthText::read).transpose()?,
            cam: self.cam.as_ref().map(CamText::read).transpose()?,
            terminal_auth: self.terminal_auth.as_ref().map(TerminalAuthText::read).transpose()?,
        };
        Ok(Evidence {
            date: self.date.parse::<Date>().map_err(|_| value("date", "YYYY-MM-DD", self.date.clone()))?,
            ended: self.ended.into(),
            files,
            not_read: self.not_read.iter().copied().filter(|number| (1..=16).contains(number)).collect(),
            transcript,
            anchors: self.anchors.clone(),
            findings: self.findings.iter().map(FindingText::finding).collect::<Result<_, _>>()?,
            quirks: self.quirks.iter().map(QuirkText::quirk).collect::<Result<_, _>>()?,
            traffic: Traffic { commands: self.traffic.commands, sent: self.traffic.sent, received: self.traffic.received },
            verdict: self.verdict,
        })
    }
}

impl FileText {
    fn of(file: FileId, kept: &Kept) -> Self {
        let (digest, content, listed_by) = match kept {
            Kept::Whole(bytes) => (sha256(bytes), Some(Base64::encode_string(bytes)), None),
            Kept::Redacted { sha256, listed_by, .. } => (*sha256, None, listed_by.as_ref()),
        };
        let listed_by = listed_by.map(|(hash, value)| DigestText { hash: hash.name().to_owned(), value: hex::encode(value) });
        Self { name: file.name(), bytes: kept.len(), sha256: hex::encode(digest), content, listed_by }
    }

    fn kept(&self) -> Result<(FileId, Kept), EvidenceError> {
        let id = FileId::from_name(&self.name).ok_or_else(|| value("files", "a file of Doc 9303-10", self.name.clone()))?;
        let sha = digest("files sha256", &self.sha256)?;
        if self.bytes > size_limit(id) {
            return Err(value("files bytes", "no more than such a file may have", self.bytes.to_string()));
        }
        let Some(content) = &self.content else {
            let listed_by = match &self.listed_by {
                None => None,
                Some(digest) => {
                    let hash = Hash::ALL.into_iter().find(|hash| hash.name() == digest.hash);
                    let hash = hash.ok_or_else(|| value("listed_by", "a hash of Doc 9303-12", digest.hash.clone()))?;
                    let bytes = hex::decode(&digest.value).map_err(|_| value("listed_by", "hexadecimal digits", digest.value.clone()))?;
                    Some((hash, bytes))
                }
            };
            return Ok((id, Kept::Redacted { len: self.bytes, sha256: sha, listed_by }));
        };
        let bytes = base64("files content", content)?;
        let found = sha256(&bytes);
        if found != sha || bytes.len() != self.bytes {
            return Err(EvidenceError::Digest { what: self.name.clone(), expected: self.sha256.clone(), found: hex::encode(found) });
        }
        Ok((id, Kept::Whole(bytes)))
    }
}

const OUTCOMES: [Outcome; 5] = [Outcome::Passed, Outcome::Failed, Outcome::NotSupported, Outcome::NotAttempted, Outcome::Undecided];

impl FindingText {
    fn of(finding: &Finding) -> Self {
        Self {
            id: finding.id().to_owned(),
            clause: finding.check.clause.to_owned(),
            result: finding.outcome.as_str().to_owned(),
            reason: finding.reason.as_ref().map(|reason| ReasonText { code: reason.code.to_owned(), text: reason.text.clone() }),
            evidence: finding.evidence.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        }
    }

    /// Codes and names that this version does not know are kept in the text.
    fn finding(&self) -> Result<Finding, EvidenceError> {
        let outcome = OUTCOMES.into_iter().find(|outcome| outcome.as_str() == self.result);
        let outcome = outcome.ok_or_else(|| value("findings result", "an outcome", self.result.clone()))?;
        let check = Check::named(self.id.clone(), codes::clause(&self.id));
        let mut finding = match &self.reason {
            None if outcome == Outcome::Passed => check.passed(),
            None => check.ended(outcome, codes::UNKNOWN, ""),
            Some(reason) => match known(codes::REASONS.iter().map(|(code, _)| *code), &reason.code) {
                Some(code) => check.ended(outcome, code, reason.text.clone()),
                None => check.ended(outcome, codes::UNKNOWN, format!("{}: {}", reason.code, reason.text)),
            },
        };
        for (name, text) in &self.evidence {
            if let Some(name) = known(codes::EVIDENCE.iter().copied(), name) {
                finding = finding.with(name, text.clone());
            }
        }
        Ok(finding)
    }
}

impl QuirkText {
    fn quirk(&self) -> Result<Quirk, EvidenceError> {
        let bytes = hex::decode(&self.bytes).map_err(|_| value("quirks bytes", "hexadecimal digits", self.bytes.clone()))?;
        let quirk = match known(TOLERANCES.iter().map(|known| known.rule), &self.rule) {
            Some(rule) => Quirk::new(rule, self.place.clone()),
            None => Quirk::new(codes::UNKNOWN, format!("{}: {}", self.rule, self.place)),
        };
        Ok(quirk.over(&bytes))
    }
}

impl From<Ended> for EndedText {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Opened => Self::Opened,
            Ended::Refused => Self::Refused,
            Ended::NoApplication => Self::NoApplication,
            Ended::ChannelBroken => Self::ChannelBroken,
            Ended::Damaged => Self::Damaged,
            Ended::Stopped => Self::Stopped,
        }
    }
}

impl From<EndedText> for Ended {
    fn from(ended: EndedText) -> Self {
        match ended {
            EndedText::Opened => Self::Opened,
            EndedText::Refused => Self::Refused,
            EndedText::NoApplication => Self::NoApplication,
            EndedText::ChannelBroken => Self::ChannelBroken,
            EndedText::Damaged => Self::Damaged,
            EndedText::Stopped => Self::Stopped,
        }
    }
}
