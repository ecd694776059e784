//! The rows of `suites/inspection.csv`.
//!
//! ```text
//! id,part4,profile,importance,condition,card,expected,basis,note
//! ```
//!
//! | column | what |
//! | --- | --- |
//! | id | of TR-03105-5.1 |
//! | part4 | of ICAO's part 4, to which the test moved; empty if it did not |
//! | profile | what an inspection system must be able to do for the row to count: `AIP`, `DG3`, `DPRCTD-SHA1` … |
//! | importance | `optional`, or nothing |
//! | condition | what is special about the card |
//! | card | how it is made: `fault ID`, `also ID` (another fault of the chip, on the same card), `do STEP` (a step of its injections), or words and edits of a document (docs/inspection.md), separated by `;`. `{a\|b}` is one card for each. Empty: it is not shown, and the note says why |
//! | expected | `accept`, `reject`, `reject unless lenient` (the plan says reject, and the note why many do not), `either`, `accept without 3` (the data group is withheld) |
//! | basis | `given` by the document, `inferred` from its title, `withdrawn` |
//! | note | what else there is to say |
//!
//! Refused, with the line: other columns or words, an id twice, and a row that has neither a card nor a note.

use std::collections::BTreeSet;
use std::fmt;

use applets::fault::catalogue;

use super::super::csv::{self, CsvError};
use super::super::suite::Case;

const TABLE: &str = include_str!("../suites/inspection.csv");
const COLUMNS: [&str; 9] = ["id", "part4", "profile", "importance", "condition", "card", "expected", "basis", "note"];
/// Most cards of a row.
const MAX_CARDS: usize = 64;

/// Why the table is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("inspection.csv: {0}")]
pub struct TableError(#[from] CsvError);

/// What an inspection system should say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The document is genuine.
    Accept,
    /// It is, and these data groups are withheld: 3, 4.
    AcceptWithout(&'static [u8]),
    /// It is not, or cannot be told.
    Reject,
    /// The same; documents in the field, or Doc 9303 itself, give reasons to accept, and who is lenient lets it pass.
    RejectUnlessLenient,
    /// Any of them.
    Either,
}

const EXPECTED: [(&str, Expected); 7] = [
    ("accept", Expected::Accept),
    ("accept without 3", Expected::AcceptWithout(&[3])),
    ("accept without 4", Expected::AcceptWithout(&[4])),
    ("accept without 3 4", Expected::AcceptWithout(&[3, 4])),
    ("reject", Expected::Reject),
    ("reject unless lenient", Expected::RejectUnlessLenient),
    ("either", Expected::Either),
];

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED.iter().find(|(_, expected)| expected == self).map_or("", |(name, _)| name))
    }
}

/// Where what is expected comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The document says it.
    Given,
    /// It follows from the title; the text stands in part 4, which is not public.
    Inferred,
    /// The row was withdrawn.
    Withdrawn,
}

const BASES: [(&str, Basis); 3] = [("given", Basis::Given), ("inferred", Basis::Inferred), ("withdrawn", Basis::Withdrawn)];

/// How the card of a case is made, in the words of the table.
pub type Card = String;

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Id in TR-03105-5.1.
    pub id: String,
    /// Id in ICAO's part 4; may be empty.
    pub part4: String,
    /// What the system must be able to do, as words.
    pub profile: String,
    /// Whether the document calls the row optional.
    pub optional: bool,
    /// What is special about the card.
    pub condition: String,
    /// The cards; none for a row that is not shown.
    pub cards: Vec<Card>,
    /// What is expected; nothing of a row that was withdrawn.
    pub expected: Option<Expected>,
    /// Where that comes from.
    pub basis: Basis,
    /// What else there is to say; why nothing is shown.
    pub note: String,
}

impl Row {
    /// The cases: a card each, and its id, with a number behind it where there are several.
    #[must_use]
    pub fn cases(&self) -> Vec<(String, Option<Card>)> {
        match self.cards.as_slice() {
            [] => vec![(self.id.clone(), None)],
            [card] => vec![(self.id.clone(), Some(card.clone()))],
            cards => (1..).zip(cards).map(|(n, card)| (format!("{}.{n}", self.id), Some(card.clone()))).collect(),
        }
    }

