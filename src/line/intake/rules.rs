//! The rules of intake: those of a [record](crate::perso::record::Rule), and those that only a whole delivery can break.
//!
//! A rule has a name that does not change and a level. What a record must keep to become a document is never less than a quarantine;
//! what a site may see otherwise can be made a warning, or a quarantine, by the mapping file or the caller.

use std::collections::BTreeMap;
use std::fmt;

use crate::perso::record::{Problem, Rule};

/// What a broken rule does to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// It is accepted, and the report counts it.
    Warning,
    /// It is not accepted.
    Quarantine,
}

impl Level {
    /// `warning` or `quarantine`, as the mapping file and the table of `docs/intake.md` write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Quarantine => "quarantine",
        }
    }
}

/// Makes the rules with their names, their levels, and what each of them asks for.
macro_rules! rules {
    ($($rule:ident = $id:literal, $level:ident $(($fixed:ident))?, $says:literal;)*) => {
        /// A rule of the delivery.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Quality {
            $(#[doc = $says] $rule,)*
        }

        impl Quality {
            /// Every rule, in the order in which `docs/intake.md` has them.
            pub const ALL: &'static [Self] = &[$(Self::$rule,)*];

            const fn id(self) -> &'static str {
                match self {
                    $(Self::$rule => $id,)*
                }
            }

            const fn says(self) -> &'static str {
                match self {
                    $(Self::$rule => $says,)*
                }
            }

            /// The level if nobody sets another one.
            const fn level(self) -> Level {
                match self {
                    $(Self::$rule => Level::$level,)*
                }
            }

            const fn is_fixed(self) -> bool {
                match self {
                    $(Self::$rule => { false $(|| stringify!($fixed).len() > 0)? })*
                }
            }
        }
    };
}

rules! {
    RowForm = "row-form", Quarantine (fixed), "A row is UTF-8, has as many cells as the header, or is one JSON object of known fields and texts";
    Code = "code", Quarantine (fixed), "A code of a province or an ethnic group is in its table";
    Encoding = "encoding", Quarantine (fixed), "An image within the row is base64 or hexadecimal, as the mapping says";
    ImagePlace = "image-place", Quarantine (fixed), "The path of an image stays inside of the folder of its source";
    ImageBytes = "image-bytes", Quarantine (fixed), "An image has at most 1 MiB, and the images of a record at most 4 MiB";
    ImagePixels = "image-pixels", Quarantine, "Portrait of at least 240 x 320 pixels (token image of ISO/IEC 19794-5) and not broader than high; finger of at least 128 x 128";
    ImageContent = "image-content", Quarantine, "An image decodes; judged where images are decoded";
    TextGarbled = "text-garbled", Quarantine, "A text has no sign of a wrong character set: U+FFFD, or what UTF-8 read as Latin-1 leaves behind";
    TextComposed = "text-composed", Warning, "A text is in NFC; it is composed where it is not";
    NameTruncated = "name-truncated", Warning, "The name is whole in the MRZ; where the profile truncates it, readers see that it was cut";
    ResidenceProvince = "residence-province", Quarantine, "From 1 July 2025, a residence ends with one of the 34 provinces of today, not with one that was merged";
    AgeMaximum = "age-maximum", Quarantine, "The holder is at most 120 years old";
    ChildParent = "child-parent", Warning, "A holder under 14 has the name of father or mother";
    ChildSpouse = "child-spouse", Warning, "A holder under 18 has no spouse";
    Stale = "stale", Quarantine, "The record was confirmed recently enough";
    UpdatedAhead = "updated-ahead", Quarantine, "The record was not confirmed after today";
    DuplicateRow = "duplicate-row", Quarantine (fixed), "A record comes once; the first one stands";
    DuplicateNumber = "duplicate-number", Quarantine (fixed), "No two different records have one number; none of them stands";
    DuplicateDocument = "duplicate-document", Quarantine (fixed), "No two different records have one document number; none of them stands";
    DuplicatePerson = "duplicate-person", Quarantine, "No two numbers are for one name, birth, father, and mother";
    DuplicatePortrait = "duplicate-portrait", Quarantine, "No two persons have one portrait";
    LiveDocument = "live-document", Quarantine (fixed), "The person has no document of this kind in production, and none issued unless the record says why it is replaced";
    CancelledNumber = "cancelled-number", Quarantine (fixed), "The number was not cancelled";
}

/// Any rule of intake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ground {
    /// The record alone.
    Record(Rule),
    /// The delivery.
    Delivery(Quality),
}

