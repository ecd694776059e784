use std::fs;
use std::sync::Arc;

use super::work::{CHUNK, CHUNK_BYTES, chunk};
use super::*;
use crate::people::sheet::{self, Defect, SheetOptions};

mod files;
mod stores;

fn today() -> Date {
    "2026-11-21".parse().expect("a day")
}

fn options() -> Options {
    Options {
        today: today(),
        issue: None,
        live: false,
        max_age: Some(365),
        decode: false,
        inline: false,
        refuse_above: Share::from_ppm(600_000).expect("60 %"),
        workers: NonZeroUsize::new(2).expect("two"),
    }
}

/// A folder with people, and what was planted.
struct Delivery {
    folder: tempfile::TempDir,
    defects: Vec<Defect>,
}

impl Delivery {
    fn new(count: u32, defects: u32) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let options = SheetOptions { count, defects, seed: 1, faces: None, today: today() };
        let defects = sheet::write(&folder.path().join("people"), &options, &mut |_| {}).expect("written");
        Self { folder, defects }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("people").join(name)
    }

    fn table(&self) -> String {
        fs::read_to_string(self.path("people.csv")).expect("people.csv")
    }

    fn output(&self, name: &str) -> Output {
        Output::new(self.folder.path(), name).expect("a name")
    }

    /// Writes another table beside the images.
    fn other(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        path
    }

    fn judge(&self, files: &[PathBuf], mapping: &Mapping, options: &Options, name: &str) -> Result<Report, IntakeError> {
        let mut sources = files.iter().map(|file| open(file, mapping)).collect::<Result<Vec<_>, _>>()?;
        run(&mut sources, mapping, &profile(), options, &self.output(name), None, &mut |_| ControlFlow::Continue(()))
    }
}

fn profile() -> DocumentProfile {
    DocumentProfile::load("can-cuoc-2024").expect("built in")
}

/// Row and rule of everything for which rows are quarantined.
fn rules(report: &Report) -> Vec<(u64, &'static str)> {
    let of = |source: &SourceReport| {
        let rows = source.quarantined.iter().flat_map(|(ground, tally)| tally.rows.iter().map(|row| (*row, ground.id())));
        rows.collect::<Vec<_>>()
    };
    let mut all: Vec<_> = report.sources.iter().flat_map(of).collect();
    all.sort_unstable();
    all
}

#[test]
fn every_planted_defect_is_found_and_named_and_all_others_are_accepted() {
    let delivery = Delivery::new(46, 23);
    let table = delivery.path("people.csv");
    let report = delivery.judge(&[table], &Mapping::default(), &options(), "first").expect("judged");
    let planted: Vec<_> = delivery.defects.iter().map(|defect| (u64::from(defect.row), defect.rule)).collect();
    assert_eq!(rules(&report), planted);
    assert_eq!((report.rows(), report.accepted(), report.quarantined(), report.is_refused()), (46, 23, 23, false));

    let accepted = AcceptedFile::open(&delivery.output("first").accepted()).expect("whole");
    assert_eq!((accepted.header().accepted, accepted.header().profile.as_str()), (23, "can-cuoc-2024"));
    let mut rows: Vec<u64> = planted.iter().map(|(row, _)| *row).collect();
    for record in accepted {
        let record = record.expect("a record");
        record.record(&profile(), today()).expect("still a record");
        rows.push(record.row);
    }
    rows.sort_unstable();
    assert!(rows.into_iter().eq(1..=46), "each row is in one of the two lists once");

    // what is sent back: row, line, rules, and reasons, then the row as it came
    let sent = delivery.table();
    let back = fs::read_to_string(delivery.output("first").rejects(1, 1)).expect("rejects");
    let (sent, mut back): (Vec<&str>, _) = (sent.lines().collect(), back.lines());
    assert_eq!(back.next(), Some(format!("reject_row,reject_line,reject_rules,reject_reasons,{}", sent[0])).as_deref());
    for ((row, rule), line) in planted.into_iter().zip(back.by_ref()) {
        let at = usize::try_from(row).expect("small");
        assert!(line.starts_with(&format!("{row},{},{rule},", row + 1)) && line.ends_with(sent[at]), "{line}");
    }
    assert_eq!(back.next(), None);
}

