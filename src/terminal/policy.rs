//! The policy: what follows from the findings for the card. The caller can replace it; the report says which one judged.
//!
//! [`StandardPolicy`] thinks as a border does. In this order:
//!
//! 1. A failed check is a contradiction between what the card shows and what its state signed: **not genuine**. Findings about rights
//!    (`access.*` but `access.channel`, and `ta`) never count here: that a card refuses a way of access, or our terminal certificates, says
//!    nothing against it. Nor do those on how certificates were made (`profile.*`): what trust rests on is in `pa.chain`.
//! 2. Nothing is shown without `pa.sod`, `pa.signature`, `pa.chain` and `pa.hash.dg1`: unless all of them passed, **undecided**.
//! 3. A check that ran without an answer (`undecided`, `not-supported`) leaves the question open: **undecided**. One that was not attempted,
//!    because the card has no such feature or guards it for others, counts neither way. One is let stand, and the report says so: where
//!    nobody states the day of signing (`pa.validity.signing` undecided, `signing-date-unknown`), `pa.validity.today` passed answers it too,
//!    since the signature is there today and was not made before its certificate.
//! 4. A check that the caller requires ([`Requirement`]) must have passed. If it failed, rule 1 holds (a refused `ta` is rule 4). If it did
//!    not run or gave no answer, **undecided**, never "not genuine": a document without the feature may be a genuine document of another
//!    kind, and whoever takes the feature away from a genuine card fails elsewhere, because EF.SOD lists the file with its key.
//! 5. Else **genuine**.
//!
//! [`StrictPolicy`] takes no document that is made otherwise than the standard asks; its own head says what it counts.
//!
//! A card that was never opened is judged by no policy; [`Ended`](super::evidence::Ended) says what follows.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use eid::protocol::finding::{Finding, Outcome};
use eid::quirk::Quirk;

use super::report::Verdict;

mod strict;

pub use strict::StrictPolicy;
pub(in crate::terminal) use strict::{FORM, form};

/// What a policy judges.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'a> {
    /// Every check.
    pub findings: &'a [Finding],
    /// Every tolerance that was used; [`tolerances`](super::report::codes::tolerances) says whose oddity each is.
    pub quirks: &'a [Quirk],
}

/// What follows from what was seen of a card that was opened.
pub trait Policy: fmt::Debug + Send + Sync {
    /// The verdict.
    fn judge(&self, seen: Seen<'_>) -> Verdict;

    /// The name of the policy, for the report.
    fn name(&self) -> &str;

    /// What it requires, in the words of the command line; for the report.
    fn requirements(&self) -> Vec<String> {
        Vec::new()
    }

    /// One line for each open question that the policy lets stand, with its reason; for the report.
    fn concessions(&self, seen: Seen<'_>) -> Vec<String> {
        let _ = seen;
        Vec::new()
    }

    /// One line for each thing that stands between what was seen and "genuine"; for the report.
    fn obstacles(&self, seen: Seen<'_>) -> Vec<String> {
        let _ = seen;
        Vec::new()
    }
}

/// A check that the caller demands, beside those without which nothing is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Requirement {
    /// The chip is authenticated by PACE with chip authentication mapping: `cam`.
    PaceCam,
    /// Chip Authentication: `ca`.
    Ca,
    /// Active Authentication: `aa`.
    Aa,
    /// The terminal has shown its rights, so that DG3 and DG4 could be read: `ta`.
    Ta,
}

impl Requirement {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::PaceCam, Self::Ca, Self::Aa, Self::Ta];

    /// The word of the command line: `pace-cam`, `ca`, `aa`, `ta`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PaceCam => "pace-cam",
            other => other.check(),
        }
    }

    /// The id of the check that must have passed.
    #[must_use]
    pub const fn check(self) -> &'static str {
        match self {
            Self::PaceCam => "cam",
            Self::Ca => "ca",
            Self::Aa => "aa",
            Self::Ta => "ta",
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Requirement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or_else(|| format!("expected one of {}, found {text:?}", known()))
    }
}

/// The policy that is described at the head of this module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StandardPolicy {
    /// Checks that must have passed.
    pub required: BTreeSet<Requirement>,
}

