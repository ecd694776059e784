//! The table form in which suites are stored: RFC 4180 with comment lines, as little of it as they need.
//!
//! ```text
//! # a comment, at the start of a line only
//! id,section,"a cell, with a comma or ""quotes"""
//! ```
//!
//! It refuses a quoted cell that does not end in its line, and text after a closing quote.

/// Why text is no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct CsvError {
    /// Line, from 1.
    pub line: usize,
    /// What was expected and found.
    pub what: String,
}

/// Rows with the number of their line, comments and empty lines left out.
pub(super) fn rows(text: &str) -> Result<Vec<(usize, Vec<String>)>, CsvError> {
    let numbered = text.lines().enumerate().map(|(n, line)| (n + 1, line));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(|(n, line)| Ok((n, row(n, line)?))).collect()
}

fn row(line: usize, text: &str) -> Result<Vec<String>, CsvError> {
    let error = |what: &str| CsvError { line, what: what.to_owned() };
    let mut cells = Vec::new();
    let mut rest = text;
    loop {
        let (cell, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let mut cell = String::new();
            let mut left = quoted;
            loop {
                let (part, next) = left.split_once('"').ok_or_else(|| error("expected a closing quote, found the end of the line"))?;
                cell.push_str(part);
                match next.strip_prefix('"') {
                    Some(next) => {
                        cell.push('"');
                        left = next;
                    }
                    None => break (cell, next),
                }
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (cell, after) = rest.split_at(end);
            (cell.to_owned(), after)
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(cells),
            None => return Err(error("expected a comma after a closing quote")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_may_hold_commas_and_quotes() {
        let text = "# title\na,,\"b,\"\"c\"\"\"\n\n\"\",x\n";
        let cells = |row: &[&str]| row.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        assert_eq!(rows(text), Ok(vec![(2, cells(&["a", "", "b,\"c\""])), (4, cells(&["", "x"]))]));
    }

    #[test]
    fn what_is_no_row_is_refused_with_its_line() {
        for (text, line) in [("a\nb,\"c", 2), ("\"a\"b", 1)] {
            assert_eq!(rows(text).expect_err(text).line, line, "{text}");
        }
    }
}
