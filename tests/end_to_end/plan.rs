//! `perso plan` counts what a correct planner must reach.

use std::path::Path;

use crate::support::{corpus, repository, run};

/// Every row of a table of expected counts, planned by the program.
fn agrees_with(table: &Path) {
    let text = std::fs::read_to_string(table).expect("table");
    let rows: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let rows = rows["expected"].as_array().expect("expected");
    assert!(rows.len() >= 12, "{} rows", rows.len());
    for row in rows {
        let field = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
        let mut arguments =
            vec!["perso".to_owned(), "plan".to_owned(), "--json".to_owned(), "--sizes".to_owned(), table.display().to_string()];
        arguments.extend([
            "--image".to_owned(),
            field("image"),
            "--card-profile".to_owned(),
            field("profile"),
            "--apdu".to_owned(),
            field("apdu"),
        ]);
        // a product without a secure channel has neither
        for (option, value) in [("--level", field("level")), ("--mode", field("mode"))] {
            if value != "-" {
                arguments.extend([option.to_owned(), value]);
            }
        }
        let plans = run(&arguments).expect(0).json();
        let plan = &plans[0];
        for (name, expected) in row.as_object().expect("row").iter().filter(|(name, _)| *name != "remark") {
            match (expected.as_f64(), plan[name].as_f64()) {
                (Some(expected), Some(found)) => {
                    assert!((expected - found).abs() < 1e-9, "{name}: expected {expected}, found {found}: {row}")
                }
                _ => assert_eq!(expected, &plan[name], "{name}: {row}"),
            }
        }
    }
}

#[test]
fn plans_reach_the_counts_of_the_table() {
    agrees_with(&repository("fixtures/perso/benchmark.json"));
}

#[test]
fn plans_reach_the_counts_of_the_collected_table() {
    if let Some(table) = corpus("globalplatform/perso_benchmark.json") {
        agrees_with(&table);
    }
}

#[test]
fn an_image_that_is_not_there_is_named_with_those_that_are() {
    let table = repository("fixtures/perso/benchmark.json").display().to_string();
    run(&["perso", "plan", "--sizes", &table, "--image", "nothing"]).expect(2).says(&["reference-26k", "found nothing"]);
}

#[test]
fn a_card_profile_with_an_unknown_field_is_refused_by_line() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("card.toml");
    let text = std::fs::read_to_string(repository("fixtures/profiles/eid-gp-scp03.toml")).expect("profile");
    std::fs::write(&path, text.replace("schema = 1", "schema = 1\ncolour = \"red\"")).expect("written");
    let table = repository("fixtures/perso/benchmark.json").display().to_string();
    let path = path.display().to_string();
    run(&["perso", "plan", "--sizes", &table, "--card-profile", &path]).expect(2).says(&["colour", "line 3", &path]);
}