#[test]
fn images_that_are_decoded_and_carried_along_make_the_same_records() {
    let delivery = Delivery::new(6, 0);
    let table = [delivery.path("people.csv")];
    let whole = Options { decode: true, inline: true, workers: NonZeroUsize::MIN, ..options() };
    for (name, options) in [("paths", options()), ("inline", whole)] {
        let report = delivery.judge(&table, &Mapping::default(), &options, name).expect("judged");
        assert_eq!(report.accepted(), 6, "{}", report.to_text());
    }
    let records =
        |name: &str| AcceptedFile::open(&delivery.output(name).accepted()).expect("whole").map(|record| record.expect("a record"));
    for (path, inline) in records("paths").zip(records("inline")) {
        assert_eq!(path.input, inline.input);
        for name in ["photo", "finger_right_index", "finger_left_index"] {
            assert_eq!(path.load(name), inline.load(name), "{name}");
            assert!(matches!((&path.images[name], &inline.images[name]), (Image::File { .. }, Image::Inline(_))));
        }
        assert_eq!(path.load("iris_left"), Err("no image iris_left".to_owned()));
    }
}

#[test]
fn two_records_with_one_number_both_wait_also_across_two_sources() {
    let delivery = Delivery::new(4, 0);
    let table = delivery.table();
    let mut rows: Vec<String> = table.lines().map(str::to_owned).collect();
    // the same person with another mother, in another file
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(rows[2].as_bytes());
    let cells = reader.records().next().expect("a row").expect("CSV");
    let other = format!("{}\n{}\n{}\n", rows[0], rows[4], rows[2].replace(&cells[12], "Trần Thị Mẫu"));
    rows.truncate(4);
    let files = [delivery.other("a.csv", rows.join("\n")), delivery.other("b.csv", other)];
    let report = delivery.judge(&files, &Mapping::default(), &options(), "two").expect("judged");
    assert_eq!(rules(&report), [(2, "duplicate-number"), (2, "duplicate-number"), (2, "duplicate-portrait"), (2, "duplicate-portrait")]);
    let mapping = Mapping::parse("m.toml", &(every_field() + "[rules]\nduplicate-portrait = \"warning\"\n")).expect("mapping");
    let report = delivery.judge(&files, &mapping, &options(), "warned").expect("judged");
    assert_eq!(rules(&report), [(2, "duplicate-number"), (2, "duplicate-number")]);
    let back = fs::read_to_string(delivery.output("two").rejects(2, 2)).expect("rejects");
    assert!(back.contains("number: expected one record for this number, found another one in row 2 of source 1; photo: "), "{back}");
}

/// A mapping file that says what the default mapping says of the columns of `sim people`.
fn every_field() -> String {
    let columns = "number surname given_names birth sex ethnicity religion origin residence features father mother spouse old_number card_serial \
                   issue expiry updated reason photo finger_right_index finger_left_index";
    let fields: String = columns.split_whitespace().map(|column| format!("{column} = \"{column}\"\n")).collect();
    format!("version = 1\n[fields]\n{fields}")
}

#[test]
fn a_delivery_with_too_many_rejects_is_refused_and_leaves_what_is_to_be_sent_back() {
    let delivery = Delivery::new(10, 3);
    let table = [delivery.path("people.csv")];
    let limit = |ppm| Options { refuse_above: Share::from_ppm(ppm).expect("a share"), ..options() };
    let report = delivery.judge(&table, &Mapping::default(), &limit(299_999), "a").expect("judged");
    assert!(report.is_refused());
    assert!(
        report.to_text().ends_with("refused: at most 29.9999 % may be quarantined and one must be accepted; 3 of 10 are quarantined\n")
    );
    assert!(!delivery.output("a").accepted().exists() && delivery.output("a").rejects(1, 1).exists());
    let report = delivery.judge(&table, &Mapping::default(), &limit(300_000), "a").expect("judged");
    assert!(!report.is_refused() && delivery.output("a").accepted().exists());
    let again = delivery.judge(&table, &Mapping::default(), &limit(300_000), "a").expect_err("taken");
    assert!(matches!(again, IntakeError::Taken { .. }), "{again}");
}

