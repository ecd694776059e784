//! The table of all rules: id, object, severity, clause, what is asked for, and how it is judged.
//!
//! The ids are those of the project's checklist of certificate profiles and never change their meaning; evidence and tests name them.

use super::{Context, Kind, Severity};

mod csca;
mod cv;
mod lists;
mod messages;
mod signers;
mod x509;

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Two letters of the family, and a number: `CA-012`.
    pub id: &'static str,
    /// What it is about: `CSCA root`.
    pub object: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// The clause that asks for it.
    pub clause: &'static str,
    /// What is asked for.
    pub text: &'static str,
    /// How it is judged.
    pub how: How,
}

/// How a rule is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// From the object alone.
    Checked,
    /// In full only with something beside the object.
    With(Need),
    /// Not by a program that has the object: why.
    Human(&'static str),
}

/// What is needed beside the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Certificate of whoever signed it.
    Issuer,
    /// The new root, for a link certificate.
    Root,
    /// The CRL before this one.
    Previous,
    /// A day to look at it.
    Date,
    /// How long documents are valid.
    DocumentYears,
    /// The data groups of the chip.
    DataGroups,
    /// EF.COM of the chip.
    Com,
    /// A program that knows the algorithm or the curve.
    Algorithm,
    /// Somebody who knows more than files say.
    Human,
}

impl Need {
    /// What to hand over: `the issuer's certificate`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issuer => "the issuer's certificate",
            Self::Root => "the new root certificate",
            Self::Previous => "the CRL before this one",
            Self::Date => "a date",
            Self::DocumentYears => "the validity of documents",
            Self::DataGroups => "the data groups",
            Self::Com => "EF.COM",
            Self::Algorithm => "a program that knows the algorithm",
            Self::Human => "a human",
        }
    }

    pub(super) const fn met(self, context: &Context<'_>) -> bool {
        match self {
            Self::Issuer => context.issuer.is_some(),
            Self::Root => context.root.is_some(),
            Self::Previous => context.previous.is_some(),
            Self::Date => context.date.is_some(),
            Self::DocumentYears => context.document_years.is_some(),
            Self::DataGroups => context.data_groups.is_some(),
            Self::Com => context.com.is_some(),
            Self::Algorithm | Self::Human => false,
        }
    }
}

const TABLES: [&[Rule]; 6] = [x509::RULES, csca::RULES, signers::RULES, messages::RULES, lists::RULES, cv::RULES];

/// Every rule, in the order of the families.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    TABLES.into_iter().flatten()
}

/// The rule `id`.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}

/// The rules for a kind of object.
pub fn of(kind: Kind) -> impl Iterator<Item = &'static Rule> {
    all().filter(move |rule| kind.families().iter().any(|family| rule.id.starts_with(family)))
}

const fn checked(id: &'static str, object: &'static str, severity: Severity, clause: &'static str, text: &'static str) -> Rule {
    Rule { id, object, severity, clause, text, how: How::Checked }
}

const fn with(need: Need, id: &'static str, object: &'static str, severity: Severity, clause: &'static str, text: &'static str) -> Rule {
    Rule { id, object, severity, clause, text, how: How::With(need) }
}

const fn human(
    id: &'static str,
    object: &'static str,
    severity: Severity,
    clause: &'static str,
    text: &'static str,
    why: &'static str,
) -> Rule {
    Rule { id, object, severity, clause, text, how: How::Human(why) }
}
