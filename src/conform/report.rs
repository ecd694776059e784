//! What came of a run: as text, JSON, JUnit, and a page.
//!
//! APDUs are shown as they were on the wire, and as they were meant under secure messaging. They hold personal data: of a redacted report only
//! headers, lengths, and status words are left, and what says nothing of the holder (SELECT, MSE, READ BINARY).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::inspection::{self, Seen, Tested};
use super::link::Exchange;
use super::profile::Profile;
use super::run::{CaseResult, Verdict};
use super::suite::Suite;

mod html;
mod junit;
mod text;

/// Version of the JSON form.
const VERSION: u32 = 1;

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// Short name of the suite.
    pub suite: &'static str,
    /// Its document.
    pub document: &'static str,
    /// Whether status words were judged one by one.
    pub strict: bool,
    /// The card.
    pub profile: Profile,
    /// The cases, in the order of the suite.
    pub cases: Vec<CaseResult>,
    /// The card was away at the end.
    pub gone: bool,
    /// The program that was tested, where it was one and no card.
    pub tested: Option<Tested>,
    redacted: bool,
}

/// Numbers of verdicts, in the order of [`Verdict::ALL`].
pub type Counts = BTreeMap<Verdict, usize>;

impl Report {
    /// A report without cases: of a card with `profile`, or of files alone, with an empty one.
    #[must_use]
    pub fn new(suite: &Suite, profile: Profile, strict: bool) -> Self {
        Self {
            suite: suite.name(),
            document: suite.document(),
            strict,
            profile,
            cases: Vec::new(),
            gone: false,
            tested: None,
            redacted: false,
        }
    }

    /// A report without cases, of a program.
    pub(super) fn of_program(strict: bool, tested: Tested) -> Self {
        let (suite, document) = (inspection::NAME, inspection::DOCUMENT);
        let (profile, cases) = (Profile::default(), Vec::new());
        Self { suite, document, strict, profile, cases, gone: false, tested: Some(tested), redacted: false }
    }

    /// What the program did in a case.
    pub(super) fn saw(&mut self, id: String, seen: Option<Seen>) {
        if let Some(tested) = &mut self.tested {
            tested.seen.extend(seen.map(|seen| (id, seen)));
        }
    }

    /// The same, to be shown: without what the program printed if it is redacted.
    fn seen(&self, result: &CaseResult) -> Option<Seen> {
        let seen = self.tested.as_ref()?.seen.get(&result.case.id)?.clone();
        Some(if self.redacted { Seen { output: String::new(), ..seen } } else { seen })
    }

    /// Without what the APDUs say of the holder.
    #[must_use]
    pub fn redacted(self) -> Self {
        Self { redacted: true, ..self }
    }

    /// How many cases of each verdict.
    #[must_use]
    pub fn counts(&self) -> Counts {
        count(&self.cases.iter().collect::<Vec<_>>())
    }

    /// Names of the units, in the order of the suite, with the number of their verdicts.
    #[must_use]
    pub fn units(&self) -> Vec<(String, Counts)> {
        let mut units: Vec<(String, Vec<&CaseResult>)> = Vec::new();
        for result in &self.cases {
            match units.last_mut().filter(|(unit, _)| unit == result.case.unit()) {
                Some((_, cases)) => cases.push(result),
                None => units.push((result.case.unit().to_owned(), vec![result])),
            }
        }
        units.into_iter().map(|(unit, cases)| (unit, count(&cases))).collect()
    }

