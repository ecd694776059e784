//! The policy of who takes no document that is made otherwise than the standard asks: test plans (BSI TR-03105-5.1), an issuer before it hands out its
//! own cards, a laboratory. At a border it would send many genuine travellers aside: real documents have such faults, and `docs/policy.md` counts them.
//!
//! It judges as [`StandardPolicy`], and lets what that calls genuine pass only if nothing speaks against the **form** of the document:
//!
//! | what | counts |
//! | --- | --- |
//! | a tolerance of the document: a file, signature, or certificate that is not made as the standard has it | yes |
//! | `profile.*` failed: certificates that break the rules of their profile | yes |
//! | a check that passed only because the state has published the fault (deviation list) | yes: a list explains a fault and does not mend it |
//! | a hash that was compared with a recorded one, or not at all, because the content is not in redacted evidence | yes: nobody can see its form |
//! | a habit of the chip or of the link; what is odd about lists of others; a note | no: see [`Whose`] |
//!
//! What follows is **undecided**, and never "not genuine". Signature, chain, and hashes hold, so the state itself made the document so: nothing is
//! contradicted, no forgery is shown, and who must not let it pass has to look. The cross checks say the same of two signed fields that differ. It
//! holds for the few files that nobody signs too, such as EF.COM and EF.ATR/INFO: where one of them contradicts a signed file, a check has failed.

use eid::protocol::finding::{Finding, Outcome};
use eid::quirk::Quirk;

use super::{Policy, Requirement, Seen, StandardPolicy, said};
use crate::terminal::report::Verdict;
use crate::terminal::report::codes::tolerances::{Whose, tolerance};

/// The policy that is described at the head of this module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StrictPolicy {
    /// What is judged beside the form.
    pub standard: StandardPolicy,
}

/// What the line of an obstacle begins with that is one of form.
pub(in crate::terminal) const FORM: &str = "form: ";

/// The obstacle that a tolerance is.
pub(in crate::terminal) fn form(quirk: &Quirk) -> String {
    format!("{FORM}{quirk}")
}

/// Whether a tolerance is one of the document. One that no table knows is none of this version.
fn is_of_the_document(quirk: &Quirk) -> bool {
    tolerance(quirk.rule).is_some_and(|known| known.whose == Whose::Document)
}

/// Whether a finding says something about the form of the document, or that it cannot be seen.
fn is_of_form(finding: &Finding) -> bool {
    let profile = finding.id().starts_with("profile.") && finding.outcome == Outcome::Failed;
    let reason = finding.reason.as_ref().map_or("", |reason| reason.code);
    let unseen = finding.id().starts_with("pa.hash.") && matches!(reason, "recorded-hash" | "redacted");
    profile || unseen || finding.evidence("deviation").is_some()
}

impl StrictPolicy {
    /// The policy that demands these checks too.
    #[must_use]
    pub fn requiring(required: impl IntoIterator<Item = Requirement>) -> Self {
        Self { standard: StandardPolicy::requiring(required) }
    }

    fn of_form(seen: Seen<'_>) -> impl Iterator<Item = String> {
        let findings = seen.findings.iter().filter(|finding| is_of_form(finding)).map(|finding| format!("{FORM}{}", said(finding)));
        findings.chain(seen.quirks.iter().filter(|quirk| is_of_the_document(quirk)).map(form))
    }
}

impl Policy for StrictPolicy {
    fn judge(&self, seen: Seen<'_>) -> Verdict {
        match self.standard.judge(seen) {
            Verdict::Genuine if Self::of_form(seen).next().is_some() => Verdict::Undecided,
            verdict => verdict,
        }
    }

    fn name(&self) -> &str {
        "strict"
    }

    fn requirements(&self) -> Vec<String> {
        self.standard.requirements()
    }

    fn concessions(&self, seen: Seen<'_>) -> Vec<String> {
        self.standard.concessions(seen)
    }

    fn obstacles(&self, seen: Seen<'_>) -> Vec<String> {
        self.standard.obstacles(seen).into_iter().chain(Self::of_form(seen)).collect()
    }
}

#[cfg(test)]
mod tests;
