//! Runs a suite: which cases apply, each one from its precondition, and a verdict with its reason.
//!
//! A failed precondition is no statement about what the case asks, so the case is inconclusive. A card that goes away three times in a row
//! ends the run: what follows is inconclusive too. After a refused password the card is opened once more, so that a counter or delay that
//! the card keeps stands as before.

use std::collections::BTreeSet;
use std::time::Instant;

use eid::crypto::signature::Algorithm;
use eid::protocol::pace::Password;
use eid::transport::Transport;
use rand_core::CryptoRng;

use super::feature::{Feature, Unmet};
use super::keys::TestKeys;
use super::lds::{Outcome, Subject};
use super::link::{Exchange, Link};
use super::play::{Player, Trouble};
use super::profile::Profile;
use super::report::Report;
use super::statement::Statement;
use super::suite::{Case, Suite};
use crate::terminal::access::AccessError;

/// How often in a row the card may be away.
const MAX_AWAY: usize = 3;

/// What came of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The card did what the document says.
    Passed,
    /// The card did something else.
    Failed,
    /// The card could not be brought to where the case starts, or went away.
    Inconclusive,
    /// The case was not run: its row is not public, or something that it needs was not given or could not be read.
    Skipped,
    /// The case is not for such a card.
    NotApplicable,
}

impl Verdict {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Passed, Self::Failed, Self::Inconclusive, Self::Skipped, Self::NotApplicable];

    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::Skipped => "skipped",
            Self::NotApplicable => "not-applicable",
        }
    }
}

/// A case and what came of it.
#[derive(Debug, Clone)]
pub struct CaseResult {
    /// The case, as the suite has it.
    pub case: Case,
    /// What came of it.
    pub verdict: Verdict,
    /// Why; empty for a case that passed.
    pub reason: String,
    /// What was said to the card and answered.
    pub exchanges: Vec<Exchange>,
    /// How long it took.
    pub milliseconds: u64,
}

/// How a card is opened that can be opened in both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By PACE.
    Pace,
    /// By Basic Access Control.
    Bac,
}

/// What is run, and how it is judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Status words must be those of the document, not only of their class.
    pub strict: bool,
    /// Ids of the cases that are run, `*` for any characters; all if there is none.
    pub only: Vec<String>,
    /// How cases open the card that leave it open; by PACE where it is there, if nothing is said. A card that has one way only is opened by that.
    pub access: Option<Access>,
    /// Certificates and keys of terminals, below a CVCA that the card trusts.
    pub keys: Option<TestKeys>,
    /// Cases that change the card for good are run too.
    pub sacrifice: bool,
}

/// Why a suite cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The card does not open, so that nothing is known of what it offers.
    #[error("before the tests: {0}")]
    Access(#[from] AccessError),
    /// No case has such an id.
    #[error("expected ids of cases of {suite}, found {pattern:?}, which fits none")]
    NoCase {
        /// The suite.
        suite: &'static str,
        /// What was asked for.
        pattern: String,
    },
}

/// Whether an id fits a pattern with `*`.
pub(super) fn fits(pattern: &str, id: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = id.strip_prefix(first) else { return false };
    let mut open = false;
    for part in parts {
        open = true;
        let Some(at) = rest.find(part) else { return false };
        // the last part must stand at the end
        let at = if part.is_empty() {
            at
        } else {
            rest.rfind(part).filter(|last| pattern.ends_with(part) && rest.ends_with(part) && *last >= at).unwrap_or(at)
        };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.is_empty() || open && pattern.ends_with('*')
}

impl Options {
    fn wants(&self, case: &Case) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| fits(pattern, &case.id))
    }
}

impl Suite {
    /// Whether each pattern of `options` fits an id.
    ///
    /// # Errors
    /// [`RunError::NoCase`].
    pub fn check(&self, options: &Options) -> Result<(), RunError> {
        let unfit = options.only.iter().find(|pattern| !self.cases().iter().any(|case| fits(pattern, &case.id)));
        unfit.map_or(Ok(()), |pattern| Err(RunError::NoCase { suite: self.name(), pattern: pattern.clone() }))
    }