    /// The worst verdict that counts: a failed case before an inconclusive one; passed if every applicable case that was run passed.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let has = |verdict| self.cases.iter().any(|result| result.verdict == verdict);
        if has(Verdict::Failed) {
            Verdict::Failed
        } else if has(Verdict::Inconclusive) {
            Verdict::Inconclusive
        } else {
            Verdict::Passed
        }
    }

    /// The report as JSON: `{version, suite, document, strict, card, cases: [{id, document, verdict, reason, …, apdus}], counts, units}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let words = |counts: &Counts| Value::Object(counts.iter().map(|(verdict, n)| (verdict.as_str().to_owned(), json!(n))).collect());
        let cases: Vec<_> = self.cases.iter().map(|result| self.case(result)).collect();
        let units: serde_json::Map<_, _> = self.units().into_iter().map(|(unit, counts)| (unit, words(&counts))).collect();
        let features: Vec<_> = self.profile.features.iter().map(ToString::to_string).collect();
        let excluded: serde_json::Map<_, _> =
            self.profile.excluded.iter().map(|(feature, reason)| (feature.to_string(), json!(reason))).collect();
        let mut report = json!({
            "version": VERSION, "suite": self.suite, "document": self.document, "strict": self.strict, "redacted": self.redacted,
            "card": {
                "atr": hex::encode_upper(&self.profile.atr), "features": features, "excluded": excluded, "remarks": self.profile.remarks,
            },
            "verdict": self.verdict().as_str(), "counts": words(&self.counts()), "units": units, "cases": cases,
        });
        if let (Some(report), Some(tested)) = (report.as_object_mut(), &self.tested) {
            report.insert("program".to_owned(), json!({ "command": tested.command, "reader": tested.reader }));
        }
        report
    }

    fn case(&self, result: &CaseResult) -> Value {
        let apdus = self.shown(result).into_iter().map(|shown| {
            let mut apdu = json!({ "step": shown.step, "command": shown.command, "answer": shown.answer });
            if let (Some(object), Some((command, answer))) = (apdu.as_object_mut(), shown.meant) {
                object.insert("plain_command".to_owned(), json!(command));
                object.insert("plain_answer".to_owned(), json!(answer));
            }
            apdu
        });
        let case = &result.case;
        let mut shown = json!({
            "id": case.id, "document": self.suite, "section": case.section, "title": case.title, "verdict": result.verdict.as_str(),
            "reason": result.reason, "applies": case.applies_to, "steps": case.steps(), "before": case.before(), "basis": case.basis, "note": case.note,
            "milliseconds": result.milliseconds, "apdus": apdus.collect::<Vec<_>>(),
        });
        if let (Some(shown), Some(seen)) = (shown.as_object_mut(), self.seen(result)) {
            shown.insert("expected".to_owned(), json!(seen.expected));
            shown.insert("said".to_owned(), json!(seen.said));
            shown.insert("command".to_owned(), json!(seen.command));
            shown.insert("output".to_owned(), json!(seen.output));
        }
        shown
    }

    fn shown(&self, result: &CaseResult) -> Vec<Shown> {
        result.exchanges.iter().map(|exchange| Shown::of(exchange, self.redacted)).collect()
    }
}

fn count(cases: &[&CaseResult]) -> Counts {
    let of = |verdict: &Verdict| cases.iter().filter(|result| result.verdict == *verdict).count();
    Verdict::ALL.iter().map(|verdict| (*verdict, of(verdict))).collect()
}

/// An exchange in hexadecimal digits.
struct Shown {
    step: usize,
    command: String,
    answer: String,
    meant: Option<(String, String)>,
}

impl Shown {
    fn of(exchange: &Exchange, redacted: bool) -> Self {
        let answer = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or_else(|| "no answer".to_owned(), |bytes| show_answer(bytes, redacted));
        if exchange.command.is_empty() {
            let done = if exchange.answer.is_some() { "done" } else { "no answer" };
            return Self { step: exchange.step, command: "reset".to_owned(), answer: done.to_owned(), meant: None };
        }
        let unopened =
            |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or_else(|| "not opened".to_owned(), |bytes| show_answer(bytes, redacted));
        Self {
            step: exchange.step,
            command: show_command(&exchange.command, redacted),
            answer: answer(&exchange.answer),
            meant: exchange.meant.as_ref().map(|(command, opened)| (show_command(command, redacted), unopened(opened))),
        }
    }
}

/// SELECT, MANAGE SECURITY ENVIRONMENT, and READ BINARY in the clear say nothing of the holder.
fn show_command(bytes: &[u8], redacted: bool) -> String {
    let harmless = matches!(bytes, [cla, 0xA4 | 0x22 | 0xB0 | 0xB1, ..] if cla & 0x0C == 0);
    match bytes.split_at_checked(4) {
        Some((header, body)) if redacted && !harmless && !body.is_empty() => format!("{}[{}]", hex::encode_upper(header), body.len()),
        _ => hex::encode_upper(bytes),
    }
}

fn show_answer(bytes: &[u8], redacted: bool) -> String {
    match bytes.split_last_chunk::<2>() {
        Some((data, sw)) if redacted && !data.is_empty() => format!("[{}]{}", data.len(), hex::encode_upper(sw)),
        _ => hex::encode_upper(bytes),
    }
}
