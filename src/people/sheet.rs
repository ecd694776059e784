//! Synthetic people as a population database would hand them over: a CSV file, folders of images, and defects that are planted on purpose.
//!
//! ```text
//! DIR/people.csv                 one person a row; the columns are the fields of intake
//! DIR/photos/000001.jpg          portraits
//! DIR/fingers/000001-right.jpg   two index fingers, also -left
//! DIR/defects.json               version 1: rows with a defect, what it is, and the rule that it breaks
//! ```
//!
//! A defect breaks one rule in one row, and no other row is worse for it. Rows with a defect are no persons that could be: all others pass
//! the intake of the Vietnamese identity cards. The same options give the same files for ever.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use eid::date::Date;
use serde::Serialize;

use super::dice::Dice;
use super::{Citizen, citizen, record};
use crate::line::intake::{Ground, Quality};
use crate::perso::record::Rule;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SheetOptions {
    /// Rows, from 1 to 1,000,000.
    pub count: u32,
    /// Rows with a planted defect, fewer than rows.
    pub defects: u32,
    /// Seed of people and defects.
    pub seed: u64,
    /// Draw the portraits and fingers of so many people only, and let the others share them; nobody shares if there is none.
    pub faces: Option<u32>,
    /// Day of issue of all documents.
    pub today: Date,
}

/// A planted defect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Defect {
    /// The row, from 1.
    pub row: u32,
    /// What is wrong, in words.
    pub defect: &'static str,
    /// The rule of intake that it breaks.
    pub rule: &'static str,
}

/// Why nothing is written.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// An option that cannot be.
    #[error("{what}: expected {expected}, found {found}")]
    Option {
        /// Which.
        what: &'static str,
        /// What can be.
        expected: String,
        /// What was given.
        found: String,
    },
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

const COLUMNS: [&str; 23] = [
    "number",
    "document_number",
    "surname",
    "given_names",
    "birth",
    "sex",
    "ethnicity",
    "religion",
    "origin",
    "residence",
    "features",
    "father",
    "mother",
    "spouse",
    "old_number",
    "card_serial",
    "issue",
    "expiry",
    "updated",
    "reason",
    "photo",
    "finger_right_index",
    "finger_left_index",
];

/// What can be wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plant {
    SexDigit,
    ShortNumber,
    Province,
    BirthYear,
    NoSuchDay,
    NoSex,
    Ethnicity,
    OldProvince,
    ForeignLetter,
    Garbled,
    LongName,
    CutPortrait,
    NoPortrait,
    PngPortrait,
    LargePortrait,
    PathOutside,
    NoFingers,
    Stale,
    Twice,
    Expiry,
    LateIssue,
    ControlCharacter,
    MissingCells,
}

impl Plant {
    const ALL: [Self; 23] = [
        Self::SexDigit,
        Self::ShortNumber,
        Self::Province,
        Self::BirthYear,
        Self::NoSuchDay,
        Self::NoSex,
        Self::Ethnicity,
        Self::OldProvince,
        Self::ForeignLetter,
        Self::Garbled,
        Self::LongName,
        Self::CutPortrait,
        Self::NoPortrait,
        Self::PngPortrait,
        Self::LargePortrait,
        Self::PathOutside,
        Self::NoFingers,
        Self::Stale,
        Self::Twice,
        Self::Expiry,
        Self::LateIssue,
        Self::ControlCharacter,
        Self::MissingCells,
    ];

