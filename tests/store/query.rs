//! Intake of a query: what comes of each type of column, what is refused, and that nothing is lost where it breaks off.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use ::postgres::{Client, NoTls};
use cardwright::line::intake::{self, AcceptedFile, Image, Mapping, Options, Output, PostgresSource, Row, Share, Source, SourceError};
use cardwright::people::sheet::{self, SheetOptions};
use cardwright::perso::profile::DocumentProfile;
use eid::date::Date;

use super::Postgres;

/// The columns with the names of our fields, and bytes as images.
const MAPPING: &str = r#"
version = 1
[fields]
number = "number"
surname = "surname"
birth = "birth"
sex = "sex"
live = "live"
photo = { column = "photo", as = "hex" }
"#;

fn mapping() -> Mapping {
    Mapping::parse("test", MAPPING).expect("a mapping")
}

/// A row of the mapping's columns, as SQL.
const ROW: &str = "SELECT 1::bigint AS number, 'Mẫu'::varchar AS surname, DATE '1990-02-03' AS birth, NULL::text AS sex, true AS live, \
                   '\\xFFD8'::bytea AS photo";

fn open(url: &str, query: &str) -> PostgresSource {
    PostgresSource::open(url, None, query, &mapping()).expect("a source")
}

fn refused(url: &str, query: &str) -> String {
    PostgresSource::open(url, None, query, &mapping()).expect_err("refused").to_string()
}

fn next(source: &mut PostgresSource) -> Row {
    source.next().expect("a row").expect("one more row")
}

#[test]
fn columns_come_as_text_nulls_as_nothing_and_bytes_as_digits() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    next(&mut open(&url, &format!("{ROW};")));
    let mut source = open(&url, &format!("{ROW} -- with a comment"));
    let row = next(&mut source);
    let cells: Vec<(&str, &str)> = row.cells.iter().map(|(name, cell)| (&**name, cell.as_str())).collect();
    let expected = [("birth", "1990-02-03"), ("live", "true"), ("number", "1"), ("photo", "\\xffd8"), ("surname", "Mẫu")];
    assert_eq!((cells.as_slice(), &row.fault), (expected.as_slice(), &None));
    assert_eq!(row.original, ["1", "Mẫu", "1990-02-03", "", "true", "\\xffd8"]);
    assert!(source.next().expect("the end").is_none() && source.next().expect("the end again").is_none());

    let mut client = Client::connect(&url, NoTls).expect("PostgreSQL");
    client.batch_execute("CREATE TYPE sex AS ENUM ('Nam', 'Nữ'); CREATE DOMAIN picture AS bytea").expect("types");
    let query = ROW.replace("NULL::text", "'Nữ'::sex").replace("'::bytea", "'::picture") + ", now() AS looked_at";
    let row = next(&mut open(&url, &query));
    assert_eq!((row.cells.get("sex").map(String::as_str), row.cells.get("photo").map(String::as_str)), (Some("Nữ"), Some("\\xffd8")));
}

#[test]
fn a_column_of_another_type_is_refused_before_the_first_row() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let origin = |query: &str| refused(&url, query).split_once(": ").map(|(_, text)| text.to_owned()).expect("an origin");
    for (from, to, name) in [
        ("DATE '1990-02-03'", "TIMESTAMPTZ '1990-02-03 00:00:00+07'", "timestamptz"),
        ("DATE '1990-02-03'", "'{}'::jsonb", "jsonb"),
        ("DATE '1990-02-03'", "1.5::float8", "float8"),
        ("DATE '1990-02-03'", "ARRAY['a']", "_text"),
    ] {
        let expected =
            format!("expected column \"birth\" as text, a whole number, boolean, date, uuid, or bytea; cast it in the query, found {name}");
        assert_eq!(origin(&ROW.replace(from, to)), expected);
    }
    let bytes = origin(&ROW.replace("'Mẫu'::varchar", "'\\xFFD8'::bytea"));
    assert!(bytes.starts_with("expected column \"surname\" to be an image with as = \"hex\" in the mapping file"), "{bytes}");
    assert!(origin("SELECT 'x' AS surname").starts_with("expected the column "));
    assert!(origin(&ROW.replace("number", "surname")).starts_with("expected each column once, found \"surname\" twice"));
}

#[test]
fn only_one_statement_that_reads_is_run() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let mut client = Client::connect(&url, NoTls).expect("PostgreSQL");
    client
        .batch_execute(
            "CREATE TABLE kept (number bigint); INSERT INTO kept VALUES (1);
             CREATE FUNCTION take() RETURNS text LANGUAGE sql AS $$ DELETE FROM kept RETURNING 'x' $$",
        )
        .expect("a table");
    for (query, found) in [
        (format!("{ROW}; DELETE FROM kept"), "cannot insert multiple commands"),
        ("DELETE FROM kept".to_owned(), "without columns"),
        (format!("{ROW}) AS r; DELETE FROM kept; SELECT (1"), "syntax error"),
        ("SELECT surname FROM nobody".to_owned(), "relation \"nobody\" does not exist"),
        ("SELECT".to_owned(), "without columns"),
    ] {
        let error = refused(&url, &query);
        assert!(error.contains(found), "{query}: {error}");
    }
    // what is well formed and writes is stopped by the server when it begins
    let error = match PostgresSource::open(&url, None, &ROW.replace("NULL::text", "take()"), &mapping()) {
        Ok(mut source) => source.next().expect_err("stopped"),
        Err(error) => error,
    };
    assert!(error.to_string().contains("read-only transaction"), "{error}");
    assert_eq!(client.query_one("SELECT count(*) FROM kept", &[]).expect("a count").get::<_, i64>(0), 1);
}

