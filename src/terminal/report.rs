//! The answer of an inspection: findings, the verdict that a stated [policy] draws from them, and what to show.

use std::collections::BTreeMap;

use eid::date::Date;
use eid::image::FileId;
use eid::protocol::finding::{Finding, Outcome};
use eid::quirk::Quirk;
use serde::{Deserialize, Serialize};

use super::policy::{self, Policy, Seen};
use crate::session::Traffic;

pub mod codes;
pub mod html;
pub(crate) mod page;
pub mod text;

/// Version of the JSON form. A reader refuses a higher one.
pub const VERSION: u32 = 1;

/// What follows for the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every required check passed.
    Genuine,
    /// A check failed.
    NotGenuine,
    /// Nothing failed, and something required has no answer: no trust anchor, an unknown algorithm.
    Undecided,
    /// The card did not open: wrong or blocked password, or no way that both sides know.
    AccessRefused,
}

impl Verdict {
    /// Exit code of a program that says only this: 0, 1, 3, 4.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Genuine => 0,
            Self::NotGenuine => 1,
            Self::Undecided => 3,
            Self::AccessRefused => 4,
        }
    }

    /// The word in reports: `genuine`, `not-genuine`, `undecided`, `access-refused`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Genuine => "genuine",
            Self::NotGenuine => "not-genuine",
            Self::Undecided => "undecided",
            Self::AccessRefused => "access-refused",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who the card says it belongs to, from the MRZ in DG1. To be believed only with [`Verdict::Genuine`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Document code: `ID`, `P`.
    pub code: String,
    /// Issuing state, as in the MRZ.
    pub issuer: String,
    /// Document number.
    pub number: String,
    /// The 12-digit personal number of a Vietnamese identity card, whose document number is only its last nine digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personal_number: Option<String>,
    /// Name as in the MRZ: primary identifier, two spaces, secondary identifier.
    pub name: String,
    /// Nationality, as in the MRZ.
    pub nationality: String,
    /// `YYMMDD` as in the MRZ; the century is not there.
    pub birth: String,
    /// `YYMMDD` as in the MRZ.
    pub expiry: String,
}

/// By which policy a card was judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PolicyNote {
    /// Its name.
    pub name: String,
    /// What it requires beside its own rules: `ca`, `aa`.
    pub requirements: Vec<String>,
    /// What stands between what was seen and "genuine", a line each.
    pub obstacles: Vec<String>,
    /// What is open and was let stand, a line each with its reason.
    pub concessions: Vec<String>,
}

impl PolicyNote {
    /// What `policy` says of itself and of what was seen.
    #[must_use]
    pub fn of(policy: &dyn Policy, seen: Seen<'_>) -> Self {
        Self {
            name: policy.name().to_owned(),
            requirements: policy.requirements(),
            obstacles: policy.obstacles(seen),
            concessions: policy.concessions(seen),
        }
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A card.
    #[default]
    Card,
    /// The evidence of an earlier inspection.
    Evidence,
    /// Files without a card.
    Files,
}

impl Source {
    /// In words.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::Card => "the card was inspected",
            Self::Evidence => "judged again from evidence, without the card",
            Self::Files => "files were verified, without a card",
        }
    }
}

/// What an inspection found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was looked at.
    pub source: Source,
    /// What follows from the findings.
    pub verdict: Verdict,
    /// By which policy.
    pub policy: PolicyNote,
    /// The day on which the card was inspected.
    pub date: Date,
    /// Who the card says it belongs to, if DG1 could be read.
    pub document: Option<Document>,
    /// Every check, in the order of the procedure.
    pub findings: Vec<Finding>,
    /// Every leniency that the card needed.
    pub quirks: Vec<Quirk>,
    /// Files read, with their length in bytes.
    pub files: BTreeMap<FileId, usize>,
    /// What went over the wire.
    pub traffic: Traffic,
}

impl Report {
    /// What a policy judges.
    #[must_use]
    pub fn seen(&self) -> Seen<'_> {
        Seen { findings: &self.findings, quirks: &self.quirks }
    }

    /// Whether the policy counts this tolerance against the document.
    #[must_use]
    pub fn is_counted(&self, quirk: &Quirk) -> bool {
        self.policy.obstacles.contains(&policy::form(quirk))
    }

    /// The finding of a check.
    #[must_use]
    pub fn finding(&self, id: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.id() == id)
    }

    /// The findings that are not passed.
    pub fn remarks(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.outcome != Outcome::Passed)
    }

    /// The report as JSON.
    ///
    /// ```text
    /// { "version": 1, "source": "card", "verdict": "genuine", "exit_code": 0, "date": "2026-11-21",
    ///   "document": { "code", "issuer", "number", "personal_number"?, "name", "nationality", "birth", "expiry" } | null,
    ///   "policy": { "name", "requirements": [ word ], "obstacles": [ line ], "concessions": [ line ] },
    ///   "checks": [ { "id", "clause", "result", "reason": { "code", "text" } | null, "evidence": { name: value } } ],
    ///   "quirks": [ { "rule", "place", "bytes"? } ],
    ///   "files": [ { "name", "bytes" } ],
    ///   "traffic": { "commands", "sent", "received" } }
    /// ```
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let checks: Vec<_> = self
            .findings
            .iter()
            .map(|finding| {
                let reason = finding.reason.as_ref().map(|reason| serde_json::json!({ "code": reason.code, "text": reason.text }));
                let evidence: serde_json::Map<_, _> =
                    finding.evidence.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
                serde_json::json!({
                    "id": finding.check.id, "clause": finding.check.clause, "result": finding.outcome.as_str(),
                    "reason": reason, "evidence": evidence,
                })
            })
            .collect();
        let quirks: Vec<_> = self.quirks.iter().map(quirk_json).collect();
        let files: Vec<_> = self.files.iter().map(|(file, bytes)| serde_json::json!({ "name": file.name(), "bytes": bytes })).collect();
        serde_json::json!({
            "version": VERSION, "source": self.source, "verdict": self.verdict, "exit_code": self.verdict.exit_code(), "date": self.date.to_string(),
            "document": self.document, "policy": self.policy, "checks": checks, "quirks": quirks, "files": files,
            "traffic": { "commands": self.traffic.commands, "sent": self.traffic.sent, "received": self.traffic.received },
        })
    }
}

