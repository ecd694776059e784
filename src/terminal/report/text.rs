//! The report for people: the verdict first, then what is not as it should be, then what passed, on one screen.

use std::fmt::Write as _;

use eid::protocol::finding::{Finding, Outcome};

use super::{Report, Verdict};

/// Width of the list of passed checks, in characters.
const WIDTH: usize = 100;
/// Width of the first column.
const LABEL: usize = 15;

/// Whether to use ANSI colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// Plain text.
    #[default]
    Never,
    /// Green, yellow, red, and faint.
    Ansi,
}

impl Colour {
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Never => text.to_owned(),
            Self::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

const fn code_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "32",
        Outcome::Failed => "31",
        Outcome::NotSupported | Outcome::Undecided => "33",
        Outcome::NotAttempted => "2",
    }
}

impl Report {
    /// The report as lines of text, with a line feed after each.
    #[must_use]
    pub fn to_text(&self, colour: Colour) -> String {
        let mut out = String::new();
        let (code, words) = match self.verdict {
            Verdict::Genuine => ("1;32", "GENUINE"),
            Verdict::NotGenuine => ("1;31", "NOT GENUINE"),
            Verdict::Undecided => ("1;33", "UNDECIDED"),
            Verdict::AccessRefused => ("1;31", "ACCESS REFUSED"),
        };
        line(&mut out, &colour.paint(code, words), "");
        if let Some(document) = &self.document {
            let number = document.personal_number.as_ref().unwrap_or(&document.number);
            let text = format!("{} {} {number}  {}", document.code, document.issuer, document.name);
            line(&mut out, &column("document"), &printable(&text));
            line(&mut out, &column(""), &format!("born {}, expires {} (YYMMDD)", printable(&document.birth), printable(&document.expiry)));
        }
        for outcome in [Outcome::Failed, Outcome::Undecided, Outcome::NotSupported, Outcome::NotAttempted] {
            let findings: Vec<_> = self.findings.iter().filter(|finding| finding.outcome == outcome).collect();
            for finding in findings.iter().take(MOST) {
                let label = colour.paint(code_of(outcome), &column(outcome.as_str()));
                line(&mut out, &label, &format!("{}: {} ({})", printable(finding.id()), reason(finding), finding.check.clause));
            }
            folded(&mut out, findings.len(), colour);
        }
        for obstacle in self.policy.obstacles.iter().filter(|obstacle| obstacle.contains(" is required")) {
            line(&mut out, &colour.paint("33", &column("required")), &printable(obstacle));
        }
        for concession in &self.policy.concessions {
            line(&mut out, &column("let stand"), &printable(concession));
        }
        let passed: Vec<_> = self.findings.iter().filter(|finding| finding.outcome == Outcome::Passed).map(Finding::id).collect();
        let passed = in_short(&passed);
        for (n, row) in wrap(&passed, WIDTH - LABEL).into_iter().enumerate() {
            let label = if n == 0 { colour.paint(code_of(Outcome::Passed), &column("passed")) } else { column("") };
            line(&mut out, &label, &row);
        }
        for finding in self.findings.iter().filter(|finding| finding.outcome == Outcome::Passed && finding.reason.is_some()) {
            line(&mut out, &column("note"), &format!("{}: {}", finding.id(), reason(finding)));
        }
        let (counted, tolerated): (Vec<_>, Vec<_>) = self.quirks.iter().partition(|quirk| self.is_counted(quirk));
        for (label, code, quirks) in [("form", Some("33"), counted), ("tolerated", None, tolerated)] {
            for quirk in quirks.iter().take(MOST) {
                let label = code.map_or_else(|| column(label), |code| colour.paint(code, &column(label)));
                line(&mut out, &label, &printable(&quirk.to_string()));
            }
            folded(&mut out, quirks.len(), colour);
        }
        let requirements =
            if self.policy.requirements.is_empty() { String::new() } else { format!(", requires {}", self.policy.requirements.join(", ")) };
        line(&mut out, &colour.paint("2", &column("policy")), &format!("{}{requirements}; {}", self.policy.name, self.source.told()));
        out
    }
}

/// Most lines of one kind; the JSON and HTML forms have all.
const MOST: usize = 10;

fn folded(out: &mut String, count: usize, colour: Colour) {
    if count > MOST {
        line(out, &column(""), &colour.paint("2", &format!("and {} more (--json and --report show all)", count - MOST)));
    }
}

