//! Personalities: how cards of a state behave in the field, as data (`personalities.csv`). Within the standard or not, they are genuine, and an
//! inspection system has to read them.
//!
//! | column | what |
//! | --- | --- |
//! | id | two letters, as the state has them |
//! | what | what the cards do |
//! | injection | how ours does it, in the language of injections |
//! | image | what else is odd, in their files, signatures, and certificates |
//! | edits | how a document of ours is made so, in the language of faulty documents; the walls of the house keep that out of here |
//! | base | the document profile that the edits are for; empty where the files are as any |
//! | needs | what the card must have, as [`Fault::needs`](super::catalogue::Fault::needs) |
//! | shows | the rules of the quirk ledger that our inspection notes of the chip; `-` for none |
//! | marks | those that it notes of the files; with `!`, one of the chip that these files hide |
//! | missing | what is told of them and not made |
//! | source | where it is told |

use std::sync::LazyLock;

use super::catalogue::{CatalogueError, cells};
use super::injection;

const TABLE: &str = include_str!("personalities.csv");
const COLUMNS: [&str; 11] = ["id", "what", "injection", "image", "edits", "base", "needs", "shows", "marks", "missing", "source"];

static PERSONALITIES: LazyLock<Vec<Personality>> = LazyLock::new(|| parse(TABLE).expect("a test reads the table"));

/// How the cards of a state behave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personality {
    /// Two letters.
    pub id: &'static str,
    /// What the cards do.
    pub what: &'static str,
    /// How ours does it.
    pub injection: &'static str,
    /// What else is odd, in the files; a card shows it if its image does.
    pub image: &'static str,
    /// How a document is made so, in the language of `cardwright::faulty`.
    pub edits: &'static str,
    /// The profile of that document; empty where nothing is odd in the files.
    pub base: &'static str,
    needs: &'static str,
    shows: &'static str,
    marks: &'static str,
    /// What is told of these cards and not made.
    pub missing: &'static str,
    /// Where it is told.
    pub source: &'static str,
}

impl Personality {
    /// What card and terminal must have, as words.
    pub fn needs(&self) -> impl Iterator<Item = &'static str> {
        self.needs.split_whitespace()
    }

    /// The rules of the quirk ledger that our inspection notes of the chip.
    pub fn shows(&self) -> impl Iterator<Item = &'static str> {
        self.shows.split_whitespace().filter(|rule| *rule != "-")
    }

    /// The rules of the quirk ledger that our inspection notes of the files.
    pub fn marks(&self) -> impl Iterator<Item = &'static str> {
        self.marks.split_whitespace().filter(|rule| *rule != "-" && !rule.starts_with('!'))
    }

    /// The rules that it notes where files and chip are theirs.
    pub fn notes(&self) -> impl Iterator<Item = &'static str> {
        let hidden = |rule: &str| self.marks.split_whitespace().any(|mark| mark.strip_prefix('!') == Some(rule));
        self.shows().filter(move |rule| !hidden(rule)).chain(self.marks())
    }

    /// Whether its documents differ in their files, so that one has to be made.
    #[must_use]
    pub const fn has_documents(&self) -> bool {
        !self.base.is_empty()
    }
}

/// Every personality.
#[must_use]
pub fn all() -> &'static [Personality] {
    &PERSONALITIES
}

/// The personality of that name, in any case.
#[must_use]
pub fn find(id: &str) -> Option<&'static Personality> {
    all().iter().find(|one| one.id.eq_ignore_ascii_case(id))
}

/// Reads a table.
///
/// # Errors
/// [`CatalogueError`] names the line.
pub fn parse(table: &'static str) -> Result<Vec<Personality>, CatalogueError> {
    let wrong = |n: usize, column, expected: &str, found: &str| CatalogueError {
        line: n + 1,
        column,
        expected: expected.to_owned(),
        found: found.to_owned(),
    };
    let mut lines = table.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
    match lines.next() {
        Some((_, head)) if head == COLUMNS.join(",") => {}
        head => return Err(wrong(head.map_or(0, |(n, _)| n), "head", &COLUMNS.join(","), head.map_or("", |(_, head)| head))),
    }
    let mut all: Vec<Personality> = Vec::new();
    for (n, line) in lines {
        let row: [&'static str; 11] =
            cells(line).try_into().map_err(|cells: Vec<_>| wrong(n, "all", "11 cells", &format!("{} cells", cells.len())))?;
        let [id, what, injection, image, edits, base, needs, shows, marks, missing, source] = row;
        let letters = id.len() == 2 && id.bytes().all(|byte| byte.is_ascii_uppercase());
        if !letters || all.iter().any(|other| other.id == id) {
            return Err(wrong(n, "id", "two letters, once", id));
        }
        injection::parse(injection).map_err(|error| wrong(n, "injection", "an injection", &error.to_string()))?;
        if base.is_empty() && !(edits.is_empty() && image.is_empty()) {
            return Err(wrong(n, "base", "the profile that the edits are for", base));
        }
        all.push(Personality { id, what, injection, image, edits, base, needs, shows, marks, missing, source });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_found_by_name() {
        let all = parse(TABLE).unwrap_or_else(|error| panic!("{error}"));
        let names: Vec<_> = all.iter().map(|one| one.id).collect();
        assert_eq!(names, ["AU", "CN", "DE", "ES", "FI", "FR", "GB", "MY", "NL", "NO", "NZ", "PL", "RU", "SI", "UA", "US", "VN"]);
        assert_eq!(find("nz").map(|one| one.id), Some("NZ"));
    }

    #[test]
    fn a_row_that_is_none_is_told_with_its_line() {
        const HEAD: &str = "id,what,injection,image,edits,base,needs,shows,marks,missing,source\n";
        let rows =
            [("NZL,x,-,,,,,-,-,,y", "id"), ("NZ,x,foo,,,,,-,-,,y", "injection"), ("NZ,x,-,,COM 60 drop,,,-,-,,y", "base"), ("NZ,x", "all")];
        for (row, column) in rows {
            let table: &'static str = Box::leak(format!("{HEAD}{row}\n").into_boxed_str());
            let error = parse(table).expect_err("no row");
            assert_eq!((error.line, error.column), (2, column), "{error}");
        }
    }
}