impl Ground {
    /// Every rule, in the order of `docs/intake.md`.
    pub fn all() -> impl Iterator<Item = Self> {
        Rule::ALL.iter().copied().map(Self::Record).chain(Quality::ALL.iter().copied().map(Self::Delivery))
    }

    /// Its name, for ever.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Record(rule) => rule.id(),
            Self::Delivery(rule) => rule.id(),
        }
    }

    /// What it asks for.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Record(rule) => rule.says(),
            Self::Delivery(rule) => rule.says(),
        }
    }

    /// The level if nobody sets another one.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::Record(_) => Level::Quarantine,
            Self::Delivery(rule) => rule.level(),
        }
    }

    /// Whether a site may set another level.
    #[must_use]
    pub const fn is_fixed(self) -> bool {
        match self {
            Self::Record(_) => true,
            Self::Delivery(rule) => rule.is_fixed(),
        }
    }

    /// The rule with this name.
    #[must_use]
    pub fn find(id: &str) -> Option<Self> {
        Self::all().find(|ground| ground.id() == id)
    }
}

/// Why a level is not set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {id}: expected {expected}, found {found}")]
pub struct LevelError {
    /// What was named.
    pub id: String,
    /// What can be named.
    pub expected: &'static str,
    /// What is there.
    pub found: &'static str,
}

/// The levels of a site: the usual ones, and what was set otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels(BTreeMap<Ground, Level>);

impl Levels {
    /// Sets the level of the rule with this name.
    ///
    /// # Errors
    /// No such rule, or one whose level is fixed.
    pub fn set(&mut self, id: &str, level: Level) -> Result<(), LevelError> {
        let error = |expected, found| LevelError { id: id.to_owned(), expected, found };
        let ground = Ground::find(id).ok_or_else(|| error("a rule of docs/intake.md", "none of this name"))?;
        if ground.is_fixed() {
            return Err(error("a rule whose level is free", "one that is always a quarantine"));
        }
        self.0.insert(ground, level);
        Ok(())
    }

    /// The level of a rule.
    #[must_use]
    pub fn of(&self, ground: Ground) -> Level {
        self.0.get(&ground).copied().unwrap_or_else(|| ground.level())
    }
}

/// One rule that one record breaks. May quote the record: it belongs into the list of rejects and into nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason {
    /// The rule.
    pub ground: Ground,
    /// The field, as the record has it.
    pub field: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl Reason {
    pub(super) fn new(rule: Quality, field: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { ground: Ground::Delivery(rule), field: field.to_owned(), expected: expected.into(), found: found.into() }
    }
}

impl From<Problem> for Reason {
    fn from(problem: Problem) -> Self {
        let Problem { rule, field, expected, found } = problem;
        Self { ground: Ground::Record(rule), field: field.to_owned(), expected, found }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.field, self.expected, self.found)
    }
}

impl fmt::Debug for Reason {
    /// The rule and the field: the rest may quote a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reason({}, {})", self.ground.id(), self.field)
    }
}

/// At most 32 characters of `text` in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(32).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_one_name_and_the_table_of_the_documentation_has_all_of_them() {
        let mut ids: Vec<_> = Ground::all().map(Ground::id).collect();
        let table: String = Ground::all()
            .map(|rule| {
                let level = if rule.is_fixed() { rule.level().name().to_owned() } else { format!("{}, free", rule.level().name()) };
                format!("| `{}` | {level} | {} |\n", rule.id(), rule.says())
            })
            .collect();
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/intake.md")).expect("docs/intake.md");
        assert!(page.contains(&table), "docs/intake.md must have this table:\n{table}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Rule::ALL.len() + Quality::ALL.len());
    }

    #[test]
    fn a_site_cannot_make_a_warning_of_what_a_document_needs() {
        let mut levels = Levels::default();
        let stale = Ground::Delivery(Quality::Stale);
        assert_eq!(levels.of(stale), Level::Quarantine);
        levels.set("stale", Level::Warning).expect("free");
        assert_eq!(levels.of(stale), Level::Warning);
        for (id, message) in [
            ("number-sex", "rule number-sex: expected a rule whose level is free, found one that is always a quarantine"),
            ("live-document", "rule live-document: expected a rule whose level is free, found one that is always a quarantine"),
            ("stail", "rule stail: expected a rule of docs/intake.md, found none of this name"),
        ] {
            assert_eq!(levels.set(id, Level::Warning).expect_err(id).to_string(), message);
        }
    }
}
