//! The production line as its operators meet it: from a table of people to cards in the good bin, in five commands.

use std::path::Path;

use crate::support::{Ended, cardwright, ended};

mod crash;
mod renewal;

/// The program in a folder of its own.
fn run(folder: &Path, arguments: &[&str]) -> Ended {
    ended(cardwright().current_dir(folder).args(arguments).output().expect("it runs"))
}

/// People, and a test site with its store, up to a batch that is released.
fn released(folder: &Path, store: &[&str]) {
    run(folder, &["sim", "people", "people", "--count", "24", "--defects", "4"]).expect(0);
    run(folder, &[&["line", "init", "--test", "22"], store].concat()).expect(0);
    let intake = run(folder, &["line", "intake", "people/people.csv", "--refuse-above", "20", "--json"]);
    // each row with a planted defect is quarantined, and no other
    let report = std::fs::read_to_string(folder.join("line/intake/people.report.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let planted = std::fs::read_to_string(folder.join("people/defects.json")).expect("defects");
    let planted: serde_json::Value = serde_json::from_str(&planted).expect("JSON");
    assert_eq!(planted["defects"].as_array().map(Vec::len), Some(4), "{planted}");
    assert_eq!((report["accepted"].as_u64(), report["quarantined"].as_u64()), (Some(20), Some(4)), "{report}");
    intake.expect(0);
    run(folder, &["line", "prepare", "people"]).expect(0).says(&[]);
    // nothing runs that two different persons have not released
    run(folder, &["line", "release", "people", "--by", "ana", "--by", "ana"]).expect(2);
    run(folder, &["line", "release", "people", "--by", "ana", "--by", "ben"]).expect(0);
}

/// How many cards and jobs are where.
fn counts(folder: &Path) -> (u64, u64, u64) {
    let status = run(folder, &["line", "status", "--json"]).expect(0).json();
    let number = |value: &serde_json::Value| value.as_u64().unwrap_or_default();
    (number(&status["batches"][0]["counts"]["issued"]), number(&status["stock"]["good"]), number(&status["stock"]["at-line"]))
}

#[test]
fn a_table_of_people_becomes_cards_in_five_commands() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    released(folder, &[]);
    assert_eq!(counts(folder), (0, 0, 22));
    run(folder, &["line", "close", "people", "--by", "ana", "--by", "ben"]).expect(2);
    let station = ["line", "run", "--station", "one", "--reader", "sim:line/blanks", "--reader", "sim:line/blanks"];
    run(folder, &station).expect(0);
    assert_eq!(counts(folder), (20, 20, 2));
    // a second station finds nothing to do
    run(folder, &["line", "run", "--station", "two", "--reader", "sim:line/blanks"]).expect(0);
    assert_eq!(counts(folder), (20, 20, 2));
    run(folder, &["line", "reconcile"]).expect(0);
    // the report: text, JSON, and a page
    let text = run(folder, &["line", "report", "people", "--html", "people.html"]).expect(0).stdout;
    for line in [
        "jobs: 20 issued",
        "cards: 20 bound = 20 good + 0 scrapped + 0 to be counted + 0 open + 0 lost; difference 0",
        "stock: 22 received = 20 good + 0 scrapped + 0 returned + 0 samples + 0 lost + 2 blank + 0 under way",
        "attempts: 20 = 20 good + 0 scrap + 0 interrupted; 0 took up a card of an earlier one",
        "yield: 100.0 % of 20 cards, 100.0 % of 20 jobs on their first card in one go",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?} in:\n{text}");
    }
    let page = std::fs::read_to_string(folder.join("people.html")).expect("a page");
    assert!(page.contains("<h1>Batch people</h1>") && page.contains("</html>"));
    let people = std::fs::read_to_string(folder.join("people/people.csv")).expect("people");
    let numbers: Vec<_> = people.lines().skip(1).filter_map(|line| line.split(',').next()).filter(|number| number.len() == 12).collect();
    run(folder, &["line", "report", "people", "--json", "--out", "people.json"]).expect(0);
    let json = std::fs::read_to_string(folder.join("people.json")).expect("JSON");
    assert!(numbers.len() > 18 && numbers.iter().all(|number| !(text.clone() + &page + &json).contains(number)), "a personal number");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((json["difference"].as_u64(), json["readers"].as_array().map(Vec::len)), (Some(0), Some(2)), "{json}");
    run(folder, &["line", "close", "people", "--by", "ana", "--by", "ben"]).expect(0);
    // the log: signed now, found changed when somebody who can write the store has changed it
    run(folder, &["line", "audit", "sign", "--out", "checkpoints.jsonl"]).expect(0);
    let verify = ["line", "audit", "verify", "--checkpoints", "checkpoints.jsonl", "--json"];
    let intact = run(folder, &verify).expect(0).json();
    assert_eq!((intact["intact"].as_bool(), intact["chains"].as_array().map(Vec::len)), (Some(true), Some(2)), "{intact}");
    let copy = std::fs::read(folder.join("checkpoints.jsonl")).expect("checkpoints");
    let forged = String::from_utf8(copy).expect("text").replacen("\"sequence\":", "\"sequence\":1", 1);
    std::fs::write(folder.join("forged.jsonl"), forged).expect("written");
    run(folder, &["line", "audit", "verify", "--checkpoints", "forged.jsonl"]).expect(1).says(&[]);
    let good: Vec<_> = std::fs::read_dir(folder.join("line/blanks/good")).expect("a bin").collect();
    assert_eq!(good.len(), 20);
}

/// The image that was released is the one that is written: a bit changed on the disk stops the release.
#[test]
fn a_changed_image_is_not_released() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    run(folder, &["sim", "people", "people", "--count", "2"]).expect(0);
    run(folder, &["line", "init", "--test", "2"]).expect(0);
    run(folder, &["line", "intake", "people/people.csv"]).expect(0);
    run(folder, &["line", "prepare", "people"]).expect(0);
    let image = folder.join("line/images/people/000002.sealed");
    let mut bytes = std::fs::read(&image).expect("an image");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&image, bytes).expect("written");
    run(folder, &["line", "release", "people", "--by", "ana", "--by", "ben"]).expect(1).says(&["000002.sealed: expected SHA-256"]);
}
