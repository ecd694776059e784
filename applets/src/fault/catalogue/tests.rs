//! The table: complete, well formed, and counted.

use std::collections::BTreeMap;

use super::*;

#[test]
fn the_table_is_read_and_every_row_is_counted_by_engine_and_state() {
    let faults = parse(TABLE).unwrap_or_else(|error| panic!("{error}"));
    let mut counts: BTreeMap<(State, Engine), usize> = BTreeMap::new();
    for fault in &faults {
        *counts.entry((fault.state(), fault.engine)).or_default() += 1;
    }
    let counts: Vec<_> = counts.into_iter().map(|((state, engine), count)| (state.as_str(), engine.as_str(), count)).collect();
    let expected = [
        ("implemented", "chip", 159),
        ("implemented", "image", 199),
        ("implemented", "pki", 92),
        ("implemented", "list", 12),
        ("not-implemented", "eid", 1),
        ("not-implemented", "seal", 19),
        ("not-implemented", "lds2", 11),
        ("not-implemented", "dtc", 8),
        ("impossible", "chip", 2),
        ("impossible", "image", 1),
    ];
    assert_eq!(counts, expected);
    assert_eq!(faults.len(), 504);
    // what is not shown says why
    let silent: Vec<_> = faults.iter().filter(|fault| fault.state() != State::Implemented && fault.why_not.is_empty()).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn a_row_that_is_none_is_told_with_its_line_and_column() {
    const HEAD: &str = "id,layer,engine,fault,injection,needs,verdict,finding,why_not,note,source\n";
    let error = |row: &str| {
        let table: &'static str = Box::leak(format!("# a comment\n{HEAD}{row}\n").into_boxed_str());
        parse(table).expect_err("no row").to_string()
    };
    assert_eq!(
        error("VF-SM-1,SM,chip,x,-,,REJECT,-,,,own"),
        r#"fault catalogue, line 3: id: expected VF-GROUP-nnn, once, found "VF-SM-1""#
    );
    assert_eq!(error("VF-SM-001,SM,chip"), r#"fault catalogue, line 3: all: expected 11 cells, found "3 cells""#);
    for (row, column) in [
        ("VF-SM-001,SM,chop,x,-,,REJECT,-,,,own", "engine"),
        ("VF-SM-001,SM,chip,x,-,,MAYBE,-,,,own", "verdict"),
        ("VF-SM-001,SM,chip,,-,,REJECT,-,,,own", "fault"),
        ("VF-SM-001,SM,chip,x,sm.foo,,REJECT,-,,,own", "injection"),
        ("VF-SM-001,SM,chip,x,-,,REJECT,ca broken,,,own", "finding"),
        ("VF-SM-001,SM,chip,x,-,,REJECT,,,,own", "finding"),
    ] {
        assert!(error(row).starts_with(&format!("fault catalogue, line 3: {column}: ")), "{}", error(row));
    }
    let row = r#"VF-SM-001,SM,chip,"x, y",-,ta bac,REJECT,ca failed refused; aa quirk,,,own"#;
    let table: &'static str = Box::leak(format!("{HEAD}{row}\n").into_boxed_str());
    let fault = parse(table).expect("a row").remove(0);
    assert_eq!((fault.fault, fault.group(), fault.needs().count(), fault.findings().count()), ("x, y", "SM", 2, 2));
}

#[test]
fn a_fault_is_found_by_its_id_in_any_case() {
    assert_eq!(find("vf-sm-012").map(|fault| fault.id), Some("VF-SM-012"));
    assert_eq!(find("VF-SM-999"), None);
}