#[test]
fn reports_tell_rules_and_rows_and_nothing_of_a_person() {
    let delivery = Delivery::new(12, 4);
    let report = delivery.judge(&[delivery.path("people.csv")], &Mapping::default(), &options(), "a").expect("judged");
    let (text, json) = (report.to_text(), report.to_json());
    assert_eq!((json["version"].as_u64(), json["rows"].as_u64(), json["quarantined"].as_u64()), (Some(1), Some(12), Some(4)));
    assert_eq!(json["sources"][0]["sha256"].as_str().map(str::len), Some(64));
    for Defect { row, rule, .. } in &delivery.defects {
        assert!(text.contains(&format!("    {rule:<20}       1  row {row}  ")), "{text}");
    }
    for line in delivery.table().lines().skip(1) {
        for cell in line.split(',').filter(|cell| cell.len() > 5 && !["female", "2026-11-21"].contains(cell)) {
            assert!(!text.contains(cell) && !json.to_string().contains(cell), "{cell}");
        }
    }
}

#[test]
fn whoever_stops_it_finds_nothing_left() {
    let delivery = Delivery::new(3, 0);
    let mapping = Mapping::default();
    let mut sources = vec![open(&delivery.path("people.csv"), &mapping).expect("open")];
    let mut heard = Vec::new();
    let stopped = run(&mut sources, &mapping, &profile(), &options(), &delivery.output("a"), None, &mut |progress| {
        heard.push((progress.rows, progress.source, Some(progress.done) == progress.total));
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(IntakeError::Stopped)));
    assert_eq!(heard, [(3, 1, true)]);
    let left: Vec<_> = fs::read_dir(delivery.folder.path()).expect("folder").map(|entry| entry.expect("entry").file_name()).collect();
    assert_eq!(left, ["people"]);
}

/// Rows of a given size without end.
struct Endless {
    columns: Vec<String>,
    cell: String,
    number: u64,
}

impl Source for Endless {
    fn name(&self) -> &str {
        "endless"
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self) -> Result<Option<Row>, SourceError> {
        self.number += 1;
        let cells = [(Arc::from("number"), self.cell.clone())].into_iter().collect();
        Ok(Some(Row { number: self.number, line: self.number, cells, original: Vec::new(), fault: None }))
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (self.number, None)
    }

    fn folder(&self) -> Option<&Path> {
        None
    }

    fn digest(&self) -> [u8; 32] {
        [0; 32]
    }
}

#[test]
fn however_long_a_source_is_only_one_chunk_of_it_is_in_memory() {
    for (size, rows) in [(12, CHUNK), (1 << 20, 16), (CHUNK_BYTES, 1)] {
        let mut source = Endless { columns: Vec::new(), cell: "0".repeat(size), number: 0 };
        for _ in 0..3 {
            assert_eq!(chunk(&mut source).expect("rows").len(), rows, "rows of {size} bytes");
        }
    }
}

#[test]
fn a_share_is_written_in_percent() {
    for (text, ppm) in [("10", 100_000), ("0.1", 1_000), ("0.1%", 1_000), ("100 %", 1_000_000), ("29.9999", 299_999), ("0", 0)] {
        assert_eq!(text.parse::<Share>().map(Share::ppm), Ok(ppm), "{text}");
    }
    for text in ["", "101", "-1", "0.00001", "1,5", "%", ".5", "1.2.3"] {
        text.parse::<Share>().expect_err(text);
    }
    let share = |ppm| Share::from_ppm(ppm).expect("a share");
    assert_eq!([share(1_000), share(100_000), share(299_999)].map(|share| share.to_string()), ["0.1 %", "10 %", "29.9999 %"]);
    assert!(share(1_000).is_exceeded(2, 1_999) && !share(1_000).is_exceeded(2, 2_000) && !share(1_000_000).is_exceeded(u64::MAX, u64::MAX));
}

#[test]
fn a_name_of_an_output_leads_nowhere_else() {
    let folder = Path::new("intake");
    assert_eq!(Output::new(folder, "2026-11-21_hà-nội.1").map(|output| output.accepted()), Some(folder.join("2026-11-21_hà-nội.1.intake")));
    for name in ["", "../a", "a/b", ".hidden", "a b", "a\0"] {
        assert_eq!(Output::new(folder, name), None, "{name:?}");
    }
}
