//! The report as one page for who stands at a counter: the verdict, the portrait and the data, then every check with its reason.
//!
//! The page holds everything that it shows and loads nothing: no script, no link, no font; a content security policy that allows only its own
//! style and images that are in it. What comes from a card is hostile: all of it is escaped, and characters that steer a terminal or turn
//! the direction of text are shown as `?`.

use std::fmt::Write as _;

use eid::protocol::finding::{Finding, Outcome};

use super::codes::{self, Part, tolerances};
use super::page::{self, STYLE, escape};
use super::{Report, Verdict};
use crate::terminal::inspect::Inspection;
use crate::terminal::policy::{FORM, about_the_card};

mod holder;

const fn class_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "good",
        Outcome::Failed => "bad",
        Outcome::Undecided | Outcome::NotSupported => "open",
        Outcome::NotAttempted => "none",
    }
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "✓ passed",
        Outcome::Failed => "✗ failed",
        Outcome::Undecided => "? undecided",
        Outcome::NotSupported => "? unknown kind",
        Outcome::NotAttempted => "– not run",
    }
}

impl Inspection {
    /// The report as one HTML page, with the portrait and the data that were read.
    #[must_use]
    pub fn to_html(&self) -> String {
        let report = &self.report;
        let mut out = String::new();
        head(&mut out, report);
        verdict(&mut out, self);
        tiles(&mut out, report);
        holder::holder(&mut out, self);
        for part in Part::ALL {
            checks(&mut out, part, report);
        }
        holder::data(&mut out, self);
        tolerances(&mut out, report);
        about(&mut out, self);
        out.push_str("</body>\n</html>\n");
        out
    }
}

// Writing to a String does not fail, here and below.

fn head(out: &mut String, report: &Report) {
    page::head(out, &format!("{}: inspection of {}", report.verdict, report.date), STYLE);
}

fn verdict(out: &mut String, inspection: &Inspection) {
    let report = &inspection.report;
    let failed = report.findings.iter().filter(|finding| finding.outcome == Outcome::Failed && about_the_card(finding)).count();
    let (class, sign, words, says) = match report.verdict {
        Verdict::Genuine => ("good", "✓", "GENUINE", "The state's signature holds, and nothing contradicts it.".to_owned()),
        Verdict::NotGenuine => {
            let checks = if failed == 1 { "One check".to_owned() } else { format!("{failed} checks") };
            ("bad", "✗", "NOT GENUINE", format!("{checks} failed. What the chip says must not be believed."))
        }
        Verdict::Undecided if !report.policy.obstacles.is_empty() && report.policy.obstacles.iter().all(|line| line.starts_with(FORM)) => {
            ("open", "?", "UNDECIDED", "The state's signature holds, but the document is not made as the standard asks.".to_owned())
        }
        Verdict::Undecided => ("open", "?", "UNDECIDED", "Nothing failed, but not enough could be shown.".to_owned()),
        Verdict::AccessRefused => ("none", "⊘", "ACCESS REFUSED", "The card did not open. Nothing is known about it.".to_owned()),
    };
    let _ = write!(
        out,
        "<section class=\"verdict {class}\"><div class=\"sign\" aria-hidden=\"true\">{sign}</div><div><h1>{words}</h1><p>{says}</p>"
    );
    let why: Vec<String> = match report.verdict {
        Verdict::Undecided => report.policy.obstacles.clone(),
        _ => {
            // Where the card did not open, its refusal is the reason.
            let counts = |finding: &Finding| about_the_card(finding) || report.verdict == Verdict::AccessRefused;
            let open = |finding: &&Finding| finding.outcome == Outcome::Failed && counts(finding) || finding.id() == "access.password";
            report.findings.iter().filter(open).filter_map(|finding| finding.reason.as_ref()).map(|reason| reason.text.clone()).collect()
        }
    };
    let why = if report.verdict == Verdict::Genuine { Vec::new() } else { why };
    if !why.is_empty() {
        out.push_str("<ul>");
        for line in why.iter().take(6) {
            let _ = write!(out, "<li>{}</li>", escape(line));
        }
        if why.len() > 6 {
            let _ = write!(out, "<li>and {} more, below</li>", why.len() - 6);
        }
        out.push_str("</ul>");
    }
    out.push_str("</div></section>\n");
}