    const fn told(self) -> (&'static str, Ground) {
        match self {
            Self::SexDigit => ("digit 4 of the number is that of the other sex", Ground::Record(Rule::NumberSex)),
            Self::ShortNumber => ("the number has 11 digits", Ground::Record(Rule::NumberForm)),
            Self::Province => ("the number begins with 097, which is no province", Ground::Record(Rule::NumberProvince)),
            Self::BirthYear => ("the number has the year after the one of birth", Ground::Record(Rule::NumberYear)),
            Self::NoSuchDay => ("born on 30 February", Ground::Record(Rule::Date)),
            Self::NoSex => ("no sex", Ground::Record(Rule::Required)),
            Self::Ethnicity => ("an ethnic group that is none of the 54", Ground::Record(Rule::Ethnicity)),
            Self::OldProvince => ("lives in a province that was merged in 2025", Ground::Delivery(Quality::ResidenceProvince)),
            Self::ForeignLetter => ("a digit within the name", Ground::Record(Rule::NameLetter)),
            Self::Garbled => ("a replacement character in the name of the mother", Ground::Delivery(Quality::TextGarbled)),
            Self::LongName => ("a name that is longer than the MRZ", Ground::Record(Rule::NameLength)),
            Self::CutPortrait => ("the portrait ends in the middle", Ground::Record(Rule::ImageDamaged)),
            Self::NoPortrait => ("the file of the portrait is not there", Ground::Record(Rule::ImageFile)),
            Self::PngPortrait => ("the portrait begins as a PNG", Ground::Record(Rule::ImageFormat)),
            Self::LargePortrait => ("the portrait has more than 30,000 bytes", Ground::Record(Rule::PortraitBytes)),
            Self::PathOutside => ("the portrait lies outside of the folder", Ground::Delivery(Quality::ImagePlace)),
            Self::NoFingers => ("no fingers", Ground::Record(Rule::Required)),
            Self::Stale => ("confirmed three years ago", Ground::Delivery(Quality::Stale)),
            Self::Twice => ("an earlier row once more", Ground::Delivery(Quality::DuplicateRow)),
            Self::Expiry => ("a date of expiry that is not the one of the law", Ground::Record(Rule::Expiry)),
            Self::LateIssue => ("issued in two years", Ground::Record(Rule::IssueAhead)),
            Self::ControlCharacter => ("a control character in the identifying features", Ground::Record(Rule::TextCharacter)),
            Self::MissingCells => ("the last two cells are missing", Ground::Delivery(Quality::RowForm)),
        }
    }
}

/// The cells of a row, in the order of [`COLUMNS`].
type Row = Vec<String>;

/// Writes people, images, and defects into `folder`, which is empty or not there; `tell` hears of every row. The planted defects by row.
///
/// # Errors
/// Impossible options, a folder that holds something, or the file system.
pub fn write(folder: &Path, options: &SheetOptions, tell: &mut dyn FnMut(u32)) -> Result<Vec<Defect>, SheetError> {
    let wrong = |what, expected: &str, found: String| Err(SheetError::Option { what, expected: expected.to_owned(), found });
    let SheetOptions { count, defects, seed, faces, today } = *options;
    if !(1..=1_000_000).contains(&count) {
        return wrong("count", "1 to 1000000", count.to_string());
    }
    if defects >= count {
        return wrong("defects", &format!("fewer than the {count} rows"), defects.to_string());
    }
    if faces.is_some_and(|faces| faces == 0) {
        return wrong("faces", "at least one", "none".to_owned());
    }
    let io = |path: &Path, source| SheetError::Io { path: path.to_owned(), source };
    fs::create_dir_all(folder).map_err(|source| io(folder, source))?;
    if fs::read_dir(folder).map_err(|source| io(folder, source))?.next().is_some() {
        return wrong("folder", "an empty or new one", folder.display().to_string());
    }
    for name in ["photos", "fingers"] {
        let path = folder.join(name);
        fs::create_dir(&path).map_err(|source| io(&path, source))?;
    }
    let plants = plants(options);
    let path = folder.join("people.csv");
    let failed = |error: csv::Error| io(&path, io::Error::other(error.to_string()));
    let mut table = csv::WriterBuilder::new().flexible(true).from_path(&path).map_err(failed)?;
    table.write_record(COLUMNS).map_err(failed)?;
    let (mut planted, mut clean): (Vec<Defect>, Row) = (Vec::new(), Vec::new());
    let mut next = plants.iter().peekable();
    for row in 1..=count {
        let shared = faces.map_or(row, |faces| (row - 1) % faces + 1);
        let person = if shared == row { citizen(seed, row, today) } else { Citizen { input: record(seed, row, today), files: Vec::new() } };
        let mut cells = cells(&person, seed, row, shared, today);
        for (name, bytes) in &person.files {
            let path = folder.join(match name.as_str() {
                "portrait.jpg" => photo(row),
                "right-index.jpg" => finger(row, "right"),
                _ => finger(row, "left"),
            });
            fs::write(&path, bytes).map_err(|source| io(&path, source))?;
        }
        match next.next_if(|(at, _)| *at == row) {
            None => clean.clone_from(&cells),
            Some((_, plant)) => {
                spoil(*plant, &mut cells, &clean, today);
                if let Some(name) = altered(*plant) {
                    let portrait = citizen(seed, shared, today).load("portrait.jpg").unwrap_or_default();
                    let name = format!("photos/{row:06}-{name}.jpg");
                    let path = folder.join(&name);
                    fs::write(&path, spoil_portrait(*plant, portrait)).map_err(|source| io(&path, source))?;
                    set(&mut cells, "photo", name);
                }
                let (defect, ground) = plant.told();
                planted.push(Defect { row, defect, rule: ground.id() });
            }
        }
        table.write_record(&cells).map_err(failed)?;
        tell(row);
    }
    table.flush().map_err(|source| io(&path, source))?;
    let path = folder.join("defects.json");
    let list = serde_json::json!({ "version": 1, "people": count, "defects": planted });
    fs::write(&path, format!("{list:#}\n")).map_err(|source| io(&path, source))?;
    Ok(planted)
}

