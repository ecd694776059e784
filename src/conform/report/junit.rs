//! The report for continuous integration: JUnit's XML as Jenkins reads it, one suite a unit.
//!
//! Failed is a failure, inconclusive an error; skipped and not applicable are skipped, with the reason. The APDUs of what did not pass stand in
//! the text of its element.

use std::fmt::Write as _;

use super::{CaseResult, Counts, Report, Verdict};
use crate::terminal::report::page::escape;

impl Report {
    /// The report as JUnit XML.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        // writing to a String does not fail, here and below
        let _ = writeln!(out, "<testsuites name=\"{}\" {}>", escape(self.suite), totals(&self.counts(), self.seconds(None)));
        for (unit, counts) in self.units() {
            let counted = totals(&counts, self.seconds(Some(&unit)));
            let skipped = of(&counts, Verdict::Skipped) + of(&counts, Verdict::NotApplicable);
            let _ = writeln!(out, "  <testsuite name=\"{}.{}\" {counted} skipped=\"{skipped}\">", escape(self.suite), escape(&unit));
            for result in self.cases.iter().filter(|result| result.case.unit() == unit) {
                self.testcase(&mut out, result);
            }
            out.push_str("  </testsuite>\n");
        }
        out.push_str("</testsuites>\n");
        out
    }

    fn seconds(&self, unit: Option<&str>) -> u64 {
        let of_unit = |result: &&CaseResult| unit.is_none_or(|unit| result.case.unit() == unit);
        self.cases.iter().filter(of_unit).map(|result| result.milliseconds).sum()
    }

    fn testcase(&self, out: &mut String, result: &CaseResult) {
        let case = &result.case;
        let name = format!("{}: {}", case.id, case.title);
        let _ = write!(
            out,
            "    <testcase classname=\"{}.{}\" name=\"{}\" time=\"{}\"",
            escape(self.suite),
            escape(case.unit()),
            escape(&name),
            time(result.milliseconds)
        );
        let reason = escape(&result.reason);
        let element = match result.verdict {
            Verdict::Passed => {
                out.push_str("/>\n");
                return;
            }
            Verdict::Skipped | Verdict::NotApplicable => {
                let _ = writeln!(out, "><skipped type=\"{}\" message=\"{reason}\"/></testcase>", result.verdict.as_str());
                return;
            }
            Verdict::Failed => "failure",
            Verdict::Inconclusive => "error",
        };
        let _ = writeln!(out, "><{element} type=\"{}\" message=\"{reason}\">", result.verdict.as_str());
        if let Some(seen) = self.seen(result) {
            let _ = writeln!(out, "card: {}\nrun: {}", escape(&seen.card), escape(&seen.command.join(" ")));
            for line in seen.output.lines() {
                let _ = writeln!(out, "{}", escape(line));
            }
        }
        for shown in self.shown(result) {
            let _ = writeln!(out, "{} &gt; {}\n  &lt; {}", shown.step, escape(&shown.command), escape(&shown.answer));
            if let Some((command, answer)) = shown.meant {
                let _ = writeln!(out, "  = {} : {}", escape(&command), escape(&answer));
            }
        }
        let _ = writeln!(out, "</{element}></testcase>");
    }
}

fn of(counts: &Counts, verdict: Verdict) -> usize {
    counts.get(&verdict).copied().unwrap_or_default()
}

fn totals(counts: &Counts, milliseconds: u64) -> String {
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{}\"",
        counts.values().sum::<usize>(),
        of(counts, Verdict::Failed),
        of(counts, Verdict::Inconclusive),
        time(milliseconds)
    )
}

fn time(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}
