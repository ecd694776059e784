//! Files that come from outside, and the file that intake makes.

use super::*;

/// What a source that ends early says.
fn error(path: &Path, mapping: &Mapping) -> String {
    let all = |mut source: Box<dyn Source>| -> Result<(), SourceError> {
        while source.next()?.is_some() {}
        Ok(())
    };
    let folder = path.parent().expect("folder").display().to_string();
    open(path, mapping).and_then(all).expect_err("must end early").to_string().replace(&folder, "DIR")
}

#[test]
fn json_lines_make_the_records_that_csv_makes() {
    let delivery = Delivery::new(5, 0);
    let table = delivery.table();
    let columns: Vec<&str> = table.lines().next().expect("header").split(',').collect();
    let object = |line: &str, nested: bool| {
        // a cell with a comma is in quotation marks
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
        let record = reader.records().next().expect("a row").expect("CSV");
        let mut object: serde_json::Map<String, serde_json::Value> = columns
            .iter()
            .zip(&record)
            .filter(|(_, cell)| !cell.is_empty())
            .map(|(column, cell)| ((*column).to_owned(), cell.into()))
            .collect();
        if nested {
            let finger = |object: &mut serde_json::Map<_, _>, name: &str| object.remove(&format!("finger_{name}")).expect("a finger");
            let [right, left] = ["right_index", "left_index"].map(|name| finger(&mut object, name));
            let fingers = serde_json::json!([{ "position": "right-index", "file": right }, { "position": "left-index", "file": left }]);
            object.insert("fingers".to_owned(), fingers);
            object.insert("live".to_owned(), false.into());
        }
        serde_json::to_string(&object).expect("JSON") + "\n\n"
    };
    for nested in [false, true] {
        let lines: String = table.lines().skip(1).map(|line| object(line, nested)).collect();
        let path = delivery.other("people.jsonl", lines);
        let name = if nested { "nested" } else { "flat" };
        let report = delivery.judge(&[path], &Mapping::default(), &options(), name).expect("judged");
        assert_eq!(report.accepted(), 5, "{}", report.to_text());
    }
    delivery.judge(&[delivery.path("people.csv")], &Mapping::default(), &options(), "csv").expect("judged");
    let body = |name: &str| {
        let text = fs::read_to_string(delivery.output(name).accepted()).expect("file");
        text.split_once('\n').expect("a header").1.to_owned()
    };
    assert!(body("csv") == body("flat") && body("csv") == body("nested"));
}

#[test]
fn lines_that_are_no_records_are_told_one_by_one() {
    let delivery = Delivery::new(1, 0);
    let lines = [
        "[1]",
        "{\"nmae\":\"x\"}",
        "{\"surname\":{}}",
        "{\"fingers\":[{\"position\":\"right-index\"}]}",
        "{\"mrz\":[1]}",
        "{",
        "\u{FEFF}{}",
    ];
    let path = delivery.other("a.jsonl", lines.join("\n"));
    let report = delivery.judge(&[path], &Mapping::default(), &options(), "a").expect("judged");
    assert_eq!(rules(&report), (1..=7).map(|row| (row, "row-form")).collect::<Vec<_>>());
    let back = fs::read_to_string(delivery.output("a").rejects(1, 1)).expect("rejects");
    assert!(back.starts_with("reject_row,reject_line,reject_rules,reject_reasons,record\n1,1,row-form,"), "{back}");
    assert!(back.contains(r#"found ""nmae"""#), "{back}");
}

#[test]
fn a_delimiter_is_seen_and_a_byte_order_mark_is_none_of_the_first_column() {
    let delivery = Delivery::new(3, 0);
    let table = delivery.table();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(table.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("CSV")).collect();
    for (name, delimiter, head) in [("semicolon", b';', ""), ("tab", b'\t', "\u{FEFF}"), ("comma", b',', "\u{FEFF}")] {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).terminator(csv::Terminator::CRLF).from_writer(Vec::from(head));
        rows.iter().for_each(|row| writer.write_record(row).expect("written"));
        let path = delivery.other("other.csv", writer.into_inner().expect("flushed"));
        let report = delivery.judge(&[path], &Mapping::default(), &options(), name).expect("judged");
        assert_eq!((report.rows(), report.accepted()), (3, 3), "{name}: {}", report.to_text());
    }
}

#[test]
fn headers_and_rows_that_cannot_be_used_end_a_source() {
    let delivery = Delivery::new(1, 0);
    let mapping = Mapping::default();
    assert_eq!(
        error(&delivery.other("a.csv", ""), &mapping),
        "DIR/a.csv, line 1: expected a header with the names of the columns, found an empty file"
    );
    assert_eq!(
        error(&delivery.other("a.csv", "number,number\n"), &mapping),
        r#"DIR/a.csv, line 1: expected each column once, found "number" twice"#
    );
    assert_eq!(
        error(&delivery.other("a.csv", "number,nmae\n"), &mapping),
        r#"DIR/a.csv, line 1: expected columns with the names of our fields, or a mapping file, found "nmae""#
    );
    let mapped = Mapping::parse("m.toml", "version = 1\n[fields]\nnumber = \"so\"\n").expect("mapping");
    assert_eq!(
        error(&delivery.other("a.csv", "number,ten\n"), &mapped),
        r#"DIR/a.csv, line 1: expected the column "so" of the mapping, found number, ten"#
    );
    let too_long = "expected a row of at most 16777216 bytes that begins here, found a longer one: a quotation mark that is not closed?";
    let open_quote = format!("number,sex\n1,male\n\"{}", "x\n".repeat(10 << 20));
    assert_eq!(error(&delivery.other("a.csv", open_quote), &mapping), format!("DIR/a.csv, line 3: {too_long}"));
    let long_line = format!("{{}}\n{}", "x".repeat(17 << 20));
    assert_eq!(error(&delivery.other("a.jsonl", long_line), &mapping), format!("DIR/a.jsonl, line 2: {too_long}"));
    assert_eq!(error(&delivery.path("away.csv"), &mapping), "DIR/away.csv: No such file or directory (os error 2)");
}

#[test]
fn a_row_that_is_no_utf_8_is_one_reject_and_the_next_row_follows() {
    let delivery = Delivery::new(3, 0);
    let mut bytes = delivery.table().into_bytes();
    let second = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).expect("two lines").0 + 1;
    bytes[second] = 0xE1;
    let report = delivery.judge(&[delivery.other("a.csv", bytes)], &Mapping::default(), &options(), "a").expect("judged");
    assert_eq!((rules(&report), report.accepted()), (vec![(2, "row-form")], 2));
}

