//! How one field is made from columns: join, replace, look up, and write dates as `YYYY-MM-DD`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::Error as _;

use crate::line::intake::rules::{Ground, Quality, Reason, quoted};
use crate::line::intake::source::Row;
use crate::perso::record::Rule;
use crate::perso::tables;

/// How an image stands in its column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    /// As the path of its file.
    #[default]
    Path,
    /// As base64 (RFC 4648 clause 4) with padding; white space is passed over.
    Base64,
    /// As hexadecimal digits, perhaps after `\x` as PostgreSQL writes `bytea`.
    Hex,
}

/// A table of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Table {
    /// 01 to 54.
    EthnicGroups,
    /// The 34 provinces since 1 July 2025, by two digits, with their kind.
    Provinces,
    /// The 63 provinces of the personal number, by three digits.
    BirthProvinces,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::EthnicGroups => "an ethnic group, 01 to 54",
            Self::Provinces => "a province since 1 July 2025, two digits",
            Self::BirthProvinces => "a province of birth, three digits",
        }
    }

    fn look_up(self, code: &str) -> Option<String> {
        let digits = |len: usize| Some(code).filter(|code| code.len() == len && code.bytes().all(|b| b.is_ascii_digit()));
        match self {
            Self::EthnicGroups => {
                let number: usize = digits(2)?.parse().ok()?;
                tables::ethnic_groups().get(number.checked_sub(1)?).map(|name| (*name).to_owned())
            }
            Self::Provinces => tables::provinces().iter().find(|province| province.code == code).map(tables::Province::full_name),
            Self::BirthProvinces => tables::birth_province(digits(3)?.parse().ok()?).map(|province| province.name.to_owned()),
        }
    }
}

/// Which words of a full name, where the surname comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Part {
    FirstWord,
    OtherWords,
}

/// A column, perhaps with the table of its codes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    name: String,
    table: Option<Table>,
}

/// How a field is made.
#[derive(Clone, Debug, Default)]
pub(super) struct Recipe {
    columns: Vec<Column>,
    join: Option<String>,
    constant: Option<String>,
    default: Option<String>,
    values: Option<BTreeMap<String, String>>,
    date: Option<Pattern>,
    part: Option<Part>,
    form: Option<Form>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecipe {
    column: Option<String>,
    columns: Option<Vec<toml::Value>>,
    table: Option<Table>,
    join: Option<String>,
    constant: Option<String>,
    default: Option<String>,
    values: Option<BTreeMap<String, String>>,
    date: Option<String>,
    part: Option<Part>,
    #[serde(rename = "as")]
    form: Option<Form>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    column: String,
    table: Option<Table>,
}

impl<'de> Deserialize<'de> for Recipe {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = |error: toml::de::Error| D::Error::custom(error.message());
        let raw = match toml::Value::deserialize(deserializer)? {
            toml::Value::String(column) => return Ok(Self::of_column(&column)),
            toml::Value::Table(table) => RawRecipe::deserialize(table).map_err(wrong)?,
            _ => return Err(D::Error::custom("expected the name of a column, or a table")),
        };
        let column = |value| match value {
            toml::Value::String(name) => Ok(Column { name, table: None }),
            toml::Value::Table(table) => {
                RawColumn::deserialize(table).map(|raw| Column { name: raw.column, table: raw.table }).map_err(wrong)
            }
            _ => Err(D::Error::custom("columns: expected names of columns, or tables with column and table")),
        };
        let columns = match (raw.column, raw.columns, &raw.constant) {
            (Some(name), None, None) => vec![Column { name, table: raw.table }],
            (None, Some(list), None) if raw.table.is_none() && !list.is_empty() => {
                list.into_iter().map(column).collect::<Result<_, _>>()?
            }
            (None, None, Some(_)) if raw.table.is_none() => Vec::new(),
            _ => return Err(D::Error::custom("expected one of column, columns, and constant; a table goes with column")),
        };
        let date = raw.date.map(|pattern| Pattern::new(&pattern).map_err(D::Error::custom)).transpose()?;
        let RawRecipe { join, constant, default, values, part, form, .. } = raw;
        Ok(Self { columns, join, constant, default, values, date, part, form })
    }
}

impl Recipe {
    /// The text of one column as it is.
    pub(super) fn of_column(name: &str) -> Self {
        Self { columns: vec![Column { name: name.to_owned(), table: None }], ..Self::default() }
    }

    /// The columns that it needs.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// What does not go together: expected and found.
    pub(super) fn contradiction(&self, image: bool) -> Option<(&'static str, &'static str)> {
        match (image, self.form, self.columns.len()) {
            (false, Some(_), _) => Some(("as with a portrait, finger, or iris only", "another field")),
            (true, _, 0) => Some(("a column", "a constant: an image is of one person")),
            (true, Some(Form::Base64 | Form::Hex), 2..) => Some(("one column for an image that is inside", "several")),
            _ => None,
        }
    }

    /// How an image stands in its column.
    pub(super) fn form(&self) -> Form {
        self.form.unwrap_or_default()
    }

