//! Records a second of intake. Floor: the parser alone, and every image of the record read and hashed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use cardwright::line::intake::{self, Level, Live, Mapping, Options, Output, Share};
use cardwright::line::memory::MemoryStore;
use cardwright::line::pseudonym::{KEY_LEN, Pseudonyms};
use cardwright::line::store;
use cardwright::people::sheet::{self, SheetOptions};
use cardwright::perso::profile::DocumentProfile;
use eid::date::Date;
use eid::secret::Secret;

use super::{all_worked, count, postgres::Postgres, rate, time};
use crate::floor;

/// Records of one measurement, and people whose pictures they share.
const RECORDS: u32 = 10_000;
const FACES: u32 = 200;

pub(super) fn today() -> Date {
    Date::new(2026, 11, 21).expect("a date")
}

/// A table of people in `folder`.
pub(super) fn people(folder: &Path, records: u32, faces: u32) {
    let options = SheetOptions { count: records, defects: 0, seed: 1, faces: Some(faces), today: today() };
    sheet::write(folder, &options, &mut |_| ()).expect("people");
}

pub(super) fn options(workers: usize) -> Options {
    Options {
        today: today(),
        issue: None,
        live: false,
        max_age: Some(365),
        decode: false,
        inline: false,
        refuse_above: Share::from_ppm(0).expect("none"),
        workers: NonZeroUsize::new(workers).expect("some"),
    }
}

/// Takes a file in; the intake file.
pub(super) fn take(file: &Path, out: &Path, workers: usize, live: Option<Live<'_>>) -> std::path::PathBuf {
    let mut mapping = Mapping::default();
    // people share their pictures
    mapping.levels_mut().set("duplicate-portrait", Level::Warning).expect("a rule");
    let profile = DocumentProfile::load("cccd-2021").expect("built in");
    let output = Output::new(out, "people").expect("a name");
    let mut sources = vec![intake::open(file, &mapping).expect("a source")];
    let tell = &mut |_| ControlFlow::Continue(());
    let report = intake::run(&mut sources, &mapping, &profile, &options(workers), &output, live, tell).expect("a report");
    assert_eq!(report.quarantined(), 0);
    output.accepted()
}

pub(super) fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let people_folder = folder.path().join("people");
    people(&people_folder, RECORDS, FACES);
    let table = people_folder.join("people.csv");
    let lines = people_folder.join("people.jsonl");
    to_json_lines(&table, &lines);
    let records = f64::from(RECORDS);
    let floors = [floor_of_csv(&table), floor_of_json_lines(&lines)];
    for ((name, file), floor) in [("CSV", &table), ("JSON Lines", &lines)].into_iter().zip(floors) {
        for workers in [1, 2] {
            let out = tempfile::tempdir().expect("a folder");
            let (start, worked) = (Instant::now(), all_worked());
            take(file, out.path(), workers, None);
            let (elapsed, worked) = (start.elapsed(), all_worked() - worked);
            rate(&format!("intake, {name}, {workers} threads, records/s"), records / elapsed.as_secs_f64(), records / floor.as_secs_f64());
            time(&format!("intake, {name}, {workers} threads, processor a record"), worked / RECORDS, floor / RECORDS);
        }
    }
    let pseudonyms = Pseudonyms::new(Secret::new(vec![7; KEY_LEN])).expect("a key");
    let mut stores = vec![("memory".to_owned(), Box::new(MemoryStore::new()) as Box<dyn store::Store>)];
    let sqlite = format!("sqlite:{}", folder.path().join("line.db").display());
    stores.push(("SQLite".to_owned(), store::create(&sqlite, None).expect("SQLite")));
    if let Some(server) = Postgres::shared() {
        stores.push(("PostgreSQL".to_owned(), store::create(&server.database(), None).expect("PostgreSQL")));
    }
    for (name, mut store) in stores {
        let out = tempfile::tempdir().expect("a folder");
        let live = Live { store: store.as_mut(), pseudonyms: &pseudonyms, document_type: "ID" };
        let start = Instant::now();
        take(&table, out.path(), 2, Some(live));
        let name = format!("intake, CSV, 2 threads, live documents asked of {name}, records/s");
        rate(&name, records / start.elapsed().as_secs_f64(), records / floors[0].as_secs_f64());
    }
    let bytes = std::fs::metadata(&table).expect("a file").len();
    count("bytes of a row of CSV, without pictures", &(bytes / u64::from(RECORDS)).to_string());
}

fn to_json_lines(table: &Path, lines: &Path) {
    let mut reader = csv::Reader::from_path(table).expect("a table");
    let header: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let mut out = BufWriter::new(File::create(lines).expect("a file"));
    for record in reader.records() {
        let record = record.expect("a row");
        let cells = header.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        let object: BTreeMap<&str, &str> = cells.map(|(name, cell)| (name.as_str(), cell)).collect();
        writeln!(out, "{}", serde_json::to_string(&object).expect("JSON")).expect("written");
    }
    out.flush().expect("written");
}

/// Images of a row, read and hashed.
fn images<'a>(folder: &Path, names: impl Iterator<Item = &'a str>) {
    for name in names.filter(|name| !name.is_empty()) {
        floor::sha256(&std::fs::read(folder.join(name)).expect("an image"));
    }
}

fn floor_of_csv(table: &Path) -> Duration {
    let folder = table.parent().expect("a folder");
    let start = Instant::now();
    let mut reader = csv::Reader::from_path(table).expect("a table");
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).expect("a row") {
        images(folder, record.iter().skip(20).filter_map(|cell| std::str::from_utf8(cell).ok()));
    }
    start.elapsed()
}

fn floor_of_json_lines(lines: &Path) -> Duration {
    let folder = lines.parent().expect("a folder");
    let start = Instant::now();
    for line in BufReader::new(File::open(lines).expect("a file")).lines() {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let names = ["photo", "finger_right_index", "finger_left_index"];
        images(folder, names.into_iter().filter_map(|name| object.get(name)?.as_str()));
    }
    start.elapsed()
}