/// Checks without which nothing is shown.
pub const ALWAYS: [&str; 4] = ["pa.sod", "pa.signature", "pa.chain", "pa.hash.dg1"];

/// Whether a finding is about the card, and not about rights on it or the style of a certificate. A broken channel is: somebody changed an
/// answer.
pub(in crate::terminal) fn about_the_card(finding: &Finding) -> bool {
    let other = ["access.", "profile."].into_iter().any(|kind| finding.id().starts_with(kind)) || finding.id() == "ta";
    !other || finding.id() == "access.channel"
}

fn passed(findings: &[Finding], id: &str) -> bool {
    findings.iter().any(|finding| finding.id() == id && finding.outcome == Outcome::Passed)
}

fn said(finding: &Finding) -> String {
    let reason = finding.reason.as_ref().map_or_else(String::new, |reason| format!(", {}", reason.text));
    format!("{} {}{reason}", finding.id(), finding.outcome)
}

/// Whether the only thing open is when the document was signed, and its certificates are valid today: they came before the signature, which is
/// there, so they were valid whenever it was made. A today that a deviation list excuses answers nothing.
fn let_stand(finding: &Finding, findings: &[Finding]) -> bool {
    let unknown = finding.reason.as_ref().is_some_and(|reason| reason.code == "signing-date-unknown");
    let today =
        |other: &Finding| other.id() == "pa.validity.today" && other.outcome == Outcome::Passed && other.evidence("deviation").is_none();
    finding.id() == "pa.validity.signing" && finding.outcome == Outcome::Undecided && unknown && findings.iter().any(today)
}

impl StandardPolicy {
    /// The policy that demands these checks too.
    #[must_use]
    pub fn requiring(required: impl IntoIterator<Item = Requirement>) -> Self {
        Self { required: required.into_iter().collect() }
    }

    fn missing<'a>(&'a self, findings: &'a [Finding]) -> impl Iterator<Item = &'static str> + 'a {
        let required = self.required.iter().map(|requirement| requirement.check());
        ALWAYS.into_iter().chain(required).filter(|id| !passed(findings, id))
    }
}

impl Policy for StandardPolicy {
    fn judge(&self, Seen { findings, .. }: Seen<'_>) -> Verdict {
        let unanswered = |finding: &Finding| matches!(finding.outcome, Outcome::Undecided | Outcome::NotSupported);
        let open = |finding: &Finding| unanswered(finding) && !let_stand(finding, findings);
        let counted = || findings.iter().filter(|finding| about_the_card(finding));
        if counted().any(|finding| finding.outcome == Outcome::Failed) {
            Verdict::NotGenuine
        } else if counted().any(open) || self.missing(findings).next().is_some() {
            Verdict::Undecided
        } else {
            Verdict::Genuine
        }
    }

    fn name(&self) -> &str {
        "standard"
    }

    fn requirements(&self) -> Vec<String> {
        self.required.iter().map(ToString::to_string).collect()
    }

    fn concessions(&self, Seen { findings, .. }: Seen<'_>) -> Vec<String> {
        let why = "all certificates are valid today, and the signature was not made before them; whether the private key of the signer was \
                   still in use on that day, nobody can tell";
        findings.iter().filter(|finding| let_stand(finding, findings)).map(|finding| format!("{}: {why}", said(finding))).collect()
    }

    fn obstacles(&self, Seen { findings, .. }: Seen<'_>) -> Vec<String> {
        let counted = |outcome| findings.iter().filter(move |finding| about_the_card(finding) && finding.outcome == outcome);
        let failed: Vec<_> = counted(Outcome::Failed).map(said).collect();
        if !failed.is_empty() {
            return failed;
        }
        let unanswered = counted(Outcome::Undecided).chain(counted(Outcome::NotSupported));
        let mut open: Vec<_> = unanswered.filter(|finding| !let_stand(finding, findings)).map(said).collect();
        for id in self.missing(findings) {
            let line = match findings.iter().find(|finding| finding.id() == id) {
                None => format!("{id} is required and was not run"),
                Some(finding) => format!("{} is required: {}", id, said(finding)),
            };
            if !findings.iter().any(|finding| finding.id() == id && open.contains(&said(finding))) {
                open.push(line);
            }
        }
        open
    }
}

#[cfg(test)]
mod tests;
