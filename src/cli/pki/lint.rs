//! `pki lint`: judge certificates, lists, and EF.SOD by the rules that they must obey. Reads files alone, no authority is needed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use eid::date::Date;
use pki::lint::{self, Finding, How, Kind, Report, rules};
use serde_json::{Value, json};

use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, clock, output};

/// Judge certificates, lists, EF.SOD, and CV certificates by the rules of their profile
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  cardwright pki lint ca/ds.cer --issuer ca/csca.cer\n  cardwright pki lint list.ml --embedded --json\n  cardwright pki lint --rules",
    after_long_help = "Ends with 1 if a rule is broken that is a requirement, with 0 if only recommendations are.\nRules that want something beside the file (the issuer, a date, the data groups) are listed as not judged in --json."
)]
pub(super) struct Lint {
    /// Certificates, CRLs, lists, EF.SOD, CV certificates, or requests, DER or PEM
    #[arg(value_name = "FILE", required_unless_present = "rules")]
    files: Vec<PathBuf>,
    /// Take each file for a csca, link, ds, mls, dls, lds2, vds, spoc, dtc, vds-nc, crl, sod, master-list, deviation-list, cvca,
    /// cvca-link, dv, terminal, or request, and do not guess
    #[arg(long)]
    kind: Option<Kind>,
    /// Certificate of whoever signed the files
    #[arg(long, value_name = "FILE")]
    issuer: Option<PathBuf>,
    /// For a link certificate: the new root
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// For a CRL: the list before it
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    /// Judge a CRL as if today were DATE (YYYY-MM-DD)
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    /// Longest validity in years of the documents that are signed; fixes how long certificates must last
    #[arg(long, value_name = "N")]
    document_years: Option<u8>,
    /// Rule that is broken on purpose, such as XC-016 where curves are named; may be repeated
    #[arg(long, value_name = "RULE")]
    waive: Vec<String>,
    /// Judge also the certificates inside of EF.SOD and lists
    #[arg(long)]
    embedded: bool,
    /// List every rule, and how it is judged
    #[arg(long, conflicts_with = "files")]
    rules: bool,
}

impl Lint {
    pub(super) fn run(self, context: Context) -> Result<Exit, Failure> {
        if self.rules {
            return list(context);
        }
        if let Some(unknown) = self.waive.iter().find(|id| rules::find(id).is_none()) {
            return Err(Failure::usage(format_args!("no rule {unknown}")).hint("`cardwright pki lint --rules` lists them"));
        }
        let read = |path: &Path| std::fs::read(path).map_err(|error| Failure::file(path, &error));
        let beside = |path: &Option<PathBuf>| path.as_deref().map(read).transpose();
        let (issuer, root, previous) = (beside(&self.issuer)?, beside(&self.root)?, beside(&self.previous)?);
        let waived: Vec<&str> = self.waive.iter().map(String::as_str).collect();
        let known = lint::Context {
            kind: self.kind,
            issuer: issuer.as_deref(),
            root: root.as_deref(),
            previous: previous.as_deref(),
            date: Some(self.date.unwrap_or_else(clock::today)),
            document_years: self.document_years,
            waived: &waived,
            ..lint::Context::default()
        };
        let (mut text, mut rows, mut wrong) = (String::new(), Vec::new(), false);
        for path in &self.files {
            let bytes = read(path)?;
            let mut objects = vec![(path.display().to_string(), lint::lint(&bytes, &known))];
            if self.embedded {
                // what is inside has other issuers than the message
                let inside = lint::Context { kind: None, issuer: None, root: None, ..known };
                let inner = lint::embedded(&bytes);
                objects.extend(inner.iter().map(|(place, der)| (format!("{} {place}", path.display()), lint::lint(der, &inside))));
            }
            for (place, report) in objects {
                wrong |= report.errors().next().is_some();
                if context.json { rows.push(row(&place, &report)) } else { describe(&mut text, &place, &report) }
            }
        }
        if context.json {
            output::json(&json!({ "version": 1, "objects": rows }))?
        } else {
            output::text(&text)?
        }
        Ok(if wrong { Exit::CheckFailed } else { Exit::Success })
    }
}

fn describe(text: &mut String, place: &str, report: &Report) {
    let kind = report.kind.map_or("not known", Kind::title);
    let unjudged = report.not_judged.len();
    let count = match report.findings.len() {
        0 => "no finding".to_owned(),
        1 => "1 finding".to_owned(),
        n => format!("{n} findings"),
    };
    let waived = if report.waived.is_empty() { String::new() } else { format!(", {} waived", report.waived.len()) };
    // writing to a String does not fail
    let _ = writeln!(text, "{place}: {kind}: {count}{waived}, {unjudged} rules not judged");
    for finding in &report.findings {
        let _ = writeln!(text, "  {finding}");
    }
    for finding in &report.waived {
        let _ = writeln!(text, "  waived: {finding}");
    }
}

fn row(place: &str, report: &Report) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "rule": finding.rule, "severity": finding.severity.name(), "clause": finding.clause, "expected": finding.expected,
            "found": finding.found, "offset": finding.place.offset, "path": finding.place.path,
        })
    };
    json!({
        "object": place,
        "kind": report.kind.map(Kind::name),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "waived": report.waived.iter().map(finding).collect::<Vec<_>>(),
        "not_judged": report.not_judged.iter().map(|(rule, need)| json!({ "rule": rule, "needs": need.name() })).collect::<Vec<_>>(),
    })
}

/// The table of rules.
fn list(context: Context) -> Result<Exit, Failure> {
    let how = |how: How| match how {
        How::Checked => ("checked", None),
        How::With(need) => ("checked", Some(need.name())),
        How::Human(why) => ("human", Some(why)),
    };
    if context.json {
        let rows: Vec<_> = rules::all()
            .map(|rule| {
                let (judged, note) = how(rule.how);
                let (key, note) = if judged == "human" { ("why", note) } else { ("needs", note) };
                json!({
                    "rule": rule.id, "object": rule.object, "severity": rule.severity.name(), "clause": rule.clause, "text": rule.text,
                    "judged": judged, key: note,
                })
            })
            .collect();
        output::json(&json!({ "version": 1, "rules": rows }))?;
        return Ok(Exit::Success);
    }
    let mut text = String::new();
    for rule in rules::all() {
        let note = match how(rule.how) {
            ("human", Some(why)) => format!(" (needs a human: {why})"),
            (_, Some(needs)) => format!(" (in full with {needs})"),
            _ => String::new(),
        };
        let _ = writeln!(text, "{} {:<11} {}: {}{note} [{}]", rule.id, rule.severity.name(), rule.object, rule.text, rule.clause);
    }
    output::text(&text)?;
    Ok(Exit::Success)
}