#[cfg(unix)]
#[test]
fn no_path_and_no_link_leads_out_of_the_folder() {
    let delivery = Delivery::new(5, 0);
    fs::copy(delivery.path("photos/000001.jpg"), delivery.folder.path().join("outside.jpg")).expect("copied");
    std::os::unix::fs::symlink("../../outside.jpg", delivery.path("photos/link.jpg")).expect("linked");
    let absolute = delivery.folder.path().join("outside.jpg").display().to_string();
    let mut table = delivery.table();
    for (row, path) in [(1, "../outside.jpg"), (2, absolute.as_str()), (3, "photos/link.jpg"), (4, "photos")] {
        table = table.replace(&format!("photos/{row:06}.jpg"), path);
    }
    let lenient = Options { refuse_above: Share::from_ppm(900_000).expect("90 %"), ..options() };
    let report = delivery.judge(&[delivery.other("a.csv", table)], &Mapping::default(), &lenient, "a").expect("judged");
    assert_eq!(rules(&report), [(1, "image-place"), (2, "image-place"), (3, "image-place"), (4, "image-file")]);
}

#[test]
fn an_image_of_a_mebibyte_and_more_is_not_read_and_a_small_one_is_told() {
    let delivery = Delivery::new(4, 0);
    fs::write(delivery.path("photos/000001.jpg"), vec![0; MAX_IMAGE + 1]).expect("written");
    // SOI, SOF0 (1 x 2 pixels), SOS, one byte, EOI
    let tiny = hex::decode("ffd8ffc0000b080002000101011100ffda0008010100003f0000ffd9").expect("hex");
    fs::write(delivery.path("photos/000002.jpg"), tiny).expect("written");
    let decode = Options { decode: true, ..options() };
    let report = delivery.judge(&[delivery.path("people.csv")], &Mapping::default(), &decode, "a").expect("judged");
    assert_eq!(rules(&report), [(1, "image-bytes"), (2, "image-content"), (2, "image-pixels")]);
}

#[test]
fn an_intake_file_that_was_cut_mended_or_continued_is_refused() {
    let delivery = Delivery::new(3, 0);
    delivery.judge(&[delivery.path("people.csv")], &Mapping::default(), &options(), "a").expect("judged");
    let path = delivery.output("a").accepted();
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).expect("file").permissions()) & 0o777, 0o600);
    let whole = fs::read(&path).expect("file");
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("written");
        let folder = delivery.folder.path().display().to_string();
        AcceptedFile::open(&path).expect_err("must be refused").to_string().replace(&folder, "DIR")
    };
    let body = whole.len() - whole.iter().position(|byte| *byte == b'\n').expect("a header") - 1;
    for cut in [whole.len() - 1, whole.len() - 400] {
        let left = body - (whole.len() - cut);
        assert_eq!(refused(&whole[..cut]), format!("DIR/a.intake, body: expected {body} bytes, found {left}"));
    }
    let mut mended = whole.clone();
    *mended.last_mut().expect("bytes") = b' ';
    assert!(refused(&mended).starts_with("DIR/a.intake, body: expected SHA-256 "));
    assert!(refused(&[whole.as_slice(), b"{}\n"].concat()).starts_with(&format!("DIR/a.intake, body: expected {body} bytes, found ")));
    assert!(refused(b"").starts_with("DIR/a.intake, line 1: expected the header of an intake file, found "));
    let newer = String::from_utf8(whole.clone()).expect("UTF-8").replace("\"cardwright_intake\":1", "\"cardwright_intake\":2");
    assert_eq!(refused(newer.as_bytes()), "DIR/a.intake, line 1: expected version 1, found 2");

    // a portrait that is another one than was accepted
    fs::write(&path, whole).expect("written");
    fs::copy(delivery.path("photos/000002.jpg"), delivery.path("photos/000001.jpg")).expect("copied");
    let first = AcceptedFile::open(&path).expect("whole").next().expect("three records").expect("a record");
    let problems = first.record(&profile(), today()).expect_err("another portrait");
    assert!(problems[0].to_string().ends_with("photos/000001.jpg: another image than the accepted one"), "{problems:?}");
}

/// A file of version 1 as it was first written: it stays readable.
#[test]
fn an_intake_file_of_version_1_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/intake/version-1.intake");
    let file = AcceptedFile::open(&path).expect("version 1");
    assert_eq!((file.header().today.as_str(), file.header().sources[0].name.as_str()), ("2026-11-21", "people.csv"));
    let records: Vec<Accepted> = file.map(|record| record.expect("a record")).collect();
    let told: Vec<_> = records.iter().map(|record| (record.row, record.reason, record.replaces())).collect();
    assert_eq!(told, [(1, Why::First, None), (2, Why::Lost, Some(crate::line::store::JobId(7)))]);
    assert_eq!(records[0].load("photo").map(|bytes| bytes.len()), Ok(28));
}
