//! The report as one page in the style of the inspection report: the verdict, what failed, the units, then every case with its reason and its APDUs.
//!
//! The page loads nothing and runs nothing; all that comes from the card is escaped.

use std::fmt::Write as _;

use super::{CaseResult, Report, Verdict};
use crate::terminal::report::page::{self, STYLE, escape};

const fn class_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "good",
        Verdict::Failed => "bad",
        Verdict::Inconclusive => "open",
        Verdict::Skipped | Verdict::NotApplicable => "none",
    }
}

const fn badge(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "✓ passed",
        Verdict::Failed => "✗ failed",
        Verdict::Inconclusive => "? open",
        Verdict::Skipped => "– skipped",
        Verdict::NotApplicable => "– not for it",
    }
}

impl Report {
    /// The report as one HTML page.
    #[must_use]
    pub fn to_html(&self) -> String {
        let verdict = self.verdict();
        let mut out = String::new();
        page::head(&mut out, &format!("{}: {} {}", self.suite, verdict.as_str(), hex::encode_upper(&self.profile.atr)), STYLE);
        self.head(&mut out, verdict);
        self.not_passed(&mut out);
        self.units_table(&mut out);
        for (unit, counts) in self.units() {
            let (run, passed) = (counts.values().sum::<usize>(), counts.get(&Verdict::Passed).copied().unwrap_or_default());
            let fine = self.cases.iter().filter(|result| result.case.unit() == unit).all(|result| class_of(result.verdict) != "bad");
            let open = if fine { "" } else { " open" };
            // writing to a String does not fail, here and below
            let _ =
                writeln!(out, "<h2>{0}</h2>\n<details class=\"fold\"{open}><summary>{run} cases, {passed} passed</summary>", escape(&unit));
            out.push_str("<table><tbody>\n");
            for result in self.cases.iter().filter(|result| result.case.unit() == unit) {
                self.row(&mut out, result);
            }
            out.push_str("</tbody></table></details>\n");
        }
        self.foot(&mut out);
        out
    }