#[test]
fn a_row_that_is_too_long_is_a_reject_and_its_neighbours_are_read() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let query = ROW.replace("1::bigint", "n").replace("'Mẫu'::varchar", "repeat('x', CASE n WHEN 2 THEN 16777216 ELSE 1 END)")
        + " FROM generate_series(1, 4) AS n";
    let query = query.replace("'\\xFFD8'::bytea", "decode(repeat('00', CASE n WHEN 3 THEN 8388608 ELSE 1 END), 'hex')");
    let mut source = open(&url, &query);
    let faults: Vec<Option<String>> = (0..4)
        .map(|_| {
            let row = next(&mut source);
            assert_eq!(row.fault.is_some(), row.cells.is_empty());
            row.fault.map(|reason| format!("expected {}, found {}", reason.expected, reason.found))
        })
        .collect();
    let long = |bytes: u32| Some(format!("expected at most 16777216 bytes, found {bytes}"));
    assert_eq!(faults, [None, long(16_777_216 + 19), long(16_777_216 + 18), None]);
}

#[test]
fn an_error_in_the_middle_is_no_end() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let query = ROW.replace("1::bigint", "1000 / (1000 - n)") + " FROM generate_series(1, 2000) AS n";
    let mut source = open(&url, &query);
    let error = loop {
        match source.next() {
            Ok(row) => assert!(row.is_some(), "an end"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("division by zero"), "{error}");

    let query = format!("{ROW} FROM generate_series(1, 10000000) AS n");
    let mut source = open(&url, &query);
    next(&mut source);
    let mut client = Client::connect(&url, NoTls).expect("PostgreSQL");
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'cardwright intake' AND datname = current_database()";
    client.query_one(kill, &[]).expect("killed");
    let error = loop {
        match source.next() {
            Ok(row) => assert!(row.is_some(), "an end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SourceError::Database { .. }), "{error}");
}

#[test]
fn people_of_a_database_are_judged_as_those_of_a_file() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let folder = tempfile::tempdir().expect("directory");
    let people = folder.path().join("people");
    let today = Date::new(2026, 11, 21).expect("a day");
    sheet::write(&people, &SheetOptions { count: 12, defects: 0, seed: 1, faces: None, today }, &mut |_| ()).expect("people");
    let mut table = csv::Reader::from_path(people.join("people.csv")).expect("a table");
    let header: Vec<String> = table.headers().expect("a header").iter().map(str::to_owned).collect();
    let images = ["photo", "finger_right_index", "finger_left_index"];
    let is_image = |name: &str| images.contains(&name);
    let columns: Vec<String> = header.iter().map(|name| format!("{name} {}", if is_image(name) { "bytea" } else { "text" })).collect();
    let mut client = Client::connect(&url, NoTls).expect("PostgreSQL");
    client.batch_execute(&format!("CREATE TABLE people ({})", columns.join(", "))).expect("a table");
    for record in table.records() {
        let record = record.expect("a row");
        let cell = |(name, cell): (&String, &str)| match (is_image(name), cell) {
            (_, "") => "NULL".to_owned(),
            (true, path) => format!("'\\x{}'", hex::encode(std::fs::read(people.join(path)).expect("an image"))),
            (false, text) => format!("'{}'", text.replace('\'', "''")),
        };
        let cells: Vec<String> = header.iter().zip(&record).map(cell).collect();
        client.batch_execute(&format!("INSERT INTO people VALUES ({})", cells.join(", "))).expect("a row");
    }
    let field = |name: &String| {
        if is_image(name) { format!("{name} = {{ column = \"{name}\", as = \"hex\" }}\n") } else { format!("{name} = \"{name}\"\n") }
    };
    let fields: String = header.iter().map(field).collect();
    let mapping = Mapping::parse("test", &format!("version = 1\n[fields]\n{fields}")).expect("a mapping");
    let options = Options {
        today,
        issue: None,
        live: false,
        max_age: Some(365),
        decode: false,
        inline: false,
        refuse_above: Share::from_ppm(0).expect("none"),
        workers: NonZeroUsize::MIN,
    };
    let profile = DocumentProfile::load("cccd-2021").expect("built in");
    let query = PostgresSource::open(&url, None, "SELECT * FROM people ORDER BY ctid", &mapping).expect("a source");
    let file = intake::open(&people.join("people.csv"), &Mapping::default()).expect("a source");
    let mut records = Vec::new();
    for (name, source, mapping) in [("query", Box::new(query) as Box<dyn Source>, &mapping), ("file", file, &Mapping::default())] {
        let output = Output::new(folder.path(), name).expect("a name");
        let tell = &mut |_| ControlFlow::Continue(());
        let report = intake::run(&mut [source], mapping, &profile, &options, &output, None, tell).expect("a report");
        assert_eq!((report.accepted(), report.quarantined()), (12, 0));
        records.push(AcceptedFile::open(&output.accepted()).expect("a file").collect::<Result<Vec<_>, _>>().expect("records"));
    }
    let [of_query, of_file] = records.as_slice() else { panic!("two") };
    for (one, other) in of_query.iter().zip(of_file) {
        assert_eq!(one.input, other.input);
        for (name, image) in &one.images {
            assert!(matches!(image, Image::Inline(_)));
            assert_eq!(image.load().expect("bytes"), other.images[name].load().expect("bytes"), "{name}");
        }
    }
}