/// Ids in short: the data groups of `pa.hash.dg…` in one word, and how many files were read.
fn in_short(ids: &[&str]) -> Vec<String> {
    let mut words = Vec::new();
    let numbers: Vec<&str> = ids.iter().filter_map(|id| id.strip_prefix("pa.hash.dg")).collect();
    let files = ids.iter().filter(|id| id.starts_with("read.")).count();
    for id in ids {
        let word = if id.starts_with("pa.hash.dg") {
            format!("pa.hash.dg{{{}}}", numbers.join(","))
        } else if id.starts_with("read.") {
            format!("read.*({files} files)")
        } else {
            (*id).to_owned()
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

fn column(label: &str) -> String {
    format!("{label:LABEL$}")
}

fn line(out: &mut String, label: &str, text: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(out, "{}", format!("{label}{text}").trim_end());
}

fn reason(finding: &Finding) -> String {
    finding.reason.as_ref().map_or_else(String::new, |reason| printable(&reason.text))
}

/// Control characters, and those that turn the direction of text, never get from the card to the terminal.
pub(crate) fn printable(text: &str) -> String {
    let dangerous = |c: char| c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if dangerous(c) { '?' } else { c }).collect()
}

fn wrap(words: &[String], width: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for word in words {
        match rows.last_mut() {
            Some(row) if row.len() + 1 + word.len() <= width => {
                row.push(' ');
                row.push_str(word);
            }
            _ => rows.push(word.clone()),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use eid::protocol::finding::Check;
    use eid::quirk::Quirk;

    use super::super::PolicyNote;
    use super::super::tests::sample;
    use super::*;
    use crate::terminal::policy::{ALWAYS, Policy, StandardPolicy, StrictPolicy};

    #[test]
    fn one_screen_with_the_verdict_first() {
        insta::assert_snapshot!(sample().to_text(Colour::Never), @"
        NOT GENUINE
        document       ID VNM 079505000123  PHAM  THI UOC MAU
                       born 050105, expires 300105 (YYMMDD)
        failed         pa.hash.dg2: DG2 hash differs: EF.SOD says 00, the file gives 01 (test)
        not-attempted  read.dg3: EF.DG3: protected by extended access control (6982) (test)
        passed         access.pace ca read.*(1 files) pa.sod
        tolerated      access.card_access-by-fid at FID 011C without the MF
        policy         standard; the card was inspected
        ");
    }

    #[test]
    fn what_the_policy_counts_is_not_called_tolerated() {
        let mut report = sample();
        report.findings.retain(|finding| finding.outcome == Outcome::Passed);
        report.findings.extend(ALWAYS.into_iter().filter(|id| *id != "pa.sod").map(|id| Check::new(id, "test").passed()));
        report.findings.push(Check::new("profile.signer", "test").failed("profile", "version: expected 3, found 2"));
        report.quirks.push(Quirk::new("cbeff.format-type", "EF.DG2 offset 7").over(b"FAC"));
        let judged = |mut report: Report, policy: &dyn Policy| {
            report.verdict = policy.judge(report.seen());
            report.policy = PolicyNote::of(policy, report.seen());
            report.to_text(Colour::Never).lines().map(|line| line.trim_end().to_owned() + "\n").collect::<String>()
        };
        insta::assert_snapshot!(judged(report.clone(), &StrictPolicy::default()), @"
        UNDECIDED
        document       ID VNM 079505000123  PHAM  THI UOC MAU
                       born 050105, expires 300105 (YYMMDD)
        failed         profile.signer: version: expected 3, found 2 (test)
        passed         access.pace ca read.*(1 files) pa.sod pa.signature pa.chain pa.hash.dg{1}
        form           cbeff.format-type at EF.DG2 offset 7 (464143)
        tolerated      access.card_access-by-fid at FID 011C without the MF
        policy         strict; the card was inspected
        ");
        let standard = judged(report, &StandardPolicy::default());
        assert!(
            standard.starts_with("GENUINE") && standard.matches("tolerated").count() == 2 && !standard.contains("form  "),
            "{standard}"
        );
    }

    #[test]
    fn a_long_list_is_folded() {
        let mut report = sample();
        let finding = report.findings.pop().expect("one that failed");
        report.findings.extend(std::iter::repeat_n(finding, 30));
        report.quirks = vec![report.quirks[0].clone(); 30];
        let text = report.to_text(Colour::Never);
        assert_eq!(text.matches("and 20 more").count(), 2, "{text}");
        assert!(text.lines().count() < 40, "{text}");
    }

    #[test]
    fn colour_only_adds_escapes() {
        let coloured = sample().to_text(Colour::Ansi);
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once("\x1b[") {
            plain.push_str(before);
            rest = after.split_once('m').expect("an escape ends").1;
        }
        plain.push_str(rest);
        assert_ne!(coloured, plain);
        assert_eq!(plain, sample().to_text(Colour::Never));
    }

    #[test]
    fn a_card_cannot_write_escapes_to_the_terminal() {
        let mut report = sample();
        report.document.as_mut().expect("sample has one").name = "\x1b[2JEVIL\u{202e}".to_owned();
        assert!(report.to_text(Colour::Never).contains("?[2JEVIL?"));
    }
}
