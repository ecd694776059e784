//! Lint: a certificate, list, EF.SOD, or CV certificate against the rules that it must obey, each rule with an id.
//!
//! [`lint`] reads bytes by their TLV alone, so that it also says what is wrong with an object that [`eid::cert`] refuses; it never
//! judges trust, only form, fields, and the signatures for which it is given the key ([`Context`]). What it cannot see is not silently
//! passed: [`Report::not_judged`] names the rules that want the issuer, the root, a date, or the data groups, and [`rules`] says of
//! every rule that no program can judge from the object why that is so.
//!
//! An authority calls it on what it has just made and publishes nothing for which [`Report::errors`] has an entry. A rule that an
//! authority breaks on purpose is named in [`Context::waived`] and stays visible as waived.

use std::borrow::Cow;
use std::fmt;

use eid::date::Date;

mod bsi;
mod certificate;
mod cms;
mod common;
mod crl;
mod csca;
mod cv;
mod cv_body;
mod extension;
pub mod kind;
mod list;
mod name;
mod object;
pub mod rules;
mod signer;
mod sod;
mod time;

pub use kind::Kind;
pub use object::embedded;
pub use rules::{How, Need, Rule};

/// How much a broken rule weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// An option that is not as it is suggested.
    Information,
    /// A recommendation that is not followed.
    Warning,
    /// A requirement that is broken: not to be issued.
    Error,
}

impl Severity {
    /// `error`, `warning`, `information`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Where in the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Offset in bytes from the start of the object in DER (of a BER message: after it was rewritten with definite lengths).
    pub offset: usize,
    /// Field, with the names of the standard: `tbsCertificate.extensions.keyUsage`.
    pub path: Cow<'static, str>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.path, self.offset)
    }
}

/// A rule that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule: `CA-012`.
    pub rule: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// The clause that asks for it.
    pub clause: &'static str,
    /// What the clause asks for.
    pub expected: Cow<'static, str>,
    /// What is there; text of the object with control characters replaced.
    pub found: String,
    /// Where.
    pub place: Place,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (severity, rule) = (self.severity.name(), self.rule);
        write!(f, "{severity} {rule}: {}: expected {}, found {} [{}]", self.place, self.expected, self.found, self.clause)
    }
}

/// What is known beside the object. Everything is optional; what is missing leaves rules unjudged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// What the object is, if that is not to be guessed.
    pub kind: Option<Kind>,
    /// Certificate of whoever signed it, DER or PEM: X.509, or CV for CV certificates and the outer signature of a request.
    pub issuer: Option<&'a [u8]>,
    /// For a link certificate: the new root, DER or PEM.
    pub root: Option<&'a [u8]>,
    /// For a CRL: the list before this one, DER or PEM.
    pub previous: Option<&'a [u8]>,
    /// The day on which a CRL is looked at.
    pub date: Option<Date>,
    /// Longest validity in years of the documents that are signed. Told, it fixes how long certificates must last; not told,
    /// they must only outlive the use of their keys.
    pub document_years: Option<u8>,
    /// For EF.SOD: the data groups of the chip, number and whole file.
    pub data_groups: Option<&'a [(u8, &'a [u8])]>,
    /// For EF.SOD: EF.COM.
    pub com: Option<&'a [u8]>,
    /// Rules that are broken on purpose: `["XC-016"]` where curves are named.
    pub waived: &'a [&'a str],
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What the object is, told or guessed; `None` if it is nothing that is known here, which is one finding then.
    pub kind: Option<Kind>,
    /// Rules that are broken, in the order of the object's parts.
    pub findings: Vec<Finding>,
    /// Rules that are broken and waived.
    pub waived: Vec<Finding>,
    /// Rules for this kind that were not judged (in full), and what would be needed.
    pub not_judged: Vec<(&'static str, Need)>,
}

impl Report {
    /// The findings that forbid to issue the object.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// Whether no rule is broken that is not waived. Proves nothing about rules that were not judged.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Most findings for one rule in one object.
const MAX_PER_RULE: usize = 16;
/// Longest text of what was found, in characters.
const MAX_FOUND: usize = 200;

/// Collects findings.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    list: Vec<Finding>,
    open: Vec<(&'static str, Need)>,
}

impl Sink {
    /// Notes that a rule could not be judged.
    pub(crate) fn open(&mut self, rule: &'static str, need: Need) {
        self.open.push((rule, need));
    }

    pub(crate) fn add(
        &mut self,
        rule: &'static str,
        offset: usize,
        path: impl Into<Cow<'static, str>>,
        expected: impl Into<Cow<'static, str>>,
        found: impl AsRef<str>,
    ) {
        let Some(known) = rules::find(rule) else { return };
        if self.list.iter().filter(|finding| finding.rule == rule).count() >= MAX_PER_RULE {
            return;
        }
        let found = found.as_ref().chars().take(MAX_FOUND).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
        let place = Place { offset, path: path.into() };
        self.list.push(Finding { rule, severity: known.severity, clause: known.clause, expected: expected.into(), found, place });
    }
}

/// Judges `bytes`, DER or the first block of a PEM text, by the rules for its kind. The answer is a reading, no proof: nothing in it says
/// that an object can be trusted.
#[must_use]
pub fn lint(bytes: &[u8], context: &Context<'_>) -> Report {
    let mut sink = Sink::default();
    let der = match object::unwrap_pem(bytes) {
        Ok(der) => der,
        Err(error) => {
            sink.add("XC-001", 0, "PEM", "a whole block of base64", error.to_string());
            return Report { findings: sink.list, ..Report::default() };
        }
    };
    let Some(kind) = context.kind.or_else(|| Kind::guess(&der)) else {
        sink.add("XC-001", 0, "object", "a certificate, CRL, EF.SOD, list, CV certificate or request", object::head(&der));
        return Report { findings: sink.list, ..Report::default() };
    };
    match kind {
        Kind::Crl => crl::check(&mut sink, &der, context),
        Kind::Sod => sod::check(&mut sink, &der, context),
        Kind::MasterList => list::master(&mut sink, &der),
        Kind::DeviationList => list::deviation(&mut sink, &der),
        Kind::Cvca | Kind::CvcaLink | Kind::DocumentVerifier | Kind::Terminal | Kind::Request => cv::check(&mut sink, &der, kind, context),
        _ => certificate::check(&mut sink, &der, kind, context),
    }
    let Sink { list, open } = sink;
    let (waived, findings): (Vec<_>, Vec<_>) = list.into_iter().partition(|finding| context.waived.contains(&finding.rule));
    let fired = |id: &str| findings.iter().chain(&waived).any(|finding| finding.rule == id);
    let not_judged = rules::of(kind)
        .filter_map(|rule| match rule.how {
            How::Checked => open.iter().find(|(id, _)| *id == rule.id).copied(),
            How::With(need) if need.met(context) => open.iter().find(|(id, _)| *id == rule.id).copied(),
            How::With(need) => Some((rule.id, need)),
            How::Human(_) => Some((rule.id, Need::Human)),
        })
        .filter(|(id, _)| !fired(id))
        .collect();
    Report { kind: Some(kind), findings, waived, not_judged }
}