    /// The text of the field in this row.
    pub(super) fn text(&self, row: &Row, field: &str) -> Result<Option<String>, Reason> {
        if let Some(constant) = &self.constant {
            return Ok(Some(constant.clone()));
        }
        let mut parts = Vec::new();
        for column in &self.columns {
            let Some(text) = row.cells.get(column.name.as_str()).map(|text| text.trim()).filter(|text| !text.is_empty()) else { continue };
            let known = |table: Table| {
                let name = table.look_up(text);
                name.ok_or_else(|| Reason::new(Quality::Code, field, format!("the code of {}", table.name()), quoted(text)))
            };
            parts.push(column.table.map_or_else(|| Ok(text.to_owned()), known)?);
        }
        let joined = parts.join(self.join.as_deref().unwrap_or(" "));
        let text = match self.part {
            None => joined,
            Some(part) => {
                let (first, others) = joined.split_once(char::is_whitespace).unwrap_or((&joined, ""));
                if part == Part::FirstWord { first } else { others.trim_start() }.to_owned()
            }
        };
        if text.is_empty() {
            return Ok(self.default.clone());
        }
        if let Some(value) = self.values.as_ref().and_then(|values| values.get(&text)) {
            return Ok(Some(value.clone()));
        }
        match &self.date {
            None => Ok(Some(text)),
            Some(pattern) => match pattern.read(&text) {
                Some(date) => Ok(Some(date)),
                None => Err(Reason {
                    ground: Ground::Record(Rule::Date),
                    field: field.to_owned(),
                    expected: format!("a date {}", pattern.text),
                    found: quoted(&text),
                }),
            },
        }
    }
}

/// How a date is written: `yyyy`, `MM`, and `dd`, each once, other characters as they are, and perhaps `*` at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    text: String,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, String> {
        let once = |part: &str| text.matches(part).count() == 1;
        let marks = text.strip_suffix('*').unwrap_or(text);
        let others = marks.replacen("yyyy", "", 1).replacen("MM", "", 1).replacen("dd", "", 1);
        if once("yyyy") && once("MM") && once("dd") && !others.contains(|c: char| c.is_alphanumeric() || c == '*') {
            return Ok(Self { text: text.to_owned() });
        }
        Err(format!("date: expected yyyy, MM, and dd, each once, and marks between them, found {text:?}"))
    }

    /// The date as `YYYY-MM-DD`; whether that day exists is for the record to say.
    fn read(&self, text: &str) -> Option<String> {
        let (mut year, mut month, mut day) = ("", "", "");
        let (mut pattern, mut rest) = (self.text.as_str(), text);
        while !pattern.is_empty() {
            if pattern == "*" {
                rest = "";
                break;
            }
            let places = [("yyyy", &mut year), ("MM", &mut month), ("dd", &mut day)];
            let place = places.into_iter().find_map(|(name, place)| pattern.strip_prefix(name).map(|after| (name.len(), place, after)));
            if let Some((len, place, after)) = place {
                *place = rest.get(..len).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
                (pattern, rest) = (after, rest.get(len..)?);
            } else {
                let mark = pattern.chars().next()?;
                (pattern, rest) = (pattern.strip_prefix(mark)?, rest.strip_prefix(mark)?);
            }
        }
        rest.is_empty().then(|| format!("{year}-{month}-{day}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_their_pattern_says() {
        for (pattern, text, date) in [
            ("dd/MM/yyyy", "05/01/2105", Some("2105-01-05")),
            ("yyyyMMdd", "21050105", Some("2105-01-05")),
            ("yyyy-MM-dd*", "2105-01-05T10:20:30Z", Some("2105-01-05")),
            ("yyyy-MM-dd*", "2105-01-05", Some("2105-01-05")),
            ("dd.MM.yyyy", "05/01/2105", None),
            ("dd/MM/yyyy", "5/1/2105", None),
            ("dd/MM/yyyy", "05/01/2105 ", None),
            ("dd/MM/yyyy", "ngày năm", None),
            ("dd/MM/yyyy", "0ạ/01/2105", None),
        ] {
            assert_eq!(Pattern::new(pattern).expect(pattern).read(text).as_deref(), date, "{pattern} {text}");
        }
        for pattern in ["", "yyyy", "dd/MM/yy", "yyyy-MM-ddThh", "*yyyyMMdd", "yyyyMMddMM"] {
            Pattern::new(pattern).expect_err(pattern);
        }
    }

    #[test]
    fn a_code_names_what_its_own_table_says() {
        assert_eq!(Table::EthnicGroups.look_up("01").as_deref(), Some("Kinh"));
        assert_eq!(Table::EthnicGroups.look_up("54").as_deref(), Some("Rơ-măm"));
        // 15 was Yên Bái and is Lào Cai
        assert_eq!(Table::Provinces.look_up("15").as_deref(), Some("Tỉnh Lào Cai"));
        assert_eq!(Table::BirthProvinces.look_up("015").as_deref(), Some("Yên Bái"));
        for (table, code) in [
            (Table::EthnicGroups, "00"),
            (Table::EthnicGroups, "55"),
            (Table::EthnicGroups, "1"),
            (Table::Provinces, "02"),
            (Table::BirthProvinces, "15"),
        ] {
            assert_eq!(table.look_up(code), None, "{table:?} {code}");
        }
    }
}