/// Which rows get which defect, in the order of the rows. Row 1 stays as it is. No defect comes again before all others came.
fn plants(options: &SheetOptions) -> Vec<(u32, Plant)> {
    let mut dice = Dice::new(options.seed, 0, "defects");
    let mut kinds = Plant::ALL;
    for at in (1..kinds.len()).rev() {
        let other = dice.below(u32::try_from(at + 1).unwrap_or(1));
        kinds.swap(at, usize::try_from(other).unwrap_or(0));
    }
    // a row is taken with the chance that the defects that are left have among the rows that are left
    let (mut left, mut at) = (options.defects, 0);
    let mut plants = Vec::new();
    for row in 2..=options.count {
        if dice.below(options.count - row + 1) < left {
            plants.extend(kinds.get(at % kinds.len()).map(|kind| (row, *kind)));
            (left, at) = (left - 1, at + 1);
        }
    }
    plants
}

fn photo(row: u32) -> String {
    format!("photos/{row:06}.jpg")
}

fn finger(row: u32, hand: &str) -> String {
    format!("fingers/{row:06}-{hand}.jpg")
}

fn cells(person: &Citizen, seed: u64, row: u32, shared: u32, today: Date) -> Row {
    let input = &person.input;
    let updated = today.plus_days(-i64::from(Dice::new(seed, row, "updated").below(300)));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        text(&input.number),
        text(&input.document_number),
        text(&input.surname),
        text(&input.given_names),
        text(&input.birth),
        text(&input.sex),
        text(&input.ethnicity),
        text(&input.religion),
        text(&input.origin),
        text(&input.residence),
        text(&input.features),
        text(&input.father),
        text(&input.mother),
        text(&input.spouse),
        text(&input.old_number),
        text(&input.card_serial),
        text(&input.issue),
        String::new(),
        updated.to_string(),
        "first".to_owned(),
        photo(shared),
        finger(shared, "right"),
        finger(shared, "left"),
    ]
}

fn get<'a>(cells: &'a Row, column: &str) -> &'a str {
    COLUMNS.iter().zip(cells).find(|(name, _)| **name == column).map_or("", |(_, cell)| cell)
}

fn set(cells: &mut Row, column: &str, text: impl Into<String>) {
    if let Some((_, cell)) = COLUMNS.iter().zip(cells).find(|(name, _)| **name == column) {
        *cell = text.into();
    }
}

/// Replaces the bytes of the number from `at` on.
fn renumber(cells: &mut Row, at: usize, digits: &str) {
    let mut number = get(cells, "number").to_owned();
    if number.is_char_boundary(at) && at + digits.len() <= number.len() {
        number.replace_range(at..at + digits.len(), digits);
    }
    set(cells, "number", number);
}