    fn head(&self, out: &mut String, verdict: Verdict) {
        let counts = self.counts();
        let of = |verdict| counts.get(&verdict).copied().unwrap_or_default();
        let run = of(Verdict::Passed) + of(Verdict::Failed) + of(Verdict::Inconclusive);
        let (sign, words, says) = match verdict {
            Verdict::Failed => ("✗", "FAILED", format!("{} of {run} cases failed.", of(Verdict::Failed))),
            Verdict::Inconclusive => ("?", "INCONCLUSIVE", format!("{} of {run} cases could not be judged.", of(Verdict::Inconclusive))),
            _ => ("✓", "PASSED", format!("All {run} cases that apply and were run passed.")),
        };
        let class = class_of(verdict);
        let _ = write!(
            out,
            "<section class=\"verdict {class}\"><div class=\"sign\" aria-hidden=\"true\">{sign}</div><div><h1>{words}</h1><p>{says}</p>\
             <p>{}{}</p></div></section>\n<ul class=\"tiles\">",
            escape(self.document),
            match (self.strict, &self.tested) {
                (true, Some(_)) | (false, None) => "",
                (true, None) => ", status words judged one by one",
                (false, Some(_)) => ", leniently: what documents in the field give reasons to accept may be accepted",
            }
        );
        for (title, verdict) in [
            ("Passed", Verdict::Passed),
            ("Failed", Verdict::Failed),
            ("Inconclusive", Verdict::Inconclusive),
            ("Not applicable", Verdict::NotApplicable),
        ] {
            let class = if of(verdict) == 0 { "none" } else { class_of(verdict) };
            let _ = write!(out, "<li class=\"{class}\"><b>{title}</b>{}</li>", of(verdict));
        }
        out.push_str("</ul>\n");
        if let Some(tested) = &self.tested {
            let (command, reader) = (escape(&tested.command), escape(&tested.reader));
            let _ = writeln!(out, "<h2>The program</h2>\n<dl><dt>Command</dt><dd>{command}</dd><dt>Reader</dt><dd>{reader}</dd></dl>");
            return;
        }
        let features: Vec<_> = self.profile.features.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            out,
            "<h2>The card</h2>\n<dl><dt>ATR</dt><dd>{}</dd><dt>Has</dt><dd>{}</dd></dl>",
            hex::encode_upper(&self.profile.atr),
            escape(&features.join(" "))
        );
        for remark in &self.profile.remarks {
            let _ = writeln!(out, "<p class=\"warn open\">{}</p>", escape(remark));
        }
    }

    /// The cases that did not pass, each with a link to its exchanges.
    fn not_passed(&self, out: &mut String) {
        for (title, verdict) in [("What failed", Verdict::Failed), ("What could not be judged", Verdict::Inconclusive)] {
            let mut results = self.cases.iter().filter(|result| result.verdict == verdict).peekable();
            if results.peek().is_none() {
                continue;
            }
            let _ = writeln!(out, "<h2>{title}</h2>\n<table><tbody>");
            for result in results {
                let (id, title) = (escape(&result.case.id), escape(&result.case.title));
                let _ = writeln!(
                    out,
                    "<tr><td>{title} <a class=\"id\" href=\"#{id}\">{id}</a><div class=\"why\">{}</div></td></tr>",
                    escape(&result.reason)
                );
            }
            out.push_str("</tbody></table>\n");
        }
    }

    fn units_table(&self, out: &mut String) {
        out.push_str("<h2>Units</h2>\n<table><thead><tr><th>unit</th><th>cases</th>");
        for verdict in Verdict::ALL {
            let _ = write!(out, "<th>{}</th>", verdict.as_str());
        }
        out.push_str("</tr></thead><tbody>\n");
        for (unit, counts) in self.units().into_iter().chain([("all".to_owned(), self.counts())]) {
            let _ = write!(out, "<tr><td>{}</td><td>{}</td>", escape(&unit), counts.values().sum::<usize>());
            for verdict in Verdict::ALL {
                let _ = write!(out, "<td>{}</td>", counts.get(&verdict).copied().unwrap_or_default());
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tbody></table>\n");
    }

    fn row(&self, out: &mut String, result: &CaseResult) {
        let case = &result.case;
        let _ = write!(
            out,
            "<tr id=\"{3}\"><td class=\"result\"><span class=\"badge {0}\">{1}</span></td><td>{2} <span class=\"id\">{3}</span>",
            class_of(result.verdict),
            badge(result.verdict),
            escape(&case.title),
            escape(&case.id)
        );
        if !result.reason.is_empty() {
            let _ = write!(out, "<div class=\"why\">{}</div>", escape(&result.reason));
        }
        if let Some(seen) = self.seen(result) {
            let (expected, said) = (escape(&seen.expected), escape(&seen.said));
            let _ = write!(out, "<details><summary>expected {expected}; the program {said}</summary><dl class=\"evidence\">");
            for (name, text) in [("card", &seen.card), ("command", &seen.command.join(" ")), ("output", &seen.output)] {
                let lines: Vec<_> = text.lines().map(escape).collect();
                let _ = write!(out, "<dt>{name}</dt><dd>{}</dd>", lines.join("<br>"));
            }
            out.push_str("</dl></details>");
        }
        let shown = self.shown(result);
        if !shown.is_empty() {
            let _ =
                write!(out, "<details><summary>{} exchanges</summary><div class=\"evidence\">{}</div>", shown.len(), escape(case.steps()));
            out.push_str("<dl class=\"evidence\">");
            for exchange in shown {
                let _ =
                    write!(out, "<dt>{}</dt><dd>&gt; {}<br>&lt; {}", exchange.step, escape(&exchange.command), escape(&exchange.answer));
                if let Some((command, answer)) = exchange.meant {
                    let _ = write!(out, "<br>= {} : {}", escape(&command), escape(&answer));
                }
                out.push_str("</dd>");
            }
            out.push_str("</dl></details>");
        }
        out.push_str("</td></tr>\n");
    }

    fn foot(&self, out: &mut String) {
        let held = if self.redacted { "Data of the holder were left out." } else { "The exchanges hold personal data." };
        let _ =
            writeln!(out, "<footer>cardwright {} · {} · {held}</footer>\n</body>\n</html>", env!("CARGO_PKG_VERSION"), escape(self.suite));
    }
}
