//! Suites: test cases as data. The built-in ones are tables in `suites/`, read once.
//!
//! ```text
//! id,section,applies,title,before,steps,basis,note
//! @name,,,what it is,,steps,,                      a precondition, reached from a cold reset
//! ISO7816_A_1,3.1,"BAC,not PACE",…,@mf,plain … -> 9000 empty,given,
//!
//! needs                                            a ninth column: sacrifice, if the case changes the card for good; after=ID, if that one
//!                                                  must have passed before
//! ```
//!
//! A case without steps is one whose row is not public, or that another suite runs; its note says so, and it is never counted as passed.
//! Refused: rows with words that the language does not have, unknown preconditions, and an id twice.

use std::collections::{BTreeMap, BTreeSet};

use super::csv::{self, CsvError};
use super::feature::Condition;
use super::lds::{self, Rule};
use super::step::{self, Step};

const COLUMNS: [&str; 9] = ["id", "section", "applies", "title", "before", "steps", "basis", "note", "needs"];

/// A test plan.
#[derive(Debug, Clone)]
pub struct Suite {
    name: &'static str,
    document: &'static str,
    pub(super) cases: Vec<Case>,
    pub(super) preconditions: BTreeMap<String, Precondition>,
}

/// A state of the card from which cases start.
#[derive(Debug, Clone)]
pub(super) struct Precondition {
    /// In words.
    pub(super) title: String,
    pub(super) steps: Vec<Step>,
}

/// A test case.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// Id, unique in its document only.
    pub id: String,
    /// Section of the document.
    pub section: String,
    /// What it shows.
    pub title: String,
    /// Where what is expected comes from: `given` by the document, `completed` from the standards, or `known` by neither.
    pub basis: String,
    /// What else there is to say.
    pub note: String,
    /// To which cards it applies, as the suite writes it; empty for all.
    pub applies_to: String,
    pub(super) applies: Condition,
    pub(super) before: String,
    /// It changes the card for good.
    pub(super) sacrifice: bool,
    /// The case that must have passed before.
    pub(super) after: Option<String>,
    pub(super) steps: Vec<Step>,
    /// As they stand in the table.
    pub(super) text: String,
    /// What judges a case of the data suites.
    pub(super) rule: Option<&'static Rule>,
}

impl Case {
    fn of_rule(rule: &'static Rule) -> Self {
        Self {
            id: rule.id.to_owned(),
            section: String::new(),
            title: format!("{}: {}", rule.file, rule.title),
            basis: String::new(),
            note: String::new(),
            applies_to: String::new(),
            applies: Condition::default(),
            before: String::new(),
            sacrifice: false,
            after: None,
            steps: Vec::new(),
            text: String::new(),
            rule: Some(rule),
        }
    }

    /// Whether it is about the bytes of a file, and not about what the chip does.
    #[must_use]
    pub const fn is_about_data(&self) -> bool {
        self.rule.is_some()
    }

    /// The unit of the document: `ISO7816_B` of `ISO7816_B_12`.
    #[must_use]
    pub fn unit(&self) -> &str {
        self.id.rsplit_once('_').map_or(&self.id, |(unit, _)| unit)
    }

    /// Whether it changes the card for good, so that it is run only where the card may be lost.
    #[must_use]
    pub const fn is_destructive(&self) -> bool {
        self.sacrifice
    }

    /// The steps as the suite writes them.
    #[must_use]
    pub fn steps(&self) -> &str {
        &self.text
    }

    /// The state of the card from which it starts, by its name in the suite.
    #[must_use]
    pub fn before(&self) -> &str {
        &self.before
    }
}

/// Why a table is no suite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuiteError {
    /// There is no suite of that name.
    #[error("expected a suite ({known}), found {found:?}")]
    Unknown {
        /// What was asked for.
        found: String,
        /// The suites that there are.
        known: String,
    },
    /// A row is wrong.
    #[error(transparent)]
    Row(#[from] CsvError),
}

/// Name, document, and table of the built-in suites.
const BUILT_IN: [(&str, &str, &str); 4] = [
    ("icao3", "ICAO TR RF protocol and application test standard for eMRTD, Part 3, V3.2", include_str!("suites/icao3.csv")),
    ("bsi32", "BSI TR-03105 Part 3.2, extended access control version 1, V1.5.1", include_str!("suites/bsi32.csv")),
    ("bsi33", "BSI TR-03105 Part 3.3, extended access control version 2, V1.2", include_str!("suites/bsi33.csv")),
    ("cardwright", "cardwright, what no test plan asks", include_str!("suites/cardwright.csv")),
];

