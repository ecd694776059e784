//! One line of the register as a value.

use std::collections::BTreeMap;

use eid::date::Date;
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A number was taken for something that is to be signed.
    Reserved,
    /// What bears the number was signed; it is in the entry.
    Issued,
    /// The number will not be used.
    Burned,
    /// A crash left something, which was put right.
    Recovered,
    /// The lines before are of version 1 and stay as they are.
    Sealed,
    /// A certificate was revoked.
    Revoked,
    /// A certificate request came in, or went out.
    Requested,
    /// A foreign certificate or list came in.
    Imported,
    /// Something without a number was signed or handed out: a list, an export.
    Published,
    /// Something that people did: a ceremony, a note.
    Noted,
}

impl Kind {
    /// As it stands in the file: `reserved`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Issued => "issued",
            Self::Burned => "burned",
            Self::Recovered => "recovered",
            Self::Sealed => "sealed",
            Self::Revoked => "revoked",
            Self::Requested => "requested",
            Self::Imported => "imported",
            Self::Published => "published",
            Self::Noted => "noted",
        }
    }
}

/// An entry of the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number: the line, from 1.
    pub line: u64,
    /// The day it was written.
    pub date: Date,
    /// What happened.
    pub kind: Kind,
    /// Which series the number belongs to: `serial` for the serial numbers of certificates, `crl`, …; empty where there is no number.
    pub series: String,
    /// The number: a serial number in hex, else decimal.
    pub number: String,
    /// What it is about: the name of files, a certificate, a state.
    pub name: String,
    /// Who asked.
    pub by: String,
    /// What else is known: `role`, `algorithm`, `reason`, ….
    pub details: BTreeMap<String, String>,
    /// What was signed or came in, in DER.
    pub data: Vec<u8>,
    pub(super) version: u32,
    pub(super) prev: String,
}

impl Entry {
    /// A detail, empty where it is not there.
    #[must_use]
    pub fn detail(&self, key: &str) -> &str {
        self.details.get(key).map_or("", String::as_str)
    }
}

/// What is to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// What it is about.
    pub name: String,
    /// Who asked.
    pub by: String,
    /// What else is known.
    pub details: BTreeMap<String, String>,
    /// What was signed or came in, in DER.
    pub data: Vec<u8>,
}

impl Event {
    /// An event about `name` that `by` asked for.
    #[must_use]
    pub fn new(kind: Kind, name: &str, by: &str) -> Self {
        Self { kind, name: name.to_owned(), by: by.to_owned(), details: BTreeMap::new(), data: Vec::new() }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// Adds what was signed or came in.
    #[must_use]
    pub fn with_data(mut self, data: &[u8]) -> Self {
        self.data = data.to_vec();
        self
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    v: u32,
    n: u64,
    prev: String,
    date: String,
    event: Kind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    series: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    number: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    by: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    data: String,
}

/// A line of version 1.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Old {
    #[serde(rename = "v")]
    _version: u32,
    event: OldKind,
    date: String,
    serial: Option<String>,
    name: Option<String>,
    algorithm: Option<String>,
    certificate: Option<String>,
    reason: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OldKind {
    Reserved,
    Issued,
    Burned,
    Torn,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

pub(super) fn parse(line: u64, bytes: &[u8]) -> Result<Entry, String> {
    let version: Version = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    match version.v {
        1 => old(line, bytes),
        2 => {
            let line: Line = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
            let date = line.date.parse().map_err(|e| format!("date: {e}"))?;
            let data = hex::decode(&line.data).map_err(|e| format!("data: {e}"))?;
            let Line { n, prev, event: kind, series, number, name, by, details, .. } = line;
            Ok(Entry { line: n, date, kind, series, number, name, by, details, data, version: 2, prev })
        }
        other => Err(format!("expected version 1 or 2, found {other}")),
    }
}

fn old(line: u64, bytes: &[u8]) -> Result<Entry, String> {
    let old: Old = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    let kind = match old.event {
        OldKind::Reserved => Kind::Reserved,
        OldKind::Issued => Kind::Issued,
        OldKind::Burned => Kind::Burned,
        OldKind::Torn => Kind::Recovered,
    };
    let name = old.name.unwrap_or_default();
    let details = [("algorithm", old.algorithm), ("reason", old.reason)];
    let mut details: BTreeMap<_, _> = details.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    if kind == Kind::Issued {
        // version 1 knew two roles, and one of them had a fixed name
        details.insert("role".to_owned(), if name == "csca" { "csca" } else { "ds" }.to_owned());
        details.insert("key".to_owned(), "file".to_owned());
    }
    Ok(Entry {
        line,
        date: old.date.parse().map_err(|e| format!("date: {e}"))?,
        kind,
        series: if old.serial.is_some() { "serial".to_owned() } else { String::new() },
        number: old.serial.unwrap_or_default(),
        name,
        by: String::new(),
        details,
        data: hex::decode(old.certificate.unwrap_or_default()).map_err(|e| format!("certificate: {e}"))?,
        version: 1,
        prev: String::new(),
    })
}

/// The line without its end.
pub(super) fn encode(entry: &Entry) -> Result<Vec<u8>, String> {
    let line = Line {
        v: 2,
        n: entry.line,
        prev: entry.prev.clone(),
        date: entry.date.to_string(),
        event: entry.kind,
        series: entry.series.clone(),
        number: entry.number.clone(),
        name: entry.name.clone(),
        by: entry.by.clone(),
        details: entry.details.clone(),
        data: hex::encode(&entry.data),
    };
    serde_json::to_vec(&line).map_err(|e| e.to_string())
}