/// A tolerance as JSON: `{ "rule", "place", "bytes"? }`, the bytes in hex where the rule was broken by some.
#[must_use]
pub fn quirk_json(quirk: &Quirk) -> serde_json::Value {
    let mut out = serde_json::json!({ "rule": quirk.rule, "place": quirk.place, "bytes": quirk.hex() });
    if !quirk.bytes.is_empty() {
        out["bytes"] = quirk.hex().into();
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use eid::protocol::finding::Check;

    use super::super::policy::StandardPolicy;
    use super::*;

    fn check(id: &'static str) -> Check {
        Check::new(id, "test")
    }

    pub(crate) fn sample() -> Report {
        let findings = vec![
            check("access.pace").passed().with("password", "CAN"),
            check("ca").passed(),
            check("read.dg1").passed(),
            check("read.dg3").not_attempted("protected", "EF.DG3: protected by extended access control (6982)"),
            check("pa.sod").passed(),
            check("pa.hash.dg2").failed("hash-differs", "DG2 hash differs: EF.SOD says 00, the file gives 01"),
        ];
        Report {
            source: Source::Card,
            verdict: StandardPolicy::default().judge(Seen { findings: &findings, quirks: &[] }),
            policy: PolicyNote::of(&StandardPolicy::default(), Seen { findings: &findings, quirks: &[] }),
            date: Date::new(2026, 11, 21).expect("a day"),
            document: Some(Document {
                code: "ID".to_owned(),
                issuer: "VNM".to_owned(),
                number: "505000123".to_owned(),
                personal_number: Some("079505000123".to_owned()),
                name: "PHAM  THI UOC MAU".to_owned(),
                nationality: "VNM".to_owned(),
                birth: "050105".to_owned(),
                expiry: "300105".to_owned(),
            }),
            findings,
            quirks: vec![Quirk::new("access.card_access-by-fid", "FID 011C without the MF")],
            files: BTreeMap::from([(FileId::COM, 22)]),
            traffic: Traffic { commands: 3, sent: 30, received: 60 },
        }
    }

    #[test]
    fn json_form_of_version_1() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&sample().to_json()).expect("JSON"), @r#"
        {
          "checks": [
            {
              "clause": "test",
              "evidence": {
                "password": "CAN"
              },
              "id": "access.pace",
              "reason": null,
              "result": "passed"
            },
            {
              "clause": "test",
              "evidence": {},
              "id": "ca",
              "reason": null,
              "result": "passed"
            },
            {
              "clause": "test",
              "evidence": {},
              "id": "read.dg1",
              "reason": null,
              "result": "passed"
            },
            {
              "clause": "test",
              "evidence": {},
              "id": "read.dg3",
              "reason": {
                "code": "protected",
                "text": "EF.DG3: protected by extended access control (6982)"
              },
              "result": "not-attempted"
            },
            {
              "clause": "test",
              "evidence": {},
              "id": "pa.sod",
              "reason": null,
              "result": "passed"
            },
            {
              "clause": "test",
              "evidence": {},
              "id": "pa.hash.dg2",
              "reason": {
                "code": "hash-differs",
                "text": "DG2 hash differs: EF.SOD says 00, the file gives 01"
              },
              "result": "failed"
            }
          ],
          "date": "2026-11-21",
          "document": {
            "birth": "050105",
            "code": "ID",
            "expiry": "300105",
            "issuer": "VNM",
            "name": "PHAM  THI UOC MAU",
            "nationality": "VNM",
            "number": "505000123",
            "personal_number": "079505000123"
          },
          "exit_code": 1,
          "files": [
            {
              "bytes": 22,
              "name": "EF.COM"
            }
          ],
          "policy": {
            "concessions": [],
            "name": "standard",
            "obstacles": [
              "pa.hash.dg2 failed, DG2 hash differs: EF.SOD says 00, the file gives 01"
            ],
            "requirements": []
          },
          "quirks": [
            {
              "bytes": "",
              "place": "FID 011C without the MF",
              "rule": "access.card_access-by-fid"
            }
          ],
          "source": "card",
          "traffic": {
            "commands": 3,
            "received": 60,
            "sent": 30
          },
          "verdict": "not-genuine",
          "version": 1
        }
        "#);
    }
}