/// What a clerk asks, in four tiles.
fn tiles(out: &mut String, report: &Report) {
    let of = |part: Part| report.findings.iter().filter(move |finding| codes::part(finding.id()) == part);
    let passed = |id: &str| report.finding(id).is_some_and(|finding| finding.outcome == Outcome::Passed);
    let any = |part: Part, outcome: Outcome| of(part).any(|finding| finding.outcome == outcome && about_the_card(finding));
    let signed = if any(Part::Passive, Outcome::Failed) {
        ("bad", "No: contradicted".to_owned())
    } else if crate::terminal::policy::ALWAYS.into_iter().all(passed) {
        ("good", "Yes".to_owned())
    } else if passed("pa.signature") {
        ("open", "By an unknown signer".to_owned())
    } else {
        ("none", "Not shown".to_owned())
    };
    let proofs = [("ca", "Chip Authentication"), ("cam", "PACE-CAM"), ("aa", "Active Authentication")];
    let proved: Vec<_> = proofs.iter().filter(|(id, _)| passed(id)).map(|(_, name)| *name).collect();
    let refuted = proofs.iter().any(|(id, _)| report.finding(id).is_some_and(|finding| finding.outcome == Outcome::Failed));
    let original = match (refuted, proved.is_empty()) {
        (true, _) => ("bad", "No: copied or changed".to_owned()),
        (false, false) => ("good", format!("Yes ({})", proved.join(", "))),
        (false, true) => ("none", "Not shown".to_owned()),
    };
    let agree = if any(Part::Content, Outcome::Failed) || any(Part::Reading, Outcome::Failed) {
        ("bad", "No: damaged or contradictory".to_owned())
    } else if any(Part::Content, Outcome::Undecided) || any(Part::Content, Outcome::NotSupported) {
        ("open", "Open question".to_owned())
    } else if any(Part::Content, Outcome::Passed) {
        ("good", "Yes".to_owned())
    } else {
        ("none", "Not compared".to_owned())
    };
    let password = |id: &str| report.finding(id).and_then(|finding| finding.evidence("password")).unwrap_or("?").to_owned();
    let opened = if passed("access.pace") {
        ("good", format!("PACE with {}", password("access.pace")))
    } else if passed("access.bac") {
        let class = if passed("access.downgrade") { "good" } else { "open" };
        (class, format!("Basic Access Control with {}", password("access.bac")))
    } else if report.finding("access.pace").and_then(|finding| finding.reason.as_ref()).is_some_and(|reason| reason.code == "no-card") {
        ("none", "No card: files only".to_owned())
    } else {
        ("bad", "No".to_owned())
    };
    out.push_str("<ul class=\"tiles\">");
    let tiles =
        [("Signed by the state", signed), ("Chip is the original", original), ("Whole and in agreement", agree), ("Card opened", opened)];
    for (title, (class, text)) in tiles {
        let _ = write!(out, "<li class=\"{class}\"><b>{title}</b>{}</li>", escape(&text));
    }
    out.push_str("</ul>\n");
}

/// The checks of one part: what did not pass first; a part in which everything passed is folded.
fn checks(out: &mut String, part: Part, report: &Report) {
    let mut findings: Vec<&Finding> = report.findings.iter().filter(|finding| codes::part(finding.id()) == part).collect();
    if findings.is_empty() {
        return;
    }
    let rank = |finding: &Finding| match finding.outcome {
        Outcome::Failed => 0,
        Outcome::Undecided => 1,
        Outcome::NotSupported => 2,
        Outcome::Passed => 3,
        Outcome::NotAttempted => 4,
    };
    findings.sort_by_key(|finding| rank(finding));
    let remarks = findings.iter().filter(|finding| rank(finding) < 3).count();
    let passed = findings.iter().filter(|finding| finding.outcome == Outcome::Passed).count();
    let fold = part == Part::Reading && remarks == 0;
    let _ = writeln!(out, "<h2>{}</h2>", part.title());
    if fold {
        let _ = write!(
            out,
            "<details class=\"fold\"><summary>{passed} file{} read, none with a fault</summary>",
            if passed == 1 { "" } else { "s" }
        );
    }
    out.push_str("<table>");
    for finding in findings {
        row(out, finding);
    }
    out.push_str(if fold { "</table></details>\n" } else { "</table>\n" });
}