/// Plants a defect into the cells; `clean` is the last row without one.
fn spoil(plant: Plant, cells: &mut Row, clean: &Row, today: Date) {
    let digit = |cells: &Row, at: usize| get(cells, "number").as_bytes().get(at).map_or(0, |byte| byte.wrapping_sub(b'0'));
    match plant {
        Plant::SexDigit => {
            let other = digit(cells, 3) ^ 1;
            renumber(cells, 3, &other.to_string());
        }
        Plant::ShortNumber => {
            let number = get(cells, "number").chars().take(11).collect::<String>();
            set(cells, "number", number);
        }
        Plant::Province => renumber(cells, 0, "097"),
        Plant::BirthYear => {
            let year = (digit(cells, 4) * 10 + digit(cells, 5) + 1) % 100;
            renumber(cells, 4, &format!("{year:02}"));
        }
        Plant::NoSuchDay => {
            let birth = format!("{}-02-30", get(cells, "birth").get(..4).unwrap_or_default());
            set(cells, "birth", birth);
        }
        Plant::NoSex => set(cells, "sex", ""),
        Plant::Ethnicity => set(cells, "ethnicity", "Atlantis"),
        Plant::OldProvince => set(cells, "residence", "Thôn 1, Xã Mẫu, Tỉnh Hà Giang"),
        Plant::ForeignLetter => {
            let name = format!("{}4", get(cells, "given_names"));
            set(cells, "given_names", name);
        }
        Plant::Garbled => {
            let name = format!("{}\u{FFFD}", get(cells, "mother"));
            set(cells, "mother", name);
        }
        Plant::LongName => set(cells, "given_names", "Thị Nguyễn Hoàng Phương Quỳnh Trang Mẫu"),
        Plant::NoPortrait => set(cells, "photo", "photos/away.jpg"),
        Plant::PathOutside => set(cells, "photo", "../portrait.jpg"),
        Plant::NoFingers => {
            set(cells, "finger_right_index", "");
            set(cells, "finger_left_index", "");
        }
        Plant::Stale => set(cells, "updated", today.plus_years(-3).to_string()),
        Plant::Twice => cells.clone_from(clean),
        Plant::Expiry => set(cells, "expiry", "2999-12-31"),
        Plant::LateIssue => set(cells, "issue", today.plus_years(2).to_string()),
        Plant::ControlCharacter => set(cells, "features", "Nốt ruồi\u{7}"),
        Plant::MissingCells => cells.truncate(COLUMNS.len() - 2),
        Plant::CutPortrait | Plant::PngPortrait | Plant::LargePortrait => {}
    }
}

/// What the altered file of a portrait is called.
const fn altered(plant: Plant) -> Option<&'static str> {
    match plant {
        Plant::CutPortrait => Some("cut"),
        Plant::PngPortrait => Some("png"),
        Plant::LargePortrait => Some("large"),
        _ => None,
    }
}

/// The portrait with its defect.
fn spoil_portrait(plant: Plant, mut jpeg: Vec<u8>) -> Vec<u8> {
    match plant {
        Plant::CutPortrait => jpeg.truncate(jpeg.len() / 2),
        Plant::PngPortrait => drop(jpeg.splice(..2, *b"\x89PNG\r\n\x1A\n")),
        // a comment of JPEG (ISO/IEC 10918-1 B.2.4.5) behind the start of the image
        _ => drop(jpeg.splice(2..2, [0xFF, 0xFE, 0x75, 0x30].into_iter().chain(std::iter::repeat_n(b' ', 0x7530 - 2)))),
    }
    jpeg
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(count: u32, defects: u32) -> SheetOptions {
        SheetOptions { count, defects, seed: 1, faces: Some(2), today: Date::new(2026, 11, 21).expect("a day") }
    }

    #[test]
    fn as_many_rows_get_a_defect_as_were_asked_for_and_never_the_first() {
        for (count, defects) in [(2, 1), (30, 29), (200, 12), (1_000, 0)] {
            let plants = plants(&options(count, defects));
            assert_eq!(plants.len(), usize::try_from(defects).expect("small"));
            assert!(plants.is_sorted_by(|a, b| a.0 < b.0) && plants.iter().all(|(row, _)| (2..=count).contains(row)));
        }
        let mut kinds: Vec<_> = plants(&options(200, 23)).iter().map(|(_, kind)| format!("{kind:?}")).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), Plant::ALL.len(), "each kind before any comes again");
    }

    #[test]
    fn the_same_options_write_the_same_files_and_a_used_folder_is_refused() {
        let dir = tempfile::tempdir().expect("folder");
        let read = |name: &str| {
            let folder = dir.path().join(name);
            write(&folder, &options(12, 5), &mut |_| {}).expect("written");
            ["people.csv", "defects.json"].map(|file| fs::read(folder.join(file)).expect("file"))
        };
        assert_eq!(read("a"), read("b"));
        let error = write(&dir.path().join("a"), &options(12, 5), &mut |_| {}).expect_err("used");
        assert!(error.to_string().starts_with("folder: expected an empty or new one, found "), "{error}");
        for (options, message) in [
            (options(0, 0), "count: expected 1 to 1000000, found 0"),
            (options(5, 5), "defects: expected fewer than the 5 rows, found 5"),
            (SheetOptions { faces: Some(0), ..options(5, 1) }, "faces: expected at least one, found none"),
        ] {
            assert_eq!(write(&dir.path().join("c"), &options, &mut |_| {}).expect_err(message).to_string(), message);
        }
    }
}