impl Suite {
    /// Names of the built-in suites.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, ..)| *name)
    }

    /// A built-in suite.
    ///
    /// # Errors
    /// [`SuiteError::Unknown`].
    pub fn built_in(name: &str) -> Result<Self, SuiteError> {
        let known = BUILT_IN.iter().find(|(known, ..)| *known == name);
        let unknown = || SuiteError::Unknown { found: name.to_owned(), known: Self::names().collect::<Vec<_>>().join(", ") };
        let (name, document, table) = known.ok_or_else(unknown)?;
        let mut suite = Self::parse(name, document, table)?;
        suite.cases.extend(lds::rules().filter(|rule| rule.document == *name).map(Case::of_rule));
        Ok(suite)
    }

    /// A case, and before it those that must pass before it on the same card, in their order.
    #[must_use]
    pub fn with_prerequisites(&self, id: &str) -> Vec<String> {
        let mut ids = vec![id.to_owned()];
        // each stands above the one that names it
        while let Some(before) = ids.last().and_then(|last| self.cases.iter().find(|case| case.id == *last)?.after.clone()) {
            ids.push(before);
        }
        ids.reverse();
        ids
    }

    /// Short name: `icao3`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The document that its ids belong to.
    #[must_use]
    pub const fn document(&self) -> &'static str {
        self.document
    }

    /// The cases, in the order of the table.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    fn parse(name: &'static str, document: &'static str, table: &str) -> Result<Self, SuiteError> {
        let mut suite = Self { name, document, cases: Vec::new(), preconditions: BTreeMap::new() };
        let mut ids = BTreeSet::new();
        let rows = csv::rows(table)?;
        let Some(((line, header), rows)) = rows.split_first() else {
            return Err(CsvError { line: 1, what: "expected a header, found no row".to_owned() }.into());
        };
        let wrong = |line: &usize, what: String| CsvError { line: *line, what };
        let with_needs = *header == COLUMNS;
        if !with_needs
            && Some(header.as_slice())
                != COLUMNS.get(..8).map(|columns| columns.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).as_deref()
        {
            return Err(wrong(line, format!("expected the columns {}, found {}", COLUMNS.join(","), header.join(","))).into());
        }
        for (line, row) in rows {
            let (row, needs) = match row.split_last() {
                Some((needs, row)) if with_needs => (row, needs.as_str()),
                _ => (row.as_slice(), ""),
            };
            let [id, section, applies, title, before, text, basis, note] = row else {
                return Err(wrong(line, format!("expected {} cells, found {}", header.len(), row.len())).into());
            };
            if !ids.insert(id.clone()) {
                return Err(wrong(line, format!("{id} stands there twice")).into());
            }
            let steps = step::parse(text).map_err(|error| wrong(line, error.to_string()))?;
            if id.starts_with('@') {
                suite.preconditions.insert(id.clone(), Precondition { title: title.clone(), steps });
                continue;
            }
            if steps.is_empty() && note.is_empty() {
                return Err(wrong(line, format!("{id} has no steps and no note that says why")).into());
            }
            if !(suite.preconditions.contains_key(before) || before.is_empty() && steps.is_empty()) {
                return Err(wrong(line, format!("{id}: expected the name of a precondition above, found {before:?}")).into());
            }
            let (mut sacrifice, mut after) = (false, None);
            for need in needs.split_whitespace() {
                match need.strip_prefix("after=") {
                    Some(other) if ids.contains(other) => after = Some(other.to_owned()),
                    None if need == "sacrifice" => sacrifice = true,
                    _ => return Err(wrong(line, format!("{id}: expected sacrifice, or after= a case above, found {need:?}")).into()),
                }
            }
            suite.cases.push(Case {
                sacrifice,
                after,
                id: id.clone(),
                section: section.clone(),
                title: title.clone(),
                basis: basis.clone(),
                note: note.clone(),
                applies_to: applies.clone(),
                applies: Condition::parse(applies).map_err(|what| wrong(line, what))?,
                before: before.clone(),
                steps,
                text: text.clone(),
                rule: None,
            });
        }
        Ok(suite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_built_in_suites_is_understood() {
        for name in Suite::names() {
            let suite = Suite::built_in(name).unwrap_or_else(|error| panic!("{name}: {error}"));
            let (data, protocol): (Vec<_>, Vec<_>) = suite.cases.iter().partition(|case| case.is_about_data());
            let silent = protocol.iter().filter(|case| case.steps.is_empty()).count();
            let expected = match name {
                "icao3" => (298, 113, 3),
                "bsi32" => (106, 29, 0),
                "cardwright" => (2, 0, 0),
                _ => (547, 31, 218),
            };
            assert_eq!((protocol.len(), data.len(), silent), expected, "{name}");
            for case in protocol {
                assert!(["given", "completed", "known"].contains(&case.basis.as_str()), "{}: {}", case.id, case.basis);
            }
        }
        assert!(matches!(Suite::built_in("icao9"), Err(SuiteError::Unknown { .. })));
    }

    #[test]
    fn what_is_wrong_with_a_row_is_told_with_its_line() {
        let head = "id,section,applies,title,before,steps,basis,note\n@a,,,x,,reset -> ok,,\n";
        let suite = |row: &str| Suite::parse("x", "X", &format!("{head}{row}"));
        assert!(suite("X_1,1,BAC,t,@a,reset -> ok,given,\n").is_ok());
        let (nine, eight) = (head.replace("note\n", "note,needs\n").replace(",,\n", ",,,\n"), "X_1,1,BAC,t,@a,reset -> ok,given,");
        for (needs, right) in [("", true), ("sacrifice", true), ("sacrifice after=X_1", true), ("after=X_3", false), ("luck", false)] {
            let table = format!("{nine}{eight},\n{},{needs}\n", eight.replace("X_1", "X_2"));
            assert_eq!(Suite::parse("x", "X", &table).is_ok(), right, "{needs}");
        }
        for row in [
            "X_1,1,BAC,t,@a,reset -> ok,given",
            "X_1,1,BAK,t,@a,reset -> ok,given,",
            "X_1,1,BAC,t,@b,reset -> ok,given,",
            "X_1,1,BAC,t,@a,rest -> ok,given,",
            "X_1,1,BAC,t,@a,,given,",
            "@a,,,x,,reset -> ok,,",
        ] {
            assert!(matches!(suite(row), Err(SuiteError::Row(CsvError { line: 3, .. }))), "{row}");
        }
        assert!(matches!(Suite::parse("x", "X", "id,x\n"), Err(SuiteError::Row(CsvError { line: 1, .. }))));
        assert!(matches!(Suite::parse("x", "X", "# nothing\n"), Err(SuiteError::Row(_))));
    }
}