    /// The ids of the catalogue that a card of the row names.
    pub fn faults(&self) -> impl Iterator<Item = &str> {
        self.cards.iter().flat_map(|card| card.split(';')).filter_map(|step| step.trim().strip_prefix("fault ").map(str::trim))
    }

    /// As the reports of all suites show a case.
    pub(super) fn as_case(&self, id: &str, card: Option<&str>) -> Case {
        let basis = BASES.iter().find(|(_, basis)| *basis == self.basis).map_or("", |(name, _)| name);
        // of several cards each says which it is
        let title = match card.filter(|_| self.cards.len() > 1) {
            Some(card) => format!("{} ({card})", self.condition),
            None => self.condition.clone(),
        };
        Case {
            id: id.to_owned(),
            section: self.part4.clone(),
            title,
            basis: basis.to_owned(),
            note: self.note.clone(),
            applies_to: self.profile.clone(),
            text: card.unwrap_or_default().to_owned(),
            ..Case::default()
        }
    }
}

/// All rows, in the order of the document.
///
/// # Errors
/// [`TableError`] names the line.
pub fn rows() -> Result<Vec<Row>, TableError> {
    Ok(parse(TABLE)?)
}

fn parse(table: &str) -> Result<Vec<Row>, CsvError> {
    let cells = csv::rows(table)?;
    let wrong = |line: usize, what: String| CsvError { line, what };
    let Some(((line, header), cells)) = cells.split_first() else {
        return Err(wrong(1, "expected a header, found no row".to_owned()));
    };
    if *header != COLUMNS {
        return Err(wrong(*line, format!("expected the columns {}, found {}", COLUMNS.join(","), header.join(","))));
    }
    let mut ids = BTreeSet::new();
    let mut rows = Vec::new();
    for (line, cells) in cells {
        let wrong = |what: String| wrong(*line, what);
        let [id, part4, profile, importance, condition, card, expected, basis, note] = cells.as_slice() else {
            return Err(wrong(format!("expected {} cells, found {}", COLUMNS.len(), cells.len())));
        };
        if !ids.insert(id.clone()) || id.is_empty() {
            return Err(wrong(format!("expected an id, once, found {id:?}")));
        }
        let known = |names: &mut dyn Iterator<Item = &'static str>| names.collect::<Vec<_>>().join(", ");
        let named = BASES.iter().find(|(name, _)| name == basis).map(|(_, basis)| *basis);
        let basis =
            named.ok_or_else(|| wrong(format!("expected one of {}, found {basis:?}", known(&mut BASES.iter().map(|one| one.0)))))?;
        let verdict = EXPECTED.iter().find(|(name, _)| name == expected).map(|(_, expected)| *expected);
        if verdict.is_none() && !(expected.is_empty() && basis == Basis::Withdrawn) {
            return Err(wrong(format!("expected one of {}, found {expected:?}", known(&mut EXPECTED.iter().map(|one| one.0)))));
        }
        if !matches!(importance.as_str(), "" | "optional") {
            return Err(wrong(format!("expected optional or nothing, found {importance:?}")));
        }
        let cards =
            if card.is_empty() { Vec::new() } else { variants(card).ok_or_else(|| wrong(format!("{{a|b}} that ends, found {card:?}")))? };
        let row = Row {
            id: id.clone(),
            part4: part4.clone(),
            profile: profile.clone(),
            optional: !importance.is_empty(),
            condition: condition.clone(),
            cards,
            expected: verdict,
            basis,
            note: note.clone(),
        };
        if row.cards.is_empty() && note.is_empty() {
            return Err(wrong(format!("{id} has no card and no note that says why")));
        }
        let named =
            row.cards.iter().flat_map(|card| card.split(';')).filter_map(|step| {
                step.trim().split_once(' ').filter(|(word, _)| matches!(*word, "fault" | "also")).map(|(_, id)| id.trim())
            });
        if let Some(unknown) = named.into_iter().find(|fault| catalogue::find(fault).is_none()) {
            return Err(wrong(format!("{id}: expected the id of a fault of the catalogue, found {unknown:?}")));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// A text for each choice of `{a|b}`.
fn variants(text: &str) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (choices, after) = after.split_once('}')?;
        let next = all.iter().flat_map(|start| choices.split('|').map(move |choice| format!("{start}{before}{choice}")));
        all = next.collect();
        rest = after;
        if all.len() > MAX_CARDS {
            return None;
        }
    }
    Some(all.into_iter().map(|start| start + rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_live_row_has_a_card_or_says_why_not() {
        let rows = rows().expect("the table");
        let withdrawn = rows.iter().filter(|row| row.basis == Basis::Withdrawn).count();
        assert_eq!((rows.len(), withdrawn), (338, 8));
        for (unit, count) in [("ISO7816_A", 3), ("ISO7816_B", 10), ("ISO7816_C", 8), ("ISO7816_D", 15), ("ISO7816_E", 38), ("ISO7816_F", 9)]
        {
            assert_eq!(rows.iter().filter(|row| row.id.starts_with(unit)).count(), count, "{unit}");
        }
        for (unit, count) in [("ISO7816_G", 41), ("LDS_A", 10), ("LDS_B", 28), ("LDS_C", 28), ("LDS_D", 16), ("LDS_E", 14), ("LDS_H", 98)] {
            assert_eq!(rows.iter().filter(|row| row.id.starts_with(unit)).count(), count, "{unit}");
        }
        let shown = rows.iter().filter(|row| !row.cards.is_empty()).count();
        let cards: usize = rows.iter().map(|row| row.cards.len()).sum();
        println!("{shown} of {} rows are shown, by {cards} cards", rows.len() - withdrawn);
        assert!(rows.iter().all(|row| row.basis != Basis::Withdrawn || row.cards.is_empty()));
    }

    /// Where the plan refuses and the catalogue does not, who is lenient lets it pass, and the note says why.
    #[test]
    fn the_catalogue_does_not_contradict_the_table() {
        for row in rows().expect("the table") {
            for id in row.faults() {
                let fault = catalogue::find(id).expect("the table was read");
                let said = fault.verdict.split([':', ' ']).next().unwrap_or_default();
                let right = match row.expected.expect("a live row") {
                    Expected::Accept => said == "ACCEPT",
                    Expected::AcceptWithout(_) => said == "LIMITED",
                    Expected::Reject => said == "REJECT",
                    Expected::RejectUnlessLenient => said == "EITHER" && !row.note.is_empty(),
                    Expected::Either => said == "EITHER",
                };
                assert!(right, "{}: {:?}, {id} says {said}", row.id, row.expected);
            }
        }
    }

    #[test]
    fn braces_make_a_card_for_each_choice() {
        let all = |text: &str| variants(text).expect("braces that end");
        assert_eq!(all("pace gm"), ["pace gm"]);
        assert_eq!(all("pace {gm|im} {1|2}; x"), ["pace gm 1; x", "pace gm 2; x", "pace im 1; x", "pace im 2; x"]);
        assert_eq!((variants("{a|b"), variants(&"{a|b}".repeat(7))), (None, None));
    }

    #[test]
    fn what_is_wrong_with_a_row_is_told_with_its_line() {
        let parsed = |row: &str| parse(&format!("# x\n{}\n{row}\n", COLUMNS.join(",")));
        assert!(parsed("A_01,,,,c,fault VF-SM-001,reject,given,").is_ok());
        for row in [
            "A_01,,,,c,fault VF-SM-001,reject,given",
            "A_01,,,,c,fault VF-SM-999,reject,given,",
            "A_01,,,,c,fault {VF-SM-001,reject,given,",
            "A_01,,,,c,,reject,given,",
            "A_01,,,,c,-,refuse,given,",
            "A_01,,,,c,-,reject,guessed,",
            "A_01,,,,c,-,,given,",
            "A_01,,,always,c,-,reject,given,",
            ",,,,c,-,reject,given,",
        ] {
            assert_eq!(parsed(row).expect_err(row).line, 3, "{row}");
        }
        assert!(parse("id\n").is_err() && parse("").is_err());
    }
}
