//! The report as text: a table by units, why cases do not apply, and each case that did not pass with its APDUs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Report, Verdict};
use crate::terminal::report::text::printable;

/// Most exchanges that are shown of a case.
const MAX_EXCHANGES: usize = 24;

impl Report {
    /// The report as text. What comes from the card is shown without characters that steer a terminal.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // writing to a String does not fail, here and below
        let _ = writeln!(
            out,
            "{} ({}){}",
            self.suite,
            self.document,
            match (self.strict, &self.tested) {
                (true, None) => ", strict",
                (false, Some(_)) => ", lenient",
                _ => "",
            }
        );
        if let Some(tested) = &self.tested {
            let _ = writeln!(out, "program  {}\nreader   {}", printable(&tested.command), printable(&tested.reader));
        } else {
            let features: Vec<_> = self.profile.features.iter().map(ToString::to_string).collect();
            let _ = writeln!(out, "card  {}  {}", hex::encode_upper(&self.profile.atr), features.join(" "));
        }
        for remark in &self.profile.remarks {
            let _ = writeln!(out, "note  {}", printable(remark));
        }
        self.table(&mut out);
        self.reasons(&mut out, Verdict::NotApplicable, "Not applicable");
        self.reasons(&mut out, Verdict::Skipped, "Skipped");
        for verdict in [Verdict::Failed, Verdict::Inconclusive] {
            self.details(&mut out, verdict);
        }
        out
    }

    fn table(&self, out: &mut String) {
        let units = self.units();
        let width = units.iter().map(|(unit, _)| unit.len()).max().unwrap_or_default().max(12);
        let _ = writeln!(
            out,
            "\n{:<width$} {:>5} {:>7} {:>7} {:>13} {:>8} {:>15}",
            "unit", "cases", "passed", "failed", "inconclusive", "skipped", "not applicable"
        );
        let total = ("all".to_owned(), self.counts());
        for (unit, counts) in units.into_iter().chain([total]) {
            let of = |verdict: Verdict| counts.get(&verdict).copied().unwrap_or_default();
            let _ = writeln!(
                out,
                "{unit:<width$} {:>5} {:>7} {:>7} {:>13} {:>8} {:>15}",
                counts.values().sum::<usize>(),
                of(Verdict::Passed),
                of(Verdict::Failed),
                of(Verdict::Inconclusive),
                of(Verdict::Skipped),
                of(Verdict::NotApplicable)
            );
        }
    }

    /// Reasons with the number of cases of each unit that they keep from being run.
    fn reasons(&self, out: &mut String, verdict: Verdict, title: &str) {
        let mut reasons: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for result in self.cases.iter().filter(|result| result.verdict == verdict) {
            *reasons.entry(&result.reason).or_default().entry(result.case.unit()).or_default() += 1;
        }
        if !reasons.is_empty() {
            let _ = writeln!(out, "\n{title}:");
        }
        for (reason, units) in reasons {
            let units: Vec<_> = units.into_iter().map(|(unit, n)| format!("{n} of {unit}")).collect();
            let _ = writeln!(out, "  {}: {}", printable(reason), units.join(", "));
        }
    }

    fn details(&self, out: &mut String, verdict: Verdict) {
        for result in self.cases.iter().filter(|result| result.verdict == verdict) {
            let case = &result.case;
            let _ = writeln!(out, "\n{} {}: {}\n  {}", case.id, verdict.as_str(), case.title, printable(&result.reason));
            if let Some(seen) = self.seen(result) {
                let _ = writeln!(out, "  card: {}\n  run: {}", printable(&seen.card), printable(&seen.command.join(" ")));
                for line in seen.output.lines() {
                    let _ = writeln!(out, "  | {}", printable(line));
                }
            }
            let shown = self.shown(result);
            let left_out = shown.len().saturating_sub(MAX_EXCHANGES);
            if left_out > 0 {
                let _ = writeln!(out, "  … {left_out} before");
            }
            for exchange in shown.iter().skip(left_out) {
                let _ = writeln!(out, "  {} > {}\n    < {}", exchange.step, exchange.command, exchange.answer);
                if let Some((command, answer)) = &exchange.meant {
                    let _ = writeln!(out, "    = {command} : {answer}");
                }
            }
        }
    }
}
