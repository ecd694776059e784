//! A document in the place of another one: lost, expired, or changed; once, and never with a number that was cancelled.

use std::path::Path;

use super::run;

/// The rows of a table by person, from 0; each with its header.
struct Table(Vec<String>);

impl Table {
    fn read(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join("people/people.csv")).expect("a table");
        Self(text.lines().map(str::to_owned).collect())
    }

    /// Writes a table of some persons, each with a reason.
    fn write(&self, folder: &Path, name: &str, persons: &[(usize, &str)]) {
        let row = |(person, reason): &(usize, &str)| {
            let row = self.0[person + 1].replacen(",first,", &format!(",{reason},"), 1);
            // what has changed: the name of the holder
            if *reason == "changed" { row.replacen(&self.surname(*person), "Đổi", 1) } else { row }
        };
        let rows: Vec<_> = std::iter::once(self.0[0].clone()).chain(persons.iter().map(row)).collect();
        std::fs::write(folder.join(format!("people/{name}.csv")), rows.join("\n") + "\n").expect("written");
    }

    fn column(&self, person: usize, column: usize) -> String {
        self.0[person + 1].split(',').nth(column).expect("a column").to_owned()
    }

    fn number(&self, person: usize) -> String {
        self.column(person, 0)
    }

    fn surname(&self, person: usize) -> String {
        self.column(person, 2)
    }
}

/// Takes a table in; which rows were quarantined, and by which rules.
fn intake(folder: &Path, name: &str) -> Vec<(u64, String)> {
    let taken = run(folder, &["line", "intake", &format!("people/{name}.csv"), "--refuse-above", "100"]);
    // 1: a delivery without one good record is refused as a whole
    assert!(matches!(taken.code, 0 | 1), "{taken:?}");
    let rejects = std::fs::read_to_string(folder.join(format!("line/intake/{name}.rejects.csv"))).unwrap_or_default();
    let row = |line: &str| {
        let mut cells = line.split(',');
        let number = cells.next().and_then(|cell| cell.parse().ok()).expect("a row");
        (number, cells.nth(1).expect("rules").to_owned())
    };
    rejects.lines().skip(1).map(row).collect()
}

fn issued(folder: &Path, batch: &str) {
    run(folder, &["line", "release", batch, "--by", "ana", "--by", "ben"]).expect(0);
    run(folder, &["line", "run", "--station", "one", "--reader", "sim:line/blanks"]).expect(0);
}

fn jobs(folder: &Path, batch: &str) -> serde_json::Value {
    run(folder, &["line", "report", batch, "--json"]).json()["jobs"].clone()
}

#[test]
fn a_lost_an_expired_and_a_changed_document_are_replaced_once_and_a_cancelled_number_never_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    run(folder, &["sim", "people", "people", "--count", "7"]).expect(0);
    let people = Table::read(folder);
    run(folder, &["line", "init", "--test", "14"]).expect(0);
    assert_eq!(intake(folder, "people"), []);
    run(folder, &["line", "prepare", "people"]).expect(0);

    // nothing is replaced that is not issued yet, whatever the reason
    people.write(folder, "early", &[(0, "lost")]);
    assert_eq!(intake(folder, "early"), [(1, "live-document".to_owned())]);
    issued(folder, "people");

    // four have a reason, one has none; a table of the same day asks for the first one again
    people.write(folder, "second", &[(0, "lost"), (1, "renewal"), (2, "changed"), (3, "first"), (4, "damaged")]);
    people.write(folder, "twice", &[(0, "lost"), (5, "first")]);
    assert_eq!(intake(folder, "second"), [(4, "live-document".to_owned())]);
    assert_eq!(intake(folder, "twice"), [(2, "live-document".to_owned())]);

    // a cancelled number, between intake and preparation: the store has the last word
    std::fs::write(folder.join("numbers.txt"), people.number(5)).expect("written");
    let cancel = ["line", "cancel", "numbers", "numbers.txt", "--reason", "given twice"];
    run(folder, &cancel).expect(2);
    run(folder, &[&cancel[..], &["--by", "ana", "--by", "ana"]].concat()).expect(2);
    people.write(folder, "later", &[(5, "renewal"), (6, "renewal")]);
    assert_eq!(intake(folder, "later"), []);
    run(folder, &[&cancel[..], &["--by", "ana", "--by", "ben"]].concat()).expect(0);
    run(folder, &["line", "prepare", "later"]).expect(2).says(&["a number that was not cancelled"]);
    people.write(folder, "after", &[(5, "lost"), (6, "lost")]);
    assert_eq!(intake(folder, "after"), [(1, "cancelled-number".to_owned())]);
    let untouched = serde_json::json!({ "issued": 7 });
    assert_eq!(jobs(folder, "people"), untouched, "a batch that is refused replaces nothing");

    // the old documents are replaced with the batch that replaces them, before its cards are made
    run(folder, &["line", "prepare", "second"]).expect(0);
    assert_eq!(jobs(folder, "people"), serde_json::json!({ "issued": 3, "replaced": 4 }));
    run(folder, &["line", "prepare", "twice"]).expect(2).says(&["expected issued, found replaced"]);
    // lost again while the new one is made: it is in production, and is made first
    people.write(folder, "again", &[(0, "lost"), (1, "lost")]);
    assert_eq!(intake(folder, "again"), [(1, "live-document".to_owned()), (2, "live-document".to_owned())]);

    // a job that is not to be made after all; its person has no document then, and can be taken in as at first
    let job = ["line", "cancel", "job", "second", "2", "--reason", "renounced", "--by", "ana", "--by", "ben"];
    run(folder, &job).expect(0);
    run(folder, &job).expect(2).says(&["found cancelled"]);
    issued(folder, "second");
    assert_eq!(jobs(folder, "second"), serde_json::json!({ "issued": 3, "cancelled": 1 }));
    people.write(folder, "third", &[(0, "lost"), (1, "first")]);
    assert_eq!(intake(folder, "third"), []);
    run(folder, &["line", "prepare", "third"]).expect(0);
    issued(folder, "third");
    assert_eq!(jobs(folder, "second"), serde_json::json!({ "issued": 2, "replaced": 1, "cancelled": 1 }));

    // every batch adds up, and closing one signs the log
    for batch in ["people", "second", "third"] {
        run(folder, &["line", "report", batch]).expect(0);
        let out = ["line", "close", batch, "--by", "ana", "--by", "ben", "--checkpoints", "checkpoints.jsonl", "--json"];
        assert_eq!(run(folder, &out).expect(0).json()["chains_signed"], 2);
    }
    let verify = ["line", "audit", "verify", "--checkpoints", "checkpoints.jsonl", "--json"];
    let audit = run(folder, &verify).expect(0).json();
    assert!(audit["chains"].as_array().expect("chains").iter().all(|chain| chain["signed"] == chain["entries"]), "{audit}");
}