    /// Judges the files of a chip by the cases of the data suites; no card is needed.
    #[must_use]
    pub fn judge_files(&self, subject: &Subject<'_>, options: &Options) -> Vec<CaseResult> {
        let wanted = self.cases().iter().filter(|case| options.wants(case));
        let judged = wanted.filter_map(|case| Some((case, case.rule?.judge(subject))));
        judged
            .map(|(case, outcome)| {
                let (verdict, reason) = match outcome {
                    Outcome::Holds => (Verdict::Passed, String::new()),
                    Outcome::Broken(why) => (Verdict::Failed, why),
                    Outcome::NotApplicable(why) => (Verdict::NotApplicable, why),
                    Outcome::Undecided(why) => (Verdict::Skipped, why),
                };
                CaseResult { case: case.clone(), verdict, reason, exchanges: Vec::new(), milliseconds: 0 }
            })
            .collect()
    }

    /// Reads the profile of a card that the first of `passwords` opens, and runs the protocol cases against it; Basic Access Control takes the
    /// MRZ among the passwords. `tell` hears of each case as it is done.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(
        &self,
        transport: &mut dyn Transport,
        passwords: &[Password],
        statement: &Statement,
        options: &Options,
        rng: &mut dyn CryptoRng,
        tell: &mut dyn FnMut(&CaseResult),
    ) -> Result<Report, RunError> {
        self.check(options)?;
        let profile = Profile::read(transport, passwords, statement, rng)?;
        Ok(self.run_on(profile, transport, passwords, options, rng, tell))
    }

    /// The same against a card whose profile is known: one of a series, or one that is too bad to be read.
    pub fn run_on(
        &self,
        profile: Profile,
        transport: &mut dyn Transport,
        passwords: &[Password],
        options: &Options,
        rng: &mut dyn CryptoRng,
        tell: &mut dyn FnMut(&CaseResult),
    ) -> Report {
        let mut profile = with_keys(profile, options.keys.as_ref());
        with_eid_groups(&mut profile, transport, passwords, options, rng);
        let mut report = Report::new(self, profile.clone(), options.strict);
        let mut player = Player::new(Link::new(transport), &profile, passwords, rng, options.strict);
        (player.access, player.keys) = (options.access, options.keys.clone());
        let (mut away, mut passed) = (0, BTreeSet::new());
        for case in self.cases().iter().filter(|case| !case.is_about_data() && options.wants(case)) {
            let started = Instant::now();
            let ended = self.one(case, &mut player, away < MAX_AWAY, options.sacrifice, &passed);
            if ended.verdict == Verdict::Passed {
                passed.insert(case.id.as_str());
            }
            away = match ended.verdict {
                Verdict::NotApplicable | Verdict::Skipped => away,
                _ if ended.gone => away + 1,
                _ => 0,
            };
            let exchanges = player.link.take_log();
            let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let result = CaseResult { case: case.clone(), verdict: ended.verdict, reason: ended.reason, exchanges, milliseconds };
            tell(&result);
            report.cases.push(result);
            if std::mem::take(&mut player.offended) {
                // Whether it opens does not matter here: the next case finds out.
                let _ = player.settle();
                player.link.take_log();
            }
            // a PIN that a case left suspended or blocked has its tries again before the next
            let _ = player.settle_pin();
            player.link.take_log();
        }
        if let Ok(Err(changed)) = player.restore() {
            report.profile.remarks.push(changed.to_owned());
        }
        player.link.take_log();
        report.gone = away > 0;
        let _ = player.link.reset();
        report
    }

    /// Whether a case is about the eMRTD application, or starts from it.
    fn in_application(&self, case: &Case) -> bool {
        let before = self.preconditions.get(&case.before).into_iter().flat_map(|before| &before.steps);
        before.chain(&case.steps).any(|step| step.action.in_application())
    }

    fn one(&self, case: &Case, player: &mut Player<'_, '_>, there: bool, sacrifice: bool, passed: &BTreeSet<&str>) -> Ended {
        if let Some(unmet) = case.applies.unmet(&player.profile.features) {
            return Ended::new(Verdict::NotApplicable, not_applicable(&unmet, player.profile));
        }
        if case.steps.is_empty() {
            return Ended::new(Verdict::Skipped, case.note.clone());
        }
        if !player.profile.has(Feature::App) && self.in_application(case) {
            return Ended::new(Verdict::NotApplicable, "the card has no eMRTD application".to_owned());
        }
        if case.sacrifice && !sacrifice {
            return Ended::new(Verdict::Skipped, "changes the card for good, and the card was not given to be sacrificed".to_owned());
        }
        if let Some(after) = case.after.as_deref().filter(|after| !passed.contains(after)) {
            return Ended::new(Verdict::Skipped, format!("begins where {after} ends, which did not pass in this run"));
        }
        if !there {
            return Ended::away("the card went away before");
        }
        let Some(before) = self.preconditions.get(&case.before) else {
            return Ended::new(Verdict::Inconclusive, format!("there is no precondition {}", case.before));
        };
        match player.play(&before.steps, 0) {
            Ok(Ok(())) => {}
            Ok(Err(missed)) => {
                return Ended::new(Verdict::Inconclusive, format!("not reached: {}: {missed}", before.title));
            }
            Err(trouble) => return Ended::trouble(trouble),
        }
        match player.play(&case.steps, 1) {
            Ok(Ok(())) => Ended::new(Verdict::Passed, String::new()),
            Ok(Err(missed)) => Ended::new(Verdict::Failed, missed),
            Err(trouble) => Ended::trouble(trouble),
        }
    }
}