fn row(out: &mut String, finding: &Finding) {
    let id = finding.id();
    let (class, word) = (class_of(finding.outcome), word(finding.outcome));
    let question = codes::entry(id).map_or("", |known| known.question);
    // `pa.hash.dg2` and `read.dg2` share their question with others: the file makes the difference.
    let file = id.rsplit('.').next().filter(|_| id.starts_with("pa.hash.") || id.starts_with("read."));
    let file = file.map_or_else(String::new, |file| format!("{}: ", file.to_ascii_uppercase()));
    let _ =
        write!(out, "<tr><td class=\"result\"><span class=\"badge {class}\">{word}</span></td><td>{}{}", escape(&file), escape(question));
    if let Some(reason) = &finding.reason {
        let _ = write!(out, "<div class=\"why\">{}</div>", escape(&reason.text));
    }
    let code = finding.reason.as_ref().map_or_else(String::new, |reason| format!(" · {}", reason.code));
    let line = format!("{} · {}{}", escape(id), escape(finding.check.clause), escape(&code));
    if finding.evidence.is_empty() {
        let _ = write!(out, "<div class=\"id\">{line}</div>");
    } else {
        let _ = write!(out, "<details><summary class=\"id\">{line} · evidence</summary><dl class=\"evidence\">");
        for (name, value) in &finding.evidence {
            let _ = write!(out, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
        }
        out.push_str("</dl></details>");
    }
    out.push_str("</td></tr>\n");
}

fn tolerances(out: &mut String, report: &Report) {
    out.push_str("<h2>Tolerances</h2>\n");
    if report.quirks.is_empty() {
        out.push_str("<p>None: the card keeps every rule that was looked at.</p>\n");
        return;
    }
    out.push_str("<p>What the card does otherwise than the standard says, and was read all the same. None of them turns a failed check into a passed one.");
    if report.quirks.iter().any(|quirk| report.is_counted(quirk)) {
        let _ = write!(out, " The policy {} does not take those that are marked.", escape(&report.policy.name));
    }
    out.push_str("</p>\n<table><tr><th>rule</th><th>where</th><th>bytes</th></tr>");
    for quirk in &report.quirks {
        let what = tolerances::tolerance(quirk.rule).map_or("", |known| known.what);
        let mark = if report.is_counted(quirk) { "<span class=\"badge open\">not taken</span> " } else { "" };
        let (rule, what, place, bytes) = (escape(quirk.rule), escape(what), escape(&quirk.place), escape(&quirk.hex()));
        let _ = write!(out, "<tr><td>{mark}{rule}<div class=\"why\">{what}</div></td><td>{place}</td><td>{bytes}</td></tr>");
    }
    out.push_str("</table>\n");
}

fn about(out: &mut String, inspection: &Inspection) {
    let report = &inspection.report;
    let requirements =
        if report.policy.requirements.is_empty() { "nothing further".to_owned() } else { report.policy.requirements.join(", ") };
    let names: Vec<_> = report.files.iter().map(|(file, bytes)| format!("{file} ({bytes})")).collect();
    let traffic = report.traffic;
    let concessions: String = report.policy.concessions.iter().map(|line| format!("<dt>let stand</dt><dd>{}</dd>", escape(line))).collect();
    let _ = write!(
        out,
        "<h2>About this report</h2>\n<dl><dt>day of inspection</dt><dd>{}; {}</dd><dt>policy</dt><dd>{}, requires {}</dd>{concessions}\
         <dt>files (bytes)</dt><dd>{}</dd><dt>traffic</dt><dd>{} commands, {} bytes sent, {} received</dd></dl>\n\
         <footer>cardwright {}. The portrait and the data are what the chip says; they are confirmed only by a verdict of GENUINE.</footer>\n",
        report.date,
        report.source.told(),
        escape(&report.policy.name),
        escape(&requirements),
        escape(&names.join(", ")),
        traffic.commands,
        traffic.sent,
        traffic.received,
        env!("CARGO_PKG_VERSION"),
    );
}

#[cfg(test)]
mod tests;