/// Of which kind the keys of Terminal Authentication are, the card does not say; without test keys it may be either.
fn with_keys(mut profile: Profile, keys: Option<&TestKeys>) -> Profile {
    if profile.has(Feature::Ta) || profile.has(Feature::Ta2) {
        let algorithm = keys.map(TestKeys::algorithm);
        let kinds = [(Feature::TaEcdsa, true), (Feature::TaRsa, false)];
        let there = kinds.into_iter().filter(|(_, ec)| algorithm.is_none_or(|algorithm| matches!(algorithm, Algorithm::Ecdsa(_)) == *ec));
        let there: Vec<_> = there.map(|(feature, _)| feature).filter(|feature| !profile.excluded.contains_key(feature)).collect();
        profile.features.extend(there);
    }
    profile
}

/// Which data groups the eID application has, only a terminal learns that may read them all: with test keys the card is asked.
fn with_eid_groups(
    profile: &mut Profile,
    transport: &mut dyn Transport,
    passwords: &[Password],
    options: &Options,
    rng: &mut dyn CryptoRng,
) {
    if !profile.eid.is_empty() {
        return;
    }
    let Some(keys) = options.keys.clone().filter(|keys| keys.authentication_cvca().is_some()) else { return };
    if ![Feature::EId, Feature::Pace, Feature::Ta2, Feature::Ca2].iter().all(|feature| profile.has(*feature)) {
        return;
    }
    let found = {
        let mut scout = Player::new(Link::new(transport), profile, passwords, rng, options.strict);
        scout.keys = Some(keys);
        scout.eid_groups()
    };
    match found {
        Ok(Ok(groups)) => profile.eid_groups(groups),
        Ok(Err(why)) => profile.remarks.push(format!("the eID application was not read: {why}")),
        Err(trouble) => profile.remarks.push(format!("the eID application was not read: {}", Ended::trouble(trouble).reason)),
    }
}

fn not_applicable(unmet: &Unmet, profile: &Profile) -> String {
    let stated: Vec<_> = unmet
        .needed()
        .filter_map(|feature| profile.excluded.get(&feature).map(|reason| format!("the statement says of {feature}: {reason}")))
        .collect();
    if stated.is_empty() { unmet.to_string() } else { stated.join("; ") }
}

struct Ended {
    verdict: Verdict,
    reason: String,
    /// The card went away.
    gone: bool,
}

impl Ended {
    const fn new(verdict: Verdict, reason: String) -> Self {
        Self { verdict, reason, gone: false }
    }

    fn away(why: &str) -> Self {
        Self { verdict: Verdict::Inconclusive, reason: why.to_owned(), gone: true }
    }

    fn trouble(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Gone(error) => Self::away(&error.to_string()),
            Trouble::Missing(what) => Self::new(Verdict::Skipped, format!("needs {what}")),
            Trouble::Impossible(why) => Self::new(Verdict::Inconclusive, why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, id, right) in [
            ("ISO7816_B_1", "ISO7816_B_1", true),
            ("ISO7816_B_1", "ISO7816_B_12", false),
            ("ISO7816_B_*", "ISO7816_B_12", true),
            ("*_12", "ISO7816_B_12", true),
            ("*_1", "ISO7816_B_12", false),
            ("*_1", "ISO7816_1_1", true),
            ("ISO*_B_*2", "ISO7816_B_12", true),
            ("*", "X", true),
            ("", "X", false),
        ] {
            assert_eq!(fits(pattern, id), right, "{pattern} {id}");
        }
    }
}
